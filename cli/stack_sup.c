/* SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor: one thread, one loop. It starts what is due, hears of deaths, starts again after
 * a pause that doubles, keeps logs within bounds, and on SIGTERM ends tier after tier. */
#include "cli/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

#define PAUSE_FIRST_US (200 * ASSAY_US_PER_MS)
#define PAUSE_MAX_US (5 * ASSAY_US_PER_S)
#define STEADY_US (10 * ASSAY_US_PER_S) /* after this long the pause starts anew */
#define HOUSE_US ASSAY_US_PER_S
#define ROLES_RETRY_US (50 * ASSAY_US_PER_MS)
#define LOG_MAX ((off_t)16 << 20)
#define STOP_US (30 * ASSAY_US_PER_S) /* a tier has this long, then it is killed */
/* Workers may end the cases they are at for this long, then they are asked again and give them
 * back.
 * */
#define CASES_US (5 * ASSAY_US_PER_S)

enum phase { WAITING, STARTING, RUNNING, STOPPING, STOPPED };
static const char *const PHASE_NAMES[] = {"waiting", "starting", "running", "stopping", "stopped"};

struct one {
    enum phase phase;
    pid_t pid;
    int64_t start;
    int64_t began_us; /* mono */
    int64_t since_us; /* wall */
    int64_t due_us;   /* mono; start then */
    int64_t pause_us;
    int64_t restarts;
};

struct sup {
    const struct stack_paths *paths;
    struct stack_plan plan;
    struct one one[STACK_CHILDREN_MAX];
    struct stack_board prints;
    bool pg_ready; /* database and roles are there */
    pid_t roles_pid;
    int64_t roles_due_us;
    int64_t house_us;
    bool dirty; /* the board is to be written */
    bool stopping;
    enum stack_tier tier; /* that is stopping */
    int64_t hurry_us;     /* mono; 0: never */
    int64_t kill_us;
};

/* --- the board ----------------------------------------------------------------------------- */

static void
write_board(struct sup *s)
{
    struct buf b;

    buf_init(&b, STACK_STATE_MAX);
    buf_printf(&b, "supervisor %ld %lld\nurl %s\n", (long)getpid(),
               (long long)stack_proc_start(getpid()), s->plan.url);
    if (s->plan.shop_url != NULL) {
        buf_printf(&b, "shop %s\n", s->plan.shop_url);
    }
    if (s->plan.private_pg) {
        buf_printf(&b, "psql postgresql://postgres@/assay?host=%s\n", s->paths->pg_sock);
    }
    for (size_t i = 0; i < s->plan.count; i++) {
        const struct one *o = &s->one[i];
        const struct stack_child *c = &s->plan.child[i];
        buf_printf(&b, "child %s %s %ld %lld %lld %lld %s\n", c->name, PHASE_NAMES[o->phase],
                   (long)o->pid, (long long)o->start, (long long)o->restarts,
                   (long long)o->since_us, c->listen == NULL ? "" : c->listen);
    }
    for (size_t i = 0; i < s->prints.print_count; i++) {
        const struct stack_print *p = &s->prints.print[i];
        buf_printf(&b, "set %.*s %llu\n", STR_ARG(p->name), (unsigned long long)p->hash);
    }
    stack_board_write(s->paths, &b);
    buf_fini(&b);
    s->dirty = false;
}

static void
set_phase(struct sup *s, size_t i, enum phase phase)
{
    s->one[i].phase = phase;
    s->one[i].since_us = clk_wall_us();
    s->dirty = true;
}

/* --- starting ------------------------------------------------------------------------------ */

static const char *
log_path(const struct sup *s, size_t i, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/%s.log", s->paths->log, s->plan.child[i].name);
    return out;
}

/* A socket that a killed process has left would make callers wait for nobody. */
static void
remove_socket(const struct stack_child *child)
{
    if (child->listen != NULL) {
        (void)unlink(child->listen + strlen("ipc://"));
    }
}

static void
start_one(struct sup *s, size_t i, int64_t now)
{
    const struct stack_child *child = &s->plan.child[i];
    struct one *o = &s->one[i];
    char log[PATH_MAX];

    remove_socket(child);
    o->pid = stack_spawn(child, log_path(s, i, log), -1,
                         child->tier == TIER_POSTGRES ? SIGQUIT : SIGKILL);
    if (o->pid < 0) {
        o->pid = 0;
        o->due_us = now + PAUSE_MAX_US;
        return;
    }
    o->start = stack_proc_start(o->pid);
    o->began_us = now;
    set_phase(s, i, RUNNING);
}

static bool
may_start(const struct sup *s, size_t i)
{
    enum stack_tier tier = s->plan.child[i].tier;

    return s->pg_ready || tier == TIER_POSTGRES || tier == TIER_EXTRA;
}

static void
start_due(struct sup *s, int64_t now)
{
    for (size_t i = 0; i < s->plan.count && !s->stopping; i++) {
        if (s->one[i].pid == 0 && s->one[i].due_us <= now && may_start(s, i)) {
            start_one(s, i, now);
        }
    }
    if (!s->pg_ready && !s->stopping && s->roles_pid == 0 && s->roles_due_us <= now &&
        s->one[0].pid > 0) {
        s->roles_pid = stack_pg_roles_start(s->paths, &s->plan);
        s->roles_due_us = now + ROLES_RETRY_US;
    }
}

/* --- deaths -------------------------------------------------------------------------------- */

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void
say(const char *fmt, ...)
{
    char at[CLK_TEXT_MAX];
    va_list args;

    (void)clk_format(clk_wall_us(), CLK_MS_Z, at);
    (void)fprintf(stderr, "%s ", at);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

/* What a dead child has started is ours now (we are the subreaper) and of no use to anybody: a
 * browser without its worker, a backend without its server. */
static void
kill_orphans(const struct sup *s)
{
    pid_t known[STACK_CHILDREN_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i < s->plan.count; i++) {
        if (s->one[i].pid > 0) {
            known[n++] = s->one[i].pid;
        }
    }
    known[n++] = s->roles_pid;
    stack_kill_strays(getpid(), known, n);
}

static void
child_ended(struct sup *s, size_t i, int status, int64_t now)
{
    struct one *o = &s->one[i];

    o->pid = 0;
    remove_socket(&s->plan.child[i]);
    if (s->stopping) {
        set_phase(s, i, STOPPED);
        return;
    }
    say("%s ended (%s %d); starting it again", s->plan.child[i].name,
        WIFSIGNALED(status) ? "signal" : "exit",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (now - o->began_us > STEADY_US || o->pause_us == 0) {
        o->pause_us = PAUSE_FIRST_US;
    }
    o->due_us = now + o->pause_us;
    o->pause_us = o->pause_us * 2 > PAUSE_MAX_US ? PAUSE_MAX_US : o->pause_us * 2;
    o->restarts++;
    set_phase(s, i, STARTING);
    kill_orphans(s);
}

static void
reap(struct sup *s, int64_t now)
{
    int status = 0;

    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        if (pid == s->roles_pid) {
            s->roles_pid = 0;
            s->pg_ready = status == 0;
        }
        for (size_t i = 0; i < s->plan.count; i++) {
            if (s->one[i].pid == pid) {
                child_ended(s, i, status, now);
            }
        }
    }
}

/* --- stopping ------------------------------------------------------------------------------ */

/* Signals the tier. Postgres: SIGINT is its fast shutdown. */
static size_t
signal_tier(struct sup *s, int sig)
{
    size_t n = 0;

    for (size_t i = 0; i < s->plan.count; i++) {
        if (s->plan.child[i].tier == s->tier && s->one[i].pid > 0) {
            (void)kill(s->one[i].pid, sig);
            if (s->one[i].phase != STOPPING) {
                set_phase(s, i, STOPPING);
            }
            n++;
        }
    }
    return n;
}

static size_t
alive_in_tier(const struct sup *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->plan.count; i++) {
        n += s->plan.child[i].tier == s->tier && s->one[i].pid > 0;
    }
    return n;
}

static int
stop_signal(enum stack_tier tier)
{
    return tier == TIER_POSTGRES ? SIGINT : SIGTERM;
}

static void
begin_stop(struct sup *s, int64_t now)
{
    s->stopping = true;
    s->tier = TIER_GATEWAY;
    s->kill_us = now + STOP_US;
    if (s->roles_pid > 0) {
        (void)kill(s->roles_pid, SIGKILL);
    }
    (void)signal_tier(s, stop_signal(s->tier));
}

/* Goes on to the next tier when this one is gone; true when all are. */
static bool
stop_step(struct sup *s, int64_t now)
{
    while (alive_in_tier(s) == 0) {
        if (s->tier == TIER_POSTGRES) {
            return true;
        }
        s->tier = (enum stack_tier)(s->tier + 1);
        s->kill_us = now + STOP_US;
        s->hurry_us = s->tier == TIER_WORKER ? now + CASES_US : 0;
        (void)signal_tier(s, stop_signal(s->tier));
    }
    if (s->hurry_us > 0 && now > s->hurry_us) {
        s->hurry_us = 0;
        (void)signal_tier(s, stop_signal(s->tier));
    }
    if (now > s->kill_us) {
        say("tier %d does not end; killing it", (int)s->tier);
        (void)signal_tier(s, SIGKILL);
        s->kill_us = now + STOP_US;
    }
    return false;
}

/* --- logs ---------------------------------------------------------------------------------- */

/* Children write to the file themselves (a log line costs no wake-up of ours), so a full log is
 * copied aside and emptied. */
static void
rotate(const char *path)
{
    char old[PATH_MAX + 8];
    struct stat st;
    off_t at = 0;
    int in = open(path, O_RDWR | O_CLOEXEC);

    if (in < 0 || fstat(in, &st) != 0 || st.st_size < LOG_MAX) {
        if (in >= 0) {
            (void)close(in);
        }
        return;
    }
    (void)snprintf(old, sizeof(old), "%s.1", path);
    int out = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (out >= 0 && sendfile(out, in, &at, (size_t)LOG_MAX) > 0) {
    }
    (void)!ftruncate(in, 0);
    (void)close(in);
    if (out >= 0) {
        (void)close(out);
    }
}

static void
keep_house(struct sup *s, int64_t now)
{
    char path[PATH_MAX];

    if (now < s->house_us) {
        return;
    }
    s->house_us = now + HOUSE_US;
    for (size_t i = 0; i < s->plan.count; i++) {
        rotate(log_path(s, i, path));
    }
}

/* --- the loop ------------------------------------------------------------------------------ */

static int
wait_ms(const struct sup *s, int64_t now)
{
    int64_t due = s->house_us;

    for (size_t i = 0; i < s->plan.count && !s->stopping; i++) {
        if (s->one[i].pid == 0 && may_start(s, i) && s->one[i].due_us < due) {
            due = s->one[i].due_us;
        }
    }
    if (!s->pg_ready && s->roles_pid == 0 && s->roles_due_us < due) {
        due = s->roles_due_us;
    }
    return due <= now ? 10 : (int)((due - now) / ASSAY_US_PER_MS) + 1;
}

static void
take_signals(struct sup *s, int fd, int64_t now)
{
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD && !s->stopping) {
            begin_stop(s, now);
        }
    }
    reap(s, now);
}

static void
run_loop(struct sup *s, int fd)
{
    for (;;) {
        int64_t now = clk_mono_us();
        start_due(s, now);
        keep_house(s, now);
        if (s->stopping && stop_step(s, now)) {
            return;
        }
        if (s->dirty) {
            write_board(s);
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        (void)poll(&p, 1, wait_ms(s, now));
        take_signals(s, fd, clk_mono_us());
    }
}

static int
open_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool
prepare(struct sup *s, struct arena *arena)
{
    stack_prints(s->paths, arena, &s->prints);
    stack_sweep(s->paths);
    if (!stack_paths_make(s->paths) || !stack_plan_make(arena, s->paths, &s->plan)) {
        return false;
    }
    s->pg_ready = !s->plan.private_pg;
    return !s->plan.private_pg || stack_pg_prepare(arena, s->paths, &s->plan);
}

/* Until nothing has us for a parent. */
static void
end_orphans(void)
{
    struct timespec pause = {.tv_nsec = 5000000};

    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD) {
            return;
        }
        if (pid == 0) {
            stack_kill_strays(getpid(), NULL, 0);
            (void)nanosleep(&pause, NULL);
        }
    }
}

int
stack_supervise(struct arena *arena, const struct stack_paths *paths)
{
    struct sup *s = ARENA_NEW(arena, struct sup);
    (void)umask(077);
    int lock = s == NULL ? -1 : stack_lock(paths);

    if (lock < 0) {
        (void)fprintf(stderr, "assay: a stack runs in %s already\n", paths->state);
        return CLI_BROKEN;
    }
    s->paths = paths;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (!prepare(s, arena)) {
        stack_sweep(paths);
        return CLI_USAGE;
    }
    int fd = open_signals();
    if (fd < 0 || chdir(paths->state) != 0) {
        return CLI_BROKEN;
    }
    say("the stack starts");
    run_loop(s, fd);
    end_orphans();
    (void)unlink(paths->board);
    say("the stack has ended");
    return CLI_OK;
}
