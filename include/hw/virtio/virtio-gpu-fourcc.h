/*
 * Formats of virtio-gpu's resources, for other devices
 *
 * For QEMU and for contrib/vhost-user-gpu.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GPU_FOURCC_H
#define HW_VIRTIO_GPU_FOURCC_H

#include "standard-headers/drm/drm_fourcc.h"
#include "standard-headers/linux/virtio_gpu.h"

/**
 * virtio_gpu_format_to_fourcc() - Convert a format to DRM's
 * @format: VIRTIO_GPU_FORMAT_*
 *
 * virtio names the bytes in memory order, DRM as a little-endian word.
 *
 * Return: the DRM_FORMAT_* with the same bytes in memory, or
 * DRM_FORMAT_INVALID if the virtio specification does not define @format.
 */
static inline uint32_t virtio_gpu_format_to_fourcc(uint32_t format)
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

#endif /* HW_VIRTIO_GPU_FOURCC_H */
