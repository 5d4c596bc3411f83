/* SPDX-License-Identifier: Apache-2.0
 *
 * (message).exactly_one and its kin: "suite_id|suite_public_id". */
#ifndef ASSAY_TOOLS_GROUPS_H
#define ASSAY_TOOLS_GROUPS_H

#include "model.h"

/* Calls fn for every group of the message, in the order exactly_one, at_least_one, at_most_one. */
void groups_each(const struct message *msg,
                 void (*fn)(void *arg, enum pb_group_kind kind, const char *names), void *arg);
/* Index in msg->fields of the next name of the group; msg->count for an unknown one. `*rest` starts
 * as str_z(names) and ends with p == NULL. */
size_t groups_next(const struct message *msg, struct str *rest);
void groups_check(struct model *m, const struct message *msg);

#endif
