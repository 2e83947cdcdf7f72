/*
 * QTest testcases for looking up virtio-gpu's resources by their UUIDs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/memfd.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "libqos/virtio-gpu-screen.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "virtio-export/process-fds.h"
#include "virtio-gpu/helpers/drawn.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/migration.h"
#include "virtio-gpu/helpers/scene.h"

#define SECOND_GPU_SLOT 5

static void assert_memory(VhostUserPeer *peer, const Drawn *d)
{
    size_t size;
    uint8_t *memory = importer_map(peer, d->uuid, &size);

    g_assert_nonnull(memory);
    g_assert_cmpmem(memory, DRAWN_BYTES, d->pixels, DRAWN_BYTES);
    munmap(memory, size);
}

/* Virtio specification: writes of importers do not change the backing */
static void same_memory(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint8_t theirs[DRAWN_BYTES], backing[DRAWN_BYTES];
    uint8_t *memory;
    size_t size;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    do_qvirtio_gpu_set_scanout(d.res);
    do_qvirtio_gpu_flush(d.res);
    memory = importer_map(importer(), d.uuid, &size);
    g_assert_cmpmem(memory, DRAWN_BYTES, d.pixels, DRAWN_BYTES);

    /* the importer sees changes without another lookup */
    drawn_again(&d, 0x22);
    g_assert_cmpmem(memory, DRAWN_BYTES, d.pixels, DRAWN_BYTES);

    memset(theirs, 0x33, DRAWN_BYTES);
    memcpy(memory, theirs, DRAWN_BYTES);
    do_qvirtio_gpu_flush(d.res);
    qvirtio_gpu_assert_screen(gpu, theirs, DRAWN_WIDTH, DRAWN_HEIGHT);
    qtest_memread(gpu->qts, d.res.backing, backing, DRAWN_BYTES);
    g_assert_cmpmem(backing, DRAWN_BYTES, d.pixels, DRAWN_BYTES);

    do_qvirtio_gpu_transfer(d.res);
    g_assert_cmpmem(memory, DRAWN_BYTES, d.pixels, DRAWN_BYTES);
    munmap(memory, size);
    drawn_done(&d);
}

typedef struct Format {
    uint32_t virtio;
    uint32_t fourcc;
} Format;

static const Format formats[] = {
    { VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, DRM_FORMAT_ARGB8888 },
    { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, DRM_FORMAT_XRGB8888 },
    { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, DRM_FORMAT_BGRA8888 },
    { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, DRM_FORMAT_BGRX8888 },
    { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, DRM_FORMAT_ABGR8888 },
    { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, DRM_FORMAT_RGBX8888 },
    { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, DRM_FORMAT_RGBA8888 },
    { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, DRM_FORMAT_XBGR8888 },
};

static const struct {
    uint32_t width;
    uint32_t height;
} sizes[] = {
    { 1, 1 }, { 3, 5 }, { 641, 479 }, { 1024, 1 }, { 1, 1025 }, { 33, 31 },
};

static void assert_geometry(QVirtioGPU *gpu, const Format *format,
                            uint32_t width, uint32_t height)
{
    size_t bytes = width * height * QVIRTIO_GPU_BYTES_PER_PIXEL;
    size_t page = qemu_real_host_page_size();
    g_autofree char *geometry = NULL;
    uint8_t *memory;
    PeerInfo info;
    uuid_t uuid;
    size_t size;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 1, .format = format->virtio,
                            .width = width, .height = height });
    assign_uuid({ .gpu = gpu, .id = 1, .uuid = uuid });
    memory = importer_map_info(importer(), uuid, &size, &info);
    g_assert_cmpuint(size, ==, ROUND_UP(bytes, page));
    g_assert_cmpuint(info.kind, ==, 1);
    g_assert_cmpuint(info.flags, ==, 0);
    g_assert_cmpuint(info.width, ==, width);
    g_assert_cmpuint(info.height, ==, height);
    g_assert_cmphex(info.fourcc, ==, format->fourcc);
    g_assert_cmphex(info.modifier, ==, DRM_FORMAT_MOD_LINEAR);
    g_assert_cmpuint(info.strides[0], ==, width * QVIRTIO_GPU_BYTES_PER_PIXEL);
    g_assert_cmpuint(info.offsets[0], ==, 0);
    geometry = g_strdup_printf("kind 1, size %zu, %ux%u, fourcc 0x%08x, "
                               "modifier 0x0, planes 1, stride %u, offset 0",
                               size, width, height, format->fourcc,
                               width * QVIRTIO_GPU_BYTES_PER_PIXEL);
    importer_assert_traced(uuid, geometry);
    munmap(memory, size);
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
}

static void every_format_and_size(void *obj, void *data,
                                  QGuestAllocator *alloc)
{
    int i, j;

    for (i = 0; i < ARRAY_SIZE(formats); i++) {
        for (j = 0; j < ARRAY_SIZE(sizes); j++) {
            assert_geometry(obj, &formats[i], sizes[j].width,
                            sizes[j].height);
        }
    }
}

static void cannot_be_resized(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    Drawn d;
    int fd;

    drawn_new(&d, gpu, 1, 0x11);
    fd = vhost_user_peer_lookup(importer(), d.uuid);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(fcntl(fd, F_GET_SEALS), ==,
                    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    g_assert_cmpint(ftruncate(fd, 0), ==, -1);
    g_assert_cmpint(errno, ==, EPERM);
    g_assert_cmpint(ftruncate(fd, 1 * MiB), ==, -1);
    g_assert_cmpint(errno, ==, EPERM);
    g_assert_cmpint(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), ==, -1);
    g_assert_cmpint(errno, ==, EPERM);
    close(fd);

    drawn_again(&d, 0x22);
    assert_memory(importer(), &d);
    drawn_done(&d);
}

static void no_uuid_no_object(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uuid_t null = { };
    uuid_t other;
    Drawn d;

    qvirtio_gpu_create_2d({ .gpu = gpu, .id = 2 });
    drawn_new(&d, gpu, 1, 0x11);
    uuid_copy(other, d.uuid);
    other[0] ^= 1;
    g_assert_false(importer_finds(importer(), null));
    g_assert_false(importer_finds(importer(), other));
    g_assert_true(importer_finds(importer(), d.uuid));
    drawn_done(&d);
}

static void after_unref(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    Drawn old, new;
    uint8_t *memory;
    size_t size;

    drawn_new(&old, gpu, 1, 0x11);
    memory = importer_map(importer(), old.uuid, &size);
    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    g_assert_false(importer_finds(importer(), old.uuid));
    g_assert_cmpmem(memory, DRAWN_BYTES, old.pixels, DRAWN_BYTES);

    /* the same ID does not mean the same object */
    drawn_new(&new, gpu, 1, 0x22);
    g_assert_false(importer_finds(importer(), old.uuid));
    g_assert_cmpmem(memory, DRAWN_BYTES, old.pixels, DRAWN_BYTES);
    assert_memory(importer(), &new);
    munmap(memory, size);
    drawn_done(&old);
    drawn_done(&new);
}

static void after_reset(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    uint8_t *memory;
    size_t size;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    memory = importer_map(importer(), d.uuid, &size);
    qvirtio_gpu_start(gpu, 0);
    g_assert_false(importer_finds(importer(), d.uuid));
    g_assert_cmpmem(memory, DRAWN_BYTES, d.pixels, DRAWN_BYTES);
    munmap(memory, size);
    drawn_done(&d);
}

static void leaves_no_descriptor(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    unsigned int before;
    uuid_t none = { 1 };
    Drawn d;
    int i;

    drawn_new(&d, gpu, 1, 0x11);
    g_assert_true(importer_finds(importer(), d.uuid));
    before = process_fds_settled(gpu->qts);
    for (i = 0; i < 100; i++) {
        g_assert_true(importer_finds(importer(), d.uuid));
        g_assert_false(importer_finds(importer(), none));
    }
    g_assert_cmpuint(process_fds_settled(gpu->qts), ==, before);
    drawn_done(&d);
}

static void no_descriptors_left(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    pid_t pid = qtest_pid(gpu->qts);
    struct rlimit old;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    g_assert_true(importer_finds(importer(), d.uuid));
    process_fds_settled(gpu->qts);
    old = process_fds_exhaust(pid);
    g_assert_false(importer_finds(importer(), d.uuid));
    drawn_again(&d, 0x22);
    process_fds_restore(pid, old);
    assert_memory(importer(), &d);
    drawn_done(&d);
}

/* A back-end cannot add an object with the UUID of a resource */
static void back_end_cannot_take_uuid(void *obj, void *data,
                                      QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    Drawn d;

    drawn_new(&d, gpu, 1, 0x11);
    g_assert_false(vhost_user_peer_add(importer(), d.uuid));
    g_assert_false(vhost_user_peer_remove(importer(), d.uuid));
    assert_memory(importer(), &d);

    qvirtio_gpu_unref({ .gpu = gpu, .id = 1 });
    g_assert_true(vhost_user_peer_add(importer(), d.uuid));
    drawn_done(&d);
}

static void *add_second_gpu(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, " -device virtio-gpu-pci,id=gpu1,addr="
                    stringify(SECOND_GPU_SLOT) "," RESOURCE_UUID_ON " ");
    return importer_before(cmd_line, arg);
}

static void two_devices(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *first = obj;
    QPCIAddress addr = { .devfn = QPCI_DEVFN(SECOND_GPU_SLOT, 0) };
    QVirtioGPUPCI *second = qvirtio_gpu_pci_new(first->pci_vdev.pdev->bus,
                                                &addr, alloc);
    Drawn one, two;

    qos_object_queue_destroy(&second->pci_vdev.obj);
    qos_object_start_hw(&second->pci_vdev.obj);
    drawn_new(&one, &first->gpu, 1, 0x11);
    drawn_new(&two, &second->gpu, 1, 0x22);
    assert_memory(importer(), &one);
    assert_memory(importer(), &two);

    qvirtio_gpu_start(&second->gpu, 0);
    assert_memory(importer(), &one);
    g_assert_false(importer_finds(importer(), two.uuid));
    drawn_done(&one);
    drawn_done(&two);
}

static void assert_scene_memory(VhostUserPeer *peer, Scene *scene)
{
    int i;

    for (i = 0; i < SCENE_RESOURCES; i++) {
        SceneResource *r = &scene->resources[i];
        size_t bytes = r->res.width * r->res.height *
                       QVIRTIO_GPU_BYTES_PER_PIXEL;
        uint8_t *memory;
        size_t size;

        if (r->has_uuid) {
            memory = importer_map(peer, r->uuid, &size);
            g_assert_nonnull(memory);
            g_assert_cmpmem(memory, bytes, r->pixels, bytes);
            munmap(memory, size);
        }
    }
}

static void migrated(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    Scene *scene = scene_new(gpu, true);
    VhostUserPeer *peer = vhost_user_peer_new("other", true);
    g_autofree char *args = vhost_user_peer_args(peer, "");
    QTestState *to;

    assert_scene_memory(importer(), scene);
    to = start_destination(.without = importer_args(), .with = args);
    vhost_user_peer_wait_ready(peer);
    finish_migration(begin_migration(home, to, false));
    qvirtio_gpu_move(gpu, to);
    assert_scene_memory(peer, scene);
    scene_change(scene, true);
    assert_scene_memory(peer, scene);
    scene_free(scene);
    come_home(gpu, home);
    vhost_user_peer_free(peer);
}

static void *importer_and_sandbox(GString *cmd_line, void *arg)
{
    g_string_append(cmd_line, PEER_SANDBOX);
    return importer_before(cmd_line, arg);
}

static void register_export_test(void)
{
    static const UUIDTest tests[] = {
        { "export/same-memory", same_memory },
        { "export/no-uuid-no-object", no_uuid_no_object },
        { "export/cannot-be-resized", cannot_be_resized },
        { "export/after-unref", after_unref },
        { "export/after-reset", after_reset },
        { }
    };
    static const UUIDTest slow_tests[] = {
        { "export/leaves-no-descriptor", leaves_no_descriptor },
        { "export/no-descriptors-left", no_descriptors_left },
        { "export/back-end-cannot-take-uuid", back_end_cannot_take_uuid },
        { "export/migrated", migrated },
        { }
    };
    static const UUIDTest traced_tests[] = {
        { "export/every-format-and-size", every_format_and_size },
        { }
    };
    static const UUIDTest sandbox_tests[] = {
        { "export/sandbox", same_memory },
        { }
    };
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = RESOURCE_UUID_ON,
        .before = add_second_gpu,
    };

    add_uuid_pci_tests(tests, importer_before);
    add_uuid_pci_tests(traced_tests, importer_traced_before);
    if (g_test_slow()) {
        add_uuid_pci_tests(slow_tests, importer_before);
        add_uuid_pci_tests(sandbox_tests, importer_and_sandbox);
        qos_add_test("resource-uuid/export/two-devices", "virtio-gpu-pci",
                     two_devices, &opts);
    }
}

libqos_init(register_export_test);
