/*
 * Migrate a virtio-gpu to another QEMU, and access its migration stream
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "hw/virtio/virtio-export-compat.h"
#include "qobject/qdict.h"
#include "virtio-gpu/helpers/migration.h"

#define DEVICE "virtio-gpu"

/* The same values as in migration/savevm.h */
#define SECTION_FULL    0x04
#define SECTION_FOOTER  0x7e

/* Time limit, far longer than any migration takes */
#define MIGRATION_WAIT_US (300 * G_USEC_PER_SEC)

/* Bytes per second; QEMU treats a lower value as no limit */
#define LEAST_BANDWIDTH 10

TempFile *temp_file_new(const char *prefix)
{
    TempFile *file = g_new(TempFile, 1);

    file->dir = g_dir_make_tmp("virtio-gpu-test-XXXXXX", NULL);
    g_assert_nonnull(file->dir);
    file->path = g_build_filename(file->dir, "file", NULL);
    file->uri = g_strconcat(prefix, file->path, NULL);
    return file;
}

void temp_file_free(TempFile *file)
{
    unlink(file->path);
    g_assert_cmpint(rmdir(file->dir), ==, 0);
    g_free(file->dir);
    g_free(file->path);
    g_free(file->uri);
    g_free(file);
}

GByteArray *temp_file_read(const TempFile *file)
{
    char *bytes;
    gsize len;

    g_assert_true(g_file_get_contents(file->path, &bytes, &len, NULL));
    return g_byte_array_new_take((guint8 *)bytes, len);
}

struct Migration {
    QTestState *from;
    QTestState *to;
    TempFile *socket;
};

static QTestState *start_qemu(const DestinationOpt *opt, const char *more)
{
    g_auto(GStrv) parts = g_strsplit(qos_get_current_command_line(),
                                     opt->without ?: "\n", -1);
    g_autofree char *ours = g_strjoinv("", parts);
    g_autofree char *args = g_strjoin(" ", ours, opt->with ?: "",
                                      opt->running ? "" : "-incoming defer",
                                      more, NULL);

    return qtest_init_ext(opt->other ? "QTEST_QEMU_BINARY_DST" : NULL, args,
                          NULL, true);
}

QTestState *do_start_destination(DestinationOpt opt)
{
    return start_qemu(&opt, "");
}

/* Wait until @key is @wanted or @unwanted.  Return: whether it is @wanted */
static bool await_value(QTestState *qts, const char *command, const char *key,
                        const char *wanted, const char *unwanted)
{
    gint64 start = g_get_monotonic_time();

    for (;;) {
        QDict *info = qtest_qmp_assert_success_ref(qts, "{ 'execute': %s }",
                                                   command);
        const char *value = qdict_get_try_str(info, key);
        bool is_wanted = !g_strcmp0(value, wanted);
        bool is_unwanted = !g_strcmp0(value, unwanted);

        qobject_unref(info);
        if (is_wanted || is_unwanted) {
            return is_wanted;
        }
        g_assert(g_get_monotonic_time() - start <= MIGRATION_WAIT_US);
        g_usleep(5 * 1000);
    }
}

static bool await_migration(QTestState *qts, const char *status)
{
    return await_value(qts, "query-migrate", "status", status, "failed");
}

static void await_running(QTestState *qts)
{
    g_assert_true(await_value(qts, "query-status", "status", "running",
                              "internal-error"));
}

static void migrate_to(QTestState *qts, const char *uri)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate',"
                             " 'arguments': { 'uri': %s } }", uri);
}

static void migrate_from(QTestState *qts, const char *uri)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate-incoming',"
                             " 'arguments': { 'uri': %s,"
                             " 'exit-on-error': false } }", uri);
}

static void limit_bandwidth(QTestState *qts, int limit)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate-set-parameters',"
                             " 'arguments': { 'max-bandwidth': %d,"
                             " 'max-postcopy-bandwidth': %d } }", limit, limit);
}

static bool set_postcopy(QTestState *qts)
{
    QDict *answer = qtest_qmp(qts, "{ 'execute': 'migrate-set-capabilities',"
                              " 'arguments': { 'capabilities': ["
                              " { 'capability': 'postcopy-ram',"
                              "   'state': true } ] } }");
    bool set = qdict_haskey(answer, "return");

    qobject_unref(answer);
    return set;
}

Migration *begin_migration(QTestState *from, QTestState *to, bool hold)
{
    Migration *m = g_new(Migration, 1);

    *m = (Migration) {
        .from = from,
        .to = to,
        .socket = temp_file_new("unix:"),
    };
    limit_bandwidth(from, hold ? LEAST_BANDWIDTH : 0);
    migrate_from(to, m->socket->uri);
    migrate_to(from, m->socket->uri);
    return m;
}

Migration *begin_postcopy(QTestState *from, QTestState *to)
{
    Migration *m;

    if (!set_postcopy(to)) {
        return NULL;
    }
    g_assert_true(set_postcopy(from));
    m = begin_migration(from, to, true);
    g_assert_true(await_migration(from, "active"));
    qtest_qmp_assert_success(from, "{ 'execute': 'migrate-start-postcopy' }");
    await_running(to);
    return m;
}

bool migration_is_postcopy(const Migration *m)
{
    QDict *info = qtest_qmp_assert_success_ref(
        m->from, "{ 'execute': 'query-migrate' }");
    const char *status = qdict_get_str(info, "status");
    bool is_postcopy = g_str_equal(status, "postcopy-active") ||
                       g_str_equal(status, "postcopy-device");

    qobject_unref(info);
    return is_postcopy;
}

static void free_migration(Migration *m)
{
    temp_file_free(m->socket);
    g_free(m);
}

void finish_migration(Migration *m)
{
    limit_bandwidth(m->from, 0);
    g_assert_true(await_migration(m->to, "completed"));
    g_assert_true(await_migration(m->from, "completed"));
    await_running(m->to);
    free_migration(m);
}

void cancel_migration(Migration *m)
{
    qtest_qmp_assert_success(m->from, "{ 'execute': 'migrate_cancel' }");
    g_assert_true(await_migration(m->from, "cancelled"));
    g_assert_false(await_migration(m->to, "completed"));
    free_migration(m);
}

void send_migrate_to_nowhere(QTestState *qts)
{
    qtest_qmp_send(qts, "{ 'execute': 'migrate',"
                   " 'arguments': { 'uri': 'exec:cat >/dev/null' } }");
}

bool migrates_to_nowhere(QTestState *qts)
{
    migrate_to(qts, "exec:cat >/dev/null");
    return await_migration(qts, "completed");
}

void finish_migration_to_nowhere(QTestState *qts)
{
    g_assert_true(await_migration(qts, "completed"));
    qtest_qmp_assert_success(qts, "{ 'execute': 'cont' }");
}

GByteArray *save_stream(QTestState *qts)
{
    TempFile *file = temp_file_new("file:");
    GByteArray *stream;

    migrate_to(qts, file->uri);
    g_assert_true(await_migration(qts, "completed"));
    stream = temp_file_read(file);
    temp_file_free(file);
    return stream;
}

bool load_stream(QTestState *to, const GByteArray *stream)
{
    TempFile *file = temp_file_new("file:");
    bool loaded;

    g_assert_true(g_file_set_contents(file->path, (char *)stream->data,
                                      stream->len, NULL));
    migrate_from(to, file->uri);
    loaded = await_migration(to, "completed");
    if (loaded) {
        await_running(to);
    }
    temp_file_free(file);
    return loaded;
}

/* Return: the error of the migration, to be freed by the caller */
static char *migration_error(QTestState *qts)
{
    QDict *info = qtest_qmp_assert_success_ref(
        qts, "{ 'execute': 'query-migrate' }");
    char *text = g_strdup(qdict_get_try_str(info, "error-desc") ?: "");

    qobject_unref(info);
    return text;
}

QTestState *assert_stream_rejected(const GByteArray *stream, DestinationOpt opt,
                                   const char *reason)
{
    TempFile *errors = temp_file_new("2>");
    QTestState *to = start_qemu(&opt, errors->uri);
    g_autofree char *text = NULL, *error = NULL;

    g_assert_false(load_stream(to, stream));
    g_assert_true(g_file_get_contents(errors->path, &text, NULL, NULL));
    error = migration_error(to);
    g_test_message("%s%s", text, error);
    g_assert_true(strstr(text, reason) || strstr(error, reason));
    temp_file_free(errors);
    return to;
}

void assert_rejection_reported(QTestState *to, const char *reason)
{
    g_autofree char *error = migration_error(to);

    g_assert_nonnull(strstr(error, reason));
}

bool migration_is_blocked(QTestState *qts)
{
    QDict *answer = qtest_qmp_assert_success_ref(
        qts, "{ 'execute': 'query-migrate' }");
    bool blocked = qdict_haskey(answer, "blocked-reasons");

    qobject_unref(answer);
    return blocked;
}

GByteArray *save_devices(QTestState *qts)
{
    TempFile *file = temp_file_new("file:");
    GByteArray *state;

    qtest_qmp_assert_success(qts, "{ 'execute': 'xen-save-devices-state',"
                             " 'arguments': { 'filename': %s } }", file->path);
    state = temp_file_read(file);
    temp_file_free(file);
    return state;
}

void assert_can_be_saved(QTestState *qts)
{
    g_byte_array_unref(save_devices(qts));
}

void come_home(QVirtioGPU *gpu, QTestState *home)
{
    if (gpu->qts != home) {
        qtest_quit(gpu->qts);
        qvirtio_gpu_move(gpu, home);
    }
    qos_invalidate_command_line();
}

ssize_t find_bytes(const GByteArray *stream, size_t from,
                   const void *bytes, size_t len)
{
    const uint8_t *found = NULL;

    if (from < stream->len) {
        found = memmem(stream->data + from, stream->len - from, bytes, len);
    }
    return found ? found - stream->data : -1;
}

/* Return: offset of the section header whose name ends at @end, or -1 */
static ssize_t section_header(const GByteArray *stream, size_t end)
{
    size_t len;

    for (len = strlen(DEVICE); len <= UINT8_MAX && len + 6 <= end; len++) {
        size_t start = end - len - 6;

        if (stream->data[start] == SECTION_FULL &&
            stream->data[start + 5] == len) {
            return start;
        }
    }
    return -1;
}

/*
 * Header: type, section id (32 bits), length and text of the name, instance
 * and version (32 bits each).  Footer: type and the same section id.
 */
void find_gpu_section(const GByteArray *stream, size_t *start, size_t *end)
{
    uint8_t footer[5] = { SECTION_FOOTER };
    ssize_t header = -1;
    ssize_t name = -1;
    ssize_t last;

    do {
        name = find_bytes(stream, name + 1, DEVICE, strlen(DEVICE));
        g_assert_cmpint(name, >=, 0);
        header = section_header(stream, name + strlen(DEVICE));
    } while (header < 0);

    *start = name + strlen(DEVICE) + 2 * sizeof(uint32_t);
    memcpy(footer + 1, stream->data + header + 1, sizeof(uint32_t));
    last = find_bytes(stream, *start, footer, sizeof(footer));
    g_assert_cmpint(last, >=, 0);
    *end = last;
}
