/*
 * The memory that a test shares with the fault injection library
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FAULT_CONTROL_H
#define TESTS_FAULT_CONTROL_H

/**
 * enum FaultCall - Host calls that can be made to fail
 * @FAULT_DUP: dup(), and fcntl() with F_DUPFD or F_DUPFD_CLOEXEC
 * @FAULT_MEMFD_CREATE: memfd_create()
 * @FAULT_SEAL: fcntl() with F_ADD_SEALS
 * @FAULT_MMAP: mmap() of a file with MAP_SHARED
 * @FAULT_UDMABUF: ioctl() that makes a dma-buf of a memfd
 * @FAULT_GETRANDOM: getrandom() of as many bytes as a UUID has
 * @FAULT_SENDMSG: sendmsg() of a vhost-user message
 * @FAULT_UNMAP: virglrenderer's function that unmaps a blob
 * @FAULT_CALLS: number of kinds of calls
 */
typedef enum {
    FAULT_DUP,
    FAULT_MEMFD_CREATE,
    FAULT_SEAL,
    FAULT_MMAP,
    FAULT_UDMABUF,
    FAULT_GETRANDOM,
    FAULT_SENDMSG,
    FAULT_UNMAP,
    FAULT_CALLS,
} FaultCall;

/* FaultLoop.iterations: less than 1/8, 1/4, 1/2, 1, 2 ms, and more */
#define FAULT_LOOP_CLASSES 6

/**
 * struct FaultLoop - What the main loop of a process does between two ppoll()s
 * @pid: the process; 0 if no main loop is watched
 * @most_sent: most vhost-user messages that were sent in one iteration
 * @iterations: how many iterations took how much CPU time
 * @longest: CPU time of the longest iteration, in nanoseconds
 * @longest_real: real time of the longest iteration, in nanoseconds
 */
typedef struct FaultLoop {
    int32_t pid;
    uint32_t most_sent;
    uint64_t iterations[FAULT_LOOP_CLASSES];
    int64_t longest;
    int64_t longest_real;
} FaultLoop;

/**
 * struct FaultControl - File that the test and the library map
 * @pid: process whose calls fail; 0 if none do
 * @call: the kind of call that fails
 * @countdown: the call with this number, from 1, is the next to fail
 * @for_good: all later calls fail as well
 * @hits: number of calls that have failed
 * @udmabuf: let QEMU see /dev/udmabuf, whether or not the host has it
 * @measured: process that reports its heap, and then clears this field
 * @heap: bytes that the process @measured has allocated
 * @loop: the main loop that is watched
 */
typedef struct FaultControl {
    int32_t pid;
    uint32_t call;
    uint32_t countdown;
    uint32_t for_good;
    uint32_t hits;
    uint32_t udmabuf;
    int32_t measured;
    uint64_t heap;
    FaultLoop loop;
} FaultControl;

#endif
