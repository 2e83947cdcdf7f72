/*
 * The descriptors of another process
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_PROCESS_FDS_H
#define TESTS_PROCESS_FDS_H

#include <sys/resource.h>

/**
 * process_fds_count() - Count descriptors
 * @pid: process
 *
 * Return: how many it has open.
 */
unsigned int process_fds_count(pid_t pid);

/**
 * process_fds_exhaust() - Let a process open no more descriptors
 * @pid: process; what it has open stays so, and can be polled
 *
 * Return: limit to be passed to process_fds_restore().
 */
struct rlimit process_fds_exhaust(pid_t pid);

/**
 * process_fds_restore() - Undo process_fds_exhaust()
 * @pid: process
 * @old: what that has returned
 */
void process_fds_restore(pid_t pid, struct rlimit old);

#endif
