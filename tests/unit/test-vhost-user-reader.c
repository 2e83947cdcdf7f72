/*
 * Tests of vhost-user-reader.c, with messages that arrive in pieces
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "hw/virtio/virtio-export.h"
#include "hw/virtio/vhost-user-reader.h"
#include "open-fds.h"

#define HEADER_SIZE 12
#define MAX_PAYLOAD 24
#define MAX_FDS 8
/* A test that hangs is killed by SIGALRM */
#define SECONDS 30
/* Most messages that the main loop reads in one iteration */
#define MAX_SERVED 16
#define ROUNDS 3

typedef struct BackEnd BackEnd;

struct BackEnd {
    VhostUserReader reader;
    QIOChannelSocket *sioc;     /* QEMU's end */
    int fd;                     /* the back-end's */
    bool wanted;
    unsigned int received;      /* number of messages */
    GString *order;             /* of the served back-ends, or NULL */
    Error *err;                 /* set when the reader has ended */
    void (*then)(BackEnd *be, VhostUserIncoming *msg);
    void *opaque;
};

typedef struct Wire {
    uint32_t request, flags, size;
    uint8_t payload[MAX_PAYLOAD];
} Wire;

static const Wire message = {
    0x01020304, 0x11121314, 20, "abcdefghijklmnopqrs"
};
#define MESSAGE_SIZE (HEADER_SIZE + 20)

/* Control of the stub virtio_export_expire() */
static int next_deadline = -1;
static unsigned int expired;
static BackEnd *expires;

/* Stub of virtio-export.c */
int virtio_export_expire(void)
{
    expired++;
    if (expires && expired == 3) {
        expires->wanted = false;
    }
    return next_deadline;
}

static bool backend_wants(VhostUserReader *reader)
{
    return container_of(reader, BackEnd, reader)->wanted;
}

static void backend_receive(VhostUserReader *reader)
{
    BackEnd *be = container_of(reader, BackEnd, reader);
    VhostUserIncoming *msg = vhost_user_reader_get(reader, &be->err);

    if (be->err) {
        be->wanted = false;
        vhost_user_reader_close(reader);
    } else if (msg) {
        be->received++;
        if (be->order) {
            g_string_append_printf(be->order, "%" PRIu32 " ", msg->request);
        }
        if (be->then) {
            be->then(be, msg);
        }
    }
    vhost_user_incoming_free(msg);
}

static void backend_start(BackEnd *be)
{
    int sv[2];

    *be = (BackEnd) {
        .reader.max_payload = MAX_PAYLOAD,
        .reader.wants = backend_wants,
        .reader.receive = backend_receive,
    };
    g_assert_cmpint(qemu_socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    be->sioc = qio_channel_socket_new_fd(sv[0], &error_abort);
    g_assert_nonnull(be->sioc);
    qio_channel_set_blocking(QIO_CHANNEL(be->sioc), false, &error_abort);
    be->fd = sv[1];
    vhost_user_reader_open(&be->reader, be->sioc);
}

static void backend_end(BackEnd *be)
{
    vhost_user_reader_close(&be->reader);
    object_unref(OBJECT(be->sioc));
    if (be->fd >= 0) {
        close(be->fd);
    }
    error_free(be->err);
}

static void backend_die(BackEnd *be)
{
    close(be->fd);
    be->fd = -1;
}

static void send_bytes(BackEnd *be, const void *data, size_t from, size_t to)
{
    g_assert_cmpint(write(be->fd, (const char *)data + from, to - from), ==,
                    to - from);
}

static void send_request(BackEnd *be, uint32_t request)
{
    Wire wire = { .request = request };

    send_bytes(be, &wire, 0, HEADER_SIZE);
}

static void send_with_fds(BackEnd *be, const void *data, size_t from, size_t to,
                          unsigned int num)
{
    char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = { };
    struct iovec iov = { (char *)data + from, to - from };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = CMSG_SPACE(num * sizeof(int)),
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    unsigned int i;

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(num * sizeof(int));
    for (i = 0; i < num; i++) {
        ((int *)CMSG_DATA(cmsg))[i] = be->fd;
    }
    g_assert_cmpint(sendmsg(be->fd, &msg, 0), ==, to - from);
}

static size_t unread(BackEnd *be)
{
    char buf[256];
    ssize_t ret = recv(be->sioc->fd, buf, sizeof(buf),
                       MSG_PEEK | MSG_DONTWAIT);

    return MAX(ret, 0);
}

static VhostUserIncoming *get(BackEnd *be)
{
    return vhost_user_reader_get(&be->reader, &error_abort);
}

static void assert_message(VhostUserIncoming *msg)
{
    static const uint8_t zero[MAX_PAYLOAD];

    g_assert_nonnull(msg);
    g_assert_cmphex(msg->request, ==, message.request);
    g_assert_cmphex(msg->flags, ==, message.flags);
    g_assert_cmpuint(msg->size, ==, 20);
    g_assert_cmpmem(msg->payload, 20, message.payload, 20);
    g_assert_cmpmem((char *)msg->payload + 20, MAX_PAYLOAD - 20, zero,
                    MAX_PAYLOAD - 20);
}

static void assert_get_fails(BackEnd *be, const char *reason)
{
    Error *err = NULL;

    g_assert_null(vhost_user_reader_get(&be->reader, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, reason);
    error_free(err);
}

/* Send the message in two parts, cut at any byte */
static void cut_anywhere(void)
{
    VhostUserIncoming *msg;
    BackEnd be;
    size_t at;

    backend_start(&be);
    g_assert_null(get(&be));
    for (at = 0; at < MESSAGE_SIZE; at++) {
        send_bytes(&be, &message, 0, at);
        g_assert_null(get(&be));
        g_assert_null(get(&be));
        send_bytes(&be, &message, at, MESSAGE_SIZE);
        msg = get(&be);
        assert_message(msg);
        g_assert_cmpuint(msg->num_fds, ==, 0);
        g_assert_cmpint(vhost_user_incoming_take_fd(msg), ==, -1);
        vhost_user_incoming_free(msg);
        g_assert_null(get(&be));
    }
    backend_end(&be);
}

static void byte_by_byte(void)
{
    VhostUserIncoming *msg;
    BackEnd be;
    size_t at;

    backend_start(&be);
    for (at = 0; at < MESSAGE_SIZE; at++) {
        g_assert_null(get(&be));
        send_bytes(&be, &message, at, at + 1);
    }
    msg = get(&be);
    assert_message(msg);
    vhost_user_incoming_free(msg);
    backend_end(&be);
}

/* Each call reads one message, and nothing beyond its end */
static void several_at_once(void)
{
    VhostUserIncoming *msg;
    BackEnd be;
    int i;

    backend_start(&be);
    for (i = 0; i < 3; i++) {
        send_bytes(&be, &message, 0, MESSAGE_SIZE);
        send_request(&be, i);
    }
    send_bytes(&be, &message, 0, 1);
    for (i = 0; i < 3; i++) {
        msg = get(&be);
        assert_message(msg);
        vhost_user_incoming_free(msg);
        msg = get(&be);
        g_assert_cmpuint(msg->request, ==, i);
        g_assert_cmpuint(msg->size, ==, 0);
        vhost_user_incoming_free(msg);
        g_assert_cmpuint(unread(&be), ==,
                         (2 - i) * (MESSAGE_SIZE + HEADER_SIZE) + 1);
    }
    g_assert_null(get(&be));
    backend_end(&be);
}

static void fds_with_the_first_byte(void)
{
    unsigned int before = open_fds(), num;
    VhostUserIncoming *msg;
    BackEnd be;
    int fd;

    for (num = 1; num <= MAX_FDS; num++) {
        backend_start(&be);
        send_with_fds(&be, &message, 0, 1, num);
        send_bytes(&be, &message, 1, MESSAGE_SIZE);
        msg = get(&be);
        assert_message(msg);
        g_assert_cmpuint(msg->num_fds, ==, num);
        g_assert_cmpint(fcntl(msg->fds[num - 1], F_GETFD), ==, FD_CLOEXEC);
        fd = vhost_user_incoming_take_fd(msg);
        vhost_user_incoming_free(msg);
        g_assert_true((fd >= 0) == (num == 1));
        if (fd >= 0) {
            g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
            close(fd);
        }
        backend_end(&be);
        g_assert_cmpuint(open_fds(), ==, before);
    }
}

/* The first descriptors are kept, and later ones are closed */
static void fds_with_later_bytes(void)
{
    unsigned int before = open_fds();
    VhostUserIncoming *msg;
    BackEnd be;
    size_t at;

    backend_start(&be);
    send_with_fds(&be, &message, 0, 1, 1);
    for (at = 1; at < MESSAGE_SIZE; at++) {
        send_with_fds(&be, &message, at, at + 1, MAX_FDS);
    }
    msg = get(&be);
    assert_message(msg);
    g_assert_cmpuint(msg->num_fds, ==, 1);
    vhost_user_incoming_free(msg);
    backend_end(&be);
    g_assert_cmpuint(open_fds(), ==, before);
}

static void closed_with_partial(void)
{
    unsigned int before = open_fds();
    BackEnd be;
    size_t at;

    for (at = 1; at < MESSAGE_SIZE; at++) {
        backend_start(&be);
        send_with_fds(&be, &message, 0, at, 3);
        g_assert_null(get(&be));
        vhost_user_reader_close(&be.reader);

        /* the reopened reader starts with a new message */
        vhost_user_reader_open(&be.reader, be.sioc);
        send_request(&be, 1);
        vhost_user_incoming_free(get(&be));
        g_assert_cmpuint(unread(&be), ==, 0);
        backend_end(&be);
        g_assert_cmpuint(open_fds(), ==, before);
    }
}

static void payload_is_limited(void)
{
    static const uint32_t sizes[] = { MAX_PAYLOAD + 1, INT_MAX, UINT32_MAX };
    Wire wire = { .size = MAX_PAYLOAD };
    VhostUserIncoming *msg;
    BackEnd be;
    int i;

    backend_start(&be);
    memset(wire.payload, 'x', MAX_PAYLOAD);
    send_bytes(&be, &wire, 0, sizeof(wire));
    msg = get(&be);
    g_assert_cmpmem(msg->payload, msg->size, wire.payload, MAX_PAYLOAD);
    vhost_user_incoming_free(msg);
    backend_end(&be);

    for (i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_autofree char *reason =
            g_strdup_printf("the payload of %" PRIu32 " bytes exceeds the "
                            "maximum of %d", sizes[i], MAX_PAYLOAD);

        backend_start(&be);
        wire.size = sizes[i];
        send_bytes(&be, &wire, 0, sizeof(wire));
        assert_get_fails(&be, reason);
        g_assert_cmpuint(unread(&be), ==, MAX_PAYLOAD);
        backend_end(&be);
    }
}

static void end_anywhere(void)
{
    unsigned int before = open_fds();
    BackEnd be;
    size_t at;

    for (at = 0; at < MESSAGE_SIZE; at++) {
        backend_start(&be);
        send_bytes(&be, &message, 0, at);
        backend_die(&be);
        assert_get_fails(&be, "the back-end has closed the connection");
        backend_end(&be);
        g_assert_cmpuint(open_fds(), ==, before);
    }

    /* a complete message before the end of file is read */
    backend_start(&be);
    send_bytes(&be, &message, 0, MESSAGE_SIZE);
    backend_die(&be);
    vhost_user_incoming_free(get(&be));
    assert_get_fails(&be, "the back-end has closed the connection");
    backend_end(&be);
}

static void run_main_loop(void)
{
    int i;

    for (i = 0; i < 4; i++) {
        main_loop_wait(true);
    }
}

static void watched(void)
{
    BackEnd be;

    backend_start(&be);
    send_request(&be, 1);
    run_main_loop();
    g_assert_cmpuint(be.received, ==, 0);

    vhost_user_reader_watch(&be.reader, true);
    vhost_user_reader_watch(&be.reader, true);
    run_main_loop();
    g_assert_cmpuint(be.received, ==, 1);
    send_bytes(&be, &message, 0, 13);
    run_main_loop();
    g_assert_cmpuint(be.received, ==, 1);
    send_bytes(&be, &message, 13, MESSAGE_SIZE);
    run_main_loop();
    g_assert_cmpuint(be.received, ==, 2);

    vhost_user_reader_watch(&be.reader, false);
    vhost_user_reader_watch(&be.reader, false);
    send_request(&be, 1);
    run_main_loop();
    g_assert_cmpuint(be.received, ==, 2);
    backend_end(&be);
}

/* A file that gets the closed descriptor's number is not polled */
static void watched_fd_closed(void)
{
    BackEnd be, idle;
    int fd;

    backend_start(&be);
    backend_start(&idle);
    vhost_user_reader_watch(&be.reader, true);
    fd = be.sioc->fd;
    qio_channel_close(QIO_CHANNEL(be.sioc), &error_abort);
    g_assert_cmpint(dup2(idle.fd, fd), ==, fd);
    while (!be.err) {
        main_loop_wait(false);
    }
    g_assert_cmpstr(error_get_pretty(be.err), ==, "the connection is closed");
    close(fd);
    backend_end(&be);
    backend_end(&idle);
}

static void watched_back_end_closed(void)
{
    BackEnd be;

    backend_start(&be);
    vhost_user_reader_watch(&be.reader, true);
    backend_die(&be);
    run_main_loop();
    g_assert_cmpstr(error_get_pretty(be.err), ==,
                    "the back-end has closed the connection");
    backend_end(&be);
}

static unsigned int sum_received(const BackEnd *all, unsigned int num)
{
    unsigned int sum = 0, i;

    for (i = 0; i < num; i++) {
        sum += all[i].received;
    }
    return sum;
}

/* No back-end is served again before all others are */
static void assert_in_turn(const BackEnd *all, unsigned int num)
{
    unsigned int round = sum_received(all, num) / num, i;

    for (i = 0; i < num; i++) {
        g_assert_cmpuint(all[i].received, >=, round);
        g_assert_cmpuint(all[i].received, <=, round + 1);
    }
}

/* Many back-ends send at once: each iteration serves at most MAX_SERVED */
static void watched_many(gconstpointer number)
{
    unsigned int num = GPOINTER_TO_UINT(number), before, iterations = 0, i, j;
    g_autofree BackEnd *all = g_new0(BackEnd, num);

    for (i = 0; i < num; i++) {
        backend_start(&all[i]);
        vhost_user_reader_watch(&all[i].reader, true);
        for (j = 0; j < ROUNDS; j++) {
            send_request(&all[i], j);
        }
    }
    while (sum_received(all, num) < ROUNDS * num) {
        before = sum_received(all, num);
        main_loop_wait(true);
        g_assert_cmpuint(sum_received(all, num) - before, <=, MAX_SERVED);
        assert_in_turn(all, num);
        iterations++;
    }
    g_assert_cmpuint(iterations, <=, ROUNDS * (num / MAX_SERVED + 1));
    for (i = 0; i < num; i++) {
        backend_end(&all[i]);
    }
}

/* No reader wants a message, so there is no reason to wait */
static void wait_no_reader_wants(void)
{
    BackEnd be, other;

    backend_start(&be);
    backend_start(&other);
    send_request(&other, 1);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpuint(other.received, ==, 0);
    g_assert_false(vhost_user_reader_waiting());
    backend_end(&be);
    backend_end(&other);
}

/* QEMU's answer to this message ends the wait */
static void answer_request(BackEnd *be, VhostUserIncoming *msg)
{
    g_assert_true(vhost_user_reader_waiting());
    send_request(be->opaque, 100);
}

static void wait_serves_others(void)
{
    BackEnd be, other, unwanted;

    backend_start(&be);
    backend_start(&unwanted);
    backend_start(&other);
    other.wanted = true;
    other.then = answer_request;
    other.opaque = &be;
    send_request(&unwanted, 1);
    send_request(&other, 2);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpuint(other.received, ==, 1);
    g_assert_cmpuint(unwanted.received, ==, 0);
    g_assert_cmpuint(unread(&be), ==, HEADER_SIZE);
    g_assert_false(vhost_user_reader_waiting());
    backend_end(&be);
    backend_end(&other);
    backend_end(&unwanted);
}

/* If the socket is ready, no other reader is served */
static void wait_returns_when_ready(void)
{
    BackEnd be, other;

    backend_start(&be);
    backend_start(&other);
    be.wanted = other.wanted = true;
    send_request(&other, 1);
    vhost_user_reader_wait(be.sioc, G_IO_OUT);
    be.wanted = false;
    send_request(&be, 1);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpuint(be.received + other.received, ==, 0);
    backend_end(&be);
    backend_end(&other);
}

static void want_two(BackEnd *be, VhostUserIncoming *msg)
{
    be->wanted = be->received < 2;
}

/* The first two messages are for the reader, the third is not */
static void wait_own_messages_first(void)
{
    BackEnd be;

    backend_start(&be);
    be.wanted = true;
    be.then = want_two;
    send_request(&be, 1);
    send_bytes(&be, &message, 0, MESSAGE_SIZE);
    send_request(&be, 3);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpuint(be.received, ==, 2);
    g_assert_cmpuint(unread(&be), ==, HEADER_SIZE);
    backend_end(&be);
}

/* The messages that a back-end sent before it closed are read */
static void wait_own_messages_before_close(void)
{
    BackEnd be;

    backend_start(&be);
    be.wanted = true;
    be.then = want_two;
    send_request(&be, 1);
    send_request(&be, 2);
    send_request(&be, 3);
    backend_die(&be);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpuint(be.received, ==, 2);
    g_assert_cmpuint(unread(&be), ==, HEADER_SIZE);
    backend_end(&be);
}

static void wait_closed(gconstpointer with_own_reader)
{
    BackEnd be, other;

    backend_start(&be);
    backend_start(&other);
    be.wanted = with_own_reader;
    other.wanted = true;
    backend_die(&be);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_true(!be.err == !with_own_reader);
    g_assert_null(other.err);
    backend_end(&be);
    backend_end(&other);
}

/* The wait continues when another back-end closes its connection */
static void wait_while_others_close(void)
{
    BackEnd be, dead, other;

    backend_start(&be);
    backend_start(&dead);
    backend_start(&other);
    dead.wanted = other.wanted = true;
    other.then = answer_request;
    other.opaque = &be;
    backend_die(&dead);
    send_bytes(&other, &message, 0, MESSAGE_SIZE);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_nonnull(dead.err);
    g_assert_cmpuint(other.received, ==, 1);
    backend_end(&be);
    backend_end(&dead);
    backend_end(&other);
}

static void close_other(BackEnd *be, VhostUserIncoming *msg)
{
    BackEnd *other = be->opaque;

    vhost_user_reader_close(&other->reader);
    other->wanted = be->wanted = false;
}

/* A reader closes the reader that would be served next */
static void wait_while_readers_close(void)
{
    BackEnd be, first, second;

    backend_start(&be);
    backend_start(&first);
    backend_start(&second);
    first.wanted = second.wanted = true;
    first.then = second.then = close_other;
    first.opaque = &second;
    second.opaque = &first;
    send_request(&first, 1);
    send_request(&second, 1);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpuint(first.received, ==, 1);
    g_assert_cmpuint(second.received, ==, 0);
    backend_end(&be);
    backend_end(&first);
    backend_end(&second);
}

static void count_to_six(BackEnd *be, VhostUserIncoming *msg)
{
    if (strlen(be->order->str) == strlen("1 2 3 1 2 3 ")) {
        send_request(be->opaque, 100);
    }
}

/* A back-end that sends all the time does not starve the others */
static void wait_is_fair(void)
{
    g_autoptr(GString) order = g_string_new(NULL);
    BackEnd be, others[3];
    int i, j;

    backend_start(&be);
    for (i = 0; i < ARRAY_SIZE(others); i++) {
        backend_start(&others[i]);
        others[i].wanted = true;
        others[i].order = order;
        others[i].then = count_to_six;
        others[i].opaque = &be;
        for (j = 0; j < 10; j++) {
            send_request(&others[i], i + 1);
        }
    }
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpstr(order->str, ==, "1 2 3 1 2 3 ");
    for (i = 0; i < ARRAY_SIZE(others); i++) {
        backend_end(&others[i]);
    }
    backend_end(&be);
}

static void wait_below(BackEnd *be, VhostUserIncoming *msg)
{
    BackEnd *waited_for = be->opaque;

    be->wanted = false;
    vhost_user_reader_wait(waited_for->sioc, G_IO_IN);
    g_assert_true(vhost_user_reader_waiting());
}

static void wait_nested(void)
{
    BackEnd be, other;

    backend_start(&be);
    backend_start(&other);
    other.wanted = true;
    other.then = wait_below;
    other.opaque = &be;
    send_request(&other, 1);
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpuint(other.received, ==, 1);
    g_assert_false(vhost_user_reader_waiting());
    backend_end(&be);
    backend_end(&other);
}

/* No message arrives: lookups end at their deadlines */
static void wait_expires_lookups(void)
{
    BackEnd be, other;

    backend_start(&be);
    backend_start(&other);
    other.wanted = true;
    expired = 0;
    expires = &other;
    next_deadline = 1;
    vhost_user_reader_wait(be.sioc, G_IO_IN);
    g_assert_cmpuint(expired, ==, 3);
    next_deadline = -1;
    expires = NULL;
    backend_end(&be);
    backend_end(&other);
}

static void add_get(void)
{
    g_test_add_func("/vhost-user-reader/get/cut-anywhere", cut_anywhere);
    g_test_add_func("/vhost-user-reader/get/byte-by-byte", byte_by_byte);
    g_test_add_func("/vhost-user-reader/get/several-at-once", several_at_once);
    g_test_add_func("/vhost-user-reader/get/fds-with-the-first-byte",
                    fds_with_the_first_byte);
    g_test_add_func("/vhost-user-reader/get/fds-with-later-bytes",
                    fds_with_later_bytes);
    g_test_add_func("/vhost-user-reader/get/closed-with-partial",
                    closed_with_partial);
    g_test_add_func("/vhost-user-reader/get/payload-is-limited",
                    payload_is_limited);
    g_test_add_func("/vhost-user-reader/get/end-anywhere", end_anywhere);
}

static void add_watch(void)
{
    g_test_add_func("/vhost-user-reader/watch/served", watched);
    g_test_add_func("/vhost-user-reader/watch/fd-closed", watched_fd_closed);
    g_test_add_func("/vhost-user-reader/watch/back-end-closed",
                    watched_back_end_closed);
    g_test_add_data_func("/vhost-user-reader/watch/100-at-once",
                         GUINT_TO_POINTER(100), watched_many);
    g_test_add_data_func("/vhost-user-reader/watch/16-at-once",
                         GUINT_TO_POINTER(MAX_SERVED), watched_many);
}

static void add_wait(void)
{
    g_test_add_func("/vhost-user-reader/wait/no-reader-wants",
                    wait_no_reader_wants);
    g_test_add_func("/vhost-user-reader/wait/serves-others",
                    wait_serves_others);
    g_test_add_func("/vhost-user-reader/wait/returns-when-ready",
                    wait_returns_when_ready);
    g_test_add_func("/vhost-user-reader/wait/own-messages-first",
                    wait_own_messages_first);
    g_test_add_func("/vhost-user-reader/wait/own-messages-before-close",
                    wait_own_messages_before_close);
    g_test_add_data_func("/vhost-user-reader/wait/closed", NULL, wait_closed);
    g_test_add_data_func("/vhost-user-reader/wait/closed-with-reader", "own",
                         wait_closed);
    g_test_add_func("/vhost-user-reader/wait/others-close",
                    wait_while_others_close);
    g_test_add_func("/vhost-user-reader/wait/readers-close",
                    wait_while_readers_close);
    g_test_add_func("/vhost-user-reader/wait/is-fair", wait_is_fair);
    g_test_add_func("/vhost-user-reader/wait/nested", wait_nested);
    g_test_add_func("/vhost-user-reader/wait/expires-lookups",
                    wait_expires_lookups);
}

int main(int argc, char **argv)
{
    qemu_init_main_loop(&error_abort);
    module_call_init(MODULE_INIT_QOM);
    alarm(SECONDS);

    g_test_init(&argc, &argv, NULL);
    add_get();
    add_watch();
    add_wait();
    return g_test_run();
}
