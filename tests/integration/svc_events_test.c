/* SPDX-License-Identifier: Apache-2.0
 *
 * Events between services: each once, in order, and only to the service it is for. */
#include "tests/support/toy.h"

#define EVENTS 400
/* Calls with keys until each is answered OK, whatever dies meanwhile. */
static void *
write_all(void *arg)
{
    struct caller *c = arg;

    for (int i = 0; i < EVENTS; i++) {
        char key[16], name[16];
        enum rc rc;
        (void)snprintf(key, sizeof key, "key%d", i);
        (void)snprintf(name, sizeof name, "%c%06d", 'a' + i % 4, i);
        int64_t end = clk_mono_us() + 20 * ASSAY_US_PER_S;
        do {
            rc = call(c, 0, key, "put", name, NULL);
        } while (rc != RC_OK && clk_mono_us() < end);
        if (rc != RC_OK) {
            return c;
        }
    }
    return NULL;
}

static void
events_arrive_exactly_once_and_in_order_though_both_sides_are_killed(void **state)
{
    pid_t writer = spawn("writer", 1);
    pid_t auth = spawn("auth", 1);
    struct caller c = caller_new("writer");
    pthread_t thread;
    void *failed;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, write_all, &c), 0);
    for (int i = 0; i < 4; i++) {
        const struct timespec pause = {.tv_nsec = 120000000};
        (void)nanosleep(&pause, NULL);
        if (i % 2 == 0) {
            assert_int_equal(end_with(auth, SIGKILL), SIGKILL);
            auth = spawn("auth", i + 2);
        } else {
            assert_int_equal(end_with(writer, SIGKILL), SIGKILL);
            writer = spawn("writer", i + 2);
        }
    }
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    assert_int_equal(count("writer.things"), EVENTS);
    assert_true(comes_to("auth.got", EVENTS, 30 * ASSAY_US_PER_S));
    assert_true(comes_to("writer.outbox", 0, 30 * ASSAY_US_PER_S));
    assert_int_equal(pg_support_i64("SELECT count(DISTINCT name) FROM auth.got"), EVENTS);
    assert_int_equal(
        pg_support_i64("SELECT count(*) FROM auth.got a JOIN auth.got b ON a.key = b.key"
                       " AND a.name < b.name AND a.seq > b.seq"),
        0);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
    assert_int_equal(end_with(auth, SIGTERM), 0);
}

static void
a_refused_event_holds_back_its_own_key_only(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");

    (void)state;
    assert_int_equal(call(&c, 0, "", "put", "a1", NULL), RC_OK);
    assert_int_equal(call(&c, 0, "", "put", "b-poison", NULL), RC_OK);
    assert_int_equal(call(&c, 0, "", "put", "b2", NULL), RC_OK);
    assert_int_equal(call(&c, 0, "", "put", "c1", NULL), RC_OK);
    pid_t auth = spawn("auth", 1);
    assert_true(comes_to("writer.outbox WHERE attempts >= 2", 1, 20 * ASSAY_US_PER_S));
    assert_true(comes_to("auth.got", 2, 20 * ASSAY_US_PER_S));
    assert_int_equal(count("auth.got WHERE key = 'b'"), 0);
    /* Put aside as dead, it no longer holds them. */
    pg_support_exec("UPDATE writer.outbox SET attempts = 29, next_at = now() WHERE attempts > 0");
    assert_true(comes_to("writer.outbox WHERE dead AND cause = 'POISON'", 1, 20 * ASSAY_US_PER_S));
    assert_true(comes_to("auth.got WHERE key = 'b'", 1, 20 * ASSAY_US_PER_S));
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
    assert_int_equal(end_with(auth, SIGTERM), 0);
}

static void
an_event_for_a_service_that_is_no_declared_peer_is_refused(void **state)
{
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");

    (void)state;
    assert_int_equal(call(&c, 0, "", "put", "stray", NULL), RC_INTERNAL);
    assert_string_equal(c.ctx.err.reason, "EVENT_TARGET");
    assert_int_equal(count("writer.things"), 0);
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
}

static void
shell(const char *command)
{
    char line[512];

    (void)snprintf(line, sizeof line, "cd %s && { %s; } 2>/dev/null", dir, command);
    assert_int_equal(system(line), 0);
}

/* As deploy/k8s/secrets.sh makes them: one authority, a certificate for each service's name. */
static void
make_certificate(const char *name)
{
    char command[400];

    (void)snprintf(command, sizeof command,
                   "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key"
                   " -out %s.csr -subj /CN=%s && echo subjectAltName=DNS:%s >%s.ext &&"
                   " openssl x509 -req -days 2 -in %s.csr -CA ca.pem -CAkey ca.key"
                   " -CAcreateserial -extfile %s.ext -out %s.crt",
                   name, name, name, name, name, name, name, name);
    shell(command);
}

static void
set_tls(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/ca.pem", dir);
    (void)setenv("ASSAY_RPC_TLS_CA", path, 1);
    (void)snprintf(path, sizeof path, "%s/%s.crt", dir, name);
    (void)setenv("ASSAY_RPC_TLS_CERT", path, 1);
    (void)snprintf(path, sizeof path, "%s/%s.key", dir, name);
    (void)setenv("ASSAY_RPC_TLS_KEY", path, 1);
}

static pid_t
spawn_auth_as(const char *name, const char *url)
{
    set_tls(name);
    (void)setenv("TOY_TLS_LISTEN", url, 1);
    pid_t auth = spawn("auth", 1);
    (void)unsetenv("TOY_TLS_LISTEN");
    return auth;
}

static void
a_peer_with_the_certificate_of_another_service_is_told_nothing(void **state)
{
    char url[64];

    (void)state;
    (void)snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%d", place_port());
    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
          " -keyout ca.key -out ca.pem -subj /CN=ca");
    make_certificate("auth");
    make_certificate("billing");
    make_certificate("writer");
    set_tls("writer");
    (void)setenv("ASSAY_RPC_AUTH", url, 1);
    pid_t writer = spawn("writer", 1);
    struct caller c = caller_new("writer");
    pid_t auth = spawn_auth_as("billing", url);
    assert_true(comes_to("pg_tables WHERE schemaname = 'auth' AND tablename = 'got'", 1,
                         20 * ASSAY_US_PER_S));
    assert_int_equal(call(&c, 0, "", "put", "a1", NULL), RC_OK);
    /* Five refused connections a second: it had its chances. */
    assert_false(comes_to("auth.got", 1, 4 * ASSAY_US_PER_S));
    assert_int_equal(end_with(auth, SIGTERM), 0);
    auth = spawn_auth_as("auth", url);
    assert_true(comes_to("auth.got", 1, 20 * ASSAY_US_PER_S));
    (void)unsetenv("ASSAY_RPC_AUTH");
    (void)unsetenv("ASSAY_RPC_TLS_CA");
    (void)unsetenv("ASSAY_RPC_TLS_CERT");
    (void)unsetenv("ASSAY_RPC_TLS_KEY");
    caller_free(&c);
    assert_int_equal(end_with(writer, SIGTERM), 0);
    assert_int_equal(end_with(auth, SIGTERM), 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TOY_TEST(events_arrive_exactly_once_and_in_order_though_both_sides_are_killed),
        TOY_TEST(a_refused_event_holds_back_its_own_key_only),
        TOY_TEST(an_event_for_a_service_that_is_no_declared_peer_is_refused),
        TOY_TEST(a_peer_with_the_certificate_of_another_service_is_told_nothing),
    };
    return toy_run_tests(argc, argv, tests, ARRAY_LEN(tests));
}
