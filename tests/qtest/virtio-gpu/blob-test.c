/*
 * QTest testcases for the blob resources of virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-client.h"
#include "libqos/virtio-gpu-screen.h"
#include "virtio-gpu/helpers/blob.h"
#include "virtio-gpu/helpers/messages.h"
#include "virtio-gpu/helpers/migration.h"

/* The smallest scanout; below a page, so that QEMU needs no udmabuf */
#define WIDTH   16
#define HEIGHT  16
#define BYTES   (WIDTH * HEIGHT * QVIRTIO_GPU_BYTES_PER_PIXEL)

static void create_larger(void *obj, void *data, QGuestAllocator *alloc)
{
    uint64_t backing;

    if (blobs_missing()) {
        return;
    }
    backing = guest_alloc(alloc, BYTES);
    qvirtio_gpu_create_blob({ .gpu = obj, .id = 1, .size = BYTES + 1,
                              .backing = backing, .backing_len = BYTES,
                              .expect =
                                  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER });
    qvirtio_gpu_create_blob({ .gpu = obj, .id = 1, .size = BYTES,
                              .backing = backing, .backing_len = BYTES });
    guest_free(alloc, backing);
}

/* A rejected backing is not attached: a valid one can be attached later */
static void attach_smaller(void *obj, void *data, QGuestAllocator *alloc)
{
    uint64_t backing;

    if (blobs_missing()) {
        return;
    }
    backing = guest_alloc(alloc, BYTES);
    qvirtio_gpu_create_blob({ .gpu = obj, .id = 1, .size = BYTES });
    qvirtio_gpu_attach_backing({ .gpu = obj, .id = 1, .backing = backing,
                                 .backing_len = BYTES - 1,
                                 .expect =
                                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER });
    qvirtio_gpu_attach_backing({ .gpu = obj, .id = 1, .backing = backing,
                                 .backing_len = BYTES });
    guest_free(alloc, backing);
}

/* Attach twice: a blob whose backing was detached can get it again */
static void backing_later(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QVirtioGPUResourceOpt res = { .gpu = gpu, .id = 1, .size = BYTES,
                                  .width = WIDTH, .height = HEIGHT };
    uint8_t pixels[BYTES];
    int i;

    if (blobs_missing()) {
        return;
    }
    do_qvirtio_gpu_create_blob(res);
    res.backing = guest_alloc(alloc, BYTES);
    res.backing_len = BYTES;
    res.one_entry = true;
    for (i = 0; i < 2; i++) {
        memset(pixels, i ? 0x12 : 0xed, BYTES);
        qtest_memwrite(gpu->qts, res.backing, pixels, BYTES);
        do_qvirtio_gpu_attach_backing(res);
        do_qvirtio_gpu_set_scanout_blob(res);
        do_qvirtio_gpu_flush(res);
        qvirtio_gpu_assert_screen(gpu, pixels, WIDTH, HEIGHT);
        qvirtio_gpu_set_scanout({ .gpu = gpu });
        do_qvirtio_gpu_detach_backing(res);
    }
    guest_free(alloc, res.backing);
}

/* The blob is large enough for a cursor, but has no backing */
static void cursor_without_backing(void *obj, void *data,
                                   QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    if (blobs_missing()) {
        return;
    }
    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1,
                              .size = QVIRTIO_GPU_CURSOR_WIDTH *
                                      QVIRTIO_GPU_CURSOR_HEIGHT *
                                      QVIRTIO_GPU_BYTES_PER_PIXEL });
    qvirtio_gpu_update_cursor(gpu, 1);
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
}

static void shown_without_backing(void *obj, void *data,
                                  QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QVirtioGPUResourceOpt res = { .gpu = gpu, .id = 1, .size = BYTES,
                                  .width = WIDTH, .height = HEIGHT };

    if (blobs_missing()) {
        return;
    }
    res.backing = guest_alloc(alloc, BYTES);
    res.backing_len = BYTES;
    do_qvirtio_gpu_create_blob(res);
    do_qvirtio_gpu_set_scanout_blob(res);
    do_qvirtio_gpu_flush(res);
    do_qvirtio_gpu_detach_backing(res);

    /* the scanout has been disabled */
    res.expect = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    do_qvirtio_gpu_flush(res);
    guest_free(alloc, res.backing);
}

static void shown_as_image(void *obj, void *data, QGuestAllocator *alloc)
{
    uint64_t backing;

    if (blobs_missing()) {
        return;
    }
    backing = guest_alloc(alloc, BYTES);
    qvirtio_gpu_create_blob({ .gpu = obj, .id = 1, .size = BYTES,
                              .backing = backing, .backing_len = BYTES });
    qvirtio_gpu_set_scanout({ .gpu = obj, .id = 1, .width = WIDTH,
                              .height = HEIGHT,
                              .expect =
                                  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER });
    qvirtio_gpu_unref({ .gpu = obj, .id = 1 });
    guest_free(alloc, backing);
}

/* @res: what to show, and the expected response */
static void try_to_show(QVirtioGPU *gpu, QGuestAllocator *alloc,
                        QVirtioGPUResourceOpt res)
{
    uint64_t size = 2 * BYTES;

    if (blobs_missing()) {
        return;
    }
    res.gpu = gpu;
    res.id = 1;
    res.width = WIDTH;
    res.height = HEIGHT;
    res.backing = guest_alloc(alloc, size);
    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1, .size = size,
                              .backing = res.backing, .backing_len = size });
    do_qvirtio_gpu_set_scanout_blob(res);
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    guest_free(alloc, res.backing);
}

/* pixman needs rows of whole 32-bit words */
static void shown_with_odd_stride(void *obj, void *data, QGuestAllocator *alloc)
{
    try_to_show(obj, alloc, (QVirtioGPUResourceOpt) {
        .stride = WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL + 1,
        .expect = VIRTIO_GPU_RESP_ERR_UNSPEC,
    });
}

static void shown_with_short_rows(void *obj, void *data, QGuestAllocator *alloc)
{
    try_to_show(obj, alloc, (QVirtioGPUResourceOpt) {
        .stride = QVIRTIO_GPU_BYTES_PER_PIXEL,
        .expect = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
    });
}

/* The offset of the first row is 0 when truncated to 32 bits */
static void shown_beyond_4_gib(void *obj, void *data, QGuestAllocator *alloc)
{
    try_to_show(obj, alloc, (QVirtioGPUResourceOpt) {
        .top = 4 * GiB / (WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL),
        .expect = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
    });
}

/* Parameters of a framebuffer whose first WIDTH by HEIGHT are shown */
typedef struct Framebuffer {
    uint32_t height;
    uint32_t stride;
    uint32_t offset;
} Framebuffer;

static void show_framebuffer(QVirtioGPU *gpu, const Framebuffer *fb,
                             uint32_t expect)
{
    struct virtio_gpu_set_scanout_blob req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .r = { .width = cpu_to_le32(WIDTH), .height = cpu_to_le32(HEIGHT) },
        .resource_id = cpu_to_le32(1),
        .width = cpu_to_le32(WIDTH),
        .height = cpu_to_le32(fb->height),
        .format = cpu_to_le32(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM),
        .strides = { cpu_to_le32(fb->stride) },
        .offsets = { cpu_to_le32(fb->offset) },
    };

    qvirtio_gpu_command({ .gpu = gpu, .req = &req, .len = sizeof(req),
                          .expect = expect });
}

static void framebuffer_in_blob(void *obj, void *data, QGuestAllocator *alloc)
{
    enum { STRIDE = WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL };
    static const Framebuffer fit[] = {
        { 2 * HEIGHT, STRIDE, 0 },
        { 2 * HEIGHT - 1, STRIDE, STRIDE },
        { HEIGHT, 2 * STRIDE, 0 },
        { HEIGHT, STRIDE, BYTES },
    }, too_large[] = {
        { 2 * HEIGHT + 1, STRIDE, 0 },
        { 2 * HEIGHT, STRIDE, 4 },
        { 2 * HEIGHT, STRIDE + 4, 0 },
        /* 0 bytes when truncated to 32 bits */
        { 1u << 31, STRIDE, 0 },
        { UINT32_MAX / STRIDE + 1, STRIDE, 0 },
        { UINT32_MAX, STRIDE, 0 },
        { UINT32_MAX, STRIDE, STRIDE },
    };
    QVirtioGPU *gpu = obj;
    uint64_t backing;

    if (blobs_missing()) {
        return;
    }
    backing = guest_alloc(alloc, 2 * BYTES);
    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1, .size = 2 * BYTES,
                              .backing = backing, .backing_len = 2 * BYTES });
    for (size_t i = 0; i < ARRAY_SIZE(fit); i++) {
        show_framebuffer(gpu, &fit[i], VIRTIO_GPU_RESP_OK_NODATA);
    }
    for (size_t i = 0; i < ARRAY_SIZE(too_large); i++) {
        show_framebuffer(gpu, &too_large[i],
                         VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    }
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    guest_free(alloc, backing);
}

/* udmabuf needs whole pages; QEMU warns only once, to bound the log */
static void warned_once(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    QVirtioGPUResourceOpt res = { .gpu = gpu, .id = 1, .size = BYTES };
    size_t before = 0;

    if (blobs_missing()) {
        return;
    }
    res.backing_len = 4096 + BYTES;
    res.backing = guest_alloc(alloc, res.backing_len);
    for (int i = 0; i < 100; i++) {
        do_qvirtio_gpu_create_blob(res);
        do_qvirtio_gpu_unref(res);
        before = before ?: messages_size();
    }
    g_assert_cmpuint(messages_size(), ==, before);
    guest_free(alloc, res.backing);
}

static void *blob_and_messages_before(GString *cmd_line, void *arg)
{
    return messages_before(cmd_line, blob_before(cmd_line, arg));
}

static void size_zero_saved(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    if (blobs_missing()) {
        return;
    }
    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1, .size = 0 });
    g_byte_array_unref(save_devices(gpu->qts));
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
}

static void register_blob_test(void)
{
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = blob_device_opts(""),
        .before = blob_before,
    };

    qos_add_test("defect/blob/cursor-without-backing", "virtio-gpu",
                 cursor_without_backing, &opts);
    qos_add_test("defect/blob/framebuffer-in-blob", "virtio-gpu",
                 framebuffer_in_blob, &opts);
    qos_add_test("defect/blob/shown-as-image", "virtio-gpu", shown_as_image,
                 &opts);
    qos_add_test("defect/blob/shown-without-backing", "virtio-gpu",
                 shown_without_backing, &opts);
    qos_add_test(QVIRTIO_GPU_DEFECT_FIXED "blob/create-larger-than-backing",
                 "virtio-gpu", create_larger, &opts);
    qos_add_test(QVIRTIO_GPU_DEFECT_FIXED "blob/attach-smaller-backing",
                 "virtio-gpu", attach_smaller, &opts);
    qos_add_test(QVIRTIO_GPU_DEFECT_FIXED "blob/backing-later", "virtio-gpu",
                 backing_later, &opts);
    qos_add_test(QVIRTIO_GPU_DEFECT_FIXED "blob/size-zero-saved", "virtio-gpu",
                 size_zero_saved, &opts);

    qos_add_test(QVIRTIO_GPU_DEFECT_FIXED "blob/shown-with-odd-stride",
                 "virtio-gpu", shown_with_odd_stride, &opts);
    qos_add_test(QVIRTIO_GPU_DEFECT_FIXED "blob/shown-with-short-rows",
                 "virtio-gpu", shown_with_short_rows, &opts);
    qos_add_test(QVIRTIO_GPU_DEFECT_FIXED "blob/shown-beyond-4-gib",
                 "virtio-gpu", shown_beyond_4_gib, &opts);

    opts.before = blob_and_messages_before;
    qos_add_test("defect/blob/warned-once", "virtio-gpu-pci", warned_once,
                 &opts);
}

libqos_init(register_blob_test);
