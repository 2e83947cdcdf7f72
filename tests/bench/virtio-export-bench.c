/*
 * Benchmark of lookups, by the number of objects and exporters
 *
 *   virtio-export-bench OBJECTS EXPORTERS
 * measures the export registry with virtio-gpu's table of UUIDs, without a
 * device, and prints nanoseconds per lookup.  Each exporter has OBJECTS
 * objects, and the lookups are for objects of the exporter that is asked last.
 * Use a profiler on look_up_all().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/memfd.h"
#include "qemu/timer.h"
#include "hw/virtio/virtio-export.h"
#include "hw/virtio/virtio-export-compat.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"

#define LOOK_UPS 20000

#define TYPE_BENCH_EXPORTER "bench-exporter"
OBJECT_DECLARE_SIMPLE_TYPE(BenchExporter, BENCH_EXPORTER)

struct BenchExporter {
    Object parent_obj;

    VirtIOGPUUuidTable *table;
    QemuUUID *uuids;
    int fd;
};

static VirtIOExportStatus bench_export(VirtIOExporter *exporter,
                                       VirtIOExportLookup *lookup,
                                       VirtIOExportObject *object,
                                       Error **errp)
{
    BenchExporter *b = BENCH_EXPORTER(exporter);

    if (!virtio_gpu_uuid_table_find(b->table,
                                    virtio_export_lookup_uuid(lookup))) {
        return VIRTIO_EXPORT_UNKNOWN;
    }
    object->fd = qemu_dup(b->fd);
    return VIRTIO_EXPORT_DONE;
}

static void bench_exporter_class_init(ObjectClass *klass,
                                      VirtIOExportClassData *data)
{
    VIRTIO_EXPORTER_CLASS(klass)->export = bench_export;
}

static const TypeInfo bench_exporter_info = {
    .name = TYPE_BENCH_EXPORTER,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(BenchExporter),
    .class_init = bench_exporter_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_VIRTIO_EXPORTER },
        { }
    },
};

/* The same UUIDs in each run, so that runs can be compared */
static QemuUUID bench_uuid(GRand *rand)
{
    QemuUUID uuid;
    int i;

    for (i = 0; i < ARRAY_SIZE(uuid.data); i++) {
        uuid.data[i] = g_rand_int(rand);
    }
    uuid.data[6] = (uuid.data[6] & 0x0f) | 0x40;
    uuid.data[8] = (uuid.data[8] & 0x3f) | 0x80;
    return uuid;
}

static BenchExporter *bench_exporter_new(unsigned int objects, GRand *rand)
{
    BenchExporter *b = BENCH_EXPORTER(object_new(TYPE_BENCH_EXPORTER));
    unsigned int i;

    b->table = virtio_gpu_uuid_table_new();
    b->uuids = g_new0(QemuUUID, objects);
    b->fd = qemu_memfd_create("bench", 4096, false, 0, 0, &error_fatal);
    for (i = 0; i < objects; i++) {
        QemuUUID uuid = bench_uuid(rand);

        virtio_gpu_uuid_table_enter(b->table, &b->uuids[i], &uuid,
                                    &error_fatal);
    }
    virtio_exporter_register(VIRTIO_EXPORTER(b));
    return b;
}

static void bench_lookup_done(void *opaque, const VirtIOExportObject *object,
                              Error *err)
{
    error_propagate(&error_fatal, err);
    close(object->fd);
}

/* Not inlined, so that a profiler finds it */
static void __attribute__((noinline)) look_up_all(const QemuUUID *uuids,
                                                  unsigned int objects)
{
    unsigned int i;

    for (i = 0; i < LOOK_UPS; i++) {
        virtio_export_lookup(&uuids[i % objects], bench_lookup_done, NULL);
    }
}

int main(int argc, char **argv)
{
    unsigned int objects = argc == 3 ? atoi(argv[1]) : 0;
    unsigned int exporters = argc == 3 ? atoi(argv[2]) : 0;
    GRand *rand = g_rand_new_with_seed(1);
    BenchExporter *last = NULL;
    int64_t start;
    unsigned int i;

    if (!objects || !exporters) {
        fprintf(stderr, "usage: virtio-export-bench OBJECTS EXPORTERS\n");
        return EXIT_FAILURE;
    }
    qemu_init_main_loop(&error_fatal);
    module_call_init(MODULE_INIT_QOM);
    type_register_static(&bench_exporter_info);

    for (i = 0; i < exporters; i++) {
        BenchExporter *b = bench_exporter_new(objects, rand);

        /* the exporter that registers first is asked last */
        last = last ?: b;
    }
    start = get_clock();
    look_up_all(last->uuids, objects);
    printf("%.0f\n", (double)(get_clock() - start) / LOOK_UPS);
    return EXIT_SUCCESS;
}
