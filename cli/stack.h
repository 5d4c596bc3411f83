/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded stack: a private Postgres, every service, one worker and the sample shop, kept alive
 * by one supervisor process.
 *
 *     up      starts the supervisor in the background and waits until the stack takes calls
 *     down    ends it and everything it started
 *
 * The supervisor holds a lock on STATE/stack.lock as long as it lives, which tells `up` and `down`
 * whether it runs, and keeps STATE/stack.state up to date, which tells `status` what is there. It
 * is the parent of every process of the stack: they die with it, whatever kills it.
 *
 * What a stack owns: STATE (ASSAY_STATE_DIR) and a short folder for sockets, whose paths must stay
 * under 108 bytes. Both are named once, in struct stack_paths. */
#ifndef ASSAY_CLI_STACK_H
#define ASSAY_CLI_STACK_H

#include <stdio.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clk.h"

#define STACK_CHILDREN_MAX 64
#define STACK_ENVS_MAX 6
#define STACK_ARGS_MAX 40
#define STACK_ENV_PRINTS_MAX 128
#define STACK_STATE_MAX ((size_t)64 * 1024)

/* --- where things are ---------------------------------------------------------------------- */

struct stack_paths {
    const char *bin;     /* folder of our programs */
    const char *web;     /* what the gateway serves */
    const char *shop;    /* pages of the sample shop */
    const char *state;   /* STATE, absolute */
    const char *log;     /* STATE/log */
    const char *lock;    /* STATE/stack.lock */
    const char *board;   /* STATE/stack.state */
    const char *env;     /* STATE/assay.env */
    const char *secret;  /* STATE/secret.key */
    const char *run;     /* folder of sockets, short, ours alone */
    const char *rpc;     /* RUN/rpc */
    const char *pg_sock; /* RUN/pg */
    const char *pg_link; /* STATE/pg: the cluster, or a link to where it is */
    const char *id;      /* tells the stacks of one machine apart */
};

/* Finds all of them; makes nothing. False: why is on standard error. */
NODISCARD bool stack_paths_find(struct arena *arena, struct stack_paths *out);
/* Makes the folders. False: why is on standard error. */
NODISCARD bool stack_paths_make(const struct stack_paths *paths);
/* The last `lines` lines of a child's log, indented. */
void stack_log_tail(const struct stack_paths *paths, const char *name, int lines, FILE *out);
/* Value of a setting of the environment; `absent` when it is unset or empty. */
const char *stack_setting(const char *name, const char *absent);
/* A whole number of the environment; -1 (with a message) when it is not within the bounds. */
int stack_setting_int(const char *name, int absent, int min, int max);

/* --- what is to run ------------------------------------------------------------------------ */

/* The order in which children end. */
enum stack_tier { TIER_GATEWAY, TIER_WORKER, TIER_SERVICE, TIER_EXTRA, TIER_POSTGRES, TIER_COUNT };

struct stack_child {
    char name[32]; /* "tests", "tests.2" */
    enum stack_tier tier;
    const char *argv[STACK_ARGS_MAX];
    const char *env[STACK_ENVS_MAX]; /* NAME=VALUE, over the supervisor's own */
    const char *listen;              /* rpc URL, NULL: none */
    uid_t uid;                       /* to run as, when we are root and it is not 0 */
    gid_t gid;
};

struct stack_plan {
    struct stack_child child[STACK_CHILDREN_MAX];
    size_t count;
    bool private_pg; /* the first child is our Postgres */
    int port;
    int shop_port;
    const char *url;
    const char *shop_url;
    uid_t pg_uid;
    gid_t pg_gid;
    const char *pg_data; /* set once the cluster exists */
};

/* Fixes ports and lists the children from the environment; sets the settings that all children
 * share in our own environment, unless they are there. False: why is on standard error. */
NODISCARD bool stack_plan_make(struct arena *arena, const struct stack_paths *paths,
                               struct stack_plan *out);
/* True when nobody listens on this port of 127.0.0.1. */
bool stack_port_is_free(int port);

/* --- Postgres ------------------------------------------------------------------------------ */

/* Makes the cluster unless it is there, and sets plan->pg_data. Blocks: about a second, once. */
NODISCARD bool stack_pg_prepare(struct arena *arena, const struct stack_paths *paths,
                                struct stack_plan *plan);
/* Removes a cluster that had to be made outside STATE. */
void stack_pg_remove(struct arena *arena, const struct stack_paths *paths);
/* Who runs it: us, or the user postgres when we are root. */
NODISCARD bool stack_pg_user(uid_t *out_uid, gid_t *out_gid);
/* Newest installed program of the server ("postgres", "initdb"); NULL: not installed. */
const char *stack_pg_program(struct arena *arena, const char *name);
/* A process that makes database and roles unless they are there; it fails while the server does not
 * answer. 0: not started. */
pid_t stack_pg_roles_start(const struct stack_paths *paths, const struct stack_plan *plan);

/* --- processes ----------------------------------------------------------------------------- */

/* Starts a child whose death signal is `death_sig`, its output appended to `log`. -1: errno. */
pid_t stack_spawn(const struct stack_child *child, const char *log, int stdin_fd, int death_sig);
/* When the process began, in clock ticks since boot; 0: there is none. With the pid it names a
 * process for good. */
int64_t stack_proc_start(pid_t pid);
/* Ends with SIGKILL every process whose parent is `parent` and which is not among `known`. */
void stack_kill_strays(pid_t parent, const pid_t *known, size_t count);
/* Ends what a supervisor that was killed has left behind. */
void stack_sweep(const struct stack_paths *paths);

/* --- the supervisor ------------------------------------------------------------------------ */

/* Runs until SIGTERM; returns an enum cli_exit. */
int stack_supervise(struct arena *arena, const struct stack_paths *paths);

/* --- its board ----------------------------------------------------------------------------- */

struct stack_line {
    char name[32];
    char state[16]; /* starting, running, waiting, stopping, stopped */
    pid_t pid;
    int64_t start;
    int64_t restarts;
    int64_t since_us;
    struct str listen;
};

struct stack_print {
    struct str name;
    uint64_t hash;
};

struct stack_board {
    pid_t pid;
    int64_t start;
    struct str url;
    struct str shop_url;
    struct str pg_uri; /* for people: psql URI of the superuser; empty: somebody else's */
    struct stack_line child[STACK_CHILDREN_MAX];
    size_t count;
    struct stack_print print[STACK_ENV_PRINTS_MAX]; /* settings it was started with */
    size_t print_count;
};

/* Reads the board into the arena; false when there is none. */
NODISCARD bool stack_board_read(struct arena *arena, const struct stack_paths *paths,
                                struct stack_board *out);
/* Replaces the board at once. */
void stack_board_write(const struct stack_paths *paths, const struct buf *text);
/* Fingerprints of the ASSAY_* settings and of our programs. */
void stack_prints(const struct stack_paths *paths, struct arena *arena, struct stack_board *out);
/* The running supervisor by its lock and pid; 0: none. */
pid_t stack_supervisor(const struct stack_paths *paths);
/* Takes the lock and writes our pid into it; -1: somebody has it. */
int stack_lock(const struct stack_paths *paths);

/* --- commands ------------------------------------------------------------------------------ */

int stack_up(struct arena *arena, const struct stack_paths *paths);
int stack_down(struct arena *arena, const struct stack_paths *paths);
int stack_status(struct arena *arena, const struct stack_paths *paths, FILE *out);
/* Makes the first admin and a token unless STATE/assay.env holds what works; then waits for a
 * device. */
int stack_admin(struct arena *arena, const struct stack_paths *paths, const char *url);

#endif
