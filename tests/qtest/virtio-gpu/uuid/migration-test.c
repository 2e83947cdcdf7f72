/*
 * QTest testcases for virtio-gpu's resource UUIDs across migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "standard-headers/linux/virtio_config.h"
#include "virtio-gpu/helpers/migration.h"
#include "virtio-gpu/helpers/scene.h"

#define HOPS    3
#define NEW_ID  1000
#define SEED    "-seed 1"

static void new_uuid(QVirtioGPU *gpu, uint8_t *uuid)
{
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = NEW_ID });
    assign_uuid({ .gpu = gpu, .id = NEW_ID, .uuid = uuid });
}

/* The device still works: UUIDs are released, and new ones differ */
static void assert_works(Scene *scene)
{
    QVirtioGPU *gpu = scene->gpu;
    unsigned i;
    uuid_t uuid;

    new_uuid(gpu, uuid);
    scene_assert_new_uuid(scene, uuid);
    scene_change(scene, true);
    scene_assert(scene);

    qvirtio_gpu_unref({ .gpu = gpu, .id = NEW_ID });
    for (i = 0; i < SCENE_RESOURCES; i++) {
        g_assert_true(has_uuids(gpu->qts));
        do_qvirtio_gpu_unref(scene->resources[i].res);
    }
    g_assert_false(has_uuids(gpu->qts));
}

/* Check the scene in the QEMU that has the device now, and end the test */
static void end_scene(Scene *scene, QTestState *home)
{
    QVirtioGPU *gpu = scene->gpu;

    scene_assert(scene);
    assert_works(scene);
    scene_free(scene);
    come_home(gpu, home);
}

static void migrate_live(QVirtioGPU *gpu, QTestState *to)
{
    finish_migration(begin_migration(gpu->qts, to, false));
    qvirtio_gpu_move(gpu, to);
}

static void migrate_socket(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    Scene *scene = scene_new(gpu, true);

    migrate_live(gpu, start_destination());
    end_scene(scene, home);
}

static void migrate_file(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    QTestState *to = start_destination();
    Scene *scene = scene_new(gpu, true);
    GByteArray *stream = save_stream(home);

    g_assert_true(load_stream(to, stream));
    qvirtio_gpu_move(gpu, to);
    g_byte_array_unref(stream);
    end_scene(scene, home);
}

/* Migrate to new QEMUs, which alternate between two binaries if available */
static void hop_several_times(QVirtioGPU *gpu, bool uuids)
{
    QTestState *home = gpu->qts;
    Scene *scene = scene_new(gpu, uuids);
    int i;

    for (i = 0; i < HOPS; i++) {
        QTestState *from = gpu->qts;

        migrate_live(gpu, start_destination(.other = i % 2 == 0));
        if (from != home) {
            qtest_quit(from);
        }
        scene_assert(scene);
        scene_change(scene, uuids);
    }
    scene_assert(scene);
    scene_free(scene);
    come_home(gpu, home);
}

static void migrate_back_and_forth(void *obj, void *data,
                                   QGuestAllocator *alloc)
{
    hop_several_times(obj, true);
}

static void off_back_and_forth(void *obj, void *data, QGuestAllocator *alloc)
{
    hop_several_times(obj, false);
}

/* In post-copy, UUIDs and resources arrive before the guest's memory */
static void migrate_postcopy(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    QTestState *to = start_destination();
    Scene *scene = scene_new(gpu, true);
    Migration *migration = begin_postcopy(home, to);

    if (!migration) {
        g_test_skip("the host has no userfaultfd");
        qtest_quit(to);
        scene_free(scene);
        return;
    }
    qvirtio_gpu_move(gpu, to);
    scene_assert(scene);
    g_assert_true(migration_is_postcopy(migration));
    finish_migration(migration);
    end_scene(scene, home);
}

/* After a cancelled migration, the source continues unchanged */
static void migrate_cancelled(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *to = start_destination();
    Scene *scene = scene_new(gpu, true);

    cancel_migration(begin_migration(gpu->qts, to, true));
    qtest_quit(to);
    end_scene(scene, gpu->qts);
}

/* UUIDs that are assigned while memory is sent arrive, too */
static void migrate_while_assigning(void *obj, void *data,
                                    QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    QTestState *to = start_destination();
    Migration *migration = begin_migration(home, to, true);
    Scene *scene = scene_new(gpu, true);

    finish_migration(migration);
    qvirtio_gpu_move(gpu, to);
    end_scene(scene, home);
}

/* No UUIDs are sent; the first one is assigned on the destination */
static void migrate_without_uuids(void *obj, void *data,
                                  QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    Scene *scene = scene_new(gpu, false);

    g_assert_false(has_uuids(home));
    migrate_live(gpu, start_destination());
    scene_assert(scene);
    g_assert_false(has_uuids(gpu->qts));
    scene_change(scene, true);
    scene_assert(scene);
    scene_free(scene);
    come_home(gpu, home);
}

/* The driver clears the acknowledged feature without a reset */
static void take_acknowledgement_back(QVirtioGPU *gpu)
{
    QVirtioDevice *vdev = gpu->vdev;

    vdev->bus->set_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE |
                                VIRTIO_CONFIG_S_DRIVER);
    qvirtio_set_features(vdev, vdev->features & ~RESOURCE_UUID_FEATURE);
    qvirtio_set_driver_ok(vdev);
    assign_uuid({ .gpu = gpu, .id = 1, .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
}

/* The source must not send a stream that no destination accepts */
static void migrate_acknowledgement_back(void *obj, void *data,
                                         QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1 });
    take_acknowledgement_back(gpu);
    migrate_live(gpu, start_destination());
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    come_home(gpu, home);
}

static void *add_seed(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, " " SEED " ");
    return arg;
}

static void restart(QVirtioGPU *gpu, QTestState *qts)
{
    qvirtio_gpu_stop(gpu);
    qvirtio_gpu_move(gpu, qts);
    qvirtio_gpu_power_on(gpu);
    qvirtio_gpu_start(gpu, 0);
}

static void migrate_same_seed(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    QTestState *same = start_destination(.with = SEED, .running = true);
    uuid_t uuid, expected;
    Scene *scene;

    restart(gpu, same);
    new_uuid(gpu, expected);
    restart(gpu, home);
    qtest_quit(same);

    /* every QEMU with the seed SEED generates the same first UUID ... */
    scene = scene_new(gpu, true);
    g_assert_cmpint(uuid_compare(scene->resources[0].uuid, expected), ==, 0);

    /* ... unless a resource has that UUID already */
    migrate_live(gpu, start_destination(.with = SEED));
    new_uuid(gpu, uuid);
    scene_assert_new_uuid(scene, uuid);
    scene_assert(scene);
    scene_free(scene);
    come_home(gpu, home);
}

/* The error names the feature: bit 4 */
static void assert_needs_property(QVirtioGPU *gpu)
{
    const char *reason = "unsupported. Allowed features: ";
    GByteArray *stream = save_stream(gpu->qts);
    DestinationOpt off = { .without = "," RESOURCE_UUID_ON, .other = true };
    QTestState *to;

    to = assert_stream_rejected(stream, off, reason);
    if (!getenv("QTEST_QEMU_BINARY_DST")) {
        assert_rejection_reported(to, reason);
    }
    assert_can_be_saved(to);
    qtest_quit(to);
    g_byte_array_unref(stream);
    come_home(gpu, gpu->qts);
}

static void migrate_needs_property(void *obj, void *data,
                                   QGuestAllocator *alloc)
{
    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    assign_uuid({ .gpu = obj, .id = 1 });
    assert_needs_property(obj);
}

/* The property is needed even if no resource has a UUID yet */
static void migrate_needs_property_without_uuids(void *obj, void *data,
                                                 QGuestAllocator *alloc)
{
    assert_needs_property(obj);
}

/* Without the acknowledged feature, the property is not needed */
static void migrate_unacknowledged_to_off(void *obj, void *data,
                                          QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    Scene *scene;

    qvirtio_gpu_start(gpu, RESOURCE_UUID_FEATURE);
    scene = scene_new(gpu, false);
    migrate_live(gpu, start_destination(.without = "," RESOURCE_UUID_ON));
    scene_assert(scene);
    scene_change(scene, false);
    scene_assert(scene);
    scene_free(scene);
    come_home(gpu, home);
}

/* The driver does not get the feature before it resets the device */
static void off_to_on(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    Scene *scene = scene_new(gpu, false);

    migrate_live(gpu, start_destination(.with = "-global virtio-gpu-device."
                                                RESOURCE_UUID_ON));
    scene_assert(scene);
    assign_uuid({ .gpu = gpu, .id = 1, .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
    scene_free(scene);

    qvirtio_gpu_start(gpu, 0);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1 });
    come_home(gpu, home);
}

static GByteArray *section_after(const GByteArray *stream, DestinationOpt opt)
{
    QTestState *to = do_start_destination(opt);
    GByteArray *section = g_byte_array_new();
    GByteArray *again;
    size_t start, end;

    g_assert_true(load_stream(to, stream));
    again = save_stream(to);
    find_gpu_section(again, &start, &end);
    g_byte_array_append(section, again->data + start, end - start);
    g_byte_array_unref(again);
    qtest_quit(to);
    return section;
}

/* Two QEMUs that have loaded the same state write the same section */
static void assert_same_section(QVirtioGPU *gpu, DestinationOpt one,
                                DestinationOpt two)
{
    Scene *scene = scene_new(gpu, false);
    GByteArray *stream = save_stream(gpu->qts);
    GByteArray *first = section_after(stream, one);
    GByteArray *second = section_after(stream, two);

    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    g_byte_array_unref(first);
    g_byte_array_unref(second);
    g_byte_array_unref(stream);
    scene_free(scene);
    come_home(gpu, gpu->qts);
}

/* Meant for unmodified QEMU in QTEST_QEMU_BINARY_DST */
static void off_same_section(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_same_section(obj, (DestinationOpt) { },
                        (DestinationOpt) { .other = true });
}

static void unused_same_section(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_start(obj, RESOURCE_UUID_FEATURE);
    assert_same_section(obj, (DestinationOpt) { },
                        (DestinationOpt) { .without = "," RESOURCE_UUID_ON });
}

static void register_migration_test(void)
{
    static const UUIDTest tests[] = {
        { "migration/socket", migrate_socket },
        { }
    };
    static const UUIDTest slow_tests[] = {
        { "migration/file", migrate_file },
        { "migration/back-and-forth", migrate_back_and_forth },
        { }
    };
    static const UUIDTest pci_tests[] = {
        { "migration/post-copy", migrate_postcopy },
        { "migration/cancelled", migrate_cancelled },
        { "migration/assigned-while-it-runs", migrate_while_assigning },
        { "migration/without-uuids", migrate_without_uuids },
        { "migration/acknowledgement-revoked",
          migrate_acknowledgement_back },
        { "migration/needs-the-property", migrate_needs_property },
        { "migration/needs-the-property-without-uuids",
          migrate_needs_property_without_uuids },
        { "migration/not-acknowledged-needs-no-property",
          migrate_unacknowledged_to_off },
        { "migration/unused-same-as-off", unused_same_section },
        { }
    };
    static const UUIDTest seed_tests[] = {
        { "migration/same-seed", migrate_same_seed },
        { }
    };

    add_uuid_tests(tests, NULL);
    qos_add_test("resource-uuid/off/migration/to-on", "virtio-gpu",
                 off_to_on, NULL);
    if (g_test_slow()) {
        add_uuid_tests(slow_tests, NULL);
        add_uuid_pci_tests(pci_tests, NULL);
        add_uuid_pci_tests(seed_tests, add_seed);
        qos_add_test("resource-uuid/off/migration/back-and-forth",
                     "virtio-gpu", off_back_and_forth, NULL);
    }
    if (getenv("QTEST_QEMU_BINARY_DST")) {
        qos_add_test("resource-uuid/off/migration/same-section", "virtio-gpu",
                     off_same_section, NULL);
    }
}

libqos_init(register_migration_test);
