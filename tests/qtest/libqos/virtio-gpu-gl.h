/*
 * libqos driver for virtio-gpu devices with GL
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_LIBQOS_VIRTIO_GPU_GL_H
#define TESTS_LIBQOS_VIRTIO_GPU_GL_H

#include "virtio-gpu-client.h"

/* Gallium's numbers; the virtio specification has no names for them */
#define QVIRTIO_GPU_PIPE_BUFFER         0
#define QVIRTIO_GPU_PIPE_TEXTURE_2D     2
#define QVIRTIO_GPU_PIPE_TEXTURE_3D     3
#define QVIRTIO_GPU_PIPE_TEXTURE_CUBE   4

/**
 * qvirtio_gpu_create_3d() - VIRTIO_GPU_CMD_RESOURCE_CREATE_3D
 * @res: what to create; size and format as for create_2d
 * @target: one of QVIRTIO_GPU_PIPE_*
 */
void qvirtio_gpu_create_3d(const QVirtioGPUResourceOpt *res, uint32_t target);

/**
 * qvirtio_gpu_create_context() - VIRTIO_GPU_CMD_CTX_CREATE
 * @gpu: a running device
 * @ctx: the context
 */
void qvirtio_gpu_create_context(QVirtioGPU *gpu, uint32_t ctx);

/**
 * qvirtio_gpu_create_venus_context() - VIRTIO_GPU_CMD_CTX_CREATE, for Vulkan
 * @gpu: a running device, with venus=on
 * @ctx: the context
 */
void qvirtio_gpu_create_venus_context(QVirtioGPU *gpu, uint32_t ctx);

/**
 * qvirtio_gpu_destroy_context() - VIRTIO_GPU_CMD_CTX_DESTROY
 * @gpu: a running device
 * @ctx: the context
 */
void qvirtio_gpu_destroy_context(QVirtioGPU *gpu, uint32_t ctx);

/**
 * qvirtio_gpu_render_colour() - Fill a texture with GL, by SUBMIT_3D
 * @res: a texture from create_3d
 * @ctx: a context that this function has not used before
 * @rgba: the colour, from 0 to 1
 */
void qvirtio_gpu_render_colour(const QVirtioGPUResourceOpt *res, uint32_t ctx,
                               const float *rgba);

/**
 * qvirtio_gpu_create_pipe_texture() - Make the texture for a blob
 * @res: width, height, format and context of the texture, and blob_id
 *
 * Makes a two-dimensional texture in a virgl context, by SUBMIT_3D.
 */
void qvirtio_gpu_create_pipe_texture(const QVirtioGPUResourceOpt *res);

/**
 * qvirtio_gpu_map_blob() - VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB
 * @gpu: a running device with hostmem
 * @id: a blob of host memory
 * @offset: offset in the device's host-visible memory
 */
void qvirtio_gpu_map_blob(QVirtioGPU *gpu, uint32_t id, uint64_t offset);

/**
 * qvirtio_gpu_transfer_back() - VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D
 * @res: a resource with backing; its first rows are written to the backing
 *       without padding
 */
void qvirtio_gpu_transfer_back(const QVirtioGPUResourceOpt *res);

#endif
