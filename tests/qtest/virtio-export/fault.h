/*
 * Letting calls to the host fail, at the moment that a test chooses
 *
 * This needs the library that virtio-export/fault-shim.c is, preloaded into who calls, and
 * the file by which one reaches it in the environment variable QTEST_FAULTS.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include "libqtest.h"
#include "virtio-export/fault-control.h"

/**
 * fault_available() - Tell whether calls can be made to fail
 *
 * Return: false if there is no such library.
 */
bool fault_available(void);

/**
 * fault_name() - The name of a call
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
 * @pid: process that calls
 * @call: what it calls
 * @nth: which of these calls fails, from 1
 * @for_good: those after it fail as well
 */
void fault_arm(pid_t pid, FaultCall call, uint32_t nth, bool for_good);

/**
 * fault_disarm() - Let no call fail any more
 *
 * Return: whether one has failed since fault_arm().
 */
bool fault_disarm(void);

/**
 * fault_heap_bytes() - Measure what a QEMU has allocated
 * @qts: the QEMU
 *
 * That is known to the byte, unlike how much of it is in memory.
 *
 * Return: how many bytes there are between malloc() and free().
 */
uint64_t fault_heap_bytes(QTestState *qts);

#endif
