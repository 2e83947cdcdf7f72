/*
 * A vhost-user device that looks up the resources of a virtio-gpu
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/qgraph.h"
#include "virtio-gpu/helpers/importer.h"
#include "virtio-gpu/helpers/migration.h"

static VhostUserPeer *current;
static VhostUserPeer *current_exporter;
static VhostUserPeer *crowd[IMPORTER_CROWD];
static char *current_args;
static TempFile *trace_file;

static void importer_end(gpointer unused)
{
    vhost_user_peer_free(g_steal_pointer(&current));
    g_clear_pointer(&current_args, g_free);
}

void *importer_before(GString *cmd_line, void *arg)
{
    current = vhost_user_peer_new("importer", true);
    current_args = vhost_user_peer_args(current, "");
    g_string_append(cmd_line, current_args);
    g_test_queue_destroy(importer_end, &current);
    return arg;
}

void *importer_info_before(GString *cmd_line, void *arg)
{
    importer_before(cmd_line, arg);
    vhost_user_peer_offer_info(current);
    return arg;
}

static void exporter_end(gpointer unused)
{
    vhost_user_peer_free(g_steal_pointer(&current_exporter));
}

void *importer_exporter_before(GString *cmd_line, void *arg)
{
    g_autofree char *args = NULL;

    current_exporter = vhost_user_peer_new("exporter", true);
    args = vhost_user_peer_args(current_exporter, "");
    g_string_append(cmd_line, args);
    g_test_queue_destroy(exporter_end, &current_exporter);
    return importer_before(cmd_line, arg);
}

static void crowd_end(gpointer unused)
{
    int i;

    for (i = 0; i < IMPORTER_CROWD; i++) {
        vhost_user_peer_free(g_steal_pointer(&crowd[i]));
    }
}

void *importer_crowd_before(GString *cmd_line, void *arg)
{
    int i;

    for (i = 0; i < IMPORTER_CROWD; i++) {
        g_autofree char *id = g_strdup_printf("crowd%d", i);
        /* eight functions in each slot of the PCI bus, from slot 8 */
        g_autofree char *addr = g_strdup_printf(",multifunction=on,addr=%x.%d",
                                                8 + i / 8, i % 8);
        g_autofree char *args = NULL;

        crowd[i] = vhost_user_peer_new(id, true);
        args = vhost_user_peer_args(crowd[i], addr);
        g_string_append(cmd_line, args);
    }
    g_test_queue_destroy(crowd_end, crowd);
    return importer_exporter_before(cmd_line, arg);
}

void *importer_traced_before(GString *cmd_line, void *arg)
{
    trace_file = temp_file_new("");
    g_test_queue_destroy((GDestroyNotify)temp_file_free, trace_file);
    g_string_append_printf(cmd_line, " -trace virtio_export_lookup* -D %s",
                           trace_file->path);
    return importer_info_before(cmd_line, arg);
}

static char *all_traced(void)
{
    GByteArray *bytes = temp_file_read(trace_file);
    char *text = g_strndup((char *)bytes->data, bytes->len);

    g_byte_array_unref(bytes);
    return g_strchomp(text);
}

char *importer_traced(const uint8_t *uuid)
{
    g_autofree char *all = all_traced();
    g_autofree char *before = NULL;
    char text[UUID_STR_LEN];
    const char *line = strrchr(all, '\n');
    const char *found;

    uuid_unparse_lower(uuid, text);
    before = g_strdup_printf("%s: ", text);
    line = line ? line + 1 : all;
    g_test_message("%s", line);
    found = strstr(line, before);
    return g_strdup(found ? found + strlen(before) : line);
}

static bool was_traced(const char *event, const uint8_t *uuid)
{
    g_autofree char *all = all_traced();
    g_autofree char *line = NULL;
    char text[UUID_STR_LEN];

    uuid_unparse_lower(uuid, text);
    line = g_strdup_printf("%s %s", event, text);
    return strstr(all, line);
}

bool importer_traced_bottom_up(const uint8_t *uuid)
{
    return was_traced("virtio_export_lookup_bottom_up", uuid);
}

void importer_assert_traced(const uint8_t *uuid, const char *object)
{
    g_autofree char *traced = importer_traced(uuid);

    g_assert_cmpstr(traced, ==, object);
}

VhostUserPeer *importer(void)
{
    vhost_user_peer_wait_ready(current);
    return current;
}

VhostUserPeer *exporter(void)
{
    vhost_user_peer_wait_ready(current_exporter);
    return current_exporter;
}

VhostUserPeer *importer_crowd(unsigned int i)
{
    vhost_user_peer_wait_ready(crowd[i]);
    return crowd[i];
}

const char *importer_args(void)
{
    return current_args;
}

/* Closes @fd */
static uint8_t *map_fd(int fd, size_t *size)
{
    off_t len;
    void *map;

    len = lseek(fd, 0, SEEK_END);
    g_assert_cmpint(len, >, 0);
    map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(map != MAP_FAILED);
    close(fd);
    if (size) {
        *size = len;
    }
    return map;
}

uint8_t *importer_map(VhostUserPeer *peer, const uint8_t *uuid, size_t *size)
{
    int fd = vhost_user_peer_lookup(peer, uuid);

    return fd < 0 ? NULL : map_fd(fd, size);
}

uint8_t *importer_map_info(VhostUserPeer *peer, const uint8_t *uuid,
                           size_t *size, PeerInfo *info)
{
    int fd = vhost_user_peer_lookup_info(peer, uuid, info);
    uint8_t *map;

    g_assert_cmpint(fd, >=, 0);
    map = map_fd(fd, size);
    g_assert_cmpuint(info->size, ==, *size);
    g_assert_cmpuint(info->num_planes, ==, 1);
    g_assert_cmpuint(info->offsets[0] +
                     (uint64_t)info->strides[0] * info->height, <=, *size);
    return map;
}

bool importer_finds(VhostUserPeer *peer, const uint8_t *uuid)
{
    int fd = vhost_user_peer_lookup(peer, uuid);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}
