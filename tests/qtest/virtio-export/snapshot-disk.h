/*
 * A disk for snapshots, which is not attached to a device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_SNAPSHOT_DISK_H
#define TESTS_SNAPSHOT_DISK_H

#include "libqtest.h"

/**
 * snapshot_disk_create() - Make a disk with QEMU, since qemu-img may be missing
 * @qts: QEMU, to which the disk is added
 * @path: an existing file, owned by the caller
 */
void snapshot_disk_create(QTestState *qts, const char *path);

/**
 * snapshot_disk_add() - Add an existing disk to another QEMU
 * @qts: QEMU
 * @path: file from snapshot_disk_create()
 */
void snapshot_disk_add(QTestState *qts, const char *path);

/**
 * snapshot_disk_remove() - Remove the disk
 * @qts: QEMU that has the disk
 */
void snapshot_disk_remove(QTestState *qts);

/**
 * snapshot_command() - Run a snapshot command, which must succeed
 * @qts: QEMU that has the disk
 * @command: command of the human monitor, such as "savevm NAME"
 */
void snapshot_command(QTestState *qts, const char *command);

#endif
