/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob_cfg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "blob/store.h"

struct blob_store {
    const struct blob_ops *ops;
    void *impl;
};

struct blob_writer {
    struct blob_store *store;
    struct blob_spool spool;
};

struct blob_reader {
    struct blob_store *store;
    struct blob_range range;
};

/* --- failures ------------------------------------------------------------------------------ */

enum rc
blob_io_fail(struct ctx *ctx, const char *what, int error)
{
    enum rc rc;

    if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
        rc = fail(ctx, RC_RESOURCE_EXHAUSTED, "DISK_FULL", "there is no room to store this");
    } else if (error == EMFILE || error == ENFILE || error == ENOMEM) {
        rc = fail(ctx, RC_UNAVAILABLE, "BLOB_STORE", "the file store is busy");
    } else {
        rc = fail(ctx, RC_INTERNAL, "BLOB_IO", "the file store failed");
    }
    note(ctx, "%s: %s", what, strerror(error));
    return rc;
}

enum rc
blob_not_found(struct ctx *ctx, struct str name)
{
    enum rc rc = fail(ctx, RC_NOT_FOUND, "NO_SUCH_BLOB", "the file does not exist");

    note(ctx, "blob %.*s", STR_ARG(name));
    return rc;
}

static enum rc
no_memory(struct ctx *ctx)
{
    return fail_memory(ctx, "the request needs too much memory");
}

/* --- store --------------------------------------------------------------------------------- */

enum rc
blob_open(const struct blob_cfg *cfg, struct blob_store **out, const char **out_why)
{
    struct blob_store *store = calloc(1, sizeof(*store));
    enum rc rc = RC_INVALID_ARGUMENT;

    *out_why = "the store must be file:DIR or s3://BUCKET[/PREFIX]?endpoint=URL&region=R";
    if (store == NULL) {
        *out_why = "out of memory";
        return RC_RESOURCE_EXHAUSTED;
    }
    if (str_starts(cfg->url, STR("file:"))) {
        store->ops = &blob_file_ops;
        rc = blob_file_open(cfg, str_sub(cfg->url, 5, cfg->url.n), &store->impl, out_why);
    } else if (str_starts(cfg->url, STR("s3://"))) {
        store->ops = &blob_s3_ops;
        rc = blob_s3_open(cfg, str_sub(cfg->url, 5, cfg->url.n), &store->impl, out_why);
    }
    if (rc != RC_OK) {
        free(store);
        return rc;
    }
    *out_why = NULL;
    *out = store;
    return RC_OK;
}

enum rc
blob_open_settings(const struct blob_settings *settings, struct blob_store **out,
                   const char **out_why)
{
    struct blob_cfg cfg = {
        .url = str_z(settings->url),
        .access_key = str_z(settings->s3_access_key),
        .secret_key = str_z(settings->s3_secret_key),
        .no_fsync = !settings->fsync,
    };

    return blob_open(&cfg, out, out_why);
}

void
blob_close(struct blob_store *store)
{
    if (store != NULL) {
        store->ops->close(store->impl);
        free(store);
    }
}

bool
blob_name_is_valid(struct str name)
{
    if (name.n == 0 || name.n > BLOB_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || ch_is_digit(c);
        if (!plain && (i == 0 || (c != '.' && c != '_' && c != '-'))) {
            return false;
        }
    }
    return true;
}

static enum rc
check_name(struct ctx *ctx, struct str name)
{
    return blob_name_is_valid(name)
               ? RC_OK
               : fail(ctx, RC_INVALID_ARGUMENT, "BLOB_NAME", "this is no name of a stored file");
}

/* --- writing ------------------------------------------------------------------------------- */

static void
spool_drop(struct blob_spool *spool)
{
    if (spool->path != NULL) {
        (void)unlink(spool->path);
        free(spool->path);
    }
    if (spool->fd >= 0) {
        (void)close(spool->fd);
    }
    hash_stream_free(spool->hash);
}

enum rc
blob_begin(struct blob_store *store, struct ctx *ctx, struct blob_writer **out)
{
    struct blob_writer *writer = calloc(1, sizeof(*writer));

    if (writer == NULL) {
        return no_memory(ctx);
    }
    writer->store = store;
    writer->spool.fd = -1;
    writer->spool.hash = hash_stream_new();
    enum rc rc = writer->spool.hash == NULL ? no_memory(ctx)
                                            : store->ops->spool(store->impl, ctx, &writer->spool);
    if (rc != RC_OK) {
        blob_abort(writer);
        return rc;
    }
    *out = writer;
    return RC_OK;
}

enum rc
blob_write(struct blob_writer *writer, struct ctx *ctx, struct str bytes)
{
    size_t done = 0;

    while (done < bytes.n) {
        ssize_t n = write(writer->spool.fd, bytes.p + done, bytes.n - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return blob_io_fail(ctx, "write", n < 0 ? errno : ENOSPC);
        }
        done += (size_t)n;
    }
    hash_stream_add(writer->spool.hash, bytes);
    writer->spool.size += (int64_t)bytes.n;
    return RC_OK;
}

int64_t
blob_written(const struct blob_writer *writer)
{
    return writer->spool.size;
}

/* Digest, size and name of what was written. */
static enum rc
finish_info(struct blob_spool *spool, struct ctx *ctx, struct str name, struct str suffix,
            struct blob_info *info)
{
    hash_stream_end(spool->hash, spool->sha256);
    spool->hash = NULL;
    id_hex(spool->sha256, sizeof(spool->sha256), info->sha256);
    info->size = spool->size;
    struct str used =
        name.n > 0 ? name : arena_printf(ctx->arena, "%s%.*s", info->sha256, STR_ARG(suffix));
    enum rc rc = check_name(ctx, used);
    if (rc == RC_OK) {
        memcpy(info->name, used.p, used.n);
        info->name[used.n] = '\0';
    }
    return rc;
}

enum rc
blob_commit(struct blob_writer *writer, struct ctx *ctx, struct str name, struct blob_info *out)
{
    struct blob_info info = {.size = 0};

    enum rc rc = finish_info(&writer->spool, ctx, name, STR_EMPTY, &info);
    if (rc == RC_OK) {
        struct blob_named file = {.spool = &writer->spool, .name = str_z(info.name)};
        rc = writer->store->ops->publish(writer->store->impl, ctx, &file, 1);
    }
    blob_abort(writer);
    if (rc == RC_OK && out != NULL) {
        *out = info;
    }
    return rc;
}

static enum rc
commit_owned(struct blob_writer *const *writers, size_t n, struct ctx *ctx,
             const struct str *suffixes, struct blob_info *out)
{
    struct blob_named *files = ARENA_ARRAY(ctx->arena, n, struct blob_named);
    enum rc rc = files == NULL ? no_memory(ctx) : RC_OK;

    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        out[i] = (struct blob_info){.size = 0};
        rc = finish_info(&writers[i]->spool, ctx, STR_EMPTY, suffixes[i], &out[i]);
        files[i] = (struct blob_named){.spool = &writers[i]->spool, .name = str_z(out[i].name)};
    }
    struct blob_store *store = writers[0]->store;
    return rc == RC_OK ? store->ops->publish(store->impl, ctx, files, n) : rc;
}

enum rc
blob_commit_owned(struct blob_writer *const *writers, size_t n, struct ctx *ctx,
                  const struct str *suffixes, struct blob_info *out)
{
    enum rc rc = commit_owned(writers, n, ctx, suffixes, out);

    for (size_t i = 0; i < n; i++) {
        blob_abort(writers[i]);
    }
    return rc;
}

void
blob_abort(struct blob_writer *writer)
{
    if (writer != NULL) {
        spool_drop(&writer->spool);
        free(writer);
    }
}

enum rc
blob_put(struct blob_store *store, struct ctx *ctx, struct str name, struct str bytes,
         char out_name[BLOB_NAME_MAX + 1])
{
    struct blob_writer *writer = NULL;
    struct blob_info info;

    enum rc rc = blob_begin(store, ctx, &writer);
    if (rc != RC_OK) {
        return rc;
    }
    rc = blob_write(writer, ctx, bytes);
    if (rc != RC_OK) {
        blob_abort(writer);
        return rc;
    }
    rc = blob_commit(writer, ctx, name, &info);
    if (rc == RC_OK && out_name != NULL) {
        memcpy(out_name, info.name, sizeof(info.name));
    }
    return rc;
}

/* --- reading ------------------------------------------------------------------------------- */

static int64_t
clamp(int64_t v, int64_t max)
{
    return v < 0 ? 0 : v > max ? max : v;
}

enum rc
blob_read_open(struct blob_store *store, struct ctx *ctx, struct str name, int64_t from,
               int64_t length, struct blob_reader **out, int64_t *out_size)
{
    int64_t size = 0;
    enum rc rc = check_name(ctx, name);

    if (rc != RC_OK) {
        return rc;
    }
    struct blob_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return no_memory(ctx);
    }
    reader->store = store;
    reader->range.fd = -1;
    memcpy(reader->range.name, name.p, name.n);
    rc = store->ops->open(store->impl, ctx, name, &reader->range, &size);
    if (rc != RC_OK) {
        blob_read_close(reader);
        return rc;
    }
    reader->range.at = clamp(from, size);
    reader->range.end =
        length < 0 ? size : reader->range.at + clamp(length, size - reader->range.at);
    *out_size = size;
    *out = reader;
    return RC_OK;
}

enum rc
blob_read(struct blob_reader *reader, struct ctx *ctx, void *to, size_t n, size_t *out_n)
{
    struct blob_range *range = &reader->range;
    size_t got = 0;

    if ((int64_t)n > range->end - range->at) {
        n = (size_t)(range->end - range->at);
    }
    if (n > 0) {
        enum rc rc = reader->store->ops->read(reader->store->impl, ctx, range, to, n, &got);
        if (rc != RC_OK) {
            return rc;
        }
        if (got == 0) {
            return fail(ctx, RC_DATA_LOSS, "BLOB_IO", "a stored file is shorter than it was");
        }
    }
    range->at += (int64_t)got;
    *out_n = got;
    return RC_OK;
}

void
blob_read_close(struct blob_reader *reader)
{
    if (reader != NULL) {
        if (reader->range.fd >= 0) {
            (void)close(reader->range.fd);
        }
        free(reader);
    }
}

static enum rc
read_all(struct blob_reader *reader, struct ctx *ctx, char *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        size_t n = 0;
        enum rc rc = blob_read(reader, ctx, to + done, size - done, &n);
        if (rc != RC_OK) {
            return rc;
        }
        done += n;
    }
    return RC_OK;
}

enum rc
blob_get(struct blob_store *store, struct ctx *ctx, struct str name, size_t max, struct str *out)
{
    struct blob_reader *reader = NULL;
    int64_t size = 0;

    enum rc rc = blob_read_open(store, ctx, name, 0, -1, &reader, &size);
    if (rc != RC_OK) {
        return rc;
    }
    if ((uint64_t)size > max) {
        blob_read_close(reader);
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "BLOB_TOO_LARGE", "the stored file is too large");
    }
    char *p = arena_alloc(ctx->arena, (size_t)size + 1);
    rc = p == NULL ? no_memory(ctx) : read_all(reader, ctx, p, (size_t)size);
    blob_read_close(reader);
    if (rc == RC_OK) {
        p[size] = '\0';
        *out = str_n(p, (size_t)size);
    }
    return rc;
}

enum rc
blob_delete(struct blob_store *store, struct ctx *ctx, struct str name)
{
    enum rc rc = check_name(ctx, name);

    return rc == RC_OK ? store->ops->remove(store->impl, ctx, name) : rc;
}
