/*
 * Tests of back-ends that map memory for the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqtest.h"
#include "libqos/pci-pc.h"
#include "virtio-export/process-fds.h"
#include "virtio-export/scene.h"
#include "virtio-export/shmem-cases.h"

#define DIR "vhost-user/shared-object/shmem/"

#define DRIVER "vhost-user-test-device-pci"
/* The BAR of DRIVER that has the shared memory */
#define SHMEM_BAR 4
#define PAGE 4096
#define REGION (4 * PAGE)
#define MAP_RW 1

/* QEMU logs fewer than FEW_LINES lines for MANY bad requests of each kind */
#define MANY 1000
#define FEW_LINES 100

/* VhostUserMMap, in docs/interop/vhost-user.rst */
typedef struct Mapping {
    uint64_t shmid;
    uint64_t fd_offset;
    uint64_t shm_offset;
    uint64_t len;
    uint64_t flags;
} Mapping;

static const Mapping second_page = { 0, 0, PAGE, PAGE, MAP_RW };

static Scene shmem_scene(void)
{
    Scene s = scene_with_shmem(DRIVER ",virtio-id=4", REGION);

    scene_start(&s);
    return s;
}

/* Return: whether QEMU accepts the request */
static bool request(Scene *s, uint32_t request, const Mapping *mapping)
{
    g_assert_cmpint(vhost_user_peer_try_send_fds(s->exporter, request,
                                                 PEER_NEED_REPLY, mapping,
                                                 sizeof(*mapping),
                                                 request == PEER_SHMEM_MAP),
                    ==, 0);
    return vhost_user_peer_recv(s->exporter, request).u64 == 0;
}

static unsigned int mappings(Scene *s)
{
    scene_assert_lives(s);
    return process_fds_named(qtest_pid(s->qts), "peer");
}

/* QEMU closes the descriptor of a mapping after an RCU grace period */
static void wait_mappings(Scene *s, unsigned int number)
{
    gint64 until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;

    while (mappings(s) != number) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(1000);
    }
}

/* The guest writes to the memory of the back-end, and reads what is there */
static void assert_guest_uses(Scene *s, uint32_t value)
{
    int memory = vhost_user_peer_memory(s->exporter);
    QPCIBar bar = qpci_iomap(s->dev->pdev, SHMEM_BAR, NULL);
    uint32_t written;

    qpci_io_writel(s->dev->pdev, bar, PAGE, value);
    g_assert_cmpint(pread(memory, &written, sizeof(written), 0), ==,
                    sizeof(written));
    g_assert_cmpuint(le32_to_cpu(written), ==, value);
    g_assert_cmpuint(qpci_io_readl(s->dev->pdev, bar, PAGE), ==, value);
}

static void map_and_unmap(void)
{
    Scene s = shmem_scene();
    unsigned int before = mappings(&s);

    for (int i = 1; i <= 3; i++) {
        g_assert_true(request(&s, PEER_SHMEM_MAP, &second_page));
        g_assert_cmpuint(mappings(&s), ==, before + 1);
        if (i == 1) {
            assert_guest_uses(&s, 0x1234567);
        }
        g_assert_false(request(&s, PEER_SHMEM_MAP, &second_page));
        g_assert_true(request(&s, PEER_SHMEM_UNMAP, &second_page));
        g_assert_false(request(&s, PEER_SHMEM_UNMAP, &second_page));
        wait_mappings(&s, before);
    }
    scene_end(&s);
}

static void ends_at_reset(void)
{
    Scene s = shmem_scene();
    unsigned int before = mappings(&s);

    g_assert_true(request(&s, PEER_SHMEM_MAP, &second_page));
    qvirtio_reset(&s.dev->vdev);
    wait_mappings(&s, before);
    g_assert_false(request(&s, PEER_SHMEM_UNMAP, &second_page));
    scene_end(&s);
}

/*
 * The back-end unmaps while QEMU waits for it at a stop: QEMU defers the
 * request, and serves it after the stop.
 */
static void unmap_during_stop(void)
{
    Scene s = shmem_scene();
    unsigned int before = mappings(&s);

    g_assert_true(request(&s, PEER_SHMEM_MAP, &second_page));
    vhost_user_peer_hold(s.exporter, PEER_GET_VRING_BASE);
    qtest_qmp_send(s.qts, "{'execute': 'stop'}");
    vhost_user_peer_wait_held(s.exporter);
    vhost_user_peer_send(s.exporter, PEER_SHMEM_UNMAP, PEER_NEED_REPLY,
                         &second_page, sizeof(second_page));
    /* QEMU has read both requests when it replies to the second one */
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_release(s.exporter);
    scene_receive_return(&s);
    g_assert_cmpuint(vhost_user_peer_recv(s.exporter, PEER_SHMEM_UNMAP).u64, ==,
                     0);
    wait_mappings(&s, before);
    scene_end(&s);
}

/* A stop does not end a mapping */
static void unmap_after_stop(void)
{
    Scene s = shmem_scene();
    unsigned int before = mappings(&s);

    g_assert_true(request(&s, PEER_SHMEM_MAP, &second_page));
    qtest_qmp_assert_success(s.qts, "{'execute': 'stop'}");
    g_assert_cmpuint(mappings(&s), ==, before + 1);
    g_assert_true(request(&s, PEER_SHMEM_UNMAP, &second_page));
    g_assert_false(request(&s, PEER_SHMEM_UNMAP, &second_page));
    g_assert_false(request(&s, PEER_SHMEM_MAP, &second_page));
    wait_mappings(&s, before);

    qtest_qmp_assert_success(s.qts, "{'execute': 'cont'}");
    g_assert_true(request(&s, PEER_SHMEM_MAP, &second_page));
    assert_guest_uses(&s, 0x7654321);
    scene_end(&s);
}

/* The driver does not reset the device before the unplug */
static void ends_at_unplug(void)
{
    Scene s = shmem_scene();
    unsigned int before = mappings(&s);

    g_assert_true(request(&s, PEER_SHMEM_MAP, &second_page));
    qpci_unplug_acpi_device_test(s.qts, "exporter", 4);
    wait_mappings(&s, before);
    scene_end(&s);
}

static unsigned int lines_of(const Scene *s)
{
    g_autofree char *log = NULL;
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_file_get_contents(s->log, &log, NULL, NULL));
    lines = g_strsplit(log, "\n", 0);
    return g_strv_length(lines);
}

static void flood_of_errors(void)
{
    static const Mapping bad[] = {
        { 0, 0, 0, 0, 0 },                  /* of size 0 */
        { 0, 1, 0, PAGE, 0 },               /* not page-aligned */
        { 0, 0, REGION, PAGE, 0 },          /* outside of the region */
        { 9, 0, 0, PAGE, 0 },               /* in no region */
    };
    Scene s = shmem_scene();

    for (int i = 0; i < ARRAY_SIZE(bad) * MANY; i++) {
        g_assert_false(request(&s, PEER_SHMEM_MAP, &bad[i % ARRAY_SIZE(bad)]));
    }
    g_assert_cmpuint(lines_of(&s), <, FEW_LINES);
    scene_end(&s);
}

void vhost_user_add_shmem_cases(void)
{
    if (!qtest_has_device(DRIVER)) {
        return;
    }
    qtest_add_func(DIR "map-and-unmap", map_and_unmap);
    qtest_add_func(DIR "unmap-during-stop", unmap_during_stop);
    qtest_add_func(DIR "unmap-after-stop", unmap_after_stop);
    qtest_add_func(DIR "ends-at-reset", ends_at_reset);
    qtest_add_func(DIR "ends-at-unplug", ends_at_unplug);
    qtest_add_func(DIR "flood-of-errors", flood_of_errors);
}
