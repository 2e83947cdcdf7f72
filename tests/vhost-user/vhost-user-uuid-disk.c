/*
 * A vhost-user-blk back-end that is backed by a shared object
 *
 * The guest writes the UUID of an object of another device, such as a resource
 * of virtio-gpu, to the first sector.  This program looks up the object and
 * maps its memory without a copy.  See uuid-disk.h for the sectors.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/eventfd.h>
#include <glib-unix.h>
#include "libvhost-user-glib.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/sockets.h"
#include "control.h"
#include "disk-requests.h"

#define QUEUES  64

typedef struct Backend {
    VugDev vug;
    UUIDDisk disk;
    Control control;
    GMainLoop *loop;
    bool connected;
    bool failed;
    bool stopped;       /* by a signal */
} Backend;

static char *socket_path;
static gboolean persistent, read_only;

static GOptionEntry options[] = {
    { "socket-path", 's', 0, G_OPTION_ARG_FILENAME, &socket_path,
      "Socket to which QEMU connects", "PATH" },
    { "read-only", 'r', 0, G_OPTION_ARG_NONE, &read_only,
      "Map objects read-only", NULL },
    { "persistent", 'p', 0, G_OPTION_ARG_NONE, &persistent,
      "Wait for the next connection when QEMU disconnects", NULL },
    { NULL }
};

static Backend *backend_of(VuDev *dev)
{
    return container_of(dev, Backend, vug.parent);
}

static int look_up(void *opaque, uint8_t uuid[16], VhostUserObjectInfo *info)
{
    VuDev *dev = opaque;
    int fd = -1;

    if (dev->backend_fd < 0) {
        return -1;
    }
    return vu_lookup_shared_object_info(dev, uuid, &fd, info) ? fd : -1;
}

/* Call the handler of a queue once more; the driver may not kick again */
static void kick(VuVirtq *vq)
{
    if (vq->kick_fd >= 0 && eventfd_write(vq->kick_fd, 1) < 0) {
        g_warning("cannot kick a queue: %s", g_strerror(errno));
    }
}

/* Execute one request: messages are served before the next one */
static void handle_queue(VuDev *dev, int index)
{
    Backend *backend = backend_of(dev);
    VuVirtq *vq = vu_get_queue(dev, index);
    VuVirtqElement *elem = vu_queue_pop(dev, vq, sizeof(*elem));
    DiskRequest req;

    if (!elem) {
        return;
    }
    req = (DiskRequest) {
        .out = elem->out_sg, .out_num = elem->out_num,
        .in = elem->in_sg, .in_num = elem->in_num,
    };
    vu_queue_push(dev, vq, elem, disk_request_run(&backend->disk, &req));
    vu_queue_notify(dev, vq);
    free(elem);
    kick(vq);
}

static void queue_set_started(VuDev *dev, int index, bool started)
{
    VuVirtq *vq = vu_get_queue(dev, index);

    vu_set_queue_handler(dev, vq, started ? handle_queue : NULL);
    if (started) {
        kick(vq);   /* handle what was added while it was stopped */
    }
}

static uint64_t get_features(VuDev *dev)
{
    return 1ULL << VIRTIO_F_VERSION_1 | DISK_REQUEST_FEATURES;
}

/* libvhost-user adds the features that it implements, such as BACKEND_REQ */
static uint64_t get_protocol_features(VuDev *dev)
{
    return 1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT |
           1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO |
           1ULL << VHOST_USER_PROTOCOL_F_RESET_DEVICE;
}

static int get_config(VuDev *dev, uint8_t *config, uint32_t len)
{
    struct virtio_blk_config blk;

    disk_request_config(&blk);
    memset(config, 0, len);
    memcpy(config, &blk, MIN(len, sizeof(blk)));
    return 0;
}

/* A driver can set only the write cache, which this disk does not have */
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
        /* QEMU has already stopped the queues */
        uuid_disk_clear(&backend->disk);
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

/* Serve one connection.  Return: false if it ends with an error */
static bool serve(Backend *backend, int sock)
{
    backend->connected = true;
    backend->failed = false;
    backend->disk = (UUIDDisk) {
        .lookup = look_up,
        .opaque = &backend->vug.parent,
        .read_only = read_only,
        .object.fd = -1,
    };
    if (!vug_init(&backend->vug, QUEUES, sock, panic, &iface)) {
        error_report("vhost-user could not be initialised");
        close(sock);
        return false;
    }
    g_main_loop_run(backend->loop);
    vu_deinit(&backend->vug.parent);
    vug_deinit(&backend->vug);
    uuid_disk_clear(&backend->disk);
    return !backend->failed;
}

static gboolean stop(gpointer opaque)
{
    Backend *backend = opaque;

    backend->stopped = true;
    end_session(backend);
    return G_SOURCE_CONTINUE;
}

static gboolean connection_waits(gint fd, GIOCondition cond, gpointer opaque)
{
    g_main_loop_quit(opaque);
    return G_SOURCE_REMOVE;
}

/* Wait for QEMU, and handle signals and commands.  Return: -1 if stopped */
static int wait_for_connection(Backend *backend, int listener)
{
    guint source = g_unix_fd_add(listener, G_IO_IN, connection_waits,
                                 backend->loop);

    g_main_loop_run(backend->loop);
    if (backend->stopped) {
        g_source_remove(source);
        return -1;
    }
    return accept(listener, NULL, NULL);
}

static bool serve_all(Backend *backend, int listener)
{
    bool ok;
    int sock;

    do {
        sock = wait_for_connection(backend, listener);
        if (sock < 0) {
            return backend->stopped;
        }
        ok = serve(backend, sock);
    } while (persistent && !backend->stopped);
    return ok;
}

static void parse_options(int *argc, char ***argv)
{
    g_autoptr(GOptionContext) context =
        g_option_context_new("- a disk backed by a shared object");
    g_autoptr(GError) err = NULL;
    g_autofree char *help = control_help();

    g_option_context_add_main_entries(context, options, NULL);
    g_option_context_set_description(context, help);
    if (!g_option_context_parse(context, argc, argv, &err)) {
        error_report("%s", err->message);
        exit(EXIT_FAILURE);
    }
    if (!socket_path || *argc != 1) {
        error_report("--socket-path is required, and other arguments are not"
                     " allowed");
        exit(EXIT_FAILURE);
    }
}

/* Otherwise a socket could become standard output, and get the answers */
static void occupy_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    close(fd);
}

int main(int argc, char **argv)
{
    Backend backend = {};
    int listener;
    bool ok;

    occupy_standard_descriptors();
    error_init(argv[0]);
    parse_options(&argc, &argv);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);   /* a job in the background reads no commands */
    listener = unix_listen(socket_path, &error_fatal);
    backend.loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGINT, stop, &backend);
    g_unix_signal_add(SIGTERM, stop, &backend);
    control_start(&backend.control, &backend.disk);

    ok = serve_all(&backend, listener);

    control_stop(&backend.control);
    g_main_loop_unref(backend.loop);
    close(listener);
    unlink(socket_path);
    g_free(socket_path);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
