/*
 * Benchmarks of virtio-gpu's commands and of its migration, by the number of
 * resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/bench.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/many.h"
#include "virtio-gpu/helpers/migration.h"

/*
 * Number of the oldest and of the newest resources that are measured; so few
 * that a hash table of 1000 entries does not grow meanwhile
 */
#define AT_ONE_END      15
/* The maximum number of resources */
#define MANY_RESOURCES  15000
/* Requests per kick: as many as the smallest number of resources allows */
#define AT_ONCE         5
/* The smallest scanout */
#define SCREEN_SIDE     16
#define SCREEN_BYTES    (SCREEN_SIDE * SCREEN_SIDE * \
                         QVIRTIO_GPU_BYTES_PER_PIXEL)

typedef struct End {
    const char *name;
    uint32_t first;
    uint32_t end;
} End;

static void ends_of(uint32_t live, End *ends)
{
    uint32_t n = MIN(live / 2, AT_ONE_END);

    ends[0] = (End) { "oldest", 1, n + 1 };
    ends[1] = (End) { "newest", live - n + 1, live + 1 };
}

static void note_uuid(const QVirtioGPURequest *r, uint32_t id, void *opaque)
{
    const struct virtio_gpu_resp_resource_uuid *resp = r->resp;
    uuid_t *by_id = opaque;

    assert_uuid_response(r, resp);
    memcpy(by_id[id], resp->uuid, sizeof(uuid_t));
}

/* A command that is only a header, with one kick */
static void bench_bare(QVirtioGPU *gpu, const char *name, uint32_t live,
                       uint32_t type, uint32_t expect)
{
    struct virtio_gpu_ctrl_hdr hdr = qvirtio_gpu_hdr(type);
    struct virtio_gpu_resp_display_info resps[AT_ONCE];
    QVirtioGPURequest rs[AT_ONCE];
    int i;

    for (i = 0; i < AT_ONCE; i++) {
        rs[i] = (QVirtioGPURequest) QVIRTIO_GPU_REQUEST(hdr, resps[i]);
    }
    bench_begin(gpu->qts);
    qvirtio_gpu_submit(gpu, rs, AT_ONCE);
    bench_end(gpu->qts, AT_ONCE, "%s/%u", name, live);
    for (i = 0; i < AT_ONCE; i++) {
        qvirtio_gpu_assert_hdr(&resps[i].hdr, expect);
    }
}

static void bench_end_of_list(QVirtioGPU *gpu, const char *name, uint32_t live,
                              const End *end, ManyFillFunc *fill,
                              ManyCheckFunc *check, void *opaque)
{
    uint32_t id;

    bench_begin(gpu->qts);
    for (id = end->first; id < end->end; id += AT_ONCE) {
        many_send(gpu, id, id + AT_ONCE, 1, fill, check, opaque);
    }
    bench_end(gpu->qts, end->end - end->first, "%s/%s/%u", name, end->name,
              live);
}

static void bench_drawing(QVirtioGPU *gpu, uint32_t live, const End *end,
                          uint64_t backing)
{
    static const struct {
        const char *name;
        void (*func)(QVirtioGPUResourceOpt opt);
    } commands[] = {
        { "attach-backing", do_qvirtio_gpu_attach_backing },
        { "transfer", do_qvirtio_gpu_transfer },
        { "flush", do_qvirtio_gpu_flush },
        { "detach-backing", do_qvirtio_gpu_detach_backing },
    };
    QVirtioGPUResourceOpt opt = {
        .gpu = gpu, .one_entry = true, .backing = backing,
        .backing_len = QVIRTIO_GPU_BYTES_PER_PIXEL,
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(commands); i++) {
        bench_begin(gpu->qts);
        for (opt.id = end->first; opt.id < end->end; opt.id++) {
            commands[i].func(opt);
        }
        bench_end(gpu->qts, end->end - end->first, "%s/%s/%u",
                  commands[i].name, end->name, live);
    }
}

static void bench_screen(QVirtioGPU *gpu, uint32_t live, uint64_t backing)
{
    QVirtioGPUResourceOpt opt = {
        .gpu = gpu, .id = live + 1, .one_entry = true,
        .width = SCREEN_SIDE, .height = SCREEN_SIDE,
        .backing = backing, .backing_len = SCREEN_BYTES,
    };
    int i;

    do_qvirtio_gpu_create_2d(opt);
    do_qvirtio_gpu_attach_backing(opt);
    bench_begin(gpu->qts);
    for (i = 0; i < AT_ONCE; i++) {
        do_qvirtio_gpu_set_scanout(opt);
    }
    bench_end(gpu->qts, AT_ONCE, "set-scanout/%u", live);
    do_qvirtio_gpu_unref(opt);
}

static void bench_uuids(QVirtioGPU *gpu, uint32_t live, const End *end,
                        uuid_t *by_id)
{
    VhostUserPeer *peer = importer();
    uint32_t id;

    bench_end_of_list(gpu, "assign", live, end, many_fill_assign, note_uuid,
                      by_id);
    bench_end_of_list(gpu, "assign-again", live, end, many_fill_assign,
                      note_uuid, by_id);
    bench_begin(gpu->qts);
    for (id = end->first; id < end->end; id++) {
        g_assert_true(importer_finds(peer, by_id[id]));
    }
    bench_end(gpu->qts, end->end - end->first, "lookup/%s/%u", end->name,
              live);
}

static void bench_commands(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint32_t live = ((const Bench *)data)->live;
    g_autofree uuid_t *by_id = g_new0(uuid_t, live + 1);
    uint64_t backing = guest_alloc(alloc, SCREEN_BYTES);
    End ends[2];
    int i;

    ends_of(live, ends);
    bench_begin(gpu->qts);
    many_send(gpu, 1, live + 1, 1, many_fill_create, many_check_nodata, NULL);
    bench_end(gpu->qts, live, "create/%u", live);
    bench_bare(gpu, "unknown", live, QVIRTIO_GPU_UNKNOWN_COMMAND,
               VIRTIO_GPU_RESP_ERR_UNSPEC);
    bench_bare(gpu, "display-info", live, VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
               VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    bench_screen(gpu, live, backing);
    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        bench_drawing(gpu, live, &ends[i], backing);
    }
    if (gpu->vdev->features & RESOURCE_UUID_FEATURE) {
        many_send(gpu, ends[0].end, ends[1].first, 1, many_fill_assign,
                  note_uuid, by_id);
        for (i = 0; i < ARRAY_SIZE(ends); i++) {
            bench_uuids(gpu, live, &ends[i], by_id);
        }
    }
    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        bench_end_of_list(gpu, "unref", live, &ends[i], many_fill_unref,
                          many_check_nodata, NULL);
    }
    guest_free(alloc, backing);
}

static void bench_save(QTestState *qts, const char *name, uint32_t live)
{
    g_autofree char *size = g_strdup_printf("bytes/%s/%u", name, live);
    GByteArray *state;

    bench_begin(qts);
    state = save_devices(qts);
    bench_end(qts, live, "save/%s/%u", name, live);
    bench_print(size, live, state->len);
    g_byte_array_unref(state);
}

static void bench_migration(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint32_t live = ((const Bench *)data)->live;
    g_autofree uuid_t *by_id = g_new0(uuid_t, live + 1);
    GByteArray *stream;
    QTestState *to;

    many_send(gpu, 1, live + 1, 1, many_fill_create, many_check_nodata, NULL);
    bench_save(gpu->qts, "without", live);
    many_send(gpu, 1, live + 1, 1, many_fill_assign, note_uuid, by_id);
    bench_save(gpu->qts, "with", live);

    stream = save_stream(gpu->qts);
    to = start_destination();
    bench_begin(to);
    g_assert_true(load_stream(to, stream));
    bench_end(to, live, "load/with/%u", live);
    qtest_quit(to);
    g_byte_array_unref(stream);
    qos_invalidate_command_line();
}

/* For a heap profiler, which reports when QEMU exits */
static void leave_alive(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint32_t live = ((const Bench *)data)->live;
    g_autofree uuid_t *by_id = g_new0(uuid_t, live + 1);

    many_send(gpu, 1, live + 1, 1, many_fill_create, many_check_nodata, NULL);
    if (gpu->vdev->features & RESOURCE_UUID_FEATURE) {
        many_send(gpu, 1, live + 1, 1, many_fill_assign, note_uuid, by_id);
    }
}

static void *many_before(GString *cmd_line, void *arg)
{
    many_raise_limit(MANY_RESOURCES);
    return arg;
}

static void *many_and_import(GString *cmd_line, void *arg)
{
    return importer_before(cmd_line, many_before(cmd_line, arg));
}

static void register_cost_bench(void)
{
    static const Bench commands[] = {
        { "commands/10", bench_commands, 10 },
        { "commands/1000", bench_commands, 1000 },
        { "commands/15000", bench_commands, MANY_RESOURCES },
        { }
    };
    static const Bench migration[] = {
        { "migration/1000", bench_migration, 1000 },
        { "migration/15000", bench_migration, MANY_RESOURCES },
        { }
    };
    static const Bench alive[] = {
        { "alive/15000", leave_alive, MANY_RESOURCES },
        { }
    };

    add_benches(commands, false, many_before);
    add_benches(commands, true, many_and_import);
    add_benches(migration, true, many_before);
    add_benches(alive, false, many_before);
    add_benches(alive, true, many_before);
}

libqos_init(register_cost_bench);
