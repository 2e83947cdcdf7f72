/*
 * vhost-user-gpu: UUIDs of resources (VIRTIO_GPU_F_RESOURCE_UUID)
 *
 * The back-end tells QEMU about each UUID that is added or removed, and QEMU
 * replies.  The back-end does not block until the reply arrives: it serves the
 * main channel meanwhile, on which QEMU may itself be waiting.  Only one
 * message is sent at a time, so that no write blocks either.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu-bswap.h"
#include "vugpu.h"
#include "vugpu-uuid.h"

#include <glib-unix.h>
#include <sys/random.h>

struct vugpu_message {
    bool add;
    QemuUUID uuid;
};

static gboolean uuid_equal(gconstpointer a, gconstpointer b)
{
    return qemu_uuid_is_equal(a, b);
}

void vugpu_uuid_init(VuGpu *g)
{
    g->uuids.objects = g_hash_table_new(qemu_uuid_hash, uuid_equal);
    g->uuids.outbox = g_queue_new();
}

void vugpu_uuid_deinit(VuGpu *g)
{
    if (g->uuids.reply_watch) {
        g_source_remove(g->uuids.reply_watch);
    }
    g_queue_free_full(g->uuids.outbox, g_free);
    g_hash_table_destroy(g->uuids.objects);
}

static bool reject(struct virtio_gpu_ctrl_command *cmd, uint32_t error,
                   const char *reason)
{
    g_debug("assign uuid: rejected: %s", reason);
    cmd->error = error;
    return false;
}

bool vugpu_uuid_parse(VuGpu *g, struct virtio_gpu_ctrl_command *cmd,
                      struct virtio_gpu_resource_assign_uuid *assign)
{
    if (!g->uuids.negotiated) {
        return reject(cmd, VIRTIO_GPU_RESP_ERR_UNSPEC, "feature");
    }
    if (iov_to_buf(cmd->elem.out_sg, cmd->elem.out_num, 0, assign,
                   sizeof(*assign)) < sizeof(*assign)) {
        return reject(cmd, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "request");
    }
    if (iov_size(cmd->elem.in_sg, cmd->elem.in_num) <
        sizeof(struct virtio_gpu_resp_resource_uuid)) {
        return reject(cmd, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "response");
    }
    virtio_gpu_bswap_32(assign, sizeof(*assign));
    return true;
}

/* A UUID is enough to get the memory, so it must not be predictable */
static bool make_uuid(QemuUUID *uuid)
{
    ssize_t len = RETRY_ON_EINTR(getrandom(uuid->data, sizeof(uuid->data), 0));

    if (len != sizeof(uuid->data)) {
        memset(uuid, 0, sizeof(*uuid));
        return false;
    }
    uuid->data[6] = (uuid->data[6] & 0x0f) | 0x40;  /* version 4, random */
    uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;  /* variant of RFC 4122 */
    return true;
}

static void forget(VuGpu *g, struct vugpu_object *object)
{
    g_hash_table_remove(g->uuids.objects, &object->uuid);
    memset(&object->uuid, 0, sizeof(object->uuid));
    object->adding = false;
}

static size_t make_response(const struct vugpu_object *object,
                            struct virtio_gpu_resp_resource_uuid *resp)
{
    if (qemu_uuid_is_null(&object->uuid)) {
        resp->hdr.type = VIRTIO_GPU_RESP_ERR_UNSPEC;
        return sizeof(resp->hdr);
    }
    resp->hdr.type = VIRTIO_GPU_RESP_OK_RESOURCE_UUID;
    memcpy(resp->uuid, object->uuid.data, sizeof(resp->uuid));
    return sizeof(*resp);
}

static void answer(VuGpu *g, struct vugpu_object *object)
{
    struct virtio_gpu_resp_resource_uuid resp = { };
    size_t len = make_response(object, &resp);

    /* after a stop of the queue, another command may be waiting */
    if (g->waiting &&
        g->waiting->cmd_hdr.type == VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID &&
        g->uuids.awaited == object) {
        g->uuids.awaited = NULL;
        vg_finish_waiting(g, &resp.hdr, len);
    }
}

static void send_next(VuGpu *g);

/* No channel to QEMU: the waiting command gets a UUID without an object */
static void give_up(VuGpu *g)
{
    struct vugpu_message *message;

    while ((message = g_queue_pop_head(g->uuids.outbox))) {
        g_free(message);
    }
    if (g->uuids.awaited) {
        answer(g, g->uuids.awaited);
    }
}

static void added(VuGpu *g, const QemuUUID *uuid, bool done)
{
    struct vugpu_object *object = g_hash_table_lookup(g->uuids.objects, uuid);

    /* the resource may have been destroyed meanwhile */
    if (object) {
        object->adding = false;
        if (!done) {
            forget(g, object);
        }
        answer(g, object);
    }
}

static gboolean reply_cb(gint fd, GIOCondition condition, gpointer opaque)
{
    VuGpu *g = opaque;
    g_autofree struct vugpu_message *message = NULL;
    bool done;

    g->uuids.reply_watch = 0;
    if (!vu_end_shared_object(&g->dev.parent, &done)) {
        g_warning("QEMU did not reply to SHARED_OBJECT_ADD or _REMOVE");
        g->uuids.closed = true;
        give_up(g);
        return G_SOURCE_REMOVE;
    }
    message = g_queue_pop_head(g->uuids.outbox);
    if (message->add) {
        added(g, &message->uuid, done);
    }
    send_next(g);
    return G_SOURCE_REMOVE;
}

static void send_next(VuGpu *g)
{
    struct vugpu_message *message = g_queue_peek_head(g->uuids.outbox);

    if (!message || g->uuids.reply_watch) {
        return;
    }
    if (g->uuids.closed ||
        !vu_begin_shared_object(&g->dev.parent, message->add,
                                message->uuid.data)) {
        give_up(g);
        return;
    }
    g->uuids.reply_watch = g_unix_fd_add(g->dev.parent.backend_fd,
                                         G_IO_IN | G_IO_HUP, reply_cb, g);
}

static void tell(VuGpu *g, bool add, const QemuUUID *uuid)
{
    struct vugpu_message *message = g_new(struct vugpu_message, 1);

    message->add = add;
    message->uuid = *uuid;
    g_queue_push_tail(g->uuids.outbox, message);
    send_next(g);
}

void vugpu_uuid_assign(VuGpu *g, struct virtio_gpu_ctrl_command *cmd,
                       struct vugpu_object *object)
{
    struct virtio_gpu_resp_resource_uuid resp = { };

    if (qemu_uuid_is_null(&object->uuid)) {
        if (!make_uuid(&object->uuid)) {
            reject(cmd, VIRTIO_GPU_RESP_ERR_UNSPEC, "host");
            return;
        }
        g_hash_table_insert(g->uuids.objects, &object->uuid, object);
        object->adding = true;
        tell(g, true, &object->uuid);
    }
    if (object->adding && g->uuids.reply_watch) {
        g->uuids.awaited = object;
        vg_wait(g, cmd);
        return;
    }
    vg_ctrl_response(g, cmd, &resp.hdr, make_response(object, &resp));
}

void vugpu_uuid_release(VuGpu *g, struct vugpu_object *object)
{
    QemuUUID uuid = object->uuid;

    if (qemu_uuid_is_null(&uuid)) {
        return;
    }
    forget(g, object);
    if (g->uuids.awaited == object) {
        g->uuids.awaited = NULL;
    }
    tell(g, false, &uuid);
}

int vugpu_uuid_get_shared_object(VuDev *dev, const unsigned char *uuid,
                                 VhostUserObjectInfo *info)
{
    VuGpu *g = container_of(dev, VuGpu, dev.parent);
    struct vugpu_object *object;
    QemuUUID key;
    off_t size;
    int fd;

    memcpy(key.data, uuid, sizeof(key.data));
    object = g_hash_table_lookup(g->uuids.objects, &key);
    fd = object ? object->get_fd(g, object, info) : -1;
    size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    info->size = MAX(size, 0);
    return fd;
}
