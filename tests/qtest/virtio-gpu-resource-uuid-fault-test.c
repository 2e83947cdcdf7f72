/*
 * QTest testcases for hosts that refuse something in the middle of sharing
 *
 * Each case lets the first, the second, ... call of a kind fail, on its own and
 * with all after it, until it fails none: who has asked gets an error, the
 * next try succeeds, and QEMU has as many descriptors as before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "qobject/qdict.h"
#include "fault.h"
#include "process-fds.h"
#include "virtio-gpu-blob.h"
#include "virtio-gpu-importer.h"
#include "virtio-gpu-migration.h"

#define ID          1
#define BLOB_SIZE   8192

#define CALL(name)  BIT(FAULT_ ## name)

static const uint8_t its_uuid[PEER_UUID_SIZE] = "of-the-back-end";

typedef struct Faults Faults;

/**
 * struct FaultPath - Something that makes calls which can fail
 * @calls: kinds of calls that it makes
 * @spares: those of them that it can do without
 * @udmabuf: images are looked up as dma-bufs
 * @begin: prepares it; may be NULL
 * @attempt: does it; returns false if that was refused
 * @recover: makes @attempt possible after it was refused; may be NULL
 * @undo: undoes @attempt; may be NULL
 * @end: undoes @begin; may be NULL
 */
typedef struct FaultPath {
    unsigned int calls;
    unsigned int spares;
    bool udmabuf;
    void (*begin)(Faults *f);
    bool (*attempt)(Faults *f);
    void (*recover)(Faults *f);
    void (*undo)(Faults *f);
    void (*end)(Faults *f);
} FaultPath;

/**
 * struct Faults - A path that is tested
 * @gpu: the device
 * @qts: the QEMU whose calls fail
 * @backing: of blobs
 * @exists: the resource ID does
 * @uuid: of that
 * @closed: back-end whose channel QEMU has closed
 * @stream: what a destination loads
 */
struct Faults {
    QVirtioGPU *gpu;
    QTestState *qts;
    uint64_t backing;
    bool exists;
    uuid_t uuid;
    VhostUserPeer *closed;
    GByteArray *stream;
};

/* Return: false if the response is @error */
static bool command_succeeds(Faults *f, const void *req, size_t len,
                             uint32_t error)
{
    struct virtio_gpu_ctrl_hdr resp;
    QVirtioGPURequest r = {
        .req = req, .req_len = len, .resp = &resp, .resp_len = sizeof(resp),
    };

    qvirtio_gpu_submit(f->gpu, &r, 1);
    if (le32_to_cpu(resp.type) == VIRTIO_GPU_RESP_OK_NODATA) {
        return true;
    }
    qvirtio_gpu_assert_hdr(&resp, error);
    return false;
}

static bool assign(Faults *f)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(ID);
    struct virtio_gpu_resp_resource_uuid resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    qvirtio_gpu_submit(f->gpu, &r, 1);
    if (le32_to_cpu(resp.hdr.type) == VIRTIO_GPU_RESP_ERR_UNSPEC) {
        g_assert_cmpuint(r.used_len, ==, sizeof(resp.hdr));
        return false;
    }
    assert_uuid_response(&r, &resp);
    memcpy(f->uuid, resp.uuid, sizeof(uuid_t));
    return true;
}

/* A back-end is refused by an answer, or by the end of its channel */
static bool peer_succeeds(Faults *f, VhostUserPeer *peer, uint32_t request,
                          const uint8_t *uuid)
{
    PeerReply got;

    vhost_user_peer_send(peer, request, PEER_NEED_REPLY, uuid, PEER_UUID_SIZE);
    if (!vhost_user_peer_try_recv(peer, request, &got)) {
        f->closed = peer;
        return false;
    }
    g_assert_cmpuint(got.num_fds, ==, got.u64 == 0 && request == PEER_LOOKUP);
    if (got.num_fds) {
        close(got.fd);
    }
    return got.u64 == 0;
}

static bool find(Faults *f)
{
    return peer_succeeds(f, importer(), PEER_LOOKUP, f->uuid);
}

/* QEMU has closed the back-end channel: the back-end begins anew */
static void reopen(Faults *f)
{
    if (f->closed) {
        vhost_user_peer_reconnect(f->closed);
        f->closed = NULL;
    }
}

static void forget_resource(Faults *f)
{
    if (f->exists) {
        qvirtio_gpu_unref({ .gpu = f->gpu, .id = ID });
        f->exists = false;
    }
}

static void create_resource(Faults *f)
{
    qvirtio_gpu_create_2d({ .gpu = f->gpu, .id = ID });
    f->exists = true;
}

static void find_what_was_assigned(Faults *f)
{
    g_assert_true(find(f));
    g_assert_true(assign(f));
}

static const FaultPath assign_path = {
    .calls = CALL(GETRANDOM),
    .begin = create_resource,
    .attempt = assign,
    .undo = find_what_was_assigned,
    .end = forget_resource,
};

/* From its creation to a look-up */
static bool share_image(Faults *f)
{
    struct virtio_gpu_resource_create_2d req =
        qvirtio_gpu_create_2d_req((QVirtioGPUResourceOpt) { .id = ID });

    f->exists = command_succeeds(f, &req, sizeof(req),
                                 VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    return f->exists && assign(f) && find(f);
}

static void forget_and_reopen(Faults *f)
{
    reopen(f);
    forget_resource(f);
}

static const FaultPath memfd_path = {
    .calls = CALL(MEMFD_CREATE) | CALL(SEAL) | CALL(MMAP) | CALL(GETRANDOM) |
             CALL(DUP) | CALL(SENDMSG),
    .attempt = share_image,
    .recover = forget_and_reopen,
    .undo = forget_resource,
};

static const FaultPath dmabuf_path = {
    .calls = CALL(MEMFD_CREATE) | CALL(SEAL) | CALL(MMAP) | CALL(GETRANDOM) |
             CALL(UDMABUF) | CALL(SENDMSG),
    .spares = CALL(UDMABUF),
    .udmabuf = true,
    .attempt = share_image,
    .recover = forget_and_reopen,
    .undo = forget_resource,
};

static void blob_begin(Faults *f)
{
    f->backing = guest_alloc(f->gpu->alloc, BLOB_SIZE);
}

static bool share_blob(Faults *f)
{
    qvirtio_gpu_create_blob({ .gpu = f->gpu, .id = ID, .size = BLOB_SIZE,
                              .backing = f->backing,
                              .backing_len = BLOB_SIZE });
    f->exists = true;
    return assign(f) && find(f);
}

static void blob_end(Faults *f)
{
    guest_free(f->gpu->alloc, f->backing);
}

static const FaultPath blob_path = {
    .calls = CALL(UDMABUF) | CALL(MMAP) | CALL(GETRANDOM) | CALL(DUP) |
             CALL(SENDMSG),
    .begin = blob_begin,
    .attempt = share_blob,
    .recover = forget_and_reopen,
    .undo = forget_resource,
    .end = blob_end,
};

static bool its_add(Faults *f)
{
    return peer_succeeds(f, exporter(), PEER_ADD, its_uuid);
}

static bool its_remove(Faults *f)
{
    return peer_succeeds(f, exporter(), PEER_REMOVE, its_uuid);
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
    .calls = CALL(SENDMSG),
    .attempt = its_add,
    .recover = reopen,
    .undo = no_object_of_its,
};

static void reopen_and_add(Faults *f)
{
    reopen(f);
    g_assert_true(its_add(f));
}

static const FaultPath remove_path = {
    .calls = CALL(SENDMSG),
    .begin = its_object,
    .attempt = its_remove,
    .recover = reopen_and_add,
};

/* If QEMU could not ask the exporter, that has to begin anew */
static void both_begin_anew(Faults *f)
{
    reopen(f);
    vhost_user_peer_reconnect(exporter());
    g_assert_true(its_add(f));
}

static bool find_its_object(Faults *f)
{
    return peer_succeeds(f, importer(), PEER_LOOKUP, its_uuid);
}

static const FaultPath its_lookup_path = {
    .calls = CALL(SENDMSG),
    .begin = its_object,
    .attempt = find_its_object,
    .recover = both_begin_anew,
    .end = no_object_of_its,
};

static void name_resource(Faults *f)
{
    create_resource(f);
    g_assert_true(assign(f));
}

static bool query(Faults *f)
{
    return any_exports(f->qts);
}

static const FaultPath query_path = {
    .begin = name_resource,
    .attempt = query,
    .end = forget_resource,
};

#ifdef CONFIG_PNG
/* Return: NULL on success, else what the monitor says; freed by the caller */
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
    .calls = CALL(DUP),
    .begin = name_resource,
    .attempt = dump_image,
    .end = forget_resource,
};

/* Not to know its size is as far as one gets */
static bool dump_its_object(Faults *f)
{
    g_autofree char *said = dump(f, its_uuid);

    return g_str_has_suffix(said, "layout of its image is not known");
}

static const FaultPath its_dump_path = {
    .calls = CALL(SENDMSG),
    .begin = its_object,
    .attempt = dump_its_object,
    .recover = both_begin_anew,
    .end = no_object_of_its,
};
#endif

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

/* A load that has failed leaves what there was, until a reset */
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
    .calls = CALL(MEMFD_CREATE) | CALL(SEAL) | CALL(MMAP),
    .spares = CALL(MEMFD_CREATE) | CALL(SEAL),
    .begin = load_begin,
    .attempt = load,
    .recover = load_recover,
    .undo = load_undo,
    .end = load_end,
};

static void call_hook(void (*hook)(Faults *f), Faults *f)
{
    if (hook) {
        hook(f);
    }
}

/* Return: whether a call has failed */
static bool run_once(Faults *f, const FaultPath *path, FaultCall call,
                     uint32_t nth, bool for_good)
{
    unsigned int before;
    bool failed, done;

    call_hook(path->begin, f);
    before = process_fds_settled(f->qts);
    fault_arm(qtest_pid(f->qts), call, nth, for_good);
    done = path->attempt(f);
    failed = fault_disarm();
    g_test_message("%s %u%s: %s, %s", fault_name(call), nth,
                   for_good ? " and all after it" : "",
                   failed ? "failed" : "not called", done ? "done" : "refused");
    g_assert_true(done == (!failed || path->spares & BIT(call)));
    if (!done) {
        call_hook(path->recover, f);
        g_assert_true(path->attempt(f));
    }
    call_hook(path->undo, f);
    g_assert_cmpuint(process_fds_settled(f->qts), ==, before);
    call_hook(path->end, f);
    return failed;
}

static void run_path(Faults *f, const FaultPath *path)
{
    unsigned int calls = 0;
    FaultCall call;
    uint32_t nth;

    fault_set_udmabuf(path->udmabuf);
    for (call = 0; call < FAULT_CALLS; call++) {
        for (nth = 1; run_once(f, path, call, nth, false); nth++) {
            g_assert_true(run_once(f, path, call, nth, true));
            calls |= BIT(call);
        }
    }
    g_assert_cmphex(calls, ==, path->calls);
}

static void test_path(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    Faults f = { .gpu = &pci->gpu, .qts = pci->gpu.qts };

    if (!blobs_missing()) {
        run_path(&f, data);
    }
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
    run_path(&f, test->arg);
    g_byte_array_unref(f.stream);
    come_home(gpu, gpu->qts);
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

static void register_fault_test(void)
{
    static const UUIDTest load_tests[] = {
        { "fault/load", test_load, &load_path },
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
    add_path_test("back-end/look-up", &its_lookup_path);
    add_path_test("monitor/query", &query_path);
#ifdef CONFIG_PNG
    add_path_test("monitor/dump", &dump_path);
    add_path_test("monitor/dump-of-a-back-end", &its_dump_path);
#endif
    add_uuid_pci_tests(load_tests, NULL);
}

libqos_init(register_fault_test);
