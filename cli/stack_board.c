/* SPDX-License-Identifier: Apache-2.0
 *
 * STATE/stack.state: lines of words, written whole and renamed into place.
 *
 *     supervisor PID START
 *     url URL
 *     child NAME STATE PID START RESTARTS SINCE_US LISTEN
 *     set NAME HASH
 */
#include "cli/stack.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"

extern char **environ;

void
stack_board_write(const struct stack_paths *paths, const struct buf *text)
{
    char fresh[PATH_MAX];

    (void)snprintf(fresh, sizeof(fresh), "%s.new", paths->board);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return;
    }
    bool ok = !buf_failed(text) && write(fd, text->p, text->n) == (ssize_t)text->n;
    (void)close(fd);
    if (ok) {
        (void)rename(fresh, paths->board);
    }
}

static struct str
read_text(struct arena *arena, const char *path, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = arena_alloc(arena, max);
    size_t n = 0;

    for (ssize_t got = 1; fd >= 0 && text != NULL && got > 0 && n < max; n += (size_t)got) {
        got = read(fd, text + n, max - n);
        if (got < 0) {
            break;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd < 0 ? STR_EMPTY : str_n(text, n);
}

static int64_t
number(struct str *rest)
{
    int64_t n = 0;

    return str_to_i64(str_split(rest, ' '), 0, INT64_MAX, &n) == RC_OK ? n : 0;
}

static void
copy_name(char *out, size_t cap, struct str s)
{
    (void)snprintf(out, cap, "%.*s", STR_ARG(s));
}

static void
read_child(struct str rest, struct stack_board *b)
{
    if (b->count == STACK_CHILDREN_MAX) {
        return;
    }
    struct stack_line *line = &b->child[b->count++];
    copy_name(line->name, sizeof(line->name), str_split(&rest, ' '));
    copy_name(line->state, sizeof(line->state), str_split(&rest, ' '));
    line->pid = (pid_t)number(&rest);
    line->start = number(&rest);
    line->restarts = number(&rest);
    line->since_us = number(&rest);
    line->listen = rest;
}

static void
read_line(struct str rest, struct stack_board *b)
{
    struct str word = str_split(&rest, ' ');

    if (str_eqz(word, "supervisor")) {
        b->pid = (pid_t)number(&rest);
        b->start = number(&rest);
    } else if (str_eqz(word, "url")) {
        b->url = rest;
    } else if (str_eqz(word, "shop")) {
        b->shop_url = rest;
    } else if (str_eqz(word, "psql")) {
        b->pg_uri = rest;
    } else if (str_eqz(word, "child")) {
        read_child(rest, b);
    } else if (str_eqz(word, "set") && b->print_count < STACK_ENV_PRINTS_MAX) {
        struct stack_print *p = &b->print[b->print_count++];
        p->name = str_split(&rest, ' ');
        if (str_to_u64(rest, UINT64_MAX, &p->hash) != RC_OK) {
            p->hash = 0;
        }
    }
}

bool
stack_board_read(struct arena *arena, const struct stack_paths *paths, struct stack_board *out)
{
    struct str text = read_text(arena, paths->board, STACK_STATE_MAX);

    *out = (struct stack_board){0};
    while (text.p != NULL && text.n > 0) {
        read_line(str_split(&text, '\n'), out);
    }
    return out->pid > 0;
}

/* --- fingerprints -------------------------------------------------------------------------- */

static void
add_print(struct stack_board *b, struct str name, uint64_t hash)
{
    if (b->print_count < STACK_ENV_PRINTS_MAX) {
        b->print[b->print_count++] = (struct stack_print){name, hash};
    }
}

/* Where the caller stands is not a setting of the stack, and how to reach it is its answer. */
static bool
is_setting(struct str name)
{
    static const char *const NOT[] = {"ASSAY_STATE_DIR", "ASSAY_URL",      "ASSAY_TOKEN",
                                      "ASSAY_EMAIL",     "ASSAY_PASSWORD", "ASSAY_APP_URL"};

    for (size_t i = 0; i < ARRAY_LEN(NOT); i++) {
        if (str_eqz(name, NOT[i])) {
            return false;
        }
    }
    return str_starts(name, STR("ASSAY_")) && !str_starts(name, STR("ASSAY_TEST_"));
}

static void
print_programs(const struct stack_paths *paths, struct stack_board *b)
{
    DIR *dir = opendir(paths->bin);
    uint64_t sum = 0;

    for (struct dirent *e = dir == NULL ? NULL : readdir(dir); e != NULL; e = readdir(dir)) {
        struct stat st;
        struct {
            int64_t size, s, ns;
        } look;
        if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, 0) != 0 ||
            strcmp(e->d_name, "assay") == 0) {
            continue;
        }
        memset(&look, 0, sizeof(look));
        look.size = st.st_size;
        look.s = st.st_mtim.tv_sec;
        look.ns = st.st_mtim.tv_nsec;
        sum += str_hash64(str_n((const char *)&look, sizeof(look))) ^ str_hash64(str_z(e->d_name));
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    add_print(b, STR("programs"), sum);
}

void
stack_prints(const struct stack_paths *paths, struct arena *arena, struct stack_board *out)
{
    out->print_count = 0;
    for (char **e = environ; *e != NULL; e++) {
        struct str value = str_z(*e);
        struct str name = str_split(&value, '=');
        if (is_setting(name) && value.n > 0) {
            add_print(out, arena_str(arena, name), str_hash64(value));
        }
    }
    print_programs(paths, out);
}

/* --- the lock ------------------------------------------------------------------------------ */

int
stack_lock(const struct stack_paths *paths)
{
    char text[64];
    int fd = open(paths->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    int n = snprintf(text, sizeof(text), "%ld %lld\n", (long)getpid(),
                     (long long)stack_proc_start(getpid()));
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

pid_t
stack_supervisor(const struct stack_paths *paths)
{
    char text[64] = "";
    int fd = open(paths->lock, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        return 0;
    }
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    ssize_t n = held ? pread(fd, text, sizeof(text) - 1, 0) : 0;
    (void)close(fd);
    struct str rest = str_trim(str_n(text, n > 0 ? (size_t)n : 0));
    int64_t pid = number(&rest);
    return pid > 0 && stack_proc_start((pid_t)pid) == number(&rest) ? (pid_t)pid : 0;
}
