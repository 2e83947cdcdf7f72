/*
 * A disk for snapshots, which no device has
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_SNAPSHOT_DISK_H
#define TESTS_SNAPSHOT_DISK_H

#include "libqtest.h"

/**
 * snapshot_disk_create() - Make a disk by QEMU itself, as qemu-img need not be
 * there
 * @qts: QEMU, which has the disk from now on
 * @path: file, which is there; it stays the caller's
 */
void snapshot_disk_create(QTestState *qts, const char *path);

/**
 * snapshot_disk_add() - Give a disk to another QEMU
 * @qts: QEMU
 * @path: file of which snapshot_disk_create() has made a disk
 */
void snapshot_disk_add(QTestState *qts, const char *path);

/**
 * snapshot_disk_remove() - Take a disk away
 * @qts: QEMU that has one
 */
void snapshot_disk_remove(QTestState *qts);

/**
 * snapshot_command() - Use the disk
 * @qts: QEMU that has one
 * @command: of the human monitor, as "savevm NAME"; it succeeds
 */
void snapshot_command(QTestState *qts, const char *command);

#endif
