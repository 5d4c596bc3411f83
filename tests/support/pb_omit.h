/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies of tables that leave unset members out. Requests refuse the null that answers write for
 * them, so only such text can be read back. */
#ifndef ASSAY_TESTS_PB_OMIT_H
#define ASSAY_TESTS_PB_OMIT_H

#include <string.h>

#include "pb/pb.h"

#define PB_OMIT_TABLES 64

struct pb_omit {
    struct arena *arena;
    const struct pb_table *from[PB_OMIT_TABLES];
    struct pb_table *to[PB_OMIT_TABLES];
    size_t count;
};

/* Returns the copy of `table`, made once with all it refers to. */
static inline const struct pb_table *
pb_omitting(struct pb_omit *o, const struct pb_table *table)
{
    for (size_t i = 0; i < o->count; i++) {
        if (o->from[i] == table) {
            return o->to[i];
        }
    }
    ASSERT(o->count < PB_OMIT_TABLES);
    struct pb_table *copy = ARENA_NEW(o->arena, struct pb_table);
    struct pb_field *fields = ARENA_ARRAY(o->arena, table->count, struct pb_field);
    ASSERT(copy != NULL && fields != NULL);
    o->from[o->count] = table;
    o->to[o->count++] = copy;
    *copy = *table;
    for (size_t i = 0; i < table->count; i++) {
        fields[i] = table->fields[i];
        fields[i].flags |= PB_OMIT;
        fields[i].sub = fields[i].sub == NULL ? NULL : pb_omitting(o, fields[i].sub);
    }
    copy->fields = fields;
    return copy;
}

#endif
