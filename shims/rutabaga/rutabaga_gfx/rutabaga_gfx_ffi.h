/*
 * The part of rutabaga's API that QEMU's virtio-gpu-rutabaga uses.  Debian has
 * no rutabaga.  The device can be compiled and realized; every request fails.
 *
 * QEMU determines the names.  Values and the order of members are arbitrary,
 * because there is no library.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef RUTABAGA_GFX_FFI_H
#define RUTABAGA_GFX_FFI_H

#include <errno.h>
#include <stdint.h>
#include <sys/uio.h>

#define RUTABAGA_CAPSET_GFXSTREAM_VULKAN    3
#define RUTABAGA_CAPSET_CROSS_DOMAIN        5
#define RUTABAGA_CAPSET_GFXSTREAM_GLES      8
#define RUTABAGA_CAPSET_GFXSTREAM_COMPOSER  9

#define RUTABAGA_CHANNEL_TYPE_WAYLAND       1
#define RUTABAGA_FLAG_INFO_RING_IDX         (1 << 1)
#define RUTABAGA_MAP_CACHE_MASK             0xf
#define RUTABAGA_WSI_SURFACELESS            1

enum rutabaga_debug_type {
    RUTABAGA_DEBUG_ERROR = 1, RUTABAGA_DEBUG_WARN, RUTABAGA_DEBUG_INFO,
};

struct rutabaga {
    int unused;
};

struct rutabaga_fence {
    uint32_t flags, ctx_id, ring_idx;
    uint64_t fence_id;
};

struct rutabaga_debug {
    uint32_t debug_type;
    const char *message;
};

struct rutabaga_channel {
    const char *channel_name;
    uint32_t channel_type;
};

struct rutabaga_channels {
    struct rutabaga_channel *channels;
    uint32_t num_channels;
};

struct rutabaga_builder {
    uint64_t user_data, capset_mask;
    uint32_t wsi;
    void (*fence_cb)(uint64_t user_data, const struct rutabaga_fence *fence);
    void (*debug_cb)(uint64_t user_data, const struct rutabaga_debug *debug);
    struct rutabaga_channels *channels;
};

struct rutabaga_create_3d {
    uint32_t target, format, bind, width, height, depth;
    uint32_t array_size, last_level, nr_samples, flags;
};

struct rutabaga_create_blob {
    uint32_t blob_mem, blob_flags;
    uint64_t blob_id, size;
};

struct rutabaga_transfer {
    uint32_t x, y, z, w, h, d, level, stride, layer_stride;
    uint64_t offset;
};

struct rutabaga_iovecs {
    struct iovec *iovecs;
    size_t num_iovecs;
};

struct rutabaga_mapping {
    void *ptr;
    uint64_t size;
};

struct rutabaga_command {
    uint32_t ctx_id, cmd_size;
    uint8_t *cmd;
};

static inline int32_t rutabaga_init(const struct rutabaga_builder *builder,
                                    struct rutabaga **ptr)
{
    static struct rutabaga device;

    *ptr = &device;
    return 0;
}

static inline int32_t rutabaga_get_num_capsets(struct rutabaga *ptr,
                                               uint32_t *num_capsets)
{
    *num_capsets = 1;
    return 0;
}

static inline int32_t rutabaga_reject(struct rutabaga *ptr, ...)
{
    return -EOPNOTSUPP;
}

#define rutabaga_get_capset_info            rutabaga_reject
#define rutabaga_get_capset                 rutabaga_reject
#define rutabaga_context_create             rutabaga_reject
#define rutabaga_context_destroy            rutabaga_reject
#define rutabaga_context_attach_resource    rutabaga_reject
#define rutabaga_context_detach_resource    rutabaga_reject
#define rutabaga_resource_create_3d         rutabaga_reject
#define rutabaga_resource_create_blob       rutabaga_reject
#define rutabaga_resource_unref             rutabaga_reject
#define rutabaga_resource_attach_backing    rutabaga_reject
#define rutabaga_resource_detach_backing    rutabaga_reject
#define rutabaga_resource_transfer_read     rutabaga_reject
#define rutabaga_resource_transfer_write    rutabaga_reject
#define rutabaga_resource_map               rutabaga_reject
#define rutabaga_resource_map_info          rutabaga_reject
#define rutabaga_resource_unmap             rutabaga_reject
#define rutabaga_submit_command             rutabaga_reject
#define rutabaga_create_fence               rutabaga_reject

#endif /* RUTABAGA_GFX_FFI_H */
