/* SPDX-License-Identifier: Apache-2.0
 *
 * Screenshots, comparisons with baselines, remembered values, browser dialogs. */
#include "worker/steps/parse.h"

static enum parsed
clause_screenshot(struct gram *g, struct cur c)
{
    const struct target *t = NULL;
    if (!eat(&c,
             "take a screenshot|take screenshot|capture screenshot|capture a screenshot|screenshot|"
             "grab a screenshot|save a screenshot|take a screen shot|take a snapshot|"
             "capture the screen|capture screen|take the screenshot|make a screenshot|"
             "take a picture of the screen|save screenshot|capture the page|takes a screenshot|"
             "take another screenshot|take a full page screenshot|take a full-page screenshot|"
             "get a screenshot|capture the screenshot|capture an image of the page|"
             "grab screenshot|snap a screenshot|capture a screen shot|take screen shot|"
             "capture the current page|capture page|capture the current screen")) {
        return P_NO;
    }
    eat(&c,
        "of the page|of the screen|of the current page|of the whole page|of the entire page|"
        "of this page|of the full page|of the current screen|of the app|here|now|of page|of screen|"
        "the page|the screen|of the browser|of the web page|of the website|of the current state");
    if (at_phrase(&c, "of") && !cur_done(&c) &&
        phrase_len(&c, c.end - 1, "page|screen|view") == 1 && !any_word(&c, "as|named")) {
        c.i = c.end; /* "of the login page": whatever is shown */
    }
    struct str name = STR_EMPTY;
    if (eat(&c, "as|named|called|and save it as|and name it|with name|with the name|and call it|"
                "and save as") &&
        c.end - c.i == 1) {
        name = c.t[c.i++].text;
    }
    if (eat(&c, "of") && !cur_done(&c)) {
        if (parse_target(g, &c, USE_VERIFY, &t) != P_OK) {
            return P_REFUSED;
        }
        c.i = c.end;
    }
    if (!cur_done(&c)) {
        return refuse(g, "words are left over", "Take a screenshot");
    }
    struct action *a = add_action(g, ACT_SCREENSHOT, t);
    a->value = name;
    a->has_value = name.n > 0;
    return P_OK;
}

static bool
eat_shown_page(struct cur *c)
{
    eat(c, "that");
    return eat(c,
               "the page|the screen|this page|this screen|the current page|the current screen|page|"
               "screen|the screenshot|a screenshot|screenshot|the view|the layout|the current view|"
               "it|the image|current screen|current page|the whole page|the full page");
}

static bool
eat_baseline(struct cur *c)
{
    return eat(
        c, "against the baseline|with the baseline|to the baseline|to baseline|against baseline|"
           "with baseline|matches the baseline|with the saved baseline|against the saved baseline|"
           "to the saved baseline|against the baseline image|with the baseline image|"
           "matches the baseline screenshot|matches the baseline image|visually|"
           "against its baseline|with its baseline|to its baseline|matches its baseline|"
           "matches the snapshot|against the baseline screenshot|with the baseline screenshot|"
           "for visual changes|for visual differences|for visual regressions|"
           "has no visual differences|has not changed visually|matches baseline|"
           "against the approved baseline|matches the approved baseline|"
           "has no visual changes|for visual regression|to the baseline image|"
           "to the baseline screenshot|matches the saved baseline|matches the saved snapshot|"
           "with the previous screenshot|against the previous baseline");
}

static enum parsed
clause_visual(struct gram *g, struct cur c)
{
    struct cur whole = c;
    bool visual =
        eat(&c, "visual check|visually check|visually compare|perform a visual check|"
                "do a visual check|run a visual check|take a visual snapshot|visual snapshot|"
                "check visually|compare visually|do a visual comparison|visual comparison|"
                "run a visual comparison|perform a visual comparison|visual test|"
                "take a visual snapshot of|perform a visual regression check|"
                "run a visual regression check|visual regression check|make a visual check|"
                "perform a visual test|run visual check|perform visual check|visually validate|"
                "visually verify|capture a visual snapshot|run a visual test|"
                "perform visual comparison");
    if (!visual &&
        !eat(&c, "compare|check|verify|compares|assert|make sure|ensure|confirm|validate|match")) {
        return P_NO;
    }
    eat(&c, "of|for|on");
    bool page = eat_shown_page(&c);
    struct str name = STR_EMPTY;
    if (visual && (cur_quoted(&c) || eat(&c, "named|called|as")) && cur_quoted(&c)) {
        name = c.t[c.i++].text;
    }
    bool baseline = eat_baseline(&c);
    if (!baseline && eat(&c, "with|against|to") && cur_quoted(&c) && page && c.end - c.i == 1 &&
        phrase_len(&whole, whole.i, "compare") > 0) {
        name = c.t[c.i++].text;
        baseline = true;
    }
    if (cur_quoted(&c) && baseline && c.end - c.i == 1) {
        name = c.t[c.i++].text;
    }
    if (!cur_done(&c) || !(visual || (page && baseline))) {
        return P_NO;
    }
    struct action *a = add_action(g, ACT_VISUAL_CHECK, NULL);
    a->value = name;
    a->has_value = name.n > 0;
    return P_OK;
}

/* "orderId", "${orderId}", 'order id' → orderId; empty: no name. */
static struct str
variable_name(struct str s)
{
    if (str_starts(s, STR("${")) && str_ends(s, STR("}"))) {
        s = str_sub(s, 2, s.n - 1);
    } else if (str_starts(s, STR("{{")) && str_ends(s, STR("}}"))) {
        s = str_sub(s, 2, s.n - 2);
    }
    s = str_trim(s);
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (!ch_is_alpha(ch) && !ch_is_digit(ch) && ch != '_' && ch != '-' && ch != '.') {
            return STR_EMPTY;
        }
    }
    return s.n > 64 ? STR_EMPTY : s;
}

static enum parsed
clause_store(struct gram *g, struct cur c)
{
    static const char HINT[] = "Remember the \"Order number\" as orderId";
    struct cur whole = c;
    if (!eat(&c, "store|save|remember|capture|grab|read|copy|record|extract|stores|saves|remembers|"
                 "get|note|keep|memorize|memorise")) {
        return P_NO;
    }
    int len = 0;
    int at =
        find_phrase(&c, c.i + 1,
                    "as|into|in|in the variable|in variable|into the variable|as the variable|"
                    "as variable|into variable|to|to the variable|to variable|in a variable called|"
                    "in a variable named|into a variable called|and store it as|and save it as|"
                    "and remember it as|and store it in|and save it in|and save it to|"
                    "as a variable named|as a variable called|into a variable named|"
                    "and store it in the variable|and save it as variable|and store as|and save as|"
                    "under the name|and call it|and store it into|in a variable|under",
                    &len);
    while (at >= 0 && at + len + 1 < c.end) {
        at = find_phrase(&c, at + 1,
                         "as|into|in|to|in the variable|into the variable|as variable|"
                         "in variable|into variable|and save it as|and store it as|"
                         "to the variable|in a variable called|in a variable named|"
                         "as the variable|under the name|to variable",
                         &len);
    }
    bool generic =
        phrase_len(&whole, whole.i, "save|copy|record|get|read|capture|keep|note|grab") > 0;
    if (at < 0) {
        return generic ? P_NO : refuse(g, "the step does not say under which name", HINT);
    }
    struct str name = variable_name(c.t[at + len].text);
    if (name.n == 0) {
        return generic ? P_NO : refuse(g, "the step does not say under which name", HINT);
    }
    struct cur what = cur_range(&c, c.i, at);
    eat(&what,
        "the value of|the text of|value of|text of|the value in|the text in|the value from|"
        "the text from|the content of|value from|text from|the contents of|the value shown in|"
        "the value displayed in|the text content of|the text on");
    const struct target *t = NULL;
    if (cur_done(&what) || parse_target(g, &what, USE_VERIFY, &t) != P_OK || t->name.n == 0) {
        return refuse(g, "it is unclear what to remember", HINT);
    }
    add_action(g, ACT_STORE, t)->variable = name;
    return P_OK;
}

static enum parsed
clause_dialog(struct gram *g, struct cur c)
{
    enum act_type type = ACT_DIALOG_ACCEPT;
    if (eat(&c, "dismiss|cancel|decline|reject|dismisses|cancels")) {
        type = ACT_DIALOG_DISMISS;
    } else if (!eat(&c, "accept|confirm|ok|accepts|confirms|agree to|acknowledge")) {
        return P_NO;
    }
    eat(&c, "the|this|any");
    if (!eat(
            &c,
            "alert|browser alert|javascript alert|js alert|alert dialog|confirm dialog|"
            "confirmation dialog|browser dialog|javascript dialog|confirmation alert|prompt|"
            "alert box|alert popup|confirm box|browser confirm|javascript confirm|confirm|"
            "native dialog|confirmation prompt|alert message|dialog|browser popup|system dialog|"
            "system alert|confirmation box|confirmation|permission dialog|permission alert|"
            "browser prompt|confirmation popup|confirm popup|js confirm|alert window|"
            "browser confirmation|js dialog|pop-up alert|popup alert|confirm alert|popup|pop-up")) {
        return P_NO;
    }
    struct action *a = NULL;
    if (eat(&c, "with|with text|with the text") && c.end - c.i == 1 && cur_quoted(&c)) {
        a = add_action(g, type, NULL);
        a->value = c.t[c.i].text;
        a->has_value = true;
        return P_OK;
    }
    if (!cur_done(&c)) {
        return P_NO;
    }
    add_action(g, type, NULL);
    return P_OK;
}

enum parsed
clause_misc(struct gram *g, struct cur c)
{
    static clause_fn *const ALL[] = {clause_screenshot, clause_visual, clause_dialog, clause_store};
    for (size_t i = 0; i < ARRAY_LEN(ALL); i++) {
        enum parsed p = ALL[i](g, c);
        if (p != P_NO) {
            return p;
        }
    }
    return P_NO;
}
