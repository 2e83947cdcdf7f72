/*
 * A guest that uses vhost-user devices whose back-ends are other programs
 *
 * QTEST_BACKEND is the command of a back-end that listens at the socket
 * "back-end" in the current folder.  selftest/third-parties compares what two
 * QEMUs and a back-end send to each other in these cases.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "libqos/libqos-pc.h"
#include "libqos/malloc-pc.h"
#include "libqos/pci-pc.h"
#include "libqos/virtio-pci.h"
#include "libqtest.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/fuse.h"
#include "standard-headers/linux/virtio_blk.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_gpu.h"
#include "standard-headers/linux/virtio_net.h"
#include "standard-headers/linux/virtio_pci.h"
#include "virtio-export/program.h"

#define SOCKET      "back-end"
#define MAC         "52:54:00:12:34:56"
#define FRAME_SIZE  114
#define BUFFER_SIZE 4096
#define SECTOR      512
#define QUEUES      2
#define DEVFN       QPCI_DEVFN(4, 0)
#define TIME_LIMIT_S 120

typedef struct Guest {
    char *folder;
    GPid backend;
    int input;      /* standard input of the back-end, which must not end */
    QOSState qos;
    QVirtioPCIDevice *dev;
    QVirtQueue *vq[QUEUES];
} Guest;

/*
 * A device: its name in the paths of cases, QEMU's options for it, its queues,
 * what the driver accepts, and a function that uses it
 */
typedef struct Device {
    const char *name, *options;
    unsigned queues;
    uint64_t features;
    void (*use)(Guest *guest);
    bool reconnects, restarts;
} Device;

/* What it prints is not part of the test's output */
static void set_up_backend(gpointer unused)
{
    program_setup(NULL);
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

static void start_backend(Guest *guest)
{
    g_auto(GStrv) argv = g_strsplit(g_getenv("QTEST_BACKEND"), " ", -1);

    g_assert_true(g_spawn_async_with_pipes(
        NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, set_up_backend, NULL,
        &guest->backend, &guest->input, NULL, NULL, NULL));
    program_wait(guest->backend, SOCKET);
}

static void end_backend(Guest *guest)
{
    program_end(guest->backend);
    close(guest->input);
    g_unlink(SOCKET);
}

/* Begin to drive the device, of which no queue is ready */
static void probe(Guest *guest, uint64_t features)
{
    QPCIAddress addr = { .devfn = DEVFN };
    QVirtioDevice *vdev;

    pc_alloc_init(&guest->qos.alloc, guest->qos.qts, ALLOC_NO_FLAGS);
    guest->qos.pcibus = qpci_new_pc(guest->qos.qts, &guest->qos.alloc);
    guest->dev = virtio_pci_new(guest->qos.pcibus, &addr);
    g_assert_nonnull(guest->dev);
    qvirtio_pci_device_enable(guest->dev);
    vdev = &guest->dev->vdev;
    qvirtio_start_device(vdev);
    qvirtio_set_features(vdev, qvirtio_get_features(vdev) &
                         (1ull << VIRTIO_F_VERSION_1 | features));
}

static void start(Guest *guest, const Device *device)
{
    QVirtioDevice *vdev;

    probe(guest, device->features);
    vdev = &guest->dev->vdev;
    for (unsigned i = 0; i < device->queues; i++) {
        guest->vq[i] = qvirtqueue_setup(vdev, &guest->qos.alloc, i);
    }
    qvirtio_set_driver_ok(vdev);
}

/* Forget the device, which may still run */
static void forget(Guest *guest)
{
    for (int i = 0; i < QUEUES; i++) {
        if (guest->vq[i]) {
            qvirtqueue_cleanup(guest->dev->vdev.bus, guest->vq[i],
                               &guest->qos.alloc);
            guest->vq[i] = NULL;
        }
    }
    qvirtio_pci_device_disable(guest->dev);
    g_free(guest->dev->pdev);
    g_free(guest->dev);
    qpci_free_pc(guest->qos.pcibus);
    alloc_destroy(&guest->qos.alloc);
}

/* Add a chain of one or two buffers.  Return: the head of the chain */
static uint32_t add(Guest *guest, int queue, const void *data, size_t size,
                    size_t room, uint64_t *reply)
{
    QTestState *qts = guest->qos.qts;
    QVirtQueue *vq = guest->vq[queue];
    uint64_t addr = guest_alloc(&guest->qos.alloc, size + room);
    uint32_t head = vq->free_head;

    qtest_memwrite(qts, addr, data, size);
    *reply = addr + size;
    if (size) {
        qvirtqueue_add(qts, vq, addr, size, false, room);
    }
    if (room) {
        qvirtqueue_add(qts, vq, *reply, room, true, false);
    }
    return head;
}

static void kick(Guest *guest, int queue, uint32_t head)
{
    qvirtqueue_kick(guest->qos.qts, &guest->dev->vdev, guest->vq[queue], head);
}

static bool is_used(Guest *guest, int queue)
{
    return qvirtqueue_get_buf(guest->qos.qts, guest->vq[queue], NULL, NULL);
}

static void kick_and_wait(Guest *guest, int queue, uint32_t head)
{
    kick(guest, queue, head);
    while (!is_used(guest, queue)) {
        g_usleep(1000);
    }
}

static void request(Guest *guest, int queue, const void *data, size_t size,
                    void *reply, size_t room)
{
    uint64_t addr;
    uint32_t head = add(guest, queue, data, size, room, &addr);

    kick_and_wait(guest, queue, head);
    qtest_memread(guest->qos.qts, addr, reply, room);
}

/* Begin a session of FUSE */
static void use_fs(Guest *guest)
{
    struct {
        struct fuse_in_header header;
        struct fuse_init_in init;
    } in = {
        .header = { .len = cpu_to_le32(sizeof(in)),
                    .opcode = cpu_to_le32(FUSE_INIT),
                    .unique = cpu_to_le64(1),
                    .nodeid = cpu_to_le64(FUSE_ROOT_ID) },
        .init = { .major = cpu_to_le32(FUSE_KERNEL_VERSION),
                  .minor = cpu_to_le32(FUSE_KERNEL_MINOR_VERSION),
                  .max_readahead = cpu_to_le32(4096) },
    };
    struct {
        struct fuse_out_header header;
        struct fuse_init_out init;
    } out;

    request(guest, 1, &in, sizeof(in), &out, sizeof(out));
    g_assert_cmpint(out.header.error, ==, 0);
    g_assert_cmpuint(le64_to_cpu(out.header.unique), ==, 1);
    g_assert_cmpuint(le32_to_cpu(out.init.major), ==, FUSE_KERNEL_VERSION);
}

/* Send a frame, which comes back, until it is not dropped */
static void use_net(Guest *guest)
{
    const size_t header = sizeof(struct virtio_net_hdr_mrg_rxbuf);
    uint8_t sent[sizeof(struct virtio_net_hdr_mrg_rxbuf) + FRAME_SIZE] = { 0 };
    uint8_t received[BUFFER_SIZE];
    uint64_t buffer, unused;
    uint32_t head;

    for (int i = header; i < sizeof(sent); i++) {
        sent[i] = i;
    }
    kick(guest, 0, add(guest, 0, NULL, 0, sizeof(received), &buffer));
    head = add(guest, 1, sent, sizeof(sent), 0, &unused);
    while (!is_used(guest, 0)) {
        kick_and_wait(guest, 1, head);
        g_usleep(100 * 1000);
    }
    qtest_memread(guest->qos.qts, buffer, received, sizeof(received));
    g_assert_cmpmem(received + header, FRAME_SIZE, sent + header, FRAME_SIZE);
}

static void use_gpu(Guest *guest)
{
    struct virtio_gpu_ctrl_hdr in = {
        .type = cpu_to_le32(VIRTIO_GPU_CMD_GET_DISPLAY_INFO),
    };
    struct virtio_gpu_resp_display_info out;

    request(guest, 0, &in, sizeof(in), &out, sizeof(out));
    g_assert_cmphex(le32_to_cpu(out.hdr.type), ==,
                    VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
}

/* Look up an object that does not exist */
static void use_disk(Guest *guest)
{
    struct {
        struct virtio_blk_outhdr header;
        uint8_t uuid[SECTOR];
    } in = { { .type = cpu_to_le32(VIRTIO_BLK_T_OUT) }, { 1, 2, 3 } };
    uint8_t status;

    request(guest, 0, &in, sizeof(in), &status, sizeof(status));
    g_assert_cmpint(status, ==, VIRTIO_BLK_S_IOERR);
}

enum { DISK, FS, NET, GPU };

static const Device devices[] = {
    [DISK] = { "disk", "-device vhost-user-blk-pci,chardev=c,num-queues=1", 1,
               0, use_disk, .restarts = true },
    [FS] = { "fs", "-device vhost-user-fs-pci,chardev=c,tag=here", 2, 0, use_fs,
             .restarts = true },
    [NET] = { "net", "-netdev vhost-user,id=net,chardev=c"
              " -device virtio-net-pci,netdev=net,mac=" MAC, 2,
              1ull << VIRTIO_NET_F_MRG_RXBUF, use_net, .reconnects = true,
              .restarts = true },
    /* unmodified vhost-user-gpu does not survive a second start */
    [GPU] = { "gpu", "-device vhost-user-gpu-pci,chardev=c", 2, 0, use_gpu },
};

static void migrate_to_nowhere(QTestState *qts)
{
    bool completed = false;

    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate', 'arguments':"
                             " { 'uri': 'exec:cat >/dev/null' } }");
    while (!completed) {
        QDict *info = qtest_qmp_assert_success_ref(
            qts, "{ 'execute': 'query-migrate' }");
        const char *status = qdict_get_try_str(info, "status");

        g_assert_cmpstr(status, !=, "failed");
        completed = !g_strcmp0(status, "completed");
        qobject_unref(info);
    }
}

static void restart_and_reset(Guest *guest, const Device *device)
{
    QTestState *qts = guest->qos.qts;

    qtest_qmp_assert_success(qts, "{ 'execute': 'stop' }");
    qtest_qmp_assert_success(qts, "{ 'execute': 'cont' }");
    device->use(guest);
    forget(guest);
    qtest_qmp_assert_success(qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(qts, "RESET");
    start(guest, device);
    device->use(guest);
}

/* The current folder becomes a new one */
static void boot(Guest *guest, const Device *device)
{
    alarm(TIME_LIMIT_S);
    guest->folder = g_dir_make_tmp("program-XXXXXX", NULL);
    g_assert_nonnull(guest->folder);
    g_assert_cmpint(g_chdir(guest->folder), ==, 0);
    start_backend(guest);
    guest->qos.qts = qtest_initf(
        "-m 64M -nodefaults -machine pc,memory-backend=mem"
        " -object memory-backend-memfd,id=mem,size=64M,share=on"
        " -chardev socket,id=c,path=" SOCKET "%s %s,addr=4",
        device->reconnects ? ",reconnect-ms=100" : "", device->options);
}

/* Remove the current folder, where programs leave files of their own */
static void remove_folder(Guest *guest)
{
    g_autoptr(GDir) dir = g_dir_open(".", 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_unlink(name);
    }
    g_assert_cmpint(g_chdir("/"), ==, 0);
    g_assert_cmpint(g_rmdir(guest->folder), ==, 0);
    g_free(guest->folder);
}

static void halt(Guest *guest)
{
    g_assert_cmpint(waitpid(guest->backend, NULL, WNOHANG), ==, 0);
    qtest_qmp_assert_success(guest->qos.qts, "{ 'execute': 'quit' }");
    qtest_wait_qemu(guest->qos.qts);    /* which a tracer may run */
    qtest_quit(guest->qos.qts);
    end_backend(guest);
    remove_folder(guest);
    alarm(0);
}

static void use_until_the_end(const void *data)
{
    const Device *device = data;
    Guest guest = { 0 };

    boot(&guest, device);
    start(&guest, device);
    device->use(&guest);
    if (device->restarts) {
        restart_and_reset(&guest, device);
        if (device->reconnects) {
            end_backend(&guest);
            start_backend(&guest);
            device->use(&guest);
        }
        migrate_to_nowhere(guest.qos.qts);
    }
    forget(&guest);
    halt(&guest);
}

/*
 * A queue whose used ring is its available ring: each used request makes
 * another one available.  The back-end must reply to QEMU nevertheless.
 */
static void endless_queue(void)
{
    struct virtio_blk_outhdr in = { .type = cpu_to_le32(VIRTIO_BLK_T_IN) };
    Guest guest = { 0 };
    QVirtioPCIDevice *dev;
    uint64_t unused;
    QTestState *qts;
    QVirtQueue *vq;

    boot(&guest, &devices[DISK]);
    qts = guest.qos.qts;
    probe(&guest, 0);
    dev = guest.dev;
    vq = guest.vq[0] = qvirtqueue_setup(&dev->vdev, &guest.qos.alloc, 0);
    add(&guest, 0, &in, sizeof(in), 1, &unused);
    qtest_writew(qts, vq->avail + 2, 8);
    vq->used = vq->avail;
    dev->vdev.bus->set_queue_address(&dev->vdev, vq);
    qpci_io_writew(dev->pdev, dev->bar, dev->common_cfg_offset +
                   offsetof(struct virtio_pci_common_cfg, queue_enable), 1);
    qvirtio_set_driver_ok(&dev->vdev);
    dev->vdev.bus->virtqueue_kick(&dev->vdev, vq);
    while (qtest_readw(qts, vq->avail + 2) == 8) {
        g_usleep(1000);     /* until the back-end uses requests */
    }
    for (int i = 0; i < 3; i++) {
        qtest_qmp_assert_success(qts, "{ 'execute': 'stop' }");
        qtest_qmp_assert_success(qts, "{ 'execute': 'cont' }");
    }
    forget(&guest);
    halt(&guest);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    if (g_getenv("QTEST_BACKEND")) {
        for (int i = 0; i < ARRAY_SIZE(devices); i++) {
            g_autofree char *name = g_strconcat("/vhost-user/program/",
                                                devices[i].name, NULL);

            qtest_add_data_func(name, &devices[i], use_until_the_end);
        }
        qtest_add_func("/vhost-user/program/endless-queue", endless_queue);
    }
    return g_test_run();
}
