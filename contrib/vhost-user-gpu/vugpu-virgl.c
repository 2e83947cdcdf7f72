/*
 * vhost-user-gpu: UUIDs of virglrenderer's resources
 *
 * Each lookup of a texture makes a dma-buf of it.  EGL is called directly,
 * because virglrenderer does not check whether EGL can export the texture.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/egl-dmabuf-export.h"
#include "vugpu.h"

#include <epoxy/gl.h>
#include <virglrenderer.h>

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

static int vugpu_virgl_export_texture(uint32_t texture,
                                      VhostUserObjectInfo *info)
{
    Error *err = NULL;
    EGLDmabuf dmabuf;
    uint32_t i;

    QEMU_BUILD_BUG_ON(EGL_DMABUF_MAX_PLANES > VHOST_USER_OBJECT_MAX_PLANES);

    if (!egl_dmabuf_from_texture(texture, &dmabuf, &err)) {
        g_debug("%s", error_get_pretty(err));
        error_free(err);
        return -1;
    }
    info->fourcc = dmabuf.fourcc;
    info->modifier = dmabuf.modifier;
    info->num_planes = dmabuf.num_planes;
    for (i = 0; i < dmabuf.num_planes; i++) {
        info->strides[i] = dmabuf.strides[i];
        info->offsets[i] = dmabuf.offsets[i];
    }
    return dmabuf.fd;
}

/* The importer gets a duplicate, so one file descriptor at a time is enough */
static int get_fd(VuGpu *g, struct vugpu_object *object,
                  VhostUserObjectInfo *info)
{
    struct vugpu_virgl_resource *res =
        container_of(object, struct vugpu_virgl_resource, object);
    struct virgl_renderer_resource_info texture = { 0 };

    close_exported(g);
    if (res->is_texture_2d &&
        !virgl_renderer_resource_get_info(res->id, &texture) &&
        texture.tex_id) {
        info->width = texture.width;
        info->height = texture.height;
        /* the renderer stores the guest's first row as the last row */
        info->flags = texture.flags & VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP ?
                      VHOST_USER_OBJECT_BOTTOM_UP : 0;
        virgl_renderer_force_ctx_0();
        /* make the guest's transfers visible in the texture */
        glFlush();
        g->renderer.exported = vugpu_virgl_export_texture(texture.tex_id,
                                                          info);
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
