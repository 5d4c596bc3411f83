/* SPDX-License-Identifier: Apache-2.0
 *
 * Personal and organization tokens; what the database holds of secrets. */
#include <sched.h>

#include "auth/auth_fixture.h"

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

/* "prefix token-name organization-slug project-name project-slug" */
static void
context_of(const struct principal *who, char out[256])
{
    struct call c = call_as(who);
    Assay__GetTokenContextRequest req = ASSAY__GET_TOKEN_CONTEXT_REQUEST__INIT;
    Assay__GetTokenContextResponse resp = ASSAY__GET_TOKEN_CONTEXT_RESPONSE__INIT;

    assert_int_equal(auth_get_token_context(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_true(id_is_uuid(str_z(resp.token->id)));
    assert_true(id_is_uuid(str_z(resp.organization->id)));
    assert_true(id_is_uuid(str_z(resp.project->id)));
    (void)snprintf(out, 256, "%s %s %s %s %s", resp.token->prefix, resp.token->name,
                   resp.organization->slug, resp.project->name, resp.project->slug);
    call_end(&c);
}

static void
a_token_tells_the_project_it_acts_on(void **state)
{
    struct account a;
    struct made made;
    struct principal sdk;
    struct principal jwt;
    struct principal personal;
    char expected[256];
    char got[256];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(create_org_token(&a.who, "developer", "sdk", "Web \xc3\xa9t\xc3\xa9", &made),
                     RC_OK);
    assert_int_equal(introspect(made.token, &sdk), RC_OK);
    context_of(&sdk, got);
    (void)snprintf(expected, sizeof(expected), "vzy_ CI acme-%lld Web \xc3\xa9t\xc3\xa9 web-t-%lld",
                   (long long)a.who.org_id, (long long)sdk.project_id);
    assert_string_equal(got, expected);
    assert_int_equal(check_jwt(a.token, &jwt), RC_OK);
    assert_true(jwt.project_id > 0 && jwt.project_id != sdk.project_id);
    jwt.email = str_z(a.email);
    context_of(&jwt, got);
    (void)snprintf(expected, sizeof(expected), "jwt ada@example.com acme-%lld Default default-%lld",
                   (long long)a.who.org_id, (long long)jwt.project_id);
    assert_string_equal(got, expected);
    assert_int_equal(create_personal(&a.who, NULL, &made), RC_OK);
    assert_int_equal(introspect(made.token, &personal), RC_OK);
    assert_int_equal(personal.project_id, jwt.project_id);
    context_of(&personal, got);
    assert_true(str_starts(str_z(got), STR("tw_ tw_")));
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
users_are_gone_when_their_account_is(void **state)
{
    struct account a;
    struct account b;
    struct call c = call_begin();
    char reason[32];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    assert_int_equal(do_register("bob@example.com", NULL, &b), RC_OK);
    assert_int_equal(delete_account(&b.who, reason), RC_OK);
    int64_t ids[] = {a.who.user_id, b.who.user_id, 999999};
    Assay__FindGoneRequest req = ASSAY__FIND_GONE_REQUEST__INIT;
    Assay__FindGoneResponse resp = ASSAY__FIND_GONE_RESPONSE__INIT;
    req.user_ids = ids;
    req.n_user_ids = ARRAY_LEN(ids);
    assert_int_equal(auth_find_gone(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(resp.n_user_ids, 2);
    assert_int_equal(resp.user_ids[0] + resp.user_ids[1], b.who.user_id + 999999);
    call_end(&c);
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

struct project_race {
    const struct principal *who;
    char project[32];
    atomic_int waiting;
};

static void *
project_thread(void *arg)
{
    struct project_race *race = arg;
    struct made made;

    atomic_fetch_sub(&race->waiting, 1);
    while (atomic_load(&race->waiting) > 0) {
        (void)sched_yield();
    }
    return create_org_token(race->who, "developer", "sdk", race->project, &made) == RC_OK ? arg
                                                                                          : NULL;
}

static void
of_many_who_name_a_new_project_at_once_all_get_it(void **state)
{
    struct account a;
    pthread_t threads[6];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    for (int round = 0; round < 10; round++) {
        struct project_race race = {.who = &a.who, .waiting = ARRAY_LEN(threads)};
        (void)snprintf(race.project, sizeof(race.project), "Project %d", round);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, project_thread, &race), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
            void *ok = NULL;
            assert_int_equal(pthread_join(threads[i], &ok), 0);
            assert_non_null(ok);
        }
    }
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.projects"),
                     11); /* and the default */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_personal_token_acts_as_its_user_until_it_is_revoked),
        T(a_list_shows_own_tokens_masked_and_their_use),
        T(a_token_of_the_organization_has_its_own_role),
        T(an_sdk_token_is_bound_to_its_project),
        T(a_token_tells_the_project_it_acts_on),
        T(another_organization_sees_and_revokes_nothing),
        T(a_weak_shared_token_gets_its_holder_nothing_more),
        T(tokens_end_with_the_account),
        T(users_are_gone_when_their_account_is),
        T(texts_that_are_no_tokens_are_nobody),
        T(the_database_holds_no_secret_in_clear),
        T(of_many_who_name_a_new_project_at_once_all_get_it),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
