/*
 * The memory of an object that another device shares
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/dma-buf.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include "qapi/error.h"
#include "shared-object.h"

static bool dmabuf_sync(int fd, uint64_t flags)
{
    struct dma_buf_sync sync = { .flags = flags };
    int ret;

    do {
        ret = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
    } while (ret < 0 && (errno == EINTR || errno == EAGAIN));
    return ret == 0;
}

/* A process can fake the results of ioctls, but not the file system's type */
static unsigned long file_system_type(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 ? fs.f_type : 0;
}

/* Despite seals, huge pages can be freed, and the host may have none left */
static bool check_memfd(int fd, int seals, Error **errp)
{
    if (!(seals & F_SEAL_SHRINK)) {
        error_setg(errp, "the memfd is not sealed against shrinking");
        return false;
    }
    if (file_system_type(fd) == HUGETLBFS_MAGIC) {
        error_setg(errp, "the memfd has huge pages");
        return false;
    }
    return true;
}

static bool find_kind(SharedObject *obj, Error **errp)
{
    int mode = fcntl(obj->fd, F_GETFL);
    int seals = fcntl(obj->fd, F_GET_SEALS);

    obj->writable = mode >= 0 && (mode & O_ACCMODE) == O_RDWR;
    if (seals < 0) {
        obj->kind = "dma-buf";
        obj->is_dmabuf = file_system_type(obj->fd) == DMA_BUF_MAGIC;
        if (!obj->is_dmabuf) {
            error_setg(errp, "the descriptor is neither a memfd nor a dma-buf");
        }
        return obj->is_dmabuf;
    }
    obj->kind = "memfd";
    if (!check_memfd(obj->fd, seals, errp)) {
        return false;
    }
    if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
        obj->writable = false;
    }
    return true;
}

static bool find_size(SharedObject *obj, Error **errp)
{
    struct stat st;
    off_t size;

    if (obj->is_dmabuf) {
        size = lseek(obj->fd, 0, SEEK_END);
    } else {
        size = fstat(obj->fd, &st) ? -1 : st.st_size;
    }
    if (size < 0) {
        error_setg_errno(errp, errno, "cannot determine the size");
        return false;
    }
    if (size == 0 || (uint64_t)size > SIZE_MAX) {
        error_setg(errp, "cannot map %" PRId64 " bytes", (int64_t)size);
        return false;
    }
    obj->size = size;
    return true;
}

bool shared_object_map(SharedObject *obj, int fd, bool read_only,
                       Error **errp)
{
    int prot = PROT_READ;
    void *data;

    *obj = (SharedObject) { .fd = fd };
    if (!find_kind(obj, errp) || !find_size(obj, errp)) {
        goto fail;
    }
    if (read_only) {
        obj->writable = false;
    }
    if (obj->writable) {
        prot |= PROT_WRITE;
    }
    data = mmap(NULL, obj->size, prot, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot map the %s", obj->kind);
        goto fail;
    }
    obj->data = data;
    return true;

fail:
    close(fd);
    *obj = (SharedObject) { .fd = -1 };
    return false;
}

void shared_object_unmap(SharedObject *obj)
{
    if (obj->data) {
        munmap(obj->data, obj->size);
        close(obj->fd);
    }
    *obj = (SharedObject) { .fd = -1 };
}

bool shared_object_covers(const SharedObject *obj, uint64_t offset,
                          uint64_t bytes)
{
    return obj->data && offset <= obj->size && bytes <= obj->size - offset;
}

static uint64_t sync_direction(bool write)
{
    return write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ;
}

bool shared_object_begin(SharedObject *obj, bool write)
{
    if (write && !obj->writable) {
        return false;
    }
    return !obj->is_dmabuf ||
           dmabuf_sync(obj->fd, DMA_BUF_SYNC_START | sync_direction(write));
}

void shared_object_end(SharedObject *obj, bool write)
{
    if (obj->is_dmabuf) {
        dmabuf_sync(obj->fd, DMA_BUF_SYNC_END | sync_direction(write));
    }
}
