/*
 * What tests of contrib/vhost-user-media share: a device without QEMU and
 * without GStreamer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_MEDIA_FAKE_H
#define TESTS_MEDIA_FAKE_H

#include "contrib/vhost-user-media/media.h"

#define WIDTH       16
#define HEIGHT      4
#define ROW         (WIDTH * 4)
#define FRAME       (ROW * HEIGHT)
#define OBJECT_SIZE 4096
#define HUGE_SIZE   (2 * GiB)       /* sparse */
#define PAGES       V4L2_MEMORY_USERPTR
#define OBJECT      V4L2_MEMORY_DMABUF
#define RESPONSE    sizeof(struct virtio_media_resp_header)

/* Guest memory: two regions that are not contiguous, at these addresses */
#define RAM_SIZE    4096
#define RAM_LOW     0x1000
#define RAM_HIGH    (RAM_LOW + RAM_SIZE)
#define RAM_END     (RAM_HIGH + RAM_SIZE)

extern uint8_t ram[2][RAM_SIZE];

/* UUIDs of objects differ in the first byte only */
enum {
    GOOD = 1, OTHER, SMALL, HUGE_ONE, UNSEALED, PIPE, HUGE_PAGES, LIAR,
    UNREADABLE, READ_ONLY, WRITE_SEALED, DMABUF, UNKNOWN
};

/* Lists of pages that are not an image, and the errno of QBUF */
typedef struct WrongPages {
    struct virtio_media_sg_entry list[2];
    int expect;
} WrongPages;

extern const WrongPages wrong_pages[6];

/**
 * struct FakeDmabuf - A file that looks like a dma-buf to the device
 * @inode: of the file
 * @syncs: number of calls of DMA_BUF_IOCTL_SYNC
 * @flags: arguments of the last of these calls
 * @error: errno of these calls
 */
typedef struct FakeDmabuf {
    ino_t inode;
    unsigned syncs;
    uint64_t flags[4];
    int error;
} FakeDmabuf;

extern FakeDmabuf dmabuf;

/**
 * struct Fake - The surroundings of a device, and what it has done to them
 * @media: the device
 * @type: V4L2's type of the buffers
 * @session: ID of the session that the functions below use
 * @lookups: number of calls of MediaOps.lookup
 * @starts: likewise
 * @stops: likewise
 * @events: likewise
 * @wanted: likewise, of MediaOps.frame_wanted
 * @pushed: number of frames that an output has pushed
 * @tokens: the tokens of these frames
 * @first_byte: the first byte of these frames
 * @last: the last of these frames
 * @layouts: layout of each object
 * @reject: let MediaOps.push fail
 * @no_ram: guest memory has been taken away
 * @keep: keep the file descriptor of the next object in @kept
 * @kept: the file descriptor, or -1
 */
typedef struct Fake {
    Media *media;
    uint32_t type;
    uint32_t session;
    unsigned lookups, starts, stops, events, wanted;
    unsigned pushed;
    uint32_t tokens[64];
    uint8_t first_byte[64];
    MediaFrame last;
    MediaLayout layouts[UNKNOWN + 1];
    bool reject;
    bool no_ram;
    bool keep;
    int kept;
} Fake;

/**
 * struct Call - An ioctl, and what follows its payload in both directions
 * @cmd: the header
 * @out: device-readable bytes after the header
 * @in: device-writable bytes after the header
 * @out_size: number of bytes in @out
 * @in_size: number of bytes in @in
 */
typedef struct Call {
    struct virtio_media_cmd_ioctl cmd;
    uint8_t out[1024];
    uint8_t in[1024];
    size_t out_size, in_size;
} Call;

/**
 * command() - Run a command whose parts are one piece each
 * @fake: the device
 * @out: device-readable part
 * @out_size: size of @out
 * @in: device-writable part
 * @in_size: size of @in
 *
 * Return: the bytes written; there is no access beyond the parts
 */
size_t command(Fake *fake, const void *out, size_t out_size, void *in,
               size_t in_size);

/**
 * open_session() - Open a session
 * @fake: the device
 * @expect: status that the device must return
 *
 * Return: the ID
 */
uint32_t open_session(Fake *fake, int expect);

/**
 * close_session() - Close a session
 * @fake: the device
 * @session: the ID
 */
void close_session(Fake *fake, uint32_t session);

/**
 * call_new() - Make an ioctl
 * @fake: the device
 * @request: V4L2's number of the ioctl
 * @arg: the payload
 *
 * Return: the ioctl, to be run by call_run()
 */
Call call_new(Fake *fake, unsigned long request, const void *arg);

/**
 * call_add() - Add device-readable bytes to an ioctl
 * @call: the ioctl
 * @data: the bytes
 * @size: number of bytes
 */
void call_add(Call *call, const void *data, size_t size);

/**
 * call_sized() - Run an ioctl, and cut its parts
 * @fake: the device
 * @call: the ioctl
 * @out_size: size of the device-readable part, with its header
 * @in_size: size of the device-writable part, with its header
 *
 * Return: the status; -1 if there is no room for it
 */
int call_sized(Fake *fake, Call *call, size_t out_size, size_t in_size);

/**
 * call_run() - Run an ioctl
 * @fake: the device
 * @call: the ioctl
 *
 * Return: the status
 */
int call_run(Fake *fake, Call *call);

/**
 * run() - Run an ioctl that is only its payload
 * @fake: the device
 * @request: V4L2's number of the ioctl
 * @arg: the payload, changed if the status is 0
 *
 * Return: the status
 */
int run(Fake *fake, unsigned long request, void *arg);

/**
 * run_number() - Run an ioctl whose payload is a number
 * @fake: the device
 * @request: V4L2's number of the ioctl
 * @number: the payload
 *
 * Return: the status
 */
int run_number(Fake *fake, unsigned long request, int number);

/**
 * buffer_call() - Make an ioctl for a buffer, without its memory
 * @fake: the device
 * @request: V4L2's number of the ioctl
 * @index: the buffer
 * @memory: the memory type
 *
 * Return: the ioctl
 */
Call buffer_call(Fake *fake, unsigned long request, unsigned index,
                 uint32_t memory);

/**
 * pages_call() - Make an ioctl for a buffer at the start of guest memory
 * @fake: the device
 * @request: V4L2's number of the ioctl
 * @index: the buffer
 *
 * Return: the ioctl
 */
Call pages_call(Fake *fake, unsigned long request, unsigned index);

/**
 * object_call() - Make an ioctl for a buffer in an object
 * @fake: the device
 * @request: V4L2's number of the ioctl
 * @index: the buffer
 * @object: first byte of the UUID
 *
 * Return: the ioctl
 */
Call object_call(Fake *fake, unsigned long request, unsigned index,
                 uint8_t object);

/**
 * queue_pages() - Queue a buffer at the start of guest memory
 * @fake: the device
 * @index: the buffer
 *
 * Return: the status
 */
int queue_pages(Fake *fake, unsigned index);

/**
 * queue_object() - Queue a buffer in an object
 * @fake: the device
 * @index: the buffer
 * @object: first byte of the UUID
 *
 * Return: the status
 */
int queue_object(Fake *fake, unsigned index, uint8_t object);

/**
 * request_buffers() - Replace the buffers
 * @fake: the device
 * @count: how many
 * @memory: the memory type
 *
 * Return: the status
 */
int request_buffers(Fake *fake, unsigned count, uint32_t memory);

/**
 * set_pix() - Set the format
 * @fake: the device
 * @pix: the format
 *
 * Return: the status
 */
int set_pix(Fake *fake, struct v4l2_pix_format pix);

/**
 * set_format() - Set the size of frames, and the default format
 * @fake: the device
 * @width: in pixels
 * @height: in pixels
 *
 * Return: the status
 */
int set_format(Fake *fake, uint32_t width, uint32_t height);

/**
 * fake_new() - Create an output with a session, the format of the tests, and
 * buffers
 * @count: number of buffers
 * @memory: the memory type
 *
 * Return: the device, to be freed by fake_free()
 */
Fake *fake_new(unsigned count, uint32_t memory);

/**
 * fake_capture_new() - Like fake_new(), but create a capture
 * @count: number of buffers
 * @memory: the memory type
 *
 * Return: the device, to be freed by fake_free()
 */
Fake *fake_capture_new(unsigned count, uint32_t memory);

/**
 * fake_free() - Free a device
 * @fake: the device
 */
void fake_free(Fake *fake);

/**
 * next_event() - Fill a buffer of the event queue
 * @fake: a device with an event
 * @event: the buffer
 * @size: size of the buffer
 *
 * Return: the bytes written
 */
size_t next_event(Fake *fake, void *event, size_t size);

/**
 * next_dequeued() - Get the event of a buffer
 * @fake: a device whose next event is one
 *
 * Return: the buffer
 */
struct v4l2_buffer next_dequeued(Fake *fake);

/**
 * release_by_close() - Release all memory by the end of the session
 * @fake: the device
 */
void release_by_close(Fake *fake);

/**
 * release_by_reset() - Release all memory by a reset
 * @fake: the device
 */
void release_by_reset(Fake *fake);

/**
 * start_streaming() - Start the stream
 * @fake: the device
 *
 * Return: @fake
 */
Fake *start_streaming(Fake *fake);

#endif
