/*
 * Helpers for the tests of virtio-gpu's resource UUIDs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "virtio-gpu/helpers/migration.h"
#include "virtio-gpu/helpers/uuid.h"

struct virtio_gpu_resource_assign_uuid assign_uuid_req(uint32_t id)
{
    return (struct virtio_gpu_resource_assign_uuid) {
        .hdr = qvirtio_gpu_hdr(VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID),
        .resource_id = cpu_to_le32(id),
    };
}

/* Check with libuuid, since it is independent of QEMU's own code */
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
    qvirtio_gpu_assert_hdr(&resp->hdr, VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    g_assert_cmpuint(r->used_len, ==, sizeof(*resp));
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

bool any_exports(QTestState *qts)
{
    QDict *answer = qtest_qmp_assert_success_ref(
        qts, "{ 'execute': 'x-query-virtio-exports' }");
    bool any = !qlist_empty(qdict_get_qlist(answer, "exports"));

    qobject_unref(answer);
    return any;
}

bool has_uuids(QTestState *qts)
{
    GByteArray *state;
    bool found;

    if (migration_is_blocked(qts)) {
        return any_exports(qts);
    }
    state = save_devices(qts);
    found = find_bytes(state, 0, RESOURCE_UUID_SUBSECTION,
                            strlen(RESOURCE_UUID_SUBSECTION)) >= 0;

    g_byte_array_unref(state);
    return found;
}

static void add_tests(const UUIDTest *tests, QOSBeforeTest before,
                      const char *interface, QOSTestFunc func)
{
    for (; tests->name; tests++) {
        QOSGraphTestOptions opts = {
            .edge.extra_device_opts = RESOURCE_UUID_ON,
            .before = before,
            .arg = (void *)tests,
        };
        g_autofree char *name = g_strconcat("resource-uuid/", tests->name,
                                            NULL);

        qos_add_test(name, interface, func ?: tests->func, &opts);
    }
}

void add_uuid_tests(const UUIDTest *tests, QOSBeforeTest before)
{
    add_tests(tests, before, "virtio-gpu", NULL);
}

void add_uuid_gl_tests(const UUIDTest *tests)
{
    add_tests(tests, NULL, "virtio-gpu-gl", NULL);
}

static void run_pci_test(void *obj, void *data, QGuestAllocator *alloc)
{
    QVirtioGPUPCI *pci = obj;
    const UUIDTest *test = data;

    test->func(&pci->gpu, data, alloc);
}

void add_uuid_pci_tests(const UUIDTest *tests, QOSBeforeTest before)
{
    add_tests(tests, before, "virtio-gpu-pci", run_pci_test);
}

void add_uuid_gl_pci_tests(const UUIDTest *tests, QOSBeforeTest before)
{
    add_tests(tests, before, "virtio-gpu-gl-pci", run_pci_test);
}
