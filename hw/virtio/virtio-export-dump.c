/*
 * The image in an exported object, as PNG
 *
 * What a vhost-user back-end hands out is not trusted: memory that can shrink
 * is not mapped, and nothing is read that might keep the reader waiting.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-export.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-virtio.h"
#include "qemu/bitops.h"
#include "qemu/memfd.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/qemu-pixman.h"

#include <linux/dma-buf.h>
#include <sys/ioctl.h>

/* The coordinates of pixman_image_composite() are int16_t */
#define MAX_EXTENT INT16_MAX

/*
 * Guests may show an image in any of those that qemu_drm_format_to_pixman()
 * knows, displays take no others.  The rest of virtio-gpu's are for files only.
 */
static pixman_format_code_t format_to_pixman(uint32_t fourcc)
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

static uint64_t row_bytes(const VirtIOExportObject *object)
{
    uint32_t bits = PIXMAN_FORMAT_BPP(format_to_pixman(object->fourcc));

    return (uint64_t)object->width * bits / BITS_PER_BYTE;
}

static bool check_layout(const VirtIOExportObject *object, Error **errp)
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
               !format_to_pixman(object->fourcc)) {
        error_setg(errp, "an image of the format %s in %" PRIu32 " plane%s "
                   "cannot be written as PNG", format, object->num_planes,
                   object->num_planes == 1 ? "" : "s");
    } else if (object->modifier != DRM_FORMAT_MOD_LINEAR) {
        error_setg(errp, "its image is not known to be linear: its modifier "
                   "is 0x%" PRIx64, object->modifier);
    } else if (object->strides[0] < row_bytes(object)) {
        error_setg(errp, "the rows of its image overlap");
    } else {
        return true;
    }
    return false;
}

/* Return: the end of the image in the memory */
static uint64_t image_end(const VirtIOExportObject *object)
{
    return object->offsets[0] + row_bytes(object) +
           (uint64_t)object->strides[0] * (object->height - 1);
}

/* Return: where a row of the picture is, counted from its top */
static uint64_t row_start(const VirtIOExportObject *object, uint32_t y)
{
    uint32_t row = object->bottom_up ? object->height - 1 - y : y;

    return object->offsets[0] + (uint64_t)object->strides[0] * row;
}

static uint8_t *image_row(pixman_image_t *image, uint32_t y)
{
    return (uint8_t *)pixman_image_get_data(image) +
           (size_t)pixman_image_get_stride(image) * y;
}

/* Memory of a file that the kernel alone keeps: no read of it has to wait */
static bool read_memfd(const VirtIOExportObject *object, pixman_image_t *image,
                       Error **errp)
{
    size_t bytes = row_bytes(object);

    for (uint32_t y = 0; y < object->height; y++) {
        ssize_t got = RETRY_ON_EINTR(pread(object->fd, image_row(image, y),
                                           bytes, row_start(object, y)));

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

static void sync_dmabuf(int fd, uint64_t flags)
{
    struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_READ };
    int ret;

    /* Without it the picture may be of a moment ago. */
    do {
        ret = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
    } while (ret < 0 && (errno == EINTR || errno == EAGAIN));
}

/* The size of a dma-buf never changes */
static bool read_dmabuf(const VirtIOExportObject *object,
                        pixman_image_t *image, Error **errp)
{
    off_t end = lseek(object->fd, 0, SEEK_END);
    size_t size = image_end(object);
    uint8_t *memory;

    if (end < 0 || end < image_end(object) || size != image_end(object)) {
        error_setg(errp, "its memory ends within the image");
        return false;
    }
    memory = mmap(NULL, size, PROT_READ, MAP_SHARED, object->fd, 0);
    if (memory == MAP_FAILED) {
        error_setg_errno(errp, errno, "its memory cannot be mapped");
        return false;
    }
    sync_dmabuf(object->fd, DMA_BUF_SYNC_START);
    for (uint32_t y = 0; y < object->height; y++) {
        memcpy(image_row(image, y), memory + row_start(object, y),
               row_bytes(object));
    }
    sync_dmabuf(object->fd, DMA_BUF_SYNC_END);
    munmap(memory, size);
    return true;
}

static bool read_pixels(const VirtIOExportObject *object,
                        pixman_image_t *image, Error **errp)
{
    if (fcntl(object->fd, F_GET_SEALS) >= 0) {
        return read_memfd(object, image, errp);
    }
    if (object->kind == VIRTIO_EXPORT_KIND_DMABUF) {
        return read_dmabuf(object, image, errp);
    }
    error_setg(errp, "its memory is neither a memfd nor known to be a dma-buf");
    return false;
}

/* Return: copy of the image, the caller's; NULL with @errp set */
static pixman_image_t *copy_image(const VirtIOExportObject *object,
                                  Error **errp)
{
    g_autoptr(pixman_image_t) image = NULL;

    if (!check_layout(object, errp)) {
        return NULL;
    }
    image = pixman_image_create_bits(format_to_pixman(object->fourcc),
                                     object->width, object->height, NULL, 0);
    if (!image) {
        error_setg(errp, "there is no memory for a copy of its image");
        return NULL;
    }
    return read_pixels(object, image, errp) ? g_steal_pointer(&image) : NULL;
}

static void save_image(pixman_image_t *image, const char *filename,
                       Error **errp)
{
    int fd = qemu_create(filename, O_WRONLY | O_TRUNC, 0666, errp);
    struct stat st;
    int copy;

    if (fd < 0) {
        return;
    }
    /* The descriptors of a set have a common position. */
    lseek(fd, 0, SEEK_SET);
    copy = qemu_dup(fd);    /* which png_save() closes */
    if (copy < 0) {
        error_setg_errno(errp, errno, "Could not duplicate a descriptor");
    }
    if ((copy < 0 || !png_save(copy, image, errp)) &&
        fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        qemu_unlink(filename);
    }
    qemu_close(fd);
}

void qmp_x_virtio_export_dump(const char *uuid, const char *filename,
                              Error **errp)
{
    ERRP_GUARD();
    g_autoptr(pixman_image_t) image = NULL;
    VirtIOExportObject object;
    QemuUUID parsed;

    if (qemu_uuid_parse(uuid, &parsed) < 0) {
        error_setg(errp, "'%s' is no UUID", uuid);
        return;
    }
    if (!virtio_export_lookup(&parsed, &object, errp)) {
        return;
    }
    image = copy_image(&object, errp);
    virtio_export_object_close(&object);
    if (!image) {
        error_prepend(errp, "cannot dump the object with UUID %s: ", uuid);
        return;
    }
    save_image(image, filename, errp);
}
