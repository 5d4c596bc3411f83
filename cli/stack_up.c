/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/cli.h"

#define READY_US (90 * ASSAY_US_PER_S)
#define PATIENT_US (4 * ASSAY_US_PER_S) /* then the wait is explained */
#define DOWN_US (120 * ASSAY_US_PER_S)
#define CRASHES_MAX 8

static void
pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

/* --- starting ------------------------------------------------------------------------------ */

static pid_t
start_supervisor(const struct stack_paths *paths)
{
    char log[PATH_MAX];
    pid_t pid = -1;

    if (!stack_paths_make(paths)) {
        return -1;
    }
    (void)snprintf(log, sizeof(log), "%s/supervisor.log", paths->log);
    pid = fork();
    if (pid != 0) {
        return pid;
    }
    int in = open("/dev/null", O_RDONLY);
    int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (setsid() < 0 || in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
        dup2(out, 2) < 0) {
        _exit(126);
    }
    (void)close_range(3, UINT_MAX, 0); /* make's and the shell's */
    (void)execl("/proc/self/exe", "assay", "stack", "up", "--foreground", (char *)NULL);
    _exit(127);
}

/* Why the stack is not ready yet, in one line. */
static void
look(struct api *api, const struct stack_board *board, char *why, size_t n)
{
    for (size_t i = 0; i < board->count; i++) {
        if (strcmp(board->child[i].state, "running") != 0) {
            (void)snprintf(why, n, "%s is %s", board->child[i].name, board->child[i].state);
            return;
        }
    }
    (void)snprintf(why, n, "%s", api->why[0] != '\0' ? api->why : "starting");
}

/* The child that keeps dying, NULL: none. */
static const char *
crashing(const struct stack_board *board)
{
    for (size_t i = 0; i < board->count; i++) {
        if (board->child[i].restarts >= CRASHES_MAX) {
            return board->child[i].name;
        }
    }
    return NULL;
}

static bool
has_gateway(const struct stack_board *board)
{
    for (size_t i = 0; i < board->count; i++) {
        if (strcmp(board->child[i].name, "gateway") == 0) {
            return true;
        }
    }
    return board->count == 0;
}

static bool
all_running(const struct stack_board *board)
{
    for (size_t i = 0; i < board->count; i++) {
        if (strcmp(board->child[i].state, "running") != 0) {
            return false;
        }
    }
    return board->count > 0;
}

/* A stack of chosen services cannot be ready as a whole: that it answers must do. */
static bool
is_ready(struct api *api, const struct stack_board *board)
{
    bool part = stack_setting("ASSAY_SERVICES", NULL) != NULL;

    if (!all_running(board)) {
        return false;
    }
    return !has_gateway(board) || api_get(api, part ? "/health" : "/health/ready") != NULL;
}

static int
give_up(const struct stack_paths *paths, const struct stack_board *board, const char *why)
{
    const char *name = crashing(board);

    (void)fprintf(stderr, "assay: the stack does not get ready: %s\n", why);
    for (size_t i = 0; name == NULL && i < board->count; i++) {
        name = board->child[i].restarts > 0 ? board->child[i].name : NULL;
    }
    (void)fprintf(stderr, "  log of %s:\n", name == NULL ? "gateway" : name);
    stack_log_tail(paths, name == NULL ? "gateway" : name, 15, stderr);
    return CLI_BROKEN;
}

/* One look at the stack; true when it is ready, else `why` says what it waits for. */
static bool
look_once(struct arena *arena, const struct stack_paths *paths, struct stack_board *board,
          char *why, size_t n)
{
    struct api api;

    if (!stack_board_read(arena, paths, board) ||
        !api_open(&api, arena_strz(arena, board->url), "")) {
        (void)snprintf(why, n, "the database is being made");
        return false;
    }
    bool ready = is_ready(&api, board);
    look(&api, board, why, n);
    api_close(&api);
    return ready;
}

static int
wait_loop(struct arena *scratch, const struct stack_paths *paths, pid_t daemon,
          struct stack_board *board)
{
    int64_t began = clk_mono_us();
    char why[600] = "", told[600] = "";

    for (int64_t now = began; now < began + READY_US; now = clk_mono_us()) {
        if (daemon > 0 && waitpid(daemon, NULL, WNOHANG) == daemon) {
            (void)fputs("assay: the stack did not start:\n", stderr);
            stack_log_tail(paths, "supervisor", 15, stderr);
            return CLI_USAGE;
        }
        arena_reset(scratch);
        if (look_once(scratch, paths, board, why, sizeof(why))) {
            return CLI_OK;
        }
        if (crashing(board) != NULL) {
            return give_up(paths, board, why);
        }
        if (now - began > PATIENT_US && strcmp(why, told) != 0) {
            (void)fprintf(stderr, "assay: waiting: %s\n", why);
            (void)snprintf(told, sizeof(told), "%s", why);
        }
        pause_ms(50);
    }
    return give_up(paths, board, why);
}

static int
wait_ready(const struct stack_paths *paths, pid_t daemon)
{
    struct arena *scratch = arena_new(STACK_STATE_MAX * 4);
    struct stack_board board = {0};
    int rc = scratch == NULL ? CLI_BROKEN : wait_loop(scratch, paths, daemon, &board);

    arena_free(scratch);
    return rc;
}

/* --- a stack that is there ----------------------------------------------------------------- */

static bool
has_print(const struct stack_board *b, const struct stack_print *p, bool with_value)
{
    for (size_t i = 0; i < b->print_count; i++) {
        if (str_eq(b->print[i].name, p->name)) {
            return !with_value || b->print[i].hash == p->hash;
        }
    }
    return false;
}

/* Says which settings differ from those the stack was started with. */
static void
tell_changes(struct arena *arena, const struct stack_paths *paths)
{
    struct stack_board *then = ARENA_NEW(arena, struct stack_board);
    struct stack_board *now = ARENA_NEW(arena, struct stack_board);
    bool any = false;

    if (then == NULL || now == NULL || !stack_board_read(arena, paths, then)) {
        return;
    }
    stack_prints(paths, arena, now);
    for (size_t i = 0; i < now->print_count; i++) {
        if (!has_print(then, &now->print[i], true)) {
            (void)fprintf(stderr, "assay: changed since the stack was started: %.*s\n",
                          STR_ARG(now->print[i].name));
            any = true;
        }
    }
    if (any) {
        (void)fputs("assay: `make down up` applies it\n", stderr);
    }
}

static void
tell(struct arena *arena, const struct stack_paths *paths, bool was_running)
{
    struct stack_board board;

    if (!stack_board_read(arena, paths, &board)) {
        return;
    }
    (void)printf("%s %.*s\n", was_running ? "running already:" : "running:", STR_ARG(board.url));
    (void)printf("login and token: %s\n", paths->env);
    (void)printf("logs: %s\n", paths->log);
}

int
stack_up(struct arena *arena, const struct stack_paths *paths)
{
    bool was_running = stack_supervisor(paths) != 0;
    pid_t daemon = was_running ? 0 : start_supervisor(paths);
    struct stack_board board;

    if (daemon < 0) {
        return CLI_BROKEN;
    }
    if (was_running) {
        tell_changes(arena, paths);
    }
    int rc = wait_ready(paths, daemon);
    if (rc == CLI_OK && stack_board_read(arena, paths, &board) && has_gateway(&board)) {
        rc = stack_admin(arena, paths, arena_strz(arena, board.url));
    }
    if (rc == CLI_OK) {
        tell(arena, paths, was_running);
    }
    return rc;
}

/* --- ending -------------------------------------------------------------------------------- */

/* True when the process has ended before the deadline. */
static bool
wait_end(pid_t pid, int64_t us)
{
    int fd = pidfd_open(pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (fd < 0) {
        return errno == ESRCH;
    }
    bool ended = poll(&p, 1, (int)(us / ASSAY_US_PER_MS)) > 0;
    (void)close(fd);
    return ended;
}

int
stack_down(struct arena *arena, const struct stack_paths *paths)
{
    pid_t pid = stack_supervisor(paths);

    (void)arena;
    if (pid == 0) {
        stack_sweep(paths);
        (void)puts("not running");
        return CLI_OK;
    }
    if (kill(pid, SIGTERM) != 0) {
        (void)fprintf(stderr, "assay: cannot end the stack: %s\n", strerror(errno));
        return CLI_BROKEN;
    }
    if (!wait_end(pid, DOWN_US)) {
        (void)fputs("assay: the supervisor does not end; killing it\n", stderr);
        (void)kill(pid, SIGKILL);
        (void)wait_end(pid, ASSAY_US_PER_S);
    }
    stack_sweep(paths);
    (void)puts("stopped");
    return CLI_OK;
}
