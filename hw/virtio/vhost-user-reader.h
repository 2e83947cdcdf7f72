/*
 * Asynchronous messages of vhost-user back-ends
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
 * struct VhostUserIncoming - A message that starts with the header on the wire
 * @request: type of the message
 * @flags: flags of the header
 * @size: size of @payload, in bytes
 * @num_fds: number of file descriptors that came with the message
 * @fds: the file descriptors, which are closed when the message is freed
 * @payload: the payload; the reader's @max_payload bytes, zero beyond @size
 */
typedef struct VhostUserIncoming {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
    uint32_t num_fds;
    int *fds;
    uint64_t payload[];
} VhostUserIncoming;

/* Bits of @flags */
#define VHOST_USER_INCOMING_VERSION     1
#define VHOST_USER_INCOMING_NEED_REPLY  (1 << 3)
/* Value of @flags in a reply */
#define VHOST_USER_INCOMING_REPLY_FLAGS (VHOST_USER_INCOMING_VERSION | 1 << 2)

typedef struct VhostUserReader VhostUserReader;

/**
 * struct VhostUserReader - One end of a socket from which messages are read
 * @sioc: the non-blocking socket; NULL if there is none
 * @max_payload: size of the largest payload, in bytes
 * @wants: tells whether a message is wanted now
 * @receive: called when @sioc is readable and @wants returns true
 * @source: calls @receive in the main loop while it is attached
 * @partial: the message of which only a part has arrived
 * @done: bytes of @partial that have arrived
 * @round: the last iteration of the main loop in which @receive was called
 * @next: list of all readers
 */
struct VhostUserReader {
    QIOChannelSocket *sioc;
    size_t max_payload;
    bool (*wants)(VhostUserReader *reader);
    void (*receive)(VhostUserReader *reader);
    GSource *source;
    VhostUserIncoming *partial;
    size_t done;
    uint64_t round;
    QTAILQ_ENTRY(VhostUserReader) next;
};

/**
 * vhost_user_reader_open() - Start reading a socket
 * @reader: a reader without a socket; @max_payload, @wants and @receive are set
 * @sioc: the socket, to which the reader takes a reference
 *
 * Call vhost_user_reader_watch() to let the main loop read the socket, too.
 */
void vhost_user_reader_open(VhostUserReader *reader, QIOChannelSocket *sioc);

/**
 * vhost_user_reader_watch() - Choose whether the main loop reads a socket
 * @reader: open
 * @on: whether the main loop reads the socket from now on
 */
void vhost_user_reader_watch(VhostUserReader *reader, bool on);

/**
 * vhost_user_reader_close() - Stop reading a socket
 * @reader: open or not; a partly received message is dropped
 */
void vhost_user_reader_close(VhostUserReader *reader);

/**
 * vhost_user_reader_get() - Read as much of a message as has arrived
 * @reader: open
 * @errp: set if the connection is closed, or if the message is too large
 *
 * Reads nothing beyond the end of the message, and never blocks.
 *
 * Return: the complete message, to be freed with vhost_user_incoming_free();
 * NULL without an error if the message is not complete yet.
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
 * @msg: the message, which has no file descriptor afterwards
 *
 * Return: the file descriptor, if the message came with exactly one; else -1.
 */
int vhost_user_incoming_take_fd(VhostUserIncoming *msg);

/**
 * vhost_user_reader_wait() - Wait for a socket, and serve all readers meanwhile
 * @sioc: the socket for which QEMU has to wait
 * @events: G_IO_IN or G_IO_OUT
 *
 * Returns when @sioc is ready for @events and no reader of @sioc wants a
 * message, or at once when no reader wants a message.
 */
void vhost_user_reader_wait(QIOChannelSocket *sioc, int events);

/**
 * vhost_user_reader_waiting() - Tell whether QEMU waits for a back-end
 *
 * Return: true while vhost_user_reader_wait() runs.
 */
bool vhost_user_reader_waiting(void);

#endif /* HW_VIRTIO_VHOST_USER_READER_H */
