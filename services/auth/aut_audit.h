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

#endif
