/*
 * vhost-user-gpu: UUIDs of virglrenderer's resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VHOST_USER_GPU_VUGPU_VIRGL_H
#define VHOST_USER_GPU_VUGPU_VIRGL_H

struct virtio_gpu_ctrl_command;
struct VuGpu;

/**
 * struct vugpu_virgl - The resources that virglrenderer has
 * @resources: id to what is recorded of the resource
 * @exported: file descriptor that was returned last; -1 for none
 */
struct vugpu_virgl {
    GHashTable *resources;
    int exported;
};

/**
 * vugpu_virgl_init() - Prepare a device
 * @g: device, which has no resources
 */
void vugpu_virgl_init(struct VuGpu *g);

/**
 * vugpu_virgl_deinit() - Undo vugpu_virgl_init()
 * @g: device, whose resources are all destroyed
 */
void vugpu_virgl_deinit(struct VuGpu *g);

/**
 * vugpu_virgl_add() - Record a resource
 * @g: device
 * @id: id of a resource that virglrenderer has created; an earlier resource
 * with the same id is removed
 * @target: type of the resource, as Gallium numbers it
 */
void vugpu_virgl_add(struct VuGpu *g, uint32_t id, uint32_t target);

/**
 * vugpu_virgl_remove() - Remove a resource and release its UUID
 * @g: device
 * @id: id of a resource that is about to be destroyed; unknown ids are ignored
 */
void vugpu_virgl_remove(struct VuGpu *g, uint32_t id);

/**
 * vugpu_virgl_ids() - List the resources
 * @g: device
 *
 * Return: ids of all resources, to be read with GPOINTER_TO_UINT(); the caller
 * frees the list.
 */
GList *vugpu_virgl_ids(struct VuGpu *g);

/**
 * vugpu_virgl_assign_uuid() - Handle VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID
 * @g: device
 * @cmd: the request
 *
 * See vugpu_uuid_assign().  A resource that is not a two-dimensional texture,
 * or that EGL cannot export as a dma-buf, gets a UUID too, but cannot be looked
 * up.
 */
void vugpu_virgl_assign_uuid(struct VuGpu *g,
                             struct virtio_gpu_ctrl_command *cmd);

#endif /* VHOST_USER_GPU_VUGPU_VIRGL_H */
