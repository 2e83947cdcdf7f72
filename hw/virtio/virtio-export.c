/*
 * Objects that virtio devices export to one another
 *
 * Every look-up goes through here, whoever asks.  Nothing is kept about
 * objects: exporters are asked one after the other, and each has an index of
 * its own.  So there is nothing to keep in step with resets, migration and
 * unplugged devices.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/queue.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-export.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "trace.h"

typedef struct Registration {
    VirtIOExporter *exporter;
    QTAILQ_ENTRY(Registration) next;
} Registration;

static QTAILQ_HEAD(, Registration) registrations =
    QTAILQ_HEAD_INITIALIZER(registrations);

static VirtIOExporterClass *exporter_class(VirtIOExporter *exporter)
{
    return VIRTIO_EXPORTER_GET_CLASS(exporter);
}

void virtio_exporter_register(VirtIOExporter *exporter)
{
    Registration *new = g_new(Registration, 1);

    GLOBAL_STATE_CODE();

    trace_virtio_exporter_register(exporter);
    new->exporter = exporter;
    if (exporter_class(exporter)->asked_last) {
        QTAILQ_INSERT_TAIL(&registrations, new, next);
    } else {
        QTAILQ_INSERT_HEAD(&registrations, new, next);
    }
}

void virtio_exporter_unregister(VirtIOExporter *exporter)
{
    Registration *it, *next;

    GLOBAL_STATE_CODE();

    QTAILQ_FOREACH_SAFE(it, &registrations, next, next) {
        if (it->exporter == exporter) {
            trace_virtio_exporter_unregister(exporter);
            QTAILQ_REMOVE(&registrations, it, next);
            g_free(it);
        }
    }
}

void virtio_export_object_init(VirtIOExportObject *object)
{
    *object = (VirtIOExportObject) {
        .fd = -1,
        .modifier = DRM_FORMAT_MOD_INVALID,
    };
}

void virtio_export_object_close(VirtIOExportObject *object)
{
    if (object->fd >= 0) {
        close(object->fd);
    }
    virtio_export_object_init(object);
}

char *virtio_export_format_name(uint32_t fourcc)
{
    char *name = g_strdup_printf("%c%c%c%c", fourcc & 0xff, fourcc >> 8 & 0xff,
                                 fourcc >> 16 & 0xff, fourcc >> 24);

    return g_strcanon(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "abcdefghijklmnopqrstuvwxyz0123456789 ", '?');
}

static VirtIOExportStatus virtio_export_ask(const QemuUUID *uuid,
                                            VirtIOExportObject *object,
                                            Error **errp)
{
    VirtIOExportStatus status;
    Registration *it;

    QTAILQ_FOREACH(it, &registrations, next) {
        virtio_export_object_init(object);
        status = exporter_class(it->exporter)->export(it->exporter, uuid,
                                                      object, errp);
        assert((status == VIRTIO_EXPORT_DONE) == (object->fd >= 0));
        assert(object->num_planes <= VIRTIO_EXPORT_MAX_PLANES);
        if (status != VIRTIO_EXPORT_UNKNOWN) {
            return status;
        }
    }
    return VIRTIO_EXPORT_UNKNOWN;
}

static void virtio_export_trace(const QemuUUID *uuid,
                                const VirtIOExportObject *object)
{
    g_autofree char *text = NULL;

    if (trace_event_get_state_backends(TRACE_VIRTIO_EXPORT_LOOKUP)) {
        text = qemu_uuid_unparse_strdup(uuid);
        if (object->bottom_up) {
            trace_virtio_export_lookup_bottom_up(text);
        }
        trace_virtio_export_lookup(text, object->kind, object->size,
                                   object->width, object->height,
                                   object->fourcc, object->modifier,
                                   object->num_planes, object->strides[0],
                                   object->offsets[0]);
    }
}

bool virtio_export_lookup(const QemuUUID *uuid, VirtIOExportObject *object,
                          Error **errp)
{
    ERRP_GUARD();
    VirtIOExportStatus status;
    g_autofree char *text = NULL;

    GLOBAL_STATE_CODE();

    status = virtio_export_ask(uuid, object, errp);
    if (status == VIRTIO_EXPORT_DONE) {
        virtio_export_trace(uuid, object);
        return true;
    }

    text = qemu_uuid_unparse_strdup(uuid);
    if (status == VIRTIO_EXPORT_FAILED) {
        error_prepend(errp, "cannot export the object with UUID %s: ", text);
    } else {
        error_setg(errp, "no device exports an object with UUID %s", text);
    }
    trace_virtio_export_lookup_failed(error_get_pretty(*errp));
    return false;
}

static void virtio_export_walk(const QemuUUID *uuid, VirtIOExportFn *fn,
                               void *opaque)
{
    Registration *it;

    QTAILQ_FOREACH(it, &registrations, next) {
        exporter_class(it->exporter)->foreach(it->exporter, uuid, fn, opaque);
    }
}

static void virtio_export_note(const VirtIOExportInfo *info, void *opaque)
{
    bool *found = opaque;

    *found = true;
}

bool virtio_export_exists(const QemuUUID *uuid)
{
    bool found = false;

    GLOBAL_STATE_CODE();

    virtio_export_walk(uuid, virtio_export_note, &found);
    return found;
}

void virtio_export_foreach(VirtIOExportFn *fn, void *opaque)
{
    GLOBAL_STATE_CODE();

    virtio_export_walk(NULL, fn, opaque);
}

static const TypeInfo virtio_exporter_info = {
    .name = TYPE_VIRTIO_EXPORTER,
    .parent = TYPE_INTERFACE,
    .class_size = sizeof(VirtIOExporterClass),
};

static void virtio_export_register_types(void)
{
    type_register_static(&virtio_exporter_info);
}

type_init(virtio_export_register_types)
