/*
 * Tests of every kind of vhost-user device whose back-end dies
 *
 * Whenever the back-end dies, QEMU keeps running and drops all that belongs to
 * the back-end.  A device that can reconnect then serves the guest as before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include <glib-unix.h>
#include "virtio-export/process-fds.h"
#include "virtio-export/death-cases.h"
#include "virtio-export/scene.h"

#define DIR "vhost-user/death/"

#define ROUNDS 5

/* More than any device has */
#define CONFIG_BYTES 64

typedef struct Device {
    const char *name;
    const char *driver;         /* driver and properties */
    bool reconnects;
    bool can_be_plugged;
    bool has_config;            /* the back-end has the config */
    const char *backend;        /* option, if it is a QOM object */
    bool leaves_vrings;         /* doesn't send SET_VRING_ENABLE */
} Device;

static const Device devices[] = {
    { "blk", "vhost-user-blk-pci,num-queues=1", true, true, true },
    { "scsi", "vhost-user-scsi-pci,num_queues=1", true, true, false },
    { "gpio", "vhost-user-gpio-pci", true, true, true },
    { "i2c", "vhost-user-i2c-pci", true, true, false },
    { "input", "vhost-user-input-pci", true, true, true },
    { "rng", "vhost-user-rng-pci", true, true, false },
    { "snd", "vhost-user-snd-pci", true, true, true },
    { "media", "vhost-user-media-pci", true, true, true },
    { "fs", "vhost-user-fs-pci,tag=x", false, true, false },
    { "vsock", "vhost-user-vsock-pci", false, true, true },
    { "gpu", "vhost-user-gpu-pci", false, false, true },
    { "net", "virtio-net-pci,romfile=,netdev=backend", true, false, false,
      "-netdev vhost-user" },
#ifdef CONFIG_VHOST_CRYPTO
    { "crypto", "virtio-crypto-pci,cryptodev=backend", true, false, false,
      "-object cryptodev-vhost-user", true },
#endif
};

static Scene scene_of(const Device *device)
{
    return scene_with_device(device->driver, device->backend,
                             device->reconnects ? 100 : 0);
}

static unsigned int lines_of(const char *text)
{
    unsigned int lines = 0;

    while ((text = strchr(text, '\n'))) {
        lines++;
        text++;
    }
    return lines;
}

static bool is_disconnected(QTestState *qts, const char *chardev)
{
    QDict *rsp = qtest_qmp(qts, "{'execute': 'query-chardev'}");
    const QListEntry *entry;
    bool found = false;
    QDict *chr;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), entry) {
        chr = qobject_to(QDict, qlist_entry_obj(entry));
        found |= g_str_equal(qdict_get_str(chr, "label"), chardev) &&
                 g_str_has_prefix(qdict_get_str(chr, "filename"),
                                  "disconnected:");
    }
    qobject_unref(rsp);
    return found;
}

/* Wait until the character device is @connected, whether it is used or not */
static void wait_connection(Scene *s, const char *chardev, bool connected)
{
    gint64 until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;

    while (is_disconnected(s->qts, chardev) == connected) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(1000);
    }
}

/* Wait until QEMU has noticed the exporter's death */
static void wait_dead(Scene *s, const Device *device)
{
    if (device->reconnects) {
        vhost_user_peer_wait_gone(s->exporter);
    } else {
        wait_connection(s, "exporter-chr", false);
    }
}

static void die(Scene *s, const Device *device)
{
    vhost_user_peer_disconnect(s->exporter);
    if (!device->reconnects) {
        vhost_user_peer_close_channel(s->exporter);
    }
    wait_dead(s, device);
}

/* From now on, the exporter dies whenever QEMU reconnects */
static void stay_dead(Scene *s)
{
    vhost_user_peer_die_at(s->exporter, PEER_GET_FEATURES, UINT_MAX);
    vhost_user_peer_disconnect(s->exporter);
    vhost_user_peer_close_channel(s->exporter);
    wait_connection(s, "exporter-chr", false);
}

/* Wait until the exporter has reconnected, and check that it works */
static void revive(Scene *s, const Device *device)
{
    if (!device->reconnects) {
        assert_not_found(s->importer, uuid_a);
        return;
    }
    vhost_user_peer_wait_ready(s->exporter);
    g_assert_true(vhost_user_peer_add(s->exporter, uuid_a));
    assert_found(s->importer, uuid_a, s->exporter);
}

/* Return: the last request that QEMU sends when the device starts */
static uint32_t last_request(const Device *device)
{
    return device->leaves_vrings ? PEER_SET_VRING_KICK : PEER_SET_VRING_ENABLE;
}

/* Like revive(), with a guest driver that starts the device */
static void restart(Scene *s, const Device *device)
{
    if (device->reconnects) {
        vhost_user_peer_wait_served(s->exporter, last_request(device));
    }
    revive(s, device);
}

/* The exporter has just died: wait until the device reconnects, if it can */
static void reconnect(Scene *s, const Device *device)
{
    if (device->reconnects) {
        vhost_user_peer_wait_gone(s->exporter);
        revive(s, device);
    }
}

static void finish(Scene *s)
{
    scene_assert_lives(s);
    scene_end(s);
}

static void before_start(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    die(&s, device);
    revive(&s, device);
    finish(&s);
}

/* The back-end dies, and QEMU does not reconnect */
static void without_reconnect(gconstpointer opaque)
{
    Device device = *(const Device *)opaque;
    Scene s;

    device.reconnects = false;
    s = scene_of(&device);
    die(&s, &device);
    finish(&s);
}

static void in_a_lookup(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_CLOSE);
    assert_not_found(s.importer, uuid_a);
    wait_dead(&s, device);
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_FD);
    if (device->reconnects) {
        revive(&s, device);
    }
    finish(&s);
}

/* The driver starts the device after the death, or after the reconnect */
static void start_after_death(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    stay_dead(&s);
    scene_start(&s);
    scene_assert_lives(&s);
    vhost_user_peer_die_at(s.exporter, 0, 0);
    restart(&s, device);
    finish(&s);
}

/* The guest uses a device whose back-end is disconnected */
static void use_after_death(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);
    uint8_t byte;

    scene_start(&s);
    stay_dead(&s);
    qvirtio_set_driver_ok(&s.dev->vdev);
    for (int i = 0; i < CONFIG_BYTES; i++) {
        byte = qvirtio_config_readb(&s.dev->vdev, i);
        qpci_io_writeb(s.dev->pdev, s.dev->bar, s.dev->device_cfg_offset + i,
                       byte ^ 1);
    }
    qvirtio_reset(&s.dev->vdev);
    qtest_system_reset(s.qts);
    scene_assert_lives(&s);
    vhost_user_peer_die_at(s.exporter, 0, 0);
    revive(&s, device);
    finish(&s);
}

/* Each command succeeds, or fails with an error */
static void query(gconstpointer opaque)
{
    static const char path[] = "/machine/peripheral/exporter/virtio-backend";
    Scene s = scene_of(opaque);

    scene_start(&s);
    qtest_qmp_assert_success(s.qts, "{'execute': 'x-query-virtio-status',"
                             " 'arguments': {'path': %s}}", path);
    qobject_unref(qtest_qmp(s.qts, "{'execute':"
                            " 'x-query-virtio-vhost-queue-status',"
                            " 'arguments': {'path': %s, 'queue': 0}}", path));
    finish(&s);
}

static void in_start(gconstpointer opaque)
{
    const Device *device = opaque;
    const uint32_t requests[] = {
        PEER_SET_FEATURES, PEER_SET_MEM_TABLE, PEER_SET_VRING_ADDR,
        PEER_SET_VRING_KICK, last_request(device),
    };
    Scene s;

    for (int i = 0; i < ARRAY_SIZE(requests); i++) {
        s = scene_of(device);
        vhost_user_peer_die_at(s.exporter, requests[i], 1);
        scene_start(&s);
        vhost_user_peer_wait_deaths(s.exporter);
        scene_assert_lives(&s);
        reconnect(&s, device);
        finish(&s);
    }
}

static void after_start(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    scene_start(&s);
    if (device->reconnects) {
        for (int i = 0; i < ROUNDS; i++) {
            die(&s, device);
            restart(&s, device);
        }
    } else {
        die(&s, device);
    }
    finish(&s);
}

static void in_stop(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    scene_start(&s);
    vhost_user_peer_die_at(s.exporter, PEER_GET_VRING_BASE, 1);
    qvirtio_reset(&s.dev->vdev);
    vhost_user_peer_wait_deaths(s.exporter);
    reconnect(&s, device);
    finish(&s);
}

static void after_stop(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    scene_start(&s);
    qvirtio_reset(&s.dev->vdev);
    die(&s, device);
    revive(&s, device);
    finish(&s);
}

/* The back-end dies at each request of the handshake, then reconnects */
static void in_connect(gconstpointer opaque)
{
    const Device *device = opaque;
    const uint32_t requests[] = {
        PEER_GET_FEATURES, PEER_GET_PROTOCOL_FEATURES, PEER_SET_OWNER,
        PEER_SET_BACKEND_REQ_FD, PEER_SET_VRING_CALL, PEER_SET_FEATURES,
        PEER_SET_MEM_TABLE, PEER_SET_VRING_ADDR, PEER_SET_VRING_KICK,
        last_request(device),
    };
    Scene s = scene_of(device);
    unsigned int before = 0;

    scene_start(&s);
    for (int i = 0; i < ROUNDS * ARRAY_SIZE(requests); i++) {
        if (i == ARRAY_SIZE(requests)) {
            before = process_fds_settled(s.qts);
        }
        vhost_user_peer_die_at(s.exporter,
                               requests[i % ARRAY_SIZE(requests)], 1);
        die(&s, device);
        vhost_user_peer_wait_deaths(s.exporter);
        restart(&s, device);
    }
    g_assert_cmpuint(process_fds_settled(s.qts), ==, before);
    finish(&s);
}

/*
 * Until QEMU's main loop has noticed that a connection has ended, QEMU may try
 * to use this connection
 */
static void wait_new_connection(Scene *s, VhostUserPeer *peer)
{
    vhost_user_peer_wait_connected(peer);
    wait_connection(s, "plugged-chr", true);
}

/* Return: whether a device of this kind could be plugged, as "plugged" */
static bool plug(Scene *s, const Device *device)
{
    g_autofree char *said = qtest_hmp(s->qts, "device_add %s,id=plugged,"
                                      "chardev=plugged-chr", device->driver);

    return !strstr(said, "Error: ");
}

static void unplug(Scene *s, const char *id)
{
    qtest_qmp_assert_success(s->qts, "{'execute': 'device_del',"
                             " 'arguments': {'id': %s}}", id);
    qtest_system_reset_nowait(s->qts);
    qtest_qmp_eventwait(s->qts, "DEVICE_DELETED");
}

static void in_plug(gconstpointer opaque)
{
    static const uint32_t requests[] = {
        PEER_GET_FEATURES, PEER_GET_PROTOCOL_FEATURES,
        PEER_SET_BACKEND_REQ_FD, PEER_SET_OWNER,
    };
    const Device *device = opaque;
    VhostUserPeer *peer = vhost_user_peer_new("plugged", true);
    g_autofree char *args = vhost_user_peer_reconnecting_args(peer, 10);
    Scene s = scene_with_args(true, args);

    for (int i = 0; i < ARRAY_SIZE(requests); i++) {
        wait_new_connection(&s, peer);
        vhost_user_peer_die_at(peer, requests[i], UINT_MAX);
        g_assert_false(plug(&s, device));
    }
    vhost_user_peer_die_at(peer, 0, 0);
    wait_new_connection(&s, peer);
    g_assert_true(plug(&s, device));
    vhost_user_peer_wait_ready(peer);
    g_assert_true(vhost_user_peer_add(peer, uuid_a));
    assert_found(s.importer, uuid_a, peer);
    unplug(&s, "plugged");
    finish(&s);
    vhost_user_peer_free(peer);
}

/* The plug fails without waiting for a back-end to connect */
static void plug_without_back_end(gconstpointer opaque)
{
    g_autofree char *dir = g_dir_make_tmp("vhost-user-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "socket", NULL);
    const Device *device = opaque;
    Scene s = scene_of(device);

    qtest_qmp_assert_success(s.qts, "{'execute': 'chardev-add', 'arguments': {"
                             " 'id': 'plugged-chr', 'backend': {"
                             "   'type': 'socket', 'data': {"
                             "     'server': true, 'wait': false,"
                             "     'addr': { 'type': 'unix', 'data': {"
                             "       'path': %s } } } } } }", path);
    g_assert_false(plug(&s, device));
    finish(&s);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

/* QEMU notices the death only after the device is unplugged */
static void in_unplug(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    scene_start(&s);
    vhost_user_peer_die_at(s.exporter, PEER_GET_VRING_BASE, 1);
    unplug(&s, "exporter");
    vhost_user_peer_wait_deaths(s.exporter);
    assert_not_found(s.importer, uuid_a);
    finish(&s);
}

/* The death is noticed while "netdev_del" stops the device, or afterwards */
static void in_netdev_del(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s;

    for (int i = 0; i < 2; i++) {
        s = scene_of(device);
        scene_start(&s);
        if (i == 0) {
            vhost_user_peer_die_at(s.exporter, PEER_GET_VRING_BASE, 1);
        }
        qtest_qmp_assert_success(s.qts, "{'execute': 'netdev_del',"
                                 " 'arguments': {'id': 'backend'}}");
        if (i == 0) {
            vhost_user_peer_wait_deaths(s.exporter);
        } else {
            vhost_user_peer_disconnect(s.exporter);
        }
        scene_assert_lives(&s);
        assert_not_found(s.importer, uuid_a);
        unplug(&s, "exporter");
        finish(&s);
    }
}

/* The back-end reports a config change before a driver starts the device */
static void config_change_before_start(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    vhost_user_peer_send(s.exporter, PEER_CONFIG_CHANGE, PEER_NEED_REPLY, NULL,
                         0);
    vhost_user_peer_recv(s.exporter, PEER_CONFIG_CHANGE);
    finish(&s);
}

/* QEMU before 11.1 rejects these requests because it doesn't know them */
static void assert_shmem_rejected(VhostUserPeer *peer)
{
    static const uint32_t requests[] = { PEER_SHMEM_MAP, PEER_SHMEM_UNMAP };
    static const uint64_t region[] = { 0, 0, 0, 4096, 0 };

    for (int i = 0; i < ARRAY_SIZE(requests); i++) {
        g_assert_cmpint(vhost_user_peer_try_send_fds(peer, requests[i],
                                                     PEER_NEED_REPLY, region,
                                                     sizeof(region), 1), ==, 0);
        g_assert_cmpuint(vhost_user_peer_recv(peer, requests[i]).u64, !=, 0);
    }
}

/* The back-end maps shared memory before the start and after the stop */
static void shmem_before_start(gconstpointer opaque)
{
    Scene s = scene_of(opaque);

    assert_shmem_rejected(s.exporter);
    scene_start(&s);
    qvirtio_reset(&s.dev->vdev);
    assert_shmem_rejected(s.exporter);
    finish(&s);
}

/*
 * vhost-user-gpu has a socket for its display.  QEMU must not use the number of
 * that socket after it is closed: another file may get it.
 */
static void gpu_display(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);
    g_autofree char *log = NULL;
    int fds[2];

    scene_start(&s);
    vhost_user_peer_wait_served(s.exporter, PEER_GPU_SET_SOCKET);
    close(vhost_user_peer_gpu_socket(s.exporter));
    scene_assert_lives(&s);

    g_assert_true(g_unix_open_pipe(fds, FD_CLOEXEC, NULL));
    close(fds[1]);
    qtest_qmp_fds_assert_success(s.qts, &fds[0], 1, "{'execute': 'getfd',"
                                 " 'arguments': {'fdname': 'readable'}}");
    close(fds[0]);
    for (int i = 0; i < 100; i++) {
        scene_assert_lives(&s);
    }
    g_assert_true(g_file_get_contents(s.log, &log, NULL, NULL));
    g_assert_cmpuint(lines_of(log), <, 20);
    finish(&s);
}

/* A back-end that waits for QEMU's display does not read requests */
static void gpu_config_while_busy(gconstpointer opaque)
{
    Scene s = scene_of(opaque);

    scene_start(&s);
    vhost_user_peer_hold(s.exporter, PEER_GET_CONFIG);
    for (int i = 0; i < CONFIG_BYTES; i++) {
        qvirtio_config_readb(&s.dev->vdev, i);
        qpci_io_writeb(s.dev->pdev, s.dev->bar, s.dev->device_cfg_offset + i,
                       1);
    }
    scene_assert_lives(&s);
    vhost_user_peer_release(s.exporter);
    finish(&s);
}

/* A driver may set DRIVER_OK twice */
static void gpu_started_twice(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);
    unsigned int before;

    scene_start(&s);
    before = process_fds_settled(s.qts);
    for (int i = 0; i < ROUNDS; i++) {
        qvirtio_set_driver_ok(&s.dev->vdev);
    }
    g_assert_cmpuint(process_fds_settled(s.qts), ==, before);
    finish(&s);
}

/* QEMU does not print a line for each of so many messages or connections */
#define MANY 1000
#define FEW_LINES (MANY / 2)

static void assert_few_lines(Scene *s)
{
    g_autofree char *log = NULL;

    scene_assert_lives(s);
    g_assert_true(g_file_get_contents(s->log, &log, NULL, NULL));
    g_assert_cmpuint(lines_of(log), <, FEW_LINES);
}

static void flood_connections(gconstpointer opaque)
{
    const Device *device = opaque;
    const uint32_t requests[] = {
        PEER_GET_FEATURES, PEER_SET_OWNER, last_request(device),
    };
    Scene s = scene_with_device(device->driver, device->backend, 1);

    scene_start(&s);
    for (int i = 0; i < ARRAY_SIZE(requests); i++) {
        vhost_user_peer_die_at(s.exporter, requests[i],
                               MANY / ARRAY_SIZE(requests));
        die(&s, device);
        restart(&s, device);
    }
    assert_few_lines(&s);
    finish(&s);
}

static void flood_messages(gconstpointer opaque)
{
    static const uint32_t requests[] = {
        PEER_IOTLB, PEER_CONFIG_CHANGE, PEER_SHMEM_UNMAP, 99,
    };
    const Device *device = opaque;
    const uint8_t payload[40] = { };
    Scene s = scene_of(device);

    vhost_user_peer_reject_config(s.exporter);
    for (int i = 0; i < 2 * ARRAY_SIZE(requests) * MANY; i++) {
        if (i == ARRAY_SIZE(requests) * MANY) {
            scene_start(&s);
        }
        vhost_user_peer_send(s.exporter, requests[i % ARRAY_SIZE(requests)],
                             PEER_NEED_REPLY, payload, sizeof(payload));
        vhost_user_peer_recv(s.exporter, requests[i % ARRAY_SIZE(requests)]);
    }
    assert_few_lines(&s);
    finish(&s);
}

static void flood_queue_errors(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    scene_start(&s);
    for (int i = 0; i < MANY; i++) {
        vhost_user_peer_tell_error(s.exporter);
        scene_assert_lives(&s);
    }
    assert_few_lines(&s);
    finish(&s);
}

/* The guest reads the config space many times */
static void flood_config(gconstpointer opaque)
{
    const Device *device = opaque;
    Scene s = scene_of(device);

    scene_start(&s);
    vhost_user_peer_reject_config(s.exporter);
    for (int i = 0; i < MANY; i++) {
        qvirtio_config_readb(&s.dev->vdev, 0);
    }
    assert_few_lines(&s);
    finish(&s);
}

/* Requests on the display's socket that are too short or unknown */
static void flood_gpu_display(gconstpointer opaque)
{
    const Device *device = opaque;
    const uint32_t edid_of_none[] = { 11, 0, 4, UINT32_MAX };
    const uint32_t too_short[] = { 7, 0, 0 };
    const uint32_t unknown[] = { 99, 0, 0 };
    Scene s = scene_of(device);
    char reply[4096];
    ssize_t ret;
    int sock;

    scene_start(&s);
    vhost_user_peer_wait_served(s.exporter, PEER_GPU_SET_SOCKET);
    sock = vhost_user_peer_gpu_socket(s.exporter);
    for (int i = 0; i < MANY; i++) {
        g_assert_cmpint(write(sock, edid_of_none, sizeof(edid_of_none)), ==,
                        sizeof(edid_of_none));
        g_assert_cmpint(write(sock, too_short, sizeof(too_short)), ==,
                        sizeof(too_short));
        g_assert_cmpint(write(sock, unknown, sizeof(unknown)), ==,
                        sizeof(unknown));
    }
    shutdown(sock, SHUT_WR);
    /* QEMU closes the socket after it has read all requests */
    do {
        ret = read(sock, reply, sizeof(reply));
    } while (ret > 0);
    g_assert_cmpint(ret, ==, 0);
    close(sock);
    assert_few_lines(&s);
    finish(&s);
}

/* Requests of vhost-user-gpu on the display socket */
enum { SCANOUT = 7, UPDATE = 8 };

static void send_gpu(int sock, uint32_t request, const uint32_t *words,
                     size_t len)
{
    uint32_t hdr[] = { request, 0, len * sizeof(*words) };

    g_assert_cmpint(write(sock, hdr, sizeof(hdr)), ==, sizeof(hdr));
    g_assert_cmpint(write(sock, words, len * sizeof(*words)), ==,
                    len * sizeof(*words));
}

/* Images that are too large or outside the screen, and an oversized message */
static void gpu_display_is_checked(gconstpointer opaque)
{
    const Device *device = opaque;
    const uint32_t pixel[] = { 0, 0, 0, 1, 1, 0x123456 };
    const uint32_t beside[] = { 0, UINT32_MAX, UINT32_MAX, 1, 1, 0x123456 };
    const uint32_t empty[] = { 0, 0, 0, UINT32_MAX, 0, 0x123456 };
    const uint32_t sizes[][3] = {
        { 0, UINT32_MAX, UINT32_MAX }, { 0, 1, 1u << 30 }, { 0, 64, 0 },
        { 0, 0, 0 }, { 0, 64, 64 }, { 0, 64, 64 }, { 0, 32, 32 }, { 0, 0, 0 },
    };
    const uint32_t endless[] = { UPDATE, 0, UINT32_MAX };
    Scene s = scene_of(device);
    int sock, i;

    scene_start(&s);
    vhost_user_peer_wait_served(s.exporter, PEER_GPU_SET_SOCKET);
    sock = vhost_user_peer_gpu_socket(s.exporter);
    send_gpu(sock, UPDATE, pixel, ARRAY_SIZE(pixel));
    for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
        send_gpu(sock, SCANOUT, sizes[i / 2], ARRAY_SIZE(sizes[0]));
        send_gpu(sock, UPDATE, empty, ARRAY_SIZE(empty));
        if (i % 2) {
            send_gpu(sock, UPDATE, pixel, ARRAY_SIZE(pixel));
            send_gpu(sock, UPDATE, beside, ARRAY_SIZE(beside));
        }
    }
    g_assert_cmpint(write(sock, endless, sizeof(endless)), ==,
                    sizeof(endless));
    g_assert_cmpint(read(sock, &(char) { 0 }, 1), ==, 0);
    close(sock);
    finish(&s);
}

/* QEMU does not wait for the rest of a message */
static void gpu_display_in_parts(gconstpointer opaque)
{
    static const uint32_t message[] = {
        UPDATE, 0, 24, 0, 0, 0, 1, 1, 0x123456,
    };
    static const uint32_t size[] = { 0, 64, 64 };
    static const uint32_t info[] = { 3, 0, 0 };
    const char *bytes = (const char *)message;
    Scene s = scene_of(opaque);
    char reply[12 + 24 + 16 * 24];
    int sock;

    scene_start(&s);
    vhost_user_peer_wait_served(s.exporter, PEER_GPU_SET_SOCKET);
    sock = vhost_user_peer_gpu_socket(s.exporter);
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    send_gpu(sock, SCANOUT, size, ARRAY_SIZE(size));
    for (size_t cut = 1; cut < sizeof(message); cut++) {
        g_assert_cmpint(write(sock, bytes, cut), ==, cut);
        scene_assert_lives(&s);
        assert_found(s.exporter, uuid_b, s.importer);
        g_assert_cmpint(write(sock, bytes + cut, sizeof(message) - cut), ==,
                        sizeof(message) - cut);
    }
    g_assert_cmpint(write(sock, info, sizeof(info)), ==, sizeof(info));
    g_assert_cmpint(recv(sock, reply, sizeof(reply), MSG_WAITALL), ==,
                    sizeof(reply));
    close(sock);
    finish(&s);
}

/* A reset frees the surface, although the back-end has sent no update */
static void gpu_surface_at_reset(gconstpointer opaque)
{
    static const uint32_t size[] = { 0, 64, 64 };
    gint64 until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;
    Scene s = scene_of(opaque);
    pid_t pid = qtest_pid(s.qts);
    unsigned int before;
    int sock;

    scene_start(&s);
    vhost_user_peer_wait_served(s.exporter, PEER_GPU_SET_SOCKET);
    sock = vhost_user_peer_gpu_socket(s.exporter);
    before = process_fds_named(pid, "displaysurface");
    send_gpu(sock, SCANOUT, size, ARRAY_SIZE(size));
    while (process_fds_named(pid, "displaysurface") == before) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(1000);
    }
    qvirtio_reset(&s.dev->vdev);
    g_assert_cmpuint(process_fds_named(pid, "displaysurface"), ==, before);
    close(sock);
    finish(&s);
}

static void add_case(const char *name, GTestDataFunc fn, const Device *device)
{
    g_autofree char *path = g_strdup_printf(DIR "%s/%s", name, device->name);

    qtest_add_data_func(path, device, fn);
}

static void add_gpu_cases(const Device *device)
{
    add_case("display", gpu_display, device);
    add_case("config-while-busy", gpu_config_while_busy, device);
    add_case("started-twice", gpu_started_twice, device);
    add_case("flood/display", flood_gpu_display, device);
    add_case("display-is-checked", gpu_display_is_checked, device);
    add_case("display-in-parts", gpu_display_in_parts, device);
    add_case("surface-at-reset", gpu_surface_at_reset, device);
}

/* Cases that differ little from others, or take seconds */
static void add_slow_cases(const Device *device)
{
    add_case("before-start", before_start, device);
    add_case("config-change-before-start", config_change_before_start, device);
    add_case("shmem-before-start", shmem_before_start, device);
    add_case("in-a-lookup", in_a_lookup, device);
    add_case("start-after-death", start_after_death, device);
    add_case("use-after-death", use_after_death, device);
    add_case("query", query, device);
    add_case("in-start", in_start, device);
    add_case("after-start", after_start, device);
    add_case("in-stop", in_stop, device);
    add_case("after-stop", after_stop, device);
    add_case("flood/messages", flood_messages, device);
    add_case("flood/queue-errors", flood_queue_errors, device);
    if (device->has_config) {
        add_case("flood/config", flood_config, device);
    }
    if (device->can_be_plugged) {
        add_case("in-plug", in_plug, device);
        add_case("in-unplug", in_unplug, device);
    }
    if (device->can_be_plugged && device->reconnects &&
        !g_str_equal(device->name, "blk") &&
        !g_str_equal(device->name, "scsi")) {
        /* blk and scsi wait for the back-end, in unmodified QEMU too */
        add_case("plug-without-back-end", plug_without_back_end, device);
    }
    if (g_str_equal(device->name, "net")) {
        add_case("in-netdev-del", in_netdev_del, device);
    }
    if (g_str_equal(device->name, "gpu")) {
        add_gpu_cases(device);
    }
    if (device->reconnects) {
        add_case("in-connect", in_connect, device);
        add_case("flood/connections", flood_connections, device);
    }
}

void vhost_user_add_death_cases(void)
{
    const Device *device;
    g_autofree char *driver = NULL;

    for (int i = 0; i < ARRAY_SIZE(devices); i++) {
        device = &devices[i];
        g_free(driver);
        driver = g_strndup(device->driver, strcspn(device->driver, ","));
        if (!qtest_has_device(driver)) {
            continue;
        }
        add_case("without-reconnect", without_reconnect, device);
        if (g_test_slow()) {
            add_slow_cases(device);
        }
    }
}
