/*
 * vhost-user media device
 *
 * The back-end does everything but the transport: it owns the configuration
 * space and serves both queues.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/vhost-user-media.h"
#include "hw/virtio/virtio-export-compat.h"
#include "hw/virtio/virtio-media.h"

#define NUM_QUEUES  2   /* commands, events */
#define QUEUE_SIZE  256

static const VMStateDescription vu_media_vmstate = {
    .name = TYPE_VHOST_USER_MEDIA,
    .unmigratable = 1,
};

static const Property vu_media_properties[] = {
    DEFINE_PROP_CHR("chardev", VHostUserBase, chardev),
};

static void vu_media_realize(DeviceState *dev, Error **errp)
{
    VHostUserBase *vub = VHOST_USER_BASE(dev);

    vub->virtio_id = VIRTIO_ID_MEDIA;
    vub->num_vqs = NUM_QUEUES;
    vub->vq_size = QUEUE_SIZE;
    vub->config_size = sizeof(struct virtio_media_config);
    VHOST_USER_BASE_GET_CLASS(dev)->parent_realize(dev, errp);
}

/* Lets virtio_reset() tell the back-end, whose sessions end then */
static struct vhost_dev *vu_media_get_vhost(VirtIODevice *vdev)
{
    return &VHOST_USER_BASE(vdev)->vhost_dev;
}

static void vu_media_class_init(ObjectClass *klass,
                                VirtIOExportClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->vmsd = &vu_media_vmstate;
    device_class_set_props(dc, vu_media_properties);
    device_class_set_parent_realize(
        dc, vu_media_realize, &VHOST_USER_BASE_CLASS(klass)->parent_realize);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    VIRTIO_DEVICE_CLASS(klass)->get_vhost = vu_media_get_vhost;
}

static const TypeInfo vu_media_types[] = {
    {
        .name = TYPE_VHOST_USER_MEDIA,
        .parent = TYPE_VHOST_USER_BASE,
        .instance_size = sizeof(VHostUserMedia),
        .class_init = vu_media_class_init,
    }
};

DEFINE_TYPES(vu_media_types)
