/*
 * An object that a virtio device exports: memory, and the image in it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-export.h"
#include "standard-headers/drm/drm_fourcc.h"

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

/* Return: bytes per pixel; 0 if not known */
static uint32_t virtio_export_pixel_size(uint32_t fourcc)
{
    switch (fourcc) {
    case DRM_FORMAT_RGB565:
    case DRM_FORMAT_BGR565:
        return 2;
    case DRM_FORMAT_RGB888:
    case DRM_FORMAT_BGR888:
        return 3;
    case DRM_FORMAT_ARGB8888:
    case DRM_FORMAT_XRGB8888:
    case DRM_FORMAT_ABGR8888:
    case DRM_FORMAT_XBGR8888:
    case DRM_FORMAT_RGBA8888:
    case DRM_FORMAT_RGBX8888:
    case DRM_FORMAT_BGRA8888:
    case DRM_FORMAT_BGRX8888:
        return 4;
    default:
        return 0;
    }
}

static bool virtio_export_is_subsampled(uint32_t fourcc)
{
    switch (fourcc) {
    case DRM_FORMAT_NV12:
    case DRM_FORMAT_NV21:
    case DRM_FORMAT_YUV420:
    case DRM_FORMAT_YVU420:
        return true;
    default:
        return false;
    }
}

static uint32_t virtio_export_rows(const VirtIOExportObject *object,
                                   uint32_t plane)
{
    if (plane == 0) {
        return object->height;
    }
    if (object->modifier != DRM_FORMAT_MOD_LINEAR) {
        return 1;
    }
    return virtio_export_is_subsampled(object->fourcc)
           ? DIV_ROUND_UP((uint64_t)object->height, 2) : object->height;
}

const char *virtio_export_object_fault(const VirtIOExportObject *object)
{
    uint64_t row = (uint64_t)object->width *
                   virtio_export_pixel_size(object->fourcc);
    uint64_t end;
    uint32_t i;

    if (!object->num_planes) {
        return NULL;
    }
    if (object->strides[0] < row) {
        return "the stride is shorter than a row of pixels";
    }
    for (i = 0; object->size && object->height && i < object->num_planes; i++) {
        /* cannot overflow 64 bits: a 32-bit product plus 32 bits */
        end = object->offsets[i] +
              (uint64_t)object->strides[i] * virtio_export_rows(object, i);
        if (end > object->size) {
            return "a plane ends outside of the memory";
        }
    }
    return NULL;
}

char *virtio_export_format_name(uint32_t fourcc)
{
    char *name = g_strdup_printf("%c%c%c%c", fourcc & 0xff, fourcc >> 8 & 0xff,
                                 fourcc >> 16 & 0xff, fourcc >> 24);

    return g_strcanon(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "abcdefghijklmnopqrstuvwxyz0123456789 ", '?');
}
