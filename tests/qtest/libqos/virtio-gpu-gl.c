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
 * SDL's offscreen driver needs neither a screen nor a GPU, and makes a window
 * for the first console only.
 */
#define DISPLAY " -vga none -display sdl,gl=on "

/* Header of a virgl command: command, object type, number of further words */
#define VIRGL(cmd, object, len) ((cmd) | (object) << 8 | (len) << 16)
#define CREATE_OBJECT           1
#define SET_FRAMEBUFFER_STATE   5
#define CLEAR                   7
#define PIPE_RESOURCE_CREATE    48
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

static void create_context(QVirtioGPU *gpu, uint32_t ctx, uint32_t capset)
{
    struct virtio_gpu_ctx_create req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_CTX_CREATE),
        .context_init = cpu_to_le32(capset),
    };

    send_in_context(gpu, ctx, &req, sizeof(req));
}

void qvirtio_gpu_create_context(QVirtioGPU *gpu, uint32_t ctx)
{
    create_context(gpu, ctx, 0);
}

void qvirtio_gpu_create_venus_context(QVirtioGPU *gpu, uint32_t ctx)
{
    create_context(gpu, ctx, VIRTIO_GPU_CAPSET_VENUS);
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

/* Send @len @words of virgl's protocol, which become little endian in place */
static void submit(QVirtioGPU *gpu, uint32_t ctx, uint32_t *words, size_t len)
{
    size_t size = len * sizeof(*words);
    g_autofree struct virtio_gpu_cmd_submit *req =
        g_malloc0(sizeof(*req) + size);

    req->hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SUBMIT_3D);
    req->size = cpu_to_le32(size);
    for (size_t i = 0; i < len; i++) {
        cpu_to_le32s(&words[i]);
    }
    memcpy(req + 1, words, size);
    send_in_context(gpu, ctx, req, sizeof(*req) + size);
}

void qvirtio_gpu_create_pipe_texture(const QVirtioGPUResourceOpt *res)
{
    uint32_t words[] = {
        VIRGL(PIPE_RESOURCE_CREATE, 0, 11),
        QVIRTIO_GPU_PIPE_TEXTURE_2D,
        res->format ?: VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, BIND_RENDER_TARGET,
        res->width ?: 1, res->height ?: 1, 1, 1, 0, 0, 0, res->blob_id,
    };

    submit(res->gpu, res->ctx, words, ARRAY_SIZE(words));
}

void qvirtio_gpu_map_blob(QVirtioGPU *gpu, uint32_t id, uint64_t offset)
{
    struct virtio_gpu_resource_map_blob req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB),
        .resource_id = cpu_to_le32(id),
        .offset = cpu_to_le64(offset),
    };
    struct virtio_gpu_resp_map_info resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    qvirtio_gpu_submit(gpu, &r, 1);
    g_assert_cmpuint(r.used_len, ==, sizeof(resp));
    qvirtio_gpu_assert_hdr(&resp.hdr, VIRTIO_GPU_RESP_OK_MAP_INFO);
}

void qvirtio_gpu_render_colour(const QVirtioGPUResourceOpt *res, uint32_t ctx,
                               const float *rgba)
{
    uint32_t words[] = {
        VIRGL(CREATE_OBJECT, OBJECT_SURFACE, 5),
        SURFACE_HANDLE, res->id,
        res->format ?: VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 0, 0,
        VIRGL(SET_FRAMEBUFFER_STATE, 0, 3), 1, 0, SURFACE_HANDLE,
        VIRGL(CLEAR, 0, 8), CLEAR_COLOR0,
        float_bits(rgba[0]), float_bits(rgba[1]), float_bits(rgba[2]),
        float_bits(rgba[3]), 0, 0, 0,
    };

    attach_to_context(res, ctx);
    submit(res->gpu, ctx, words, ARRAY_SIZE(words));
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

/* Only with QTEST_GL in the environment: not every host has a working GL */
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
