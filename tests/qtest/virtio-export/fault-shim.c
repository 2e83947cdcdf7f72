/*
 * Fault injection library to preload into QEMU and vhost-user-gpu: it makes
 * the host calls fail that a test selects, reports the size of the heap, and
 * measures how long the main loop is held up
 *
 * The test and this library map the file that QTEST_FAULTS names.  In this
 * file, the test selects the process and the call that fails.  Only calls whose
 * arguments show that they handle shared objects can fail.
 *
 * Build and use it like this, in the build folder:
 *
 *   gcc -O2 -shared -fPIC -o fault-shim.so \
 *       ../tests/qtest/virtio-export/fault-shim.c
 *   truncate -s 4096 faults
 *   QTEST_FAULTS=$PWD/faults LD_PRELOAD=$PWD/fault-shim.so \
 *   QTEST_QEMU_BINARY=./qemu-system-x86_64 tests/qtest/qos-test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <malloc.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "fault-control.h"

#define UUID_SIZE 16

/* Header of a vhost-user message: request, flags with the version, size */
#define VHOST_USER_HDR_SIZE     12
#define VHOST_USER_VERSION_MASK 3
#define VHOST_USER_VERSION      1
#define VHOST_USER_MAX_REQUEST  64

static FaultControl *control;

static void *map_file(int fd)
{
    return (void *)syscall(SYS_mmap, NULL, sizeof(*control),
                           PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void __attribute__((constructor)) find_control(void)
{
    const char *path = getenv("QTEST_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : map_file(fd);

    control = map == MAP_FAILED ? NULL : map;
    if (fd >= 0) {
        close(fd);
    }
}

static bool fails(FaultCall call, int error)
{
    uint32_t left;

    if (!control ||
        __atomic_load_n(&control->pid, __ATOMIC_ACQUIRE) != getpid() ||
        control->call != call || !control->countdown) {
        return false;
    }
    left = __atomic_sub_fetch(&control->countdown, 1, __ATOMIC_ACQ_REL);
    if (left) {
        return false;
    }
    if (control->for_good) {
        control->countdown = 1;
    }
    control->hits++;
    errno = error;
    return true;
}

#define NEXT(function) ((__typeof__(function) *)dlsym(RTLD_NEXT, #function))

int dup(int fd)
{
    return fails(FAULT_DUP, EMFILE) ? -1 : NEXT(dup)(fd);
}

static bool fcntl_fails(int command)
{
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return fails(FAULT_DUP, EMFILE);
    case F_ADD_SEALS:
        return fails(FAULT_SEAL, EPERM);
    default:
        return false;
    }
}

/* The third argument is at most as wide as a pointer */
#define DEFINE_FCNTL(name)                                      \
    int name(int fd, int command, ...)                          \
    {                                                           \
        va_list args;                                           \
        void *arg;                                              \
                                                                \
        va_start(args, command);                                \
        arg = va_arg(args, void *);                             \
        va_end(args);                                           \
        return fcntl_fails(command) ? -1                        \
                                    : NEXT(name)(fd, command, arg); \
    }

DEFINE_FCNTL(fcntl)
DEFINE_FCNTL(fcntl64)

int memfd_create(const char *name, unsigned int flags)
{
    return fails(FAULT_MEMFD_CREATE, EMFILE) ? -1
           : NEXT(memfd_create)(name, flags);
}

/* Sanitizers call mmap() before dlsym() works: use the system call */
#define DEFINE_MMAP(name, Offset)                                       \
    void *name(void *addr, size_t len, int prot, int flags, int fd,     \
               Offset offset)                                           \
    {                                                                   \
        if (fd >= 0 && (flags & MAP_SHARED) &&                          \
            fails(FAULT_MMAP, ENOMEM)) {                                \
            return MAP_FAILED;                                          \
        }                                                               \
        return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd,    \
                               offset);                                 \
    }

DEFINE_MMAP(mmap, off_t)
DEFINE_MMAP(mmap64, off64_t)

int access(const char *path, int mode)
{
    if (!control || strcmp(path, "/dev/udmabuf")) {
        return NEXT(access)(path, mode);
    }
    if (control->udmabuf) {
        return 0;
    }
    errno = ENOENT;
    return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    if ((request == UDMABUF_CREATE || request == UDMABUF_CREATE_LIST) &&
        fails(FAULT_UDMABUF, ENOMEM)) {
        return -1;
    }
    return NEXT(ioctl)(fd, request, arg);
}

ssize_t getrandom(void *buffer, size_t length, unsigned int flags)
{
    return length == UUID_SIZE && fails(FAULT_GETRANDOM, EIO) ? -1
           : syscall(SYS_getrandom, buffer, length, flags);
}

/* A QEMU that is built with GnuTLS gets random bytes from GnuTLS */
int gnutls_rnd(int level, void *data, size_t length)
{
    return getrandom(data, length, 0) == (ssize_t)length
           ? 0 : -206; /* GNUTLS_E_RANDOM_FAILED */
}

/* Declared here because virglrenderer's header may be missing */
int virgl_renderer_resource_unmap(uint32_t res_handle)
{
    return fails(FAULT_UNMAP, EINVAL) ? -EINVAL
           : NEXT(virgl_renderer_resource_unmap)(res_handle);
}

/* The monitor and qtest also call sendmsg(); their messages are text */
static bool is_vhost_user(const struct msghdr *msg)
{
    uint32_t hdr[2];

    if (!msg->msg_iovlen || msg->msg_iov->iov_len < VHOST_USER_HDR_SIZE) {
        return false;
    }
    memcpy(hdr, msg->msg_iov->iov_base, sizeof(hdr));
    return hdr[0] < VHOST_USER_MAX_REQUEST &&
           (hdr[1] & VHOST_USER_VERSION_MASK) == VHOST_USER_VERSION;
}

/* Write the size before QEMU sends the reply for which the test waits */
static void tell_heap(void)
{
    struct mallinfo2 info;

    if (control &&
        __atomic_load_n(&control->measured, __ATOMIC_ACQUIRE) == getpid()) {
        info = mallinfo2();
        control->heap = info.uordblks + info.hblkhd;
        __atomic_store_n(&control->measured, 0, __ATOMIC_RELEASE);
    }
}

/* The current iteration of the main loop */
static struct {
    int64_t start;
    int64_t real_start;
    uint32_t sent;
} iteration;

static FaultLoop *watched_loop(void)
{
    bool watched = control && getpid() == gettid() &&
        __atomic_load_n(&control->loop.pid, __ATOMIC_ACQUIRE) == getpid();

    return watched ? &control->loop : NULL;
}

static int64_t now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void begin_iteration(void)
{
    iteration.start = now(CLOCK_THREAD_CPUTIME_ID);
    iteration.real_start = now(CLOCK_MONOTONIC);
    iteration.sent = 0;
}

#define RAISE(value, to) ((value) = (to) > (value) ? (to) : (value))

static void end_iteration(FaultLoop *loop)
{
    int64_t taken = now(CLOCK_THREAD_CPUTIME_ID) - iteration.start;
    int class = 0;

    while (class < FAULT_LOOP_CLASSES - 1 && taken >= 125000LL << class) {
        class++;
    }
    loop->iterations[class]++;
    RAISE(loop->longest, taken);
    RAISE(loop->longest_real, now(CLOCK_MONOTONIC) - iteration.real_start);
    RAISE(loop->most_sent, iteration.sent);
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
          const sigset_t *mask)
{
    FaultLoop *loop = watched_loop();
    int ret;

    if (loop && iteration.start) {
        end_iteration(loop);
    }
    ret = NEXT(ppoll)(fds, n, timeout, mask);
    if (loop) {
        begin_iteration();
    } else {
        iteration.start = 0;
    }
    return ret;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    bool is_message = is_vhost_user(msg);

    tell_heap();
    iteration.sent += is_message;
    return is_message && fails(FAULT_SENDMSG, ENOBUFS) ? -1
           : NEXT(sendmsg)(fd, msg, flags);
}
