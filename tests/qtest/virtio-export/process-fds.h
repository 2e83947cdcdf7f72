/*
 * File descriptors, mappings and memory of another process
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_PROCESS_FDS_H
#define TESTS_PROCESS_FDS_H

#include <sys/resource.h>

#include "libqtest.h"

/**
 * process_fds_count() - Count the open file descriptors of a process
 * @pid: process
 *
 * Return: the number.
 */
unsigned int process_fds_count(pid_t pid);

/**
 * process_fds_named() - Count the open file descriptors of certain files
 * @pid: process
 * @name: part of the names of the files
 *
 * Return: the number.
 */
unsigned int process_fds_named(pid_t pid, const char *name);

/**
 * process_fds_open() - Open a file that a process has open
 * @pid: process
 * @name: part of the file's name
 *
 * Return: a file descriptor for reading and writing, owned by the caller.
 */
int process_fds_open(pid_t pid, const char *name);

/**
 * process_fds_settled() - Count the open file descriptors of an idle QEMU
 * @qts: the QEMU
 *
 * A back-end gets the reply to a lookup before QEMU closes its own descriptor
 * of the object.  This function waits until earlier requests are finished.
 *
 * Return: the number.
 */
unsigned int process_fds_settled(QTestState *qts);

/**
 * process_anon_bytes() - Measure the resident anonymous memory of a process
 * @pid: process
 *
 * Return: the size in bytes.
 */
uint64_t process_anon_bytes(pid_t pid);

/* Whether freeing memory shrinks this size: AddressSanitizer keeps memory */
#ifdef QEMU_SANITIZE_ADDRESS
#define PROCESS_ANON_SHRINKS false
#else
#define PROCESS_ANON_SHRINKS true
#endif

/**
 * process_count_mapped() - Count the mappings of certain files
 * @pid: process
 * @name: part of the names of the files
 *
 * Return: the number.
 */
unsigned int process_count_mapped(pid_t pid, const char *name);

/**
 * process_fds_limit() - Limit the file descriptors of a process
 * @pid: process; its open descriptors stay open
 * @num: new descriptors must be below this number
 *
 * Return: the old limit, for process_fds_restore().
 */
struct rlimit process_fds_limit(pid_t pid, unsigned int num);

/**
 * process_fds_exhaust() - Let a process open no further file descriptors
 * @pid: process; its open descriptors stay open and can be polled
 *
 * Return: the old limit, for process_fds_restore().
 */
struct rlimit process_fds_exhaust(pid_t pid);

/**
 * process_fds_restore() - Undo process_fds_limit() or process_fds_exhaust()
 * @pid: process
 * @old: return value of that function
 */
void process_fds_restore(pid_t pid, struct rlimit old);

#endif
