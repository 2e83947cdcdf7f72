/*
 * virtio-blk requests to a disk backed by a shared object
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
 * disk_request_run() - Execute a request
 * @disk: the disk
 * @req: the request, which is not trusted, and the buffers for the response
 *
 * Return: the length of @req->in, whose last byte is the status; 0 without any
 * effect if there is no room for the status
 */
size_t disk_request_run(UUIDDisk *disk, const DiskRequest *req);

/**
 * disk_request_config() - Get the configuration space of the disk
 * @config: filled in
 */
void disk_request_config(struct virtio_blk_config *config);

#endif /* TESTS_VHOST_USER_DISK_REQUESTS_H */
