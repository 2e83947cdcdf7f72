/*
 * QTest testcase for UUIDs of very many virtio-gpu resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/resource.h>
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/many.h"
#include "virtio-gpu/helpers/migration.h"
#include "virtio-gpu/helpers/uuid.h"

#define RESOURCES       15000
#define EXPORTED        10000
/* Growth of the migration stream for each UUID and for all of them */
#define BYTES_PER_UUID  20
#define BYTES_FOR_ALL   34

static uint32_t resources_that_fit(void)
{
    struct rlimit lim;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &lim), ==, 0);
    if (lim.rlim_cur >= RESOURCES + MANY_OTHER_FDS) {
        return RESOURCES;
    }
    g_assert_cmpuint(lim.rlim_cur, >, MANY_OTHER_FDS);
    return lim.rlim_cur - MANY_OTHER_FDS;
}

static void skip_if_fewer(uint32_t resources)
{
    if (resources < RESOURCES) {
        g_autofree char *why = g_strdup_printf("RLIMIT_NOFILE allows %u"
                                               " resources only", resources);

        g_test_skip(why);
    }
}

static void many_resources(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint32_t end = resources_that_fit() + 1;
    g_autoptr(ManyUUIDs) set = many_uuids_new(end);

    many_send(gpu, 1, end, 1, many_fill_create, many_check_nodata, NULL);
    g_assert_false(has_uuids(gpu->qts));
    many_send(gpu, 1, end, 1, many_fill_assign, many_check_new_uuid, set);
    many_send(gpu, 1, end, 1, many_fill_assign, many_check_same_uuid, set);
    g_assert_cmpuint(g_hash_table_size(set->all), ==, end - 1);

    /* destroy every second resource: the others keep their UUIDs */
    many_send(gpu, 2, end, 2, many_fill_unref, many_check_nodata, NULL);
    many_send(gpu, 1, end, 2, many_fill_assign, many_check_same_uuid, set);

    /* recreate them with the old IDs: their UUIDs are new */
    many_send(gpu, 2, end, 2, many_fill_create, many_check_nodata, NULL);
    many_send(gpu, 2, end, 2, many_fill_assign, many_check_new_uuid, set);
    many_send(gpu, 1, end, 1, many_fill_assign, many_check_same_uuid, set);

    g_assert_true(has_uuids(gpu->qts));
    many_send(gpu, 1, end, 1, many_fill_unref, many_check_nodata, NULL);
    g_assert_false(has_uuids(gpu->qts));

    skip_if_fewer(end - 1);
}

/* All UUIDs arrive; the stream grows by as much as the manual says */
static void many_migrated(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    uint32_t end = resources_that_fit() + 1;
    g_autoptr(ManyUUIDs) set = many_uuids_new(end);
    GByteArray *without, *with;

    many_send(gpu, 1, end, 1, many_fill_create, many_check_nodata, NULL);
    without = save_devices(home);
    many_send(gpu, 1, end, 1, many_fill_assign, many_check_new_uuid, set);
    with = save_devices(home);
    g_assert_cmpuint(with->len - without->len, ==,
                     (end - 1) * BYTES_PER_UUID + BYTES_FOR_ALL);
    g_byte_array_unref(without);
    g_byte_array_unref(with);

    qvirtio_gpu_move(gpu, start_destination());
    finish_migration(begin_migration(home, gpu->qts, false));
    many_send(gpu, 1, end, 1, many_fill_assign, many_check_same_uuid, set);
    many_send(gpu, 1, end, 1, many_fill_unref, many_check_nodata, NULL);
    g_assert_false(has_uuids(gpu->qts));
    come_home(gpu, home);
    skip_if_fewer(end - 1);
}

/* The first lookup writes the ID into the memory, the second one reads it */
static void number_memory(uuid_t *by_id, uint32_t first, uint32_t step,
                          bool write)
{
    uint32_t id;

    for (id = first; id <= EXPORTED; id += step) {
        uint32_t *memory = (uint32_t *)importer_map(importer(), by_id[id],
                                                    NULL);

        g_assert_nonnull(memory);
        if (write) {
            *memory = id;
        }
        g_assert_cmpuint(*memory, ==, id);
        munmap(memory, qemu_real_host_page_size());
    }
}

static void many_exported(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint32_t end = EXPORTED + 1;
    g_autoptr(ManyUUIDs) set = many_uuids_new(end);
    uint32_t id;

    if (resources_that_fit() < EXPORTED) {
        skip_if_fewer(resources_that_fit());
        return;
    }
    many_send(gpu, 1, end, 1, many_fill_create, many_check_nodata, NULL);
    many_send(gpu, 1, end, 1, many_fill_assign, many_check_new_uuid, set);
    number_memory(set->by_id, 1, 1, true);
    number_memory(set->by_id, 1, 1, false);

    many_send(gpu, 2, end, 2, many_fill_unref, many_check_nodata, NULL);
    number_memory(set->by_id, 1, 2, false);
    for (id = 2; id < end; id += 2) {
        g_assert_false(importer_finds(importer(), set->by_id[id]));
    }
    many_send(gpu, 1, end, 2, many_fill_unref, many_check_nodata, NULL);
}

static void *raise_nofile_limit(GString *cmd_line, void *arg)
{
    many_raise_limit(RESOURCES);
    return arg;
}

static void *raise_limit_and_import(GString *cmd_line, void *arg)
{
    return importer_before(cmd_line, raise_nofile_limit(cmd_line, arg));
}

static void register_scale_test(void)
{
    static const UUIDTest tests[] = {
        { "scale/15000-resources", many_resources },
        { }
    };
    static const UUIDTest pci_tests[] = {
        { "scale/15000-migrated", many_migrated },
        { }
    };
    static const UUIDTest importer_tests[] = {
        { "scale/10000-exported", many_exported },
        { }
    };

    if (g_test_slow()) {
        add_uuid_tests(tests, raise_nofile_limit);
        add_uuid_pci_tests(pci_tests, raise_nofile_limit);
        add_uuid_pci_tests(importer_tests, raise_limit_and_import);
    }
}

libqos_init(register_scale_test);
