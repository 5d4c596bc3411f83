/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_lab.h"

#include <unistd.h>

static const struct site_page pages[] = {
    {"/a", "<title>A</title><h1>Page A</h1><a href=/b>To B</a><a href=/hold/late>To late</a>",
     NULL},
    {"/b", "<title>B</title><h1>Page B</h1><a href=/a>To A</a>", NULL},
    {"/hold/late", "<h1>Late page</h1>", NULL},
    {"/spa",
     "<h1 id=h>Start</h1><button "
     "onclick=\"history.pushState(1,'','/spa/2');h.textContent='Second'\">"
     "Next</button><script>onpopstate=()=>h.textContent='Popped'</script>",
     NULL},
    {"/redirect", "<script>location='/b'</script>first", NULL},
    {"/fetch",
     "<button onclick=\"fetch('/hold/x').then(r=>r.text()).then(t=>o.textContent='loaded')\">Load"
     "</button><button onclick=\"fetch('/never');o.textContent='polling'\">Poll</button>"
     "<button onclick=\"new EventSource('/trickle');o.textContent='events'\">Events</button>"
     "<button onclick=\"navigator.sendBeacon('/never','x');o.textContent='beacon'\">Beacon</button>"
     "<button onclick=\"Promise.resolve().then(()=>new Promise(r=>{const c=new MessageChannel();"
     "c.port1.onmessage=r;c.port2.postMessage(0)})).then(()=>o.textContent='rendered')\">Render"
     "</button><p id=o></p>",
     NULL},
    {"/image", "<h1>Text</h1><img src=/never>", NULL},
    {"/dialogs",
     "<button onclick=\"alert('Hello <b>');o.textContent='after'\">Alert</button>"
     "<button onclick=\"o.textContent='said '+confirm('Sure?')\">Confirm</button>"
     "<button onclick=\"o.textContent='said '+prompt('Name?','none')\">Prompt</button>"
     "<button onclick=\"setTimeout(()=>alert('late'),30)\">Later</button>"
     "<button onclick=\"onbeforeunload=e=>{e.preventDefault();return 'x'}\">Guard</button>"
     "<a href=/b>Leave</a><input aria-label=Field><p id=o></p>",
     NULL},
    {"/alerts", "<h1>x</h1><script>for(;;)alert('again')</script>", NULL},
    {"/tabs",
     "<title>Opener</title><a href=/b target=_blank>New tab</a>"
     "<button onclick=\"window.open('/selfclose')\">Pop up</button>"
     "<button onclick=\"window.open('/a')\">Open A</button><p>Opener page</p>",
     NULL},
    {"/selfclose", "<title>Short</title><button onclick=window.close()>Close me</button>", NULL},
    {"/red", "<body style='background:#f00'><button onclick=\"location='/green'\">Go</button>",
     NULL},
    {"/green", "<body style='background:#0f0'><a href=/red>Back</a>", NULL},
    {"/blocked", "<h1>Begun</h1><script src=/hold/script></script><h2>Whole</h2>", NULL},
    {"/spin", "<button onclick='for(;;);'>Hang</button>", NULL},
    {"/download", "<a href=/file>Get</a><p>stays</p>", NULL},
    {NULL, NULL, NULL},
};

static int
start(void **state)
{
    *state = lab_new(pages, &lab_desktop);
    return 0;
}

static void
url_ends(struct lab *l, const char *tail)
{
    struct device_page page;

    lab_expect(l, l->do_->page(l->device, &l->ctx, &page), "page");
    if (!str_ends(page.url, str_z(tail))) {
        fail_msg("at %.*s, not at %s", STR_ARG(page.url), tail);
    }
}

static void
history_is_walked_both_ways(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/a");
    lab_refused(l, l->do_->back(l->device, &l->ctx), RC_FAILED_PRECONDITION, "NO_HISTORY");
    lab_tap(l, ELEM_LINK, "To B");
    url_ends(l, "/b");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Page B");
    lab_expect(l, l->do_->back(l->device, &l->ctx), "back");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Page A");
    lab_expect(l, l->do_->forward(l->device, &l->ctx), "forward");
    url_ends(l, "/b");
    lab_refused(l, l->do_->forward(l->device, &l->ctx), RC_FAILED_PRECONDITION, "NO_HISTORY");
    lab_expect(l, l->do_->reload(l->device, &l->ctx), "reload");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Page B");
}

static void
an_application_may_change_its_address_without_loading(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/spa");
    lab_tap(l, ELEM_BUTTON, "Next");
    url_ends(l, "/spa/2");
    lab_says(l, "h", "Second");
    lab_expect(l, l->do_->back(l->device, &l->ctx), "back");
    url_ends(l, "/spa");
    lab_until(l, "Popped");
}

static void
redirects_end_at_their_target(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/redirect");
    lab_until(l, "Page B");
    url_ends(l, "/b");
}

static void
addresses_that_do_not_answer_are_told_apart(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/a");
    lab_refused(l, l->do_->go(l->device, &l->ctx, STR("http://127.0.0.1:1/")), RC_NOT_FOUND,
                "NAVIGATION_FAILED");
    lab_refused(l, l->do_->go(l->device, &l->ctx, STR("no address")), RC_NOT_FOUND,
                "NAVIGATION_FAILED");
    l->ctx.deadline_us = clk_wall_us() + 2 * ASSAY_US_PER_S;
    lab_refused(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/never", false)),
                RC_DEADLINE_EXCEEDED, "PAGE_LOAD_TIMEOUT");
    l->ctx.deadline_us = 0;
    lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/nothing", false)), "a 404 is a page");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Not found");
    /* The text is there; the image that never comes is no reason to fail. */
    lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/image", false)), "image");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Text");
}

static void
settling_waits_for_a_page_that_takes_its_time(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/a");
    lab_hold_until(l, "/hold/late", 0);
    lab_tap(l, ELEM_LINK, "To late");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Late page");
    lab_hold_end(l);
}

static void
a_document_is_waited_for_longer_than_what_hangs_behind_it(void **state)
{
    struct lab *l = *state;
    struct cdp_browser *b = cdp_browser_new(&(struct cdp_options){.late_us = 200000});
    struct device *d = cdp_device_new(b, &lab_desktop);

    lab_fresh(l);
    lab_expect(l, l->do_->open(d, &l->ctx, lab_url(l, "/a", false)), "open");
    /* Well after what hangs behind the document would have been given up. */
    lab_hold_until(l, "/hold/script", 600);
    lab_expect(l, l->do_->go(d, &l->ctx, lab_url(l, "/blocked", false)), "go");
    lab_expect(l, l->do_->observe(d, &l->ctx, 0, &l->snap), "observe");
    lab_elem(l, ELEM_HEADING, "Whole");
    lab_hold_end(l);
    cdp_device_free(d);
    cdp_browser_free(b);
}

static void
settling_waits_for_what_the_action_fetches(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/fetch");
    lab_hold_until(l, "/hold/x", 0);
    lab_tap(l, ELEM_BUTTON, "Load");
    lab_says(l, "o", "loaded");
    lab_hold_end(l);
    lab_tap(l, ELEM_BUTTON, "Render");
    lab_says(l, "o", "rendered");
}

/* As long the driver waits for one request: what takes less was not waited for. */
#define HELD_US (2 * ASSAY_US_PER_S)

static int64_t
settle_time(struct lab *l)
{
    int64_t begun_us = clk_mono_us();

    lab_settle(l);
    return clk_mono_us() - begun_us;
}

/* A request that is waited for takes its time every time; a slow machine does not. */
static bool
holds_nobody_up(struct lab *l, const char *button)
{
    bool is_quick = false;

    for (int i = 0; i < 5 && !is_quick; i++) {
        lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, button), NULL), button);
        is_quick = settle_time(l) < HELD_US;
    }
    return is_quick;
}

static void
nothing_waits_for_polls_streams_and_beacons(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/fetch");
    assert_true(holds_nobody_up(l, "Events"));
    lab_says(l, "o", "events");
    assert_true(holds_nobody_up(l, "Beacon"));
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Poll"), NULL), "tap");
    lab_settle(l);
    assert_true(holds_nobody_up(l, "Poll")); /* known by now */
}

/* --- dialogs ---------------------------------------------------------------------------------- */

static void
a_dialog_stays_open_until_it_is_answered(void **state)
{
    struct lab *l = *state;
    struct device_page page;

    lab_open(l, "/dialogs");
    int32_t field = lab_ref(l, ELEM_TEXTBOX, "Field");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Alert"), NULL), "tap");
    lab_see(l);
    assert_true(str_eqz(l->snap.dialog, "Hello <b>"));
    assert_int_equal(l->snap.count, 0);
    lab_expect(l, l->do_->page(l->device, &l->ctx, &page), "page");
    assert_true(str_eqz(page.dialog, "Hello <b>"));
    lab_refused(l, lab_do(l, DEVICE_FILL, field, "x"), RC_FAILED_PRECONDITION, "DIALOG_OPEN");
    lab_refused(l, l->do_->settle(l->device, &l->ctx, LAB_US), RC_FAILED_PRECONDITION,
                "DIALOG_OPEN");
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, true, STR_EMPTY), "accept");
    lab_says(l, "o", "after");
    assert_null(l->snap.dialog.p);
    lab_refused(l, l->do_->dialog(l->device, &l->ctx, true, STR_EMPTY), RC_FAILED_PRECONDITION,
                "NO_DIALOG");
}

static void
answers_reach_the_page(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/dialogs");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Confirm"), NULL), "tap");
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, false, STR_EMPTY), "dismiss");
    lab_says(l, "o", "said false");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Confirm"), NULL), "tap");
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, true, STR_EMPTY), "accept");
    lab_says(l, "o", "said true");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Prompt"), NULL), "tap");
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, true, STR("a \"b\"")), "text");
    lab_says(l, "o", "said a \"b\"");
}

static void
a_dialog_that_comes_later_ends_the_wait(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/dialogs");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Later"), NULL), "tap");
    int64_t end_us = clk_mono_us() + LAB_US;
    while (lab_see(l)->dialog.p == NULL) {
        lab_expect(l, l->do_->wait_change(l->device, &l->ctx, l->snap.version, LAB_US), "change");
        assert_true(clk_mono_us() < end_us);
    }
    assert_true(str_eqz(l->snap.dialog, "late"));
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, true, STR_EMPTY), "accept");
}

static void
going_on_command_agrees_to_leave_and_a_tap_asks(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/dialogs");
    lab_tap(l, ELEM_BUTTON, "Guard");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_LINK, "Leave"), NULL), "tap");
    int64_t end_us = clk_mono_us() + LAB_US;
    while (lab_see(l)->dialog.p == NULL) {
        lab_expect(l, l->do_->wait_change(l->device, &l->ctx, l->snap.version, LAB_US), "change");
        assert_true(clk_mono_us() < end_us);
    }
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, false, STR_EMPTY), "stay");
    url_ends(l, "/dialogs");
    lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/b", false)), "go");
    url_ends(l, "/b");
}

static void
a_page_that_asks_for_ever_is_left_by_a_reset(void **state)
{
    struct lab *l = *state;

    lab_fresh(l);
    lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/alerts", false)), "go");
    assert_true(str_eqz(lab_see(l)->dialog, "again"));
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, true, STR_EMPTY), "accept");
    lab_open(l, "/a");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Page A");
}

/* --- tabs --------------------------------------------------------------------------------------
 */

static void
a_new_tab_is_the_current_one_and_closing_it_returns(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/tabs");
    lab_tap(l, ELEM_LINK, "New tab");
    lab_until(l, "Page B");
    assert_int_equal(l->snap.tabs, 2);
    lab_expect(l, l->do_->tab(l->device, &l->ctx, 0, true), "close");
    lab_until(l, "Opener page");
    assert_int_equal(l->snap.tabs, 1);
    lab_refused(l, l->do_->tab(l->device, &l->ctx, 0, true), RC_FAILED_PRECONDITION, "LAST_TAB");
    lab_tap(l, ELEM_BUTTON, "Open A");
    lab_until(l, "Page A");
    lab_expect(l, l->do_->tab(l->device, &l->ctx, 1, false), "first");
    lab_until(l, "Opener page");
    lab_tap(l, ELEM_BUTTON, "Pop up");
    lab_until(l, "Close me");
    assert_int_equal(l->snap.tabs, 3);
    lab_expect(l, l->do_->tab(l->device, &l->ctx, 2, false), "second");
    lab_until(l, "Page A");
    lab_expect(l, l->do_->tab(l->device, &l->ctx, -1, false), "newest");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Close me"), NULL), "tap");
    lab_until(l, "Opener page");
    lab_refused(l, l->do_->tab(l->device, &l->ctx, 7, false), RC_NOT_FOUND, "NO_SUCH_TAB");
}

/* --- screenshots -------------------------------------------------------------------------------
 */

static struct str
shot(struct lab *l, enum device_image format)
{
    struct str s = STR_EMPTY;

    lab_expect(l, l->do_->screenshot(l->device, &l->ctx, format, 80, &s), "screenshot");
    return s;
}

static void
pictures_are_what_they_are_asked_to_be(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/red");
    struct str jpeg = shot(l, DEVICE_JPEG);
    assert_true(jpeg.n > 500 && memcmp(jpeg.p, "\xff\xd8\xff", 3) == 0);
    assert_memory_equal(jpeg.p + jpeg.n - 2, "\xff\xd9", 2);
    struct str png = shot(l, DEVICE_PNG);
    assert_memory_equal(png.p, "\x89PNG\r\n\x1a\n", 8);
    assert_memory_equal(png.p + 16, "\0\0\x05\0\0\0\x02\xd0", 8); /* 1280 x 720 */
    /* The same page gives the same picture, another page another one. */
    struct str again = shot(l, DEVICE_PNG);
    assert_int_equal(again.n, png.n);
    assert_memory_equal(again.p, png.p, png.n);
}

/* The picture after a tap that navigates is never the page before, and it always comes. */
static void
a_picture_never_shows_the_page_before(void **state)
{
    struct lab *l = *state;
    static char red[64 * 1024];
    static char green[64 * 1024];

    lab_open(l, "/green");
    struct str s = shot(l, DEVICE_PNG);
    size_t green_n = s.n;
    assert_true(s.n < sizeof green);
    memcpy(green, s.p, s.n);
    lab_open(l, "/red");
    s = shot(l, DEVICE_PNG);
    size_t red_n = s.n;
    assert_true(s.n < sizeof red);
    memcpy(red, s.p, s.n);
    for (int i = 0; i < 25; i++) {
        lab_fresh(l);
        lab_tap(l, ELEM_BUTTON, "Go");
        s = shot(l, DEVICE_PNG);
        if (s.n == red_n && memcmp(s.p, red, red_n) == 0) {
            fail_msg("round %d: the old page is in the picture", i);
        }
        lab_tap(l, ELEM_LINK, "Back");
        s = shot(l, DEVICE_PNG);
        if (s.n == green_n && memcmp(s.p, green, green_n) == 0) {
            fail_msg("round %d: the old page is in the picture", i);
        }
    }
}

/* Without waiting for anything: the navigation commits under the screenshot. */
static void
a_navigation_under_a_picture_does_not_stop_it(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/red");
    for (int i = 0; i < 50; i++) {
        lab_fresh(l);
        const char *name = i % 2 == 0 ? "Go" : "Back";
        lab_until(l, name);
        lab_expect(
            l, lab_do(l, DEVICE_TAP, lab_ref(l, i % 2 == 0 ? ELEM_BUTTON : ELEM_LINK, name), NULL),
            name);
        assert_true(shot(l, DEVICE_JPEG).n > 500);
    }
}

static void
a_tab_in_the_background_has_its_picture_too(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/red");
    static char front[64 * 1024];
    struct str s = shot(l, DEVICE_PNG);
    size_t n = s.n;
    assert_true(n < sizeof front);
    memcpy(front, s.p, n);
    lab_open(l, "/tabs");
    lab_tap(l, ELEM_BUTTON, "Open A");
    lab_until(l, "Page A");
    lab_expect(l, l->do_->tab(l->device, &l->ctx, 1, false), "first");
    lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/red", false)), "go");
    struct str back = shot(l, DEVICE_PNG);
    assert_int_equal(back.n, n);
    assert_memory_equal(back.p, front, n);
}

static void
downloads_go_to_the_folder_of_the_device(void **state)
{
    struct lab *l = *state;
    char path[512];

    lab_open(l, "/download");
    lab_tap(l, ELEM_LINK, "Get");
    snprintf(path, sizeof path, "%s/report.txt", cdp_device_downloads(l->device));
    int64_t end_us = clk_mono_us() + LAB_US;
    while (access(path, R_OK) != 0 && clk_mono_us() < end_us) {
        lab_see(l);
    }
    assert_int_equal(access(path, R_OK), 0);
    assert_true(lab_shows(l, "stays"));
    lab_open(l, "/a");
    assert_int_not_equal(access(path, R_OK), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_is_walked_both_ways),
        cmocka_unit_test(an_application_may_change_its_address_without_loading),
        cmocka_unit_test(redirects_end_at_their_target),
        cmocka_unit_test(addresses_that_do_not_answer_are_told_apart),
        cmocka_unit_test(settling_waits_for_a_page_that_takes_its_time),
        cmocka_unit_test(a_document_is_waited_for_longer_than_what_hangs_behind_it),
        cmocka_unit_test(settling_waits_for_what_the_action_fetches),
        cmocka_unit_test(nothing_waits_for_polls_streams_and_beacons),
        cmocka_unit_test(a_dialog_stays_open_until_it_is_answered),
        cmocka_unit_test(answers_reach_the_page),
        cmocka_unit_test(a_dialog_that_comes_later_ends_the_wait),
        cmocka_unit_test(going_on_command_agrees_to_leave_and_a_tap_asks),
        cmocka_unit_test(a_page_that_asks_for_ever_is_left_by_a_reset),
        cmocka_unit_test(a_new_tab_is_the_current_one_and_closing_it_returns),
        cmocka_unit_test(pictures_are_what_they_are_asked_to_be),
        cmocka_unit_test(a_picture_never_shows_the_page_before),
        cmocka_unit_test(a_navigation_under_a_picture_does_not_stop_it),
        cmocka_unit_test(a_tab_in_the_background_has_its_picture_too),
        cmocka_unit_test(downloads_go_to_the_folder_of_the_device),
    };

    return cmocka_run_group_tests(tests, start, lab_stop);
}
