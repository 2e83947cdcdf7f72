/*
 * virtio-gpu: export of virglrenderer's resources
 *
 * Context of every function: main loop thread, BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GPU_EXPORT_VIRGL_H
#define HW_VIRTIO_GPU_EXPORT_VIRGL_H

#include "hw/virtio/virtio-gpu.h"

/**
 * struct virtio_gpu_virgl_export - How the guest has created a resource
 * @target: PIPE_*, if the resource is not a blob
 * @blob_mem: VIRTIO_GPU_BLOB_MEM_*, if the resource is a blob
 */
struct virtio_gpu_virgl_export {
    uint32_t target;
    uint32_t blob_mem;
};

/**
 * virtio_gpu_virgl_export_of() - Tell how the guest has created a resource
 * @res: resource of a device with GL
 *
 * Return: the structure, which is part of @res.
 */
struct virtio_gpu_virgl_export *
virtio_gpu_virgl_export_of(struct virtio_gpu_simple_resource *res);

/**
 * virtio_gpu_virgl_export_class_init() - Let a class export resources of GL
 * @vgc: class of TYPE_VIRTIO_GPU_GL
 *
 * A lookup succeeds if a file descriptor of the resource can be made: of a
 * texture by EGL, of a blob of guest memory by udmabuf, of other blobs by
 * virglrenderer.  If not, the lookup fails and the resource keeps its UUID.
 * The lookup of a texture or of a blob that is not guest memory stays pending
 * on threads other than the renderer's, and while the renderer is blocked.
 */
void virtio_gpu_virgl_export_class_init(VirtIOGPUClass *vgc);

/**
 * virtio_gpu_virgl_export_init() - Find out what GL can export
 *
 * The thread that has just started the renderer calls this function.  Only this
 * thread may call GL.
 */
void virtio_gpu_virgl_export_init(void);

#endif /* HW_VIRTIO_GPU_EXPORT_VIRGL_H */
