/*
 * The GStreamer pipelines of a device: each stream has a new one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CONTRIB_VHOST_USER_MEDIA_PIPELINE_H
#define CONTRIB_VHOST_USER_MEDIA_PIPELINE_H

#include <gst/video/video.h>
#include "media.h"

/* Name of the element at the guest's end of a pipeline */
#define MEDIA_PIPELINE_GUEST "guest"

typedef struct MediaPipeline MediaPipeline;

/**
 * struct MediaPipelineOps - What a pipeline reports, always from the main loop
 * @created: the pipeline of a stream exists, and @guest is its end
 * @ended: the pipeline has ended by itself, with the stream.  @complete tells
 *         whether all of its elements have reached the end; if not, it has
 *         failed
 */
typedef struct MediaPipelineOps {
    void (*created)(void *opaque, GstElement *guest);
    void (*ended)(void *opaque, bool complete);
} MediaPipelineOps;

/**
 * media_pipeline_format() - Translate a format
 * @fourcc: V4L2's number of one of the formats of the device
 *
 * Return: GStreamer's number of the format
 */
GstVideoFormat media_pipeline_format(uint32_t fourcc);

/**
 * media_pipeline_caps() - Describe frames to GStreamer
 * @pix: format of the frames
 * @interval: time per frame
 *
 * Return: the capabilities, owned by the caller
 */
GstCaps *media_pipeline_caps(const struct v4l2_pix_format *pix,
                             const struct v4l2_fract *interval);

/**
 * media_pipeline_new() - Check the description of a pipeline
 * @description: description as for gst-launch, with an element that is named
 *               MEDIA_PIPELINE_GUEST; taken over
 * @ops: must stay valid
 * @opaque: first argument of each function of @ops
 * @err: set on failure
 *
 * Return: the pipeline, which does not run, or NULL
 */
MediaPipeline *media_pipeline_new(char *description,
                                  const MediaPipelineOps *ops, void *opaque,
                                  GError **err);

/**
 * media_pipeline_free() - Wait for the end of the last stream, and free
 * @pipeline: a pipeline whose stream was ended
 *
 * Return: false if an element blocks.  The pipeline then exists until the
 * process ends, and memory that it may use must not be freed.
 */
bool media_pipeline_free(MediaPipeline *pipeline);

/**
 * media_pipeline_start() - Start a stream
 * @pipeline: a pipeline without a stream
 *
 * The stream runs when the previous stream has ended.
 */
void media_pipeline_start(MediaPipeline *pipeline);

/**
 * media_pipeline_guest() - Get the guest's end of the pipeline
 * @pipeline: the pipeline
 *
 * Return: the element, to be unreferenced; NULL if the stream does not run yet,
 * or any more
 */
GstElement *media_pipeline_guest(MediaPipeline *pipeline);

/**
 * media_pipeline_stop() - End the stream at once
 * @pipeline: may have no stream
 */
void media_pipeline_stop(MediaPipeline *pipeline);

/**
 * media_pipeline_drain() - End the stream, but let the pipeline end by itself
 * @pipeline: may have no stream
 *
 * The pipeline has a short time to do so, and @ended is not called.
 */
void media_pipeline_drain(MediaPipeline *pipeline);

/**
 * media_pipeline_fail() - End a stream that has failed
 * @pipeline: a pipeline whose stream runs
 * @text: the cause
 */
void media_pipeline_fail(MediaPipeline *pipeline, const char *text);

/**
 * media_pipeline_report() - Log that the pipeline has failed
 * @pipeline: the pipeline
 * @text: the cause
 */
void media_pipeline_report(MediaPipeline *pipeline, const char *text);

#endif /* CONTRIB_VHOST_USER_MEDIA_PIPELINE_H */
