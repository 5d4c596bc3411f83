/* SPDX-License-Identifier: Apache-2.0 */
#include "groups.h"

struct check {
    struct model *m;
    const struct message *msg;
};

void
groups_each(const struct message *msg,
            void (*fn)(void *arg, enum pb_group_kind kind, const char *names), void *arg)
{
    const Assay__Message *o = msg->opt;
    if (o == NULL) {
        return;
    }
    for (size_t i = 0; i < o->n_exactly_one; i++) {
        fn(arg, PB_EXACTLY_ONE, o->exactly_one[i]);
    }
    for (size_t i = 0; i < o->n_at_least_one; i++) {
        fn(arg, PB_AT_LEAST_ONE, o->at_least_one[i]);
    }
    for (size_t i = 0; i < o->n_at_most_one; i++) {
        fn(arg, PB_AT_MOST_ONE, o->at_most_one[i]);
    }
}

size_t
groups_next(const struct message *msg, struct str *rest)
{
    struct str name = str_trim(str_split(rest, '|'));
    size_t i = 0;
    while (i < msg->count && !str_eqz(name, msg->fields[i].desc->name)) {
        i++;
    }
    return i;
}

static void
check_group(void *arg, enum pb_group_kind kind, const char *names)
{
    const struct check *c = arg;
    (void)kind;
    size_t n = 0;
    struct str rest = str_z(names);
    while (rest.p != NULL) {
        size_t i = groups_next(c->msg, &rest);
        n++;
        if (i == c->msg->count) {
            fault(c->m, c->msg->at, "%s: group \"%s\" names a field that does not exist",
                  c->msg->full, names);
        } else if (c->msg->fields[i].required) {
            fault(c->m, c->msg->at, "%s: group \"%s\": %s is required anyway", c->msg->full, names,
                  c->msg->fields[i].desc->name);
        }
    }
    if (n < 2) {
        fault(c->m, c->msg->at, "%s: group \"%s\" needs two names separated by '|'", c->msg->full,
              names);
    }
}

void
groups_check(struct model *m, const struct message *msg)
{
    struct check c = {m, msg};
    groups_each(msg, check_group, &c);
}
