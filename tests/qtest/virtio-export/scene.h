/*
 * Two vhost-user back-ends that share objects, and a QEMU between them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_SCENE_H
#define TESTS_VHOST_USER_SCENE_H

#include "libqos/libqos-pc.h"
#include "libqos/virtio-pci.h"
#include "virtio-export/peer.h"

/**
 * struct Scene - An exporter and an importer; each can be the other as well
 * @qts: QEMU, with a vhost-user-blk-pci for each of them
 * @exporter: the back-end that mostly has the objects
 * @importer: the back-end that mostly looks them up
 * @log: file with what QEMU prints
 * @qos: for the driver of the exporter's device, once scene_start() is called
 * @dev: the exporter's device
 * @vq: its queue
 */
typedef struct Scene {
    QTestState *qts;
    VhostUserPeer *exporter;
    VhostUserPeer *importer;
    char *log;
    QOSState qos;
    QVirtioPCIDevice *dev;
    QVirtQueue *vq;
} Scene;

/* UUIDs of objects */
extern const uint8_t uuid_a[PEER_UUID_SIZE];
extern const uint8_t uuid_b[PEER_UUID_SIZE];

/**
 * scene_with_args() - Start QEMU and its two back-ends
 * @exporter_shares: the exporter offers VHOST_USER_PROTOCOL_F_SHARED_OBJECT
 * @more: further options of QEMU's
 *
 * Return: the scene, to be ended with scene_end().
 */
Scene scene_with_args(bool exporter_shares, const char *more);

/**
 * scene_with_device() - As scene_with_args(), with another device
 * @driver: of the exporter's device, with properties, in place of
 *          vhost-user-blk-pci
 * @reconnect_ms: QEMU connects to the exporter again after that time; 0: never
 *
 * Return: the scene, to be ended with scene_end().
 */
Scene scene_with_device(const char *driver, unsigned int reconnect_ms);

/**
 * scene_new() - As scene_with_args(), with nothing special
 *
 * Return: the scene, to be ended with scene_end().
 */
Scene scene_new(void);

/**
 * scene_end() - End QEMU and the back-ends
 * @s: the scene
 */
void scene_end(Scene *s);

/**
 * scene_start() - Start the exporter's device as a driver does
 * @s: the scene; QEMU asks the exporter for GET_VRING_BASE when the device or
 *     the machine is stopped or reset from now on
 */
void scene_start(Scene *s);

/**
 * scene_assert_lives() - Check that QEMU's main loop answers
 * @s: the scene
 */
void scene_assert_lives(Scene *s);

/**
 * scene_receive_return() - Wait for the end of a QMP command
 * @s: the scene, in which a command was sent that does not fail
 */
void scene_receive_return(Scene *s);

/**
 * scene_send_migrate() - Start a migration to nowhere, and wait for nothing
 * @s: the scene
 */
void scene_send_migrate(Scene *s);

/**
 * scene_finish_migration() - Wait for the end of a migration, which succeeds
 * @s: the scene, for which scene_send_migrate() was called
 */
void scene_finish_migration(Scene *s);

/**
 * same_memory() - Tell whether a file descriptor is of a back-end's memory
 * @fd: what a lookup gave
 * @peer: the back-end
 *
 * Return: true if it is.
 */
bool same_memory(int fd, VhostUserPeer *peer);

/**
 * assert_found() - Check that a lookup gives a back-end's memory
 * @by: the back-end that looks up
 * @uuid: of the object
 * @of: the back-end that has the object
 */
void assert_found(VhostUserPeer *by, const uint8_t *uuid, VhostUserPeer *of);

/**
 * assert_not_found() - Check that a lookup fails
 * @by: the back-end that looks up
 * @uuid: of the object
 */
void assert_not_found(VhostUserPeer *by, const uint8_t *uuid);

/**
 * send_lookup() - Start a lookup, and wait for nothing
 * @by: the back-end that looks up
 * @uuid: of the object
 */
void send_lookup(VhostUserPeer *by, const uint8_t *uuid);

/**
 * assert_lookup_found() - Wait for the end of a lookup that succeeds
 * @by: the back-end for which send_lookup() was called
 * @of: the back-end that has the object
 */
void assert_lookup_found(VhostUserPeer *by, VhostUserPeer *of);

/**
 * assert_lookup_failed() - Wait for the end of a lookup that fails
 * @by: the back-end for which send_lookup() was called
 */
void assert_lookup_failed(VhostUserPeer *by);

#endif /* TESTS_VHOST_USER_SCENE_H */
