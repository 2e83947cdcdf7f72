/*
 * What another process holds
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_PROCESS_FDS_H
#define TESTS_PROCESS_FDS_H

#include <sys/resource.h>

#include "libqtest.h"

/**
 * process_fds_count() - Count descriptors
 * @pid: process
 *
 * Return: how many it has open.
 */
unsigned int process_fds_count(pid_t pid);

/**
 * process_fds_named() - Count descriptors of certain files
 * @pid: process
 * @name: in the names of the files that count
 *
 * Return: how many it has open.
 */
unsigned int process_fds_named(pid_t pid, const char *name);

/**
 * process_fds_settled() - Count descriptors of a QEMU that is done
 * @qts: the QEMU
 *
 * In the middle of a look-up there may be one more: a back-end has its answer
 * before QEMU is done with it.
 *
 * Return: how many it has open once it has done with what came before.
 */
unsigned int process_fds_settled(QTestState *qts);

/**
 * process_anon_bytes() - Measure memory
 * @pid: process
 *
 * Return: how many bytes of no file it has in memory.
 */
uint64_t process_anon_bytes(pid_t pid);

/**
 * process_count_mapped() - Count mappings
 * @pid: process
 * @name: in the names of the files that count
 *
 * Return: how many it has of such files.
 */
unsigned int process_count_mapped(pid_t pid, const char *name);

/**
 * process_fds_limit() - Bound the descriptors of a process
 * @pid: process; what it has open stays so
 * @num: no descriptor that it opens is as high
 *
 * Return: limit to be passed to process_fds_restore().
 */
struct rlimit process_fds_limit(pid_t pid, unsigned int num);

/**
 * process_fds_exhaust() - Let a process open no more descriptors
 * @pid: process; what it has open stays so, and can be polled
 *
 * Return: limit to be passed to process_fds_restore().
 */
struct rlimit process_fds_exhaust(pid_t pid);

/**
 * process_fds_restore() - Undo process_fds_limit() or process_fds_exhaust()
 * @pid: process
 * @old: what that has returned
 */
void process_fds_restore(pid_t pid, struct rlimit old);

#endif
