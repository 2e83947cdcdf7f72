/*
 * The channel on which a vhost-user back-end sends requests to QEMU
 *
 * Context of every function: BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_VHOST_USER_CHANNEL_H
#define HW_VIRTIO_VHOST_USER_CHANNEL_H

#include "hw/virtio/vhost.h"
#include "vhost-user-reader.h"

typedef struct VhostUserChannel VhostUserChannel;

/**
 * typedef VhostUserRequestFn - Handle a request of the back-end
 * @dev: the back-end's
 * @req: not one about shared objects
 *
 * It may close the channel: a back-end may turn out to be gone, and some
 * devices free @dev then.
 *
 * Return: 0 on success.
 */
typedef int VhostUserRequestFn(struct vhost_dev *dev, VhostUserIncoming *req);

/**
 * vhost_user_channel_new() - Serve the requests of a back-end
 * @dev: the back-end's; borrowed until vhost_user_channel_free()
 * @fd: QEMU's end of the channel, which is taken over
 * @max_payload: of the largest request, in bytes
 * @handle: called for each request that is not about shared objects, in the
 *          main loop only
 * @errp: set on failure
 *
 * Requests about shared objects are also served while QEMU waits for a
 * back-end.
 *
 * Return: the channel; NULL with @errp set.
 */
VhostUserChannel *vhost_user_channel_new(struct vhost_dev *dev, int fd,
                                         size_t max_payload,
                                         VhostUserRequestFn *handle,
                                         Error **errp);

/**
 * vhost_user_channel_free() - Serve a back-end no longer
 * @channel: the channel, which may have been closed already; or NULL
 *
 * Its lookups end, and its objects are gone.
 */
void vhost_user_channel_free(VhostUserChannel *channel);

#endif /* HW_VIRTIO_VHOST_USER_CHANNEL_H */
