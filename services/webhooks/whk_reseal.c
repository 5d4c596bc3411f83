/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_reseal.h"

#include "svc/svc.h"
#include "webhooks/whk_seal.h"
#include "webhooks/whk_store_operate.h"

#define PAGE_ARENA_MAX ((size_t)16 << 20)
#define PAGE_US (30 * ASSAY_US_PER_S)

/* Through one table, page by page. */
struct walk {
    struct db *db;
    const struct seal_ring *ring;
    enum rc (*page)(struct db *db, struct ctx *ctx, const struct whk_sealed *after,
                    struct whk_sealed **out, size_t *out_count);
    struct arena *names;    /* where last.name lives */
    struct whk_sealed last; /* the next page begins behind it */
    size_t count;           /* of the last page */
    struct whk_reseal *done;
};

/* Seals `*value` of this place anew. */
static enum rc
reseal(const struct seal_ring *ring, struct ctx *ctx, const struct whk_sealed *at,
       struct str *value)
{
    struct str plain = STR_EMPTY;

    if (value->n == 0) {
        return RC_OK;
    }
    if (at->name.n == 0) {
        enum rc rc = whk_unseal(ring, ctx, at->id, *value, &plain);
        return rc == RC_OK ? whk_seal(ring, ctx, at->id, plain, value) : rc;
    }
    enum rc rc = whk_unseal_setting(ring, ctx, at->id, at->name, *value, &plain);
    return rc == RC_OK ? whk_seal_setting(ring, ctx, at->id, at->name, plain, value) : rc;
}

static enum rc
reseal_one(struct walk *w, struct ctx *ctx, struct whk_sealed *v)
{
    enum rc rc = reseal(w->ring, ctx, v, &v->sealed);

    rc = rc == RC_OK ? reseal(w->ring, ctx, v, &v->old) : rc;
    if (rc == RC_DATA_LOSS) {
        ctx_recover(ctx);
        log_line(LOG_ERROR_LEVEL, ctx, "reseal_lost", "a value is of none of the keys",
                 LOG_I64(v->name.n > 0 ? "org" : "webhook", v->id), LOG_STR("setting", v->name));
        w->done->lost++;
        return RC_OK;
    }
    w->done->sealed += rc == RC_OK ? 1 : 0;
    return rc == RC_OK ? whk_sealed_set(w->db, ctx, v) : rc;
}

static enum rc
reseal_page(struct walk *w, struct ctx *ctx)
{
    struct whk_sealed *rows = NULL;
    enum rc rc = w->page(w->db, ctx, &w->last, &rows, &w->count);

    for (size_t i = 0; rc == RC_OK && i < w->count; i++) {
        w->last = (struct whk_sealed){.id = rows[i].id, .name = arena_str(w->names, rows[i].name)};
        rc = reseal_one(w, ctx, &rows[i]);
    }
    return rc;
}

static enum rc
commit(struct db *db, struct ctx *ctx, enum rc rc)
{
    if (rc != RC_OK) {
        db_rollback(db, ctx);
        return rc;
    }
    return db_commit(db, ctx);
}

/* The memory and the time of each page are its own. */
static enum rc
reseal_table(struct walk *w, struct ctx *ctx)
{
    enum rc rc = RC_OK;

    do {
        struct arena *arena = arena_new(PAGE_ARENA_MAX);
        if (arena == NULL) {
            return fail_memory(ctx, "the request needs too much memory");
        }
        struct ctx own = *ctx;
        own.arena = arena;
        own.deadline_us = clk_wall_us() + PAGE_US;
        rc = db_begin(w->db, &own);
        rc = rc == RC_OK ? commit(w->db, &own, reseal_page(w, &own)) : rc;
        if (rc != RC_OK) {
            rc = fail(ctx, rc, own.err.reason, "%.*s", STR_ARG(own.err.msg));
        }
        arena_free(arena);
    } while (rc == RC_OK && w->count > 0);
    return rc;
}

static enum rc
tell(struct db *db, struct ctx *ctx, const struct whk_reseal *done)
{
    struct svc_event event = {
        .type = "webhook.secrets_resealed",
        .tell = TELL_AUDIT,
        .resource_type = STR("secret_key"),
        .resource_id = STR("webhooks"),
        .details = arena_printf(ctx->arena, "%lld sealed anew, %lld lost", (long long)done->sealed,
                                (long long)done->lost),
    };
    enum rc rc = db_begin(db, ctx);

    return rc == RC_OK ? commit(db, ctx, svc_emit(db, ctx, &event)) : rc;
}

enum rc
whk_reseal_all(struct db *db, struct ctx *ctx, const struct seal_ring *ring, struct whk_reseal *out)
{
    struct walk endpoints = {
        .db = db, .ring = ring, .page = whk_sealed_endpoints, .names = ctx->arena, .done = out};
    struct walk settings = endpoints;

    *out = (struct whk_reseal){.sealed = 0};
    settings.page = whk_sealed_settings;
    enum rc rc = reseal_table(&endpoints, ctx);
    rc = rc == RC_OK ? reseal_table(&settings, ctx) : rc;
    return rc == RC_OK ? tell(db, ctx, out) : rc;
}
