/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/vizzly/viz_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "tests_sql.h"

/* Claimed at once: enough that the round trips do not count, few enough that every thread of every
 * replica has something to do. */
#define CLAIM_MAX 8
#define RESULT_MAX ((size_t)2 * 1024 * 1024)
#define RESULTS_MAX (CLAIM_MAX * RESULT_MAX)
#define REGIONS_TOLD_MAX 200
#define FILE_KEY_BYTES 16
/* When the store does not answer. */
#define STORE_WAIT_US (5 * ASSAY_US_PER_S)

struct pair {
    int64_t id, org_id, fence, attempts;
    char *base, *current; /* blobs */
    double colour_delta;
    int64_t cluster_min;
    /* out: */
    struct buf result;           /* a JSON object, not closed yet */
    struct blob_writer *picture; /* of what differs, not stored yet; NULL: none */
    bool done;
    bool waited; /* the store was away: no attempt */
};

/* --- one pair ------------------------------------------------------------------------------ */

static void
put_box(struct buf *b, const struct visual_region *r)
{
    json_put_member_i64(b, "x1", r->box.x);
    json_put_member_i64(b, "y1", r->box.y);
    json_put_member_i64(b, "x2", (int64_t)r->box.x + r->box.w);
    json_put_member_i64(b, "y2", (int64_t)r->box.y + r->box.h);
}

static void
put_regions(struct buf *b, const struct visual_result *result)
{
    size_t n = result->region_count < REGIONS_TOLD_MAX ? result->region_count : REGIONS_TOLD_MAX;

    json_put_key(b, "regions");
    buf_putc(b, '[');
    for (size_t i = 0; i < n; i++) {
        const struct visual_region *r = &result->regions[i];
        buf_putz(b, i == 0 ? "{" : ",{");
        put_box(b, r);
        json_put_member_i64(b, "pixels", (int64_t)r->pixels);
        json_put_member_str(b, "class", str_z(visual_class_name(r->kind)));
        if (r->kind == VISUAL_CLASS_MOVED) {
            json_put_member_i64(b, "dx", r->dx);
            json_put_member_i64(b, "dy", r->dy);
        }
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
    json_put_key(b, "bands");
    buf_putc(b, '[');
    for (size_t i = 0; i < result->region_count; i++) {
        const struct visual_rect *box = &result->regions[i].box;
        buf_printf(b, "%s%d,%d", i == 0 ? "" : ",", box->y, box->y + box->h);
    }
    buf_putc(b, ']');
}

/* The change as it looks, for finding it again elsewhere: that of the largest region. */
static void
put_fingerprint(struct buf *b, const struct visual_result *result)
{
    char hex[17];

    if (result->region_count > 0) {
        (void)snprintf(hex, sizeof(hex), "%016llx",
                       (unsigned long long)result->regions[0].fingerprint);
        json_put_member_str(b, "fingerprint", str_z(hex));
    }
}

static enum rc
write_picture(struct tests *t, struct ctx *ctx, struct str picture, struct blob_writer **out)
{
    struct blob_writer *writer = NULL;

    if (picture.n == 0) {
        return RC_OK;
    }
    enum rc rc = blob_begin(viz_blobs(t->viz), ctx, &writer);
    if (rc != RC_OK) {
        return rc;
    }
    rc = blob_write(writer, ctx, picture);
    if (rc != RC_OK) {
        blob_abort(writer);
        return rc;
    }
    *out = writer;
    return RC_OK;
}

static void
put_failed(struct buf *b, struct str why)
{
    json_put_member_str(b, "state", STR("failed"));
    json_put_member_str(b, "error", why);
}

static enum rc
put_result(struct tests *t, struct ctx *ctx, struct pair *p, const struct visual_result *result)
{
    struct buf *b = &p->result;

    json_put_member_str(b, "state", STR("done"));
    json_put_member_str(b, "verdict", str_z(visual_verdict_name(result->verdict)));
    json_put_member_i64(b, "diff_pixels", (int64_t)result->diff_pixels);
    json_put_key(b, "diff_percentage");
    json_put_f64(b, result->diff_percentage);
    json_put_key(b, "ssim");
    json_put_f64(b, result->ssim_picture);
    put_fingerprint(b, result);
    put_regions(b, result);
    return result->diff_pixels > 0 ? write_picture(t, ctx, result->picture, &p->picture) : RC_OK;
}

/* `colour_delta` 0: any difference of any pixel counts, in its place. */
static struct visual_options
options_of(const struct pair *p)
{
    struct visual_options options = VISUAL_OPTIONS_DEFAULT;
    bool exact = p->colour_delta <= 0;

    options.threshold = p->colour_delta;
    options.cluster_min = (uint32_t)p->cluster_min;
    options.tolerate_antialias = !exact;
    options.find_shifts = !exact;
    options.output = VISUAL_OUTPUT_PICTURE;
    return options;
}

static enum rc
compare(struct tests *t, struct ctx *ctx, struct visual *engine, struct pair *p)
{
    struct visual_options options = options_of(p);
    struct visual_result result;
    struct visual_error error;
    struct str base;
    struct str current;

    enum rc rc = blob_get(viz_blobs(t->viz), ctx, str_z(p->base), (size_t)VISUAL_BYTES_MAX, &base);
    if (rc == RC_OK) {
        rc =
            blob_get(viz_blobs(t->viz), ctx, str_z(p->current), (size_t)VISUAL_BYTES_MAX, &current);
    }
    if (rc == RC_NOT_FOUND) {
        ctx_recover(ctx);
        put_failed(&p->result, STR("a picture is gone from the store"));
        return RC_OK;
    }
    if (rc != RC_OK) {
        return rc; /* the store is away: the pair comes back when the lease is over */
    }
    rc = visual_compare(engine, base, current, &options, &result, &error);
    if (rc == RC_RESOURCE_EXHAUSTED && strcmp(error.reason, "NO_MEMORY") == 0) {
        return fail(ctx, rc, "OVERLOADED", "out of memory"); /* tried again, not for ever */
    }
    if (rc != RC_OK) {
        put_failed(&p->result, str_z(error.text));
        return RC_OK;
    }
    return put_result(t, ctx, p, &result);
}

/* The store is away, full or broken: nothing that the pair brought about. */
static bool
is_of_store(const struct err *err)
{
    return err->code == RC_UNAVAILABLE || err->code == RC_DEADLINE_EXCEEDED ||
           (err->reason != NULL &&
            (strcmp(err->reason, "DISK_FULL") == 0 || strcmp(err->reason, "BLOB_IO") == 0));
}

/* One pair with memory of its own. */
static enum rc
work(struct tests *t, struct ctx *ctx, struct visual *engine, struct pair *p)
{
    struct arena *arena = arena_new(2 * (size_t)VISUAL_BYTES_MAX + ((size_t)4 << 20));
    struct ctx inner;
    enum rc rc = RC_OK;

    if (arena == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    ctx_init(&inner, arena);
    inner.deadline_us = ctx->deadline_us;
    buf_putc(&p->result, '{');
    json_put_member_i64(&p->result, "id", p->id);
    json_put_member_i64(&p->result, "fence", p->fence);
    if (p->attempts > VIZ_ATTEMPTS_MAX) {
        put_failed(&p->result, STR("the comparison was begun several times and never finished"));
    } else {
        rc = compare(t, &inner, engine, p);
    }
    p->done = rc == RC_OK;
    p->waited = rc != RC_OK && is_of_store(&inner.err);
    if (rc != RC_OK) {
        rc = fail(ctx, rc, "BLOB_STORE", "%.*s", STR_ARG(inner.err.msg));
    }
    arena_free(arena);
    return rc;
}

/* --- pictures of what differs -------------------------------------------------------------- */

static void
put_picture(struct pair *p, const struct blob_info *info)
{
    unsigned char random[FILE_KEY_BYTES];
    char key[2 * FILE_KEY_BYTES + 1];

    id_random(random, sizeof(random));
    id_hex(random, sizeof(random), key);
    json_put_member_str(&p->result, "diff_blob", str_z(info->name));
    json_put_member_str(&p->result, "diff_key", str_z(key));
}

/* Stores all of them together: the disk is waited for once. Those that cannot be stored come back
 * when the lease is over. */
static enum rc
store_pictures(struct ctx *ctx, struct pair *pairs, int count)
{
    struct blob_writer *writers[CLAIM_MAX];
    struct str suffixes[CLAIM_MAX];
    struct blob_info infos[CLAIM_MAX];
    struct pair *of[CLAIM_MAX];
    size_t n = 0;

    for (int i = 0; i < count; i++) {
        if (pairs[i].picture != NULL) {
            of[n] = &pairs[i];
            suffixes[n] = arena_printf(ctx->arena, "-sdk-diff-%lld", (long long)pairs[i].org_id);
            writers[n++] = pairs[i].picture;
            pairs[i].picture = NULL;
        }
    }
    enum rc rc = n == 0 ? RC_OK : blob_commit_owned(writers, n, ctx, suffixes, infos);
    for (size_t i = 0; i < n; i++) {
        of[i]->done = of[i]->done && rc == RC_OK;
        of[i]->waited = rc != RC_OK;
        if (rc == RC_OK) {
            put_picture(of[i], &infos[i]);
        }
    }
    return rc;
}

/* --- results ------------------------------------------------------------------------------- */

static enum rc
tell_builds(struct tests *t, struct ctx *ctx, const struct db_result *res)
{
    size_t n = 0;
    struct str *builds = ARENA_ARRAY(ctx->arena, (size_t)db_rows(res) + 1, struct str);

    if (builds == NULL) {
        return fail_memory(ctx, "too many builds");
    }
    for (int i = 0; i < db_rows(res); i++) {
        bool seen = false;
        for (size_t k = 0; k < n; k++) {
            seen = seen || str_eq(builds[k], db_str(res, i, 0));
        }
        if (!seen) {
            builds[n++] = db_str(res, i, 0);
        }
    }
    return viz_tell_done(t, ctx, builds, n);
}

static enum rc
write_results(struct tests *t, struct ctx *ctx, struct str list)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_PAIRS_FINISH, &res, DB_ARG_STR(list));
    if (rc != RC_OK) {
        return rc;
    }
    size_t n = (size_t)db_rows(res);
    int64_t *ids = ARENA_ARRAY(ctx->arena, n + 1, int64_t);
    if (ids == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = db_i64(res, (int)i, 0);
    }
    rc = DB_QUERY(t->db, ctx, Q_VIZ_COMPARISONS_FINISH, &res, DB_ARG_I64S(ids, n));
    rc = rc == RC_OK ? viz_tell_regressions(t, ctx, res) : rc;
    return rc == RC_OK ? tell_builds(t, ctx, res) : rc;
}

/* Writes what was found of the pairs that are done. */
static enum rc
finish(struct tests *t, struct ctx *ctx, struct pair *pairs, int count)
{
    struct buf b;

    buf_init(&b, RESULTS_MAX);
    for (int i = 0; i < count; i++) {
        if (pairs[i].done && !buf_failed(&pairs[i].result)) {
            buf_putc(&b, b.n == 0 ? '[' : ',');
            buf_put(&b, buf_str(&pairs[i].result));
            buf_putc(&b, '}');
        }
    }
    if (b.n == 0) {
        return RC_OK;
    }
    buf_putc(&b, ']');
    bool whole = !buf_failed(&b);
    struct str list = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    if (!whole || arena_failed(ctx->arena)) {
        return fail_memory(ctx, "the results are too large");
    }
    enum rc rc = db_begin(t->db, ctx);
    rc = rc == RC_OK ? write_results(t, ctx, list) : rc;
    return rc == RC_OK ? db_commit(t->db, ctx) : rc; /* the loop rolls back */
}

/* --- the loop ------------------------------------------------------------------------------ */

static enum rc
claim(struct tests *t, struct ctx *ctx, struct pair pairs[CLAIM_MAX], int *out_count)
{
    const struct db_result *res = NULL;

    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_PAIRS_CLAIM, &res, DB_ARG_I64(CLAIM_MAX),
                          DB_ARG_I64(t->cfg->lease_us));
    if (rc != RC_OK) {
        return rc;
    }
    *out_count = db_rows(res);
    for (int i = 0; i < db_rows(res); i++) {
        pairs[i] = (struct pair){.id = db_i64(res, i, 0),
                                 .org_id = db_i64(res, i, 1),
                                 .fence = db_i64(res, i, 2),
                                 .base = db_strz(res, i, 3),
                                 .current = db_strz(res, i, 4),
                                 .colour_delta = db_f64(res, i, 5),
                                 .cluster_min = db_i64(res, i, 6),
                                 .attempts = db_i64(res, i, 7)};
    }
    return RC_OK;
}

static void
wake_others(struct tests *t)
{
    for (int64_t i = 1; i < t->cfg->compare_threads; i++) {
        char name[48];
        (void)snprintf(name, sizeof(name), LOOP_COMPARE "_%lld", (long long)i);
        svc_wake(t->svc, name);
    }
}

/* What the store kept us from, or what we did not come to, is no attempt. Soon somebody tries
 * again, and who asks meanwhile is told why it takes so long. */
static enum rc
give_back(struct tests *t, struct ctx *ctx, const struct pair *pairs, int count, struct str why)
{
    int64_t ids[CLAIM_MAX];
    int64_t fences[CLAIM_MAX];
    size_t n = 0;

    for (int i = 0; i < count; i++) {
        if (!pairs[i].done && pairs[i].waited) {
            ids[n] = pairs[i].id;
            fences[n++] = pairs[i].fence;
        }
    }
    return n == 0 ? RC_OK
                  : DB_QUERY(t->db, ctx, Q_VIZ_PAIRS_GIVE_BACK, NULL, DB_ARG_I64S(ids, n),
                             DB_ARG_I64S(fences, n), DB_ARG_I64(STORE_WAIT_US), DB_ARG_STR(why));
}

/* What fails first ends it: the store or the memory is away for the others as well. */
static void
compare_all(struct tests *t, struct ctx *ctx, struct visual *engine, struct pair *pairs, int count)
{
    enum rc rc = RC_OK;

    for (int i = 0; i < count; i++) {
        buf_init(&pairs[i].result, RESULT_MAX);
        pairs[i].waited = rc != RC_OK;
        rc = rc == RC_OK ? work(t, ctx, engine, &pairs[i]) : rc;
    }
    struct err stands = ctx->err;
    ctx_recover(ctx);
    if (store_pictures(ctx, pairs, count) == RC_OK) {
        ctx->err = stands;
    }
}

bool
viz_compare_some(void *state, struct ctx *ctx)
{
    struct tests *t = state;
    struct pair pairs[CLAIM_MAX];
    int n = 0;

    if (claim(t, ctx, pairs, &n) != RC_OK) {
        return false;
    }
    if (n == 0) {
        (void)viz_spare_remove(t, ctx); /* a failure stands in ctx, and is logged */
        return false;
    }
    if (n == CLAIM_MAX) {
        wake_others(t);
    }
    struct visual *engine = viz_engine_take(t->viz);
    if (engine == NULL) {
        (void)fail_memory(ctx, "the request needs too much memory");
        return true;
    }
    compare_all(t, ctx, engine, pairs, n);
    viz_engine_give(t->viz, engine);
    struct err stands = ctx->err;
    ctx_recover(ctx);
    if (give_back(t, ctx, pairs, n, stands.msg) == RC_OK && finish(t, ctx, pairs, n) == RC_OK) {
        ctx->err = stands;
    }
    for (int i = 0; i < n; i++) {
        buf_fini(&pairs[i].result);
    }
    return true;
}
