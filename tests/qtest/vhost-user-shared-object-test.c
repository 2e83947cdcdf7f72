/*
 * Tests of the objects that vhost-user back-ends share, with back-ends that
 * follow docs/interop/vhost-user.rst and back-ends that violate it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "virtio-export/process-fds.h"
#include "virtio-export/death-cases.h"
#include "virtio-export/shmem-cases.h"
#include "virtio-export/scene.h"

#define DIR "vhost-user/shared-object/"

#define MAX_OBJECTS 65536

static const uint8_t *numbered_uuid(uint32_t number)
{
    static uint8_t uuid[PEER_UUID_SIZE] = "numbered";

    memcpy(&uuid[12], &number, sizeof(number));
    return uuid;
}

static void uuid_reaches_exporter(void)
{
    Scene s = scene_new();
    uint8_t asked[PEER_UUID_SIZE];
    int fd;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    fd = vhost_user_peer_lookup(s.importer, uuid_a);
    g_assert_cmpuint(vhost_user_peer_asked(s.exporter, asked), ==, 1);
    g_assert_cmpmem(asked, sizeof(asked), uuid_a, sizeof(uuid_a));
    close(fd);
    scene_end(&s);
}

static void fd_comes_with_the_reply(void)
{
    Scene s = scene_new();
    char byte = 'x';
    PeerReply got;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_send(s.importer, PEER_LOOKUP, PEER_NEED_REPLY,
                         uuid_a, PEER_UUID_SIZE);
    got = vhost_user_peer_recv(s.importer, PEER_LOOKUP);
    g_assert_cmpuint(got.u64, ==, 0);
    g_assert_cmpuint(got.num_fds, ==, 1);

    g_assert_cmpint(pwrite(got.fd, &byte, 1, 7), ==, 1);
    byte = 0;
    g_assert_cmpint(pread(vhost_user_peer_memory(s.exporter), &byte, 1, 7),
                    ==, 1);
    g_assert_cmpint(byte, ==, 'x');
    close(got.fd);
    scene_end(&s);
}

/* QEMU closes each file descriptor that comes with a reply */
static void no_descriptor_stays_in_qemu(void)
{
    static const PeerAnswer answers[] = {
        PEER_ANSWER_FD, PEER_ANSWER_ECHO, PEER_ANSWER_NO_FD,
        PEER_ANSWER_TWO_FDS, PEER_ANSWER_MANY_FDS, PEER_ANSWER_WRONG_REQUEST,
    };
    Scene s = scene_new();
    unsigned int before, i;
    int fd;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    scene_assert_lives(&s);
    before = process_fds_count(qtest_pid(s.qts));
    for (i = 0; i < 100 * ARRAY_SIZE(answers); i++) {
        vhost_user_peer_answer(s.exporter, answers[i / 100]);
        fd = vhost_user_peer_lookup(s.importer, uuid_a);
        if (fd >= 0) {
            close(fd);
        }
    }
    scene_assert_lives(&s);
    g_assert_cmpuint(process_fds_count(qtest_pid(s.qts)), ==, before);
    scene_end(&s);
}

static void exporter_disconnects(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_disconnect(s.exporter);
    vhost_user_peer_wait_gone(s.exporter);
    assert_not_found(s.importer, uuid_a);
    scene_assert_lives(&s);

    /* the exporter must add its objects again */
    vhost_user_peer_wait_ready(s.exporter);
    assert_not_found(s.importer, uuid_a);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

static void own_object(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.exporter, uuid_a, s.exporter);
    scene_assert_lives(&s);
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

/* QEMU has sent A a request when A's own lookup arrives */
static void two_look_each_other_up(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));

    vhost_user_peer_hold(s.exporter, PEER_GET_SHARED_OBJECT);
    send_lookup(s.importer, uuid_a);
    vhost_user_peer_wait_held(s.exporter);
    assert_found(s.exporter, uuid_b, s.importer);
    vhost_user_peer_release(s.exporter);
    assert_lookup_found(s.importer, s.exporter);
    scene_assert_lives(&s);
    assert_found(s.exporter, uuid_b, s.importer);
    scene_end(&s);
}

/* QEMU serves the exporter's requests while it waits for the object */
static void look_up_in_a_look_up(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_hold(s.exporter, PEER_GET_SHARED_OBJECT);
    send_lookup(s.importer, uuid_a);
    vhost_user_peer_wait_held(s.exporter);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_b));
    g_assert_true(vhost_user_peer_remove(s.exporter, uuid_b));
    vhost_user_peer_release(s.exporter);
    assert_lookup_found(s.importer, s.exporter);
    scene_end(&s);
}

static const PeerInfo nothing_known = {
    .modifier = DRM_FORMAT_MOD_INVALID,
};

/* An image with padded rows in the peer's page */
static const PeerInfo image = {
    .flags = 1,
    .size = 4096,
    .width = 30,
    .height = 16,
    .fourcc = DRM_FORMAT_XRGB8888,
    .num_planes = 1,
    .modifier = DRM_FORMAT_MOD_LINEAR,
    .strides = { 128 },
    .offsets = { 2048 },
};

static void assert_info(VhostUserPeer *by, const PeerInfo *expected)
{
    PeerInfo info;
    int fd = vhost_user_peer_lookup_info(by, uuid_a, &info);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_assert_cmpmem(&info, sizeof(info), expected, sizeof(*expected));
}

static void info_arrives(void)
{
    Scene s = scene_with_info(true, true, true);
    PeerInfo told = image;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    /* an exporter need not describe its objects */
    assert_info(s.importer, &nothing_known);
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_ECHO);
    assert_info(s.importer, &nothing_known);
    /* QEMU cannot verify the kind, and does not pass it on */
    told.kind = 1;
    vhost_user_peer_describe(s.exporter, &told, sizeof(told));
    assert_info(s.importer, &image);
    assert_info(s.exporter, &image);
    scene_end(&s);
}

/* Without the feature, QEMU neither sends nor uses descriptions */
static void info_is_not_negotiated(gconstpointer exporter_offers)
{
    bool exporter = GPOINTER_TO_INT(exporter_offers);
    Scene s = scene_with_info(true, exporter, !exporter);

    g_assert_cmphex(vhost_user_peer_acked(exporter ? s.importer : s.exporter) &
                    PEER_F_SHARED_OBJECT_INFO, ==, 0);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_describe(s.exporter, &image, sizeof(image));
    if (exporter) {
        assert_found(s.importer, uuid_a, s.exporter);
    } else {
        assert_info(s.importer, &nothing_known);
        vhost_user_peer_describe(s.exporter, &image, sizeof(image) - 1);
        assert_info(s.importer, &nothing_known);
    }
    scene_end(&s);
}

static void info_needs_shared_objects(void)
{
    Scene s = scene_with_info(false, true, true);

    g_assert_cmphex(vhost_user_peer_acked(s.exporter) &
                    PEER_F_SHARED_OBJECT_INFO, ==, 0);
    /* the payload of the reply has 8 bytes, without a description */
    assert_not_found(s.exporter, uuid_a);
    scene_end(&s);
}

static void assert_empty_failure(VhostUserPeer *by)
{
    static const PeerInfo zeros;
    PeerReply got = vhost_user_peer_recv(by, PEER_LOOKUP);

    g_assert_cmpuint(got.u64, ==, 1);
    g_assert_cmpuint(got.num_fds, ==, 0);
    g_assert_cmpmem(&got.info, sizeof(zeros), &zeros, sizeof(zeros));
}

static void info_of_failure(void)
{
    Scene s = scene_with_info(true, true, true);

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_describe(s.exporter, &image, sizeof(image));
    vhost_user_peer_reject(s.exporter, uuid_a);
    send_lookup(s.importer, uuid_a);
    assert_empty_failure(s.importer);
    send_lookup(s.importer, uuid_b);
    assert_empty_failure(s.importer);
    vhost_user_peer_send(s.importer, PEER_LOOKUP, 0, uuid_a, PEER_UUID_SIZE);
    assert_empty_failure(s.importer);
    scene_end(&s);
}

static void wrong_info(void)
{
    PeerInfo wrong[] = { image, image, image, image, image };
    PeerInfo only_size = nothing_known;
    Scene s = scene_with_info(true, true, true);

    only_size.size = image.size;
    wrong[0].offsets[0]++;
    wrong[1].width = 33;
    wrong[2].num_planes = 5;
    wrong[3].num_planes = UINT32_MAX;
    wrong[4].flags = 1U << 31;
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
        vhost_user_peer_describe(s.exporter, &wrong[i], sizeof(image));
        assert_info(s.importer, &only_size);
    }
    scene_end(&s);
}

static void wrong_info_size(void)
{
    static const size_t sizes[] = { 1, sizeof(image) - 1, sizeof(image) + 1 };
    Scene s = scene_with_info(true, true, true);

    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
        vhost_user_peer_describe(s.exporter, &image, sizes[i]);
        assert_not_found(s.importer, uuid_a);
        vhost_user_peer_describe(s.exporter, &image, sizeof(image));
        assert_not_found(s.importer, uuid_a);
        g_assert_false(vhost_user_peer_add(s.exporter, uuid_a));
        vhost_user_peer_reconnect(s.exporter);
    }
    scene_end(&s);
}

typedef void CrossFn(Scene *s);

/*
 * The exporter looks up an object before it replies to GET_VRING_BASE.
 * @begin makes QEMU send GET_VRING_BASE, and must not wait for QEMU.  @finish
 * may wait for QEMU.
 */
static void cross_get_vring_base(CrossFn *begin, CrossFn *finish)
{
    Scene s = scene_new();

    scene_start(&s);
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));

    vhost_user_peer_hold(s.exporter, PEER_GET_VRING_BASE);
    begin(&s);
    vhost_user_peer_wait_held(s.exporter);
    assert_found(s.exporter, uuid_b, s.importer);
    vhost_user_peer_release(s.exporter);
    finish(&s);

    scene_assert_lives(&s);
    assert_found(s.exporter, uuid_b, s.importer);
    scene_end(&s);
}

static void send_stop(Scene *s)
{
    qtest_qmp_send(s->qts, "{'execute': 'stop'}");
}

static void stop_crosses(void)
{
    cross_get_vring_base(send_stop, scene_receive_return);
}

static void send_reset(Scene *s)
{
    qtest_qmp_send(s->qts, "{'execute': 'system_reset'}");
}

static void reset_crosses(void)
{
    cross_get_vring_base(send_reset, scene_receive_return);
}

static void migration_crosses(void)
{
    cross_get_vring_base(scene_send_migrate, scene_finish_migration);
}

static void config_change_before_lookup(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    vhost_user_peer_hold(s.exporter, PEER_GET_CONFIG);
    vhost_user_peer_send(s.exporter, PEER_CONFIG_CHANGE, 0, NULL, 0);
    assert_found(s.exporter, uuid_b, s.importer);
    vhost_user_peer_release(s.exporter);
    scene_assert_lives(&s);
    scene_end(&s);
}

/* Requests that are not about shared objects are handled later, in order */
static void other_requests_wait(void)
{
    Scene s = scene_new();
    PeerReply got;
    int i;

    scene_start(&s);
    vhost_user_peer_hold(s.exporter, PEER_GET_VRING_BASE);
    send_stop(&s);
    vhost_user_peer_wait_held(s.exporter);
    for (i = 0; i < 3; i++) {
        vhost_user_peer_send(s.exporter, PEER_CONFIG_CHANGE, PEER_NEED_REPLY,
                             NULL, 0);
    }
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_b));
    vhost_user_peer_release(s.exporter);
    scene_receive_return(&s);
    for (i = 0; i < 3; i++) {
        got = vhost_user_peer_recv(s.exporter, PEER_CONFIG_CHANGE);
        g_assert_cmpuint(got.num_fds, ==, 0);
    }
    scene_end(&s);
}

static void unknown_uuid(void)
{
    Scene s = scene_new();

    assert_not_found(s.importer, uuid_a);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_not_found(s.importer, uuid_b);
    scene_end(&s);
}

static void lookup_without_need_reply(void)
{
    Scene s = scene_new();
    PeerReply got;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_send(s.importer, PEER_LOOKUP, 0, uuid_a,
                         PEER_UUID_SIZE);
    got = vhost_user_peer_recv(s.importer, PEER_LOOKUP);
    g_assert_cmpuint(got.u64, !=, 0);
    g_assert_cmpuint(got.num_fds, ==, 0);
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

/* Back-ends in Rust may send a descriptor with a lookup; QEMU closes it */
static void lookup_with_descriptor(void)
{
    Scene s = scene_new();
    unsigned int before;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    before = process_fds_settled(s.qts);
    for (int i = 0; i < 5; i++) {
        g_assert_cmpint(vhost_user_peer_try_send_fds(s.importer, PEER_LOOKUP,
                                                     PEER_NEED_REPLY, uuid_a,
                                                     PEER_UUID_SIZE, 1), ==, 0);
        assert_lookup_found(s.importer, s.exporter);
    }
    g_assert_cmpuint(process_fds_settled(s.qts), ==, before);
    scene_end(&s);
}

/* QEMU closes the descriptor even if it rejects the lookup */
static void rejected_with_descriptor(void)
{
    static const struct {
        uint8_t byte;
        uint32_t flags;
    } lookups[] = {
        { 0x11, 0 }, { 0x11, PEER_NEED_REPLY }, { 0xff, PEER_NEED_REPLY },
    };
    uint8_t uuid[PEER_UUID_SIZE];
    Scene s = scene_new();
    unsigned int before;

    assert_not_found(s.importer, uuid_a);
    before = process_fds_settled(s.qts);
    for (int i = 0; i < ARRAY_SIZE(lookups); i++) {
        memset(uuid, lookups[i].byte, sizeof(uuid));
        g_assert_cmpint(vhost_user_peer_try_send_fds(s.importer, PEER_LOOKUP,
                                                     lookups[i].flags, uuid,
                                                     sizeof(uuid), 1), ==, 0);
        assert_lookup_failed(s.importer);
        g_assert_cmpuint(process_fds_settled(s.qts), ==, before);
    }
    scene_end(&s);
}

static void wrong_payload_size(void)
{
    static const uint32_t sizes[] = { 0, 8, 15, 17, 24 };
    static const uint32_t requests[] = { PEER_REMOVE, PEER_LOOKUP, PEER_ADD };
    Scene s = scene_new();
    uint8_t payload[24] = { };
    PeerReply got;
    int i, j;

    memcpy(payload, uuid_a, PEER_UUID_SIZE);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    for (i = 0; i < ARRAY_SIZE(requests); i++) {
        for (j = 0; j < ARRAY_SIZE(sizes); j++) {
            vhost_user_peer_send(s.exporter, requests[i], PEER_NEED_REPLY,
                                 payload, sizes[j]);
            got = vhost_user_peer_recv(s.exporter, requests[i]);
            g_assert_cmpuint(got.u64, !=, 0);
            g_assert_cmpuint(got.num_fds, ==, 0);
        }
    }
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

static void not_negotiated(void)
{
    Scene s = scene_with_args(false, "");

    g_assert_false(vhost_user_peer_add(s.exporter, uuid_a));
    assert_not_found(s.importer, uuid_a);
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    assert_not_found(s.exporter, uuid_b);
    g_assert_false(vhost_user_peer_remove(s.exporter, uuid_b));
    scene_end(&s);
}

static void channel_closes(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_b));
    assert_found(s.importer, uuid_a, s.exporter);
    vhost_user_peer_close_channel(s.exporter);
    /* QEMU notices the end of the channel in the main loop */
    scene_assert_lives(&s);
    assert_not_found(s.importer, uuid_a);
    assert_not_found(s.importer, uuid_b);
    g_assert_true(vhost_user_peer_add(s.importer, uuid_a));
    scene_end(&s);
}

/* QEMU closes the channel once, and accepts the next one */
static void channel_closes_while_set_up(void)
{
    g_autofree char *log = NULL;
    Scene s = scene_new();

    vhost_user_peer_break_next_channel(s.exporter);
    vhost_user_peer_disconnect(s.exporter);
    vhost_user_peer_wait_gone(s.exporter);
    vhost_user_peer_wait_ready(s.exporter);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    g_assert_true(g_file_get_contents(s.log, &log, NULL, NULL));
    g_assert_null(strstr(log, "GLib"));
    scene_end(&s);
}

static void device_is_unplugged(void)
{
    Scene s = scene_with_args(true, "-device pci-bridge,chassis_nr=1,id=br");

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    qtest_qmp_assert_success(s.qts, "{'execute': 'device_del',"
                             " 'arguments': {'id': 'exporter'}}");
    qtest_system_reset(s.qts);
    qtest_qmp_eventwait(s.qts, "DEVICE_DELETED");
    assert_not_found(s.importer, uuid_a);
    g_assert_true(vhost_user_peer_add(s.importer, uuid_a));
    scene_end(&s);
}

/* A bad reply fails one lookup; the next one succeeds */
static void one_bad_answer(gconstpointer answer)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, GPOINTER_TO_INT(answer));
    assert_not_found(s.importer, uuid_a);
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_FD);
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

static void echoed_uuid(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_ECHO);
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

/* Back-ends in Rust reply with an empty payload */
static void empty_payload(gconstpointer has_info)
{
    Scene s = scene_with_info(true, GPOINTER_TO_INT(has_info), false);

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_FD);
    for (int i = 0; i < 2; i++) {
        assert_found(s.importer, uuid_a, s.exporter);
    }
    scene_end(&s);
}

/* An exporter that violates the protocol loses its objects; others do not */
static void broken_protocol(gconstpointer answer)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, GPOINTER_TO_INT(answer));
    assert_not_found(s.importer, uuid_a);
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_FD);
    assert_not_found(s.importer, uuid_a);
    g_assert_false(vhost_user_peer_add(s.exporter, uuid_a));

    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    assert_found(s.exporter, uuid_b, s.importer);
    scene_assert_lives(&s);

    vhost_user_peer_disconnect(s.exporter);
    vhost_user_peer_wait_gone(s.exporter);
    vhost_user_peer_wait_ready(s.exporter);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

static void closes_in_a_lookup(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_CLOSE);
    assert_not_found(s.importer, uuid_a);
    scene_assert_lives(&s);
    vhost_user_peer_wait_gone(s.exporter);
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_FD);
    vhost_user_peer_wait_ready(s.exporter);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

#ifdef CONFIG_VHOST_CRYPTO
/* A back-end that no device uses */
static void crypto_closes_in_a_lookup(void)
{
    VhostUserPeer *crypto = vhost_user_peer_new("crypto", true);
    g_autofree char *chardev = vhost_user_peer_chardev_args(crypto);
    g_autofree char *args = g_strconcat(
        chardev, " -object cryptodev-vhost-user,id=crypto,chardev=crypto-chr",
        NULL);
    Scene s = scene_with_args(true, args);

    for (int i = 0; i < 3; i++) {
        vhost_user_peer_answer(crypto, PEER_ANSWER_FD);
        vhost_user_peer_wait_ready(crypto);
        g_assert_true(vhost_user_peer_add(crypto, uuid_a));
        assert_found(s.importer, uuid_a, crypto);
        vhost_user_peer_answer(crypto, PEER_ANSWER_CLOSE);
        assert_not_found(s.importer, uuid_a);
        vhost_user_peer_wait_gone(crypto);
        assert_not_found(s.importer, uuid_a);
        scene_assert_lives(&s);
    }
    scene_end(&s);
    vhost_user_peer_free(crypto);
}
#endif

static void uuid_in_use(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_false(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_false(vhost_user_peer_add(s.importer, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

/* The nil and the max UUID of RFC 9562 */
static void reserved_uuids(void)
{
    uint8_t uuid[PEER_UUID_SIZE];
    Scene s = scene_new();
    static const uint8_t bytes[] = { 0, 0xff };

    for (int i = 0; i < ARRAY_SIZE(bytes); i++) {
        memset(uuid, bytes[i], sizeof(uuid));
        g_assert_false(vhost_user_peer_add(s.exporter, uuid));
        assert_not_found(s.importer, uuid);
    }
    scene_end(&s);
}

/* Back-ends in Rust may add objects in set_backend_req_fd() */
static void add_while_channel_is_set_up(void)
{
    Scene s = scene_new();

    vhost_user_peer_add_in_next_channel(s.exporter, uuid_a);
    vhost_user_peer_reconnect(s.exporter);
    assert_found(s.importer, uuid_a, s.exporter);
    g_assert_true(vhost_user_peer_remove(s.exporter, uuid_a));
    scene_end(&s);
}

static void remove_of_another(void)
{
    Scene s = scene_new();

    g_assert_false(vhost_user_peer_remove(s.importer, uuid_a));
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_false(vhost_user_peer_remove(s.importer, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    g_assert_true(vhost_user_peer_remove(s.exporter, uuid_a));
    g_assert_false(vhost_user_peer_remove(s.exporter, uuid_a));
    assert_not_found(s.importer, uuid_a);
    scene_end(&s);
}

static void number_is_limited(void)
{
    Scene s = scene_new();
    uint32_t i;

    for (i = 0; i < MAX_OBJECTS - 1; i++) {
        vhost_user_peer_send(s.exporter, PEER_ADD, 0, numbered_uuid(i),
                             PEER_UUID_SIZE);
    }
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_false(vhost_user_peer_add(s.exporter, uuid_b));
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    g_assert_true(vhost_user_peer_remove(s.exporter, uuid_a));
    g_assert_true(vhost_user_peer_add(s.exporter, numbered_uuid(MAX_OBJECTS)));
    assert_found(s.importer, numbered_uuid(MAX_OBJECTS), s.exporter);

    vhost_user_peer_disconnect(s.exporter);
    vhost_user_peer_wait_gone(s.exporter);
    for (i = 0; i < MAX_OBJECTS; i += 4099) {
        assert_not_found(s.importer, numbered_uuid(i));
    }
    scene_end(&s);
}

/* Send lookups until QEMU closes the channel */
static void read_no_replies(VhostUserPeer *by)
{
    gint64 until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;
    int ret;

    do {
        ret = vhost_user_peer_try_send(by, PEER_LOOKUP, PEER_NEED_REPLY,
                                       uuid_a, PEER_UUID_SIZE);
        g_assert_true(ret == 0 || ret == EAGAIN || ret == EPIPE);
        g_assert_cmpint(g_get_monotonic_time(), <, until);
    } while (ret != EPIPE);
}

/* QEMU closes the channel instead of waiting until the back-end reads */
static void replies_are_not_read(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    read_no_replies(s.importer);
    scene_assert_lives(&s);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_b));
    scene_end(&s);
}

static void rejections_are_not_logged(void)
{
    g_autofree char *after = NULL;
    g_autofree char *before = NULL;
    Scene s = scene_new();
    PeerReply got;
    int i;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_NO_FD);
    g_assert_true(g_file_get_contents(s.log, &before, NULL, NULL));
    for (i = 0; i < 300; i++) {
        assert_not_found(s.importer, uuid_a);
        assert_not_found(s.importer, uuid_b);
        assert_not_found(s.exporter, uuid_a);
        g_assert_false(vhost_user_peer_add(s.importer, uuid_a));
        g_assert_false(vhost_user_peer_remove(s.importer, uuid_a));
        vhost_user_peer_send(s.importer, PEER_LOOKUP, 0, NULL, 0);
        got = vhost_user_peer_recv(s.importer, PEER_LOOKUP);
        g_assert_cmpuint(got.u64, !=, 0);
    }
    g_assert_true(g_file_get_contents(s.log, &after, NULL, NULL));
    g_assert_cmpstr(after, ==, before);
    scene_end(&s);
}

/* Reconnect, and wait until QEMU has sent all its requests */
static void reconnect_whole(VhostUserPeer *peer)
{
    vhost_user_peer_reconnect(peer);
    vhost_user_peer_wait_served(peer, PEER_SET_VRING_ERR);
}

/* A back-end can break channels often: QEMU must not log each one */
static void broken_channels_are_not_logged(void)
{
    const uint32_t too_large[] = { PEER_ADD, 1, 0xfffffff0 };
    g_autofree char *after = NULL;
    g_autofree char *before = NULL;
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_true(g_file_get_contents(s.log, &before, NULL, NULL));
    for (int i = 0; i < 10; i++) {
        g_assert_cmpint(write(vhost_user_peer_channel(s.importer), too_large,
                              sizeof(too_large)), ==, sizeof(too_large));
        reconnect_whole(s.importer);
        read_no_replies(s.importer);
        reconnect_whole(s.importer);
    }
    g_assert_true(g_file_get_contents(s.log, &after, NULL, NULL));
    g_assert_cmpstr(after, ==, before);
    scene_end(&s);
}

static void no_descriptors_left(void)
{
    struct rlimit old;
    Scene s = scene_new();
    pid_t pid = qtest_pid(s.qts);

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    scene_assert_lives(&s);
    old = process_fds_exhaust(pid);
    assert_not_found(s.importer, uuid_a);
    process_fds_restore(pid, old);
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

static void sandbox(void)
{
    Scene s = scene_with_args(true, PEER_SANDBOX);

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

static void add_answer_test(const char *name, GTestDataFunc fn,
                            PeerAnswer answer)
{
    g_autofree char *path = g_strdup_printf(DIR "%s", name);

    qtest_add_data_func(path, GINT_TO_POINTER(answer), fn);
}

/* A failed device_add makes QEMU run all pending RCU callbacks */
static void add_no_device(Scene *s)
{
    qobject_unref(qtest_qmp_assert_failure_ref(
        s->qts, "{'execute': 'device_add',"
        " 'arguments': {'driver': 'no-such-device'}}"));
}

/* Return: whether QEMU accepts a page at @offset in the peer's one-page file */
static bool set_host_notifier_at(VhostUserPeer *peer, uint64_t offset)
{
    const uint64_t area[] = { 0, qemu_real_host_page_size(), offset };

    g_assert_cmpint(vhost_user_peer_try_send_fds(peer, PEER_HOST_NOTIFIER,
                                                 PEER_NEED_REPLY, area,
                                                 sizeof(area), 1), ==, 0);
    return vhost_user_peer_recv(peer, PEER_HOST_NOTIFIER).u64 == 0;
}

static bool set_host_notifier(VhostUserPeer *peer)
{
    return set_host_notifier_at(peer, 0);
}

static void set_host_notifiers(bool have_place)
{
    Scene s = scene_with_args(true, have_place
                              ? "-global virtio-pci.page-per-vq=on" : "");
    int i;

    scene_start(&s);
    for (i = 0; i < 10; i++) {
        g_assert_cmpint(set_host_notifier(s.exporter), ==, have_place);
        if (!have_place) {
            add_no_device(&s);
        }
    }
    scene_assert_lives(&s);
    scene_end(&s);
}

/* Replace host notifiers faster than RCU runs */
static void host_notifiers(void)
{
    set_host_notifiers(true);
}

/* An access to the page would raise SIGBUS */
static void host_notifier_beyond_its_file(void)
{
    Scene s = scene_with_args(true, "-global virtio-pci.page-per-vq=on");
    uint64_t page = qemu_real_host_page_size();

    scene_start(&s);
    g_assert_false(set_host_notifier_at(s.exporter, page));
    g_assert_false(set_host_notifier_at(s.exporter, -page));
    g_assert_true(set_host_notifier_at(s.exporter, 0));
    scene_assert_lives(&s);
    scene_end(&s);
}

/*
 * F_SEAL_SHRINK does not keep the owner from punching a hole in the file and
 * using up the free huge pages; an access would then raise SIGBUS.
 */
static int sealed_huge_page(void)
{
    int fd = memfd_create("notifier", MFD_CLOEXEC | MFD_ALLOW_SEALING |
                                      MFD_HUGETLB);
    struct stat st;
    void *page;

    if (fd < 0) {
        return -1;
    }
    g_assert_cmpint(fstat(fd, &st), ==, 0);
    g_assert_cmpint(ftruncate(fd, st.st_blksize), ==, 0);
    g_assert_cmpint(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), ==, 0);
    page = mmap(NULL, st.st_blksize, PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        close(fd);
        return -1;
    }
    g_assert_cmpint(munmap(page, st.st_blksize), ==, 0);
    return fd;
}

static void host_notifier_in_huge_page(void)
{
    int fd = sealed_huge_page();
    Scene s;

    if (fd < 0) {
        g_test_skip("the host has no free huge page");
        return;
    }
    s = scene_with_args(true, "-global virtio-pci.page-per-vq=on");
    scene_start(&s);
    g_assert_true(set_host_notifier(s.exporter));
    vhost_user_peer_set_memory(s.exporter, fd);
    g_assert_false(set_host_notifier(s.exporter));
    scene_end(&s);
}

static void host_notifiers_without_place(void)
{
    set_host_notifiers(false);
}

static bool is_mapped(pid_t pid, uint64_t addr)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/maps", pid);
    g_autofree char *maps = NULL;
    uint64_t begin, end;
    const char *line;

    g_assert_true(g_file_get_contents(path, &maps, NULL, NULL));
    for (line = maps; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &begin, &end) == 2 &&
            begin <= addr && addr < end) {
            return true;
        }
    }
    return false;
}

/* Check that all of QEMU's RAM blocks have memory */
static void assert_blocks_mapped(Scene *s)
{
    g_autofree char *blocks = qtest_hmp(s->qts, "info ramblock");
    g_auto(GStrv) lines = g_strsplit(blocks, "\r\n", -1);
    unsigned int i, num = 0;
    uint64_t addr;
    char *hva;

    /* skip the line with the names of the columns */
    for (i = 1; lines[i]; i++) {
        hva = strrchr(lines[i], 'x');
        if (hva) {
            g_assert_cmpint(sscanf(hva + 1, "%" SCNx64, &addr), ==, 1);
            g_assert_true(is_mapped(qtest_pid(s->qts), addr));
            num++;
        }
    }
    g_assert_cmpuint(num, >, 0);
}

static void drop_host_notifier(VhostUserPeer *peer)
{
    const uint64_t area[] = { PEER_NO_FD, qemu_real_host_page_size(), 0 };

    vhost_user_peer_send(peer, PEER_HOST_NOTIFIER, PEER_NEED_REPLY, area,
                         sizeof(area));
    g_assert_cmpuint(vhost_user_peer_recv(peer, PEER_HOST_NOTIFIER).u64, ==, 0);
}

static void host_notifier_leaves_none(void)
{
    Scene s = scene_with_args(true, "-global virtio-pci.page-per-vq=on");

    scene_start(&s);
    for (int i = 0; i < 3; i++) {
        g_assert_true(set_host_notifier(s.exporter));
        assert_blocks_mapped(&s);
        drop_host_notifier(s.exporter);
        add_no_device(&s);
        assert_blocks_mapped(&s);
    }
    scene_end(&s);
}

static void host_notifier_without_place_leaves_none(void)
{
    Scene s = scene_new();

    scene_start(&s);
    for (int i = 0; i < 3; i++) {
        g_assert_false(set_host_notifier(s.exporter));
        assert_blocks_mapped(&s);
    }
    scene_end(&s);
}

static void add_fixed_tests(void)
{
    qtest_add_func(DIR "defect/uuid-reaches-exporter", uuid_reaches_exporter);
    qtest_add_func(DIR "defect/fd-comes-with-the-reply",
                   fd_comes_with_the_reply);
    qtest_add_func(DIR "defect/no-descriptor-stays-in-qemu",
                   no_descriptor_stays_in_qemu);
    qtest_add_func(DIR "defect/exporter-disconnects", exporter_disconnects);
    qtest_add_func(DIR "defect/own-object", own_object);
    qtest_add_func(DIR "defect/two-look-each-other-up",
                   two_look_each_other_up);
    qtest_add_func(DIR "defect/stop-crosses-lookup", stop_crosses);
    qtest_add_func(DIR "defect/reset-crosses-lookup", reset_crosses);
    qtest_add_func(DIR "defect/migration-crosses-lookup", migration_crosses);
    qtest_add_func(DIR "defect/config-change-before-lookup",
                   config_change_before_lookup);
    qtest_add_func(DIR "defect/host-notifiers", host_notifiers);
    qtest_add_func(DIR "defect/host-notifier-beyond-its-file",
                   host_notifier_beyond_its_file);
    qtest_add_func(DIR "defect/host-notifier-leaves-none",
                   host_notifier_leaves_none);
}

static void add_lookup_tests(void)
{
    qtest_add_func(DIR "lookup/unknown-uuid", unknown_uuid);
    qtest_add_func(DIR "lookup/without-need-reply", lookup_without_need_reply);
    qtest_add_func(DIR "lookup/with-descriptor", lookup_with_descriptor);
    qtest_add_func(DIR "lookup/rejected-with-descriptor",
                   rejected_with_descriptor);
    qtest_add_func(DIR "lookup/exporter-serves-in-a-lookup",
                   look_up_in_a_look_up);
    qtest_add_func(DIR "lookup/other-requests-wait", other_requests_wait);
    qtest_add_func(DIR "lookup/replies-are-not-read", replies_are_not_read);
    qtest_add_func(DIR "lookup/no-descriptors-left", no_descriptors_left);
    qtest_add_func(DIR "lookup/sandbox", sandbox);
    qtest_add_func(DIR "answer/echoed-uuid", echoed_uuid);
    qtest_add_data_func(DIR "answer/empty-payload", GINT_TO_POINTER(false),
                        empty_payload);
    qtest_add_data_func(DIR "answer/empty-payload-with-info-negotiated",
                        GINT_TO_POINTER(true), empty_payload);
    add_answer_test("answer/no-fd", one_bad_answer, PEER_ANSWER_NO_FD);
    add_answer_test("answer/two-fds", one_bad_answer, PEER_ANSWER_TWO_FDS);
    add_answer_test("answer/many-fds", one_bad_answer, PEER_ANSWER_MANY_FDS);
    add_answer_test("answer/wrong-request", broken_protocol,
                    PEER_ANSWER_WRONG_REQUEST);
    add_answer_test("answer/wrong-flags", broken_protocol,
                    PEER_ANSWER_WRONG_FLAGS);
    add_answer_test("answer/huge-payload", broken_protocol,
                    PEER_ANSWER_HUGE_PAYLOAD);
    qtest_add_func(DIR "answer/closes-in-a-lookup", closes_in_a_lookup);
#ifdef CONFIG_VHOST_CRYPTO
    qtest_add_func(DIR "answer/crypto-closes-in-a-lookup",
                   crypto_closes_in_a_lookup);
#endif
}

static void add_info_tests(void)
{
    qtest_add_func(DIR "info/arrives", info_arrives);
    qtest_add_data_func(DIR "info/not-negotiated/exporter",
                        GINT_TO_POINTER(false), info_is_not_negotiated);
    qtest_add_data_func(DIR "info/not-negotiated/importer",
                        GINT_TO_POINTER(true), info_is_not_negotiated);
    qtest_add_func(DIR "info/needs-shared-objects", info_needs_shared_objects);
    qtest_add_func(DIR "info/of-failure", info_of_failure);
    qtest_add_func(DIR "info/wrong-geometry", wrong_info);
    qtest_add_func(DIR "info/wrong-size", wrong_info_size);
}

/* A thread fails to connect, and the main loop logs the failure */
static void cannot_reconnect(void)
{
    gint64 until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;
    g_autofree char *log = NULL;
    Scene s = scene_new();

    qtest_qmp_assert_success(s.qts, "{'execute': 'chardev-add', 'arguments': {"
                             " 'id': 'away', 'backend': {'type': 'socket',"
                             " 'data': {'server': false, 'reconnect-ms': 10,"
                             " 'addr': {'type': 'unix', 'data': {"
                             " 'path': '/nonexistent'}}}}}}");
    do {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        scene_assert_lives(&s);
        g_free(log);
        g_assert_true(g_file_get_contents(s.log, &log, NULL, NULL));
    } while (!strstr(log, "Unable to connect character device away"));
    scene_assert_lives(&s);
    scene_end(&s);
}

static void add_table_tests(void)
{
    qtest_add_func(DIR "request/wrong-payload-size", wrong_payload_size);
    qtest_add_func(DIR "request/not-negotiated", not_negotiated);
    qtest_add_func(DIR "request/rejections-are-not-logged",
                   rejections_are_not_logged);
    /* not in defect/: hosts without huge pages cannot show this defect */
    qtest_add_func(DIR "request/host-notifier-in-huge-page",
                   host_notifier_in_huge_page);
    qtest_add_func(DIR "request/host-notifier-without-place-leaves-none",
                   host_notifier_without_place_leaves_none);
    qtest_add_func(DIR "add/uuid-in-use", uuid_in_use);
    qtest_add_func(DIR "add/reserved-uuids", reserved_uuids);
    qtest_add_func(DIR "add/while-channel-is-set-up",
                   add_while_channel_is_set_up);
    qtest_add_func(DIR "remove/of-another-back-end", remove_of_another);
    qtest_add_func(DIR "gone/channel-closes", channel_closes);
    qtest_add_func(DIR "gone/channel-closes-while-set-up",
                   channel_closes_while_set_up);
    qtest_add_func(DIR "gone/cannot-reconnect", cannot_reconnect);
    qtest_add_func(DIR "gone/device-is-unplugged", device_is_unplugged);
}

static void add_slow_tests(void)
{
    /* only memcheck or ASan detects this defect */
    qtest_add_func(DIR "defect-of-memory/host-notifiers-without-place",
                   host_notifiers_without_place);
    qtest_add_func(DIR "request/broken-channels-are-not-logged",
                   broken_channels_are_not_logged);
    qtest_add_func(DIR "add/number-is-limited", number_is_limited);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_fixed_tests();
    add_lookup_tests();
    add_info_tests();
    add_table_tests();
    vhost_user_add_death_cases();
    vhost_user_add_shmem_cases();
    if (g_test_slow()) {
        add_slow_tests();
    }
    return g_test_run();
}
