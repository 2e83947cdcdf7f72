/*
 * QTest testcases for the memory behind the UUIDs of a virtio-gpu with GL
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-gl.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/importer.h"

#define SECOND_GPU_SLOT 5
#define WIDTH   33
#define HEIGHT  17
#define PIXELS  (WIDTH * HEIGHT)
#define BYTES   (PIXELS * QVIRTIO_GPU_BYTES_PER_PIXEL)

/* The reason for all textures if EGL lacks the extensions to export them */
#define NO_EXPORT   "the display's GL cannot export textures"

/* A texture as an importer in another process sees it */
typedef struct Mapped {
    uint8_t *memory;
    size_t size;
    PeerInfo info;
} Mapped;

static QVirtioGPUResourceOpt new_resource(QVirtioGPU *gpu, uint32_t format)
{
    return (QVirtioGPUResourceOpt) {
        .gpu = gpu, .id = 1, .format = format,
        .width = WIDTH, .height = HEIGHT,
        .backing = guest_alloc(gpu->alloc, BYTES), .backing_len = BYTES,
    };
}

static Mapped map_texture(const uint8_t *uuid)
{
    Mapped m;

    m.memory = importer_map_info(importer(), uuid, &m.size, &m.info);
    g_assert_cmpuint(m.info.kind, ==, 2);
    g_assert_cmpuint(m.info.width, ==, WIDTH);
    g_assert_cmpuint(m.info.height, ==, HEIGHT);
    g_assert_cmphex(m.info.modifier, ==, DRM_FORMAT_MOD_LINEAR);
    /* the renderer pads the rows: the stride cannot be guessed */
    g_assert_cmpuint(m.info.strides[0], >,
                     WIDTH * QVIRTIO_GPU_BYTES_PER_PIXEL);
    g_assert_cmpint(importer_traced_bottom_up(uuid), ==, m.info.flags);
    return m;
}

/* Byte positions of red, green, blue and alpha in a pixel */
typedef struct Layout {
    uint32_t fourcc;
    uint8_t at[4];
    bool alpha;
} Layout;

static const Layout *layout(uint32_t fourcc)
{
    static const Layout layouts[] = {
        { DRM_FORMAT_ARGB8888, { 2, 1, 0, 3 }, true },
        { DRM_FORMAT_XRGB8888, { 2, 1, 0, 3 } },
        { DRM_FORMAT_ABGR8888, { 0, 1, 2, 3 }, true },
        { DRM_FORMAT_XBGR8888, { 0, 1, 2, 3 } },
    };

    for (int i = 0; i < ARRAY_SIZE(layouts); i++) {
        if (layouts[i].fourcc == fourcc) {
            return &layouts[i];
        }
    }
    g_test_message("fourcc 0x%08x", fourcc);
    g_assert_not_reached();
}

/* Compare the colours, whatever the byte order */
static void assert_pixels(const Mapped *m, const uint8_t *pixels,
                          uint32_t fourcc)
{
    const Layout *ours = layout(m->info.fourcc), *theirs = layout(fourcc);
    int channels = ours->alpha && theirs->alpha ? 4 : 3;

    for (int i = 0; i < PIXELS; i++) {
        int row = m->info.flags ? HEIGHT - 1 - i / WIDTH : i / WIDTH;
        const uint8_t *pixel = m->memory + m->info.offsets[0] +
                               row * m->info.strides[0] + i % WIDTH * 4;

        for (int c = 0; c < channels; c++) {
            g_assert_cmphex(pixel[ours->at[c]], ==,
                            pixels[i * 4 + theirs->at[c]]);
        }
    }
}

static void draw(const QVirtioGPUResourceOpt *res, uint8_t *pixels)
{
    for (int i = 0; i < BYTES; i++) {
        pixels[i] = g_test_rand_int_range(0, 256);
    }
    qtest_memwrite(res->gpu->qts, res->backing, pixels, BYTES);
    do_qvirtio_gpu_transfer(*res);
}

/* A texture made by CREATE_2D with a UUID */
static Mapped new_mapped_2d(QVirtioGPUResourceOpt *res, uint8_t *pixels,
                            uint8_t *uuid)
{
    do_qvirtio_gpu_create_2d(*res);
    do_qvirtio_gpu_attach_backing(*res);
    draw(res, pixels);
    assign_uuid({ .gpu = res->gpu, .id = res->id, .uuid = uuid });
    return map_texture(uuid);
}

/* The importer sees later drawing, and the guest sees the importer's writes */
static void texture_is_the_memory(void *obj, void *data,
                                  QGuestAllocator *alloc)
{
    QVirtioGPUResourceOpt res =
        new_resource(obj, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
    uint8_t pixels[BYTES], backing[BYTES];
    uuid_t uuid;
    Mapped m = new_mapped_2d(&res, pixels, uuid);

    assert_pixels(&m, pixels, DRM_FORMAT_XRGB8888);
    draw(&res, pixels);
    assert_pixels(&m, pixels, DRM_FORMAT_XRGB8888);

    memset(m.memory + m.info.offsets[0], 0x5a, m.info.strides[0] * HEIGHT);
    qvirtio_gpu_transfer_back(&res);
    qtest_memread(res.gpu->qts, res.backing, backing, BYTES);
    assert_pixels(&m, backing, DRM_FORMAT_XRGB8888);
    munmap(m.memory, m.size);
}

static void texture_formats(void *obj, void *data, QGuestAllocator *alloc)
{
    static const uint32_t formats[][2] = {
        { VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, DRM_FORMAT_ARGB8888 },
        { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, DRM_FORMAT_XRGB8888 },
        { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, DRM_FORMAT_ABGR8888 },
        { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, DRM_FORMAT_XBGR8888 },
    };
    uint8_t pixels[BYTES];
    uuid_t uuid;

    for (int i = 0; i < ARRAY_SIZE(formats); i++) {
        QVirtioGPUResourceOpt res = new_resource(obj, formats[i][0]);
        Mapped m = new_mapped_2d(&res, pixels, uuid);

        assert_pixels(&m, pixels, formats[i][1]);
        munmap(m.memory, m.size);
        do_qvirtio_gpu_unref(res);
        guest_free(alloc, res.backing);
    }
}

static void texture_outlives(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUResourceOpt res =
        new_resource(obj, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
    uint8_t pixels[BYTES], others[BYTES];
    uuid_t uuid, other;
    Mapped m = new_mapped_2d(&res, pixels, uuid);
    Mapped later;

    do_qvirtio_gpu_unref(res);
    g_assert_false(importer_finds(importer(), uuid));
    later = new_mapped_2d(&res, others, other);
    assert_pixels(&m, pixels, DRM_FORMAT_XRGB8888);
    assert_pixels(&later, others, DRM_FORMAT_XRGB8888);

    /* with a small scanout, the reset draws only a small screen */
    do_qvirtio_gpu_set_scanout(res);
    qvirtio_gpu_start(res.gpu, 0);
    g_assert_false(importer_finds(importer(), other));
    do_qvirtio_gpu_create_2d(res);
    assert_pixels(&m, pixels, DRM_FORMAT_XRGB8888);
    assert_pixels(&later, others, DRM_FORMAT_XRGB8888);
    munmap(m.memory, m.size);
    munmap(later.memory, later.size);
}

static void assert_colour(const Mapped *m, const uint8_t *rgb)
{
    uint8_t pixels[BYTES];

    for (int i = 0; i < BYTES; i++) {
        pixels[i] = i % 4 < 3 ? rgb[i % 4] : 0xff;
    }
    assert_pixels(m, pixels, DRM_FORMAT_XBGR8888);
}

static void texture_rendered(void *obj, void *data, QGuestAllocator *alloc)
{
    static const float orange[] = { 1.0, 0.6, 0.2, 1.0 };
    static const float blue[] = { 0.0, 0.2, 1.0, 1.0 };
    QVirtioGPUResourceOpt res =
        new_resource(obj, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
    uuid_t uuid;
    Mapped m;

    qvirtio_gpu_create_3d(&res, QVIRTIO_GPU_PIPE_TEXTURE_2D);
    do_qvirtio_gpu_attach_backing(res);
    assign_uuid({ .gpu = res.gpu, .id = res.id, .uuid = uuid });
    m = map_texture(uuid);

    qvirtio_gpu_create_context(res.gpu, 1);
    qvirtio_gpu_render_colour(&res, 1, orange);
    qvirtio_gpu_transfer_back(&res); /* the transfer waits for GL to finish */
    assert_colour(&m, (uint8_t[]) { 255, 153, 51 });

    qvirtio_gpu_destroy_context(res.gpu, 1);
    assert_colour(&m, (uint8_t[]) { 255, 153, 51 });
    g_assert_true(importer_finds(importer(), uuid));

    qvirtio_gpu_create_context(res.gpu, 2);
    qvirtio_gpu_render_colour(&res, 2, blue);
    qvirtio_gpu_transfer_back(&res);
    assert_colour(&m, (uint8_t[]) { 0, 51, 255 });
    munmap(m.memory, m.size);
}

/* Return: why the only object cannot be looked up; NULL if not known */
static char *unavailable_reason(QTestState *qts)
{
    QDict *answer = qtest_qmp_assert_success_ref(
        qts, "{ 'execute': 'x-query-virtio-exports' }");
    QList *exports = qdict_get_qlist(answer, "exports");
    QDict *export = qobject_to(QDict, qlist_peek(exports));
    char *reason;

    g_assert_cmpuint(qlist_size(exports), ==, 1);
    reason = g_strdup(qdict_get_try_str(export, "unavailable-reason"));
    qobject_unref(answer);
    return reason;
}

static void assert_unavailable(QTestState *qts, const char *reason)
{
    g_autofree char *told = unavailable_reason(qts);

    g_assert_cmpstr(told, ==, reason);
}

static void assert_rejected(const uint8_t *uuid, const char *reason)
{
    g_autofree char *traced = NULL;

    g_assert_false(importer_finds(importer(), uuid));
    traced = importer_traced(uuid);
    g_assert_cmpstr(traced, ==, reason);
}

/* In GL, a buffer and a texture may have the same number */
static void other_targets(void *obj, void *data, QGuestAllocator *alloc)
{
    static const char reason[] = "it is not a two-dimensional texture";
    static const uint32_t targets[] = {
        QVIRTIO_GPU_PIPE_BUFFER, QVIRTIO_GPU_PIPE_TEXTURE_3D,
        QVIRTIO_GPU_PIPE_TEXTURE_CUBE,
    };
    QVirtioGPU *gpu = obj;
    uuid_t uuid, again;

    for (int i = 0; i < ARRAY_SIZE(targets); i++) {
        QVirtioGPUResourceOpt res = {
            .gpu = gpu, .id = 1, .width = 64,
            .height = targets[i] == QVIRTIO_GPU_PIPE_BUFFER ? 1 : 64,
        };

        qvirtio_gpu_create_3d(&res, targets[i]);
        assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
        assert_unavailable(gpu->qts, reason);
        assert_rejected(uuid, reason);
        assign_uuid({ .gpu = gpu, .id = 1, .uuid = again });
        g_assert_cmpint(uuid_compare(uuid, again), ==, 0);
        qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    }
}

/* QEMU keeps a resource that virglrenderer failed to create */
static void creation_failed(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUResourceOpt res = {
        .gpu = obj, .id = 1, .width = 1 << 30, .height = 1 << 30,
    };
    g_autofree char *reason = NULL;
    uuid_t uuid;

    do_qvirtio_gpu_create_2d(res);
    assign_uuid({ .gpu = obj, .id = 1, .uuid = uuid });
    reason = unavailable_reason(res.gpu->qts);
    assert_rejected(uuid, reason ?: "the renderer did not create it");
    qvirtio_gpu_unref({ .gpu = obj, .id = 1 });
}

/* Return: whether the reason is also known without a lookup */
static bool assert_dmabuf_or_reason(const uint8_t *uuid)
{
    static const char no_dmabuf[] = "EGL returned no dma-buf of the texture";
    bool found = importer_finds(importer(), uuid);
    g_autofree char *traced = importer_traced(uuid);

    if (found) {
        g_assert_true(g_str_has_prefix(traced, "kind 2, "));
        return false;
    }
    g_assert_true(g_str_equal(traced, NO_EXPORT) ||
                  g_str_equal(traced, no_dmabuf));
    return g_str_equal(traced, NO_EXPORT);
}

/* The lookup returns a dma-buf or the reason; the UUID stays */
static void dmabuf_or_reason(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uuid_t uuid, again;
    bool known;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1, .width = 64, .height = 64 });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    known = assert_dmabuf_or_reason(uuid);
    assert_unavailable(gpu->qts, known ? NO_EXPORT : NULL);
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = again });
    g_assert_cmpint(uuid_compare(uuid, again), ==, 0);
}

/* Do not count the descriptor that Mesa 25.0 leaks if it makes no dma-buf */
static unsigned int fds_but_mesas(QTestState *qts)
{
    unsigned int num = process_fds_settled(qts);

    return num - process_fds_named(qtest_pid(qts), "/memfd:lp_dma_buf");
}

static void leaves_no_descriptors(void *obj, void *data,
                                  QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    unsigned int before;
    uuid_t uuid;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1, .width = 16, .height = 16 });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    assert_dmabuf_or_reason(uuid);
    before = fds_but_mesas(gpu->qts);
    for (int i = 0; i < 20; i++) {
        assert_dmabuf_or_reason(uuid);
    }
    g_assert_cmpuint(fds_but_mesas(gpu->qts), ==, before);
}

static void *add_2d_gpu(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, " -device virtio-gpu-pci,id=gpu1,addr="
                    stringify(SECOND_GPU_SLOT) "," RESOURCE_UUID_ON " ");
    return importer_traced_before(cmd_line, arg);
}

/* A back-end finds the resources of a GL device and of a 2D device */
static void beside_2d(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gl = obj;
    QVirtioGPUPCI *pci = container_of(gl, QVirtioGPUPCI, gpu);
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SECOND_GPU_SLOT, 0) };
    QVirtioGPUPCI *second = qvirtio_gpu_pci_new(pci->pci_vdev.pdev->bus,
                                                &addr, alloc);
    uint8_t pixels[BYTES];
    uuid_t gl_uuid, uuid;
    QVirtioGPUResourceOpt res;
    uint8_t *memory;
    size_t size;

    qos_object_queue_destroy(&second->pci_vdev.obj);
    qos_object_start_hw(&second->pci_vdev.obj);
    res = new_resource(&second->gpu, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
    do_qvirtio_gpu_create_2d(res);
    do_qvirtio_gpu_attach_backing(res);
    draw(&res, pixels);
    assign_uuid({ .gpu = &second->gpu, .id = 1, .uuid = uuid });
    qvirtio_gpu_create_2d({ .gpu = gl, .id = 1, .width = 16, .height = 16 });
    assign_uuid({ .gpu = gl, .id = 1, .uuid = gl_uuid });
    g_assert_cmpint(uuid_compare(uuid, gl_uuid), !=, 0);

    assert_dmabuf_or_reason(gl_uuid);
    memory = importer_map(importer(), uuid, &size);
    g_assert_cmpmem(memory, BYTES, pixels, BYTES);
    munmap(memory, size);

    qvirtio_gpu_unref({ .gpu = gl, .id = 1 });
    g_assert_false(importer_finds(importer(), gl_uuid));
    g_assert_true(importer_finds(importer(), uuid));
    do_qvirtio_gpu_unref(res);
    g_assert_false(importer_finds(importer(), uuid));
}

static void register_gl_test(void)
{
    static const UUIDTest tests[] = {
        { "gl/other-targets", other_targets },
        { "gl/creation-failed", creation_failed },
        { "gl/dmabuf-or-reason", dmabuf_or_reason },
        { "gl/leaves-no-descriptors", leaves_no_descriptors },
        { }
    };
    static const UUIDTest two_gpu_tests[] = {
        { "gl/beside-2d", beside_2d },
        { }
    };
    static const UUIDTest texture_tests[] = {
        { "gl-dmabuf/is-the-memory", texture_is_the_memory },
        { "gl-dmabuf/formats", texture_formats },
        { "gl-dmabuf/outlives", texture_outlives },
        { "gl-dmabuf/rendered", texture_rendered },
        { "gl-dmabuf/leaves-no-descriptors", leaves_no_descriptors },
        { }
    };

    add_uuid_gl_pci_tests(tests, importer_traced_before);
    add_uuid_gl_pci_tests(two_gpu_tests, add_2d_gpu);
    /* set if EGL can export textures as dma-bufs */
    if (getenv("QTEST_GL_DMABUF")) {
        add_uuid_gl_pci_tests(texture_tests, importer_traced_before);
    }
}

libqos_init(register_gl_test);
