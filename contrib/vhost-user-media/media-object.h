/*
 * The memory of an object that another device shares
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CONTRIB_VHOST_USER_MEDIA_OBJECT_H
#define CONTRIB_VHOST_USER_MEDIA_OBJECT_H

/**
 * struct MediaObject - A shared object
 * @fd: a memfd or a dma-buf; -1 for no object
 * @size: size of the memory
 * @is_dmabuf: whether @fd is a dma-buf
 */
typedef struct MediaObject {
    int fd;
    uint64_t size;
    bool is_dmabuf;
} MediaObject;

/**
 * media_object_open() - Check what a lookup has returned
 * @object: filled in
 * @fd: taken over, and closed on failure
 *
 * Only a dma-buf, and a memfd that is sealed against shrinking, can be mapped
 * without the danger that the owner of the memory takes it away.
 *
 * Return: true, or false with no object in @object
 */
bool media_object_open(MediaObject *object, int fd);

/**
 * media_object_close() - Close an object
 * @object: may be none
 */
void media_object_close(MediaObject *object);

#endif /* CONTRIB_VHOST_USER_MEDIA_OBJECT_H */
