/*
 * What vhost-user messages say about a shared object
 *
 * docs/interop/vhost-user.rst, VhostUserObjectInfo.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_VHOST_USER_OBJECT_INFO_H
#define HW_VIRTIO_VHOST_USER_OBJECT_INFO_H

#include "hw/virtio/virtio-export.h"

/* Provisional, until the specification assigns a number */
#define VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO 62

/* Values of @kind */
#define VHOST_USER_OBJECT_KIND_UNKNOWN 0
#define VHOST_USER_OBJECT_KIND_MEMFD   1
#define VHOST_USER_OBJECT_KIND_DMABUF  2

/* Bit of @flags */
#define VHOST_USER_OBJECT_BOTTOM_UP (1 << 0)

/* The layout on the wire */
typedef struct VhostUserObjectInfo {
    uint32_t kind;
    uint32_t flags;
    uint64_t size;
    uint32_t width;
    uint32_t height;
    uint32_t fourcc;
    uint32_t num_planes;
    uint64_t modifier;
    uint32_t strides[VIRTIO_EXPORT_MAX_PLANES];
    uint32_t offsets[VIRTIO_EXPORT_MAX_PLANES];
} VhostUserObjectInfo;

/**
 * vhost_user_object_info_set() - Describe an object to a back-end
 * @info: filled in
 * @object: the object
 */
void vhost_user_object_info_set(VhostUserObjectInfo *info,
                                const VirtIOExportObject *object);

/**
 * vhost_user_object_info_get() - Take over how a back-end describes an object
 * @info: from the back-end, which is not trusted
 * @object: initialised; gets the size and the geometry
 *
 * The kind is ignored: importers in QEMU rely on the seals of a memfd.
 * If @info has a flag that QEMU does not know, or too many planes, the geometry
 * stays unknown.  virtio_export_answer() checks the geometry against the size.
 */
void vhost_user_object_info_get(const VhostUserObjectInfo *info,
                                VirtIOExportObject *object);

#endif /* HW_VIRTIO_VHOST_USER_OBJECT_INFO_H */
