/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing from a list: of a select the driver chooses; a list that the page draws itself is opened
 * like a person would, and the option pressed when it is there. */
#include <string.h>

#include "worker/steps/run_parts.h"

#define TIE_GRACE_US (1500 * ASSAY_US_PER_MS)
/* A list that filters shows its options at once or only after some letters. */
#define FILTER_US (700 * ASSAY_US_PER_MS)

struct choosing {
    const struct target *list;
    struct target option;
    int64_t opened_us; /* 0: not yet, or it is a select */
    bool filtered;
    bool editable;
};

static enum rc
act_on(struct run *run, enum device_verb verb, const struct elem *e, struct str text)
{
    struct device_action d = {.verb = verb, .ref = e->ref, .ref2 = -1, .text = text};
    enum rc rc = run_act(run, &d);
    return rc == RC_OK ? RC_OK : run_name_failure(run, rc, e);
}

static enum rc
not_there(struct run *run, const struct choosing *c)
{
    return fail(&run->sub, RC_FAILED_PRECONDITION, "NO_SUCH_OPTION",
                "%.*s shows no option '%.*s'", STR_ARG(run_target_text(run, c->list)),
                STR_ARG(c->option.name));
}

static enum rc
open_list(struct run *run, struct choosing *c)
{
    struct resolved r = {0};
    enum rc rc = resolve(&run->sub, &run->snap, c->list, RESOLVE_SELECT, &r);
    if (rc != RC_OK) {
        return rc;
    }
    run_evidence(run, r.elem, NULL);
    rc = act_on(run, DEVICE_SELECT, r.elem, c->option.name);
    if (rc != RC_UNIMPLEMENTED) {
        return rc;
    }
    ctx_recover(&run->sub);
    bool open = r.elem->role == ELEM_LISTBOX || (r.elem->flags & ELEM_EXPANDED) != 0;
    rc = open ? RC_OK : act_on(run, DEVICE_TAP, r.elem, STR_EMPTY);
    if (rc == RC_OK) {
        c->opened_us = clk_mono_us();
        c->editable = (r.elem->flags & ELEM_EDITABLE) != 0;
        rc = not_there(run, c);
    }
    return rc;
}

static enum rc
filter_list(struct run *run, struct choosing *c)
{
    struct resolved r = {0};
    enum rc rc = resolve(&run->sub, &run->snap, c->list, RESOLVE_SELECT, &r);
    if (rc == RC_OK) {
        rc = act_on(run, DEVICE_FILL, r.elem, c->option.name);
    }
    if (rc == RC_OK) {
        c->filtered = true;
        rc = not_there(run, c);
    }
    return rc;
}

/* Named exactly: of what stands in a list nothing similar is chosen. */
static enum rc
choose_once(struct run *run, void *arg)
{
    struct choosing *c = arg;
    struct resolved r = {0};
    if (c->opened_us == 0) {
        return open_list(run, c);
    }
    enum rc rc = resolve(&run->sub, &run->snap, &c->option, RESOLVE_LOOK, &r);
    if (rc == RC_OK) {
        return act_on(run, DEVICE_TAP, r.elem, STR_EMPTY);
    }
    if (rc != RC_NOT_FOUND) {
        return rc;
    }
    ctx_recover(&run->sub);
    bool wants = c->editable && !c->filtered && clk_mono_us() - c->opened_us > FILTER_US;
    return wants ? filter_list(run, c) : not_there(run, c);
}

bool
run_choose(struct run *run, const struct target *list, struct str option)
{
    struct choosing c = {.list = list, .option = {.name = option, .role = "option"}};
    return run_ended(run, run_until(run, choose_once, &c, TIE_GRACE_US));
}
