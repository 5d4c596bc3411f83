/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_DIRECT "/usr/lib/chromium/chromium"
#define PIPE_BYTES (1 << 20)
#define DIR_PREFIX "assay-browser-"
#define DIR_TRIES 10
#define DIR_TMP_MAX                                                                                \
    60 /* Chromium makes a socket in a folder of its TMPDIR: 47 more of the 107 of a path */
#define ARGS_MAX 48
#define ENV_MAX 256

/* What keeps a test browser quiet and repeatable. Measured: the new surface makes a screenshot one
 * frame cheaper, paint holding would show the page before, and the back/forward cache would bring
 * back a page with its old state. The pop-ups of the address bar, which nobody sees, are two pages
 * in a process of their own for every window: a second of CPU for each new context. The renderer
 * would keep every question after a press waiting for the next frame: half of a tap's time. */
static const char *const switches[] = {
    "--remote-debugging-pipe",
    "--headless=new",
    "--no-startup-window",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-service-autorun",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-hang-monitor",
    "--disable-ipc-flooding-protection",
    "--disable-popup-blocking",
    "--disable-prompt-on-repost",
    "--disable-search-engine-choice-screen",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,"
    "availablePointerTypes=4",
    "--enable-features=CDPScreenshotNewSurface",
    "--disable-features=BackForwardCache,PaintHolding,Translate,AcceptCHFrame,MediaRouter,"
    "OptimizationHints,DestroyProfileOnBrowserClose,LensOverlay,HttpsUpgrades,Prerender2,"
    "DialMediaRouteProvider,GlobalMediaControls,InterestFeedContentSuggestions,"
    "AutofillServerCommunication,CertificateTransparencyComponentUpdater,WebUIOmniboxPopup,"
    "WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,DeferRendererTasksAfterInput",
};

struct command {
    const char *program;
    char *argv[ARGS_MAX + 8];
    char *envp[ENV_MAX + 5];
    char profile_switch[PATH_MAX];
    char home[PATH_MAX];
    char config[PATH_MAX];
    char cache[PATH_MAX];
    char tmp[PATH_MAX];
};

/* exec wants char *; it does not write. */
static char *
arg(const char *z)
{
    union {
        const char *from;
        char *to;
    } u = {.from = z};

    return u.to;
}

/* --- the directory --------------------------------------------------------------------------- */

/* Whoever uses a directory holds a shared lock on it, which the kernel gives back when the process
 * dies, however it dies. What nobody holds is a dead worker's, and is removed by the next start. */

static int
open_dir(int at, const char *path)
{
    return openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void
remove_if_dead(DIR *base, const char *base_path, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    int fd = open_dir(dirfd(base), name);

    if (fd < 0) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s", base_path, name);
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        cdp_remove_tree(path);
    }
    close(fd);
}

static void
remove_dead(const char *base_path)
{
    DIR *base = opendir(base_path);

    for (struct dirent *e = base == NULL ? NULL : readdir(base); e != NULL; e = readdir(base)) {
        if (strncmp(e->d_name, DIR_PREFIX, strlen(DIR_PREFIX)) == 0) {
            remove_if_dead(base, base_path, e->d_name);
        }
    }
    if (base != NULL) {
        closedir(base);
    }
}

/* False: somebody has just taken it for a dead one's. */
static bool
hold_dir(const char *dir, int *out_lock)
{
    struct stat st;
    int fd = open_dir(AT_FDCWD, dir);
    bool is_taken = fd < 0 || (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
                    fstat(fd, &st) != 0 || st.st_nlink == 0;

    if (is_taken && fd >= 0) {
        close(fd);
    }
    if (!is_taken) {
        *out_lock = fd;
    }
    return !is_taken;
}

static enum rc
make_dir(const struct cdp_options *o, struct cdp_process *out)
{
    const char *base = o->tmp_dir != NULL ? o->tmp_dir : getenv("TMPDIR");

    if (base == NULL || base[0] == '\0') {
        base = "/tmp";
    }
    remove_dead(base);
    for (int i = 0; i < DIR_TRIES; i++) {
        int n = snprintf(out->dir, sizeof out->dir, "%s/" DIR_PREFIX "XXXXXX", base);
        if (n < 0 || (size_t)n >= sizeof out->dir || mkdtemp(out->dir) == NULL) {
            break;
        }
        if (hold_dir(out->dir, &out->lock)) {
            return RC_OK;
        }
    }
    out->dir[0] = '\0';
    return RC_UNAVAILABLE;
}

static void
remove_dir(struct cdp_process *p)
{
    if (p->dir[0] != '\0') {
        cdp_remove_tree(p->dir);
    }
    if (p->lock >= 0) {
        close(p->lock);
    }
}

/* --- the command ----------------------------------------------------------------------------- */

static const char *
find_program(const struct cdp_options *o)
{
    if (o->program != NULL) {
        return o->program;
    }
    return access(PROGRAM_DIRECT, X_OK) == 0 ? PROGRAM_DIRECT : "chromium";
}

static void
fill_args(const struct cdp_options *o, const char *dir, struct command *c)
{
    size_t n = 0;

    c->program = find_program(o);
    c->argv[n++] = arg(c->program);
    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        c->argv[n++] = arg(switches[i]);
    }
    snprintf(c->profile_switch, sizeof c->profile_switch, "--user-data-dir=%s/profile", dir);
    c->argv[n++] = c->profile_switch;
    if (geteuid() == 0) {
        c->argv[n++] = arg("--no-sandbox");
    }
    if (o->extra_switch != NULL) {
        c->argv[n++] = arg(o->extra_switch);
    }
    c->argv[n] = NULL;
}

/* The environment of ours, but with a home of its own: nothing is read from or left in the user's.
 */
static void
fill_env(const char *dir, struct command *c)
{
    bool own_tmp = strlen(dir) <= DIR_TMP_MAX;
    size_t n = 0;

    for (char **e = environ; *e != NULL && n < ENV_MAX; e++) {
        if (strncmp(*e, "HOME=", 5) != 0 && strncmp(*e, "XDG_", 4) != 0 &&
            strncmp(*e, "DBUS_", 5) != 0 && (!own_tmp || strncmp(*e, "TMPDIR=", 7) != 0)) {
            c->envp[n++] = *e;
        }
    }
    snprintf(c->home, sizeof c->home, "HOME=%s", dir);
    snprintf(c->config, sizeof c->config, "XDG_CONFIG_HOME=%s/config", dir);
    snprintf(c->cache, sizeof c->cache, "XDG_CACHE_HOME=%s/cache", dir);
    c->envp[n++] = c->home;
    c->envp[n++] = c->config;
    c->envp[n++] = c->cache;
    if (own_tmp) { /* what it leaves there when it is killed goes with the directory */
        snprintf(c->tmp, sizeof c->tmp, "TMPDIR=%s", dir);
        c->envp[n++] = c->tmp;
    }
    c->envp[n] = NULL;
}

/* The ends that are the browser's. */
struct ends {
    int commands, answers, words;
};

/* For the reader of its standard error. Only calls that are safe after fork. */
static NORETURN void
not_executed(const char *program)
{
    const char *parts[] = {"cannot execute ", program, ": ", strerrordesc_np(errno), "\n"};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        (void)!write(2, parts[i], strlen(parts[i]));
    }
    _exit(127);
}

/* After fork: only calls that are safe then. */
static NORETURN void
child(const struct command *c, struct ends ends, pid_t parent)
{
    int null = open("/dev/null", O_RDWR);
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(127);
    }
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Away from 0-4 first, so that no dup2 below closes what it still needs. */
    int commands = fcntl(ends.commands, F_DUPFD, 10);
    int answers = fcntl(ends.answers, F_DUPFD, 10);
    int words = fcntl(ends.words, F_DUPFD, 10);
    dup2(null, 0);
    dup2(null, 1);
    dup2(words, 2);
    dup2(commands, 3);
    dup2(answers, 4);
    syscall(SYS_close_range, 5U, ~0U, 0U);
    execvpe(c->program, c->argv, c->envp);
    not_executed(c->program);
}

static void
close_pair(const int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) {
            close(pair[i]);
        }
    }
}

static enum rc
spawn(const struct command *c, struct cdp_process *out)
{
    int down[2] = {-1, -1};
    int up[2] = {-1, -1};
    int words[2] = {-1, -1};

    /* Towards the browser a socket: writing to a browser that died must not raise SIGPIPE, and only
     * send() can say so. What it says on standard error it need not wait for: when nobody reads for
     * a while it is lost. */
    pid_t parent = getpid();
    bool ok = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, down) == 0 &&
              pipe2(up, O_CLOEXEC) == 0 && pipe2(words, O_CLOEXEC | O_NONBLOCK) == 0;
    if (ok) {
        fcntl(up[1], F_SETPIPE_SZ, PIPE_BYTES);
    }
    pid_t pid = ok ? fork() : -1;
    if (pid == 0) {
        child(c, (struct ends){down[0], up[1], words[1]}, parent);
    }
    if (pid < 0) {
        close_pair(down);
        close_pair(up);
        close_pair(words);
        return RC_UNAVAILABLE;
    }
    close(down[0]);
    close(up[1]);
    close(words[1]);
    out->pid = pid;
    out->to = down[1];
    out->from = up[0];
    out->words = words[0];
    return RC_OK;
}

enum rc
cdp_process_start(const struct cdp_options *o, struct cdp_process *out)
{
    struct command *c = calloc(1, sizeof *c);
    struct cdp_process p = CDP_NO_PROCESS;

    if (c == NULL) {
        return RC_UNAVAILABLE;
    }
    enum rc rc = make_dir(o, &p);
    if (rc == RC_OK) {
        fill_args(o, p.dir, c);
        fill_env(p.dir, c);
        rc = spawn(c, &p);
        if (rc != RC_OK) {
            remove_dir(&p);
        }
    }
    free(c);
    if (rc == RC_OK) {
        *out = p;
    }
    return rc;
}

static bool
ended(pid_t pid, int64_t within_us, int *out_status)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (fd >= 0) {
        (void)poll(&p, 1, (int)(within_us / ASSAY_US_PER_MS));
        close(fd);
    }
    return waitpid(pid, out_status, WNOHANG) == pid;
}

int
cdp_process_stop(struct cdp_process *p, int64_t grace_us)
{
    int status = -1;

    close_pair((int[2]){p->to, p->from});
    if (p->pid > 0 && !ended(p->pid, grace_us, &status)) {
        kill(p->pid, SIGKILL);
        if (waitpid(p->pid, &status, 0) != p->pid) {
            status = -1;
        }
    }
    close_pair((int[2]){p->words, -1});
    remove_dir(p);
    *p = CDP_NO_PROCESS;
    return status;
}

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    (void)remove(path);
    return 0;
}

void
cdp_remove_tree(const char *dir)
{
    /* Helpers of a dying browser may still write: a second look finds what they left. */
    for (int i = 0; i < 3 && access(dir, F_OK) == 0; i++) {
        (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
}
