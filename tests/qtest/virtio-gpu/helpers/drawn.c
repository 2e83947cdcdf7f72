/*
 * A virtio-gpu resource filled with one colour, with a UUID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "virtio-gpu/helpers/drawn.h"

void drawn_again(Drawn *d, uint8_t colour)
{
    memset(d->pixels, colour, DRAWN_BYTES);
    qtest_memwrite(d->res.gpu->qts, d->res.backing, d->pixels, DRAWN_BYTES);
    do_qvirtio_gpu_transfer(d->res);
}

void drawn_new(Drawn *d, QVirtioGPU *gpu, uint32_t id, uint8_t colour)
{
    d->res = (QVirtioGPUResourceOpt) {
        .gpu = gpu, .id = id, .width = DRAWN_WIDTH, .height = DRAWN_HEIGHT,
        .backing = guest_alloc(gpu->alloc, DRAWN_BYTES),
        .backing_len = DRAWN_BYTES,
    };
    do_qvirtio_gpu_create_2d(d->res);
    do_qvirtio_gpu_attach_backing(d->res);
    drawn_again(d, colour);
    assign_uuid({ .gpu = gpu, .id = id, .uuid = d->uuid });
}

void drawn_done(Drawn *d)
{
    guest_free(d->res.gpu->alloc, d->res.backing);
}
