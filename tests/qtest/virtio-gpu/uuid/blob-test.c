/*
 * QTest testcases for UUIDs of virtio-gpu's blob resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/blob.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/migration.h"
#include "virtio-gpu/helpers/uuid.h"

/* Below a page, so that QEMU makes no dma-buf of the blob */
#define BLOB_SIZE   64

static void create_blob(QVirtioGPU *gpu, uint32_t id, uint64_t backing)
{
    qvirtio_gpu_create_blob({ .gpu = gpu, .id = id, .size = BLOB_SIZE,
                              .backing = backing, .backing_len = BLOB_SIZE });
}

static void assert_blob_has_uuid(QVirtioGPU *gpu, uint64_t backing)
{
    uuid_t first, again, recreated;

    create_blob(gpu, 1, backing);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = first });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = again });
    g_assert_cmpint(uuid_compare(first, again), ==, 0);

    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    g_assert_false(has_uuids(gpu->qts));
    create_blob(gpu, 1, backing);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = recreated });
    g_assert_cmpint(uuid_compare(first, recreated), !=, 0);
}

static void blob_with_backing(void *obj, void *data, QGuestAllocator *alloc)
{
    uint64_t backing;

    if (blobs_missing()) {
        return;
    }
    backing = guest_alloc(alloc, BLOB_SIZE);
    assert_blob_has_uuid(obj, backing);
    guest_free(alloc, backing);
}

static void blob_without_backing(void *obj, void *data, QGuestAllocator *alloc)
{
    if (blobs_missing()) {
        return;
    }
    assert_blob_has_uuid(obj, 0);
}

static void blob_migrated(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    uuid_t before[3], after;
    GByteArray *stream;
    uint64_t backing;
    uint32_t i;

    if (blobs_missing()) {
        return;
    }
    backing = guest_alloc(alloc, BLOB_SIZE);
    create_blob(gpu, 1, backing);
    create_blob(gpu, 2, 0);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 3 });
    for (i = 0; i < ARRAY_SIZE(before); i++) {
        assign_uuid({ .gpu = gpu, .id = i + 1, .uuid = before[i] });
    }

    stream = save_stream(home);
    qvirtio_gpu_move(gpu, start_destination(.with = BLOB_MEMFD));
    g_assert_true(load_stream(gpu->qts, stream));
    for (i = 0; i < ARRAY_SIZE(before); i++) {
        assign_uuid({ .gpu = gpu, .id = i + 1, .uuid = after });
        g_assert_cmpint(uuid_compare(before[i], after), ==, 0);
    }
    guest_free(alloc, backing);
    g_byte_array_unref(stream);
    come_home(gpu, home);
}

/* A blob that cannot be exported still occupies its UUID */
static void blob_not_exportable(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    QVirtioGPU *gpu = &pci->gpu;
    uuid_t blob, image;

    if (blobs_missing()) {
        return;
    }
    create_blob(gpu, 1, 0);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 2 });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = blob });
    assign_uuid({ .gpu = gpu, .id = 2, .uuid = image });
    g_assert_false(importer_finds(importer(), blob));
    g_assert_false(vhost_user_peer_add(importer(), blob));
    g_assert_true(importer_finds(importer(), image));
}

static void *blob_and_importer_before(GString *cmd_line, void *arg)
{
    return importer_before(cmd_line, blob_before(cmd_line, arg));
}

static void register_blob_test(void)
{
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = blob_device_opts(RESOURCE_UUID_ON),
        .before = blob_before,
    };

    qos_add_test("resource-uuid/blob/with-backing", "virtio-gpu",
                 blob_with_backing, &opts);
    qos_add_test("resource-uuid/blob/without-backing", "virtio-gpu",
                 blob_without_backing, &opts);
    qos_add_test("resource-uuid/blob/migrated", "virtio-gpu",
                 blob_migrated, &opts);

    opts.before = blob_and_importer_before;
    qos_add_test("resource-uuid/blob/not-exportable", "virtio-gpu-pci",
                 blob_not_exportable, &opts);
}

libqos_init(register_blob_test);
