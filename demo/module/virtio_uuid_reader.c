/*
 * Return the UUID of a virtio dma-buf to user space
 *
 * Linux gives these UUIDs only to drivers. This module replaces the driver of a
 * second virtio device, which would send the UUID to its device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/uuid.h>
#include <linux/version.h>
#include <linux/virtio_dma_buf.h>

#include "virtio-uuid-reader.h"

static int read_uuid(int fd, uuid_t *uuid)
{
    struct dma_buf *buf = dma_buf_get(fd);
    int ret;

    if (IS_ERR(buf)) {
        return PTR_ERR(buf);
    }
    /* -EINVAL for a dma-buf of a driver that is not for virtio */
    ret = virtio_dma_buf_get_uuid(buf, uuid);
    dma_buf_put(buf);
    return ret;
}

static long virtio_uuid_reader_ioctl(struct file *file, unsigned int cmd,
                                     unsigned long arg)
{
    struct virtio_uuid_read __user *user = (void __user *)arg;
    struct virtio_uuid_read request;
    uuid_t uuid;
    int ret;

    if (cmd != VIRTIO_UUID_READ) {
        return -ENOTTY;
    }
    if (copy_from_user(&request, user, sizeof(request))) {
        return -EFAULT;
    }
    ret = read_uuid(request.fd, &uuid);
    if (ret) {
        return ret;
    }
    export_uuid(request.uuid, &uuid);
    return copy_to_user(user, &request, sizeof(request)) ? -EFAULT : 0;
}

static const struct file_operations virtio_uuid_reader_fops = {
    .owner = THIS_MODULE,
    .unlocked_ioctl = virtio_uuid_reader_ioctl,
    .compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice virtio_uuid_reader = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = VIRTIO_UUID_READER_NAME,
    .fops = &virtio_uuid_reader_fops,
};

module_misc_device(virtio_uuid_reader);

MODULE_DESCRIPTION("Tells user space the UUID of a virtio dma-buf");
MODULE_LICENSE("GPL");
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif
