/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of auth share: the service on a real Postgres, its handlers called as the
 * dispatcher calls them (a fresh context each, WRITE handlers in a transaction). For one program
 * each: everything is static. */
#ifndef ASSAY_AUTH_FIXTURE_H
#define ASSAY_AUTH_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/aut_audit.h"
#include "auth/aut_feed.h"
#include "auth/aut_keys.h"
#include "auth_sql.h"
#include "base/id.h"
#include "mail/mail.h"
#include "pb/pb.h"
#include "sec/jws.h"
#include "tests/support/db_lab.h"
#include "tests/support/pg.h"
#include "tests/support/place.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PASSWORD "correct horse battery"
/* Tag of "weakly hashed" with m=1024,t=1,p=1 and the salt 0123456789abcdef. */
#define WEAK_TAG "23vJpFUcnDDQ5SuLctZKx3toj8K/Jsa4s+2Wungf1cc"

static const struct auth_cfg CFG = {.secret_key = KEY,
                                    .issuer = "assay",
                                    .audience = "assay",
                                    .jwt_ttl_us = 3600 * ASSAY_US_PER_S,
                                    .key_publish_us = 600 * ASSAY_US_PER_S,
                                    .lease_us = 500 * ASSAY_US_PER_MS,
                                    .password_slots = 2,
                                    .public_url = "https://assay.example.com/",
                                    .email_from = "assay <assay@example.com>",
                                    .email_dir = "",
                                    .smtp_url = "",
                                    .smtp_ca = ""};

static struct db *db;
static struct auth auth;

/* One call: its arena and context. */
struct call {
    struct arena *arena;
    struct ctx ctx;
};

UNUSED static struct call
call_begin(void)
{
    struct call c = {.arena = arena_new((size_t)8 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 60 * ASSAY_US_PER_S;
    c.ctx.peer = STR("192.0.2.7");
    return c;
}

UNUSED static struct call
call_as(const struct principal *who)
{
    struct call c = call_begin();

    c.ctx.who = *who;
    return c;
}

UNUSED static void
call_end(struct call *c)
{
    arena_free(c->arena);
}

UNUSED static struct db *
open_db(void)
{
    struct db_cfg cfg = DB_LAB_CFG(auth, pg_support_uri());
    struct db *made = NULL;

    assert_int_equal(db_open(&cfg, &made), RC_OK);
    return made;
}

/* What the loop of a running process does, one at a time. */
UNUSED static void
run_loop(void *arg, const char *name)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    struct call c = call_begin();

    (void)arg;
    (void)name;
    (void)pthread_mutex_lock(&turn);
    if (aut_feed_refresh(&auth, &c.ctx, auth.feed) != RC_OK) {
        print_message("refresh: %.*s\n", STR_ARG(c.ctx.err.detail));
    }
    (void)pthread_mutex_unlock(&turn);
    call_end(&c);
}

UNUSED static int
open_all(void **state)
{
    struct call c = call_begin();

    (void)state;
    pg_support_exec("DROP SCHEMA IF EXISTS auth CASCADE");
    db = open_db();
    assert_int_equal(db_migrate(db, &c.ctx), RC_OK);
    assert_int_equal(db_check(db, &c.ctx), RC_OK);
    call_end(&c);
    return 0;
}

UNUSED static int
close_all(void **state)
{
    (void)state;
    db_close(db);
    return 0;
}

/* Every test begins with empty tables; the audit log lets the superuser's replica role empty it. */
UNUSED static int
set_up(void **state)
{
    struct call c = call_begin();

    (void)state;
    pg_support_exec("SET session_replication_role = replica;"
                    "TRUNCATE auth.organizations, auth.users, auth.logins, auth.projects,"
                    " auth.tokens, auth.invites, auth.throttle, auth.signing_keys,"
                    " auth.revocations, auth.gateway_watch, auth.audit_heads, auth.audit_events,"
                    " auth.outbox, auth.inbox, auth.session_defaults, auth.links, auth.mails,"
                    " auth.device_requests, auth.cli_refreshes;"
                    "UPDATE auth.revocation_head SET epoch = 0");
    if (aut_open(&auth, &c.ctx, db, &CFG) != RC_OK) {
        fail_msg("%.*s %.*s", STR_ARG(c.ctx.err.msg), STR_ARG(c.ctx.err.detail));
    }
    auth.wake = run_loop;
    call_end(&c);
    return 0;
}

UNUSED static int
tear_down(void **state)
{
    (void)state;
    aut_close(&auth);
    return 0;
}

/* --- mails --------------------------------------------------------------------------------- */

UNUSED static char sink[PLACE_MAX]; /* the folder of set_up_sink */

UNUSED static void
use_mailer(const struct mailer_cfg *cfg)
{
    struct call c = call_begin();

    mailer_close(auth.mailer);
    auth.mailer = NULL;
    assert_int_equal(mailer_open(cfg, &c.ctx, &auth.mailer), RC_OK);
    call_end(&c);
}

/* As set_up, with mails that go into files of a folder. */
UNUSED static int
set_up_sink(void **state)
{
    (void)set_up(state);
    place_make(sink, "mail");
    use_mailer(&(struct mailer_cfg){.from = "assay@example.com", .dir = sink});
    return 0;
}

UNUSED static int
tear_down_sink(void **state)
{
    return tear_down(state) != 0 || !place_remove(sink);
}

/* --- calls --------------------------------------------------------------------------------- */

struct account {
    struct principal who;
    char email[64];
    char token[JWS_TOKEN_MAX];
};

UNUSED static void
keep_account(struct account *a, const char *email, int64_t user, int64_t org, const char *role,
             const char *token)
{
    (void)snprintf(a->email, sizeof(a->email), "%s", email);
    (void)snprintf(a->token, sizeof(a->token), "%s", token);
    a->who = (struct principal){.user_id = user,
                                .org_id = org,
                                .role = jws_role_parse(str_z(role)),
                                .kind = TOKEN_JWT,
                                .email = str_z(a->email)};
}

UNUSED static enum rc
do_register(const char *email, const char *invite, struct account *out)
{
    struct call c = call_begin();
    Assay__RegisterRequest req = ASSAY__REGISTER_REQUEST__INIT;
    Assay__RegisterResponse resp = ASSAY__REGISTER_RESPONSE__INIT;
    char password[] = PASSWORD;
    char org[] = "Acme";

    req.email = arena_strz(c.arena, str_z(email));
    req.password = password;
    req.organization_name = invite == NULL ? org : NULL;
    req.invite_token = invite == NULL ? NULL : arena_strz(c.arena, str_z(invite));
    enum rc rc = auth_register(&auth, &c.ctx, &req, &resp);
    if (rc == RC_INTERNAL) {
        print_message("register: %.*s\n", STR_ARG(c.ctx.err.detail));
    }
    if (rc == RC_OK && out != NULL) {
        keep_account(out, resp.email, resp.user_id, resp.organization_id, resp.role,
                     resp.access_token);
    }
    call_end(&c);
    return rc;
}

UNUSED static enum rc
do_login(const char *email, const char *password, const char *peer, struct account *out)
{
    struct call c = call_begin();
    Assay__LoginRequest req = ASSAY__LOGIN_REQUEST__INIT;
    Assay__LoginResponse resp = ASSAY__LOGIN_RESPONSE__INIT;

    c.ctx.peer = str_z(peer);
    req.email = arena_strz(c.arena, str_z(email));
    req.password = arena_strz(c.arena, str_z(password));
    enum rc rc = auth_login(&auth, &c.ctx, &req, &resp);
    if (rc == RC_OK && out != NULL) {
        assert_string_equal(resp.token, resp.access_token);
        assert_string_equal(resp.token_type, "bearer");
        assert_int_equal(resp.user->id, resp.user_id);
        assert_string_equal(resp.user->email, resp.email);
        assert_string_equal(resp.user->role, resp.role);
        assert_int_equal(resp.user->organization_id, resp.organization_id);
        assert_true(resp.user->created_at > 0);
        keep_account(out, resp.email, resp.user_id, resp.organization_id, resp.role,
                     resp.access_token);
    }
    call_end(&c);
    return rc;
}

/* Checks a JWT as a gateway does: signature by the published keys, then the user's state. */
UNUSED static enum rc
check_jwt(const char *token, struct principal *out)
{
    struct call c = call_begin();
    Assay__GetJwksRequest jwks_req = ASSAY__GET_JWKS_REQUEST__INIT;
    Assay__GetJwksResponse jwks = ASSAY__GET_JWKS_RESPONSE__INIT;
    Assay__CheckUserRequest req = ASSAY__CHECK_USER_REQUEST__INIT;
    Assay__IntrospectResponse resp = ASSAY__INTROSPECT_RESPONSE__INIT;
    struct jws_keys *keys = NULL;
    struct jws_claims claims;
    struct jws_policy policy = {STR("assay"), STR("assay"), clk_wall_us()};

    assert_int_equal(auth_get_jwks(&auth, &c.ctx, &jwks_req, &jwks), RC_OK);
    struct str doc =
        arena_printf(c.arena, "{\"keys\":%.*s}", (int)jwks.keys.len, (const char *)jwks.keys.data);
    assert_int_equal(jws_keys_parse(doc, &keys), RC_OK);
    assert_int_equal(jws_verify(c.arena, keys, &policy, str_z(token), &claims), JWS_VALID);
    jws_keys_free(keys);
    req.user_id = claims.user_id;
    req.org_id = claims.org_id;
    req.jti = arena_strz(c.arena, claims.jti);
    enum rc rc = auth_check_user(&auth, &c.ctx, &req, &resp);
    if (rc == RC_OK && out != NULL) {
        static char jti[ID_UUID_LEN + 1];
        (void)snprintf(jti, sizeof(jti), "%s", resp.who->subject);
        *out = (struct principal){.user_id = resp.who->user_id,
                                  .org_id = resp.who->org_id,
                                  .role = (enum role)resp.who->role,
                                  .kind = (enum token_kind)resp.who->kind,
                                  .project_id = resp.who->project_id,
                                  .subject = str_z(jti)};
    }
    call_end(&c);
    return rc;
}

UNUSED static enum rc
introspect(const char *token, struct principal *out)
{
    struct call c = call_begin();
    Assay__IntrospectRequest req = ASSAY__INTROSPECT_REQUEST__INIT;
    Assay__IntrospectResponse resp = ASSAY__INTROSPECT_RESPONSE__INIT;

    req.token = arena_strz(c.arena, str_z(token));
    enum rc rc = auth_introspect(&auth, &c.ctx, &req, &resp);
    if (rc == RC_OK && out != NULL) {
        *out = (struct principal){.user_id = resp.who->user_id,
                                  .org_id = resp.who->org_id,
                                  .role = (enum role)resp.who->role,
                                  .kind = (enum token_kind)resp.who->kind,
                                  .token_id = resp.who->token_id,
                                  .project_id = resp.who->project_id};
    }
    call_end(&c);
    return rc;
}

struct made {
    int64_t id;
    char token[64];
};

UNUSED static enum rc
create_personal(const struct principal *who, const char *name, struct made *out)
{
    struct call c = call_as(who);
    Assay__CreateTokenRequest req = ASSAY__CREATE_TOKEN_REQUEST__INIT;
    Assay__CreateTokenResponse resp = ASSAY__CREATE_TOKEN_RESPONSE__INIT;

    req.name = name == NULL ? NULL : arena_strz(c.arena, str_z(name));
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    enum rc rc = auth_create_token(&auth, &c.ctx, &req, &resp);
    if (rc == RC_OK) {
        assert_int_equal(db_commit(db, &c.ctx), RC_OK);
        (void)snprintf(out->token, sizeof(out->token), "%s", resp.token);
        out->id = resp.id;
        assert_true(str_ends(str_z(resp.prefix), STR("****")));
        assert_int_equal(resp.name == NULL, name == NULL);
    } else {
        db_rollback(db, &c.ctx);
    }
    call_end(&c);
    return rc;
}

UNUSED static enum rc
create_org_token(const struct principal *who, const char *role, const char *kind,
                 const char *project, struct made *out)
{
    struct call c = call_as(who);
    Assay__CreateApiTokenRequest req = ASSAY__CREATE_API_TOKEN_REQUEST__INIT;
    Assay__CreateApiTokenResponse resp = ASSAY__CREATE_API_TOKEN_RESPONSE__INIT;

    req.org_id = who->org_id;
    req.label = arena_strz(c.arena, STR("CI"));
    req.role = arena_strz(c.arena, str_z(role));
    req.kind = arena_strz(c.arena, str_z(kind));
    req.project = project == NULL ? NULL : arena_strz(c.arena, str_z(project));
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    enum rc rc = auth_create_api_token(&auth, &c.ctx, &req, &resp);
    if (rc == RC_OK) {
        assert_int_equal(db_commit(db, &c.ctx), RC_OK);
        (void)snprintf(out->token, sizeof(out->token), "%s", resp.token);
        out->id = resp.id;
        assert_string_equal(resp.label, "CI");
    } else {
        db_rollback(db, &c.ctx);
    }
    call_end(&c);
    return rc;
}

UNUSED static enum rc
delete_org_token(const struct principal *who, int64_t org_id, int64_t id)
{
    struct call c = call_as(who);
    Assay__DeleteApiTokenRequest req = ASSAY__DELETE_API_TOKEN_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.org_id = org_id;
    req.token_id = id;
    enum rc rc = auth_delete_api_token(&auth, &c.ctx, &req, &resp);
    if (rc == RC_OK) {
        assert_string_equal(resp.status, "deleted");
    }
    call_end(&c);
    return rc;
}

UNUSED static enum rc
delete_personal(const struct principal *who, int64_t id)
{
    struct call c = call_as(who);
    Assay__DeleteTokenRequest req = ASSAY__DELETE_TOKEN_REQUEST__INIT;
    Assay__Ok resp = ASSAY__OK__INIT;

    req.id = id;
    enum rc rc = auth_delete_token(&auth, &c.ctx, &req, &resp);
    call_end(&c);
    return rc;
}

UNUSED static enum rc
delete_account(const struct principal *who, char reason[32])
{
    struct call c = call_as(who);
    Assay__DeleteAccountRequest req = ASSAY__DELETE_ACCOUNT_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    enum rc rc = auth_delete_account(&auth, &c.ctx, &req, &resp);
    (void)snprintf(reason, 32, "%s", rc == RC_OK ? resp.status : c.ctx.err.reason);
    call_end(&c);
    return rc;
}

UNUSED static enum rc
change_password(const struct principal *who, const char *from, const char *to)
{
    struct call c = call_as(who);
    Assay__ChangePasswordRequest req = ASSAY__CHANGE_PASSWORD_REQUEST__INIT;
    Assay__StatusText resp = ASSAY__STATUS_TEXT__INIT;

    req.current_password = arena_strz(c.arena, str_z(from));
    req.new_password = arena_strz(c.arena, str_z(to));
    enum rc rc = auth_change_password(&auth, &c.ctx, &req, &resp);
    call_end(&c);
    return rc;
}

UNUSED static void
add_invite(int64_t org, const char *token, const char *email, int role, const char *expires)
{
    char sql[512];
    char hex[HASH_SHA256_HEX_LEN + 1];

    hash_sha256_hex(str_z(token), hex);
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO auth.invites (org_id, email, role, sha256, expires_at) VALUES (%lld,"
        " %s%s%s, %d, '\\x%s', now() + interval '%s')",
        (long long)org, email == NULL ? "" : "'", email == NULL ? "NULL" : email,
        email == NULL ? "" : "'", role, hex, expires);
    pg_support_exec(sql);
}

/* As the relay of another service does. `data` is JSON or NULL. */
UNUSED static void
deliver_event(const char *id, int64_t org_id, const char *type, const char *data)
{
    struct call c = call_begin();
    Assay__DeliverEventsRequest req = ASSAY__DELIVER_EVENTS_REQUEST__INIT;
    Assay__DeliverEventsResponse resp = ASSAY__DELIVER_EVENTS_RESPONSE__INIT;
    Assay__Event event = ASSAY__EVENT__INIT;
    Assay__Event *events[] = {&event};

    event.id = arena_strz(c.arena, str_z(id));
    event.type = arena_strz(c.arena, str_z(type));
    event.org_id = org_id;
    event.at_us = 1700000000000000;
    event.details = arena_strz(c.arena, STR("made by a test"));
    event.has_data = data != NULL;
    event.data = pb_bytes(c.arena, str_z(data == NULL ? "" : data));
    req.n_events = 1;
    req.events = events;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(auth_deliver_events(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(db_commit(db, &c.ctx), RC_OK);
    assert_int_equal(resp.n_accepted, 1);
    assert_string_equal(resp.accepted[0], id);
    call_end(&c);
}

UNUSED static int64_t
outbox_count(const char *type)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM auth.outbox WHERE type = '%s'", type);
    return pg_support_i64(sql);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
