/*
 * Benchmarks of the time that a back-end takes from a UUID to mapped memory
 *
 * For comparison, the benchmarks also measure the same messages exchanged with
 * a process that only replies, and the copies that a guest without UUIDs must
 * make.  They alternate between these measurements.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "virtio-gpu/bench.h"
#include "virtio-gpu/helpers/importer.h"

#include <sys/socket.h>
#include <sys/wait.h>

#define ROUNDS      501
#define LOOK_UPS    10
#define COPIES      5

/* Number of lookups, one per millisecond, while the main loop is watched */
#define WATCHED     2000

/* docs/interop/vhost-user.rst: SHARED_OBJECT_LOOKUP and its reply */
typedef struct LookUp {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
    uint8_t uuid[PEER_UUID_SIZE];
} QEMU_PACKED LookUp;

typedef struct LookUpReply {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
    uint64_t u64;
} QEMU_PACKED LookUpReply;

#define FLAGS_REQUEST   (1 | PEER_NEED_REPLY)
#define FLAGS_REPLY     (1 | 1 << 2)

typedef union Control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
} Control;

/*
 * Look up with the least possible work: one system call in each direction.
 *
 * Return: file descriptor in the reply; -1 if there is none
 */
static int look_up(int channel, const uint8_t *uuid)
{
    LookUp request = {
        .request = PEER_LOOKUP,
        .flags = FLAGS_REQUEST,
        .size = sizeof(request.uuid),
    };
    LookUpReply reply;
    Control control;
    struct iovec iov = { .iov_base = &reply, .iov_len = sizeof(reply) };
    struct msghdr mh = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };
    int fd;

    memcpy(request.uuid, uuid, sizeof(request.uuid));
    g_assert_cmpint(write(channel, &request, sizeof(request)), ==,
                    sizeof(request));
    g_assert_cmpint(recvmsg(channel, &mh, MSG_WAITALL | MSG_CMSG_CLOEXEC), ==,
                    sizeof(reply));
    if (!CMSG_FIRSTHDR(&mh)) {
        return -1;
    }
    g_assert_cmpuint(reply.u64, ==, 0);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(fd));
    return fd;
}

static void *look_up_and_map(int channel, const uint8_t *uuid, size_t size)
{
    int fd = look_up(channel, uuid);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    g_assert_true(memory != MAP_FAILED);
    close(fd);
    return memory;
}

/*
 * Reply with @memfd, or without a descriptor if it is -1, until the other end
 * is closed; async-signal-safe
 */
static void answer_all(int channel, int memfd)
{
    LookUpReply reply = {
        .request = PEER_LOOKUP,
        .flags = FLAGS_REPLY,
        .size = sizeof(reply.u64),
    };
    struct iovec iov = { .iov_base = &reply, .iov_len = sizeof(reply) };
    Control control = {
        .align = {
            .cmsg_len = CMSG_LEN(sizeof(int)),
            .cmsg_level = SOL_SOCKET,
            .cmsg_type = SCM_RIGHTS,
        },
    };
    struct msghdr mh = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };
    LookUp request;

    if (memfd < 0) {
        mh.msg_control = NULL;
        mh.msg_controllen = 0;
    } else {
        memcpy(CMSG_DATA(&control.align), &memfd, sizeof(memfd));
    }
    while (recv(channel, &request, sizeof(request), MSG_WAITALL) ==
           sizeof(request)) {
        if (sendmsg(channel, &mh, 0) != sizeof(reply)) {
            break;
        }
    }
    _exit(0);
}

typedef struct Answerer {
    int channel;
    pid_t pid;
} Answerer;

static Answerer answerer_start(int memfd)
{
    Answerer a;
    int pair[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
                    ==, 0);
    a.pid = fork();
    g_assert_cmpint(a.pid, >=, 0);
    if (!a.pid) {
        close(pair[0]);
        answer_all(pair[1], memfd);
    }
    close(pair[1]);
    a.channel = pair[0];
    return a;
}

static void answerer_stop(Answerer a)
{
    close(a.channel);
    g_assert_cmpint(waitpid(a.pid, NULL, 0), ==, a.pid);
}

static int64_t time_look_ups(int channel, const uint8_t *uuid, size_t size)
{
    int64_t start = get_clock();
    int i;

    for (i = 0; i < LOOK_UPS; i++) {
        munmap(look_up_and_map(channel, uuid, size), size);
    }
    return (get_clock() - start) / LOOK_UPS;
}

static int64_t time_misses(int channel)
{
    const uint8_t nobodys[PEER_UUID_SIZE] = { 1 };
    int64_t start = get_clock();
    int i;

    for (i = 0; i < LOOK_UPS; i++) {
        g_assert_cmpint(look_up(channel, nobodys), ==, -1);
    }
    return (get_clock() - start) / LOOK_UPS;
}

/* Other processes can only increase a measured time: use the minimum */
static int64_t least(const int64_t *values, size_t n)
{
    int64_t value = values[0];
    size_t i;

    for (i = 1; i < n; i++) {
        value = MIN(value, values[i]);
    }
    return value;
}

static void print_size(const char *name, size_t size, int64_t value)
{
    g_autofree char *text = g_strdup_printf("%s/%zu", name, size);

    bench_print(text, 1, value);
}

/* Copy from the device to guest memory, and from there to another device */
static int64_t time_copies(int channel, const uint8_t *uuid, size_t size)
{
    g_autofree uint8_t *guest = g_malloc0(size);
    g_autofree uint8_t *other = g_malloc0(size);
    uint8_t *memory = look_up_and_map(channel, uuid, size);
    int64_t times[COPIES];
    int i;

    memset(memory, 1, size);
    memcpy(other, guest, size);
    for (i = 0; i < COPIES; i++) {
        int64_t start = get_clock();

        memcpy(guest, memory, size);
        memcpy(other, guest, size);
        times[i] = get_clock() - start;
    }
    g_assert_cmpint(other[size - 1], ==, 1);
    munmap(memory, size);
    return least(times, COPIES);
}

static void bench_size(QVirtioGPU *gpu, uint32_t side)
{
    int channel = vhost_user_peer_channel(importer());
    size_t size = (size_t)side * side * QVIRTIO_GPU_BYTES_PER_PIXEL;
    int64_t ours[ROUNDS], bare[ROUNDS];
    Answerer answerer;
    uuid_t uuid;
    int i;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1, .width = side,
                            .height = side });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    i = look_up(channel, uuid);
    answerer = answerer_start(i);
    close(i);
    for (i = 0; i < ROUNDS; i++) {
        ours[i] = time_look_ups(channel, uuid, size);
        bare[i] = time_look_ups(answerer.channel, uuid, size);
    }
    answerer_stop(answerer);
    print_size("map", size, least(ours, ROUNDS));
    print_size("map-bare", size, least(bare, ROUNDS));
    print_size("copy", size, time_copies(channel, uuid, size));
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
}

/* Lookups of an unknown UUID, which take the same path without an object */
static void bench_misses(void)
{
    int channel = vhost_user_peer_channel(importer());
    int64_t ours[ROUNDS], bare[ROUNDS];
    Answerer answerer = answerer_start(-1);
    int i;

    for (i = 0; i < ROUNDS; i++) {
        ours[i] = time_misses(channel);
        bare[i] = time_misses(answerer.channel);
    }
    answerer_stop(answerer);
    bench_print("map/nobody", 1, least(ours, ROUNDS));
    bench_print("map-bare/nobody", 1, least(bare, ROUNDS));
}

static void bench_sizes(void *obj, void *data, QGuestAllocator *alloc)
{
    uint32_t side;

    bench_misses();
    for (side = 32; side <= 8192; side *= 4) {
        bench_size(obj, side);
    }
}

/* Lookups of a back-end's object, which QEMU requests from the back-end */
static void bench_object(void *obj, void *data, QGuestAllocator *alloc)
{
    static const uint8_t uuid[PEER_UUID_SIZE] = "of-the-back-end";
    int channel = vhost_user_peer_channel(importer());
    int64_t times[ROUNDS];
    int i;

    g_assert_true(vhost_user_peer_add(exporter(), uuid));
    for (i = 0; i < ROUNDS; i++) {
        times[i] = time_look_ups(channel, uuid, 4096);
    }
    bench_print("map/object", 1, least(times, ROUNDS));
    g_assert_true(vhost_user_peer_remove(exporter(), uuid));
}

typedef struct Watched {
    int channel;
    const uint8_t *uuid;    /* NULL: no lookups */
    gint done;
} Watched;

static gpointer look_up_steadily(gpointer opaque)
{
    Watched *w = opaque;
    int64_t start = get_clock();
    int i;

    for (i = 0; i < WATCHED; i++) {
        if (w->uuid) {
            close(look_up(w->channel, w->uuid));
        }
        g_usleep(MAX(0, (start + i * SCALE_MS - get_clock()) / SCALE_US));
    }
    g_atomic_int_set(&w->done, 1);
    return NULL;
}

/* Return: the longest time in which the main loop did not reply */
static int64_t watch(QTestState *qts, const uint8_t *uuid)
{
    Watched w = { vhost_user_peer_channel(importer()), uuid };
    GThread *thread = g_thread_new("lookups", look_up_steadily, &w);
    int64_t start, longest = 0;

    while (!g_atomic_int_get(&w.done)) {
        start = get_clock();
        qtest_qmp_assert_success(qts, "{ 'execute': 'query-status' }");
        longest = MAX(longest, get_clock() - start);
    }
    g_thread_join(thread);
    return longest;
}

static void bench_stall(void *obj, void *data, QGuestAllocator *alloc)
{
    static const uint8_t its_uuid[PEER_UUID_SIZE] = "of-the-back-end";
    int64_t none[COPIES], resource[COPIES], object[COPIES];
    QVirtioGPU *gpu = obj;
    uuid_t uuid;
    int i;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    g_assert_true(vhost_user_peer_add(exporter(), its_uuid));
    for (i = 0; i < COPIES; i++) {
        none[i] = watch(gpu->qts, NULL);
        resource[i] = watch(gpu->qts, uuid);
        object[i] = watch(gpu->qts, its_uuid);
    }
    bench_print("stall/none", 1, least(none, COPIES));
    bench_print("stall/resource", 1, least(resource, COPIES));
    bench_print("stall/object", 1, least(object, COPIES));
    g_assert_true(vhost_user_peer_remove(exporter(), its_uuid));
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
}

static void register_look_up_bench(void)
{
    static const Bench benches[] = {
        { "lookup", bench_sizes },
        { }
    };
    static const Bench object_benches[] = {
        { "lookup-object", bench_object },
        { "lookup-stall", bench_stall },
        { }
    };

    add_benches(benches, true, importer_before);
    add_benches(object_benches, true, importer_exporter_before);
}

libqos_init(register_look_up_bench);
