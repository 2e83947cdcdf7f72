/*
 * What the programs of the guest share: buffers of virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DEMO_GUEST_GPU_H
#define DEMO_GUEST_GPU_H

#include <stdint.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>

#define CARD "/dev/dri/card0"

/**
 * die() - Report an error to the host, and end the program
 * @what: what has failed; errno has the cause
 */
void die(const char *what) __attribute__((noreturn));

/**
 * open_device() - Open a device for reading and writing
 * @path: path of the device
 * @flags: further flags for open()
 *
 * Return: the file descriptor; there is no return without one
 */
int open_device(const char *path, int flags);

/**
 * create_dumb() - Create a buffer of XRGB8888 pixels
 * @card: file descriptor of the GPU
 * @width: of the buffer
 * @height: of the buffer
 *
 * Return: the buffer
 */
struct drm_mode_create_dumb create_dumb(int card, uint32_t width,
                                        uint32_t height);

/**
 * map_buffer() - Map the guest's memory of a buffer
 * @card: file descriptor of the GPU
 * @dumb: the buffer
 *
 * Return: the memory, to be unmapped by munmap()
 */
uint8_t *map_buffer(int card, const struct drm_mode_create_dumb *dumb);

/**
 * export_buffer() - Export a buffer as a dma-buf
 * @card: file descriptor of the GPU
 * @handle: the buffer
 *
 * The kernel's driver requests the UUID from the device.
 *
 * Return: file descriptor of the dma-buf
 */
int export_buffer(int card, uint32_t handle);

#endif /* DEMO_GUEST_GPU_H */
