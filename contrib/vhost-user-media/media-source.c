/*
 * A GStreamer pipeline that produces frames
 *
 * The pipeline waits until the driver has a buffer for the next frame.  So no
 * frame is lost, and the pipeline uses no more memory than its elements need.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <gst/app/gstappsink.h>
#include "media-pipeline.h"
#include "media-source.h"

/**
 * struct MediaSource - The source
 * @ops: for reports
 * @opaque: for @ops
 * @pipeline: the pipeline, with a sink
 * @caps: format of the stream
 * @info: likewise
 */
struct MediaSource {
    const MediaSourceOps *ops;
    void *opaque;
    MediaPipeline *pipeline;
    GstCaps *caps;
    GstVideoInfo info;
};

/* Elements may choose the layout of a frame in memory, but not its format */
static bool is_as_agreed(const MediaSource *source, const GstVideoFrame *frame)
{
    return GST_VIDEO_FRAME_FORMAT(frame) ==
           GST_VIDEO_INFO_FORMAT(&source->info) &&
           GST_VIDEO_FRAME_WIDTH(frame) ==
           GST_VIDEO_INFO_WIDTH(&source->info) &&
           GST_VIDEO_FRAME_HEIGHT(frame) ==
           GST_VIDEO_INFO_HEIGHT(&source->info);
}

static void put_sample(MediaSource *source, GstSample *sample)
{
    bool ok = false;
    GstVideoFrame frame;

    if (gst_video_frame_map(&frame, &source->info,
                            gst_sample_get_buffer(sample), GST_MAP_READ)) {
        ok = is_as_agreed(source, &frame);
        if (ok) {
            source->ops->put_frame(source->opaque,
                                   GST_VIDEO_FRAME_PLANE_DATA(&frame, 0),
                                   GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0));
        }
        gst_video_frame_unmap(&frame);
    }
    if (!ok) {
        media_pipeline_fail(source->pipeline, "a frame has a wrong format");
    }
}

static bool put_next(MediaSource *source, GstAppSink *sink)
{
    GstSample *sample = source->ops->wants_frame(source->opaque) ?
                        gst_app_sink_try_pull_sample(sink, 0) : NULL;

    if (sample) {
        put_sample(source, sample);
        gst_sample_unref(sample);
    }
    return sample;
}

static gboolean look(gpointer opaque)
{
    MediaSource *source = opaque;
    GstElement *guest = media_pipeline_guest(source->pipeline);
    bool again = false;

    if (guest) {
        again = put_next(source, GST_APP_SINK(guest));
        gst_object_unref(guest);
    }
    return again ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* May be called in any thread */
void media_source_wake(MediaSource *source)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, look, source, NULL);
}

static GstFlowReturn new_sample(GstAppSink *sink, gpointer opaque)
{
    media_source_wake(opaque);
    return GST_FLOW_OK;
}

static void created(void *opaque, GstElement *guest)
{
    static const GstAppSinkCallbacks callbacks = { .new_sample = new_sample };
    GstAppSink *sink = GST_APP_SINK(guest);
    MediaSource *source = opaque;

    gst_app_sink_set_caps(sink, source->caps);
    gst_app_sink_set_callbacks(sink, (GstAppSinkCallbacks *)&callbacks,
                               source, NULL);
}

static void ended(void *opaque, bool complete)
{
    MediaSource *source = opaque;

    if (complete) {
        source->ops->ended(source->opaque);
    } else {
        source->ops->failed(source->opaque);
    }
}

static const MediaPipelineOps pipeline_ops = {
    .created = created,
    .ended = ended,
};

void media_source_start(MediaSource *source, const struct v4l2_pix_format *pix,
                        const struct v4l2_fract *interval)
{
    gst_clear_caps(&source->caps);
    source->caps = media_pipeline_caps(pix, interval);
    gst_video_info_from_caps(&source->info, source->caps);
    media_pipeline_start(source->pipeline);
}

void media_source_stop(MediaSource *source)
{
    media_pipeline_stop(source->pipeline);
}

MediaSource *media_source_new(const char *pipeline, const MediaSourceOps *ops,
                              void *opaque, GError **err)
{
    MediaSource *source = g_new0(MediaSource, 1);

    source->pipeline = media_pipeline_new(
        g_strdup_printf("%s ! appsink name=" MEDIA_PIPELINE_GUEST
                        " max-buffers=1", pipeline),
        &pipeline_ops, source, err);
    if (!source->pipeline) {
        g_free(source);
        return NULL;
    }
    source->ops = ops;
    source->opaque = opaque;
    return source;
}

void media_source_free(MediaSource *source)
{
    if (media_pipeline_free(source->pipeline)) {
        gst_clear_caps(&source->caps);
        g_free(source);
    }
}
