/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments to parameters, columns to values. Everything travels as text but bytea arguments, which
 * go as they are. */
#include "db/db_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct db_result {
    PGresult *pg;
    struct arena *arena;
    int rows, cols; /* asked for with every value */
};

/* --- arguments ----------------------------------------------------------------------------- */

struct db_arg
db_arg_z(const char *z)
{
    return z == NULL ? DB_ARG_NULL : DB_ARG_STR(str_z(z));
}

/* {"a","b\"c"} */
static const char *
text_array(struct arena *arena, const struct str *items, size_t n)
{
    size_t need = 3;

    for (size_t i = 0; i < n; i++) {
        need += 2 * items[i].n + 6;
    }
    char *out = arena_alloc(arena, need);
    if (out == NULL) {
        return NULL;
    }
    char *p = out;
    *p++ = '{';
    for (size_t i = 0; i < n; i++) {
        *p++ = '"';
        for (size_t k = 0; k < items[i].n; k++) {
            if (items[i].p[k] == '"' || items[i].p[k] == '\\') {
                *p++ = '\\';
            }
            *p++ = items[i].p[k];
        }
        *p++ = '"';
        *p++ = ',';
    }
    p -= n > 0;
    *p++ = '}';
    *p = '\0';
    return out;
}

static const char *
int_array(struct arena *arena, const int64_t *items, size_t n)
{
    size_t cap = n * 21 + 3;
    char *out = arena_alloc(arena, cap);
    size_t at = 1;

    if (out == NULL) {
        return NULL;
    }
    out[0] = '{';
    for (size_t i = 0; i < n; i++) {
        at +=
            (size_t)snprintf(out + at, cap - at, "%s%lld", i == 0 ? "" : ",", (long long)items[i]);
    }
    out[at] = '}';
    out[at + 1] = '\0';
    return out;
}

static const char *
time_text(struct arena *arena, int64_t us)
{
    char text[CLK_TEXT_MAX];
    size_t n = clk_format(us, CLK_US_OFFSET, text);

    return arena_strz(arena, str_n(text, n));
}

/* The parameter's text in the arena; NULL only without memory. */
static const char *
arg_text(struct arena *arena, const struct db_arg *arg)
{
    switch (arg->type) {
    case DB_I64:
        return arena_printf(arena, "%lld", (long long)arg->i).p;
    case DB_F64:
        return arena_printf(arena, "%.17g", arg->f).p;
    case DB_BOOL:
        return arg->i != 0 ? "t" : "f";
    case DB_TEXT:
        return arena_strz(arena, arg->s);
    case DB_TIME:
        return time_text(arena, arg->i);
    case DB_TEXT_ARRAY:
        return text_array(arena, arg->strs, arg->n);
    case DB_I64_ARRAY:
        return int_array(arena, arg->ints, arg->n);
    case DB_BYTES:
        return arg->s.n == 0 ? "" : arena_str(arena, arg->s).p;
    case DB_NULL:
        break;
    }
    return NULL;
}

static bool
has_nul(const struct db_arg *arg)
{
    if (arg->type == DB_TEXT) {
        return arg->s.n > 0 && memchr(arg->s.p, '\0', arg->s.n) != NULL;
    }
    for (size_t i = 0; arg->type == DB_TEXT_ARRAY && i < arg->n; i++) {
        if (arg->strs[i].n > 0 && memchr(arg->strs[i].p, '\0', arg->strs[i].n) != NULL) {
            return true;
        }
    }
    return false;
}

enum rc
db__params(struct ctx *ctx, const struct db_arg *args, int count, struct db__params *out)
{
    ASSERT(count <= DB_ARGS_MAX);
    out->count = count;
    for (int i = 0; i < count; i++) {
        if (has_nul(&args[i])) {
            return fail(ctx, RC_INVALID_ARGUMENT, "NUL_IN_TEXT", "text must not hold NUL");
        }
        out->formats[i] = args[i].type == DB_BYTES;
        out->lengths[i] = args[i].type == DB_BYTES ? (int)args[i].s.n : 0;
        out->values[i] = arg_text(ctx->arena, &args[i]);
        if (out->values[i] == NULL && args[i].type != DB_NULL) {
            return fail_memory(ctx, "the request is too large");
        }
    }
    return RC_OK;
}

/* --- rows ---------------------------------------------------------------------------------- */

static void
clear_result(void *arg)
{
    PQclear(arg);
}

const struct db_result *
db__result(struct arena *arena, PGresult *pg)
{
    if (!arena_on_free(arena, clear_result, pg)) {
        return NULL;
    }
    struct db_result *res = ARENA_NEW(arena, struct db_result);
    if (res != NULL) {
        *res = (struct db_result){pg, arena, PQntuples(pg), PQnfields(pg)};
    }
    return res;
}

int
db_rows(const struct db_result *res)
{
    return res->rows;
}

int64_t
db_affected(const struct db_result *res)
{
    int64_t n = 0;

    (void)!str_to_i64(str_z(PQcmdTuples(res->pg)), 0, INT64_MAX, &n);
    return n;
}

bool
db_is_null(const struct db_result *res, int row, int col)
{
    ASSERT(row >= 0 && row < res->rows && col >= 0 && col < res->cols);
    return PQgetisnull(res->pg, row, col) == 1;
}

struct str
db_str(const struct db_result *res, int row, int col)
{
    if (db_is_null(res, row, col)) {
        return STR_EMPTY;
    }
    return str_n(PQgetvalue(res->pg, row, col), (size_t)PQgetlength(res->pg, row, col));
}

char *
db_strz(const struct db_result *res, int row, int col)
{
    return db_is_null(res, row, col) ? NULL : PQgetvalue(res->pg, row, col);
}

int64_t
db_i64(const struct db_result *res, int row, int col)
{
    int64_t v = 0;

    (void)!str_to_i64(db_str(res, row, col), INT64_MIN, INT64_MAX, &v);
    return v;
}

double
db_f64(const struct db_result *res, int row, int col)
{
    return db_is_null(res, row, col) ? 0 : strtod(PQgetvalue(res->pg, row, col), NULL);
}

bool
db_bool(const struct db_result *res, int row, int col)
{
    return str_eqz(db_str(res, row, col), "t");
}

int64_t
db_time_us(const struct db_result *res, int row, int col)
{
    struct str s = db_str(res, row, col);
    char text[CLK_TEXT_MAX];
    int64_t us = 0;

    if (str_eqz(s, "infinity")) {
        return INT64_MAX;
    }
    if (str_eqz(s, "-infinity")) {
        return INT64_MIN;
    }
    /* The session's zone is UTC: "2025-01-31 12:34:56.789+00". */
    if (s.n < sizeof text - 1 && str_ends(s, STR("+00"))) {
        memcpy(text, s.p, s.n - 3);
        text[s.n - 3] = 'Z';
        s = str_n(text, s.n - 2);
    }
    (void)!clk_parse(s, &us);
    return us;
}

struct str
db_bytes(const struct db_result *res, int row, int col)
{
    struct str s = db_str(res, row, col);

    if (!str_starts(s, STR("\\x"))) {
        return STR_EMPTY;
    }
    size_t n = (s.n - 2) / 2;
    char *out = arena_alloc(res->arena, n + 1);
    if (out == NULL) {
        return STR_EMPTY;
    }
    const char *p = s.p + 2;
    for (size_t i = 0; i < n; i++) {
        out[i] = (char)(ch_hex(p[2 * i]) * 16 + ch_hex(p[2 * i + 1]));
    }
    out[n] = '\0';
    return str_n(out, n);
}

/* Decodes one item of an array's text at *at into *out, and moves both behind it. */
static struct str
array_item(struct str s, size_t *at, char **out)
{
    bool quoted = s.p[*at] == '"';
    char *start = *out;

    *at += quoted;
    while (*at < s.n) {
        char c = s.p[*at];
        if (quoted ? c == '"' : c == ',' || c == '}') {
            break;
        }
        *at += c == '\\' && *at + 1 < s.n;
        *(*out)++ = s.p[(*at)++];
    }
    *at += (size_t)quoted + 1;
    struct str item = str_n(start, (size_t)(*out - start));
    *(*out)++ = '\0';
    return !quoted && str_eqz(item, "NULL") ? STR_EMPTY : item;
}

struct str *
db_strs(const struct db_result *res, int row, int col, size_t *out_n)
{
    struct str s = db_str(res, row, col);
    size_t cap = 1;

    *out_n = 0;
    for (size_t i = 0; i < s.n; i++) {
        cap += s.p[i] == ',';
    }
    struct str *items = ARENA_ARRAY(res->arena, cap, struct str);
    char *text = arena_alloc(res->arena, s.n + cap);
    if (items == NULL || text == NULL || s.n <= 2 || s.p[0] != '{') {
        return items;
    }
    for (size_t at = 1; at < s.n && *out_n < cap;) {
        items[(*out_n)++] = array_item(s, &at, &text);
    }
    return items;
}
