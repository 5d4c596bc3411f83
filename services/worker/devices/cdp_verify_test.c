/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences on real pages: what is hidden is not seen, what is still to come is not missing, and
 * what could be two things is not chosen. */
#include "worker/steps/run_step.h"

/* Last: cmocka makes a macro of fail. */
#include "worker/devices/cdp_lab.h"

#define BRIEF_US (300 * ASSAY_US_PER_MS) /* for what never becomes true */
#define LATE_US (6 * ASSAY_US_PER_S)     /* what is asked for has come long before */

static const struct site_page PAGES[] = {
    {"/hidden",
     "<h1>Orders</h1><p style='display:none'>Alpha</p><p style='visibility:hidden'>Bravo</p>"
     "<p hidden>Charlie</p><details><summary>More</summary><p>Delta</p></details>"
     "<template><p>Echo</p></template><script>/* Foxtrot */</script><dialog>Golf</dialog>"
     "<div style='height:0;overflow:hidden'>Hotel</div><p title=India>x</p>"
     "<p>Juliet</p><select><option>Kilo<option>Lima</select>",
     NULL},
    {"/late",
     "<button onclick=\"fetch('/hold/x').then(r=>r.text())"
     ".then(()=>o.textContent='Card declined')\">Pay</button><p id=o></p>",
     NULL},
    {"/blank", "<p style='display:none'>Nothing</p>", NULL},
    {"/two",
     "<p id=o>untouched</p><ul><li><span>Ink</span> <button "
     "onclick=\"o.textContent='ink'\">Delete</button>"
     "<li><span>Pen</span> <button onclick=\"o.textContent='pen'\">Delete</button></ul>",
     NULL},
    {NULL, NULL, NULL},
};

static struct {
    struct step_vars vars;
    struct step_result result;
} told;

static enum step_verdict
run(struct lab *l, int64_t timeout_us, const char *sentence)
{
    struct step_options opt = {.timeout_us = timeout_us};

    lab_fresh(l);
    vars_init(&told.vars, l->arena);
    assert_int_equal(
        run_sentence(&l->ctx, l->device, &told.vars, &opt, str_z(sentence), &told.result), RC_OK);
    return told.result.verdict;
}

static void
holds(struct lab *l, const char *sentence)
{
    if (run(l, LAB_US, sentence) != STEP_PASSED) {
        fail_msg("%s: %.*s", sentence, STR_ARG(told.result.message));
    }
}

static void
fails(struct lab *l, int64_t timeout_us, const char *sentence, const char *reason)
{
    if (run(l, timeout_us, sentence) != STEP_FAILED) {
        fail_msg("%s: %s", sentence, step_verdict_name(told.result.verdict));
    }
    assert_string_equal(told.result.reason, reason);
}

static void
what_is_hidden_is_not_seen(void **state)
{
    static const char *const HIDDEN[] = {"Alpha",   "Bravo", "Charlie", "Delta", "Echo",
                                         "Foxtrot", "Golf",  "Hotel",   "India", "Lima"};
    struct lab *l = *state;
    char text[64];

    lab_open(l, "/hidden");
    for (size_t i = 0; i < ARRAY_LEN(HIDDEN); i++) {
        (void)snprintf(text, sizeof text, "Verify '%s' is visible", HIDDEN[i]);
        fails(l, BRIEF_US, text, "NOT_VISIBLE");
        (void)snprintf(text, sizeof text, "Verify '%s' is not visible", HIDDEN[i]);
        holds(l, text);
    }
    holds(l, "Verify 'Juliet' is visible");
    holds(l, "Verify 'Kilo' is visible");
    fails(l, BRIEF_US, "Verify 'Juliet' is not visible", "STILL_VISIBLE");
}

static void
what_is_still_to_come_is_not_missing(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/late");
    lab_hold_until(l, "/hold/x", 0);
    fails(l, LATE_US, "Tap 'Pay' and verify 'Card declined' is not visible", "STILL_VISIBLE");
    lab_hold_end(l);
    lab_open(l, "/blank");
    fails(l, BRIEF_US, "Verify 'Card declined' is not visible", "PAGE_EMPTY");
}

static void
what_could_be_two_things_is_not_chosen(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/two");
    fails(l, BRIEF_US, "Tap 'Delete'", "AMBIGUOUS");
    assert_true(str_find(told.result.message, STR("button \"Delete\" at ")) >= 0);
    fails(l, BRIEF_US, "Tap the third 'Delete' button", "NOT_FOUND");
    fails(l, BRIEF_US, "Check the 'Delete' checkbox", "NOT_FOUND");
    fails(l, BRIEF_US, "Tap 'Delete' next to 'Paper'", "NOT_FOUND");
    holds(l, "Verify 'untouched' is visible");
    holds(l, "Tap 'Delete' next to 'Pen'");
    holds(l, "Verify 'pen' is visible");
}

static int
start(void **state)
{
    *state = lab_new(PAGES, &lab_desktop);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_hidden_is_not_seen),
        cmocka_unit_test(what_is_still_to_come_is_not_missing),
        cmocka_unit_test(what_could_be_two_things_is_not_chosen),
    };

    return cmocka_run_group_tests(tests, start, lab_stop);
}
