/*
 * A GStreamer pipeline that produces frames
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CONTRIB_VHOST_USER_MEDIA_SOURCE_H
#define CONTRIB_VHOST_USER_MEDIA_SOURCE_H

#include "media.h"

typedef struct MediaSource MediaSource;

/**
 * struct MediaSourceOps - What the source reports, always from the main loop
 * @wants_frame: tell whether there is room for a frame
 * @put_frame: copy a frame; @stride is the number of bytes from one row to the
 *             next, the first of which is at @data.  Called if there is room
 * @ended: the stream is complete
 * @failed: the pipeline has failed
 */
typedef struct MediaSourceOps {
    bool (*wants_frame)(void *opaque);
    void (*put_frame)(void *opaque, const uint8_t *data, ptrdiff_t stride);
    void (*ended)(void *opaque);
    void (*failed)(void *opaque);
} MediaSourceOps;

/**
 * media_source_new() - Check the description of a pipeline
 * @pipeline: description as for gst-launch, without a sink
 * @ops: must stay valid
 * @opaque: first argument of each function of @ops
 * @err: set on failure
 *
 * Return: the source, to be freed by media_source_free(), or NULL
 */
MediaSource *media_source_new(const char *pipeline, const MediaSourceOps *ops,
                              void *opaque, GError **err);

/**
 * media_source_free() - Wait for the end of the last stream, and free
 * @source: a source whose stream was ended
 */
void media_source_free(MediaSource *source);

/**
 * media_source_start() - Start a stream
 * @source: a source without a stream
 * @pix: format of the frames
 * @interval: time per frame
 *
 * The pipeline starts when the pipeline of the previous stream has ended.
 */
void media_source_start(MediaSource *source, const struct v4l2_pix_format *pix,
                        const struct v4l2_fract *interval);

/**
 * media_source_wake() - Schedule a check for a frame and room for the frame
 * @source: a source, to which @wants_frame may return true now
 */
void media_source_wake(MediaSource *source);

/**
 * media_source_stop() - End the stream
 * @source: a source
 *
 * There is no further frame.
 */
void media_source_stop(MediaSource *source);

#endif /* CONTRIB_VHOST_USER_MEDIA_SOURCE_H */
