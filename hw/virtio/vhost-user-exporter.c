/*
 * Objects that vhost-user back-ends export to other devices
 *
 * This is the index of the objects: which back-end has which UUID.  One
 * exporter serves all back-ends.  The back-ends keep the file descriptors:
 * each lookup asks the back-end for one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "hw/virtio/vhost-user.h"
#include "hw/virtio/vhost-user-exporter.h"
#include "hw/virtio/virtio-export-compat.h"
#include "hw/virtio/virtio-export-info.h"
#include "qom/object.h"

#define TYPE_VHOST_USER_EXPORTER "vhost-user-exporter"
OBJECT_DECLARE_SIMPLE_TYPE(VhostUserExporter, VHOST_USER_EXPORTER)

typedef struct SharedObject {
    QemuUUID uuid;
    struct vhost_dev *dev;
} SharedObject;

struct VhostUserExporter {
    Object parent_obj;

    GHashTable *objects;    /* set of SharedObject, by UUID */
};

/* Created with the first object, and never freed */
static VhostUserExporter *the_exporter;

static gboolean vhost_user_uuid_equal(gconstpointer lhs, gconstpointer rhs)
{
    return qemu_uuid_is_equal(lhs, rhs);
}

static void vhost_user_exporter_make(void)
{
    if (!the_exporter) {
        the_exporter = VHOST_USER_EXPORTER(
            object_new(TYPE_VHOST_USER_EXPORTER));
        virtio_exporter_register(VIRTIO_EXPORTER(the_exporter));
    }
}

/* Return: device of the back-end that has the object; NULL if there is none */
static struct vhost_dev *vhost_user_exporter_owner(const QemuUUID *uuid)
{
    SharedObject *found = the_exporter
                          ? g_hash_table_lookup(the_exporter->objects, uuid)
                          : NULL;

    return found ? found->dev : NULL;
}

/* RFC 9562 reserves two UUIDs that identify nothing: Nil and Max */
static bool vhost_user_uuid_is_reserved(const QemuUUID *uuid)
{
    static const QemuUUID max = { .data = { [0 ... 15] = 0xff } };

    return qemu_uuid_is_null(uuid) || qemu_uuid_is_equal(uuid, &max);
}

bool vhost_user_exporter_add(struct vhost_dev *dev, const QemuUUID *uuid)
{
    VhostUserState *user = vhost_user_get_state(dev);
    SharedObject *new;

    GLOBAL_STATE_CODE();

    if (vhost_user_uuid_is_reserved(uuid) ||
        vhost_user_asks_broken(user->asks) ||
        user->num_shared_objects >= VHOST_USER_MAX_SHARED_OBJECTS ||
        virtio_export_exists(uuid)) {
        return false;
    }
    vhost_user_exporter_make();
    new = g_new(SharedObject, 1);
    new->uuid = *uuid;
    new->dev = dev;
    g_hash_table_add(the_exporter->objects, new);
    user->num_shared_objects++;
    return true;
}

bool vhost_user_exporter_remove(struct vhost_dev *dev, const QemuUUID *uuid)
{
    GLOBAL_STATE_CODE();

    if (vhost_user_exporter_owner(uuid) != dev) {
        return false;
    }
    g_hash_table_remove(the_exporter->objects, uuid);
    vhost_user_get_state(dev)->num_shared_objects--;
    return true;
}

static gboolean vhost_user_object_is_of(gpointer object, gpointer value,
                                        gpointer dev)
{
    return ((SharedObject *)object)->dev == dev;
}

void vhost_user_exporter_drop(struct vhost_dev *dev)
{
    VhostUserState *user = vhost_user_get_state(dev);

    GLOBAL_STATE_CODE();

    if (user->num_shared_objects) {
        user->num_shared_objects -= g_hash_table_foreach_remove(
            the_exporter->objects, vhost_user_object_is_of, dev);
    }
    vhost_user_asks_drop(dev);
}

static bool vhost_user_exists(VirtIOExporter *exporter, const QemuUUID *uuid)
{
    return vhost_user_exporter_owner(uuid);
}

static VirtIOExportStatus vhost_user_export(VirtIOExporter *exporter,
                                            VirtIOExportLookup *lookup,
                                            VirtIOExportObject *object,
                                            Error **errp)
{
    struct vhost_dev *dev =
        vhost_user_exporter_owner(virtio_export_lookup_uuid(lookup));

    if (!dev) {
        return VIRTIO_EXPORT_UNKNOWN;
    }
    return vhost_user_ask(dev, lookup, errp) ? VIRTIO_EXPORT_PENDING
                                             : VIRTIO_EXPORT_FAILED;
}

static void vhost_user_export_cancel(VirtIOExporter *exporter,
                                     VirtIOExportLookup *lookup)
{
    vhost_user_ask_cancel(lookup);
}

static void vhost_user_export_tell(VirtIOExporter *exporter,
                                   const SharedObject *shared,
                                   VirtIOExportInfoFn *fn, void *opaque)
{
    VhostUserState *user = vhost_user_get_state(shared->dev);
    VirtIOExportInfo info = {
        .exporter = exporter,
        .owner = OBJECT(qemu_chr_fe_get_driver(user->chr)),
        .uuid = &shared->uuid,
    };

    virtio_export_object_init(&info.object);
    fn(&info, opaque);
}

static void vhost_user_export_foreach(VirtIOExporter *exporter,
                                      const QemuUUID *uuid,
                                      VirtIOExportInfoFn *fn, void *opaque)
{
    GHashTable *objects = VHOST_USER_EXPORTER(exporter)->objects;
    SharedObject *object;
    GHashTableIter iter;

    if (uuid) {
        object = g_hash_table_lookup(objects, uuid);
        if (object) {
            vhost_user_export_tell(exporter, object, fn, opaque);
        }
        return;
    }
    g_hash_table_iter_init(&iter, objects);
    while (g_hash_table_iter_next(&iter, (gpointer *)&object, NULL)) {
        vhost_user_export_tell(exporter, object, fn, opaque);
    }
}

static void vhost_user_exporter_init(Object *obj)
{
    VHOST_USER_EXPORTER(obj)->objects = g_hash_table_new_full(
        qemu_uuid_hash, vhost_user_uuid_equal, g_free, NULL);
}

static void vhost_user_exporter_class_init(ObjectClass *klass,
                                           VirtIOExportClassData *data)
{
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_CLASS(klass);

    vec->asked_last = true;
    vec->exists = vhost_user_exists;
    vec->export = vhost_user_export;
    vec->cancel = vhost_user_export_cancel;
    vec->foreach = vhost_user_export_foreach;
}

static const TypeInfo vhost_user_exporter_info = {
    .name = TYPE_VHOST_USER_EXPORTER,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(VhostUserExporter),
    .instance_init = vhost_user_exporter_init,
    .class_init = vhost_user_exporter_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_VIRTIO_EXPORTER },
        { }
    },
};

static void vhost_user_exporter_register_types(void)
{
    type_register_static(&vhost_user_exporter_info);
}

type_init(vhost_user_exporter_register_types)
