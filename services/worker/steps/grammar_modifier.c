/* SPDX-License-Identifier: Apache-2.0
 *
 * The words that introduce modifiers of noun phrases. */
#include "worker/steps/grammar_modifier.h"

struct relation_words {
    const char *words;
    enum act_relation relation;
    bool soft; /* also a common part of names: needs a clear name behind it */
};

static const struct relation_words RELATIONS[] = {
    {"next to|beside|adjacent to|alongside|that is next to|which is next to|right next to|"
     "located next to|in front of|on the same row as|in line with|by the side of",
     REL_NEXT_TO, false},
    {"to the right of|on the right of|on the right side of|right of|to the right side of|"
     "located to the right of",
     REL_RIGHT_OF, false},
    {"to the left of|on the left of|on the left side of|left of|to the left side of|"
     "located to the left of",
     REL_LEFT_OF, false},
    {"below|beneath|underneath|located below|just below|directly below|right below", REL_BELOW,
     false},
    {"under|right under|directly under", REL_BELOW, true},
    {"above|located above|just above|directly above|right above", REL_ABOVE, false},
    {"after|right after", REL_AFTER, true},
    {"before|right before", REL_BEFORE, true},
    {"near|close to|near to", REL_NEAR, true},
};

/* What follows a soft introducer must look like a name, not like the rest of one. */
static bool
clear_name_at(const struct cur *c, int i)
{
    if (i >= c->end) {
        return false;
    }
    return c->t[i].kind == TOK_QUOTED || c->t[i].var || phrase_len(c, i, WORDS_DET) > 0 ||
           is_capital(&c->t[i]);
}

static bool
relation_at(const struct cur *c, int i, struct modifier *m)
{
    for (size_t k = 0; k < ARRAY_LEN(RELATIONS); k++) {
        int n = phrase_len(c, i, RELATIONS[k].words);
        if (n > m->words && i + n < c->end && (!RELATIONS[k].soft || clear_name_at(c, i + n))) {
            *m = (struct modifier){MOD_RELATION, n, RELATIONS[k].relation, 0};
        }
    }
    return m->kind == MOD_RELATION;
}

/* "at the top right of the page". */
static bool
position_at(const struct cur *c, int i, struct modifier *m)
{
    static const struct {
        const char *word;
        unsigned bit;
    } PLACES[] = {{"top", POS_TOP},
                  {"upper", POS_TOP},
                  {"bottom", POS_BOTTOM},
                  {"lower", POS_BOTTOM},
                  {"left", POS_LEFT},
                  {"right", POS_RIGHT},
                  {"center", POS_CENTER},
                  {"centre", POS_CENTER},
                  {"middle", POS_CENTER},
                  {"top-right", POS_TOP | POS_RIGHT},
                  {"top-left", POS_TOP | POS_LEFT},
                  {"bottom-right", POS_BOTTOM | POS_RIGHT},
                  {"bottom-left", POS_BOTTOM | POS_LEFT}};
    int at = i + phrase_len(c, i, "at the very|at the|in the|on the|to the|at|on|in|in the very");
    if (at == i) {
        return false;
    }
    unsigned bits = 0;
    for (bool more = true; more;) {
        more = false;
        for (size_t k = 0; k < ARRAY_LEN(PLACES); k++) {
            if (phrase_len(c, at, PLACES[k].word) > 0) {
                bits |= PLACES[k].bit;
                at++;
                more = true;
            }
        }
        at += more ? phrase_len(c, at, "hand") : 0;
    }
    if (bits == 0) {
        return false;
    }
    at += phrase_len(c, at, "hand corner|corner|side|hand side|part|half|edge");
    at += phrase_len(c, at, "of the page|of the screen|of page|of screen|of the window|of the app");
    /* "on the right of X", "at the top of the list", "in the bottom navigation" */
    if (at < c->end && phrase_len(c, at,
                                  "in|on|inside|within|under|below|above|next to|for|near|"
                                  "labelled|labeled|with|from|beside|to") == 0) {
        return false;
    }
    *m = (struct modifier){MOD_POSITION, at - i, REL_NONE, bits};
    return true;
}

static bool
attribute_at(const struct cur *c, int i, struct modifier *m)
{
    int n = phrase_len(
        c, i,
        "labelled|labeled|named|called|titled|that says|which says|saying|reading|that reads|"
        "with text|with the text|with label|with the label|with name|with the name|with title|"
        "with the title|with placeholder|with the placeholder|with caption|with the caption|"
        "containing|containing text|containing the text|that contains|with placeholder text|"
        "whose label is|whose name is|labelled as|labeled as|marked|with the words|with words|"
        "with value|with the value|having text|with the label text|with visible text|"
        "with alt text|with the alt text|with alternative text");
    if (n == 0 || i + n >= c->end) {
        return false;
    }
    bool plain = c->t[i + n].kind == TOK_QUOTED || c->t[i + n].var || is_capital(&c->t[i + n]);
    if (!plain) {
        return false;
    }
    *m = (struct modifier){MOD_ATTRIBUTE, n, REL_NONE, 0};
    return true;
}

static const char SCOPES[] =
    "header|footer|sidebar|side bar|navbar|nav bar|navigation|navigation bar|nav|toolbar|dialog|"
    "modal|popup|pop-up|menu|top bar|table|list|form|banner|page header|page footer|top navigation|"
    "main navigation|main menu|cart|breadcrumb|breadcrumbs|top menu|side menu|action bar|tab bar|"
    "bottom bar|bottom navigation|header bar|navigation menu|drawer|left menu|sidebar menu|"
    "row|main content|results|search results|summary|hero section|hero";

bool
is_scope_noun(const struct cur *c)
{
    return phrase_len(c, c->i, SCOPES) == c->end - c->i;
}

/* "in" belongs to "Sign in", unless a scope follows. */
static bool
within_at(const struct cur *c, int i, struct modifier *m)
{
    int n = phrase_len(c, i,
                       "in|inside|inside of|within|of|for|on|from|in the context of|within the "
                       "context of|that is in|"
                       "which is in|located in|from inside|under");
    int at = i + n;
    if (n == 0 || at >= c->end) {
        return false;
    }
    bool det = phrase_len(c, at, WORDS_DET) > 0;
    bool quoted = c->t[at].kind == TOK_QUOTED || c->t[at].var;
    bool scope = phrase_len(c, at, SCOPES) > 0 && at + phrase_len(c, at, SCOPES) == c->end;
    bool row = phrase_len(c, at, "row|section|dialog|form|list|table|column|card|panel") > 0 &&
               at + 1 < c->end;
    if (phrase_len(c, i, "for|from") > 0 ? !quoted && !row && !det
                                         : !det && !quoted && !scope && !row) {
        return false;
    }
    if (i > c->i && phrase_len(c, i, "in") > 0 && !det && !quoted && !scope && !row) {
        return false;
    }
    *m = (struct modifier){MOD_WITHIN, n, REL_NONE, 0};
    return true;
}

static bool
page_at(const struct cur *c, int i, struct modifier *m)
{
    int n = phrase_len(c, i,
                       "on the page|on the screen|on this page|on this screen|on screen|on page|"
                       "in the page|on the current page|on the current screen|within the page|"
                       "from the page|on the website|in the app|on the site|in the browser|"
                       "in the window|anywhere on the page|somewhere on the page");
    if (n == 0) {
        return false;
    }
    *m = (struct modifier){MOD_PAGE, n, REL_NONE, 0};
    return true;
}

struct modifier
modifier_at(const struct cur *c, int i)
{
    struct modifier m = {0};
    if (c->t[i].kind == TOK_QUOTED || page_at(c, i, &m) || relation_at(c, i, &m) ||
        position_at(c, i, &m) || attribute_at(c, i, &m) || within_at(c, i, &m)) {
        return m;
    }
    return m;
}

int
next_modifier(const struct cur *c, int from, struct modifier *out)
{
    for (int i = from; i < c->end; i++) {
        *out = modifier_at(c, i);
        if (out->kind != MOD_NONE) {
            return i;
        }
    }
    return c->end;
}
