/*
 * Names of the newest supported QEMU, defined for an older one
 *
 * scripts/series --upstream removes this header, and replaces the type with
 * const void.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_EXPORT_COMPAT_H
#define HW_VIRTIO_EXPORT_COMPAT_H

#if QEMU_VERSION_MAJOR > 10 || \
    (QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR > 0)
/* Type of the second argument of class_init() */
typedef const void VirtIOExportClassData;
#else
#include "migration/vmstate.h"

typedef void VirtIOExportClassData;
#define vmstate_save_state(file, vmsd, opaque, vmdesc, errp) \
    vmstate_save_state_with_err(file, vmsd, opaque, vmdesc, errp)
/* All callers pass NULL as errp */
#define vmstate_load_state(file, vmsd, opaque, version_id, errp) \
    vmstate_load_state(file, vmsd, opaque, version_id)
/* The function of libqtest has another name */
#define qtest_init_ext qtest_init_with_env_and_capabilities
/* The front end of a character device has another type */
#define CharFrontend CharBackend
#endif

/* Include what declares the functions before this header */
#if QEMU_VERSION_MAJOR < 11
#define vhost_user_has_protocol_feature(dev, feature) \
    virtio_has_feature((dev)->protocol_features, feature)
#define virtio_gpu_fini_udmabuf(g, res) virtio_gpu_fini_udmabuf(res)
/* Members of VhostOps have other names */
#define vhost_init vhost_backend_init
#define vhost_cleanup vhost_backend_cleanup
#define trace_vhost_user_read(req, req_name, flags) \
    trace_vhost_user_read(req, flags)
#define trace_vhost_user_write(req, req_name, flags) \
    trace_vhost_user_write(req, flags)
#endif

#endif
