/*
 * A vhost-user back-end in the test process, to test shared objects
 *
 * The peer implements docs/interop/vhost-user.rst without libvhost-user, so
 * that it can also send invalid messages.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/memfd.h"
#include "qemu/sockets.h"
#include "qapi/error.h"
#include "virtio-export/peer.h"

#include <sys/un.h>

#define MAX_FDS PEER_MAX_FDS

#define FLAG_VERSION 1
#define FLAG_REPLY (1 << 2)

#define F_LOG_ALL 26
#define F_PROTOCOL_FEATURES 30
#define F_VERSION_1 32

#define PROTOCOL_F_LOG_SHMFD 1
#define PROTOCOL_F_REPLY_ACK 3
#define PROTOCOL_F_BACKEND_REQ 5
#define PROTOCOL_F_CONFIG 9
#define PROTOCOL_F_HOST_NOTIFIER 11

enum {
    SET_LOG_BASE = 6,
    GET_QUEUE_NUM = 17,
};

typedef struct Header {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
} Header;

typedef struct Message {
    Header hdr;
    union {
        uint64_t u64;
        uint8_t uuid[PEER_UUID_SIZE];
        uint8_t bytes[4096];
    };
    int fds[MAX_FDS];
    size_t num_fds;
} Message;

struct VhostUserPeer {
    char *id;
    char *path;
    uint64_t offered;           /* bits of PEER_F_* */
    uint64_t shmem_size;
    int memory;
    int listener;
    GThread *thread;

    /* The lock protects the rest; the condition is signalled at every change */
    GMutex lock;
    GCond cond;
    bool quit;
    int main_fd;
    int channel;
    int gpu_socket;
    int vring_err;
    bool no_config;
    uint64_t acked;             /* protocol features */
    unsigned int num_channels;  /* channels that QEMU has sent */
    unsigned int used_channel;  /* number of the channel in use */
    PeerAnswer answer;
    struct {
        uint8_t uuid[PEER_UUID_SIZE];
        PeerInfo info;
        uint64_t excess;
    } described;                /* payload of PEER_ANSWER_INFO */
    size_t described_size;
    bool breaks_channel;
    bool adds_in_channel;       /* added_uuid, to the next channel */
    uint8_t added_uuid[PEER_UUID_SIZE];
    uint8_t asked_uuid[PEER_UUID_SIZE];
    uint8_t rejected_uuid[PEER_UUID_SIZE];
    unsigned int asked;
    uint32_t hold;
    uint32_t die_at;
    unsigned int deaths;        /* number of deaths still to come */
    uint64_t served;            /* bit mask of requests */
    uint32_t cut_request;
    size_t cut;
    bool held;
};

/* The default is long because QEMU with sanitizers is slow */
static int time_limit_s(void)
{
    const char *text = g_getenv("VHOST_USER_PEER_TIME_LIMIT");

    return text ? atoi(text) : 60;
}

/* Wait until @condition; the lock is held */
#define peer_wait(peer, condition) do {                                     \
    gint64 until = g_get_monotonic_time() +                                 \
                   time_limit_s() * G_TIME_SPAN_SECOND;                     \
    while (!(condition)) {                                                  \
        g_assert_true(g_cond_wait_until(&(peer)->cond, &(peer)->lock,       \
                                        until));                            \
    }                                                                       \
} while (0)

static void wait_fd(int fd, int events)
{
    GPollFD pfd = { .fd = fd, .events = events };

    g_assert_cmpint(g_poll(&pfd, 1, time_limit_s() * 1000), ==, 1);
}

static void close_fds(Message *msg)
{
    while (msg->num_fds) {
        close(msg->fds[--msg->num_fds]);
    }
}

/* Return: false if the other side has closed the socket */
static bool read_all(int fd, void *buf, size_t len, Message *fds_to)
{
    char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
    struct cmsghdr *cmsg;
    ssize_t ret;

    while (len) {
        struct iovec iov = { .iov_base = buf, .iov_len = len };
        struct msghdr mh = {
            .msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = control,
            .msg_controllen = sizeof(control),
        };

        wait_fd(fd, G_IO_IN);
        ret = RETRY_ON_EINTR(recvmsg(fd, &mh, MSG_CMSG_CLOEXEC));
        if (ret <= 0) {
            return false;
        }
        cmsg = CMSG_FIRSTHDR(&mh);
        if (cmsg) {
            g_assert_nonnull(fds_to);
            g_assert_cmpint(cmsg->cmsg_type, ==, SCM_RIGHTS);
            fds_to->num_fds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds_to->fds, CMSG_DATA(cmsg),
                   fds_to->num_fds * sizeof(int));
        }
        buf = (char *)buf + ret;
        len -= ret;
    }
    return true;
}

static bool read_message(int fd, Message *msg)
{
    msg->num_fds = 0;
    if (!read_all(fd, &msg->hdr, sizeof(msg->hdr), msg)) {
        return false;
    }
    g_assert_cmpuint(msg->hdr.size, <=, sizeof(msg->bytes));
    return read_all(fd, msg->bytes, msg->hdr.size, NULL);
}

static ssize_t write_iov(int fd, struct iovec *iov, size_t iovcnt,
                         const int *fds, size_t num_fds, int flags)
{
    char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = { };
    struct msghdr mh = { .msg_iov = iov, .msg_iovlen = iovcnt };
    struct cmsghdr *cmsg;

    if (num_fds) {
        mh.msg_control = control;
        mh.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&mh);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(num_fds * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, num_fds * sizeof(int));
    }
    return RETRY_ON_EINTR(sendmsg(fd, &mh, MSG_NOSIGNAL | flags));
}

static ssize_t write_message(int fd, const Header *hdr, const void *payload,
                             size_t size, const int *fds, size_t num_fds,
                             int flags)
{
    struct iovec iov[] = {
        { .iov_base = (void *)hdr, .iov_len = sizeof(*hdr) },
        { .iov_base = (void *)payload, .iov_len = size },
    };

    return write_iov(fd, iov, ARRAY_SIZE(iov), fds, num_fds, flags);
}

static uint64_t protocol_features(const VhostUserPeer *peer)
{
    return 1ULL << PROTOCOL_F_LOG_SHMFD | 1ULL << PROTOCOL_F_REPLY_ACK |
           1ULL << PROTOCOL_F_BACKEND_REQ | 1ULL << PROTOCOL_F_CONFIG |
           1ULL << PROTOCOL_F_HOST_NOTIFIER | peer->offered;
}

/* The lock is held */
static void be_busy(VhostUserPeer *peer)
{
    peer->held = true;
    g_cond_broadcast(&peer->cond);
    peer_wait(peer, !peer->held);
}

/* If vhost_user_peer_cut() was called, the first part has the descriptors */
static void write_in_parts(VhostUserPeer *peer, int fd, const Header *hdr,
                           const void *payload, size_t size, const int *fds,
                           size_t num_fds)
{
    uint8_t bytes[sizeof(*hdr) + sizeof(peer->described)];
    struct iovec iov = { .iov_base = bytes, .iov_len = peer->cut };

    if (!peer->cut || hdr->request != peer->cut_request) {
        write_message(fd, hdr, payload, size, fds, num_fds, 0);
        return;
    }
    g_assert_cmpuint(sizeof(*hdr) + size, <=, sizeof(bytes));
    memcpy(bytes, hdr, sizeof(*hdr));
    memcpy(bytes + sizeof(*hdr), payload, size);
    write_iov(fd, &iov, 1, fds, num_fds, 0);
    be_busy(peer);
    iov.iov_base = bytes + peer->cut;
    iov.iov_len = sizeof(*hdr) + size - peer->cut;
    write_iov(fd, &iov, 1, NULL, 0, 0);
    peer->cut = 0;
}

static void reply(VhostUserPeer *peer, int fd, const Message *msg,
                  const void *payload, size_t size)
{
    Header hdr = {
        .request = msg->hdr.request,
        .flags = FLAG_VERSION | FLAG_REPLY,
        .size = size,
    };

    /* ignore errors: QEMU may have closed the socket */
    write_in_parts(peer, fd, &hdr, payload, size, NULL, 0);
}

static void reply_u64(VhostUserPeer *peer, int fd, const Message *msg,
                      uint64_t value)
{
    reply(peer, fd, msg, &value, sizeof(value));
}

static void reply_shared_object(VhostUserPeer *peer, int fd, const Message *msg)
{
    Header hdr = {
        .request = msg->hdr.request,
        .flags = FLAG_VERSION | FLAG_REPLY,
    };
    const void *payload = msg->bytes;
    int fds[MAX_FDS];
    size_t num_fds = memcmp(msg->uuid, peer->rejected_uuid,
                            PEER_UUID_SIZE) != 0;
    size_t size = 0;
    int i;

    for (i = 0; i < MAX_FDS; i++) {
        fds[i] = peer->memory;
    }
    switch (peer->answer) {
    case PEER_ANSWER_FD:
        break;
    case PEER_ANSWER_ECHO:
        hdr.size = size = msg->hdr.size;
        break;
    case PEER_ANSWER_INFO:
        memcpy(peer->described.uuid, msg->uuid, PEER_UUID_SIZE);
        payload = &peer->described;
        hdr.size = size = peer->described_size;
        break;
    case PEER_ANSWER_NO_FD:
        num_fds = 0;
        break;
    case PEER_ANSWER_TWO_FDS:
        num_fds = 2;
        break;
    case PEER_ANSWER_MANY_FDS:
        num_fds = MAX_FDS;
        break;
    case PEER_ANSWER_WRONG_REQUEST:
        hdr.request = PEER_GET_FEATURES;
        break;
    case PEER_ANSWER_WRONG_FLAGS:
        hdr.flags = FLAG_VERSION;
        break;
    case PEER_ANSWER_HUGE_PAYLOAD:
        hdr.size = 0xfffffff0;
        break;
    case PEER_ANSWER_CLOSE:
        shutdown(fd, SHUT_RDWR);
        return;
    case PEER_ANSWER_TWICE:
        write_message(fd, &hdr, NULL, 0, fds, num_fds, 0);
        break;
    case PEER_ANSWER_NONE:
        return;
    }
    write_in_parts(peer, fd, &hdr, payload, size, fds, num_fds);
}

static void set_channel(VhostUserPeer *peer, Message *msg)
{
    g_assert_cmpuint(msg->num_fds, ==, 1);
    if (peer->channel >= 0) {
        close(peer->channel);
    }
    peer->channel = msg->fds[0];
    peer->num_channels++;
    msg->num_fds = 0;
}

/* Store the descriptor of @msg in @fd, and close the one stored before */
static void keep_fd(int *fd, Message *msg)
{
    g_assert_cmpuint(msg->num_fds, ==, 1);
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = msg->fds[0];
    msg->num_fds = 0;
}

/* Make QEMU close the back-end channel while it waits on the main channel */
static void break_channel(VhostUserPeer *peer)
{
    Header hdr = { .flags = FLAG_VERSION, .size = 0xfffffff0 };

    write_message(peer->channel, &hdr, NULL, 0, NULL, 0, 0);
    wait_fd(peer->channel, G_IO_IN);
    close(peer->channel);
    peer->channel = -1;
    peer->breaks_channel = false;
}

/* Add an object while QEMU waits on the main channel */
static void add_in_channel(VhostUserPeer *peer)
{
    Header hdr = {
        .request = PEER_ADD,
        .flags = FLAG_VERSION | PEER_NEED_REPLY,
        .size = PEER_UUID_SIZE,
    };
    Message got;

    write_message(peer->channel, &hdr, peer->added_uuid, PEER_UUID_SIZE, NULL,
                  0, 0);
    g_assert_true(read_message(peer->channel, &got));
    g_assert_cmpuint(got.hdr.request, ==, PEER_ADD);
    g_assert_cmpuint(got.u64, ==, 0);
    peer->adds_in_channel = false;
}

static void reply_shmem_config(VhostUserPeer *peer, int fd, const Message *msg)
{
    struct {
        uint32_t num_regions;
        uint32_t padding;
        uint64_t sizes[256];
    } config = { .num_regions = 1, .sizes[0] = peer->shmem_size };

    reply(peer, fd, msg, &config, sizeof(config));
}

/* The lock is held */
static void handle_message(VhostUserPeer *peer, int fd, Message *msg)
{
    switch (msg->hdr.request) {
    case PEER_GET_FEATURES:
        reply_u64(peer, fd, msg, 1ULL << F_LOG_ALL |
                  1ULL << F_PROTOCOL_FEATURES | 1ULL << F_VERSION_1);
        return;
    case PEER_GET_PROTOCOL_FEATURES:
        reply_u64(peer, fd, msg, protocol_features(peer));
        return;
    case PEER_SET_PROTOCOL_FEATURES:
        peer->acked = msg->u64;
        break;
    case GET_QUEUE_NUM:
        reply_u64(peer, fd, msg, 1);
        return;
    case SET_LOG_BASE:
        reply(peer, fd, msg, NULL, 0);
        return;
    case PEER_GET_VRING_BASE:
        reply(peer, fd, msg, msg->bytes, msg->hdr.size);
        return;
    case PEER_GET_CONFIG:
        reply(peer, fd, msg, msg->bytes, peer->no_config ? 0 : msg->hdr.size);
        return;
    case PEER_GET_SHARED_OBJECT:
        if (msg->hdr.size == PEER_UUID_SIZE) {
            memcpy(peer->asked_uuid, msg->uuid, PEER_UUID_SIZE);
            peer->asked++;
        }
        reply_shared_object(peer, fd, msg);
        return;
    case PEER_GET_SHMEM_CONFIG:
        reply_shmem_config(peer, fd, msg);
        return;
    case PEER_GPU_SET_SOCKET:
        keep_fd(&peer->gpu_socket, msg);
        return;
    case PEER_SET_VRING_ERR:
        keep_fd(&peer->vring_err, msg);
        break;
    case PEER_SET_BACKEND_REQ_FD:
        set_channel(peer, msg);
        if (peer->breaks_channel) {
            break_channel(peer);
            reply_u64(peer, fd, msg, 1);
            return;
        }
        if (peer->adds_in_channel) {
            add_in_channel(peer);
        }
        break;
    }
    if (msg->hdr.flags & PEER_NEED_REPLY) {
        reply_u64(peer, fd, msg, 0);
    }
}

/* If a message is to be held, wait for its release without reading it */
static void hold_message(VhostUserPeer *peer, int fd)
{
    Header hdr;

    if (RETRY_ON_EINTR(recv(fd, &hdr, sizeof(hdr), MSG_PEEK | MSG_WAITALL)) !=
        sizeof(hdr)) {
        return;
    }
    g_mutex_lock(&peer->lock);
    if (hdr.request == peer->hold) {
        be_busy(peer);
    }
    g_mutex_unlock(&peer->lock);
}

/* Return: whether the back-end must die at this message */
static bool dies(VhostUserPeer *peer, const Message *msg)
{
    if (!peer->deaths || msg->hdr.request != peer->die_at) {
        return false;
    }
    peer->deaths--;
    peer->served = 0;
    return true;
}

static void serve_connection(VhostUserPeer *peer, int fd)
{
    GPollFD pfd = { .fd = fd, .events = G_IO_IN };
    bool dead = false;
    Message msg;

    while (!dead && g_poll(&pfd, 1, -1) == 1) {
        hold_message(peer, fd);
        if (!read_message(fd, &msg)) {
            break;
        }
        g_mutex_lock(&peer->lock);
        dead = dies(peer, &msg);
        if (!dead) {
            handle_message(peer, fd, &msg);
            peer->served |= 1ULL << msg.hdr.request;
        }
        g_cond_broadcast(&peer->cond);
        g_mutex_unlock(&peer->lock);
        close_fds(&msg);
    }
}

static gpointer peer_thread(gpointer opaque)
{
    VhostUserPeer *peer = opaque;
    int fd;

    while ((fd = RETRY_ON_EINTR(accept(peer->listener, NULL, NULL))) >= 0) {
        g_mutex_lock(&peer->lock);
        peer->main_fd = fd;
        if (peer->quit) {
            shutdown(fd, SHUT_RDWR);
        }
        g_cond_broadcast(&peer->cond);
        g_mutex_unlock(&peer->lock);

        serve_connection(peer, fd);

        g_mutex_lock(&peer->lock);
        peer->main_fd = -1;
        peer->served = 0;
        g_cond_broadcast(&peer->cond);
        g_mutex_unlock(&peer->lock);
        close(fd);
    }
    return NULL;
}

VhostUserPeer *vhost_user_peer_new(const char *id, bool shared_objects)
{
    VhostUserPeer *peer = g_new0(VhostUserPeer, 1);
    g_autofree char *folder = g_dir_make_tmp("vhost-user-peer-XXXXXX", NULL);

    g_assert_nonnull(folder);
    peer->id = g_strdup(id);
    peer->path = g_build_filename(folder, "socket", NULL);
    peer->offered = shared_objects ? PEER_F_SHARED_OBJECT : 0;
    peer->main_fd = -1;
    peer->channel = -1;
    peer->gpu_socket = -1;
    peer->vring_err = -1;
    peer->memory = qemu_memfd_create("peer", 4096, false, 0, F_SEAL_SHRINK,
                                     &error_abort);
    peer->listener = unix_listen(peer->path, &error_abort);
    g_mutex_init(&peer->lock);
    g_cond_init(&peer->cond);
    peer->thread = g_thread_new(id, peer_thread, peer);
    return peer;
}

void vhost_user_peer_offer_info(VhostUserPeer *peer)
{
    peer->offered |= PEER_F_SHARED_OBJECT_INFO;
}

void vhost_user_peer_offer_shmem(VhostUserPeer *peer, uint64_t size)
{
    peer->offered |= PEER_F_SHMEM;
    peer->shmem_size = size;
}

uint64_t vhost_user_peer_acked(VhostUserPeer *peer)
{
    uint64_t acked;

    g_mutex_lock(&peer->lock);
    acked = peer->acked;
    g_mutex_unlock(&peer->lock);
    return acked;
}

void vhost_user_peer_free(VhostUserPeer *peer)
{
    g_autofree char *folder = NULL;

    if (!peer) {
        return;
    }
    g_mutex_lock(&peer->lock);
    peer->quit = true;
    peer->hold = 0;
    peer->held = false;
    g_cond_broadcast(&peer->cond);
    if (peer->main_fd >= 0) {
        shutdown(peer->main_fd, SHUT_RDWR);
    }
    g_mutex_unlock(&peer->lock);
    shutdown(peer->listener, SHUT_RDWR);
    g_thread_join(peer->thread);

    folder = g_path_get_dirname(peer->path);
    unlink(peer->path);
    rmdir(folder);
    close(peer->listener);
    close(peer->memory);
    if (peer->channel >= 0) {
        close(peer->channel);
    }
    if (peer->gpu_socket >= 0) {
        close(peer->gpu_socket);
    }
    if (peer->vring_err >= 0) {
        close(peer->vring_err);
    }
    g_mutex_clear(&peer->lock);
    g_cond_clear(&peer->cond);
    g_free(peer->path);
    g_free(peer->id);
    g_free(peer);
}

char *vhost_user_peer_reconnecting_args(const VhostUserPeer *peer,
                                        unsigned int reconnect_ms)
{
    return g_strdup_printf(" -chardev socket,id=%s-chr,path=%s,"
                           "reconnect-ms=%u", peer->id, peer->path,
                           reconnect_ms);
}

char *vhost_user_peer_chardev_args(const VhostUserPeer *peer)
{
    return vhost_user_peer_reconnecting_args(peer, 100);
}

char *vhost_user_peer_args(const VhostUserPeer *peer, const char *device_opts)
{
    g_autofree char *chardev = vhost_user_peer_chardev_args(peer);

    return g_strdup_printf("%s -device vhost-user-blk-pci,id=%s,chardev=%s-chr,"
                           "num-queues=1%s",
                           chardev, peer->id, peer->id, device_opts);
}

void vhost_user_peer_wait_ready(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    peer_wait(peer, peer->channel >= 0);
    peer->used_channel = peer->num_channels;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_wait_gone(VhostUserPeer *peer)
{
    char buf[4096];
    int fd = -1;
    ssize_t ret;

    g_mutex_lock(&peer->lock);
    g_assert_cmpuint(peer->used_channel, >, 0);
    if (peer->used_channel == peer->num_channels) {
        fd = fcntl(peer->channel, F_DUPFD_CLOEXEC, 0);
        g_assert_cmpint(fd, >=, 0);
    }
    g_mutex_unlock(&peer->lock);
    if (fd < 0) {
        return;
    }

    do {
        wait_fd(fd, G_IO_IN);
        ret = RETRY_ON_EINTR(recv(fd, buf, sizeof(buf), 0));
    } while (ret > 0);
    close(fd);

    g_mutex_lock(&peer->lock);
    if (peer->used_channel == peer->num_channels) {
        close(peer->channel);
        peer->channel = -1;
    }
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_break_next_channel(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    peer->breaks_channel = true;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_add_in_next_channel(VhostUserPeer *peer,
                                         const uint8_t *uuid)
{
    g_mutex_lock(&peer->lock);
    memcpy(peer->added_uuid, uuid, PEER_UUID_SIZE);
    peer->adds_in_channel = true;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_answer(VhostUserPeer *peer, PeerAnswer answer)
{
    g_mutex_lock(&peer->lock);
    peer->answer = answer;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_describe(VhostUserPeer *peer, const PeerInfo *info,
                              size_t size)
{
    g_assert_cmpuint(size, <=, sizeof(*info) + sizeof(uint64_t));
    g_mutex_lock(&peer->lock);
    peer->answer = PEER_ANSWER_INFO;
    peer->described.info = *info;
    peer->described_size = PEER_UUID_SIZE + size;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_reject(VhostUserPeer *peer, const uint8_t *uuid)
{
    g_mutex_lock(&peer->lock);
    memcpy(peer->rejected_uuid, uuid, PEER_UUID_SIZE);
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_cut(VhostUserPeer *peer, uint32_t request, size_t bytes)
{
    g_mutex_lock(&peer->lock);
    peer->cut_request = request;
    peer->cut = bytes;
    g_mutex_unlock(&peer->lock);
}

int vhost_user_peer_memory(const VhostUserPeer *peer)
{
    return peer->memory;
}

void vhost_user_peer_set_memory(VhostUserPeer *peer, int fd)
{
    close(peer->memory);
    peer->memory = fd;
}

unsigned int vhost_user_peer_asked(VhostUserPeer *peer, uint8_t *uuid)
{
    unsigned int asked;

    g_mutex_lock(&peer->lock);
    asked = peer->asked;
    memcpy(uuid, peer->asked_uuid, PEER_UUID_SIZE);
    g_mutex_unlock(&peer->lock);
    return asked;
}

void vhost_user_peer_hold(VhostUserPeer *peer, uint32_t request)
{
    g_mutex_lock(&peer->lock);
    peer->hold = request;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_wait_held(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    peer_wait(peer, peer->held);
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_release(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    peer->hold = 0;
    peer->held = false;
    g_cond_broadcast(&peer->cond);
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_disconnect(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    g_assert_cmpint(peer->main_fd, >=, 0);
    shutdown(peer->main_fd, SHUT_RDWR);
    peer->served = 0;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_die_at(VhostUserPeer *peer, uint32_t request,
                            unsigned int times)
{
    g_mutex_lock(&peer->lock);
    peer->die_at = request;
    peer->deaths = times;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_wait_connected(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    peer_wait(peer, peer->main_fd >= 0);
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_wait_deaths(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    peer_wait(peer, !peer->deaths);
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_wait_served(VhostUserPeer *peer, uint32_t request)
{
    g_mutex_lock(&peer->lock);
    peer_wait(peer, !peer->deaths && peer->served & 1ULL << request);
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_reconnect(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    if (peer->main_fd >= 0) {
        shutdown(peer->main_fd, SHUT_RDWR);
    }
    g_mutex_unlock(&peer->lock);
    vhost_user_peer_wait_gone(peer);
    vhost_user_peer_wait_ready(peer);
}

void vhost_user_peer_close_channel(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    close(peer->channel);
    peer->channel = -1;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_reject_config(VhostUserPeer *peer)
{
    g_mutex_lock(&peer->lock);
    peer->no_config = true;
    g_mutex_unlock(&peer->lock);
}

void vhost_user_peer_tell_error(VhostUserPeer *peer)
{
    const uint64_t one = 1;

    g_mutex_lock(&peer->lock);
    g_assert_cmpint(write(peer->vring_err, &one, sizeof(one)), ==,
                    sizeof(one));
    g_mutex_unlock(&peer->lock);
}

int vhost_user_peer_gpu_socket(VhostUserPeer *peer)
{
    int gpu_socket;

    g_mutex_lock(&peer->lock);
    gpu_socket = peer->gpu_socket;
    peer->gpu_socket = -1;
    g_mutex_unlock(&peer->lock);
    return gpu_socket;
}

int vhost_user_peer_channel(VhostUserPeer *peer)
{
    int channel;

    g_mutex_lock(&peer->lock);
    channel = peer->channel;
    g_mutex_unlock(&peer->lock);
    return channel;
}

int vhost_user_peer_try_send_fds(VhostUserPeer *peer, uint32_t request,
                                 uint32_t flags, const void *payload,
                                 uint32_t size, size_t num_fds)
{
    Header hdr = {
        .request = request,
        .flags = FLAG_VERSION | flags,
        .size = size,
    };
    int fds[MAX_FDS] = { };
    size_t i;

    g_assert_cmpuint(num_fds, <=, MAX_FDS);
    for (i = 0; i < num_fds; i++) {
        fds[i] = peer->memory;
    }
    if (write_message(peer->channel, &hdr, payload, size, fds, num_fds,
                      MSG_DONTWAIT) >= 0) {
        return 0;
    }
    /* ECONNRESET: QEMU has closed the channel with unread data in it */
    return errno == ECONNRESET ? EPIPE : errno;
}

int vhost_user_peer_try_send(VhostUserPeer *peer, uint32_t request,
                             uint32_t flags, const void *payload,
                             uint32_t size)
{
    return vhost_user_peer_try_send_fds(peer, request, flags, payload, size,
                                        0);
}

void vhost_user_peer_send(VhostUserPeer *peer, uint32_t request,
                          uint32_t flags, const void *payload, uint32_t size)
{
    int ret;

    while ((ret = vhost_user_peer_try_send(peer, request, flags, payload,
                                           size)) == EAGAIN) {
        wait_fd(peer->channel, G_IO_OUT);
    }
    g_assert_cmpint(ret, ==, 0);
}

bool vhost_user_peer_try_recv(VhostUserPeer *peer, uint32_t request,
                              PeerReply *reply)
{
    bool has_info = request == PEER_LOOKUP &&
                    vhost_user_peer_acked(peer) & PEER_F_SHARED_OBJECT_INFO;
    size_t info_size = has_info ? sizeof(reply->info) : 0;
    Message msg;

    *reply = (PeerReply) { .fd = -1 };
    if (!read_message(peer->channel, &msg)) {
        return false;
    }
    g_assert_cmpuint(msg.hdr.request, ==, request);
    g_assert_cmpuint(msg.hdr.flags, ==, FLAG_VERSION | FLAG_REPLY);
    g_assert_cmpuint(msg.hdr.size, ==, sizeof(msg.u64) + info_size);
    reply->u64 = msg.u64;
    memcpy(&reply->info, msg.bytes + sizeof(msg.u64), info_size);
    reply->num_fds = msg.num_fds;
    if (msg.num_fds) {
        reply->fd = dup(msg.fds[0]);
    }
    close_fds(&msg);
    return true;
}

PeerReply vhost_user_peer_recv(VhostUserPeer *peer, uint32_t request)
{
    PeerReply result;

    g_assert_true(vhost_user_peer_try_recv(peer, request, &result));
    return result;
}

static PeerReply ask(VhostUserPeer *peer, uint32_t request,
                     const uint8_t *uuid)
{
    vhost_user_peer_send(peer, request, PEER_NEED_REPLY, uuid,
                         PEER_UUID_SIZE);
    return vhost_user_peer_recv(peer, request);
}

bool vhost_user_peer_add(VhostUserPeer *peer, const uint8_t *uuid)
{
    PeerReply got = ask(peer, PEER_ADD, uuid);

    g_assert_cmpuint(got.num_fds, ==, 0);
    return got.u64 == 0;
}

bool vhost_user_peer_remove(VhostUserPeer *peer, const uint8_t *uuid)
{
    PeerReply got = ask(peer, PEER_REMOVE, uuid);

    g_assert_cmpuint(got.num_fds, ==, 0);
    return got.u64 == 0;
}

static PeerReply look_up(VhostUserPeer *peer, const uint8_t *uuid)
{
    PeerReply got = ask(peer, PEER_LOOKUP, uuid);

    g_assert_cmpuint(got.num_fds, ==, got.u64 == 0);
    return got;
}

int vhost_user_peer_lookup(VhostUserPeer *peer, const uint8_t *uuid)
{
    return look_up(peer, uuid).fd;
}

int vhost_user_peer_lookup_info(VhostUserPeer *peer, const uint8_t *uuid,
                                PeerInfo *info)
{
    PeerReply got = look_up(peer, uuid);

    g_assert_true(vhost_user_peer_acked(peer) & PEER_F_SHARED_OBJECT_INFO);
    *info = got.info;
    return got.fd;
}
