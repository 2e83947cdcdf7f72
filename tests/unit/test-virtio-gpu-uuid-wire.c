/*
 * Tests of the byte order of virtio-gpu's resource UUIDs: on every host,
 * commands are little endian, and the migration stream is big endian
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/module.h"
#include "crypto/random.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-bswap.h"
#include "hw/virtio/virtio-gpu-resource-uuid.h"
#include "io/channel-buffer.h"
#include "migration/misc.h"
#include "migration/vmstate.h"
#include "../migration/qemu-file.h"
#include "../migration/savevm.h"
#include "hw/virtio/virtio-export-compat.h"

#define STREAM_ROOM 1024

/* A wrong byte order turns one into the other */
#define ID          0x01020304
#define SWAPPED_ID  0x04030201

static const QemuUUID the_uuid = { .data = {
    0x2a, 0x1f, 0x1b, 0x5e, 0x6a, 0x8e, 0x4a, 0x55,
    0x9d, 0x1c, 0x6d, 0x0a, 0x9c, 0x2f, 0x7b, 0x11,
} };

static const uint8_t request[] = {
    0x0b, 0x01, 0x00, 0x00,         /* RESOURCE_ASSIGN_UUID */
    0, 0, 0, 0,                     /* flags */
    0, 0, 0, 0, 0, 0, 0, 0,         /* fence_id */
    0, 0, 0, 0,                     /* ctx_id */
    0, 0, 0, 0,
    0x04, 0x03, 0x02, 0x01,         /* resource_id */
    0, 0, 0, 0,
};

/* the UUID follows */
static const uint8_t response[] = {
    0x05, 0x11, 0x00, 0x00,         /* OK_RESOURCE_UUID */
    0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0,
    0, 0, 0, 0,
};

/* the UUID follows */
static const uint8_t stream[] = {
    0x00, 0x00, 0x00, 0x01,         /* records */
    0x01, 0x02, 0x03, 0x04,         /* resource_id */
};

typedef struct Fixture {
    VirtIOGPU *gpu;
    struct virtio_gpu_simple_resource named;
    struct virtio_gpu_simple_resource other;
} Fixture;

/* Stubs of the functions of virtio-gpu.c that are called */

struct virtio_gpu_simple_resource *virtio_gpu_find_resource(VirtIOGPU *g,
                                                            uint32_t id)
{
    struct virtio_gpu_simple_resource *res;

    QTAILQ_FOREACH(res, &g->reslist, next) {
        if (res->resource_id == id) {
            break;
        }
    }
    return res;
}

void virtio_gpu_ctrl_response(VirtIOGPU *g, struct virtio_gpu_ctrl_command *cmd,
                              struct virtio_gpu_ctrl_hdr *resp, size_t len)
{
    virtio_gpu_ctrl_hdr_bswap(resp);
    g_assert_cmpuint(iov_from_buf(cmd->elem.in_sg, cmd->elem.in_num, 0, resp,
                                  len), ==, len);
    cmd->finished = true;
}

void virtio_gpu_simple_process_cmd(VirtIOGPU *g,
                                   struct virtio_gpu_ctrl_command *cmd)
{
    g_assert_not_reached();
}

void migration_incoming_report_err(Error *err)
{
    error_report_err(err);
}

/* A device of the right class, with only what the tests need */
static const TypeInfo types[] = {
    {
        .name = TYPE_VIRTIO_DEVICE,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(VirtIODevice),
    }, {
        .name = TYPE_VIRTIO_GPU_BASE,
        .parent = TYPE_VIRTIO_DEVICE,
        .instance_size = sizeof(VirtIOGPUBase),
    }, {
        .name = TYPE_VIRTIO_GPU,
        .parent = TYPE_VIRTIO_GPU_BASE,
        .instance_size = sizeof(VirtIOGPU),
        .instance_finalize = virtio_gpu_resource_uuid_finalize,
    },
};

static void set_up(Fixture *f, gconstpointer data)
{
    f->gpu = VIRTIO_GPU(object_new(TYPE_VIRTIO_GPU));
    VIRTIO_DEVICE(f->gpu)->guest_features = 1ull << VIRTIO_GPU_F_RESOURCE_UUID;
    f->gpu->parent_obj.conf.flags = 1 << VIRTIO_GPU_FLAG_RESOURCE_UUID_ENABLED;
    f->gpu->uuid_table = virtio_gpu_uuid_table_new();

    f->named.resource_id = ID;
    f->other.resource_id = SWAPPED_ID;
    QTAILQ_INIT(&f->gpu->reslist);
    QTAILQ_INSERT_HEAD(&f->gpu->reslist, &f->named, next);
    QTAILQ_INSERT_HEAD(&f->gpu->reslist, &f->other, next);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    virtio_gpu_resource_uuid_release(f->gpu, &f->named);
    virtio_gpu_resource_uuid_release(f->gpu, &f->other);
    g_assert_cmpuint(virtio_gpu_uuid_table_size(f->gpu->uuid_table), ==, 0);
    object_unref(OBJECT(f->gpu));
}

static void give_uuid(Fixture *f)
{
    virtio_gpu_uuid_table_enter(f->gpu->uuid_table, &f->named.uuid, &the_uuid,
                                &error_abort);
}

static void assert_has_uuid(const Fixture *f)
{
    g_assert_cmpmem(f->named.uuid.data, sizeof(QemuUUID),
                    the_uuid.data, sizeof(QemuUUID));
    g_assert_true(qemu_uuid_is_null(&f->other.uuid));
}

typedef struct Answer {
    uint8_t header[sizeof(response)];
    uint8_t uuid[sizeof(QemuUUID)];
} Answer;

/* Return: the error with which the device answers the command, or 0 */
static uint32_t send_request(Fixture *f, Answer *answer)
{
    struct iovec out = { (void *)request, sizeof(request) };
    struct iovec in = { answer, sizeof(*answer) };
    struct virtio_gpu_ctrl_command cmd = {
        .elem = {
            .out_num = 1, .out_sg = &out,
            .in_num = 1, .in_sg = &in,
        },
    };

    virtio_gpu_resource_assign_uuid(f->gpu, &cmd);
    g_assert_true(cmd.finished == !cmd.error);
    return cmd.error;
}

static void command_known(Fixture *f, gconstpointer data)
{
    Answer answer;

    give_uuid(f);
    g_assert_cmphex(send_request(f, &answer), ==, 0);
    g_assert_cmpmem(answer.header, sizeof(answer.header),
                    response, sizeof(response));
    g_assert_cmpmem(answer.uuid, sizeof(answer.uuid),
                    the_uuid.data, sizeof(the_uuid.data));
}

/* The resource with the right id gets a UUID, not that with the swapped id */
static void command_assign(Fixture *f, gconstpointer data)
{
    Answer answer;

    g_assert_cmphex(send_request(f, &answer), ==, 0);
    g_assert_cmpmem(answer.header, sizeof(answer.header),
                    response, sizeof(response));
    g_assert_cmpmem(answer.uuid, sizeof(answer.uuid),
                    f->named.uuid.data, sizeof(f->named.uuid.data));
    g_assert_cmphex(answer.uuid[6] >> 4, ==, 4);
    g_assert_cmphex(answer.uuid[8] >> 6, ==, 2);
    g_assert_true(qemu_uuid_is_null(&f->other.uuid));
}

static void command_unknown_id(Fixture *f, gconstpointer data)
{
    Answer answer;

    QTAILQ_REMOVE(&f->gpu->reslist, &f->named, next);
    g_assert_cmphex(send_request(f, &answer), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    g_assert_true(qemu_uuid_is_null(&f->other.uuid));
}

static void migration_save(Fixture *f, gconstpointer data)
{
    QIOChannelBuffer *buffer = qio_channel_buffer_new(STREAM_ROOM);
    QEMUFile *file = qemu_file_new_output(QIO_CHANNEL(buffer));

    give_uuid(f);
    g_assert_cmpint(vmstate_save_state(
                        file, &vmstate_virtio_gpu_resource_uuid, f->gpu, NULL,
                        &error_abort), ==, 0);
    g_assert_cmpint(qemu_fflush(file), ==, 0);
    g_assert_cmpuint(buffer->usage, ==, sizeof(stream) + sizeof(the_uuid));
    g_assert_cmpmem(buffer->data, sizeof(stream), stream, sizeof(stream));
    g_assert_cmpmem(buffer->data + sizeof(stream), sizeof(the_uuid),
                    the_uuid.data, sizeof(the_uuid));
    qemu_fclose(file);
    object_unref(OBJECT(buffer));
}

static void migration_load(Fixture *f, gconstpointer data)
{
    QIOChannelBuffer *buffer = qio_channel_buffer_new(STREAM_ROOM);
    QEMUFile *file = qemu_file_new_input(QIO_CHANNEL(buffer));

    /* the loader looks for further subsections: end the stream explicitly */
    memcpy(buffer->data, stream, sizeof(stream));
    memcpy(buffer->data + sizeof(stream), the_uuid.data, sizeof(the_uuid));
    buffer->usage = sizeof(stream) + sizeof(the_uuid);
    buffer->data[buffer->usage++] = QEMU_VM_EOF;
    g_assert_cmpint(vmstate_load_state(
                        file, &vmstate_virtio_gpu_resource_uuid, f->gpu, 1,
                        NULL), ==, 0);
    assert_has_uuid(f);
    qemu_fclose(file);
    object_unref(OBJECT(buffer));
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qcrypto_random_init(&error_abort);
    module_call_init(MODULE_INIT_QOM);
    type_register_static_array(types, ARRAY_SIZE(types));

    add("/virtio-gpu-uuid-wire/command/known", command_known);
    add("/virtio-gpu-uuid-wire/command/assign", command_assign);
    add("/virtio-gpu-uuid-wire/command/unknown-id", command_unknown_id);
    add("/virtio-gpu-uuid-wire/migration/save", migration_save);
    add("/virtio-gpu-uuid-wire/migration/load", migration_load);

    return g_test_run();
}
