/*
 * Send commands to virtio-gpu devices, and check the responses
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_LIBQOS_VIRTIO_GPU_CLIENT_H
#define TESTS_LIBQOS_VIRTIO_GPU_CLIENT_H

#include "virtio-gpu.h"
#include "standard-headers/linux/virtio_gpu.h"

/* A number in the range of 2D commands that is no command */
#define QVIRTIO_GPU_UNKNOWN_COMMAND 0x01ff

/* Cases of defects that some versions of QEMU have fixed */
#define QVIRTIO_GPU_DEFECT_FIXED "defect-fixed/"

/* The same for all formats that the tests use */
#define QVIRTIO_GPU_BYTES_PER_PIXEL 4

/* Size of a cursor, in pixels */
#define QVIRTIO_GPU_CURSOR_WIDTH    64
#define QVIRTIO_GPU_CURSOR_HEIGHT   64

/**
 * struct QVirtioGPUCommandOpt - Options of qvirtio_gpu_command()
 * @gpu: a running device (required)
 * @req: the request, in little endian (required)
 * @len: length of the request (required)
 * @expect: expected type of the response, 0 for VIRTIO_GPU_RESP_OK_NODATA
 */
typedef struct QVirtioGPUCommandOpt {
    QVirtioGPU *gpu;
    const void *req;
    size_t len;
    uint32_t expect;
} QVirtioGPUCommandOpt;

/**
 * struct QVirtioGPUResourceOpt - Options of the commands about a resource
 * @gpu: a running device (required)
 * @id: the resource
 * @format: create_2d only; 0 for VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM
 * @width: create_2d, transfer, set_scanout(_blob) and flush; 0 for 1
 * @height: like @width
 * @stride: set_scanout_blob only: bytes per row; 0 for no padding
 * @top: set_scanout_blob only: number of rows above the scanout
 * @scanout: set_scanout(_blob) only
 * @backing: attach_backing and create_blob: guest memory; 0 for none
 * @backing_len: attach_backing and create_blob: length of @backing
 * @one_entry: attach_backing only: don't split @backing
 * @size: create_blob only: size of the blob
 * @blob_mem: create_blob only: 0 for VIRTIO_GPU_BLOB_MEM_GUEST
 * @blob_flags: create_blob only: 0 for VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE
 * @blob_id: create_blob only: the renderer's ID of the blob
 * @ctx: create_blob only: the rendering context
 * @expect: expected type of the response, 0 for VIRTIO_GPU_RESP_OK_NODATA
 */
typedef struct QVirtioGPUResourceOpt {
    QVirtioGPU *gpu;
    uint32_t id;
    uint32_t format;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t top;
    uint32_t scanout;
    uint64_t backing;
    uint32_t backing_len;
    bool one_entry;
    uint64_t size;
    uint32_t blob_mem;
    uint32_t blob_flags;
    uint64_t blob_id;
    uint32_t ctx;
    uint32_t expect;
} QVirtioGPUResourceOpt;

/**
 * qvirtio_gpu_hdr() - Header of a request
 * @type: the command
 *
 * Return: the header in little endian, with no flags
 */
struct virtio_gpu_ctrl_hdr qvirtio_gpu_hdr(uint32_t type);

/**
 * qvirtio_gpu_assert_hdr() - Check the header of an unfenced response
 * @hdr: the header, in little endian
 * @type: expected type
 */
void qvirtio_gpu_assert_hdr(const struct virtio_gpu_ctrl_hdr *hdr,
                            uint32_t type);

/**
 * qvirtio_gpu_set_fence() - Ask for a fence
 * @hdr: header of a request, in little endian
 */
void qvirtio_gpu_set_fence(struct virtio_gpu_ctrl_hdr *hdr);

/**
 * qvirtio_gpu_assert_fenced_hdr() - Check the header of a fenced response
 * @hdr: the header, in little endian, of the response to a request on
 *       which qvirtio_gpu_set_fence() was called
 * @type: expected type
 */
void qvirtio_gpu_assert_fenced_hdr(const struct virtio_gpu_ctrl_hdr *hdr,
                                   uint32_t type);

/**
 * qvirtio_gpu_create_2d_req() - Build a request without sending it
 * @opt: what to create; @opt.gpu and @opt.expect are not used
 *
 * Return: the request, in little endian
 */
struct virtio_gpu_resource_create_2d
qvirtio_gpu_create_2d_req(QVirtioGPUResourceOpt opt);

/**
 * qvirtio_gpu_unref_req() - Build a request without sending it
 * @id: the resource to destroy
 *
 * Return: the request, in little endian
 */
struct virtio_gpu_resource_unref qvirtio_gpu_unref_req(uint32_t id);

/*
 * Each of these functions sends one request with room for a response header,
 * and asserts that the response is a header of the expected type.
 */
void do_qvirtio_gpu_command(QVirtioGPUCommandOpt opt);
void do_qvirtio_gpu_create_2d(QVirtioGPUResourceOpt opt);
void do_qvirtio_gpu_create_blob(QVirtioGPUResourceOpt opt);
void do_qvirtio_gpu_unref(QVirtioGPUResourceOpt opt);
void do_qvirtio_gpu_attach_backing(QVirtioGPUResourceOpt opt);
void do_qvirtio_gpu_detach_backing(QVirtioGPUResourceOpt opt);
void do_qvirtio_gpu_transfer(QVirtioGPUResourceOpt opt);
void do_qvirtio_gpu_set_scanout(QVirtioGPUResourceOpt opt);
void do_qvirtio_gpu_set_scanout_blob(QVirtioGPUResourceOpt opt);
void do_qvirtio_gpu_flush(QVirtioGPUResourceOpt opt);

/**
 * qvirtio_gpu_update_cursor() - Make a resource the cursor, on the cursor queue
 * @gpu: a running device
 * @id: the resource; there is no response that would report an error
 */
void qvirtio_gpu_update_cursor(QVirtioGPU *gpu, uint32_t id);

#define qvirtio_gpu_command(...) \
    do_qvirtio_gpu_command((QVirtioGPUCommandOpt) __VA_ARGS__)
#define qvirtio_gpu_create_2d(...) \
    do_qvirtio_gpu_create_2d((QVirtioGPUResourceOpt) __VA_ARGS__)
#define qvirtio_gpu_create_blob(...) \
    do_qvirtio_gpu_create_blob((QVirtioGPUResourceOpt) __VA_ARGS__)
#define qvirtio_gpu_unref(...) \
    do_qvirtio_gpu_unref((QVirtioGPUResourceOpt) __VA_ARGS__)
#define qvirtio_gpu_attach_backing(...) \
    do_qvirtio_gpu_attach_backing((QVirtioGPUResourceOpt) __VA_ARGS__)
#define qvirtio_gpu_detach_backing(...) \
    do_qvirtio_gpu_detach_backing((QVirtioGPUResourceOpt) __VA_ARGS__)
#define qvirtio_gpu_transfer(...) \
    do_qvirtio_gpu_transfer((QVirtioGPUResourceOpt) __VA_ARGS__)
#define qvirtio_gpu_set_scanout(...) \
    do_qvirtio_gpu_set_scanout((QVirtioGPUResourceOpt) __VA_ARGS__)
#define qvirtio_gpu_set_scanout_blob(...) \
    do_qvirtio_gpu_set_scanout_blob((QVirtioGPUResourceOpt) __VA_ARGS__)
#define qvirtio_gpu_flush(...) \
    do_qvirtio_gpu_flush((QVirtioGPUResourceOpt) __VA_ARGS__)

#endif
