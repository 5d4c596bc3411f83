/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of mailed links and of the queue of mails; as aut_store.h. */
#ifndef ASSAY_AUTH_STORE_MAIL_H
#define ASSAY_AUTH_STORE_MAIL_H

#include "auth/aut_mail.h"

/* --- links (kinds VERIFY and RESET) -------------------------------------------------------- */

/* Links of this kind made for the user within the last hour. */
NODISCARD enum rc aut_links_recent(struct db *db, struct ctx *ctx, enum aut_mail_kind kind,
                                   int64_t user_id, int64_t *out);
NODISCARD enum rc aut_links_void(struct db *db, struct ctx *ctx, enum aut_mail_kind kind,
                                 int64_t user_id);
NODISCARD enum rc aut_link_insert(struct db *db, struct ctx *ctx, enum aut_mail_kind kind,
                                  const struct aut_user *user, struct str token, int64_t life_us);
/* Counts the life of a good link from now. *out_good false: it was used or replaced. */
NODISCARD enum rc aut_link_extend(struct db *db, struct ctx *ctx, struct str token, int64_t life_us,
                                  bool *out_good);
NODISCARD enum rc aut_link_exists(struct db *db, struct ctx *ctx, enum aut_mail_kind kind,
                                  struct str token, bool *out);
/* Uses up a good link; *out_user 0: there is none. */
NODISCARD enum rc aut_link_take(struct db *db, struct ctx *ctx, enum aut_mail_kind kind,
                                struct str token, int64_t *out_user, int64_t *out_org);

/* --- mails --------------------------------------------------------------------------------- */

/* Queues `row` (id, attempts, created_us unset) with the open transaction's commit. */
NODISCARD enum rc aut_mail_insert(struct db *db, struct ctx *ctx, const struct aut_mail_row *row);
/* For the admins of an organization, and for `user_id` (0: nobody) if he is a member. */
NODISCARD enum rc aut_mail_insert_notice(struct db *db, struct ctx *ctx, enum aut_mail_kind kind,
                                         int64_t org_id, int64_t user_id, struct str about);
NODISCARD enum rc aut_mail_claim(struct db *db, struct ctx *ctx, int64_t lease_us, bool *out_found,
                                 struct aut_mail_row *out);
NODISCARD enum rc aut_mail_seal(struct db *db, struct ctx *ctx, int64_t id, struct str sealed);
NODISCARD enum rc aut_mail_done(struct db *db, struct ctx *ctx, int64_t id);
NODISCARD enum rc aut_mail_later(struct db *db, struct ctx *ctx, int64_t id, int64_t wait_us,
                                 struct str cause);
NODISCARD enum rc aut_mail_dead(struct db *db, struct ctx *ctx, int64_t id, struct str cause);
/* What the mail of an invite says. *out_good false: it was used, replaced or has expired. */
NODISCARD enum rc aut_invite_facts(struct db *db, struct ctx *ctx, int64_t invite_id,
                                   bool *out_good, struct aut_mail_facts *out);
NODISCARD enum rc aut_org_name(struct db *db, struct ctx *ctx, int64_t org_id, struct str *out);

#endif
