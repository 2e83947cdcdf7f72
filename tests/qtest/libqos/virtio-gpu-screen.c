/*
 * Check the screen of a virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "virtio-gpu-screen.h"

/* Read the PPM file that QEMU's screendump writes */
static void screendump(QVirtioGPU *gpu, char **ppm, gsize *len)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-gpu-test-XXXXXX", NULL);
    g_autofree char *file = NULL;

    g_assert_nonnull(dir);
    file = g_build_filename(dir, "screen.ppm", NULL);
    qtest_qmp_assert_success(gpu->qts,
                             "{ 'execute': 'screendump', 'arguments': {"
                             " 'filename': %s, 'device': %s } }",
                             file, QVIRTIO_GPU_ID);
    g_assert_true(g_file_get_contents(file, ppm, len, NULL));
    g_assert_cmpint(unlink(file), ==, 0);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

void qvirtio_gpu_assert_screen(QVirtioGPU *gpu, const uint8_t *pixels,
                               uint32_t width, uint32_t height)
{
    g_autofree char *header = g_strdup_printf("P6\n%u %u\n255\n",
                                              width, height);
    g_autofree char *ppm = NULL;
    const uint8_t *rgb, *bgrx;
    uint32_t i;
    gsize len;

    screendump(gpu, &ppm, &len);
    g_assert_cmpuint(len, ==, strlen(header) + width * height * 3);
    g_assert_cmpmem(ppm, strlen(header), header, strlen(header));
    for (i = 0; i < width * height; i++) {
        rgb = (const uint8_t *)ppm + strlen(header) + i * 3;
        bgrx = pixels + i * QVIRTIO_GPU_BYTES_PER_PIXEL;
        g_assert_cmphex(rgb[0], ==, bgrx[2]);
        g_assert_cmphex(rgb[1], ==, bgrx[1]);
        g_assert_cmphex(rgb[2], ==, bgrx[0]);
    }
}
