/*
 * QTest testcases for fault injection in a vhost-user-gpu process that shares
 * objects
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-export/fault-path.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/vhost-user.h"
#include "virtio-gpu/helpers/drawn.h"
#include "virtio-gpu/helpers/importer.h"

/* The process would exit: see look_up_is_not_answered() */
#define SKIPS FAULT(SENDMSG)

static const FaultPath assign_path = {
    .calls = FAULT(GETRANDOM),
    .skips = SKIPS,
    .begin = fault_create_resource,
    .attempt = fault_assign,
    .end = fault_forget_resource,
};

static const FaultPath memfd_path = {
    .calls = FAULT(MEMFD_CREATE) | FAULT(SEAL) | FAULT(MMAP) |
             FAULT(GETRANDOM),
    .skips = SKIPS,
    .attempt = fault_share_image,
    .recover = fault_forget_and_reopen,
    .undo = fault_forget_resource,
};

/* If the process can make no dma-buf, it shares the memfd */
static const FaultPath dmabuf_path = {
    .calls = FAULT(MEMFD_CREATE) | FAULT(SEAL) | FAULT(MMAP) |
             FAULT(GETRANDOM) | FAULT(UDMABUF),
    .spares = FAULT(UDMABUF),
    .skips = SKIPS,
    .udmabuf = true,
    .attempt = fault_share_image,
    .recover = fault_forget_and_reopen,
    .undo = fault_forget_resource,
};

static Faults start(QVirtioGPU *beside, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = container_of(beside, QVirtioGPUPCI, gpu);

    return (Faults) {
        .gpu = vhost_user_gpu_start(pci, alloc),
        .qts = beside->qts,
        .process = vhost_user_gpu_pid(),
    };
}

static void test_path(void *obj, void *data, QGuestAllocator *alloc)
{
    const UUIDTest *test = data;
    Faults f;

    if (!vhost_user_gpu_missing()) {
        f = start(obj, alloc);
        fault_run_path(&f, test->arg);
    }
}

/* libvhost-user exits if it cannot reply; QEMU continues */
static void look_up_is_not_answered(void *obj, void *data,
                                    QGuestAllocator *alloc)
{
    QVirtioGPU *other = obj;
    Faults f;

    if (vhost_user_gpu_missing()) {
        return;
    }
    f = start(other, alloc);
    g_assert_true(fault_share_image(&f));
    fault_arm(f.process, FAULT_SENDMSG, 1, false);
    g_assert_false(fault_find(&f));
    g_assert_true(fault_disarm());
    vhost_user_gpu_kill();
    g_assert_null(f.closed);
    g_assert_false(fault_find(&f));

    f = (Faults) { .gpu = other, .qts = other->qts };
    g_assert_true(fault_share_image(&f));
    fault_forget_resource(&f);
}

/* Count the process's descriptors after it has handled earlier messages */
static unsigned int fds_settled(const Faults *f)
{
    qvirtio_gpu_create_2d({ .gpu = f->gpu, .id = 99 });
    qvirtio_gpu_unref({ .gpu = f->gpu, .id = 99 });
    return process_fds_count(f->process);
}

/* The process keeps a dma-buf only while it has descriptors to spare */
static void leaves_descriptors_to_qemu(void *obj, void *data,
                                       QGuestAllocator *alloc)
{
    enum { RESERVED = 64, FREE = 6, RESOURCES = 5 };
    unsigned int before, after;
    Drawn d[RESOURCES];
    struct rlimit old;
    Faults f;
    int i;

    if (vhost_user_gpu_missing()) {
        return;
    }
    f = start(obj, alloc);
    before = fds_settled(&f);
    old = process_fds_limit(f.process, before + FREE + RESERVED);
    for (i = 0; i < RESOURCES; i++) {
        drawn_new(&d[i], f.gpu, i + 1, 0x11);
    }
    for (i = 0; i < RESOURCES; i++) {
        g_assert_true(importer_finds(importer(), d[i].uuid));
    }
    process_fds_restore(f.process, old);
    after = fds_settled(&f);
    g_assert_cmpuint(after, >, before + RESOURCES);
    /* one descriptor may be used already */
    g_assert_cmpuint(after, <=, before + FREE + 1);
    for (i = 0; i < RESOURCES; i++) {
        drawn_done(&d[i]);
    }
}

static void *before(GString *cmd_line, void *arg)
{
    const UUIDTest *test = arg;
    const FaultPath *path = test->arg;

    /* the process looks for udmabuf when it starts */
    fault_set_udmabuf(path && path->udmabuf);
    return importer_before(cmd_line, vhost_user_gpu_before(cmd_line, arg));
}

static void register_vhost_user_gpu_fault_test(void)
{
    static const UUIDTest tests[] = {
        { "fault/vhost-user-gpu/assign", test_path, &assign_path },
        { "fault/vhost-user-gpu/share/memfd", test_path, &memfd_path },
        { "fault/vhost-user-gpu/share/dma-buf", test_path, &dmabuf_path },
        { "fault/vhost-user-gpu/lookup-is-not-answered",
          look_up_is_not_answered },
        { "fault/vhost-user-gpu/reserves-descriptors",
          leaves_descriptors_to_qemu, &dmabuf_path },
        { }
    };

    if (fault_available()) {
        add_uuid_pci_tests(tests, before);
    }
}

libqos_init(register_vhost_user_gpu_fault_test);
