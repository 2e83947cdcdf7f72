/*
 * Objects that virtio devices export to one another
 *
 * Every lookup goes through this registry, whichever device starts it.  The
 * registry keeps exporters and pending lookups, but no objects: it asks one
 * exporter after the other, and each exporter has an index of its own.  So the
 * registry has nothing to keep in step with resets, migration and unplugging.
 *
 * A lookup that its exporter cannot answer at once stays pending.  It ends when
 * the exporter answers or is unregistered, when the importer cancels it, or at
 * its deadline, whichever comes first.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/queue.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "hw/virtio/virtio-export.h"
#include "trace.h"

/* How many lookups one virtio_export_expire() ends: the main loop must go on */
#define MAX_EXPIRED 64

typedef struct Registration {
    VirtIOExporter *exporter;
    QTAILQ_ENTRY(Registration) next;
} Registration;

struct VirtIOExportLookup {
    QemuUUID uuid;
    VirtIOExporter *exporter;   /* that has the object */
    void *exporter_data;
    VirtIOExportLookupFn *fn;
    void *opaque;
    int64_t deadline;           /* ms of QEMU_CLOCK_REALTIME */
    uint64_t round;             /* of virtio_export_retry(): last retry */
    QTAILQ_ENTRY(VirtIOExportLookup) next;
};

static QTAILQ_HEAD(, Registration) registrations =
    QTAILQ_HEAD_INITIALIZER(registrations);
static QTAILQ_HEAD(, VirtIOExportLookup) pending =
    QTAILQ_HEAD_INITIALIZER(pending);

static VirtIOExporterClass *virtio_exporter_class(VirtIOExporter *exporter)
{
    return VIRTIO_EXPORTER_GET_CLASS(exporter);
}

static Registration *virtio_export_registration(VirtIOExporter *exporter)
{
    Registration *it;

    QTAILQ_FOREACH(it, &registrations, next) {
        if (it->exporter == exporter) {
            break;
        }
    }
    return it;
}

static void virtio_export_trace(const QemuUUID *uuid,
                                const VirtIOExportObject *object)
{
    g_autofree char *text = NULL;

    if (trace_event_get_state_backends(TRACE_VIRTIO_EXPORT_LOOKUP)) {
        text = qemu_uuid_unparse_strdup(uuid);
        if (object->bottom_up) {
            trace_virtio_export_lookup_bottom_up(text);
        }
        trace_virtio_export_lookup(text, object->kind, object->size,
                                   object->width, object->height,
                                   object->fourcc, object->modifier,
                                   object->num_planes, object->strides[0],
                                   object->offsets[0]);
    }
}

void virtio_export_object_check(const QemuUUID *uuid,
                                VirtIOExportObject *object)
{
    const char *fault = virtio_export_object_fault(object);
    VirtIOExportObject unknown;

    if (fault) {
        g_autofree char *text = qemu_uuid_unparse_strdup(uuid);

        trace_virtio_export_geometry_dropped(text, fault);
        virtio_export_object_init(&unknown);
        unknown.fd = object->fd;
        unknown.kind = object->kind;
        unknown.size = object->size;
        *object = unknown;
    }
}

/* Takes ownership of @lookup and @err */
static void virtio_export_end(VirtIOExportLookup *lookup,
                              VirtIOExportObject *object, Error *err)
{
    if (object) {
        assert(object->fd >= 0);
        assert(object->num_planes <= VIRTIO_EXPORT_MAX_PLANES);
        virtio_export_object_check(&lookup->uuid, object);
        virtio_export_trace(&lookup->uuid, object);
    } else {
        trace_virtio_export_lookup_failed(error_get_pretty(err));
    }
    lookup->fn(lookup->opaque, object, err);
    g_free(lookup);
}

/* Takes ownership of @lookup and @err */
static void virtio_export_fail(VirtIOExportLookup *lookup, Error *err)
{
    g_autofree char *text = qemu_uuid_unparse_strdup(&lookup->uuid);

    if (err) {
        error_prepend(&err, "cannot export the object with UUID %s: ", text);
    } else {
        error_setg(&err, "no device exports an object with UUID %s", text);
    }
    virtio_export_end(lookup, NULL, err);
}

/* The exporter has answered.  Takes ownership of @lookup and @err */
static void virtio_export_settle(VirtIOExportLookup *lookup,
                                 VirtIOExportStatus status,
                                 VirtIOExportObject *object, Error *err)
{
    assert((status == VIRTIO_EXPORT_DONE) == (object->fd >= 0));
    assert((status == VIRTIO_EXPORT_FAILED) == (err != NULL));

    if (status == VIRTIO_EXPORT_DONE) {
        virtio_export_end(lookup, object, NULL);
    } else {
        virtio_export_fail(lookup, err);
    }
}

static VirtIOExportStatus virtio_export_ask(VirtIOExportLookup *lookup,
                                            VirtIOExporter *exporter,
                                            VirtIOExportObject *object,
                                            Error **errp)
{
    lookup->exporter = exporter;
    virtio_export_object_init(object);
    return virtio_exporter_class(exporter)->export(exporter, lookup, object,
                                                   errp);
}

static VirtIOExportStatus virtio_export_ask_all(VirtIOExportLookup *lookup,
                                                VirtIOExportObject *object,
                                                Error **errp)
{
    VirtIOExportStatus status;
    Registration *it;

    virtio_export_object_init(object);
    QTAILQ_FOREACH(it, &registrations, next) {
        status = virtio_export_ask(lookup, it->exporter, object, errp);
        if (status != VIRTIO_EXPORT_UNKNOWN) {
            return status;
        }
    }
    return VIRTIO_EXPORT_UNKNOWN;
}

static int64_t virtio_export_now(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
}

static void virtio_export_timeout(void *opaque);

static void virtio_export_arm(int64_t deadline)
{
    static QEMUTimer *timer;

    if (!timer) {
        /* also runs if a thread polls only the main AioContext */
        timer = aio_timer_new(qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                              SCALE_MS, virtio_export_timeout, NULL);
    }
    timer_mod_anticipate(timer, deadline);
}

static void virtio_export_timeout(void *opaque)
{
    int ms = virtio_export_expire();

    if (ms >= 0) {
        /* a timer that has expired already would run before other work */
        virtio_export_arm(virtio_export_now() + MAX(ms, 1));
    }
}

VirtIOExportLookup *virtio_export_lookup(const QemuUUID *uuid,
                                         VirtIOExportLookupFn *fn,
                                         void *opaque)
{
    VirtIOExportLookup *lookup = g_new0(VirtIOExportLookup, 1);
    VirtIOExportObject object;
    VirtIOExportStatus status;
    Error *err = NULL;

    GLOBAL_STATE_CODE();

    lookup->uuid = *uuid;
    lookup->fn = fn;
    lookup->opaque = opaque;
    status = virtio_export_ask_all(lookup, &object, &err);
    if (status != VIRTIO_EXPORT_PENDING) {
        virtio_export_settle(lookup, status, &object, err);
        return NULL;
    }
    lookup->deadline = virtio_export_now() + VIRTIO_EXPORT_DEADLINE_MS;
    QTAILQ_INSERT_TAIL(&pending, lookup, next);
    virtio_export_arm(lookup->deadline);
    return lookup;
}

/* End a lookup that its exporter has not answered */
static void virtio_export_drop(VirtIOExportLookup *lookup)
{
    VirtIOExporterClass *vec = virtio_exporter_class(lookup->exporter);

    QTAILQ_REMOVE(&pending, lookup, next);
    if (vec->cancel) {
        vec->cancel(lookup->exporter, lookup);
    }
}

void virtio_export_cancel(VirtIOExportLookup *lookup)
{
    GLOBAL_STATE_CODE();

    virtio_export_drop(lookup);
    g_free(lookup);
}

const QemuUUID *virtio_export_lookup_uuid(const VirtIOExportLookup *lookup)
{
    return &lookup->uuid;
}

void virtio_export_lookup_set_data(VirtIOExportLookup *lookup, void *data)
{
    lookup->exporter_data = data;
}

void *virtio_export_lookup_data(const VirtIOExportLookup *lookup)
{
    return lookup->exporter_data;
}

void virtio_export_answer(VirtIOExportLookup *lookup,
                          VirtIOExportObject *object, Error *err)
{
    GLOBAL_STATE_CODE();

    QTAILQ_REMOVE(&pending, lookup, next);
    if (object) {
        virtio_export_end(lookup, object, NULL);
    } else {
        virtio_export_fail(lookup, err);
    }
}

/* Callbacks may end other lookups and start new ones: search from the start */
static VirtIOExportLookup *virtio_export_next(VirtIOExporter *exporter,
                                              uint64_t round)
{
    VirtIOExportLookup *it;

    QTAILQ_FOREACH(it, &pending, next) {
        if (it->exporter == exporter && it->round != round) {
            break;
        }
    }
    return it;
}

void virtio_export_retry(VirtIOExporter *exporter)
{
    static uint64_t round;
    VirtIOExportLookup *lookup;
    VirtIOExportObject object;
    VirtIOExportStatus status;
    Error *err;

    GLOBAL_STATE_CODE();

    round++;
    while ((lookup = virtio_export_next(exporter, round))) {
        lookup->round = round;
        err = NULL;
        status = virtio_export_ask(lookup, exporter, &object, &err);
        if (status != VIRTIO_EXPORT_PENDING) {
            QTAILQ_REMOVE(&pending, lookup, next);
            virtio_export_settle(lookup, status, &object, err);
        }
    }
}

int virtio_export_expire(void)
{
    int64_t now = virtio_export_now();
    VirtIOExportLookup *first;
    int expired = 0;
    Error *err;

    GLOBAL_STATE_CODE();

    /* lookups are pending in the order of their deadlines */
    while ((first = QTAILQ_FIRST(&pending)) && first->deadline <= now) {
        if (expired++ == MAX_EXPIRED) {
            return 0;
        }
        virtio_export_drop(first);
        err = NULL;
        error_setg(&err, "no answer within %d ms", VIRTIO_EXPORT_DEADLINE_MS);
        virtio_export_fail(first, err);
    }
    return first ? first->deadline - now : -1;
}

bool virtio_export_exists(const QemuUUID *uuid)
{
    Registration *it;

    GLOBAL_STATE_CODE();

    QTAILQ_FOREACH(it, &registrations, next) {
        if (virtio_exporter_class(it->exporter)->exists(it->exporter, uuid)) {
            return true;
        }
    }
    return false;
}

void virtio_export_foreach(const QemuUUID *uuid, VirtIOExportInfoFn *fn,
                           void *opaque)
{
    VirtIOExporterClass *vec;
    Registration *it;

    GLOBAL_STATE_CODE();

    QTAILQ_FOREACH(it, &registrations, next) {
        vec = virtio_exporter_class(it->exporter);
        if (vec->foreach) {
            vec->foreach(it->exporter, uuid, fn, opaque);
        }
    }
}

void virtio_exporter_register(VirtIOExporter *exporter)
{
    Registration *new = g_new(Registration, 1);

    GLOBAL_STATE_CODE();

    assert(!virtio_export_registration(exporter));
    trace_virtio_exporter_register(exporter);
    new->exporter = exporter;
    if (virtio_exporter_class(exporter)->asked_last) {
        QTAILQ_INSERT_TAIL(&registrations, new, next);
    } else {
        QTAILQ_INSERT_HEAD(&registrations, new, next);
    }
}

void virtio_exporter_unregister(VirtIOExporter *exporter)
{
    Registration *it = virtio_export_registration(exporter);
    VirtIOExportLookup *lookup;
    Error *err;

    GLOBAL_STATE_CODE();

    assert(it);
    trace_virtio_exporter_unregister(exporter);
    QTAILQ_REMOVE(&registrations, it, next);
    g_free(it);
    while ((lookup = virtio_export_next(exporter, UINT64_MAX))) {
        virtio_export_drop(lookup);
        err = NULL;
        error_setg(&err, "the exporter is gone");
        virtio_export_fail(lookup, err);
    }
}

static const TypeInfo virtio_exporter_info = {
    .name = TYPE_VIRTIO_EXPORTER,
    .parent = TYPE_INTERFACE,
    .class_size = sizeof(VirtIOExporterClass),
};

static void virtio_export_register_types(void)
{
    type_register_static(&virtio_exporter_info);
}

type_init(virtio_export_register_types)
