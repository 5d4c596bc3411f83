/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes: starting them so that they die with us, finding what was left behind. */
#include "cli/stack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_FREE_FD 3
#define STAT_MAX 1024
#define ENVIRON_MAX ((size_t)64 * 1024)
#define SWEEP_US (5 * ASSAY_US_PER_S)

/* --- starting ------------------------------------------------------------------------------ */

static void
apply_env(const struct stack_child *child)
{
    for (size_t i = 0; i < STACK_ENVS_MAX && child->env[i] != NULL; i++) {
        const char *eq = strchr(child->env[i], '=');
        char name[64];
        (void)snprintf(name, sizeof(name), "%.*s", (int)(eq - child->env[i]), child->env[i]);
        (void)setenv(name, eq + 1, 1);
    }
}

static void
become(const struct stack_child *child)
{
    if (geteuid() != 0 || child->uid == 0) {
        return;
    }
    if (setgroups(0, NULL) != 0 || setgid(child->gid) != 0 || setuid(child->uid) != 0) {
        _exit(126);
    }
}

static void
redirect(const char *log, int stdin_fd)
{
    int in = stdin_fd >= 0 ? stdin_fd : open("/dev/null", O_RDONLY);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
        _exit(126);
    }
    (void)close_range(FIRST_FREE_FD, UINT_MAX, 0);
}

pid_t
stack_spawn(const struct stack_child *child, const char *log, int stdin_fd, int death_sig)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid != 0) {
        return pid;
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setpgid(0, 0);
    redirect(log, stdin_fd); /* before we become somebody who may not open the log */
    become(child);
    (void)prctl(PR_SET_PDEATHSIG, death_sig); /* becoming somebody else clears it */
    if (getppid() != parent) {
        _exit(126);
    }
    apply_env(child);
    (void)execv(child->argv[0], (char *const *)(uintptr_t)child->argv);
    (void)fprintf(stderr, "assay: cannot start %s: %s\n", child->argv[0], strerror(errno));
    _exit(127);
}

/* --- looking ------------------------------------------------------------------------------- */

/* Field `want` (counted from 3, the state) of /proc/PID/stat; the name before it may hold anything.
 */
static int64_t
proc_field(pid_t pid, int want)
{
    char path[64];
    char text[STAT_MAX];
    int64_t value = 0;

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (fd >= 0) {
        (void)close(fd);
    }
    struct str rest = str_n(text, n > 0 ? (size_t)n : 0);
    ptrdiff_t end = str_rfind_byte(rest, ')');
    if (end < 0) {
        return 0;
    }
    rest = str_sub(rest, (size_t)end + 2, rest.n);
    struct str word = str_split(&rest, ' ');
    if (str_eqz(word, "Z")) {
        return 0; /* dead already */
    }
    for (int i = 3; i < want; i++) {
        word = str_split(&rest, ' ');
    }
    return str_to_i64(word, 0, INT64_MAX, &value) == RC_OK ? value : 0;
}

int64_t
stack_proc_start(pid_t pid)
{
    return pid > 0 ? proc_field(pid, 22) : 0;
}

/* Calls fn for every process of the machine. */
static void
each_process(void (*fn)(void *arg, pid_t pid), void *arg)
{
    DIR *proc = opendir("/proc");

    for (struct dirent *e = proc == NULL ? NULL : readdir(proc); e != NULL; e = readdir(proc)) {
        int64_t pid = 0;
        if (str_to_i64(str_z(e->d_name), 1, INT_MAX, &pid) == RC_OK) {
            fn(arg, (pid_t)pid);
        }
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
}

struct strays {
    pid_t parent;
    const pid_t *known;
    size_t count;
};

static void
kill_stray(void *arg, pid_t pid)
{
    const struct strays *s = arg;

    if (proc_field(pid, 4) != s->parent) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (s->known[i] == pid) {
            return;
        }
    }
    (void)kill(pid, SIGKILL);
}

void
stack_kill_strays(pid_t parent, const pid_t *known, size_t count)
{
    struct strays s = {parent, known, count};

    each_process(kill_stray, &s);
}

/* --- sweeping ------------------------------------------------------------------------------ */

struct sweep {
    char mark[64]; /* what every process of the stack has in its environment */
    size_t found;
};

static void
kill_marked(void *arg, pid_t pid)
{
    struct sweep *s = arg;
    char path[64];
    char *text = pid == getpid() ? NULL : malloc(ENVIRON_MAX);
    struct str mark = str_n(s->mark, strlen(s->mark) + 1);

    (void)snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
    int fd = text == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, ENVIRON_MAX);
    if (n > 0 && str_find(str_n(text, (size_t)n), mark) >= 0 && kill(pid, SIGKILL) == 0) {
        s->found++;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(text);
}

/* Postgres moves its environment, so it is known by the board alone. */
static size_t
kill_listed(const struct stack_board *board)
{
    size_t found = 0;

    for (size_t i = 0; i < board->count; i++) {
        const struct stack_line *line = &board->child[i];
        if (line->pid > 0 && line->start > 0 && stack_proc_start(line->pid) == line->start) {
            (void)kill(line->pid, strcmp(line->name, "postgres") == 0 ? SIGQUIT : SIGKILL);
            found++;
        }
    }
    return found;
}

void
stack_sweep(const struct stack_paths *paths)
{
    struct arena *arena = arena_new(STACK_STATE_MAX * 4);
    struct stack_board board = {0};
    struct timespec pause = {.tv_nsec = 20000000};
    int64_t deadline = clk_mono_us() + SWEEP_US;
    size_t left = 1;

    if (arena == NULL || !stack_board_read(arena, paths, &board)) {
        board.count = 0;
    }
    while (left > 0 && clk_mono_us() < deadline) {
        struct sweep s = {.found = 0};
        (void)snprintf(s.mark, sizeof(s.mark), "ASSAY_STACK_ID=%s", paths->id);
        each_process(kill_marked, &s);
        left = s.found + kill_listed(&board);
        (void)nanosleep(&pause, NULL);
    }
    for (size_t i = 0; i < board.count && left > 0; i++) {
        if (stack_proc_start(board.child[i].pid) == board.child[i].start) {
            (void)kill(board.child[i].pid, SIGKILL);
        }
    }
    (void)unlink(paths->board);
    (void)rmdir(paths->pg_sock); /* those that are empty */
    (void)rmdir(paths->rpc);
    (void)rmdir(paths->run);
    arena_free(arena);
}
