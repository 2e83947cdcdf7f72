/*
 * vhost-user media device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_VHOST_USER_MEDIA_H
#define HW_VIRTIO_VHOST_USER_MEDIA_H

#include "hw/virtio/vhost-user-base.h"

#define TYPE_VHOST_USER_MEDIA "vhost-user-media-device"
OBJECT_DECLARE_SIMPLE_TYPE(VHostUserMedia, VHOST_USER_MEDIA)

struct VHostUserMedia {
    VHostUserBase parent_obj;
};

#endif /* HW_VIRTIO_VHOST_USER_MEDIA_H */
