/*
 * Write the picture of the demo, or its negative, as a PPM: the reference for
 * a screendump
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "picture.h"

static PictureFunc *picture_by_name(const char *name)
{
    if (!strcmp(name, "picture")) {
        return picture_pixel;
    }
    return strcmp(name, "negative") ? NULL : picture_negative;
}

int main(int argc, char **argv)
{
    PictureFunc *picture = argc == 4 ? picture_by_name(argv[3]) : NULL;
    unsigned int width, height;

    if (!picture ||
        sscanf(argv[1], "%u", &width) != 1 || !width || width > 8192 ||
        sscanf(argv[2], "%u", &height) != 1 || !height || height > 8192) {
        fprintf(stderr,
                "usage: picture-ppm WIDTH HEIGHT picture|negative >FILE\n");
        return EXIT_FAILURE;
    }

    printf("P6\n%u %u\n255\n", width, height);
    for (unsigned int y = 0; y < height; y++) {
        for (unsigned int x = 0; x < width; x++) {
            uint32_t pixel = picture(x, y, width, height);

            putchar(pixel >> 16 & 0xff);
            putchar(pixel >> 8 & 0xff);
            putchar(pixel & 0xff);
        }
    }
    if (fflush(stdout) || ferror(stdout)) {
        perror("picture-ppm: cannot write");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
