/*
 * Helpers for the benchmarks of virtio-gpu
 *
 * Run qos-test with "-m perf" to get the benchmarks.  Each figure is a line of
 * its output: "bench NAME TIMES NANOSECONDS".  To count instructions, make
 * callgrind dump its counts at qmp_query_name(): the second dump belongs to the
 * first line, the fourth dump to the second line, and so on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_BENCH_H
#define TESTS_VIRTIO_GPU_BENCH_H

#include "virtio-gpu/helpers/uuid.h"

/**
 * struct Bench - A benchmark
 * @name: path of the benchmark below bench/off/ or bench/on/
 * @func: the benchmark; its data is this struct
 * @live: number of resources, for use by @func
 */
typedef struct Bench {
    const char *name;
    QOSTestFunc func;
    uint32_t live;
} Bench;

/**
 * add_benches() - Register benchmarks on virtio-gpu-pci
 * @benches: the benchmarks, ended by one without a name; must stay valid
 * @uuids: whether the device has resource_uuid=on
 * @before: called before QEMU is started
 *
 * Does nothing without "-m perf".
 */
void add_benches(const Bench *benches, bool uuids, QOSBeforeTest before);

/**
 * add_gl_benches() - Register benchmarks on virtio-gpu-gl-pci
 * @benches: the benchmarks, ended by one without a name; must stay valid
 * @uuids: whether the device has resource_uuid=on
 *
 * Does nothing without "-m perf".
 */
void add_gl_benches(const Bench *benches, bool uuids);

/**
 * bench_begin() - Begin to measure
 * @qts: the QEMU that is measured
 */
void bench_begin(QTestState *qts);

/**
 * bench_end() - Stop measuring, and print the figure
 * @qts: the QEMU that is measured
 * @times: number of operations that were measured
 * @format: name of the figure, like printf()'s
 */
void bench_end(QTestState *qts, unsigned int times, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/**
 * bench_print() - Print a figure
 * @name: name of the figure
 * @times: number of operations
 * @value: the figure for all operations together
 */
void bench_print(const char *name, unsigned int times, int64_t value);

#endif
