/*
 * Send requests to virtio-gpu, split into descriptors at will and many at once
 *
 * Each table and ring is accessed as a whole, not field by field as in
 * qvirtqueue_add(), because tests send tens of thousands of requests.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "../libqtest.h"
#include "virtio-gpu.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_ring.h"

#define VIRTIO_GPU_WAIT_US (60 * G_USEC_PER_SEC)

typedef struct RequestBatch {
    QVirtioGPU *gpu;
    QVirtioGPURequest *reqs;
    size_t n;
    bool big_endian;
    struct vring_desc *ring;
    unsigned ring_used;
    uint16_t *heads;
    uint64_t addr;
    uint8_t *image;
    size_t len;
} RequestBatch;

static uint16_t ring16(const RequestBatch *b, uint16_t val)
{
    return b->big_endian ? cpu_to_be16(val) : cpu_to_le16(val);
}

static uint32_t ring32(const RequestBatch *b, uint32_t val)
{
    return b->big_endian ? cpu_to_be32(val) : cpu_to_le32(val);
}

static uint64_t ring64(const RequestBatch *b, uint64_t val)
{
    return b->big_endian ? cpu_to_be64(val) : cpu_to_le64(val);
}

static unsigned count_descs(size_t len, const uint32_t *split)
{
    unsigned n = 0;
    unsigned i = 0;

    while (len) {
        len -= split ? MIN(split[i], len) : len;
        i = split && split[i + 1] ? i + 1 : 0;
        n++;
    }
    return n;
}

static unsigned request_descs(const QVirtioGPURequest *r)
{
    return count_descs(r->req_len, r->req_split) +
           count_descs(r->resp_len, r->resp_split);
}

/* The request's memory: indirect table if any, readable and writable bytes */
static size_t request_table_len(const QVirtioGPURequest *r)
{
    return r->indirect ? request_descs(r) * sizeof(struct vring_desc) : 0;
}

static size_t request_len(const QVirtioGPURequest *r)
{
    return ROUND_UP(request_table_len(r) + r->req_len + r->resp_len,
                    sizeof(struct vring_desc));
}

static unsigned fill_descs(const RequestBatch *b, struct vring_desc *table,
                           unsigned first, uint64_t addr, size_t len,
                           const uint32_t *split, uint16_t flags)
{
    unsigned n = first;
    unsigned i = 0;

    while (len) {
        size_t chunk = split ? MIN(split[i], len) : len;

        table[n].addr = ring64(b, addr);
        table[n].len = ring32(b, chunk);
        table[n].flags = ring16(b, flags | VRING_DESC_F_NEXT);
        table[n].next = ring16(b, n + 1);
        addr += chunk;
        len -= chunk;
        i = split && split[i + 1] ? i + 1 : 0;
        n++;
    }
    return n;
}

static unsigned fill_chain(const RequestBatch *b, const QVirtioGPURequest *r,
                           struct vring_desc *table, unsigned first,
                           uint64_t addr)
{
    unsigned n;

    n = fill_descs(b, table, first, addr, r->req_len, r->req_split, 0);
    n = fill_descs(b, table, n, addr + r->req_len, r->resp_len, r->resp_split,
                   VRING_DESC_F_WRITE);
    g_assert_cmpuint(n, >, first);
    table[n - 1].flags &= ring16(b, ~VRING_DESC_F_NEXT);
    return n;
}

static void batch_add(RequestBatch *b, size_t i)
{
    const QVirtioGPURequest *r = &b->reqs[i];
    size_t table_len = request_table_len(r);
    uint64_t addr = b->addr + b->len;
    uint8_t *mem = b->image + b->len;
    unsigned needed = r->indirect ? 1 : request_descs(r);

    g_assert_cmpuint(b->ring_used + needed, <=, b->gpu->ctrlq->size);
    b->heads[i] = b->ring_used;

    if (r->indirect) {
        struct vring_desc *desc = &b->ring[b->ring_used++];

        g_assert_true(b->gpu->ctrlq->indirect);
        fill_chain(b, r, (struct vring_desc *)mem, 0, addr + table_len);
        desc->addr = ring64(b, addr);
        desc->len = ring32(b, table_len);
        desc->flags = ring16(b, VRING_DESC_F_INDIRECT);
        desc->next = 0;
    } else {
        b->ring_used = fill_chain(b, r, b->ring, b->ring_used, addr);
    }

    if (r->req_len) {
        memcpy(mem + table_len, r->req, r->req_len);
    }
    memset(mem + table_len + r->req_len, QVIRTIO_GPU_POISON, r->resp_len);
    b->len += request_len(r);
}

/* All earlier batches are complete, so both rings are at last_used_idx */
static void batch_kick(const RequestBatch *b)
{
    QVirtioGPU *gpu = b->gpu;
    QVirtQueue *vq = gpu->ctrlq;
    g_autofree uint16_t *avail = g_new0(uint16_t, 2 + vq->size);
    size_t i;

    for (i = 0; i < b->n; i++) {
        avail[2 + (uint16_t)(vq->last_used_idx + i) % vq->size] =
            ring16(b, b->heads[i]);
    }
    avail[1] = ring16(b, vq->last_used_idx + b->n);

    qtest_bufwrite(gpu->qts, b->addr, b->image, b->len);
    qtest_bufwrite(gpu->qts, vq->desc, b->ring,
                   b->ring_used * sizeof(struct vring_desc));
    qtest_bufwrite(gpu->qts, vq->avail, avail,
                   (2 + vq->size) * sizeof(uint16_t));
    gpu->vdev->bus->virtqueue_kick(gpu->vdev, vq);
}

static void batch_wait(const RequestBatch *b)
{
    QVirtQueue *vq = b->gpu->ctrlq;
    uint16_t end = ring16(b, vq->last_used_idx + b->n);
    gint64 start = g_get_monotonic_time();
    uint16_t idx;

    for (;;) {
        qtest_bufread(b->gpu->qts,
                      vq->used + offsetof(struct vring_used, idx),
                      &idx, sizeof(idx));
        if (idx == end) {
            return;
        }
        g_assert(g_get_monotonic_time() - start <= VIRTIO_GPU_WAIT_US);
    }
}

static void batch_read_used_ring(const RequestBatch *b)
{
    QVirtQueue *vq = b->gpu->ctrlq;
    g_autofree struct vring_used_elem *used = NULL;
    g_autofree bool *seen = g_new0(bool, b->n);
    size_t i, j;

    used = g_new0(struct vring_used_elem, vq->size);
    qtest_bufread(b->gpu->qts, vq->used + offsetof(struct vring_used, ring),
                  used, vq->size * sizeof(*used));

    for (i = 0; i < b->n; i++) {
        struct vring_used_elem *elem = &used[vq->last_used_idx++ % vq->size];

        for (j = 0; j < b->n && b->heads[j] != ring32(b, elem->id); j++) {
            /* no two requests have the same head */
        }
        g_assert_cmpuint(j, <, b->n);
        g_assert_false(seen[j]);
        seen[j] = true;
        b->reqs[j].used_len = ring32(b, elem->len);
        b->reqs[j].used_pos = i;
    }
}

static void batch_read_responses(const RequestBatch *b)
{
    const uint8_t *mem = b->image;
    size_t i, j;

    qtest_bufread(b->gpu->qts, b->addr, b->image, b->len);
    for (i = 0; i < b->n; i++) {
        QVirtioGPURequest *r = &b->reqs[i];
        const uint8_t *resp = mem + request_table_len(r) + r->req_len;

        g_assert_cmpuint(r->used_len, <=, r->resp_len);
        for (j = r->used_len; j < r->resp_len; j++) {
            g_assert_cmphex(resp[j], ==, QVIRTIO_GPU_POISON);
        }
        if (r->resp_len) {
            memcpy(r->resp, resp, r->resp_len);
        }
        mem += request_len(r);
    }
}

void qvirtio_gpu_submit(QVirtioGPU *gpu, QVirtioGPURequest *reqs, size_t n)
{
    g_autofree struct vring_desc *ring = NULL;
    g_autofree uint16_t *heads = g_new0(uint16_t, n);
    g_autofree uint8_t *image = NULL;
    RequestBatch batch = {
        .gpu = gpu,
        .reqs = reqs,
        .n = n,
        .heads = heads,
    };
    size_t len = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        len += request_len(&reqs[i]);
    }
    batch.ring = ring = g_new0(struct vring_desc, gpu->ctrlq->size);
    batch.image = image = g_malloc0(len);
    batch.addr = guest_alloc(gpu->alloc, len);
    batch.big_endian = qtest_big_endian(gpu->qts) &&
        !(gpu->vdev->features & (1ull << VIRTIO_F_VERSION_1));

    for (i = 0; i < n; i++) {
        batch_add(&batch, i);
    }
    batch_kick(&batch);
    batch_wait(&batch);
    batch_read_used_ring(&batch);
    batch_read_responses(&batch);
    guest_free(gpu->alloc, batch.addr);
}
