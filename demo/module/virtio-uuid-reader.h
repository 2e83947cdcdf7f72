/*
 * The ioctl of /dev/virtio-uuid
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIRTIO_UUID_READER_H
#define VIRTIO_UUID_READER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VIRTIO_UUID_READER_NAME "virtio-uuid"

/**
 * struct virtio_uuid_read - argument of VIRTIO_UUID_READ
 * @fd: in: a dma-buf, which the caller keeps
 * @uuid: out: the UUID that the device gave to the object behind it
 */
struct virtio_uuid_read {
    __s32 fd;
    __u8 uuid[16];
};

/*
 * Waits until the device has answered the exporting driver. Fails with EBADF
 * if fd is not a file descriptor, with EINVAL if it is not a dma-buf of a virtio
 * device, and with ENODEV if the device has not assigned a UUID.
 */
#define VIRTIO_UUID_READ _IOWR('V', 0xe0, struct virtio_uuid_read)

#endif /* VIRTIO_UUID_READER_H */
