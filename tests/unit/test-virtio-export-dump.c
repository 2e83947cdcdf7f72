/*
 * Tests of x-virtio-export-dump: images that are written, images that are
 * rejected
 *
 * The test replaces the PNG encoder, and records the image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-export.h"
#include "hw/virtio/virtio-export-compat.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-virtio.h"
#include "qemu/coroutine.h"
#include "qemu/main-loop.h"
#include "qemu/memfd.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/qemu-pixman.h"
#include "open-fds.h"

#define THE_UUID    "30313233-3435-3637-3839-616263646566"
#define WIDTH       3
#define HEIGHT      2
#define ALL_SEALS   (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#define TYPE_TEST_EXPORTER "test-exporter"
OBJECT_DECLARE_SIMPLE_TYPE(TestExporter, TEST_EXPORTER)

/* Exports one object, with @fd as its memory */
struct TestExporter {
    Object parent_obj;

    VirtIOExportObject object;
    int fd;
    bool asleep;
    bool answers_later;
    VirtIOExportLookup *pending;
};

static TestExporter *exporter;

/* Pixels that the PNG encoder got, as PIXMAN_BE_r8g8b8; NULL if none */
static GByteArray *written;
static bool writer_fails;

static VirtIOExportStatus test_export(VirtIOExporter *obj,
                                      VirtIOExportLookup *lookup,
                                      VirtIOExportObject *object, Error **errp)
{
    static const QemuUUID its = { .data = "0123456789abcdef" };
    TestExporter *t = TEST_EXPORTER(obj);

    if (!qemu_uuid_is_equal(virtio_export_lookup_uuid(lookup), &its)) {
        return VIRTIO_EXPORT_UNKNOWN;
    }
    if (t->asleep) {
        error_setg(errp, "it is asleep");
        return VIRTIO_EXPORT_FAILED;
    }
    if (t->answers_later) {
        t->pending = lookup;
        return VIRTIO_EXPORT_PENDING;
    }
    *object = t->object;
    object->fd = qemu_dup(t->fd);
    g_assert_cmpint(object->fd, >=, 0);
    return VIRTIO_EXPORT_DONE;
}

static void test_exporter_class_init(ObjectClass *klass,
                                     VirtIOExportClassData *data)
{
    VIRTIO_EXPORTER_CLASS(klass)->export = test_export;
}

static const TypeInfo test_exporter_info = {
    .name = TYPE_TEST_EXPORTER,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(TestExporter),
    .class_init = test_exporter_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_VIRTIO_EXPORTER },
        { }
    },
};

GByteArray *png_encode(pixman_image_t *image, Error **errp)
{
    uint32_t width = pixman_image_get_width(image);
    uint32_t height = pixman_image_get_height(image);
    g_autoptr(pixman_image_t) rgb = pixman_image_create_bits(
        PIXMAN_BE_r8g8b8, width, height, NULL, 0);

    if (writer_fails) {
        error_setg(errp, "it does not write");
        return NULL;
    }
    pixman_image_composite(PIXMAN_OP_SRC, image, NULL, rgb, 0, 0, 0, 0, 0, 0,
                           width, height);
    written = g_byte_array_new();
    for (uint32_t y = 0; y < height; y++) {
        g_byte_array_append(written,
                            (uint8_t *)pixman_image_get_data(rgb) +
                            y * pixman_image_get_stride(rgb), width * 3);
    }
    return g_byte_array_append(g_byte_array_new(), (uint8_t *)"PNG", 3);
}

static int make_memfd(const void *bytes, size_t len, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, bytes, len), ==, len);
    g_assert_cmpint(fcntl(fd, F_ADD_SEALS, seals), ==, 0);
    return fd;
}

/* A file on a disk has no seals: it is mapped like a dma-buf */
static int make_file(const void *bytes, size_t len)
{
    char name[] = "test-virtio-export-XXXXXX";
    int fd = g_mkstemp(name);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(unlink(name), ==, 0);
    g_assert_cmpint(write(fd, bytes, len), ==, len);
    return fd;
}

/*
 * Export an image of WIDTH x HEIGHT without gaps, in a memfd of @len bytes.
 * The exporter does not report the size, so that the registry accepts any
 * layout.
 */
static void export_image(uint32_t fourcc, const void *bytes, size_t len)
{
    exporter = TEST_EXPORTER(object_new(TYPE_TEST_EXPORTER));
    exporter->object = (VirtIOExportObject) {
        .kind = VIRTIO_EXPORT_KIND_MEMFD,
        .width = WIDTH,
        .height = HEIGHT,
        .fourcc = fourcc,
        .modifier = DRM_FORMAT_MOD_LINEAR,
        .num_planes = 1,
        .strides = { WIDTH * 4 },
    };
    exporter->fd = make_memfd(bytes, len, ALL_SEALS);
    virtio_exporter_register(VIRTIO_EXPORTER(exporter));
}

static void export_other_memory(int fd)
{
    close(exporter->fd);
    exporter->fd = fd;
}

static void done(void)
{
    virtio_exporter_unregister(VIRTIO_EXPORTER(exporter));
    close(exporter->fd);
    object_unref(exporter);
    g_clear_pointer(&written, g_byte_array_unref);
}

/* Return: a new file's name in a new folder; free it with remove_name() */
static char *make_name(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-export-XXXXXX", NULL);

    g_assert_nonnull(dir);
    return g_build_filename(dir, "image.png", NULL);
}

static void remove_name(char *name)
{
    g_autofree char *dir = g_path_get_dirname(name);

    unlink(name);
    g_assert_cmpint(rmdir(dir), ==, 0);
    g_free(name);
}

static void dump(void)
{
    char *name = make_name();

    qmp_x_virtio_export_dump(THE_UUID, name, &error_abort);
    g_assert_cmpint(access(name, R_OK), ==, 0);
    remove_name(name);
}

/* Check that no file is written, and that no descriptor leaks */
static void assert_rejected_uuid(const char *uuid, const char *expected)
{
    char *name = make_name();
    unsigned int before = open_fds();
    Error *err = NULL;

    qmp_x_virtio_export_dump(uuid, name, &err);
    g_assert_cmpstr(error_get_pretty(err), ==, expected);
    g_assert_cmpint(access(name, F_OK), ==, -1);
    g_assert_cmpuint(open_fds(), ==, before);
    g_assert_null(written);
    error_free(err);
    remove_name(name);
}

static void assert_rejected(const char *expected)
{
    g_autofree char *text = g_strdup_printf(
        "cannot dump the object with UUID " THE_UUID ": %s", expected);

    assert_rejected_uuid(THE_UUID, text);
}

typedef struct Format {
    uint32_t fourcc;
    uint8_t bytes;
    uint8_t r, g, b;    /* byte positions in a pixel */
} Format;

static const Format formats[] = {
    { DRM_FORMAT_XRGB8888, 4, 2, 1, 0 },
    { DRM_FORMAT_ARGB8888, 4, 2, 1, 0 },
    { DRM_FORMAT_XBGR8888, 4, 0, 1, 2 },
    { DRM_FORMAT_ABGR8888, 4, 0, 1, 2 },
    { DRM_FORMAT_RGBX8888, 4, 3, 2, 1 },
    { DRM_FORMAT_RGBA8888, 4, 3, 2, 1 },
    { DRM_FORMAT_BGRX8888, 4, 1, 2, 3 },
    { DRM_FORMAT_BGRA8888, 4, 1, 2, 3 },
    { DRM_FORMAT_RGB888, 3, 2, 1, 0 },
};

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = 7 * i + 1;
    }
}

/* @bytes: the image */
static void assert_written(const Format *format, const uint8_t *bytes,
                           size_t stride)
{
    size_t i = 0;

    g_assert_cmpuint(written->len, ==, WIDTH * HEIGHT * 3);
    for (size_t y = 0; y < HEIGHT; y++) {
        for (size_t x = 0; x < WIDTH; x++) {
            const uint8_t *pixel = &bytes[y * stride + x * format->bytes];

            g_assert_cmphex(written->data[i++], ==, pixel[format->r]);
            g_assert_cmphex(written->data[i++], ==, pixel[format->g]);
            g_assert_cmphex(written->data[i++], ==, pixel[format->b]);
        }
    }
}

static void each_format(void)
{
    uint8_t bytes[WIDTH * HEIGHT * 4];

    fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        size_t stride = WIDTH * formats[i].bytes;

        export_image(formats[i].fourcc, bytes, stride * HEIGHT);
        exporter->object.strides[0] = stride;
        dump();
        assert_written(&formats[i], bytes, stride);
        done();
    }
}

/* With an unaligned offset and stride */
static void bottom_up(void)
{
    static const uint8_t rows[HEIGHT] = { 1, 2 };
    uint8_t bytes[HEIGHT][WIDTH * 4];

    for (int y = 0; y < HEIGHT; y++) {
        memset(bytes[y], rows[y], sizeof(bytes[y]));
    }
    export_image(DRM_FORMAT_XRGB8888, bytes, sizeof(bytes));
    exporter->object.bottom_up = true;
    dump();
    for (int y = 0; y < HEIGHT; y++) {
        g_assert_cmphex(written->data[y * WIDTH * 3], ==,
                        rows[HEIGHT - 1 - y]);
    }
    done();
}

static void odd_layout(void)
{
    uint8_t bytes[5 + 17 * HEIGHT];

    fill(bytes, sizeof(bytes));
    export_image(DRM_FORMAT_XRGB8888, bytes, sizeof(bytes));
    exporter->object.offsets[0] = 5;
    exporter->object.strides[0] = 17;
    dump();
    assert_written(&formats[0], bytes + 5, 17);
    done();
}

/* The memory may end before the padding of the last row */
static void last_byte(void)
{
    uint8_t bytes[20 + WIDTH * 4];

    fill(bytes, sizeof(bytes));
    export_image(DRM_FORMAT_XRGB8888, bytes, sizeof(bytes));
    exporter->object.strides[0] = 20;
    dump();
    assert_written(&formats[0], bytes, 20);
    done();

    export_image(DRM_FORMAT_XRGB8888, bytes, sizeof(bytes) - 1);
    exporter->object.strides[0] = 20;
    assert_rejected("its memory ends within the image");
    done();
}

static void unsealed_memory_is_not_mapped(void)
{
    uint8_t bytes[WIDTH * HEIGHT * 4];

    fill(bytes, sizeof(bytes));
    for (int kind = 0; kind <= VIRTIO_EXPORT_KIND_DMABUF; kind++) {
        export_image(DRM_FORMAT_XRGB8888, bytes, sizeof(bytes));
        exporter->object.kind = kind;
        export_other_memory(make_memfd(bytes, sizeof(bytes), 0));
        dump();
        assert_written(&formats[0], bytes, WIDTH * 4);

        /* simulate a shrinking file: an access to a mapping would fault */
        g_assert_cmpint(ftruncate(exporter->fd, WIDTH * 4 + 1), ==, 0);
        g_clear_pointer(&written, g_byte_array_unref);
        assert_rejected("its memory ends within the image");
        g_assert_cmpint(ftruncate(exporter->fd, 0), ==, 0);
        assert_rejected("its memory ends within the image");
        done();
    }
}

static void dma_buf_is_mapped(void)
{
    uint8_t bytes[20 + WIDTH * 4];
    int fd;

    fill(bytes, sizeof(bytes));
    fd = make_file(bytes, sizeof(bytes));
    if (fcntl(fd, F_GET_SEALS) >= 0) {
        g_test_skip("the current folder is not on a disk");
        close(fd);
        return;
    }
    export_image(DRM_FORMAT_XRGB8888, bytes, 1);
    exporter->object.kind = VIRTIO_EXPORT_KIND_DMABUF;
    exporter->object.strides[0] = 20;
    export_other_memory(fd);
    dump();
    assert_written(&formats[0], bytes, 20);
    g_clear_pointer(&written, g_byte_array_unref);

    g_assert_cmpint(ftruncate(fd, sizeof(bytes) - 1), ==, 0);
    assert_rejected("its memory ends within the image");
    g_assert_cmpint(ftruncate(fd, sizeof(bytes)), ==, 0);
    exporter->object.kind = VIRTIO_EXPORT_KIND_MEMFD;
    assert_rejected("its memory is neither a memfd nor known to be a dma-buf");
    done();
}

/* A read from a back-end's pipe or socket could block for ever */
static void blocking_file_is_not_read(void)
{
    const char *const why =
        "its memory is neither a memfd nor known to be a dma-buf";
    int fds[2];

    export_image(DRM_FORMAT_XRGB8888, "", 1);
    exporter->object.kind = VIRTIO_EXPORT_KIND_UNKNOWN;
    g_assert_cmpint(pipe(fds), ==, 0);
    export_other_memory(fds[0]);
    assert_rejected(why);
    close(fds[1]);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    export_other_memory(fds[0]);
    assert_rejected(why);
    exporter->object.kind = VIRTIO_EXPORT_KIND_DMABUF;
    assert_rejected("its memory ends within the image");
    close(fds[1]);
    done();
}

static void unknown_layout_is_an_error(void)
{
    const char *const why =
        "the size, format or layout of its image is not known";
    VirtIOExportObject known;

    export_image(DRM_FORMAT_XRGB8888, "", 1);
    known = exporter->object;
    exporter->object.width = 0;
    assert_rejected(why);
    exporter->object = known;
    exporter->object.height = 0;
    assert_rejected(why);
    exporter->object = known;
    exporter->object.fourcc = DRM_FORMAT_INVALID;
    assert_rejected(why);
    exporter->object = known;
    exporter->object.num_planes = 0;
    assert_rejected(why);
    exporter->object = known;
    exporter->object.modifier = DRM_FORMAT_MOD_INVALID;
    assert_rejected("its image is not known to be linear: "
                    "its modifier is 0xffffffffffffff");
    done();
}

static void format_other_than_rgb_is_an_error(void)
{
    export_image(DRM_FORMAT_NV12, "", 1);
    assert_rejected("an image of the format NV12 in 1 plane cannot be written "
                    "as PNG");
    exporter->object.num_planes = 2;
    assert_rejected("an image of the format NV12 in 2 planes cannot be written "
                    "as PNG");
    exporter->object.fourcc = DRM_FORMAT_XRGB8888;
    assert_rejected("an image of the format XR24 in 2 planes cannot be written "
                    "as PNG");
    done();
}

static void wrong_layout_is_an_error(void)
{
    export_image(DRM_FORMAT_XRGB8888, "", 1);
    exporter->object.strides[0] = WIDTH * 4 - 1;
    assert_rejected("the size, format or layout of its image is not known");
    exporter->object.strides[0] = UINT32_MAX;
    exporter->object.offsets[0] = UINT32_MAX;
    assert_rejected("its memory ends within the image");
    exporter->object.height = INT16_MAX + 1;
    assert_rejected("its image of 3x32768 pixels is larger than 32767x32767");
    exporter->object.height = HEIGHT;
    exporter->object.width = INT16_MAX + 1;
    assert_rejected("its image of 32768x2 pixels is larger than 32767x32767");
    done();
}

static void failed_lookup_is_an_error(void)
{
    export_image(DRM_FORMAT_XRGB8888, "", 1);
    assert_rejected_uuid("7", "'7' is not a UUID");
    assert_rejected_uuid("6f662d74-6865-2d62-6163-6b2d656e6400",
                         "no device exports an object with UUID "
                         "6f662d74-6865-2d62-6163-6b2d656e6400");
    exporter->asleep = true;
    assert_rejected_uuid(THE_UUID, "cannot export the object with UUID "
                         THE_UUID ": it is asleep");
    done();
}

/* The command as the monitor runs it */
typedef struct Command {
    char *name;
    Error *err;
    bool ended;
} Command;

static void coroutine_fn run_command(void *opaque)
{
    Command *c = opaque;

    qmp_x_virtio_export_dump(THE_UUID, c->name, &c->err);
    c->ended = true;
}

/* Start the command, which then waits for the exporter */
static Command *start_command(void)
{
    Command *c = g_new0(Command, 1);

    exporter->answers_later = true;
    c->name = make_name();
    qemu_coroutine_enter(qemu_coroutine_create(run_command, c));
    g_assert_false(c->ended);
    g_assert_nonnull(exporter->pending);
    return c;
}

/* The command continues in the main loop, not where the lookup has ended */
static void end_command(Command *c, const char *expected)
{
    g_assert_false(c->ended);
    g_assert_true(aio_poll(qemu_get_aio_context(), false));
    g_assert_true(c->ended);
    g_assert_cmpstr(c->err ? error_get_pretty(c->err) : NULL, ==, expected);
    g_assert_cmpint(access(c->name, F_OK), ==, expected ? -1 : 0);
    error_free(c->err);
    remove_name(c->name);
    g_free(c);
}

static void late_answer_is_written(void)
{
    uint8_t bytes[WIDTH * HEIGHT * 4];
    VirtIOExportObject object;
    unsigned int before;
    Command *c;

    fill(bytes, sizeof(bytes));
    export_image(DRM_FORMAT_XRGB8888, bytes, sizeof(bytes));
    before = open_fds();
    c = start_command();
    object = exporter->object;
    object.fd = qemu_dup(exporter->fd);
    virtio_export_answer(exporter->pending, &object, NULL);
    end_command(c, NULL);
    assert_written(&formats[0], bytes, WIDTH * 4);
    g_assert_cmpuint(open_fds(), ==, before);
    done();
}

static void late_failure_is_an_error(void)
{
    Error *err = NULL;
    Command *c;

    export_image(DRM_FORMAT_XRGB8888, "", 1);
    c = start_command();
    error_setg(&err, "it is asleep");
    virtio_export_answer(exporter->pending, NULL, err);
    end_command(c, "cannot export the object with UUID " THE_UUID
                ": it is asleep");
    done();
}

static void unregistered_exporter_is_an_error(void)
{
    Command *c;

    export_image(DRM_FORMAT_XRGB8888, "", 1);
    c = start_command();
    virtio_exporter_unregister(VIRTIO_EXPORTER(exporter));
    end_command(c, "cannot export the object with UUID " THE_UUID
                ": the exporter is gone");
    virtio_exporter_register(VIRTIO_EXPORTER(exporter));
    done();
}

static void failed_write_is_an_error(void)
{
    uint8_t bytes[WIDTH * HEIGHT * 4];
    Error *err = NULL;

    fill(bytes, sizeof(bytes));
    export_image(DRM_FORMAT_XRGB8888, bytes, sizeof(bytes));
    writer_fails = true;
    assert_rejected_uuid(THE_UUID, "it does not write");
    writer_fails = false;
    qmp_x_virtio_export_dump(THE_UUID, "/nowhere/image.png", &err);
    g_assert_cmpstr(error_get_pretty(err), ==, "Could not create "
                    "'/nowhere/image.png': No such file or directory");
    error_free(err);
    done();
}

int main(int argc, char **argv)
{
    qemu_init_main_loop(&error_abort);
    module_call_init(MODULE_INIT_QOM);
    type_register_static(&test_exporter_info);

    g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add_func("/virtio-export/dump/" path, fn)
    ADD("each-format", each_format);
    ADD("odd-layout", odd_layout);
    ADD("bottom-up", bottom_up);
    ADD("last-byte", last_byte);
    ADD("unsealed-memory-is-not-mapped", unsealed_memory_is_not_mapped);
    ADD("dma-buf-is-mapped", dma_buf_is_mapped);
    ADD("blocking-file-is-not-read", blocking_file_is_not_read);
    ADD("unknown-layout-is-an-error", unknown_layout_is_an_error);
    ADD("format-other-than-rgb-is-an-error", format_other_than_rgb_is_an_error);
    ADD("wrong-layout-is-an-error", wrong_layout_is_an_error);
    ADD("failed-lookup-is-an-error", failed_lookup_is_an_error);
    ADD("late-answer-is-written", late_answer_is_written);
    ADD("late-failure-is-an-error", late_failure_is_an_error);
    ADD("unregistered-exporter-is-an-error", unregistered_exporter_is_an_error);
    ADD("failed-write-is-an-error", failed_write_is_an_error);
#undef ADD
    return g_test_run();
}
