/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of suite files. None needs a model. Source: tests/contract, "Suite file". */
#include <string.h>

#include "worker/steps/grammar.h"
#include "worker/steps/match.h"
#include "worker/steps/run_parts.h"

struct suite_check {
    const struct json_value *v;
    struct str hint; /* selector_hint */
    struct str contains;
    struct str equals;
    const struct target *target; /* the hint in words, NULL when it is a selector */
};

/* --- the hinted element */

static bool
looks_like_css(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("#.[]>=*~:", s.p[i]) != NULL) {
            return true;
        }
    }
    static const char *const TAGS[] = {"h1",     "h2",     "h3",   "h4", "main", "nav",
                                       "header", "footer", "body", "p",  "a"};
    for (size_t i = 0; i < ARRAY_LEN(TAGS); i++) {
        if (str_eqz(s, TAGS[i])) {
            return true;
        }
    }
    return false;
}

/* "the Save button" as a target: the grammar knows how to read it. */
static const struct target *
hint_in_words(struct run *run, struct str hint)
{
    struct plan *plan = ARENA_NEW(run->ctx->arena, struct plan);
    struct str sentence =
        arena_printf(run->ctx->arena, "Verify that %.*s is visible", STR_ARG(hint));
    if (plan == NULL || steps_parse(run->ctx->arena, sentence, plan) != RC_OK || plan->count != 1 ||
        plan->actions[0].type != ACT_VERIFY_VISIBLE) {
        struct target *plain = ARENA_NEW(run->ctx->arena, struct target);
        if (plain != NULL) {
            *plain = (struct target){.name = hint, .quoted = true};
        }
        return plain;
    }
    return plan->actions[0].target;
}

static enum rc
hinted(struct run *run, const struct suite_check *c, const struct elem **out)
{
    int32_t ref = -1;
    if (c->target != NULL) {
        struct resolved r;
        enum rc rc = resolve(&run->sub, &run->snap, c->target, RESOLVE_LOOK, &r);
        *out = rc == RC_OK ? r.elem : NULL;
        return rc;
    }
    enum rc rc = run->dev->driver->find(run->dev, &run->sub, c->hint, &ref);
    if (rc != RC_OK) {
        return rc;
    }
    for (size_t i = 0; i < run->snap.count; i++) {
        if (run->snap.elems[i].ref == ref) {
            *out = &run->snap.elems[i];
            return RC_OK;
        }
    }
    return fail(&run->sub, RC_NOT_FOUND, "NOT_FOUND", "'%.*s' is there but shows nothing",
                STR_ARG(c->hint));
}

static struct str
shown(const struct elem *e)
{
    return e->text.n > 0 ? e->text : e->value.n > 0 ? e->value : e->name;
}

/* --- kinds */

static enum rc
check_hinted_text(struct run *run, const struct suite_check *c)
{
    const struct elem *e = NULL;
    enum rc rc = hinted(run, c, &e);
    if (rc != RC_OK) {
        return rc;
    }
    struct str text = shown(e);
    run_evidence(run, e, "the hinted element's text");
    bool holds =
        c->equals.p != NULL ? match_same(c->equals, text) : str_find(text, c->contains) >= 0;
    return holds
               ? RC_OK
               : run_not_yet(run, "NOT_YET_TEXT",
                             "the hinted element should %s '%.*s' but says '%.*s'",
                             c->equals.p != NULL ? "say" : "contain",
                             STR_ARG(c->equals.p != NULL ? c->equals : c->contains), STR_ARG(text));
}

static enum rc
check_visible_text(struct run *run, void *arg)
{
    const struct suite_check *c = arg;
    if (c->hint.n > 0) {
        return check_hinted_text(run, c);
    }
    const struct elem *e = look_raw(&run->snap, c->contains, false);
    if (e == NULL) {
        return run_not_yet(run, "NOT_YET_TEXT", "the page does not show '%.*s'",
                           STR_ARG(c->contains));
    }
    run_evidence(run, e, "on the page");
    return RC_OK;
}

static enum rc
check_absent_text(struct run *run, void *arg)
{
    const struct suite_check *c = arg;
    const struct json_value *any = json_get(c->v, "any_of");
    for (size_t i = 0; i < 256 && json_at(any, i) != NULL; i++) {
        struct str text = STR_EMPTY;
        enum rc rc = vars_expand(&run->sub, run->vars, json_str(json_at(any, i)), &text);
        if (rc != RC_OK) {
            return rc;
        }
        const struct elem *e = look_raw(&run->snap, text, true);
        if (e != NULL) {
            run_evidence(run, e, "on the page");
            return run_not_yet(run, "NOT_YET_GONE", "the page shows '%.*s'", STR_ARG(text));
        }
    }
    return run_drawn(run);
}

static enum rc
check_element(struct run *run, void *arg)
{
    const struct suite_check *c = arg;
    const struct elem *e = NULL;
    enum rc rc = hinted(run, c, &e);
    if (rc != RC_OK) {
        return rc;
    }
    run_evidence(run, e, NULL);
    return (e->flags & ELEM_VISIBLE) != 0
               ? RC_OK
               : run_not_yet(run, "NOT_YET_VISIBLE", "%.*s is not visible",
                             STR_ARG(run_named(run, e)));
}

static void
url_check(struct run *run, const struct json_value *v)
{
    struct str path = json_str(json_get(v, "path_is"));
    struct str part = json_str(json_get(v, "contains"));
    struct action a = {.type = ACT_VERIFY_URL, .has_value = true};
    if (path.n == 0 && part.n == 0) {
        run_say(run, STEP_ERROR, "BAD_CHECK", "a url check needs path_is or contains");
        return;
    }
    if (path.n > 0) {
        a.value = path.p[0] == '/' ? path : arena_printf(run->ctx->arena, "/%.*s", STR_ARG(path));
        if (!run_verify(run, &a)) {
            return;
        }
    }
    if (part.n > 0) {
        a.value = part;
        a.mode = MODE_CONTAINS;
        (void)run_verify(run, &a);
    }
}

static bool
prepare(struct run *run, struct suite_check *c)
{
    struct str *const FIELDS[] = {&c->hint, &c->contains, &c->equals};
    static const char *const KEYS[] = {"selector_hint", "contains", "equals"};
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        const struct json_value *v = json_get(c->v, KEYS[i]);
        struct str text = STR_EMPTY;
        enum rc rc = vars_expand(&run->sub, run->vars, json_str(v), &text);
        if (rc != RC_OK) {
            run_fail(run, rc);
            return false;
        }
        *FIELDS[i] = json_is(v, JSON_STRING) ? arena_str(run->ctx->arena, text) : STR_EMPTY;
    }
    if (c->hint.n > 0 && !looks_like_css(c->hint)) {
        c->target = hint_in_words(run, c->hint);
    }
    return true;
}

static void
one_check(struct run *run, const struct json_value *v)
{
    struct str kind = json_str(json_get(v, "kind"));
    struct suite_check c = {.v = v};
    run_fn *fn = NULL;
    bool complete = true;
    if (str_eqz(kind, "url")) {
        url_check(run, v);
        return;
    }
    if (!prepare(run, &c)) {
        return;
    }
    if (str_eqz(kind, "visible_text")) {
        fn = check_visible_text;
        complete = c.contains.n > 0 || (c.equals.p != NULL && c.hint.n > 0);
    } else if (str_eqz(kind, "absent_text")) {
        fn = check_absent_text;
        complete = json_at(json_get(v, "any_of"), 0) != NULL;
    } else if (str_eqz(kind, "element_visible")) {
        fn = check_element;
        complete = c.hint.n > 0;
    }
    if (fn == NULL || !complete) {
        run_say(run, STEP_ERROR, "BAD_CHECK", "the check '%.*s' is not known or misses a member",
                STR_ARG(kind));
        return;
    }
    enum rc rc = run_until(run, fn, &c, ASSAY_US_PER_S);
    if (rc != RC_OK) {
        run_fail(run, rc);
        run->out->needs_model = false;
    }
}

enum rc
run_check(struct ctx *ctx, struct device *dev, struct step_vars *vars,
          const struct step_options *opt, const struct json_value *check, struct step_result *out)
{
    struct run run;
    int64_t started = clk_mono_us();
    if (run_init(&run, ctx, dev, vars, opt, out)) {
        out->actions = 1;
        one_check(&run, check);
        out->done = out->verdict == STEP_PASSED;
    }
    run_fini(&run, started);
    return run.cancelled ? RC_CANCELLED : RC_OK;
}
