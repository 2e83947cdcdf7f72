/*
 * QTest testcases for contrib/vhost-user-media: frames of a pipeline reach
 * pages of the guest and resources of a virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <poll.h>
#include "libqos/virtio-gpu-gl.h"
#include "qemu/module.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-media/helpers.h"

#define CAPTURE     V4L2_BUF_TYPE_VIDEO_CAPTURE
#define PIXEL       QVIRTIO_GPU_BYTES_PER_PIXEL
#define ROW         (DRAWN_WIDTH * PIXEL)
#define FRAMES      6
#define BOTTOM_UP   (1 << 0)        /* VHOST_USER_OBJECT_BOTTOM_UP */

/* A texture whose rows the renderer pads */
#define TEXTURE_WIDTH   33
#define TEXTURE_HEIGHT  17
#define TEXTURE_BYTES   (TEXTURE_WIDTH * TEXTURE_HEIGHT * PIXEL)

#define OF_SIZE(width, height) \
    " ! rawvideoparse format=bgrx framerate=30/1" \
    " width=" stringify(width) " height=" stringify(height)
#define FROM_FILE   "filesrc location=@file" OF_SIZE(DRAWN_WIDTH, DRAWN_HEIGHT)
/* a block of the default size would be two frames */
#define FROM_FIFO \
    "filesrc blocksize=2048 location=@file" OF_SIZE(DRAWN_WIDTH, DRAWN_HEIGHT)

/* What the pipeline reads: pixels in the order of the bytes B, G, R, x */
static uint8_t frames[FRAMES][DRAWN_BYTES];

static void write_frames(void)
{
    for (int i = 0; i < FRAMES; i++) {
        for (int j = 0; j < DRAWN_BYTES; j++) {
            frames[i][j] = g_test_rand_int_range(0, 256);
        }
    }
    media_backend_write_file(frames, sizeof(frames));
}

/* An object, mapped by another device, and its description */
typedef struct Mapped {
    uint8_t *data;
    size_t size;
    PeerInfo info;
} Mapped;

static Mapped map(const uint8_t *uuid)
{
    Mapped m;

    vhost_user_peer_wait_ready(media_exporter);
    m.data = importer_map_info(media_exporter, uuid, &m.size, &m.info);
    return m;
}

static void unmap(Mapped *m)
{
    munmap(m->data, m->size);
}

static void assert_captured(const Mapped *m, int frame)
{
    g_assert_cmpuint(m->info.strides[0], ==, ROW);
    g_assert_cmpmem(m->data, DRAWN_BYTES, frames[frame], DRAWN_BYTES);
}

static void wait_captured(QVirtioMedia *media, unsigned index, unsigned number)
{
    struct v4l2_buffer buf = wait_dequeued(media, index);

    g_assert_cmpuint(buf.sequence, ==, number);
    g_assert_cmpuint(buf.bytesused, ==, DRAWN_BYTES);
    g_assert_cmpint(buf.field, ==, V4L2_FIELD_NONE);
    g_assert_true(buf.timestamp.tv_sec || buf.timestamp.tv_usec);
}

static void wait_last(QVirtioMedia *media, unsigned index)
{
    QVirtioMediaDequeued event;

    qvirtio_media_wait_event(media, &event);
    g_assert_cmpint(event.hdr.event, ==, VIRTIO_MEDIA_EVT_DQBUF);
    g_assert_cmpuint(event.buffer.index, ==, index);
    g_assert_cmpuint(event.buffer.bytesused, ==, 0);
    g_assert_cmphex(event.buffer.flags, ==, V4L2_BUF_FLAG_LAST |
                    V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
}

static void config(QVirtioMedia *media, QVirtioGPU *gpu)
{
    check_config(media, V4L2_CAP_VIDEO_CAPTURE);
}

static void ioctls(QVirtioMedia *media, QVirtioGPU *gpu)
{
    struct v4l2_fmtdesc desc = { .type = CAPTURE };
    struct v4l2_frmsizeenum size = { .pixel_format = V4L2_PIX_FMT_XBGR32 };
    struct v4l2_streamparm parm = {
        .type = CAPTURE, .parm.capture.timeperframe = { 1, 25 },
    };
    struct v4l2_format format = { .type = CAPTURE };
    struct v4l2_output output = {};
    struct v4l2_selection selection = { .type = CAPTURE };
    struct v4l2_input input = {};
    struct v4l2_buffer buf = { .type = CAPTURE };
    int number = -1;

    set_up(media, OBJECT);
    g_assert_cmpint(run(media, VIDIOC_ENUM_FMT, &desc), ==, 0);
    g_assert_cmphex(desc.pixelformat, ==, V4L2_PIX_FMT_XBGR32);
    g_assert_cmpint(run(media, VIDIOC_ENUM_FRAMESIZES, &size), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_G_FMT, &format), ==, 0);
    g_assert_cmpuint(format.fmt.pix.width, ==, DRAWN_WIDTH);
    format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    g_assert_cmpint(run(media, VIDIOC_G_FMT, &format), ==, EINVAL);
    g_assert_cmpint(run(media, VIDIOC_S_PARM, &parm), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_G_PARM, &parm), ==, 0);
    g_assert_cmpuint(parm.parm.capture.timeperframe.denominator, ==, 25);
    g_assert_cmpint(run(media, VIDIOC_G_SELECTION, &selection), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_S_SELECTION, &selection), ==, 0);
    g_assert_cmpuint(selection.r.width, ==, DRAWN_WIDTH);
    g_assert_cmpint(run(media, VIDIOC_ENUMINPUT, &input), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_G_INPUT, &number), ==, 0);
    g_assert_cmpint(number, ==, 0);
    g_assert_cmpint(run(media, VIDIOC_S_INPUT, &number), ==, 0);
    g_assert_cmpint(run(media, VIDIOC_ENUMOUTPUT, &output), ==, ENOTTY);
    g_assert_cmpint(run(media, VIDIOC_G_OUTPUT, &number), ==, ENOTTY);
    g_assert_cmpint(run(media, VIDIOC_QUERYBUF, &buf), ==, 0);
    g_assert_cmpint(buf.memory, ==, OBJECT);
}

/* Two buffers are queued before the stream begins, the others while it runs */
static void object(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Mapped m[2];
    Drawn d[2];

    write_frames();
    for (int i = 0; i < 2; i++) {
        drawn_new(&d[i], gpu, 1 + i, 0x11);
        m[i] = map(d[i].uuid);
    }
    set_up(media, OBJECT);
    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(queue_object(media, i, d[i].uuid), ==, 0);
    }
    stream_on(media);
    for (int i = 0; i < FRAMES; i++) {
        wait_captured(media, i % 2, i);
        assert_captured(&m[i % 2], i);
        g_assert_cmpint(queue_object(media, i % 2, d[i % 2].uuid), ==, 0);
    }
    wait_last(media, FRAMES % 2);
    assert_captured(&m[FRAMES % 2], FRAMES - 2);
    for (int i = 0; i < 2; i++) {
        unmap(&m[i]);
        drawn_done(&d[i]);
    }
}

/* The guest has room for one frame at a time, and no frame is lost */
static void pages(QVirtioMedia *media, QVirtioGPU *gpu)
{
    enum { HALF = DRAWN_BYTES / 2 };
    uint64_t addr = guest_alloc(media->alloc, DRAWN_BYTES);
    uint8_t data[DRAWN_BYTES];

    write_frames();
    set_up(media, PAGES);
    stream_on(media);
    for (int i = 0; i < FRAMES; i++) {
        g_assert_cmpint(queue_pages(media, i % 4, addr), ==, 0);
        wait_captured(media, i % 4, i);
        qtest_memread(media->qts, addr, data, DRAWN_BYTES);
        g_assert_cmpmem(data + HALF, HALF, frames[i], HALF);
        g_assert_cmpmem(data, HALF, frames[i] + HALF, HALF);
    }
    guest_free(media->alloc, addr);
}

/* A frame that is smaller than the resource changes the top left part of it */
static void geometry(QVirtioMedia *media, QVirtioGPU *gpu)
{
    static const struct {
        uint32_t width, height;
        int expect;
    } cases[] = {
        { DRAWN_WIDTH + 1, DRAWN_HEIGHT, EINVAL },
        { DRAWN_WIDTH, DRAWN_HEIGHT + 1, EINVAL },
        { DRAWN_WIDTH / 2, DRAWN_HEIGHT / 2, 0 },
    };
    Mapped m;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    m = map(d.uuid);
    session = open_session(media);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct v4l2_pix_format pix = {
            .width = cases[i].width, .height = cases[i].height,
            .pixelformat = V4L2_PIX_FMT_XBGR32,
        };

        g_assert_cmpint(request_buffers(media, 0, OBJECT), ==, 0);
        g_assert_cmpint(set_pix(media, &pix), ==, 0);
        g_assert_cmpint(request_buffers(media, 1, OBJECT), ==, 0);
        g_assert_cmpint(queue_object(media, 0, d.uuid), ==, cases[i].expect);
    }
    stream_on(media);
    wait_dequeued(media, 0);
    for (int i = 0; i < DRAWN_BYTES; i++) {
        bool inside = i / ROW < DRAWN_HEIGHT / 2 && i % ROW < ROW / 2;

        g_assert_cmphex(m.data[i], ==, inside ? 0xff : 0x11);
    }
    unmap(&m);
    drawn_done(&d);
}

/* Where byte @i of a frame is in an object */
static size_t place_of(const PeerInfo *info, int i, int width)
{
    bool swapped = info->fourcc == DRM_FORMAT_XBGR8888 ||
                   info->fourcc == DRM_FORMAT_ABGR8888;
    int y = i / (width * PIXEL), x = i % (width * PIXEL), byte = x % PIXEL;

    if (info->flags & BOTTOM_UP) {
        y = info->height - 1 - y;
    }
    if (swapped && byte < 3) {
        x += 2 - 2 * byte;
    }
    return info->offsets[0] + (size_t)y * info->strides[0] + x;
}

/* The padding of an object, and what is before and after the image, remain */
static void described(QVirtioMedia *media, QVirtioGPU *gpu)
{
    PeerInfo cases[] = {
        { .fourcc = DRM_FORMAT_XRGB8888, .strides = { ROW + 32 } },
        { .fourcc = DRM_FORMAT_XBGR8888, .strides = { ROW }, .offsets = { 8 } },
        { .fourcc = DRM_FORMAT_XRGB8888, .strides = { ROW + 4 },
          .flags = BOTTOM_UP, .offsets = { 4 } },
        { .fourcc = DRM_FORMAT_XBGR8888, .strides = { ROW + 4 },
          .flags = BOTTOM_UP },
    };
    uint8_t data[4096], expect[4096];
    int memory = vhost_user_peer_memory(media_exporter);

    write_frames();
    vhost_user_peer_wait_ready(media_exporter);
    set_up(media, OBJECT);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        cases[i].size = sizeof(data);
        cases[i].num_planes = 1;
        cases[i].width = DRAWN_WIDTH;
        cases[i].height = DRAWN_HEIGHT;
        memset(expect, 0xee, sizeof(expect));
        g_assert_cmpint(pwrite(memory, expect, sizeof(expect), 0), ==,
                        sizeof(expect));
        g_assert_cmpint(queue_described(media, &cases[i]), ==, 0);
        stream_on(media);
        wait_captured(media, 0, 0);
        for (int j = 0; j < DRAWN_BYTES; j++) {
            expect[place_of(&cases[i], j, DRAWN_WIDTH)] = frames[0][j];
        }
        g_assert_cmpint(pread(memory, data, sizeof(data), 0), ==,
                        sizeof(data));
        g_assert_cmpmem(data, sizeof(data), expect, sizeof(expect));
        stream_off(media);
    }
}

/* The memory of a buffer remains when the guest destroys the resource */
static void object_destroyed(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Mapped m;
    Drawn d;

    write_frames();
    drawn_new(&d, gpu, 1, 0x11);
    m = map(d.uuid);
    set_up(media, OBJECT);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, 0);
    do_qvirtio_gpu_unref(d.res);
    g_assert_cmpint(queue_object(media, 1, d.uuid), ==, EINVAL);
    stream_on(media);
    wait_captured(media, 0, 0);
    assert_captured(&m, 0);
    stream_off(media);
    g_assert_cmpint(queue_object(media, 0, d.uuid), ==, EINVAL);
    unmap(&m);
    drawn_done(&d);
}

/* Each stream has the file from its beginning to its end */
static void pipeline_ends(QVirtioMedia *media, QVirtioGPU *gpu)
{
    QVirtioMediaDequeued event;
    Mapped m;
    Drawn d;

    write_frames();
    drawn_new(&d, gpu, 1, 0x11);
    m = map(d.uuid);
    set_up(media, OBJECT);
    for (int i = 0; i < 2; i++) {
        stream_on(media);
        for (int j = 0; j < FRAMES; j++) {
            g_assert_cmpint(queue_object(media, j % 4, d.uuid), ==, 0);
            wait_captured(media, j % 4, j);
            assert_captured(&m, j);
        }
        g_assert_cmpint(queue_object(media, 3, d.uuid), ==, 0);
        wait_last(media, 3);
        g_assert_cmpint(queue_object(media, 3, d.uuid), ==, 0);
        g_assert_cmpuint(qvirtio_media_poll_event(media, &event), ==, 0);
        stream_off(media);
    }
    unmap(&m);
    drawn_done(&d);
}

/* Frames come as fast as the guest has buffers for them */
static void set_fast(QVirtioMedia *media)
{
    struct v4l2_streamparm parm = {
        .type = CAPTURE, .parm.capture.timeperframe = { 1, 100000 },
    };

    g_assert_cmpint(run(media, VIDIOC_S_PARM, &parm), ==, 0);
}

/* The source may open the FIFO twice: O_RDWR keeps the data in between */
static int open_fifo(void)
{
    return media_backend_open_fifo(O_RDWR);
}

/* Return: false if the pipeline takes no more for half a second */
static bool write_frame(int fd, uint8_t content)
{
    struct pollfd fifo = { .fd = fd, .events = POLLOUT };
    uint8_t frame[DRAWN_BYTES];

    memset(frame, content, sizeof(frame));
    if (poll(&fifo, 1, 500) == 0) {
        return false;
    }
    g_assert_cmpint(write(fd, frame, sizeof(frame)), ==, sizeof(frame));
    return true;
}

/* Without buffers, the pipeline waits: it neither collects nor drops frames */
static void full(QVirtioMedia *media, QVirtioGPU *gpu)
{
    enum { MOST = 512 };
    int fifo, written = 0;
    Mapped m;
    Drawn d;

    media_backend_make_fifo();
    drawn_new(&d, gpu, 1, 0x11);
    m = map(d.uuid);
    set_up(media, OBJECT);
    stream_on(media);
    fifo = open_fifo();
    while (written < MOST && write_frame(fifo, written)) {
        written++;
    }
    g_assert_cmpint(written, <, MOST);
    for (int i = 0; i < written; i++) {
        g_assert_cmpint(queue_object(media, i % 4, d.uuid), ==, 0);
        wait_captured(media, i % 4, i);
        g_assert_cmpuint(m.data[0], ==, (uint8_t)i);
        g_assert_cmpuint(m.data[DRAWN_BYTES - 1], ==, (uint8_t)i);
    }
    close(fifo);
    unmap(&m);
    drawn_done(&d);
}

static void end_by_streamoff(QVirtioMedia *media)
{
    stream_off(media);
}

static void end_by_close(QVirtioMedia *media)
{
    close_session(media, session);
    session = open_session(media);
}

static void end_by_reset(QVirtioMedia *media)
{
    qvirtio_media_start(media);
    session = open_session(media);
}

static void skip_events(QVirtioMedia *media)
{
    QVirtioMediaDequeued event;

    while (qvirtio_media_poll_event(media, &event)) {
        /* skip the buffers of the stream that has ended */
    }
}

/* After the end of a stream, the device does not write to its buffers */
static void ends(QVirtioMedia *media, QVirtioGPU *gpu)
{
    static void (*const end[])(QVirtioMedia *media) = {
        end_by_streamoff, end_by_close, end_by_reset,
    };
    Mapped m;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    m = map(d.uuid);
    session = open_session(media);
    for (int i = 0; i < 30; i++) {
        set_fast(media);
        g_assert_cmpint(set_format(media), ==, 0);
        g_assert_cmpint(request_buffers(media, 4, OBJECT), ==, 0);
        for (int j = 0; j < 4; j++) {
            g_assert_cmpint(queue_object(media, j, d.uuid), ==, 0);
        }
        stream_on(media);
        if (i % 2) {
            wait_dequeued(media, 0);
        }
        end[i % ARRAY_SIZE(end)](media);
        drawn_again(&d, i);
        skip_events(media);
        g_assert_cmpmem(m.data, DRAWN_BYTES, d.pixels, DRAWN_BYTES);
        g_assert_cmpint(request_buffers(media, 0, OBJECT), ==, 0);
    }
    unmap(&m);
    drawn_done(&d);
}

/* The memory of a guest that is stopped does not change */
static void vm_stop(QVirtioMedia *media, QVirtioGPU *gpu)
{
    uint64_t addr = guest_alloc(media->alloc, DRAWN_BYTES);
    uint8_t old[DRAWN_BYTES] = {}, data[DRAWN_BYTES];
    int fifo;

    for (int i = 0; i < DRAWN_BYTES; i++) {
        frames[0][i] = 1 + i % 200;
    }
    media_backend_make_fifo();
    set_up(media, PAGES);
    qtest_memwrite(media->qts, addr, old, DRAWN_BYTES);
    g_assert_cmpint(queue_pages(media, 0, addr), ==, 0);
    stream_on(media);
    fifo = open_fifo();
    qtest_qmp_assert_success(media->qts, "{ 'execute': 'stop' }");
    g_assert_cmpint(write(fifo, frames[0], DRAWN_BYTES), ==, DRAWN_BYTES);
    for (int i = 0; i < 20; i++) {
        g_usleep(10000);
        qtest_memread(media->qts, addr, data, DRAWN_BYTES);
        g_assert_cmpmem(data, DRAWN_BYTES, old, DRAWN_BYTES);
    }
    qtest_qmp_assert_success(media->qts, "{ 'execute': 'cont' }");
    wait_captured(media, 0, 0);
    qtest_memread(media->qts, addr, data, DRAWN_BYTES);
    g_assert_cmpmem(data + DRAWN_BYTES / 2, DRAWN_BYTES / 2, frames[0],
                    DRAWN_BYTES / 2);
    close(fifo);
    guest_free(media->alloc, addr);
}

/* QEMU continues without the process; a new process has no session */
static void death(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    for (int i = 0; i < 2; i++) {
        set_up(media, OBJECT);
        set_fast(media);
        for (int j = 0; j < 4; j++) {
            g_assert_cmpint(queue_object(media, j, d.uuid), ==, 0);
        }
        stream_on(media);
        wait_dequeued(media, 0);
        if (i == 0) {
            media_backend_kill();
            media_backend_restart();
            g_assert_cmpint(run_number(media, VIDIOC_STREAMOFF, CAPTURE), ==,
                            EINVAL);
            skip_events(media);
        }
    }
    drawn_done(&d);
}

/* The guest reads what the pipeline has written, by a transfer back */
static void texture(QVirtioMedia *media, QVirtioGPU *gpu)
{
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .width = TEXTURE_WIDTH, .height = TEXTURE_HEIGHT,
        .backing = guest_alloc(gpu->alloc, TEXTURE_BYTES),
        .backing_len = TEXTURE_BYTES,
    };
    struct v4l2_pix_format pix = {
        .width = TEXTURE_WIDTH, .height = TEXTURE_HEIGHT,
        .pixelformat = V4L2_PIX_FMT_XBGR32,
    };
    uint8_t data[TEXTURE_BYTES], *frame = frames[0];
    uuid_t uuid;
    Mapped m;

    write_frames();
    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    assign_uuid({ .gpu = gpu, .id = res.id, .uuid = uuid });
    m = map(uuid);
    session = open_session(media);
    g_assert_cmpint(set_pix(media, &pix), ==, 0);
    g_assert_cmpint(request_buffers(media, 1, OBJECT), ==, 0);
    stream_on(media);
    g_assert_cmpint(queue_object(media, 0, uuid), ==, 0);
    wait_dequeued(media, 0);
    for (int i = 0; i < TEXTURE_BYTES; i++) {
        g_assert_cmphex(m.data[place_of(&m.info, i, TEXTURE_WIDTH)], ==,
                        frame[i]);
    }
    qvirtio_gpu_transfer_back(&res);
    qtest_memread(gpu->qts, res.backing, data, TEXTURE_BYTES);
    for (int i = 0; i < TEXTURE_BYTES; i++) {
        g_assert_true(i % PIXEL == 3 || data[i] == frame[i]);
    }
    unmap(&m);
    guest_free(gpu->alloc, res.backing);
}

#define WHITE   "videotestsrc pattern=white"

static const MediaTest tests[] = {
    { "capture/config", config, WHITE, true },
    { "capture/ioctls", ioctls, WHITE, true },
    { "capture/object/drawn", object, FROM_FILE, true, true },
    { "capture/object/geometry", geometry, WHITE, true, true },
    { "capture/object/described", described, FROM_FILE, true, true },
    { "capture/object/destroyed-while-queued", object_destroyed, FROM_FILE,
      true, true },
    { "capture/pages", pages, FROM_FILE, true },
    { "capture/malformed", malformed, WHITE, true },
    { "capture/ends", ends, WHITE, true, true },
    { "capture/stop", vm_stop, FROM_FIFO, true },
    { "capture/death", death, WHITE, true },
    { "capture/full", full, FROM_FIFO, true, true },
    { "capture/pipeline-ends", pipeline_ends, FROM_FILE, true, true },
    { "capture/pipeline-fails", pipeline_fails,
      WHITE " ! identity error-after=1", true },
    { "capture/pipeline-has-other-format", pipeline_fails,
      WHITE " ! video/x-raw,format=GRAY8", true },
    { "capture/pipeline-never-starts", pipeline_fails,
      "filesrc location=@file/nowhere", true },
};

static const MediaTest texture_tests[] = {
    { "capture/texture", texture,
      "filesrc location=@file" OF_SIZE(TEXTURE_WIDTH, TEXTURE_HEIGHT),
      true, true },
};

static void register_all_tests(void)
{
    media_register_slow_tests(tests, ARRAY_SIZE(tests),
                              texture_tests, ARRAY_SIZE(texture_tests));
}

libqos_init(register_all_tests);
