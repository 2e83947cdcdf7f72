/*
 * virtio-gpu: the table of the UUIDs that one device has assigned
 *
 * The table is a hash set of pointers to QemuUUID.  It depends on neither
 * devices nor resources, so that tests/unit can use it without them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/guest-random.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"

struct VirtIOGPUUuidTable {
    GHashTable *uuids;
    void *room;
};

static gboolean virtio_gpu_uuid_equal(gconstpointer lhs, gconstpointer rhs)
{
    return qemu_uuid_is_equal(lhs, rhs);
}

/* RFC 4122, 4.4: all bits random but those of version and variant */
static bool virtio_gpu_uuid_draw(QemuUUID *uuid, Error **errp)
{
    ERRP_GUARD();

    if (qemu_guest_getrandom(uuid, sizeof(*uuid), errp) < 0) {
        /* under record/replay it fails without setting @errp */
        if (!*errp) {
            error_setg(errp, "the host has no random bytes for a UUID");
        }
        return false;
    }
    uuid->data[6] = (uuid->data[6] & 0x0f) | 0x40;
    uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
    return true;
}

static bool virtio_gpu_uuid_is_v4(const QemuUUID *uuid)
{
    return (uuid->data[6] & 0xf0) == 0x40 && (uuid->data[8] & 0xc0) == 0x80;
}

VirtIOGPUUuidTable *virtio_gpu_uuid_table_new(void)
{
    VirtIOGPUUuidTable *table = g_new0(VirtIOGPUUuidTable, 1);

    table->uuids = g_hash_table_new(qemu_uuid_hash, virtio_gpu_uuid_equal);
    return table;
}

void virtio_gpu_uuid_table_free(VirtIOGPUUuidTable *table)
{
    if (table) {
        g_hash_table_destroy(table->uuids);
        g_free(table->room);
        g_free(table);
    }
}

bool virtio_gpu_uuid_table_assign(VirtIOGPUUuidTable *table, QemuUUID *uuid,
                                  Error **errp)
{
    /*
     * With -seed, the numbers do not come from a CSPRNG: after a migration,
     * the UUIDs of two QEMUs with the same seed can collide.  Numbers that do
     * not repeat themselves collide with each entry at most once, so that one
     * draw more than there are entries must give a new UUID.
     */
    size_t draws = virtio_gpu_uuid_table_size(table) + 1;
    QemuUUID draw;

    assert(qemu_uuid_is_null(uuid));
    do {
        if (draws-- == 0) {
            error_setg(errp, "the host returns only UUIDs that are in use");
            return false;
        }
        if (!virtio_gpu_uuid_draw(&draw, errp)) {
            return false;
        }
    } while (g_hash_table_contains(table->uuids, &draw));

    *uuid = draw;
    g_hash_table_add(table->uuids, uuid);
    return true;
}

/* Return: what is wrong with @value for a new entry, or NULL */
static const char *virtio_gpu_uuid_fault(const VirtIOGPUUuidTable *table,
                                         const QemuUUID *value)
{
    if (qemu_uuid_is_null(value)) {
        return "is null";
    }
    if (!virtio_gpu_uuid_is_v4(value)) {
        return "is not of version 4 (RFC 4122)";
    }
    if (g_hash_table_contains(table->uuids, value)) {
        return "is in use already";
    }
    return NULL;
}

bool virtio_gpu_uuid_table_enter(VirtIOGPUUuidTable *table, QemuUUID *uuid,
                                 const QemuUUID *value, Error **errp)
{
    const char *fault = qemu_uuid_is_null(uuid)
                        ? virtio_gpu_uuid_fault(table, value)
                        : "is rejected: the resource already has a UUID";

    if (fault) {
        g_autofree char *text = qemu_uuid_unparse_strdup(value);

        error_setg(errp, "UUID %s %s", text, fault);
        return false;
    }
    *uuid = *value;
    g_hash_table_add(table->uuids, uuid);
    return true;
}

void virtio_gpu_uuid_table_release(VirtIOGPUUuidTable *table, QemuUUID *uuid)
{
    if (!qemu_uuid_is_null(uuid)) {
        g_hash_table_remove(table->uuids, uuid);
        *uuid = (QemuUUID) { };
    }
}

QemuUUID *virtio_gpu_uuid_table_find(const VirtIOGPUUuidTable *table,
                                     const QemuUUID *uuid)
{
    return g_hash_table_lookup(table->uuids, uuid);
}

size_t virtio_gpu_uuid_table_size(const VirtIOGPUUuidTable *table)
{
    return g_hash_table_size(table->uuids);
}

void *virtio_gpu_uuid_table_room(VirtIOGPUUuidTable *table, size_t size)
{
    table->room = g_realloc(table->room, size);
    return table->room;
}
