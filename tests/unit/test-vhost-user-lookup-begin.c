/*
 * Tests of vu_begin_lookup() and vu_end_lookup()
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "open-fds.h"
#include "vu-init.h"

#define VERSION 1
#define REPLY (1 << 2)

enum {
    LOOKUP = VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP,
    SIZE = sizeof(uint64_t),
    INFO_SIZE = sizeof(VhostUserLookupReply),
};

typedef struct Message {
    uint32_t request, flags, size;
    union {
        uint8_t uuid[UUID_LEN];
        VhostUserLookupReply lookup;
    };
} QEMU_PACKED Message;
#define HEADER_SIZE offsetof(Message, uuid)

/* The front-end's reply, and the results expected from libvhost-user */
typedef struct Reply {
    uint32_t request, size;
    uint64_t failed;
    int fds;
    bool has_info;
    bool is_reply, found;
} Reply;

static unsigned char uuids[2][UUID_LEN] = {
    "0123456789abcdef", "fedcba9876543210",
};

static const VhostUserObjectInfo image = {
    .size = 1 << 20, .width = 640, .height = 400, .fourcc = 0x34325258,
    .num_planes = 1, .strides = { 2560 },
};

static VuDev dev;
static int main_sock, channel_sock; /* the front-end's ends */

static uint64_t get_features(VuDev *vu)
{
    return 0;
}

static const VuDevIface iface = {
    .get_features = get_features,
};

static void start(bool has_info)
{
    int main_sv[2], channel_sv[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, main_sv), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, channel_sv), ==, 0);
    vu_init_unwatched(&dev, main_sv[0], NULL, &iface);
    dev.backend_fd = channel_sv[0];
    dev.protocol_features =
        1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT |
        (uint64_t)has_info << VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO;
    main_sock = main_sv[1];
    channel_sock = channel_sv[1];
}

static void end(void)
{
    vu_deinit(&dev);
    close(main_sock);
    close(channel_sock);
}

static void expect_lookup(const unsigned char *uuid)
{
    Message msg;

    g_assert_cmpint(recv(channel_sock, &msg, HEADER_SIZE + UUID_LEN,
                         MSG_DONTWAIT), ==, HEADER_SIZE + UUID_LEN);
    g_assert_cmpuint(msg.request, ==, LOOKUP);
    g_assert_cmpuint(msg.flags, ==, VERSION | VHOST_USER_NEED_REPLY_MASK);
    g_assert_cmpuint(msg.size, ==, UUID_LEN);
    g_assert_cmpmem(msg.uuid, UUID_LEN, uuid, UUID_LEN);
}

/* With @reply->fds descriptors, of which each is @fd */
static void send_reply(const Reply *reply, int fd)
{
    Message msg = {
        .request = reply->request,
        .flags = VERSION | REPLY,
        .size = reply->size,
        .lookup = { reply->failed, image },
    };
    int fds[] = { fd, fd };
    char control[CMSG_SPACE(sizeof(fds))] = { };
    struct iovec iov = { &msg, HEADER_SIZE + msg.size };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;

    if (reply->fds) {
        mh.msg_control = control;
        mh.msg_controllen = CMSG_SPACE(reply->fds * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&mh);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(reply->fds * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, reply->fds * sizeof(int));
    }
    g_assert_cmpint(sendmsg(channel_sock, &mh, 0), ==, iov.iov_len);
}

static bool is_same_file(int fd, int other)
{
    struct stat one, two;

    g_assert_cmpint(fstat(fd, &one), ==, 0);
    g_assert_cmpint(fstat(other, &two), ==, 0);
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

static void replied(gconstpointer data)
{
    const Reply *reply = data;
    VhostUserObjectInfo info;
    unsigned int before;
    int fd = 0;

    start(reply->has_info);
    before = open_fds();
    g_assert_true(vu_begin_lookup(&dev, uuids[0]));
    expect_lookup(uuids[0]);
    send_reply(reply, channel_sock);
    g_assert_cmpint(vu_end_lookup(&dev, &fd, &info), ==, reply->is_reply);
    if (reply->found) {
        g_assert_true(is_same_file(fd, channel_sock));
        g_assert_cmpuint(info.width, ==, reply->has_info ? image.width : 0);
        close(fd);
    } else {
        g_assert_cmpint(fd, ==, -1);
    }
    g_assert_cmpuint(open_fds(), ==, before);
    end();
}

/* The front-end may need the back-end before it can reply */
static void main_channel_is_free(void)
{
    static const Reply reply = { LOOKUP, SIZE, 0, 1 };
    Message msg = { .request = VHOST_USER_GET_FEATURES, .flags = VERSION };
    VhostUserObjectInfo info;
    int fd;

    start(false);
    g_assert_true(vu_begin_lookup(&dev, uuids[0]));
    g_assert_cmpint(send(main_sock, &msg, HEADER_SIZE, 0), ==, HEADER_SIZE);
    g_assert_true(vu_dispatch(&dev));
    g_assert_cmpint(recv(main_sock, &msg, HEADER_SIZE, MSG_DONTWAIT), ==,
                    HEADER_SIZE);
    g_assert_cmpuint(msg.flags, ==, VERSION | REPLY);
    send_reply(&reply, channel_sock);
    g_assert_true(vu_end_lookup(&dev, &fd, &info));
    close(fd);
    end();
}

static void many(void)
{
    static const Reply found = { LOOKUP, SIZE, 0, 1 };
    static const Reply failed = { LOOKUP, SIZE, 1, 0 };
    VhostUserObjectInfo info;
    int fd;

    start(false);
    for (int i = 0; i < ARRAY_SIZE(uuids); i++) {
        g_assert_true(vu_begin_lookup(&dev, uuids[i]));
    }
    for (int i = 0; i < ARRAY_SIZE(uuids); i++) {
        expect_lookup(uuids[i]);
    }
    send_reply(&failed, -1);
    send_reply(&found, main_sock);
    g_assert_true(vu_end_lookup(&dev, &fd, &info));
    g_assert_cmpint(fd, ==, -1);
    g_assert_true(vu_end_lookup(&dev, &fd, &info));
    g_assert_true(is_same_file(fd, main_sock));
    close(fd);
    end();
}

static void closed(void)
{
    VhostUserObjectInfo info;
    int fd = 0;

    start(true);
    g_assert_true(vu_begin_lookup(&dev, uuids[0]));
    shutdown(channel_sock, SHUT_WR);
    g_assert_false(vu_end_lookup(&dev, &fd, &info));
    g_assert_cmpint(fd, ==, -1);
    end();
}

static void not_negotiated(void)
{
    char byte;

    start(true);
    dev.protocol_features &= ~(1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT);
    g_assert_false(vu_begin_lookup(&dev, uuids[0]));
    g_assert_cmpint(recv(channel_sock, &byte, 1, MSG_DONTWAIT), ==, -1);
    end();
}

static void no_channel(void)
{
    start(true);
    close(dev.backend_fd);
    dev.backend_fd = -1;
    g_assert_false(vu_begin_lookup(&dev, uuids[0]));
    end();
}

#define PATH "/vhost-user-lookup-begin/"

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        Reply reply;
    } replies[] = {
        { PATH "found", { LOOKUP, SIZE, 0, 1, false, true, true } },
        { PATH "found-with-info", { LOOKUP, INFO_SIZE, 0, 1, true,
                                    true, true } },
        { PATH "failed", { LOOKUP, SIZE, 1, 0, false, true } },
        { PATH "failed-with-info", { LOOKUP, INFO_SIZE, 1, 0, true, true } },
        { PATH "failed-with-fd", { LOOKUP, SIZE, 1, 1, false, true } },
        { PATH "no-fd", { LOOKUP, SIZE, 0, 0, false, true } },
        { PATH "two-fds", { LOOKUP, SIZE, 0, 2, false, true } },
        { PATH "wrong-size", { LOOKUP, SIZE, 0, 1, true, true } },
        { PATH "other-request", { VHOST_USER_BACKEND_SHARED_OBJECT_ADD, SIZE,
                                  0, 1, false, false } },
    };

    g_test_init(&argc, &argv, NULL);
    for (int i = 0; i < ARRAY_SIZE(replies); i++) {
        g_test_add_data_func(replies[i].path, &replies[i].reply, replied);
    }
    g_test_add_func(PATH "main-channel-is-free", main_channel_is_free);
    g_test_add_func(PATH "many", many);
    g_test_add_func(PATH "closed", closed);
    g_test_add_func(PATH "not-negotiated", not_negotiated);
    g_test_add_func(PATH "no-channel", no_channel);
    return g_test_run();
}
