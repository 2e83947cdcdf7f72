/*
 * A virtio-media device: formats, frame rate, outputs, V4L2 events
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "media-internal.h"

/*
 * A format, and the one that has alpha in place of its unused byte, or the
 * reverse
 */
typedef struct MediaFormat {
    uint32_t fourcc;
    uint32_t pair;
    bool alpha;
    const char *description;
} MediaFormat;

/* The formats of virtio-gpu's 2D resources, in the order of virtio_gpu.h */
static const MediaFormat formats[] = {
    { V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_ABGR32, false, "32-bit BGRX 8-8-8-8" },
    { V4L2_PIX_FMT_ABGR32, V4L2_PIX_FMT_XBGR32, true, "32-bit BGRA 8-8-8-8" },
    { V4L2_PIX_FMT_ARGB32, V4L2_PIX_FMT_XRGB32, true, "32-bit ARGB 8-8-8-8" },
    { V4L2_PIX_FMT_XRGB32, V4L2_PIX_FMT_ARGB32, false, "32-bit XRGB 8-8-8-8" },
    { V4L2_PIX_FMT_RGBA32, V4L2_PIX_FMT_RGBX32, true, "32-bit RGBA 8-8-8-8" },
    { V4L2_PIX_FMT_BGRX32, V4L2_PIX_FMT_BGRA32, false, "32-bit XBGR 8-8-8-8" },
    { V4L2_PIX_FMT_BGRA32, V4L2_PIX_FMT_BGRX32, true, "32-bit ABGR 8-8-8-8" },
    { V4L2_PIX_FMT_RGBX32, V4L2_PIX_FMT_RGBA32, false, "32-bit RGBX 8-8-8-8" },
};

static const MediaFormat *find_format(uint32_t fourcc)
{
    for (int i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            return &formats[i];
        }
    }
    return NULL;
}

static bool is_format(uint32_t fourcc)
{
    return find_format(fourcc);
}

/*
 * DRM and V4L2 have different names but the same numbers for these formats.
 * A renderer may choose any of them for the guest's format.  The driver alone
 * knows whether there is alpha.
 */
uint32_t media_object_format(uint32_t fourcc, uint32_t pixelformat)
{
    const MediaFormat *theirs = find_format(fourcc);

    if (!theirs) {
        return 0;
    }
    return theirs->alpha == find_format(pixelformat)->alpha ? theirs->fourcc
                                                            : theirs->pair;
}

static bool is_output(uint32_t type)
{
    return type == V4L2_BUF_TYPE_VIDEO_OUTPUT;
}

/* Change what the driver wants into what is possible */
static void adjust(struct v4l2_pix_format *pix)
{
    uint32_t width = MIN(MAX(pix->width, 1), MEDIA_LARGEST_SIDE);
    uint32_t height = MIN(MAX(pix->height, 1), MEDIA_LARGEST_SIDE);
    uint32_t stride = MIN(MAX(pix->bytesperline, width * MEDIA_PIXEL_SIZE),
                          MEDIA_LARGEST_SIDE * MEDIA_PIXEL_SIZE);

    stride = ROUND_UP(stride, MEDIA_PIXEL_SIZE);
    *pix = (struct v4l2_pix_format) {
        .width = width,
        .height = height,
        .pixelformat = is_format(pix->pixelformat) ? pix->pixelformat
                                                   : formats[0].fourcc,
        .field = V4L2_FIELD_NONE,
        .bytesperline = stride,
        .sizeimage = stride * height,
        .colorspace = V4L2_COLORSPACE_SRGB,
    };
}

void media_default_format(Media *media)
{
    media->pix = (struct v4l2_pix_format) { .width = 640, .height = 480 };
    adjust(&media->pix);
    media->interval = (struct v4l2_fract) { 1, 30 };
}

int media_enum_fmt(MediaCall *call)
{
    struct v4l2_fmtdesc *desc = &call->arg.fmtdesc;
    uint32_t index = desc->index;

    if (!is_output(desc->type) || index >= ARRAY_SIZE(formats)) {
        return -EINVAL;
    }
    *desc = (struct v4l2_fmtdesc) {
        .index = index,
        .type = V4L2_BUF_TYPE_VIDEO_OUTPUT,
        .pixelformat = formats[index].fourcc,
    };
    g_strlcpy((char *)desc->description, formats[index].description,
              sizeof(desc->description));
    return 0;
}

int media_enum_framesizes(MediaCall *call)
{
    struct v4l2_frmsizeenum *size = &call->arg.framesize;

    if (size->index != 0 || !is_format(size->pixel_format)) {
        return -EINVAL;
    }
    *size = (struct v4l2_frmsizeenum) {
        .pixel_format = size->pixel_format,
        .type = V4L2_FRMSIZE_TYPE_CONTINUOUS,
        .stepwise = {
            .min_width = 1, .max_width = MEDIA_LARGEST_SIDE, .step_width = 1,
            .min_height = 1, .max_height = MEDIA_LARGEST_SIDE,
            .step_height = 1,
        },
    };
    return 0;
}

int media_g_fmt(MediaCall *call)
{
    struct v4l2_format *format = &call->arg.format;

    if (!is_output(format->type)) {
        return -EINVAL;
    }
    memset(&format->fmt, 0, sizeof(format->fmt));
    format->fmt.pix = call->media->pix;
    return 0;
}

int media_try_fmt(MediaCall *call)
{
    struct v4l2_format *format = &call->arg.format;
    struct v4l2_pix_format pix = format->fmt.pix;

    if (!is_output(format->type)) {
        return -EINVAL;
    }
    adjust(&pix);
    memset(&format->fmt, 0, sizeof(format->fmt));
    format->fmt.pix = pix;
    return 0;
}

int media_s_fmt(MediaCall *call)
{
    Media *media = call->media;
    int error = media_try_fmt(call);

    if (!error && media->count) {
        error = -EBUSY;
    }
    if (!error) {
        media->pix = call->arg.format.fmt.pix;
    }
    return error;
}

int media_g_parm(MediaCall *call)
{
    struct v4l2_streamparm *parm = &call->arg.parm;

    if (!is_output(parm->type)) {
        return -EINVAL;
    }
    memset(&parm->parm, 0, sizeof(parm->parm));
    parm->parm.output.capability = V4L2_CAP_TIMEPERFRAME;
    parm->parm.output.timeperframe = call->media->interval;
    return 0;
}

int media_s_parm(MediaCall *call)
{
    struct v4l2_fract want = call->arg.parm.parm.output.timeperframe;
    Media *media = call->media;

    if (!is_output(call->arg.parm.type)) {
        return -EINVAL;
    }
    if (media->streaming) {
        return -EBUSY;
    }
    if (want.numerator == 0 || want.numerator > INT_MAX ||
        want.denominator == 0 || want.denominator > INT_MAX) {
        want = (struct v4l2_fract) { 1, 30 };
    }
    media->interval = want;
    return media_g_parm(call);
}

int media_enum_output(MediaCall *call)
{
    struct v4l2_output *output = &call->arg.output;

    if (output->index != 0) {
        return -EINVAL;
    }
    *output = (struct v4l2_output) {
        .name = "GStreamer",
        .type = V4L2_OUTPUT_TYPE_ANALOG,    /* V4L2's word for any other */
    };
    return 0;
}

int media_g_output(MediaCall *call)
{
    call->arg.number = 0;
    return 0;
}

int media_s_output(MediaCall *call)
{
    return call->arg.number == 0 ? 0 : -EINVAL;
}

/* The device has no event, but to unsubscribe from one is no mistake */
int media_subscribe_event(MediaCall *call)
{
    return -EINVAL;
}

int media_unsubscribe_event(MediaCall *call)
{
    return 0;
}
