/*
 * virtio-gpu: what the monitor shows of resources that have a UUID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GPU_EXPORT_INFO_H
#define HW_VIRTIO_GPU_EXPORT_INFO_H

#include "qom/object.h"

/**
 * virtio_gpu_export_info_class_init() - Let the monitor list resources
 * @klass: class of TYPE_VIRTIO_GPU, after virtio_gpu_export_class_init()
 *
 * All resources that have a UUID are listed.  A method of VirtIOGPUClass tells
 * what is known of a resource without a lookup.
 */
void virtio_gpu_export_info_class_init(ObjectClass *klass);

#endif /* HW_VIRTIO_GPU_EXPORT_INFO_H */
