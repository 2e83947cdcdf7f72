/*
 * virtio-gpu: the memory behind resources of virglrenderer, on hosts that
 * cannot share it by descriptors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu-export-virgl.h"

/* What exports resources without GL says that it cannot */
void virtio_gpu_virgl_export_class_init(VirtIOGPUClass *vgc)
{
}

void virtio_gpu_virgl_export_init(void)
{
}
