/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for time, for things, for the page. */
#include "worker/steps/parse.h"

static const char HINT_WAIT[] = "Wait 2 seconds, or: Wait until \"Saved\" is visible";

static const char SHOWN[] =
    "to appear|to be visible|to be displayed|to be shown|to show up|to show|appears|is visible|"
    "is displayed|is shown|shows up|to become visible|becomes visible|to be present|is present|"
    "to exist|exists|to load|loads|is loaded|to be loaded|are visible|are displayed|appear|are "
    "shown|"
    "has appeared|to come up|comes up|to pop up|pops up|to render|is on the screen|is on screen|"
    "to finish loading|finishes loading|has loaded|to be on the screen|load|are loaded|have loaded|"
    "is available|to be available|to be seen|can be seen|shows|have appeared|to come into view|"
    "is on the page|to be rendered|is there|are present|to open|opens|show up|"
    "is seen|has been displayed|is rendered|to be fully loaded|is fully loaded|to be fully visible|"
    "is fully visible|to become available|becomes available|to appear on the screen|"
    "appears on the screen|to appear on the page|appears on the page|is visible on the screen|"
    "is visible on the page|to appear on screen|is displayed on the screen|is displayed on the "
    "page|"
    "to be visible on the screen|to be visible on the page|to be displayed on the screen|"
    "to be displayed on the page|is showing|pop up|is open|is opened|to be open";

static const char HIDDEN[] =
    "to disappear|isn't displayed|isn't shown|isn't there|is not there|to vanish|to go away|to be "
    "hidden|to be gone|to close|disappears|vanishes|"
    "goes away|is hidden|is gone|is no longer visible|to hide|is not visible|to be invisible|"
    "to no longer be visible|to be removed|is removed|has disappeared|to fade out|fades out|"
    "is not displayed|disappear|closes|is no longer displayed|isn't visible|are gone|are hidden|"
    "to not be visible|to be closed|is closed|is no longer shown|to clear|to be dismissed|"
    "is not shown|is not present|is no longer present|has vanished|has gone|to stop being visible|"
    "becomes hidden|to become hidden|becomes invisible|is dismissed|to become invisible|hides|"
    "is invisible|is absent|are no longer visible|vanish|have disappeared|is no longer on the "
    "screen|"
    "disappears from the page|to disappear from the page|disappears from the screen|"
    "to disappear from the screen|is no longer there|are not visible|to not be displayed|"
    "doesn't exist|does not exist|no longer exists|to no longer exist|has been removed|to be not "
    "visible";

static const char ENABLED[] =
    "to be enabled|can be clicked|can be tapped|can be pressed|is ready to be clicked|is "
    "enabled|becomes enabled|to become enabled|to be clickable|is clickable|"
    "becomes clickable|to become clickable|to become active|becomes active|is active|to be active|"
    "to be ready to click|are enabled|to be interactable|is interactable|to be tappable|is "
    "tappable|"
    "to get enabled|gets enabled|becomes interactive|to be interactive|to become interactive|"
    "is not disabled|to be no longer disabled|is no longer disabled";

static const char PAGE_HAS[] =
    "the page contains|page contains|the page shows|page shows|the screen shows|screen shows|"
    "the screen contains|screen contains|the page displays|page displays|"
    "the page to contain|the page to show";

static const char PAGE_LACKS[] =
    "the page does not contain|page does not contain|the page doesn't contain|"
    "page doesn't contain|the page no longer contains|page no longer contains|"
    "the page does not show|the page no longer shows|the screen no longer shows";

/* "for up to 10 seconds" at either end. */
static void
take_timeout(struct cur *c, int64_t *out_us)
{
    struct cur lead = *c;
    if (eat(&lead, "( max .|( max|( at most|( up to|( timeout|( maximum|( timeout :") &&
        eat_duration(&lead, out_us) && eat(&lead, ")")) {
        *c = lead;
        return;
    }
    lead = *c;
    if (eat(&lead, "up to|at most|a maximum of|no more than|for up to|for at most|max|maximum|"
                   "for a maximum of|not more than") &&
        eat_duration(&lead, out_us)) {
        *c = lead;
        return;
    }
    for (int i = c->i + 1; i < c->end; i++) {
        struct cur tail = cur_range(c, i, c->end);
        eat(&tail, ",");
        if (eat(&tail,
                "for up to|up to|for at most|at most|within|for a maximum of|with a timeout of|"
                "timeout|for max|max|for no more than|waiting up to|with timeout|"
                "with a maximum of|in less than|for a max of|but no longer than|"
                "for not more than|--timeout") &&
            eat_duration(&tail, out_us) && (eat(&tail, "at most|max"), cur_done(&tail))) {
            c->end = i;
            return;
        }
    }
}

static bool
page_word(struct cur *c)
{
    return eat(
        c, "the page|page|the new page|the next page|the screen|this page|the website|"
           "everything|the app|the site|the web page|the current page|the application|the dom|"
           "the webpage|network|the network|all requests|page load|the page load|the document|"
           "navigation|the navigation|loading|all network requests|page loading|the page loading");
}

bool
says_loaded(struct cur c)
{
    struct cur whole = c;
    if (eat(&c, "load|page load|the page load|network idle|networkidle|page to load|"
                "the network to be idle|loading to finish|loading to complete|"
                "loading is complete|loading completes|loading is finished|loading finishes|"
                "loading to be complete|loading is done|page load to complete|idle|"
                "page load to finish") &&
        cur_done(&c)) {
        return true;
    }
    c = whole;
    if (!page_word(&c)) {
        return false;
    }
    c.i -= phrase_len(&c, c.i - 1, "load") > 0 && !cur_done(&c); /* "the page load completely" */
    eat(&c, "to|is|has|are|have|gets");
    eat(&c, "be|been");
    return eat(&c,
               "load|loaded|loads|finish loading|fully load|fully loaded|finished loading|"
               "completely loaded|load completely|load fully|finishes loading|ready|"
               "completely load|be ready|idle|settle|stable|be idle|be stable|done loading|"
               "complete loading|completed loading|loaded completely|loaded fully|refresh|reload|"
               "settled|complete|finish|completed|finished|loads completely|loads fully|"
               "become idle|become stable|fully loads|render|be done loading|update") &&
           cur_done(&c);
}

static bool
time_tail(struct cur *c)
{
    eat(c,
        "for the page to load|for page to load|for the page to finish loading|to load|more|longer|"
        "before continuing|before proceeding|for it to load|to let the page load|"
        "for the screen to load|for loading|for the animation|for the animation to finish|"
        "for the animation to complete|for the animations|for animations|for the transition|"
        "for the animation to end|for the page to settle|for everything to load");
    return cur_done(c);
}

static enum parsed
wait_time(struct gram *g, struct cur c)
{
    int64_t us = 0;
    eat(&c, "for|another|for another|for about");
    eat(&c, "another");
    if (at_phrase(&c, "at least|at most|up to|more than|less than")) {
        return P_NO;
    }
    if (!eat_duration(&c, &us) || !time_tail(&c)) {
        return P_NO;
    }
    add_action(g, ACT_WAIT, NULL)->duration_us = us;
    return P_OK;
}

/* "a few seconds", "a couple of minutes": no time to wait and nothing to see. */
static bool
vague_time(const struct cur *c)
{
    return !cur_quoted(c) && !cur_done(c) &&
           phrase_len(c, c->end - 1,
                      "seconds|second|secs|minutes|minute|ms|milliseconds|hours|"
                      "moments|ticks|frames") > 0;
}

/* "the toast to come and go": what it is to do cannot be looked at. */
static bool
unknown_deed(const struct cur *c)
{
    int at = find_phrase(c, c->i + 1, "to", NULL);
    const char *role = NULL;
    int len = 0;
    return at > 0 && !is_capital(&c->t[at - 1]) && !role_at_end(c, USE_VERIFY, &role, &len);
}

static enum parsed
put_wait_for(struct gram *g, struct cur c, enum act_type type, int64_t timeout_us)
{
    const struct target *t = NULL;
    if (vague_time(&c)) {
        return refuse(g, "the step does not say how long to wait", HINT_WAIT);
    }
    if (unknown_deed(&c)) {
        return refuse(g, "a program cannot tell when that has happened", HINT_WAIT);
    }
    eat(&c, "you see|i see|you can see|i can see|the user sees|the user can see|we see");
    size_t before = g->plan->count;
    enum parsed list = put_list(g, c, type, USE_VERIFY, false);
    for (size_t i = before; list == P_OK && i < g->plan->count && i < STEP_ACTIONS_MAX; i++) {
        g->plan->actions[i].timeout_us = timeout_us;
    }
    if (list != P_NO) {
        return list;
    }
    if (cur_done(&c) || parse_target(g, &c, USE_VERIFY, &t) != P_OK) {
        return refuse(g, "it is unclear what to wait for", HINT_WAIT);
    }
    if (t->name.n == 0 && t->role == NULL) {
        return refuse(g, "it is unclear what to wait for", HINT_WAIT);
    }
    add_action(g, type, t)->timeout_us = timeout_us;
    return P_OK;
}

/* "Wait for the upload to finish": the end of something only its author can see. */
static bool
unknown_event(const struct cur *c)
{
    return any_word(
        c, "to finish|to complete|finishes|completes|to be done|to end|to start|to happen|"
           "to be sent|to update|to be ready|is done|is complete|is finished|to be processed|"
           "to respond|is ready|to change|changes|to be updated|is updated|to stop|stops|"
           "is complete|to be completed|is processed|to succeed|succeeds|to be saved|"
           "to arrive|arrives|arrive|is saved|are saved|to settle|to expire|expires|to be "
           "created|is created");
}

/* A bare "wait for X": the page can show X only when it is named or a kind of thing. */
static bool
names_thing(const struct cur *c)
{
    const char *role = NULL;
    int len = 0;
    for (int i = c->i; i < c->end; i++) {
        if (c->t[i].kind == TOK_QUOTED || c->t[i].var || is_capital(&c->t[i])) {
            return true;
        }
    }
    return role_at_end(c, USE_VERIFY, &role, &len) ||
           (!cur_done(c) && phrase_len(c, c->end - 1,
                                       "message|text|results|page|screen|list|menu|"
                                       "toast|banner|notification|spinner") > 0);
}

/* "Open /shop and wait for it to load". */
static bool
load_of_it(const struct gram *g, struct cur c)
{
    bool page = g->last_type >= ACT_BACK && g->last_type <= ACT_RELAUNCH;
    return (page || g->last_type == ACT_OPEN) && g->plan->count > 0 &&
           eat(&c, "it to load|it loads|it has loaded|it is loaded|it to finish loading|"
                   "it finishes loading|it to be loaded|it to fully load|it is fully loaded") &&
           cur_done(&c);
}

/* "wait until X", with nothing said of how X shows: X has to be something that a page shows. */
static enum parsed
wait_for_thing(struct gram *g, struct cur c, bool said_until, int64_t timeout)
{
    if (unknown_event(&c)) {
        return refuse(g, "a program cannot tell when that has happened", HINT_WAIT);
    }
    eat(&c, "presence of|the presence of|visibility of|the visibility of|the appearance of|"
            "appearance of");
    /* A bare "until X" has no end that can be seen. */
    bool sees =
        at_phrase(&c, "you see|i see|you can see|i can see|the user sees|the user can see|we see");
    if (said_until && !sees && !(cur_quoted(&c) && c.end - c.i == 1)) {
        return refuse(g, "it is unclear what to wait for", HINT_WAIT);
    }
    if (!names_thing(&c)) {
        return refuse(g, "a program cannot tell when that has happened", HINT_WAIT);
    }
    if (any_word(&c, "moment|while|bit|time|user|someone|somebody")) {
        return refuse(g, "the step does not say how long to wait", HINT_WAIT);
    }
    return put_wait_for(g, c, ACT_WAIT_VISIBLE, timeout);
}

static enum parsed
wait_condition(struct gram *g, struct cur c, bool said_until)
{
    int64_t timeout = 0;
    int64_t us = 0;
    struct cur time = c;
    eat(&time, "for|another");
    if (eat_duration(&time, &us) && at_phrase(&time, "until|till")) {
        timeout = us; /* "wait 20 seconds until …" can only be a limit */
        c = time;
        said_until = true;
    } else if (us > 0) {
        return refuse(g, "it is unclear whether to wait that long or up to that long",
                      "Wait up to 5 seconds for \"Done\", or: Wait 5 seconds");
    }
    if (timeout == 0) {
        take_timeout(&c, &timeout);
    }
    if (eat(&c, "as long as|while")) {
        return eat_end(&c, HIDDEN)  ? put_wait_for(g, c, ACT_WAIT_VISIBLE, timeout)
               : eat_end(&c, SHOWN) ? put_wait_for(g, c, ACT_WAIT_HIDDEN, timeout)
                                    : refuse(g, "it is unclear what to wait for", HINT_WAIT);
    }
    (void)eat(&c, "for|until|till|and wait for");
    if (load_of_it(g, c)) {
        add_action(g, ACT_WAIT_LOAD, NULL)->timeout_us = timeout;
        return P_OK;
    }
    if (eat(&c, PAGE_HAS)) {
        return put_wait_for(g, c, ACT_WAIT_VISIBLE, timeout);
    }
    if (eat(&c, PAGE_LACKS)) {
        return put_wait_for(g, c, ACT_WAIT_HIDDEN, timeout);
    }
    if (says_loaded(c)) {
        add_action(g, ACT_WAIT_LOAD, NULL)->timeout_us = timeout;
        return P_OK;
    }
    eat_end(&c, "any more|anymore|any longer");
    if (eat_end(&c, ENABLED)) {
        return put_wait_for(g, c, ACT_WAIT_ENABLED, timeout);
    }
    if (eat_end(&c, HIDDEN)) {
        return put_wait_for(g, c, ACT_WAIT_HIDDEN, timeout);
    }
    if (eat_end(&c, SHOWN)) {
        return put_wait_for(g, c, ACT_WAIT_VISIBLE, timeout);
    }
    return wait_for_thing(g, c, said_until, timeout);
}

enum parsed
clause_wait(struct gram *g, struct cur c)
{
    struct cur given = c;
    int64_t us = 0;
    /* "Give it two seconds" */
    if (eat(&given, "give it|give the page|give the app|give the screen|allow|allow for") &&
        eat_duration(&given, &us) && time_tail(&given)) {
        add_action(g, ACT_WAIT, NULL)->duration_us = us;
        return P_OK;
    }
    /* "Let the page load" */
    given = c;
    if (eat(&given, "let|allow") && says_loaded(given)) {
        add_action(g, ACT_WAIT_LOAD, NULL);
        return P_OK;
    }
    if (at_phrase(&c, "hold") && g->plan->count > 0 && g->last_type == ACT_TAP) {
        return refuse(g, "it is unclear whether to hold the finger or to wait",
                      "Long press \"Photo\" for 2 seconds");
    }
    if (at_phrase(&c, "hold|hold down") && !any_word(&c, "on") && !at_phrase(&c, "hold for")) {
        return P_NO; /* a finger, not the test */
    }
    if (!eat(&c,
             "wait|waits|pause|sleep|delay|pauses|waiting|pause execution|pause the test|hold on|"
             "idle|waited|hold|pause test|pause the execution")) {
        return P_NO;
    }
    if (cur_done(&c)) {
        return refuse(g, "the step does not say how long to wait", HINT_WAIT);
    }
    enum parsed p = wait_time(g, c);
    if (p != P_NO) {
        return p;
    }
    bool until = at_phrase(&c, "until|till");
    return wait_condition(g, c, until);
}

enum parsed
clause_until(struct gram *g, struct cur c)
{
    int64_t us = 0;
    struct cur time = c;
    if (eat_duration(&time, &us) && cur_done(&time)) {
        add_action(g, ACT_WAIT, NULL)->duration_us = us;
        return P_OK;
    }
    return wait_condition(g, c, true);
}
