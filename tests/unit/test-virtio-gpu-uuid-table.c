/*
 * Tests of the table of the UUIDs that a virtio-gpu device has assigned
 *
 * The test replaces the random source, to make it fail and repeat itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/guest-random.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"

#define MANY 100000

typedef struct Holder {
    int before;
    QemuUUID uuid;
    int number;
} Holder;

typedef struct Fixture {
    VirtIOGPUUuidTable *table;
} Fixture;

static struct {
    bool fail;
    bool fail_silently;
    unsigned repeat_next; /* number of draws that repeat the last bytes */
    unsigned draws;
    QemuUUID last;
} source;

int qemu_guest_getrandom(void *buf, size_t len, Error **errp)
{
    uint32_t word;
    size_t i;

    g_assert_cmpuint(len, ==, sizeof(QemuUUID));
    source.draws++;
    if (source.fail) {
        error_setg(errp, "the test says so");
    }
    if (source.fail || source.fail_silently) {
        return -1;
    }
    if (source.repeat_next) {
        source.repeat_next--;
    } else {
        for (i = 0; i < len; i += sizeof(word)) {
            word = g_test_rand_int();
            memcpy(source.last.data + i, &word, sizeof(word));
        }
    }
    memcpy(buf, &source.last, len);
    return 0;
}

static void set_up(Fixture *f, gconstpointer data)
{
    memset(&source, 0, sizeof(source));
    f->table = virtio_gpu_uuid_table_new();
}

static void tear_down(Fixture *f, gconstpointer data)
{
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, 0);
    virtio_gpu_uuid_table_free(f->table);
}

static void assert_null(const QemuUUID *uuid)
{
    g_assert_true(qemu_uuid_is_null(uuid));
}

static void new_is_empty(Fixture *f, gconstpointer data)
{
    QemuUUID null = { }, some = { .data = { 1 } };

    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, 0);
    g_assert_null(virtio_gpu_uuid_table_find(f->table, &null));
    g_assert_null(virtio_gpu_uuid_table_find(f->table, &some));
}

static void free_null(Fixture *f, gconstpointer data)
{
    virtio_gpu_uuid_table_free(NULL);
}

static void free_leaves_entries_alone(Fixture *f, gconstpointer data)
{
    VirtIOGPUUuidTable *table = virtio_gpu_uuid_table_new();
    QemuUUID uuid = { }, copy;

    g_assert_true(virtio_gpu_uuid_table_assign(table, &uuid, &error_abort));
    copy = uuid;
    virtio_gpu_uuid_table_free(table);
    g_assert_true(qemu_uuid_is_equal(&uuid, &copy));
}

static void assign_is_version_4(Fixture *f, gconstpointer data)
{
    QemuUUID uuid;
    int i;

    for (i = 0; i < 1000; i++) {
        uuid = (QemuUUID) { };
        virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort);
        g_assert_cmphex(uuid.data[6] >> 4, ==, 4);
        g_assert_cmphex(uuid.data[8] >> 6, ==, 2);
        virtio_gpu_uuid_table_release(f->table, &uuid);
    }
}

static void assign_keeps_random_bits(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { };
    int i;

    virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort);
    for (i = 0; i < sizeof(uuid); i++) {
        uint8_t fixed = i == 6 ? 0xf0 : i == 8 ? 0xc0 : 0;

        g_assert_cmphex(uuid.data[i] & ~fixed, ==,
                        source.last.data[i] & ~fixed);
    }
    virtio_gpu_uuid_table_release(f->table, &uuid);
}

static void find_leads_to_the_structure(Fixture *f, gconstpointer data)
{
    Holder holders[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
    QemuUUID asked;
    Holder *found;
    int i;

    for (i = 0; i < ARRAY_SIZE(holders); i++) {
        virtio_gpu_uuid_table_assign(f->table, &holders[i].uuid, &error_abort);
    }
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, 3);
    for (i = 0; i < ARRAY_SIZE(holders); i++) {
        asked = holders[i].uuid;
        found = container_of(virtio_gpu_uuid_table_find(f->table, &asked),
                             Holder, uuid);
        memset(&asked, 0xff, sizeof(asked));
        g_assert_true(found == &holders[i]);
        g_assert_cmpint(found->number, ==, i);
    }
    for (i = 0; i < ARRAY_SIZE(holders); i++) {
        virtio_gpu_uuid_table_release(f->table, &holders[i].uuid);
    }
}

static void find_needs_all_bits(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { }, other;
    int bit;

    virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort);
    for (bit = 0; bit < 128; bit++) {
        other = uuid;
        other.data[bit / 8] ^= 1 << (bit % 8);
        g_assert_null(virtio_gpu_uuid_table_find(f->table, &other));
    }
    virtio_gpu_uuid_table_release(f->table, &uuid);
}

static void release_removes_and_nulls(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { }, copy;

    virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort);
    copy = uuid;
    virtio_gpu_uuid_table_release(f->table, &uuid);
    assert_null(&uuid);
    g_assert_null(virtio_gpu_uuid_table_find(f->table, &copy));
}

static void release_of_null_does_nothing(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { }, null = { };

    virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort);
    virtio_gpu_uuid_table_release(f->table, &null);
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, 1);
    g_assert_true(virtio_gpu_uuid_table_find(f->table, &uuid) == &uuid);
    virtio_gpu_uuid_table_release(f->table, &uuid);
}

static void assign_after_release_differs(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { }, old;

    virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort);
    old = uuid;
    virtio_gpu_uuid_table_release(f->table, &uuid);
    virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort);
    g_assert_false(qemu_uuid_is_equal(&uuid, &old));
    virtio_gpu_uuid_table_release(f->table, &uuid);
}

static void collision_is_drawn_again(Fixture *f, gconstpointer data)
{
    QemuUUID uuids[3] = { };
    int i;

    virtio_gpu_uuid_table_assign(f->table, &uuids[0], &error_abort);
    virtio_gpu_uuid_table_assign(f->table, &uuids[1], &error_abort);
    source.draws = 0;
    source.repeat_next = 2;
    virtio_gpu_uuid_table_assign(f->table, &uuids[2], &error_abort);
    g_assert_cmpuint(source.draws, ==, 3);
    g_assert_false(qemu_uuid_is_equal(&uuids[1], &uuids[2]));
    for (i = 0; i < ARRAY_SIZE(uuids); i++) {
        virtio_gpu_uuid_table_release(f->table, &uuids[i]);
    }
}

static void stuck_source_is_an_error(Fixture *f, gconstpointer data)
{
    QemuUUID first = { }, second = { };
    Error *err = NULL;

    virtio_gpu_uuid_table_assign(f->table, &first, &error_abort);
    source.draws = 0;
    source.repeat_next = UINT_MAX;
    g_assert_false(virtio_gpu_uuid_table_assign(f->table, &second, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "in use"));
    error_free(err);
    assert_null(&second);
    g_assert_cmpuint(source.draws, ==, 2);
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, 1);
    virtio_gpu_uuid_table_release(f->table, &first);
}

static void failing_source_is_an_error(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { };
    Error *err = NULL;

    source.fail = true;
    g_assert_false(virtio_gpu_uuid_table_assign(f->table, &uuid, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "the test says so");
    error_free(err);
    assert_null(&uuid);

    source.fail = false;
    g_assert_true(virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort));
    virtio_gpu_uuid_table_release(f->table, &uuid);
}

static void silent_source_is_an_error(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { };
    Error *err = NULL;

    source.fail_silently = true;
    g_assert_false(virtio_gpu_uuid_table_assign(f->table, &uuid, &err));
    g_assert_nonnull(err);
    error_free(err);
    assert_null(&uuid);
    g_assert_false(virtio_gpu_uuid_table_assign(f->table, &uuid, NULL));
}

/* A UUID of version 4 that the test's random source did not generate */
static const QemuUUID foreign = { .data = {
    0x1b, 0x4e, 0x28, 0xba, 0x2f, 0xa1, 0x41, 0xd2,
    0x88, 0x3f, 0x00, 0x16, 0xd3, 0xcc, 0xa4, 0x27
} };

static void enter_is_found(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { };

    g_assert_true(virtio_gpu_uuid_table_enter(f->table, &uuid, &foreign,
                                              &error_abort));
    g_assert_true(qemu_uuid_is_equal(&uuid, &foreign));
    g_assert_true(virtio_gpu_uuid_table_find(f->table, &foreign) == &uuid);
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, 1);
    g_assert_cmpuint(source.draws, ==, 0);
    virtio_gpu_uuid_table_release(f->table, &uuid);
}

static void assert_not_entered(Fixture *f, const QemuUUID *value,
                               const char *reason)
{
    size_t size = virtio_gpu_uuid_table_size(f->table);
    QemuUUID uuid = { };
    Error *err = NULL;

    g_assert_false(virtio_gpu_uuid_table_enter(f->table, &uuid, value, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), reason));
    error_free(err);
    assert_null(&uuid);
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, size);
}

static void enter_rejects_null(Fixture *f, gconstpointer data)
{
    QemuUUID null = { };

    assert_not_entered(f, &null, "null");
}

static void enter_rejects_other_versions(Fixture *f, gconstpointer data)
{
    int i;

    for (i = 0; i < 16; i++) {
        QemuUUID value = foreign;

        value.data[6] = (i << 4) | 1;
        if (i != 4) {
            assert_not_entered(f, &value, "version 4");
        }
    }
}

static void enter_rejects_other_variants(Fixture *f, gconstpointer data)
{
    int i;

    for (i = 0; i < 4; i++) {
        QemuUUID value = foreign;

        value.data[8] = (i << 6) | 8;
        if (i != 2) {
            assert_not_entered(f, &value, "version 4");
        }
    }
}

static void enter_rejects_uuid_in_use(Fixture *f, gconstpointer data)
{
    QemuUUID drawn = { }, entered = { };

    virtio_gpu_uuid_table_assign(f->table, &drawn, &error_abort);
    virtio_gpu_uuid_table_enter(f->table, &entered, &foreign, &error_abort);
    assert_not_entered(f, &drawn, "in use");
    assert_not_entered(f, &foreign, "in use");
    virtio_gpu_uuid_table_release(f->table, &drawn);
    virtio_gpu_uuid_table_release(f->table, &entered);
}

static void enter_rejects_second_uuid(Fixture *f, gconstpointer data)
{
    QemuUUID uuid = { }, before;
    Error *err = NULL;

    virtio_gpu_uuid_table_assign(f->table, &uuid, &error_abort);
    before = uuid;
    g_assert_false(virtio_gpu_uuid_table_enter(f->table, &uuid, &foreign,
                                               &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "already has a UUID"));
    error_free(err);
    g_assert_true(qemu_uuid_is_equal(&uuid, &before));
    g_assert_null(virtio_gpu_uuid_table_find(f->table, &foreign));
    virtio_gpu_uuid_table_release(f->table, &uuid);
}

/* With the same seed, a host draws a UUID that the other host has sent */
static void collision_with_an_entered_one(Fixture *f, gconstpointer data)
{
    QemuUUID ours = { }, theirs = { }, sent;

    virtio_gpu_uuid_table_assign(f->table, &ours, &error_abort);
    sent = ours;
    virtio_gpu_uuid_table_release(f->table, &ours);
    virtio_gpu_uuid_table_enter(f->table, &theirs, &sent, &error_abort);
    source.repeat_next = 1;
    virtio_gpu_uuid_table_assign(f->table, &ours, &error_abort);
    g_assert_false(qemu_uuid_is_equal(&ours, &theirs));
    virtio_gpu_uuid_table_release(f->table, &ours);
    virtio_gpu_uuid_table_release(f->table, &theirs);
}

static void tables_are_independent(Fixture *f, gconstpointer data)
{
    VirtIOGPUUuidTable *other = virtio_gpu_uuid_table_new();
    QemuUUID ours = { }, theirs = { };

    virtio_gpu_uuid_table_assign(f->table, &ours, &error_abort);
    virtio_gpu_uuid_table_assign(other, &theirs, &error_abort);
    g_assert_null(virtio_gpu_uuid_table_find(f->table, &theirs));
    g_assert_null(virtio_gpu_uuid_table_find(other, &ours));
    virtio_gpu_uuid_table_release(f->table, &ours);
    g_assert_true(virtio_gpu_uuid_table_find(other, &theirs) == &theirs);
    virtio_gpu_uuid_table_release(other, &theirs);
    virtio_gpu_uuid_table_free(other);
}

static void many_with_every_second_released(Fixture *f, gconstpointer data)
{
    g_autofree QemuUUID *uuids = g_new0(QemuUUID, MANY);
    g_autofree QemuUUID *copies = g_new(QemuUUID, MANY);
    int i;

    for (i = 0; i < MANY; i++) {
        virtio_gpu_uuid_table_assign(f->table, &uuids[i], &error_abort);
    }
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, MANY);
    memcpy(copies, uuids, MANY * sizeof(*uuids));
    for (i = 0; i < MANY; i += 2) {
        virtio_gpu_uuid_table_release(f->table, &uuids[i]);
    }
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->table), ==, MANY / 2);
    for (i = 0; i < MANY; i++) {
        g_assert_true(virtio_gpu_uuid_table_find(f->table, &copies[i]) ==
                      (i % 2 ? &uuids[i] : NULL));
    }
    for (i = 1; i < MANY; i += 2) {
        virtio_gpu_uuid_table_release(f->table, &uuids[i]);
    }
}

/* virtio_gpu_uuid_table_free() frees the memory */
static void room_keeps_what_fits(Fixture *f, gconstpointer data)
{
    uint8_t *room = virtio_gpu_uuid_table_room(f->table, 4);

    memset(room, 0x5a, 4);
    room = virtio_gpu_uuid_table_room(f->table, 1 << 20);
    g_assert_cmphex(ldl_he_p(room), ==, 0x5a5a5a5a);
    g_assert_null(virtio_gpu_uuid_table_room(f->table, 0));
    g_assert_nonnull(virtio_gpu_uuid_table_room(f->table, 4));
}

static void add(const char *name, void (*test)(Fixture *, gconstpointer))
{
    g_autofree char *path = g_strdup_printf("/virtio-gpu-uuid-table/%s", name);

    g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add("new/is-empty", new_is_empty);
    add("free/null", free_null);
    add("free/leaves-entries-alone", free_leaves_entries_alone);
    add("assign/is-version-4", assign_is_version_4);
    add("assign/keeps-random-bits", assign_keeps_random_bits);
    add("assign/collision-is-drawn-again", collision_is_drawn_again);
    add("assign/stuck-source-is-an-error", stuck_source_is_an_error);
    add("assign/failing-source-is-an-error", failing_source_is_an_error);
    add("assign/silent-source-is-an-error", silent_source_is_an_error);
    add("assign/after-release-differs", assign_after_release_differs);
    add("enter/is-found", enter_is_found);
    add("enter/rejects-null", enter_rejects_null);
    add("enter/rejects-other-versions", enter_rejects_other_versions);
    add("enter/rejects-other-variants", enter_rejects_other_variants);
    add("enter/rejects-uuid-in-use", enter_rejects_uuid_in_use);
    add("enter/rejects-second-uuid", enter_rejects_second_uuid);
    add("enter/collides-with-a-draw", collision_with_an_entered_one);
    add("find/leads-to-the-structure", find_leads_to_the_structure);
    add("find/needs-all-bits", find_needs_all_bits);
    add("release/removes-and-nulls", release_removes_and_nulls);
    add("release/of-null-does-nothing", release_of_null_does_nothing);
    add("tables/are-independent", tables_are_independent);
    add("room/keeps-what-fits", room_keeps_what_fits);
    add("many/every-second-released", many_with_every_second_released);

    return g_test_run();
}
