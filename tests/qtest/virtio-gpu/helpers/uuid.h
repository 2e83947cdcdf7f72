/*
 * What the tests of virtio-gpu's resource UUIDs share
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
 * @uuid: set to its UUID on success; may be NULL
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
 * @r: the request, sent
 * @resp: its response
 */
void assert_uuid_response(const QVirtioGPURequest *r,
                          const struct virtio_gpu_resp_resource_uuid *resp);

/* Ask for a UUID, and assert that the response is the expected one */
void do_assign_uuid(AssignUUIDOpt opt);

#define assign_uuid(...) do_assign_uuid((AssignUUIDOpt) __VA_ARGS__)

/**
 * any_exports() - Ask the monitor whether anything can be looked up
 * @qts: the QEMU
 *
 * Return: true if there is an object of whatever exporter
 */
bool any_exports(QTestState *qts);

/**
 * has_uuids() - Tell from outside whether any resource has a UUID
 * @qts: the QEMU
 *
 * As long as one has, a saved state has them in a subsection, if the driver
 * has acknowledged the feature: without, the answer is no.  A device that
 * cannot be saved is asked by the monitor.
 *
 * Return: true if there is a UUID
 */
bool has_uuids(QTestState *qts);

/**
 * struct UUIDTest - A test of a device with the property on
 * @name: its path below resource-uuid/
 * @func: the test; gets a QVirtioGPU, and its own struct UUIDTest as data
 * @arg: for @func
 */
typedef struct UUIDTest {
    const char *name;
    QOSTestFunc func;
    const void *arg;
} UUIDTest;

/**
 * add_uuid_tests() - Register tests on every virtio-gpu with the property on
 * @tests: the tests, ended by one without a name; kept
 * @before: called before QEMU is started; may be NULL
 */
void add_uuid_tests(const UUIDTest *tests, QOSBeforeTest before);

/**
 * add_uuid_gl_tests() - Register tests on every virtio-gpu with GL as well
 * @tests: as in add_uuid_tests()
 */
void add_uuid_gl_tests(const UUIDTest *tests);

/**
 * add_uuid_pci_tests() - Register tests of what no bus has to do with
 * @tests: as in add_uuid_tests(); they run on virtio-gpu-pci only
 * @before: as in add_uuid_tests()
 */
void add_uuid_pci_tests(const UUIDTest *tests, QOSBeforeTest before);

/**
 * add_uuid_gl_pci_tests() - As add_uuid_pci_tests(), on virtio-gpu-gl-pci
 * @tests: as in add_uuid_tests()
 * @before: as in add_uuid_tests()
 */
void add_uuid_gl_pci_tests(const UUIDTest *tests, QOSBeforeTest before);

#endif
