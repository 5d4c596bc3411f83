/* SPDX-License-Identifier: Apache-2.0
 *
 * A webhook that was switched off: who gets a mail, how often, and what it says. */
#include "auth/aut_store_mail.h"
#include "auth/auth_fixture.h"

#define EVENT "0190a1b2-0000-7000-8000-000000000001"
#define OTHER_EVENT "0190a1b2-0000-7000-8000-000000000002"

static int
set_up_people(void **state)
{
    (void)set_up_sink(state);
    pg_support_exec("INSERT INTO auth.organizations (id, name) OVERRIDING SYSTEM VALUE"
                    " VALUES (1, 'Shop'), (2, 'Other');"
                    "INSERT INTO auth.users (id, org_id, email, role, password_phc)"
                    " OVERRIDING SYSTEM VALUE VALUES"
                    " (1, 1, 'ada@example.com', 3, 'x'), (2, 1, 'bob@example.com', 2, 'x'),"
                    " (3, 1, 'cyd@example.com', 3, 'x'), (4, 1, 'dan@example.com', 1, 'x'),"
                    " (5, 2, 'eve@example.com', 3, 'x')");
    return 0;
}

static void
send_all(void)
{
    bool more = true;

    while (more) {
        struct call c = call_begin();
        more = aut_mail_run(&auth, &c.ctx);
        assert_int_equal(c.ctx.err.code, RC_OK);
        call_end(&c);
    }
}

/* Mails in the sink that have the line. */
static int
mails_with(const char *line)
{
    char command[300], answer[16];

    (void)snprintf(command, sizeof(command),
                   "cat %s/*.eml /dev/null 2>/dev/null | tr -d '\\r' | grep -cxF '%s'", sink, line);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    assert_non_null(fgets(answer, sizeof(answer), p));
    (void)pclose(p);
    return (int)strtol(answer, NULL, 10);
}

static const char DATA[] =
    "{\"webhook_id\":12,\"name\":\"CI <b>hook</b>\",\"kind\":\"webhook\",\"reason\":\"failing\","
    "\"created_by\":2,\"last_status\":503,\"last_error\":\"answered with status 503\"}";

static void
admins_and_the_maker_get_one_mail_each_once(void **state)
{
    (void)state;
    deliver_event(EVENT, 1, "webhook.disabled", DATA);
    deliver_event(EVENT, 1, "webhook.disabled",
                  DATA); /* the relay died before it noted the answer */
    send_all();
    assert_int_equal(mails_with("Subject: Webhook switched off: CI <b>hook</b>"), 3);
    assert_int_equal(mails_with("To: <ada@example.com>"), 1);
    assert_int_equal(mails_with("To: <bob@example.com>"), 1);
    assert_int_equal(mails_with("To: <cyd@example.com>"), 1);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.mails"), 0);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.audit_events"), 1);
    /* Switched off a second time. */
    deliver_event(OTHER_EVENT, 1, "webhook.disabled", DATA);
    send_all();
    assert_int_equal(mails_with("To: <ada@example.com>"), 2);
}

static void
a_maker_of_another_organization_or_of_the_past_gets_none(void **state)
{
    (void)state;
    deliver_event(EVENT, 1, "webhook.disabled",
                  "{\"webhook_id\":1,\"name\":\"x\",\"created_by\":5}");
    deliver_event(OTHER_EVENT, 1, "webhook.disabled",
                  "{\"webhook_id\":1,\"name\":\"x\",\"created_by\":99}");
    send_all();
    assert_int_equal(mails_with("To: <ada@example.com>"), 2);
    assert_int_equal(mails_with("To: <cyd@example.com>"), 2);
    assert_int_equal(mails_with("Subject: Webhook switched off: x"), 4);
}

static void
other_events_and_data_that_is_none_send_nothing(void **state)
{
    static const char *const BAD[] = {NULL, "", "[]", "{", "null"};

    (void)state;
    deliver_event(EVENT, 1, "webhook.deleted", DATA);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        char id[ID_UUID_LEN + 1];
        id_uuid(id);
        deliver_event(id, 1, "webhook.disabled", BAD[i]);
    }
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.mails"), 0);
    assert_int_equal(pg_support_i64("SELECT count(*) FROM auth.audit_events"),
                     1 + (int)ARRAY_LEN(BAD));
}

static void
the_mail_says_what_why_and_where_and_escapes_names(void **state)
{
    struct call c = call_begin();
    struct aut_mail_facts facts = {.org_name = STR("Shop & Co"), .email = STR("ada@example.com")};
    struct aut_mail_text text;

    (void)state;
    assert_int_equal(aut_notice_read(&c.ctx, str_z(DATA), &facts), RC_OK);
    struct str link =
        aut_mail_link(&c.ctx, auth.cfg->public_url, AUT_MAIL_WEBHOOK_DISABLED, STR_EMPTY);
    assert_true(str_eqz(link, "https://assay.example.com/docs"));
    assert_int_equal(aut_mail_write(&c.ctx, AUT_MAIL_WEBHOOK_DISABLED, &facts, link, &text), RC_OK);
    assert_true(str_find(text.text, STR("The webhook \"CI <b>hook</b>\" (number 12) of the "
                                        "organization \"Shop & Co\"")) == 0);
    assert_true(str_find(text.text, STR("no attempt to reach it succeeded for too long")) > 0);
    assert_true(str_find(text.text, STR("was answered with status 503")) > 0);
    assert_true(str_find(text.text, STR("PATCH /api/v1/integrations/webhooks/12 with")) > 0);
    assert_true(str_find(text.text, link) > 0);
    assert_true(str_find(text.html, STR("CI &lt;b&gt;hook&lt;/b&gt;")) > 0);
    assert_true(str_find(text.html, STR("<b>")) < 0);
    assert_true(str_find(text.html, STR("Shop &amp; Co")) > 0);
    assert_true(str_find(text.html, STR("<a href=\"https://assay.example.com/docs\">")) > 0);
    /* No answer at all, or the end that the receiver asked for. */
    assert_int_equal(
        aut_notice_read(&c.ctx, STR("{\"last_error\":\"CONNECT: nobody\\nthere\"}"), &facts),
        RC_OK);
    assert_int_equal(aut_mail_write(&c.ctx, AUT_MAIL_WEBHOOK_DISABLED, &facts, link, &text), RC_OK);
    assert_true(str_find(text.text, STR("failed (CONNECT: nobody there)")) > 0);
    assert_int_equal(
        aut_notice_read(&c.ctx, STR("{\"reason\":\"gone\",\"last_status\":410}"), &facts), RC_OK);
    assert_int_equal(aut_mail_write(&c.ctx, AUT_MAIL_WEBHOOK_DISABLED, &facts, link, &text), RC_OK);
    assert_true(str_find(text.text, STR("410 Gone")) > 0);
    call_end(&c);
}

/* The API knows no webhook of theirs that could be switched on. */
static void
for_chats_and_repositories_the_mail_says_another_way(void **state)
{
    static const char *const WAYS[][2] = {
        {"slack", "test-notification"}, {"teams", "test-notification"}, {"github", "github_token"}};
    struct call c = call_begin();
    struct aut_mail_facts facts = {.org_name = STR("Shop"), .email = STR("ada@example.com")};
    struct aut_mail_text text;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(WAYS); i++) {
        struct str about = arena_printf(
            c.arena, "{\"webhook_id\":12,\"name\":\"%s\",\"kind\":\"%s\"}", WAYS[i][0], WAYS[i][0]);
        assert_int_equal(aut_notice_read(&c.ctx, about, &facts), RC_OK);
        assert_int_equal(
            aut_mail_write(&c.ctx, AUT_MAIL_WEBHOOK_DISABLED, &facts, STR_EMPTY, &text), RC_OK);
        assert_true(str_find(text.text, str_z(WAYS[i][1])) > 0);
        assert_true(str_find(text.text, STR("integrations/webhooks")) < 0);
    }
    call_end(&c);
}

#define N(name) cmocka_unit_test_setup_teardown(name, set_up_people, tear_down_sink)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        N(admins_and_the_maker_get_one_mail_each_once),
        N(a_maker_of_another_organization_or_of_the_past_gets_none),
        N(other_events_and_data_that_is_none_send_nothing),
        N(the_mail_says_what_why_and_where_and_escapes_names),
        N(for_chats_and_repositories_the_mail_says_another_way),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
