/*
 * A vhost-user device beside a virtio-gpu, which looks up its resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_IMPORTER_H
#define TESTS_VIRTIO_GPU_IMPORTER_H

#include "virtio-gpu/helpers/uuid.h"
#include "virtio-export/peer.h"

/**
 * importer_before() - Let a test have an importer
 * @cmd_line: of QEMU
 * @arg: of the test
 *
 * For QOSGraphTestOptions.before.
 *
 * Return: @arg
 */
void *importer_before(GString *cmd_line, void *arg);

/**
 * importer_exporter_before() - Like importer_before(), with a second back-end
 * @cmd_line: of QEMU
 * @arg: of the test
 *
 * Return: @arg
 */
void *importer_exporter_before(GString *cmd_line, void *arg);

/**
 * importer_traced_before() - Like importer_before(), and trace look-ups
 * @cmd_line: of QEMU
 * @arg: of the test
 *
 * For importer_assert_traced().
 *
 * Return: @arg
 */
void *importer_traced_before(GString *cmd_line, void *arg);

/**
 * importer_traced() - Tell what the last look-up gave
 * @uuid: of the object
 *
 * Return: kind, size and geometry, as the trace event has them, or the reason
 * of the failure, to be freed by the caller.
 */
char *importer_traced(const uint8_t *uuid);

/**
 * importer_traced_bottom_up() - Tell how the rows of an object lie
 * @uuid: of the object, looked up
 *
 * Return: true if the lowest row was said to be the first.
 */
bool importer_traced_bottom_up(const uint8_t *uuid);

/**
 * importer_assert_traced() - Check what the last look-up gave
 * @uuid: of the object
 * @object: kind, size and geometry, as the trace event has them
 *
 * No vhost-user message has more than a descriptor, so this is what a device in
 * QEMU would have got.
 */
void importer_assert_traced(const uint8_t *uuid, const char *object);

/**
 * importer() - The back-end of the importer
 *
 * Return: what importer_before() has started, ready for look-ups.
 */
VhostUserPeer *importer(void);

/**
 * exporter() - The second back-end
 *
 * Return: what importer_exporter_before() has started, ready for objects.
 */
VhostUserPeer *exporter(void);

/**
 * importer_args() - QEMU's options for the importer
 *
 * Return: what importer_before() has added; valid until the end of the test.
 */
const char *importer_args(void);

/**
 * importer_map() - Look a resource up, and map it
 * @peer: who looks it up
 * @uuid: of the resource
 * @size: set to the size of its memory; may be NULL
 *
 * Return: the memory, readable and writable, to be unmapped by munmap(); NULL
 * if it is not found.
 */
uint8_t *importer_map(VhostUserPeer *peer, const uint8_t *uuid, size_t *size);

/**
 * importer_finds() - Tell whether a resource can be looked up
 * @peer: who looks it up
 * @uuid: of the resource
 *
 * Return: true if it can.
 */
bool importer_finds(VhostUserPeer *peer, const uint8_t *uuid);

#endif
