/*
 * vhost-user-gpu: UUIDs of resources (VIRTIO_GPU_F_RESOURCE_UUID)
 *
 * A resource that has a UUID is a vhost-user shared object: when another device
 * looks it up, QEMU asks for a file descriptor of its memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VHOST_USER_GPU_VUGPU_UUID_H
#define VHOST_USER_GPU_VUGPU_UUID_H

#include "qemu/uuid.h"
#include "standard-headers/linux/virtio_gpu.h"

struct VhostUserObjectInfo;
struct virtio_gpu_ctrl_command;
struct VuDev;
struct VuGpu;

/**
 * struct vugpu_object - What a resource needs to have a UUID
 * @get_fd: returns a file descriptor of the resource's memory, which the owner
 * keeps and which is valid until the next call; -1 on failure.  Fills in the
 * geometry.  Set by the owner of the resource
 * @uuid: null if the resource has no UUID
 * @adding: QEMU has not yet confirmed @uuid
 *
 * The other members are zero at first.
 */
struct vugpu_object {
    int (*get_fd)(struct VuGpu *g, struct vugpu_object *object,
                  struct VhostUserObjectInfo *info);
    QemuUUID uuid;
    bool adding;
};

/**
 * struct vugpu_uuids - The UUIDs of one device
 * @negotiated: the driver has acknowledged the feature; set by the owner
 * @objects: QemuUUID to struct vugpu_object, of all objects that have a UUID
 * @outbox: messages to QEMU; only the first may have been sent already
 * @reply_watch: source that waits for QEMU's reply to the first of @outbox
 * @awaited: the object for which a command waits; NULL if no command waits
 * @closed: QEMU has closed the back-end channel
 */
struct vugpu_uuids {
    bool negotiated;
    GHashTable *objects;
    GQueue *outbox;
    guint reply_watch;
    struct vugpu_object *awaited;
    bool closed;
};

/**
 * vugpu_uuid_init() - Prepare a device
 * @g: device, whose objects have no UUID
 */
void vugpu_uuid_init(struct VuGpu *g);

/**
 * vugpu_uuid_deinit() - Undo vugpu_uuid_init()
 * @g: device, whose resources are all destroyed
 */
void vugpu_uuid_deinit(struct VuGpu *g);

/**
 * vugpu_uuid_parse() - Check a VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID
 * @g: device
 * @cmd: the request
 * @assign: set to its content
 *
 * The request is rejected with VIRTIO_GPU_RESP_ERR_UNSPEC, like an unknown
 * command, if the driver has not acknowledged the feature, and with
 * VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER if request or response are too short.
 *
 * Return: true on success; false with @cmd->error set.
 */
bool vugpu_uuid_parse(struct VuGpu *g, struct virtio_gpu_ctrl_command *cmd,
                      struct virtio_gpu_resource_assign_uuid *assign);

/**
 * vugpu_uuid_assign() - Answer a VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID
 * @g: device
 * @cmd: the request, which vugpu_uuid_parse() has accepted
 * @object: object of the resource that @cmd names
 *
 * Gives the resource a UUID, or returns the UUID that it has.  @cmd waits
 * until QEMU knows the UUID, so that no lookup is too early.  If the front-end
 * does not support shared objects, the resource gets a UUID that no device can
 * look up.  @cmd is rejected with VIRTIO_GPU_RESP_ERR_UNSPEC if the host has
 * no random bytes, or if QEMU rejects the UUID.
 */
void vugpu_uuid_assign(struct VuGpu *g, struct virtio_gpu_ctrl_command *cmd,
                       struct vugpu_object *object);

/**
 * vugpu_uuid_release() - Release the UUID of a resource
 * @g: device
 * @object: object of a resource that is about to be destroyed, with or without
 * UUID
 */
void vugpu_uuid_release(struct VuGpu *g, struct vugpu_object *object);

/**
 * vugpu_uuid_get_shared_object() - The device's
 * VuDevIface.get_shared_object_info
 * @dev: device
 * @uuid: UUID of a resource
 * @info: set to what is known of the resource
 *
 * Return: file descriptor of the resource's memory, which the resource keeps
 * and which is valid until the next call; -1 on failure.
 */
int vugpu_uuid_get_shared_object(struct VuDev *dev, const unsigned char *uuid,
                                 struct VhostUserObjectInfo *info);

#endif /* VHOST_USER_GPU_VUGPU_UUID_H */
