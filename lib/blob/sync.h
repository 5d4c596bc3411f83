/* SPDX-License-Identifier: Apache-2.0
 *
 * Waits until files and folders are on the disk, several at once: a disk answers many flushes in
 * little more time than one. Private to lib/blob. */
#ifndef ASSAY_BLOB_SYNC_H
#define ASSAY_BLOB_SYNC_H

#include <stddef.h>

#include "base/macros.h"

struct blob_sync {
    int fd;           /* -1: what is at `path` */
    const char *path; /* a folder */
};

/* Flushes all of them. Returns 0, or the errno of one that failed. Threads: starts a few of its own
 * and ends them. Blocks: on the disk. */
NODISCARD int blob_sync_all(const struct blob_sync *items, size_t n);

#endif
