/*
 * vhost-user-gpu: UUIDs of virglrenderer's resources
 *
 * A dma-buf of a texture is made when it is looked up.  EGL makes it, as
 * virglrenderer does not ask whether EGL can.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vugpu.h"

#include <epoxy/egl.h>
#include <epoxy/gl.h>
#include <virglrenderer.h>

/* As Gallium numbers what textures are, and the virtio specification does */
#define PIPE_TEXTURE_2D 2

#define MAX_PLANES 4

struct vugpu_virgl_resource {
    struct vugpu_object object;
    uint32_t id;
    bool is_texture_2d;
};

void vugpu_virgl_init(VuGpu *g)
{
    g->renderer.resources = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g->renderer.exported = -1;
}

static void close_exported(VuGpu *g)
{
    if (g->renderer.exported >= 0) {
        close(g->renderer.exported);
        g->renderer.exported = -1;
    }
}

void vugpu_virgl_deinit(VuGpu *g)
{
    close_exported(g);
    g_hash_table_destroy(g->renderer.resources);
}

static bool same_file(int a, int b)
{
    struct stat sa, sb;

    return !fstat(a, &sa) && !fstat(b, &sb) &&
           sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* Without udmabuf, Mesa's software renderers succeed without a descriptor */
static int export_image(EGLDisplay display, EGLImage image)
{
    int fds[MAX_PLANES] = { -1, -1, -1, -1 };
    bool one_file;
    EGLint num;
    int i;

    if (!eglExportDMABUFImageQueryMESA(display, image, NULL, &num, NULL) ||
        num < 1 || num > MAX_PLANES ||
        !eglExportDMABUFImageMESA(display, image, fds, NULL, NULL)) {
        return -1;
    }
    one_file = fds[0] >= 0;
    for (i = 1; i < num; i++) {
        one_file = one_file && same_file(fds[0], fds[i]);
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (!one_file && fds[0] >= 0) {
        close(fds[0]);
    }
    return one_file ? fds[0] : -1;
}

static int export_texture(uint32_t texture)
{
    EGLDisplay display = eglGetCurrentDisplay();
    EGLImage image;
    int fd;

    if (display == EGL_NO_DISPLAY ||
        !epoxy_has_egl_extension(display, "EGL_KHR_gl_texture_2D_image") ||
        !epoxy_has_egl_extension(display, "EGL_MESA_image_dma_buf_export")) {
        return -1;
    }
    image = eglCreateImageKHR(display, eglGetCurrentContext(),
                              EGL_GL_TEXTURE_2D_KHR,
                              (EGLClientBuffer)(uintptr_t)texture, NULL);
    if (image == EGL_NO_IMAGE_KHR) {
        return -1;
    }
    fd = export_image(display, image);
    eglDestroyImageKHR(display, image);
    return fd;
}

/* Who looks it up gets a duplicate: one at a time is enough */
static int get_fd(VuGpu *g, struct vugpu_object *object)
{
    struct vugpu_virgl_resource *res =
        container_of(object, struct vugpu_virgl_resource, object);
    struct virgl_renderer_resource_info info = { 0 };

    close_exported(g);
    if (res->is_texture_2d &&
        !virgl_renderer_resource_get_info(res->id, &info) && info.tex_id) {
        virgl_renderer_force_ctx_0();
        /* what the guest has transferred is in the texture */
        glFlush();
        g->renderer.exported = export_texture(info.tex_id);
    }
    if (g->renderer.exported < 0) {
        g_debug("resource %u cannot be exported", res->id);
    }
    return g->renderer.exported;
}

static struct vugpu_virgl_resource *find(VuGpu *g, uint32_t id)
{
    return g_hash_table_lookup(g->renderer.resources, GUINT_TO_POINTER(id));
}

void vugpu_virgl_add(VuGpu *g, uint32_t id, uint32_t target)
{
    struct vugpu_virgl_resource *res = g_new0(struct vugpu_virgl_resource, 1);

    vugpu_virgl_remove(g, id);
    res->object.get_fd = get_fd;
    res->id = id;
    res->is_texture_2d = target == PIPE_TEXTURE_2D;
    g_hash_table_insert(g->renderer.resources, GUINT_TO_POINTER(id), res);
}

void vugpu_virgl_remove(VuGpu *g, uint32_t id)
{
    struct vugpu_virgl_resource *res = find(g, id);

    if (res) {
        close_exported(g);
        vugpu_uuid_release(g, &res->object);
        g_hash_table_remove(g->renderer.resources, GUINT_TO_POINTER(id));
    }
}

GList *vugpu_virgl_ids(VuGpu *g)
{
    return g_hash_table_get_keys(g->renderer.resources);
}

void vugpu_virgl_assign_uuid(VuGpu *g, struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_resource_assign_uuid assign;
    struct vugpu_virgl_resource *res;

    if (!vugpu_uuid_parse(g, cmd, &assign)) {
        return;
    }
    res = find(g, assign.resource_id);
    if (!res) {
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
        return;
    }
    vugpu_uuid_assign(g, cmd, &res->object);
}
