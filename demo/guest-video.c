/*
 * What the programs of the guest share: video devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "guest-gpu.h"
#include "guest-video.h"

#define TYPE    V4L2_BUF_TYPE_VIDEO_CAPTURE
#define DEVICES 2

int open_video(uint32_t caps)
{
    for (int i = 0; i < DEVICES; i++) {
        struct v4l2_capability capability;
        char path[16];
        int fd;

        snprintf(path, sizeof(path), "/dev/video%d", i);
        fd = open_device(path, 0);
        if (ioctl(fd, VIDIOC_QUERYCAP, &capability)) {
            die("cannot read the capabilities of a video device");
        }
        if (capability.device_caps & caps) {
            return fd;
        }
        close(fd);
    }
    errno = ENODEV;
    die("there is no such video device");
}

static void set_format(int video, const struct drm_mode_create_dumb *dumb)
{
    struct v4l2_format format = {
        .type = TYPE,
        .fmt.pix = {
            .width = dumb->width,
            .height = dumb->height,
            .pixelformat = V4L2_PIX_FMT_XBGR32,
            .field = V4L2_FIELD_NONE,
            .bytesperline = dumb->pitch,
        },
    };

    if (ioctl(video, VIDIOC_S_FMT, &format)) {
        die("cannot set the format of the capture");
    }
    if (format.fmt.pix.width != dumb->width ||
        format.fmt.pix.height != dumb->height ||
        format.fmt.pix.pixelformat != V4L2_PIX_FMT_XBGR32 ||
        format.fmt.pix.bytesperline != dumb->pitch) {
        errno = EINVAL;
        die("the capture does not accept the format of the buffer");
    }
}

static void request_buffer(int video, uint32_t memory)
{
    struct v4l2_requestbuffers request = {
        .count = 1,
        .type = TYPE,
        .memory = memory,
    };

    if (ioctl(video, VIDIOC_REQBUFS, &request)) {
        die("cannot request a buffer of the capture");
    }
}

/* Return whether there was a frame */
static bool capture_frame(int video, const struct v4l2_buffer *buffer)
{
    struct v4l2_buffer filled = { .type = TYPE, .memory = buffer->memory };
    struct v4l2_buffer empty = *buffer;

    if (ioctl(video, VIDIOC_QBUF, &empty)) {
        die("cannot queue a buffer to the capture");
    }
    if (ioctl(video, VIDIOC_DQBUF, &filled)) {
        die("cannot dequeue a buffer of the capture");
    }
    if (filled.flags & V4L2_BUF_FLAG_ERROR) {
        errno = EIO;
        die("the capture has not filled a buffer");
    }
    return !(filled.flags & V4L2_BUF_FLAG_LAST);
}

/* Check that V4L2 returns no buffer after the last one */
static void check_end(int video, uint32_t memory)
{
    struct v4l2_buffer buffer = { .type = TYPE, .memory = memory };

    if (!ioctl(video, VIDIOC_DQBUF, &buffer) || errno != EPIPE) {
        die("the capture continues after its last buffer");
    }
}

unsigned capture_frames(const struct drm_mode_create_dumb *dumb, int dmabuf,
                        void *memory)
{
    struct v4l2_buffer buffer = {
        .type = TYPE,
        .memory = memory ? V4L2_MEMORY_USERPTR : V4L2_MEMORY_DMABUF,
        .length = dumb->size,
    };
    int video = open_video(V4L2_CAP_VIDEO_CAPTURE);
    unsigned count = 0;
    int type = TYPE;

    if (memory) {
        buffer.m.userptr = (uintptr_t)memory;
    } else {
        buffer.m.fd = dmabuf;
    }
    set_format(video, dumb);
    request_buffer(video, buffer.memory);
    if (ioctl(video, VIDIOC_STREAMON, &type)) {
        die("cannot start the capture");
    }
    while (capture_frame(video, &buffer)) {
        count++;
    }
    check_end(video, buffer.memory);
    close(video);
    return count;
}
