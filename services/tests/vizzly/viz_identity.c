/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client says of a screenshot, in its several ways, and the names that follow from it. */
#include <string.h>

#include "sec/hash.h"
#include "tests/vizzly/viz.h"

#define BROWSER_DEFAULT "chrome"
#define WIDTH_DEFAULT 1920

/* --- properties ---------------------------------------------------------------------------- */

static int64_t
number_at(const struct json_value *v, const char *flat, const char *nested)
{
    int64_t n = json_i64(json_get(v, flat), 0);

    n = n > 0 ? n : json_i64(json_path(v, nested), 0);
    return n > 0 && n <= 1000000 ? n : 0;
}

static struct str
text_at(const struct json_value *v, const char *key)
{
    struct str s = json_str(json_get(v, key));

    return s.n > 0 && str_cp_count(s) <= VIZ_NAME_MAX ? s : STR_EMPTY;
}

/* What one object says and the ones before it have not. */
static void
take(struct viz_shot *shot, const struct json_value *v)
{
    shot->browser = shot->browser.n > 0 ? shot->browser : text_at(v, "browser");
    shot->url = shot->url.n > 0 ? shot->url : text_at(v, "url");
    if (shot->viewport_width == 0) {
        shot->viewport_width = number_at(v, "viewport_width", "viewport.width");
    }
    if (shot->viewport_height == 0) {
        shot->viewport_height = number_at(v, "viewport_height", "viewport.height");
    }
}

/* Older clients nest what the test has said one level deeper. */
void
viz_identify(struct viz_shot *shot, const struct json_value *properties)
{
    take(shot, properties);
    take(shot, json_get(properties, "metadata"));
    take(shot, json_get(properties, "properties"));
}

void
viz_identify_default(struct viz_shot *shot)
{
    shot->browser = shot->browser.n > 0 ? shot->browser : STR(BROWSER_DEFAULT);
    if (shot->viewport_width == 0) {
        shot->viewport_width = WIDTH_DEFAULT;
    }
}

/* --- file names of the command-line client -------------------------------------------------- */

#define FILE_NAME_MAX 50

static bool
is_kept(int32_t cp)
{
    return cp < 0x80 && (ch_is_alpha((char)cp) || ch_is_digit((char)cp) || cp == '.' || cp == '_' ||
                         cp == ' ' || cp == '-');
}

/* Each UTF-16 unit outside a small alphabet becomes '_'. */
static struct str
plain(struct ctx *ctx, struct str s, bool lower)
{
    char *out = arena_alloc(ctx->arena, 2 * s.n + 1);
    size_t n = 0;
    size_t at = 0;

    while (out != NULL && at < s.n) {
        int32_t cp = str_next_cp(s, &at);
        if (cp < 0) {
            break;
        }
        out[n++] = !is_kept(cp) ? '_' : lower ? ch_lower((char)cp) : (char)cp;
        if (cp > 0xFFFF) {
            out[n++] = '_';
        }
    }
    return str_n(out, n);
}

/* Runs of blanks become one hyphen, at most FILE_NAME_MAX characters stay. */
static struct str
file_stem(struct ctx *ctx, struct str name)
{
    char *out = arena_alloc(ctx->arena, FILE_NAME_MAX);
    size_t n = 0;

    for (size_t i = 0; out != NULL && i < name.n && n < FILE_NAME_MAX; i++) {
        bool blank = name.p[i] == ' ';
        if (!blank || i == 0 || name.p[i - 1] != ' ') {
            out[n++] = blank ? '-' : name.p[i];
        }
    }
    return str_n(out, n);
}

char *
viz_baseline_file(struct ctx *ctx, struct str name, struct str browser, int64_t width)
{
    char hex[HASH_SHA256_HEX_LEN + 1];
    struct str rest = browser;
    struct str product = plain(ctx, str_trim(str_split(&rest, '/')), true);
    struct str clean = plain(ctx, name, false);
    if (str_starts(clean, STR("."))) { /* no hidden files */
        clean = arena_printf(ctx->arena, "file_%.*s", STR_ARG(clean));
    }
    struct str signature = arena_printf(ctx->arena, "%.*s|%lld|%.*s", STR_ARG(str_trim(clean)),
                                        (long long)width, STR_ARG(str_trim(product)));

    hash_sha256_hex(signature, hex);
    return pb_strz(ctx->arena,
                   arena_printf(ctx->arena, "%.*s_%.12s.png", STR_ARG(file_stem(ctx, clean)), hex));
}
