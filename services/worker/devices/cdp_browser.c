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
#include <sys/wait.h>
#include <unistd.h>

#include "worker/devices/cdp_process.h"
#include "worker/devices/cdp_route.h"
#include "worker/devices/cdp_words.h"

#define START_TIMEOUT_US (20 * ASSAY_US_PER_S)
#define WRITE_TIMEOUT_MS 10000
#define READ_BYTES (256 * 1024)
#define MESSAGE_MAX (256 * 1024 * 1024) /* a screenshot of a giant page as base64 */

/* DYING: it is gone, and nobody but the reader touches its process any more. */
enum state { STOPPED, STARTING, RUNNING, DYING, FAILED };

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
    struct cdp_words words;
    int64_t deaths; /* this and the next: under `lock` */
    char epitaph[CDP_WORDS_MAX];
    atomic_bool gave_up; /* it was killed because it did not answer when it started */
    struct cdp_box box;  /* answers to the browser's own requests */
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
    b->process = CDP_NO_PROCESS;
    cdp_words_init(&b->words);
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

/* Waits for something to read from the pipe; takes what is said on standard error meanwhile. */
static bool
wait_message(struct cdp_browser *b)
{
    struct pollfd p[2] = {{.fd = b->process.from, .events = POLLIN},
                          {.fd = b->process.words, .events = POLLIN}};
    bool hears = p[1].fd >= 0;

    do {
        p[1].fd = hears ? b->process.words : -1;
        p[0].revents = p[1].revents = 0;
        if (poll(p, 2, -1) < 0 && errno != EINTR) {
            return false;
        }
        if (p[1].revents != 0) {
            hears = cdp_words_read(&b->words, b->process.words);
        }
    } while (p[0].revents == 0);
    return true;
}

static void
read_all(struct cdp_browser *b)
{
    struct buf in;
    size_t scanned = 0;
    ssize_t got;

    buf_init(&in, MESSAGE_MAX);
    while (wait_message(b)) {
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

static void
note_death(struct cdp_browser *b, const char *how)
{
    char last[CDP_WORDS_MAX - 64];

    cdp_words_last(&b->words, last, sizeof last);
    pthread_mutex_lock(&b->lock);
    b->deaths++;
    snprintf(b->epitaph, sizeof b->epitaph, "%s%s%s", how,
             last[0] != '\0' ? "; it said last: " : "", last);
    pthread_mutex_unlock(&b->lock);
}

/* Its pipe is closed, so it is dying; the grace lets a zombie be reaped, nothing more. */
static void
bury(struct cdp_browser *b, struct cdp_process *process)
{
    char how[48] = "the browser ended";

    if (process->words >= 0) {
        (void)!cdp_words_read(&b->words, process->words);
    }
    int status = cdp_process_stop(process, ASSAY_US_PER_S / 2);
    if (atomic_load(&b->gave_up)) {
        snprintf(how, sizeof how, "it did not answer");
    } else if (status >= 0 && WIFSIGNALED(status)) {
        snprintf(how, sizeof how, "the browser ended by signal %d", WTERMSIG(status));
    } else if (status >= 0) {
        snprintf(how, sizeof how, "the browser ended with exit status %d", WEXITSTATUS(status));
    }
    note_death(b, how);
    atomic_store(&b->pid, 0);
}

/* The reader's thread starts the browser too: the browser dies with the thread that made it. */
static void *
reader_main(void *arg)
{
    struct cdp_browser *b = arg;
    struct cdp_process process;

    cdp_words_clear(&b->words);
    if (cdp_process_start(&b->options, &process) != RC_OK) {
        note_death(b, "no directory, channel or process for it");
        set_state(b, FAILED);
        return NULL;
    }
    pthread_mutex_lock(&b->write_lock);
    b->process = process;
    pthread_mutex_unlock(&b->write_lock);
    atomic_store(&b->pid, process.pid);
    set_state(b, RUNNING);
    read_all(b);

    set_state(b, DYING);
    pthread_mutex_lock(&b->write_lock);
    process = b->process;
    b->process = CDP_NO_PROCESS;
    pthread_mutex_unlock(&b->write_lock);
    bury(b, &process);
    pthread_mutex_lock(&b->lock);
    b->state = STOPPED;
    cdp_routes_clear(&b->routes); /* now, so that whoever hears of it finds out why */
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
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
        enum cdp_pop what = cdp_box_pop(&b->box, until, &m);
        ok = what == CDP_POP_MSG;
        atomic_store(&b->gave_up, what == CDP_POP_TIME);
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
    atomic_store(&b->gave_up, false);
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
    if (ok) {
        return RC_OK;
    }
    char words[CDP_WORDS_MAX];
    const char *program = b->options.program;
    enum rc rc = fail(ctx, RC_UNAVAILABLE, "BROWSER_START",
                      "the browser %s could not be started; `assay doctor` on the worker's machine "
                      "tells what it lacks",
                      program != NULL ? program : "chromium");
    (void)cdp_browser_deaths(b, words);
    if (words[0] != '\0') {
        note(ctx, "%s", words);
    }
    return rc;
}

int64_t
cdp_browser_deaths(struct cdp_browser *b, char out_words[CDP_WORDS_MAX])
{
    pthread_mutex_lock(&b->lock);
    int64_t deaths = b->deaths;
    if (out_words != NULL) {
        memcpy(out_words, b->epitaph, sizeof b->epitaph);
    }
    pthread_mutex_unlock(&b->lock);
    return deaths;
}

struct str
cdp_browser_epitaph(struct cdp_browser *b, struct ctx *ctx, const struct cdp_box *box)
{
    char words[CDP_WORDS_MAX];

    return cdp_browser_deaths(b, words) > box->deaths ? arena_str(ctx->arena, str_z(words))
                                                      : STR_EMPTY;
}

void
cdp_browser_free(struct cdp_browser *b)
{
    if (b == NULL) {
        return;
    }
    kill_and_join(b);
    cdp_box_fini(&b->box);
    cdp_words_fini(&b->words);
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
    box->deaths = b->deaths;
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
