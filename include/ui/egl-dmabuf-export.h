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
 * The target of virglrenderer's two-dimensional textures.  Gallium and the
 * virtio specification use the same number.
 */
#define PIPE_TEXTURE_2D 2

/**
 * struct EGLDmabuf - A dma-buf, and the layout of the texture in it
 * @fd: file descriptor, close-on-exec
 * @fourcc: DRM_FORMAT_*
 * @modifier: DRM_FORMAT_MOD_*
 * @num_planes: number of valid @strides and @offsets
 * @strides: stride of each plane, in bytes
 * @offsets: offset of each plane in the dma-buf, in bytes
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
 * egl_dmabuf_can_export_textures() - Look for the EGL extensions needed
 *
 * Context: a thread with a current EGL context.
 *
 * Return: false if no texture of the current display can be exported.
 */
bool egl_dmabuf_can_export_textures(void);

/**
 * egl_dmabuf_from_texture() - Make a dma-buf of a texture
 * @texture: two-dimensional texture of the current context
 * @dmabuf: filled in on success
 * @errp: set on failure
 *
 * The caller has to flush earlier drawing, and closes the file descriptor.
 *
 * Context: a thread with a current EGL context.
 *
 * Return: true on success; false with @errp set if the display cannot export
 * the texture, or if the texture is not in exactly one dma-buf.
 */
bool egl_dmabuf_from_texture(uint32_t texture, EGLDmabuf *dmabuf,
                             Error **errp);

#endif /* UI_EGL_DMABUF_EXPORT_H */
