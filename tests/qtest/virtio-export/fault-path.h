/*
 * Fault injection: share a resource while host calls fail
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FAULT_PATH_H
#define TESTS_FAULT_PATH_H

#include "qemu/bitops.h"
#include "virtio-export/fault.h"
#include "virtio-gpu/helpers/importer.h"

#define FAULT_ID    1
#define FAULT(name) BIT(FAULT_ ## name)

typedef struct Faults Faults;

/**
 * struct FaultPath - An operation whose host calls are made to fail
 * @calls: kinds of calls that the operation makes
 * @spares: kinds of calls whose failure does not fail the operation
 * @skips: kinds of calls that are not made to fail
 * @leaks: kinds of calls after whose failure a library leaks a descriptor
 * @udmabuf: look images up as dma-bufs
 * @begin: prepares the operation; may be NULL
 * @attempt: runs the operation; returns false if it failed
 * @recover: makes another @attempt possible after a failure; may be NULL
 * @undo: undoes @attempt; may be NULL
 * @end: undoes @begin; may be NULL
 */
typedef struct FaultPath {
    unsigned int calls;
    unsigned int spares;
    unsigned int skips;
    unsigned int leaks;
    bool udmabuf;
    void (*begin)(Faults *f);
    bool (*attempt)(Faults *f);
    void (*recover)(Faults *f);
    void (*undo)(Faults *f);
    void (*end)(Faults *f);
} FaultPath;

/**
 * struct Faults - State of a test of fault injection
 * @gpu: the device
 * @qts: the QEMU
 * @process: the process whose calls fail; 0 for @qts
 * @backing: address of the guest memory of blobs
 * @exists: whether the resource FAULT_ID exists
 * @uuid: UUID of that resource
 * @closed: back-end whose channel QEMU has closed
 * @stream: migration stream for a destination to load
 */
struct Faults {
    QVirtioGPU *gpu;
    QTestState *qts;
    pid_t process;
    uint64_t backing;
    bool exists;
    uuid_t uuid;
    VhostUserPeer *closed;
    GByteArray *stream;
};

/**
 * fault_run_path() - Let each host call of an operation fail in turn
 * @f: state of the test
 * @path: the operation
 *
 * For each kind of call, the first, the second, ... call fails, once alone and
 * once with all later calls of that kind.  Asserts that the operation fails
 * each time, that the next attempt succeeds, and that no file descriptor leaks.
 */
void fault_run_path(Faults *f, const FaultPath *path);

/**
 * fault_create_resource() - Create the resource FAULT_ID, which must succeed
 * @f: state of the test
 */
void fault_create_resource(Faults *f);

/**
 * fault_forget_resource() - Destroy the resource, if it exists
 * @f: state of the test
 */
void fault_forget_resource(Faults *f);

/**
 * fault_assign() - Request the UUID of the resource
 * @f: state of the test
 *
 * Return: false if there was an error.
 */
bool fault_assign(Faults *f);

/**
 * fault_find() - Look the resource up, as a back-end
 * @f: state of the test
 *
 * Return: false if the lookup failed.
 */
bool fault_find(Faults *f);

/**
 * fault_share_image() - Create a resource, request its UUID and look it up
 * @f: state of the test
 *
 * Return: false if any of these failed.
 */
bool fault_share_image(Faults *f);

/**
 * fault_peer_succeeds() - Send a back-end's request
 * @f: state of the test; records that QEMU has closed the channel
 * @peer: the back-end
 * @request: PEER_*
 * @uuid: UUID of an object
 *
 * Return: false if QEMU replied with an error or closed the channel.
 */
bool fault_peer_succeeds(Faults *f, VhostUserPeer *peer, uint32_t request,
                         const uint8_t *uuid);

/**
 * fault_reopen() - Reconnect the back-end whose channel QEMU has closed, if any
 * @f: state of the test
 */
void fault_reopen(Faults *f);

/**
 * fault_forget_and_reopen() - fault_forget_resource() and fault_reopen()
 * @f: state of the test
 */
void fault_forget_and_reopen(Faults *f);

#endif
