/*
 * Tests of contrib/vhost-user-media without QEMU and without GStreamer: the
 * output, and what it has in common with the capture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "media-fake.h"
#include "open-fds.h"

#define OUTPUT      V4L2_BUF_TYPE_VIDEO_OUTPUT

static Fake *streaming_new(unsigned count, uint32_t memory)
{
    return start_streaming(fake_new(count, memory));
}

static void test_sessions(void)
{
    Fake *fake = fake_new(0, 0);
    uint32_t second = open_session(fake, 0);
    int output = -1;

    g_assert_cmpint(second, !=, fake->session);
    g_assert_cmpint(run(fake, VIDIOC_G_OUTPUT, &output), ==, 0);
    g_assert_cmpint(output, ==, 0);
    close_session(fake, fake->session);
    g_assert_cmpint(run(fake, VIDIOC_G_OUTPUT, &output), ==, EINVAL);
    close_session(fake, fake->session);
    fake->session = second;
    g_assert_cmpint(run(fake, VIDIOC_G_OUTPUT, &output), ==, 0);
    media_reset(fake->media);
    g_assert_cmpint(run(fake, VIDIOC_G_OUTPUT, &output), ==, EINVAL);
    fake_free(fake);
}

static void test_most_sessions(void)
{
    Fake *fake = fake_new(0, 0);

    for (int i = 1; i < MEDIA_MOST_SESSIONS; i++) {
        open_session(fake, 0);
    }
    open_session(fake, EMFILE);
    close_session(fake, fake->session);
    g_assert_cmpint(open_session(fake, 0), !=, fake->session);
    fake_free(fake);
}

static void test_unknown_command(void)
{
    Fake *fake = fake_new(0, 0);
    struct virtio_media_resp_header resp;

    for (uint32_t code = 0; code <= 6; code++) {
        struct virtio_media_cmd_header cmd = { .cmd = code };

        if (code < VIRTIO_MEDIA_CMD_OPEN || code > VIRTIO_MEDIA_CMD_IOCTL) {
            g_assert_cmpuint(command(fake, &cmd, sizeof(cmd), &resp,
                                     sizeof(resp)), ==, sizeof(resp));
            g_assert_cmpint(resp.status, ==, ENOTTY);
        }
    }
    fake_free(fake);
}

static const unsigned long known[] = {
    VIDIOC_ENUM_FMT, VIDIOC_ENUM_FRAMESIZES, VIDIOC_G_FMT, VIDIOC_S_FMT,
    VIDIOC_TRY_FMT, VIDIOC_G_PARM, VIDIOC_S_PARM, VIDIOC_G_SELECTION,
    VIDIOC_S_SELECTION, VIDIOC_ENUMOUTPUT, VIDIOC_G_OUTPUT, VIDIOC_S_OUTPUT,
    VIDIOC_SUBSCRIBE_EVENT, VIDIOC_UNSUBSCRIBE_EVENT, VIDIOC_REQBUFS,
    VIDIOC_CREATE_BUFS, VIDIOC_QUERYBUF, VIDIOC_PREPARE_BUF, VIDIOC_QBUF,
    VIDIOC_STREAMON, VIDIOC_STREAMOFF,
};

static bool is_known(unsigned code)
{
    for (int i = 0; i < ARRAY_SIZE(known); i++) {
        if (_IOC_NR(known[i]) == code) {
            return true;
        }
    }
    return false;
}

static void test_unknown_ioctl(void)
{
    Fake *fake = fake_new(0, 0);

    for (unsigned code = 0; code < 300; code++) {
        Call call = {
            .cmd = { { VIRTIO_MEDIA_CMD_IOCTL }, fake->session, code },
            .out_size = sizeof(call.out), .in_size = sizeof(call.in),
        };

        if (!is_known(code)) {
            g_assert_cmpint(call_run(fake, &call), ==, ENOTTY);
        }
    }
    fake_free(fake);
}

/* An argument with which each ioctl succeeds on a device with a buffer */
static Call valid_call(Fake *fake, unsigned long request)
{
    union {
        uint8_t bytes[256];
        struct v4l2_fmtdesc fmtdesc;
        struct v4l2_frmsizeenum framesize;
        struct v4l2_format format;
        struct v4l2_selection selection;
        struct v4l2_requestbuffers request;
        struct v4l2_create_buffers create;
        uint32_t number;
    } arg = {};

    switch (request) {
    case VIDIOC_PREPARE_BUF:
    case VIDIOC_QBUF:
        return object_call(fake, request, 0, GOOD);
    case VIDIOC_QUERYBUF:
        return buffer_call(fake, request, 0, OBJECT);
    case VIDIOC_ENUM_FMT:
        arg.fmtdesc.type = OUTPUT;
        break;
    case VIDIOC_ENUM_FRAMESIZES:
        arg.framesize.pixel_format = V4L2_PIX_FMT_ABGR32;
        break;
    case VIDIOC_G_SELECTION:
    case VIDIOC_S_SELECTION:
        arg.selection.type = OUTPUT;
        arg.selection.target = V4L2_SEL_TGT_COMPOSE;
        break;
    case VIDIOC_REQBUFS:
        arg.request = (struct v4l2_requestbuffers) {
            .count = 1, .type = OUTPUT, .memory = OBJECT,
        };
        break;
    case VIDIOC_CREATE_BUFS:
        arg.create = (struct v4l2_create_buffers) {
            .count = 1, .memory = OBJECT, .format.type = OUTPUT,
            .format.fmt.pix.sizeimage = FRAME,
        };
        break;
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT:
    case VIDIOC_TRY_FMT:
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF:
        arg.number = OUTPUT;    /* their first field is the type */
        break;
    }
    return call_new(fake, request, &arg);
}

/* Check the state of the device that a driver can see */
static void assert_unchanged(Fake *fake)
{
    struct v4l2_format format = { .type = OUTPUT };
    struct v4l2_buffer buf = { .type = OUTPUT };

    g_assert_cmpint(run(fake, VIDIOC_G_FMT, &format), ==, 0);
    g_assert_cmpuint(format.fmt.pix.width, ==, WIDTH);
    g_assert_cmpint(run(fake, VIDIOC_QUERYBUF, &buf), ==, 0);
    g_assert_cmphex(buf.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_COPY);
    buf.index = 1;
    g_assert_cmpint(run(fake, VIDIOC_QUERYBUF, &buf), ==, EINVAL);
    g_assert_cmpuint(fake->starts + fake->lookups + fake->pushed, ==, 0);
}

/* There is no event to subscribe to, and the format of buffers is fixed */
static int expected(unsigned long request)
{
    return request == VIDIOC_SUBSCRIBE_EVENT ? EINVAL :
           request == VIDIOC_S_FMT ? EBUSY : 0;
}

static void test_valid(void)
{
    for (int i = 0; i < ARRAY_SIZE(known); i++) {
        Fake *fake = fake_new(1, OBJECT);
        Call call = valid_call(fake, known[i]);

        g_assert_cmpint(call_run(fake, &call), ==, expected(known[i]));
        fake_free(fake);
    }
}

static void test_short(void)
{
    Fake *fake = fake_new(1, OBJECT);

    for (int i = 0; i < ARRAY_SIZE(known); i++) {
        Call call = valid_call(fake, known[i]);
        size_t out_size = sizeof(call.cmd) + call.out_size;
        size_t in_size = RESPONSE + call.in_size;

        for (size_t size = 0; size < out_size; size++) {
            g_assert_cmpint(call_sized(fake, &call, size, in_size), ==,
                            EINVAL);
        }
        for (size_t size = 0; size < in_size; size++) {
            g_assert_cmpint(call_sized(fake, &call, out_size, size), ==,
                            size < RESPONSE ? -1 : EINVAL);
        }
        assert_unchanged(fake);
    }
    fake_free(fake);
}

static void test_short_open(void)
{
    Fake *fake = fake_new(0, 0);
    struct virtio_media_cmd_header cmd = { .cmd = VIRTIO_MEDIA_CMD_OPEN };
    struct virtio_media_resp_open resp;

    for (size_t size = 0; size < sizeof(resp); size++) {
        g_assert_cmpuint(command(fake, &cmd, sizeof(cmd), &resp, size), ==,
                         size < RESPONSE ? 0 : RESPONSE);
        g_assert_true(size < RESPONSE || resp.hdr.status == EINVAL);
    }
    for (size_t size = 0; size < sizeof(cmd); size++) {
        g_assert_cmpuint(command(fake, &cmd, size, &resp, sizeof(resp)), ==,
                         RESPONSE);
        g_assert_cmpint(resp.hdr.status, ==, EINVAL);
    }
    fake_free(fake);
}

static void test_short_close(void)
{
    Fake *fake = fake_new(0, 0);
    struct virtio_media_cmd_close cmd = {
        .hdr.cmd = VIRTIO_MEDIA_CMD_CLOSE, .session_id = fake->session,
    };
    int output;

    for (size_t size = RESPONSE; size < sizeof(cmd); size++) {
        g_assert_cmpuint(command(fake, &cmd, size, NULL, 0), ==, 0);
        g_assert_cmpint(run(fake, VIDIOC_G_OUTPUT, &output), ==, 0);
    }
    fake_free(fake);
}

/* The result does not depend on how descriptors split the command */
static void test_split(void)
{
    Fake *fake = fake_new(1, OBJECT);
    Call call = object_call(fake, VIDIOC_PREPARE_BUF, 0, GOOD);
    size_t out_size = sizeof(call.cmd) + call.out_size;
    size_t in_size = RESPONSE + call.in_size;
    uint8_t out[sizeof(call.cmd) + sizeof(call.out)];
    uint8_t in[RESPONSE + sizeof(call.in)], whole[sizeof(in)] = {};

    memcpy(out, &call.cmd, sizeof(call.cmd));
    memcpy(out + sizeof(call.cmd), call.out, call.out_size);
    for (size_t at = 0; at < out_size; at++) {
        struct iovec out_iov[] = {
            { out, at }, { out + at, out_size - at },
        };
        struct iovec in_iov[] = {
            { in, at }, { NULL, 0 }, { in + at, in_size - at },
        };

        g_assert_cmpint(request_buffers(fake, 1, OBJECT), ==, 0);
        memset(in, 0xa5, sizeof(in));
        g_assert_cmpuint(media_command(fake->media, out_iov, 2, in_iov, 3),
                         ==, in_size);
        if (at == 0) {
            memcpy(whole, in, in_size);
        }
        g_assert_cmpmem(in, in_size, whole, in_size);
    }
    g_assert_cmpuint(media_command(fake->media, NULL, 0, NULL, 0), ==, 0);
    fake_free(fake);
}

static void test_formats(void)
{
    Fake *fake = fake_new(0, 0);
    struct v4l2_fmtdesc desc = { .type = OUTPUT };
    struct v4l2_frmsizeenum size = {};

    while (run(fake, VIDIOC_ENUM_FMT, &desc) == 0) {
        size = (struct v4l2_frmsizeenum) { .pixel_format = desc.pixelformat };
        g_assert_cmpint(run(fake, VIDIOC_ENUM_FRAMESIZES, &size), ==, 0);
        g_assert_cmpint(size.type, ==, V4L2_FRMSIZE_TYPE_CONTINUOUS);
        size.index = 1;
        g_assert_cmpint(run(fake, VIDIOC_ENUM_FRAMESIZES, &size), ==, EINVAL);
        desc = (struct v4l2_fmtdesc) {
            .type = OUTPUT, .index = desc.index + 1,
        };
    }
    g_assert_cmpuint(desc.index, ==, 8);
    size = (struct v4l2_frmsizeenum) { .pixel_format = V4L2_PIX_FMT_NV12 };
    g_assert_cmpint(run(fake, VIDIOC_ENUM_FRAMESIZES, &size), ==, EINVAL);
    desc = (struct v4l2_fmtdesc) { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
    g_assert_cmpint(run(fake, VIDIOC_ENUM_FMT, &desc), ==, EINVAL);
    fake_free(fake);
}

static void test_adjusted_format(void)
{
    static const struct {
        uint32_t width, height, stride;
        uint32_t to_width, to_height, to_stride;
    } cases[] = {
        { 16, 4, 0, 16, 4, 64 },
        { 16, 4, 63, 16, 4, 64 },
        { 16, 4, 65, 16, 4, 68 },
        { 0, 0, 0, 1, 1, 4 },
        { UINT32_MAX, UINT32_MAX, UINT32_MAX, 8192, 8192, 32768 },
        { 1, 8192, UINT32_MAX, 1, 8192, 32768 },
    };
    Fake *fake = fake_new(0, 0);

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct v4l2_format format = {
            .type = OUTPUT,
            .fmt.pix = {
                .width = cases[i].width, .height = cases[i].height,
                .bytesperline = cases[i].stride, .pixelformat = 0x12345678,
            },
        };
        const struct v4l2_pix_format *pix = &format.fmt.pix;

        g_assert_cmpint(run(fake, VIDIOC_TRY_FMT, &format), ==, 0);
        g_assert_cmpuint(pix->width, ==, cases[i].to_width);
        g_assert_cmpuint(pix->height, ==, cases[i].to_height);
        g_assert_cmpuint(pix->bytesperline, ==, cases[i].to_stride);
        g_assert_cmpuint(pix->sizeimage, ==,
                         cases[i].to_stride * cases[i].to_height);
        g_assert_cmphex(pix->pixelformat, ==, V4L2_PIX_FMT_XBGR32);
    }
    fake_free(fake);
}

/* The first field of all these payloads is the type, which must be "output" */
static void test_wrong_type(void)
{
    static const unsigned long requests[] = {
        VIDIOC_G_FMT, VIDIOC_S_FMT, VIDIOC_TRY_FMT, VIDIOC_G_PARM,
        VIDIOC_S_PARM, VIDIOC_STREAMON, VIDIOC_STREAMOFF,
    };
    Fake *fake = fake_new(1, OBJECT);

    for (int i = 0; i < ARRAY_SIZE(requests); i++) {
        uint32_t arg[64] = { V4L2_BUF_TYPE_VIDEO_CAPTURE };

        g_assert_cmpint(run(fake, requests[i], arg), ==, EINVAL);
    }
    assert_unchanged(fake);
    fake_free(fake);
}

static void test_frame_rate(void)
{
    Fake *fake = fake_new(1, OBJECT);
    struct v4l2_streamparm parm = {
        .type = OUTPUT, .parm.output.timeperframe = { 1, 25 },
    };
    struct v4l2_fract *rate = &parm.parm.output.timeperframe;

    g_assert_cmpint(run(fake, VIDIOC_S_PARM, &parm), ==, 0);
    memset(&parm.parm, 0, sizeof(parm.parm));
    g_assert_cmpint(run(fake, VIDIOC_G_PARM, &parm), ==, 0);
    g_assert_cmpuint(rate->denominator, ==, 25);
    *rate = (struct v4l2_fract) { 1, 0x80000000 };
    g_assert_cmpint(run(fake, VIDIOC_S_PARM, &parm), ==, 0);
    g_assert_cmpuint(rate->denominator, ==, 30);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, OUTPUT), ==, 0);
    g_assert_cmpint(run(fake, VIDIOC_S_PARM, &parm), ==, EBUSY);
    fake_free(fake);
}

/* Return: the status */
static int select_size(Fake *fake, unsigned long request, uint32_t target,
                       uint32_t flags, uint32_t width, uint32_t height)
{
    struct v4l2_selection selection = {
        .type = fake->type, .target = target, .flags = flags,
        .r = { .left = 1, .width = width, .height = height },
    };
    int status = run(fake, request, &selection);

    if (!status) {
        g_assert_cmpint(selection.r.left, ==, 0);
        g_assert_cmpint(selection.r.top, ==, 0);
        g_assert_cmpuint(selection.r.width, ==, WIDTH);
        g_assert_cmpuint(selection.r.height, ==, HEIGHT);
    }
    return status;
}

/* The selection is always the whole frame, for outputs and captures */
static void test_selection(void)
{
    static const struct {
        uint32_t flags, width, height;
        int expect;
    } cases[] = {
        { 0, 0, 0, 0 },
        { 0, UINT32_MAX, UINT32_MAX, 0 },
        { V4L2_SEL_FLAG_LE, WIDTH, HEIGHT, 0 },
        { V4L2_SEL_FLAG_LE, WIDTH - 1, HEIGHT, ERANGE },
        { V4L2_SEL_FLAG_LE, WIDTH, HEIGHT - 1, ERANGE },
        { V4L2_SEL_FLAG_GE, WIDTH, HEIGHT, 0 },
        { V4L2_SEL_FLAG_GE, WIDTH + 1, HEIGHT, ERANGE },
        { V4L2_SEL_FLAG_GE, WIDTH, HEIGHT + 1, ERANGE },
    };

    for (int capture = 0; capture < 2; capture++) {
        Fake *fake = capture ? fake_capture_new(0, 0) : fake_new(0, 0);
        uint32_t first = capture ? V4L2_SEL_TGT_CROP : V4L2_SEL_TGT_COMPOSE;
        struct v4l2_selection other = {
            .type = capture ? OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE,
            .target = first,
        };

        g_assert_cmpint(run(fake, VIDIOC_G_SELECTION, &other), ==, EINVAL);
        g_assert_cmpint(run(fake, VIDIOC_S_SELECTION, &other), ==, EINVAL);
        for (uint32_t target = 0; target < 0x200; target++) {
            int expect = target - first < 3 ? 0 : EINVAL;

            g_assert_cmpint(select_size(fake, VIDIOC_G_SELECTION, target, 0,
                                        0, 0), ==, expect);
            expect = target == first ? 0 : EINVAL;
            g_assert_cmpint(select_size(fake, VIDIOC_S_SELECTION, target, 0,
                                        0, 0), ==, expect);
        }
        for (int i = 0; i < ARRAY_SIZE(cases); i++) {
            g_assert_cmpint(select_size(fake, VIDIOC_S_SELECTION, first,
                                        cases[i].flags, cases[i].width,
                                        cases[i].height), ==,
                            cases[i].expect);
        }
        fake_free(fake);
    }
}

static void test_outputs(void)
{
    Fake *fake = fake_new(0, 0);
    struct v4l2_output output = {};

    g_assert_cmpint(run(fake, VIDIOC_ENUMOUTPUT, &output), ==, 0);
    output.index = 1;
    g_assert_cmpint(run(fake, VIDIOC_ENUMOUTPUT, &output), ==, EINVAL);
    g_assert_cmpint(run_number(fake, VIDIOC_S_OUTPUT, 0), ==, 0);
    g_assert_cmpint(run_number(fake, VIDIOC_S_OUTPUT, 1), ==, EINVAL);
    fake_free(fake);
}

static void test_request(void)
{
    Fake *fake = fake_new(0, 0);
    struct v4l2_requestbuffers req = {
        .count = 1000, .type = OUTPUT, .memory = OBJECT,
    };
    struct v4l2_create_buffers create = {
        .count = 1, .memory = OBJECT, .format.type = OUTPUT,
        .format.fmt.pix.sizeimage = FRAME,
    };

    g_assert_cmpint(run(fake, VIDIOC_REQBUFS, &req), ==, 0);
    g_assert_cmpuint(req.count, ==, VIDEO_MAX_FRAME);
    g_assert_cmpint(run(fake, VIDIOC_CREATE_BUFS, &create), ==, ENOBUFS);
    g_assert_cmpint(set_format(fake, 1, 1), ==, EBUSY);
    g_assert_cmpint(request_buffers(fake, 1, V4L2_MEMORY_MMAP), ==, EINVAL);
    g_assert_cmpint(request_buffers(fake, 2, OBJECT), ==, 0);
    create.count = 1000;
    g_assert_cmpint(run(fake, VIDIOC_CREATE_BUFS, &create), ==, 0);
    g_assert_cmpuint(create.index, ==, 2);
    g_assert_cmpuint(create.count, ==, VIDEO_MAX_FRAME - 2);
    create.memory = PAGES;
    g_assert_cmpint(run(fake, VIDIOC_CREATE_BUFS, &create), ==, EINVAL);
    g_assert_cmpint(request_buffers(fake, 0, OBJECT), ==, 0);
    create.format.fmt.pix.sizeimage = FRAME - 1;
    g_assert_cmpint(run(fake, VIDIOC_CREATE_BUFS, &create), ==, EINVAL);
    fake_free(fake);
}

/* Frames are copied: the copies of all buffers together are bounded */
static void test_request_bounded(void)
{
    Fake *fake = fake_new(0, 0);
    struct v4l2_requestbuffers req = {
        .count = 32, .type = OUTPUT, .memory = PAGES,
    };

    g_assert_cmpint(set_format(fake, 8192, 8192), ==, 0);
    g_assert_cmpint(run(fake, VIDIOC_REQBUFS, &req), ==, 0);
    g_assert_cmpuint(req.count, ==, 2);
    fake_free(fake);
}

static void test_wrong_buffer(void)
{
    static const struct {
        uint32_t index, type, memory, bytesused, length;
    } cases[] = {
        { 1, OUTPUT, PAGES, 0, FRAME },
        { UINT32_MAX, OUTPUT, PAGES, 0, FRAME },
        { 0, V4L2_BUF_TYPE_VIDEO_CAPTURE, PAGES, 0, FRAME },
        { 0, OUTPUT, OBJECT, 0, FRAME },
        { 0, OUTPUT, V4L2_MEMORY_MMAP, 0, FRAME },
        { 0, OUTPUT, PAGES, 0, 0 },
        { 0, OUTPUT, PAGES, 0, FRAME - 1 },
        { 0, OUTPUT, PAGES, 1, FRAME },
        { 0, OUTPUT, PAGES, FRAME + 1, FRAME },
    };
    Fake *fake = fake_new(1, PAGES);

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct v4l2_buffer buf = {
            .index = cases[i].index, .type = cases[i].type,
            .memory = cases[i].memory, .bytesused = cases[i].bytesused,
            .length = cases[i].length,
        };
        struct virtio_media_sg_entry entry = { RAM_LOW, FRAME };
        Call call = call_new(fake, VIDIOC_QBUF, &buf);

        call_add(&call, &entry, sizeof(entry));
        g_assert_cmpint(call_run(fake, &call), ==, EINVAL);
    }
    assert_unchanged(fake);
    fake_free(fake);
}

static void test_pages(void)
{
    Fake *fake = streaming_new(1, PAGES);
    struct virtio_media_sg_entry list[] = {
        { .start = RAM_END - 1, .len = 1 },
        { .start = RAM_HIGH - 100, .len = FRAME - 101 },    /* both regions */
        { .start = RAM_LOW, .len = UINT32_MAX },
    };
    Call call = buffer_call(fake, VIDIOC_QBUF, 0, PAGES);
    struct v4l2_buffer buf;

    ram[1][sizeof(ram[1]) - 1] = 0x77;
    call_add(&call, list, sizeof(list));
    g_assert_cmpint(call_run(fake, &call), ==, 0);
    g_assert_cmphex(fake->first_byte[0], ==, 0x77);
    memcpy(&buf, call.in, sizeof(buf));
    g_assert_cmphex(buf.m.userptr, ==, 0x12345678);
    g_assert_cmphex(buf.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_COPY |
                                   V4L2_BUF_FLAG_QUEUED);
    fake_free(fake);
}

static void test_wrong_pages(void)
{
    Fake *fake = fake_new(1, PAGES);

    for (int i = 0; i < ARRAY_SIZE(wrong_pages); i++) {
        Call call = buffer_call(fake, VIDIOC_QBUF, 0, PAGES);

        call_add(&call, wrong_pages[i].list, sizeof(wrong_pages[i].list));
        g_assert_cmpint(call_run(fake, &call), ==, wrong_pages[i].expect);
    }
    assert_unchanged(fake);
    fake_free(fake);
}

static void test_wrong_objects(void)
{
    static const uint8_t wrong[] = {
        0, SMALL, UNSEALED, PIPE, HUGE_PAGES, LIAR, UNREADABLE, UNKNOWN,
    };
    Fake *fake = fake_new(1, OBJECT);
    unsigned fds = open_fds();

    for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
        g_assert_cmpint(queue_object(fake, 0, wrong[i]), ==, EINVAL);
        g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, OUTPUT), ==, 0);
        g_assert_cmpuint(open_fds(), ==, fds);
    }
    fake->lookups = 0;
    assert_unchanged(fake);
    fake_free(fake);
}

static void release_by_streamoff(Fake *fake)
{
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, OUTPUT), ==, 0);
}

/* Queue a buffer of a stream, and get it back */
static void stream_object(Fake *fake, unsigned index, uint8_t object)
{
    unsigned i = fake->pushed;

    g_assert_cmpint(queue_object(fake, index, object), ==, 0);
    g_assert_cmpuint(fake->pushed, ==, i + 1);
    g_assert_cmpint(fake->first_byte[i], ==, object);
    media_frame_done(fake->media, fake->tokens[i]);
    g_assert_cmpuint(next_dequeued(fake).index, ==, index);
}

/* Return: the status of PREPARE_BUF with a length */
static int prepare_length(Fake *fake, uint8_t object, uint32_t length)
{
    Call call = object_call(fake, VIDIOC_PREPARE_BUF, 0, object);
    struct v4l2_buffer buf;

    memcpy(&buf, call.out, sizeof(buf));
    buf.length = length;
    memcpy(call.out, &buf, sizeof(buf));
    return call_run(fake, &call);
}

/* Frames have no padding, but the object may have */
static MediaLayout good_layout(void)
{
    return (MediaLayout) {
        .width = WIDTH, .height = HEIGHT, .fourcc = DRM_FORMAT_XRGB8888,
        .stride = ROW, .linear = true,
    };
}

/* The length is that of the object, if the driver does not say it */
static void test_object_length(void)
{
    static const struct {
        uint32_t length;
        int expect, with_layout;
    } cases[] = {
        { 0, 0, 0 },
        { FRAME - 1, EINVAL, EINVAL },
        { FRAME, 0, 0 },
        { OBJECT_SIZE, 0, 0 },
        { OBJECT_SIZE + 1, EINVAL, 0 },
        { UINT32_MAX, EINVAL, 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        Fake *fake = fake_new(2, OBJECT);

        fake->layouts[OTHER] = good_layout();
        g_assert_cmpint(prepare_length(fake, GOOD, cases[i].length), ==,
                        cases[i].expect);
        release_by_streamoff(fake);
        g_assert_cmpint(prepare_length(fake, OTHER, cases[i].length), ==,
                        cases[i].with_layout);
        fake_free(fake);
    }
}

static void assert_placed(Fake *fake, uint64_t offset, uint32_t stride,
                          uint32_t size, bool bottom_up)
{
    g_assert_cmpuint(fake->last.offset, ==, offset);
    g_assert_cmpuint(fake->last.stride, ==, stride);
    g_assert_cmpuint(fake->last.size, ==, size);
    g_assert_cmpint(fake->last.bottom_up, ==, bottom_up);
}

/* Return: the status of QBUF, which is also that of PREPARE_BUF */
static int queue_with_layout(uint8_t object, MediaLayout layout)
{
    Fake *fake = streaming_new(2, OBJECT);
    Call call = object_call(fake, VIDIOC_PREPARE_BUF, 1, object);
    int status;

    fake->layouts[object] = layout;
    status = queue_object(fake, 0, object);
    g_assert_cmpint(call_run(fake, &call), ==, status);
    g_assert_cmpuint(fake->pushed, ==, status ? 0 : 1);
    if (!status) {
        assert_placed(fake, layout.offset, layout.stride,
                      MIN(layout.stride * HEIGHT,
                          fake->last.object->size - layout.offset), false);
    }
    fake_free(fake);
    return status;
}

/* Each value is the last one that fits, or the first one that does not */
static void test_layout_bounds(void)
{
    const uint32_t last_stride = (OBJECT_SIZE - ROW) / (HEIGHT - 1);
    const uint32_t int_stride = INT_MAX / HEIGHT;
    const struct {
        uint32_t width, height, stride, offset;
        uint8_t object;
        int expect;
    } cases[] = {
        { WIDTH, HEIGHT, ROW, 0, GOOD, 0 },
        { WIDTH - 1, HEIGHT, ROW, 0, GOOD, EINVAL },
        { UINT32_MAX, HEIGHT, ROW, 0, GOOD, 0 },
        { WIDTH, 0, ROW, 0, GOOD, EINVAL },
        { WIDTH, HEIGHT - 1, ROW, 0, GOOD, EINVAL },
        { WIDTH, UINT32_MAX, ROW, 0, GOOD, 0 },
        { WIDTH, HEIGHT, 0, 0, GOOD, EINVAL },
        { WIDTH, HEIGHT, ROW - 1, 0, GOOD, EINVAL },
        { WIDTH, HEIGHT, last_stride, 0, GOOD, 0 },
        { WIDTH, HEIGHT, last_stride + 1, 0, GOOD, EINVAL },
        { WIDTH, HEIGHT, int_stride, 0, HUGE_ONE, 0 },
        { WIDTH, HEIGHT, int_stride + 1, 0, HUGE_ONE, EINVAL },
        { WIDTH, HEIGHT, 0x55555556, 0, HUGE_ONE, EINVAL },
        { WIDTH, HEIGHT, UINT32_MAX, 0, HUGE_ONE, EINVAL },
        { WIDTH, HEIGHT, ROW, OBJECT_SIZE - FRAME, GOOD, 0 },
        { WIDTH, HEIGHT, ROW, OBJECT_SIZE - FRAME + 1, GOOD, EINVAL },
        { WIDTH, HEIGHT, ROW, UINT32_MAX - FRAME + 1, GOOD, EINVAL },
        { WIDTH, HEIGHT, ROW, UINT32_MAX - ROW, GOOD, EINVAL },
        { WIDTH, HEIGHT, ROW, UINT32_MAX, GOOD, EINVAL },
        { WIDTH, HEIGHT, ROW, 0, SMALL, EINVAL },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        MediaLayout layout = good_layout();

        layout.width = cases[i].width;
        layout.height = cases[i].height;
        layout.stride = cases[i].stride;
        layout.offset = cases[i].offset;
        g_test_message("case %d", i);
        g_assert_cmpint(queue_with_layout(cases[i].object, layout), ==,
                        cases[i].expect);
    }
}

static void test_layout_not_linear(void)
{
    MediaLayout layout = good_layout();

    layout.linear = false;
    g_assert_cmpint(queue_with_layout(GOOD, layout), ==, EINVAL);
}

/* DRM's and V4L2's names of formats; each pair of lines differs in alpha */
static const struct {
    uint32_t drm, v4l2;
} formats[] = {
    { DRM_FORMAT_XRGB8888, V4L2_PIX_FMT_XBGR32 },
    { DRM_FORMAT_ARGB8888, V4L2_PIX_FMT_ABGR32 },
    { DRM_FORMAT_BGRX8888, V4L2_PIX_FMT_XRGB32 },
    { DRM_FORMAT_BGRA8888, V4L2_PIX_FMT_ARGB32 },
    { DRM_FORMAT_XBGR8888, V4L2_PIX_FMT_RGBX32 },
    { DRM_FORMAT_ABGR8888, V4L2_PIX_FMT_RGBA32 },
    { DRM_FORMAT_RGBX8888, V4L2_PIX_FMT_BGRX32 },
    { DRM_FORMAT_RGBA8888, V4L2_PIX_FMT_BGRA32 },
};

/* A stream of @pixelformat, in which GOOD has a layout with @fourcc */
static Fake *stream_of_format(uint32_t pixelformat, uint32_t fourcc)
{
    Fake *fake = fake_new(0, 0);

    fake->layouts[GOOD] = good_layout();
    fake->layouts[GOOD].fourcc = fourcc;
    g_assert_cmpint(set_pix(fake, (struct v4l2_pix_format) {
        .width = WIDTH, .height = HEIGHT, .pixelformat = pixelformat,
    }), ==, 0);
    g_assert_cmpint(request_buffers(fake, 2, OBJECT), ==, 0);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, OUTPUT), ==, 0);
    return fake;
}

/* The order of the colours is the object's, and alpha is as the driver says */
static void test_layout_formats(void)
{
    for (int i = 0; i < ARRAY_SIZE(formats); i++) {
        for (int j = 0; j < ARRAY_SIZE(formats); j++) {
            Fake *fake = stream_of_format(formats[j].v4l2, formats[i].drm);

            g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
            g_assert_cmphex(fake->last.pixelformat, ==,
                            formats[i / 2 * 2 + j % 2].v4l2);
            g_assert_cmpint(queue_object(fake, 1, OTHER), ==, 0);
            g_assert_cmphex(fake->last.pixelformat, ==, formats[j].v4l2);
            fake_free(fake);
        }
    }
}

static void test_other_formats(void)
{
    static const uint32_t others[] = {
        DRM_FORMAT_XRGB2101010, DRM_FORMAT_RGB565, DRM_FORMAT_NV12, 0,
    };

    for (int i = 0; i < ARRAY_SIZE(others); i++) {
        Fake *fake = stream_of_format(V4L2_PIX_FMT_XBGR32, others[i]);

        g_assert_cmpint(queue_object(fake, 0, GOOD), ==, EINVAL);
        fake_free(fake);
    }
}

/* The stride of the format is used only if the object has no layout */
static void test_layout_stride(void)
{
    Fake *fake = fake_new(0, 0);

    fake->layouts[OTHER] = good_layout();
    g_assert_cmpint(set_pix(fake, (struct v4l2_pix_format) {
        .width = WIDTH, .height = HEIGHT, .bytesperline = OBJECT_SIZE,
        .pixelformat = V4L2_PIX_FMT_XBGR32,
    }), ==, 0);
    g_assert_cmpint(request_buffers(fake, 1, OBJECT), ==, 0);
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, EINVAL);
    g_assert_cmpint(queue_object(fake, 0, OTHER), ==, 0);
    fake_free(fake);
}

/* A frame is the top left part of an image, which may be larger */
static void test_layout_bottom_up(void)
{
    const struct {
        uint32_t height, offset;
        int expect;
    } cases[] = {
        { HEIGHT, 3, 0 },
        { HEIGHT + 2, 3, 0 },
        { OBJECT_SIZE / ROW, 0, 0 },
        { OBJECT_SIZE / ROW, 1, EINVAL },
        { OBJECT_SIZE / ROW + 1, 0, EINVAL },
        { HEIGHT + (1 << 26), 0, EINVAL },  /* 4 GiB further */
        { UINT32_MAX, UINT32_MAX, EINVAL },
        { HEIGHT - 1, 0, EINVAL },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        Fake *fake = streaming_new(1, OBJECT);
        MediaLayout *layout = &fake->layouts[GOOD];

        *layout = good_layout();
        layout->height = cases[i].height;
        layout->offset = cases[i].offset;
        layout->bottom_up = true;
        g_test_message("case %d", i);
        g_assert_cmpint(queue_object(fake, 0, GOOD), ==, cases[i].expect);
        if (!cases[i].expect) {
            assert_placed(fake, layout->offset + (layout->height - HEIGHT) *
                          ROW, ROW, FRAME, true);
        }
        fake_free(fake);
    }
}

/* A buffer uses the layout of its current object, which may have none */
static void test_layout_changes(void)
{
    Fake *fake = streaming_new(1, OBJECT);

    fake->layouts[GOOD] = good_layout();
    fake->layouts[GOOD].stride = 100;
    fake->layouts[GOOD].offset = 8;
    fake->layouts[HUGE_ONE] = good_layout();
    fake->layouts[HUGE_ONE].bottom_up = true;
    for (int i = 0; i < 2; i++) {
        stream_object(fake, 0, GOOD);
        assert_placed(fake, 8, 100, 100 * HEIGHT, false);
        stream_object(fake, 0, OTHER);
        assert_placed(fake, 0, ROW, FRAME, false);
        stream_object(fake, 0, HUGE_ONE);
        assert_placed(fake, 0, ROW, FRAME, true);
    }
    g_assert_cmpint(queue_object(fake, 0, SMALL), ==, EINVAL);
    fake_free(fake);
}

/* An object without a layout does not get the layout of an earlier object */
static void test_no_layout(void)
{
    Fake *fake = fake_new(1, OBJECT);

    fake->layouts[GOOD] = good_layout();
    fake->layouts[GOOD].stride = 100;
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    g_assert_cmpint(request_buffers(fake, 0, OBJECT), ==, 0);
    g_assert_cmpint(set_pix(fake, (struct v4l2_pix_format) {
        .width = WIDTH, .height = HEIGHT, .bytesperline = 200,
        .pixelformat = V4L2_PIX_FMT_XBGR32,
    }), ==, 0);
    g_assert_cmpint(request_buffers(fake, 1, OBJECT), ==, 0);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, OUTPUT), ==, 0);
    g_assert_cmpint(queue_object(fake, 0, OTHER), ==, 0);
    assert_placed(fake, 0, 200, 200 * HEIGHT, false);
    fake_free(fake);
}

static void release_by_reqbufs(Fake *fake)
{
    g_assert_cmpint(request_buffers(fake, 0, OBJECT), ==, 0);
}

static void test_released(gconstpointer opaque)
{
    void (*release)(Fake *fake) = opaque;
    Fake *fake = fake_new(3, OBJECT);
    Call call = object_call(fake, VIDIOC_PREPARE_BUF, 2, GOOD);
    unsigned fds = open_fds();

    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    g_assert_cmpint(queue_object(fake, 1, OTHER), ==, 0);
    g_assert_cmpint(call_run(fake, &call), ==, 0);
    g_assert_cmpuint(open_fds(), ==, fds + 3);
    release(fake);
    g_assert_cmpuint(open_fds(), ==, fds);
    fake_free(fake);
}

static void test_looked_up_once(void)
{
    Fake *fake = streaming_new(2, OBJECT);
    unsigned fds = open_fds();

    stream_object(fake, 0, GOOD);
    stream_object(fake, 0, GOOD);
    g_assert_cmpuint(fake->lookups, ==, 1);
    stream_object(fake, 1, GOOD);
    g_assert_cmpuint(fake->lookups, ==, 2);
    stream_object(fake, 0, OTHER);
    stream_object(fake, 0, GOOD);
    g_assert_cmpuint(fake->lookups, ==, 4);
    g_assert_cmpuint(open_fds(), ==, fds + 2);
    fake_free(fake);
}

static void test_order(void)
{
    Fake *fake = fake_new(3, OBJECT);

    g_assert_cmpint(queue_object(fake, 2, GOOD), ==, 0);
    g_assert_cmpint(queue_object(fake, 0, OTHER), ==, 0);
    g_assert_cmpint(queue_object(fake, 2, GOOD), ==, EINVAL);
    g_assert_cmpuint(fake->pushed, ==, 0);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, OUTPUT), ==, 0);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, OUTPUT), ==, 0);
    g_assert_cmpuint(fake->starts, ==, 1);
    g_assert_cmpint(queue_object(fake, 1, GOOD), ==, 0);
    g_assert_cmpint(queue_object(fake, 1, GOOD), ==, EINVAL);
    g_assert_cmpuint(fake->pushed, ==, 3);
    g_assert_cmpint(request_buffers(fake, 1, OBJECT), ==, EBUSY);

    /* in the order in which the pipeline drops them */
    g_assert_false(media_has_event(fake->media));
    media_frame_done(fake->media, fake->tokens[1]);
    media_frame_done(fake->media, fake->tokens[1]);
    media_frame_done(fake->media, fake->tokens[0]);
    g_assert_cmpuint(fake->events, ==, 2);
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, EINVAL);
    g_assert_cmpuint(next_dequeued(fake).index, ==, 0);
    g_assert_cmpuint(next_dequeued(fake).index, ==, 2);
    g_assert_false(media_has_event(fake->media));
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    fake_free(fake);
}

static void test_prepared(void)
{
    Fake *fake = streaming_new(1, OBJECT);
    Call call = object_call(fake, VIDIOC_PREPARE_BUF, 0, GOOD);
    struct v4l2_buffer buf;

    g_assert_cmpint(call_run(fake, &call), ==, 0);
    memcpy(&buf, call.in, sizeof(buf));
    g_assert_cmphex(buf.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_COPY |
                                   V4L2_BUF_FLAG_PREPARED);
    g_assert_cmpint(call_run(fake, &call), ==, EINVAL);
    g_assert_cmpuint(fake->pushed, ==, 0);
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    g_assert_cmpuint(fake->pushed, ==, 1);
    g_assert_cmpuint(fake->lookups, ==, 1);
    fake_free(fake);
}

static void test_dequeued(void)
{
    Fake *fake = streaming_new(2, OBJECT);
    Call call = object_call(fake, VIDIOC_QBUF, 1, GOOD);
    struct v4l2_buffer buf;

    memcpy(&buf, call.out, sizeof(buf));
    buf.timestamp.tv_sec = 1234;
    memcpy(call.out, &buf, sizeof(buf));
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    g_assert_cmpint(call_run(fake, &call), ==, 0);
    media_frame_done(fake->media, fake->tokens[1]);
    buf = next_dequeued(fake);
    g_assert_cmpuint(buf.index, ==, 1);
    g_assert_cmpuint(buf.sequence, ==, 1);
    g_assert_cmpuint(buf.bytesused, ==, FRAME);
    g_assert_cmpint(buf.timestamp.tv_sec, ==, 1234);
    g_assert_cmphex(buf.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_COPY);
    fake_free(fake);
}

/* An event waits for a buffer that has room for it */
static void test_short_event(void)
{
    Fake *fake = streaming_new(1, OBJECT);
    MediaDequeued event;

    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    media_frame_done(fake->media, fake->tokens[0]);
    for (size_t size = 0; size < sizeof(event); size++) {
        g_assert_cmpuint(next_event(fake, &event, size), ==, 0);
    }
    g_assert_cmpuint(next_dequeued(fake).index, ==, 0);
    fake_free(fake);
}

/* A late frame of an ended stream does not end a frame of the next stream */
static void test_late_frame(void)
{
    Fake *fake = streaming_new(1, OBJECT);

    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, OUTPUT), ==, 0);
    g_assert_cmpuint(fake->stops, ==, 1);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, OUTPUT), ==, 0);
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    media_frame_done(fake->media, fake->tokens[0]);
    media_frame_done(fake->media, UINT32_MAX);
    g_assert_false(media_has_event(fake->media));
    media_frame_done(fake->media, fake->tokens[1]);
    g_assert_cmpuint(next_dequeued(fake).index, ==, 0);
    fake_free(fake);
}

static void test_rejected_frame(void)
{
    Fake *fake = streaming_new(1, PAGES);

    fake->reject = true;
    g_assert_cmpint(queue_pages(fake, 0), ==, 0);
    g_assert_cmphex(next_dequeued(fake).flags, ==,
                    V4L2_BUF_FLAG_TIMESTAMP_COPY | V4L2_BUF_FLAG_ERROR);
    fake->reject = false;
    g_assert_cmpint(queue_pages(fake, 0), ==, 0);
    media_frame_done(fake->media, fake->tokens[1]);
    g_assert_cmphex(next_dequeued(fake).flags, ==,
                    V4L2_BUF_FLAG_TIMESTAMP_COPY);
    fake_free(fake);
}

/* The ID of a session that has failed is not used again before the close */
static void test_failed_stream(void)
{
    Fake *fake = streaming_new(1, OBJECT);
    struct virtio_media_event_error event;
    unsigned fds = open_fds();
    int output;

    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    media_stream_failed(fake->media);
    media_stream_failed(fake->media);
    g_assert_cmpuint(open_fds(), ==, fds);
    g_assert_cmpuint(next_event(fake, &event, sizeof(event) - 1), ==, 0);
    g_assert_cmpuint(next_event(fake, &event, sizeof(event)), ==,
                     sizeof(event));
    g_assert_cmpint(event.hdr.event, ==, VIRTIO_MEDIA_EVT_ERROR);
    g_assert_cmpint(event.hdr.session_id, ==, fake->session);
    g_assert_cmpint(event.error, ==, EIO);
    g_assert_false(media_has_event(fake->media));
    g_assert_cmpint(run(fake, VIDIOC_G_OUTPUT, &output), ==, ENODEV);
    close_session(fake, fake->session);
    fake->session = open_session(fake, 0);
    g_assert_cmpint(request_buffers(fake, 1, OBJECT), ==, 0);
    fake_free(fake);
}

/* Buffers belong to one session; the other session gets EBUSY */
static void test_two_sessions(void)
{
    Fake *fake = streaming_new(1, OBJECT);
    uint32_t first = fake->session;
    struct v4l2_create_buffers create = {
        .count = 1, .memory = OBJECT, .format.type = OUTPUT,
        .format.fmt.pix.sizeimage = FRAME,
    };
    Call call;

    fake->session = open_session(fake, 0);
    g_assert_cmpint(request_buffers(fake, 1, OBJECT), ==, EBUSY);
    g_assert_cmpint(request_buffers(fake, 0, OBJECT), ==, EBUSY);
    g_assert_cmpint(run(fake, VIDIOC_CREATE_BUFS, &create), ==, EBUSY);
    g_assert_cmpint(set_format(fake, 1, 1), ==, EBUSY);
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, EBUSY);
    call = object_call(fake, VIDIOC_PREPARE_BUF, 0, GOOD);
    g_assert_cmpint(call_run(fake, &call), ==, EBUSY);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, OUTPUT), ==, EBUSY);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMOFF, OUTPUT), ==, EBUSY);
    close_session(fake, first);
    g_assert_cmpuint(fake->stops, ==, 1);
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, OUTPUT), ==, EINVAL);
    g_assert_cmpint(request_buffers(fake, 1, OBJECT), ==, 0);
    g_assert_cmpint(queue_object(fake, 0, GOOD), ==, 0);
    fake_free(fake);
}

static void test_config(void)
{
    static const char card[] = "a name of more than 32 characters";
    struct virtio_media_config config;

    media_config(&config, false, card);
    g_assert_cmphex(config.device_caps, ==, V4L2_CAP_VIDEO_OUTPUT |
                    V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT);
    g_assert_cmpint(config.device_type, ==, 0);
    g_assert_cmpmem(config.card, 32, card, 32);
}

static void add(const char *name, GTestFunc func)
{
    g_autofree char *path = g_strdup_printf("/vhost-user-media/%s", name);

    g_test_add_func(path, func);
}

static void add_release(const char *name, void (*release)(Fake *fake))
{
    g_autofree char *path = g_strdup_printf("/vhost-user-media/released/%s",
                                            name);

    g_test_add_data_func(path, release, test_released);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("config", test_config);
    add("sessions", test_sessions);
    add("sessions/most", test_most_sessions);
    add("sessions/two", test_two_sessions);
    add("unknown/command", test_unknown_command);
    add("unknown/ioctl", test_unknown_ioctl);
    add("valid", test_valid);
    add("malformed/short", test_short);
    add("malformed/short-open", test_short_open);
    add("malformed/short-close", test_short_close);
    add("malformed/type", test_wrong_type);
    add("malformed/buffer", test_wrong_buffer);
    add("malformed/pages", test_wrong_pages);
    add("split", test_split);
    add("formats", test_formats);
    add("formats/adjusted", test_adjusted_format);
    add("frame-rate", test_frame_rate);
    add("selection", test_selection);
    add("outputs", test_outputs);
    add("request", test_request);
    add("request/bounded", test_request_bounded);
    add("pages", test_pages);
    add("object/wrong", test_wrong_objects);
    add("object/length", test_object_length);
    add("object/layout/bounds", test_layout_bounds);
    add("object/layout/not-linear", test_layout_not_linear);
    add("object/layout/formats", test_layout_formats);
    add("object/layout/other-formats", test_other_formats);
    add("object/layout/stride", test_layout_stride);
    add("object/layout/bottom-up", test_layout_bottom_up);
    add("object/layout/changes", test_layout_changes);
    add("object/layout/none", test_no_layout);
    add("object/looked-up-once", test_looked_up_once);
    add_release("streamoff", release_by_streamoff);
    add_release("reqbufs", release_by_reqbufs);
    add_release("close", release_by_close);
    add_release("reset", release_by_reset);
    add("order", test_order);
    add("prepared", test_prepared);
    add("dequeued", test_dequeued);
    add("event/short", test_short_event);
    add("late-frame", test_late_frame);
    add("rejected-frame", test_rejected_frame);
    add("failed-stream", test_failed_stream);
    return g_test_run();
}
