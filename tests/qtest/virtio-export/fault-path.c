/*
 * Fault injection: share a resource while host calls fail
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "virtio-export/fault-path.h"
#include "virtio-export/process-fds.h"

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

bool fault_assign(Faults *f)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(FAULT_ID);
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

bool fault_peer_succeeds(Faults *f, VhostUserPeer *peer, uint32_t request,
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

bool fault_find(Faults *f)
{
    return fault_peer_succeeds(f, importer(), PEER_LOOKUP, f->uuid);
}

void fault_reopen(Faults *f)
{
    if (f->closed) {
        vhost_user_peer_reconnect(f->closed);
        f->closed = NULL;
    }
}

void fault_forget_resource(Faults *f)
{
    if (f->exists) {
        qvirtio_gpu_unref({ .gpu = f->gpu, .id = FAULT_ID });
        f->exists = false;
    }
}

void fault_create_resource(Faults *f)
{
    qvirtio_gpu_create_2d({ .gpu = f->gpu, .id = FAULT_ID });
    f->exists = true;
}

bool fault_share_image(Faults *f)
{
    struct virtio_gpu_resource_create_2d req =
        qvirtio_gpu_create_2d_req((QVirtioGPUResourceOpt) { .id = FAULT_ID });

    f->exists = command_succeeds(f, &req, sizeof(req),
                                 VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    return f->exists && fault_assign(f) && fault_find(f);
}

void fault_forget_and_reopen(Faults *f)
{
    fault_reopen(f);
    fault_forget_resource(f);
}

static void call_hook(void (*hook)(Faults *f), Faults *f)
{
    if (hook) {
        hook(f);
    }
}

static unsigned int count_fds(Faults *f)
{
    unsigned int num = process_fds_settled(f->qts);

    return f->process ? num + process_fds_count(f->process) : num;
}

/* Return: whether fault injection has made a call fail */
static bool run_once(Faults *f, const FaultPath *path, FaultCall call,
                     uint32_t nth, bool for_good)
{
    unsigned int before, after;
    bool failed, done;

    call_hook(path->begin, f);
    before = count_fds(f);
    fault_arm(f->process ?: qtest_pid(f->qts), call, nth, for_good);
    done = path->attempt(f);
    failed = fault_disarm();
    g_test_message("%s %u%s: %s, %s", fault_name(call), nth,
                   for_good ? " and all after it" : "",
                   failed ? "failed" : "not called", done ? "done" : "error");
    g_assert_true(done == (!failed || path->spares & BIT(call)));
    if (!done) {
        call_hook(path->recover, f);
        g_assert_true(path->attempt(f));
    }
    call_hook(path->undo, f);
    after = count_fds(f);
    g_assert_cmpuint(after, >=, before);
    g_assert_cmpuint(after - before, <=, failed && path->leaks & BIT(call));
    call_hook(path->end, f);
    return failed;
}

void fault_run_path(Faults *f, const FaultPath *path)
{
    unsigned int calls = 0;
    FaultCall call;
    uint32_t nth;

    fault_set_udmabuf(path->udmabuf);
    for (call = 0; call < FAULT_CALLS; call++) {
        if (path->skips & BIT(call)) {
            continue;
        }
        for (nth = 1; run_once(f, path, call, nth, false); nth++) {
            g_assert_true(run_once(f, path, call, nth, true));
            calls |= BIT(call);
        }
    }
    g_assert_cmphex(calls, ==, path->calls);
}
