/*
 * Objects that vhost-user back-ends export to other devices
 *
 * vhost-user protocol, VHOST_USER_BACKEND_SHARED_OBJECT_ADD and _REMOVE.
 *
 * Context of every function: BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_VHOST_USER_EXPORTER_H
#define HW_VIRTIO_VHOST_USER_EXPORTER_H

#include "hw/virtio/vhost.h"
#include "qemu/uuid.h"

/*
 * What one back-end can make QEMU remember: about 7 MB.  There is hardly a
 * use for more, as mappings and descriptors are limited in about this number.
 */
#define VHOST_USER_MAX_SHARED_OBJECTS 65536

/**
 * vhost_user_exporter_add() - Register an object of a back-end
 * @dev: the back-end's; borrowed until vhost_user_exporter_drop()
 * @uuid: of the object; copied
 *
 * Return: true on success; false if @uuid is null, if any device exports an
 * object with it already, or if @dev has VHOST_USER_MAX_SHARED_OBJECTS.
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
 * @dev: the back-end's, with or without objects
 */
void vhost_user_exporter_drop(struct vhost_dev *dev);

#endif /* HW_VIRTIO_VHOST_USER_EXPORTER_H */
