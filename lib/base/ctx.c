/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ctx.h"

void
ctx_init(struct ctx *ctx, struct arena *arena)
{
    *ctx = (struct ctx){.arena = arena};
}

enum rc
fail(struct ctx *ctx, enum rc code, const char *reason, const char *fmt, ...)
{
    va_list args;

    ASSERT(code != RC_OK);
    if (ctx->err.code != RC_OK) {
        return ctx->err.code;
    }
    va_start(args, fmt);
    ctx->err =
        (struct err){.code = code, .reason = reason, .msg = arena_vprintf(ctx->arena, fmt, args)};
    va_end(args);
    return code;
}

enum rc
fail_memory(struct ctx *ctx, const char *what)
{
    bool is_full = ctx->arena != NULL && arena_failed(ctx->arena) && !arena_starved(ctx->arena);

    if (ctx->err.code == RC_OK) {
        ctx->err = (struct err){
            .code = RC_RESOURCE_EXHAUSTED,
            .reason = is_full ? "REQUEST_TOO_LARGE" : "NO_MEMORY",
            .msg = is_full ? str_z(what) : STR("the server is short of memory, try again"),
        };
    }
    return ctx->err.code;
}

void
note(struct ctx *ctx, const char *fmt, ...)
{
    va_list args;

    if (ctx->err.code == RC_OK) {
        return;
    }
    va_start(args, fmt);
    struct str more = arena_vprintf(ctx->arena, fmt, args);
    va_end(args);
    struct str have = ctx->err.detail;
    ctx->err.detail =
        have.n == 0 ? more : arena_printf(ctx->arena, "%.*s; %.*s", STR_ARG(have), STR_ARG(more));
}

void
ctx_recover(struct ctx *ctx)
{
    ctx->err = (struct err){.code = RC_OK};
}

struct ctx
ctx_apart(const struct ctx *ctx, int64_t timeout_us)
{
    struct ctx own = *ctx;

    own.conn = NULL;
    own.err = (struct err){.code = RC_OK};
    own.idempotency_key = STR_EMPTY;
    own.deadline_us = clk_wall_us() + timeout_us;
    if (ctx->deadline_us != 0 && ctx->deadline_us < own.deadline_us) {
        own.deadline_us = ctx->deadline_us;
    }
    return own;
}

int64_t
ctx_left_us(const struct ctx *ctx)
{
    if (ctx->deadline_us == 0) {
        return INT64_MAX;
    }
    int64_t left = ctx->deadline_us - clk_wall_us();
    return left > 0 ? left : 0;
}

enum rc
ctx_check_deadline(struct ctx *ctx)
{
    if (ctx_left_us(ctx) == 0) {
        return fail(ctx, RC_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the call took too long");
    }
    return RC_OK;
}
