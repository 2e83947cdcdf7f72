/*
 * QTest testcases for migration of virtio-gpu's scanouts that must be rejected
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
#include "virtio-gpu/helpers/blob.h"
#include "virtio-gpu/helpers/migration.h"

/* The smallest scanout; below a page, so that QEMU needs no udmabuf */
#define WIDTH   16
#define HEIGHT  16
#define STRIDE  (WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL)
#define BYTES   (HEIGHT * STRIDE)

/* The maximum number of outputs */
#define OUTPUTS 16

/* An entry of a blob's backing in the migration stream */
typedef struct QEMU_PACKED Part {
    uint64_t addr;
    uint32_t len;
} Part;

/* The end of a scanout in the migration stream */
typedef struct Framebuffer {
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t offset;
} Framebuffer;

/* Replace @old, which must be in the @stream exactly once */
static void replace(GByteArray *stream, const void *old, const void *new,
                    size_t len)
{
    ssize_t at = find_bytes(stream, 0, old, len);

    g_assert_cmpint(at, >=, 0);
    g_assert_cmpint(find_bytes(stream, at + 1, old, len), ==, -1);
    memcpy(stream->data + at, new, len);
}

/* Move the framebuffer by one byte, so that its end is outside the blob */
static void move_framebuffer(GByteArray *stream)
{
    Framebuffer inside = {
        .width = cpu_to_be32(WIDTH),
        .height = cpu_to_be32(HEIGHT),
        .stride = cpu_to_be32(STRIDE),
    };
    Framebuffer outside = inside;

    outside.offset = cpu_to_be32(1);
    replace(stream, &inside, &outside, sizeof(inside));
}

static void assert_rejected(QVirtioGPU *gpu, GByteArray *stream,
                            DestinationOpt opt, const char *reason)
{
    QTestState *to = assert_stream_rejected(stream, opt, reason);

    assert_rejection_reported(to, reason);
    assert_can_be_saved(to);
    qtest_quit(to);
    g_byte_array_unref(stream);
    come_home(gpu, gpu->qts);
}

static uint64_t show_blob(QVirtioGPU *gpu, QGuestAllocator *alloc)
{
    uint64_t backing = guest_alloc(alloc, 2 * 4096);

    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1, .size = BYTES,
                              .backing = backing, .backing_len = BYTES });
    qvirtio_gpu_set_scanout_blob({ .gpu = gpu, .id = 1, .width = WIDTH,
                                   .height = HEIGHT });
    return backing;
}

/*
 * A source with udmabuf sends a blob so large that it needs udmabuf, but the
 * destination cannot make a dma-buf.
 */
static void blob_without_dmabuf(void *obj, void *data, QGuestAllocator *alloc)
{
    DestinationOpt no_memfd = {
        .with = "-m 256M -machine memory-backend=mem"
                " -object memory-backend-ram,id=mem,size=256M,share=off"
                " -object memory-backend-memfd,id=other,size=2M",
    };
    Part small = { .len = cpu_to_be32(BYTES) };
    Part large = { .len = cpu_to_be32(2 * 4096) };
    QVirtioGPU *gpu = obj;
    GByteArray *stream;

    if (blobs_missing()) {
        return;
    }
    small.addr = large.addr = cpu_to_be64(show_blob(gpu, alloc));
    stream = save_stream(gpu->qts);
    replace(stream, &small, &large, sizeof(small));
    assert_rejected(gpu, stream, no_memfd, "virtio-gpu: scanout 0: this host"
                    " has no dma-buf of blob resource 1 that is shown: it takes"
                    " guest RAM in a memfd, and udmabuf with a list_limit of at"
                    " least 1");
}

static void blob_outside(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    GByteArray *stream;

    if (blobs_missing()) {
        return;
    }
    show_blob(gpu, alloc);
    stream = save_stream(gpu->qts);
    move_framebuffer(stream);
    assert_rejected(gpu, stream, (DestinationOpt) { .with = BLOB_MEMFD },
                    "the scanout of resource 1 ends at 1025, the resource at "
                    "1024");
}

static void image_outside(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUResourceOpt res = {
        .gpu = obj, .id = 1, .width = WIDTH, .height = HEIGHT,
        .backing = guest_alloc(alloc, BYTES), .backing_len = BYTES,
    };
    GByteArray *stream;

    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    do_qvirtio_gpu_set_scanout(res);
    stream = save_stream(res.gpu->qts);
    move_framebuffer(stream);
    assert_rejected(res.gpu, stream, (DestinationOpt) { },
                    "the scanout of resource 1 ends at 1025, the resource at "
                    "1024");
}

/* Test a feature that unmodified QEMU has too */
static void feature_off(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    assert_rejected(gpu, save_stream(gpu->qts),
                    (DestinationOpt) { .with = "-global virtio-gpu-device."
                                               "edid=off" },
                    "unsupported. Allowed features: ");
}

static unsigned int count_framebuffers(const GByteArray *stream)
{
    Framebuffer fb = {
        .width = cpu_to_be32(WIDTH),
        .height = cpu_to_be32(HEIGHT),
        .stride = cpu_to_be32(STRIDE),
    };
    unsigned int count = 0;
    ssize_t at = -1;

    while ((at = find_bytes(stream, at + 1, &fb, sizeof(fb))) >= 0) {
        count++;
    }
    return count;
}

static void all_scanouts(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUResourceOpt res = {
        .gpu = obj, .id = 1, .width = WIDTH, .height = HEIGHT,
        .backing = guest_alloc(alloc, BYTES), .backing_len = BYTES,
    };
    GByteArray *stream, *again;
    QTestState *to;

    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    for (res.scanout = 0; res.scanout < OUTPUTS; res.scanout++) {
        do_qvirtio_gpu_set_scanout(res);
    }
    stream = save_stream(res.gpu->qts);
    g_assert_cmpuint(count_framebuffers(stream), ==, OUTPUTS);
    to = start_destination();
    g_assert_true(load_stream(to, stream));
    again = save_stream(to);
    g_assert_cmpuint(count_framebuffers(again), ==, OUTPUTS);
    g_byte_array_unref(again);
    g_byte_array_unref(stream);
    qtest_quit(to);
    come_home(res.gpu, res.gpu->qts);
}

/* The stream has 32 bits for the size */
static void large_blob(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    if (blobs_missing()) {
        return;
    }
    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1, .size = 4 * GiB + 4096 });
    g_assert_false(migrates_to_nowhere(gpu->qts));
    do_qvirtio_gpu_unref((QVirtioGPUResourceOpt) { .gpu = gpu, .id = 1 });
}

static void register_scanout_migration_test(void)
{
    QOSGraphTestOptions outputs = {
        .edge.extra_device_opts = "max_outputs=" stringify(OUTPUTS),
    };
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = blob_device_opts(""),
        .before = blob_before,
    };

    qos_add_test("defect/migration/feature-off", "virtio-gpu", feature_off,
                 NULL);
    qos_add_test("defect/migration/all-scanouts", "virtio-gpu", all_scanouts,
                 &outputs);
    if (g_test_slow()) {
        qos_add_test("defect/migration/image-outside", "virtio-gpu",
                     image_outside, NULL);
        qos_add_test("defect/migration/blob-outside", "virtio-gpu",
                     blob_outside, &opts);
        qos_add_test("defect/migration/large-blob", "virtio-gpu", large_blob,
                     &opts);
        qos_add_test("defect/migration/blob-without-dmabuf", "virtio-gpu",
                     blob_without_dmabuf, &opts);
    }
}

libqos_init(register_scanout_migration_test);
