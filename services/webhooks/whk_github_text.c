/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_github_text.h"

#include "json/json.h"
#include "webhooks/whk_text.h"

#define TEXT_MAX ((size_t)512 << 10)
#define COMMENT_MAX 65536      /* GitHub's: characters, so at most as many bytes */
#define COMMENT_TAIL 64        /* of those, for the line that says how many are left out */
#define DESCRIPTION_MAX_CP 140 /* GitHub's */
#define NAME_MAX_CP 200
#define SHA_SHOWN 7
#define PASSED_WARNED "passed, visual warning"

/* --- reading ------------------------------------------------------------------------------- */

static bool
is_sha(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = ch_lower(s.p[i]);
        if (!ch_is_digit(c) && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return s.n >= 7 && s.n <= 64;
}

/* CI writes the number under one of these names, as a number or as text. */
static int64_t
pull_number(const struct json_value *metadata)
{
    static const char *const NAMES[] = {"pull_request", "pull_request_number", "pr_number", "pr",
                                        "pull_number"};
    int64_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        const struct json_value *v = json_get(metadata, NAMES[i]);
        n = json_is(v, JSON_NUMBER) ? json_i64(v, 0) : 0;
        if (n > 0 && n <= INT32_MAX) {
            return n;
        }
        if (json_is(v, JSON_STRING) && str_to_i64(json_str(v), 1, INT32_MAX, &n) == RC_OK) {
            return n;
        }
    }
    return 0;
}

enum rc
whk_run_read(struct ctx *ctx, struct str event, struct whk_run *out, bool *out_told)
{
    const struct json_value *v = NULL;

    if (json_parse(event, ctx->arena, &v, NULL) != RC_OK || !json_is(v, JSON_OBJECT)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "EVENT", "the event cannot be read");
    }
    const struct json_value *data = json_get(v, "data");
    *out = (struct whk_run){
        .type = json_str(json_get(v, "type")),
        .run_id = json_str(json_get(data, "run_id")),
        .status = json_str(json_get(data, "status")),
        .name = json_str(json_get(data, "name")),
        .sha = json_str(json_get(data, "commit_sha")),
        .url = whk_web_url(json_str(json_get(data, "run_url"))),
        .duration_ms = json_i64(json_get(data, "duration_ms"), -1),
        .pull = pull_number(json_get(data, "metadata")),
    };
    if (clk_parse(json_str(json_get(v, "created_at")), &out->at_us) != RC_OK) {
        out->at_us = 0;
    }
    if (str_eqz(json_str(json_get(data, "visual_regression_status")), "warn") &&
        str_eqz(out->type, "run.passed")) {
        out->status = STR(PASSED_WARNED);
    }
    out->ended = !str_eqz(out->type, "run.started");
    *out_told = is_sha(out->sha);
    return RC_OK;
}

/* --- commit status ------------------------------------------------------------------------- */

static const char *
state_of(const struct whk_run *run)
{
    return str_eqz(run->type, "run.started")  ? "pending"
           : str_eqz(run->type, "run.passed") ? "success"
           : str_eqz(run->status, "failed")   ? "failure"
                                              : "error";
}

static struct str
taken(struct ctx *ctx, struct buf *b)
{
    struct str out = buf_failed(b) ? STR_EMPTY : arena_str(ctx->arena, buf_str(b));

    buf_fini(b);
    return out;
}

struct str
whk_status_body(struct ctx *ctx, const struct whk_run *run)
{
    struct str text = run->ended ? run->status : STR("running");
    struct buf b;

    if (run->ended && run->duration_ms >= 0) {
        text = arena_printf(ctx->arena, "%.*s after %.*s", STR_ARG(text),
                            STR_ARG(whk_seconds(ctx, run->duration_ms)));
    }
    buf_init(&b, TEXT_MAX);
    buf_putc(&b, '{');
    json_put_member_str(&b, "state", str_z(state_of(run)));
    json_put_member_str(
        &b, "context",
        arena_printf(ctx->arena, "assay/%.*s", STR_ARG(whk_cut(run->name, NAME_MAX_CP))));
    json_put_member_str(&b, "description", whk_cut(text, DESCRIPTION_MAX_CP));
    if (run->url.n > 0) {
        json_put_member_str(&b, "target_url", run->url);
    }
    buf_putc(&b, '}');
    return taken(ctx, &b);
}

/* --- comment ------------------------------------------------------------------------------- */

static void
put_markdown(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '\n':
        case '\r':
            buf_putc(b, ' ');
            break;
        case '<':
            buf_putz(b, "&lt;");
            break;
        case '&': /* else "&commat;" would become what '@' may not */
            buf_putz(b, "&amp;");
            break;
        case '@':
            buf_putz(b, "@\xE2\x80\x8B"); /* a space of no width: nobody is mentioned */
            break;
        case '|':
        case '[':
        case ']':
        case '`':
        case '*':
        case '_':
        case '\\':
        case '#':
        case '!':
            buf_putc(b, '\\');
            buf_putc(b, s.p[i]);
            break;
        default:
            buf_putc(b, s.p[i]);
        }
    }
}

/* In (...) a parenthesis or a space would end it. */
static void
put_link(struct buf *b, struct str url)
{
    for (size_t i = 0; i < url.n; i++) {
        char c = url.p[i];
        if (c == '(' || c == ')' || c == '<' || c == '>' || c == '|' || c <= ' ') {
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)c);
        } else {
            buf_putc(b, c);
        }
    }
}

static const char *
mark_of(struct str status)
{
    return str_eqz(status, "passed")        ? "\xE2\x9C\x85"
           : str_eqz(status, PASSED_WARNED) ? "\xE2\x9A\xA0\xEF\xB8\x8F"
           : str_eqz(status, "cancelled")   ? "\xE2\x9B\x94"
                                            : "\xE2\x9D\x8C";
}

static void
put_row(struct ctx *ctx, const struct whk_result *r, struct buf *b)
{
    struct str name = whk_cut(r->name, NAME_MAX_CP);

    buf_printf(b, "| %s | ", mark_of(r->status));
    if (r->url.n > 0) {
        buf_putc(b, '[');
        put_markdown(b, name);
        buf_putz(b, "](");
        put_link(b, r->url);
        buf_putc(b, ')');
    } else {
        put_markdown(b, name);
    }
    buf_putz(b, " | ");
    put_markdown(b, r->status);
    buf_putz(b, " | ");
    if (r->duration_ms >= 0) {
        buf_put(b, whk_seconds(ctx, r->duration_ms));
    }
    buf_printf(b, " | %.*s |\n", STR_ARG(str_sub(r->sha, 0, SHA_SHOWN)));
}

/* As many rows as a comment may hold; the rest is counted. */
static void
put_rows(struct ctx *ctx, const struct whk_result *results, size_t n, struct buf *b)
{
    for (size_t i = 0; i < n; i++) {
        struct buf row;
        buf_init(&row, TEXT_MAX);
        put_row(ctx, &results[i], &row);
        bool fits = !buf_failed(&row) && b->n + row.n + COMMENT_TAIL <= COMMENT_MAX;
        if (fits) {
            buf_put(b, buf_str(&row));
        }
        buf_fini(&row);
        if (!fits) {
            buf_printf(b, "| | and %zu more | | | |\n", n - i);
            return;
        }
    }
}

struct str
whk_comment_body(struct ctx *ctx, const struct whk_result *results, size_t n)
{
    size_t passed = 0;
    struct buf text, b;

    for (size_t i = 0; i < n; i++) {
        passed += str_starts(results[i].status, STR("passed")) ? 1 : 0;
    }
    buf_init(&text, TEXT_MAX);
    buf_printf(&text, WHK_GITHUB_MARK "\n### assay: %zu passed, %zu not\n\n", passed, n - passed);
    buf_putz(&text, "| | Suite | Status | Duration | Commit |\n|---|---|---|---|---|\n");
    put_rows(ctx, results, n, &text);
    buf_init(&b, 2 * TEXT_MAX);
    buf_putc(&b, '{');
    json_put_member_str(&b, "body", buf_str(&text));
    buf_putc(&b, '}');
    buf_fini(&text);
    return taken(ctx, &b);
}
