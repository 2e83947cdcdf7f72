/*
 * virtio-gpu: export of virglrenderer's resources, on hosts that cannot share
 * memory by file descriptors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu-export-virgl.h"

/* Keep the methods of virtio-gpu-export-stubs.c, which report an error */
void virtio_gpu_virgl_export_class_init(VirtIOGPUClass *vgc)
{
}

void virtio_gpu_virgl_export_init(void)
{
}
