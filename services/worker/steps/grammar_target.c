/* SPDX-License-Identifier: Apache-2.0
 *
 * Noun phrases: "the second 'Edit' button in the row 'Invoice 7' next to 'Total'". A core (name and
 * kind), then modifiers, each of which starts with a word of place. */
#include "worker/steps/grammar_modifier.h"
#include "worker/steps/grammar_name.h"

#include <string.h>

static const char HINT_QUOTE[] = "put the visible name in quotes: Tap \"Save\"";

/* --- the core */

static bool
named(const struct tok *t)
{
    return t->kind == TOK_QUOTED || t->var;
}

static int
count_named(const struct cur *c)
{
    int n = 0;
    for (int i = c->i; i < c->end; i++) {
        n += named(&c->t[i]);
    }
    return n;
}

/* "Last name" is a name, "the last 'Edit'" and "the first result" are places in an order. */
static bool
ordinal_is_name(const struct cur *c, int len)
{
    int at = c->i + len;
    if (at >= c->end) {
        return true;
    }
    if (named(&c->t[at])) {
        return false;
    }
    if (phrase_len(c, at,
                   "name|names|login|updated|modified|visited|seen|initial|line|aid|class|"
                   "step|order|minute|thing|place|floor|chance") > 0) {
        return true;
    }
    /* "Second hand" in the middle of a sentence, with a capital, is what the page says. */
    return is_capital(&c->t[c->i]) && c->i > 0 && is_capital(&c->t[at]);
}

static void
take_ordinal(struct cur *c, struct target *t)
{
    int nth = 0;
    int len = 0;
    if (!cur_quoted(c) && ordinal_at(c, c->i, &nth, &len) && !ordinal_is_name(c, len)) {
        t->nth = nth;
        c->i += len;
    }
}

/* Nouns that say nothing beside a quoted name: "the text 'X'", "'X' message". */
static const char FILLERS[] =
    "text|label|message|value|words|word|title|caption|notification|toast|toast message|banner|"
    "card|section|menu|error message|success message|error|warning|alert|page|screen|list|list "
    "item|"
    "product|row|string|badge|number|panel|header|tag|chip|snackbar|alert message|"
    "confirmation message|validation message|warning message|status|category|name|link text|"
    "picture|photo|placeholder|button text|info "
    "message|submenu|accordion|file|folder|setting|contact|cell|table "
    "cell|layer|node|marker|comment|"
    "post|event|chat|conversation|step|question|answer|slide|chart|point|task|ticket|order|"
    "invoice|customer|account|project|channel|playlist|song|video|track|article|suggestion|"
    "thumbnail|avatar|logo|pill|tooltip|carousel|gallery|widget|plan|category filter|filter|"
    "breadcrumb|dialog title|note|document|email|reminder|wizard|date|time|password";

/* "next to the user 'Ada'". Not a field: "enter 'x' as the user 'Ada'" says who does it. */
static bool
person_beside(const struct cur *c, enum target_use use)
{
    return use != USE_TYPE && use != USE_SELECT &&
           phrase_len(c, c->i, "user|member|employee") == c->end - c->i;
}

/* "the 'Photos' carousel": behind an article and a name one plain word can only be what it is. */
static bool
noun_behind(const struct cur *c, int q)
{
    static const char ADVERBS[] =
        "again|now|first|last|instead|here|there|too|also|only|once|today|"
        "twice|please|yet|still|anymore|then|afterwards|and|or|not|with|attribute|property|class|"
        "style|color|colour|tooltip|parameter|cookie|header|key|variable|event|request|animation";
    bool article = c->i > 0 && q == c->i && phrase_len(c, c->i - 1, "the|a|an") > 0;
    if (!article || q + 2 != c->end || c->t[q + 1].kind != TOK_WORD || is_capital(&c->t[q + 1])) {
        return false;
    }
    return !str_ends(c->t[q + 1].text, STR("ly")) && phrase_len(c, q + 1, ADVERBS) == 0 &&
           !starts_clause(c, q + 1) && !word_is_literal(&c->t[q + 1]) && !word_is_vague(c, q + 1);
}

/* What kind of thing the words beside a quoted name say it is: "icon button", "text". False: they
 * say something else. */
static bool
kind_beside(const struct cur *c, enum target_use use, const char **out_role)
{
    const char *role = NULL;
    int len = 0;
    if (cur_done(c)) {
        return true;
    }
    if (role_at_start(c, use, &role, &len) && c->i + len == c->end) {
        *out_role = role;
        return true;
    }
    if (phrase_len(c, c->i, FILLERS) == c->end - c->i || person_beside(c, use)) {
        return true;
    }
    struct cur rest = *c;
    if (!role_at_end(c, use, &role, &len)) {
        return false;
    }
    rest.end -= len;
    const char *more = NULL;
    if (phrase_len(&rest, rest.i, FILLERS) != rest.end - rest.i &&
        !(role_at_start(&rest, use, &more, &len) && more == NULL && rest.i + len == rest.end)) {
        return false;
    }
    *out_role = role;
    return true;
}

static enum parsed
core_quoted(struct gram *g, struct cur c, enum target_use use, struct target *t)
{
    if (count_named(&c) != 1) {
        return refuse(g, "the step names two things where one is expected",
                      "say how they relate: Tap \"Edit\" next to \"Invoice 7\"");
    }
    int q = c.i;
    while (!named(&c.t[q])) {
        q++;
    }
    struct cur before = cur_range(&c, c.i, q);
    struct cur behind = cur_range(&c, q + 1, c.end);
    const char *role = NULL;
    const char *front = NULL;
    t->name = c.t[q].text;
    t->quoted = true;
    if (!kind_beside(&behind, use, &role) && !noun_behind(&c, q)) {
        return refuse_words(g, &behind, HINT_QUOTE);
    }
    if (!kind_beside(&before, use, &front)) {
        return refuse_words(g, &before, HINT_QUOTE);
    }
    t->role = role != NULL ? role : front;
    return t->name.n > 0 ? P_OK : refuse(g, "the name in quotes is empty", HINT_QUOTE);
}

static enum parsed
core_role_only(struct gram *g, struct target *t)
{
    static const char REASON[] = "the step does not say which one";
    if (t->role == NULL) {
        return refuse(g, REASON, HINT_QUOTE);
    }
    return P_OK; /* whether that suffices is decided when the modifiers are known */
}

/* "button Save", "tab Billing": the kind first, then a name in capitals. */
static bool
core_leading_role(struct gram *g, struct cur *c, enum target_use use, struct target *t)
{
    const char *role = NULL;
    int len = 0;
    if (!role_at_start(c, use, &role, &len) || c->i + len >= c->end || role == NULL ||
        is_capital(&c->t[c->i]) || !is_capital(&c->t[c->i + len])) {
        return false;
    }
    t->role = role;
    c->i += len;
    t->name = cur_text(g, c);
    return true;
}

static enum parsed
core_words(struct gram *g, struct cur c, enum target_use use, struct target *t)
{
    const char *role = NULL;
    int len = 0;
    if (cur_done(&c)) {
        return refuse(g, "the step does not say on what", HINT_QUOTE);
    }
    bool found = role_at_end(&c, use, &role, &len);
    if (found && len == c.end - c.i && !(role == NULL && t->nth != 0)) {
        t->role = role;
        /* The name of a role written with a capital may be what the page says ("Tap Link"). */
        return core_role_only(g, t);
    }
    if (found && len < c.end - c.i) {
        t->role = role;
        c.end -= len;
        if (role_is(t, "heading") && phrase_len(&c, c.i, "page|main") == c.end - c.i &&
            !is_capital(&c.t[c.i])) {
            return P_OK; /* "the page heading" */
        }
    } else if (!found && core_leading_role(g, &c, use, t)) {
        return name_doubt(&c) >= 0 ? refuse_name(g, &c, HINT_QUOTE) : P_OK;
    }
    if (name_doubt(&c) >= 0 || count_named(&c) > 0) {
        return refuse_name(g, &c, HINT_QUOTE);
    }
    bool stand_in = phrase_len(&c, c.i, "one|ones|thing|things") == c.end - c.i &&
                    !(is_capital(&c.t[c.i]) && c.i > 0);
    if (stand_in || (name_is_vague(&c, use, t->nth != 0))) {
        return refuse(g, "the step leaves the choice open; it needs judgement", HINT_QUOTE);
    }
    t->name = cur_text(g, &c);
    return P_OK;
}

/* --- modifiers */

static struct target *
new_target(struct gram *g)
{
    return ARENA_NEW(g->arena, struct target);
}

static enum parsed parse_flat(struct gram *g, struct cur c, enum target_use use, struct target *t);

static const char SCOPE_NOUNS[] =
    "row|table row|section|card|list item|item|dialog|panel|entry|block|line";
static const char SCOPE_LINKS[] =
    "of|for|with|containing|that contains|labelled|named|titled|where the name is|with text|"
    "with the text|that has|called|having";

/* Where the next modifier may start: behind one token of this one's body, and behind "row for". */
static int
modifier_body(const struct cur *c, const struct modifier *m, int body)
{
    if (m->kind == MOD_PAGE || m->kind == MOD_POSITION) {
        return body;
    }
    int at = body + phrase_len(c, body, WORDS_DET);
    int noun = phrase_len(c, at, SCOPE_NOUNS);
    int link = noun > 0 ? phrase_len(c, at + noun, SCOPE_LINKS) : 0;
    return m->kind == MOD_WITHIN && link > 0 ? at + noun + link + 1 : body + 1;
}

/* A scope without a name of its own must be one kind of thing ("the dialog"); "the row of 'X'". */
static enum parsed
parse_scope(struct gram *g, struct cur c, struct target *t)
{
    eat(&c, WORDS_DET);
    int len = phrase_len(&c, c.i, SCOPE_NOUNS);
    int prep = len > 0 ? phrase_len(&c, c.i + len, SCOPE_LINKS) : 0;
    if (prep > 0) {
        bool row = phrase_len(&c, c.i, "row|table row|line") > 0;
        bool dialog = phrase_len(&c, c.i, "dialog") > 0;
        c.i += len + prep;
        enum parsed p = parse_flat(g, c, USE_SCOPE, t);
        t->role = row ? "row" : dialog ? "dialog" : t->role;
        return p;
    }
    /* "the header": a name, though it is a kind of thing too. */
    if (is_scope_noun(&c) &&
        phrase_len(&c, c.i, "dialog|modal|popup|pop-up|form|table|list|row") == 0) {
        t->name = cur_text(g, &c);
        return P_OK;
    }
    return parse_flat(g, c, USE_SCOPE, t);
}

/* Ordinal and core, nothing behind. */
static enum parsed
parse_flat(struct gram *g, struct cur c, enum target_use use, struct target *t)
{
    int64_t n = 0;
    eat(&c, WORDS_DET);
    if (c.end - c.i == 2 && phrase_len(&c, c.i, "row") == 1 && number_at(&c, c.i + 1, &n) &&
        n > 0) {
        t->role = "row"; /* "row 3" */
        t->nth = (int)n;
        return P_OK;
    }
    take_ordinal(&c, t);
    if (cur_done(&c)) {
        return refuse(g, "the step does not say on what", HINT_QUOTE);
    }
    return count_named(&c) > 0 ? core_quoted(g, c, use, t) : core_words(g, c, use, t);
}

/* "called Forgot your password": a capital, then plain words. */
static bool
titled(const struct cur *c)
{
    struct cur rest = *c;
    while (!cur_done(&rest) && (is_capital(cur_tok(&rest)) || at_phrase(&rest, WORDS_DET) ||
                                at_phrase(&rest, "as|with|or|not|than|without"))) {
        rest.i++;
    }
    return is_capital(&c->t[c->i]) && (cur_done(&rest) || name_doubt(&rest) < 0);
}

static enum parsed
apply_attribute(struct gram *g, struct cur c, struct target *t, bool noun_only)
{
    if (t->name.n > 0 && !noun_only) {
        return refuse(g, "the step gives two names to one thing", HINT_QUOTE);
    }
    if (c.end - c.i == 1 && named(&c.t[c.i])) {
        t->name = c.t[c.i].text;
        t->quoted = true;
        return t->name.n > 0 ? P_OK : refuse(g, "the name in quotes is empty", HINT_QUOTE);
    }
    return count_named(&c) > 0 || (name_doubt(&c) >= 0 && !titled(&c))
               ? refuse_name(g, &c, HINT_QUOTE)
               : (t->name = cur_text(g, &c), P_OK);
}

static enum parsed
apply_relation(struct gram *g, struct cur c, enum act_relation relation, struct target *t)
{
    /* "in the row above 'Ada'": the row is placed, not the thing in it. */
    if (t->within != NULL && t->within->name.n == 0 && t->within->nth == 0) {
        return refuse(g, "the place is unclear", "name it: in the row \"Ada\"");
    }
    struct target *near = new_target(g);
    if (near == NULL || t->near != NULL) {
        return refuse(g, "two places are given for one thing", HINT_QUOTE);
    }
    if (parse_flat(g, c, USE_TAP, near) != P_OK) {
        return P_REFUSED;
    }
    t->near = near;
    t->relation = relation;
    return P_OK;
}

/* The innermost scope: "in the list in the dialog" nests. */
static enum parsed
apply_within(struct gram *g, struct cur c, struct target *t)
{
    struct target *scope = new_target(g);
    if (scope == NULL || parse_scope(g, c, scope) != P_OK) {
        return refuse(g, "the place is unclear", "name it: in the \"Address\" section");
    }
    static const char DEVICES[] = "device|phone|tablet|keyboard|mouse|remote|remote control|os";
    eat(&c, WORDS_DET);
    if (!scope->quoted && phrase_len(&c, c.i, DEVICES) == c.end - c.i) {
        return refuse(g, "what is no part of the page cannot be found on it", "Go back");
    }
    if (t->within == NULL) {
        t->within = scope;
        return P_OK;
    }
    struct target *outer = new_target(g);
    if (outer == NULL || t->within->within != NULL) {
        return refuse(g, "too many places are given for one thing", HINT_QUOTE);
    }
    *outer = *t->within;
    outer->within = scope;
    t->within = outer;
    return P_OK;
}

static enum parsed
apply_modifier(struct gram *g, const struct modifier *m, struct cur c, struct target *t,
               bool noun_only)
{
    switch (m->kind) {
    case MOD_RELATION:
        return apply_relation(g, c, m->relation, t);
    case MOD_WITHIN:
        return apply_within(g, c, t);
    case MOD_ATTRIBUTE:
        return apply_attribute(g, c, t, noun_only);
    case MOD_POSITION:
        t->position |= m->position;
        return cur_done(&c) ? P_OK : refuse(g, "words are left over", HINT_QUOTE);
    default:
        return cur_done(&c) ? P_OK : refuse(g, "words are left over", HINT_QUOTE);
    }
}

static bool
suffices(const struct target *t, enum target_use use)
{
    if (t->name.n > 0 || t->nth != 0 || t->near != NULL) {
        return true;
    }
    if (use == USE_SCOPE || use == USE_VERIFY) {
        return true;
    }
    return t->role != NULL && t->within != NULL && (t->within->name.n > 0 || t->within->nth != 0);
}

/* "photo thumbnail" before "called 'X'": plain words for what it is. */
static bool
is_description(const struct cur *c)
{
    for (int i = c->i; i < c->end; i++) {
        if (c->t[i].kind != TOK_WORD || is_capital(&c->t[i]) || word_is_vague(c, i)) {
            return false;
        }
    }
    return c->end - c->i <= 2 && name_doubt(c) < 0;
}

/* The same thing again: "it", "the field". */
static bool
pronoun(const struct cur *c)
{
    return phrase_len(c, c->i,
                      "it|that|this|this one|that one|the same|that button|that field|"
                      "this field|this button") == c->end - c->i;
}

enum parsed
parse_target(struct gram *g, const struct cur *range, enum target_use use,
             const struct target **out)
{
    struct cur c = *range;
    if (pronoun(&c)) {
        *out = g->last;
        return g->last != NULL ? P_OK : refuse(g, "it is unclear what \"it\" means", HINT_QUOTE);
    }
    struct target *t = new_target(g);
    if (t == NULL) {
        return P_REFUSED;
    }
    bool open_choice = at_phrase(&c, "a|an") && use != USE_VERIFY && use != USE_SCOPE;
    eat(&c, WORDS_DET);
    if (open_choice && count_named(&c) == 0) {
        return refuse(g, "the step leaves the choice open; it needs judgement", HINT_QUOTE);
    }
    struct modifier m = {0};
    /* The core has one token at least, except where an attribute names what follows. */
    int at = next_modifier(&c, c.i + 1, &m);
    struct cur core = cur_range(&c, c.i, at);
    /* "the element with the text 'X'": any kind of thing. */
    bool any_kind = m.kind == MOD_ATTRIBUTE &&
                    phrase_len(&core, core.i, "element|item|control|component|entry|option") ==
                        core.end - core.i;
    if (!any_kind && parse_flat(g, core, use, t) != P_OK) {
        return P_REFUSED;
    }
    if (m.kind == MOD_WITHIN && name_is_part(&core)) {
        return refuse_words(g, &core, "act on the whole thing, by its name: Tap \"Map\"");
    }
    /* "a toast saying 'Saved'": what kind of text it is, then what it says. */
    bool noun_only =
        phrase_len(&core, core.i, FILLERS) == core.end - core.i ||
        (m.kind == MOD_ATTRIBUTE && t->role == NULL && t->nth == 0 && is_description(&core));
    while (at < c.end) {
        struct modifier next = {0};
        int body = at + m.words;
        int end = next_modifier(&c, modifier_body(&c, &m, body), &next);
        if (m.kind != MOD_PAGE && m.kind != MOD_POSITION && body >= c.end) {
            return refuse(g, "the sentence stops in the middle", HINT_QUOTE);
        }
        if (apply_modifier(g, &m, cur_range(&c, body, end > body ? end : body), t, noun_only) !=
            P_OK) {
            return P_REFUSED;
        }
        at = end;
        m = next;
    }
    if (!suffices(t, use)) {
        return refuse(g, "the step does not say which one", HINT_QUOTE);
    }
    *out = t;
    return P_OK;
}
