/*
 * A disk whose sectors are the memory behind a UUID
 *
 * The guest writes a UUID to the first sector. From then on the sectors that
 * follow are the memory of the object with that UUID, and the first sector
 * reads as UUIDDiskHead. Sixteen zeros let go of the object.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_UUID_DISK_H
#define TESTS_VHOST_USER_UUID_DISK_H

#include "qemu/units.h"
#include "qemu/uuid.h"
#include "shared-object.h"

#define UUID_DISK_SECTOR    512
#define UUID_DISK_SECTORS   (1 * GiB / UUID_DISK_SECTOR)

typedef enum UUIDDiskStatus {
    UUID_DISK_EMPTY = 0,        /* no UUID was written */
    UUID_DISK_READY = 1,        /* the disk is the object's memory */
    UUID_DISK_NOT_FOUND = 2,    /* no device has an object of that UUID */
    UUID_DISK_REFUSED = 3,      /* there is one that cannot be mapped */
} UUIDDiskStatus;

/* The first sector, as the guest reads it; numbers are little-endian. */
typedef struct UUIDDiskHead {
    uint8_t uuid[16];
    uint32_t status;
    uint32_t pad;
    uint64_t size;              /* of the object, in bytes */
    uint8_t zero[480];
} UUIDDiskHead;

/* Look up a UUID: a descriptor, which is then the disk's, or -1 */
typedef int UUIDDiskLookup(void *opaque, uint8_t uuid[16]);

typedef struct UUIDDisk {
    UUIDDiskLookup *lookup;
    void *opaque;
    bool read_only;

    QemuUUID uuid;
    UUIDDiskStatus status;
    SharedObject object;
    char *reason;               /* why it was refused */
    unsigned lookups;
} UUIDDisk;

/**
 * uuid_disk_select() - Make the disk the memory of another object
 * @disk: the disk, which lets go of the object that it has
 * @uuid: 16 bytes; all of them zero for no object
 *
 * Return: whether the disk is what was asked for; @disk->status says more
 */
bool uuid_disk_select(UUIDDisk *disk, const uint8_t uuid[16]);

/**
 * uuid_disk_clear() - Let go of the object, and of the UUID
 * @disk: the disk, which is empty afterwards
 */
void uuid_disk_clear(UUIDDisk *disk);

/**
 * uuid_disk_read() - Read sectors
 * @disk: the disk
 * @sector: the first one
 * @iov: where to
 * @iov_cnt: number of pieces in @iov
 * @bytes: how much, a multiple of a sector's size
 *
 * What is outside the object reads as zeros: a guest reads the start and the
 * end of each disk, to find partitions and file systems.
 *
 * Return: false if a sector is outside the disk, or if the object cannot be
 * read
 */
bool uuid_disk_read(UUIDDisk *disk, uint64_t sector, const struct iovec *iov,
                    unsigned iov_cnt, size_t bytes);

/**
 * uuid_disk_write() - Write sectors
 * @disk: the disk
 * @sector: the first one; the UUID has to be written by itself
 * @iov: where from, after @skip bytes
 * @iov_cnt: number of pieces in @iov
 * @skip: how much of @iov to leave out
 * @bytes: how much, a multiple of a sector's size
 *
 * Return: false if there is something outside the disk or the object, if the
 * object cannot be written, or if uuid_disk_select() says so
 */
bool uuid_disk_write(UUIDDisk *disk, uint64_t sector, const struct iovec *iov,
                     unsigned iov_cnt, size_t skip, size_t bytes);

/**
 * uuid_disk_status_name() - A word for people
 * @status: of a disk
 *
 * Return: a constant string
 */
const char *uuid_disk_status_name(UUIDDiskStatus status);

#endif /* TESTS_VHOST_USER_UUID_DISK_H */
