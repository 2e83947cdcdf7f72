/*
 * A virtio-media device: a V4L2 video output or capture
 *
 * This part of the back-end parses commands and owns sessions and buffers.  It
 * has no thread, and knows neither vhost-user nor GStreamer: both are behind
 * struct MediaOps.
 *
 * V4L2's structures have the layout of a 64-bit little-endian host, as the
 * specification demands; the program is built only there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CONTRIB_VHOST_USER_MEDIA_H
#define CONTRIB_VHOST_USER_MEDIA_H

#include <linux/videodev2.h>
#include "qemu/units.h"
#include "hw/virtio/virtio-media.h"
#include "media-object.h"

#define MEDIA_MOST_SESSIONS 64
#define MEDIA_LARGEST_SIDE  8192
#define MEDIA_MOST_COPIED   (512 * MiB)

/**
 * struct MediaFrame - One frame for the pipeline
 * @token: to be passed to media_frame_done()
 * @object: memory of the frame; not valid if @data is set
 * @data: copy of the frame, to be freed by g_free()
 * @pix: the format, but for pixelformat, bytesperline and sizeimage
 * @pixelformat: V4L2's number of the format of the pixels
 * @offset: where the first row begins in the memory
 * @size: number of bytes from @offset to the end of the frame
 * @stride: number of bytes from one row to the next
 * @bottom_up: the first row in the memory is the bottom row of the image
 */
typedef struct MediaFrame {
    uint32_t token;
    const MediaObject *object;
    void *data;
    const struct v4l2_pix_format *pix;
    uint32_t pixelformat;
    uint64_t offset;
    uint32_t size;
    uint32_t stride;
    bool bottom_up;
} MediaFrame;

/**
 * struct MediaOps - What the device needs from its surroundings
 * @capture: frames go from the pipeline to the driver, not the other way round
 * @translate: map guest memory.  Sets @len to what is contiguous; returns NULL
 *             if there is no memory at @addr
 * @lookup: get a new file descriptor of a shared object, or -1.  Fills in the
 *          layout, which is zero before, if it is known.  After -1, the
 *          command may be run again, in place of a response to the driver
 * @start: start a stream of frames with the format @pix, one each @interval
 * @push: output: take over a frame, and @frame->data.  Returns false if that
 *        fails; media_frame_done() is not called for this frame then
 * @frame_wanted: capture: media_wants_frame() has become true
 * @stop: end the stream.  media_frame_done() may still be called for its frames
 * @event_ready: media_fill_event() has an event
 */
typedef struct MediaOps {
    bool capture;
    void *(*translate)(void *opaque, uint64_t addr, uint64_t *len);
    int (*lookup)(void *opaque, uint8_t *uuid, MediaLayout *layout);
    void (*start)(void *opaque, const struct v4l2_pix_format *pix,
                  const struct v4l2_fract *interval);
    bool (*push)(void *opaque, MediaFrame *frame);
    void (*frame_wanted)(void *opaque);
    void (*stop)(void *opaque);
    void (*event_ready)(void *opaque);
} MediaOps;

typedef struct Media Media;

/* Payload of VIRTIO_MEDIA_EVT_DQBUF */
typedef struct MediaDequeued {
    struct virtio_media_event_header hdr;
    struct v4l2_buffer buffer;
    struct v4l2_plane planes[VIRTIO_MEDIA_MAX_PLANES];
} MediaDequeued;

/**
 * media_new() - Create a device
 * @ops: must stay valid
 * @opaque: first argument of each function of @ops
 *
 * Return: the device, to be freed by media_free()
 */
Media *media_new(const MediaOps *ops, void *opaque);

/**
 * media_free() - Reset a device and free it
 * @media: may be NULL
 */
void media_free(Media *media);

/**
 * media_reset() - End all sessions and release all memory
 * @media: the device
 */
void media_reset(Media *media);

/**
 * media_config() - Fill the configuration space
 * @config: filled in
 * @capture: as in struct MediaOps
 * @card: name of the device
 */
void media_config(struct virtio_media_config *config, bool capture,
                  const char *card);

/**
 * media_command() - Run a command
 * @media: the device
 * @out: device-readable part of the descriptor chain
 * @out_num: number of elements of @out
 * @in: device-writable part
 * @in_num: number of elements of @in
 *
 * Return: number of bytes written to @in
 */
size_t media_command(Media *media, const struct iovec *out, unsigned out_num,
                     const struct iovec *in, unsigned in_num);

/**
 * media_has_event() - Tell whether an event waits for a buffer of the driver
 * @media: the device
 *
 * Return: true if there is an event
 */
bool media_has_event(Media *media);

/**
 * media_fill_event() - Write the next event to a buffer of the driver
 * @media: a device with an event
 * @in: the buffer
 * @in_num: number of elements of @in
 *
 * Return: number of bytes written; 0 if the buffer is too small, and the event
 * waits for the next buffer
 */
size_t media_fill_event(Media *media, const struct iovec *in, unsigned in_num);

/**
 * media_frame_done() - The pipeline does not need a frame any more
 * @media: the device
 * @token: the frame; ignored if its stream has ended
 */
void media_frame_done(Media *media, uint32_t token);

/**
 * media_wants_frame() - Tell whether a buffer of the driver waits for a frame
 * @media: a capture
 *
 * Return: true if media_put_frame() may be called
 */
bool media_wants_frame(const Media *media);

/**
 * media_put_frame() - Copy a frame of the pipeline to a buffer of the driver
 * @media: a capture that wants a frame
 * @data: first row, in the format that @start was called with
 * @stride: number of bytes from one row to the next in @data
 */
void media_put_frame(Media *media, const uint8_t *data, ptrdiff_t stride);

/**
 * media_stream_ended() - The pipeline has no more frames
 * @media: a capture
 *
 * The driver gets an empty buffer that is marked as the last one.
 */
void media_stream_ended(Media *media);

/**
 * media_stream_failed() - The pipeline has failed
 * @media: the device
 *
 * The session that streams ends with an error event.
 */
void media_stream_failed(Media *media);

#endif /* CONTRIB_VHOST_USER_MEDIA_H */
