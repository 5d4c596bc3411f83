/* SPDX-License-Identifier: Apache-2.0
 *
 * Sign-in of command lines: what holds when guesses and calls race. The way through it is walked in
 * tests/e2e/cases/cli_login.mjs. */
#include <pthread.h>

#include "auth/auth_fixture.h"
#include "auth/aut_device.h"
#include "sec/token.h"

static char device[TOKEN_TEXT_MAX];
static char code[AUT_USER_CODE_LEN + 2];

static void
ask(void)
{
    struct call c = call_begin();
    Assay__StartCliLoginRequest req = ASSAY__START_CLI_LOGIN_REQUEST__INIT;
    Assay__StartCliLoginResponse resp = ASSAY__START_CLI_LOGIN_RESPONSE__INIT;

    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(auth_start_cli_login(&auth, &c.ctx, &req, &resp), RC_OK);
    assert_int_equal(db_commit(db, &c.ctx), RC_OK);
    (void)snprintf(device, sizeof(device), "%s", resp.device_code);
    (void)snprintf(code, sizeof(code), "%s", resp.user_code);
    call_end(&c);
}

/* What the page says after a sign-in with this code; the ticket in it, or "". */
static bool
page_says(const char *typed, const char *password, const char *text, char ticket[TOKEN_TEXT_MAX])
{
    static const char MARK[] = "name=\"ticket\" value=\"";
    struct call c = call_begin();
    Assay__OpenCliLoginRequest req = ASSAY__OPEN_CLI_LOGIN_REQUEST__INIT;
    Assay__Text resp = ASSAY__TEXT__INIT;

    c.ctx.peer = STR("192.0.2.7");
    req.code = arena_strz(c.arena, str_z(typed));
    req.email = arena_strz(c.arena, STR("ada@example.com"));
    req.password = arena_strz(c.arena, str_z(password));
    assert_int_equal(auth_open_cli_login(&auth, &c.ctx, &req, &resp), RC_OK);
    struct str html = str_n((const char *)resp.body.data, resp.body.len);
    ptrdiff_t at = str_find(html, str_z(MARK));
    if (ticket != NULL && at >= 0) {
        struct str rest = str_sub(html, (size_t)at + sizeof(MARK) - 1, html.n);
        struct str found = str_split(&rest, '"');
        (void)snprintf(ticket, TOKEN_TEXT_MAX, "%.*s", STR_ARG(found));
    }
    bool says = str_find(html, str_z(text)) >= 0;
    call_end(&c);
    return says;
}

static void
decide(const char *ticket, char *decision)
{
    struct call c = call_begin();
    Assay__DecideCliLoginRequest req = ASSAY__DECIDE_CLI_LOGIN_REQUEST__INIT;
    Assay__Text resp = ASSAY__TEXT__INIT;

    req.ticket = arena_strz(c.arena, str_z(ticket));
    req.decision = decision;
    assert_int_equal(auth_decide_cli_login(&auth, &c.ctx, &req, &resp), RC_OK);
    call_end(&c);
}

/* Polls; true when it brought tokens. `refresh` takes the refresh token. */
static bool
poll(char refresh[TOKEN_TEXT_MAX])
{
    struct call c = call_begin();
    Assay__PollCliLoginRequest req = ASSAY__POLL_CLI_LOGIN_REQUEST__INIT;
    Assay__PollCliLoginResponse resp = ASSAY__POLL_CLI_LOGIN_RESPONSE__INIT;

    req.device_code = device;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    enum rc rc = auth_poll_cli_login(&auth, &c.ctx, &req, &resp);
    bool got = rc == RC_OK && resp.tokens != NULL;
    if (got) {
        (void)snprintf(refresh, TOKEN_TEXT_MAX, "%s", resp.tokens->refresh_token);
    }
    if (rc == RC_OK) {
        assert_int_equal(db_commit(db, &c.ctx), RC_OK);
    } else {
        db_rollback(db, &c.ctx);
    }
    call_end(&c);
    return got;
}

static enum rc
renew(const char *secret)
{
    struct call c = call_begin();
    Assay__RefreshCliLoginRequest req = ASSAY__REFRESH_CLI_LOGIN_REQUEST__INIT;
    Assay__RefreshCliLoginResponse resp = ASSAY__REFRESH_CLI_LOGIN_RESPONSE__INIT;

    req.refresh_token = arena_strz(c.arena, str_z(secret));
    enum rc rc = auth_refresh_cli_login(&auth, &c.ctx, &req, &resp);
    call_end(&c);
    return rc;
}

static void
a_user_code_is_read_as_people_type_it(void **state)
{
    static const char *const GOOD[] = {"BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "B-C-D-F-G-H-J-K"};
    static const char *const BAD[] = {"", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJA", "BCDF_GHJK", "0"};
    char out[AUT_USER_CODE_LEN + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        assert_true(aut_user_code_parse(str_z(GOOD[i]), out));
        assert_string_equal(out, "BCDFGHJK");
    }
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(aut_user_code_parse(str_z(BAD[i]), out));
    }
    aut_user_code_new(out);
    assert_int_equal(strspn(out, AUT_USER_CODE_LETTERS), AUT_USER_CODE_LEN);
}

static void
guessing_of_user_codes_is_slowed_down(void **state)
{
    char ticket[TOKEN_TEXT_MAX] = "";
    int tried = 0;

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    ask();
    while (page_says("BBBB-BBBB", PASSWORD, "no command line waits", NULL)) {
        assert_true(++tried < 20);
    }
    assert_true(tried >= 5);
    assert_true(page_says("BBBB-BBBB", PASSWORD, "too many failed attempts", NULL));
    /* The right one is not let through between the wrong ones. */
    assert_true(page_says(code, PASSWORD, "too many failed attempts", ticket));
    assert_string_equal(ticket, "");
}

static void
without_the_password_a_code_is_neither_found_nor_missed(void **state)
{
    char ticket[TOKEN_TEXT_MAX] = "";

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    ask();
    assert_true(page_says(code, "not it", "wrong e-mail or password", ticket));
    assert_true(page_says("BBBB-BBBB", "not it", "wrong e-mail or password", ticket));
    assert_string_equal(ticket, "");
}

struct racer {
    pthread_t thread;
    bool won;
    const char *secret; /* NULL: polls */
};

static void *
race(void *arg)
{
    struct racer *r = arg;
    char ignored[TOKEN_TEXT_MAX];

    r->won = r->secret == NULL ? poll(ignored) : renew(r->secret) == RC_OK;
    return NULL;
}

static int
winners(const char *secret)
{
    struct racer racers[6];
    int won = 0;

    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        racers[i] = (struct racer){.secret = secret};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        won += racers[i].won;
    }
    return won;
}

static void
of_many_polls_at_once_one_brings_tokens(void **state)
{
    char ticket[TOKEN_TEXT_MAX] = "";

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    ask();
    assert_true(page_says(code, PASSWORD, "Let this command line in?", ticket));
    decide(ticket, (char[]){"approve"});
    assert_int_equal(winners(NULL), 1);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.tokens"), 1);
}

static void
of_many_refreshes_at_once_one_counts_and_the_login_stands(void **state)
{
    char ticket[TOKEN_TEXT_MAX] = "";
    char refresh[TOKEN_TEXT_MAX] = "";

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    ask();
    assert_true(page_says(code, PASSWORD, "Let this command line in?", ticket));
    decide(ticket, (char[]){"approve"});
    assert_true(poll(refresh));
    assert_int_equal(winners(refresh), 1);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.tokens"), 1);
    pg_support_exec("UPDATE auth.cli_refreshes SET used_at = used_at - interval '1 minute'");
    assert_int_equal(renew(refresh), RC_UNAUTHENTICATED);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.tokens"), 0);
}

static void
the_database_holds_no_device_code_and_no_refresh_token(void **state)
{
    char ticket[TOKEN_TEXT_MAX] = "";
    char refresh[TOKEN_TEXT_MAX] = "";
    char sql[512];

    (void)state;
    assert_int_equal(do_register("ada@example.com", NULL, NULL), RC_OK);
    ask();
    assert_true(page_says(code, PASSWORD, "Let this command line in?", ticket));
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM auth.device_requests d WHERE d::text LIKE '%%%s%%'"
                   " OR d::text LIKE '%%%s%%'",
                   device, ticket);
    assert_int_equal(pg_support_i64(sql), 0);
    decide(ticket, (char[]){"approve"});
    assert_true(poll(refresh));
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM auth.cli_refreshes r WHERE r::text LIKE '%%%s%%'",
                   refresh);
    assert_int_equal(pg_support_i64(sql), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_code_is_read_as_people_type_it),
        T(guessing_of_user_codes_is_slowed_down),
        T(without_the_password_a_code_is_neither_found_nor_missed),
        T(of_many_polls_at_once_one_brings_tokens),
        T(of_many_refreshes_at_once_one_counts_and_the_login_stands),
        T(the_database_holds_no_device_code_and_no_refresh_token),
    };
    return cmocka_run_group_tests_name("device", tests, open_all, close_all);
}
