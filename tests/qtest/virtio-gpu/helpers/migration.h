/*
 * Migrate a virtio-gpu to another QEMU, and access its migration stream
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_MIGRATION_H
#define TESTS_VIRTIO_GPU_MIGRATION_H

#include "libqos/virtio-gpu.h"

typedef struct Migration Migration;

/**
 * struct TempFile - A file in its own folder
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
 * @prefix: prefix of @uri
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
 * Return: the content, to be freed by g_byte_array_unref()
 */
GByteArray *temp_file_read(const TempFile *file);

/**
 * struct DestinationOpt - Options of start_destination()
 * @without: text to remove from the command line of the test's own QEMU; may
 *           be NULL
 * @with: text to add to the command line; may be NULL
 * @running: start the VM instead of waiting for a migration
 * @other: use the binary that the environment variable QTEST_QEMU_BINARY_DST
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
 * @opt: differences from the test's own QEMU
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
 * @hold: limit the bandwidth until finish_migration()
 *
 * Return: the migration, for finish_migration() or cancel_migration()
 */
Migration *begin_migration(QTestState *from, QTestState *to, bool hold);

/**
 * begin_postcopy() - Start a post-copy migration over a socket
 * @from: the source
 * @to: the destination; it runs afterwards, but its memory is incomplete until
 *      finish_migration()
 *
 * Return: the migration, for finish_migration(); NULL if the host has no
 * userfaultfd
 */
Migration *begin_postcopy(QTestState *from, QTestState *to);

/**
 * migration_is_postcopy() - Tell whether a migration is in post-copy mode
 * @migration: the migration
 *
 * Return: true if the destination runs and its memory is incomplete
 */
bool migration_is_postcopy(const Migration *migration);

/**
 * finish_migration() - Wait until the migration has completed
 * @migration: freed; the source is stopped then, and the destination runs
 */
void finish_migration(Migration *migration);

/**
 * cancel_migration() - Cancel a migration
 * @migration: freed; the source runs then, and the destination is unusable
 */
void cancel_migration(Migration *migration);

/**
 * send_migrate_to_nowhere() - Send the command to migrate a VM
 * @qts: the VM; the caller must receive the reply to the command
 */
void send_migrate_to_nowhere(QTestState *qts);

/**
 * finish_migration_to_nowhere() - Wait until a VM has migrated to nowhere
 * @qts: the VM, which runs afterwards
 */
void finish_migration_to_nowhere(QTestState *qts);

/**
 * migrates_to_nowhere() - Try to migrate a VM to nowhere
 * @qts: the VM, which is stopped if it succeeds
 *
 * Return: whether the migration succeeded.
 */
bool migrates_to_nowhere(QTestState *qts);

/**
 * save_stream() - Migrate a VM to a file
 * @qts: the source; stopped afterwards
 *
 * Return: content of the file, to be freed by g_byte_array_unref()
 */
GByteArray *save_stream(QTestState *qts);

/**
 * load_stream() - Migrate a VM from a file
 * @to: the destination; it runs afterwards if the load succeeds, and does not
 *      exit if the load fails
 * @stream: content of the file
 *
 * Return: false if the destination rejects the stream
 */
bool load_stream(QTestState *to, const GByteArray *stream);

/**
 * assert_stream_rejected() - Check that a destination rejects a stream, and why
 * @stream: the stream
 * @opt: the destination
 * @reason: part of the error message, on stderr or in the reply to the command
 *
 * Return: the destination, which has not exited; end it with qtest_quit()
 */
QTestState *assert_stream_rejected(const GByteArray *stream, DestinationOpt opt,
                                   const char *reason);

/**
 * assert_rejection_reported() - Check query-migrate after a rejected stream
 * @to: a destination that has rejected a stream
 * @reason: part of the error's description
 */
void assert_rejection_reported(QTestState *to, const char *reason);

/**
 * migration_is_blocked() - Tell whether a device blocks migration
 * @qts: the QEMU
 *
 * Return: true if a device blocks it
 */
bool migration_is_blocked(QTestState *qts);

/**
 * save_devices() - Save the state of all devices
 * @qts: a VM; runs afterwards if it did before
 *
 * Uses the only command that saves no memory and lets the VM continue.  It was
 * made for Xen, and works without Xen.
 *
 * Return: the state, to be freed by g_byte_array_unref(); it is not a stream
 * that can be loaded
 */
GByteArray *save_devices(QTestState *qts);

/**
 * assert_can_be_saved() - Check that a VM can be saved after a failed load
 * @qts: the VM
 */
void assert_can_be_saved(QTestState *qts);

/**
 * come_home() - End a test that has migrated the device or changed its QEMU
 * @gpu: the device; back in @home afterwards, but unusable before a reset
 * @home: the QEMU that the test began with; the next test gets a new one
 */
void come_home(QVirtioGPU *gpu, QTestState *home);

/**
 * find_bytes() - Find bytes in a stream
 * @stream: the stream
 * @from: offset at which to begin
 * @bytes: the bytes to find
 * @len: length of @bytes
 *
 * Return: the first offset of the bytes, or -1
 */
ssize_t find_bytes(const GByteArray *stream, size_t from,
                   const void *bytes, size_t len);

/**
 * find_gpu_section() - Find the device's section in a stream
 * @stream: a stream with one virtio-gpu
 * @start: set to the offset after the section's header
 * @end: set to the offset of the section's footer
 */
void find_gpu_section(const GByteArray *stream, size_t *start, size_t *end);

#endif
