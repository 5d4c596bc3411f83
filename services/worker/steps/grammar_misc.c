/* SPDX-License-Identifier: Apache-2.0
 *
 * Screenshots, comparisons with baselines, remembered values. */
#include "worker/steps/grammar_name.h"

/* "take a full-page screenshot", "screenshot", "capture the screen". */
static bool
eat_shot(struct cur *c)
{
    struct cur look = *c;
    bool verb = eat(&look, "take|takes|capture|captures|grab|save|get|make|makes|snap|create|do");
    eat(&look, "a|an|the|another");
    eat(&look, "full page|full-page|full|fresh|new");
    bool shot = eat(&look, "screenshot|screen shot|screen capture|screengrab|screen grab|"
                           "screen-shot") ||
                (verb && eat(&look, "snapshot|picture of the screen|image of the page|"
                                    "picture of the page|image of the screen")) ||
                (phrase_len(c, c->i, "capture|captures|grab|snap") > 0 &&
                 eat(&look, "screen|page|current page|current screen"));
    if (shot) {
        *c = look;
    }
    return shot;
}

static enum parsed
clause_screenshot(struct gram *g, struct cur c)
{
    const struct target *t = NULL;
    if (!eat_shot(&c)) {
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
    if (c.end - c.i == 1 && c.t[c.i].kind == TOK_WORD && str_find_byte(c.t[c.i].text, '_') > 0) {
        name = c.t[c.i++].text; /* "takeScreenshot: cart_page" */
    }
    struct cur aim = c;
    if (eat(&aim, "for") && aim.end - aim.i <= 4 && !cur_quoted(&aim) && name_doubt(&aim) < 0) {
        c.i = c.end; /* "for the report" */
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
eat_shown_page(struct cur *c, struct str *out_name)
{
    struct cur named = *c;
    eat(c, "that");
    eat(&named, "that");
    eat(&named, "the");
    if (cur_quoted(&named) && phrase_len(&named, named.i + 1, "screen|page|view") == 1) {
        *out_name = named.t[named.i].text;
        c->i = named.i + 2;
        return true;
    }
    return eat(c,
               "the page|the screen|this page|this screen|the current page|the current screen|page|"
               "screen|the screenshot|a screenshot|screenshot|the view|the layout|the current view|"
               "it|the image|current screen|current page|the whole page|the full page");
}

/* "against the saved baseline image", "should match its visual baseline". */
static bool
eat_baseline(struct cur *c)
{
    struct cur look = *c;
    if (eat(&look, "visually matches|should visually match|must visually match") &&
        cur_quoted(&look)) {
        *c = look;
        return true;
    }
    look = *c;
    if (eat(c, "visually|for visual changes|for visual differences|for visual regressions|"
               "for visual regression|has no visual differences|has not changed visually|"
               "has no visual changes")) {
        return true;
    }
    if (!eat(&look, "against|with|to|visually matches|visually match|matches|should match|must "
                    "match|to match|still matches|match|"
                    "should still match|looks the same as|look the same as|should look the same as|"
                    "must look the same as")) {
        return false;
    }
    eat(&look, WORDS_DET);
    while (eat(&look, "saved|approved|visual|previous|stored|accepted|reference")) {
    }
    if (!eat(&look,
             "baseline|baseline image|baseline screenshot|snapshot|screenshot|baseline of it")) {
        return false;
    }
    *c = look;
    return true;
}

/* "run a visual comparison", "visually check". */
static bool
eat_visual(struct cur *c)
{
    struct cur look = *c;
    if (eat(c, "visually check|visually compare|check visually|compare visually|visually validate|"
               "visually verify")) {
        return true;
    }
    eat(&look, "perform|do|run|take|make|capture|execute|start");
    eat(&look, "a|an|the|another");
    if (!eat(&look,
             "visual check|visual snapshot|visual comparison|visual test|visual regression check|"
             "visual regression test|visual diff|visual validation|visual snapshot of")) {
        return false;
    }
    *c = look;
    return true;
}

static enum parsed
clause_visual(struct gram *g, struct cur c)
{
    struct cur whole = c;
    bool visual = eat_visual(&c);
    if (!visual) {
        eat(&c, "compare|check|verify|compares|assert|make sure|ensure|confirm|validate|match");
    }
    eat(&c, "of|for|on");
    struct str name = STR_EMPTY;
    bool page = eat_shown_page(&c, &name);
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
                 "get|note down|note|keep|memorize|memorise")) {
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
    bool place =
        c.t[at + len].kind == TOK_QUOTED && len == 1 && phrase_len(&c, at, "to|into|in|under") == 1;
    if (name.n == 0 || (generic && place) || (generic && str_find_byte(name, '.') > 0)) {
        return generic ? P_NO : refuse(g, "the step does not say under which name", HINT);
    }
    struct cur what = cur_range(&c, c.i, at);
    eat_end(&what, "for later use|for later|for later steps|for reuse");
    eat(&what,
        "the value of|the text of|value of|text of|the value in|the text in|the value from|"
        "the text from|the content of|value from|text from|the contents of|the value shown in|"
        "the value displayed in|the text content of|the text on");
    const struct target *t = NULL;
    bool number = what.end - what.i == 1 && word_is_literal(&what.t[what.i]);
    if (cur_done(&what) || number || parse_target(g, &what, USE_VERIFY, &t) != P_OK ||
        t->name.n == 0) {
        return refuse(g, "it is unclear what to remember", HINT);
    }
    add_action(g, ACT_STORE, t)->variable = name;
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
