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
 * struct Scene - A QEMU with two back-ends; each of them can export and import
 * @qts: QEMU, with a vhost-user-blk-pci for each back-end
 * @exporter: the back-end that has the objects in most tests
 * @importer: the back-end that looks objects up in most tests
 * @log: file with QEMU's output
 * @qos: state of the driver of the exporter's device, after scene_start()
 * @dev: the exporter's device
 * @vq: queue of the exporter's device
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
 * @more: further options of QEMU
 *
 * Return: the scene, to be ended with scene_end().
 */
Scene scene_with_args(bool exporter_shares, const char *more);

/**
 * scene_with_info() - Start QEMU and back-ends that describe their objects
 * @exporter_shares: as in scene_with_args()
 * @exporter_offers: the exporter offers PEER_F_SHARED_OBJECT_INFO
 * @importer_offers: the importer offers PEER_F_SHARED_OBJECT_INFO
 *
 * Return: the scene, to be ended with scene_end().
 */
Scene scene_with_info(bool exporter_shares, bool exporter_offers,
                      bool importer_offers);

/**
 * scene_with_device() - Like scene_with_args(), with another device
 * @driver: driver and properties of the exporter's device, in place of
 *          vhost-user-blk-pci
 * @backend: QEMU's option for an object between the device and the exporter;
 *           the object gets the id "backend".  NULL if there is none
 * @reconnect_ms: time after which QEMU reconnects to the exporter; 0: never
 *
 * Return: the scene, to be ended with scene_end().
 */
Scene scene_with_device(const char *driver, const char *backend,
                        unsigned int reconnect_ms);

/**
 * scene_with_shmem() - Like scene_with_device(), with a shared memory region
 * @driver: driver and properties of the exporter's device
 * @size: size of the exporter's shared memory region
 *
 * Return: the scene, to be ended with scene_end().
 */
Scene scene_with_shmem(const char *driver, uint64_t size);

/**
 * scene_new() - Like scene_with_args(), with default arguments
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
 * @s: the scene
 *
 * From now on QEMU sends GET_VRING_BASE to the exporter when the device or the
 * machine is stopped or reset.
 */
void scene_start(Scene *s);

/**
 * scene_assert_lives() - Check that QEMU's main loop runs
 * @s: the scene
 */
void scene_assert_lives(Scene *s);

/**
 * scene_receive_return() - Wait for the success of a QMP command
 * @s: the scene, in which a command was sent
 */
void scene_receive_return(Scene *s);

/**
 * scene_send_migrate() - Start a migration to nowhere without waiting for it
 * @s: the scene
 */
void scene_send_migrate(Scene *s);

/**
 * scene_finish_migration() - Wait for the end of a migration, which succeeds
 * @s: the scene, for which scene_send_migrate() was called
 */
void scene_finish_migration(Scene *s);

/**
 * same_memory() - Tell whether a file descriptor refers to a back-end's memory
 * @fd: file descriptor from a lookup
 * @peer: the back-end
 *
 * Return: true if it does.
 */
bool same_memory(int fd, VhostUserPeer *peer);

/**
 * assert_found() - Check that a lookup returns a back-end's memory
 * @by: the back-end that looks up
 * @uuid: UUID of the object
 * @of: the back-end that has the object
 */
void assert_found(VhostUserPeer *by, const uint8_t *uuid, VhostUserPeer *of);

/**
 * assert_not_found() - Check that a lookup fails
 * @by: the back-end that looks up
 * @uuid: UUID of the object
 */
void assert_not_found(VhostUserPeer *by, const uint8_t *uuid);

/**
 * send_lookup() - Send a lookup without waiting for the reply
 * @by: the back-end that looks up
 * @uuid: UUID of the object
 */
void send_lookup(VhostUserPeer *by, const uint8_t *uuid);

/**
 * assert_lookup_found() - Wait for a lookup to succeed
 * @by: the back-end for which send_lookup() was called
 * @of: the back-end that has the object
 */
void assert_lookup_found(VhostUserPeer *by, VhostUserPeer *of);

/**
 * assert_lookup_failed() - Wait for a lookup to fail
 * @by: the back-end for which send_lookup() was called
 */
void assert_lookup_failed(VhostUserPeer *by);

#endif /* TESTS_VHOST_USER_SCENE_H */
