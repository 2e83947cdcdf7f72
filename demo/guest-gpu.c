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
#include <linux/virtio_gpu.h>

#include "guest-gpu.h"

/* A virgl command: its number, and the number of words that follow */
#define VIRGL(command, words)   ((command) | (words) << 16)
#define VIRGL_BLIT              16
#define BLIT_RED_GREEN_BLUE     7
#define PIPE_TEXTURE_2D         2
#define BIND_RENDER_TARGET      (1 << 1)

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

/* The driver requests a UUID only for blobs that other devices may use */
struct drm_mode_create_dumb create_blob(int card, uint32_t width,
                                        uint32_t height)
{
    struct drm_mode_create_dumb buffer = {
        .width = width,
        .height = height,
        .bpp = 32,
        .pitch = width * 4,
        .size = ((uint64_t)width * height * 4 + 4095) & ~4095ull,
    };
    struct drm_virtgpu_resource_create_blob blob = {
        .blob_mem = VIRTGPU_BLOB_MEM_GUEST,
        .blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE |
                      VIRTGPU_BLOB_FLAG_USE_SHAREABLE |
                      VIRTGPU_BLOB_FLAG_USE_CROSS_DEVICE,
        .size = buffer.size,
    };

    if (ioctl(card, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &blob)) {
        die("cannot create the blob");
    }
    buffer.handle = blob.bo_handle;
    return buffer;
}

struct drm_mode_create_dumb create_texture(int card, uint32_t width,
                                           uint32_t height, bool bottom_up)
{
    struct drm_mode_create_dumb texture = {
        .width = width,
        .height = height,
        .bpp = 32,
        .pitch = width * 4,
        .size = (uint64_t)width * height * 4,
    };
    struct drm_virtgpu_resource_create create = {
        .target = PIPE_TEXTURE_2D,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .bind = BIND_RENDER_TARGET,
        .width = width,
        .height = height,
        .depth = 1,
        .array_size = 1,
        .flags = bottom_up ? VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP : 0,
        .size = texture.size,
    };

    if (ioctl(card, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE, &create)) {
        die("cannot create the texture");
    }
    texture.handle = create.bo_handle;
    return texture;
}

/*
 * The blit leaves alpha out: virglrenderer turns a blit of all channels into a
 * copy, which does not flip the rows if one of the textures is bottom-up.
 */
void render_part(int card, const struct drm_mode_create_dumb *to, uint32_t to_x,
                 const struct drm_mode_create_dumb *from, uint32_t from_x,
                 uint32_t width)
{
    uint32_t handles[] = { to->handle, from->handle };
    uint32_t format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM;
    uint32_t words[] = {
        VIRGL(VIRGL_BLIT, 21), BLIT_RED_GREEN_BLUE, 0, 0,
        resource_id(card, to->handle), 0, format,
        to_x, 0, 0, width, to->height, 1,
        resource_id(card, from->handle), 0, format,
        from_x, 0, 0, width, from->height, 1,
    };
    struct drm_virtgpu_execbuffer execute = {
        .size = sizeof(words),
        .command = (uintptr_t)words,
        .bo_handles = (uintptr_t)handles,
        .num_bo_handles = 2,
    };

    if (ioctl(card, DRM_IOCTL_VIRTGPU_EXECBUFFER, &execute)) {
        die("cannot render");
    }
}

void transfer_buffer(int card, const struct drm_mode_create_dumb *dumb)
{
    struct drm_virtgpu_3d_transfer_to_host transfer = {
        .bo_handle = dumb->handle,
        .box = { .w = dumb->width, .h = dumb->height, .d = 1 },
    };

    if (ioctl(card, DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST, &transfer)) {
        die("cannot transfer the buffer to the device");
    }
}

void wait_for_buffer(int card, uint32_t handle)
{
    struct drm_virtgpu_3d_wait wait = { .handle = handle };

    if (ioctl(card, DRM_IOCTL_VIRTGPU_WAIT, &wait)) {
        die("the GPU has not executed the commands");
    }
}

bool gpu_has(int card, uint64_t feature)
{
    int value = 0;
    struct drm_virtgpu_getparam param = {
        .param = feature,
        .value = (uintptr_t)&value,
    };

    return !ioctl(card, DRM_IOCTL_VIRTGPU_GETPARAM, &param) && value;
}

uint32_t resource_id(int card, uint32_t handle)
{
    struct drm_virtgpu_resource_info info = { .bo_handle = handle };

    if (ioctl(card, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info)) {
        die("cannot read the resource id of the buffer");
    }
    return info.res_handle;
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
