/*
 * QTest testcases for contrib/vhost-user-media: a stream has frames from two
 * GPUs, of which one is reset
 *
 * There is no case for an unplug, because a GPU cannot be unplugged.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "virtio-media/helpers.h"

#define BUFFERS     4

/* The first byte of a pixel is not used, and the others are the colour */
#define PIPELINE    "videoconvert ! video/x-raw,format=xRGB ! filesink" \
                    " buffer-mode=unbuffered location=@file"

typedef struct TwoGPUs {
    QVirtioMedia *media;
    QVirtioGPU *gpus[2];
    Drawn drawn[2];
    GByteArray *expected;   /* what the pipeline must have written */
} TwoGPUs;

static QVirtioGPU *start_second(QVirtioGPU *gpu)
{
    QVirtioGPUPCI *first = container_of(gpu, QVirtioGPUPCI, gpu);
    QPCIAddress addr = { .devfn = QPCI_DEVFN(MEDIA_SECOND_GPU_SLOT, 0) };
    QVirtioGPUPCI *second = qvirtio_gpu_pci_new(first->pci_vdev.pdev->bus,
                                                &addr, gpu->alloc);

    qos_object_queue_destroy(&second->pci_vdev.obj);
    qos_object_start_hw(&second->pci_vdev.obj);
    return &second->gpu;
}

/* Resources of both GPUs have the same ID */
static void begin(TwoGPUs *t, QVirtioMedia *media, QVirtioGPU *gpu)
{
    t->media = media;
    t->gpus[0] = gpu;
    t->gpus[1] = start_second(gpu);
    t->expected = g_byte_array_new();
    drawn_new(&t->drawn[0], t->gpus[0], 1, 0x11);
    drawn_new(&t->drawn[1], t->gpus[1], 1, 0x22);
    g_assert_cmpint(uuid_compare(t->drawn[0].uuid, t->drawn[1].uuid), !=, 0);
    set_up(media, OBJECT);
}

/* Queue what a GPU has drawn last */
static void queue(TwoGPUs *t, unsigned index, const Drawn *d)
{
    g_assert_cmpint(queue_object(t->media, index, d->uuid), ==, 0);
    g_byte_array_append(t->expected, d->pixels, DRAWN_BYTES);
}

static void show(TwoGPUs *t, unsigned index, const Drawn *d)
{
    queue(t, index, d);
    wait_dequeued(t->media, index);
}

static void clear_unused_bytes(GByteArray *pixels)
{
    for (guint i = 0; i < pixels->len; i += QVIRTIO_GPU_BYTES_PER_PIXEL) {
        pixels->data[i] = 0;
    }
}

/* All that was queued must be recorded, in this order */
static void end(TwoGPUs *t)
{
    GByteArray *file = media_backend_file(t->expected->len);

    clear_unused_bytes(file);
    clear_unused_bytes(t->expected);
    g_assert_cmpmem(file->data, file->len, t->expected->data,
                    t->expected->len);
    g_byte_array_unref(file);
    g_byte_array_unref(t->expected);
    drawn_done(&t->drawn[0]);
    drawn_done(&t->drawn[1]);
}

static void interleaved(QVirtioMedia *media, QVirtioGPU *gpu)
{
    TwoGPUs t;

    begin(&t, media, gpu);
    for (int i = 0; i < BUFFERS; i++) {
        queue(&t, i, &t.drawn[i % 2]);
    }
    stream_on(media);
    for (int i = 0; i < BUFFERS; i++) {
        wait_dequeued(media, i);
    }
    for (int i = 0; i < 6; i++) {
        drawn_again(&t.drawn[i % 2], 0x30 + i);
        show(&t, i / 2 % BUFFERS, &t.drawn[i % 2]);
    }
    end(&t);
}

/* Buffers keep the memory of the GPU that is reset, but its UUID is unknown */
static void reset(QVirtioMedia *media, QVirtioGPU *gpu)
{
    Drawn after;
    TwoGPUs t;

    begin(&t, media, gpu);
    for (int i = 0; i < 2; i++) {
        queue(&t, i, &t.drawn[i]);
    }
    qvirtio_gpu_start(gpu, 0);
    g_assert_cmpint(queue_object(media, 2, t.drawn[0].uuid), ==, EINVAL);
    stream_on(media);
    for (int i = 0; i < 2; i++) {
        wait_dequeued(media, i);
    }
    show(&t, 0, &t.drawn[0]);
    drawn_again(&t.drawn[1], 0x33);
    show(&t, 2, &t.drawn[1]);

    drawn_new(&after, gpu, 1, 0x44);
    g_assert_cmpint(uuid_compare(after.uuid, t.drawn[0].uuid), !=, 0);
    show(&t, 3, &after);
    show(&t, 1, &t.drawn[1]);
    end(&t);
    drawn_done(&after);
}

static const MediaTest tests[] = {
    { "two-gpus/interleaved", interleaved, PIPELINE, .second_gpu = true },
    { "two-gpus/reset", reset, PIPELINE, .second_gpu = true },
};

static void register_all_tests(void)
{
    media_register_slow_tests(tests, ARRAY_SIZE(tests),
                              tests, ARRAY_SIZE(tests));
}

libqos_init(register_all_tests);
