/*
 * QTest testcases for fault injection: host calls fail while objects are shared
 *
 * Each case lets the first, the second, ... call of a kind fail, once alone and
 * once with all later calls.  The requester gets an error, the next attempt
 * succeeds, and QEMU leaks no file descriptor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-gl.h"
#include "qobject/qdict.h"
#include "virtio-export/fault-path.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/blob.h"
#include "virtio-gpu/helpers/messages.h"
#include "virtio-gpu/helpers/migration.h"

#define BLOB_SIZE   8192
#define VENUS       1       /* context */

static const uint8_t its_uuid[PEER_UUID_SIZE] = "of-the-back-end";

static void find_what_was_assigned(Faults *f)
{
    g_assert_true(fault_find(f));
    g_assert_true(fault_assign(f));
}

static const FaultPath assign_path = {
    .calls = FAULT(GETRANDOM),
    .begin = fault_create_resource,
    .attempt = fault_assign,
    .undo = find_what_was_assigned,
    .end = fault_forget_resource,
};

static const FaultPath memfd_path = {
    .calls = FAULT(MEMFD_CREATE) | FAULT(SEAL) | FAULT(MMAP) |
             FAULT(GETRANDOM) | FAULT(DUP) | FAULT(SENDMSG),
    .attempt = fault_share_image,
    .recover = fault_forget_and_reopen,
    .undo = fault_forget_resource,
};

static const FaultPath dmabuf_path = {
    .calls = FAULT(MEMFD_CREATE) | FAULT(SEAL) | FAULT(MMAP) |
             FAULT(GETRANDOM) | FAULT(UDMABUF) | FAULT(SENDMSG),
    .spares = FAULT(UDMABUF),
    .udmabuf = true,
    .attempt = fault_share_image,
    .recover = fault_forget_and_reopen,
    .undo = fault_forget_resource,
};

static void blob_begin(Faults *f)
{
    f->backing = guest_alloc(f->gpu->alloc, BLOB_SIZE);
}

static bool share_blob(Faults *f)
{
    qvirtio_gpu_create_blob({ .gpu = f->gpu, .id = FAULT_ID, .size = BLOB_SIZE,
                              .backing = f->backing,
                              .backing_len = BLOB_SIZE });
    f->exists = true;
    return fault_assign(f) && fault_find(f);
}

static void blob_end(Faults *f)
{
    guest_free(f->gpu->alloc, f->backing);
}

static const FaultPath blob_path = {
    .calls = FAULT(UDMABUF) | FAULT(MMAP) | FAULT(GETRANDOM) | FAULT(DUP) |
             FAULT(SENDMSG),
    .begin = blob_begin,
    .attempt = share_blob,
    .recover = fault_forget_and_reopen,
    .undo = fault_forget_resource,
    .end = blob_end,
};

static bool its_add(Faults *f)
{
    return fault_peer_succeeds(f, exporter(), PEER_ADD, its_uuid);
}

static bool its_remove(Faults *f)
{
    return fault_peer_succeeds(f, exporter(), PEER_REMOVE, its_uuid);
}

static void its_object(Faults *f)
{
    g_assert_true(its_add(f));
}

static void no_object_of_its(Faults *f)
{
    g_assert_true(its_remove(f));
}

static const FaultPath add_path = {
    .calls = FAULT(SENDMSG),
    .attempt = its_add,
    .recover = fault_reopen,
    .undo = no_object_of_its,
};

static void reopen_and_add(Faults *f)
{
    fault_reopen(f);
    g_assert_true(its_add(f));
}

static const FaultPath remove_path = {
    .calls = FAULT(SENDMSG),
    .begin = its_object,
    .attempt = its_remove,
    .recover = reopen_and_add,
};

/* If QEMU could not send the exporter a request, the exporter reconnects too */
static void both_begin_anew(Faults *f)
{
    fault_reopen(f);
    vhost_user_peer_reconnect(exporter());
    g_assert_true(its_add(f));
}

static bool find_its_object(Faults *f)
{
    return fault_peer_succeeds(f, importer(), PEER_LOOKUP, its_uuid);
}

static const FaultPath its_lookup_path = {
    .calls = FAULT(SENDMSG),
    .begin = its_object,
    .attempt = find_its_object,
    .recover = both_begin_anew,
    .end = no_object_of_its,
};

static void name_resource(Faults *f)
{
    fault_create_resource(f);
    g_assert_true(fault_assign(f));
}

static bool query(Faults *f)
{
    return any_exports(f->qts);
}

static const FaultPath query_path = {
    .begin = name_resource,
    .attempt = query,
    .end = fault_forget_resource,
};

#ifdef CONFIG_PNG
/* Return: NULL on success, else the error; to be freed by the caller */
static char *dump(Faults *f, const uint8_t *uuid)
{
    TempFile *file = temp_file_new("");
    char text[UUID_STR_LEN];
    char *said = NULL;
    QDict *answer;

    uuid_unparse_lower(uuid, text);
    answer = qtest_qmp(f->qts, "{ 'execute': 'x-virtio-export-dump',"
                       "  'arguments': { 'uuid': %s, 'filename': %s } }",
                       text, file->path);
    if (qdict_haskey(answer, "error")) {
        said = g_strdup(qdict_get_str(qdict_get_qdict(answer, "error"),
                                      "desc"));
    }
    g_assert_true(g_file_test(file->path, G_FILE_TEST_EXISTS) == !said);
    qobject_unref(answer);
    temp_file_free(file);
    return said;
}

static bool dump_image(Faults *f)
{
    g_autofree char *said = dump(f, f->uuid);

    return !said;
}

static const FaultPath dump_path = {
    .calls = FAULT(DUP),
    .begin = name_resource,
    .attempt = dump_image,
    .end = fault_forget_resource,
};

/* The dump must fail, because the size of the image is unknown */
static bool dump_its_object(Faults *f)
{
    g_autofree char *said = dump(f, its_uuid);

    return g_str_has_suffix(said, "layout of its image is not known");
}

static const FaultPath its_dump_path = {
    .calls = FAULT(SENDMSG),
    .begin = its_object,
    .attempt = dump_its_object,
    .recover = both_begin_anew,
    .end = no_object_of_its,
};
#endif

/* Make Mesa open what it needs once, before descriptors are counted */
static void texture_begin(Faults *f)
{
    g_assert_true(fault_share_image(f));
    fault_forget_resource(f);
    name_resource(f);
}

/* mmap() is skipped: Mesa does not check it and crashes */
static const FaultPath texture_path = {
    .calls = FAULT(MEMFD_CREATE) | FAULT(SEAL) | FAULT(UDMABUF) |
             FAULT(DUP) | FAULT(SENDMSG),
    .skips = FAULT(MMAP),
    .leaks = FAULT(SEAL) | FAULT(UDMABUF),
    .begin = texture_begin,
    .attempt = fault_find,
    .recover = fault_reopen,
    .undo = fault_forget_resource,
};

static void texture_again_begin(Faults *f)
{
    g_assert_true(fault_share_image(f));
}

static const FaultPath texture_again_path = {
    .calls = FAULT(DUP) | FAULT(SENDMSG),
    .begin = texture_again_begin,
    .attempt = fault_find,
    .recover = fault_reopen,
    .end = fault_forget_resource,
};

static void load_begin(Faults *f)
{
    f->qts = start_destination();
}

static bool load(Faults *f)
{
    return load_stream(f->qts, f->stream);
}

static void load_undo(Faults *f)
{
    g_assert_true(has_uuids(f->qts));
    qtest_system_reset(f->qts);
    g_assert_false(has_uuids(f->qts));
}

/* Reset, because a failed load may leave resources from before the load */
static void load_recover(Faults *f)
{
    unsigned int before;

    g_assert_false(has_uuids(f->qts));
    qtest_system_reset(f->qts);
    before = process_fds_settled(f->qts);
    qtest_quit(f->qts);
    load_begin(f);
    g_assert_cmpuint(process_fds_settled(f->qts), ==, before);
}

static void load_end(Faults *f)
{
    qtest_quit(f->qts);
}

static const FaultPath load_path = {
    .calls = FAULT(MEMFD_CREATE) | FAULT(SEAL) | FAULT(MMAP),
    .spares = FAULT(MEMFD_CREATE) | FAULT(SEAL),
    .begin = load_begin,
    .attempt = load,
    .recover = load_recover,
    .undo = load_undo,
    .end = load_end,
};

static void test_path(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    Faults f = { .gpu = &pci->gpu, .qts = pci->gpu.qts };

    if (!blobs_missing()) {
        fault_run_path(&f, data);
    }
}

static void test_gl(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    const UUIDTest *test = data;
    Faults f = { .gpu = gpu, .qts = gpu->qts };

    fault_run_path(&f, test->arg);
}

static void test_load(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    const UUIDTest *test = data;
    Faults f = { .gpu = gpu };
    uint32_t id;

    for (id = 1; id <= 2; id++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = id });
        assign_uuid({ .gpu = gpu, .id = id });
    }
    f.stream = save_stream(gpu->qts);
    fault_run_path(&f, test->arg);
    g_byte_array_unref(f.stream);
    come_home(gpu, gpu->qts);
}

/* If unref fails, the resource is unchanged and can be destroyed later */
static void unref_fails(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = &((QVirtioGPUPCI *)obj)->gpu;
    uuid_t uuid, again;

    qvirtio_gpu_create_venus_context(gpu, VENUS);
    qvirtio_gpu_create_blob({
        .gpu = gpu, .id = FAULT_ID, .ctx = VENUS, .size = BLOB_SIZE,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
        .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
    });
    assign_uuid({ .gpu = gpu, .id = FAULT_ID, .uuid = uuid });
    qvirtio_gpu_map_blob(gpu, FAULT_ID, 0);

    fault_arm(qtest_pid(gpu->qts), FAULT_UNMAP, 1, false);
    qvirtio_gpu_unref({ .gpu = gpu, .id = FAULT_ID,
                        .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
    g_assert_true(fault_disarm());
    g_assert_true(importer_finds(importer(), uuid));
    assign_uuid({ .gpu = gpu, .id = FAULT_ID, .uuid = again });
    g_assert_cmpint(uuid_compare(uuid, again), ==, 0);

    qvirtio_gpu_unref({ .gpu = gpu, .id = FAULT_ID });
    g_assert_false(importer_finds(importer(), uuid));
}

static void *fault_before(GString *cmd_line, void *arg)
{
    return importer_exporter_before(cmd_line, blob_before(cmd_line, arg));
}

static void add_path_test(const char *name, const FaultPath *path)
{
    g_autofree char *full = g_strconcat("resource-uuid/fault/", name, NULL);
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = blob_device_opts(RESOURCE_UUID_ON),
        .before = fault_before,
        .arg = (void *)path,
    };

    qos_add_test(full, "virtio-gpu-pci", test_path, &opts);
}

static void add_venus_test(const char *name, QOSTestFunc func)
{
    g_autofree char *full = g_strconcat("resource-uuid/fault/", name, NULL);
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = RESOURCE_UUID_ON
                                  ",blob=on,hostmem=64M,venus=on",
        .before = importer_before,
    };

    qos_add_test(full, "virtio-gpu-gl-pci", func, &opts);
}

static void *traced_before(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, " -trace virtio_gpu_res_uuid_rejected");
    return messages_before(cmd_line, arg);
}

static unsigned count(const char *text, const char *part)
{
    g_auto(GStrv) parts = g_strsplit(text, part, -1);

    return g_strv_length(parts) - 1;
}

/*
 * Each failure is traced, but QEMU warns once.  The warning is that of the
 * system, or of GnuTLS if QEMU is built with it.
 */
static void test_warning(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autofree char *text = NULL;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    for (int i = 0; i < 2; i++) {
        fault_arm(qtest_pid(gpu->qts), FAULT_GETRANDOM, 1, true);
        assign_uuid({ .gpu = gpu, .id = 1,
                      .expect = VIRTIO_GPU_RESP_ERR_UNSPEC });
        g_assert_true(fault_disarm());
    }
    text = messages_text();
    g_assert_cmpuint(count(text, ", res 0x1: host\n"), ==, 2);
    g_assert_cmpuint(
        count(text, "warning: getrandom: Input/output error\n") +
        count(text, "warning: Cannot get random bytes: Failed to acquire "
              "random"), ==, 1);
}

static void register_fault_test(void)
{
    static const UUIDTest warning_tests[] = {
        { "fault/warning", test_warning },
        { }
    };
    static const UUIDTest load_tests[] = {
        { "fault/load", test_load, &load_path },
        { }
    };
    static const UUIDTest gl_tests[] = {
        { "fault/gl/lookup", test_gl, &texture_path },
        { "fault/gl/lookup-again", test_gl, &texture_again_path },
        { }
    };

    if (!fault_available()) {
        return;
    }
    add_path_test("assign", &assign_path);
    add_path_test("share/memfd", &memfd_path);
    add_path_test("share/dma-buf", &dmabuf_path);
    add_path_test("share/blob", &blob_path);
    add_path_test("back-end/add", &add_path);
    add_path_test("back-end/remove", &remove_path);
    add_path_test("back-end/lookup", &its_lookup_path);
    add_path_test("monitor/query", &query_path);
#ifdef CONFIG_PNG
    add_path_test("monitor/dump", &dump_path);
    add_path_test("monitor/dump-of-a-back-end", &its_dump_path);
#endif
    add_uuid_pci_tests(load_tests, NULL);
    add_uuid_pci_tests(warning_tests, traced_before);
    /* set if EGL can export textures as dma-bufs */
    if (getenv("QTEST_GL_DMABUF")) {
        add_uuid_gl_pci_tests(gl_tests, importer_before);
    }
    /* set if virglrenderer supports blobs and has a Vulkan server */
    if (getenv("QTEST_GL_BLOB")) {
        add_venus_test("gl-blob/unref", unref_fails);
    }
}

libqos_init(register_fault_test);
