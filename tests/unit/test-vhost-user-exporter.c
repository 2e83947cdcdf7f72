/*
 * Objects that vhost-user back-ends export: whose they are, and how many
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/memfd.h"
#include "hw/virtio/vhost-backend.h"
#include "hw/virtio/vhost-user-exporter.h"
#include "hw/virtio/virtio-dmabuf.h"
#include "hw/virtio/virtio-export.h"

static struct vhost_dev dev_a, dev_b;
static struct vhost_dev *asked_dev;
static bool backend_fails;

static QemuUUID numbered_uuid(uint32_t number)
{
    QemuUUID uuid = { .data = "numbered" };

    memcpy(&uuid.data[12], &number, sizeof(number));
    return uuid;
}

/* Stands in for the one in vhost-user.c */
int vhost_user_get_shared_object(struct vhost_dev *dev, const QemuUUID *uuid,
                                 Error **errp)
{
    asked_dev = dev;
    if (backend_fails) {
        error_setg(errp, "its back-end sleeps");
        return -1;
    }
    return qemu_memfd_create("object", 4096, false, 0, 0, errp);
}

/* So does this; nothing here looks into what it returns. */
Chardev *vhost_user_get_chardev(struct vhost_dev *dev)
{
    return (Chardev *)dev;
}

static bool can_look_up(const QemuUUID *uuid)
{
    VirtIOExportObject object;

    asked_dev = NULL;
    if (!virtio_export_lookup(uuid, &object, NULL)) {
        return false;
    }
    g_assert_cmpint(object.kind, ==, VIRTIO_EXPORT_KIND_UNKNOWN);
    g_assert_cmpuint(object.size, ==, 0);
    g_assert_cmpuint(object.num_planes, ==, 0);
    virtio_export_object_close(&object);
    return true;
}

static void owner_is_asked(void)
{
    QemuUUID a = numbered_uuid(1), b = numbered_uuid(2);

    g_assert_true(vhost_user_exporter_add(&dev_a, &a));
    g_assert_true(vhost_user_exporter_add(&dev_b, &b));
    g_assert_true(can_look_up(&a));
    g_assert_true(asked_dev == &dev_a);
    g_assert_true(can_look_up(&b));
    g_assert_true(asked_dev == &dev_b);
    vhost_user_exporter_drop(&dev_a);
    vhost_user_exporter_drop(&dev_b);
}

static void owner_fails(void)
{
    QemuUUID a = numbered_uuid(1);
    VirtIOExportObject object;
    Error *err = NULL;

    g_assert_true(vhost_user_exporter_add(&dev_a, &a));
    backend_fails = true;
    g_assert_false(virtio_export_lookup(&a, &object, &err));
    backend_fails = false;
    g_assert_true(g_str_has_suffix(error_get_pretty(err),
                                   ": its back-end sleeps"));
    error_free(err);
    g_assert_true(can_look_up(&a));
    vhost_user_exporter_drop(&dev_a);
}

static void uuid_is_copied(void)
{
    QemuUUID a = numbered_uuid(1);
    QemuUUID storage = a;

    g_assert_true(vhost_user_exporter_add(&dev_a, &storage));
    memset(&storage, 0x55, sizeof(storage));
    g_assert_true(can_look_up(&a));
    g_assert_false(can_look_up(&storage));
    vhost_user_exporter_drop(&dev_a);
}

static void taken_uuid_is_refused(void)
{
    QemuUUID a = numbered_uuid(1);

    g_assert_true(vhost_user_exporter_add(&dev_a, &a));
    g_assert_false(vhost_user_exporter_add(&dev_a, &a));
    g_assert_false(vhost_user_exporter_add(&dev_b, &a));
    g_assert_true(can_look_up(&a));
    g_assert_true(asked_dev == &dev_a);
    vhost_user_exporter_drop(&dev_b);
    g_assert_true(can_look_up(&a));
    vhost_user_exporter_drop(&dev_a);
    g_assert_true(vhost_user_exporter_add(&dev_b, &a));
    vhost_user_exporter_drop(&dev_b);
}

static void null_uuid_is_refused(void)
{
    g_assert_false(vhost_user_exporter_add(&dev_a, &(QemuUUID) { }));
}

static void only_owner_removes(void)
{
    QemuUUID a = numbered_uuid(1);

    g_assert_false(vhost_user_exporter_remove(&dev_a, &a));
    g_assert_true(vhost_user_exporter_add(&dev_a, &a));
    g_assert_false(vhost_user_exporter_remove(&dev_b, &a));
    g_assert_true(can_look_up(&a));
    g_assert_true(vhost_user_exporter_remove(&dev_a, &a));
    g_assert_false(can_look_up(&a));
    g_assert_false(vhost_user_exporter_remove(&dev_a, &a));
}

static void drop_takes_all_of_one(void)
{
    QemuUUID uuid;
    uint32_t i;

    for (i = 0; i < 1000; i++) {
        uuid = numbered_uuid(i);
        g_assert_true(vhost_user_exporter_add(i & 1 ? &dev_a : &dev_b, &uuid));
    }
    vhost_user_exporter_drop(&dev_a);
    for (i = 0; i < 1000; i++) {
        uuid = numbered_uuid(i);
        g_assert_cmpint(can_look_up(&uuid), ==, !(i & 1));
    }
    vhost_user_exporter_drop(&dev_b);
}

static void number_is_limited(void)
{
    QemuUUID uuid;
    uint32_t i;

    for (i = 0; i < VHOST_USER_MAX_SHARED_OBJECTS; i++) {
        uuid = numbered_uuid(i);
        g_assert_true(vhost_user_exporter_add(&dev_a, &uuid));
    }
    uuid = numbered_uuid(i);
    g_assert_false(vhost_user_exporter_add(&dev_a, &uuid));
    g_assert_true(vhost_user_exporter_add(&dev_b, &uuid));

    uuid = numbered_uuid(7);
    g_assert_true(vhost_user_exporter_remove(&dev_a, &uuid));
    g_assert_true(vhost_user_exporter_add(&dev_a, &uuid));
    vhost_user_exporter_drop(&dev_a);
    g_assert_true(vhost_user_exporter_add(&dev_a, &uuid));
    vhost_user_exporter_drop(&dev_a);
    vhost_user_exporter_drop(&dev_b);
}

/* virtio_add_dmabuf() has no caller in QEMU, but it is there for devices */
static void dmabuf_is_duplicated(void)
{
    int fd = qemu_memfd_create("object", 4096, false, 0, 0, &error_abort);
    QemuUUID a = numbered_uuid(1), other = numbered_uuid(2);
    VirtIOExportObject object;

    g_assert_true(virtio_add_dmabuf(&a, fd));
    g_assert_false(vhost_user_exporter_add(&dev_a, &a));
    g_assert_true(vhost_user_exporter_add(&dev_a, &other));
    g_assert_true(virtio_export_lookup(&a, &object, &error_abort));
    g_assert_cmpint(object.fd, !=, fd);
    g_assert_cmpint(object.kind, ==, VIRTIO_EXPORT_KIND_DMABUF);
    virtio_export_object_close(&object);
    g_assert_cmpint(fcntl(fd, F_GETFD), >=, 0);
    g_assert_false(vhost_user_exporter_remove(&dev_a, &a));
    vhost_user_exporter_drop(&dev_a);
    g_assert_true(virtio_remove_resource(&a));
    close(fd);
}

static void count_object(const VirtIOExportInfo *info, void *opaque)
{
    unsigned int *count = opaque;

    g_assert_false(qemu_uuid_is_null(info->uuid));
    ++*count;
}

typedef struct Owned {
    struct vhost_dev *dev;
    unsigned int count;
} Owned;

static void count_owned(const VirtIOExportInfo *info, void *opaque)
{
    Owned *owned = opaque;

    owned->count += info->owner == OBJECT(vhost_user_get_chardev(owned->dev));
}

static void foreach_tells_the_owner(void)
{
    Owned of_a = { &dev_a }, of_b = { &dev_b };
    QemuUUID uuid;

    for (uint32_t i = 0; i < 5; i++) {
        uuid = numbered_uuid(i);
        g_assert_true(vhost_user_exporter_add(i < 2 ? &dev_a : &dev_b, &uuid));
    }
    virtio_export_foreach(count_owned, &of_a);
    virtio_export_foreach(count_owned, &of_b);
    g_assert_cmpuint(of_a.count, ==, 2);
    g_assert_cmpuint(of_b.count, ==, 3);
    vhost_user_exporter_drop(&dev_a);
    vhost_user_exporter_drop(&dev_b);
}

static void foreach_asks_no_backend(void)
{
    QemuUUID a = numbered_uuid(1), b = numbered_uuid(2);
    unsigned int count = 0;

    g_assert_true(vhost_user_exporter_add(&dev_a, &a));
    g_assert_true(vhost_user_exporter_add(&dev_b, &b));
    asked_dev = NULL;
    virtio_export_foreach(count_object, &count);
    g_assert_cmpuint(count, ==, 2);
    g_assert_true(virtio_export_exists(&a));
    g_assert_null(asked_dev);
    vhost_user_exporter_drop(&dev_a);
    vhost_user_exporter_drop(&dev_b);
}

int main(int argc, char **argv)
{
    qemu_init_main_loop(&error_abort);
    module_call_init(MODULE_INIT_QOM);

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-user-exporter/lookup/owner-is-asked",
                    owner_is_asked);
    g_test_add_func("/vhost-user-exporter/lookup/owner-fails", owner_fails);
    g_test_add_func("/vhost-user-exporter/lookup/dmabuf-is-duplicated",
                    dmabuf_is_duplicated);
    g_test_add_func("/vhost-user-exporter/add/uuid-is-copied", uuid_is_copied);
    g_test_add_func("/vhost-user-exporter/add/taken-is-refused",
                    taken_uuid_is_refused);
    g_test_add_func("/vhost-user-exporter/add/null-is-refused",
                    null_uuid_is_refused);
    g_test_add_func("/vhost-user-exporter/add/number-is-limited",
                    number_is_limited);
    g_test_add_func("/vhost-user-exporter/remove/only-by-owner",
                    only_owner_removes);
    g_test_add_func("/vhost-user-exporter/drop/takes-all-of-one",
                    drop_takes_all_of_one);
    g_test_add_func("/vhost-user-exporter/foreach/asks-no-back-end",
                    foreach_asks_no_backend);
    g_test_add_func("/vhost-user-exporter/foreach/tells-the-owner",
                    foreach_tells_the_owner);
    return g_test_run();
}
