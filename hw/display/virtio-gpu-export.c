/*
 * virtio-gpu: resources as objects that other virtio devices can look up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-export.h"
#include "hw/virtio/virtio-gpu-resource-uuid.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"
#include "standard-headers/drm/drm_fourcc.h"

/* virtio and pixman count bytes as they lie in memory, DRM as little endian */
uint32_t virtio_gpu_format_to_fourcc(uint32_t format)
{
    switch (format) {
    case VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM:
        return DRM_FORMAT_ARGB8888;
    case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
        return DRM_FORMAT_XRGB8888;
    case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
        return DRM_FORMAT_BGRA8888;
    case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
        return DRM_FORMAT_BGRX8888;
    case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
        return DRM_FORMAT_ABGR8888;
    case VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM:
        return DRM_FORMAT_RGBX8888;
    case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
        return DRM_FORMAT_RGBA8888;
    case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
        return DRM_FORMAT_XBGR8888;
    default:
        return DRM_FORMAT_INVALID;
    }
}

static struct virtio_gpu_simple_resource *
virtio_gpu_export_find(VirtIOGPU *g, const QemuUUID *uuid)
{
    QemuUUID *found = virtio_gpu_uuid_table_find(g->uuid_table, uuid);

    return found ? container_of(found, struct virtio_gpu_simple_resource, uuid)
                 : NULL;
}

static const char *
virtio_gpu_resource_describe(VirtIOGPU *g,
                             struct virtio_gpu_simple_resource *res,
                             VirtIOExportObject *object)
{
    const char *obstacle = res->image ? NULL : virtio_gpu_blob_obstacle(res);

    if (obstacle) {
        return obstacle;
    }
    if (res->image) {
        virtio_gpu_image_describe(res, object);
    } else {
        virtio_gpu_blob_describe(g, res, object);
    }
    return NULL;
}

static bool
virtio_gpu_resource_export(VirtIOGPU *g, struct virtio_gpu_simple_resource *res,
                           VirtIOExportObject *object, Error **errp)
{
    const char *obstacle = virtio_gpu_resource_describe(g, res, object);

    if (obstacle) {
        error_setg(errp, "%s", obstacle);
        return false;
    }
    return res->image ? virtio_gpu_image_export(res, object, errp)
                      : virtio_gpu_blob_export(res, object, errp);
}

static VirtIOExportStatus virtio_gpu_export(VirtIOExporter *exporter,
                                            const QemuUUID *uuid,
                                            VirtIOExportObject *object,
                                            Error **errp)
{
    VirtIOGPU *g = VIRTIO_GPU(exporter);
    struct virtio_gpu_simple_resource *res = virtio_gpu_export_find(g, uuid);

    if (!res) {
        return VIRTIO_EXPORT_UNKNOWN;
    }
    return VIRTIO_GPU_GET_CLASS(g)->resource_export(g, res, object, errp)
           ? VIRTIO_EXPORT_DONE : VIRTIO_EXPORT_FAILED;
}

static void virtio_gpu_export_tell(VirtIOGPU *g,
                                   struct virtio_gpu_simple_resource *res,
                                   VirtIOExportFn *fn, void *opaque)
{
    VirtIOExportInfo info = {
        .exporter = VIRTIO_EXPORTER(g),
        .owner = OBJECT(g),
        .uuid = &res->uuid,
        .has_id = true,
        .id = res->resource_id,
    };

    virtio_export_object_init(&info.object);
    info.obstacle = VIRTIO_GPU_GET_CLASS(g)->resource_describe(g, res,
                                                               &info.object);
    fn(&info, opaque);
}

static void virtio_gpu_export_foreach(VirtIOExporter *exporter,
                                      const QemuUUID *uuid,
                                      VirtIOExportFn *fn, void *opaque)
{
    VirtIOGPU *g = VIRTIO_GPU(exporter);
    struct virtio_gpu_simple_resource *res;

    if (uuid) {
        res = virtio_gpu_export_find(g, uuid);
        if (res) {
            virtio_gpu_export_tell(g, res, fn, opaque);
        }
        return;
    }
    QTAILQ_FOREACH(res, &g->reslist, next) {
        if (!qemu_uuid_is_null(&res->uuid)) {
            virtio_gpu_export_tell(g, res, fn, opaque);
        }
    }
}

void virtio_gpu_export_class_init(ObjectClass *klass)
{
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_CLASS(klass);
    VirtIOGPUClass *vgc = VIRTIO_GPU_CLASS(klass);

    vec->export = virtio_gpu_export;
    vec->foreach = virtio_gpu_export_foreach;
    vgc->resource_describe = virtio_gpu_resource_describe;
    vgc->resource_export = virtio_gpu_resource_export;
}

void virtio_gpu_export_register(VirtIOGPU *g)
{
    GLOBAL_STATE_CODE();

    if (g->uuid_table) {
        virtio_exporter_register(VIRTIO_EXPORTER(g));
    }
}

void virtio_gpu_export_finalize(Object *obj)
{
    virtio_exporter_unregister(VIRTIO_EXPORTER(obj));
    virtio_gpu_resource_uuid_finalize(obj);
}
