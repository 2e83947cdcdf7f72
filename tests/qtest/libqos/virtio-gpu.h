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
 * struct QVirtioGPU - One virtio-gpu device, whatever it is plugged into
 * @vdev: the virtio device
 * @qts: the QEMU that the device is in
 * @alloc: the machine's memory
 * @ctrlq: control queue; NULL while the device is stopped
 * @cursorq: cursor queue; NULL while the device is stopped
 * @power_on: set the transport up as firmware does
 * @move: make the transport one of another QEMU
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
 * struct QVirtioGPURequest - A request as the queue carries it
 * @req: bytes for the device to read, in the order of the wire
 * @req_len: number of those; 0 for no readable descriptor
 * @resp: filled with the device-writable bytes, written to or not
 * @resp_len: number of those; 0 for no writable descriptor
 * @req_split: sizes of the readable descriptors, ended by 0 and used over and
 *             over until @req_len is reached; NULL for a single descriptor
 * @resp_split: the same for the writable descriptors
 * @indirect: put the descriptors into an indirect table
 * @used_len: set to the length that the device reports
 * @used_pos: set to the place among those submitted together in which the
 *            device returned this one, from 0
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

/* Initialiser of a request that is one descriptor each way, both objects */
#define QVIRTIO_GPU_REQUEST(req_, resp_) {                              \
        .req = &(req_), .req_len = sizeof(req_),                        \
        .resp = &(resp_), .resp_len = sizeof(resp_),                    \
    }

/**
 * struct QVirtioGPUNodes - Devices that differ in what they are plugged into
 * @interface: what they produce
 * @mmio: name of the one on virtio-mmio
 * @pci: name of the one on PCI
 * @vga: name of the one on PCI that is a VGA as well
 * @cmd_line: what they need on the command line; may be NULL
 */
typedef struct QVirtioGPUNodes {
    const char *interface;
    const char *mmio;
    const char *pci;
    const char *vga;
    const char *cmd_line;
} QVirtioGPUNodes;

/**
 * qvirtio_gpu_add_nodes() - Make devices that qgraph can start
 * @nodes: the devices; its strings are kept
 */
void qvirtio_gpu_add_nodes(const QVirtioGPUNodes *nodes);

/**
 * qvirtio_gpu_start() - Reset the device and set it up anew
 * @gpu: the device, stopped or running
 * @refused: feature bits that are not to be acknowledged
 *
 * Acknowledges all other features that the device offers, except
 * VIRTIO_RING_F_EVENT_IDX, and sets both queues up.
 */
void qvirtio_gpu_start(QVirtioGPU *gpu, uint64_t refused);

/**
 * qvirtio_gpu_stop() - Reset the device by writing 0 to its status
 * @gpu: the device, stopped or running
 */
void qvirtio_gpu_stop(QVirtioGPU *gpu);

/**
 * qvirtio_gpu_power_on() - Set up what a reset of the machine has undone
 * @gpu: the device, in a machine that has just been reset
 *
 * The device is stopped afterwards.
 */
void qvirtio_gpu_power_on(QVirtioGPU *gpu);

/**
 * qvirtio_gpu_move() - Go on with a device that has moved to another QEMU
 * @gpu: the device, stopped or running
 * @to: the QEMU in which it is now, with the same memory
 */
void qvirtio_gpu_move(QVirtioGPU *gpu, QTestState *to);

/**
 * qvirtio_gpu_submit() - Make requests available with one kick, await them all
 * @gpu: a running device
 * @reqs: the requests
 * @n: number of requests; all their descriptors must fit into the queue
 *
 * Asserts that the device returns each request once and writes no byte beyond
 * the length that it reports.
 */
void qvirtio_gpu_submit(QVirtioGPU *gpu, QVirtioGPURequest *reqs, size_t n);

/**
 * qvirtio_gpu_pci_new() - Drive a GPU that sits on a PCI bus
 * @bus: the bus
 * @addr: the GPU's address on the bus
 * @alloc: the machine's memory
 *
 * For GPUs other than the one that qgraph makes. To be passed to
 * qos_object_start_hw() and qos_object_queue_destroy() as &pci_vdev.obj.
 *
 * Return: the device, not yet enabled
 */
QVirtioGPUPCI *qvirtio_gpu_pci_new(QPCIBus *bus, QPCIAddress *addr,
                                   QGuestAllocator *alloc);

#endif
