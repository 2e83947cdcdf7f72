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

static char *messages;

static void messages_end(gpointer path)
{
    unlink(path);
    g_free(path);
}

/* qtest starts QEMU by a shell */
static void *keep_messages(GString *cmd_line, void *arg)
{
    int fd = g_file_open_tmp("qtest-XXXXXX", &messages, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_string_append_printf(cmd_line, " 2>%s ", messages);
    g_test_queue_destroy(messages_end, messages);
    return arg;
}

static size_t messages_size(void)
{
    g_autofree char *text = NULL;
    size_t size;

    g_assert_true(g_file_get_contents(messages, &text, &size, NULL));
    return size;
}

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

static void register_virtio_gpu_gl_test(void)
{
    QOSGraphTestOptions opts = { .before = keep_messages };

    qos_add_test("defect/gl/errors-are-quiet", "virtio-gpu-gl-pci",
                 errors_are_quiet, &opts);
}

libqos_init(register_virtio_gpu_gl_test);
