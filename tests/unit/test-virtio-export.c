/*
 * Objects that virtio devices export to one another: every rule of the look-up
 * with exporters of the test's own
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/memfd.h"
#include "hw/virtio/virtio-export.h"
#include "hw/virtio/virtio-export-compat.h"
#include "standard-headers/drm/drm_fourcc.h"

#define TYPE_TEST_EXPORTER "test-exporter"
#define TYPE_TEST_LAST_EXPORTER "test-last-exporter"
OBJECT_DECLARE_SIMPLE_TYPE(TestExporter, TEST_EXPORTER)

/* Exports one object */
struct TestExporter {
    Object parent_obj;

    QemuUUID uuid;
    VirtIOExportObject object;
    const char *obstacle;
    unsigned int asked;
};

static const QemuUUID uuid_a = { .data = "0123456789abcdef" };
static const QemuUUID uuid_b = { .data = "0123456789abcdeF" };

static VirtIOExportStatus test_export(VirtIOExporter *exporter,
                                      const QemuUUID *uuid,
                                      VirtIOExportObject *object, Error **errp)
{
    TestExporter *t = TEST_EXPORTER(exporter);

    t->asked++;
    /* the one before must have left nothing here */
    g_assert_cmpint(object->fd, ==, -1);
    g_assert_cmpint(object->num_planes, ==, 0);
    object->width = t->object.width;
    if (!qemu_uuid_is_equal(uuid, &t->uuid)) {
        return VIRTIO_EXPORT_UNKNOWN;
    }
    if (t->obstacle) {
        error_setg(errp, "%s", t->obstacle);
        return VIRTIO_EXPORT_FAILED;
    }
    *object = t->object;
    object->fd = qemu_dup(t->object.fd);
    g_assert_cmpint(object->fd, >=, 0);
    return VIRTIO_EXPORT_DONE;
}

static void test_foreach(VirtIOExporter *exporter, const QemuUUID *uuid,
                         VirtIOExportFn *fn, void *opaque)
{
    TestExporter *t = TEST_EXPORTER(exporter);
    VirtIOExportInfo info = {
        .exporter = exporter,
        .owner = OBJECT(t),
        .uuid = &t->uuid,
        .object = t->object,
        .obstacle = t->obstacle,
    };

    info.object.fd = -1;
    if (!uuid || qemu_uuid_is_equal(uuid, &t->uuid)) {
        fn(&info, opaque);
    }
}

static void test_exporter_finalize(Object *obj)
{
    TestExporter *t = TEST_EXPORTER(obj);

    virtio_exporter_unregister(VIRTIO_EXPORTER(obj));
    close(t->object.fd);
}

static void test_exporter_class_init(ObjectClass *klass,
                                     VirtIOExportClassData *data)
{
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_CLASS(klass);

    vec->export = test_export;
    vec->foreach = test_foreach;
}

static void test_last_exporter_class_init(ObjectClass *klass,
                                          VirtIOExportClassData *data)
{
    VIRTIO_EXPORTER_CLASS(klass)->asked_last = true;
}

static const TypeInfo test_types[] = {
    {
        .name = TYPE_TEST_EXPORTER,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(TestExporter),
        .instance_finalize = test_exporter_finalize,
        .class_init = test_exporter_class_init,
        .interfaces = (InterfaceInfo[]) {
            { TYPE_VIRTIO_EXPORTER },
            { }
        },
    }, {
        .name = TYPE_TEST_LAST_EXPORTER,
        .parent = TYPE_TEST_EXPORTER,
        .class_init = test_last_exporter_class_init,
    },
};

/* An exporter of @uuid whose memory starts with the byte @mark */
static TestExporter *new_exporter(const char *type, const QemuUUID *uuid,
                                  char mark)
{
    TestExporter *t = TEST_EXPORTER(object_new(type));

    virtio_export_object_init(&t->object);
    t->uuid = *uuid;
    t->object.fd = qemu_memfd_create("exported", 4096, false, 0, F_SEAL_SHRINK,
                                     &error_abort);
    t->object.width = mark;
    g_assert_cmpint(pwrite(t->object.fd, &mark, 1, 0), ==, 1);
    virtio_exporter_register(VIRTIO_EXPORTER(t));
    return t;
}

static unsigned int num_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned int num = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir)) {
        num++;
    }
    return num;
}

/* A consumer: maps what the guest has named */
static void *consumer_map(const QemuUUID *uuid, size_t *size, Error **errp)
{
    VirtIOExportObject object;
    void *memory = MAP_FAILED;
    int seals;

    if (!virtio_export_lookup(uuid, &object, errp)) {
        return NULL;
    }
    seals = fcntl(object.fd, F_GET_SEALS);
    if (object.kind != VIRTIO_EXPORT_KIND_DMABUF &&
        (seals < 0 || !(seals & F_SEAL_SHRINK))) {
        error_setg(errp, "the object's owner could shrink it");
    } else {
        *size = lseek(object.fd, 0, SEEK_END);
        memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED,
                      object.fd, 0);
        if (memory == MAP_FAILED) {
            error_setg_errno(errp, errno, "cannot map the object");
        }
    }
    virtio_export_object_close(&object);
    return memory == MAP_FAILED ? NULL : memory;
}
/* End of the consumer */

/* The first byte of what is behind @uuid; 0 if nothing is */
static char look_up(const QemuUUID *uuid)
{
    VirtIOExportObject object;
    Error *err = NULL;
    char mark;

    if (!virtio_export_lookup(uuid, &object, &err)) {
        error_free_or_abort(&err);
        return 0;
    }
    g_assert_null(err);
    g_assert_cmpint(pread(object.fd, &mark, 1, 0), ==, 1);
    virtio_export_object_close(&object);
    return mark;
}

static void assert_refused(const QemuUUID *uuid, const char *reason)
{
    VirtIOExportObject object;
    Error *err = NULL;

    g_assert_false(virtio_export_lookup(uuid, &object, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, reason);
    error_free(err);
}

static void no_exporter(void)
{
    assert_refused(&uuid_a, "no device exports an object with UUID "
                   "30313233-3435-3637-3839-616263646566");
    g_assert_false(virtio_export_exists(&uuid_a));
}

static void unknown_uuid(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');

    assert_refused(&uuid_b, "no device exports an object with UUID "
                   "30313233-3435-3637-3839-616263646546");
    g_assert_false(virtio_export_exists(&uuid_b));
    object_unref(OBJECT(a));
}

static void not_exportable(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');

    a->obstacle = "made of glass";
    assert_refused(&uuid_a, "cannot export the object with UUID "
                   "30313233-3435-3637-3839-616263646566: made of glass");
    g_assert_true(virtio_export_exists(&uuid_a));
    object_unref(OBJECT(a));
}

static void exporter_gone(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    TestExporter *b = new_exporter(TYPE_TEST_EXPORTER, &uuid_b, 'b');

    object_unref(OBJECT(a));
    assert_refused(&uuid_a, "no device exports an object with UUID "
                   "30313233-3435-3637-3839-616263646566");
    g_assert_cmpint(look_up(&uuid_b), ==, 'b');
    object_unref(OBJECT(b));
}

static void memory_outlives_exporter(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    unsigned int before = num_fds();
    size_t size;
    char *map;

    map = consumer_map(&uuid_a, &size, &error_abort);
    g_assert_cmpuint(num_fds(), ==, before);
    g_assert_cmpuint(size, ==, 4096);
    object_unref(OBJECT(a));
    g_assert_cmpint(map[0], ==, 'a');
    munmap(map, size);
}

static void consumer_maps_no_unsealed_memory(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    unsigned int before = num_fds();
    Error *err = NULL;
    size_t size;

    close(a->object.fd);
    a->object.fd = qemu_memfd_create("exported", 4096, false, 0, 0,
                                     &error_abort);
    g_assert_null(consumer_map(&uuid_a, &size, &err));
    error_free_or_abort(&err);
    g_assert_cmpuint(num_fds(), ==, before);
    object_unref(OBJECT(a));
}

static void every_field(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    int fd = a->object.fd;
    VirtIOExportObject object;
    unsigned int i;

    a->object = (VirtIOExportObject) {
        .fd = fd,
        .kind = VIRTIO_EXPORT_KIND_DMABUF,
        .size = 0x123456789a,
        .width = 641,
        .height = 479,
        .fourcc = DRM_FORMAT_YUV420,
        .modifier = DRM_FORMAT_MOD_LINEAR,
        .num_planes = 3,
        .strides = { 704, 352, 353 },
        .offsets = { 1, 337216, 421520 },
    };
    g_assert_true(virtio_export_lookup(&uuid_a, &object, &error_abort));
    g_assert_cmpint(object.kind, ==, VIRTIO_EXPORT_KIND_DMABUF);
    g_assert_cmpuint(object.size, ==, 0x123456789a);
    g_assert_cmpuint(object.width, ==, 641);
    g_assert_cmpuint(object.height, ==, 479);
    g_assert_cmpuint(object.fourcc, ==, DRM_FORMAT_YUV420);
    g_assert_cmpuint(object.modifier, ==, DRM_FORMAT_MOD_LINEAR);
    g_assert_cmpuint(object.num_planes, ==, 3);
    for (i = 0; i < 3; i++) {
        g_assert_cmpuint(object.strides[i], ==, a->object.strides[i]);
        g_assert_cmpuint(object.offsets[i], ==, a->object.offsets[i]);
    }
    virtio_export_object_close(&object);
    object_unref(OBJECT(a));
}

static void descriptor_is_the_callers(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    unsigned int before = num_fds();
    VirtIOExportObject object;

    g_assert_true(virtio_export_lookup(&uuid_a, &object, &error_abort));
    g_assert_cmpint(object.fd, !=, a->object.fd);
    g_assert_cmpint(fcntl(object.fd, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpuint(num_fds(), ==, before + 1);
    virtio_export_object_close(&object);
    g_assert_cmpuint(num_fds(), ==, before);

    /* closing twice closes nothing of somebody else's */
    virtio_export_object_close(&object);
    g_assert_cmpuint(num_fds(), ==, before);
    g_assert_cmpint(look_up(&uuid_a), ==, 'a');
    object_unref(OBJECT(a));
}

static void refusals_make_no_descriptor(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    unsigned int before = num_fds();

    a->obstacle = "made of glass";
    g_assert_cmpint(look_up(&uuid_a), ==, 0);
    g_assert_cmpint(look_up(&uuid_b), ==, 0);
    g_assert_true(virtio_export_exists(&uuid_a));
    g_assert_cmpuint(num_fds(), ==, before);
    object_unref(OBJECT(a));
}

static void uuid_is_not_kept(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    QemuUUID uuid = uuid_a;

    g_assert_cmpint(look_up(&uuid), ==, 'a');
    memset(&uuid, 0x55, sizeof(uuid));
    g_assert_cmpint(look_up(&uuid), ==, 0);
    g_assert_cmpint(look_up(&uuid_a), ==, 'a');
    object_unref(OBJECT(a));
}

/* whoever came first: another process cannot stand in for a device */
static void last_is_asked_last(gconstpointer last_comes_first)
{
    TestExporter *device = NULL, *last;

    if (!last_comes_first) {
        device = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'd');
    }
    last = new_exporter(TYPE_TEST_LAST_EXPORTER, &uuid_a, 'l');
    if (last_comes_first) {
        device = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'd');
    }
    g_assert_cmpint(look_up(&uuid_a), ==, 'd');
    g_assert_cmpuint(last->asked, ==, 0);
    object_unref(OBJECT(device));
    g_assert_cmpint(look_up(&uuid_a), ==, 'l');
    object_unref(OBJECT(last));
}

static void each_is_asked_once(void)
{
    TestExporter *t[20];
    int i;

    for (i = 0; i < ARRAY_SIZE(t); i++) {
        t[i] = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    }
    g_assert_cmpint(look_up(&uuid_b), ==, 0);
    for (i = 0; i < ARRAY_SIZE(t); i++) {
        g_assert_cmpuint(t[i]->asked, ==, 1);
        object_unref(OBJECT(t[i]));
    }
}

static void unregistered_is_not_asked(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');

    virtio_exporter_unregister(VIRTIO_EXPORTER(a));
    g_assert_cmpint(look_up(&uuid_a), ==, 0);
    g_assert_cmpuint(a->asked, ==, 0);
    /* finalize does it again */
    object_unref(OBJECT(a));
}

static void append_mark(const VirtIOExportInfo *info, void *opaque)
{
    g_assert_cmpint(info->object.fd, ==, -1);
    g_string_append_printf(opaque, "%c%s ", (char)info->object.width,
                           info->obstacle ?: "");
}

static void foreach_tells_all(void)
{
    g_autoptr(GString) told = g_string_new(NULL);
    TestExporter *l = new_exporter(TYPE_TEST_LAST_EXPORTER, &uuid_a, 'l');
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    TestExporter *b = new_exporter(TYPE_TEST_EXPORTER, &uuid_b, 'b');
    unsigned int before = num_fds();

    a->obstacle = "!";
    virtio_export_foreach(append_mark, told);
    g_assert_cmpstr(told->str, ==, "b a! l ");
    g_assert_cmpuint(num_fds(), ==, before);
    g_assert_cmpuint(a->asked + b->asked + l->asked, ==, 0);
    object_unref(OBJECT(l));
    object_unref(OBJECT(a));
    object_unref(OBJECT(b));
}

int main(int argc, char **argv)
{
    int i;

    qemu_init_main_loop(&error_abort);
    module_call_init(MODULE_INIT_QOM);
    for (i = 0; i < ARRAY_SIZE(test_types); i++) {
        type_register_static(&test_types[i]);
    }

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-export/refused/no-exporter", no_exporter);
    g_test_add_func("/virtio-export/refused/unknown-uuid", unknown_uuid);
    g_test_add_func("/virtio-export/refused/not-exportable", not_exportable);
    g_test_add_func("/virtio-export/refused/exporter-gone", exporter_gone);
    g_test_add_func("/virtio-export/refused/makes-no-descriptor",
                    refusals_make_no_descriptor);
    g_test_add_func("/virtio-export/lookup/every-field", every_field);
    g_test_add_func("/virtio-export/lookup/descriptor-is-the-callers",
                    descriptor_is_the_callers);
    g_test_add_func("/virtio-export/lookup/memory-outlives-exporter",
                    memory_outlives_exporter);
    g_test_add_func("/virtio-export/lookup/consumer-maps-no-unsealed-memory",
                    consumer_maps_no_unsealed_memory);
    g_test_add_func("/virtio-export/lookup/uuid-is-not-kept",
                    uuid_is_not_kept);
    g_test_add_data_func("/virtio-export/order/last-registered-last",
                         NULL, last_is_asked_last);
    g_test_add_data_func("/virtio-export/order/last-registered-first",
                         "first", last_is_asked_last);
    g_test_add_func("/virtio-export/order/each-is-asked-once",
                    each_is_asked_once);
    g_test_add_func("/virtio-export/order/unregistered-is-not-asked",
                    unregistered_is_not_asked);
    g_test_add_func("/virtio-export/foreach/tells-all", foreach_tells_all);
    return g_test_run();
}
