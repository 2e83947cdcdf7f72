/*
 * The memory of an object that another device shares
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CONTRIB_VHOST_USER_MEDIA_OBJECT_H
#define CONTRIB_VHOST_USER_MEDIA_OBJECT_H

/**
 * struct MediaLayout - What the exporter says about the image in an object
 * @width: width in pixels; 0 if the layout is not known
 * @height: height in pixels
 * @fourcc: DRM's number of the format
 * @stride: number of bytes from one row to the next
 * @offset: where the first row begins in the memory
 * @bottom_up: the first row in the memory is the bottom row of the image
 * @linear: there is one plane, whose modifier is linear or not known
 *
 * The exporter may be wrong or lie.
 */
typedef struct MediaLayout {
    uint32_t width;
    uint32_t height;
    uint32_t fourcc;
    uint32_t stride;
    uint32_t offset;
    bool bottom_up;
    bool linear;
} MediaLayout;

/**
 * struct MediaObject - A shared object
 * @fd: a memfd or a dma-buf; -1 for no object
 * @size: size of the memory
 * @is_dmabuf: whether @fd is a dma-buf
 * @map: the memory, to be written, or NULL
 * @layout: layout of the image, if it is known
 */
typedef struct MediaObject {
    int fd;
    uint64_t size;
    bool is_dmabuf;
    uint8_t *map;
    MediaLayout layout;
} MediaObject;

/**
 * media_object_open() - Check what a lookup has returned
 * @object: filled in
 * @fd: taken over, and closed on failure
 * @layout: what the lookup has said about the image
 *
 * Only a dma-buf, and a memfd that is sealed against shrinking and has no huge
 * pages, can be mapped without the risk that the owner removes pages from the
 * mapping.
 *
 * Return: true, or false with no object in @object
 */
bool media_object_open(MediaObject *object, int fd, const MediaLayout *layout);

/**
 * media_object_map() - Map an object, to write to it
 * @object: may be mapped already
 *
 * Return: true if the memory is in @object->map
 */
bool media_object_map(MediaObject *object);

/**
 * media_object_begin() - Begin to write to an object
 * @object: an object that is mapped
 *
 * Return: true on success; media_object_end() must follow
 */
bool media_object_begin(const MediaObject *object);

/**
 * media_object_end() - Let others see what was written to an object
 * @object: the object
 *
 * Return: true on success
 */
bool media_object_end(const MediaObject *object);

/**
 * media_object_close() - Close an object
 * @object: may be none
 */
void media_object_close(MediaObject *object);

#endif /* CONTRIB_VHOST_USER_MEDIA_OBJECT_H */
