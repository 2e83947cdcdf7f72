/*
 * A virtio-media device: buffers and their memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "media-internal.h"

/* Enough for the largest frame, in pages that are not contiguous */
#define MOST_PAGES  (MEDIA_LARGEST_SIDE * (MEDIA_LARGEST_SIDE / KiB) + 2)

#define CAPABILITIES (V4L2_BUF_CAP_SUPPORTS_USERPTR | \
                      V4L2_BUF_CAP_SUPPORTS_DMABUF)

QEMU_BUILD_BUG_ON(sizeof(struct v4l2_buffer) != 88);
QEMU_BUILD_BUG_ON(sizeof(MediaDequeued) != 608);

static bool is_memory(uint32_t memory)
{
    return memory == V4L2_MEMORY_USERPTR || memory == V4L2_MEMORY_DMABUF;
}

static bool is_others(const MediaCall *call)
{
    return call->media->owner && call->media->owner != call->session;
}

/* The index goes into the lowest byte */
static uint32_t token_of(const Media *media, unsigned index)
{
    return media->generation << 8 | index;
}

static void release_pages(MediaBuffer *buf)
{
    g_clear_pointer(&buf->data, g_free);
    g_clear_pointer(&buf->pages, g_array_unref);
}

static void release_memory(MediaBuffer *buf)
{
    media_object_close(&buf->object);
    release_pages(buf);
}

/* As in STREAMOFF, return all buffers to the driver without an event */
static void stop(Media *media)
{
    if (media->streaming) {
        media->streaming = false;
        media->ended = false;
        media->generation++;
        media->ops->stop(media->opaque);
    }
    for (unsigned i = 0; i < media->count; i++) {
        release_memory(&media->buffers[i]);
        media->buffers[i].state = MEDIA_DEQUEUED;
    }
    g_queue_clear(&media->queued);
    g_queue_clear(&media->done);
}

void media_release_buffers(Media *media)
{
    stop(media);
    media->count = 0;
    media->owner = NULL;
}

static void add_buffers(MediaCall *call, unsigned count, uint32_t memory)
{
    Media *media = call->media;

    for (unsigned i = media->count; i < media->count + count; i++) {
        media->buffers[i] = (MediaBuffer) {
            .v4l2.memory = memory,
            .object.fd = -1,
        };
    }
    media->count += count;
    media->memory = memory;
    if (media->count) {
        media->owner = call->session;
    }
}

/* How many more buffers fit; an output copies each buffer of SHARED_PAGES */
static unsigned room_for(const Media *media, uint32_t memory)
{
    unsigned most = VIDEO_MAX_FRAME;

    if (memory == V4L2_MEMORY_USERPTR && !media->ops->capture) {
        most = MIN(most, MEDIA_MOST_COPIED / media->pix.sizeimage);
    }
    return most - MIN(most, media->count);
}

int media_reqbufs(MediaCall *call)
{
    struct v4l2_requestbuffers *req = &call->arg.request;
    uint32_t type = req->type, memory = req->memory, count = req->count;
    Media *media = call->media;

    if (type != media->type || !is_memory(memory)) {
        return -EINVAL;
    }
    if (is_others(call) || media->streaming) {
        return -EBUSY;
    }
    media_release_buffers(media);
    count = MIN(count, room_for(media, memory));
    add_buffers(call, count, memory);
    *req = (struct v4l2_requestbuffers) {
        .count = count, .type = type, .memory = memory,
        .capabilities = CAPABILITIES,
    };
    return 0;
}

int media_create_bufs(MediaCall *call)
{
    struct v4l2_create_buffers *create = &call->arg.create;
    Media *media = call->media;
    unsigned room = room_for(media, create->memory);

    if (create->format.type != media->type || !is_memory(create->memory) ||
        (media->count && media->memory != create->memory) ||
        create->format.fmt.pix.sizeimage < media->pix.sizeimage) {
        return -EINVAL;
    }
    if (is_others(call)) {
        return -EBUSY;
    }
    if (create->count && !room) {
        return -ENOBUFS;
    }
    create->index = media->count;
    create->count = MIN(create->count, room);
    create->capabilities = CAPABILITIES;
    create->flags = 0;
    add_buffers(call, create->count, create->memory);
    return 0;
}

static uint32_t state_flags(MediaBufferState state)
{
    switch (state) {
    case MEDIA_PREPARED:
        return V4L2_BUF_FLAG_PREPARED;
    case MEDIA_QUEUED:
    case MEDIA_ACTIVE:
        return V4L2_BUF_FLAG_QUEUED;
    case MEDIA_DONE:
        return V4L2_BUF_FLAG_DONE;
    default:
        return 0;
    }
}

void media_describe_buffer(const Media *media, unsigned index,
                           struct v4l2_buffer *v4l2)
{
    const MediaBuffer *buf = &media->buffers[index];

    *v4l2 = buf->v4l2;
    v4l2->index = index;
    v4l2->type = media->type;
    v4l2->flags = state_flags(buf->state) | buf->v4l2.flags |
                  (media->ops->capture ? V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC
                                       : V4L2_BUF_FLAG_TIMESTAMP_COPY);
    if (!v4l2->length) {
        v4l2->length = media->pix.sizeimage;
    }
}

static MediaBuffer *find_buffer(MediaCall *call)
{
    const struct v4l2_buffer *v4l2 = &call->arg.buffer;

    return v4l2->type == call->media->type &&
           v4l2->index < call->media->count ?
           &call->media->buffers[v4l2->index] : NULL;
}

/* The UUID follows the buffer in the response, too */
static void describe_to_caller(MediaCall *call, const MediaBuffer *buf)
{
    media_describe_buffer(call->media, buf - call->media->buffers,
                          &call->arg.buffer);
    if (buf->v4l2.memory == V4L2_MEMORY_DMABUF &&
        call->room >= sizeof(buf->uuid)) {
        memcpy(call->extra, buf->uuid, sizeof(buf->uuid));
        call->extra_len = sizeof(buf->uuid);
    }
}

int media_querybuf(MediaCall *call)
{
    const MediaBuffer *buf = find_buffer(call);

    if (!buf) {
        return -EINVAL;
    }
    describe_to_caller(call, buf);
    return 0;
}

/* Only check that there is memory if @to is NULL */
static int copy_range(Media *media, uint8_t *to, uint64_t addr, uint64_t len)
{
    while (len) {
        uint64_t part = len;
        const void *from = media->ops->translate(media->opaque, addr, &part);

        if (!from || part == 0 || part > len) {
            return -EFAULT;
        }
        if (to) {
            memcpy(to, from, part);
            to += part;
        }
        addr += part;
        len -= part;
    }
    return 0;
}

/* Copy the pages, or keep the list of them */
static int take_list(MediaCall *call, MediaBuffer *buf, uint64_t len)
{
    struct virtio_media_sg_entry entry;
    uint8_t *to = buf->data;
    int error = 0;

    for (int i = 0; len && !error; i++) {
        if (i == MOST_PAGES ||
            iov_to_buf(call->out, call->out_num, call->out_pos, &entry,
                       sizeof(entry)) < sizeof(entry) || entry.len == 0) {
            return -EINVAL;
        }
        call->out_pos += sizeof(entry);
        entry.len = MIN(entry.len, len);
        error = copy_range(call->media, to, entry.start, entry.len);
        if (to) {
            to += entry.len;
        } else {
            g_array_append_val(buf->pages, entry);
        }
        len -= entry.len;
    }
    return error;
}

/*
 * The pages of an output are copied: QEMU may take guest memory away at any
 * time, and a pipeline that still read it would crash.  The addresses of a
 * capture's pages are translated again for each frame.
 */
static int get_pages(MediaCall *call, MediaBuffer *buf)
{
    const struct v4l2_pix_format *pix = &call->media->pix;
    int error;

    if (call->arg.buffer.length < pix->sizeimage) {
        return -EINVAL;
    }
    if (call->media->ops->capture) {
        buf->pages = g_array_new(false, false,
                                 sizeof(struct virtio_media_sg_entry));
    } else {
        buf->data = g_try_malloc(pix->sizeimage);
        if (!buf->data) {
            return -ENOMEM;
        }
    }
    error = take_list(call, buf, pix->sizeimage);
    if (error) {
        release_pages(buf);
    }
    return error;
}

/*
 * Return: offset of the frame's first row.  The frame is at the top left of the
 * image; the top of a bottom-up image is at the end of its memory.
 */
static uint64_t first_row(const MediaLayout *layout, uint32_t height)
{
    uint64_t below = layout->bottom_up ? layout->height - height : 0;

    return layout->offset + below * layout->stride;
}

/* Elements of GStreamer compute positions in a frame with an int */
static bool layout_fits(const MediaObject *object,
                        const struct v4l2_pix_format *pix)
{
    const MediaLayout *layout = &object->layout;
    uint64_t row = (uint64_t)pix->width * MEDIA_PIXEL_SIZE;

    return layout->linear &&
           media_object_format(layout->fourcc, pix->pixelformat) &&
           pix->width <= layout->width && pix->height <= layout->height &&
           row <= layout->stride && layout->stride <= INT_MAX / pix->height &&
           first_row(layout, pix->height) + row +
           (uint64_t)layout->stride * (pix->height - 1) <= object->size;
}

/*
 * The only place that decides whether frames fit into an object.  The length is
 * the guest's view of the memory, which has the stride of the guest.
 */
static bool object_fits(const MediaObject *object,
                        const struct v4l2_pix_format *pix, uint32_t length)
{
    if (length != 0 && length < pix->sizeimage) {
        return false;
    }
    return object->layout.width ? layout_fits(object, pix) :
           object->size >= pix->sizeimage && object->size >= length;
}

static bool look_up(Media *media, MediaBuffer *buf, const uint8_t *uuid)
{
    MediaLayout layout = {};
    int fd;

    if (buf->object.fd >= 0 && !memcmp(buf->uuid, uuid, sizeof(buf->uuid))) {
        return true;
    }
    media_object_close(&buf->object);
    memcpy(buf->uuid, uuid, sizeof(buf->uuid));
    fd = media->ops->lookup(media->opaque, buf->uuid, &layout);
    return fd >= 0 && media_object_open(&buf->object, fd, &layout);
}

static int get_object(MediaCall *call, MediaBuffer *buf)
{
    uint8_t uuid[VIRTIO_MEDIA_UUID_LEN];

    if (call->room < sizeof(uuid) ||
        iov_to_buf(call->out, call->out_num, call->out_pos, uuid,
                   sizeof(uuid)) < sizeof(uuid) ||
        !look_up(call->media, buf, uuid)) {
        return -EINVAL;
    }
    if (!object_fits(&buf->object, &call->media->pix,
                     call->arg.buffer.length)) {
        return -EINVAL;
    }
    return !call->media->ops->capture || media_object_map(&buf->object) ?
           0 : -EINVAL;
}

/* Tell whether the buffer of an output contains a whole frame */
static bool is_filled(const MediaCall *call)
{
    const struct v4l2_buffer *v4l2 = &call->arg.buffer;

    return !v4l2->bytesused ||
           (v4l2->bytesused >= call->media->pix.sizeimage &&
            (!v4l2->length || v4l2->bytesused <= v4l2->length));
}

/* Get the memory that PREPARE_BUF or QBUF names */
static int prepare(MediaCall *call, MediaBuffer *buf)
{
    struct v4l2_buffer *v4l2 = &call->arg.buffer;
    bool capture = call->media->ops->capture;
    int error;

    if (!capture && !is_filled(call)) {
        return -EINVAL;
    }
    error = v4l2->memory == V4L2_MEMORY_DMABUF ? get_object(call, buf)
                                               : get_pages(call, buf);
    if (!error) {
        buf->v4l2 = *v4l2;
        buf->v4l2.flags = 0;
        buf->v4l2.field = V4L2_FIELD_NONE;
        buf->v4l2.bytesused = capture ? 0 : v4l2->bytesused ?:
                                            call->media->pix.sizeimage;
        buf->state = MEDIA_PREPARED;
    }
    return error;
}

static int check_buffer(MediaCall *call, MediaBuffer **buf)
{
    if (is_others(call)) {
        return -EBUSY;
    }
    *buf = find_buffer(call);
    return *buf && call->arg.buffer.memory == call->media->memory ? 0
                                                                  : -EINVAL;
}

int media_prepare_buf(MediaCall *call)
{
    MediaBuffer *buf;
    int error = check_buffer(call, &buf);

    if (!error) {
        error = buf->state == MEDIA_DEQUEUED ? prepare(call, buf) : -EINVAL;
    }
    if (!error) {
        describe_to_caller(call, buf);
    }
    return error;
}

void media_finish_buffer(Media *media, unsigned index, uint32_t flags)
{
    MediaBuffer *buf = &media->buffers[index];

    release_pages(buf);
    buf->state = MEDIA_DONE;
    buf->v4l2.flags = flags;
    g_queue_push_tail(&media->done, GUINT_TO_POINTER(index));
    media->ops->event_ready(media->opaque);
}

/* The padding of the last row may be missing in the memory */
static void place(MediaFrame *frame)
{
    const MediaLayout *layout = &frame->object->layout;

    if (layout->width) {
        frame->pixelformat = media_object_format(layout->fourcc,
                                                 frame->pix->pixelformat);
        frame->stride = layout->stride;
        frame->offset = first_row(layout, frame->pix->height);
        frame->size = MIN((uint64_t)layout->stride * frame->pix->height,
                          frame->object->size - frame->offset);
        frame->bottom_up = layout->bottom_up;
    }
}

MediaFrame media_frame_of(const Media *media, unsigned index)
{
    MediaFrame frame = {
        .object = &media->buffers[index].object,
        .pix = &media->pix,
        .pixelformat = media->pix.pixelformat,
        .size = media->pix.sizeimage,
        .stride = media->pix.bytesperline,
    };

    place(&frame);
    return frame;
}

/* Give a frame to the pipeline */
static void push(Media *media, unsigned index)
{
    MediaBuffer *buf = &media->buffers[index];
    MediaFrame frame = media_frame_of(media, index);

    frame.token = token_of(media, index);
    frame.data = g_steal_pointer(&buf->data);
    buf->v4l2.sequence = media->sequence++;
    buf->state = MEDIA_ACTIVE;
    if (!media->ops->push(media->opaque, &frame)) {
        media_finish_buffer(media, index, V4L2_BUF_FLAG_ERROR);
    }
}

void media_frame_done(Media *media, uint32_t token)
{
    unsigned index = token & 0xff;

    if (index < media->count && token == token_of(media, index) &&
        media->buffers[index].state == MEDIA_ACTIVE) {
        media_finish_buffer(media, index, 0);
    }
}

/* Give the buffers of a stream to the pipeline */
static void use_queued(Media *media)
{
    if (media->ops->capture) {
        media_fill_buffers(media);
        return;
    }
    while (!g_queue_is_empty(&media->queued)) {
        push(media, GPOINTER_TO_UINT(g_queue_pop_head(&media->queued)));
    }
}

int media_qbuf(MediaCall *call)
{
    Media *media = call->media;
    MediaBuffer *buf;
    int error = check_buffer(call, &buf);

    if (!error && buf->state != MEDIA_PREPARED) {
        error = buf->state == MEDIA_DEQUEUED ? prepare(call, buf) : -EINVAL;
    }
    if (error) {
        return error;
    }
    buf->state = MEDIA_QUEUED;
    describe_to_caller(call, buf);
    g_queue_push_tail(&media->queued, GUINT_TO_POINTER(buf - media->buffers));
    if (media->streaming) {
        use_queued(media);
    }
    return 0;
}

static int check_stream(MediaCall *call)
{
    if (call->arg.number != call->media->type) {
        return -EINVAL;
    }
    return is_others(call) ? -EBUSY : 0;
}

int media_streamon(MediaCall *call)
{
    Media *media = call->media;
    int error = check_stream(call);

    if (error || media->streaming) {
        return error;
    }
    if (!media->count) {
        return -EINVAL;
    }
    media->streaming = true;
    media->sequence = 0;
    media->ops->start(media->opaque, &media->pix, &media->interval);
    use_queued(media);
    return 0;
}

int media_streamoff(MediaCall *call)
{
    int error = check_stream(call);

    if (!error) {
        stop(call->media);
    }
    return error;
}
