/*
 * Helpers for the tests of virtio-gpu's resource UUIDs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_RESOURCE_UUID_H
#define TESTS_VIRTIO_GPU_RESOURCE_UUID_H

#include <uuid/uuid.h>

#include "libqos/virtio-gpu-client.h"

#define RESOURCE_UUID_PROP  "resource_uuid"
#define RESOURCE_UUID_ON    RESOURCE_UUID_PROP "=on"

#define RESOURCE_UUID_SUBSECTION "virtio-gpu/resource-uuid"
#define RESOURCE_UUID_FEATURE (1ull << VIRTIO_GPU_F_RESOURCE_UUID)

/**
 * struct AssignUUIDOpt - Options of assign_uuid()
 * @gpu: a running device (required)
 * @id: the resource
 * @uuid: set to the UUID on success; may be NULL
 * @expect: expected error, 0 for VIRTIO_GPU_RESP_OK_RESOURCE_UUID
 */
typedef struct AssignUUIDOpt {
    QVirtioGPU *gpu;
    uint32_t id;
    uint8_t *uuid;
    uint32_t expect;
} AssignUUIDOpt;

/**
 * assign_uuid_req() - Build a request without sending it
 * @id: the resource
 *
 * Return: the request, in little endian
 */
struct virtio_gpu_resource_assign_uuid assign_uuid_req(uint32_t id);

/**
 * assert_uuid_response() - Check an unfenced response that carries a UUID
 * @r: the request, which was sent
 * @resp: the response
 */
void assert_uuid_response(const QVirtioGPURequest *r,
                          const struct virtio_gpu_resp_resource_uuid *resp);

/* Request a UUID, and assert that the response is the expected one */
void do_assign_uuid(AssignUUIDOpt opt);

#define assign_uuid(...) do_assign_uuid((AssignUUIDOpt) __VA_ARGS__)

/**
 * any_exports() - Ask the monitor whether there are exported objects
 * @qts: the QEMU
 *
 * Return: true if any exporter has an object
 */
bool any_exports(QTestState *qts);

/**
 * has_uuids() - Tell whether any resource has a UUID
 * @qts: the QEMU
 *
 * If a resource has a UUID and the driver has acknowledged the feature, the
 * saved state has a subsection.  If the device cannot be saved, this function
 * queries the monitor instead.
 *
 * Return: true if there is a UUID and the feature is acknowledged
 */
bool has_uuids(QTestState *qts);

/**
 * struct UUIDTest - A test of a device with the property on
 * @name: path of the test below resource-uuid/
 * @func: the test; its data is this struct
 * @arg: for use by @func
 */
typedef struct UUIDTest {
    const char *name;
    QOSTestFunc func;
    const void *arg;
} UUIDTest;

/**
 * add_uuid_tests() - Register tests on every virtio-gpu with the property on
 * @tests: the tests, ended by one without a name; must stay valid
 * @before: called before QEMU is started; may be NULL
 */
void add_uuid_tests(const UUIDTest *tests, QOSBeforeTest before);

/**
 * add_uuid_gl_tests() - Register tests on every virtio-gpu with GL as well
 * @tests: like in add_uuid_tests()
 */
void add_uuid_gl_tests(const UUIDTest *tests);

/**
 * add_uuid_pci_tests() - Register tests that do not depend on the bus
 * @tests: like in add_uuid_tests(); they run on virtio-gpu-pci only
 * @before: like in add_uuid_tests()
 */
void add_uuid_pci_tests(const UUIDTest *tests, QOSBeforeTest before);

/**
 * add_uuid_gl_pci_tests() - Like add_uuid_pci_tests(), on virtio-gpu-gl-pci
 * @tests: like in add_uuid_tests()
 * @before: like in add_uuid_tests()
 */
void add_uuid_gl_pci_tests(const UUIDTest *tests, QOSBeforeTest before);

#endif
