/*
 * A vhost-user-gpu beside the GPU that qgraph makes, with its own process
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_GPU_H
#define TESTS_VHOST_USER_GPU_H

#include "libqos/virtio-gpu.h"

/**
 * vhost_user_gpu_before() - For QOSGraphTestOptions.before: add the device
 * @cmd_line: added to
 * @arg: anything
 *
 * Starts the program that QTEST_VHOST_USER_GPU_BINARY names, which ends with
 * the test.  Without the variable nothing is added.
 *
 * Return: @arg
 */
void *vhost_user_gpu_before(GString *cmd_line, void *arg);

/**
 * vhost_user_gpu_virgl_before() - Like vhost_user_gpu_before(), with --virgl
 * @cmd_line: added to
 * @arg: anything
 *
 * Return: @arg
 */
void *vhost_user_gpu_virgl_before(GString *cmd_line, void *arg);

/**
 * vhost_user_gpu_missing() - Skip a test that has no vhost-user-gpu
 *
 * Return: true if the test has been skipped.
 */
bool vhost_user_gpu_missing(void);

/**
 * vhost_user_gpu_start() - Drive the device
 * @beside: a GPU on the same bus
 * @alloc: the machine's memory
 *
 * Return: the device, running; it is freed at the end of the test.
 */
QVirtioGPU *vhost_user_gpu_start(QVirtioGPUPCI *beside,
                                 QGuestAllocator *alloc);

/**
 * vhost_user_gpu_pid() - Tell the device's process
 *
 * Return: its id.
 */
pid_t vhost_user_gpu_pid(void);

/**
 * vhost_user_gpu_kill() - End the device's process at once, and await its end
 */
void vhost_user_gpu_kill(void);

#endif /* TESTS_VHOST_USER_GPU_H */
