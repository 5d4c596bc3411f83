/* SPDX-License-Identifier: Apache-2.0
 *
 * Mails: written as MIME messages with a text and an HTML part, handed to an SMTP server or put
 * into a folder, one .eml file each.
 *
 * Threads: any. Source: RFC 5322, 2045-2047, 3834. */
#ifndef ASSAY_MAIL_MAIL_H
#define ASSAY_MAIL_MAIL_H

#include "http/smtp.h"

struct mail_message {
    struct str to;         /* an address */
    struct str subject;    /* any text of one line */
    struct str text;       /* lines end in LF */
    struct str html;       /* a whole document; text of others must have been escaped */
    struct str message_id; /* a UUID: the same again when a mail is sent again */
    int64_t date_us;
};

/* Appends the message as it travels: CRLF, 7 bits, no line over 78 bytes that could be folded.
 * `from`: "address" or "Name <address>". */
void mail_put_message(struct buf *b, struct str from, const struct mail_message *m);
/* Appends `text` with the five characters that mean something to HTML escaped. */
void mail_put_html(struct buf *b, struct str text);
/* The address in "address" or "Name <address>"; empty when there is none that mail can be sent to.
 */
struct str mail_address_of(struct str from);

struct mailer_cfg {
    const char *from;
    const char *dir;             /* folder of the sink; empty: none */
    struct smtp_client_cfg smtp; /* url empty: none; used before the folder */
};

struct mailer;

/* *out is NULL when there is neither a folder nor a server: mail is off.
 * Errors: INVALID_ARGUMENT: recorded, names the setting. RESOURCE_EXHAUSTED. */
NODISCARD enum rc mailer_open(const struct mailer_cfg *cfg, struct ctx *ctx, struct mailer **out);
/* Takes NULL. */
void mailer_close(struct mailer *mailer);
/* Sends one mail; a mail that is sent again overwrites its own file in the sink.
 * Errors: those of smtp_send; UNAVAILABLE "MAIL_SINK": the folder cannot be written.
 * Blocks: as smtp_send. */
NODISCARD enum rc mailer_send(struct mailer *mailer, struct ctx *ctx, const struct mail_message *m);

#endif
