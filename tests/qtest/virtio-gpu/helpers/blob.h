/*
 * What the tests of virtio-gpu's blob resources share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_VIRTIO_GPU_BLOB_H
#define TESTS_VIRTIO_GPU_BLOB_H

/* What udmabuf makes a dma-buf of is a memfd */
/* 256 MiB is the least that pseries can have */
#define BLOB_MEMFD  "-m 256M -machine memory-backend=mem" \
                    " -object memory-backend-memfd,id=mem,size=256M,share=on"

/**
 * blob_device_opts() - Options of a device that has blob resources
 * @more: further options
 *
 * Return: the options; @more alone where QEMU would refuse blob=on
 */
const char *blob_device_opts(const char *more);

/**
 * blobs_missing() - Skip a test where there are no blob resources
 *
 * Return: whether it was skipped
 */
bool blobs_missing(void);

/**
 * blob_dmabufs() - Tell whether QEMU gets dma-bufs
 *
 * Return: false where there is nothing, or a stand-in, in place of udmabuf.
 */
bool blob_dmabufs(void);

/**
 * blob_before() - For QOSGraphTestOptions.before: a guest with BLOB_MEMFD
 * @cmd_line: added to
 * @arg: anything
 *
 * Return: @arg
 */
void *blob_before(GString *cmd_line, void *arg);

#endif
