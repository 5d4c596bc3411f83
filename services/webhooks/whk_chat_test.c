/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages for people. The shapes are those of the documentation that whk_chat.h names. */
#include "webhooks/whk_chat.h"

#include "json/json.h"
#include "webhooks/whk_text_lab.h"

#define FAILED_RUN                                                                                 \
    "{\"type\":\"run.failed\",\"data\":{\"name\":\"Checkout\",\"status\":\"failed\","              \
    "\"run_url\":\"https://assay.example.com/tests/runs/sr1\",\"duration_ms\":8123,"               \
    "\"commit_sha\":\"4f5e6d7c8b9a0123456789abcdef0123456789ab\"}}"
#define CROSS "\xE2\x9D\x8C"
#define DOT " \xC2\xB7 "

static struct str
message(enum whk_chat chat, const char *event)
{
    struct str out = STR_EMPTY;

    assert_int_equal(whk_chat_body(&ctx, chat, str_z(event), &out), RC_OK);
    return out;
}

/* What stands at `path` of the message about a run of this name (in JSON). */
static struct str
named(enum whk_chat chat, const char *name, const char *path)
{
    struct str event = arena_printf(
        arena, "{\"type\":\"run.passed\",\"data\":{\"name\":\"%s\",\"status\":\"passed\"}}", name);
    const struct json_value *v = NULL;

    assert_int_equal(json_parse(message(chat, arena_strz(arena, event)), arena, &v, NULL), RC_OK);
    return json_str(json_path(v, path));
}

static void
assert_text(struct str got, const char *want)
{
    assert_string_equal(arena_strz(arena, got), want);
}

static void
slack_gets_a_section_with_the_link_and_a_context_with_the_facts(void **state)
{
    (void)state;
    assert_text(
        message(WHK_SLACK, FAILED_RUN),
        "{\"text\":\"" CROSS " Run failed: Checkout\",\"blocks\":["
        "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"" CROSS
        " *Run failed:* Checkout\\n<https://assay.example.com/tests/runs/sr1|Open the run>\"}},"
        "{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":"
        "\"Status: failed" DOT "Commit: 4f5e6d7c8b" DOT "Duration: 8.1 s\"}]}]}");
}

static void
teams_gets_an_adaptive_card_with_facts_and_a_button(void **state)
{
    (void)state;
    assert_text(
        message(WHK_TEAMS, FAILED_RUN),
        "{\"type\":\"message\",\"attachments\":[{\"contentType\":"
        "\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{"
        "\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
        "\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":[{\"type\":\"TextBlock\","
        "\"size\":\"Medium\",\"weight\":\"Bolder\",\"wrap\":true,\"text\":\"" CROSS
        " Run failed: Checkout\"},{\"type\":\"FactSet\",\"facts\":["
        "{\"title\":\"Status\",\"value\":\"failed\"},{\"title\":\"Commit\",\"value\":"
        "\"4f5e6d7c8b\"},"
        "{\"title\":\"Duration\",\"value\":\"8.1 s\"}]}],\"actions\":[{\"type\":\"Action.OpenUrl\","
        "\"title\":\"Open the run\",\"url\":\"https://assay.example.com/tests/runs/sr1\"}]}}]}");
}

/* Empty blocks, lists and links are refused by the chats. */
static void
what_is_not_known_leaves_no_empty_part(void **state)
{
    static const char TEST[] = "{\"type\":\"webhook.test\",\"data\":{}}";

    (void)state;
    assert_text(message(WHK_SLACK, TEST),
                "{\"text\":\"\xE2\x9C\x85 Test message: notifications arrive here\",\"blocks\":["
                "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":"
                "\"\xE2\x9C\x85 *Test message: notifications arrive here*\"}}]}");
    struct str card = message(WHK_TEAMS, TEST);
    assert_true(str_find(card, STR("FactSet")) < 0 && str_find(card, STR("actions")) < 0);
    assert_true(str_ends(card, STR("arrive here\"}]}}]}")));
}

static void
a_name_mentions_nobody_in_slack_and_is_no_link(void **state)
{
    (void)state;
    assert_text(named(WHK_SLACK, "<!channel> & <@U1> <http://x|y>", "text"),
                "\xE2\x9C\x85 Run passed: &lt;!channel&gt; &amp; &lt;@U1&gt; &lt;http://x|y&gt;");
    assert_text(named(WHK_SLACK, "a*b`c\\nd", "blocks.0.text.text"),
                "\xE2\x9C\x85 *Run passed:* a b c d");
}

static void
a_name_is_plain_text_in_teams(void **state)
{
    (void)state;
    assert_text(named(WHK_TEAMS, "[a](http://x) *b* _c_ `d` #e <at>f</at>\\ng",
                      "attachments.0.content.body.0.text"),
                "\xE2\x9C\x85 Run passed: \\[a\\]\\(http://x\\) \\*b\\* \\_c\\_ \\`d\\` \\#e "
                "\\<at\\>f\\</at\\> g");
}

static void
a_link_cannot_be_ended_by_its_own_text_and_is_of_the_web(void **state)
{
    static const char *const NONE[] = {"javascript:alert(1)", "/tests/runs/sr1", "", "ftp://a/b"};

    (void)state;
    struct str slack = message(
        WHK_SLACK, "{\"type\":\"run.passed\",\"data\":{\"run_url\":\"HTTPS://a/b|c>d <e\\n\"}}");
    assert_true(str_find(slack, STR("<HTTPS://a/b%7Cc%3Ed%20%3Ce%0A|Open the run>")) >= 0);
    for (size_t i = 0; i < ARRAY_LEN(NONE); i++) {
        struct str event =
            arena_printf(arena, "{\"type\":\"run.passed\",\"data\":{\"run_url\":\"%s\"}}", NONE[i]);
        const char *text = arena_strz(arena, event);
        assert_true(str_find(message(WHK_SLACK, text), STR("Open the run")) < 0);
        assert_true(str_find(message(WHK_TEAMS, text), STR("Open the run")) < 0);
    }
}

/* Slack takes 3000 characters in a section. */
static void
a_long_name_is_cut_between_characters(void **state)
{
    char name[3 * 1000 + 1];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof name; i += 3) {
        memcpy(name + i, "\xE2\x82\xAC", 3);
    }
    name[sizeof name - 1] = '\0';
    struct str text = named(WHK_SLACK, name, "text");
    assert_true(str_is_utf8(text));
    assert_int_equal(str_cp_count(text), strlen("x Run passed: ") + 200);
    memset(name, '&', sizeof name - 1);
    text = named(WHK_SLACK, name, "blocks.0.text.text");
    assert_true(str_cp_count(text) < 3000);
}

/* A type nobody wrote a headline for says what the catalogue says of it. */
static void
every_type_has_a_headline(void **state)
{
    (void)state;
    assert_true(str_find(message(WHK_SLACK, "{\"type\":\"app.deleted\",\"data\":{}}"),
                         STR("An app was deleted.")) >= 0);
    assert_true(str_find(message(WHK_SLACK, "{\"type\":\"of.tomorrow\"}"), STR(" Event")) >= 0);
    assert_true(
        str_find(message(WHK_TEAMS, "{\"type\":\"webhook.disabled\",\"data\":{\"name\":\"CI\","
                                    "\"reason\":\"gone\"}}"),
                 STR("{\"title\":\"Reason\",\"value\":\"gone\"}")) >= 0);
}

static void
what_is_no_event_is_no_message(void **state)
{
    static const char *const BAD[] = {"", "[]", "{", "null", "{\"type\":\"run.passed\"} x"};
    struct str out = STR("untouched");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(whk_chat_body(&ctx, WHK_SLACK, str_z(BAD[i]), &out), RC_INVALID_ARGUMENT);
        ctx_recover(&ctx);
    }
    assert_true(str_eqz(out, "untouched"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(slack_gets_a_section_with_the_link_and_a_context_with_the_facts),
        T(teams_gets_an_adaptive_card_with_facts_and_a_button),
        T(what_is_not_known_leaves_no_empty_part),
        T(a_name_mentions_nobody_in_slack_and_is_no_link),
        T(a_name_is_plain_text_in_teams),
        T(a_link_cannot_be_ended_by_its_own_text_and_is_of_the_web),
        T(a_long_name_is_cut_between_characters),
        T(every_type_has_a_headline),
        T(what_is_no_event_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
