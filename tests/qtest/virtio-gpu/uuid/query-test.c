/*
 * QTest testcases for the monitor's list of exported objects
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/importer.h"

#define BACKEND "/chardevs/importer-chr"

static const uint8_t its_uuid[PEER_UUID_SIZE] = "of-the-back-end";

static QDict *query(QTestState *qts)
{
    return qtest_qmp_assert_success_ref(
        qts, "{ 'execute': 'x-query-virtio-exports' }");
}

/* Return: the object with that UUID, owned by @answer; NULL if none */
static QDict *find(QDict *answer, const uint8_t *uuid)
{
    const QListEntry *entry;
    char text[UUID_STR_LEN];

    uuid_unparse_lower(uuid, text);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(answer, "exports"), entry) {
        QDict *export = qobject_to(QDict, qlist_entry_obj(entry));

        if (g_str_equal(qdict_get_str(export, "uuid"), text)) {
            return export;
        }
    }
    return NULL;
}

static bool is_listed(QTestState *qts, const uint8_t *uuid)
{
    QDict *answer = query(qts);
    bool found = find(answer, uuid);

    qobject_unref(answer);
    return found;
}

static void assert_count(QTestState *qts, size_t count)
{
    QDict *answer = query(qts);

    g_assert_cmpuint(qlist_size(qdict_get_qlist(answer, "exports")), ==,
                     count);
    g_assert_cmpint(!count, ==,
                    qlist_empty(qdict_get_qlist(answer, "exporters")));
    qobject_unref(answer);
}

static void create(QVirtioGPU *gpu, uint32_t id, uint8_t *uuid)
{
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = id, .width = 32, .height = 16 });
    assign_uuid({ .gpu = gpu, .id = id, .uuid = uuid });
}

static void resource(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QDict *answer, *export;
    uuid_t uuid;

    create(gpu, 7, uuid);
    answer = query(gpu->qts);
    export = find(answer, uuid);
    g_assert_nonnull(export);
    g_assert_true(g_str_has_prefix(qdict_get_str(export, "path"),
                                   "/machine/"));
    g_assert_cmpint(qdict_get_int(export, "id"), ==, 7);
    g_assert_cmpint(qdict_get_int(export, "size"), >=, 32 * 16 * 4);
    g_assert_cmpint(qdict_get_int(export, "width"), ==, 32);
    g_assert_cmpint(qdict_get_int(export, "height"), ==, 16);
    g_assert_cmpstr(qdict_get_str(export, "format"), ==, "XR24");
    g_assert_cmpstr(qdict_get_str(export, "memory"), ==, "on-lookup");
    g_assert_false(qdict_haskey(export, "unavailable-reason"));
    qobject_unref(answer);
}

static void only_with_uuid(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uuid_t uuid;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assert_count(gpu->qts, 0);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    g_assert_true(is_listed(gpu->qts, uuid));
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    assert_count(gpu->qts, 0);
}

static void gone_after_reset(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;

    for (uint32_t id = 1; id < 20; id++) {
        create(gpu, id, NULL);
        assert_count(gpu->qts, id);
    }
    qvirtio_gpu_start(gpu, 0);
    assert_count(gpu->qts, 0);
    create(gpu, 1, NULL);
    assert_count(gpu->qts, 1);
    qtest_system_reset(gpu->qts);
    assert_count(gpu->qts, 0);
}

static void beside_a_back_end(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint8_t asked[PEER_UUID_SIZE];
    unsigned int before;
    QDict *answer, *export;
    uuid_t uuid;

    create(gpu, 1, uuid);
    g_assert_true(vhost_user_peer_add(importer(), its_uuid));
    before = process_fds_count(qtest_pid(gpu->qts));
    answer = query(gpu->qts);
    g_assert_cmpuint(process_fds_count(qtest_pid(gpu->qts)), ==, before);
    g_assert_cmpuint(vhost_user_peer_asked(importer(), asked), ==, 0);

    g_assert_nonnull(find(answer, uuid));
    export = find(answer, its_uuid);
    g_assert_nonnull(export);
    g_assert_cmpstr(qdict_get_str(export, "path"), ==, BACKEND);
    g_assert_cmpstr(qdict_get_str(export, "memory"), ==, "on-lookup");
    g_assert_cmpuint(qdict_size(export), ==, 3);
    g_assert_cmpuint(qlist_size(qdict_get_qlist(answer, "exporters")), ==, 2);
    qobject_unref(answer);

    answer = qtest_qmp_assert_success_ref(
        gpu->qts, "{ 'execute': 'x-query-virtio-exports',"
        "  'arguments': { 'path': %s } }", BACKEND);
    g_assert_null(find(answer, uuid));
    g_assert_nonnull(find(answer, its_uuid));
    qobject_unref(answer);
}

static void gone_with_its_back_end(void *obj, void *data,
                                   QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    VhostUserPeer *peer = importer();
    uuid_t uuid;

    create(gpu, 1, uuid);
    for (int i = 0; i < 5; i++) {
        g_assert_true(vhost_user_peer_add(peer, its_uuid));
        g_assert_true(is_listed(gpu->qts, its_uuid));
        vhost_user_peer_disconnect(peer);
        vhost_user_peer_wait_gone(peer);
        g_assert_false(is_listed(gpu->qts, its_uuid));
        vhost_user_peer_wait_ready(peer);
        g_assert_false(is_listed(gpu->qts, its_uuid));
        g_assert_true(is_listed(gpu->qts, uuid));
    }
}

static void rejected(void *obj, void *data, QGuestAllocator *alloc)
{
    QTestState *qts = ((QVirtioGPU *)obj)->qts;
    static const char *const arguments[][2] = {
        { "{ 'path': '/nowhere' }", "Path '/nowhere' does not exist" },
        { "{ 'after': '7' }", "'7' is not a UUID" },
        { "{ 'limit': 0 }", "Parameter 'limit' expects" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
        g_autofree char *command = g_strdup_printf(
            "{ 'execute': 'x-query-virtio-exports', 'arguments': %s }",
            arguments[i][0]);
        QDict *error = qtest_qmp_assert_failure_ref(qts, command, NULL);

        g_assert_true(g_str_has_prefix(qdict_get_str(error, "desc"),
                                       arguments[i][1]));
        qobject_unref(error);
    }
}

/* The table fits in 80 columns and is complete */
static void table(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autofree char *empty = qtest_hmp(gpu->qts, "info virtio-exports");
    g_autofree char *backend = NULL;
    g_autofree char *wrong = NULL;
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    char uuid_text[UUID_STR_LEN];
    uuid_t uuid;

    g_assert_cmpstr(empty, ==, "No object is exported.\r\n");
    create(gpu, 7, uuid);
    uuid_unparse_lower(uuid, uuid_text);
    g_assert_true(vhost_user_peer_add(importer(), its_uuid));

    text = qtest_hmp(gpu->qts, "info virtio-exports");
    g_test_message("%s", text);
    lines = g_strsplit(text, "\r\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 7);
    g_assert_true(g_str_has_suffix(lines[0], "/virtio-backend: 1 object"));
    g_assert_true(g_str_has_prefix(lines[2], uuid_text));
    g_assert_true(g_str_has_suffix(lines[2], "32x16 XR24   on-lookup"));
    g_assert_cmpstr(lines[3], ==, BACKEND ": 1 object");
    for (size_t i = 0; lines[i]; i++) {
        g_assert_cmpuint(strlen(lines[i]), <, 80);
    }

    backend = qtest_hmp(gpu->qts, "info virtio-exports " BACKEND);
    g_assert_null(strstr(backend, uuid_text));
    g_assert_true(g_str_has_prefix(backend, BACKEND ": 1 object\r\n"));
    wrong = qtest_hmp(gpu->qts, "info virtio-exports /nowhere");
    g_assert_cmpstr(wrong, ==, "Error: Path '/nowhere' does not exist\r\n");
}

static void table_next_page(void *obj, void *data, QGuestAllocator *alloc)
{
    QTestState *qts = ((QVirtioGPU *)obj)->qts;
    static const char more[] = "There are more: ";
    g_autofree char *first = NULL;
    g_autofree char *rest = NULL;
    uint8_t uuid[PEER_UUID_SIZE] = "numbered-object";
    g_auto(GStrv) parts = NULL;

    for (int i = 0; i < 257; i++) {
        uuid[0] = i;
        uuid[1] = i >> 8;
        g_assert_true(vhost_user_peer_add(importer(), uuid));
    }
    first = qtest_hmp(qts, "info virtio-exports");
    g_assert_true(g_str_has_prefix(first, BACKEND ": 257 objects\r\n"));
    parts = g_strsplit(first, more, 2);
    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    rest = qtest_hmp(qts, "%s", g_strchomp(parts[1]));
    g_assert_true(g_str_has_prefix(rest, BACKEND ": 257 objects\r\n"));
    g_assert_null(strstr(rest, more));
    g_strfreev(parts);
    parts = g_strsplit(rest, "\r\n", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, 4);
}

static void register_query_test(void)
{
    static const UUIDTest tests[] = {
        { "query-exports/resource", resource },
        { "query-exports/only-with-uuid", only_with_uuid },
        { "query-exports/gone-after-reset", gone_after_reset },
        { }
    };
    static const UUIDTest pci_tests[] = {
        { "query-exports/beside-a-back-end", beside_a_back_end },
        { "query-exports/gone-with-its-back-end", gone_with_its_back_end },
        { "query-exports/rejected", rejected },
        { "query-exports/table", table },
        { "query-exports/table-next-page", table_next_page },
        { }
    };

    add_uuid_tests(tests, NULL);
    add_uuid_pci_tests(pci_tests, importer_before);
}

libqos_init(register_query_test);
