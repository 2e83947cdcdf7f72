/*
 * Helpers for the tests of virtio-gpu's blob resources
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_BLOB_H
#define TESTS_VIRTIO_GPU_BLOB_H

/* udmabuf needs a memfd as guest memory; pseries needs at least 256 MiB */
#define BLOB_MEMFD  "-m 256M -machine memory-backend=mem" \
                    " -object memory-backend-memfd,id=mem,size=256M,share=on"

/**
 * blob_device_opts() - Options of a device that has blob resources
 * @more: further options
 *
 * Return: the options; only @more if QEMU would reject blob=on
 */
const char *blob_device_opts(const char *more);

/**
 * blobs_missing() - Skip a test if there are no blob resources
 *
 * Return: whether the test was skipped
 */
bool blobs_missing(void);

/**
 * blob_dmabufs() - Tell whether QEMU can make dma-bufs
 *
 * Return: false if the host has no udmabuf, or only a file in its place.
 */
bool blob_dmabufs(void);

/**
 * blob_before() - For QOSGraphTestOptions.before: add BLOB_MEMFD
 * @cmd_line: command line to extend
 * @arg: any value
 *
 * Return: @arg
 */
void *blob_before(GString *cmd_line, void *arg);

#endif
