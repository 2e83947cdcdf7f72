/*
 * Library to preload into a test: /dev/udmabuf can be opened without udmabuf
 *
 * QEMU opens /dev/udmabuf before it accepts blob=on.  The library opens
 * /dev/null instead; making a dma-buf with it fails, as it may on any host.  If
 * UDMABUF_MAKES_MEMFDS is in the environment, a request for a dma-buf returns
 * the memfd itself.  That is enough for Mesa, which maps all of it.
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

typedef int OpenFunc(const char *path, int flags, ...);

int open64(const char *path, int flags, ...)
{
    OpenFunc *next = (OpenFunc *)dlsym(RTLD_NEXT, "open64");
    mode_t mode = 0;
    va_list args;

    if (flags & (O_CREAT | O_TMPFILE)) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return next(strcmp(path, "/dev/udmabuf") ? path : "/dev/null", flags,
                mode);
}

/* A new open file description of the memfd, as a dma-buf has its own */
static int open_again(int fd)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDWR | O_CLOEXEC);
}

int ioctl(int fd, unsigned long request, ...)
{
    typedef int IoctlFunc(int fd, unsigned long request, void *arg);
    IoctlFunc *next = (IoctlFunc *)dlsym(RTLD_NEXT, "ioctl");
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    if (getenv("UDMABUF_MAKES_MEMFDS")) {
        int memfd = -1, again;

        if (request == UDMABUF_CREATE) {
            memfd = ((struct udmabuf_create *)arg)->memfd;
        } else if (request == UDMABUF_CREATE_LIST &&
                   ((struct udmabuf_create_list *)arg)->count) {
            memfd = ((struct udmabuf_create_list *)arg)->list->memfd;
        }
        again = memfd < 0 ? -1 : open_again(memfd);
        if (again >= 0) {
            return again;
        }
    }
    return next(fd, request, arg);
}
