/* SPDX-License-Identifier: Apache-2.0
 *
 * Static previews arrive: a ZIP archive becomes a list of paths, each with the content that stands
 * there. Nothing is stored before all of the archive has been unpacked once and found good;
 * contents are announced before they are stored (sql/0009_previews.sql). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "sec/hash.h"
#include "tests/preview/zip.h"
#include "tests/vizzly/viz.h"
#include "tests_sql.h"

#define ARCHIVE_MAX ((size_t)64 << 20)
#define FILE_MAX ((size_t)32 << 20)
#define TOTAL_MAX ((uint64_t)256 << 20)
#define ENTRIES_MAX 5000
#define LIST_MAX ((size_t)16 << 20)
#define TOKEN_BYTES 16
/* Files that go to the disk together. */
#define BATCH 64

struct page {
    const struct zip_file *file;
    char sha256[HASH_SHA256_HEX_LEN + 1];
    bool put; /* its content is not in the store */
};

struct site {
    struct tests *t;
    struct ctx *ctx;  /* of the request: the database, and what is answered */
    struct ctx large; /* of the archive and its files */
    struct zip zip;
    char *room;           /* for the largest file */
    struct page *pages;   /* by path */
    struct page **by_sha; /* one of each content, by digest */
    size_t count, distinct;
    int64_t packed, put_packed; /* bytes in the archive: of all, of what had to be stored */
    int64_t put_count;
    struct str base;
    struct str token;
    int64_t expires_us;
};

static enum rc
no_memory(struct ctx *ctx)
{
    return fail_memory(ctx, "the request needs too much memory");
}

/* --- reading ------------------------------------------------------------------------------- */

/* Names that begin with a dot hold what was not meant for others: .env, .git. */
static bool
is_hidden(struct str path)
{
    while (path.p != NULL) {
        struct str segment = str_split(&path, '/');
        if (segment.p[0] == '.' && !str_eqz(segment, ".well-known")) {
            return true;
        }
    }
    return false;
}

/* The folder of the shallowest index.html. */
static struct str
base_of(const struct site *s)
{
    struct str base = STR_EMPTY;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < s->count; i++) {
        struct str path = s->pages[i].file->path;
        size_t depth = 0;
        for (size_t k = 0; k < path.n; k++) {
            depth += path.p[k] == '/';
        }
        bool index = str_ends(path, STR("/index.html")) || str_eqz(path, "index.html");
        if (index && depth < best) {
            best = depth;
            base = str_sub(path, 0, depth == 0 ? 0 : path.n - STR("/index.html").n);
        }
    }
    return base;
}

static enum rc
choose_pages(struct site *s)
{
    size_t largest = 1;

    s->pages = ARENA_ARRAY(s->large.arena, s->zip.count + 1, struct page);
    s->by_sha = ARENA_ARRAY(s->large.arena, s->zip.count + 1, struct page *);
    for (size_t i = 0; s->pages != NULL && i < s->zip.count; i++) {
        const struct zip_file *file = &s->zip.files[i];
        if (!is_hidden(file->path)) {
            s->pages[s->count++].file = file;
            s->packed += (int64_t)file->packed;
            largest = file->size > largest ? file->size : largest;
        }
    }
    s->room = arena_alloc(s->large.arena, largest);
    if (s->pages == NULL || s->by_sha == NULL || s->room == NULL) {
        return no_memory(&s->large);
    }
    if (s->count == 0) {
        return fail(&s->large, RC_INVALID_ARGUMENT, "INVALID_ARCHIVE",
                    "the ZIP archive holds no files to show");
    }
    s->base = base_of(s);
    return RC_OK;
}

static int
by_digest(const void *a, const void *b)
{
    return strcmp((*(struct page *const *)a)->sha256, (*(struct page *const *)b)->sha256);
}

/* Unpacks every file once: what is wrong with the archive shows before anything is stored. */
static enum rc
digest_pages(struct site *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct page *page = &s->pages[i];
        enum rc rc = zip_read(&s->large, &s->zip, page->file, s->room);
        if (rc != RC_OK) {
            return rc;
        }
        hash_sha256_hex(str_n(s->room, page->file->size), page->sha256);
        s->by_sha[i] = page;
    }
    qsort(s->by_sha, s->count, sizeof(*s->by_sha), by_digest);
    for (size_t i = 0; i < s->count; i++) {
        if (s->distinct == 0 ||
            strcmp(s->by_sha[s->distinct - 1]->sha256, s->by_sha[i]->sha256) != 0) {
            s->by_sha[s->distinct++] = s->by_sha[i];
        }
    }
    return RC_OK;
}

static enum rc
read_archive(struct site *s, struct str key)
{
    static const struct zip_limits LIMITS = {
        .entries_max = ENTRIES_MAX, .file_max = FILE_MAX, .total_max = TOTAL_MAX};
    struct str bytes;

    enum rc rc = blob_get(s->t->blobs, &s->large, key, ARCHIVE_MAX, &bytes);
    if (rc == RC_RESOURCE_EXHAUSTED) {
        ctx_recover(&s->large);
        return fail(&s->large, rc, "BODY_TOO_LARGE", "the ZIP archive is larger than %zu bytes",
                    ARCHIVE_MAX);
    }
    rc = rc == RC_OK ? zip_open(&s->large, bytes, &LIMITS, &s->zip) : rc;
    rc = rc == RC_OK ? choose_pages(s) : rc;
    return rc == RC_OK ? digest_pages(s) : rc;
}

/* --- storing ------------------------------------------------------------------------------- */

static enum rc
finish_list(struct site *s, struct buf *b, struct str *out)
{
    buf_putc(b, ']');
    bool ok = !buf_failed(b);
    *out = arena_str(s->large.arena, buf_str(b));
    buf_fini(b);
    return ok && !arena_failed(s->large.arena) ? RC_OK : no_memory(s->ctx);
}

static struct page *
find_content(const struct site *s, struct str sha256)
{
    for (size_t from = 0, to = s->distinct; from < to;) {
        size_t middle = from + (to - from) / 2;
        int order = str_cmp(str_z(s->by_sha[middle]->sha256), sha256);
        if (order == 0) {
            return s->by_sha[middle];
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

static void
mark_missing(struct site *s, const struct str *missing, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct page *page = find_content(s, missing[i]);
        if (page != NULL) {
            page->put = true;
            s->put_count++;
            s->put_packed += (int64_t)page->file->packed;
        }
    }
}

static enum rc
announce(struct site *s)
{
    const struct db_result *res = NULL;
    struct str list;
    struct buf b;
    size_t n = 0;

    buf_init(&b, LIST_MAX);
    for (size_t i = 0; i < s->distinct; i++) {
        buf_putz(&b, i == 0 ? "[{" : ",{");
        json_put_member_str(&b, "sha256", str_z(s->by_sha[i]->sha256));
        json_put_member_i64(&b, "size_bytes", (int64_t)s->by_sha[i]->file->size);
        buf_putc(&b, '}');
    }
    enum rc rc = finish_list(s, &b, &list);
    rc = rc == RC_OK
             ? DB_QUERY(s->t->db, s->ctx, Q_VIZ_PREVIEW_LOCK, NULL, DB_ARG_I64(s->ctx->who.org_id))
             : rc;
    rc = rc == RC_OK ? DB_QUERY(s->t->db, s->ctx, Q_VIZ_PREVIEW_ANNOUNCE, &res,
                                DB_ARG_I64(s->ctx->who.org_id), DB_ARG_STR(list),
                                DB_ARG_I64(s->t->cfg->storage_quota))
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    if (!db_bool(res, 0, 0)) {
        return viz_refuse_quota(s->t, s->ctx, db_i64(res, 0, 2), db_i64(res, 0, 1));
    }
    const struct str *missing = db_strs(res, 0, 3, &n);
    mark_missing(s, missing, n);
    return RC_OK;
}

static enum rc
commit_batch(struct site *s, struct blob_writer *const *writers, size_t n)
{
    struct blob_info infos[BATCH];
    struct str suffixes[BATCH];

    for (size_t i = 0; i < n; i++) {
        suffixes[i] = viz_preview_suffix(s->large.arena, s->ctx->who.org_id);
    }
    return n == 0 ? RC_OK : blob_commit_owned(writers, n, &s->large, suffixes, infos);
}

static enum rc
write_page(struct site *s, const struct page *page, struct blob_writer **out)
{
    enum rc rc = zip_read(&s->large, &s->zip, page->file, s->room);

    rc = rc == RC_OK ? blob_begin(s->t->blobs, &s->large, out) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    rc = blob_write(*out, &s->large, str_n(s->room, page->file->size));
    if (rc != RC_OK) {
        blob_abort(*out);
    }
    return rc;
}

static enum rc
put_contents(struct site *s)
{
    struct blob_writer *writers[BATCH];
    size_t n = 0;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < s->distinct; i++) {
        if (!s->by_sha[i]->put) {
            continue;
        }
        rc = write_page(s, s->by_sha[i], &writers[n]);
        n += rc == RC_OK;
        if (rc == RC_OK && n == BATCH) {
            rc = commit_batch(s, writers, n);
            n = 0;
        }
    }
    if (rc == RC_OK) {
        return commit_batch(s, writers, n);
    }
    for (size_t i = 0; i < n; i++) {
        blob_abort(writers[i]);
    }
    return rc;
}

static enum rc
tell_published(struct site *s, const struct viz_head *head)
{
    struct svc_event event = {
        .type = "visual_preview.published",
        .tell = TELL_AUDIT,
        .resource_type = STR("visual_build"),
        .resource_id = str_z(head->id),
        .resource_name = str_z(head->name),
    };
    return svc_emit(s->t->db, s->ctx, &event);
}

/* Replaces what the build showed. */
static enum rc
publish(struct site *s, const struct viz_head *head)
{
    const struct db_result *res = NULL;
    struct db *db = s->t->db;
    struct db_arg org = DB_ARG_I64(s->ctx->who.org_id);
    unsigned char random[TOKEN_BYTES];
    char token[2 * TOKEN_BYTES + 1];
    struct str list;
    struct buf b;

    buf_init(&b, LIST_MAX);
    for (size_t i = 0; i < s->count; i++) {
        buf_putz(&b, i == 0 ? "[{" : ",{");
        json_put_member_str(&b, "path", s->pages[i].file->path);
        json_put_member_str(&b, "sha256", str_z(s->pages[i].sha256));
        buf_putc(&b, '}');
    }
    enum rc rc = finish_list(s, &b, &list);
    id_random(random, sizeof(random));
    id_hex(random, sizeof(random), token);
    rc = rc == RC_OK ? DB_QUERY(db, s->ctx, Q_VIZ_PREVIEW_LOCK, NULL, org) : rc;
    rc = rc == RC_OK ? DB_QUERY(db, s->ctx, Q_VIZ_PREVIEW_PUT, &res, org, DB_ARG_Z(head->id),
                                DB_ARG_Z(token), DB_ARG_STR(s->base), DB_ARG_I64((int64_t)s->count),
                                DB_ARG_I64(s->t->cfg->preview_us))
                     : rc;
    if (rc != RC_OK) {
        return rc;
    }
    s->token = db_str(res, 0, 0);
    s->expires_us = db_time_us(res, 0, 1);
    rc = DB_QUERY(db, s->ctx, Q_VIZ_PREVIEW_CLEAR, NULL, org, DB_ARG_Z(head->id));
    rc = rc == RC_OK ? DB_QUERY(db, s->ctx, Q_VIZ_PREVIEW_FILL, NULL, org, DB_ARG_Z(head->id),
                                DB_ARG_STR(list))
                     : rc;
    return rc == RC_OK ? tell_published(s, head) : rc;
}

static enum rc
in_tx(struct site *s, enum rc rc)
{
    if (rc == RC_OK) {
        return db_commit(s->t->db, s->ctx);
    }
    db_rollback(s->t->db, s->ctx);
    return rc;
}

/* What failed on the way of the archive is told by the request. */
static enum rc
take_failure(struct site *s, enum rc rc)
{
    if (rc != RC_OK) {
        s->ctx->err = s->large.err;
        s->ctx->err.msg = arena_str(s->ctx->arena, s->large.err.msg);
        s->ctx->err.detail = arena_str(s->ctx->arena, s->large.err.detail);
    }
    return rc;
}

static enum rc
host(struct site *s, const struct viz_head *head, struct str key)
{
    enum rc rc = take_failure(s, read_archive(s, key));

    rc = rc == RC_OK ? db_begin(s->t->db, s->ctx) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    rc = in_tx(s, announce(s));
    rc = rc == RC_OK ? take_failure(s, put_contents(s)) : rc;
    rc = rc == RC_OK ? db_begin(s->t->db, s->ctx) : rc;
    return rc == RC_OK ? in_tx(s, publish(s, head)) : rc;
}

/* --- the call ------------------------------------------------------------------------------ */

static enum rc
answer(struct site *s, Assay__UploadSdkPreviewResponse *resp)
{
    struct ctx *ctx = s->ctx;

    resp->preview_url = viz_preview_url(ctx, s->token, s->base);
    resp->uploaded = (int64_t)s->count;
    resp->total_bytes = s->packed;
    resp->new_bytes = s->put_packed;
    resp->reused_blobs = (int64_t)s->count - s->put_count;
    resp->deduplication_ratio = (double)resp->reused_blobs / (double)s->count;
    resp->base_path =
        s->base.n == 0 ? NULL
                       : pb_strz(ctx->arena, arena_printf(ctx->arena, "/%.*s", STR_ARG(s->base)));
    resp->expires_at = s->expires_us;
    return arena_failed(ctx->arena) ? no_memory(ctx) : RC_OK;
}

/* The archive has been read, or is of no use. */
static void
drop_archive(struct tests *t, struct ctx *ctx, struct str key)
{
    struct err stands = ctx->err;

    ctx_recover(ctx);
    if (blob_delete(t->blobs, ctx, key) != RC_OK) {
        ctx_recover(ctx); /* what is left costs room, no more */
    }
    ctx->err = stands;
}

static enum rc
take(struct tests *t, struct ctx *ctx, const Assay__UploadSdkPreviewRequest *req,
     Assay__UploadSdkPreviewResponse *resp)
{
    struct viz_head head;
    struct site s = {.t = t, .ctx = ctx};

    enum rc rc = viz_build_head(t, ctx, req->build_id, &head);
    rc = rc == RC_OK ? viz_check_quota(t, ctx) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    struct arena *arena = arena_new(ARCHIVE_MAX + FILE_MAX + 4 * LIST_MAX);
    if (arena == NULL) {
        return no_memory(ctx);
    }
    ctx_init(&s.large, arena);
    s.large.deadline_us = ctx->deadline_us;
    rc = host(&s, &head, str_z(req->file->key));
    rc = rc == RC_OK ? answer(&s, resp) : rc;
    arena_free(arena);
    return rc;
}

enum rc
tests_upload_sdk_preview(struct tests *t, struct ctx *ctx,
                         const Assay__UploadSdkPreviewRequest *req,
                         Assay__UploadSdkPreviewResponse *resp)
{
    enum rc rc = viz_preview_begin(t->viz, ctx);

    if (rc == RC_OK) {
        rc = take(t, ctx, req, resp);
        viz_preview_end(t->viz);
    }
    drop_archive(t, ctx, str_z(req->file->key));
    return rc;
}
