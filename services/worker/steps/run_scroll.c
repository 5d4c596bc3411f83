/* SPDX-License-Identifier: Apache-2.0
 *
 * Scrolling to something that may not be there yet: lists that grow as one scrolls, lists that keep
 * only what is seen. Scrolls screen by screen and waits for the page to grow each time. */
#include <string.h>

#include "worker/steps/run_parts.h"

#define SEARCH_MAX_US (60 * ASSAY_US_PER_S) /* while the page goes on, of a list without an end */
#define SCREEN_PART 0.8
#define TIE_GRACE_US (1500 * ASSAY_US_PER_MS)

struct search {
    const struct action *a;
    const struct target *target;
    uint64_t seen; /* what the last look showed, to know whether the page goes on */
    int64_t end_us;
};

static uint64_t
mix(uint64_t h, double v)
{
    return (h ^ (uint64_t)(int64_t)v) * UINT64_C(0x100000001b3);
}

/* Equal when nothing moved and nothing was added. */
static uint64_t
fingerprint(const struct snapshot *snap)
{
    uint64_t h = mix(mix(UINT64_C(0xcbf29ce484222325), snap->scroll_y), snap->scroll_x);
    h = mix(mix(h, snap->page_h), snap->page_w);
    for (size_t i = 0; i < snap->count; i++) {
        h = mix(mix(h, snap->elems[i].ref), snap->elems[i].box.y);
        h = mix(h, snap->elems[i].box.x);
    }
    return h;
}

/* By its name, else as a part of what is shown. Of several that are called so none is chosen. */
static enum rc
find(struct run *run, const struct search *s, const struct elem **out)
{
    struct resolved r = {0};
    enum rc rc = resolve(&run->sub, &run->snap, s->target, RESOLVE_TAP, &r);
    if (rc == RC_OK && !r.fuzzy) {
        *out = r.elem;
        return RC_OK;
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return rc;
    }
    struct err why = run->sub.err;
    const struct elem *e = look_for(&run->sub, &run->snap, s->target);
    *out = e != NULL ? e : r.elem;
    run->sub.err = why;
    if (*out != NULL) {
        ctx_recover(&run->sub);
    }
    return *out != NULL ? RC_OK : rc;
}

/* What is scrolled: the place that the sentence names, where it is there, else the page. */
static int32_t
scroller(struct run *run, const struct search *s)
{
    struct resolved r = {0};
    const struct target *place = s->target->within;
    enum rc rc = RC_NOT_FOUND;
    if (place != NULL) {
        rc = resolve(&run->sub, &run->snap, place, RESOLVE_LOOK, &r);
        ctx_recover(&run->sub);
    }
    return rc == RC_OK ? r.elem->ref : -1;
}

static enum rc
further(struct run *run, struct search *s)
{
    const char *way = s->a->direction != NULL ? s->a->direction : "down";
    bool across = strcmp(way, "left") == 0 || strcmp(way, "right") == 0;
    double by = (across ? run->snap.viewport_w : run->snap.viewport_h) * SCREEN_PART;
    by = strcmp(way, "up") == 0 || strcmp(way, "left") == 0 ? -by : by;
    struct device_action d = {.verb = DEVICE_SCROLL,
                              .ref = scroller(run, s),
                              .ref2 = -1,
                              .x2 = across ? by : 0,
                              .y2 = across ? 0 : by};
    return run_act(run, &d);
}

/* Scrolls on while that changes something. The failure of the last look stays the result. */
static enum rc
search_once(struct run *run, void *arg)
{
    struct search *s = arg;
    const struct elem *e = NULL;
    enum rc rc = find(run, s, &e);
    if (rc == RC_OK) {
        run_evidence(run, e, NULL);
        struct device_action d = {.verb = DEVICE_SCROLL_TO, .ref = e->ref, .ref2 = -1};
        return run_act(run, &d);
    }
    uint64_t now = fingerprint(&run->snap);
    if (rc != RC_NOT_FOUND || now == s->seen) {
        return rc;
    }
    s->seen = now;
    if (s->a->timeout_us == 0 && clk_mono_us() < s->end_us) {
        run_set_deadline(run, 0);
    }
    struct err why = run->sub.err;
    ctx_recover(&run->sub);
    rc = further(run, s);
    if (rc == RC_OK) {
        run->sub.err = why;
    }
    return rc == RC_OK ? why.code : rc;
}

bool
run_scroll_to(struct run *run, const struct action *a, const struct target *target)
{
    struct search s = {.a = a, .target = target, .end_us = clk_mono_us() + SEARCH_MAX_US};
    enum rc rc = run_until(run, search_once, &s, TIE_GRACE_US);
    if (rc != RC_OK) {
        run_fail(run, rc);
    }
    return rc == RC_OK;
}
