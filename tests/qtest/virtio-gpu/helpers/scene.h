/*
 * A few resources, some with UUIDs, one of them on the screen
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
 * struct Scene - Resources that a device must still have after a migration
 * @gpu: the device
 * @resources: the resources; every second one has backing
 * @shown: index of the resource on the screen
 */
typedef struct Scene {
    QVirtioGPU *gpu;
    SceneResource resources[SCENE_RESOURCES];
    unsigned shown;
} Scene;

/**
 * scene_new() - Create the resources, draw them, and show one
 * @gpu: a running device without resources
 * @uuids: request a UUID for all resources except one
 *
 * Return: the scene, to be freed by scene_free()
 */
Scene *scene_new(QVirtioGPU *gpu, bool uuids);

/**
 * scene_free() - Free a scene, but keep the device's resources
 * @scene: the scene
 */
void scene_free(Scene *scene);

/**
 * scene_assert() - Check the screen, each UUID, and each resource's pixels
 * @scene: the scene
 */
void scene_assert(Scene *scene);

/**
 * scene_change() - Draw again, show another resource, and recreate one
 * @scene: the scene
 * @uuids: request a UUID for the recreated resource, which must be a new one
 */
void scene_change(Scene *scene, bool uuids);

/**
 * scene_assert_new_uuid() - Check that a UUID is not in the scene
 * @scene: the scene
 * @uuid: the UUID
 */
void scene_assert_new_uuid(const Scene *scene, const uint8_t *uuid);

#endif
