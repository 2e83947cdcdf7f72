/*
 * QTest testcases for virtio-gpu's resources that are looked up as dma-bufs:
 * blobs, and 2D resources.  They need a host with udmabuf.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "virtio-gpu/helpers/blob.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/migration.h"

/* An image of two pages that begins after a gap and has padding */
#define WIDTH   64
#define HEIGHT  17
#define STRIDE  (WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL + 64)
#define OFFSET  128
#define PAGE    4096
#define BYTES   (2 * PAGE)

/* Traced geometry of a blob that is not a scanout */
#define UNKNOWN "0x0, fourcc 0x00000000, modifier 0xffffffffffffff, " \
                "planes 0, stride 0, offset 0"
#define BARE    "kind 2, size 8192, " UNKNOWN

/* A blob with a UUID, and its guest memory */
typedef struct Blob {
    QVirtioGPU *gpu;
    uint64_t memory;
    uuid_t uuid;
} Blob;

/* Attach whole pages as backing, in reverse order */
static void attach(Blob *blob)
{
    struct {
        struct virtio_gpu_resource_attach_backing cmd;
        struct virtio_gpu_mem_entry entries[2];
    } req = {
        .cmd = {
            .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING),
            .resource_id = cpu_to_le32(1),
            .nr_entries = cpu_to_le32(2),
        },
        .entries = {
            { .addr = cpu_to_le64(blob->memory + PAGE),
              .length = cpu_to_le32(PAGE) },
            { .addr = cpu_to_le64(blob->memory),
              .length = cpu_to_le32(PAGE) },
        },
    };

    qvirtio_gpu_command({ .gpu = blob->gpu, .req = &req, .len = sizeof(req) });
}

static Blob new_blob(QVirtioGPU *gpu)
{
    uint64_t memory = guest_alloc(gpu->alloc, BYTES + PAGE);
    Blob blob = { .gpu = gpu, .memory = QEMU_ALIGN_UP(memory, PAGE) };

    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1, .size = BYTES });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = blob.uuid });
    return blob;
}

static Blob new_backed_blob(QVirtioGPU *gpu)
{
    Blob blob = new_blob(gpu);

    attach(&blob);
    return blob;
}

static void show(const Blob *blob, uint32_t x, uint32_t y)
{
    struct virtio_gpu_set_scanout_blob req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .r = {
            .x = cpu_to_le32(x),
            .y = cpu_to_le32(y),
            .width = cpu_to_le32(WIDTH - x),
            .height = cpu_to_le32(HEIGHT - y),
        },
        .resource_id = cpu_to_le32(1),
        .width = cpu_to_le32(WIDTH),
        .height = cpu_to_le32(HEIGHT),
        .format = cpu_to_le32(VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM),
        .strides = { cpu_to_le32(STRIDE) },
        .offsets = { cpu_to_le32(OFFSET) },
    };

    qvirtio_gpu_command({ .gpu = blob->gpu, .req = &req, .len = sizeof(req) });
}

static void write_pages(const Blob *blob, uint8_t first, uint8_t second)
{
    qtest_memset(blob->gpu->qts, blob->memory + PAGE, first, PAGE);
    qtest_memset(blob->gpu->qts, blob->memory, second, PAGE);
}

static void assert_pages(const uint8_t *memory, uint8_t first, uint8_t second)
{
    g_autofree uint8_t *expected = g_malloc(BYTES);

    memset(expected, first, PAGE);
    memset(expected + PAGE, second, PAGE);
    g_assert_cmpmem(memory, BYTES, expected, BYTES);
}

static void assert_is_dmabuf(const uint8_t *uuid)
{
    int fd = vhost_user_peer_lookup(importer(), uuid);
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autofree char *target = g_file_read_link(link, NULL);

    g_assert_nonnull(target);
    g_assert_true(g_str_has_prefix(target, "/dmabuf:"));
    close(fd);
}

/* Guest and importer share the memory, in the order of the backing */
static void blob_is_guest_memory(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    Blob blob = new_backed_blob(gpu);
    uint8_t *memory;
    size_t size;

    write_pages(&blob, 0x11, 0x22);
    assert_is_dmabuf(blob.uuid);
    memory = importer_map(importer(), blob.uuid, &size);
    g_assert_cmpuint(size, ==, BYTES);
    assert_pages(memory, 0x11, 0x22);
    write_pages(&blob, 0x33, 0x44);
    assert_pages(memory, 0x33, 0x44);

    memory[0] = 0x55;
    memory[BYTES - 1] = 0x66;
    g_assert_cmphex(qtest_readb(gpu->qts, blob.memory + PAGE), ==, 0x55);
    g_assert_cmphex(qtest_readb(gpu->qts, blob.memory + PAGE - 1), ==, 0x66);
    munmap(memory, size);
}

static void assert_shown(const Blob *blob)
{
    g_autofree char *shown = g_strdup_printf(
        "kind 2, size %u, %ux%u, fourcc 0x%08x, modifier 0x0, planes 1, "
        "stride %u, offset %u", BYTES, WIDTH, HEIGHT, DRM_FORMAT_ABGR8888,
        STRIDE, OFFSET);

    g_assert_true(importer_finds(importer(), blob->uuid));
    importer_assert_traced(blob->uuid, shown);
}

static void blob_has_geometry_while_shown(void *obj, void *data,
                                          QGuestAllocator *alloc)
{
    Blob blob = new_backed_blob(&((QVirtioGPUPCI *)obj)->gpu);

    g_assert_true(importer_finds(importer(), blob.uuid));
    importer_assert_traced(blob.uuid, BARE);
    show(&blob, 0, 0);
    assert_shown(&blob);
    /* the geometry is that of the whole image, not of the scanout's part */
    show(&blob, 5, 1);
    assert_shown(&blob);
    qvirtio_gpu_set_scanout({ .gpu = blob.gpu });
    g_assert_true(importer_finds(importer(), blob.uuid));
    importer_assert_traced(blob.uuid, BARE);
}

#define LARGE           0x10000
#define LARGE_WIDTH     16
#define LARGE_STRIDE    (LARGE_WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL)

static void show_rows(QVirtioGPU *gpu, uint32_t height, uint32_t expect)
{
    struct virtio_gpu_set_scanout_blob req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .r = {
            .width = cpu_to_le32(LARGE_WIDTH),
            .height = cpu_to_le32(16),
        },
        .resource_id = cpu_to_le32(1),
        .width = cpu_to_le32(LARGE_WIDTH),
        .height = cpu_to_le32(height),
        .format = cpu_to_le32(VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM),
        .strides = { cpu_to_le32(LARGE_STRIDE) },
    };

    qvirtio_gpu_command({ .gpu = gpu, .req = &req, .len = sizeof(req),
                          .expect = expect });
}

/* A geometry that does not fit in the blob is not used */
static void blob_geometry_fits(void *obj, void *data, QGuestAllocator *alloc)
{
    static const uint32_t heights[] = {
        LARGE / LARGE_STRIDE, LARGE / LARGE_STRIDE + 1, UINT32_MAX
    };
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    uint64_t memory = guest_alloc(gpu->alloc, LARGE + PAGE);
    g_autofree char *fits = g_strdup_printf(
        "kind 2, size %u, %ux%u, fourcc 0x%08x, modifier 0x0, planes 1, "
        "stride %u, offset 0", LARGE, LARGE_WIDTH, heights[0],
        DRM_FORMAT_ABGR8888, LARGE_STRIDE);
    uuid_t uuid;

    qvirtio_gpu_create_blob({
        .gpu = gpu, .id = 1, .size = LARGE,
        .backing = QEMU_ALIGN_UP(memory, PAGE), .backing_len = LARGE,
    });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    for (int i = 0; i < ARRAY_SIZE(heights); i++) {
        show_rows(gpu, heights[i], i ? VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
                                     : VIRTIO_GPU_RESP_OK_NODATA);
        g_assert_true(importer_finds(importer(), uuid));
        importer_assert_traced(uuid, fits);
    }
}

/* The blob keeps its UUID while backing is detached and attached */
static void blob_backing_comes_and_goes(void *obj, void *data,
                                        QGuestAllocator *alloc)
{
    Blob blob = new_blob(&((QVirtioGPUPCI *)obj)->gpu);
    uint8_t *memory;
    size_t size;
    int i;

    for (i = 0; i < 3; i++) {
        g_assert_false(importer_finds(importer(), blob.uuid));
        attach(&blob);
        write_pages(&blob, i, i + 1);
        memory = importer_map(importer(), blob.uuid, &size);
        qvirtio_gpu_detach_backing({ .gpu = blob.gpu, .id = 1 });
        assert_pages(memory, i, i + 1);
        munmap(memory, size);
    }
    g_assert_false(importer_finds(importer(), blob.uuid));
}

static void assert_not_exported(QVirtioGPU *gpu, uint32_t len, uint64_t at)
{
    uuid_t uuid;

    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1, .size = len, .backing = at,
                              .backing_len = len });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    g_assert_false(importer_finds(importer(), uuid));
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
}

static void blob_of_parts_of_pages(void *obj, void *data,
                                   QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    uint64_t page = QEMU_ALIGN_UP(guest_alloc(gpu->alloc, 3 * PAGE), PAGE);

    assert_not_exported(gpu, 1, page);
    assert_not_exported(gpu, PAGE - 1, page);
    assert_not_exported(gpu, PAGE + 1, page);
    assert_not_exported(gpu, PAGE, page + 64);
}

static void blob_migrated(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    QTestState *home = gpu->qts;
    Blob blob = new_backed_blob(gpu);
    VhostUserPeer *there = vhost_user_peer_new("there", true);
    g_autofree char *args = vhost_user_peer_args(there, "");
    g_autofree char *with = g_strconcat(args, " " BLOB_MEMFD, NULL);
    GByteArray *stream;
    uint8_t *memory;
    size_t size;

    write_pages(&blob, 0x77, 0x88);
    stream = save_stream(home);
    qvirtio_gpu_move(gpu, start_destination(.with = with));
    g_assert_true(load_stream(gpu->qts, stream));
    vhost_user_peer_wait_ready(there);
    memory = importer_map(there, blob.uuid, &size);
    g_assert_nonnull(memory);
    assert_pages(memory, 0x77, 0x88);
    munmap(memory, size);
    g_byte_array_unref(stream);
    come_home(gpu, home);
    vhost_user_peer_free(there);
}

/* Importers such as EGL and V4L2 need a dma-buf */
static void image_is_dmabuf(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .width = 32, .height = 32,
        .backing = guest_alloc(alloc, PAGE), .backing_len = PAGE,
    };
    g_autofree uint8_t *pixels = g_malloc(PAGE);
    uint8_t *memory;
    uuid_t uuid;
    size_t size;

    memset(pixels, 0x99, PAGE);
    qtest_memwrite(gpu->qts, res.backing, pixels, PAGE);
    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    assert_is_dmabuf(uuid);
    memory = importer_map(importer(), uuid, &size);
    importer_assert_traced(uuid, "kind 2, size 4096, 32x32, fourcc 0x34325258, "
                           "modifier 0x0, planes 1, stride 128, offset 0");
    do_qvirtio_gpu_transfer(res);
    g_assert_cmpmem(memory, PAGE, pixels, PAGE);
    munmap(memory, size);
}

static void *blob_and_importer_before(GString *cmd_line, void *arg)
{
    return importer_traced_before(cmd_line, blob_before(cmd_line, arg));
}

static void register_dmabuf_test(void)
{
    static const struct {
        const char *name;
        QOSTestFunc func;
    } tests[] = {
        { "dmabuf/blob/is-guest-memory", blob_is_guest_memory },
        { "dmabuf/blob/geometry-while-shown", blob_has_geometry_while_shown },
        { "dmabuf/blob/backing-comes-and-goes", blob_backing_comes_and_goes },
        { "dmabuf/blob/parts-of-pages", blob_of_parts_of_pages },
        { "dmabuf/blob/migrated", blob_migrated },
        { "dmabuf/image", image_is_dmabuf },
    };
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = blob_device_opts(RESOURCE_UUID_ON),
        .before = blob_and_importer_before,
    };
    int i;

    /* this case works with a replacement for udmabuf, but not with /dev/null */
    if (blob_dmabufs() || getenv("UDMABUF_MAKES_MEMFDS")) {
        qos_add_test("resource-uuid/bounds/blob-geometry", "virtio-gpu-pci",
                     blob_geometry_fits, &opts);
    }
    if (!blob_dmabufs()) {
        return;
    }
    for (i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *name = g_strconcat("resource-uuid/", tests[i].name,
                                            NULL);

        qos_add_test(name, "virtio-gpu-pci", tests[i].func, &opts);
    }
}

libqos_init(register_dmabuf_test);
