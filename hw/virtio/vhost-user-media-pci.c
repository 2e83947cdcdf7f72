/*
 * vhost-user media device on PCI
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/vhost-user-media.h"
#include "hw/virtio/virtio-export-compat.h"
#include "hw/virtio/virtio-pci.h"

#define TYPE_VHOST_USER_MEDIA_PCI "vhost-user-media-pci-base"
OBJECT_DECLARE_SIMPLE_TYPE(VHostUserMediaPCI, VHOST_USER_MEDIA_PCI)

struct VHostUserMediaPCI {
    VirtIOPCIProxy parent_obj;
    VHostUserMedia vdev;
};

static void vu_media_pci_realize(VirtIOPCIProxy *proxy, Error **errp)
{
    DeviceState *vdev = DEVICE(&VHOST_USER_MEDIA_PCI(proxy)->vdev);

    proxy->nvectors = 3;    /* configuration and two queues */
    qdev_realize(vdev, BUS(&proxy->bus), errp);
}

static void vu_media_pci_class_init(ObjectClass *klass,
                                    VirtIOExportClassData *data)
{
    PCIDeviceClass *pci = PCI_DEVICE_CLASS(klass);

    VIRTIO_PCI_CLASS(klass)->realize = vu_media_pci_realize;
    set_bit(DEVICE_CATEGORY_MISC, DEVICE_CLASS(klass)->categories);
    pci->vendor_id = PCI_VENDOR_ID_REDHAT_QUMRANET;
    pci->class_id = PCI_CLASS_MULTIMEDIA_VIDEO;
}

static void vu_media_pci_init(Object *obj)
{
    VHostUserMediaPCI *dev = VHOST_USER_MEDIA_PCI(obj);

    virtio_instance_init_common(obj, &dev->vdev, sizeof(dev->vdev),
                                TYPE_VHOST_USER_MEDIA);
}

static const VirtioPCIDeviceTypeInfo vu_media_pci_info = {
    .base_name = TYPE_VHOST_USER_MEDIA_PCI,
    .non_transitional_name = "vhost-user-media-pci",
    .instance_size = sizeof(VHostUserMediaPCI),
    .instance_init = vu_media_pci_init,
    .class_init = vu_media_pci_class_init,
};

static void vu_media_pci_register(void)
{
    virtio_pci_types_register(&vu_media_pci_info);
}

type_init(vu_media_pci_register)
