/*
 * A few resources, some with UUIDs, of which one is on the screen
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_SCENE_H
#define TESTS_VIRTIO_GPU_SCENE_H

#include "virtio-gpu/helpers/uuid.h"

#define SCENE_RESOURCES 5

typedef struct SceneResource {
    QVirtioGPUResourceOpt res;
    uint8_t *pixels;
    bool has_uuid;
    uuid_t uuid;
} SceneResource;

/**
 * struct Scene - What a device must have, wherever it has moved to
 * @gpu: the device
 * @resources: every second one has its backing attached
 * @shown: number of the one on the screen
 */
typedef struct Scene {
    QVirtioGPU *gpu;
    SceneResource resources[SCENE_RESOURCES];
    unsigned shown;
} Scene;

/**
 * scene_new() - Create the resources, draw them, show one
 * @gpu: a running device without resources
 * @uuids: give all but one of them a UUID
 *
 * Return: the scene, to be freed by scene_free()
 */
Scene *scene_new(QVirtioGPU *gpu, bool uuids);

/**
 * scene_free() - Free what the test has of a scene
 * @scene: the scene; the device's resources stay
 */
void scene_free(Scene *scene);

/**
 * scene_assert() - Check that the device has the very scene
 * @scene: the scene: what is on the screen, each UUID, each resource's pixels
 */
void scene_assert(Scene *scene);

/**
 * scene_change() - Draw anew, show another one, recreate one
 * @scene: the scene
 * @uuids: the recreated one gets a UUID, which differs from its old one
 */
void scene_change(Scene *scene, bool uuids);

/**
 * scene_assert_new_uuid() - Check that a UUID is none of the scene's
 * @scene: the scene
 * @uuid: the UUID
 */
void scene_assert_new_uuid(const Scene *scene, const uint8_t *uuid);

#endif
