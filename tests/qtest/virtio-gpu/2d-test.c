/*
 * QTest testcases for the 2D commands of virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-client.h"
#include "libqos/virtio-gpu-screen.h"
#include "virtio-gpu/helpers/messages.h"

/* Larger than the device's minimum for a scanout, and not square */
#define WIDTH   48
#define HEIGHT  20
#define BPP     QVIRTIO_GPU_BYTES_PER_PIXEL

static void display_info(void *obj, void *data, QGuestAllocator *alloc)
{
    struct virtio_gpu_ctrl_hdr req =
        qvirtio_gpu_hdr(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    struct virtio_gpu_resp_display_info info;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, info);
    int i;

    qvirtio_gpu_submit(obj, &r, 1);
    g_assert_cmpuint(r.used_len, ==, sizeof(info));
    qvirtio_gpu_assert_hdr(&info.hdr, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);

    /* max_outputs is 1 by default */
    g_assert_cmpuint(le32_to_cpu(info.pmodes[0].enabled), ==, 1);
    g_assert_cmpuint(le32_to_cpu(info.pmodes[0].r.width), >, 0);
    g_assert_cmpuint(le32_to_cpu(info.pmodes[0].r.height), >, 0);
    for (i = 1; i < VIRTIO_GPU_MAX_SCANOUTS; i++) {
        g_assert_cmpuint(info.pmodes[i].enabled, ==, 0);
    }
}

static void edid_valid(void *obj, void *data, QGuestAllocator *alloc)
{
    static const uint8_t magic[] = { 0, 255, 255, 255, 255, 255, 255, 0 };
    struct virtio_gpu_cmd_get_edid req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_GET_EDID),
    };
    struct virtio_gpu_resp_edid resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);
    uint8_t sum = 0;
    int i;

    qvirtio_gpu_submit(obj, &r, 1);
    g_assert_cmpuint(r.used_len, ==, sizeof(resp));
    qvirtio_gpu_assert_hdr(&resp.hdr, VIRTIO_GPU_RESP_OK_EDID);

    g_assert_cmpuint(le32_to_cpu(resp.size), >=, 128);
    g_assert_cmpuint(le32_to_cpu(resp.size), <=, sizeof(resp.edid));
    g_assert_cmpmem(resp.edid, sizeof(magic), magic, sizeof(magic));
    for (i = 0; i < 128; i++) {
        sum += resp.edid[i];
    }
    g_assert_cmpuint(sum, ==, 0);
}

static void edid_bad_scanout(void *obj, void *data, QGuestAllocator *alloc)
{
    struct virtio_gpu_cmd_get_edid req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_GET_EDID),
        .scanout = cpu_to_le32(VIRTIO_GPU_MAX_SCANOUTS),
    };

    qvirtio_gpu_command({ .gpu = obj, .req = &req, .len = sizeof(req),
                          .expect = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER });
}

static void create_formats(void *obj, void *data, QGuestAllocator *alloc)
{
    static const uint32_t formats[] = {
        VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,
        VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM,
        VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM,
        VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM,
        VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM,
        VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM,
        VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM,
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(formats); i++) {
        qvirtio_gpu_create_2d({ .gpu = obj, .id = i + 1,
                                .format = formats[i] });
    }
    for (i = 0; i < ARRAY_SIZE(formats); i++) {
        qvirtio_gpu_unref({ .gpu = obj, .id = i + 1 });
    }
}

static void create_bad_format(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1, .format = 5,
                            .expect = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER });
}

static void create_id_zero(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 0,
                            .expect =
                                VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
}

static void create_id_in_use(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1,
                            .expect =
                                VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
    qvirtio_gpu_unref({ .gpu = obj, .id = 1 });
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
}

static void unref_unknown_id(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_unref({ .gpu = obj, .id = 1,
                        .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
}

static void unref_twice(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    qvirtio_gpu_unref({ .gpu = obj, .id = 1 });
    qvirtio_gpu_unref({ .gpu = obj, .id = 1,
                        .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
}

static void backing_attach_detach(void *obj, void *data,
                                  QGuestAllocator *alloc)
{
    uint64_t mem = guest_alloc(alloc, BPP);
    int i;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    for (i = 0; i < 2; i++) {
        qvirtio_gpu_attach_backing({ .gpu = obj, .id = 1, .backing = mem,
                                     .backing_len = BPP });
        qvirtio_gpu_detach_backing({ .gpu = obj, .id = 1 });
    }
    guest_free(alloc, mem);
}

static void backing_attach_twice(void *obj, void *data, QGuestAllocator *alloc)
{
    uint64_t mem = guest_alloc(alloc, BPP);

    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    qvirtio_gpu_attach_backing({ .gpu = obj, .id = 1, .backing = mem,
                                 .backing_len = BPP });
    qvirtio_gpu_attach_backing({ .gpu = obj, .id = 1, .backing = mem,
                                 .backing_len = BPP,
                                 .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
    guest_free(alloc, mem);
}

static void backing_attach_unknown_id(void *obj, void *data,
                                      QGuestAllocator *alloc)
{
    uint64_t mem = guest_alloc(alloc, BPP);

    qvirtio_gpu_attach_backing({ .gpu = obj, .id = 1, .backing = mem,
                                 .backing_len = BPP,
                                 .expect =
                                     VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
    guest_free(alloc, mem);
}

static void backing_detach_none(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    qvirtio_gpu_detach_backing({ .gpu = obj, .id = 1,
                                 .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
}

/* Attach backing, transfer and show: the console has the guest's pixels */
static void show_pixels(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QVirtioGPUResourceOpt res = { .gpu = gpu, .id = 7, .width = WIDTH,
                                  .height = HEIGHT };
    uint8_t pixels[WIDTH * HEIGHT * BPP];
    int i;

    for (i = 0; i < sizeof(pixels); i++) {
        pixels[i] = g_test_rand_int_range(0, 256);
    }
    res.backing = guest_alloc(alloc, sizeof(pixels));
    res.backing_len = sizeof(pixels);
    qtest_memwrite(gpu->qts, res.backing, pixels, sizeof(pixels));

    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    do_qvirtio_gpu_transfer(res);
    do_qvirtio_gpu_set_scanout(res);
    do_qvirtio_gpu_flush(res);

    qvirtio_gpu_assert_screen(gpu, pixels, WIDTH, HEIGHT);
    guest_free(alloc, res.backing);
}

static void unknown_command(void *obj, void *data, QGuestAllocator *alloc)
{
    struct virtio_gpu_ctrl_hdr req =
        qvirtio_gpu_hdr(QVIRTIO_GPU_UNKNOWN_COMMAND);

    qvirtio_gpu_command({ .gpu = obj, .req = &req, .len = sizeof(req),
                          .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
}

/* The request is rejected, and the device handles the next one */
static void assert_too_short(QVirtioGPU *gpu, size_t len)
{
    struct virtio_gpu_resource_create_2d req =
        qvirtio_gpu_create_2d_req((QVirtioGPUResourceOpt) { .id = 1 });

    qvirtio_gpu_command({ .gpu = gpu, .req = &req, .len = len,
                          .expect = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER });
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1,
                        .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
}

static void short_header(void *obj, void *data, QGuestAllocator *alloc)
{
    size_t len;

    for (len = 1; len < sizeof(struct virtio_gpu_ctrl_hdr); len++) {
        assert_too_short(obj, len);
    }
}

static void short_request(void *obj, void *data, QGuestAllocator *alloc)
{
    size_t len;

    for (len = sizeof(struct virtio_gpu_ctrl_hdr);
         len < sizeof(struct virtio_gpu_resource_create_2d); len++) {
        assert_too_short(obj, len);
    }
}

/* The size of a row, or of all rows, does not fit in 32 bits */
static void size_overflow(void *obj, void *data, QGuestAllocator *alloc)
{
    static const struct {
        uint32_t width, height;
    } sizes[] = {
        { (1U << 30) + 1, 1 },
        { 1U << 15, (1U << 15) + 1 },
        { 1, (1U << 30) + 1 },
        { UINT32_MAX, UINT32_MAX },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(sizes); i++) {
        qvirtio_gpu_create_2d({ .gpu = obj, .id = 1, .width = sizes[i].width,
                                .height = sizes[i].height,
                                .expect = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY });
    }
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
}

/* An image of size 0 fails; QEMU warns only once, to bound the log */
static void warned_once(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    struct virtio_gpu_resource_create_2d req =
        qvirtio_gpu_create_2d_req((QVirtioGPUResourceOpt) { .id = 1 });
    size_t before = 0;
    int i;

    req.width = 0;
    for (i = 0; i < 100; i++) {
        qvirtio_gpu_command({ .gpu = gpu, .req = &req, .len = sizeof(req),
                              .expect = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY });
        before = before ?: messages_size();
    }
    g_assert_cmpuint(messages_size(), ==, before);
}

/* The response to a fenced request has the request's flag and fence_id */
static void fence_echo(void *obj, void *data, QGuestAllocator *alloc)
{
    struct virtio_gpu_resource_create_2d req =
        qvirtio_gpu_create_2d_req((QVirtioGPUResourceOpt) { .id = 1 });
    struct virtio_gpu_ctrl_hdr resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    qvirtio_gpu_set_fence(&req.hdr);
    qvirtio_gpu_submit(obj, &r, 1);
    g_assert_cmpuint(r.used_len, ==, sizeof(resp));
    qvirtio_gpu_assert_fenced_hdr(&resp, VIRTIO_GPU_RESP_OK_NODATA);
}

/* A reset destroys the resources: their ids can be used again */
static void reset_destroys(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    qvirtio_gpu_start(obj, 0);
    qvirtio_gpu_unref({ .gpu = obj, .id = 1,
                        .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
}

static void machine_reset_destroys(void *obj, void *data,
                                   QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    qtest_system_reset(gpu->qts);
    qvirtio_gpu_power_on(gpu);
    qvirtio_gpu_start(gpu, 0);
    qvirtio_gpu_unref({ .gpu = obj, .id = 1,
                        .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
}

static void register_virtio_gpu_test(void)
{
    static const struct {
        const char *name;
        QOSTestFunc func;
    } tests[] = {
        { "display-info", display_info },
        { "edid/valid", edid_valid },
        { "edid/bad-scanout", edid_bad_scanout },
        { "create-2d/every-format", create_formats },
        { "create-2d/bad-format", create_bad_format },
        { "create-2d/id-zero", create_id_zero },
        { "create-2d/id-in-use", create_id_in_use },
        { "unref/unknown-id", unref_unknown_id },
        { "unref/twice", unref_twice },
        { "backing/attach-detach", backing_attach_detach },
        { "backing/attach-twice", backing_attach_twice },
        { "backing/attach-unknown-id", backing_attach_unknown_id },
        { "backing/detach-none", backing_detach_none },
        { "scanout/pixels", show_pixels },
        { "unknown-command", unknown_command },
        { "fence-echo", fence_echo },
        { "reset/device", reset_destroys },
        { "reset/machine", machine_reset_destroys },
        { QVIRTIO_GPU_DEFECT_FIXED "short-header", short_header },
        { QVIRTIO_GPU_DEFECT_FIXED "short-request", short_request },
        { QVIRTIO_GPU_DEFECT_FIXED "size-overflow", size_overflow },
    };
    QOSGraphTestOptions opts = { .before = messages_before };
    int i;

    for (i = 0; i < ARRAY_SIZE(tests); i++) {
        qos_add_test(tests[i].name, "virtio-gpu", tests[i].func, NULL);
    }
    qos_add_test("defect/create-2d/warned-once", "virtio-gpu-pci", warned_once,
                 &opts);
}

libqos_init(register_virtio_gpu_test);
