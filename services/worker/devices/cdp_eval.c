/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <stdlib.h>
#include <string.h>

/* How the browser says that a document has gone while its script ran. */
static const char *const gone_texts[] = {
    "Cannot find context",
    "uniqueContextId not found",
    "Execution context was destroyed",
    "Inspected target navigated or closed",
    "Session with given id not found",
    "Promise was collected",
    "Execution context is not available",
};

enum rc
cdp_need_world(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s)
{
    int64_t until_us = clk_mono_us() + CDP_CALL_US;
    bool any = true;
    enum rc rc = cdp_drain(d, ctx);

    while (rc == RC_OK && s->used && s->world[0] == '\0' && any) {
        struct cdp_session *tab = cdp_tab(d);
        if (tab != NULL && tab->dialog) {
            break;
        }
        rc = cdp_pump(d, ctx, until_us, &any);
    }
    if (rc == RC_OK && s->used && s->world[0] == '\0' && !any) {
        return cdp_hangs(ctx);
    }
    return rc;
}

void
cdp_ask_eval(struct cdp_device *d, struct cdp_wait *w, const struct cdp_session *s, bool acts,
             struct str expr)
{
    struct buf p;

    buf_init(&p, 8 << 20);
    buf_putz(&p, "{");
    json_put_member_str(&p, "expression", expr);
    json_put_member_str(&p, "uniqueContextId", str_z(s->world));
    buf_putz(&p, ",\"returnByValue\":true,\"awaitPromise\":true");
    buf_putz(&p, acts ? ",\"userGesture\":true}" : "}");
    cdp_ask(d, w, s, "Runtime.evaluate", buf_failed(&p) ? STR_EMPTY : buf_str(&p));
    buf_fini(&p);
}

static bool
says_gone(struct str error)
{
    for (size_t i = 0; i < ARRAY_LEN(gone_texts); i++) {
        if (str_find(error, str_z(gone_texts[i])) >= 0) {
            return true;
        }
    }
    return false;
}

enum rc
cdp_eval_text(struct ctx *ctx, const struct cdp_msg *m, struct str *out)
{
    const struct json_value *v = NULL;
    struct str error = STR_EMPTY;
    enum rc rc = cdp_answer(ctx, m, &v, &error);

    if (rc != RC_OK) {
        return rc;
    }
    if (error.n > 0 && says_gone(error)) {
        return RC_ABORTED;
    }
    struct str thrown = json_str(json_path(v, "exceptionDetails.exception.description"));
    if (error.n > 0 || json_get(v, "exceptionDetails") != NULL) {
        rc = fail(ctx, RC_INTERNAL, "PAGE_SCRIPT", "the page could not be examined");
        note(ctx, "%.*s%.*s", STR_ARG(error), STR_ARG(thrown));
        return rc;
    }
    *out = json_str(json_path(v, "result.value"));
    return RC_OK;
}

static enum rc
evaluate(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s, bool acts, struct str expr,
         struct str *out)
{
    struct cdp_wait w = {0};
    enum rc rc = cdp_no_dialog(d, ctx);

    if (rc != RC_OK || (s->world[0] == '\0' && (rc = cdp_need_world(d, ctx, s)) != RC_OK)) {
        return rc;
    }
    if (!s->used) {
        return RC_ABORTED;
    }
    cdp_ask_eval(d, &w, s, acts, expr);
    rc = cdp_await(d, ctx, &w, CDP_STOP_DIALOG, CDP_CALL_US);
    if (rc == RC_OK && w.end == CDP_DIALOG) {
        rc = cdp_no_dialog(d, ctx);
    } else if (rc == RC_OK && w.end == CDP_EXPIRED) {
        rc = cdp_hangs(ctx);
    } else if (rc == RC_OK && w.end == CDP_CLOSED) {
        rc = RC_ABORTED;
    } else if (rc == RC_OK) {
        rc = cdp_eval_text(ctx, w.answers[0], out);
    }
    cdp_wait_fini(&w);
    return rc;
}

enum rc
cdp_eval(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s, struct str expr,
         struct str *out)
{
    return evaluate(d, ctx, s, false, expr, out);
}

bool
cdp_hear_quiet(struct cdp_device *d, struct ctx *ctx, const struct cdp_session *asked,
               const struct cdp_msg *m)
{
    struct str said = STR_EMPTY;
    bool quiet = cdp_eval_text(ctx, m, &said) == RC_OK && str_eqz(cdp_field(said, 0), "OK");

    ctx_recover(ctx); /* a page that has gone is not quiet, and no failure of what was done */
    if (quiet && asked == cdp_tab(d)) {
        d->quiet_tab = asked->born;
        d->quiet_events = d->events;
    }
    return quiet;
}

enum rc
cdp_eval_seen(struct cdp_device *d, struct ctx *ctx, struct cdp_session *s, struct str expr,
              struct str *out)
{
    enum rc rc = cdp_drain(d, ctx);

    if (rc == RC_OK) {
        rc = cdp_no_dialog(d, ctx);
    }
    if (rc == RC_OK &&
        (s == NULL || !s->used || s->world[0] == '\0' || strcmp(s->world, s->seen_world) != 0)) {
        rc = RC_ABORTED;
    }
    if (rc == RC_OK) {
        rc = evaluate(d, ctx, s, true, expr, out);
    }
    if (rc == RC_ABORTED && ctx->err.code == RC_OK) {
        return fail(ctx, RC_FAILED_PRECONDITION, "DETACHED", "the page has changed to another");
    }
    return rc == RC_OK ? cdp_reason(ctx, *out) : rc;
}

enum rc
cdp_reason(struct ctx *ctx, struct str answer)
{
    static const struct {
        const char *reason;
        enum rc rc;
    } reasons[] = {
        {"NOT_VISIBLE", RC_FAILED_PRECONDITION},    {"DISABLED", RC_FAILED_PRECONDITION},
        {"COVERED", RC_FAILED_PRECONDITION},        {"MOVING", RC_FAILED_PRECONDITION},
        {"DETACHED", RC_FAILED_PRECONDITION},       {"NOT_EDITABLE", RC_FAILED_PRECONDITION},
        {"NO_SUCH_OPTION", RC_FAILED_PRECONDITION}, {"AMBIGUOUS", RC_FAILED_PRECONDITION},
        {"NO_SUCH_ELEMENT", RC_NOT_FOUND},          {"NOT_SUPPORTED", RC_UNIMPLEMENTED},
    };
    struct str word = cdp_field(answer, 0);

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (str_eqz(word, reasons[i].reason)) {
            struct str said = cdp_field(answer, 1);
            return fail(ctx, reasons[i].rc, reasons[i].reason, "%.*s", STR_ARG(said));
        }
    }
    return RC_OK;
}

struct str
cdp_quote(struct ctx *ctx, struct str text)
{
    struct buf b;

    buf_init(&b, text.n * 6 + 16);
    json_put_str(&b, text);
    struct str s = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return s;
}

struct str
cdp_field(struct str line, size_t i)
{
    struct str rest = line;

    for (size_t n = 0; rest.p != NULL; n++) {
        struct str f = str_split(&rest, '\t');
        if (n == i) {
            return f;
        }
    }
    return STR_EMPTY;
}

double
cdp_number(struct str s)
{
    double v = 0;

    return json_number_f64(s, &v) == RC_OK ? v : 0;
}
