/*
 * Fuzzing target: the migration stream of virtio-gpu's resource UUIDs
 *
 * An input is a Header, followed by:
 *
 * - with FLAG_RAW, the bytes of a stream
 * - otherwise, Edits of a valid stream that gives each resource a UUID; an
 *   incomplete Edit is ignored
 *
 * The stream is loaded into a device with the resources that the Header
 * describes.  The stream has the fields of the subsection or, with FLAG_PARENT,
 * the data after the fields of the device, which may have this subsection any
 * number of times, and other subsections.  The target finds the expected result
 * by parsing the stream a second time, with independent code.
 *
 * QEMU prints a line on stderr for each rejected stream: use -close_fd_mask=2.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-export.h"
#include "hw/virtio/virtio-gpu-resource-uuid.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"
#include "hw/virtio/virtio-export-compat.h"
#include "io/channel-buffer.h"
#include "migration/vmstate.h"
#include "../migration/qemu-file.h"
#include "../migration/savevm.h"
#include "fuzz.h"

#define MAX_RESOURCES   64
#define MAX_SPREAD      26
#define RECORD_SIZE     (sizeof(uint32_t) + sizeof(QemuUUID))
#define VERSION         1
#define PARENT          "virtio-gpu"
#define SUBSECTION      "virtio-gpu/resource-uuid"

enum {
    FLAG_OFF    = 1 << 0, /* the device with resource_uuid=off */
    FLAG_ACKED  = 1 << 1, /* the driver has acknowledged the feature */
    FLAG_PARENT = 1 << 2,
    FLAG_RAW    = 1 << 3,
};

/* Numbers are big endian, as in the stream */
typedef struct QEMU_PACKED Header {
    uint8_t flags;
    uint8_t resources;      /* modulo MAX_RESOURCES + 1 */
    uint8_t spread;         /* modulo MAX_SPREAD + 1 */
    uint8_t version;        /* of the subsection; VERSION is right */
    uint32_t first_id;      /* the next ones come in steps of 1 << spread */
} Header;

typedef enum EditKind {
    EDIT_RECORDS,           /* there are as many records as value says */
    EDIT_COUNT,             /* the stream says that there are value records */
    EDIT_ID,                /* a record has the id value */
    EDIT_SAME_ID,           /* a record has the id of another */
    EDIT_UUID,              /* value is 4 of the bytes of a UUID */
    EDIT_UUID_VERSION,
    EDIT_UUID_VARIANT,
    EDIT_SAME_UUID,
    EDIT_NO_UUID,
    EDIT_AGAIN,             /* the stream has the subsection again */
    EDIT_BYTE,              /* the byte at value differs by xor */
    EDIT_CUT,               /* the stream ends at value */
    EDIT_KINDS,
} EditKind;

typedef struct QEMU_PACKED Edit {
    uint8_t kind;           /* modulo EDIT_KINDS */
    uint8_t record;         /* modulo MAX_RESOURCES */
    uint8_t other;          /* a record, byte of a UUID, or xor */
    uint32_t value;
} Edit;

typedef struct Record {
    uint32_t id;
    QemuUUID uuid;
} Record;

typedef struct Plan {
    Record records[MAX_RESOURCES];
    uint32_t num_records;
    uint32_t count;
    uint32_t times;
} Plan;

typedef struct Case {
    VirtIOGPU *gpu;
    const VMStateDescription *vmsd;
    Header header;
    uint32_t num_ids;
    uint32_t ids[MAX_RESOURCES];
    QemuUUID uuids[MAX_RESOURCES]; /* expected UUIDs of the resources */
} Case;

/* The second, independent parser of a stream */
typedef struct Reader {
    const uint8_t *at;
    size_t left;
    Case *c;
} Reader;

typedef enum Peeked {
    PEEKED_NOTHING,         /* no subsection of this section */
    PEEKED_END,
    PEEKED_SUBSECTION,
} Peeked;

static VirtIOGPU *gpu_on;
static VirtIOGPU *gpu_off;

static const VMStateDescription vmstate_parent = {
    .name = PARENT,
    .version_id = VERSION,
    .minimum_version_id = VERSION,
    .fields = (const VMStateField[]) {
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_virtio_gpu_resource_uuid,
        NULL
    },
};

static bool is_parent(const Case *c)
{
    return c->header.flags & FLAG_PARENT;
}

static bool has_uuids(const Case *c)
{
    return !(c->header.flags & FLAG_OFF) && (c->header.flags & FLAG_ACKED);
}

/* A valid stream, and its edits */

static void plan_right(Plan *plan, const Case *c)
{
    uint32_t i, j;

    *plan = (Plan) { .times = 1, .num_records = c->num_ids,
                     .count = c->num_ids };
    for (i = 0; i < MAX_RESOURCES; i++) {
        Record *record = &plan->records[i];

        record->id = i < c->num_ids ? c->ids[i] : 0;
        for (j = 0; j < sizeof(record->uuid.data); j++) {
            record->uuid.data[j] = (i + 1) * (2 * j + 1);
        }
        record->uuid.data[6] = 0x40 | (record->uuid.data[6] & 0x0f);
        record->uuid.data[8] = 0x80 | (record->uuid.data[8] & 0x3f);
    }
}

static void set_bits(uint8_t *byte, uint8_t mask, uint8_t value)
{
    *byte = (*byte & ~mask) | (value & mask);
}

static void edit_uuid(QemuUUID *uuid, const Edit *edit)
{
    uint32_t value = cpu_to_be32(edit->value);

    memcpy(uuid->data + edit->other % 4 * sizeof(value), &value,
           sizeof(value));
}

static void edit_plan(Plan *plan, const Edit *edit)
{
    Record *record = &plan->records[edit->record % MAX_RESOURCES];
    const Record *other = &plan->records[edit->other % MAX_RESOURCES];

    switch (edit->kind % EDIT_KINDS) {
    case EDIT_RECORDS:
        plan->num_records = edit->value % (MAX_RESOURCES + 1);
        plan->count = plan->num_records;
        break;
    case EDIT_COUNT:
        plan->count = edit->value;
        break;
    case EDIT_ID:
        record->id = edit->value;
        break;
    case EDIT_SAME_ID:
        record->id = other->id;
        break;
    case EDIT_UUID:
        edit_uuid(&record->uuid, edit);
        break;
    case EDIT_UUID_VERSION:
        set_bits(&record->uuid.data[6], 0xf0, edit->value);
        break;
    case EDIT_UUID_VARIANT:
        set_bits(&record->uuid.data[8], 0xc0, edit->value);
        break;
    case EDIT_SAME_UUID:
        record->uuid = other->uuid;
        break;
    case EDIT_NO_UUID:
        record->uuid = (QemuUUID) { };
        break;
    case EDIT_AGAIN:
        plan->times = MIN(plan->times + 1, 3);
        break;
    }
}

static void edit_stream(GByteArray *stream, const Edit *edit)
{
    switch (edit->kind % EDIT_KINDS) {
    case EDIT_BYTE:
        if (stream->len > 0) {
            stream->data[edit->value % stream->len] ^= edit->other;
        }
        break;
    case EDIT_CUT:
        g_byte_array_set_size(stream, edit->value % (stream->len + 1));
        break;
    }
}

static void append_u8(GByteArray *stream, uint8_t value)
{
    g_byte_array_append(stream, &value, sizeof(value));
}

static void append_u32(GByteArray *stream, uint32_t value)
{
    value = cpu_to_be32(value);
    g_byte_array_append(stream, (uint8_t *)&value, sizeof(value));
}

static GByteArray *write_plan(const Plan *plan, const Case *c, uint8_t version)
{
    GByteArray *stream = g_byte_array_new();
    uint32_t i, j;

    for (i = 0; i < plan->times; i++) {
        if (is_parent(c)) {
            append_u8(stream, QEMU_VM_SUBSECTION);
            append_u8(stream, strlen(SUBSECTION));
            g_byte_array_append(stream, (const uint8_t *)SUBSECTION,
                                strlen(SUBSECTION));
            append_u32(stream, version);
        }
        append_u32(stream, plan->count);
        for (j = 0; j < plan->num_records; j++) {
            append_u32(stream, plan->records[j].id);
            g_byte_array_append(stream, plan->records[j].uuid.data,
                                sizeof(plan->records[j].uuid.data));
        }
    }
    append_u8(stream, QEMU_VM_EOF);
    return stream;
}

static GByteArray *right_stream(const Case *c)
{
    Plan plan;

    plan_right(&plan, c);
    return write_plan(&plan, c, VERSION);
}

static Edit get_edit(const uint8_t *data, size_t number)
{
    Edit edit;

    memcpy(&edit, data + number * sizeof(edit), sizeof(edit));
    edit.value = be32_to_cpu(edit.value);
    return edit;
}

static GByteArray *edited_stream(const Case *c, const uint8_t *data,
                                 size_t size)
{
    GByteArray *stream;
    Plan plan;
    size_t i;

    plan_right(&plan, c);
    for (i = 0; i < size / sizeof(Edit); i++) {
        Edit edit = get_edit(data, i);

        edit_plan(&plan, &edit);
    }
    stream = write_plan(&plan, c, c->header.version);
    for (i = 0; i < size / sizeof(Edit); i++) {
        Edit edit = get_edit(data, i);

        edit_stream(stream, &edit);
    }
    return stream;
}

static GByteArray *get_stream(const Case *c, const uint8_t *data, size_t size)
{
    if (c->header.flags & FLAG_RAW) {
        return g_byte_array_append(g_byte_array_new(), data, size);
    }
    return edited_stream(c, data, size);
}

/* The expected result of a stream */

/* Return: what QEMU finds after the fields of @name, for a subsection */
static Peeked peek(const Reader *r, const char *name)
{
    if (r->left == 0) {
        return PEEKED_END;
    }
    if (r->at[0] != QEMU_VM_SUBSECTION) {
        return PEEKED_NOTHING;
    }
    if (r->left == 1) {
        return PEEKED_END;
    }
    if (r->at[1] <= strlen(name)) {
        return PEEKED_NOTHING;
    }
    if (r->left - 2 < r->at[1]) {
        return PEEKED_END;
    }
    return memcmp(r->at + 2, name, strlen(name)) ? PEEKED_NOTHING
                                                 : PEEKED_SUBSECTION;
}

static const uint8_t *take(Reader *r, size_t size)
{
    const uint8_t *taken = r->at;

    if (r->left < size) {
        return NULL;
    }
    r->at += size;
    r->left -= size;
    return taken;
}

static void expect_none(Case *c)
{
    memset(c->uuids, 0, sizeof(c->uuids));
}

static bool any_expected(const Case *c)
{
    uint32_t i;

    for (i = 0; i < c->num_ids; i++) {
        if (!qemu_uuid_is_null(&c->uuids[i])) {
            return true;
        }
    }
    return false;
}

static bool expect_record(Case *c, const uint8_t *record)
{
    QemuUUID uuid, *room = NULL;
    uint32_t i;

    memcpy(&uuid, record + sizeof(uint32_t), sizeof(uuid));
    for (i = 0; i < c->num_ids; i++) {
        if (qemu_uuid_is_equal(&c->uuids[i], &uuid)) {
            return false;
        }
        if (c->ids[i] == ldl_be_p(record)) {
            room = &c->uuids[i];
        }
    }
    if (!room || !qemu_uuid_is_null(room) ||
        uuid.data[6] >> 4 != 4 || uuid.data[8] >> 6 != 2) {
        return false;
    }
    *room = uuid;
    return true;
}

static bool expect_records(Case *c, const uint8_t *records, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        if (!expect_record(c, records + i * RECORD_SIZE)) {
            expect_none(c);
            return false;
        }
    }
    return true;
}

static bool expect_fields(Reader *r)
{
    const uint8_t *at = take(r, sizeof(uint32_t));
    const uint8_t *records;
    uint32_t count;

    count = at ? ldl_be_p(at) : 0;
    if (count == 0 || count > r->c->num_ids) {
        return false;
    }
    records = take(r, count * RECORD_SIZE);
    /*
     * QEMU peeks at what follows.  A valid stream never ends there; if it does,
     * the UUIDs are loaded anyway.
     */
    return records && peek(r, SUBSECTION) != PEEKED_SUBSECTION &&
           expect_records(r->c, records, count) &&
           peek(r, SUBSECTION) != PEEKED_END;
}

static bool expect_subsection(Reader *r, uint8_t version)
{
    if (version != VERSION || !has_uuids(r->c)) {
        return false;
    }
    if (any_expected(r->c)) {
        expect_none(r->c);
        return false;
    }
    return expect_fields(r);
}

static bool expect_subsections(Reader *r)
{
    while (peek(r, PARENT) == PEEKED_SUBSECTION) {
        const uint8_t *head = take(r, 2 + r->at[1]);
        g_autofree char *name = g_strndup((const char *)head + 2, head[1]);
        const uint8_t *version = take(r, sizeof(uint32_t));

        /* QEMU checks only the last byte of a subsection's version */
        if (!g_str_equal(name, SUBSECTION) || !version ||
            !expect_subsection(r, version[3])) {
            return false;
        }
    }
    return true;
}

/* Set the expected UUIDs.  Return: whether the stream must be loaded */
static bool expect(Case *c, const GByteArray *stream, uint8_t version)
{
    Reader r = { .at = stream->data, .left = stream->len, .c = c };

    expect_none(c);
    return is_parent(c) ? expect_subsections(&r)
                        : expect_subsection(&r, version);
}

/* The device */

static void add_resources(const Case *c)
{
    uint32_t i;

    for (i = 0; i < c->num_ids; i++) {
        struct virtio_gpu_simple_resource *res =
            g_new0(struct virtio_gpu_simple_resource, 1);

        res->resource_id = c->ids[i];
        virtio_gpu_add_resource(c->gpu, res);
    }
}

static void remove_resources(const Case *c)
{
    VirtIOGPUClass *vgc = VIRTIO_GPU_GET_CLASS(c->gpu);
    struct virtio_gpu_simple_resource *res, *next;
    uint32_t i;

    QTAILQ_FOREACH_SAFE(res, &c->gpu->reslist, next, next) {
        vgc->resource_destroy(c->gpu, res, &error_abort);
    }
    for (i = 0; i < c->num_ids; i++) {
        g_assert(!virtio_export_exists(&c->uuids[i]));
    }
}

/* Recreate the resources, as after a reset */
static void renew_resources(const Case *c)
{
    remove_resources(c);
    add_resources(c);
}

static void assert_as_expected(const Case *c)
{
    size_t named = 0;
    uint32_t i;

    for (i = 0; i < c->num_ids; i++) {
        const QemuUUID *uuid = &c->uuids[i];
        struct virtio_gpu_simple_resource *res =
            virtio_gpu_find_resource(c->gpu, c->ids[i]);

        g_assert(qemu_uuid_is_equal(&res->uuid, uuid));
        if (!qemu_uuid_is_null(uuid)) {
            named++;
            g_assert(virtio_gpu_uuid_table_find(c->gpu->uuid_table, uuid) ==
                     &res->uuid);
            g_assert(virtio_export_exists(uuid));
        }
    }
    if (c->gpu->uuid_table) {
        g_assert(virtio_gpu_uuid_table_size(c->gpu->uuid_table) == named);
    }
}

static bool load(const Case *c, const GByteArray *stream, uint8_t version)
{
    QIOChannelBuffer *ioc = qio_channel_buffer_new(stream->len);
    QEMUFile *f = qemu_file_new_input(QIO_CHANNEL(ioc));
    int ret;

    if (stream->len > 0) {
        memcpy(ioc->data, stream->data, stream->len);
    }
    ioc->usage = stream->len;
    ret = vmstate_load_state(f, c->vmsd, c->gpu,
                             is_parent(c) ? VERSION : version, NULL);
    qemu_fclose(f);
    object_unref(OBJECT(ioc));
    return ret == 0;
}

static GByteArray *save(const Case *c)
{
    QIOChannelBuffer *ioc = qio_channel_buffer_new(0);
    QEMUFile *f = qemu_file_new_output(QIO_CHANNEL(ioc));
    GByteArray *stream = g_byte_array_new();

    g_assert(vmstate_save_state(f, c->vmsd, c->gpu, NULL, &error_abort) == 0);
    g_assert(qemu_fflush(f) == 0);
    g_byte_array_append(stream, ioc->data, ioc->usage);
    append_u8(stream, QEMU_VM_EOF);
    qemu_fclose(f);
    object_unref(OBJECT(ioc));
    return stream;
}

static void load_and_check(Case *c, const GByteArray *stream, uint8_t version,
                           bool loaded)
{
    g_assert(load(c, stream, version) == loaded);
    assert_as_expected(c);
}

/* The loaded state can be saved and loaded again */
static void check_saved(Case *c)
{
    g_autoptr(GByteArray) saved = save(c);
    g_autoptr(GByteArray) again = NULL;

    renew_resources(c);
    load_and_check(c, saved, VERSION, true);
    again = save(c);
    g_assert(saved->len == again->len);
    g_assert(memcmp(saved->data, again->data, saved->len) == 0);
}

/* After a rejected stream, the next valid stream loads */
static void check_next(Case *c)
{
    g_autoptr(GByteArray) stream = right_stream(c);

    renew_resources(c);
    load_and_check(c, stream, VERSION, expect(c, stream, VERSION));
}

static void init_case(Case *c, const uint8_t *data)
{
    uint32_t i, id;

    memcpy(&c->header, data, sizeof(c->header));
    c->gpu = c->header.flags & FLAG_OFF ? gpu_off : gpu_on;
    c->vmsd = is_parent(c) ? &vmstate_parent
                           : &vmstate_virtio_gpu_resource_uuid;
    for (i = 0; i < c->header.resources % (MAX_RESOURCES + 1); i++) {
        id = be32_to_cpu(c->header.first_id) +
             (i << c->header.spread % (MAX_SPREAD + 1));
        if (id) {           /* 0 is not a valid ID */
            c->ids[c->num_ids++] = id;
        }
    }
}

static void stream_fuzz(QTestState *s, const unsigned char *data, size_t size)
{
    g_autoptr(GByteArray) stream = NULL;
    Case c = { };
    bool loaded;

    if (size < sizeof(c.header)) {
        return;
    }
    init_case(&c, data);
    VIRTIO_DEVICE(c.gpu)->guest_features =
        c.header.flags & FLAG_ACKED ? 1ull << VIRTIO_GPU_F_RESOURCE_UUID : 0;
    stream = get_stream(&c, data + sizeof(c.header), size - sizeof(c.header));
    loaded = expect(&c, stream, c.header.version);

    add_resources(&c);
    load_and_check(&c, stream, c.header.version, loaded);
    if (loaded) {
        check_saved(&c);
    } else {
        check_next(&c);
    }
    remove_resources(&c);
}

static VirtIOGPU *find_gpu(const char *path)
{
    return VIRTIO_GPU(object_resolve_path(path, NULL));
}

static void stream_pre_fuzz(QTestState *s)
{
    gpu_on = find_gpu("/machine/peripheral/on/virtio-backend");
    gpu_off = find_gpu("/machine/peripheral/off/virtio-backend");
}

static GString *stream_cmdline(FuzzTarget *t)
{
    return g_string_new(TARGET_NAME " -machine q35,accel=qtest -nodefaults"
                        " -display none"
                        " -device virtio-gpu-pci,id=on,resource_uuid=on"
                        " -device virtio-gpu-pci,id=off");
}

static void register_stream_fuzz(void)
{
    fuzz_add_target(&(FuzzTarget) {
        .name = "virtio-gpu-uuid-stream",
        .description = "Fuzz the migration stream of virtio-gpu's UUIDs",
        .get_init_cmdline = stream_cmdline,
        .pre_fuzz = stream_pre_fuzz,
        .fuzz = stream_fuzz,
    });
}

fuzz_target_init(register_stream_fuzz);
