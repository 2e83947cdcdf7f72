/*
 * Asynchronous messages of vhost-user back-ends
 *
 * These messages are requests on back-end channels, and replies to
 * GET_SHARED_OBJECT on main channels.  QEMU never blocks to read one, not even
 * in the middle of a message: a message is read as far as it has arrived, by
 * the main loop or by a thread that waits for a back-end for another reason.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-export.h"
#include "vhost-user-reader.h"

#define HEADER_SIZE offsetof(VhostUserIncoming, num_fds)

typedef struct ReaderSource {
    GSource parent;
    VhostUserReader *reader;
    GPollFD pfd;
} ReaderSource;

/*
 * How many readers the main loop serves in one iteration, each with one
 * message: many back-ends together must not hold it up.  The readers that were
 * not served come first in the next iteration.
 */
#define MAX_SERVED 16

static QTAILQ_HEAD(, VhostUserReader) readers =
    QTAILQ_HEAD_INITIALIZER(readers);
static bool waiting;

static struct {
    uint64_t round;         /* serves each reader at most once */
    unsigned int ready;     /* readers that had data in this iteration */
    unsigned int served;    /* readers that were served in this iteration */
} turn = { .round = 1 };

/* A character device closes its socket without notice */
static bool reader_is_closed(const VhostUserReader *reader)
{
    return reader->sioc->fd < 0;
}

/* The main loop prepares its sources before it dispatches any of them */
static void reader_begin_iteration(void)
{
    if (turn.ready && turn.served < MAX_SERVED) {
        turn.round++;
    }
    turn.ready = 0;
    turn.served = 0;
}

static bool reader_may_be_served(const VhostUserReader *reader)
{
    return turn.served < MAX_SERVED && reader->round != turn.round;
}

static gboolean reader_source_prepare(GSource *source, gint *timeout)
{
    reader_begin_iteration();
    *timeout = -1;
    return reader_is_closed(((ReaderSource *)source)->reader);
}

static gboolean reader_source_check(GSource *source)
{
    ReaderSource *s = (ReaderSource *)source;

    return s->pfd.revents || reader_is_closed(s->reader);
}

static gboolean reader_source_dispatch(GSource *source, GSourceFunc callback,
                                       gpointer opaque)
{
    VhostUserReader *reader = ((ReaderSource *)source)->reader;

    turn.ready++;
    if (reader_may_be_served(reader)) {
        turn.served++;
        reader->round = turn.round;
        reader->receive(reader);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs reader_source_funcs = {
    .prepare = reader_source_prepare,
    .check = reader_source_check,
    .dispatch = reader_source_dispatch,
};

void vhost_user_reader_watch(VhostUserReader *reader, bool on)
{
    ReaderSource *s;

    if (on && !reader->source) {
        reader->source = g_source_new(&reader_source_funcs,
                                      sizeof(ReaderSource));
        s = (ReaderSource *)reader->source;
        s->reader = reader;
        s->pfd.fd = reader->sioc->fd;
        s->pfd.events = G_IO_IN | G_IO_HUP | G_IO_ERR;
        g_source_add_poll(reader->source, &s->pfd);
        /* otherwise GLib wakes its own poll() before and after each dispatch */
        g_source_set_can_recurse(reader->source, true);
        g_source_attach(reader->source, NULL);
    } else if (!on && reader->source) {
        g_source_destroy(reader->source);
        g_clear_pointer(&reader->source, g_source_unref);
    }
}

void vhost_user_reader_open(VhostUserReader *reader, QIOChannelSocket *sioc)
{
    reader->sioc = QIO_CHANNEL_SOCKET(object_ref(OBJECT(sioc)));
    QTAILQ_INSERT_TAIL(&readers, reader, next);
}

void vhost_user_reader_close(VhostUserReader *reader)
{
    if (reader->sioc) {
        vhost_user_reader_watch(reader, false);
        QTAILQ_REMOVE(&readers, reader, next);
        g_clear_pointer(&reader->partial, vhost_user_incoming_free);
        reader->done = 0;
        object_unref(OBJECT(reader->sioc));
        reader->sioc = NULL;
    }
}

void vhost_user_incoming_free(VhostUserIncoming *msg)
{
    if (msg) {
        while (msg->num_fds) {
            close(msg->fds[--msg->num_fds]);
        }
        g_free(msg->fds);
        g_free(msg);
    }
}

int vhost_user_incoming_take_fd(VhostUserIncoming *msg)
{
    int fd = msg->num_fds == 1 ? msg->fds[0] : -1;

    if (fd >= 0) {
        msg->num_fds = 0;
    }
    return fd;
}

/* Keep the first file descriptors of a message, and close any further ones */
static void reader_keep_fds(VhostUserIncoming *msg, int *fds, size_t num)
{
    if (!msg->fds) {
        msg->fds = fds;
        msg->num_fds = num;
        return;
    }
    while (num) {
        close(fds[--num]);
    }
    g_free(fds);
}

/* Return: false without an error if no more data has arrived */
static bool reader_read(VhostUserReader *reader, void *buf, size_t len,
                        Error **errp)
{
    struct iovec iov = { .iov_base = buf, .iov_len = len };
    size_t num = 0;
    int *fds = NULL;
    ssize_t ret;

    if (reader_is_closed(reader)) {
        error_setg(errp, "the connection is closed");
        return false;
    }
    ret = qio_channel_readv_full(QIO_CHANNEL(reader->sioc), &iov, 1, &fds,
                                 &num, 0, errp);
    if (num) {
        reader_keep_fds(reader->partial, fds, num);
    }
    if (ret == 0) {
        error_setg(errp, "the back-end has closed the connection");
    } else if (ret > 0) {
        reader->done += ret;
    }
    return ret > 0;
}

VhostUserIncoming *vhost_user_reader_get(VhostUserReader *reader,
                                         Error **errp)
{
    VhostUserIncoming *msg = reader->partial;
    size_t done;

    if (!msg) {
        msg = g_malloc0(sizeof(*msg) + reader->max_payload);
        reader->partial = msg;
    }
    while (reader->done < HEADER_SIZE) {
        if (!reader_read(reader, (char *)msg + reader->done,
                         HEADER_SIZE - reader->done, errp)) {
            return NULL;
        }
    }
    if (msg->size > reader->max_payload) {
        error_setg(errp, "the payload of %" PRIu32 " bytes exceeds the maximum "
                   "of %zu", msg->size, reader->max_payload);
        return NULL;
    }
    while ((done = reader->done - HEADER_SIZE) < msg->size) {
        if (!reader_read(reader, (char *)msg->payload + done, msg->size - done,
                         errp)) {
            return NULL;
        }
    }
    reader->partial = NULL;
    reader->done = 0;
    return msg;
}

bool vhost_user_reader_waiting(void)
{
    return waiting;
}

/* Return: the array for poll(): first @sioc, then each reader */
static GArray *reader_poll_array(QIOChannelSocket *sioc, int events)
{
    GArray *array = g_array_new(false, false, sizeof(GPollFD));
    GPollFD pfd = { .fd = sioc->fd, .events = events };
    VhostUserReader *reader;

    g_array_append_val(array, pfd);
    pfd.events = G_IO_IN;
    QTAILQ_FOREACH(reader, &readers, next) {
        pfd.fd = reader->wants(reader) ? reader->sioc->fd : -1;
        if (pfd.fd == sioc->fd && events == G_IO_IN) {
            /* the next message is for this reader */
            g_array_index(array, GPollFD, 0).events = 0;
        }
        g_array_append_val(array, pfd);
    }
    return array;
}

static bool reader_any_wants(const GPollFD *pfd, guint len)
{
    guint i;

    for (i = 1; i < len && pfd[i].fd < 0; i++) {
        /* this reader wants no message */
    }
    return i < len;
}

/* Return: false if the wait is over */
static bool reader_wait_once(QIOChannelSocket *sioc, int events)
{
    int timeout = virtio_export_expire();
    g_autoptr(GArray) array = reader_poll_array(sioc, events);
    GPollFD *pfd = (GPollFD *)array->data;
    VhostUserReader *reader;
    int ret;

    if (!reader_any_wants(pfd, array->len)) {
        return false;
    }
    ret = g_poll(pfd, array->len, timeout);
    if (ret < 0) {
        return errno == EINTR;
    }
    if (pfd->events && pfd->revents) {
        return false;
    }
    QTAILQ_FOREACH(reader, &readers, next) {
        if ((++pfd)->revents) {
            /* next time, all other readers come first */
            QTAILQ_REMOVE(&readers, reader, next);
            QTAILQ_INSERT_TAIL(&readers, reader, next);
            reader->receive(reader);
            break;
        }
    }
    return true;
}

void vhost_user_reader_wait(QIOChannelSocket *sioc, int events)
{
    bool outer = waiting;

    waiting = true;
    while (reader_wait_once(sioc, events)) {
        /* reader_wait_once() does the work */
    }
    waiting = outer;
}
