/*
 * Fuzzing target: virtio-gpu's control queue, with resource UUIDs
 *
 * The target calls the devices directly, without the qtest protocol, and resets
 * them between inputs.  An input is a byte of flags (CONFIG_*), then operations
 * up to its end: a byte that selects the operation, then its arguments.
 * Missing bytes read as zero, so that every input is valid.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_device.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-export-info.h"
#include "hw/virtio/virtio-gpu.h"
#include "hw/virtio/virtio-gpu-export.h"
#include "hw/virtio/virtio-gpu-resource-uuid.h"
#include "hw/virtio/virtio-gpu-uuid-table.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/guest-random.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "standard-headers/linux/virtio_ring.h"
#include "system/hostmem.h"
#include "trace/control.h"
#include "fuzz.h"

#include <sys/resource.h>

#define CONFIG_DEVICE_OFF (1 << 0)
#define CONFIG_NO_UUID (1 << 1)
#define CONFIG_NO_BLOB (1 << 2)
#define CONFIG_QUIET (1 << 3)

/* Flags of an operation */
#define FLAG_FENCE (1 << 0)
#define FLAG_NO_FDS (1 << 5)
#define FLAG_ROOM (1 << 6)
#define FLAG_SIZE (1 << 7)

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#define MAX_OPS 256
#define MAX_IDS 6
#define MAX_OLD 64
#define QUEUE_SIZE 64

/* Layout of the guest's memory */
#define RING_DESC 0x100000
#define RING_AVAIL 0x101000
#define RING_USED 0x102000
#define REQUEST 0x110000
#define RESPONSE 0x120000
#define BACKING 0x200000
#define BACKING_SIZE 0x200000
#define BUFFER_SIZE 4096

typedef struct Input {
    const uint8_t *data;
    size_t size;
} Input;

typedef struct Command {
    union {
        struct virtio_gpu_ctrl_hdr hdr;
        struct virtio_gpu_resource_create_2d create_2d;
        struct virtio_gpu_resource_create_blob create_blob;
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_resource_detach_backing detach;
        struct virtio_gpu_resource_unref unref;
        struct virtio_gpu_resource_assign_uuid assign;
        struct virtio_gpu_transfer_to_host_2d transfer;
        struct virtio_gpu_set_scanout scanout;
        struct virtio_gpu_set_scanout_blob scanout_blob;
        struct virtio_gpu_resource_flush flush;
        uint8_t bytes[BUFFER_SIZE];
    };
    size_t size;
    size_t room;
} Command;

/* The random bytes that the device gets */
typedef enum Source {
    SOURCE_COUNTS,
    SOURCE_REPEATS,
    SOURCE_FAILS,
    SOURCE_FAILS_WITHOUT_ERROR,
} Source;

static VirtIOGPU *devices[2]; /* resource_uuid=on, off */
static TraceEvent *events[3];
static uint8_t *ram;
static int num_fds, loglevel;
static uint64_t num_commands;

static VirtIOGPU *gpu;
static bool negotiated;
static Source source;
static uint32_t next_draw;
static uint16_t avail_idx;
static QemuUUID given[MAX_IDS + 1]; /* by ID; nil if the resource has none */
static QemuUUID old[MAX_OLD];
static size_t num_old;

static uint64_t take(Input *in, size_t bytes)
{
    uint64_t value = 0;

    while (bytes-- && in->size) {
        value = value << 8 | *in->data++;
        in->size--;
    }
    return value;
}

static uint32_t take_id(Input *in)
{
    return take(in, 1) % (MAX_IDS + 1);
}

static int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    g_assert(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

/* Without free file descriptors, whatever opens one fails */
static void allow_fds(bool allow)
{
    static struct rlimit limit;
    struct rlimit none;

    if (!allow) {
        g_assert(!getrlimit(RLIMIT_NOFILE, &limit));
    }
    none = (struct rlimit) { .rlim_max = limit.rlim_max };
    g_assert(!setrlimit(RLIMIT_NOFILE, allow ? &limit : &none));
}

typeof(qemu_guest_getrandom) __real_qemu_guest_getrandom;
typeof(qemu_guest_getrandom) __wrap_qemu_guest_getrandom;

int __wrap_qemu_guest_getrandom(void *buf, size_t len, Error **errp)
{
    if (!gpu) {
        return __real_qemu_guest_getrandom(buf, len, errp);
    }
    if (source == SOURCE_FAILS) {
        error_setg(errp, "no random bytes");
    }
    if (source >= SOURCE_FAILS) {
        return -1;
    }
    g_assert(len == sizeof(QemuUUID));
    memset(buf, 0xff, len);
    stl_le_p(buf, next_draw);
    next_draw += source == SOURCE_COUNTS;
    return 0;
}

static uint32_t id_of(const QemuUUID *uuid)
{
    uint32_t id;

    for (id = MAX_IDS; id; id--) {
        if (!qemu_uuid_is_null(uuid) &&
            qemu_uuid_is_equal(uuid, &given[id])) {
            break;
        }
    }
    return id;
}

static void find_device(VirtIODevice *vdev)
{
    VirtIOGPU *g = VIRTIO_GPU(vdev);
    PCIDevice *pci = PCI_DEVICE(qdev_get_parent_bus(DEVICE(vdev))->parent);

    devices[!virtio_gpu_resource_uuid_enabled(g->parent_obj.conf)] = g;
    pci->config_write(pci, PCI_COMMAND,
                      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

static int find_devices(Object *obj, void *opaque)
{
    if (object_dynamic_cast(obj, TYPE_VIRTIO_GPU)) {
        find_device(VIRTIO_DEVICE(obj));
    }
    return 0;
}

static void print_commands(void)
{
    printf("%" PRIu64 " commands\n", num_commands);
}

static void pre_fuzz(QTestState *s)
{
    static const char *const names[ARRAY_SIZE(events)] = {
        "virtio_export_lookup", "virtio_export_lookup_failed",
        "virtio_gpu_res_uuid_assigned",
    };
    size_t i;

    object_child_foreach_recursive(object_get_root(), find_devices, NULL);
    g_assert(devices[0] && devices[1]);
    ram = memory_region_get_ram_ptr(host_memory_backend_get_memory(
        MEMORY_BACKEND(object_resolve_path("/objects/ram", NULL))));
    for (i = 0; i < ARRAY_SIZE(names); i++) {
        events[i] = trace_event_name(names[i]);
    }
    loglevel = qemu_loglevel;
    atexit(print_commands);
    num_fds = count_fds();
}

static void set_quiet(bool quiet)
{
    size_t i;

    qemu_loglevel = quiet ? 0 : loglevel;
    for (i = 0; i < ARRAY_SIZE(events); i++) {
        trace_event_set_state_dynamic(events[i], !quiet);
    }
}

static void start_device(uint8_t config)
{
    VirtIODevice *vdev;
    uint64_t features = BIT_ULL(VIRTIO_F_VERSION_1);

    set_quiet(config & CONFIG_QUIET);
    gpu = devices[config & CONFIG_DEVICE_OFF ? 1 : 0];
    vdev = VIRTIO_DEVICE(gpu);
    if (!(config & CONFIG_NO_UUID)) {
        features |= BIT_ULL(VIRTIO_GPU_F_RESOURCE_UUID);
    }
    if (!(config & CONFIG_NO_BLOB)) {
        features |= BIT_ULL(VIRTIO_GPU_F_RESOURCE_BLOB);
    }
    features &= vdev->host_features;
    negotiated = virtio_has_feature(features, VIRTIO_GPU_F_RESOURCE_UUID);
    g_assert(!negotiated || gpu == devices[0]);

    memset(ram + RING_DESC, 0, 3 * BUFFER_SIZE);
    avail_idx = 0;
    virtio_set_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE |
                            VIRTIO_CONFIG_S_DRIVER);
    virtio_set_features(vdev, features);
    virtio_set_status(vdev, vdev->status | VIRTIO_CONFIG_S_FEATURES_OK);
    virtio_queue_set_num(vdev, 0, QUEUE_SIZE);
    virtio_queue_set_rings(vdev, 0, RING_DESC, RING_AVAIL, RING_USED);
    virtio_set_status(vdev, vdev->status | VIRTIO_CONFIG_S_DRIVER_OK);
    g_assert(virtio_gpu_resource_uuid_negotiated(gpu) == negotiated);
}

static void remember(uint32_t id)
{
    if (!qemu_uuid_is_null(&given[id])) {
        old[num_old++ % MAX_OLD] = given[id];
        given[id] = (QemuUUID) { };
    }
}

static void stop_device(void)
{
    uint32_t id;

    virtio_reset(VIRTIO_DEVICE(gpu));
    for (id = 0; id <= MAX_IDS; id++) {
        remember(id);
    }
}

static struct virtio_gpu_simple_resource *find_resource(uint32_t id)
{
    struct virtio_gpu_simple_resource *res;

    QTAILQ_FOREACH(res, &gpu->reslist, next) {
        if (res->resource_id == id) {
            return res;
        }
    }
    return NULL;
}

/* Split the buffer into pieces, whose lengths are in the input */
static size_t put_buffer(Input *in, size_t first, uint64_t addr, size_t size,
                         uint16_t flags)
{
    struct vring_desc *desc = (struct vring_desc *)(ram + RING_DESC);
    size_t i = first;

    while (size) {
        size_t len = take(in, 1);

        if (!len || len > size || i - first == QUEUE_SIZE / 2 - 1) {
            len = size;
        }
        desc[i] = (struct vring_desc) {
            .addr = cpu_to_le64(addr),
            .len = cpu_to_le32(len),
            .flags = cpu_to_le16(flags | VRING_DESC_F_NEXT),
            .next = cpu_to_le16(i + 1),
        };
        i++;
        addr += len;
        size -= len;
    }
    return i;
}

/* Return: type of the response; 0 if there is none */
static uint32_t send_command(Input *in, const Command *cmd)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(gpu);
    struct vring_desc *desc = (struct vring_desc *)(ram + RING_DESC);
    struct vring_avail *avail = (struct vring_avail *)(ram + RING_AVAIL);
    struct vring_used *used = (struct vring_used *)(ram + RING_USED);
    uint32_t type;
    size_t num;

    memcpy(ram + REQUEST, cmd->bytes, cmd->size);
    memset(ram + RESPONSE, 0, BUFFER_SIZE);
    num = put_buffer(in, 0, REQUEST, cmd->size, 0);
    num = put_buffer(in, num, RESPONSE, cmd->room, VRING_DESC_F_WRITE);
    if (!num) {
        return 0;
    }
    desc[num - 1].flags &= cpu_to_le16(~VRING_DESC_F_NEXT);
    avail->ring[avail_idx++ % QUEUE_SIZE] = 0;
    avail->idx = cpu_to_le16(avail_idx);

    num_commands++;
    virtio_queue_notify(vdev, 0);
    while (aio_poll(iohandler_get_aio_context(), false)) {
        /* run the scheduled handlers */
    }
    g_assert(le16_to_cpu(used->idx) == avail_idx && !vdev->broken);
    memcpy(&type, ram + RESPONSE, sizeof(type));
    return le32_to_cpu(type);
}

/* Others may change a display: QEMU exits if it cannot make the surface */
static bool works_without_fds(uint32_t type)
{
    return type == VIRTIO_GPU_CMD_RESOURCE_CREATE_2D ||
           type == VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB ||
           type == VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING ||
           type == VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID;
}

/* Mostly send the whole request, with enough room for the response */
static uint32_t finish_command(Input *in, Command *cmd, uint32_t type,
                               size_t size)
{
    uint8_t flags = take(in, 1);
    bool fds = !(flags & FLAG_NO_FDS) || !works_without_fds(type);

    cmd->hdr.type = cpu_to_le32(type);
    cmd->hdr.flags = cpu_to_le32(flags & FLAG_FENCE);
    cmd->size = flags & FLAG_SIZE ? take(in, 1) % (size + 1) : size;
    cmd->room = flags & FLAG_ROOM ? take(in, 1) : BUFFER_SIZE;
    if (!fds) {
        allow_fds(false);
    }
    type = send_command(in, cmd);
    if (!fds) {
        allow_fds(true);
    }
    return type;
}

static uint32_t take_format(Input *in)
{
    static const uint32_t formats[] = { 1, 2, 3, 4, 67, 68, 121, 134 };
    uint8_t n = take(in, 1);

    return cpu_to_le32(n % 9 == 8 ? n : formats[n % 9]);
}

static struct virtio_gpu_rect take_rect(Input *in)
{
    return (struct virtio_gpu_rect) {
        .x = cpu_to_le32(take(in, 1)),
        .y = cpu_to_le32(take(in, 1)),
        .width = cpu_to_le32(take(in, 1)),
        .height = cpu_to_le32(take(in, 1)),
    };
}

/* Append entries after @size bytes of @cmd.  Return: size of the entries */
static size_t take_entries(Input *in, Command *cmd, size_t size, uint32_t *nr)
{
    struct virtio_gpu_mem_entry *entry = (void *)(cmd->bytes + size);
    uint32_t n = take(in, 1) % 16, i;

    for (i = 0; i < n; i++) {
        uint32_t page = take(in, 1), pages = take(in, 1);
        bool whole = pages < 0x80;

        entry[i] = (struct virtio_gpu_mem_entry) {
            .addr = cpu_to_le64(BACKING + page * 4096 + !whole * 64),
            .length = cpu_to_le32(whole ? pages % 16 * 4096 : take(in, 2)),
        };
    }
    *nr = cpu_to_le32(take(in, 1) % 16 ? n : take(in, 4));
    return n * sizeof(*entry);
}

static void do_create_2d(Input *in)
{
    Command cmd = { };
    uint8_t width = take(in, 1), height = take(in, 1);
    bool huge = width >= 0xf0;

    cmd.create_2d.resource_id = cpu_to_le32(take_id(in));
    cmd.create_2d.format = take_format(in);
    cmd.create_2d.width = cpu_to_le32(huge ? take(in, 4) : width % 65);
    cmd.create_2d.height = cpu_to_le32(huge ? take(in, 4) : height % 65);
    finish_command(in, &cmd, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
                   sizeof(cmd.create_2d));
}

static void do_create_blob(Input *in)
{
    Command cmd = { };
    size_t size = sizeof(cmd.create_blob);

    cmd.create_blob.resource_id = cpu_to_le32(take_id(in));
    cmd.create_blob.blob_mem = cpu_to_le32(1 + !(take(in, 1) % 16));
    cmd.create_blob.blob_flags = cpu_to_le32(take(in, 1) % 16 ? 2 : 1);
    cmd.create_blob.size = cpu_to_le64(take(in, 2));
    size += take_entries(in, &cmd, size, &cmd.create_blob.nr_entries);
    finish_command(in, &cmd, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, size);
}

static void do_attach(Input *in)
{
    Command cmd = { };
    size_t size = sizeof(cmd.attach);

    cmd.attach.resource_id = cpu_to_le32(take_id(in));
    size += take_entries(in, &cmd, size, &cmd.attach.nr_entries);
    finish_command(in, &cmd, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, size);
}

static void do_detach(Input *in)
{
    Command cmd = { };

    cmd.detach.resource_id = cpu_to_le32(take_id(in));
    finish_command(in, &cmd, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
                   sizeof(cmd.detach));
}

static void do_transfer(Input *in)
{
    Command cmd = { };

    cmd.transfer.resource_id = cpu_to_le32(take_id(in));
    cmd.transfer.r = take_rect(in);
    cmd.transfer.offset = cpu_to_le64(take(in, 2));
    finish_command(in, &cmd, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
                   sizeof(cmd.transfer));
}

static void do_scanout(Input *in)
{
    Command cmd = { };

    cmd.scanout.scanout_id = cpu_to_le32(take(in, 1) % 3);
    cmd.scanout.resource_id = cpu_to_le32(take_id(in));
    cmd.scanout.r = take_rect(in);
    finish_command(in, &cmd, VIRTIO_GPU_CMD_SET_SCANOUT, sizeof(cmd.scanout));
}

static void do_scanout_blob(Input *in)
{
    Command cmd = { };

    cmd.scanout_blob.scanout_id = cpu_to_le32(take(in, 1) % 3);
    cmd.scanout_blob.resource_id = cpu_to_le32(take_id(in));
    cmd.scanout_blob.r = take_rect(in);
    cmd.scanout_blob.width = cpu_to_le32(take(in, 1));
    cmd.scanout_blob.height = cpu_to_le32(take(in, 1));
    cmd.scanout_blob.format = take_format(in);
    cmd.scanout_blob.strides[0] = cpu_to_le32(take(in, 2));
    cmd.scanout_blob.offsets[0] = cpu_to_le32(take(in, 2));
    finish_command(in, &cmd, VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
                   sizeof(cmd.scanout_blob));
}

static void do_flush(Input *in)
{
    Command cmd = { };

    cmd.flush.resource_id = cpu_to_le32(take_id(in));
    cmd.flush.r = take_rect(in);
    finish_command(in, &cmd, VIRTIO_GPU_CMD_RESOURCE_FLUSH,
                   sizeof(cmd.flush));
}

static bool can_draw(void)
{
    size_t i;

    if (source != SOURCE_REPEATS) {
        return source == SOURCE_COUNTS;
    }
    for (i = 1; i <= MAX_IDS; i++) {
        if (!qemu_uuid_is_null(&given[i]) &&
            ldl_le_p(given[i].data) == next_draw) {
            return false;
        }
    }
    return true;
}

static void check_assigned(uint32_t id)
{
    struct virtio_gpu_simple_resource *res = find_resource(id);
    struct virtio_gpu_resp_resource_uuid resp;

    memcpy(&resp, ram + RESPONSE, sizeof(resp));
    g_assert(!memcmp(resp.uuid, res->uuid.data, sizeof(resp.uuid)));
    g_assert((resp.uuid[6] & 0xf0) == 0x40);
    g_assert((resp.uuid[8] & 0xc0) == 0x80);
    g_assert(qemu_uuid_is_null(&given[id]) ||
             qemu_uuid_is_equal(&given[id], &res->uuid));
    given[id] = res->uuid;
}

static void do_assign(Input *in)
{
    Command cmd = { };
    uint32_t id = take_id(in), type;
    bool can = !qemu_uuid_is_null(&given[id]) || can_draw();

    cmd.assign.resource_id = cpu_to_le32(id);
    type = finish_command(in, &cmd, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,
                          sizeof(cmd.assign));
    can = can && negotiated && find_resource(id) &&
          cmd.size == sizeof(cmd.assign) &&
          cmd.room >= sizeof(struct virtio_gpu_resp_resource_uuid);
    g_assert(can == (type == VIRTIO_GPU_RESP_OK_RESOURCE_UUID));
    if (can) {
        check_assigned(id);
    }
}

static void do_unref(Input *in)
{
    Command cmd = { };
    uint32_t id = take_id(in);
    bool existed = find_resource(id);

    cmd.unref.resource_id = cpu_to_le32(id);
    finish_command(in, &cmd, VIRTIO_GPU_CMD_RESOURCE_UNREF,
                   sizeof(cmd.unref));
    if (cmd.size == sizeof(cmd.unref)) {
        g_assert(!find_resource(id));
        remember(id);
    } else {
        g_assert(!find_resource(id) == !existed);
    }
}

static void do_unknown(Input *in)
{
    static const uint16_t groups[] = { 0x0000, 0x0100, 0x0200, 0x0300 };
    Command cmd = { };
    uint32_t type = groups[take(in, 1) % 4] + take(in, 1);
    size_t size = take(in, 1), i;

    if (type == VIRTIO_GPU_CMD_RESOURCE_UNREF ||
        type == VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID) {
        return;
    }
    for (i = sizeof(cmd.hdr); i < size; i++) {
        cmd.bytes[i] = take(in, 1);
    }
    finish_command(in, &cmd, type, MAX(size, sizeof(cmd.hdr)));
}

static bool can_export(const struct virtio_gpu_simple_resource *res)
{
    return res->image || (res->iov_cnt && res->dmabuf_fd >= 0);
}

static void check_geometry(const struct virtio_gpu_simple_resource *res,
                           const VirtIOExportObject *object)
{
    g_autofree char *name = virtio_export_format_name(object->fourcc);
    uint64_t bytes = (uint64_t)object->strides[0] * object->height;

    g_assert(!object->fourcc || strlen(name) == 4);
    if (res->image) {
        g_assert(object->width == res->width && object->height == res->height);
        g_assert(object->num_planes == 1 && object->fourcc);
        g_assert(object->strides[0] >= object->width * 4);
        g_assert(object->offsets[0] == 0 && bytes <= object->size);
    } else {
        g_assert(object->size == res->blob_size);
        g_assert(!object->num_planes || res->scanout_bitmask);
    }
    g_assert(!virtio_export_object_fault(object));
}

static void check_memory(const struct virtio_gpu_simple_resource *res,
                         const VirtIOExportObject *object)
{
    const void *bytes = res->image ? pixman_image_get_data(res->image)
                                   : res->blob;
    size_t size = res->image ? object->strides[0] * object->height
                             : object->size;
    void *map = mmap(NULL, object->size, PROT_READ, MAP_SHARED, object->fd, 0);

    g_assert(map != MAP_FAILED);
    g_assert(!memcmp(map, bytes, size));
    munmap(map, object->size);
}

static void check_found(const struct virtio_gpu_simple_resource *res,
                        VirtIOExportObject *object)
{
    g_assert(fcntl(object->fd, F_GETFD) & FD_CLOEXEC);
    if (object->kind == VIRTIO_EXPORT_KIND_MEMFD) {
        g_assert((fcntl(object->fd, F_GET_SEALS) & SEALS) == SEALS);
        g_assert(lseek(object->fd, 0, SEEK_END) == object->size);
    } else {
        g_assert(object->kind == VIRTIO_EXPORT_KIND_DMABUF);
    }
    check_geometry(res, object);
    check_memory(res, object);
    virtio_export_object_close(object);
    g_assert(object->fd == -1);
}

static void keep_object(void *opaque, const VirtIOExportObject *object,
                        Error *err)
{
    g_assert(!object == !!err);
    error_free(err);
    if (object) {
        *(VirtIOExportObject *)opaque = *object;
    }
}

static void count_object(const VirtIOExportInfo *info, void *opaque)
{
    size_t *num = opaque;

    g_assert(info->exporter == VIRTIO_EXPORTER(gpu) && info->has_id);
    g_assert(info->id <= MAX_IDS);
    g_assert(qemu_uuid_is_equal(info->uuid, &given[info->id]));
    g_assert(info->object.fd == -1);
    ++*num;
}

static void count_described(const VirtIOExportInfo *info, void *opaque)
{
    count_object(info, opaque);
    g_assert(!info->unavailable_reason == can_export(find_resource(info->id)));
}

static void check_object(const QemuUUID *uuid, bool fds)
{
    uint32_t id = id_of(uuid);
    struct virtio_gpu_simple_resource *res = id ? find_resource(id) : NULL;
    VirtIOExportObject object = { .fd = -1 };
    size_t told = 0;
    bool found;

    g_assert(virtio_export_exists(uuid) == !!id);
    virtio_export_foreach(uuid, count_described, &told);
    g_assert(told == !!id);
    if (!fds) {
        allow_fds(false);
    }
    g_assert(!virtio_export_lookup(uuid, keep_object, &object));
    found = object.fd >= 0;
    if (!fds) {
        allow_fds(true);
    }
    g_assert(found == (id && fds && can_export(res)));
    if (found) {
        check_found(res, &object);
    }
}

static void do_look_up(Input *in)
{
    uint8_t flags = take(in, 1), which = take(in, 1);
    bool fds = !(flags & FLAG_NO_FDS);
    QemuUUID uuid = { };
    size_t i;

    if (which <= MAX_IDS) {
        check_object(&given[which], fds);
    } else if (which < 0x80) {
        check_object(&old[which % MAX_OLD], fds);
    } else {
        for (i = 0; i < sizeof(uuid.data); i++) {
            uuid.data[i] = take(in, 1);
        }
        check_object(&uuid, fds);
    }
}

static void do_random(Input *in)
{
    source = take(in, 1) % (SOURCE_FAILS_WITHOUT_ERROR + 1);
    next_draw = take(in, 1);
}

/* Unregister and register, as if the device were unplugged and plugged */
static void do_unregister(Input *in)
{
    size_t i;

    if (!gpu->uuid_table) {
        return;
    }
    virtio_exporter_unregister(VIRTIO_EXPORTER(gpu));
    for (i = 0; i <= MAX_IDS; i++) {
        g_assert(!virtio_export_exists(&given[i]));
    }
    virtio_exporter_register(VIRTIO_EXPORTER(gpu));
}

static void do_restart(Input *in)
{
    stop_device();
    start_device(take(in, 1));
}

static void check_state(void)
{
    size_t num = 0, told = 0, i, j;

    for (i = 1; i <= MAX_IDS; i++) {
        struct virtio_gpu_simple_resource *res = find_resource(i);

        if (qemu_uuid_is_null(&given[i])) {
            g_assert(!res || qemu_uuid_is_null(&res->uuid));
            continue;
        }
        num++;
        g_assert(res && qemu_uuid_is_equal(&res->uuid, &given[i]));
        for (j = 1; j < i; j++) {
            g_assert(!qemu_uuid_is_equal(&given[i], &given[j]));
        }
    }
    virtio_export_foreach(NULL, count_object, &told);
    g_assert(told == num);
    g_assert(!gpu->uuid_table ||
             virtio_gpu_uuid_table_size(gpu->uuid_table) == num);
}

static void fuzz(QTestState *s, const unsigned char *data, size_t size)
{
    static void (*const ops[])(Input *in) = {
        do_create_2d, do_create_blob, do_attach, do_detach, do_transfer,
        do_scanout, do_scanout_blob, do_flush, do_assign, do_assign, do_unref,
        do_unknown, do_look_up, do_look_up, do_random, do_unregister,
        do_restart,
    };
    Input in = { .data = data, .size = size };
    int i;

    num_old = 0;
    memset(old, 0, sizeof(old));
    source = SOURCE_COUNTS;
    next_draw = 0;
    start_device(take(&in, 1));
    for (i = 0; i < MAX_OPS && in.size; i++) {
        ops[take(&in, 1) % ARRAY_SIZE(ops)](&in);
        check_state();
    }
    stop_device();
    check_state();
    g_assert(count_fds() == num_fds);
}

static bool have_udmabuf(void)
{
    int fd = open("/dev/udmabuf", O_RDWR);

    return fd >= 0 && !close(fd);
}

static GString *get_cmdline(FuzzTarget *t)
{
    GString *line = g_string_new(TARGET_NAME);

    g_string_append_printf(line,
                           " -display none -nodefaults -m 16M"
                           " -d guest_errors -D /dev/null"
                           " -object memory-backend-memfd,id=ram,size=16M"
                           " -machine accel=qtest,memory-backend=ram"
                           " -device virtio-gpu-pci,resource_uuid=on,"
                           "max_outputs=2,max_hostmem=256K%s"
                           " -device virtio-gpu-pci,resource_uuid=off,"
                           "max_hostmem=256K",
                           have_udmabuf() ? ",blob=on" : "");
    return line;
}

static void register_targets(void)
{
    fuzz_add_target(&(FuzzTarget) {
        .name = "virtio-gpu-uuid",
        .description = "Fuzz virtio-gpu's control queue and the UUIDs of its "
                       "resources",
        .get_init_cmdline = get_cmdline,
        .pre_fuzz = pre_fuzz,
        .fuzz = fuzz,
    });
}

fuzz_target_init(register_targets);
