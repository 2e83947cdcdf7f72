/*
 * What QEMU's virtio-gpu-rutabaga uses of rutabaga, which Debian does not have:
 * the device can be compiled and realized, and every request fails
 *
 * Names are as QEMU has them.  Values and the order of members are this
 * header's own: there is no library.
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
    RUTABAGA_DEBUG_ERROR = 1,
    RUTABAGA_DEBUG_WARN,
    RUTABAGA_DEBUG_INFO,
};

struct rutabaga;

struct rutabaga_fence {
    uint32_t flags;
    uint64_t fence_id;
    uint32_t ctx_id;
    uint32_t ring_idx;
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
    uint64_t user_data;
    uint64_t capset_mask;
    uint32_t wsi;
    void (*fence_cb)(uint64_t user_data, const struct rutabaga_fence *fence);
    void (*debug_cb)(uint64_t user_data, const struct rutabaga_debug *debug);
    struct rutabaga_channels *channels;
};

struct rutabaga_create_3d {
    uint32_t target;
    uint32_t format;
    uint32_t bind;
    uint32_t width;
    uint32_t height;
    uint32_t depth;
    uint32_t array_size;
    uint32_t last_level;
    uint32_t nr_samples;
    uint32_t flags;
};

struct rutabaga_create_blob {
    uint32_t blob_mem;
    uint32_t blob_flags;
    uint64_t blob_id;
    uint64_t size;
};

struct rutabaga_transfer {
    uint32_t x, y, z;
    uint32_t w, h, d;
    uint32_t level;
    uint32_t stride;
    uint32_t layer_stride;
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
    uint32_t ctx_id;
    uint32_t cmd_size;
    uint8_t *cmd;
};

static inline int32_t rutabaga_init(const struct rutabaga_builder *builder,
                                    struct rutabaga **ptr)
{
    static int device;

    *ptr = (struct rutabaga *)&device;
    return 0;
}

static inline int32_t rutabaga_get_num_capsets(struct rutabaga *ptr,
                                               uint32_t *num_capsets)
{
    *num_capsets = 1;
    return 0;
}

#define REJECT(name, ...)                                               \
    static inline int32_t name(__VA_ARGS__) { return -EOPNOTSUPP; }

REJECT(rutabaga_get_capset_info, struct rutabaga *ptr, uint32_t index,
       uint32_t *id, uint32_t *version, uint32_t *size)
REJECT(rutabaga_get_capset, struct rutabaga *ptr, uint32_t id,
       uint32_t version, uint8_t *data, uint32_t size)
REJECT(rutabaga_context_create, struct rutabaga *ptr, uint32_t ctx_id,
       uint32_t context_init, const char *name, uint32_t name_len)
REJECT(rutabaga_context_destroy, struct rutabaga *ptr, uint32_t ctx_id)
REJECT(rutabaga_context_attach_resource, struct rutabaga *ptr,
       uint32_t ctx_id, uint32_t resource_id)
REJECT(rutabaga_context_detach_resource, struct rutabaga *ptr,
       uint32_t ctx_id, uint32_t resource_id)
REJECT(rutabaga_resource_create_3d, struct rutabaga *ptr,
       uint32_t resource_id, const struct rutabaga_create_3d *create)
REJECT(rutabaga_resource_create_blob, struct rutabaga *ptr, uint32_t ctx_id,
       uint32_t resource_id, const struct rutabaga_create_blob *create,
       const struct rutabaga_iovecs *iovecs, const void *handle)
REJECT(rutabaga_resource_unref, struct rutabaga *ptr, uint32_t resource_id)
REJECT(rutabaga_resource_attach_backing, struct rutabaga *ptr,
       uint32_t resource_id, const struct rutabaga_iovecs *iovecs)
REJECT(rutabaga_resource_detach_backing, struct rutabaga *ptr,
       uint32_t resource_id)
REJECT(rutabaga_resource_transfer_read, struct rutabaga *ptr, uint32_t ctx_id,
       uint32_t resource_id, const struct rutabaga_transfer *box,
       const struct iovec *iov)
REJECT(rutabaga_resource_transfer_write, struct rutabaga *ptr,
       uint32_t ctx_id, uint32_t resource_id,
       const struct rutabaga_transfer *box)
REJECT(rutabaga_resource_map, struct rutabaga *ptr, uint32_t resource_id,
       struct rutabaga_mapping *mapping)
REJECT(rutabaga_resource_map_info, struct rutabaga *ptr, uint32_t resource_id,
       uint32_t *map_info)
REJECT(rutabaga_resource_unmap, struct rutabaga *ptr, uint32_t resource_id)
REJECT(rutabaga_submit_command, struct rutabaga *ptr,
       struct rutabaga_command *command)
REJECT(rutabaga_create_fence, struct rutabaga *ptr,
       const struct rutabaga_fence *fence)

#undef REJECT

#endif /* RUTABAGA_GFX_FFI_H */
