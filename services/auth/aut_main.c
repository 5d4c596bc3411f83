/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the service put together: settings, state, helpers of all files. */
#include <sched.h>

#include "auth/aut_feed.h"
#include "auth/aut_keys.h"
#include "auth/aut_mail.h"
#include "mail/mail.h"
#include "pb/pb.h"

#define AT(m) .offset = offsetof(struct auth_cfg, m)
#define PASSWORD_QUEUE 64

static const char *const SMTP_TLS_WORDS[] = {"auto", "required", "off", NULL};

const struct cfg_row AUTH_CFG_ROWS[] = {
    SEAL_CFG_ROW(struct auth_cfg, secret_key),
    JWS_CFG_ROWS(struct auth_cfg, issuer, audience),
    {.name = "ASSAY_JWT_TTL",
     .type = CFG_DURATION,
     .def = "24h",
     .min = 60000000,
     .max = INT64_C(31536000000000),
     .text = "how long a sign-in lasts",
     AT(jwt_ttl_us)},
    {.name = "ASSAY_KEY_PUBLISH",
     .type = CFG_DURATION,
     .def = "10m",
     .min = 0,
     .max = INT64_C(86400000000),
     .text =
         "how long a new signing key is published before it signs; longer than gateways keep keys",
     AT(key_publish_us)},
    {.name = "ASSAY_REVOCATION_LEASE",
     .type = CFG_DURATION,
     .def = "2s",
     .min = 500000,
     .max = 60000000,
     .text =
         "how long a gateway that lost touch may trust what it cached; a revocation waits for it",
     AT(lease_us)},
    {.name = "ASSAY_PASSWORD_SLOTS",
     .type = CFG_INT,
     .def = "0",
     .min = 0,
     .max = 256,
     .text = "passwords hashed at once, 19 MiB each; 0: one per core",
     AT(password_slots)},
    {.name = "ASSAY_PUBLIC_URL",
     .type = CFG_URL,
     .def = "",
     .text = "scheme and authority that links in mails begin with; needed to send mail",
     AT(public_url)},
    {.name = "ASSAY_EMAIL_FROM",
     .type = CFG_STR,
     .def = "assay <assay@localhost>",
     .min = 3,
     .max = 320,
     .text = "sender of mails: an address or Name <address>",
     AT(email_from)},
    {.name = "ASSAY_EMAIL_DIR",
     .type = CFG_STR,
     .def = "",
     .text = "folder that gets mails as .eml files, where there is no ASSAY_SMTP_URL",
     AT(email_dir)},
    {.name = "ASSAY_SMTP_URL",
     .type = CFG_URL,
     .def = "",
     .secret = true,
     .text = "mail server: smtp://[user:password@]host[:port] or smtps://...",
     AT(smtp_url)},
    {.name = "ASSAY_SMTP_TLS",
     .type = CFG_ENUM,
     .def = "auto",
     .text = "encryption of smtp://; auto: required, except to this very machine",
     .choices = SMTP_TLS_WORDS,
     AT(smtp_tls)},
    {.name = "ASSAY_SMTP_CA",
     .type = CFG_STR,
     .def = "",
     .text = "PEM file of the roots that sign the mail server's certificate; empty: the system's",
     AT(smtp_ca)},
};
const size_t AUTH_CFG_COUNT = ARRAY_LEN(AUTH_CFG_ROWS);

/* Cores we may run on; sysconf answers 1 to keep NNG small (lib/rpc). */
static int
core_count(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0 ? CPU_COUNT(&set)
                                                                               : 1;
}

static int
slots_of(const struct auth_cfg *cfg)
{
    return cfg->password_slots > 0 ? (int)cfg->password_slots : core_count();
}

enum rc
aut_open(struct auth *auth, struct ctx *ctx, struct db *db, const struct auth_cfg *cfg)
{
    const char *why = NULL;

    *auth = (struct auth){.db = db, .cfg = cfg};
    enum rc rc = seal_open_ring(str_z(cfg->secret_key), &auth->ring, &why);
    if (rc != RC_OK) {
        return fail(ctx, rc, "SECRET_KEY", "ASSAY_SECRET_KEY: %s", why);
    }
    rc = passwd_open(slots_of(cfg), PASSWORD_QUEUE, &auth->passwd);
    if (rc != RC_OK) {
        rc = fail_memory(ctx, "no memory for passwords");
    }
    if (rc == RC_OK) {
        rc = aut_keys_open(auth, ctx, &auth->keys);
    }
    if (rc == RC_OK) {
        rc = aut_feed_open(auth, ctx, &auth->feed);
    }
    if (rc == RC_OK) {
        rc = aut_mail_open(auth, ctx);
    }
    if (rc != RC_OK) {
        aut_close(auth);
    }
    return rc;
}

void
aut_close(struct auth *auth)
{
    mailer_close(auth->mailer);
    aut_feed_close(auth->feed);
    aut_keys_close(auth->keys);
    passwd_close(auth->passwd);
    seal_close_ring(auth->ring);
    *auth = (struct auth){.db = NULL};
}

enum rc
aut_in_tx(struct auth *auth, struct ctx *ctx,
          enum rc (*fn)(struct auth *auth, struct ctx *ctx, void *arg), void *arg)
{
    enum rc rc = db_begin(auth->db, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = fn(auth, ctx, arg);
    if (rc == RC_OK) {
        return db_commit(auth->db, ctx);
    }
    db_rollback(auth->db, ctx);
    return rc;
}

/* What webhooks carry as `data`. */
static struct str
event_data(struct ctx *ctx, int64_t id, struct str name)
{
    struct buf b;

    buf_init(&b, 8192);
    buf_putc(&b, '{');
    json_put_member_i64(&b, "id", id);
    json_put_member_str(&b, "name", name);
    buf_putc(&b, '}');
    struct str data = arena_str(ctx->arena, buf_str(&b));
    buf_fini(&b);
    return data;
}

enum rc
aut_emit(struct auth *auth, struct ctx *ctx, const char *type, unsigned tell,
         const char *resource_type, int64_t resource_id, struct str name)
{
    struct svc_event event = {
        .type = type, .tell = tell, .resource_type = str_z(resource_type), .resource_name = name};

    if (resource_id != 0) {
        event.resource_id = arena_printf(ctx->arena, "%lld", (long long)resource_id);
    }
    if ((tell & TELL_WEBHOOKS) != 0) {
        event.data = event_data(ctx, resource_id, name);
    }
    return svc_emit(auth->db, ctx, &event);
}

enum rc
aut_no_memory(struct ctx *ctx)
{
    return fail_memory(ctx, "the answer is too large");
}

enum rc
aut_check_org(struct ctx *ctx, int64_t org_id)
{
    return org_id == ctx->who.org_id
               ? RC_OK
               : fail(ctx, RC_NOT_FOUND, "ORGANIZATION_NOT_FOUND", "no such organization");
}

char *
aut_text(struct ctx *ctx, struct str s)
{
    return pb_strz(ctx->arena, s);
}

enum rc
aut_check_arena(struct ctx *ctx)
{
    return arena_failed(ctx->arena) ? aut_no_memory(ctx) : RC_OK;
}
