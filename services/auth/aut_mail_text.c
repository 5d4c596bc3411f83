/* SPDX-License-Identifier: Apache-2.0
 *
 * What mails say. Names that users chose are cut, stripped of control characters and escaped: a
 * mail of ours must not carry the message of somebody else. */
#include "auth/aut_mail.h"
#include "mail/mail.h"
#include "sec/jws.h"

#define TEXT_MAX ((size_t)32 << 10)
#define NAME_MAX_CPS 80

/* One kind of mail. The paragraphs may hold {email} {org} {inviter} {role}, those of a notice
 * {webhook} {id} {why} {last} {remedy}. */
static const struct wording {
    const char *subject;
    const char *before; /* the link */
    const char *button;
    const char *after;
} WORDINGS[] = {
    [AUT_MAIL_VERIFY] = {"Confirm your e-mail address",
                         "Please confirm that {email} is your address. The link works once and for "
                         "24 hours.",
                         "Confirm the address", "If you did not register, ignore this mail."},
    [AUT_MAIL_RESET] = {"Set a new password",
                        "Somebody asked for a new password for {email}. The link works once and "
                        "for one hour.",
                        "Set a new password",
                        "If it was not you, ignore this mail: your password stays as it is."},
    [AUT_MAIL_INVITE] = {"You are invited to {org}",
                         "{inviter} invites you to join the organization \"{org}\" as {role}. The "
                         "link works for 7 days, for the address {email} only.",
                         "Join the organization",
                         "If you do not know who this is, ignore this mail."},
    [AUT_MAIL_PASSWORD_CHANGED] = {"Your password was changed",
                                   "The password of {email} was changed, and other sign-ins were "
                                   "ended.",
                                   NULL,
                                   "If it was not you, set a new password at once (\"forgot "
                                   "password\") and tell your administrator."},
    [AUT_MAIL_REMOVED] = {"Your access was removed",
                          "An administrator removed {email} from the organization \"{org}\". Your "
                          "sign-ins and tokens no longer work.",
                          NULL, "If this is a mistake, ask an administrator for a new invite."},
    [AUT_MAIL_WEBHOOK_DISABLED] =
        {"Webhook switched off: {webhook}",
         "The webhook \"{webhook}\" (number {id}) of the organization \"{org}\" was switched off: "
         "{why}. The last attempt {last}. Nothing more is sent to it, and what waited has failed.",
         "Open the API pages",
         "{remedy} You get this mail as an administrator, or because you made the webhook."},
};

/* A name as it may stand in a mail. */
static struct str
tame(struct ctx *ctx, struct str name)
{
    struct str kept = name;
    size_t at = 0;

    for (size_t i = 0; i < NAME_MAX_CPS && at < name.n; i++) {
        if (str_next_cp(name, &at) < 0) {
            break;
        }
    }
    kept.n = at < name.n ? at : name.n;
    char *z = arena_strz(ctx->arena, kept);
    for (size_t i = 0; z != NULL && i < kept.n; i++) {
        z[i] = (unsigned char)z[i] < ' ' || z[i] == 0x7F ? ' ' : z[i];
    }
    return z == NULL          ? STR_EMPTY
           : kept.n == name.n ? str_n(z, kept.n)
                              : arena_printf(ctx->arena, "%s...", z);
}

static struct str
value_of(struct ctx *ctx, struct str key, const struct aut_mail_facts *f)
{
    if (str_eqz(key, "email")) {
        return f->email;
    }
    if (str_eqz(key, "org")) {
        return tame(ctx, f->org_name);
    }
    if (str_eqz(key, "inviter")) {
        return f->inviter.n > 0 ? f->inviter : STR("An administrator");
    }
    if (str_eqz(key, "role")) {
        return str_z(jws_role_name(f->role));
    }
    return str_eqz(key, "webhook") ? tame(ctx, f->webhook)
           : str_eqz(key, "id")    ? f->webhook_id
           : str_eqz(key, "why")   ? f->why
           : str_eqz(key, "last")  ? tame(ctx, f->last)
                                   : f->remedy;
}

static void
put_plain(struct buf *b, struct str s)
{
    buf_put(b, s);
}

/* Puts the wording with its values; `put` is how the part of the mail takes text. */
static void
put_filled(struct ctx *ctx, struct buf *b, const char *wording, const struct aut_mail_facts *f,
           void (*put)(struct buf *b, struct str s))
{
    struct str rest = str_z(wording);

    while (rest.n > 0) {
        ptrdiff_t open = str_find_byte(rest, '{');
        ptrdiff_t close = open < 0 ? -1 : str_find_byte(rest, '}');
        if (close < 0) {
            put(b, rest);
            return;
        }
        put(b, str_sub(rest, 0, (size_t)open));
        put(b, value_of(ctx, str_sub(rest, (size_t)open + 1, (size_t)close), f));
        rest = str_sub(rest, (size_t)close + 1, rest.n);
    }
}

static void
put_text(struct ctx *ctx, struct buf *b, const struct wording *w, const struct aut_mail_facts *f,
         struct str link)
{
    put_filled(ctx, b, w->before, f, put_plain);
    buf_put(b, STR("\n\n"));
    if (link.n > 0) {
        buf_put(b, link);
        buf_put(b, STR("\n\n"));
    }
    put_filled(ctx, b, w->after, f, put_plain);
    buf_putc(b, '\n');
}

static void
put_paragraph(struct ctx *ctx, struct buf *b, const char *wording, const struct aut_mail_facts *f)
{
    buf_put(b, STR("<p>"));
    put_filled(ctx, b, wording, f, mail_put_html);
    buf_put(b, STR("</p>\n"));
}

static void
put_html(struct ctx *ctx, struct buf *b, const struct wording *w, const struct aut_mail_facts *f,
         struct str link)
{
    buf_put(b, STR("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>"));
    put_filled(ctx, b, w->subject, f, mail_put_html);
    buf_put(b, STR("</title></head>\n<body style=\"font-family:sans-serif\">\n"));
    put_paragraph(ctx, b, w->before, f);
    if (link.n > 0) {
        buf_put(b, STR("<p><a href=\""));
        mail_put_html(b, link);
        buf_printf(b, "\">%s</a></p>\n<p>Or open this address:<br>\n", w->button);
        mail_put_html(b, link);
        buf_put(b, STR("</p>\n"));
    }
    put_paragraph(ctx, b, w->after, f);
    buf_put(b, STR("</body></html>\n"));
}

static struct str
take(struct ctx *ctx, struct buf *b)
{
    struct str s = arena_str(ctx->arena, buf_str(b));

    buf_clear(b);
    return s;
}

enum rc
aut_mail_write(struct ctx *ctx, enum aut_mail_kind kind, const struct aut_mail_facts *facts,
               struct str link, struct aut_mail_text *out)
{
    const struct wording *w = &WORDINGS[kind];
    struct buf b;

    buf_init(&b, TEXT_MAX);
    put_filled(ctx, &b, w->subject, facts, put_plain);
    out->subject = take(ctx, &b);
    put_text(ctx, &b, w, facts, link);
    out->text = take(ctx, &b);
    put_html(ctx, &b, w, facts, link);
    bool ok = !buf_failed(&b);
    out->html = take(ctx, &b);
    buf_fini(&b);
    return ok ? aut_check_arena(ctx) : aut_no_memory(ctx);
}
