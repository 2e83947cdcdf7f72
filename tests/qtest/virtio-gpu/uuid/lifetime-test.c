/*
 * QTest testcases for the lifetime of virtio-gpu's resource UUIDs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/uuid.h"

#define SECOND_GPU_SLOT 5

static void create_and_assign(QVirtioGPU *gpu, uint32_t id, uint8_t *uuid)
{
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = id });
    assign_uuid({ .gpu = gpu, .id = id, .uuid = uuid });
    g_assert_true(has_uuids(gpu->qts));
}

/* The old UUID is unknown, and the device still works */
static void assert_forgotten(QVirtioGPU *gpu, const uint8_t *old)
{
    uuid_t uuid;

    g_assert_false(has_uuids(gpu->qts));
    assign_uuid({ .gpu = gpu, .id = 1,
                  .expect = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID });
    create_and_assign(gpu, 1, uuid);
    g_assert_cmpint(uuid_compare(uuid, old), !=, 0);
}

static void forget_unref(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uuid_t uuid;

    create_and_assign(gpu, 1, uuid);
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    assert_forgotten(gpu, uuid);
}

static void forget_last_unref(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    create_and_assign(gpu, 1, NULL);
    create_and_assign(gpu, 2, NULL);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 3 });
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    g_assert_true(has_uuids(gpu->qts));
    qvirtio_gpu_unref({ .gpu = gpu, .id = 3 });
    g_assert_true(has_uuids(gpu->qts));
    qvirtio_gpu_unref({ .gpu = gpu, .id = 2 });
    g_assert_false(has_uuids(gpu->qts));
}

static void forget_device_reset(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uuid_t uuid;

    create_and_assign(gpu, 1, uuid);
    create_and_assign(gpu, 2, NULL);
    qvirtio_gpu_start(gpu, 0);
    assert_forgotten(gpu, uuid);
}

static void forget_machine_reset(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uuid_t uuid;

    create_and_assign(gpu, 1, uuid);
    create_and_assign(gpu, 2, NULL);
    qtest_system_reset(gpu->qts);
    qvirtio_gpu_power_on(gpu);
    qvirtio_gpu_start(gpu, 0);
    assert_forgotten(gpu, uuid);
}

/* After a reset, a driver may leave the feature unacknowledged */
static void forget_acknowledgement(void *obj, void *data,
                                   QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    create_and_assign(gpu, 1, NULL);
    qvirtio_gpu_start(gpu, RESOURCE_UUID_FEATURE);
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1, .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
}

static char *virtio_gpu_qom_path(QTestState *qts)
{
    QDict *resp = qtest_qmp(qts, "{ 'execute': 'x-query-virtio' }");
    const QListEntry *entry;
    char *path = NULL;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), entry) {
        QDict *dev = qobject_to(QDict, qlist_entry_obj(entry));

        if (g_str_equal(qdict_get_str(dev, "name"), "virtio-gpu")) {
            path = g_strdup(qdict_get_str(dev, "path"));
        }
    }
    qobject_unref(resp);
    g_assert_nonnull(path);
    return path;
}

static bool status_has_feature(QDict *status, const char *set)
{
    QList *names = qdict_get_qlist(qdict_get_qdict(status, set),
                                   "dev-features");
    const QListEntry *entry;

    QLIST_FOREACH_ENTRY(names, entry) {
        QString *name = qobject_to(QString, qlist_entry_obj(entry));

        if (g_str_has_prefix(qstring_get_str(name),
                             "VIRTIO_GPU_F_RESOURCE_UUID:")) {
            return true;
        }
    }
    return false;
}

/* Check the offered and the acknowledged features in the monitor */
static void assert_status(QVirtioGPU *gpu, bool acknowledged)
{
    g_autofree char *path = virtio_gpu_qom_path(gpu->qts);
    QDict *status;

    status = qtest_qmp_assert_success_ref(gpu->qts,
                                          "{ 'execute':"
                                          " 'x-query-virtio-status',"
                                          " 'arguments': { 'path': %s } }",
                                          path);
    g_assert_true(status_has_feature(status, "host-features"));
    g_assert_true(status_has_feature(status, "guest-features") ==
                  acknowledged);
    qobject_unref(status);
}

static void query_status(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_status(obj, true);
    qvirtio_gpu_start(obj, RESOURCE_UUID_FEATURE);
    assert_status(obj, false);
}

static void *add_second_gpu(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, " -device virtio-gpu-pci,id=gpu1,addr="
                    stringify(SECOND_GPU_SLOT) "," RESOURCE_UUID_ON " ");
    return arg;
}

/* Two devices may use the same ID, but not the same UUID */
static void two_devices(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *first = obj;
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SECOND_GPU_SLOT, 0) };
    QVirtioGPUPCI *second = qvirtio_gpu_pci_new(first->pci_vdev.pdev->bus,
                                                &addr, alloc);
    uuid_t one, two, again;

    qos_object_queue_destroy(&second->pci_vdev.obj);
    qos_object_start_hw(&second->pci_vdev.obj);

    create_and_assign(&first->gpu, 1, one);
    create_and_assign(&second->gpu, 1, two);
    g_assert_cmpint(uuid_compare(one, two), !=, 0);

    qvirtio_gpu_unref({ .gpu = &first->gpu, .id = 1 });
    assign_uuid({ .gpu = &second->gpu, .id = 1, .uuid = again });
    g_assert_cmpint(uuid_compare(two, again), ==, 0);
    g_assert_true(has_uuids(second->gpu.qts));

    qvirtio_gpu_start(&second->gpu, 0);
    g_assert_false(has_uuids(second->gpu.qts));
}

static void set_realized(QTestState *qts, const char *path, bool realized)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'qom-set', 'arguments': {"
                             " 'path': %s, 'property': 'realized',"
                             " 'value': %i } }", path, realized);
}

/* QEMU removes the notifiers of a running virtio-mmio device at reset only */
static void *no_ioeventfd(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, " -global virtio-mmio.ioeventfd=off ");
    return arg;
}

/* Unrealize drops all resources and UUIDs */
static void realized_again(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUDevice *)obj)->gpu;
    g_autofree char *path = virtio_gpu_qom_path(gpu->qts);

    create_and_assign(gpu, 1, NULL);
    for (int i = 0; i < 3; i++) {
        set_realized(gpu->qts, path, false);
        set_realized(gpu->qts, path, true);
    }
    g_assert_false(has_uuids(gpu->qts));
    qvirtio_gpu_start(gpu, 0);
    create_and_assign(gpu, 1, NULL);
    qos_invalidate_command_line();
}

static void register_lifetime_test(void)
{
    static const UUIDTest tests[] = {
        { "forget/unref", forget_unref },
        { "forget/last-unref", forget_last_unref },
        { "forget/device-reset", forget_device_reset },
        { "forget/machine-reset", forget_machine_reset },
        { "forget/acknowledgement", forget_acknowledgement },
        { "query-status", query_status },
        { }
    };
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = RESOURCE_UUID_ON,
        .before = add_second_gpu,
    };

    add_uuid_tests(tests, NULL);
    add_uuid_gl_tests(tests);
    qos_add_test("resource-uuid/two-devices", "virtio-gpu-pci", two_devices,
                 &opts);
    qos_add_test("resource-uuid/two-devices", "virtio-vga", two_devices,
                 &opts);
    /* virtio-pci and virtio-ccw cannot be realized twice */
    opts.before = no_ioeventfd;
    qos_add_test("resource-uuid/realized-again", "virtio-gpu-device",
                 realized_again, &opts);
}

libqos_init(register_lifetime_test);
