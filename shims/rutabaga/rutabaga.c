/*
 * A stub of rutabaga: the device can be realized, and every request fails
 *
 * The stub does not include the header, because a function that ignores its
 * arguments needs no declaration of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdint.h>

#define REJECT(name) int32_t name(void) { return -EOPNOTSUPP; }

int32_t rutabaga_init(const void *builder, void **ptr)
{
    static int device;

    *ptr = &device;
    return 0;
}

int32_t rutabaga_get_num_capsets(void *ptr, uint32_t *num_capsets)
{
    *num_capsets = 1;
    return 0;
}

REJECT(rutabaga_get_capset_info)
REJECT(rutabaga_get_capset)
REJECT(rutabaga_context_create)
REJECT(rutabaga_context_destroy)
REJECT(rutabaga_context_attach_resource)
REJECT(rutabaga_context_detach_resource)
REJECT(rutabaga_resource_create_3d)
REJECT(rutabaga_resource_create_blob)
REJECT(rutabaga_resource_unref)
REJECT(rutabaga_resource_attach_backing)
REJECT(rutabaga_resource_detach_backing)
REJECT(rutabaga_resource_transfer_read)
REJECT(rutabaga_resource_transfer_write)
REJECT(rutabaga_resource_map)
REJECT(rutabaga_resource_map_info)
REJECT(rutabaga_resource_unmap)
REJECT(rutabaga_submit_command)
REJECT(rutabaga_create_fence)
