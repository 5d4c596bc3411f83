/* SPDX-License-Identifier: Apache-2.0
 *
 * Slows down guessing of passwords. Failures count for the account at the address (few are free),
 * for the address (an attacker with many accounts) and for the account (an attacker with many
 * addresses; its delay stays short, so that nobody can lock somebody else out). Delays double up to
 * a cap; an hour without failure forgives. Source: ASVS 5.0 6.1.1, 6.3.1.
 *
 * Unknown accounts count like known ones. An attempt is counted before the password is looked at
 * and forgiven when it fits, so that many at once get no more than one after the other. */
#ifndef ASSAY_AUTH_THROTTLE_H
#define ASSAY_AUTH_THROTTLE_H

#include "auth/auth.h"

/* Counts an attempt, in a transaction of its own. Errors: RESOURCE_EXHAUSTED "RATE_LIMITED": not
 * counted, wait first; the text says how long. */
NODISCARD enum rc aut_throttle_admit(struct auth *auth, struct ctx *ctx, struct str email);
/* The attempt was none: nobody could look at the password. Keeps ctx's failure. */
void aut_throttle_undo(struct auth *auth, struct ctx *ctx, struct str email);
/* Within a transaction: the attempt that was counted was none, and what the account cost at this
 * address is forgiven. */
NODISCARD enum rc aut_throttle_passed(struct auth *auth, struct ctx *ctx, struct str email);
/* Within a transaction, without an attempt: the same forgiveness. */
NODISCARD enum rc aut_throttle_forgive(struct auth *auth, struct ctx *ctx, struct str email);

/* The part of an address that one customer holds: IPv4 whole, IPv6 its /64. In the arena. */
struct str aut_throttle_net(struct arena *arena, struct str peer);

#endif
