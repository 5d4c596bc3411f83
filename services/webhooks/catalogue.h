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

struct catalogue_type {
    const char *name; /* "run.passed" */
    enum catalogue_category category;
    bool on; /* subscribed to when a new endpoint names no types */
};

extern const struct catalogue_type CATALOGUE[];
extern const size_t CATALOGUE_COUNT;

/* NULL when there is no such type. */
const struct catalogue_type *catalogue_find(struct str name);

#endif
