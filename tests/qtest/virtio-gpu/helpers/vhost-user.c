/*
 * A vhost-user-gpu device and its process, beside the GPU that qgraph makes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "virtio-gpu/helpers/vhost-user.h"

#include <sys/wait.h>

#define SLOT 5

/* Time limit: with sanitizers, the process looks for leaks at its end */
#define END_US (60 * G_USEC_PER_SEC)

static pid_t child;
static int socket_of_qemu;

static const char *program(void)
{
    return g_getenv("QTEST_VHOST_USER_GPU_BINARY");
}

bool vhost_user_gpu_missing(void)
{
    if (child) {
        return false;
    }
    g_test_skip("QTEST_VHOST_USER_GPU_BINARY is not set");
    return true;
}

static void run_child(int sock, const char *option)
{
    g_autofree char *fd = g_strdup_printf("--fd=%d", sock);

    execl(program(), program(), fd, option, NULL);
    _exit(127);
}

/* The process must exit, without error, when its socket is closed */
static void end_child(gpointer unused)
{
    gint64 start = g_get_monotonic_time();
    int status = 0;

    shutdown(socket_of_qemu, SHUT_RDWR);
    close(socket_of_qemu);
    while (child && waitpid(child, &status, WNOHANG) == 0) {
        g_assert_cmpint(g_get_monotonic_time() - start, <, END_US);
        g_usleep(1000);
    }
    child = 0;
    g_assert_cmpint(status, ==, 0);
}

/* @option: further option of vhost-user-gpu, or NULL */
static void add_device(GString *cmd_line, const char *option)
{
    int sv[2];

    if (!program()) {
        return;
    }
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        close(sv[0]);
        run_child(sv[1], option);
    }
    close(sv[1]);
    socket_of_qemu = sv[0];
    g_test_queue_destroy(end_child, &child);
    /*
     * use a new id each time, because qos-test reuses a QEMU with the same
     * command line; pseries needs this much memory
     */
    g_string_append_printf(cmd_line,
                           " -m 256M -machine memory-backend=shared"
                           " -object memory-backend-memfd,id=shared,size=256M,"
                           "share=on -chardev socket,id=gpu%d,fd=%d"
                           " -device vhost-user-gpu-pci,id=gpu1,addr="
                           stringify(SLOT) ",chardev=gpu%d ",
                           child, socket_of_qemu, child);
}

void *vhost_user_gpu_before(GString *cmd_line, void *arg)
{
    add_device(cmd_line, NULL);
    return arg;
}

void *vhost_user_gpu_virgl_before(GString *cmd_line, void *arg)
{
    add_device(cmd_line, "--virgl");
    return arg;
}

QVirtioGPU *vhost_user_gpu_start(QVirtioGPUPCI *beside,
                                 QGuestAllocator *alloc)
{
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SLOT, 0) };
    QVirtioGPUPCI *pci = qvirtio_gpu_pci_new(beside->pci_vdev.pdev->bus,
                                             &addr, alloc);

    qos_object_queue_destroy(&pci->pci_vdev.obj);
    qos_object_start_hw(&pci->pci_vdev.obj);
    return &pci->gpu;
}

pid_t vhost_user_gpu_pid(void)
{
    return child;
}

void vhost_user_gpu_kill(void)
{
    g_assert_cmpint(kill(child, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    child = 0;
}
