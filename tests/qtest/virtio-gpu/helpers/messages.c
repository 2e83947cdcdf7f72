/*
 * The messages on standard error of the QEMU under test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-gpu/helpers/messages.h"

static char *messages;

static void messages_end(gpointer path)
{
    unlink(path);
    g_free(path);
}

/* qtest starts QEMU with a shell, which redirects the output */
void *messages_before(GString *cmd_line, void *arg)
{
    int fd = g_file_open_tmp("qtest-XXXXXX", &messages, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_string_append_printf(cmd_line, " 2>%s ", messages);
    g_test_queue_destroy(messages_end, messages);
    return arg;
}

char *messages_text(void)
{
    char *text;

    g_assert_true(g_file_get_contents(messages, &text, NULL, NULL));
    return text;
}

size_t messages_size(void)
{
    g_autofree char *text = messages_text();

    return strlen(text);
}
