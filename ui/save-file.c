/*
 * Files that QEMU writes for a monitor command
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/save-file.h"

#ifdef O_NONBLOCK
#define SAVE_FLAGS  (O_WRONLY | O_BINARY | O_NONBLOCK)
#else
#define SAVE_FLAGS  (O_WRONLY | O_BINARY)
#endif

static void save_file_reject(const char *filename, Error **errp)
{
    error_setg(errp, "'%s' is neither a file nor a device", filename);
}

/* Return: descriptor of the file, content unchanged; -1 with @errp set */
static int save_file_open(const char *filename, bool *is_new, Error **errp)
{
    int fd = qemu_open(filename, SAVE_FLAGS, NULL);

    *is_new = false;
    if (fd < 0 && errno == ENOENT) {
        fd = qemu_create(filename, SAVE_FLAGS | O_EXCL, 0666, NULL);
        *is_new = fd >= 0;
    }
    if (fd < 0 && errno == ENXIO) {
        save_file_reject(filename, errp);   /* a pipe without a reader */
        return -1;
    }
    /* A symbolic link without a target; in other cases this sets @errp */
    return fd < 0 ? qemu_create(filename, SAVE_FLAGS, 0666, errp) : fd;
}

/* The file keeps its content if this fails */
static bool save_file_reserve(int fd, const struct stat *st, size_t len)
{
#ifdef CONFIG_FALLOCATE
    if (S_ISREG(st->st_mode) && fallocate(fd, 0, 0, len) < 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
        int error = errno;

        if (ftruncate(fd, st->st_size) == 0) {
            errno = error;
        }
        return false;
    }
#endif
    return true;
}

static bool save_file_write(int fd, const struct stat *st, const void *bytes,
                            size_t len)
{
    if (!save_file_reserve(fd, st, len)) {
        return false;
    }
    /* All descriptors of an fdset share one file position */
    lseek(fd, 0, SEEK_SET);
    return qemu_write_full(fd, bytes, len) == len &&
           (!S_ISREG(st->st_mode) || ftruncate(fd, len) == 0);
}

bool qemu_save_file(const char *filename, const void *bytes, size_t len,
                    Error **errp)
{
    bool is_new, saved = false;
    int fd = save_file_open(filename, &is_new, errp);
    struct stat st;

    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode) ||
                                S_ISBLK(st.st_mode))) {
        save_file_reject(filename, errp);
        qemu_close(fd);
        return false;
    }
    saved = save_file_write(fd, &st, bytes, len);
    if (!saved) {
        error_setg_errno(errp, errno, "Could not write '%s'", filename);
    }
    if (qemu_close(fd) < 0 && saved) {
        error_setg_errno(errp, errno, "Could not write '%s'", filename);
        saved = false;
    }
    if (!saved && is_new) {
        qemu_unlink(filename);
    }
    return saved;
}
