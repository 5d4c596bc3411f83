/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <argon2.h>

#include "sec/passwd.h"

/* Last: cmocka defines a macro fail(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct fixture {
    struct arena *arena;
    struct ctx ctx;
    struct passwd *pw;
};

static int
set_up(void **state)
{
    static struct fixture f;

    f.arena = arena_new(1 << 16);
    ctx_init(&f.ctx, f.arena);
    assert_int_equal(passwd_open(2, 16, &f.pw), RC_OK);
    *state = &f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    passwd_close(f->pw);
    arena_free(f->arena);
    return 0;
}

static void
the_right_password_fits_and_others_do_not(void **state)
{
    struct fixture *f = *state;
    char phc[PASSWD_PHC_MAX];
    bool ok = false;
    bool rehash = true;

    assert_int_equal(passwd_hash(f->pw, &f->ctx, STR("correct horse"), phc), RC_OK);
    assert_true(str_starts(str_z(phc), STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_int_equal(passwd_verify(f->pw, &f->ctx, STR("correct horse"), str_z(phc), &ok, &rehash),
                     RC_OK);
    assert_true(ok);
    assert_false(rehash);
    assert_int_equal(passwd_verify(f->pw, &f->ctx, STR("correct horsf"), str_z(phc), &ok, NULL),
                     RC_OK);
    assert_false(ok);
    assert_int_equal(passwd_verify(f->pw, &f->ctx, STR("correct hors"), str_z(phc), &ok, NULL),
                     RC_OK);
    assert_false(ok);
}

static void
the_same_password_has_another_hash_each_time(void **state)
{
    struct fixture *f = *state;
    char a[PASSWD_PHC_MAX];
    char b[PASSWD_PHC_MAX];

    assert_int_equal(passwd_hash(f->pw, &f->ctx, STR("correct horse"), a), RC_OK);
    assert_int_equal(passwd_hash(f->pw, &f->ctx, STR("correct horse"), b), RC_OK);
    assert_string_not_equal(a, b);
}

static void
an_unknown_account_fits_no_password_and_costs_a_hash(void **state)
{
    struct fixture *f = *state;
    bool ok = true;

    int64_t before = clk_cpu_us();
    assert_int_equal(passwd_verify(f->pw, &f->ctx, STR(""), STR_EMPTY, &ok, NULL), RC_OK);
    assert_false(ok);
    assert_true(clk_cpu_us() - before > 2000);
}

static void
a_weaker_hash_fits_and_asks_for_a_new_one(void **state)
{
    struct fixture *f = *state;
    char phc[PASSWD_PHC_MAX];
    bool ok = false;
    bool rehash = false;

    assert_int_equal(argon2id_hash_encoded(1, 1024, 1, "secret42", 8, "0123456789abcdef", 16, 32,
                                           phc, sizeof(phc)),
                     ARGON2_OK);
    assert_int_equal(passwd_verify(f->pw, &f->ctx, STR("secret42"), str_z(phc), &ok, &rehash),
                     RC_OK);
    assert_true(ok);
    assert_true(rehash);
}

static void
a_text_that_is_no_hash_is_a_defect_not_a_match(void **state)
{
    struct fixture *f = *state;
    bool ok = false;

    assert_int_equal(passwd_verify(f->pw, &f->ctx, STR("x"), STR("plain"), &ok, NULL), RC_INTERNAL);
    assert_false(ok);
}

struct load {
    struct passwd *pw;
    atomic_int done;
    atomic_int refused;
};

static void *
hash_once(void *arg)
{
    struct load *load = arg;
    struct arena *arena = arena_new(1 << 14);
    struct ctx ctx;
    char phc[PASSWD_PHC_MAX];

    ctx_init(&ctx, arena);
    enum rc rc = passwd_hash(load->pw, &ctx, STR("correct horse"), phc);
    atomic_fetch_add(rc == RC_OK ? &load->done : &load->refused, 1);
    assert_true(rc == RC_OK || rc == RC_RESOURCE_EXHAUSTED);
    arena_free(arena);
    return NULL;
}

static void
a_full_queue_refuses_at_once_and_serves_the_rest(void **state)
{
    struct load load = {0};
    pthread_t threads[12];

    (void)state;
    assert_int_equal(passwd_open(1, 2, &load.pw), RC_OK);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_once, &load), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(load.done + load.refused, ARRAY_LEN(threads));
    assert_true(load.done >= 3);
    assert_true(load.refused > 0);
    passwd_close(load.pw);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_right_password_fits_and_others_do_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_password_has_another_hash_each_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_account_fits_no_password_and_costs_a_hash,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_weaker_hash_fits_and_asks_for_a_new_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_text_that_is_no_hash_is_a_defect_not_a_match, set_up,
                                        tear_down),
        cmocka_unit_test(a_full_queue_refuses_at_once_and_serves_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
