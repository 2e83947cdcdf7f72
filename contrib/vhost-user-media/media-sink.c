/*
 * A GStreamer pipeline that consumes frames
 *
 * Each stream has a new pipeline.  Elements may block when their state changes
 * (one may open a FIFO), so a thread of its own does that, in order.
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
#include <gst/video/video.h>
#include "media-sink.h"

#define SOURCE      "guest"
#define DRAIN_MS    3000

typedef enum MediaSinkState {
    SINK_IDLE,
    SINK_RUNNING,
    SINK_DRAINING,      /* the pipeline consumes what it has */
    SINK_ENDING,        /* the pipeline is being destroyed */
} MediaSinkState;

/**
 * struct MediaSink - The sink
 * @description: the pipeline, with a source
 * @ops: for reports
 * @opaque: for @ops
 * @fd_allocator: wraps memfds
 * @dmabuf_allocator: wraps dma-bufs
 * @worker: changes the state of pipelines, one after the other
 * @state: state of @pipeline
 * @pipeline: the pipeline, or NULL
 * @watch: source of messages of @pipeline
 * @deadline: source that ends the state SINK_DRAINING
 * @caps: format of the stream, or NULL if there is none
 * @held: frames, events and formats of a stream whose pipeline has not started
 * @bottom_up: what the stream has been told last about its frames
 * @pixelformat: likewise
 * @last_report: when an error was last reported
 */
struct MediaSink {
    char *description;
    const MediaSinkOps *ops;
    void *opaque;
    GstAllocator *fd_allocator;
    GstAllocator *dmabuf_allocator;
    GThreadPool *worker;
    MediaSinkState state;
    GstElement *pipeline;
    guint watch;
    guint deadline;
    GstCaps *caps;
    GQueue held;
    bool bottom_up;
    uint32_t pixelformat;
    gint64 last_report;
};

typedef struct MediaSinkTask {
    MediaSink *sink;
    GstElement *pipeline;
    GstState state;
} MediaSinkTask;

typedef struct MediaSinkDone {
    MediaSink *sink;
    uint32_t token;
} MediaSinkDone;

static const struct {
    uint32_t fourcc;
    GstVideoFormat format;
} formats[] = {
    { V4L2_PIX_FMT_XBGR32, GST_VIDEO_FORMAT_BGRx },
    { V4L2_PIX_FMT_ABGR32, GST_VIDEO_FORMAT_BGRA },
    { V4L2_PIX_FMT_ARGB32, GST_VIDEO_FORMAT_ARGB },
    { V4L2_PIX_FMT_XRGB32, GST_VIDEO_FORMAT_xRGB },
    { V4L2_PIX_FMT_RGBA32, GST_VIDEO_FORMAT_RGBA },
    { V4L2_PIX_FMT_BGRX32, GST_VIDEO_FORMAT_xBGR },
    { V4L2_PIX_FMT_BGRA32, GST_VIDEO_FORMAT_ABGR },
    { V4L2_PIX_FMT_RGBX32, GST_VIDEO_FORMAT_RGBx },
};

static GstVideoFormat format_of(uint32_t fourcc)
{
    for (int i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            return formats[i].format;
        }
    }
    return GST_VIDEO_FORMAT_UNKNOWN;
}

/* The driver can let the pipeline fail at will */
static void report(MediaSink *sink, const char *text)
{
    gint64 now = g_get_monotonic_time();

    if (!sink->last_report || now - sink->last_report > G_USEC_PER_SEC) {
        g_warning("the pipeline has failed: %s", text);
        sink->last_report = now;
    }
}

/* A sink that keeps its last frame would keep a buffer of the driver */
static void keep_no_sample(const GValue *item, gpointer unused)
{
    GObject *element = g_value_get_object(item);

    if (g_object_class_find_property(G_OBJECT_GET_CLASS(element),
                                     "enable-last-sample")) {
        g_object_set(element, "enable-last-sample", FALSE, NULL);
    }
}

static GstElement *parse(MediaSink *sink, GError **err)
{
    GstElement *pipeline = gst_parse_launch_full(
        sink->description, NULL, GST_PARSE_FLAG_FATAL_ERRORS, err);
    GstIterator *iter;

    if (!pipeline) {
        return NULL;
    }
    iter = gst_bin_iterate_recurse(GST_BIN(pipeline));
    gst_iterator_foreach(iter, keep_no_sample, NULL);
    gst_iterator_free(iter);
    return pipeline;
}

static void launch(MediaSink *sink);

/* The pipeline has been destroyed */
static gboolean ended(gpointer opaque)
{
    MediaSink *sink = opaque;

    sink->state = SINK_IDLE;
    if (sink->caps) {
        launch(sink);
    }
    return G_SOURCE_REMOVE;
}

static void run_task(gpointer opaque, gpointer unused)
{
    g_autofree MediaSinkTask *task = opaque;

    /* a failure is a message of the pipeline, too */
    gst_element_set_state(task->pipeline, task->state);
    if (task->state == GST_STATE_NULL) {
        gst_object_unref(task->pipeline);
        g_idle_add_full(G_PRIORITY_DEFAULT, ended, task->sink, NULL);
    }
}

static void set_state(MediaSink *sink, GstState state)
{
    MediaSinkTask *task = g_new(MediaSinkTask, 1);

    *task = (MediaSinkTask) { sink, sink->pipeline, state };
    g_thread_pool_push(sink->worker, task, NULL);
}

static void end(MediaSink *sink)
{
    g_clear_handle_id(&sink->watch, g_source_remove);
    g_clear_handle_id(&sink->deadline, g_source_remove);
    sink->state = SINK_ENDING;
    set_state(sink, GST_STATE_NULL);
    sink->pipeline = NULL;
}

static gboolean drained_too_long(gpointer opaque)
{
    MediaSink *sink = opaque;

    sink->deadline = 0;
    end(sink);
    return G_SOURCE_REMOVE;
}

static void drop_held(MediaSink *sink)
{
    g_queue_clear_full(&sink->held, (GDestroyNotify)gst_mini_object_unref);
}

static void fail(MediaSink *sink, const char *text)
{
    report(sink, text);
    gst_clear_caps(&sink->caps);
    drop_held(sink);
    sink->ops->failed(sink->opaque);
}

static gboolean got_message(GstBus *bus, GstMessage *message, gpointer opaque)
{
    g_autoptr(GError) err = NULL;
    MediaSink *sink = opaque;
    bool running = sink->state == SINK_RUNNING;

    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR:
        gst_message_parse_error(message, &err, NULL);
        break;
    case GST_MESSAGE_EOS:
        break;
    default:
        return G_SOURCE_CONTINUE;
    }
    sink->watch = 0;
    end(sink);
    if (running) {
        fail(sink, err ? err->message : "it has ended");
    }
    return G_SOURCE_REMOVE;
}

static GstAppSrc *source_of(MediaSink *sink)
{
    return GST_APP_SRC(gst_bin_get_by_name(GST_BIN(sink->pipeline), SOURCE));
}

/* The source keeps frames, events and formats in their order */
static void give(MediaSink *sink, void *item)
{
    GstAppSrc *source = source_of(sink);

    if (GST_IS_EVENT(item)) {
        gst_element_send_event(GST_ELEMENT(source), item);
    } else if (GST_IS_CAPS(item)) {
        gst_app_src_set_caps(source, item);
        gst_caps_unref(item);
    } else {
        gst_app_src_push_buffer(source, item);
    }
    gst_object_unref(source);
}

static void launch(MediaSink *sink)
{
    g_autoptr(GError) err = NULL;
    GstAppSrc *source;
    GstBus *bus;

    sink->pipeline = parse(sink, &err);
    if (!sink->pipeline) {
        fail(sink, err->message);
        return;
    }
    source = source_of(sink);
    gst_app_src_set_caps(source, sink->caps);
    gst_object_unref(source);
    bus = gst_element_get_bus(sink->pipeline);
    sink->watch = gst_bus_add_watch(bus, got_message, sink);
    gst_object_unref(bus);
    sink->state = SINK_RUNNING;
    set_state(sink, GST_STATE_PLAYING);
    while (!g_queue_is_empty(&sink->held)) {
        give(sink, g_queue_pop_head(&sink->held));
    }
}

void media_sink_start(MediaSink *sink, const struct v4l2_pix_format *pix,
                      const struct v4l2_fract *interval)
{
    sink->bottom_up = false;
    sink->pixelformat = pix->pixelformat;
    sink->caps = gst_caps_new_simple(
        "video/x-raw",
        "format", G_TYPE_STRING,
        gst_video_format_to_string(format_of(pix->pixelformat)),
        "width", G_TYPE_INT, pix->width,
        "height", G_TYPE_INT, pix->height,
        "framerate", GST_TYPE_FRACTION, interval->denominator,
        interval->numerator, NULL);
    if (sink->state == SINK_IDLE) {
        launch(sink);
    }
}

static gboolean report_done(gpointer opaque)
{
    MediaSinkDone *done = opaque;

    done->sink->ops->frame_done(done->sink->opaque, done->token);
    return G_SOURCE_REMOVE;
}

/* Any thread of GStreamer */
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
                                   format_of(frame->pixelformat), pix->width,
                                   pix->height, 1, offset, stride);
    return buffer;
}

static void put(MediaSink *sink, void *item)
{
    if (sink->state == SINK_RUNNING) {
        give(sink, item);
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
        gst_video_format_to_string(format_of(pixelformat)), NULL);
    put(sink, caps);
    sink->pixelformat = pixelformat;
}

/* Once the memory is wrapped, the report of its end is certain to come */
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
    GstAppSrc *source;

    gst_clear_caps(&sink->caps);
    drop_held(sink);
    if (sink->state == SINK_RUNNING) {
        source = source_of(sink);
        gst_app_src_end_of_stream(source);
        gst_object_unref(source);
        sink->state = SINK_DRAINING;
        sink->deadline = g_timeout_add(DRAIN_MS, drained_too_long, sink);
    }
}

MediaSink *media_sink_new(const char *pipeline, const MediaSinkOps *ops,
                          void *opaque, GError **err)
{
    MediaSink *sink = g_new0(MediaSink, 1);
    GstElement *trial;

    sink->description = g_strdup_printf(
        "appsrc name=" SOURCE " format=time is-live=true do-timestamp=true"
        " max-bytes=0 ! %s", pipeline);
    trial = parse(sink, err);
    if (!trial) {
        g_free(sink->description);
        g_free(sink);
        return NULL;
    }
    gst_object_unref(trial);
    sink->ops = ops;
    sink->opaque = opaque;
    sink->fd_allocator = gst_fd_allocator_new();
    sink->dmabuf_allocator = gst_dmabuf_allocator_new();
    sink->worker = g_thread_pool_new(run_task, NULL, 1, TRUE, NULL);
    return sink;
}

static void ignore_done(void *opaque, uint32_t token)
{
}

static void ignore_failed(void *opaque)
{
}

static gboolean time_is_up(gpointer opaque)
{
    *(bool *)opaque = true;
    return G_SOURCE_REMOVE;
}

/* A pipeline that blocks ends with the process */
void media_sink_free(MediaSink *sink)
{
    static const MediaSinkOps ignore = { ignore_done, ignore_failed };
    bool late = false;
    guint limit = g_timeout_add(2 * DRAIN_MS, time_is_up, &late);

    sink->ops = &ignore;
    while (sink->state != SINK_IDLE && !late) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (late) {
        return;
    }
    g_source_remove(limit);
    while (g_main_context_iteration(NULL, FALSE)) {
        /* frames that were freed last */
    }
    g_thread_pool_free(sink->worker, FALSE, TRUE);
    gst_object_unref(sink->fd_allocator);
    gst_object_unref(sink->dmabuf_allocator);
    g_free(sink->description);
    g_free(sink);
}
