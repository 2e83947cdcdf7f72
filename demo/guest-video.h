/*
 * What the programs of the guest share: video devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DEMO_GUEST_VIDEO_H
#define DEMO_GUEST_VIDEO_H

#include <stdint.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>

/**
 * open_video() - Open a video device
 * @caps: a capability that it must have, V4L2_CAP_VIDEO_OUTPUT for example
 *
 * Return: the file descriptor; there is no return without one
 */
int open_video(uint32_t caps);

/**
 * capture_frames() - Capture frames into one buffer, until there are no more
 * @dumb: size of the buffer, whose pixels are XRGB8888
 * @dmabuf: the buffer's dma-buf; not used if @memory is not NULL
 * @memory: memory of the program that is used as the buffer, or NULL
 *
 * Return: number of frames
 */
unsigned capture_frames(const struct drm_mode_create_dumb *dumb, int dmabuf,
                        void *memory);

#endif /* DEMO_GUEST_VIDEO_H */
