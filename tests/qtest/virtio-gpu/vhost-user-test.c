/*
 * QTest testcases for vhost-user-gpu and QEMU's own back-end for it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-client.h"
#include "libqos/virtio-gpu-gl.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/vhost-user.h"

#define WIDTH   32
#define HEIGHT  16
#define LARGE   1024
#define BYTES   (WIDTH * HEIGHT * QVIRTIO_GPU_BYTES_PER_PIXEL)

static void assert_display_info(QVirtioGPU *gpu)
{
    struct virtio_gpu_ctrl_hdr req =
        qvirtio_gpu_hdr(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    struct virtio_gpu_resp_display_info info;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, info);

    qvirtio_gpu_submit(gpu, &r, 1);
    g_assert_cmpuint(r.used_len, ==, sizeof(info));
    qvirtio_gpu_assert_hdr(&info.hdr, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    g_assert_cmpuint(le32_to_cpu(info.pmodes[0].enabled), ==, 1);
}

/* Return: type of the response to create_2d */
static uint32_t try_create(QVirtioGPU *gpu, QVirtioGPUResourceOpt res)
{
    struct virtio_gpu_resource_create_2d req = qvirtio_gpu_create_2d_req(res);
    struct virtio_gpu_ctrl_hdr resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    qvirtio_gpu_submit(gpu, &r, 1);
    return le32_to_cpu(resp.type);
}

/* Show a picture; @res becomes its resource */
static void show(QVirtioGPU *gpu, QVirtioGPUResourceOpt *res)
{
    *res = (QVirtioGPUResourceOpt) {
        .gpu = gpu, .id = 1, .width = WIDTH, .height = HEIGHT,
        .backing = guest_alloc(gpu->alloc, BYTES), .backing_len = BYTES,
    };
    do_qvirtio_gpu_create_2d(*res);
    do_qvirtio_gpu_attach_backing(*res);
    do_qvirtio_gpu_set_scanout(*res);
    do_qvirtio_gpu_transfer(*res);
    do_qvirtio_gpu_flush(*res);
}

/* After a reset, the next driver has only the resources that it makes */
static void reset(QVirtioGPU *gpu)
{
    QVirtioGPUResourceOpt res;
    int i;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    for (i = 0; i < 3; i++) {
        qvirtio_gpu_start(gpu, 0);
        show(gpu, &res);
        assert_display_info(gpu);
        guest_free(gpu->alloc, res.backing);
    }
}

static void stop_and_cont(QVirtioGPU *gpu)
{
    QVirtioGPUResourceOpt res;
    int i;

    show(gpu, &res);
    for (i = 0; i < 3; i++) {
        qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'stop' }");
        qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'cont' }");
        assert_display_info(gpu);
        do_qvirtio_gpu_set_scanout(res);
        do_qvirtio_gpu_transfer(res);
        do_qvirtio_gpu_flush(res);
    }
    do_qvirtio_gpu_unref(res);
    guest_free(gpu->alloc, res.backing);
}

/* Submit requests, and call @then before QEMU has handled them */
static void kick_and(QVirtioGPU *gpu, void (*then)(QVirtioGPU *gpu))
{
    struct virtio_gpu_ctrl_hdr req =
        qvirtio_gpu_hdr(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    uint64_t addr = guest_alloc(gpu->alloc, BYTES);
    uint32_t head;
    int i;

    qtest_memwrite(gpu->qts, addr, &req, sizeof(req));
    for (i = 0; i < 4; i++) {
        head = qvirtqueue_add(gpu->qts, gpu->ctrlq, addr, sizeof(req), false,
                              true);
        qvirtqueue_add(gpu->qts, gpu->ctrlq, addr + sizeof(req),
                       BYTES - sizeof(req), true, false);
        qvirtqueue_kick(gpu->qts, gpu->vdev, gpu->ctrlq, head);
    }
    then(gpu);
    guest_free(gpu->alloc, addr);
}

static void start_again(QVirtioGPU *gpu)
{
    qvirtio_gpu_start(gpu, 0);
}

static void reset_while_busy(QVirtioGPU *gpu)
{
    int i;

    for (i = 0; i < 20; i++) {
        kick_and(gpu, start_again);
    }
    assert_display_info(gpu);
}

static void stop_and_await(QVirtioGPU *gpu)
{
    uint16_t seen;
    gint64 start = g_get_monotonic_time();

    qtest_qmp_send(gpu->qts, "{ 'execute': 'stop' }");
    /* QEMU waits until the back-end process continues */
    g_usleep(10000);
    g_assert_cmpint(kill(vhost_user_gpu_pid(), SIGCONT), ==, 0);
    qtest_qmp_eventwait(gpu->qts, "STOP");
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'cont' }");
    do {
        g_assert_cmpint(g_get_monotonic_time() - start, <,
                        60 * G_USEC_PER_SEC);
        seen = qtest_readw(gpu->qts, gpu->ctrlq->used + 2);
    } while ((uint16_t)(seen - gpu->ctrlq->last_used_idx) < 4);
    gpu->ctrlq->last_used_idx = seen;
}

/* No request gets lost */
static void stop_while_busy(QVirtioGPU *gpu)
{
    int i;

    for (i = 0; i < 20; i++) {
        /* restart, because qvirtqueue_add() does not reuse descriptors */
        qvirtio_gpu_start(gpu, 0);
        assert_display_info(gpu);
        g_assert_cmpint(kill(vhost_user_gpu_pid(), SIGSTOP), ==, 0);
        kick_and(gpu, stop_and_await);
    }
}

/* For the first size, width * height * 4 truncated to 64 bits is 166832 */
static void size_overflows(QVirtioGPU *gpu)
{
    static const uint32_t sizes[][2] = {
        { 2147437308, 2147529989 }, { 0x80000000, 0x80000000 },
        { 0x20000001, 1 }, { 1, 0x20000001 },
    };
    QVirtioGPUResourceOpt res = { .id = 1 };

    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        res.width = sizes[i][0];
        res.height = sizes[i][1];
        g_assert_cmphex(try_create(gpu, res), ==,
                        VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    }
}

/* Starts must not leak the descriptors that QEMU sends */
static void reserves_descriptors(QVirtioGPU *gpu)
{
    pid_t pid = vhost_user_gpu_pid();
    unsigned int limit = process_fds_count(pid) + 70;
    struct rlimit old = process_fds_limit(pid, limit);
    uint32_t id = 0;
    uint32_t type;

    do {
        type = try_create(gpu, (QVirtioGPUResourceOpt) { .id = ++id });
    } while (type == VIRTIO_GPU_RESP_OK_NODATA && id < limit);
    g_assert_cmphex(type, ==, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    g_assert_cmpuint(id, >, 1);

    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'stop' }");
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'cont' }");
    assert_display_info(gpu);
    process_fds_restore(pid, old);
}

static void leaves_no_descriptor(QVirtioGPU *gpu)
{
    QVirtioGPUResourceOpt res;
    unsigned int before = 0;
    int i;

    for (i = 0; i < 20; i++) {
        qvirtio_gpu_start(gpu, 0);
        show(gpu, &res);
        guest_free(gpu->alloc, res.backing);
        before = before ?: process_fds_count(vhost_user_gpu_pid());
    }
    g_assert_cmpuint(process_fds_count(vhost_user_gpu_pid()), ==, before);
}

/* QEMU has no such scanout; the next command is answered too */
static void edid_of_unknown_scanout(QVirtioGPU *gpu)
{
    struct virtio_gpu_cmd_get_edid req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_GET_EDID),
        .scanout = cpu_to_le32(5),
    };
    struct virtio_gpu_resp_edid resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    qvirtio_gpu_submit(gpu, &r, 1);
    qvirtio_gpu_assert_hdr(&resp.hdr, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_display_info(gpu);
}

/*
 * A driver that makes the same command available again and again.  The command
 * takes so long that the driver can keep up with the device.
 */
typedef struct Feeder {
    uint16_t *avail;
    uint16_t *used;
    uint16_t size;
    bool quit;
} Feeder;

static gpointer feed(gpointer opaque)
{
    Feeder *f = opaque;

    while (!qatomic_read(&f->quit)) {
        qatomic_store_release(&f->avail[1],
                              qatomic_load_acquire(&f->used[1]) + f->size);
    }
    return NULL;
}

/* Fill the command queue as fast as the device empties it, from now on */
static GThread *feeder_start(Feeder *f, QVirtioGPU *gpu, uint8_t *memory)
{
    const struct virtio_gpu_transfer_to_host_2d req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D),
        .resource_id = cpu_to_le32(1),
        .r = { .width = cpu_to_le32(LARGE), .height = cpu_to_le32(LARGE) },
    };
    size_t size = LARGE * LARGE * QVIRTIO_GPU_BYTES_PER_PIXEL;
    uint64_t addr = guest_alloc(gpu->alloc, BYTES);
    QVirtQueue *vq = gpu->ctrlq;
    uint16_t head;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1,
                            .width = LARGE, .height = LARGE });
    qvirtio_gpu_attach_backing({ .gpu = gpu, .id = 1,
                                 .backing = guest_alloc(gpu->alloc, size),
                                 .backing_len = size });
    qtest_memwrite(gpu->qts, addr, &req, sizeof(req));
    head = qvirtqueue_add(gpu->qts, vq, addr, sizeof(req), false, true);
    qvirtqueue_add(gpu->qts, vq, addr + sizeof(req),
                   sizeof(struct virtio_gpu_ctrl_hdr), true, false);
    f->avail = (uint16_t *)(memory + vq->avail);
    f->used = (uint16_t *)(memory + vq->used);
    f->size = vq->size;
    for (int i = 0; i < f->size; i++) {
        f->avail[2 + i] = head;
    }
    return g_thread_new("feeder", feed, f);
}

/* "stop" ends though another vCPU goes on adding commands */
static void stop_during_commands(QVirtioGPU *gpu)
{
    int fd = process_fds_open(qtest_pid(gpu->qts), "memory-backend-memfd");
    size_t size = 256 * MiB;
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                           0);
    Feeder f = { };
    GThread *thread;

    g_assert_true(memory != MAP_FAILED);
    thread = feeder_start(&f, gpu, memory);
    while (qatomic_read(&f.used[1]) < 10) {
        gpu->vdev->bus->virtqueue_kick(gpu->vdev, gpu->ctrlq);
    }
    alarm(120);
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'stop' }");
    alarm(0);
    qatomic_set(&f.quit, true);
    g_thread_join(thread);
    munmap(memory, size);
    close(fd);
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'cont' }");
    qvirtio_gpu_start(gpu, 0);
    assert_display_info(gpu);
}

static void gl_flush_two_scanouts(QVirtioGPU *gpu)
{
    struct virtio_gpu_set_scanout hide = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SET_SCANOUT),
        .resource_id = cpu_to_le32(1),
    };
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .width = WIDTH, .height = HEIGHT,
    };
    int i;

    qvirtio_gpu_create_3d(&res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
    for (i = 0; i < 2; i++) {
        hide.scanout_id = cpu_to_le32(i);
        qvirtio_gpu_command({ .gpu = gpu, .req = &hide, .len = sizeof(hide) });
    }
    do_qvirtio_gpu_flush(res);
    for (i = 0; i < 2; i++) {
        res.scanout = i;
        do_qvirtio_gpu_set_scanout(res);
    }
    do_qvirtio_gpu_flush(res);
    assert_display_info(gpu);
    do_qvirtio_gpu_unref(res);
}

static void gl_existing_id(QVirtioGPU *gpu)
{
    QVirtioGPUResourceOpt res = { .gpu = gpu, .id = 1 };

    qvirtio_gpu_create_3d(&res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
    g_assert_cmphex(try_create(gpu, res), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    do_qvirtio_gpu_unref(res);
    g_assert_cmphex(try_create(gpu, res), ==, VIRTIO_GPU_RESP_OK_NODATA);
    do_qvirtio_gpu_unref(res);
    res.id = 0;
    g_assert_cmphex(try_create(gpu, res), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
}

/* No process keeps the images of cursors that have a wrong size */
static void gl_large_cursors(QVirtioGPU *gpu)
{
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1,
        .width = 2 * QVIRTIO_GPU_CURSOR_WIDTH,
        .height = 2 * QVIRTIO_GPU_CURSOR_HEIGHT,
    };
    size_t image = res.width * res.height * QVIRTIO_GPU_BYTES_PER_PIXEL;
    uint64_t before = 0;
    int i;

    qvirtio_gpu_create_3d(&res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
    for (i = 0; i < 1100; i++) {
        qvirtio_gpu_update_cursor(gpu, 1);
        if (i == 100) {
            before = process_anon_bytes(vhost_user_gpu_pid());
        }
    }
    if (PROCESS_ANON_SHRINKS) {
        g_assert_cmpuint(process_anon_bytes(vhost_user_gpu_pid()), <,
                         before + 500 * image);
    }
    do_qvirtio_gpu_unref(res);
}

static void run_test(void *obj, void *data, QGuestAllocator *alloc)
{
    void (*func)(QVirtioGPU *gpu) = data;

    if (!vhost_user_gpu_missing()) {
        func(vhost_user_gpu_start(obj, alloc));
    }
}

static void add_test(const char *name, void (*func)(QVirtioGPU *gpu))
{
    QOSGraphTestOptions opts = {
        .before = vhost_user_gpu_before,
        .arg = func,
    };
    g_autofree char *path = g_strconcat("vhost-user-gpu/", name, NULL);

    qos_add_test(path, "virtio-gpu-pci", run_test, &opts);
}

static void add_gl_test(const char *name, void (*func)(QVirtioGPU *gpu))
{
    QOSGraphTestOptions opts = {
        .before = vhost_user_gpu_virgl_before,
        .arg = func,
    };
    g_autofree char *path = g_strconcat("vhost-user-gpu-gl/", name, NULL);

    qos_add_test(path, "virtio-gpu-pci", run_test, &opts);
}

static void register_vhost_user_gpu_test(void)
{
    if (g_test_slow()) {
        add_test("reset", reset);
        add_test("reset-while-busy", reset_while_busy);
        add_test("stop-and-cont", stop_and_cont);
        add_test("stop-while-busy", stop_while_busy);
        add_test("size-overflows", size_overflows);
        add_test("reserves-descriptors", reserves_descriptors);
        add_test("leaves-no-descriptor", leaves_no_descriptor);
        add_test("edid-of-unknown-scanout", edid_of_unknown_scanout);
        if (g_str_equal(qtest_get_arch(), "x86_64")) {
            /* the test has to know where guest memory begins */
            add_test("stop-during-commands", stop_during_commands);
        }
    }
    if (getenv("QTEST_GL_DMABUF")) {
        add_gl_test("flush-two-scanouts", gl_flush_two_scanouts);
        add_gl_test("existing-id", gl_existing_id);
        add_gl_test("large-cursors", gl_large_cursors);
    }
}

libqos_init(register_vhost_user_gpu_test);
