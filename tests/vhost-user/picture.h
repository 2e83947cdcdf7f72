/*
 * Pixels in memory: write them as PNG, paint rectangles
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_PICTURE_H
#define TESTS_VHOST_USER_PICTURE_H

/* Where the colours of a pixel of four bytes are */
typedef struct PixelFormat {
    const char *fourcc;
    uint8_t red, green, blue;
} PixelFormat;

/* Geometry, as a back-end is not told it with the descriptor */
typedef struct Picture {
    const PixelFormat *format;  /* NULL until it was set */
    uint32_t width, height, stride;
} Picture;

typedef struct Rectangle {
    uint32_t x, y, width, height;
} Rectangle;

/**
 * picture_set() - Say how memory is to be understood
 * @pic: what is set; unchanged on failure
 * @fourcc: name of a DRM format of four bytes a pixel, such as XR24
 * @width: in pixels
 * @height: in pixels
 * @stride: in bytes, 0 for rows without gaps
 * @errp: set on failure
 *
 * Return: false if there is no such format or no such picture
 */
bool picture_set(Picture *pic, const char *fourcc, uint32_t width,
                 uint32_t height, uint32_t stride, Error **errp);

/**
 * picture_bytes() - How much memory a picture takes
 * @pic: which was set
 *
 * Return: bytes from the first pixel to the end of the last one
 */
uint64_t picture_bytes(const Picture *pic);

/**
 * picture_covers() - Whether a rectangle lies inside the picture
 * @pic: which was set
 * @rect: the rectangle
 *
 * Return: whether it does, and is not empty
 */
bool picture_covers(const Picture *pic, const Rectangle *rect);

/**
 * picture_invert() - Turn colours into their opposites
 * @pic: which was set
 * @data: picture_bytes() of memory
 * @rect: inside the picture
 */
void picture_invert(const Picture *pic, uint8_t *data, const Rectangle *rect);

/**
 * picture_fill() - Paint with one colour
 * @pic: which was set
 * @data: picture_bytes() of memory
 * @rect: inside the picture
 * @rgb: 0xRRGGBB
 */
void picture_fill(const Picture *pic, uint8_t *data, const Rectangle *rect,
                  uint32_t rgb);

/**
 * picture_write_png() - Write a file
 * @pic: which was set
 * @data: picture_bytes() of memory
 * @file: name of the file, which is replaced
 * @errp: set on failure
 *
 * Return: false with @errp set if it could not be written
 */
bool picture_write_png(const Picture *pic, const uint8_t *data,
                       const char *file, Error **errp);

#endif /* TESTS_VHOST_USER_PICTURE_H */
