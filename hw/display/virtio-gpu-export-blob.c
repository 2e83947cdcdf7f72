/*
 * virtio-gpu: export of a blob's memory, which is guest memory, as a dma-buf
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-export.h"
#include "hw/virtio/virtio-gpu-fourcc.h"
#include "hw/virtio/virtio-gpu-pixman.h"
#include "standard-headers/drm/drm_fourcc.h"

/* The scanout has the geometry of a blob that is shown */
static const struct virtio_gpu_scanout *
virtio_gpu_blob_scanout(const VirtIOGPU *g,
                        const struct virtio_gpu_simple_resource *res)
{
    return res->scanout_bitmask
           ? &g->parent_obj.scanout[ctz32(res->scanout_bitmask)] : NULL;
}

static uint32_t virtio_gpu_pixman_to_fourcc(pixman_format_code_t pixman_format)
{
    uint32_t format;

    for (format = VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM;
         format <= VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM; format++) {
        if (virtio_gpu_get_pixman_format(format) == pixman_format) {
            return virtio_gpu_format_to_fourcc(format);
        }
    }
    return DRM_FORMAT_INVALID;
}

/* Return: start of the framebuffer; fb->offset is the start of the scanout */
static uint32_t virtio_gpu_fb_start(const struct virtio_gpu_scanout *scanout)
{
    const struct virtio_gpu_framebuffer *fb = &scanout->fb;

    return fb->offset - scanout->y * fb->stride -
           scanout->x * DIV_ROUND_UP(PIXMAN_FORMAT_BPP(fb->format), 8);
}

const char *
virtio_gpu_blob_unavailable_reason(const struct virtio_gpu_simple_resource *res)
{
    if (!res->iov_cnt) {
        return "the blob has no backing";
    }
    if (res->dmabuf_fd < 0) {
        return "the host created no dma-buf of the blob's backing";
    }
    return NULL;
}

void virtio_gpu_blob_describe(const VirtIOGPU *g,
                              const struct virtio_gpu_simple_resource *res,
                              VirtIOExportObject *object)
{
    const struct virtio_gpu_scanout *scanout = virtio_gpu_blob_scanout(g, res);

    object->kind = VIRTIO_EXPORT_KIND_DMABUF;
    object->size = res->blob_size;
    if (scanout) {
        object->width = scanout->fb.width;
        object->height = scanout->fb.height;
        object->fourcc = virtio_gpu_pixman_to_fourcc(scanout->fb.format);
        object->modifier = DRM_FORMAT_MOD_LINEAR;
        object->num_planes = 1;
        object->strides[0] = scanout->fb.stride;
        object->offsets[0] = virtio_gpu_fb_start(scanout);
    }
}

bool virtio_gpu_blob_export(const VirtIOGPU *g,
                            const struct virtio_gpu_simple_resource *res,
                            VirtIOExportObject *object, Error **errp)
{
    const char *reason = virtio_gpu_blob_unavailable_reason(res);

    if (reason) {
        error_setg(errp, "%s", reason);
        return false;
    }
    virtio_gpu_blob_describe(g, res, object);
    object->fd = qemu_dup(res->dmabuf_fd);
    if (object->fd < 0) {
        error_setg_errno(errp, errno,
                         "cannot create a file descriptor of its memory");
        return false;
    }
    return true;
}
