/*
 * Library to preload into QEMU: the host fails to give random bytes for a UUID
 *
 * Only UUIDs are drawn 16 bytes at a time.  A QEMU that is built with GnuTLS,
 * as in distributions, draws them from GnuTLS.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t getrandom(void *buffer, size_t length, unsigned int flags)
{
    if (length == 16) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_getrandom, buffer, length, flags);
}

int gnutls_rnd(int level, void *data, size_t length)
{
    return getrandom(data, length, 0) == (ssize_t)length
           ? 0 : -206; /* GNUTLS_E_RANDOM_FAILED */
}
