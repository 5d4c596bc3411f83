/* SPDX-License-Identifier: Apache-2.0 */
#include "webhooks/whk_message.h"

#include "webhooks/whk_text_lab.h"

#define ID "0190a1b2-0000-7000-8000-000000000001"
#define SECRET "whsec_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij0123"
#define BODY                                                                                       \
    "{\"id\":\"" ID "\",\"type\":\"run.passed\",\"created_at\":\"2025-01-15T10:30:00\","           \
    "\"organization_id\":7,\"data\":{\"n\":1}}"

static enum rc
body_of(const char *data, size_t n, struct str *out)
{
    char id[] = ID;
    char type[] = "run.passed";
    Assay__Event event = ASSAY__EVENT__INIT;
    char *copy = arena_strz(arena, str_n(data, n));

    event.id = id;
    event.type = type;
    event.org_id = 7;
    event.at_us = INT64_C(1736937000999999);
    event.has_data = data != NULL;
    event.data.data = (uint8_t *)copy;
    event.data.len = n;
    return whk_body(arena, &event, out);
}

static void
the_body_has_the_published_members_and_the_data_unchanged(void **state)
{
    struct str body;

    (void)state;
    assert_int_equal(body_of(" {\"n\":1} ", 9, &body), RC_OK);
    assert_true(str_eqz(body, BODY));
    assert_int_equal(body_of(NULL, 0, &body), RC_OK);
    assert_true(str_ends(body, STR("\"data\":{}}")));
    assert_int_equal(body_of("{\"a\" : [1.50, \"\\u00e9\"] }", 25, &body), RC_OK);
    assert_true(str_ends(body, STR("\"data\":{\"a\" : [1.50, \"\\u00e9\"] }}")));
}

static void
data_that_is_no_object_is_refused(void **state)
{
    static const char *const BAD[] = {
        "[]", "1", "null", "\"x\"", "{", "{}{}", "{\"a\":\"\xff\"}", "  ", "{},\"id\":1"};
    struct str body = STR("untouched");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_int_equal(body_of(BAD[i], strlen(BAD[i]), &body), RC_INVALID_ARGUMENT);
    }
    assert_int_equal(body_of("{\"a\":\"\0\"}", 9, &body), RC_INVALID_ARGUMENT);
    char *huge = malloc(WHK_BODY_MAX);
    assert_non_null(huge);
    memset(huge, ' ', WHK_BODY_MAX);
    memcpy(huge, "{\"a\":0", 6);
    huge[WHK_BODY_MAX - 1] = '}';
    assert_int_equal(body_of(huge, WHK_BODY_MAX, &body), RC_INVALID_ARGUMENT);
    free(huge);
    assert_true(str_eqz(body, "untouched"));
}

static struct str
value(const struct http_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eqz(headers[i].name, name)) {
            return headers[i].value;
        }
    }
    return STR_EMPTY;
}

/* The signatures were computed by other programs: hmac of Python, standardwebhooks 1.1 of npm. */
static void
an_attempt_is_signed_as_published_and_as_the_standard_says(void **state)
{
    const struct whk_attempt attempt = {.delivery_id = 42,
                                        .event_id = STR(ID),
                                        .event_type = STR("run.passed"),
                                        .body = STR(BODY),
                                        .secret = STR(SECRET),
                                        .now_us = INT64_C(1736937000999999)};
    static const char *const WANT[][2] = {
        {"Content-Type", "application/json"},
        {"X-Assay-Event", "run.passed"},
        {"X-Assay-Delivery", "42"},
        {"X-Assay-Timestamp", "1736937000"},
        {"X-Assay-Signature",
         "sha256=22ac3be773317d7bee112889f57f458dcdb16d97eec188fcd030f30a4bac1436"},
        {"webhook-id", ID},
        {"webhook-timestamp", "1736937000"},
        {"webhook-signature", "v1,IaO6qa1fCPXxs9JoTxbx2Bb1gyD1+Lxm5B6/Ngdm53Q="},
    };
    struct http_header headers[WHK_HEADERS_MAX];
    size_t n = 0;

    (void)state;
    assert_int_equal(whk_headers(arena, &attempt, headers, &n), RC_OK);
    assert_int_equal(n, ARRAY_LEN(WANT));
    for (size_t i = 0; i < ARRAY_LEN(WANT); i++) {
        assert_true(str_eqz(value(headers, n, WANT[i][0]), WANT[i][1]));
    }
}

static void
a_secret_that_is_not_ours_signs_nothing(void **state)
{
    static const char *const BAD[] = {"", "whsec_***", "secret", "whsec_abc"};
    struct http_header headers[WHK_HEADERS_MAX];
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        const struct whk_attempt attempt = {.event_id = STR(ID), .secret = str_z(BAD[i])};
        assert_int_equal(whk_headers(arena, &attempt, headers, &n), RC_DATA_LOSS);
    }
    assert_int_equal(n, 0);
}

static void
an_excerpt_is_short_and_clean(void **state)
{
    struct str out;
    char *big = arena_alloc(arena, 5000);

    (void)state;
    assert_int_equal(whk_excerpt(arena, STR("a\0b\xff\xc3\xa9"), &out), RC_OK);
    assert_true(str_eqz(out, "a?b?\xc3\xa9"));
    memset(big, 'x', 5000);
    memcpy(big + WHK_EXCERPT_MAX - 1, "\xe2\x82\xac", 3);
    assert_int_equal(whk_excerpt(arena, str_n(big, 5000), &out), RC_OK);
    assert_int_equal(out.n, WHK_EXCERPT_MAX - 1);
    assert_true(str_is_utf8(out));
    assert_int_equal(whk_excerpt(arena, STR_EMPTY, &out), RC_OK);
    assert_int_equal(out.n, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_body_has_the_published_members_and_the_data_unchanged),
        T(data_that_is_no_object_is_refused),
        T(an_attempt_is_signed_as_published_and_as_the_standard_says),
        T(a_secret_that_is_not_ours_signs_nothing),
        T(an_excerpt_is_short_and_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
