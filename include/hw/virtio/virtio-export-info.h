/*
 * What the monitor tells of objects that virtio devices export
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_EXPORT_INFO_H
#define HW_VIRTIO_EXPORT_INFO_H

#include "hw/virtio/virtio-export.h"

/**
 * struct VirtIOExportInfo - What is known of an object before it is looked up
 * @exporter: whose object it is
 * @owner: the exporter, or the character device of the back-end that has it
 * @uuid: of the object
 * @has_id: @id is known
 * @id: by which the driver of the device knows the object
 * @object: as a lookup would give it, without the file descriptor
 * @unavailable_reason: why a lookup cannot succeed, as far as is known without
 *                      one; else NULL
 *
 * All of it is valid during the call of VirtIOExportInfoFn only, which must not
 * change or look up any object.
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
