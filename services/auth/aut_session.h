/* SPDX-License-Identifier: Apache-2.0
 *
 * A signed-in user: the row that lets a JWT count, and the JWT. */
#ifndef ASSAY_AUTH_SESSION_H
#define ASSAY_AUTH_SESSION_H

#include "auth/aut_store.h"

/* Within a transaction: makes the login and its token. */
NODISCARD enum rc aut_session_begin(struct auth *auth, struct ctx *ctx, const struct aut_user *user,
                                    char **out_token);
/* A sign-in that begins no session: whose e-mail and password these are. The caller is that user
 * from here on. Opens its own transactions.
 * Errors: UNAUTHENTICATED "INVALID_CREDENTIALS", RESOURCE_EXHAUSTED "RATE_LIMITED". */
NODISCARD enum rc aut_session_prove(struct auth *auth, struct ctx *ctx, struct str email,
                                    struct str password, struct aut_user *out);
/* The user behind the caller's token, as it is now.
 * Errors: UNAUTHENTICATED: gone. */
NODISCARD enum rc aut_session_user(struct auth *auth, struct ctx *ctx, struct aut_user *out);
/* The same, for what only the person may do: a token of the organization must not get its holder
 * more than it was given. Errors: PERMISSION_DENIED. */
NODISCARD enum rc aut_session_person(struct auth *auth, struct ctx *ctx, struct aut_user *out);
/* From here on the caller of this (open) endpoint is known to be the user: for events. */
void aut_session_become(struct ctx *ctx, const struct aut_user *user);

/* Within a transaction that changed the user's password: ends every login but `keep` (a jti, or
 * empty), forgives what failed guesses cost, tells the user by mail, revokes. */
NODISCARD enum rc aut_password_changed(struct auth *auth, struct ctx *ctx,
                                       const struct aut_user *user, struct str keep,
                                       int64_t *epoch);
/* The text for an e-mail that is taken, where `rc` says so; else rc. */
enum rc aut_email_taken(struct ctx *ctx, enum rc rc);
void aut_session_fill(struct ctx *ctx, const struct aut_user *user, Assay__User *m);
/* The member `user` of answers. */
NODISCARD Assay__User *aut_session_answer(struct ctx *ctx, const struct aut_user *user);

#endif
