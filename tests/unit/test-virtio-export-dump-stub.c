/*
 * x-virtio-export-dump in a QEMU that cannot write PNG
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-virtio.h"

static void the_reason_is_told(void)
{
    Error *err = NULL;

    qmp_x_virtio_export_dump("30313233-3435-3637-3839-616263646566",
                             "/nowhere/image.png", &err);
    g_assert_nonnull(err);
    g_assert_nonnull(strstr(error_get_pretty(err), "libpng"));
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-export/dump-stub/reports-the-reason",
                    the_reason_is_told);
    return g_test_run();
}
