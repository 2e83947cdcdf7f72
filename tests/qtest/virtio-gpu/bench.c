/*
 * Helpers for the benchmarks of virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "libqtest.h"
#include "virtio-gpu/bench.h"

/* Enough for a resource of 256 MiB */
#define ROOM "max_hostmem=1G"

static int64_t started;

static void mark(QTestState *qts)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'query-name' }");
}

void bench_begin(QTestState *qts)
{
    mark(qts);
    started = get_clock();
}

void bench_end(QTestState *qts, unsigned int times, const char *format, ...)
{
    int64_t ended = get_clock();
    g_autofree char *name = NULL;
    va_list args;

    mark(qts);
    va_start(args, format);
    name = g_strdup_vprintf(format, args);
    va_end(args);
    bench_print(name, times, ended - started);
}

void bench_print(const char *name, unsigned int times, int64_t value)
{
    g_test_message("bench %s %u %" PRId64, name, times, value);
}

static void run_pci_bench(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    const Bench *bench = data;

    bench->func(&pci->gpu, data, alloc);
}

static void add_benches_of(const char *device, const Bench *benches, bool uuids,
                           QOSBeforeTest before)
{
    if (!g_test_perf()) {
        return;
    }
    for (; benches->name; benches++) {
        QOSGraphTestOptions opts = {
            .edge.extra_device_opts = uuids ? ROOM "," RESOURCE_UUID_ON : ROOM,
            .before = before,
            .arg = (void *)benches,
        };
        g_autofree char *name = g_strdup_printf("bench/%s/%s",
                                                uuids ? "on" : "off",
                                                benches->name);

        qos_add_test(name, device, run_pci_bench, &opts);
    }
}

void add_benches(const Bench *benches, bool uuids, QOSBeforeTest before)
{
    add_benches_of("virtio-gpu-pci", benches, uuids, before);
}

void add_gl_benches(const Bench *benches, bool uuids)
{
    add_benches_of("virtio-gpu-gl-pci", benches, uuids, NULL);
}
