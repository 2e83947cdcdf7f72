/*
 * Send the same command for very many resources of a virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_MANY_H
#define TESTS_VIRTIO_GPU_MANY_H

#include "virtio-gpu/helpers/uuid.h"

/* Most descriptors that QEMU has besides one memfd for each resource */
#define MANY_OTHER_FDS  200

/* Fills in one request; returns its length */
typedef size_t ManyFillFunc(void *req, uint32_t id);
/* Checks one response */
typedef void ManyCheckFunc(const QVirtioGPURequest *r, uint32_t id,
                           void *opaque);

/**
 * struct ManyUUIDs - All assigned UUIDs
 * @by_id: the UUID of each resource, by ID
 * @all: every UUID that was ever assigned
 */
typedef struct ManyUUIDs {
    uuid_t *by_id;
    GHashTable *all;
} ManyUUIDs;

/**
 * many_uuids_new() - Begin to collect UUIDs
 * @end: all IDs are below this number
 *
 * Return: an empty set, to be freed by many_uuids_free()
 */
ManyUUIDs *many_uuids_new(uint32_t end);

/**
 * many_uuids_free() - Free a set of UUIDs
 * @set: the set
 */
void many_uuids_free(ManyUUIDs *set);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ManyUUIDs, many_uuids_free)

/* For many_send() */
size_t many_fill_create(void *req, uint32_t id);
size_t many_fill_unref(void *req, uint32_t id);
size_t many_fill_assign(void *req, uint32_t id);

/* Check that the response is OK_NODATA */
void many_check_nodata(const QVirtioGPURequest *r, uint32_t id, void *opaque);

/* Check that the response has a new UUID, and add it to the ManyUUIDs */
void many_check_new_uuid(const QVirtioGPURequest *r, uint32_t id,
                         void *opaque);

/* Check that the response has the resource's UUID in the ManyUUIDs */
void many_check_same_uuid(const QVirtioGPURequest *r, uint32_t id,
                          void *opaque);

/**
 * many_raise_limit() - Raise the limit of file descriptors for QEMU
 * @resources: number of resources; the hard limit may allow fewer
 *
 * Call this from QOSGraphTestOptions.before, because a QEMU that starts later
 * inherits the limit.
 */
void many_raise_limit(uint32_t resources);

/**
 * many_missing() - Skip a test if the limit of descriptors is too low
 * @resources: argument of many_raise_limit()
 *
 * Return: whether the test was skipped
 */
bool many_missing(uint32_t resources);

/**
 * many_send() - Send a request for each of many IDs, with few kicks
 * @gpu: a running device
 * @first: the first ID
 * @end: all IDs are below this number
 * @step: distance between two IDs
 * @fill: fills in each request
 * @check: checks each response
 * @opaque: argument of @check
 */
void many_send(QVirtioGPU *gpu, uint32_t first, uint32_t end, uint32_t step,
               ManyFillFunc *fill, ManyCheckFunc *check, void *opaque);

#endif
