/*
 * What the programs of the guest share: buffers of virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DEMO_GUEST_GPU_H
#define DEMO_GUEST_GPU_H

#include <stdbool.h>
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
 * create_blob() - Create a buffer of XRGB8888 pixels in a blob of guest memory
 * @card: file descriptor of the GPU
 * @width: of the buffer
 * @height: of the buffer
 *
 * The device uses the same memory as the guest.
 *
 * Return: the buffer
 */
struct drm_mode_create_dumb create_blob(int card, uint32_t width,
                                        uint32_t height);

/**
 * create_texture() - Create a texture of XRGB8888 pixels in the host's GL
 * @card: file descriptor of the GPU
 * @width: of the texture
 * @height: of the texture
 * @bottom_up: whether the bottom row is the first one in the host's memory
 *
 * Return: the texture, as a buffer with the stride that the guest's memory has
 */
struct drm_mode_create_dumb create_texture(int card, uint32_t width,
                                           uint32_t height, bool bottom_up);

/**
 * render_part() - Let the host's GL render a part of one texture into another
 * @card: file descriptor of the GPU
 * @to: the texture that changes
 * @to_x: first column of the part in @to
 * @from: a texture of the same height
 * @from_x: first column of the part in @from
 * @width: number of columns
 *
 * wait_for_buffer() waits until GL has rendered.
 */
void render_part(int card, const struct drm_mode_create_dumb *to, uint32_t to_x,
                 const struct drm_mode_create_dumb *from, uint32_t from_x,
                 uint32_t width);

/**
 * transfer_buffer() - Update the device's copy of a buffer
 * @card: file descriptor of the GPU
 * @dumb: the buffer
 */
void transfer_buffer(int card, const struct drm_mode_create_dumb *dumb);

/**
 * wait_for_buffer() - Wait until the GPU has executed commands
 * @card: file descriptor of the GPU
 * @handle: the buffer that the commands are for
 *
 * Without GL, the driver waits only for the command that creates the buffer.
 */
void wait_for_buffer(int card, uint32_t handle);

/**
 * gpu_has() - Ask the driver about the GPU
 * @card: file descriptor of the GPU
 * @feature: VIRTGPU_PARAM_3D_FEATURES, for example
 *
 * Return: whether the GPU has the feature
 */
bool gpu_has(int card, uint64_t feature);

/**
 * resource_id() - The id of a buffer in commands to the device
 * @card: file descriptor of the GPU
 * @handle: the buffer
 *
 * Return: the id
 */
uint32_t resource_id(int card, uint32_t handle);

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
