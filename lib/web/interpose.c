/* SPDX-License-Identifier: Apache-2.0
 *
 * Two calls of civetweb that its package has no setting for. The program's symbols win over libc's,
 * so what is defined here is what the library calls.
 *
 * pthread_attr_setstacksize: civetweb gives its threads 100 KiB of stack, too little for a handler
 * that packs messages and calls libpq or libcurl.
 *
 * recv: civetweb reads a body until the buffer is full and starts its time-out anew with each
 * packet, so that a byte now and then would hold a thread for hours. Here every arrival is counted
 * and the connection ended once the body is too slow. It also tells a head that is too long. */
#include "web/web_int.h"

#include <dlfcn.h>
#include <string.h>

#define STACK_BYTES_MIN ((size_t)512 * 1024)

/* As <sys/socket.h> declares it; its fortified inline version stays out. */
ssize_t recv(int fd, void *to, size_t n, int flags);

static _Thread_local struct web_conn *reading;

/* What this thread has read of the head it is waiting for: how civetweb's buffer ends is all that
 * tells a head too long from a malformed one. */
static _Thread_local struct {
    bool is_full; /* the last piece filled the buffer */
    bool has_line;
} head;

int
web__head_end(void)
{
    int status = !head.is_full ? 400 : head.has_line ? 431 : 414;

    head.is_full = false;
    head.has_line = false;
    return status;
}

void
web__reading(struct web_conn *conn)
{
    reading = conn;
}

static void
find_next(const char *name, void *out_fn, size_t n)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    ASSERT(symbol != NULL && n == sizeof(symbol));
    memcpy(out_fn, &symbol, n);
}

int
pthread_attr_setstacksize(pthread_attr_t *attr, size_t n)
{
    typedef int (*set_fn)(pthread_attr_t *, size_t);
    static _Atomic(set_fn) real;
    set_fn fn = atomic_load(&real);

    if (fn == NULL) {
        find_next("pthread_attr_setstacksize", &fn, sizeof(fn));
        atomic_store(&real, fn);
    }
    return fn(attr, n < STACK_BYTES_MIN ? STACK_BYTES_MIN : n);
}

ssize_t
recv(int fd, void *to, size_t n, int flags)
{
    typedef ssize_t (*recv_fn)(int, void *, size_t, int);
    static _Atomic(recv_fn) real;
    recv_fn fn = atomic_load(&real);

    if (fn == NULL) {
        find_next("recv", &fn, sizeof(fn));
        atomic_store(&real, fn);
    }
    if (reading != NULL && web__is_too_slow(reading)) {
        return 0; /* as if the client had closed */
    }
    ssize_t got = fn(fd, to, n, flags);
    if (reading != NULL && got > 0) {
        reading->arrived += got;
    } else if (got > 0) {
        head.is_full = (size_t)got == n;
        head.has_line = head.has_line || memchr(to, '\n', (size_t)got) != NULL;
    }
    return got;
}
