/*
 * What the monitor shows of objects that virtio devices export
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_EXPORT_INFO_H
#define HW_VIRTIO_EXPORT_INFO_H

#include "hw/virtio/virtio-export.h"

/**
 * struct VirtIOExportInfo - What is known of an object before it is looked up
 * @exporter: exporter of the object
 * @owner: the exporter, or the character device of the back-end that has the
 *         object
 * @uuid: UUID of the object
 * @has_id: @id is known
 * @id: id that the driver of the device has for the object
 * @object: what a lookup would return, without the file descriptor
 * @unavailable_reason: why a lookup cannot succeed, as far as is known before
 *                      the lookup; else NULL
 *
 * The members are valid only during the call of VirtIOExportInfoFn, which must
 * not change or look up any object.
 */
struct VirtIOExportInfo {
    VirtIOExporter *exporter;
    Object *owner;
    const QemuUUID *uuid;
    bool has_id;
    uint64_t id;
    VirtIOExportObject object;
    const char *unavailable_reason;
};

#endif /* HW_VIRTIO_EXPORT_INFO_H */
