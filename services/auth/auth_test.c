/* SPDX-License-Identifier: Apache-2.0
 *
 * The handlers on a real Postgres, as the dispatcher runs them: writes in a transaction, a fresh
 * context each. */
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
#include "common_sql.h"
#include "pb/pb.h"
#include "sec/jws.h"
#include "tests/support/pg.h"

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
                                    .password_slots = 2};

static struct db *db;
static struct auth auth;

/* One call: its arena and context. */
struct call {
    struct arena *arena;
    struct ctx ctx;
};

static struct call
call_begin(void)
{
    struct call c = {.arena = arena_new((size_t)8 << 20)};

    ctx_init(&c.ctx, c.arena);
    c.ctx.deadline_us = clk_wall_us() + 20 * ASSAY_US_PER_S;
    c.ctx.peer = STR("192.0.2.7");
    return c;
}

static struct call
call_as(const struct principal *who)
{
    struct call c = call_begin();

    c.ctx.who = *who;
    return c;
}

static void
call_end(struct call *c)
{
    arena_free(c->arena);
}

static struct db *
open_db(void)
{
    struct db_cfg cfg = {.uri = pg_support_uri(),
                         .schema = "auth",
                         .app = "auth_test",
                         .queries = auth_queries,
                         .query_count = auth_query_count,
                         .migrations = auth_migrations,
                         .migration_count = auth_migration_count,
                         .common_queries = common_queries,
                         .common_query_count = common_query_count,
                         .common_migrations = common_migrations,
                         .common_migration_count = common_migration_count};
    struct db *made = NULL;

    assert_int_equal(db_open(&cfg, &made), RC_OK);
    return made;
}

static int
set_up(void **state)
{
    struct call c = call_begin();

    (void)state;
    pg_support_exec("DROP SCHEMA IF EXISTS auth CASCADE");
    db = open_db();
    assert_int_equal(db_migrate(db, &c.ctx), RC_OK);
    assert_int_equal(db_check(db, &c.ctx), RC_OK);
    if (aut_open(&auth, &c.ctx, NULL, db, &CFG) != RC_OK) {
        fail_msg("%.*s %.*s", STR_ARG(c.ctx.err.msg), STR_ARG(c.ctx.err.detail));
    }
    call_end(&c);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    aut_close(&auth);
    db_close(db);
    return 0;
}

/* --- calls --------------------------------------------------------------------------------- */

struct account {
    struct principal who;
    char email[64];
    char token[JWS_TOKEN_MAX];
};

static void
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

static enum rc
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
    if (rc == RC_OK && out != NULL) {
        keep_account(out, resp.email, resp.user_id, resp.organization_id, resp.role,
                     resp.access_token);
    }
    call_end(&c);
    return rc;
}

static enum rc
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
static enum rc
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
                                  .subject = str_z(jti)};
    }
    call_end(&c);
    return rc;
}

static enum rc
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

static enum rc
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

static enum rc
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

static enum rc
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

static enum rc
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

static enum rc
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

static enum rc
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

static void
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

static int64_t
outbox_count(const char *type)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM auth.outbox WHERE type = '%s'", type);
    return pg_support_i64(sql);
}

/* --- first admin --------------------------------------------------------------------------- */

static enum rc
do_setup(char reason[32])
{
    struct call c = call_begin();
    Assay__CreateSetupRequest req = ASSAY__CREATE_SETUP_REQUEST__INIT;
    Assay__CreateSetupResponse resp = ASSAY__CREATE_SETUP_RESPONSE__INIT;
    char email[48];
    char password[] = PASSWORD;

    (void)snprintf(email, sizeof(email), "root-%llx@example.com",
                   (unsigned long long)id_random_u64());
    req.email = email;
    req.password = password;
    enum rc rc = auth_create_setup(&auth, &c.ctx, &req, &resp);
    if (rc == RC_OK) {
        assert_string_equal(resp.user->role, "admin");
        assert_int_equal(check_jwt(resp.token, NULL), RC_OK);
    }
    (void)snprintf(reason, 32, "%s", rc == RC_OK ? "" : c.ctx.err.reason);
    call_end(&c);
    return rc;
}

static void
setup_makes_one_admin_and_then_is_complete(void **state)
{
    struct call c = call_begin();
    Assay__GetSetupRequest req = ASSAY__GET_SETUP_REQUEST__INIT;
    Assay__GetSetupResponse resp = ASSAY__GET_SETUP_RESPONSE__INIT;
    char reason[32];

    (void)state;
    assert_int_equal(auth_get_setup(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_true(resp.needs_setup);
    assert_int_equal(do_setup(reason), RC_OK);
    assert_int_equal(auth_get_setup(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_false(resp.needs_setup);
    assert_int_equal(do_setup(reason), RC_FAILED_PRECONDITION);
    assert_string_equal(reason, "SETUP_COMPLETE");
    assert_int_equal(
        pg_support_i64("SELECT count(*) FROM auth.organizations WHERE name = 'Default'"), 1);
    call_end(&c);
}

static void *
setup_thread(void *arg)
{
    char reason[32];

    if (do_setup(reason) == RC_OK) {
        atomic_fetch_add((atomic_int *)arg, 1);
    }
    return NULL;
}

static void
of_many_first_admins_at_once_one_is_made(void **state)
{
    pthread_t threads[6];
    atomic_int made = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, setup_thread, &made), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(made, 1);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.users"), 1);
}

/* --- accounts ------------------------------------------------------------------------------ */

static void
a_registered_user_signs_in_and_is_who_the_token_says(void **state)
{
    struct account a;
    struct account b;
    struct principal who;

    (void)state;
    assert_int_equal(do_register("Ada@Example.com", NULL, &a), RC_OK);
    assert_int_equal(a.who.role, ROLE_ADMIN);
    assert_int_equal(do_login("ada@example.COM", PASSWORD, "192.0.2.1", &b), RC_OK);
    assert_int_equal(b.who.user_id, a.who.user_id);
    assert_string_equal(b.email, "Ada@Example.com");
    assert_int_equal(check_jwt(b.token, &who), RC_OK);
    assert_int_equal(who.user_id, a.who.user_id);
    assert_int_equal(who.org_id, a.who.org_id);
    assert_int_equal(who.role, ROLE_ADMIN);
    assert_int_equal(who.kind, TOKEN_JWT);
    assert_int_equal(outbox_count("user.registered"), 1);
    assert_int_equal(outbox_count("user.login"), 1);
}

static void
an_email_is_registered_once_whatever_its_case(void **state)
{
    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    assert_int_equal(do_register("ADA@example.com", NULL, NULL), RC_ALREADY_EXISTS);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.organizations"), 1);
}

static void
an_invite_decides_organization_and_role_and_works_once(void **state)
{
    struct account admin;
    struct account guest;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &admin), RC_OK);
    add_invite(admin.who.org_id, "inv-bound", "bob@example.com", ROLE_VIEWER, "1 hour");
    add_invite(admin.who.org_id, "inv-old", NULL, ROLE_ADMIN, "-1 second");
    assert_int_equal(do_register("eve@example.com", "inv-bound", NULL), RC_FAILED_PRECONDITION);
    assert_int_equal(do_register("eve@example.com", "inv-old", NULL), RC_FAILED_PRECONDITION);
    assert_int_equal(do_register("eve@example.com", "unknown", NULL), RC_FAILED_PRECONDITION);
    assert_int_equal(do_register("Bob@example.com", "inv-bound", &guest), RC_OK);
    assert_int_equal(guest.who.org_id, admin.who.org_id);
    assert_int_equal(guest.who.role, ROLE_VIEWER);
    assert_int_equal(do_register("bob@example.com", "inv-bound", NULL), RC_FAILED_PRECONDITION);
    assert_int_equal(outbox_count("member.joined"), 2); /* audit and webhooks */
}

static void
a_wrong_password_and_an_unknown_account_look_the_same(void **state)
{
    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    assert_int_equal(do_login("ada@example.com", "wrong password", "192.0.2.1", NULL),
                     RC_UNAUTHENTICATED);
    assert_int_equal(do_login("bob@example.com", "wrong password", "192.0.2.1", NULL),
                     RC_UNAUTHENTICATED);
    assert_int_equal(outbox_count("user.login_failed"), 2);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.throttle WHERE failures = 1"), 4);
    assert_int_equal(pg_support_i64("SELECT failures FROM auth.throttle WHERE key LIKE 'peer:%'"),
                     2);
}

static void
guessing_is_slowed_down_at_one_address_only(void **state)
{
    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    for (int i = 0; i < 11; i++) {
        assert_int_equal(do_login("ada@example.com", "wrong password", "192.0.2.1", NULL),
                         RC_UNAUTHENTICATED);
    }
    assert_int_equal(do_login("ADA@example.com", PASSWORD, "192.0.2.1", NULL),
                     RC_RESOURCE_EXHAUSTED);
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.2", NULL), RC_OK);
    pg_support_exec("UPDATE auth.throttle SET blocked_until = now()");
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", NULL), RC_OK);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.throttle WHERE key LIKE 'pair:%'"),
                     0);
}

static void
a_changed_password_ends_the_other_logins(void **state)
{
    struct account mine;
    struct account other;
    struct principal who;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &other), RC_OK);
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", &mine), RC_OK);
    assert_int_equal(check_jwt(mine.token, &who), RC_OK);
    assert_int_equal(change_password(&who, "not the password", "another password"),
                     RC_FAILED_PRECONDITION);
    assert_int_equal(check_jwt(other.token, NULL), RC_OK);
    assert_int_equal(change_password(&who, PASSWORD, "another password"), RC_OK);
    assert_int_equal(check_jwt(other.token, NULL), RC_UNAUTHENTICATED);
    assert_int_equal(check_jwt(mine.token, NULL), RC_OK);
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", NULL), RC_UNAUTHENTICATED);
    assert_int_equal(do_login("ada@example.com", "another password", "192.0.2.1", NULL), RC_OK);
}

static void
a_hash_of_weaker_settings_is_renewed_at_sign_in(void **state)
{
    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    pg_support_exec("UPDATE auth.users SET password_phc = '$argon2id$v=19$m=1024,t=1,p=1$"
                    "MDEyMzQ1Njc4OWFiY2RlZg$" WEAK_TAG "'");
    assert_int_equal(do_login("ada@example.com", "weakly hashed", "192.0.2.1", NULL), RC_OK);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.users WHERE password_phc LIKE"
                                    " '$argon2id$v=19$m=19456,t=2,p=1$%'"),
                     1);
    assert_int_equal(do_login("ada@example.com", "weakly hashed", "192.0.2.1", NULL), RC_OK);
}

static void
the_last_admin_stays_while_others_are_there(void **state)
{
    struct account admin;
    struct account guest;
    char reason[32];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &admin), RC_OK);
    add_invite(admin.who.org_id, "inv", NULL, ROLE_DEVELOPER, "1 hour");
    assert_int_equal(do_register("bob@example.com", "inv", &guest), RC_OK);
    assert_int_equal(delete_account(&admin.who, reason), RC_FAILED_PRECONDITION);
    assert_string_equal(reason, "LAST_ADMIN");
    assert_int_equal(delete_account(&guest.who, reason), RC_OK);
    assert_string_equal(reason, "account_deleted");
    assert_int_equal(check_jwt(guest.token, NULL), RC_UNAUTHENTICATED);
    assert_int_equal(delete_account(&admin.who, reason), RC_OK);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.organizations"), 0);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.users"), 0);
}

static void *
leave_thread(void *arg)
{
    const struct account *a = arg;
    char reason[32];

    return delete_account(&a->who, reason) == RC_OK ? arg : NULL;
}

static void
of_two_admins_who_leave_at_once_one_stays(void **state)
{
    struct account two[2];
    pthread_t threads[2];
    int left = 0;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &two[0]), RC_OK);
    add_invite(two[0].who.org_id, "inv", NULL, ROLE_ADMIN, "1 hour");
    add_invite(two[0].who.org_id, "inv2", NULL, ROLE_VIEWER, "1 hour");
    assert_int_equal(do_register("bob@example.com", "inv", &two[1]), RC_OK);
    assert_int_equal(do_register("eve@example.com", "inv2", NULL), RC_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, leave_thread, &two[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        void *ok = NULL;
        pthread_join(threads[i], &ok);
        left += ok != NULL ? 1 : 0;
    }
    assert_int_equal(left, 1);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.users WHERE role = 3"), 1);
}

/* --- tokens -------------------------------------------------------------------------------- */

static void
a_personal_token_acts_as_its_user_until_it_is_revoked(void **state)
{
    struct account a;
    struct made made;
    struct principal who;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &made), RC_OK);
    assert_true(str_starts(str_z(made.token), STR("tw_")));
    assert_int_equal(introspect(made.token, &who), RC_OK);
    assert_int_equal(who.user_id, a.who.user_id);
    assert_int_equal(who.role, ROLE_ADMIN);
    pg_support_exec("UPDATE auth.users SET role = 1"); /* it follows the user's current role */
    assert_int_equal(introspect(made.token, &who), RC_OK);
    assert_int_equal(who.role, ROLE_VIEWER);
    assert_int_equal(delete_personal(&a.who, made.id), RC_OK);
    assert_int_equal(introspect(made.token, NULL), RC_UNAUTHENTICATED);
    assert_int_equal(delete_personal(&a.who, made.id), RC_NOT_FOUND);
}

static void
a_list_shows_own_tokens_masked_and_their_use(void **state)
{
    struct account a;
    struct account b;
    struct made first;
    struct made second;
    struct made foreign;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(do_register("bob@example.com", NULL, &b), RC_OK);
    assert_int_equal(create_personal(&a.who, "laptop", &first), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &second), RC_OK);
    assert_int_equal(create_personal(&b.who, "his", &foreign), RC_OK);
    assert_int_equal(introspect(first.token, NULL), RC_OK);

    struct call c = call_as(&a.who);
    Assay__ListTokensRequest req = ASSAY__LIST_TOKENS_REQUEST__INIT;
    Assay__ListTokensResponse resp = ASSAY__LIST_TOKENS_RESPONSE__INIT;
    assert_int_equal(auth_list_tokens(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.n_items, 2);
    assert_int_equal(resp.items[0]->id, second.id);
    assert_null(resp.items[0]->name);
    assert_false(resp.items[0]->has_last_used_at);
    assert_string_equal(resp.items[1]->name, "laptop");
    assert_true(resp.items[1]->has_last_used_at);
    assert_int_equal(strncmp(resp.items[1]->prefix, first.token, 11), 0);
    assert_string_equal(resp.items[1]->prefix + 11, "****");
    call_end(&c);
    assert_int_equal(delete_personal(&a.who, foreign.id), RC_NOT_FOUND);
    assert_int_equal(introspect(foreign.token, NULL), RC_OK);
}

static void
a_token_of_the_organization_has_its_own_role(void **state)
{
    struct account a;
    struct made made;
    struct principal who;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_org_token(&a.who, "viewer", "api", NULL, &made), RC_OK);
    assert_true(str_starts(str_z(made.token), STR("tok_")));
    assert_int_equal(introspect(made.token, &who), RC_OK);
    assert_int_equal(who.role, ROLE_VIEWER);
    assert_int_equal(who.kind, TOKEN_ORG);
    assert_int_equal(who.token_id, made.id);
    assert_int_equal(who.user_id, a.who.user_id);

    struct call c = call_as(&a.who);
    Assay__ListApiTokensRequest req = ASSAY__LIST_API_TOKENS_REQUEST__INIT;
    Assay__ListApiTokensResponse resp = ASSAY__LIST_API_TOKENS_RESPONSE__INIT;
    req.org_id = a.who.org_id;
    assert_int_equal(auth_list_api_tokens(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.n_items, 1);
    assert_string_equal(resp.items[0]->created_by, "ada@example.com");
    assert_string_equal(resp.items[0]->role, "viewer");
    assert_true(resp.items[0]->used);
    assert_int_equal(strlen(resp.items[0]->token_prefix), 4 + 8 + 4);
    call_end(&c);
    assert_int_equal(outbox_count("api_token.created"), 2);
    assert_int_equal(delete_org_token(&a.who, a.who.org_id, made.id), RC_OK);
    assert_int_equal(outbox_count("api_token.deleted"), 2);
    assert_int_equal(introspect(made.token, NULL), RC_UNAUTHENTICATED);
}

static void
an_sdk_token_is_bound_to_its_project(void **state)
{
    struct account a;
    struct made made;
    struct principal first;
    struct principal second;
    struct principal fallback;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_org_token(&a.who, "developer", "sdk", "Web", &made), RC_OK);
    assert_true(str_starts(str_z(made.token), STR("vzy_")));
    assert_int_equal(introspect(made.token, &first), RC_OK);
    assert_int_equal(create_org_token(&a.who, "developer", "sdk", "web", &made), RC_OK);
    assert_int_equal(introspect(made.token, &second), RC_OK);
    assert_int_equal(create_org_token(&a.who, "developer", "sdk", NULL, &made), RC_OK);
    assert_int_equal(introspect(made.token, &fallback), RC_OK);
    assert_true(first.project_id > 0);
    assert_int_equal(first.project_id, second.project_id);
    assert_true(fallback.project_id > 0 && fallback.project_id != first.project_id);
}

static void
another_organization_sees_and_revokes_nothing(void **state)
{
    struct account a;
    struct account b;
    struct made made;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(do_register("bob@example.com", NULL, &b), RC_OK);
    assert_int_equal(create_org_token(&a.who, "viewer", "api", NULL, &made), RC_OK);
    assert_int_equal(delete_org_token(&b.who, b.who.org_id, made.id), RC_NOT_FOUND);
    assert_int_equal(delete_org_token(&b.who, a.who.org_id, made.id), RC_NOT_FOUND);
    assert_int_equal(introspect(made.token, NULL), RC_OK);

    struct call c = call_as(&b.who);
    Assay__ListApiTokensRequest req = ASSAY__LIST_API_TOKENS_REQUEST__INIT;
    Assay__ListApiTokensResponse resp = ASSAY__LIST_API_TOKENS_RESPONSE__INIT;
    req.org_id = a.who.org_id;
    assert_int_equal(auth_list_api_tokens(&auth, &c.ctx, &req, &resp), RC_NOT_FOUND);
    ctx_recover(&c.ctx);
    req.org_id = b.who.org_id;
    assert_int_equal(auth_list_api_tokens(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.n_items, 0);
    call_end(&c);
}

static void
a_weak_shared_token_gets_its_holder_nothing_more(void **state)
{
    struct account a;
    struct made weak;
    struct made strong;
    struct made made;
    struct principal who;
    char reason[32];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_org_token(&a.who, "developer", "api", NULL, &weak), RC_OK);
    assert_int_equal(create_org_token(&a.who, "admin", "api", NULL, &strong), RC_OK);
    assert_int_equal(introspect(weak.token, &who), RC_OK);
    assert_int_equal(create_personal(&who, NULL, &made), RC_PERMISSION_DENIED);
    assert_int_equal(delete_account(&who, reason), RC_PERMISSION_DENIED);
    assert_int_equal(introspect(strong.token, &who), RC_OK);
    assert_int_equal(create_personal(&who, NULL, &made), RC_OK);
}

static void
tokens_end_with_the_account(void **state)
{
    struct account a;
    struct made org;
    struct made own;
    char reason[32];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_org_token(&a.who, "viewer", "api", NULL, &org), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &own), RC_OK);
    assert_int_equal(delete_account(&a.who, reason), RC_OK);
    assert_int_equal(introspect(org.token, NULL), RC_UNAUTHENTICATED);
    assert_int_equal(introspect(own.token, NULL), RC_UNAUTHENTICATED);
    assert_int_equal(check_jwt(a.token, NULL), RC_UNAUTHENTICATED);
}

static void
texts_that_are_no_tokens_are_nobody(void **state)
{
    static const char *const BAD[] = {"", "tok_", "x",
                                      "tok_0123456789012345678901234567890123456789", "a.b.c"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(introspect(BAD[i], NULL), RC_UNAUTHENTICATED);
    }
}

/* --- nothing secret at rest ---------------------------------------------------------------- */

static void
the_database_holds_no_secret_in_clear(void **state)
{
    struct account a;
    struct made made;
    char sql[512];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_org_token(&a.who, "viewer", "api", NULL, &made), RC_OK);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM auth.tokens t WHERE t::text LIKE '%%%s%%'",
                   made.token + 12);
    assert_int_equal(pg_support_i64(sql), 0);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM auth.outbox o WHERE position('%s'::bytea in o.event) > 0",
                   made.token + 12);
    assert_int_equal(pg_support_i64(sql), 0);
    assert_int_equal(
        pg_support_i64("SELECT count(*) FROM auth.users u WHERE u::text LIKE '%horse%'"), 0);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.signing_keys WHERE"
                                    " position('PRIVATE'::bytea in sealed) > 0"),
                     0);
}

/* --- signing keys -------------------------------------------------------------------------- */

static void
replicas_share_one_first_key(void **state)
{
    struct auth second;
    struct call c = call_begin();
    struct buf one;
    struct buf two;

    (void)state;
    assert_int_equal(aut_open(&second, &c.ctx, NULL, db, &CFG), RC_OK);
    buf_init(&one, 8192);
    buf_init(&two, 8192);
    aut_keys_put(auth.keys, &one);
    aut_keys_put(second.keys, &two);
    assert_true(str_eq(buf_str(&one), buf_str(&two)));
    buf_fini(&one);
    buf_fini(&two);
    aut_close(&second);
    call_end(&c);
}

static size_t
published_keys(void)
{
    struct buf b;
    struct jws_keys *keys = NULL;

    buf_init(&b, 65536);
    buf_putz(&b, "{\"keys\":");
    aut_keys_put(auth.keys, &b);
    buf_putz(&b, "}");
    assert_int_equal(jws_keys_parse(buf_str(&b), &keys), RC_OK);
    size_t n = jws_keys_count(keys);
    jws_keys_free(keys);
    buf_fini(&b);
    return n;
}

static void
refresh_keys(void)
{
    struct call c = call_begin();

    assert_int_equal(aut_keys_refresh(&auth, &c.ctx, auth.keys), RC_OK);
    call_end(&c);
}

static void
kid_of(const char *token, char out[128])
{
    struct arena *arena = arena_new(1 << 16);
    const struct json_value *header = NULL;
    struct str rest = str_z(token);
    struct str raw;

    assert_int_equal(hash_b64url_decode(arena, str_split(&rest, '.'), &raw), RC_OK);
    assert_int_equal(json_parse(raw, arena, &header, NULL), RC_OK);
    (void)snprintf(out, 128, "%.*s", STR_ARG(json_str(json_get(header, "kid"))));
    arena_free(arena);
}

static void
a_rotation_publishes_first_signs_later_and_retires_last(void **state)
{
    struct account before;
    struct account during;
    struct account after;
    struct call c = call_begin();
    char new_kid[ECKEY_KID_LEN + 1];
    char kid[128];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &before), RC_OK);
    assert_int_equal(
        aut_keys_rotate(db, &c.ctx, auth.ring, CFG.key_publish_us, CFG.jwt_ttl_us, new_kid), RC_OK);
    refresh_keys();
    assert_int_equal(published_keys(), 2);
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", &during), RC_OK);
    kid_of(during.token, kid);
    assert_string_not_equal(kid, new_kid);
    pg_support_exec("UPDATE auth.signing_keys SET sign_from = sign_from - interval '601 s',"
                    " retire_at = retire_at - interval '601 s'");
    refresh_keys();
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", &after), RC_OK);
    kid_of(after.token, kid);
    assert_string_equal(kid, new_kid);
    assert_int_equal(check_jwt(before.token, NULL), RC_OK);
    assert_int_equal(check_jwt(during.token, NULL), RC_OK);
    assert_int_equal(check_jwt(after.token, NULL), RC_OK);
    pg_support_exec("UPDATE auth.signing_keys SET sign_from = sign_from - interval '2 h',"
                    " retire_at = retire_at - interval '2 h'");
    refresh_keys();
    assert_int_equal(published_keys(), 1);
    assert_int_equal(check_jwt(after.token, NULL), RC_OK);
    call_end(&c);
}

static void
another_secret_key_cannot_open_the_signing_keys(void **state)
{
    struct auth other;
    struct auth_cfg cfg = CFG;
    struct call c = call_begin();

    (void)state;
    cfg.secret_key = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    assert_int_equal(aut_open(&other, &c.ctx, NULL, db, &cfg), RC_DATA_LOSS);
    call_end(&c);
}

/* --- revocations --------------------------------------------------------------------------- */

struct gateway {
    const char *id;
    int64_t epoch;
    int64_t wait_us;
    size_t revocations;
    bool all;
    int64_t user_id;
    int64_t token_id;
};

static void
watch(struct gateway *g)
{
    struct call c = call_begin();
    Assay__WatchRevocationsRequest req = ASSAY__WATCH_REVOCATIONS_REQUEST__INIT;
    Assay__WatchRevocationsResponse resp = ASSAY__WATCH_REVOCATIONS_RESPONSE__INIT;

    req.gateway_id = arena_strz(c.arena, str_z(g->id));
    req.acked_epoch = g->epoch;
    req.wait_us = g->wait_us;
    assert_int_equal(auth_watch_revocations(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.lease_us, CFG.lease_us);
    g->epoch = resp.epoch;
    g->revocations = resp.n_revocations;
    g->all = resp.has_all && resp.all;
    g->user_id = resp.n_revocations > 0 ? resp.revocations[0]->user_id : 0;
    g->token_id = resp.n_revocations > 0 ? resp.revocations[0]->token_id : 0;
    call_end(&c);
}

/* What the loops of a running process do. */
static void
on_notify(void *arg, struct str payload)
{
    struct call c = call_begin();

    (void)arg;
    (void)payload;
    (void)!aut_feed_refresh(&auth, &c.ctx, auth.feed);
    call_end(&c);
}

struct revoker {
    struct principal who;
    int64_t id;
    enum rc rc;
    atomic_bool done;
};

static void *
revoke_thread(void *arg)
{
    struct revoker *r = arg;

    r->rc = delete_personal(&r->who, r->id);
    atomic_store(&r->done, true);
    return NULL;
}

static void
a_revocation_is_answered_when_the_gateways_know_it(void **state)
{
    struct account a;
    struct made made;
    struct gateway g = {.id = "gw-1", .epoch = -1};
    struct db_listener *listener = NULL;
    pthread_t thread;

    (void)state;
    assert_int_equal(db_listen(db, AUT_LOOP_REVOCATIONS, on_notify, NULL, &listener), RC_OK);
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &made), RC_OK);
    watch(&g);
    assert_true(g.all);
    int64_t first = g.epoch;
    struct revoker r = {.who = a.who, .id = made.id};
    g.wait_us = 5 * ASSAY_US_PER_S; /* the lease outlives the test's steps */
    assert_int_equal(pthread_create(&thread, NULL, revoke_thread, &r), 0);
    watch(&g); /* returns because something was revoked, long before its time is over */
    assert_int_equal(g.epoch, first + 1);
    assert_int_equal(g.revocations, 1);
    assert_int_equal(g.token_id, made.id);
    assert_false(g.all);
    assert_false(atomic_load(&r.done)); /* heard of, not acknowledged */
    g.wait_us = 0;
    int64_t acked_us = clk_mono_us();
    watch(&g);
    pthread_join(thread, NULL);
    assert_int_equal(r.rc, RC_OK);
    assert_true(clk_mono_us() - acked_us < 300 * ASSAY_US_PER_MS);
    db_listener_free(listener);
}

static void
a_gateway_that_went_silent_is_waited_for_until_its_lease_is_over(void **state)
{
    struct account a;
    struct made made;
    struct gateway g = {.id = "gw-1", .epoch = -1};

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &made), RC_OK);
    watch(&g);
    int64_t granted_us = clk_mono_us();
    assert_int_equal(delete_personal(&a.who, made.id), RC_OK);
    int64_t waited_us = clk_mono_us() - granted_us;
    assert_true(waited_us > CFG.lease_us - 200 * ASSAY_US_PER_MS);
    assert_true(waited_us < CFG.lease_us + ASSAY_US_PER_S);
}

static void
without_gateways_a_revocation_waits_for_nobody(void **state)
{
    struct account a;
    struct made made;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_personal(&a.who, NULL, &made), RC_OK);
    int64_t from_us = clk_mono_us();
    assert_int_equal(delete_personal(&a.who, made.id), RC_OK);
    assert_true(clk_mono_us() - from_us < 250 * ASSAY_US_PER_MS);
}

static void
a_gateway_too_far_behind_is_told_to_forget_all(void **state)
{
    struct gateway g = {.id = "gw-1", .epoch = 1};

    (void)state;
    pg_support_exec("UPDATE auth.revocation_head SET epoch = 5");
    pg_support_exec("INSERT INTO auth.revocations (epoch, user_id) VALUES (4, 1), (5, 2)");
    struct call c = call_begin();
    assert_int_equal(aut_feed_refresh(&auth, &c.ctx, auth.feed), RC_OK);
    call_end(&c);
    watch(&g);
    assert_true(g.all);
    assert_int_equal(g.epoch, 5);
    g.epoch = 3;
    watch(&g);
    assert_false(g.all);
    assert_int_equal(g.revocations, 2);
    assert_int_equal(g.user_id, 1);
}

/* --- audit --------------------------------------------------------------------------------- */

static void
deliver(const char *id, int64_t org, const char *type)
{
    struct call c = call_begin();
    Assay__DeliverEventsRequest req = ASSAY__DELIVER_EVENTS_REQUEST__INIT;
    Assay__DeliverEventsResponse resp = ASSAY__DELIVER_EVENTS_RESPONSE__INIT;
    Assay__Event event = ASSAY__EVENT__INIT;
    Assay__Event *events[] = {&event};

    event.id = arena_strz(c.arena, str_z(id));
    event.type = arena_strz(c.arena, str_z(type));
    event.org_id = org;
    event.at_us = 1700000000000000;
    event.details = arena_strz(c.arena, STR("made by a test"));
    req.n_events = 1;
    req.events = events;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(auth_deliver_events(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(db_commit(db, &c.ctx), RC_OK);
    assert_int_equal(resp.n_accepted, 1);
    assert_string_equal(resp.accepted[0], id);
    call_end(&c);
}

static struct aut_audit_report
verify_audit(void)
{
    struct call c = call_begin();
    struct aut_audit_report report;

    assert_int_equal(aut_audit_verify(db, &c.ctx, &report), RC_OK);
    call_end(&c);
    return report;
}

static void
fill_audit(int count)
{
    for (int i = 0; i < count; i++) {
        char id[ID_UUID_LEN + 1];
        id_uuid(id);
        deliver(id, 1 + i % 2, "thing.happened");
    }
}

static void
events_are_stored_once_and_chained(void **state)
{
    (void)state;
    fill_audit(7);
    deliver("01234567-89ab-7def-8123-456789abcdef", 1, "thing.happened");
    deliver("01234567-89ab-7def-8123-456789abcdef", 1, "thing.happened");
    struct aut_audit_report report = verify_audit();
    assert_int_equal(report.entries, 8);
    assert_int_equal(report.bad_seq, 0);
}

static void
the_log_cannot_be_changed_by_the_service(void **state)
{
    (void)state;
    fill_audit(2);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM pg_trigger WHERE tgrelid ="
                                    " 'auth.audit_events'::regclass AND NOT tgisinternal"),
                     2);
    assert_int_equal(pg_support_i64("DO $$ BEGIN UPDATE auth.audit_events SET type = 'x';"
                                    " EXCEPTION WHEN raise_exception THEN NULL; END $$;"
                                    " SELECT count(*) FROM auth.audit_events WHERE type = 'x'"),
                     0);
}

static void
every_kind_of_tampering_shows(void **state)
{
    static const struct {
        const char *sql;
        int64_t bad_seq;
    } CASES[] = {
        {"UPDATE auth.audit_events SET type = 'x' WHERE org_id = 1 AND seq = 2", 2},
        {"UPDATE auth.audit_events SET details = NULL WHERE org_id = 1 AND seq = 1", 1},
        {"DELETE FROM auth.audit_events WHERE org_id = 1 AND seq = 3", 3},
        {"DELETE FROM auth.audit_events WHERE org_id = 1 AND seq = 5", 5},
        {"ALTER TABLE auth.audit_events DROP CONSTRAINT audit_events_org_id_seq_key;"
         "UPDATE auth.audit_events SET seq = 9 - seq WHERE org_id = 1 AND seq IN (4, 5)",
         4},
        {"UPDATE auth.audit_heads SET hash = sha256('x') WHERE org_id = 1", 6},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        pg_support_exec("ALTER TABLE auth.audit_events DISABLE TRIGGER USER;"
                        "TRUNCATE auth.audit_events, auth.audit_heads");
        fill_audit(10);
        assert_int_equal(verify_audit().bad_seq, 0);
        pg_support_exec(CASES[i].sql);
        struct aut_audit_report report = verify_audit();
        if (report.bad_org != 1 || report.bad_seq != CASES[i].bad_seq) {
            fail_msg("%s: found %lld/%lld", CASES[i].sql, (long long)report.bad_org,
                     (long long)report.bad_seq);
        }
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(setup_makes_one_admin_and_then_is_complete),
        T(of_many_first_admins_at_once_one_is_made),
        T(a_registered_user_signs_in_and_is_who_the_token_says),
        T(an_email_is_registered_once_whatever_its_case),
        T(an_invite_decides_organization_and_role_and_works_once),
        T(a_wrong_password_and_an_unknown_account_look_the_same),
        T(guessing_is_slowed_down_at_one_address_only),
        T(a_changed_password_ends_the_other_logins),
        T(a_hash_of_weaker_settings_is_renewed_at_sign_in),
        T(the_last_admin_stays_while_others_are_there),
        T(of_two_admins_who_leave_at_once_one_stays),
        T(a_personal_token_acts_as_its_user_until_it_is_revoked),
        T(a_list_shows_own_tokens_masked_and_their_use),
        T(a_token_of_the_organization_has_its_own_role),
        T(an_sdk_token_is_bound_to_its_project),
        T(another_organization_sees_and_revokes_nothing),
        T(a_weak_shared_token_gets_its_holder_nothing_more),
        T(tokens_end_with_the_account),
        T(texts_that_are_no_tokens_are_nobody),
        T(the_database_holds_no_secret_in_clear),
        T(replicas_share_one_first_key),
        T(a_rotation_publishes_first_signs_later_and_retires_last),
        T(another_secret_key_cannot_open_the_signing_keys),
        T(a_revocation_is_answered_when_the_gateways_know_it),
        T(a_gateway_that_went_silent_is_waited_for_until_its_lease_is_over),
        T(without_gateways_a_revocation_waits_for_nobody),
        T(a_gateway_too_far_behind_is_told_to_forget_all),
        T(events_are_stored_once_and_chained),
        T(the_log_cannot_be_changed_by_the_service),
        T(every_kind_of_tampering_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
