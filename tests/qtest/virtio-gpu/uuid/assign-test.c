/*
 * QTest testcases for VIRTIO_GPU_F_RESOURCE_UUID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/uuid.h"

/* The response is the same as to any unknown command */
static void assert_unknown_command(QVirtioGPU *gpu)
{
    struct virtio_gpu_resource_assign_uuid reqs[2] = {
        assign_uuid_req(1), assign_uuid_req(1),
    };
    struct virtio_gpu_resp_resource_uuid resps[2];
    QVirtioGPURequest rs[2] = {
        QVIRTIO_GPU_REQUEST(reqs[0], resps[0]),
        QVIRTIO_GPU_REQUEST(reqs[1], resps[1]),
    };

    reqs[1].hdr.type = cpu_to_le32(QVIRTIO_GPU_UNKNOWN_COMMAND);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    qvirtio_gpu_submit(gpu, rs, 2);
    qvirtio_gpu_assert_hdr(&resps[0].hdr, VIRTIO_GPU_RESP_ERR_UNSPEC);
    g_assert_cmpuint(rs[0].used_len, ==, rs[1].used_len);
    g_assert_cmpmem(&resps[0], sizeof(resps[0]), &resps[1], sizeof(resps[1]));
    g_assert_false(has_uuids(gpu->qts));
}

static void off_not_offered(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    g_assert_false(qvirtio_get_features(gpu->vdev) & RESOURCE_UUID_FEATURE);
}

static void off_unknown_command(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_unknown_command(obj);
}

static void offered(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    g_assert_true(qvirtio_get_features(gpu->vdev) & RESOURCE_UUID_FEATURE);
}

static void not_acknowledged(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_start(obj, RESOURCE_UUID_FEATURE);
    assert_unknown_command(obj);
}

/* Version 4 is what the specification recommends for exported objects */
static void assign_version_4(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    g_assert_false(has_uuids(gpu->qts));
    assign_uuid({ .gpu = gpu, .id = 1 });
    g_assert_true(has_uuids(gpu->qts));
}

static void assign_largest_id(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = UINT32_MAX });
    assign_uuid({ .gpu = obj, .id = UINT32_MAX });
}

static void assert_fence_echo(QVirtioGPU *gpu, uint32_t type, uint32_t len)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(1);
    struct virtio_gpu_resp_resource_uuid resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    qvirtio_gpu_set_fence(&req.hdr);
    qvirtio_gpu_submit(gpu, &r, 1);
    g_assert_cmpuint(r.used_len, ==, len);
    qvirtio_gpu_assert_fenced_hdr(&resp.hdr, type);
}

static void assign_fence_echo(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    assert_fence_echo(obj, VIRTIO_GPU_RESP_OK_RESOURCE_UUID,
                      sizeof(struct virtio_gpu_resp_resource_uuid));
}

static void rejected_fence_echo(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_fence_echo(obj, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                      sizeof(struct virtio_gpu_ctrl_hdr));
}

static void assign_again_same(void *obj, void *data, QGuestAllocator *alloc)
{
    uuid_t first, again;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    assign_uuid({ .gpu = obj, .id = 1, .uuid = first });
    assign_uuid({ .gpu = obj, .id = 1, .uuid = again });
    g_assert_cmpmem(first, sizeof(first), again, sizeof(again));
}

static void assign_two_differ(void *obj, void *data, QGuestAllocator *alloc)
{
    uuid_t one, two;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 2 });
    assign_uuid({ .gpu = obj, .id = 1, .uuid = one });
    assign_uuid({ .gpu = obj, .id = 2, .uuid = two });
    g_assert_cmpint(uuid_compare(one, two), !=, 0);
}

static void assign_recreated_differs(void *obj, void *data,
                                     QGuestAllocator *alloc)
{
    uuid_t before, after;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    assign_uuid({ .gpu = obj, .id = 1, .uuid = before });
    qvirtio_gpu_unref({ .gpu = obj, .id = 1 });
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    assign_uuid({ .gpu = obj, .id = 1, .uuid = after });
    g_assert_cmpint(uuid_compare(before, after), !=, 0);
}

static void assign_any_backing(void *obj, void *data, QGuestAllocator *alloc)
{
    uint64_t mem = guest_alloc(alloc, 4);
    QVirtioGPUResourceOpt res = { .gpu = obj, .id = 1, .backing = mem,
                                  .backing_len = 4 };
    uuid_t without, with, detached;

    do_qvirtio_gpu_create_2d(res);
    assign_uuid({ .gpu = obj, .id = 1, .uuid = without });
    do_qvirtio_gpu_attach_backing(res);
    assign_uuid({ .gpu = obj, .id = 1, .uuid = with });
    do_qvirtio_gpu_detach_backing(res);
    assign_uuid({ .gpu = obj, .id = 1, .uuid = detached });
    g_assert_cmpint(uuid_compare(without, with), ==, 0);
    g_assert_cmpint(uuid_compare(without, detached), ==, 0);
    guest_free(alloc, mem);
}

static void assert_invalid_id(QVirtioGPU *gpu, uint32_t id)
{
    assign_uuid({ .gpu = gpu, .id = id,
                  .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
    g_assert_false(has_uuids(gpu->qts));
}

static void rejected_id_zero(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_invalid_id(obj, 0);
}

static void rejected_unknown_id(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    assert_invalid_id(obj, 2);
}

static void rejected_destroyed_id(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    assign_uuid({ .gpu = obj, .id = 1 });
    qvirtio_gpu_unref({ .gpu = obj, .id = 1 });
    assert_invalid_id(obj, 1);
}

/* @n requests in one kick, two for each resource, are handled in order */
static void fill_queue(QVirtioGPU *gpu, size_t n, bool indirect)
{
    g_autofree struct virtio_gpu_resource_assign_uuid *reqs = NULL;
    g_autofree struct virtio_gpu_resp_resource_uuid *resps = NULL;
    g_autofree QVirtioGPURequest *rs = g_new0(QVirtioGPURequest, n);
    size_t i;

    reqs = g_new0(struct virtio_gpu_resource_assign_uuid, n);
    resps = g_new0(struct virtio_gpu_resp_resource_uuid, n);
    for (i = 0; i < n; i++) {
        if (i % 2 == 0) {
            qvirtio_gpu_create_2d({ .gpu = gpu, .id = i / 2 + 1 });
        }
        reqs[i] = assign_uuid_req(i / 2 + 1);
        rs[i] = (QVirtioGPURequest) QVIRTIO_GPU_REQUEST(reqs[i], resps[i]);
        rs[i].indirect = indirect;
    }

    qvirtio_gpu_submit(gpu, rs, n);
    for (i = 0; i < n; i++) {
        g_assert_cmpuint(rs[i].used_pos, ==, i);
        assert_uuid_response(&rs[i], &resps[i]);
        if (i > 0) {
            g_assert_cmpint(!uuid_compare(resps[i].uuid, resps[i - 1].uuid),
                            ==, i % 2);
        }
    }
}

static void queue_full(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    fill_queue(gpu, gpu->ctrlq->size / 2, false);
}

static void queue_full_indirect(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    fill_queue(gpu, gpu->ctrlq->size, true);
}

static void register_resource_uuid_test(void)
{
    static const UUIDTest tests[] = {
        { "offered", offered },
        { "not-acknowledged", not_acknowledged },
        { "assign/version-4", assign_version_4 },
        { "assign/largest-id", assign_largest_id },
        { "assign/fence-echo", assign_fence_echo },
        { "assign/again-same", assign_again_same },
        { "assign/two-differ", assign_two_differ },
        { "assign/recreated-differs", assign_recreated_differs },
        { "assign/any-backing", assign_any_backing },
        { "rejected/id-zero", rejected_id_zero },
        { "rejected/unknown-id", rejected_unknown_id },
        { "rejected/destroyed-id", rejected_destroyed_id },
        { "rejected/fence-echo", rejected_fence_echo },
        { "queue/full", queue_full },
        { "queue/full-indirect", queue_full_indirect },
        { }
    };

    add_uuid_tests(tests, NULL);
    add_uuid_gl_tests(tests);
    qos_add_test("resource-uuid/off/not-offered", "virtio-gpu",
                 off_not_offered, NULL);
    qos_add_test("resource-uuid/off/unknown-command", "virtio-gpu",
                 off_unknown_command, NULL);
}

libqos_init(register_resource_uuid_test);
