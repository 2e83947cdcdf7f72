/*
 * The picture of the demo: an evening sky with rings, a mark and a test card
 *
 * Lengths are in units of 1/1024 of the picture's height, so that it looks the
 * same at any size. Each pixel is the mean of four samples.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdbool.h>
#include "picture.h"

#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))

#define UNITS       1024    /* height of the picture */
#define OPAQUE      256     /* weight at which mix() gives its second colour */

#define RINGS_REACH (620 * 620)
#define RINGS_STEP  8192    /* growth of the squared radius per ring */

typedef struct Colour {
    int r, g, b;
} Colour;

static const Colour night = { 22, 26, 74 };
static const Colour dusk = { 246, 132, 96 };
static const Colour glow = { 96, 224, 216 };
static const Colour sail = { 255, 208, 72 };
static const Colour ink = { 255, 255, 255 };

static Colour mix(Colour a, Colour b, int weight)
{
    return (Colour) {
        .r = a.r + (b.r - a.r) * weight / OPAQUE,
        .g = a.g + (b.g - a.g) * weight / OPAQUE,
        .b = a.b + (b.b - a.b) * weight / OPAQUE,
    };
}

static int distance_squared(int u, int v, int centre_u, int centre_v)
{
    int du = u - centre_u, dv = v - centre_v;

    return du * du + dv * dv;
}

static Colour sky(int u, int v, int width)
{
    return mix(night, dusk, (3 * v * OPAQUE / UNITS + u * OPAQUE / width) / 4);
}

/* Newton's rings, which fade with the distance: a weight below OPAQUE */
static int rings(int u, int v, int width)
{
    int r2 = distance_squared(u, v, width * 5 / 8, UNITS * 3 / 8);
    int slope, wave;

    if (r2 >= RINGS_REACH) {
        return 0;
    }
    slope = r2 % RINGS_STEP * 512 / RINGS_STEP;
    if (slope > 255) {
        slope = 511 - slope;
    }
    wave = slope * slope * (3 * 256 - 2 * slope) >> 16;
    return wave * ((RINGS_REACH - r2) / 256) / (RINGS_REACH / 256) * 3 / 4;
}

static bool in_triangle(int u, int v)
{
    return u >= 90 && v <= 940 && u - 90 <= v - 580;
}

static bool in_letters(int u, int v)
{
    static const char rows[][24] = {
        "#...#.#...#.#####.####.",
        "#...#.#...#...#...#...#",
        "#...#.#...#...#...#...#",
        "#...#.#...#...#...#...#",
        "#...#.#...#...#...#...#",
        "#...#.#...#...#...#...#",
        ".###...###..#####.####.",
    };
    const int cell = 18, left = 90, top = 90;

    if (u < left || v < top) {
        return false;
    }
    u = (u - left) / cell;
    v = (v - top) / cell;
    return u < 23 && v < (int)ARRAY_SIZE(rows) && rows[v][u] == '#';
}

/* Red, green and blue discs, in this order, at the lower right. */
static bool in_discs(int u, int v, int width, Colour *colour)
{
    static const Colour discs[] = {
        { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 },
    };
    const int first = width - 330, step = 110, radius = 40;

    for (int i = 0; i < (int)ARRAY_SIZE(discs); i++) {
        if (distance_squared(u, v, first + i * step, 910) < radius * radius) {
            *colour = discs[i];
            return true;
        }
    }
    return false;
}

static Colour sample(int u, int v, int width)
{
    Colour colour;

    if (in_letters(u, v)) {
        return ink;
    }
    if (in_discs(u, v, width, &colour)) {
        return colour;
    }
    colour = mix(sky(u, v, width), glow, rings(u, v, width));
    if (in_triangle(u, v)) {
        colour = mix(colour, sail, OPAQUE * 7 / 8);
    }
    return colour;
}

uint32_t picture_pixel(unsigned int x, unsigned int y,
                       unsigned int width, unsigned int height)
{
    Colour sum = { 0, 0, 0 };

    for (unsigned int i = 0; i < 4; i++) {
        Colour one = sample((4 * x + 1 + i % 2 * 2) * (UNITS / 4) / height,
                            (4 * y + 1 + i / 2 * 2) * (UNITS / 4) / height,
                            width * UNITS / height);

        sum.r += one.r;
        sum.g += one.g;
        sum.b += one.b;
    }
    return (uint32_t)(sum.r / 4) << 16 | (sum.g / 4) << 8 | sum.b / 4;
}

uint32_t picture_negative(unsigned int x, unsigned int y,
                          unsigned int width, unsigned int height)
{
    return 0xffffff - picture_pixel(x, y, width, height);
}
