/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the cdp driver share: a browser, one device in it and a site to visit. For
 * tests only, hence all static. A page is a literal; waiting is the driver's own wait_change. */
#ifndef ASSAY_WORKER_CDP_LAB_H
#define ASSAY_WORKER_CDP_LAB_H

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/site.h"
#include "worker/devices/cdp.h"

/* Last: it makes a macro of fail, which is also the name of ours. */
#include <cmocka.h>

#define LAB_US (30 * ASSAY_US_PER_S) /* nothing waits for its end: a slow machine has time */

struct lab {
    struct site *site;
    struct cdp_browser *browser;
    struct device *device;
    const struct device_driver *do_;
    struct arena *arena;
    struct ctx ctx;
    struct snapshot snap;
    pthread_t releaser; /* of lab_hold_until */
    const char *awaited;
    int late_ms;
};

static const struct device_profile lab_desktop = {.id = "web-desktop-1",
                                                  .name = "Desktop",
                                                  .platform = "web",
                                                  .category = "desktop",
                                                  .os_version = "1",
                                                  .width = 1280,
                                                  .height = 720,
                                                  .scale = 1};
static UNUSED const struct device_profile lab_phone = {
    .id = "web-phone-1",
    .name = "Phone",
    .platform = "web",
    .category = "phone",
    .os_version = "1",
    .width = 390,
    .height = 844,
    .scale = 1,
    .touch = true,
    .user_agent = "Mozilla/5.0 (Linux; Android 14; Test) AppleWebKit/537.36 (KHTML, like Gecko) "
                  "Chrome/126.0.0.0 Mobile Safari/537.36"};

/* Forgets the last failure; everything read before dies. */
static UNUSED void
lab_fresh(struct lab *l)
{
    arena_reset(l->arena);
    ctx_init(&l->ctx, l->arena);
    l->snap = (struct snapshot){0};
}

static UNUSED void
lab_expect(struct lab *l, enum rc rc, const char *what)
{
    if (rc != RC_OK) {
        fail_msg("%s: %s %s: %.*s [%.*s]", what, rc_name(rc),
                 l->ctx.err.reason == NULL ? "" : l->ctx.err.reason, STR_ARG(l->ctx.err.msg),
                 STR_ARG(l->ctx.err.detail));
    }
}

/* A failure with this reason, and no other. */
static UNUSED void
lab_refused(struct lab *l, enum rc rc, enum rc want, const char *reason)
{
    assert_string_equal(rc_name(rc), rc_name(want));
    assert_non_null(l->ctx.err.reason);
    assert_string_equal(l->ctx.err.reason, reason);
    ctx_recover(&l->ctx);
}

static UNUSED struct str
lab_url(struct lab *l, const char *path, bool other)
{
    char out[512];

    return arena_str(l->arena, str_z(site_url(l->site, path, other, out, sizeof out)));
}

/* A clean device at this page, settled. */
static UNUSED void
lab_open(struct lab *l, const char *path)
{
    lab_fresh(l);
    lab_expect(l, l->do_->reset(l->device, &l->ctx, DEVICE_CLEAR_DATA, lab_url(l, path, false)),
               path);
    lab_expect(l, l->do_->settle(l->device, &l->ctx, LAB_US), "settle");
}

static UNUSED const struct snapshot *
lab_see(struct lab *l)
{
    lab_expect(l, l->do_->observe(l->device, &l->ctx, 0, &l->snap), "observe");
    return &l->snap;
}

static UNUSED const struct elem *
lab_find(const struct lab *l, enum elem_role role, const char *name)
{
    for (size_t i = 0; i < l->snap.count; i++) {
        const struct elem *e = &l->snap.elems[i];
        if (e->role == role && str_eqz(e->name, name)) {
            return e;
        }
    }
    return NULL;
}

static UNUSED const struct elem *
lab_elem(struct lab *l, enum elem_role role, const char *name)
{
    const struct elem *e = lab_find(l, role, name);

    if (e == NULL) {
        for (size_t i = 0; i < l->snap.count && i < 80; i++) {
            const struct elem *x = &l->snap.elems[i];
            print_message("  %s '%.*s'\n", elem_role_name(x->role), STR_ARG(x->name));
        }
        fail_msg("no %s '%s' in the snapshot", elem_role_name(role), name);
    }
    return e;
}

/* Looks again and names the element. */
static UNUSED int32_t
lab_ref(struct lab *l, enum elem_role role, const char *name)
{
    lab_see(l);
    return lab_elem(l, role, name)->ref;
}

static UNUSED enum rc
lab_do(struct lab *l, enum device_verb verb, int32_t ref, const char *text)
{
    struct device_action a = {.verb = verb, .ref = ref, .ref2 = -1, .text = str_z(text)};

    return l->do_->act(l->device, &l->ctx, &a);
}

static UNUSED void
lab_settle(struct lab *l)
{
    lab_expect(l, l->do_->settle(l->device, &l->ctx, LAB_US), "settle");
}

/* Does it to the element of this role and name, and waits until the page is quiet. */
static UNUSED void
lab_act(struct lab *l, enum device_verb verb, enum elem_role role, const char *name,
        const char *text)
{
    lab_expect(l, lab_do(l, verb, lab_ref(l, role, name), text), name);
    lab_settle(l);
}

static UNUSED void
lab_tap(struct lab *l, enum elem_role role, const char *name)
{
    lab_act(l, DEVICE_TAP, role, name, NULL);
}

static UNUSED bool
lab_shows(struct lab *l, const char *text)
{
    for (size_t i = 0; i < l->snap.count; i++) {
        if (str_find(l->snap.elems[i].text, str_z(text)) >= 0) {
            return true;
        }
    }
    return false;
}

/* Waits, by wait_change, until the page shows the text. */
static UNUSED void
lab_until(struct lab *l, const char *text)
{
    int64_t end_us = clk_mono_us() + LAB_US;

    for (lab_see(l); !lab_shows(l, text); lab_see(l)) {
        enum rc rc =
            l->do_->wait_change(l->device, &l->ctx, l->snap.version, end_us - clk_mono_us());
        if (rc != RC_OK) {
            struct str first = l->snap.count > 0 ? l->snap.elems[0].text : STR_EMPTY;
            fail_msg("the page never showed '%s' but '%.*s'", text, STR_ARG(first));
        }
    }
}

/* What an element with this test id says now. */
static UNUSED const struct elem *
lab_by_id(struct lab *l, const char *id)
{
    lab_see(l);
    for (size_t i = 0; i < l->snap.count; i++) {
        if (str_eqz(l->snap.elems[i].test_id, id)) {
            return &l->snap.elems[i];
        }
    }
    fail_msg("no element '%s' in the snapshot", id);
    return NULL;
}

static UNUSED void
lab_says(struct lab *l, const char *id, const char *text)
{
    const struct elem *e = lab_by_id(l, id);

    if (!str_eqz(e->text, text)) {
        fail_msg("'%s' says '%.*s', not '%s'", id, STR_ARG(e->text), text);
    }
}

static UNUSED void *
lab_release(void *arg)
{
    struct lab *l = arg;

    (void)site_wait_hits(l->site, l->awaited, 1);
    (void)poll(NULL, 0, l->late_ms);
    site_release(l->site);
    return NULL;
}

/* Holds back what the site has under /hold until `path` was asked for, and so much longer. */
static UNUSED void
lab_hold_until(struct lab *l, const char *path, int late_ms)
{
    l->awaited = path;
    l->late_ms = late_ms;
    site_hold(l->site);
    assert_int_equal(pthread_create(&l->releaser, NULL, lab_release, l), 0);
}

static UNUSED void
lab_hold_end(struct lab *l)
{
    assert_int_equal(pthread_join(l->releaser, NULL), 0);
}

static UNUSED struct lab *
lab_new(const struct site_page *pages, const struct device_profile *profile)
{
    struct lab *l = calloc(1, sizeof *l);

    l->arena = arena_new(256u << 20);
    l->site = site_start(pages);
    /* Limits of ours, not of a browser on a slow machine. */
    l->browser = cdp_browser_new(
        &(struct cdp_options){.start_timeout_us = 3 * LAB_US, .load_timeout_us = 4 * LAB_US});
    l->device = cdp_device_new(l->browser, profile);
    l->do_ = l->device->driver;
    lab_fresh(l);
    lab_expect(l, l->do_->open(l->device, &l->ctx, STR_EMPTY), "open");
    return l;
}

static UNUSED void
lab_free(struct lab *l)
{
    cdp_device_free(l->device);
    cdp_browser_free(l->browser);
    site_stop(l->site);
    arena_free(l->arena);
    free(l);
}

/* As a group's teardown. */
static UNUSED int
lab_stop(void **state)
{
    lab_free(*state);
    return 0;
}

#endif
