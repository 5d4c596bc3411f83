/* SPDX-License-Identifier: Apache-2.0
 *
 * Endpoints, subscriptions, secrets, events and what is listed of them. */
#include "webhooks/webhooks_lab.h"

/* --- endpoints ----------------------------------------------------------------------------- */

static void
a_new_endpoint_has_its_secret_shown_once_and_sealed(void **state)
{
    static const char *const TYPES[] = {"run.passed", "case.failed", "run.passed"};
    struct call c = call_begin(7);
    Assay__CreateWebhookResponse resp;
    Assay__ListWebhooksRequest list_req = ASSAY__LIST_WEBHOOKS_REQUEST__INIT;
    Assay__ListWebhooksResponse list = ASSAY__LIST_WEBHOOKS_RESPONSE__INIT;
    struct str secret = STR_EMPTY;
    char sql[256];

    (void)state;
    assert_int_equal(create_in(&c, "CI", "https://hooks.example.com/a?b=c", TYPES, 3, &resp),
                     RC_OK);
    assert_string_equal(resp.name, "CI");
    assert_string_equal(resp.url, "https://hooks.example.com/a?b=c");
    assert_int_equal(resp.n_event_types, 2);
    assert_string_equal(resp.event_types[0], "run.passed");
    assert_string_equal(resp.event_types[1], "case.failed");
    assert_true(resp.enabled);
    assert_true(str_starts(str_z(resp.secret), STR("whsec_")));
    assert_int_equal(strlen(resp.secret), 46);
    /* The row has no readable secret, but the sealed one opens, in its place only. */
    (void)snprintf(sql, sizeof(sql),
                   "endpoints WHERE position('%s' in encode(secret, 'escape')) > 0",
                   resp.secret + 6);
    assert_int_equal(count(sql), 0);
    struct whk_job job;
    tell_new(7);
    struct call loop = call_begin(0);
    assert_int_equal(claim(&loop, false, 1, &job), 1);
    assert_int_equal(whk_unseal(webhooks.ring, &loop.ctx, job.endpoint_id, job.secret, &secret),
                     RC_OK);
    assert_true(str_eqz(secret, resp.secret));
    assert_int_equal(whk_unseal(webhooks.ring, &loop.ctx, job.endpoint_id + 1, job.secret, &secret),
                     RC_DATA_LOSS);
    call_end(&loop);
    assert_int_equal(webhooks_list_webhooks(&webhooks, &c.ctx, &list_req, &list), RC_OK);
    assert_int_equal(list.n_items, 1);
    assert_int_equal(list.items[0]->id, resp.id);
    assert_string_equal(list.items[0]->name, "CI");
    assert_int_equal(list.items[0]->n_event_types, 2);
    assert_true(list.items[0]->created_at == resp.created_at && resp.created_at > 0);
    assert_int_equal(count("outbox WHERE type = 'webhook.created' AND target = 1"), 1);
    call_end(&c);
}

static void
without_types_the_defaults_count(void **state)
{
    struct call c = call_begin(7);
    Assay__CreateWebhookResponse resp;

    (void)state;
    assert_int_equal(create_in(&c, NULL, "http://example.com", NULL, 0, &resp), RC_OK);
    assert_null(resp.name);
    assert_int_equal(resp.n_event_types, 5);
    for (size_t i = 0; i < resp.n_event_types; i++) {
        assert_int_not_equal(catalogue_find(str_z(resp.event_types[i]))->flags & CATALOGUE_ON, 0);
    }
    call_end(&c);
}

static void
other_organizations_endpoints_do_not_exist(void **state)
{
    int64_t id = create(7, "https://example.com/");
    char text[32];

    (void)state;
    (void)snprintf(text, sizeof(text), "%lld", (long long)id);
    assert_int_equal(get(7, id), RC_OK);
    assert_int_equal(check_path(7, "webhook_id", text), RC_OK);
    assert_int_equal(get(8, id), RC_NOT_FOUND);
    assert_int_equal(erase(8, id), RC_NOT_FOUND);
    assert_int_equal(check_path(8, "webhook_id", text), RC_NOT_FOUND);
    assert_int_equal(check_path(7, "webhook_id", "0"), RC_NOT_FOUND);
    assert_int_equal(check_path(7, "webhook_id", "x"), RC_NOT_FOUND);
    assert_int_equal(check_path(7, "webhook_id", "99999999999999999999"), RC_NOT_FOUND);
    assert_int_equal(erase(7, id), RC_OK);
    assert_int_equal(get(7, id), RC_NOT_FOUND);
    assert_int_equal(erase(7, id), RC_NOT_FOUND);
    assert_int_equal(count("outbox WHERE type = 'webhook.deleted'"), 1);
    assert_int_equal(
        pg_support_i64("SELECT count(*) FROM pg_class WHERE relrowsecurity AND"
                       " relforcerowsecurity AND relnamespace = 'webhooks'::regnamespace"),
        5);
}

static void
unknown_types_are_refused_and_leave_nothing(void **state)
{
    static const char *const BAD[] = {"run.exploded", "", "run.passed ", "*", "RUN.PASSED"};
    char reason[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(create_fails("https://example.com/", BAD[i], reason), RC_INVALID_ARGUMENT);
        assert_string_equal(reason, "EVENT_TYPE");
    }
    assert_int_equal(count("endpoints"), 0);
    assert_int_equal(count("outbox"), 0);
}

static void
an_organization_has_a_bounded_number(void **state)
{
    char reason[64];

    (void)state;
    pg_support_exec(
        "INSERT INTO webhooks.endpoints (org_id, url, event_types)"
        " SELECT 7, 'https://example.com/', '{run.passed}' FROM generate_series(1, 100)");
    assert_int_equal(create_fails("https://example.com/", NULL, reason), RC_FAILED_PRECONDITION);
    assert_string_equal(reason, "WEBHOOK_LIMIT");
    (void)create(8, "https://example.com/");
}

/* --- events -------------------------------------------------------------------------------- */

static void
an_event_makes_one_delivery_per_endpoint_that_wants_it(void **state)
{
    char id[ID_UUID_LEN + 1];

    (void)state;
    int64_t first = create(7, "https://example.com/1");
    (void)create(7, "https://example.com/2");
    int64_t off = create(7, "https://example.com/off");
    (void)create(8, "https://example.com/other");
    char sql[128];
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE webhooks.endpoints SET enabled = false WHERE id = %lld", (long long)off);
    pg_support_exec(sql);
    id_uuid(id);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tell(id, "run.passed", 7, "{\"n\":1}"), 1);
    }
    assert_int_equal(count("deliveries"), 2);
    /* Long after, when the inbox has forgotten. */
    pg_support_exec("DELETE FROM webhooks.inbox");
    assert_int_equal(tell(id, "run.passed", 7, "{\"n\":1}"), 1);
    assert_int_equal(count("deliveries"), 2);
    assert_int_equal(count("deliveries WHERE org_id = 7 AND state = 'pending' AND attempt = 0"), 2);
    /* Types nobody wants, types nobody knows, data that is none. */
    id_uuid(id);
    assert_int_equal(tell(id, "run.started", 7, "{}"), 1);
    assert_int_equal(tell("no-uuid", "made.up", 7, "]"), 1);
    assert_int_equal(tell("no-uuid", "run.passed", 7, "{}"), 0);
    id_uuid(id);
    assert_int_equal(tell(id, "run.passed", 7, "[]"), 0);
    assert_int_equal(tell(id, "run.passed", 0, "{}"), 0);
    assert_int_equal(count("deliveries"), 2);
    /* With the endpoint goes what was on its way. */
    assert_int_equal(erase(7, first), RC_OK);
    assert_int_equal(count("deliveries"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_endpoint_has_its_secret_shown_once_and_sealed),
        T(without_types_the_defaults_count),
        T(other_organizations_endpoints_do_not_exist),
        T(unknown_types_are_refused_and_leave_nothing),
        T(an_organization_has_a_bounded_number),
        T(an_event_makes_one_delivery_per_endpoint_that_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
