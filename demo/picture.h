/*
 * The picture of the demo, and its negative
 *
 * Pure functions of the position and of the size of the screen, in integers
 * only: the guest and the host compute the same bits.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DEMO_PICTURE_H
#define DEMO_PICTURE_H

#include <stdint.h>

/**
 * picture_pixel - the colour of one pixel
 * @x: column, 0 at the left, below @width
 * @y: row, 0 at the top, below @height
 * @width: of the picture, 1 to 8192
 * @height: of the picture, 1 to 8192
 *
 * No two corners are alike and the three channels differ, so that a flip, a
 * shift or a swap of channels shows.
 *
 * Return: 0x00RRGGBB, which is XRGB8888
 */
uint32_t picture_pixel(unsigned int x, unsigned int y,
                       unsigned int width, unsigned int height);

/**
 * picture_negative - the colour of one pixel of the picture's negative
 * @x: column, 0 at the left, below @width
 * @y: row, 0 at the top, below @height
 * @width: of the picture, 1 to 8192
 * @height: of the picture, 1 to 8192
 *
 * No pixel has the colour that it has in the picture, so that one which still
 * shows the picture shows.
 *
 * Return: 0x00RRGGBB, which is XRGB8888
 */
uint32_t picture_negative(unsigned int x, unsigned int y,
                          unsigned int width, unsigned int height);

/* One of the two */
typedef uint32_t PictureFunc(unsigned int x, unsigned int y,
                             unsigned int width, unsigned int height);

#endif /* DEMO_PICTURE_H */
