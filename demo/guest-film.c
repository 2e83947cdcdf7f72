/*
 * Draw a film into buffers of virtio-gpu, and queue them to a video output
 *
 * The film is the picture of the demo, which moves to the left.  The video
 * output gets each frame in one of four buffers.
 *
 * The buffers are of the first kind that the GPU has: textures that the host's
 * GL renders, blobs, or resources of which the device has a copy.
 *
 * Prints lines that begin with "DEMO: " for the host, and executes the host's
 * commands, one per line:
 *   objects    begin a stream of frames in resources of the GPU, by their UUIDs
 *   pages      begin a stream of frames in memory of this program
 *   play N     draw and queue N more frames, and wait for all buffers
 *   end        end the stream
 *   misuse     queue too long buffers, and make the stream fail
 *   done       end
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm/virtgpu_drm.h>
#include <linux/videodev2.h>
#include <linux/virtio_gpu.h>

#include "guest-gpu.h"
#include "guest-video.h"
#include "picture.h"

#define VIDEO   "the video output"
#define TYPE    V4L2_BUF_TYPE_VIDEO_OUTPUT

#define WIDTH   324 /* the host's GL pads its rows */
#define HEIGHT  240
#define PIXEL   sizeof(uint32_t)
#define STEP    7   /* columns that the picture moves per frame: see film.py */
#define BUFFERS 4

/* What the resources are */
typedef enum Memory {
    COPIES,     /* the device has a copy, and transfers update it */
    BLOBS,      /* the device uses the memory of the guest */
    TEXTURES,   /* the host's GL renders */
} Memory;

/* A buffer: its resource, and memory for a stream that uses none */
typedef struct Buffer {
    struct drm_mode_create_dumb dumb;
    int dmabuf;
    uint8_t *resource;
    uint8_t *memory;
} Buffer;

typedef struct Film {
    int card;
    int video;
    Memory memory;
    bool in_resources;
    unsigned frames;
    uint32_t picture[HEIGHT][WIDTH];
    struct drm_mode_create_dumb texture;    /* of the picture */
    Buffer buffers[BUFFERS];
} Film;

static Memory best_memory(int card)
{
    if (gpu_has(card, VIRTGPU_PARAM_3D_FEATURES)) {
        return TEXTURES;
    }
    return gpu_has(card, VIRTGPU_PARAM_RESOURCE_BLOB) ? BLOBS : COPIES;
}

static void draw_picture(Film *film)
{
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++) {
            film->picture[y][x] = picture_pixel(x, y, WIDTH, HEIGHT);
        }
    }
}

static void draw_frame(const Film *film, uint8_t *pixels, uint32_t pitch)
{
    size_t left = film->frames * STEP % WIDTH, right = WIDTH - left;

    for (unsigned y = 0; y < HEIGHT; y++, pixels += pitch) {
        const uint32_t *row = film->picture[y];

        memcpy(pixels, row + left, right * PIXEL);
        memcpy(pixels + right * PIXEL, row, left * PIXEL);
    }
}

/* Every other texture is bottom-up in the host's memory, as GL's windows are */
static struct drm_mode_create_dumb create_resource(const Film *film, int number)
{
    switch (film->memory) {
    case TEXTURES:
        return create_texture(film->card, WIDTH, HEIGHT, number % 2);
    case BLOBS:
        return create_blob(film->card, WIDTH, HEIGHT);
    default:
        return create_dumb(film->card, WIDTH, HEIGHT);
    }
}

static void create_buffers(Film *film)
{
    for (int i = 0; i < BUFFERS; i++) {
        Buffer *buffer = &film->buffers[i];

        buffer->dumb = create_resource(film, i);
        buffer->dmabuf = export_buffer(film->card, buffer->dumb.handle);
        buffer->resource = map_buffer(film->card, &buffer->dumb);
        buffer->memory = malloc(buffer->dumb.size);
        if (!buffer->memory) {
            die("no memory");
        }
    }
}

static void close_handle(const Film *film, uint32_t handle)
{
    struct drm_gem_close close = { .handle = handle };

    if (ioctl(film->card, DRM_IOCTL_GEM_CLOSE, &close)) {
        die("cannot close a buffer");
    }
}

/*
 * Wait until a GPU without GL has executed all commands.  The GPU executes them
 * in order, but the driver only waits for a command that creates a resource.
 */
static void wait_for_transfer(const Film *film)
{
    struct drm_virtgpu_resource_create create = {
        .target = 2,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .width = 1,
        .height = 1,
        .depth = 1,
        .array_size = 1,
    };

    if (ioctl(film->card, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE, &create)) {
        die("cannot create a resource");
    }
    wait_for_buffer(film->card, create.bo_handle);
    close_handle(film, create.bo_handle);
}

/* Give the host's GL the picture from which it renders the frames */
static void create_picture(Film *film)
{
    uint8_t *pixels;

    film->texture = create_texture(film->card, WIDTH, HEIGHT, false);
    pixels = map_buffer(film->card, &film->texture);
    draw_frame(film, pixels, film->texture.pitch);
    transfer_buffer(film->card, &film->texture);
    wait_for_buffer(film->card, film->texture.handle);
}

static void render_frame(const Film *film,
                         const struct drm_mode_create_dumb *to)
{
    uint32_t left = film->frames * STEP % WIDTH, right = WIDTH - left;

    render_part(film->card, to, 0, &film->texture, left, right);
    if (left) {
        render_part(film->card, to, right, &film->texture, 0, left);
    }
    wait_for_buffer(film->card, to->handle);
}

static void fill_resource(const Film *film, const Buffer *buffer)
{
    const struct drm_mode_create_dumb *dumb = &buffer->dumb;

    if (film->memory == TEXTURES) {
        render_frame(film, dumb);
        return;
    }
    draw_frame(film, buffer->resource, dumb->pitch);
    if (film->memory == COPIES) {
        transfer_buffer(film->card, dumb);
        wait_for_transfer(film);
    }
}

static void set_format(const Film *film)
{
    struct v4l2_format format = {
        .type = TYPE,
        .fmt.pix = {
            .width = WIDTH,
            .height = HEIGHT,
            .pixelformat = V4L2_PIX_FMT_XBGR32,
            .field = V4L2_FIELD_NONE,
            .bytesperline = film->buffers[0].dumb.pitch,
        },
    };
    uint32_t pitch = format.fmt.pix.bytesperline;

    if (ioctl(film->video, VIDIOC_S_FMT, &format)) {
        die("cannot set the format of " VIDEO);
    }
    if (format.fmt.pix.width != WIDTH || format.fmt.pix.height != HEIGHT ||
        format.fmt.pix.pixelformat != V4L2_PIX_FMT_XBGR32 ||
        format.fmt.pix.bytesperline != pitch) {
        errno = EINVAL;
        die(VIDEO " does not accept the format of the buffers");
    }
}

static uint32_t memory_type(const Film *film)
{
    return film->in_resources ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_USERPTR;
}

static void request_buffers(const Film *film, unsigned count)
{
    struct v4l2_requestbuffers request = {
        .count = count,
        .type = TYPE,
        .memory = memory_type(film),
    };

    if (ioctl(film->video, VIDIOC_REQBUFS, &request)) {
        die("cannot request buffers of " VIDEO);
    }
    if (request.count != count) {
        errno = ENOBUFS;
        die(VIDEO " has another number of buffers");
    }
}

static void begin_stream(Film *film, bool in_resources)
{
    int type = TYPE;

    film->in_resources = in_resources;
    film->frames = 0;
    set_format(film);
    request_buffers(film, BUFFERS);
    if (ioctl(film->video, VIDIOC_STREAMON, &type)) {
        die("cannot begin the stream");
    }
    printf("DEMO: streaming %s\n", in_resources ? "objects" : "pages");
}

static void end_stream(Film *film)
{
    int type = TYPE;

    if (ioctl(film->video, VIDIOC_STREAMOFF, &type)) {
        die("cannot end the stream");
    }
    request_buffers(film, 0);
    printf("DEMO: ended\n");
}

/* Return the index of a buffer that the device has returned */
static unsigned dequeue(const Film *film)
{
    struct v4l2_buffer v4l2 = { .type = TYPE, .memory = memory_type(film) };

    if (ioctl(film->video, VIDIOC_DQBUF, &v4l2)) {
        die("cannot dequeue a buffer");
    }
    if (v4l2.flags & V4L2_BUF_FLAG_ERROR) {
        errno = EIO;
        die(VIDEO " has returned a frame with an error");
    }
    return v4l2.index;
}

static void queue(Film *film, unsigned index)
{
    const Buffer *buffer = &film->buffers[index];
    struct v4l2_buffer v4l2 = {
        .index = index,
        .type = TYPE,
        .memory = memory_type(film),
        .bytesused = HEIGHT * buffer->dumb.pitch,
        .length = buffer->dumb.size,
    };

    if (film->in_resources) {
        fill_resource(film, buffer);
        v4l2.m.fd = buffer->dmabuf;
    } else {
        draw_frame(film, buffer->memory, buffer->dumb.pitch);
        v4l2.m.userptr = (uintptr_t)buffer->memory;
    }
    if (ioctl(film->video, VIDIOC_QBUF, &v4l2)) {
        die("cannot queue a buffer");
    }
    film->frames++;
}

static void play(Film *film, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        queue(film, i < BUFFERS ? i : dequeue(film));
    }
    for (unsigned i = 0; i < count && i < BUFFERS; i++) {
        dequeue(film);
    }
    printf("DEMO: played %u\n", film->frames);
}

static bool try_queue_pages(const Film *film, unsigned index, uint32_t length)
{
    const Buffer *buffer = &film->buffers[index];
    struct v4l2_buffer v4l2 = {
        .index = index,
        .type = TYPE,
        .memory = V4L2_MEMORY_USERPTR,
        .bytesused = HEIGHT * buffer->dumb.pitch,
        .length = length,
        .m.userptr = (uintptr_t)buffer->memory,
    };

    return ioctl(film->video, VIDIOC_QBUF, &v4l2) == 0;
}

static void queue_pages(const Film *film, unsigned index, uint32_t length)
{
    if (!try_queue_pages(film, index, length)) {
        die("cannot queue a buffer");
    }
}

/* Queue all buffers, the first one with a length of 4 GiB */
static void queue_all_pages(const Film *film)
{
    for (unsigned i = 0; i < BUFFERS; i++) {
        queue_pages(film, i, i ? film->buffers[i].dumb.size : UINT32_MAX);
    }
}

/* A format that the pipeline cannot encode: a single row */
static void set_flat_format(const Film *film)
{
    struct v4l2_format format = {
        .type = TYPE,
        .fmt.pix = { .width = WIDTH, .height = 1 },
    };

    if (ioctl(film->video, VIDIOC_S_FMT, &format)) {
        die("cannot set a format with one row");
    }
}

/* The stream may fail before either call */
static bool exchange_pages(const Film *film)
{
    struct v4l2_buffer v4l2 = { .type = TYPE, .memory = V4L2_MEMORY_USERPTR };

    return !ioctl(film->video, VIDIOC_DQBUF, &v4l2) &&
           try_queue_pages(film, v4l2.index, film->buffers[0].dumb.size);
}

static void wait_for_failure(const Film *film)
{
    for (int i = 0; exchange_pages(film); i++) {
        if (i == 1000) {
            errno = ENOTRECOVERABLE;
            die("the stream does not fail");
        }
    }
    if (errno != EIO) {
        die("the stream fails with a wrong error");
    }
}

/* Close and open the video output, which starts a new session */
static void reopen_video(Film *film)
{
    char link[32], path[PATH_MAX] = "";

    snprintf(link, sizeof(link), "/proc/self/fd/%d", film->video);
    if (readlink(link, path, sizeof(path) - 1) < 0) {
        die("cannot find the video output");
    }
    close(film->video);
    film->video = open(path, O_RDWR);
    if (film->video < 0) {
        die("cannot open the video output again");
    }
}

static void check_kernel(void)
{
    FILE *file = fopen("/proc/sys/kernel/tainted", "r");
    unsigned long tainted;

    if (!file || fscanf(file, "%lu", &tainted) != 1) {
        die("cannot read whether the kernel has warned");
    }
    fclose(file);
    if (tainted & 1 << 9) {
        errno = EFAULT;
        die("the kernel has warned");
    }
}

/* Make a stream fail, and check that the device then starts no stream */
static void misuse(Film *film)
{
    int type = TYPE;

    film->in_resources = false;
    set_flat_format(film);
    request_buffers(film, BUFFERS);
    queue_all_pages(film);
    if (ioctl(film->video, VIDIOC_STREAMON, &type)) {
        die("cannot begin the stream");
    }
    wait_for_failure(film);
    if (ioctl(film->video, VIDIOC_STREAMOFF, &type)) {
        die("cannot end the stream");
    }
    queue_all_pages(film);
    if (!ioctl(film->video, VIDIOC_STREAMON, &type)) {
        errno = EPROTO;
        die("a stream has begun after a failure");
    }
    reopen_video(film);
    check_kernel();
    printf("DEMO: ended\n");
}

/* Execute a command of the host.  Return: false after the command "done" */
static bool obey(Film *film, const char *line)
{
    unsigned count;

    if (!strcmp(line, "objects\n")) {
        begin_stream(film, true);
    } else if (!strcmp(line, "pages\n")) {
        begin_stream(film, false);
    } else if (sscanf(line, "play %u", &count) == 1) {
        play(film, count);
    } else if (!strcmp(line, "end\n")) {
        end_stream(film);
    } else if (!strcmp(line, "misuse\n")) {
        misuse(film);
    } else if (strcmp(line, "done\n")) {
        errno = EINVAL;
        die("unknown command from the host");
    } else {
        return false;
    }
    return true;
}

int main(void)
{
    static Film film;
    char line[16];

    setvbuf(stdout, NULL, _IOLBF, 0);
    film.card = open_device(CARD, 0);
    film.video = open_video(V4L2_CAP_VIDEO_OUTPUT);
    film.memory = best_memory(film.card);
    draw_picture(&film);
    if (film.memory == TEXTURES) {
        create_picture(&film);
    }
    create_buffers(&film);
    printf("DEMO: film %dx%d\n", WIDTH, HEIGHT);

    do {
        if (!fgets(line, sizeof(line), stdin)) {
            die("the host has closed the serial console");
        }
    } while (obey(&film, line));
    printf("DEMO: done\n");
    return EXIT_SUCCESS;
}
