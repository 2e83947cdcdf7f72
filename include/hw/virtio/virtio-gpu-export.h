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
 * virtio_gpu_export_class_init() - Make a class of GPUs exporters
 * @klass: class of TYPE_VIRTIO_GPU, which implements TYPE_VIRTIO_EXPORTER
 */
void virtio_gpu_export_class_init(ObjectClass *klass);

/**
 * virtio_gpu_export_realize() - Let others look up a device's resources
 * @g: device, realized but for this; nothing is done if its property
 *     'resource_uuid' is off
 */
void virtio_gpu_export_realize(VirtIOGPU *g);

/**
 * virtio_gpu_export_unrealize() - Let nobody look up a device's resources
 * @g: device after virtio_gpu_export_realize()
 *
 * Frees its UUIDs as well.
 */
void virtio_gpu_export_unrealize(VirtIOGPU *g);

/**
 * virtio_gpu_export_find() - Find a resource by its UUID
 * @g: device whose property 'resource_uuid' is on
 * @uuid: in question
 *
 * Return: the resource; NULL if no resource of @g has that UUID.
 */
struct virtio_gpu_simple_resource *
virtio_gpu_export_find(VirtIOGPU *g, const QemuUUID *uuid);

/**
 * virtio_gpu_format_to_fourcc() - Name a format as importers do
 * @format: VIRTIO_GPU_FORMAT_*
 *
 * Return: the DRM_FORMAT_* with the same bytes in memory, or
 * DRM_FORMAT_INVALID if @format is none of the virtio specification's.
 */
uint32_t virtio_gpu_format_to_fourcc(uint32_t format);

/**
 * virtio_gpu_image_describe() - Tell how the image of a resource lies in memory
 * @res: resource with a pixman image
 * @object: its geometry and size are filled in; its descriptor and kind are
 *          left alone
 */
void virtio_gpu_image_describe(const struct virtio_gpu_simple_resource *res,
                               VirtIOExportObject *object);

/**
 * virtio_gpu_image_export() - Hand out the memory of a resource's image
 * @res: resource with a pixman image
 * @object: filled in on success
 * @errp: set on failure
 *
 * The descriptor is a dma-buf if the host has /dev/udmabuf, else a memfd.  It
 * is looked for once.
 *
 * Return: true on success; false with @errp set if the host could not allocate
 * memory that is sealed against resizing, or no descriptor now.
 */
bool virtio_gpu_image_export(const struct virtio_gpu_simple_resource *res,
                             VirtIOExportObject *object, Error **errp);

/**
 * virtio_gpu_blob_unavailable_reason() - Tell why a blob cannot be exported
 * @res: blob of guest memory
 *
 * The host makes a dma-buf of the backing if that is whole pages of guest
 * memory in a memfd.
 *
 * Return: the reason, a constant; NULL if the blob can be exported.
 */
const char *virtio_gpu_blob_unavailable_reason(
    const struct virtio_gpu_simple_resource *res);

/**
 * virtio_gpu_blob_describe() - Tell how a blob lies in memory
 * @g: device of the blob
 * @res: blob of guest memory
 * @object: its kind and size are filled in, and its geometry if the blob is
 *          shown: by itself it has none (SET_SCANOUT_BLOB tells); its
 *          descriptor is left alone
 */
void virtio_gpu_blob_describe(const VirtIOGPU *g,
                              const struct virtio_gpu_simple_resource *res,
                              VirtIOExportObject *object);

/**
 * virtio_gpu_blob_export() - Hand out the memory of a blob
 * @g: device of the blob
 * @res: blob of guest memory
 * @object: filled in on success; its descriptor is a dma-buf
 * @errp: set on failure
 *
 * The memory is the guest's own, the blob's backing.  It stays the same as long
 * as somebody has the descriptor, also when the guest uses it for something
 * else.
 *
 * Return: true on success; false with @errp set if there is a reason why not,
 * or if the host has no descriptor now.
 */
bool virtio_gpu_blob_export(const VirtIOGPU *g,
                            const struct virtio_gpu_simple_resource *res,
                            VirtIOExportObject *object, Error **errp);

#endif /* HW_VIRTIO_GPU_EXPORT_H */
