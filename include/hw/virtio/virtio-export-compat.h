/*
 * What the newest QEMU that these files are for has, for an older one
 *
 * With one version to serve, the header goes, and the type's users say const
 * void: scripts/series does that for --upstream.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_EXPORT_COMPAT_H
#define HW_VIRTIO_EXPORT_COMPAT_H

#if QEMU_VERSION_MAJOR > 10 || \
    (QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR > 0)
/* What class_init() is given beside the class */
typedef const void VirtIOExportClassData;
#else
#include "migration/vmstate.h"

typedef void VirtIOExportClassData;
#define vmstate_save_state(file, vmsd, opaque, vmdesc, errp) \
    vmstate_save_state_with_err(file, vmsd, opaque, vmdesc, errp)
/* errp is NULL: there is nothing that would set it */
#define vmstate_load_state(file, vmsd, opaque, version_id, errp) \
    vmstate_load_state(file, vmsd, opaque, version_id)
/* libqtest's, which is the same but for the name */
#define qtest_init_ext qtest_init_with_env_and_capabilities
#endif

#endif
