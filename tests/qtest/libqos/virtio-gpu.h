/*
 * libqos driver for virtio-gpu devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_LIBQOS_VIRTIO_GPU_H
#define TESTS_LIBQOS_VIRTIO_GPU_H

#include "qgraph.h"
#include "virtio.h"
#include "virtio-pci.h"

/* The id= of the graphics device, which is also its console's name in QMP */
#define QVIRTIO_GPU_ID "gpu0"

/* What response memory holds until the device writes to it */
#define QVIRTIO_GPU_POISON 0xa5

typedef struct QVirtioGPU QVirtioGPU;
typedef struct QVirtioGPURequest QVirtioGPURequest;

/**
 * struct QVirtioGPU - A virtio-gpu device on any bus
 * @vdev: the virtio device
 * @qts: the QEMU that the device is in
 * @alloc: the machine's memory
 * @ctrlq: control queue; NULL while the device is stopped
 * @cursorq: cursor queue; NULL while the device is stopped
 * @power_on: set the transport up as firmware does
 * @move: attach the transport to another QEMU
 */
struct QVirtioGPU {
    QVirtioDevice *vdev;
    QTestState *qts;
    QGuestAllocator *alloc;
    QVirtQueue *ctrlq;
    QVirtQueue *cursorq;
    void (*power_on)(QVirtioGPU *gpu);
    void (*move)(QVirtioGPU *gpu, QTestState *to);
};

typedef struct QVirtioGPUPCI {
    QVirtioPCIDevice pci_vdev;
    QVirtioGPU gpu;
} QVirtioGPUPCI;

typedef struct QVirtioGPUDevice {
    QOSGraphObject obj;
    QVirtioGPU gpu;
} QVirtioGPUDevice;

/**
 * struct QVirtioGPURequest - A request on a queue of the device
 * @req: bytes for the device to read, in little endian
 * @req_len: length of @req; 0 for no readable descriptor
 * @resp: filled with the device-writable bytes, written to or not
 * @resp_len: length of @resp; 0 for no writable descriptor
 * @req_split: sizes of the readable descriptors, ended by 0 and repeated until
 *             @req_len is reached; NULL for a single descriptor
 * @resp_split: the same for the writable descriptors
 * @indirect: put the descriptors into an indirect table
 * @used_len: set to the length that the device reports
 * @used_pos: set to the request's position, from 0, in the order in which the
 *            device returned the requests submitted together
 */
struct QVirtioGPURequest {
    const void *req;
    size_t req_len;
    void *resp;
    size_t resp_len;
    const uint32_t *req_split;
    const uint32_t *resp_split;
    bool indirect;
    uint32_t used_len;
    uint32_t used_pos;
};

/* Initialiser of a request with one descriptor for each of two objects */
#define QVIRTIO_GPU_REQUEST(req_, resp_) {                              \
        .req = &(req_), .req_len = sizeof(req_),                        \
        .resp = &(resp_), .resp_len = sizeof(resp_),                    \
    }

/**
 * struct QVirtioGPUNodes - Names of a device on each bus
 * @interface: qgraph interface that the devices produce
 * @mmio: name of the virtio-mmio device
 * @pci: name of the PCI device
 * @vga: name of the PCI device that is also a VGA
 * @cmd_line: what the devices need on the command line; may be NULL
 */
typedef struct QVirtioGPUNodes {
    const char *interface;
    const char *mmio;
    const char *pci;
    const char *vga;
    const char *cmd_line;
} QVirtioGPUNodes;

/**
 * qvirtio_gpu_add_nodes() - Add devices to qgraph, only @pci without "-m slow"
 * @nodes: the devices; the strings must stay valid
 */
void qvirtio_gpu_add_nodes(const QVirtioGPUNodes *nodes);

/**
 * qvirtio_gpu_start() - Reset the device and set it up again
 * @gpu: the device, stopped or running
 * @rejected: feature bits not to acknowledge
 *
 * Acknowledges all other features that the device offers, except
 * VIRTIO_RING_F_EVENT_IDX, and sets both queues up.
 */
void qvirtio_gpu_start(QVirtioGPU *gpu, uint64_t rejected);

/**
 * qvirtio_gpu_stop() - Reset the device by writing 0 to its status
 * @gpu: the device, stopped or running
 */
void qvirtio_gpu_stop(QVirtioGPU *gpu);

/**
 * qvirtio_gpu_power_on() - Set up the transport after a reset of the machine
 * @gpu: the device, in a machine that has just been reset
 *
 * The device is stopped afterwards.
 */
void qvirtio_gpu_power_on(QVirtioGPU *gpu);

/**
 * qvirtio_gpu_move() - Use a device that has migrated to another QEMU
 * @gpu: the device, stopped or running
 * @to: the destination, which has the same guest memory
 */
void qvirtio_gpu_move(QVirtioGPU *gpu, QTestState *to);

/**
 * qvirtio_gpu_submit() - Make requests available with one kick; wait for all
 * @gpu: a running device
 * @reqs: the requests
 * @n: number of requests; all their descriptors must fit into the queue
 *
 * Asserts that the device returns each request once and writes no byte beyond
 * the length that it reports.
 */
void qvirtio_gpu_submit(QVirtioGPU *gpu, QVirtioGPURequest *reqs, size_t n);

/**
 * qvirtio_gpu_pci_new() - Make a driver for a GPU on a PCI bus
 * @bus: the bus
 * @addr: the GPU's address on the bus
 * @alloc: the machine's memory
 *
 * For GPUs other than the one that qgraph makes. Pass &pci_vdev.obj to
 * qos_object_start_hw() and qos_object_queue_destroy().
 *
 * Return: the device, not yet enabled
 */
QVirtioGPUPCI *qvirtio_gpu_pci_new(QPCIBus *bus, QPCIAddress *addr,
                                   QGuestAllocator *alloc);

#endif
