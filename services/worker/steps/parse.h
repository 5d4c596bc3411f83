/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the grammar: a cursor over the tokens of one clause, matching of phrases, and the
 * parsers of the parts. Not for other modules.
 *
 * A phrase list is alternatives separated by '|', each of words in lower case: "tap on|tap". The
 * longest alternative that matches wins. */
#ifndef ASSAY_WORKER_STEPS_PARSE_H
#define ASSAY_WORKER_STEPS_PARSE_H

#include "worker/steps/action.h"
#include "worker/steps/lexer.h"

/* Tokens [i, end) of a clause. */
struct cur {
    const struct tok *t;
    int i;
    int end;
};

struct predicate;

/* One sentence being parsed. */
struct gram {
    struct arena *arena;
    struct str in;
    struct plan *plan;
    const struct target *last; /* what "it" means */
    enum act_type last_type;
    const char *reason; /* the most telling refusal so far */
    const char *hint;
    bool given; /* the clause began with Given */
    bool question;
    struct cur subject;           /* of the last statement; empty: it had none */
    bool denied;                  /* that statement was of the opposite */
    const struct predicate *said; /* its verb */
    const char *link;             /* joined value and target last: "with", "into" */
    bool target_first;            /* "Email with 'x'", not "'x' into Email" */
};

enum parsed {
    P_NO = 0, /* not this pattern; nothing was changed */
    P_OK,     /* understood to the last word */
    P_REFUSED /* this pattern, but it must not be acted on; reason and hint are set */
};

/* What surrounds a target: decides what "box" means and how strict unquoted names are. */
enum target_use { USE_TAP, USE_TYPE, USE_SELECT, USE_CHECK, USE_VERIFY, USE_SCOPE };

/* --- cursor (parse.c) */
bool cur_done(const struct cur *c);
const struct tok *cur_tok(const struct cur *c); /* NULL at the end */
bool cur_quoted(const struct cur *c);
/* Number of tokens an alternative takes at token `i`, 0 for none. */
int phrase_len(const struct cur *c, int i, const char *alts);
bool at_phrase(const struct cur *c, const char *alts);
bool eat(struct cur *c, const char *alts);
/* Drops the phrase at the end of the range. */
bool eat_end(struct cur *c, const char *alts);
/* First token index in [from, end) where an alternative starts; -1 for none. *out_len its length.
 */
int find_phrase(const struct cur *c, int from, const char *alts, int *out_len);
struct cur cur_range(const struct cur *c, int from, int to);
/* The sentence's bytes the range covers. */
struct str cur_text(const struct gram *g, const struct cur *c);
bool any_word(const struct cur *c, const char *alts);
/* Notes why the sentence is refused, unless something was noted before. Returns P_REFUSED. */
enum parsed refuse(struct gram *g, const char *reason, const char *hint);
/* Adds an action; the plan's limit refuses. */
struct action *add_action(struct gram *g, enum act_type type, const struct target *t);

/* How far the plan was, to take back what a reading that failed has added. */
struct gram_mark {
    size_t count;
    const struct target *last;
    enum act_type last_type;
    bool given;
    struct cur subject;
};
struct gram_mark gram_mark(const struct gram *g);
void gram_back_to(struct gram *g, struct gram_mark m);

/* --- words (words.c) */
extern const char WORDS_DET[];
/* Role a noun at the end of the range names; *out_len tokens. False: none. *out_role may be NULL
 * for a noun that says nothing a program could use ("icon"). */
bool role_at_end(const struct cur *c, enum target_use use, const char **out_role, int *out_len);
bool role_at_start(const struct cur *c, enum target_use use, const char **out_role, int *out_len);
bool ordinal_at(const struct cur *c, int i, int *out_nth, int *out_len);
/* "3", "three" → 3. */
bool number_at(const struct cur *c, int i, int64_t *out);
/* "twice", "3 times". */
bool eat_times(struct cur *c, int *out_times);
/* "2 seconds", "half a minute", "500ms". */
bool eat_duration(struct cur *c, int64_t *out_us);
/* "Enter", "Ctrl + A" → canonical names of keys. NULL: no key. `loose`: also names that are more
 * likely buttons (Delete, Home). */
const char *eat_key(struct gram *g, struct cur *c);
/* The word at token i begins the name of a key or of a combination. */
bool key_starts(const struct cur *c, int i);
bool word_is_literal(const struct tok *t); /* number, price, address, file, variable */
bool text_is_address(struct str s);
bool word_is_vague(const struct cur *c, int i);
/* "cheapest", "nearest": by its ending. */
bool word_is_superlative(const struct cur *c, int i);
bool is_capital(const struct tok *t);

/* --- lists (grammar_list.c) */
/* "'A', 'B' and 'C'", "both 'A' and 'B' buttons" with one verb: one action each. `denied`: "or"
 * means neither. P_NO when the range is no such list. */
enum parsed put_list(struct gram *g, struct cur c, enum act_type type, enum target_use use,
                     bool denied);
/* "buttons" as "button": roles are listed in the singular. */
struct cur singular(struct gram *g, const struct cur *range);

/* --- parts */
/* The whole range as a target. P_NO never; P_REFUSED with the reason noted. */
enum parsed parse_target(struct gram *g, const struct cur *c, enum target_use use,
                         const struct target **out);
/* A quoted text, a number, an address: certainly a value. */
bool is_value_token(const struct tok *t);
/* A place that holds things to act on rather than a field or a list of options. */
bool is_scope(const struct cur *where);
/* Adds typing (selecting, where the target is a list) of what `value` says at what `where` names.
 */
enum parsed put_typed(struct gram *g, struct cur value, struct cur where, enum act_mode mode,
                      bool may_select);
/* The sentence says that the target is one of these kinds: "textbox combobox". */
bool role_is(const struct target *t, const char *roles);
/* The target is called a list ("the Country dropdown"). */
bool is_select_role(const struct target *t);
/* The whole range as a value to type. */
enum parsed parse_value(struct gram *g, const struct cur *c, struct str *out);

/* --- clauses: each takes a whole clause */
typedef enum parsed clause_fn(struct gram *g, struct cur c);
clause_fn clause_tap; /* tap, double tap, long press, right click, hover */
clause_fn clause_drag;
clause_fn clause_check; /* check, uncheck, turn on/off */
clause_fn clause_type;  /* type, fill, set, replace, append */
clause_fn clause_clear;
clause_fn clause_select; /* select, choose, pick */
clause_fn clause_upload;
clause_fn clause_press; /* keys; falls to tap */
clause_fn clause_move;  /* scroll, swipe, pinch */
clause_fn clause_nav;   /* open, back, reload, launch, tabs, rotate, keyboard */
clause_fn clause_wait;
/* "the page to load", "the page has loaded". */
bool says_loaded(struct cur c);
clause_fn clause_until;     /* what follows "wait until"; "5 seconds" */
clause_fn clause_verify;    /* starting with verify, check that, make sure … */
clause_fn clause_statement; /* "'Save' should be enabled", "Is 'Save' enabled?" */
clause_fn clause_dialog;    /* the browser's own dialogs */
clause_fn clause_misc;      /* screenshot, visual check, store, dialogs */
/* Subject and predicate ("'X' is visible") without the leading "verify". P_NO when there is no
 * predicate. */
enum parsed parse_statement(struct gram *g, struct cur c);
/* The verb or the subject of the clause before goes on: "enter 'a' in Email and 'b' in Password",
 * "is visible and enabled". (grammar_elided.c) */
enum parsed parse_elided(struct gram *g, struct cur c);
/* Token i may start what parse_elided takes. */
bool starts_elided(const struct cur *c, int i);
clause_fn clause_typed;  /* what follows "type" */
clause_fn clause_chosen; /* what follows "select" */
/* True when a verb stands at token i. */
bool starts_clause(const struct cur *c, int i);
/* Takes "1.", "then", "please", "the user" from the front. */
void eat_fillers(struct gram *g, struct cur *c);
/* Takes what the clause is for from its front: "To log out, …", "submit by pressing …". */
void eat_purpose(struct cur *c);
/* The same behind a thing: "… to continue". */
void eat_purpose_end(struct cur *c);
/* Parses one clause without connectors. */
enum parsed parse_clause(struct gram *g, struct cur c);
/* "If X is visible, tap it", "tap X if it appears". P_NO when there is no condition. */
enum parsed parse_conditional(struct gram *g, struct cur c);
/* "In the 'Sign up' form, type …". P_NO when no place is said first. */
enum parsed parse_placed(struct gram *g, struct cur c);
/* Clauses joined by commas, "and", "then". */
enum parsed parse_clauses(struct gram *g, struct cur c);

#endif
