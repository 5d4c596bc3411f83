/* SPDX-License-Identifier: Apache-2.0
 *
 * First admin, registration, sign-in, passwords, end of an account. */
#include "auth/aut_throttle.h"
#include "auth/auth_fixture.h"

/* --- races --------------------------------------------------------------------------------- */

/* Holds a table's lock until `waiters` connections wait for something (10 s at most), so that
 * racing calls all stand at the same point before the first goes on; does `then` before. */
struct gate {
    const char *lock;
    int waiters;
    const char *then; /* may be NULL */
    pthread_t thread;
};

static void *
gate_thread(void *arg)
{
    const struct gate *g = arg;
    char sql[1024];

    (void)snprintf(sql, sizeof(sql),
                   "DO $$ DECLARE until timestamptz := clock_timestamp() + interval '10 s'; BEGIN"
                   " LOCK TABLE %s;"
                   " WHILE (SELECT count(*) FROM pg_locks WHERE NOT granted) < %d"
                   " AND clock_timestamp() < until LOOP PERFORM pg_sleep(0.005); END LOOP; %s;"
                   " END $$",
                   g->lock, g->waiters, g->then == NULL ? "NULL" : g->then);
    pg_support_exec(sql);
    return NULL;
}

static void
gate_close(struct gate *g)
{
    static const char HELD[] = "SELECT count(*) FROM pg_locks WHERE granted AND relation IN"
                               " ('auth.users'::regclass, 'auth.organizations'::regclass,"
                               " 'auth.throttle'::regclass)"
                               " AND mode IN ('ShareLock', 'ExclusiveLock')";
    int64_t until_us = clk_mono_us() + 10 * ASSAY_US_PER_S;

    assert_int_equal(pthread_create(&g->thread, NULL, gate_thread, g), 0);
    while (pg_support_i64(HELD) == 0) {
        assert_true(clk_mono_us() < until_us);
    }
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
    struct gate gate = {.lock = "auth.organizations IN EXCLUSIVE MODE", .waiters = 6};

    (void)state;
    gate_close(&gate);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, setup_thread, &made), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_join(gate.thread, NULL);
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

/* The sign for kelvin becomes a k in Unicode: another address, and nobody's second name. */
static void
an_account_has_one_name_whatever_a_locale_thinks_of_case(void **state)
{
    struct account a;

    (void)state;
    assert_int_equal(do_register("kim@example.com", NULL, &a), RC_OK);
    assert_int_equal(do_login("KIM@example.com", PASSWORD, "192.0.2.1", NULL), RC_OK);
    assert_int_equal(do_login("\u212Aim@example.com", PASSWORD, "192.0.2.1", NULL),
                     RC_UNAUTHENTICATED);
    assert_int_equal(do_register("\u212Aim@example.com", NULL, NULL), RC_ALREADY_EXISTS);
    add_invite(a.who.org_id, "inv-kay", "kay@example.com", ROLE_VIEWER, "1 hour");
    assert_int_equal(do_register("\u212Aay@example.com", "inv-kay", NULL), RC_FAILED_PRECONDITION);
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
    assert_int_equal(do_register("eve@example.com", "", NULL), RC_FAILED_PRECONDITION);
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
an_ipv6_customer_is_its_first_64_bits(void **state)
{
    struct call c = call_begin();

    (void)state;
    assert_true(
        str_eqz(aut_throttle_net(c.arena, STR("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64"));
    assert_true(str_eqz(aut_throttle_net(c.arena, STR("192.0.2.7")), "192.0.2.7"));
    assert_true(str_eqz(aut_throttle_net(c.arena, STR_EMPTY), ""));
    call_end(&c);
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
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.throttle WHERE key LIKE 'pair:%'"
                                    " AND failures = 11 AND blocked_until > last_at"),
                     1);
    pg_support_exec("UPDATE auth.throttle SET blocked_until = now() + interval '90 s'"
                    " WHERE key LIKE 'pair:%'");
    struct call c = call_begin();
    c.ctx.peer = STR("192.0.2.1");
    assert_int_equal(aut_throttle_admit(&auth, &c.ctx, STR("ADA@example.com")),
                     RC_RESOURCE_EXHAUSTED);
    assert_string_equal(c.ctx.err.reason, "RATE_LIMITED");
    assert_true(c.ctx.err.retry_after_us > 60 * ASSAY_US_PER_S);
    assert_true(c.ctx.err.retry_after_us <= 90 * ASSAY_US_PER_S);
    call_end(&c);
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", NULL),
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

#define WEAK_PHC "$argon2id$v=19$m=1024,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" WEAK_TAG

/* Somebody sets another password after this one was looked at and before the sign-in is stored. */
static void
a_sign_in_under_way_ends_with_the_password_it_was_made_with(void **state)
{
    struct gate gate = {.lock = "auth.users IN EXCLUSIVE MODE",
                        .waiters = 1,
                        .then = "UPDATE auth.users SET password_phc = '" WEAK_PHC "'"};

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    pg_support_exec("DELETE FROM auth.logins");
    gate_close(&gate);
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", NULL), RC_UNAUTHENTICATED);
    pthread_join(gate.thread, NULL);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.logins"), 0);
    assert_int_equal(do_login("ada@example.com", "weakly hashed", "192.0.2.1", NULL), RC_OK);
}

static void
a_stronger_hash_of_an_old_password_never_replaces_a_new_one(void **state)
{
    char then[300];
    struct gate gate = {.lock = "auth.users IN EXCLUSIVE MODE", .waiters = 1, .then = then};

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    pg_support_exec("CREATE TABLE public.kept AS SELECT password_phc FROM auth.users;"
                    "UPDATE auth.users SET password_phc = '" WEAK_PHC "'");
    (void)snprintf(then, sizeof(then),
                   "UPDATE auth.users SET password_phc = (SELECT password_phc FROM public.kept)");
    gate_close(&gate);
    assert_int_equal(do_login("ada@example.com", "weakly hashed", "192.0.2.1", NULL),
                     RC_UNAUTHENTICATED);
    pthread_join(gate.thread, NULL);
    pg_support_exec("DROP TABLE public.kept");
    assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", NULL), RC_OK);
}

/* The old password must not undo a reset that came in between. */
static void
of_two_who_change_a_password_the_later_must_know_the_new_one(void **state)
{
    struct account a;
    struct gate gate = {.lock = "auth.users IN EXCLUSIVE MODE",
                        .waiters = 1,
                        .then = "UPDATE auth.users SET password_phc = '" WEAK_PHC "'"};

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &a), RC_OK);
    gate_close(&gate);
    assert_int_equal(change_password(&a.who, PASSWORD, "an evil password"), RC_FAILED_PRECONDITION);
    pthread_join(gate.thread, NULL);
    assert_int_equal(do_login("ada@example.com", "weakly hashed", "192.0.2.1", NULL), RC_OK);
}

static void *
guess_thread(void *arg)
{
    (void)arg;
    enum rc rc = do_login("ada@example.com", "wrong password", "192.0.2.1", NULL);

    return rc == RC_UNAUTHENTICATED ? (void *)1 : rc == RC_RESOURCE_EXHAUSTED ? NULL : (void *)100;
}

static void
many_guesses_at_once_are_no_more_than_one_after_the_other(void **state)
{
    pthread_t threads[24];
    struct gate gate = {.lock = "auth.throttle IN SHARE MODE", .waiters = ARRAY_LEN(threads)};
    uintptr_t looked_at = 0;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    gate_close(&gate);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, guess_thread, NULL), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *one = NULL;
        pthread_join(threads[i], &one);
        looked_at += (uintptr_t)one;
    }
    pthread_join(gate.thread, NULL);
    /* Ten are free, the eleventh begins the delay; on a slow machine that is over for one more. */
    assert_in_range(looked_at, 11, 13);
    assert_true(pg_support_i64("SELECT failures FROM auth.throttle WHERE key LIKE 'pair:%'") <= 13);
}

static void
a_sign_in_that_fits_costs_its_address_nothing(void **state)
{
    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    assert_int_equal(do_login("eve@example.com", "wrong password", "192.0.2.1", NULL),
                     RC_UNAUTHENTICATED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(do_login("ada@example.com", PASSWORD, "192.0.2.1", NULL), RC_OK);
    }
    assert_int_equal(
        pg_support_i64("SELECT sum(failures) FROM auth.throttle WHERE key LIKE 'peer:%'"), 1);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.throttle"), 3); /* all of eve's */
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
    struct gate gate = {.lock = "auth.users IN SHARE MODE", .waiters = 2};

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, &two[0]), RC_OK);
    add_invite(two[0].who.org_id, "inv", NULL, ROLE_ADMIN, "1 hour");
    add_invite(two[0].who.org_id, "inv2", NULL, ROLE_VIEWER, "1 hour");
    assert_int_equal(do_register("bob@example.com", "inv", &two[1]), RC_OK);
    assert_int_equal(do_register("eve@example.com", "inv2", NULL), RC_OK);
    gate_close(&gate);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, leave_thread, &two[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        void *ok = NULL;
        pthread_join(threads[i], &ok);
        left += ok != NULL ? 1 : 0;
    }
    pthread_join(gate.thread, NULL);
    assert_int_equal(left, 1);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.users WHERE role = 3"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(setup_makes_one_admin_and_then_is_complete),
        T(of_many_first_admins_at_once_one_is_made),
        T(a_registered_user_signs_in_and_is_who_the_token_says),
        T(an_email_is_registered_once_whatever_its_case),
        T(an_account_has_one_name_whatever_a_locale_thinks_of_case),
        T(an_invite_decides_organization_and_role_and_works_once),
        T(a_wrong_password_and_an_unknown_account_look_the_same),
        T(an_ipv6_customer_is_its_first_64_bits),
        T(guessing_is_slowed_down_at_one_address_only),
        T(a_changed_password_ends_the_other_logins),
        T(a_hash_of_weaker_settings_is_renewed_at_sign_in),
        T(a_sign_in_under_way_ends_with_the_password_it_was_made_with),
        T(a_stronger_hash_of_an_old_password_never_replaces_a_new_one),
        T(of_two_who_change_a_password_the_later_must_know_the_new_one),
        T(many_guesses_at_once_are_no_more_than_one_after_the_other),
        T(a_sign_in_that_fits_costs_its_address_nothing),
        T(the_last_admin_stays_while_others_are_there),
        T(of_two_admins_who_leave_at_once_one_stays),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
