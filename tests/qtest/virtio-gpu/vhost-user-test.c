/*
 * QTest testcases for vhost-user-gpu and QEMU's own back-end for it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-client.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/vhost-user.h"

#define WIDTH   32
#define HEIGHT  16
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
        /* its descriptors are not used twice */
        qvirtio_gpu_start(gpu, 0);
        assert_display_info(gpu);
        g_assert_cmpint(kill(vhost_user_gpu_pid(), SIGSTOP), ==, 0);
        kick_and(gpu, stop_and_await);
    }
}

/* width * height * 4 is 166832 in 64 bits for the first of these */
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
static void descriptors_are_left(QVirtioGPU *gpu)
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

static void register_vhost_user_gpu_test(void)
{
    if (g_test_slow()) {
        add_test("reset", reset);
        add_test("reset-while-busy", reset_while_busy);
        add_test("stop-and-cont", stop_and_cont);
        add_test("stop-while-busy", stop_while_busy);
        add_test("size-overflows", size_overflows);
        add_test("descriptors-are-left", descriptors_are_left);
        add_test("leaves-no-descriptor", leaves_no_descriptor);
    }
}

libqos_init(register_vhost_user_gpu_test);
