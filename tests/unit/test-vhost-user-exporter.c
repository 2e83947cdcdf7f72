/*
 * Tests of vhost-user-exporter.c: owners and number of the objects
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/memfd.h"
#include "hw/virtio/vhost-user.h"
#include "hw/virtio/vhost-user-exporter.h"
#include "hw/virtio/virtio-export-compat.h"
#include "hw/virtio/virtio-export-info.h"

struct VhostUserAsks {
    GQueue lookups;             /* of VirtIOExportLookup, to be answered */
    const char *rejection;
    bool broken;
    unsigned int asked;
    unsigned int cancelled;
};

/* Two devices and their back-ends */
typedef struct BackEnd {
    struct vhost_dev dev;
    VhostUserState state;
    VhostUserAsks asks;
    CharFrontend chr;
} BackEnd;

static BackEnd a, b;

static VhostUserAsks *asks_of(struct vhost_dev *dev)
{
    return &container_of(dev, BackEnd, dev)->asks;
}

/* Stub of vhost-user.c */
VhostUserState *vhost_user_get_state(struct vhost_dev *dev)
{
    return &container_of(dev, BackEnd, dev)->state;
}

/* Only the address of the result is used */
Chardev *qemu_chr_fe_get_driver(CharFrontend *be)
{
    return (Chardev *)be;
}

/* Stubs of vhost-user-ask.c */
bool vhost_user_ask(struct vhost_dev *dev, VirtIOExportLookup *lookup,
                    Error **errp)
{
    VhostUserAsks *asks = asks_of(dev);

    asks->asked++;
    if (asks->rejection) {
        error_setg(errp, "%s", asks->rejection);
        return false;
    }
    g_queue_push_tail(&asks->lookups, lookup);
    return true;
}

void vhost_user_ask_cancel(VirtIOExportLookup *lookup)
{
    a.asks.cancelled += g_queue_remove(&a.asks.lookups, lookup);
    b.asks.cancelled += g_queue_remove(&b.asks.lookups, lookup);
}

void vhost_user_asks_drop(struct vhost_dev *dev)
{
    VhostUserAsks *asks = asks_of(dev);
    VirtIOExportLookup *lookup;
    Error *err;

    while ((lookup = g_queue_pop_head(&asks->lookups))) {
        err = NULL;
        error_setg(&err, "its back-end is gone");
        virtio_export_answer(lookup, NULL, err);
    }
}

bool vhost_user_asks_broken(VhostUserAsks *asks)
{
    return asks->broken;
}

static void answer(BackEnd *backend)
{
    VirtIOExportObject object;

    virtio_export_object_init(&object);
    object.fd = qemu_memfd_create("object", 4096, false, 0, 0, &error_abort);
    virtio_export_answer(g_queue_pop_head(&backend->asks.lookups), &object,
                         NULL);
}

static QemuUUID numbered_uuid(uint32_t number)
{
    QemuUUID uuid = { .data = "numbered" };

    memcpy(&uuid.data[12], &number, sizeof(number));
    return uuid;
}

static void add(BackEnd *backend, const QemuUUID *uuid)
{
    g_assert_true(vhost_user_exporter_add(&backend->dev, uuid));
}

static void reject(BackEnd *backend, const QemuUUID *uuid)
{
    g_assert_false(vhost_user_exporter_add(&backend->dev, uuid));
}

static bool take_away(BackEnd *backend, const QemuUUID *uuid)
{
    return vhost_user_exporter_remove(&backend->dev, uuid);
}

static void drop(BackEnd *backend)
{
    vhost_user_exporter_drop(&backend->dev);
}

/* Result of a lookup */
typedef struct Result {
    VirtIOExportLookup *lookup; /* pending, or NULL */
    unsigned int calls;
    VirtIOExportObject object;
    Error *err;
} Result;

static void set_result(void *opaque, const VirtIOExportObject *object,
                       Error *err)
{
    Result *r = opaque;

    g_assert_true(!object == !!err);
    if (object) {
        r->object = *object;
    }
    r->err = err;
    r->calls++;
    r->lookup = NULL;
}

static void start(Result *r, const QemuUUID *uuid)
{
    virtio_export_object_init(&r->object);
    r->lookup = virtio_export_lookup(uuid, set_result, r);
}

/* Only the file descriptor of the object is known */
static void assert_found(Result *r)
{
    g_assert_cmpuint(r->calls, ==, 1);
    g_assert_cmpint(r->object.fd, >=, 0);
    g_assert_cmpint(r->object.kind, ==, VIRTIO_EXPORT_KIND_UNKNOWN);
    g_assert_cmpuint(r->object.size, ==, 0);
    g_assert_cmpuint(r->object.num_planes, ==, 0);
    virtio_export_object_close(&r->object);
}

static void assert_error(Result *r, const char *suffix)
{
    g_assert_cmpuint(r->calls, ==, 1);
    g_assert_cmpint(r->object.fd, ==, -1);
    g_assert_true(g_str_has_suffix(error_get_pretty(r->err), suffix));
    g_clear_pointer(&r->err, error_free);
}

/* Return: back-end that was asked, and has answered; NULL if none was asked */
static BackEnd *look_up(const QemuUUID *uuid)
{
    unsigned int asked_a = a.asks.asked, asked_b = b.asks.asked;
    BackEnd *owner;
    Result r = { };

    start(&r, uuid);
    owner = a.asks.asked > asked_a ? &a : b.asks.asked > asked_b ? &b : NULL;
    g_assert_cmpuint(a.asks.asked + b.asks.asked, ==,
                     asked_a + asked_b + !!owner);
    if (owner) {
        answer(owner);
        assert_found(&r);
    } else {
        assert_error(&r, "");
    }
    return owner;
}

static void owner_is_asked(void)
{
    QemuUUID one = numbered_uuid(1), two = numbered_uuid(2);

    add(&a, &one);
    add(&b, &two);
    g_assert_true(look_up(&one) == &a);
    g_assert_true(look_up(&two) == &b);
    drop(&a);
    drop(&b);
}

static void owner_fails(void)
{
    QemuUUID one = numbered_uuid(1);
    Result r = { };

    add(&a, &one);
    a.asks.rejection = "its back-end sleeps";
    start(&r, &one);
    assert_error(&r, ": its back-end sleeps");
    a.asks.rejection = NULL;
    g_assert_true(look_up(&one) == &a);
    drop(&a);
}

static void removed_while_pending(void)
{
    QemuUUID one = numbered_uuid(1);
    Result r = { };

    add(&a, &one);
    start(&r, &one);
    g_assert_nonnull(r.lookup);
    g_assert_true(take_away(&a, &one));
    g_assert_cmpuint(r.calls, ==, 0);
    g_assert_null(look_up(&one));
    answer(&a);
    assert_found(&r);
    drop(&a);
}

/* A pending lookup stays with the back-end that was asked */
static void taken_over_while_pending(void)
{
    QemuUUID one = numbered_uuid(1);
    Result old = { }, new = { };

    add(&a, &one);
    start(&old, &one);
    g_assert_true(take_away(&a, &one));
    add(&b, &one);
    start(&new, &one);
    drop(&b);
    assert_error(&new, ": its back-end is gone");
    g_assert_cmpuint(old.calls, ==, 0);
    answer(&a);
    assert_found(&old);
    drop(&a);
}

static void cancelled(void)
{
    unsigned int before = a.asks.cancelled;
    QemuUUID one = numbered_uuid(1);
    Result r = { }, gone = { };

    add(&a, &one);
    start(&r, &one);
    start(&gone, &one);
    virtio_export_cancel(r.lookup);
    g_assert_cmpuint(a.asks.cancelled, ==, before + 1);

    /* after the removal, the owner of the object is not known */
    g_assert_true(take_away(&a, &one));
    virtio_export_cancel(gone.lookup);
    g_assert_cmpuint(a.asks.cancelled, ==, before + 2);
    g_assert_true(g_queue_is_empty(&a.asks.lookups));
    g_assert_cmpuint(r.calls + gone.calls, ==, 0);
}

static void uuid_is_copied(void)
{
    QemuUUID one = numbered_uuid(1);
    QemuUUID storage = one;

    add(&a, &storage);
    memset(&storage, 0x55, sizeof(storage));
    g_assert_true(look_up(&one) == &a);
    g_assert_null(look_up(&storage));
    drop(&a);
}

static void taken_uuid_is_rejected(void)
{
    QemuUUID one = numbered_uuid(1);

    add(&a, &one);
    reject(&a, &one);
    reject(&b, &one);
    g_assert_true(look_up(&one) == &a);
    drop(&b);
    g_assert_true(look_up(&one) == &a);
    drop(&a);
    add(&b, &one);
    g_assert_true(look_up(&one) == &b);
    drop(&b);
}

static void reserved_uuids_are_rejected(void)
{
    QemuUUID max;

    memset(&max, 0xff, sizeof(max));
    reject(&a, &(QemuUUID) { });
    reject(&a, &max);
}

static void broken_backend_is_rejected(void)
{
    QemuUUID one = numbered_uuid(1), two = numbered_uuid(2);

    add(&a, &one);
    a.asks.broken = true;
    reject(&a, &two);
    g_assert_false(virtio_export_exists(&two));
    add(&b, &two);
    g_assert_true(look_up(&two) == &b);
    g_assert_true(take_away(&a, &one));
    a.asks.broken = false;
    add(&a, &one);
    drop(&a);
    drop(&b);
}

static void number_is_limited(void)
{
    QemuUUID uuid;
    uint32_t i;

    for (i = 0; i < VHOST_USER_MAX_SHARED_OBJECTS; i++) {
        uuid = numbered_uuid(i);
        add(&a, &uuid);
    }
    uuid = numbered_uuid(i);
    reject(&a, &uuid);
    add(&b, &uuid);

    uuid = numbered_uuid(7);
    g_assert_true(take_away(&a, &uuid));
    add(&a, &uuid);
    drop(&a);
    add(&a, &uuid);
    drop(&a);
    drop(&b);
}

static void only_owner_removes(void)
{
    QemuUUID one = numbered_uuid(1);

    g_assert_false(take_away(&a, &one));
    add(&a, &one);
    g_assert_false(take_away(&b, &one));
    g_assert_true(look_up(&one) == &a);
    g_assert_true(take_away(&a, &one));
    g_assert_null(look_up(&one));
    g_assert_false(take_away(&a, &one));
}

static void drop_takes_all_of_one(void)
{
    QemuUUID uuid;
    uint32_t i;

    for (i = 0; i < 1000; i++) {
        uuid = numbered_uuid(i);
        add(i & 1 ? &a : &b, &uuid);
    }
    drop(&a);
    for (i = 0; i < 1000; i++) {
        uuid = numbered_uuid(i);
        g_assert_true(look_up(&uuid) == (i & 1 ? NULL : &b));
    }
    drop(&b);
}

/* Lookups of objects that the back-end has removed fail, too */
static void drop_fails_pending(void)
{
    QemuUUID one = numbered_uuid(1), two = numbered_uuid(2);
    Result first = { }, second = { }, removed = { }, other = { };
    QemuUUID three = numbered_uuid(3);

    add(&a, &one);
    add(&a, &three);
    add(&b, &two);
    start(&first, &one);
    start(&other, &two);
    start(&second, &one);
    start(&removed, &three);
    g_assert_true(take_away(&a, &three));
    drop(&a);
    assert_error(&first, ": its back-end is gone");
    assert_error(&second, ": its back-end is gone");
    assert_error(&removed, ": its back-end is gone");
    g_assert_cmpuint(other.calls, ==, 0);
    answer(&b);
    assert_found(&other);
    drop(&b);
}

static void look_up_again(void *opaque, const VirtIOExportObject *object,
                          Error *err)
{
    QemuUUID one = numbered_uuid(1);

    error_free(err);
    g_assert_null(object);
    g_assert_false(virtio_export_exists(&one));
    start(opaque, &one);
}

/* The objects are removed before the lookups end */
static void drop_forgets_before(void)
{
    unsigned int asked = a.asks.asked;
    QemuUUID one = numbered_uuid(1);
    Result again = { };

    add(&a, &one);
    g_assert_nonnull(virtio_export_lookup(&one, look_up_again, &again));
    drop(&a);
    g_assert_cmpuint(a.asks.asked, ==, asked + 1);
    assert_error(&again, "");
}

/* A device of QEMU that has one object */
#define TYPE_TEST_DEVICE "test-device"
OBJECT_DECLARE_SIMPLE_TYPE(TestDevice, TEST_DEVICE)

struct TestDevice {
    Object parent_obj;

    QemuUUID uuid;
};

static bool test_device_exists(VirtIOExporter *exporter, const QemuUUID *uuid)
{
    return qemu_uuid_is_equal(uuid, &TEST_DEVICE(exporter)->uuid);
}

static VirtIOExportStatus test_device_export(VirtIOExporter *exporter,
                                             VirtIOExportLookup *lookup,
                                             VirtIOExportObject *object,
                                             Error **errp)
{
    if (!test_device_exists(exporter, virtio_export_lookup_uuid(lookup))) {
        return VIRTIO_EXPORT_UNKNOWN;
    }
    object->fd = qemu_memfd_create("object", 4096, false, 0, 0, &error_abort);
    object->size = 4096;
    return VIRTIO_EXPORT_DONE;
}

static void test_device_class_init(ObjectClass *klass,
                                   VirtIOExportClassData *data)
{
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_CLASS(klass);

    vec->exists = test_device_exists;
    vec->export = test_device_export;
}

static const TypeInfo test_device_info = {
    .name = TYPE_TEST_DEVICE,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(TestDevice),
    .class_init = test_device_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_VIRTIO_EXPORTER },
        { }
    },
};

/* This device is registered before any back-end adds an object */
static TestDevice *device;

static void uuid_of_a_device_is_rejected(void)
{
    QemuUUID one = numbered_uuid(1);

    device->uuid = one;
    reject(&a, &one);
    g_assert_false(take_away(&a, &one));
    device->uuid = (QemuUUID) { };
    add(&a, &one);
    drop(&a);
}

/* A migration may bring a UUID that a back-end has already added */
static void device_is_asked_first(void)
{
    unsigned int asked = a.asks.asked;
    QemuUUID one = numbered_uuid(1);
    Result r = { };

    add(&a, &one);
    device->uuid = one;
    start(&r, &one);
    g_assert_cmpuint(a.asks.asked, ==, asked);
    g_assert_null(r.err);
    g_assert_cmpuint(r.object.size, ==, 4096);
    virtio_export_object_close(&r.object);

    /* without the device's object, the back-end's object is found */
    device->uuid = (QemuUUID) { };
    g_assert_true(look_up(&one) == &a);
    drop(&a);
}

static void count_object(const VirtIOExportInfo *info, void *opaque)
{
    unsigned int *count = opaque;

    g_assert_false(qemu_uuid_is_null(info->uuid));
    ++*count;
}

typedef struct Owned {
    BackEnd *backend;
    unsigned int count;
} Owned;

static void count_owned(const VirtIOExportInfo *info, void *opaque)
{
    Owned *owned = opaque;

    owned->count += info->owner == (Object *)&owned->backend->chr;
}

static void foreach_tells_the_owner(void)
{
    Owned of_a = { &a }, of_b = { &b }, one_of_a = { &a };
    QemuUUID uuid;

    for (uint32_t i = 0; i < 5; i++) {
        uuid = numbered_uuid(i);
        add(i < 2 ? &a : &b, &uuid);
    }
    virtio_export_foreach(NULL, count_owned, &of_a);
    virtio_export_foreach(NULL, count_owned, &of_b);
    g_assert_cmpuint(of_a.count, ==, 2);
    g_assert_cmpuint(of_b.count, ==, 3);

    uuid = numbered_uuid(1);
    virtio_export_foreach(&uuid, count_owned, &one_of_a);
    uuid = numbered_uuid(3);
    virtio_export_foreach(&uuid, count_owned, &one_of_a);
    uuid = numbered_uuid(5);
    virtio_export_foreach(&uuid, count_owned, &one_of_a);
    g_assert_cmpuint(one_of_a.count, ==, 1);
    drop(&a);
    drop(&b);
}

static void foreach_asks_no_backend(void)
{
    QemuUUID one = numbered_uuid(1), two = numbered_uuid(2);
    unsigned int asked = a.asks.asked + b.asks.asked;
    unsigned int count = 0;

    add(&a, &one);
    add(&b, &two);
    virtio_export_foreach(NULL, count_object, &count);
    g_assert_cmpuint(count, ==, 2);
    g_assert_true(virtio_export_exists(&one));
    g_assert_cmpuint(a.asks.asked + b.asks.asked, ==, asked);
    drop(&a);
    drop(&b);
}

static void add_lookups(void)
{
    g_test_add_func("/vhost-user-exporter/lookup/owner-is-asked",
                    owner_is_asked);
    g_test_add_func("/vhost-user-exporter/lookup/owner-fails", owner_fails);
    g_test_add_func("/vhost-user-exporter/lookup/removed-while-pending",
                    removed_while_pending);
    g_test_add_func("/vhost-user-exporter/lookup/taken-over-while-pending",
                    taken_over_while_pending);
    g_test_add_func("/vhost-user-exporter/lookup/cancelled", cancelled);
    g_test_add_func("/vhost-user-exporter/lookup/device-is-asked-first",
                    device_is_asked_first);
}

static void add_registration(void)
{
    g_test_add_func("/vhost-user-exporter/add/uuid-is-copied", uuid_is_copied);
    g_test_add_func("/vhost-user-exporter/add/uuid-in-use-is-rejected",
                    taken_uuid_is_rejected);
    g_test_add_func("/vhost-user-exporter/add/uuid-of-a-device-is-rejected",
                    uuid_of_a_device_is_rejected);
    g_test_add_func("/vhost-user-exporter/add/reserved-are-rejected",
                    reserved_uuids_are_rejected);
    g_test_add_func("/vhost-user-exporter/add/broken-back-end-is-rejected",
                    broken_backend_is_rejected);
    g_test_add_func("/vhost-user-exporter/add/number-is-limited",
                    number_is_limited);
    g_test_add_func("/vhost-user-exporter/remove/only-by-owner",
                    only_owner_removes);
    g_test_add_func("/vhost-user-exporter/drop/all-objects-of-one",
                    drop_takes_all_of_one);
    g_test_add_func("/vhost-user-exporter/drop/fails-pending",
                    drop_fails_pending);
    g_test_add_func("/vhost-user-exporter/drop/removes-before-lookups-end",
                    drop_forgets_before);
}

static void init_backend(BackEnd *backend)
{
    backend->state.asks = &backend->asks;
    backend->state.chr = &backend->chr;
}

int main(int argc, char **argv)
{
    qemu_init_main_loop(&error_abort);
    module_call_init(MODULE_INIT_QOM);
    type_register_static(&test_device_info);
    device = TEST_DEVICE(object_new(TYPE_TEST_DEVICE));
    virtio_exporter_register(VIRTIO_EXPORTER(device));
    init_backend(&a);
    init_backend(&b);

    g_test_init(&argc, &argv, NULL);
    add_lookups();
    add_registration();
    g_test_add_func("/vhost-user-exporter/foreach/asks-no-back-end",
                    foreach_asks_no_backend);
    g_test_add_func("/vhost-user-exporter/foreach/names-the-owner",
                    foreach_tells_the_owner);
    return g_test_run();
}
