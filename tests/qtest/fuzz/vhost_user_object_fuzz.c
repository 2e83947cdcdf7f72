/*
 * Fuzzing target: messages of vhost-user back-ends about shared objects
 *
 * Two front-ends are connected to back-ends that this target plays in the same
 * thread.  Nothing ever blocks:
 *
 * - the main channel's character device calls the target for each message that
 *   QEMU writes, and for each read before it could block
 * - g_poll(), in which QEMU waits for a back-end while it serves all of them,
 *   is wrapped: where it would wait, a back-end acts, or time passes
 * - clock_gettime() is wrapped, so that time passes without waiting
 *
 * Only the second back-end offers VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO.
 *
 * Input: for each back-end a byte of flags (CONFIG_*), then operations up to
 * the end.  An operation is a byte that selects the back-end (bit 0) and the
 * function (ops[]), and the arguments of the function.  When QEMU sends a
 * request to a back-end, the reply is read from the input at its current
 * position.  Missing bytes read as zero.
 *
 * The target checks that QEMU keeps running, and the following:
 *
 * - Each request that needs a reply gets exactly one.
 * - A lookup may wait only while an exporter may still reply about its object.
 *   Later lookups on the same channel wait for earlier ones.  No other request
 *   waits.
 * - An object that QEMU hands out is the one that the right exporter has sent
 *   for this UUID, and goes to one importer only.
 * - Each lookup of the second back-end gets a description of the object, and
 *   the geometry in it fits.
 * - At the deadline each lookup has ended.  At the end of an input no object
 *   and no file descriptor is left.
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
#include "hw/virtio/vhost-user-object-info.h"
#include "hw/virtio/virtio-export-compat.h"
#include "hw/virtio/virtio-export-info.h"
#include "io/channel-socket.h"
#include "qapi/qapi-types-char.h"
#include "qemu/host-utils.h"
#include "qemu/memfd.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "standard-headers/drm/drm_fourcc.h"
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

/* The vhost-user protocol, whose definitions are private to vhost-user.c */
#define VERSION 1
#define REPLY (1 << 2)
#define NEED_REPLY (1 << 3)
#define F_PROTOCOL_FEATURES 30
#define MAX_PAYLOAD 4096 /* more than QEMU accepts */

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
#define MAX_REPEATED 96 /* more lookups or deferred requests than QEMU keeps */
#define MAX_OWN_LOOK_UPS 8
#define MAX_STEPS 16 /* most steps of back-ends during one wait of QEMU */
#define FLOOD 400 /* more replies than fit in a socket */
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

/* A message, and how it is sent */
typedef struct Parcel {
    Message msg;
    size_t size; /* if incomplete, the rest is sent later or never */
    size_t split; /* where the second piece starts */
    unsigned int num_fds;
    bool fds_late; /* with the second piece */
    bool fds_twice; /* with both */
    bool rest_later;
    uint64_t inode; /* of the first file descriptor sent with the message */
    unsigned int fds_sent;
} Parcel;

/* QEMU's reply on the back-end channel */
typedef struct Reply {
    Header hdr;
    uint64_t u64;
    VhostUserObjectInfo info;
} QEMU_PACKED Reply;

/* A request of a back-end */
typedef struct Request {
    uint32_t request;
    QemuUUID uuid;
} Request;

/* Kinds of requests: replies of the same kind are in order */
enum {
    ORDER_LOOKUP,
    ORDER_OBJECTS,
    ORDER_OTHERS,
    NUM_ORDERS,
};

/* The back-end's end of a socket */
typedef struct Line {
    int fd; /* -1 if closed */
    bool ended; /* nothing can be sent any more */
    Parcel *rest; /* the unsent part of a message */
} Line;

typedef struct BackEnd {
    uint8_t config;
    struct vhost_dev dev;
    VhostUserState user;
    typeof(*((VhostUserState *)NULL)->chr) chr;
    bool has_dev;
    bool is_gone; /* disconnected, but the device is not freed yet */

    Line main;
    Line channel;
    bool is_deaf; /* does not read QEMU's messages */
    GQueue held; /* of Parcel: unsent replies */

    /* QEMU's requests on this connection, and the number of replies */
    GArray *asked; /* of QemuUUID */
    unsigned int answered;
    bool is_dirty; /* the back-end has violated the protocol */

    GArray *due[NUM_ORDERS]; /* of Request: requests that need a reply */
    unsigned int replies[NUM_ORDERS]; /* number of replies */
} BackEnd;

/* A file descriptor that a back-end has sent for an object */
typedef struct Sent {
    uint64_t inode;
    QemuUUID uuid; /* null: not known */
    bool has_arrived;
} Sent;

/* A lookup by a device in QEMU */
typedef struct OwnLookUp {
    QemuUUID uuid;
    bool is_busy;
    bool has_object;
    VirtIOExportLookup *pending;
} OwnLookUp;

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

/* A character device that calls the back-end at each read and write */
#define TYPE_FUZZ_CHARDEV "chardev-vhost-user-fuzz"
OBJECT_DECLARE_SIMPLE_TYPE(FuzzChardev, FUZZ_CHARDEV)

struct FuzzChardev {
    SocketChardev parent_obj;

    BackEnd *be;
};

/* A device in QEMU that exports */
#define TYPE_FUZZ_EXPORTER "vhost-user-fuzz-exporter"

static ChardevClass *socket_class;
static VirtIOExporter *the_exporter;
static VirtIODevice *vdevs[2]; /* the device of each back-end in ends[] */
static int memory; /* the memory of objects */
static BackEnd ends[2] = {
    { .main.fd = -1, .channel.fd = -1 }, { .main.fd = -1, .channel.fd = -1 },
};
static Input input;
static int num_fds;
static uint64_t num_messages;
static uint64_t num_objects;
static bool has_notifiers;
static bool has_waited;
static bool is_playing;
static int64_t ms_ahead; /* of QEMU's clock, ahead of the host's clock */
static GArray *all_sent; /* of Sent */
static OwnLookUp own[MAX_OWN_LOOK_UPS];
static bool is_calm; /* nothing has happened that makes a lookup fail */

static const QemuUUID of_exporter = { .data = "exporter's" };
static const QemuUUID of_exporter_failing = { .data = "exporter's, none" };
static const QemuUUID of_exporter_later = { .data = "exporter's, soon" };
static QemuUUID used[MAX_UUIDS];
static unsigned int num_used;

typeof(g_poll) __real_g_poll;
typeof(g_poll) __wrap_g_poll;
typeof(clock_gettime) __real_clock_gettime;
typeof(clock_gettime) __wrap_clock_gettime;

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
        &of_exporter, &of_exporter_failing, &of_exporter_later,
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

/* Do not count pipes: the sanitizers open and close some */
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

/* Return: whether all bytes were sent */
static bool send_bytes(int sock, const void *data, size_t size, int fd,
                       unsigned int fds)
{
    char control[CMSG_SPACE(32 * sizeof(int))] = { };
    struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;
    unsigned int i;

    if (fds) {
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(fds * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(fds * sizeof(int));
        for (i = 0; i < fds; i++) {
            ((int *)CMSG_DATA(cmsg))[i] = fd;
        }
    }
    return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == size;
}

/* Each reply has its own object, so that replies can be told apart */
static bool send_object(int sock, const void *data, size_t size, Parcel *parcel)
{
    int fd = memfd_create("object", MFD_CLOEXEC);
    struct stat st;
    bool done;

    g_assert(fd >= 0 && !fstat(fd, &st));
    if (!parcel->fds_sent) {
        parcel->inode = st.st_ino;
    }
    done = send_bytes(sock, data, size, fd, parcel->num_fds);
    close(fd);
    return done;
}

static bool send_piece(int sock, Parcel *parcel, size_t from, size_t to,
                       bool with_fds)
{
    const char *data = (const char *)&parcel->msg + from;
    unsigned int fds = with_fds ? parcel->num_fds : 0;
    bool done;

    if (from >= to) {
        return true;
    }
    if (fds && parcel->msg.hdr.request == GET_SHARED_OBJECT) {
        done = send_object(sock, data, to - from, parcel);
    } else {
        done = send_bytes(sock, data, to - from, memory, fds);
    }
    if (!parcel->fds_sent) {
        parcel->fds_sent = fds;
    }
    if (fds && !parcel->fds_twice) {
        parcel->num_fds = 0;
    }
    return done;
}

static void make_dirty(BackEnd *be)
{
    be->is_dirty = true;
    is_calm = false;
}

static void end_sending(BackEnd *be, Line *line)
{
    if (!line->ended && line->fd >= 0) {
        shutdown(line->fd, SHUT_WR);
    }
    line->ended = true;
    is_calm = false;
    g_clear_pointer(&line->rest, g_free);
}

static void close_line(Line *line)
{
    if (line->fd >= 0) {
        close(line->fd);
        line->fd = -1;
        is_calm = false;
    }
    g_clear_pointer(&line->rest, g_free);
}

static bool is_due(const Header *hdr)
{
    return hdr->flags & NEED_REPLY || hdr->request == BACKEND_LOOKUP;
}

static unsigned int order_of(uint32_t request)
{
    switch (request) {
    case BACKEND_LOOKUP:
        return ORDER_LOOKUP;
    case BACKEND_ADD:
    case BACKEND_REMOVE:
        return ORDER_OBJECTS;
    default:
        return ORDER_OTHERS;
    }
}

static void note_request(BackEnd *be, const Message *msg)
{
    Request due = { .request = msg->hdr.request };

    if (is_due(&msg->hdr)) {
        memcpy(&due.uuid, msg->payload, sizeof(due.uuid));
        g_array_append_val(be->due[order_of(due.request)], due);
    }
}

/* QEMU assigns each reply to the oldest request without a reply */
static void note_reply(BackEnd *be, const Parcel *parcel)
{
    const Header *hdr = &parcel->msg.hdr;
    Sent sent = { .inode = parcel->inode };

    if (hdr->request != GET_SHARED_OBJECT || hdr->flags != (VERSION | REPLY)) {
        return;
    }
    if (be->answered >= be->asked->len) {
        make_dirty(be);
    }
    if (!be->is_dirty) {
        sent.uuid = g_array_index(be->asked, QemuUUID, be->answered);
    }
    if (parcel->fds_sent == 1) {
        g_array_append_val(all_sent, sent);
    }
    be->answered++;
}

static void note_sent(BackEnd *be, Line *line, const Parcel *parcel)
{
    if (line == &be->main) {
        note_reply(be, parcel);
    } else {
        note_request(be, &parcel->msg);
    }
}

static size_t whole_size(const Parcel *parcel)
{
    return sizeof(Header) + MIN(parcel->msg.hdr.size, MAX_PAYLOAD);
}

static bool send_rest(BackEnd *be, Line *line)
{
    g_autofree Parcel *rest = g_steal_pointer(&line->rest);

    if (!rest) {
        return false;
    }
    if (send_piece(line->fd, rest, rest->size, whole_size(rest), !rest->size)) {
        note_sent(be, line, rest);
    } else {
        end_sending(be, line);
    }
    return true;
}

static void send_parcel(BackEnd *be, Line *line, const Parcel *what)
{
    Parcel parcel = *what;
    size_t all = whole_size(&parcel);
    size_t split;

    send_rest(be, line);
    if (line->fd < 0 || line->ended) {
        return;
    }
    num_messages++;
    parcel.size = MIN(parcel.size, all);
    split = MIN(parcel.split, parcel.size);
    if (!send_piece(line->fd, &parcel, 0, split, !parcel.fds_late) ||
        !send_piece(line->fd, &parcel, split, parcel.size, true)) {
        end_sending(be, line);
    } else if (parcel.size == all) {
        note_sent(be, line, &parcel);
    } else if (parcel.rest_later) {
        line->rest = g_memdup2(&parcel, sizeof(parcel));
    } else {
        end_sending(be, line);
    }
}

/* Choose how to send: mostly whole, with the right number of descriptors */
static void take_delivery(Parcel *parcel, unsigned int fds)
{
    uint8_t how = take(1);

    parcel->size = how & 1 ? take(1) : SIZE_MAX;
    parcel->split = how & 2 ? take(1) % 64 : 0;
    parcel->num_fds = how & 4 ? take(1) % 20 : fds;
    parcel->fds_late = how & 8;
    parcel->rest_later = how & 16;
    parcel->fds_twice = how & 32;
}

/* Return: false if there was nothing to send */
static bool send_held(BackEnd *be)
{
    g_autofree Parcel *parcel = NULL;

    if (send_rest(be, &be->main)) {
        return true;
    }
    parcel = g_queue_pop_head(&be->held);
    if (parcel) {
        send_parcel(be, &be->main, parcel);
    }
    return parcel;
}

static void send_all_held(BackEnd *be)
{
    while (send_held(be)) {
        /* send the next message */
    }
}

static void take_geometry(VirtIOExportObject *object)
{
    static const uint32_t formats[] = {
        DRM_FORMAT_INVALID, DRM_FORMAT_RGB565, DRM_FORMAT_BGR565,
        DRM_FORMAT_RGB888, DRM_FORMAT_BGR888, DRM_FORMAT_ARGB8888,
        DRM_FORMAT_XRGB8888, DRM_FORMAT_ABGR8888, DRM_FORMAT_XBGR8888,
        DRM_FORMAT_RGBA8888, DRM_FORMAT_RGBX8888, DRM_FORMAT_BGRA8888,
        DRM_FORMAT_BGRX8888, DRM_FORMAT_NV12, DRM_FORMAT_NV21,
        DRM_FORMAT_YUV420, DRM_FORMAT_YVU420,
    };
    uint32_t i;

    object->fourcc = formats[take(1) % ARRAY_SIZE(formats)];
    object->size = take(1) & 1 ? take(8) : take(2);
    object->width = take(1) & 1 ? take(4) : take(1);
    object->height = take(1) & 1 ? take(4) : take(1);
    object->modifier = take(1) & 1 ? DRM_FORMAT_MOD_LINEAR : take(1);
    object->num_planes = take(1) % (VIRTIO_EXPORT_MAX_PLANES + 1);
    for (i = 0; i < object->num_planes; i++) {
        object->strides[i] = take(1) & 1 ? take(4) : take(2);
        object->offsets[i] = take(1) & 1 ? take(4) : take(1);
    }
}

/* Check what the header guarantees to importers */
static void check_geometry(const VirtIOExportObject *object)
{
    bool packed16 = object->fourcc == DRM_FORMAT_RGB565 ||
                    object->fourcc == DRM_FORMAT_BGR565;
    bool packed32 = object->fourcc == DRM_FORMAT_XRGB8888 ||
                    object->fourcc == DRM_FORMAT_ABGR8888;
    uint64_t end, rows;
    uint32_t i;

    if (!object->num_planes) {
        return;
    }
    g_assert(object->num_planes <= VIRTIO_EXPORT_MAX_PLANES);
    g_assert((!packed16 || object->strides[0] / 2 >= object->width) &&
             (!packed32 || object->strides[0] / 4 >= object->width));
    if (!object->size || !object->height) {
        return;
    }
    for (i = 0; i < object->num_planes; i++) {
        rows = i ? 1 : object->height;
        g_assert(!umul64_overflow(object->strides[i], rows, &end) &&
                 !uadd64_overflow(end, object->offsets[i], &end) &&
                 end <= object->size);
    }
}

static VirtIOExportStatus export_memory(VirtIOExportObject *object)
{
    uint8_t what = take(1);

    object->fd = qemu_dup(memory);
    object->kind = VIRTIO_EXPORT_KIND_MEMFD;
    object->bottom_up = what & 1;
    if (what & 2) {
        take_geometry(object);
    }
    return VIRTIO_EXPORT_DONE;
}

static VirtIOExportStatus export_later(VirtIOExportObject *object, Error **errp)
{
    switch (take(1) % 4) {
    case 1:
        return export_memory(object);
    case 2:
        error_setg(errp, "the renderer is lost");
        return VIRTIO_EXPORT_FAILED;
    case 3:
        return VIRTIO_EXPORT_UNKNOWN;
    default:
        is_calm = false;
        return VIRTIO_EXPORT_PENDING;
    }
}

static VirtIOExportStatus fuzz_export(VirtIOExporter *exporter,
                                      VirtIOExportLookup *lookup,
                                      VirtIOExportObject *object, Error **errp)
{
    const QemuUUID *uuid = virtio_export_lookup_uuid(lookup);

    if (qemu_uuid_is_equal(uuid, &of_exporter)) {
        return export_memory(object);
    }
    if (qemu_uuid_is_equal(uuid, &of_exporter_failing)) {
        error_setg(errp, "there is no memory");
        return VIRTIO_EXPORT_FAILED;
    }
    if (qemu_uuid_is_equal(uuid, &of_exporter_later)) {
        return export_later(object, errp);
    }
    return VIRTIO_EXPORT_UNKNOWN;
}

static bool fuzz_exists(VirtIOExporter *exporter, const QemuUUID *uuid)
{
    return qemu_uuid_is_equal(uuid, &of_exporter) ||
           qemu_uuid_is_equal(uuid, &of_exporter_failing) ||
           qemu_uuid_is_equal(uuid, &of_exporter_later);
}

static void fuzz_export_foreach(VirtIOExporter *exporter, const QemuUUID *uuid,
                                VirtIOExportInfoFn *fn, void *opaque)
{
    static const QemuUUID *const uuids[] = {
        &of_exporter, &of_exporter_failing, &of_exporter_later,
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

/* Check @fd, which an importer has received for @uuid and keeps */
static void check_object(const QemuUUID *uuid, int fd)
{
    struct stat st, st_memory;
    Sent *sent;
    int i;

    g_assert(!fstat(fd, &st) && !fstat(memory, &st_memory));
    num_objects++;
    if (st.st_ino == st_memory.st_ino) {
        g_assert(qemu_uuid_is_equal(uuid, &of_exporter) ||
                 qemu_uuid_is_equal(uuid, &of_exporter_later));
        return;
    }
    for (i = 0; i < all_sent->len; i++) {
        sent = &g_array_index(all_sent, Sent, i);
        if (sent->inode == st.st_ino) {
            g_assert(!sent->has_arrived);
            sent->has_arrived = true;
            g_assert(qemu_uuid_is_null(&sent->uuid) ||
                     qemu_uuid_is_equal(&sent->uuid, uuid));
            return;
        }
    }
    g_assert_not_reached();
}

/* The back-end and QEMU have negotiated that objects are described */
static bool has_info(const BackEnd *be)
{
    return be == &ends[1] && !(be->config & CONFIG_NO_SHARED_OBJECT);
}

static void check_info(const VhostUserObjectInfo *info, int fd)
{
    VirtIOExportObject object;
    struct stat st, st_memory;

    g_assert(!fstat(fd, &st) && !fstat(memory, &st_memory));
    g_assert(info->kind == (st.st_ino == st_memory.st_ino ?
                            VHOST_USER_OBJECT_KIND_MEMFD :
                            VHOST_USER_OBJECT_KIND_UNKNOWN));
    g_assert(!(info->flags & ~VHOST_USER_OBJECT_BOTTOM_UP));
    g_assert(info->num_planes <= VIRTIO_EXPORT_MAX_PLANES);
    virtio_export_object_init(&object);
    vhost_user_object_info_get(info, &object);
    check_geometry(&object);
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

/* Return: the correct size of the payload */
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
 * Input: a request, its payload, and a byte of flags: no reply needed, wrong
 * size, wrong bits in the header, and whether bytes follow on how to send it
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
    send_parcel(be, &be->channel, parcel);
}

static void do_request(BackEnd *be)
{
    Parcel parcel = { };

    take_backend_request(&parcel);
    send_backend_request(be, &parcel);
}

/* Send the same request many times */
static void do_repeat(BackEnd *be)
{
    Parcel parcel = { };
    int i;

    take_backend_request(&parcel);
    for (i = take(1) % MAX_REPEATED; i >= 0; i--) {
        send_backend_request(be, &parcel);
    }
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

static void check_reply(BackEnd *be, const Reply *reply, unsigned int fds,
                        int fd)
{
    static const VhostUserObjectInfo zeros;
    bool is_described = reply->hdr.request == BACKEND_LOOKUP && has_info(be);
    VhostUserObjectInfo info = reply->info;
    Header hdr = reply->hdr;
    unsigned int order;
    Request *due;

    g_assert(hdr.flags == (VERSION | REPLY) && reply->u64 <= 1);
    g_assert(hdr.size == sizeof(reply->u64) +
                         (is_described ? sizeof(reply->info) : 0));
    g_assert(fds == (hdr.request == BACKEND_LOOKUP && !reply->u64));
    if (is_described && fds) {
        check_info(&info, fd);
    } else {
        g_assert(!memcmp(&info, &zeros, sizeof(zeros)));
    }
    order = order_of(hdr.request);
    g_assert(be->replies[order] < be->due[order]->len);
    due = &g_array_index(be->due[order], Request, be->replies[order]++);
    g_assert(due->request == hdr.request);
    if (fds) {
        check_object(&due->uuid, fd);
    }
}

static void read_replies(BackEnd *be)
{
    unsigned int fds, none;
    Reply reply = { };
    ssize_t ret;
    int fd = -1;

    while ((ret = receive(be->channel.fd, &reply.hdr, sizeof(reply.hdr), &fds,
                          &fd)) > 0) {
        g_assert(ret == sizeof(reply.hdr));
        g_assert(reply.hdr.size <= sizeof(reply) - sizeof(reply.hdr));
        g_assert(receive(be->channel.fd, (char *)&reply + sizeof(reply.hdr),
                         reply.hdr.size, &none, NULL) == reply.hdr.size);
        check_reply(be, &reply, fds, fd);
        reply = (Reply) { };
        if (fds) {
            close(fd);
        }
    }
    if (!ret || errno != EAGAIN) {
        close_line(&be->channel);
    }
}

/* Return: whether QEMU may still wait for @be to reply about @uuid */
static bool has_to_tell(BackEnd *be, const QemuUUID *uuid)
{
    unsigned int i;

    if (be->main.fd < 0 || be->main.ended || be->channel.fd < 0 ||
        be->channel.ended) {
        return false;
    }
    for (i = be->answered; i < be->asked->len; i++) {
        if (qemu_uuid_is_equal(&g_array_index(be->asked, QemuUUID, i), uuid)) {
            return true;
        }
    }
    return be->is_dirty || be->is_deaf;
}

static bool may_wait_for(const QemuUUID *uuid)
{
    return qemu_uuid_is_equal(uuid, &of_exporter_later) ||
           has_to_tell(&ends[0], uuid) || has_to_tell(&ends[1], uuid);
}

static bool is_replied(BackEnd *be, unsigned int order)
{
    return be->channel.fd < 0 || be->channel.ended ||
           be->replies[order] == be->due[order]->len;
}

static void check_replies(BackEnd *be)
{
    unsigned int nth;

    read_replies(be);
    g_assert(is_replied(be, ORDER_OBJECTS) && is_replied(be, ORDER_OTHERS));
    if (!is_replied(be, ORDER_LOOKUP)) {
        nth = be->replies[ORDER_LOOKUP];
        g_assert(may_wait_for(
            &g_array_index(be->due[ORDER_LOOKUP], Request, nth).uuid));
    }
}

static uint64_t protocol_features(const BackEnd *be)
{
    uint8_t config = be->config;
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
    if (be == &ends[1]) {
        features |= 1ULL << VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO;
    }
    return features;
}

/* Make a correct reply.  Return: its number of descriptors */
static unsigned int good_answer(BackEnd *be, Message *msg)
{
    uint64_t u64 = 0;

    msg->hdr.flags = VERSION | REPLY;
    switch (msg->hdr.request) {
    case GET_FEATURES:
        u64 = 1ULL << F_PROTOCOL_FEATURES;
        break;
    case GET_PROTOCOL_FEATURES:
        u64 = protocol_features(be);
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

/* Input: a byte that tells what is wrong with the reply */
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
    if (wrong & 32 && fds) {
        /* any description is allowed: QEMU drops it if it is invalid */
        hdr->size = sizeof(QemuUUID) + sizeof(VhostUserObjectInfo);
        take_bytes(parcel->msg.payload + sizeof(QemuUUID),
                   sizeof(VhostUserObjectInfo));
    }
    if (wrong & (2 | 4 | 8)) {
        make_dirty(be);
    }
}

static void hold(BackEnd *be, const Parcel *parcel)
{
    g_queue_push_tail(&be->held, g_memdup2(parcel, sizeof(*parcel)));
}

/*
 * Send a reply before the held replies.  This violates the protocol unless all
 * are replies to the same kind of request, which QEMU assigns in order.
 */
static void send_first(BackEnd *be, const Parcel *parcel)
{
    const Parcel *other;
    GList *it;

    for (it = be->held.head; it; it = it->next) {
        other = it->data;
        if (other->msg.hdr.request != parcel->msg.hdr.request) {
            make_dirty(be);
        }
    }
    send_parcel(be, &be->main, parcel);
}

enum {
    ANSWER_GOOD,
    ANSWER_OTHER,
    ANSWER_HELD,
    ANSWER_HELD_OTHER,
    ANSWER_END,
    ANSWER_FIRST_OTHER,
    ANSWER_CLOSE,
    ANSWER_TWICE_OTHER,
    ANSWER_NONE,
    ANSWER_NUM,
};

static void request_before(BackEnd *be, unsigned int requests)
{
    if (requests == 3) {
        do_repeat(be);
    } else {
        while (requests--) {
            do_request(be);
        }
    }
}

/*
 * Input: a byte.  The low bits are ANSWER_*; after an odd value, the input of
 * take_answer() follows.  The high bits are the number of requests that the
 * back-end sends before the reply.
 */
static void answer(BackEnd *be, Parcel *parcel)
{
    uint8_t how = take(1);
    unsigned int what = (how & 0xf) % ANSWER_NUM;

    request_before(be, how >> 4 & 3);
    if (what & 1) {
        take_answer(be, parcel);
    } else {
        parcel->num_fds = good_answer(be, &parcel->msg);
    }
    switch (what) {
    case ANSWER_HELD:
    case ANSWER_HELD_OTHER:
        hold(be, parcel);
        break;
    case ANSWER_END:
        make_dirty(be);
        end_sending(be, &be->main);
        break;
    case ANSWER_CLOSE:
        close_line(&be->main);
        break;
    case ANSWER_FIRST_OTHER:
        send_first(be, parcel);
        break;
    case ANSWER_NONE:
        make_dirty(be);
        break;
    case ANSWER_TWICE_OTHER:
        if (parcel->msg.hdr.request != GET_SHARED_OBJECT) {
            make_dirty(be);
        }
        send_all_held(be);
        send_parcel(be, &be->main, parcel);
        /* fall through */
    default:
        send_all_held(be);
        send_parcel(be, &be->main, parcel);
        break;
    }
}

/* QEMU has sent a message on the main channel */
static void serve_main(BackEnd *be, Parcel *parcel)
{
    const Header *hdr = &parcel->msg.hdr;
    QemuUUID uuid;

    switch (hdr->request) {
    case GET_FEATURES:
    case GET_PROTOCOL_FEATURES:
    case GET_QUEUE_NUM:
    case GET_VRING_BASE:
        parcel->num_fds = good_answer(be, &parcel->msg);
        send_all_held(be);
        send_parcel(be, &be->main, parcel);
        break;
    case SET_BACKEND_REQ_FD:
        if (!(hdr->flags & NEED_REPLY)) {
            break;
        }
        if (be->config & CONFIG_BAD_START) {
            answer(be, parcel);
        } else {
            parcel->num_fds = good_answer(be, &parcel->msg);
            send_parcel(be, &be->main, parcel);
        }
        break;
    case IOTLB_MSG:
    case GET_CONFIG:
        answer(be, parcel);
        break;
    case GET_SHARED_OBJECT:
        g_assert(hdr->flags == VERSION && hdr->size == sizeof(uuid));
        memcpy(&uuid, parcel->msg.payload, sizeof(uuid));
        g_array_append_val(be->asked, uuid);
        answer(be, parcel);
        break;
    }
}

static void take_channel(BackEnd *be, unsigned int fds, int fd)
{
    if (fds) {
        close_line(&be->channel);
        be->channel = (Line) { .fd = fd };
    }
}

/* QEMU writes whole messages */
static void hear(BackEnd *be)
{
    unsigned int fds;
    Parcel parcel;
    Header *hdr = &parcel.msg.hdr;
    int fd = -1;

    for (;;) {
        parcel = (Parcel) { .size = SIZE_MAX };
        if (receive(be->main.fd, hdr, sizeof(*hdr), &fds, &fd) <= 0) {
            break;
        }
        take_channel(be, fds, fd);
        g_assert(hdr->size <= MAX_PAYLOAD);
        if (hdr->size) {
            g_assert(receive(be->main.fd, parcel.msg.payload, hdr->size, &fds,
                             &fd) == hdr->size);
            take_channel(be, fds, fd);
        }
        serve_main(be, &parcel);
    }
}

static void hear_all(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        if (!ends[i].is_deaf) {
            hear(&ends[i]);
        }
    }
}

/* There is always room, because the back-end has read earlier messages */
static int fuzz_chr_write(Chardev *chr, const uint8_t *buf, int len)
{
    BackEnd *be = FUZZ_CHARDEV(chr)->be;
    int ret;

    hear(be);
    ret = socket_class->chr_write(chr, buf, len);
    if (ret > 0) {
        hear_all();
    }
    return ret;
}

static int socket_of(BackEnd *be)
{
    SocketChardev *s = (SocketChardev *)qemu_chr_fe_get_driver(&be->chr);

    return s && s->state == TCP_CHARDEV_STATE_CONNECTED ? s->sioc->fd : -1;
}

static bool can_be_read(int sock)
{
    int pending = 0;

    return ioctl(sock, FIONREAD, &pending) == 0 && pending;
}

/* A read must not block: without data, end the connection */
static int fuzz_chr_sync_read(Chardev *chr, const uint8_t *buf, int len)
{
    BackEnd *be = FUZZ_CHARDEV(chr)->be;
    int sock = socket_of(be);

    if (sock >= 0) {
        hear(be);
        while (!can_be_read(sock) && send_held(be)) {
            /* until QEMU has something to read */
        }
        if (!can_be_read(sock)) {
            make_dirty(be);
            end_sending(be, &be->main);
        }
    }
    return socket_class->chr_sync_read(chr, buf, len);
}

/* run() then runs the timers */
static void let_time_pass(int64_t ms)
{
    is_calm = false;
    ms_ahead += ms;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
    int ret = __real_clock_gettime(clock, ts);

    if (ret == 0 && clock == CLOCK_MONOTONIC) {
        ts->tv_sec += ms_ahead / 1000;
        ts->tv_nsec += ms_ahead % 1000 * SCALE_MS;
        if (ts->tv_nsec >= NANOSECONDS_PER_SECOND) {
            ts->tv_nsec -= NANOSECONDS_PER_SECOND;
            ts->tv_sec++;
        }
    }
    return ret;
}

static void do_end(BackEnd *be)
{
    switch (take(1) % 5) {
    case 0:
        end_sending(be, &be->channel);
        break;
    case 1:
        close_line(&be->channel);
        break;
    case 2:
        make_dirty(be);
        end_sending(be, &be->main);
        break;
    case 3:
        close_line(&be->main);
        break;
    default:
        do_request(be);
        close_line(&be->channel);
        break;
    }
}

/* End a wait of QEMU that would last for ever: time out, or end the stream */
static void stop_waiting(BackEnd *awaited, gint timeout)
{
    if (timeout > 0) {
        let_time_pass(timeout);
    } else {
        make_dirty(awaited);
        end_sending(awaited, &awaited->main);
    }
}

/*
 * QEMU waits for @awaited.  Input: a byte that selects a back-end (bit 0) and
 * its action.  Return: false if the wait ends at once
 */
static bool act(BackEnd *awaited, gint timeout, bool last)
{
    uint8_t how = last ? 0 : take(1);
    BackEnd *be = &ends[how & 1];

    switch ((how >> 1) % 6) {
    case 1:
        do_request(be);
        return true;
    case 2:
        do_repeat(be);
        return true;
    case 3:
        do_end(be);
        return true;
    case 4:
        errno = EINTR;
        return false;
    case 5:
        send_held(be);
        return true;
    default:
        if (!send_held(awaited) && !send_held(&ends[awaited == ends])) {
            stop_waiting(awaited, timeout);
            return timeout <= 0;
        }
        return true;
    }
}

static BackEnd *back_end_of(int sock)
{
    BackEnd *be = socket_of(&ends[0]) == sock ? &ends[0] : &ends[1];

    g_assert(socket_of(be) == sock);
    return be;
}

gint __wrap_g_poll(GPollFD *fds, guint nfds, gint timeout)
{
    BackEnd *awaited;
    int step, ret;

    if (!is_playing) {
        return __real_g_poll(fds, nfds, timeout);
    }
    awaited = back_end_of(fds[0].fd);
    for (step = 0; !(ret = __real_g_poll(fds, nfds, 0)); step++) {
        errno = 0;
        hear(awaited);
        hear_all();
        if (__real_g_poll(fds, nfds, 0) == 0 &&
            !act(awaited, timeout, step >= MAX_STEPS)) {
            return errno ? -1 : 0;
        }
    }
    return ret;
}

/* Like the handler of a device that reads the back-end's config */
static int config_changed(struct vhost_dev *dev)
{
    uint8_t config[CONFIG_SIZE];

    return vhost_dev_get_config(dev, config, sizeof(config), NULL);
}

static const VhostDevConfigOps config_ops = {
    .vhost_dev_config_notifier = config_changed,
};

/* Free a device like vhost_dev_stop() and vhost_dev_cleanup() */
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
    user_ops.vhost_cleanup(&be->dev);
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
    if (user_ops.vhost_init(dev, &be->user, &err) < 0) {
        error_free(err);
        free_dev(be);
    }
}

/* Connect with the state of an earlier connection, or without */
static void connect_back_end(BackEnd *be, uint8_t config,
                             const VhostUserState *user)
{
    Chardev *chr;
    int sv[2], i;

    *be = (BackEnd) { .config = config, .channel.fd = -1 };
    be->asked = g_array_new(false, false, sizeof(QemuUUID));
    for (i = 0; i < NUM_ORDERS; i++) {
        be->due[i] = g_array_new(false, false, sizeof(Request));
    }
    g_assert(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    be->main.fd = sv[1];
    chr = new_chardev(sv[0]);
    FUZZ_CHARDEV(chr)->be = be;
    qemu_chr_fe_init(&be->chr, chr, &error_abort);
    if (user) {
        be->user = *user;
    } else {
        vhost_user_init(&be->user, &be->chr, &error_abort);
    }
    init_dev(be);
    qemu_chr_fe_set_handlers(&be->chr, NULL, NULL, chr_event, NULL, be, NULL,
                             true);
}

/* Let QEMU handle all pending events */
static void run(BackEnd *be)
{
    int i;

    do {
        hear_all();
    } while (g_main_context_iteration(NULL, false));
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
    int i;

    has_notifiers |= be->user.notifiers->len > 0;
    free_dev(be);
    close_line(&be->main);
    close_line(&be->channel);
    qemu_chr_fe_deinit(&be->chr, true);
    g_queue_clear_full(&be->held, g_free);
    g_array_free(be->asked, true);
    for (i = 0; i < NUM_ORDERS; i++) {
        g_array_free(be->due[i], true);
    }
}

static void remove_back_end(BackEnd *be)
{
    disconnect_back_end(be);
    vhost_user_cleanup(&be->user);
}

static void do_requests(BackEnd *be)
{
    int i;

    for (i = take(1) % 8; i >= 0; i--) {
        do_request(be);
    }
}

/* Send many requests without reading the replies */
static void do_flood(BackEnd *be)
{
    static const QemuUUID nobodys;
    uint8_t how = take(1);
    int i;

    for (i = 0; (how & 0xfe) == 0x5a && i < FLOOD; i++) {
        send_good_request(be, how & 1 ? BACKEND_LOOKUP : BACKEND_REMOVE,
                          &nobodys);
        run(be);
    }
}

static void do_reconnect(BackEnd *be)
{
    uint8_t config = take(1);

    remove_back_end(be);
    connect_back_end(be, config, NULL);
}

/* Reconnect to the device of the earlier connection */
static void do_come_back(BackEnd *be)
{
    uint8_t config = take(1);
    VhostUserState user;

    disconnect_back_end(be);
    user = be->user;
    connect_back_end(be, config, &user);
}

/* Waiting for RCU takes time: wait once per input, if notifiers need it */
static void do_wait(BackEnd *be)
{
    if (!has_waited && be->user.notifiers->len) {
        has_waited = true;
        finish_rcu();
    }
}

static void start_look_up(const QemuUUID *uuid);
static void do_cancel(BackEnd *be);

/* The end of a lookup may start or cancel other lookups */
static void looked_up(void *opaque, const VirtIOExportObject *object,
                      Error *err)
{
    OwnLookUp *look_up = opaque;
    QemuUUID uuid;

    g_assert(look_up->is_busy && !object == !!err);
    look_up->pending = NULL;
    if (object) {
        check_object(&look_up->uuid, object->fd);
        check_geometry(object);
        close(object->fd);
        look_up->has_object = true;
    } else {
        error_free(err);
    }
    switch (take(1) % 8) {
    case 1:
        uuid = take_uuid();
        start_look_up(&uuid);
        break;
    case 2:
        do_cancel(NULL);
        break;
    }
    look_up->is_busy = false;
}

static void start_look_up(const QemuUUID *uuid)
{
    OwnLookUp *look_up = own;
    VirtIOExportLookup *pending;

    while (look_up < own + MAX_OWN_LOOK_UPS && look_up->is_busy) {
        look_up++;
    }
    if (look_up == own + MAX_OWN_LOOK_UPS) {
        return;
    }
    *look_up = (OwnLookUp) { .uuid = *uuid, .is_busy = true };
    pending = virtio_export_lookup(uuid, looked_up, look_up);
    if (pending) {
        g_assert(look_up->is_busy);
        look_up->pending = pending;
    }
}

static void do_look_up(BackEnd *be)
{
    QemuUUID uuid = take_uuid();

    start_look_up(&uuid);
}

static void do_cancel(BackEnd *be)
{
    OwnLookUp *look_up = &own[take(1) % MAX_OWN_LOOK_UPS];

    if (look_up->pending) {
        is_calm = false;
        virtio_export_cancel(look_up->pending);
        *look_up = (OwnLookUp) { };
    }
}

/* QEMU's exporter may have the memory now: look up again */
static void do_retry(BackEnd *be)
{
    virtio_export_retry(the_exporter);
}

static void count_object(const VirtIOExportInfo *info, void *opaque)
{
    unsigned int *num = opaque;

    g_assert(info->owner && info->object.fd == -1);
    ++*num;
}

static void do_walk(BackEnd *be)
{
    QemuUUID uuid = take_uuid();
    unsigned int num = 0;

    virtio_export_foreach(NULL, count_object, &num);
    g_assert(num >= 3);
    num = 0;
    virtio_export_foreach(&uuid, count_object, &num);
    g_assert(num == virtio_export_exists(&uuid));
}

/* Unplug or plug the exporting device in QEMU */
static void do_register(BackEnd *be)
{
    int i;

    virtio_exporter_unregister(the_exporter);
    g_assert(!virtio_export_exists(&of_exporter));
    for (i = 0; i < MAX_OWN_LOOK_UPS; i++) {
        g_assert(!own[i].is_busy ||
                 !qemu_uuid_is_equal(&own[i].uuid, &of_exporter_later));
    }
    virtio_exporter_register(the_exporter);
    g_assert(virtio_export_exists(&of_exporter));
}

static void do_time(BackEnd *be)
{
    let_time_pass(take(1) * 32);
}

/* QEMU's device sends a request to the back-end */
static void do_ask(BackEnd *be)
{
    struct vhost_iotlb_msg iotlb = { .type = VHOST_IOTLB_INVALIDATE };
    uint64_t features;

    if (!be->has_dev) {
        return;
    }
    switch (take(1) % 3) {
    case 0:
        config_changed(&be->dev);
        break;
    case 1:
        user_ops.vhost_get_features(&be->dev, &features);
        break;
    default:
        user_ops.vhost_send_device_iotlb_msg(&be->dev, &iotlb);
        break;
    }
}

static void do_send_held(BackEnd *be)
{
    int i;

    for (i = take(1) % 8; i >= 0; i--) {
        send_held(be);
    }
}

static void do_send_rest(BackEnd *be)
{
    send_rest(be, &be->channel);
}

/* The back-end stops reading, with a small socket buffer, or reads again */
static void do_sleep(BackEnd *be)
{
    int little = 1, sock = socket_of(be);

    be->is_deaf = !be->is_deaf;
    if (sock >= 0) {
        setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
    }
}

static void set_trace(bool enabled)
{
    static const char *const names[] = {
        "vhost_user_shared_object", "vhost_user_channel_error",
        "vhost_user_ask_error", "virtio_export_lookup",
        "virtio_export_lookup_bottom_up", "virtio_export_lookup_failed",
        "virtio_export_geometry_dropped",
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

static void let_all_answer(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        ends[i].is_deaf = false;
        send_rest(&ends[i], &ends[i].channel);
        hear(&ends[i]);
        send_all_held(&ends[i]);
    }
    run(ends);
}

/* A back-end that has followed the protocol must still work */
static void check_use(BackEnd *be)
{
    static const QemuUUID another = { .data = "another" };
    uint64_t before;

    if (!be->has_dev || be->is_dirty || be->config & CONFIG_NO_SHARED_OBJECT ||
        be->main.fd < 0 || be->main.ended || be->channel.fd < 0 ||
        be->channel.ended) {
        return;
    }
    send_good_request(be, BACKEND_ADD, &another);
    run(be);
    start_look_up(&another);
    run(be);
    g_assert(!own[0].is_busy && own[0].has_object);
    before = num_objects;
    send_good_request(be, BACKEND_LOOKUP, &another);
    send_good_request(be, BACKEND_REMOVE, &another);
    run(be);
    check_replies(be);
    g_assert(num_objects == before + 1);
}

/* Lookups that could succeed did; all others have ended at the deadline */
static void check_look_ups(void)
{
    int i;

    input.size = 0;
    let_all_answer();
    check_replies(&ends[0]);
    check_replies(&ends[1]);
    for (i = 0; is_calm && i < all_sent->len; i++) {
        g_assert(g_array_index(all_sent, Sent, i).has_arrived);
    }
    let_time_pass(VIRTIO_EXPORT_DEADLINE_MS);
    run(ends);
    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        check_replies(&ends[i]);
        g_assert(is_replied(&ends[i], ORDER_LOOKUP));
    }
    for (i = 0; i < MAX_OWN_LOOK_UPS; i++) {
        g_assert(!own[i].is_busy);
    }
    check_use(&ends[0]);
    check_use(&ends[1]);
}

/* Check that no object and no descriptor is left */
static void check_end(void)
{
    unsigned int i;
    int fds;

    for (i = 0; i < num_used; i++) {
        g_assert(virtio_export_exists(&used[i]) ==
                 fuzz_exists(the_exporter, &used[i]));
    }
    num_used = 0;
    g_array_set_size(all_sent, 0);
    fds = count_fds();
    g_assert(!num_fds || fds == num_fds);
    num_fds = fds;
}

static void fuzz(QTestState *s, const unsigned char *data, size_t size)
{
    static void (*const ops[])(BackEnd *be) = {
        do_request, do_requests, do_request, do_requests, do_look_up, do_time,
        do_walk, do_end, do_reconnect, do_flood, do_wait, do_register,
        do_repeat, do_cancel, do_retry, do_ask, do_send_held, do_send_rest,
        do_sleep, do_come_back,
    };
    static unsigned int rcu_pending; /* inputs with unfinished RCU callbacks */
    BackEnd *be;
    uint8_t op;
    int i;

    has_notifiers = has_waited = false;
    is_calm = is_playing = true;
    input = (Input) { .data = data, .size = size };
    connect_back_end(&ends[0], take(1), NULL);
    connect_back_end(&ends[1], take(1), NULL);
    set_trace(ends[0].config & CONFIG_TRACE);
    for (i = 0; i < MAX_OPS && input.size; i++) {
        op = take(1);
        be = &ends[op & 1];
        ops[(op >> 1) % ARRAY_SIZE(ops)](be);
        run(be);
        check_replies(&ends[0]);
        check_replies(&ends[1]);
    }
    check_look_ups();
    remove_back_end(&ends[0]);
    remove_back_end(&ends[1]);
    check_end();
    is_playing = false;
    rcu_pending += has_notifiers;
    if (rcu_pending >= MAX_RCU_PENDING) {
        rcu_pending = 0;
        finish_rcu();
    }
}

/* Run once, not for each input: each back-end has its own limit */
static void check_limit(void)
{
    QemuUUID uuid = { .data = "limit" };
    uint32_t i;

    connect_back_end(&ends[0], 0, NULL);
    connect_back_end(&ends[1], 0, NULL);
    for (i = 0; i <= VHOST_USER_MAX_SHARED_OBJECTS; i++) {
        memcpy(uuid.data + 8, &i, sizeof(i));
        g_assert(vhost_user_exporter_add(&ends[0].dev, &uuid) ==
                 (i < VHOST_USER_MAX_SHARED_OBJECTS));
    }
    g_assert(vhost_user_exporter_add(&ends[1].dev, &uuid));
    remove_back_end(&ends[0]);
    remove_back_end(&ends[1]);
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
    printf("%" PRIu64 " objects\n", num_objects);
}

/* QEMU blocks the signal by which libFuzzer notices that an input hangs */
static void unblock_alarm(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void pre_fuzz(QTestState *s)
{
    /* a lookup, and a request to remove an object before there is any */
    static const uint8_t traced[] = { CONFIG_TRACE, 0, 4 << 1, 0, 0, 0, 2, 1 };

    unblock_alarm();
    find_device(0, "/machine/peripheral/paged/virtio-backend");
    find_device(1, "/machine/peripheral/plain/virtio-backend");
    all_sent = g_array_new(false, false, sizeof(Sent));
    memory = qemu_memfd_create("object", 4096, false, 0, 0, &error_abort);
    the_exporter = VIRTIO_EXPORTER(object_new(TYPE_FUZZ_EXPORTER));
    virtio_exporter_register(the_exporter);
    fuzz(s, traced, sizeof(traced)); /* the first trace opens the log */
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

    vec->exists = fuzz_exists;
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
