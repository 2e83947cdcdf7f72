/*
 * Draw into a virtio-gpu buffer, show it, and print the buffer's UUID
 *
 * Prints lines that begin with "DEMO: " for the host. Upon "again" from there
 * it draws the picture's negative into the same buffer and prints all anew;
 * upon "done" it ends.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <drm/virtgpu_drm.h>

#include "module/virtio-uuid-reader.h"
#include "picture.h"

#define CARD    "/dev/dri/card0"
#define READER  "/dev/" VIRTIO_UUID_READER_NAME

static void die(const char *what)
{
    printf("DEMO: error: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static int open_device(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        die(path);
    }
    return fd;
}

/* The first CRTC and connector: a virtio-gpu has one of each per output. */
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

    /* A first call without room makes the kernel probe the modes. */
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

static struct drm_mode_create_dumb create_buffer(int card, uint32_t width,
                                                 uint32_t height)
{
    struct drm_mode_create_dumb dumb = {
        .width = width,
        .height = height,
        .bpp = 32,
    };

    if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb)) {
        die("cannot create the buffer");
    }
    return dumb;
}

static void draw(int card, const struct drm_mode_create_dumb *dumb,
                 PictureFunc *picture)
{
    struct drm_mode_map_dumb map = { .handle = dumb->handle };
    uint8_t *pixels;

    if (ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map)) {
        die("cannot map the buffer");
    }
    pixels = mmap(NULL, dumb->size, PROT_READ | PROT_WRITE, MAP_SHARED, card,
                  map.offset);
    if (pixels == MAP_FAILED) {
        die("cannot mmap the buffer");
    }
    for (uint32_t y = 0; y < dumb->height; y++) {
        uint32_t *row = (uint32_t *)(pixels + (size_t)y * dumb->pitch);

        for (uint32_t x = 0; x < dumb->width; x++) {
            row[x] = picture(x, y, dumb->width, dumb->height);
        }
    }
    munmap(pixels, dumb->size);
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

/* The device has a copy of the pixels: this makes the driver renew it. */
static void show_again(int card, uint32_t fb_id)
{
    struct drm_mode_fb_dirty_cmd dirty = { .fb_id = fb_id };

    if (ioctl(card, DRM_IOCTL_MODE_DIRTYFB, &dirty)) {
        die("cannot show the buffer again");
    }
}

/* The name by which the device knows the buffer. */
static uint32_t resource_id(int card, uint32_t handle)
{
    struct drm_virtgpu_resource_info info = { .bo_handle = handle };

    if (ioctl(card, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info)) {
        die("cannot read the resource id of the buffer");
    }
    return info.res_handle;
}

/* Upon this the kernel's driver asks the device for the UUID. */
static int export_buffer(int card, uint32_t handle)
{
    struct drm_prime_handle prime = { .handle = handle, .flags = DRM_CLOEXEC };

    if (ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime)) {
        die("cannot export the buffer as a dma-buf");
    }
    return prime.fd;
}

static void print_uuid(int dmabuf)
{
    struct virtio_uuid_read request = { .fd = dmabuf };
    int reader = open_device(READER);

    if (ioctl(reader, VIRTIO_UUID_READ, &request)) {
        if (errno != ENODEV) {
            die("cannot read the UUID of the dma-buf");
        }
        printf("DEMO: no uuid: ENODEV\n");
    } else {
        printf("DEMO: uuid ");
        for (int i = 0; i < 16; i++) {
            bool dash = i == 4 || i == 6 || i == 8 || i == 10;

            printf("%s%02x", dash ? "-" : "", request.uuid[i]);
        }
        printf("\n");
    }
    close(reader);
}

static void report(int card, const struct drm_mode_create_dumb *dumb,
                   int dmabuf)
{
    printf("DEMO: screen %ux%u\n", dumb->width, dumb->height);
    printf("DEMO: resource %u\n", resource_id(card, dumb->handle));
    print_uuid(dmabuf);
    printf("DEMO: ready\n");
}

/* Wait for the host: whether it wants another picture or is done. */
static bool asked_again(void)
{
    char line[16];

    if (!fgets(line, sizeof(line), stdin)) {
        die("the host went away");
    }
    if (!strcmp(line, "again\n")) {
        return true;
    }
    if (strcmp(line, "done\n")) {
        errno = EINVAL;
        die("the host said neither 'again' nor 'done'");
    }
    return false;
}

int main(void)
{
    struct drm_mode_create_dumb dumb;
    struct drm_mode_modeinfo mode;
    uint32_t crtc, connector, fb;
    int card, dmabuf;

    setvbuf(stdout, NULL, _IOLBF, 0);
    card = open_device(CARD);
    find_output(card, &crtc, &connector);
    mode = preferred_mode(card, connector);
    dumb = create_buffer(card, mode.hdisplay, mode.vdisplay);
    draw(card, &dumb, picture_pixel);
    fb = show(card, &dumb, &mode, crtc, connector);
    dmabuf = export_buffer(card, dumb.handle);
    report(card, &dumb, dmabuf);

    while (asked_again()) {
        draw(card, &dumb, picture_negative);
        show_again(card, fb);
        report(card, &dumb, dmabuf);
    }
    printf("DEMO: done\n");
    return EXIT_SUCCESS;
}
