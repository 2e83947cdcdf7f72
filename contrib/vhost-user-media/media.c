/*
 * A virtio-media device: commands, sessions and events
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "media-internal.h"

typedef struct MediaIoctl {
    unsigned long request;
    int (*run)(MediaCall *call);
    uint32_t type;      /* V4L2_BUF_TYPE_* of the device; 0: any */
} MediaIoctl;

static const MediaIoctl ioctls[] = {
    { VIDIOC_ENUM_FMT, media_enum_fmt },
    { VIDIOC_ENUM_FRAMESIZES, media_enum_framesizes },
    { VIDIOC_G_FMT, media_g_fmt },
    { VIDIOC_S_FMT, media_s_fmt },
    { VIDIOC_TRY_FMT, media_try_fmt },
    { VIDIOC_G_PARM, media_g_parm },
    { VIDIOC_S_PARM, media_s_parm },
    { VIDIOC_G_SELECTION, media_g_selection },
    { VIDIOC_S_SELECTION, media_s_selection },
    { VIDIOC_ENUMOUTPUT, media_enum_output, V4L2_BUF_TYPE_VIDEO_OUTPUT },
    { VIDIOC_G_OUTPUT, media_g_end, V4L2_BUF_TYPE_VIDEO_OUTPUT },
    { VIDIOC_S_OUTPUT, media_s_end, V4L2_BUF_TYPE_VIDEO_OUTPUT },
    { VIDIOC_ENUMINPUT, media_enum_input, V4L2_BUF_TYPE_VIDEO_CAPTURE },
    { VIDIOC_G_INPUT, media_g_end, V4L2_BUF_TYPE_VIDEO_CAPTURE },
    { VIDIOC_S_INPUT, media_s_end, V4L2_BUF_TYPE_VIDEO_CAPTURE },
    { VIDIOC_SUBSCRIBE_EVENT, media_subscribe_event },
    { VIDIOC_UNSUBSCRIBE_EVENT, media_unsubscribe_event },
    { VIDIOC_REQBUFS, media_reqbufs },
    { VIDIOC_CREATE_BUFS, media_create_bufs },
    { VIDIOC_QUERYBUF, media_querybuf },
    { VIDIOC_PREPARE_BUF, media_prepare_buf },
    { VIDIOC_QBUF, media_qbuf },
    { VIDIOC_STREAMON, media_streamon },
    { VIDIOC_STREAMOFF, media_streamoff },
};

static const MediaIoctl *find_ioctl(const Media *media, uint32_t code)
{
    for (int i = 0; i < ARRAY_SIZE(ioctls); i++) {
        const MediaIoctl *ioc = &ioctls[i];

        if (_IOC_NR(ioc->request) == code &&
            (!ioc->type || ioc->type == media->type)) {
            return ioc;
        }
    }
    return NULL;
}

static MediaSession *find_session(Media *media, uint32_t id)
{
    return g_hash_table_lookup(media->sessions, GUINT_TO_POINTER(id));
}

static size_t respond(const struct iovec *in, unsigned in_num, int error)
{
    struct virtio_media_resp_header resp = { .status = error };

    if (iov_size(in, in_num) < sizeof(resp)) {
        return 0;
    }
    return iov_from_buf(in, in_num, 0, &resp, sizeof(resp));
}

/* Return: size of the payload in the given direction */
static size_t payload_size(const MediaIoctl *ioc, unsigned direction)
{
    return _IOC_DIR(ioc->request) & direction ? _IOC_SIZE(ioc->request) : 0;
}

static int run_ioctl(MediaCall *call, const MediaIoctl *ioc, size_t in_size)
{
    size_t size = payload_size(ioc, _IOC_WRITE);
    size_t answer = sizeof(struct virtio_media_resp_header) +
                    payload_size(ioc, _IOC_READ);

    assert(_IOC_SIZE(ioc->request) <= sizeof(call->arg));
    if (iov_to_buf(call->out, call->out_num, call->out_pos, &call->arg,
                   size) < size || in_size < answer) {
        return -EINVAL;
    }
    call->out_pos += size;
    call->room = in_size - answer;
    return ioc->run(call);
}

static size_t command_ioctl(Media *media, const struct iovec *out,
                            unsigned out_num, const struct iovec *in,
                            unsigned in_num)
{
    MediaCall call = {
        .media = media, .out = out, .out_num = out_num,
        .out_pos = sizeof(struct virtio_media_cmd_ioctl),
    };
    struct virtio_media_cmd_ioctl cmd;
    const MediaIoctl *ioc;
    size_t pos;
    int error;

    if (iov_to_buf(out, out_num, 0, &cmd, sizeof(cmd)) < sizeof(cmd)) {
        return respond(in, in_num, EINVAL);
    }
    call.session = find_session(media, cmd.session_id);
    if (!call.session) {
        return respond(in, in_num, EINVAL);
    }
    if (call.session->error) {
        return respond(in, in_num, ENODEV);
    }
    ioc = find_ioctl(media, cmd.code);
    if (!ioc) {
        return respond(in, in_num, ENOTTY);
    }
    error = run_ioctl(&call, ioc, iov_size(in, in_num));
    pos = respond(in, in_num, -error);
    if (error) {
        return pos;
    }
    pos += iov_from_buf(in, in_num, pos, &call.arg,
                        payload_size(ioc, _IOC_READ));
    return pos + iov_from_buf(in, in_num, pos, call.extra, call.extra_len);
}

static uint32_t unused_id(Media *media)
{
    do {
        media->last_id++;
    } while (media->last_id == 0 || find_session(media, media->last_id));
    return media->last_id;
}

static size_t command_open(Media *media, const struct iovec *in,
                           unsigned in_num)
{
    struct virtio_media_resp_open resp = {};
    MediaSession *session;

    if (iov_size(in, in_num) < sizeof(resp)) {
        return respond(in, in_num, EINVAL);
    }
    if (g_hash_table_size(media->sessions) >= MEDIA_MOST_SESSIONS) {
        return respond(in, in_num, EMFILE);
    }
    session = g_new0(MediaSession, 1);
    session->id = resp.session_id = unused_id(media);
    g_hash_table_insert(media->sessions, GUINT_TO_POINTER(session->id),
                        session);
    return iov_from_buf(in, in_num, 0, &resp, sizeof(resp));
}

/* This command has no response */
static void command_close(Media *media, const struct iovec *out,
                          unsigned out_num)
{
    struct virtio_media_cmd_close cmd;
    MediaSession *session;

    if (iov_to_buf(out, out_num, 0, &cmd, sizeof(cmd)) < sizeof(cmd)) {
        return;
    }
    session = find_session(media, cmd.session_id);
    if (session && session == media->owner) {
        media_release_buffers(media);
    }
    g_hash_table_remove(media->sessions, GUINT_TO_POINTER(cmd.session_id));
}

size_t media_command(Media *media, const struct iovec *out, unsigned out_num,
                     const struct iovec *in, unsigned in_num)
{
    struct virtio_media_cmd_header hdr;

    if (iov_to_buf(out, out_num, 0, &hdr, sizeof(hdr)) < sizeof(hdr)) {
        return respond(in, in_num, EINVAL);
    }
    switch (hdr.cmd) {
    case VIRTIO_MEDIA_CMD_OPEN:
        return command_open(media, in, in_num);
    case VIRTIO_MEDIA_CMD_CLOSE:
        command_close(media, out, out_num);
        return 0;
    case VIRTIO_MEDIA_CMD_IOCTL:
        return command_ioctl(media, out, out_num, in, in_num);
    default:
        return respond(in, in_num, ENOTTY);
    }
}

static MediaSession *session_with_event(Media *media)
{
    GHashTableIter iter;
    MediaSession *session;

    g_hash_table_iter_init(&iter, media->sessions);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&session)) {
        if (session->error && !session->error_sent) {
            return session;
        }
    }
    return NULL;
}

bool media_has_event(Media *media)
{
    return !g_queue_is_empty(&media->done) || session_with_event(media);
}

static size_t fill_dequeued(Media *media, const struct iovec *in,
                            unsigned in_num)
{
    unsigned index = GPOINTER_TO_UINT(g_queue_peek_head(&media->done));
    MediaDequeued event = {
        .hdr.event = VIRTIO_MEDIA_EVT_DQBUF,
        .hdr.session_id = media->owner->id,
    };

    if (iov_size(in, in_num) < sizeof(event)) {
        return 0;
    }
    g_queue_pop_head(&media->done);
    media->buffers[index].state = MEDIA_DEQUEUED;
    media_describe_buffer(media, index, &event.buffer);
    return iov_from_buf(in, in_num, 0, &event, sizeof(event));
}

size_t media_fill_event(Media *media, const struct iovec *in, unsigned in_num)
{
    MediaSession *session = session_with_event(media);
    struct virtio_media_event_error event = {
        .hdr.event = VIRTIO_MEDIA_EVT_ERROR,
    };

    if (!session) {
        return fill_dequeued(media, in, in_num);
    }
    event.hdr.session_id = session->id;
    event.error = session->error;
    if (iov_size(in, in_num) < sizeof(event)) {
        return 0;
    }
    session->error_sent = true;
    return iov_from_buf(in, in_num, 0, &event, sizeof(event));
}

void media_stream_failed(Media *media)
{
    MediaSession *session = media->owner;

    if (media->streaming) {
        media_release_buffers(media);
        session->error = EIO;
        media->ops->event_ready(media->opaque);
    }
}

void media_config(struct virtio_media_config *config, bool capture,
                  const char *card)
{
    *config = (struct virtio_media_config) {
        .device_caps = (capture ? V4L2_CAP_VIDEO_CAPTURE
                                : V4L2_CAP_VIDEO_OUTPUT) |
                       V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT,
    };
    memcpy(config->card, card, strnlen(card, sizeof(config->card)));
}

Media *media_new(const MediaOps *ops, void *opaque)
{
    Media *media = g_new0(Media, 1);

    media->ops = ops;
    media->opaque = opaque;
    media->type = ops->capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE
                               : V4L2_BUF_TYPE_VIDEO_OUTPUT;
    media->sessions = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    media_default_format(media);
    return media;
}

void media_reset(Media *media)
{
    media_release_buffers(media);
    g_hash_table_remove_all(media->sessions);
    media_default_format(media);
}

void media_free(Media *media)
{
    if (media) {
        media_reset(media);
        g_hash_table_destroy(media->sessions);
        g_free(media);
    }
}
