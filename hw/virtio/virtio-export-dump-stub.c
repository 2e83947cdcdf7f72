/*
 * The image in an exported object, where no PNG can be written
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-virtio.h"

void coroutine_fn qmp_x_virtio_export_dump(const char *uuid,
                                           const char *filename, Error **errp)
{
    error_setg(errp, "This QEMU cannot dump images: it was built for another "
               "host than Linux, or without pixman or libpng");
}
