/*
 * Tests of tests/vhost-user without QEMU, with requests that no driver makes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qemu/bswap.h"
#include "qemu/iov.h"
#include "qemu/memfd.h"
#include "qemu/units.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "tests/vhost-user/control.h"
#include "tests/vhost-user/disk-requests.h"
#include "open-fds.h"

#define SECTOR      UUID_DISK_SECTOR
#define PAGE        4096
#define OBJECT_SIZE 8192
#define LAST        (OBJECT_SIZE / SECTOR)      /* last sector of the object */
#define SEALS       (F_SEAL_SHRINK | F_SEAL_GROW)

static const uint8_t known[16] = { 1, 2, 3, 4, 5, 6, 7, 8,
                                   9, 10, 11, 12, 13, 14, 15, 16 };
static const uint8_t unknown[16] = { 101 };
static const uint8_t none[16];

/* A disk, and the object that it finds as "known" */
typedef struct Scene {
    UUIDDisk disk;
    int fd;
    VhostUserObjectInfo info;
    uint8_t pixels[OBJECT_SIZE];
} Scene;

static int fake_lookup(void *opaque, uint8_t uuid[16],
                       VhostUserObjectInfo *info)
{
    Scene *scene = opaque;

    if (memcmp(uuid, known, sizeof(known))) {
        return -1;
    }
    *info = scene->info;
    return dup(scene->fd);
}

static int new_memfd(const Scene *scene, size_t size, unsigned seals)
{
    int fd = memfd_create("object", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pwrite(fd, scene->pixels, size, 0), ==, size);
    g_assert_cmpint(fcntl(fd, F_ADD_SEALS, seals), ==, 0);
    return fd;
}

/* A disk that is empty, and an object of @size bytes */
static Scene *scene_new(size_t size, unsigned seals)
{
    Scene *scene = g_new0(Scene, 1);

    for (int i = 0; i < OBJECT_SIZE; i++) {
        scene->pixels[i] = i * 7;
    }
    scene->disk = (UUIDDisk) {
        .lookup = fake_lookup, .opaque = scene, .object.fd = -1,
    };
    scene->fd = new_memfd(scene, size, seals);
    return scene;
}

static void scene_free(Scene *scene)
{
    uuid_disk_clear(&scene->disk);
    close(scene->fd);
    g_free(scene);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scene, scene_free)

/* A request with one buffer in each direction.  Return: its status */
static uint8_t request(Scene *scene, uint32_t type, uint64_t sector,
                       const void *data, size_t data_size, void *room,
                       size_t room_size)
{
    struct virtio_blk_outhdr header = {
        .type = cpu_to_le32(type), .sector = cpu_to_le64(sector),
    };
    /* exact allocations, so that sanitizers see an access beyond them */
    g_autofree void *readable = g_memdup2(data, data_size);
    g_autofree uint8_t *writable = g_malloc(room_size);
    uint8_t status = 0xa5;
    struct iovec out[] = { { &header, sizeof(header) },
                           { readable, data_size } };
    struct iovec in[] = { { writable, room_size }, { &status, 1 } };
    DiskRequest req = { out, in, ARRAY_SIZE(out), ARRAY_SIZE(in) };

    for (size_t i = 0; i < room_size; i++) {
        writable[i] = 0xa5;
    }
    g_assert_cmpuint(disk_request_run(&scene->disk, &req), ==, room_size + 1);
    if (room_size) {
        memcpy(room, writable, room_size);
    }
    return status;
}

static uint8_t read_disk(Scene *scene, uint64_t sector, void *room,
                         size_t size)
{
    return request(scene, VIRTIO_BLK_T_IN, sector, NULL, 0, room, size);
}

static uint8_t write_disk(Scene *scene, uint64_t sector, const void *data,
                          size_t size)
{
    return request(scene, VIRTIO_BLK_T_OUT, sector, data, size, NULL, 0);
}

static uint8_t select_object(Scene *scene, const uint8_t uuid[16])
{
    uint8_t sector[SECTOR];

    memset(sector, 'x', sizeof(sector));
    memcpy(sector, uuid, 16);
    return write_disk(scene, 0, sector, sizeof(sector));
}

static void assert_reads(Scene *scene, uint64_t sector, const void *data,
                         size_t size)
{
    g_autofree uint8_t *room = g_malloc(size);

    g_assert_cmpint(read_disk(scene, sector, room, size), ==, VIRTIO_BLK_S_OK);
    g_assert_cmpmem(room, size, data, size);
}

static void assert_reads_zeros(Scene *scene, uint64_t sector)
{
    static const uint8_t zeros[PAGE];

    assert_reads(scene, sector, zeros, sizeof(zeros));
}

static void assert_write_fails(Scene *scene, uint64_t sector, size_t size)
{
    g_autofree uint8_t *data = g_malloc0(size);

    g_assert_cmpint(write_disk(scene, sector, data, size), ==,
                    VIRTIO_BLK_S_IOERR);
}

static void assert_head(Scene *scene, UUIDDiskStatus status,
                        const uint8_t uuid[16], uint64_t size)
{
    UUIDDiskHead head = {
        .status = cpu_to_le32(status), .size = cpu_to_le64(size),
    };

    memcpy(head.uuid, uuid, sizeof(head.uuid));
    assert_reads(scene, 0, &head, sizeof(head));
}

static void assert_object(Scene *scene, const void *data, size_t size)
{
    uint8_t object[OBJECT_SIZE + 1];

    g_assert_cmpint(pread(scene->fd, object, sizeof(object), 0), ==, size);
    g_assert_cmpmem(object, size, data, size);
}

static bool is_mapped(void)
{
    g_autofree char *maps = NULL;

    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    return strstr(maps, "memfd:object");
}

static Scene *with_object(size_t size, unsigned seals)
{
    Scene *scene = scene_new(size, seals);

    g_assert_cmpint(select_object(scene, known), ==, VIRTIO_BLK_S_OK);
    return scene;
}

static void empty_disk(void)
{
    g_autoptr(Scene) scene = scene_new(OBJECT_SIZE, SEALS);
    struct virtio_blk_config config;

    disk_request_config(&config);
    g_assert_cmpuint(le64_to_cpu(config.capacity), ==, UUID_DISK_SECTORS);
    assert_reads_zeros(scene, 0);
    assert_reads_zeros(scene, 1);
    assert_reads_zeros(scene, UUID_DISK_SECTORS - 8);
    assert_write_fails(scene, 1, SECTOR);
    g_assert_cmpuint(scene->disk.lookups, ==, 0);
}

static void content(void)
{
    g_autoptr(Scene) scene = with_object(OBJECT_SIZE, SEALS);
    uint8_t *pixels = scene->pixels;

    assert_head(scene, UUID_DISK_READY, known, OBJECT_SIZE);
    assert_reads(scene, 1, pixels, OBJECT_SIZE);

    memset(pixels + SECTOR, 'w', SECTOR);
    g_assert_cmpint(write_disk(scene, 2, pixels + SECTOR, SECTOR), ==,
                    VIRTIO_BLK_S_OK);
    assert_object(scene, pixels, OBJECT_SIZE);

    memcpy(pixels, "host", 4);
    g_assert_cmpint(pwrite(scene->fd, "host", 4, 0), ==, 4);
    assert_reads(scene, 1, pixels, OBJECT_SIZE);
    g_assert_cmpuint(scene->disk.lookups, ==, 1);
}

/* Buffers do not end where the header, the data and the status do */
static void several_buffers(void)
{
    g_autoptr(Scene) scene = with_object(OBJECT_SIZE, SEALS);
    struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN };
    uint8_t *bytes = (uint8_t *)&header;
    uint8_t room[3 * SECTOR + 1], data[2 * SECTOR];
    struct iovec out[] = { { bytes, 3 }, { bytes + 3, 13 }, { data, 1 },
                           { data + 1, 1000 }, { data + 1001, 23 } };
    struct iovec in[] = { { room, 1 }, { room + 1, 100 }, { room + 101, 923 },
                          { room + 1024, SECTOR + 1 } };
    DiskRequest req = { out, in, 2, ARRAY_SIZE(in) };

    g_assert_cmpuint(disk_request_run(&scene->disk, &req), ==, sizeof(room));
    g_assert_cmpint(room[3 * SECTOR], ==, VIRTIO_BLK_S_OK);
    g_assert_cmpmem(room, 16, known, 16);
    g_assert_cmpmem(room + SECTOR, 2 * SECTOR, scene->pixels, 2 * SECTOR);

    header.type = cpu_to_le32(VIRTIO_BLK_T_OUT);
    header.sector = cpu_to_le64(3);
    memset(data, 'd', sizeof(data));
    memcpy(scene->pixels + 2 * SECTOR, data, sizeof(data));
    req = (DiskRequest) { out, in, ARRAY_SIZE(out), 1 };
    g_assert_cmpuint(disk_request_run(&scene->disk, &req), ==, 1);
    g_assert_cmpint(room[0], ==, VIRTIO_BLK_S_OK);
    assert_object(scene, scene->pixels, OBJECT_SIZE);
}

static void flush_and_id(void)
{
    g_autoptr(Scene) scene = scene_new(OBJECT_SIZE, SEALS);
    const char id[] = "vhost-user-uuid-disk";
    const size_t sizes[] = { 20, 7, 64 };
    char room[64];

    g_assert_cmpint(request(scene, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL, 0),
                    ==, VIRTIO_BLK_S_OK);
    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_assert_cmpint(request(scene, VIRTIO_BLK_T_GET_ID, 0, NULL, 0, room,
                                sizes[i]), ==, VIRTIO_BLK_S_OK);
        g_assert_cmpmem(room, MIN(sizes[i], 20), id, MIN(sizes[i], 20));
    }
}

static void outside_the_disk(void)
{
    static const uint64_t sectors[] = {
        UUID_DISK_SECTORS, UUID_DISK_SECTORS + 1, 1ULL << 55,
        (1ULL << 55) + 1, UINT64_MAX,
    };
    g_autoptr(Scene) scene = with_object(OBJECT_SIZE, SEALS);
    uint8_t room[PAGE];

    for (int i = 0; i < ARRAY_SIZE(sectors); i++) {
        g_assert_cmpint(read_disk(scene, sectors[i], room, SECTOR), ==,
                        VIRTIO_BLK_S_IOERR);
        assert_write_fails(scene, sectors[i], SECTOR);
    }
    g_assert_cmpint(read_disk(scene, UUID_DISK_SECTORS - 7, room, PAGE), ==,
                    VIRTIO_BLK_S_IOERR);
}

static void beyond_the_object(void)
{
    for (int missing = 0; missing <= 100; missing += 100) {
        size_t size = OBJECT_SIZE - missing, before = (LAST - 1) * SECTOR;
        g_autoptr(Scene) scene = with_object(size, SEALS);
        uint8_t end[PAGE] = { 0 };

        memcpy(end, scene->pixels + before, size - before);
        assert_reads(scene, LAST, end, sizeof(end));
        assert_reads_zeros(scene, LAST + 1);
        assert_reads_zeros(scene, UUID_DISK_SECTORS - 8);
        assert_write_fails(scene, LAST, PAGE);
        assert_write_fails(scene, LAST + 1, SECTOR);
        assert_write_fails(scene, UUID_DISK_SECTORS - 8, PAGE);
        assert_object(scene, scene->pixels, size);
    }
}

static void unknown_uuid(void)
{
    g_autoptr(Scene) scene = with_object(OBJECT_SIZE, SEALS);

    g_assert_cmpint(select_object(scene, unknown), ==, VIRTIO_BLK_S_IOERR);
    assert_head(scene, UUID_DISK_NOT_FOUND, unknown, 0);
    g_assert_false(is_mapped());
    /* reads still succeed: for example, udev reads the disk after a write */
    assert_reads_zeros(scene, 8);
    assert_reads_zeros(scene, UUID_DISK_SECTORS - 8);

    g_assert_cmpint(select_object(scene, known), ==, VIRTIO_BLK_S_OK);
    assert_head(scene, UUID_DISK_READY, known, OBJECT_SIZE);
    g_assert_cmpuint(scene->disk.lookups, ==, 3);
}

/* Takes ownership of @fd */
static void check_rejected(int fd, const char *reason)
{
    g_autoptr(Scene) scene = scene_new(OBJECT_SIZE, SEALS);
    unsigned before = open_fds();
    g_autofree char *info = NULL;

    close(scene->fd);
    scene->fd = fd;
    g_assert_cmpint(select_object(scene, known), ==, VIRTIO_BLK_S_IOERR);
    assert_head(scene, UUID_DISK_REJECTED, known, 0);
    assert_reads_zeros(scene, 8);
    assert_reads_zeros(scene, UUID_DISK_SECTORS - 8);
    info = control_run(&scene->disk, "info");
    g_assert_nonnull(strstr(info, reason));
    g_assert_cmpuint(open_fds(), ==, before - 1);
}

static void can_shrink(void)
{
    Scene scene = { };

    check_rejected(new_memfd(&scene, OBJECT_SIZE, 0),
                   "not sealed against shrinking");
    check_rejected(new_memfd(&scene, OBJECT_SIZE, F_SEAL_GROW),
                   "not sealed against shrinking");
}

/* The owner can free the pages in spite of the seals */
static void huge_pages(void)
{
    int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING |
                                  MFD_HUGETLB);

    if (fd < 0) {
        g_test_skip("the host's kernel has no huge pages");
        return;
    }
    g_assert_cmpint(ftruncate(fd, 1 * GiB), ==, 0);
    g_assert_cmpint(fcntl(fd, F_ADD_SEALS, SEALS), ==, 0);
    check_rejected(fd, "huge pages");
}

static void not_memory(void)
{
    Scene scene = { };
    g_autofree char *name = NULL;
    int pipes[2];
    int file = g_file_open_tmp(NULL, &name, NULL);

    g_assert_cmpint(pwrite(file, "pixel", 5, 0), ==, 5);
    g_unlink(name);
    check_rejected(file, "neither a memfd nor a dma-buf");
    g_assert_cmpint(pipe(pipes), ==, 0);
    check_rejected(pipes[0], "neither a memfd nor a dma-buf");
    check_rejected(pipes[1], "neither a memfd nor a dma-buf");
    check_rejected(new_memfd(&scene, 0, SEALS), "cannot map 0 bytes");
}

static void read_only(void)
{
    for (int option = 0; option <= 1; option++) {
        g_autoptr(Scene) scene = scene_new(
            OBJECT_SIZE, option ? SEALS : SEALS | F_SEAL_FUTURE_WRITE);

        scene->disk.read_only = option;
        g_assert_cmpint(select_object(scene, known), ==, VIRTIO_BLK_S_OK);
        assert_reads(scene, 1, scene->pixels, OBJECT_SIZE);
        assert_write_fails(scene, 1, SECTOR);
        assert_object(scene, scene->pixels, OBJECT_SIZE);
    }
}

static void released(void)
{
    g_autoptr(Scene) scene = scene_new(OBJECT_SIZE, SEALS);
    unsigned before = open_fds();

    for (int i = 0; i < 100; i++) {
        g_assert_cmpint(select_object(scene, known), ==, VIRTIO_BLK_S_OK);
        g_assert_true(is_mapped());
        g_assert_cmpuint(open_fds(), ==, before + 1);
    }
    g_assert_cmpint(select_object(scene, none), ==, VIRTIO_BLK_S_OK);
    assert_head(scene, UUID_DISK_EMPTY, none, 0);
    assert_reads_zeros(scene, 1);
    g_assert_false(is_mapped());
    g_assert_cmpuint(open_fds(), ==, before);
    g_assert_cmpuint(scene->disk.lookups, ==, 100);
}

static void uuid_is_one_sector(void)
{
    g_autoptr(Scene) scene = with_object(OBJECT_SIZE, SEALS);

    assert_write_fails(scene, 0, PAGE);
    assert_write_fails(scene, 0, sizeof(unknown));
    assert_head(scene, UUID_DISK_READY, known, OBJECT_SIZE);
    assert_object(scene, scene->pixels, OBJECT_SIZE);
}

/*
 * Run a request whose parts have any size.  @status: set to the last byte.
 * Return: the length
 */
static size_t malformed(Scene *scene, uint32_t type, size_t out_size,
                        size_t in_size, uint8_t *status)
{
    struct virtio_blk_outhdr header = {
        .type = cpu_to_le32(type), .sector = cpu_to_le64(1),
    };
    g_autofree uint8_t *readable = g_malloc0(out_size);
    g_autofree uint8_t *writable = g_malloc0(in_size);
    struct iovec out = { readable, out_size }, in = { writable, in_size };
    DiskRequest req = { &out, &in, out_size > 0, in_size > 0 };
    size_t len;

    if (out_size) {
        memcpy(readable, &header, MIN(out_size, sizeof(header)));
    }
    len = disk_request_run(&scene->disk, &req);
    if (len) {
        *status = writable[in_size - 1];
    }
    return len;
}

static void malformed_requests(void)
{
    static const struct {
        uint32_t type;
        size_t out, in;
        uint8_t status;
    } cases[] = {
        { VIRTIO_BLK_T_IN, 0, 1, VIRTIO_BLK_S_IOERR },
        { VIRTIO_BLK_T_IN, 15, SECTOR + 1, VIRTIO_BLK_S_IOERR },
        { VIRTIO_BLK_T_IN, 16, 0 },
        { VIRTIO_BLK_T_IN, 16, SECTOR + 2, VIRTIO_BLK_S_IOERR },
        { VIRTIO_BLK_T_IN, 16, SECTOR, VIRTIO_BLK_S_IOERR },
        { VIRTIO_BLK_T_OUT, 16 + SECTOR - 1, 1, VIRTIO_BLK_S_IOERR },
        { VIRTIO_BLK_T_OUT, 16 + SECTOR, 0 },
        { 2, 16, SECTOR + 1, VIRTIO_BLK_S_UNSUPP },
        { 13, 16, SECTOR + 1, VIRTIO_BLK_S_UNSUPP },
        { UINT32_MAX, 16, SECTOR + 1, VIRTIO_BLK_S_UNSUPP },
    };
    g_autoptr(Scene) scene = with_object(OBJECT_SIZE, SEALS);

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t status = 0;

        g_assert_cmpuint(malformed(scene, cases[i].type, cases[i].out,
                                   cases[i].in, &status), ==, cases[i].in);
        g_assert_cmpint(status, ==, cases[i].status);
    }
    assert_reads(scene, 1, scene->pixels, OBJECT_SIZE);
}

static void assert_answer(Scene *scene, const char *line, const char *answer)
{
    g_autofree char *said = control_run(&scene->disk, line);

    g_assert_cmpstr(said, ==, answer);
}

static VhostUserObjectInfo image(uint32_t width, uint32_t height,
                                 uint32_t stride)
{
    return (VhostUserObjectInfo) {
        .width = width, .height = height, .strides = { stride },
        .fourcc = DRM_FORMAT_XRGB8888, .num_planes = 1,
    };
}

static void check_layout(const VhostUserObjectInfo *info, const char *answer)
{
    g_autoptr(Scene) scene = scene_new(OBJECT_SIZE, SEALS);

    scene->info = *info;
    select_object(scene, known);
    assert_answer(scene, "png x", answer);
    assert_answer(scene, "fill 0 0 1 1 112233", answer);
}

static void impossible_layouts(void)
{
    const char *not_linear = "error: the object is not known to have a linear "
                             "image of four bytes per pixel";
    VhostUserObjectInfo info = { };

    check_layout(&info, not_linear);
    info = image(4, 4, 16);
    info.fourcc = DRM_FORMAT_NV12;
    check_layout(&info, not_linear);
    info = image(4, 4, 16);
    info.modifier = 1;
    check_layout(&info, not_linear);
    info = image(4, 4, 16);
    info.num_planes = 0;
    check_layout(&info, not_linear);
    info.num_planes = 2;
    check_layout(&info, not_linear);
    info = image(4, 0, 16);
    check_layout(&info, "error: a picture cannot have 4 x 0 pixels");
    info = image(16385, 1, 65540);
    check_layout(&info, "error: a picture cannot have 16385 x 1 pixels");
    info = image(4, 4, 15);
    check_layout(&info, "error: a row of 4 pixels needs more than 15 bytes");
    info = image(64, 33, 256);
    check_layout(&info,
                 "error: 8448 bytes are needed, but the object has 8192");
    info = image(1, 1, 4);
    info.offsets[0] = UINT32_MAX;
    check_layout(&info,
                 "error: 4294967299 bytes are needed, but the object has 8192");
}

/* Rows may be padded and from bottom to top */
static void layouts(void)
{
    static const uint8_t painted[] = { 0x33, 0x22, 0x11 };

    for (int bottom_up = 0; bottom_up <= 1; bottom_up++) {
        g_autoptr(Scene) scene = scene_new(OBJECT_SIZE, SEALS);

        scene->info = image(30, 2, 128);
        scene->info.offsets[0] = 512;
        scene->info.flags = bottom_up ? VHOST_USER_OBJECT_BOTTOM_UP : 0;
        select_object(scene, known);
        assert_answer(scene, "fill 29 0 1 1 112233", "ok");
        memcpy(scene->pixels + 512 + bottom_up * 128 + 29 * 4, painted,
               sizeof(painted));
        assert_object(scene, scene->pixels, OBJECT_SIZE);
    }
}

static void assert_cannot_write(Scene *scene, const char *line)
{
    g_autofree char *said = control_run(&scene->disk, line);

    g_assert_true(g_str_has_prefix(said, "error: cannot write"));
}

static void check_files(Scene *scene)
{
    g_autofree char *folder = g_dir_make_tmp("uuid-disk-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "x", NULL);
    g_autofree char *png = g_strdup_printf("png %s", file);
    g_autofree char *dump = g_strdup_printf("dump %s", file);
    g_autofree char *data = NULL;
    gsize size;

    assert_answer(scene, png, "ok");
    g_assert_true(g_file_get_contents(file, &data, &size, NULL));
    g_assert_cmpmem(data, 8, "\x89PNG\r\n\x1a\n", 8);
    g_free(data);
    assert_answer(scene, dump, "ok");
    g_assert_true(g_file_get_contents(file, &data, &size, NULL));
    g_assert_cmpmem(data, size, scene->pixels, OBJECT_SIZE);
    g_unlink(file);
    g_rmdir(folder);
}

static void commands(void)
{
    static const uint8_t inverted[] = { 0xff, 0xf8, 0xf1, 21 };
    static const uint8_t filled[] = { 0x33, 0x22, 0x11, 49 };
    g_autoptr(Scene) scene = scene_new(OBJECT_SIZE, SEALS);

    scene->info = image(64, 32, 256);
    select_object(scene, known);
    assert_answer(scene, "", NULL);
    assert_answer(scene, "fill x 0 1 1 112233", "error: 'x' is not a number");
    assert_answer(scene, "paint", "error: unknown command 'paint'");
    assert_answer(scene, "fill 1",
                  "error: usage: fill X Y WIDTH HEIGHT RRGGBB");
    assert_answer(scene, "invert 60 0 5 1",
                  "error: the rectangle is not inside the picture");
    assert_answer(scene, "invert 4294967295 0 2 1",
                  "error: the rectangle is not inside the picture");
    assert_cannot_write(scene, "png /nowhere/x");
    assert_answer(scene, "fill 1 0 1 1 112233", "ok");
    assert_answer(scene, " invert 0 0 1 1\n", "ok");
    memcpy(scene->pixels, inverted, sizeof(inverted));
    memcpy(scene->pixels + 4, filled, sizeof(filled));
    assert_object(scene, scene->pixels, OBJECT_SIZE);
    check_files(scene);
    assert_answer(scene, "info",
                  "ok uuid=01020304-0506-0708-090a-0b0c0d0e0f10 status=ready "
                  "kind=memfd size=8192 image=64x32 lookups=1");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/uuid-disk/empty-disk", empty_disk);
    g_test_add_func("/uuid-disk/content", content);
    g_test_add_func("/uuid-disk/several-buffers", several_buffers);
    g_test_add_func("/uuid-disk/flush-and-id", flush_and_id);
    g_test_add_func("/uuid-disk/outside-the-disk", outside_the_disk);
    g_test_add_func("/uuid-disk/beyond-the-object", beyond_the_object);
    g_test_add_func("/uuid-disk/unknown-uuid", unknown_uuid);
    g_test_add_func("/uuid-disk/rejected/can-shrink", can_shrink);
    g_test_add_func("/uuid-disk/rejected/huge-pages", huge_pages);
    g_test_add_func("/uuid-disk/rejected/not-memory", not_memory);
    g_test_add_func("/uuid-disk/read-only", read_only);
    g_test_add_func("/uuid-disk/released", released);
    g_test_add_func("/uuid-disk/uuid-is-one-sector", uuid_is_one_sector);
    g_test_add_func("/uuid-disk/malformed-requests", malformed_requests);
    g_test_add_func("/uuid-disk/image/impossible", impossible_layouts);
    g_test_add_func("/uuid-disk/image/padded", layouts);
    g_test_add_func("/uuid-disk/commands", commands);

    return g_test_run();
}
