/*
 * QTest testcases for virtio-gpu's resource UUIDs in snapshots
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-export/snapshot-disk.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/migration.h"
#include "virtio-gpu/helpers/scene.h"

#define LATER_ID    1000
#define OTHERS_BYTE 0x5a

/* Records come after the name, the version and their number (32 bits each) */
#define RECORDS_AT  (strlen(RESOURCE_UUID_SUBSECTION) + 2 * sizeof(uint32_t))
/* A record: ID of the resource, and UUID */
#define RECORD_LEN  (sizeof(uint32_t) + sizeof(uuid_t))

static TempFile *disk_new(QTestState *qts)
{
    TempFile *disk = temp_file_new("");

    snapshot_disk_create(qts, disk->path);
    return disk;
}

static void assert_load_rejected(QTestState *qts, const char *reason)
{
    g_autofree char *answer = qtest_hmp(qts, "loadvm then");

    g_test_message("%s", answer);
    g_assert_nonnull(strstr(answer, reason));
}

/* Load a snapshot, and restore the guest driver's state of the queue */
static void load(QVirtioGPU *gpu, const QVirtQueue *then)
{
    snapshot_command(gpu->qts, "loadvm then");
    *gpu->ctrlq = *then;
}

/* Make resources and UUIDs that the snapshot does not have */
static void go_on(Scene *scene)
{
    QVirtioGPU *gpu = scene->gpu;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = LATER_ID });
    assign_uuid({ .gpu = gpu, .id = LATER_ID });
    do_qvirtio_gpu_unref(scene->resources[0].res);
    do_qvirtio_gpu_unref(scene->resources[1].res);
    do_qvirtio_gpu_create_2d(scene->resources[1].res);
    assign_uuid({ .gpu = gpu, .id = scene->resources[1].res.id });
}

static void assert_then(Scene *scene)
{
    scene_assert(scene);
    assign_uuid({ .gpu = scene->gpu, .id = LATER_ID,
                  .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
}

static void snapshot_drops(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    TempFile *disk = disk_new(gpu->qts);
    Scene *scene = scene_new(gpu, true);
    QVirtQueue then = *gpu->ctrlq;
    int i;

    snapshot_command(gpu->qts, "savevm then");
    for (i = 0; i < 2; i++) {
        go_on(scene);
        load(gpu, &then);
        assert_then(scene);
    }
    scene_free(scene);
    temp_file_free(disk);
    come_home(gpu, gpu->qts);
}

static void snapshot_new_qemu(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    QTestState *to = start_destination(.running = true);
    TempFile *disk = disk_new(home);
    Scene *scene = scene_new(gpu, true);
    QVirtQueue then = *gpu->ctrlq;

    snapshot_command(home, "savevm then");
    go_on(scene);
    snapshot_disk_remove(home);

    snapshot_disk_add(to, disk->path);
    qvirtio_gpu_move(gpu, to);
    load(gpu, &then);
    assert_then(scene);
    scene_free(scene);
    temp_file_free(disk);
    come_home(gpu, home);
}

/* Replace the last UUID in the snapshot by the nil UUID */
static void forge(const TempFile *disk)
{
    static const uint8_t null[sizeof(uuid_t)];
    size_t at = RECORDS_AT + (SCENE_RESOURCES - 1) * RECORD_LEN - sizeof(null);
    GByteArray *bytes = temp_file_read(disk);
    ssize_t name;
    int fd;

    name = find_bytes(bytes, 0, RESOURCE_UUID_SUBSECTION,
                      strlen(RESOURCE_UUID_SUBSECTION));
    g_assert_cmpint(name, >=, 0);
    g_byte_array_unref(bytes);

    fd = open(disk->path, O_WRONLY | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pwrite(fd, null, sizeof(null), name + at), ==,
                    sizeof(null));
    close(fd);
}

/* One invalid UUID makes the load fail without any UUID loaded */
static void snapshot_rejected_whole(void *obj, void *data,
                                    QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    TempFile *disk = disk_new(gpu->qts);
    Scene *scene = scene_new(gpu, true);
    QVirtQueue then = *gpu->ctrlq;
    unsigned i;

    snapshot_command(gpu->qts, "savevm then");
    forge(disk);
    assert_load_rejected(gpu->qts, "is null");
    snapshot_command(gpu->qts, "cont");
    *gpu->ctrlq = then;
    g_assert_false(has_uuids(gpu->qts));

    /* a UUID that such a resource gets now is a new one */
    for (i = 0; i < SCENE_RESOURCES; i++) {
        uuid_t uuid;

        assign_uuid({ .gpu = gpu, .id = scene->resources[i].res.id,
                      .uuid = uuid });
        scene_assert_new_uuid(scene, uuid);
    }
    scene_free(scene);
    temp_file_free(disk);
    come_home(gpu, gpu->qts);
}

/* The load fails, but QEMU keeps running and works after a reset */
static void snapshot_needs_property(void *obj, void *data,
                                    QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    QTestState *off = start_destination(.without = "," RESOURCE_UUID_ON,
                                        .running = true);
    TempFile *disk = disk_new(home);

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1 });
    snapshot_command(home, "savevm then");
    snapshot_disk_remove(home);
    snapshot_disk_add(off, disk->path);
    assert_load_rejected(off, "unsupported. Allowed features: ");
    assert_can_be_saved(off);

    qtest_system_reset(off);
    qvirtio_gpu_move(gpu, off);
    qvirtio_gpu_power_on(gpu);
    qvirtio_gpu_start(gpu, 0);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1, .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
    temp_file_free(disk);
    come_home(gpu, home);
}

/* Lookups find the restored memory, not the memory mapped before */
static void snapshot_look_ups(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    TempFile *disk = disk_new(gpu->qts);
    Scene *scene = scene_new(gpu, true);
    SceneResource *r = &scene->resources[0];
    QVirtQueue then = *gpu->ctrlq;
    uint8_t *old, *new;
    size_t size, i;

    old = importer_map(importer(), r->uuid, &size);
    snapshot_command(gpu->qts, "savevm then");
    memset(old, OTHERS_BYTE, size);
    load(gpu, &then);

    new = importer_map(importer(), r->uuid, &size);
    g_assert_nonnull(new);
    for (i = 0; i < r->res.width * r->res.height * 4; i++) {
        g_assert_cmpuint(old[i], ==, OTHERS_BYTE);
        g_assert_cmpuint(new[i], ==, r->pixels[i]);
    }
    munmap(old, size);
    munmap(new, size);
    assert_then(scene);
    scene_free(scene);
    temp_file_free(disk);
    come_home(gpu, gpu->qts);
}

static void register_snapshot_test(void)
{
    static const UUIDTest tests[] = {
        { "snapshot/drops-later-uuids", snapshot_drops },
        { }
    };
    static const UUIDTest pci_tests[] = {
        { "snapshot/new-qemu", snapshot_new_qemu },
        { "snapshot/rejected-whole", snapshot_rejected_whole },
        { "snapshot/needs-the-property", snapshot_needs_property },
        { }
    };
    static const UUIDTest importer_tests[] = {
        { "snapshot/lookups", snapshot_look_ups },
        { }
    };

    if (g_test_slow()) {
        add_uuid_tests(tests, NULL);
        add_uuid_pci_tests(pci_tests, NULL);
        add_uuid_pci_tests(importer_tests, importer_before);
    }
}

libqos_init(register_snapshot_test);
