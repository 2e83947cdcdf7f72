/*
 * QTest testcases for virtio-gpu devices with GL
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-gl.h"
#include "virtio-gpu/helpers/messages.h"

#define BLOB_SIZE 0x1000

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

static void register_virtio_gpu_gl_test(void)
{
    QOSGraphTestOptions opts = { .before = messages_before };
    QOSGraphTestOptions blob_opts = {
        .edge.extra_device_opts = "blob=on,hostmem=64M",
    };

    qos_add_test("defect/gl/errors-are-quiet", "virtio-gpu-gl-pci",
                 errors_are_quiet, &opts);
    /* set if virglrenderer supports blobs */
    if (getenv("QTEST_GL_BLOB")) {
        qos_add_test("defect/gl/blob-detached", "virtio-gpu-gl-pci",
                     blob_detached, &blob_opts);
    }
}

libqos_init(register_virtio_gpu_gl_test);
