/*
 * QTest testcases for writing what a virtio-gpu shows to a file
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-client.h"
#include "libqos/virtio-gpu-screen.h"
#include "qobject/qdict.h"

#define WIDTH   64
#define HEIGHT  48
#define BYTES   (WIDTH * HEIGHT * QVIRTIO_GPU_BYTES_PER_PIXEL)

/* What cannot be compressed to less than is written at a time */
static void show_noise(QVirtioGPU *gpu, QGuestAllocator *alloc)
{
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .width = WIDTH, .height = HEIGHT,
        .backing = guest_alloc(alloc, BYTES), .backing_len = BYTES,
    };
    uint8_t pixels[BYTES];

    for (size_t i = 0; i < BYTES; i++) {
        pixels[i] = g_test_rand_int_range(0, 256);
    }
    qtest_memwrite(gpu->qts, res.backing, pixels, BYTES);
    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    do_qvirtio_gpu_transfer(res);
    do_qvirtio_gpu_set_scanout(res);
    do_qvirtio_gpu_flush(res);
    guest_free(alloc, res.backing);
}

static void disk_full(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autofree char *dir = g_dir_make_tmp("virtio-gpu-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "full", NULL);
    QDict *error;

    g_assert_cmpint(symlink("/dev/full", file), ==, 0);
    show_noise(gpu, alloc);
    error = qtest_qmp_assert_failure_ref(
        gpu->qts, "{ 'execute': 'screendump', 'arguments': {"
        " 'filename': %s, 'device': %s, 'format': 'png' } }",
        file, QVIRTIO_GPU_ID);
    g_assert_cmpstr(qdict_get_str(error, "desc"), ==,
                    "PNG creation failed: Write Error");
    qobject_unref(error);
    g_assert_cmpint(access(file, F_OK), ==, -1);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

static void register_screendump_test(void)
{
    qos_add_test("defect/png-on-a-full-disk", "virtio-gpu", disk_full, NULL);
}

libqos_init(register_screendump_test);
