/*
 * What a test and the library that lets calls of QEMU to the host fail tell
 * each other
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FAULT_CONTROL_H
#define TESTS_FAULT_CONTROL_H

/**
 * enum FaultCall - Calls to the host that can fail
 * @FAULT_DUP: dup(), and fcntl() with F_DUPFD or F_DUPFD_CLOEXEC
 * @FAULT_MEMFD_CREATE: memfd_create()
 * @FAULT_SEAL: fcntl() with F_ADD_SEALS
 * @FAULT_MMAP: mmap() of a file that is shared
 * @FAULT_UDMABUF: ioctl() that makes a dma-buf of a memfd
 * @FAULT_GETRANDOM: getrandom() of as many bytes as a UUID has
 * @FAULT_SENDMSG: sendmsg() of a vhost-user message
 * @FAULT_UNMAP: virglrenderer's end of the mapping of a blob
 * @FAULT_CALLS: how many there are
 */
typedef enum FaultCall {
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

/**
 * struct FaultControl - What is in the file that both have mapped
 * @pid: process whose calls fail; 0 if none do
 * @call: which of its calls
 * @countdown: how many of them there are until one fails, itself included
 * @for_good: those after it fail as well
 * @hits: how many have failed
 * @udmabuf: whether /dev/udmabuf is there for images, whatever the host has
 * @measured: process that is to tell its heap; 0 if it has done so
 * @heap: how many bytes that has allocated
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
} FaultControl;

#endif
