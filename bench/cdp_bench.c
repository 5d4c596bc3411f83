/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cdp driver adds to a step: medians over rounds on three warm pages (a form, a shop, a
 * catalogue of 500 rows), then screenshots and resets. One line per figure, `BENCH name median ms`,
 * and the fastest and slowest tenth behind it. A step is what a runner does: act, then settle; a
 * check is a whole sentence. Tap, type and verify take turns with what the browser and the page
 * need for the same at least: the bare input or look, sent without a question before or after it
 * (`_page`). What a step takes longer than the one just before it is our own time (`_own`). Usage:
 * cdp_bench [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/site.h"
#include "worker/devices/cdp.h"
#include "worker/devices/cdp_internal.h"
#include "worker/steps/run_step.h"

#define ROUNDS_MAX 1000

static const struct site_page pages[] = {
    {"/form",
     "<title>Login</title><h1>Login</h1><label>Name <input id=n></label><label>Password <input "
     "type=password></label><button onclick=\"o.textContent='tapped '+ ++c\">Go</button><p "
     "id=o></p>"
     "<script>let c=0</script>",
     NULL},
    {"/shop",
     "<title>Shop</title><nav><a href=/form>Home</a></nav><main id=m></main><script>let "
     "s='';for(let "
     "i=0;i<40;i++)s+='<article><h3>Jar '+i+'</h3><p>Nice jar</p><p>'+i+'.00</p><button>Add '+i+"
     "'</button></article>';m.innerHTML=s</script>",
     NULL},
    {"/catalogue",
     "<title>Catalogue</title><table id=t></table><script>let s='';for(let i=0;i<500;i++)s+="
     "'<tr><td>Item '+i+'<td>Kind '+i%7+'<td>'+i+'.00<td><button>Buy</button>';t.innerHTML=s"
     "</script>",
     NULL},
    {NULL, NULL, NULL},
};

struct bench {
    struct site *site;
    struct device *device;
    const struct device_driver *driver;
    struct ctx ctx;
    int rounds;
    double ms[ROUNDS_MAX];
    double page_ms[ROUNDS_MAX], own_ms[ROUNDS_MAX];
    struct cdp_point aim; /* of the bare press */
};

static void
must(struct bench *b, enum rc rc, const char *what)
{
    if (rc != RC_OK) {
        fprintf(stderr, "%s: %s %.*s %.*s\n", what, rc_name(rc), STR_ARG(b->ctx.err.msg),
                STR_ARG(b->ctx.err.detail));
        exit(1);
    }
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
report(const struct bench *b, const char *name, const char *part, double *ms, int n)
{
    qsort(ms, (size_t)n, sizeof ms[0], by_value);
    printf("BENCH cdp_%s_%s%s %.2f ms (p10 %.2f, p90 %.2f)\n", b->device->profile.category, name,
           part, ms[n / 2], ms[n / 10], ms[n * 9 / 10]);
    fflush(stdout);
}

/* One measured thing. */
typedef void (*work_fn)(struct bench *b, int32_t ref, int round);

static double
once(struct bench *b, work_fn work, int32_t ref, int round)
{
    struct arena *arena = b->ctx.arena;

    arena_reset(arena);
    ctx_init(&b->ctx, arena);
    int64_t begun_us = clk_mono_us();
    work(b, ref, round);
    return (double)(clk_mono_us() - begun_us) / 1000.0;
}

static void
measure(struct bench *b, const char *name, int rounds, work_fn work, int32_t ref)
{
    for (int i = 0; i < rounds; i++) {
        b->ms[i] = once(b, work, ref, i);
    }
    report(b, name, "", b->ms, rounds);
}

/* The same, in turns with `page`, which is what is not ours to save. */
static void
measure_own(struct bench *b, const char *name, work_fn work, work_fn page, int32_t ref)
{
    for (int i = 0; i < b->rounds; i++) {
        b->page_ms[i] = once(b, page, ref, i);
        b->ms[i] = once(b, work, ref, i);
        b->own_ms[i] = b->ms[i] - b->page_ms[i];
    }
    report(b, name, "", b->ms, b->rounds);
    report(b, name, "_page", b->page_ms, b->rounds);
    report(b, name, "_own", b->own_ms, b->rounds);
}

static struct str
url(struct bench *b, const char *path)
{
    char out[256];

    return arena_str(b->ctx.arena, str_z(site_url(b->site, path, false, out, sizeof out)));
}

static void
act(struct bench *b, enum device_verb verb, int32_t ref, struct str text)
{
    struct device_action a = {.verb = verb, .ref = ref, .ref2 = -1, .text = text};

    must(b, b->driver->act(b->device, &b->ctx, &a), "act");
}

static void
tap(struct bench *b, int32_t ref, int round)
{
    (void)round;
    act(b, DEVICE_TAP, ref, STR_EMPTY);
    must(b, b->driver->settle(b->device, &b->ctx, ASSAY_US_PER_S), "settle");
}

static void
type(struct bench *b, int32_t ref, int round)
{
    act(b, DEVICE_FILL, ref, arena_printf(b->ctx.arena, "twenty characters %02d", round % 100));
    must(b, b->driver->settle(b->device, &b->ctx, ASSAY_US_PER_S), "settle");
}

static void
settle(struct bench *b, int32_t ref, int round)
{
    (void)ref;
    (void)round;
    must(b, b->driver->settle(b->device, &b->ctx, ASSAY_US_PER_S), "settle");
}

static void
observe(struct bench *b, int32_t ref, int round)
{
    struct snapshot s;

    (void)ref;
    (void)round;
    must(b, b->driver->observe(b->device, &b->ctx, 0, &s), "observe");
}

/* A whole verifying step: what the sentence means, the observation, the search, the evidence. */
static void
verify_text(struct bench *b, struct str sentence)
{
    struct step_vars vars;
    struct step_options opt = {0};
    struct step_result result;

    vars_init(&vars, b->ctx.arena);
    must(b, run_sentence(&b->ctx, b->device, &vars, &opt, sentence, &result), "verify");
    if (result.verdict != STEP_PASSED) {
        fprintf(stderr, "%.*s: %.*s\n", STR_ARG(sentence), STR_ARG(result.message));
        exit(1);
    }
}

static void
verify(struct bench *b, int32_t ref, int round)
{
    (void)ref;
    (void)round;
    verify_text(b, STR("Verify that 'Password' is visible"));
}

static void
verify_row(struct bench *b, int32_t ref, int round)
{
    (void)ref;
    (void)round;
    verify_text(b, STR("Verify that 'Item 7' is visible"));
}

/* --- what the browser and the page need at least ------------------------------------------- */

static void
send_bare(struct bench *b, struct cdp_wait *w)
{
    must(b, cdp_await(cdp_of(b->device), &b->ctx, w, 0, ASSAY_US_PER_S), "bare input");
    cdp_wait_fini(w);
}

static void
bare_press(struct bench *b, int32_t ref, int round)
{
    struct cdp_device *d = cdp_of(b->device);
    struct cdp_wait w = {0};

    (void)ref;
    (void)round;
    cdp_ask_mouse(d, &w, "mouseMoved", b->aim, "none", 0, 0);
    cdp_ask_mouse(d, &w, "mousePressed", b->aim, "left", 1, 1);
    cdp_ask_mouse(d, &w, "mouseReleased", b->aim, "left", 0, 1);
    send_bare(b, &w);
}

/* Into the field that has the focus, instead of what it holds. */
static void
bare_text(struct bench *b, int32_t ref, int round)
{
    struct cdp_device *d = cdp_of(b->device);
    struct cdp_wait w = {0};

    (void)ref;
    cdp_ask(d, &w, cdp_tab(d), "Runtime.evaluate",
            STR("{\"expression\":\"document.querySelector('#n').select()\"}"));
    cdp_askf(d, &w, cdp_tab(d), "Input.insertText", "{\"text\":\"another characters %02d\"}",
             round % 100);
    send_bare(b, &w);
}

static void
bare_look(struct bench *b, int32_t ref, int round)
{
    struct cdp_device *d = cdp_of(b->device);
    struct cdp_wait w = {0};

    (void)ref;
    (void)round;
    cdp_ask(d, &w, cdp_tab(d), "Runtime.evaluate",
            STR("{\"expression\":\"document.body.innerText\",\"returnByValue\":true}"));
    send_bare(b, &w);
}

static void
jpeg(struct bench *b, int32_t ref, int round)
{
    struct str s;

    (void)ref;
    (void)round;
    must(b, b->driver->screenshot(b->device, &b->ctx, DEVICE_JPEG, 80, &s), "screenshot");
}

static void
png(struct bench *b, int32_t ref, int round)
{
    struct str s;

    (void)ref;
    (void)round;
    must(b, b->driver->screenshot(b->device, &b->ctx, DEVICE_PNG, 0, &s), "screenshot");
}

static void
go(struct bench *b, int32_t ref, int round)
{
    (void)ref;
    must(b, b->driver->go(b->device, &b->ctx, url(b, round % 2 == 0 ? "/shop" : "/form")), "go");
}

static void
clear(struct bench *b, int32_t ref, int round)
{
    (void)ref;
    (void)round;
    must(b, b->driver->reset(b->device, &b->ctx, DEVICE_CLEAR_DATA, url(b, "/form")), "reset");
}

static void
fresh(struct bench *b, int32_t ref, int round)
{
    (void)ref;
    (void)round;
    must(b, b->driver->reset(b->device, &b->ctx, DEVICE_FRESH, url(b, "/form")), "reset");
}

static const struct elem *
find(struct bench *b, enum elem_role role)
{
    struct snapshot s;

    must(b, b->driver->observe(b->device, &b->ctx, 0, &s), "observe");
    for (size_t i = 0; i < s.count; i++) {
        if (s.elems[i].role == role) {
            return &s.elems[i];
        }
    }
    fprintf(stderr, "the page lacks a %s\n", elem_role_name(role));
    exit(1);
}

static int32_t
ref_of(struct bench *b, enum elem_role role)
{
    return find(b, role)->ref;
}

static struct cdp_point
middle_of(struct bench *b, enum elem_role role)
{
    struct elem_box box = find(b, role)->box;

    return (struct cdp_point){box.x + box.w / 2, box.y + box.h / 2};
}

static void
open_page(struct bench *b, const char *path)
{
    must(b, b->driver->go(b->device, &b->ctx, url(b, path)), path);
    must(b, b->driver->settle(b->device, &b->ctx, ASSAY_US_PER_S), "settle");
}

static void
profile(struct cdp_browser *browser, struct bench *b, const struct device_profile *p)
{
    b->device = cdp_device_new(browser, p);
    b->driver = b->device->driver;
    must(b, b->driver->open(b->device, &b->ctx, url(b, "/form")), "open");
    b->aim = middle_of(b, ELEM_BUTTON);
    measure_own(b, "tap", tap, bare_press, ref_of(b, ELEM_BUTTON));
    act(b, DEVICE_TAP, ref_of(b, ELEM_TEXTBOX), STR_EMPTY); /* for the bare text */
    measure_own(b, "type", type, bare_text, ref_of(b, ELEM_TEXTBOX));
    measure(b, "settle_idle", b->rounds, settle, 0);
    measure(b, "observe_form", b->rounds, observe, 0);
    measure_own(b, "verify", verify, bare_look, 0);
    measure(b, "jpeg_q80", b->rounds / 4, jpeg, 0);
    measure(b, "png", b->rounds / 4, png, 0);
    open_page(b, "/shop");
    measure(b, "observe_shop", b->rounds, observe, 0);
    open_page(b, "/catalogue");
    measure(b, "observe_500_rows", b->rounds / 2, observe, 0);
    measure(b, "verify_500_rows", b->rounds / 2, verify_row, 0);
    measure(b, "go", b->rounds / 4, go, 0);
    measure(b, "reset_clear", b->rounds / 4, clear, 0);
    measure(b, "reset_fresh", b->rounds / 8, fresh, 0);
    cdp_device_free(b->device);
}

int
main(int argc, char **argv)
{
    static const struct device_profile desktop = {.id = "d",
                                                  .name = "desktop 1280x720",
                                                  .platform = "web",
                                                  .category = "desktop",
                                                  .width = 1280,
                                                  .height = 720,
                                                  .scale = 1};
    static const struct device_profile phone = {.id = "p",
                                                .name = "phone 390x844",
                                                .platform = "web",
                                                .category = "phone",
                                                .width = 390,
                                                .height = 844,
                                                .scale = 1,
                                                .touch = true};
    static struct bench b;
    int64_t rounds = 80;

    if (argc > 1 && str_to_i64(str_z(argv[1]), 8, ROUNDS_MAX, &rounds) != RC_OK) {
        fprintf(stderr, "usage: cdp_bench [rounds 8-%d]\n", ROUNDS_MAX);
        return 2;
    }
    b.rounds = (int)rounds;
    b.site = site_start(pages);
    ctx_init(&b.ctx, arena_new(256u << 20));
    struct cdp_browser *browser = cdp_browser_new(NULL);
    int64_t begun_us = clk_mono_us();
    must(&b, cdp_browser_start(browser, &b.ctx), "start");
    printf("BENCH cdp_browser_start %.2f ms\n", (double)(clk_mono_us() - begun_us) / 1000.0);
    profile(browser, &b, &desktop);
    profile(browser, &b, &phone);
    cdp_browser_free(browser);
    site_stop(b.site);
    arena_free(b.ctx.arena);
    return 0;
}
