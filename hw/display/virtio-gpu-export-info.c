/*
 * virtio-gpu: what the monitor shows of resources that have a UUID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-export-info.h"
#include "hw/virtio/virtio-gpu-export.h"
#include "hw/virtio/virtio-gpu-export-info.h"

static const char *
virtio_gpu_export_info_describe(VirtIOGPU *g,
                                struct virtio_gpu_simple_resource *res,
                                VirtIOExportObject *object)
{
    const char *reason = res->image ? NULL
                                    : virtio_gpu_blob_unavailable_reason(res);

    if (res->image) {
        virtio_gpu_image_describe(res, object);
    } else if (!reason) {
        virtio_gpu_blob_describe(g, res, object);
    }
    return reason;
}

/* Casts are slow: none is needed for objects that are not described */
static void virtio_gpu_export_info_tell(VirtIOExporter *exporter,
                                        struct virtio_gpu_simple_resource *res,
                                        bool describe, VirtIOExportInfoFn *fn,
                                        void *opaque)
{
    VirtIOExportInfo info = {
        .exporter = exporter,
        .owner = OBJECT(exporter),
        .uuid = &res->uuid,
        .has_id = true,
        .id = res->resource_id,
    };
    VirtIOGPU *g;

    virtio_export_object_init(&info.object);
    if (describe) {
        g = VIRTIO_GPU(exporter);
        info.unavailable_reason =
            VIRTIO_GPU_GET_CLASS(g)->resource_describe(g, res, &info.object);
    }
    fn(&info, opaque);
}

static void virtio_gpu_export_info_foreach(VirtIOExporter *exporter,
                                           const QemuUUID *uuid,
                                           VirtIOExportInfoFn *fn, void *opaque)
{
    VirtIOGPU *g = VIRTIO_GPU(exporter);
    struct virtio_gpu_simple_resource *res;

    if (uuid) {
        res = virtio_gpu_export_find(g, uuid);
        if (res) {
            virtio_gpu_export_info_tell(exporter, res, true, fn, opaque);
        }
        return;
    }
    QTAILQ_FOREACH(res, &g->reslist, next) {
        if (!qemu_uuid_is_null(&res->uuid)) {
            virtio_gpu_export_info_tell(exporter, res, false, fn, opaque);
        }
    }
}

void virtio_gpu_export_info_class_init(ObjectClass *klass)
{
    VIRTIO_EXPORTER_CLASS(klass)->foreach = virtio_gpu_export_info_foreach;
    VIRTIO_GPU_CLASS(klass)->resource_describe =
        virtio_gpu_export_info_describe;
}
