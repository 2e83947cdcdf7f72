/*
 * What the tests of contrib/vhost-user-media share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/qgraph.h"
#include "virtio-media/helpers.h"

VhostUserPeer *media_exporter;
uint32_t session;

/* V4L2's type of the buffers in this test */
static uint32_t stream_type;

static bool is_capture(void)
{
    return stream_type == V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

uint32_t open_session(QVirtioMedia *media)
{
    struct virtio_media_cmd_header cmd = { .cmd = VIRTIO_MEDIA_CMD_OPEN };
    struct virtio_media_resp_open resp;
    QVirtioMediaChain chain = {
        .out = &cmd, .out_size = sizeof(cmd),
        .in = &resp, .in_size = sizeof(resp),
    };

    g_assert_cmpuint(qvirtio_media_submit(media, &chain), ==, sizeof(resp));
    g_assert_cmpint(resp.hdr.status, ==, 0);
    return resp.session_id;
}

void close_session(QVirtioMedia *media, uint32_t id)
{
    struct virtio_media_cmd_close cmd = {
        .hdr.cmd = VIRTIO_MEDIA_CMD_CLOSE, .session_id = id,
    };
    QVirtioMediaChain chain = { .out = &cmd, .out_size = sizeof(cmd) };

    g_assert_cmpuint(qvirtio_media_submit(media, &chain), ==, 0);
}

void call_init(Call *call, unsigned long request, const void *arg)
{
    size_t size = _IOC_SIZE(request);

    memset(call, 0, sizeof(*call));
    call->out.cmd = (struct virtio_media_cmd_ioctl) {
        .hdr.cmd = VIRTIO_MEDIA_CMD_IOCTL,
        .session_id = session,
        .code = _IOC_NR(request),
    };
    call->chain = (QVirtioMediaChain) {
        .out = &call->out,
        .out_size = sizeof(call->out.cmd) +
                    (_IOC_DIR(request) & _IOC_WRITE ? size : 0),
        .in = &call->in,
        .in_size = sizeof(call->in.hdr) +
                   (_IOC_DIR(request) & _IOC_READ ? size : 0),
    };
    memcpy(call->out.arg, arg, size);
}

void call_add(Call *call, const void *data, size_t size)
{
    memcpy((uint8_t *)&call->out + call->chain.out_size, data, size);
    call->chain.out_size += size;
}

int call_run(Call *call, QVirtioMedia *media)
{
    uint32_t len = qvirtio_media_submit(media, &call->chain);

    g_assert_cmpuint(len, ==, call->in.hdr.status ? sizeof(call->in.hdr)
                                                  : call->chain.in_size);
    return call->in.hdr.status;
}

int run(QVirtioMedia *media, unsigned long request, void *arg)
{
    Call call;
    int status;

    call_init(&call, request, arg);
    status = call_run(&call, media);
    if (!status && _IOC_DIR(request) & _IOC_READ) {
        memcpy(arg, call.in.arg, _IOC_SIZE(request));
    }
    return status;
}

int run_number(QVirtioMedia *media, unsigned long request, int number)
{
    return run(media, request, &number);
}

void init_object_call(Call *call, unsigned long request,
                      unsigned index, const uint8_t *uuid)
{
    struct v4l2_buffer buf = {
        .index = index, .type = stream_type, .memory = OBJECT, .m.fd = 77,
    };

    call_init(call, request, &buf);
    call_add(call, uuid, VIRTIO_MEDIA_UUID_LEN);
    call->chain.in_size += VIRTIO_MEDIA_UUID_LEN;
}

int queue_object(QVirtioMedia *media, unsigned index,
                 const uint8_t *uuid)
{
    struct v4l2_buffer buf;
    Call call;

    init_object_call(&call, VIDIOC_QBUF, index, uuid);
    if (call_run(&call, media)) {
        return call.in.hdr.status;
    }
    memcpy(&buf, call.in.arg, sizeof(buf));
    g_assert_cmpint(buf.m.fd, ==, 77);
    g_assert_cmpmem(call.in.arg + sizeof(buf), VIRTIO_MEDIA_UUID_LEN,
                    uuid, VIRTIO_MEDIA_UUID_LEN);
    return 0;
}

int queue_pages(QVirtioMedia *media, unsigned index, uint64_t addr)
{
    const uint32_t half = DRAWN_BYTES / 2;
    struct virtio_media_sg_entry list[] = {
        { .start = addr + half, .len = half },
        { .start = addr, .len = half },
    };
    struct v4l2_buffer buf = {
        .index = index, .type = stream_type, .memory = PAGES,
        .length = DRAWN_BYTES, .m.userptr = addr,
    };
    Call call;

    call_init(&call, VIDIOC_QBUF, &buf);
    call_add(&call, list, sizeof(list));
    return call_run(&call, media);
}

int set_pix(QVirtioMedia *media, struct v4l2_pix_format *pix)
{
    struct v4l2_format format = { .type = stream_type, .fmt.pix = *pix };
    int status = run(media, VIDIOC_S_FMT, &format);

    *pix = format.fmt.pix;
    return status;
}

int set_format(QVirtioMedia *media)
{
    struct v4l2_pix_format pix = {
        .width = DRAWN_WIDTH, .height = DRAWN_HEIGHT,
        .pixelformat = V4L2_PIX_FMT_XBGR32,
    };
    int status = set_pix(media, &pix);

    g_assert_true(status || pix.sizeimage == DRAWN_BYTES);
    return status;
}

int request_buffers(QVirtioMedia *media, unsigned count,
                    uint32_t memory)
{
    struct v4l2_requestbuffers req = {
        .count = count, .type = stream_type, .memory = memory,
    };

    return run(media, VIDIOC_REQBUFS, &req);
}

void set_up(QVirtioMedia *media, uint32_t memory)
{
    session = open_session(media);
    g_assert_cmpint(set_format(media), ==, 0);
    g_assert_cmpint(request_buffers(media, 4, memory), ==, 0);
}

void stream_on(QVirtioMedia *media)
{
    g_assert_cmpint(run_number(media, VIDIOC_STREAMON, stream_type), ==, 0);
}

void stream_off(QVirtioMedia *media)
{
    g_assert_cmpint(run_number(media, VIDIOC_STREAMOFF, stream_type), ==, 0);
}

struct v4l2_buffer wait_dequeued(QVirtioMedia *media, unsigned index)
{
    QVirtioMediaDequeued event;

    g_assert_cmpuint(qvirtio_media_wait_event(media, &event), ==,
                     sizeof(event));
    g_assert_cmpint(event.hdr.event, ==, VIRTIO_MEDIA_EVT_DQBUF);
    g_assert_cmpint(event.hdr.session_id, ==, session);
    g_assert_cmpuint(event.buffer.index, ==, index);
    g_assert_cmphex(event.buffer.flags, ==, is_capture() ?
                    V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC :
                    V4L2_BUF_FLAG_TIMESTAMP_COPY);
    return event.buffer;
}

void wait_failed(QVirtioMedia *media)
{
    struct virtio_media_event_error error;
    QVirtioMediaDequeued event;
    int number = -1;

    do {
        qvirtio_media_wait_event(media, &event);
    } while (event.hdr.event == VIRTIO_MEDIA_EVT_DQBUF);
    memcpy(&error, &event, sizeof(error));
    g_assert_cmpint(error.hdr.event, ==, VIRTIO_MEDIA_EVT_ERROR);
    g_assert_cmpint(error.hdr.session_id, ==, session);
    g_assert_cmpint(error.error, ==, EIO);
    g_assert_cmpint(run(media, is_capture() ? VIDIOC_G_INPUT : VIDIOC_G_OUTPUT,
                        &number), ==, ENODEV);
}

int queue_described(QVirtioMedia *media, const PeerInfo *info)
{
    uuid_t uuid;

    uuid_generate(uuid);
    g_assert_true(vhost_user_peer_add(media_exporter, uuid));
    vhost_user_peer_describe(media_exporter, info, sizeof(*info));
    g_assert_cmpint(request_buffers(media, 0, OBJECT), ==, 0);
    g_assert_cmpint(request_buffers(media, 1, OBJECT), ==, 0);
    return queue_object(media, 0, uuid);
}

void malformed(QVirtioMedia *media, QVirtioGPU *gpu)
{
    size_t out_size, in_size;
    Call call;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    set_up(media, OBJECT);
    init_object_call(&call, VIDIOC_QBUF, 0, d.uuid);
    out_size = call.chain.out_size;
    in_size = call.chain.in_size;
    for (size_t size = 1; size < out_size; size++) {
        call.chain.out_size = size;
        call.chain.out_split = size / 2;
        g_assert_cmpint(call_run(&call, media), ==, EINVAL);
    }
    call.chain.out_size = out_size;
    for (size_t size = 0; size < in_size; size++) {
        call.chain.in_size = size;
        call.chain.in_split = size / 2;
        if (size < sizeof(call.in.hdr)) {
            g_assert_cmpuint(qvirtio_media_submit(media, &call.chain), ==, 0);
        } else {
            g_assert_cmpint(call_run(&call, media), ==, EINVAL);
        }
    }
    call.chain.in_size = in_size;
    call.chain.in_split = 1;
    g_assert_cmpint(call_run(&call, media), ==, 0);
    drawn_done(&d);
}

static void exporter_end(gpointer unused)
{
    vhost_user_peer_free(g_steal_pointer(&media_exporter));
}

static void add_exporter(GString *cmd_line)
{
    g_autofree char *args = NULL;

    media_exporter = vhost_user_peer_new("exporter", true);
    vhost_user_peer_offer_info(media_exporter);
    args = vhost_user_peer_args(media_exporter, "");
    g_string_append(cmd_line, args);
    g_test_queue_destroy(exporter_end, &media_exporter);
}

void pipeline_fails(QVirtioMedia *media, QVirtioGPU *gpu)
{
    int status;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    for (int i = 0; i < 2; i++) {
        set_up(media, OBJECT);
        stream_on(media);
        status = queue_object(media, 0, d.uuid);
        g_assert_true(status == 0 || status == ENODEV);
        wait_failed(media);
        close_session(media, session);
    }
    drawn_done(&d);
}

void check_config(QVirtioMedia *media, uint32_t kind)
{
    struct virtio_media_config config;

    for (int i = 0; i < sizeof(config); i++) {
        ((uint8_t *)&config)[i] = qvirtio_config_readb(&media->pci.vdev, i);
    }
    g_assert_cmphex(config.device_caps, ==,
                    kind | V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT);
    g_assert_cmpint(config.device_type, ==, 0);
    g_assert_cmpstr((char *)config.card, ==, MEDIA_CARD);
}

static void *before(GString *cmd_line, void *arg)
{
    const MediaTest *test = arg;

    stream_type = test->capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE
                                : V4L2_BUF_TYPE_VIDEO_OUTPUT;
    if (is_capture()) {
        media_backend_capture_before(cmd_line, test->pipeline);
    } else {
        media_backend_before(cmd_line, test->pipeline);
    }
    if (test->with_exporter) {
        add_exporter(cmd_line);
    }
    if (test->second_gpu) {
        g_string_append(cmd_line, " -device virtio-gpu-pci,id=second,addr="
                        stringify(MEDIA_SECOND_GPU_SLOT) ","
                        RESOURCE_UUID_ON " ");
    }
    return arg;
}

static void run_test(void *obj, void *data, QGuestAllocator *alloc)
{
    const MediaTest *test = data;
    QVirtioGPUPCI *pci = obj;

    if (!media_backend_missing()) {
        test->func(media_backend_start(pci, alloc), &pci->gpu);
    }
}

void media_register_tests(const char *interface, const MediaTest *test,
                          size_t num)
{
    for (size_t i = 0; i < num; i++, test++) {
        QOSGraphTestOptions opts = {
            .edge.extra_device_opts = RESOURCE_UUID_ON,
            .before = before,
            .arg = (void *)test,
        };
        g_autofree char *name = g_strconcat("vhost-user-media/", test->name,
                                            NULL);

        qos_add_test(name, interface, run_test, &opts);
    }
}

void media_register_slow_tests(const MediaTest *tests, size_t num,
                               const MediaTest *gl_tests, size_t num_gl)
{
    if (!g_test_slow()) {
        return;
    }
    media_register_tests("virtio-gpu-pci", tests, num);
    /* set if EGL can export textures as dma-bufs */
    if (getenv("QTEST_GL_DMABUF")) {
        media_register_tests("virtio-gpu-gl-pci", gl_tests, num_gl);
    }
}
