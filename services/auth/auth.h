/* SPDX-License-Identifier: Apache-2.0
 *
 * State of the auth service and what its files share. Handlers (auth_*) are declared by the
 * generator in auth_rpc.h; SQL lives in aut_store*.c only. */
#ifndef ASSAY_AUTH_AUTH_H
#define ASSAY_AUTH_AUTH_H

#include "auth_rpc.h"
#include "sec/passwd.h"
#include "sec/seal.h"
#include "svc/svc.h"

struct auth_cfg {
    const char *secret_key; /* sealing keys, see sec/seal.h */
    const char *issuer;
    const char *audience;
    int64_t jwt_ttl_us;
    int64_t key_publish_us; /* a new signing key is published for that long before it signs */
    int64_t lease_us;       /* of a gateway's watch */
    int64_t password_slots; /* hashes at once; 0: one per core */
    const char *public_url; /* what links in mails begin with */
    const char *email_from;
    const char *email_dir; /* "": none */
    const char *smtp_url;  /* "": none */
    int smtp_tls;          /* enum smtp_tls */
    const char *smtp_ca;
};

extern const struct cfg_row AUTH_CFG_ROWS[];
extern const size_t AUTH_CFG_COUNT;

struct aut_keys;
struct aut_feed;
struct mailer;

struct auth {
    struct db *db;
    const struct auth_cfg *cfg;
    struct seal_ring *ring;
    struct passwd *passwd;
    struct aut_keys *keys;
    struct aut_feed *feed;
    struct mailer *mailer;    /* NULL: mails wait */
    struct met_metric *mails; /* by result: sent, deferred, given up */
    /* Has the loop of this name run soon: svc_wake, or what a test puts here. */
    void (*wake)(void *arg, const char *name);
    void *wake_arg;
};

/* Names of the loops; the first three are channels too. */
#define AUT_LOOP_REVOCATIONS "revocations"
#define AUT_LOOP_KEYS "signing_keys"
/* In the audit log, of what a command of the service did. */
#define AUT_BY_OPERATOR "by the operator of the server, on its command line"
#define AUT_LOOP_MAIL "auth_mail"
#define AUT_LOOP_SWEEP "auth_sweep"

/* Makes the parts; the schema must be there. `auth` is the caller's; set its `wake` afterwards.
 * Errors: those of the database; INVALID_ARGUMENT, INTERNAL: recorded in ctx. */
NODISCARD enum rc aut_open(struct auth *auth, struct ctx *ctx, struct db *db,
                           const struct auth_cfg *cfg);
void aut_close(struct auth *auth);

/* Runs fn(auth, ctx, arg) in a transaction: commits when it returns OK, else rolls back. */
NODISCARD enum rc aut_in_tx(struct auth *auth, struct ctx *ctx,
                            enum rc (*fn)(struct auth *auth, struct ctx *ctx, void *arg),
                            void *arg);

/* Tells audit (and, by `tell`, others) within the open transaction. `name` may be empty. */
NODISCARD enum rc aut_emit(struct auth *auth, struct ctx *ctx, const char *type, unsigned tell,
                           const char *resource_type, int64_t resource_id, struct str name);

/* Records that the arena is full. */
enum rc aut_no_memory(struct ctx *ctx);
/* OK when `org_id` is the caller's: another organization's id is one that does not exist.
 * Errors: NOT_FOUND. */
NODISCARD enum rc aut_check_org(struct ctx *ctx, int64_t org_id);
/* Text for a required string member: never NULL while the arena has room. */
char *aut_text(struct ctx *ctx, struct str s);
/* OK unless the arena overflowed while the answer was built. */
NODISCARD enum rc aut_check_arena(struct ctx *ctx);

#endif
