/*
 * Files that QEMU writes because somebody has asked for them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_SAVE_FILE_H
#define UI_SAVE_FILE_H

/**
 * qemu_save_file() - Let a file have these bytes and no others
 * @filename: a file, new or old, a device, or a set of descriptors
 *            (``/dev/fdset/N``) of either
 * @bytes: what to write
 * @len: how much that is
 * @errp: set on failure
 *
 * Nobody is waited for: what is no file and no device is refused, as a pipe is.
 * If there is no room for @bytes, a new file is removed, and an old one still
 * has what it had, where its file system can reserve room.
 *
 * Return: false with @errp set on failure
 */
bool qemu_save_file(const char *filename, const void *bytes, size_t len,
                    Error **errp);

#endif
