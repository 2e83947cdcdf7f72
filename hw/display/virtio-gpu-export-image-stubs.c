/*
 * virtio-gpu: the memory behind an image, on hosts without memfd
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

bool virtio_gpu_image_export(const struct virtio_gpu_simple_resource *res,
                             VirtIOExportObject *object, Error **errp)
{
    error_setg(errp, "this host cannot share memory by descriptors");
    return false;
}
