/* SPDX-License-Identifier: Apache-2.0
 *
 * English test steps without a model. A sentence is cut into words and quoted texts, into clauses,
 * and each clause must be consumed to its last word by one pattern: words left over, a missing
 * value, a judgement or an unknown pronoun refuse the whole sentence. A wrong action costs more
 * than a refusal.
 *
 * Nothing recurses on input; work is bounded by STEP_TEXT_MAX. Threads: any, one arena each. */
#ifndef ASSAY_WORKER_STEPS_GRAMMAR_H
#define ASSAY_WORKER_STEPS_GRAMMAR_H

#include "worker/steps/action.h"

/* Parses one sentence. Not understood is a result (count 0 with reason and hint), not an error.
 * Errors: RESOURCE_EXHAUSTED: the arena is full (64 KiB suffice). */
NODISCARD enum rc steps_parse(struct arena *arena, struct str sentence, struct plan *out);

#endif
