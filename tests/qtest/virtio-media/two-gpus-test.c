/*
 * QTest testcases for contrib/vhost-user-media: a stream has frames from two
 * GPUs, of which one is reset
 *
 * A GPU cannot be unplugged.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "qemu/module.h"
#include "virtio-gpu/helpers/drawn.h"
#include "virtio-media/backend.h"

#define OUTPUT          V4L2_BUF_TYPE_VIDEO_OUTPUT
#define OBJECT          V4L2_MEMORY_DMABUF
#define SECOND_GPU_SLOT 5
#define BUFFERS         4

/* The first byte of a pixel is not used, and the others are the colour */
#define PIPELINE        "videoconvert ! video/x-raw,format=xRGB ! filesink" \
                        " buffer-mode=unbuffered location=@file"

typedef struct TwoGPUs {
    QVirtioMedia *media;
    uint32_t session;
    QVirtioGPU *gpus[2];
    Drawn drawn[2];
    GByteArray *expected;   /* what the pipeline must have written */
} TwoGPUs;

/* An ioctl with @extra bytes after its payload, the same in both directions */
static int run(TwoGPUs *t, unsigned long request, void *arg,
               const uint8_t *extra, size_t extra_size)
{
    struct virtio_media_cmd_ioctl cmd = {
        .hdr.cmd = VIRTIO_MEDIA_CMD_IOCTL, .session_id = t->session,
        .code = _IOC_NR(request),
    };
    size_t size = _IOC_SIZE(request);
    bool reads = _IOC_DIR(request) & _IOC_READ;
    size_t in_size = sizeof(struct virtio_media_resp_header) +
                     (reads ? size + extra_size : 0);
    g_autofree struct virtio_media_resp_header *in = g_malloc0(in_size);
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint32_t len;

    g_byte_array_append(out, (void *)&cmd, sizeof(cmd));
    g_byte_array_append(out, arg, size);
    g_byte_array_append(out, extra, extra_size);
    len = qvirtio_media_submit(t->media, &(QVirtioMediaChain) {
        .out = out->data, .out_size = out->len, .in = in, .in_size = in_size,
    });
    g_assert_cmpuint(len, ==, in->status ? sizeof(*in) : in_size);
    if (!in->status && reads) {
        memcpy(arg, in + 1, size);
    }
    return in->status;
}

static void open_session(TwoGPUs *t)
{
    struct virtio_media_cmd_header cmd = { .cmd = VIRTIO_MEDIA_CMD_OPEN };
    struct virtio_media_resp_open resp;

    g_assert_cmpuint(qvirtio_media_submit(t->media, &(QVirtioMediaChain) {
        .out = &cmd, .out_size = sizeof(cmd),
        .in = &resp, .in_size = sizeof(resp),
    }), ==, sizeof(resp));
    g_assert_cmpint(resp.hdr.status, ==, 0);
    t->session = resp.session_id;
}

static void set_up_stream(TwoGPUs *t)
{
    struct v4l2_format format = {
        .type = OUTPUT,
        .fmt.pix = {
            .width = DRAWN_WIDTH, .height = DRAWN_HEIGHT,
            .pixelformat = V4L2_PIX_FMT_XBGR32,
        },
    };
    struct v4l2_requestbuffers req = {
        .count = BUFFERS, .type = OUTPUT, .memory = OBJECT,
    };

    open_session(t);
    g_assert_cmpint(run(t, VIDIOC_S_FMT, &format, NULL, 0), ==, 0);
    g_assert_cmpint(run(t, VIDIOC_REQBUFS, &req, NULL, 0), ==, 0);
}

static void stream_on(TwoGPUs *t)
{
    int type = OUTPUT;

    g_assert_cmpint(run(t, VIDIOC_STREAMON, &type, NULL, 0), ==, 0);
}

/* Return: the status of QBUF */
static int queue(TwoGPUs *t, unsigned index, const uint8_t *uuid)
{
    struct v4l2_buffer buf = {
        .index = index, .type = OUTPUT, .memory = OBJECT,
    };

    return run(t, VIDIOC_QBUF, &buf, uuid, VIRTIO_MEDIA_UUID_LEN);
}

/* Queue what one of the GPUs has drawn last */
static void queue_drawn(TwoGPUs *t, unsigned index, const Drawn *d)
{
    g_assert_cmpint(queue(t, index, d->uuid), ==, 0);
    g_byte_array_append(t->expected, d->pixels, DRAWN_BYTES);
}

static void wait_dequeued(TwoGPUs *t, unsigned index)
{
    QVirtioMediaDequeued event;

    qvirtio_media_wait_event(t->media, &event);
    g_assert_cmpint(event.hdr.event, ==, VIRTIO_MEDIA_EVT_DQBUF);
    g_assert_cmpuint(event.buffer.index, ==, index);
    g_assert_cmphex(event.buffer.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_COPY);
}

static void show(TwoGPUs *t, unsigned index, const Drawn *d)
{
    queue_drawn(t, index, d);
    wait_dequeued(t, index);
}

static void clear_unused_bytes(GByteArray *pixels)
{
    for (guint i = 0; i < pixels->len; i += QVIRTIO_GPU_BYTES_PER_PIXEL) {
        pixels->data[i] = 0;
    }
}

static void assert_recorded(TwoGPUs *t)
{
    GByteArray *file = media_backend_file(t->expected->len);

    clear_unused_bytes(file);
    clear_unused_bytes(t->expected);
    g_assert_cmpmem(file->data, file->len, t->expected->data,
                    t->expected->len);
    g_byte_array_unref(file);
}

/* Resources of both GPUs have the same ID */
static void interleaved(TwoGPUs *t)
{
    g_assert_cmpint(uuid_compare(t->drawn[0].uuid, t->drawn[1].uuid), !=, 0);
    for (int i = 0; i < BUFFERS; i++) {
        queue_drawn(t, i, &t->drawn[i % 2]);
    }
    stream_on(t);
    for (int i = 0; i < BUFFERS; i++) {
        wait_dequeued(t, i);
    }
    for (int i = 0; i < 6; i++) {
        drawn_again(&t->drawn[i % 2], 0x30 + i);
        show(t, i / 2 % BUFFERS, &t->drawn[i % 2]);
    }
    assert_recorded(t);
}

/* Buffers keep the memory of the GPU that is reset, but its UUID is unknown */
static void reset(TwoGPUs *t)
{
    Drawn after;

    for (int i = 0; i < 2; i++) {
        queue_drawn(t, i, &t->drawn[i]);
    }
    qvirtio_gpu_start(t->gpus[0], 0);
    g_assert_cmpint(queue(t, 2, t->drawn[0].uuid), ==, EINVAL);
    stream_on(t);
    for (int i = 0; i < 2; i++) {
        wait_dequeued(t, i);
    }
    show(t, 0, &t->drawn[0]);
    drawn_again(&t->drawn[1], 0x33);
    show(t, 2, &t->drawn[1]);

    drawn_new(&after, t->gpus[0], 1, 0x44);
    g_assert_cmpint(uuid_compare(after.uuid, t->drawn[0].uuid), !=, 0);
    show(t, 3, &after);
    show(t, 1, &t->drawn[1]);
    assert_recorded(t);
    drawn_done(&after);
}

static void *before(GString *cmd_line, void *arg)
{
    media_backend_before(cmd_line, PIPELINE);
    g_string_append(cmd_line, " -device virtio-gpu-pci,id=second,addr="
                    stringify(SECOND_GPU_SLOT) "," RESOURCE_UUID_ON " ");
    return arg;
}

static QVirtioGPU *start_second(QVirtioGPUPCI *first, QGuestAllocator *alloc)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SECOND_GPU_SLOT, 0) };
    QVirtioGPUPCI *second = qvirtio_gpu_pci_new(first->pci_vdev.pdev->bus,
                                                &addr, alloc);

    qos_object_queue_destroy(&second->pci_vdev.obj);
    qos_object_start_hw(&second->pci_vdev.obj);
    return &second->gpu;
}

static void run_test(void *obj, void *data, QGuestAllocator *alloc)
{
    void (*func)(TwoGPUs *t) = data;
    QVirtioGPUPCI *first = obj;
    TwoGPUs t = {};

    if (media_backend_missing()) {
        return;
    }
    t.media = media_backend_start(first, alloc);
    t.gpus[0] = &first->gpu;
    t.gpus[1] = start_second(first, alloc);
    t.expected = g_byte_array_new();
    drawn_new(&t.drawn[0], t.gpus[0], 1, 0x11);
    drawn_new(&t.drawn[1], t.gpus[1], 1, 0x22);
    set_up_stream(&t);
    func(&t);
    drawn_done(&t.drawn[0]);
    drawn_done(&t.drawn[1]);
    g_byte_array_unref(t.expected);
}

static void register_tests(const char *interface)
{
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = RESOURCE_UUID_ON,
        .before = before,
    };

    opts.arg = interleaved;
    qos_add_test("vhost-user-media/two-gpus/interleaved", interface, run_test,
                 &opts);
    opts.arg = reset;
    qos_add_test("vhost-user-media/two-gpus/reset", interface, run_test,
                 &opts);
}

static void register_slow_tests(void)
{
    if (!g_test_slow()) {
        return;
    }
    register_tests("virtio-gpu-pci");
    /* set if EGL can export textures as dma-bufs */
    if (getenv("QTEST_GL_DMABUF")) {
        register_tests("virtio-gpu-gl-pci");
    }
}

libqos_init(register_slow_tests);
