/*
 * Preloaded into a test, lets /dev/udmabuf be opened where there is none
 *
 * QEMU wants to open it before it takes blob=on.  What is opened is /dev/null:
 * to make a dma-buf with it fails, as it may on any host.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
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
