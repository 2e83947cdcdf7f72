/*
 * info virtio-exports
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/qapi-commands-virtio.h"
#include "qemu/units.h"
#include "qobject/qdict.h"

/* A row fits in 80 columns unless an id has more than 5 digits */
static void virtio_export_hmp_print(Monitor *mon, const VirtioExport *export)
{
    g_autofree char *id = export->has_id
        ? g_strdup_printf("%" PRIu64, export->id) : NULL;
    g_autofree char *size = export->has_size
        ? g_strdup_printf("%" PRIu64, DIV_ROUND_UP(export->size, KiB)) : NULL;
    g_autofree char *geometry = export->has_width && export->has_height
        ? g_strdup_printf("%" PRIu32 "x%" PRIu32, export->width,
                          export->height) : NULL;

    monitor_printf(mon, "%-36s %5s %7s %11s %-6s %s\n", export->uuid,
                   id ?: "-", size ?: "-", geometry ?: "-",
                   export->format ?: "-",
                   VirtioExportMemory_str(export->memory));
    if (export->unavailable_reason) {
        monitor_printf(mon, "  cannot be exported: %s\n",
                       export->unavailable_reason);
    }
}

static bool virtio_export_hmp_is_of(const VirtioExport *export,
                                    const VirtioExporterInfo *of)
{
    return g_strcmp0(export->path, of->path) == 0;
}

static void virtio_export_hmp_print_exporter(Monitor *mon,
                                             const VirtioExportsInfo *info,
                                             const VirtioExporterInfo *exporter)
{
    const char *path = exporter->path ?: "a device that is being unplugged";
    bool first = true;

    monitor_printf(mon, "%s: %" PRIu64 " object%s\n", path, exporter->count,
                   exporter->count == 1 ? "" : "s");
    for (VirtioExportList *it = info->exports; it; it = it->next) {
        if (!virtio_export_hmp_is_of(it->value, exporter)) {
            continue;
        }
        if (first) {
            monitor_printf(mon, "%-36s %5s %7s %11s %-6s %s\n", "UUID", "ID",
                           "KiB", "SIZE", "FORMAT", "MEMORY");
            first = false;
        }
        virtio_export_hmp_print(mon, it->value);
    }
}

void hmp_virtio_exports(Monitor *mon, const QDict *qdict)
{
    const char *path = qdict_get_try_str(qdict, "path");
    const char *after = qdict_get_try_str(qdict, "after");
    g_autoptr(VirtioExportsInfo) info = NULL;
    Error *err = NULL;

    info = qmp_x_query_virtio_exports(path, after, false, 0, &err);
    if (hmp_handle_error(mon, err)) {
        return;
    }
    if (!info->exporters) {
        monitor_printf(mon, "No object is exported.\n");
    }
    for (VirtioExporterInfoList *it = info->exporters; it; it = it->next) {
        virtio_export_hmp_print_exporter(mon, info, it->value);
    }
    if (info->next) {
        monitor_printf(mon, "There are more: info virtio-exports %s %s\n",
                       path ?: "/", info->next);
    }
}
