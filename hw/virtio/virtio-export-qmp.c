/*
 * What virtio devices export, for the monitor
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-export-info.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-virtio.h"

#define DEFAULT_LIMIT 256
#define MAX_LIMIT 4096

typedef struct Selected {
    VirtIOExporter *exporter;
    QemuUUID uuid;
} Selected;

typedef struct Selection {
    const Object *under;    /* only owners at or below this object */
    const QemuUUID *after;
    uint32_t limit;
    GArray *objects;        /* of Selected: few more than the limit */
    bool is_full;
    QemuUUID last;          /* if full: later objects are on other pages */
    GHashTable *counts;     /* Object * to VirtioExporterInfo *, borrowed */
    VirtioExporterInfoList **counts_tail;
    VirtioExportList **exports_tail;
} Selection;

static int virtio_export_qmp_compare(gconstpointer a, gconstpointer b)
{
    const Selected *x = a, *y = b;

    return memcmp(&x->uuid, &y->uuid, sizeof(x->uuid));
}

static bool virtio_export_qmp_is_part(const Object *obj, const Object *whole)
{
    while (obj && obj != whole) {
        obj = obj->parent;
    }
    return obj;
}

static void virtio_export_qmp_count(Selection *selection, Object *owner)
{
    VirtioExporterInfo *found = g_hash_table_lookup(selection->counts, owner);

    if (!found) {
        found = g_new0(VirtioExporterInfo, 1);
        found->path = object_get_canonical_path(owner);
        g_hash_table_insert(selection->counts, owner, found);
        QAPI_LIST_APPEND(selection->counts_tail, found);
    }
    found->count++;
}

static bool virtio_export_qmp_is_after(const QemuUUID *uuid,
                                       const QemuUUID *other)
{
    return memcmp(uuid, other, sizeof(*uuid)) > 0;
}

/* Keep the objects of this page, and one more, which tells of the next page */
static void virtio_export_qmp_trim(Selection *selection)
{
    GArray *objects = selection->objects;

    g_array_sort(objects, virtio_export_qmp_compare);
    if (objects->len > selection->limit) {
        g_array_set_size(objects, selection->limit + 1);
        selection->is_full = true;
        selection->last = g_array_index(objects, Selected,
                                        selection->limit).uuid;
    }
}

/* Find the objects of a page without sorting all objects, which may be many */
static void virtio_export_qmp_add(Selection *selection, const Selected *object)
{
    if ((selection->after &&
         !virtio_export_qmp_is_after(&object->uuid, selection->after)) ||
        (selection->is_full &&
         virtio_export_qmp_is_after(&object->uuid, &selection->last))) {
        return;
    }
    g_array_append_val(selection->objects, *object);
    if (selection->objects->len > 2 * selection->limit) {
        virtio_export_qmp_trim(selection);
    }
}

static void virtio_export_qmp_select(const VirtIOExportInfo *info, void *opaque)
{
    Selection *selection = opaque;
    Selected selected = { .exporter = info->exporter, .uuid = *info->uuid };

    if (selection->under &&
        !virtio_export_qmp_is_part(info->owner, selection->under)) {
        return;
    }
    virtio_export_qmp_count(selection, info->owner);
    virtio_export_qmp_add(selection, &selected);
}

static VirtioExportMemory virtio_export_qmp_memory(VirtIOExportKind kind)
{
    switch (kind) {
    case VIRTIO_EXPORT_KIND_MEMFD:
        return VIRTIO_EXPORT_MEMORY_MEMFD;
    case VIRTIO_EXPORT_KIND_DMABUF:
        return VIRTIO_EXPORT_MEMORY_DMABUF;
    default:
        return VIRTIO_EXPORT_MEMORY_ON_LOOKUP;
    }
}

static void virtio_export_qmp_describe(const VirtIOExportInfo *info,
                                       void *opaque)
{
    Selection *selection = opaque;
    VirtioExporterInfo *exporter = g_hash_table_lookup(selection->counts,
                                                       info->owner);
    VirtioExport *export = g_new0(VirtioExport, 1);
    VirtIOExportObject object = info->object;

    /* show the geometry that a lookup would return */
    virtio_export_object_check(info->uuid, &object);
    export->uuid = qemu_uuid_unparse_strdup(info->uuid);
    export->path = g_strdup(exporter->path);
    export->has_id = info->has_id;
    export->id = info->id;
    export->has_size = object.size;
    export->size = object.size;
    export->has_width = object.width;
    export->width = object.width;
    export->has_height = object.height;
    export->height = object.height;
    export->format = object.fourcc
                     ? virtio_export_format_name(object.fourcc) : NULL;
    export->memory = virtio_export_qmp_memory(object.kind);
    export->unavailable_reason = g_strdup(info->unavailable_reason);
    QAPI_LIST_APPEND(selection->exports_tail, export);
}

/* In the order of the UUIDs, so that the next page can start after the last */
static void virtio_export_qmp_describe_page(VirtioExportsInfo *info,
                                            Selection *selection)
{
    GArray *objects = selection->objects;
    const Selected *last = NULL;

    selection->exports_tail = &info->exports;
    virtio_export_qmp_trim(selection);
    for (guint i = 0; i < objects->len && i < selection->limit; i++) {
        last = &g_array_index(objects, Selected, i);
        VIRTIO_EXPORTER_GET_CLASS(last->exporter)->foreach(
            last->exporter, &last->uuid, virtio_export_qmp_describe,
            selection);
    }
    if (objects->len > selection->limit) {
        info->next = qemu_uuid_unparse_strdup(&last->uuid);
    }
}

static VirtioExportsInfo *virtio_export_qmp_query(Selection *selection)
{
    VirtioExportsInfo *info = g_new0(VirtioExportsInfo, 1);

    selection->objects = g_array_new(false, false, sizeof(Selected));
    selection->counts = g_hash_table_new(NULL, NULL);
    selection->counts_tail = &info->exporters;

    virtio_export_foreach(NULL, virtio_export_qmp_select, selection);
    virtio_export_qmp_describe_page(info, selection);

    g_array_unref(selection->objects);
    g_hash_table_unref(selection->counts);
    return info;
}

VirtioExportsInfo *qmp_x_query_virtio_exports(const char *path,
                                              const char *after,
                                              bool has_limit, uint32_t limit,
                                              Error **errp)
{
    Selection selection = {};
    bool ambiguous = false;
    QemuUUID uuid;

    if (path) {
        selection.under = object_resolve_path(path, &ambiguous);
        if (!selection.under) {
            error_setg(errp, ambiguous ? "Path '%s' is ambiguous"
                       : "Path '%s' does not exist", path);
            return NULL;
        }
    }
    if (after) {
        if (qemu_uuid_parse(after, &uuid) < 0) {
            error_setg(errp, "'%s' is not a UUID", after);
            return NULL;
        }
        selection.after = &uuid;
    }
    if (!has_limit) {
        limit = DEFAULT_LIMIT;
    } else if (!limit || limit > MAX_LIMIT) {
        error_setg(errp, "Parameter 'limit' expects a number from 1 to %d",
                   MAX_LIMIT);
        return NULL;
    }
    selection.limit = limit;
    return virtio_export_qmp_query(&selection);
}
