/*
 * Commands for a disk backed by a shared object
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "control.h"
#include "picture.h"

#define LONGEST_LINE    4096
#define MOST_WORDS      6

typedef struct Command {
    const char *name;
    const char *args;
    const char *help;
    int least, most;    /* number of arguments */
    /* @answer is for the text after "ok" */
    bool (*run)(UUIDDisk *disk, char **args, GString *answer, Error **errp);
} Command;

static bool parse_number(const char *text, int base, uint32_t *number,
                         Error **errp)
{
    unsigned value;

    if (qemu_strtoui(text, NULL, base, &value)) {
        error_setg(errp, "'%s' is not a number", text);
        return false;
    }
    *number = value;
    return true;
}

static bool parse_rectangle(char **args, Rectangle *rect, Error **errp)
{
    return parse_number(args[0], 10, &rect->x, errp) &&
           parse_number(args[1], 10, &rect->y, errp) &&
           parse_number(args[2], 10, &rect->width, errp) &&
           parse_number(args[3], 10, &rect->height, errp);
}

/* Begin an access to the first @bytes of the object */
static bool begin(UUIDDisk *disk, uint64_t bytes, bool write, Error **errp)
{
    SharedObject *object = &disk->object;

    if (!shared_object_covers(object, 0, bytes)) {
        error_setg(errp, "%" PRIu64 " bytes are needed, but the object has %"
                   PRIu64, bytes, object->size);
        return false;
    }
    if (!shared_object_begin(object, write)) {
        error_setg(errp, "the object cannot be %s",
                   write ? "written" : "read");
        return false;
    }
    return true;
}

static bool begin_picture(UUIDDisk *disk, Picture *pic, bool write,
                          Error **errp)
{
    return picture_set(pic, &disk->info, errp) &&
           begin(disk, picture_bytes(pic), write, errp);
}

static bool begin_rectangle(UUIDDisk *disk, Picture *pic,
                            const Rectangle *rect, Error **errp)
{
    if (!begin_picture(disk, pic, true, errp)) {
        return false;
    }
    if (!picture_covers(pic, rect)) {
        shared_object_end(&disk->object, true);
        error_setg(errp, "the rectangle is not inside the picture");
        return false;
    }
    return true;
}

static bool run_info(UUIDDisk *disk, char **args, GString *answer,
                     Error **errp)
{
    g_autofree char *uuid = qemu_uuid_unparse_strdup(&disk->uuid);

    g_string_append_printf(answer, " uuid=%s status=%s kind=%s size=%"
                           PRIu64 " image=%ux%u lookups=%u", uuid,
                           uuid_disk_status_name(disk->status),
                           disk->object.kind ? disk->object.kind : "none",
                           disk->object.size, disk->info.width,
                           disk->info.height, disk->lookups);
    if (disk->reason) {
        g_string_append_printf(answer, " reason=%s", disk->reason);
    }
    return true;
}

static bool run_png(UUIDDisk *disk, char **args, GString *answer,
                    Error **errp)
{
    SharedObject *object = &disk->object;
    Picture pic;
    bool ok;

    if (!begin_picture(disk, &pic, false, errp)) {
        return false;
    }
    ok = picture_write_png(&pic, object->data, args[0], errp);
    shared_object_end(object, false);
    return ok;
}

static bool run_dump(UUIDDisk *disk, char **args, GString *answer,
                     Error **errp)
{
    SharedObject *object = &disk->object;
    g_autoptr(GError) err = NULL;
    bool ok;

    if (!begin(disk, 1, false, errp)) {
        return false;
    }
    ok = g_file_set_contents(args[0], (char *)object->data, object->size,
                             &err);
    shared_object_end(object, false);
    if (!ok) {
        error_setg(errp, "%s", err->message);
    }
    return ok;
}

static bool run_invert(UUIDDisk *disk, char **args, GString *answer,
                       Error **errp)
{
    SharedObject *object = &disk->object;
    Rectangle rect;
    Picture pic;

    if (!parse_rectangle(args, &rect, errp) ||
        !begin_rectangle(disk, &pic, &rect, errp)) {
        return false;
    }
    picture_invert(&pic, object->data, &rect);
    shared_object_end(object, true);
    return true;
}

static bool run_fill(UUIDDisk *disk, char **args, GString *answer,
                     Error **errp)
{
    SharedObject *object = &disk->object;
    Rectangle rect;
    Picture pic;
    uint32_t rgb;

    if (!parse_rectangle(args, &rect, errp) ||
        !parse_number(args[4], 16, &rgb, errp) ||
        !begin_rectangle(disk, &pic, &rect, errp)) {
        return false;
    }
    picture_fill(&pic, object->data, &rect, rgb);
    shared_object_end(object, true);
    return true;
}

static const Command commands[] = {
    { "info", "", "print the UUID, the status, and the number of lookups",
      0, 0, run_info },
    { "dump", "FILE", "write the object's memory to a file",
      1, 1, run_dump },
    { "png", "FILE", "write the image as PNG",
      1, 1, run_png },
    { "invert", "X Y WIDTH HEIGHT", "invert the colours of a rectangle",
      4, 4, run_invert },
    { "fill", "X Y WIDTH HEIGHT RRGGBB", "paint a rectangle",
      5, 5, run_fill },
};

static bool run_words(UUIDDisk *disk, char **words, GString *answer,
                      Error **errp)
{
    int count = g_strv_length(words) - 1;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const Command *command = &commands[i];

        if (strcmp(words[0], command->name)) {
            continue;
        }
        if (count < command->least || count > command->most) {
            error_setg(errp, "usage: %s %s", command->name, command->args);
            return false;
        }
        return command->run(disk, words + 1, answer, errp);
    }
    error_setg(errp, "unknown command '%s'", words[0]);
    return false;
}

char *control_run(UUIDDisk *disk, const char *line)
{
    g_autofree char *stripped = g_strstrip(g_strdup(line));
    g_auto(GStrv) words = g_strsplit(stripped, " ", MOST_WORDS + 1);
    g_autoptr(GString) answer = g_string_new("ok");
    Error *err = NULL;

    if (!words[0]) {
        return NULL;
    }
    if (!run_words(disk, words, answer, &err)) {
        g_string_printf(answer, "error: %s", error_get_pretty(err));
        error_free(err);
    }
    return g_strdup(answer->str);
}

static void run_line(UUIDDisk *disk, const char *line)
{
    g_autofree char *answer = control_run(disk, line);

    if (answer) {
        printf("%s\n", answer);
        fflush(stdout);
    }
}

/* Reads only once: the disk must not wait for the rest of a line */
static gboolean read_input(gint fd, GIOCondition condition, gpointer opaque)
{
    Control *ctl = opaque;
    char buf[512];
    ssize_t got = read(fd, buf, sizeof(buf));
    char *end;

    if (got <= 0) {
        ctl->source = 0;
        return G_SOURCE_REMOVE;
    }
    g_string_append_len(ctl->input, buf, got);
    while ((end = memchr(ctl->input->str, '\n', ctl->input->len))) {
        *end = '\0';
        run_line(ctl->disk, ctl->input->str);
        g_string_erase(ctl->input, 0, end + 1 - ctl->input->str);
    }
    if (ctl->input->len > LONGEST_LINE) {
        g_string_truncate(ctl->input, 0);
    }
    return G_SOURCE_CONTINUE;
}

void control_start(Control *ctl, UUIDDisk *disk)
{
    *ctl = (Control) {
        .disk = disk,
        .input = g_string_new(NULL),
        .source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, read_input,
                                ctl),
    };
}

void control_stop(Control *ctl)
{
    if (ctl->source) {
        g_source_remove(ctl->source);
    }
    g_string_free(ctl->input, TRUE);
}

char *control_help(void)
{
    GString *text = g_string_new("Commands, one per line on standard input:\n");

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        g_autofree char *usage = g_strdup_printf("%s %s", commands[i].name,
                                                 commands[i].args);

        g_string_append_printf(text, "  %-37s %s\n", usage, commands[i].help);
    }
    return g_string_free(text, FALSE);
}
