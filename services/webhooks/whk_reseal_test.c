/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators need: secrets change over to a new key, and what is stuck shows. */
#include "webhooks_lab.h"

#include "webhooks/whk_reseal.h"
#include "webhooks/whk_settings.h"
#include "webhooks/whk_store_operate.h"

#define NEW_KEY "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void
open_keys(const char *keys)
{
    static struct webhooks_cfg cfg;

    cfg = PUBLIC;
    cfg.secret_key = keys;
    open_with(&cfg);
}

static struct whk_reseal
reseal(void)
{
    struct call c = call_begin(0);
    struct whk_reseal done;

    assert_int_equal(whk_reseal_all(db, &c.ctx, webhooks.ring, &done), RC_OK);
    call_end(&c);
    return done;
}

static void
put_token(int64_t org, const char *token)
{
    struct call c = call_begin(org);
    Assay__PutSettingsRequest req = ASSAY__PUT_SETTINGS_REQUEST__INIT;
    Assay__IntegrationSettings resp = ASSAY__INTEGRATION_SETTINGS__INIT;

    req.gitlab_token = (char *)(uintptr_t)token;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(end_tx(&c, webhooks_put_settings(&webhooks, &c.ctx, &req, &resp)), RC_OK);
    call_end(&c);
}

static bool
token_is(int64_t org, const char *token)
{
    struct call c = call_begin(org);
    struct whk_settings settings;

    bool same = whk_settings_read(&webhooks, &c.ctx, &settings) == RC_OK &&
                str_eqz(settings.values[SET_GITLAB_TOKEN], token);
    call_end(&c);
    return same;
}

/* A new secret; the one before goes on signing. */
static void
rotate(int64_t org, int64_t id, char out[128])
{
    struct call c = call_begin(org);
    Assay__RegenerateSecretRequest req = ASSAY__REGENERATE_SECRET_REQUEST__INIT;
    Assay__RegenerateSecretResponse resp = ASSAY__REGENERATE_SECRET_RESPONSE__INIT;

    req.webhook_id = id;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    assert_int_equal(end_tx(&c, webhooks_regenerate_secret(&webhooks, &c.ctx, &req, &resp)), RC_OK);
    (void)snprintf(out, 128, "%s", resp.secret);
    call_end(&c);
}

/* Claims the delivery that waits: does its secret open to this, and has it an older one? */
static void
assert_signs_with(const char *secret, bool has_old)
{
    struct call c = call_begin(0);
    struct whk_job job;
    struct str plain;

    assert_int_equal(claim(&c, false, 1, &job), 1);
    assert_int_equal(whk_unseal(webhooks.ring, &c.ctx, job.endpoint_id, job.secret, &plain), RC_OK);
    assert_true(str_eqz(plain, secret));
    assert_int_equal(job.old_secret.n > 0, has_old);
    if (has_old) {
        assert_int_equal(whk_unseal(webhooks.ring, &c.ctx, job.endpoint_id, job.old_secret, &plain),
                         RC_OK);
    }
    call_end(&c);
}

static void
after_a_rotation_the_old_key_is_not_needed_any_more(void **state)
{
    char secret[128];

    (void)state;
    open_keys(KEY);
    int64_t id = create(7, "https://example.com/1");
    rotate(7, id, secret);
    put_token(7, "glpat-7");
    put_token(8, "glpat-8");
    open_keys(NEW_KEY "," KEY);
    struct whk_reseal done = reseal();
    assert_int_equal(done.sealed, 3);
    assert_int_equal(done.lost, 0);
    assert_int_equal(count("outbox WHERE type = 'webhook.secrets_resealed'"), 1);
    open_keys(NEW_KEY);
    assert_true(token_is(7, "glpat-7") && token_is(8, "glpat-8"));
    tell_new(7);
    assert_signs_with(secret, true);
    assert_int_equal(reseal().sealed, 3); /* as often as one likes */
}

static void
a_secret_that_signs_no_more_is_forgotten(void **state)
{
    char secret[128];

    (void)state;
    open_keys(KEY);
    rotate(7, create(7, "https://example.com/1"), secret);
    pg_support_exec("UPDATE webhooks.endpoints SET old_secret_until = now()");
    open_keys(NEW_KEY "," KEY);
    assert_int_equal(reseal().sealed, 1);
    assert_int_equal(count("endpoints WHERE old_secret IS NULL"), 1);
    tell_new(7);
    assert_signs_with(secret, false);
}

static void
what_no_key_opens_is_counted_and_left_alone(void **state)
{
    (void)state;
    open_keys(KEY);
    put_token(7, "glpat-7");
    put_token(8, "glpat-8");
    pg_support_exec("UPDATE webhooks.settings SET sealed = set_byte(sealed, 20,"
                    " 255 - get_byte(sealed, 20)) WHERE org_id = 7");
    struct whk_reseal done = reseal();
    assert_int_equal(done.sealed, 1);
    assert_int_equal(done.lost, 1);
    assert_true(token_is(8, "glpat-8"));
    assert_false(token_is(7, "glpat-7"));
}

/* More than a page of each. */
static void
every_page_is_walked_through(void **state)
{
    (void)state;
    open_keys(KEY);
    int64_t id = create(7, "https://example.com/1");
    put_token(7, "glpat-7");
    /* Copies open nowhere: they are found, and that is what is counted. */
    pg_support_exec("INSERT INTO webhooks.endpoints (org_id, url, event_types, secret)"
                    " SELECT 1 + i, 'https://example.com/', '{}', secret"
                    " FROM webhooks.endpoints, generate_series(1, 250) i;"
                    "INSERT INTO webhooks.settings (org_id, name, sealed)"
                    " SELECT 1000 + i / 2, 'n' || i % 2, sealed"
                    " FROM webhooks.settings, generate_series(1, 250) i");
    assert_true(id > 0);
    struct whk_reseal done = reseal();
    assert_int_equal(done.sealed, 2);
    assert_int_equal(done.lost, 500);
}

/* --- what is stuck ------------------------------------------------------------------------- */

static struct whk_health
health(void)
{
    struct call c = call_begin(0);
    struct whk_health h = {-1, -1};

    assert_int_equal(whk_health_get(db, &c.ctx, &h), RC_OK);
    call_end(&c);
    return h;
}

static size_t
stuck(struct whk_stuck *first, char error[64])
{
    struct call c = call_begin(0);
    struct whk_stuck *list = NULL;
    size_t n = 0;

    assert_int_equal(whk_stuck_list(db, &c.ctx, &list, &n), RC_OK);
    if (n > 0) {
        *first = list[0];
        (void)snprintf(error, 64, "%.*s", STR_ARG(list[0].error));
    }
    call_end(&c);
    return n;
}

static void
a_delivery_that_nobody_sends_and_an_endpoint_that_fails_show(void **state)
{
    struct whk_stuck first;
    char error[64];

    (void)state;
    assert_int_equal(health().overdue_s + health().failing, 0);
    int64_t late = create(7, "https://example.com/late");
    int64_t bad = create(8, "https://example.com/bad");
    (void)create(9, "https://example.com/well");
    tell_new(7);
    tell_new(8);
    tell_new(9);
    assert_int_equal(stuck(&first, error), 0);
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "UPDATE webhooks.deliveries SET next_at = now() - interval '5 minutes'"
                   " WHERE endpoint_id = %lld",
                   (long long)late);
    pg_support_exec(sql);
    assert_in_range(health().overdue_s, 300, 1000);
    assert_int_equal(stuck(&first, error), 1);
    assert_int_equal(first.org_id, 7);
    assert_int_equal(first.waiting, 1);
    assert_int_equal(first.failing_since_us, 0);
    /* Switched off it is meant to get nothing. */
    (void)snprintf(sql, sizeof sql, "UPDATE webhooks.endpoints SET enabled = false WHERE id = %lld",
                   (long long)late);
    pg_support_exec(sql);
    assert_true(health().overdue_s < 300);
    assert_int_equal(stuck(&first, error), 0);

    (void)snprintf(sql, sizeof sql,
                   "UPDATE webhooks.endpoints SET failing_since = now() WHERE id = %lld;"
                   "UPDATE webhooks.deliveries SET attempt = 2, error = 'CONNECT: refused',"
                   " next_at = now() - interval '1 hour' WHERE endpoint_id = %lld",
                   (long long)bad, (long long)bad);
    pg_support_exec(sql);
    assert_int_equal(health().failing, 1);
    assert_true(health().overdue_s < 300); /* that is its own fault */
    assert_int_equal(stuck(&first, error), 1);
    assert_int_equal(first.id, bad);
    assert_int_equal(first.attempt, 2);
    assert_string_equal(error, "CONNECT: refused");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(after_a_rotation_the_old_key_is_not_needed_any_more),
        T(a_secret_that_signs_no_more_is_forgotten),
        T(what_no_key_opens_is_counted_and_left_alone),
        T(every_page_is_walked_through),
        T(a_delivery_that_nobody_sends_and_an_endpoint_that_fails_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
