/*
 * A GStreamer pipeline that consumes frames
 *
 * A frame is done when the last reference to its memory is dropped.  Thus a
 * slow pipeline slows the driver down, and has no more frames than the driver
 * has buffers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <gst/allocators/gstdmabuf.h>
#include <gst/app/gstappsrc.h>
#include "media-pipeline.h"
#include "media-sink.h"

/**
 * struct MediaSink - The sink
 * @ops: for reports
 * @opaque: for @ops
 * @pipeline: the pipeline, with a source
 * @fd_allocator: wraps memfds
 * @dmabuf_allocator: wraps dma-bufs
 * @caps: format of the stream, or NULL if there is none
 * @held: frames, events and formats of a stream whose pipeline has not started
 * @bottom_up: row order that was last sent to the pipeline
 * @pixelformat: format that was last sent to the pipeline
 */
struct MediaSink {
    const MediaSinkOps *ops;
    void *opaque;
    MediaPipeline *pipeline;
    GstAllocator *fd_allocator;
    GstAllocator *dmabuf_allocator;
    GstCaps *caps;
    GQueue held;
    bool bottom_up;
    uint32_t pixelformat;
};

typedef struct MediaSinkDone {
    MediaSink *sink;
    uint32_t token;
} MediaSinkDone;

static void drop_held(MediaSink *sink)
{
    g_queue_clear_full(&sink->held, (GDestroyNotify)gst_mini_object_unref);
}

/* The source keeps frames, events and formats in their order */
static void give(GstAppSrc *source, void *item)
{
    if (GST_IS_EVENT(item)) {
        gst_element_send_event(GST_ELEMENT(source), item);
    } else if (GST_IS_CAPS(item)) {
        gst_app_src_set_caps(source, item);
        gst_caps_unref(item);
    } else {
        gst_app_src_push_buffer(source, item);
    }
}

static void created(void *opaque, GstElement *guest)
{
    GstAppSrc *source = GST_APP_SRC(guest);
    MediaSink *sink = opaque;

    gst_app_src_set_caps(source, sink->caps);
    while (!g_queue_is_empty(&sink->held)) {
        give(source, g_queue_pop_head(&sink->held));
    }
}

/* A pipeline must not end before the driver ends the stream */
static void ended(void *opaque, bool complete)
{
    MediaSink *sink = opaque;

    if (complete) {
        media_pipeline_report(sink->pipeline, "it has ended");
    }
    gst_clear_caps(&sink->caps);
    drop_held(sink);
    sink->ops->failed(sink->opaque);
}

static const MediaPipelineOps pipeline_ops = {
    .created = created,
    .ended = ended,
};

void media_sink_start(MediaSink *sink, const struct v4l2_pix_format *pix,
                      const struct v4l2_fract *interval)
{
    sink->bottom_up = false;
    sink->pixelformat = pix->pixelformat;
    sink->caps = media_pipeline_caps(pix, interval);
    media_pipeline_start(sink->pipeline);
}

static gboolean report_done(gpointer opaque)
{
    MediaSinkDone *done = opaque;

    done->sink->ops->frame_done(done->sink->opaque, done->token);
    return G_SOURCE_REMOVE;
}

/* Runs in any thread of GStreamer */
static void memory_freed(gpointer opaque, GstMiniObject *memory)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, report_done, opaque, g_free);
}

static GstMemory *wrap_object(MediaSink *sink, const MediaFrame *frame)
{
    int fd = fcntl(frame->object->fd, F_DUPFD_CLOEXEC, 0);
    gsize end = frame->offset + frame->size;
    GstMemory *memory;

    if (fd < 0) {
        return NULL;
    }
    memory = frame->object->is_dmabuf ?
        gst_dmabuf_allocator_alloc(sink->dmabuf_allocator, fd, end) :
        gst_fd_allocator_alloc(sink->fd_allocator, fd, end,
                               GST_FD_MEMORY_FLAG_NONE);
    gst_memory_resize(memory, frame->offset, frame->size);
    GST_MINI_OBJECT_FLAG_SET(memory, GST_MEMORY_FLAG_READONLY);
    return memory;
}

static GstMemory *wrap(MediaSink *sink, const MediaFrame *frame)
{
    return frame->data ?
        gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, frame->data,
                               frame->size, 0, frame->size, frame->data,
                               g_free) :
        wrap_object(sink, frame);
}

static GstBuffer *buffer_of(MediaSink *sink, const MediaFrame *frame)
{
    const struct v4l2_pix_format *pix = frame->pix;
    gsize offset[GST_VIDEO_MAX_PLANES] = {};
    gint stride[GST_VIDEO_MAX_PLANES] = { frame->stride };
    MediaSinkDone *done = g_new(MediaSinkDone, 1);
    GstMemory *memory = wrap(sink, frame);
    GstBuffer *buffer;

    if (!memory) {
        g_free(done);
        return NULL;
    }
    *done = (MediaSinkDone) { sink, frame->token };
    gst_mini_object_weak_ref(GST_MINI_OBJECT(memory), memory_freed, done);
    buffer = gst_buffer_new();
    gst_buffer_append_memory(buffer, memory);
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
                                   media_pipeline_format(frame->pixelformat),
                                   pix->width, pix->height, 1, offset, stride);
    return buffer;
}

static void put(MediaSink *sink, void *item)
{
    GstElement *guest = media_pipeline_guest(sink->pipeline);

    if (guest) {
        give(GST_APP_SRC(guest), item);
        gst_object_unref(guest);
    } else {
        g_queue_push_tail(&sink->held, item);
    }
}

/* The pipeline turns the frames that follow, if it has "videoflip" */
static void put_orientation(MediaSink *sink, bool bottom_up)
{
    GstTagList *tags = gst_tag_list_new(
        GST_TAG_IMAGE_ORIENTATION, bottom_up ? "flip-rotate-180" : "rotate-0",
        NULL);

    put(sink, gst_event_new_tag(tags));
    sink->bottom_up = bottom_up;
}

/* The format of the frames that follow, which may differ from the driver's */
static void put_format(MediaSink *sink, uint32_t pixelformat)
{
    GstCaps *caps = gst_caps_copy(sink->caps);

    gst_caps_set_simple(
        caps, "format", G_TYPE_STRING,
        gst_video_format_to_string(media_pipeline_format(pixelformat)), NULL);
    put(sink, caps);
    sink->pixelformat = pixelformat;
}

/* After buffer_of() has succeeded, memory_freed() is always called */
bool media_sink_push(MediaSink *sink, MediaFrame *frame)
{
    GstBuffer *buffer = buffer_of(sink, frame);

    if (!buffer) {
        return false;
    }
    if (frame->pixelformat != sink->pixelformat) {
        put_format(sink, frame->pixelformat);
    }
    if (frame->bottom_up != sink->bottom_up) {
        put_orientation(sink, frame->bottom_up);
    }
    put(sink, buffer);
    return true;
}

void media_sink_stop(MediaSink *sink)
{
    GstElement *guest = media_pipeline_guest(sink->pipeline);

    gst_clear_caps(&sink->caps);
    drop_held(sink);
    if (guest) {
        gst_app_src_end_of_stream(GST_APP_SRC(guest));
        gst_object_unref(guest);
    }
    media_pipeline_drain(sink->pipeline);
}

MediaSink *media_sink_new(const char *pipeline, const MediaSinkOps *ops,
                          void *opaque, GError **err)
{
    MediaSink *sink = g_new0(MediaSink, 1);

    sink->pipeline = media_pipeline_new(
        g_strdup_printf("appsrc name=" MEDIA_PIPELINE_GUEST " format=time"
                        " is-live=true do-timestamp=true max-bytes=0 ! %s",
                        pipeline), &pipeline_ops, sink, err);
    if (!sink->pipeline) {
        g_free(sink);
        return NULL;
    }
    sink->ops = ops;
    sink->opaque = opaque;
    sink->fd_allocator = gst_fd_allocator_new();
    sink->dmabuf_allocator = gst_dmabuf_allocator_new();
    return sink;
}

static void ignore_done(void *opaque, uint32_t token)
{
}

static void ignore_failed(void *opaque)
{
}

void media_sink_free(MediaSink *sink)
{
    static const MediaSinkOps ignore = { ignore_done, ignore_failed };

    sink->ops = &ignore;
    if (!media_pipeline_free(sink->pipeline)) {
        return;
    }
    gst_object_unref(sink->fd_allocator);
    gst_object_unref(sink->dmabuf_allocator);
    g_free(sink);
}
