/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of keys and of their combinations, as people write them. */
#include "worker/steps/parse.h"

#include <stdio.h>
#include <string.h>

static bool
word_at(const struct cur *c, int i)
{
    return i < c->end && c->t[i].kind == TOK_WORD;
}

struct key {
    const char *words;
    const char *name;
};

static const struct key KEYS[] = {
    {"enter|return|⏎", "Enter"},
    {"tab", "Tab"},
    {"escape|esc", "Escape"},
    {"backspace|back space", "Backspace"},
    {"delete|del", "Delete"},
    {"space|spacebar|space bar", "Space"},
    {"arrow up|up arrow|up|arrowup", "ArrowUp"},
    {"arrow down|down arrow|down|arrowdown", "ArrowDown"},
    {"arrow left|left arrow|left|arrowleft", "ArrowLeft"},
    {"arrow right|right arrow|right|arrowright", "ArrowRight"},
    {"page up|pageup|pgup|page-up", "PageUp"},
    {"page down|pagedown|pgdn|page-down", "PageDown"},
    {"home", "Home"},
    {"end", "End"},
    {"insert", "Insert"},
    {"f1", "F1"},
    {"f2", "F2"},
    {"f3", "F3"},
    {"f4", "F4"},
    {"f5", "F5"},
    {"f6", "F6"},
    {"f7", "F7"},
    {"f8", "F8"},
    {"f9", "F9"},
    {"f10", "F10"},
    {"f11", "F11"},
    {"f12", "F12"},
};

static const struct key MODIFIERS[] = {
    {"ctrl|control|ctl", "Control"},
    {"shift", "Shift"},
    {"alt|option", "Alt"},
    {"cmd|command|meta|super|win|windows", "Meta"},
};

static const char *
key_lookup(const struct key *keys, size_t count, struct str low)
{
    struct tok t = {.kind = TOK_WORD};
    char word[24];
    if (low.n == 0 || low.n >= sizeof(word)) {
        return NULL;
    }
    (void)snprintf(word, sizeof(word), "%.*s", STR_ARG(low));
    t.low = word;
    struct cur one = {&t, 0, 1};
    for (size_t i = 0; i < count; i++) {
        if (phrase_len(&one, 0, keys[i].words) == 1) {
            return keys[i].name;
        }
    }
    return NULL;
}

/* One key of a combination: a named key, or a single character. */
static bool
put_combo_part(struct gram *g, struct buf *b, struct str part, bool last)
{
    struct str low = str_z("");
    char *copy = arena_strz(g->arena, part);
    if (copy == NULL) {
        return false;
    }
    for (size_t i = 0; i < part.n; i++) {
        copy[i] = ch_lower(copy[i]);
    }
    low = str_n(copy, part.n);
    const char *name = last ? key_lookup(KEYS, ARRAY_LEN(KEYS), low)
                            : key_lookup(MODIFIERS, ARRAY_LEN(MODIFIERS), low);
    if (name != NULL) {
        buf_putz(b, name);
    } else if (last && part.n == 1) {
        buf_putc(b, ch_is_alpha(part.p[0]) ? (char)(low.p[0] - 32) : part.p[0]);
    } else {
        return false;
    }
    return true;
}

/* "Ctrl+A", "ctrl-shift-t". */
static const char *
joined_combo(struct gram *g, struct str text)
{
    char sep = str_find_byte(text, '+') > 0 ? '+' : '-';
    if (str_find_byte(text, sep) <= 0) {
        return NULL;
    }
    struct buf b;
    buf_init(&b, 64);
    struct str rest = text;
    bool ok = true;
    while (ok && rest.p != NULL) {
        struct str part = str_split(&rest, sep);
        if (b.n > 0) {
            buf_putc(&b, '+');
        }
        ok = put_combo_part(g, &b, part, rest.p == NULL);
    }
    char *out = ok && !buf_failed(&b) ? arena_strz(g->arena, buf_str(&b)) : NULL;
    buf_fini(&b);
    return out;
}

/* "Control + A", "ctrl and a", "shift tab". */
static const char *
spoken_combo(struct gram *g, struct cur *c)
{
    struct cur at = *c;
    struct buf b;
    buf_init(&b, 256);
    int parts = 0;
    bool ended = false;
    while (!ended && word_at(&at, at.i)) {
        struct str low = str_z(at.t[at.i].low);
        ended = key_lookup(MODIFIERS, ARRAY_LEN(MODIFIERS), low) == NULL;
        if (ended && parts == 0) {
            break;
        }
        buf_putz(&b, parts > 0 ? "+" : "");
        int n = 1;
        const char *name = NULL;
        for (size_t k = 0; ended && k < ARRAY_LEN(KEYS) && name == NULL; k++) {
            int len = phrase_len(&at, at.i, KEYS[k].words);
            name = len > 0 ? KEYS[k].name : NULL;
            n = len > 0 ? len : 1;
        }
        if (name != NULL) {
            buf_putz(&b, name);
        } else if (!put_combo_part(g, &b, at.t[at.i].text, ended)) {
            parts = 0;
            break;
        }
        at.i += n;
        parts++;
        if (!ended) {
            eat(&at, "+|and|plus|-");
        }
    }
    char *out = ended && parts > 1 && !buf_failed(&b) ? arena_strz(g->arena, buf_str(&b)) : NULL;
    buf_fini(&b);
    if (out != NULL) {
        *c = at;
    }
    return out;
}

bool
key_starts(const struct cur *c, int i)
{
    if (!word_at(c, i)) {
        return false;
    }
    bool found = str_find_byte(c->t[i].text, '+') > 0;
    for (size_t k = 0; !found && k < ARRAY_LEN(KEYS); k++) {
        found = phrase_len(c, i, KEYS[k].words) > 0;
    }
    return found;
}

const char *
eat_key(struct gram *g, struct cur *c)
{
    if (cur_done(c)) {
        return NULL;
    }
    if (cur_quoted(c)) {
        const char *combo = joined_combo(g, c->t[c->i].text);
        char *low = arena_strz(g->arena, c->t[c->i].text);
        for (size_t i = 0; low != NULL && low[i] != '\0'; i++) {
            low[i] = ch_lower(low[i]);
        }
        const char *name =
            combo != NULL || low == NULL ? combo : key_lookup(KEYS, ARRAY_LEN(KEYS), str_z(low));
        c->i += name != NULL;
        return name;
    }
    const char *combo = joined_combo(g, c->t[c->i].text);
    if (combo != NULL) {
        c->i++;
        return combo;
    }
    combo = spoken_combo(g, c);
    if (combo != NULL) {
        return combo;
    }
    int best = 0;
    const char *name = NULL;
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        int n = phrase_len(c, c->i, KEYS[i].words);
        if (n > best) {
            best = n;
            name = KEYS[i].name;
        }
    }
    c->i += best;
    return name;
}
