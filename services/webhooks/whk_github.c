/* SPDX-License-Identifier: Apache-2.0
 *
 * GitHub is told of runs that name a commit: a commit status per suite, and one comment per pull
 * request that is written anew, never a second one. Events wait, are tried again and are logged
 * like those of any endpoint; a loop of its own takes them, because one event is several requests.
 *
 * The comment's row is held while the comment is written, so two runs that end together write one
 * after the other. Whose process died between making the comment and noting its number finds it by
 * its mark. */
#include "webhooks/webhooks.h"
#include "webhooks/whk_github_store.h"
#include "webhooks/whk_github_text.h"
#include "webhooks/whk_message.h"
#include "webhooks/whk_notice.h"
#include "webhooks/whk_settings.h"
#include "webhooks/whk_store.h"

#define PAGES_MAX 10
#define PER_PAGE 100
#define ERROR_MAX 500
#define REQUESTS_MAX 6 /* the lease covers so many time-outs */

struct github {
    struct webhooks *w;
    struct ctx *ctx;
    struct str token, repo;
    struct whk_run run;
    struct whk_outcome *outcome; /* of the last request */
};

/* --- one request --------------------------------------------------------------------------- */

/* GitHub says "slow down" with 403 too. */
static bool
is_rate_limit(const struct http_response *resp)
{
    return resp->status == 429 ||
           (resp->status == 403 && (http_header_get(resp, "Retry-After").n > 0 ||
                                    str_eqz(http_header_get(resp, "X-RateLimit-Remaining"), "0")));
}

static void
note_answer(struct github *g, const char *what, const struct http_response *resp)
{
    struct whk_outcome *o = g->outcome;

    o->status = resp->status;
    o->end = resp->status >= 200 && resp->status < 300 ? WHK_DELIVERED
             : resp->status == 422                     ? WHK_REFUSED /* this event, not the next */
                                                       : WHK_RETRY;
    o->retry_after_us =
        is_rate_limit(resp) ? whk_retry_after_us(429, http_header_get(resp, "Retry-After")) : 0;
    if (whk_excerpt(g->ctx->arena, resp->body, &o->excerpt) != RC_OK) {
        o->excerpt = STR_EMPTY;
    }
    o->error =
        o->end == WHK_DELIVERED
            ? STR_EMPTY
            : arena_printf(g->ctx->arena, "%s: GitHub answered with status %d", what, resp->status);
}

/* True when it answered 2xx; else the outcome says why. *out_status: 0 without an answer. */
static bool
call(struct github *g, const char *what, const char *method, struct str path, struct str body,
     const struct json_value **out, int *out_status)
{
    struct ctx *ctx = g->ctx;
    struct str base = str_z(g->w->cfg->github_url);
    const struct http_header headers[] = {
        {STR("Authorization"), arena_printf(ctx->arena, "Bearer %.*s", STR_ARG(g->token))},
        {STR("Accept"), STR("application/vnd.github+json")},
        {STR("X-GitHub-Api-Version"), STR("2022-11-28")},
        {STR("Content-Type"), STR("application/json")},
    };
    struct http_request req = {.method = method,
                               .headers = headers,
                               .header_count = ARRAY_LEN(headers),
                               .body = body,
                               .has_body = body.n > 0};
    struct http_response resp = {0};

    base = base.n > 0 && base.p[base.n - 1] == '/' ? str_sub(base, 0, base.n - 1) : base;
    req.url = arena_printf(ctx->arena, "%.*s/repos/%.*s%.*s", STR_ARG(base), STR_ARG(g->repo),
                           STR_ARG(path));
    *out_status = 0;
    if (http_send(g->w->github, ctx, &req, &resp) != RC_OK) {
        g->outcome->end = WHK_RETRY;
        g->outcome->status = 0;
        g->outcome->error = str_sub(
            arena_printf(ctx->arena, "%s: %.*s", what, STR_ARG(ctx->err.msg)), 0, ERROR_MAX);
        ctx_recover(ctx);
        return false;
    }
    *out_status = resp.status;
    note_answer(g, what, &resp);
    if (g->outcome->end == WHK_DELIVERED && out != NULL &&
        json_parse(resp.body, ctx->arena, out, NULL) != RC_OK) {
        g->outcome->end = WHK_RETRY;
        g->outcome->error = arena_printf(ctx->arena, "%s: the answer is no JSON", what);
    }
    return g->outcome->end == WHK_DELIVERED;
}

/* --- commit status and pull request -------------------------------------------------------- */

static bool
set_status(struct github *g)
{
    struct str path = arena_printf(g->ctx->arena, "/statuses/%.*s", STR_ARG(g->run.sha));
    int status = 0;

    return call(g, "commit status", "POST", path, whk_status_body(g->ctx, &g->run), NULL, &status);
}

/* The open pull request of the commit, when the run's metadata names none. */
static bool
find_pull(struct github *g)
{
    struct str path = arena_printf(g->ctx->arena, "/commits/%.*s/pulls", STR_ARG(g->run.sha));
    const struct json_value *pulls = NULL;
    int status = 0;

    if (g->run.pull > 0) {
        return true;
    }
    if (!call(g, "pull requests", "GET", path, STR_EMPTY, &pulls, &status)) {
        return false;
    }
    for (size_t i = 0; i < (json_is(pulls, JSON_ARRAY) ? pulls->count : 0); i++) {
        const struct json_value *pull = json_at(pulls, i);
        if (str_eqz(json_str(json_get(pull, "state")), "open")) {
            g->run.pull = json_i64(json_get(pull, "number"), 0);
            break;
        }
    }
    return true;
}

/* --- the comment --------------------------------------------------------------------------- */

/* *out_id stays 0 when there is none. */
static bool
find_comment(struct github *g, int64_t *out_id)
{
    for (int page = 1; page <= PAGES_MAX && *out_id == 0; page++) {
        struct str path = arena_printf(g->ctx->arena, "/issues/%lld/comments?per_page=%d&page=%d",
                                       (long long)g->run.pull, PER_PAGE, page);
        const struct json_value *comments = NULL;
        int status = 0;
        if (!call(g, "comments", "GET", path, STR_EMPTY, &comments, &status)) {
            return false;
        }
        size_t n = json_is(comments, JSON_ARRAY) ? comments->count : 0;
        for (size_t i = 0; i < n && *out_id == 0; i++) {
            const struct json_value *c = json_at(comments, i);
            if (str_starts(json_str(json_get(c, "body")), STR(WHK_GITHUB_MARK))) {
                *out_id = json_i64(json_get(c, "id"), 0);
            }
        }
        if (n < PER_PAGE) {
            break;
        }
    }
    return true;
}

static bool
make_comment(struct github *g, struct str body, int64_t *out_id)
{
    struct str path = arena_printf(g->ctx->arena, "/issues/%lld/comments", (long long)g->run.pull);
    const struct json_value *made = NULL;
    int status = 0;

    if (!call(g, "comment", "POST", path, body, &made, &status)) {
        return false;
    }
    *out_id = json_i64(json_get(made, "id"), 0);
    return true;
}

static bool
write_comment(struct github *g, struct str body, int64_t *id)
{
    int status = 0;

    if (*id == 0 && !find_comment(g, id)) {
        return false;
    }
    if (*id == 0) {
        return make_comment(g, body, id);
    }
    struct str path = arena_printf(g->ctx->arena, "/issues/comments/%lld", (long long)*id);
    if (call(g, "comment", "PATCH", path, body, NULL, &status)) {
        return true;
    }
    /* Somebody deleted it, or it is a copy of the mark in a comment that is not ours to write. */
    return (status == 404 || status == 403) && make_comment(g, body, id);
}

static enum rc
comment_in_tx(struct github *g)
{
    struct whk_result *results = NULL;
    size_t n = 0;
    int64_t id = 0;
    struct db *db = g->w->db;

    enum rc rc = whk_github_hold(db, g->ctx, g->repo, &g->run, &id);
    rc = rc == RC_OK ? whk_github_results(db, g->ctx, g->repo, &g->run, &results, &n) : rc;
    if (rc != RC_OK || !write_comment(g, whk_comment_body(g->ctx, results, n), &id)) {
        return rc;
    }
    return whk_github_comment_set(db, g->ctx, g->repo, g->run.pull, id);
}

/* --- one event ----------------------------------------------------------------------------- */

static enum rc
comment(struct github *g)
{
    if (!find_pull(g) || g->run.pull == 0) {
        return RC_OK;
    }
    enum rc rc = db_begin(g->w->db, g->ctx);
    if (rc != RC_OK) {
        return rc;
    }
    rc = comment_in_tx(g);
    if (rc != RC_OK) {
        db_rollback(g->w->db, g->ctx);
        return rc;
    }
    return db_commit(g->w->db, g->ctx);
}

static enum rc
tell(struct github *g, const struct whk_job *job)
{
    struct whk_settings settings = {.values = {STR_EMPTY}};
    bool told = false;

    enum rc rc = whk_settings_read(g->w, g->ctx, &settings);
    rc = rc == RC_OK ? whk_run_read(g->ctx, job->body, &g->run, &told) : rc;
    g->token = settings.values[SET_GITHUB_TOKEN];
    g->repo = settings.values[SET_GITHUB_REPO];
    if (rc != RC_OK || !told || g->token.n == 0 || g->repo.n == 0) {
        return rc;
    }
    return set_status(g) && g->run.ended ? comment(g) : RC_OK;
}

static void
attempt(struct webhooks *w, struct ctx *ctx, const struct whk_job *job, struct whk_outcome *out)
{
    struct github g = {.w = w, .ctx = ctx, .outcome = out};
    int64_t start_us = clk_mono_us();

    *out = (struct whk_outcome){.delivery_id = job->delivery_id,
                                .endpoint_id = job->endpoint_id,
                                .attempt = job->attempt,
                                .was_failing = job->failing,
                                .end = WHK_DELIVERED};
    ctx->who.org_id = job->org_id;
    enum rc rc = tell(&g, job);
    ctx->who.org_id = 0;
    if (rc != RC_OK) {
        out->end = WHK_RETRY;
        out->error =
            str_sub(arena_printf(ctx->arena, "%s: %.*s", ctx->err.reason, STR_ARG(ctx->err.msg)), 0,
                    ERROR_MAX);
        ctx_recover(ctx);
    }
    out->took_us = clk_mono_us() - start_us;
    met_add(w->attempts, out->end == WHK_DELIVERED ? 0 : 1, 0, 1);
}

/* --- the loop ------------------------------------------------------------------------------ */

static enum rc
claim_one(struct webhooks *w, struct ctx *ctx, bool failing, struct whk_job **out, size_t *out_n)
{
    static const struct str KINDS[] = {STR_INIT(WHK_KIND_GITHUB)};
    const struct whk_claim claim = {.limit = 1,
                                    .failing = failing,
                                    .kinds = KINDS,
                                    .kind_count = ARRAY_LEN(KINDS),
                                    .lease_us = REQUESTS_MAX * w->cfg->timeout_us + whk_lease_us(w),
                                    .retry = &w->retry};
    enum rc rc = db_begin(w->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = whk_claim(w->db, ctx, &claim, out, out_n);
    if (rc != RC_OK) {
        db_rollback(w->db, ctx);
        return rc;
    }
    return db_commit(w->db, ctx);
}

static enum rc
store(struct webhooks *w, struct ctx *ctx, const struct whk_outcome *outcome)
{
    struct whk_hopeless *hopeless = NULL;
    size_t count = 0;
    enum rc rc = db_begin(w->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = whk_record(w->db, ctx, outcome, 1, &w->retry, w->cfg->disable_after_us, &hopeless, &count);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        rc = whk_disable_and_tell(w, ctx, &hopeless[i]);
    }
    if (rc != RC_OK) {
        db_rollback(w->db, ctx);
        return rc;
    }
    return db_commit(w->db, ctx);
}

bool
whk_github(void *state, struct ctx *ctx)
{
    struct webhooks *w = state;
    struct whk_job *job = NULL;
    struct whk_outcome outcome;
    size_t n = 0;

    /* A failure stands in ctx and is logged by the loop. */
    enum rc rc = claim_one(w, ctx, false, &job, &n);
    rc = rc == RC_OK && n == 0 ? claim_one(w, ctx, true, &job, &n) : rc;
    if (rc != RC_OK || n == 0) {
        return false;
    }
    attempt(w, ctx, job, &outcome);
    return store(w, ctx, &outcome) == RC_OK;
}
