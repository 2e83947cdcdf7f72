/*
 * Send commands to virtio-gpu devices, and check the responses
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "virtio-gpu-client.h"

#define FENCE_ID    0x123456789abcdef0
#define CTX_ID      0x1234

struct virtio_gpu_ctrl_hdr qvirtio_gpu_hdr(uint32_t type)
{
    return (struct virtio_gpu_ctrl_hdr) { .type = cpu_to_le32(type) };
}

void qvirtio_gpu_assert_hdr(const struct virtio_gpu_ctrl_hdr *hdr,
                            uint32_t type)
{
    g_assert_cmphex(le32_to_cpu(hdr->type), ==, type);
    g_assert_cmphex(le32_to_cpu(hdr->flags), ==, 0);
    g_assert_cmphex(le64_to_cpu(hdr->fence_id), ==, 0);
    g_assert_cmphex(le32_to_cpu(hdr->ctx_id), ==, 0);
}

void qvirtio_gpu_set_fence(struct virtio_gpu_ctrl_hdr *hdr)
{
    hdr->flags = cpu_to_le32(VIRTIO_GPU_FLAG_FENCE);
    hdr->fence_id = cpu_to_le64(FENCE_ID);
    hdr->ctx_id = cpu_to_le32(CTX_ID);
}

void qvirtio_gpu_assert_fenced_hdr(const struct virtio_gpu_ctrl_hdr *hdr,
                                   uint32_t type)
{
    g_assert_cmphex(le32_to_cpu(hdr->type), ==, type);
    g_assert_cmphex(le32_to_cpu(hdr->flags), ==, VIRTIO_GPU_FLAG_FENCE);
    g_assert_cmphex(le64_to_cpu(hdr->fence_id), ==, FENCE_ID);
    g_assert_cmphex(le32_to_cpu(hdr->ctx_id), ==, CTX_ID);
}

void do_qvirtio_gpu_command(QVirtioGPUCommandOpt opt)
{
    struct virtio_gpu_ctrl_hdr resp;
    QVirtioGPURequest r = {
        .req = opt.req,
        .req_len = opt.len,
        .resp = &resp,
        .resp_len = sizeof(resp),
    };

    qvirtio_gpu_submit(opt.gpu, &r, 1);
    g_assert_cmpuint(r.used_len, ==, sizeof(resp));
    qvirtio_gpu_assert_hdr(&resp, opt.expect ?: VIRTIO_GPU_RESP_OK_NODATA);
}

static struct virtio_gpu_rect rect(const QVirtioGPUResourceOpt *opt)
{
    return (struct virtio_gpu_rect) {
        .width = cpu_to_le32(opt->width ?: 1),
        .height = cpu_to_le32(opt->height ?: 1),
    };
}

static void send_req(const QVirtioGPUResourceOpt *opt, const void *req,
                     size_t len)
{
    qvirtio_gpu_command({ .gpu = opt->gpu, .req = req, .len = len,
                          .expect = opt->expect });
}

struct virtio_gpu_resource_create_2d
qvirtio_gpu_create_2d_req(QVirtioGPUResourceOpt opt)
{
    return (struct virtio_gpu_resource_create_2d) {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_2D),
        .resource_id = cpu_to_le32(opt.id),
        .format = cpu_to_le32(opt.format ?: VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM),
        .width = cpu_to_le32(opt.width ?: 1),
        .height = cpu_to_le32(opt.height ?: 1),
    };
}

struct virtio_gpu_resource_unref qvirtio_gpu_unref_req(uint32_t id)
{
    return (struct virtio_gpu_resource_unref) {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_UNREF),
        .resource_id = cpu_to_le32(id),
    };
}

void do_qvirtio_gpu_create_2d(QVirtioGPUResourceOpt opt)
{
    struct virtio_gpu_resource_create_2d req = qvirtio_gpu_create_2d_req(opt);

    send_req(&opt, &req, sizeof(req));
}

/* The default is a blob of guest memory in one entry, for sharing */
void do_qvirtio_gpu_create_blob(QVirtioGPUResourceOpt opt)
{
    struct {
        struct virtio_gpu_resource_create_blob cmd;
        struct virtio_gpu_mem_entry entry;
    } req = {
        .cmd = {
            .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB),
            .resource_id = cpu_to_le32(opt.id),
            .blob_mem = cpu_to_le32(opt.blob_mem ?: VIRTIO_GPU_BLOB_MEM_GUEST),
            .blob_flags = cpu_to_le32(
                opt.blob_flags ?: VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE),
            .nr_entries = cpu_to_le32(opt.backing ? 1 : 0),
            .blob_id = cpu_to_le64(opt.blob_id),
            .size = cpu_to_le64(opt.size),
        },
        .entry = {
            .addr = cpu_to_le64(opt.backing),
            .length = cpu_to_le32(opt.backing_len),
        },
    };

    req.cmd.hdr.ctx_id = cpu_to_le32(opt.ctx);
    send_req(&opt, &req, opt.backing ? sizeof(req) : sizeof(req.cmd));
}

void do_qvirtio_gpu_unref(QVirtioGPUResourceOpt opt)
{
    struct virtio_gpu_resource_unref req = qvirtio_gpu_unref_req(opt.id);

    send_req(&opt, &req, sizeof(req));
}

/* Use two entries if possible, so that the device must gather the backing */
void do_qvirtio_gpu_attach_backing(QVirtioGPUResourceOpt opt)
{
    uint32_t half = opt.one_entry ? opt.backing_len : opt.backing_len / 2;
    struct {
        struct virtio_gpu_resource_attach_backing cmd;
        struct virtio_gpu_mem_entry entries[2];
    } req = {
        .cmd = {
            .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING),
            .resource_id = cpu_to_le32(opt.id),
            .nr_entries = cpu_to_le32(opt.one_entry ? 1 : 2),
        },
        .entries = {
            { .addr = cpu_to_le64(opt.backing), .length = cpu_to_le32(half) },
            { .addr = cpu_to_le64(opt.backing + half),
              .length = cpu_to_le32(opt.backing_len - half) },
        },
    };

    send_req(&opt, &req, offsetof(typeof(req), entries) +
                         sizeof(req.entries[0]) * (opt.one_entry ? 1 : 2));
}

void do_qvirtio_gpu_detach_backing(QVirtioGPUResourceOpt opt)
{
    struct virtio_gpu_resource_detach_backing req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING),
        .resource_id = cpu_to_le32(opt.id),
    };

    send_req(&opt, &req, sizeof(req));
}

void do_qvirtio_gpu_transfer(QVirtioGPUResourceOpt opt)
{
    struct virtio_gpu_transfer_to_host_2d req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D),
        .r = rect(&opt),
        .resource_id = cpu_to_le32(opt.id),
    };

    send_req(&opt, &req, sizeof(req));
}

void do_qvirtio_gpu_set_scanout(QVirtioGPUResourceOpt opt)
{
    struct virtio_gpu_set_scanout req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SET_SCANOUT),
        .r = rect(&opt),
        .scanout_id = cpu_to_le32(opt.scanout),
        .resource_id = cpu_to_le32(opt.id),
    };

    send_req(&opt, &req, sizeof(req));
}

/* The format is VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM */
void do_qvirtio_gpu_set_scanout_blob(QVirtioGPUResourceOpt opt)
{
    struct virtio_gpu_set_scanout_blob req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .r = rect(&opt),
        .scanout_id = cpu_to_le32(opt.scanout),
        .resource_id = cpu_to_le32(opt.id),
        .width = cpu_to_le32(opt.width ?: 1),
        .height = cpu_to_le32((opt.height ?: 1) + opt.top),
        .format = cpu_to_le32(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM),
        .strides = { cpu_to_le32(opt.stride ?: (opt.width ?: 1) *
                                 QVIRTIO_GPU_BYTES_PER_PIXEL) },
    };

    req.r.y = cpu_to_le32(opt.top);
    send_req(&opt, &req, sizeof(req));
}

void do_qvirtio_gpu_flush(QVirtioGPUResourceOpt opt)
{
    struct virtio_gpu_resource_flush req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_FLUSH),
        .r = rect(&opt),
        .resource_id = cpu_to_le32(opt.id),
    };

    send_req(&opt, &req, sizeof(req));
}

void qvirtio_gpu_update_cursor(QVirtioGPU *gpu, uint32_t id)
{
    struct virtio_gpu_update_cursor req = {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_UPDATE_CURSOR),
        .resource_id = cpu_to_le32(id),
    };
    QVirtioGPURequest r = { .req = &req, .req_len = sizeof(req) };
    QVirtioGPU with_cursorq = *gpu;

    with_cursorq.ctrlq = gpu->cursorq;
    qvirtio_gpu_submit(&with_cursorq, &r, 1);
}
