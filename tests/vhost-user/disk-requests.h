/*
 * virtio-blk requests to a disk whose sectors are the memory behind a UUID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_DISK_REQUESTS_H
#define TESTS_VHOST_USER_DISK_REQUESTS_H

#include "standard-headers/linux/virtio_blk.h"
#include "uuid-disk.h"

#define DISK_REQUEST_FEATURES   (1ULL << VIRTIO_BLK_F_FLUSH | \
                                 1ULL << VIRTIO_BLK_F_SEG_MAX | \
                                 1ULL << VIRTIO_BLK_F_BLK_SIZE | \
                                 1ULL << VIRTIO_BLK_F_MQ)

typedef struct DiskRequest {
    const struct iovec *out, *in;
    unsigned out_num, in_num;
} DiskRequest;

/**
 * disk_request_run() - Do what a request asks for
 * @disk: the disk
 * @req: what the guest has sent, and where it wants the answer
 *
 * Nothing in @req is trusted.
 *
 * Return: the length of @req->in, whose last byte is the status; 0 if there is
 * no room for that, and then nothing was done
 */
size_t disk_request_run(UUIDDisk *disk, const DiskRequest *req);

/**
 * disk_request_config() - The configuration space of the disk
 * @config: filled in
 */
void disk_request_config(struct virtio_blk_config *config);

#endif /* TESTS_VHOST_USER_DISK_REQUESTS_H */
