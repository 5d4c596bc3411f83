/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the grammar: what narrows a noun phrase ("in the row 'X'", "next to 'Y'", "at the
 * top"). Not for other modules. */
#ifndef ASSAY_WORKER_STEPS_GRAMMAR_MODIFIER_H
#define ASSAY_WORKER_STEPS_GRAMMAR_MODIFIER_H

#include "worker/steps/parse.h"

enum mod_kind { MOD_NONE = 0, MOD_RELATION, MOD_WITHIN, MOD_ATTRIBUTE, MOD_POSITION, MOD_PAGE };

struct modifier {
    enum mod_kind kind;
    int words; /* tokens of the introducing phrase */
    enum act_relation relation;
    unsigned position;
};

/* The modifier that starts at token i; its kind is MOD_NONE when none does. */
struct modifier modifier_at(const struct cur *c, int i);
/* Where the first modifier at or behind `from` starts; the end of the range: nowhere. */
int next_modifier(const struct cur *c, int from, struct modifier *out);
/* The whole range is the name of a kind of place: "header", "sidebar", "dialog". */
bool is_scope_noun(const struct cur *c);

#endif
