/* SPDX-License-Identifier: Apache-2.0
 *
 * Mails that auth sends. A request only queues a row in its transaction; a loop writes the mail and
 * hands it to a server, again and again until one takes it. So no mail is lost with a process, and
 * a slow server slows no request. A mail whose server took it as the process died goes out twice,
 * with one Message-ID and the same link.
 *
 * What is asked of an address (verify, reset) is queued without looking whether somebody has it:
 * the request tells nothing by its time. The loop looks.
 *
 * Threads: any. */
#ifndef ASSAY_AUTH_MAIL_H
#define ASSAY_AUTH_MAIL_H

#include "auth/aut_store.h"

/* Numbers of the columns `kind`. */
enum aut_mail_kind {
    AUT_MAIL_VERIFY = 1,
    AUT_MAIL_RESET = 2,
    AUT_MAIL_INVITE = 3,
    AUT_MAIL_PASSWORD_CHANGED = 4,
    AUT_MAIL_REMOVED = 5,
    AUT_MAIL_WEBHOOK_DISABLED = 6 /* to admins; goes out by aut_notice_queue */
};

struct aut_mail {
    enum aut_mail_kind kind;
    int64_t org_id; /* 0: not known */
    struct str email;
    int64_t invite_id; /* of an INVITE */
    struct str token;  /* of an INVITE's link; others are made when the mail is written */
};

/* How long the links of mails are good. */
#define AUT_VERIFY_LINK_US (24 * 3600 * ASSAY_US_PER_S)
#define AUT_RESET_LINK_US (3600 * ASSAY_US_PER_S)

/* Opens the transport that the settings name; none is not an error, and said in the log.
 * Errors: INVALID_ARGUMENT: recorded. */
NODISCARD enum rc aut_mail_open(struct auth *auth, struct ctx *ctx);
/* Within a transaction. */
NODISCARD enum rc aut_mail_queue(struct auth *auth, struct ctx *ctx, const struct aut_mail *mail);
/* Queues the mails that an event of another service asks for: "webhook.disabled" one for each admin
 * of the organization and whoever made the webhook. Nothing for other types, and nothing when the
 * event's data cannot be read: the audit log has it all the same. Within a transaction that has not
 * seen the event before. */
NODISCARD enum rc aut_notice_queue(struct auth *auth, struct ctx *ctx, int64_t org_id,
                                   struct str type, struct str data);
/* Sends the mail that is due for longest, if any; true when there was one. Without a transport
 * mails wait. Blocks: on the mail server. */
NODISCARD bool aut_mail_run(struct auth *auth, struct ctx *ctx);

/* What an operator does for somebody who can get no mail: makes a link that sets a new password,
 * and tells audit. The text begins with `base`, or tells the path alone when that is empty. Errors:
 * NOT_FOUND: nobody has this address. */
NODISCARD enum rc aut_recover(struct db *db, struct ctx *ctx, const char *base, struct str email,
                              struct str *out_link);

/* A row of the queue. */
struct aut_mail_row {
    int64_t id;
    struct str message_id;
    enum aut_mail_kind kind;
    int64_t org_id;
    struct str email;
    int64_t invite_id;
    struct str sealed; /* p NULL: no link yet */
    struct str request_id;
    struct str peer;
    int64_t attempts; /* with this one */
    int64_t created_us;
    struct str about; /* of a notice: the event's data */
};

/* What a mail says; strings in ctx's arena. `link` is empty for notices. */
struct aut_mail_facts {
    struct str email;
    struct str org_name;                       /* invite, removed, webhook disabled */
    struct str inviter;                        /* invite; empty: gone */
    enum role role;                            /* invite */
    struct str webhook, webhook_id, why, last; /* webhook disabled */
    struct str remedy;                         /* the same: what to do */
};
struct aut_mail_text {
    struct str subject;
    struct str text;
    struct str html;
};
NODISCARD enum rc aut_mail_write(struct ctx *ctx, enum aut_mail_kind kind,
                                 const struct aut_mail_facts *facts, struct str link,
                                 struct aut_mail_text *out);
/* Reads what the event of a notice says. Errors: DATA_LOSS: it is no such event. */
NODISCARD enum rc aut_notice_read(struct ctx *ctx, struct str about, struct aut_mail_facts *out);
/* The address a mailed token is used at, below `base`; of a notice, where to look. */
struct str aut_mail_link(struct ctx *ctx, const char *base, enum aut_mail_kind kind,
                         struct str token);

#endif
