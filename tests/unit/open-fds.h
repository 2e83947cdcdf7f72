/*
 * Count the file descriptors of a unit test's process
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_UNIT_OPEN_FDS_H
#define TESTS_UNIT_OPEN_FDS_H

/**
 * open_fds() - Count the open file descriptors
 *
 * Return: number of open descriptors, including the one used to count them.
 */
static inline unsigned int open_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned int num = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir)) {
        num++;
    }
    return num;
}

#endif
