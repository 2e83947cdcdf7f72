/*
 * Messages of vhost-user back-ends that come whenever the back-end likes
 *
 * Context of every function: BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_VHOST_USER_READER_H
#define HW_VIRTIO_VHOST_USER_READER_H

#include "io/channel-socket.h"
#include "qemu/queue.h"

/**
 * struct VhostUserIncoming - A message: its header as on the wire, and more
 * @request: type of the message
 * @flags: of the header
 * @size: of @payload, in bytes
 * @num_fds: how many file descriptors came with the message
 * @fds: these, which are closed with the message
 * @payload: room for the largest that the reader takes, zero beyond @size
 */
typedef struct VhostUserIncoming {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
    uint32_t num_fds;
    int *fds;
    uint64_t payload[];
} VhostUserIncoming;

/* Of @flags */
#define VHOST_USER_INCOMING_VERSION     1
#define VHOST_USER_INCOMING_NEED_REPLY  (1 << 3)
/* Those of a reply, all of them */
#define VHOST_USER_INCOMING_REPLY_FLAGS (VHOST_USER_INCOMING_VERSION | 1 << 2)

typedef struct VhostUserReader VhostUserReader;

/**
 * struct VhostUserReader - One end of a socket from which messages are read
 * @sioc: the socket, not blocking; NULL if there is none
 * @max_payload: in bytes
 * @wants: tells whether a message is wanted now
 * @receive: called when @sioc can be read and @wants says so
 * @source: calls @receive in the main loop, while it is attached
 * @partial: the message that has not come whole
 * @done: bytes of it that have come
 * @next: in the list of all readers
 */
struct VhostUserReader {
    QIOChannelSocket *sioc;
    size_t max_payload;
    bool (*wants)(VhostUserReader *reader);
    void (*receive)(VhostUserReader *reader);
    GSource *source;
    VhostUserIncoming *partial;
    size_t done;
    QTAILQ_ENTRY(VhostUserReader) next;
};

/**
 * vhost_user_reader_open() - Start to read a socket
 * @reader: without a socket; its other public members are set
 * @sioc: the socket, of which a reference is taken
 *
 * Call vhost_user_reader_watch() to have it read by the main loop, too.
 */
void vhost_user_reader_open(VhostUserReader *reader, QIOChannelSocket *sioc);

/**
 * vhost_user_reader_watch() - Have the main loop read a socket, or not
 * @reader: open
 * @on: from now on
 */
void vhost_user_reader_watch(VhostUserReader *reader, bool on);

/**
 * vhost_user_reader_close() - Stop to read a socket
 * @reader: open or not; what has come of a message is dropped
 */
void vhost_user_reader_close(VhostUserReader *reader);

/**
 * vhost_user_reader_get() - Read as much of a message as there is
 * @reader: open
 * @errp: set if there is no more to come, or if the message is too large
 *
 * Reads nothing that comes after the message, and never blocks.
 *
 * Return: the whole message, to be freed with vhost_user_incoming_free(); NULL
 * without an error if there will be more of it.
 */
VhostUserIncoming *vhost_user_reader_get(VhostUserReader *reader,
                                         Error **errp);

/**
 * vhost_user_incoming_free() - Free a message and close its file descriptors
 * @msg: the message, or NULL
 */
void vhost_user_incoming_free(VhostUserIncoming *msg);

/**
 * vhost_user_incoming_take_fd() - Take a message's file descriptor
 * @msg: the message, which has none afterwards
 *
 * Return: the file descriptor, if the message came with exactly one; else -1.
 */
int vhost_user_incoming_take_fd(VhostUserIncoming *msg);

/**
 * vhost_user_reader_wait() - Wait for a socket, and serve all readers meanwhile
 * @sioc: the socket for which QEMU has to wait
 * @events: G_IO_IN or G_IO_OUT
 *
 * Returns when @events are there and no reader of @sioc itself wants a message,
 * or, without waiting, when no reader wants any.
 */
void vhost_user_reader_wait(QIOChannelSocket *sioc, int events);

/**
 * vhost_user_reader_waiting() - Tell whether QEMU waits for a back-end
 *
 * Return: true below vhost_user_reader_wait().
 */
bool vhost_user_reader_waiting(void);

#endif /* HW_VIRTIO_VHOST_USER_READER_H */
