/*
 * virtio-gpu: resources as objects that other virtio devices can look up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu-export.h"
#include "hw/virtio/virtio-gpu-resource-uuid.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"

struct virtio_gpu_simple_resource *
virtio_gpu_export_find(VirtIOGPU *g, const QemuUUID *uuid)
{
    QemuUUID *found = virtio_gpu_uuid_table_find(g->uuid_table, uuid);

    return found ? container_of(found, struct virtio_gpu_simple_resource, uuid)
                 : NULL;
}

static bool virtio_gpu_export_exists(VirtIOExporter *exporter,
                                     const QemuUUID *uuid)
{
    return virtio_gpu_export_find(VIRTIO_GPU(exporter), uuid);
}

static VirtIOExportStatus virtio_gpu_export(VirtIOExporter *exporter,
                                            VirtIOExportLookup *lookup,
                                            VirtIOExportObject *object,
                                            Error **errp)
{
    VirtIOGPU *g = VIRTIO_GPU(exporter);
    struct virtio_gpu_simple_resource *res =
        virtio_gpu_export_find(g, virtio_export_lookup_uuid(lookup));

    return res ? VIRTIO_GPU_GET_CLASS(g)->resource_export(g, res, object, errp)
               : VIRTIO_EXPORT_UNKNOWN;
}

static VirtIOExportStatus
virtio_gpu_resource_export(VirtIOGPU *g, struct virtio_gpu_simple_resource *res,
                           VirtIOExportObject *object, Error **errp)
{
    bool done = res->image ? virtio_gpu_image_export(res, object, errp)
                           : virtio_gpu_blob_export(g, res, object, errp);

    return done ? VIRTIO_EXPORT_DONE : VIRTIO_EXPORT_FAILED;
}

void virtio_gpu_export_class_init(ObjectClass *klass)
{
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_CLASS(klass);

    vec->exists = virtio_gpu_export_exists;
    vec->export = virtio_gpu_export;
    VIRTIO_GPU_CLASS(klass)->resource_export = virtio_gpu_resource_export;
}

void virtio_gpu_export_realize(VirtIOGPU *g)
{
    if (g->uuid_table) {
        virtio_exporter_register(VIRTIO_EXPORTER(g));
    }
}

void virtio_gpu_export_unrealize(VirtIOGPU *g)
{
    if (g->uuid_table) {
        virtio_exporter_unregister(VIRTIO_EXPORTER(g));
        virtio_gpu_resource_uuid_finalize(OBJECT(g));
    }
}
