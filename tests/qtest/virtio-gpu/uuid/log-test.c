/*
 * QTest testcases for the trace events and guest errors of resource UUIDs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/messages.h"
#include "virtio-gpu/helpers/migration.h"
#include "virtio-gpu/helpers/uuid.h"

#define REQ_LEN     sizeof(struct virtio_gpu_resource_assign_uuid)
#define RESP_LEN    sizeof(struct virtio_gpu_resp_resource_uuid)
#define RESOURCES   4

static char *folder;

static void remove_logs(gpointer unused)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_unlink(path);
    }
    g_rmdir(folder);
    g_clear_pointer(&folder, g_free);
}

/* Each QEMU of the test writes a log file with its process ID as the name */
static char *log_options(void)
{
    return g_strdup_printf(" -trace virtio_gpu_*uuid* -d guest_errors"
                           " -D %s/%%d", folder);
}

static void *log_before(GString *cmd_line, void *arg)
{
    g_autofree char *options = NULL;

    folder = g_dir_make_tmp("qtest-XXXXXX", NULL);
    g_assert_nonnull(folder);
    g_test_queue_destroy(remove_logs, &folder);
    options = log_options();
    g_string_append(cmd_line, options);
    return messages_before(cmd_line, arg);
}

/* Count the lines of all logs that match the regular expression @pattern */
static unsigned logged(const char *pattern)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    unsigned count = 0;
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
        for (int i = 0; lines[i]; i++) {
            count += g_regex_match_simple(pattern, lines[i], 0, 0);
        }
    }
    return count;
}

static void assert_logged(unsigned times, const char *pattern)
{
    g_test_message("%s", pattern);
    g_assert_cmpuint(logged(pattern), ==, times);
}

static void assert_uuid_logged(const char *event, uint32_t id,
                               const uint8_t *uuid)
{
    g_autofree char *pattern = NULL;
    char text[UUID_STR_LEN];

    uuid_unparse_lower(uuid, text);
    pattern = g_strdup_printf("virtio_gpu_res_uuid_%s dev 0x[0-9a-f]+, "
                              "res 0x%x, uuid %s$", event, id, text);
    assert_logged(1, pattern);
}

/* A repeated request is traced, too, but assigns nothing */
static void log_assigned(void *obj, void *data, QGuestAllocator *alloc)
{
    uuid_t uuid;

    qvirtio_gpu_create_2d({ .gpu = obj, .id = 1 });
    assign_uuid({ .gpu = obj, .id = 1, .uuid = uuid });
    assert_logged(1, "virtio_gpu_cmd_res_assign_uuid res 0x1$");
    assert_uuid_logged("assigned", 1, uuid);

    assign_uuid({ .gpu = obj, .id = 1 });
    assert_logged(2, "virtio_gpu_cmd_res_assign_uuid res 0x1$");
    assert_logged(1, "virtio_gpu_res_uuid_assigned");
}

static void log_released(void *obj, void *data, QGuestAllocator *alloc)
{
    for (uint32_t id = 1; id <= 3; id++) {
        qvirtio_gpu_create_2d({ .gpu = obj, .id = id });
        if (id < 3) {
            assign_uuid({ .gpu = obj, .id = id });
        }
        qvirtio_gpu_unref({ .gpu = obj, .id = id });
    }
    assert_logged(1, "virtio_gpu_res_uuid_released dev 0x[0-9a-f]+, res 0x1$");
    assert_logged(1, "virtio_gpu_res_uuid_released dev 0x[0-9a-f]+, res 0x2$");
    assert_logged(2, "virtio_gpu_res_uuid_released");
}

static void assert_rejected(uint32_t id, const char *reason,
                            const char *guest_error)
{
    g_autofree char *traced = g_strdup_printf(
        "virtio_gpu_res_uuid_rejected dev 0x[0-9a-f]+, res 0x%x: %s$", id,
        reason);
    g_autofree char *error = g_strdup_printf("assign_uuid\\w*: %s$",
                                             guest_error);

    g_assert_cmpuint(logged(traced), >=, 1);
    assert_logged(1, error);
}

/* Guest errors are not written to standard error */
static void assert_silent(void)
{
    g_autofree char *text = messages_text();

    /* AddressSanitizer warns that it may be wrong about coroutines */
    g_assert_false(g_regex_match_simple("^(?!==\\d+==WARNING: ASan ).", text,
                                        G_REGEX_MULTILINE, 0));
}

static void request_of(QVirtioGPU *gpu, uint32_t id, size_t req_len,
                       size_t resp_len)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(id);
    uint8_t resp[RESP_LEN];
    QVirtioGPURequest r = {
        .req = &req, .req_len = req_len, .resp = resp, .resp_len = resp_len,
    };

    qvirtio_gpu_submit(gpu, &r, 1);
}

static void log_malformed(void *obj, void *data, QGuestAllocator *alloc)
{
    for (size_t len = sizeof(struct virtio_gpu_ctrl_hdr); len < REQ_LEN;
         len++) {
        g_autofree char *error = g_strdup_printf("request of %zu bytes, not 32",
                                                 len);

        request_of(obj, 5, len, RESP_LEN);
        assert_rejected(0, "request", error);
    }
    for (size_t len = 0; len < RESP_LEN; len++) {
        g_autofree char *error = g_strdup_printf(
            "room for a response of %zu bytes, not 40", len);

        request_of(obj, 5, REQ_LEN, len);
        assert_rejected(5, "response", error);
    }
    assert_silent();
}

static void log_rejected(void *obj, void *data, QGuestAllocator *alloc)
{
    request_of(obj, 0, REQ_LEN, RESP_LEN);
    assert_rejected(0, "resource", "no resource 0x0");
    request_of(obj, 2, REQ_LEN, RESP_LEN);
    assert_rejected(2, "resource", "no resource 0x2");

    qvirtio_gpu_start(obj, RESOURCE_UUID_FEATURE);
    request_of(obj, 1, REQ_LEN, RESP_LEN);
    assert_rejected(0, "feature",
                    "VIRTIO_GPU_F_RESOURCE_UUID is not negotiated");
    assert_silent();
}

/* Every UUID that a migration loads is traced */
static void log_loaded(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autofree char *options = log_options();
    QTestState *home = gpu->qts, *to = start_destination(.with = options);
    uuid_t uuids[RESOURCES];
    GByteArray *stream;

    for (uint32_t i = 0; i < RESOURCES; i++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = i + 1 });
        assign_uuid({ .gpu = gpu, .id = i + 1, .uuid = uuids[i] });
    }
    stream = save_stream(home);
    g_assert_true(load_stream(to, stream));
    g_byte_array_unref(stream);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        assert_uuid_logged("loaded", i + 1, uuids[i]);
    }
    assert_logged(RESOURCES, "virtio_gpu_res_uuid_loaded");
    qvirtio_gpu_move(gpu, to);
    come_home(gpu, home);
}

static void register_log_test(void)
{
    static const UUIDTest tests[] = {
        { "log/assigned", log_assigned },
        { "log/released", log_released },
        { "log/malformed", log_malformed },
        { "log/rejected", log_rejected },
        { "log/loaded", log_loaded },
        { }
    };

    add_uuid_pci_tests(tests, log_before);
}

libqos_init(register_log_test);
