/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_text.h"

struct str
whk_cut(struct str s, size_t max_cp)
{
    size_t at = 0;

    for (size_t n = 0; n < max_cp && at < s.n; n++) {
        if (str_next_cp(s, &at) < 0) {
            break;
        }
    }
    return str_sub(s, 0, at);
}

struct str
whk_seconds(struct ctx *ctx, int64_t ms)
{
    return arena_printf(ctx->arena, "%lld.%lld s", (long long)(ms / 1000),
                        (long long)(ms % 1000 / 100));
}

struct str
whk_web_url(struct str url)
{
    bool is_web = str_istarts(url, STR("http://")) || str_istarts(url, STR("https://"));

    return is_web ? url : STR_EMPTY;
}
