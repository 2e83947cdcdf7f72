/*
 * Export of GL textures as dma-bufs, by EGL
 *
 * The helpers in egl-helpers.c use one fixed display, and support one plane
 * without an offset.  These functions use the current display.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/egl-dmabuf-export.h"

#include <epoxy/egl.h>

typedef struct EGLDmabufPlanes {
    EGLint num;
    int fourcc;
    EGLuint64KHR modifiers[EGL_DMABUF_MAX_PLANES];
    int fds[EGL_DMABUF_MAX_PLANES];
    EGLint strides[EGL_DMABUF_MAX_PLANES];
    EGLint offsets[EGL_DMABUF_MAX_PLANES];
} EGLDmabufPlanes;

static bool egl_dmabuf_same_file(int a, int b)
{
    struct stat sa, sb;

    return !fstat(a, &sa) && !fstat(b, &sb) &&
           sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static void egl_dmabuf_close_planes(EGLDmabufPlanes *planes)
{
    int i;

    for (i = 0; i < planes->num; i++) {
        if (planes->fds[i] >= 0) {
            close(planes->fds[i]);
        }
    }
}

/* Without udmabuf, Mesa's software renderers succeed but return no fd */
static bool egl_dmabuf_check_planes(const EGLDmabufPlanes *planes, Error **errp)
{
    int i;

    for (i = 0; i < planes->num; i++) {
        if (planes->fds[i] < 0) {
            error_setg(errp, "EGL returned no dma-buf of the texture");
            return false;
        }
        if (!egl_dmabuf_same_file(planes->fds[0], planes->fds[i])) {
            error_setg(errp, "the texture has more than one dma-buf");
            return false;
        }
    }
    return true;
}

static bool egl_dmabuf_make_planes(EGLDisplay display, EGLImage image,
                                   EGLDmabufPlanes *planes, Error **errp)
{
    int i;

    if (!eglExportDMABUFImageQueryMESA(display, image, &planes->fourcc,
                                       &planes->num, NULL)) {
        error_setg(errp, "EGL cannot export the texture: 0x%x", eglGetError());
        return false;
    }
    if (planes->num < 1 || planes->num > EGL_DMABUF_MAX_PLANES) {
        error_setg(errp, "the texture has %d planes", planes->num);
        return false;
    }
    for (i = 0; i < planes->num; i++) {
        planes->fds[i] = -1;
    }
    if (!eglExportDMABUFImageQueryMESA(display, image, NULL, NULL,
                                       planes->modifiers) ||
        !eglExportDMABUFImageMESA(display, image, planes->fds, planes->strides,
                                  planes->offsets)) {
        error_setg(errp, "EGL cannot export the texture: 0x%x", eglGetError());
        return false;
    }
    return true;
}

static void egl_dmabuf_hand_over(EGLDmabufPlanes *planes, EGLDmabuf *dmabuf)
{
    int i;

    dmabuf->fd = planes->fds[0];
    planes->fds[0] = -1;
    qemu_set_cloexec(dmabuf->fd);
    dmabuf->fourcc = planes->fourcc;
    dmabuf->modifier = planes->modifiers[0];
    dmabuf->num_planes = planes->num;
    for (i = 0; i < planes->num; i++) {
        dmabuf->strides[i] = planes->strides[i];
        dmabuf->offsets[i] = planes->offsets[i];
    }
}

static bool egl_dmabuf_export_image(EGLDisplay display, EGLImage image,
                                    EGLDmabuf *dmabuf, Error **errp)
{
    EGLDmabufPlanes planes = { 0 };
    bool done;

    if (!egl_dmabuf_make_planes(display, image, &planes, errp)) {
        return false;
    }
    done = egl_dmabuf_check_planes(&planes, errp);
    if (done) {
        egl_dmabuf_hand_over(&planes, dmabuf);
    }
    egl_dmabuf_close_planes(&planes);
    return done;
}

bool egl_dmabuf_can_export_textures(void)
{
    EGLDisplay display = eglGetCurrentDisplay();

    return display != EGL_NO_DISPLAY &&
           epoxy_has_egl_extension(display, "EGL_KHR_gl_texture_2D_image") &&
           epoxy_has_egl_extension(display, "EGL_MESA_image_dma_buf_export");
}

bool egl_dmabuf_from_texture(uint32_t texture, EGLDmabuf *dmabuf,
                             Error **errp)
{
    EGLDisplay display = eglGetCurrentDisplay();
    EGLImage image;
    bool done;

    if (!egl_dmabuf_can_export_textures()) {
        error_setg(errp, "the display's GL cannot export textures");
        return false;
    }
    image = eglCreateImageKHR(display, eglGetCurrentContext(),
                              EGL_GL_TEXTURE_2D_KHR,
                              (EGLClientBuffer)(uintptr_t)texture, NULL);
    if (image == EGL_NO_IMAGE_KHR) {
        error_setg(errp, "EGL cannot share the texture: 0x%x", eglGetError());
        return false;
    }
    done = egl_dmabuf_export_image(display, image, dmabuf, errp);
    eglDestroyImageKHR(display, image);
    return done;
}
