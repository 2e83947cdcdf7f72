/*
 * A vhost-user back-end that is another program
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#ifdef CONFIG_LINUX
#include <sys/prctl.h>
#endif
#include "virtio-export/process-fds.h"
#include "virtio-export/program.h"

#define ACCEPTS_CONNECTIONS 0x10000

void program_setup(gpointer unused)
{
#ifdef CONFIG_LINUX
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

/* A socket has a path before its program listens; others may have that path */
static bool listens(GPid pid, const char *path)
{
    g_autofree char *table = NULL;
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_file_get_contents("/proc/net/unix", &table, NULL, NULL));
    lines = g_strsplit(table, "\n", -1);
    for (int i = 0; lines[i]; i++) {
        g_autofree char *socket = NULL;
        unsigned flags, inode;
        int place;

        if (sscanf(lines[i], "%*s %*s %*s %x %*s %*s %u %n", &flags, &inode,
                   &place) < 2 || flags != ACCEPTS_CONNECTIONS ||
            strcmp(lines[i] + place, path)) {
            continue;
        }
        socket = g_strdup_printf("socket:[%u]", inode);
        if (process_fds_named(pid, socket)) {
            return true;
        }
    }
    return false;
}

void program_wait(GPid pid, const char *path)
{
    while (!listens(pid, path)) {
        g_assert_cmpint(waitpid(pid, NULL, WNOHANG), ==, 0);
        g_usleep(1000);
    }
}

void program_end(GPid pid)
{
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}
