/*
 * Fuzzing target: what a driver sends to contrib/vhost-user-media
 *
 * An input is a byte that tells whether the device is a capture, and a sequence
 * of operations; see the functions do_*() for their bytes.  Missing bytes are
 * 0.  A command is sent as it is, or an ioctl is made of a valid argument with
 * some changes.
 *
 * The part of the back-end that parses commands runs here without vhost-user
 * and without GStreamer: the target stands in for both.  The target keeps its
 * own record of sessions, frames and file descriptors, and checks each response
 * against this record.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/memfd.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "contrib/vhost-user-media/media.h"
#include "fuzz.h"

#define MAX_OPS         256
#define MAX_PIECES      4
#define MAX_ENTRIES     8
#define MAX_IN          1024
#define POISON          0xa5
#define RAM_BYTE        0x5a        /* each byte of guest memory and frames */
#define MEMORY_SIZE     (16 * KiB)
#define HUGE_SIZE       (6 * GiB)   /* sparse */
#define MAX_FRAME       (256 * KiB) /* largest frame of a capture */

/* Guest memory: two regions that are not contiguous in the back-end */
#define RAM_BASE        0x1000
#define RAM_SIZE        (2 * MEMORY_SIZE)

/* The first byte of a UUID selects the object; other values are unknown */
enum {
    OBJECT_SMALL, OBJECT_MEDIUM, OBJECT_HUGE, OBJECT_EMPTY, OBJECT_UNSEALED,
    OBJECT_READ_ONLY, OBJECT_WRITE_ONLY, OBJECT_PIPE, OBJECTS,
};

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

typedef struct Frame {
    uint32_t token;
    uint32_t session;
    void *data;
    uint32_t size;
    uint32_t flags;         /* expected flags of the dequeued buffer */
} Frame;

typedef struct Session {
    uint32_t id;
    bool failed;
    bool error_due;         /* the driver has not got the event */
} Session;

typedef struct Pieces {
    struct iovec iov[MAX_PIECES];
    unsigned num;
} Pieces;

static uint8_t *ram[2];
static int objects[OBJECTS];
static uint64_t num_commands;
static uint64_t num_frames;

/* Each input resets the following variables */
static Input input;
static bool is_capture;
static Media *media;
static Session sessions[MEDIA_MOST_SESSIONS];
static unsigned num_sessions;
static uint32_t caller;         /* session of the command that runs */
static uint32_t streamer;       /* session that streams, or 0 */
static struct v4l2_pix_format stream_pix;
static bool reject;             /* the pipeline takes no frames */
static bool is_ram_small;       /* the second region is gone */
static unsigned num_events;     /* calls of event_ready() */
static bool puts_frame;         /* media_put_frame() runs */
static bool fails;              /* media_stream_failed() runs */
static bool has_written;        /* media_put_frame() was called */
static bool end_due;            /* no buffer has reported the end yet */
static Frame active[VIDEO_MAX_FRAME];
static unsigned num_active;
static Frame done[VIDEO_MAX_FRAME];
static unsigned num_done;
static uint32_t last_token;
static MediaLayout layouts[OBJECTS];
static int first_fd;            /* lowest free descriptor at the start */

static uint64_t take(size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size && input.size; i++, input.size--) {
        value |= (uint64_t)*input.data++ << (8 * i);
    }
    return value;
}

static uint32_t right_type(void)
{
    return is_capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE
                      : V4L2_BUF_TYPE_VIDEO_OUTPUT;
}

static void take_bytes(void *to, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)to)[i] = take(1);
    }
}

/* Either one of the first @num values, or any number */
static uint32_t take_choice(const uint32_t *values, unsigned num)
{
    uint8_t i = take(1);

    return i < num ? values[i] : take(4);
}

static void *fuzz_translate(void *opaque, uint64_t addr, uint64_t *len)
{
    uint64_t offset = addr - RAM_BASE;

    g_assert(*len > 0);
    if (offset >= (is_ram_small ? MEMORY_SIZE : RAM_SIZE)) {
        return NULL;
    }
    *len = MIN(*len, MEMORY_SIZE - offset % MEMORY_SIZE);
    return ram[offset / MEMORY_SIZE] + offset % MEMORY_SIZE;
}

/* The device has at most one file descriptor open for each buffer */
static int fuzz_lookup(void *opaque, uint8_t *uuid, MediaLayout *layout)
{
    int fd;

    g_assert(layout->width == 0);
    if (uuid[0] >= OBJECTS) {
        return -1;
    }
    *layout = layouts[uuid[0]];
    fd = qemu_dup(objects[uuid[0]]);
    g_assert(fd >= first_fd && fd < first_fd + VIDEO_MAX_FRAME);
    return fd;
}

static void fuzz_start(void *opaque, const struct v4l2_pix_format *pix,
                       const struct v4l2_fract *interval)
{
    g_assert(!streamer);
    g_assert(pix->width && pix->width <= MEDIA_LARGEST_SIDE);
    g_assert(pix->height && pix->height <= MEDIA_LARGEST_SIDE);
    g_assert(interval->numerator && interval->denominator);
    streamer = caller;
    stream_pix = *pix;
}

/* An element may read each row of a frame, and all of its memory */
static void check_frame(const MediaFrame *frame)
{
    uint64_t row = (uint64_t)frame->pix->width * 4;
    uint64_t last = (uint64_t)frame->stride * (frame->pix->height - 1);
    const uint8_t *data = frame->data;
    struct stat st;

    g_assert(frame->pixelformat && row <= frame->stride);
    g_assert(last + row <= frame->size && last + row <= INT_MAX);
    if (data) {
        g_assert(frame->offset == 0 && !frame->bottom_up);
        g_assert(data[0] == RAM_BYTE && data[frame->size - 1] == RAM_BYTE);
        return;
    }
    g_assert(fstat(frame->object->fd, &st) == 0);
    g_assert(frame->object->size == st.st_size);
    g_assert(frame->offset + frame->size <= st.st_size);
    g_assert(fcntl(frame->object->fd, F_GET_SEALS) & F_SEAL_SHRINK);
}

static uint64_t copied_bytes(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < num_active; i++) {
        sum += active[i].data ? active[i].size : 0;
    }
    return sum;
}

/* Return: index of a frame that the pipeline has, or @num_active */
static unsigned find_active(uint32_t token)
{
    unsigned i = 0;

    while (i < num_active && active[i].token != token) {
        i++;
    }
    return i;
}

static bool fuzz_push(void *opaque, MediaFrame *frame)
{
    Frame new = {
        .token = frame->token, .session = caller, .data = frame->data,
        .size = frame->size,
        .flags = reject ? V4L2_BUF_FLAG_ERROR : 0,
    };

    num_frames++;
    g_assert(!is_capture && streamer);
    g_assert(num_active + num_done < VIDEO_MAX_FRAME);
    check_frame(frame);
    g_assert(find_active(new.token) == num_active);
    last_token = new.token;
    if (reject) {
        g_clear_pointer(&new.data, g_free);
        done[num_done++] = new;
        return false;
    }
    active[num_active++] = new;
    g_assert(copied_bytes() <= MEDIA_MOST_COPIED);
    return true;
}

static void drop_frames(void)
{
    for (unsigned i = 0; i < num_active; i++) {
        g_free(active[i].data);
    }
    num_active = num_done = 0;
}

static void fuzz_stop(void *opaque)
{
    g_assert(streamer);
    streamer = 0;
    end_due = false;
    drop_frames();
}

static void fuzz_frame_wanted(void *opaque)
{
    g_assert(streamer && media_wants_frame(media));
}

/* A buffer of a capture comes back with a frame, or at the end of the frames */
static void fuzz_event_ready(void *opaque)
{
    num_events++;
    if (is_capture && !fails) {
        g_assert(streamer && num_done < VIDEO_MAX_FRAME);
        g_assert(puts_frame || end_due);
        end_due = end_due && puts_frame;
        done[num_done++] = (Frame) {
            .session = streamer,
            .flags = puts_frame ? 0 : V4L2_BUF_FLAG_LAST,
        };
    }
}

static const MediaOps output_ops = {
    .translate = fuzz_translate,
    .lookup = fuzz_lookup,
    .start = fuzz_start,
    .push = fuzz_push,
    .stop = fuzz_stop,
    .event_ready = fuzz_event_ready,
};

static const MediaOps capture_ops = {
    .capture = true,
    .translate = fuzz_translate,
    .lookup = fuzz_lookup,
    .start = fuzz_start,
    .frame_wanted = fuzz_frame_wanted,
    .stop = fuzz_stop,
    .event_ready = fuzz_event_ready,
};

/* Allocate each piece separately, so that sanitizers see accesses beyond it */
static void split(Pieces *pieces, const uint8_t *data, size_t size)
{
    unsigned num = take(1) % MAX_PIECES + 1;

    pieces->num = num;
    for (unsigned i = 0; i < num; i++) {
        size_t len = i == num - 1 ? size : take(2) % (size + 1);

        pieces->iov[i].iov_base = g_memdup2(data, len);
        pieces->iov[i].iov_len = len;
        data += len;
        size -= len;
    }
}

static void free_pieces(Pieces *pieces)
{
    for (unsigned i = 0; i < pieces->num; i++) {
        g_free(pieces->iov[i].iov_base);
    }
}

static bool is_errno_of_v4l2(uint32_t error)
{
    static const uint32_t known[] = {
        0, EINVAL, EBUSY, ENOTTY, ENODEV, EFAULT, ENOMEM, ENOBUFS, EMFILE,
        ERANGE,
    };

    for (int i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i] == error) {
            return true;
        }
    }
    return false;
}

/* Send a command.  Return: number of bytes in @in, which has a response */
static size_t send_command(const void *out, size_t out_size, uint8_t *in,
                           size_t in_size)
{
    struct virtio_media_resp_header hdr;
    Pieces readable, writable;
    size_t len;

    num_commands++;
    memset(in, POISON, in_size);
    split(&readable, out, out_size);
    split(&writable, in, in_size);
    len = media_command(media, readable.iov, readable.num,
                        writable.iov, writable.num);
    iov_to_buf(writable.iov, writable.num, 0, in, in_size);
    free_pieces(&readable);
    free_pieces(&writable);

    g_assert(len <= in_size);
    for (size_t i = len; i < in_size; i++) {
        g_assert(in[i] == POISON);
    }
    if (len) {
        g_assert(len >= sizeof(hdr));
        memcpy(&hdr, in, sizeof(hdr));
        g_assert(is_errno_of_v4l2(hdr.status) && hdr.reserved == 0);
        g_assert(hdr.status == 0 || len == sizeof(hdr));
    }
    return len;
}

static uint32_t status_of(const uint8_t *in)
{
    return ((struct virtio_media_resp_header *)in)->status;
}

static Session *find_session(uint32_t id)
{
    for (unsigned i = 0; i < num_sessions; i++) {
        if (sessions[i].id == id) {
            return &sessions[i];
        }
    }
    return NULL;
}

static void forget_session(uint32_t id)
{
    Session *session = find_session(id);

    if (session) {
        *session = sessions[--num_sessions];
    }
}

/* Return: ID of the 1st, 2nd, ... open session, or any number */
static uint32_t take_session(void)
{
    uint8_t i = take(1);

    return i < num_sessions ? sessions[i].id : take(4);
}

static void check_open(const uint8_t *in, size_t len)
{
    const struct virtio_media_resp_open *resp = (const void *)in;

    if (len < sizeof(*resp)) {
        g_assert(len == 0 || resp->hdr.status == EINVAL ||
                 num_sessions == MEDIA_MOST_SESSIONS);
        return;
    }
    g_assert(num_sessions < MEDIA_MOST_SESSIONS);
    g_assert(resp->session_id && !find_session(resp->session_id));
    sessions[num_sessions++] = (Session) { .id = resp->session_id };
}

/*
 * Send any bytes, and check the response to the command that they are.
 * Return: size of the response if the status is 0, else 0
 */
static size_t send_any(const void *out, size_t out_size, size_t in_size)
{
    struct virtio_media_cmd_ioctl cmd = {};
    uint8_t in[MAX_IN];
    Session *session;
    size_t len;

    memcpy(&cmd, out, MIN(out_size, sizeof(cmd)));
    session = find_session(cmd.session_id);
    caller = cmd.session_id;
    len = send_command(out, out_size, in, in_size);
    if (out_size < sizeof(cmd.hdr)) {
        g_assert(!len || status_of(in) == EINVAL);
    } else if (cmd.hdr.cmd == VIRTIO_MEDIA_CMD_OPEN) {
        check_open(in, len);
    } else if (cmd.hdr.cmd == VIRTIO_MEDIA_CMD_CLOSE) {
        g_assert(len == 0);
        if (out_size >= sizeof(struct virtio_media_cmd_close)) {
            forget_session(cmd.session_id);
        }
    } else if (cmd.hdr.cmd != VIRTIO_MEDIA_CMD_IOCTL) {
        g_assert(!len || status_of(in) == ENOTTY);
    } else if (out_size < sizeof(cmd) || !session) {
        g_assert(!len || status_of(in) == EINVAL);
    } else {
        g_assert(!len || !session->failed || status_of(in) == ENODEV);
    }
    return len && status_of(in) == 0 ? len : 0;
}

/* Input: size and bytes of the readable part, size of the writable part */
static void do_bytes(void)
{
    size_t size = take(1);
    g_autofree uint8_t *out = g_malloc0(size + 1);

    take_bytes(out, size);
    send_any(out, size, take(2) % MAX_IN);
}

static void do_open(void)
{
    struct virtio_media_cmd_header cmd = { .cmd = VIRTIO_MEDIA_CMD_OPEN };

    send_any(&cmd, sizeof(cmd), sizeof(struct virtio_media_resp_open));
}

static void do_close(void)
{
    struct virtio_media_cmd_close cmd = {
        .hdr.cmd = VIRTIO_MEDIA_CMD_CLOSE, .session_id = take_session(),
    };

    send_any(&cmd, sizeof(cmd), 0);
}

static uint32_t take_type(void)
{
    const uint32_t types[] = { right_type() };

    return take_choice(types, ARRAY_SIZE(types));
}

static uint32_t take_memory(void)
{
    static const uint32_t memories[] = {
        V4L2_MEMORY_DMABUF, V4L2_MEMORY_USERPTR, V4L2_MEMORY_MMAP,
    };

    return take_choice(memories, ARRAY_SIZE(memories));
}

static uint32_t take_pixelformat(void)
{
    static const uint32_t formats[] = {
        V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_ABGR32, V4L2_PIX_FMT_ARGB32,
        V4L2_PIX_FMT_XRGB32, V4L2_PIX_FMT_RGBA32, V4L2_PIX_FMT_BGRX32,
        V4L2_PIX_FMT_BGRA32, V4L2_PIX_FMT_RGBX32,
    };

    return take_choice(formats, ARRAY_SIZE(formats));
}

static void fill_nothing(void *arg)
{
}

static void fill_number(void *arg)
{
    *(int *)arg = take_type();
}

static void fill_end(void *arg)
{
    *(int *)arg = take(1);
}

static void fill_fmtdesc(void *arg)
{
    struct v4l2_fmtdesc *desc = arg;

    desc->index = take(1);
    desc->type = take_type();
}

static void fill_framesize(void *arg)
{
    struct v4l2_frmsizeenum *size = arg;

    size->index = take(1);
    size->pixel_format = take_pixelformat();
}

static void fill_format(void *arg)
{
    struct v4l2_format *format = arg;

    format->type = take_type();
    format->fmt.pix.width = take(2);
    format->fmt.pix.height = take(2);
    format->fmt.pix.pixelformat = take_pixelformat();
    format->fmt.pix.bytesperline = take(2);
}

static void fill_parm(void *arg)
{
    struct v4l2_streamparm *parm = arg;

    parm->type = take_type();
    parm->parm.output.timeperframe.numerator = take(1);
    parm->parm.output.timeperframe.denominator = take(1);
}

static void fill_request(void *arg)
{
    struct v4l2_requestbuffers *req = arg;

    req->count = take(1);
    req->type = take_type();
    req->memory = take_memory();
}

static void fill_create(void *arg)
{
    struct v4l2_create_buffers *create = arg;

    create->count = take(1);
    create->memory = take_memory();
    create->format.type = take_type();
    create->format.fmt.pix.sizeimage = take(4);
}

static void fill_buffer(void *arg)
{
    struct v4l2_buffer *buf = arg;

    buf->index = take(1);
    buf->type = take_type();
    buf->memory = take_memory();
    buf->length = take(2);
    buf->bytesused = take(2);
}

static void fill_selection(void *arg)
{
    static const uint32_t targets[] = {
        V4L2_SEL_TGT_CROP, V4L2_SEL_TGT_COMPOSE,
    };
    struct v4l2_selection *selection = arg;

    selection->type = take_type();
    selection->target = take_choice(targets, ARRAY_SIZE(targets));
    selection->flags = take(1);
    selection->r.width = take(2);
    selection->r.height = take(2);
}

typedef struct Ioctl {
    unsigned long request;
    void (*fill)(void *arg);
} Ioctl;

static const Ioctl ioctls[] = {
    { VIDIOC_ENUM_FMT, fill_fmtdesc },
    { VIDIOC_ENUM_FRAMESIZES, fill_framesize },
    { VIDIOC_G_FMT, fill_format },
    { VIDIOC_S_FMT, fill_format },
    { VIDIOC_TRY_FMT, fill_format },
    { VIDIOC_G_PARM, fill_parm },
    { VIDIOC_S_PARM, fill_parm },
    { VIDIOC_ENUMOUTPUT, fill_nothing },
    { VIDIOC_G_OUTPUT, fill_end },
    { VIDIOC_S_OUTPUT, fill_end },
    { VIDIOC_ENUMINPUT, fill_nothing },
    { VIDIOC_G_INPUT, fill_end },
    { VIDIOC_S_INPUT, fill_end },
    { VIDIOC_SUBSCRIBE_EVENT, fill_nothing },
    { VIDIOC_UNSUBSCRIBE_EVENT, fill_nothing },
    { VIDIOC_REQBUFS, fill_request },
    { VIDIOC_CREATE_BUFS, fill_create },
    { VIDIOC_QUERYBUF, fill_buffer },
    { VIDIOC_PREPARE_BUF, fill_buffer },
    { VIDIOC_QBUF, fill_buffer },
    { VIDIOC_STREAMON, fill_number },
    { VIDIOC_STREAMOFF, fill_number },
    { VIDIOC_G_SELECTION, fill_selection },
    { VIDIOC_S_SELECTION, fill_selection },
};

/* Input: number of bytes to change in the argument; their places and values */
static void change_argument(GByteArray *out, size_t start)
{
    size_t size = out->len - start;

    for (unsigned i = take(1) & 3; i && size; i--) {
        size_t at = take(2) % size;

        out->data[start + at] = take(1);
    }
}

/* Add the UUID or the list of memory that follows a buffer */
static void add_memory(GByteArray *out, const struct v4l2_buffer *buf)
{
    uint8_t uuid[VIRTIO_MEDIA_UUID_LEN] = {};

    if (buf->memory == V4L2_MEMORY_DMABUF) {
        uuid[0] = take(1);
        g_byte_array_append(out, uuid, sizeof(uuid));
        return;
    }
    for (unsigned i = take(1) % (MAX_ENTRIES + 1); i; i--) {
        struct virtio_media_sg_entry entry = {};

        entry.start = RAM_BASE + take(2);
        entry.len = take(3);
        g_byte_array_append(out, (void *)&entry, sizeof(entry));
    }
}

static bool is_of_buffer(unsigned long request)
{
    return request == VIDIOC_QUERYBUF || request == VIDIOC_PREPARE_BUF ||
           request == VIDIOC_QBUF;
}

/*
 * Make the device-readable part of an ioctl.  Return: room in the response
 * after the argument
 */
static size_t make_ioctl(const Ioctl *ioc, GByteArray *out)
{
    struct virtio_media_cmd_ioctl cmd = {
        .hdr.cmd = VIRTIO_MEDIA_CMD_IOCTL, .session_id = take_session(),
        .code = _IOC_NR(ioc->request),
    };
    union {
        struct v4l2_format format;
        struct v4l2_buffer buffer;
        uint8_t bytes[256];     /* size of the largest, v4l2_create_buffers */
    } arg = {};

    ioc->fill(&arg);
    g_byte_array_append(out, (void *)&cmd, sizeof(cmd));
    if (_IOC_DIR(ioc->request) & _IOC_WRITE) {
        g_byte_array_append(out, arg.bytes, _IOC_SIZE(ioc->request));
    }
    change_argument(out, sizeof(cmd));
    if (!is_of_buffer(ioc->request)) {
        return 0;
    }
    add_memory(out, &arg.buffer);
    return VIRTIO_MEDIA_UUID_LEN;
}

/*
 * Input: the ioctl, its session, its argument, changes to the argument, the
 * memory after the argument, and by how many bytes each part is too short
 */
static void do_ioctl(void)
{
    const Ioctl *ioc = &ioctls[take(1) % ARRAY_SIZE(ioctls)];
    g_autoptr(GByteArray) out = g_byte_array_new();
    size_t room = make_ioctl(ioc, out);
    size_t whole = sizeof(struct virtio_media_resp_header) +
                   (_IOC_DIR(ioc->request) & _IOC_READ ?
                    _IOC_SIZE(ioc->request) : 0);
    size_t out_size = out->len - take(1) % out->len;
    size_t in_size = whole + room - take(1) % (whole + room);
    size_t len = send_any(out->data, out_size, in_size);

    g_assert(len == 0 || len == whole || len == whole + room);
}

/* Input: index of a frame of the pipeline, or any token */
static void do_frame_done(void)
{
    unsigned i = take(1);
    uint32_t token = i < num_active ? active[i].token : take(4) ^ last_token;

    num_events = 0;
    media_frame_done(media, token);
    i = find_active(token);
    g_assert(num_events == (i < num_active));
    if (num_events) {
        g_clear_pointer(&active[i].data, g_free);
        done[num_done++] = active[i];
        memmove(&active[i], &active[i + 1],
                (--num_active - i) * sizeof(active[0]));
    }
}

/* Input: stride and direction of a frame.  Put it only if one is wanted */
static void do_put_frame(void)
{
    size_t row = stream_pix.width * 4;
    ptrdiff_t stride = row + take(1);
    size_t size = stride * (stream_pix.height - 1) + row;
    g_autofree uint8_t *data = NULL;
    bool bottom_up = take(1) & 1;

    if (!is_capture || !media_wants_frame(media) || size > MAX_FRAME) {
        return;
    }
    data = g_malloc(size);
    memset(data, RAM_BYTE, size);
    num_frames++;
    num_events = 0;
    puts_frame = has_written = true;
    media_put_frame(media, bottom_up ? data + size - row : data,
                    bottom_up ? -stride : stride);
    puts_frame = false;
    g_assert(num_events == 1);
}

static void do_end_stream(void)
{
    bool wanted = is_capture && media_wants_frame(media);

    if (is_capture) {
        num_events = 0;
        end_due = streamer;
        media_stream_ended(media);
        g_assert(num_events == wanted);
    }
}

/* A buffer whose memory is gone has V4L2_BUF_FLAG_ERROR */
static void check_captured(const struct v4l2_buffer *buf)
{
    bool is_frame = !(done[0].flags & V4L2_BUF_FLAG_LAST);

    g_assert((buf->flags & ~V4L2_BUF_FLAG_ERROR) ==
             (V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | done[0].flags));
    g_assert(is_frame || !(buf->flags & V4L2_BUF_FLAG_ERROR));
    is_frame = is_frame && !(buf->flags & V4L2_BUF_FLAG_ERROR);
    g_assert(buf->bytesused == (is_frame ? stream_pix.sizeimage : 0));
}

static void check_dequeued(const MediaDequeued *event)
{
    g_assert(num_done);
    g_assert(event->hdr.session_id == done[0].session);
    if (is_capture) {
        check_captured(&event->buffer);
    } else {
        g_assert(event->buffer.index == (done[0].token & 0xff));
        g_assert(event->buffer.flags == (V4L2_BUF_FLAG_TIMESTAMP_COPY |
                                         done[0].flags));
    }
    memmove(&done[0], &done[1], --num_done * sizeof(done[0]));
}

static void check_error(const struct virtio_media_event_error *event)
{
    Session *session = find_session(event->hdr.session_id);

    g_assert(session && session->error_due && event->error == EIO);
    session->error_due = false;
}

static bool is_error_due(void)
{
    for (unsigned i = 0; i < num_sessions; i++) {
        if (sessions[i].error_due) {
            return true;
        }
    }
    return false;
}

/* Input: by how many bytes the driver's buffer is too short */
static void do_event(void)
{
    MediaDequeued event = {};
    size_t room = sizeof(event) - take(2) % (sizeof(event) + 1);
    size_t need = is_error_due() ? sizeof(struct virtio_media_event_error)
                                 : sizeof(event);
    g_autofree void *in = g_malloc(room);
    struct iovec iov = { in, room };

    g_assert(media_has_event(media) == (num_done || is_error_due()));
    if (!media_has_event(media)) {
        return;
    }
    if (room < need) {
        g_assert(media_fill_event(media, &iov, 1) == 0);
        return;
    }
    g_assert(media_fill_event(media, &iov, 1) == need);
    memcpy(&event, in, need);
    if (event.hdr.event == VIRTIO_MEDIA_EVT_ERROR) {
        check_error((void *)&event);
    } else {
        check_dequeued(&event);
    }
}

/* A failure of the pipeline affects only the session that streams */
static void do_fail(void)
{
    Session *session = streamer ? find_session(streamer) : NULL;

    num_events = 0;
    fails = true;
    media_stream_failed(media);
    fails = false;
    g_assert(!streamer && num_events == (session != NULL));
    if (session) {
        session->failed = session->error_due = true;
    }
}

static void do_reset(void)
{
    media_reset(media);
    g_assert(!streamer && !media_has_event(media));
    num_sessions = 0;
}

/* Input: an object, and its new layout; width 0 means an unknown layout */
static void do_layout(void)
{
    MediaLayout *layout = &layouts[take(1) % OBJECTS];

    layout->width = take(2);
    layout->height = take_choice((uint32_t[]) { 4 }, 1);
    layout->fourcc = take_pixelformat();
    layout->stride = take_choice((uint32_t[]) { layout->width * 4 }, 1);
    layout->offset = take_choice((uint32_t[]) { 0 }, 1);
    layout->linear = !(take(1) & 1);
    layout->bottom_up = take(1) & 1;
}

static void do_reject(void)
{
    reject = take(1) & 1;
}

static void do_resize_ram(void)
{
    is_ram_small = take(1) & 1;
}

static void check_config(void)
{
    struct virtio_media_config config;

    media_config(&config, is_capture, "fuzz");
    g_assert(config.device_caps & (is_capture ? V4L2_CAP_VIDEO_CAPTURE
                                              : V4L2_CAP_VIDEO_OUTPUT));
}

static void begin(void)
{
    memset(layouts, 0, sizeof(layouts));
    num_sessions = num_active = num_done = 0;
    streamer = last_token = caller = 0;
    reject = is_ram_small = has_written = end_due = false;
    memset(&stream_pix, 0, sizeof(stream_pix));
    is_capture = take(1) & 1;
    check_config();
    first_fd = qemu_dup(objects[0]);
    close(first_fd);
    media = media_new(is_capture ? &capture_ops : &output_ops, NULL);
}

/* Check every 256th time only, because /proc/self/maps is long */
static void check_mappings(void)
{
    static unsigned num;
    g_autofree char *maps = NULL;

    if (num++ % 256 == 0) {
        g_assert(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
        g_assert(!strstr(maps, "memfd:object"));
    }
}

/* All memory is released: the next file descriptor has the same number */
static void end(void)
{
    int fd;

    media_free(media);
    g_assert(!streamer);
    fd = qemu_dup(objects[0]);
    g_assert(fd == first_fd);
    close(fd);
    if (is_capture) {
        check_mappings();
    }
    if (has_written) {
        fallocate(objects[OBJECT_HUGE], FALLOC_FL_PUNCH_HOLE |
                  FALLOC_FL_KEEP_SIZE, 0, HUGE_SIZE);
    }
}

static void fuzz(QTestState *s, const unsigned char *data, size_t size)
{
    static void (*const operations[])(void) = {
        do_ioctl, do_open, do_close, do_bytes, do_frame_done, do_event,
        do_fail, do_reset, do_layout, do_reject, do_put_frame, do_end_stream,
        do_resize_ram,
    };

    input = (Input) { .data = data, .size = size };
    begin();
    for (int i = 0; i < MAX_OPS && input.size; i++) {
        operations[take(1) % ARRAY_SIZE(operations)]();
    }
    end();
}

static int new_memory(uint64_t size, unsigned seals)
{
    return qemu_memfd_create("object", size, false, 0, seals, &error_abort);
}

static void make_objects(void)
{
    g_autofree char *path = NULL;
    unsigned sealed = F_SEAL_SHRINK | F_SEAL_GROW;
    int pipes[2];

    objects[OBJECT_SMALL] = new_memory(4096, sealed);
    objects[OBJECT_MEDIUM] = new_memory(64 * KiB, sealed);
    objects[OBJECT_HUGE] = new_memory(HUGE_SIZE, sealed);
    objects[OBJECT_EMPTY] = new_memory(0, sealed);
    objects[OBJECT_UNSEALED] = new_memory(4096, F_SEAL_GROW);
    path = g_strdup_printf("/proc/self/fd/%d", objects[OBJECT_SMALL]);
    objects[OBJECT_READ_ONLY] = qemu_open_old(path, O_RDONLY);
    objects[OBJECT_WRITE_ONLY] = qemu_open_old(path, O_WRONLY);
    g_assert(objects[OBJECT_READ_ONLY] >= 0);
    g_assert(objects[OBJECT_WRITE_ONLY] >= 0 && pipe(pipes) == 0);
    close(pipes[1]);
    objects[OBJECT_PIPE] = pipes[0];
}

static void print_counts(void)
{
    printf("%" PRIu64 " commands\n", num_commands);
    printf("%" PRIu64 " frames\n", num_frames);
}

static void pre_fuzz(QTestState *s)
{
    make_objects();
    for (int i = 0; i < ARRAY_SIZE(ram); i++) {
        ram[i] = g_malloc(MEMORY_SIZE);
        memset(ram[i], RAM_BYTE, MEMORY_SIZE);
    }
    atexit(print_counts);
}

static GString *get_cmdline(FuzzTarget *t)
{
    return g_string_new("vhost-user-media -display none -nodefaults"
                        " -machine none -accel qtest");
}

static void register_target(void)
{
    fuzz_add_target(&(FuzzTarget) {
        .name = "vhost-user-media",
        .description = "Fuzz the commands of contrib/vhost-user-media",
        .get_init_cmdline = get_cmdline,
        .pre_fuzz = pre_fuzz,
        .fuzz = fuzz,
    });
}

fuzz_target_init(register_target);
