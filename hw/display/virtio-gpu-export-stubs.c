/*
 * virtio-gpu: export of resources, on hosts that cannot share memory by file
 * descriptors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-export.h"

void virtio_gpu_image_describe(const struct virtio_gpu_simple_resource *res,
                               VirtIOExportObject *object)
{
}

bool virtio_gpu_image_export(struct virtio_gpu_simple_resource *res,
                             VirtIOExportObject *object, Error **errp)
{
    error_setg(errp, "this host cannot share memory by file descriptor");
    return false;
}

const char *
virtio_gpu_blob_unavailable_reason(const struct virtio_gpu_simple_resource *res)
{
    return "this host has no dma-bufs";
}

void virtio_gpu_blob_describe(const VirtIOGPU *g,
                              const struct virtio_gpu_simple_resource *res,
                              VirtIOExportObject *object)
{
}

bool virtio_gpu_blob_export(const VirtIOGPU *g,
                            const struct virtio_gpu_simple_resource *res,
                            VirtIOExportObject *object, Error **errp)
{
    error_setg(errp, "%s", virtio_gpu_blob_unavailable_reason(res));
    return false;
}
