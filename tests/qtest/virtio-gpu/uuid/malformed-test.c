/*
 * QTest testcases for unusual and malformed requests for a resource's UUID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/uuid.h"

#define REQ_LEN     sizeof(struct virtio_gpu_resource_assign_uuid)
#define RESP_LEN    sizeof(struct virtio_gpu_resp_resource_uuid)
#define HDR_LEN     sizeof(struct virtio_gpu_ctrl_hdr)
#define EXTRA       64
#define RES         5

/* Zero-terminated, as in struct QVirtioGPURequest */
static const uint32_t by_byte[] = { 1, 0 };
static const uint32_t by_two[] = { 2, 0 };
static const uint32_t by_odd[] = { 7, 3, 11, 0 };
static const uint32_t before_end[] = { 23, 8, 1, 0 };

/*
 * The request is rejected, the response is cut to the size that fits, and no
 * resource gets a UUID.
 */
static void assert_rejected(QVirtioGPU *gpu, size_t req_len, size_t resp_len)
{
    struct virtio_gpu_ctrl_hdr expected =
        qvirtio_gpu_hdr(VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(RES);
    uint8_t resp[RESP_LEN];
    QVirtioGPURequest r = {
        .req = &req,
        .req_len = req_len,
        .resp = resp,
        .resp_len = resp_len,
    };
    size_t len = MIN(resp_len, sizeof(expected));

    qvirtio_gpu_submit(gpu, &r, 1);
    g_assert_cmpuint(r.used_len, ==, len);
    g_assert_cmpmem(resp, len, &expected, len);
    g_assert_false(has_uuids(gpu->qts));
}

/* The response has the same UUID as that to a plain request */
static void assert_answered(QVirtioGPU *gpu, QVirtioGPURequest r)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(RES);
    struct virtio_gpu_resp_resource_uuid resp;
    uuid_t uuid;

    r.req = r.req ?: &req;
    r.req_len = r.req_len ?: sizeof(req);
    r.resp = r.resp ?: &resp;
    r.resp_len = r.resp_len ?: sizeof(resp);

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = RES });
    qvirtio_gpu_submit(gpu, &r, 1);
    assert_uuid_response(&r, r.resp);
    assign_uuid({ .gpu = gpu, .id = RES, .uuid = uuid });
    g_assert_cmpmem(((struct virtio_gpu_resp_resource_uuid *)r.resp)->uuid,
                    sizeof(uuid), uuid, sizeof(uuid));
}

static void short_request(void *obj, void *data, QGuestAllocator *alloc)
{
    size_t len;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = RES });
    for (len = 0; len < REQ_LEN; len++) {
        assert_rejected(obj, len, RESP_LEN);
    }
    assign_uuid({ .gpu = obj, .id = RES });
}

static void short_response(void *obj, void *data, QGuestAllocator *alloc)
{
    size_t len;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = RES });
    for (len = 1; len < RESP_LEN; len++) {
        assert_rejected(obj, REQ_LEN, len);
    }
    assign_uuid({ .gpu = obj, .id = RES });
}

static void no_response(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = RES });
    assert_rejected(obj, REQ_LEN, 0);
    assign_uuid({ .gpu = obj, .id = RES });
}

/* The length is checked before the resource is looked up */
static void short_and_unknown_id(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_rejected(obj, REQ_LEN - 1, RESP_LEN);
    assert_rejected(obj, REQ_LEN, RESP_LEN - 1);
    assert_rejected(obj, HDR_LEN, HDR_LEN);
}

/* A rejected request does not change the resource's UUID */
static void rejected_keeps_uuid(void *obj, void *data, QGuestAllocator *alloc)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(RES);
    struct virtio_gpu_ctrl_hdr resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);
    uuid_t before, after;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = RES });
    assign_uuid({ .gpu = obj, .id = RES, .uuid = before });
    qvirtio_gpu_submit(obj, &r, 1);
    qvirtio_gpu_assert_hdr(&resp, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assign_uuid({ .gpu = obj, .id = RES, .uuid = after });
    g_assert_cmpmem(after, sizeof(after), before, sizeof(before));
}

/* A request may be split into descriptors at any place */
static void split_request(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_answered(obj, (QVirtioGPURequest) { .req_split = by_byte });
}

static void split_response(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_answered(obj, (QVirtioGPURequest) { .resp_split = by_byte });
}

/* 32 and 20 descriptors: the control queue holds 64 */
static void split_both(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_answered(obj, (QVirtioGPURequest) { .req_split = by_byte,
                                               .resp_split = by_two });
}

static void split_both_indirect(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_answered(obj, (QVirtioGPURequest) { .req_split = by_two,
                                               .resp_split = by_byte,
                                               .indirect = true });
}

static void split_odd(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_answered(obj, (QVirtioGPURequest) { .req_split = by_odd,
                                               .resp_split = by_odd });
}

/* Each descriptor ends inside a field */
static void split_inside_fields(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_answered(obj, (QVirtioGPURequest) { .req_split = before_end,
                                               .resp_split = before_end });
}

static void padding_ignored(void *obj, void *data, QGuestAllocator *alloc)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(RES);

    req.padding = cpu_to_le32(0xdeadbeef);
    assert_answered(obj, (QVirtioGPURequest) { .req = &req });
}

static void long_request(void *obj, void *data, QGuestAllocator *alloc)
{
    struct {
        struct virtio_gpu_resource_assign_uuid cmd;
        uint8_t extra[EXTRA];
    } req = { .cmd = assign_uuid_req(RES) };

    memset(req.extra, 0xff, sizeof(req.extra));
    assert_answered(obj, (QVirtioGPURequest) { .req = &req,
                                               .req_len = sizeof(req) });
}

/* The device writes 40 bytes and does not touch the rest */
static void long_response(void *obj, void *data, QGuestAllocator *alloc)
{
    struct {
        struct virtio_gpu_resp_resource_uuid resp;
        uint8_t extra[EXTRA];
    } resp;

    assert_answered(obj, (QVirtioGPURequest) { .resp = &resp,
                                               .resp_len = sizeof(resp) });
}

static void register_malformed_test(void)
{
    static const UUIDTest tests[] = {
        { "malformed/short-request", short_request },
        { "malformed/short-response", short_response },
        { "malformed/no-response", no_response },
        { "malformed/short-and-unknown-id", short_and_unknown_id },
        { "malformed/rejected-keeps-uuid", rejected_keeps_uuid },
        { "layout/request-by-byte", split_request },
        { "layout/response-by-byte", split_response },
        { "layout/both-split", split_both },
        { "layout/both-split-indirect", split_both_indirect },
        { "layout/odd-sizes", split_odd },
        { "layout/inside-fields", split_inside_fields },
        { "layout/padding-ignored", padding_ignored },
        { "layout/long-request", long_request },
        { "layout/long-response", long_response },
        { }
    };

    add_uuid_tests(tests, NULL);
    add_uuid_gl_tests(tests);
}

libqos_init(register_malformed_test);
