/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of text that messages for people share. Pure. */
#ifndef ASSAY_WEBHOOKS_WHK_TEXT_H
#define ASSAY_WEBHOOKS_WHK_TEXT_H

#include "base/ctx.h"

/* At most the first `max_cp` code points, never a part of one; ends before malformed bytes. */
struct str whk_cut(struct str s, size_t max_cp);
/* "12.3 s", in ctx->arena. */
struct str whk_seconds(struct ctx *ctx, int64_t ms);
/* The URL when a browser can open it, else the empty string. */
struct str whk_web_url(struct str url);

#endif
