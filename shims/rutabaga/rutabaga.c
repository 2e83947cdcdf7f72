/*
 * A stub of rutabaga: the device can be realized, and every request fails
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>

#include "rutabaga_gfx/rutabaga_gfx_ffi.h"

#define REFUSE(name, ...) \
    int32_t name(__VA_ARGS__) \
    { \
        return -EOPNOTSUPP; \
    }

struct rutabaga {
    int unused;
};

int32_t rutabaga_init(const struct rutabaga_builder *builder,
                      struct rutabaga **ptr)
{
    static struct rutabaga one;

    *ptr = &one;
    return 0;
}

int32_t rutabaga_get_num_capsets(struct rutabaga *ptr, uint32_t *num_capsets)
{
    *num_capsets = 1;
    return 0;
}

REFUSE(rutabaga_get_capset_info, struct rutabaga *ptr, uint32_t index,
       uint32_t *id, uint32_t *version, uint32_t *size)
REFUSE(rutabaga_get_capset, struct rutabaga *ptr, uint32_t id,
       uint32_t version, uint8_t *data, uint32_t size)
REFUSE(rutabaga_context_create, struct rutabaga *ptr, uint32_t ctx_id,
       uint32_t context_init, const char *name, uint32_t name_len)
REFUSE(rutabaga_context_destroy, struct rutabaga *ptr, uint32_t ctx_id)
REFUSE(rutabaga_context_attach_resource, struct rutabaga *ptr,
       uint32_t ctx_id, uint32_t resource_id)
REFUSE(rutabaga_context_detach_resource, struct rutabaga *ptr,
       uint32_t ctx_id, uint32_t resource_id)
REFUSE(rutabaga_resource_create_3d, struct rutabaga *ptr,
       uint32_t resource_id, const struct rutabaga_create_3d *create)
REFUSE(rutabaga_resource_create_blob, struct rutabaga *ptr, uint32_t ctx_id,
       uint32_t resource_id, const struct rutabaga_create_blob *create,
       const struct rutabaga_iovecs *iovecs, const void *handle)
REFUSE(rutabaga_resource_unref, struct rutabaga *ptr, uint32_t resource_id)
REFUSE(rutabaga_resource_attach_backing, struct rutabaga *ptr,
       uint32_t resource_id, const struct rutabaga_iovecs *iovecs)
REFUSE(rutabaga_resource_detach_backing, struct rutabaga *ptr,
       uint32_t resource_id)
REFUSE(rutabaga_resource_transfer_read, struct rutabaga *ptr, uint32_t ctx_id,
       uint32_t resource_id, const struct rutabaga_transfer *box,
       const struct iovec *iov)
REFUSE(rutabaga_resource_transfer_write, struct rutabaga *ptr,
       uint32_t ctx_id, uint32_t resource_id,
       const struct rutabaga_transfer *box)
REFUSE(rutabaga_resource_map, struct rutabaga *ptr, uint32_t resource_id,
       struct rutabaga_mapping *mapping)
REFUSE(rutabaga_resource_map_info, struct rutabaga *ptr, uint32_t resource_id,
       uint32_t *map_info)
REFUSE(rutabaga_resource_unmap, struct rutabaga *ptr, uint32_t resource_id)
REFUSE(rutabaga_submit_command, struct rutabaga *ptr,
       struct rutabaga_command *command)
REFUSE(rutabaga_create_fence, struct rutabaga *ptr,
       const struct rutabaga_fence *fence)
