/*
 * A virtio-gpu resource filled with one colour, with a UUID
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
 * struct Drawn - A resource and its expected content
 * @res: the resource, its size and its backing
 * @uuid: UUID of the resource
 * @pixels: the pixels that were drawn last
 */
typedef struct Drawn {
    QVirtioGPUResourceOpt res;
    uuid_t uuid;
    uint8_t pixels[DRAWN_BYTES];
} Drawn;

/**
 * drawn_new() - Create a resource, draw it, and request its UUID
 * @d: filled in
 * @gpu: a running device
 * @id: ID of the resource
 * @colour: value of each byte of the pixels
 */
void drawn_new(Drawn *d, QVirtioGPU *gpu, uint32_t id, uint8_t colour);

/**
 * drawn_again() - Draw a resource in another colour
 * @d: the resource
 * @colour: value of each byte of the pixels
 */
void drawn_again(Drawn *d, uint8_t colour);

/**
 * drawn_done() - Free the backing of a resource, but keep the resource
 * @d: the resource
 */
void drawn_done(Drawn *d);

#endif
