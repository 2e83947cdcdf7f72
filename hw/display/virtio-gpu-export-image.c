/*
 * virtio-gpu: the memory behind an image, as a memfd or a dma-buf (Linux)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/memfd.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-gpu-export.h"
#include "hw/virtio/virtio-gpu-fourcc.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "standard-headers/linux/udmabuf.h"
#include "ui/console.h"

#include <sys/ioctl.h>

#define UDMABUF_PATH "/dev/udmabuf"

/* An importer can map the memory, and must not be able to resize it */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static uint64_t
virtio_gpu_image_memory_size(const struct virtio_gpu_simple_resource *res)
{
    struct stat st;

    return fstat(res->share_handle, &st) < 0 ? 0 : st.st_size;
}

/* Seals and the size of sealed memory never change: ask for them only once */
static bool virtio_gpu_image_is_sealed(struct virtio_gpu_simple_resource *res)
{
    int seals;

    if (!res->sealed_size) {
        seals = fcntl(res->share_handle, F_GET_SEALS);
        if (seals < 0 || (seals & SEALS) != SEALS) {
            return false;
        }
        res->sealed_size = virtio_gpu_image_memory_size(res);
    }
    return true;
}

/*
 * Return: the result of udmabuf_fd(), or -1 without /dev/udmabuf, about which
 * udmabuf_fd() would warn.  Both functions look for /dev/udmabuf only once.
 */
static int virtio_gpu_udmabuf_fd(void)
{
    static bool known;
    static int udmabuf = -1;

    if (!known) {
        known = true;
        if (access(UDMABUF_PATH, R_OK | W_OK) == 0) {
            udmabuf = udmabuf_fd();
        }
    }
    return udmabuf;
}

/* Return: descriptor, or -1 if the host cannot make a dma-buf of the memfd */
static int virtio_gpu_image_to_dmabuf(int memfd, uint64_t size)
{
    struct udmabuf_create create = {
        .memfd = memfd,
        .flags = UDMABUF_FLAGS_CLOEXEC,
        .size = size,
    };
    int udmabuf = virtio_gpu_udmabuf_fd();

    return udmabuf < 0 ? -1 : ioctl(udmabuf, UDMABUF_CREATE, &create);
}

void virtio_gpu_image_describe(const struct virtio_gpu_simple_resource *res,
                               VirtIOExportObject *object)
{
    object->size = res->sealed_size ?: virtio_gpu_image_memory_size(res);
    object->width = res->width;
    object->height = res->height;
    object->fourcc = virtio_gpu_format_to_fourcc(res->format);
    object->modifier = DRM_FORMAT_MOD_LINEAR;
    object->num_planes = 1;
    object->strides[0] = pixman_image_get_stride(res->image);
    object->offsets[0] = 0;
}

bool virtio_gpu_image_export(struct virtio_gpu_simple_resource *res,
                             VirtIOExportObject *object, Error **errp)
{
    if (!virtio_gpu_image_is_sealed(res)) {
        error_setg(errp, "its memory is not sealed against resizing");
        return false;
    }

    virtio_gpu_image_describe(res, object);
    object->kind = VIRTIO_EXPORT_KIND_DMABUF;
    object->fd = virtio_gpu_image_to_dmabuf(res->share_handle, object->size);
    if (object->fd < 0) {
        object->kind = VIRTIO_EXPORT_KIND_MEMFD;
        object->fd = qemu_dup(res->share_handle);
    }
    if (object->fd < 0) {
        error_setg_errno(errp, errno,
                         "cannot create a file descriptor of its memory");
        return false;
    }
    return true;
}
