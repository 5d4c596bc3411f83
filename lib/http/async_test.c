/* SPDX-License-Identifier: Apache-2.0
 *
 * Many requests at once: slow ones hold up nobody, and no name reaches what is out of reach. This
 * program answers look-ups itself: libcurl's getaddrinfo is the one below. */
#include "http/async.h"

#include "http/http_fixture.h"
#include "tests/support/names.h"

/* --- names --------------------------------------------------------------------------------- */

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *addresses[3]; /* what every name but slow.test resolves to, then NULL */
static int lookups;
static bool release_slow;

static void
names_are(const char *a, const char *b)
{
    pthread_mutex_lock(&names_lock);
    addresses[0] = a;
    addresses[1] = b;
    pthread_mutex_unlock(&names_lock);
}

static void
pause_ms(long ms)
{
    const struct timespec t = {.tv_nsec = ms * 1000000};

    (void)nanosleep(&t, NULL);
}

/* As a silent name server: until the test ends. */
static void
wait_released(void)
{
    for (;;) {
        pthread_mutex_lock(&names_lock);
        bool released = release_slow;
        pthread_mutex_unlock(&names_lock);
        if (released) {
            return;
        }
        pause_ms(5);
    }
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **out)
{
    if (strcmp(node, "slow.test") == 0) {
        wait_released();
        return EAI_AGAIN;
    }
    pthread_mutex_lock(&names_lock);
    lookups++;
    int rc = names_answer(addresses, service, hints, out);
    pthread_mutex_unlock(&names_lock);
    return rc;
}

/* --- requests ------------------------------------------------------------------------------ */

struct request {
    struct http_call call; /* first */
    struct arena *arena;
    struct ctx ctx;
    pthread_mutex_t lock;
    bool ended;
    int64_t ended_us;
};

static void
on_done(struct http_call *call)
{
    struct request *r = (struct request *)call;

    pthread_mutex_lock(&r->lock);
    r->ended = true;
    r->ended_us = clk_mono_us();
    pthread_mutex_unlock(&r->lock);
}

static void
start(struct http_async *async, struct request *r, const char *url, int64_t timeout_us)
{
    memset(r, 0, sizeof(*r));
    pthread_mutex_init(&r->lock, NULL);
    r->arena = arena_new(1 << 20);
    ctx_init(&r->ctx, r->arena);
    r->call = (struct http_call){.ctx = &r->ctx,
                                 .req = {.method = "POST",
                                         .url = str_z(url),
                                         .body = STR("x"),
                                         .has_body = true,
                                         .timeout_us = timeout_us,
                                         .cut_response = true},
                                 .done = on_done};
    http_async_send(async, &r->call);
}

static bool
has_ended(struct request *r)
{
    pthread_mutex_lock(&r->lock);
    bool ended = r->ended;
    pthread_mutex_unlock(&r->lock);
    return ended;
}

static void
finish(struct request *r)
{
    for (int64_t end = clk_mono_us() + 10 * ASSAY_US_PER_S; !has_ended(r); pause_ms(1)) {
        assert_true(clk_mono_us() < end);
    }
}

static void
forget(struct request *r)
{
    pthread_mutex_destroy(&r->lock);
    arena_free(r->arena);
}

static struct http_async *
async_of(struct fixture *f, enum addr_reach reach)
{
    struct http_async *async = NULL;

    with_reach(f, reach);
    assert_int_equal(http_async_new(f->client, &async), RC_OK);
    return async;
}

/* --- tests --------------------------------------------------------------------------------- */

static void
an_answer_comes_back_and_the_connection_is_kept(void **state)
{
    struct fixture *f = *state;
    struct http_async *async = async_of(f, ADDR_REACH_PRIVATE);
    struct request r;

    for (int i = 0; i < 3; i++) {
        start(async, &r, f->url, 0);
        finish(&r);
        assert_int_equal(r.call.rc, RC_OK);
        assert_int_equal(r.call.resp.status, 200);
        assert_true(str_eqz(r.call.resp.body, "hello"));
        assert_true(str_eqz(http_header_get(&r.call.resp, "x-thing"), "a b"));
        forget(&r);
    }
    assert_non_null(strstr(f->server.last, "POST /x"));
    assert_int_equal(f->server.connections, 1);
    http_async_free(async);
}

static void
what_hangs_holds_up_nobody_and_ends_in_time(void **state)
{
    struct fixture *f = *state;
    struct http_async *async = async_of(f, ADDR_REACH_PRIVATE);
    struct server silent;
    struct request hang[8], lookup, quick;
    char url[64];

    start_server(&silent);
    silent.answer = NULL;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/x", silent.port);
    int64_t began = clk_mono_us();
    for (size_t i = 0; i < ARRAY_LEN(hang); i++) {
        start(async, &hang[i], url, 4500 * ASSAY_US_PER_MS);
    }
    start(async, &lookup, "http://slow.test/", 4 * ASSAY_US_PER_S);
    start(async, &quick, f->url, 0);
    finish(&quick);
    assert_int_equal(quick.call.rc, RC_OK);
    finish(&lookup);
    assert_int_not_equal(lookup.call.rc, RC_OK);
    assert_true(quick.ended_us < lookup.ended_us);
    for (size_t i = 0; i < ARRAY_LEN(hang); i++) {
        finish(&hang[i]);
        assert_true(hang[i].call.rc == RC_DEADLINE_EXCEEDED || hang[i].call.rc == RC_UNAVAILABLE);
        assert_true(quick.ended_us < hang[i].ended_us);
        assert_true(hang[i].ended_us - began < 30 * ASSAY_US_PER_S);
        forget(&hang[i]);
    }
    forget(&lookup);
    forget(&quick);
    /* The look-up is still waiting: nobody waits for it. */
    began = clk_mono_us();
    http_async_free(async);
    assert_true(clk_mono_us() - began < 20 * ASSAY_US_PER_S);
    pthread_mutex_lock(&names_lock);
    release_slow = true;
    pthread_mutex_unlock(&names_lock);
    atomic_store(&silent.stop, true);
    pthread_join(silent.thread, NULL);
    close(silent.listener);
}

static void
a_name_reaches_nothing_that_its_address_may_not(void **state)
{
    static const char *const BAD[] = {"127.0.0.1",
                                      "10.0.0.1",
                                      "172.16.9.9",
                                      "192.168.0.1",
                                      "100.64.0.1",
                                      "169.254.169.254",
                                      "0.0.0.0",
                                      "255.255.255.255",
                                      "224.0.0.1",
                                      "192.0.2.7",
                                      "198.18.0.1",
                                      "240.0.0.1",
                                      "::1",
                                      "::",
                                      "fe80::1",
                                      "fc00::1",
                                      "fd00:ec2::254",
                                      "ff02::1",
                                      "::ffff:7f00:1",
                                      "::ffff:169.254.169.254",
                                      "64:ff9b::7f00:1",
                                      "2002:7f00:1::",
                                      "2001:db8::1",
                                      "168.63.129.16",
                                      "64:ff9b::a9fe:a9fe",
                                      "::127.0.0.1",
                                      "100.100.100.200"};
    struct fixture *f = *state;
    struct http_async *async = async_of(f, ADDR_REACH_PUBLIC);
    char url[64];

    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct request r;
        (void)snprintf(url, sizeof(url), "http://n%zu.test:%d/x", i, f->server.port);
        names_are(BAD[i], NULL);
        start(async, &r, url, 2 * ASSAY_US_PER_S);
        finish(&r);
        if (r.call.rc != RC_PERMISSION_DENIED) {
            fail_msg("%s gave %s", BAD[i], rc_name(r.call.rc));
        }
        assert_string_equal(r.ctx.err.reason, "ADDRESS_REFUSED");
        forget(&r);
    }
    assert_int_equal(f->server.connections, 0);
    http_async_free(async);
}

/* The name server answers with another address each time it is asked. */
static void
a_name_that_changes_gains_nothing(void **state)
{
    struct fixture *f = *state;
    struct http_async *async = async_of(f, ADDR_REACH_PRIVATE);
    struct request r;
    char url[64];

    f->server.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    (void)snprintf(url, sizeof(url), "http://rebind.test:%d/x", f->server.port);
    names_are("127.0.0.1", NULL);
    start(async, &r, url, 0);
    finish(&r);
    assert_int_equal(r.call.rc, RC_OK);
    forget(&r);
    http_async_free(async);

    /* Another sender, so that libcurl asks again; the answers of one look-up are mixed too. */
    async = async_of(f, ADDR_REACH_PRIVATE);
    names_are("169.254.169.254", "127.0.0.1");
    start(async, &r, url, 2 * ASSAY_US_PER_S);
    finish(&r);
    assert_int_equal(r.call.rc, RC_PERMISSION_DENIED);
    forget(&r);
    assert_int_equal(f->server.connections, 1);
    http_async_free(async);
}

static void
bad_urls_and_ports_are_refused_without_a_look_up(void **state)
{
    static const char *const BAD[] = {"",
                                      "ftp://a.test/",
                                      "http://u:p@a.test/",
                                      "http://a b/",
                                      "http://[fe80::1%25lo]/",
                                      "file:///etc/passwd"};
    struct fixture *f = *state;
    uint16_t own[] = {7400};
    f->cfg.refused_ports = own;
    f->cfg.refused_port_count = 1;
    struct http_async *async = async_of(f, ADDR_REACH_PRIVATE);
    struct request r;

    int before = lookups;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        start(async, &r, BAD[i], 0);
        finish(&r);
        assert_int_equal(r.call.rc, RC_INVALID_ARGUMENT);
        forget(&r);
    }
    start(async, &r, "http://a.test:7400/", 0);
    finish(&r);
    assert_int_equal(r.call.rc, RC_PERMISSION_DENIED);
    forget(&r);
    assert_int_equal(lookups, before);
    http_async_free(async);
}

static void
redirects_are_answers(void **state)
{
    struct fixture *f = *state;
    struct http_async *async = async_of(f, ADDR_REACH_PRIVATE);
    struct request r;

    f->server.answer = "HTTP/1.1 307 X\r\nLocation: /second\r\nContent-Length: 0\r\n\r\n";
    start(async, &r, f->url, 0);
    finish(&r);
    assert_int_equal(r.call.rc, RC_OK);
    assert_int_equal(r.call.resp.status, 307);
    assert_int_equal(f->server.requests, 1);
    forget(&r);
    http_async_free(async);
}

/* The head decides; what a body does after it is not waited for beyond the time-out. */
static void
an_answer_counts_from_its_head_on(void **state)
{
#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    static const struct {
        const char *answer;
        bool hangs_up;
        int drip_ms;
        enum rc rc;
        const char *reason, *body;
    } CASES[] = {
        {HEAD "begun", false, 0, RC_OK, NULL, "begun"},
        {HEAD "begun", true, 0, RC_OK, NULL, "begun"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n", true, 0, RC_OK,
         NULL, "begun"},
        {"HTTP/1.1 200 OK\r\n\r\nto the end", true, 0, RC_OK, NULL, "to the end"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", false, 0,
         RC_OK, NULL, "ok"},
        {"HTTP/1.1 100 Continue\r\n\r\n", false, 0, RC_DEADLINE_EXCEEDED, "TIMEOUT", NULL},
        {"HTTP/1.1 200 OK\r\nContent-Le", false, 0, RC_DEADLINE_EXCEEDED, "TIMEOUT", NULL},
        {"HTTP/1.1 200 OK\r\nContent-Le", true, 0, RC_UNKNOWN, "LOST", NULL},
        {"HTTP/1.1 200 OK\r\nX: a very long head, a byte at a time, never done\r\n", false, 100,
         RC_DEADLINE_EXCEEDED, "TIMEOUT", NULL},
        {"SSH-2.0-OpenSSH_9.2\r\n", true, 0, RC_UNKNOWN, "BAD_ANSWER", NULL},
        {"\x01\x02\xff", true, 0, RC_UNKNOWN, "BAD_ANSWER", NULL},
        {"", false, 0, RC_UNKNOWN, "LOST", NULL},
    };
    struct http_async *async = async_of(*state, ADDR_REACH_PRIVATE);
    static struct server servers[ARRAY_LEN(CASES)];
    struct request r[ARRAY_LEN(CASES)];
    char url[ARRAY_LEN(CASES)][64];

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        start_server(&servers[i]);
        servers[i].answer = CASES[i].answer;
        servers[i].hangs_up = CASES[i].hangs_up;
        servers[i].drip_ms = CASES[i].drip_ms;
        (void)snprintf(url[i], sizeof(url[i]), "http://127.0.0.1:%d/x", servers[i].port);
        start(async, &r[i], url[i], 4 * ASSAY_US_PER_S);
    }
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        finish(&r[i]);
        if (r[i].call.rc != CASES[i].rc) {
            fail_msg("case %zu gave %s, %s", i, rc_name(r[i].call.rc), r[i].ctx.err.reason);
        }
        if (CASES[i].rc == RC_OK) {
            assert_int_equal(r[i].call.resp.status, 200);
            assert_true(str_eqz(r[i].call.resp.body, CASES[i].body));
        } else {
            assert_string_equal(r[i].ctx.err.reason, CASES[i].reason);
        }
        forget(&r[i]);
        atomic_store(&servers[i].stop, true);
        pthread_join(servers[i].thread, NULL);
        close(servers[i].listener);
    }
    http_async_free(async);
}

static void
a_flood_is_cut_and_not_read_to_its_end(void **state)
{
    struct fixture *f = *state;
    f->cfg.response_max = (size_t)64 << 10;
    struct http_async *async = async_of(f, ADDR_REACH_PRIVATE);
    struct request r;

    f->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n";
    f->server.flood = (size_t)100 << 20;
    start(async, &r, f->url, 0);
    finish(&r);
    assert_int_equal(r.call.rc, RC_OK);
    assert_true(r.call.resp.was_cut);
    assert_int_equal(r.call.resp.body.n, (size_t)64 << 10);
    forget(&r);
    http_async_free(async);
    /* What lay in the sockets between the two is lost; the rest was never sent. */
    assert_true(atomic_load(&f->server.flooded) < (size_t)50 << 20);
}

static void
what_is_under_way_at_the_end_is_cancelled(void **state)
{
    struct fixture *f = *state;
    struct http_async *async = async_of(f, ADDR_REACH_PRIVATE);
    struct request r;

    f->server.answer = NULL;
    start(async, &r, f->url, 0);
    for (int64_t end = clk_mono_us() + 5 * ASSAY_US_PER_S; atomic_load(&f->server.requests) == 0;
         pause_ms(1)) {
        assert_true(clk_mono_us() < end);
    }
    http_async_free(async);
    assert_true(has_ended(&r));
    assert_int_equal(r.call.rc, RC_CANCELLED);
    forget(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_answer_comes_back_and_the_connection_is_kept),
        T(what_hangs_holds_up_nobody_and_ends_in_time),
        T(a_name_reaches_nothing_that_its_address_may_not),
        T(a_name_that_changes_gains_nothing),
        T(bad_urls_and_ports_are_refused_without_a_look_up),
        T(redirects_are_answers),
        T(an_answer_counts_from_its_head_on),
        T(a_flood_is_cut_and_not_read_to_its_end),
        T(what_is_under_way_at_the_end_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
