/*
 * File descriptors, mappings and memory of another process
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-export/process-fds.h"

static bool is_named(const char *link, const char *name)
{
    g_autofree char *file = g_file_read_link(link, NULL);

    return file && strstr(file, name);
}

/* If @name is NULL, all descriptors count */
static unsigned int count_fds(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    unsigned int num = 0;
    const char *fd;

    g_assert_nonnull(dir);
    while ((fd = g_dir_read_name(dir))) {
        g_autofree char *link = g_build_filename(path, fd, NULL);

        num += !name || is_named(link, name);
    }
    return num;
}

unsigned int process_fds_count(pid_t pid)
{
    return count_fds(pid, NULL);
}

unsigned int process_fds_named(pid_t pid, const char *name)
{
    return count_fds(pid, name);
}

int process_fds_open(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *entry;
    int fd = -1;

    g_assert_nonnull(dir);
    while (fd < 0 && (entry = g_dir_read_name(dir))) {
        g_autofree char *link = g_build_filename(path, entry, NULL);

        if (is_named(link, name)) {
            fd = open(link, O_RDWR | O_CLOEXEC);
        }
    }
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

unsigned int process_fds_settled(QTestState *qts)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'query-status' }");
    return process_fds_count(qtest_pid(qts));
}

/* Return: content of the process's file in /proc, to be freed by the caller */
static char *read_proc(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);
    char *text;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

uint64_t process_anon_bytes(pid_t pid)
{
    g_autofree char *status = read_proc(pid, "status");
    const char *line = strstr(status, "\nRssAnon:");

    g_assert_nonnull(line);
    return g_ascii_strtoull(strchr(line, ':') + 1, NULL, 10) * 1024;
}

unsigned int process_count_mapped(pid_t pid, const char *name)
{
    g_autofree char *maps = read_proc(pid, "maps");
    const char *found = maps;
    unsigned int num = 0;

    while ((found = strstr(found, name))) {
        num++;
        found++;
    }
    return num;
}

static bool is_open(pid_t pid, unsigned int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/%u", pid, fd);
    struct stat st;

    return lstat(path, &st) == 0;
}

struct rlimit process_fds_limit(pid_t pid, unsigned int num)
{
    struct rlimit old, limit;

    g_assert_cmpint(prlimit(pid, RLIMIT_NOFILE, NULL, &old), ==, 0);
    limit = (struct rlimit) { .rlim_cur = num, .rlim_max = old.rlim_max };
    g_assert_cmpint(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), ==, 0);
    return old;
}

struct rlimit process_fds_exhaust(pid_t pid)
{
    unsigned int fd = 0;

    while (is_open(pid, fd)) {
        fd++;
    }
    return process_fds_limit(pid, fd);
}

void process_fds_restore(pid_t pid, struct rlimit old)
{
    g_assert_cmpint(prlimit(pid, RLIMIT_NOFILE, &old, NULL), ==, 0);
}
