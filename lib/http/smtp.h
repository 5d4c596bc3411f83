/* SPDX-License-Identifier: Apache-2.0
 *
 * Handing a mail to an SMTP server: one blocking delivery per call, over a kept connection.
 *
 * URL: smtp://[user:password@]host[:port] (STARTTLS) or smtps://... (TLS from the first byte); the
 * name of this machine for EHLO may follow as a path. Ports: 25 and 465 unless given.
 *
 * Threads: any; deliveries take turns. Source: RFC 5321, 3207, 4954. */
#ifndef ASSAY_HTTP_SMTP_H
#define ASSAY_HTTP_SMTP_H

#include "base/ctx.h"

enum smtp_tls {
    SMTP_TLS_AUTO,     /* required, except to this very machine */
    SMTP_TLS_REQUIRED, /* a server without STARTTLS gets nothing */
    SMTP_TLS_OFF
};

struct smtp_client_cfg {
    const char *url;
    enum smtp_tls tls;
    const char *ca_file;        /* PEM of trusted roots; NULL or empty: the system's */
    int64_t connect_timeout_us; /* with the greeting; 0: as timeout_us */
    int64_t timeout_us;         /* whole delivery; 0: 30 s. The ctx's deadline shortens it */
};

struct smtp_client;

/* Errors: INVALID_ARGUMENT: *out_why (static) says what is wrong. RESOURCE_EXHAUSTED. */
NODISCARD enum rc smtp_client_new(const struct smtp_client_cfg *cfg, struct smtp_client **out,
                                  const char **out_why);
/* Takes NULL. */
void smtp_client_free(struct smtp_client *client);

/* True for an address that a command can carry: one @, no space, bracket, quote or control. */
bool smtp_is_address(struct str address);

/* Delivers `message` (lines ending in CRLF) to one recipient; OK means that the server has taken
 * responsibility for it.
 *
 * Errors: FAILED_PRECONDITION "RECIPIENT_REFUSED": for good; trying again is no use.
 *         INVALID_ARGUMENT "BAD_ADDRESS": smtp_is_address says no.
 *         UNAVAILABLE "SMTP": not delivered now; err.detail has the status or libcurl's text, never
 *         credentials or the message.
 * Blocks: until the server has answered, or the time-out. */
NODISCARD enum rc smtp_send(struct smtp_client *client, struct ctx *ctx, struct str from,
                            struct str to, struct str message);

#endif
