/*
 * Fault injection: a test chooses the host call that fails
 *
 * The process whose calls fail must have preloaded the library made from
 * fault-shim.c.  The environment variable QTEST_FAULTS names the file that the
 * library and the test share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include "libqtest.h"
#include "virtio-export/fault-control.h"

/**
 * fault_available() - Tell whether fault injection is available
 *
 * Return: false if QTEST_FAULTS is not set.
 */
bool fault_available(void);

/**
 * fault_name() - Name a kind of call
 * @call: the call
 *
 * Return: its name, for messages.
 */
const char *fault_name(FaultCall call);

/**
 * fault_set_udmabuf() - Choose how 2D resources are looked up
 * @udmabuf: as dma-bufs, as if the host had udmabuf; else as memfds
 */
void fault_set_udmabuf(bool udmabuf);

/**
 * fault_arm() - Let a call fail
 * @pid: process whose call fails
 * @call: kind of call
 * @nth: number of the call that fails, from 1
 * @for_good: let all later calls of that kind fail as well
 */
void fault_arm(pid_t pid, FaultCall call, uint32_t nth, bool for_good);

/**
 * fault_disarm() - Stop making calls fail
 *
 * Return: whether a call has failed since fault_arm().
 */
bool fault_disarm(void);

/**
 * fault_heap_bytes() - Measure the heap of a QEMU
 * @qts: the QEMU
 *
 * Unlike the resident size, this number is exact.
 *
 * Return: the number of bytes that are allocated and not freed.
 */
uint64_t fault_heap_bytes(QTestState *qts);

/**
 * fault_watch_loop() - Begin to watch the main loop of a QEMU
 * @qts: the QEMU
 */
void fault_watch_loop(QTestState *qts);

/**
 * fault_watched_loop() - Stop watching the main loop
 *
 * Return: the iterations since fault_watch_loop().
 */
FaultLoop fault_watched_loop(void);

#endif
