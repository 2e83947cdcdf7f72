/*
 * Tests of x-query-virtio-exports: which objects, which members, which order
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-export-compat.h"
#include "hw/virtio/virtio-export-info.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-virtio.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "standard-headers/drm/drm_fourcc.h"

#define MAX_OBJECTS 5000

#define TYPE_TEST_EXPORTER "test-exporter"
OBJECT_DECLARE_SIMPLE_TYPE(TestExporter, TEST_EXPORTER)

/* Exports objects with consecutive UUIDs that are described by @info */
struct TestExporter {
    Object parent_obj;

    VirtIOExportInfo info;
    uint32_t first;
    uint32_t count;
    unsigned int told;
};

static QemuUUID numbered_uuid(uint32_t number)
{
    QemuUUID uuid = { .data = "numbered" };

    stl_be_p(&uuid.data[12], number);
    return uuid;
}

static VirtIOExportStatus test_export(VirtIOExporter *exporter,
                                      VirtIOExportLookup *lookup,
                                      VirtIOExportObject *object, Error **errp)
{
    g_assert_not_reached();
}

static void test_foreach(VirtIOExporter *exporter, const QemuUUID *uuid,
                         VirtIOExportInfoFn *fn, void *opaque)
{
    TestExporter *t = TEST_EXPORTER(exporter);

    for (uint32_t i = t->count; i--; ) {
        QemuUUID its = numbered_uuid(t->first + i);

        if (!uuid || qemu_uuid_is_equal(uuid, &its)) {
            t->info.uuid = &its;
            t->told++;
            fn(&t->info, opaque);
        }
    }
}

static void test_exporter_init(Object *obj)
{
    TestExporter *t = TEST_EXPORTER(obj);

    virtio_export_object_init(&t->info.object);
    t->info.exporter = VIRTIO_EXPORTER(obj);
    t->info.owner = obj;
    virtio_exporter_register(t->info.exporter);
}

static void test_exporter_finalize(Object *obj)
{
    virtio_exporter_unregister(VIRTIO_EXPORTER(obj));
}

static void test_exporter_class_init(ObjectClass *klass,
                                     VirtIOExportClassData *data)
{
    VIRTIO_EXPORTER_CLASS(klass)->export = test_export;
    VIRTIO_EXPORTER_CLASS(klass)->foreach = test_foreach;
}

static const TypeInfo test_exporter_info = {
    .name = TYPE_TEST_EXPORTER,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(TestExporter),
    .instance_init = test_exporter_init,
    .instance_finalize = test_exporter_finalize,
    .class_init = test_exporter_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_VIRTIO_EXPORTER },
        { }
    },
};

/* The exporter is at /@name in the QOM tree until test_exporter_free() */
static TestExporter *test_exporter_new(const char *name, uint32_t first,
                                       uint32_t count)
{
    Object *obj = object_new(TYPE_TEST_EXPORTER);
    TestExporter *t = TEST_EXPORTER(obj);

    t->first = first;
    t->count = count;
    object_property_add_child(object_get_root(), name, obj);
    object_unref(obj);
    return t;
}

static void test_exporter_free(TestExporter *t)
{
    object_unparent(OBJECT(t));
}

static VirtioExportsInfo *query(const char *path, const char *after,
                                uint32_t limit)
{
    return qmp_x_query_virtio_exports(path, after, limit, limit, &error_abort);
}

static size_t length(const VirtioExportList *list)
{
    size_t len = 0;

    for (; list; list = list->next) {
        len++;
    }
    return len;
}

static void nothing_is_exported(void)
{
    g_autoptr(VirtioExportsInfo) info = query(NULL, NULL, 0);

    g_assert_null(info->exporters);
    g_assert_null(info->exports);
    g_assert_null(info->next);
}

static void all_members(void)
{
    TestExporter *t = test_exporter_new("gpu", 1, 1);
    g_autoptr(VirtioExportsInfo) info = NULL;
    const VirtioExport *export;

    t->info.has_id = true;
    t->info.id = 0x123456789;
    t->info.object.kind = VIRTIO_EXPORT_KIND_DMABUF;
    t->info.object.size = 0x987654321;
    t->info.object.width = 641;
    t->info.object.height = 479;
    t->info.object.fourcc = DRM_FORMAT_XRGB8888;

    info = query(NULL, NULL, 0);
    g_assert_cmpstr(info->exporters->value->path, ==, "/gpu");
    g_assert_cmpuint(info->exporters->value->count, ==, 1);
    g_assert_null(info->exporters->next);
    g_assert_null(info->exports->next);
    g_assert_null(info->next);

    export = info->exports->value;
    g_assert_cmpstr(export->uuid, ==, "6e756d62-6572-6564-0000-000000000001");
    g_assert_cmpstr(export->path, ==, "/gpu");
    g_assert_true(export->has_id);
    g_assert_cmpuint(export->id, ==, 0x123456789);
    g_assert_true(export->has_size);
    g_assert_cmpuint(export->size, ==, 0x987654321);
    g_assert_true(export->has_width && export->has_height);
    g_assert_cmpuint(export->width, ==, 641);
    g_assert_cmpuint(export->height, ==, 479);
    g_assert_cmpstr(export->format, ==, "XR24");
    g_assert_cmpint(export->memory, ==, VIRTIO_EXPORT_MEMORY_DMABUF);
    g_assert_null(export->unavailable_reason);
    test_exporter_free(t);
}

static void unknown_members_are_absent(void)
{
    TestExporter *t = test_exporter_new("camera", 1, 1);
    g_autoptr(VirtioExportsInfo) info = NULL;
    const VirtioExport *export;

    t->info.unavailable_reason = "it is asleep";
    info = query(NULL, NULL, 0);
    export = info->exports->value;
    g_assert_false(export->has_id);
    g_assert_false(export->has_size);
    g_assert_false(export->has_width);
    g_assert_false(export->has_height);
    g_assert_null(export->format);
    g_assert_cmpint(export->memory, ==, VIRTIO_EXPORT_MEMORY_ON_LOOKUP);
    g_assert_cmpstr(export->unavailable_reason, ==, "it is asleep");
    test_exporter_free(t);
}

/* The query drops invalid geometry like a lookup */
static void wrong_geometry_is_absent(void)
{
    static const uint32_t heights[] = { 1024, 1025, UINT32_MAX };
    TestExporter *t = test_exporter_new("gpu", 1, 1);

    t->info.object.kind = VIRTIO_EXPORT_KIND_DMABUF;
    t->info.object.size = 0x10000;
    t->info.object.width = 16;
    t->info.object.fourcc = DRM_FORMAT_XRGB8888;
    t->info.object.num_planes = 1;
    t->info.object.strides[0] = 64;

    for (int i = 0; i < ARRAY_SIZE(heights); i++) {
        g_autoptr(VirtioExportsInfo) info = NULL;
        const VirtioExport *export;

        t->info.object.height = heights[i];
        info = query(NULL, NULL, 0);
        export = info->exports->value;
        g_assert_cmpint(export->has_width, ==, i == 0);
        g_assert_cmpint(export->has_height, ==, i == 0);
        g_assert_cmpstr(export->format, ==, i == 0 ? "XR24" : NULL);
        g_assert_cmpuint(export->size, ==, 0x10000);
        g_assert_cmpint(export->memory, ==, VIRTIO_EXPORT_MEMORY_DMABUF);
    }
    test_exporter_free(t);
}

static void format_is_printable(void)
{
    TestExporter *t = test_exporter_new("gpu", 1, 1);
    g_autoptr(VirtioExportsInfo) info = NULL;

    t->info.object.fourcc = fourcc_code('R', '8', ' ', '"');
    t->info.object.kind = VIRTIO_EXPORT_KIND_MEMFD;
    info = query(NULL, NULL, 0);
    g_assert_cmpstr(info->exports->value->format, ==, "R8 ?");
    g_assert_cmpint(info->exports->value->memory, ==,
                    VIRTIO_EXPORT_MEMORY_MEMFD);
    test_exporter_free(t);
}

/* A device that is being unplugged has no path */
static void owner_without_path(void)
{
    TestExporter *t = test_exporter_new("gpu", 1, 1);
    g_autoptr(VirtioExportsInfo) info = NULL;

    object_ref(t);
    object_unparent(OBJECT(t));
    info = query(NULL, NULL, 0);
    g_assert_null(info->exporters->value->path);
    g_assert_null(info->exports->value->path);
    object_unref(t);
}

/* Check that the pages contain each object exactly once */
static void assert_pages(const char *path, uint32_t limit, uint32_t first,
                         uint32_t count)
{
    g_autofree char *after = NULL;
    uint32_t expected = first;

    do {
        g_autoptr(VirtioExportsInfo) info = query(path, after, limit);

        g_assert_cmpuint(length(info->exports), <=, limit);
        for (VirtioExportList *it = info->exports; it; it = it->next) {
            QemuUUID uuid = numbered_uuid(expected++);
            g_autofree char *text = qemu_uuid_unparse_strdup(&uuid);

            g_assert_cmpstr(it->value->uuid, ==, text);
        }
        g_free(after);
        after = g_strdup(info->next);
    } while (after);
    g_assert_cmpuint(expected, ==, first + count);
}

static void pages_are_complete(void)
{
    TestExporter *low = test_exporter_new("low", 1, 3);
    TestExporter *high = test_exporter_new("high", 4, 4);

    for (uint32_t limit = 1; limit <= 8; limit++) {
        assert_pages(NULL, limit, 1, 7);
        assert_pages("/", limit, 1, 7);
        assert_pages("/low", limit, 1, 3);
        assert_pages("/high", limit, 4, 4);
    }
    test_exporter_free(low);
    test_exporter_free(high);
}

static void default_page_has_256_objects(void)
{
    TestExporter *t = test_exporter_new("gpu", 1, MAX_OBJECTS);
    g_autoptr(VirtioExportsInfo) page = query(NULL, NULL, 0);
    g_autoptr(VirtioExportsInfo) largest = query(NULL, NULL, 4096);

    g_assert_cmpuint(length(page->exports), ==, 256);
    g_assert_nonnull(page->next);
    g_assert_cmpuint(page->exporters->value->count, ==, MAX_OBJECTS);
    g_assert_cmpuint(length(largest->exports), ==, 4096);
    test_exporter_free(t);
}

static void removal_between_pages_skips_nothing(void)
{
    TestExporter *t = test_exporter_new("gpu", 1, 6);
    g_autoptr(VirtioExportsInfo) one = query(NULL, NULL, 3);
    g_autoptr(VirtioExportsInfo) two = NULL;

    t->first = 5;       /* the object that one->next names is removed, too */
    t->count = 2;
    two = query(NULL, one->next, 3);
    g_assert_cmpuint(length(two->exports), ==, 2);
    test_exporter_free(t);
}

static void path_selects_devices(void)
{
    TestExporter *gpu = test_exporter_new("gpu", 1, 2);
    TestExporter *camera = test_exporter_new("camera", 10, 3);
    g_autoptr(VirtioExportsInfo) some = query("gpu", NULL, 0);
    g_autoptr(VirtioExportsInfo) all = query("/", NULL, 0);
    g_autoptr(VirtioExportsInfo) none = NULL;
    Object *empty = object_property_add_new_container(object_get_root(),
                                                      "empty");

    g_assert_cmpuint(length(some->exports), ==, 2);
    g_assert_cmpstr(some->exporters->value->path, ==, "/gpu");
    g_assert_null(some->exporters->next);
    g_assert_cmpuint(length(all->exports), ==, 5);
    g_assert_cmpuint(all->exporters->value->count +
                     all->exporters->next->value->count, ==, 5);
    none = query("/empty", NULL, 0);
    g_assert_null(none->exporters);
    g_assert_null(none->exports);
    object_unparent(empty);
    test_exporter_free(gpu);
    test_exporter_free(camera);
}

static void assert_error(const char *path, const char *after, bool has_limit,
                         uint32_t limit, const char *expected)
{
    Error *err = NULL;

    g_assert_null(qmp_x_query_virtio_exports(path, after, has_limit, limit,
                                             &err));
    g_assert_cmpstr(error_get_pretty(err), ==, expected);
    error_free(err);
}

static void wrong_arguments_are_errors(void)
{
    Object *one = object_property_add_new_container(object_get_root(), "one");
    Object *two = object_property_add_new_container(object_get_root(), "two");

    object_property_add_new_container(one, "gpu");
    object_property_add_new_container(two, "gpu");

    assert_error("/nowhere", NULL, false, 0, "Path '/nowhere' does not exist");
    assert_error("gpu", NULL, false, 0, "Path 'gpu' is ambiguous");
    assert_error(NULL, "7", false, 0, "'7' is not a UUID");
    assert_error(NULL, NULL, true, 0,
                 "Parameter 'limit' expects a number from 1 to 4096");
    assert_error(NULL, NULL, true, 4097,
                 "Parameter 'limit' expects a number from 1 to 4096");
    object_unparent(one);
    object_unparent(two);
}

/* A query walks all objects once, not once for each object of the page */
static void page_walks_objects_once(void)
{
    TestExporter *t = test_exporter_new("gpu", 1, 100);

    qapi_free_VirtioExportsInfo(query(NULL, NULL, 10));
    g_assert_cmpuint(t->told, ==, 100 + 10);
    test_exporter_free(t);
}

int main(int argc, char **argv)
{
    qemu_init_main_loop(&error_abort);
    module_call_init(MODULE_INIT_QOM);
    type_register_static(&test_exporter_info);

    g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add_func("/virtio-export/query/" path, fn)
    ADD("nothing-is-exported", nothing_is_exported);
    ADD("all-members", all_members);
    ADD("unknown-members-are-absent", unknown_members_are_absent);
    ADD("wrong-geometry-is-absent", wrong_geometry_is_absent);
    ADD("format-is-printable", format_is_printable);
    ADD("owner-without-path", owner_without_path);
    ADD("pages-are-complete", pages_are_complete);
    ADD("default-page-has-256-objects", default_page_has_256_objects);
    ADD("removal-between-pages-skips-nothing",
        removal_between_pages_skips_nothing);
    ADD("page-walks-objects-once", page_walks_objects_once);
    ADD("path-selects-devices", path_selects_devices);
    ADD("wrong-arguments-are-errors", wrong_arguments_are_errors);
#undef ADD
    return g_test_run();
}
