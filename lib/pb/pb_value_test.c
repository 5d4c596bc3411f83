/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "tests/support/pb_fixture.h"

static void *
match_often(void *arg)
{
    struct arena *arena = arena_new(1 << 20);
    struct ctx ctx;
    size_t *good = arg;

    for (int i = 0; i < 500; i++) {
        ctx_init(&ctx, arena);
        Sample__All *m = PB_NEW(arena, Sample__All, sample__all);
        struct str body = i % 2 == 0 ? STR("{" BASE ",\"code\":\"app_abcdef\"}")
                                     : STR("{" BASE ",\"code\":\"app_abcde\"}");
        enum rc want = i % 2 == 0 ? RC_OK : RC_INVALID_ARGUMENT;
        *good += pb_from_json(&ctx, &sample_all_table, body, &m->base) == want ? 1 : 0;
        arena_reset(arena);
    }
    arena_free(arena);
    return NULL;
}

static void
patterns_match_in_many_threads(void **state)
{
    pthread_t threads[4];
    size_t good[4] = {0};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, match_often, &good[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(good[i], 500);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(patterns_match_in_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
