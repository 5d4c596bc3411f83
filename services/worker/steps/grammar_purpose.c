/* SPDX-License-Identifier: Apache-2.0
 *
 * What an action is for: "To log out, click …", "submit by pressing …", "tap 'Next' to continue".
 * It changes nothing about the action and is dropped, unless it says that something is to be
 * checked. */
#include "worker/steps/parse.h"

static const char DEEDS[] =
    "continue|proceed|save|submit|open|close|confirm|go|start|finish|complete|log|sign|add|create|"
    "delete|remove|search|send|apply|edit|expand|collapse|view|show|return|place|pay|checkout|"
    "begin|register|cancel|update|refresh|load|reveal|dismiss|accept|agree|enable|disable|select|"
    "choose|download|upload|print|share|logout|login|check out|exit|leave|hide|archive|trigger|"
    "launch|buy|publish|reset|undo|redo|play|pause|stop|mute|unlock|lock|reply|post|book";

/* "To log out, …": plain words up to a comma that a verb follows. */
static void
eat_aim(struct cur *c)
{
    struct cur look = *c;
    if (!eat(&look, "to|in order to")) {
        return;
    }
    int at = look.i;
    while (at < look.end && look.t[at].kind == TOK_WORD) {
        at++;
    }
    if (any_word(&look, "verify|check|test|see|ensure|sure|validate") &&
        find_phrase(&look, look.i, "verify|check|test|see|ensure|sure|validate", NULL) < at) {
        return;
    }
    if (at > look.i && at - look.i <= 6 && phrase_len(&look, at, ",") > 0 &&
        starts_clause(&look, at + 1)) {
        c->i = at + 1;
    }
}

/* "skip the intro by tapping …": plain words, then how it is done. */
static void
eat_result(struct cur *c)
{
    static const char LOOKS[] = "verify|check|ensure|assert|confirm that|validate|wait|if|make|see|"
                                "test|not|don't|never|when|after|before|i|scroll|zoom";
    int at = c->i;
    while (at < c->end && c->t[at].kind == TOK_WORD && phrase_len(c, at, "by") == 0) {
        at++;
    }
    bool plain = at > c->i && at - c->i <= 5 && phrase_len(c, c->i, LOOKS) == 0;
    if (plain && phrase_len(c, at,
                            "by pressing|by clicking|by tapping|by hitting|by selecting|"
                            "by choosing") > 0) {
        c->i = at + 1; /* "pressing" is a verb of its own */
    }
}

void
eat_purpose(struct cur *c)
{
    eat_aim(c);
    eat_result(c);
}

static bool
ends_thing(const struct cur *c, int i)
{
    const char *role = NULL;
    int len = 0;
    struct cur left = cur_range(c, c->i, i);
    return c->t[i - 1].kind == TOK_QUOTED ||
           (!is_capital(&c->t[i - 1]) && role_at_end(&left, USE_TAP, &role, &len));
}

void
eat_purpose_end(struct cur *c)
{
    for (int i = c->i + 2; i + 1 < c->end; i++) {
        struct cur tail = cur_range(c, i, c->end);
        if (!ends_thing(c, i) || !eat(&tail, "to|in order to|so as to") ||
            !at_phrase(&tail, DEEDS) || tail.end - tail.i > 5) {
            continue;
        }
        int at = tail.i;
        while (at < tail.end && tail.t[at].kind == TOK_WORD && !tail.t[at].var) {
            at++;
        }
        bool more = any_word(&tail, "and|or|if|until|when|that|not|then|unless|as|all|every");
        if (at == tail.end && !more) {
            c->end = i;
            return;
        }
    }
}
