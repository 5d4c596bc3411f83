/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/lexer.h"

#include <string.h>

#include "worker/steps/action.h"
#include "worker/steps/spelling.h"

struct lexer {
    struct arena *arena;
    struct str in;
    size_t at;
    struct tok *toks;
    int count;
    const char *error;
};

/* What closes a quoted text. Single quotes close only where no letter follows. */
struct quote {
    const char *open;
    const char *close;
    bool single;
};

static const struct quote QUOTES[] = {
    {"'", "'", true},
    {"\"", "\"", false},
    {"`", "`", false},
    {"\xE2\x80\x98", "\xE2\x80\x99", true},  /* ‘ ’ */
    {"\xE2\x80\x9C", "\xE2\x80\x9D", false}, /* “ ” */
    {"\xE2\x80\x9E", "\xE2\x80\x9D", false}, /* „ ” */
    {"\xE2\x80\x9D", "\xE2\x80\x9D", false}, /* ” ” */
    {"\xC2\xAB", "\xC2\xBB", false},         /* « » */
};

static bool
starts_at(struct str s, size_t at, const char *z)
{
    size_t n = strlen(z);
    return at + n <= s.n && memcmp(s.p + at, z, n) == 0;
}

/* Length of white space at `at`, 0 for none; a no-break space counts. */
static size_t
space_at(struct str s, size_t at)
{
    if (at < s.n && ch_is_space(s.p[at])) {
        return 1;
    }
    if (starts_at(s, at, "\xC2\xA0")) {
        return 2;
    }
    return starts_at(s, at, "\xE2\x80\xAF") ? 3 : 0;
}

static bool
is_word_byte(struct str s, size_t at)
{
    if (at >= s.n) {
        return false;
    }
    unsigned char c = (unsigned char)s.p[at];
    if (c < 0x80) {
        return ch_is_alpha((char)c) || ch_is_digit((char)c);
    }
    /* Typographic punctuation (U+20xx) and « » are no letters. */
    return !starts_at(s, at, "\xE2\x80") && !starts_at(s, at, "\xC2\xBB") && space_at(s, at) == 0;
}

/* Offset of what closes `q` for a text starting at `from`, or -1. */
static ptrdiff_t
quote_end(struct str s, size_t from, const struct quote *q)
{
    size_t n = strlen(q->close);
    for (size_t i = from; i + n <= s.n; i++) {
        if (s.p[i] == '\\' && starts_at(s, i + 1, q->close)) {
            i += n;
            continue;
        }
        if (!starts_at(s, i, q->close)) {
            continue;
        }
        if (!q->single || !is_word_byte(s, i + n)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static const struct quote *
quote_at(struct str s, size_t at)
{
    for (size_t i = 0; i < ARRAY_LEN(QUOTES); i++) {
        if (starts_at(s, at, QUOTES[i].open)) {
            return &QUOTES[i];
        }
    }
    return NULL;
}

static struct tok *
push(struct lexer *lx, enum tok_kind kind, size_t from, size_t to)
{
    if (lx->count == LEX_TOKENS_MAX) {
        lx->error = "the sentence is too long";
        return NULL;
    }
    struct tok *t = &lx->toks[lx->count++];
    *t = (struct tok){.kind = kind, .from = from, .to = to, .low = ""};
    t->text = str_sub(lx->in, from, to);
    return t;
}

/* Lower case with ’ written as '. */
static const char *
fold(struct arena *arena, struct str s)
{
    char *out = arena_strz(arena, s);
    if (out == NULL) {
        return "";
    }
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (starts_at(s, i, "\xE2\x80\x99")) {
            out[n++] = '\'';
            i += 2;
        } else {
            out[n++] = ch_lower(s.p[i]);
        }
    }
    out[n] = '\0';
    return out;
}

static bool
holds_var(struct str s)
{
    return str_find(s, STR("${")) >= 0 || str_find(s, STR("{{")) >= 0;
}

/* Drops the backslashes that protect quotes. */
static struct str
unescape(struct arena *arena, struct str s)
{
    if (str_find_byte(s, '\\') < 0) {
        return s;
    }
    char *out = arena_strz(arena, s);
    if (out == NULL) {
        return s;
    }
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '"' || s.p[i + 1] == '\'')) {
            continue;
        }
        out[n++] = s.p[i];
    }
    return str_n(out, n);
}

static bool
lex_quoted(struct lexer *lx, const struct quote *q)
{
    size_t from = lx->at + strlen(q->open);
    ptrdiff_t end = quote_end(lx->in, from, q);
    if (end < 0 && strcmp(q->close, "\xE2\x80\x9D") == 0) {
        static const struct quote PLAIN = {"\"", "\"", false};
        static const struct quote LEFT = {"\xE2\x80\x9C", "\xE2\x80\x9C", false};
        end = quote_end(lx->in, from, starts_at(lx->in, lx->at, "\xE2\x80\x9E") ? &LEFT : &PLAIN);
    }
    if (end < 0) {
        return false;
    }
    size_t close_n = (unsigned char)lx->in.p[end] < 0x80          ? 1
                     : starts_at(lx->in, (size_t)end, "\xC2\xBB") ? 2
                                                                  : 3;
    struct tok *t = push(lx, TOK_QUOTED, lx->at, (size_t)end + close_n);
    if (t != NULL) {
        t->text = unescape(lx->arena, str_sub(lx->in, from, (size_t)end));
        t->var = holds_var(t->text);
        lx->at = t->to;
    }
    return true;
}

/* Length of ${…} or {{…}} at `at`, 0 for none. */
static size_t
var_at(struct str s, size_t at)
{
    const char *close = starts_at(s, at, "${") ? "}" : starts_at(s, at, "{{") ? "}}" : NULL;
    if (close == NULL) {
        return 0;
    }
    ptrdiff_t end = str_find(str_sub(s, at, s.n), str_z(close));
    return end < 0 ? 0 : (size_t)end + strlen(close);
}

static bool
is_mark(char c)
{
    return c != '\0' && strchr(",;:.!?()", c) != NULL;
}

/* A mark stands alone where nothing of a word follows it: "v1.2", "10:30" and "1,250" are words. */
static bool
mark_stands(struct str s, size_t at)
{
    char c = s.p[at];
    if (c == '(' || c == ')') {
        return true;
    }
    size_t i = at;
    while (i < s.n && is_mark(s.p[i])) {
        i++;
    }
    return i >= s.n || space_at(s, i) > 0 || quote_at(s, i) != NULL;
}

static size_t
word_end(struct str s, size_t at)
{
    size_t i = at;
    while (i < s.n && space_at(s, i) == 0) {
        size_t v = var_at(s, i);
        if (v > 0) {
            i += v;
            continue;
        }
        if (is_mark(s.p[i]) && mark_stands(s, i)) {
            break;
        }
        if (s.p[i] == '"' || starts_at(s, i, "\xE2\x80\x9C") || starts_at(s, i, "\xE2\x80\x9D")) {
            break;
        }
        i++;
    }
    return i;
}

static void
lex_word(struct lexer *lx)
{
    size_t end = word_end(lx->in, lx->at);
    if (end == lx->at) {
        lx->error = "a quotation mark has no partner";
        return;
    }
    struct tok *t = push(lx, TOK_WORD, lx->at, end);
    if (t != NULL) {
        t->low = spell_mend(fold(lx->arena, t->text));
        t->var = holds_var(t->text);
        size_t n = strlen(t->low);
        if (n > 1 && t->low[n - 1] == '\'' && !t->var) {
            lx->error = "it is unclear where the quoted text ends";
        }
        lx->at = end;
    }
}

static void
lex_next(struct lexer *lx)
{
    const struct quote *q = quote_at(lx->in, lx->at);
    if (q != NULL && lex_quoted(lx, q)) {
        return;
    }
    if (q != NULL) {
        lx->error = "a quotation mark has no partner";
        return;
    }
    if (is_mark(lx->in.p[lx->at]) && mark_stands(lx->in, lx->at)) {
        struct tok *t = push(lx, TOK_MARK, lx->at, lx->at + 1);
        if (t != NULL) {
            t->low = fold(lx->arena, t->text);
        }
        lx->at++;
        return;
    }
    lex_word(lx);
}

static bool
closes(const struct tok *t)
{
    return t->kind == TOK_MARK && strchr(".!?;,:", t->low[0]) != NULL;
}

static bool
readable(struct str s, const char **out_error)
{
    if (s.n > STEP_TEXT_MAX) {
        *out_error = "the sentence is too long";
    } else if (!str_is_utf8(s)) {
        *out_error = "the sentence is not valid UTF-8";
    } else {
        return true;
    }
    return false;
}

/* "tapOn: 'x'" as "tap on 'x'": commands of tools that write them in one word. */
static void
split_command(struct lexer *lx)
{
    struct tok first = lx->toks[0];
    size_t humps = 0;
    for (size_t i = 0; i < first.text.n; i++) {
        bool upper = first.text.p[i] >= 'A' && first.text.p[i] <= 'Z';
        humps += upper;
        if ((!upper && (first.text.p[i] < 'a' || first.text.p[i] > 'z')) || (upper && i == 0)) {
            return;
        }
    }
    if (first.kind != TOK_WORD || humps == 0 || humps > 4 || lx->count + 4 > LEX_TOKENS_MAX) {
        return;
    }
    int colon = lx->count > 1 && lx->toks[1].kind == TOK_MARK && lx->toks[1].low[0] == ':';
    memmove(lx->toks + humps + 1, lx->toks + 1 + colon,
            (size_t)(lx->count - 1 - colon) * sizeof(*lx->toks));
    lx->count += (int)humps - colon;
    size_t from = 0;
    for (size_t k = 0; k <= humps; k++) {
        size_t to = from + 1;
        while (to < first.text.n && first.text.p[to] >= 'a') {
            to++;
        }
        struct tok *t = &lx->toks[k];
        *t = (struct tok){.kind = TOK_WORD, .from = first.from + from, .to = first.from + to};
        t->text = str_sub(first.text, from, to);
        t->low = fold(lx->arena, t->text);
        from = to;
    }
}

enum rc
lex(struct arena *arena, struct str sentence, struct lexed *out)
{
    *out = (struct lexed){.in = sentence};
    if (!readable(sentence, &out->error)) {
        return RC_OK;
    }
    struct lexer lx = {.arena = arena, .in = sentence};
    lx.toks = ARENA_ARRAY(arena, LEX_TOKENS_MAX, struct tok);
    if (lx.toks == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    while (lx.error == NULL && lx.at < sentence.n) {
        size_t space = space_at(sentence, lx.at);
        if (space > 0) {
            lx.at += space;
            continue;
        }
        lex_next(&lx);
    }
    while (lx.count > 0 && closes(&lx.toks[lx.count - 1])) {
        out->question |= lx.toks[lx.count - 1].low[0] == '?';
        lx.count--;
    }
    if (lx.error == NULL && lx.count > 0) {
        split_command(&lx);
    }
    out->toks = lx.toks;
    out->count = lx.count;
    out->error = lx.error;
    return arena_failed(arena) ? RC_RESOURCE_EXHAUSTED : RC_OK;
}
