/*
 * The channel on which a vhost-user back-end sends requests to QEMU
 *
 * How SHARED_OBJECT_LOOKUP is served, step by step:
 *
 * 1. channel_receive() reads the request, in the main loop or while QEMU waits
 *    for a back-end.
 * 2. channel_lookup() appends the lookup to the lookups of the channel and
 *    calls virtio_export_lookup().  If a device of QEMU exports the object and
 *    can answer at once, step 5 is next.
 * 3. If a back-end exports the object, vhost_user_ask() sends GET_SHARED_OBJECT
 *    on the main channel of this back-end, and returns.  The lookup is pending.
 * 4. vhost_user_asks_receive() reads the reply: in the main loop, while QEMU
 *    waits for the reply of this back-end to a later request, or while QEMU
 *    waits for any other back-end.  The lookup also ends if the exporter
 *    disconnects or the deadline passes.
 * 5. channel_lookup_done() stores the result, and channel_flush_lookups() sends
 *    the replies that are next in turn.
 *
 * The importer may disconnect at any step: channel_close() cancels its lookups.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/virtio/vhost-user.h"
#include "hw/virtio/vhost-user-exporter.h"
#include "hw/virtio/virtio-export.h"
#include "trace.h"
#include "hw/virtio/virtio-export-compat.h"
#include "vhost-user-channel.h"
#include "vhost-user-object-info.h"

#include <glib-unix.h>

/*
 * How many requests other than SHARED_OBJECT_* a channel defers while QEMU
 * waits for a back-end.  At the limit, QEMU stops reading the channel, and the
 * lookups behind these requests have to wait as well.
 */
#define MAX_DEFERRED 64
/* How many lookups of a channel may be pending; further lookups fail */
#define MAX_LOOKUPS 64

/* docs/interop/vhost-user.rst, "Back-end message types" */
enum {
    SHARED_OBJECT_ADD = 6,
    SHARED_OBJECT_REMOVE = 7,
    SHARED_OBJECT_LOOKUP = 8,
};

/* Replies do not name the request, so they are sent in the order of lookups */
typedef struct ChannelLookup {
    VhostUserChannel *channel;
    QemuUUID uuid;
    VirtIOExportLookup *pending;
    bool done;
    VirtIOExportObject object;  /* result, if done; its fd is -1 on failure */
    unsigned int rejected;      /* rejected lookups that came after this one */
    QSIMPLEQ_ENTRY(ChannelLookup) next;
} ChannelLookup;

struct VhostUserChannel {
    VhostUserReader reader;
    struct vhost_dev *dev;      /* NULL: closed */
    VhostUserRequestFn *handle;
    unsigned int refs;
    GQueue deferred;            /* of VhostUserIncoming */
    GSource *deferred_source;
    QSIMPLEQ_HEAD(, ChannelLookup) lookups;
    unsigned int num_lookups;
};

static void channel_unref(VhostUserChannel *c)
{
    if (--c->refs == 0) {
        g_free(c);
    }
}

static void channel_lookup_free(ChannelLookup *lookup)
{
    if (lookup->pending) {
        virtio_export_cancel(lookup->pending);
    }
    virtio_export_object_close(&lookup->object);
    g_free(lookup);
}

static void channel_drop_deferred(VhostUserChannel *c)
{
    g_queue_clear_full(&c->deferred,
                       (GDestroyNotify)vhost_user_incoming_free);
    if (c->deferred_source) {
        g_source_destroy(c->deferred_source);
        g_clear_pointer(&c->deferred_source, g_source_unref);
    }
}

static void channel_close(VhostUserChannel *c)
{
    struct vhost_dev *dev = c->dev;
    ChannelLookup *lookup;

    if (!dev) {
        return;
    }
    c->dev = NULL;
    vhost_user_reader_close(&c->reader);
    channel_drop_deferred(c);
    while ((lookup = QSIMPLEQ_FIRST(&c->lookups))) {
        QSIMPLEQ_REMOVE_HEAD(&c->lookups, next);
        channel_lookup_free(lookup);
    }
    vhost_user_exporter_drop(dev);
}

/*
 * The caller keeps @fd.  @info may be NULL.  If the back-end does not read its
 * replies, the channel is closed, because QEMU does not wait for the back-end.
 */
static void channel_write(VhostUserChannel *c, uint32_t request, bool failed,
                          int fd, VhostUserObjectInfo *info)
{
    size_t info_size = info ? sizeof(*info) : 0;
    struct {
        uint32_t request, flags, size;
        uint64_t u64;
    } QEMU_PACKED reply = {
        .request = request,
        .flags = VHOST_USER_INCOMING_REPLY_FLAGS,
        .size = sizeof(reply.u64) + info_size,
        .u64 = failed,
    };
    struct iovec iov[] = {
        { .iov_base = &reply, .iov_len = sizeof(reply) },
        { .iov_base = info, .iov_len = info_size },
    };
    Error *err = NULL;
    ssize_t ret;

    ret = qio_channel_writev_full(QIO_CHANNEL(c->reader.sioc), iov,
                                  ARRAY_SIZE(iov), &fd, fd >= 0, 0, &err);
    if (ret != sizeof(reply) + info_size) {
        trace_vhost_user_channel_error(c->dev, err ? error_get_pretty(err) :
                                       "the back-end does not read replies");
        error_free(err);
        channel_close(c);
    }
}

static void channel_reply(VhostUserChannel *c, uint32_t request, bool failed)
{
    channel_write(c, request, failed, -1, NULL);
}

bool vhost_user_channel_has_info(struct vhost_dev *dev)
{
    return vhost_user_has_protocol_feature(
        dev, VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO);
}

/* @object is NULL on failure; the caller keeps its file descriptor */
static void channel_reply_lookup(VhostUserChannel *c,
                                 const VirtIOExportObject *object)
{
    VhostUserObjectInfo info = { };

    if (object) {
        vhost_user_object_info_set(&info, object);
    }
    channel_write(c, SHARED_OBJECT_LOOKUP, !object, object ? object->fd : -1,
                  vhost_user_channel_has_info(c->dev) ? &info : NULL);
}

static void channel_trace(VhostUserChannel *c, uint32_t request,
                          const QemuUUID *uuid, bool done)
{
    g_autofree char *text = NULL;

    if (trace_event_get_state_backends(TRACE_VHOST_USER_SHARED_OBJECT)) {
        text = qemu_uuid_unparse_strdup(uuid);
        trace_vhost_user_shared_object(c->dev, request, text, done);
    }
}

/* The caller holds a reference to @c */
static void channel_flush_lookups(VhostUserChannel *c)
{
    ChannelLookup *first;

    while (c->dev && (first = QSIMPLEQ_FIRST(&c->lookups)) && first->done) {
        QSIMPLEQ_REMOVE_HEAD(&c->lookups, next);
        c->num_lookups--;
        channel_reply_lookup(c, first->object.fd < 0 ? NULL : &first->object);
        while (c->dev && first->rejected) {
            first->rejected--;
            channel_reply_lookup(c, NULL);
        }
        channel_lookup_free(first);
    }
}

static void channel_lookup_done(void *opaque, const VirtIOExportObject *object,
                                Error *err)
{
    ChannelLookup *lookup = opaque;
    VhostUserChannel *c = lookup->channel;

    /* virtio-export has traced the error; a back-end can repeat it at will */
    error_free(err);
    lookup->pending = NULL;
    lookup->done = true;
    if (object) {
        lookup->object = *object;
    }
    channel_trace(c, SHARED_OBJECT_LOOKUP, &lookup->uuid, object);

    c->refs++;
    channel_flush_lookups(c);
    channel_unref(c);
}

static void channel_reject_lookup(VhostUserChannel *c)
{
    ChannelLookup *last = QSIMPLEQ_LAST(&c->lookups, ChannelLookup, next);

    if (last) {
        last->rejected++;
    } else {
        channel_reply_lookup(c, NULL);
    }
}

static void channel_lookup(VhostUserChannel *c, const QemuUUID *uuid)
{
    ChannelLookup *lookup = g_new0(ChannelLookup, 1);
    VirtIOExportLookup *pending;

    lookup->channel = c;
    lookup->uuid = *uuid;
    virtio_export_object_init(&lookup->object);
    QSIMPLEQ_INSERT_TAIL(&c->lookups, lookup, next);
    c->num_lookups++;
    pending = virtio_export_lookup(uuid, channel_lookup_done, lookup);
    if (pending) {
        lookup->pending = pending;
    }
}

static bool channel_request_is_valid(VhostUserChannel *c,
                                     const VhostUserIncoming *req)
{
    return vhost_user_has_protocol_feature(
               c->dev, VHOST_USER_PROTOCOL_F_SHARED_OBJECT) &&
           req->size == sizeof(QemuUUID);
}

/* Every lookup gets a reply, even without NEED_REPLY */
static void channel_serve_lookup(VhostUserChannel *c, VhostUserIncoming *req)
{
    QemuUUID uuid;

    memcpy(&uuid, req->payload, sizeof(uuid));
    if (!channel_request_is_valid(c, req) ||
        !(req->flags & VHOST_USER_INCOMING_NEED_REPLY) ||
        c->num_lookups >= MAX_LOOKUPS) {
        channel_trace(c, req->request, &uuid, false);
        channel_reject_lookup(c);
    } else {
        channel_lookup(c, &uuid);
    }
}

static int channel_add_or_remove(VhostUserChannel *c, VhostUserIncoming *req)
{
    bool done = false;
    QemuUUID uuid;

    memcpy(&uuid, req->payload, sizeof(uuid));
    if (channel_request_is_valid(c, req)) {
        done = req->request == SHARED_OBJECT_ADD
               ? vhost_user_exporter_add(c->dev, &uuid)
               : vhost_user_exporter_remove(c->dev, &uuid);
    }
    channel_trace(c, req->request, &uuid, done);
    return done ? 0 : -EINVAL;
}

static bool channel_is_about_objects(const VhostUserIncoming *req)
{
    return req->request >= SHARED_OBJECT_ADD &&
           req->request <= SHARED_OBJECT_LOOKUP;
}

void vhost_user_channel_reply(VhostUserChannel *channel,
                              VhostUserIncoming *req, bool failed)
{
    if (channel->dev && req->flags & VHOST_USER_INCOMING_NEED_REPLY) {
        req->flags &= ~VHOST_USER_INCOMING_NEED_REPLY;
        channel_reply(channel, req->request, failed);
    }
}

/* Takes ownership of @req; the caller holds a reference to @c */
static void channel_serve(VhostUserChannel *c, VhostUserIncoming *req)
{
    int ret;

    if (req->request == SHARED_OBJECT_LOOKUP) {
        channel_serve_lookup(c, req);
    } else {
        ret = channel_is_about_objects(req) ? channel_add_or_remove(c, req)
                                            : c->handle(c->dev, req);
        vhost_user_channel_reply(c, req, ret);
    }
    vhost_user_incoming_free(req);
}

static void channel_serve_deferred(VhostUserChannel *c)
{
    while (c->dev && !g_queue_is_empty(&c->deferred)) {
        channel_serve(c, g_queue_pop_head(&c->deferred));
    }
}

static gboolean channel_deferred_cb(gpointer opaque)
{
    VhostUserChannel *c = opaque;

    g_clear_pointer(&c->deferred_source, g_source_unref);
    c->refs++;
    channel_serve_deferred(c);
    channel_unref(c);
    return G_SOURCE_REMOVE;
}

/* Takes ownership of @req */
static void channel_defer(VhostUserChannel *c, VhostUserIncoming *req)
{
    /* No request needs more than one fd: close those that it does not need */
    while (req->num_fds > 1) {
        close(req->fds[--req->num_fds]);
    }
    g_queue_push_tail(&c->deferred, req);
    if (!c->deferred_source) {
        c->deferred_source = g_idle_source_new();
        g_source_set_priority(c->deferred_source, G_PRIORITY_DEFAULT);
        g_source_set_callback(c->deferred_source, channel_deferred_cb, c,
                              NULL);
        g_source_attach(c->deferred_source, NULL);
    }
}

static void channel_receive(VhostUserReader *reader)
{
    VhostUserChannel *c = container_of(reader, VhostUserChannel, reader);
    VhostUserIncoming *req = NULL;
    Error *err = NULL;

    c->refs++;
    if (!vhost_user_reader_waiting()) {
        channel_serve_deferred(c);
    }
    if (c->dev) {
        req = vhost_user_reader_get(reader, &err);
    }
    if (err) {
        trace_vhost_user_channel_error(c->dev, error_get_pretty(err));
        error_free(err);
        channel_close(c);
    } else if (req && vhost_user_reader_waiting() &&
               !channel_is_about_objects(req)) {
        channel_defer(c, req);
    } else if (req) {
        channel_serve(c, req);
    }
    channel_unref(c);
}

static bool channel_wants(VhostUserReader *reader)
{
    VhostUserChannel *c = container_of(reader, VhostUserChannel, reader);

    return vhost_user_has_protocol_feature(
               c->dev, VHOST_USER_PROTOCOL_F_SHARED_OBJECT) &&
           c->deferred.length < MAX_DEFERRED;
}

VhostUserChannel *vhost_user_channel_new(struct vhost_dev *dev, int fd,
                                         size_t max_payload,
                                         VhostUserRequestFn *handle,
                                         Error **errp)
{
    QIOChannelSocket *sioc;
    VhostUserChannel *c;

    g_unix_set_fd_nonblocking(fd, true, NULL);
    sioc = qio_channel_socket_new_fd(fd, errp);
    if (!sioc) {
        close(fd);
        return NULL;
    }
    c = g_new0(VhostUserChannel, 1);
    c->refs = 1;
    c->dev = dev;
    c->handle = handle;
    c->reader.max_payload = max_payload;
    c->reader.wants = channel_wants;
    c->reader.receive = channel_receive;
    g_queue_init(&c->deferred);
    QSIMPLEQ_INIT(&c->lookups);
    vhost_user_reader_open(&c->reader, sioc);
    vhost_user_reader_watch(&c->reader, true);
    object_unref(OBJECT(sioc));
    return c;
}

void vhost_user_channel_free(VhostUserChannel *channel)
{
    if (channel) {
        channel_close(channel);
        channel_unref(channel);
    }
}
