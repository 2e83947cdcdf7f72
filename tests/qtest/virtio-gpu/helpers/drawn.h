/*
 * A resource of a virtio-gpu in one colour, with a UUID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_DRAWN_H
#define TESTS_VIRTIO_GPU_DRAWN_H

#include "virtio-gpu/helpers/uuid.h"

#define DRAWN_WIDTH     32
#define DRAWN_HEIGHT    16
#define DRAWN_BYTES     (DRAWN_WIDTH * DRAWN_HEIGHT * \
                         QVIRTIO_GPU_BYTES_PER_PIXEL)

/**
 * struct Drawn - What a device has, and what must be in it
 * @res: the resource, its size and its backing
 * @uuid: of the resource
 * @pixels: what was drawn last
 */
typedef struct Drawn {
    QVirtioGPUResourceOpt res;
    uuid_t uuid;
    uint8_t pixels[DRAWN_BYTES];
} Drawn;

/**
 * drawn_new() - Create a resource, draw it, give it a UUID
 * @d: filled in
 * @gpu: a running device
 * @id: of the resource
 * @colour: each byte of its pixels
 */
void drawn_new(Drawn *d, QVirtioGPU *gpu, uint32_t id, uint8_t colour);

/**
 * drawn_again() - Draw a resource in another colour
 * @d: the resource
 * @colour: each byte of its pixels
 */
void drawn_again(Drawn *d, uint8_t colour);

/**
 * drawn_done() - Free the backing of a resource, which stays
 * @d: the resource
 */
void drawn_done(Drawn *d);

#endif
