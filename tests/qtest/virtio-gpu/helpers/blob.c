/*
 * Helpers for the tests of virtio-gpu's blob resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/linux/udmabuf.h"
#include "virtio-gpu/helpers/blob.h"

#include <sys/ioctl.h>

#define UDMABUF     "/dev/udmabuf"

static bool have_udmabuf(void)
{
    int fd = open(UDMABUF, O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* Never freed, because qgraph keeps the pointer */
const char *blob_device_opts(const char *more)
{
    g_autofree char *opts = g_strconcat("blob=on",
                                        *more ? "," : "", more, NULL);

    return have_udmabuf() ? g_intern_string(opts) : more;
}

bool blobs_missing(void)
{
    if (have_udmabuf()) {
        return false;
    }
    g_test_skip("blob=on needs " UDMABUF);
    return true;
}

bool blob_dmabufs(void)
{
    struct udmabuf_create nothing = { .memfd = -1 };
    int fd = open(UDMABUF, O_RDWR | O_CLOEXEC);
    bool is_udmabuf;

    if (fd < 0) {
        return false;
    }
    is_udmabuf = ioctl(fd, UDMABUF_CREATE, &nothing) < 0 && errno != ENOTTY;
    close(fd);
    return is_udmabuf;
}

void *blob_before(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, " " BLOB_MEMFD " ");
    return arg;
}
