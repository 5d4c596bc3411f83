/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#undef fail

#include "gateway/gw_identify.h"

struct given {
    const char *authorization;
    const char *api_key;
    const char *query;
    bool external;
    bool query_token;
    const char *found; /* NULL: none */
};

static const struct given CASES[] = {
    {NULL, NULL, NULL, false, false, NULL},
    {"Bearer T", NULL, NULL, false, false, "T"},
    {"bEaReR   T ", NULL, NULL, false, false, "T"},
    {"API-Key T", NULL, NULL, false, false, "T"},
    {NULL, "T", NULL, false, false, "T"},
    /* The order of carriers; a bad token in the winning one wins all the same. */
    {"Bearer A", "B", "api-key=C&token=D", true, true, "A"},
    {"api-key A", "B", "api-key=C", true, true, "A"},
    {NULL, "B", "api-key=C", true, true, "B"},
    {NULL, NULL, "token=D&api-key=C", true, true, "C"},
    {NULL, NULL, "token=D", true, true, "D"},
    {"Bearer ", "B", NULL, false, false, ""},
    /* Another scheme is no carrier. */
    {"Basic dXNlcg==", "B", NULL, false, false, "B"},
    {"BearerT", NULL, NULL, false, false, NULL},
    {"Bearer", NULL, NULL, false, false, NULL},
    /* The query counts where it may. */
    {NULL, NULL, "api-key=C", false, false, NULL},
    {NULL, NULL, "token=D", true, false, NULL},
    {NULL, NULL, "api-key=C", false, true, NULL},
    {NULL, NULL, "x=1&api-key=a%2Bb%2f&y", true, false, "a+b/"},
    {NULL, NULL, "api-key=%zz%4", true, false, "%zz%4"},
    {NULL, NULL, "xapi-key=C&api-keyx=C", true, false, NULL},
    {NULL, NULL, "api-key", true, false, ""},
};

static void
the_first_carrier_of_the_order_wins(void **state)
{
    struct arena *arena = arena_new(65536);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct given *g = &CASES[i];
        struct web_header headers[2];
        struct web_request http = {.query = str_z(g->query), .headers = headers};
        struct ctx ctx;
        if (g->authorization != NULL) {
            headers[http.header_count++] =
                (struct web_header){STR("AUTHORIZATION"), str_z(g->authorization)};
        }
        if (g->api_key != NULL) {
            headers[http.header_count++] = (struct web_header){STR("X-Api-Key"), str_z(g->api_key)};
        }
        ctx_init(&ctx, arena);
        struct str token = gw_find_token(&ctx, &http, g->external, g->query_token);
        if (g->found == NULL) {
            assert_null(token.p);
        } else {
            assert_non_null(token.p);
            assert_true(str_eqz(token, g->found));
        }
    }
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_first_carrier_of_the_order_wins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
