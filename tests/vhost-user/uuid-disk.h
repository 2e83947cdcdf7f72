/*
 * A disk backed by a shared object
 *
 * The guest writes a UUID to the first sector.  The other sectors are then the
 * memory of the object with this UUID, and the first sector reads as
 * UUIDDiskHead.  A UUID of sixteen zeros releases the object.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_UUID_DISK_H
#define TESTS_VHOST_USER_UUID_DISK_H

#include "qemu/units.h"
#include "qemu/uuid.h"
#include "libvhost-user.h"
#include "shared-object.h"

#define UUID_DISK_SECTOR    512
#define UUID_DISK_SECTORS   (1 * GiB / UUID_DISK_SECTOR)

typedef enum UUIDDiskStatus {
    UUID_DISK_EMPTY = 0,        /* no UUID was written */
    UUID_DISK_READY = 1,        /* the disk is the object's memory */
    UUID_DISK_NOT_FOUND = 2,    /* the lookup has failed */
    UUID_DISK_REJECTED = 3,     /* the object cannot be mapped */
} UUIDDiskStatus;

/* The first sector, as the guest reads it; numbers are little-endian */
typedef struct UUIDDiskHead {
    uint8_t uuid[16];
    uint32_t status;
    uint32_t pad;
    uint64_t size;              /* of the object, in bytes */
    uint8_t zero[480];
} UUIDDiskHead;

/* Look up a UUID.  Return: a descriptor, owned by the disk, or -1 */
typedef int UUIDDiskLookup(void *opaque, uint8_t uuid[16],
                           VhostUserObjectInfo *info);

typedef struct UUIDDisk {
    UUIDDiskLookup *lookup;
    void *opaque;
    bool read_only;

    QemuUUID uuid;
    UUIDDiskStatus status;
    SharedObject object;
    VhostUserObjectInfo info;   /* what QEMU says about the object */
    char *reason;               /* for UUID_DISK_REJECTED */
    unsigned lookups;
} UUIDDisk;

/**
 * uuid_disk_select() - Release the object, and look up another one
 * @disk: the disk
 * @uuid: UUID of the object; 16 zeros for no object
 *
 * Return: false if the object is not available; @disk->status says why
 */
bool uuid_disk_select(UUIDDisk *disk, const uint8_t uuid[16]);

/**
 * uuid_disk_clear() - Release the object
 * @disk: the disk, which is empty afterwards
 */
void uuid_disk_clear(UUIDDisk *disk);

/**
 * uuid_disk_read() - Read sectors
 * @disk: the disk
 * @sector: the first one
 * @iov: buffers for the data
 * @iov_cnt: number of buffers in @iov
 * @bytes: length, a multiple of the size of a sector
 *
 * Sectors outside the object read as zeros: a guest reads the start and the end
 * of each disk to find partitions and file systems.
 *
 * Return: false if a sector is outside the disk, or if the object cannot be
 * read
 */
bool uuid_disk_read(UUIDDisk *disk, uint64_t sector, const struct iovec *iov,
                    unsigned iov_cnt, size_t bytes);

/**
 * uuid_disk_write() - Write sectors
 * @disk: the disk
 * @sector: the first one; sector 0 must be written alone
 * @iov: buffers with the data
 * @iov_cnt: number of buffers in @iov
 * @skip: number of bytes at the start of @iov to skip
 * @bytes: length, a multiple of the size of a sector
 *
 * Return: false if a sector is outside the disk or the object, if the object
 * cannot be written, or if uuid_disk_select() returns false
 */
bool uuid_disk_write(UUIDDisk *disk, uint64_t sector, const struct iovec *iov,
                     unsigned iov_cnt, size_t skip, size_t bytes);

/**
 * uuid_disk_status_name() - Get the name of a status for messages
 * @status: status of a disk
 *
 * Return: a constant string
 */
const char *uuid_disk_status_name(UUIDDiskStatus status);

#endif /* TESTS_VHOST_USER_UUID_DISK_H */
