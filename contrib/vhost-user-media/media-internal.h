/*
 * A virtio-media device: what its parts share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CONTRIB_VHOST_USER_MEDIA_INTERNAL_H
#define CONTRIB_VHOST_USER_MEDIA_INTERNAL_H

#include "media.h"

#define MEDIA_PIXEL_SIZE 4      /* of all formats */

typedef enum MediaBufferState {
    MEDIA_DEQUEUED,
    MEDIA_PREPARED,
    MEDIA_QUEUED,       /* waits for STREAMON, or for a frame */
    MEDIA_ACTIVE,       /* in the pipeline */
    MEDIA_DONE,         /* waits for room on the event queue */
} MediaBufferState;

/**
 * struct MediaBuffer - A buffer of the queue
 * @state: which part has the buffer
 * @v4l2: the buffer as the driver has sent it last
 * @uuid: UUID of @object
 * @object: VIRTIO_OBJECT: the memory, looked up once per UUID
 * @data: SHARED_PAGES of an output: copy of the memory
 * @pages: SHARED_PAGES of a capture: the memory
 */
typedef struct MediaBuffer {
    MediaBufferState state;
    struct v4l2_buffer v4l2;
    uint8_t uuid[VIRTIO_MEDIA_UUID_LEN];
    MediaObject object;
    void *data;
    GArray *pages;
} MediaBuffer;

/**
 * struct MediaSession - A session that the driver has opened
 * @id: the ID
 * @error: why it has ended, as an errno; 0 while it is usable
 * @error_sent: the driver knows @error
 */
typedef struct MediaSession {
    uint32_t id;
    int error;
    bool error_sent;
} MediaSession;

/**
 * struct Media - The device
 * @ops: callbacks
 * @opaque: for @ops
 * @type: V4L2's type of the buffers
 * @sessions: ID to MediaSession
 * @last_id: ID of the newest session
 * @pix: the format
 * @interval: time per frame
 * @owner: session to which the buffers belong, or NULL
 * @memory: memory type of the buffers
 * @count: number of @buffers
 * @buffers: the buffers
 * @streaming: between STREAMON and STREAMOFF
 * @generation: of the stream; part of the tokens of frames
 * @sequence: number of the next frame
 * @ended: capture: the driver has to be told of the end of the frames
 * @queued: indices of the buffers in the state MEDIA_QUEUED, in their order
 * @done: indices of the buffers that wait for an event, in their order
 */
struct Media {
    const MediaOps *ops;
    void *opaque;
    uint32_t type;
    GHashTable *sessions;
    uint32_t last_id;
    struct v4l2_pix_format pix;
    struct v4l2_fract interval;
    MediaSession *owner;
    uint32_t memory;
    unsigned count;
    MediaBuffer buffers[VIDEO_MAX_FRAME];
    bool streaming;
    uint32_t generation;
    uint32_t sequence;
    bool ended;
    GQueue queued;
    GQueue done;
};

/**
 * struct MediaCall - An ioctl
 * @media: the device
 * @session: session that has sent the ioctl
 * @out: device-readable part
 * @out_num: number of elements of @out
 * @out_pos: position in @out of what follows the payload
 * @room: number of bytes that may follow the payload in the response
 * @extra_len: number of bytes in @extra
 * @extra: what follows the payload in the response
 * @arg: the payload; views of it for each type
 */
typedef struct MediaCall {
    Media *media;
    MediaSession *session;
    const struct iovec *out;
    unsigned out_num;
    size_t out_pos;
    size_t room;
    size_t extra_len;
    uint8_t extra[VIRTIO_MEDIA_UUID_LEN];
    union {
        int number;
        struct v4l2_fmtdesc fmtdesc;
        struct v4l2_frmsizeenum framesize;
        struct v4l2_format format;
        struct v4l2_streamparm parm;
        struct v4l2_selection selection;
        struct v4l2_output output;
        struct v4l2_input input;
        struct v4l2_event_subscription subscription;
        struct v4l2_requestbuffers request;
        struct v4l2_create_buffers create;
        struct v4l2_buffer buffer;
    } arg;
} MediaCall;

/* Each returns 0, or the negative errno that V4L2 returns */
int media_enum_fmt(MediaCall *call);
int media_enum_framesizes(MediaCall *call);
int media_g_fmt(MediaCall *call);
int media_s_fmt(MediaCall *call);
int media_try_fmt(MediaCall *call);
int media_g_parm(MediaCall *call);
int media_s_parm(MediaCall *call);
int media_g_selection(MediaCall *call);
int media_s_selection(MediaCall *call);
int media_enum_output(MediaCall *call);
int media_enum_input(MediaCall *call);
int media_g_end(MediaCall *call);
int media_s_end(MediaCall *call);
int media_subscribe_event(MediaCall *call);
int media_unsubscribe_event(MediaCall *call);
int media_reqbufs(MediaCall *call);
int media_create_bufs(MediaCall *call);
int media_querybuf(MediaCall *call);
int media_prepare_buf(MediaCall *call);
int media_qbuf(MediaCall *call);
int media_streamon(MediaCall *call);
int media_streamoff(MediaCall *call);

/**
 * media_default_format() - Set the format that a new device has
 * @media: the device
 */
void media_default_format(Media *media);

/**
 * media_object_format() - Tell how pixels of an object are to be read
 * @fourcc: DRM's number of the object's format
 * @pixelformat: V4L2's number of the format that the driver has set
 *
 * Return: V4L2's number of a format with the object's order of colours, and
 * with alpha if @pixelformat has it; 0 if the device has no such format
 */
uint32_t media_object_format(uint32_t fourcc, uint32_t pixelformat);

/**
 * media_pixel_order() - Tell how to convert pixels
 * @from: V4L2's number of a format
 * @to: another format, with the same colours and alpha in any order
 * @order: set to where each byte of a pixel in @to is in a pixel in @from
 */
void media_pixel_order(uint32_t from, uint32_t to,
                       uint8_t order[MEDIA_PIXEL_SIZE]);

/**
 * media_frame_of() - Tell where the frame in a buffer is
 * @media: the device
 * @index: the buffer
 *
 * Return: the frame, without a token and without a copy of the memory
 */
MediaFrame media_frame_of(const Media *media, unsigned index);

/**
 * media_finish_buffer() - Return a buffer to the driver by an event
 * @media: the device
 * @index: the buffer
 * @flags: V4L2's flags of the buffer
 */
void media_finish_buffer(Media *media, unsigned index, uint32_t flags);

/**
 * media_fill_buffers() - Let the pipeline fill the buffers that are queued
 * @media: a capture that streams
 */
void media_fill_buffers(Media *media);

/**
 * media_release_buffers() - End the stream, and free all buffers
 * @media: the device
 */
void media_release_buffers(Media *media);

/**
 * media_describe_buffer() - Describe a buffer to the driver
 * @media: the device
 * @index: the buffer
 * @v4l2: filled in
 */
void media_describe_buffer(const Media *media, unsigned index,
                           struct v4l2_buffer *v4l2);

#endif /* CONTRIB_VHOST_USER_MEDIA_INTERNAL_H */
