/*
 * Tests of vu_lookup_shared_object(), with well-behaved and faulty front-ends
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/memfd.h"
#include "qapi/error.h"
#include "open-fds.h"
#include "vu-init.h"

#define HEADER_SIZE 12
#define MAX_FDS 8
#define VERSION 1
#define REPLY (1 << 2)

/* The front-end's answer, and the expected result */
typedef struct Answer {
    uint32_t request;
    uint32_t size;
    uint64_t u64;
    unsigned int num_fds;
    bool found;
    bool as_stdin; /* descriptor 0 is free when the answer arrives */
} Answer;

typedef struct FrontEnd {
    const Answer *answer;
    int sock;
    int memory;
} FrontEnd;

static unsigned char uuid[UUID_LEN] = "0123456789abcdef";

static uint64_t get_features(VuDev *dev)
{
    return 0;
}

static const VuDevIface iface = {
    .get_features = get_features,
};

static void expect_lookup(int sock)
{
    uint32_t header[3];
    uint8_t object[UUID_LEN];

    g_assert_cmpint(recv(sock, header, HEADER_SIZE, MSG_WAITALL), ==,
                    HEADER_SIZE);
    g_assert_cmpuint(header[0], ==, VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP);
    g_assert_cmpuint(header[1], ==,
                     VERSION | VHOST_USER_NEED_REPLY_MASK);
    g_assert_cmpuint(header[2], ==, sizeof(object));
    g_assert_cmpint(recv(sock, object, sizeof(object), MSG_WAITALL), ==,
                    sizeof(object));
    g_assert_cmpmem(object, sizeof(object), uuid, sizeof(uuid));
}

static gpointer front_end(gpointer opaque)
{
    FrontEnd *fe = opaque;
    const Answer *answer = fe->answer;
    char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = { };
    uint32_t header[3] = {
        answer->request, VERSION | REPLY, answer->size
    };
    struct iovec iov[] = {
        { header, HEADER_SIZE },
        { (void *)&answer->u64, answer->size },
    };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) };
    struct cmsghdr *cmsg;
    unsigned int i;

    expect_lookup(fe->sock);
    if (answer->num_fds) {
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(answer->num_fds * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(answer->num_fds * sizeof(int));
        for (i = 0; i < answer->num_fds; i++) {
            ((int *)CMSG_DATA(cmsg))[i] = fe->memory;
        }
    }
    g_assert_cmpint(sendmsg(fe->sock, &msg, 0), ==,
                    HEADER_SIZE + answer->size);
    return NULL;
}

static void start(VuDev *dev, int *sv)
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    vu_init_unwatched(dev, dup(sv[0]), NULL, &iface);
    dev->backend_fd = sv[0];
    dev->protocol_features = 1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT;
}

static void end(VuDev *dev, int *sv)
{
    vu_deinit(dev); /* closes sv[0] and its duplicate */
    close(sv[1]);
}

static void look_up(gconstpointer data)
{
    const Answer *answer = data;
    FrontEnd fe = { .answer = answer };
    VuDev dev = { };
    GThread *thread;
    unsigned int before;
    int sv[2];
    int kept = -1, fd = -1;

    start(&dev, sv);
    fe.sock = sv[1];
    fe.memory = qemu_memfd_create("object", 4096, false, 0, 0, &error_abort);
    before = open_fds();

    if (answer->as_stdin) {
        kept = dup(STDIN_FILENO);
        close(STDIN_FILENO);
    }
    thread = g_thread_new("front-end", front_end, &fe);
    g_assert_cmpint(vu_lookup_shared_object(&dev, uuid, &fd), ==,
                    answer->found);
    g_thread_join(thread);
    if (answer->as_stdin) {
        g_assert_cmpint(fd, ==, STDIN_FILENO);
        dup2(kept, STDIN_FILENO);
        close(kept);
    } else if (answer->found) {
        g_assert_cmpint(fd, >=, 0);
        close(fd);
    } else {
        g_assert_cmpint(fd, ==, -1);
    }
    g_assert_cmpuint(open_fds(), ==, before);
    close(fe.memory);
    end(&dev, sv);
}

static void not_negotiated(void)
{
    VuDev dev = { };
    int sv[2];
    int fd = -1;

    start(&dev, sv);
    dev.protocol_features = 0;
    g_assert_false(vu_lookup_shared_object(&dev, uuid, &fd));
    g_assert_cmpint(recv(sv[1], &fd, 1, MSG_DONTWAIT), ==, -1);
    end(&dev, sv);
}

int main(int argc, char **argv)
{
    enum { LOOKUP = VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP };
    static const Answer found = { LOOKUP, 8, 0, 1, true };
    static const Answer found_as_0 = { LOOKUP, 8, 0, 1, true, true };
    static const Answer rejected = { LOOKUP, 8, 1, 0, false };
    static const Answer rejected_with_fd = { LOOKUP, 8, 1, 1, false };
    static const Answer no_fd = { LOOKUP, 8, 0, 0, false };
    static const Answer two_fds = { LOOKUP, 8, 0, 2, false };
    static const Answer eight_fds = { LOOKUP, 8, 0, 8, false };
    static const Answer other_request = { LOOKUP - 1, 8, 0, 1, false };
    static const Answer no_payload = { LOOKUP, 0, 0, 1, false };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/vhost-user-lookup/found", &found, look_up);
    g_test_add_data_func("/vhost-user-lookup/found-as-descriptor-0",
                         &found_as_0, look_up);
    g_test_add_data_func("/vhost-user-lookup/rejected", &rejected, look_up);
    g_test_add_data_func("/vhost-user-lookup/rejected-with-fd",
                         &rejected_with_fd, look_up);
    g_test_add_data_func("/vhost-user-lookup/no-fd", &no_fd, look_up);
    g_test_add_data_func("/vhost-user-lookup/two-fds", &two_fds, look_up);
    g_test_add_data_func("/vhost-user-lookup/eight-fds", &eight_fds, look_up);
    g_test_add_data_func("/vhost-user-lookup/other-request", &other_request,
                         look_up);
    g_test_add_data_func("/vhost-user-lookup/no-payload", &no_payload,
                         look_up);
    g_test_add_func("/vhost-user-lookup/not-negotiated", not_negotiated);
    return g_test_run();
}
