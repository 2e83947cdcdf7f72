/*
 * A vhost-user-media device and its process, beside the GPU that qgraph makes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_MEDIA_BACKEND_H
#define TESTS_VIRTIO_MEDIA_BACKEND_H

#include "libqos/virtio-gpu.h"
#include "libqos/virtio-media.h"

/* Name of the device in the guest */
#define MEDIA_CARD "qtest"

/**
 * media_backend_before() - Add the device to QEMU's command line
 * @cmd_line: command line to extend
 * @pipeline: the pipeline; @file in it is replaced by the name of a file
 *
 * Starts the program that QTEST_VHOST_USER_MEDIA_BINARY names; it ends with the
 * test.  Does nothing without the variable.
 */
void media_backend_before(GString *cmd_line, const char *pipeline);

/**
 * media_backend_capture_before() - Like media_backend_before(), for a capture
 * @cmd_line: command line to extend
 * @pipeline: the pipeline; @file in it is replaced by the name of a file
 */
void media_backend_capture_before(GString *cmd_line, const char *pipeline);

/**
 * media_backend_missing() - Skip a test that has no vhost-user-media
 *
 * Return: true if the test has been skipped
 */
bool media_backend_missing(void);

/**
 * media_backend_start() - Start the device with a driver
 * @beside: a GPU on the same bus
 * @alloc: the machine's memory
 *
 * Return: the running device, which is freed at the end of the test
 */
QVirtioMedia *media_backend_start(QVirtioGPUPCI *beside,
                                  QGuestAllocator *alloc);

/**
 * media_backend_pid() - Tell which process is the back-end
 *
 * Return: the ID of the process
 */
pid_t media_backend_pid(void);

/**
 * media_backend_kill() - Kill the process, and wait for its end
 */
void media_backend_kill(void);

/**
 * media_backend_restart() - Start a process after media_backend_kill()
 */
void media_backend_restart(void);

/**
 * media_backend_make_fifo() - Make a FIFO where the pipeline has its file
 */
void media_backend_make_fifo(void);

/**
 * media_backend_open_fifo() - Open the other end of the pipeline's FIFO
 * @flags: for open()
 *
 * Return: the file descriptor
 */
int media_backend_open_fifo(int flags);

/**
 * media_backend_file() - Read what the pipeline has written
 * @size: wait until the file has at least this size
 *
 * Return: the content, to be freed by g_byte_array_unref()
 */
GByteArray *media_backend_file(size_t size);

/**
 * media_backend_write_file() - Write what the pipeline will read
 * @data: the content
 * @size: its size
 */
void media_backend_write_file(const void *data, size_t size);

#endif
