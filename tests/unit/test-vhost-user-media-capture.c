/*
 * Tests of contrib/vhost-user-media without QEMU and without GStreamer: the
 * capture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/dma-buf.h>
#include "standard-headers/drm/drm_fourcc.h"
#include "media-fake.h"
#include "open-fds.h"

#define CAPTURE     V4L2_BUF_TYPE_VIDEO_CAPTURE
#define PIXEL       4
/* Content of memory that was not written */
#define OLD         0xee
/* The pipeline's frames have padding */
#define STRIDE      (ROW + 12)

/* A frame of the pipeline; all bytes differ from their neighbours */
static uint8_t frame[HEIGHT][STRIDE];

static void draw(uint8_t first)
{
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < STRIDE; x++) {
            frame[y][x] = x < ROW ? first + y * 37 + x : 0xbb;
        }
    }
}

static void put(Fake *fake, uint8_t first)
{
    draw(first);
    media_put_frame(fake->media, frame[0], STRIDE);
}

static Fake *streaming_new(unsigned count, uint32_t memory)
{
    return start_streaming(fake_capture_new(count, memory));
}

/* Queue an object whose memory is in @fake->kept, and has @size bytes of OLD */
static int queue_kept(Fake *fake, unsigned index, uint8_t object, size_t size)
{
    g_autofree uint8_t *old = g_malloc(size);
    int status;

    if (fake->kept >= 0) {
        close(fake->kept);
        fake->kept = -1;
    }
    fake->keep = true;
    status = queue_object(fake, index, object);
    fake->keep = false;
    memset(old, OLD, size);
    if (!status) {
        g_assert_cmpint(pwrite(fake->kept, old, size, 0), ==, size);
    }
    return status;
}

static void assert_kept(Fake *fake, const uint8_t *expect, size_t size)
{
    g_autofree uint8_t *data = g_malloc(size);

    g_assert_cmpint(pread(fake->kept, data, size, 0), ==, size);
    g_assert_cmpmem(data, size, expect, size);
}

/* What an object has after a frame, with the frame's first row at @offset */
static uint8_t *expected(size_t offset, ptrdiff_t stride,
                         const uint8_t order[PIXEL])
{
    uint8_t *expect = g_malloc(OBJECT_SIZE);

    memset(expect, OLD, OBJECT_SIZE);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < ROW; x++) {
            expect[offset + y * stride + x] =
                frame[y][x / PIXEL * PIXEL + order[x % PIXEL]];
        }
    }
    return expect;
}

static const uint8_t same[] = { 0, 1, 2, 3 };

static struct v4l2_buffer assert_filled(Fake *fake, unsigned index)
{
    struct v4l2_buffer buf = next_dequeued(fake);

    g_assert_cmpuint(buf.index, ==, index);
    g_assert_cmpuint(buf.type, ==, CAPTURE);
    g_assert_cmpuint(buf.bytesused, ==, FRAME);
    g_assert_cmpint(buf.field, ==, V4L2_FIELD_NONE);
    g_assert_cmphex(buf.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
    return buf;
}

static void test_config(void)
{
    struct virtio_media_config config;

    media_config(&config, true, "card");
    g_assert_cmphex(config.device_caps, ==, V4L2_CAP_VIDEO_CAPTURE |
                    V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT);
    g_assert_cmpint(config.device_type, ==, 0);
}

static const unsigned long known[] = {
    VIDIOC_ENUM_FMT, VIDIOC_ENUM_FRAMESIZES, VIDIOC_G_FMT, VIDIOC_S_FMT,
    VIDIOC_TRY_FMT, VIDIOC_G_PARM, VIDIOC_S_PARM, VIDIOC_G_SELECTION,
    VIDIOC_S_SELECTION, VIDIOC_ENUMINPUT, VIDIOC_G_INPUT, VIDIOC_S_INPUT,
    VIDIOC_SUBSCRIBE_EVENT, VIDIOC_UNSUBSCRIBE_EVENT, VIDIOC_REQBUFS,
    VIDIOC_CREATE_BUFS, VIDIOC_QUERYBUF, VIDIOC_PREPARE_BUF, VIDIOC_QBUF,
    VIDIOC_STREAMON, VIDIOC_STREAMOFF,
};

/* A capture does not know the ioctls of outputs, either */
static void test_unknown_ioctl(void)
{
    Fake *fake = fake_capture_new(0, 0);

    for (unsigned code = 0; code < 300; code++) {
        bool is_known = false;
        Call call = {
            .cmd = { { VIRTIO_MEDIA_CMD_IOCTL }, fake->session, code },
            .out_size = sizeof(call.out), .in_size = sizeof(call.in),
        };

        for (int i = 0; i < ARRAY_SIZE(known); i++) {
            is_known |= _IOC_NR(known[i]) == code;
        }
        if (!is_known) {
            g_assert_cmpint(call_run(fake, &call), ==, ENOTTY);
        }
    }
    fake_free(fake);
}

/* The first field of these payloads is the type */
static void test_type(void)
{
    static const unsigned long requests[] = {
        VIDIOC_G_FMT, VIDIOC_TRY_FMT, VIDIOC_S_FMT, VIDIOC_G_PARM,
        VIDIOC_S_PARM, VIDIOC_STREAMOFF,
    };
    Fake *fake = fake_capture_new(0, 0);
    struct v4l2_fmtdesc desc = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT };

    for (int i = 0; i < ARRAY_SIZE(requests); i++) {
        uint32_t arg[64] = { V4L2_BUF_TYPE_VIDEO_OUTPUT };

        g_assert_cmpint(run(fake, requests[i], arg), ==, EINVAL);
        arg[0] = CAPTURE;
        g_assert_cmpint(run(fake, requests[i], arg), ==, 0);
    }
    g_assert_cmpint(run(fake, VIDIOC_ENUM_FMT, &desc), ==, EINVAL);
    desc.type = CAPTURE;
    g_assert_cmpint(run(fake, VIDIOC_ENUM_FMT, &desc), ==, 0);
    g_assert_cmpuint(desc.type, ==, CAPTURE);
    g_assert_cmpstr((char *)desc.description, ==, "32-bit BGRX 8-8-8-8");
    fake_free(fake);
}

static void test_inputs(void)
{
    Fake *fake = fake_capture_new(0, 0);
    struct v4l2_input input = {};
    int number = -1;

    g_assert_cmpint(run(fake, VIDIOC_ENUMINPUT, &input), ==, 0);
    g_assert_cmpuint(input.type, ==, V4L2_INPUT_TYPE_CAMERA);
    input.index = 1;
    g_assert_cmpint(run(fake, VIDIOC_ENUMINPUT, &input), ==, EINVAL);
    g_assert_cmpint(run(fake, VIDIOC_G_INPUT, &number), ==, 0);
    g_assert_cmpint(number, ==, 0);
    g_assert_cmpint(run_number(fake, VIDIOC_S_INPUT, 0), ==, 0);
    g_assert_cmpint(run_number(fake, VIDIOC_S_INPUT, 1), ==, EINVAL);
    fake_free(fake);
}

static void test_frame_rate(void)
{
    Fake *fake = fake_capture_new(0, 0);
    struct v4l2_streamparm parm = {
        .type = CAPTURE, .parm.capture.timeperframe = { 1, 25 },
    };

    g_assert_cmpint(run(fake, VIDIOC_S_PARM, &parm), ==, 0);
    memset(&parm.parm, 0, sizeof(parm.parm));
    g_assert_cmpint(run(fake, VIDIOC_G_PARM, &parm), ==, 0);
    g_assert_cmphex(parm.parm.capture.capability, ==, V4L2_CAP_TIMEPERFRAME);
    g_assert_cmpuint(parm.parm.capture.timeperframe.denominator, ==, 25);
    fake_free(fake);
}

/* QBUF of a capture copies nothing: only VIDEO_MAX_FRAME limits the buffers */
static void test_request(void)
{
    Fake *fake = fake_capture_new(0, 0);
    struct v4l2_requestbuffers req = {
        .count = 1000, .type = CAPTURE, .memory = PAGES,
    };

    g_assert_cmpint(set_format(fake, 8192, 8192), ==, 0);
    g_assert_cmpint(run(fake, VIDIOC_REQBUFS, &req), ==, 0);
    g_assert_cmpuint(req.count, ==, VIDEO_MAX_FRAME);
    fake_free(fake);
}

static void assert_short(Fake *fake, Call *call)
{
    size_t out_size = sizeof(call->cmd) + call->out_size;
    size_t in_size = RESPONSE + call->in_size;

    for (size_t size = 0; size < out_size; size++) {
        g_assert_cmpint(call_sized(fake, call, size, in_size), ==, EINVAL);
    }
    for (size_t size = 0; size < in_size; size++) {
        g_assert_cmpint(call_sized(fake, call, out_size, size), ==,
                        size < RESPONSE ? -1 : EINVAL);
    }
    g_assert_false(media_wants_frame(fake->media));
    g_assert_cmpint(call_sized(fake, call, out_size, in_size), ==, 0);
}

static void test_short(void)
{
    static const unsigned long requests[] = { VIDIOC_PREPARE_BUF, VIDIOC_QBUF };

    for (int i = 0; i < ARRAY_SIZE(requests); i++) {
        Fake *fake = streaming_new(1, OBJECT);
        Call call = object_call(fake, requests[i], 0, GOOD);

        assert_short(fake, &call);
        fake_free(fake);
        fake = streaming_new(1, PAGES);
        call = pages_call(fake, requests[i], 0);
        assert_short(fake, &call);
        fake_free(fake);
    }
}

/* A driver of a capture need not set bytesused, and its value is ignored */
static void test_bytesused(void)
{
    static const uint32_t values[] = { 1, FRAME - 1, UINT32_MAX };
    Fake *fake = fake_capture_new(ARRAY_SIZE(values), OBJECT);

    for (int i = 0; i < ARRAY_SIZE(values); i++) {
        Call call = object_call(fake, VIDIOC_QBUF, i, GOOD);
        struct v4l2_buffer buf;

        memcpy(&buf, call.out, sizeof(buf));
        buf.bytesused = values[i];
        memcpy(call.out, &buf, sizeof(buf));
        g_assert_cmpint(call_run(fake, &call), ==, 0);
        memcpy(&buf, call.in, sizeof(buf));
        g_assert_cmpuint(buf.bytesused, ==, 0);
    }
    fake_free(fake);
}

static void test_object(void)
{
    Fake *fake = streaming_new(2, OBJECT);

    for (int i = 0; i < 3; i++) {
        g_autofree uint8_t *expect = NULL;

        g_assert_cmpint(queue_kept(fake, i % 2, GOOD + i % 2, OBJECT_SIZE),
                        ==, 0);
        assert_kept(fake, memset(g_alloca(FRAME), OLD, FRAME), FRAME);
        put(fake, i);
        g_assert_cmpuint(assert_filled(fake, i % 2).sequence, ==, i);
        expect = expected(0, ROW, same);
        assert_kept(fake, expect, OBJECT_SIZE);
        g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, CAPTURE), ==, 0);
        start_streaming(fake);
        /* the sequence begins again, and the object is looked up again */
        for (int j = 0; j <= i; j++) {
            g_assert_cmpint(queue_object(fake, j % 2, OTHER), ==, 0);
            put(fake, 0);
            assert_filled(fake, j % 2);
        }
    }
    fake_free(fake);
}

/* Rows of the pipeline may be in any order in its memory */
static void test_negative_stride(void)
{
    Fake *fake = streaming_new(1, OBJECT);
    g_autofree uint8_t *expect = NULL;

    draw(1);
    g_assert_cmpint(queue_kept(fake, 0, GOOD, OBJECT_SIZE), ==, 0);
    media_put_frame(fake->media, frame[HEIGHT - 1], -STRIDE);
    expect = expected((HEIGHT - 1) * ROW, -ROW, same);
    assert_kept(fake, expect, OBJECT_SIZE);
    fake_free(fake);
}

static void test_wrong_objects(void)
{
    static const uint8_t wrong[] = {
        0, SMALL, UNSEALED, PIPE, READ_ONLY, WRITE_SEALED, UNKNOWN,
    };
    Fake *fake = streaming_new(1, OBJECT);
    unsigned fds = open_fds();

    for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
        g_assert_cmpint(queue_object(fake, 0, wrong[i]), ==, EINVAL);
        g_assert_false(media_wants_frame(fake->media));
        g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, CAPTURE), ==, 0);
        g_assert_cmpuint(open_fds(), ==, fds);
        start_streaming(fake);
    }
    fake_free(fake);
}

/* Writes to a dma-buf need DMA_BUF_IOCTL_SYNC before and after them */
static void test_dmabuf(void)
{
    Fake *fake = streaming_new(1, OBJECT);
    g_autofree uint8_t *expect = NULL;
    int status;

    status = queue_kept(fake, 0, DMABUF, OBJECT_SIZE);
    if (fcntl(fake->kept, F_GET_SEALS) >= 0) {
        g_test_skip("files in this folder have seals, unlike dma-bufs");
        fake_free(fake);
        return;
    }
    g_assert_cmpint(status, ==, 0);
    dmabuf.syncs = 0;
    put(fake, 1);
    assert_filled(fake, 0);
    expect = expected(0, ROW, same);
    assert_kept(fake, expect, OBJECT_SIZE);
    g_assert_cmpuint(dmabuf.syncs, ==, 2);
    g_assert_cmphex(dmabuf.flags[0], ==,
                    DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
    g_assert_cmphex(dmabuf.flags[1], ==,
                    DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);

    g_assert_cmpint(queue_object(fake, 0, DMABUF), ==, 0);
    dmabuf.error = EIO;
    put(fake, 2);
    g_assert_cmphex(next_dequeued(fake).flags, ==,
                    V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_ERROR);
    assert_kept(fake, expect, OBJECT_SIZE);
    fake_free(fake);
}

static MediaLayout good_layout(void)
{
    return (MediaLayout) {
        .width = WIDTH, .height = HEIGHT, .fourcc = DRM_FORMAT_XRGB8888,
        .stride = ROW, .linear = true,
    };
}

/* Each value is the last one that fits, or the first one that does not */
static void test_layout(void)
{
    const uint32_t last_stride = (OBJECT_SIZE - ROW) / (HEIGHT - 1);
    const struct {
        uint32_t width, height, stride, offset;
        bool bottom_up;
        int expect;
    } cases[] = {
        { WIDTH, HEIGHT, ROW, 0, false, 0 },
        { WIDTH + 3, HEIGHT + 2, ROW + 12, 8, false, 0 },
        { WIDTH - 1, HEIGHT, ROW, 0, false, EINVAL },
        { WIDTH, HEIGHT - 1, ROW, 0, false, EINVAL },
        { WIDTH, HEIGHT, ROW - 1, 0, false, EINVAL },
        { WIDTH, HEIGHT, last_stride, 0, false, 0 },
        { WIDTH, HEIGHT, last_stride + 1, 0, false, EINVAL },
        { WIDTH, HEIGHT, ROW, OBJECT_SIZE - FRAME, false, 0 },
        { WIDTH, HEIGHT, ROW, OBJECT_SIZE - FRAME + 1, false, EINVAL },
        { WIDTH, HEIGHT, ROW, 3, true, 0 },
        { WIDTH, OBJECT_SIZE / ROW, ROW, 0, true, 0 },
        { WIDTH, OBJECT_SIZE / ROW, ROW, 1, true, EINVAL },
        { WIDTH + 3, HEIGHT + 2, ROW + 12, 8, true, 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        Fake *fake = streaming_new(1, OBJECT);
        ptrdiff_t stride = cases[i].stride;
        size_t top = cases[i].offset;

        fake->layouts[GOOD] = good_layout();
        fake->layouts[GOOD].width = cases[i].width;
        fake->layouts[GOOD].height = cases[i].height;
        fake->layouts[GOOD].stride = stride;
        fake->layouts[GOOD].offset = cases[i].offset;
        fake->layouts[GOOD].bottom_up = cases[i].bottom_up;
        g_test_message("case %d", i);
        g_assert_cmpint(queue_kept(fake, 0, GOOD, OBJECT_SIZE), ==,
                        cases[i].expect);
        if (!cases[i].expect) {
            g_autofree uint8_t *expect = NULL;

            put(fake, 9);
            if (cases[i].bottom_up) {
                top += (cases[i].height - 1) * stride;
                stride = -stride;
            }
            expect = expected(top, stride, same);
            assert_kept(fake, expect, OBJECT_SIZE);
        }
        fake_free(fake);
    }
}

/* DRM's and V4L2's names of formats, and the order of the bytes */
static const struct {
    uint32_t drm, v4l2;
    char bytes[PIXEL + 1];
} formats[] = {
    { DRM_FORMAT_XRGB8888, V4L2_PIX_FMT_XBGR32, "BGRx" },
    { DRM_FORMAT_ARGB8888, V4L2_PIX_FMT_ABGR32, "BGRx" },
    { DRM_FORMAT_BGRX8888, V4L2_PIX_FMT_XRGB32, "xRGB" },
    { DRM_FORMAT_BGRA8888, V4L2_PIX_FMT_ARGB32, "xRGB" },
    { DRM_FORMAT_XBGR8888, V4L2_PIX_FMT_RGBX32, "RGBx" },
    { DRM_FORMAT_ABGR8888, V4L2_PIX_FMT_RGBA32, "RGBx" },
    { DRM_FORMAT_RGBX8888, V4L2_PIX_FMT_BGRX32, "xBGR" },
    { DRM_FORMAT_RGBA8888, V4L2_PIX_FMT_BGRA32, "xBGR" },
};

/* The order of colours in memory follows the object, not the driver's format */
static void test_formats(void)
{
    for (int i = 0; i < ARRAY_SIZE(formats) * ARRAY_SIZE(formats); i++) {
        unsigned ours = i % ARRAY_SIZE(formats);
        unsigned theirs = i / ARRAY_SIZE(formats);
        Fake *fake = fake_capture_new(0, 0);
        g_autofree uint8_t *expect = NULL;
        uint8_t order[PIXEL];

        for (int j = 0; j < PIXEL; j++) {
            order[j] = strchr(formats[ours].bytes, formats[theirs].bytes[j]) -
                       formats[ours].bytes;
        }
        fake->layouts[GOOD] = good_layout();
        fake->layouts[GOOD].fourcc = formats[theirs].drm;
        g_assert_cmpint(set_pix(fake, (struct v4l2_pix_format) {
            .width = WIDTH, .height = HEIGHT,
            .pixelformat = formats[ours].v4l2,
        }), ==, 0);
        g_assert_cmpint(request_buffers(fake, 1, OBJECT), ==, 0);
        start_streaming(fake);
        g_assert_cmpint(queue_kept(fake, 0, GOOD, OBJECT_SIZE), ==, 0);
        put(fake, i);
        expect = expected(0, ROW, order);
        assert_kept(fake, expect, OBJECT_SIZE);
        fake_free(fake);
    }
}

static int queue_list(Fake *fake, unsigned index,
                      const struct virtio_media_sg_entry *list, size_t size)
{
    Call call = buffer_call(fake, VIDIOC_QBUF, index, PAGES);
    struct v4l2_buffer buf;

    memcpy(&buf, call.out, sizeof(buf));
    buf.length = RAM_SIZE;
    memcpy(call.out, &buf, sizeof(buf));
    call_add(&call, list, size);
    return call_run(fake, &call);
}

/* Rows of the driver have padding, which is not written */
static void test_pages(void)
{
    enum { PAD = 8, SIZE = (ROW + PAD) * HEIGHT };
    static const struct virtio_media_sg_entry list[] = {
        { .start = RAM_END - 1, .len = 1 },
        { .start = RAM_HIGH - 100, .len = 110 },    /* both regions */
        { .start = RAM_LOW, .len = 1 },
        { .start = RAM_LOW + 100, .len = UINT32_MAX },
    };
    uint8_t expect[2][RAM_SIZE];
    Fake *fake = fake_capture_new(0, 0);
    uint8_t *at[SIZE];

    g_assert_cmpint(set_pix(fake, (struct v4l2_pix_format) {
        .width = WIDTH, .height = HEIGHT, .bytesperline = ROW + PAD,
        .pixelformat = V4L2_PIX_FMT_XBGR32,
    }), ==, 0);
    g_assert_cmpint(request_buffers(fake, 1, PAGES), ==, 0);
    start_streaming(fake);
    memset(ram, OLD, sizeof(ram));
    memset(expect, OLD, sizeof(expect));
    at[0] = &expect[1][RAM_SIZE - 1];
    for (int i = 1; i < SIZE; i++) {
        at[i] = i < 101 ? &expect[0][RAM_SIZE - 101 + i] :
                i < 111 ? &expect[1][i - 101] :
                i == 111 ? &expect[0][0] : &expect[0][100 + i - 112];
    }
    g_assert_cmpint(queue_list(fake, 0, list, sizeof(list)), ==, 0);
    put(fake, 5);
    for (int i = 0; i < SIZE; i++) {
        if (i % (ROW + PAD) < ROW) {
            *at[i] = frame[i / (ROW + PAD)][i % (ROW + PAD)];
        }
    }
    g_assert_cmpuint(next_dequeued(fake).bytesused, ==, SIZE);
    g_assert_cmpmem(ram, sizeof(ram), expect, sizeof(expect));
    fake_free(fake);
}

static void test_wrong_pages(void)
{
    Fake *fake = streaming_new(1, PAGES);

    for (int i = 0; i < ARRAY_SIZE(wrong_pages); i++) {
        g_assert_cmpint(queue_list(fake, 0, wrong_pages[i].list,
                                   sizeof(wrong_pages[i].list)), ==,
                        wrong_pages[i].expect);
        g_assert_false(media_wants_frame(fake->media));
    }
    g_assert_cmpint(queue_pages(fake, 0), ==, 0);
    fake_free(fake);
}

/* Guest memory that has gone since a buffer was queued is not accessed */
static void test_pages_unplugged(void)
{
    Fake *fake = streaming_new(1, PAGES);
    struct v4l2_buffer buf;

    g_assert_cmpint(queue_pages(fake, 0), ==, 0);
    memset(ram, OLD, sizeof(ram));
    fake->no_ram = true;
    put(fake, 1);
    buf = next_dequeued(fake);
    g_assert_cmphex(buf.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC |
                                   V4L2_BUF_FLAG_ERROR);
    g_assert_cmpuint(buf.bytesused, ==, 0);
    g_assert_cmphex(ram[0][0], ==, OLD);
    fake->no_ram = false;
    g_assert_cmpint(queue_pages(fake, 0), ==, 0);
    put(fake, 2);
    assert_filled(fake, 0);
    g_assert_cmphex(ram[0][0], ==, 2);
    fake_free(fake);
}

/* Frames go to the buffers in the order of QBUF */
static void test_order(void)
{
    Fake *fake = fake_capture_new(3, OBJECT);

    g_assert_cmpint(queue_object(fake, 2, GOOD), ==, 0);
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    g_assert_false(media_wants_frame(fake->media));
    g_assert_cmpuint(fake->wanted, ==, 0);
    start_streaming(fake);
    g_assert_cmpuint(fake->starts, ==, 1);
    g_assert_cmpuint(fake->wanted, ==, 1);
    g_assert_cmpint(queue_object(fake, 1, GOOD), ==, 0);
    g_assert_cmpint(queue_object(fake, 1, GOOD), ==, EINVAL);
    g_assert_cmpuint(fake->wanted, ==, 2);
    g_assert_false(media_has_event(fake->media));
    for (int i = 0; i < 3; i++) {
        g_assert_true(media_wants_frame(fake->media));
        put(fake, i);
    }
    g_assert_false(media_wants_frame(fake->media));
    g_assert_cmpuint(fake->events, ==, 3);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpuint(assert_filled(fake, (i + 2) % 3).sequence, ==, i);
    }
    fake_free(fake);
}

/* A buffer that is only prepared gets no frame */
static void test_prepared(void)
{
    Fake *fake = streaming_new(1, PAGES);
    Call call = pages_call(fake, VIDIOC_PREPARE_BUF, 0);

    g_assert_cmpint(call_run(fake, &call), ==, 0);
    g_assert_false(media_wants_frame(fake->media));
    g_assert_cmpint(queue_pages(fake, 0), ==, 0);
    put(fake, 7);
    assert_filled(fake, 0);
    g_assert_cmphex(ram[0][0], ==, 7);
    fake_free(fake);
}

static void test_timestamp(void)
{
    Fake *fake = streaming_new(1, OBJECT);
    gint64 before = g_get_monotonic_time(), time;
    struct v4l2_buffer buf;

    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    put(fake, 1);
    buf = assert_filled(fake, 0);
    time = buf.timestamp.tv_sec * G_USEC_PER_SEC + buf.timestamp.tv_usec;
    g_assert_cmpint(time, >=, before);
    g_assert_cmpint(time, <=, g_get_monotonic_time());
    fake_free(fake);
}

static void assert_last(Fake *fake, unsigned index)
{
    struct v4l2_buffer buf = next_dequeued(fake);

    g_assert_cmpuint(buf.index, ==, index);
    g_assert_cmpuint(buf.bytesused, ==, 0);
    g_assert_cmphex(buf.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC |
                                   V4L2_BUF_FLAG_LAST);
}

/* The end is told once, by a buffer that waits or by the next one */
static void test_ended(void)
{
    Fake *fake = streaming_new(3, OBJECT);

    g_assert_cmpint(queue_kept(fake, 0, GOOD, FRAME), ==, 0);
    g_assert_cmpint(queue_object(fake, 1, GOOD), ==, 0);
    media_stream_ended(fake->media);
    assert_last(fake, 0);
    assert_kept(fake, memset(g_alloca(FRAME), OLD, FRAME), FRAME);
    g_assert_cmpint(queue_object(fake, 2, GOOD), ==, 0);
    g_assert_false(media_has_event(fake->media));

    g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, CAPTURE), ==, 0);
    start_streaming(fake);
    media_stream_ended(fake->media);
    g_assert_false(media_has_event(fake->media));
    g_assert_cmpint(queue_object(fake, 1, GOOD), ==, 0);
    assert_last(fake, 1);

    /* a new stream does not get the end of the previous stream */
    media_stream_ended(fake->media);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, CAPTURE), ==, 0);
    media_stream_ended(fake->media);
    start_streaming(fake);
    g_assert_cmpint(queue_object(fake, 1, GOOD), ==, 0);
    g_assert_false(media_has_event(fake->media));
    put(fake, 1);
    assert_filled(fake, 1);
    fake_free(fake);
}

static void test_failed_stream(void)
{
    Fake *fake = streaming_new(1, OBJECT);
    struct virtio_media_event_error event;
    unsigned fds = open_fds();

    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    media_stream_failed(fake->media);
    g_assert_false(media_wants_frame(fake->media));
    g_assert_cmpuint(open_fds(), ==, fds);
    g_assert_cmpuint(next_event(fake, &event, sizeof(event)), ==,
                     sizeof(event));
    g_assert_cmpint(event.hdr.event, ==, VIRTIO_MEDIA_EVT_ERROR);
    g_assert_cmpint(event.error, ==, EIO);
    g_assert_cmpint(run_number(fake, VIDIOC_S_INPUT, 0), ==, ENODEV);
    fake_free(fake);
}

static void release_by_streamoff(Fake *fake)
{
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, CAPTURE), ==, 0);
}

static void release_by_reqbufs(Fake *fake)
{
    g_assert_cmpint(request_buffers(fake, 0, OBJECT), ==, EBUSY);
    release_by_streamoff(fake);
    g_assert_cmpint(request_buffers(fake, 0, OBJECT), ==, 0);
}

static unsigned mappings_of_objects(void)
{
    g_autofree char *maps = NULL;
    unsigned count = 0;

    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    for (char *at = maps; (at = strstr(at, "memfd:object")); at++) {
        count++;
    }
    return count;
}

static void test_released(gconstpointer opaque)
{
    void (*release)(Fake *fake) = opaque;
    Fake *fake = streaming_new(2, OBJECT);
    unsigned fds = open_fds();

    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    g_assert_cmpint(queue_object(fake, 1, OTHER), ==, 0);
    put(fake, 1);
    g_assert_cmpuint(open_fds(), ==, fds + 2);
    g_assert_cmpuint(mappings_of_objects(), ==, 2);
    release(fake);
    g_assert_cmpuint(fake->stops, ==, 1);
    g_assert_false(media_wants_frame(fake->media));
    g_assert_false(media_has_event(fake->media));
    g_assert_cmpuint(open_fds(), ==, fds);
    g_assert_cmpuint(mappings_of_objects(), ==, 0);
    fake_free(fake);
}

static void add(const char *name, GTestFunc func)
{
    g_autofree char *path = g_strdup_printf("/vhost-user-media/capture/%s",
                                            name);

    g_test_add_func(path, func);
}

static void add_release(const char *name, void (*release)(Fake *fake))
{
    g_autofree char *path = g_strdup_printf(
        "/vhost-user-media/capture/released/%s", name);

    g_test_add_data_func(path, release, test_released);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("config", test_config);
    add("unknown-ioctl", test_unknown_ioctl);
    add("type", test_type);
    add("inputs", test_inputs);
    add("frame-rate", test_frame_rate);
    add("request", test_request);
    add("malformed/short", test_short);
    add("malformed/pages", test_wrong_pages);
    add("bytesused", test_bytesused);
    add("object/drawn", test_object);
    add("object/negative-stride", test_negative_stride);
    add("object/wrong", test_wrong_objects);
    add("object/dmabuf", test_dmabuf);
    add("object/layout", test_layout);
    add("object/formats", test_formats);
    add("pages/drawn", test_pages);
    add("pages/unplugged", test_pages_unplugged);
    add("order", test_order);
    add("prepared", test_prepared);
    add("timestamp", test_timestamp);
    add("ended", test_ended);
    add("failed-stream", test_failed_stream);
    add_release("streamoff", release_by_streamoff);
    add_release("reqbufs", release_by_reqbufs);
    add_release("close", release_by_close);
    add_release("reset", release_by_reset);
    return g_test_run();
}
