/* SPDX-License-Identifier: Apache-2.0
 *
 * The browser's own dialogs: "Accept the alert", "Click OK in the browser popup". What a page draws
 * itself is a thing on the page and is tapped. */
#include <string.h>

#include "worker/steps/parse.h"

static const char DIALOGS[] =
    "alert|browser alert|javascript alert|js alert|alert dialog|confirm dialog|"
    "confirmation dialog|browser dialog|javascript dialog|confirmation alert|prompt|"
    "alert box|alert popup|confirm box|browser confirm|javascript confirm|confirm|"
    "native dialog|confirmation prompt|alert message|dialog|browser popup|system dialog|"
    "system alert|confirmation box|confirmation|permission dialog|permission alert|"
    "browser prompt|confirmation popup|confirm popup|js confirm|alert window|"
    "browser confirmation|js dialog|pop-up alert|popup alert|confirm alert|popup|pop-up";

/* A page draws dialogs and popups of its own; an alert is the browser's. */
static const char ALERTS[] = "alert|alert box|alert window|alert popup|popup alert|pop-up alert";

static const char OWNERS[] = "browser|browser's|native|system|javascript|js|os";

static enum parsed
put_dialog(struct gram *g, struct cur c, enum act_type type)
{
    struct str text = STR_EMPTY;
    if (eat(&c, "with|with text|with the text") && c.end - c.i == 1 && cur_quoted(&c)) {
        text = c.t[c.i++].text;
    }
    if (!cur_done(&c)) {
        return P_NO;
    }
    struct action *a = add_action(g, type, NULL);
    a->value = text;
    a->has_value = text.n > 0;
    return P_OK;
}

/* "in the browser's confirm popup", "on the alert": says whose dialog it is. */
static bool
eat_browser_dialog(struct cur *c)
{
    struct cur look = *c;
    if (!eat(&look, "in|on|of|from|inside")) {
        return false;
    }
    eat(&look, WORDS_DET);
    bool owned = eat(&look, OWNERS);
    eat(&look, "native|javascript|js|own");
    if (!eat(&look, owned ? DIALOGS : ALERTS)) {
        return false;
    }
    *c = look;
    return true;
}

/* "Click OK in the browser's confirm popup". */
static enum parsed
dialog_button(struct gram *g, struct cur c)
{
    static const char YES[] = "ok|okay|accept|yes|confirm|allow|leave";
    static const char NO[] = "cancel|dismiss|no|stay|deny";
    static const struct cur NONE = {0};
    if (!eat(&c, "tap|tap on|click|click on|press|press on|hit|choose|select")) {
        return P_NO;
    }
    eat(&c, WORDS_DET);
    struct cur name = c;
    if (cur_quoted(&c)) {
        struct tok *t = ARENA_NEW(g->arena, struct tok);
        char *low = arena_strz(g->arena, c.t[c.i].text);
        if (t == NULL || low == NULL) {
            return P_REFUSED;
        }
        for (char *p = low; *p != '\0'; p++) {
            *p = ch_lower(*p);
        }
        *t = (struct tok){.kind = TOK_WORD, .low = low};
        name = (struct cur){t, 0, 1};
    }
    bool yes = at_phrase(&name, YES);
    if (!yes && !at_phrase(&name, NO)) {
        return P_NO;
    }
    c.i++;
    eat(&c, "button");
    return eat_browser_dialog(&c) && cur_done(&c)
               ? put_dialog(g, NONE, yes ? ACT_DIALOG_ACCEPT : ACT_DIALOG_DISMISS)
               : P_NO;
}

/* "it" is an alert that was spoken of before. */
static bool
means_dialog(const struct target *t)
{
    return t != NULL && !t->quoted && t->within == NULL && t->near == NULL &&
           (t->name.n == 0 ? t->role != NULL && strcmp(t->role, "dialog") == 0
                           : str_ieq(t->name, STR("alert")) || str_ieq(t->name, STR("prompt")));
}

enum parsed
clause_dialog(struct gram *g, struct cur c)
{
    enum act_type type = ACT_DIALOG_ACCEPT;
    enum parsed p = dialog_button(g, c);
    if (p != P_NO) {
        return p;
    }
    if (eat(&c, "dismiss|cancel|decline|reject|dismisses|cancels")) {
        type = ACT_DIALOG_DISMISS;
    } else if (!eat(&c, "accept|confirm|ok|accepts|confirms|agree to|acknowledge")) {
        return P_NO;
    }
    if (eat(&c, "it|that")) {
        return means_dialog(g->last) ? put_dialog(g, c, type) : P_NO;
    }
    eat(&c, "the|this|any");
    struct cur owned = c;
    if (!eat(&c, DIALOGS) && !(eat(&owned, OWNERS) && (c = owned, eat(&c, DIALOGS)))) {
        return P_NO;
    }
    return put_dialog(g, c, type);
}
