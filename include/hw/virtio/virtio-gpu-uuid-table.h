/*
 * virtio-gpu: the table of UUIDs that one device has given out
 *
 * An entry is a QemuUUID inside a structure of the caller's: the table points
 * at it, so an entry costs no allocation and a look-up leads to the structure
 * by container_of().  The null UUID means "none" and is never in a table.
 *
 * The table has no lock: all calls on one table come from one thread at a
 * time, for a device the main loop's with the BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GPU_UUID_TABLE_H
#define HW_VIRTIO_GPU_UUID_TABLE_H

#include "qemu/uuid.h"

typedef struct VirtIOGPUUuidTable VirtIOGPUUuidTable;

/**
 * virtio_gpu_uuid_table_new() - Make an empty table
 *
 * Return: the table, which the caller frees with virtio_gpu_uuid_table_free().
 */
VirtIOGPUUuidTable *virtio_gpu_uuid_table_new(void);

/**
 * virtio_gpu_uuid_table_free() - Free a table
 * @table: the table, or NULL
 *
 * Entries that are still in it are forgotten and not written to: the
 * structures that hold them may be gone already.
 */
void virtio_gpu_uuid_table_free(VirtIOGPUUuidTable *table);

/**
 * virtio_gpu_uuid_table_assign() - Draw a new UUID and enter it
 * @table: the table
 * @uuid: the entry, null until now; the caller's, who keeps it in place until
 *        virtio_gpu_uuid_table_release()
 * @errp: set on failure
 *
 * Writes to @uuid a random UUID (RFC 4122, version 4) that no other entry of
 * @table has, in network byte order.  This is how the virtio specification
 * recommends to name an exported object ("Exporting Objects").
 *
 * Return: true on success; false with @errp set and @uuid still null if the
 * host has no random bytes to give, or only such as are in the table.
 */
bool virtio_gpu_uuid_table_assign(VirtIOGPUUuidTable *table, QemuUUID *uuid,
                                  Error **errp);

/**
 * virtio_gpu_uuid_table_enter() - Enter a UUID that another host has drawn
 * @table: the table
 * @uuid: the entry, null until now; the caller's, who keeps it in place until
 *        virtio_gpu_uuid_table_release()
 * @value: what to enter; not trusted
 * @errp: set on failure
 *
 * For UUIDs that come in a migration stream.
 *
 * Return: true on success; false with @errp set and nothing changed if @uuid
 * is not null, or if @value is not what virtio_gpu_uuid_table_assign() could
 * have drawn: null, not of version 4, or another entry's.
 */
bool virtio_gpu_uuid_table_enter(VirtIOGPUUuidTable *table, QemuUUID *uuid,
                                 const QemuUUID *value, Error **errp);

/**
 * virtio_gpu_uuid_table_release() - Take an entry out
 * @table: the table
 * @uuid: an entry of @table, or a null UUID, for which nothing is done
 *
 * @uuid is null after the call.
 */
void virtio_gpu_uuid_table_release(VirtIOGPUUuidTable *table, QemuUUID *uuid);

/**
 * virtio_gpu_uuid_table_find() - Look a UUID up
 * @table: the table
 * @uuid: the UUID, copied nowhere and compared by value
 *
 * Return: the entry itself, valid until it is released; NULL if none has
 * that UUID.
 */
QemuUUID *virtio_gpu_uuid_table_find(const VirtIOGPUUuidTable *table,
                                     const QemuUUID *uuid);

/**
 * virtio_gpu_uuid_table_size() - Count the entries
 * @table: the table
 *
 * Return: how many entries @table has.
 */
size_t virtio_gpu_uuid_table_size(const VirtIOGPUUuidTable *table);

/**
 * virtio_gpu_uuid_table_room() - Get memory for copies of entries
 * @table: the table, which frees the memory with itself at the latest
 * @size: in bytes; 0 to free the memory
 *
 * For what comes in a migration stream, which may end at any point without
 * anybody being told.
 *
 * Return: the memory, with what it had before as far as it reaches; valid until
 * the next call.
 */
void *virtio_gpu_uuid_table_room(VirtIOGPUUuidTable *table, size_t size);

#endif /* HW_VIRTIO_GPU_UUID_TABLE_H */
