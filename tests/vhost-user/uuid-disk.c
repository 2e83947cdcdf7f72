/*
 * A disk backed by a shared object
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/iov.h"
#include "uuid-disk.h"

QEMU_BUILD_BUG_ON(sizeof(UUIDDiskHead) != UUID_DISK_SECTOR);

static UUIDDiskStatus look_up(UUIDDisk *disk)
{
    Error *err = NULL;
    int fd;

    disk->lookups++;
    fd = disk->lookup(disk->opaque, disk->uuid.data, &disk->info);
    if (fd < 0) {
        return UUID_DISK_NOT_FOUND;
    }
    if (!shared_object_map(&disk->object, fd, disk->read_only, &err)) {
        disk->reason = g_strdup(error_get_pretty(err));
        error_free(err);
        return UUID_DISK_REJECTED;
    }
    return UUID_DISK_READY;
}

bool uuid_disk_select(UUIDDisk *disk, const uint8_t uuid[16])
{
    shared_object_unmap(&disk->object);
    disk->info = (VhostUserObjectInfo) { };
    g_clear_pointer(&disk->reason, g_free);
    memcpy(disk->uuid.data, uuid, sizeof(disk->uuid.data));
    disk->status = qemu_uuid_is_null(&disk->uuid) ? UUID_DISK_EMPTY
                                                  : look_up(disk);
    return disk->status == UUID_DISK_EMPTY || disk->status == UUID_DISK_READY;
}

void uuid_disk_clear(UUIDDisk *disk)
{
    static const uint8_t none[16];

    uuid_disk_select(disk, none);
}

static bool on_disk(uint64_t sector, size_t bytes)
{
    return bytes % UUID_DISK_SECTOR == 0 && sector <= UUID_DISK_SECTORS &&
           bytes / UUID_DISK_SECTOR <= UUID_DISK_SECTORS - sector;
}

static void read_head(const UUIDDisk *disk, const struct iovec *iov,
                      unsigned iov_cnt)
{
    UUIDDiskHead head = {
        .status = cpu_to_le32(disk->status),
        .size = cpu_to_le64(disk->object.size),
    };

    memcpy(head.uuid, disk->uuid.data, sizeof(head.uuid));
    iov_from_buf(iov, iov_cnt, 0, &head, sizeof(head));
}

bool uuid_disk_read(UUIDDisk *disk, uint64_t sector, const struct iovec *iov,
                    unsigned iov_cnt, size_t bytes)
{
    SharedObject *object = &disk->object;
    uint64_t offset = sector ? (sector - 1) * UUID_DISK_SECTOR : 0;
    size_t head = sector ? 0 : MIN(bytes, UUID_DISK_SECTOR);
    size_t rest = bytes - head;
    size_t inside = offset < object->size ? MIN(rest, object->size - offset)
                                          : 0;

    if (!on_disk(sector, bytes)) {
        return false;
    }
    if (inside) {
        if (!shared_object_begin(object, false)) {
            return false;
        }
        iov_from_buf(iov, iov_cnt, head, object->data + offset, inside);
        shared_object_end(object, false);
    }
    iov_memset(iov, iov_cnt, head + inside, 0, rest - inside);
    if (head) {
        read_head(disk, iov, iov_cnt);
    }
    return true;
}

static bool write_head(UUIDDisk *disk, const struct iovec *iov,
                       unsigned iov_cnt, size_t skip)
{
    uint8_t uuid[16];

    iov_to_buf(iov, iov_cnt, skip, uuid, sizeof(uuid));
    return uuid_disk_select(disk, uuid);
}

bool uuid_disk_write(UUIDDisk *disk, uint64_t sector, const struct iovec *iov,
                     unsigned iov_cnt, size_t skip, size_t bytes)
{
    SharedObject *object = &disk->object;
    uint64_t offset;

    if (!on_disk(sector, bytes)) {
        return false;
    }
    if (bytes == 0) {
        return true;
    }
    if (sector == 0) {
        /* In a longer write, the other sectors are older than the object */
        return bytes == UUID_DISK_SECTOR &&
               write_head(disk, iov, iov_cnt, skip);
    }
    offset = (sector - 1) * UUID_DISK_SECTOR;
    if (!shared_object_covers(object, offset, bytes) ||
        !shared_object_begin(object, true)) {
        return false;
    }
    iov_to_buf(iov, iov_cnt, skip, object->data + offset, bytes);
    shared_object_end(object, true);
    return true;
}

const char *uuid_disk_status_name(UUIDDiskStatus status)
{
    static const char *const names[] = {
        [UUID_DISK_EMPTY] = "empty",
        [UUID_DISK_READY] = "ready",
        [UUID_DISK_NOT_FOUND] = "not-found",
        [UUID_DISK_REJECTED] = "rejected",
    };

    return names[status];
}
