/*
 * virtio-gpu: UUIDs of resources (VIRTIO_GPU_F_RESOURCE_UUID)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-bswap.h"
#include "hw/virtio/virtio-gpu-resource-uuid.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"
#include "trace.h"

bool virtio_gpu_resource_uuid_negotiated(VirtIOGPU *g)
{
    /* a failed load can leave feature bits set that were never offered */
    return virtio_gpu_resource_uuid_enabled(g->parent_obj.conf) &&
           virtio_vdev_has_feature(&g->parent_obj.parent_obj,
                                   VIRTIO_GPU_F_RESOURCE_UUID);
}

static bool virtio_gpu_assign_uuid_reject(VirtIOGPU *g,
                                          struct virtio_gpu_ctrl_command *cmd,
                                          enum virtio_gpu_ctrl_type error,
                                          uint32_t resource_id,
                                          const char *reason)
{
    trace_virtio_gpu_res_uuid_rejected(g, resource_id, reason);
    cmd->error = error;
    return false;
}

static bool
virtio_gpu_assign_uuid_parse(VirtIOGPU *g, struct virtio_gpu_ctrl_command *cmd,
                             struct virtio_gpu_resource_assign_uuid *assign)
{
    const size_t room = iov_size(cmd->elem.in_sg, cmd->elem.in_num);
    size_t len;

    if (!virtio_gpu_resource_uuid_negotiated(g)) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: VIRTIO_GPU_F_RESOURCE_UUID is not negotiated\n",
                      __func__);
        return virtio_gpu_assign_uuid_reject(g, cmd,
                                             VIRTIO_GPU_RESP_ERR_UNSPEC, 0,
                                             "feature");
    }

    len = iov_to_buf(cmd->elem.out_sg, cmd->elem.out_num, 0, assign,
                     sizeof(*assign));
    if (len < sizeof(*assign)) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: request of %zu bytes, not %zu\n",
                      __func__, len, sizeof(*assign));
        return virtio_gpu_assign_uuid_reject(
            g, cmd, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, 0, "request");
    }
    virtio_gpu_bswap_32(assign, sizeof(*assign));

    if (room < sizeof(struct virtio_gpu_resp_resource_uuid)) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: room for a response of %zu bytes, not %zu\n",
                      __func__, room,
                      sizeof(struct virtio_gpu_resp_resource_uuid));
        return virtio_gpu_assign_uuid_reject(
            g, cmd, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
            assign->resource_id, "response");
    }
    return true;
}

static bool
virtio_gpu_resource_give_uuid(VirtIOGPU *g,
                              struct virtio_gpu_simple_resource *res,
                              Error **errp)
{
    g_autofree char *text = NULL;

    if (!virtio_gpu_uuid_table_assign(g->uuid_table, &res->uuid, errp)) {
        return false;
    }
    if (trace_event_get_state_backends(TRACE_VIRTIO_GPU_RES_UUID_ASSIGNED)) {
        text = qemu_uuid_unparse_strdup(&res->uuid);
        trace_virtio_gpu_res_uuid_assigned(g, res->resource_id, text);
    }
    return true;
}

bool virtio_gpu_resource_uuid_realize(VirtIOGPU *g, Error **errp)
{
    GLOBAL_STATE_CODE();

    if (!virtio_gpu_resource_uuid_enabled(g->parent_obj.conf)) {
        return true;
    }
    if (!VIRTIO_GPU_GET_CLASS(g)->supports_resource_uuid) {
        error_setg(errp, "'%s' is not supported by %s",
                   VIRTIO_GPU_RESOURCE_UUID_PROP,
                   object_get_typename(OBJECT(g)));
        return false;
    }
    if (!g->uuid_table) {
        g->uuid_table = virtio_gpu_uuid_table_new();
    }
    return true;
}

void virtio_gpu_resource_uuid_finalize(Object *obj)
{
    VirtIOGPU *g = VIRTIO_GPU(obj);

    g_clear_pointer(&g->uuid_table, virtio_gpu_uuid_table_free);
}

void virtio_gpu_resource_assign_uuid(VirtIOGPU *g,
                                     struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_resource_assign_uuid assign;
    struct virtio_gpu_resp_resource_uuid resp = {
        .hdr.type = VIRTIO_GPU_RESP_OK_RESOURCE_UUID,
    };
    struct virtio_gpu_simple_resource *res;
    Error *err = NULL;

    GLOBAL_STATE_CODE();

    if (!virtio_gpu_assign_uuid_parse(g, cmd, &assign)) {
        return;
    }
    trace_virtio_gpu_cmd_res_assign_uuid(assign.resource_id);

    res = virtio_gpu_find_resource(g, assign.resource_id);
    if (!res) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: no resource 0x%x\n", __func__,
                      assign.resource_id);
        virtio_gpu_assign_uuid_reject(
            g, cmd, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
            assign.resource_id, "resource");
        return;
    }
    if (qemu_uuid_is_null(&res->uuid) &&
        !virtio_gpu_resource_give_uuid(g, res, &err)) {
        virtio_gpu_assign_uuid_reject(g, cmd, VIRTIO_GPU_RESP_ERR_UNSPEC,
                                      assign.resource_id, "host");
        warn_report_err_once(err);
        return;
    }

    memcpy(resp.uuid, res->uuid.data, sizeof(resp.uuid));
    virtio_gpu_ctrl_response(g, cmd, &resp.hdr, sizeof(resp));
}

void virtio_gpu_resource_uuid_release(VirtIOGPU *g,
                                      struct virtio_gpu_simple_resource *res)
{
    GLOBAL_STATE_CODE();

    if (!qemu_uuid_is_null(&res->uuid)) {
        trace_virtio_gpu_res_uuid_released(g, res->resource_id);
        virtio_gpu_uuid_table_release(g->uuid_table, &res->uuid);
    }
}
