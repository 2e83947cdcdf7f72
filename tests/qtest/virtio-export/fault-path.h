/*
 * Sharing a resource while calls to the host fail
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
 * struct FaultPath - Something that makes calls which can fail
 * @calls: kinds of calls that it makes
 * @spares: those of them that it can do without
 * @skips: kinds of calls that are not made to fail
 * @leaks: those after which a library leaves a descriptor behind
 * @udmabuf: images are looked up as dma-bufs
 * @begin: prepares it; may be NULL
 * @attempt: does it; returns false if that was refused
 * @recover: makes @attempt possible after it was refused; may be NULL
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
 * struct Faults - A path that is tested
 * @gpu: the device
 * @qts: the QEMU
 * @process: whose calls fail; 0 for those of @qts
 * @backing: of blobs
 * @exists: the resource FAULT_ID does
 * @uuid: of that
 * @closed: back-end whose channel QEMU has closed
 * @stream: what a destination loads
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
 * fault_run_path() - Let each call on a path fail
 * @f: whose path it is
 * @path: the path
 *
 * The first, the second, ... call of a kind fails, on its own and with all
 * after it, until none does.  Asserts that @path is refused then, that the next
 * try succeeds, and that no process has more descriptors than before.
 */
void fault_run_path(Faults *f, const FaultPath *path);

/**
 * fault_create_resource() - Create a resource, where that does not fail
 * @f: on whose device
 */
void fault_create_resource(Faults *f);

/**
 * fault_forget_resource() - Destroy the resource
 * @f: on whose device; it may not be there
 */
void fault_forget_resource(Faults *f);

/**
 * fault_assign() - Ask for the UUID of the resource
 * @f: on whose device
 *
 * Return: false if there was an error.
 */
bool fault_assign(Faults *f);

/**
 * fault_find() - Look the resource up, as a back-end
 * @f: on whose device
 *
 * Return: false if that was refused.
 */
bool fault_find(Faults *f);

/**
 * fault_share_image() - Create a resource, ask for its UUID and look it up
 * @f: on whose device
 *
 * Return: false if any of it was refused.
 */
bool fault_share_image(Faults *f);

/**
 * fault_peer_succeeds() - Send a back-end's request
 * @f: notes that QEMU has closed the channel
 * @peer: the back-end
 * @request: PEER_*
 * @uuid: of an object
 *
 * Return: false if it was refused, by an answer or by the end of the channel.
 */
bool fault_peer_succeeds(Faults *f, VhostUserPeer *peer, uint32_t request,
                         const uint8_t *uuid);

/**
 * fault_reopen() - Let a back-end begin anew
 * @f: knows which one, if QEMU has closed the channel of any
 */
void fault_reopen(Faults *f);

/**
 * fault_forget_and_reopen() - fault_forget_resource() and fault_reopen()
 * @f: for both
 */
void fault_forget_and_reopen(Faults *f);

#endif
