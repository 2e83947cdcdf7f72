/*
 * Fault injection: a test chooses the host call that fails
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "virtio-export/fault.h"

static FaultControl *fault_control(void)
{
    static FaultControl *control;
    int fd;

    if (!control) {
        fd = open(g_getenv("QTEST_FAULTS"), O_RDWR | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
                       MAP_SHARED, fd, 0);
        g_assert_true(control != MAP_FAILED);
        close(fd);
    }
    return control;
}

bool fault_available(void)
{
    return g_getenv("QTEST_FAULTS");
}

const char *fault_name(FaultCall call)
{
    static const char *const names[FAULT_CALLS] = {
        [FAULT_DUP] = "dup",
        [FAULT_MEMFD_CREATE] = "memfd_create",
        [FAULT_SEAL] = "F_ADD_SEALS",
        [FAULT_MMAP] = "mmap",
        [FAULT_UDMABUF] = "UDMABUF_CREATE",
        [FAULT_GETRANDOM] = "getrandom",
        [FAULT_SENDMSG] = "sendmsg",
        [FAULT_UNMAP] = "virgl_renderer_resource_unmap",
    };

    return names[call];
}

void fault_set_udmabuf(bool udmabuf)
{
    fault_control()->udmabuf = udmabuf;
}

void fault_arm(pid_t pid, FaultCall call, uint32_t nth, bool for_good)
{
    FaultControl *control = fault_control();

    control->call = call;
    control->countdown = nth;
    control->for_good = for_good;
    control->hits = 0;
    qatomic_store_release(&control->pid, pid);
}

bool fault_disarm(void)
{
    FaultControl *control = fault_control();

    qatomic_store_release(&control->pid, 0);
    return control->hits;
}

/* QEMU writes the number when it sends the reply to query-status */
uint64_t fault_heap_bytes(QTestState *qts)
{
    FaultControl *control = fault_control();

    qatomic_store_release(&control->measured, qtest_pid(qts));
    qtest_qmp_assert_success(qts, "{ 'execute': 'query-status' }");
    g_assert_cmpint(qatomic_load_acquire(&control->measured), ==, 0);
    return control->heap;
}

void fault_watch_loop(QTestState *qts)
{
    FaultControl *control = fault_control();

    control->loop = (FaultLoop) { };
    qatomic_store_release(&control->loop.pid, qtest_pid(qts));
}

FaultLoop fault_watched_loop(void)
{
    FaultControl *control = fault_control();

    qatomic_store_release(&control->loop.pid, 0);
    return control->loop;
}
