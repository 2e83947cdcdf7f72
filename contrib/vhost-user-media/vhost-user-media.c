/*
 * A vhost-user-media back-end: frames go from the guest to a GStreamer
 * pipeline, or from a pipeline to the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>
#include <gst/gst.h>
#include <sys/eventfd.h>
#include "libvhost-user-glib.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/sockets.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "standard-headers/linux/virtio_config.h"
#include "media-sink.h"
#include "media-source.h"

enum { COMMAND_QUEUE, EVENT_QUEUE, QUEUES };

/* The lookup of an object; @fd is -1 if the object was not found */
typedef struct Lookup {
    uint8_t uuid[VIRTIO_MEDIA_UUID_LEN];
    guint watch;        /* source that waits for the reply, or 0 */
    bool done;          /* the next command uses the result */
    bool stale;         /* the device was reset after the request */
    int fd;
    VhostUserObjectInfo info;
} Lookup;

typedef struct Backend {
    VugDev vug;
    Media *media;
    MediaSink *sink;        /* of an output */
    MediaSource *source;    /* of a capture */
    GMainLoop *loop;
    bool started[QUEUES];
    bool connected;
    bool failed;
    bool deferred;      /* the command waits for @lookup */
    Lookup lookup;
} Backend;

static char *socket_path, *pipeline, *card;
static int socket_fd = -1;
static gboolean output, capture;

static GOptionEntry options[] = {
    { "socket-path", 's', 0, G_OPTION_ARG_FILENAME, &socket_path,
      "Socket to which QEMU connects", "PATH" },
    { "fd", 'f', 0, G_OPTION_ARG_INT, &socket_fd,
      "Socket that is connected to QEMU", "FD" },
    { "output", 'o', 0, G_OPTION_ARG_NONE, &output,
      "Be a video output: frames go from the guest to the pipeline", NULL },
    { "capture", 'i', 0, G_OPTION_ARG_NONE, &capture,
      "Be a video capture: frames go from the pipeline to the guest", NULL },
    { "pipeline", 'p', 0, G_OPTION_ARG_STRING, &pipeline,
      "Elements of GStreamer, in the form of gst-launch-1.0", "PIPELINE" },
    { "card", 'c', 0, G_OPTION_ARG_STRING, &card,
      "Name of the device in the guest", "NAME" },
    { NULL }
};

static Backend *backend_of(VuDev *dev)
{
    return container_of(dev, Backend, vug.parent);
}

static void *translate(void *opaque, uint64_t addr, uint64_t *len)
{
    Backend *backend = opaque;

    return vu_gpa_to_va(&backend->vug.parent, len, addr);
}

static bool is_linear(const VhostUserObjectInfo *info)
{
    return info->num_planes == 1 &&
           (info->modifier == DRM_FORMAT_MOD_LINEAR ||
            info->modifier == VHOST_USER_OBJECT_MODIFIER_UNKNOWN);
}

/* Call the handler of a queue once more; the driver may not kick again */
static void kick(VuVirtq *vq)
{
    if (vq->kick_fd >= 0 && eventfd_write(vq->kick_fd, 1) < 0) {
        g_warning("cannot kick a queue: %s", g_strerror(errno));
    }
}

static void drop_result(Lookup *lookup)
{
    if (lookup->done && lookup->fd >= 0) {
        close(lookup->fd);
    }
    lookup->done = false;
}

static gboolean reply_cb(gint channel, GIOCondition condition, gpointer opaque)
{
    Backend *backend = opaque;
    VuDev *dev = &backend->vug.parent;
    Lookup *lookup = &backend->lookup;

    lookup->watch = 0;
    lookup->done = true;
    vu_end_lookup(dev, &lookup->fd, &lookup->info);
    if (lookup->stale) {
        drop_result(lookup);
    }
    kick(vu_get_queue(dev, COMMAND_QUEUE));
    return G_SOURCE_REMOVE;
}

/*
 * QEMU may wait for this process before it replies: the command is put back
 * into its queue, and run again when there is a reply.
 */
static void begin_lookup(Backend *backend, uint8_t *uuid)
{
    VuDev *dev = &backend->vug.parent;
    Lookup *lookup = &backend->lookup;

    if (!lookup->watch) {
        drop_result(lookup);
        if (!vu_begin_lookup(dev, uuid)) {
            return;
        }
        memcpy(lookup->uuid, uuid, sizeof(lookup->uuid));
        lookup->stale = false;
        lookup->watch = g_unix_fd_add(dev->backend_fd, G_IO_IN | G_IO_HUP,
                                      reply_cb, backend);
    }
    backend->deferred = true;
}

static void reset_lookup(Lookup *lookup)
{
    drop_result(lookup);
    lookup->stale = true;
}

static int look_up(void *opaque, uint8_t *uuid, MediaLayout *layout)
{
    Backend *backend = opaque;
    Lookup *lookup = &backend->lookup;
    const VhostUserObjectInfo *info = &lookup->info;

    if (!lookup->done || memcmp(lookup->uuid, uuid, sizeof(lookup->uuid))) {
        begin_lookup(backend, uuid);
        return -1;
    }
    lookup->done = false;
    if (lookup->fd >= 0 && info->num_planes) {
        *layout = (MediaLayout) {
            .width = info->width, .height = info->height,
            .fourcc = info->fourcc,
            .stride = info->strides[0], .offset = info->offsets[0],
            .bottom_up = info->flags & VHOST_USER_OBJECT_BOTTOM_UP,
            .linear = is_linear(info),
        };
    }
    return lookup->fd;
}

/* Limited: a driver may keep adding buffers that are too small */
static void send_events(Backend *backend)
{
    VuDev *dev = &backend->vug.parent;
    VuVirtq *vq = vu_get_queue(dev, EVENT_QUEUE);
    VuVirtqElement *elem;
    int i = 0;

    while (backend->started[EVENT_QUEUE] && media_has_event(backend->media) &&
           (elem = vu_queue_pop(dev, vq, sizeof(*elem)))) {
        vu_queue_push(dev, vq, elem,
                      media_fill_event(backend->media, elem->in_sg,
                                       elem->in_num));
        vu_queue_notify(dev, vq);
        free(elem);
        if (++i == vq->vring.num) {
            kick(vq);
            break;
        }
    }
}

static void event_ready(void *opaque)
{
    send_events(opaque);
}

static void start(void *opaque, const struct v4l2_pix_format *pix,
                  const struct v4l2_fract *interval)
{
    Backend *backend = opaque;

    media_sink_start(backend->sink, pix, interval);
}

static bool push(void *opaque, MediaFrame *frame)
{
    Backend *backend = opaque;

    return media_sink_push(backend->sink, frame);
}

static void stop(void *opaque)
{
    Backend *backend = opaque;

    media_sink_stop(backend->sink);
}

static const MediaOps output_ops = {
    .translate = translate,
    .lookup = look_up,
    .start = start,
    .push = push,
    .stop = stop,
    .event_ready = event_ready,
};

static void frame_done(void *opaque, uint32_t token)
{
    Backend *backend = opaque;

    media_frame_done(backend->media, token);
}

static void pipeline_failed(void *opaque)
{
    Backend *backend = opaque;

    media_stream_failed(backend->media);
}

static const MediaSinkOps sink_ops = {
    .frame_done = frame_done,
    .failed = pipeline_failed,
};

static void start_source(void *opaque, const struct v4l2_pix_format *pix,
                         const struct v4l2_fract *interval)
{
    Backend *backend = opaque;

    media_source_start(backend->source, pix, interval);
}

static void wake_source(void *opaque)
{
    Backend *backend = opaque;

    media_source_wake(backend->source);
}

static void stop_source(void *opaque)
{
    Backend *backend = opaque;

    media_source_stop(backend->source);
}

static const MediaOps capture_ops = {
    .capture = true,
    .translate = translate,
    .lookup = look_up,
    .start = start_source,
    .frame_wanted = wake_source,
    .stop = stop_source,
    .event_ready = event_ready,
};

/* Write no frame to the memory of a stopped guest */
static bool wants_frame(void *opaque)
{
    Backend *backend = opaque;

    return backend->started[EVENT_QUEUE] && media_wants_frame(backend->media);
}

static void put_frame(void *opaque, const uint8_t *data, ptrdiff_t stride)
{
    Backend *backend = opaque;

    media_put_frame(backend->media, data, stride);
}

static void source_ended(void *opaque)
{
    Backend *backend = opaque;

    media_stream_ended(backend->media);
}

static const MediaSourceOps source_ops = {
    .wants_frame = wants_frame,
    .put_frame = put_frame,
    .ended = source_ended,
    .failed = pipeline_failed,
};

/*
 * A command can take long: it may copy a large frame, or look up an object of
 * a back-end that does not reply.  Messages are served between two commands.
 */
static void handle_commands(VuDev *dev, int index)
{
    Backend *backend = backend_of(dev);
    VuVirtq *vq = vu_get_queue(dev, index);
    VuVirtqElement *elem = vu_queue_pop(dev, vq, sizeof(*elem));
    size_t len;

    if (!elem) {
        return;
    }
    backend->deferred = false;
    len = media_command(backend->media, elem->out_sg, elem->out_num,
                        elem->in_sg, elem->in_num);
    if (backend->deferred) {
        vu_queue_unpop(dev, vq, elem, 0);
        free(elem);
        return;
    }
    vu_queue_push(dev, vq, elem, len);
    vu_queue_notify(dev, vq);
    free(elem);
    kick(vq);
}

static void handle_events(VuDev *dev, int index)
{
    Backend *backend = backend_of(dev);

    send_events(backend);
    if (capture) {
        media_source_wake(backend->source);
    }
}

static void queue_set_started(VuDev *dev, int index, bool started)
{
    static const vu_queue_handler_cb handlers[QUEUES] = {
        handle_commands, handle_events,
    };

    VuVirtq *vq = vu_get_queue(dev, index);

    backend_of(dev)->started[index] = started;
    vu_set_queue_handler(dev, vq, started ? handlers[index] : NULL);
    if (started) {
        kick(vq);   /* handle what was added while it was stopped */
    }
}

static uint64_t get_features(VuDev *dev)
{
    return 1ULL << VIRTIO_F_VERSION_1;
}

static uint64_t get_protocol_features(VuDev *dev)
{
    return 1ULL << VHOST_USER_PROTOCOL_F_CONFIG |
           1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT |
           1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO |
           1ULL << VHOST_USER_PROTOCOL_F_RESET_DEVICE;
}

static int get_config(VuDev *dev, uint8_t *config, uint32_t len)
{
    struct virtio_media_config media;

    media_config(&media, capture, card ?: capture ? "QEMU video capture"
                                                  : "QEMU video output");
    memset(config, 0, len);
    memcpy(config, &media, MIN(len, sizeof(media)));
    return 0;
}

/* Ignore writes: the driver may only read the configuration */
static int set_config(VuDev *dev, const uint8_t *data, uint32_t offset,
                      uint32_t size, uint32_t flags)
{
    return 0;
}

static void end_session(Backend *backend)
{
    backend->connected = false;
    g_main_loop_quit(backend->loop);
}

/* libvhost-user reports a closed connection as VHOST_USER_NONE */
static int process_msg(VuDev *dev, VhostUserMsg *msg, int *do_reply)
{
    Backend *backend = backend_of(dev);

    switch (msg->request) {
    case VHOST_USER_NONE:
        end_session(backend);
        break;
    case VHOST_USER_RESET_DEVICE:
        media_reset(backend->media);
        reset_lookup(&backend->lookup);
        break;
    default:
        return 0;
    }
    *do_reply = 0;
    return 1;
}

static void panic(VuDev *dev, const char *reason)
{
    Backend *backend = backend_of(dev);

    if (backend->connected) {
        error_report("%s", reason ? reason : "vhost-user failed");
        backend->failed = true;
    }
    end_session(backend);
}

static const VuDevIface iface = {
    .get_features = get_features,
    .get_protocol_features = get_protocol_features,
    .get_config = get_config,
    .set_config = set_config,
    .process_msg = process_msg,
    .queue_set_started = queue_set_started,
};

static bool serve(Backend *backend, int sock)
{
    backend->connected = true;
    if (!vug_init(&backend->vug, QUEUES, sock, panic, &iface)) {
        error_report("vhost-user could not be initialised");
        close(sock);
        return false;
    }
    g_main_loop_run(backend->loop);
    backend->started[EVENT_QUEUE] = false;
    media_reset(backend->media);
    reset_lookup(&backend->lookup);
    g_clear_handle_id(&backend->lookup.watch, g_source_remove);
    vu_deinit(&backend->vug.parent);
    vug_deinit(&backend->vug);
    return !backend->failed;
}

static gboolean interrupted(gpointer opaque)
{
    end_session(opaque);
    return G_SOURCE_CONTINUE;
}

static void parse_options(int *argc, char ***argv)
{
    g_autoptr(GOptionContext) context =
        g_option_context_new("- a virtio-media device");
    g_autoptr(GError) err = NULL;

    g_option_context_add_main_entries(context, options, NULL);
    g_option_context_add_group(context, gst_init_get_option_group());
    if (!g_option_context_parse(context, argc, argv, &err)) {
        error_report("%s", err->message);
        exit(EXIT_FAILURE);
    }
    if (output == capture || !pipeline || *argc != 1 ||
        (socket_fd >= 0) == (socket_path != NULL)) {
        error_report("--pipeline, one of --output and --capture, and one of"
                     " --socket-path and --fd are required, and other arguments"
                     " are not allowed");
        exit(EXIT_FAILURE);
    }
}

/* Return: the connection; exits if there is none */
static int connection(void)
{
    int listener, sock;

    if (socket_fd >= 0) {
        return socket_fd;
    }
    listener = unix_listen(socket_path, &error_fatal);
    sock = accept(listener, NULL, NULL);
    close(listener);
    unlink(socket_path);
    if (sock < 0) {
        error_report("accept: %s", g_strerror(errno));
        exit(EXIT_FAILURE);
    }
    return sock;
}

static void create_device(Backend *backend)
{
    g_autoptr(GError) err = NULL;

    if (capture) {
        backend->source = media_source_new(pipeline, &source_ops, backend,
                                           &err);
    } else {
        backend->sink = media_sink_new(pipeline, &sink_ops, backend, &err);
    }
    if (err) {
        error_report("--pipeline: %s", err->message);
        exit(EXIT_FAILURE);
    }
    backend->media = media_new(capture ? &capture_ops : &output_ops, backend);
}

static void free_device(Backend *backend)
{
    media_free(backend->media);
    if (capture) {
        media_source_free(backend->source);
    } else {
        media_sink_free(backend->sink);
    }
}

int main(int argc, char **argv)
{
    Backend backend = {};
    bool ok;
    int sock;

    error_init(argv[0]);
    parse_options(&argc, &argv);
    signal(SIGPIPE, SIG_IGN);
    create_device(&backend);
    sock = connection();
    backend.loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGINT, interrupted, &backend);
    g_unix_signal_add(SIGTERM, interrupted, &backend);

    ok = serve(&backend, sock);

    free_device(&backend);
    g_main_loop_unref(backend.loop);
    g_free(socket_path);
    g_free(pipeline);
    g_free(card);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
