/*
 * Tests of qemu_save_file()
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/save-file.h"

#include <sys/resource.h>

#define OLD     "what was there before"
#define NEW     "new"
#define LARGE   (1024 * 1024)

static char *dir;

/* To be freed by the caller */
static char *name_in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static char *old_file(const char *name)
{
    char *path = name_in_dir(name);

    g_assert_true(g_file_set_contents(path, OLD, -1, NULL));
    return path;
}

static char *link_to(const char *target)
{
    char *path = name_in_dir("link");

    g_assert_cmpint(symlink(target, path), ==, 0);
    return path;
}

static void save(const char *path)
{
    qemu_save_file(path, NEW, strlen(NEW), &error_abort);
}

static void assert_has(const char *path, const char *text)
{
    g_autofree char *found = NULL;

    g_assert_true(g_file_get_contents(path, &found, NULL, NULL));
    g_assert_cmpstr(found, ==, text);
}

static void assert_is_link(const char *path)
{
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
}

static void assert_gone(const char *path)
{
    g_assert_cmpint(access(path, F_OK), ==, -1);
    g_assert_cmpint(errno, ==, ENOENT);
}

static void end(const char *path)
{
    g_assert_cmpint(unlink(path), ==, 0);
}

/* @reason: end of the error message, after the file name */
static void assert_not_saved(const char *path, size_t len, const char *before,
                             const char *reason)
{
    g_autofree char *expected = g_strdup_printf("%s'%s'%s", before, path,
                                                reason);
    g_autofree char *bytes = g_malloc0(len);
    Error *err = NULL;

    g_assert_false(qemu_save_file(path, bytes, len, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, expected);
    error_free(err);
}

static void new_file(void)
{
    g_autofree char *path = name_in_dir("new");

    save(path);
    assert_has(path, NEW);
    end(path);
}

static void shorter_than_before(void)
{
    g_autofree char *path = old_file("old");

    save(path);
    assert_has(path, NEW);
    end(path);
}

static void through_a_link(void)
{
    g_autofree char *path = old_file("old");
    g_autofree char *link = link_to("old");

    save(link);
    assert_is_link(link);
    assert_has(path, NEW);
    end(path);
    /* a link without a target */
    save(link);
    assert_is_link(link);
    assert_has(path, NEW);
    end(path);
    end(link);
}

/* Through a link, in case qemu_save_file() removes it */
static void device(void)
{
    g_autofree char *null = link_to("/dev/null");
    g_autofree char *full = NULL;

    save(null);
    end(null);
    full = link_to("/dev/full");
    assert_not_saved(full, 1, "Could not write ", ": No space left on device");
    assert_is_link(full);
    end(full);
}

/* Simulate a full disk with RLIMIT_FSIZE; the error is EFBIG, not ENOSPC */
static void limit_files(rlim_t limit)
{
    struct rlimit files;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &files), ==, 0);
    files.rlim_cur = limit;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &files), ==, 0);
}

static void assert_no_space(const char *path)
{
    struct rlimit files;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &files), ==, 0);
    limit_files(LARGE / 2);
    assert_not_saved(path, LARGE, "Could not write ", ": File too large");
    limit_files(files.rlim_cur);
}

static void no_space(void)
{
    g_autofree char *path = name_in_dir("new");
    g_autofree char *old = old_file("old");
    g_autofree char *link = link_to("old");

    assert_no_space(path);
    assert_gone(path);
    assert_no_space(old);
    assert_has(old, OLD);
    assert_no_space(link);
    assert_is_link(link);
    assert_has(old, OLD);
    end(old);
    end(link);
}

static void pipe_without_reader(void)
{
    g_autofree char *path = name_in_dir("pipe");

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    assert_not_saved(path, 1, "", " is neither a file nor a device");
    end(path);
}

static void pipe_with_reader(void)
{
    g_autofree char *path = name_in_dir("pipe");
    char byte;
    int fd;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = open(path, O_RDONLY | O_NONBLOCK);
    g_assert_cmpint(fd, >=, 0);
    assert_not_saved(path, 1, "", " is neither a file nor a device");
    g_assert_cmpint(read(fd, &byte, 1), ==, 0);
    close(fd);
    end(path);
}

static void no_folder(void)
{
    g_autofree char *path = name_in_dir("nowhere/file");

    assert_not_saved(path, 1, "Could not create ",
                     ": No such file or directory");
    assert_not_saved(dir, 1, "Could not create ", ": Is a directory");
}

int main(int argc, char **argv)
{
    int ret;

    signal(SIGXFSZ, SIG_IGN);
    dir = g_dir_make_tmp("test-save-file-XXXXXX", NULL);
    g_assert_nonnull(dir);

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/save-file/new", new_file);
    g_test_add_func("/save-file/shorter-than-before", shorter_than_before);
    g_test_add_func("/save-file/through-a-link", through_a_link);
    g_test_add_func("/save-file/device", device);
    g_test_add_func("/save-file/no-space", no_space);
    g_test_add_func("/save-file/pipe-without-reader", pipe_without_reader);
    g_test_add_func("/save-file/pipe-with-reader", pipe_with_reader);
    g_test_add_func("/save-file/no-folder", no_folder);
    ret = g_test_run();

    rmdir(dir);
    g_free(dir);
    return ret;
}
