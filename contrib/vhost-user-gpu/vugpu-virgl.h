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
 * @resources: what is noted of each, by its id
 * @exported: descriptor that was handed out last; -1 for none
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
 * vugpu_virgl_deinit() - Free what was prepared
 * @g: device, all of whose resources are gone
 */
void vugpu_virgl_deinit(struct VuGpu *g);

/**
 * vugpu_virgl_add() - Note a resource
 * @g: device
 * @id: of a resource that virglrenderer has created; one that had the same id
 * before is gone
 * @target: what it is, as Gallium numbers it
 */
void vugpu_virgl_add(struct VuGpu *g, uint32_t id, uint32_t target);

/**
 * vugpu_virgl_remove() - Forget a resource and its UUID
 * @g: device
 * @id: of a resource that is about to go; others are ignored
 */
void vugpu_virgl_remove(struct VuGpu *g, uint32_t id);

/**
 * vugpu_virgl_ids() - Tell what there is
 * @g: device
 *
 * Return: ids of all resources, as by GPOINTER_TO_UINT(); the caller frees the
 * list.
 */
GList *vugpu_virgl_ids(struct VuGpu *g);

/**
 * vugpu_virgl_assign_uuid() - Handle VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID
 * @g: device
 * @cmd: the request
 *
 * See vugpu_uuid_assign().  A resource that is not a two-dimensional texture,
 * or of which EGL makes no dma-buf, has a UUID too, but cannot be looked up.
 */
void vugpu_virgl_assign_uuid(struct VuGpu *g,
                             struct virtio_gpu_ctrl_command *cmd);

#endif /* VHOST_USER_GPU_VUGPU_VIRGL_H */
