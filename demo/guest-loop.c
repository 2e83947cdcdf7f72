/*
 * Create and destroy textures of virtio-gpu, with and without an export
 *
 * Prints, for each texture, by how much the TSC increased and how many
 * interrupts of the control queue there were.  With QEMU's -icount shift=0, the
 * TSC counts the guest's instructions, and the time in which the guest is idle.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <x86intrin.h>

#include <drm/virtgpu_drm.h>

#include "guest-gpu.h"

#define TEXTURES    500
#define SIDE        64
#define RUNS        6

static unsigned long interrupts(void)
{
    FILE *file = fopen("/proc/interrupts", "r");
    char line[256];
    unsigned long count = 0;

    if (!file) {
        die("/proc/interrupts");
    }
    while (fgets(line, sizeof(line), file)) {
        if (strstr(line, "-control")) {
            count = strtoul(strchr(line, ':') + 1, NULL, 10);
        }
    }
    fclose(file);
    return count;
}

static void create_and_destroy(int card, bool export)
{
    struct drm_mode_create_dumb texture = create_texture(card, SIDE, SIDE, false);
    struct drm_gem_close gem = { .handle = texture.handle };

    if (export) {
        close(export_buffer(card, texture.handle));
    }
    if (ioctl(card, DRM_IOCTL_GEM_CLOSE, &gem)) {
        die("cannot destroy the texture");
    }
}

static void run(int card, bool export)
{
    unsigned long before;
    uint64_t begin;

    usleep(300000); /* let the device finish earlier commands */
    before = interrupts();
    begin = __rdtsc();
    for (int i = 0; i < TEXTURES; i++) {
        create_and_destroy(card, export);
    }
    printf("%s: %.0f ticks, %.2f interrupts\n", export ? "exported" : "destroyed",
           (double)(__rdtsc() - begin) / TEXTURES,
           (double)(interrupts() - before) / TEXTURES);
}

int main(void)
{
    int card = open_device("/dev/dri/renderD128", 0);

    for (int i = 0; i < RUNS; i++) {
        run(card, true);
        run(card, false);
    }
    return 0;
}
