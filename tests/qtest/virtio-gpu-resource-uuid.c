/*
 * What the tests of virtio-gpu's resource UUIDs share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "virtio-gpu-resource-uuid.h"

struct virtio_gpu_resource_assign_uuid assign_uuid_req(uint32_t id)
{
    return (struct virtio_gpu_resource_assign_uuid) {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID),
        .resource_id = cpu_to_le32(id),
    };
}

/* By libuuid, an implementation of RFC 4122 that is not QEMU's own */
static void assert_uuid_v4(const uint8_t *uuid)
{
    char text[UUID_STR_LEN];
    uuid_t parsed;

    uuid_unparse(uuid, text);
    g_assert_cmpint(uuid_parse(text, parsed), ==, 0);
    g_assert_cmpmem(parsed, sizeof(parsed), uuid, sizeof(parsed));
    g_assert_cmpint(uuid_variant(parsed), ==, UUID_VARIANT_DCE);
    g_assert_cmpint(uuid_type(parsed), ==, UUID_TYPE_DCE_RANDOM);
}

void assert_uuid_response(const QVirtioGPURequest *r,
                          const struct virtio_gpu_resp_resource_uuid *resp)
{
    g_assert_cmpuint(r->used_len, ==, sizeof(*resp));
    qvirtio_gpu_assert_hdr(&resp->hdr, VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    assert_uuid_v4(resp->uuid);
}

void do_assign_uuid(AssignUUIDOpt opt)
{
    struct virtio_gpu_resource_assign_uuid req = assign_uuid_req(opt.id);
    struct virtio_gpu_resp_resource_uuid resp;
    QVirtioGPURequest r = QVIRTIO_GPU_REQUEST(req, resp);

    qvirtio_gpu_submit(opt.gpu, &r, 1);
    if (opt.expect) {
        g_assert_cmpuint(r.used_len, ==, sizeof(resp.hdr));
        qvirtio_gpu_assert_hdr(&resp.hdr, opt.expect);
        return;
    }
    assert_uuid_response(&r, &resp);
    if (opt.uuid) {
        memcpy(opt.uuid, resp.uuid, sizeof(resp.uuid));
    }
}

bool has_uuids(QTestState *qts)
{
    QDict *info = qtest_qmp_assert_success_ref(qts,
                                               "{ 'execute':"
                                               " 'query-migrate' }");
    QList *reasons = qdict_get_qlist(info, "blocked-reasons");
    const QListEntry *entry;
    bool found = false;

    if (reasons) {
        QLIST_FOREACH_ENTRY(reasons, entry) {
            QString *reason = qobject_to(QString, qlist_entry_obj(entry));

            found |= strstr(qstring_get_str(reason),
                            RESOURCE_UUID_PROP) != NULL;
        }
    }
    qobject_unref(info);
    return found;
}

void add_uuid_tests(const UUIDTest *tests, QOSBeforeTest before)
{
    QOSGraphTestOptions opts = {
        .edge.extra_device_opts = RESOURCE_UUID_ON,
        .before = before,
    };

    for (; tests->name; tests++) {
        g_autofree char *name = g_strconcat("resource-uuid/", tests->name,
                                            NULL);

        qos_add_test(name, "virtio-gpu", tests->func, &opts);
    }
}
