/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the grammar: when words without quotes are a name, and refusals that say which word was
 * not understood. Not for other modules. */
#ifndef ASSAY_WORKER_STEPS_GRAMMAR_NAME_H
#define ASSAY_WORKER_STEPS_GRAMMAR_NAME_H

#include "worker/steps/parse.h"

/* First word that no visible name holds without quotes (a conjunction, an adverb, a statement); -1:
 * all of them may be a name. */
int name_doubt(const struct cur *c);
/* The name leaves the choice open ("any", "the blue one"). `counted`: an ordinal stands before. */
bool name_is_vague(const struct cur *c, enum target_use use, bool counted);
/* Part or property of a thing ("right edge", "colour"): no target an action can have. */
bool name_is_part(const struct cur *c);

/* Refuses and quotes the words that were not understood. */
enum parsed refuse_words(struct gram *g, const struct cur *words, const char *hint);
/* The same with the first doubtful word of a name. */
enum parsed refuse_name(struct gram *g, const struct cur *c, const char *hint);

#endif
