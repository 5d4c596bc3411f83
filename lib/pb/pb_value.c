/* SPDX-License-Identifier: Apache-2.0
 *
 * One scalar, checked against the options of its field, then stored. */
#include "pb/pb_internal.h"

#include <math.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "sec/hash.h"

#define EMAIL_BYTES_MAX 254
#define HTTP_URL_BYTES_MAX 2048

/* --- numbers ------------------------------------------------------------------------------- */

static enum rc
refuse_bound(const struct pb_spot *spot, const char *text, double bound)
{
    struct buf b;

    buf_init(&b, 64);
    json_put_f64(&b, bound);
    enum rc rc = pb_refuse_spot(spot, "must be %s %.*s", text, STR_ARG(buf_str(&b)));
    buf_fini(&b);
    return rc;
}

/* Checks `v`; *out_clamped says that the maximum is to be stored instead. */
static enum rc
check_bounds(const struct pb_spot *spot, double v, bool *out_clamped)
{
    const struct pb_field *f = spot->field;

    if ((f->flags & PB_HAS_MIN) != 0 && v < f->min) {
        return refuse_bound(spot, "at least", f->min);
    }
    *out_clamped = (f->flags & PB_HAS_MAX) != 0 && v > f->max;
    if (*out_clamped && (f->flags & PB_CLAMP) == 0) {
        return refuse_bound(spot, "at most", f->max);
    }
    return RC_OK;
}

enum rc
pb_set_i64(const struct pb_spot *spot, int64_t v)
{
    bool clamped = false;
    enum rc rc = check_bounds(spot, (double)v, &clamped);

    if (rc != RC_OK) {
        return rc;
    }
    if (clamped) {
        v = (int64_t)spot->field->max;
    }
    if (spot->field->kind == PB_INT64) {
        *(int64_t *)spot->at = v;
        return RC_OK;
    }
    bool is_unsigned = spot->field->kind == PB_UINT32;
    if (v < (is_unsigned ? 0 : INT32_MIN) || v > (is_unsigned ? (int64_t)UINT32_MAX : INT32_MAX)) {
        return pb_refuse_spot(spot, "is out of range");
    }
    if (is_unsigned) {
        *(uint32_t *)spot->at = (uint32_t)v;
    } else {
        *(int32_t *)spot->at = (int32_t)v;
    }
    return RC_OK;
}

enum rc
pb_set_f64(const struct pb_spot *spot, double v)
{
    bool clamped = false;
    enum rc rc = check_bounds(spot, v, &clamped);

    if (rc == RC_OK) {
        *(double *)spot->at = clamped ? spot->field->max : v;
    }
    return rc;
}

/* --- patterns ------------------------------------------------------------------------------ */

/* Compiled once per process, never freed: there are as many as the tables name. */
struct compiled {
    struct compiled *next;
    const char *pattern;
    regex_t regex;
};

#define PATTERN_BUCKETS 64
static _Atomic(struct compiled *) patterns[PATTERN_BUCKETS];

static struct compiled *
compile(const char *pattern)
{
    struct compiled *c = calloc(1, sizeof(*c));

    ASSERT(c != NULL);
    c->pattern = pattern;
    ASSERT(regcomp(&c->regex, pattern, REG_EXTENDED) == 0);
    return c;
}

/* Two threads may compile the same pattern at once; both results are kept and used. */
static struct compiled *
compiled_for(const char *pattern)
{
    _Atomic(struct compiled *) *bucket = &patterns[((uintptr_t)pattern >> 3) % PATTERN_BUCKETS];

    for (struct compiled *c = atomic_load(bucket); c != NULL; c = c->next) {
        if (c->pattern == pattern) {
            return c;
        }
    }
    struct compiled *c = compile(pattern);
    c->next = atomic_load(bucket);
    while (!atomic_compare_exchange_weak(bucket, &c->next, c)) {
    }
    return c;
}

/* True when the whole of `z` matches. Patterns have static storage. */
static bool
matches(const char *pattern, const char *z, size_t n)
{
    regmatch_t all;

    return regexec(&compiled_for(pattern)->regex, z, 1, &all, 0) == 0 && all.rm_so == 0 &&
           (size_t)all.rm_eo == n;
}

/* --- text ---------------------------------------------------------------------------------- */

enum text_format { FREE, EMAIL, HTTP_URL, UUID, SHA256 }; /* TextFormat of options.proto */

/* Bound of one value, -1 for the default. An item without a bound of its own may carry 0 or -1. */
static int64_t
max_len(const struct pb_spot *spot)
{
    if (!spot->is_item) {
        return spot->field->max_len;
    }
    return spot->field->item_max_len > 0 ? spot->field->item_max_len : -1;
}

static bool
has_space(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (ch_is_space(s.p[i])) {
            return true;
        }
    }
    return false;
}

/* Spaces, controls and what nobody sees have no place in an address, nor what ends one in a header
 * (RFC 5322 allows that in quotes, which no mailbox of our users has). */
static bool
is_mail_cp(int32_t cp)
{
    static const struct {
        int32_t from, to;
    } OUT[] = {{-1, ' '},        {0x7F, 0xA0},     {0xAD, 0xAD},     {0x1680, 0x1680},
               {0x180E, 0x180E}, {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F},
               {0x3000, 0x3000}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}};

    for (size_t i = 0; i < ARRAY_LEN(OUT); i++) {
        if (cp >= OUT[i].from && cp <= OUT[i].to) {
            return false;
        }
    }
    return cp > 0x7F || strchr("<>()[],;:\\\"", (int)cp) == NULL;
}

static bool
is_email(struct str s)
{
    ptrdiff_t at = str_find_byte(s, '@');
    size_t next = 0;

    while (next < s.n) {
        if (!is_mail_cp(str_next_cp(s, &next))) {
            return false;
        }
    }
    return s.n <= EMAIL_BYTES_MAX && at > 0 && (size_t)at + 1 < s.n && str_rfind_byte(s, '@') == at;
}

static bool
is_http_url(struct str s)
{
    size_t scheme = str_istarts(s, STR("https://")) ? 8 : str_istarts(s, STR("http://")) ? 7 : 0;

    return scheme > 0 && s.n > scheme && s.n <= HTTP_URL_BYTES_MAX && !has_space(s) &&
           strchr("/?#:", s.p[scheme]) == NULL;
}

static bool
is_sha256(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f')) {
            return false;
        }
    }
    return s.n == HASH_SHA256_HEX_LEN;
}

static enum rc
check_format(const struct pb_spot *spot, struct str s)
{
    switch ((enum text_format)spot->field->format) {
    case FREE:
        return RC_OK;
    case EMAIL:
        return is_email(s) ? RC_OK : pb_refuse_spot(spot, "must be an e-mail address");
    case HTTP_URL:
        return is_http_url(s) ? RC_OK : pb_refuse_spot(spot, "must be an http or https URL");
    case UUID:
        return id_is_uuid(s) ? RC_OK : pb_refuse_spot(spot, "must be a UUID in lower case");
    case SHA256:
        return is_sha256(s) ? RC_OK
                            : pb_refuse_spot(spot, "must be 64 lower-case hexadecimal digits");
    }
    return RC_OK;
}

static enum rc
check_length(const struct pb_spot *spot, struct str s)
{
    int64_t max = max_len(spot);
    int64_t min = spot->is_item ? 0 : spot->field->min_len;

    max = max < 0 ? PB_STRING_CP_MAX : max;
    if ((int64_t)s.n <= max && min <= 0) {
        return RC_OK; /* no need to count */
    }
    int64_t n = (int64_t)str_cp_count(s);
    if (n < min) {
        return pb_refuse_spot(spot, "must have at least %lld character%s", (long long)min,
                              min == 1 ? "" : "s");
    }
    if (n > max) {
        return pb_refuse_spot(spot, "must have at most %lld characters", (long long)max);
    }
    return RC_OK;
}

static enum rc
check_in(const struct pb_spot *spot, struct str s)
{
    const char *const *in = spot->field->in;
    struct buf b;

    for (size_t i = 0; in[i] != NULL; i++) {
        if (str_eqz(s, in[i])) {
            return RC_OK;
        }
    }
    buf_init(&b, 4096);
    for (size_t i = 0; in[i] != NULL; i++) {
        buf_printf(&b, "%s%s", i == 0 ? "" : ", ", in[i]);
    }
    enum rc rc = pb_refuse_spot(
        spot, in[0] != NULL && in[1] == NULL ? "must be %.*s" : "must be one of %.*s",
        STR_ARG(buf_str(&b)));
    buf_fini(&b);
    return rc;
}

static void
lower(char *z)
{
    for (; *z != '\0'; z++) {
        *z = ch_lower(*z);
    }
}

static enum rc
set_string(const struct pb_spot *spot, struct str s, bool z)
{
    const struct pb_field *f = spot->field;

    if ((f->flags & PB_LOWER) != 0) {
        s = str_trim(s);
        z = false;
    }
    enum rc rc = check_length(spot, s);
    if (rc != RC_OK) {
        return rc;
    }
    char *copy = z ? (char *)(uintptr_t)s.p : arena_strz(spot->ctx->arena, s);
    if (copy == NULL) {
        return pb_out_of_memory(spot->ctx);
    }
    s.p = copy;
    if ((f->flags & PB_LOWER) != 0) {
        lower(copy);
    }
    rc = f->in != NULL ? check_in(spot, s) : RC_OK;
    if (rc == RC_OK && f->pattern != NULL && !matches(f->pattern, copy, s.n)) {
        rc = pb_refuse_spot(spot, "must match %s", f->pattern);
    }
    if (rc == RC_OK) {
        rc = check_format(spot, s);
    }
    if (rc == RC_OK) {
        *(char **)spot->at = copy;
    }
    return rc;
}

static enum rc
set_base64(const struct pb_spot *spot, struct str s)
{
    const struct pb_field *f = spot->field;
    int64_t max = max_len(spot);
    struct str bytes = STR_EMPTY;
    enum rc rc = hash_b64_decode(spot->ctx->arena, s, &bytes);

    if (arena_failed(spot->ctx->arena)) {
        return pb_out_of_memory(spot->ctx);
    }
    if (rc != RC_OK) {
        return pb_refuse_spot(spot, "must be base64");
    }
    if (max >= 0 && bytes.n > (size_t)max) {
        return pb_refuse_spot(spot, "must have at most %lld bytes", (long long)max);
    }
    if (!spot->is_item && (int64_t)bytes.n < f->min_len) {
        return pb_refuse_spot(spot, "must have at least %lld bytes", (long long)f->min_len);
    }
    /* Decoded into this request's arena, so the bytes may be given away as mutable. */
    *(ProtobufCBinaryData *)spot->at =
        (ProtobufCBinaryData){bytes.n, (uint8_t *)(uintptr_t)bytes.p};
    return RC_OK;
}

enum rc
pb_set_text(const struct pb_spot *spot, struct str text, bool z)
{
    switch (spot->field->kind) {
    case PB_STRING:
        return set_string(spot, text, z);
    case PB_TIME:
        return clk_parse(text, spot->at) == RC_OK
                   ? RC_OK
                   : pb_refuse_spot(spot, "must be an ISO 8601 date and time");
    default:
        return set_base64(spot, text);
    }
}
