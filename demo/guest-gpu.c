/*
 * What the programs of the guest share: buffers of virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <drm/virtgpu_drm.h>

#include "guest-gpu.h"

void die(const char *what)
{
    printf("DEMO: error: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

int open_device(const char *path, int flags)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | flags);

    if (fd < 0) {
        die(path);
    }
    return fd;
}

struct drm_mode_create_dumb create_dumb(int card, uint32_t width,
                                        uint32_t height)
{
    struct drm_mode_create_dumb dumb = {
        .width = width,
        .height = height,
        .bpp = 32,
    };

    if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb)) {
        die("cannot create the buffer");
    }
    return dumb;
}

uint8_t *map_buffer(int card, const struct drm_mode_create_dumb *dumb)
{
    struct drm_virtgpu_map map = { .handle = dumb->handle };
    uint8_t *pixels;

    if (ioctl(card, DRM_IOCTL_VIRTGPU_MAP, &map)) {
        die("cannot map the buffer");
    }
    pixels = mmap(NULL, dumb->size, PROT_READ | PROT_WRITE, MAP_SHARED, card,
                  map.offset);
    if (pixels == MAP_FAILED) {
        die("cannot mmap the buffer");
    }
    return pixels;
}

int export_buffer(int card, uint32_t handle)
{
    struct drm_prime_handle prime = { .handle = handle, .flags = DRM_CLOEXEC };

    if (ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime)) {
        die("cannot export the buffer as a dma-buf");
    }
    return prime.fd;
}
