/*
 * QTest testcase for UUIDs of very many virtio-gpu resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/resource.h>
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu-importer.h"
#include "virtio-gpu-migration.h"
#include "virtio-gpu-resource-uuid.h"

#define RESOURCES       15000
#define EXPORTED        10000
/* Descriptors that QEMU has open besides one memfd a resource */
#define OTHER_FDS       200
/* What the migration stream grows by, for each UUID and for all of them */
#define BYTES_PER_UUID  20
#define BYTES_FOR_ALL   34

/* Fills one request of a batch; returns the length of the request */
typedef size_t (*FillFunc)(void *req, uint32_t id);
/* Looks at one response of a batch */
typedef void (*CheckFunc)(const QVirtioGPURequest *r, uint32_t id,
                          void *opaque);

typedef union AnyRequest {
    struct virtio_gpu_resource_create_2d create;
    struct virtio_gpu_resource_unref unref;
    struct virtio_gpu_resource_assign_uuid assign;
} AnyRequest;

typedef struct UUIDSet {
    uuid_t *by_id;
    GHashTable *all;
} UUIDSet;

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

static size_t fill_create(void *req, uint32_t id)
{
    struct virtio_gpu_resource_create_2d *create = req;

    *create = qvirtio_gpu_create_2d_req((QVirtioGPUResourceOpt) { .id = id });
    return sizeof(*create);
}

static size_t fill_unref(void *req, uint32_t id)
{
    struct virtio_gpu_resource_unref *unref = req;

    *unref = qvirtio_gpu_unref_req(id);
    return sizeof(*unref);
}

static size_t fill_assign(void *req, uint32_t id)
{
    struct virtio_gpu_resource_assign_uuid *assign = req;

    *assign = assign_uuid_req(id);
    return sizeof(*assign);
}

static void check_nodata(const QVirtioGPURequest *r, uint32_t id, void *opaque)
{
    g_assert_cmpuint(r->used_len, ==, sizeof(struct virtio_gpu_ctrl_hdr));
    qvirtio_gpu_assert_hdr(r->resp, VIRTIO_GPU_RESP_OK_NODATA);
}

static void check_new_uuid(const QVirtioGPURequest *r, uint32_t id,
                           void *opaque)
{
    const struct virtio_gpu_resp_resource_uuid *resp = r->resp;
    UUIDSet *set = opaque;

    assert_uuid_response(r, resp);
    g_assert_true(g_hash_table_add(set->all,
                                   g_memdup2(resp->uuid, sizeof(uuid_t))));
    memcpy(set->by_id[id], resp->uuid, sizeof(uuid_t));
}

static void check_same_uuid(const QVirtioGPURequest *r, uint32_t id,
                            void *opaque)
{
    const struct virtio_gpu_resp_resource_uuid *resp = r->resp;
    UUIDSet *set = opaque;

    assert_uuid_response(r, resp);
    g_assert_cmpmem(resp->uuid, sizeof(uuid_t), set->by_id[id],
                    sizeof(uuid_t));
}

/* Sends a request for each id from @first to below @end, as few kicks as can */
static void for_ids(QVirtioGPU *gpu, uint32_t first, uint32_t end,
                    uint32_t step, FillFunc fill, CheckFunc check,
                    void *opaque)
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

static uint32_t resources_that_fit(void)
{
    struct rlimit lim;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &lim), ==, 0);
    if (lim.rlim_cur >= RESOURCES + OTHER_FDS) {
        return RESOURCES;
    }
    g_assert_cmpuint(lim.rlim_cur, >, OTHER_FDS);
    return lim.rlim_cur - OTHER_FDS;
}

static void skip_if_fewer(uint32_t resources)
{
    if (resources < RESOURCES) {
        g_autofree char *why = g_strdup_printf("RLIMIT_NOFILE allows %u"
                                               " resources only", resources);

        g_test_skip(why);
    }
}

static void many_resources(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint32_t end = resources_that_fit() + 1;
    g_autofree uuid_t *by_id = g_new0(uuid_t, end);
    g_autoptr(GHashTable) all = g_hash_table_new_full(uuid_hash, uuid_equal,
                                                      g_free, NULL);
    UUIDSet set = { .by_id = by_id, .all = all };

    for_ids(gpu, 1, end, 1, fill_create, check_nodata, NULL);
    g_assert_false(has_uuids(gpu->qts));
    for_ids(gpu, 1, end, 1, fill_assign, check_new_uuid, &set);
    for_ids(gpu, 1, end, 1, fill_assign, check_same_uuid, &set);
    g_assert_cmpuint(g_hash_table_size(all), ==, end - 1);

    /* Every second one goes: the others keep theirs */
    for_ids(gpu, 2, end, 2, fill_unref, check_nodata, NULL);
    for_ids(gpu, 1, end, 2, fill_assign, check_same_uuid, &set);

    /* Back under the old id: none gets a UUID that any had before */
    for_ids(gpu, 2, end, 2, fill_create, check_nodata, NULL);
    for_ids(gpu, 2, end, 2, fill_assign, check_new_uuid, &set);
    for_ids(gpu, 1, end, 1, fill_assign, check_same_uuid, &set);

    g_assert_true(has_uuids(gpu->qts));
    for_ids(gpu, 1, end, 1, fill_unref, check_nodata, NULL);
    g_assert_false(has_uuids(gpu->qts));

    skip_if_fewer(end - 1);
}

/* Every one arrives, and costs the stream what the manual says */
static void many_migrated(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    uint32_t end = resources_that_fit() + 1;
    g_autofree uuid_t *by_id = g_new0(uuid_t, end);
    g_autoptr(GHashTable) all = g_hash_table_new_full(uuid_hash, uuid_equal,
                                                      g_free, NULL);
    UUIDSet set = { .by_id = by_id, .all = all };
    GByteArray *without, *with;

    for_ids(gpu, 1, end, 1, fill_create, check_nodata, NULL);
    without = save_devices(home);
    for_ids(gpu, 1, end, 1, fill_assign, check_new_uuid, &set);
    with = save_devices(home);
    g_assert_cmpuint(with->len - without->len, ==,
                     (end - 1) * BYTES_PER_UUID + BYTES_FOR_ALL);
    g_byte_array_unref(without);
    g_byte_array_unref(with);

    qvirtio_gpu_move(gpu, start_destination());
    finish_migration(begin_migration(home, gpu->qts, false));
    for_ids(gpu, 1, end, 1, fill_assign, check_same_uuid, &set);
    for_ids(gpu, 1, end, 1, fill_unref, check_nodata, NULL);
    g_assert_false(has_uuids(gpu->qts));
    come_home(gpu, home);
    skip_if_fewer(end - 1);
}

/* The first look-up of each writes its id there, the second one reads it */
static void number_memory(uuid_t *by_id, uint32_t first, uint32_t step,
                          bool write)
{
    uint32_t id;

    for (id = first; id <= EXPORTED; id += step) {
        uint32_t *memory = (uint32_t *)importer_map(importer(), by_id[id],
                                                    NULL);

        g_assert_nonnull(memory);
        if (write) {
            *memory = id;
        }
        g_assert_cmpuint(*memory, ==, id);
        munmap(memory, qemu_real_host_page_size());
    }
}

static void many_exported(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint32_t end = EXPORTED + 1;
    g_autofree uuid_t *by_id = g_new0(uuid_t, end);
    g_autoptr(GHashTable) all = g_hash_table_new_full(uuid_hash, uuid_equal,
                                                      g_free, NULL);
    UUIDSet set = { .by_id = by_id, .all = all };
    uint32_t id;

    if (resources_that_fit() < EXPORTED) {
        skip_if_fewer(resources_that_fit());
        return;
    }
    for_ids(gpu, 1, end, 1, fill_create, check_nodata, NULL);
    for_ids(gpu, 1, end, 1, fill_assign, check_new_uuid, &set);
    number_memory(by_id, 1, 1, true);
    number_memory(by_id, 1, 1, false);

    for_ids(gpu, 2, end, 2, fill_unref, check_nodata, NULL);
    number_memory(by_id, 1, 2, false);
    for (id = 2; id < end; id += 2) {
        g_assert_false(importer_finds(importer(), by_id[id]));
    }
    for_ids(gpu, 1, end, 2, fill_unref, check_nodata, NULL);
}

/* QEMU inherits the limit, so it must not be one that already runs */
static void *raise_nofile_limit(GString *cmd_line, void *arg)
{
    struct rlimit lim;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &lim), ==, 0);
    if (lim.rlim_cur < RESOURCES + OTHER_FDS) {
        lim.rlim_cur = MIN(RESOURCES + OTHER_FDS, lim.rlim_max);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &lim), ==, 0);
    }
    qos_invalidate_command_line();
    return arg;
}

static void *raise_limit_and_import(GString *cmd_line, void *arg)
{
    return importer_before(cmd_line, raise_nofile_limit(cmd_line, arg));
}

static void register_scale_test(void)
{
    static const UUIDTest tests[] = {
        { "scale/15000-resources", many_resources },
        { }
    };
    static const UUIDTest pci_tests[] = {
        { "scale/15000-migrated", many_migrated },
        { }
    };
    static const UUIDTest importer_tests[] = {
        { "scale/10000-exported", many_exported },
        { }
    };

    add_uuid_tests(tests, raise_nofile_limit);
    add_uuid_pci_tests(pci_tests, raise_nofile_limit);
    add_uuid_pci_tests(importer_tests, raise_limit_and_import);
}

libqos_init(register_scale_test);
