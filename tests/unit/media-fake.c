/*
 * What tests of contrib/vhost-user-media share: a device without QEMU and
 * without GStreamer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/dma-buf.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include "media-fake.h"

uint8_t ram[2][RAM_SIZE];

const WrongPages wrong_pages[] = {
    { { { RAM_LOW, FRAME - 1 }, { RAM_END, 1 } }, EFAULT },
    { { { RAM_LOW - 1, FRAME } }, EFAULT },
    { { { RAM_END - FRAME + 1, FRAME } }, EFAULT },
    { { { UINT64_MAX, FRAME } }, EFAULT },
    { { { RAM_LOW, 0 }, { RAM_LOW, FRAME } }, EINVAL },
    { { { RAM_LOW, 1 }, { RAM_LOW, FRAME - 2 } }, EINVAL },
};

FakeDmabuf dmabuf;

static void *fake_translate(void *opaque, uint64_t addr, uint64_t *len)
{
    Fake *fake = opaque;

    for (int i = 0; i < ARRAY_SIZE(ram) && !fake->no_ram; i++) {
        uint64_t start = RAM_LOW + i * RAM_SIZE;

        if (addr >= start && addr < start + RAM_SIZE) {
            *len = MIN(*len, start + RAM_SIZE - addr);
            return ram[i] + (addr - start);
        }
    }
    return NULL;
}

static int new_memfd(size_t size, unsigned seals, uint8_t content)
{
    int fd = memfd_create("object", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    g_assert_cmpint(pwrite(fd, &content, 1, 0), ==, 1);
    g_assert_cmpint(fcntl(fd, F_ADD_SEALS, seals), ==, 0);
    return fd;
}

/* O_ACCMODE allows ioctls only */
static int new_with_mode(int mode, uint8_t content)
{
    int fd = new_memfd(OBJECT_SIZE, F_SEAL_SHRINK, content);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int opened = open(path, mode | O_CLOEXEC);

    g_assert_cmpint(opened, >=, 0);
    close(fd);
    return opened;
}

/* A sealed memfd whose pages can be freed nevertheless */
static int new_huge_pages(void)
{
    int fd = memfd_create("object", MFD_CLOEXEC | MFD_ALLOW_SEALING |
                                    MFD_HUGETLB);

    if (fd >= 0) {      /* the host's kernel has huge pages */
        g_assert_cmpint(ftruncate(fd, HUGE_SIZE), ==, 0);
        g_assert_cmpint(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), ==, 0);
    }
    return fd;
}

/* All ioctls succeed, as they can on a file system in user space */
int ioctl(int fd, unsigned long request, ...)
{
    const struct dma_buf_sync *sync;
    va_list args;

    if (request != DMA_BUF_IOCTL_SYNC) {
        return 0;
    }
    va_start(args, request);
    sync = va_arg(args, const struct dma_buf_sync *);
    va_end(args);
    dmabuf.flags[dmabuf.syncs++ % ARRAY_SIZE(dmabuf.flags)] = sync->flags;
    errno = dmabuf.error;
    return dmabuf.error ? -1 : 0;
}

int fstatfs(int fd, struct statfs *fs)
{
    int ret = syscall(SYS_fstatfs, fd, fs);
    struct stat st;

    if (!ret && !fstat(fd, &st) && st.st_ino == dmabuf.inode) {
        fs->f_type = DMA_BUF_MAGIC;
    }
    return ret;
}

/* Return: a file that has no seals */
static int new_dmabuf(void)
{
    char name[] = "media-fake-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    struct stat st;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(unlink(name), ==, 0);
    g_assert_cmpint(ftruncate(fd, OBJECT_SIZE), ==, 0);
    g_assert_cmpint(fstat(fd, &st), ==, 0);
    dmabuf = (FakeDmabuf) { .inode = st.st_ino };
    return fd;
}

/* A file that can be shortened */
static int new_liar(void)
{
    FILE *file = tmpfile();
    int fd = dup(fileno(file));

    fclose(file);
    g_assert_cmpint(ftruncate(fd, OBJECT_SIZE), ==, 0);
    return fd;
}

static int new_object(const uint8_t *uuid)
{
    unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW;
    int pipes[2];

    switch (uuid[0]) {
    case GOOD:
    case OTHER:
        return new_memfd(OBJECT_SIZE, seals, uuid[0]);
    case SMALL:
        return new_memfd(FRAME - 1, seals, uuid[0]);
    case HUGE_ONE:
        return new_memfd(HUGE_SIZE, seals, uuid[0]);
    case UNSEALED:
        return new_memfd(OBJECT_SIZE, F_SEAL_GROW, uuid[0]);
    case PIPE:
        g_assert_cmpint(pipe(pipes), ==, 0);
        close(pipes[1]);
        return pipes[0];
    case READ_ONLY:
        return new_with_mode(O_RDONLY, uuid[0]);
    case WRITE_SEALED:
        return new_memfd(OBJECT_SIZE, seals | F_SEAL_WRITE, uuid[0]);
    case HUGE_PAGES:
        return new_huge_pages();
    case LIAR:
        return new_liar();
    case UNREADABLE:
        return new_with_mode(O_ACCMODE, uuid[0]);
    case DMABUF:
        return new_dmabuf();
    default:
        return -1;
    }
}

static int fake_lookup(void *opaque, uint8_t *uuid, MediaLayout *layout)
{
    Fake *fake = opaque;
    int fd = new_object(uuid);

    fake->lookups++;
    g_assert_cmpuint(layout->width, ==, 0);
    *layout = fake->layouts[uuid[0]];
    if (fake->keep) {
        g_assert_cmpint(fake->kept, ==, -1);
        fake->kept = dup(fd);
    }
    return fd;
}

static void fake_start(void *opaque, const struct v4l2_pix_format *pix,
                       const struct v4l2_fract *interval)
{
    Fake *fake = opaque;

    fake->starts++;
}

static bool fake_push(void *opaque, MediaFrame *frame)
{
    Fake *fake = opaque;
    unsigned i = fake->pushed++ % ARRAY_SIZE(fake->tokens);

    fake->tokens[i] = frame->token;
    fake->last = *frame;
    if (frame->data) {
        fake->first_byte[i] = *(uint8_t *)frame->data;
        g_free(frame->data);
    } else {
        g_assert_cmpint(pread(frame->object->fd, &fake->first_byte[i], 1, 0),
                        ==, 1);
    }
    return !fake->reject;
}

static void fake_stop(void *opaque)
{
    Fake *fake = opaque;

    fake->stops++;
}

static void fake_frame_wanted(void *opaque)
{
    Fake *fake = opaque;

    g_assert_true(media_wants_frame(fake->media));
    fake->wanted++;
}

static void fake_event_ready(void *opaque)
{
    Fake *fake = opaque;

    fake->events++;
}

static const MediaOps output_ops = {
    .translate = fake_translate,
    .lookup = fake_lookup,
    .start = fake_start,
    .push = fake_push,
    .stop = fake_stop,
    .event_ready = fake_event_ready,
};

static const MediaOps capture_ops = {
    .capture = true,
    .translate = fake_translate,
    .lookup = fake_lookup,
    .start = fake_start,
    .frame_wanted = fake_frame_wanted,
    .stop = fake_stop,
    .event_ready = fake_event_ready,
};

size_t command(Fake *fake, const void *out, size_t out_size, void *in,
               size_t in_size)
{
    /* exact allocations, so that sanitizers see an access beyond them */
    g_autofree void *readable = g_memdup2(out, out_size);
    g_autofree uint8_t *writable = g_malloc(in_size);
    struct iovec out_iov = { readable, out_size };
    struct iovec in_iov = { writable, in_size };
    size_t len;

    for (size_t i = 0; i < in_size; i++) {
        writable[i] = 0xa5;
    }
    len = media_command(fake->media, &out_iov, 1, &in_iov, 1);
    g_assert_cmpuint(len, <=, in_size);
    for (size_t i = len; i < in_size; i++) {
        g_assert_cmphex(writable[i], ==, 0xa5);
    }
    if (len) {
        memcpy(in, writable, len);
    }
    return len;
}

uint32_t open_session(Fake *fake, int expect)
{
    struct virtio_media_cmd_header cmd = { .cmd = VIRTIO_MEDIA_CMD_OPEN };
    struct virtio_media_resp_open resp = {};
    size_t len = command(fake, &cmd, sizeof(cmd), &resp, sizeof(resp));

    g_assert_cmpint(resp.hdr.status, ==, expect);
    g_assert_cmpuint(len, ==, expect ? sizeof(resp.hdr) : sizeof(resp));
    return resp.session_id;
}

void close_session(Fake *fake, uint32_t session)
{
    struct virtio_media_cmd_close cmd = {
        .hdr.cmd = VIRTIO_MEDIA_CMD_CLOSE, .session_id = session,
    };

    g_assert_cmpuint(command(fake, &cmd, sizeof(cmd), NULL, 0), ==, 0);
}

Call call_new(Fake *fake, unsigned long request, const void *arg)
{
    Call call = {
        .cmd = {
            .hdr.cmd = VIRTIO_MEDIA_CMD_IOCTL,
            .session_id = fake->session,
            .code = _IOC_NR(request),
        },
    };

    if (_IOC_DIR(request) & _IOC_WRITE) {
        call.out_size = _IOC_SIZE(request);
        memcpy(call.out, arg, call.out_size);
    }
    if (_IOC_DIR(request) & _IOC_READ) {
        call.in_size = _IOC_SIZE(request);
    }
    return call;
}

void call_add(Call *call, const void *data, size_t size)
{
    g_assert_cmpuint(call->out_size + size, <=, sizeof(call->out));
    memcpy(call->out + call->out_size, data, size);
    call->out_size += size;
}

int call_sized(Fake *fake, Call *call, size_t out_size, size_t in_size)
{
    uint8_t out[sizeof(call->cmd) + sizeof(call->out)];
    uint8_t in[RESPONSE + sizeof(call->in)] = {};
    struct virtio_media_resp_header hdr;
    size_t len;

    memcpy(out, &call->cmd, sizeof(call->cmd));
    memcpy(out + sizeof(call->cmd), call->out, call->out_size);
    len = command(fake, out, out_size, in, in_size);
    if (in_size < sizeof(hdr)) {
        g_assert_cmpuint(len, ==, 0);
        return -1;
    }
    memcpy(&hdr, in, sizeof(hdr));
    g_assert_cmphex(hdr.reserved, ==, 0);
    g_assert_cmpuint(len, ==, hdr.status ? sizeof(hdr) : in_size);
    memcpy(call->in, in + sizeof(hdr), len - sizeof(hdr));
    return hdr.status;
}

int call_run(Fake *fake, Call *call)
{
    return call_sized(fake, call, sizeof(call->cmd) + call->out_size,
                      RESPONSE + call->in_size);
}

int run(Fake *fake, unsigned long request, void *arg)
{
    Call call = call_new(fake, request, arg);
    int status = call_run(fake, &call);

    if (!status && call.in_size) {
        memcpy(arg, call.in, call.in_size);
    }
    return status;
}

int run_number(Fake *fake, unsigned long request, int number)
{
    return run(fake, request, &number);
}

Call buffer_call(Fake *fake, unsigned long request, unsigned index,
                 uint32_t memory)
{
    struct v4l2_buffer buf = {
        .index = index, .type = fake->type, .memory = memory,
        .length = memory == PAGES ? FRAME : 0, .m.userptr = 0x12345678,
    };

    return call_new(fake, request, &buf);
}

Call pages_call(Fake *fake, unsigned long request, unsigned index)
{
    Call call = buffer_call(fake, request, index, PAGES);
    struct virtio_media_sg_entry entry = { .start = RAM_LOW, .len = FRAME };

    call_add(&call, &entry, sizeof(entry));
    return call;
}

Call object_call(Fake *fake, unsigned long request, unsigned index,
                 uint8_t object)
{
    Call call = buffer_call(fake, request, index, OBJECT);
    uint8_t uuid[16] = { object };

    call_add(&call, uuid, sizeof(uuid));
    call.in_size += sizeof(uuid);
    return call;
}

int queue_pages(Fake *fake, unsigned index)
{
    Call call = pages_call(fake, VIDIOC_QBUF, index);

    return call_run(fake, &call);
}

int queue_object(Fake *fake, unsigned index, uint8_t object)
{
    Call call = object_call(fake, VIDIOC_QBUF, index, object);
    int status = call_run(fake, &call);
    uint8_t uuid[16] = { object };

    if (!status) {
        g_assert_cmpmem(call.in + sizeof(struct v4l2_buffer), 16, uuid, 16);
    }
    return status;
}

int request_buffers(Fake *fake, unsigned count, uint32_t memory)
{
    struct v4l2_requestbuffers req = {
        .count = count, .type = fake->type, .memory = memory,
    };

    return run(fake, VIDIOC_REQBUFS, &req);
}

int set_pix(Fake *fake, struct v4l2_pix_format pix)
{
    struct v4l2_format format = { .type = fake->type, .fmt.pix = pix };

    return run(fake, VIDIOC_S_FMT, &format);
}

int set_format(Fake *fake, uint32_t width, uint32_t height)
{
    return set_pix(fake, (struct v4l2_pix_format) {
        .width = width, .height = height, .pixelformat = V4L2_PIX_FMT_XBGR32,
    });
}

static Fake *create(const MediaOps *ops, unsigned count, uint32_t memory)
{
    Fake *fake = g_new0(Fake, 1);

    fake->type = ops->capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE
                              : V4L2_BUF_TYPE_VIDEO_OUTPUT;
    fake->kept = -1;
    fake->media = media_new(ops, fake);
    fake->session = open_session(fake, 0);
    g_assert_cmpint(set_format(fake, WIDTH, HEIGHT), ==, 0);
    if (count) {
        g_assert_cmpint(request_buffers(fake, count, memory), ==, 0);
    }
    return fake;
}

Fake *fake_new(unsigned count, uint32_t memory)
{
    return create(&output_ops, count, memory);
}

Fake *fake_capture_new(unsigned count, uint32_t memory)
{
    return create(&capture_ops, count, memory);
}

void fake_free(Fake *fake)
{
    media_free(fake->media);
    if (fake->kept >= 0) {
        close(fake->kept);
    }
    g_free(fake);
}

Fake *start_streaming(Fake *fake)
{
    g_assert_cmpint(run_number(fake, VIDIOC_STREAMON, fake->type), ==, 0);
    return fake;
}

size_t next_event(Fake *fake, void *event, size_t size)
{
    g_autofree void *writable = g_malloc(size);
    struct iovec iov = { writable, size };
    size_t len;

    g_assert_true(media_has_event(fake->media));
    len = media_fill_event(fake->media, &iov, 1);
    if (len) {
        memcpy(event, writable, len);
    }
    return len;
}

void release_by_close(Fake *fake)
{
    close_session(fake, fake->session);
}

void release_by_reset(Fake *fake)
{
    media_reset(fake->media);
}

struct v4l2_buffer next_dequeued(Fake *fake)
{
    MediaDequeued event;

    g_assert_cmpuint(next_event(fake, &event, sizeof(event)), ==,
                     sizeof(event));
    g_assert_cmpint(event.hdr.event, ==, VIRTIO_MEDIA_EVT_DQBUF);
    g_assert_cmpint(event.hdr.session_id, ==, fake->session);
    return event.buffer;
}
