/*
 * A vhost-user device that looks up the resources of a virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_IMPORTER_H
#define TESTS_VIRTIO_GPU_IMPORTER_H

#include "virtio-gpu/helpers/uuid.h"
#include "virtio-export/peer.h"

/**
 * importer_before() - For QOSGraphTestOptions.before: add an importer
 * @cmd_line: command line to extend
 * @arg: argument of the test
 *
 * Return: @arg
 */
void *importer_before(GString *cmd_line, void *arg);

/**
 * importer_exporter_before() - Like importer_before(), with a second back-end
 * @cmd_line: command line to extend
 * @arg: argument of the test
 *
 * Return: @arg
 */
void *importer_exporter_before(GString *cmd_line, void *arg);

/**
 * importer_info_before() - Like importer_before(), for importer_map_info()
 * @cmd_line: command line to extend
 * @arg: argument of the test
 *
 * Return: @arg
 */
void *importer_info_before(GString *cmd_line, void *arg);

/**
 * importer_traced_before() - Like importer_info_before(), and trace lookups
 * @cmd_line: command line to extend
 * @arg: argument of the test
 *
 * Needed for importer_assert_traced().
 *
 * Return: @arg
 */
void *importer_traced_before(GString *cmd_line, void *arg);

/**
 * importer_traced() - Get the traced result of the last lookup
 * @uuid: UUID of the object
 *
 * Return: kind, size and geometry in the form of the trace event, or the reason
 * of the failure; to be freed by the caller.
 */
char *importer_traced(const uint8_t *uuid);

/**
 * importer_traced_bottom_up() - Tell the order of the rows of an object
 * @uuid: UUID of the object, which was looked up
 *
 * Return: true if the trace event says that the bottom row is the first.
 */
bool importer_traced_bottom_up(const uint8_t *uuid);

/**
 * importer_assert_traced() - Check the traced result of the last lookup
 * @uuid: UUID of the object
 * @object: kind, size and geometry in the form of the trace event
 *
 * The trace event has what a device in QEMU would get.
 */
void importer_assert_traced(const uint8_t *uuid, const char *object);

/**
 * importer() - The back-end of the importer
 *
 * Return: the back-end from importer_before(), ready for lookups.
 */
VhostUserPeer *importer(void);

/**
 * exporter() - The second back-end
 *
 * Return: the back-end from importer_exporter_before(), ready to add objects.
 */
VhostUserPeer *exporter(void);

/* Number of back-ends from importer_crowd_before() */
#define IMPORTER_CROWD 100

/**
 * importer_crowd_before() - Like importer_exporter_before(), with many more
 * back-ends
 * @cmd_line: command line to extend
 * @arg: argument of the test
 *
 * Return: @arg
 */
void *importer_crowd_before(GString *cmd_line, void *arg);

/**
 * importer_crowd() - One of many back-ends
 * @i: its number, below IMPORTER_CROWD
 *
 * Return: a back-end from importer_crowd_before(), ready for lookups.
 */
VhostUserPeer *importer_crowd(unsigned int i);

/**
 * importer_args() - QEMU's options for the importer
 *
 * Return: the options that importer_before() adds; valid until the test ends.
 */
const char *importer_args(void);

/**
 * importer_map() - Look a resource up, and map it
 * @peer: back-end that looks it up
 * @uuid: UUID of the resource
 * @size: set to the size of its memory; may be NULL
 *
 * Return: the memory, readable and writable, to be unmapped by munmap(); NULL
 * if it is not found.
 */
uint8_t *importer_map(VhostUserPeer *peer, const uint8_t *uuid, size_t *size);

/**
 * importer_map_info() - Like importer_map(), for an object with an image
 * @peer: back-end from importer_info_before() or importer_traced_before()
 * @uuid: UUID of the resource
 * @size: set to the size of its memory; the reply has the same size
 * @info: set to QEMU's description of the resource, whose only plane fits into
 *        the memory
 *
 * Return: the memory, as from importer_map().
 */
uint8_t *importer_map_info(VhostUserPeer *peer, const uint8_t *uuid,
                           size_t *size, PeerInfo *info);

/**
 * importer_finds() - Tell whether a resource can be looked up
 * @peer: back-end that looks it up
 * @uuid: UUID of the resource
 *
 * Return: true if it can.
 */
bool importer_finds(VhostUserPeer *peer, const uint8_t *uuid);

#endif
