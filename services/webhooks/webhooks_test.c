/* SPDX-License-Identifier: Apache-2.0
 *
 * Endpoints, events and claims. */
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
    bool found = false;
    tell_new(7);
    struct call loop = call_begin(0);
    assert_int_equal(db_begin(db, &loop.ctx), RC_OK);
    assert_int_equal(whk_claim(db, &loop.ctx, false, LEASE_US, &webhooks.retry, &job, &found),
                     RC_OK);
    assert_true(found);
    assert_int_equal(whk_unseal(webhooks.ring, &loop.ctx, job.endpoint_id, job.secret, &secret),
                     RC_OK);
    assert_true(str_eqz(secret, resp.secret));
    assert_int_equal(whk_unseal(webhooks.ring, &loop.ctx, job.endpoint_id + 1, job.secret, &secret),
                     RC_DATA_LOSS);
    db_rollback(db, &loop.ctx);
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
        assert_true(catalogue_find(str_z(resp.event_types[i]))->on);
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
        2);
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

/* --- claims -------------------------------------------------------------------------------- */

static bool
claim(struct call *c, bool failing, struct whk_job *job)
{
    bool found = false;

    assert_int_equal(db_begin(db, &c->ctx), RC_OK);
    assert_int_equal(whk_claim(db, &c->ctx, failing, LEASE_US, &webhooks.retry, job, &found),
                     RC_OK);
    if (found) {
        assert_int_equal(db_commit(db, &c->ctx), RC_OK);
    } else {
        db_rollback(db, &c->ctx);
    }
    return found;
}

static bool
record(struct call *c, const struct whk_job *job, const struct whk_outcome *outcome)
{
    bool disabled = false;

    assert_int_equal(db_begin(db, &c->ctx), RC_OK);
    assert_int_equal(whk_record(db, &c->ctx, job, outcome, &webhooks.retry,
                                webhooks.cfg->disable_after_us, &disabled),
                     RC_OK);
    assert_int_equal(db_commit(db, &c->ctx), RC_OK);
    return disabled;
}

static void
an_endpoint_is_claimed_by_one_at_a_time_and_planned_before_it_is_sent(void **state)
{
    const struct whk_outcome good = {.delivered = true, .status = 204};
    struct call c = call_begin(0);
    struct whk_job job, other;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    tell_new(7);
    assert_true(claim(&c, false, &job));
    assert_int_equal(job.attempt, 1);
    assert_false(claim(&c, false, &other));
    /* A process that died now would leave a second attempt planned ten seconds from the first. */
    assert_int_equal(count("deliveries WHERE attempt = 1 AND state = 'pending'"
                           " AND next_at - now() BETWEEN interval '9 s' AND interval '11 s'"),
                     1);
    assert_false(record(&c, &job, &good));
    assert_true(claim(&c, false, &other));
    assert_int_not_equal(other.delivery_id, job.delivery_id);
    assert_int_equal(count("deliveries WHERE state = 'delivered' AND response_status = 204"), 1);
    call_end(&c);
}

static void
one_who_lost_the_lease_changes_nothing_of_his_successor(void **state)
{
    const struct whk_outcome bad = {.status = 500, .error = STR("answered with status 500")};
    struct call c = call_begin(0);
    struct whk_job slow, next;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    assert_true(claim(&c, false, &slow));
    pg_support_exec("UPDATE webhooks.endpoints SET busy_until = now();"
                    "UPDATE webhooks.deliveries SET next_at = now()");
    assert_true(claim(&c, false, &next));
    assert_int_equal(next.delivery_id, slow.delivery_id);
    assert_int_equal(next.attempt, 2);
    assert_false(record(&c, &slow, &bad));
    assert_int_equal(count("deliveries WHERE attempt = 2 AND error IS NULL"), 1);
    assert_int_equal(count("endpoints WHERE busy_until > now() AND failing_since IS NULL"), 1);
    call_end(&c);
}

static void
attempts_follow_the_schedule_and_end(void **state)
{
    const struct whk_outcome bad = {.status = 500, .error = STR("answered with status 500")};
    static const int WAITS_S[] = {10, 60, 600, 3600, 21600, 86400, 172800};
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    for (size_t i = 0; i < ARRAY_LEN(WAITS_S); i++) {
        char sql[256];
        assert_true(claim(&c, i > 0, &job));
        assert_false(record(&c, &job, &bad));
        assert_false(claim(&c, true, &job));
        (void)snprintf(sql, sizeof(sql),
                       "deliveries WHERE attempt = %zu AND state = 'pending' AND"
                       " extract(epoch FROM next_at - now()) BETWEEN %d * 0.99 - 1 AND %d * 1.11",
                       i + 1, WAITS_S[i], WAITS_S[i]);
        assert_int_equal(count(sql), 1);
        pg_support_exec("UPDATE webhooks.deliveries SET next_at = now()");
    }
    assert_true(claim(&c, true, &job));
    assert_int_equal(job.attempt, 8);
    assert_false(record(&c, &job, &bad));
    assert_int_equal(count("deliveries WHERE state = 'failed' AND attempt = 8"), 1);
    call_end(&c);
}

static void
a_last_attempt_that_was_interrupted_ends_the_delivery(void **state)
{
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    pg_support_exec("UPDATE webhooks.deliveries SET attempt = 7");
    assert_true(claim(&c, false, &job));
    assert_int_equal(job.attempt, 8);
    /* Under way: the sweep leaves it alone. */
    (void)whk_sweep(&webhooks, &c.ctx);
    assert_int_equal(count("deliveries WHERE state = 'pending'"), 1);
    /* Its process died: no ninth attempt, whoever looks. */
    pg_support_exec("UPDATE webhooks.endpoints SET busy_until = now();"
                    "UPDATE webhooks.deliveries SET next_at = next_at - interval '10 minutes'");
    assert_false(claim(&c, false, &job));
    (void)whk_sweep(&webhooks, &c.ctx);
    assert_int_equal(
        count("deliveries WHERE state = 'failed' AND attempt = 8 AND error IS NOT NULL"), 1);
    call_end(&c);
}

static void
three_days_of_failing_disable(void **state)
{
    const struct whk_outcome bad = {.status = 500, .error = STR("answered with status 500")};
    const struct whk_outcome good = {.delivered = true, .status = 200};
    struct call c = call_begin(0);
    struct whk_job job;

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    assert_true(claim(&c, false, &job));
    assert_false(record(&c, &job, &bad));
    pg_support_exec("UPDATE webhooks.endpoints SET failing_since = now() - interval '71 hours';"
                    "UPDATE webhooks.deliveries SET next_at = now()");
    assert_true(claim(&c, true, &job));
    assert_false(record(&c, &job, &bad));
    /* One success is a new beginning. */
    pg_support_exec("UPDATE webhooks.deliveries SET next_at = now()");
    assert_true(claim(&c, true, &job));
    assert_false(record(&c, &job, &good));
    assert_int_equal(count("endpoints WHERE failing_since IS NULL AND enabled"), 1);
    tell_new(7);
    assert_true(claim(&c, false, &job));
    assert_false(record(&c, &job, &bad));
    pg_support_exec("UPDATE webhooks.endpoints SET failing_since = now() - interval '73 hours';"
                    "UPDATE webhooks.deliveries SET next_at = now()");
    assert_true(claim(&c, true, &job));
    assert_true(record(&c, &job, &bad));
    assert_int_equal(count("endpoints WHERE NOT enabled"), 1);
    call_end(&c);
}

static void
old_deliveries_are_swept(void **state)
{
    struct call c = call_begin(0);

    (void)state;
    (void)create(7, "https://example.com/");
    tell_new(7);
    tell_new(7);
    pg_support_exec("UPDATE webhooks.deliveries SET created_at = now() - interval '31 days'"
                    " WHERE id = (SELECT min(id) FROM webhooks.deliveries)");
    assert_false(whk_sweep(&webhooks, &c.ctx));
    assert_int_equal(count("deliveries"), 1);
    call_end(&c);
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
        T(an_endpoint_is_claimed_by_one_at_a_time_and_planned_before_it_is_sent),
        T(one_who_lost_the_lease_changes_nothing_of_his_successor),
        T(attempts_follow_the_schedule_and_end),
        T(a_last_attempt_that_was_interrupted_ends_the_delivery),
        T(three_days_of_failing_disable),
        T(old_deliveries_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
