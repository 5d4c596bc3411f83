/* SPDX-License-Identifier: Apache-2.0
 *
 * The page on which a person lets a command line in. It has no script, no cookie and no session: a
 * form takes e-mail and password, the page after it shows who asks and holds a ticket for the
 * decision. Who has neither the password nor the ticket decides nothing, whatever site sends the
 * form. */
#include <string.h>

#include "auth/aut_device.h"
#include "auth/aut_session.h"
#include "auth/aut_throttle.h"
#include "base/id.h"
#include "mail/mail.h"
#include "pb/pb.h"
#include "sec/token.h"

#define PAGE_MAX ((size_t)64 * 1024)
#define CODE_SHOWN_MAX 32

/* --- pages --------------------------------------------------------------------------------- */

static void
page_begin(struct buf *b, const char *title)
{
    buf_init(b, PAGE_MAX);
    buf_printf(b,
               "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"robots\" content=\"noindex\">\n<title>%s - assay</title>\n"
               "<link rel=\"icon\" href=\"data:,\">\n"
               "<link rel=\"stylesheet\" href=\"/account/account.css\">\n</head>\n<body>\n<main>\n"
               "<h1>%s</h1>\n",
               title, title);
}

static enum rc
page_end(struct ctx *ctx, struct buf *b, Assay__Text *resp)
{
    buf_putz(b, "</main>\n</body>\n</html>\n");
    bool ok = !buf_failed(b);
    resp->content_type = aut_text(ctx, STR("text/html; charset=utf-8"));
    resp->body = pb_bytes(ctx->arena, buf_str(b));
    buf_fini(b);
    return ok ? aut_check_arena(ctx) : aut_no_memory(ctx);
}

static void
put_message(struct buf *b, struct str text, bool bad)
{
    buf_printf(b, "<p id=\"message\" role=\"status\"%s>", bad ? " class=\"bad\"" : "");
    mail_put_html(b, text);
    buf_putz(b, "</p>\n");
}

/* `fault` may be empty. */
static enum rc
sign_in_page(struct ctx *ctx, const char *code, const char *email, struct str fault,
             Assay__Text *resp)
{
    struct str shown = code == NULL ? STR_EMPTY : str_z(code);
    struct buf b;

    page_begin(&b, "Let a command line in");
    buf_putz(&b, "<p>Type the code that your terminal shows, and sign in. Nobody else should have "
                 "given you this code.</p>\n<form method=\"post\" action=\"/account/device\" "
                 "enctype=\"multipart/form-data\">\n<label for=\"code\">Code</label>\n"
                 "<input id=\"code\" name=\"code\" type=\"text\" autocomplete=\"off\" required "
                 "maxlength=\"32\" value=\"");
    mail_put_html(&b, str_sub(shown, 0, shown.n < CODE_SHOWN_MAX ? shown.n : CODE_SHOWN_MAX));
    buf_putz(&b, "\">\n<label for=\"email\">E-mail address</label>\n<input id=\"email\" "
                 "name=\"email\" type=\"email\" autocomplete=\"username\" required "
                 "maxlength=\"254\" value=\"");
    mail_put_html(&b, email == NULL ? STR_EMPTY : str_z(email));
    buf_putz(&b, "\">\n<label for=\"password\">Password</label>\n<input id=\"password\" "
                 "name=\"password\" type=\"password\" autocomplete=\"current-password\" required "
                 "maxlength=\"1024\">\n<button type=\"submit\">Sign in</button>\n</form>\n");
    if (fault.n > 0) {
        put_message(&b, fault, true);
    }
    return page_end(ctx, &b, resp);
}

static void
put_fact(struct buf *b, const char *name, struct str value)
{
    buf_printf(b, "<dt>%s</dt><dd>", name);
    mail_put_html(b, value);
    buf_putz(b, "</dd>\n");
}

static enum rc
decision_page(struct ctx *ctx, const char *code, const struct aut_device_asker *asker,
              const char *ticket, Assay__Text *resp)
{
    char at[CLK_TEXT_MAX];
    struct buf b;

    (void)clk_format(asker->asked_us, CLK_Z, at);
    page_begin(&b, "Let this command line in?");
    buf_putz(&b, "<p>It will be able to do all that you may, until it logs out or you delete its "
                 "token. Approve only what you have started yourself.</p>\n<dl>\n");
    put_fact(&b, "Code", aut_user_code_shown(ctx->arena, code));
    put_fact(&b, "Program", asker->agent.n > 0 ? asker->agent : STR("unknown"));
    put_fact(&b, "Address", asker->peer.n > 0 ? asker->peer : STR("unknown"));
    put_fact(&b, "Asked at", str_z(at));
    put_fact(&b, "You", ctx->who.email);
    buf_printf(&b,
               "</dl>\n<form method=\"post\" action=\"/account/device/decision\" "
               "enctype=\"multipart/form-data\">\n<input type=\"hidden\" name=\"ticket\" "
               "value=\"%s\">\n<button type=\"submit\" name=\"decision\" value=\"approve\">Approve"
               "</button>\n<button type=\"submit\" name=\"decision\" value=\"deny\">Deny</button>\n"
               "</form>\n",
               ticket);
    return page_end(ctx, &b, resp);
}

static enum rc
last_page(struct ctx *ctx, const char *title, struct str text, bool bad, Assay__Text *resp)
{
    struct buf b;

    page_begin(&b, title);
    put_message(&b, text, bad);
    return page_end(ctx, &b, resp);
}

enum rc
auth_show_cli_login(struct auth *auth, struct ctx *ctx, const Assay__ShowCliLoginRequest *req,
                    Assay__Text *resp)
{
    (void)auth;
    return sign_in_page(ctx, req->code, NULL, STR_EMPTY, resp);
}

/* --- signing in ---------------------------------------------------------------------------- */

struct look {
    const char *code;
    struct str ticket;
    struct str key; /* of the throttle */
    bool found;
    struct aut_device_asker asker;
};

static enum rc
look(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct look *l = arg;
    enum rc rc = aut_device_look(auth->db, ctx, l->code, l->ticket, &l->found, &l->asker);

    return rc == RC_OK && l->found ? aut_throttle_passed(auth, ctx, l->key) : rc;
}

/* Guessing of codes counts for the person as guessing of passwords does. */
static enum rc
find_request(struct auth *auth, struct ctx *ctx, struct look *l)
{
    l->key = arena_printf(ctx->arena, "device-code-%lld", (long long)ctx->who.user_id);
    enum rc rc = aut_throttle_admit(auth, ctx, l->key);

    return rc == RC_OK ? aut_in_tx(auth, ctx, look, l) : rc;
}

/* What the person can mend is said on the page; anything else is the call's failure. */
static enum rc
tell(struct ctx *ctx, enum rc rc, const Assay__OpenCliLoginRequest *req, Assay__Text *resp)
{
    bool theirs = rc == RC_UNAUTHENTICATED ||
                  (rc == RC_RESOURCE_EXHAUSTED && strcmp(ctx->err.reason, "RATE_LIMITED") == 0);
    struct str fault = arena_str(ctx->arena, ctx->err.msg);

    if (!theirs) {
        return rc;
    }
    ctx_recover(ctx);
    return sign_in_page(ctx, req->code, req->email, fault, resp);
}

enum rc
auth_open_cli_login(struct auth *auth, struct ctx *ctx, const Assay__OpenCliLoginRequest *req,
                    Assay__Text *resp)
{
    char ticket[TOKEN_TEXT_MAX];
    char code[AUT_USER_CODE_LEN + 1];
    struct look l = {.code = code};
    struct aut_user user;

    if (req->email == NULL || req->password == NULL) {
        return sign_in_page(ctx, req->code, req->email, STR("e-mail and password are required"),
                            resp);
    }
    enum rc rc = aut_session_prove(auth, ctx, str_z(req->email), str_z(req->password), &user);
    if (rc != RC_OK) {
        return tell(ctx, rc, req, resp);
    }
    token_new("", ticket);
    l.ticket = str_z(ticket);
    /* What cannot be a code is looked for as well, so that it counts. */
    if (req->code == NULL || !aut_user_code_parse(str_z(req->code), code)) {
        code[0] = '\0';
    }
    rc = find_request(auth, ctx, &l);
    if (rc != RC_OK) {
        return tell(ctx, rc, req, resp);
    }
    return l.found ? decision_page(ctx, code, &l.asker, ticket, resp)
                   : sign_in_page(ctx, req->code, req->email,
                                  STR("no command line waits with this code; codes are good for "
                                      "15 minutes"),
                                  resp);
}

/* --- deciding ------------------------------------------------------------------------------ */

struct decision {
    struct str ticket;
    bool approve, found;
};

static enum rc
decide(struct auth *auth, struct ctx *ctx, void *arg)
{
    struct decision *d = arg;
    struct aut_device device;
    struct aut_user user;

    enum rc rc =
        aut_device_decide(auth->db, ctx, d->ticket,
                          d->approve ? AUT_DEVICE_APPROVED : AUT_DEVICE_DENIED, &d->found, &device);
    if (rc != RC_OK || !d->found) {
        return rc;
    }
    rc = aut_user_get(auth->db, ctx, device.user_id, device.org_id, &user);
    if (rc != RC_OK) {
        return rc;
    }
    aut_session_become(ctx, &user);
    return aut_emit(auth, ctx, d->approve ? "cli_login.approved" : "cli_login.denied", TELL_AUDIT,
                    "user", user.id, user.email);
}

enum rc
auth_decide_cli_login(struct auth *auth, struct ctx *ctx, const Assay__DecideCliLoginRequest *req,
                      Assay__Text *resp)
{
    struct decision d = {.ticket = req->ticket == NULL ? STR_EMPTY : str_z(req->ticket),
                         .approve = req->decision != NULL && strcmp(req->decision, "approve") == 0};
    enum rc rc = aut_in_tx(auth, ctx, decide, &d);

    if (rc != RC_OK) {
        return rc;
    }
    if (!d.found) {
        return last_page(ctx, "Too late",
                         STR("This request was decided, has expired, or was opened again since. "
                             "Start anew from your terminal."),
                         true, resp);
    }
    return d.approve
               ? last_page(ctx, "Approved", STR("Go back to your terminal and press Enter."), false,
                           resp)
               : last_page(ctx, "Denied", STR("The command line was not let in."), false, resp);
}
