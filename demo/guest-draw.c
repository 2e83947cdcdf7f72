/*
 * Draw into a virtio-gpu buffer, show it, and print the buffer's UUID
 *
 * With --blob the buffer is a blob of the guest's memory, which the device uses
 * directly.  Otherwise the device has a copy of the buffer.
 *
 * Prints lines that begin with "DEMO: " for the host, and executes the host's
 * commands, one per line:
 *   again      draw the picture's negative into the same buffer, show it
 *   draw       draw the negative, and send the device no command
 *   share      write the UUID to the disk, which then maps the buffer
 *   compare    compare the disk with the buffer, and the buffer with the picture
 *   transfer   show the buffer again as it is
 *   capture    capture frames into the buffer, and send the GPU no command
 *   capture-pages  capture frames into memory of this program, and show the last
 *   done       end
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define _GNU_SOURCE     /* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/virtgpu_drm.h>

#include "guest-gpu.h"
#include "guest-video.h"
#include "module/virtio-uuid-reader.h"
#include "picture.h"

#define DISK    "/dev/vda"
#define READER  "/dev/" VIRTIO_UUID_READER_NAME

/* The layout of the disk: see tests/vhost-user/README.rst */
#define SECTOR      512
#define DISK_READY  1

typedef struct Demo {
    int card;
    struct drm_mode_create_dumb dumb;
    uint32_t fb;
    int dmabuf;
    PictureFunc *drawn;
    bool has_uuid;
    uint8_t uuid[16];
} Demo;

/* The first CRTC and connector: virtio-gpu has one of each per output */
static void find_output(int card, uint32_t *crtc, uint32_t *connector)
{
    struct drm_mode_card_res res = {
        .crtc_id_ptr = (uintptr_t)crtc,
        .count_crtcs = 1,
        .connector_id_ptr = (uintptr_t)connector,
        .count_connectors = 1,
    };

    if (ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &res)) {
        die("cannot read the outputs of " CARD);
    }
    if (res.count_crtcs != 1 || res.count_connectors != 1) {
        errno = ENODEV;
        die("this needs a virtio-gpu with one output");
    }
}

static struct drm_mode_modeinfo preferred_mode(int card, uint32_t connector)
{
    struct drm_mode_modeinfo modes[64];
    struct drm_mode_get_connector probe = { .connector_id = connector };
    struct drm_mode_get_connector conn = {
        .connector_id = connector,
        .modes_ptr = (uintptr_t)modes,
        .count_modes = 64,
    };

    /* A first call with an empty array makes the kernel probe the modes */
    if (ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &probe) ||
        ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &conn)) {
        die("cannot read the modes of the output");
    }
    if (conn.count_modes == 0 || conn.count_modes > 64) {
        errno = ERANGE;
        die("the output has no mode, or more than 64");
    }
    for (uint32_t i = 0; i < conn.count_modes; i++) {
        if (modes[i].type & DRM_MODE_TYPE_PREFERRED) {
            return modes[i];
        }
    }
    return modes[0];
}

static void draw(Demo *demo, PictureFunc *picture)
{
    const struct drm_mode_create_dumb *dumb = &demo->dumb;
    uint8_t *pixels = map_buffer(demo->card, dumb);

    for (uint32_t y = 0; y < dumb->height; y++) {
        uint32_t *row = (uint32_t *)(pixels + (size_t)y * dumb->pitch);

        for (uint32_t x = 0; x < dumb->width; x++) {
            row[x] = picture(x, y, dumb->width, dumb->height);
        }
    }
    munmap(pixels, dumb->size);
    demo->drawn = picture;
}

static uint32_t show(int card, const struct drm_mode_create_dumb *dumb,
                     const struct drm_mode_modeinfo *mode,
                     uint32_t crtc_id, uint32_t connector_id)
{
    struct drm_mode_fb_cmd fb = {
        .width = dumb->width,
        .height = dumb->height,
        .pitch = dumb->pitch,
        .bpp = 32,
        .depth = 24,
        .handle = dumb->handle,
    };
    struct drm_mode_crtc crtc = {
        .set_connectors_ptr = (uintptr_t)&connector_id,
        .count_connectors = 1,
        .crtc_id = crtc_id,
        .mode_valid = 1,
        .mode = *mode,
    };

    if (ioctl(card, DRM_IOCTL_MODE_ADDFB, &fb)) {
        die("cannot make a framebuffer of the buffer");
    }
    crtc.fb_id = fb.fb_id;
    if (ioctl(card, DRM_IOCTL_MODE_SETCRTC, &crtc)) {
        die("cannot show the buffer");
    }
    return fb.fb_id;
}

/* The driver updates the device's copy of the pixels, if there is one */
static void show_again(int card, uint32_t fb_id)
{
    struct drm_mode_fb_dirty_cmd dirty = { .fb_id = fb_id };

    if (ioctl(card, DRM_IOCTL_MODE_DIRTYFB, &dirty)) {
        die("cannot show the buffer again");
    }
}

static void print_uuid(Demo *demo)
{
    struct virtio_uuid_read request = { .fd = demo->dmabuf };
    int reader = open_device(READER, 0);

    demo->has_uuid = !ioctl(reader, VIRTIO_UUID_READ, &request);
    if (!demo->has_uuid) {
        if (errno != ENODEV) {
            die("cannot read the UUID of the dma-buf");
        }
        printf("DEMO: no uuid: ENODEV\n");
    } else {
        memcpy(demo->uuid, request.uuid, sizeof(demo->uuid));
        printf("DEMO: uuid ");
        for (int i = 0; i < 16; i++) {
            bool dash = i == 4 || i == 6 || i == 8 || i == 10;

            printf("%s%02x", dash ? "-" : "", request.uuid[i]);
        }
        printf("\n");
    }
    close(reader);
}

static void report(Demo *demo)
{
    printf("DEMO: screen %ux%u\n", demo->dumb.width, demo->dumb.height);
    printf("DEMO: resource %u\n", resource_id(demo->card, demo->dumb.handle));
    print_uuid(demo);
    printf("DEMO: ready\n");
}

static void *allocate_for_disk(size_t size)
{
    void *memory = aligned_alloc(4096, size);

    if (!memory) {
        die("no memory");
    }
    return memory;
}

/* Make the buffer's memory the sectors of the second device */
static void share(Demo *demo)
{
    uint8_t *sector = allocate_for_disk(4096);
    int disk = open_device(DISK, O_DIRECT);
    uint32_t status;

    if (!demo->has_uuid) {
        errno = ENODEV;
        die("there is no UUID to share");
    }
    memset(sector, 0, SECTOR);
    memcpy(sector, demo->uuid, sizeof(demo->uuid));
    if (pwrite(disk, sector, SECTOR, 0) != SECTOR ||
        pread(disk, sector, SECTOR, 0) != SECTOR) {
        die("the disk rejects the UUID");
    }
    memcpy(&status, sector + sizeof(demo->uuid), sizeof(status));
    if (status != DISK_READY) {
        errno = ENOENT;
        die("the disk has not found the buffer");
    }
    printf("DEMO: shared " DISK "\n");
    close(disk);
    free(sector);
}

static uint8_t *read_disk(size_t size)
{
    uint8_t *pixels = allocate_for_disk(size);
    int disk = open_device(DISK, O_DIRECT);

    if (pread(disk, pixels, size, SECTOR) != (ssize_t)size) {
        die("cannot read the disk");
    }
    close(disk);
    return pixels;
}

static void compare(Demo *demo)
{
    const struct drm_mode_create_dumb *dumb = &demo->dumb;
    uint8_t *buffer = map_buffer(demo->card, dumb);
    uint8_t *disk = read_disk((size_t)dumb->height * dumb->pitch);
    unsigned same = 0, kept = 0;

    for (uint32_t y = 0; y < dumb->height; y++) {
        const uint32_t *ours = (uint32_t *)(buffer + (size_t)y * dumb->pitch);
        const uint32_t *theirs = (uint32_t *)(disk + (size_t)y * dumb->pitch);

        for (uint32_t x = 0; x < dumb->width; x++) {
            same += ours[x] == theirs[x];
            kept += ours[x] == demo->drawn(x, y, dumb->width, dumb->height);
        }
    }
    printf("DEMO: backing %u\n", kept);
    printf("DEMO: disk %u\n", same);
    free(disk);
    munmap(buffer, dumb->size);
}

/* Return: how many pixels in the guest's memory are as they were drawn */
static unsigned count_kept(const Demo *demo)
{
    const struct drm_mode_create_dumb *dumb = &demo->dumb;
    uint8_t *pixels = map_buffer(demo->card, dumb);
    unsigned kept = 0;

    for (uint32_t y = 0; y < dumb->height; y++) {
        const uint32_t *row = (uint32_t *)(pixels + (size_t)y * dumb->pitch);

        for (uint32_t x = 0; x < dumb->width; x++) {
            kept += row[x] == demo->drawn(x, y, dumb->width, dumb->height);
        }
    }
    munmap(pixels, dumb->size);
    return kept;
}

static void capture(Demo *demo)
{
    unsigned count = capture_frames(&demo->dumb, demo->dmabuf, NULL);

    printf("DEMO: backing %u\n", count_kept(demo));
    printf("DEMO: captured %u\n", count);
}

static void capture_to_pages(Demo *demo)
{
    const struct drm_mode_create_dumb *dumb = &demo->dumb;
    uint8_t *memory = calloc(1, dumb->size), *pixels;
    unsigned count;

    if (!memory) {
        die("no memory");
    }
    count = capture_frames(dumb, -1, memory);
    pixels = map_buffer(demo->card, dumb);
    memcpy(pixels, memory, dumb->size);
    munmap(pixels, dumb->size);
    free(memory);
    show_again(demo->card, demo->fb);
    printf("DEMO: captured %u\n", count);
}

/* Execute a command of the host.  Return: false after the command "done" */
static bool obey(Demo *demo, const char *word)
{
    if (!strcmp(word, "again\n")) {
        draw(demo, picture_negative);
        show_again(demo->card, demo->fb);
        report(demo);
    } else if (!strcmp(word, "draw\n")) {
        draw(demo, picture_negative);
        printf("DEMO: drawn\n");
    } else if (!strcmp(word, "share\n")) {
        share(demo);
    } else if (!strcmp(word, "compare\n")) {
        compare(demo);
    } else if (!strcmp(word, "transfer\n")) {
        show_again(demo->card, demo->fb);
        printf("DEMO: shown\n");
    } else if (!strcmp(word, "capture\n")) {
        capture(demo);
    } else if (!strcmp(word, "capture-pages\n")) {
        capture_to_pages(demo);
    } else if (strcmp(word, "done\n")) {
        errno = EINVAL;
        die("unknown command from the host");
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    bool is_blob = argc == 2 && !strcmp(argv[1], "--blob");
    Demo demo;
    struct drm_mode_modeinfo mode;
    uint32_t crtc, connector;
    char line[16];

    setvbuf(stdout, NULL, _IOLBF, 0);
    demo.card = open_device(CARD, 0);
    find_output(demo.card, &crtc, &connector);
    mode = preferred_mode(demo.card, connector);
    demo.dumb = (is_blob ? create_blob : create_dumb)(demo.card, mode.hdisplay,
                                                      mode.vdisplay);
    draw(&demo, picture_pixel);
    demo.fb = show(demo.card, &demo.dumb, &mode, crtc, connector);
    demo.dmabuf = export_buffer(demo.card, demo.dumb.handle);
    report(&demo);

    do {
        if (!fgets(line, sizeof(line), stdin)) {
            die("the host has closed the serial console");
        }
    } while (obey(&demo, line));
    printf("DEMO: done\n");
    return EXIT_SUCCESS;
}
