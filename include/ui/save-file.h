/*
 * Files that QEMU writes for a monitor command
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_SAVE_FILE_H
#define UI_SAVE_FILE_H

/**
 * qemu_save_file() - Write a file, or replace the content of a file
 * @filename: a file, which need not exist, a device, or a set of descriptors
 *            (``/dev/fdset/N``) of either
 * @bytes: the new content
 * @len: number of @bytes
 * @errp: set on failure
 *
 * Never waits for another process: if @filename is neither a file nor a device,
 * for example a pipe, it is rejected.  If there is no space for @bytes, a file
 * that this function has created is removed, and an existing file keeps its old
 * content if its file system can reserve space.
 *
 * Return: false with @errp set on failure
 */
bool qemu_save_file(const char *filename, const void *bytes, size_t len,
                    Error **errp);

#endif
