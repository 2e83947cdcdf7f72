/*
 * Objects that virtio devices export to one another
 *
 * Virtio specification, Basic Facilities of a Virtio Device, "Exporting
 * Objects": a driver gives the UUID of an object of one device to the driver
 * of another, and that device looks the UUID up here.
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

/*
 * How long a lookup may stay pending.  A back-end that serves its main channel
 * answers in microseconds; a back-end that is swapped out needs a second or
 * two.  Linux gives up on a virtio request after 30 seconds at the earliest.
 */
#define VIRTIO_EXPORT_DEADLINE_MS 5000

/**
 * enum VirtIOExportKind - Type of a file descriptor
 * @VIRTIO_EXPORT_KIND_UNKNOWN: whatever type a vhost-user back-end has sent
 * @VIRTIO_EXPORT_KIND_MEMFD: memfd that is sealed against growing and shrinking
 * @VIRTIO_EXPORT_KIND_DMABUF: dma-buf
 */
typedef enum {
    VIRTIO_EXPORT_KIND_UNKNOWN,
    VIRTIO_EXPORT_KIND_MEMFD,
    VIRTIO_EXPORT_KIND_DMABUF,
} VirtIOExportKind;

/**
 * struct VirtIOExportObject - Memory, and the image in it
 * @fd: file descriptor of the memory, close-on-exec; -1 if there is none
 * @kind: type of @fd
 * @size: size of the memory, in bytes; 0 if not known
 * @width: width of the image, in pixels; 0 if not known
 * @height: height of the image, in pixels; 0 if not known
 * @fourcc: DRM_FORMAT_*; DRM_FORMAT_INVALID (0) if not known
 * @modifier: DRM_FORMAT_MOD_*; DRM_FORMAT_MOD_INVALID if not known
 * @num_planes: number of valid @strides and @offsets; 0 if not known
 * @strides: stride of each plane, in bytes
 * @offsets: offset of each plane in the memory, in bytes
 * @bottom_up: the first row in memory is the bottom row of the image, as in GL
 *
 * An importer may rely on the following, because the registry drops geometry
 * that violates it.  If @size, @height and @num_planes are known, each plane
 * ends inside the memory: @offsets[i] + @strides[i] * rows <= @size.  A plane
 * has @height rows; or half of them, rounded up, if the format subsamples it;
 * or at least one, if it is not the first and @modifier is not linear.  If the
 * bytes per pixel of @fourcc are known, each row of the first plane holds
 * @width pixels.
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
 * enum VirtIOExportStatus - An exporter's answer to a lookup
 * @VIRTIO_EXPORT_UNKNOWN: the exporter has no object with this UUID
 * @VIRTIO_EXPORT_FAILED: the exporter has the object, but cannot export it
 * @VIRTIO_EXPORT_DONE: the object is exported
 * @VIRTIO_EXPORT_PENDING: the exporter calls virtio_export_answer() or
 *                         virtio_export_retry() later
 */
typedef enum {
    VIRTIO_EXPORT_UNKNOWN,
    VIRTIO_EXPORT_FAILED,
    VIRTIO_EXPORT_DONE,
    VIRTIO_EXPORT_PENDING,
} VirtIOExportStatus;

#define TYPE_VIRTIO_EXPORTER "virtio-exporter"

typedef struct VirtIOExporter VirtIOExporter;
typedef struct VirtIOExporterClass VirtIOExporterClass;
typedef struct VirtIOExportLookup VirtIOExportLookup;

/* virtio-export-info.h */
typedef struct VirtIOExportInfo VirtIOExportInfo;
typedef void VirtIOExportInfoFn(const VirtIOExportInfo *info, void *opaque);

DECLARE_CLASS_CHECKERS(VirtIOExporterClass, VIRTIO_EXPORTER,
                       TYPE_VIRTIO_EXPORTER)
#define VIRTIO_EXPORTER(obj) \
    INTERFACE_CHECK(VirtIOExporter, (obj), TYPE_VIRTIO_EXPORTER)

/**
 * struct VirtIOExporterClass - Interface of a QOM object that exports objects
 * @parent_class: class of the interface
 * @asked_last: the exported objects belong to another process, which must not
 *              take the place of a device of QEMU: a back-end may have added a
 *              UUID before the same UUID arrives in a migration stream
 * @exists: tells whether the exporter has an object with a UUID
 * @export: looks up the UUID of a lookup, and fills in the object, which is
 *          initialised.  Sets the Error only with VIRTIO_EXPORT_FAILED, and the
 *          file descriptor, a new one, only with VIRTIO_EXPORT_DONE.  Must not
 *          wait for another process, but return VIRTIO_EXPORT_PENDING instead.
 * @cancel: drops a pending lookup, which is freed next.  NULL if the exporter
 *          keeps no pointers to lookups.
 * @foreach: for the monitor; calls back for the object with the UUID, if it
 *           exists, or for all objects if the UUID is NULL, which need not be
 *           described then, as there may be very many.  NULL if the monitor
 *           shows no objects of this exporter.
 */
struct VirtIOExporterClass {
    InterfaceClass parent_class;

    bool asked_last;
    bool (*exists)(VirtIOExporter *exporter, const QemuUUID *uuid);
    VirtIOExportStatus (*export)(VirtIOExporter *exporter,
                                 VirtIOExportLookup *lookup,
                                 VirtIOExportObject *object, Error **errp);
    void (*cancel)(VirtIOExporter *exporter, VirtIOExportLookup *lookup);
    void (*foreach)(VirtIOExporter *exporter, const QemuUUID *uuid,
                    VirtIOExportInfoFn *fn, void *opaque);
};

/**
 * virtio_exporter_register() - Let other devices look up an exporter's objects
 * @exporter: not registered; borrowed until virtio_exporter_unregister()
 *
 * A device calls this as the last step of realize.
 */
void virtio_exporter_register(VirtIOExporter *exporter);

/**
 * virtio_exporter_unregister() - Undo virtio_exporter_register()
 * @exporter: registered; its pending lookups fail
 *
 * A device calls this as the first step of unrealize.
 */
void virtio_exporter_unregister(VirtIOExporter *exporter);

/**
 * virtio_export_object_init() - Initialise an object: nothing is known of it
 * @object: the object, in any state
 */
void virtio_export_object_init(VirtIOExportObject *object);

/**
 * virtio_export_object_close() - Close an object's file descriptor
 * @object: an initialised object; afterwards nothing is known of it
 *
 * Memory that has been mapped stays mapped.
 */
void virtio_export_object_close(VirtIOExportObject *object);

/**
 * virtio_export_object_fault() - Check the geometry that importers rely on
 * @object: an object
 *
 * Return: what is wrong with the geometry of @object; NULL if it is valid.
 */
const char *virtio_export_object_fault(const VirtIOExportObject *object);

/**
 * virtio_export_object_check() - Drop geometry that importers cannot rely on
 * @uuid: UUID of the object, for a trace event
 * @object: an object; fd, kind and size stay
 */
void virtio_export_object_check(const QemuUUID *uuid,
                                VirtIOExportObject *object);

/**
 * virtio_export_format_name() - Make a format readable
 * @fourcc: DRM_FORMAT_*
 *
 * Return: the four letters of @fourcc, to be freed by the caller; a byte that
 * is not a letter, a digit or a space is replaced by a question mark.
 */
char *virtio_export_format_name(uint32_t fourcc);

/**
 * typedef VirtIOExportLookupFn - Called when a lookup ends
 * @opaque: passed to virtio_export_lookup()
 * @object: the object, valid during the call; the callee closes the file
 *          descriptor.  NULL on failure
 * @err: on failure, an error that the callee frees: no exporter knows the UUID,
 *       or the exporter is gone, cannot export the memory, or did not answer in
 *       time; else NULL
 *
 * The function runs in the main loop, or in a thread that waits for a
 * vhost-user back-end with the BQL held.  It must not block.
 */
typedef void VirtIOExportLookupFn(void *opaque,
                                  const VirtIOExportObject *object,
                                  Error *err);

/**
 * virtio_export_lookup() - Look up an object that another device exports
 * @uuid: UUID of the object, as received from the guest; copied
 * @fn: called once, before this function returns or later, unless the lookup
 *      is cancelled
 * @opaque: passed to @fn
 *
 * The memory exists as long as any process has a file descriptor or a mapping
 * of it, whatever happens to the exporter.
 *
 * Return: the pending lookup, which may be passed to virtio_export_cancel()
 * until @fn is called; NULL if @fn was called already.
 */
VirtIOExportLookup *virtio_export_lookup(const QemuUUID *uuid,
                                         VirtIOExportLookupFn *fn,
                                         void *opaque);

/**
 * virtio_export_cancel() - End a lookup without calling its function
 * @lookup: pending; freed
 */
void virtio_export_cancel(VirtIOExportLookup *lookup);

/**
 * virtio_export_exists() - Tell whether any exporter knows a UUID
 * @uuid: the UUID
 *
 * Return: true if an exporter knows @uuid, whether a lookup would succeed or
 * not.
 */
bool virtio_export_exists(const QemuUUID *uuid);

/**
 * virtio_export_lookup_uuid() - Get the UUID that is looked up
 * @lookup: pending, or just passed to @export
 *
 * Return: the UUID, which belongs to @lookup.
 */
const QemuUUID *virtio_export_lookup_uuid(const VirtIOExportLookup *lookup);

/**
 * virtio_export_lookup_set_data() - Let the exporter find its own data again
 * @lookup: just passed to @export, which returns VIRTIO_EXPORT_PENDING
 * @data: belongs to the exporter
 */
void virtio_export_lookup_set_data(VirtIOExportLookup *lookup, void *data);

/**
 * virtio_export_lookup_data() - Get the exporter's data
 * @lookup: pending
 *
 * Return: the data of virtio_export_lookup_set_data(); NULL if there is none.
 */
void *virtio_export_lookup_data(const VirtIOExportLookup *lookup);

/**
 * virtio_export_answer() - End a pending lookup; called by its exporter
 * @lookup: pending; freed
 * @object: the object, whose file descriptor the importer gets; NULL on failure
 * @err: on failure the reason, which the callee frees; else NULL
 */
void virtio_export_answer(VirtIOExportLookup *lookup,
                          VirtIOExportObject *object, Error *err);

/**
 * virtio_export_retry() - Ask an exporter again for its pending lookups
 * @exporter: registered or not; @export is called for each of its pending
 *            lookups, and may return VIRTIO_EXPORT_PENDING again
 */
void virtio_export_retry(VirtIOExporter *exporter);

/**
 * virtio_export_expire() - Fail lookups that are past their deadline
 *
 * A timer calls this function in the main loop.  A thread that waits for
 * another process with the BQL held has to call it meanwhile.  One call ends a
 * limited number of lookups.
 *
 * Return: milliseconds until the next deadline; 0 if more lookups are past
 * theirs; -1 if no lookup is pending.
 */
int virtio_export_expire(void);

/**
 * virtio_export_foreach() - Call back for each exported object
 * @uuid: UUID of the objects; NULL for all objects, which need not be described
 *        then
 * @fn: called in the order in which exporters are asked
 * @opaque: passed to @fn
 */
void virtio_export_foreach(const QemuUUID *uuid, VirtIOExportInfoFn *fn,
                           void *opaque);

#endif /* HW_VIRTIO_EXPORT_H */
