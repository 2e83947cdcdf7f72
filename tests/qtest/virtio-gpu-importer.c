/*
 * A vhost-user device beside a virtio-gpu, which looks up its resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/qgraph.h"
#include "virtio-gpu-importer.h"

static VhostUserPeer *current;
static char *current_args;

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

VhostUserPeer *importer(void)
{
    vhost_user_peer_wait_ready(current);
    return current;
}

const char *importer_args(void)
{
    return current_args;
}

uint8_t *importer_map(VhostUserPeer *peer, const uint8_t *uuid, size_t *size)
{
    int fd = vhost_user_peer_lookup(peer, uuid);
    off_t len;
    void *map;

    if (fd < 0) {
        return NULL;
    }
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

bool importer_finds(VhostUserPeer *peer, const uint8_t *uuid)
{
    int fd = vhost_user_peer_lookup(peer, uuid);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}
