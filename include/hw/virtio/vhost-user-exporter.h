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
 * What one back-end can make QEMU remember: about 7 MB.  There is hardly a
 * use for more, as mappings and descriptors are limited in about this number.
 */
#define VHOST_USER_MAX_SHARED_OBJECTS 65536

/* Asked for on one main channel, and not answered before the deadline */
#define VHOST_USER_MAX_UNANSWERED 64

struct VhostUserState;

/**
 * vhost_user_exporter_add() - Register an object of a back-end
 * @dev: the back-end's; borrowed until vhost_user_exporter_drop()
 * @uuid: of the object; copied
 *
 * Return: true on success; false if @uuid is null, if any device exports an
 * object with it already, if @dev has VHOST_USER_MAX_SHARED_OBJECTS, or if its
 * back-end has broken the protocol before.
 */
bool vhost_user_exporter_add(struct vhost_dev *dev, const QemuUUID *uuid);

/**
 * vhost_user_exporter_remove() - Forget an object of a back-end
 * @dev: the back-end's
 * @uuid: of the object
 *
 * Return: true on success; false if @dev has no such object.
 */
bool vhost_user_exporter_remove(struct vhost_dev *dev, const QemuUUID *uuid);

/**
 * vhost_user_exporter_drop() - Forget all objects of a back-end
 * @dev: the back-end's, with or without objects; its pending lookups fail
 */
void vhost_user_exporter_drop(struct vhost_dev *dev);

/* What was asked for on a main channel, in this order */
typedef struct VhostUserAsks VhostUserAsks;

/**
 * vhost_user_asks_new() - Prepare for GET_SHARED_OBJECT
 * @user: whose main channel it is; borrowed
 * @max_payload: of a reply, in bytes
 *
 * Return: to be freed with vhost_user_asks_free().
 */
VhostUserAsks *vhost_user_asks_new(struct VhostUserState *user,
                                   size_t max_payload);

/**
 * vhost_user_asks_free() - Undo vhost_user_asks_new()
 * @asks: its pending lookups fail; or NULL
 */
void vhost_user_asks_free(VhostUserAsks *asks);

/**
 * vhost_user_asks_broken() - Tell whether a back-end has broken the protocol
 * @asks: its main channel's
 *
 * Return: true if it has, since it has connected; it is not asked again.
 */
bool vhost_user_asks_broken(VhostUserAsks *asks);

/**
 * vhost_user_ask() - Send VHOST_USER_GET_SHARED_OBJECT
 * @dev: the device whose back-end has the object
 * @lookup: for the object; virtio_export_answer() is called later, unless
 *          vhost_user_ask_cancel() is before
 * @errp: set on failure: the back-end is gone, does not read, or does not
 *        answer
 *
 * No other lookup ends in here.
 *
 * Return: true on success.
 */
bool vhost_user_ask(struct vhost_dev *dev, VirtIOExportLookup *lookup,
                    Error **errp);

/**
 * vhost_user_ask_cancel() - Forget a lookup that was asked for
 * @lookup: passed to vhost_user_ask() before; an answer that comes later is
 *          dropped
 */
void vhost_user_ask_cancel(VirtIOExportLookup *lookup);

/**
 * vhost_user_asks_drop() - Fail what is asked for
 * @dev: the device whose back-end has the objects
 */
void vhost_user_asks_drop(struct vhost_dev *dev);

/**
 * vhost_user_wait() - Wait for a back-end, and serve all back-ends meanwhile
 * @user: of the main channel to wait for
 * @events: G_IO_OUT before a message is written there, G_IO_IN before the reply
 *          to that message is read
 *
 * What comes before the reply is the answer to what was asked before the
 * message.  Back-ends that QEMU waits for may themselves wait for a lookup.
 */
void vhost_user_wait(struct VhostUserState *user, int events);

/**
 * vhost_user_get_state() - The state of a device's connection
 * @dev: the device
 *
 * Return: state, borrowed.
 */
struct VhostUserState *vhost_user_get_state(struct vhost_dev *dev);

#endif /* HW_VIRTIO_VHOST_USER_EXPORTER_H */
