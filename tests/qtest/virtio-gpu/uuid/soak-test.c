/*
 * QTest soak tests that share resources many times, with resets, migrations and
 * back-ends that die: no UUID is lost or stale, and nothing leaks
 *
 * The environment variable QTEST_SOAK has four numbers: of cycles, resets,
 * deaths and migrations.  Without it, there are no soak tests.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "virtio-export/fault.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/many.h"
#include "virtio-gpu/helpers/migration.h"

/* Number of requests for one kick of the control queue */
#define BATCH       32
#define SAMPLES     64
/* After so many samples, one-time allocations have been made */
#define WARM_UP     (SAMPLES / 4)
#define MAX_GROWTH  (64 * KiB)
#define MAX_RESIDENT_GROWTH (2 * MiB)

#define LIVE        10000
#define LOOKED_UP   10

#define MIGRATED    200
#define LOAD        20

static unsigned int num_cycles, num_resets, num_deaths, num_migrations;

/**
 * struct Sample - What QEMU holds at one moment
 * @cycles: number of cycles so far
 * @fds: number of file descriptors
 * @objects: number of exported objects
 * @heap: bytes of allocated heap
 * @resident: bytes of resident anonymous memory
 */
typedef struct Sample {
    unsigned int cycles;
    unsigned int fds;
    size_t objects;
    double heap;
    double resident;
} Sample;

static size_t count_objects(QTestState *qts)
{
    QDict *info = qtest_qmp_assert_success_ref(
        qts, "{ 'execute': 'x-query-virtio-exports' }");
    const QListEntry *entry;
    size_t count = 0;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(info, "exporters"), entry) {
        QDict *exporter_info = qobject_to(QDict, qlist_entry_obj(entry));

        count += qdict_get_int(exporter_info, "count");
    }
    qobject_unref(info);
    return count;
}

static Sample take_sample(QTestState *qts, unsigned int cycles)
{
    return (Sample) {
        .cycles = cycles,
        .objects = count_objects(qts),
        .fds = process_fds_count(qtest_pid(qts)),
        .heap = fault_heap_bytes(qts),
        .resident = process_anon_bytes(qtest_pid(qts)),
    };
}

/* Return: growth per cycle of the member at @offset, by least squares */
static double slope(const Sample *samples, size_t num, size_t offset)
{
    double mean_x = 0, mean_y = 0, xy = 0, xx = 0;
    size_t i;

    for (i = 0; i < num; i++) {
        mean_x += samples[i].cycles / (double)num;
        mean_y += *(double *)((char *)&samples[i] + offset) / num;
    }
    for (i = 0; i < num; i++) {
        double x = samples[i].cycles - mean_x;

        xy += x * (*(double *)((char *)&samples[i] + offset) - mean_y);
        xx += x * x;
    }
    return xx ? xy / xx : 0;
}

/* Resident memory grows by pages, which have room for allocations */
static void assert_flat(const Sample *samples, size_t num)
{
    const Sample *last = &samples[num - 1];
    double heap = slope(samples, num, offsetof(Sample, heap));
    double resident = slope(samples, num, offsetof(Sample, resident));
    unsigned int cycles = last->cycles - samples->cycles;
    size_t i;

    g_test_message("%u cycles, %zu samples: %u descriptors, %zu objects, "
                   "allocated %.0f to %.0f bytes, slope %.4f a cycle, "
                   "resident %.0f to %.0f bytes, slope %.4f a cycle",
                   last->cycles, num, last->fds, last->objects, samples->heap,
                   last->heap, heap, samples->resident, last->resident,
                   resident);
    for (i = 0; i < num; i++) {
        g_assert_cmpuint(samples[i].fds, ==, samples->fds);
        g_assert_cmpuint(samples[i].objects, ==, 0);
    }
    g_assert_cmpfloat(heap * cycles, <, MAX_GROWTH);
    g_assert_cmpfloat(resident * cycles, <, MAX_RESIDENT_GROWTH);
}

static void look_up_all(VhostUserPeer *peer, const ManyUUIDs *set, uint32_t end,
                        bool there)
{
    uint32_t id;

    for (id = 1; id < end; id++) {
        g_assert_true(importer_finds(peer, set->by_id[id]) == there);
    }
}

/* Create, assign, look up and unref resources, many at a time */
static void run_cycles(QVirtioGPU *gpu, ManyUUIDs *set, uint32_t end)
{
    many_send(gpu, 1, end, 1, many_fill_create, many_check_nodata, NULL);
    many_send(gpu, 1, end, 1, many_fill_assign, many_check_new_uuid, set);
    look_up_all(importer(), set, end, true);
    many_send(gpu, 1, end, 1, many_fill_unref, many_check_nodata, NULL);
    g_assert_false(importer_finds(importer(), set->by_id[1]));
}

static void soak_cycles(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    Sample samples[SAMPLES];
    unsigned int done = 0;
    size_t i;

    for (i = 0; i < SAMPLES; i++) {
        while (done < (uint64_t)num_cycles * (i + 1) / SAMPLES) {
            uint32_t num = MIN(BATCH, num_cycles - done);
            g_autoptr(ManyUUIDs) set = many_uuids_new(num + 1);

            run_cycles(gpu, set, num + 1);
            done += num;
        }
        samples[i] = take_sample(gpu->qts, done);
    }
    assert_flat(samples + WARM_UP, SAMPLES - WARM_UP);
}

/* All UUIDs ever assigned differ; only those of live resources are found */
static void soak_resets(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autoptr(ManyUUIDs) set = many_uuids_new(LIVE + 1);
    g_autofree Sample *samples = g_new(Sample, num_resets);
    unsigned int i;

    if (many_missing(LIVE)) {
        return;
    }
    for (i = 0; i < num_resets; i++) {
        many_send(gpu, 1, LIVE + 1, 1, many_fill_create, many_check_nodata,
                  NULL);
        many_send(gpu, 1, LIVE + 1, 1, many_fill_assign, many_check_new_uuid,
                  set);
        g_assert_cmpuint(count_objects(gpu->qts), ==, LIVE);
        look_up_all(importer(), set, LOOKED_UP + 1, true);
        qvirtio_gpu_start(gpu, 0);
        look_up_all(importer(), set, LOOKED_UP + 1, false);
        samples[i] = take_sample(gpu->qts, (i + 1) * LIVE);
    }
    assert_flat(samples + num_resets / 4, num_resets - num_resets / 4);
}

/* The importer looks up the exporter's object; the exporter does not reply */
static void begin_look_up(const uint8_t *uuid)
{
    g_assert_true(vhost_user_peer_add(exporter(), uuid));
    vhost_user_peer_hold(exporter(), PEER_GET_SHARED_OBJECT);
    vhost_user_peer_send(importer(), PEER_LOOKUP, PEER_NEED_REPLY, uuid,
                         PEER_UUID_SIZE);
    vhost_user_peer_wait_held(exporter());
}

static void exporter_dies(const uint8_t *uuid)
{
    VhostUserPeer *dying = exporter();
    PeerReply got;

    begin_look_up(uuid);
    vhost_user_peer_disconnect(dying);
    vhost_user_peer_release(dying);
    got = vhost_user_peer_recv(importer(), PEER_LOOKUP);
    g_assert_cmpuint(got.u64, !=, 0);
    g_assert_cmpuint(got.num_fds, ==, 0);
    vhost_user_peer_wait_gone(dying);
    vhost_user_peer_wait_ready(dying);
    g_assert_false(importer_finds(importer(), uuid));
}

static void importer_dies(const uint8_t *uuid)
{
    VhostUserPeer *dying = importer();

    begin_look_up(uuid);
    vhost_user_peer_disconnect(dying);
    vhost_user_peer_release(exporter());
    vhost_user_peer_wait_gone(dying);
    vhost_user_peer_wait_ready(dying);
    g_assert_true(importer_finds(importer(), uuid));
    g_assert_true(vhost_user_peer_remove(exporter(), uuid));
}

static void soak_deaths(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autofree Sample *samples = g_new(Sample, num_deaths);
    uint8_t its_uuid[PEER_UUID_SIZE] = "of-the-back-end";
    uuid_t uuid;
    unsigned int i;

    for (i = 0; i < num_deaths; i++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
        assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
        if (i % 2) {
            importer_dies(its_uuid);
        } else {
            exporter_dies(its_uuid);
        }
        g_assert_true(importer_finds(importer(), uuid));
        qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
        samples[i] = take_sample(gpu->qts, i + 1);
    }
    assert_flat(samples + num_deaths / 4, num_deaths - num_deaths / 4);
}

/* Create and destroy a resource while others stay */
static void load_it(QVirtioGPU *gpu, VhostUserPeer *peer, ManyUUIDs *set)
{
    uint32_t id = MIGRATED + 1;
    unsigned int i;

    for (i = 0; i < LOAD; i++) {
        many_send(gpu, id, id + 1, 1, many_fill_create, many_check_nodata,
                  NULL);
        many_send(gpu, id, id + 1, 1, many_fill_assign, many_check_new_uuid,
                  set);
        g_assert_true(importer_finds(peer, set->by_id[id]));
        many_send(gpu, id, id + 1, 1, many_fill_unref, many_check_nodata,
                  NULL);
    }
}

/*
 * Migrate: each UUID arrives with its memory, and no descriptor leaks.
 *
 * Return: the back-end in the QEMU to which the device has moved.
 */
static VhostUserPeer *migrate(QVirtioGPU *gpu, VhostUserPeer *here,
                              ManyUUIDs *set)
{
    VhostUserPeer *there = vhost_user_peer_new("other", true);
    g_autofree char *args = vhost_user_peer_args(there, "");
    QTestState *to = start_destination(.without = importer_args(),
                                       .with = args);
    Migration *migration;
    unsigned int before;

    vhost_user_peer_wait_ready(there);
    before = take_sample(to, 0).fds;
    migration = begin_migration(gpu->qts, to, true);
    load_it(gpu, here, set);
    finish_migration(migration);
    qvirtio_gpu_move(gpu, to);
    many_send(gpu, 1, MIGRATED + 1, 1, many_fill_assign, many_check_same_uuid,
              set);
    look_up_all(there, set, MIGRATED + 1, true);
    g_assert_cmpuint(count_objects(to), ==, MIGRATED);
    g_assert_cmpuint(take_sample(to, 0).fds, ==, before + MIGRATED);
    return there;
}

static void soak_migrations(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    VhostUserPeer *here = importer();
    g_autoptr(ManyUUIDs) set = many_uuids_new(MIGRATED + 2);
    unsigned int i;

    many_send(gpu, 1, MIGRATED + 1, 1, many_fill_create, many_check_nodata,
              NULL);
    many_send(gpu, 1, MIGRATED + 1, 1, many_fill_assign, many_check_new_uuid,
              set);
    for (i = 0; i < num_migrations; i++) {
        QTestState *from = gpu->qts;
        VhostUserPeer *there = migrate(gpu, here, set);

        if (from != home) {
            qtest_quit(from);
            vhost_user_peer_free(here);
        }
        here = there;
    }
    g_test_message("%u migrations with %d UUIDs, %d cycles in the middle of "
                   "each", num_migrations, MIGRATED, LOAD);
    come_home(gpu, home);
    vhost_user_peer_free(here);
}

static void *soak_before(GString *cmd_line, void *arg)
{
    many_raise_limit(LIVE);
    return importer_before(cmd_line, arg);
}

static void register_soak_test(void)
{
    static const UUIDTest tests[] = {
        { "soak/cycles", soak_cycles },
        { "soak/resets", soak_resets },
        { "soak/migrations", soak_migrations },
        { }
    };
    static const UUIDTest deaths_tests[] = {
        { "soak/deaths", soak_deaths },
        { }
    };
    const char *numbers = getenv("QTEST_SOAK");

    if (numbers && fault_available()) {
        g_assert_cmpint(sscanf(numbers, "%u %u %u %u", &num_cycles,
                               &num_resets, &num_deaths, &num_migrations),
                        ==, 4);
        add_uuid_pci_tests(tests, soak_before);
        add_uuid_pci_tests(deaths_tests, importer_exporter_before);
    }
}

libqos_init(register_soak_test);
