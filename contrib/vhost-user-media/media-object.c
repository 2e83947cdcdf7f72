/*
 * The memory of an object that another device shares
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include "media-object.h"

/* Only a dma-buf can be synchronised */
static bool is_dmabuf(int fd)
{
    static const uint64_t flags[] = {
        DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ,
        DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ,
    };
    int ret = 0;

    for (int i = 0; i < ARRAY_SIZE(flags) && ret == 0; i++) {
        struct dma_buf_sync sync = { .flags = flags[i] };

        do {
            ret = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
        } while (ret < 0 && (errno == EINTR || errno == EAGAIN));
    }
    return ret == 0;
}

static bool can_be_read(int fd)
{
    int mode = fcntl(fd, F_GETFL);

    return mode >= 0 && (mode & O_ACCMODE) != O_WRONLY;
}

bool media_object_open(MediaObject *object, int fd, const MediaLayout *layout)
{
    int seals = fcntl(fd, F_GET_SEALS);
    bool safe = seals < 0 ? is_dmabuf(fd) : seals & F_SEAL_SHRINK;
    off_t size = safe && can_be_read(fd) ? lseek(fd, 0, SEEK_END) : -1;

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

void media_object_close(MediaObject *object)
{
    if (object->fd >= 0) {
        close(object->fd);
    }
    *object = (MediaObject) { .fd = -1 };
}
