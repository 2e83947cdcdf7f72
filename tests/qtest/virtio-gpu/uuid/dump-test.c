/*
 * QTest testcases for writing exported images to files
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-screen.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/importer.h"

#include <png.h>

#define WIDTH   61
#define HEIGHT  43
#define BYTES   (WIDTH * HEIGHT * QVIRTIO_GPU_BYTES_PER_PIXEL)

static const uint8_t its_uuid[PEER_UUID_SIZE] = "of-the-back-end";

/* An output file, which may not exist yet */
typedef struct Output {
    char *dir;
    char *name;
} Output;

static Output output_new(void)
{
    Output output = { .dir = g_dir_make_tmp("virtio-export-XXXXXX", NULL) };

    g_assert_nonnull(output.dir);
    output.name = g_build_filename(output.dir, "image.png", NULL);
    return output;
}

static void output_free(Output *output)
{
    unlink(output->name);
    g_assert_cmpint(rmdir(output->dir), ==, 0);
    g_free(output->dir);
    g_free(output->name);
}

static char *uuid_text(const uint8_t *uuid)
{
    char *text = g_malloc(UUID_STR_LEN);

    uuid_unparse_lower(uuid, text);
    return text;
}

static void send_dump(QTestState *qts, const uint8_t *uuid,
                      const char *filename)
{
    g_autofree char *text = uuid_text(uuid);

    qtest_qmp_send(qts, "{ 'execute': 'x-virtio-export-dump',"
                   "  'arguments': { 'uuid': %s, 'filename': %s } }",
                   text, filename);
}

static void dump(QTestState *qts, const uint8_t *uuid, const char *filename)
{
    QDict *answer;

    send_dump(qts, uuid, filename);
    answer = qtest_qmp_receive(qts);
    g_assert_true(qdict_haskey(answer, "return"));
    qobject_unref(answer);
}

/* The reply to send_dump() is an error whose text ends with @expected */
static void receive_error(QTestState *qts, const char *expected)
{
    QDict *answer = qtest_qmp_receive(qts);
    const char *desc;

    g_assert_true(qdict_haskey(answer, "error"));
    desc = qdict_get_str(qdict_get_qdict(answer, "error"), "desc");
    g_test_message("%s", desc);
    g_assert_true(g_str_has_suffix(desc, expected));
    qobject_unref(answer);
}

/* The dump fails, writes nothing, and leaks no descriptor */
static void assert_rejected(QTestState *qts, const uint8_t *uuid,
                            const char *expected)
{
    unsigned int before = process_fds_count(qtest_pid(qts));
    Output output = output_new();

    send_dump(qts, uuid, output.name);
    receive_error(qts, expected);
    g_assert_cmpint(access(output.name, F_OK), ==, -1);
    g_assert_cmpuint(process_fds_count(qtest_pid(qts)), ==, before);
    output_free(&output);
}

/* Byte positions of the colours in a pixel of each format */
static const struct {
    uint32_t format;
    uint8_t r, g, b;
} formats[] = {
    { VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 2, 1, 0 },
    { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 2, 1, 0 },
    { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, 1, 2, 3 },
    { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, 1, 2, 3 },
    { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, 0, 1, 2 },
    { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, 3, 2, 1 },
    { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, 3, 2, 1 },
    { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, 0, 1, 2 },
};

/* Fill a resource with random pixels */
static void draw_noise(QVirtioGPU *gpu, uint32_t format, uint8_t *pixels,
                       uint8_t *uuid)
{
    QVirtioGPUResourceOpt res = {
        .gpu = gpu, .id = 1, .format = format,
        .width = WIDTH, .height = HEIGHT,
        .backing = guest_alloc(gpu->alloc, BYTES), .backing_len = BYTES,
    };

    for (size_t i = 0; i < BYTES; i++) {
        pixels[i] = g_test_rand_int_range(0, 256);
    }
    qtest_memwrite(gpu->qts, res.backing, pixels, BYTES);
    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    do_qvirtio_gpu_transfer(res);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    guest_free(gpu->alloc, res.backing);
}

/* Return: the pixels of a file, to be freed by the caller */
static uint8_t *read_png(const char *name)
{
    png_image image = { .version = PNG_IMAGE_VERSION };
    uint8_t *rgb;

    g_assert_true(png_image_begin_read_from_file(&image, name));
    g_assert_cmpuint(image.width, ==, WIDTH);
    g_assert_cmpuint(image.height, ==, HEIGHT);
    g_assert_cmpuint(image.format, ==, PNG_FORMAT_RGB);
    rgb = g_malloc(PNG_IMAGE_SIZE(image));
    g_assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    return rgb;
}

static void assert_png(const char *name, const uint8_t *pixels, size_t format)
{
    g_autofree uint8_t *rgb = read_png(name);

    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        const uint8_t *pixel = &pixels[i * QVIRTIO_GPU_BYTES_PER_PIXEL];

        g_assert_cmphex(rgb[3 * i], ==, pixel[formats[format].r]);
        g_assert_cmphex(rgb[3 * i + 1], ==, pixel[formats[format].g]);
        g_assert_cmphex(rgb[3 * i + 2], ==, pixel[formats[format].b]);
    }
}

static void every_format(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    Output output = output_new();
    uint8_t pixels[BYTES];
    unsigned int before;
    uuid_t uuid;

    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        draw_noise(gpu, formats[i].format, pixels, uuid);
        before = process_fds_count(qtest_pid(gpu->qts));
        dump(gpu->qts, uuid, output.name);
        g_assert_cmpuint(process_fds_count(qtest_pid(gpu->qts)), ==, before);
        assert_png(output.name, pixels, i);
        qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    }
    output_free(&output);
}

static void into_a_set_of_descriptors(void *obj, void *data,
                                      QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    Output output = output_new();
    int fd = creat(output.name, 0600);
    uint8_t pixels[BYTES];
    uuid_t uuid;

    g_assert_cmpint(fd, >=, 0);
    draw_noise(gpu, formats[1].format, pixels, uuid);
    qobject_unref(qtest_qmp_fds_assert_success_ref(
        gpu->qts, &fd, 1, "{ 'execute': 'add-fd',"
        "  'arguments': { 'fdset-id': 1 } }"));
    close(fd);
    dump(gpu->qts, uuid, "/dev/fdset/1");
    assert_png(output.name, pixels, 1);
    dump(gpu->qts, uuid, "/dev/fdset/1");
    assert_png(output.name, pixels, 1);
    qtest_qmp_assert_success(gpu->qts, "{ 'execute': 'remove-fd',"
                             "  'arguments': { 'fdset-id': 1 } }");
    output_free(&output);
}

static void onto_a_full_disk(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    Output output = output_new();
    uint8_t pixels[BYTES];
    uuid_t uuid;

    g_assert_cmpint(symlink("/dev/full", output.name), ==, 0);
    draw_noise(gpu, formats[1].format, pixels, uuid);
    send_dump(gpu->qts, uuid, output.name);
    receive_error(gpu->qts, ": No space left on device");
    g_assert_cmpint(access(output.name, F_OK), ==, 0);
    output_free(&output);
}

/* A pipe without a reader: opening it like a regular file would block */
static void into_a_pipe(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    Output output = output_new();
    uint8_t pixels[BYTES];
    uuid_t uuid;

    g_assert_cmpint(mkfifo(output.name, 0600), ==, 0);
    draw_noise(gpu, formats[1].format, pixels, uuid);
    send_dump(gpu->qts, uuid, output.name);
    receive_error(gpu->qts, " is neither a file nor a device");
    output_free(&output);
}

static void after_unref_and_reset(void *obj, void *data,
                                  QGuestAllocator *alloc)
{
    static const char no_object[] = "no device exports an object with UUID ";
    QVirtioGPU *gpu = obj;
    uint8_t pixels[BYTES];
    uuid_t uuids[2];

    draw_noise(gpu, formats[1].format, pixels, uuids[0]);
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    draw_noise(gpu, formats[1].format, pixels, uuids[1]);
    qvirtio_gpu_start(gpu, 0);
    for (size_t i = 0; i < ARRAY_SIZE(uuids); i++) {
        g_autofree char *text = uuid_text(uuids[i]);
        g_autofree char *expected = g_strconcat(no_object, text, NULL);

        assert_rejected(gpu->qts, uuids[i], expected);
    }
}

/* Too wide for QEMU's PNG writer, and cheap for a guest to create */
static void too_wide(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uuid_t uuid;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1, .width = 2000000 });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    assert_rejected(gpu->qts, uuid, "its image of 2000000x1 pixels is larger "
                    "than 32767x32767");
}

static void of_a_back_end(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    VhostUserPeer *peer = importer();
    uint8_t asked[PEER_UUID_SIZE];

    g_assert_true(vhost_user_peer_add(peer, its_uuid));
    assert_rejected(gpu->qts, its_uuid, "the size, format or layout of its "
                    "image is not known");
    g_assert_cmpuint(vhost_user_peer_asked(peer, asked), ==, 1);
    g_assert_cmpmem(asked, PEER_UUID_SIZE, its_uuid, PEER_UUID_SIZE);
    vhost_user_peer_answer(peer, PEER_ANSWER_NO_FD);
    assert_rejected(gpu->qts, its_uuid,
                    "its back-end did not return exactly one file descriptor");
}

/* QEMU reads the image that a back-end describes, if the memory contains it */
static void described_by_a_back_end(void *obj, void *data,
                                    QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    VhostUserPeer *peer = importer();
    Output output = output_new();
    PeerInfo info = {
        .size = 4096, .width = 30, .height = 16,
        .fourcc = DRM_FORMAT_XRGB8888, .num_planes = 1, .strides = { 128 },
        .offsets = { 2048 },
    };

    g_assert_true(vhost_user_peer_add(peer, its_uuid));
    vhost_user_peer_describe(peer, &info, sizeof(info));
    dump(gpu->qts, its_uuid, output.name);
    info.size = 1 << 20;
    info.height = 17;
    vhost_user_peer_describe(peer, &info, sizeof(info));
    assert_rejected(gpu->qts, its_uuid, "its memory ends within the image");
    output_free(&output);
}

/* Return: number of objects in the reply to a query */
static size_t receive_count(QTestState *qts)
{
    QDict *answer = qtest_qmp_receive(qts);
    size_t count = qlist_size(qdict_get_qlist(qdict_get_qdict(answer, "return"),
                                              "exports"));

    qobject_unref(answer);
    return count;
}

static void send_query(QTestState *qts)
{
    qtest_qmp_send(qts, "{ 'execute': 'x-query-virtio-exports' }");
}

/* The monitor lists objects while QEMU waits for the back-end */
static void query_while_a_back_end_is_busy(void *obj, void *data,
                                           QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    VhostUserPeer *peer = importer();
    uint8_t pixels[BYTES];
    uuid_t uuid;

    draw_noise(gpu, formats[1].format, pixels, uuid);
    g_assert_true(vhost_user_peer_add(peer, its_uuid));
    vhost_user_peer_hold(peer, PEER_GET_SHARED_OBJECT);
    send_dump(gpu->qts, its_uuid, "/nowhere");
    vhost_user_peer_wait_held(peer);
    send_query(gpu->qts);
    vhost_user_peer_release(peer);
    receive_error(gpu->qts, "the size, format or layout of its image is not "
                  "known");
    g_assert_cmpuint(receive_count(gpu->qts), ==, 2);
}

static void query_while_a_back_end_dies(void *obj, void *data,
                                        QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    VhostUserPeer *peer = importer();
    uint8_t pixels[BYTES];
    uuid_t uuid;

    draw_noise(gpu, formats[1].format, pixels, uuid);
    vhost_user_peer_answer(peer, PEER_ANSWER_CLOSE);
    for (int i = 0; i < 5; i++) {
        vhost_user_peer_wait_ready(peer);
        g_assert_true(vhost_user_peer_add(peer, its_uuid));
        vhost_user_peer_hold(peer, PEER_GET_SHARED_OBJECT);
        send_dump(gpu->qts, its_uuid, "/nowhere");
        vhost_user_peer_wait_held(peer);
        send_query(gpu->qts);
        vhost_user_peer_release(peer);
        receive_error(gpu->qts, "");
        g_assert_cmpuint(receive_count(gpu->qts) - 1, <=, 1);
        vhost_user_peer_wait_gone(peer);
        send_query(gpu->qts);
        g_assert_cmpuint(receive_count(gpu->qts), ==, 1);
    }
}

/* A dump waits for the back-end */
static void qemu_quits(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    VhostUserPeer *peer = importer();

    g_assert_true(vhost_user_peer_add(peer, its_uuid));
    vhost_user_peer_hold(peer, PEER_GET_SHARED_OBJECT);
    send_dump(gpu->qts, its_uuid, "/nowhere");
    vhost_user_peer_wait_held(peer);
    qtest_qmp_send(gpu->qts, "{ 'execute': 'quit' }");
    qtest_wait_qemu(gpu->qts);
    vhost_user_peer_release(peer);
    qos_invalidate_command_line();
}

static void query_beside_a_reset(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *qts = gpu->qts;

    for (int i = 0; i < 5; i++) {
        for (uint32_t id = 1; id <= 3; id++) {
            qvirtio_gpu_create_2d({ .gpu = gpu, .id = id });
            assign_uuid({ .gpu = gpu, .id = id });
        }
        qtest_qmp_send(qts, "{ 'execute': 'system_reset' }");
        send_query(qts);
        qobject_unref(qtest_qmp_receive(qts));
        g_assert_cmpuint(receive_count(qts) % 3, ==, 0);
        qtest_qmp_eventwait(qts, "RESET");
        send_query(qts);
        g_assert_cmpuint(receive_count(qts), ==, 0);
        qvirtio_gpu_power_on(gpu);
        qvirtio_gpu_start(gpu, 0);
    }
}

static void register_dump_test(void)
{
    static const UUIDTest tests[] = {
        { "dump/every-format", every_format },
        { "dump/after-unref-and-reset", after_unref_and_reset },
        { }
    };
    static const UUIDTest pci_tests[] = {
        { "dump/into-a-set-of-descriptors", into_a_set_of_descriptors },
        { "dump/onto-a-full-disk", onto_a_full_disk },
        { "dump/into-a-pipe", into_a_pipe },
        { "dump/too-wide", too_wide },
        { "dump/of-a-back-end", of_a_back_end },
        { "dump/qemu-quits", qemu_quits },
        { "query-exports/while-a-back-end-is-busy",
          query_while_a_back_end_is_busy },
        { "query-exports/while-a-back-end-dies", query_while_a_back_end_dies },
        { "query-exports/beside-a-reset", query_beside_a_reset },
        { }
    };
    static const UUIDTest info_tests[] = {
        { "dump/described-by-a-back-end", described_by_a_back_end },
        { }
    };

    add_uuid_tests(tests, NULL);
    if (g_test_slow()) {
        add_uuid_pci_tests(pci_tests, importer_before);
        add_uuid_pci_tests(info_tests, importer_info_before);
    }
}

libqos_init(register_dump_test);
