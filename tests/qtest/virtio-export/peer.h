/*
 * A vhost-user back-end in the test process, to test shared objects
 *
 * The peer is the back-end of a vhost-user-blk-pci device.  Its thread replies
 * to QEMU's requests on the main channel, and the test can make it misbehave.
 * The test itself uses the back-end channel.  If the peer waits for QEMU for
 * more than a minute, or VHOST_USER_PEER_TIME_LIMIT seconds, the test fails.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_PEER_H
#define TESTS_VHOST_USER_PEER_H

#include "libqtest.h"

/* Requests of QEMU that tests wait for (docs/interop/vhost-user.rst) */
#define PEER_GET_FEATURES       1
#define PEER_SET_FEATURES       2
#define PEER_SET_OWNER          3
#define PEER_SET_MEM_TABLE      5
#define PEER_SET_VRING_ADDR     9
#define PEER_GET_VRING_BASE     11
#define PEER_SET_VRING_KICK     12
#define PEER_SET_VRING_CALL     13
#define PEER_SET_VRING_ERR      14
#define PEER_GET_PROTOCOL_FEATURES 15
#define PEER_SET_PROTOCOL_FEATURES 16
#define PEER_SET_VRING_ENABLE   18
#define PEER_SET_BACKEND_REQ_FD 21
#define PEER_GET_CONFIG         24
#define PEER_GPU_SET_SOCKET     33
#define PEER_GET_SHARED_OBJECT  41
#define PEER_GET_SHMEM_CONFIG   44

/* Requests of the back-end */
#define PEER_IOTLB              1
#define PEER_CONFIG_CHANGE      2
#define PEER_HOST_NOTIFIER      3
#define PEER_ADD                6
#define PEER_REMOVE             7
#define PEER_LOOKUP             8
#define PEER_SHMEM_MAP          9
#define PEER_SHMEM_UNMAP        10

#define PEER_NEED_REPLY         (1 << 3)
/* Flag in the u64 of PEER_HOST_NOTIFIER */
#define PEER_NO_FD              (1 << 8)
/* Size of a UUID in bytes */
#define PEER_UUID_SIZE          16
/* Bits of vhost_user_peer_acked() */
#define PEER_F_SHARED_OBJECT    (1ULL << 18)
#define PEER_F_SHMEM            (1ULL << 22)
#define PEER_F_SHARED_OBJECT_INFO (1ULL << 62)
/* Most file descriptors that QEMU receives with a message */
#define PEER_MAX_FDS            16

/* libvirt's sandbox; LeakSanitizer starts a process, so spawn is allowed */
#ifdef CONFIG_ASAN_IFACE_FIBER
#define PEER_SANDBOX " -sandbox on,elevateprivileges=deny,resourcecontrol=deny"
#else
#define PEER_SANDBOX " -sandbox on,obsolete=deny,elevateprivileges=deny," \
                     "spawn=deny,resourcecontrol=deny"
#endif

/* How a peer replies to VHOST_USER_GET_SHARED_OBJECT */
typedef enum PeerAnswer {
    PEER_ANSWER_FD,             /* with its memfd */
    PEER_ANSWER_ECHO,           /* with its memfd, and the UUID as payload */
    PEER_ANSWER_INFO,           /* and with vhost_user_peer_describe() */
    PEER_ANSWER_NO_FD,
    PEER_ANSWER_TWO_FDS,
    PEER_ANSWER_MANY_FDS,
    PEER_ANSWER_WRONG_REQUEST,
    PEER_ANSWER_WRONG_FLAGS,
    PEER_ANSWER_HUGE_PAYLOAD,
    PEER_ANSWER_CLOSE,          /* by closing the main channel */
    PEER_ANSWER_TWICE,
    PEER_ANSWER_NONE,
} PeerAnswer;

typedef struct VhostUserPeer VhostUserPeer;

/* VhostUserObjectInfo, in docs/interop/vhost-user.rst */
typedef struct PeerInfo {
    uint32_t kind;
    uint32_t flags;
    uint64_t size;
    uint32_t width;
    uint32_t height;
    uint32_t fourcc;
    uint32_t num_planes;
    uint64_t modifier;
    uint32_t strides[4];
    uint32_t offsets[4];
} PeerInfo;

/**
 * struct PeerReply - QEMU's reply on the back-end channel
 * @u64: zero for success
 * @info: description of the object, in the reply to a lookup, if
 *        PEER_F_SHARED_OBJECT_INFO was negotiated; else zeros
 * @num_fds: number of file descriptors in the reply
 * @fd: the first of them, owned by the caller; -1 if there is none
 */
typedef struct PeerReply {
    uint64_t u64;
    PeerInfo info;
    size_t num_fds;
    int fd;
} PeerReply;

/**
 * vhost_user_peer_new() - Start a back-end
 * @id: name of the back-end and ID of QEMU's device
 * @shared_objects: offer VHOST_USER_PROTOCOL_F_SHARED_OBJECT
 *
 * Return: a back-end that accepts one connection of QEMU after the other; free
 * it with vhost_user_peer_free() after QEMU has ended.
 */
VhostUserPeer *vhost_user_peer_new(const char *id, bool shared_objects);

/**
 * vhost_user_peer_offer_info() - Offer PEER_F_SHARED_OBJECT_INFO, too
 * @peer: back-end to which QEMU has not connected yet
 */
void vhost_user_peer_offer_info(VhostUserPeer *peer);

/**
 * vhost_user_peer_offer_shmem() - Offer PEER_F_SHMEM, too
 * @peer: back-end to which QEMU has not connected yet
 * @size: size of the only shared memory region, number 0
 */
void vhost_user_peer_offer_shmem(VhostUserPeer *peer, uint64_t size);

/**
 * vhost_user_peer_acked() - Get the protocol features that QEMU has set
 * @peer: back-end that is ready
 *
 * Return: mask of PEER_F_* and other bits.
 */
uint64_t vhost_user_peer_acked(VhostUserPeer *peer);

/**
 * vhost_user_peer_free() - Stop a back-end
 * @peer: may be NULL
 */
void vhost_user_peer_free(VhostUserPeer *peer);

/**
 * vhost_user_peer_chardev_args() - QEMU's options to reach a back-end
 * @peer: back-end
 *
 * The character device is called "ID-chr".
 *
 * Return: options, to be freed by the caller.
 */
char *vhost_user_peer_chardev_args(const VhostUserPeer *peer);

/**
 * vhost_user_peer_reconnecting_args() - Like vhost_user_peer_chardev_args(),
 * with QEMU reconnecting
 * @peer: back-end
 * @reconnect_ms: time after which QEMU reconnects; 0: never
 *
 * Return: options, to be freed by the caller.
 */
char *vhost_user_peer_reconnecting_args(const VhostUserPeer *peer,
                                        unsigned int reconnect_ms);

/**
 * vhost_user_peer_args() - QEMU's options for a back-end and its device
 * @peer: back-end
 * @device_opts: further properties of the device, or ""
 *
 * Return: options, to be freed by the caller.
 */
char *vhost_user_peer_args(const VhostUserPeer *peer, const char *device_opts);

/**
 * vhost_user_peer_wait_ready() - Wait until QEMU has sent the back-end channel
 * @peer: back-end
 */
void vhost_user_peer_wait_ready(VhostUserPeer *peer);

/**
 * vhost_user_peer_wait_gone() - Wait until QEMU has closed the back-end channel
 * @peer: back-end
 *
 * Waits for the channel of the last vhost_user_peer_wait_ready().  QEMU may
 * already have sent another one.
 */
void vhost_user_peer_wait_gone(VhostUserPeer *peer);

/**
 * vhost_user_peer_break_next_channel() - Break the next back-end channel
 * @peer: back-end
 *
 * When QEMU sends the channel, the back-end violates the protocol on it, waits
 * until QEMU has closed it, and then replies that it rejects the channel.
 */
void vhost_user_peer_break_next_channel(VhostUserPeer *peer);

/**
 * vhost_user_peer_add_in_next_channel() - Add an object when QEMU sends the
 * next back-end channel
 * @peer: back-end
 * @uuid: UUID of the object
 *
 * The back-end waits until QEMU has accepted the object, and only then replies
 * to PEER_SET_BACKEND_REQ_FD.
 */
void vhost_user_peer_add_in_next_channel(VhostUserPeer *peer,
                                         const uint8_t *uuid);

/**
 * vhost_user_peer_answer() - Choose the reply to GET_SHARED_OBJECT
 * @peer: back-end
 * @answer: kind of all further replies
 */
void vhost_user_peer_answer(VhostUserPeer *peer, PeerAnswer answer);

/**
 * vhost_user_peer_describe() - Reply to GET_SHARED_OBJECT with information
 * @peer: back-end; its further replies are PEER_ANSWER_INFO
 * @info: follows the UUID
 * @size: size of the part of @info that is sent; what is beyond the end of
 *        @info is sent as zeros, at most 8 bytes
 */
void vhost_user_peer_describe(VhostUserPeer *peer, const PeerInfo *info,
                              size_t size);

/**
 * vhost_user_peer_reject() - Reply without a file descriptor for one object
 * @peer: back-end
 * @uuid: UUID of the object
 */
void vhost_user_peer_reject(VhostUserPeer *peer, const uint8_t *uuid);

/**
 * vhost_user_peer_cut() - Send a part of the next reply to a request
 * @peer: back-end
 * @request: request of QEMU on the main channel
 * @bytes: size of the part, at least 1 and less than all; the rest follows
 *         after vhost_user_peer_release()
 */
void vhost_user_peer_cut(VhostUserPeer *peer, uint32_t request, size_t bytes);

/**
 * vhost_user_peer_memory() - The memory behind all objects of a back-end
 * @peer: back-end
 *
 * Return: the memfd, owned by the back-end.
 */
int vhost_user_peer_memory(const VhostUserPeer *peer);

/**
 * vhost_user_peer_set_memory() - Replace the memory of a back-end
 * @peer: back-end to which QEMU sends no request meanwhile
 * @fd: the memory, which the back-end owns from now on
 */
void vhost_user_peer_set_memory(VhostUserPeer *peer, int fd);

/**
 * vhost_user_peer_asked() - Count QEMU's GET_SHARED_OBJECT requests
 * @peer: back-end
 * @uuid: set to the UUID of the last request
 *
 * Return: number of requests with a payload of PEER_UUID_SIZE bytes.
 */
unsigned int vhost_user_peer_asked(VhostUserPeer *peer, uint8_t *uuid);

/**
 * vhost_user_peer_hold() - Leave a request unread
 * @peer: back-end
 * @request: request of QEMU on the main channel
 *
 * The back-end does not read @request until vhost_user_peer_release(), like a
 * back-end whose only thread waits for a reply from QEMU.
 */
void vhost_user_peer_hold(VhostUserPeer *peer, uint32_t request);

/**
 * vhost_user_peer_wait_held() - Wait until a back-end holds a request
 * @peer: back-end for which vhost_user_peer_hold() or vhost_user_peer_cut() was
 *        called
 */
void vhost_user_peer_wait_held(VhostUserPeer *peer);

/**
 * vhost_user_peer_release() - Continue with the held request
 * @peer: back-end that holds a request
 */
void vhost_user_peer_release(VhostUserPeer *peer);

/**
 * vhost_user_peer_disconnect() - Close the main channel; QEMU reconnects
 * @peer: back-end
 */
void vhost_user_peer_disconnect(VhostUserPeer *peer);

/**
 * vhost_user_peer_die_at() - Close the main channel when a request comes
 * @peer: back-end
 * @request: request of QEMU on the main channel; 0 to cancel
 * @times: number of connections to close
 */
void vhost_user_peer_die_at(VhostUserPeer *peer, uint32_t request,
                            unsigned int times);

/**
 * vhost_user_peer_wait_connected() - Wait until QEMU has connected
 * @peer: back-end
 *
 * After a death that QEMU has noticed, this waits for the next connection.
 */
void vhost_user_peer_wait_connected(VhostUserPeer *peer);

/**
 * vhost_user_peer_wait_deaths() - Wait until a back-end has died
 * @peer: back-end for which vhost_user_peer_die_at() was called, and which has
 *        died as often as it was told to
 */
void vhost_user_peer_wait_deaths(VhostUserPeer *peer);

/**
 * vhost_user_peer_wait_served() - Wait until a request has been served
 * @peer: back-end for which vhost_user_peer_die_at() is not in effect
 * @request: request of QEMU on the main channel, on the current connection
 */
void vhost_user_peer_wait_served(VhostUserPeer *peer, uint32_t request);

/**
 * vhost_user_peer_reconnect() - Close both channels, and wait for new ones
 * @peer: back-end, whose channels may be closed already
 */
void vhost_user_peer_reconnect(VhostUserPeer *peer);

/**
 * vhost_user_peer_close_channel() - Close the back-end channel
 * @peer: back-end
 */
void vhost_user_peer_close_channel(VhostUserPeer *peer);

/**
 * vhost_user_peer_reject_config() - Fail all further GET_CONFIG requests
 * @peer: back-end
 */
void vhost_user_peer_reject_config(VhostUserPeer *peer);

/**
 * vhost_user_peer_tell_error() - Report an error in a queue to QEMU
 * @peer: back-end for which PEER_SET_VRING_ERR was served
 */
void vhost_user_peer_tell_error(VhostUserPeer *peer);

/**
 * vhost_user_peer_gpu_socket() - The socket for the display of vhost-user-gpu
 * @peer: back-end for which PEER_GPU_SET_SOCKET was served
 *
 * Return: the socket, owned by the caller.
 */
int vhost_user_peer_gpu_socket(VhostUserPeer *peer);

/**
 * vhost_user_peer_channel() - The back-end channel, for direct reads and writes
 * @peer: back-end that is ready
 *
 * Return: the socket, owned by the back-end.
 */
int vhost_user_peer_channel(VhostUserPeer *peer);

/**
 * vhost_user_peer_send() - Send a request without waiting for the reply
 * @peer: back-end
 * @request: PEER_*
 * @flags: PEER_NEED_REPLY or 0
 * @payload: payload of the request
 * @size: size of @payload in bytes
 */
void vhost_user_peer_send(VhostUserPeer *peer, uint32_t request,
                          uint32_t flags, const void *payload, uint32_t size);

/**
 * vhost_user_peer_try_send() - Send a request, if there is room for it
 * @peer: back-end
 * @request: PEER_*
 * @flags: PEER_NEED_REPLY or 0
 * @payload: payload of the request
 * @size: size of @payload in bytes
 *
 * Return: 0 on success; EAGAIN if there is no room, EPIPE if QEMU has closed
 * the channel.
 */
int vhost_user_peer_try_send(VhostUserPeer *peer, uint32_t request,
                             uint32_t flags, const void *payload,
                             uint32_t size);

/**
 * vhost_user_peer_try_send_fds() - Like vhost_user_peer_try_send(), with file
 * descriptors
 * @peer: back-end
 * @request: PEER_*
 * @flags: PEER_NEED_REPLY or 0
 * @payload: payload of the request
 * @size: size of @payload in bytes
 * @num_fds: number of file descriptors of @peer's memory, at most PEER_MAX_FDS
 *
 * Return: like vhost_user_peer_try_send().
 */
int vhost_user_peer_try_send_fds(VhostUserPeer *peer, uint32_t request,
                                 uint32_t flags, const void *payload,
                                 uint32_t size, size_t num_fds);

/**
 * vhost_user_peer_try_recv() - Wait for QEMU's reply or for the end of the
 * channel
 * @peer: back-end
 * @request: request to which QEMU must reply
 * @reply: set to the reply
 *
 * Return: false if QEMU has closed the back-end channel.
 */
bool vhost_user_peer_try_recv(VhostUserPeer *peer, uint32_t request,
                              PeerReply *reply);

/**
 * vhost_user_peer_recv() - Wait for QEMU's reply
 * @peer: back-end
 * @request: request to which QEMU must reply
 *
 * Return: the reply.
 */
PeerReply vhost_user_peer_recv(VhostUserPeer *peer, uint32_t request);

/**
 * vhost_user_peer_add() - Register an object
 * @peer: back-end
 * @uuid: UUID of the object
 *
 * Return: whether QEMU accepts the object.
 */
bool vhost_user_peer_add(VhostUserPeer *peer, const uint8_t *uuid);

/**
 * vhost_user_peer_remove() - Unregister an object
 * @peer: back-end
 * @uuid: UUID of the object
 *
 * Return: whether QEMU accepts the request.
 */
bool vhost_user_peer_remove(VhostUserPeer *peer, const uint8_t *uuid);

/**
 * vhost_user_peer_lookup() - Look an object up
 * @peer: back-end
 * @uuid: UUID of the object
 *
 * Fails the test unless a success has exactly one file descriptor and an error
 * has none.
 *
 * Return: file descriptor of the object, to be closed by the caller; -1 if the
 * lookup failed.
 */
int vhost_user_peer_lookup(VhostUserPeer *peer, const uint8_t *uuid);

/**
 * vhost_user_peer_lookup_info() - Look up an object and its description
 * @peer: back-end with which PEER_F_SHARED_OBJECT_INFO was negotiated
 * @uuid: UUID of the object
 * @info: set to QEMU's description of the object
 *
 * Return: like vhost_user_peer_lookup().
 */
int vhost_user_peer_lookup_info(VhostUserPeer *peer, const uint8_t *uuid,
                                PeerInfo *info);

#endif /* TESTS_VHOST_USER_PEER_H */
