/*
 * QTest testcases for UUIDs of resources in a vhost-user-gpu process, which a
 * third process looks up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/memfd.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-gl.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/vhost-user.h"
#include "virtio-gpu/helpers/drawn.h"
#include "virtio-gpu/helpers/importer.h"

#define REQ_LEN     sizeof(struct virtio_gpu_resource_assign_uuid)
#define RESP_LEN    sizeof(struct virtio_gpu_resp_resource_uuid)
#define GUEST_PAGE  4096

typedef void TestFunc(QVirtioGPU *gpu, QVirtioGPU *other);

/* Wait until QEMU has handled the message that the objects are gone */
static void wait_none_listed(QTestState *qts)
{
    gint64 start = g_get_monotonic_time();

    while (any_exports(qts)) {
        g_assert_cmpint(g_get_monotonic_time() - start, <,
                        60 * G_USEC_PER_SEC);
        g_usleep(1000);
    }
}

/* QEMU cannot verify what kind of memory it is */
static void assert_info(const PeerInfo *info, uint32_t stride)
{
    g_assert_cmpuint(info->kind, ==, 0);
    g_assert_cmpuint(info->width, ==, DRAWN_WIDTH);
    g_assert_cmpuint(info->height, ==, DRAWN_HEIGHT);
    g_assert_cmphex(info->fourcc, ==, DRM_FORMAT_XRGB8888);
    g_assert_cmphex(info->modifier, ==, DRM_FORMAT_MOD_LINEAR);
    g_assert_cmpuint(info->strides[0], ==, stride);
    g_assert_cmpuint(info->flags, ==, 0);
    g_assert_cmpuint(info->offsets[0], ==, 0);
}

/* The lookup returns the process's own memory of the pixels, not a copy */
static void same_memory(QVirtioGPU *gpu, QVirtioGPU *other)
{
    uint8_t *memory;
    PeerInfo info;
    size_t size;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    memory = importer_map_info(importer(), d.uuid, &size, &info);
    g_assert_cmpuint(size, ==,
                     ROUND_UP(DRAWN_BYTES, qemu_real_host_page_size()));
    assert_info(&info, DRAWN_WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL);
    g_assert_cmpmem(memory, DRAWN_BYTES, d.pixels, DRAWN_BYTES);
    drawn_again(&d, 0x22);
    g_assert_cmpmem(memory, DRAWN_BYTES, d.pixels, DRAWN_BYTES);
    munmap(memory, size);
    drawn_done(&d);
}

static bool is_colour(const uint8_t *pixel, uint8_t colour)
{
    return pixel[0] == colour && pixel[1] == colour && pixel[2] == colour;
}

/* The lookup returns the memory that the process renders to */
static void same_texture(QVirtioGPU *gpu, QVirtioGPU *other)
{
    uint8_t *memory;
    size_t size;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    memory = importer_map(importer(), d.uuid, &size);
    g_assert_nonnull(memory);
    g_assert_cmpuint(size, >=, DRAWN_BYTES);
    g_assert_true(is_colour(memory, 0x11));
    drawn_again(&d, 0x22);
    g_assert_true(is_colour(memory, 0x22));

    /* the mapping outlives the resource */
    do_qvirtio_gpu_unref(d.res);
    g_assert_false(importer_finds(importer(), d.uuid));
    g_assert_true(is_colour(memory, 0x22));
    munmap(memory, size);
    drawn_done(&d);
}

/* The importer finds each row, although the renderer pads the rows */
static void rows_of_texture(QVirtioGPU *gpu, QVirtioGPU *other)
{
    enum { WIDTH = 33, HEIGHT = 2, ROW = WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL };
    uint8_t colours[HEIGHT][ROW], *memory, *row;
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .width = WIDTH, .height = HEIGHT,
        .backing = guest_alloc(gpu->alloc, sizeof(colours)),
        .backing_len = sizeof(colours),
    };
    PeerInfo info;
    uuid_t uuid;
    size_t size;

    memset(colours[0], 0x11, ROW);
    memset(colours[1], 0x22, ROW);
    qtest_memwrite(gpu->qts, res.backing, colours, sizeof(colours));
    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    do_qvirtio_gpu_transfer(res);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    memory = importer_map_info(importer(), uuid, &size, &info);
    g_assert_cmpuint(info.kind, ==, 0);
    g_assert_cmpuint(info.width, ==, WIDTH);
    g_assert_cmpuint(info.height, ==, HEIGHT);
    g_assert_cmphex(info.modifier, ==, DRM_FORMAT_MOD_LINEAR);
    g_assert_cmpuint(info.strides[0], >, ROW);
    for (int y = 0; y < HEIGHT; y++) {
        row = memory + info.offsets[0] +
              info.strides[0] * (info.flags ? HEIGHT - 1 - y : y);
        g_assert_true(is_colour(row, colours[y][0]));
        g_assert_true(is_colour(row + ROW - QVIRTIO_GPU_BYTES_PER_PIXEL,
                                colours[y][0]));
    }
    munmap(memory, size);
}

/* A resource that EGL cannot export keeps its UUID */
static void not_a_texture(QVirtioGPU *gpu, QVirtioGPU *other)
{
    QVirtioGPUResourceOpt buffer = { .gpu = gpu, .id = 1, .width = 4096 };
    uuid_t uuid, again;

    qvirtio_gpu_create_3d(&buffer, QVIRTIO_GPU_PIPE_BUFFER);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    g_assert_false(importer_finds(importer(), uuid));
    g_assert_true(any_exports(gpu->qts));
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = again });
    g_assert_cmpmem(again, sizeof(again), uuid, sizeof(uuid));
    do_qvirtio_gpu_unref(buffer);
    wait_none_listed(gpu->qts);
}

/* The response comes when the renderer has reached the fence */
static void unref_fenced(QVirtioGPU *gpu, uint32_t id)
{
    struct virtio_gpu_resource_unref req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_UNREF),
        .resource_id = cpu_to_le32(id),
    };
    struct virtio_gpu_ctrl_hdr resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    /* virglrenderer's fence IDs have 32 bits */
    req.hdr.flags = cpu_to_le32(VIRTIO_GPU_FLAG_FENCE);
    req.hdr.fence_id = cpu_to_le64(1);
    qvirtio_gpu_submit(gpu, &r, 1);
    g_assert_cmphex(le32_to_cpu(resp.type), ==, VIRTIO_GPU_RESP_OK_NODATA);
    g_assert_cmphex(le32_to_cpu(resp.flags), ==, VIRTIO_GPU_FLAG_FENCE);
}

/* After a reset, no resource is left, and all works for the next driver */
static void usable_after_reset(QVirtioGPU *gpu, QVirtioGPU *other)
{
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .width = DRAWN_WIDTH, .height = DRAWN_HEIGHT,
    };
    static const float colour[4] = { 1, 1, 1, 1 };
    int i;

    for (i = 0; i < 5; i++) {
        qvirtio_gpu_create_3d(&res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
        qvirtio_gpu_create_context(gpu, 1);
        qvirtio_gpu_render_colour(&res, 1, colour);
        assign_uuid({ .gpu = gpu, .id = 1 });
        qvirtio_gpu_start(gpu, 0);
        wait_none_listed(gpu->qts);
        assign_uuid({ .gpu = gpu, .id = 1,
                      .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
        qvirtio_gpu_create_3d(&res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
        unref_fenced(gpu, 1);
    }
}

enum { IN_FLIGHT = 16 };

typedef struct Command {
    struct virtio_gpu_cmd_submit req;
    struct virtio_gpu_ctrl_hdr resp;
} Command;

/* Rendered commands that wait for their fences, and one more command */
typedef struct InFlight {
    uint64_t addr;
    uint32_t heads[IN_FLIGHT + 1];
} InFlight;

static void put_command(InFlight *f, QVirtioGPU *gpu, int i, uint32_t flags)
{
    uint64_t addr = f->addr + i * sizeof(Command);
    Command command = {
        .req.hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SUBMIT_3D),
    };

    command.req.hdr.flags = cpu_to_le32(flags);
    /* this fence never comes: virglrenderer's fence IDs have 32 bits */
    command.req.hdr.fence_id = cpu_to_le64((1ull << 32) + i);
    qtest_memwrite(gpu->qts, addr, &command, sizeof(command));
    f->heads[i] = qvirtqueue_add(gpu->qts, gpu->ctrlq, addr,
                                 sizeof(command.req), false, true);
    qvirtqueue_add(gpu->qts, gpu->ctrlq, addr + sizeof(command.req),
                   sizeof(command.resp), true, false);
    qvirtqueue_kick(gpu->qts, gpu->vdev, gpu->ctrlq, f->heads[i]);
}

/* Return: whether a command has ended, which must be the one at @i */
static bool has_ended(InFlight *f, QVirtioGPU *gpu, int i)
{
    uint32_t head, len;
    Command command;

    if (!qvirtqueue_get_buf(gpu->qts, gpu->ctrlq, &head, &len)) {
        return false;
    }
    g_assert_cmpuint(head, ==, f->heads[i]);
    g_assert_cmpuint(len, ==, sizeof(command.resp));
    qtest_memread(gpu->qts, f->addr + i * sizeof(command), &command,
                  sizeof(command));
    g_assert_cmphex(le32_to_cpu(command.resp.type), ==,
                    VIRTIO_GPU_RESP_OK_NODATA);
    g_assert_cmphex(command.resp.flags, ==, command.req.hdr.flags);
    return true;
}

/* The last command has no fence; when it ends, the others are in flight */
static void put_in_flight(InFlight *f, QVirtioGPU *gpu)
{
    gint64 start = g_get_monotonic_time();
    int i;

    f->addr = guest_alloc(gpu->alloc, (IN_FLIGHT + 1) * sizeof(Command));
    for (i = 0; i < IN_FLIGHT; i++) {
        put_command(f, gpu, i, VIRTIO_GPU_FLAG_FENCE);
    }
    put_command(f, gpu, i, 0);
    while (!has_ended(f, gpu, i)) {
        g_assert_cmpint(g_get_monotonic_time() - start, <,
                        60 * G_USEC_PER_SEC);
    }
}

static void assert_ended_in_order(InFlight *f, QVirtioGPU *gpu)
{
    int i;

    for (i = 0; i < IN_FLIGHT; i++) {
        g_assert_true(has_ended(f, gpu, i));
    }
    guest_free(gpu->alloc, f->addr);
}

static void in_flight_when_stopped(QVirtioGPU *gpu, QVirtioGPU *other)
{
    InFlight f;
    int i;

    for (i = 0; i < 3; i++) {
        put_in_flight(&f, gpu);
        qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'stop' }");
        assert_ended_in_order(&f, gpu);
        qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'cont' }");
    }
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
}

/* In total, more commands than the queue has room for */
static void in_flight_when_reset(QVirtioGPU *gpu, QVirtioGPU *other)
{
    InFlight f;
    int i;

    for (i = 0; i < 2 * gpu->ctrlq->size / IN_FLIGHT; i++) {
        put_in_flight(&f, gpu);
        qvirtio_reset(gpu->vdev);
        assert_ended_in_order(&f, gpu);
        qvirtio_gpu_start(gpu, 0);
    }
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
}

static void asked_twice(QVirtioGPU *gpu, QVirtioGPU *other)
{
    uuid_t again;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = again });
    g_assert_cmpmem(again, sizeof(again), d.uuid, sizeof(d.uuid));
    drawn_done(&d);
}

/* While the process is stopped, QEMU and other back-ends continue */
static void process_is_stopped(QVirtioGPU *gpu, QVirtioGPU *other)
{
    uuid_t others;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    qvirtio_gpu_create_2d({ .gpu = other, .id = 1 });
    assign_uuid({ .gpu = other, .id = 1, .uuid = others });
    g_assert_cmpint(kill(vhost_user_gpu_pid(), SIGSTOP), ==, 0);
    vhost_user_peer_send(importer(), PEER_LOOKUP, PEER_NEED_REPLY, d.uuid,
                         PEER_UUID_SIZE);
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'query-status' }");
    g_assert_true(importer_finds(exporter(), others));
    g_assert_cmpint(kill(vhost_user_gpu_pid(), SIGCONT), ==, 0);
    g_assert_cmpuint(vhost_user_peer_recv(importer(), PEER_LOOKUP).num_fds,
                     ==, 1);
    drawn_done(&d);
}

static void cannot_be_resized(QVirtioGPU *gpu, QVirtioGPU *other)
{
    int fd, seals;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    fd = vhost_user_peer_lookup(importer(), d.uuid);
    g_assert_cmpint(fd, >=, 0);
    seals = fcntl(fd, F_GET_SEALS);
    /* a dma-buf has no seals, and cannot be resized */
    g_assert_true(seals == -1 ||
                  seals == (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
    g_assert_cmpint(ftruncate(fd, 0), ==, -1);
    close(fd);
    drawn_done(&d);
}

static void after_unref(QVirtioGPU *gpu, QVirtioGPU *other)
{
    Drawn old, new;
    uint8_t *memory;
    size_t size;

    drawn_new(&old, gpu, 1, 0x11);
    memory = importer_map(importer(), old.uuid, &size);
    do_qvirtio_gpu_unref(old.res);
    g_assert_false(importer_finds(importer(), old.uuid));
    g_assert_cmpmem(memory, DRAWN_BYTES, old.pixels, DRAWN_BYTES);
    wait_none_listed(gpu->qts);

    /* the same ID does not mean the same object */
    drawn_new(&new, gpu, 1, 0x22);
    g_assert_cmpint(memcmp(old.uuid, new.uuid, sizeof(old.uuid)), !=, 0);
    g_assert_false(importer_finds(importer(), old.uuid));
    g_assert_true(importer_finds(importer(), new.uuid));
    munmap(memory, size);
    drawn_done(&old);
    drawn_done(&new);
}

static void after_reset(QVirtioGPU *gpu, QVirtioGPU *other)
{
    const int count = 300;
    uuid_t first, last;
    int i;

    for (i = 1; i <= count; i++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = i });
        assign_uuid({ .gpu = gpu, .id = i, .uuid = i == 1 ? first : last });
    }
    g_assert_true(importer_finds(importer(), first));
    qvirtio_gpu_start(gpu, 0);
    g_assert_false(importer_finds(importer(), first));
    g_assert_false(importer_finds(importer(), last));
    wait_none_listed(gpu->qts);

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = last });
    g_assert_true(importer_finds(importer(), last));
}

/* Resources and UUIDs survive a stop and a continuation of the machine */
static void after_stop(QVirtioGPU *gpu, QVirtioGPU *other)
{
    uuid_t again;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'stop' }");
    g_assert_true(importer_finds(importer(), d.uuid));
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'cont' }");
    g_assert_true(importer_finds(importer(), d.uuid));
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = again });
    g_assert_cmpmem(again, sizeof(again), d.uuid, sizeof(d.uuid));
    drawn_done(&d);
}

static void after_death(QVirtioGPU *gpu, QVirtioGPU *other)
{
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    vhost_user_gpu_kill();
    g_assert_false(importer_finds(importer(), d.uuid));
    wait_none_listed(gpu->qts);
    g_assert_false(importer_finds(importer(), d.uuid));
    drawn_done(&d);
}

/* Return: offset in @memory of the guest's page at @addr */
static off_t find_guest_page(QTestState *qts, int memory, uint64_t addr)
{
    uuid_t mark, found;
    off_t pos = 0;

    uuid_generate(mark);
    qtest_memwrite(qts, addr, mark, sizeof(mark));
    for (;; pos += GUEST_PAGE) {
        g_assert_cmpint(pread(memory, found, sizeof(found), pos), ==,
                        sizeof(found));
        if (!uuid_compare(found, mark)) {
            return pos;
        }
    }
}

static uint32_t response_type(int memory, off_t pos)
{
    uint32_t type;

    g_assert_cmpint(pread(memory, &type, sizeof(type), pos), ==,
                    sizeof(type));
    return le32_to_cpu(type);
}

/* The guest gets its response only after QEMU knows the object */
static void answered_when_known(QVirtioGPU *gpu, QVirtioGPU *other)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(1);
    uint64_t addr = guest_alloc(gpu->alloc, REQ_LEN + RESP_LEN);
    pid_t qemu = qtest_pid(gpu->qts);
    int memory = process_fds_open(qemu, "/memfd:memory-backend-memfd");
    off_t resp = find_guest_page(gpu->qts, memory, addr) + REQ_LEN;
    gint64 start = g_get_monotonic_time();
    uint32_t head, early;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    qtest_memset(gpu->qts, addr, 0, REQ_LEN + RESP_LEN);
    qtest_memwrite(gpu->qts, addr, &req, sizeof(req));
    head = qvirtqueue_add(gpu->qts, gpu->ctrlq, addr, REQ_LEN, false, true);
    qvirtqueue_add(gpu->qts, gpu->ctrlq, addr + REQ_LEN, RESP_LEN, true,
                   false);
    g_assert_cmpint(kill(vhost_user_gpu_pid(), SIGSTOP), ==, 0);
    qvirtqueue_kick(gpu->qts, gpu->vdev, gpu->ctrlq, head);
    g_assert_cmpint(kill(qemu, SIGSTOP), ==, 0);
    g_assert_cmpint(kill(vhost_user_gpu_pid(), SIGCONT), ==, 0);
    g_usleep(200000);
    early = response_type(memory, resp);
    g_assert_cmpint(kill(qemu, SIGCONT), ==, 0);
    g_assert_cmphex(early, ==, 0);
    while (!response_type(memory, resp)) {
        g_assert_cmpint(g_get_monotonic_time() - start, <,
                        60 * G_USEC_PER_SEC);
        g_usleep(1000);
    }
    g_assert_cmphex(response_type(memory, resp), ==,
                    VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    guest_free(gpu->alloc, addr);
    close(memory);
}

/* A lookup right after the response succeeds */
static void known_when_answered(QVirtioGPU *gpu, QVirtioGPU *other)
{
    uuid_t uuid;
    int i;

    for (i = 0; i < 500; i++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
        assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
        g_assert_true(importer_finds(importer(), uuid));
        qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    }
    wait_none_listed(gpu->qts);
}

typedef struct LookUps {
    uint8_t *uuid;
    gint stop;
} LookUps;

static gpointer look_up(gpointer opaque)
{
    LookUps *l = opaque;

    while (!g_atomic_int_get(&l->stop)) {
        g_assert_true(importer_finds(importer(), l->uuid));
    }
    return NULL;
}

/* QEMU requests an object while the process adds others */
static void looked_up_while_assigning(QVirtioGPU *gpu, QVirtioGPU *other)
{
    GThread *thread;
    LookUps l = { };
    Drawn d;
    int i;

    drawn_new(&d, gpu, 1, 0x11);
    l.uuid = d.uuid;
    thread = g_thread_new("lookup", look_up, &l);
    for (i = 0; i < 300; i++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = 2 });
        assign_uuid({ .gpu = gpu, .id = 2 });
        qvirtio_gpu_unref({ .gpu = gpu, .id = 2 });
    }
    g_atomic_int_set(&l.stop, 1);
    g_thread_join(thread);
    drawn_done(&d);
}

static void leaves_no_descriptor(QVirtioGPU *gpu, QVirtioGPU *other)
{
    pid_t pids[] = { qtest_pid(gpu->qts), vhost_user_gpu_pid() };
    unsigned int before[ARRAY_SIZE(pids)];
    Drawn d;
    int i;

    drawn_new(&d, gpu, 1, 0x11);
    g_assert_true(importer_finds(importer(), d.uuid));
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'query-status' }");
    for (i = 0; i < ARRAY_SIZE(pids); i++) {
        before[i] = process_fds_count(pids[i]);
    }
    for (i = 0; i < 100; i++) {
        g_assert_true(importer_finds(importer(), d.uuid));
    }
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'query-status' }");
    for (i = 0; i < ARRAY_SIZE(pids); i++) {
        g_assert_cmpuint(process_fds_count(pids[i]), ==, before[i]);
    }
    drawn_done(&d);
}

/* Lookups of two kinds of GPU in one machine */
static void beside_virtio_gpu(QVirtioGPU *gpu, QVirtioGPU *other)
{
    Drawn one, two;

    drawn_new(&one, gpu, 1, 0x11);
    drawn_new(&two, other, 1, 0x22);
    g_assert_true(importer_finds(importer(), one.uuid));
    g_assert_true(importer_finds(importer(), two.uuid));
    qvirtio_gpu_start(gpu, 0);
    g_assert_false(importer_finds(importer(), one.uuid));
    g_assert_true(importer_finds(importer(), two.uuid));
    drawn_done(&one);
    drawn_done(&two);
}

static void no_resource(QVirtioGPU *gpu, QVirtioGPU *other)
{
    assign_uuid({ .gpu = gpu, .id = 0,
                  .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
    assign_uuid({ .gpu = gpu, .id = 1,
                  .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
}

static void not_negotiated(QVirtioGPU *gpu, QVirtioGPU *other)
{
    qvirtio_gpu_start(gpu, RESOURCE_UUID_FEATURE);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1,
                  .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
    g_assert_false(any_exports(gpu->qts));
}

static void assert_rejected(QVirtioGPU *gpu, size_t req_len, size_t resp_len)
{
    struct virtio_gpu_ctrl_hdr expected =
        qvirtio_gpu_hdr(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(1);
    uint8_t resp[RESP_LEN];
    QVirtioGPURequest r = {
        .req = &req, .req_len = req_len, .resp = resp, .resp_len = resp_len,
    };
    size_t len = MIN(resp_len, sizeof(expected));

    qvirtio_gpu_submit(gpu, &r, 1);
    g_assert_cmpuint(r.used_len, ==, len);
    g_assert_cmpmem(resp, len, &expected, len);
    g_assert_false(any_exports(gpu->qts));
}

static void malformed(QVirtioGPU *gpu, QVirtioGPU *other)
{
    size_t len;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    for (len = 0; len < REQ_LEN; len++) {
        assert_rejected(gpu, len, RESP_LEN);
    }
    for (len = 0; len < RESP_LEN; len++) {
        assert_rejected(gpu, REQ_LEN, len);
    }
    assign_uuid({ .gpu = gpu, .id = 1 });
}

static void fenced(QVirtioGPU *gpu, QVirtioGPU *other)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(1);
    struct virtio_gpu_resp_resource_uuid resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    qvirtio_gpu_set_fence(&req.hdr);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    qvirtio_gpu_submit(gpu, &r, 1);
    g_assert_cmpuint(r.used_len, ==, sizeof(resp));
    qvirtio_gpu_assert_fenced_hdr(&resp.hdr, VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
}

static void run_test(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = container_of(obj, QVirtioGPUPCI, gpu);
    const UUIDTest *test = data;
    TestFunc *func = test->arg;

    if (!vhost_user_gpu_missing()) {
        func(vhost_user_gpu_start(pci, alloc), &pci->gpu);
    }
}

static void *before(GString *cmd_line, void *arg)
{
    return importer_info_before(cmd_line, vhost_user_gpu_before(cmd_line, arg));
}

static void *two_importers_before(GString *cmd_line, void *arg)
{
    return importer_exporter_before(cmd_line,
                                    vhost_user_gpu_before(cmd_line, arg));
}

static void *virgl_before(GString *cmd_line, void *arg)
{
    return importer_info_before(cmd_line,
                                vhost_user_gpu_virgl_before(cmd_line, arg));
}

/* Tests that do not depend on the host's EGL */
static void add_virgl_tests(void)
{
    static const UUIDTest tests[] = {
        { "vhost-user-gpu-gl/not-a-texture", run_test, not_a_texture },
        { "vhost-user-gpu-gl/usable-after-reset", run_test,
          usable_after_reset },
        { "vhost-user-gpu-gl/in-flight-when-stopped",
          run_test, in_flight_when_stopped },
        { "vhost-user-gpu-gl/in-flight-when-reset",
          run_test, in_flight_when_reset },
        { "vhost-user-gpu-gl/asked-twice", run_test, asked_twice },
        { "vhost-user-gpu-gl/no-resource", run_test, no_resource },
        { "vhost-user-gpu-gl/not-negotiated", run_test, not_negotiated },
        { "vhost-user-gpu-gl/malformed", run_test, malformed },
        { "vhost-user-gpu-gl/fenced", run_test, fenced },
        { }
    };

    add_uuid_pci_tests(tests, virgl_before);
}

static void add_virgl_dmabuf_tests(void)
{
    static const UUIDTest tests[] = {
        { "vhost-user-gpu-gl/same-texture", run_test, same_texture },
        { "vhost-user-gpu-gl/rows-of-texture", run_test, rows_of_texture },
        { "vhost-user-gpu-gl/after-reset", run_test, after_reset },
        { "vhost-user-gpu-gl/after-stop", run_test, after_stop },
        { "vhost-user-gpu-gl/after-death", run_test, after_death },
        { "vhost-user-gpu-gl/known-when-answered",
          run_test, known_when_answered },
        { "vhost-user-gpu-gl/looked-up-while-assigning",
          run_test, looked_up_while_assigning },
        { "vhost-user-gpu-gl/leaves-no-descriptor",
          run_test, leaves_no_descriptor },
        { "vhost-user-gpu-gl/beside-virtio-gpu", run_test, beside_virtio_gpu },
        { }
    };

    add_uuid_pci_tests(tests, virgl_before);
}

static void register_vhost_user_gpu_resource_uuid_test(void)
{
    static const UUIDTest tests[] = {
        { "vhost-user-gpu/same-memory", run_test, same_memory },
        { "vhost-user-gpu/asked-twice", run_test, asked_twice },
        { "vhost-user-gpu/cannot-be-resized", run_test, cannot_be_resized },
        { "vhost-user-gpu/after-unref", run_test, after_unref },
        { "vhost-user-gpu/after-reset", run_test, after_reset },
        { "vhost-user-gpu/after-stop", run_test, after_stop },
        { "vhost-user-gpu/after-death", run_test, after_death },
        { "vhost-user-gpu/answered-when-known", run_test, answered_when_known },
        { "vhost-user-gpu/known-when-answered", run_test, known_when_answered },
        { "vhost-user-gpu/looked-up-while-assigning",
          run_test, looked_up_while_assigning },
        { "vhost-user-gpu/leaves-no-descriptor",
          run_test, leaves_no_descriptor },
        { "vhost-user-gpu/beside-virtio-gpu", run_test, beside_virtio_gpu },
        { "vhost-user-gpu/no-resource", run_test, no_resource },
        { "vhost-user-gpu/not-negotiated", run_test, not_negotiated },
        { "vhost-user-gpu/malformed", run_test, malformed },
        { "vhost-user-gpu/fenced", run_test, fenced },
        { }
    };
    static const UUIDTest stopped_tests[] = {
        { "vhost-user-gpu/process-is-stopped", run_test, process_is_stopped },
        { }
    };

    if (g_test_slow()) {
        add_uuid_pci_tests(tests, before);
        add_uuid_pci_tests(stopped_tests, two_importers_before);
    }
    if (getenv("QTEST_GL")) {
        add_virgl_tests();
    }
    if (getenv("QTEST_GL_DMABUF")) {
        add_virgl_dmabuf_tests();
    }
}

libqos_init(register_vhost_user_gpu_resource_uuid_test);
