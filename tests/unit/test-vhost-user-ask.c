/*
 * Tests of VHOST_USER_GET_SHARED_OBJECT, with well-behaved and faulty back-ends
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "chardev/char-socket.h"
#include "hw/virtio/vhost-user.h"
#include "hw/virtio/vhost-user-channel.h"
#include "hw/virtio/vhost-user-exporter.h"
#include "hw/virtio/vhost-user-object-info.h"
#include "hw/virtio/virtio-export-compat.h"
#include "migration/misc.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "open-fds.h"

#define GET_SHARED_OBJECT 41
#define OTHER_REQUEST 1
#define VERSION 1
#define REPLY (1 << 2)
#define MAX_FDS 3
#define MAX_PAYLOAD 128
/* A test that hangs is killed by SIGALRM */
#define SECONDS 30

#define GONE "its back-end is gone or has broken the protocol"

typedef struct Message {
    uint32_t request, flags, size;
    QemuUUID uuid;
    VhostUserObjectInfo info;   /* only in replies */
    uint8_t excess;
} QEMU_PACKED Message;
#define HEADER_SIZE offsetof(Message, uuid)
#define ASK_SIZE offsetof(Message, info)
#define INFO_SIZE (sizeof(QemuUUID) + sizeof(VhostUserObjectInfo))

typedef struct BackEnd {
    struct vhost_dev dev;
    VhostUserState state;
    CharFrontend chr;
    SocketChardev *socket;
    int fd;                     /* the back-end's end */
    unsigned int dropped;
    bool has_info;
} BackEnd;

static BackEnd a, b;
static bool postcopy;

/* Stubs of QEMU's functions */
VhostUserState *vhost_user_get_state(struct vhost_dev *dev)
{
    return &container_of(dev, BackEnd, dev)->state;
}

bool vhost_user_channel_has_info(struct vhost_dev *dev)
{
    return container_of(dev, BackEnd, dev)->has_info;
}

void vhost_user_exporter_drop(struct vhost_dev *dev)
{
    container_of(dev, BackEnd, dev)->dropped++;
    vhost_user_asks_drop(dev);
}

Chardev *qemu_chr_fe_get_driver(CharFrontend *be)
{
    return be->chr;
}

bool migration_in_incoming_postcopy(void)
{
    return postcopy;
}

#define TYPE_TEST_EXPORTER "test-exporter"

/* The first byte of a UUID selects the back-end */
static VirtIOExportStatus test_export(VirtIOExporter *exporter,
                                      VirtIOExportLookup *lookup,
                                      VirtIOExportObject *object, Error **errp)
{
    BackEnd *be = virtio_export_lookup_uuid(lookup)->data[0] == 'a' ? &a : &b;

    return vhost_user_ask(&be->dev, lookup, errp) ? VIRTIO_EXPORT_PENDING
                                                  : VIRTIO_EXPORT_FAILED;
}

static void test_cancel(VirtIOExporter *exporter, VirtIOExportLookup *lookup)
{
    vhost_user_ask_cancel(lookup);
}

static void test_exporter_class_init(ObjectClass *klass,
                                     VirtIOExportClassData *data)
{
    VIRTIO_EXPORTER_CLASS(klass)->export = test_export;
    VIRTIO_EXPORTER_CLASS(klass)->cancel = test_cancel;
}

static const TypeInfo test_types[] = {
    {
        .name = TYPE_TEST_EXPORTER,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(Object),
        .class_init = test_exporter_class_init,
        .interfaces = (InterfaceInfo[]) {
            { TYPE_VIRTIO_EXPORTER },
            { }
        },
    }, {
        /* vhost-user-ask.c only uses the socket */
        .name = TYPE_CHARDEV_SOCKET,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(SocketChardev),
    },
};

static void connect_backend(BackEnd *be)
{
    SocketChardev *s = be->socket;
    int sv[2];

    g_assert_cmpint(qemu_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    s->sioc = qio_channel_socket_new_fd(sv[0], &error_abort);
    s->ioc = QIO_CHANNEL(s->sioc);
    s->state = TCP_CHARDEV_STATE_CONNECTED;
    qio_channel_set_blocking(s->ioc, false, &error_abort);
    be->fd = sv[1];
}

/* Disconnect as the character device does */
static void disconnect_backend(BackEnd *be)
{
    SocketChardev *s = be->socket;

    qio_channel_close(s->ioc, &error_abort);
    object_unref(OBJECT(s->sioc));
    s->sioc = NULL;
    s->ioc = NULL;
    s->state = TCP_CHARDEV_STATE_DISCONNECTED;
    close(be->fd);
}

static void backend_start(BackEnd *be)
{
    *be = (BackEnd) { };
    be->socket = (SocketChardev *)object_new(TYPE_CHARDEV_SOCKET);
    be->chr.chr = &be->socket->parent;
    be->state.chr = &be->chr;
    be->state.asks = vhost_user_asks_new(&be->state, MAX_PAYLOAD);
    connect_backend(be);
}

static void backend_end(BackEnd *be)
{
    if (be->socket->sioc) {
        disconnect_backend(be);
    }
    vhost_user_asks_free(be->state.asks);
    object_unref(OBJECT(be->socket));
}

/* Result of a lookup */
typedef struct Result {
    VirtIOExportLookup *lookup; /* pending, or NULL */
    QemuUUID uuid;
    unsigned int calls;
    VirtIOExportObject object;
    Error *err;
    BackEnd *then_reply;        /* sends a reply when the lookup ends */
} Result;

static void send_message(BackEnd *be, const Message *msg, size_t from,
                         size_t to, unsigned int num)
{
    char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = { };
    struct iovec iov = { (char *)msg + from, to - from };
    struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;
    unsigned int i;

    if (num) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(num * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&header);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(num * sizeof(int));
        for (i = 0; i < num; i++) {
            ((int *)CMSG_DATA(cmsg))[i] = be->fd;
        }
    }
    g_assert_cmpint(sendmsg(be->fd, &header, 0), ==, to - from);
}

static void reply(BackEnd *be, uint32_t request, unsigned int num)
{
    Message msg = { request, VERSION | REPLY };

    send_message(be, &msg, 0, HEADER_SIZE, num);
}

static void answer(BackEnd *be)
{
    reply(be, GET_SHARED_OBJECT, 1);
}

static void set_result(void *opaque, const VirtIOExportObject *object,
                       Error *err)
{
    Result *r = opaque;

    r->calls++;
    r->lookup = NULL;
    if (object) {
        r->object = *object;
    }
    r->err = err;
    if (r->then_reply) {
        reply(r->then_reply, OTHER_REQUEST, 0);
    }
}

static void start(Result *r, BackEnd *be)
{
    static uint8_t number;

    *r = (Result) { .object.fd = -1, .then_reply = r->then_reply };
    r->uuid.data[0] = be == &a ? 'a' : 'b';
    r->uuid.data[15] = number++;
    r->lookup = virtio_export_lookup(&r->uuid, set_result, r);
}

/* The back-end reads the request */
static void expect_ask(BackEnd *be, const Result *r)
{
    Message msg;

    g_assert_cmpint(recv(be->fd, &msg, sizeof(msg), MSG_DONTWAIT), ==,
                    ASK_SIZE);
    g_assert_cmpuint(msg.request, ==, GET_SHARED_OBJECT);
    g_assert_cmphex(msg.flags, ==, VERSION);
    g_assert_cmpuint(msg.size, ==, sizeof(msg.uuid));
    g_assert_cmpmem(&msg.uuid, sizeof(msg.uuid), &r->uuid, sizeof(r->uuid));
}

static void start_pending(Result *r, BackEnd *be)
{
    start(r, be);
    g_assert_nonnull(r->lookup);
    expect_ask(be, r);
}

static void assert_found(Result *r)
{
    g_assert_cmpuint(r->calls, ==, 1);
    g_assert_null(r->err);
    g_assert_cmpint(fcntl(r->object.fd, F_GETFD), ==, FD_CLOEXEC);
    close(r->object.fd);
}

static void assert_error(Result *r, const char *suffix)
{
    g_assert_cmpuint(r->calls, ==, 1);
    g_assert_cmpint(r->object.fd, ==, -1);
    g_assert_true(g_str_has_suffix(error_get_pretty(r->err), suffix));
    g_clear_pointer(&r->err, error_free);
}

static void assert_rejected(BackEnd *be, const char *suffix)
{
    Result r = { };

    start(&r, be);
    assert_error(&r, suffix);
}

/* Each iteration reads one reply */
static void run_main_loop(void)
{
    int i;

    for (i = 0; i < 2 * VHOST_USER_MAX_UNANSWERED; i++) {
        main_loop_wait(true);
    }
}

static size_t unread(BackEnd *be)
{
    char buf[256];
    ssize_t ret = recv(be->socket->sioc->fd, buf, sizeof(buf),
                       MSG_PEEK | MSG_DONTWAIT);

    return MAX(ret, 0);
}

/* Read the reply that QEMU waits for */
static void read_reply(BackEnd *be)
{
    Message msg;

    g_assert_cmpuint(unread(be), ==, HEADER_SIZE);
    g_assert_cmpint(recv(be->socket->sioc->fd, &msg, HEADER_SIZE, 0), ==,
                    HEADER_SIZE);
    g_assert_cmpuint(msg.request, ==, OTHER_REQUEST);
}

static void answered(void)
{
    unsigned int before = open_fds();
    Result r = { };

    backend_start(&a);
    start_pending(&r, &a);
    run_main_loop();
    g_assert_cmpuint(r.calls, ==, 0);
    answer(&a);
    run_main_loop();
    assert_found(&r);
    backend_end(&a);
    g_assert_cmpuint(open_fds(), ==, before);
}

static const Message with_info = {
    .request = GET_SHARED_OBJECT,
    .flags = VERSION | REPLY,
    .size = INFO_SIZE,
    .info = {
        .kind = VHOST_USER_OBJECT_KIND_MEMFD,
        .flags = VHOST_USER_OBJECT_BOTTOM_UP,
        .size = 4096,
        .width = 15,
        .height = 16,
        .fourcc = DRM_FORMAT_XRGB8888,
        .modifier = DRM_FORMAT_MOD_LINEAR,
        .num_planes = 1,
        .strides = { 128 },
        .offsets = { 2048 },
    },
};

static void answered_in_parts(void)
{
    size_t end = HEADER_SIZE + INFO_SIZE;
    Result r = { };
    size_t at;

    backend_start(&a);
    a.has_info = true;
    for (at = 1; at < end; at++) {
        start_pending(&r, &a);
        send_message(&a, &with_info, 0, at, 1);
        run_main_loop();
        g_assert_cmpuint(r.calls, ==, 0);
        send_message(&a, &with_info, at, end, 0);
        run_main_loop();
        assert_found(&r);
        g_assert_cmpuint(r.object.offsets[0], ==, 2048);
    }
    backend_end(&a);
}

/* Replies do not name the request: those to cancelled lookups count too */
static void answered_in_order(void)
{
    Result r[3] = { };
    unsigned int before;
    int i;

    backend_start(&a);
    for (i = 0; i < ARRAY_SIZE(r); i++) {
        start_pending(&r[i], &a);
    }
    before = open_fds();
    virtio_export_cancel(r[1].lookup);
    answer(&a);
    run_main_loop();
    assert_found(&r[0]);
    answer(&a);
    run_main_loop();
    g_assert_cmpuint(r[1].calls + r[2].calls, ==, 0);
    g_assert_cmpuint(open_fds(), ==, before);
    reply(&a, GET_SHARED_OBJECT, 0);
    run_main_loop();
    assert_error(&r[2], ": its back-end did not return exactly one file "
                 "descriptor");
    g_assert_cmpuint(a.dropped, ==, 0);
    backend_end(&a);
}

static void answered_two_fds(void)
{
    Result r = { };
    unsigned int before;

    backend_start(&a);
    before = open_fds();
    start_pending(&r, &a);
    reply(&a, GET_SHARED_OBJECT, 2);
    run_main_loop();
    assert_error(&r, ": its back-end did not return exactly one file "
                 "descriptor");
    g_assert_cmpuint(open_fds(), ==, before);
    backend_end(&a);
}

static Result answered_with(const Message *msg)
{
    Result r = { };

    start_pending(&r, &a);
    send_message(&a, msg, 0, HEADER_SIZE + msg->size, 1);
    run_main_loop();
    assert_found(&r);
    g_assert_cmpint(r.object.kind, ==, VIRTIO_EXPORT_KIND_UNKNOWN);
    return r;
}

static void assert_described(const VirtIOExportObject *object)
{
    g_assert_cmpuint(object->size, ==, 4096);
    g_assert_cmpuint(object->width, ==, 15);
    g_assert_cmpuint(object->height, ==, 16);
    g_assert_cmpuint(object->fourcc, ==, DRM_FORMAT_XRGB8888);
    g_assert_cmpuint(object->modifier, ==, DRM_FORMAT_MOD_LINEAR);
    g_assert_cmpuint(object->num_planes, ==, 1);
    g_assert_cmpuint(object->strides[0], ==, 128);
    g_assert_cmpuint(object->offsets[0], ==, 2048);
    g_assert_true(object->bottom_up);
}

static void assert_not_described(const VirtIOExportObject *object,
                                 uint64_t size)
{
    g_assert_cmpuint(object->size, ==, size);
    g_assert_cmpuint(object->width, ==, 0);
    g_assert_cmpuint(object->height, ==, 0);
    g_assert_cmpuint(object->fourcc, ==, 0);
    g_assert_cmpuint(object->modifier, ==, DRM_FORMAT_MOD_INVALID);
    g_assert_cmpuint(object->num_planes, ==, 0);
    g_assert_false(object->bottom_up);
}

/* Replies without a description are accepted, too */
static void answered_with_info(void)
{
    static const uint32_t sizes[] = { 0, sizeof(QemuUUID) };
    Message msg = with_info;
    Result r;

    backend_start(&a);
    a.has_info = true;
    r = answered_with(&with_info);
    assert_described(&r.object);
    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        msg.size = sizes[i];
        r = answered_with(&msg);
        assert_not_described(&r.object, 0);
    }
    backend_end(&a);
}

/* QEMU ignores a description if the feature was not negotiated */
static void answered_with_info_unasked(void)
{
    static const uint32_t sizes[] = {
        sizeof(QemuUUID) - 1, INFO_SIZE - 1, INFO_SIZE, INFO_SIZE + 1,
    };
    Message msg = with_info;
    Result r = { };

    backend_start(&a);
    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        msg.size = sizes[i];
        r = answered_with(&msg);
        assert_not_described(&r.object, 0);
    }
    /* the features count that were negotiated when QEMU sent the request */
    start_pending(&r, &a);
    a.has_info = true;
    send_message(&a, &msg, 0, HEADER_SIZE + msg.size, 1);
    run_main_loop();
    assert_found(&r);
    assert_not_described(&r.object, 0);
    backend_end(&a);
}

static void answered_with_wrong_info(void)
{
    Message wrong[5];
    Result r;

    for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
        wrong[i] = with_info;
    }
    wrong[0].info.offsets[0]++;
    wrong[1].info.width = 33;
    wrong[2].info.num_planes = VIRTIO_EXPORT_MAX_PLANES + 1;
    wrong[3].info.num_planes = UINT32_MAX;
    wrong[4].info.flags = 1U << 31;

    backend_start(&a);
    a.has_info = true;
    for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
        r = answered_with(&wrong[i]);
        assert_not_described(&r.object, 4096);
    }
    backend_end(&a);
}

/* Without a file descriptor there is no object that could be described */
static void answered_with_info_only(void)
{
    Result r = { };

    backend_start(&a);
    a.has_info = true;
    start_pending(&r, &a);
    send_message(&a, &with_info, 0, HEADER_SIZE + INFO_SIZE, 0);
    run_main_loop();
    assert_error(&r, ": its back-end did not return exactly one file "
                 "descriptor");
    g_assert_cmpuint(a.dropped, ==, 0);
    backend_end(&a);
}

/* QEMU sends no request to a broken back-end until it reconnects */
static void assert_broken(Result *r)
{
    run_main_loop();
    assert_error(r, ": " GONE);
    g_assert_cmpuint(a.dropped, ==, 1);
    g_assert_true(vhost_user_asks_broken(a.state.asks));
    assert_rejected(&a, ": " GONE);
    disconnect_backend(&a);
    assert_rejected(&a, ": " GONE);
    connect_backend(&a);
    g_assert_false(vhost_user_asks_broken(a.state.asks));
    start_pending(r, &a);
    answer(&a);
    run_main_loop();
    assert_found(r);
}

static void broken(gconstpointer wrong)
{
    Message msg = *(const Message *)wrong;
    Result first = { }, r = { };
    unsigned int before;

    backend_start(&a);
    a.has_info = true;
    before = open_fds();
    start_pending(&first, &a);
    start_pending(&r, &a);
    send_message(&a, &msg, 0, HEADER_SIZE + MIN(msg.size, INFO_SIZE + 1), 1);
    run_main_loop();
    assert_error(&first, ": " GONE);
    assert_broken(&r);
    backend_end(&a);
    g_assert_cmpuint(open_fds(), ==, before - 2);
}

static void broken_closed(void)
{
    Result r = { };

    backend_start(&a);
    start_pending(&r, &a);
    shutdown(a.fd, SHUT_RDWR);
    assert_broken(&r);
    backend_end(&a);
}

static void disconnected(void)
{
    Result r = { };

    backend_start(&a);
    start_pending(&r, &a);
    disconnect_backend(&a);
    run_main_loop();
    assert_error(&r, ": " GONE);
    g_assert_cmpuint(a.dropped, ==, 1);
    assert_rejected(&a, ": " GONE);
    backend_end(&a);
}

/* Reconnect before the main loop has noticed the disconnect */
static void reconnected(void)
{
    Result r = { };

    backend_start(&a);
    start_pending(&r, &a);
    disconnect_backend(&a);
    connect_backend(&a);
    assert_rejected(&a, ": its back-end does not answer");
    run_main_loop();
    assert_error(&r, ": " GONE);
    start_pending(&r, &a);
    answer(&a);
    run_main_loop();
    assert_found(&r);
    backend_end(&a);
}

static void freed(void)
{
    Result r = { };

    backend_start(&a);
    start_pending(&r, &a);
    backend_end(&a);
    assert_error(&r, ": " GONE);
}

static void dropped(void)
{
    Result r = { }, next = { };
    unsigned int before;

    backend_start(&a);
    before = open_fds();
    start_pending(&r, &a);
    vhost_user_asks_drop(&a.dev);
    assert_error(&r, ": " GONE);
    start_pending(&next, &a);
    answer(&a);
    run_main_loop();
    g_assert_cmpuint(next.calls, ==, 0);
    g_assert_cmpuint(open_fds(), ==, before);
    answer(&a);
    run_main_loop();
    assert_found(&next);
    backend_end(&a);
}

static void unanswered(void)
{
    Result r = { };
    int i;

    backend_start(&a);
    for (i = 0; i < VHOST_USER_MAX_UNANSWERED; i++) {
        start_pending(&r, &a);
        virtio_export_cancel(r.lookup);
    }
    assert_rejected(&a, ": its back-end does not answer");
    answer(&a);
    run_main_loop();
    start_pending(&r, &a);
    for (i = 1; i < VHOST_USER_MAX_UNANSWERED; i++) {
        answer(&a);
    }
    run_main_loop();
    g_assert_cmpuint(r.calls, ==, 0);
    answer(&a);
    run_main_loop();
    assert_found(&r);
    backend_end(&a);
}

static void does_not_read(void)
{
    static Result r[100000];
    int i = 0;

    backend_start(&a);
    do {
        g_assert_cmpint(i, <, ARRAY_SIZE(r));
        start(&r[i], &a);
    } while (r[i++].lookup);
    assert_error(&r[--i], ": its back-end does not read messages");
    while (i--) {
        virtio_export_cancel(r[i].lookup);
    }
    backend_end(&a);
}

static void cannot_be_asked(void)
{
    backend_start(&a);
    postcopy = true;
    assert_rejected(&a, ": its back-end takes part in a post-copy migration");
    postcopy = false;

    /* a layer above the socket, such as TLS */
    a.socket->ioc = NULL;
    assert_rejected(&a, ": " GONE);
    a.socket->ioc = QIO_CHANNEL(a.socket->sioc);
    a.socket->state = TCP_CHARDEV_STATE_CONNECTING;
    assert_rejected(&a, ": " GONE);
    backend_end(&a);
}

static void wait_reads_answers_first(void)
{
    Result r = { }, late = { };

    backend_start(&a);
    start_pending(&r, &a);
    vhost_user_wait_to_write(&a.state);
    start_pending(&late, &a);
    answer(&a);
    reply(&a, OTHER_REQUEST, 0);
    vhost_user_wait_to_read(&a.state, 1);
    assert_found(&r);
    g_assert_cmpuint(late.calls, ==, 0);
    read_reply(&a);
    answer(&a);
    run_main_loop();
    assert_found(&late);
    backend_end(&a);
}

/* The reply to another request must not be read */
static void wait_is_not_answered(void)
{
    Result r = { };

    backend_start(&a);
    start_pending(&r, &a);
    vhost_user_wait_to_write(&a.state);
    reply(&a, OTHER_REQUEST, 0);
    vhost_user_wait_to_read(&a.state, 1);
    assert_error(&r, ": " GONE);
    g_assert_true(vhost_user_asks_broken(a.state.asks));
    read_reply(&a);
    backend_end(&a);
}

/* While QEMU waits for b, lookups of a's objects end: b may need one */
static void wait_serves_others(void)
{
    Result r = { .then_reply = &b };

    backend_start(&a);
    backend_start(&b);
    start_pending(&r, &a);
    vhost_user_wait_to_write(&b.state);
    answer(&a);
    vhost_user_wait_to_read(&b.state, 1);
    assert_found(&r);
    read_reply(&b);
    backend_end(&a);
    backend_end(&b);
}

static void wait_returns_what_is_there(void)
{
    backend_start(&a);
    vhost_user_wait_to_write(&a.state);
    reply(&a, OTHER_REQUEST, 0);
    g_assert_cmpuint(vhost_user_wait_to_read(&a.state, 4), ==, 4);
    g_assert_cmpuint(vhost_user_wait_to_read(&a.state, 1000), ==,
                     HEADER_SIZE);
    read_reply(&a);
    shutdown(a.fd, SHUT_RDWR);
    g_assert_cmpuint(vhost_user_wait_to_read(&a.state, 1000), ==, 1000);
    backend_end(&a);
}

static void wait_closed(void)
{
    Result r = { };

    backend_start(&a);
    start_pending(&r, &a);
    vhost_user_wait_to_write(&a.state);
    answer(&a);
    reply(&a, OTHER_REQUEST, 0);
    shutdown(a.fd, SHUT_RDWR);
    vhost_user_wait_to_read(&a.state, 1);
    assert_found(&r);
    read_reply(&a);
    backend_end(&a);
}

static void add_broken(void)
{
    static const Message other = { OTHER_REQUEST, VERSION | REPLY };
    static const Message no_reply = { GET_SHARED_OBJECT, VERSION };
    static const Message large = {
        GET_SHARED_OBJECT, VERSION | REPLY, MAX_PAYLOAD + 1
    };
    static const Message sizes[] = {
        { GET_SHARED_OBJECT, VERSION | REPLY, sizeof(QemuUUID) - 1 },
        { GET_SHARED_OBJECT, VERSION | REPLY, sizeof(QemuUUID) + 1 },
        { GET_SHARED_OBJECT, VERSION | REPLY, sizeof(VhostUserObjectInfo) },
        { GET_SHARED_OBJECT, VERSION | REPLY, INFO_SIZE - 1 },
        { GET_SHARED_OBJECT, VERSION | REPLY, INFO_SIZE + 1 },
    };

    g_test_add_data_func("/vhost-user-ask/broken/other-request", &other,
                         broken);
    g_test_add_data_func("/vhost-user-ask/broken/no-reply", &no_reply, broken);
    g_test_add_data_func("/vhost-user-ask/broken/too-large", &large, broken);
    g_test_add_func("/vhost-user-ask/broken/closed", broken_closed);
    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_autofree char *path =
            g_strdup_printf("/vhost-user-ask/broken/size-%u", sizes[i].size);

        g_test_add_data_func(path, &sizes[i], broken);
    }
}

static void add_wait(void)
{
    g_test_add_func("/vhost-user-ask/wait/answers-first",
                    wait_reads_answers_first);
    g_test_add_func("/vhost-user-ask/wait/not-answered",
                    wait_is_not_answered);
    g_test_add_func("/vhost-user-ask/wait/serves-others", wait_serves_others);
    g_test_add_func("/vhost-user-ask/wait/returns-what-is-there",
                    wait_returns_what_is_there);
    g_test_add_func("/vhost-user-ask/wait/closed", wait_closed);
}

int main(int argc, char **argv)
{
    int i;

    qemu_init_main_loop(&error_abort);
    module_call_init(MODULE_INIT_QOM);
    for (i = 0; i < ARRAY_SIZE(test_types); i++) {
        type_register_static(&test_types[i]);
    }
    virtio_exporter_register(VIRTIO_EXPORTER(object_new(TYPE_TEST_EXPORTER)));
    rust_bql_mock_lock();
    alarm(SECONDS);

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-user-ask/answered/once", answered);
    g_test_add_func("/vhost-user-ask/answered/in-parts", answered_in_parts);
    g_test_add_func("/vhost-user-ask/answered/with-info", answered_with_info);
    g_test_add_func("/vhost-user-ask/answered/with-info-unasked",
                    answered_with_info_unasked);
    g_test_add_func("/vhost-user-ask/answered/with-wrong-info",
                    answered_with_wrong_info);
    g_test_add_func("/vhost-user-ask/answered/with-info-only",
                    answered_with_info_only);
    g_test_add_func("/vhost-user-ask/answered/in-order", answered_in_order);
    g_test_add_func("/vhost-user-ask/answered/two-fds", answered_two_fds);
    add_broken();
    g_test_add_func("/vhost-user-ask/gone/disconnected", disconnected);
    g_test_add_func("/vhost-user-ask/gone/reconnected", reconnected);
    g_test_add_func("/vhost-user-ask/gone/freed", freed);
    g_test_add_func("/vhost-user-ask/gone/dropped", dropped);
    g_test_add_func("/vhost-user-ask/rejected/unanswered", unanswered);
    g_test_add_func("/vhost-user-ask/rejected/does-not-read", does_not_read);
    g_test_add_func("/vhost-user-ask/rejected/cannot-be-asked",
                    cannot_be_asked);
    add_wait();
    return g_test_run();
}
