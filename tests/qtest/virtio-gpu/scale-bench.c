/*
 * Benchmarks of very many lookups at once, of an exporter that does not answer,
 * of the monitor's list of very many objects, and of a program that creates,
 * exports and destroys textures
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "libqtest.h"
#include "libqos/virtio-gpu-gl.h"
#include "qobject/qdict.h"
#include "virtio-export/fault.h"
#include "virtio-gpu/bench.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/many.h"

#define OBJECTS     100
#define ROUNDS      5
/* Most lookups of a back-end that may be pending */
#define MAX_PENDING 64
#define MANY        15000
/* Number of lookups, one per millisecond, while objects are listed */
#define STEADY      2000
#define GL_OBJECTS  20

static const uint8_t its_uuid[PEER_UUID_SIZE] = "of-the-back-end";

static void watch_loop(QTestState *qts)
{
    if (fault_available()) {
        fault_watch_loop(qts);
    }
}

static void print_figure(const char *name, const char *what, int64_t value)
{
    g_autofree char *text = g_strdup_printf("%s/%s", name, what);

    bench_print(text, 1, value);
}

/* The iterations of the main loop since watch_loop() */
static void print_loop(const char *name)
{
    static const char *const classes[FAULT_LOOP_CLASSES] = {
        "125us", "250us", "500us", "1ms", "2ms", "more"
    };
    FaultLoop loop;
    int i;

    if (!fault_available()) {
        return;
    }
    loop = fault_watched_loop();
    print_figure(name, "longest", loop.longest);
    print_figure(name, "longest-real", loop.longest_real);
    print_figure(name, "most-sent", loop.most_sent);
    for (i = 0; i < FAULT_LOOP_CLASSES; i++) {
        print_figure(name, classes[i], loop.iterations[i]);
    }
}

static ManyUUIDs *create(QVirtioGPU *gpu, uint32_t number)
{
    ManyUUIDs *set = many_uuids_new(number + 1);

    many_send(gpu, 1, number + 1, 1, many_fill_create, many_check_nodata, NULL);
    many_send(gpu, 1, number + 1, 1, many_fill_assign, many_check_new_uuid,
              set);
    return set;
}

static void send_lookup(VhostUserPeer *peer, const uint8_t *uuid)
{
    vhost_user_peer_send(peer, PEER_LOOKUP, PEER_NEED_REPLY, uuid,
                         PEER_UUID_SIZE);
}

/* Return: nanoseconds per lookup, if @peers back-ends look all objects up */
static int64_t look_up_at_once(const ManyUUIDs *set, unsigned int peers)
{
    int64_t start = get_clock();
    unsigned int i;
    uint32_t id;

    for (id = 1; id <= OBJECTS; id++) {
        for (i = 0; i < peers; i++) {
            send_lookup(importer_crowd(i), set->by_id[id]);
        }
    }
    for (id = 1; id <= OBJECTS; id++) {
        for (i = 0; i < peers; i++) {
            PeerReply got = vhost_user_peer_recv(importer_crowd(i),
                                                 PEER_LOOKUP);

            g_assert_cmpuint(got.num_fds, ==, 1);
            close(got.fd);
        }
    }
    return (get_clock() - start) / peers / OBJECTS;
}

static void bench_crowd(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    g_autoptr(ManyUUIDs) set = create(gpu, OBJECTS);
    int64_t one = INT64_MAX, all = INT64_MAX;
    int i;

    look_up_at_once(set, IMPORTER_CROWD);
    for (i = 0; i < ROUNDS * IMPORTER_CROWD; i++) {
        one = MIN(one, look_up_at_once(set, 1));
    }
    watch_loop(gpu->qts);
    for (i = 0; i < ROUNDS; i++) {
        all = MIN(all, look_up_at_once(set, IMPORTER_CROWD));
    }
    print_loop("crowd");
    bench_print("crowd/one", 1, one);
    bench_print("crowd/all", 1, all);
}

static void look_up_each(const ManyUUIDs *set)
{
    uint32_t id;

    for (id = 1; id <= OBJECTS; id++) {
        g_assert_true(importer_finds(importer(), set->by_id[id]));
    }
}

/*
 * Measure lookups of resources by another back-end, and commands of the guest,
 * with @pending lookups that wait for the exporter
 */
static void bench_others(QVirtioGPU *gpu, ManyUUIDs *set, unsigned int pending)
{
    bench_begin(gpu->qts);
    look_up_each(set);
    bench_end(gpu->qts, OBJECTS, "hung/lookup/%u", pending);
    bench_begin(gpu->qts);
    many_send(gpu, 1, OBJECTS + 1, 1, many_fill_assign, many_check_same_uuid,
              set);
    bench_end(gpu->qts, OBJECTS, "hung/assign-again/%u", pending);
}

static void fail_lookups(VhostUserPeer *peer)
{
    unsigned int i;

    for (i = 0; i < MAX_PENDING; i++) {
        g_assert_cmpuint(vhost_user_peer_recv(peer, PEER_LOOKUP).u64, !=, 0);
    }
}

static void start_lookups(VhostUserPeer *peer)
{
    static const uint8_t nobodys[PEER_UUID_SIZE] = { 1 };
    unsigned int i;

    for (i = 0; i < MAX_PENDING; i++) {
        send_lookup(peer, its_uuid);
    }
    /* QEMU has read all lookups when it replies to a later request */
    g_assert_false(vhost_user_peer_remove(peer, nobodys));
}

/* Return: back-end @i of those whose lookups the exporter does not answer */
static VhostUserPeer *waiting_peer(const Bench *bench, unsigned int i)
{
    return bench->live > 1 ? importer_crowd(i) : exporter();
}

static void bench_hung(void *obj, void *data, QGuestAllocator *alloc)
{
    const Bench *bench = data;
    QVirtioGPU *gpu = obj;
    g_autoptr(ManyUUIDs) set = create(gpu, OBJECTS);
    unsigned int i;

    g_assert_true(vhost_user_peer_add(exporter(), its_uuid));
    vhost_user_peer_answer(exporter(), PEER_ANSWER_NONE);
    look_up_each(set); /* the first lookup of an object costs more */
    bench_others(gpu, set, 0);
    for (i = 0; i < bench->live; i++) {
        start_lookups(waiting_peer(bench, i));
    }
    bench_others(gpu, set, bench->live * MAX_PENDING);
    watch_loop(gpu->qts);
    for (i = 0; i < bench->live; i++) {
        fail_lookups(waiting_peer(bench, i));
    }
    print_loop("hung");
}

/* Only look up, so that a tracer can count the system calls of lookups */
static void bench_lookups(void *obj, void *data, QGuestAllocator *alloc)
{
    uint32_t number = ((const Bench *)data)->live, i;
    g_autoptr(ManyUUIDs) set = create(obj, 1);

    for (i = 0; i < number; i++) {
        g_assert_true(importer_finds(importer(), set->by_id[1]));
    }
}

typedef struct Steady {
    const ManyUUIDs *set;
    gint done;
} Steady;

static gpointer look_up_steadily(gpointer opaque)
{
    Steady *s = opaque;
    int64_t start = get_clock();
    int i;

    for (i = 0; i < STEADY; i++) {
        g_assert_true(importer_finds(importer(), s->set->by_id[1 + i % 1000]));
        g_usleep(MAX(0, (start + i * SCALE_MS - get_clock()) / SCALE_US));
    }
    g_atomic_int_set(&s->done, 1);
    return NULL;
}

/* List all objects; return the number of pages */
static unsigned int list_all(QTestState *qts)
{
    g_autofree char *after = NULL;
    unsigned int pages = 0;
    QDict *page;

    do {
        page = after
            ? qtest_qmp_assert_success_ref(
                  qts, "{ 'execute': 'x-query-virtio-exports',"
                  " 'arguments': { 'after': %s } }", after)
            : qtest_qmp_assert_success_ref(
                  qts, "{ 'execute': 'x-query-virtio-exports' }");
        g_free(after);
        after = g_strdup(qdict_get_try_str(page, "next"));
        qobject_unref(page);
        pages++;
    } while (after);
    return pages;
}

static void bench_list(void *obj, void *data, QGuestAllocator *alloc)
{
    uint32_t live = ((const Bench *)data)->live;
    QVirtioGPU *gpu = obj;
    g_autoptr(ManyUUIDs) set = create(gpu, live);
    Steady steady = { .set = set };
    unsigned int pages;
    GThread *thread;

    bench_begin(gpu->qts);
    pages = list_all(gpu->qts);
    bench_end(gpu->qts, pages, "list/page/%u", live);
    if (!fault_available()) {
        return;
    }
    watch_loop(gpu->qts);
    thread = g_thread_new("lookups", look_up_steadily, &steady);
    while (!g_atomic_int_get(&steady.done)) {
        list_all(gpu->qts);
    }
    g_thread_join(thread);
    print_loop("list");
}

/*
 * What a guest sends if a program creates, exports and destroys textures.
 * Linux sends "assign" for an export only if it has negotiated the feature.
 */
static void bench_gl_loop(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .width = 64, .height = 64,
    };
    uuid_t uuids[GL_OBJECTS];

    /* the first command starts virglrenderer */
    qvirtio_gpu_create_3d(&res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    bench_begin(gpu->qts);
    for (res.id = 1; res.id <= GL_OBJECTS; res.id++) {
        qvirtio_gpu_create_3d(&res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
    }
    bench_end(gpu->qts, GL_OBJECTS, "gl/create");
    if (gpu->vdev->features & RESOURCE_UUID_FEATURE) {
        bench_begin(gpu->qts);
        for (res.id = 1; res.id <= GL_OBJECTS; res.id++) {
            assign_uuid({ .gpu = gpu, .id = res.id,
                          .uuid = uuids[res.id - 1] });
        }
        bench_end(gpu->qts, GL_OBJECTS, "gl/assign");
    }
    bench_begin(gpu->qts);
    for (res.id = 1; res.id <= GL_OBJECTS; res.id++) {
        qvirtio_gpu_unref({ .gpu = gpu, .id = res.id });
    }
    bench_end(gpu->qts, GL_OBJECTS, "gl/unref");
}

static void *many_before(GString *cmd_line, void *arg)
{
    many_raise_limit(MANY);
    return arg;
}

static void *many_and_crowd(GString *cmd_line, void *arg)
{
    return importer_crowd_before(cmd_line, many_before(cmd_line, arg));
}

static void *many_and_import(GString *cmd_line, void *arg)
{
    return importer_before(cmd_line, many_before(cmd_line, arg));
}

static void register_scale_bench(void)
{
    static const Bench crowd[] = {
        { "crowd", bench_crowd },
        { "hung/100", bench_hung, IMPORTER_CROWD },
        { }
    };
    static const Bench few[] = {
        { "hung/1", bench_hung, 1 },
        { "lookups", bench_lookups, 1000 },
        { }
    };
    static const Bench list[] = {
        { "list/1000", bench_list, 1000 },
        { "list/15000", bench_list, MANY },
        { }
    };

    static const Bench gl[] = {
        { "gl-loop", bench_gl_loop },
        { }
    };

    add_gl_benches(gl, false);
    add_gl_benches(gl, true);
    add_benches(crowd, true, many_and_crowd);
    add_benches(few, true, importer_exporter_before);
    add_benches(list, true, many_and_import);
}

libqos_init(register_scale_bench);
