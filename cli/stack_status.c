/* SPDX-License-Identifier: Apache-2.0
 *
 * `assay stack status`: every process, and whether it says of itself that it is ready. */
#include "cli/stack.h"

#include <string.h>

#include "cli/cli.h"
#include "svc_client.h"

#define ASK_US (2 * ASSAY_US_PER_S)
#define MESSAGE_MAX ((size_t)1 << 20)
#define ARENA_MAX ((size_t)4 << 20)

/* What the process answers to Health/Check, in a word; false: it is not ready. */
static bool
ask(struct rpc_peers *peers, struct arena *arena, const char *addr, char *out, size_t n)
{
    Assay__HealthRequest req = ASSAY__HEALTH_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    struct ctx ctx;

    ctx_init(&ctx, arena);
    ctx.deadline_us = clk_wall_us() + ASK_US;
    ctx.who.kind = TOKEN_SERVICE;
    if (rpc_peers_call(peers, addr, &ctx, &svc_method_check, &req.base, &answer) != RC_OK) {
        (void)snprintf(out, n, "does not answer");
        return false;
    }
    const Assay__HealthStatus *status = (const Assay__HealthStatus *)(const void *)answer;
    (void)snprintf(out, n, "%s", status->ready ? "ready" : status->reason);
    return status->ready;
}

static void
print_age(FILE *out, int64_t since_us)
{
    int64_t s = (clk_wall_us() - since_us) / ASSAY_US_PER_S;

    s = s < 0 ? 0 : s;
    (void)fprintf(out, "%4lldh%02lldm%02llds", (long long)(s / 3600), (long long)(s / 60 % 60),
                  (long long)(s % 60));
}

static bool
print_child(FILE *out, struct rpc_peers *peers, struct arena *arena, const struct stack_line *line)
{
    bool runs = strcmp(line->state, "running") == 0;
    bool ok = runs;
    char health[256] = "";

    if (runs && line->listen.n > 0) {
        ok = ask(peers, arena, arena_strz(arena, line->listen), health, sizeof(health));
    }
    (void)fprintf(out, "%-12s %-9s %8ld ", line->name, line->state, (long)line->pid);
    print_age(out, line->since_us);
    (void)fprintf(out, "  restarts %-3lld %s\n", (long long)line->restarts, health);
    return ok;
}

int
stack_status(struct arena *arena, const struct stack_paths *paths, FILE *out)
{
    struct stack_board board;
    struct rpc_peers *peers = NULL;
    struct rpc_tls tls = {0};
    bool ok = true;

    if (stack_supervisor(paths) == 0 || !stack_board_read(arena, paths, &board)) {
        (void)fprintf(out, "not running (%s)\n", paths->state);
        return CLI_FAILED;
    }
    struct arena *calls = arena_new(ARENA_MAX);
    if (calls == NULL || rpc_peers_new(&tls, MESSAGE_MAX, true, &peers) != RC_OK) {
        arena_free(calls);
        return CLI_BROKEN;
    }
    for (size_t i = 0; i < board.count; i++) {
        ok = print_child(out, peers, calls, &board.child[i]) && ok;
    }
    rpc_peers_free(peers);
    arena_free(calls);
    (void)fprintf(out, "API %.*s  sample shop %.*s\n", STR_ARG(board.url), STR_ARG(board.shop_url));
    (void)fprintf(out, "state %s  logs %s\n", paths->state, paths->log);
    if (board.pg_uri.n > 0) {
        (void)fprintf(out, "psql '%.*s'\n", STR_ARG(board.pg_uri));
    }
    return ok ? CLI_OK : CLI_FAILED;
}
