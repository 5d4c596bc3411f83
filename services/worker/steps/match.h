/* SPDX-License-Identifier: Apache-2.0
 *
 * How well a name a person wrote fits a text of the page. Letters of Latin, Greek and Cyrillic
 * compare without case, typographic quotes as typed ones, white space is folded, marks at the ends
 * ("Email *", "→ Next") do not count. A name that only resembles another is another name: "Turn on
 * alerts" is not "Turn off alerts", "Amber jar 480" not "Amber jar 180". */
#ifndef ASSAY_WORKER_STEPS_MATCH_H
#define ASSAY_WORKER_STEPS_MATCH_H

#include "base/str.h"

/* From none to the same bytes; higher is better. */
enum match_level {
    MATCH_NONE = 0,
    MATCH_ALIKE = 40,  /* the same words spelt in another way: "Log in", "Login" */
    MATCH_PREFIX = 70, /* the text begins with the whole words of the name */
    MATCH_BARE = 90,   /* equal but for marks at the ends and white space */
    MATCH_FOLDED = 96, /* equal but for case */
    MATCH_EXACT = 100
};

enum match_level match_name(struct str wanted, struct str text, bool tolerant);
/* "first name" against "first-name", "firstName", "first_name". */
bool match_id(struct str wanted, struct str id);
/* Whole words of `wanted` stand in `text` (case folded); "€5" does not stand in "€57.00". *out_at
 * (may be NULL): where. */
bool match_contains(struct str text, struct str wanted, size_t *out_at);
/* Equal with white space folded and trimmed, case kept: what an assertion means by "is". */
bool match_same(struct str a, struct str b);
/* Number of single-letter edits between a and b, capped at `cap` + 1. For lists of nearest names.
 */
int match_distance(struct str a, struct str b, int cap);

#endif
