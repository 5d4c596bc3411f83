/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of webhooks. Strings live in ctx->arena. Errors everywhere: those of the database. */
#ifndef ASSAY_WEBHOOKS_WHK_STORE_H
#define ASSAY_WEBHOOKS_WHK_STORE_H

#include "db/db.h"
#include "webhooks/whk_retry.h"

/* --- endpoints of the caller's organization (whk_store.c) ---------------------------------- */

/* What receives. Webhooks are what the API calls so; the others come from the settings. */
#define WHK_KIND_WEBHOOK "webhook"
#define WHK_KIND_SLACK "slack"
#define WHK_KIND_TEAMS "teams"
#define WHK_KIND_GITHUB "github"

struct whk_endpoint {
    int64_t id;
    char *name; /* NULL: none */
    char *url;
    struct str *event_types;
    size_t event_type_count;
    bool enabled;
    int64_t created_us;
    char *disabled_reason;    /* NULL: was not switched off by itself */
    int64_t failing_since_us; /* 0: is well */
};

/* The secret is stored by a second call, because it is sealed for the row's id. In a transaction.
 */
NODISCARD enum rc whk_endpoint_insert(struct db *db, struct ctx *ctx, const char *name,
                                      const char *url, const struct str *types, size_t type_count,
                                      struct whk_endpoint *out);
NODISCARD enum rc whk_endpoint_set_secret(struct db *db, struct ctx *ctx, int64_t id,
                                          struct str sealed);
/* The secret so far signs too for `overlap_us`. *out_name as in whk_endpoint_delete. Errors:
 * NOT_FOUND. */
NODISCARD enum rc whk_endpoint_rotate(struct db *db, struct ctx *ctx, int64_t id, struct str sealed,
                                      int64_t overlap_us, struct str *out_name);
/* Newest first. */
NODISCARD enum rc whk_endpoint_list(struct db *db, struct ctx *ctx, struct whk_endpoint **out,
                                    size_t *out_count);
/* Errors: NOT_FOUND. */
NODISCARD enum rc whk_endpoint_get(struct db *db, struct ctx *ctx, int64_t id,
                                   struct whk_endpoint *out);
/* Holds up other creations of the organization until the transaction ends. */
NODISCARD enum rc whk_endpoint_count(struct db *db, struct ctx *ctx, int64_t *out);

struct whk_change {
    const char *url;  /* NULL: stays */
    const char *name; /* NULL: stays, unless ... */
    bool clears_name;
    bool has_enabled, enabled;
};
/* Errors: NOT_FOUND. */
NODISCARD enum rc whk_endpoint_update(struct db *db, struct ctx *ctx, int64_t id,
                                      const struct whk_change *change, struct whk_endpoint *out);
/* Errors: NOT_FOUND. */
NODISCARD enum rc whk_endpoint_subscribe(struct db *db, struct ctx *ctx, int64_t id,
                                         const struct str *types, size_t type_count,
                                         struct str *out_name);
/* Its deliveries go with it. *out_name is the name, or the URL of one without. Errors: NOT_FOUND.
 */
NODISCARD enum rc whk_endpoint_delete(struct db *db, struct ctx *ctx, int64_t id,
                                      struct str *out_name);

/* --- settings (whk_store_settings.c) ------------------------------------------------------- */

struct whk_setting {
    struct str name;
    struct str value; /* p == NULL: it is sealed */
    struct str sealed;
};

/* Those of ctx's organization, in no order. */
NODISCARD enum rc whk_settings_list(struct db *db, struct ctx *ctx, struct whk_setting **out,
                                    size_t *out_count);
/* Until the transaction ends nobody else changes them. */
NODISCARD enum rc whk_settings_lock(struct db *db, struct ctx *ctx);
/* An empty value and no sealed one clear. */
NODISCARD enum rc whk_setting_put(struct db *db, struct ctx *ctx,
                                  const struct whk_setting *setting);
/* Makes the endpoint of a kind, or begins it anew. In a transaction; its secret follows. */
NODISCARD enum rc whk_kind_put(struct db *db, struct ctx *ctx, const char *kind,
                               const struct str *types, size_t type_count, int64_t *out_id);
NODISCARD enum rc whk_kind_drop(struct db *db, struct ctx *ctx, const char *kind);
/* Those of the caller's organization that were switched off are on again; *out_revived: there was
 * one. */
NODISCARD enum rc whk_kinds_revive(struct db *db, struct ctx *ctx, const struct str *kinds,
                                   size_t count, bool *out_revived);

/* --- deliveries (whk_store_deliveries.c) --------------------------------------------------- */

struct whk_event {
    struct str id; /* uuid */
    int64_t org_id;
    struct str type, body;
    struct str order_key; /* empty: none */
};

/* One delivery of each event for every endpoint that is subscribed; safe to repeat. *out_made
 * counts new ones. */
NODISCARD enum rc whk_fan_out(struct db *db, struct ctx *ctx, const struct whk_event *events,
                              size_t n, int64_t *out_made);
/* A delivery for this endpoint, whatever it is subscribed to. Errors: NOT_FOUND. */
NODISCARD enum rc whk_force(struct db *db, struct ctx *ctx, int64_t endpoint_id,
                            struct str event_id, const char *type, struct str body,
                            int64_t *out_id);
/* A new delivery of the event of an old one. Errors: NOT_FOUND. In a transaction. */
NODISCARD enum rc whk_again(struct db *db, struct ctx *ctx, int64_t endpoint_id,
                            int64_t delivery_id, int64_t *out_id);
/* Errors: NOT_FOUND. */
NODISCARD enum rc whk_delivery_exists(struct db *db, struct ctx *ctx, int64_t endpoint_id,
                                      int64_t delivery_id);

struct whk_delivery {
    int64_t id;
    char *event_id, *event_type, *state, *response_excerpt, *error; /* the last two may be NULL */
    struct str payload;
    int64_t attempt, response_status, took_ms, created_us, delivered_us, next_us; /* 0: none */
    bool is_replay;
};

/* Those below id `before`, newest first, as many as fit into one answer. */
NODISCARD enum rc whk_delivery_list(struct db *db, struct ctx *ctx, int64_t endpoint_id,
                                    int64_t before, struct whk_delivery **out, size_t *out_count);

/* One attempt that this process has to make. */
struct whk_job {
    int64_t delivery_id, endpoint_id, org_id;
    struct str kind, url, secret, old_secret; /* sealed; old_secret empty: signs no more */
    struct str event_id, event_type, body;
    int64_t attempt; /* from 1 */
    bool failing;    /* the endpoint's last attempt had failed */
};

/* How many more requests an endpoint with some under way may have. */
struct whk_room {
    int64_t *endpoints, *rooms; /* count entries each; endpoints that are not named have one */
    size_t count;
};

struct whk_claim {
    int64_t after; /* endpoints above this id */
    struct whk_room room;
    int64_t limit;
    bool failing; /* endpoints whose last attempt failed, or the others */
    const struct str *kinds;
    size_t kind_count;
    int64_t lease_us; /* so long nobody else makes the attempt */
    const struct whk_retry *retry;
    bool is_planned; /* outcomes were stored in this transaction, or it has claimed before */
};

/* Claims attempts that are due. In a transaction; not to be made before its commit. */
NODISCARD enum rc whk_claim(struct db *db, struct ctx *ctx, const struct whk_claim *claim,
                            struct whk_job **out, size_t *out_count);

enum whk_end {
    WHK_RETRY = 0, /* is tried again, if there are attempts left */
    WHK_DELIVERED = 1,
    WHK_REFUSED = 2 /* no use to try again */
};

/* What became of an attempt. */
struct whk_outcome {
    int64_t delivery_id, endpoint_id, attempt;
    bool was_failing; /* of the job */
    enum whk_end end;
    bool gone;  /* the receiver wants no more */
    int status; /* 0: no answer */
    struct str excerpt;
    struct str error;
    int64_t took_us;
    int64_t retry_after_us;
};

/* An endpoint that has had its time. */
struct whk_hopeless {
    int64_t endpoint_id;
    bool gone;                      /* the receiver said so */
    const struct whk_outcome *last; /* of the outcomes that were stored */
};

/* Stores outcomes and what they say of their endpoints; nothing of an attempt that somebody else
 * has made again by now. In a transaction. */
NODISCARD enum rc whk_record(struct db *db, struct ctx *ctx, const struct whk_outcome *outcomes,
                             size_t n, const struct whk_retry *retry, int64_t disable_after_us,
                             struct whk_hopeless **out, size_t *out_count);

struct whk_disabled {
    int64_t org_id, created_by; /* 0: nobody */
    struct str name;            /* as in whk_endpoint_delete; of others than webhooks the kind */
    struct str kind;
};
/* Notes why it was disabled and gives up what waits. *out_done false: it was already. In a
 * transaction. */
NODISCARD enum rc whk_disable(struct db *db, struct ctx *ctx, int64_t id, const char *reason,
                              struct whk_disabled *out, bool *out_done);
/* Ends last attempts that were interrupted, deletes what is older than 30 days. *out_more: there
 * may be more to delete. */
NODISCARD enum rc whk_tidy(struct db *db, struct ctx *ctx, const struct whk_retry *retry,
                           bool *out_more);

#endif
