/* SPDX-License-Identifier: Apache-2.0
 *
 * Just enough of Postgres' lexer to tell parameters from text that only looks like one.
 * Source: PostgreSQL 15, 4.1 Lexical Structure */
#include "sqlgen.h"

#define PARAMS_MAX 99

static size_t
skip_quoted(struct str s, size_t i, char quote, bool escapes)
{
    for (i++; i < s.n; i++) {
        if (escapes && s.p[i] == '\\') {
            i++;
        } else if (s.p[i] == quote) {
            return i + 1; /* a doubled quote opens the next literal at once */
        }
    }
    return s.n;
}

static size_t
skip_line(struct str s, size_t i)
{
    while (i < s.n && s.p[i] != '\n') {
        i++;
    }
    return i;
}

static size_t
skip_block_comment(struct str s, size_t i)
{
    int depth = 0;
    while (i + 1 < s.n) {
        if (s.p[i] == '/' && s.p[i + 1] == '*') {
            depth++;
            i += 2;
        } else if (s.p[i] == '*' && s.p[i + 1] == '/') {
            i += 2;
            if (--depth == 0) {
                return i;
            }
        } else {
            i++;
        }
    }
    return s.n;
}

static bool
is_name_char(char c)
{
    return ch_is_alpha(c) || ch_is_digit(c) || c == '_' || (unsigned char)c >= 0x80;
}

/* $tag$ ... $tag$; `i` when there is no such quote here. */
static size_t
skip_dollar_quoted(struct str s, size_t i)
{
    size_t end = i + 1;
    while (end < s.n && is_name_char(s.p[end])) {
        end++;
    }
    if (end >= s.n || s.p[end] != '$' || ch_is_digit(s.p[i + 1])) {
        return i;
    }
    struct str tag = str_sub(s, i, end + 1);
    ptrdiff_t close = str_find(str_sub(s, end + 1, s.n), tag);
    return close < 0 ? s.n : end + 1 + (size_t)close + tag.n;
}

/* Where the thing at `i` ends that holds no parameters; `i` when nothing of that kind starts. */
static size_t
skip_opaque(struct str s, size_t i)
{
    char c = s.p[i];
    char next = i + 1 < s.n ? s.p[i + 1] : '\0';
    if (c == '\'') {
        bool escapes =
            i > 0 && ch_lower(s.p[i - 1]) == 'e' && (i == 1 || !is_name_char(s.p[i - 2]));
        return skip_quoted(s, i, c, escapes);
    }
    if (c == '"') {
        return skip_quoted(s, i, c, false);
    }
    if (c == '-' && next == '-') {
        return skip_line(s, i);
    }
    if (c == '/' && next == '*') {
        return skip_block_comment(s, i);
    }
    if (c == '$' && (i == 0 || !is_name_char(s.p[i - 1]))) {
        return skip_dollar_quoted(s, i);
    }
    return i;
}

static int
read_number(struct str s, size_t *at)
{
    int value = 0;
    while (*at < s.n && ch_is_digit(s.p[*at])) {
        value = value > PARAMS_MAX ? value : value * 10 + (s.p[*at] - '0');
        (*at)++;
    }
    return value;
}

int
sql_params(struct str s)
{
    bool used[PARAMS_MAX + 1] = {false};
    int highest = 0;
    for (size_t i = 0; i < s.n;) {
        size_t after = skip_opaque(s, i);
        if (after > i) {
            i = after;
        } else if (s.p[i] == '$' && i + 1 < s.n && ch_is_digit(s.p[i + 1])) {
            i++;
            int n = read_number(s, &i);
            if (n < 1 || n > PARAMS_MAX) {
                return -1;
            }
            used[n] = true;
            highest = n > highest ? n : highest;
        } else {
            i++;
        }
    }
    for (int n = 1; n <= highest; n++) {
        if (!used[n]) {
            return -1;
        }
    }
    return highest;
}
