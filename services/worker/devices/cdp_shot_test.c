/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures to compare: what moves by itself stands still for them, and goes on afterwards. */
#include "sec/hash.h"

/* Last: cmocka makes a macro of fail. */
#include "worker/devices/cdp_lab.h"

static const struct site_page PAGES[] = {
    {"/endless",
     "<style>@keyframes m{to{margin-left:600px;background:#c00}}div{width:90px;height:90px;"
     "background:#06c;animation:m 1.3s linear infinite alternate}</style><div></div>"
     "<p id=o style='position:fixed;top:-99px'>?</p><script>setInterval(()=>{"
     "document.title=document.getAnimations()[0].playState},20)</script>",
     NULL},
    {"/ends",
     "<button onclick=\"b.style.width='500px'\">Open</button><div id=b "
     "style='width:9px;height:90px;"
     "background:#06c;transition:width 900s' ontransitionend=\"o.textContent='wide'\"></div>"
     "<p id=o>narrow</p>",
     NULL},
    {NULL, NULL, NULL},
};

static void
hold_still(struct lab *l, bool still)
{
    lab_fresh(l);
    lab_expect(l, l->do_->still(l->device, &l->ctx, still), "still");
}

static struct str
shoot(struct lab *l)
{
    struct str jpeg = STR_EMPTY;

    lab_expect(l, l->do_->screenshot(l->device, &l->ctx, DEVICE_JPEG, 80, &jpeg), "screenshot");
    return jpeg;
}

static void
until_title(struct lab *l, const char *title)
{
    int64_t end_us = clk_mono_us() + LAB_US;
    struct device_page page;

    do {
        lab_fresh(l);
        lab_expect(l, l->do_->page(l->device, &l->ctx, &page), "page");
    } while (!str_eqz(page.title, title) && clk_mono_us() < end_us);
    assert_true(str_eqz(page.title, title));
}

static void
an_endless_animation_looks_the_same_each_time_and_goes_on(void **state)
{
    struct lab *l = *state;
    char first[65];
    char again[65];

    lab_open(l, "/endless");
    for (int i = 0; i < 3; i++) {
        until_title(l, "running");
        hold_still(l, true);
        hash_sha256_hex(shoot(l), i == 0 ? first : again);
        until_title(l, "paused");
        hold_still(l, false);
        if (i > 0) {
            assert_string_equal(again, first);
        }
    }
    until_title(l, "running");
}

static void
what_comes_to_an_end_is_there(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/ends");
    lab_tap(l, ELEM_BUTTON, "Open");
    hold_still(l, true);
    lab_until(l, "wide");
    hold_still(l, false);
}

static int
start(void **state)
{
    *state = lab_new(PAGES, &lab_desktop);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endless_animation_looks_the_same_each_time_and_goes_on),
        cmocka_unit_test(what_comes_to_an_end_is_there),
    };

    return cmocka_run_group_tests(tests, start, lab_stop);
}
