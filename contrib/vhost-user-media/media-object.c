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
#include "media-object.h"

static bool synchronise(int fd, uint64_t flags)
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
static bool is_safe(int fd, int seals)
{
    unsigned long type = file_system_type(fd);

    return seals < 0 ? type == DMA_BUF_MAGIC
                     : seals & F_SEAL_SHRINK && type != HUGETLBFS_MAGIC;
}

static bool can_be_read(int fd)
{
    int mode = fcntl(fd, F_GETFL);

    return mode >= 0 && ((mode & O_ACCMODE) == O_RDONLY ||
                         (mode & O_ACCMODE) == O_RDWR);
}

bool media_object_open(MediaObject *object, int fd, const MediaLayout *layout)
{
    int seals = fcntl(fd, F_GET_SEALS);
    off_t size = is_safe(fd, seals) && can_be_read(fd) ? lseek(fd, 0, SEEK_END)
                                                       : -1;

    if (size <= 0) {
        close(fd);
        *object = (MediaObject) { .fd = -1 };
        return false;
    }
    *object = (MediaObject) {
        .fd = fd, .size = size, .is_dmabuf = seals < 0, .layout = *layout,
    };
    return true;
}

/* Fails if the file descriptor or a seal does not allow writing */
bool media_object_map(MediaObject *object)
{
    void *map;

    if (!object->map) {
        map = mmap(NULL, object->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                   object->fd, 0);
        object->map = map == MAP_FAILED ? NULL : map;
    }
    return object->map;
}

bool media_object_begin(const MediaObject *object)
{
    return !object->is_dmabuf ||
           synchronise(object->fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
}

bool media_object_end(const MediaObject *object)
{
    return !object->is_dmabuf ||
           synchronise(object->fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

void media_object_close(MediaObject *object)
{
    if (object->map) {
        munmap(object->map, object->size);
    }
    if (object->fd >= 0) {
        close(object->fd);
    }
    *object = (MediaObject) { .fd = -1 };
}
