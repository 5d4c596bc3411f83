/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of auth: one function per statement, plain structs in and out. Strings live in ctx's
 * arena. Errors not named are those of lib/db. */
#ifndef ASSAY_AUTH_STORE_H
#define ASSAY_AUTH_STORE_H

#include "auth/auth.h"
#include "sec/hash.h"

/* --- users --------------------------------------------------------------------------------- */

struct aut_user {
    int64_t id;
    int64_t org_id;
    struct str email;
    enum role role;
    bool email_verified;
    int64_t created_us;
    struct str phc;    /* empty in lists */
    int64_t member_id; /* in lists, and of aut_member_get */
};

NODISCARD enum rc aut_users_exist(struct db *db, struct ctx *ctx, bool *out);
/* Waits until no other first user is being made; held to the end of the transaction. */
NODISCARD enum rc aut_setup_lock(struct db *db, struct ctx *ctx);
/* Registrations share it with one another, not with a first user being made. */
NODISCARD enum rc aut_register_lock(struct db *db, struct ctx *ctx);
/* Makes an organization with its default project. */
NODISCARD enum rc aut_org_insert(struct db *db, struct ctx *ctx, struct str name, int64_t *out_id);
/* Changes of the members of an organization take turns. */
NODISCARD enum rc aut_org_lock(struct db *db, struct ctx *ctx, int64_t org_id);
NODISCARD enum rc aut_org_delete(struct db *db, struct ctx *ctx, int64_t org_id);
/* Fills id and created_us. Errors: ALREADY_EXISTS: the e-mail. */
NODISCARD enum rc aut_user_insert(struct db *db, struct ctx *ctx, struct aut_user *user);
NODISCARD enum rc aut_user_by_email(struct db *db, struct ctx *ctx, struct str email,
                                    bool *out_found, struct aut_user *out);
/* Errors: UNAUTHENTICATED: no such user (any more). */
NODISCARD enum rc aut_user_get(struct db *db, struct ctx *ctx, int64_t id, int64_t org_id,
                               struct aut_user *out);
/* Within a transaction: nobody changes the user's password until it ends. *out_same false: somebody
 * did since `user` was read, or the user is gone. */
NODISCARD enum rc aut_user_lock(struct db *db, struct ctx *ctx, const struct aut_user *user,
                                bool *out_same);
NODISCARD enum rc aut_user_set_password(struct db *db, struct ctx *ctx, const struct aut_user *user,
                                        const char *phc);
/* The address is the user's: it was proved by a mailed link. */
NODISCARD enum rc aut_user_verify(struct db *db, struct ctx *ctx, const struct aut_user *user);
/* Those of the ids that no user has. */
NODISCARD enum rc aut_users_gone(struct db *db, struct ctx *ctx, const int64_t *ids, size_t count,
                                 int64_t **out, size_t *out_count);
NODISCARD enum rc aut_user_delete(struct db *db, struct ctx *ctx, const struct aut_user *user);
/* Members and admins besides this user. */
NODISCARD enum rc aut_others_count(struct db *db, struct ctx *ctx, const struct aut_user *user,
                                   int64_t *out_members, int64_t *out_admins);
struct aut_org {
    int64_t id;
    struct str name;
    int64_t created_us;
};
/* Errors: UNAUTHENTICATED: gone. */
NODISCARD enum rc aut_org_get(struct db *db, struct ctx *ctx, struct aut_org *out);
/* Renames ctx's organization. */
NODISCARD enum rc aut_org_rename(struct db *db, struct ctx *ctx, struct str name,
                                 struct str *out_old);
/* Users of ctx's organization, the newest first. */
NODISCARD enum rc aut_users_of_org(struct db *db, struct ctx *ctx, struct aut_user **out,
                                   size_t *out_count);
/* A member of ctx's organization. Errors: NOT_FOUND. */
NODISCARD enum rc aut_member_get(struct db *db, struct ctx *ctx, int64_t member_id,
                                 struct aut_user *out);
NODISCARD enum rc aut_member_has(struct db *db, struct ctx *ctx, struct str email, bool *out);

struct aut_session_defaults {
    struct str timeout;     /* p NULL: unset */
    struct str permissions; /* p NULL: unset */
    bool has_overage;
    bool overage;
};
NODISCARD enum rc aut_session_defaults(struct db *db, struct ctx *ctx,
                                       struct aut_session_defaults *out);
/* Changes what is set in *inout; on return it holds all. */
NODISCARD enum rc aut_session_defaults_set(struct db *db, struct ctx *ctx,
                                           struct aut_session_defaults *inout);

struct aut_invite {
    int64_t id;
    struct str email;
    enum role role;
    int64_t expires_us;
};
/* Makes the invite of ctx's user, voiding earlier ones for the address; fills id and expires_us. */
NODISCARD enum rc aut_invite_insert(struct db *db, struct ctx *ctx, struct str token,
                                    struct aut_invite *invite);
/* Uses up an invite. *out_ok false: unknown, expired, used, replaced or another's. */
NODISCARD enum rc aut_invite_take(struct db *db, struct ctx *ctx, struct str token,
                                  struct str email, bool *out_ok, int64_t *out_org,
                                  enum role *out_role);

/* --- logins -------------------------------------------------------------------------------- */

NODISCARD enum rc aut_login_insert(struct db *db, struct ctx *ctx, const struct aut_user *user,
                                   const char *jti, int64_t expires_us);
/* Who a JWT stands for now. *out_ok false: the login or its user is gone. */
struct aut_who {
    int64_t epoch;
    struct principal who;
    int64_t expires_us; /* 0: does not */
    bool stamp;         /* the token's last use should be recorded */
};
NODISCARD enum rc aut_login_check(struct db *db, struct ctx *ctx, struct str jti, int64_t user_id,
                                  int64_t org_id, bool *out_ok, struct aut_who *out);
/* Ends all logins of the user but `keep` (a jti, or empty: all). */
NODISCARD enum rc aut_logins_end(struct db *db, struct ctx *ctx, int64_t user_id, struct str keep);

/* --- tokens -------------------------------------------------------------------------------- */

struct aut_token {
    int64_t id;
    enum token_kind kind;
    int64_t project_id; /* 0: none */
    enum role role;     /* NONE: that of the user */
    struct str name;    /* p NULL: none */
    struct str shown;
    struct str email; /* of its user */
    bool used;
    int64_t created_us;
    int64_t last_used_us; /* 0: never */
    struct str project;   /* p NULL: none */
};

/* Stores the digest of `text`, acting for ctx's user; fills id and created_us. */
NODISCARD enum rc aut_token_insert(struct db *db, struct ctx *ctx, struct str text,
                                   struct aut_token *token);
NODISCARD enum rc aut_personal_tokens(struct db *db, struct ctx *ctx, struct aut_token **out,
                                      size_t *out_count);
/* Of the organization; of one project, its SDK tokens, unless `project_id` is 0. */
NODISCARD enum rc aut_org_tokens(struct db *db, struct ctx *ctx, int64_t project_id,
                                 struct aut_token **out, size_t *out_count);
/* Deletes a personal token of ctx's user, or one of ctx's organization. *out_found tells. */
NODISCARD enum rc aut_token_delete(struct db *db, struct ctx *ctx, bool personal, int64_t id,
                                   bool *out_found, struct aut_token *out);
NODISCARD enum rc aut_token_exists(struct db *db, struct ctx *ctx, bool personal, int64_t id,
                                   bool *out);
NODISCARD enum rc aut_token_check(struct db *db, struct ctx *ctx, struct str text, bool *out_ok,
                                  struct aut_who *out);
NODISCARD enum rc aut_token_used(struct db *db, struct ctx *ctx, int64_t id);
/* The names behind ctx's principal. */
struct aut_context {
    struct str token_uuid; /* empty: a JWT */
    struct str token_name;
    struct str org_uuid, org_name, org_slug;
    struct str project_uuid, project_name, project_slug;
    struct str user_uuid, user_name;
};
/* Errors: UNAUTHENTICATED: gone. */
NODISCARD enum rc aut_context(struct db *db, struct ctx *ctx, struct aut_context *out);
/* The project of this name (made when there is none), or the default one for an empty name. */
NODISCARD enum rc aut_project(struct db *db, struct ctx *ctx, struct str name, int64_t *out_id);
/* The project of this slug that the caller sees, in the organization of that one (NULL: whatever it
 * is called). Errors: NOT_FOUND. */
NODISCARD enum rc aut_project_slugged(struct db *db, struct ctx *ctx, const char *organization,
                                      const char *slug, int64_t *out_id);
/* Whom an SDK token of the project acts for. Errors: NOT_FOUND. */
NODISCARD enum rc aut_project_token_owner(struct db *db, struct ctx *ctx, int64_t project_id,
                                          int64_t token_id, int64_t *out_user_id);

/* --- throttle ------------------------------------------------------------------------------ */

NODISCARD enum rc aut_throttle_blocked(struct db *db, struct ctx *ctx, const struct str *keys,
                                       size_t count, int64_t *out_us);
/* Within a transaction: counts an attempt under each key. *out_ok false: one is blocked, and the
 * transaction must not be committed. */
NODISCARD enum rc aut_throttle_take(struct db *db, struct ctx *ctx, const struct str *keys,
                                    const int64_t *allowed, const int64_t *cap_s, size_t count,
                                    bool *out_ok);
NODISCARD enum rc aut_throttle_give_back(struct db *db, struct ctx *ctx, const struct str *keys,
                                         size_t count);
NODISCARD enum rc aut_throttle_remove(struct db *db, struct ctx *ctx, const struct str *keys,
                                      size_t count);

/* --- signing keys -------------------------------------------------------------------------- */

struct aut_key_row {
    struct str kid;
    struct str sealed;
    bool signs; /* its time has come */
};

NODISCARD enum rc aut_keys_lock(struct db *db, struct ctx *ctx);
/* Those to publish, the newest first. */
NODISCARD enum rc aut_keys_live(struct db *db, struct ctx *ctx, struct aut_key_row **out,
                                size_t *out_count);
NODISCARD enum rc aut_key_insert(struct db *db, struct ctx *ctx, struct str kid, struct str sealed,
                                 int64_t sign_after_us);
NODISCARD enum rc aut_keys_retire_others(struct db *db, struct ctx *ctx, struct str kid,
                                         int64_t after_us);

/* --- revocations and gateways -------------------------------------------------------------- */

struct aut_revocation {
    int64_t user_id;
    int64_t token_id;
    int64_t org_id;
};

NODISCARD enum rc aut_revocation_insert(struct db *db, struct ctx *ctx,
                                        const struct aut_revocation *what, int64_t *out_epoch);
/* Revocations after `epoch`. *out_all: more than `max`, or some are no longer kept. */
NODISCARD enum rc aut_revocations_since(struct db *db, struct ctx *ctx, int64_t epoch, size_t max,
                                        int64_t *out_epoch, struct aut_revocation **out,
                                        size_t *out_count, bool *out_all);
/* Renews a gateway's lease; *out_news: it has acked more than before. */
NODISCARD enum rc aut_watch_renew(struct db *db, struct ctx *ctx, struct str gateway, int64_t acked,
                                  int64_t lease_us, bool *out_news);
/* Gateways with a live lease that have not acked `epoch`. */
NODISCARD enum rc aut_watch_behind(struct db *db, struct ctx *ctx, int64_t epoch, int64_t *out);

/* Removes what nobody needs any more, a little at a time. */
NODISCARD enum rc aut_sweep(struct db *db, struct ctx *ctx);

#endif
