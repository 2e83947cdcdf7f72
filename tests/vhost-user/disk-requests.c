/*
 * virtio-blk requests to a disk backed by a shared object
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/iov.h"
#include "disk-requests.h"

#define QUEUE_SEGMENTS  126     /* 128 with header and status */

static const char disk_id[VIRTIO_BLK_ID_BYTES + 1] = "vhost-user-uuid-disk";

static uint8_t run(UUIDDisk *disk, const DiskRequest *req, size_t room)
{
    size_t out = iov_size(req->out, req->out_num);
    struct virtio_blk_outhdr header;
    uint64_t sector;
    bool done;

    if (out < sizeof(header)) {
        return VIRTIO_BLK_S_IOERR;
    }
    iov_to_buf(req->out, req->out_num, 0, &header, sizeof(header));
    sector = le64_to_cpu(header.sector);
    switch (le32_to_cpu(header.type)) {
    case VIRTIO_BLK_T_IN:
        done = uuid_disk_read(disk, sector, req->in, req->in_num, room);
        break;
    case VIRTIO_BLK_T_OUT:
        done = uuid_disk_write(disk, sector, req->out, req->out_num,
                               sizeof(header), out - sizeof(header));
        break;
    case VIRTIO_BLK_T_FLUSH:
        done = true;
        break;
    case VIRTIO_BLK_T_GET_ID:
        iov_from_buf(req->in, req->in_num, 0, disk_id,
                     MIN(room, VIRTIO_BLK_ID_BYTES));
        done = true;
        break;
    default:
        return VIRTIO_BLK_S_UNSUPP;
    }
    return done ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

size_t disk_request_run(UUIDDisk *disk, const DiskRequest *req)
{
    size_t in = iov_size(req->in, req->in_num);
    uint8_t status;

    if (in < sizeof(status)) {
        return 0;
    }
    status = run(disk, req, in - sizeof(status));
    iov_from_buf(req->in, req->in_num, in - sizeof(status), &status,
                 sizeof(status));
    return in;
}

void disk_request_config(struct virtio_blk_config *config)
{
    *config = (struct virtio_blk_config) {
        .capacity = cpu_to_le64(UUID_DISK_SECTORS),
        .seg_max = cpu_to_le32(QUEUE_SEGMENTS),
        .blk_size = cpu_to_le32(UUID_DISK_SECTOR),
        .num_queues = cpu_to_le16(1),
    };
}
