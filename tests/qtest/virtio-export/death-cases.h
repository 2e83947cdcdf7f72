/*
 * Tests of every kind of vhost-user device whose back-end dies
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_DEATH_CASES_H
#define TESTS_VHOST_USER_DEATH_CASES_H

/**
 * vhost_user_add_death_cases() - Add a case for each kind of device and each
 * moment of death
 */
void vhost_user_add_death_cases(void);

#endif /* TESTS_VHOST_USER_DEATH_CASES_H */
