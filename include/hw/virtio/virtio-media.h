/*
 * virtio-media: configuration, commands and events
 *
 * Names and layout are those of the virtio specification, "Media Device".  All
 * fields are little-endian.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_MEDIA_H
#define HW_VIRTIO_MEDIA_H

#ifndef VIRTIO_ID_MEDIA
#define VIRTIO_ID_MEDIA 48
#endif

#define VIRTIO_MEDIA_CMD_OPEN   1
#define VIRTIO_MEDIA_CMD_CLOSE  2
#define VIRTIO_MEDIA_CMD_IOCTL  3
#define VIRTIO_MEDIA_CMD_MMAP   4
#define VIRTIO_MEDIA_CMD_MUNMAP 5

#define VIRTIO_MEDIA_EVT_ERROR  0
#define VIRTIO_MEDIA_EVT_DQBUF  1
#define VIRTIO_MEDIA_EVT_EVENT  2

#define VIRTIO_MEDIA_MAX_PLANES 8

/* Size of a UUID that follows a buffer of the memory type VIRTIO_OBJECT */
#define VIRTIO_MEDIA_UUID_LEN   16

struct virtio_media_config {
    uint32_t device_caps;   /* as in V4L2 */
    uint32_t device_type;   /* 0: video */
    uint8_t card[32];
};

struct virtio_media_cmd_header {
    uint32_t cmd;
    uint32_t reserved;
};

struct virtio_media_resp_header {
    uint32_t status;        /* an error number of Linux */
    uint32_t reserved;
};

struct virtio_media_resp_open {
    struct virtio_media_resp_header hdr;
    uint32_t session_id;
    uint32_t reserved;
};

struct virtio_media_cmd_close {
    struct virtio_media_cmd_header hdr;
    uint32_t session_id;
    uint32_t reserved;
};

struct virtio_media_cmd_ioctl {
    struct virtio_media_cmd_header hdr;
    uint32_t session_id;
    uint32_t code;          /* second argument of _IO*() */
};

struct virtio_media_sg_entry {
    uint64_t start;         /* guest physical address */
    uint32_t len;
    uint32_t reserved;
};

struct virtio_media_event_header {
    uint32_t event;
    uint32_t session_id;
};

struct virtio_media_event_error {
    struct virtio_media_event_header hdr;
    uint32_t error;
    uint32_t reserved;
};

#endif /* HW_VIRTIO_MEDIA_H */
