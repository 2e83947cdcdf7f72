/*
 * Tests of vu_begin_shared_object() and vu_end_shared_object()
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vu-init.h"

#define VERSION 1
#define REPLY (1 << 2)

typedef struct Header {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
} Header;

/* The front-end's reply, and the results expected from libvhost-user */
typedef struct Reply {
    uint32_t request;
    uint32_t size;
    uint64_t u64;
    bool is_reply;
    bool done;
} Reply;

static unsigned char uuid[UUID_LEN] = "0123456789abcdef";

static uint64_t get_features(VuDev *dev)
{
    return 0;
}

static const VuDevIface iface = {
    .get_features = get_features,
};

static void start(VuDev *dev, int *sv)
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    vu_init_unwatched(dev, dup(sv[0]), NULL, &iface);
    dev->backend_fd = sv[0];
    dev->protocol_features = 1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT |
                             1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK;
}

static void end(VuDev *dev, int *sv)
{
    vu_deinit(dev); /* closes sv[0] and its duplicate */
    close(sv[1]);
}

static void expect_request(int sock, uint32_t request)
{
    struct {
        Header hdr;
        uint8_t uuid[UUID_LEN];
    } msg;

    g_assert_cmpint(recv(sock, &msg, sizeof(msg), MSG_WAITALL), ==,
                    sizeof(msg));
    g_assert_cmpuint(msg.hdr.request, ==, request);
    g_assert_cmpuint(msg.hdr.flags, ==, VERSION | VHOST_USER_NEED_REPLY_MASK);
    g_assert_cmpuint(msg.hdr.size, ==, sizeof(msg.uuid));
    g_assert_cmpmem(msg.uuid, sizeof(msg.uuid), uuid, sizeof(uuid));
}

static void send_reply(int sock, const Reply *reply)
{
    Header hdr = {
        .request = reply->request,
        .flags = VERSION | REPLY,
        .size = reply->size,
    };
    struct iovec iov[] = {
        { &hdr, sizeof(hdr) },
        { (void *)&reply->u64, reply->size },
    };

    g_assert_cmpint(writev(sock, iov, ARRAY_SIZE(iov)), ==,
                    sizeof(hdr) + reply->size);
}

static void replied(gconstpointer data)
{
    const Reply *reply = data;
    bool add = reply->request != VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE;
    bool done = !reply->done;
    VuDev dev = { };
    int sv[2];

    start(&dev, sv);
    g_assert_true(vu_begin_shared_object(&dev, add, uuid));
    expect_request(sv[1], add ? VHOST_USER_BACKEND_SHARED_OBJECT_ADD :
                                VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE);
    send_reply(sv[1], reply);
    g_assert_cmpint(vu_end_shared_object(&dev, &done), ==, reply->is_reply);
    if (reply->is_reply) {
        g_assert_cmpint(done, ==, reply->done);
    }
    end(&dev, sv);
}

static void closed(void)
{
    VuDev dev = { };
    bool done;
    int sv[2];

    start(&dev, sv);
    g_assert_true(vu_begin_shared_object(&dev, true, uuid));
    expect_request(sv[1], VHOST_USER_BACKEND_SHARED_OBJECT_ADD);
    shutdown(sv[1], SHUT_WR);
    g_assert_false(vu_end_shared_object(&dev, &done));
    end(&dev, sv);
}

/* Without one of the features there would be no reply: nothing is sent */
static void not_negotiated(void)
{
    VuDev dev = { };
    uint64_t features;
    char byte;
    int sv[2];

    start(&dev, sv);
    features = dev.protocol_features;
    dev.protocol_features =
        features & ~(1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT);
    g_assert_false(vu_begin_shared_object(&dev, true, uuid));
    dev.protocol_features =
        features & ~(1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK);
    g_assert_false(vu_begin_shared_object(&dev, true, uuid));
    g_assert_cmpint(recv(sv[1], &byte, 1, MSG_DONTWAIT), ==, -1);
    end(&dev, sv);
}

static void no_channel(void)
{
    VuDev dev = { };
    int sv[2];

    start(&dev, sv);
    dev.backend_fd = -1;
    g_assert_false(vu_begin_shared_object(&dev, true, uuid));
    close(sv[0]);
    end(&dev, sv);
}

/* A front-end may give a queue no descriptor, or give it later */
static void no_call_fd(void)
{
    struct vring_avail avail = { 0 };
    VuDev dev;
    int sv[2];

    start(&dev, sv);
    dev.vq[0].vring.avail = &avail;
    g_assert_cmpint(dev.vq[0].call_fd, ==, -1);
    vu_queue_notify(&dev, &dev.vq[0]);
    dev.vq[0].vring.avail = NULL;
    end(&dev, sv);
}

int main(int argc, char **argv)
{
    enum {
        ADD = VHOST_USER_BACKEND_SHARED_OBJECT_ADD,
        REMOVE = VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE,
        LOOKUP = VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP,
    };
    static const Reply added = { ADD, 8, 0, true, true };
    static const Reply rejected = { ADD, 8, 1, true, false };
    static const Reply removed = { REMOVE, 8, 0, true, true };
    static const Reply not_there = { REMOVE, 8, 1, true, false };
    static const Reply other_request = { LOOKUP, 8, 0, false };
    static const Reply no_payload = { ADD, 0, 0, false };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/vhost-user-object/added", &added, replied);
    g_test_add_data_func("/vhost-user-object/rejected", &rejected, replied);
    g_test_add_data_func("/vhost-user-object/removed", &removed, replied);
    g_test_add_data_func("/vhost-user-object/unknown", &not_there, replied);
    g_test_add_data_func("/vhost-user-object/other-request", &other_request,
                         replied);
    g_test_add_data_func("/vhost-user-object/no-payload", &no_payload,
                         replied);
    g_test_add_func("/vhost-user-object/closed", closed);
    g_test_add_func("/vhost-user-object/no-call-descriptor", no_call_fd);
    g_test_add_func("/vhost-user-object/not-negotiated", not_negotiated);
    g_test_add_func("/vhost-user-object/no-channel", no_channel);
    return g_test_run();
}
