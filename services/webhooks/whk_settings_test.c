/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings: what is shown of secrets, where they lie, and the endpoints that come from them. */
#include "webhooks_lab.h"

#include "webhooks/whk_settings.h"

#define SLACK "https://hooks.slack.com/services/T0/B0/s3cr3tpath"
#define TOKEN "ghp_0123456789abcdefghij"

static struct str
mask(const char *value)
{
    static char shown[64];
    struct call c = call_begin(7);
    struct str text = whk_setting_mask(&c.ctx, str_z(value));

    (void)snprintf(shown, sizeof shown, "%.*s", STR_ARG(text));
    call_end(&c);
    return str_z(shown);
}

/* Sets these members for an organization; NULL: left alone. */
static enum rc
put(int64_t org, const char *slack, const char *token, const char *repo, const char *mask_seen)
{
    struct call c = call_begin(org);
    Assay__PutSettingsRequest req = ASSAY__PUT_SETTINGS_REQUEST__INIT;
    Assay__IntegrationSettings resp = ASSAY__INTEGRATION_SETTINGS__INIT;

    req.slack_webhook_url = (char *)(uintptr_t)slack;
    req.github_token = (char *)(uintptr_t)token;
    req.github_repo = (char *)(uintptr_t)repo;
    assert_int_equal(db_begin(db, &c.ctx), RC_OK);
    enum rc rc = end_tx(&c, webhooks_put_settings(&webhooks, &c.ctx, &req, &resp));
    if (rc == RC_OK && mask_seen != NULL) {
        assert_string_equal(resp.github_token, mask_seen);
    }
    call_end(&c);
    return rc;
}

/* The value as the loops that use it read it; "" when it is not set. */
static enum rc
opened(int64_t org, enum whk_setting_name name, char out[128])
{
    struct call c = call_begin(org);
    struct whk_settings settings;

    enum rc rc = whk_settings_read(&webhooks, &c.ctx, &settings);
    if (rc == RC_OK) {
        (void)snprintf(out, 128, "%.*s", STR_ARG(settings.values[name]));
    }
    call_end(&c);
    return rc;
}

static void
a_mask_is_the_last_four_characters_and_of_short_secrets_none(void **state)
{
    (void)state;
    assert_true(str_eqz(mask(TOKEN), "****ghij"));
    assert_true(str_eqz(mask("abcde"), "****bcde"));
    assert_true(str_eqz(mask("abcd"), "****"));
    assert_true(str_eqz(mask("a"), "****"));
    /* Characters, not bytes: the mask is text too. */
    assert_true(str_eqz(mask("x\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80z"),
                        "****\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80z"));
    assert_true(str_eqz(mask("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"), "****"));
}

static void
addresses_of_chats_and_tokens_are_secret_and_nothing_else(void **state)
{
    size_t secrets = 0;

    (void)state;
    for (int i = 0; i < WHK_SETTING_COUNT; i++) {
        struct str name = whk_setting_text((enum whk_setting_name)i);
        bool is_secret = str_ends(name, STR("_token")) || str_ends(name, STR("_webhook_url"));
        assert_int_equal(whk_setting_is_secret((enum whk_setting_name)i), is_secret);
        secrets += is_secret ? 1 : 0;
    }
    assert_int_equal(secrets, 5);
}

static void
a_secret_lies_sealed_and_is_kept_when_its_mask_comes_back(void **state)
{
    char value[128];

    (void)state;
    assert_int_equal(put(7, NULL, TOKEN, "acme/shop", "****ghij"), RC_OK);
    assert_int_equal(count("settings WHERE name = 'github_token' AND value IS NULL AND"
                           " position('ghp_'::bytea IN sealed) = 0"),
                     1);
    int64_t told = count("outbox");
    assert_int_equal(put(7, NULL, "****ghij", "acme/shop", "****ghij"), RC_OK);
    assert_int_equal(count("outbox"), told); /* nothing was changed, and nothing is told */
    assert_int_equal(opened(7, SET_GITHUB_TOKEN, value), RC_OK);
    assert_string_equal(value, TOKEN);
    assert_int_equal(put(7, NULL, "", NULL, NULL), RC_OK);
    assert_int_equal(opened(7, SET_GITHUB_TOKEN, value), RC_OK);
    assert_string_equal(value, "");
    assert_int_equal(count("outbox"), told + 1);
}

static void
a_sealed_value_opens_at_its_place_alone(void **state)
{
    char value[128];

    (void)state;
    assert_int_equal(put(7, NULL, TOKEN, NULL, NULL), RC_OK);
    assert_int_equal(opened(8, SET_GITHUB_TOKEN, value), RC_OK);
    assert_string_equal(value, "");
    pg_support_exec("INSERT INTO webhooks.settings (org_id, name, sealed)"
                    " SELECT 8, name, sealed FROM webhooks.settings WHERE org_id = 7");
    assert_int_equal(opened(8, SET_GITHUB_TOKEN, value), RC_DATA_LOSS);
    pg_support_exec("UPDATE webhooks.settings SET name = 'jira_token' WHERE org_id = 7");
    assert_int_equal(opened(7, SET_JIRA_TOKEN, value), RC_DATA_LOSS);
    pg_support_exec("UPDATE webhooks.settings SET name = 'github_token',"
                    " sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20)) WHERE org_id = 7");
    assert_int_equal(opened(7, SET_GITHUB_TOKEN, value), RC_DATA_LOSS);
    /* One of a version to come harms nobody. */
    pg_support_exec("UPDATE webhooks.settings SET name = 'of_tomorrow' WHERE org_id = 7");
    assert_int_equal(opened(7, SET_GITHUB_TOKEN, value), RC_OK);
}

static void
a_chat_and_a_repository_are_endpoints_while_they_are_set(void **state)
{
    (void)state;
    assert_int_equal(put(7, SLACK, TOKEN, NULL, NULL), RC_OK);
    assert_int_equal(count("endpoints WHERE kind = 'slack' AND url = '' AND secret IS NOT NULL"),
                     1);
    assert_int_equal(count("endpoints WHERE kind = 'github'"), 0); /* the repository is missing */
    assert_int_equal(put(7, NULL, NULL, "acme/shop", NULL), RC_OK);
    assert_int_equal(count("endpoints WHERE kind = 'github'"), 1);
    assert_int_equal(put(7, "", NULL, "", NULL), RC_OK);
    assert_int_equal(count("endpoints"), 0);
}

/* After three days of failing a chat is off: the mask leaves it so, the address written out or a
 * new one begins anew. */
static void
a_chat_that_was_switched_off_is_on_again_when_its_address_is_written_out(void **state)
{
    static const char OFF[] = "UPDATE webhooks.endpoints SET enabled = false,"
                              " disabled_reason = 'failing', failing_since = now()";
    static const char ON[] = "endpoints WHERE enabled AND disabled_reason IS NULL"
                             " AND failing_since IS NULL";

    (void)state;
    assert_int_equal(put(7, SLACK, TOKEN, "acme/shop", NULL), RC_OK);
    pg_support_exec(OFF);
    assert_int_equal(put(7, "****path", "****ghij", "acme/shop", NULL), RC_OK);
    assert_int_equal(count(ON), 0);
    assert_int_equal(put(7, SLACK, NULL, NULL, NULL), RC_OK);
    assert_int_equal(count(ON), 1);
    assert_int_equal(put(7, NULL, TOKEN, NULL, NULL), RC_OK);
    assert_int_equal(count(ON), 2);
}

static void
a_wrong_value_leaves_nothing_of_its_request(void **state)
{
    static const char *const REPOS[] = {"acme", "acme/shop/x", "../x",          "acme/..", "a b/c",
                                        "/x",   "x/",          "acme/shop?x=1", "a%2fb/c", "a/b#c"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(REPOS); i++) {
        assert_int_equal(put(7, SLACK, TOKEN, REPOS[i], NULL), RC_INVALID_ARGUMENT);
    }
    assert_int_equal(put(7, "http://127.0.0.1/", TOKEN, NULL, NULL), RC_INVALID_ARGUMENT);
    assert_int_equal(put(7, "hooks.slack.com", TOKEN, NULL, NULL), RC_INVALID_ARGUMENT);
    assert_int_equal(count("settings") + count("endpoints") + count("outbox"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_mask_is_the_last_four_characters_and_of_short_secrets_none),
        T(addresses_of_chats_and_tokens_are_secret_and_nothing_else),
        T(a_secret_lies_sealed_and_is_kept_when_its_mask_comes_back),
        T(a_sealed_value_opens_at_its_place_alone),
        T(a_chat_and_a_repository_are_endpoints_while_they_are_set),
        T(a_chat_that_was_switched_off_is_on_again_when_its_address_is_written_out),
        T(a_wrong_value_leaves_nothing_of_its_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
