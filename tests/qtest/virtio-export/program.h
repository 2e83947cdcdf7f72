/*
 * A vhost-user back-end that is another program
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_PROGRAM_H
#define TESTS_VHOST_USER_PROGRAM_H

/**
 * program_setup() - Make a program end when the test ends
 * @unused: user data of the GSpawnChildSetupFunc
 */
void program_setup(gpointer unused);

/**
 * program_wait() - Wait until a program accepts a connection of QEMU
 * @pid: the program, a child process; it must not end
 * @path: path of the socket at which it listens
 */
void program_wait(GPid pid, const char *path);

/**
 * program_end() - Kill a program
 * @pid: the program, a child process
 */
void program_end(GPid pid);

#endif /* TESTS_VHOST_USER_PROGRAM_H */
