/*
 * The messages on standard error of the QEMU under test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_MESSAGES_H
#define TESTS_VIRTIO_GPU_MESSAGES_H

/**
 * messages_before() - For QOSGraphTestOptions.before: record messages
 * @cmd_line: command line to extend; nothing may be added afterwards
 * @arg: any value
 *
 * Return: @arg
 */
void *messages_before(GString *cmd_line, void *arg);

/**
 * messages_text() - Read QEMU's messages
 *
 * Return: the text since messages_before() of this test, to be freed by the
 * caller
 */
char *messages_text(void);

/**
 * messages_size() - Measure QEMU's messages
 *
 * Return: number of bytes since messages_before() of this test
 */
size_t messages_size(void);

#endif
