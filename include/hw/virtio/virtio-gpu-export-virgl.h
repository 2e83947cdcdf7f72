/*
 * virtio-gpu: the memory behind resources of virglrenderer
 *
 * Context of every function: main loop thread, BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GPU_EXPORT_VIRGL_H
#define HW_VIRTIO_GPU_EXPORT_VIRGL_H

#include "hw/virtio/virtio-gpu.h"

/**
 * struct virtio_gpu_virgl_export - What a resource of GL was made of
 * @target: PIPE_*, of a resource that is no blob
 * @blob_mem: VIRTIO_GPU_BLOB_MEM_*, of a blob
 */
struct virtio_gpu_virgl_export {
    uint32_t target;
    uint32_t blob_mem;
};

/**
 * virtio_gpu_virgl_export_of() - Tell what a resource was made of
 * @res: resource of a device with GL
 *
 * Return: what the guest has asked for; part of @res.
 */
struct virtio_gpu_virgl_export *
virtio_gpu_virgl_export_of(struct virtio_gpu_simple_resource *res);

/**
 * virtio_gpu_virgl_export_class_init() - Let a class export what GL made
 * @vgc: class of TYPE_VIRTIO_GPU_GL
 *
 * A lookup succeeds if the renderer, or EGL, makes a descriptor of what the
 * resource is made of, or, of a blob of guest memory, udmabuf; if not, the
 * resource keeps its UUID.  A lookup of what GL has made stays pending on other
 * threads than the renderer's, and while the renderer is blocked.
 */
void virtio_gpu_virgl_export_class_init(VirtIOGPUClass *vgc);

/**
 * virtio_gpu_virgl_export_init() - Learn what GL can export
 *
 * Called by the thread that has just started the renderer, the only one to call
 * GL.
 */
void virtio_gpu_virgl_export_init(void);

#endif /* HW_VIRTIO_GPU_EXPORT_VIRGL_H */
