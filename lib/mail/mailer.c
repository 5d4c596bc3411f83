/* SPDX-License-Identifier: Apache-2.0
 *
 * The two ways out: a server, or a folder. */
#include "mail/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sec/hash.h"

#define MESSAGE_MAX ((size_t)1 << 20)

struct mailer {
    struct smtp_client *smtp; /* NULL: the sink */
    char *from;
    char *dir;
};

static enum rc
open_smtp(struct mailer *mailer, struct ctx *ctx, const struct smtp_client_cfg *cfg)
{
    const char *why = NULL;
    enum rc rc = smtp_client_new(cfg, &mailer->smtp, &why);

    return rc == RC_OK ? RC_OK
                       : fail(ctx, rc, "SMTP_URL", "ASSAY_SMTP_URL %s",
                              why == NULL ? "cannot be used: no memory" : why);
}

static bool
make_dir(const char *dir)
{
    return mkdir(dir, 0700) == 0 || errno == EEXIST;
}

enum rc
mailer_open(const struct mailer_cfg *cfg, struct ctx *ctx, struct mailer **out)
{
    bool has_smtp = cfg->smtp.url != NULL && cfg->smtp.url[0] != '\0';
    bool has_dir = cfg->dir != NULL && cfg->dir[0] != '\0';
    enum rc rc = RC_OK;

    *out = NULL;
    if (!has_smtp && !has_dir) {
        return RC_OK;
    }
    if (mail_address_of(str_z(cfg->from)).n == 0) {
        return fail(ctx, RC_INVALID_ARGUMENT, "EMAIL_FROM",
                    "ASSAY_EMAIL_FROM must be an address or Name <address>");
    }
    struct mailer *mailer = calloc(1, sizeof(*mailer));
    if (mailer == NULL || (mailer->from = strdup(cfg->from)) == NULL ||
        (mailer->dir = strdup(has_dir ? cfg->dir : "")) == NULL) {
        rc = fail_memory(ctx, "no memory for mail");
    } else if (has_smtp) {
        rc = open_smtp(mailer, ctx, &cfg->smtp);
    } else if (!make_dir(cfg->dir)) {
        rc = fail(ctx, RC_INVALID_ARGUMENT, "EMAIL_DIR", "ASSAY_EMAIL_DIR %s: %s", cfg->dir,
                  strerror(errno));
    }
    if (rc != RC_OK) {
        mailer_close(mailer);
        return rc;
    }
    *out = mailer;
    return RC_OK;
}

void
mailer_close(struct mailer *mailer)
{
    if (mailer == NULL) {
        return;
    }
    smtp_client_free(mailer->smtp);
    free(mailer->from);
    free(mailer->dir);
    free(mailer);
}

/* --- sink ---------------------------------------------------------------------------------- */

static bool
write_all(int fd, struct str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        s = str_sub(s, (size_t)n, s.n);
    }
    return true;
}

/* Whole or not at all: whoever lists the folder sees no half mail. */
static bool
write_file(const char *path, const char *final, struct str message)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return false;
    }
    bool ok = write_all(fd, message) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(path, final) == 0;
    if (!ok) {
        (void)unlink(path);
    }
    return ok;
}

static enum rc
put_into_sink(struct mailer *mailer, struct ctx *ctx, const struct mail_message *m,
              struct str message)
{
    char path[PATH_MAX];
    char final[PATH_MAX];
    int n = snprintf(final, sizeof(final), "%s/%lld-%.*s.eml", mailer->dir,
                     (long long)(m->date_us / ASSAY_US_PER_MS), STR_ARG(m->message_id));
    int k = snprintf(path, sizeof(path), "%s/.%.*s.tmp", mailer->dir, STR_ARG(m->message_id));

    if (n < 0 || (size_t)n >= sizeof(final) || k < 0 || (size_t)k >= sizeof(path) ||
        !write_file(path, final, message)) {
        enum rc rc = fail(ctx, RC_UNAVAILABLE, "MAIL_SINK", "the mail folder cannot be written");
        note(ctx, "%s: %s", mailer->dir, strerror(errno));
        return rc;
    }
    return RC_OK;
}

enum rc
mailer_send(struct mailer *mailer, struct ctx *ctx, const struct mail_message *m)
{
    struct buf b;
    enum rc rc = RC_OK;

    if (!smtp_is_address(m->to)) {
        return fail(ctx, RC_INVALID_ARGUMENT, "BAD_ADDRESS", "mail cannot be sent to this address");
    }
    buf_init(&b, MESSAGE_MAX);
    mail_put_message(&b, str_z(mailer->from), m);
    if (buf_failed(&b)) {
        rc = fail_memory(ctx, "no memory for the mail");
    } else if (mailer->smtp != NULL) {
        rc = smtp_send(mailer->smtp, ctx, mail_address_of(str_z(mailer->from)), m->to, buf_str(&b));
    } else {
        rc = put_into_sink(mailer, ctx, m, buf_str(&b));
    }
    if (b.p != NULL) {
        hash_wipe(b.p, b.n);
    }
    buf_fini(&b);
    return rc;
}
