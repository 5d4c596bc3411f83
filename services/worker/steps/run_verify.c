/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifications and waits for conditions. Exact, and with the element the verdict rests on; an
 * absence counts only on a page that has settled. */
#include <string.h>

#include "worker/steps/match.h"
#include "worker/steps/resolve_parts.h"
#include "worker/steps/run_parts.h"

#define TIE_GRACE_US (1500 * ASSAY_US_PER_MS)

struct looking {
    const struct action *a;
    const struct target *target; /* NULL for the page's address and title */
    struct str value;
};

/* --- seen and not seen */

static const struct elem *
seen(struct run *run, const struct looking *w)
{
    const struct elem *e = look_for(&run->sub, &run->snap, w->target);
    return e != NULL ? e : look_by_description(&run->snap, w->target);
}

static enum rc
check_visible(struct run *run, const struct looking *w)
{
    const struct elem *e = seen(run, w);
    if (e == NULL) {
        return run_not_yet(run, "NOT_YET_VISIBLE", "%.*s is not visible",
                           STR_ARG(run_target_text(run, w->target)));
    }
    run_evidence(run, e, NULL);
    return RC_OK;
}

static enum rc
check_gone(struct run *run, const struct looking *w)
{
    const struct elem *e = NULL;
    bool waits = w->a->type == ACT_WAIT_HIDDEN;
    enum rc rc = look_gone(&run->sub, &run->snap, w->target, !waits, &e);
    if (rc != RC_OK) {
        return rc;
    }
    e = e != NULL ? e : look_by_description(&run->snap, w->target);
    e = e != NULL || waits ? e : look_by_words(&run->snap, w->target);
    if (e == NULL) {
        return waits ? RC_OK : run_drawn(run);
    }
    run_evidence(run, e, NULL);
    return run_not_yet(run, "NOT_YET_GONE", "%.*s is still visible: %.*s",
                       STR_ARG(run_target_text(run, w->target)), STR_ARG(run_named(run, e)));
}

/* --- texts and values */

static bool
compares(const struct looking *w, struct str actual)
{
    bool same = w->a->mode == MODE_CONTAINS ? match_contains(actual, w->value, NULL)
                                            : match_same(w->value, actual);
    return same != w->a->negated;
}

static enum rc
differs(struct run *run, const struct looking *w, struct str actual, const char *how)
{
    return run_not_yet(run, "NOT_YET_EQUAL", "%.*s should %s%s '%.*s' but says '%.*s' (%s)",
                       STR_ARG(run_target_text(run, w->target)), w->a->negated ? "not " : "",
                       w->a->mode == MODE_CONTAINS ? "contain" : "be", STR_ARG(w->value),
                       STR_ARG(actual), how);
}

static enum rc
check_text(struct run *run, const struct looking *w)
{
    struct reading r;
    enum rc rc = look_read(&run->sub, &run->snap, w->target, &r);
    if (rc != RC_OK) {
        return rc;
    }
    run_evidence(run, r.elem, r.how);
    return compares(w, r.text) ? RC_OK : differs(run, w, r.text, r.how);
}

static bool
has_value(const struct elem *e)
{
    return e->role == ELEM_TEXTBOX || e->role == ELEM_SPINBUTTON || e->role == ELEM_SLIDER ||
           e->role == ELEM_COMBOBOX || e->role == ELEM_LISTBOX || e->role == ELEM_DATE ||
           e->role == ELEM_FILE || (e->flags & ELEM_EDITABLE) != 0;
}

static enum rc
check_value(struct run *run, const struct looking *w)
{
    struct resolved r;
    enum resolve_use use = w->target->role != NULL && strcmp(w->target->role, "combobox") == 0
                               ? RESOLVE_SELECT
                               : RESOLVE_TYPE;
    enum rc rc = resolve(&run->sub, &run->snap, w->target, use, &r);
    if (rc == RC_NOT_FOUND && use == RESOLVE_TYPE) {
        ctx_recover(&run->sub);
        rc = resolve(&run->sub, &run->snap, w->target, RESOLVE_SELECT, &r);
    }
    if (rc == RC_NOT_FOUND) {
        ctx_recover(&run->sub);
        return check_text(run, w);
    }
    /* Never by likeness: what only resembles the name is not what is verified. */
    if (rc == RC_OK && r.score < MATCH_PREFIX - 5 && w->target->name.n > 0) {
        return fail(&run->sub, RC_NOT_FOUND, "NOT_FOUND", "no field is called '%.*s'",
                    STR_ARG(w->target->name));
    }
    if (rc != RC_OK || !has_value(r.elem)) {
        return rc != RC_OK ? rc : check_text(run, w);
    }
    run_evidence(run, r.elem, "the field's value");
    if ((r.elem->flags & ELEM_SECRET) != 0 && w->value.n > 0) {
        return fail(&run->sub, RC_UNIMPLEMENTED, "SECRET_FIELD",
                    "what a password field holds is never read, only whether it is empty");
    }
    return compares(w, r.elem->value) ? RC_OK : differs(run, w, r.elem->value, "the field's value");
}

/* --- states */

/* A control or something that takes a click; plain text is neither enabled nor checked. */
static bool
reacts(const struct run *run, const struct elem *e)
{
    return elem_takes_value(e) ||
           (e->flags & (ELEM_CLICKABLE | ELEM_CHECKED | ELEM_SELECTED)) != 0 ||
           e->role == ELEM_BUTTON || e->role == ELEM_LINK || e->role == ELEM_OPTION ||
           e->role == ELEM_TAB || e->role == ELEM_MENUITEM || e->role == ELEM_FILE ||
           elem_clickable_around(&run->snap, e) != NULL;
}

static enum rc
check_enabled(struct run *run, const struct looking *w, bool want)
{
    struct resolved r;
    enum rc rc = resolve(&run->sub, &run->snap, w->target, RESOLVE_TAP, &r);
    if (rc != RC_OK) {
        return rc;
    }
    if (r.fuzzy) {
        return fail(&run->sub, RC_NOT_FOUND, "NOT_FOUND", "nothing is called '%.*s'",
                    STR_ARG(w->target->name));
    }
    if (!reacts(run, r.elem)) {
        return run_not_yet(run, "NOT_YET_ENABLED", "%.*s is nothing that can be used",
                           STR_ARG(run_named(run, r.elem)));
    }
    run_evidence(run, r.elem, NULL);
    bool enabled = (r.elem->flags & ELEM_ENABLED) != 0;
    return enabled == want
               ? RC_OK
               : run_not_yet(run, "NOT_YET_ENABLED", "%.*s is %s", STR_ARG(run_named(run, r.elem)),
                             enabled ? "enabled" : "disabled");
}

/* "Standard" may be a radio button, a chosen option, a tab, or what a list shows. */
static enum rc
check_checked(struct run *run, const struct looking *w)
{
    struct resolved r;
    enum rc rc = resolve(&run->sub, &run->snap, w->target, RESOLVE_CHECK, &r);
    if (rc == RC_NOT_FOUND) {
        ctx_recover(&run->sub);
        rc = resolve(&run->sub, &run->snap, w->target, RESOLVE_LOOK, &r);
    }
    for (size_t i = 0; rc == RC_NOT_FOUND && i < run->snap.count; i++) {
        const struct elem *e = &run->snap.elems[i];
        if ((e->role == ELEM_COMBOBOX || e->role == ELEM_LISTBOX) &&
            match_same(w->target->name, e->value)) {
            ctx_recover(&run->sub);
            run_evidence(run, e, "the list's value");
            return w->a->negated ? run_not_yet(run, "NOT_YET_CHECKED", "'%.*s' is selected",
                                               STR_ARG(e->value))
                                 : RC_OK;
        }
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (r.fuzzy) {
        return fail(&run->sub, RC_NOT_FOUND, "NOT_FOUND", "nothing is called '%.*s'",
                    STR_ARG(w->target->name));
    }
    if (!reacts(run, r.elem) && r.elem->role != ELEM_ROW && r.elem->role != ELEM_LISTITEM) {
        return run_not_yet(run, "NOT_YET_CHECKED", "%.*s is nothing that can be checked",
                           STR_ARG(run_named(run, r.elem)));
    }
    run_evidence(run, r.elem, NULL);
    bool on = (r.elem->flags & (ELEM_CHECKED | ELEM_SELECTED)) != 0;
    return on != w->a->negated ? RC_OK
                               : run_not_yet(run, "NOT_YET_CHECKED", "%.*s is %schecked",
                                             STR_ARG(run_named(run, r.elem)), on ? "" : "not ");
}

/* --- address and title */

static struct str
path_of(struct str url)
{
    ptrdiff_t scheme = str_find(url, STR("://"));
    struct str rest = scheme < 0 ? url : str_sub(url, (size_t)scheme + 3, url.n);
    ptrdiff_t slash = scheme < 0 ? 0 : str_find_byte(rest, '/');
    if (slash < 0) {
        return STR("/");
    }
    struct str path = str_sub(rest, (size_t)slash, rest.n);
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] == '?' || path.p[i] == '#') {
            return str_sub(path, 0, i);
        }
    }
    return path;
}

static struct str
without_slash(struct str s)
{
    return s.n > 1 && s.p[s.n - 1] == '/' ? str_sub(s, 0, s.n - 1) : s;
}

/* "/cart" is the path, with its query when that is given; anything else the whole address. */
static bool
same_url(struct str url, struct str wanted)
{
    if (wanted.n > 0 && wanted.p[0] == '/') {
        bool tail = str_find_byte(wanted, '?') >= 0 || str_find_byte(wanted, '#') >= 0;
        ptrdiff_t at = tail ? str_find(url, wanted) : -1;
        return tail ? at >= 0 && (size_t)at + wanted.n == url.n
                    : str_eq(without_slash(path_of(url)), without_slash(wanted));
    }
    if (str_find(wanted, STR("://")) < 0) {
        ptrdiff_t scheme = str_find(url, STR("://"));
        url = scheme < 0 ? url : str_sub(url, (size_t)scheme + 3, url.n);
    }
    return str_eq(without_slash(url), without_slash(wanted));
}

static enum rc
check_page(struct run *run, const struct looking *w)
{
    bool url = w->a->type == ACT_VERIFY_URL;
    struct str actual = url ? run->snap.url : run->snap.title;
    bool fits = w->a->mode == MODE_CONTAINS ? str_find(actual, w->value) >= 0
                : url                       ? same_url(actual, w->value)
                                            : match_same(w->value, actual);
    if (fits != w->a->negated) {
        return RC_OK;
    }
    return run_not_yet(run, url ? "NOT_YET_URL" : "NOT_YET_TITLE",
                       "the %s should %s%s '%.*s' but is '%.*s'", url ? "address" : "title",
                       w->a->negated ? "not " : "", w->a->mode == MODE_CONTAINS ? "contain" : "be",
                       STR_ARG(w->value), STR_ARG(actual));
}

/* --- the one entry */

/* Behind a dialog of the browser nothing can be seen; what it says is all there is. */
static enum rc
check_dialog(struct run *run, const struct looking *w)
{
    bool says = run_dialog_says(run, w->target);
    run->out->evidence.how = "in the browser's dialog";
    if (says && (w->a->type == ACT_VERIFY_VISIBLE || w->a->type == ACT_WAIT_VISIBLE)) {
        return RC_OK;
    }
    if (says && (w->a->type == ACT_VERIFY_NOT_VISIBLE || w->a->type == ACT_WAIT_HIDDEN)) {
        return run_not_yet(run, "NOT_YET_GONE", "%.*s is still visible: the dialog says '%.*s'",
                           STR_ARG(run_target_text(run, w->target)), STR_ARG(run->snap.dialog));
    }
    if (says && w->target->name.n == 0 && w->a->type == ACT_VERIFY_TEXT) {
        return compares(w, run->snap.dialog)
                   ? RC_OK
                   : differs(run, w, run->snap.dialog, run->out->evidence.how);
    }
    return run_dialog_open(run);
}

static enum rc
check(struct run *run, void *arg)
{
    const struct looking *w = arg;
    if (run->snap.dialog.p != NULL && w->a->type != ACT_VERIFY_URL) {
        return check_dialog(run, w);
    }
    switch (w->a->type) {
    case ACT_VERIFY_VISIBLE:
    case ACT_WAIT_VISIBLE:
        return check_visible(run, w);
    case ACT_VERIFY_NOT_VISIBLE:
    case ACT_WAIT_HIDDEN:
        return check_gone(run, w);
    case ACT_VERIFY_TEXT:
        return check_text(run, w);
    case ACT_VERIFY_VALUE:
        return check_value(run, w);
    case ACT_VERIFY_ENABLED:
    case ACT_WAIT_ENABLED:
        return check_enabled(run, w, true);
    case ACT_VERIFY_DISABLED:
        return check_enabled(run, w, false);
    case ACT_VERIFY_CHECKED:
        return check_checked(run, w);
    case ACT_VERIFY_COUNT:
        return run_count(run, w->target, w->a->count);
    default:
        return check_page(run, w);
    }
}

/* What failed is told apart by these names, whatever was tried last. */
static const char *
final_reason(const char *reason)
{
    static const struct {
        const char *yet;
        const char *final;
    } NAMES[] = {{"NOT_YET_VISIBLE", "NOT_VISIBLE"},   {"NOT_YET_GONE", "STILL_VISIBLE"},
                 {"NOT_YET_EQUAL", "TEXT_DIFFERS"},    {"NOT_YET_ENABLED", "STATE_DIFFERS"},
                 {"NOT_YET_CHECKED", "STATE_DIFFERS"}, {"NOT_YET_COUNT", "COUNT_DIFFERS"},
                 {"NOT_YET_URL", "URL_DIFFERS"},       {"NOT_YET_TITLE", "TITLE_DIFFERS"},
                 {"NOT_YET_TEXT", "TEXT_DIFFERS"},     {"NOT_YET_DRAWN", "PAGE_EMPTY"},
                 {"NOT_YET_LISTED", "NEEDS_MODEL"}};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        if (strcmp(reason, NAMES[i].yet) == 0) {
            return NAMES[i].final;
        }
    }
    return reason;
}

bool
run_verify(struct run *run, const struct action *a)
{
    struct looking w = {.a = a};
    struct str value = STR_EMPTY;
    enum rc rc = RC_OK;
    if (a->target != NULL) {
        rc = run_target(run, a->target, &w.target);
    }
    if (rc == RC_OK) {
        rc = vars_expand(&run->sub, run->vars, a->value, &value);
        w.value = arena_str(run->ctx->arena, value);
    }
    run->out->evidence.has_elem = false;
    run->out->evidence.how = NULL;
    /* A wait, or a check with a time of its own, takes all of it. */
    if (act_is_verify(a->type) && a->timeout_us == 0) {
        run->differs_us = run->opt->differs_us > 0 ? run->opt->differs_us : STEP_DIFFERS_DEFAULT_US;
    }
    if (rc == RC_OK) {
        run->sees_dialogs = true;
        rc = run_until(run, check, &w, TIE_GRACE_US);
        run->sees_dialogs = false;
    }
    run->differs_us = 0;
    if (rc == RC_OK) {
        return true;
    }
    run_fail(run, rc);
    run->out->reason = final_reason(run->out->reason);
    /* Words that describe instead of quoting may be right though no text is the same. */
    run->out->needs_model |= w.target != NULL && !w.target->quoted && w.target->name.n > 0 &&
                             strcmp(run->out->reason, "NOT_VISIBLE") == 0;
    if (strcmp(run->out->reason, "NEEDS_MODEL") == 0) { /* the app did nothing wrong */
        run->out->needs_model = true;
        run->out->verdict = STEP_ERROR;
    }
    return false;
}
