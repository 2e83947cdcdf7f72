/*
 * QTest testcases for the properties of virtio-gpu devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"

#define UUID_PROP   "resource_uuid"
#define UUID_ON     "," UUID_PROP "=on"

typedef struct Device {
    const char *name;
    enum { PCI, VGA, MMIO, CCW } kind;
    bool gl;
} Device;

static const Device devices[] = {
    { "virtio-gpu-pci", PCI }, { "virtio-vga", VGA },
    { "virtio-gpu-device", MMIO }, { "virtio-gpu-ccw", CCW },
    { "virtio-gpu-gl-pci", PCI, true }, { "virtio-vga-gl", VGA, true },
    { "virtio-gpu-gl-device", MMIO, true },
};

static const Device without_property[] = {
    { "vhost-user-gpu-pci", PCI }, { "vhost-user-vga", VGA },
};

/* Devices that not every build has */
static const Device rutabaga[] = {
    { "virtio-gpu-rutabaga-pci", PCI }, { "virtio-vga-rutabaga", VGA },
    { "virtio-gpu-rutabaga-device", MMIO },
};

/* The machine of this target for a device; NULL if there is none */
static const char *machine_for(const Device *dev)
{
    const char *arch = qtest_get_arch();

    if (g_str_equal(arch, "x86_64")) {
        return dev->kind == CCW ? NULL : dev->kind == MMIO ? "microvm" : "q35";
    }
    if (g_str_equal(arch, "ppc64")) {
        return dev->kind == PCI || dev->kind == VGA ? "pseries" : NULL;
    }
    if (g_str_equal(arch, "s390x")) {
        return dev->kind == PCI || dev->kind == CCW ? "s390-ccw-virtio" : NULL;
    }
    return NULL;
}

static char *args_for(const Device *dev, const char *properties)
{
    return g_strdup_printf("-machine %s -vga none -nic none -display %s "
                           "-device %s,id=gpu%s", machine_for(dev),
                           dev->gl ? "sdl,gl=on" : "none", dev->name,
                           properties);
}

/* Run QEMU until it ends.  Return: its exit code, and what it has printed */
static int run_qemu(const char *args, char **output)
{
    g_autofree char *command = g_strdup_printf(
        "echo quit | %s -accel qtest -monitor stdio %s 2>&1",
        getenv("QTEST_QEMU_BINARY"), args);
    char *argv[] = { (char *)"sh", (char *)"-c", command, NULL };
    int status;

    g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                               NULL, output, NULL, &status, NULL));
    g_test_message("%s: %s", command, *output);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_accepted(const Device *dev, const char *properties)
{
    g_autofree char *args = args_for(dev, properties);
    g_autofree char *output = NULL;

    g_assert_cmpint(run_qemu(args, &output), ==, 0);
}

static void assert_rejected(const Device *dev, const char *properties,
                            const char *reason)
{
    g_autofree char *args = args_for(dev, properties);
    g_autofree char *output = NULL;

    g_assert_cmpint(run_qemu(args, &output), ==, 1);
    g_assert_nonnull(strstr(output, reason));
    g_assert_null(strstr(output, "Sanitizer"));
}

/* The features of QEMU's device that a driver can use */
static bool offers_uuids(QTestState *qts, const Device *dev)
{
    const char *path = dev->kind == MMIO ? "/machine/peripheral/gpu"
                                         : "/machine/peripheral/gpu/"
                                           "virtio-backend";
    QDict *status = qtest_qmp_assert_success_ref(
        qts, "{ 'execute': 'x-query-virtio-status', 'arguments': "
        "{ 'path': %s } }", path);
    QDict *features = qdict_get_qdict(status, "host-features");
    const QListEntry *entry;
    bool found = false;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(features, "dev-features"), entry) {
        found |= g_str_has_prefix(
            qstring_get_str(qobject_to(QString, qlist_entry_obj(entry))),
            "VIRTIO_GPU_F_RESOURCE_UUID:");
    }
    qobject_unref(status);
    return found;
}

/* The property has the value @on, and the feature is offered if it is on */
static void assert_property(const Device *dev, const char *properties, bool on)
{
    g_autofree char *args = args_for(dev, properties);
    QTestState *qts = qtest_init(args);

    g_assert_cmpint(qtest_qom_get_bool(qts, "gpu", UUID_PROP), ==, on);
    g_assert_cmpint(offers_uuids(qts, dev), ==, on);
    qtest_quit(qts);
}

static void uuid_property(const void *dev)
{
    assert_property(dev, "", false);
    assert_property(dev, "," UUID_PROP "=off", false);
    assert_property(dev, UUID_ON, true);
}

static void uuid_in_help(const void *opaque)
{
    const Device *dev = opaque;
    g_autofree char *args = g_strdup_printf("-device %s,help", dev->name);
    g_autofree char *output = NULL;

    g_assert_cmpint(run_qemu(args, &output), ==, 0);
    g_assert_nonnull(strstr(output, UUID_PROP "=<bool>"));
}

static void max_outputs(const void *opaque)
{
    const Device *dev = opaque;

    assert_rejected(dev, UUID_ON ",max_outputs=17", "max_outputs");
    if (dev->kind == VGA) {
        assert_rejected(dev, ",max_outputs=0",
                        "max_outputs is 0, but VGA needs an output");
    }
}

static void hostmem(const void *opaque)
{
    static const char *const sizes[] = {
        ",hostmem=3M", ",hostmem=1025", ",hostmem=13835058055282163712",
    };
    const Device *dev = opaque;

    if (dev->kind == MMIO || dev->kind == CCW) {
        assert_rejected(dev, ",hostmem=4M", "hostmem needs a PCI device");
        return;
    }
    for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_rejected(dev, sizes[i], "hostmem is not a power of 2");
    }
    assert_accepted(dev, ",hostmem=4M");
}

static void no_property(const void *opaque)
{
    const Device *dev = opaque;
    g_autofree char *reason = g_strdup_printf("'%s." UUID_PROP "' not found",
                                              dev->name);

    assert_rejected(dev, UUID_ON, reason);
}

static void rutabaga_off(const void *dev)
{
    assert_property(dev, "", false);
    assert_rejected(dev, UUID_ON, "'" UUID_PROP "' is not supported by "
                    "virtio-gpu-rutabaga-device");
}

static void add(const Device *dev, const char *name, GTestDataFunc func)
{
    g_autofree char *path = g_strdup_printf("/virtio-gpu/property/%s/%s",
                                            dev->name, name);

    qtest_add_data_func(path, dev, func);
}

/* GL devices need SDL's offscreen driver: run them only with QTEST_GL */
static bool can_run(const Device *dev)
{
    const char *machine = machine_for(dev);

    return machine && qtest_has_machine(machine) &&
           qtest_has_device(dev->name) && (!dev->gl || getenv("QTEST_GL"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("SDL_VIDEODRIVER", "offscreen", true);

    for (int i = 0; i < ARRAY_SIZE(devices); i++) {
        if (can_run(&devices[i])) {
            add(&devices[i], UUID_PROP, uuid_property);
            add(&devices[i], UUID_PROP "-in-help", uuid_in_help);
            add(&devices[i], "max_outputs", max_outputs);
            add(&devices[i], "hostmem", hostmem);
        }
    }
    for (int i = 0; i < ARRAY_SIZE(without_property); i++) {
        if (can_run(&without_property[i])) {
            add(&without_property[i], "no-" UUID_PROP, no_property);
        }
    }
    for (int i = 0; i < ARRAY_SIZE(rutabaga); i++) {
        if (can_run(&rutabaga[i])) {
            add(&rutabaga[i], UUID_PROP "-rejected", rutabaga_off);
        }
    }
    return g_test_run();
}
