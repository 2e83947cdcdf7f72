/*
 * A few resources, some with UUIDs, one of them on the screen
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "libqos/virtio-gpu-screen.h"
#include "virtio-gpu/helpers/scene.h"

#define UNNAMED     2
#define RECREATED   3

static size_t scene_size(const SceneResource *r)
{
    return r->res.width * r->res.height * QVIRTIO_GPU_BYTES_PER_PIXEL;
}

static bool keeps_backing(const Scene *scene, const SceneResource *r)
{
    return (r - scene->resources) % 2 == 0;
}

static void resource_draw(Scene *scene, SceneResource *r)
{
    size_t i;

    for (i = 0; i < scene_size(r); i++) {
        r->pixels[i] = g_test_rand_int_range(0, 256);
    }
    qtest_memwrite(scene->gpu->qts, r->res.backing, r->pixels, scene_size(r));
    do_qvirtio_gpu_transfer(r->res);
}

static void resource_create(Scene *scene, SceneResource *r)
{
    do_qvirtio_gpu_create_2d(r->res);
    do_qvirtio_gpu_attach_backing(r->res);
    resource_draw(scene, r);
    if (!keeps_backing(scene, r)) {
        do_qvirtio_gpu_detach_backing(r->res);
    }
}

static void resource_name(SceneResource *r)
{
    assign_uuid({ .gpu = r->res.gpu, .id = r->res.id, .uuid = r->uuid });
    r->has_uuid = true;
}

/* Only a resource with backing can be shown; it may lose the backing then */
static void resource_show(Scene *scene, SceneResource *r)
{
    if (!keeps_backing(scene, r)) {
        do_qvirtio_gpu_attach_backing(r->res);
    }
    do_qvirtio_gpu_set_scanout(r->res);
    do_qvirtio_gpu_flush(r->res);
    if (!keeps_backing(scene, r)) {
        do_qvirtio_gpu_detach_backing(r->res);
    }
}

static void resource_assert_shown(SceneResource *r)
{
    qvirtio_gpu_assert_screen(r->res.gpu, r->pixels, r->res.width,
                              r->res.height);
}

Scene *scene_new(QVirtioGPU *gpu, bool uuids)
{
    /* One ID looks like the marker and name length of a subsection */
    static const uint32_t ids[SCENE_RESOURCES] = {
        7, 0x05ff7669, 1, UINT32_MAX, 0x80000000
    };
    Scene *scene = g_new0(Scene, 1);
    unsigned i;

    scene->gpu = gpu;
    for (i = 0; i < SCENE_RESOURCES; i++) {
        SceneResource *r = &scene->resources[i];

        r->res.gpu = gpu;
        r->res.id = ids[i];
        r->res.width = 32 + 4 * i;
        r->res.height = 16 + i;
        r->res.backing_len = scene_size(r);
        r->res.backing = guest_alloc(gpu->alloc, scene_size(r));
        r->pixels = g_malloc(scene_size(r));
        resource_create(scene, r);
        if (uuids && i != UNNAMED) {
            resource_name(r);
        }
    }
    resource_show(scene, &scene->resources[scene->shown]);
    return scene;
}

void scene_free(Scene *scene)
{
    unsigned i;

    for (i = 0; i < SCENE_RESOURCES; i++) {
        guest_free(scene->gpu->alloc, scene->resources[i].res.backing);
        g_free(scene->resources[i].pixels);
    }
    g_free(scene);
}

void scene_assert(Scene *scene)
{
    unsigned i;

    resource_assert_shown(&scene->resources[scene->shown]);
    for (i = 0; i < SCENE_RESOURCES; i++) {
        SceneResource *r = &scene->resources[i];
        uuid_t uuid;

        if (r->has_uuid) {
            assign_uuid({ .gpu = scene->gpu, .id = r->res.id, .uuid = uuid });
            g_assert_cmpint(uuid_compare(uuid, r->uuid), ==, 0);
        }
        resource_show(scene, r);
        resource_assert_shown(r);
    }
    resource_show(scene, &scene->resources[scene->shown]);
}

void scene_change(Scene *scene, bool uuids)
{
    SceneResource *recreated = &scene->resources[RECREATED];
    unsigned i;

    for (i = 0; i < SCENE_RESOURCES; i++) {
        if (keeps_backing(scene, &scene->resources[i])) {
            resource_draw(scene, &scene->resources[i]);
        }
    }
    do_qvirtio_gpu_unref(recreated->res);
    resource_create(scene, recreated);
    if (uuids) {
        uuid_t old;

        uuid_copy(old, recreated->uuid);
        resource_name(recreated);
        g_assert_cmpint(uuid_compare(recreated->uuid, old), !=, 0);
    }
    scene->shown = (scene->shown + 1) % SCENE_RESOURCES;
    resource_show(scene, &scene->resources[scene->shown]);
}

void scene_assert_new_uuid(const Scene *scene, const uint8_t *uuid)
{
    unsigned i;

    for (i = 0; i < SCENE_RESOURCES; i++) {
        if (scene->resources[i].has_uuid) {
            g_assert_cmpint(uuid_compare(uuid, scene->resources[i].uuid),
                            !=, 0);
        }
    }
}
