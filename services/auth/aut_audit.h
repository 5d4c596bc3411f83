/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log: entries are added, never changed. */
#ifndef ASSAY_AUTH_AUDIT_H
#define ASSAY_AUTH_AUDIT_H

#include "auth/aut_chain.h"
#include "auth/auth.h"

/* Within a transaction: adds the entry to its organization's chain. Entries of one organization
 * take turns. Fills seq. */
NODISCARD enum rc aut_audit_add(struct db *db, struct ctx *ctx, struct aut_entry *entry);

/* Reads every chain and computes it anew. *out_bad_org 0 and *out_bad_seq 0: all is well; else the
 * first entry that does not fit, or the one after the last when the end is missing. */
struct aut_audit_report {
    int64_t entries;
    int64_t bad_org;
    int64_t bad_seq;
};
NODISCARD enum rc aut_audit_verify(struct db *db, struct ctx *ctx, struct aut_audit_report *out);

/* --- reading ------------------------------------------------------------------------------- */

/* Empty strings and 0 filter nothing. */
struct aut_audit_filter {
    struct str action; /* contained in the type */
    struct str email;  /* of the actor, case ignored */
    struct str resource_type;
    int64_t since_us;
    int64_t limit;
    int64_t offset;
};
/* Absent strings are empty. */
struct aut_audit_row {
    int64_t id;
    int64_t seq;
    struct str email;
    struct str type;
    struct str resource_type;
    struct str resource_id;
    struct str details; /* what happened in words, else the resource's name */
    int64_t at_us;
    struct str peer;
    struct str request_id;
};
/* Those of ctx's organization, the newest first. */
NODISCARD enum rc aut_audit_page(struct db *db, struct ctx *ctx,
                                 const struct aut_audit_filter *filter, struct aut_audit_row **out,
                                 size_t *out_count);
NODISCARD enum rc aut_audit_count(struct db *db, struct ctx *ctx,
                                  const struct aut_audit_filter *filter, int64_t *out);

#endif
