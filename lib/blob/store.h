/* SPDX-License-Identifier: Apache-2.0
 *
 * What a kind of store implements. Private to lib/blob. Uploads of both kinds collect in a file
 * first: the length and digest must be known before a name, or a signature, can be given. */
#ifndef ASSAY_BLOB_STORE_H
#define ASSAY_BLOB_STORE_H

#include "blob/blob.h"
#include "sec/hash.h"

struct blob_spool {
    int fd;
    int64_t size;
    char *path; /* NULL: the file has no name */
    unsigned char sha256[HASH_SHA256_LEN];
    struct hash_stream *hash;
};

/* A spool and the name it is to have. */
struct blob_named {
    struct blob_spool *spool;
    struct str name;
};

/* One open read: `window` bytes at most are asked for at a time. */
struct blob_range {
    int fd; /* file store */
    char name[BLOB_NAME_MAX + 1];
    int64_t at;
    int64_t end;
};

struct blob_ops {
    void (*close)(void *impl);
    /* Opens a fresh spool file where the store can take it over. */
    enum rc (*spool)(void *impl, struct ctx *ctx, struct blob_spool *spool);
    /* Makes the spooled bytes visible, of all files or, on failure, of any number of them. The
     * caller closes the descriptors and unlinks the paths that are still set. */
    enum rc (*publish)(void *impl, struct ctx *ctx, const struct blob_named *files, size_t n);
    enum rc (*open)(void *impl, struct ctx *ctx, struct str name, struct blob_range *range,
                    int64_t *out_size);
    /* Reads at range->at, at most up to range->end; does not move it. */
    enum rc (*read)(void *impl, struct ctx *ctx, struct blob_range *range, void *to, size_t n,
                    size_t *out_n);
    enum rc (*remove)(void *impl, struct ctx *ctx, struct str name);
};

NODISCARD enum rc blob_file_open(const struct blob_cfg *cfg, struct str dir, void **out,
                                 const char **out_why);
extern const struct blob_ops blob_file_ops;

NODISCARD enum rc blob_s3_open(const struct blob_cfg *cfg, struct str rest, void **out,
                               const char **out_why);
extern const struct blob_ops blob_s3_ops;

/* Maps errno of a failed write or open to the documented failures. */
enum rc blob_io_fail(struct ctx *ctx, const char *what, int error);
enum rc blob_not_found(struct ctx *ctx, struct str name);

#endif
