/* SPDX-License-Identifier: Apache-2.0
 *
 * A signed-in user: the row that lets a JWT count, and the JWT. */
#ifndef ASSAY_AUTH_SESSION_H
#define ASSAY_AUTH_SESSION_H

#include "auth/aut_store.h"

/* Within a transaction: makes the login and its token. */
NODISCARD enum rc aut_session_begin(struct auth *auth, struct ctx *ctx, const struct aut_user *user,
                                    char **out_token);
/* The user behind the caller's token, as it is now.
 * Errors: UNAUTHENTICATED: gone. */
NODISCARD enum rc aut_session_user(struct auth *auth, struct ctx *ctx, struct aut_user *out);
/* The same, for what only the person may do: a token of the organization must not get its holder
 * more than it was given. Errors: PERMISSION_DENIED. */
NODISCARD enum rc aut_session_person(struct auth *auth, struct ctx *ctx, struct aut_user *out);
/* From here on the caller of this (open) endpoint is known to be the user: for events. */
void aut_session_become(struct ctx *ctx, const struct aut_user *user);

/* The member `user` of answers. */
NODISCARD Assay__User *aut_session_answer(struct ctx *ctx, const struct aut_user *user);

#endif
