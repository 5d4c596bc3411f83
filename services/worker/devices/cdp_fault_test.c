/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/place.h"

static const struct site_page pages[] = {
    {"/a",
     "<title>A</title><h1>Page A</h1><button onclick='for(;;);'>Hang</button>"
     "<button onclick=\"location='/never'\">Wait</button>",
     NULL},
    {"/store",
     "<p id=o>...</p><script>(async()=>{const seen=[];if(document.cookie)seen.push('cookie');"
     "if(localStorage.k)seen.push('local');if(sessionStorage.k)seen.push('session');"
     "if((await indexedDB.databases()).length)seen.push('idb');if((await caches.keys()).length)"
     "seen.push('cache');if((await navigator.serviceWorker.getRegistrations()).length)seen.push("
     "'worker');document.cookie='c=1;max-age=9999';localStorage.k=1;sessionStorage.k=1;await new "
     "Promise(r=>{const q=indexedDB.open('d');q.onsuccess=r});await caches.open('c');"
     "await navigator.serviceWorker.register('/sw.js');addEventListener('pagehide',()=>{"
     "localStorage.late=1;document.cookie='late=1'});"
     "o.textContent='found: '+(seen.join(' ')||'nothing')})()</script>",
     NULL},
    {"/sw.js", "onfetch=()=>{}", "Content-Type: text/javascript\r\n"},
    {"/session",
     "<p id=o></p><script>o.textContent='found: '+(sessionStorage.k||'nothing')+' '+"
     "(localStorage.late||'clean')+history.length</script>",
     NULL},
    {"/framed",
     "<p>top</p><script>const f=document.createElement('iframe');f.src='http://localhost:'"
     "+location.port+'/store';document.body.append(f)</script>",
     NULL},
    {"/secret", "<h1>Inside</h1>", NULL},
    {"/pointer",
     "<button id=b>Tap me</button><p id=o></p><script>const s=[];for(const t of ['touchstart',"
     "'pointerdown','mousedown','click'])b.addEventListener(t,e=>{s.push(t+(e.pointerType?':'+"
     "e.pointerType:''));o.textContent=s.join(' ')});document.title=innerWidth+' '+"
     "/Mobile/.test(navigator.userAgent)+' '+navigator.maxTouchPoints</script>"
     "<div style='height:3000px'></div>",
     "X: y\r\n"},
    {NULL, NULL, NULL},
};

static int
start(void **state)
{
    *state = lab_new(pages, &lab_desktop);
    return 0;
}

/* --- what dies ----------------------------------------------------------------------------------
 */

static void
a_crashed_page_is_gone_until_the_reset(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/a");
    enum rc rc = l->do_->go(l->device, &l->ctx, STR("chrome://crash"));
    int64_t end_us = clk_mono_us() + LAB_US;
    while (rc != RC_UNAVAILABLE && clk_mono_us() < end_us) {
        ctx_recover(&l->ctx);
        rc = l->do_->observe(l->device, &l->ctx, 0, &l->snap);
    }
    lab_refused(l, rc, RC_UNAVAILABLE, "DEVICE_GONE");
    lab_refused(l, l->do_->observe(l->device, &l->ctx, 0, &l->snap), RC_UNAVAILABLE, "DEVICE_GONE");
    lab_open(l, "/a");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Page A");
}

static void
a_killed_browser_is_gone_for_all_and_starts_again(void **state)
{
    struct lab *l = *state;
    struct device *other = cdp_device_new(l->browser, &lab_phone);
    struct str s;

    lab_open(l, "/a");
    lab_expect(l, l->do_->open(other, &l->ctx, lab_url(l, "/a", false)), "second device");
    int64_t version = lab_see(l)->version;
    pid_t first = cdp_browser_pid(l->browser);
    int64_t deaths = cdp_browser_deaths(l->browser, NULL);
    assert_true(first > 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    enum rc rc = l->do_->wait_change(l->device, &l->ctx, version, LAB_US);
    assert_true(str_find(l->ctx.err.detail, STR("ended by signal 9")) >= 0);
    lab_refused(l, rc, RC_UNAVAILABLE, "DEVICE_GONE");
    assert_int_equal(cdp_browser_deaths(l->browser, NULL), deaths + 1);
    lab_refused(l, l->do_->screenshot(other, &l->ctx, DEVICE_JPEG, 80, &s), RC_UNAVAILABLE,
                "DEVICE_GONE");
    lab_open(l, "/a");
    assert_int_not_equal(cdp_browser_pid(l->browser), first);
    lab_expect(l, l->do_->reset(other, &l->ctx, DEVICE_RELAUNCH, lab_url(l, "/a", false)), "other");
    cdp_device_free(other);
}

static void *
abort_when_asked(void *arg)
{
    struct lab *l = arg;

    (void)site_wait_hits(l->site, "/never", 1);
    l->do_->abort(l->device);
    return NULL;
}

static void
another_thread_can_end_a_call(void **state)
{
    struct lab *l = *state;
    pthread_t thread;

    lab_open(l, "/a");
    assert_int_equal(pthread_create(&thread, NULL, abort_when_asked, l), 0);
    lab_refused(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/never", false)), RC_CANCELLED,
                "CANCELLED");
    pthread_join(thread, NULL);
    l->do_->abort(l->device); /* nothing is under way: the next call hears it */
    lab_refused(l, l->do_->observe(l->device, &l->ctx, 0, &l->snap), RC_CANCELLED, "CANCELLED");
    lab_open(l, "/a");
}

static void
a_page_that_hangs_ends_with_the_deadline(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/a");
    int32_t ref = lab_ref(l, ELEM_BUTTON, "Hang");
    int64_t begun_us = clk_mono_us();
    l->ctx.deadline_us = clk_wall_us() + ASSAY_US_PER_S;
    lab_refused(l, lab_do(l, DEVICE_TAP, ref, NULL), RC_DEADLINE_EXCEEDED, "DEVICE_TIMEOUT");
    assert_true(clk_mono_us() - begun_us < 8 * ASSAY_US_PER_S); /* a call's own limit is ten */
    lab_fresh(l);
    lab_expect(l, l->do_->reset(l->device, &l->ctx, DEVICE_FRESH, lab_url(l, "/a", false)),
               "fresh");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Page A");
}

/* Dead, also where nobody buries the dead: process 1 of a container may not. */
static bool
is_dead(pid_t pid)
{
    char path[64];
    char state = 'X';

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
            state = 'X'; /* it went meanwhile */
        }
        (void)fclose(file);
    }
    return state == 'X' || state == 'Z';
}

/* No process of the browser's group is left. */
static bool
is_group_dead(pid_t group)
{
    DIR *proc = opendir("/proc");
    bool dead = true;

    for (struct dirent *e = readdir(proc); e != NULL; e = readdir(proc)) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        dead = dead && (pid <= 0 || getpgid(pid) != group || is_dead(pid));
    }
    (void)closedir(proc);
    return dead;
}

static bool
leaves_nothing(pid_t pid, const char *dir)
{
    int64_t end_us = clk_mono_us() + LAB_US;
    struct timespec ts = {0, 1000000};

    while (!is_group_dead(pid) && clk_mono_us() < end_us) {
        (void)nanosleep(&ts, NULL);
    }
    return is_group_dead(pid) && kill(pid, 0) != 0 && access(dir, F_OK) != 0;
}

static void
an_ended_browser_leaves_no_process_and_no_files(void **state)
{
    struct lab *l = *state;
    struct cdp_browser *b = cdp_browser_new(NULL);
    struct device *d = cdp_device_new(b, &lab_desktop);
    char dir[512];

    lab_fresh(l);
    lab_expect(l, l->do_->open(d, &l->ctx, lab_url(l, "/a", false)), "open");
    snprintf(dir, sizeof dir, "%s", cdp_device_downloads(d));
    assert_int_equal(access(dir, F_OK), 0);
    *strrchr(dir, '/') = '\0';
    assert_int_equal(access(dir, F_OK), 0);
    pid_t pid = cdp_browser_pid(b);
    cdp_device_free(d);
    cdp_browser_free(b);
    assert_true(leaves_nothing(pid, dir));
}

/* A directory as a browser has it, with something in it. */
static void
make_left(char *out, size_t n, const char *base, const char *name)
{
    char file[512];

    (void)snprintf(out, n, "%s/assay-browser-%s", base, name);
    assert_int_equal(mkdir(out, 0700), 0);
    (void)snprintf(file, sizeof file, "%s/profile", out);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void
a_start_removes_what_dead_workers_left_and_nothing_else(void **state)
{
    struct lab *l = *state;
    char base[PLACE_MAX], dead[256], used[256], other[256];

    place_make(base, "browsers");
    make_left(dead, sizeof dead, base, "dead");
    make_left(used, sizeof used, base, "used");
    (void)snprintf(other, sizeof other, "%s/assay-other", base);
    assert_int_equal(mkdir(other, 0700), 0);
    int lock = open(used, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_SH | LOCK_NB), 0);
    struct cdp_browser *first = cdp_browser_new(&(struct cdp_options){.tmp_dir = base});
    struct cdp_browser *second = cdp_browser_new(&(struct cdp_options){.tmp_dir = base});
    struct device *d = cdp_device_new(first, &lab_desktop);

    lab_fresh(l);
    lab_expect(l, l->do_->open(d, &l->ctx, lab_url(l, "/a", false)), "open");
    lab_expect(l, cdp_browser_start(second, &l->ctx), "start");
    assert_int_not_equal(access(dead, F_OK), 0);
    assert_int_equal(access(used, F_OK), 0);
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(access(cdp_device_downloads(d), F_OK), 0); /* of the other one, which lives */
    cdp_device_free(d);
    cdp_browser_free(first);
    cdp_browser_free(second);
    (void)close(lock);
    assert_true(place_remove(base));
}

static void
expect_start(struct lab *l, const struct cdp_options *options, const char *detail)
{
    struct cdp_browser *b = cdp_browser_new(options);

    enum rc rc = cdp_browser_start(b, &l->ctx);
    if (str_find(l->ctx.err.msg, str_z(options->program)) < 0 ||
        str_find(l->ctx.err.detail, str_z(detail)) < 0) {
        fail_msg("%.*s; %.*s", STR_ARG(l->ctx.err.msg), STR_ARG(l->ctx.err.detail));
    }
    lab_refused(l, rc, RC_UNAVAILABLE, "BROWSER_START");
    cdp_browser_free(b);
}

static void
a_browser_that_does_not_start_says_so(void **state)
{
    struct lab *l = *state;
    char dir[PLACE_MAX];
    char mute[PLACE_MAX + 8];

    lab_fresh(l);
    expect_start(l, &(struct cdp_options){.program = "/nowhere/chromium"},
                 "exit status 127; it said last: cannot execute /nowhere/chromium: No such file");
    expect_start(l, &(struct cdp_options){.program = "/usr/bin/yes"}, "unrecognized option");
    place_make(dir, "mute");
    (void)snprintf(mute, sizeof mute, "%s/mute", dir);
    FILE *f = fopen(mute, "we");
    assert_non_null(f);
    (void)fputs("#!/bin/sh\nexec sleep 600\n", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(mute, 0700), 0);
    expect_start(l, &(struct cdp_options){.program = mute, .start_timeout_us = ASSAY_US_PER_S / 2},
                 "it did not answer");
    assert_true(place_remove(dir));
}

/* --- what a reset leaves
 * -------------------------------------------------------------------------- */

static void
clearing_leaves_nothing_of_the_case_before(void **state)
{
    struct lab *l = *state;
    pid_t pid = cdp_browser_pid(l->browser);

    for (int i = 0; i < 3; i++) {
        lab_open(l, "/store");
        lab_until(l, "found:");
        lab_says(l, "o", "found: nothing");
    }
    lab_expect(l, l->do_->reset(l->device, &l->ctx, DEVICE_RELAUNCH, lab_url(l, "/store", false)),
               "relaunch");
    lab_until(l, "found: cookie local session idb cache worker");
    lab_open(l, "/session"); /* what the old page stored while it was left is gone too */
    struct str cleared = lab_by_id(l, "o")->text;
    lab_expect(l, l->do_->reset(l->device, &l->ctx, DEVICE_FRESH, lab_url(l, "/session", false)),
               "fresh");
    assert_true(str_eq(lab_by_id(l, "o")->text, cleared)); /* as long a history, too */
    assert_true(str_starts(cleared, STR("found: nothing clean")));
    assert_int_equal(cdp_browser_pid(l->browser), pid);
}

static void
session_storage_of_another_origin_goes_too(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/store");
    lab_until(l, "found:");
    lab_expect(l, l->do_->reset(l->device, &l->ctx, DEVICE_CLEAR_DATA, lab_url(l, "/a", true)),
               "to the other origin");
    lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/session", false)), "go");
    lab_see(l);
    assert_true(str_starts(lab_by_id(l, "o")->text, STR("found: nothing clean")));
}

static void
what_a_reset_without_an_address_leaves_goes_with_the_first_one(void **state)
{
    struct lab *l = *state;

    for (int i = 0; i < 2; i++) { /* to the same origin, then to another and back */
        lab_open(l, "/store");
        lab_until(l, "found:");
        lab_expect(l, l->do_->reset(l->device, &l->ctx, DEVICE_CLEAR_DATA, STR_EMPTY), "reset");
        lab_expect(l,
                   l->do_->go(l->device, &l->ctx, lab_url(l, i == 0 ? "/session" : "/a", i == 1)),
                   "go");
        if (i == 1) {
            lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/session", false)), "back");
        }
        lab_see(l);
        assert_true(str_starts(lab_by_id(l, "o")->text, STR("found: nothing clean")));
    }
    /* Only with the first: what the case itself stores stays. */
    lab_expect(l, l->do_->reset(l->device, &l->ctx, DEVICE_CLEAR_DATA, STR_EMPTY), "reset");
    lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/store", false)), "first");
    lab_until(l, "found: nothing");
    lab_expect(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/session", false)), "second");
    lab_see(l);
    assert_false(str_starts(lab_by_id(l, "o")->text, STR("found: nothing")));
}

static void
stores_of_frames_of_other_sites_go_too(void **state)
{
    struct lab *l = *state;

    for (int i = 0; i < 2; i++) {
        lab_open(l, "/framed");
        lab_until(l, "found: nothing");
    }
}

static void
two_devices_share_nothing(void **state)
{
    struct lab *l = *state;
    struct device *other = cdp_device_new(l->browser, &lab_desktop);
    struct device *mine = l->device;

    lab_open(l, "/store");
    lab_until(l, "found: nothing");
    lab_expect(l, l->do_->open(other, &l->ctx, lab_url(l, "/store", false)), "other");
    l->device = other;
    l->snap = (struct snapshot){0};
    lab_until(l, "found: nothing");
    l->device = mine;
    lab_expect(l, l->do_->go(mine, &l->ctx, lab_url(l, "/store", false)), "mine");
    l->snap = (struct snapshot){0};
    lab_until(l, "found: cookie");
    cdp_device_free(other);
}

static void
a_password_asked_for_makes_the_context_new(void **state)
{
    struct lab *l = *state;
    char url[512];

    lab_open(l, "/a");
    snprintf(url, sizeof url, "http://u:p@127.0.0.1:%d/auth", site_port(l->site));
    lab_expect(l, l->do_->go(l->device, &l->ctx, str_z(url)), "with a password");
    lab_open(l, "/a");
    /* The browser must have forgotten it. */
    lab_refused(l, l->do_->go(l->device, &l->ctx, lab_url(l, "/auth", false)), RC_NOT_FOUND,
                "NAVIGATION_FAILED");
}

/* --- phones
 * ------------------------------------------------------------------------------------------ */

static void
a_phone_is_touched_and_looks_like_one(void **state)
{
    struct lab *l = *state;
    struct device *desk = l->device;
    struct device *phone = cdp_device_new(l->browser, &lab_phone);
    struct device_page page;
    struct device_action up = {
        .verb = DEVICE_SWIPE, .ref = -1, .ref2 = -1, .x = 200, .y = 700, .x2 = 200, .y2 = 200};

    lab_fresh(l);
    lab_expect(l, l->do_->open(phone, &l->ctx, lab_url(l, "/pointer", false)), "open");
    l->device = phone;
    lab_tap(l, ELEM_BUTTON, "Tap me");
    lab_until(l, "pointerdown:touch touchstart mousedown click:touch");
    lab_expect(l, l->do_->page(phone, &l->ctx, &page), "page");
    assert_true(str_ends(page.title, STR(" true 5")));
    lab_expect(l, l->do_->act(phone, &l->ctx, &up), "swipe");
    int64_t end_us = clk_mono_us() + LAB_US;
    while (lab_see(l)->scroll_y < 100) {
        lab_expect(l, l->do_->wait_change(phone, &l->ctx, l->snap.version, LAB_US), "scroll");
        assert_true(clk_mono_us() < end_us);
    }
    l->device = desk;
    cdp_device_free(phone);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crashed_page_is_gone_until_the_reset),
        cmocka_unit_test(a_killed_browser_is_gone_for_all_and_starts_again),
        cmocka_unit_test(another_thread_can_end_a_call),
        cmocka_unit_test(a_page_that_hangs_ends_with_the_deadline),
        cmocka_unit_test(an_ended_browser_leaves_no_process_and_no_files),
        cmocka_unit_test(a_start_removes_what_dead_workers_left_and_nothing_else),
        cmocka_unit_test(a_browser_that_does_not_start_says_so),
        cmocka_unit_test(clearing_leaves_nothing_of_the_case_before),
        cmocka_unit_test(session_storage_of_another_origin_goes_too),
        cmocka_unit_test(what_a_reset_without_an_address_leaves_goes_with_the_first_one),
        cmocka_unit_test(stores_of_frames_of_other_sites_go_too),
        cmocka_unit_test(two_devices_share_nothing),
        cmocka_unit_test(a_password_asked_for_makes_the_context_new),
        cmocka_unit_test(a_phone_is_touched_and_looks_like_one),
    };

    return cmocka_run_group_tests(tests, start, lab_stop);
}
