/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls that share an answer: who holds it, what one makes of it for all, how they wake. */
#include "rpc/rpc_link_int.h"

#include <limits.h>
#include <stdlib.h>

static struct rpc_party *
party_new(void)
{
    struct rpc_party *party = calloc(1, sizeof(*party));

    if (party != NULL) {
        atomic_init(&party->refs, 1);
        atomic_init(&party->done, 0);
        party->has_leader = true;
    }
    return party;
}

void
rpc__party_unref(struct rpc_party *party)
{
    if (party != NULL && atomic_fetch_sub(&party->refs, 1) == 1) {
        rpc_slab_unref(party->slab);
        buf_fini(&party->made);
        free(party);
    }
}

bool
rpc__party_join(struct call *carrier, struct call *rider)
{
    if (carrier->party == NULL) {
        carrier->party = party_new();
    }
    if (carrier->party == NULL) {
        return false;
    }
    atomic_fetch_add(&carrier->party->refs, 1);
    rider->party = carrier->party;
    rider->word = &rider->party->done;
    return true;
}

void
rpc__party_keep(struct rpc_party *party, struct rpc_answer *answer)
{
    party->slab = answer->slab;
    answer->slab = NULL;
    answer->party = party;
}

void
rpc__party_wake(struct rpc_party *party)
{
    /* Whoever wakes up may be the last to leave. */
    atomic_fetch_add(&party->refs, 1);
    atomic_store_explicit(&party->done, 1, memory_order_release);
    rpc__futex_wake(&party->done, INT_MAX);
    rpc__party_unref(party);
}

static bool
is_leading(const struct rpc_answer *answer)
{
    const struct rpc_party *party = answer->party;

    return party != NULL && !answer->is_shared && party->has_leader &&
           atomic_load_explicit(&party->done, memory_order_relaxed) == 0;
}

struct buf *
rpc_party_room(struct rpc_answer *answer)
{
    /* With one call left the others have given up. */
    bool is_shared = is_leading(answer) && atomic_load(&answer->party->refs) > 1;

    return is_shared ? &answer->party->made : NULL;
}

void
rpc_party_serve(struct rpc_answer *answer, const struct rpc_form *form)
{
    if (is_leading(answer) && atomic_load(&answer->party->refs) > 1) {
        answer->party->form = form == NULL ? (struct rpc_form){0} : *form;
        rpc__party_wake(answer->party);
    }
}

bool
rpc_party_made(const struct rpc_answer *answer, const struct rpc_form *form, struct str *out)
{
    const struct rpc_party *party = answer->party;

    if (party == NULL || !answer->is_shared || party->form.make != form->make ||
        party->form.arg != form->arg || party->form.variant != form->variant) {
        return false;
    }
    *out = buf_str(&party->made);
    return true;
}

void
rpc_answer_drop(struct rpc_answer *answer)
{
    rpc_party_serve(answer, NULL);
    rpc_slab_unref(answer->slab);
    rpc__party_unref(answer->party);
    *answer = (struct rpc_answer){0};
}
