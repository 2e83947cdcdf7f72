/*
 * x-virtio-export-dump: write the image in an exported object as PNG
 *
 * File descriptors from vhost-user back-ends are not trusted: memory that can
 * shrink is not mapped, and a file whose read could block is not read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-export.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-virtio.h"
#include "qemu/bitops.h"
#include "qemu/coroutine.h"
#include "qemu/main-loop.h"
#include "qemu/memfd.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/qemu-pixman.h"
#include "ui/save-file.h"

#include <linux/dma-buf.h>
#include <sys/ioctl.h>

/* The coordinates of pixman_image_composite() are int16_t */
#define MAX_EXTENT INT16_MAX

/*
 * Guests may show an image in any format that qemu_drm_format_to_pixman()
 * knows, and displays accept no others.  Only files can have the other formats
 * of virtio-gpu.
 */
static pixman_format_code_t virtio_export_dump_format_to_pixman(uint32_t fourcc)
{
    switch (fourcc) {
    case DRM_FORMAT_BGRA8888:
        return PIXMAN_BE_a8r8g8b8;
    case DRM_FORMAT_BGRX8888:
        return PIXMAN_BE_x8r8g8b8;
    case DRM_FORMAT_RGBA8888:
        return PIXMAN_BE_a8b8g8r8;
    case DRM_FORMAT_RGBX8888:
        return PIXMAN_BE_x8b8g8r8;
    default:
        return qemu_drm_format_to_pixman(fourcc);
    }
}

static uint64_t virtio_export_dump_row_bytes(const VirtIOExportObject *object)
{
    pixman_format_code_t format =
        virtio_export_dump_format_to_pixman(object->fourcc);

    return (uint64_t)object->width * PIXMAN_FORMAT_BPP(format) / BITS_PER_BYTE;
}

static bool virtio_export_dump_check_layout(const VirtIOExportObject *object,
                                            Error **errp)
{
    g_autofree char *format = virtio_export_format_name(object->fourcc);

    if (!object->width || !object->height || !object->fourcc ||
        !object->num_planes) {
        error_setg(errp, "the size, format or layout of its image is not "
                   "known");
    } else if (object->width > MAX_EXTENT || object->height > MAX_EXTENT) {
        error_setg(errp, "its image of %" PRIu32 "x%" PRIu32 " pixels is "
                   "larger than %dx%d", object->width, object->height,
                   MAX_EXTENT, MAX_EXTENT);
    } else if (object->num_planes != 1 ||
               !virtio_export_dump_format_to_pixman(object->fourcc)) {
        error_setg(errp, "an image of the format %s in %" PRIu32 " plane%s "
                   "cannot be written as PNG", format, object->num_planes,
                   object->num_planes == 1 ? "" : "s");
    } else if (object->modifier != DRM_FORMAT_MOD_LINEAR) {
        error_setg(errp, "its image is not known to be linear: its modifier "
                   "is 0x%" PRIx64, object->modifier);
    } else {
        return true;
    }
    return false;
}

/* Return: the end of the image in the memory */
static uint64_t virtio_export_dump_image_end(const VirtIOExportObject *object)
{
    return object->offsets[0] + virtio_export_dump_row_bytes(object) +
           (uint64_t)object->strides[0] * (object->height - 1);
}

/* Return: offset of a row in the memory; @y counts from the top of the image */
static uint64_t virtio_export_dump_row_start(const VirtIOExportObject *object,
                                             uint32_t y)
{
    uint32_t row = object->bottom_up ? object->height - 1 - y : y;

    return object->offsets[0] + (uint64_t)object->strides[0] * row;
}

static uint8_t *virtio_export_dump_image_row(pixman_image_t *image, uint32_t y)
{
    return (uint8_t *)pixman_image_get_data(image) +
           (size_t)pixman_image_get_stride(image) * y;
}

/* Only the kernel serves reads of a memfd: they cannot block */
static bool virtio_export_dump_read_memfd(const VirtIOExportObject *object,
                                          pixman_image_t *image, Error **errp)
{
    size_t bytes = virtio_export_dump_row_bytes(object);

    for (uint32_t y = 0; y < object->height; y++) {
        uint8_t *row = virtio_export_dump_image_row(image, y);
        off_t start = virtio_export_dump_row_start(object, y);
        ssize_t got = RETRY_ON_EINTR(pread(object->fd, row, bytes, start));

        if (got < 0) {
            error_setg_errno(errp, errno, "its memory cannot be read");
            return false;
        }
        if (got != bytes) {
            error_setg(errp, "its memory ends within the image");
            return false;
        }
    }
    return true;
}

static void virtio_export_dump_sync_dmabuf(int fd, uint64_t flags)
{
    struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_READ };
    int ret;

    /* Without it the CPU may read stale pixels */
    do {
        ret = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
    } while (ret < 0 && (errno == EINTR || errno == EAGAIN));
}

/* The size of a dma-buf never changes */
static bool virtio_export_dump_read_dmabuf(const VirtIOExportObject *object,
                                           pixman_image_t *image, Error **errp)
{
    off_t end = lseek(object->fd, 0, SEEK_END);
    uint64_t image_end = virtio_export_dump_image_end(object);
    size_t size = image_end;
    uint8_t *memory;

    if (end < 0 || end < image_end || size != image_end) {
        error_setg(errp, "its memory ends within the image");
        return false;
    }
    memory = mmap(NULL, size, PROT_READ, MAP_SHARED, object->fd, 0);
    if (memory == MAP_FAILED) {
        error_setg_errno(errp, errno, "its memory cannot be mapped");
        return false;
    }
    virtio_export_dump_sync_dmabuf(object->fd, DMA_BUF_SYNC_START);
    for (uint32_t y = 0; y < object->height; y++) {
        memcpy(virtio_export_dump_image_row(image, y),
               memory + virtio_export_dump_row_start(object, y),
               virtio_export_dump_row_bytes(object));
    }
    virtio_export_dump_sync_dmabuf(object->fd, DMA_BUF_SYNC_END);
    munmap(memory, size);
    return true;
}

static bool virtio_export_dump_read_pixels(const VirtIOExportObject *object,
                                           pixman_image_t *image, Error **errp)
{
    if (fcntl(object->fd, F_GET_SEALS) >= 0) {
        return virtio_export_dump_read_memfd(object, image, errp);
    }
    if (object->kind == VIRTIO_EXPORT_KIND_DMABUF) {
        return virtio_export_dump_read_dmabuf(object, image, errp);
    }
    error_setg(errp, "its memory is neither a memfd nor known to be a dma-buf");
    return false;
}

/* Return: copy of the image, owned by the caller; NULL with @errp set */
static pixman_image_t *
virtio_export_dump_copy_image(const VirtIOExportObject *object, Error **errp)
{
    g_autoptr(pixman_image_t) image = NULL;

    if (!virtio_export_dump_check_layout(object, errp)) {
        return NULL;
    }
    image = pixman_image_create_bits(
        virtio_export_dump_format_to_pixman(object->fourcc), object->width,
        object->height, NULL, 0);
    if (!image) {
        error_setg(errp, "there is no memory for a copy of its image");
        return NULL;
    }
    return virtio_export_dump_read_pixels(object, image, errp)
           ? g_steal_pointer(&image) : NULL;
}

typedef struct VirtIOExportDump {
    VirtIOExportObject object;
    Error *err;
    Coroutine *co;  /* waits for the lookup; NULL if it does not wait */
} VirtIOExportDump;

static void virtio_export_dump_looked_up(void *opaque,
                                         const VirtIOExportObject *object,
                                         Error *err)
{
    VirtIOExportDump *dump = opaque;

    if (object) {
        dump->object = *object;
    }
    dump->err = err;
    if (dump->co) {
        /* this may be any thread */
        aio_co_schedule(qemu_get_aio_context(), dump->co);
    }
}

static bool coroutine_fn virtio_export_dump_lookup(const QemuUUID *uuid,
                                                   VirtIOExportObject *object,
                                                   Error **errp)
{
    VirtIOExportDump dump = { };

    if (virtio_export_lookup(uuid, virtio_export_dump_looked_up, &dump)) {
        dump.co = qemu_coroutine_self();
        qemu_coroutine_yield();
    }
    if (dump.err) {
        error_propagate(errp, dump.err);
        return false;
    }
    *object = dump.object;
    return true;
}

void coroutine_fn qmp_x_virtio_export_dump(const char *uuid,
                                           const char *filename, Error **errp)
{
    ERRP_GUARD();
    g_autoptr(pixman_image_t) image = NULL;
    g_autoptr(GByteArray) png = NULL;
    VirtIOExportObject object;
    QemuUUID parsed;

    if (qemu_uuid_parse(uuid, &parsed) < 0) {
        error_setg(errp, "'%s' is not a UUID", uuid);
        return;
    }
    if (!virtio_export_dump_lookup(&parsed, &object, errp)) {
        return;
    }
    image = virtio_export_dump_copy_image(&object, errp);
    virtio_export_object_close(&object);
    if (!image) {
        error_prepend(errp, "cannot dump the object with UUID %s: ", uuid);
        return;
    }
    png = png_encode(image, errp);
    if (png) {
        qemu_save_file(filename, png->data, png->len, errp);
    }
}
