/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_message.h"

#include <string.h>

#include "json/json.h"
#include "sec/hash.h"
#include "sec/token.h"

/* --- body ---------------------------------------------------------------------------------- */

static enum rc
check_object(struct arena *arena, struct str data)
{
    struct json_reader r;
    struct str raw;

    json_read_init(&r, data, arena);
    enum rc rc = json_skip(&r, &raw);
    if (rc == RC_OK) {
        rc = json_read_end(&r);
    }
    return rc == RC_OK && (raw.n == 0 || raw.p[0] != '{') ? RC_INVALID_ARGUMENT : rc;
}

static void
put_body(struct buf *b, const Assay__Event *event, struct str data)
{
    char at[CLK_TEXT_MAX];

    (void)clk_format(event->at_us, CLK_NAIVE, at);
    buf_putc(b, '{');
    json_put_member_str(b, "id", str_z(event->id));
    json_put_member_str(b, "type", str_z(event->type));
    json_put_member_str(b, "created_at", str_z(at));
    json_put_member_i64(b, "organization_id", event->org_id);
    json_put_key(b, "data");
    buf_put(b, data);
    buf_putc(b, '}');
}

enum rc
whk_body(struct arena *arena, const Assay__Event *event, struct str *out)
{
    struct str data = STR("{}");
    struct buf b;

    if (event->has_data && event->data.len > 0) {
        data = str_trim(str_n((const char *)event->data.data, event->data.len));
        enum rc rc = check_object(arena, data);
        if (rc != RC_OK) {
            return rc;
        }
    }
    buf_init(&b, WHK_BODY_MAX);
    put_body(&b, event, data);
    bool failed = buf_failed(&b);
    struct str body = failed ? STR_EMPTY : arena_str(arena, buf_str(&b));
    buf_fini(&b);
    if (failed || arena_failed(arena)) {
        return failed ? RC_INVALID_ARGUMENT : RC_RESOURCE_EXHAUSTED;
    }
    *out = body;
    return RC_OK;
}

/* --- headers ------------------------------------------------------------------------------- */

static struct str
sign_hex(struct arena *arena, const struct whk_attempt *a, struct str seconds)
{
    char hex[HASH_SHA256_HEX_LEN + 1];
    struct str text = arena_printf(arena, "%.*s.%.*s", STR_ARG(seconds), STR_ARG(a->body));

    hash_hmac_sha256_hex(a->secret, text, hex);
    return arena_printf(arena, "sha256=%s", hex);
}

static enum rc
put_standard(struct arena *arena, struct str secret, struct str text, struct buf *b)
{
    unsigned char mac[HASH_SHA256_LEN];
    struct str key = STR_EMPTY;
    struct str prefix = STR(TOKEN_PREFIX_WEBHOOK);

    if (!str_starts(secret, prefix) ||
        hash_b64_decode(arena, str_sub(secret, prefix.n, secret.n), &key) != RC_OK) {
        return RC_DATA_LOSS;
    }
    hash_hmac_sha256(key, text, mac);
    buf_putz(b, b->n > 0 ? " v1," : "v1,");
    hash_put_b64(b, str_n((const char *)mac, sizeof(mac)));
    return RC_OK;
}

static enum rc
sign_standard(struct arena *arena, const struct whk_attempt *a, struct str seconds, struct str *out)
{
    struct str text = arena_printf(arena, "%.*s.%.*s.%.*s", STR_ARG(a->event_id), STR_ARG(seconds),
                                   STR_ARG(a->body));
    struct buf b;

    buf_init(&b, 256);
    enum rc rc = put_standard(arena, a->secret, text, &b);
    if (rc == RC_OK && a->old_secret.n > 0) {
        rc = put_standard(arena, a->old_secret, text, &b);
    }
    *out = arena_str(arena, buf_str(&b));
    buf_fini(&b);
    return rc;
}

enum rc
whk_headers(struct arena *arena, const struct whk_attempt *a,
            struct http_header out[WHK_HEADERS_MAX], size_t *out_count)
{
    struct str standard = STR_EMPTY;
    struct str delivery = arena_printf(arena, "%lld", (long long)a->delivery_id);
    struct str seconds = arena_printf(arena, "%lld", (long long)(a->now_us / ASSAY_US_PER_S));

    enum rc rc = sign_standard(arena, a, seconds, &standard);
    if (rc != RC_OK) {
        return rc;
    }
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("X-Assay-Event"), a->event_type},
        {STR("X-Assay-Delivery"), delivery},
        {STR("X-Assay-Timestamp"), seconds},
        {STR("X-Assay-Signature"), sign_hex(arena, a, seconds)},
        {STR("webhook-id"), a->event_id},
        {STR("webhook-timestamp"), seconds},
        {STR("webhook-signature"), standard},
    };
    _Static_assert(sizeof(headers) / sizeof(headers[0]) == WHK_HEADERS_MAX, "all headers");
    if (arena_failed(arena)) {
        return RC_RESOURCE_EXHAUSTED;
    }
    memcpy(out, headers, sizeof(headers));
    *out_count = WHK_HEADERS_MAX;
    return RC_OK;
}

/* --- what came back ------------------------------------------------------------------------ */

enum rc
whk_excerpt(struct arena *arena, struct str body, struct str *out)
{
    char *text = arena_alloc(arena, WHK_EXCERPT_MAX);
    size_t n = 0;

    if (text == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    for (size_t at = 0; at < body.n;) {
        size_t from = at;
        int32_t cp = str_next_cp(body, &at);
        if (cp <= 0) {
            at = from + 1;
        }
        size_t len = cp <= 0 ? 1 : at - from;
        if (n + len > WHK_EXCERPT_MAX) {
            break;
        }
        memcpy(text + n, cp <= 0 ? "?" : body.p + from, len);
        n += len;
    }
    *out = str_n(text, n);
    return RC_OK;
}
