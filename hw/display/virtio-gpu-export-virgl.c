/*
 * virtio-gpu: the memory behind resources of virglrenderer
 *
 * With the GL contexts of QEMU's displays virglrenderer cannot export textures
 * itself, and the display's own helper knows one plane and no offset: textures
 * are exported by EGL, whatever display it is current on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-export.h"
#include "hw/virtio/virtio-gpu-export-virgl.h"
#include "system/cpus.h"

#include <epoxy/egl.h>
#include <epoxy/gl.h>
#include <virglrenderer.h>

/* As Gallium numbers what textures are, and the virtio specification does */
#define PIPE_TEXTURE_2D 2

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

typedef struct Planes {
    EGLint num;
    int fourcc;
    EGLuint64KHR modifiers[VIRTIO_EXPORT_MAX_PLANES];
    int fds[VIRTIO_EXPORT_MAX_PLANES];
    EGLint strides[VIRTIO_EXPORT_MAX_PLANES];
    EGLint offsets[VIRTIO_EXPORT_MAX_PLANES];
} Planes;

static bool same_file(int a, int b)
{
    struct stat sa, sb;

    return !fstat(a, &sa) && !fstat(b, &sb) &&
           sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static uint64_t file_size(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);

    return size < 0 ? 0 : size;
}

static void planes_close(Planes *planes)
{
    int i;

    for (i = 0; i < planes->num; i++) {
        if (planes->fds[i] >= 0) {
            close(planes->fds[i]);
        }
    }
}

/* Without udmabuf, Mesa's software renderers succeed without a descriptor */
static const char *planes_obstacle(const Planes *planes)
{
    int i;

    for (i = 0; i < planes->num; i++) {
        if (planes->fds[i] < 0) {
            return "EGL made no dma-buf of the texture";
        }
        if (!same_file(planes->fds[0], planes->fds[i])) {
            return "its planes are in more than one dma-buf";
        }
    }
    return NULL;
}

static bool planes_query(EGLDisplay display, EGLImage image, Planes *planes,
                         Error **errp)
{
    int i;

    if (!eglExportDMABUFImageQueryMESA(display, image, &planes->fourcc,
                                       &planes->num, NULL)) {
        error_setg(errp, "EGL cannot export the texture: 0x%x", eglGetError());
        return false;
    }
    if (planes->num < 1 || planes->num > VIRTIO_EXPORT_MAX_PLANES) {
        error_setg(errp, "it has %d planes", planes->num);
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

static void planes_hand_over(Planes *planes, VirtIOExportObject *object)
{
    int i;

    object->fd = planes->fds[0];
    planes->fds[0] = -1;
    qemu_set_cloexec(object->fd);
    object->kind = VIRTIO_EXPORT_KIND_DMABUF;
    object->size = file_size(object->fd);
    object->fourcc = planes->fourcc;
    object->modifier = planes->modifiers[0];
    object->num_planes = planes->num;
    for (i = 0; i < planes->num; i++) {
        object->strides[i] = planes->strides[i];
        object->offsets[i] = planes->offsets[i];
    }
}

static bool image_export(EGLDisplay display, EGLImage image,
                         VirtIOExportObject *object, Error **errp)
{
    Planes planes = { 0 };
    const char *obstacle;

    if (!planes_query(display, image, &planes, errp)) {
        return false;
    }
    obstacle = planes_obstacle(&planes);
    if (obstacle) {
        error_setg(errp, "%s", obstacle);
    } else {
        planes_hand_over(&planes, object);
    }
    planes_close(&planes);
    return !obstacle;
}

static bool texture_export(uint32_t texture, VirtIOExportObject *object,
                           Error **errp)
{
    EGLDisplay display = eglGetCurrentDisplay();
    EGLImage image;
    bool done;

    if (display == EGL_NO_DISPLAY ||
        !epoxy_has_egl_extension(display, "EGL_KHR_gl_texture_2D_image") ||
        !epoxy_has_egl_extension(display, "EGL_MESA_image_dma_buf_export")) {
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
    done = image_export(display, image, object, errp);
    eglDestroyImageKHR(display, image);
    return done;
}

static bool virgl_texture_export(struct virtio_gpu_simple_resource *res,
                                 VirtIOExportObject *object, Error **errp)
{
    struct virgl_renderer_resource_info info = { 0 };

    if (virgl_renderer_resource_get_info(res->resource_id, &info) ||
        !info.tex_id) {
        error_setg(errp, "the renderer did not make it");
        return false;
    }
    /* what the guest calls its first row, the renderer keeps as the last */
    object->bottom_up = info.flags & VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP;
    virgl_renderer_force_ctx_0();
    /* what the guest has transferred is in the texture */
    glFlush();
    return texture_export(info.tex_id, object, errp);
}

/* Whoever made the memory may not have sealed it */
static bool shm_export(int fd, VirtIOExportObject *object, Error **errp)
{
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || ((seals & SEALS) != SEALS &&
                      fcntl(fd, F_ADD_SEALS, SEALS) < 0)) {
        error_setg(errp, "its memory cannot be sealed against resizing");
        return false;
    }
    object->kind = VIRTIO_EXPORT_KIND_MEMFD;
    return true;
}

/* Nothing else wants a dma-buf of it: it is made for each look-up */
static bool guest_memory_export(struct virtio_gpu_simple_resource *res,
                                VirtIOExportObject *object, Error **errp)
{
    const char *obstacle;
    bool done = false;

    virtio_gpu_init_udmabuf(res);
    obstacle = virtio_gpu_blob_obstacle(res);
    if (obstacle) {
        error_setg(errp, "%s", obstacle);
    } else {
        done = virtio_gpu_blob_export(res, object, errp);
    }
    virtio_gpu_fini_udmabuf(res);
    res->blob = NULL;
    return done;
}

static bool virgl_blob_export(struct virtio_gpu_simple_resource *res,
                              VirtIOExportObject *object, Error **errp)
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
        if (!shm_export(fd, object, errp)) {
            close(fd);
            return false;
        }
        break;
    default:
        close(fd);
        error_setg(errp, "only the renderer's own API can import the blob");
        return false;
    }
    qemu_set_cloexec(fd);
    object->fd = fd;
    return true;
}

static const char *virgl_obstacle_now(VirtIOGPU *g)
{
    if (qemu_in_vcpu_thread()) {
        return "GL is not to be called on this thread";
    }
    if (VIRTIO_GPU_GL(g)->renderer_state != RS_INITED) {
        return "the renderer does not run";
    }
    if (VIRTIO_GPU_BASE(g)->renderer_blocked) {
        return "the renderer is busy";
    }
    return NULL;
}

static const char *virgl_describe(VirtIOGPU *g,
                                  struct virtio_gpu_simple_resource *res,
                                  VirtIOExportObject *object)
{
    if (res->blob_size) {
        object->size = res->blob_size;
        if (!res->is_guest_memory) {
            return NULL;
        }
        object->kind = VIRTIO_EXPORT_KIND_DMABUF;
        return res->iov_cnt ? NULL : "the blob has no backing";
    }
    if (!res->is_texture_2d) {
        return "it is not a two-dimensional texture";
    }
    object->kind = VIRTIO_EXPORT_KIND_DMABUF;
    object->width = res->width;
    object->height = res->height;
    return NULL;
}

static bool virgl_export(VirtIOGPU *g, struct virtio_gpu_simple_resource *res,
                         VirtIOExportObject *object, Error **errp)
{
    const char *obstacle;

    GLOBAL_STATE_CODE();

    obstacle = virgl_describe(g, res, object);
    if (!obstacle && res->is_guest_memory) {
        return guest_memory_export(res, object, errp);
    }
    obstacle = obstacle ?: virgl_obstacle_now(g);
    if (obstacle) {
        error_setg(errp, "%s", obstacle);
        return false;
    }
    return res->blob_size ? virgl_blob_export(res, object, errp)
                          : virgl_texture_export(res, object, errp);
}

void virtio_gpu_virgl_note_texture(struct virtio_gpu_simple_resource *res,
                                   uint32_t target)
{
    res->is_texture_2d = target == PIPE_TEXTURE_2D;
}

void virtio_gpu_virgl_note_blob(struct virtio_gpu_simple_resource *res,
                                uint32_t blob_mem)
{
    res->is_guest_memory = blob_mem == VIRTIO_GPU_BLOB_MEM_GUEST;
}

void virtio_gpu_virgl_export_class_init(VirtIOGPUClass *vgc)
{
    vgc->uuid_process_cmd = virtio_gpu_virgl_process_cmd;
    vgc->resource_describe = virgl_describe;
    vgc->resource_export = virgl_export;
}
