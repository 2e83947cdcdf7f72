/*
 * Initialise libvhost-user without an event loop
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_UNIT_VU_INIT_H
#define TESTS_UNIT_VU_INIT_H

#include "libvhost-user.h"

static inline void unit_panic(VuDev *dev, const char *reason)
{
    g_error("%s", reason);
}

static inline void unit_set_watch(VuDev *dev, int fd, int condition,
                                  vu_watch_cb cb, void *data)
{
}

static inline void unit_remove_watch(VuDev *dev, int fd)
{
}

/**
 * vu_init_unwatched() - Initialise a device that does not watch its sockets
 * @dev: device with one queue; a fatal error there fails the test
 * @sock: connection to the front-end, which @dev owns from now on
 * @read_msg: how to read a message, or NULL to read @sock
 * @iface: callbacks of the device
 */
static inline void vu_init_unwatched(VuDev *dev, int sock,
                                     vu_read_msg_cb read_msg,
                                     const VuDevIface *iface)
{
    g_assert_true(vu_init(dev, 1, sock, unit_panic, read_msg, unit_set_watch,
                          unit_remove_watch, iface));
}

#endif
