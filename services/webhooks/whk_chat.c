/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_chat.h"

#include "json/json.h"
#include "webhooks/catalogue.h"
#include "webhooks/whk_text.h"

#define MESSAGE_MAX ((size_t)64 << 10)
#define NAME_MAX_CP 200
#define FACTS_MAX 4
#define SHA_SHOWN 10

struct fact {
    const char *title;
    struct str text;
};

/* What the message says, free of any chat's form. */
struct note {
    const char *mark; /* an emoji */
    const char *headline;
    struct str name;
    struct str url; /* empty: no link */
    struct fact facts[FACTS_MAX];
    size_t fact_count;
};

/* --- what is said -------------------------------------------------------------------------- */

static const struct {
    const char *type, *mark, *headline;
} HEADLINES[] = {
    {"run.passed", "\xE2\x9C\x85", "Run passed"},
    {"run.failed", "\xE2\x9D\x8C", "Run failed"},
    {"run.cancelled", "\xE2\x9B\x94", "Run cancelled"},
    {"run.started", "\xE2\x96\xB6", "Run started"},
    {"run.warning.flaky", "\xE2\x9A\xA0", "Flaky case"},
    {"run.warning.byok_quota_low", "\xE2\x9A\xA0", "Model quota is low"},
    {"visual.regression_detected", "\xE2\x9D\x8C", "Visual regression"},
    {"visual.run_completed_with_regressions", "\xE2\x9A\xA0", "Run ended with visual regressions"},
    {"webhook.disabled", "\xE2\x9B\x94", "Webhook switched off"},
    {"webhook.test", "\xE2\x9C\x85", "Test message: notifications arrive here"},
    {"billing.low_balance", "\xE2\x9A\xA0", "Credit is nearly used up"},
};

static void
set_headline(struct note *n, struct str type)
{
    const struct catalogue_type *known = catalogue_find(type);

    n->mark = "\xE2\x84\xB9";
    n->headline = known == NULL ? "Event" : known->text;
    for (size_t i = 0; i < ARRAY_LEN(HEADLINES); i++) {
        if (str_eqz(type, HEADLINES[i].type)) {
            n->mark = HEADLINES[i].mark;
            n->headline = HEADLINES[i].headline;
        }
    }
}

static void
add_fact(struct note *n, const char *title, struct str text)
{
    if (text.n > 0 && n->fact_count < FACTS_MAX) {
        n->facts[n->fact_count++] = (struct fact){title, text};
    }
}

static void
read_note(struct ctx *ctx, const struct json_value *event, struct note *n)
{
    const struct json_value *data = json_get(event, "data");
    int64_t ms = json_i64(json_get(data, "duration_ms"), -1);

    set_headline(n, json_str(json_get(event, "type")));
    n->name = whk_cut(json_str(json_get(data, "name")), NAME_MAX_CP);
    n->url = whk_web_url(json_str(json_get(data, "run_url")));
    add_fact(n, "Status", whk_cut(json_str(json_get(data, "status")), NAME_MAX_CP));
    add_fact(n, "Reason", whk_cut(json_str(json_get(data, "reason")), NAME_MAX_CP));
    add_fact(n, "Commit", whk_cut(json_str(json_get(data, "commit_sha")), SHA_SHOWN));
    if (ms >= 0) {
        add_fact(n, "Duration", whk_seconds(ctx, ms));
    }
}

/* --- Slack --------------------------------------------------------------------------------- */

static struct str
slack_text(struct ctx *ctx, struct str s)
{
    struct buf b;

    buf_init(&b, MESSAGE_MAX);
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '&':
            buf_putz(&b, "&amp;");
            break;
        case '<':
            buf_putz(&b, "&lt;");
            break;
        case '>':
            buf_putz(&b, "&gt;");
            break;
        case '*': /* would end the bold or begin a code */
        case '`':
        case '\n':
        case '\r':
            buf_putc(&b, ' ');
            break;
        default:
            buf_putc(&b, s.p[i]);
        }
    }
    struct str out = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return out;
}

/* In <url|text> these would end the link. */
static struct str
slack_url(struct ctx *ctx, struct str url)
{
    struct buf b;

    buf_init(&b, MESSAGE_MAX);
    for (size_t i = 0; i < url.n; i++) {
        char c = url.p[i];
        if (c == '|' || c == '>' || c == '<' || c <= ' ') {
            buf_printf(&b, "%%%02X", (unsigned)(unsigned char)c);
        } else {
            buf_putc(&b, c);
        }
    }
    struct str out = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return out;
}

static void
put_slack_section(struct ctx *ctx, const struct note *n, struct str name, struct buf *b)
{
    struct str text = name.n == 0 ? arena_printf(ctx->arena, "%s *%s*", n->mark, n->headline)
                                  : arena_printf(ctx->arena, "%s *%s:* %.*s", n->mark, n->headline,
                                                 STR_ARG(name));
    if (n->url.n > 0) {
        text = arena_printf(ctx->arena, "%.*s\n<%.*s|Open the run>", STR_ARG(text),
                            STR_ARG(slack_url(ctx, n->url)));
    }
    buf_putz(b, "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":");
    json_put_str(b, text);
    buf_putz(b, "}}");
}

static void
put_slack(struct ctx *ctx, const struct note *n, struct buf *b)
{
    struct str name = slack_text(ctx, n->name);
    struct str facts = STR_EMPTY;

    for (size_t i = 0; i < n->fact_count; i++) {
        facts =
            arena_printf(ctx->arena, "%.*s%s%s: %.*s", STR_ARG(facts), i > 0 ? " \xC2\xB7 " : "",
                         n->facts[i].title, STR_ARG(slack_text(ctx, n->facts[i].text)));
    }
    buf_putc(b, '{');
    json_put_member_str(b, "text",
                        arena_printf(ctx->arena, "%s %s%s%.*s", n->mark, n->headline,
                                     name.n > 0 ? ": " : "", STR_ARG(name)));
    json_put_key(b, "blocks");
    buf_putc(b, '[');
    put_slack_section(ctx, n, name, b);
    if (facts.n > 0) {
        buf_putz(b, ",{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":");
        json_put_str(b, facts);
        buf_putz(b, "}]}");
    }
    buf_putz(b, "]}");
}

/* --- Teams --------------------------------------------------------------------------------- */

/* TextBlocks read Markdown. */
static struct str
teams_text(struct ctx *ctx, struct str s)
{
    struct buf b;

    buf_init(&b, MESSAGE_MAX);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '[' || c == ']' || c == '(' || c == ')' || c == '*' || c == '_' || c == '`' ||
            c == '\\' || c == '#' || c == '<' || c == '>') {
            buf_putc(&b, '\\');
        }
        buf_putc(&b, c == '\n' || c == '\r' ? ' ' : c);
    }
    struct str out = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return out;
}

static void
put_teams_facts(struct ctx *ctx, const struct note *n, struct buf *b)
{
    buf_putz(b, ",{\"type\":\"FactSet\",\"facts\":[");
    for (size_t i = 0; i < n->fact_count; i++) {
        buf_putz(b, i > 0 ? ",{" : "{");
        json_put_member_str(b, "title", str_z(n->facts[i].title));
        json_put_member_str(b, "value", teams_text(ctx, n->facts[i].text));
        buf_putc(b, '}');
    }
    buf_putz(b, "]}");
}

static void
put_teams(struct ctx *ctx, const struct note *n, struct buf *b)
{
    struct str name = teams_text(ctx, n->name);

    buf_putz(b, "{\"type\":\"message\",\"attachments\":[{\"contentType\":"
                "\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{"
                "\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
                "\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":[{\"type\":\"TextBlock\","
                "\"size\":\"Medium\",\"weight\":\"Bolder\",\"wrap\":true,\"text\":");
    json_put_str(b, arena_printf(ctx->arena, "%s %s%s%.*s", n->mark, n->headline,
                                 name.n > 0 ? ": " : "", STR_ARG(name)));
    buf_putc(b, '}');
    if (n->fact_count > 0) {
        put_teams_facts(ctx, n, b);
    }
    buf_putc(b, ']');
    if (n->url.n > 0) {
        buf_putz(b,
                 ",\"actions\":[{\"type\":\"Action.OpenUrl\",\"title\":\"Open the run\",\"url\":");
        json_put_str(b, n->url);
        buf_putz(b, "}]");
    }
    buf_putz(b, "}}]}");
}

enum rc
whk_chat_body(struct ctx *ctx, enum whk_chat chat, struct str event, struct str *out)
{
    const struct json_value *v = NULL;
    struct note n = {.mark = ""};
    struct buf b;

    if (json_parse(event, ctx->arena, &v, NULL) != RC_OK || !json_is(v, JSON_OBJECT)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "EVENT", "the event cannot be read");
    }
    read_note(ctx, v, &n);
    buf_init(&b, MESSAGE_MAX);
    if (chat == WHK_SLACK) {
        put_slack(ctx, &n, &b);
    } else {
        put_teams(ctx, &n, &b);
    }
    *out = arena_str(ctx->arena, buf_str(&b));
    bool failed = buf_failed(&b) || arena_failed(ctx->arena);
    buf_fini(&b);
    return failed ? fail_memory(ctx, "the message is too large") : RC_OK;
}
