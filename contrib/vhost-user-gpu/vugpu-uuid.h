/*
 * vhost-user-gpu: UUIDs of resources (VIRTIO_GPU_F_RESOURCE_UUID)
 *
 * A resource that has a UUID is an object that QEMU lets other devices look up:
 * its memory is handed out when QEMU asks for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VHOST_USER_GPU_VUGPU_UUID_H
#define VHOST_USER_GPU_VUGPU_UUID_H

#include "qemu/uuid.h"
#include "standard-headers/linux/virtio_gpu.h"

struct virtio_gpu_ctrl_command;
struct VuDev;
struct VuGpu;

/**
 * struct vugpu_object - What a resource needs to have a UUID
 * @get_fd: descriptor of its memory, which stays the owner's and is valid until
 * the next call; -1 if there is none.  Set by the owner of the resource
 * @uuid: null as long as it has none
 * @adding: QEMU has not said yet that it knows @uuid
 *
 * All else is zero at first.
 */
struct vugpu_object {
    int (*get_fd)(struct VuGpu *g, struct vugpu_object *object);
    QemuUUID uuid;
    bool adding;
};

/**
 * struct vugpu_uuids - The UUIDs of one device
 * @negotiated: the driver has acknowledged the feature; set by the owner
 * @objects: QemuUUID to struct vugpu_object, for all that have a UUID
 * @outbox: what QEMU has to be told, one by one; the first is being told
 * @reply_watch: source that waits for QEMU's reply to the first of @outbox
 * @awaited: the object for which a command waits, if one does
 * @closed: QEMU has closed the channel on which it is told
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
 * vugpu_uuid_deinit() - Free what UUIDs needed
 * @g: device, all of whose resources are gone
 */
void vugpu_uuid_deinit(struct VuGpu *g);

/**
 * vugpu_uuid_parse() - Check a VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID
 * @g: device
 * @cmd: the request
 * @assign: set to its content
 *
 * It is refused with VIRTIO_GPU_RESP_ERR_UNSPEC, as a command that does not
 * exist, if the driver has not acknowledged the feature, and with
 * VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER if request or response are too short.
 *
 * Return: true on success; false with @cmd->error set.
 */
bool vugpu_uuid_parse(struct VuGpu *g, struct virtio_gpu_ctrl_command *cmd,
                      struct virtio_gpu_resource_assign_uuid *assign);

/**
 * vugpu_uuid_assign() - Answer a VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID
 * @g: device
 * @cmd: the request, which vugpu_uuid_parse() has let pass
 * @object: of the resource that it names
 *
 * Gives the resource a UUID, or tells the one that it has.  @cmd waits until
 * QEMU knows the UUID, so that no look-up is too early.  A front-end that
 * takes no objects is not told, and then nobody can look the UUID up.  @cmd is
 * refused with VIRTIO_GPU_RESP_ERR_UNSPEC if the host has no random bytes, or
 * if QEMU refuses the UUID.
 */
void vugpu_uuid_assign(struct VuGpu *g, struct virtio_gpu_ctrl_command *cmd,
                       struct vugpu_object *object);

/**
 * vugpu_uuid_release() - Forget the UUID of a resource
 * @g: device
 * @object: of a resource that is about to go, with or without UUID
 */
void vugpu_uuid_release(struct VuGpu *g, struct vugpu_object *object);

/**
 * vugpu_uuid_get_shared_object() - Look a resource up
 * @dev: of a device; this is its VuDevIface.get_shared_object
 * @uuid: of the resource
 *
 * Return: descriptor of its memory, which stays the resource's and is valid
 * until the next call; -1 if there is none.
 */
int vugpu_uuid_get_shared_object(struct VuDev *dev, const unsigned char *uuid);

#endif /* VHOST_USER_GPU_VUGPU_UUID_H */
