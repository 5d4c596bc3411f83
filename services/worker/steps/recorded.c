/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded actions, replayed without a model: by selector, and where that is gone by the visible
 * text, which is told. Source: tests/contract, "Recorded actions". */
#include <string.h>

#include "worker/steps/match.h"
#include "worker/steps/run_parts.h"

#define WAIT_MAX_MS 600000

struct replay {
    const char *type;
    struct str selector;
    struct str text;
    struct str value;
    enum device_verb verb;
    enum resolve_use use;
    const char *role; /* what the selector's tag says */
    bool on;
    int64_t selector_until_us; /* monotonic: after that the text is tried */
};

/* "button.primary" → a button. */
static const char *
role_of_selector(struct str s)
{
    static const struct {
        const char *tag;
        const char *role;
    } TAGS[] = {
        {"button", "button"}, {"a", "link"}, {"select", "combobox"}, {"textarea", "textbox"}};
    size_t n = 0;
    ptrdiff_t space = -1;
    for (size_t i = 0; i < s.n; i++) {
        space = s.p[i] == ' ' || s.p[i] == '>' ? (ptrdiff_t)i : space;
    }
    struct str last = str_trim(str_sub(s, (size_t)(space + 1), s.n));
    while (n < last.n && ch_is_alpha(last.p[n])) {
        n++;
    }
    for (size_t i = 0; i < ARRAY_LEN(TAGS); i++) {
        if (str_eqz(str_sub(last, 0, n), TAGS[i].tag)) {
            return TAGS[i].role;
        }
    }
    return NULL;
}

static const struct elem *
elem_of_ref(const struct snapshot *snap, int32_t ref)
{
    for (size_t i = 0; i < snap->count; i++) {
        if (snap->elems[i].ref == ref) {
            return &snap->elems[i];
        }
    }
    return NULL;
}

/* The selector leads somewhere else by now: what it names says something else than was recorded. */
static bool
says_otherwise(const struct replay *r, const struct elem *e)
{
    struct str caption = e != NULL ? elem_caption(e) : STR_EMPTY;
    if (r->use != RESOLVE_TAP || r->text.n == 0 || caption.n == 0) {
        return false;
    }
    return match_name(r->text, caption, false) == MATCH_NONE &&
           !match_contains(caption, r->text, NULL) && !match_contains(e->text, r->text, NULL) &&
           !match_contains(r->text, caption, NULL);
}

static enum rc
by_selector(struct run *run, const struct replay *r, int32_t *out_ref)
{
    int32_t ref = -1;
    enum rc rc = run->dev->driver->find(run->dev, &run->sub, r->selector, &ref);
    if (rc != RC_OK) {
        return rc;
    }
    const struct elem *e = elem_of_ref(&run->snap, ref);
    if (says_otherwise(r, e)) {
        return fail(&run->sub, RC_FAILED_PRECONDITION, "NO_SUCH_ELEMENT",
                    "'%.*s' now leads to %.*s, recorded was '%.*s'", STR_ARG(r->selector),
                    STR_ARG(run_named(run, e)), STR_ARG(r->text));
    }
    if (e != NULL) {
        run_evidence(run, e, NULL);
    }
    *out_ref = ref;
    return RC_OK;
}

/* Exactly one element with the recorded text and kind. */
static enum rc
by_text(struct run *run, const struct replay *r, int32_t *out_ref)
{
    struct target t = {.name = r->text, .quoted = true, .role = r->role};
    struct resolved found;
    enum rc rc = resolve(&run->sub, &run->snap, &t, r->use, &found);
    if (rc != RC_OK) {
        return rc;
    }
    if (found.score < MATCH_BARE - 15) {
        return fail(&run->sub, RC_NOT_FOUND, "NOT_FOUND", "no element says '%.*s'",
                    STR_ARG(r->text));
    }
    run_evidence(run, found.elem, NULL);
    *out_ref = found.elem->ref;
    return RC_OK;
}

static enum rc
find_recorded(struct run *run, const struct replay *r, int32_t *out_ref, bool *out_healed)
{
    *out_healed = false;
    if (r->selector.n == 0) {
        return r->text.n > 0 ? by_text(run, r, out_ref)
                             : fail(&run->sub, RC_INVALID_ARGUMENT, "BAD_ACTION",
                                    "the recorded %s has neither selector nor text", r->type);
    }
    enum rc rc = by_selector(run, r, out_ref);
    bool gone = rc == RC_NOT_FOUND || rc == RC_FAILED_PRECONDITION;
    if (!gone || !run->opt->fuzzy_match || r->text.n == 0 || clk_mono_us() < r->selector_until_us) {
        return rc;
    }
    ctx_recover(&run->sub);
    rc = by_text(run, r, out_ref);
    *out_healed = rc == RC_OK;
    return rc;
}

static enum rc
replay_once(struct run *run, void *arg)
{
    struct replay *r = arg;
    struct device_action d = {
        .verb = r->verb, .ref = -1, .ref2 = -1, .text = r->value, .on = r->on};
    bool healed = false;
    enum rc rc = RC_OK;
    if (r->verb != DEVICE_KEY || r->selector.n > 0) {
        rc = find_recorded(run, r, &d.ref, &healed);
    }
    if (rc == RC_OK && r->verb == DEVICE_KEY && d.ref >= 0) {
        struct device_action focus = {.verb = DEVICE_FOCUS, .ref = d.ref, .ref2 = -1};
        rc = run_act(run, &focus);
        d.ref = -1;
    }
    if (rc == RC_OK) {
        rc = run_act(run, &d);
    }
    if (rc == RC_OK && healed) {
        run->out->healed = true;
        run_say(run, STEP_PASSED, "HEALED",
                "'%.*s' is gone; done on the one element that says '%.*s'", STR_ARG(r->selector),
                STR_ARG(r->text));
    }
    return rc;
}

static bool
element_replay(struct str type, struct replay *r)
{
    static const struct {
        const char *type;
        enum device_verb verb;
        enum resolve_use use;
    } KINDS[] = {{"click", DEVICE_TAP, RESOLVE_TAP},
                 {"fill", DEVICE_FILL, RESOLVE_TYPE},
                 {"press", DEVICE_KEY, RESOLVE_TAP},
                 {"select", DEVICE_SELECT, RESOLVE_SELECT},
                 {"check", DEVICE_CHECK, RESOLVE_CHECK}};
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (str_eqz(type, KINDS[i].type)) {
            r->type = KINDS[i].type;
            r->verb = KINDS[i].verb;
            r->use = KINDS[i].use;
            return true;
        }
    }
    return false;
}

/* --- actions of touch devices */

static double
scaled(double v, int recorded, int now)
{
    return recorded > 0 && now > 0 ? v * now / recorded : v;
}

static const char *
key_of_code(int64_t code)
{
    static const struct {
        int64_t code;
        const char *key;
    } KEYS[] = {{3, "HOME"},        {4, "BACK"},        {19, "ArrowUp"}, {20, "ArrowDown"},
                {21, "ArrowLeft"},  {22, "ArrowRight"}, {61, "Tab"},     {62, "Space"},
                {66, "Enter"},      {67, "Backspace"},  {111, "Escape"}, {112, "Delete"},
                {187, "APP_SWITCH"}};
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        if (KEYS[i].code == code) {
            return KEYS[i].key;
        }
    }
    return NULL;
}

/* A touch without its place would land in the corner and pass. */
static bool
has_numbers(const struct json_value *v, const char *a, const char *b)
{
    return json_is(json_get(v, a), JSON_NUMBER) && json_is(json_get(v, b), JSON_NUMBER);
}

static enum rc
touch_action(struct run *run, const struct json_value *v, struct str type, struct device_action *d)
{
    const struct device_profile *p = &run->dev->profile;
    const struct step_options *o = run->opt;
    *d = (struct device_action){.ref = -1, .ref2 = -1};
    d->x = scaled(json_f64(json_get(v, "x"), 0), o->recorded_width, p->width);
    d->y = scaled(json_f64(json_get(v, "y"), 0), o->recorded_height, p->height);
    d->x2 = scaled(json_f64(json_get(v, "x2"), 0), o->recorded_width, p->width);
    d->y2 = scaled(json_f64(json_get(v, "y2"), 0), o->recorded_height, p->height);
    d->duration_us = json_i64(json_get(v, "duration"), 300) * ASSAY_US_PER_MS;
    bool is_tap = str_eqz(type, "tap");
    bool is_swipe = str_eqz(type, "swipe");
    if (((is_tap || is_swipe) && !has_numbers(v, "x", "y")) ||
        (is_swipe && !has_numbers(v, "x2", "y2"))) {
        return fail(&run->sub, RC_INVALID_ARGUMENT, "BAD_ACTION",
                    "the recorded %.*s does not say where", STR_ARG(type));
    }
    if (is_tap) {
        d->verb = DEVICE_TAP;
        return RC_OK;
    }
    if (is_swipe) {
        d->verb = DEVICE_SWIPE;
        return RC_OK;
    }
    if (str_eqz(type, "type")) {
        d->verb = DEVICE_TYPE;
        return vars_expand(&run->sub, run->vars, json_str(json_get(v, "value")), &d->text);
    }
    if (str_eqz(type, "key")) {
        const struct json_value *code = json_get(v, "keycode");
        const char *key = json_is(code, JSON_NUMBER) ? key_of_code(json_i64(code, -1)) : NULL;
        struct str name =
            json_is(code, JSON_STRING) ? json_str(code) : json_str(json_get(v, "value"));
        d->verb = DEVICE_KEY;
        d->text = key != NULL ? str_z(key) : name;
        return d->text.n > 0 ? RC_OK
                             : fail(&run->sub, RC_INVALID_ARGUMENT, "BAD_ACTION",
                                    "the recorded key is not known");
    }
    return fail(&run->sub, RC_INVALID_ARGUMENT, "BAD_ACTION",
                "a recorded action of type '%.*s' is not known", STR_ARG(type));
}

static enum rc
touch_once(struct run *run, void *arg)
{
    const struct device_action *d = arg;
    return run_act(run, d);
}

/* --- the entry */

static int64_t
wait_ms(const struct json_value *v)
{
    const struct json_value *value = json_get(v, "value");
    int64_t ms = json_i64(value, -1);
    if (json_is(value, JSON_STRING) && str_to_i64(json_str(value), 0, WAIT_MAX_MS, &ms) != RC_OK) {
        return -1;
    }
    return ms < 0 ? json_i64(json_get(v, "duration"), -1) : ms;
}

static void
replay_wait(struct run *run, const struct json_value *v)
{
    int64_t ms = wait_ms(v);
    if (ms < 0 || ms > WAIT_MAX_MS) {
        run_say(run, STEP_ERROR, "BAD_ACTION", "the recorded wait has no length");
        return;
    }
    struct action wait = {.type = ACT_WAIT, .duration_us = ms * ASSAY_US_PER_MS};
    (void)run_action(run, &wait);
}

static void
replay_element(struct run *run, const struct json_value *v, struct replay *r)
{
    int64_t own = run->opt->timeout_us > 0 ? run->opt->timeout_us : STEP_TIMEOUT_DEFAULT_US;
    struct str value = STR_EMPTY;
    r->selector = json_str(json_get(v, "selector"));
    r->text = json_str(json_get(v, "text"));
    r->role = role_of_selector(r->selector);
    r->selector_until_us = clk_mono_us() + own / 4;
    r->on =
        !str_eqz(json_str(json_get(v, "value")), "false") && json_bool(json_get(v, "value"), true);
    enum rc rc = vars_expand(&run->sub, run->vars, json_str(json_get(v, "value")), &value);
    if (rc == RC_OK) {
        r->value = arena_str(run->ctx->arena, value);
        rc = run_until(run, replay_once, r, ASSAY_US_PER_S);
    }
    if (rc != RC_OK) {
        run_fail(run, rc);
    }
}

static void
replay_touch(struct run *run, const struct json_value *v, struct str type)
{
    struct device_action d;
    enum rc rc = touch_action(run, v, type, &d);
    d.text = arena_str(run->ctx->arena, d.text);
    if (rc == RC_OK) {
        rc = run_until(run, touch_once, &d, 0);
    }
    if (rc != RC_OK) {
        run_fail(run, rc);
    }
}

static void
replay_any(struct run *run, const struct json_value *v)
{
    struct str type = json_str(json_get(v, "type"));
    struct replay r = {0};
    if (str_eqz(type, "navigate")) {
        struct str url = json_str(json_get(v, "url"));
        struct action open = {.type = ACT_OPEN, .has_value = true};
        open.value = url.n > 0 ? url : json_str(json_get(v, "value"));
        (void)run_action(run, &open);
    } else if (str_eqz(type, "wait")) {
        replay_wait(run, v);
    } else if (element_replay(type, &r)) {
        replay_element(run, v, &r);
    } else {
        replay_touch(run, v, type);
    }
}

enum rc
run_recorded(struct ctx *ctx, struct device *dev, struct step_vars *vars,
             const struct step_options *opt, const struct json_value *action,
             struct step_result *out)
{
    struct run run;
    int64_t started = clk_mono_us();
    if (run_init(&run, ctx, dev, vars, opt, out)) {
        out->actions = 1;
        replay_any(&run, action);
        out->done = out->verdict == STEP_PASSED;
    }
    run_fini(&run, started);
    return run.cancelled ? RC_CANCELLED : RC_OK;
}
