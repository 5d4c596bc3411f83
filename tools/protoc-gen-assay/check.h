/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of model_check. */
#ifndef ASSAY_TOOLS_CHECK_H
#define ASSAY_TOOLS_CHECK_H

#include "model.h"

/* Decides f->kind and refuses options that do not fit it. */
void check_field(struct model *m, const struct message *msg, struct field *f);
/* Refuses what cannot be read from where the route reads it. */
void check_source(struct model *m, const struct route *r, size_t i);

#endif
