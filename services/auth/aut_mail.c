/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of mails and its loop. */
#include "auth/aut_mail.h"

#include <stdio.h>

#include "auth/aut_store_mail.h"
#include "base/id.h"
#include "mail/mail.h"
#include "sec/token.h"

#define LEASE_US (300 * ASSAY_US_PER_S)
#define GIVE_UP_US (3 * 24 * 3600 * ASSAY_US_PER_S)
#define LINKS_PER_HOUR 5
#define CAUSE_MAX 200

enum rc
aut_mail_open(struct auth *auth, struct ctx *ctx)
{
    const struct auth_cfg *cfg = auth->cfg;
    struct mailer_cfg mc = {.from = cfg->email_from,
                            .dir = cfg->email_dir,
                            .smtp = {.url = cfg->smtp_url,
                                     .tls = (enum smtp_tls)cfg->smtp_tls,
                                     .ca_file = cfg->smtp_ca}};
    enum rc rc = mailer_open(&mc, ctx, &auth->mailer);

    if (rc == RC_OK && auth->mailer != NULL && str_z(cfg->public_url).n == 0) {
        return fail(ctx, RC_INVALID_ARGUMENT, "PUBLIC_URL",
                    "ASSAY_PUBLIC_URL must be set: links in mails begin with it");
    }
    if (rc == RC_OK && auth->mailer == NULL) {
        log_line(LOG_WARN_LEVEL, NULL, "mail_off",
                 "no mail is sent until ASSAY_SMTP_URL or ASSAY_EMAIL_DIR is set");
    }
    return rc;
}

/* --- queueing ------------------------------------------------------------------------------ */

static struct str
place_of(struct ctx *ctx, struct str message_id)
{
    return arena_printf(ctx->arena, "mail:%.*s", STR_ARG(message_id));
}

enum rc
aut_mail_queue(struct auth *auth, struct ctx *ctx, const struct aut_mail *mail)
{
    char id[ID_UUID_LEN + 1] = "";
    struct aut_mail_row row = {.message_id = str_n(id, ID_UUID_LEN),
                               .kind = mail->kind,
                               .org_id = mail->org_id,
                               .email = mail->email,
                               .invite_id = mail->invite_id,
                               .request_id = ctx->request_id,
                               .peer = ctx->peer};
    enum rc rc = RC_OK;

    id_uuid(id);
    if (mail->token.n > 0) {
        rc = seal_seal(auth->ring, ctx, place_of(ctx, row.message_id), mail->token, &row.sealed);
    }
    if (rc == RC_OK) {
        rc = aut_mail_insert(auth->db, ctx, &row);
    }
    return rc == RC_OK ? db_notify(auth->db, ctx, AUT_LOOP_MAIL, STR_EMPTY) : rc;
}

/* --- what a mail says ---------------------------------------------------------------------- */

/* A mail on its way out. */
struct outgoing {
    struct aut_mail_row row;
    struct aut_mail_facts facts;
    struct str token; /* of its link; empty: none */
    bool wanted;      /* false: nobody is to get it */
};

/* The user whom a link is for. The first time it is told to audit, under the request that asked. */
static enum rc
tell_request(struct auth *auth, struct ctx *ctx, const struct outgoing *out,
             const struct aut_user *user)
{
    struct ctx as = *ctx;
    struct svc_event event = {.type = out->row.kind == AUT_MAIL_RESET
                                          ? "user.password_reset_requested"
                                          : "user.verification_requested",
                              .tell = TELL_AUDIT,
                              .org_id = user->org_id,
                              .resource_type = STR("user"),
                              .resource_id = arena_printf(ctx->arena, "%lld", (long long)user->id),
                              .resource_name = user->email};

    as.request_id = out->row.request_id;
    as.peer = out->row.peer;
    return svc_emit(auth->db, &as, &event);
}

static enum rc
make_link(struct auth *auth, struct ctx *ctx, struct outgoing *out, const struct aut_user *user,
          int64_t life_us)
{
    char token[TOKEN_TEXT_MAX];
    struct str sealed;

    token_new("", token);
    out->token = arena_str(ctx->arena, str_z(token));
    enum rc rc = aut_links_void(auth->db, ctx, out->row.kind, user->id);
    if (rc == RC_OK) {
        rc = aut_link_insert(auth->db, ctx, out->row.kind, user, out->token, life_us);
    }
    if (rc == RC_OK) {
        rc = seal_seal(auth->ring, ctx, place_of(ctx, out->row.message_id), out->token, &sealed);
    }
    if (rc == RC_OK) {
        rc = aut_mail_seal(auth->db, ctx, out->row.id, sealed);
    }
    return rc == RC_OK ? tell_request(auth, ctx, out, user) : rc;
}

/* A first attempt makes the link, later ones send the same again with its life counted anew. */
static enum rc
prepare_link(struct auth *auth, struct ctx *ctx, struct outgoing *out, int64_t life_us)
{
    struct aut_user user = {.id = 0};
    int64_t recent = 0;
    bool found = false;

    if (out->row.sealed.n > 0) {
        enum rc rc = seal_unseal(auth->ring, ctx, place_of(ctx, out->row.message_id),
                                 out->row.sealed, &out->token);
        return rc == RC_OK ? aut_link_extend(auth->db, ctx, out->token, life_us, &out->wanted) : rc;
    }
    enum rc rc = aut_user_by_email(auth->db, ctx, out->row.email, &found, &user);
    if (rc != RC_OK || !found || (out->row.kind == AUT_MAIL_VERIFY && user.email_verified)) {
        return rc;
    }
    out->row.email = user.email; /* as it was registered */
    rc = aut_links_recent(auth->db, ctx, out->row.kind, user.id, &recent);
    if (rc != RC_OK || recent >= LINKS_PER_HOUR) {
        return rc; /* nobody's mailbox is filled by asking again and again */
    }
    out->wanted = true;
    return make_link(auth, ctx, out, &user, life_us);
}

static enum rc
prepare_invite(struct auth *auth, struct ctx *ctx, struct outgoing *out)
{
    enum rc rc = aut_invite_facts(auth->db, ctx, out->row.invite_id, &out->wanted, &out->facts);

    return rc == RC_OK ? seal_unseal(auth->ring, ctx, place_of(ctx, out->row.message_id),
                                     out->row.sealed, &out->token)
                       : rc;
}

static enum rc
prepare(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct outgoing *out = arg;
    enum rc rc = RC_OK;

    switch (out->row.kind) {
    case AUT_MAIL_VERIFY:
        rc = prepare_link(auth, ctx, out, AUT_VERIFY_LINK_US);
        break;
    case AUT_MAIL_RESET:
        rc = prepare_link(auth, ctx, out, AUT_RESET_LINK_US);
        break;
    case AUT_MAIL_INVITE:
        rc = prepare_invite(auth, ctx, out);
        break;
    case AUT_MAIL_PASSWORD_CHANGED:
    case AUT_MAIL_REMOVED:
        out->wanted = true;
        rc = aut_org_name(auth->db, ctx, out->row.org_id, &out->facts.org_name);
        break;
    case AUT_MAIL_WEBHOOK_DISABLED:
        out->wanted = true;
        rc = aut_org_name(auth->db, ctx, out->row.org_id, &out->facts.org_name);
        rc = rc == RC_OK ? aut_notice_read(ctx, out->row.about, &out->facts) : rc;
        break;
    }
    out->facts.email = out->row.email;
    return rc;
}

struct str
aut_mail_link(struct ctx *ctx, const char *base, enum aut_mail_kind kind, struct str token)
{
    static const char *const PAGES[] = {
        [AUT_MAIL_VERIFY] = "verify", [AUT_MAIL_RESET] = "reset", [AUT_MAIL_INVITE] = "invite"};
    struct str url = str_z(base);

    while (url.n > 0 && url.p[url.n - 1] == '/') {
        url.n--;
    }
    if (kind == AUT_MAIL_WEBHOOK_DISABLED) {
        return arena_printf(ctx->arena, "%.*s/docs", STR_ARG(url));
    }
    return arena_printf(ctx->arena, "%.*s/account/%s?token=%.*s", STR_ARG(url), PAGES[kind],
                        STR_ARG(token));
}

/* --- the loop ------------------------------------------------------------------------------ */

static enum rc
send_out(struct auth *auth, struct ctx *ctx, const struct outgoing *out)
{
    struct aut_mail_text text;
    bool has_link = out->token.n > 0 || out->row.kind == AUT_MAIL_WEBHOOK_DISABLED;
    struct str link =
        has_link ? aut_mail_link(ctx, auth->cfg->public_url, out->row.kind, out->token) : STR_EMPTY;

    enum rc rc = aut_mail_write(ctx, out->row.kind, &out->facts, link, &text);
    if (rc != RC_OK) {
        return rc;
    }
    struct mail_message m = {.to = out->row.email,
                             .subject = text.subject,
                             .text = text.text,
                             .html = text.html,
                             .message_id = out->row.message_id,
                             .date_us = out->row.created_us};
    return mailer_send(auth->mailer, ctx, &m);
}

/* Between attempts: 10 s, 20 s, 40 s ... 30 min. */
static int64_t
wait_us(int64_t attempts)
{
    int64_t s = attempts > 8 ? 1800 : INT64_C(10) << (attempts - 1);

    return (s < 1800 ? s : 1800) * ASSAY_US_PER_S;
}

/* What became of it: the row goes, waits, or is kept for people. */
static enum rc
settle(struct auth *auth, struct ctx *ctx, const struct outgoing *out, enum rc sent)
{
    char cause[CAUSE_MAX];
    struct str detail = ctx->err.detail.n > 0 ? ctx->err.detail : ctx->err.msg;
    bool for_good = sent == RC_FAILED_PRECONDITION || sent == RC_INVALID_ARGUMENT ||
                    sent == RC_DATA_LOSS || clk_wall_us() - out->row.created_us > GIVE_UP_US;

    if (sent == RC_OK) {
        met_add(auth->mails, 0, 0, 1);
        return aut_mail_done(auth->db, ctx, out->row.id);
    }
    (void)snprintf(cause, sizeof(cause), "%.*s", STR_ARG(detail));
    log_line(LOG_WARN_LEVEL, ctx, "mail_not_sent",
             for_good ? "a mail was given up" : "a mail is tried again later",
             LOG_I64("mail", out->row.id), LOG_I64("attempt", out->row.attempts));
    ctx_recover(ctx);
    met_add(auth->mails, for_good ? 2 : 1, 0, 1);
    return for_good ? aut_mail_dead(auth->db, ctx, out->row.id, str_z(cause))
                    : aut_mail_later(auth->db, ctx, out->row.id, wait_us(out->row.attempts),
                                     str_z(cause));
}

bool
aut_mail_run(struct auth *auth, struct ctx *ctx)
{
    struct outgoing out = {.wanted = false};
    bool found = false;

    if (auth->mailer == NULL ||
        aut_mail_claim(auth->db, ctx, LEASE_US, &found, &out.row) != RC_OK || !found) {
        return false;
    }
    enum rc rc = aut_in_tx(auth, ctx, prepare, &out);
    if (rc == RC_OK && !out.wanted) {
        return aut_mail_done(auth->db, ctx, out.row.id) == RC_OK;
    }
    if (rc == RC_OK) {
        rc = send_out(auth, ctx, &out);
    }
    return settle(auth, ctx, &out, rc) == RC_OK;
}
