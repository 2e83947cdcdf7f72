/*
 * Tests of libvhost-user with VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "open-fds.h"
#include "vu-init.h"

#define VERSION 1
#define REPLY (1 << 2)
#define UNKNOWN_KIND (VHOST_USER_OBJECT_KIND_DMABUF + 1)
#define UNKNOWN_FLAG (VHOST_USER_OBJECT_BOTTOM_UP << 1)

enum {
    LOOKUP_SIZE = sizeof(uint64_t),
    LOOKUP_INFO_SIZE = sizeof(VhostUserLookupReply),
    SHARED_INFO_SIZE = sizeof(VhostUserSharedReply),
};

typedef struct Message {
    uint32_t request, flags, size;
    union {
        VhostUserShared object;
        VhostUserSharedReply shared;
        VhostUserLookupReply lookup;
        uint8_t bytes[128];
    };
} QEMU_PACKED Message;
#define HEADER_SIZE offsetof(Message, object)

static unsigned char uuid[UUID_LEN] = "0123456789abcdef";

static const VhostUserObjectInfo image = {
    .kind = VHOST_USER_OBJECT_KIND_DMABUF,
    .flags = VHOST_USER_OBJECT_BOTTOM_UP,
    .size = 1 << 20,
    .width = 640,
    .height = 480,
    .fourcc = 0x34325258,
    .num_planes = 1,
    .modifier = 0x0123456789abcdef,
    .strides = { 2560 },
    .offsets = { 4096 },
};

static const VhostUserObjectInfo unknown = {
    .modifier = VHOST_USER_OBJECT_MODIFIER_UNKNOWN,
};

static VuDev dev;
static int main_sock, channel_sock; /* the front-end's ends */
static bool has_object;

static uint64_t get_features(VuDev *vu)
{
    return 0;
}

static int get_shared_object(VuDev *vu, const unsigned char *of)
{
    g_assert_cmpmem(of, UUID_LEN, uuid, UUID_LEN);
    return has_object ? channel_sock : -1;
}

static int get_shared_object_info(VuDev *vu, const unsigned char *of,
                                  VhostUserObjectInfo *info)
{
    g_assert_cmpmem(info, sizeof(*info), &unknown, sizeof(unknown));
    *info = image;
    return get_shared_object(vu, of);
}

static const VuDevIface iface = {
    .get_features = get_features,
    .get_shared_object_info = get_shared_object_info,
};

static const VuDevIface old_iface = {
    .get_features = get_features,
    .get_shared_object = get_shared_object,
};

static void start(const VuDevIface *of, bool has_info)
{
    int main_sv[2], channel_sv[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, main_sv), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, channel_sv), ==, 0);
    vu_init_unwatched(&dev, main_sv[0], NULL, of);
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

static void send_message(int sock, const Message *msg, bool with_fd)
{
    char control[CMSG_SPACE(sizeof(int))] = { };
    struct iovec iov = { (void *)msg, HEADER_SIZE + msg->size };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;

    if (with_fd) {
        mh.msg_control = control;
        mh.msg_controllen = sizeof(control);
        cmsg = CMSG_FIRSTHDR(&mh);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &sock, sizeof(int));
    }
    g_assert_cmpint(sendmsg(sock, &mh, 0), ==, iov.iov_len);
}

/* The front-end replies with @size bytes before the library asks */
static bool look_up(const VhostUserObjectInfo *told, uint32_t size,
                    uint64_t failed, VhostUserObjectInfo *info)
{
    Message msg = {
        .request = VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP,
        .flags = VERSION | REPLY,
        .size = size,
        .lookup = { failed, *told },
    };
    unsigned int before = open_fds();
    int fd = -1;
    bool found;

    send_message(channel_sock, &msg, !failed);
    found = vu_lookup_shared_object_info(&dev, uuid, &fd, info);
    g_assert_cmpint(recv(channel_sock, &msg, sizeof(msg), MSG_DONTWAIT), ==,
                    HEADER_SIZE + UUID_LEN);
    if (found) {
        close(fd);
    }
    g_assert_cmpuint(open_fds(), ==, before);
    return found;
}

static void found(void)
{
    VhostUserObjectInfo info;
    int fd = -1;
    Message msg = {
        .request = VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP,
        .flags = VERSION | REPLY,
        .size = LOOKUP_INFO_SIZE,
    };

    start(&iface, true);
    g_assert_true(look_up(&image, LOOKUP_INFO_SIZE, 0, &info));
    g_assert_cmpmem(&info, sizeof(info), &image, sizeof(image));
    /* vu_lookup_shared_object() ignores the description in the same reply */
    send_message(channel_sock, &msg, true);
    g_assert_true(vu_lookup_shared_object(&dev, uuid, &fd));
    close(fd);
    end();
}

static void failed(void)
{
    VhostUserObjectInfo info;

    start(&iface, true);
    g_assert_false(look_up(&unknown, LOOKUP_INFO_SIZE, 1, &info));
    end();
}

static void wrong_size(void)
{
    static const uint32_t sizes[] = {
        0, LOOKUP_SIZE, LOOKUP_INFO_SIZE - 1, LOOKUP_INFO_SIZE + 1,
    };
    VhostUserObjectInfo info;

    start(&iface, true);
    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_assert_false(look_up(&image, sizes[i], 0, &info));
    }
    g_assert_true(look_up(&image, LOOKUP_INFO_SIZE, 0, &info));
    end();
}

static void lookup_not_negotiated(void)
{
    VhostUserObjectInfo info;

    start(&iface, false);
    g_assert_false(look_up(&image, LOOKUP_INFO_SIZE, 0, &info));
    g_assert_true(look_up(&image, LOOKUP_SIZE, 0, &info));
    g_assert_cmpmem(&info, sizeof(info), &unknown, sizeof(unknown));
    end();
}

static void unknown_kind(void)
{
    VhostUserObjectInfo told = image, info;

    start(&iface, true);
    told.kind = UNKNOWN_KIND;
    g_assert_true(look_up(&told, LOOKUP_INFO_SIZE, 0, &info));
    told.kind = VHOST_USER_OBJECT_KIND_UNKNOWN;
    g_assert_cmpmem(&info, sizeof(info), &told, sizeof(told));
    end();
}

static void unknown_geometry(void)
{
    VhostUserObjectInfo told[] = { image, image, image };
    VhostUserObjectInfo expected = unknown, info;

    expected.kind = image.kind;
    expected.size = image.size;
    told[0].flags |= UNKNOWN_FLAG;
    told[1].num_planes = VHOST_USER_OBJECT_MAX_PLANES + 1;
    told[2].num_planes = UINT32_MAX;
    start(&iface, true);
    for (int i = 0; i < ARRAY_SIZE(told); i++) {
        g_assert_true(look_up(&told[i], LOOKUP_INFO_SIZE, 0, &info));
        g_assert_cmpmem(&info, sizeof(info), &expected, sizeof(expected));
    }
    end();
}

/* The library has sent one message with a payload of @size bytes */
static void receive(Message *msg, uint32_t size)
{
    char more;

    /* the header comes with the file descriptor, the payload after it */
    g_assert_cmpint(recv(main_sock, msg, HEADER_SIZE, MSG_DONTWAIT), ==,
                    HEADER_SIZE);
    g_assert_cmpint(recv(main_sock, msg->bytes, size, MSG_DONTWAIT), ==, size);
    g_assert_cmpint(recv(main_sock, &more, 1, MSG_DONTWAIT), ==, -1);
    g_assert_cmpuint(msg->size, ==, size);
}

/* Return: the library's reply to GET_SHARED_OBJECT, whose size is checked */
static Message get_object(const VuDevIface *of, bool has_info, uint32_t size)
{
    Message msg = {
        .request = VHOST_USER_GET_SHARED_OBJECT,
        .flags = VERSION,
        .size = UUID_LEN,
    };

    memcpy(msg.object.uuid, uuid, UUID_LEN);
    start(of, has_info);
    send_message(main_sock, &msg, false);
    g_assert_true(vu_dispatch(&dev));
    receive(&msg, size);
    g_assert_cmpuint(msg.flags, ==, VERSION | REPLY);
    g_assert_cmpmem(msg.object.uuid, UUID_LEN, uuid, UUID_LEN);
    end();
    return msg;
}

static void get_described(void)
{
    Message msg;

    has_object = true;
    msg = get_object(&iface, true, SHARED_INFO_SIZE);
    g_assert_cmpmem(&msg.shared.info, sizeof(image), &image, sizeof(image));
}

static void get_as_before(void)
{
    has_object = true;
    get_object(&iface, false, UUID_LEN);
    get_object(&old_iface, true, UUID_LEN);
    has_object = false;
    get_object(&iface, true, UUID_LEN);
    get_object(&old_iface, false, UUID_LEN);
}

/* The library offers the feature only for a device that requests it */
static void is_not_automatic(void)
{
    Message msg = {
        .request = VHOST_USER_GET_PROTOCOL_FEATURES,
        .flags = VERSION,
    };

    start(&iface, false);
    send_message(main_sock, &msg, false);
    g_assert_true(vu_dispatch(&dev));
    receive(&msg, sizeof(uint64_t));
    g_assert_cmphex(msg.lookup.failed &
                    1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO, ==, 0);
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-user-lookup-info/lookup/found", found);
    g_test_add_func("/vhost-user-lookup-info/lookup/failed", failed);
    g_test_add_func("/vhost-user-lookup-info/lookup/wrong-size", wrong_size);
    g_test_add_func("/vhost-user-lookup-info/lookup/not-negotiated",
                    lookup_not_negotiated);
    g_test_add_func("/vhost-user-lookup-info/lookup/unknown-kind",
                    unknown_kind);
    g_test_add_func("/vhost-user-lookup-info/lookup/unknown-geometry",
                    unknown_geometry);
    g_test_add_func("/vhost-user-lookup-info/get/described", get_described);
    g_test_add_func("/vhost-user-lookup-info/get/as-before", get_as_before);
    g_test_add_func("/vhost-user-lookup-info/is-not-automatic",
                    is_not_automatic);
    return g_test_run();
}
