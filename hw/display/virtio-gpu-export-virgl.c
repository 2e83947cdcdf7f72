/*
 * virtio-gpu: export of virglrenderer's resources
 *
 * With the GL contexts of QEMU's displays, virglrenderer cannot export textures
 * itself: EGL exports them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-export.h"
#include "hw/virtio/virtio-gpu-export-virgl.h"
#include "hw/virtio/virtio-export-compat.h"
#include "ui/egl-dmabuf-export.h"

#include <epoxy/gl.h>
#include <virglrenderer.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The state of virglrenderer, which is global to the process */
static struct {
    QemuThread thread;
    bool exports_textures;
} virtio_gpu_virgl_renderer;

static uint64_t virtio_gpu_virgl_file_size(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);

    return size < 0 ? 0 : size;
}

static bool virtio_gpu_virgl_dmabuf_export(uint32_t texture,
                                           VirtIOExportObject *object,
                                           Error **errp)
{
    EGLDmabuf dmabuf;
    uint32_t i;

    QEMU_BUILD_BUG_ON(EGL_DMABUF_MAX_PLANES > VIRTIO_EXPORT_MAX_PLANES);

    if (!egl_dmabuf_from_texture(texture, &dmabuf, errp)) {
        return false;
    }
    object->fd = dmabuf.fd;
    object->kind = VIRTIO_EXPORT_KIND_DMABUF;
    object->size = virtio_gpu_virgl_file_size(dmabuf.fd);
    object->fourcc = dmabuf.fourcc;
    object->modifier = dmabuf.modifier;
    object->num_planes = dmabuf.num_planes;
    for (i = 0; i < dmabuf.num_planes; i++) {
        object->strides[i] = dmabuf.strides[i];
        object->offsets[i] = dmabuf.offsets[i];
    }
    return true;
}

static bool
virtio_gpu_virgl_texture_export(struct virtio_gpu_simple_resource *res,
                                VirtIOExportObject *object, Error **errp)
{
    struct virgl_renderer_resource_info info = { 0 };

    if (virgl_renderer_resource_get_info(res->resource_id, &info) ||
        !info.tex_id) {
        error_setg(errp, "the renderer did not create it");
        return false;
    }
    object->width = res->width;
    object->height = res->height;
    /* the renderer stores the guest's first row as the last row */
    object->bottom_up = info.flags & VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP;
    virgl_renderer_force_ctx_0();
    /* make the guest's transfers visible in the texture */
    glFlush();
    return virtio_gpu_virgl_dmabuf_export(info.tex_id, object, errp);
}

/* The renderer may have left the memory unsealed */
static bool virtio_gpu_virgl_seal(int fd, Error **errp)
{
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || ((seals & SEALS) != SEALS &&
                      fcntl(fd, F_ADD_SEALS, SEALS) < 0)) {
        error_setg(errp, "its memory cannot be sealed against resizing");
        return false;
    }
    return true;
}

static bool virtio_gpu_virgl_blob_export(struct virtio_gpu_simple_resource *res,
                                         VirtIOExportObject *object,
                                         Error **errp)
{
    uint32_t fd_type;
    int fd;

    if (virgl_renderer_resource_export_blob(res->resource_id, &fd_type, &fd)) {
        error_setg(errp, "the renderer cannot export the blob");
        return false;
    }
    switch (fd_type) {
    case VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF:
        object->kind = VIRTIO_EXPORT_KIND_DMABUF;
        break;
    case VIRGL_RENDERER_BLOB_FD_TYPE_SHM:
        if (!virtio_gpu_virgl_seal(fd, errp)) {
            close(fd);
            return false;
        }
        object->kind = VIRTIO_EXPORT_KIND_MEMFD;
        break;
    default:
        close(fd);
        error_setg(errp, "only the renderer's own API can import the blob");
        return false;
    }
    qemu_set_cloexec(fd);
    object->fd = fd;
    object->size = res->blob_size;
    return true;
}

/* The renderer does not need a dma-buf, so each lookup makes one */
static bool
virtio_gpu_virgl_guest_export(VirtIOGPU *g,
                              struct virtio_gpu_simple_resource *res,
                              VirtIOExportObject *object, Error **errp)
{
    bool done;

    virtio_gpu_init_udmabuf(res);
    done = virtio_gpu_blob_export(g, res, object, errp);
    virtio_gpu_fini_udmabuf(g, res);
    res->blob = NULL;
    return done;
}

static bool
virtio_gpu_virgl_is_guest_memory(struct virtio_gpu_simple_resource *res)
{
    return res->blob_size && virtio_gpu_virgl_export_of(res)->blob_mem ==
                             VIRTIO_GPU_BLOB_MEM_GUEST;
}

/* Return: why no lookup can succeed, as far as is known without GL */
static const char *
virtio_gpu_virgl_unavailable_reason(struct virtio_gpu_simple_resource *res)
{
    if (virtio_gpu_virgl_is_guest_memory(res)) {
        return res->iov_cnt ? NULL : "the blob has no backing";
    }
    if (res->blob_size) {
        return NULL;
    }
    if (virtio_gpu_virgl_export_of(res)->target != PIPE_TEXTURE_2D) {
        return "it is not a two-dimensional texture";
    }
    return virtio_gpu_virgl_renderer.exports_textures
           ? NULL : "the display's GL cannot export textures";
}

static const char *
virtio_gpu_virgl_describe(VirtIOGPU *g, struct virtio_gpu_simple_resource *res,
                          VirtIOExportObject *object)
{
    const char *reason = virtio_gpu_virgl_unavailable_reason(res);

    if (virtio_gpu_virgl_is_guest_memory(res)) {
        virtio_gpu_blob_describe(g, res, object);
    } else if (res->blob_size) {
        object->size = res->blob_size;
    } else if (!reason) {
        object->kind = VIRTIO_EXPORT_KIND_DMABUF;
        object->width = res->width;
        object->height = res->height;
    }
    return reason;
}

static void virtio_gpu_virgl_retry(void *opaque)
{
    virtio_export_retry(VIRTIO_EXPORTER(opaque));
    object_unref(opaque);
}

/*
 * Return: true if GL can be called now.  If not, lookups are retried: from
 * another thread, by a bottom half in the main loop; on the renderer's thread,
 * at the end of virtio_gpu_process_cmdq(), which runs when the renderer is
 * ready again.
 */
static bool virtio_gpu_virgl_is_ready(VirtIOGPU *g)
{
    if (!qemu_thread_is_self(&virtio_gpu_virgl_renderer.thread)) {
        aio_bh_schedule_oneshot(qemu_get_aio_context(), virtio_gpu_virgl_retry,
                                object_ref(OBJECT(g)));
        return false;
    }
    return VIRTIO_GPU_GL(g)->renderer_state == RS_INITED &&
           !VIRTIO_GPU_BASE(g)->renderer_blocked;
}

static VirtIOExportStatus
virtio_gpu_virgl_export(VirtIOGPU *g, struct virtio_gpu_simple_resource *res,
                        VirtIOExportObject *object, Error **errp)
{
    const char *reason = virtio_gpu_virgl_unavailable_reason(res);
    bool done;

    if (reason) {
        error_setg(errp, "%s", reason);
        return VIRTIO_EXPORT_FAILED;
    }
    if (virtio_gpu_virgl_is_guest_memory(res)) {
        done = virtio_gpu_virgl_guest_export(g, res, object, errp);
    } else if (!virtio_gpu_virgl_is_ready(g)) {
        g->exports_wait = true;
        return VIRTIO_EXPORT_PENDING;
    } else if (res->blob_size) {
        done = virtio_gpu_virgl_blob_export(res, object, errp);
    } else {
        done = virtio_gpu_virgl_texture_export(res, object, errp);
    }
    return done ? VIRTIO_EXPORT_DONE : VIRTIO_EXPORT_FAILED;
}

void virtio_gpu_virgl_export_init(void)
{
    qemu_thread_get_self(&virtio_gpu_virgl_renderer.thread);
    virgl_renderer_force_ctx_0();
    virtio_gpu_virgl_renderer.exports_textures =
        egl_dmabuf_can_export_textures();
}

void virtio_gpu_virgl_export_class_init(VirtIOGPUClass *vgc)
{
    vgc->resource_export = virtio_gpu_virgl_export;
    vgc->resource_describe = virtio_gpu_virgl_describe;
}
