/*
 * The same command for very many resources of a virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_MANY_H
#define TESTS_VIRTIO_GPU_MANY_H

#include "virtio-gpu/helpers/uuid.h"

/* Descriptors that QEMU has open besides one memfd a resource */
#define MANY_OTHER_FDS  200

/* Fills one request of many; returns the length of the request */
typedef size_t ManyFillFunc(void *req, uint32_t id);
/* Looks at one response of many */
typedef void ManyCheckFunc(const QVirtioGPURequest *r, uint32_t id,
                           void *opaque);

/**
 * struct ManyUUIDs - What was assigned
 * @by_id: the UUID of each resource
 * @all: each that there ever was
 */
typedef struct ManyUUIDs {
    uuid_t *by_id;
    GHashTable *all;
} ManyUUIDs;

/**
 * many_uuids_new() - Begin to collect UUIDs
 * @end: all ids are below it
 *
 * Return: a set with none, to be freed by many_uuids_free()
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

/* The response is a header that tells of success */
void many_check_nodata(const QVirtioGPURequest *r, uint32_t id, void *opaque);

/* The response has a UUID that was never in the ManyUUIDs, and is now */
void many_check_new_uuid(const QVirtioGPURequest *r, uint32_t id,
                         void *opaque);

/* The response has the UUID that the ManyUUIDs has for the resource */
void many_check_same_uuid(const QVirtioGPURequest *r, uint32_t id,
                          void *opaque);

/**
 * many_raise_limit() - Let the QEMU of a test have descriptors for resources
 * @resources: as many, or what the hard limit allows
 *
 * For QOSGraphTestOptions.before: QEMU inherits the limit, so that it is one
 * that is not running yet.
 */
void many_raise_limit(uint32_t resources);

/**
 * many_missing() - Skip a test where many_raise_limit() could not do enough
 * @resources: how many it was asked for
 *
 * Return: whether it was skipped
 */
bool many_missing(uint32_t resources);

/**
 * many_send() - Send a request for each of many ids, with few kicks
 * @gpu: a running device
 * @first: the first id
 * @end: all ids are below it
 * @step: between two ids
 * @fill: makes each request
 * @check: checks each response
 * @opaque: for @check
 */
void many_send(QVirtioGPU *gpu, uint32_t first, uint32_t end, uint32_t step,
               ManyFillFunc *fill, ManyCheckFunc *check, void *opaque);

#endif
