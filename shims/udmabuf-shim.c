/*
 * Library to preload into a test: /dev/udmabuf can be opened without udmabuf
 *
 * QEMU opens /dev/udmabuf before it accepts blob=on.  The library opens
 * /dev/null instead; making a dma-buf with it fails, as it may on any host.  If
 * UDMABUF_MAKES_MEMFDS is in the environment, a request for a dma-buf returns
 * the memfd itself.  Mesa works with the memfd, because it maps all of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define NEXT(function) ((__typeof__(function) *)dlsym(RTLD_NEXT, #function))

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    if (flags & (O_CREAT | O_TMPFILE)) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return NEXT(open64)(strcmp(path, "/dev/udmabuf") ? path : "/dev/null",
                        flags, mode);
}

/* The memfd of a request for a dma-buf, or -1 */
static int memfd_of(unsigned long request, const void *arg)
{
    const struct udmabuf_create_list *list = arg;

    if (request == UDMABUF_CREATE) {
        return ((const struct udmabuf_create *)arg)->memfd;
    } else if (request == UDMABUF_CREATE_LIST && list->count) {
        return list->list->memfd;
    }
    return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
    char path[64];
    va_list args;
    void *arg;
    int memfd;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    memfd = getenv("UDMABUF_MAKES_MEMFDS") ? memfd_of(request, arg) : -1;
    if (memfd >= 0) {
        /* a dma-buf has an open file description of its own, too */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
        return open(path, O_RDWR | O_CLOEXEC);
    }
    return NEXT(ioctl)(fd, request, arg);
}
