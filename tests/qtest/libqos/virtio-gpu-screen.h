/*
 * Check the screen of a virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_LIBQOS_VIRTIO_GPU_SCREEN_H
#define TESTS_LIBQOS_VIRTIO_GPU_SCREEN_H

#include "virtio-gpu-client.h"

/**
 * qvirtio_gpu_assert_screen() - Check what is on the GPU's first console
 * @gpu: the device
 * @pixels: expected, as VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM without padding
 * @width: expected, in pixels
 * @height: expected, in pixels
 */
void qvirtio_gpu_assert_screen(QVirtioGPU *gpu, const uint8_t *pixels,
                               uint32_t width, uint32_t height);

#endif
