/*
 * What the QEMU under test prints to its standard error
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_MESSAGES_H
#define TESTS_VIRTIO_GPU_MESSAGES_H

/**
 * messages_before() - For QOSGraphTestOptions.before: keep what QEMU prints
 * @cmd_line: added to; this has to be the last that is
 * @arg: anything
 *
 * Return: @arg
 */
void *messages_before(GString *cmd_line, void *arg);

/**
 * messages_size() - Measure what QEMU has printed
 *
 * Return: its bytes since messages_before() of this test
 */
size_t messages_size(void);

#endif
