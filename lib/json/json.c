/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader. A string is scanned once for syntax; only one with escapes is copied. */
#include "json/json.h"

#include "json/json_string.h"

enum state {
    WANT_VALUE = 0, /* at the start, after a colon, or where an item must follow */
    AFTER_OPEN,     /* of a container: its end, a key or an item */
    AFTER_VALUE,    /* in a container: its end or a comma */
    DONE,           /* the outermost value is complete */
    FAILED
};

void
json_read_init(struct json_reader *r, struct str in, struct arena *arena)
{
    *r = (struct json_reader){
        .in = in, .arena = arena, .depth_max = JSON_DEPTH_MAX, .state = WANT_VALUE};
}

static enum rc
refuse(struct json_reader *r, enum rc rc, const char *why)
{
    if (r->state != FAILED) {
        r->state = FAILED;
        r->rc = rc;
        r->error = why;
    }
    return r->rc;
}

static enum rc
malformed(struct json_reader *r, const char *why)
{
    return refuse(r, RC_INVALID_ARGUMENT, why);
}

/* Moves over white space; returns the byte that follows, -1 at the end of the input. */
static int
peek(struct json_reader *r)
{
    while (r->at < r->in.n) {
        char c = r->in.p[r->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            return (unsigned char)c;
        }
        r->at++;
    }
    return -1;
}

static void
value_done(struct json_reader *r)
{
    r->state = r->depth == 0 ? DONE : AFTER_VALUE;
}

/* --- strings ------------------------------------------------------------------------------- */

/* Reads the string at r->at (its opening quote), decoded if asked for, and moves behind it. */
static enum rc
read_string(struct json_reader *r, bool decode, struct str *out, bool *out_copied)
{
    size_t from = r->at + 1;
    bool escaped = false;

    r->at = from;
    const char *error = json_string_scan(r->in, &r->at, &escaped);
    if (error != NULL) {
        return malformed(r, error);
    }
    *out = str_n(r->in.p + from, r->at - from);
    r->at++;
    *out_copied = decode && escaped;
    if (!*out_copied) {
        return RC_OK;
    }
    char *to = r->arena == NULL ? NULL : arena_alloc(r->arena, out->n + 1);
    if (to == NULL) {
        return refuse(r, RC_RESOURCE_EXHAUSTED, "out of memory for strings");
    }
    size_t n = json_string_decode(*out, to);
    to[n] = '\0';
    *out = str_n(to, n);
    return RC_OK;
}

/* --- numbers and words --------------------------------------------------------------------- */

/* Moves over digits; false when there is none. */
static bool
scan_digits(struct json_reader *r)
{
    size_t from = r->at;

    while (r->at < r->in.n && ch_is_digit(r->in.p[r->at])) {
        r->at++;
    }
    return r->at > from;
}

static bool
scan_byte(struct json_reader *r, char c)
{
    if (r->at >= r->in.n || r->in.p[r->at] != c) {
        return false;
    }
    r->at++;
    return true;
}

/* Of a syntactically good number: few bytes, a small exponent, within a double. */
static bool
number_is_sane(struct str digits, ptrdiff_t exponent_at)
{
    double ignored = 0;

    if (digits.n > JSON_NUMBER_MAX) {
        return false;
    }
    if (exponent_at >= 0) {
        struct str e = str_sub(digits, (size_t)exponent_at, digits.n);
        while (e.n > 0 && !(e.p[0] >= '1' && e.p[0] <= '9')) {
            e = str_sub(e, 1, e.n);
        }
        if (e.n > 3) {
            return false;
        }
    } else if (digits.n < 300) {
        return true;
    }
    return json_number_f64(digits, &ignored) == RC_OK;
}

static enum rc
scan_number(struct json_reader *r, struct str *out)
{
    size_t from = r->at;
    ptrdiff_t exponent_at = -1;

    (void)scan_byte(r, '-');
    if (!scan_byte(r, '0') && !scan_digits(r)) {
        return malformed(r, "malformed number");
    }
    if (scan_byte(r, '.') && !scan_digits(r)) {
        return malformed(r, "malformed number");
    }
    if (scan_byte(r, 'e') || scan_byte(r, 'E')) {
        exponent_at = (ptrdiff_t)(r->at - from);
        if (!scan_byte(r, '+')) {
            (void)scan_byte(r, '-');
        }
        if (!scan_digits(r)) {
            return malformed(r, "malformed number");
        }
    }
    *out = str_n(r->in.p + from, r->at - from);
    return number_is_sane(*out, exponent_at) ? RC_OK : malformed(r, "number out of range");
}

static enum rc
read_word(struct json_reader *r, struct str word, enum json_type type, struct json_token *out)
{
    if (!str_starts(str_sub(r->in, r->at, r->in.n), word)) {
        return malformed(r, "not a JSON value");
    }
    r->at += word.n;
    out->type = type;
    value_done(r);
    return RC_OK;
}

/* --- tokens -------------------------------------------------------------------------------- */

static enum rc
open_container(struct json_reader *r, char c, struct json_token *out)
{
    int max = r->depth_max < JSON_DEPTH_MAX ? r->depth_max : JSON_DEPTH_MAX;

    if (r->depth >= max) {
        return refuse(r, RC_RESOURCE_EXHAUSTED, "nested too deeply");
    }
    r->stack[r->depth++] = (unsigned char)c;
    r->at++;
    r->state = AFTER_OPEN;
    out->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
    return RC_OK;
}

static enum rc
read_value(struct json_reader *r, bool decode, struct json_token *out)
{
    int c = peek(r);
    enum rc rc = RC_OK;

    *out = (struct json_token){.at = r->at};
    switch (c) {
    case '{':
    case '[':
        return open_container(r, (char)c, out);
    case 't':
        return read_word(r, STR("true"), JSON_TRUE, out);
    case 'f':
        return read_word(r, STR("false"), JSON_FALSE, out);
    case 'n':
        return read_word(r, STR("null"), JSON_NULL, out);
    case '"':
        out->type = JSON_STRING;
        rc = read_string(r, decode, &out->text, &out->copied);
        break;
    case -1:
        return malformed(r, "input ends where a value must follow");
    default:
        if (c != '-' && !ch_is_digit((char)c)) {
            return malformed(r, "not a JSON value");
        }
        out->type = JSON_NUMBER;
        rc = scan_number(r, &out->text);
    }
    if (rc == RC_OK) {
        value_done(r);
    }
    return rc;
}

/* In a container: reads its end, or the comma before what follows. */
static enum rc
read_comma(struct json_reader *r, bool *out_more)
{
    bool is_object = r->stack[r->depth - 1] == '{';
    int c = peek(r);

    *out_more = false;
    if (c == (is_object ? '}' : ']')) {
        r->at++;
        r->depth--;
        value_done(r);
        return RC_OK;
    }
    if (c == -1) {
        return malformed(r, is_object ? "object does not end" : "array does not end");
    }
    if (r->state == AFTER_VALUE) {
        if (c != ',') {
            return malformed(r, "comma or end of the container expected");
        }
        r->at++;
        if (peek(r) == (is_object ? '}' : ']')) {
            return malformed(r, "comma before the end of a container");
        }
    }
    *out_more = true;
    r->state = WANT_VALUE;
    return RC_OK;
}

static enum rc
read_key(struct json_reader *r, bool decode, struct str *out_key)
{
    bool copied = false;

    if (peek(r) != '"') {
        return malformed(r, "key in quotes expected");
    }
    enum rc rc = read_string(r, decode, out_key, &copied);
    if (rc != RC_OK) {
        return rc;
    }
    if (peek(r) != ':') {
        return malformed(r, "colon expected");
    }
    r->at++;
    return RC_OK;
}

static enum rc
read_token(struct json_reader *r, bool decode, struct json_token *out)
{
    bool more = false;

    if (r->state == FAILED) {
        return r->rc;
    }
    if (r->state == WANT_VALUE) {
        return read_value(r, decode, out);
    }
    if (r->state == DONE) {
        *out = (struct json_token){.type = JSON_END, .at = r->at};
        return json_read_end(r);
    }
    bool is_object = r->stack[r->depth - 1] == '{';
    enum rc rc = read_comma(r, &more);
    if (rc != RC_OK) {
        return rc;
    }
    *out = (struct json_token){.type = is_object ? JSON_OBJECT_END : JSON_ARRAY_END, .at = r->at};
    if (!more) {
        return RC_OK;
    }
    if (!is_object) {
        return read_value(r, decode, out);
    }
    out->type = JSON_STRING;
    out->at = r->at;
    return read_key(r, decode, &out->text);
}

enum rc
json_read(struct json_reader *r, struct json_token *out)
{
    return read_token(r, true, out);
}

enum rc
json_read_key(struct json_reader *r, struct str *out_key, bool *out_more)
{
    if (r->state == FAILED) {
        return r->rc;
    }
    ASSERT(r->depth > 0 && r->stack[r->depth - 1] == '{' && r->state != WANT_VALUE);
    enum rc rc = read_comma(r, out_more);
    return rc == RC_OK && *out_more ? read_key(r, true, out_key) : rc;
}

enum rc
json_read_item(struct json_reader *r, bool *out_more)
{
    if (r->state == FAILED) {
        return r->rc;
    }
    ASSERT(r->depth > 0 && r->stack[r->depth - 1] == '[' && r->state != WANT_VALUE);
    return read_comma(r, out_more);
}

enum rc
json_skip(struct json_reader *r, struct str *out_raw)
{
    struct json_token token = {.type = JSON_END};
    int depth = r->depth;

    ASSERT(r->state == WANT_VALUE || r->state == FAILED);
    enum rc rc = read_token(r, false, &token);
    size_t from = token.at;

    while (rc == RC_OK && r->depth > depth) {
        rc = read_token(r, false, &token);
    }
    if (rc == RC_OK && out_raw != NULL) {
        *out_raw = str_n(r->in.p + from, r->at - from);
    }
    return rc;
}

enum rc
json_read_end(struct json_reader *r)
{
    if (r->state == FAILED) {
        return r->rc;
    }
    if (r->state != DONE || peek(r) != -1) {
        return malformed(r, "something follows the value");
    }
    return RC_OK;
}
