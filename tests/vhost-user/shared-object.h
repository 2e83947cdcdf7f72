/*
 * Memory that another device of the virtual machine shares
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VHOST_USER_SHARED_OBJECT_H
#define TESTS_VHOST_USER_SHARED_OBJECT_H

typedef struct SharedObject {
    int fd;
    const char *kind;   /* NULL while nothing is mapped */
    uint8_t *data;
    uint64_t size;
    bool is_dmabuf;
    bool writable;
} SharedObject;

/**
 * shared_object_map() - Map the memory behind a descriptor
 * @obj: where nothing is mapped
 * @fd: a memfd or a dma-buf; taken over, also on failure
 * @read_only: map it for reading even if it could be written
 * @errp: set on failure
 *
 * A memfd must be sealed against shrinking: its owner could make it smaller
 * at any time otherwise, and a later access would be this process's end.
 *
 * Return: true, or false with @errp set and nothing mapped
 */
bool shared_object_map(SharedObject *obj, int fd, bool read_only,
                       Error **errp);

/**
 * shared_object_unmap() - Let go of the memory and its descriptor
 * @obj: mapped or not
 */
void shared_object_unmap(SharedObject *obj);

/**
 * shared_object_covers() - Whether a range lies inside the object
 * @obj: mapped or not
 * @offset: of the first byte
 * @bytes: length; nothing is covered by what is not mapped
 *
 * Return: whether @obj->data + @offset may be accessed for @bytes
 */
bool shared_object_covers(const SharedObject *obj, uint64_t offset,
                          uint64_t bytes);

/**
 * shared_object_begin() - Announce an access to @obj->data
 * @obj: mapped
 * @write: whether it is going to be written, too
 *
 * A dma-buf's memory may be cached by a device, so that it has to know.
 *
 * Return: whether the access may go on; shared_object_end() has to follow
 * only if so
 */
bool shared_object_begin(SharedObject *obj, bool write);

/**
 * shared_object_end() - End what shared_object_begin() has begun
 * @obj: mapped
 * @write: as in shared_object_begin()
 */
void shared_object_end(SharedObject *obj, bool write);

#endif /* TESTS_VHOST_USER_SHARED_OBJECT_H */
