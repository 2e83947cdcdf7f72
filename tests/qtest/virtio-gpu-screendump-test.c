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

/* To be freed by the caller: B8G8R8X8 of @width by HEIGHT */
static uint8_t *noise(uint32_t width)
{
    size_t len = width * HEIGHT * QVIRTIO_GPU_BYTES_PER_PIXEL;
    uint8_t *pixels = g_malloc(len);

    for (size_t i = 0; i < len; i++) {
        pixels[i] = g_test_rand_int_range(0, 256);
    }
    return pixels;
}

static void show(QVirtioGPU *gpu, QGuestAllocator *alloc,
                 const uint8_t *pixels, uint32_t width)
{
    uint32_t len = width * HEIGHT * QVIRTIO_GPU_BYTES_PER_PIXEL;
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .width = width, .height = HEIGHT,
        .backing = guest_alloc(alloc, len), .backing_len = len,
    };

    qtest_memwrite(gpu->qts, res.backing, pixels, len);
    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    do_qvirtio_gpu_transfer(res);
    do_qvirtio_gpu_set_scanout(res);
    do_qvirtio_gpu_flush(res);
    guest_free(alloc, res.backing);
}

/* PPM has no padding between its rows, whatever is between the image's */
static void ppm_of_any_width(void *obj, void *data, QGuestAllocator *alloc)
{
    for (uint32_t width = WIDTH; width < WIDTH + 4; width++) {
        g_autofree uint8_t *pixels = noise(width);

        show(obj, alloc, pixels, width);
        qvirtio_gpu_assert_screen(obj, pixels, width, HEIGHT);
        qvirtio_gpu_unref({ .gpu = obj, .id = 1 });
    }
}

#ifdef CONFIG_PNG
/* Noise cannot be compressed to less than is written at a time */
static void disk_full(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autofree char *dir = g_dir_make_tmp("virtio-gpu-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "full", NULL);
    g_autofree uint8_t *pixels = noise(WIDTH);
    QDict *error;

    g_assert_cmpint(symlink("/dev/full", file), ==, 0);
    show(gpu, alloc, pixels, WIDTH);
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
#endif

static void register_screendump_test(void)
{
    qos_add_test("defect/ppm-of-any-width", "virtio-gpu", ppm_of_any_width,
                 NULL);
#ifdef CONFIG_PNG
    qos_add_test("defect/png-on-a-full-disk", "virtio-gpu", disk_full, NULL);
#endif
}

libqos_init(register_screendump_test);
