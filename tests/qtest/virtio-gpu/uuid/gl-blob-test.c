/*
 * QTest testcases for UUIDs of blobs of a virtio-gpu with GL
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-gl.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/blob.h"
#include "virtio-gpu/helpers/importer.h"

#define HOSTMEM_BAR     4
#define BLOB_OFFSET     0x10000     /* in HOSTMEM_BAR */
#define BLOB_SIZE       0x5000
#define PAGE            0x1000
#define UNKNOWN_GEOMETRY "0x0, fourcc 0x00000000, modifier 0xffffffffffffff, " \
                         "planes 0, stride 0, offset 0"
#define VENUS           1           /* contexts */
#define VIRGL           2

/* In Venus, a blob with ID 0 is memory that is shared with the guest */
static void create_shared_memory(QVirtioGPU *gpu, uint8_t *uuid)
{
    qvirtio_gpu_create_venus_context(gpu, VENUS);
    qvirtio_gpu_create_blob({
        .gpu = gpu, .id = 1, .ctx = VENUS, .size = BLOB_SIZE,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
        .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
    });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
}

/* @traced: kind, size and geometry in the form of the trace event */
static uint8_t *map_blob(const uint8_t *uuid, const char *traced)
{
    size_t size;
    uint8_t *memory = importer_map(importer(), uuid, &size);

    g_assert_nonnull(memory);
    g_assert_cmpuint(size, ==, BLOB_SIZE);
    importer_assert_traced(uuid, traced);
    return memory;
}

static uint8_t *map_shared_memory(const uint8_t *uuid)
{
    return map_blob(uuid, "kind 1, size 20480, " UNKNOWN_GEOMETRY);
}

static void shared_memory_is_the_memory(void *obj, void *data,
                                        QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    QPCIDevice *pdev = pci->pci_vdev.pdev;
    QPCIBar bar = qpci_iomap(pdev, HOSTMEM_BAR, NULL);
    uint8_t bytes[BLOB_SIZE];
    uint8_t *memory;
    uuid_t uuid;

    create_shared_memory(&pci->gpu, uuid);
    qvirtio_gpu_map_blob(&pci->gpu, 1, BLOB_OFFSET);
    memory = map_shared_memory(uuid);

    for (int i = 0; i < BLOB_SIZE; i++) {
        bytes[i] = g_test_rand_int_range(0, 256);
    }
    qpci_memwrite(pdev, bar, BLOB_OFFSET, bytes, BLOB_SIZE);
    g_assert_cmpmem(memory, BLOB_SIZE, bytes, BLOB_SIZE);

    memset(memory, 0x5a, BLOB_SIZE);
    qpci_memread(pdev, bar, BLOB_OFFSET, bytes, BLOB_SIZE);
    g_assert_cmpmem(memory, BLOB_SIZE, bytes, BLOB_SIZE);
    munmap(memory, BLOB_SIZE);
    qpci_iounmap(pdev, bar);
}

static void assert_sealed(int fd)
{
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, BLOB_SIZE - 1), <, 0);
    g_assert_cmpint(ftruncate(fd, BLOB_SIZE + 1), <, 0);
    close(fd);
}

/* The first lookup and a repeated lookup return sealed memory */
static void shared_memory_is_sealed(void *obj, void *data,
                                    QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    uuid_t uuid;

    create_shared_memory(&pci->gpu, uuid);
    assert_sealed(vhost_user_peer_lookup(importer(), uuid));
    assert_sealed(vhost_user_peer_lookup(importer(), uuid));
}

static void shared_memory_outlives(void *obj, void *data,
                                   QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    uint8_t *memory;
    uuid_t uuid, later;

    create_shared_memory(&pci->gpu, uuid);
    memory = map_shared_memory(uuid);
    memset(memory, 0x5a, BLOB_SIZE);
    qvirtio_gpu_unref({ .gpu = &pci->gpu, .id = 1 });
    g_assert_false(importer_finds(importer(), uuid));

    qvirtio_gpu_destroy_context(&pci->gpu, VENUS);
    create_shared_memory(&pci->gpu, later);
    g_assert_cmpint(uuid_compare(uuid, later), !=, 0);
    munmap(map_shared_memory(later), BLOB_SIZE);
    qvirtio_gpu_destroy_context(&pci->gpu, VENUS);
    munmap(map_shared_memory(later), BLOB_SIZE);

    qvirtio_gpu_start(&pci->gpu, 0);
    g_assert_false(importer_finds(importer(), later));
    for (int i = 0; i < BLOB_SIZE; i++) {
        g_assert_cmphex(memory[i], ==, 0x5a);
    }
    munmap(memory, BLOB_SIZE);
}

/* The next driver does not see the blob, and can map another in its place */
static void unmapped_at_reset(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    QPCIDevice *pdev = pci->pci_vdev.pdev;
    QPCIBar bar = qpci_iomap(pdev, HOSTMEM_BAR, NULL);
    uint8_t bytes[BLOB_SIZE], seen[BLOB_SIZE];
    uuid_t uuid;

    for (int i = 0; i < 10; i++) {
        create_shared_memory(&pci->gpu, uuid);
        qvirtio_gpu_map_blob(&pci->gpu, 1, BLOB_OFFSET);
        memset(bytes, 0x5a + i, BLOB_SIZE);
        qpci_memwrite(pdev, bar, BLOB_OFFSET, bytes, BLOB_SIZE);
        qpci_memread(pdev, bar, BLOB_OFFSET, seen, BLOB_SIZE);
        g_assert_cmpmem(seen, BLOB_SIZE, bytes, BLOB_SIZE);

        qvirtio_gpu_start(&pci->gpu, 0);
        qpci_memread(pdev, bar, BLOB_OFFSET, seen, BLOB_SIZE);
        g_assert_cmpuint(seen[0], !=, bytes[0]);
        g_assert_false(importer_finds(importer(), uuid));
    }
    qpci_iounmap(pdev, bar);
}

static void leaves_no_descriptors(void *obj, void *data,
                                  QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    unsigned int before;
    uuid_t uuid;

    create_shared_memory(&pci->gpu, uuid);
    g_assert_true(importer_finds(importer(), uuid));
    before = process_fds_settled(pci->gpu.qts);
    for (int i = 0; i < 20; i++) {
        g_assert_true(importer_finds(importer(), uuid));
    }
    g_assert_cmpuint(process_fds_settled(pci->gpu.qts), ==, before);
}

/* The lookup fails with @reason, and the blob keeps its UUID */
static void assert_rejected(QVirtioGPU *gpu, const char *reason)
{
    g_autofree char *traced = NULL;
    uuid_t uuid, again;

    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    g_assert_false(importer_finds(importer(), uuid));
    traced = importer_traced(uuid);
    g_assert_cmpstr(traced, ==, reason);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = again });
    g_assert_cmpint(uuid_compare(uuid, again), ==, 0);
}

/* virglrenderer cannot export a texture blob with QEMU's GL contexts */
static void blob_of_texture(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    QVirtioGPUResourceOpt res = {
        .gpu = &pci->gpu, .id = 1, .ctx = VIRGL, .blob_id = 7,
        .width = 64, .height = 64, .size = 64 * 64 * 4,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
        .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE,
    };

    qvirtio_gpu_create_context(res.gpu, VIRGL);
    qvirtio_gpu_create_pipe_texture(&res);
    do_qvirtio_gpu_create_blob(res);
    assert_rejected(res.gpu, "the renderer cannot export the blob");
}

/* A blob of guest memory that is not in a memfd, which udmabuf needs */
static void blob_of_guest(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    uint64_t backing = guest_alloc(alloc, BLOB_SIZE);

    qvirtio_gpu_create_blob({
        .gpu = &pci->gpu, .id = 1, .size = BLOB_SIZE,
        .backing = backing, .backing_len = BLOB_SIZE
    });
    assert_rejected(&pci->gpu,
                    "the host created no dma-buf of the blob's backing");
    qvirtio_gpu_detach_backing({ .gpu = &pci->gpu, .id = 1 });
    assert_rejected(&pci->gpu, "the blob has no backing");
    guest_free(alloc, backing);
}

static uint8_t *map_guest_memory(const uint8_t *uuid)
{
    return map_blob(uuid, "kind 2, size 20480, " UNKNOWN_GEOMETRY);
}

static void assert_same_memory(QTestState *qts, uint64_t backing,
                               uint8_t *memory)
{
    uint8_t bytes[BLOB_SIZE];

    for (int i = 0; i < BLOB_SIZE; i++) {
        bytes[i] = g_test_rand_int_range(0, 256);
    }
    qtest_memwrite(qts, backing, bytes, BLOB_SIZE);
    g_assert_cmpmem(memory, BLOB_SIZE, bytes, BLOB_SIZE);
    memset(memory, 0x5a, BLOB_SIZE);
    qtest_memread(qts, backing, bytes, BLOB_SIZE);
    g_assert_cmpmem(memory, BLOB_SIZE, bytes, BLOB_SIZE);
}

static void guest_memory_is_the_memory(void *obj, void *data,
                                       QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    uint64_t memory = guest_alloc(alloc, 2 * BLOB_SIZE + PAGE);
    uint64_t pages[2] = { QEMU_ALIGN_UP(memory, PAGE) };
    uint8_t *maps[2];
    unsigned int before;
    uuid_t uuid;

    pages[1] = pages[0] + BLOB_SIZE;
    qvirtio_gpu_create_blob({
        .gpu = gpu, .id = 1, .size = BLOB_SIZE,
        .backing = pages[0], .backing_len = BLOB_SIZE
    });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    maps[0] = map_guest_memory(uuid);
    assert_same_memory(gpu->qts, pages[0], maps[0]);
    before = process_fds_settled(gpu->qts);

    qvirtio_gpu_detach_backing({ .gpu = gpu, .id = 1 });
    assert_rejected(gpu, "the blob has no backing");
    qvirtio_gpu_attach_backing({ .gpu = gpu, .id = 1, .one_entry = true,
                                 .backing = pages[1],
                                 .backing_len = BLOB_SIZE });
    maps[1] = map_guest_memory(uuid);
    assert_same_memory(gpu->qts, pages[1], maps[1]);
    assert_same_memory(gpu->qts, pages[0], maps[0]);
    g_assert_cmpuint(process_fds_settled(gpu->qts), ==, before);

    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    g_assert_false(importer_finds(importer(), uuid));
    munmap(maps[0], BLOB_SIZE);
    munmap(maps[1], BLOB_SIZE);
    guest_free(alloc, memory);
}

static void *memfd_and_importer_before(GString *cmd_line, void *arg)
{
    return importer_traced_before(cmd_line, blob_before(cmd_line, arg));
}

static void add_gl_blob_test(const char *name, QOSTestFunc func,
                             const char *device_opts, QOSBeforeTest before)
{
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = device_opts,
        .before = before,
    };
    g_autofree char *path = g_strconcat("resource-uuid/", name, NULL);

    qos_add_test(path, "virtio-gpu-gl-pci", func, &opts);
}

static void register_gl_blob_test(void)
{
    static const struct {
        const char *name;
        QOSTestFunc func;
    } tests[] = {
        { "gl-blob/is-the-memory", shared_memory_is_the_memory },
        { "gl-blob/sealed", shared_memory_is_sealed },
        { "gl-blob/outlives", shared_memory_outlives },
        { "gl-blob/unmapped-at-reset", unmapped_at_reset },
        { "gl-blob/leaves-no-descriptors", leaves_no_descriptors },
        { "gl-blob/texture", blob_of_texture },
        { "gl-blob/guest", blob_of_guest },
    };

    /* set if virglrenderer supports blobs and has a Vulkan server */
    if (!getenv("QTEST_GL_BLOB")) {
        return;
    }
    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        add_gl_blob_test(tests[i].name, tests[i].func,
                         RESOURCE_UUID_ON ",blob=on,hostmem=64M,venus=on",
                         importer_traced_before);
    }
    if (blob_dmabufs()) {
        add_gl_blob_test("gl-guest-blob/is-the-memory",
                         guest_memory_is_the_memory,
                         RESOURCE_UUID_ON ",blob=on,hostmem=64M",
                         memfd_and_importer_before);
    }
}

libqos_init(register_gl_blob_test);
