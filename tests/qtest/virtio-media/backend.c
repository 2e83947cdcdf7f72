/*
 * A vhost-user-media device and its process, beside the GPU that qgraph makes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "libqtest.h"
#include "virtio-media/backend.h"

#define SLOT    6
#define WAIT_US (60 * G_USEC_PER_SEC)

static pid_t child;
static const char *direction;
static char *folder;
static char *elements;

static const char *program(void)
{
    return g_getenv("QTEST_VHOST_USER_MEDIA_BINARY");
}

bool media_backend_missing(void)
{
    if (child) {
        return false;
    }
    g_test_skip("QTEST_VHOST_USER_MEDIA_BINARY is not set");
    return true;
}

static char *path_of(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

/* Wait until QEMU listens, as it also does after a disconnect */
static int connect_to_qemu(void)
{
    g_autofree char *path = path_of("socket");
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    for (int i = 0; i < 60000; i++) {
        if (!connect(sock, (struct sockaddr *)&addr, sizeof(addr))) {
            return sock;
        }
        g_usleep(1000);
    }
    _exit(126);
}

static void run_child(void)
{
    g_autofree char *fd = g_strdup_printf("--fd=%d", connect_to_qemu());

    execl(program(), program(), fd, direction, "--card=" MEDIA_CARD,
          "--pipeline", elements, NULL);
    _exit(127);
}

static void start_child(void)
{
    child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        run_child();
    }
}

/* SIGTERM must end the process without an error */
static void end_child(gpointer unused)
{
    gint64 start = g_get_monotonic_time();
    g_autofree char *file = path_of("file");
    g_autofree char *sock = path_of("socket");
    int status = 0;

    if (child) {
        kill(child, SIGTERM);
    }
    while (child && waitpid(child, &status, WNOHANG) == 0) {
        g_assert_cmpint(g_get_monotonic_time() - start, <, WAIT_US);
        g_usleep(1000);
    }
    child = 0;
    g_assert_cmpint(status, ==, 0);
    g_unlink(file);
    g_unlink(sock);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_clear_pointer(&folder, g_free);
    g_clear_pointer(&elements, g_free);
}

static char *with_file(const char *pipeline)
{
    g_autofree char *file = path_of("file");
    g_auto(GStrv) parts = g_strsplit(pipeline, "@file", -1);

    return g_strjoinv(file, parts);
}

static void add_device(GString *cmd_line, const char *option,
                       const char *pipeline)
{
    if (!program()) {
        return;
    }
    direction = option;
    folder = g_dir_make_tmp("media-XXXXXX", NULL);
    g_assert_nonnull(folder);
    elements = with_file(pipeline);
    start_child();
    g_test_queue_destroy(end_child, &child);
    g_string_append_printf(cmd_line,
                           " -m 256M -machine memory-backend=shared"
                           " -object memory-backend-memfd,id=shared,size=256M,"
                           "share=on -chardev socket,id=media,path=%s/socket,"
                           "server=on,wait=on"
                           " -device vhost-user-media-pci,id=media1,addr="
                           stringify(SLOT) ",chardev=media ", folder);
}

void media_backend_before(GString *cmd_line, const char *pipeline)
{
    add_device(cmd_line, "--output", pipeline);
}

void media_backend_capture_before(GString *cmd_line, const char *pipeline)
{
    add_device(cmd_line, "--capture", pipeline);
}

QVirtioMedia *media_backend_start(QVirtioGPUPCI *beside,
                                  QGuestAllocator *alloc)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SLOT, 0) };
    QVirtioMedia *media = qvirtio_media_pci_new(beside->pci_vdev.pdev->bus,
                                                &addr, alloc);

    qvirtio_media_start(media);
    return media;
}

pid_t media_backend_pid(void)
{
    return child;
}

void media_backend_kill(void)
{
    g_assert_cmpint(kill(child, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    child = 0;
}

void media_backend_restart(void)
{
    start_child();
}

void media_backend_make_fifo(void)
{
    g_autofree char *path = path_of("file");

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
}

int media_backend_open_fifo(int flags)
{
    g_autofree char *path = path_of("file");
    int fd = open(path, flags);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

GByteArray *media_backend_file(size_t size)
{
    gint64 start = g_get_monotonic_time();
    g_autofree char *path = path_of("file");
    char *data = NULL;
    gsize len = 0;

    while (!g_file_get_contents(path, &data, &len, NULL) || len < size) {
        g_clear_pointer(&data, g_free);
        g_assert_cmpint(g_get_monotonic_time() - start, <, WAIT_US);
        g_usleep(1000);
    }
    return g_byte_array_new_take((guint8 *)data, len);
}

void media_backend_write_file(const void *data, size_t size)
{
    g_autofree char *path = path_of("file");

    g_assert_true(g_file_set_contents(path, data, size, NULL));
}
