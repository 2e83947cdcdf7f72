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
 * @dev: device of the back-end
 * @req: any request except SHARED_OBJECT_*
 *
 * The function may close the channel: the back-end may turn out to be gone, and
 * some devices free @dev then.
 *
 * Return: 0 on success.
 */
typedef int VhostUserRequestFn(struct vhost_dev *dev, VhostUserIncoming *req);

/**
 * vhost_user_channel_new() - Serve the requests of a back-end
 * @dev: device of the back-end; borrowed until vhost_user_channel_free()
 * @fd: QEMU's end of the channel; the callee closes it, also on failure
 * @max_payload: size of the largest payload of a request, in bytes
 * @handle: called for each request except SHARED_OBJECT_*, in the main loop
 * only
 * @errp: set on failure
 *
 * SHARED_OBJECT_* requests are also served while QEMU waits for a back-end.
 *
 * Return: the channel; NULL with @errp set.
 */
VhostUserChannel *vhost_user_channel_new(struct vhost_dev *dev, int fd,
                                         size_t max_payload,
                                         VhostUserRequestFn *handle,
                                         Error **errp);

/**
 * vhost_user_channel_reply() - Reply to a request before its handler returns
 * @channel: the channel of the request, which may be closed
 * @req: the request; it gets no further reply
 * @failed: the value of the reply
 *
 * For handlers that go on to wait for the back-end, which may itself wait for
 * the reply.  The channel is closed if the back-end does not read its replies.
 */
void vhost_user_channel_reply(VhostUserChannel *channel,
                              VhostUserIncoming *req, bool failed);

/**
 * vhost_user_channel_has_info() - Tell whether messages describe the objects
 * @dev: device of the back-end
 *
 * Return: true if VHOST_USER_PROTOCOL_F_SHARED_OBJECT_INFO is negotiated.
 */
bool vhost_user_channel_has_info(struct vhost_dev *dev);

/**
 * vhost_user_channel_free() - Close and free a channel
 * @channel: the channel, which may have been closed already; or NULL
 *
 * The lookups of the back-end end, and its objects are removed.
 */
void vhost_user_channel_free(VhostUserChannel *channel);

#endif /* HW_VIRTIO_VHOST_USER_CHANNEL_H */
