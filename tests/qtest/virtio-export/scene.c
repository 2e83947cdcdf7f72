/*
 * Two vhost-user back-ends that share objects, and a QEMU between them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/malloc-pc.h"
#include "libqos/pci-pc.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/virtio_pci.h"
#include "virtio-export/scene.h"

#define EXPORTER_DEVFN QPCI_DEVFN(4, 0)

/* Time limit for QEMU: libqtest has none for QMP, and no case takes so long */
#define TIME_LIMIT_S 600

const uint8_t uuid_a[PEER_UUID_SIZE] = "0123456789abcdef";
const uint8_t uuid_b[PEER_UUID_SIZE] = "fedcba9876543210";

/* @exporter_args: QEMU's options for the exporter's device */
static Scene scene_begin(VhostUserPeer *exporter, const char *exporter_args,
                         VhostUserPeer *importer, const char *more)
{
    Scene s = { .exporter = exporter, .importer = importer };
    g_autofree char *importer_args = vhost_user_peer_args(s.importer, "");
    int fd = g_file_open_tmp("shared-object-log-XXXXXX", &s.log, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    alarm(TIME_LIMIT_S);
    s.qts = qtest_initf("-m 64M -nodefaults"
                        " -object memory-backend-memfd,id=mem,size=64M,share=on"
                        " -machine pc,memory-backend=mem%s%s %s 2>%s",
                        exporter_args, importer_args, more, s.log);
    vhost_user_peer_wait_ready(s.exporter);
    vhost_user_peer_wait_ready(s.importer);
    return s;
}

Scene scene_with_args(bool exporter_shares, const char *more)
{
    VhostUserPeer *exporter = vhost_user_peer_new("exporter", exporter_shares);
    g_autofree char *args = vhost_user_peer_args(exporter, ",addr=4");

    return scene_begin(exporter, args, vhost_user_peer_new("importer", true),
                       more);
}

Scene scene_with_info(bool exporter_shares, bool exporter_offers,
                      bool importer_offers)
{
    VhostUserPeer *exporter = vhost_user_peer_new("exporter", exporter_shares);
    VhostUserPeer *importer = vhost_user_peer_new("importer", true);
    g_autofree char *args = vhost_user_peer_args(exporter, ",addr=4");

    if (exporter_offers) {
        vhost_user_peer_offer_info(exporter);
    }
    if (importer_offers) {
        vhost_user_peer_offer_info(importer);
    }
    return scene_begin(exporter, args, importer, "");
}

Scene scene_with_device(const char *driver, const char *backend,
                        unsigned int reconnect_ms)
{
    VhostUserPeer *exporter = vhost_user_peer_new("exporter", true);
    g_autofree char *chardev =
        vhost_user_peer_reconnecting_args(exporter, reconnect_ms);
    g_autofree char *object = !backend ? g_strdup("") :
        g_strdup_printf(" %s,id=backend,chardev=exporter-chr", backend);
    g_autofree char *args =
        g_strdup_printf("%s%s -device %s,id=exporter,addr=4%s", chardev, object,
                        driver, backend ? "" : ",chardev=exporter-chr");

    return scene_begin(exporter, args, vhost_user_peer_new("importer", true),
                       "");
}

Scene scene_with_shmem(const char *driver, uint64_t size)
{
    VhostUserPeer *exporter = vhost_user_peer_new("exporter", true);
    g_autofree char *chardev = vhost_user_peer_chardev_args(exporter);
    g_autofree char *args =
        g_strdup_printf("%s -device %s,id=exporter,addr=4,chardev=exporter-chr",
                        chardev, driver);

    vhost_user_peer_offer_shmem(exporter, size);
    return scene_begin(exporter, args, vhost_user_peer_new("importer", true),
                       "");
}

Scene scene_new(void)
{
    return scene_with_args(true, "");
}

void scene_start(Scene *s)
{
    QPCIAddress addr = { .devfn = EXPORTER_DEVFN };
    uint64_t features;

    s->qos.qts = s->qts;
    pc_alloc_init(&s->qos.alloc, s->qts, ALLOC_NO_FLAGS);
    s->qos.pcibus = qpci_new_pc(s->qts, &s->qos.alloc);
    s->dev = virtio_pci_new(s->qos.pcibus, &addr);
    g_assert_nonnull(s->dev);
    qvirtio_pci_device_enable(s->dev);
    qvirtio_start_device(&s->dev->vdev);
    features = qvirtio_get_features(&s->dev->vdev);
    qvirtio_set_features(&s->dev->vdev, features &
                         ~(1ull << VIRTIO_RING_F_INDIRECT_DESC |
                           1ull << VIRTIO_RING_F_EVENT_IDX));
    s->vq = qvirtqueue_setup(&s->dev->vdev, &s->qos.alloc, 0);
    qvirtio_set_driver_ok(&s->dev->vdev);
}

static void scene_stop(Scene *s)
{
    qvirtqueue_cleanup(s->dev->vdev.bus, s->vq, &s->qos.alloc);
    qvirtio_pci_device_disable(s->dev);
    g_free(s->dev->pdev);
    g_free(s->dev);
    qpci_free_pc(s->qos.pcibus);
    alloc_destroy(&s->qos.alloc);
}

void scene_end(Scene *s)
{
    if (s->dev) {
        scene_stop(s);
    }
    qtest_quit(s->qts);
    vhost_user_peer_free(s->exporter);
    vhost_user_peer_free(s->importer);
    unlink(s->log);
    g_free(s->log);
    alarm(0);
}

void scene_assert_lives(Scene *s)
{
    qtest_qmp_assert_success(s->qts, "{'execute': 'query-status'}");
}

void scene_receive_return(Scene *s)
{
    bool done = false;
    QDict *rsp;

    while (!done) {
        rsp = qtest_qmp_receive_dict(s->qts);
        g_assert_false(qdict_haskey(rsp, "error"));
        done = qdict_haskey(rsp, "return");
        qobject_unref(rsp);
    }
}

void scene_send_migrate(Scene *s)
{
    qtest_qmp_send(s->qts, "{'execute': 'migrate',"
                   " 'arguments': {'uri': 'exec:cat >/dev/null'}}");
}

void scene_finish_migration(Scene *s)
{
    const char *status;
    bool done;
    QDict *rsp;

    scene_receive_return(s);
    do {
        rsp = qtest_qmp_assert_success_ref(s->qts,
                                           "{'execute': 'query-migrate'}");
        status = qdict_get_str(rsp, "status");
        g_assert_cmpstr(status, !=, "failed");
        done = g_str_equal(status, "completed");
        qobject_unref(rsp);
        g_usleep(1000);
    } while (!done);
}

bool same_memory(int fd, VhostUserPeer *peer)
{
    struct stat a, b;

    g_assert_cmpint(fstat(fd, &a), ==, 0);
    g_assert_cmpint(fstat(vhost_user_peer_memory(peer), &b), ==, 0);
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void assert_found(VhostUserPeer *by, const uint8_t *uuid, VhostUserPeer *of)
{
    send_lookup(by, uuid);
    assert_lookup_found(by, of);
}

void assert_not_found(VhostUserPeer *by, const uint8_t *uuid)
{
    g_assert_cmpint(vhost_user_peer_lookup(by, uuid), ==, -1);
}

void send_lookup(VhostUserPeer *by, const uint8_t *uuid)
{
    vhost_user_peer_send(by, PEER_LOOKUP, PEER_NEED_REPLY, uuid,
                         PEER_UUID_SIZE);
}

void assert_lookup_found(VhostUserPeer *by, VhostUserPeer *of)
{
    PeerReply got = vhost_user_peer_recv(by, PEER_LOOKUP);

    g_assert_cmpuint(got.u64, ==, 0);
    g_assert_cmpuint(got.num_fds, ==, 1);
    g_assert_true(same_memory(got.fd, of));
    close(got.fd);
}

void assert_lookup_failed(VhostUserPeer *by)
{
    PeerReply got = vhost_user_peer_recv(by, PEER_LOOKUP);

    g_assert_cmpuint(got.u64, !=, 0);
    g_assert_cmpuint(got.num_fds, ==, 0);
}
