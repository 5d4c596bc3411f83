/* SPDX-License-Identifier: Apache-2.0
 *
 * A service as a process: probes, metrics, health, a soft end, settings it cannot read. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include <health.pb-c.h>

#include "svc_client.h"
#include "tests/support/toy.h"

static Assay__HealthStatus *
health(struct caller *c)
{
    Assay__HealthRequest req = ASSAY__HEALTH_REQUEST__INIT;
    Assay__HealthStatus *status = NULL;

    fresh(c, "");
    assert_int_equal(svc_call_check(c->client, &c->ctx, &req, &status), RC_OK);
    return status;
}

static void
health_follows_the_database(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    bool ready = true;

    (void)state;
    assert_true(health(&c)->ready);
    assert_string_equal(health(&c)->name, "writer");
    pg_support_stop();
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S; ready && clk_mono_us() < end;) {
        ready = health(&c)->ready;
    }
    assert_false(ready);
    assert_string_equal(health(&c)->reason, "DB_DOWN");
    pg_support_start();
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S; !ready && clk_mono_us() < end;) {
        ready = health(&c)->ready;
    }
    assert_true(ready);
    assert_int_equal(call(&c, 0, "", "put", "a1", NULL), RC_OK);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
sigterm_lets_the_running_call_finish(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    pthread_t thread;
    void *rc;
    int status = -1;

    (void)state;
    assert_int_equal(call(&c, 0, "", "put", "warm", NULL), RC_OK);
    assert_int_equal(pthread_create(&thread, NULL, call_slowly, &c), 0);
    assert_true(is_held());
    (void)kill(writer, SIGTERM);
    int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S;
    while (rpc_client_replicas(c.client) > 0) { /* it has heard, and says so */
        const struct timespec pause = {.tv_nsec = 5000000};
        assert_true(clk_mono_us() < end);
        (void)nanosleep(&pause, NULL);
    }
    open_gate();
    assert_int_equal(pthread_join(thread, &rc), 0);
    assert_int_equal((intptr_t)rc, RC_OK);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    assert_int_equal(count("writer.things"), 2);
    caller_free(&c);
}

/* Asks the admin listener; the whole answer, empty while nobody listens. */
static void
admin_get(int port, const char *path, char *out, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char head[128];
    size_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
        int len = snprintf(head, sizeof head,
                           "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
        assert_int_equal(send(fd, head, (size_t)len, MSG_NOSIGNAL), len);
        for (ssize_t got = 1; got > 0 && n<size - 1; n += got> 0 ? (size_t)got : 0) {
            got = read(fd, out + n, size - 1 - n);
        }
    }
    out[n] = '\0';
    (void)close(fd);
}

static void
probes_and_metrics_are_served(void **state)
{
    static char page[256 * 1024];
    char listen[32];
    int port = place_port();

    (void)state;
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%d", port);
    (void)setenv("ASSAY_ADMIN_LISTEN", listen, 1);
    pid_t writer = spawn("writer", 1);
    (void)unsetenv("ASSAY_ADMIN_LISTEN");
    struct caller c = caller_new("writer");
    assert_int_equal(call(&c, 0, "k", "put", "a1", NULL), RC_OK);
    page[0] = '\0';
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S;
         strstr(page, "200 OK") == NULL && clk_mono_us() < end;) {
        admin_get(port, "/ready", page, sizeof page);
    }
    assert_non_null(strstr(page, "\r\n\r\nready\n"));
    admin_get(port, "/live", page, sizeof page);
    assert_non_null(strstr(page, "\r\n\r\nlive\n"));
    admin_get(port, "/metrics", page, sizeof page);
    assert_non_null(
        strstr(page, "assay_rpc_calls_total{method=\"toy.Writer/Put\",code=\"OK\"} 1\n"));
    pg_support_stop();
    for (int64_t end = clk_mono_us() + 30 * ASSAY_US_PER_S;
         strstr(page, " 503 ") == NULL && clk_mono_us() < end;) {
        admin_get(port, "/ready", page, sizeof page);
    }
    assert_non_null(strstr(page, "DB_DOWN"));
    admin_get(port, "/live", page, sizeof page); /* never asks the database */
    assert_non_null(strstr(page, "200 OK"));
    pg_support_start();
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
a_malformed_setting_ends_with_status_three(void **state)
{
    (void)state;
    (void)setenv("ASSAY_RPC_WORKERS", "many", 1);
    int status = -1;
    pid_t writer = spawn("writer", 1);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    (void)unsetenv("ASSAY_RPC_WORKERS");
    assert_int_equal(WEXITSTATUS(status), 3);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TOY_TEST(health_follows_the_database),
        TOY_TEST(sigterm_lets_the_running_call_finish),
        TOY_TEST(probes_and_metrics_are_served),
        TOY_TEST(a_malformed_setting_ends_with_status_three),
    };
    return toy_run_tests(argc, argv, tests, ARRAY_LEN(tests));
}
