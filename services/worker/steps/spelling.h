/* SPDX-License-Identifier: Apache-2.0
 *
 * Slips of the keyboard in the grammar's own words ("clik", "feild", "verfiy"). */
#ifndef ASSAY_WORKER_STEPS_SPELLING_H
#define ASSAY_WORKER_STEPS_SPELLING_H

/* The word of the grammar that `low` (lower case) is one slip away from; `low` itself when there is
 * none or more than one. */
const char *spell_mend(const char *low);

#endif
