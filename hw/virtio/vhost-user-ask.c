/*
 * VHOST_USER_GET_SHARED_OBJECT: QEMU asks a back-end for an object
 *
 * QEMU does not wait for the reply.  Replies on a main channel arrive in the
 * order of the requests.  So the requests for objects are kept in this order,
 * and their replies are read before the reply to any later request.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include "qemu/main-loop.h"
#include "qemu/queue.h"
#include "qapi/error.h"
#include "chardev/char-fe.h"
#include "chardev/char-socket.h"
#include "hw/virtio/vhost-user.h"
#include "hw/virtio/vhost-user-exporter.h"
#include "migration/misc.h"
#include "trace.h"
#include "hw/virtio/virtio-export-compat.h"
#include "vhost-user-channel.h"
#include "vhost-user-object-info.h"
#include "vhost-user-reader.h"

/* docs/interop/vhost-user.rst, "Front-end message types" */
#define GET_SHARED_OBJECT 41
#define GET_SHARED_OBJECT_NAME "GET_SHARED_OBJECT"
/* Size of a reply with information about the object, which follows the UUID */
#define INFO_REPLY_SIZE (sizeof(QemuUUID) + sizeof(VhostUserObjectInfo))

typedef struct VhostUserAsk {
    VhostUserAsks *asks;        /* that contain this one */
    struct vhost_dev *dev;      /* NULL: no longer valid */
    VirtIOExportLookup *lookup; /* NULL: the lookup has ended */
    bool may_have_info;         /* INFO_REPLY_SIZE was negotiated */
    QSIMPLEQ_ENTRY(VhostUserAsk) next;
} VhostUserAsk;

struct VhostUserAsks {
    VhostUserReader reader;     /* of the connection that was used last */
    VhostUserState *user;
    QIOChannelSocket *broken;   /* the protocol was broken on this one */
    QSIMPLEQ_HEAD(, VhostUserAsk) asks;
    unsigned int unanswered;    /* asks without reply whose lookup has ended */
    /* How many asks were ever sent, and answered */
    uint64_t sent;
    uint64_t answered;
    /* Value of @sent when QEMU sent its last other message */
    uint64_t sent_before_message;
    /* How many replies arrive before the reply that QEMU waits for */
    uint64_t limit;
};

static QIOChannelSocket *vhost_user_main_sioc(VhostUserState *user)
{
    Chardev *chr = qemu_chr_fe_get_driver(user->chr);
    Object *obj = object_dynamic_cast(OBJECT(chr), TYPE_CHARDEV_SOCKET);
    SocketChardev *s = (SocketChardev *)obj;

    /* a layer above the socket may buffer data that poll() does not report */
    return s && s->state == TCP_CHARDEV_STATE_CONNECTED &&
           s->ioc == QIO_CHANNEL(s->sioc) ? s->sioc : NULL;
}

/* The reply has a size for which vhost_user_ask_accepts() returns true */
static void vhost_user_ask_describe(VhostUserAsk *ask,
                                    const VhostUserIncoming *msg,
                                    VirtIOExportObject *object)
{
    VhostUserObjectInfo info;

    if (ask->may_have_info && msg->size == INFO_REPLY_SIZE) {
        memcpy(&info, (const char *)msg->payload + sizeof(QemuUUID),
               sizeof(info));
        vhost_user_object_info_get(&info, object);
    }
}

static void vhost_user_ask_answer(VhostUserAsk *ask, VhostUserIncoming *msg)
{
    VirtIOExportLookup *lookup = g_steal_pointer(&ask->lookup);
    int fd = vhost_user_incoming_take_fd(msg);
    VirtIOExportObject object;
    Error *err = NULL;

    if (!lookup) {
        if (fd >= 0) {
            close(fd);
        }
    } else if (fd < 0) {
        error_setg(&err, "its back-end did not return exactly one file "
                   "descriptor");
        virtio_export_answer(lookup, NULL, err);
    } else {
        virtio_export_object_init(&object);
        object.fd = fd;
        vhost_user_ask_describe(ask, msg, &object);
        virtio_export_answer(lookup, &object, NULL);
    }
}

static void vhost_user_ask_fail(VhostUserAsks *asks, VhostUserAsk *ask)
{
    VirtIOExportLookup *lookup = g_steal_pointer(&ask->lookup);
    Error *err = NULL;

    if (lookup) {
        asks->unanswered++;
        error_setg(&err, "its back-end is gone or has broken the protocol");
        virtio_export_answer(lookup, NULL, err);
    }
}

static VhostUserAsk *vhost_user_asks_pop(VhostUserAsks *asks)
{
    VhostUserAsk *ask = QSIMPLEQ_FIRST(&asks->asks);

    QSIMPLEQ_REMOVE_HEAD(&asks->asks, next);
    asks->answered++;
    if (!ask->lookup) {
        asks->unanswered--;
    }
    if (QSIMPLEQ_EMPTY(&asks->asks)) {
        vhost_user_reader_watch(&asks->reader, false);
    }
    return ask;
}

/* No reply will arrive on this connection */
static void vhost_user_asks_close(VhostUserAsks *asks)
{
    VhostUserAsk *ask;

    vhost_user_reader_close(&asks->reader);
    while ((ask = QSIMPLEQ_FIRST(&asks->asks))) {
        vhost_user_ask_fail(asks, ask);
        g_free(vhost_user_asks_pop(asks));
    }
}

static void vhost_user_asks_set_broken(VhostUserAsks *asks)
{
    object_unref(OBJECT(asks->broken));
    asks->broken = QIO_CHANNEL_SOCKET(object_ref(OBJECT(asks->reader.sioc)));
}

static void vhost_user_asks_break(VhostUserAsks *asks)
{
    struct vhost_dev *dev = QSIMPLEQ_FIRST(&asks->asks)->dev;

    vhost_user_asks_set_broken(asks);
    if (dev) {
        vhost_user_exporter_drop(dev);
    }
    vhost_user_asks_close(asks);
}

bool vhost_user_asks_broken(VhostUserAsks *asks)
{
    return asks->broken && asks->broken == vhost_user_main_sioc(asks->user);
}

static bool vhost_user_asks_want(VhostUserReader *reader)
{
    VhostUserAsks *asks = container_of(reader, VhostUserAsks, reader);

    return asks->answered < MIN(asks->sent, asks->limit);
}

/*
 * Tell whether the next message is the reply to another request, for which QEMU
 * waits.  Such a message must not be read here.
 */
static bool vhost_user_asks_skipped(VhostUserAsks *asks)
{
    uint32_t request;

    return vhost_user_reader_waiting() && !asks->reader.done &&
           recv(asks->reader.sioc->fd, &request, sizeof(request),
                MSG_PEEK | MSG_DONTWAIT) == sizeof(request) &&
           request != GET_SHARED_OBJECT;
}

/* Without the feature, a reply may have any payload, which is ignored */
static bool vhost_user_ask_accepts(const VhostUserAsk *ask, uint32_t size)
{
    return !ask->may_have_info || size == 0 || size == sizeof(QemuUUID) ||
           size == INFO_REPLY_SIZE;
}

/* Return: NULL without an error if the message is not complete yet */
static VhostUserIncoming *vhost_user_asks_get(VhostUserAsks *asks,
                                              Error **errp)
{
    VhostUserIncoming *msg;

    if (vhost_user_asks_skipped(asks)) {
        error_setg(errp, "GET_SHARED_OBJECT was not answered");
        return NULL;
    }
    msg = vhost_user_reader_get(&asks->reader, errp);
    if (msg && (msg->request != GET_SHARED_OBJECT ||
                msg->flags != VHOST_USER_INCOMING_REPLY_FLAGS ||
                !vhost_user_ask_accepts(QSIMPLEQ_FIRST(&asks->asks),
                                        msg->size))) {
        error_setg(errp, "not a reply to GET_SHARED_OBJECT: request %" PRIu32
                   ", flags 0x%" PRIx32 ", size %" PRIu32, msg->request,
                   msg->flags, msg->size);
        vhost_user_incoming_free(msg);
        return NULL;
    }
    return msg;
}

/* Reads one reply, so that many replies do not hold the main loop up */
static void vhost_user_asks_receive(VhostUserReader *reader)
{
    VhostUserAsks *asks = container_of(reader, VhostUserAsks, reader);
    VhostUserIncoming *msg;
    Error *err = NULL;
    VhostUserAsk *ask;

    if (!vhost_user_asks_want(reader)) {
        return;
    }
    msg = vhost_user_asks_get(asks, &err);
    if (msg) {
        trace_vhost_user_read(msg->request, GET_SHARED_OBJECT_NAME, msg->flags);
        ask = vhost_user_asks_pop(asks);
        vhost_user_ask_answer(ask, msg);
        vhost_user_incoming_free(msg);
        g_free(ask);
    } else if (err) {
        trace_vhost_user_ask_error(asks->user, error_get_pretty(err));
        error_free(err);
        vhost_user_asks_break(asks);
    }
}

/* Return: false with @errp set if the back-end cannot be asked */
static bool vhost_user_asks_connect(VhostUserAsks *asks, Error **errp)
{
    QIOChannelSocket *sioc = vhost_user_main_sioc(asks->user);

    if (!sioc || vhost_user_asks_broken(asks)) {
        error_setg(errp, "its back-end is gone or has broken the protocol");
        return false;
    }
    if (migration_in_incoming_postcopy()) {
        /* during post-copy, vhost-user waits for back-ends without the BQL */
        error_setg(errp, "its back-end takes part in a post-copy migration");
        return false;
    }
    if (asks->unanswered >= VHOST_USER_MAX_UNANSWERED ||
        (sioc != asks->reader.sioc && !QSIMPLEQ_EMPTY(&asks->asks))) {
        error_setg(errp, "its back-end does not answer");
        return false;
    }
    if (sioc != asks->reader.sioc) {
        vhost_user_reader_close(&asks->reader);
        vhost_user_reader_open(&asks->reader, sioc);
    }
    return true;
}

static bool vhost_user_asks_send(VhostUserAsks *asks, const QemuUUID *uuid,
                                 Error **errp)
{
    struct {
        uint32_t request, flags, size;
        QemuUUID uuid;
    } QEMU_PACKED msg = {
        .request = GET_SHARED_OBJECT,
        .flags = VHOST_USER_INCOMING_VERSION,
        .size = sizeof(msg.uuid),
        .uuid = *uuid,
    };
    struct iovec iov = { .iov_base = &msg, .iov_len = sizeof(msg) };
    ssize_t ret = qio_channel_writev(QIO_CHANNEL(asks->reader.sioc), &iov, 1,
                                     errp);

    if (ret == sizeof(msg)) {
        trace_vhost_user_write(msg.request, GET_SHARED_OBJECT_NAME, msg.flags);
        return true;
    }
    if (ret == QIO_CHANNEL_ERR_BLOCK) {
        error_setg(errp, "its back-end does not read messages");
    } else if (ret >= 0) {
        vhost_user_asks_set_broken(asks);
        error_setg(errp, "only part of a message can be sent to its back-end");
    }
    return false;
}

bool vhost_user_ask(struct vhost_dev *dev, VirtIOExportLookup *lookup,
                    Error **errp)
{
    VhostUserAsks *asks = vhost_user_get_state(dev)->asks;
    VhostUserAsk *ask;

    if (!vhost_user_asks_connect(asks, errp) ||
        !vhost_user_asks_send(asks, virtio_export_lookup_uuid(lookup), errp)) {
        return false;
    }
    ask = g_new(VhostUserAsk, 1);
    ask->asks = asks;
    ask->dev = dev;
    ask->lookup = lookup;
    ask->may_have_info = vhost_user_channel_has_info(dev);
    virtio_export_lookup_set_data(lookup, ask);
    QSIMPLEQ_INSERT_TAIL(&asks->asks, ask, next);
    asks->sent++;
    vhost_user_reader_watch(&asks->reader, true);
    return true;
}

void vhost_user_ask_cancel(VirtIOExportLookup *lookup)
{
    VhostUserAsk *ask = virtio_export_lookup_data(lookup);

    ask->lookup = NULL;
    ask->asks->unanswered++;
}

void vhost_user_asks_drop(struct vhost_dev *dev)
{
    VhostUserAsks *asks = vhost_user_get_state(dev)->asks;
    VhostUserAsk *ask;

    /* the objects are removed already: callbacks cannot look them up */
    QSIMPLEQ_FOREACH(ask, &asks->asks, next) {
        if (ask->dev == dev) {
            ask->dev = NULL;
            vhost_user_ask_fail(asks, ask);
        }
    }
}

VhostUserAsks *vhost_user_asks_new(VhostUserState *user, size_t max_payload)
{
    VhostUserAsks *asks = g_new0(VhostUserAsks, 1);

    asks->user = user;
    asks->limit = UINT64_MAX;
    asks->reader.max_payload = max_payload;
    asks->reader.wants = vhost_user_asks_want;
    asks->reader.receive = vhost_user_asks_receive;
    QSIMPLEQ_INIT(&asks->asks);
    return asks;
}

void vhost_user_asks_free(VhostUserAsks *asks)
{
    if (asks) {
        vhost_user_asks_close(asks);
        object_unref(OBJECT(asks->broken));
        g_free(asks);
    }
}

void vhost_user_wait_to_write(VhostUserState *user)
{
    QIOChannelSocket *sioc;

    if (!bql_locked()) {
        /* post-copy migration: no GET_SHARED_OBJECT is sent meanwhile */
        return;
    }
    sioc = vhost_user_main_sioc(user);
    if (sioc) {
        vhost_user_reader_wait(sioc, G_IO_OUT);
    }
    user->asks->sent_before_message = user->asks->sent;
}

size_t vhost_user_wait_to_read(VhostUserState *user, size_t wanted)
{
    QIOChannelSocket *sioc = bql_locked() ? vhost_user_main_sioc(user) : NULL;
    int available;

    if (!sioc) {
        return wanted;
    }
    user->asks->limit = user->asks->sent_before_message;
    vhost_user_reader_wait(sioc, G_IO_IN);
    user->asks->limit = UINT64_MAX;
    /* after the end of the connection, nothing is available */
    return ioctl(sioc->fd, FIONREAD, &available) == 0 && available > 0 ?
           MIN(available, wanted) : wanted;
}
