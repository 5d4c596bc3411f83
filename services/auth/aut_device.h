/* SPDX-License-Identifier: Apache-2.0
 *
 * Sign-ins of command lines: requests by the device flow (RFC 8628), and the tokens they end in. A
 * request is known by a device code, which the line keeps, and a user code, which a person types.
 * Secrets are given in clear and kept as digests. Errors not named are those of lib/db. */
#ifndef ASSAY_AUTH_DEVICE_H
#define ASSAY_AUTH_DEVICE_H

#include "auth/aut_store.h"

/* Consonants without those that look alike: no word comes of them. Source: RFC 8628, 6.1. */
#define AUT_USER_CODE_LETTERS "BCDFGHJKLMNPQRSTVWXZ"
#define AUT_USER_CODE_LEN 8
#define AUT_DEVICE_LIFE_US (900 * ASSAY_US_PER_S)
/* A refresh token that is used again that soon comes from a second command beside the first. */
#define AUT_REFRESH_GRACE_US (10 * ASSAY_US_PER_S)

enum aut_device_state {
    AUT_DEVICE_PENDING,
    AUT_DEVICE_APPROVED,
    AUT_DEVICE_DENIED,
    AUT_DEVICE_USED
};

/* A new user code, letters only. */
void aut_user_code_new(char out[AUT_USER_CODE_LEN + 1]);
/* What a person typed, without case and what stands between the letters. False: no code. */
bool aut_user_code_parse(struct str text, char out[AUT_USER_CODE_LEN + 1]);
/* "BCDF-GHJK", in the arena. */
struct str aut_user_code_shown(struct arena *arena, const char *code);

/* *out_taken: another request has this user code, nothing was stored. */
NODISCARD enum rc aut_device_insert(struct db *db, struct ctx *ctx, struct str device,
                                    const char *code, struct str agent, bool *out_taken);
struct aut_device {
    enum aut_device_state state;
    bool over;
    int64_t org_id, user_id;
};
/* An approved one is AUT_DEVICE_USED afterwards. *out_found false: unknown. */
NODISCARD enum rc aut_device_poll(struct db *db, struct ctx *ctx, struct str device,
                                  bool *out_found, struct aut_device *out);
struct aut_device_asker {
    struct str agent, peer;
    int64_t asked_us;
};
/* For ctx's user, who may decide with `ticket`. *out_found false: no such request that is open. */
NODISCARD enum rc aut_device_look(struct db *db, struct ctx *ctx, const char *code,
                                  struct str ticket, bool *out_found, struct aut_device_asker *out);
NODISCARD enum rc aut_device_decide(struct db *db, struct ctx *ctx, struct str ticket,
                                    enum aut_device_state state, bool *out_found,
                                    struct aut_device *out);

/* --- tokens */

struct aut_cli_login {
    int64_t token_id, org_id, user_id;
    bool over;      /* too late */
    bool used;      /* before */
    int64_t ago_us; /* when it was used */
};
/* Within a transaction: a personal token of ctx's user expires. */
NODISCARD enum rc aut_cli_token_lasts(struct db *db, struct ctx *ctx, int64_t token_id,
                                      int64_t life_us, int64_t *out_expires_us);
/* Another text and another time for a token. */
NODISCARD enum rc aut_cli_token_renew(struct db *db, struct ctx *ctx, int64_t token_id,
                                      struct str text, struct str shown, int64_t life_us,
                                      int64_t *out_expires_us);
NODISCARD enum rc aut_cli_token_end(struct db *db, struct ctx *ctx, int64_t token_id,
                                    struct str *out_name);
NODISCARD enum rc aut_cli_refresh_insert(struct db *db, struct ctx *ctx, int64_t token_id,
                                         struct str text, int64_t life_us);
/* What a refresh token renews; it is used up. *out_found false: unknown, or the token is gone. */
NODISCARD enum rc aut_cli_refresh_take(struct db *db, struct ctx *ctx, struct str text,
                                       bool *out_found, struct aut_cli_login *out);
struct aut_cli_user {
    char *uuid, *name, *email;
};
/* ctx's user. Errors: UNAUTHENTICATED: gone. */
NODISCARD enum rc aut_cli_user(struct db *db, struct ctx *ctx, struct aut_cli_user *out);

#endif
