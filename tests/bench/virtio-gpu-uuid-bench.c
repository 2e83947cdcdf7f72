/*
 * Benchmark of virtio-gpu's table of UUIDs, and of a table by id
 *
 *   virtio-gpu-uuid-bench table|by-id RESOURCES
 * The table by id is the design of patches posted from 2022 to 2024: a hash
 * table from the id of a resource to a UUID on the heap.  Its UUIDs come from a
 * source that is not a CSPRNG, and it cannot look up the resource of a UUID.
 *
 * Each figure is a line "bench NAME TIMES NANOSECONDS".  step() runs once for
 * each figure, in the order of the lines: make a profiler count in step(), and
 * dump its counts after each call.  When the program ends, all UUIDs except
 * those of the NEWEST last resources are on the heap.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "crypto/random.h"
#include "qapi/error.h"
#include "qemu/timer.h"
#include "qemu/uuid.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"

#define NEWEST 5

typedef struct Kept {
    VirtIOGPUUuidTable *table;
    QemuUUID *in_resources;
    GHashTable *by_id;
} Kept;

typedef void StepFunc(Kept *kept, uint32_t id);

static void table_assign(Kept *kept, uint32_t id)
{
    QemuUUID *uuid = &kept->in_resources[id];

    if (qemu_uuid_is_null(uuid)) {
        virtio_gpu_uuid_table_assign(kept->table, uuid, &error_abort);
    }
}

static void table_release(Kept *kept, uint32_t id)
{
    virtio_gpu_uuid_table_release(kept->table, &kept->in_resources[id]);
}

static void by_id_assign(Kept *kept, uint32_t id)
{
    QemuUUID *uuid;

    if (!g_hash_table_contains(kept->by_id, GUINT_TO_POINTER(id))) {
        uuid = g_new(QemuUUID, 1);
        qemu_uuid_generate(uuid);
        g_hash_table_insert(kept->by_id, GUINT_TO_POINTER(id), uuid);
    }
}

static void by_id_release(Kept *kept, uint32_t id)
{
    g_hash_table_remove(kept->by_id, GUINT_TO_POINTER(id));
}

static const struct {
    const char *name;
    StepFunc *assign;
    StepFunc *release;
} schemes[] = {
    { "table", table_assign, table_release },
    { "by-id", by_id_assign, by_id_release },
};

/* Not inlined, so that a profiler finds it */
static void __attribute__((noinline)) step(StepFunc *func, Kept *kept,
                                           uint32_t first, uint32_t end)
{
    uint32_t id;

    for (id = first; id < end; id++) {
        func(kept, id);
    }
}

static void timed_step(const char *name, StepFunc *func, Kept *kept,
                       uint32_t first, uint32_t end)
{
    int64_t start = get_clock();

    step(func, kept, first, end);
    printf("bench %s %u %" PRId64 "\n", name, end - first,
           get_clock() - start);
}

static int find_scheme(const char *name)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (!strcmp(schemes[i].name, name)) {
            return i;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    int scheme = argc == 3 ? find_scheme(argv[1]) : -1;
    uint32_t end = argc == 3 ? atoi(argv[2]) : 0;
    Kept kept;

    if (scheme < 0 || end < NEWEST) {
        fprintf(stderr,
                "usage: virtio-gpu-uuid-bench table|by-id RESOURCES\n");
        return EXIT_FAILURE;
    }
    qcrypto_random_init(&error_fatal);
    kept.table = virtio_gpu_uuid_table_new();
    /* a table by id stores no UUIDs in the resources */
    kept.in_resources = g_new0(QemuUUID, scheme ? 0 : end);
    kept.by_id = g_hash_table_new_full(NULL, NULL, NULL, g_free);

    timed_step("assign-all", schemes[scheme].assign, &kept, 0, end - NEWEST);
    timed_step("assign", schemes[scheme].assign, &kept, end - NEWEST, end);
    timed_step("assign-again", schemes[scheme].assign, &kept, end - NEWEST,
               end);
    timed_step("release", schemes[scheme].release, &kept, end - NEWEST, end);
    return EXIT_SUCCESS;
}
