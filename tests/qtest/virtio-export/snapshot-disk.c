/*
 * A disk for snapshots, which is not attached to a device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "virtio-export/snapshot-disk.h"

#define DISK_SIZE   (1 << 20)

static void await_job(QTestState *qts)
{
    bool concluded = false;

    while (!concluded) {
        QDict *resp = qtest_qmp(qts, "{ 'execute': 'query-jobs' }");
        QDict *job = qobject_to(QDict, qlist_peek(qdict_get_qlist(resp,
                                                                  "return")));

        concluded = g_str_equal(qdict_get_str(job, "status"), "concluded");
        g_assert_false(qdict_haskey(job, "error"));
        qobject_unref(resp);
    }
    qtest_qmp_assert_success(qts, "{ 'execute': 'job-dismiss',"
                             " 'arguments': { 'id': 'create' } }");
}

static void remove_node(QTestState *qts, const char *node)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'blockdev-del',"
                             " 'arguments': { 'node-name': %s } }", node);
}

void snapshot_disk_add(QTestState *qts, const char *path)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'blockdev-add',"
                             " 'arguments': { 'node-name': 'disk',"
                             " 'driver': 'qcow2', 'file': {"
                             " 'driver': 'file', 'filename': %s } } }", path);
}

void snapshot_disk_remove(QTestState *qts)
{
    remove_node(qts, "disk");
}

void snapshot_disk_create(QTestState *qts, const char *path)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'blockdev-create',"
                             " 'arguments': { 'job-id': 'create',"
                             " 'options': { 'driver': 'file',"
                             " 'filename': %s, 'size': 0 } } }", path);
    await_job(qts);
    qtest_qmp_assert_success(qts, "{ 'execute': 'blockdev-add',"
                             " 'arguments': { 'node-name': 'file',"
                             " 'driver': 'file', 'filename': %s } }", path);
    qtest_qmp_assert_success(qts, "{ 'execute': 'blockdev-create',"
                             " 'arguments': { 'job-id': 'create',"
                             " 'options': { 'driver': 'qcow2',"
                             " 'file': 'file', 'size': %d } } }", DISK_SIZE);
    await_job(qts);
    remove_node(qts, "file");
    snapshot_disk_add(qts, path);
}

void snapshot_command(QTestState *qts, const char *command)
{
    g_autofree char *answer = qtest_hmp(qts, "%s", command);

    g_assert_cmpstr(answer, ==, "");
}
