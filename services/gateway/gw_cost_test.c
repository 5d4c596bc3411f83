/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request may cost the thread that serves it, once it is warm: one write, and no memory from
 * the system but OpenSSL's for the digest of a token and the RPC client's for a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <dlfcn.h>
#include <string.h>
#include <sys/types.h>
#include <cmocka.h>
#undef fail

#include "web/web.h"

static void watched_handle(void *arg, struct web_conn *conn, const struct web_request *http);
#define GW_FIXTURE_HANDLER watched_handle
#include "tests/support/gw_fixture.h"

static _Thread_local bool watching;
static atomic_int allocations;
static atomic_int writes;

/* --- counting ------------------------------------------------------------------------------ */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));
static void
on_malloc(const volatile void *p, size_t n)
{
    (void)p;
    (void)n;
    if (watching) {
        atomic_fetch_add(&allocations, 1);
    }
}

static void
on_free(const volatile void *p)
{
    (void)p;
}

static void
count_allocations(void)
{
    (void)__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
/* glibc's own, below the names that programs may replace. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

static void
count_one(void)
{
    if (watching) {
        atomic_fetch_add(&allocations, 1);
    }
}

void *
malloc(size_t n)
{
    count_one();
    return __libc_malloc(n);
}

void *
calloc(size_t count, size_t n)
{
    count_one();
    return __libc_calloc(count, n);
}

void *
realloc(void *p, size_t n)
{
    count_one();
    return __libc_realloc(p, n);
}

static void
count_allocations(void)
{
}
#endif

ssize_t send(int fd, const void *bytes, size_t n, int flags);

ssize_t
send(int fd, const void *bytes, size_t n, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "send");

    memcpy(&real, &symbol, sizeof(real));
    if (watching) {
        atomic_fetch_add(&writes, 1);
    }
    return real(fd, bytes, n, flags);
}

static void
watched_handle(void *arg, struct web_conn *conn, const struct web_request *http)
{
    watching = true;
    gw_handle(arg, conn, http);
    watching = false;
}

/* --- tests --------------------------------------------------------------------------------- */

#define ROUNDS 50
#define DIGEST 4 /* allocations of one EVP_Digest, OpenSSL 3.0 */
#define CALL 2   /* of one rpc_call */

/* Allocations and writes of one request, after the connection's thread has served some. */
static void
cost_of(struct fixture *f, const char *request, int status, int *out_allocations, int *out_writes)
{
    int fd = raw_open(f->port);

    for (int i = 0; i < 2 * ROUNDS; i++) {
        if (i == ROUNDS) {
            atomic_store(&allocations, 0);
            atomic_store(&writes, 0);
        }
        assert_true(raw_sendz(fd, request));
        assert_true(raw_read(fd, false, &a));
        assert_int_equal(a.status, status);
    }
    /* The last handler may still be on its way out. */
    while (web_server_in_flight(f->gw.web) > 0) {
        fake_nap();
    }
    raw_close(fd);
    *out_allocations = atomic_load(&allocations);
    *out_writes = atomic_load(&writes);
}

static void
the_pipeline_takes_no_memory_of_its_own_and_writes_once(void **state)
{
    static const struct {
        const char *request;
        int status;
        int allocations;
    } CASES[] = {
        {"GET /api/v1/health HTTP/1.1\r\nHost: h\r\n\r\n", 200, 0},
        {"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n", 404, 0},
        {"GET " SUITES " HTTP/1.1\r\nHost: h\r\n\r\n", 401, 0},
        {"POST " SUITES " HTTP/1.1\r\nHost: h\r\n" VIEWER "Content-Length: 2\r\n\r\n{}", 403,
         DIGEST},
        {"POST " SUITES " HTTP/1.1\r\nHost: h\r\n" ADMIN "Content-Length: 2\r\n\r\n{}", 422,
         DIGEST},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        int allocated = 0;
        int wrote = 0;
        cost_of(*state, CASES[i].request, CASES[i].status, &allocated, &wrote);
        if (allocated > CASES[i].allocations * ROUNDS) {
            print_error("%s: %d allocations\n", CASES[i].request, allocated);
        }
        assert_true(allocated <= CASES[i].allocations * ROUNDS);
        assert_int_equal(wrote, ROUNDS);
    }
}

static void
a_list_costs_what_its_call_does(void **state)
{
    int allocated = 0;
    int wrote = 0;

    cost_of(*state, "GET " SUITES " HTTP/1.1\r\nHost: h\r\n" ADMIN "\r\n", 200, &allocated, &wrote);
    assert_int_equal(wrote, ROUNDS);
    assert_true(allocated <= (DIGEST + CALL) * ROUNDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pipeline_takes_no_memory_of_its_own_and_writes_once),
        cmocka_unit_test(a_list_costs_what_its_call_does),
    };
    count_allocations();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
