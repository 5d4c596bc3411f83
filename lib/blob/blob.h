/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes by name: screenshots, apps, artifacts. Two stores behind one interface, chosen by a URL:
 *
 *     file:DIR                                        files below DIR, two levels of fan-out
 *     s3://BUCKET[/PREFIX]?endpoint=URL&region=R      any S3-speaking server, path-style
 *
 * A name is 1 to 200 characters of [a-z0-9._-], the first one a letter or digit, so no name can
 * leave the store. Content is best named by its own SHA-256 (blob_commit with an empty name): what
 * is there under such a name never changes, and the same bytes are stored once. A put is visible
 * whole or not at all, also after a crash or on a full disk; what was put or committed successfully
 * is there after a power cut, its name too (unless no_fsync).
 *
 * Threads: a store may be used by any number at once; a writer or reader by one. Blocks: on disk or
 * network, until ctx's deadline at most (network). */
#ifndef ASSAY_BLOB_BLOB_H
#define ASSAY_BLOB_BLOB_H

#include "base/ctx.h"

#define BLOB_NAME_MAX 200
#define BLOB_SHA256_HEX_LEN 64

struct blob_store;

struct blob_cfg {
    struct str url;
    struct str access_key; /* s3 only */
    struct str secret_key;
    const char *tmp_dir; /* s3 only: where uploads wait; NULL: "/tmp" */
    bool no_fsync;       /* file only: for tests and throw-away stores; a crash may lose files */
};

/* Opens the store; makes the folders of a file store. Does not touch the network.
 * Errors: INVALID_ARGUMENT: the URL; FAILED_PRECONDITION: the folder cannot be made or written.
 *         *out_why is static text. */
NODISCARD enum rc blob_open(const struct blob_cfg *cfg, struct blob_store **out,
                            const char **out_why);
/* Takes NULL. No writer or reader may be open. */
void blob_close(struct blob_store *store);

bool blob_name_is_valid(struct str name);

/* Errors of all calls below: INVALID_ARGUMENT "BLOB_NAME"; UNAVAILABLE "BLOB_STORE": the store does
 * not answer or refuses us, try again; RESOURCE_EXHAUSTED "DISK_FULL": no room (or a size limit of
 * the system), nothing was left behind; INTERNAL "BLOB_IO". */

/* --- writing ------------------------------------------------------------------------------- */

/* Stores `bytes`. An empty `name` means the SHA-256 of the bytes; out_name (may be NULL) takes the
 * name used. Existing content of the name is replaced. */
NODISCARD enum rc blob_put(struct blob_store *store, struct ctx *ctx, struct str name,
                           struct str bytes, char out_name[BLOB_NAME_MAX + 1]);

/* A stream of unknown length: begin, write..., then commit or abort (each ends the writer). */
struct blob_writer;
NODISCARD enum rc blob_begin(struct blob_store *store, struct ctx *ctx, struct blob_writer **out);
NODISCARD enum rc blob_write(struct blob_writer *writer, struct ctx *ctx, struct str bytes);
int64_t blob_written(const struct blob_writer *writer);
struct blob_info {
    char name[BLOB_NAME_MAX + 1];
    char sha256[BLOB_SHA256_HEX_LEN + 1];
    int64_t size;
};
/* Makes what was written visible under `name` (empty: its SHA-256). out may be NULL. The writer is
 * gone afterwards, also on failure. */
NODISCARD enum rc blob_commit(struct blob_writer *writer, struct ctx *ctx, struct str name,
                              struct blob_info *out);
/* The same for one or more writers of one store, out[i] of writers[i], each under its SHA-256
 * followed by suffixes[i] ("-sdk-7"): a name that only the owner of that suffix uses, who therefore
 * may delete it. Many cost the disk little more than one. On failure some may be visible. All
 * writers are gone afterwards. */
NODISCARD enum rc blob_commit_owned(struct blob_writer *const *writers, size_t n, struct ctx *ctx,
                                    const struct str *suffixes, struct blob_info *out);
/* Throws it away. Takes NULL. */
void blob_abort(struct blob_writer *writer);

/* --- reading ------------------------------------------------------------------------------- */

/* Reads the whole into ctx->arena. Errors: NOT_FOUND "NO_SUCH_BLOB"; RESOURCE_EXHAUSTED
 * "BLOB_TOO_LARGE": more than `max` bytes. */
NODISCARD enum rc blob_get(struct blob_store *store, struct ctx *ctx, struct str name, size_t max,
                           struct str *out);

/* A stream of bytes [from, from + length) of the blob; `length` -1 means up to the end. Both are
 * clamped to the size, which *out_size takes. Errors: NOT_FOUND. */
struct blob_reader;
NODISCARD enum rc blob_read_open(struct blob_store *store, struct ctx *ctx, struct str name,
                                 int64_t from, int64_t length, struct blob_reader **out,
                                 int64_t *out_size);
/* Fills up to `n` bytes; *out_n is 0 at the end only. */
NODISCARD enum rc blob_read(struct blob_reader *reader, struct ctx *ctx, void *to, size_t n,
                            size_t *out_n);
/* Takes NULL. */
void blob_read_close(struct blob_reader *reader);

/* Removes the name; a name that is not there is fine. */
NODISCARD enum rc blob_delete(struct blob_store *store, struct ctx *ctx, struct str name);

#endif
