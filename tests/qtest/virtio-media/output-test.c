/*
 * QTest testcases for contrib/vhost-user-media: frames from pages of the guest
 * and from resources of a virtio-gpu reach a pipeline
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-gl.h"
#include "qemu/module.h"
#include "qobject/qdict.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "virtio-export/peer.h"
#include "virtio-gpu/helpers/drawn.h"
#include "virtio-media/backend.h"

#define OUTPUT      V4L2_BUF_TYPE_VIDEO_OUTPUT
#define PAGES       V4L2_MEMORY_USERPTR
#define OBJECT      V4L2_MEMORY_DMABUF

/* A width whose rows the renderer pads */
#define TEXTURE_WIDTH   33
#define TEXTURE_HEIGHT  17
#define TEXTURE_ROW     (TEXTURE_WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL)
#define TEXTURE_BYTES   (TEXTURE_ROW * TEXTURE_HEIGHT)

/* filesink collects small frames by default, and keeps their buffers */
#define TO_FILE     "filesink buffer-mode=unbuffered location=@file"
/* without padding, which also filesink would write */
#define CONVERTED   "videoconvert ! video/x-raw,format=xRGB ! " TO_FILE
#define TURNED      "videoflip video-direction=auto ! " CONVERTED

typedef struct MediaTest {
    const char *name;
    void (*func)(QVirtioMedia *media, QVirtioGPU *gpu);
    const char *pipeline;
    bool with_exporter;
} MediaTest;

/* A back-end that describes its objects as it likes */
static VhostUserPeer *exporter;

/* The session that the helpers below use */
static uint32_t session;

static uint32_t open_session(QVirtioMedia *media)
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

static void close_session(QVirtioMedia *media, uint32_t id)
{
    struct virtio_media_cmd_close cmd = {
        .hdr.cmd = VIRTIO_MEDIA_CMD_CLOSE, .session_id = id,
    };
    QVirtioMediaChain chain = { .out = &cmd, .out_size = sizeof(cmd) };

    g_assert_cmpuint(qvirtio_media_submit(media, &chain), ==, 0);
}

/* An ioctl on the wire, with room for 16 bytes after its payload */
typedef struct Call {
    struct {
        struct virtio_media_cmd_ioctl cmd;
        uint8_t arg[272];
    } out;
    struct {
        struct virtio_media_resp_header hdr;
        uint8_t arg[272];
    } in;
    QVirtioMediaChain chain;
} Call;

static void call_init(Call *call, unsigned long request, const void *arg)
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

static void call_add(Call *call, const void *data, size_t size)
{
    memcpy((uint8_t *)&call->out + call->chain.out_size, data, size);
    call->chain.out_size += size;
}

/* Return: the status */
static int call_run(Call *call, QVirtioMedia *media)
{
    uint32_t len = qvirtio_media_submit(media, &call->chain);

    g_assert_cmpuint(len, ==, call->in.hdr.status ? sizeof(call->in.hdr)
                                                  : call->chain.in_size);
    return call->in.hdr.status;
}

/* Return: the status; changes @arg as the device does */
static int run(QVirtioMedia *media, unsigned long request, void *arg)
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

static int run_number(QVirtioMedia *media, unsigned long request, int number)
{
    return run(media, request, &number);
}

static void init_object_call(Call *call, unsigned long request,
                             unsigned index, const uint8_t *uuid)
{
    struct v4l2_buffer buf = {
        .index = index, .type = OUTPUT, .memory = OBJECT, .m.fd = 77,
    };

    call_init(call, request, &buf);
    call_add(call, uuid, VIRTIO_MEDIA_UUID_LEN);
    call->chain.in_size += VIRTIO_MEDIA_UUID_LEN;
}

static int queue_object(QVirtioMedia *media, unsigned index,
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

/* The frame is in two pieces of memory, the second one first */
static int queue_pages(QVirtioMedia *media, unsigned index, uint64_t addr)
{
    const uint32_t half = DRAWN_BYTES / 2;
    struct virtio_media_sg_entry list[] = {
        { .start = addr + half, .len = half },
        { .start = addr, .len = half },
    };
    struct v4l2_buffer buf = {
        .index = index, .type = OUTPUT, .memory = PAGES,
        .length = DRAWN_BYTES, .m.userptr = addr,
    };
    Call call;

    call_init(&call, VIDIOC_QBUF, &buf);
    call_add(&call, list, sizeof(list));
    return call_run(&call, media);
}

/* Return: the status; sets the image size */
static int set_pix(QVirtioMedia *media, struct v4l2_pix_format *pix)
{
    struct v4l2_format format = { .type = OUTPUT, .fmt.pix = *pix };
    int status = run(media, VIDIOC_S_FMT, &format);

    *pix = format.fmt.pix;
    return status;
}

static int set_format(QVirtioMedia *media)
{
    struct v4l2_pix_format pix = {
        .width = DRAWN_WIDTH, .height = DRAWN_HEIGHT,
        .pixelformat = V4L2_PIX_FMT_XBGR32,
    };
    int status = set_pix(media, &pix);

    g_assert_true(status || pix.sizeimage == DRAWN_BYTES);
    return status;
}

static int request_buffers(QVirtioMedia *media, unsigned count,
                           uint32_t memory)
{
    struct v4l2_requestbuffers req = {
        .count = count, .type = OUTPUT, .memory = memory,
    };

    return run(media, VIDIOC_REQBUFS, &req);
}

/* Open a session that has the format of Drawn, and 4 buffers */
static void set_up(QVirtioMedia *media, uint32_t memory)
{
    session = open_session(media);
    g_assert_cmpint(set_format(media), ==, 0);
    g_assert_cmpint(request_buffers(media, 4, memory), ==, 0);
}

static void stream_on(QVirtioMedia *media)
{
    g_assert_cmpint(run_number(media, VIDIOC_STREAMON, OUTPUT), ==, 0);
}

static void stream_off(QVirtioMedia *media)
{
    g_assert_cmpint(run_number(media, VIDIOC_STREAMOFF, OUTPUT), ==, 0);
}

static void wait_dequeued(QVirtioMedia *media, unsigned index)
{
    QVirtioMediaDequeued event;

    g_assert_cmpuint(qvirtio_media_wait_event(media, &event), ==,
                     sizeof(event));
    g_assert_cmpint(event.hdr.event, ==, VIRTIO_MEDIA_EVT_DQBUF);
    g_assert_cmpint(event.hdr.session_id, ==, session);
    g_assert_cmpuint(event.buffer.index, ==, index);
    g_assert_cmphex(event.buffer.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_COPY);
}

/* Queue what is drawn, and wait until the pipeline has dropped it */
static void show(QVirtioMedia *media, unsigned index, const Drawn *d)
{
    g_assert_cmpint(queue_object(media, index, d->uuid), ==, 0);
    wait_dequeued(media, index);
}

/* Start a stream of resources of the GPU, with one that is drawn */
static void start_stream(QVirtioMedia *media, QVirtioGPU *gpu, Drawn *d)
{
    drawn_new(d, gpu, 1, 0x11);
    set_up(media, OBJECT);
    stream_on(media);
}

static void wait_failed(QVirtioMedia *media)
{
    struct virtio_media_event_error error;
    QVirtioMediaDequeued event;
    int output = -1;

    do {
        qvirtio_media_wait_event(media, &event);
    } while (event.hdr.event == VIRTIO_MEDIA_EVT_DQBUF);
    memcpy(&error, &event, sizeof(error));
    g_assert_cmpint(error.hdr.event, ==, VIRTIO_MEDIA_EVT_ERROR);
    g_assert_cmpint(error.hdr.session_id, ==, session);
    g_assert_cmpint(error.error, ==, EIO);
    g_assert_cmpint(run(media, VIDIOC_G_OUTPUT, &output), ==, ENODEV);
}

static void assert_file(const void *frames, size_t size)
{
    GByteArray *file = media_backend_file(size);

    g_assert_cmpmem(file->data, file->len, frames, size);
    g_byte_array_unref(file);
}

static void config(QVirtioMedia *media, QVirtioGPU *gpu)
{
    struct virtio_media_config config;

    for (int i = 0; i < sizeof(config); i++) {
        ((uint8_t *)&config)[i] = qvirtio_config_readb(&media->pci.vdev, i);
    }
    g_assert_cmphex(config.device_caps, ==, V4L2_CAP_VIDEO_OUTPUT |
                    V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT);
    g_assert_cmpint(config.device_type, ==, 0);
    g_assert_cmpstr((char *)config.card, ==, MEDIA_CARD);
}

/* The monitor knows the name of the device, and its features */
static void monitor(QVirtioMedia *media, QVirtioGPU *gpu)
{
    QDict *status = qtest_qmp_assert_success_ref(
        media->qts, "{ 'execute': 'x-query-virtio-status', 'arguments': {"
        " 'path': '/machine/peripheral/media1/virtio-backend' } }");

    g_assert_cmpstr(qdict_get_str(status, "name"), ==, "virtio-media");
    g_assert_cmpint(qdict_get_int(status, "device-id"), ==, VIRTIO_ID_MEDIA);
    g_assert_cmpint(qdict_get_int(status, "num-vqs"), ==, 2);
    qobject_unref(status);
}

static void ioctls(QVirtioMedia *media, QVirtioGPU *gpu)
{
    static const unsigned long nonsense = _IOWR('V', 250, struct v4l2_format);
    struct v4l2_fmtdesc desc = { .type = OUTPUT };
    struct v4l2_frmsizeenum size = { .pixel_format = V4L2_PIX_FMT_XBGR32 };
    struct v4l2_streamparm parm = {
        .type = OUTPUT, .parm.output.timeperframe = { 1, 25 },
    };
    struct v4l2_event_subscription event = { .type = V4L2_EVENT_EOS };
    struct v4l2_format format = { .type = OUTPUT };
    struct v4l2_output output = {};
    struct v4l2_buffer buf = { .type = OUTPUT };
    struct v4l2_create_buffers create = {
        .count = 1, .memory = OBJECT, .format.type = OUTPUT,
        .format.fmt.pix.sizeimage = DRAWN_BYTES,
    };
    int number = 0;

    set_up(media, OBJECT);
    g_assert_cmpint(run(media, VIDIOC_ENUM_FMT, &desc), ==, 0);
    g_assert_cmphex(desc.pixelformat, ==, V4L2_PIX_FMT_XBGR32);
    g_assert_cmpint(run(media, VIDIOC_ENUM_FRAMESIZES, &size), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_G_FMT, &format), ==, 0);
    g_assert_cmpuint(format.fmt.pix.width, ==, DRAWN_WIDTH);
    g_assert_cmpint(run(media, VIDIOC_TRY_FMT, &format), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_S_FMT, &format), ==, EBUSY);
    g_assert_cmpint(run(media, VIDIOC_S_PARM, &parm), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_G_PARM, &parm), ==, 0);
    g_assert_cmpuint(parm.parm.output.timeperframe.denominator, ==, 25);
    g_assert_cmpint(run(media, VIDIOC_ENUMOUTPUT, &output), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_G_OUTPUT, &number), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_S_OUTPUT, &number), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_SUBSCRIBE_EVENT, &event), ==, EINVAL);
    g_assert_cmpint(run(media, VIDIOC_UNSUBSCRIBE_EVENT, &event), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_CREATE_BUFS, &create), ==, 0);
    g_assert_cmpuint(create.index, ==, 4);
    buf.index = 4;
    g_assert_cmpint(run(media, VIDIOC_QUERYBUF, &buf), ==, 0);
    g_assert_cmpint(buf.memory, ==, OBJECT);
    g_assert_cmpint(run(media, nonsense, &format), ==, ENOTTY);
}

static void object(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint8_t frames[4 * DRAWN_BYTES];
    Drawn d[2];

    drawn_new(&d[0], gpu, 1, 0x11);
    drawn_new(&d[1], gpu, 2, 0x22);
    set_up(media, OBJECT);
    /* one is queued before the stream begins, the others while it runs */
    g_assert_cmpint(queue_object(media, 0, d[0].uuid), ==, 0);
    stream_on(media);
    wait_dequeued(media, 0);
    memcpy(frames, d[0].pixels, DRAWN_BYTES);
    for (int i = 1; i < 4; i++) {
        drawn_again(&d[i % 2], 0x30 + i);
        show(media, i % 2, &d[i % 2]);
        memcpy(frames + i * DRAWN_BYTES, d[i % 2].pixels, DRAWN_BYTES);
    }
    stream_off(media);
    assert_file(frames, sizeof(frames));
    drawn_done(&d[0]);
    drawn_done(&d[1]);
}

static void pages(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint64_t addr = guest_alloc(media->alloc, DRAWN_BYTES);
    uint8_t frame[DRAWN_BYTES], frames[2 * DRAWN_BYTES];

    set_up(media, PAGES);
    stream_on(media);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < DRAWN_BYTES; j++) {
            frame[j] = g_test_rand_int_range(0, 256);
        }
        qtest_memwrite(media->qts, addr, frame, DRAWN_BYTES);
        g_assert_cmpint(queue_pages(media, i, addr), ==, 0);
        wait_dequeued(media, i);
        memcpy(frames + i * DRAWN_BYTES, frame + DRAWN_BYTES / 2,
               DRAWN_BYTES / 2);
        memcpy(frames + i * DRAWN_BYTES + DRAWN_BYTES / 2, frame,
               DRAWN_BYTES / 2);
    }
    assert_file(frames, sizeof(frames));
    guest_free(media->alloc, addr);
}

static void unknown_uuid(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uuid_t uuid;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    set_up(media, OBJECT);
    uuid_generate(uuid);
    g_assert_cmpint(queue_object(media, 0, uuid), ==, EINVAL);
    uuid_clear(uuid);
    g_assert_cmpint(queue_object(media, 0, uuid), ==, EINVAL);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, 0);
    drawn_done(&d);
}

/* The order of colours and the stride are those of the resource */
static void geometry(QVirtioMedia *media, QVirtioGPU *gpu)
{
    static const struct {
        struct v4l2_pix_format pix;
        int expect;
    } cases[] = {
        { { DRAWN_WIDTH + 1, DRAWN_HEIGHT, V4L2_PIX_FMT_XBGR32 }, EINVAL },
        { { DRAWN_WIDTH, DRAWN_HEIGHT + 1, V4L2_PIX_FMT_XBGR32 }, EINVAL },
        { { DRAWN_WIDTH / 2, DRAWN_HEIGHT, V4L2_PIX_FMT_XRGB32 }, 0 },
        { { DRAWN_WIDTH, DRAWN_HEIGHT, V4L2_PIX_FMT_ABGR32 }, 0 },
        { { DRAWN_WIDTH, DRAWN_HEIGHT, V4L2_PIX_FMT_XBGR32,
            .bytesperline = 8192 }, 0 },
    };
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    session = open_session(media);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct v4l2_pix_format pix = cases[i].pix;

        g_assert_cmpint(request_buffers(media, 0, OBJECT), ==, 0);
        g_assert_cmpint(set_pix(media, &pix), ==, 0);
        g_assert_true(cases[i].pix.bytesperline == 0 ||
                      cases[i].pix.bytesperline == pix.bytesperline);
        g_assert_cmpint(request_buffers(media, 1, OBJECT), ==, 0);
        g_assert_cmpint(queue_object(media, 0, d.uuid), ==, cases[i].expect);
    }
    g_assert_cmpint(run_number(media, VIDIOC_STREAMON, OUTPUT), ==, 0);
    wait_dequeued(media, 0);
    assert_file(d.pixels, DRAWN_BYTES);
    drawn_done(&d);
}

/* Return: the status of QBUF of an object that is described */
static int queue_described(QVirtioMedia *media, const PeerInfo *info)
{
    uuid_t uuid;

    uuid_generate(uuid);
    g_assert_true(vhost_user_peer_add(exporter, uuid));
    vhost_user_peer_describe(exporter, info, sizeof(*info));
    g_assert_cmpint(request_buffers(media, 0, OBJECT), ==, 0);
    g_assert_cmpint(request_buffers(media, 1, OBJECT), ==, 0);
    return queue_object(media, 0, uuid);
}

static void descriptions(QVirtioMedia *media, QVirtioGPU *gpu)
{
    const PeerInfo good = {
        .size = 1ULL << 40,     /* a lie */
        .width = DRAWN_WIDTH, .height = DRAWN_HEIGHT,
        .fourcc = DRM_FORMAT_XRGB8888, .num_planes = 1,
        .strides = { 128, 128 },
    };
    struct {
        PeerInfo info;
        int expect;
    } cases[] = {
        { good, 0 }, { good, 0 }, { good, 0 }, { good, EINVAL },
        { good, EINVAL }, { good, EINVAL }, { good, EINVAL },
    };

    cases[1].info.modifier = DRM_FORMAT_MOD_INVALID;
    cases[2].info.num_planes = 0;
    cases[2].info.strides[0] = 1 << 20;
    cases[3].info.modifier = I915_FORMAT_MOD_X_TILED;
    cases[4].info.num_planes = 2;
    cases[5].info.strides[0] = 1 << 20;
    cases[6].info.offsets[0] = 1 << 20;

    vhost_user_peer_wait_ready(exporter);
    set_up(media, OBJECT);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("case %d", i);
        g_assert_cmpint(queue_described(media, &cases[i].info), ==,
                        cases[i].expect);
    }
}

/* The memory of a buffer remains when the guest destroys the resource */
static void object_goes(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint8_t frames[2 * DRAWN_BYTES];
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    set_up(media, OBJECT);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, 0);
    do_qvirtio_gpu_unref(d.res);
    g_assert_cmpint(queue_object(media, 1, d.uuid), ==, EINVAL);
    stream_on(media);
    wait_dequeued(media, 0);
    show(media, 0, &d);
    memset(frames, 0x11, sizeof(frames));
    assert_file(frames, sizeof(frames));
    stream_off(media);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, EINVAL);
    drawn_done(&d);
}

static void malformed(QVirtioMedia *media, QVirtioGPU *gpu)
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

static void two_sessions(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint32_t first;
    Drawn d;

    start_stream(media, gpu, &d);
    first = session;
    session = open_session(media);
    g_assert_cmpint(first, !=, session);
    g_assert_cmpint(set_format(media), ==, EBUSY);
    g_assert_cmpint(request_buffers(media, 1, OBJECT), ==, EBUSY);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, EBUSY);
    g_assert_cmpint(run_number(media, VIDIOC_STREAMOFF, OUTPUT), ==, EBUSY);
    close_session(media, first);
    g_assert_cmpint(request_buffers(media, 1, OBJECT), ==, 0);
    stream_on(media);
    show(media, 0, &d);
    assert_file(d.pixels, DRAWN_BYTES);
    drawn_done(&d);
}

/* A reset ends the session, and the next one gets no event of it */
static void reset(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint32_t old;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    for (int i = 0; i < 3; i++) {
        set_up(media, OBJECT);
        stream_on(media);
        g_assert_cmpint(queue_object(media, i, d.uuid), ==, 0);
        old = session;
        qvirtio_media_start(media);
        g_assert_cmpint(run_number(media, VIDIOC_STREAMOFF, OUTPUT), ==,
                        EINVAL);
    }
    set_up(media, OBJECT);
    g_assert_cmpint(session, !=, old);
    stream_on(media);
    show(media, 3, &d);
    drawn_done(&d);
}

/* Sessions survive a stop and a continuation of the machine */
static void vm_stop(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Drawn d;

    start_stream(media, gpu, &d);
    qtest_qmp_assert_success(media->qts, "{ 'execute': 'stop' }");
    qtest_qmp_assert_success(media->qts, "{ 'execute': 'cont' }");
    show(media, 0, &d);
    assert_file(d.pixels, DRAWN_BYTES);
    drawn_done(&d);
}

/* QEMU goes on without the process; the next one does not know the session */
static void death(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Drawn d;

    start_stream(media, gpu, &d);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, 0);
    media_backend_kill();
    qtest_qmp_assert_success(media->qts, "{ 'execute': 'query-status' }");
    drawn_again(&d, 0x22);
    media_backend_restart();
    g_assert_cmpint(run_number(media, VIDIOC_STREAMOFF, OUTPUT), ==, EINVAL);
    set_up(media, OBJECT);
    stream_on(media);
    show(media, 0, &d);
    drawn_done(&d);
}

/* A pipeline that waits for the reader of a FIFO does not block commands */
static void blocked_pipeline(QVirtioMedia *media, QVirtioGPU *gpu)
{
    QVirtioMediaDequeued event;
    int fifo, output = -1;
    uint8_t *frames;
    Drawn d;

    media_backend_make_fifo();
    start_stream(media, gpu, &d);
    for (int i = 0; i < 4; i++) {
        g_assert_cmpint(queue_object(media, i, d.uuid), ==, 0);
        g_assert_cmpint(queue_object(media, i, d.uuid), ==, EINVAL);
    }
    g_assert_cmpint(run(media, VIDIOC_G_OUTPUT, &output), ==, 0);
    g_assert_cmpuint(qvirtio_media_poll_event(media, &event), ==, 0);
    fifo = media_backend_open_fifo();
    for (int i = 0; i < 4; i++) {
        wait_dequeued(media, i);
    }
    frames = g_malloc(4 * DRAWN_BYTES);
    g_assert_cmpint(read(fifo, frames, 4 * DRAWN_BYTES), ==, 4 * DRAWN_BYTES);
    for (int i = 0; i < 4; i++) {
        g_assert_cmpmem(frames + i * DRAWN_BYTES, DRAWN_BYTES, d.pixels,
                        DRAWN_BYTES);
    }
    g_free(frames);
    close(fifo);
    drawn_done(&d);
}

/* Buffers come back as the pipeline drops them */
static void slow_pipeline(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Drawn d;

    start_stream(media, gpu, &d);
    for (int i = 0; i < 4; i++) {
        g_assert_cmpint(queue_object(media, i, d.uuid), ==, 0);
    }
    wait_dequeued(media, 0);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, 0);
    for (int i = 1; i < 5; i++) {
        wait_dequeued(media, i % 4);
    }
    /* the stream ends at once, even if the pipeline has a frame */
    g_assert_cmpint(queue_object(media, 1, d.uuid), ==, 0);
    stream_off(media);
    g_assert_cmpint(request_buffers(media, 0, OBJECT), ==, 0);
    drawn_done(&d);
}

/* The pipeline may have failed before it gets the first frame */
static void pipeline_fails(QVirtioMedia *media, QVirtioGPU *gpu)
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

#define RGBX    VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM
#define BGRX    VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM

/* A texture and what was drawn last */
typedef struct Texture {
    QVirtioGPUResourceOpt res;
    uuid_t uuid;
    uint8_t pixels[TEXTURE_BYTES];
} Texture;

/* The guest chooses the orientation of the textures of CREATE_3D */
static void texture_new(Texture *t, QVirtioGPU *gpu, uint32_t id,
                        uint32_t format, bool bottom_up)
{
    t->res = (QVirtioGPUResourceOpt) {
        .gpu = gpu, .id = id, .format = format,
        .width = TEXTURE_WIDTH, .height = TEXTURE_HEIGHT,
        .backing = guest_alloc(gpu->alloc, TEXTURE_BYTES),
        .backing_len = TEXTURE_BYTES,
    };
    if (bottom_up) {
        do_qvirtio_gpu_create_2d(t->res);
    } else {
        qvirtio_gpu_create_3d(&t->res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
    }
    do_qvirtio_gpu_attach_backing(t->res);
    assign_uuid({ .gpu = gpu, .id = id, .uuid = t->uuid });
}

static void texture_done(Texture *t)
{
    guest_free(t->res.gpu->alloc, t->res.backing);
}

/* Where the pipeline records a byte of a pixel, or the unused one */
static int recorded_at(const Texture *t, int byte)
{
    if (byte == 3) {
        return 0;
    }
    return t->res.format == BGRX ? 3 - byte : 1 + byte;
}

/* Write the frame that the pipeline must record: its first byte is unused */
static void texture_draw(Texture *t, uint8_t *frame)
{
    for (int i = 0; i < TEXTURE_BYTES; i++) {
        int byte = i % QVIRTIO_GPU_BYTES_PER_PIXEL;

        t->pixels[i] = g_test_rand_int_range(0, 256);
        frame[i - byte + recorded_at(t, byte)] = byte == 3 ? 0 : t->pixels[i];
    }
    qtest_memwrite(t->res.gpu->qts, t->res.backing, t->pixels, TEXTURE_BYTES);
    do_qvirtio_gpu_transfer(t->res);
}

/* The format has the default stride, that of the guest */
static void set_up_textures(QVirtioMedia *media, uint32_t width,
                            uint32_t height, uint32_t pixelformat)
{
    struct v4l2_pix_format pix = {
        .width = width, .height = height, .pixelformat = pixelformat,
    };

    session = open_session(media);
    g_assert_cmpint(set_pix(media, &pix), ==, 0);
    g_assert_cmpuint(pix.bytesperline, ==,
                     width * QVIRTIO_GPU_BYTES_PER_PIXEL);
    g_assert_cmpint(request_buffers(media, 4, OBJECT), ==, 0);
}

/* Compare all bytes but the unused one of each pixel */
static void assert_pixels(const uint8_t *frames, size_t size)
{
    GByteArray *file = media_backend_file(size);

    for (size_t i = 0; i < size; i += QVIRTIO_GPU_BYTES_PER_PIXEL) {
        file->data[i] = 0;
    }
    g_assert_cmpmem(file->data, file->len, frames, size);
    g_byte_array_unref(file);
}

static void padded_texture(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint8_t frames[3 * TEXTURE_BYTES];
    Texture t;

    texture_new(&t, gpu, 1, RGBX, false);
    set_up_textures(media, TEXTURE_WIDTH, TEXTURE_HEIGHT,
                    V4L2_PIX_FMT_RGBX32);
    stream_on(media);
    for (int i = 0; i < 3; i++) {
        texture_draw(&t, frames + i * TEXTURE_BYTES);
        g_assert_cmpint(queue_object(media, i, t.uuid), ==, 0);
        wait_dequeued(media, i);
    }
    assert_pixels(frames, sizeof(frames));
    texture_done(&t);
}

/* The top left part of a texture, which begins inside of the memory */
static void part_of_texture(QVirtioMedia *media, QVirtioGPU *gpu)
{
    enum { HEIGHT = 5, ROW = 20 * QVIRTIO_GPU_BYTES_PER_PIXEL };
    uint8_t frame[TEXTURE_BYTES], part[HEIGHT * ROW];
    Texture t;

    texture_new(&t, gpu, 1, RGBX, true);
    texture_draw(&t, frame);
    for (int i = 0; i < HEIGHT; i++) {
        memcpy(part + i * ROW, frame + i * TEXTURE_ROW, ROW);
    }
    set_up_textures(media, ROW / QVIRTIO_GPU_BYTES_PER_PIXEL, HEIGHT,
                    V4L2_PIX_FMT_RGBX32);
    stream_on(media);
    g_assert_cmpint(queue_object(media, 0, t.uuid), ==, 0);
    wait_dequeued(media, 0);
    assert_pixels(part, sizeof(part));
    texture_done(&t);
}

/* Stream @t[0] and @t[1] in turn, the first four frames before STREAMON */
static void stream_two_textures(QVirtioMedia *media, Texture *t,
                                uint32_t pixelformat)
{
    uint8_t frames[6 * TEXTURE_BYTES];

    set_up_textures(media, TEXTURE_WIDTH, TEXTURE_HEIGHT, pixelformat);
    texture_draw(&t[0], frames);
    texture_draw(&t[1], frames + TEXTURE_BYTES);
    memcpy(frames + 2 * TEXTURE_BYTES, frames, 2 * TEXTURE_BYTES);
    for (int i = 0; i < 4; i++) {
        g_assert_cmpint(queue_object(media, i, t[i % 2].uuid), ==, 0);
    }
    stream_on(media);
    for (int i = 0; i < 4; i++) {
        wait_dequeued(media, i);
    }
    for (int i = 4; i < 6; i++) {
        texture_draw(&t[0], frames + i * TEXTURE_BYTES);
        g_assert_cmpint(queue_object(media, 0, t[0].uuid), ==, 0);
        wait_dequeued(media, 0);
    }
    assert_pixels(frames, sizeof(frames));
    texture_done(&t[0]);
    texture_done(&t[1]);
}

/* Frames whose orientation differs wait in the same pipeline */
static void orientation(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Texture t[2];

    texture_new(&t[0], gpu, 1, RGBX, true);
    texture_new(&t[1], gpu, 2, RGBX, false);
    stream_two_textures(media, t, V4L2_PIX_FMT_RGBX32);
}

/* The colours are right in the order of the host, here not the driver's */
static void texture_formats(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Texture t[2];

    texture_new(&t[0], gpu, 1, BGRX, false);
    texture_new(&t[1], gpu, 2, RGBX, false);
    stream_two_textures(media, t, V4L2_PIX_FMT_XBGR32);
}

static void exporter_end(gpointer unused)
{
    vhost_user_peer_free(g_steal_pointer(&exporter));
}

static void add_exporter(GString *cmd_line)
{
    g_autofree char *args = NULL;

    exporter = vhost_user_peer_new("exporter", true);
    vhost_user_peer_offer_info(exporter);
    args = vhost_user_peer_args(exporter, "");
    g_string_append(cmd_line, args);
    g_test_queue_destroy(exporter_end, &exporter);
}

static void *before(GString *cmd_line, void *arg)
{
    const MediaTest *test = arg;

    media_backend_before(cmd_line, test->pipeline);
    if (test->with_exporter) {
        add_exporter(cmd_line);
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

static const MediaTest tests[] = {
    { "config", config, TO_FILE },
    { "monitor", monitor, TO_FILE },
    { "ioctls", ioctls, TO_FILE },
    { "object/drawn", object, TO_FILE },
    { "object/unknown", unknown_uuid, TO_FILE },
    { "object/geometry", geometry, TO_FILE },
    { "object/descriptions", descriptions, TO_FILE, .with_exporter = true },
    { "object/goes-while-queued", object_goes, TO_FILE },
    { "pages", pages, TO_FILE },
    { "malformed", malformed, TO_FILE },
    { "two-sessions", two_sessions, TO_FILE },
    { "reset", reset, "fakesink" },
    { "stop", vm_stop, TO_FILE },
    { "death", death, "fakesink" },
    { "blocked-pipeline", blocked_pipeline, TO_FILE },
    { "slow-pipeline", slow_pipeline, "identity sleep-time=500000 ! fakesink" },
    { "pipeline-fails", pipeline_fails, "identity error-after=1 ! fakesink" },
    { "pipeline-ends", pipeline_fails, "identity eos-after=1 ! fakesink" },
    { "pipeline-never-starts", pipeline_fails,
      "filesink location=@file/nowhere" },
};

static const MediaTest texture_tests[] = {
    { "texture/padded", padded_texture, CONVERTED },
    { "texture/part", part_of_texture, TURNED },
    { "texture/orientation", orientation, TURNED },
    { "texture/formats", texture_formats, CONVERTED },
};

static void register_tests(const char *interface, const MediaTest *test,
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

static void register_slow_tests(void)
{
    if (!g_test_slow()) {
        return;
    }
    register_tests("virtio-gpu-pci", tests, ARRAY_SIZE(tests));
    /* set if EGL can export textures as dma-bufs */
    if (getenv("QTEST_GL_DMABUF")) {
        register_tests("virtio-gpu-gl-pci", texture_tests,
                       ARRAY_SIZE(texture_tests));
    }
}

libqos_init(register_slow_tests);
