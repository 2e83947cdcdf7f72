/*
 * Benchmarks of the time that a frame takes from the guest into a pipeline
 *
 * The guest passes a frame by its UUID, or in pages.  To fill the pages, the
 * guest first copies its own pixels, or reads a texture back.  For each size,
 * the benchmark alternates between both ways.
 *
 * This process accesses the guest's memory as a vCPU does.  It polls for
 * results through QEMU without sleeping.  QEMU takes the same time for this in
 * both ways.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "libqos/virtio-gpu-gl.h"
#include "virtio-gpu/bench.h"
#include "virtio-media/helpers.h"

#define RAM_SIZE    (256 * MiB)
#define ROUNDS      20
#define FRAMES      10      /* in a round, after the first one */

/* What takes CPU time for a frame */
enum { GUEST, BACKEND, QEMU, PROCESSES };

typedef struct Size {
    const char *name;
    uint32_t width, height;
} Size;

static const Size sizes[] = {
    { "1080p", 1920, 1080 },
    { "4K", 3840, 2160 },
};

/* A picture in a resource of the guest, and the pages for its copy */
typedef struct Picture {
    const Size *size;
    QVirtioGPUResourceOpt res;
    uuid_t uuid;
    uint64_t pages;
    size_t bytes;
    bool read_back;         /* only a texture has the pixels */
} Picture;

typedef struct Spent {
    int64_t time;           /* least */
    int64_t cpu[PROCESSES]; /* sum */
    unsigned frames;
} Spent;

static uint8_t *ram;
static clockid_t clocks[PROCESSES];

/* QEMU's memory-backend-memfd, whose offsets are guest physical addresses */
static void map_ram(pid_t qemu)
{
    g_autofree char *folder = g_strdup_printf("/proc/%d/fd", qemu);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    int fd;

    ram = NULL;
    while (!ram && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *target = g_file_read_link(path, NULL);

        if (target && strstr(target, "memory-backend-memfd")) {
            fd = open(path, O_RDWR);
            ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                       0);
            g_assert_true(ram != MAP_FAILED);
            close(fd);
        }
    }
    g_assert_nonnull(ram);
}

static clockid_t clock_of(pid_t pid)
{
    clockid_t clock;

    g_assert_cmpint(clock_getcpuclockid(pid, &clock), ==, 0);
    return clock;
}

static int64_t cpu_time(int process)
{
    struct timespec ts;

    g_assert_cmpint(clock_gettime(clocks[process], &ts), ==, 0);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

/* All memory has been written to once, so that all pages exist */
static void picture_new(Picture *p, QVirtioGPU *gpu, uint32_t id,
                        const Size *size, bool read_back)
{
    p->size = size;
    p->read_back = read_back;
    p->bytes = size->width * size->height * QVIRTIO_GPU_BYTES_PER_PIXEL;
    p->res = (QVirtioGPUResourceOpt) {
        .gpu = gpu, .id = id, .width = size->width, .height = size->height,
        .backing = guest_alloc(gpu->alloc, p->bytes),
        .backing_len = p->bytes,
    };
    p->pages = read_back ? p->res.backing : guest_alloc(gpu->alloc, p->bytes);
    do_qvirtio_gpu_create_2d(p->res);
    do_qvirtio_gpu_attach_backing(p->res);
    memset(ram + p->pages, 0xff, p->bytes);
    memset(ram + p->res.backing, 0x11 * id, p->bytes);
    do_qvirtio_gpu_transfer(p->res);
    assign_uuid({ .gpu = gpu, .id = id, .uuid = p->uuid });
}

/* Get the pixels into the pages.  Return: CPU time of the guest */
static int64_t fill_pages(const Picture *p)
{
    int64_t start = cpu_time(GUEST);

    if (p->read_back) {
        qvirtio_gpu_transfer_back(&p->res);
        return 0;       /* QEMU reads back, not the guest */
    }
    memcpy(ram + p->pages, ram + p->res.backing, p->bytes);
    return cpu_time(GUEST) - start;
}

static void queue_filled_pages(QVirtioMedia *media, const Picture *p)
{
    struct virtio_media_sg_entry entry = { .start = p->pages, .len = p->bytes };
    struct v4l2_buffer buf = {
        .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = PAGES,
        .length = p->bytes,
    };
    Call call;

    call_init(&call, VIDIOC_QBUF, &buf);
    call_add(&call, &entry, sizeof(entry));
    g_assert_cmpint(call_run(&call, media), ==, 0);
}

/* Return: CPU time of the guest */
static int64_t pass_frame(QVirtioMedia *media, const Picture *p,
                          uint32_t memory)
{
    QVirtioMediaDequeued event;
    int64_t spent = 0;

    if (memory == OBJECT) {
        g_assert_cmpint(queue_object(media, 0, p->uuid), ==, 0);
    } else {
        spent = fill_pages(p);
        queue_filled_pages(media, p);
    }
    while (!qvirtio_media_poll_event(media, &event)) {
        /* poll again */
    }
    g_assert_cmpint(event.hdr.event, ==, VIRTIO_MEDIA_EVT_DQBUF);
    g_assert_cmphex(event.buffer.flags, ==, V4L2_BUF_FLAG_TIMESTAMP_COPY);
    return spent;
}

static void measure_frame(QVirtioMedia *media, const Picture *p,
                          uint32_t memory, Spent *spent)
{
    int64_t before[PROCESSES], start, time;

    for (int i = BACKEND; i < PROCESSES; i++) {
        before[i] = cpu_time(i);
    }
    start = get_clock();
    spent->cpu[GUEST] += pass_frame(media, p, memory);
    time = get_clock() - start;
    for (int i = BACKEND; i < PROCESSES; i++) {
        spent->cpu[i] += cpu_time(i) - before[i];
    }
    spent->time = spent->frames++ ? MIN(spent->time, time) : time;
}

/* Measure a stream without its first frame, which starts the pipeline */
static void measure_stream(QVirtioMedia *media, const Picture *p,
                           uint32_t memory, Spent *spent)
{
    struct v4l2_pix_format pix = {
        .width = p->size->width, .height = p->size->height,
        .pixelformat = V4L2_PIX_FMT_XBGR32,
    };

    g_assert_cmpint(request_buffers(media, 0, memory), ==, 0);
    g_assert_cmpint(set_pix(media, &pix), ==, 0);
    g_assert_cmpint(request_buffers(media, 1, memory), ==, 0);
    stream_on(media);
    pass_frame(media, p, memory);
    for (int i = 0; i < FRAMES; i++) {
        measure_frame(media, p, memory, spent);
    }
    stream_off(media);
}

static void print_spent(const Spent *spent, const char *way, const Size *size)
{
    static const char *const names[] = { "guest", "backend", "qemu" };
    g_autofree char *time = g_strdup_printf("frame/%s/%s", way, size->name);

    bench_print(time, 1, spent->time);
    for (int i = 0; i < PROCESSES; i++) {
        g_autofree char *cpu = g_strdup_printf("frame-cpu/%s/%s/%s", names[i],
                                               way, size->name);

        bench_print(cpu, spent->frames, spent->cpu[i]);
    }
}

static void bench_frames(QVirtioMedia *media, QVirtioGPU *gpu, bool read_back)
{
    Spent by_uuid[ARRAY_SIZE(sizes)] = {}, in_pages[ARRAY_SIZE(sizes)] = {};
    Picture pictures[ARRAY_SIZE(sizes)];

    map_ram(qtest_pid(gpu->qts));
    clocks[GUEST] = CLOCK_THREAD_CPUTIME_ID;
    clocks[BACKEND] = clock_of(media_backend_pid());
    clocks[QEMU] = clock_of(qtest_pid(gpu->qts));
    session = open_session(media);
    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        picture_new(&pictures[i], gpu, i + 1, &sizes[i], read_back);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
            measure_stream(media, &pictures[i], OBJECT, &by_uuid[i]);
            measure_stream(media, &pictures[i], PAGES, &in_pages[i]);
        }
    }
    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        print_spent(&by_uuid[i], "uuid", &sizes[i]);
        print_spent(&in_pages[i], "pages", &sizes[i]);
    }
    munmap(ram, RAM_SIZE);
}

static void copied(QVirtioMedia *media, QVirtioGPU *gpu)
{
    bench_frames(media, gpu, false);
}

static void read_back(QVirtioMedia *media, QVirtioGPU *gpu)
{
    bench_frames(media, gpu, true);
}

/* The pipeline drops a frame at once */
static const MediaTest bench = { "bench/frames", copied, "fakesink" };
static const MediaTest gl_bench = { "bench/gl-frames", read_back, "fakesink" };

static void register_frame_benches(void)
{
    if (!g_test_perf()) {
        return;
    }
    media_register_tests("virtio-gpu-pci", &bench, 1);
    /* set if EGL can export textures as dma-bufs */
    if (getenv("QTEST_GL_DMABUF")) {
        media_register_tests("virtio-gpu-gl-pci", &gl_bench, 1);
    }
}

libqos_init(register_frame_benches);
