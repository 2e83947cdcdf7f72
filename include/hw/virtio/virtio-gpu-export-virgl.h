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
 * virtio_gpu_virgl_export_class_init() - Let a class export what GL made
 * @vgc: class of TYPE_VIRTIO_GPU_GL
 *
 * A look-up succeeds if the renderer, or EGL, makes a descriptor of what the
 * resource is made of, or, of a blob of guest memory, udmabuf; if not, the
 * resource keeps its UUID.  GL is not called on other threads, before the
 * renderer runs, and while it is blocked: look-ups of what it has made fail
 * then.
 */
void virtio_gpu_virgl_export_class_init(VirtIOGPUClass *vgc);

/**
 * virtio_gpu_virgl_note_texture() - Remember what a resource is made of
 * @res: resource that has just been made
 * @target: its PIPE_* target, as the guest gave it
 */
void virtio_gpu_virgl_note_texture(struct virtio_gpu_simple_resource *res,
                                   uint32_t target);

/**
 * virtio_gpu_virgl_note_blob() - Remember whose memory a blob is
 * @res: blob resource that is about to be made
 * @blob_mem: VIRTIO_GPU_BLOB_MEM_*, as the guest gave it
 */
void virtio_gpu_virgl_note_blob(struct virtio_gpu_simple_resource *res,
                                uint32_t blob_mem);

#endif /* HW_VIRTIO_GPU_EXPORT_VIRGL_H */
