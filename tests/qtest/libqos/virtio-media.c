/*
 * libqos driver for virtio-media devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "virtio-media.h"
#include "standard-headers/linux/virtio_ring.h"

#define WAIT_US (60 * G_USEC_PER_SEC)

static void free_queues(QVirtioMedia *media)
{
    const QVirtioBus *bus = media->pci.vdev.bus;

    if (media->commandq) {
        qvirtqueue_cleanup(bus, media->commandq, media->alloc);
        qvirtqueue_cleanup(bus, media->eventq, media->alloc);
        guest_free(media->alloc, media->events);
        media->commandq = media->eventq = NULL;
    }
}

static uint64_t event_addr(QVirtioMedia *media, unsigned index)
{
    return media->events + index * sizeof(QVirtioMediaDequeued);
}

/* The buffer with a number is described by the descriptor with this number */
static void put_event_buffer(QVirtioMedia *media, unsigned index)
{
    QVirtQueue *vq = media->eventq;

    vq->free_head = index;
    qvirtqueue_add(media->qts, vq, event_addr(media, index),
                   sizeof(QVirtioMediaDequeued), true, false);
    qvirtqueue_kick(media->qts, &media->pci.vdev, vq, index);
}

void qvirtio_media_stop(QVirtioMedia *media)
{
    qvirtio_reset(&media->pci.vdev);
    free_queues(media);
}

void qvirtio_media_start(QVirtioMedia *media)
{
    QVirtioDevice *vdev = &media->pci.vdev;

    qvirtio_media_stop(media);
    qvirtio_set_acknowledge(vdev);
    qvirtio_set_driver(vdev);
    qvirtio_set_features(vdev, qvirtio_get_features(vdev) &
                         ~(QVIRTIO_F_BAD_FEATURE |
                           1ull << VIRTIO_RING_F_EVENT_IDX));
    media->commandq = qvirtqueue_setup(vdev, media->alloc, 0);
    media->eventq = qvirtqueue_setup(vdev, media->alloc, 1);
    media->events = guest_alloc(media->alloc, QVIRTIO_MEDIA_EVENTS *
                                              sizeof(QVirtioMediaDequeued));
    qvirtio_set_driver_ok(vdev);
    for (unsigned i = 0; i < QVIRTIO_MEDIA_EVENTS; i++) {
        put_event_buffer(media, i);
    }
}

static void add(QVirtioMedia *media, uint64_t addr, size_t size, bool write,
                bool next)
{
    if (size) {
        qvirtqueue_add(media->qts, media->commandq, addr, size, write, next);
    }
}

/* Only one command is in flight, so the descriptors begin at 0 */
static void make_available(QVirtioMedia *media, const QVirtioMediaChain *c,
                           uint64_t addr)
{
    size_t in_rest = c->in_size - c->in_split;
    QVirtQueue *vq = media->commandq;

    vq->free_head = 0;
    add(media, addr, c->out_split, false, true);
    add(media, addr + c->out_split, c->out_size - c->out_split, false,
        c->in_size);
    addr += c->out_size;
    add(media, addr, c->in_split, true, in_rest);
    add(media, addr + c->in_split, in_rest, true, false);
    qvirtqueue_kick(media->qts, &media->pci.vdev, vq, 0);
}

static uint32_t wait_used(QVirtioMedia *media)
{
    gint64 start = g_get_monotonic_time();
    uint32_t head, len;

    while (!qvirtqueue_get_buf(media->qts, media->commandq, &head, &len)) {
        g_assert_cmpint(g_get_monotonic_time() - start, <, WAIT_US);
    }
    g_assert_cmpuint(head, ==, 0);
    return len;
}

uint64_t qvirtio_media_send(QVirtioMedia *media, const QVirtioMediaChain *chain)
{
    uint64_t addr = guest_alloc(media->alloc,
                                chain->out_size + chain->in_size + 1);

    if (chain->out_size) {
        qtest_memwrite(media->qts, addr, chain->out, chain->out_size);
    }
    make_available(media, chain, addr);
    return addr;
}

uint32_t qvirtio_media_finish(QVirtioMedia *media,
                              const QVirtioMediaChain *chain, uint64_t addr)
{
    uint32_t len = wait_used(media);

    g_assert_cmpuint(len, <=, chain->in_size);
    if (len) {
        qtest_memread(media->qts, addr + chain->out_size, chain->in, len);
    }
    guest_free(media->alloc, addr);
    return len;
}

uint32_t qvirtio_media_submit(QVirtioMedia *media,
                              const QVirtioMediaChain *chain)
{
    return qvirtio_media_finish(media, chain,
                                qvirtio_media_send(media, chain));
}

uint32_t qvirtio_media_poll_event(QVirtioMedia *media,
                                  QVirtioMediaDequeued *event)
{
    uint32_t head, len;

    if (!qvirtqueue_get_buf(media->qts, media->eventq, &head, &len)) {
        return 0;
    }
    g_assert_cmpuint(head, <, QVIRTIO_MEDIA_EVENTS);
    g_assert_cmpuint(len, <=, sizeof(*event));
    qtest_memread(media->qts, event_addr(media, head), event, len);
    put_event_buffer(media, head);
    return len;
}

uint32_t qvirtio_media_wait_event(QVirtioMedia *media,
                                  QVirtioMediaDequeued *event)
{
    gint64 start = g_get_monotonic_time();
    uint32_t len;

    while (!(len = qvirtio_media_poll_event(media, event))) {
        g_assert_cmpint(g_get_monotonic_time() - start, <, WAIT_US);
        g_usleep(1000);
    }
    return len;
}

static void destructor(QOSGraphObject *obj)
{
    free_queues((QVirtioMedia *)obj);
    qvirtio_pci_destructor(obj);
}

QVirtioMedia *qvirtio_media_pci_new(QPCIBus *bus, QPCIAddress *addr,
                                    QGuestAllocator *alloc)
{
    QVirtioMedia *media = g_new0(QVirtioMedia, 1);

    virtio_pci_init(&media->pci, bus, addr);
    media->qts = bus->qts;
    media->alloc = alloc;
    media->pci.obj.destructor = destructor;
    qos_object_queue_destroy(&media->pci.obj);
    qos_object_start_hw(&media->pci.obj);
    return media;
}
