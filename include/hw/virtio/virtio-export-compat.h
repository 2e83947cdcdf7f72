/*
 * Differences between the versions of QEMU that these files are for
 *
 * With one version to serve, the header goes and its users name what they mean.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_EXPORT_COMPAT_H
#define HW_VIRTIO_EXPORT_COMPAT_H

#if QEMU_VERSION_MAJOR > 10 || \
    (QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR > 0)
/* What class_init() is given beside the class */
typedef const void VirtIOExportClassData;
#define vmstate_save_state_with_err vmstate_save_state
#define virtio_export_vmstate_load(file, vmsd, opaque, version_id) \
    vmstate_load_state(file, vmsd, opaque, version_id, NULL)
#else
typedef void VirtIOExportClassData;
#define virtio_export_vmstate_load vmstate_load_state
/* libqtest's, which is the same but for the name */
#define qtest_init_ext qtest_init_with_env_and_capabilities
#endif

#endif
