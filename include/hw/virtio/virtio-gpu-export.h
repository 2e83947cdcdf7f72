/*
 * virtio-gpu: resources as objects that other virtio devices can look up
 *
 * Context of every function: BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GPU_EXPORT_H
#define HW_VIRTIO_GPU_EXPORT_H

#include "hw/virtio/virtio-export.h"
#include "hw/virtio/virtio-gpu.h"

/**
 * virtio_gpu_export_class_init() - Turn a GPU class into an exporter
 * @klass: class of TYPE_VIRTIO_GPU, which implements TYPE_VIRTIO_EXPORTER
 */
void virtio_gpu_export_class_init(ObjectClass *klass);

/**
 * virtio_gpu_export_realize() - Let other devices look up a device's resources
 * @g: device; this is the last step of realize, and does nothing if the
 *     property 'resource_uuid' is off
 */
void virtio_gpu_export_realize(VirtIOGPU *g);

/**
 * virtio_gpu_export_unrealize() - Undo virtio_gpu_export_realize()
 * @g: device
 *
 * Also frees the table of UUIDs.
 */
void virtio_gpu_export_unrealize(VirtIOGPU *g);

/**
 * virtio_gpu_export_find() - Find a resource by its UUID
 * @g: device whose property 'resource_uuid' is on
 * @uuid: the UUID
 *
 * Return: the resource; NULL if no resource of @g has this UUID.
 */
struct virtio_gpu_simple_resource *
virtio_gpu_export_find(VirtIOGPU *g, const QemuUUID *uuid);

/**
 * virtio_gpu_image_describe() - Describe the layout of a resource's image
 * @res: resource with a pixman image
 * @object: its geometry and size are filled in; its file descriptor and kind do
 *          not change
 */
void virtio_gpu_image_describe(const struct virtio_gpu_simple_resource *res,
                               VirtIOExportObject *object);

/**
 * virtio_gpu_image_export() - Export the memory of a resource's image
 * @res: resource with a pixman image
 * @object: filled in on success
 * @errp: set on failure
 *
 * The file descriptor is a dma-buf if the host has /dev/udmabuf, else a memfd.
 * The first call looks for /dev/udmabuf.
 *
 * Return: true on success; false with @errp set if the memory is not sealed
 * against resizing, or if no file descriptor can be made now.
 */
bool virtio_gpu_image_export(struct virtio_gpu_simple_resource *res,
                             VirtIOExportObject *object, Error **errp);

/**
 * virtio_gpu_blob_unavailable_reason() - Tell why a blob cannot be exported
 * @res: blob of guest memory
 *
 * The host makes a dma-buf of the backing if the backing is page-aligned guest
 * memory in a memfd.
 *
 * Return: the reason, a constant; NULL if the blob can be exported.
 */
const char *virtio_gpu_blob_unavailable_reason(
    const struct virtio_gpu_simple_resource *res);

/**
 * virtio_gpu_blob_describe() - Describe the layout of a blob
 * @g: device of the blob
 * @res: blob of guest memory
 * @object: its kind and size are filled in, and its geometry if the blob is
 *          shown: a blob gets its geometry from SET_SCANOUT_BLOB.  Its file
 *          descriptor does not change
 */
void virtio_gpu_blob_describe(const VirtIOGPU *g,
                              const struct virtio_gpu_simple_resource *res,
                              VirtIOExportObject *object);

/**
 * virtio_gpu_blob_export() - Export the memory of a blob
 * @g: device of the blob
 * @res: blob of guest memory
 * @object: filled in on success; its file descriptor is a dma-buf
 * @errp: set on failure
 *
 * The memory is the blob's backing, which is guest memory.  The file descriptor
 * keeps referring to this memory, even when the guest uses it for something
 * else.
 *
 * Return: true on success; false with @errp set if the blob cannot be exported,
 * or if no file descriptor can be made now.
 */
bool virtio_gpu_blob_export(const VirtIOGPU *g,
                            const struct virtio_gpu_simple_resource *res,
                            VirtIOExportObject *object, Error **errp);

#endif /* HW_VIRTIO_GPU_EXPORT_H */
