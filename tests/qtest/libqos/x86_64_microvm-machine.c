/*
 * libqos machine node for microvm, x86's machine with virtio-mmio
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "qemu/module.h"
#include "libqos-malloc.h"
#include "malloc-pc.h"
#include "qgraph.h"
#include "virtio-mmio.h"

#define MICROVM_PAGE_SIZE               4096
#define MICROVM_VIRTIO_MMIO_BASE        0xfeb00000
#define MICROVM_VIRTIO_MMIO_SIZE        0x200
/* Number of transports with a second I/O APIC, which microvm has by default */
#define MICROVM_VIRTIO_MMIO_TRANSPORTS  24

typedef struct QMicrovmMachine {
    QOSGraphObject obj;
    QGuestAllocator alloc;
    QVirtioMMIODevice virtio_mmio;
} QMicrovmMachine;

static void microvm_destructor(QOSGraphObject *obj)
{
    QMicrovmMachine *machine = (QMicrovmMachine *)obj;

    alloc_destroy(&machine->alloc);
}

static void *microvm_get_driver(void *object, const char *interface)
{
    QMicrovmMachine *machine = object;

    if (!g_strcmp0(interface, "memory")) {
        return &machine->alloc;
    }

    fprintf(stderr, "%s not present in x86_64/microvm\n", interface);
    g_assert_not_reached();
}

static QOSGraphObject *microvm_get_device(void *obj, const char *device)
{
    QMicrovmMachine *machine = obj;

    if (!g_strcmp0(device, "virtio-mmio")) {
        return &machine->virtio_mmio.obj;
    }

    fprintf(stderr, "%s not present in x86_64/microvm\n", device);
    g_assert_not_reached();
}

static void *qos_create_machine_microvm(QTestState *qts)
{
    QMicrovmMachine *machine = g_new0(QMicrovmMachine, 1);

    pc_alloc_init(&machine->alloc, qts, ALLOC_NO_FLAGS);

    /* The first -device without bus= is plugged into the last transport */
    qvirtio_mmio_init_device(&machine->virtio_mmio, qts,
                             MICROVM_VIRTIO_MMIO_BASE +
                             (MICROVM_VIRTIO_MMIO_TRANSPORTS - 1) *
                             MICROVM_VIRTIO_MMIO_SIZE, MICROVM_PAGE_SIZE);

    machine->obj.get_device = microvm_get_device;
    machine->obj.get_driver = microvm_get_driver;
    machine->obj.destructor = microvm_destructor;

    return &machine->obj;
}

static void microvm_machine_register_nodes(void)
{
    /* All tests of virtio devices run on this machine too */
    if (g_test_slow()) {
        qos_node_create_machine("x86_64/microvm", qos_create_machine_microvm);
        qos_node_contains("x86_64/microvm", "virtio-mmio", NULL);
    }
}

libqos_init(microvm_machine_register_nodes);
