/*
 * Taking a virtio-gpu to another QEMU, and its state as bytes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_MIGRATION_H
#define TESTS_VIRTIO_GPU_MIGRATION_H

#include "libqos/virtio-gpu.h"

typedef struct Migration Migration;

/**
 * struct TempFile - A file in a folder of its own
 * @dir: the folder
 * @path: the file, which need not exist
 * @uri: @path with a prefix
 */
typedef struct TempFile {
    char *dir;
    char *path;
    char *uri;
} TempFile;

/**
 * temp_file_new() - Make a folder for a file
 * @prefix: what @uri begins with
 *
 * Return: the file, not created yet, to be freed by temp_file_free()
 */
TempFile *temp_file_new(const char *prefix);

/**
 * temp_file_free() - Remove a file, if it is there, and its folder
 * @file: the file; freed
 */
void temp_file_free(TempFile *file);

/**
 * temp_file_read() - Read a file
 * @file: the file
 *
 * Return: what is in it, to be freed by g_byte_array_unref()
 */
GByteArray *temp_file_read(const TempFile *file);

/**
 * struct DestinationOpt - Options of start_destination()
 * @without: what to leave out of the command line of the test's own QEMU; may
 *           be NULL
 * @with: what to add to it; may be NULL
 * @running: it runs, and waits for no migration
 * @other: take the binary that the environment variable QTEST_QEMU_BINARY_DST
 *         names, if it is set
 */
typedef struct DestinationOpt {
    const char *without;
    const char *with;
    bool running;
    bool other;
} DestinationOpt;

/**
 * do_start_destination() - Start a QEMU like the test's own
 * @opt: how it differs
 *
 * Return: the QEMU, to be ended by qtest_quit()
 */
QTestState *do_start_destination(DestinationOpt opt);

#define start_destination(...) \
    do_start_destination((DestinationOpt) { __VA_ARGS__ })

/**
 * begin_migration() - Start to migrate over a socket
 * @from: the source
 * @to: the destination
 * @hold: it does not get far before finish_migration()
 *
 * Return: to be passed to finish_migration() or cancel_migration()
 */
Migration *begin_migration(QTestState *from, QTestState *to, bool hold);

/**
 * begin_postcopy() - Start a post-copy migration over a socket
 * @from: the source
 * @to: the destination; runs afterwards, while its memory is under way until
 *      finish_migration()
 *
 * Return: to be passed to finish_migration(), or NULL if the host has no
 * userfaultfd
 */
Migration *begin_postcopy(QTestState *from, QTestState *to);

/**
 * migration_is_postcopy() - Tell whether memory of a destination that runs is
 *                           under way
 * @migration: the migration
 *
 * Return: true if it is
 */
bool migration_is_postcopy(const Migration *migration);

/**
 * finish_migration() - Wait until the VM has moved
 * @migration: freed; the source is stopped, the destination runs
 */
void finish_migration(Migration *migration);

/**
 * cancel_migration() - Let the VM stay where it was
 * @migration: freed; the source runs, the destination is good for nothing
 */
void cancel_migration(Migration *migration);

/**
 * send_migrate_to_nowhere() - Ask a VM to migrate, and wait for nothing
 * @qts: the VM; the caller receives the answer to the command
 */
void send_migrate_to_nowhere(QTestState *qts);

/**
 * finish_migration_to_nowhere() - Wait until a VM has migrated to nowhere
 * @qts: the VM, which runs afterwards
 */
void finish_migration_to_nowhere(QTestState *qts);

/**
 * save_stream() - Migrate a VM to a file
 * @qts: the source; stopped afterwards
 *
 * Return: all that was written, to be freed by g_byte_array_unref()
 */
GByteArray *save_stream(QTestState *qts);

/**
 * load_stream() - Migrate a VM from a file
 * @to: the destination; runs afterwards if that succeeds, and is still there
 *      if it does not
 * @stream: what is in the file
 *
 * Return: false if the destination refuses it
 */
bool load_stream(QTestState *to, const GByteArray *stream);

/**
 * assert_stream_refused() - Check that a destination refuses a stream, and why
 * @stream: the stream
 * @opt: the destination
 * @reason: part of what it says, on stderr or to who asks for the migration
 *
 * Return: the destination, which is still there, to be ended by qtest_quit()
 */
QTestState *assert_stream_refused(const GByteArray *stream, DestinationOpt opt,
                                  const char *reason);

/**
 * assert_refusal_reported() - Check what query-migrate says of a refused stream
 * @to: a destination that has refused a stream
 * @reason: part of the error's description
 */
void assert_refusal_reported(QTestState *to, const char *reason);

/**
 * migration_is_blocked() - Tell whether some device can't be migrated
 * @qts: the QEMU
 *
 * Return: true if one can't
 */
bool migration_is_blocked(QTestState *qts);

/**
 * save_devices() - Save the state of all devices
 * @qts: a VM; runs afterwards if it did before
 *
 * By the one command that saves no memory and lets the VM go on, which is
 * there for Xen and works without.
 *
 * Return: the state, to be freed by g_byte_array_unref(); no stream that could
 * be loaded
 */
GByteArray *save_devices(QTestState *qts);

/**
 * assert_can_be_saved() - Check that a VM is well after a load that failed
 * @qts: the VM
 */
void assert_can_be_saved(QTestState *qts);

/**
 * come_home() - End a test that has left its QEMU, or changed it
 * @gpu: the device; is one of @home afterwards, of no use before a reset
 * @home: the QEMU that the test began with; the next test gets a new one
 */
void come_home(QVirtioGPU *gpu, QTestState *home);

/**
 * find_bytes() - Look something up in a stream
 * @stream: where to look
 * @from: offset at which to begin
 * @bytes: what to look for
 * @len: length of @bytes
 *
 * Return: the first offset at which it stands, or -1
 */
ssize_t find_bytes(const GByteArray *stream, size_t from,
                   const void *bytes, size_t len);

/**
 * find_gpu_section() - Look the device's section up in a stream
 * @stream: a stream with one virtio-gpu
 * @start: set to the offset behind the section's header
 * @end: set to the offset of the section's footer
 */
void find_gpu_section(const GByteArray *stream, size_t *start, size_t *end);

#endif
