/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the grammar: the parts of a verification. A statement is a subject and what is said of
 * it; these make actions of both. Not for other modules. */
#ifndef ASSAY_WORKER_STEPS_GRAMMAR_SAID_H
#define ASSAY_WORKER_STEPS_GRAMMAR_SAID_H

#include "worker/steps/parse.h"

#define HINT_VERIFY "say what is to be seen: Verify that \"Saved\" is visible"
#define JUDGEMENT "that needs judgement: a program cannot compare it"

/* What a predicate said, before the subject is looked at. */
struct said {
    bool negated;
    struct cur subject;
    struct cur rest; /* behind the copula or verb */
    int64_t timeout_us;
};

/* --- parts (grammar_said.c) */
/* "the page", "the screen": not an element. */
bool said_page(const struct cur *range);
/* The range is one quoted or literal value. */
bool said_value(const struct cur *range, struct str *out);
/* "Active": an unquoted value as the page would write it. */
bool said_capital(const struct gram *g, const struct cur *c, struct str *out);
/* Both ranges, one behind the other. */
struct cur said_joined(struct gram *g, const struct cur *a, const struct cur *b);
/* "3", "exactly two". */
bool eat_count(struct cur *c, int64_t *out);
struct action *said_put(struct gram *g, const struct said *s, enum act_type type,
                        const struct target *t);
enum parsed put_count(struct gram *g, const struct said *s, struct cur what, int64_t count);
enum parsed put_visible(struct gram *g, const struct said *s, struct cur what);
enum parsed put_text(struct gram *g, const struct said *s, struct str value, enum act_mode mode,
                     bool as_value);
enum parsed put_state(struct gram *g, const struct said *s, enum act_type type, bool negated);
enum parsed put_empty(struct gram *g, const struct said *s);

/* --- predicates (grammar_predicate.c) */
/* The longest predicate at token i and its tokens; NULL: none. */
const struct predicate *predicate_at(const struct cur *c, int i, int *out_len);
/* Several values may follow it: "contains 'a' and 'b', but not 'c'". */
bool predicate_lists(const struct predicate *p);
/* What `s` says by the predicate, with s.rest behind it. */
enum parsed by_verb(struct gram *g, struct said s, const struct predicate *p);
/* What `s` says by "is", with s.rest behind it. */
enum parsed after_is(struct gram *g, struct said s);

/* --- address and title (grammar_page.c) */
bool eat_url_subject(struct cur *c);
bool eat_title_subject(struct cur *c);
/* "should be on", "am redirected to". */
bool eat_location(struct cur *c, bool *out_negated);
enum parsed put_location(struct gram *g, const struct said *s, struct cur c);
enum parsed put_page_value(struct gram *g, const struct said *s, enum act_type type, struct cur c);

/* --- questions (grammar_question.c) */
enum parsed parse_question(struct gram *g, struct cur c);

#endif
