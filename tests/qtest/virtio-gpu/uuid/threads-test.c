/*
 * QTest testcases for lookups and resets on threads other than the main loop's
 * thread: the thread of a running vCPU, and the migration thread
 *
 * Each round switches from the main loop's thread to the other thread and back,
 * so that ThreadSanitizer can compare the accesses of both.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-pci.h"
#include "qobject/qdict.h"
#include "hw/pci/pci.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_pci.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/migration.h"

#define ROUNDS      20
#define LOOK_UPS    20

/* PCI device ID of a transitional vhost-user-blk-pci */
#define BLK_DEVICE_ID   0x1001

#define VCPU_WAIT_US    (60 * G_USEC_PER_SEC)

/* A lookup that has not ended after this time is pending */
#define PENDING_MS      200

/* This reason is known without a call of GL, on any thread */
#define NO_EXPORT       "the display's GL cannot export textures"

/* The guest polls this for an address, or 0, and a byte to write there */
#define MAILBOX         0x1000

/* The guest's program replaces the BIOS, which ends at 4 GiB */
#define ROM_SIZE        (64 * KiB)
#define ROM_RESET       0xfff0

static const uint8_t rom_code[] = {
    0x2e, 0x66, 0x0f, 0x01, 0x16, 0x18, 0x00,       /* lgdtl %cs:0x18 */
    0x0f, 0x20, 0xc0,                               /* mov %cr0, %eax */
    0x0c, 0x01,                                     /* or $1, %al */
    0x0f, 0x22, 0xc0,                               /* mov %eax, %cr0 */
    0x66, 0xea, 0x38, 0x00, 0xff, 0xff, 0x08, 0x00, /* ljmpl 8:0xffff0038 */
    0x90,
    /* at 0x18: limit and address of what follows */
    0x17, 0x00, 0x20, 0x00, 0xff, 0xff, 0x00, 0x00,
    /* at 0x20: no segment; code and data, each all 4 GiB */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xcf, 0x00,
    0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00,
    /* at 0x38 */
    0x66, 0xb8, 0x10, 0x00,                         /* mov $0x10, %ax */
    0x8e, 0xd8,                                     /* mov %eax, %ds */
    0xbb, 0x00, 0x10, 0x00, 0x00,                   /* mov $MAILBOX, %ebx */
    0x8b, 0x3b,                                     /* 1: mov (%ebx), %edi */
    0x85, 0xff,                                     /* test %edi, %edi */
    0x74, 0xfa,                                     /* jz 1b */
    0x8a, 0x43, 0x04,                               /* mov 4(%ebx), %al */
    0x88, 0x07,                                     /* mov %al, (%edi) */
    0xc7, 0x03, 0x00, 0x00, 0x00, 0x00,             /* movl $0, (%ebx) */
    0xeb, 0xed,                                     /* jmp 1b */
};

static const uint8_t rom_reset[] = { 0xe9, 0x0d, 0x00 };    /* jmp 0 */

static TempFile *rom_file;

static void add_guest(GString *cmd_line)
{
    g_autofree uint8_t *rom = g_malloc0(ROM_SIZE);

    memcpy(rom, rom_code, sizeof(rom_code));
    memcpy(rom + ROM_RESET, rom_reset, sizeof(rom_reset));
    rom_file = temp_file_new("");
    g_test_queue_destroy((GDestroyNotify)temp_file_free, rom_file);
    g_assert_true(g_file_set_contents(rom_file->path, (char *)rom, ROM_SIZE,
                                      NULL));
    g_string_append_printf(cmd_line, " -accel tcg,thread=multi -bios %s"
                           " -object memory-backend-memfd,id=mem,size=128M,"
                           "share=on -machine memory-backend=mem",
                           rom_file->path);
}

static void *threads_before(GString *cmd_line, void *arg)
{
    add_guest(cmd_line);
    return importer_before(cmd_line, arg);
}

static void *threads_traced_before(GString *cmd_line, void *arg)
{
    add_guest(cmd_line);
    return importer_traced_before(cmd_line, arg);
}

static QVirtioPCIDevice *pci_device(QVirtioDevice *vdev)
{
    return container_of(vdev, QVirtioPCIDevice, vdev);
}

static void take_devfn(QPCIDevice *dev, int devfn, void *opaque)
{
    *(int *)opaque = devfn;
    g_free(dev);
}

/*
 * Start the importer's device as a driver does.  The back-end will not reply
 * when QEMU stops the device.
 */
static QVirtioPCIDevice *start_held_importer(QVirtioGPU *gpu, QVirtQueue **vq)
{
    QPCIBus *bus = pci_device(gpu->vdev)->pdev->bus;
    QPCIAddress addr = { .devfn = -1 };
    QVirtioPCIDevice *dev;

    qpci_device_foreach(bus, PCI_VENDOR_ID_REDHAT_QUMRANET, BLK_DEVICE_ID,
                        take_devfn, &addr.devfn);
    g_assert_cmpint(addr.devfn, >=, 0);
    dev = virtio_pci_new(bus, &addr);
    g_assert_nonnull(dev);
    qvirtio_pci_device_enable(dev);
    qvirtio_start_device(&dev->vdev);
    qvirtio_set_features(&dev->vdev, 1ull << VIRTIO_F_VERSION_1);
    *vq = qvirtqueue_setup(&dev->vdev, gpu->alloc, 0);
    qvirtio_set_driver_ok(&dev->vdev);
    vhost_user_peer_hold(importer(), PEER_GET_VRING_BASE);
    return dev;
}

static void free_importer(QVirtioGPU *gpu, QVirtioPCIDevice *dev,
                          QVirtQueue *vq)
{
    qvirtqueue_cleanup(dev->vdev.bus, vq, gpu->alloc);
    g_free(dev->pdev);
    g_free(dev);
}

/* Let the guest reset a device; the reset may not be finished on return */
static void vcpu_reset(QTestState *qts, QVirtioDevice *vdev)
{
    QVirtioPCIDevice *dev = pci_device(vdev);

    g_assert_cmpuint(dev->bar.addr, <, 4 * GiB);
    qtest_writel(qts, MAILBOX + 4, 0);
    qtest_writel(qts, MAILBOX, dev->bar.addr + dev->common_cfg_offset +
                 offsetof(struct virtio_pci_common_cfg, device_status));
}

static void vcpu_wait(QTestState *qts)
{
    gint64 start = g_get_monotonic_time();

    while (qtest_readl(qts, MAILBOX)) {
        g_assert(g_get_monotonic_time() - start <= VCPU_WAIT_US);
        g_usleep(1000);
    }
}

static void create(QVirtioGPU *gpu, uint8_t *uuid)
{
    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
}

static void receive_return(QTestState *qts)
{
    QDict *answer = qtest_qmp_receive(qts);

    g_assert_true(qdict_haskey(answer, "return"));
    qobject_unref(answer);
}

static gpointer unref(gpointer opaque)
{
    qvirtio_gpu_unref({ .gpu = opaque, .id = 1 });
    return NULL;
}

/*
 * QEMU waits for the back-end with the BQL held, and serves the back-end's
 * lookups meanwhile.  The monitor and the driver, which destroys the object,
 * wait for the BQL.
 *
 * Return: the driver's thread, the only one to use QTest until it is joined.
 */
static GThread *look_up_while_held(QVirtioGPU *gpu, const uint8_t *uuid)
{
    GThread *driver;
    int i;

    vhost_user_peer_wait_held(importer());
    qtest_qmp_send(gpu->qts, "{ 'execute': 'x-query-virtio-exports' }");
    driver = g_thread_new("driver", unref, gpu);
    for (i = 0; i < LOOK_UPS; i++) {
        g_assert_true(importer_finds(importer(), uuid));
    }
    vhost_user_peer_release(importer());
    receive_return(gpu->qts);
    return driver;
}

static void vcpu_looks_up(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QVirtioPCIDevice *dev;
    QVirtQueue *vq;
    uuid_t uuid;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        create(gpu, uuid);
        dev = start_held_importer(gpu, &vq);
        vcpu_reset(gpu->qts, &dev->vdev);
        g_thread_join(look_up_while_held(gpu, uuid));
        vcpu_wait(gpu->qts);
        free_importer(gpu, dev, vq);
        g_assert_false(importer_finds(importer(), uuid));
    }
}

static bool reply_comes(int timeout_ms)
{
    GPollFD pfd = {
        .fd = vhost_user_peer_channel(importer()),
        .events = G_IO_IN,
    };

    return g_poll(&pfd, 1, timeout_ms) > 0;
}

/*
 * GL must be called on the main loop's thread only.  A lookup on another thread
 * waits for the main loop, and has the same result as a lookup on the main
 * loop's thread.
 */
static void vcpu_gets_texture_later(void *obj, void *data,
                                    QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autofree char *traced = NULL;
    QVirtioPCIDevice *dev;
    PeerReply reply;
    QVirtQueue *vq;
    uuid_t uuid;
    bool found;

    create(gpu, uuid);
    found = importer_finds(importer(), uuid);
    traced = importer_traced(uuid);
    dev = start_held_importer(gpu, &vq);
    vcpu_reset(gpu->qts, &dev->vdev);
    vhost_user_peer_wait_held(importer());
    vhost_user_peer_send(importer(), PEER_LOOKUP, PEER_NEED_REPLY, uuid,
                         PEER_UUID_SIZE);
    g_assert_cmpint(reply_comes(PENDING_MS), ==,
                    g_str_equal(traced, NO_EXPORT));
    vhost_user_peer_release(importer());
    reply = vhost_user_peer_recv(importer(), PEER_LOOKUP);
    g_assert_cmpuint(reply.num_fds, ==, found);
    importer_assert_traced(uuid, traced);
    if (found) {
        close(reply.fd);
    }
    vcpu_wait(gpu->qts);
    free_importer(gpu, dev, vq);
}

/* The migration thread stops the VM, and lookups are served meanwhile */
static void migration_looks_up(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QVirtioPCIDevice *dev;
    GThread *driver;
    QVirtQueue *vq;
    uuid_t uuid;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        create(gpu, uuid);
        dev = start_held_importer(gpu, &vq);
        send_migrate_to_nowhere(gpu->qts);
        driver = look_up_while_held(gpu, uuid);
        receive_return(gpu->qts);
        finish_migration_to_nowhere(gpu->qts);
        g_thread_join(driver);
        qvirtio_reset(&dev->vdev);
        free_importer(gpu, dev, vq);
        g_assert_false(importer_finds(importer(), uuid));
    }
}

/* Lookups sent before the reset may be handled before or after it */
static void vcpu_resets(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    PeerReply reply;
    uuid_t uuid;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        create(gpu, uuid);
        vhost_user_peer_send(importer(), PEER_LOOKUP, PEER_NEED_REPLY, uuid,
                             PEER_UUID_SIZE);
        vcpu_reset(gpu->qts, gpu->vdev);
        reply = vhost_user_peer_recv(importer(), PEER_LOOKUP);
        if (reply.num_fds) {
            close(reply.fd);
        }
        vcpu_wait(gpu->qts);
        g_assert_false(importer_finds(importer(), uuid));
        qvirtio_gpu_start(gpu, 0);
    }
}

static void register_threads_test(void)
{
    static const UUIDTest tests[] = {
        { "threads/vcpu-looks-up", vcpu_looks_up },
        { "threads/vcpu-resets", vcpu_resets },
        { "threads/migration-looks-up", migration_looks_up },
        { }
    };
    static const UUIDTest gl_tests[] = {
        { "threads/vcpu-gets-texture-later", vcpu_gets_texture_later },
        { }
    };

    /* the guest's program is for x86 */
    if (g_str_equal(qtest_get_arch(), "x86_64")) {
        add_uuid_pci_tests(tests, threads_before);
        add_uuid_gl_pci_tests(gl_tests, threads_traced_before);
    }
}

libqos_init(register_threads_test);
