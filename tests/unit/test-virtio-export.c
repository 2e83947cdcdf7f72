/*
 * Tests of virtio-export: every rule of the lookup, with exporters of the test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/memfd.h"
#include "qemu/timer.h"
#include "hw/virtio/virtio-export.h"
#include "hw/virtio/virtio-export-compat.h"
#include "hw/virtio/virtio-export-info.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "open-fds.h"

/* Most lookups that end by their deadlines before the main loop goes on */
#define MAX_EXPIRED 64

#define TYPE_TEST_EXPORTER "test-exporter"
#define TYPE_TEST_LAST_EXPORTER "test-last-exporter"
OBJECT_DECLARE_SIMPLE_TYPE(TestExporter, TEST_EXPORTER)

/* Exports one object */
struct TestExporter {
    Object parent_obj;

    QemuUUID uuid;
    VirtIOExportObject object;
    const char *obstacle;
    bool busy;                  /* cannot answer now */
    GQueue lookups;             /* of VirtIOExportLookup, to be answered */
    unsigned int asked;
    unsigned int cancelled;
};

static const QemuUUID uuid_a = { .data = "0123456789abcdef" };
static const QemuUUID uuid_b = { .data = "0123456789abcdeF" };

static VirtIOExportStatus test_export(VirtIOExporter *exporter,
                                      VirtIOExportLookup *lookup,
                                      VirtIOExportObject *object, Error **errp)
{
    TestExporter *t = TEST_EXPORTER(exporter);

    t->asked++;
    /* an exporter that was asked earlier must not have changed it */
    g_assert_cmpint(object->fd, ==, -1);
    g_assert_cmpint(object->num_planes, ==, 0);
    object->width = t->object.width;
    if (!qemu_uuid_is_equal(virtio_export_lookup_uuid(lookup), &t->uuid)) {
        return VIRTIO_EXPORT_UNKNOWN;
    }
    if (t->obstacle) {
        error_setg(errp, "%s", t->obstacle);
        return VIRTIO_EXPORT_FAILED;
    }
    if (t->busy) {
        if (!g_queue_find(&t->lookups, lookup)) {
            g_queue_push_tail(&t->lookups, lookup);
        }
        return VIRTIO_EXPORT_PENDING;
    }
    g_queue_remove(&t->lookups, lookup);
    *object = t->object;
    object->fd = qemu_dup(t->object.fd);
    g_assert_cmpint(object->fd, >=, 0);
    return VIRTIO_EXPORT_DONE;
}

static void test_cancel(VirtIOExporter *exporter, VirtIOExportLookup *lookup)
{
    TestExporter *t = TEST_EXPORTER(exporter);

    g_assert_true(g_queue_remove(&t->lookups, lookup));
    t->cancelled++;
}

static bool test_exists(VirtIOExporter *exporter, const QemuUUID *uuid)
{
    return qemu_uuid_is_equal(uuid, &TEST_EXPORTER(exporter)->uuid);
}

static void test_foreach(VirtIOExporter *exporter, const QemuUUID *uuid,
                         VirtIOExportInfoFn *fn, void *opaque)
{
    TestExporter *t = TEST_EXPORTER(exporter);
    VirtIOExportInfo info = {
        .exporter = exporter,
        .owner = OBJECT(t),
        .uuid = &t->uuid,
        .object = t->object,
        .unavailable_reason = t->obstacle,
    };

    info.object.fd = -1;
    if (!uuid || qemu_uuid_is_equal(uuid, &t->uuid)) {
        fn(&info, opaque);
    }
}

static void test_exporter_finalize(Object *obj)
{
    TestExporter *t = TEST_EXPORTER(obj);

    g_queue_clear(&t->lookups);
    close(t->object.fd);
}

static void test_exporter_class_init(ObjectClass *klass,
                                     VirtIOExportClassData *data)
{
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_CLASS(klass);

    vec->exists = test_exists;
    vec->export = test_export;
    vec->cancel = test_cancel;
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

/* Create an exporter of @uuid whose memory starts with the byte @mark */
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

/* Create an exporter that answers later */
static TestExporter *new_busy_exporter(const QemuUUID *uuid, char mark)
{
    TestExporter *t = new_exporter(TYPE_TEST_EXPORTER, uuid, mark);

    t->busy = true;
    return t;
}

static void end_exporter(TestExporter *t)
{
    virtio_exporter_unregister(VIRTIO_EXPORTER(t));
    object_unref(OBJECT(t));
}

/* Let the exporter answer the oldest pending lookup */
static void answer(TestExporter *t)
{
    VirtIOExportObject object = t->object;

    object.fd = qemu_dup(t->object.fd);
    virtio_export_answer(g_queue_pop_head(&t->lookups), &object, NULL);
}

static void retry(TestExporter *t)
{
    virtio_export_retry(VIRTIO_EXPORTER(t));
}

/* A consumer: maps what the guest has named */
typedef struct Consumer {
    VirtIOExportLookup *lookup;     /* pending, or NULL */
    void *memory;
    size_t size;
    Error *err;
} Consumer;

static void *consumer_map(int fd, VirtIOExportKind kind, size_t size,
                          Error **errp)
{
    int seals = fcntl(fd, F_GET_SEALS);
    void *memory;

    if (kind != VIRTIO_EXPORT_KIND_DMABUF &&
        (seals < 0 || !(seals & F_SEAL_SHRINK))) {
        error_setg(errp, "the object's owner could shrink it");
        return NULL;
    }
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot map the object");
        return NULL;
    }
    return memory;
}

static void consumer_lookup_done(void *opaque,
                                 const VirtIOExportObject *object, Error *err)
{
    Consumer *c = opaque;

    c->lookup = NULL;
    if (object) {
        c->size = lseek(object->fd, 0, SEEK_END);
        c->memory = consumer_map(object->fd, object->kind, c->size, &err);
        close(object->fd);
    }
    c->err = err;
}

static void consumer_start(Consumer *c, const QemuUUID *uuid)
{
    c->lookup = virtio_export_lookup(uuid, consumer_lookup_done, c);
}

static void consumer_stop(Consumer *c)
{
    if (c->lookup) {
        virtio_export_cancel(c->lookup);
    }
    if (c->memory) {
        munmap(c->memory, c->size);
    }
    error_free(c->err);
}
/* End of the consumer */

/* Result of a lookup */
typedef struct Result {
    VirtIOExportLookup *lookup; /* pending, or NULL */
    unsigned int calls;
    VirtIOExportObject object;
    Error *err;
    unsigned int turn;          /* position among the lookups that ended */
    int64_t ended;              /* ms of QEMU_CLOCK_REALTIME */
    void (*then)(void *opaque); /* called when it ends */
    void *opaque;
} Result;

static unsigned int turns;

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
    r->turn = ++turns;
    r->ended = qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
    if (r->then) {
        r->then(r->opaque);
    }
}

static void start(Result *r, const QemuUUID *uuid)
{
    virtio_export_object_init(&r->object);
    r->lookup = virtio_export_lookup(uuid, set_result, r);
}

static void start_pending(Result *r, const QemuUUID *uuid)
{
    start(r, uuid);
    g_assert_nonnull(r->lookup);
    g_assert_cmpuint(r->calls, ==, 0);
}

/* Check that the memory found starts with the byte @mark */
static void assert_result(Result *r, char mark)
{
    char found;

    g_assert_cmpuint(r->calls, ==, 1);
    g_assert_null(r->lookup);
    g_assert_null(r->err);
    g_assert_cmpint(pread(r->object.fd, &found, 1, 0), ==, 1);
    g_assert_cmpint(found, ==, mark);
    virtio_export_object_close(&r->object);
}

static void assert_error(Result *r, const char *reason)
{
    g_assert_cmpuint(r->calls, ==, 1);
    g_assert_null(r->lookup);
    g_assert_cmpint(r->object.fd, ==, -1);
    g_assert_cmpstr(error_get_pretty(r->err), ==, reason);
    g_clear_pointer(&r->err, error_free);
}

/* Return: first byte of the object with @uuid; 0 if the lookup fails */
static char look_up(const QemuUUID *uuid)
{
    Result r = { };
    char mark = 0;

    start(&r, uuid);
    g_assert_null(r.lookup);
    g_assert_cmpuint(r.calls, ==, 1);
    if (!r.err) {
        g_assert_cmpint(pread(r.object.fd, &mark, 1, 0), ==, 1);
    }
    virtio_export_object_close(&r.object);
    error_free(r.err);
    return mark;
}

#define UNKNOWN_A "no device exports an object with UUID " \
                  "30313233-3435-3637-3839-616263646566"
#define UNKNOWN_B "no device exports an object with UUID " \
                  "30313233-3435-3637-3839-616263646546"
#define NO_A "cannot export the object with UUID " \
             "30313233-3435-3637-3839-616263646566: "
#define NO_B "cannot export the object with UUID " \
             "30313233-3435-3637-3839-616263646546: "

static void assert_rejected(const QemuUUID *uuid, const char *reason)
{
    Result r = { };

    start(&r, uuid);
    assert_error(&r, reason);
}

static void no_exporter(void)
{
    assert_rejected(&uuid_a, UNKNOWN_A);
    g_assert_false(virtio_export_exists(&uuid_a));
}

static void unknown_uuid(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');

    assert_rejected(&uuid_b, UNKNOWN_B);
    g_assert_false(virtio_export_exists(&uuid_b));
    end_exporter(a);
}

static void not_exportable(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');

    a->obstacle = "made of glass";
    assert_rejected(&uuid_a, NO_A "made of glass");
    g_assert_true(virtio_export_exists(&uuid_a));
    end_exporter(a);
}

static void exporter_gone(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    TestExporter *b = new_exporter(TYPE_TEST_EXPORTER, &uuid_b, 'b');

    end_exporter(a);
    assert_rejected(&uuid_a, UNKNOWN_A);
    g_assert_cmpint(look_up(&uuid_b), ==, 'b');
    end_exporter(b);
}

static void memory_outlives_exporter(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    unsigned int before = open_fds();
    Consumer c = { };

    consumer_start(&c, &uuid_a);
    g_assert_null(c.lookup);
    g_assert_null(c.err);
    g_assert_cmpuint(open_fds(), ==, before);
    g_assert_cmpuint(c.size, ==, 4096);
    end_exporter(a);
    g_assert_cmpint(*(char *)c.memory, ==, 'a');
    consumer_stop(&c);
}

static void consumer_maps_no_unsealed_memory(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    unsigned int before = open_fds();
    Consumer c = { };

    close(a->object.fd);
    a->object.fd = qemu_memfd_create("exported", 4096, false, 0, 0,
                                     &error_abort);
    consumer_start(&c, &uuid_a);
    g_assert_null(c.memory);
    g_assert_nonnull(c.err);
    g_assert_cmpuint(open_fds(), ==, before);
    consumer_stop(&c);
    end_exporter(a);
}

static void consumer_waits(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    unsigned int before = open_fds();
    Consumer c = { }, gone = { };

    consumer_start(&c, &uuid_a);
    consumer_start(&gone, &uuid_a);
    g_assert_nonnull(c.lookup);
    g_assert_nonnull(gone.lookup);
    consumer_stop(&gone);
    answer(a);
    g_assert_cmpint(*(char *)c.memory, ==, 'a');
    consumer_stop(&c);
    g_assert_true(g_queue_is_empty(&a->lookups));
    g_assert_cmpuint(open_fds(), ==, before);
    end_exporter(a);
}

static const VirtIOExportObject every_field_set = {
    .kind = VIRTIO_EXPORT_KIND_DMABUF,
    .size = 0x123456789a,
    .width = 641,
    .height = 479,
    .fourcc = DRM_FORMAT_YUV420,
    .modifier = DRM_FORMAT_MOD_LINEAR,
    .num_planes = 3,
    .strides = { 704, 352, 353 },
    .offsets = { 1, 337216, 421520 },
    .bottom_up = true,
};

static void set_every_field(TestExporter *t)
{
    int fd = t->object.fd;

    t->object = every_field_set;
    t->object.fd = fd;
}

static void assert_every_field(const VirtIOExportObject *object)
{
    const VirtIOExportObject *want = &every_field_set;
    unsigned int i;

    g_assert_cmpint(object->kind, ==, want->kind);
    g_assert_cmpuint(object->size, ==, want->size);
    g_assert_cmpuint(object->width, ==, want->width);
    g_assert_cmpuint(object->height, ==, want->height);
    g_assert_cmpuint(object->fourcc, ==, want->fourcc);
    g_assert_cmpuint(object->modifier, ==, want->modifier);
    g_assert_cmpuint(object->num_planes, ==, want->num_planes);
    for (i = 0; i < want->num_planes; i++) {
        g_assert_cmpuint(object->strides[i], ==, want->strides[i]);
        g_assert_cmpuint(object->offsets[i], ==, want->offsets[i]);
    }
    g_assert_cmpint(object->bottom_up, ==, want->bottom_up);
}

static void every_field(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    Result r = { };

    set_every_field(a);
    start(&r, &uuid_a);
    assert_every_field(&r.object);
    assert_result(&r, 'a');
    end_exporter(a);
}

/* Check that the invalid geometry is dropped, and that the memory is kept */
static void assert_no_geometry(Result *r)
{
    g_assert_cmpint(r->object.kind, ==, VIRTIO_EXPORT_KIND_DMABUF);
    g_assert_cmpuint(r->object.size, ==, 0x123456789a);
    g_assert_cmpuint(r->object.width, ==, 0);
    g_assert_cmpuint(r->object.height, ==, 0);
    g_assert_cmpuint(r->object.fourcc, ==, DRM_FORMAT_INVALID);
    g_assert_cmpuint(r->object.modifier, ==, DRM_FORMAT_MOD_INVALID);
    g_assert_cmpuint(r->object.num_planes, ==, 0);
    g_assert_cmpuint(r->object.strides[0], ==, 0);
    g_assert_cmpuint(r->object.offsets[0], ==, 0);
    g_assert_false(r->object.bottom_up);
    assert_result(r, 'a');
}

static void wrong_geometry_is_dropped(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    Result now = { }, later = { }, retried = { };
    unsigned int before = open_fds();

    set_every_field(a);
    a->object.height = UINT32_MAX;
    start(&now, &uuid_a);
    assert_no_geometry(&now);
    a->busy = true;
    start_pending(&later, &uuid_a);
    answer(a);
    assert_no_geometry(&later);
    start_pending(&retried, &uuid_a);
    a->busy = false;
    retry(a);
    assert_no_geometry(&retried);
    g_assert_cmpuint(open_fds(), ==, before);
    end_exporter(a);
}

static void descriptor_is_the_callers(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    unsigned int before = open_fds();
    Result r = { };

    start(&r, &uuid_a);
    g_assert_cmpint(r.object.fd, !=, a->object.fd);
    g_assert_cmpint(fcntl(r.object.fd, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpuint(open_fds(), ==, before + 1);
    virtio_export_object_close(&r.object);
    g_assert_cmpuint(open_fds(), ==, before);

    /* closing twice does not close another file */
    virtio_export_object_close(&r.object);
    g_assert_cmpuint(open_fds(), ==, before);
    g_assert_cmpint(look_up(&uuid_a), ==, 'a');
    end_exporter(a);
}

static void rejections_make_no_descriptor(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    unsigned int before = open_fds();

    a->obstacle = "made of glass";
    g_assert_cmpint(look_up(&uuid_a), ==, 0);
    g_assert_cmpint(look_up(&uuid_b), ==, 0);
    g_assert_true(virtio_export_exists(&uuid_a));
    g_assert_cmpuint(open_fds(), ==, before);
    end_exporter(a);
}

static void uuid_is_not_kept(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');
    QemuUUID uuid = uuid_a;
    Result r = { };

    g_assert_cmpint(look_up(&uuid), ==, 'a');
    a->busy = true;
    start_pending(&r, &uuid);
    memset(&uuid, 0x55, sizeof(uuid));
    g_assert_cmpint(look_up(&uuid), ==, 0);

    g_assert_true(qemu_uuid_is_equal(virtio_export_lookup_uuid(r.lookup),
                                     &uuid_a));
    a->busy = false;
    retry(a);
    assert_result(&r, 'a');
    end_exporter(a);
}

static void exists(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    TestExporter *b;

    g_assert_true(virtio_export_exists(&uuid_a));
    g_assert_false(virtio_export_exists(&uuid_b));
    b = new_exporter(TYPE_TEST_LAST_EXPORTER, &uuid_b, 'b');
    g_assert_true(virtio_export_exists(&uuid_a));
    g_assert_true(virtio_export_exists(&uuid_b));
    g_assert_cmpuint(a->asked + b->asked, ==, 0);
    end_exporter(a);
    g_assert_false(virtio_export_exists(&uuid_a));
    g_assert_true(virtio_export_exists(&uuid_b));
    end_exporter(b);
    g_assert_false(virtio_export_exists(&uuid_b));
}

/*
 * In either order of registration, the device is asked first: another process
 * cannot take the place of a device
 */
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
    end_exporter(device);
    g_assert_cmpint(look_up(&uuid_a), ==, 'l');
    end_exporter(last);
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
        end_exporter(t[i]);
    }
}

/* While a lookup is pending, no later exporter is asked */
static void pending_ends_the_search(void)
{
    TestExporter *last = new_exporter(TYPE_TEST_LAST_EXPORTER, &uuid_a, 'l');
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result r = { };

    start_pending(&r, &uuid_a);
    g_assert_cmpuint(last->asked, ==, 0);
    end_exporter(a);
    assert_error(&r, NO_A "the exporter is gone");
    g_assert_cmpuint(last->asked, ==, 0);
    end_exporter(last);
}

static void unregistered_is_not_asked(void)
{
    TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');

    virtio_exporter_unregister(VIRTIO_EXPORTER(a));
    g_assert_cmpint(look_up(&uuid_a), ==, 0);
    g_assert_false(virtio_export_exists(&uuid_a));
    retry(a);
    g_assert_cmpuint(a->asked, ==, 0);
    object_unref(OBJECT(a));
}

/* realize, unrealize, realize */
static void registered_again(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result before = { }, after = { };

    start_pending(&before, &uuid_a);
    virtio_exporter_unregister(VIRTIO_EXPORTER(a));
    assert_error(&before, NO_A "the exporter is gone");
    virtio_exporter_register(VIRTIO_EXPORTER(a));
    start_pending(&after, &uuid_a);
    g_assert_cmpuint(a->asked, ==, 2);
    answer(a);
    assert_result(&after, 'a');
    end_exporter(a);
}

static void registered_twice(void)
{
    if (g_test_subprocess()) {
        TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');

        virtio_exporter_register(VIRTIO_EXPORTER(a));
        exit(EXIT_SUCCESS);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*virtio_exporter_register*");
}

static void unregistered_twice(void)
{
    if (g_test_subprocess()) {
        TestExporter *a = new_exporter(TYPE_TEST_EXPORTER, &uuid_a, 'a');

        virtio_exporter_unregister(VIRTIO_EXPORTER(a));
        virtio_exporter_unregister(VIRTIO_EXPORTER(a));
        exit(EXIT_SUCCESS);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*virtio_exporter_unregister*");
}

static void answered_later(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    unsigned int before = open_fds();
    Result r = { };

    set_every_field(a);
    start_pending(&r, &uuid_a);
    g_assert_cmpuint(open_fds(), ==, before);
    answer(a);
    g_assert_cmpuint(open_fds(), ==, before + 1);
    assert_every_field(&r.object);
    assert_result(&r, 'a');
    end_exporter(a);
    g_assert_cmpuint(r.calls, ==, 1);
    g_assert_cmpint(virtio_export_expire(), ==, -1);
}

static void answered_with_an_error(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Error *err = NULL;
    Result r = { };

    start_pending(&r, &uuid_a);
    error_setg(&err, "made of glass");
    virtio_export_answer(g_queue_pop_head(&a->lookups), NULL, err);
    assert_error(&r, NO_A "made of glass");
    g_assert_cmpuint(a->cancelled, ==, 0);
    end_exporter(a);
}

static void cancelled(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    unsigned int before = open_fds();
    Result r = { }, kept = { };

    start_pending(&r, &uuid_a);
    start_pending(&kept, &uuid_a);
    virtio_export_cancel(r.lookup);
    g_assert_cmpuint(a->cancelled, ==, 1);
    g_assert_cmpuint(open_fds(), ==, before);
    answer(a);
    assert_result(&kept, 'a');
    g_assert_true(g_queue_is_empty(&a->lookups));
    end_exporter(a);
    g_assert_cmpuint(r.calls, ==, 0);
}

/* An exporter may have no cancel method */
static void cancelled_without_notice(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_GET_CLASS(a);
    Result r = { }, gone = { };

    vec->cancel = NULL;
    start_pending(&r, &uuid_a);
    start_pending(&gone, &uuid_a);
    virtio_export_cancel(r.lookup);
    end_exporter(a);
    g_assert_cmpuint(r.calls, ==, 0);
    assert_error(&gone, NO_A "the exporter is gone");
    vec->cancel = test_cancel;
}

static void pending_exporter_gone(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    TestExporter *b = new_busy_exporter(&uuid_b, 'b');
    Result a1 = { }, b1 = { }, a2 = { }, b2 = { };
    unsigned int before = open_fds();

    start_pending(&a1, &uuid_a);
    start_pending(&b1, &uuid_b);
    start_pending(&a2, &uuid_a);
    start_pending(&b2, &uuid_b);

    virtio_exporter_unregister(VIRTIO_EXPORTER(a));
    assert_error(&a1, NO_A "the exporter is gone");
    assert_error(&a2, NO_A "the exporter is gone");
    g_assert_cmpuint(a1.turn, <, a2.turn);
    g_assert_cmpuint(a->cancelled, ==, 2);
    g_assert_cmpuint(b1.calls + b2.calls + b->cancelled, ==, 0);
    g_assert_cmpuint(open_fds(), ==, before);
    object_unref(OBJECT(a));

    answer(b);
    answer(b);
    assert_result(&b1, 'b');
    assert_result(&b2, 'b');
    end_exporter(b);
}

/* An exporter answers its lookups in an order of its own */
static void answered_in_any_order(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result r[8] = { };
    int i;

    for (i = 0; i < ARRAY_SIZE(r); i++) {
        start_pending(&r[i], &uuid_a);
    }
    for (i = 1; i < ARRAY_SIZE(r); i++) {
        g_queue_push_tail(&a->lookups, g_queue_pop_nth(&a->lookups, i % 3));
    }
    for (i = 0; i < ARRAY_SIZE(r); i++) {
        VirtIOExportLookup *next = g_queue_peek_head(&a->lookups);
        int j = 0;

        while (r[j].lookup != next) {
            j++;
        }
        answer(a);
        assert_result(&r[j], 'a');
    }
    g_assert_cmpint(virtio_export_expire(), ==, -1);
    end_exporter(a);
}

static void expire_without_pending(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result r = { };

    g_assert_cmpint(virtio_export_expire(), ==, -1);
    start_pending(&r, &uuid_a);
    g_assert_cmpint(virtio_export_expire(), >=, 1);
    g_assert_cmpint(virtio_export_expire(), <=, VIRTIO_EXPORT_DEADLINE_MS);
    g_assert_cmpuint(r.calls, ==, 0);
    virtio_export_cancel(r.lookup);
    g_assert_cmpint(virtio_export_expire(), ==, -1);
    end_exporter(a);
}

static void wait_for(const Result *r)
{
    while (!r->calls) {
        main_loop_wait(false);
    }
}

static void start_pending_a(void *opaque)
{
    start_pending(opaque, &uuid_a);
}

/*
 * When the deadline of the first lookup passes, its callback starts a new
 * lookup.  The timer must still fire for the second lookup, whose deadline is
 * earlier than that of the new one.
 */
static void deadline(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    int64_t started = qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
    g_autofree char *reason =
        g_strdup_printf(NO_A "no answer within %d ms",
                        VIRTIO_EXPORT_DEADLINE_MS);
    Result again = { }, second = { };
    Result first = { .then = start_pending_a, .opaque = &again };

    start_pending(&first, &uuid_a);
    g_usleep(20 * 1000);
    start_pending(&second, &uuid_a);

    wait_for(&first);
    g_assert_cmpint(first.ended - started, >=, VIRTIO_EXPORT_DEADLINE_MS);
    assert_error(&first, reason);
    wait_for(&second);
    g_assert_cmpint(second.ended - first.ended, <,
                    VIRTIO_EXPORT_DEADLINE_MS / 2);
    assert_error(&second, reason);
    g_assert_cmpuint(a->cancelled, ==, 2);

    g_assert_cmpuint(again.calls, ==, 0);
    answer(a);
    assert_result(&again, 'a');
    end_exporter(a);
}

static unsigned int sum_calls(const Result *results, unsigned int num)
{
    unsigned int sum = 0, i;

    for (i = 0; i < num; i++) {
        sum += results[i].calls;
    }
    return sum;
}

/* Very many deadlines at once do not hold the main loop up */
static void deadline_of_many(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result r[3 * MAX_EXPIRED + 1] = { };
    unsigned int ended;
    int i;

    for (i = 0; i < ARRAY_SIZE(r); i++) {
        start_pending(&r[i], &uuid_a);
    }
    g_usleep(VIRTIO_EXPORT_DEADLINE_MS * 1000 + 10 * 1000);
    g_assert_cmpint(virtio_export_expire(), ==, 0);
    g_assert_cmpuint(sum_calls(r, ARRAY_SIZE(r)), ==, MAX_EXPIRED);
    do {
        ended = sum_calls(r, ARRAY_SIZE(r));
        main_loop_wait(false);
        g_assert_cmpuint(sum_calls(r, ARRAY_SIZE(r)) - ended, <=,
                         MAX_EXPIRED);
    } while (sum_calls(r, ARRAY_SIZE(r)) < ARRAY_SIZE(r));
    g_assert_cmpint(virtio_export_expire(), ==, -1);
    for (i = 0; i < ARRAY_SIZE(r); i++) {
        error_free(r[i].err);
    }
    end_exporter(a);
}

static void retry_without_pending(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    TestExporter *b = new_busy_exporter(&uuid_b, 'b');
    Result r = { };

    retry(a);
    start_pending(&r, &uuid_b);
    retry(a);
    g_assert_cmpuint(a->asked, ==, 0);
    g_assert_cmpuint(b->asked, ==, 1);
    virtio_export_cancel(r.lookup);
    end_exporter(a);
    retry(b);
    end_exporter(b);
}

static void retry_pending_again(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result r = { }, other = { };
    int i;

    start_pending(&r, &uuid_a);
    start_pending(&other, &uuid_a);
    for (i = 1; i < 4; i++) {
        g_assert_cmpuint(a->asked, ==, i * 2);
        retry(a);
    }
    g_assert_cmpuint(r.calls + other.calls + a->cancelled, ==, 0);
    answer(a);
    answer(a);
    assert_result(&r, 'a');
    assert_result(&other, 'a');
    end_exporter(a);
}

static void retry_done(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    TestExporter *b = new_busy_exporter(&uuid_b, 'b');
    Result a1 = { }, a2 = { }, b1 = { };

    start_pending(&a1, &uuid_a);
    start_pending(&b1, &uuid_b);
    start_pending(&a2, &uuid_a);
    a->busy = b->busy = false;
    b->asked = 0;
    retry(a);
    g_assert_cmpuint(a1.turn, <, a2.turn);
    assert_result(&a1, 'a');
    assert_result(&a2, 'a');
    g_assert_cmpuint(a->cancelled, ==, 0);
    g_assert_cmpuint(b1.calls + b->asked, ==, 0);
    retry(b);
    assert_result(&b1, 'b');
    end_exporter(a);
    end_exporter(b);
}

static void retry_failed(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    unsigned int before = open_fds();
    Result r = { }, other = { };

    start_pending(&r, &uuid_a);
    start_pending(&other, &uuid_a);
    a->obstacle = "made of glass";
    g_queue_clear(&a->lookups);
    retry(a);
    assert_error(&r, NO_A "made of glass");
    assert_error(&other, NO_A "made of glass");
    g_assert_cmpuint(open_fds(), ==, before);
    end_exporter(a);
}

/* The exporter has removed the object before the retry */
static void retry_unknown(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result r = { };

    start_pending(&r, &uuid_a);
    a->uuid = uuid_b;
    g_queue_clear(&a->lookups);
    retry(a);
    assert_error(&r, UNKNOWN_A);
    end_exporter(a);
}

/* The end of one lookup does not end the others */
static void retry_some(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result r = { }, gone = { }, other = { };

    start_pending(&r, &uuid_a);
    a->uuid = uuid_b;
    start_pending(&gone, &uuid_b);
    a->uuid = uuid_a;
    start_pending(&other, &uuid_a);
    g_queue_clear(&a->lookups);
    retry(a);
    assert_error(&gone, UNKNOWN_B);
    g_assert_cmpuint(r.calls + other.calls, ==, 0);
    answer(a);
    answer(a);
    assert_result(&r, 'a');
    assert_result(&other, 'a');
    end_exporter(a);
}

static void cancel_result(void *opaque)
{
    Result *r = opaque;

    if (r->lookup) {
        virtio_export_cancel(g_steal_pointer(&r->lookup));
    }
}

static void unregister(void *opaque)
{
    virtio_exporter_unregister(opaque);
}

static void retry_opaque(void *opaque)
{
    retry(opaque);
}

/* The ways in which lookups end */
static void end_by_answer(TestExporter *t)
{
    while (!g_queue_is_empty(&t->lookups)) {
        answer(t);
    }
}

static void end_by_retry(TestExporter *t)
{
    t->busy = false;
    retry(t);
}

static void end_by_unregister(TestExporter *t)
{
    virtio_exporter_unregister(VIRTIO_EXPORTER(t));
}

typedef struct End {
    const char *name;
    void (*end)(TestExporter *t);
    bool gone;
} End;

static const End ends[] = {
    { "answer", end_by_answer },
    { "retry", end_by_retry },
    { "unregister", end_by_unregister, true },
};

static void assert_ended(const End *end, Result *r)
{
    if (end->gone) {
        assert_error(r, NO_A "the exporter is gone");
    } else {
        assert_result(r, 'a');
    }
}

static void release(const End *end, TestExporter *t)
{
    if (!end->gone) {
        virtio_exporter_unregister(VIRTIO_EXPORTER(t));
    }
    object_unref(OBJECT(t));
}

static void start_a(void *opaque)
{
    start(opaque, &uuid_a);
}

/* The callback starts a new lookup of the same object */
static void callback_starts(gconstpointer data)
{
    const End *end = data;
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result again = { };
    Result first = { .then = start_a, .opaque = &again };
    Result second = { };

    start_pending(&first, &uuid_a);
    start_pending(&second, &uuid_a);
    end->end(a);
    assert_ended(end, &first);
    assert_ended(end, &second);
    if (end->gone) {
        assert_error(&again, UNKNOWN_A);
    } else {
        assert_result(&again, 'a');
    }
    release(end, a);
}

/* Callbacks cancel the next lookup, the one after it, another exporter's */
static void callback_cancels(gconstpointer data)
{
    const End *end = data;
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    TestExporter *b = new_busy_exporter(&uuid_b, 'b');
    Result r[5] = { };
    int i;

    for (i = 0; i < ARRAY_SIZE(r); i++) {
        r[i].then = cancel_result;
        start_pending(&r[i], i == 4 ? &uuid_b : &uuid_a);
    }
    r[0].opaque = &r[1];
    r[1].opaque = &r[0];
    r[2].opaque = &r[4];
    r[3].opaque = &r[0];
    end->end(a);
    assert_ended(end, &r[0]);
    g_assert_cmpuint(r[1].calls, ==, 0);
    assert_ended(end, &r[2]);
    assert_ended(end, &r[3]);
    g_assert_cmpuint(r[4].calls, ==, 0);
    g_assert_cmpuint(b->cancelled, ==, 1);
    release(end, a);
    end_exporter(b);
}

static void callback_unregisters_another(gconstpointer data)
{
    const End *end = data;
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    TestExporter *b = new_busy_exporter(&uuid_b, 'b');
    Result first = { .then = unregister, .opaque = b };
    Result other = { }, last = { };

    start_pending(&first, &uuid_a);
    start_pending(&other, &uuid_b);
    start_pending(&last, &uuid_a);
    end->end(a);
    assert_ended(end, &first);
    assert_error(&other, NO_B "the exporter is gone");
    assert_ended(end, &last);
    object_unref(OBJECT(b));
    release(end, a);
}

static void callback_retries(gconstpointer data)
{
    const End *end = data;
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    TestExporter *b = new_busy_exporter(&uuid_b, 'b');
    Result first = { .then = retry_opaque, .opaque = b };
    Result other = { }, last = { };

    start_pending(&first, &uuid_a);
    start_pending(&other, &uuid_b);
    start_pending(&last, &uuid_a);
    b->busy = false;
    end->end(a);
    assert_ended(end, &first);
    assert_result(&other, 'b');
    assert_ended(end, &last);
    end_exporter(b);
    release(end, a);
}

/* A callback of the retry unregisters the exporter: other lookups fail */
static void callback_unregisters_its_own(void)
{
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    Result first = { .then = unregister, .opaque = a };
    Result second = { };

    start_pending(&first, &uuid_a);
    start_pending(&second, &uuid_a);
    a->busy = false;
    retry(a);
    assert_result(&first, 'a');
    assert_error(&second, NO_A "the exporter is gone");
    g_assert_cmpuint(a->cancelled, ==, 1);
    object_unref(OBJECT(a));
}

static void append_mark(const VirtIOExportInfo *info, void *opaque)
{
    g_assert_cmpint(info->object.fd, ==, -1);
    g_string_append_printf(opaque, "%c%s ", (char)info->object.width,
                           info->unavailable_reason ?: "");
}

static void foreach_tells(void)
{
    g_autoptr(GString) all = g_string_new(NULL);
    g_autoptr(GString) of_a = g_string_new(NULL);
    TestExporter *l = new_exporter(TYPE_TEST_LAST_EXPORTER, &uuid_a, 'l');
    TestExporter *a = new_busy_exporter(&uuid_a, 'a');
    TestExporter *b = new_exporter(TYPE_TEST_EXPORTER, &uuid_b, 'b');
    VirtIOExporterClass *vec = VIRTIO_EXPORTER_GET_CLASS(l);
    unsigned int before = open_fds();

    a->obstacle = "!";
    virtio_export_foreach(NULL, append_mark, all);
    g_assert_cmpstr(all->str, ==, "b a! l ");
    virtio_export_foreach(&uuid_a, append_mark, of_a);
    g_assert_cmpstr(of_a->str, ==, "a! l ");

    /* an exporter may have no foreach method */
    vec->foreach = NULL;
    g_string_truncate(all, 0);
    virtio_export_foreach(NULL, append_mark, all);
    g_assert_cmpstr(all->str, ==, "b a! ");
    vec->foreach = test_foreach;

    g_assert_cmpuint(open_fds(), ==, before);
    g_assert_cmpuint(a->asked + b->asked + l->asked, ==, 0);
    end_exporter(l);
    end_exporter(a);
    end_exporter(b);
}

static void add_rejections(void)
{
    g_test_add_func("/virtio-export/failed/no-exporter", no_exporter);
    g_test_add_func("/virtio-export/failed/unknown-uuid", unknown_uuid);
    g_test_add_func("/virtio-export/failed/not-exportable", not_exportable);
    g_test_add_func("/virtio-export/failed/exporter-gone", exporter_gone);
    g_test_add_func("/virtio-export/failed/makes-no-descriptor",
                    rejections_make_no_descriptor);
}

static void add_lookups(void)
{
    g_test_add_func("/virtio-export/lookup/every-field", every_field);
    g_test_add_func("/virtio-export/lookup/descriptor-is-the-callers",
                    descriptor_is_the_callers);
    g_test_add_func("/virtio-export/lookup/memory-outlives-exporter",
                    memory_outlives_exporter);
    g_test_add_func("/virtio-export/lookup/consumer-maps-no-unsealed-memory",
                    consumer_maps_no_unsealed_memory);
    g_test_add_func("/virtio-export/lookup/consumer-waits", consumer_waits);
    g_test_add_func("/virtio-export/lookup/uuid-is-not-kept",
                    uuid_is_not_kept);
    g_test_add_func("/virtio-export/lookup/exists", exists);
    g_test_add_func("/virtio-export/lookup/wrong-geometry-is-dropped",
                    wrong_geometry_is_dropped);
    g_test_add_func("/virtio-export/foreach/lists-all", foreach_tells);
}

static void add_order(void)
{
    g_test_add_data_func("/virtio-export/order/asked-last-registered-last",
                         NULL, last_is_asked_last);
    g_test_add_data_func("/virtio-export/order/asked-last-registered-first",
                         "first", last_is_asked_last);
    g_test_add_func("/virtio-export/order/each-is-asked-once",
                    each_is_asked_once);
    g_test_add_func("/virtio-export/order/pending-ends-the-search",
                    pending_ends_the_search);
    g_test_add_func("/virtio-export/order/unregistered-is-not-asked",
                    unregistered_is_not_asked);
    g_test_add_func("/virtio-export/register/after-unregister",
                    registered_again);
    g_test_add_func("/virtio-export/register/twice", registered_twice);
    g_test_add_func("/virtio-export/register/unregistered-twice",
                    unregistered_twice);
}

static void add_pending(void)
{
    g_test_add_func("/virtio-export/pending/answered", answered_later);
    g_test_add_func("/virtio-export/pending/answered-with-an-error",
                    answered_with_an_error);
    g_test_add_func("/virtio-export/pending/answered-in-any-order",
                    answered_in_any_order);
    g_test_add_func("/virtio-export/pending/cancelled", cancelled);
    g_test_add_func("/virtio-export/pending/cancelled-without-method",
                    cancelled_without_notice);
    g_test_add_func("/virtio-export/pending/exporter-gone",
                    pending_exporter_gone);
    g_test_add_func("/virtio-export/pending/none-to-expire",
                    expire_without_pending);
    g_test_add_func("/virtio-export/pending/deadline", deadline);
    g_test_add_func("/virtio-export/pending/deadline-of-many",
                    deadline_of_many);
}

static void add_retries(void)
{
    g_test_add_func("/virtio-export/retry/none", retry_without_pending);
    g_test_add_func("/virtio-export/retry/pending-again", retry_pending_again);
    g_test_add_func("/virtio-export/retry/done", retry_done);
    g_test_add_func("/virtio-export/retry/failed", retry_failed);
    g_test_add_func("/virtio-export/retry/unknown", retry_unknown);
    g_test_add_func("/virtio-export/retry/some", retry_some);
}

static void add_callback(const End *end, const char *what,
                         void (*test)(gconstpointer data))
{
    g_autofree char *path = g_strdup_printf("/virtio-export/callback/%s/%s",
                                            end->name, what);

    g_test_add_data_func(path, end, test);
}

static void add_callbacks(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        add_callback(&ends[i], "starts", callback_starts);
        add_callback(&ends[i], "cancels", callback_cancels);
        add_callback(&ends[i], "unregisters-another",
                     callback_unregisters_another);
        add_callback(&ends[i], "retries-another", callback_retries);
    }
    g_test_add_func("/virtio-export/callback/retry/unregisters-its-own",
                    callback_unregisters_its_own);
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
    add_rejections();
    add_lookups();
    add_order();
    add_pending();
    add_retries();
    add_callbacks();
    return g_test_run();
}
