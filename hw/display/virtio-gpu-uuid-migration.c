/*
 * virtio-gpu: UUIDs of resources in the migration stream
 *
 * The stream is not trusted: it is read into records first, of which none
 * counts unless all are right.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"
#include "hw/virtio/virtio-gpu-resource-uuid.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"
#include "trace.h"

typedef struct VirtIOGPUUuidRecord {
    uint32_t resource_id;
    QemuUUID uuid;
} VirtIOGPUUuidRecord;

static void free_records(VirtIOGPU *g)
{
    g_clear_pointer(&g->uuid_records, g_free);
    g->num_uuid_records = 0;
}

static void release_all(VirtIOGPU *g)
{
    struct virtio_gpu_simple_resource *res;

    QTAILQ_FOREACH(res, &g->reslist, next) {
        virtio_gpu_uuid_table_release(g->uuid_table, &res->uuid);
    }
}

/* The destination refuses them if the driver has taken its word back */
static bool resource_uuid_needed(void *opaque)
{
    VirtIOGPU *g = opaque;

    return virtio_gpu_resource_uuid_negotiated(g) &&
           virtio_gpu_uuid_table_size(g->uuid_table) > 0;
}

static int resource_uuid_pre_save(void *opaque)
{
    VirtIOGPU *g = opaque;
    struct virtio_gpu_simple_resource *res;

    GLOBAL_STATE_CODE();

    free_records(g);
    g->uuid_records = g_new(VirtIOGPUUuidRecord,
                            virtio_gpu_uuid_table_size(g->uuid_table));
    QTAILQ_FOREACH(res, &g->reslist, next) {
        if (!qemu_uuid_is_null(&res->uuid)) {
            g->uuid_records[g->num_uuid_records++] = (VirtIOGPUUuidRecord) {
                .resource_id = res->resource_id,
                .uuid = res->uuid,
            };
        }
    }
    return 0;
}

static int resource_uuid_post_save(void *opaque)
{
    free_records(opaque);
    return 0;
}

static int resource_uuid_pre_load(void *opaque)
{
    VirtIOGPU *g = opaque;

    GLOBAL_STATE_CODE();

    free_records(g);
    if (!virtio_gpu_resource_uuid_enabled(g->parent_obj.conf)) {
        error_report("virtio-gpu: UUIDs in the stream, but '%s' is off",
                     VIRTIO_GPU_RESOURCE_UUID_PROP);
        return -EINVAL;
    }
    if (!virtio_gpu_resource_uuid_negotiated(g)) {
        error_report("virtio-gpu: UUIDs in the stream, but the driver has not "
                     "acknowledged VIRTIO_GPU_F_RESOURCE_UUID");
        return -EINVAL;
    }
    if (virtio_gpu_uuid_table_size(g->uuid_table) > 0) {
        error_report("virtio-gpu: UUIDs twice in the stream");
        release_all(g);
        return -EINVAL;
    }
    return 0;
}

static bool num_records_is_valid(void *opaque, int version_id)
{
    VirtIOGPU *g = opaque;
    struct virtio_gpu_simple_resource *res;
    int64_t resources = 0;

    QTAILQ_FOREACH(res, &g->reslist, next) {
        resources++;
    }
    return g->num_uuid_records > 0 && g->num_uuid_records <= resources;
}

static bool load_record(VirtIOGPU *g, const VirtIOGPUUuidRecord *record,
                        Error **errp)
{
    struct virtio_gpu_simple_resource *res;

    res = virtio_gpu_find_resource(g, record->resource_id);
    if (!res) {
        error_setg(errp, "no such resource");
        return false;
    }
    return virtio_gpu_uuid_table_enter(g->uuid_table, &res->uuid,
                                       &record->uuid, errp);
}

static bool load_records(VirtIOGPU *g, Error **errp)
{
    ERRP_GUARD();
    uint32_t i;

    for (i = 0; i < g->num_uuid_records; i++) {
        if (!load_record(g, &g->uuid_records[i], errp)) {
            error_prepend(errp, "virtio-gpu: UUID of resource 0x%x: ",
                          g->uuid_records[i].resource_id);
            release_all(g);
            return false;
        }
    }
    return true;
}

static void trace_loaded(VirtIOGPU *g)
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

static int resource_uuid_post_load(void *opaque, int version_id)
{
    Error *err = NULL;
    bool loaded = load_records(opaque, &err);

    free_records(opaque);
    if (!loaded) {
        error_report_err(err);
        return -EINVAL;
    }
    trace_loaded(opaque);
    return 0;
}

static int get_record(QEMUFile *f, void *opaque, size_t size,
                      const VMStateField *field)
{
    VirtIOGPUUuidRecord *record = opaque;

    record->resource_id = qemu_get_be32(f);
    qemu_get_buffer(f, record->uuid.data, sizeof(record->uuid.data));
    return 0;
}

static int put_record(QEMUFile *f, void *opaque, size_t size,
                      const VMStateField *field, JSONWriter *vmdesc)
{
    VirtIOGPUUuidRecord *record = opaque;

    qemu_put_be32(f, record->resource_id);
    qemu_put_buffer(f, record->uuid.data, sizeof(record->uuid.data));
    return 0;
}

/*
 * No VMStateDescription: after each, QEMU would look for subsections, and take
 * the id that follows for the start of one if the driver has chosen it so.
 */
static const VMStateInfo vmstate_info_record = {
    .name = "virtio-gpu/resource-uuid/record",
    .get = get_record,
    .put = put_record,
};

const VMStateDescription vmstate_virtio_gpu_resource_uuid = {
    .name = "virtio-gpu/resource-uuid",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = resource_uuid_needed,
    .pre_save = resource_uuid_pre_save,
    .post_save = resource_uuid_post_save,
    .pre_load = resource_uuid_pre_load,
    .post_load = resource_uuid_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(num_uuid_records, VirtIOGPU),
        VMSTATE_VALIDATE("0 < UUIDs <= resources", num_records_is_valid),
        VMSTATE_VARRAY_UINT32_ALLOC(uuid_records, VirtIOGPU, num_uuid_records,
                                    0, vmstate_info_record,
                                    VirtIOGPUUuidRecord),
        VMSTATE_END_OF_LIST()
    },
};

/*
 * Nothing but words depends on these bits, which virtio_load() has yet to
 * check against those of the host.
 */
int virtio_gpu_resource_uuid_explain(VirtIODevice *vdev, QEMUFile *f,
                                     int version_id)
{
    VirtIOGPU *g = VIRTIO_GPU(vdev);

    if (virtio_vdev_has_feature(vdev, VIRTIO_GPU_F_RESOURCE_UUID) &&
        !virtio_gpu_resource_uuid_enabled(g->parent_obj.conf)) {
        error_report("virtio-gpu: the guest uses UUIDs of resources: this "
                     "needs '%s=on', as on the source",
                     VIRTIO_GPU_RESOURCE_UUID_PROP);
    }
    return 0;
}
