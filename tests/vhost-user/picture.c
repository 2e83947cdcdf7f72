/*
 * Images in memory: write them as PNG, and paint rectangles
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <png.h>
#include "qapi/error.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "picture.h"

#define PIXEL       4       /* bytes */
#define LONGEST     16384   /* width and height: sums cannot overflow */

/* A fourcc names the colours from the highest bits of a little-endian word */
static const PixelFormat formats[] = {
    { DRM_FORMAT_XRGB8888, .red = 2, .green = 1, .blue = 0 },
    { DRM_FORMAT_ARGB8888, .red = 2, .green = 1, .blue = 0 },
    { DRM_FORMAT_XBGR8888, .red = 0, .green = 1, .blue = 2 },
    { DRM_FORMAT_ABGR8888, .red = 0, .green = 1, .blue = 2 },
    { DRM_FORMAT_RGBX8888, .red = 3, .green = 2, .blue = 1 },
    { DRM_FORMAT_RGBA8888, .red = 3, .green = 2, .blue = 1 },
    { DRM_FORMAT_BGRX8888, .red = 1, .green = 2, .blue = 3 },
    { DRM_FORMAT_BGRA8888, .red = 1, .green = 2, .blue = 3 },
};

static const PixelFormat *find_format(uint32_t fourcc)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            return &formats[i];
        }
    }
    return NULL;
}

bool picture_set(Picture *pic, const VhostUserObjectInfo *info, Error **errp)
{
    const PixelFormat *format = find_format(info->fourcc);

    if (!format || info->num_planes != 1 ||
        info->modifier != DRM_FORMAT_MOD_LINEAR) {
        error_setg(errp, "the object is not known to have a linear image of "
                   "four bytes per pixel");
        return false;
    }
    if (info->width == 0 || info->width > LONGEST ||
        info->height == 0 || info->height > LONGEST) {
        error_setg(errp, "a picture cannot have %u x %u pixels", info->width,
                   info->height);
        return false;
    }
    if (info->strides[0] < info->width * PIXEL) {
        error_setg(errp, "a row of %u pixels needs more than %u bytes",
                   info->width, info->strides[0]);
        return false;
    }
    *pic = (Picture) {
        format, info->width, info->height, info->strides[0], info->offsets[0],
        info->flags & VHOST_USER_OBJECT_BOTTOM_UP,
    };
    return true;
}

uint64_t picture_bytes(const Picture *pic)
{
    return pic->offset + (uint64_t)pic->stride * (pic->height - 1) +
           pic->width * PIXEL;
}

bool picture_covers(const Picture *pic, const Rectangle *rect)
{
    return rect->width > 0 && rect->height > 0 &&
           rect->x <= pic->width && rect->width <= pic->width - rect->x &&
           rect->y <= pic->height && rect->height <= pic->height - rect->y;
}

static uint8_t *pixel_at(const Picture *pic, uint8_t *data, uint32_t x,
                         uint32_t y)
{
    uint32_t row = pic->bottom_up ? pic->height - 1 - y : y;

    return data + pic->offset + (size_t)row * pic->stride + x * PIXEL;
}

void picture_invert(const Picture *pic, uint8_t *data, const Rectangle *rect)
{
    const PixelFormat *format = pic->format;

    for (uint32_t y = rect->y; y < rect->y + rect->height; y++) {
        for (uint32_t x = rect->x; x < rect->x + rect->width; x++) {
            uint8_t *pixel = pixel_at(pic, data, x, y);

            pixel[format->red] ^= 0xff;
            pixel[format->green] ^= 0xff;
            pixel[format->blue] ^= 0xff;
        }
    }
}

void picture_fill(const Picture *pic, uint8_t *data, const Rectangle *rect,
                  uint32_t rgb)
{
    const PixelFormat *format = pic->format;

    for (uint32_t y = rect->y; y < rect->y + rect->height; y++) {
        for (uint32_t x = rect->x; x < rect->x + rect->width; x++) {
            uint8_t *pixel = pixel_at(pic, data, x, y);

            pixel[format->red] = rgb >> 16;
            pixel[format->green] = rgb >> 8;
            pixel[format->blue] = rgb;
        }
    }
}

/* Rows with three bytes per pixel, for libpng */
static uint8_t *rgb_pixels(const Picture *pic, uint8_t *data)
{
    const PixelFormat *format = pic->format;
    uint8_t *rgb = g_malloc((size_t)pic->width * pic->height * 3);
    uint8_t *out = rgb;

    for (uint32_t y = 0; y < pic->height; y++) {
        const uint8_t *pixel = pixel_at(pic, data, 0, y);

        for (uint32_t x = 0; x < pic->width; x++, pixel += PIXEL) {
            *out++ = pixel[format->red];
            *out++ = pixel[format->green];
            *out++ = pixel[format->blue];
        }
    }
    return rgb;
}

bool picture_write_png(const Picture *pic, uint8_t *data,
                       const char *file, Error **errp)
{
    g_autofree uint8_t *rgb = rgb_pixels(pic, data);
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = pic->width,
        .height = pic->height,
        .format = PNG_FORMAT_RGB,
    };

    if (!png_image_write_to_file(&image, file, 0, rgb, 0, NULL)) {
        error_setg(errp, "cannot write %s: %s", file, image.message);
        png_image_free(&image);
        return false;
    }
    return true;
}
