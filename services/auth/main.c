/* SPDX-License-Identifier: Apache-2.0
 *
 *     assay-auth                 serve (and what svc.h lists)
 *     assay-auth rotate-keys     publish a new signing key; it signs after ASSAY_KEY_PUBLISH
 *     assay-auth verify-audit    compute the chains of the audit log anew
 *     assay-auth reset-password EMAIL    print a link that sets a new password */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/aut_audit.h"
#include "auth/aut_feed.h"
#include "auth/aut_keys.h"
#include "auth/aut_mail.h"
#include "auth/aut_store.h"
#include "auth_sql.h"
#include "common_sql.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define COMMAND_US (3600 * ASSAY_US_PER_S) /* a long log takes a while to compute */
#define START_US (30 * ASSAY_US_PER_S)

static const char *const MAIL_RESULTS[] = {"sent", "deferred", "given_up"};

static struct auth_cfg cfg; /* filled once, before anything runs */

/* --- loops --------------------------------------------------------------------------------- */

static bool
on_revocations(void *state, struct ctx *ctx)
{
    struct auth *auth = state;

    /* Any failure stays in ctx for the log; after a lost race it is run again at once. */
    return aut_feed_refresh(auth, ctx, auth->feed) == RC_ABORTED;
}

static bool
on_keys(void *state, struct ctx *ctx)
{
    struct auth *auth = state;

    return aut_keys_refresh(auth, ctx, auth->keys) == RC_ABORTED;
}

static bool
on_sweep(void *state, struct ctx *ctx)
{
    struct auth *auth = state;

    return aut_sweep(auth->db, ctx) == RC_ABORTED;
}

static bool
on_mail(void *state, struct ctx *ctx)
{
    return aut_mail_run(state, ctx);
}

static void
wake(void *arg, const char *name)
{
    svc_wake(arg, name);
}

static enum rc
start_loops(struct svc *svc, struct auth *auth)
{
    enum rc rc = svc_loop(svc, AUT_LOOP_REVOCATIONS, ASSAY_US_PER_S, 5 * ASSAY_US_PER_S,
                          on_revocations, auth);

    if (rc == RC_OK) {
        rc = svc_loop(svc, AUT_LOOP_KEYS, 30 * ASSAY_US_PER_S, 10 * ASSAY_US_PER_S, on_keys, auth);
    }
    if (rc == RC_OK) {
        rc =
            svc_loop(svc, AUT_LOOP_SWEEP, 60 * ASSAY_US_PER_S, 30 * ASSAY_US_PER_S, on_sweep, auth);
    }
    if (rc == RC_OK) {
        rc = svc_loop(svc, AUT_LOOP_MAIL, 5 * ASSAY_US_PER_S, 60 * ASSAY_US_PER_S, on_mail, auth);
    }
    return rc;
}

/* --- serving ------------------------------------------------------------------------------- */

static void
say(const struct ctx *ctx)
{
    (void)fprintf(stderr, "assay-auth: %.*s (%.*s)\n", STR_ARG(ctx->err.msg),
                  STR_ARG(ctx->err.detail));
}

static enum rc
start(struct svc *svc, void **out_state)
{
    struct auth *auth = calloc(1, sizeof(*auth));
    struct arena *arena = arena_new(ARENA_BYTES);
    struct ctx ctx;

    if (auth == NULL || arena == NULL) {
        free(auth);
        arena_free(arena);
        return RC_RESOURCE_EXHAUSTED;
    }
    ctx_init(&ctx, arena);
    ctx.who.kind = TOKEN_SERVICE;
    ctx.deadline_us = clk_wall_us() + START_US;
    enum rc rc = aut_open(auth, &ctx, svc_db(svc), &cfg);
    if (rc != RC_OK) {
        say(&ctx);
        free(auth);
    } else {
        auth->wake = wake;
        auth->mails =
            met_counter(svc_met(svc), "assay_mails_total", "Mails by what became of them.",
                        MET_LABEL("result", MAIL_RESULTS, ARRAY_LEN(MAIL_RESULTS)), MET_NO_LABEL);
        auth->wake_arg = svc;
        *out_state = auth;
        rc = start_loops(svc, auth);
    }
    arena_free(arena);
    return rc;
}

static void
stop(void *state)
{
    aut_close(state);
    free(state);
}

/* --- commands ------------------------------------------------------------------------------ */

static enum rc
rotate_keys(struct db *db, struct ctx *ctx)
{
    struct seal_ring *ring = NULL;
    const char *why = NULL;
    char kid[ECKEY_KID_LEN + 1];

    if (seal_open_ring(str_z(cfg.secret_key), &ring, &why) != RC_OK) {
        return fail(ctx, RC_INVALID_ARGUMENT, "SECRET_KEY", "ASSAY_SECRET_KEY: %s", why);
    }
    enum rc rc = aut_keys_rotate(db, ctx, ring, cfg.key_publish_us, cfg.jwt_ttl_us, kid);
    seal_close_ring(ring);
    if (rc == RC_OK) {
        (void)printf("published %s; it signs in %lld s\n", kid,
                     (long long)(cfg.key_publish_us / ASSAY_US_PER_S));
    }
    return rc;
}

static enum rc
verify_audit(struct db *db, struct ctx *ctx)
{
    struct aut_audit_report report;
    enum rc rc = aut_audit_verify(db, ctx, &report);

    if (rc != RC_OK) {
        return rc;
    }
    if (report.bad_seq != 0) {
        return fail(ctx, RC_DATA_LOSS, "AUDIT_CHAIN", "organization %lld: entry %lld does not fit",
                    (long long)report.bad_org, (long long)report.bad_seq);
    }
    (void)printf("%lld entries fit\n", (long long)report.entries);
    return RC_OK;
}

static const char *command_email; /* of reset-password */

static enum rc
reset_password(struct db *db, struct ctx *ctx)
{
    struct str link = STR_EMPTY;
    enum rc rc = aut_recover(db, ctx, cfg.public_url, str_z(command_email), &link);

    if (rc == RC_OK) {
        (void)printf("%.*s\nThe link works once and for one hour. Whoever opens it sets the "
                     "password.\n",
                     STR_ARG(link));
    }
    return rc;
}

/* Runs a command on the database alone. Exit status as svc_main's. */
static int run_command(enum rc (*command)(struct db *db, struct ctx *ctx))
{
    static const char *url;
    static const struct cfg_row DB_ROW[] = {{.name = "ASSAY_DATABASE_URL",
                                             .type = CFG_URL,
                                             .def = NULL,
                                             .secret = true,
                                             .text = "libpq URI of Postgres",
                                             .offset = 0}};
    struct cfg_table tables[] = {{DB_ROW, 1, &url}, {AUTH_CFG_ROWS, AUTH_CFG_COUNT, &cfg}};
    struct buf faults;
    struct db *db = NULL;
    struct ctx ctx;

    buf_init(&faults, 64 * 1024);
    if (cfg_load(tables, ARRAY_LEN(tables), &faults) != RC_OK) {
        (void)fputs(faults.p == NULL ? "no settings\n" : faults.p, stderr);
        buf_fini(&faults);
        return 3;
    }
    struct arena *arena = arena_new(ARENA_BYTES);
    struct db_cfg dbc = {.uri = url,
                         .schema = "auth",
                         .app = "assay-auth",
                         .queries = auth_queries,
                         .query_count = auth_query_count,
                         .common_queries = common_queries,
                         .common_query_count = common_query_count};
    if (arena == NULL || db_open(&dbc, &db) != RC_OK) {
        arena_free(arena);
        return 2;
    }
    ctx_init(&ctx, arena);
    ctx.who.kind = TOKEN_SERVICE;
    ctx.deadline_us = clk_wall_us() + COMMAND_US;
    int status = command(db, &ctx) == RC_OK ? 0 : 2;
    if (status != 0) {
        say(&ctx);
    }
    db_close(db);
    arena_free(arena);
    return status;
}

int
main(int argc, char **argv)
{
    const struct svc_def def = {.name = "auth",
                                .peers = SVC_USES(SVC_AUTH) | SVC_USES(SVC_BILLING) |
                                         SVC_USES(SVC_WEBHOOKS),
                                .cfg_rows = AUTH_CFG_ROWS,
                                .cfg_count = AUTH_CFG_COUNT,
                                .cfg = &cfg,
                                .tables = auth_tables,
                                .table_lens = auth_table_lens,
                                .table_count = AUTH_TABLE_COUNT,
                                .queries = auth_queries,
                                .query_count = auth_query_count,
                                .migrations = auth_migrations,
                                .migration_count = auth_migration_count,
                                .start = start,
                                .stop = stop};

    if (argc == 2 && strcmp(argv[1], "rotate-keys") == 0) {
        return run_command(rotate_keys);
    }
    if (argc == 2 && strcmp(argv[1], "verify-audit") == 0) {
        return run_command(verify_audit);
    }
    if (argc == 3 && strcmp(argv[1], "reset-password") == 0) {
        command_email = argv[2];
        return run_command(reset_password);
    }
    return svc_main(&def, argc, argv);
}
