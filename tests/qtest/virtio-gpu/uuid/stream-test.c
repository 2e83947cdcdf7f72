/*
 * QTest testcases for forged migration streams with invalid resource UUIDs of
 * virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "libqtest.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/migration.h"
#include "virtio-gpu/helpers/uuid.h"

#define RESOURCES   3
#define UUIDS       2
#define UNKNOWN_ID  99

/* The same value as in migration/savevm.h */
#define SUBSECTION  0x05

typedef struct QEMU_PACKED Record {
    uint32_t resource_id;
    uint8_t uuid[sizeof(uuid_t)];
} Record;

/* Marker, length of the name, name, version, number of records, records */
typedef struct QEMU_PACKED Subsection {
    uint8_t marker;
    uint8_t name_len;
    char name[sizeof(RESOURCE_UUID_SUBSECTION) - 1];
    uint32_t version;
    uint32_t num_records;
    Record records[UUIDS];
} Subsection;

/* How a subsection is forged, and a part of QEMU's error message */
typedef struct Forgery {
    void (*forge)(Subsection *s);
    const char *reason;
} Forgery;

static Subsection *find_subsection(GByteArray *stream)
{
    ssize_t name = find_bytes(stream, 0, RESOURCE_UUID_SUBSECTION,
                              strlen(RESOURCE_UUID_SUBSECTION));
    Subsection *s;

    g_assert_cmpint(name, >=, 0);
    s = (Subsection *)(stream->data + name - offsetof(Subsection, name));
    g_assert_cmphex(s->marker, ==, SUBSECTION);
    g_assert_cmpuint(s->name_len, ==, sizeof(s->name));
    g_assert_cmpuint(be32_to_cpu(s->version), ==, 1);
    g_assert_cmpuint(be32_to_cpu(s->num_records), ==, UUIDS);
    return s;
}

/* Where a stream has its subsection, counted from its start */
static size_t offset_in(const GByteArray *stream, const void *s)
{
    return (const uint8_t *)s - stream->data;
}

static void insert_bytes(GByteArray *stream, size_t at, const void *bytes,
                         size_t len)
{
    size_t rest = stream->len - at;

    g_byte_array_set_size(stream, stream->len + len);
    memmove(stream->data + at + len, stream->data + at, rest);
    memcpy(stream->data + at, bytes, len);
}

/* Save a device with resources, of which the first @uuids have a UUID */
static GByteArray *stream_of(QVirtioGPU *gpu, uint32_t uuids)
{
    uint32_t id;

    for (id = 1; id <= RESOURCES; id++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = id });
        if (id <= uuids) {
            assign_uuid({ .gpu = gpu, .id = id });
        }
    }
    qos_invalidate_command_line();
    return save_stream(gpu->qts);
}

static GByteArray *honest_stream(QVirtioGPU *gpu)
{
    return stream_of(gpu, UUIDS);
}

/* The stream is rejected with @reason, and no part of it is loaded */
static void assert_lie_rejected(const GByteArray *stream, const char *reason)
{
    QTestState *to = assert_stream_rejected(stream, (DestinationOpt) { },
                                            reason);

    g_assert_false(has_uuids(to));
    qtest_quit(to);
}

static void forge_unknown_resource(Subsection *s)
{
    s->records[1].resource_id = cpu_to_be32(UNKNOWN_ID);
}

static void forge_resource_twice(Subsection *s)
{
    s->records[1].resource_id = s->records[0].resource_id;
}

static void forge_uuid_twice(Subsection *s)
{
    uuid_copy(s->records[1].uuid, s->records[0].uuid);
}

static void forge_null(Subsection *s)
{
    uuid_clear(s->records[1].uuid);
}

static void forge_version_1(Subsection *s)
{
    s->records[1].uuid[6] = (s->records[1].uuid[6] & 0x0f) | 0x10;
}

static void forge_variant(Subsection *s)
{
    s->records[1].uuid[8] |= 0xc0;
}

static void forge_newer(Subsection *s)
{
    s->version = cpu_to_be32(2);
}

static const Forgery unknown_resource = {
    forge_unknown_resource, "UUID of resource 0x63: the resource does not exist"
};

static const Forgery resource_twice = {
    forge_resource_twice, "the resource already has a UUID"
};

static const Forgery uuid_twice = {
    forge_uuid_twice, "is in use already"
};

static const Forgery null = {
    forge_null, "is null"
};

static const Forgery version_1 = {
    forge_version_1, "is not of version 4"
};

static const Forgery variant = {
    forge_variant, "is not of version 4"
};

static const Forgery newer = {
    forge_newer, RESOURCE_UUID_SUBSECTION ": incoming version_id 2 is too new"
};

static void forged(void *obj, void *data, QGuestAllocator *alloc)
{
    const UUIDTest *test = data;
    const Forgery *forgery = test->arg;
    GByteArray *stream = honest_stream(obj);

    forgery->forge(find_subsection(stream));
    assert_lie_rejected(stream, forgery->reason);
    g_byte_array_unref(stream);
}

static void assert_number_rejected(GByteArray *stream, uint32_t number)
{
    Subsection *s = find_subsection(stream);

    s->num_records = cpu_to_be32(number);
    assert_lie_rejected(stream,
                        "Input validation failed: " RESOURCE_UUID_SUBSECTION
                        "/0 < UUIDs <= resources");
    s->num_records = cpu_to_be32(UUIDS);
}

/* Too many records are rejected before memory is allocated for them */
static void too_many(void *obj, void *data, QGuestAllocator *alloc)
{
    static const uint32_t numbers[] = {
        RESOURCES + 1, INT32_MAX, (uint32_t)INT32_MIN, UINT32_MAX
    };
    GByteArray *stream = honest_stream(obj);
    int i;

    for (i = 0; i < ARRAY_SIZE(numbers); i++) {
        assert_number_rejected(stream, numbers[i]);
    }
    g_byte_array_unref(stream);
}

/* A subsection without records is rejected: no source sends one */
static void none(void *obj, void *data, QGuestAllocator *alloc)
{
    GByteArray *stream = honest_stream(obj);

    assert_number_rejected(stream, 0);
    g_byte_array_unref(stream);
}

static void second_copy(void *obj, void *data, QGuestAllocator *alloc)
{
    GByteArray *stream = honest_stream(obj);
    Subsection copy = *find_subsection(stream);

    insert_bytes(stream, offset_in(stream, find_subsection(stream)) +
                 sizeof(copy), &copy, sizeof(copy));
    assert_lie_rejected(stream, "the stream contains the UUIDs twice");
    g_byte_array_unref(stream);
}

/* The error message may also name the field */
static void assert_cut_rejected(QVirtioGPU *gpu, size_t offset)
{
    GByteArray *stream = honest_stream(gpu);

    g_byte_array_set_size(stream, offset +
                          offset_in(stream, find_subsection(stream)));
    assert_lie_rejected(stream, "Failed to load " RESOURCE_UUID_SUBSECTION);
    g_byte_array_unref(stream);
}

static void truncated_number(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_cut_rejected(obj, offsetof(Subsection, num_records) + 2);
}

static void truncated_records(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_cut_rejected(obj, offsetof(Subsection, records[1]));
}

static void truncated_uuid(void *obj, void *data, QGuestAllocator *alloc)
{
    assert_cut_rejected(obj, offsetof(Subsection, records[1].uuid[8]));
}

/* Insert a subsection before the footer of a section that has none */
static void insert_subsection(GByteArray *stream)
{
    Subsection s = {
        .marker = SUBSECTION,
        .name_len = sizeof(s.name),
        .version = cpu_to_be32(1),
        .num_records = cpu_to_be32(UUIDS),
    };
    size_t start, end;
    uint32_t i;

    memcpy(s.name, RESOURCE_UUID_SUBSECTION, sizeof(s.name));
    for (i = 0; i < UUIDS; i++) {
        s.records[i].resource_id = cpu_to_be32(i + 1);
        uuid_generate_random(s.records[i].uuid);
    }
    find_gpu_section(stream, &start, &end);
    insert_bytes(stream, end, &s, sizeof(s));
}

static void assert_insertion_rejected(QVirtioGPU *gpu, const char *reason)
{
    GByteArray *stream = stream_of(gpu, 0);

    insert_subsection(stream);
    assert_lie_rejected(stream, reason);
    g_byte_array_unref(stream);
}

static void off(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;

    assert_insertion_rejected(&pci->gpu, "the stream contains UUIDs, but '"
                              RESOURCE_UUID_PROP "' is off");
}

static void not_acknowledged(void *obj, void *data, QGuestAllocator *alloc)
{
    qvirtio_gpu_start(obj, RESOURCE_UUID_FEATURE);
    assert_insertion_rejected(obj, "the stream contains UUIDs, but the driver "
                              "has not acknowledged");
}

/* The insertion of off() and not_acknowledged() is valid with the feature */
static void inserted(void *obj, void *data, QGuestAllocator *alloc)
{
    GByteArray *stream = stream_of(obj, 0);
    QTestState *to = start_destination();

    insert_subsection(stream);
    g_assert_true(load_stream(to, stream));
    g_assert_true(has_uuids(to));
    qtest_quit(to);
    g_byte_array_unref(stream);
}

/*
 * Remove the description at the end of the stream, which is also missing in
 * post-copy or with suppress-vmdesc=on
 */
static void cut_description(GByteArray *stream)
{
    static const char text[] = "{\"configuration\"";
    ssize_t at = find_bytes(stream, 0, text, strlen(text));

    g_assert_cmpint(at, >=, 0);
    g_byte_array_set_size(stream, at - sizeof(uint32_t) - 1);
}

/* QEMU looks for a subsection at an ID that begins like one */
static void id_like_subsection(void *obj, void *data, QGuestAllocator *alloc)
{
    const uint32_t first_id = SUBSECTION << 24 | UINT8_MAX << 16;
    QVirtioGPU *gpu = obj;
    GByteArray *stream;
    QTestState *to;
    uint32_t i;

    for (i = 0; i < UUIDS; i++) {
        qvirtio_gpu_create_2d({ .gpu = gpu, .id = first_id + i });
        assign_uuid({ .gpu = gpu, .id = first_id + i });
    }
    qos_invalidate_command_line();
    stream = save_stream(gpu->qts);
    cut_description(stream);
    to = start_destination();
    g_assert_true(load_stream(to, stream));
    g_assert_true(has_uuids(to));
    qtest_quit(to);
    g_byte_array_unref(stream);
}

/*
 * The subsection that the first version of the code wrote for honest_stream().
 * Every later version must load it.  The rest of the stream is QEMU's.
 */
static const char kept_subsection[] =
    "\x05\x18" "virtio-gpu/resource-uuid"
    "\x00\x00\x00\x01"
    "\x00\x00\x00\x02"
    "\x00\x00\x00\x02"
    "\x27\x1d\x0f\xc7\x6c\xd6\x4c\x5b\x92\x6f\x63\xd3\x80\x45\x96\x6a"
    "\x00\x00\x00\x01"
    "\xd5\x6d\x4d\x80\xeb\x20\x43\xbc\x93\x06\xe2\x33\xa5\x15\x38\x68";

static const char *const kept_uuids[UUIDS] = {
    "d56d4d80-eb20-43bc-9306-e233a5153868",
    "271d0fc7-6cd6-4c5b-926f-63d38045966a",
};

QEMU_BUILD_BUG_ON(sizeof(kept_subsection) - 1 != sizeof(Subsection));

static void kept(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPU *gpu = obj;
    QTestState *home = gpu->qts;
    GByteArray *stream = honest_stream(gpu);
    uuid_t uuid, expected;

    memcpy(find_subsection(stream), kept_subsection, sizeof(Subsection));
    qvirtio_gpu_move(gpu, start_destination());
    g_assert_true(load_stream(gpu->qts, stream));
    for (int i = 0; i < UUIDS; i++) {
        assign_uuid({ .gpu = gpu, .id = i + 1, .uuid = uuid });
        g_assert_cmpint(uuid_parse(kept_uuids[i], expected), ==, 0);
        g_assert_cmpint(uuid_compare(uuid, expected), ==, 0);
    }
    g_byte_array_unref(stream);
    come_home(gpu, home);
}

static void register_stream_test(void)
{
    static const UUIDTest tests[] = {
        { "stream/uuid-twice", forged, &uuid_twice },
        { "stream/truncated-records", truncated_records },
        { "stream/kept", kept },
        { }
    };
    static const UUIDTest slow_tests[] = {
        { "stream/unknown-resource", forged, &unknown_resource },
        { "stream/resource-twice", forged, &resource_twice },
        { "stream/null-uuid", forged, &null },
        { "stream/other-version", forged, &version_1 },
        { "stream/other-variant", forged, &variant },
        { "stream/newer-subsection", forged, &newer },
        { "stream/too-many", too_many },
        { "stream/none", none },
        { "stream/second-copy", second_copy },
        { "stream/truncated-number", truncated_number },
        { "stream/truncated-uuid", truncated_uuid },
        { "stream/not-acknowledged", not_acknowledged },
        { "stream/inserted", inserted },
        { "stream/id-like-subsection", id_like_subsection },
        { }
    };

    add_uuid_pci_tests(tests, NULL);
    if (g_test_slow()) {
        add_uuid_pci_tests(slow_tests, NULL);
        qos_add_test("resource-uuid/off/stream/inserted", "virtio-gpu-pci", off,
                     NULL);
    }
}

libqos_init(register_stream_test);
