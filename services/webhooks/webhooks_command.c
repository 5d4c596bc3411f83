/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operator does from a shell. */
#include <stdio.h>
#include <string.h>

#include "webhooks/webhooks.h"
#include "webhooks/whk_reseal.h"
#include "webhooks/whk_store_operate.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 3

const char WEBHOOKS_USAGE[] =
    "commands for an operator (ASSAY_DATABASE_URL names the database):\n"
    "  stuck        endpoints that fail, or get nothing though they are well: since when, what\n"
    "               waits, what the last attempt met\n"
    "  reseal       seal every secret with the first key of ASSAY_SECRET_KEY: then the older ones\n"
    "               can be dropped\n\n";

static int
failed(const struct ctx *ctx)
{
    (void)fprintf(stderr, "assay-webhooks: %.*s\n", STR_ARG(ctx->err.msg));
    return EXIT_FAILED;
}

static void
print_time(const char *what, int64_t at_us)
{
    char text[CLK_TEXT_MAX];

    (void)clk_format(at_us, CLK_Z, text);
    (void)printf("%s%s", what, text);
}

static void
print_stuck(const struct whk_stuck *s)
{
    (void)printf("organization %lld, webhook %lld \"%.*s\": ", (long long)s->org_id,
                 (long long)s->id, STR_ARG(s->name));
    if (!s->enabled) {
        (void)fputs("switched off, ", stdout);
    }
    if (s->failing_since_us > 0) {
        print_time("failing since ", s->failing_since_us);
    } else {
        (void)fputs("well", stdout);
    }
    (void)printf(", %lld waiting", (long long)s->waiting);
    if (s->next_us > 0) {
        print_time(", the next at ", s->next_us);
    }
    if (s->error.n > 0) {
        (void)printf(", attempt %lld: %.*s", (long long)s->attempt, STR_ARG(s->error));
    }
    (void)fputs("\n", stdout);
}

static int
stuck(struct webhooks *w, struct ctx *ctx)
{
    struct whk_stuck *list = NULL;
    size_t n = 0;

    if (whk_stuck_list(w->db, ctx, &list, &n) != RC_OK) {
        return failed(ctx);
    }
    for (size_t i = 0; i < n; i++) {
        print_stuck(&list[i]);
    }
    (void)printf("%zu stuck\n", n);
    return 0;
}

static int
reseal(struct webhooks *w, struct ctx *ctx)
{
    struct whk_reseal done;
    const char *why = "";

    if (seal_open_ring(str_z(w->cfg->secret_key), &w->ring, &why) != RC_OK) {
        (void)fprintf(stderr, "assay-webhooks: ASSAY_SECRET_KEY: %s\n", why);
        return EXIT_USAGE;
    }
    enum rc rc = whk_reseal_all(w->db, ctx, w->ring, &done);
    seal_close_ring(w->ring);
    if (rc != RC_OK) {
        return failed(ctx);
    }
    (void)printf("%lld sealed with the first key\n", (long long)done.sealed);
    if (done.lost > 0) {
        (void)fprintf(stderr, "assay-webhooks: %lld are of none of the keys, see the log\n",
                      (long long)done.lost);
    }
    return done.lost > 0 ? EXIT_FAILED : 0;
}

int
webhooks_command(struct webhooks *w, struct ctx *ctx, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "stuck") == 0) {
        return stuck(w, ctx);
    }
    if (argc == 1 && strcmp(argv[0], "reseal") == 0) {
        return reseal(w, ctx);
    }
    (void)fputs(WEBHOOKS_USAGE, stderr);
    return EXIT_USAGE;
}
