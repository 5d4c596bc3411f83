/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/steps/look.h"

#include "worker/steps/match.h"
#include "worker/steps/resolve_parts.h"

/* A tooltip is seen only where nothing else names the thing: an icon. */
static bool
shows(const struct elem *e, struct str name)
{
    return match_contains(e->text, name, NULL) || match_contains(e->name, name, NULL) ||
           ((e->flags & ELEM_SECRET) == 0 && match_contains(e->value, name, NULL)) ||
           (e->value.n == 0 && match_contains(e->placeholder, name, NULL)) ||
           match_contains(e->label, name, NULL) ||
           (e->text.n == 0 && match_contains(e->title, name, NULL));
}

/* What shows the name and is of the kind that is asked for; `loose`: or of its kin. */
static void
collect(const struct snapshot *snap, const struct target *t, bool loosely, struct found *f)
{
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        bool loose = false;
        if (!elem_is_visible(e) ||
            (t->role != NULL && (!elem_role_fits(e, t->role, &loose) || (loose && !loosely))) ||
            (t->name.n > 0 && !shows(e, t->name))) {
            continue;
        }
        if (f->count == f->cap) {
            size_t cap = f->cap == 0 ? 64 : f->cap * 2;
            struct candidate *at =
                arena_grow(f->arena, f->at, f->cap * sizeof(*at), cap * sizeof(*at));
            if (at == NULL) {
                return;
            }
            f->at = at;
            f->cap = cap;
        }
        f->at[f->count++] = (struct candidate){e, MATCH_EXACT};
    }
}

/* Keeps what stands at the target's place. Errors: as narrow_within and narrow_near. */
static enum rc
at_place(struct ctx *ctx, const struct snapshot *snap, const struct target *t, struct found *f)
{
    enum rc rc = t->within != NULL ? narrow_within(ctx, snap, t->within, f) : RC_OK;
    if (rc == RC_OK && f->count > 0 && t->position != 0) {
        narrow_position(snap, t->position, f);
    }
    return rc == RC_OK && f->count > 0 && t->near != NULL ? narrow_near(ctx, snap, t, f) : rc;
}

static const struct elem *
choose(const struct snapshot *snap, const struct target *t, const struct found *f)
{
    if (t->nth != 0) {
        size_t want = (size_t)(t->nth > 0 ? t->nth : -t->nth);
        return f->count >= want ? f->at[t->nth > 0 ? want - 1 : f->count - want].elem : NULL;
    }
    /* The last in reading order of nested ones is the innermost. */
    const struct elem *best = NULL;
    for (size_t i = 0; i < f->count; i++) {
        const struct elem *e = f->at[i].elem;
        if (best == NULL || elem_inside(snap, e, best)) {
            best = e;
        }
    }
    return best;
}

const struct elem *
look_for(struct ctx *ctx, const struct snapshot *snap, const struct target *t)
{
    struct found f = {.arena = ctx->arena};
    collect(snap, t, false, &f);
    if (f.count > 0 && at_place(ctx, snap, t, &f) != RC_OK) {
        ctx_recover(ctx);
        return NULL;
    }
    return choose(snap, t, &f);
}

/* Where nothing of the name is to be seen, the place it should be missing from has to be there. */
static enum rc
place_is_there(struct ctx *ctx, const struct snapshot *snap, const struct target *t)
{
    static const struct target ANYTHING = {0};
    struct found f = {.arena = ctx->arena};
    collect(snap, &ANYTHING, true, &f);
    enum rc rc = at_place(ctx, snap, t, &f);
    if (rc != RC_NOT_FOUND && rc != RC_RESOURCE_EXHAUSTED) {
        ctx_recover(ctx); /* several such places: it is missing from all of them */
        rc = RC_OK;
    }
    return rc;
}

enum rc
look_gone(struct ctx *ctx, const struct snapshot *snap, const struct target *t, bool placed,
          const struct elem **out)
{
    struct found f = {.arena = ctx->arena};
    collect(snap, t, true, &f);
    *out = NULL;
    if (f.count == 0) {
        return placed && (t->within != NULL || t->near != NULL) ? place_is_there(ctx, snap, t)
                                                                : RC_OK;
    }
    enum rc rc = at_place(ctx, snap, t, &f);
    if (rc == RC_NOT_FOUND && !placed) {
        ctx_recover(ctx);
        return RC_OK;
    }
    if (rc == RC_OK) {
        *out = choose(snap, t, &f);
    }
    return rc;
}

/* --- things described by what they are */

struct described {
    const char *last_word;
    enum elem_role role;
};

static const struct described DESCRIBED[] = {
    {"message", ELEM_ALERT},      {"error", ELEM_ALERT},        {"alert", ELEM_ALERT},
    {"toast", ELEM_ALERT},        {"notification", ELEM_ALERT}, {"warning", ELEM_ALERT},
    {"banner", ELEM_ALERT},       {"spinner", ELEM_PROGRESS},   {"loader", ELEM_PROGRESS},
    {"indicator", ELEM_PROGRESS}, {"bar", ELEM_PROGRESS},       {"logo", ELEM_IMAGE},
    {"image", ELEM_IMAGE},        {"popup", ELEM_DIALOG},       {"modal", ELEM_DIALOG},
    {"dialog", ELEM_DIALOG},
};

static const struct described *
description(const struct target *t)
{
    if (t->quoted || t->name.n == 0) {
        return NULL;
    }
    ptrdiff_t space = str_rfind_byte(t->name, ' ');
    struct str last = str_sub(t->name, space < 0 ? 0 : (size_t)space + 1, t->name.n);
    for (size_t i = 0; i < ARRAY_LEN(DESCRIBED); i++) {
        if (str_ieq(last, str_z(DESCRIBED[i].last_word))) {
            return &DESCRIBED[i];
        }
    }
    return NULL;
}

/* Words that say what kind of thing it is, not what it shows. */
static bool
is_kind_word(struct str word)
{
    static const char *const KINDS[] = {
        "message", "messages",     "text",  "banner",    "toast", "popup",        "dialog",
        "modal",   "notification", "label", "indicator", "any",   "notifications"};
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (str_ieq(word, str_z(KINDS[i]))) {
            return true;
        }
    }
    return word.n < 3;
}

const struct elem *
look_by_words(const struct snapshot *snap, const struct target *t)
{
    for (size_t i = 0; i < snap->count && !t->quoted; i++) {
        const struct elem *e = &snap->elems[i];
        struct str rest = t->name;
        size_t found = 0;
        bool all = elem_is_visible(e);
        while (all && rest.p != NULL) {
            struct str word = str_split(&rest, ' ');
            if (is_kind_word(word)) {
                continue;
            }
            bool plural = word.n > 4 && word.p[word.n - 1] == 's';
            struct str stem = plural ? str_sub(word, 0, word.n - 1) : word;
            all = match_contains(e->text, stem, NULL) || match_contains(e->text, word, NULL);
            found++;
        }
        if (all && found > 0) {
            return e;
        }
    }
    return NULL;
}

const struct elem *
look_by_description(const struct snapshot *snap, const struct target *t)
{
    const struct described *d = description(t);
    for (size_t i = 0; d != NULL && i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if (elem_is_visible(e) && e->role == d->role && (e->text.n > 0 || d->role != ELEM_ALERT)) {
            return e;
        }
    }
    return NULL;
}

/* --- values that belong to labels */

static bool
is_control(const struct elem *e)
{
    switch (e->role) {
    case ELEM_TEXTBOX:
    case ELEM_SPINBUTTON:
    case ELEM_SLIDER:
    case ELEM_COMBOBOX:
    case ELEM_LISTBOX:
    case ELEM_DATE:
    case ELEM_FILE:
        return true;
    default:
        return false;
    }
}

/* "Total: €57.00" → "€57.00"; empty when the text is the label alone. */
static struct str
behind_label(struct str text, struct str label)
{
    struct str t = str_trim(text);
    if (!str_istarts(t, label)) {
        return STR_EMPTY;
    }
    struct str rest = str_sub(t, label.n, t.n);
    if (rest.n > 0 && rest.p[0] != ':' && rest.p[0] != ' ' && rest.p[0] != '-' &&
        rest.p[0] != '=') {
        return STR_EMPTY;
    }
    while (rest.n > 0 && (rest.p[0] == ':' || rest.p[0] == '=' || ch_is_space(rest.p[0]))) {
        rest = str_sub(rest, 1, rest.n);
    }
    return rest;
}

static struct str
shown(const struct elem *e)
{
    return is_control(e) ? e->value : e->text.n > 0 ? e->text : e->name;
}

/* What stands to the right on the same row, else right below. */
static const struct elem *
beside(const struct snapshot *snap, const struct elem *label)
{
    const struct elem *best = NULL;
    double least = 1e9;
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if (!elem_is_visible(e) || e == label || shown(e).n == 0 || elem_inside(snap, label, e) ||
            elem_inside(snap, e, label) || e->role == ELEM_BUTTON || e->role == ELEM_LINK) {
            continue;
        }
        double mid = label->box.y + label->box.h / 2;
        bool row = e->box.y <= mid && mid <= e->box.y + e->box.h &&
                   e->box.x >= label->box.x + label->box.w - 2;
        double right = e->box.x - (label->box.x + label->box.w);
        bool below = e->box.y >= label->box.y + label->box.h - 2 &&
                     e->box.x < label->box.x + label->box.w && e->box.x + e->box.w > label->box.x;
        double down = e->box.y - (label->box.y + label->box.h);
        double d = row ? right : below && down < 40 ? 2000 + down : 1e9;
        if (d < least || (d < 1e9 && d <= least && best != NULL && elem_inside(snap, e, best))) {
            least = d;
            best = e;
        }
    }
    return best;
}

/* The smallest element around the label that says more than the label. */
static struct str
in_same_part(const struct snapshot *snap, const struct elem *label, struct str name,
             const struct elem **out)
{
    const struct elem *at = elem_parent(snap, label);
    for (int hops = 0; at != NULL && hops < 3; at = elem_parent(snap, at), hops++) {
        struct str rest = behind_label(at->text, name);
        if (rest.n > 0 && rest.n <= 120) {
            *out = at;
            return rest;
        }
        if (!match_same(at->text, label->text)) {
            return STR_EMPTY;
        }
    }
    return STR_EMPTY;
}

/* In a row of a table or list nothing but the row belongs to the label. */
static bool
read_beside(const struct snapshot *snap, const struct elem *label, struct str name,
            struct reading *out)
{
    const struct elem *part = NULL;
    struct str rest = in_same_part(snap, label, name, &part);
    const struct elem *next = beside(snap, label);
    if (next != NULL && part != NULL && elem_inside(snap, next, part) && shown(next).n < rest.n) {
        /* The row holds more than the value: the nearest piece is the value. */
        *out = (struct reading){next, shown(next), "beside the label"};
        return true;
    }
    if (part != NULL) {
        *out = (struct reading){next != NULL && elem_inside(snap, next, part) ? next : part, rest,
                                "in the label's row"};
        return true;
    }
    if (next != NULL) {
        *out = (struct reading){next, shown(next), "beside the label"};
        return true;
    }
    return false;
}

static bool
read_own(const struct elem *e, struct str name, struct reading *out)
{
    if (is_control(e)) {
        *out = (struct reading){e, e->value, "the field's value"};
        return true;
    }
    struct str rest = behind_label(e->text, name);
    if (rest.n > 0) {
        *out = (struct reading){e, rest, "behind the label"};
        return true;
    }
    if (e->label.n > 0 && match_name(name, e->label, false) >= MATCH_BARE) {
        *out = (struct reading){e, e->text, "the label's entry"};
        return true;
    }
    /* Named by an attribute (a test id, an aria-label): what it shows is its value. */
    if (e->text.n > 0 && match_name(name, e->text, false) == MATCH_NONE) {
        *out = (struct reading){e, e->text, "the element's text"};
        return true;
    }
    return false;
}

/* Elements whose text begins with the label: "Total: €57.00" in one piece. */
static const struct elem *
label_in_text(const struct snapshot *snap, const struct target *t, size_t *out_count)
{
    const struct elem *best = NULL;
    *out_count = 0;
    for (size_t i = 0; i < snap->count; i++) {
        const struct elem *e = &snap->elems[i];
        if (!elem_is_visible(e) || behind_label(e->text, t->name).n == 0 ||
            e->text.n > t->name.n + 120) {
            continue;
        }
        if (best != NULL && elem_inside(snap, e, best)) {
            best = e;
            continue;
        }
        *out_count += 1;
        best = e;
    }
    return best;
}

static enum rc
read_label(struct ctx *ctx, const struct snapshot *snap, const struct target *t,
           const struct elem *label, struct reading *out)
{
    if (t->name.n == 0) {
        *out = (struct reading){label, shown(label), "the element's text"};
        return RC_OK;
    }
    if (read_own(label, t->name, out) || read_beside(snap, label, t->name, out)) {
        return RC_OK;
    }
    return fail(ctx, RC_NOT_FOUND, "NO_VALUE", "no value stands beside '%.*s'", STR_ARG(t->name));
}

enum rc
look_read(struct ctx *ctx, const struct snapshot *snap, const struct target *t, struct reading *out)
{
    struct resolved r;
    enum rc rc = resolve(ctx, snap, t, RESOLVE_LOOK, &r);
    if (rc == RC_OK) {
        return read_label(ctx, snap, t, r.elem, out);
    }
    if (rc != RC_NOT_FOUND || t->within != NULL || t->near != NULL || t->name.n == 0) {
        return rc;
    }
    size_t count = 0;
    const struct elem *e = label_in_text(snap, t, &count);
    if (count == 1) {
        ctx_recover(ctx);
        *out = (struct reading){e, behind_label(e->text, t->name), "behind the label"};
        return RC_OK;
    }
    if (count > 1) {
        ctx_recover(ctx);
        return fail(ctx, RC_FAILED_PRECONDITION, "AMBIGUOUS", "%zu elements begin with '%.*s'",
                    count, STR_ARG(t->name));
    }
    e = look_by_description(snap, t);
    if (e != NULL) {
        ctx_recover(ctx);
        *out = (struct reading){e, e->text, "the element's text"};
        return RC_OK;
    }
    return rc;
}

/* --- plain text of the page */

static bool
raw_at(struct str text, size_t at, struct str wanted, bool fold_case)
{
    size_t i = at;
    size_t k = 0;
    while (k < wanted.n) {
        if (ch_is_space(wanted.p[k])) {
            if (i >= text.n || !ch_is_space(text.p[i])) {
                return false;
            }
            while (k < wanted.n && ch_is_space(wanted.p[k])) {
                k++;
            }
            while (i < text.n && ch_is_space(text.p[i])) {
                i++;
            }
            continue;
        }
        char a = i < text.n ? text.p[i] : '\0';
        char b = wanted.p[k];
        if (i >= text.n || (fold_case ? ch_lower(a) != ch_lower(b) : a != b)) {
            return false;
        }
        i++;
        k++;
    }
    return true;
}

const struct elem *
look_raw(const struct snapshot *snap, struct str text, bool fold_case)
{
    struct str wanted = str_trim(text);
    const struct elem *best = NULL;
    for (size_t i = 0; i < snap->count && wanted.n > 0; i++) {
        const struct elem *e = &snap->elems[i];
        if (!elem_is_visible(e)) {
            continue;
        }
        for (size_t at = 0; at + 1 <= e->text.n; at++) {
            if (raw_at(e->text, at, wanted, fold_case)) {
                best = best == NULL || elem_inside(snap, e, best) ? e : best;
                break;
            }
        }
    }
    return best;
}
