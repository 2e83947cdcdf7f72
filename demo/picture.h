/*
 * The picture of the demo, and its negative
 *
 * These functions depend only on the position and the size, and use only
 * integers: the guest and the host compute the same bits.
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
 * All corners differ, and so do the three channels: a picture that is flipped or
 * shifted, or whose channels are swapped, is not equal to this one.
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
 * Each pixel differs from the same pixel of the picture, so a comparison finds
 * any pixel that still shows the picture.
 *
 * Return: 0x00RRGGBB, which is XRGB8888
 */
uint32_t picture_negative(unsigned int x, unsigned int y,
                          unsigned int width, unsigned int height);

/* picture_pixel() or picture_negative() */
typedef uint32_t PictureFunc(unsigned int x, unsigned int y,
                             unsigned int width, unsigned int height);

#endif /* DEMO_PICTURE_H */
