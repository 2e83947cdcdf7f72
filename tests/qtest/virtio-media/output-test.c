/*
 * QTest testcases for contrib/vhost-user-media: frames from pages of the guest
 * and from resources of a virtio-gpu reach a pipeline
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/virtio-gpu-gl.h"
#include "qemu/module.h"
#include "qobject/qdict.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_pci.h"
#include "virtio-media/helpers.h"

#define OUTPUT      V4L2_BUF_TYPE_VIDEO_OUTPUT

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

/* Queue a drawn resource, and wait until the device returns the buffer */
static void show(QVirtioMedia *media, unsigned index, const Drawn *d)
{
    g_assert_cmpint(queue_object(media, index, d->uuid), ==, 0);
    wait_dequeued(media, index);
}

/* Draw a resource of the GPU, and start a stream */
static void start_stream(QVirtioMedia *media, QVirtioGPU *gpu, Drawn *d)
{
    drawn_new(d, gpu, 1, 0x11);
    set_up(media, OBJECT);
    stream_on(media);
}

static void assert_file(const void *frames, size_t size)
{
    GByteArray *file = media_backend_file(size);

    g_assert_cmpmem(file->data, file->len, frames, size);
    g_byte_array_unref(file);
}

static void config(QVirtioMedia *media, QVirtioGPU *gpu)
{
    check_config(media, V4L2_CAP_VIDEO_OUTPUT);
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
    struct v4l2_selection selection = {
        .type = OUTPUT, .target = V4L2_SEL_TGT_COMPOSE,
    };
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
    g_assert_cmpint(run(media, VIDIOC_G_SELECTION, &selection), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_S_SELECTION, &selection), ==, 0);
    g_assert_cmpuint(selection.r.width, ==, DRAWN_WIDTH);
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

static void descriptions(QVirtioMedia *media, QVirtioGPU *gpu)
{
    const PeerInfo good = {
        .size = 1ULL << 40,     /* larger than the object */
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

    vhost_user_peer_wait_ready(media_exporter);
    set_up(media, OBJECT);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("case %d", i);
        g_assert_cmpint(queue_described(media, &cases[i].info), ==,
                        cases[i].expect);
    }
}

/* Send QBUF for an object; the exporter does not reply to the lookup yet */
static uint64_t send_pending(QVirtioMedia *media, Call *call,
                             const uint8_t *uuid)
{
    const PeerInfo info = {
        .size = 1 << 20, .width = DRAWN_WIDTH, .height = DRAWN_HEIGHT,
        .fourcc = DRM_FORMAT_XRGB8888, .num_planes = 1, .strides = { 128 },
    };
    uint64_t addr;

    vhost_user_peer_wait_ready(media_exporter);
    set_up(media, OBJECT);
    g_assert_true(vhost_user_peer_add(media_exporter, uuid));
    vhost_user_peer_describe(media_exporter, &info, sizeof(info));
    vhost_user_peer_hold(media_exporter, PEER_GET_SHARED_OBJECT);
    init_object_call(call, VIDIOC_QBUF, 0, uuid);
    addr = qvirtio_media_send(media, &call->chain);
    vhost_user_peer_wait_held(media_exporter);
    return addr;
}

/* On a stop, QEMU waits for the device, which does not wait for the exporter */
static void slow_exporter_stop(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint64_t addr;
    uuid_t uuid;
    Call call;

    uuid_generate(uuid);
    addr = send_pending(media, &call, uuid);
    qtest_qmp_assert_success(media->qts, "{ 'execute': 'stop' }");
    qtest_qmp_assert_success(media->qts, "{ 'execute': 'cont' }");
    vhost_user_peer_release(media_exporter);
    g_assert_cmpuint(qvirtio_media_finish(media, &call.chain, addr), ==,
                     call.chain.in_size);
    g_assert_cmpint(call.in.hdr.status, ==, 0);
}

/* After a reset, the device ignores replies to earlier lookups */
static void slow_exporter_reset(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint64_t addr;
    uuid_t uuid;
    Call call;

    uuid_generate(uuid);
    addr = send_pending(media, &call, uuid);
    qvirtio_media_start(media);
    guest_free(media->alloc, addr);
    vhost_user_peer_release(media_exporter);
    g_assert_true(vhost_user_peer_remove(media_exporter, uuid));
    set_up(media, OBJECT);
    g_assert_cmpint(queue_object(media, 0, uuid), ==, EINVAL);
    uuid_generate(uuid);
    g_assert_true(vhost_user_peer_add(media_exporter, uuid));
    g_assert_cmpint(queue_object(media, 0, uuid), ==, 0);
}

/* The memory of a buffer remains when the guest destroys the resource */
static void object_destroyed(QVirtioMedia *media, QVirtioGPU *gpu)
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

/* A reset ends the session; the next session gets no event of the old one */
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

/*
 * An event queue whose used ring is its available ring: each used buffer makes
 * another one available.  All buffers are descriptor 0, too small for an event.
 */
static void set_up_endless_events(QVirtioMedia *media)
{
    QVirtQueue *vq = media->eventq;
    QVirtioPCIDevice *pci = &media->pci;

    qvirtqueue_add(media->qts, vq, media->events, 1, true, false);
    qtest_writew(media->qts, vq->avail + 2, 8);
    vq->used = vq->avail;
    pci->vdev.bus->set_queue_address(&pci->vdev, vq);
    qpci_io_writew(pci->pdev, pci->bar, pci->common_cfg_offset +
                   offsetof(struct virtio_pci_common_cfg, queue_enable), 1);
}

static void events_without_end(QVirtioMedia *media, QVirtioGPU *gpu)
{
    QVirtioDevice *vdev = &media->pci.vdev;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    qvirtio_media_stop(media);
    media->events = guest_alloc(media->alloc, 1);
    qvirtio_set_acknowledge(vdev);
    qvirtio_set_driver(vdev);
    qvirtio_set_features(vdev, 1ull << VIRTIO_F_VERSION_1);
    media->commandq = qvirtqueue_setup(vdev, media->alloc, 0);
    media->eventq = qvirtqueue_setup(vdev, media->alloc, 1);
    set_up_endless_events(media);
    qvirtio_set_driver_ok(vdev);

    set_up(media, OBJECT);
    stream_on(media);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, 0);
    /* the device has an event, and uses buffers */
    while (qtest_readw(media->qts, media->eventq->used + 2) == 8) {
        g_usleep(1000);
    }
    stream_off(media);
    drawn_done(&d);
}

/* Make commands available, all with one kick */
static void submit_lookups(QVirtioMedia *media, unsigned count,
                           const uint8_t *uuid)
{
    QVirtQueue *vq = media->commandq;
    uint64_t addr;
    Call call;

    init_object_call(&call, VIDIOC_QBUF, 0, uuid);
    addr = guest_alloc(media->alloc,
                       call.chain.out_size + call.chain.in_size);
    qtest_memwrite(media->qts, addr, call.chain.out, call.chain.out_size);
    vq->free_head = 0;
    for (unsigned i = 0; i < count; i++) {
        uint16_t idx = qtest_readw(media->qts, vq->avail + 2);

        qtest_writew(media->qts, vq->avail + 4 + 2 * (idx % vq->size),
                     vq->free_head);
        qvirtqueue_add(media->qts, vq, addr, call.chain.out_size, false, true);
        qvirtqueue_add(media->qts, vq, addr + call.chain.out_size,
                       call.chain.in_size, true, false);
        qtest_writew(media->qts, vq->avail + 2, idx + 1);
    }
    vq->vdev->bus->virtqueue_kick(vq->vdev, vq);
}

/*
 * Each queued command ends at the deadline of its lookup.  The device replies
 * to QEMU between two commands, not only after all queued commands.
 */
static void slow_commands(QVirtioMedia *media, QVirtioGPU *gpu)
{
    enum { COMMANDS = 8 };
    uint8_t asked[PEER_UUID_SIZE];
    uuid_t uuid;

    uuid_generate(uuid);
    vhost_user_peer_wait_ready(media_exporter);
    g_assert_true(vhost_user_peer_add(media_exporter, uuid));
    vhost_user_peer_answer(media_exporter, PEER_ANSWER_NONE);
    set_up(media, OBJECT);
    submit_lookups(media, COMMANDS, uuid);
    qtest_qmp_assert_success(media->qts, "{ 'execute': 'stop' }");
    g_assert_cmpuint(vhost_user_peer_asked(media_exporter, asked), <, COMMANDS);
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

/* QEMU continues without the process; a new process has no session */
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
    fifo = media_backend_open_fifo(O_RDONLY);
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

/* Set a format with the default stride, which has no padding */
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

/* Show the top left part of a texture; it is not at the start of the memory */
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

/* Frames with different orientations are in the pipeline at the same time */
static void orientation(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Texture t[2];

    texture_new(&t[0], gpu, 1, RGBX, true);
    texture_new(&t[1], gpu, 2, RGBX, false);
    stream_two_textures(media, t, V4L2_PIX_FMT_RGBX32);
}

/* The pipeline uses the host's order of colours, not the driver's format */
static void texture_formats(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Texture t[2];

    texture_new(&t[0], gpu, 1, BGRX, false);
    texture_new(&t[1], gpu, 2, RGBX, false);
    stream_two_textures(media, t, V4L2_PIX_FMT_XBGR32);
}

static const MediaTest tests[] = {
    { "config", config, TO_FILE },
    { "monitor", monitor, TO_FILE },
    { "ioctls", ioctls, TO_FILE },
    { "object/drawn", object, TO_FILE },
    { "object/unknown", unknown_uuid, TO_FILE },
    { "object/geometry", geometry, TO_FILE },
    { "object/descriptions", descriptions, TO_FILE, .with_exporter = true },
    { "object/slow-exporter/stop", slow_exporter_stop, "fakesink",
      .with_exporter = true },
    { "object/slow-exporter/reset", slow_exporter_reset, "fakesink",
      .with_exporter = true },
    { "object/destroyed-while-queued", object_destroyed, TO_FILE },
    { "pages", pages, TO_FILE },
    { "malformed", malformed, TO_FILE },
    { "two-sessions", two_sessions, TO_FILE },
    { "reset", reset, "fakesink" },
    { "events-without-end", events_without_end, "fakesink" },
    { "slow-commands", slow_commands, "fakesink", .with_exporter = true },
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

static void register_all_tests(void)
{
    media_register_slow_tests(tests, ARRAY_SIZE(tests),
                              texture_tests, ARRAY_SIZE(texture_tests));
}

libqos_init(register_all_tests);
