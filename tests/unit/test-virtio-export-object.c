/*
 * Tests of the geometry of exported objects that importers may rely on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-export.h"
#include "standard-headers/drm/drm_fourcc.h"

#define XR24 DRM_FORMAT_XRGB8888
#define LINEAR DRM_FORMAT_MOD_LINEAR
#define SHORT_STRIDE "the stride is shorter than a row of pixels"
#define OUTSIDE "a plane ends outside of the memory"

typedef struct Geometry {
    const char *fault;
    uint64_t size;
    uint32_t width, height, fourcc;
    uint64_t modifier;
    uint32_t num_planes, strides[4], offsets[4];
} Geometry;

static const Geometry geometries[] = {
    /* unknown values are not checked */
    { NULL, 0 },
    { NULL, 1, 16, 16, XR24, LINEAR, 0, { 1 }, { 2 } },
    { NULL, 0, 16, 16, XR24, LINEAR, 1, { 64 }, { UINT32_MAX } },
    { NULL, 1, 16, 0, XR24, LINEAR, 1, { 64 }, { UINT32_MAX } },
    { NULL, 1024, 0, 16, XR24, LINEAR, 1, { 64 } },
    { NULL, 1024, 1600, 16, 0, LINEAR, 1, { 64 } },
    { SHORT_STRIDE, 0, 16, 0, XR24, LINEAR, 1, { 63 } },
    { OUTSIDE, 1023, 0, 16, 0, LINEAR, 1, { 64 } },

    /* planes that end at the end of the memory, and beyond */
    { NULL, 1024, 16, 16, XR24, LINEAR, 1, { 64 } },
    { OUTSIDE, 1023, 16, 16, XR24, LINEAR, 1, { 64 } },
    { OUTSIDE, 1024, 16, 16, XR24, LINEAR, 1, { 65 } },
    { OUTSIDE, 1024, 16, 17, XR24, LINEAR, 1, { 64 } },
    { OUTSIDE, 1024, 16, 16, XR24, LINEAR, 1, { 64 }, { 1 } },
    { NULL, 1025, 16, 16, XR24, LINEAR, 1, { 64 }, { 1 } },
    { OUTSIDE, 65536, 16, UINT32_MAX, XR24, LINEAR, 1, { 64 } },
    { OUTSIDE, 1024, 16, 16, XR24, LINEAR, 1, { 64 }, { UINT32_MAX } },
    { NULL, 0x1000003ff, 16, 16, XR24, LINEAR, 1, { 64 }, { UINT32_MAX } },
    { OUTSIDE, 0x1000003fe, 16, 16, XR24, LINEAR, 1, { 64 }, { UINT32_MAX } },

    /* products beyond 32 bits, up to the largest */
    { NULL, 1ull << 32, 16, 1 << 16, XR24, LINEAR, 1, { 1 << 16 } },
    { OUTSIDE, UINT32_MAX, 16, 1 << 16, XR24, LINEAR, 1, { 1 << 16 } },
    { NULL, 0xffffffff00000000, 16, UINT32_MAX, XR24, LINEAR, 1,
      { UINT32_MAX }, { UINT32_MAX } },
    { OUTSIDE, 0xfffffffeffffffff, 16, UINT32_MAX, XR24, LINEAR, 1,
      { UINT32_MAX }, { UINT32_MAX } },
    { NULL, UINT64_MAX, 16, UINT32_MAX, XR24, LINEAR, 1,
      { UINT32_MAX }, { UINT32_MAX } },
    { NULL, UINT64_MAX, 0x3fffffff, 1, XR24, LINEAR, 1, { 0xfffffffc } },
    { SHORT_STRIDE, UINT64_MAX, 0x3fffffff, 1, XR24, LINEAR, 1,
      { 0xfffffffb } },
    { SHORT_STRIDE, UINT64_MAX, 0x40000000, 1, XR24, LINEAR, 1,
      { UINT32_MAX } },
    { SHORT_STRIDE, UINT64_MAX, UINT32_MAX, 1, XR24, LINEAR, 1,
      { UINT32_MAX } },

    /* subsampled planes: half of the rows, rounded up */
    { NULL, 384, 16, 16, DRM_FORMAT_NV12, LINEAR, 2, { 16, 16 }, { 0, 256 } },
    { OUTSIDE, 383, 16, 16, DRM_FORMAT_NV12, LINEAR, 2, { 16, 16 },
      { 0, 256 } },
    { NULL, 368, 16, 15, DRM_FORMAT_NV21, LINEAR, 2, { 16, 16 }, { 0, 240 } },
    { OUTSIDE, 367, 16, 15, DRM_FORMAT_NV21, LINEAR, 2, { 16, 16 },
      { 0, 240 } },
    { NULL, 384, 16, 16, DRM_FORMAT_YUV420, LINEAR, 3, { 16, 8, 8 },
      { 0, 256, 320 } },
    { OUTSIDE, 383, 16, 16, DRM_FORMAT_YUV420, LINEAR, 3, { 16, 8, 8 },
      { 0, 256, 320 } },
    { OUTSIDE, 383, 16, 16, DRM_FORMAT_YVU420, LINEAR, 3, { 16, 8, 8 },
      { 0, 320, 256 } },
    { NULL, 1ull << 32, 16, UINT32_MAX, DRM_FORMAT_NV12, LINEAR, 2, { 1, 2 } },
    { OUTSIDE, UINT32_MAX, 16, UINT32_MAX, DRM_FORMAT_NV12, LINEAR, 2,
      { 1, 2 } },

    /* planes without subsampling */
    { NULL, 768, 16, 16, DRM_FORMAT_NV24, LINEAR, 2, { 16, 32 }, { 0, 256 } },
    { OUTSIDE, 767, 16, 16, DRM_FORMAT_NV24, LINEAR, 2, { 16, 32 },
      { 0, 256 } },

    /* other modifiers: later planes have at least one row */
    { NULL, 1088, 16, 16, XR24, I915_FORMAT_MOD_Y_TILED_CCS, 2, { 64, 64 },
      { 0, 1024 } },
    { OUTSIDE, 1087, 16, 16, XR24, I915_FORMAT_MOD_Y_TILED_CCS, 2, { 64, 64 },
      { 0, 1024 } },
    { OUTSIDE, 1023, 16, 16, XR24, I915_FORMAT_MOD_Y_TILED_CCS, 2, { 64, 64 },
      { 0, 0 } },
    { NULL, 1088, 16, 16, XR24, DRM_FORMAT_MOD_INVALID, 2, { 64, 64 },
      { 0, 1024 } },
    { OUTSIDE, 1087, 16, 16, XR24, DRM_FORMAT_MOD_INVALID, 2, { 64, 64 },
      { 0, 1024 } },

    /* the last plane counts, those beyond num_planes do not */
    { NULL, 1024, 16, 16, XR24, LINEAR, 4, { 64, 64, 64, 64 } },
    { OUTSIDE, 1024, 16, 16, XR24, LINEAR, 4, { 64, 64, 64, 64 },
      { 0, 0, 0, 1 } },
    { NULL, 1024, 16, 16, XR24, LINEAR, 3, { 64, 64, 64, 64 },
      { 0, 0, 0, 1 } },
};

static VirtIOExportObject geometry_object(const Geometry *g)
{
    VirtIOExportObject object = {
        .fd = -1,
        .kind = VIRTIO_EXPORT_KIND_MEMFD,
        .size = g->size,
        .width = g->width,
        .height = g->height,
        .fourcc = g->fourcc,
        .modifier = g->modifier,
        .num_planes = g->num_planes,
    };

    memcpy(object.strides, g->strides, sizeof(object.strides));
    memcpy(object.offsets, g->offsets, sizeof(object.offsets));
    return object;
}

static void fault(void)
{
    VirtIOExportObject object;
    int i;

    for (i = 0; i < ARRAY_SIZE(geometries); i++) {
        g_test_message("geometry %d", i);
        object = geometry_object(&geometries[i]);
        g_assert_cmpstr(virtio_export_object_fault(&object), ==,
                        geometries[i].fault);
    }
}

static void pixel_size(void)
{
    static const struct {
        uint32_t fourcc;
        unsigned int size;
    } formats[] = {
        { DRM_FORMAT_RGB565, 2 }, { DRM_FORMAT_BGR565, 2 },
        { DRM_FORMAT_RGB888, 3 }, { DRM_FORMAT_BGR888, 3 },
        { DRM_FORMAT_ARGB8888, 4 }, { DRM_FORMAT_XRGB8888, 4 },
        { DRM_FORMAT_ABGR8888, 4 }, { DRM_FORMAT_XBGR8888, 4 },
        { DRM_FORMAT_RGBA8888, 4 }, { DRM_FORMAT_RGBX8888, 4 },
        { DRM_FORMAT_BGRA8888, 4 }, { DRM_FORMAT_BGRX8888, 4 },
        /* not known */
        { DRM_FORMAT_INVALID, 0 }, { DRM_FORMAT_NV12, 0 },
        { DRM_FORMAT_XRGB8888 | DRM_FORMAT_BIG_ENDIAN, 0 },
    };
    Geometry g = { NULL, 1 << 20, 100, 100, 0, LINEAR, 1 };
    VirtIOExportObject object;
    int i;

    for (i = 0; i < ARRAY_SIZE(formats); i++) {
        g.fourcc = formats[i].fourcc;
        g.strides[0] = 100 * formats[i].size;
        object = geometry_object(&g);
        g_assert_null(virtio_export_object_fault(&object));
        if (formats[i].size) {
            object.strides[0]--;
            g_assert_cmpstr(virtio_export_object_fault(&object), ==,
                            SHORT_STRIDE);
        }
    }
}

static void format_name(void)
{
    g_autofree char *letters = virtio_export_format_name(DRM_FORMAT_XRGB8888);
    g_autofree char *others = virtio_export_format_name(0x802f2041);
    g_autofree char *none = virtio_export_format_name(0);

    g_assert_cmpstr(letters, ==, "XR24");
    g_assert_cmpstr(others, ==, "A ??");
    g_assert_cmpstr(none, ==, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-export-object/fault", fault);
    g_test_add_func("/virtio-export-object/pixel-size", pixel_size);
    g_test_add_func("/virtio-export-object/format-name", format_name);
    return g_test_run();
}
