/*
 * virtio-gpu: the memory behind resources of virglrenderer, on hosts that
 * cannot share it by descriptors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu-export-virgl.h"

void virtio_gpu_virgl_note_texture(struct virtio_gpu_simple_resource *res,
                                   uint32_t target)
{
}

void virtio_gpu_virgl_note_blob(struct virtio_gpu_simple_resource *res,
                                uint32_t blob_mem)
{
}

/* What exports resources without GL says that it cannot */
void virtio_gpu_virgl_export_class_init(VirtIOGPUClass *vgc)
{
    vgc->uuid_process_cmd = virtio_gpu_virgl_process_cmd;
}
