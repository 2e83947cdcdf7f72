/*
 * QTest testcases for virtio-gpu devices with GL
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-gl.h"
#ifdef CONFIG_LINUX
#include "virtio-export/process-fds.h"
#endif
#include "virtio-gpu/helpers/messages.h"

#define BLOB_SIZE 0x1000

/* The largest number of entries that the device accepts */
#define ENTRIES 16384

/* A guest must not be able to fill the host's disk with messages */
static void errors_are_quiet(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    struct virtio_gpu_ctrl_hdr req = qvirtio_gpu_hdr(
        QVIRTIO_GPU_UNKNOWN_COMMAND);
    size_t before;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    before = messages_size();
    for (int i = 0; i < 100; i++) {
        qvirtio_gpu_command({ .gpu = gpu, .req = &req, .len = sizeof(req),
                              .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
        qvirtio_gpu_create_2d({
            .gpu = gpu, .id = 1,
            .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
        });
    }
    g_assert_cmpuint(messages_size(), ==, before);
}

/* A blob that is unmapped already is not unmapped again */
static void blob_detached(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    uint64_t backing = guest_alloc(alloc, BLOB_SIZE);

    qvirtio_gpu_create_blob({ .gpu = gpu, .id = 1, .size = BLOB_SIZE,
                              .backing = backing, .backing_len = BLOB_SIZE });
    qvirtio_gpu_detach_backing({ .gpu = gpu, .id = 1 });
    qvirtio_gpu_start(gpu, 0);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    guest_free(alloc, backing);
}

#ifdef CONFIG_LINUX
/* A reset frees the backing that virglrenderer uses */
static void backing_at_reset(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    size_t len = sizeof(struct virtio_gpu_resource_attach_backing) +
                 ENTRIES * sizeof(struct virtio_gpu_mem_entry);
    g_autofree struct virtio_gpu_resource_attach_backing *req = g_malloc0(len);
    struct virtio_gpu_mem_entry *entries = (void *)(req + 1);
    uint64_t before = 0;
    uint64_t page = guest_alloc(alloc, BLOB_SIZE);

    req->hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING);
    req->resource_id = cpu_to_le32(1);
    req->nr_entries = cpu_to_le32(ENTRIES);
    for (int i = 0; i < ENTRIES; i++) {
        entries[i].addr = cpu_to_le64(page);
        entries[i].length = cpu_to_le32(BLOB_SIZE);
    }
    for (int i = 0; i < 50; i++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
        qvirtio_gpu_command({ .gpu = gpu, .req = req, .len = len });
        qvirtio_gpu_start(gpu, 0);
        before = i == 10 ? process_anon_bytes(qtest_pid(gpu->qts)) : before;
    }
    if (PROCESS_ANON_SHRINKS) {
        g_assert_cmpuint(process_anon_bytes(qtest_pid(gpu->qts)), <,
                         before + 20 * ENTRIES * sizeof(struct iovec));
    }
    guest_free(alloc, page);
}
#endif

static void register_virtio_gpu_gl_test(void)
{
    QOSGraphTestOptions opts = { .before = messages_before };
    QOSGraphTestOptions blob_opts = {
        .edge.extra_device_opts = "blob=on,hostmem=64M",
    };

    qos_add_test("defect/gl/errors-are-quiet", "virtio-gpu-gl-pci",
                 errors_are_quiet, &opts);
#ifdef CONFIG_LINUX
    qos_add_test("defect/gl/backing-at-reset", "virtio-gpu-gl-pci",
                 backing_at_reset, NULL);
#endif
    /* set if virglrenderer supports blobs */
    if (getenv("QTEST_GL_BLOB")) {
        qos_add_test("defect/gl/blob-detached", "virtio-gpu-gl-pci",
                     blob_detached, &blob_opts);
    }
}

libqos_init(register_virtio_gpu_gl_test);
