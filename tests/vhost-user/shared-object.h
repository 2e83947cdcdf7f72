/*
 * The memory of an object that another device shares
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
 * shared_object_map() - Map the memory of an object
 * @obj: filled in; nothing may be mapped
 * @fd: a memfd or a dma-buf; closed on failure
 * @read_only: map it read-only even if it is writable
 * @errp: set on failure
 *
 * A memfd must be sealed against shrinking.  Otherwise its owner could shrink
 * it at any time, and a later access would crash this process.
 *
 * Return: true, or false with @errp set and nothing mapped
 */
bool shared_object_map(SharedObject *obj, int fd, bool read_only,
                       Error **errp);

/**
 * shared_object_unmap() - Unmap the memory and close its descriptor
 * @obj: mapped or not
 */
void shared_object_unmap(SharedObject *obj);

/**
 * shared_object_covers() - Tell whether a range is inside the object
 * @obj: mapped or not
 * @offset: of the first byte
 * @bytes: length; no range is inside an object that is not mapped
 *
 * Return: whether @obj->data + @offset may be accessed for @bytes
 */
bool shared_object_covers(const SharedObject *obj, uint64_t offset,
                          uint64_t bytes);

/**
 * shared_object_begin() - Announce an access to @obj->data
 * @obj: mapped
 * @write: whether the access also writes
 *
 * Synchronises a dma-buf, whose memory may be in the cache of a device.
 *
 * Return: true if the memory may be accessed until shared_object_end(); do not
 * call shared_object_end() otherwise
 */
bool shared_object_begin(SharedObject *obj, bool write);

/**
 * shared_object_end() - End an access
 * @obj: mapped
 * @write: as in shared_object_begin()
 */
void shared_object_end(SharedObject *obj, bool write);

#endif /* TESTS_VHOST_USER_SHARED_OBJECT_H */
