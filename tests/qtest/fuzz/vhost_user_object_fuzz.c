/*
 * Fuzzing target: what vhost-user back-ends send about shared objects
 *
 * Two front-ends are connected to back-ends that are played here, by the same
 * thread.  That works without waiting because the main channel's character
 * device tells of each message that QEMU writes, in the middle of the write,
 * and of each read before it could block.  An answer can be held back until
 * QEMU has read from the back-end channel as it waits: a look-up that is sent
 * there asks fuzz_export() as well, which lets the answer go.
 *
 * Input, of which bytes that are missing read as zero: for each back-end a
 * byte of flags (CONFIG_*); then operations up to the end, each a byte that
 * selects back-end (bit 0) and function (ops[]), and what that one takes.
 * When QEMU asks a back-end for something, the answer comes from the input as
 * well, at the place where it is then.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "chardev/char-fe.h"
#include "chardev/char-socket.h"
#include "hw/virtio/vhost.h"
#include "hw/virtio/vhost-backend.h"
#include "hw/virtio/vhost-user.h"
#include "hw/virtio/vhost-user-exporter.h"
#include "hw/virtio/virtio-dmabuf.h"
#include "hw/virtio/virtio-export.h"
#include "hw/virtio/virtio-export-compat.h"
#include "io/channel-socket.h"
#include "qapi/qapi-types-char.h"
#include "qemu/memfd.h"
#include "qemu/rcu.h"
#include "standard-headers/linux/vhost_types.h"
#include "trace/control.h"
#include "fuzz.h"

#include <sys/ioctl.h>

#define CONFIG_NO_SHARED_OBJECT (1 << 0)
#define CONFIG_NO_REPLY_ACK (1 << 1)
#define CONFIG_NO_HOST_NOTIFIER (1 << 2)
#define CONFIG_NO_VDEV (1 << 3)
#define CONFIG_NO_CONFIG (1 << 4)
#define CONFIG_FREE_AT_ONCE (1 << 5) /* as cryptodev does */
#define CONFIG_BAD_START (1 << 6)
#define CONFIG_TRACE (1 << 7)

/* vhost-user protocol, which is private to hw/virtio/vhost-user.c */
#define VERSION 1
#define REPLY (1 << 2)
#define NEED_REPLY (1 << 3)
#define F_PROTOCOL_FEATURES 30
#define MAX_PAYLOAD 4096 /* more than QEMU takes */

enum {
    GET_FEATURES = 1,
    GET_VRING_BASE = 11,
    GET_PROTOCOL_FEATURES = 15,
    GET_QUEUE_NUM = 17,
    SET_BACKEND_REQ_FD = 21,
    IOTLB_MSG = 22,
    GET_CONFIG = 24,
    GET_SHARED_OBJECT = 41,
};

enum {
    BACKEND_IOTLB_MSG = 1,
    BACKEND_CONFIG_CHANGE_MSG = 2,
    BACKEND_VRING_HOST_NOTIFIER_MSG = 3,
    BACKEND_ADD = 6,
    BACKEND_REMOVE = 7,
    BACKEND_LOOKUP = 8,
    BACKEND_NUM = 16,
};

#define MAX_OPS 128
#define MAX_UUIDS 512
#define FLOOD 400 /* more replies than a socket takes */
#define CONFIG_SIZE 24
#define RCU_HASTE 32
#define MAX_RCU_PENDING 64

typedef struct Header {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
} Header;

typedef struct Message {
    Header hdr;
    uint8_t payload[MAX_PAYLOAD];
} Message;

/* A Message, and how it is sent */
typedef struct Parcel {
    Message msg;
    size_t size; /* less than all: then nothing more comes */
    size_t split; /* where the second piece starts */
    unsigned int num_fds;
    bool fds_late; /* with the second piece */
} Parcel;

typedef struct BackEnd {
    uint8_t config;
    struct vhost_dev dev;
    VhostUserState user;
    typeof(*((VhostUserState *)NULL)->chr) chr;
    bool has_dev;
    bool is_gone; /* the connection, and the device is not */

    int main_sock; /* the back-end's ends; -1 if closed */
    int channel;
    bool main_ended; /* nothing more can be sent */
    bool channel_ended;
    bool holds_answer;
    Parcel answer;

    /* By request: to which a reply is due, and how many came */
    unsigned int due[BACKEND_NUM];
    unsigned int replies[BACKEND_NUM];
} BackEnd;

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

/* A socket that tells the back-end what happens to it */
#define TYPE_FUZZ_CHARDEV "chardev-vhost-user-fuzz"
OBJECT_DECLARE_SIMPLE_TYPE(FuzzChardev, FUZZ_CHARDEV)

struct FuzzChardev {
    SocketChardev parent_obj;

    BackEnd *be;
};

/* A device of QEMU's own */
#define TYPE_FUZZ_EXPORTER "vhost-user-fuzz-exporter"

static ChardevClass *socket_class;
static VirtIOExporter *the_exporter;
static VirtIODevice *vdevs[2]; /* as ends */
static int memory; /* what is handed out */
static BackEnd ends[2];
static Input input;
static int num_fds;
static uint64_t num_messages;
static bool has_notifiers;
static bool has_waited;

static const QemuUUID of_exporter = { .data = "exporter's" };
static const QemuUUID of_exporter_failing = { .data = "exporter's, none" };
static const QemuUUID of_dmabuf = { .data = "dma-buf" };
static const QemuUUID of_dmabuf_failing = { .data = "dma-buf, none" };
static QemuUUID used[MAX_UUIDS];
static unsigned int num_used;

static uint64_t take(size_t bytes)
{
    uint64_t value = 0;

    while (bytes-- && input.size) {
        value = value << 8 | *input.data++;
        input.size--;
    }
    return value;
}

static void take_bytes(uint8_t *bytes, size_t size)
{
    while (size--) {
        *bytes++ = take(1);
    }
}

static QemuUUID take_uuid(void)
{
    static const QemuUUID *const special[] = {
        &of_exporter, &of_exporter_failing, &of_dmabuf, &of_dmabuf_failing,
    };
    uint8_t how = take(1);
    QemuUUID uuid = { };

    if (how < 16) {
        uuid.data[0] = how; /* 0: the null UUID */
    } else if (how < 24) {
        uuid = *special[how % ARRAY_SIZE(special)];
    } else {
        take_bytes(uuid.data, sizeof(uuid.data));
    }
    if (num_used < MAX_UUIDS) {
        used[num_used++] = uuid;
    }
    return uuid;
}

/* Those of the sanitizers come and go: they are pipes */
static int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    struct stat st;
    int n = 0;

    g_assert(dir);
    while ((entry = readdir(dir))) {
        n += !fstat(atoi(entry->d_name), &st) && !S_ISFIFO(st.st_mode);
    }
    closedir(dir);
    return n;
}

/* Return: whether all of it was sent */
static bool send_piece(int sock, const void *data, size_t size,
                       unsigned int fds)
{
    char control[CMSG_SPACE(32 * sizeof(int))] = { };
    struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;
    unsigned int i;

    if (!size) {
        return true;
    }
    if (fds) {
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(fds * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(fds * sizeof(int));
        for (i = 0; i < fds; i++) {
            ((int *)CMSG_DATA(cmsg))[i] = memory;
        }
    }
    return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == size;
}

static void end_sending(int sock, bool *ended)
{
    if (!*ended && sock >= 0) {
        shutdown(sock, SHUT_WR);
    }
    *ended = true;
}

/* After a message that is not complete nothing comes but the end */
static void send_parcel(int sock, bool *ended, const Parcel *parcel)
{
    const uint8_t *data = (const uint8_t *)&parcel->msg;
    size_t all = sizeof(Header) + MIN(parcel->msg.hdr.size, MAX_PAYLOAD);
    size_t size = MIN(parcel->size, all);
    size_t split = MIN(parcel->split, size);
    unsigned int first = parcel->fds_late ? 0 : parcel->num_fds;

    if (sock < 0 || *ended) {
        return;
    }
    num_messages++;
    if (!send_piece(sock, data, split, first) ||
        !send_piece(sock, data + split, size - split,
                    split ? parcel->num_fds - first : parcel->num_fds) ||
        size < all) {
        end_sending(sock, ended);
    }
}

static void close_sock(int *sock)
{
    if (*sock >= 0) {
        close(*sock);
        *sock = -1;
    }
}

/* How it is sent: mostly whole, and with as many descriptors as it should */
static void take_delivery(Parcel *parcel, unsigned int fds)
{
    uint8_t how = take(1);

    parcel->size = how & 1 ? take(1) : SIZE_MAX;
    parcel->split = how & 2 ? take(1) % 64 : 0;
    parcel->num_fds = how & 4 ? take(1) % 20 : fds;
    parcel->fds_late = how & 8;
}

static void release_answer(BackEnd *be)
{
    if (be->holds_answer) {
        be->holds_answer = false;
        send_parcel(be->main_sock, &be->main_ended, &be->answer);
    }
}

/* Look-ups end here that no back-end's answer is needed for */
static VirtIOExportStatus fuzz_export(VirtIOExporter *exporter,
                                      const QemuUUID *uuid,
                                      VirtIOExportObject *object, Error **errp)
{
    release_answer(&ends[0]);
    release_answer(&ends[1]);
    if (qemu_uuid_is_equal(uuid, &of_exporter)) {
        object->fd = qemu_dup(memory);
        object->kind = VIRTIO_EXPORT_KIND_MEMFD;
        object->bottom_up = take(1) & 1;
        return VIRTIO_EXPORT_DONE;
    }
    if (qemu_uuid_is_equal(uuid, &of_exporter_failing)) {
        error_setg(errp, "there is no memory");
        return VIRTIO_EXPORT_FAILED;
    }
    return VIRTIO_EXPORT_UNKNOWN;
}

static void fuzz_export_foreach(VirtIOExporter *exporter, const QemuUUID *uuid,
                                VirtIOExportFn *fn, void *opaque)
{
    static const QemuUUID *const uuids[] = {
        &of_exporter, &of_exporter_failing
    };
    VirtIOExportInfo info = { .exporter = exporter, .owner = OBJECT(exporter) };
    int i;

    virtio_export_object_init(&info.object);
    for (i = 0; i < ARRAY_SIZE(uuids); i++) {
        info.uuid = uuids[i];
        if (!uuid || qemu_uuid_is_equal(uuid, uuids[i])) {
            fn(&info, opaque);
        }
    }
}

static bool is_due(const Header *hdr)
{
    return hdr->flags & NEED_REPLY || hdr->request == BACKEND_LOOKUP;
}

static uint32_t take_request(void)
{
    static const uint8_t requests[] = {
        BACKEND_ADD, BACKEND_ADD, BACKEND_REMOVE, BACKEND_LOOKUP,
        BACKEND_LOOKUP, BACKEND_CONFIG_CHANGE_MSG, BACKEND_IOTLB_MSG,
        BACKEND_VRING_HOST_NOTIFIER_MSG,
    };
    uint8_t which = take(1);

    return which < 128 ? requests[which % ARRAY_SIZE(requests)]
                       : which % BACKEND_NUM;
}

/* Return: the size that it should have */
static uint32_t take_payload(Message *msg)
{
    struct vhost_iotlb_msg iotlb = { };
    QemuUUID uuid;
    uint64_t area[3];

    switch (msg->hdr.request) {
    case BACKEND_ADD:
    case BACKEND_REMOVE:
    case BACKEND_LOOKUP:
        uuid = take_uuid();
        memcpy(msg->payload, &uuid, sizeof(uuid));
        return sizeof(uuid);
    case BACKEND_IOTLB_MSG:
        iotlb.type = take(1) % 8;
        iotlb.perm = take(1) % 4;
        iotlb.iova = take(4);
        memcpy(msg->payload, &iotlb, sizeof(iotlb));
        return sizeof(iotlb);
    case BACKEND_VRING_HOST_NOTIFIER_MSG:
        area[0] = take(2) % 0x204;
        area[1] = take(1) ? qemu_real_host_page_size() : 1;
        area[2] = take(1) ? 0 : take(8);
        memcpy(msg->payload, area, sizeof(area));
        return sizeof(area);
    default:
        return 0;
    }
}

/*
 * A request, its payload, and a byte of flags: needs no reply, another size,
 * other bits in the header, and whether bytes follow that say how it is sent
 */
static void take_backend_request(Parcel *parcel)
{
    Header *hdr = &parcel->msg.hdr;
    uint32_t size;
    uint8_t flags;

    hdr->request = take_request();
    size = take_payload(&parcel->msg);
    flags = take(1);
    hdr->flags = VERSION | (flags & 1 ? 0 : NEED_REPLY);
    hdr->size = flags & 2 ? take(2) : size;
    if (flags & 4) {
        hdr->flags = take(4);
    }
    if (flags & 8) {
        hdr->request = take(4);
    }
    if (flags & 16) {
        take_delivery(parcel, 0);
    } else {
        parcel->size = SIZE_MAX;
    }
}

static void send_backend_request(BackEnd *be, const Parcel *parcel)
{
    const Header *hdr = &parcel->msg.hdr;

    if (be->channel < 0 || be->channel_ended) {
        return;
    }
    if (is_due(hdr)) {
        be->due[hdr->request % BACKEND_NUM]++;
    }
    send_parcel(be->channel, &be->channel_ended, parcel);
}

static void do_request(BackEnd *be)
{
    Parcel parcel = { };

    take_backend_request(&parcel);
    send_backend_request(be, &parcel);
}

static void send_good_request(BackEnd *be, uint32_t request,
                              const QemuUUID *uuid)
{
    Parcel parcel = {
        .msg.hdr = {
            .request = request,
            .flags = VERSION | NEED_REPLY,
            .size = sizeof(*uuid),
        },
        .size = SIZE_MAX,
    };

    memcpy(parcel.msg.payload, uuid, sizeof(*uuid));
    send_backend_request(be, &parcel);
}

/* Return: number of descriptors; the first is *@fd unless that is NULL */
static unsigned int receive_fds(struct msghdr *msg, int *fd)
{
    struct cmsghdr *cmsg;
    unsigned int num = 0, i, n;
    int *fds;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        fds = (int *)CMSG_DATA(cmsg);
        n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (i = 0; i < n; i++) {
            if (fd && !num++) {
                *fd = fds[i];
            } else {
                close(fds[i]);
            }
        }
    }
    return num;
}

static ssize_t receive(int sock, void *data, size_t size, unsigned int *fds,
                       int *fd)
{
    char control[CMSG_SPACE(32 * sizeof(int))] = { };
    struct iovec iov = { .iov_base = data, .iov_len = size };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    ssize_t ret = sock < 0 ? -1 : recvmsg(sock, &msg, MSG_DONTWAIT);

    *fds = ret > 0 ? receive_fds(&msg, fd) : 0;
    return ret;
}

static void check_reply(BackEnd *be, const uint8_t *reply, unsigned int fds)
{
    unsigned int which;
    uint64_t u64;
    Header hdr;

    memcpy(&hdr, reply, sizeof(hdr));
    memcpy(&u64, reply + sizeof(hdr), sizeof(u64));
    which = hdr.request % BACKEND_NUM;
    g_assert(hdr.flags & REPLY && !(hdr.flags & NEED_REPLY));
    g_assert(hdr.size == sizeof(u64) && u64 <= 1);
    g_assert(fds == (hdr.request == BACKEND_LOOKUP && !u64));
    be->replies[which]++;
    g_assert(be->replies[which] <= be->due[which]);
}

static void read_replies(BackEnd *be)
{
    uint8_t reply[sizeof(Header) + sizeof(uint64_t)];
    unsigned int fds;
    ssize_t ret;
    int fd = -1;

    while ((ret = receive(be->channel, reply, sizeof(reply), &fds, &fd)) > 0) {
        g_assert(ret == sizeof(reply));
        check_reply(be, reply, fds);
        if (fds) {
            close(fd);
        }
    }
    if (!ret || errno != EAGAIN) {
        close_sock(&be->channel);
    }
}

static void check_replies(BackEnd *be)
{
    int i;

    read_replies(be);
    for (i = 0; i < BACKEND_NUM; i++) {
        g_assert(be->channel < 0 || be->channel_ended ||
                 be->replies[i] == be->due[i]);
    }
}

static uint64_t protocol_features(uint8_t config)
{
    uint64_t features = 1ULL << VHOST_USER_PROTOCOL_F_MQ |
                        1ULL << VHOST_USER_PROTOCOL_F_BACKEND_REQ |
                        1ULL << VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD;

    if (!(config & CONFIG_NO_SHARED_OBJECT)) {
        features |= 1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT;
    }
    if (!(config & CONFIG_NO_REPLY_ACK)) {
        features |= 1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK;
    }
    if (!(config & CONFIG_NO_HOST_NOTIFIER)) {
        features |= 1ULL << VHOST_USER_PROTOCOL_F_HOST_NOTIFIER;
    }
    if (!(config & CONFIG_NO_CONFIG)) {
        features |= 1ULL << VHOST_USER_PROTOCOL_F_CONFIG;
    }
    return features;
}

/* What a good back-end answers.  Return: number of descriptors */
static unsigned int good_answer(BackEnd *be, Message *msg)
{
    uint64_t u64 = 0;

    msg->hdr.flags = VERSION | REPLY;
    switch (msg->hdr.request) {
    case GET_FEATURES:
        u64 = 1ULL << F_PROTOCOL_FEATURES;
        break;
    case GET_PROTOCOL_FEATURES:
        u64 = protocol_features(be->config);
        break;
    case GET_QUEUE_NUM:
        u64 = 2;
        break;
    case GET_SHARED_OBJECT:
        return 1;
    case GET_CONFIG:
    case GET_VRING_BASE:
        return 0;
    }
    msg->hdr.size = sizeof(u64);
    memcpy(msg->payload, &u64, sizeof(u64));
    return 0;
}

/* In one of four, a byte of what is wrong with it */
static void take_answer(BackEnd *be, Parcel *parcel)
{
    Header *hdr = &parcel->msg.hdr;
    unsigned int fds = good_answer(be, &parcel->msg);
    uint8_t wrong = take(1);

    parcel->size = SIZE_MAX;
    parcel->num_fds = fds;
    if (wrong & 1) {
        take_delivery(parcel, fds);
    }
    if (wrong & 2) {
        hdr->request = take(1);
    }
    if (wrong & 4) {
        hdr->flags = take(4);
    }
    if (wrong & 8) {
        hdr->size = take(2);
    }
    if (wrong & 16) {
        take_bytes(parcel->msg.payload, sizeof(uint64_t));
    }
}

enum {
    ANSWER_GOOD,
    ANSWER_OTHER,
    ANSWER_HELD_BACK,
    ANSWER_HELD_BACK_OTHER,
    ANSWER_END,
    ANSWER_CLOSE,
    ANSWER_NUM,
};

/*
 * A byte of what the back-end does: ANSWER_* in the low bits, and in the high
 * ones how many requests of its own it sends before
 */
static void answer(BackEnd *be)
{
    uint8_t how = take(1);
    unsigned int what = (how & 0xf) % ANSWER_NUM, requests = how >> 4 & 3;
    Parcel *parcel = &be->answer;

    while (requests--) {
        do_request(be);
    }
    if (what & 1) {
        take_answer(be, parcel);
    } else {
        parcel->num_fds = good_answer(be, &parcel->msg);
    }
    switch (what) {
    case ANSWER_HELD_BACK:
    case ANSWER_HELD_BACK_OTHER:
        be->holds_answer = true;
        /* makes QEMU call fuzz_export() */
        send_good_request(be, BACKEND_LOOKUP, &of_exporter_failing);
        if (be->channel < 0 || be->channel_ended) {
            release_answer(be);
        }
        break;
    case ANSWER_END:
        end_sending(be->main_sock, &be->main_ended);
        break;
    case ANSWER_CLOSE:
        close_sock(&be->main_sock);
        break;
    default:
        send_parcel(be->main_sock, &be->main_ended, parcel);
        break;
    }
}

/* QEMU has sent a message on the main channel */
static void serve_main(BackEnd *be, const uint8_t *data, size_t size)
{
    Parcel *parcel = &be->answer;
    uint8_t drained[1024];
    unsigned int fds;
    int fd = -1;

    while (receive(be->main_sock, drained, sizeof(drained), &fds, &fd) > 0) {
        if (fds) {
            close_sock(&be->channel);
            be->channel = fd;
        }
    }
    *parcel = (Parcel) { .size = SIZE_MAX };
    be->holds_answer = false;
    memcpy(&parcel->msg, data, MIN(size, sizeof(parcel->msg)));

    switch (parcel->msg.hdr.request) {
    case GET_FEATURES:
    case GET_PROTOCOL_FEATURES:
    case GET_QUEUE_NUM:
    case GET_VRING_BASE:
        parcel->num_fds = good_answer(be, &parcel->msg);
        send_parcel(be->main_sock, &be->main_ended, parcel);
        break;
    case SET_BACKEND_REQ_FD:
        if (parcel->msg.hdr.flags & NEED_REPLY) {
            if (be->config & CONFIG_BAD_START) {
                answer(be);
            } else {
                parcel->num_fds = good_answer(be, &parcel->msg);
                send_parcel(be->main_sock, &be->main_ended, parcel);
            }
        }
        break;
    case IOTLB_MSG:
    case GET_CONFIG:
    case GET_SHARED_OBJECT:
        answer(be);
        break;
    }
}

static int fuzz_chr_write(Chardev *chr, const uint8_t *buf, int len)
{
    BackEnd *be = FUZZ_CHARDEV(chr)->be;
    int ret = socket_class->chr_write(chr, buf, len);

    if (ret >= (int)sizeof(Header)) {
        serve_main(be, buf, ret);
    }
    return ret;
}

/* A read never blocks: what is not there now will not come */
static int fuzz_chr_sync_read(Chardev *chr, const uint8_t *buf, int len)
{
    BackEnd *be = FUZZ_CHARDEV(chr)->be;
    SocketChardev *s = SOCKET_CHARDEV(chr);
    int pending = 0;

    release_answer(be);
    if (s->state == TCP_CHARDEV_STATE_CONNECTED &&
        (ioctl(s->sioc->fd, FIONREAD, &pending) < 0 || !pending)) {
        end_sending(be->main_sock, &be->main_ended);
    }
    return socket_class->chr_sync_read(chr, buf, len);
}

/* As a device's that shows what its back-end has */
static int config_changed(struct vhost_dev *dev)
{
    uint8_t config[CONFIG_SIZE];

    return vhost_dev_get_config(dev, config, sizeof(config), NULL);
}

static const VhostDevConfigOps config_ops = {
    .vhost_dev_config_notifier = config_changed,
};

/* As vhost_dev_stop() and vhost_dev_cleanup() do it */
static void free_dev(BackEnd *be)
{
    struct vhost_vring_state state = { };
    unsigned int i;

    be->is_gone = false;
    if (!be->has_dev) {
        return;
    }
    be->has_dev = false;
    for (i = 0; i < be->user.notifiers->len; i++) {
        state.index = i;
        user_ops.vhost_get_vring_base(&be->dev, &state);
    }
    user_ops.vhost_backend_cleanup(&be->dev);
    g_free(be->dev.mem);
    error_free(be->dev.migration_blocker);
    memset(&be->dev, 0, sizeof(be->dev));
}

static void chr_event(void *opaque, QEMUChrEvent event)
{
    BackEnd *be = opaque;

    if (event == CHR_EVENT_CLOSED) {
        be->is_gone = true;
        if (be->config & CONFIG_FREE_AT_ONCE) {
            free_dev(be);
        }
    }
}

static Chardev *new_chardev(int sock)
{
    g_autofree char *fd = g_strdup_printf("%d", sock);
    FdSocketAddress address = { .str = fd };
    SocketAddressLegacy legacy = {
        .type = SOCKET_ADDRESS_TYPE_FD,
        .u.fd.data = &address,
    };
    ChardevSocket socket = {
        .addr = &legacy,
        .has_server = true,
    };
    ChardevBackend backend = {
        .type = CHARDEV_BACKEND_KIND_SOCKET,
        .u.socket.data = &socket,
    };

    return qemu_chardev_new(NULL, TYPE_FUZZ_CHARDEV, &backend, NULL,
                            &error_abort);
}

static void init_dev(BackEnd *be)
{
    struct vhost_dev *dev = &be->dev;
    Error *err = NULL;

    dev->vhost_ops = &user_ops;
    dev->mem = g_malloc0(sizeof(*dev->mem) + sizeof(dev->mem->regions[0]));
    dev->mem->nregions = 1;
    dev->mem->regions[0].memory_size = 1024 * 1024;
    if (!(be->config & CONFIG_NO_VDEV)) {
        dev->vdev = vdevs[be - ends];
    }
    if (!(be->config & CONFIG_NO_CONFIG)) {
        dev->config_ops = &config_ops;
    }
    be->has_dev = true;
    if (user_ops.vhost_backend_init(dev, &be->user, &err) < 0) {
        error_free(err);
        free_dev(be);
    }
}

static void connect_back_end(BackEnd *be, uint8_t config)
{
    int sv[2];
    Chardev *chr;

    *be = (BackEnd) { .config = config, .channel = -1 };
    g_assert(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    be->main_sock = sv[1];
    chr = new_chardev(sv[0]);
    FUZZ_CHARDEV(chr)->be = be;
    qemu_chr_fe_init(&be->chr, chr, &error_abort);
    vhost_user_init(&be->user, &be->chr, &error_abort);
    init_dev(be);
    qemu_chr_fe_set_handlers(&be->chr, NULL, NULL, chr_event, NULL, be, NULL,
                             true);
}

/* Let QEMU do what there is to do */
static void run(BackEnd *be)
{
    int i;

    while (g_main_context_iteration(NULL, false)) {
        /* sockets, and what has been put off */
    }
    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        if (ends[i].is_gone) {
            free_dev(&ends[i]);
        }
    }
}

static void rcu_done(struct rcu_head *head)
{
}

/* RCU sleeps for a while unless there are many callbacks */
static void finish_rcu(void)
{
    static struct rcu_head heads[RCU_HASTE];
    int i;

    for (i = 0; i < RCU_HASTE; i++) {
        call_rcu1(&heads[i], rcu_done);
    }
    drain_call_rcu();
}

static void disconnect_back_end(BackEnd *be)
{
    has_notifiers |= be->user.notifiers->len > 0;
    free_dev(be);
    close_sock(&be->main_sock);
    close_sock(&be->channel);
    vhost_user_cleanup(&be->user);
    qemu_chr_fe_deinit(&be->chr, true);
}

static void do_requests(BackEnd *be)
{
    int i;

    for (i = take(1) % 8; i >= 0; i--) {
        do_request(be);
    }
}

/* Nobody reads the replies */
static void do_flood(BackEnd *be)
{
    static const QemuUUID nobodys;
    int i;

    if (take(1) != 0x5a) {
        return;
    }
    for (i = 0; i < FLOOD; i++) {
        send_good_request(be, BACKEND_REMOVE, &nobodys);
        run(be);
    }
}

static void do_end(BackEnd *be)
{
    switch (take(1) % 4) {
    case 0:
        end_sending(be->channel, &be->channel_ended);
        break;
    case 1:
        close_sock(&be->channel);
        break;
    case 2:
        end_sending(be->main_sock, &be->main_ended);
        break;
    default:
        close_sock(&be->main_sock);
        break;
    }
}

static void do_reconnect(BackEnd *be)
{
    uint8_t config = take(1);

    disconnect_back_end(be);
    connect_back_end(be, config);
}

/* Time goes by, which takes some: there is something to wait for once */
static void do_wait(BackEnd *be)
{
    if (!has_waited && be->user.notifiers->len) {
        has_waited = true;
        finish_rcu();
    }
}

static void do_look_up(BackEnd *be)
{
    VirtIOExportObject object;
    QemuUUID uuid = take_uuid();
    Error *err = NULL;

    if (virtio_export_lookup(&uuid, &object, &err)) {
        g_assert(!err && object.fd >= 0);
        virtio_export_object_close(&object);
    } else {
        g_assert(err);
        error_free(err);
        virtio_export_object_close(&object); /* does nothing */
    }
}

static void count_object(const VirtIOExportInfo *info, void *opaque)
{
    unsigned int *num = opaque;

    g_assert(info->owner && info->object.fd == -1);
    ++*num;
}

static void do_walk(BackEnd *be)
{
    unsigned int num = 0;

    virtio_export_foreach(count_object, &num);
    g_assert(num >= 2);
}

/* A device of QEMU's own is unplugged, and comes again */
static void do_register(BackEnd *be)
{
    virtio_exporter_unregister(the_exporter);
    g_assert(!virtio_export_exists(&of_exporter));
    virtio_exporter_unregister(the_exporter);
    virtio_exporter_register(the_exporter);
    g_assert(virtio_export_exists(&of_exporter));
}

static void do_dmabuf(BackEnd *be)
{
    switch (take(1) % 4) {
    case 0:
        virtio_add_dmabuf(&of_dmabuf, memory);
        break;
    case 1:
        virtio_add_dmabuf(&of_dmabuf_failing, INT_MAX);
        break;
    case 2:
        if (virtio_object_type(&of_dmabuf) == TYPE_DMABUF) {
            virtio_remove_resource(&of_dmabuf);
        }
        break;
    default:
        if (virtio_object_type(&of_dmabuf_failing) == TYPE_DMABUF) {
            virtio_remove_resource(&of_dmabuf_failing);
        }
        break;
    }
}

static void set_trace(bool enabled)
{
    static const char *const names[] = {
        "vhost_user_shared_object", "virtio_export_lookup",
        "virtio_export_lookup_bottom_up", "virtio_export_lookup_failed",
    };
    TraceEvent *event;
    int i;

    for (i = 0; i < ARRAY_SIZE(names); i++) {
        event = trace_event_name(names[i]);
        if (event && trace_event_get_state_static(event)) {
            trace_event_set_state_dynamic(event, enabled);
        }
    }
}

/* Nothing is left */
static void check_end(void)
{
    unsigned int i;
    int fds;

    virtio_remove_resource(&of_dmabuf);
    virtio_remove_resource(&of_dmabuf_failing);
    for (i = 0; i < num_used; i++) {
        g_assert(virtio_object_type(&used[i]) == TYPE_INVALID);
        g_assert(!virtio_export_exists(&used[i]) ||
                 qemu_uuid_is_equal(&used[i], &of_exporter) ||
                 qemu_uuid_is_equal(&used[i], &of_exporter_failing));
    }
    num_used = 0;
    fds = count_fds();
    g_assert(!num_fds || fds == num_fds);
    num_fds = fds;
}

static void fuzz(QTestState *s, const unsigned char *data, size_t size)
{
    static void (*const ops[])(BackEnd *be) = {
        do_request, do_requests, do_request, do_requests, do_look_up, do_dmabuf,
        do_walk, do_end, do_reconnect, do_flood, do_wait,
        do_register,
    };
    static unsigned int rcu_pending; /* inputs that left something to do */
    BackEnd *be;
    uint8_t op;
    int i;

    has_notifiers = has_waited = false;
    input = (Input) { .data = data, .size = size };
    connect_back_end(&ends[0], take(1));
    connect_back_end(&ends[1], take(1));
    set_trace(ends[0].config & CONFIG_TRACE);
    for (i = 0; i < MAX_OPS && input.size; i++) {
        op = take(1);
        be = &ends[op & 1];
        ops[(op >> 1) % ARRAY_SIZE(ops)](be);
        run(be);
        check_replies(&ends[0]);
        check_replies(&ends[1]);
    }
    disconnect_back_end(&ends[0]);
    disconnect_back_end(&ends[1]);
    check_end();
    rcu_pending += has_notifiers;
    if (rcu_pending >= MAX_RCU_PENDING) {
        rcu_pending = 0;
        finish_rcu();
    }
}

/* Too long for each input: the limit of one back-end is not another's */
static void check_limit(void)
{
    QemuUUID uuid = { .data = "limit" };
    uint32_t i;

    connect_back_end(&ends[0], 0);
    connect_back_end(&ends[1], 0);
    for (i = 0; i <= VHOST_USER_MAX_SHARED_OBJECTS; i++) {
        memcpy(uuid.data + 8, &i, sizeof(i));
        g_assert(vhost_user_exporter_add(&ends[0].dev, &uuid) ==
                 (i < VHOST_USER_MAX_SHARED_OBJECTS));
    }
    g_assert(vhost_user_exporter_add(&ends[1].dev, &uuid));
    disconnect_back_end(&ends[0]);
    disconnect_back_end(&ends[1]);
    check_end();
}

static void find_device(int i, const char *path)
{
    vdevs[i] = VIRTIO_DEVICE(object_resolve_path(path, NULL));
    g_assert(vdevs[i]);
}

static void print_messages(void)
{
    printf("%" PRIu64 " messages\n", num_messages);
}

static void pre_fuzz(QTestState *s)
{
    static const uint8_t traced_look_up[] = { CONFIG_TRACE, 0, 4 << 1 };

    find_device(0, "/machine/peripheral/paged/virtio-backend");
    find_device(1, "/machine/peripheral/plain/virtio-backend");
    memory = qemu_memfd_create("object", 4096, false, 0, 0, &error_abort);
    the_exporter = VIRTIO_EXPORTER(object_new(TYPE_FUZZ_EXPORTER));
    virtio_exporter_register(the_exporter);
    fuzz(s, traced_look_up, sizeof(traced_look_up)); /* opens the log */
    check_limit();
    atexit(print_messages);
}

static GString *get_cmdline(FuzzTarget *t)
{
    return g_string_new(TARGET_NAME
                        " -display none -nodefaults -m 16M"
                        " -machine accel=qtest -D /dev/null"
                        " -device virtio-serial-pci,id=paged,page-per-vq=on"
                        " -device virtio-serial-pci,id=plain");
}

static void fuzz_chardev_class_init(ObjectClass *klass,
                                    VirtIOExportClassData *data)
{
    ChardevClass *cc = CHARDEV_CLASS(klass);

    socket_class = CHARDEV_CLASS(object_class_get_parent(klass));
    cc->chr_write = fuzz_chr_write;
    cc->chr_sync_read = fuzz_chr_sync_read;
}

static void fuzz_exporter_class_init(ObjectClass *klass,
                                     VirtIOExportClassData *data)
{
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_CLASS(klass);

    vec->export = fuzz_export;
    vec->foreach = fuzz_export_foreach;
}

static const TypeInfo types[] = {
    {
        .name = TYPE_FUZZ_CHARDEV,
        .parent = TYPE_CHARDEV_SOCKET,
        .instance_size = sizeof(FuzzChardev),
        .class_init = fuzz_chardev_class_init,
    }, {
        .name = TYPE_FUZZ_EXPORTER,
        .parent = TYPE_OBJECT,
        .class_init = fuzz_exporter_class_init,
        .interfaces = (InterfaceInfo[]) {
            { TYPE_VIRTIO_EXPORTER },
            { }
        },
    },
};

DEFINE_TYPES(types)

static void register_targets(void)
{
    fuzz_add_target(&(FuzzTarget) {
        .name = "vhost-user-object",
        .description = "Fuzz what vhost-user back-ends send about shared "
                       "objects",
        .get_init_cmdline = get_cmdline,
        .pre_fuzz = pre_fuzz,
        .fuzz = fuzz,
    });
}

fuzz_target_init(register_targets);
