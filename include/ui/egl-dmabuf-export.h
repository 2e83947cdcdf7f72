/*
 * Export of GL textures as dma-bufs, by EGL
 *
 * For QEMU and for contrib/vhost-user-gpu.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_EGL_DMABUF_EXPORT_H
#define UI_EGL_DMABUF_EXPORT_H

#define EGL_DMABUF_MAX_PLANES 4

/*
 * The target of virglrenderer's resources that are two-dimensional textures, as
 * Gallium numbers it, and the virtio specification does
 */
#define PIPE_TEXTURE_2D 2

/**
 * struct EGLDmabuf - A dma-buf, and how a texture lies in it
 * @fd: descriptor, close-on-exec
 * @fourcc: DRM_FORMAT_*
 * @modifier: DRM_FORMAT_MOD_*
 * @num_planes: how many of @strides and @offsets count
 * @strides: of each plane, in bytes
 * @offsets: of each plane in the dma-buf, in bytes
 */
typedef struct EGLDmabuf {
    int fd;
    uint32_t fourcc;
    uint64_t modifier;
    uint32_t num_planes;
    uint32_t strides[EGL_DMABUF_MAX_PLANES];
    uint32_t offsets[EGL_DMABUF_MAX_PLANES];
} EGLDmabuf;

/**
 * egl_dmabuf_can_export_textures() - Look for the extensions of EGL
 *
 * Context: a thread with a current EGL context.
 *
 * Return: false if no texture of the current display can be exported.
 */
bool egl_dmabuf_can_export_textures(void);

/**
 * egl_dmabuf_export_texture() - Make a dma-buf of a texture
 * @texture: two-dimensional texture of the current context
 * @dmabuf: filled in on success
 * @errp: set on failure
 *
 * Whatever has been drawn has to be flushed before.
 *
 * Context: a thread with a current EGL context.  The caller closes the
 * descriptor.
 *
 * Return: true, or false with @errp set: the display cannot export, or what it
 * makes is not in exactly one dma-buf.
 */
bool egl_dmabuf_export_texture(uint32_t texture, EGLDmabuf *dmabuf,
                               Error **errp);

#endif /* UI_EGL_DMABUF_EXPORT_H */
