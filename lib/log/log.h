/* SPDX-License-Identifier: Apache-2.0
 *
 * One JSON object per line on stdout:
 *
 *     {"ts":"2026-01-31T12:34:56.789Z","lvl":"info","svc":"tests","ev":"rpc","msg":"...",
 *      "req":"...","trace":"...", fields...}
 *
 * `ev` is a stable id in lower snake case: alerts match it, not the English of `msg`. Levels:
 * error = someone must act, warn = degraded and handled, info = life cycle and requests, debug =
 * off by default. Libraries do not log; the boundary of a request or loop does, once. Credentials,
 * tokens and bodies never go into a field.
 *
 *     log_line(LOG_INFO_LEVEL, ctx, "run_claimed", "a run was claimed",
 *              LOG_I64("run", id), LOG_STR("pool", pool));
 *
 * A line is at most 16 KiB; longer text is cut and the line says "cut":true. Control characters are
 * escaped, malformed UTF-8 becomes U+FFFD, so that no value can forge a line.
 *
 * Threads: any; a line leaves with one write(2). Blocks: on the reader of stdout. State: one logger
 * per process, set once by log_init; before that lines carry no service and go to stdout. */
#ifndef ASSAY_LOG_LOG_H
#define ASSAY_LOG_LOG_H

#include "base/ctx.h"

#define LOG_LINE_MAX (16 * 1024)

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARN_LEVEL, LOG_ERROR_LEVEL };

/* Names of the levels in order, NULL-terminated: choices of a CFG_ENUM row. */
extern const char *const LOG_LEVELS[];

enum log_type { LOG_F_END, LOG_F_STR, LOG_F_I64 };

struct log_field {
    enum log_type type;
    const char *key; /* a literal: lower snake case, not escaped */
    struct str s;
    int64_t i;
};

#define LOG_STR(k, v) ((struct log_field){.type = LOG_F_STR, .key = (k), .s = (v)})
#define LOG_Z(k, v) ((struct log_field){.type = LOG_F_STR, .key = (k), .s = str_z(v)})
#define LOG_I64(k, v) ((struct log_field){.type = LOG_F_I64, .key = (k), .i = (v)})

/* Names the service of this process, the lowest level that is written and the descriptor (1). */
void log_init(const char *svc, enum log_level level, int fd);
bool log_is_on(enum log_level level);

/* Writes one line. `ctx` may be NULL; its request id, trace and failure (code, reason, detail) are
 * written when they are there. Empty strings are left out. `msg` may be NULL. */
void log_put(enum log_level level, const struct ctx *ctx, const char *ev, const char *msg,
             const struct log_field *fields);
#define log_line(level, ctx, ev, ...)                                                              \
    LOG_LINE_(level, ctx, ev, __VA_ARGS__, ((struct log_field){.type = LOG_F_END}))
#define LOG_LINE_(level, ctx, ev, msg, ...)                                                        \
    (log_is_on(level)                                                                              \
         ? log_put((level), (ctx), (ev), (msg), (const struct log_field[]){__VA_ARGS__})           \
         : (void)0)

#endif
