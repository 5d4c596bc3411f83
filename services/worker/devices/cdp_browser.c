/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_browser.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/devices/cdp_process.h"
#include "worker/devices/cdp_route.h"

#define START_TIMEOUT_US (20 * ASSAY_US_PER_S)
#define WRITE_TIMEOUT_MS 10000
#define READ_BYTES (256 * 1024)
#define MESSAGE_MAX (256 * 1024 * 1024) /* a screenshot of a giant page as base64 */

enum state { STOPPED, STARTING, RUNNING, FAILED };

struct cdp_browser {
    struct cdp_options options;
    pthread_mutex_t start_lock; /* one start at a time; guards thread, has_thread */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t write_lock; /* guards process.to */
    pthread_mutex_t lock;       /* guards state, routes; before a box's lock */
    pthread_cond_t changed;     /* state */
    enum state state;
    struct cdp_routes routes;
    struct cdp_process process;
    struct cdp_box box; /* answers to the browser's own requests */
    atomic_int pid;
    atomic_llong last_id;
};

struct cdp_browser *
cdp_browser_new(const struct cdp_options *options)
{
    struct cdp_browser *b = calloc(1, sizeof *b);

    if (b == NULL) {
        return NULL;
    }
    if (options != NULL) {
        b->options = *options;
    }
    b->process = (struct cdp_process){.to = -1, .from = -1, .lock = -1};
    pthread_mutex_init(&b->start_lock, NULL);
    pthread_mutex_init(&b->write_lock, NULL);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    cdp_box_init(&b->box);
    return b;
}

static void
set_state(struct cdp_browser *b, enum state state)
{
    pthread_mutex_lock(&b->lock);
    b->state = state;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

/* Delivers every whole message of `in` and drops it. */
static void
deliver(struct cdp_browser *b, struct buf *in, size_t *scanned)
{
    struct buf greeting;
    char *end;
    size_t at = 0;

    buf_init(&greeting, 4 << 20);
    while ((end = memchr(in->p + *scanned, '\0', in->n - *scanned)) != NULL) {
        size_t n = (size_t)(end - in->p) - at;
        pthread_mutex_lock(&b->lock);
        cdp_routes_deliver(&b->routes, str_n(in->p + at, n), &greeting);
        pthread_mutex_unlock(&b->lock);
        at += n + 1;
        *scanned = at;
    }
    if (greeting.n > 0 && !cdp_browser_write(b, buf_str(&greeting))) {
        kill(atomic_load(&b->pid), SIGKILL);
    }
    buf_fini(&greeting);
    buf_drop(in, at);
    *scanned = in->n;
}

static void
read_all(struct cdp_browser *b)
{
    struct buf in;
    size_t scanned = 0;
    ssize_t got;

    buf_init(&in, MESSAGE_MAX);
    for (;;) {
        char *room = buf_room(&in, READ_BYTES);
        if (room == NULL) {
            break;
        }
        got = read(b->process.from, room, READ_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        buf_added(&in, (size_t)got);
        deliver(b, &in, &scanned);
    }
    buf_fini(&in);
}

/* The reader's thread starts the browser too: the browser dies with the thread that made it. */
static void *
reader_main(void *arg)
{
    struct cdp_browser *b = arg;
    struct cdp_process process;

    if (cdp_process_start(&b->options, &process) != RC_OK) {
        set_state(b, FAILED);
        return NULL;
    }
    pthread_mutex_lock(&b->write_lock);
    b->process = process;
    pthread_mutex_unlock(&b->write_lock);
    atomic_store(&b->pid, process.pid);
    set_state(b, RUNNING);
    read_all(b);

    pthread_mutex_lock(&b->lock);
    b->state = STOPPED;
    cdp_routes_clear(&b->routes);
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    pthread_mutex_lock(&b->write_lock);
    process = b->process;
    b->process = (struct cdp_process){.to = -1, .from = -1, .lock = -1};
    pthread_mutex_unlock(&b->write_lock);
    /* Its pipe is closed, so it is dying; the grace lets a zombie be reaped, nothing more. */
    cdp_process_stop(&process, ASSAY_US_PER_S / 2);
    atomic_store(&b->pid, 0);
    return NULL;
}

static bool
is_running(struct cdp_browser *b)
{
    pthread_mutex_lock(&b->lock);
    bool running = b->state == RUNNING;
    pthread_mutex_unlock(&b->lock);
    return running;
}

static void
kill_and_join(struct cdp_browser *b)
{
    pid_t pid = atomic_load(&b->pid);

    if (!b->has_thread) {
        return;
    }
    if (pid > 0 && is_running(b)) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
    }
    pthread_join(b->thread, NULL);
    b->has_thread = false;
}

/* Sends the first commands and waits for the answer to the last of them. */
static bool
shake_hands(struct cdp_browser *b)
{
    int64_t limit =
        b->options.start_timeout_us > 0 ? b->options.start_timeout_us : START_TIMEOUT_US;
    int64_t until = clk_mono_us() + limit;
    struct buf out;
    struct cdp_msg *m = NULL;

    buf_init(&out, 4096);
    int64_t id = cdp_browser_next_id(b, &b->box);
    cdp_put_command(&out, id, STR_EMPTY, "Target.setAutoAttach",
                    STR("{\"autoAttach\":true,\"waitForDebuggerOnStart\":true,\"flatten\":true,"
                        "\"filter\":[{\"type\":\"page\"},{\"type\":\"iframe\"}]}"));
    bool ok = cdp_browser_write(b, buf_str(&out));
    buf_fini(&out);
    while (ok) {
        ok = cdp_box_pop(&b->box, until, &m) == CDP_POP_MSG;
        bool mine = ok && m->id == id;
        if (ok) {
            free(m);
        }
        if (mine) {
            break;
        }
    }
    return ok;
}

static bool
start_locked(struct cdp_browser *b)
{
    if (is_running(b)) {
        return true;
    }
    kill_and_join(b);
    set_state(b, STARTING);
    cdp_box_fini(&b->box);
    cdp_box_init(&b->box);
    if (pthread_create(&b->thread, NULL, reader_main, b) != 0) {
        set_state(b, STOPPED);
        return false;
    }
    b->has_thread = true;
    pthread_mutex_lock(&b->lock);
    while (b->state == STARTING) {
        pthread_cond_wait(&b->changed, &b->lock);
    }
    bool running = b->state == RUNNING;
    pthread_mutex_unlock(&b->lock);
    running = running && cdp_browser_open_box(b, &b->box) && shake_hands(b);
    if (!running) {
        kill_and_join(b);
    }
    return running;
}

enum rc
cdp_browser_start(struct cdp_browser *b, struct ctx *ctx)
{
    pthread_mutex_lock(&b->start_lock);
    bool ok = start_locked(b);
    pthread_mutex_unlock(&b->start_lock);
    const char *program = b->options.program;
    return ok ? RC_OK
              : fail(ctx, RC_UNAVAILABLE, "BROWSER_START",
                     "the browser %s could not be started; `assay doctor` on the worker's machine "
                     "tells what it lacks",
                     program != NULL ? program : "chromium");
}

void
cdp_browser_free(struct cdp_browser *b)
{
    if (b == NULL) {
        return;
    }
    kill_and_join(b);
    cdp_box_fini(&b->box);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->write_lock);
    pthread_mutex_destroy(&b->start_lock);
    free(b);
}

pid_t
cdp_browser_pid(struct cdp_browser *b)
{
    return atomic_load(&b->pid);
}

const struct cdp_options *
cdp_browser_options(const struct cdp_browser *b)
{
    return &b->options;
}

void
cdp_browser_dir(struct cdp_browser *b, char *out, size_t n)
{
    pthread_mutex_lock(&b->write_lock);
    snprintf(out, n, "%s", b->process.dir);
    pthread_mutex_unlock(&b->write_lock);
}

bool
cdp_browser_open_box(struct cdp_browser *b, struct cdp_box *box)
{
    pthread_mutex_lock(&b->lock);
    bool ok = b->state == RUNNING && cdp_routes_add(&b->routes, box);
    pthread_mutex_unlock(&b->lock);
    return ok;
}

void
cdp_browser_set_context(struct cdp_browser *b, struct cdp_box *box, struct str context)
{
    pthread_mutex_lock(&b->lock);
    snprintf(box->context, sizeof box->context, "%.*s", STR_ARG(context));
    pthread_mutex_unlock(&b->lock);
}

void
cdp_browser_close_box(struct cdp_browser *b, struct cdp_box *box)
{
    pthread_mutex_lock(&b->lock);
    cdp_routes_remove(&b->routes, box);
    pthread_mutex_unlock(&b->lock);
}

int64_t
cdp_browser_next_id(struct cdp_browser *b, const struct cdp_box *box)
{
    int64_t n = (int64_t)atomic_fetch_add(&b->last_id, 1) + 1;

    /* Ids travel as 32-bit integers. */
    return ((n & 0x3fffff) << CDP_SLOT_BITS | box->slot) + (1 << CDP_SLOT_BITS);
}

static bool
write_some(int fd, struct str *rest)
{
    ssize_t put = send(fd, rest->p, rest->n, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (put > 0) {
        *rest = str_sub(*rest, (size_t)put, rest->n);
        return true;
    }
    if (put < 0 && errno == EINTR) {
        return true;
    }
    if (put < 0 && errno == EAGAIN) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        return poll(&p, 1, WRITE_TIMEOUT_MS) > 0;
    }
    return false;
}

bool
cdp_browser_write(struct cdp_browser *b, struct str bytes)
{
    struct str rest = bytes;

    pthread_mutex_lock(&b->write_lock);
    int fd = b->process.to;
    while (fd >= 0 && rest.n > 0 && write_some(fd, &rest)) {
    }
    /* Half a message cannot be taken back: such a browser is of no use to anybody. */
    if (fd >= 0 && rest.n > 0) {
        kill(b->process.pid, SIGKILL);
    }
    pthread_mutex_unlock(&b->write_lock);
    return fd >= 0 && rest.n == 0;
}

void
cdp_put_command(struct buf *out, int64_t id, struct str session, const char *method,
                struct str params)
{
    buf_putz(out, "{");
    json_put_member_i64(out, "id", id);
    json_put_member_str(out, "method", str_z(method));
    if (params.n > 0) {
        json_put_key(out, "params");
        buf_put(out, params);
    }
    if (session.n > 0) {
        json_put_member_str(out, "sessionId", session);
    }
    buf_putz(out, "}");
    buf_putc(out, '\0');
}
