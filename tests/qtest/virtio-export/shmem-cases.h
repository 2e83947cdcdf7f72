/*
 * Tests of back-ends that map memory for the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_SHMEM_CASES_H
#define TESTS_VHOST_USER_SHMEM_CASES_H

/**
 * vhost_user_add_shmem_cases() - Add a case for each end of a mapping
 *
 * QEMU before 11.1 has no such mappings, and gets no case.
 */
void vhost_user_add_shmem_cases(void);

#endif /* TESTS_VHOST_USER_SHMEM_CASES_H */
