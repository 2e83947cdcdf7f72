/*
 * Images in memory: write them as PNG, and paint rectangles
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_PICTURE_H
#define TESTS_VHOST_USER_PICTURE_H

#include "libvhost-user.h"

/* The byte of each colour in a pixel of four bytes */
typedef struct PixelFormat {
    uint32_t fourcc;
    uint8_t red, green, blue;
} PixelFormat;

typedef struct Picture {
    const PixelFormat *format;
    uint32_t width, height, stride, offset;
    bool bottom_up;     /* the bottom row is first in memory */
} Picture;

typedef struct Rectangle {
    uint32_t x, y, width, height;
} Rectangle;

/**
 * picture_set() - Set the layout of an image
 * @pic: the image; unchanged on failure
 * @info: what is known of the object, which is not trusted
 * @errp: set on failure
 *
 * Return: false if the layout is not known or not possible, or if the image is
 * not linear with four bytes per pixel
 */
bool picture_set(Picture *pic, const VhostUserObjectInfo *info, Error **errp);

/**
 * picture_bytes() - Get the end of an image in memory
 * @pic: the image, after picture_set()
 *
 * Return: bytes from the start of the memory to the end of the last pixel
 */
uint64_t picture_bytes(const Picture *pic);

/**
 * picture_covers() - Tell whether a rectangle is inside the image
 * @pic: the image, after picture_set()
 * @rect: the rectangle
 *
 * Return: true if it is inside and not empty
 */
bool picture_covers(const Picture *pic, const Rectangle *rect);

/**
 * picture_invert() - Invert the colours of a rectangle
 * @pic: the image, after picture_set()
 * @data: the pixels, picture_bytes() long
 * @rect: inside the picture
 */
void picture_invert(const Picture *pic, uint8_t *data, const Rectangle *rect);

/**
 * picture_fill() - Fill a rectangle with one colour
 * @pic: the image, after picture_set()
 * @data: the pixels, picture_bytes() long
 * @rect: inside the picture
 * @rgb: 0xRRGGBB
 */
void picture_fill(const Picture *pic, uint8_t *data, const Rectangle *rect,
                  uint32_t rgb);

/**
 * picture_write_png() - Write the image as PNG
 * @pic: the image, after picture_set()
 * @data: the pixels, picture_bytes() long
 * @file: name of the file, which is replaced
 * @errp: set on failure
 *
 * Return: false with @errp set if the file cannot be written
 */
bool picture_write_png(const Picture *pic, uint8_t *data,
                       const char *file, Error **errp);

#endif /* TESTS_VHOST_USER_PICTURE_H */
