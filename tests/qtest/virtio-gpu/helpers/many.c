/*
 * Send the same command for very many resources of a virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/resource.h>
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/many.h"

typedef union AnyRequest {
    struct virtio_gpu_resource_create_2d create;
    struct virtio_gpu_resource_unref unref;
    struct virtio_gpu_resource_assign_uuid assign;
} AnyRequest;

static guint uuid_hash(gconstpointer key)
{
    guint hash;

    memcpy(&hash, key, sizeof(hash));
    return hash;
}

static gboolean uuid_equal(gconstpointer a, gconstpointer b)
{
    return !memcmp(a, b, sizeof(uuid_t));
}

ManyUUIDs *many_uuids_new(uint32_t end)
{
    ManyUUIDs *set = g_new(ManyUUIDs, 1);

    set->by_id = g_new0(uuid_t, end);
    set->all = g_hash_table_new_full(uuid_hash, uuid_equal, g_free, NULL);
    return set;
}

void many_uuids_free(ManyUUIDs *set)
{
    g_hash_table_unref(set->all);
    g_free(set->by_id);
    g_free(set);
}

size_t many_fill_create(void *req, uint32_t id)
{
    struct virtio_gpu_resource_create_2d *create = req;

    *create = qvirtio_gpu_create_2d_req((QVirtioGPUResourceOpt) { .id = id });
    return sizeof(*create);
}

size_t many_fill_unref(void *req, uint32_t id)
{
    struct virtio_gpu_resource_unref *unref = req;

    *unref = qvirtio_gpu_unref_req(id);
    return sizeof(*unref);
}

size_t many_fill_assign(void *req, uint32_t id)
{
    struct virtio_gpu_resource_assign_uuid *assign = req;

    *assign = assign_uuid_req(id);
    return sizeof(*assign);
}

void many_check_nodata(const QVirtioGPURequest *r, uint32_t id, void *opaque)
{
    g_assert_cmpuint(r->used_len, ==, sizeof(struct virtio_gpu_ctrl_hdr));
    qvirtio_gpu_assert_hdr(r->resp, VIRTIO_GPU_RESP_OK_NODATA);
}

void many_check_new_uuid(const QVirtioGPURequest *r, uint32_t id, void *opaque)
{
    const struct virtio_gpu_resp_resource_uuid *resp = r->resp;
    ManyUUIDs *set = opaque;

    assert_uuid_response(r, resp);
    g_assert_true(g_hash_table_add(set->all,
                                   g_memdup2(resp->uuid, sizeof(uuid_t))));
    memcpy(set->by_id[id], resp->uuid, sizeof(uuid_t));
}

void many_check_same_uuid(const QVirtioGPURequest *r, uint32_t id, void *opaque)
{
    const struct virtio_gpu_resp_resource_uuid *resp = r->resp;
    ManyUUIDs *set = opaque;

    assert_uuid_response(r, resp);
    g_assert_cmpmem(resp->uuid, sizeof(uuid_t), set->by_id[id],
                    sizeof(uuid_t));
}

void many_send(QVirtioGPU *gpu, uint32_t first, uint32_t end, uint32_t step,
               ManyFillFunc *fill, ManyCheckFunc *check, void *opaque)
{
    size_t max = gpu->ctrlq->size / 2;
    g_autofree AnyRequest *reqs = g_new0(AnyRequest, max);
    g_autofree struct virtio_gpu_resp_resource_uuid *resps = NULL;
    g_autofree QVirtioGPURequest *rs = g_new0(QVirtioGPURequest, max);
    uint32_t id = first;
    size_t n, i;

    resps = g_new0(struct virtio_gpu_resp_resource_uuid, max);
    while (id < end) {
        for (n = 0; n < max && id + n * step < end; n++) {
            rs[n] = (QVirtioGPURequest) {
                .req = &reqs[n],
                .req_len = fill(&reqs[n], id + n * step),
                .resp = &resps[n],
                .resp_len = sizeof(resps[n]),
            };
        }
        qvirtio_gpu_submit(gpu, rs, n);
        for (i = 0; i < n; i++) {
            check(&rs[i], id + i * step, opaque);
        }
        id += n * step;
    }
}

void many_raise_limit(uint32_t resources)
{
    struct rlimit lim;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &lim), ==, 0);
    if (lim.rlim_cur < resources + MANY_OTHER_FDS) {
        lim.rlim_cur = MIN(resources + MANY_OTHER_FDS, lim.rlim_max);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &lim), ==, 0);
    }
    qos_invalidate_command_line();
}

bool many_missing(uint32_t resources)
{
    struct rlimit lim;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &lim), ==, 0);
    if (lim.rlim_cur >= resources + MANY_OTHER_FDS) {
        return false;
    }
    g_test_skip("RLIMIT_NOFILE allows fewer resources");
    return true;
}
