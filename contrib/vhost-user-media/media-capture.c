/*
 * A virtio-media device: frames of the pipeline go to buffers of the driver
 *
 * A frame is copied, so the pipeline never has memory of the driver.  Buffers
 * that are released or whose memory is gone cannot be written to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "media-internal.h"

/* A position in the pages of a buffer */
typedef struct PagesCursor {
    Media *media;
    const struct virtio_media_sg_entry *entry;
    uint64_t pos;
} PagesCursor;

/* Skip the bytes if @data is NULL */
static bool write_bytes(PagesCursor *cursor, const uint8_t *data, size_t len)
{
    Media *media = cursor->media;

    while (len) {
        uint64_t part = MIN(len, cursor->entry->len - cursor->pos);
        void *to = media->ops->translate(media->opaque,
                                         cursor->entry->start + cursor->pos,
                                         &part);

        if (!to || part == 0 || part > len) {
            return false;
        }
        if (data) {
            memcpy(to, data, part);
            data += part;
        }
        len -= part;
        cursor->pos += part;
        if (cursor->pos == cursor->entry->len) {
            cursor->entry++;
            cursor->pos = 0;
        }
    }
    return true;
}

/* The list of pages has the size of an image */
static bool write_pages(Media *media, const MediaBuffer *buf,
                        const uint8_t *data, ptrdiff_t stride)
{
    PagesCursor cursor = {
        media, (struct virtio_media_sg_entry *)buf->pages->data
    };
    const struct v4l2_pix_format *pix = &media->pix;
    size_t row = pix->width * MEDIA_PIXEL_SIZE;

    for (unsigned y = 0; y < pix->height; y++, data += stride) {
        if (!write_bytes(&cursor, data, row) ||
            !write_bytes(&cursor, NULL, pix->bytesperline - row)) {
            return false;
        }
    }
    return true;
}

static void convert_row(uint8_t *to, const uint8_t *data, unsigned width,
                        const uint8_t order[MEDIA_PIXEL_SIZE])
{
    for (unsigned x = 0; x < width; x++) {
        for (unsigned i = 0; i < MEDIA_PIXEL_SIZE; i++) {
            to[i] = data[order[i]];
        }
        to += MEDIA_PIXEL_SIZE;
        data += MEDIA_PIXEL_SIZE;
    }
}

/* Write in the object's order of colours, and from its top to its bottom */
static void write_rows(const MediaFrame *frame, const uint8_t *data,
                       ptrdiff_t stride)
{
    const struct v4l2_pix_format *pix = frame->pix;
    uint8_t *to = frame->object->map + frame->offset;
    ptrdiff_t to_stride = frame->stride;
    uint8_t order[MEDIA_PIXEL_SIZE];

    media_pixel_order(pix->pixelformat, frame->pixelformat, order);
    if (frame->bottom_up) {
        to += to_stride * (pix->height - 1);
        to_stride = -to_stride;
    }
    for (unsigned y = 0; y < pix->height; y++) {
        if (frame->pixelformat == pix->pixelformat) {
            memcpy(to, data, pix->width * MEDIA_PIXEL_SIZE);
        } else {
            convert_row(to, data, pix->width, order);
        }
        to += to_stride;
        data += stride;
    }
}

static bool write_object(Media *media, unsigned index, const uint8_t *data,
                         ptrdiff_t stride)
{
    MediaFrame frame = media_frame_of(media, index);

    if (!media_object_begin(frame.object)) {
        return false;
    }
    write_rows(&frame, data, stride);
    return media_object_end(frame.object);
}

static unsigned next_queued(Media *media)
{
    return GPOINTER_TO_UINT(g_queue_pop_head(&media->queued));
}

static void finish(Media *media, unsigned index, uint32_t bytesused,
                   uint32_t flags)
{
    struct v4l2_buffer *v4l2 = &media->buffers[index].v4l2;
    gint64 now = g_get_monotonic_time();

    v4l2->bytesused = bytesused;
    v4l2->sequence = media->sequence++;
    v4l2->timestamp = (struct timeval) {
        .tv_sec = now / G_USEC_PER_SEC, .tv_usec = now % G_USEC_PER_SEC,
    };
    media_finish_buffer(media, index, flags);
}

bool media_wants_frame(const Media *media)
{
    return media->streaming && media->queued.length;
}

void media_put_frame(Media *media, const uint8_t *data, ptrdiff_t stride)
{
    const MediaBuffer *buf;
    unsigned index;
    bool ok;

    assert(media_wants_frame(media));
    index = next_queued(media);
    buf = &media->buffers[index];
    ok = buf->pages ? write_pages(media, buf, data, stride)
                    : write_object(media, index, data, stride);
    finish(media, index, ok ? media->pix.sizeimage : 0,
           ok ? 0 : V4L2_BUF_FLAG_ERROR);
}

void media_fill_buffers(Media *media)
{
    if (!media_wants_frame(media)) {
        return;
    }
    if (media->ended) {
        media->ended = false;
        finish(media, next_queued(media), 0, V4L2_BUF_FLAG_LAST);
    } else {
        media->ops->frame_wanted(media->opaque);
    }
}

void media_stream_ended(Media *media)
{
    if (media->streaming) {
        media->ended = true;
        media_fill_buffers(media);
    }
}
