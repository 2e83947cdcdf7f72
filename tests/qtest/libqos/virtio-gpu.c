/*
 * libqos driver for virtio-gpu devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "../libqtest.h"
#include "qgraph.h"
#include "virtio-gpu.h"
#include "virtio-mmio.h"
#include "standard-headers/linux/virtio_ring.h"

#define VIRTIO_GPU_PCI_SLOT 4

static void qvirtio_gpu_free_queues(QVirtioGPU *gpu)
{
    if (gpu->ctrlq) {
        qvirtqueue_cleanup(gpu->vdev->bus, gpu->ctrlq, gpu->alloc);
        qvirtqueue_cleanup(gpu->vdev->bus, gpu->cursorq, gpu->alloc);
        gpu->ctrlq = NULL;
        gpu->cursorq = NULL;
    }
}

void qvirtio_gpu_stop(QVirtioGPU *gpu)
{
    qvirtio_reset(gpu->vdev);
    qvirtio_gpu_free_queues(gpu);
}

void qvirtio_gpu_start(QVirtioGPU *gpu, uint64_t rejected)
{
    QVirtioDevice *vdev = gpu->vdev;

    qvirtio_gpu_stop(gpu);
    qvirtio_set_acknowledge(vdev);
    qvirtio_set_driver(vdev);

    rejected |= QVIRTIO_F_BAD_FEATURE | (1ull << VIRTIO_RING_F_EVENT_IDX);
    qvirtio_set_features(vdev, qvirtio_get_features(vdev) & ~rejected);

    gpu->ctrlq = qvirtqueue_setup(vdev, gpu->alloc, 0);
    gpu->cursorq = qvirtqueue_setup(vdev, gpu->alloc, 1);
    qvirtio_set_driver_ok(vdev);
}

void qvirtio_gpu_power_on(QVirtioGPU *gpu)
{
    gpu->power_on(gpu);
    qvirtio_gpu_stop(gpu);
}

void qvirtio_gpu_move(QVirtioGPU *gpu, QTestState *to)
{
    gpu->move(gpu, to);
    gpu->qts = to;
}

static void *qvirtio_gpu_get_driver(QVirtioGPU *gpu, const char *interface)
{
    if (!g_strcmp0(interface, "virtio-gpu") ||
        !g_strcmp0(interface, "virtio-gpu-gl")) {
        return gpu;
    }
    if (!g_strcmp0(interface, "virtio")) {
        return gpu->vdev;
    }

    fprintf(stderr, "%s not present in virtio-gpu\n", interface);
    g_assert_not_reached();
}

static void qvirtio_gpu_mmio_power_on(QVirtioGPU *gpu)
{
    QVirtioMMIODevice *mmio;

    mmio = container_of(gpu->vdev, QVirtioMMIODevice, vdev);
    qtest_writel(gpu->qts, mmio->addr + QVIRTIO_MMIO_GUEST_PAGE_SIZE,
                 mmio->page_size);
}

static void qvirtio_gpu_mmio_move(QVirtioGPU *gpu, QTestState *to)
{
    container_of(gpu->vdev, QVirtioMMIODevice, vdev)->qts = to;
}

static void *qvirtio_gpu_device_get_driver(void *object,
                                           const char *interface)
{
    QVirtioGPUDevice *dev = object;

    return qvirtio_gpu_get_driver(&dev->gpu, interface);
}

static void qvirtio_gpu_device_start_hw(QOSGraphObject *obj)
{
    QVirtioGPUDevice *dev = (QVirtioGPUDevice *)obj;

    qvirtio_gpu_start(&dev->gpu, 0);
}

static void qvirtio_gpu_device_destructor(QOSGraphObject *obj)
{
    QVirtioGPUDevice *dev = (QVirtioGPUDevice *)obj;

    qvirtio_gpu_free_queues(&dev->gpu);
}

static void *qvirtio_gpu_device_create(void *virtio_dev,
                                       QGuestAllocator *alloc, void *addr)
{
    QVirtioGPUDevice *dev = g_new0(QVirtioGPUDevice, 1);

    dev->gpu.vdev = virtio_dev;
    dev->gpu.qts = container_of(dev->gpu.vdev, QVirtioMMIODevice, vdev)->qts;
    dev->gpu.alloc = alloc;
    dev->gpu.power_on = qvirtio_gpu_mmio_power_on;
    dev->gpu.move = qvirtio_gpu_mmio_move;

    dev->obj.get_driver = qvirtio_gpu_device_get_driver;
    dev->obj.start_hw = qvirtio_gpu_device_start_hw;
    dev->obj.destructor = qvirtio_gpu_device_destructor;

    return &dev->obj;
}

static void qvirtio_gpu_pci_power_on(QVirtioGPU *gpu)
{
    qvirtio_pci_device_enable(container_of(gpu->vdev, QVirtioPCIDevice, vdev));
}

/* Move the bus to the other QEMU, for all devices on the bus */
static void qvirtio_gpu_pci_move(QVirtioGPU *gpu, QTestState *to)
{
    container_of(gpu->vdev, QVirtioPCIDevice, vdev)->pdev->bus->qts = to;
}

static void *qvirtio_gpu_pci_get_driver(void *object, const char *interface)
{
    QVirtioGPUPCI *pci = object;

    if (!g_strcmp0(interface, "pci-device")) {
        return pci->pci_vdev.pdev;
    }
    return qvirtio_gpu_get_driver(&pci->gpu, interface);
}

static void qvirtio_gpu_pci_start_hw(QOSGraphObject *obj)
{
    QVirtioGPUPCI *pci = (QVirtioGPUPCI *)obj;

    qvirtio_pci_start_hw(obj);
    qvirtio_gpu_start(&pci->gpu, 0);
}

static void qvirtio_gpu_pci_destructor(QOSGraphObject *obj)
{
    QVirtioGPUPCI *pci = (QVirtioGPUPCI *)obj;

    qvirtio_gpu_free_queues(&pci->gpu);
    qvirtio_pci_destructor(obj);
}

QVirtioGPUPCI *qvirtio_gpu_pci_new(QPCIBus *bus, QPCIAddress *addr,
                                   QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = g_new0(QVirtioGPUPCI, 1);
    QOSGraphObject *obj = &pci->pci_vdev.obj;

    virtio_pci_init(&pci->pci_vdev, bus, addr);
    pci->gpu.vdev = &pci->pci_vdev.vdev;
    pci->gpu.qts = pci->pci_vdev.pdev->bus->qts;
    pci->gpu.alloc = alloc;
    pci->gpu.power_on = qvirtio_gpu_pci_power_on;
    pci->gpu.move = qvirtio_gpu_pci_move;

    obj->get_driver = qvirtio_gpu_pci_get_driver;
    obj->start_hw = qvirtio_gpu_pci_start_hw;
    obj->destructor = qvirtio_gpu_pci_destructor;

    return pci;
}

static void *qvirtio_gpu_pci_create(void *pci_bus, QGuestAllocator *alloc,
                                    void *addr)
{
    return qvirtio_gpu_pci_new(pci_bus, addr, alloc);
}

static void add_mmio_node(const QVirtioGPUNodes *nodes)
{
    QOSGraphEdgeOptions opts = {
        .before_cmd_line = nodes->cmd_line,
        .extra_device_opts = "id=" QVIRTIO_GPU_ID,
    };

    qos_node_create_driver(nodes->mmio, qvirtio_gpu_device_create);
    qos_node_consumes(nodes->mmio, "virtio-bus", &opts);
    qos_node_produces(nodes->mmio, nodes->interface);
}

static void add_pci_node(const QVirtioGPUNodes *nodes, const char *name)
{
    QPCIAddress addr = {
        .devfn = QPCI_DEVFN(VIRTIO_GPU_PCI_SLOT, 0),
    };
    QOSGraphEdgeOptions opts = {
        .before_cmd_line = nodes->cmd_line,
        .extra_device_opts =
            "id=" QVIRTIO_GPU_ID ",addr=" stringify(VIRTIO_GPU_PCI_SLOT),
    };

    add_qpci_address(&opts, &addr);
    qos_node_create_driver(name, qvirtio_gpu_pci_create);
    qos_node_consumes(name, "pci-bus", &opts);
    qos_node_produces(name, nodes->interface);
}

void qvirtio_gpu_add_nodes(const QVirtioGPUNodes *nodes)
{
    add_pci_node(nodes, nodes->pci);
    if (g_test_slow()) {
        add_mmio_node(nodes);
        add_pci_node(nodes, nodes->vga);
    }
}

static void virtio_gpu_register_nodes(void)
{
    static const QVirtioGPUNodes nodes = {
        .interface = "virtio-gpu",
        .mmio = "virtio-gpu-device",
        .pci = "virtio-gpu-pci",
        .vga = "virtio-vga",
    };

    qvirtio_gpu_add_nodes(&nodes);
    qos_node_produces(nodes.pci, "virtio");
    qos_node_produces(nodes.pci, "pci-device");
    if (g_test_slow()) {
        qos_node_produces(nodes.mmio, "virtio");
        qos_node_produces(nodes.vga, "virtio");
        qos_node_produces(nodes.vga, "pci-device");
    }
}

libqos_init(virtio_gpu_register_nodes);
