/*
 * What the tests of contrib/vhost-user-media share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_MEDIA_HELPERS_H
#define TESTS_VIRTIO_MEDIA_HELPERS_H

#include "libqtest.h"
#include "virtio-export/peer.h"
#include "virtio-gpu/helpers/drawn.h"
#include "virtio-media/backend.h"

#define PAGES       V4L2_MEMORY_USERPTR
#define OBJECT      V4L2_MEMORY_DMABUF

#define MEDIA_SECOND_GPU_SLOT 5

/**
 * struct MediaTest - A test
 * @name: follows "vhost-user-media/"
 * @func: the test
 * @pipeline: the pipeline, as for media_backend_before()
 * @capture: the device is a capture, not an output
 * @with_exporter: there is an exporter
 * @second_gpu: there is a second GPU, a virtio-gpu-pci in MEDIA_SECOND_GPU_SLOT
 */
typedef struct MediaTest {
    const char *name;
    void (*func)(QVirtioMedia *media, QVirtioGPU *gpu);
    const char *pipeline;
    bool capture;
    bool with_exporter;
    bool second_gpu;
} MediaTest;

/**
 * struct Call - An ioctl on the wire, with room for 16 bytes after its payload
 * @out: device-readable part
 * @in: device-writable part
 * @chain: both parts
 */
typedef struct Call {
    struct {
        struct virtio_media_cmd_ioctl cmd;
        uint8_t arg[272];
    } out;
    struct {
        struct virtio_media_resp_header hdr;
        uint8_t arg[272];
    } in;
    QVirtioMediaChain chain;
} Call;

/* A back-end whose objects have the descriptions that a test chooses */
extern VhostUserPeer *media_exporter;

/* The session that the functions below use */
extern uint32_t session;

/**
 * open_session() - Open a session
 * @media: the device
 *
 * Return: the ID
 */
uint32_t open_session(QVirtioMedia *media);

/**
 * close_session() - Close a session
 * @media: the device
 * @id: the ID
 */
void close_session(QVirtioMedia *media, uint32_t id);

/**
 * call_init() - Make an ioctl of the session
 * @call: filled in
 * @request: V4L2's number of the ioctl
 * @arg: the payload
 */
void call_init(Call *call, unsigned long request, const void *arg);

/**
 * call_add() - Add device-readable bytes to an ioctl
 * @call: the ioctl
 * @data: the bytes
 * @size: number of bytes
 */
void call_add(Call *call, const void *data, size_t size);

/**
 * call_run() - Run an ioctl
 * @call: the ioctl
 * @media: the device
 *
 * Return: the status
 */
int call_run(Call *call, QVirtioMedia *media);

/**
 * run() - Run an ioctl that is only its payload
 * @media: the device
 * @request: V4L2's number of the ioctl
 * @arg: the payload, changed as the device does
 *
 * Return: the status
 */
int run(QVirtioMedia *media, unsigned long request, void *arg);

/**
 * run_number() - Run an ioctl whose payload is a number
 * @media: the device
 * @request: V4L2's number of the ioctl
 * @number: the payload
 *
 * Return: the status
 */
int run_number(QVirtioMedia *media, unsigned long request, int number);

/**
 * init_object_call() - Make an ioctl for a buffer in an object
 * @call: filled in
 * @request: V4L2's number of the ioctl
 * @index: the buffer
 * @uuid: UUID of the object
 */
void init_object_call(Call *call, unsigned long request,
                      unsigned index, const uint8_t *uuid);

/**
 * queue_object() - Queue a buffer in an object
 * @media: the device
 * @index: the buffer
 * @uuid: UUID of the object
 *
 * Return: the status
 */
int queue_object(QVirtioMedia *media, unsigned index,
                 const uint8_t *uuid);

/**
 * queue_pages() - Queue a buffer of DRAWN_BYTES in two pieces of guest memory
 * @media: the device
 * @index: the buffer
 * @addr: the piece that comes last; the first one follows it
 *
 * Return: the status
 */
int queue_pages(QVirtioMedia *media, unsigned index, uint64_t addr);

/**
 * set_pix() - Set the format
 * @media: the device
 * @pix: the format, changed as the device does
 *
 * Return: the status
 */
int set_pix(QVirtioMedia *media, struct v4l2_pix_format *pix);

/**
 * set_format() - Set the format of struct Drawn
 * @media: the device
 *
 * Return: the status
 */
int set_format(QVirtioMedia *media);

/**
 * request_buffers() - Replace the buffers
 * @media: the device
 * @count: how many
 * @memory: the memory type
 *
 * Return: the status
 */
int request_buffers(QVirtioMedia *media, unsigned count,
                    uint32_t memory);

/**
 * set_up() - Open a session that has the format of struct Drawn, and 4 buffers
 * @media: the device
 * @memory: the memory type
 */
void set_up(QVirtioMedia *media, uint32_t memory);

/**
 * stream_on() - Start the stream
 * @media: the device
 */
void stream_on(QVirtioMedia *media);

/**
 * stream_off() - End the stream
 * @media: the device
 */
void stream_off(QVirtioMedia *media);

/**
 * wait_dequeued() - Wait until the device returns a buffer
 * @media: the device
 * @index: the buffer
 *
 * Return: the buffer, which has no error
 */
struct v4l2_buffer wait_dequeued(QVirtioMedia *media, unsigned index);

/**
 * wait_failed() - Wait until the session ends because the pipeline has failed
 * @media: the device
 *
 * Skips buffers that the device has returned before.
 */
void wait_failed(QVirtioMedia *media);

/**
 * queue_described() - Queue an object of media_exporter in a new buffer
 * @media: the device
 * @info: what the exporter says about the object
 *
 * Return: the status
 */
int queue_described(QVirtioMedia *media, const PeerInfo *info);

/**
 * malformed() - Test that QBUF is rejected unless both parts are complete
 * @media: the device
 * @gpu: exporter of the object
 */
void malformed(QVirtioMedia *media, QVirtioGPU *gpu);

/**
 * pipeline_fails() - Case: a pipeline fails, and the session ends with an error
 * @media: a device whose pipeline fails, maybe before the first frame
 * @gpu: the device whose resource is queued
 */
void pipeline_fails(QVirtioMedia *media, QVirtioGPU *gpu);

/**
 * check_config() - Check the configuration space
 * @media: the device
 * @kind: V4L2_CAP_VIDEO_OUTPUT or V4L2_CAP_VIDEO_CAPTURE
 */
void check_config(QVirtioMedia *media, uint32_t kind);

/**
 * media_register_tests() - Register tests
 * @interface: the GPU, a node of qgraph
 * @test: the first test; stays in use
 * @num: number of tests
 */
void media_register_tests(const char *interface, const MediaTest *test,
                          size_t num);

/**
 * media_register_slow_tests() - Register tests that run with "-m slow"
 * @tests: tests with virtio-gpu; stay in use
 * @num: number of @tests
 * @gl_tests: tests with virtio-gpu-gl, if EGL can export textures as dma-bufs;
 *            stay in use
 * @num_gl: number of @gl_tests
 */
void media_register_slow_tests(const MediaTest *tests, size_t num,
                               const MediaTest *gl_tests, size_t num_gl);

#endif
