/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pictures need not be sent: the screenshots of those are made here. */
#include <string.h>

#include "tests/vizzly/viz.h"
#include "tests_sql.h"

#define LIST_MAX ((size_t)16 * 1024 * 1024)

struct check {
    const Assay__CheckSdkShasRequest *req;
    size_t count;
    bool by_signature;
    struct viz_shot *asked;
    struct viz_shot *found; /* records to make */
    bool *is_found;
    bool *is_known;         /* the picture is stored, maybe under another signature */
    struct str *asked_for;  /* the signature asked for, where it is stored under another one ... */
    struct str *stored_for; /* ... and that one; empty: of another project */
};

/* Properties come first, because the picture that may be sent after this has nothing else. */
static enum rc
read_one(struct ctx *ctx, const Assay__SdkShaCheck *in, struct viz_shot *shot)
{
    enum rc rc = viz_check_name(ctx, "screenshots[].name", str_z(in->name));

    shot->name = str_z(in->name);
    if (rc == RC_OK && in->has_properties) {
        struct str json = str_n((const char *)in->properties.data, in->properties.len);
        rc = viz_take_properties(ctx, json, shot);
    }
    shot->browser = shot->browser.n > 0 ? shot->browser : str_z(in->browser);
    shot->url = shot->url.n > 0 ? shot->url : str_z(in->url);
    if (shot->viewport_width == 0 && in->has_viewport_width) {
        shot->viewport_width = in->viewport_width;
    }
    if (shot->viewport_height == 0 && in->has_viewport_height) {
        shot->viewport_height = in->viewport_height;
    }
    viz_identify_default(shot);
    return rc;
}

static enum rc
read_asked(struct ctx *ctx, struct check *c)
{
    const Assay__CheckSdkShasRequest *req = c->req;

    c->by_signature = req->n_screenshots > 0;
    c->count = c->by_signature ? req->n_screenshots : req->n_shas;
    c->asked = ARENA_ARRAY(ctx->arena, c->count + 1, struct viz_shot);
    c->is_known = ARENA_ARRAY(ctx->arena, c->count + 1, bool);
    c->asked_for = ARENA_ARRAY(ctx->arena, c->count + 1, struct str);
    c->stored_for = ARENA_ARRAY(ctx->arena, c->count + 1, struct str);
    if (c->asked == NULL || c->is_known == NULL || c->asked_for == NULL || c->stored_for == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    enum rc rc = RC_OK;
    for (size_t i = 0; rc == RC_OK && i < c->count; i++) {
        struct viz_shot *shot = &c->asked[i];
        shot->sha256 = str_z(c->by_signature ? req->screenshots[i]->sha256 : req->shas[i]);
        rc = c->by_signature ? read_one(ctx, req->screenshots[i], shot) : RC_OK;
    }
    return rc;
}

static enum rc
mark_known(struct tests *t, struct ctx *ctx, struct check *c)
{
    const struct db_result *res = NULL;
    struct str *shas = ARENA_ARRAY(ctx->arena, c->count + 1, struct str);

    if (shas == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < c->count; i++) {
        shas[i] = c->asked[i].sha256;
    }
    enum rc rc = DB_QUERY(t->db, ctx, Q_VIZ_IMAGES_KNOWN, &res, DB_ARG_I64(ctx->who.org_id),
                          DB_ARG_STRS(shas, c->count));
    for (int k = 0; rc == RC_OK && k < db_rows(res); k++) {
        struct str sha = db_str(res, k, 0);
        for (size_t i = 0; i < c->count; i++) {
            c->is_known[i] = c->is_known[i] || str_eq(c->asked[i].sha256, sha);
        }
    }
    return rc;
}

/* Of those that are stored but under another signature: both. */
static enum rc
tell_apart(struct tests *t, struct ctx *ctx, struct check *c, int64_t project_id)
{
    const struct db_result *res = NULL;
    struct buf b;
    size_t n = 0;

    buf_init(&b, LIST_MAX);
    buf_putc(&b, '[');
    for (size_t i = 0; i < c->count; i++) {
        if (!c->is_found[i] && c->is_known[i]) {
            buf_putz(&b, n++ == 0 ? "{" : ",{");
            json_put_member_i64(&b, "n", (int64_t)i);
            json_put_member_str(&b, "sha256", c->asked[i].sha256);
            json_put_member_str(&b, "name", c->asked[i].name);
            json_put_member_str(&b, "browser", c->asked[i].browser);
            json_put_member_i64(&b, "viewport_width", c->asked[i].viewport_width);
            buf_putc(&b, '}');
        }
    }
    buf_putc(&b, ']');
    bool ok = !buf_failed(&b);
    struct str list = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    if (!ok || arena_failed(ctx->arena)) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", "too many screenshots at once");
    }
    enum rc rc = n == 0 ? RC_OK
                        : DB_QUERY(t->db, ctx, Q_VIZ_SIGNATURES, &res, DB_ARG_I64(ctx->who.org_id),
                                   DB_ARG_I64(project_id), DB_ARG_STR(list));
    for (int i = 0; rc == RC_OK && n > 0 && i < db_rows(res); i++) {
        size_t at = (size_t)db_i64(res, i, 0);
        c->asked_for[at] = db_str(res, i, 1);
        c->stored_for[at] = db_str(res, i, 2);
    }
    return rc;
}

/* What was said of pictures still to come: the bytes will carry less. */
static enum rc
announce(struct tests *t, struct ctx *ctx, const struct check *c)
{
    struct buf b;
    size_t missing = 0;

    buf_init(&b, LIST_MAX);
    buf_putc(&b, '[');
    for (size_t i = 0; c->by_signature && i < c->count; i++) {
        const struct viz_shot *shot = &c->asked[i];
        if (c->is_found[i]) {
            continue;
        }
        buf_putz(&b, missing++ == 0 ? "{" : ",{");
        json_put_member_str(&b, "sha256", shot->sha256);
        json_put_member_str(&b, "name", shot->name);
        json_put_member_str(&b, "browser", shot->browser);
        json_put_member_i64(&b, "viewport_width", shot->viewport_width);
        if (shot->viewport_height > 0) {
            json_put_member_i64(&b, "viewport_height", shot->viewport_height);
        }
        if (shot->url.n > 0) {
            json_put_member_str(&b, "url", shot->url);
        }
        if (shot->properties.n > 0) {
            json_put_key(&b, "properties");
            buf_put(&b, shot->properties);
        }
        buf_putc(&b, '}');
    }
    buf_putc(&b, ']');
    bool ok = !buf_failed(&b);
    struct str list = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    if (!ok || arena_failed(ctx->arena)) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", "too many screenshots at once");
    }
    return missing == 0 ? RC_OK
                        : DB_QUERY(t->db, ctx, Q_VIZ_ANNOUNCE, NULL, DB_ARG_I64(ctx->who.org_id),
                                   DB_ARG_Z(c->req->build_id), DB_ARG_STR(list));
}

/* --- the records --------------------------------------------------------------------------- */

static enum rc
add_found(struct tests *t, struct ctx *ctx, const struct check *c, struct viz_shot **out,
          size_t *out_count)
{
    struct viz_shot *shots = ARENA_ARRAY(ctx->arena, c->count + 1, struct viz_shot);
    size_t n = 0;
    int64_t count = 0;
    char *status = NULL;

    if (shots == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->is_found[i]) {
            shots[n] = c->found[i];
            if (c->asked[i].properties.n > 0) { /* what is said of this one goes before */
                shots[n].properties = c->asked[i].properties;
                shots[n].url = c->asked[i].url.n > 0 ? c->asked[i].url : shots[n].url;
            }
            n++;
        }
    }
    *out = shots;
    *out_count = n;
    return n == 0 ? RC_OK : viz_add(t, ctx, c->req->build_id, shots, n, &count, &status);
}

/* --- the answer ---------------------------------------------------------------------------- */

/* A hash is told as existing when nothing with it has to be sent: the client looks at hashes alone.
 */
static bool
is_complete(const struct check *c, struct str sha)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!c->is_found[i] && str_eq(c->asked[i].sha256, sha)) {
            return false;
        }
    }
    return true;
}

static char *
reason_of(struct ctx *ctx, const struct check *c, size_t i)
{
    struct str stored = c->stored_for[i];

    if (!c->is_known[i]) {
        return pb_strz(ctx->arena, STR("SHA not found"));
    }
    stored = stored.n > 0 ? stored : STR("another project");
    return pb_strz(ctx->arena, arena_printf(ctx->arena, "Different signature (%.*s vs %.*s)",
                                            STR_ARG(stored), STR_ARG(c->asked_for[i])));
}

static enum rc
answer_results(struct ctx *ctx, const struct check *c, Assay__CheckSdkShasResponse *resp)
{
    Assay__SdkShaResult *results = ARENA_ARRAY(ctx->arena, c->count + 1, Assay__SdkShaResult);

    resp->results = ARENA_ARRAY(ctx->arena, c->count + 1, Assay__SdkShaResult *);
    if (results == NULL || resp->results == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < c->count; i++) {
        Assay__SdkShaResult *r = &results[i];
        assay__sdk_sha_result__init(r);
        r->sha256 = pb_strz(ctx->arena, c->asked[i].sha256);
        r->exists = c->is_known[i];
        r->reusable = c->is_found[i];
        if (!c->is_found[i]) {
            r->reason = reason_of(ctx, c, i);
        }
        resp->results[resp->n_results++] = r;
    }
    return RC_OK;
}

static enum rc
answer_screenshots(struct ctx *ctx, const struct viz_shot *shots, size_t count,
                   Assay__CheckSdkShasResponse *resp)
{
    Assay__SdkReusedScreenshot *list =
        ARENA_ARRAY(ctx->arena, count + 1, Assay__SdkReusedScreenshot);

    resp->screenshots = ARENA_ARRAY(ctx->arena, count + 1, Assay__SdkReusedScreenshot *);
    if (list == NULL || resp->screenshots == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < count; i++) {
        Assay__SdkReusedScreenshot *m = &list[i];
        assay__sdk_reused_screenshot__init(m);
        m->id = shots[i].id;
        m->name = pb_strz(ctx->arena, shots[i].name);
        m->sha256 = pb_strz(ctx->arena, shots[i].sha256);
        m->from_existing = 1;
        m->already_existed = !shots[i].is_new;
        resp->summary->screenshots_created += shots[i].is_new;
        resp->screenshots[resp->n_screenshots++] = m;
    }
    return RC_OK;
}

static enum rc
answer_lists(struct ctx *ctx, const struct check *c, Assay__CheckSdkShasResponse *resp)
{
    resp->existing = ARENA_ARRAY(ctx->arena, c->count + 1, char *);
    resp->missing = ARENA_ARRAY(ctx->arena, c->count + 1, char *);
    resp->summary = PB_NEW(ctx->arena, Assay__SdkShaSummary, assay__sdk_sha_summary);
    if (resp->existing == NULL || resp->missing == NULL || resp->summary == NULL) {
        return fail_memory(ctx, "too many screenshots");
    }
    for (size_t i = 0; i < c->count; i++) {
        char *sha = pb_strz(ctx->arena, c->asked[i].sha256);
        if (is_complete(c, c->asked[i].sha256)) {
            resp->existing[resp->n_existing++] = sha;
        } else {
            resp->missing[resp->n_missing++] = sha;
        }
    }
    resp->summary->total_checked = (int64_t)c->count;
    resp->summary->existing_count = (int64_t)resp->n_existing;
    resp->summary->missing_count = (int64_t)resp->n_missing;
    resp->summary->format_used =
        pb_strz(ctx->arena, c->by_signature ? STR("signature-based") : STR("legacy-sha-only"));
    return RC_OK;
}

enum rc
tests_check_sdk_shas(struct tests *t, struct ctx *ctx, const Assay__CheckSdkShasRequest *req,
                     Assay__CheckSdkShasResponse *resp)
{
    struct check c = {.req = req};
    struct viz_head head;
    struct viz_shot *shots = NULL;
    size_t n = 0;

    enum rc rc = read_asked(ctx, &c);
    rc = rc == RC_OK ? viz_build_head(t, ctx, req->build_id, &head) : rc;
    rc = rc == RC_OK ? viz_reuse(t, ctx, head.project_id, c.asked, c.count, &c.found, &c.is_found)
                     : rc;
    rc = rc == RC_OK ? mark_known(t, ctx, &c) : rc;
    rc = rc == RC_OK && c.by_signature ? tell_apart(t, ctx, &c, head.project_id) : rc;
    rc = rc == RC_OK ? announce(t, ctx, &c) : rc;
    rc = rc == RC_OK ? add_found(t, ctx, &c, &shots, &n) : rc;
    rc = rc == RC_OK ? answer_lists(ctx, &c, resp) : rc;
    rc = rc == RC_OK && c.by_signature ? answer_results(ctx, &c, resp) : rc;
    return rc == RC_OK ? answer_screenshots(ctx, shots, n, resp) : rc;
}
