/*
 * Commands to a disk whose sectors are the memory behind a UUID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_CONTROL_H
#define TESTS_VHOST_USER_CONTROL_H

#include "picture.h"
#include "uuid-disk.h"

typedef struct Control {
    UUIDDisk *disk;
    Picture picture;
    GString *input;     /* a line that has not ended yet */
    GString *answer;    /* what follows "ok" */
    guint source;
} Control;

/**
 * control_start() - Take commands from standard input
 * @ctl: what is set up
 * @disk: the disk that they are about
 *
 * They are executed by the default main loop, one a line; each is answered by
 * one line on standard output that begins with "ok" or "error:".
 */
void control_start(Control *ctl, UUIDDisk *disk);

/**
 * control_stop() - Take no further commands
 * @ctl: started
 */
void control_stop(Control *ctl);

/**
 * control_help() - What commands there are
 *
 * Return: text for --help; freed by the caller
 */
char *control_help(void);

#endif /* TESTS_VHOST_USER_CONTROL_H */
