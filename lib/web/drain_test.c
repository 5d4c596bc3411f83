/* SPDX-License-Identifier: Apache-2.0
 *
 * More clients than threads, and the end of a server that still has work. */
#include "web/web_fixture.h"

#include <pthread.h>

#define THREADS 10

struct fixture {
    struct web_server *server;
    int port;
    atomic_int holding; /* handlers that wait for `release` */
    atomic_bool release;
};

static void
handle(void *arg, struct web_conn *conn, const struct web_request *req)
{
    struct fixture *f = arg;

    if (str_eqz(req->path, "/hold")) {
        atomic_fetch_add(&f->holding, 1);
        while (!atomic_load(&f->release)) {
            nap();
        }
        atomic_fetch_sub(&f->holding, 1);
        web_answer(conn, 200, STR_EMPTY, STR("held"));
    } else {
        web_answer(conn, 200, STR_EMPTY, req->query);
    }
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct web_cfg cfg = {
        .listen = "127.0.0.1:0",
        .threads = THREADS,
        .head_timeout_us = 2 * ASSAY_US_PER_S,
        .body_timeout_us = 1 * ASSAY_US_PER_S,
        .handler = handle,
        .arg = f,
    };

    assert_non_null(f);
    f->server = start_web(&cfg, &f->port);
    *state = f;
    return f->server == NULL;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    web_server_free(f->server);
    free(f);
    return 0;
}

static struct raw_answer a;

static void
ask(struct fixture *f, const char *request)
{
    raw_exchange(f->port, request, strlen(request), &a);
}

/* Three times as many clients as threads, none of which ever closes. */
static void
idle_clients_starve_nobody(void **state)
{
    struct fixture *f = *state;
    int fds[3 * THREADS];
    int closing = 0;
    char value[32];

    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = raw_open(f->port);
        assert_true(fds[i] >= 0);
        assert_true(raw_sendz(fds[i], "GET /x?1 HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_true(raw_read(fds[i], false, &a));
        assert_int_equal(a.status, 200);
        (void)raw_header(&a, "connection", value, sizeof(value));
        closing += strcmp(value, "close") == 0;
    }
    /* The first nine tenths stay open, one thread serves the others in turn. */
    assert_in_range(closing, 2 * THREADS, 2 * THREADS + 3);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        raw_close(fds[i]);
    }
}

struct held {
    int port;
    int fd;
    bool ok;
    struct raw_answer answer;
};

static void *
hold_one(void *arg)
{
    struct held *h = arg;

    h->fd = raw_open(h->port);
    h->ok = h->fd >= 0 && raw_sendz(h->fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n") &&
            raw_read(h->fd, false, &h->answer);
    return NULL;
}

static void *
drain(void *arg)
{
    struct fixture *f = arg;
    web_server_drain(f->server, clk_mono_us() + 8 * ASSAY_US_PER_S);
    return NULL;
}

static void
drain_loses_no_answer_in_flight(void **state)
{
    enum { HELD = 5 };
    struct fixture *f = *state;
    struct held *held = calloc(HELD, sizeof(*held));
    pthread_t threads[HELD];
    pthread_t drainer;
    char value[32];

    for (int i = 0; i < HELD; i++) {
        held[i].port = f->port;
        assert_int_equal(pthread_create(&threads[i], NULL, hold_one, &held[i]), 0);
    }
    assert_true(reaches(&f->holding, HELD));
    assert_int_equal(web_server_in_flight(f->server), HELD);
    assert_int_equal(pthread_create(&drainer, NULL, drain, f), 0);
    /* New clients are still served while it drains, and sent away after the answer. */
    do {
        ask(f, "GET /x?during HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_string_equal(a.body, "during");
        (void)raw_header(&a, "connection", value, sizeof(value));
    } while (strcmp(value, "close") != 0);
    atomic_store(&f->release, true);
    (void)pthread_join(drainer, NULL);
    assert_int_equal(web_server_in_flight(f->server), 0);
    for (int i = 0; i < HELD; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_true(held[i].ok);
        assert_string_equal(held[i].answer.body, "held");
        assert_string_equal(raw_header(&held[i].answer, "connection", value, sizeof(value)),
                            "close");
        raw_close(held[i].fd);
    }
    free(held);
}

static void
drain_gives_up_at_its_deadline(void **state)
{
    struct fixture *f = *state;
    struct held *held = calloc(1, sizeof(*held));
    pthread_t thread;

    held->port = f->port;
    assert_int_equal(pthread_create(&thread, NULL, hold_one, held), 0);
    assert_true(reaches(&f->holding, 1));
    int64_t began = clk_mono_us();
    web_server_drain(f->server, began + 200 * ASSAY_US_PER_MS);
    assert_in_range(clk_mono_us() - began, 200 * ASSAY_US_PER_MS, 8 * ASSAY_US_PER_S);
    assert_int_equal(web_server_in_flight(f->server), 1);
    atomic_store(&f->release, true);
    (void)pthread_join(thread, NULL);
    raw_close(held->fd);
    free(held);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(idle_clients_starve_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_loses_no_answer_in_flight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_gives_up_at_its_deadline, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
