/*
 * QTest testcases for the resource limits of shared objects: the descriptors
 * and the memory that a guest and a back-end can make QEMU hold, and how long
 * back-ends hold the main loop up
 *
 * docs/devel/virtio-export-threats.rst explains the numbers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "qobject/qdict.h"
#include "virtio-export/fault.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/many.h"

/* max_hostmem has room for one image of this size, but not for two */
#define LARGE               2048
#define LARGE_BYTES         (LARGE * LARGE * QVIRTIO_GPU_BYTES_PER_PIXEL)
#define MAX_HOSTMEM         " -global virtio-gpu-device.max_hostmem=32M "
#define KEPT                8

#define RESOURCES           10000
#define BYTES_PER_UUID      64

#define MAX_OBJECTS         65536
#define BYTES_PER_OBJECT    256

/* Lookups of each of many back-ends, and replies that QEMU sends at a time */
#define CROWD_OBJECTS       100
#define MAX_SERVED          16

/* No socket with Linux's default limits has room for more replies */
#define MAX_UNREAD          1024

static const uint8_t its_uuid[PEER_UUID_SIZE] = "of-the-back-end";

static unsigned int mapped_resources(QTestState *qts)
{
    return process_count_mapped(qtest_pid(qts), "virtio-gpu res");
}

/* Return: file descriptor of the memory of a destroyed resource */
static int keep_large(QVirtioGPU *gpu)
{
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .width = LARGE, .height = LARGE,
    };
    QVirtioGPUResourceOpt second = res;
    uuid_t uuid;
    int fd;

    second.id = 2;
    second.expect = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_create_2d(second);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    fd = vhost_user_peer_lookup(importer(), uuid);
    g_assert_cmpuint(mapped_resources(gpu->qts), ==, 1);
    do_qvirtio_gpu_unref(res);
    return fd;
}

/*
 * Memory that only a back-end keeps does not count for max_hostmem, which
 * limits what QEMU itself holds.
 */
static void kept_by_a_back_end(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    unsigned int before;
    int fds[KEPT], i;

    importer();
    before = process_fds_settled(gpu->qts);
    for (i = 0; i < KEPT; i++) {
        fds[i] = keep_large(gpu);
        g_assert_cmpuint(process_fds_settled(gpu->qts), ==, before);
        g_assert_cmpuint(mapped_resources(gpu->qts), ==, 0);
    }
    for (i = 0; i < KEPT; i++) {
        g_assert_cmpint(lseek(fds[i], 0, SEEK_END), ==, LARGE_BYTES);
        close(fds[i]);
    }
}

static void assigned(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autoptr(ManyUUIDs) set = many_uuids_new(RESOURCES + 1);
    unsigned int fds;
    int64_t bytes, used;

    if (many_missing(RESOURCES)) {
        return;
    }
    many_send(gpu, 1, RESOURCES + 1, 1, many_fill_create, many_check_nodata,
              NULL);
    fds = process_fds_settled(gpu->qts);
    bytes = fault_heap_bytes(gpu->qts);
    many_send(gpu, 1, RESOURCES + 1, 1, many_fill_assign, many_check_new_uuid,
              set);
    g_assert_cmpuint(process_fds_settled(gpu->qts), ==, fds);
    used = fault_heap_bytes(gpu->qts) - bytes;
    g_test_message("%" PRId64 " bytes for %d UUIDs", used, RESOURCES);
    g_assert_cmpint(used, <=, RESOURCES * BYTES_PER_UUID);
}

static const uint8_t *numbered_uuid(uint32_t number)
{
    static uint8_t uuid[PEER_UUID_SIZE] = "numbered";

    memcpy(&uuid[12], &number, sizeof(number));
    return uuid;
}

static void added(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    VhostUserPeer *peer = importer();
    unsigned int fds = process_fds_settled(gpu->qts);
    int64_t bytes = fault_heap_bytes(gpu->qts), used;
    uint32_t i;

    for (i = 0; i < MAX_OBJECTS - 1; i++) {
        vhost_user_peer_send(peer, PEER_ADD, 0, numbered_uuid(i),
                             PEER_UUID_SIZE);
    }
    g_assert_true(vhost_user_peer_add(peer, numbered_uuid(i)));
    g_assert_false(vhost_user_peer_add(peer, its_uuid));
    g_assert_cmpuint(process_fds_settled(gpu->qts), ==, fds);
    used = fault_heap_bytes(gpu->qts) - bytes;
    g_test_message("%" PRId64 " bytes for %d objects", used, MAX_OBJECTS);
    g_assert_cmpint(used, <=, MAX_OBJECTS * BYTES_PER_OBJECT);
}

/* Descriptors in unread replies are in the socket, not in QEMU */
static void unread_replies(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    VhostUserPeer *peer = importer();
    unsigned int before, unread = 0;
    PeerReply got;
    uuid_t uuid;
    int ret;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1 });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    before = process_fds_settled(gpu->qts);
    do {
        ret = vhost_user_peer_try_send(peer, PEER_LOOKUP, PEER_NEED_REPLY, uuid,
                                       PEER_UUID_SIZE);
        g_assert_cmpuint(process_fds_settled(gpu->qts), <=, before);
    } while (ret != EPIPE);

    while (vhost_user_peer_try_recv(peer, PEER_LOOKUP, &got)) {
        g_assert_cmpuint(got.num_fds, ==, 1);
        close(got.fd);
        unread++;
    }
    g_test_message("%u descriptors unread", unread);
    g_assert_cmpuint(unread, >, 0);
    g_assert_cmpuint(unread, <=, MAX_UNREAD);

    vhost_user_peer_reconnect(peer);
    g_assert_true(importer_finds(peer, uuid));
    g_assert_cmpuint(process_fds_settled(gpu->qts), ==, before);
}

static void crowd_sends(const ManyUUIDs *set)
{
    uint32_t id, i;

    for (i = 0; i < IMPORTER_CROWD; i++) {
        for (id = 1; id <= CROWD_OBJECTS; id++) {
            vhost_user_peer_send(importer_crowd(i), PEER_LOOKUP,
                                 PEER_NEED_REPLY, set->by_id[id],
                                 PEER_UUID_SIZE);
        }
    }
}

/* @inodes: of the memory of each object, by ID */
static void crowd_receives(VhostUserPeer *peer, const ino_t *inodes)
{
    struct stat st;
    uint32_t id;

    for (id = 1; id <= CROWD_OBJECTS; id++) {
        PeerReply got = vhost_user_peer_recv(peer, PEER_LOOKUP);

        g_assert_cmpuint(got.num_fds, ==, 1);
        g_assert_cmpint(fstat(got.fd, &st), ==, 0);
        g_assert_cmpuint(st.st_ino, ==, inodes[id]);
        close(got.fd);
    }
}

static void find_inodes(const ManyUUIDs *set, ino_t *inodes)
{
    struct stat st;
    uint32_t id;
    int fd;

    for (id = 1; id <= CROWD_OBJECTS; id++) {
        fd = vhost_user_peer_lookup(importer(), set->by_id[id]);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        inodes[id] = st.st_ino;
        close(fd);
    }
}

/*
 * Many back-ends look many resources up at once.  QEMU is stopped until all
 * lookups are sent.  Its main loop then serves them in small portions.
 */
static void crowd(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autoptr(ManyUUIDs) set = many_uuids_new(CROWD_OBJECTS + 1);
    ino_t inodes[CROWD_OBJECTS + 1];
    FaultLoop loop;
    uint32_t i;

    if (many_missing(IMPORTER_CROWD * CROWD_OBJECTS)) {
        return;
    }
    fault_set_udmabuf(false);
    many_send(gpu, 1, CROWD_OBJECTS + 1, 1, many_fill_create,
              many_check_nodata, NULL);
    many_send(gpu, 1, CROWD_OBJECTS + 1, 1, many_fill_assign,
              many_check_new_uuid, set);
    find_inodes(set, inodes);
    fault_watch_loop(gpu->qts);
    g_assert_cmpint(kill(qtest_pid(gpu->qts), SIGSTOP), ==, 0);
    crowd_sends(set);
    g_assert_cmpint(kill(qtest_pid(gpu->qts), SIGCONT), ==, 0);
    for (i = 0; i < IMPORTER_CROWD; i++) {
        crowd_receives(importer_crowd(i), inodes);
    }
    loop = fault_watched_loop();
    g_test_message("at most %u replies at a time", loop.most_sent);
    g_assert_cmpuint(loop.most_sent, ==, MAX_SERVED);
}

static void *crowd_before(GString *cmd_line, void *arg)
{
    many_raise_limit(IMPORTER_CROWD * CROWD_OBJECTS);
    return importer_crowd_before(cmd_line, arg);
}

static void *many_before(GString *cmd_line, void *arg)
{
    many_raise_limit(RESOURCES);
    return arg;
}

static void *small_hostmem_before(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, MAX_HOSTMEM);
    return importer_before(cmd_line, arg);
}

static void register_bounds_test(void)
{
    static const UUIDTest many_tests[] = {
        { "bounds/assigned", assigned },
        { }
    };
    static const UUIDTest heap_tests[] = {
        { "bounds/added", added },
        { }
    };
    static const UUIDTest crowd_tests[] = {
        { "bounds/many-back-ends", crowd },
        { }
    };
    static const UUIDTest tests[] = {
        { "bounds/unread-replies", unread_replies },
        { }
    };
    static const UUIDTest large_tests[] = {
        { "bounds/kept-by-a-back-end", kept_by_a_back_end },
        { }
    };

    if (fault_available()) {
        add_uuid_pci_tests(many_tests, many_before);
        add_uuid_pci_tests(heap_tests, importer_before);
        add_uuid_pci_tests(crowd_tests, crowd_before);
    }
    add_uuid_pci_tests(tests, importer_before);
    add_uuid_pci_tests(large_tests, small_hostmem_before);
}

libqos_init(register_bounds_test);
