/*
 * Tests of pending lookups of objects that vhost-user back-ends share
 *
 * QEMU does not block until GET_SHARED_OBJECT is answered, and each lookup gets
 * a reply.  A "busy" exporter stands for a back-end whose only thread is
 * stopped, in a debugger, or waiting for QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "virtio-export/process-fds.h"
#include "virtio-export/snapshot-disk.h"
#include "virtio-export/scene.h"

#define DIR "vhost-user/lookup/"

#define ROUNDS 50
#define MAX_PENDING 64
#define MAX_UNANSWERED 64
#define MAX_DEFERRED 64
/* Size of a request or a reply with a UUID */
#define MESSAGE_SIZE (12 + PEER_UUID_SIZE)

/* QEMU has read all lookups of @peer when it replies to a later request */
static void wait_until_read(VhostUserPeer *peer)
{
    static const uint8_t mark[PEER_UUID_SIZE] = "the last request";

    g_assert_true(vhost_user_peer_add(peer, mark));
    g_assert_true(vhost_user_peer_remove(peer, mark));
}

/* The exporter has an object and is busy when QEMU requests it */
static Scene make_busy(Scene s)
{
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    vhost_user_peer_hold(s.exporter, PEER_GET_SHARED_OBJECT);
    send_lookup(s.importer, uuid_a);
    vhost_user_peer_wait_held(s.exporter);
    return s;
}

static Scene busy_scene(const char *more)
{
    return make_busy(scene_with_args(true, more));
}

/* The exporter continues, and the lookup ends */
static void end_busy(Scene *s)
{
    vhost_user_peer_release(s->exporter);
    assert_lookup_found(s->importer, s->exporter);
    scene_end(s);
}

typedef struct Side {
    VhostUserPeer *by;
    VhostUserPeer *of;
    const uint8_t *uuid;
} Side;

static gpointer look_up_often(gpointer opaque)
{
    Side *side = opaque;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        assert_found(side->by, side->uuid, side->of);
    }
    return NULL;
}

/* No lookup fails because the other back-end has a pending lookup too */
static void both_ways_at_once(void)
{
    Scene s = scene_new();
    Side there = { s.importer, s.exporter, uuid_a };
    Side back = { s.exporter, s.importer, uuid_b };
    GThread *thread;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    thread = g_thread_new("there", look_up_often, &there);
    look_up_often(&back);
    g_thread_join(thread);
    scene_end(&s);
}

static void main_loop_runs(void)
{
    Scene s = busy_scene("");

    scene_assert_lives(&s);
    assert_found(s.exporter, uuid_b, s.importer);
    end_busy(&s);
}

/* While its lookup is pending, the importer gets replies to other requests */
static void other_requests_go_on(void)
{
    static const uint8_t other[PEER_UUID_SIZE] = "another object..";
    Scene s = busy_scene("");

    g_assert_true(vhost_user_peer_add(s.importer, other));
    g_assert_true(vhost_user_peer_remove(s.importer, other));
    end_busy(&s);
}

/* Replies come in order, since a reply does not name its lookup */
static void answers_are_in_order(gconstpointer has_info)
{
    static const uint8_t unknown[PEER_UUID_SIZE] = "nobody's object.";
    bool offered = GPOINTER_TO_INT(has_info);
    Scene s = make_busy(scene_with_info(true, offered, offered));

    send_lookup(s.importer, uuid_b);
    send_lookup(s.importer, unknown);
    vhost_user_peer_send(s.importer, PEER_LOOKUP, 0, uuid_b, PEER_UUID_SIZE);
    send_lookup(s.importer, uuid_b);
    wait_until_read(s.importer);
    vhost_user_peer_release(s.exporter);
    assert_lookup_found(s.importer, s.exporter);
    assert_lookup_found(s.importer, s.importer);
    assert_lookup_failed(s.importer);
    assert_lookup_failed(s.importer);
    assert_lookup_found(s.importer, s.importer);
    scene_end(&s);
}

static unsigned int count_fds(Scene *s)
{
    scene_assert_lives(s);
    return process_fds_count(qtest_pid(s->qts));
}

/* QEMU holds a descriptor for each object whose reply waits for its turn */
static void descriptors_are_bounded(void)
{
    Scene s = scene_new();
    unsigned int before;
    int i;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    before = count_fds(&s);
    vhost_user_peer_hold(s.exporter, PEER_GET_SHARED_OBJECT);
    send_lookup(s.importer, uuid_a);
    for (i = 0; i < 2 * MAX_PENDING; i++) {
        send_lookup(s.importer, uuid_b);
    }
    wait_until_read(s.importer);
    g_assert_cmpuint(count_fds(&s), <, before + MAX_PENDING);
    vhost_user_peer_release(s.exporter);
    assert_lookup_found(s.importer, s.exporter);
    for (i = 1; i < MAX_PENDING; i++) {
        assert_lookup_found(s.importer, s.importer);
    }
    for (; i <= 2 * MAX_PENDING; i++) {
        assert_lookup_failed(s.importer);
    }
    g_assert_cmpuint(count_fds(&s), ==, before);
    scene_end(&s);
}

static void pending_are_bounded(void)
{
    Scene s = busy_scene("");
    uint8_t asked[PEER_UUID_SIZE];
    int i;

    for (i = 1; i < MAX_PENDING + 3; i++) {
        send_lookup(s.importer, uuid_a);
    }
    wait_until_read(s.importer);
    vhost_user_peer_release(s.exporter);
    for (i = 0; i < MAX_PENDING; i++) {
        assert_lookup_found(s.importer, s.exporter);
    }
    assert_lookup_failed(s.importer);
    assert_lookup_failed(s.importer);
    assert_lookup_failed(s.importer);
    g_assert_cmpuint(vhost_user_peer_asked(s.exporter, asked), ==,
                     MAX_PENDING);
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

/* A descriptor that arrives after the deadline is closed */
static void late_answer(void)
{
    Scene s = scene_new();
    unsigned int before;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    before = count_fds(&s);
    vhost_user_peer_hold(s.exporter, PEER_GET_SHARED_OBJECT);
    assert_not_found(s.importer, uuid_a);
    vhost_user_peer_release(s.exporter);
    assert_found(s.importer, uuid_a, s.exporter);
    g_assert_cmpuint(count_fds(&s), ==, before);
    scene_end(&s);
}

/* A late reply is not taken for the reply to the next lookup */
static void late_answer_and_next(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_b));
    vhost_user_peer_reject(s.exporter, uuid_a);
    vhost_user_peer_hold(s.exporter, PEER_GET_SHARED_OBJECT);
    assert_not_found(s.importer, uuid_a);
    send_lookup(s.importer, uuid_b);
    wait_until_read(s.importer);
    vhost_user_peer_release(s.exporter);
    assert_lookup_found(s.importer, s.exporter);
    scene_end(&s);
}

/* A busy back-end with one thread cannot reply to its own lookup */
static void own_object_when_busy(void)
{
    Scene s = scene_new();

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_hold(s.exporter, PEER_GET_SHARED_OBJECT);
    assert_not_found(s.exporter, uuid_a);
    vhost_user_peer_release(s.exporter);
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

/* QEMU stops sending requests to a back-end that never replies */
static void unanswered_are_bounded(void)
{
    uint8_t asked[PEER_UUID_SIZE];
    Scene s = scene_new();
    int i;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_NONE);
    for (i = 0; i < MAX_UNANSWERED; i++) {
        send_lookup(s.importer, uuid_a);
    }
    for (i = 0; i < MAX_UNANSWERED; i++) {
        assert_lookup_failed(s.importer);
    }
    for (i = 0; i < 3; i++) {
        assert_not_found(s.importer, uuid_a);
    }
    g_assert_cmpuint(vhost_user_peer_asked(s.exporter, asked), ==,
                     MAX_UNANSWERED);
    scene_end(&s);
}

/* A partial reply does not block QEMU or other back-ends */
static void answer_in_parts(void)
{
    Scene s = scene_new();
    size_t cut;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_ECHO);
    for (cut = 1; cut < MESSAGE_SIZE; cut++) {
        vhost_user_peer_cut(s.exporter, PEER_GET_SHARED_OBJECT, cut);
        send_lookup(s.importer, uuid_a);
        vhost_user_peer_wait_held(s.exporter);
        scene_assert_lives(&s);
        assert_found(s.exporter, uuid_b, s.importer);
        vhost_user_peer_release(s.exporter);
        assert_lookup_found(s.importer, s.exporter);
    }
    scene_end(&s);
}

static void send_part(VhostUserPeer *by, const uint8_t *bytes, size_t len)
{
    g_assert_cmpint(send(vhost_user_peer_channel(by), bytes, len, 0), ==, len);
}

static void put_lookup(uint8_t *bytes, const uint8_t *uuid)
{
    const uint32_t hdr[] = { PEER_LOOKUP, 1 | PEER_NEED_REPLY,
                             PEER_UUID_SIZE };

    memcpy(bytes, hdr, sizeof(hdr));
    memcpy(bytes + sizeof(hdr), uuid, PEER_UUID_SIZE);
}

/* A partial request does not block QEMU or other back-ends */
static void request_in_parts(void)
{
    uint8_t bytes[MESSAGE_SIZE];
    Scene s = scene_new();
    size_t cut;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    put_lookup(bytes, uuid_a);
    for (cut = 1; cut < MESSAGE_SIZE; cut++) {
        send_part(s.exporter, bytes, cut);
        scene_assert_lives(&s);
        assert_found(s.importer, uuid_a, s.exporter);
        send_part(s.exporter, bytes + cut, MESSAGE_SIZE - cut);
        assert_lookup_found(s.exporter, s.exporter);
    }
    scene_end(&s);
}

static void send_qmp(Scene *s, const char *command)
{
    qtest_qmp_send(s->qts, "{'execute': %s}", command);
}

/* A partial request of another back-end while QEMU waits for the exporter */
static void request_in_parts_while_waiting(void)
{
    uint8_t bytes[MESSAGE_SIZE];
    Scene s = scene_new();

    scene_start(&s);
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    put_lookup(bytes, uuid_b);
    vhost_user_peer_hold(s.exporter, PEER_GET_VRING_BASE);
    send_qmp(&s, "stop");
    vhost_user_peer_wait_held(s.exporter);
    send_part(s.importer, bytes, 13);
    assert_found(s.exporter, uuid_b, s.importer);
    send_part(s.importer, bytes + 13, MESSAGE_SIZE - 13);
    assert_lookup_found(s.importer, s.importer);
    vhost_user_peer_release(s.exporter);
    scene_receive_return(&s);
    scene_end(&s);
}

/*
 * The reply for which QEMU waits stops in its header or in its payload.  QEMU
 * goes on with lookups, and with their deadlines.
 */
static void reply_in_parts_while_waiting(void)
{
    static const size_t cuts[] = { 1, 11, 12, 13, 19 };
    Scene s = scene_new();
    int i;

    scene_start(&s);
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    for (i = 0; i < ARRAY_SIZE(cuts); i++) {
        vhost_user_peer_cut(s.exporter, PEER_GET_VRING_BASE, cuts[i]);
        send_qmp(&s, "stop");
        vhost_user_peer_wait_held(s.exporter);
        assert_found(s.exporter, uuid_b, s.importer);
        if (i == ARRAY_SIZE(cuts) - 1) {
            vhost_user_peer_answer(s.importer, PEER_ANSWER_NONE);
            assert_not_found(s.exporter, uuid_b);
        }
        vhost_user_peer_release(s.exporter);
        scene_receive_return(&s);
        send_qmp(&s, "cont");
        scene_receive_return(&s);
    }
    scene_end(&s);
}

/*
 * While QEMU waits for the exporter, the exporter sends requests with as many
 * descriptors as it can.  QEMU keeps one of each, and reads a limited number.
 */
static void deferred_are_bounded(void)
{
    Scene s = scene_new();
    pid_t pid = qtest_pid(s.qts);
    unsigned int before, fds;
    int ret;

    scene_start(&s);
    vhost_user_peer_hold(s.exporter, PEER_GET_VRING_BASE);
    send_qmp(&s, "stop");
    vhost_user_peer_wait_held(s.exporter);
    before = process_fds_count(pid);
    do {
        ret = vhost_user_peer_try_send_fds(s.exporter, PEER_CONFIG_CHANGE, 0,
                                           NULL, 0, PEER_MAX_FDS);
        fds = process_fds_count(pid) - before;
        /* one message is being read */
        g_assert_cmpuint(fds, <=, MAX_DEFERRED + PEER_MAX_FDS);
    } while (ret != EAGAIN || fds < MAX_DEFERRED);
    vhost_user_peer_release(s.exporter);
    scene_receive_return(&s);
    wait_until_read(s.exporter);
    g_assert_cmpuint(count_fds(&s), <=, before);
    scene_end(&s);
}

/* A reply that arrives before its request does no harm to QEMU */
static void answer_twice(void)
{
    Scene s = scene_new();
    unsigned int before;
    int i;

    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    before = count_fds(&s);
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_TWICE);
    for (i = 0; i < 10; i++) {
        assert_found(s.importer, uuid_a, s.exporter);
    }
    g_assert_cmpuint(count_fds(&s), ==, before);
    scene_end(&s);
}

/* The exporter replies to the lookup, then to QEMU's own request */
static void asked_before_qemu_waits(void)
{
    Scene s = scene_new();

    scene_start(&s);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_hold(s.exporter, PEER_GET_SHARED_OBJECT);
    send_lookup(s.importer, uuid_a);
    send_lookup(s.importer, uuid_a);
    vhost_user_peer_wait_held(s.exporter);
    send_qmp(&s, "stop");
    vhost_user_peer_release(s.exporter);
    scene_receive_return(&s);
    assert_lookup_found(s.importer, s.exporter);
    assert_lookup_found(s.importer, s.exporter);
    scene_end(&s);
}

/* The exporter replies to QEMU's own request first */
static void asked_while_qemu_waits(void)
{
    uint8_t asked[PEER_UUID_SIZE];
    Scene s = scene_new();

    scene_start(&s);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_hold(s.exporter, PEER_GET_VRING_BASE);
    send_qmp(&s, "stop");
    vhost_user_peer_wait_held(s.exporter);
    send_lookup(s.importer, uuid_a);
    wait_until_read(s.importer);
    g_assert_cmpuint(vhost_user_peer_asked(s.exporter, asked), ==, 0);
    vhost_user_peer_release(s.exporter);
    scene_receive_return(&s);
    assert_lookup_found(s.importer, s.exporter);
    scene_end(&s);
}

/* QEMU gets the reply to its own request although a lookup has no reply */
static void skipped_when_qemu_waits(void)
{
    Scene s = scene_new();

    scene_start(&s);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    vhost_user_peer_answer(s.exporter, PEER_ANSWER_NONE);
    send_lookup(s.importer, uuid_a);
    vhost_user_peer_hold(s.exporter, PEER_GET_VRING_BASE);
    send_qmp(&s, "stop");
    vhost_user_peer_wait_held(s.exporter);
    vhost_user_peer_release(s.exporter);
    scene_receive_return(&s);
    assert_lookup_failed(s.importer);
    scene_assert_lives(&s);
    scene_end(&s);
}

/* QEMU waits for A, which needs B, which needs C */
static void chain(void)
{
    static const uint8_t uuid_c[PEER_UUID_SIZE] = "an object of C's";
    VhostUserPeer *c = vhost_user_peer_new("third", true);
    g_autofree char *args = vhost_user_peer_args(c, "");
    Scene s = scene_with_args(true, args);
    VhostUserPeer *a = s.exporter, *b = s.importer;

    vhost_user_peer_wait_ready(c);
    scene_start(&s);
    g_assert_true(vhost_user_peer_add(b, uuid_b));
    g_assert_true(vhost_user_peer_add(c, uuid_c));
    vhost_user_peer_hold(a, PEER_GET_VRING_BASE);
    vhost_user_peer_hold(b, PEER_GET_SHARED_OBJECT);
    send_qmp(&s, "stop");
    vhost_user_peer_wait_held(a);
    send_lookup(a, uuid_b);
    vhost_user_peer_wait_held(b);
    assert_found(b, uuid_c, c);
    vhost_user_peer_release(b);
    assert_lookup_found(a, b);
    vhost_user_peer_release(a);
    scene_receive_return(&s);
    scene_end(&s);
    vhost_user_peer_free(c);
}

static void importer_dies(void)
{
    Scene s = busy_scene("");
    unsigned int before;

    vhost_user_peer_reconnect(s.importer);
    before = count_fds(&s);
    vhost_user_peer_release(s.exporter);
    assert_found(s.importer, uuid_a, s.exporter);
    g_assert_cmpuint(count_fds(&s), ==, before);
    scene_end(&s);
}

static void exporter_dies(void)
{
    Scene s = busy_scene("");

    vhost_user_peer_disconnect(s.exporter);
    assert_lookup_failed(s.importer);
    vhost_user_peer_release(s.exporter);
    vhost_user_peer_wait_gone(s.exporter);
    vhost_user_peer_wait_ready(s.exporter);
    g_assert_true(vhost_user_peer_add(s.exporter, uuid_a));
    assert_found(s.importer, uuid_a, s.exporter);
    scene_end(&s);
}

static void exporter_closes_channel(void)
{
    Scene s = busy_scene("");

    vhost_user_peer_close_channel(s.exporter);
    assert_lookup_failed(s.importer);
    vhost_user_peer_release(s.exporter);
    scene_assert_lives(&s);
    scene_end(&s);
}

static void send_unplug(Scene *s, const char *id)
{
    qtest_qmp_assert_success(s->qts, "{'execute': 'device_del',"
                             " 'arguments': {'id': %s}}", id);
    qtest_system_reset(s->qts);
    qtest_qmp_eventwait(s->qts, "DEVICE_DELETED");
}

static void importer_is_unplugged(void)
{
    Scene s = busy_scene("-device pci-bridge,chassis_nr=1,id=br");

    send_unplug(&s, "importer");
    vhost_user_peer_release(s.exporter);
    scene_assert_lives(&s);
    assert_found(s.exporter, uuid_a, s.exporter);
    scene_end(&s);
}

static void exporter_is_unplugged(void)
{
    Scene s = busy_scene("-device pci-bridge,chassis_nr=1,id=br");

    send_unplug(&s, "exporter");
    assert_lookup_failed(s.importer);
    vhost_user_peer_release(s.exporter);
    scene_assert_lives(&s);
    scene_end(&s);
}

/* A lookup that began before the object is removed still succeeds */
static void object_is_removed(void)
{
    Scene s = busy_scene("");

    g_assert_true(vhost_user_peer_remove(s.exporter, uuid_a));
    vhost_user_peer_release(s.exporter);
    assert_lookup_found(s.importer, s.exporter);
    assert_not_found(s.importer, uuid_a);
    scene_end(&s);
}

static void qmp(Scene *s, const char *command)
{
    qtest_qmp_assert_success(s->qts, "{'execute': %s}", command);
}

static void machine_changes(void)
{
    Scene s = busy_scene("");

    qmp(&s, "system_reset");
    qmp(&s, "stop");
    qmp(&s, "cont");
    end_busy(&s);
}

static void snapshot(void)
{
    Scene s = busy_scene("");
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("snapshot.XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    snapshot_disk_create(s.qts, path);
    snapshot_command(s.qts, "savevm then");
    snapshot_command(s.qts, "loadvm then");
    unlink(path);
    end_busy(&s);
}

static void migration(void)
{
    Scene s = busy_scene("");

    scene_send_migrate(&s);
    scene_finish_migration(&s);
    end_busy(&s);
}

#ifdef CONFIG_VHOST_NET_USER
/*
 * vhost-user-net starts the new connection before it cleans up the old one,
 * whose channel the back-end may close at any time.
 */
static void net_closes_old_channel_late(void)
{
    VhostUserPeer *net = vhost_user_peer_new("net", true);
    g_autofree char *chardev = vhost_user_peer_chardev_args(net);
    g_autofree char *args = g_strconcat(
        chardev, " -netdev vhost-user,id=net0,chardev=net-chr"
        " -device virtio-net-pci,netdev=net0,romfile=", NULL);
    Scene s = scene_with_args(true, args);
    int i, old;

    vhost_user_peer_wait_ready(net);
    g_assert_true(vhost_user_peer_add(s.importer, uuid_b));
    for (i = 0; i < 5; i++) {
        old = dup(vhost_user_peer_channel(net));
        vhost_user_peer_disconnect(net);
        vhost_user_peer_wait_gone(net);
        vhost_user_peer_wait_ready(net);
        g_assert_true(vhost_user_peer_add(net, uuid_a));
        close(old);
        scene_assert_lives(&s);
        assert_found(s.importer, uuid_a, net);
        assert_found(net, uuid_b, s.importer);
    }
    scene_end(&s);
    vhost_user_peer_free(net);
}
#endif

static void add_pending_tests(void)
{
    qtest_add_func(DIR "both-ways-at-once", both_ways_at_once);
    qtest_add_func(DIR "pending/main-loop-runs", main_loop_runs);
    qtest_add_func(DIR "pending/other-requests-go-on", other_requests_go_on);
    qtest_add_data_func(DIR "pending/answers-are-in-order",
                        GINT_TO_POINTER(false), answers_are_in_order);
    qtest_add_data_func(DIR "pending/answers-with-info-are-in-order",
                        GINT_TO_POINTER(true), answers_are_in_order);
    qtest_add_func(DIR "pending/are-bounded", pending_are_bounded);
    qtest_add_func(DIR "pending/descriptors-are-bounded",
                   descriptors_are_bounded);
    qtest_add_func(DIR "pending/object-is-removed", object_is_removed);
    qtest_add_func(DIR "pending/machine-changes", machine_changes);
    qtest_add_func(DIR "pending/migration", migration);
    qtest_add_func(DIR "deadline/late-answer", late_answer);
    qtest_add_func(DIR "gone/importer-dies", importer_dies);
    qtest_add_func(DIR "gone/importer-is-unplugged", importer_is_unplugged);
    qtest_add_func(DIR "gone/exporter-dies", exporter_dies);
    qtest_add_func(DIR "gone/exporter-is-unplugged", exporter_is_unplugged);
    qtest_add_func(DIR "gone/exporter-closes-channel",
                   exporter_closes_channel);
#ifdef CONFIG_VHOST_NET_USER
    qtest_add_func(DIR "gone/net-closes-old-channel-late",
                   net_closes_old_channel_late);
#endif
}

static void add_message_tests(void)
{
    qtest_add_func(DIR "answer/in-parts", answer_in_parts);
    qtest_add_func(DIR "answer/twice", answer_twice);
    qtest_add_func(DIR "qemu-waits/reply-in-parts",
                   reply_in_parts_while_waiting);
    qtest_add_func(DIR "request/in-parts", request_in_parts);
    qtest_add_func(DIR "qemu-waits/request-in-parts",
                   request_in_parts_while_waiting);
    qtest_add_func(DIR "qemu-waits/asked-before", asked_before_qemu_waits);
    qtest_add_func(DIR "qemu-waits/asked-meanwhile", asked_while_qemu_waits);
    qtest_add_func(DIR "qemu-waits/not-answered", skipped_when_qemu_waits);
    qtest_add_func(DIR "qemu-waits/chain", chain);
    qtest_add_func(DIR "qemu-waits/deferred-are-bounded",
                   deferred_are_bounded);
}

/*
 * A lookup without a reply ends after 5 seconds.  Of the cases that wait for
 * this deadline, add_pending_tests() has only late_answer().
 */
static void add_slow_tests(void)
{
    qtest_add_func(DIR "pending/snapshot", snapshot);
    qtest_add_func(DIR "deadline/late-answer-and-next", late_answer_and_next);
    qtest_add_func(DIR "deadline/own-object-when-busy", own_object_when_busy);
    qtest_add_func(DIR "deadline/unanswered-are-bounded",
                   unanswered_are_bounded);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_pending_tests();
    add_message_tests();
    if (g_test_slow()) {
        add_slow_tests();
    }
    return g_test_run();
}
