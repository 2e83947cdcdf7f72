/*
 * virtio-gpu: the table of the UUIDs that one device has assigned
 *
 * An entry is a QemuUUID that is a member of a structure of the caller.  The
 * table points to the entry, so that an entry costs no allocation, and
 * container_of() leads from the entry to the structure.  The null UUID means
 * "none" and is never in a table.
 *
 * The table has no lock: only one thread at a time may use a table.  A device
 * uses its table in the main loop's thread with the BQL held.
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
 * Entries that are still in the table are not written to: the structures that
 * contain them may have been freed already.
 */
void virtio_gpu_uuid_table_free(VirtIOGPUUuidTable *table);

/**
 * virtio_gpu_uuid_table_assign() - Draw a new UUID and enter it
 * @table: the table
 * @uuid: the entry, null until now; the caller must not move or free it before
 *        virtio_gpu_uuid_table_release()
 * @errp: set on failure
 *
 * Writes to @uuid a random UUID (RFC 4122, version 4) that no other entry of
 * @table has, in network byte order.  The virtio specification recommends such
 * UUIDs as names of exported objects ("Exporting Objects").
 *
 * Return: true on success; false with @errp set and @uuid still null if the
 * host has no random bytes, or returns only UUIDs that are in the table.
 */
bool virtio_gpu_uuid_table_assign(VirtIOGPUUuidTable *table, QemuUUID *uuid,
                                  Error **errp);

/**
 * virtio_gpu_uuid_table_enter() - Enter a UUID that another host has drawn
 * @table: the table
 * @uuid: the entry, null until now; the caller must not move or free it before
 *        virtio_gpu_uuid_table_release()
 * @value: the UUID to enter; not trusted
 * @errp: set on failure
 *
 * For UUIDs from a migration stream.
 *
 * Return: true on success; false with @errp set and nothing changed if @uuid
 * is not null, or if virtio_gpu_uuid_table_assign() could not have drawn
 * @value: a null UUID, a UUID not of version 4, or the UUID of another entry.
 */
bool virtio_gpu_uuid_table_enter(VirtIOGPUUuidTable *table, QemuUUID *uuid,
                                 const QemuUUID *value, Error **errp);

/**
 * virtio_gpu_uuid_table_release() - Remove an entry
 * @table: the table
 * @uuid: an entry of @table, or a null UUID, for which nothing is done
 *
 * @uuid is null after the call.
 */
void virtio_gpu_uuid_table_release(VirtIOGPUUuidTable *table, QemuUUID *uuid);

/**
 * virtio_gpu_uuid_table_find() - Look up a UUID
 * @table: the table
 * @uuid: the UUID, compared by value
 *
 * Return: the entry, valid until it is released; NULL if no entry has this
 * UUID.
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
 * @table: the table; virtio_gpu_uuid_table_free() frees the memory as well
 * @size: size of the memory, in bytes; 0 to free the memory
 *
 * For the records of a migration stream: no callback is called if the stream
 * ends in the middle of them.
 *
 * Return: the memory, with its earlier content up to @size; valid until the
 * next call.
 */
void *virtio_gpu_uuid_table_room(VirtIOGPUUuidTable *table, size_t size);

#endif /* HW_VIRTIO_GPU_UUID_TABLE_H */
