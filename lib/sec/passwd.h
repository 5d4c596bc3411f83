/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords: Argon2id in PHC strings, with a bounded number of hashes at once, because each costs
 * 19 MiB and about 20 ms of one core. Source: RFC 9106; OWASP, m=19456 t=2 p=1.
 *
 * Threads: any number. Blocks: until a slot is free, the ctx's deadline at most; then 20 ms. */
#ifndef ASSAY_SEC_PASSWD_H
#define ASSAY_SEC_PASSWD_H

#include "base/ctx.h"

#define PASSWD_PHC_MAX 128

struct passwd;

/* `slots`: hashes at once (number of cores); `queue_max`: callers that may wait for one.
 * Errors: RESOURCE_EXHAUSTED: no memory. */
NODISCARD enum rc passwd_open(int slots, int queue_max, struct passwd **out);
/* Takes NULL. No thread may be inside. */
void passwd_close(struct passwd *pw);

/* Hashes with a fresh salt.
 * Errors: RESOURCE_EXHAUSTED, reason "BUSY": the queue is full. DEADLINE_EXCEEDED. */
NODISCARD enum rc passwd_hash(struct passwd *pw, struct ctx *ctx, struct str password,
                              char out[PASSWD_PHC_MAX]);
/* True in *out_ok when the password fits `phc`. An empty `phc` (no such account) costs the same and
 * gives false. *out_rehash (may be NULL): fits, but was made with weaker settings.
 * Errors: as passwd_hash. INTERNAL: not an Argon2 string. */
NODISCARD enum rc passwd_verify(struct passwd *pw, struct ctx *ctx, struct str password,
                                struct str phc, bool *out_ok, bool *out_rehash);

#endif
