/*
 * Commands for a disk backed by a shared object
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_CONTROL_H
#define TESTS_VHOST_USER_CONTROL_H

#include "uuid-disk.h"

typedef struct Control {
    UUIDDisk *disk;
    GString *input;     /* an incomplete line */
    guint source;
} Control;

/**
 * control_start() - Read commands from standard input
 * @ctl: filled in
 * @disk: the disk for the commands
 *
 * The default main loop executes the commands, one per line, and writes the
 * answers of control_run() to standard output.
 */
void control_start(Control *ctl, UUIDDisk *disk);

/**
 * control_stop() - Stop reading commands
 * @ctl: from control_start()
 */
void control_stop(Control *ctl);

/**
 * control_run() - Execute a command
 * @disk: the disk for the command
 * @line: the command
 *
 * Return: the answer, which begins with "ok" or "error:", to be freed by the
 * caller; NULL for an empty line
 */
char *control_run(UUIDDisk *disk, const char *line);

/**
 * control_help() - Describe the commands
 *
 * Return: text for --help, to be freed by the caller
 */
char *control_help(void);

#endif /* TESTS_VHOST_USER_CONTROL_H */
