/*
 * Objects that vhost-user back-ends export to other devices
 *
 * vhost-user protocol, VHOST_USER_BACKEND_SHARED_OBJECT_ADD and _REMOVE, and
 * VHOST_USER_GET_SHARED_OBJECT.
 *
 * Context of every function: BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_VHOST_USER_EXPORTER_H
#define HW_VIRTIO_VHOST_USER_EXPORTER_H

#include "hw/virtio/vhost.h"
#include "hw/virtio/virtio-export.h"
#include "qemu/uuid.h"

/*
 * How many objects one back-end may add; they take about 7 MB in QEMU.  A
 * larger limit is hardly of use, because the limits of mappings and file
 * descriptors are of about this size.
 */
#define VHOST_USER_MAX_SHARED_OBJECTS 65536

/* GET_SHARED_OBJECTs of one main channel that are past their deadline */
#define VHOST_USER_MAX_UNANSWERED 64

struct VhostUserState;

/**
 * vhost_user_exporter_add() - Register an object of a back-end
 * @dev: device of the back-end; borrowed until vhost_user_exporter_drop()
 * @uuid: UUID of the object; copied
 *
 * Return: true on success; false if @uuid is one of the two that RFC 9562
 * reserves, if any device already exports an object with @uuid, if @dev has
 * VHOST_USER_MAX_SHARED_OBJECTS, or if the back-end has broken the protocol.
 */
bool vhost_user_exporter_add(struct vhost_dev *dev, const QemuUUID *uuid);

/**
 * vhost_user_exporter_remove() - Remove an object of a back-end
 * @dev: device of the back-end
 * @uuid: UUID of the object
 *
 * Return: true on success; false if @dev has no such object.
 */
bool vhost_user_exporter_remove(struct vhost_dev *dev, const QemuUUID *uuid);

/**
 * vhost_user_exporter_drop() - Remove all objects of a back-end
 * @dev: device of the back-end, with or without objects; pending lookups of its
 *       objects fail
 */
void vhost_user_exporter_drop(struct vhost_dev *dev);

/* The GET_SHARED_OBJECT requests of a main channel, in their order */
typedef struct VhostUserAsks VhostUserAsks;

/**
 * vhost_user_asks_new() - Prepare for GET_SHARED_OBJECT
 * @user: state of the connection; borrowed
 * @max_payload: size of the largest payload of a reply, in bytes
 *
 * Return: to be freed with vhost_user_asks_free().
 */
VhostUserAsks *vhost_user_asks_new(struct VhostUserState *user,
                                   size_t max_payload);

/**
 * vhost_user_asks_free() - Undo vhost_user_asks_new()
 * @asks: the requests, whose pending lookups fail; or NULL
 */
void vhost_user_asks_free(VhostUserAsks *asks);

/**
 * vhost_user_asks_broken() - Tell whether a back-end has broken the protocol
 * @asks: the requests of its main channel
 *
 * Return: true if the back-end has broken the protocol since it connected; QEMU
 * sends it no further GET_SHARED_OBJECT.
 */
bool vhost_user_asks_broken(VhostUserAsks *asks);

/**
 * vhost_user_ask() - Send VHOST_USER_GET_SHARED_OBJECT
 * @dev: the device whose back-end has the object
 * @lookup: lookup of the object; virtio_export_answer() is called later, unless
 *          vhost_user_ask_cancel() is called before
 * @errp: set on failure: the back-end is gone, does not read, or does not
 *        answer
 *
 * This function ends no other lookup.
 *
 * Return: true on success.
 */
bool vhost_user_ask(struct vhost_dev *dev, VirtIOExportLookup *lookup,
                    Error **errp);

/**
 * vhost_user_ask_cancel() - Cancel a lookup
 * @lookup: passed to vhost_user_ask() before; a reply that arrives later is
 *          dropped
 */
void vhost_user_ask_cancel(VirtIOExportLookup *lookup);

/**
 * vhost_user_asks_drop() - Fail the pending lookups of a back-end's objects
 * @dev: the device whose back-end has the objects
 */
void vhost_user_asks_drop(struct vhost_dev *dev);

/**
 * vhost_user_wait_to_write() - Wait until a message can be written
 * @user: connection on whose main channel the message will be written
 *
 * Serves all back-ends meanwhile: the one that QEMU waits for may itself wait
 * for a lookup.
 */
void vhost_user_wait_to_write(struct VhostUserState *user);

/**
 * vhost_user_wait_to_read() - Wait for the reply to a message, or for its rest
 * @user: connection on whose main channel the message was written after
 *        vhost_user_wait_to_write()
 * @wanted: how much the caller wants to read, in bytes
 *
 * Serves all back-ends meanwhile, and takes the replies to GET_SHARED_OBJECTs
 * that were sent before the message: they arrive first.
 *
 * Return: how much the caller can read without blocking; @wanted if this is not
 * known, or if the connection has ended.
 */
size_t vhost_user_wait_to_read(struct VhostUserState *user, size_t wanted);

/**
 * vhost_user_get_state() - Get the state of a device's connection
 * @dev: the device
 *
 * Return: the state, which @dev keeps.
 */
struct VhostUserState *vhost_user_get_state(struct vhost_dev *dev);

#endif /* HW_VIRTIO_VHOST_USER_EXPORTER_H */
