/*
 * Objects that virtio devices export to one another
 *
 * Virtio specification, Basic Facilities of a Virtio Device, "Exporting
 * Objects": a driver gives the UUID of an object of one device to the driver
 * of another, and that device asks here for what is behind it.
 *
 * Context of every function: BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_EXPORT_H
#define HW_VIRTIO_EXPORT_H

#include "qemu/uuid.h"
#include "qom/object.h"

#define VIRTIO_EXPORT_MAX_PLANES 4

/**
 * enum VirtIOExportKind - What a descriptor is
 * @VIRTIO_EXPORT_KIND_UNKNOWN: whatever the exporter was given by its peer
 * @VIRTIO_EXPORT_KIND_MEMFD: memfd that is sealed against growing and shrinking
 * @VIRTIO_EXPORT_KIND_DMABUF: dma-buf
 */
typedef enum VirtIOExportKind {
    VIRTIO_EXPORT_KIND_UNKNOWN,
    VIRTIO_EXPORT_KIND_MEMFD,
    VIRTIO_EXPORT_KIND_DMABUF,
} VirtIOExportKind;

/**
 * struct VirtIOExportObject - Memory, and how an image lies in it
 * @fd: descriptor of the memory, close-on-exec; -1 if there is none
 * @kind: what @fd is
 * @size: of the memory, in bytes; 0 if not known
 * @width: in pixels; 0 if not known
 * @height: in pixels; 0 if not known
 * @fourcc: DRM_FORMAT_*; DRM_FORMAT_INVALID (0) if not known
 * @modifier: DRM_FORMAT_MOD_*; DRM_FORMAT_MOD_INVALID if not known
 * @num_planes: how many of @strides and @offsets count; 0 if not known
 * @strides: of each plane, in bytes
 * @offsets: of each plane in the memory, in bytes
 * @bottom_up: the rows follow each other from the bottom of the image to its
 *             top, as GL has them
 */
typedef struct VirtIOExportObject {
    int fd;
    VirtIOExportKind kind;
    uint64_t size;
    uint32_t width;
    uint32_t height;
    uint32_t fourcc;
    uint64_t modifier;
    uint32_t num_planes;
    uint32_t strides[VIRTIO_EXPORT_MAX_PLANES];
    uint32_t offsets[VIRTIO_EXPORT_MAX_PLANES];
    bool bottom_up;
} VirtIOExportObject;

/**
 * enum VirtIOExportStatus - What an exporter says about a UUID
 * @VIRTIO_EXPORT_UNKNOWN: no object of this exporter
 * @VIRTIO_EXPORT_FAILED: an object of this exporter, and it cannot be exported
 * @VIRTIO_EXPORT_DONE: exported
 */
typedef enum VirtIOExportStatus {
    VIRTIO_EXPORT_UNKNOWN,
    VIRTIO_EXPORT_FAILED,
    VIRTIO_EXPORT_DONE,
} VirtIOExportStatus;

#define TYPE_VIRTIO_EXPORTER "virtio-exporter"

typedef struct VirtIOExporter VirtIOExporter;
typedef struct VirtIOExporterClass VirtIOExporterClass;

DECLARE_CLASS_CHECKERS(VirtIOExporterClass, VIRTIO_EXPORTER,
                       TYPE_VIRTIO_EXPORTER)
#define VIRTIO_EXPORTER(obj) \
    INTERFACE_CHECK(VirtIOExporter, (obj), TYPE_VIRTIO_EXPORTER)

/**
 * struct VirtIOExportInfo - What is known of an object before it is exported
 * @exporter: whose object it is
 * @owner: the exporter, or the character device of the back-end that has it
 * @uuid: of the object
 * @has_id: @id is known
 * @id: by which the driver of the device knows the object
 * @object: as virtio_export_lookup() would give it, less the descriptor
 * @obstacle: why a look-up cannot succeed, as far as is known without one;
 *            else NULL
 *
 * All of it is valid during the call of VirtIOExportFn only.
 */
typedef struct VirtIOExportInfo {
    VirtIOExporter *exporter;
    Object *owner;
    const QemuUUID *uuid;
    bool has_id;
    uint64_t id;
    VirtIOExportObject object;
    const char *obstacle;
} VirtIOExportInfo;

/**
 * typedef VirtIOExportFn - Called for an object; must not change or look up any
 * @info: about the object
 * @opaque: of the caller
 */
typedef void VirtIOExportFn(const VirtIOExportInfo *info, void *opaque);

/**
 * struct VirtIOExporterClass - Interface of an object that exports others
 * @parent_class: the interface's own
 * @asked_last: its objects are those of another process, which must not be
 *              able to stand in for a device of QEMU: all others are asked
 *              first
 * @export: fills in an object, which comes initialised; what is left alone is
 *          not known.  Sets its Error only with VIRTIO_EXPORT_FAILED, and the
 *          descriptor only with VIRTIO_EXPORT_DONE: a new one, which is the
 *          caller's
 * @foreach: calls back for the object with the UUID, if there is one, or for
 *           all if the UUID is NULL; makes no descriptor
 */
struct VirtIOExporterClass {
    InterfaceClass parent_class;

    bool asked_last;
    VirtIOExportStatus (*export)(VirtIOExporter *exporter,
                                 const QemuUUID *uuid,
                                 VirtIOExportObject *object, Error **errp);
    void (*foreach)(VirtIOExporter *exporter, const QemuUUID *uuid,
                    VirtIOExportFn *fn, void *opaque);
};

/**
 * virtio_exporter_register() - Let others find an exporter's objects
 * @exporter: borrowed until virtio_exporter_unregister()
 *
 * For a device this is the last step of realize.
 */
void virtio_exporter_register(VirtIOExporter *exporter);

/**
 * virtio_exporter_unregister() - Undo virtio_exporter_register()
 * @exporter: registered or not
 *
 * For a device this belongs into instance_finalize.
 */
void virtio_exporter_unregister(VirtIOExporter *exporter);

/**
 * virtio_export_object_init() - Make an object of which nothing is known
 * @object: storage of the caller, in any state
 */
void virtio_export_object_init(VirtIOExportObject *object);

/**
 * virtio_export_object_close() - Close an object's descriptor
 * @object: an initialised object; afterwards nothing is known of it
 *
 * What has been mapped stays mapped.
 */
void virtio_export_object_close(VirtIOExportObject *object);

/**
 * virtio_export_format_name() - Write a format for people
 * @fourcc: DRM_FORMAT_*
 *
 * Return: its four letters, to be freed by the caller; what is no letter,
 * digit or space is a question mark.
 */
char *virtio_export_format_name(uint32_t fourcc);

/**
 * virtio_export_lookup() - Get the object that another device has exported
 * @uuid: of the object, as the guest gave it
 * @object: filled in on success
 * @errp: set on failure: no exporter knows @uuid, the one that does is gone,
 *        or has no memory to hand out for it
 *
 * The descriptor in @object is a new one, and the caller's: close it with
 * virtio_export_object_close().  The memory lives on for as long as somebody
 * has a descriptor or a mapping of it, whatever happens to the exporter.
 *
 * The exporter may have to wait for its vhost-user back-end.  If that one
 * waits for QEMU at this moment, the look-up fails rather than both wait, and
 * may be tried again later.
 *
 * Return: true on success; false with @errp set.
 */
bool virtio_export_lookup(const QemuUUID *uuid, VirtIOExportObject *object,
                          Error **errp);

/**
 * virtio_export_exists() - Tell whether any exporter knows a UUID
 * @uuid: in question
 *
 * Return: true if one does, whether a look-up would succeed or not.
 */
bool virtio_export_exists(const QemuUUID *uuid);

/**
 * virtio_export_foreach() - Call back for each exported object
 * @fn: called in the order in which exporters are asked
 * @opaque: passed to @fn
 */
void virtio_export_foreach(VirtIOExportFn *fn, void *opaque);

#endif /* HW_VIRTIO_EXPORT_H */
