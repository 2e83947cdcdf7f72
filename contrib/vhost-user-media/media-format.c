/*
 * A virtio-media device: formats, frame rate, outputs and inputs, events
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "media-internal.h"

/*
 * A format.  @pair has the same order of colours, but an unused byte in place
 * of alpha, or alpha in place of an unused byte.
 */
typedef struct MediaFormat {
    uint32_t fourcc;
    uint32_t pair;
    bool alpha;
    char order[MEDIA_PIXEL_SIZE + 1];   /* of the bytes of a pixel */
} MediaFormat;

/* The formats of virtio-gpu's 2D resources, in the order of virtio_gpu.h */
static const MediaFormat formats[] = {
    { V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_ABGR32, false, "BGRX" },
    { V4L2_PIX_FMT_ABGR32, V4L2_PIX_FMT_XBGR32, true, "BGRA" },
    { V4L2_PIX_FMT_ARGB32, V4L2_PIX_FMT_XRGB32, true, "ARGB" },
    { V4L2_PIX_FMT_XRGB32, V4L2_PIX_FMT_ARGB32, false, "XRGB" },
    { V4L2_PIX_FMT_RGBA32, V4L2_PIX_FMT_RGBX32, true, "RGBA" },
    { V4L2_PIX_FMT_BGRX32, V4L2_PIX_FMT_BGRA32, false, "XBGR" },
    { V4L2_PIX_FMT_BGRA32, V4L2_PIX_FMT_BGRX32, true, "ABGR" },
    { V4L2_PIX_FMT_RGBX32, V4L2_PIX_FMT_RGBA32, false, "RGBX" },
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

void media_pixel_order(uint32_t from, uint32_t to,
                       uint8_t order[MEDIA_PIXEL_SIZE])
{
    const char *source = find_format(from)->order;
    const char *target = find_format(to)->order;

    for (int i = 0; i < MEDIA_PIXEL_SIZE; i++) {
        order[i] = strchr(source, target[i]) - source;
    }
}

/* Change the format that the driver requests to the nearest possible format */
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

    if (desc->type != call->media->type || index >= ARRAY_SIZE(formats)) {
        return -EINVAL;
    }
    *desc = (struct v4l2_fmtdesc) {
        .index = index,
        .type = call->media->type,
        .pixelformat = formats[index].fourcc,
    };
    snprintf((char *)desc->description, sizeof(desc->description),
             "32-bit %s 8-8-8-8", formats[index].order);
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

    if (format->type != call->media->type) {
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

    if (format->type != call->media->type) {
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

/* Input and output have the same fields, with different names */
QEMU_BUILD_BUG_ON(offsetof(struct v4l2_streamparm, parm.output.capability) !=
                  offsetof(struct v4l2_streamparm, parm.capture.capability));
QEMU_BUILD_BUG_ON(offsetof(struct v4l2_streamparm, parm.output.timeperframe) !=
                  offsetof(struct v4l2_streamparm, parm.capture.timeperframe));

int media_g_parm(MediaCall *call)
{
    struct v4l2_streamparm *parm = &call->arg.parm;

    if (parm->type != call->media->type) {
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

    if (call->arg.parm.type != media->type) {
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

/* Return: the target that may be set; default and bounds are the next two */
static uint32_t selection_target(const Media *media)
{
    return media->ops->capture ? V4L2_SEL_TGT_CROP : V4L2_SEL_TGT_COMPOSE;
}

/* Frames are neither cropped nor put into larger pictures */
int media_g_selection(MediaCall *call)
{
    struct v4l2_selection *selection = &call->arg.selection;
    const Media *media = call->media;
    uint32_t target = selection->target;

    if (selection->type != media->type ||
        target - selection_target(media) > 2) {
        return -EINVAL;
    }
    *selection = (struct v4l2_selection) {
        .type = media->type,
        .target = target,
        .r = { .width = media->pix.width, .height = media->pix.height },
    };
    return 0;
}

int media_s_selection(MediaCall *call)
{
    struct v4l2_selection want = call->arg.selection;
    const struct v4l2_rect *r = &call->arg.selection.r;

    if (want.target != selection_target(call->media) ||
        media_g_selection(call)) {
        return -EINVAL;
    }
    if ((want.flags & V4L2_SEL_FLAG_LE &&
         (r->width > want.r.width || r->height > want.r.height)) ||
        (want.flags & V4L2_SEL_FLAG_GE &&
         (r->width < want.r.width || r->height < want.r.height))) {
        return -ERANGE;
    }
    return 0;
}

int media_enum_output(MediaCall *call)
{
    struct v4l2_output *output = &call->arg.output;

    if (output->index != 0) {
        return -EINVAL;
    }
    *output = (struct v4l2_output) {
        .name = "GStreamer",
        .type = V4L2_OUTPUT_TYPE_ANALOG,    /* V4L2's type of other outputs */
    };
    return 0;
}

int media_enum_input(MediaCall *call)
{
    struct v4l2_input *input = &call->arg.input;

    if (input->index != 0) {
        return -EINVAL;
    }
    *input = (struct v4l2_input) {
        .name = "GStreamer",
        .type = V4L2_INPUT_TYPE_CAMERA,     /* V4L2's type of other inputs */
    };
    return 0;
}

/* There is one output or input */
int media_g_end(MediaCall *call)
{
    call->arg.number = 0;
    return 0;
}

int media_s_end(MediaCall *call)
{
    return call->arg.number == 0 ? 0 : -EINVAL;
}

/* The device has no events; to unsubscribe from an event is not an error */
int media_subscribe_event(MediaCall *call)
{
    return -EINVAL;
}

int media_unsubscribe_event(MediaCall *call)
{
    return 0;
}
