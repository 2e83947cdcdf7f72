/*
 * Tests of the conversion between VirtIOExportObject and VhostUserObjectInfo
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/vhost-user-object-info.h"
#include "standard-headers/drm/drm_fourcc.h"

#define UNKNOWN_FLAG (1 << 1)

static const VirtIOExportObject image = {
    .fd = -1,
    .kind = VIRTIO_EXPORT_KIND_DMABUF,
    .size = 0x123456789,
    .width = 640,
    .height = 480,
    .fourcc = DRM_FORMAT_NV12,
    .modifier = DRM_FORMAT_MOD_LINEAR,
    .num_planes = 2,
    .strides = { 768, 800, 1, 2 },
    .offsets = { 64, 400000, 3, 4 },
    .bottom_up = true,
};

/* Structures with padding cannot be compared byte by byte */
static void assert_same(const VirtIOExportObject *a,
                        const VirtIOExportObject *b)
{
    VhostUserObjectInfo of_a, of_b;

    vhost_user_object_info_set(&of_a, a);
    vhost_user_object_info_set(&of_b, b);
    g_assert_cmpmem(&of_a, sizeof(of_a), &of_b, sizeof(of_b));
}

/* docs/interop/vhost-user.rst: 72 bytes without padding */
static void layout(void)
{
    const uint32_t expected[] = {
        2, 1, HOST_BIG_ENDIAN ? 0x1 : 0x23456789,
        HOST_BIG_ENDIAN ? 0x23456789 : 0x1, 640, 480, DRM_FORMAT_NV12, 2,
        0, 0, 768, 800, 0, 0, 64, 400000, 0, 0,
    };
    VhostUserObjectInfo info;

    vhost_user_object_info_set(&info, &image);
    g_assert_cmpmem(&info, sizeof(info), expected, sizeof(expected));
}

static void nothing_is_known(void)
{
    VhostUserObjectInfo info, expected = { .modifier = DRM_FORMAT_MOD_INVALID };
    VirtIOExportObject object, unknown;

    virtio_export_object_init(&unknown);
    vhost_user_object_info_set(&info, &unknown);
    g_assert_cmpmem(&info, sizeof(info), &expected, sizeof(expected));
    object = unknown;
    vhost_user_object_info_get(&info, &object);
    assert_same(&object, &unknown);
}

static void kinds(void)
{
    static const uint32_t expected[] = {
        [VIRTIO_EXPORT_KIND_UNKNOWN] = 0,
        [VIRTIO_EXPORT_KIND_MEMFD] = 1,
        [VIRTIO_EXPORT_KIND_DMABUF] = 2,
    };
    VirtIOExportObject object = image;
    VhostUserObjectInfo info;

    for (int i = 0; i < ARRAY_SIZE(expected); i++) {
        object.kind = i;
        vhost_user_object_info_set(&info, &object);
        g_assert_cmpuint(info.kind, ==, expected[i]);
    }
}

static void get(const VhostUserObjectInfo *info, VirtIOExportObject *object)
{
    virtio_export_object_init(object);
    vhost_user_object_info_get(info, object);
    /* QEMU cannot verify the kind that a back-end sends, and ignores it */
    g_assert_cmpint(object->kind, ==, VIRTIO_EXPORT_KIND_UNKNOWN);
    g_assert_cmpint(object->fd, ==, -1);
    g_assert_cmpuint(object->size, ==, image.size);
}

static void all_is_taken_over(void)
{
    VirtIOExportObject object;
    VhostUserObjectInfo info;

    for (uint32_t kind = 0; kind < 4; kind++) {
        vhost_user_object_info_set(&info, &image);
        info.kind = kind;
        info.strides[2] = 5;
        get(&info, &object);
        g_assert_cmpuint(object.width, ==, image.width);
        g_assert_cmpuint(object.height, ==, image.height);
        g_assert_cmpuint(object.fourcc, ==, image.fourcc);
        g_assert_cmpuint(object.modifier, ==, image.modifier);
        g_assert_cmpuint(object.num_planes, ==, 2);
        g_assert_cmpmem(object.strides, 8, image.strides, 8);
        g_assert_cmpmem(object.offsets, 8, image.offsets, 8);
        g_assert_cmpuint(object.strides[2], ==, 0);
        g_assert_true(object.bottom_up);
    }
    info.flags = 0;
    get(&info, &object);
    g_assert_false(object.bottom_up);
}

static void assert_geometry_unknown(const VhostUserObjectInfo *info)
{
    VirtIOExportObject object, unknown;

    get(info, &object);
    virtio_export_object_init(&unknown);
    unknown.size = image.size;
    assert_same(&object, &unknown);
}

static void unknown_flags(void)
{
    VhostUserObjectInfo info;

    vhost_user_object_info_set(&info, &image);
    info.flags |= UNKNOWN_FLAG;
    assert_geometry_unknown(&info);
    info.flags = 1U << 31;
    assert_geometry_unknown(&info);
}

static void too_many_planes(void)
{
    VirtIOExportObject object;
    VhostUserObjectInfo info;

    vhost_user_object_info_set(&info, &image);
    info.num_planes = VIRTIO_EXPORT_MAX_PLANES;
    get(&info, &object);
    g_assert_cmpuint(object.num_planes, ==, VIRTIO_EXPORT_MAX_PLANES);
    info.num_planes++;
    assert_geometry_unknown(&info);
    info.num_planes = UINT32_MAX;
    assert_geometry_unknown(&info);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-user-object-info/set/layout", layout);
    g_test_add_func("/vhost-user-object-info/set/kinds", kinds);
    g_test_add_func("/vhost-user-object-info/nothing-is-known",
                    nothing_is_known);
    g_test_add_func("/vhost-user-object-info/get/all-but-the-kind",
                    all_is_taken_over);
    g_test_add_func("/vhost-user-object-info/get/unknown-flags", unknown_flags);
    g_test_add_func("/vhost-user-object-info/get/too-many-planes",
                    too_many_planes);
    return g_test_run();
}
