/*
 * A vhost-user-gpu device and its process, beside the GPU that qgraph makes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_GPU_H
#define TESTS_VHOST_USER_GPU_H

#include "libqos/virtio-gpu.h"

/**
 * vhost_user_gpu_before() - For QOSGraphTestOptions.before: add the device
 * @cmd_line: command line to extend
 * @arg: any value
 *
 * Starts the program that QTEST_VHOST_USER_GPU_BINARY names; it ends with the
 * test.  Does nothing without the variable.
 *
 * Return: @arg
 */
void *vhost_user_gpu_before(GString *cmd_line, void *arg);

/**
 * vhost_user_gpu_virgl_before() - Like vhost_user_gpu_before(), with --virgl
 * @cmd_line: command line to extend
 * @arg: any value
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
 * vhost_user_gpu_start() - Start the device with a driver
 * @beside: a GPU on the same bus
 * @alloc: the machine's memory
 *
 * Return: the running device, which is freed at the end of the test.
 */
QVirtioGPU *vhost_user_gpu_start(QVirtioGPUPCI *beside,
                                 QGuestAllocator *alloc);

/**
 * vhost_user_gpu_pid() - Get the process ID of vhost-user-gpu
 *
 * Return: the process ID.
 */
pid_t vhost_user_gpu_pid(void);

/**
 * vhost_user_gpu_kill() - Kill vhost-user-gpu and wait for its end
 */
void vhost_user_gpu_kill(void);

#endif /* TESTS_VHOST_USER_GPU_H */
