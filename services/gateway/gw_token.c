/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a token may stand in a request. Source: tests/contract, "Tokens and roles". */
#include "gateway/gw_identify.h"

/* "Bearer T" and "api-key T"; scheme names ignore case. p == NULL for another scheme. */
static struct str
token_of_authorization(struct str value, struct str scheme)
{
    if (!str_istarts(value, scheme) || value.n <= scheme.n || !ch_is_space(value.p[scheme.n])) {
        return STR_EMPTY;
    }
    struct str token = str_trim(str_sub(value, scheme.n, value.n));
    return token.p == NULL ? STR("") : token;
}

/* Decodes a value of the query string; malformed escapes stay as they are, no token has any. */
static struct str
decode(struct arena *arena, struct str raw)
{
    char *p = arena_alloc(arena, raw.n + 1);
    size_t n = 0;

    for (size_t i = 0; p != NULL && i < raw.n; i++) {
        int hi = raw.n - i > 2 && raw.p[i] == '%' ? ch_hex(raw.p[i + 1]) : -1;
        int lo = hi >= 0 ? ch_hex(raw.p[i + 2]) : -1;
        if (lo >= 0) {
            p[n++] = (char)(hi * 16 + lo);
            i += 2;
        } else {
            p[n++] = raw.p[i];
        }
    }
    return p == NULL ? STR("") : str_n(p, n);
}

static struct str
token_of_query(struct ctx *ctx, struct str query, struct str name)
{
    while (query.p != NULL) {
        struct str value = str_split(&query, '&');
        struct str key = str_split(&value, '=');
        if (str_eq(key, name)) {
            return decode(ctx->arena, value);
        }
    }
    return STR_EMPTY;
}

struct str
gw_find_token(struct ctx *ctx, const struct web_request *http, bool external, bool query_token)
{
    struct str authorization = web_header(http, "authorization");
    struct str token = token_of_authorization(authorization, STR("bearer"));

    if (token.p == NULL) {
        token = token_of_authorization(authorization, STR("api-key"));
    }
    if (token.p == NULL) {
        token = web_header(http, "x-api-key");
    }
    if (token.p == NULL && external) {
        token = token_of_query(ctx, http->query, STR("api-key"));
    }
    if (token.p == NULL && query_token) {
        token = token_of_query(ctx, http->query, STR("token"));
    }
    return token;
}
