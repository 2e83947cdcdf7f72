/*
 * The GStreamer pipelines of a device: each stream has a new one
 *
 * An element may block when its state changes, for example when it opens a
 * FIFO.  So a separate thread changes the states, in order.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "media-pipeline.h"

#define DRAIN_MS    3000

typedef enum MediaPipelineState {
    PIPELINE_IDLE,
    PIPELINE_RUNNING,
    PIPELINE_DRAINING,      /* the pipeline completes its output */
    PIPELINE_ENDING,        /* the pipeline is being destroyed */
} MediaPipelineState;

/**
 * struct MediaPipeline - The pipeline
 * @description: in the form of gst-launch
 * @ops: for reports
 * @opaque: for @ops
 * @worker: changes the state of pipelines, one after the other
 * @state: state of @element
 * @has_stream: the driver has a stream, which may wait for PIPELINE_IDLE
 * @element: the pipeline, or NULL
 * @watch: source of messages of @element
 * @deadline: source that ends the state PIPELINE_DRAINING
 * @last_report: when an error was last reported
 */
struct MediaPipeline {
    char *description;
    const MediaPipelineOps *ops;
    void *opaque;
    GThreadPool *worker;
    MediaPipelineState state;
    bool has_stream;
    GstElement *element;
    guint watch;
    guint deadline;
    gint64 last_report;
};

typedef struct MediaPipelineTask {
    MediaPipeline *pipeline;
    GstElement *element;
    GstState state;
} MediaPipelineTask;

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

GstVideoFormat media_pipeline_format(uint32_t fourcc)
{
    for (int i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            return formats[i].format;
        }
    }
    return GST_VIDEO_FORMAT_UNKNOWN;
}

GstCaps *media_pipeline_caps(const struct v4l2_pix_format *pix,
                             const struct v4l2_fract *interval)
{
    return gst_caps_new_simple(
        "video/x-raw",
        "format", G_TYPE_STRING,
        gst_video_format_to_string(media_pipeline_format(pix->pixelformat)),
        "width", G_TYPE_INT, pix->width,
        "height", G_TYPE_INT, pix->height,
        "framerate", GST_TYPE_FRACTION, interval->denominator,
        interval->numerator, NULL);
}

/* At most one message per second: failures are guest-triggerable */
void media_pipeline_report(MediaPipeline *pipeline, const char *text)
{
    gint64 now = g_get_monotonic_time();

    if (!pipeline->last_report ||
        now - pipeline->last_report > G_USEC_PER_SEC) {
        g_warning("the pipeline has failed: %s", text);
        pipeline->last_report = now;
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

static GstElement *parse(MediaPipeline *pipeline, GError **err)
{
    GstElement *element = gst_parse_launch_full(
        pipeline->description, NULL, GST_PARSE_FLAG_FATAL_ERRORS, err);
    GstIterator *iter;

    if (!element) {
        return NULL;
    }
    iter = gst_bin_iterate_recurse(GST_BIN(element));
    gst_iterator_foreach(iter, keep_no_sample, NULL);
    gst_iterator_free(iter);
    return element;
}

static void launch(MediaPipeline *pipeline);

/* The pipeline has been destroyed */
static gboolean destroyed(gpointer opaque)
{
    MediaPipeline *pipeline = opaque;

    pipeline->state = PIPELINE_IDLE;
    if (pipeline->has_stream) {
        launch(pipeline);
    }
    return G_SOURCE_REMOVE;
}

static void run_task(gpointer opaque, gpointer unused)
{
    g_autofree MediaPipelineTask *task = opaque;

    /* the pipeline also posts a message on a failure */
    gst_element_set_state(task->element, task->state);
    if (task->state == GST_STATE_NULL) {
        gst_object_unref(task->element);
        g_idle_add_full(G_PRIORITY_DEFAULT, destroyed, task->pipeline, NULL);
    }
}

static void set_state(MediaPipeline *pipeline, GstState state)
{
    MediaPipelineTask *task = g_new(MediaPipelineTask, 1);

    *task = (MediaPipelineTask) { pipeline, pipeline->element, state };
    g_thread_pool_push(pipeline->worker, task, NULL);
}

static void end(MediaPipeline *pipeline)
{
    g_clear_handle_id(&pipeline->watch, g_source_remove);
    g_clear_handle_id(&pipeline->deadline, g_source_remove);
    pipeline->state = PIPELINE_ENDING;
    set_state(pipeline, GST_STATE_NULL);
    pipeline->element = NULL;
}

static gboolean drained_too_long(gpointer opaque)
{
    MediaPipeline *pipeline = opaque;

    pipeline->deadline = 0;
    end(pipeline);
    return G_SOURCE_REMOVE;
}

static void stream_has_ended(MediaPipeline *pipeline, bool complete)
{
    pipeline->has_stream = false;
    pipeline->ops->ended(pipeline->opaque, complete);
}

void media_pipeline_fail(MediaPipeline *pipeline, const char *text)
{
    end(pipeline);
    media_pipeline_report(pipeline, text);
    stream_has_ended(pipeline, false);
}

static gboolean got_message(GstBus *bus, GstMessage *message, gpointer opaque)
{
    g_autoptr(GError) err = NULL;
    MediaPipeline *pipeline = opaque;
    bool running = pipeline->state == PIPELINE_RUNNING;

    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR:
        gst_message_parse_error(message, &err, NULL);
        break;
    case GST_MESSAGE_EOS:
        break;
    default:
        return G_SOURCE_CONTINUE;
    }
    pipeline->watch = 0;
    if (running && err) {
        media_pipeline_fail(pipeline, err->message);
        return G_SOURCE_REMOVE;
    }
    end(pipeline);
    if (running) {
        stream_has_ended(pipeline, true);
    }
    return G_SOURCE_REMOVE;
}

static GstElement *find_guest(MediaPipeline *pipeline)
{
    return gst_bin_get_by_name(GST_BIN(pipeline->element),
                               MEDIA_PIPELINE_GUEST);
}

static void launch(MediaPipeline *pipeline)
{
    g_autoptr(GError) err = NULL;
    GstElement *guest;
    GstBus *bus;

    pipeline->element = parse(pipeline, &err);
    if (!pipeline->element) {
        media_pipeline_report(pipeline, err->message);
        stream_has_ended(pipeline, false);
        return;
    }
    bus = gst_element_get_bus(pipeline->element);
    pipeline->watch = gst_bus_add_watch(bus, got_message, pipeline);
    gst_object_unref(bus);
    pipeline->state = PIPELINE_RUNNING;
    guest = find_guest(pipeline);
    pipeline->ops->created(pipeline->opaque, guest);
    gst_object_unref(guest);
    set_state(pipeline, GST_STATE_PLAYING);
}

void media_pipeline_start(MediaPipeline *pipeline)
{
    pipeline->has_stream = true;
    if (pipeline->state == PIPELINE_IDLE) {
        launch(pipeline);
    }
}

GstElement *media_pipeline_guest(MediaPipeline *pipeline)
{
    return pipeline->state == PIPELINE_RUNNING ? find_guest(pipeline) : NULL;
}

void media_pipeline_stop(MediaPipeline *pipeline)
{
    pipeline->has_stream = false;
    if (pipeline->state == PIPELINE_RUNNING) {
        end(pipeline);
    }
}

void media_pipeline_drain(MediaPipeline *pipeline)
{
    pipeline->has_stream = false;
    if (pipeline->state == PIPELINE_RUNNING) {
        pipeline->state = PIPELINE_DRAINING;
        pipeline->deadline = g_timeout_add(DRAIN_MS, drained_too_long,
                                           pipeline);
    }
}

MediaPipeline *media_pipeline_new(char *description,
                                  const MediaPipelineOps *ops, void *opaque,
                                  GError **err)
{
    MediaPipeline *pipeline = g_new0(MediaPipeline, 1);
    GstElement *trial;

    pipeline->description = description;
    trial = parse(pipeline, err);
    if (!trial) {
        g_free(pipeline->description);
        g_free(pipeline);
        return NULL;
    }
    gst_object_unref(trial);
    pipeline->ops = ops;
    pipeline->opaque = opaque;
    pipeline->worker = g_thread_pool_new(run_task, NULL, 1, TRUE, NULL);
    return pipeline;
}

static gboolean time_is_up(gpointer opaque)
{
    *(bool *)opaque = true;
    return G_SOURCE_REMOVE;
}

bool media_pipeline_free(MediaPipeline *pipeline)
{
    bool late = false;
    guint limit = g_timeout_add(2 * DRAIN_MS, time_is_up, &late);

    while (pipeline->state != PIPELINE_IDLE && !late) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (late) {
        return false;
    }
    g_source_remove(limit);
    while (g_main_context_iteration(NULL, FALSE)) {
        /* run what the threads of the pipeline have scheduled */
    }
    g_thread_pool_free(pipeline->worker, FALSE, TRUE);
    g_free(pipeline->description);
    g_free(pipeline);
    return true;
}
