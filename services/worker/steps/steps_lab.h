/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of steps stand on: a scripted device, variables, and short ways to run a sentence, a
 * recorded action or a check. */
#ifndef ASSAY_WORKER_STEPS_LAB_H
#define ASSAY_WORKER_STEPS_LAB_H

#include "worker/steps/run_step.h"
#include "worker/steps/steps_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka's own fail() stands in the way of ours. */
#include <cmocka.h>

/* For what comes in the end, however slow the machine; what never comes is waited for only briefly.
 */
#define PATIENT_US (20 * ASSAY_US_PER_S)

struct bench {
    struct fake f;
    struct arena *arena;
    struct arena *values;
    struct ctx ctx;
    struct step_vars *vars;
    struct step_options opt;
    struct step_result r;
};

static UNUSED int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->arena = arena_new(8 * 1024 * 1024);
    b->values = arena_new(1024 * 1024);
    b->vars = calloc(1, sizeof(*b->vars));
    ctx_init(&b->ctx, b->arena);
    vars_init(b->vars, b->values);
    fake_init(&b->f);
    b->opt.timeout_us = 150 * ASSAY_US_PER_MS;
    b->opt.base_url = STR("http://shop.test/start");
    *state = b;
    return 0;
}

static UNUSED int
tear_down(void **state)
{
    struct bench *b = *state;
    arena_free(b->arena);
    arena_free(b->values);
    free(b->vars);
    free(b);
    return 0;
}

static UNUSED enum step_verdict
run(struct bench *b, const char *sentence)
{
    b->f.log[0] = '\0';
    assert_int_equal(run_sentence(&b->ctx, &b->f.base, b->vars, &b->opt, str_z(sentence), &b->r),
                     RC_OK);
    return b->r.verdict;
}

static UNUSED enum step_verdict
replay(struct bench *b, const char *json)
{
    const struct json_value *v = NULL;
    b->f.log[0] = '\0';
    assert_int_equal(json_parse(str_z(json), b->arena, &v, NULL), RC_OK);
    assert_int_equal(run_recorded(&b->ctx, &b->f.base, b->vars, &b->opt, v, &b->r), RC_OK);
    return b->r.verdict;
}

static UNUSED enum step_verdict
check(struct bench *b, const char *json)
{
    const struct json_value *v = NULL;
    assert_int_equal(json_parse(str_z(json), b->arena, &v, NULL), RC_OK);
    assert_int_equal(run_check(&b->ctx, &b->f.base, b->vars, &b->opt, v, &b->r), RC_OK);
    return b->r.verdict;
}

#define MESSAGE_HAS(b, part)                                                                       \
    do {                                                                                           \
        if (str_find((b)->r.message, STR(part)) < 0) {                                             \
            fail_msg("\"%s\" is not in \"%.*s\"", part, STR_ARG((b)->r.message));                  \
        }                                                                                          \
    } while (0)

static UNUSED void
login(struct fake_screen *s)
{
    int form = fake_add(s, -1, ELEM_FORM, "", 0, 0, 600, 400, SHOWN);
    fake_add(s, form, ELEM_TEXTBOX, "Email", 10, 10, 200, 30, HOT | ELEM_EDITABLE);
    fake_add(s, form, ELEM_TEXTBOX, "Password", 10, 50, 200, 30, HOT | ELEM_EDITABLE | ELEM_SECRET);
    fake_add(s, form, ELEM_CHECKBOX, "Remember me", 10, 90, 20, 20, HOT);
    fake_add(s, form, ELEM_BUTTON, "Sign in", 10, 130, 100, 30, HOT);
}

static UNUSED void
summary(struct fake_screen *s)
{
    int row1 = fake_add(s, -1, ELEM_ROW, "Amber jar €57.00", 0, 0, 400, 30, SHOWN);
    fake_add(s, row1, ELEM_CELL, "Amber jar", 0, 0, 200, 30, SHOWN);
    fake_add(s, row1, ELEM_CELL, "€57.00", 200, 0, 200, 30, SHOWN);
    int row2 = fake_add(s, -1, ELEM_ROW, "Total €62.00", 0, 40, 400, 30, SHOWN);
    fake_add(s, row2, ELEM_CELL, "Total", 0, 40, 200, 30, SHOWN);
    fake_add(s, row2, ELEM_CELL, "€62.00", 200, 40, 200, 30, SHOWN);
    fake_add(s, -1, ELEM_TEXT, "Status: Paid", 0, 90, 200, 20, SHOWN);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

#endif
