/*
 * What benchmarks of virtio-gpu share
 *
 * Benchmarks are there if qos-test is run with "-m perf".  Each figure is a
 * line of its output: "bench NAME TIMES NANOSECONDS".  To count instructions,
 * let callgrind dump its counts when it gets to qmp_query_name(): the second
 * dump is of what the first line names, the fourth of the second, and so on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_BENCH_H
#define TESTS_VIRTIO_GPU_BENCH_H

#include "virtio-gpu/helpers/uuid.h"

/**
 * struct Bench - A benchmark
 * @name: its path below bench/off/ or bench/on/
 * @func: the benchmark; gets a QVirtioGPU, and its own struct Bench as data
 * @live: for @func: how many resources there are
 */
typedef struct Bench {
    const char *name;
    QOSTestFunc func;
    uint32_t live;
} Bench;

/**
 * add_benches() - Register benchmarks on virtio-gpu-pci
 * @benches: the benchmarks, ended by one without a name; kept
 * @uuids: whether the device has resource_uuid=on
 * @before: called before QEMU is started
 *
 * Does nothing unless benchmarks are asked for.
 */
void add_benches(const Bench *benches, bool uuids, QOSBeforeTest before);

/**
 * bench_begin() - Let what is measured begin
 * @qts: the QEMU in which it is
 */
void bench_begin(QTestState *qts);

/**
 * bench_end() - Let what is measured end, and print it
 * @qts: the QEMU in which it is
 * @times: how often it has been done
 * @format: its name, like printf()'s
 */
void bench_end(QTestState *qts, unsigned int times, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/**
 * bench_print() - Print a figure
 * @name: its name
 * @times: what it is for
 * @value: the figure, for all of @times
 */
void bench_print(const char *name, unsigned int times, int64_t value);

#endif
