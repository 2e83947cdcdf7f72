/*
 * Tests of libvhost-user's main channel while vu_lookup_shared_object() waits
 *
 * The back-end runs on the thread of the test, the front-end on another
 * thread.  If a case tests that the back-end does not read a message, the
 * front-end waits until the thread of the lookup sleeps: this thread has then
 * polled the main channel, and does not poll it in a busy loop.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/memfd.h"
#include "qapi/error.h"
#include "vu-init.h"

#define VERSION 1
#define REPLY (1 << 2)
#define TIME_LIMIT 20 /* seconds, after which SIGALRM ends the test */

typedef struct Message {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
    union {
        unsigned char uuid[UUID_LEN];
        uint64_t u64;
        struct vhost_vring_state state;
    };
} QEMU_PACKED Message;

#define HEADER_SIZE offsetof(Message, uuid)

/* A back-end and the state of its front-end */
typedef struct Peers {
    VuDev dev;
    bool look_up_in_get_features;
    int object; /* exported by the back-end */
    int main_sock, backend_sock; /* the front-end's ends of the channels */
    int memory; /* the result of the lookup */
    int tid; /* of the thread that looks up */
    pthread_t pthread;
    GThread *front_end;
} Peers;

static const unsigned char ours[UUID_LEN] = "fedcba9876543210";
static unsigned char theirs[UUID_LEN] = "0123456789abcdef";

static Peers *peers_of(VuDev *dev)
{
    return container_of(dev, Peers, dev);
}

static bool same_file(int a, int b)
{
    struct stat sa, sb;

    g_assert_cmpint(fstat(a, &sa), ==, 0);
    g_assert_cmpint(fstat(b, &sb), ==, 0);
    return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* The back-end */

static void look_up(Peers *peers)
{
    int fd = -1;

    peers->tid = qemu_get_thread_id();
    peers->pthread = pthread_self();
    g_assert_true(vu_lookup_shared_object(&peers->dev, theirs, &fd));
    g_assert_true(same_file(fd, peers->memory));
    close(fd);
}

static gpointer look_up_on_thread(gpointer opaque)
{
    look_up(opaque);
    return NULL;
}

static void kicked(VuDev *dev, int index)
{
    look_up(peers_of(dev));
}

static uint64_t get_features(VuDev *dev)
{
    if (peers_of(dev)->look_up_in_get_features) {
        look_up(peers_of(dev));
    }
    return 0;
}

static int get_shared_object(VuDev *dev, const unsigned char *uuid)
{
    return memcmp(uuid, ours, sizeof(ours)) ? -1 : peers_of(dev)->object;
}

static const VuDevIface iface = {
    .get_features = get_features,
    .get_shared_object = get_shared_object,
};

static bool read_message(VuDev *dev, int sock, VhostUserMsg *msg)
{
    return recv(sock, msg, HEADER_SIZE, MSG_WAITALL) == HEADER_SIZE &&
           (msg->size == 0 ||
            recv(sock, &msg->payload, msg->size, MSG_WAITALL) == msg->size);
}

/* The front-end */

static void send_bytes(Peers *peers, const void *bytes, size_t size)
{
    g_assert_cmpint(send(peers->main_sock, bytes, size, 0), ==, size);
}

static void send_request(Peers *peers, uint32_t request, uint32_t flags)
{
    Message msg = { request, VERSION | flags };

    if (request == VHOST_USER_VRING_KICK) {
        msg.size = sizeof(msg.state);
    }
    send_bytes(peers, &msg, HEADER_SIZE + msg.size);
}

/* Sends the bytes of GET_SHARED_OBJECT from @from up to @to */
static void ask_in_part(Peers *peers, size_t from, size_t to)
{
    Message msg = { VHOST_USER_GET_SHARED_OBJECT, VERSION, UUID_LEN };

    memcpy(msg.uuid, ours, sizeof(ours));
    send_bytes(peers, (char *)&msg + from, to - from);
}

static void ask(Peers *peers)
{
    ask_in_part(peers, 0, HEADER_SIZE + UUID_LEN);
}

/* Returns the descriptor that comes with the header, or -1 */
static int receive(int sock, Message *msg)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { msg, HEADER_SIZE };
    struct msghdr hdr = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };
    int fd = -1;

    g_assert_cmpint(recvmsg(sock, &hdr, 0), ==, HEADER_SIZE);
    if (CMSG_FIRSTHDR(&hdr)) {
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&hdr)), sizeof(fd));
    }
    g_assert_cmpuint(msg->size, <=, sizeof(*msg) - HEADER_SIZE);
    g_assert_cmpint(recv(sock, msg->uuid, msg->size, MSG_WAITALL), ==,
                    msg->size);
    return fd;
}

static int expect_reply(Peers *peers, uint32_t request)
{
    Message msg;
    int fd = receive(peers->main_sock, &msg);

    g_assert_cmpuint(msg.request, ==, request);
    g_assert_cmpuint(msg.flags & REPLY, ==, REPLY);
    return fd;
}

static void expect_object(Peers *peers)
{
    int fd = expect_reply(peers, VHOST_USER_GET_SHARED_OBJECT);

    g_assert_true(same_file(fd, peers->object));
    close(fd);
}

static void expect_nothing(Peers *peers)
{
    char byte;

    g_assert_cmpint(recv(peers->main_sock, &byte, 1, MSG_DONTWAIT), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
}

static void expect_lookup(Peers *peers)
{
    Message msg;

    g_assert_cmpint(receive(peers->backend_sock, &msg), ==, -1);
    g_assert_cmpuint(msg.request, ==, VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP);
    g_assert_cmpmem(msg.uuid, msg.size, theirs, sizeof(theirs));
}

static void answer_lookup(Peers *peers)
{
    Message msg = {
        VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP, VERSION | REPLY,
        sizeof(msg.u64),
    };
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {
        .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS },
    };
    struct iovec iov = { &msg, HEADER_SIZE + msg.size };
    struct msghdr hdr = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };

    memcpy(CMSG_DATA(&control.header), &peers->memory, sizeof(int));
    g_assert_cmpint(sendmsg(peers->backend_sock, &hdr, 0), ==, iov.iov_len);
}

static void wait_until_asleep(Peers *peers)
{
    g_autofree char *path =
        g_strdup_printf("/proc/self/task/%d/stat", peers->tid);

    for (;;) {
        g_autofree char *stat = NULL;

        g_assert_true(g_file_get_contents(path, &stat, NULL, NULL));
        if (g_str_has_prefix(strrchr(stat, ')'), ") S")) {
            return;
        }
        g_usleep(1000);
    }
}

/* The back-end and the front-end */

static void start(Peers *peers, vu_read_msg_cb read_msg, GThreadFunc front_end)
{
    int main_sv[2], backend_sv[2];

    alarm(TIME_LIMIT);
    memset(peers, 0, sizeof(*peers));
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, main_sv), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, backend_sv), ==, 0);
    vu_init_unwatched(&peers->dev, main_sv[0], read_msg, &iface);
    peers->dev.backend_fd = backend_sv[0];
    peers->dev.protocol_features = 1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT;
    peers->main_sock = main_sv[1];
    peers->backend_sock = backend_sv[1];
    peers->object = qemu_memfd_create("object", 4096, false, 0, 0,
                                      &error_abort);
    peers->memory = qemu_memfd_create("memory", 4096, false, 0, 0,
                                      &error_abort);

    /* call vu_dispatch() here: libvhost-user records the calling thread */
    send_request(peers, VHOST_USER_GET_FEATURES, 0);
    g_assert_true(vu_dispatch(&peers->dev));
    expect_reply(peers, VHOST_USER_GET_FEATURES);
    peers->front_end = g_thread_new("front-end", front_end, peers);
}

static void join(Peers *peers)
{
    g_thread_join(g_steal_pointer(&peers->front_end));
}

static void end(Peers *peers)
{
    if (peers->front_end) {
        join(peers);
    }
    vu_deinit(&peers->dev);
    close(peers->main_sock);
    close(peers->backend_sock);
    close(peers->object);
    close(peers->memory);
    alarm(0);
}

static void dispatch_object(Peers *peers)
{
    g_assert_true(vu_dispatch(&peers->dev));
    expect_object(peers);
}

/* Each case: first the front-end's part, then the back-end's */

static gpointer ask_first(gpointer peers)
{
    expect_lookup(peers);
    ask(peers);
    expect_object(peers);
    answer_lookup(peers);
    return NULL;
}

static void served(void)
{
    Peers peers;

    start(&peers, NULL, ask_first);
    look_up(&peers);
    end(&peers);
}

static gpointer ask_often(gpointer peers)
{
    int i;

    expect_lookup(peers);
    for (i = 0; i < 100; i++) {
        ask(peers);
        ask(peers);
        expect_object(peers);
        expect_object(peers);
    }
    answer_lookup(peers);
    return NULL;
}

static void several_served(void)
{
    Peers peers;

    start(&peers, NULL, ask_often);
    look_up(&peers);
    end(&peers);
}

static gpointer ask_for_unknown(gpointer peers)
{
    Message msg = { VHOST_USER_GET_SHARED_OBJECT, VERSION, UUID_LEN };

    expect_lookup(peers);
    send_bytes(peers, &msg, HEADER_SIZE + UUID_LEN);
    g_assert_cmpint(expect_reply(peers, VHOST_USER_GET_SHARED_OBJECT), ==, -1);
    answer_lookup(peers);
    return NULL;
}

static void unknown_object(void)
{
    Peers peers;

    start(&peers, NULL, ask_for_unknown);
    look_up(&peers);
    end(&peers);
}

static gpointer ask_slowly(gpointer peers)
{
    expect_lookup(peers);
    ask_in_part(peers, 0, HEADER_SIZE);
    wait_until_asleep(peers);
    ask_in_part(peers, HEADER_SIZE, HEADER_SIZE + UUID_LEN);
    expect_object(peers);
    answer_lookup(peers);
    return NULL;
}

static void payload_later(void)
{
    Peers peers;

    start(&peers, NULL, ask_slowly);
    look_up(&peers);
    end(&peers);
}

static void noted(int signal)
{
}

static gpointer ask_after_signal(gpointer peers)
{
    expect_lookup(peers);
    wait_until_asleep(peers);
    g_assert_cmpint(pthread_kill(((Peers *)peers)->pthread, SIGUSR1), ==, 0);
    ask(peers);
    expect_object(peers);
    answer_lookup(peers);
    return NULL;
}

static void interrupted(void)
{
    struct sigaction action = { .sa_handler = noted };
    Peers peers;

    g_assert_cmpint(sigaction(SIGUSR1, &action, NULL), ==, 0);
    start(&peers, NULL, ask_after_signal);
    look_up(&peers);
    end(&peers);
}

static gpointer ask_in_vain(gpointer peers)
{
    expect_lookup(peers);
    ask(peers);
    wait_until_asleep(peers);
    expect_nothing(peers);
    answer_lookup(peers);
    return NULL;
}

static void from_another_thread(void)
{
    Peers peers;

    start(&peers, NULL, ask_in_vain);
    g_thread_join(g_thread_new("lookup", look_up_on_thread, &peers));
    join(&peers);
    dispatch_object(&peers);
    end(&peers);
}

static void dispatched_on_another_thread(void)
{
    Peers peers;
    GThread *thread;

    start(&peers, NULL, ask_first);
    thread = g_thread_new("lookup", look_up_on_thread, &peers);
    g_assert_true(vu_dispatch(&peers.dev));
    g_thread_join(thread);
    end(&peers);
}

static void custom_read_msg(void)
{
    Peers peers;

    start(&peers, read_message, ask_in_vain);
    look_up(&peers);
    join(&peers);
    dispatch_object(&peers);
    end(&peers);
}

static void during_kick(void)
{
    Peers peers;

    start(&peers, NULL, ask_first);
    vu_set_queue_handler(&peers.dev, vu_get_queue(&peers.dev, 0), kicked);
    send_request(&peers, VHOST_USER_VRING_KICK, 0);
    g_assert_true(vu_dispatch(&peers.dev));
    end(&peers);
}

static void during_kick_with_reply(void)
{
    Peers peers;

    start(&peers, NULL, ask_in_vain);
    vu_set_queue_handler(&peers.dev, vu_get_queue(&peers.dev, 0), kicked);
    send_request(&peers, VHOST_USER_VRING_KICK, VHOST_USER_NEED_REPLY_MASK);
    g_assert_true(vu_dispatch(&peers.dev));
    join(&peers);
    expect_reply(&peers, VHOST_USER_VRING_KICK);
    dispatch_object(&peers);
    end(&peers);
}

static void during_get_features(void)
{
    Peers peers;

    start(&peers, NULL, ask_in_vain);
    peers.look_up_in_get_features = true;
    send_request(&peers, VHOST_USER_GET_FEATURES, 0);
    g_assert_true(vu_dispatch(&peers.dev));
    join(&peers);
    expect_reply(&peers, VHOST_USER_GET_FEATURES);
    dispatch_object(&peers);
    end(&peers);
}

static gpointer send_other(gpointer peers)
{
    expect_lookup(peers);
    send_request(peers, VHOST_USER_GET_FEATURES, 0);
    wait_until_asleep(peers);
    expect_nothing(peers);
    answer_lookup(peers);
    return NULL;
}

static void other_stays_unread(void)
{
    Peers peers;

    start(&peers, NULL, send_other);
    look_up(&peers);
    join(&peers);
    g_assert_true(vu_dispatch(&peers.dev));
    expect_reply(&peers, VHOST_USER_GET_FEATURES);
    end(&peers);
}

static gpointer ask_then_send_other(gpointer peers)
{
    expect_lookup(peers);
    ask(peers);
    expect_object(peers);
    send_request(peers, VHOST_USER_GET_FEATURES, 0);
    ask(peers);
    wait_until_asleep(peers);
    expect_nothing(peers);
    answer_lookup(peers);
    return NULL;
}

static void order_is_kept(void)
{
    Peers peers;

    start(&peers, NULL, ask_then_send_other);
    look_up(&peers);
    join(&peers);
    g_assert_true(vu_dispatch(&peers.dev));
    expect_reply(&peers, VHOST_USER_GET_FEATURES);
    dispatch_object(&peers);
    end(&peers);
}

static gpointer send_part_of_header(gpointer peers)
{
    expect_lookup(peers);
    ask_in_part(peers, 0, HEADER_SIZE - 1);
    wait_until_asleep(peers);
    expect_nothing(peers);
    answer_lookup(peers);
    return NULL;
}

static void part_of_header(void)
{
    Peers peers;

    start(&peers, NULL, send_part_of_header);
    look_up(&peers);
    join(&peers);
    ask_in_part(&peers, HEADER_SIZE - 1, HEADER_SIZE + UUID_LEN);
    dispatch_object(&peers);
    end(&peers);
}

static gpointer close_main(gpointer peers)
{
    expect_lookup(peers);
    g_assert_cmpint(shutdown(((Peers *)peers)->main_sock, SHUT_RDWR), ==, 0);
    wait_until_asleep(peers);
    answer_lookup(peers);
    return NULL;
}

static void main_channel_closed(void)
{
    Peers peers;

    start(&peers, NULL, close_main);
    look_up(&peers);
    end(&peers);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-user-lookup-wait/served", served);
    g_test_add_func("/vhost-user-lookup-wait/several-served", several_served);
    g_test_add_func("/vhost-user-lookup-wait/unknown-object", unknown_object);
    g_test_add_func("/vhost-user-lookup-wait/payload-later", payload_later);
    g_test_add_func("/vhost-user-lookup-wait/interrupted", interrupted);
    g_test_add_func("/vhost-user-lookup-wait/during-kick", during_kick);
    g_test_add_func("/vhost-user-lookup-wait/during-kick-with-reply",
                    during_kick_with_reply);
    g_test_add_func("/vhost-user-lookup-wait/during-get-features",
                    during_get_features);
    g_test_add_func("/vhost-user-lookup-wait/from-another-thread",
                    from_another_thread);
    g_test_add_func("/vhost-user-lookup-wait/dispatched-on-another-thread",
                    dispatched_on_another_thread);
    g_test_add_func("/vhost-user-lookup-wait/custom-read-msg",
                    custom_read_msg);
    g_test_add_func("/vhost-user-lookup-wait/other-stays-unread",
                    other_stays_unread);
    g_test_add_func("/vhost-user-lookup-wait/order-is-kept", order_is_kept);
    g_test_add_func("/vhost-user-lookup-wait/part-of-header", part_of_header);
    g_test_add_func("/vhost-user-lookup-wait/main-channel-closed",
                    main_channel_closed);
    return g_test_run();
}
