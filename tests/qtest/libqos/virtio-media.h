/*
 * libqos driver for virtio-media devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_LIBQOS_VIRTIO_MEDIA_H
#define TESTS_LIBQOS_VIRTIO_MEDIA_H

#include <linux/videodev2.h>
#include "hw/virtio/virtio-media.h"
#include "qgraph.h"
#include "virtio.h"
#include "virtio-pci.h"

#define QVIRTIO_MEDIA_EVENTS    8

/* VIRTIO_MEDIA_EVT_DQBUF, which is the largest event */
typedef struct QVirtioMediaDequeued {
    struct virtio_media_event_header hdr;
    struct v4l2_buffer buffer;
    struct v4l2_plane planes[VIRTIO_MEDIA_MAX_PLANES];
} QVirtioMediaDequeued;

/**
 * struct QVirtioMedia - A virtio-media device on PCI
 * @pci: the virtio device
 * @qts: the QEMU that the device is in
 * @alloc: the machine's memory
 * @commandq: command queue; NULL while the device is stopped
 * @eventq: event queue; NULL while the device is stopped
 * @events: guest memory of the event buffers
 */
typedef struct QVirtioMedia {
    QVirtioPCIDevice pci;
    QTestState *qts;
    QGuestAllocator *alloc;
    QVirtQueue *commandq;
    QVirtQueue *eventq;
    uint64_t events;
} QVirtioMedia;

/**
 * struct QVirtioMediaChain - A command
 * @out: device-readable bytes
 * @out_size: number of these bytes
 * @out_split: if not 0, size of the first of two readable descriptors
 * @in: filled with the device-writable bytes
 * @in_size: number of these bytes
 * @in_split: if not 0, size of the first of two writable descriptors
 */
typedef struct QVirtioMediaChain {
    const void *out;
    size_t out_size;
    size_t out_split;
    void *in;
    size_t in_size;
    size_t in_split;
} QVirtioMediaChain;

/**
 * qvirtio_media_pci_new() - Make a driver for a device on a PCI bus
 * @bus: the bus
 * @addr: the device's address on the bus
 * @alloc: the machine's memory
 *
 * Return: the device, stopped, which is freed at the end of the test
 */
QVirtioMedia *qvirtio_media_pci_new(QPCIBus *bus, QPCIAddress *addr,
                                    QGuestAllocator *alloc);

/**
 * qvirtio_media_stop() - Reset the device
 * @media: the device
 */
void qvirtio_media_stop(QVirtioMedia *media);

/**
 * qvirtio_media_start() - Reset the device and set it up again
 * @media: the device
 */
void qvirtio_media_start(QVirtioMedia *media);

/**
 * qvirtio_media_send() - Send a command
 * @media: a running device, which has no other command
 * @chain: the command
 *
 * Return: address for qvirtio_media_finish()
 */
uint64_t qvirtio_media_send(QVirtioMedia *media,
                            const QVirtioMediaChain *chain);

/**
 * qvirtio_media_finish() - Wait until a command is used
 * @media: a running device
 * @chain: the command
 * @addr: what qvirtio_media_send() has returned
 *
 * Return: number of bytes that the device has written
 */
uint32_t qvirtio_media_finish(QVirtioMedia *media,
                              const QVirtioMediaChain *chain, uint64_t addr);

/**
 * qvirtio_media_submit() - Send a command, and wait until it is used
 * @media: a running device
 * @chain: the command
 *
 * Return: number of bytes that the device has written
 */
uint32_t qvirtio_media_submit(QVirtioMedia *media,
                              const QVirtioMediaChain *chain);

/**
 * qvirtio_media_poll_event() - Take an event that has come
 * @media: a running device
 * @event: filled in
 *
 * Return: size of the event, or 0 if there is none
 */
uint32_t qvirtio_media_poll_event(QVirtioMedia *media,
                                  QVirtioMediaDequeued *event);

/**
 * qvirtio_media_wait_event() - Wait for an event
 * @media: a running device
 * @event: filled in
 *
 * Return: size of the event
 */
uint32_t qvirtio_media_wait_event(QVirtioMedia *media,
                                  QVirtioMediaDequeued *event);

#endif
