/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements about the address and the title of the page. */
#include "worker/steps/grammar_said.h"

#include <string.h>

/* --- address and title */

enum parsed
put_page_value(struct gram *g, const struct said *s, enum act_type type, struct cur c)
{
    struct str v;
    enum act_mode mode = MODE_NONE;
    bool negated = s->negated;
    if (eat(&c,
            "does not contain|doesn't contain|should not contain|is not|isn't|should not be|"
            "does not include|doesn't include|not to contain|to not contain|should not include")) {
        negated = true;
        mode = phrase_len(&c, c.i - 1, "contain|include") > 0 ? MODE_CONTAINS : MODE_NONE;
    } else if (eat(&c,
                   "contains|should contain|includes|contain|to contain|should include|include|has|"
                   "must contain|containing|to include|should have|contains the text|have")) {
        mode = MODE_CONTAINS;
    } else if (!eat(&c,
                    "is|should be|equals|to be|is now|should equal|is equal to|must be|reads|"
                    "should be equal to|changes to|should change to|changed to|says|equal|be|"
                    "has changed to|should now be|will be|to equal|should read|has become|shows|"
                    "is exactly|is set to|should say|say|should display|displays|should "
                    "show|show|must read|must say|must equal|"
                    "becomes|should become")) {
        return refuse(g, "it is unclear what is compared",
                      "Verify that the URL contains \"/cart\"");
    }
    if (!said_value(&c, &v) && !(type == ACT_VERIFY_TITLE && said_capital(g, &c, &v))) {
        return refuse(g, "it is unclear what is compared",
                      "Verify that the URL contains \"/cart\"");
    }
    struct action *a = said_put(g, s, type, NULL);
    a->value = v;
    a->has_value = true;
    a->mode = mode;
    a->negated = negated;
    return P_OK;
}

/* "I should be on '/dashboard'". */
enum parsed
put_location(struct gram *g, const struct said *s, struct cur c)
{
    struct str v;
    eat(&c, "the");
    eat(&c, "page|url|page at|url of|page with url|path|address|route|page with the url|link");
    eat_end(&c, "page|url|screen|path|route");
    if (c.end - c.i == 1 && text_is_address(c.t[c.i].text)) {
        v = c.t[c.i].text;
        struct action *a = said_put(g, s, ACT_VERIFY_URL, NULL);
        a->value = v;
        a->has_value = true;
        a->negated = s->negated;
        return P_OK;
    }
    return refuse(g, "a page can be recognised by its address or by something on it",
                  "Verify that the URL contains \"/dashboard\"");
}

bool
eat_url_subject(struct cur *c)
{
    return eat(c,
               "the url|url|the current url|current url|the page url|page url|the browser url|"
               "the address|the address bar|the current page url|the url of the page|the path|"
               "the current path|the url path|browser url|the page's url|the current address|"
               "this url|the page address|address bar|the web address|the link in the address bar|"
               "current page url|the url in the address bar|the url of the current page|path|"
               "the browser address|that the url|my url");
}

bool
eat_title_subject(struct cur *c)
{
    return eat(c, "the page title|page title|browser tab title|the tab's title|tab's title|the "
                  "browser window title|"
                  "the title of the browser tab|the title of the window|the title of the page|the "
                  "browser title|the tab title|"
                  "the document title|title of the page|browser title|the title|title|"
                  "the title of the current page|the page's title|the window title|window title|"
                  "tab title|the current page title|document title|the browser tab title|"
                  "the title of the tab|web page title|the web page title|the website title");
}

bool
eat_location(struct cur *c, bool *out_negated)
{
    *out_negated = false;
    if (eat(c, "should not be on|am not on|is not on|shouldn't be on|should not be at")) {
        *out_negated = true;
        return true;
    }
    return eat(
        c, "should be on|have landed on|has landed on|landed on|arrived at|have arrived at|been "
           "redirected to|have been redirected to|been taken to|have been taken to|am on|should be "
           "at|am at|should be redirected to|am redirected to|"
           "is redirected to|get redirected to|should be taken to|am taken to|is taken to|"
           "should land on|land on|lands on|should be navigated to|is navigated to|is on|are on|"
           "are redirected to|should get redirected to|gets redirected to|should see the url|"
           "is sent to|has been redirected to|was redirected to|should be sent to|is at|"
           "was taken to|were redirected to|will be redirected to|should arrive at|arrive at|"
           "should be directed to|is directed to|must be on|should now be on|are now on|"
           "is now on|am now on|should end up on|end up on|ends up on|must be redirected to|"
           "redirects to|has navigated to|navigates to|should navigate to|should redirect to");
}
