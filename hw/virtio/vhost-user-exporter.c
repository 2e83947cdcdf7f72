/*
 * Objects that vhost-user back-ends export to other devices
 *
 * virtio-dmabuf.c has the index of them; this makes it an exporter, one for
 * all back-ends.  A back-end keeps the descriptors itself, and is asked for
 * one at each look-up.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "hw/virtio/vhost-backend.h"
#include "hw/virtio/vhost-user-exporter.h"
#include "hw/virtio/virtio-dmabuf.h"
#include "hw/virtio/virtio-export.h"
#include "hw/virtio/virtio-export-compat.h"
#include "qom/object.h"

#define TYPE_VHOST_USER_EXPORTER "vhost-user-exporter"
OBJECT_DECLARE_SIMPLE_TYPE(VhostUserExporter, VHOST_USER_EXPORTER)

struct VhostUserExporter {
    Object parent_obj;

    GHashTable *counts; /* struct vhost_dev * to number of its objects */
};

/* Made when the first object comes, and kept */
static VhostUserExporter *the_exporter;

static void vhost_user_exporter_make(void)
{
    if (!the_exporter) {
        the_exporter = VHOST_USER_EXPORTER(
            object_new(TYPE_VHOST_USER_EXPORTER));
        virtio_exporter_register(VIRTIO_EXPORTER(the_exporter));
    }
}

static unsigned int vhost_user_exporter_count(struct vhost_dev *dev)
{
    return the_exporter
           ? GPOINTER_TO_UINT(g_hash_table_lookup(the_exporter->counts, dev))
           : 0;
}

static void vhost_user_exporter_set_count(struct vhost_dev *dev,
                                          unsigned int count)
{
    GHashTable *counts = the_exporter->counts;

    if (count) {
        g_hash_table_insert(counts, dev, GUINT_TO_POINTER(count));
    } else {
        g_hash_table_remove(counts, dev);
    }
}

bool vhost_user_exporter_add(struct vhost_dev *dev, const QemuUUID *uuid)
{
    unsigned int count = vhost_user_exporter_count(dev);

    GLOBAL_STATE_CODE();

    if (qemu_uuid_is_null(uuid) || count >= VHOST_USER_MAX_SHARED_OBJECTS ||
        virtio_export_exists(uuid) || !virtio_add_vhost_device(uuid, dev)) {
        return false;
    }
    vhost_user_exporter_make();
    vhost_user_exporter_set_count(dev, count + 1);
    return true;
}

bool vhost_user_exporter_remove(struct vhost_dev *dev, const QemuUUID *uuid)
{
    GLOBAL_STATE_CODE();

    if (virtio_lookup_vhost_device(uuid) != dev ||
        !virtio_remove_resource(uuid)) {
        return false;
    }
    vhost_user_exporter_set_count(dev, vhost_user_exporter_count(dev) - 1);
    return true;
}

void vhost_user_exporter_drop(struct vhost_dev *dev)
{
    GLOBAL_STATE_CODE();

    if (vhost_user_exporter_count(dev)) {
        virtio_remove_vhost_device(dev);
        vhost_user_exporter_set_count(dev, 0);
    }
}

static VirtIOExportStatus vhost_user_export(VirtIOExporter *exporter,
                                            const QemuUUID *uuid,
                                            VirtIOExportObject *object,
                                            Error **errp)
{
    switch (virtio_object_type(uuid)) {
    case TYPE_VHOST_DEV:
        object->fd = vhost_user_get_shared_object(
            virtio_lookup_vhost_device(uuid), uuid, errp);
        break;
    case TYPE_DMABUF:
        object->kind = VIRTIO_EXPORT_KIND_DMABUF;
        object->fd = qemu_dup(virtio_lookup_dmabuf(uuid));
        if (object->fd < 0) {
            error_setg_errno(errp, errno, "cannot duplicate its descriptor");
        }
        break;
    default:
        return VIRTIO_EXPORT_UNKNOWN;
    }
    return object->fd < 0 ? VIRTIO_EXPORT_FAILED : VIRTIO_EXPORT_DONE;
}

typedef struct VhostUserExportWalk {
    VirtIOExporter *exporter;
    VirtIOExportFn *fn;
    void *opaque;
} VhostUserExportWalk;

static void vhost_user_export_tell(gpointer uuid, gpointer value,
                                   gpointer opaque)
{
    VirtioSharedObject *shared = value;
    VhostUserExportWalk *walk = opaque;
    VirtIOExportInfo info = {
        .exporter = walk->exporter,
        .owner = OBJECT(walk->exporter),
        .uuid = uuid,
    };

    virtio_export_object_init(&info.object);
    if (shared->type == TYPE_VHOST_DEV) {
        info.owner = OBJECT(vhost_user_get_chardev(shared->value));
    } else {
        info.object.kind = VIRTIO_EXPORT_KIND_DMABUF;
    }
    walk->fn(&info, walk->opaque);
}

static void vhost_user_export_foreach(VirtIOExporter *exporter,
                                      const QemuUUID *uuid,
                                      VirtIOExportFn *fn, void *opaque)
{
    VhostUserExportWalk walk = {
        .exporter = exporter,
        .fn = fn,
        .opaque = opaque,
    };

    VirtioSharedObject shared;

    if (!uuid) {
        virtio_foreach_resource(vhost_user_export_tell, &walk);
        return;
    }
    shared.type = virtio_object_type(uuid);
    shared.value = virtio_lookup_vhost_device(uuid);
    if (shared.type != TYPE_INVALID) {
        vhost_user_export_tell((gpointer)uuid, &shared, &walk);
    }
}

static void vhost_user_exporter_init(Object *obj)
{
    VHOST_USER_EXPORTER(obj)->counts = g_hash_table_new(NULL, NULL);
}

static void vhost_user_exporter_finalize(Object *obj)
{
    virtio_exporter_unregister(VIRTIO_EXPORTER(obj));
    g_hash_table_destroy(VHOST_USER_EXPORTER(obj)->counts);
}

static void vhost_user_exporter_class_init(ObjectClass *klass,
                                           VirtIOExportClassData *data)
{
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_CLASS(klass);

    vec->asked_last = true;
    vec->export = vhost_user_export;
    vec->foreach = vhost_user_export_foreach;
}

static const TypeInfo vhost_user_exporter_info = {
    .name = TYPE_VHOST_USER_EXPORTER,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(VhostUserExporter),
    .instance_init = vhost_user_exporter_init,
    .instance_finalize = vhost_user_exporter_finalize,
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
