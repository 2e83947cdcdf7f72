/*
 * virtio-gpu: UUIDs of resources (VIRTIO_GPU_F_RESOURCE_UUID)
 *
 * Context of every function: main loop thread, BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GPU_RESOURCE_UUID_H
#define HW_VIRTIO_GPU_RESOURCE_UUID_H

#include "hw/virtio/virtio-gpu.h"

#define VIRTIO_GPU_RESOURCE_UUID_PROP "resource_uuid"

/**
 * virtio_gpu_resource_uuid_realize() - Prepare a device for UUIDs
 * @g: device that is being realized
 * @errp: set on failure
 *
 * Does nothing if the device's property 'resource_uuid' is off.
 * virtio_gpu_resource_uuid_finalize() frees what this function allocates,
 * whether realize succeeds or not.
 *
 * Return: true on success; false with @errp set if the property is on and the
 * class of @g has no handler for the command.
 */
bool virtio_gpu_resource_uuid_realize(VirtIOGPU *g, Error **errp);

/**
 * virtio_gpu_resource_uuid_finalize() - Undo virtio_gpu_resource_uuid_realize()
 * @obj: a VirtIOGPU that is being unrealized or finalized, without resources
 */
void virtio_gpu_resource_uuid_finalize(Object *obj);

/**
 * virtio_gpu_resource_uuid_negotiated() - Tell whether the feature is in use
 * @g: device
 *
 * Return: true if the property of @g is on and the driver has acknowledged
 * VIRTIO_GPU_F_RESOURCE_UUID.
 */
bool virtio_gpu_resource_uuid_negotiated(VirtIOGPU *g);

/**
 * virtio_gpu_resource_assign_uuid() - VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID
 * @g: device
 * @cmd: the request; answered here, unless @cmd->error is set
 *
 * Virtio specification, GPU Device, "Device Operation: controlq".  Gives the
 * resource a UUID that no other resource of @g has, or returns the UUID that it
 * already has.  A request that is rejected changes nothing:
 *
 * - VIRTIO_GPU_RESP_ERR_UNSPEC, as for a command that does not exist, if the
 *   driver has not acknowledged VIRTIO_GPU_F_RESOURCE_UUID; also if the host
 *   has no random bytes for a UUID
 * - VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER if the request is shorter than
 *   struct virtio_gpu_resource_assign_uuid, or if the response does not have
 *   room for struct virtio_gpu_resp_resource_uuid
 * - VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID if there is no such resource
 */
void virtio_gpu_resource_assign_uuid(VirtIOGPU *g,
                                     struct virtio_gpu_ctrl_command *cmd);

/**
 * virtio_gpu_resource_uuid_release() - Release the UUID of a resource
 * @g: device
 * @res: a resource of @g that is about to be destroyed, with or without UUID
 */
void virtio_gpu_resource_uuid_release(VirtIOGPU *g,
                                      struct virtio_gpu_simple_resource *res);

/*
 * Subsection of a VirtIOGPU's migration state, after the subsections that load
 * the resources.  It is sent if any resource has a UUID, and takes 20 bytes for
 * each UUID.
 */
extern const VMStateDescription vmstate_virtio_gpu_resource_uuid;

#endif /* HW_VIRTIO_GPU_RESOURCE_UUID_H */
