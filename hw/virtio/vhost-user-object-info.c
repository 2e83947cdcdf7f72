/*
 * What vhost-user messages say about a shared object
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vhost-user-object-info.h"

QEMU_BUILD_BUG_ON(sizeof(VhostUserObjectInfo) != 72);

static const uint32_t kinds[] = {
    [VIRTIO_EXPORT_KIND_UNKNOWN] = VHOST_USER_OBJECT_KIND_UNKNOWN,
    [VIRTIO_EXPORT_KIND_MEMFD] = VHOST_USER_OBJECT_KIND_MEMFD,
    [VIRTIO_EXPORT_KIND_DMABUF] = VHOST_USER_OBJECT_KIND_DMABUF,
};

void vhost_user_object_info_set(VhostUserObjectInfo *info,
                                const VirtIOExportObject *object)
{
    uint32_t i;

    *info = (VhostUserObjectInfo) {
        .kind = kinds[object->kind],
        .flags = object->bottom_up ? VHOST_USER_OBJECT_BOTTOM_UP : 0,
        .size = object->size,
        .width = object->width,
        .height = object->height,
        .fourcc = object->fourcc,
        .num_planes = object->num_planes,
        .modifier = object->modifier,
    };
    for (i = 0; i < object->num_planes; i++) {
        info->strides[i] = object->strides[i];
        info->offsets[i] = object->offsets[i];
    }
}

void vhost_user_object_info_get(const VhostUserObjectInfo *info,
                                VirtIOExportObject *object)
{
    uint32_t i;

    object->size = info->size;
    if (info->flags & ~VHOST_USER_OBJECT_BOTTOM_UP ||
        info->num_planes > VIRTIO_EXPORT_MAX_PLANES) {
        return;
    }
    object->bottom_up = info->flags & VHOST_USER_OBJECT_BOTTOM_UP;
    object->width = info->width;
    object->height = info->height;
    object->fourcc = info->fourcc;
    object->modifier = info->modifier;
    object->num_planes = info->num_planes;
    for (i = 0; i < info->num_planes; i++) {
        object->strides[i] = info->strides[i];
        object->offsets[i] = info->offsets[i];
    }
}
