/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses, history, tabs, the app and the device as a whole. */
#include "worker/steps/parse.h"

static const char HINT_OPEN[] =
    "give an address: Open /login, or say what to tap: Tap \"Settings\"";

static enum parsed
put(struct gram *g, struct cur c, enum act_type type)
{
    if (!cur_done(&c)) {
        return refuse(g, "words are left over", "write one action per step");
    }
    add_action(g, type, NULL);
    return P_OK;
}

/* "Go back twice". */
static enum parsed
put_times(struct gram *g, struct cur c, enum act_type type)
{
    int times = 1;
    eat(&c, "again|once more");
    (void)eat_times(&c, &times);
    enum parsed p = put(g, c, type);
    for (int i = 1; p == P_OK && i < times; i++) {
        add_action(g, type, NULL);
    }
    return p;
}

static const char IN_HISTORY[] =
    "in the browser history|in browser history|in the history|in history|in the browser's history|"
    "of the browser history|of the browser's history|in my history|in my browser history";

/* "press the browser's back button", "use the forward arrow". */
static bool
eat_history_button(struct cur *c, const char *which)
{
    struct cur look = *c;
    if (!eat(&look,
             "press|presses|hit|hits|click|clicks|tap|taps|use|uses|press on|click on|tap on|"
             "click the|push")) {
        return false;
    }
    eat(&look, WORDS_DET);
    bool owned =
        eat(&look, "browser's|browser|device|device's|system|android|phone's|hardware|native");
    if (!eat(&look, which)) {
        return false;
    }
    bool named = eat(&look, "button|arrow|key|arrow button");
    if (!named && !owned &&
        (phrase_len(c, c->i, "press|presses|hit|hits|use") == 0 ||
         phrase_len(c, c->i + 1, "back|forward|browser") == 0)) {
        return false;
    }
    if (named) {
        eat(&look, "of the browser|in the browser|of the device|on the device|of the phone|"
                   "on the phone|in browser|of your browser|of my browser");
    }
    *c = look;
    return true;
}

/* "go to the next page in the browser history": without the history it may turn a list's pages. */
static bool
eat_history_page(struct cur *c, const char *which)
{
    struct cur look = *c;
    if (!eat(&look, "go to|navigate to|move to|return to|go back to")) {
        return false;
    }
    eat(&look, WORDS_DET);
    if (!eat(&look, which) || !eat(&look, "page|entry") || !eat(&look, IN_HISTORY)) {
        return false;
    }
    *c = look;
    return true;
}

static enum parsed
clause_history(struct gram *g, struct cur c)
{
    if (eat_history_page(&c, "previous|last|prior") || eat_history_button(&c, "back") ||
        eat(&c,
            "go back|navigate back|return|goes back|navigates back|go one page back|"
            "return back|browser back|browser back button|move back|step back|go one step back")) {
        if (at_phrase(&c, "to") && any_word(&c, "tab|window")) {
            return P_NO;
        }
        eat(&c, "to the previous page|to the previous screen|to previous page|one page|one screen|"
                "in the browser|a page|to the last page|in browser|in the browser history|"
                "one step|once|in history|in browser history|in the history|in the browser's "
                "history|on the device|of the browser|in the app|one level|"
                "to the prior page|to previous screen");
        return put_times(g, c, ACT_BACK);
    }
    if (eat_history_page(&c, "next") || eat_history_button(&c, "forward") ||
        eat(&c, "go forward|navigate forward|move forward|goes forward|go forwards|"
                "go one page forward|step forward|browser forward")) {
        eat(&c, "to the next page|one page|in the browser|a page|in browser|in the browser history|"
                "in history|one step|in browser history|in the history|in the browser's history");
        return put_times(g, c, ACT_FORWARD);
    }
    if (eat(&c,
            "refresh|reload|refreshes|reloads|hard refresh|force reload|perform a page refresh|do "
            "a page refresh|do a browser refresh|"
            "perform a browser refresh|do a refresh|perform a refresh|do a page reload|do a reload|"
            "perform a page reload|perform a reload")) {
        eat(&c,
            "the page|page|the browser|browser|the current page|this page|the screen|current page|"
            "the web page|the browser page|the website|the browser window|the webpage|the tab|it|"
            "the current tab|the site|webpage|web page|screen");
        return put_times(g, c, ACT_RELOAD);
    }
    return P_NO;
}

static bool
eat_app(struct cur *c, struct str *out_name)
{
    eat(c, "the");
    *out_name = STR_EMPTY;
    if (eat(c, "app|application|mobile app|app again|application again|android app|ios app")) {
        if (c->end - c->i == 1 && (cur_quoted(c) || word_is_literal(cur_tok(c)))) {
            *out_name = c->t[c->i++].text;
        }
        return cur_done(c);
    }
    if (!cur_done(c) && c->end - c->i <= 4 && phrase_len(c, c->end - 1, "app|application") == 1 &&
        c->end - c->i >= 2) {
        if (cur_quoted(c) && c->end - c->i == 2) {
            *out_name = c->t[c->i].text;
            return true;
        }
        for (int i = c->i; i < c->end - 1; i++) {
            if (!is_capital(&c->t[i]) || c->t[i].kind != TOK_WORD) {
                return false;
            }
        }
        *out_name =
            (struct str){c->t[c->i].text.p, (size_t)(c->t[c->end - 2].text.p +
                                                     c->t[c->end - 2].text.n - c->t[c->i].text.p)};
        return true;
    }
    return false;
}

/* "Kill the app and open it again". */
static bool
eat_restart(struct cur *c)
{
    struct cur look = *c;
    struct str name;
    if (!eat(&look, "close|kill|quit|terminate|force close|force quit|stop|exit|force-close|"
                    "force-quit|shut down")) {
        return false;
    }
    int at = find_phrase(&look, look.i, "and", NULL);
    struct cur app = cur_range(&look, look.i, at > 0 ? at : look.i);
    struct cur again = cur_range(&look, at + 1, look.end);
    if (at < 0 || !eat_app(&app, &name)) {
        return false;
    }
    eat(&again, "then");
    return eat(&again, "open it|reopen it|start it|launch it|relaunch it|restart it|reopen|open|"
                       "re-open it|start|launch|relaunch|restart|open the app|launch the app|"
                       "start the app|reopen the app") &&
           (eat(&again, "again|anew|once more|back up|afresh|fresh|from scratch"),
            cur_done(&again));
}

static enum parsed
add_launch(struct gram *g, struct str name)
{
    struct action *a = add_action(g, ACT_LAUNCH, NULL);

    a->value = name;
    a->has_value = name.n > 0;
    return P_OK;
}

static enum parsed
clause_app(struct gram *g, struct cur c)
{
    struct str name;
    struct cur whole = c;
    if ((eat(&c, "close and reopen|kill and relaunch|close and "
                 "relaunch|restart|relaunch|reopen|re-launch|"
                 "kill and restart|restarts|relaunches|quit and reopen|force close and reopen|"
                 "terminate and relaunch|stop and start|re-open|close and restart|force quit and "
                 "relaunch") &&
         (cur_done(&c) || eat_app(&c, &name))) ||
        (c = whole, eat_restart(&c))) {
        return (add_action(g, ACT_RELAUNCH, NULL), P_OK);
    }
    c = whole;
    if (g->given &&
        eat_end(&c, "is launched|is open|is opened|is started|is running|has started|"
                    "has launched|was launched|has been launched|is up") &&
        eat_app(&c, &name)) {
        return add_launch(g, name);
    }
    c = whole;
    if (eat(&c,
            "launch|start|open|bring up|launches|starts|run|opens|open up|start up|boot|fire up") &&
        eat_app(&c, &name)) {
        return add_launch(g, name);
    }
    c = whole;
    if (eat(&c, "launch|launches") && c.end - c.i == 1 &&
        (cur_quoted(&c) || (cur_tok(&c) != NULL && is_capital(cur_tok(&c))) ||
         (cur_tok(&c) != NULL && str_find_byte(cur_tok(&c)->text, '.') > 0))) {
        struct str v = c.t[c.i].text;
        bool url = str_istarts(v, STR("http")) || str_istarts(v, STR("www.")) || v.p[0] == '/';
        struct action *a = add_action(g, url ? ACT_OPEN : ACT_LAUNCH, NULL);
        a->value = v;
        a->has_value = true;
        return P_OK;
    }
    return P_NO;
}

static enum parsed
clause_device(struct gram *g, struct cur c)
{
    if (eat(&c, "put the keyboard away|put away the keyboard")) {
        return put(g, c, ACT_HIDE_KEYBOARD);
    }
    if (eat(&c, "hide|dismiss|close|collapse|hides|dismisses|closes|minimize") &&
        eat(&c,
            "the keyboard|keyboard|the on-screen keyboard|the soft keyboard|the virtual keyboard|"
            "on-screen keyboard|the onscreen keyboard")) {
        return put(g, c, ACT_HIDE_KEYBOARD);
    }
    if (eat(&c, "rotate|rotates|tilt|rotate back|turn back|turn|change|switch|flip|set|change "
                "orientation|set orientation|"
                "rotate screen|set the orientation|change the orientation")) {
        eat(&c,
            "the device|device|the screen|the phone|screen|the tablet|phone|the app|the display|"
            "the device orientation|the screen orientation|device orientation|the orientation|"
            "orientation|screen orientation");
        eat(&c, "orientation");
        eat(&c, "back|around");
        bool way = eat(&c, "to|into|in");
        eat(&c, "the");
        const char *direction = NULL;
        if (eat(&c, "landscape")) {
            direction = "landscape";
        } else if (eat(&c, "portrait")) {
            direction = "portrait";
        } else if (way ||
                   phrase_len(&c, c.i - 1, "device|screen|phone|tablet|rotate|display") == 0 ||
                   !cur_done(&c)) {
            return P_NO;
        }
        if (direction == NULL && phrase_len(&c, c.i - 2, "rotate") == 0 &&
            phrase_len(&c, c.i - 3 > 0 ? c.i - 3 : 0, "rotate") == 0) {
            return P_NO;
        }
        eat(&c, "mode|orientation|view");
        if (!cur_done(&c)) {
            return P_NO;
        }
        struct action *a = add_action(g, ACT_ROTATE, NULL);
        a->value = direction != NULL ? str_z(direction) : STR_EMPTY;
        a->has_value = direction != NULL;
        return P_OK;
    }
    return P_NO;
}

/* --- tabs */

static const char TAB_NOUN[] = "tab|browser tab|window|browser window|page tab|tab window";

static enum parsed
clause_tabs(struct gram *g, struct cur c)
{
    if (eat(&c, "close|closes")) {
        eat(&c, "the|this");
        eat(&c, "current|active|open|opened|new|newly opened");
        return eat(&c, TAB_NOUN) &&
                       (eat(&c, "that is currently open|that is open|i am on|you are on|"
                                "that is active"),
                        cur_done(&c))
                   ? (add_action(g, ACT_CLOSE_TAB, NULL), P_OK)
                   : P_NO;
    }
    if (!eat(&c, "switch to|go to|change to|move to|switch back to|select|focus|focus on|activate|"
                 "switches to|return to|go back to|navigate to|switch tab to|switch|move focus to|"
                 "switch over to|bring up")) {
        return P_NO;
    }
    int nth = 0;
    int len = 0;
    int64_t n = 0;
    eat(&c, "the|a");
    struct cur noun = c;
    if (eat(&c, "newly opened|new|newest|latest|most recent|just opened|opened|newly-opened|"
                "recently opened")) {
        nth = -1;
    } else if (eat(&c, "original|main|initial")) {
        nth = 1;
    } else if (eat(&c, "tab number|tab|window|browser tab|tab #") && !cur_done(&c) &&
               (number_at(&c, c.i, &n) || str_to_i64(c.t[c.i].text, 1, 99, &n) == RC_OK) && n > 0) {
        c.i++;
        return cur_done(&c) ? (add_action(g, ACT_SWITCH_TAB, NULL)->nth = (int)n, P_OK) : P_NO;
    } else if (!cur_quoted(&c) && ordinal_at(&c, c.i, &nth, &len)) {
        c.i += len;
    } else if (c = noun, !at_phrase(&c, "browser tab|browser window|window")) {
        return P_NO;
    }
    eat(&c, "opened|open");
    bool browser = at_phrase(&c, "browser tab|browser window|window");
    if (!eat(&c, TAB_NOUN)) {
        return P_NO;
    }
    if (browser && cur_quoted(&c)) {
        return refuse(g, "tabs of the browser are known by their number",
                      "Switch to the second tab");
    }
    eat(&c, "that opened|that was opened|in the browser|of the browser|which opened");
    return cur_done(&c) ? (add_action(g, ACT_SWITCH_TAB, NULL)->nth = nth, P_OK) : P_NO;
}

/* --- addresses */

static enum parsed
put_open(struct gram *g, struct str address)
{
    struct action *a = add_action(g, ACT_OPEN, NULL);
    a->value = address;
    a->has_value = true;
    return P_OK;
}

/* "Given I am on '/login'": a starting point, not a check. */
static bool
given_at(const struct gram *g, struct cur *c)
{
    struct cur look = *c;
    if (!g->given || !eat(&look, "am on|is on|am at|is at|are on|has opened|have opened|on|"
                                 "am on the page|is on the page|am on page|has navigated to|"
                                 "have navigated to")) {
        return false;
    }
    *c = look;
    return true;
}

enum parsed
clause_nav(struct gram *g, struct cur c)
{
    static clause_fn *const FIRST[] = {clause_history, clause_app, clause_device, clause_tabs};
    for (size_t i = 0; i < ARRAY_LEN(FIRST); i++) {
        enum parsed p = FIRST[i](g, c);
        if (p != P_NO) {
            return p;
        }
    }
    if (!given_at(g, &c) &&
        !eat(
            &c,
            "open|start testing at|start the test at|begin testing at|go to|navigate "
            "to|visit|browse to|open up|load|goes to|navigates to|visits|opens|"
            "head to|access|go|navigate|browse|head over to|point the browser to|point the browser "
            "at|"
            "direct the browser to|launch the browser and go to|open the browser and go to|"
            "open the browser and navigate to|open a browser and go to|launch the url|launch url|"
            "launch the website|launch the site|launch|open browser at|open the browser at|"
            "land on|start at|start on|begin at|navigated to|visited|opened|went to|visiting|"
            "navigating to|take me to|jump to|surf to|open a browser and navigate to|"
            "open the browser to|open browser to|point browser to|proceed to|hit the url")) {
        return P_NO;
    }
    if (any_word(&c,
                 "tab|menu|dropdown|drop-down|link|accordion|dialog|modal|popup|panel|section") &&
        !any_word(&c, "new|browser")) {
        return P_NO;
    }
    eat(&c, "to|on|the");
    eat(&c, "url|the url|page|the page|website|the website|web page|site|web site|webpage|address|"
            "the address|link|the link|page at|website at|the site|path|the path|route|page url|"
            "following url|page with url|url of|site at|web address|location|screen|view");
    eat(&c, ":|at");
    eat_end(&c, "in the browser|in browser|in the current tab|page|website|in a browser|url|site|"
                "in the same tab|web page|in the web browser|in chrome|in the address bar");
    if (c.end - c.i == 1 && (text_is_address(c.t[c.i].text) || c.t[c.i].var)) {
        return put_open(g, c.t[c.i].text);
    }
    return refuse(g, "the step gives no address to open", HINT_OPEN);
}
