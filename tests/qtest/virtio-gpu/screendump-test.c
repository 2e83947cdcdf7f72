/*
 * QTest testcases for screendumps of a virtio-gpu
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

/* Return: random B8G8R8X8 pixels, @width by HEIGHT; freed by the caller */
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

/* PPM has no padding between rows, even if the image has padding */
static void ppm_of_any_width(void *obj, void *data, QGuestAllocator *alloc)
{
    for (uint32_t width = WIDTH; width < WIDTH + 4; width++) {
        g_autofree uint8_t *pixels = noise(width);

        show(obj, alloc, pixels, width);
        qvirtio_gpu_assert_screen(obj, pixels, width, HEIGHT);
        qvirtio_gpu_unref({ .gpu = obj, .id = 1 });
    }
}

static void assert_not_saved(QVirtioGPU *gpu, const char *file,
                             const char *format, const char *reason)
{
    QDict *error = qtest_qmp_assert_failure_ref(
        gpu->qts, "{ 'execute': 'screendump', 'arguments': {"
        " 'filename': %s, 'device': %s, 'format': %s } }",
        file, QVIRTIO_GPU_ID, format);
    const char *said = qdict_get_str(error, "desc");

    g_test_message("%s", said);
    g_assert_true(g_str_has_suffix(said, reason));
    qobject_unref(error);
}

static void disk_full(void *obj, void *data, QGuestAllocator *alloc)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-gpu-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "full", NULL);
    g_autofree uint8_t *pixels = noise(WIDTH);

    g_assert_cmpint(symlink("/dev/full", file), ==, 0);
    show(obj, alloc, pixels, WIDTH);
    assert_not_saved(obj, file, "ppm", ": No space left on device");
    g_assert_cmpint(unlink(file), ==, 0);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

/* The image fits in the pipe, so QEMU does not block */
static void into_a_pipe(void *obj, void *data, QGuestAllocator *alloc)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-gpu-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "pipe", NULL);
    g_autofree uint8_t *pixels = noise(WIDTH);
    int fd;

    g_assert_cmpint(mkfifo(file, 0600), ==, 0);
    fd = open(file, O_RDONLY | O_NONBLOCK);
    g_assert_cmpint(fd, >=, 0);
    show(obj, alloc, pixels, WIDTH);
    assert_not_saved(obj, file, "ppm", " is neither a file nor a device");
    close(fd);
    g_assert_cmpint(unlink(file), ==, 0);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

#ifdef CONFIG_PNG
/* libpng accepts at most a million rows */
static void png_too_tall(void *obj, void *data, QGuestAllocator *alloc)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-gpu-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "file", NULL);
    QVirtioGPUResourceOpt res = {
        .gpu = obj, .id = 1, .width = 16, .height = 1000001,
        .backing = guest_alloc(alloc, 4096), .backing_len = 4096,
    };

    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    do_qvirtio_gpu_set_scanout(res);
    assert_not_saved(obj, file, "png",
                     "PNG creation failed: Invalid IHDR data");
    g_assert_cmpint(rmdir(dir), ==, 0);
    do_qvirtio_gpu_unref(res);
    guest_free(alloc, res.backing);
}
#endif

static void register_screendump_test(void)
{
    qos_add_test("defect/screendump/ppm-of-any-width", "virtio-gpu",
                 ppm_of_any_width, NULL);
    qos_add_test("defect/screendump/onto-a-full-disk", "virtio-gpu", disk_full,
                 NULL);
    qos_add_test("defect/screendump/into-a-pipe", "virtio-gpu", into_a_pipe,
                 NULL);
#ifdef CONFIG_PNG
    qos_add_test("defect/screendump/png-too-tall", "virtio-gpu", png_too_tall,
                 NULL);
#endif
}

libqos_init(register_screendump_test);
