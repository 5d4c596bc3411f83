/* SPDX-License-Identifier: Apache-2.0
 *
 * The types of events that endpoints subscribe to. Constant. */
#ifndef ASSAY_WEBHOOKS_CATALOGUE_H
#define ASSAY_WEBHOOKS_CATALOGUE_H

#include "base/str.h"

enum catalogue_category {
    CATALOGUE_TESTS,
    CATALOGUE_VISUAL,
    CATALOGUE_PLATFORM,
    CATALOGUE_BILLING
};

enum catalogue_flag {
    CATALOGUE_ON = 1,  /* subscribed to when a new endpoint names no types */
    CATALOGUE_CHAT = 2 /* worth a message in a chat */
};

struct catalogue_type {
    const char *name; /* "run.passed" */
    enum catalogue_category category;
    unsigned flags; /* enum catalogue_flag, or-ed */
    const char *text;
};

extern const struct catalogue_type CATALOGUE[];
extern const size_t CATALOGUE_COUNT;

/* NULL when there is no such type. */
const struct catalogue_type *catalogue_find(struct str name);
/* "tests" */
const char *catalogue_category_name(enum catalogue_category category);
/* Writes the names of those with the flag and returns their number; `out` has CATALOGUE_COUNT. */
size_t catalogue_pick(unsigned flag, struct str *out);

#endif
