/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_MAX 16384

const char *
stack_setting(const char *name, const char *absent)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : absent;
}

int
stack_setting_int(const char *name, int absent, int min, int max)
{
    const char *value = stack_setting(name, NULL);
    int64_t n = absent;

    if (value != NULL && str_to_i64(str_z(value), min, max, &n) != RC_OK) {
        (void)fprintf(stderr, "assay: %s must be a number from %d to %d\n", name, min, max);
        return -1;
    }
    return (int)n;
}

static const char *
join(struct arena *arena, const char *dir, const char *name)
{
    return arena_printf(arena, "%s/%s", dir, name).p;
}

/* The first of dir/a and dir/b that exists; dir/a when none does. */
static const char *
either(struct arena *arena, const char *dir, const char *a, const char *b)
{
    const char *second = join(arena, dir, b);
    const char *first = join(arena, dir, a);

    return access(first, F_OK) != 0 && access(second, F_OK) == 0 ? second : first;
}

static const char *
own_folder(struct arena *arena)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n <= 0) {
        return NULL;
    }
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    return arena_strz(arena, str_n(path, (size_t)(slash - path)));
}

/* STATE: what the environment says, else `var` beside the build folder we stand in. */
static const char *
state_folder(struct arena *arena, const char *bin)
{
    const char *asked = stack_setting("ASSAY_STATE_DIR", NULL);
    char cwd[PATH_MAX];

    if (asked != NULL && asked[0] == '/') {
        return asked;
    }
    if (asked != NULL) {
        return getcwd(cwd, sizeof(cwd)) == NULL ? NULL : join(arena, cwd, asked);
    }
    struct str dir = str_z(bin);
    ptrdiff_t at = str_rfind_byte(dir, '/');
    while (at > 0) {
        struct str name = str_sub(dir, (size_t)at + 1, dir.n);
        dir = str_sub(dir, 0, (size_t)at);
        if (str_eqz(name, "build")) {
            return arena_printf(arena, "%.*s/var", STR_ARG(dir)).p;
        }
        at = str_rfind_byte(dir, '/');
    }
    return getcwd(cwd, sizeof(cwd)) == NULL ? NULL : join(arena, cwd, "var");
}

static bool
make_dir(const char *path, mode_t mode)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST) {
        return true;
    }
    (void)fprintf(stderr, "assay: cannot make %s: %s\n", path, strerror(errno));
    return false;
}

/* The real path of a folder that may not exist yet: a stack is the same under every name of it. */
static const char *
real_folder(struct arena *arena, const char *path)
{
    char real[PATH_MAX];

    if (realpath(path, real) != NULL) {
        return arena_strz(arena, str_z(real));
    }
    if (errno != ENOENT || !make_dir(path, 0755) || realpath(path, real) == NULL) {
        (void)fprintf(stderr, "assay: cannot use the folder %s: %s\n", path, strerror(errno));
        return NULL;
    }
    return arena_strz(arena, str_z(real));
}

bool
stack_paths_find(struct arena *arena, struct stack_paths *out)
{
    struct stack_paths p = {.bin = own_folder(arena)};
    const char *state = p.bin == NULL ? NULL : state_folder(arena, p.bin);

    p.state = state == NULL ? NULL : real_folder(arena, state);
    if (p.state == NULL) {
        return false;
    }
    uint64_t hash = str_hash64(str_z(p.state));
    p.id = arena_printf(arena, "%012llx", (unsigned long long)(hash & 0xffffffffffff)).p;
    p.run = geteuid() == 0 ? arena_printf(arena, "/run/assay-%s", p.id).p
                           : arena_printf(arena, "/tmp/assay-%u-%s", (unsigned)geteuid(), p.id).p;
    p.web = either(arena, p.bin, "../web", "../../web");
    p.shop = either(arena, p.bin, "../../examples/shop/www", "../../../examples/shop/www");
    p.log = join(arena, p.state, "log");
    p.lock = join(arena, p.state, "stack.lock");
    p.board = join(arena, p.state, "stack.state");
    p.env = join(arena, p.state, "assay.env");
    p.secret = join(arena, p.state, "secret.key");
    p.pg_link = join(arena, p.state, "pg");
    p.rpc = join(arena, p.run, "rpc");
    p.pg_sock = join(arena, p.run, "pg");
    *out = p;
    return !arena_failed(arena);
}

/* A folder in a shared place: it must be ours and a real folder, whoever made it. */
static bool
make_own_dir(const char *path, mode_t mode)
{
    struct stat st;

    if (!make_dir(path, mode)) {
        return false;
    }
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 022) != 0) {
        (void)fprintf(stderr, "assay: %s belongs to somebody else; remove it\n", path);
        return false;
    }
    return chmod(path, mode) == 0; /* whatever our mask is */
}

bool
stack_paths_make(const struct stack_paths *paths)
{
    static const char *const NAMES[] = {"log", "blobs", "mail", "tmp"};
    char path[PATH_MAX];

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", paths->state, NAMES[i]);
        if (!make_dir(path, 0700)) {
            return false;
        }
    }
    /* As root the user postgres passes through RUN to its own folder. */
    return make_own_dir(paths->run, geteuid() == 0 ? 0711 : 0700) && make_own_dir(paths->rpc, 0700);
}

void
stack_log_tail(const struct stack_paths *paths, const char *name, int lines, FILE *out)
{
    char path[PATH_MAX];
    char text[TAIL_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s.log", paths->log, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = end > TAIL_MAX ? end - TAIL_MAX : 0;
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text), from);
    if (fd >= 0) {
        (void)close(fd);
    }
    struct str all = str_trim(str_n(text, n > 0 ? (size_t)n : 0));
    size_t start = all.n;
    for (int i = 0; start > 0 && (all.p[start - 1] != '\n' || ++i < lines); start--) {
    }
    all = str_sub(all, start, all.n);
    while (all.n > 0) {
        struct str line = str_split(&all, '\n');
        (void)fprintf(out, "    %.*s\n", STR_ARG(line));
    }
    (void)fprintf(out, "  (%s)\n", path);
}
