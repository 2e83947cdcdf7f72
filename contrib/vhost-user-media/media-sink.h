/*
 * A GStreamer pipeline that consumes frames
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CONTRIB_VHOST_USER_MEDIA_SINK_H
#define CONTRIB_VHOST_USER_MEDIA_SINK_H

#include "media.h"

typedef struct MediaSink MediaSink;

/**
 * struct MediaSinkOps - What the sink reports, always from the main loop
 * @frame_done: the pipeline has dropped the memory of a frame
 * @failed: the pipeline has failed or ended by itself
 */
typedef struct MediaSinkOps {
    void (*frame_done)(void *opaque, uint32_t token);
    void (*failed)(void *opaque);
} MediaSinkOps;

/**
 * media_sink_new() - Check the description of a pipeline
 * @pipeline: description as for gst-launch, without a source
 * @ops: must stay valid
 * @opaque: first argument of each function of @ops
 * @err: set on failure
 *
 * Return: the sink, to be freed by media_sink_free(), or NULL
 */
MediaSink *media_sink_new(const char *pipeline, const MediaSinkOps *ops,
                          void *opaque, GError **err);

/**
 * media_sink_free() - Wait for the end of the last stream, and free the sink
 * @sink: a sink whose stream was ended
 *
 * Calls no function of MediaSinkOps.
 */
void media_sink_free(MediaSink *sink);

/**
 * media_sink_start() - Start a stream
 * @sink: a sink without a stream
 * @pix: format of the frames
 * @interval: time per frame
 *
 * The pipeline starts when the pipeline of the previous stream has ended.
 */
void media_sink_start(MediaSink *sink, const struct v4l2_pix_format *pix,
                      const struct v4l2_fract *interval);

/**
 * media_sink_push() - Put a frame into the stream
 * @sink: a sink with a stream
 * @frame: the frame; takes over @frame->data
 *
 * Return: false if the frame has been dropped
 */
bool media_sink_push(MediaSink *sink, MediaFrame *frame);

/**
 * media_sink_stop() - End the stream
 * @sink: a sink
 *
 * The pipeline has a short time to consume the frames that it has, so that it
 * can complete a file.
 */
void media_sink_stop(MediaSink *sink);

#endif /* CONTRIB_VHOST_USER_MEDIA_SINK_H */
