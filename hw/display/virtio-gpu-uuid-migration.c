/*
 * virtio-gpu: UUIDs of resources in the migration stream
 *
 * The stream is not trusted: it is read into records first, and none of them
 * takes effect unless all of them are valid.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "migration/misc.h"
#include "migration/vmstate.h"
#include "hw/virtio/virtio-gpu-resource-uuid.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"
#include "trace.h"

/* Layout of a record in the stream */
typedef struct VirtIOGPUUuidRecord {
    uint32_t resource_id;   /* big endian */
    QemuUUID uuid;
} VirtIOGPUUuidRecord;

QEMU_BUILD_BUG_ON(sizeof(VirtIOGPUUuidRecord) != 20);

typedef struct VirtIOGPUUuidRecords {
    VirtIOGPU *parent;
    uint32_t max;
    uint32_t num;
    VirtIOGPUUuidRecord *records;   /* owned and perhaps kept by the table */
} VirtIOGPUUuidRecords;

static void virtio_gpu_uuid_records_alloc(VirtIOGPUUuidRecords *r, uint32_t max)
{
    r->max = max;
    r->num = 0;
    r->records = virtio_gpu_uuid_table_room(r->parent->uuid_table,
                                            max * sizeof(*r->records));
}

static void virtio_gpu_uuid_release_all(VirtIOGPU *g)
{
    struct virtio_gpu_simple_resource *res;

    QTAILQ_FOREACH(res, &g->reslist, next) {
        virtio_gpu_uuid_table_release(g->uuid_table, &res->uuid);
    }
}

static int virtio_gpu_uuid_records_pre_save(void *opaque)
{
    VirtIOGPUUuidRecords *r = opaque;
    struct virtio_gpu_simple_resource *res;

    virtio_gpu_uuid_records_alloc(
        r, virtio_gpu_uuid_table_size(r->parent->uuid_table));
    QTAILQ_FOREACH(res, &r->parent->reslist, next) {
        if (!qemu_uuid_is_null(&res->uuid)) {
            r->records[r->num++] = (VirtIOGPUUuidRecord) {
                .resource_id = cpu_to_be32(res->resource_id),
                .uuid = res->uuid,
            };
        }
    }
    return 0;
}

static int virtio_gpu_uuid_records_pre_load(void *opaque)
{
    VirtIOGPUUuidRecords *r = opaque;
    struct virtio_gpu_simple_resource *res;
    uint32_t resources = 0;

    QTAILQ_FOREACH(res, &r->parent->reslist, next) {
        resources++;
    }
    virtio_gpu_uuid_records_alloc(r, resources);
    return 0;
}

static bool virtio_gpu_uuid_records_fit(void *opaque, int version_id)
{
    VirtIOGPUUuidRecords *r = opaque;

    return r->num > 0 && r->num <= r->max;
}

static bool virtio_gpu_uuid_load(VirtIOGPU *g, uint32_t resource_id,
                                 const QemuUUID *uuid, Error **errp)
{
    ERRP_GUARD();
    struct virtio_gpu_simple_resource *res;

    res = virtio_gpu_find_resource(g, resource_id);
    if (!res) {
        error_setg(errp, "the resource does not exist");
    } else {
        virtio_gpu_uuid_table_enter(g->uuid_table, &res->uuid, uuid, errp);
    }
    if (*errp) {
        error_prepend(errp, "virtio-gpu: UUID of resource 0x%x: ", resource_id);
    }
    return !*errp;
}

static void virtio_gpu_uuid_trace_loaded(VirtIOGPU *g)
{
    struct virtio_gpu_simple_resource *res;

    if (!trace_event_get_state_backends(TRACE_VIRTIO_GPU_RES_UUID_LOADED)) {
        return;
    }
    QTAILQ_FOREACH(res, &g->reslist, next) {
        if (!qemu_uuid_is_null(&res->uuid)) {
            g_autofree char *text = qemu_uuid_unparse_strdup(&res->uuid);

            trace_virtio_gpu_res_uuid_loaded(g, res->resource_id, text);
        }
    }
}

static int virtio_gpu_uuid_records_post_load(void *opaque, int version_id)
{
    VirtIOGPUUuidRecords *r = opaque;
    Error *err = NULL;

    for (uint32_t i = 0; i < r->num && !err; i++) {
        virtio_gpu_uuid_load(r->parent, be32_to_cpu(r->records[i].resource_id),
                             &r->records[i].uuid, &err);
    }
    virtio_gpu_uuid_records_alloc(r, 0);
    if (err) {
        virtio_gpu_uuid_release_all(r->parent);
        migration_incoming_report_err(err);
        return -EINVAL;
    }
    virtio_gpu_uuid_trace_loaded(r->parent);
    return 0;
}

/*
 * A record has no VMStateDescription of its own: vmstate_subsection_load() runs
 * after each VMStateDescription, and a driver could choose a resource ID that
 * looks like the start of a subsection, whose name would be read beyond the end
 * of the stream.
 */
static const VMStateDescription vmstate_virtio_gpu_uuid_records = {
    .name = "virtio-gpu/resource-uuid",
    .pre_save = virtio_gpu_uuid_records_pre_save,
    .pre_load = virtio_gpu_uuid_records_pre_load,
    .post_load = virtio_gpu_uuid_records_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(num, VirtIOGPUUuidRecords),
        VMSTATE_VALIDATE("0 < UUIDs <= resources", virtio_gpu_uuid_records_fit),
        VMSTATE_VARRAY_UINT32(records, VirtIOGPUUuidRecords, num, 0,
                              vmstate_info_buffer, VirtIOGPUUuidRecord),
        VMSTATE_END_OF_LIST()
    },
};

/* The destination rejects UUIDs if the feature is no longer negotiated */
static bool virtio_gpu_resource_uuid_needed(void *opaque)
{
    VirtIOGPU *g = opaque;

    return virtio_gpu_resource_uuid_negotiated(g) &&
           virtio_gpu_uuid_table_size(g->uuid_table) > 0;
}

static int virtio_gpu_resource_uuid_pre_load(void *opaque)
{
    VirtIOGPU *g = opaque;
    Error *err = NULL;

    GLOBAL_STATE_CODE();

    if (!virtio_gpu_resource_uuid_enabled(g->parent_obj.conf)) {
        error_setg(&err, "virtio-gpu: the stream contains UUIDs, but '%s' is "
                   "off", VIRTIO_GPU_RESOURCE_UUID_PROP);
    } else if (!virtio_gpu_resource_uuid_negotiated(g)) {
        error_setg(&err, "virtio-gpu: the stream contains UUIDs, but the "
                   "driver has not acknowledged VIRTIO_GPU_F_RESOURCE_UUID");
    } else if (virtio_gpu_uuid_table_size(g->uuid_table) > 0) {
        virtio_gpu_uuid_release_all(g);
        error_setg(&err, "virtio-gpu: the stream contains the UUIDs twice");
    }
    if (err) {
        migration_incoming_report_err(err);
        return -EINVAL;
    }
    return 0;
}

const VMStateDescription vmstate_virtio_gpu_resource_uuid = {
    .name = "virtio-gpu/resource-uuid",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = virtio_gpu_resource_uuid_needed,
    .pre_load = virtio_gpu_resource_uuid_pre_load,
    .fields = (const VMStateField[]) {
        VMSTATE_WITH_TMP(VirtIOGPU, VirtIOGPUUuidRecords,
                         vmstate_virtio_gpu_uuid_records),
        VMSTATE_END_OF_LIST()
    },
};
