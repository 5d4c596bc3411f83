/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a ZIP archive that somebody uploads. Strict rather than kind: one plain archive of regular
 * files and folders, stored or deflated, as zip tools write it, and nothing that two readers could
 * understand differently. Refused are: encryption, links and devices, other compressions, Zip64,
 * several disks, bytes before or after the archive, files that share bytes, names twice, paths that
 * are absolute or hold "..", ".", empty segments, backslashes or control characters, and headers
 * that contradict each other. Nothing is unpacked before all of it is checked, and nothing is
 * unpacked to more than it says.
 *
 * Threads: an open archive by one at a time. Nothing blocks. Source: APPNOTE.TXT 6.3.10. */
#ifndef ASSAY_TESTS_ZIP_H
#define ASSAY_TESTS_ZIP_H

#include "base/ctx.h"

#define ZIP_PATH_MAX 1024
#define ZIP_SEGMENT_MAX 255

struct zip_limits {
    size_t entries_max; /* folders count */
    uint64_t file_max;  /* bytes of one file, unpacked */
    uint64_t total_max; /* of all */
};

struct zip_file {
    struct str path; /* UTF-8, '/' between segments; points into the archive */
    size_t size;
    size_t packed; /* bytes of it in the archive */
    /* the reader's own */
    size_t header, at;
    uint32_t crc;
    bool deflated;
};

struct zip {
    struct zip_file *files; /* by path */
    size_t count;
    uint64_t total;
    /* the reader's own */
    struct str bytes;
    struct libdeflate_decompressor *inflate;
};

/* Checks the directory of the archive. What it returns lives in ctx's arena and points into
 * `bytes`.
 * Errors: INVALID_ARGUMENT "INVALID_ARCHIVE": why, in words for the client;
 *         RESOURCE_EXHAUSTED "BODY_TOO_LARGE": beyond the limits. */
NODISCARD enum rc zip_open(struct ctx *ctx, struct str bytes, const struct zip_limits *limits,
                           struct zip *out);
/* Unpacks a file into `to`, which has room for file->size bytes, and checks its sum.
 * Errors: INVALID_ARGUMENT "INVALID_ARCHIVE": damaged, or not of that size. */
NODISCARD enum rc zip_read(struct ctx *ctx, const struct zip *zip, const struct zip_file *file,
                           char *to);

#endif
