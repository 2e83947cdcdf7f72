/*
 * libqos driver for virtio-gpu devices with GL
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/module.h"
#include "../libqtest.h"
#include "qgraph.h"
#include "virtio-gpu-gl.h"

/*
 * SDL's offscreen driver needs neither a screen nor a GPU, and makes no window
 * for what is not the first console.
 */
#define DISPLAY " -vga none -display sdl,gl=on "

/* Of virgl's protocol: command, object type, number of words that follow */
#define VIRGL(cmd, object, len) ((cmd) | (object) << 8 | (len) << 16)
#define CREATE_OBJECT           1
#define SET_FRAMEBUFFER_STATE   5
#define CLEAR                   7
#define OBJECT_SURFACE          8
#define CLEAR_COLOR0            (1 << 2)
#define SURFACE_HANDLE          1
#define BIND_RENDER_TARGET      (1 << 1)
#define BIND_VERTEX_BUFFER      (1 << 4)

static void send_in_context(QVirtioGPU *gpu, uint32_t ctx, void *req,
                            size_t len)
{
    struct virtio_gpu_ctrl_hdr *hdr = req;

    hdr->ctx_id = cpu_to_le32(ctx);
    qvirtio_gpu_command({ .gpu = gpu, .req = req, .len = len });
}

void qvirtio_gpu_create_3d(const QVirtioGPUResourceOpt *res, uint32_t target)
{
    struct virtio_gpu_resource_create_3d req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_3D),
        .resource_id = cpu_to_le32(res->id),
        .target = cpu_to_le32(target),
        .format = cpu_to_le32(res->format ?: VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM),
        .bind = cpu_to_le32(target == QVIRTIO_GPU_PIPE_BUFFER
                            ? BIND_VERTEX_BUFFER : BIND_RENDER_TARGET),
        .width = cpu_to_le32(res->width ?: 1),
        .height = cpu_to_le32(res->height ?: 1),
        .depth = cpu_to_le32(1),
        .array_size = cpu_to_le32(
            target == QVIRTIO_GPU_PIPE_TEXTURE_CUBE ? 6 : 1),
    };

    send_in_context(res->gpu, 0, &req, sizeof(req));
}

void qvirtio_gpu_create_context(QVirtioGPU *gpu, uint32_t ctx)
{
    struct virtio_gpu_ctx_create req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_CTX_CREATE),
    };

    send_in_context(gpu, ctx, &req, sizeof(req));
}

void qvirtio_gpu_destroy_context(QVirtioGPU *gpu, uint32_t ctx)
{
    struct virtio_gpu_ctx_destroy req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_CTX_DESTROY),
    };

    send_in_context(gpu, ctx, &req, sizeof(req));
}

static void attach_to_context(const QVirtioGPUResourceOpt *res, uint32_t ctx)
{
    struct virtio_gpu_ctx_resource req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE),
        .resource_id = cpu_to_le32(res->id),
    };

    send_in_context(res->gpu, ctx, &req, sizeof(req));
}

static uint32_t float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

void qvirtio_gpu_render_colour(const QVirtioGPUResourceOpt *res, uint32_t ctx,
                               const float *rgba)
{
    struct {
        struct virtio_gpu_cmd_submit cmd;
        uint32_t words[19];
    } req = {
        .cmd.hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SUBMIT_3D),
        .cmd.size = cpu_to_le32(sizeof(req.words)),
        .words = {
            VIRGL(CREATE_OBJECT, OBJECT_SURFACE, 5),
            SURFACE_HANDLE, res->id,
            res->format ?: VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 0, 0,
            VIRGL(SET_FRAMEBUFFER_STATE, 0, 3), 1, 0, SURFACE_HANDLE,
            VIRGL(CLEAR, 0, 8), CLEAR_COLOR0,
            float_bits(rgba[0]), float_bits(rgba[1]), float_bits(rgba[2]),
            float_bits(rgba[3]), 0, 0, 0,
        },
    };

    for (int i = 0; i < ARRAY_SIZE(req.words); i++) {
        req.words[i] = cpu_to_le32(req.words[i]);
    }
    attach_to_context(res, ctx);
    send_in_context(res->gpu, ctx, &req, sizeof(req));
}

void qvirtio_gpu_transfer_back(const QVirtioGPUResourceOpt *res)
{
    struct virtio_gpu_transfer_host_3d req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D),
        .box = {
            .w = cpu_to_le32(res->width ?: 1),
            .h = cpu_to_le32(res->height ?: 1),
            .d = cpu_to_le32(1),
        },
        .resource_id = cpu_to_le32(res->id),
    };

    send_in_context(res->gpu, 0, &req, sizeof(req));
}

/* Not every machine that builds QEMU has GL: who wants these tests says so */
static void virtio_gpu_gl_register_nodes(void)
{
    static const QVirtioGPUNodes nodes = {
        .interface = "virtio-gpu-gl",
        .mmio = "virtio-gpu-gl-device",
        .pci = "virtio-gpu-gl-pci",
        .vga = "virtio-vga-gl",
        .cmd_line = DISPLAY,
    };

    if (getenv("QTEST_GL")) {
        g_setenv("SDL_VIDEODRIVER", "offscreen", false);
        qvirtio_gpu_add_nodes(&nodes);
    }
}

libqos_init(virtio_gpu_gl_register_nodes);
