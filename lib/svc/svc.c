/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a process: parts come up in order, go down in reverse. SIGTERM and SIGINT are blocked
 * in every thread and waited for in the first. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "svc/svc_int.h"
#include "svc_dispatch.h"
#include "svc_rpc.h"

#define MIGRATE_US (120 * ASSAY_US_PER_S)

static const char *const PEER_NAMES[SVC_PEER_COUNT] = {"auth", "sessions", "tests", "billing",
                                                       "webhooks"};

/* --- accessors ----------------------------------------------------------------------------- */

struct db *
svc_db(struct svc *svc)
{
    return svc->db;
}

struct rpc_client *
svc_client(struct svc *svc, enum svc_peer peer)
{
    ASSERT((size_t)peer < SVC_PEER_COUNT && svc->clients[peer] != NULL);
    return svc->clients[peer];
}

struct rpc_peers *
svc_peers(struct svc *svc)
{
    return svc->peers;
}

struct met *
svc_met(struct svc *svc)
{
    return svc->met;
}

static const char *
or_null(const char *z)
{
    return z[0] == '\0' ? NULL : z;
}

struct rpc_tls
svc_tls(const struct svc *svc)
{
    return (struct rpc_tls){.ca_file = or_null(svc->cfg.tls_ca),
                            .cert_file = or_null(svc->cfg.tls_cert),
                            .key_file = or_null(svc->cfg.tls_key)};
}

const char *
svc_listen_url(const struct svc *svc)
{
    return svc->cfg.rpc_listen;
}

bool
svc_is_stopping(const struct svc *svc)
{
    return atomic_load_explicit(&svc->stopping, memory_order_relaxed);
}

bool
svc__uses(const struct svc *svc, enum svc_peer peer)
{
    return (svc->def->peers & SVC_USES(peer)) != 0;
}

bool
svc__has_schema(const struct svc *svc)
{
    return svc->def->migration_count > 0 || svc->def->query_count > 0;
}

/* --- database ------------------------------------------------------------------------------ */

enum rc
svc__open_db(struct svc *svc)
{
    const struct svc_def *def = svc->def;
    struct db_cfg cfg = {.uri = svc->cfg.database_url,
                         .schema = def->name,
                         .app = def->name,
                         .queries = def->queries,
                         .query_count = def->query_count,
                         .migrations = def->migrations,
                         .migration_count = def->migration_count,
                         .common_queries = common_queries,
                         .common_query_count = COMMON_QUERY_COUNT,
                         .common_migrations = common_migrations,
                         .common_migration_count = COMMON_MIGRATION_COUNT,
                         .owner = svc};

    return svc__has_schema(svc) ? db_open(&cfg, &svc->db) : RC_OK;
}

/* Says what stopped the start, once. */
static bool
started(struct ctx *ctx, enum rc rc, const char *part)
{
    if (rc != RC_OK) {
        log_line(LOG_ERROR_LEVEL, ctx, "start_failed", NULL, LOG_Z("part", part));
    }
    return rc == RC_OK;
}

static bool
migrate(struct svc *svc, struct arena *arena)
{
    struct ctx ctx;

    svc__service_ctx(svc, &ctx, arena, MIGRATE_US);
    return started(&ctx, db_migrate(svc->db, &ctx), "migrate");
}

static bool
check(struct svc *svc, struct arena *arena)
{
    struct ctx ctx;
    bool bypasses = false;

    svc__service_ctx(svc, &ctx, arena, SVC_CHECK_US);
    if (!started(&ctx, db_ready(svc->db, &ctx), "schema") ||
        !started(&ctx, db_check(svc->db, &ctx), "statements") ||
        !started(&ctx, db_bypasses_policies(svc->db, &ctx, &bypasses), "role")) {
        return false;
    }
    if (bypasses) {
        log_line(LOG_WARN_LEVEL, NULL, "policies_bypassed",
                 "the database role is a superuser or has BYPASSRLS: row-level security is off");
    }
    return true;
}

bool
svc__start_db(struct svc *svc, bool do_migrate)
{
    bool ok = true;

    if (!svc__has_schema(svc)) {
        return true;
    }
    struct arena *arena = arena_new(SVC_START_ARENA_MAX);
    if (arena == NULL) {
        return false;
    }
    ok = (!do_migrate || migrate(svc, arena)) && check(svc, arena);
    arena_free(arena);
    return ok;
}

/* --- rpc ----------------------------------------------------------------------------------- */

/* The peer's URL: configured, or beside our own: ".../tests.1" gives ".../auth", a port is kept. */
static bool
peer_url(const struct svc *svc, enum svc_peer peer, char out[256])
{
    const char *own = svc->cfg.rpc_listen;
    const char *name = PEER_NAMES[peer];
    int n;

    if (svc->cfg.rpc[peer][0] != '\0') {
        n = snprintf(out, 256, "%s", svc->cfg.rpc[peer]);
    } else if (own[0] == '\0') {
        n = snprintf(out, 256, "ipc:///run/assay/%s", name);
    } else if (str_starts(str_z(own), STR("ipc://"))) {
        n = snprintf(out, 256, "%.*s/%s", (int)(strrchr(own, '/') - own), own, name);
    } else {
        const char *authority = strstr(own, "://");
        const char *port = strrchr(own, ':');
        n = snprintf(out, 256, "%.*s://%s%s", (int)(authority == NULL ? 0 : authority - own), own,
                     name, port == NULL || port == authority ? "" : port);
    }
    return n > 0 && n < 256;
}

/* One authority signs the certificates of all our processes: the name in it says which one is at
 * the other end. */
static struct rpc_tls
tls_towards(const struct svc *svc, const char *name)
{
    struct rpc_tls tls = svc_tls(svc);

    tls.server_name = name;
    return tls;
}

static bool
start_client(struct svc *svc, enum svc_peer peer)
{
    const char *why = "the URL is too long";
    char url[256];
    struct rpc_client_cfg cfg = {.service = url,
                                 .tls = tls_towards(svc, PEER_NAMES[peer]),
                                 .message_max = SVC_MESSAGE_MAX,
                                 .name = PEER_NAMES[peer],
                                 .allow_plain_tcp = svc->cfg.plain_tcp};

    if (peer_url(svc, peer, url) && rpc_client_new(&cfg, &svc->clients[peer], &why) == RC_OK) {
        return true;
    }
    log_line(LOG_ERROR_LEVEL, NULL, "start_failed", why, LOG_Z("part", "rpc client"),
             LOG_Z("peer", PEER_NAMES[peer]));
    return false;
}

static bool
start_clients(struct svc *svc)
{
    struct rpc_tls tls = tls_towards(svc, "worker");

    for (int i = 0; i < SVC_PEER_COUNT; i++) {
        if (svc__uses(svc, (enum svc_peer)i) && !start_client(svc, (enum svc_peer)i)) {
            return false;
        }
    }
    return started(NULL, rpc_peers_new(&tls, SVC_MESSAGE_MAX, svc->cfg.plain_tcp, &svc->peers),
                   "rpc peers");
}

static bool
start_server(struct svc *svc)
{
    const struct svc_def *def = svc->def;
    const char *why = "";

    if (svc->cfg.rpc_listen[0] == '\0') {
        return true;
    }
    ASSERT(def->table_count + SVC_TABLE_COUNT <= SVC_TABLES_MAX);
    for (size_t i = 0; i < def->table_count; i++) {
        svc->tables[i] = def->tables[i];
        svc->table_lens[i] = def->table_lens[i];
    }
    for (size_t i = 0; i < SVC_TABLE_COUNT; i++) {
        svc->tables[def->table_count + i] = svc_tables[i];
        svc->table_lens[def->table_count + i] = svc_table_lens[i];
    }
    struct rpc_server_cfg cfg = {.listen = svc->cfg.rpc_listen,
                                 .tls = svc_tls(svc),
                                 .tables = svc->tables,
                                 .table_lens = svc->table_lens,
                                 .table_count = def->table_count + SVC_TABLE_COUNT,
                                 .allow_plain_tcp = svc->cfg.plain_tcp,
                                 .svc = svc->state,
                                 .hooks = svc,
                                 .workers = (int)svc->cfg.rpc_workers,
                                 .queue_max = (int)svc->cfg.rpc_queue,
                                 .arena_max = SVC_ARENA_MAX,
                                 .message_max = SVC_MESSAGE_MAX,
                                 .around = svc__around,
                                 .finished = svc__finished};
    if (rpc_server_start(&cfg, &svc->server, &why) != RC_OK) {
        log_line(LOG_ERROR_LEVEL, NULL, "start_failed", why, LOG_Z("part", "rpc server"),
                 LOG_Z("url", svc->cfg.rpc_listen));
        return false;
    }
    return true;
}

/* --- up and down --------------------------------------------------------------------------- */

static bool
start_service(struct svc *svc)
{
    if (svc->def->start == NULL) {
        return true;
    }
    if (svc->def->start(svc, &svc->state) != RC_OK) {
        log_line(LOG_ERROR_LEVEL, NULL, "start_failed", NULL, LOG_Z("part", svc->def->name));
        return false;
    }
    return true;
}

static bool
start_admin(struct svc *svc)
{
    const char *why = "";

    if (svc__admin_start(svc, &why) != RC_OK) {
        log_line(LOG_ERROR_LEVEL, NULL, "start_failed", why, LOG_Z("part", "admin"));
        return false;
    }
    return true;
}

static bool
start_all(struct svc *svc)
{
    return svc__start_db(svc, svc->cfg.migrate) && start_clients(svc) && start_service(svc) &&
           (svc->db == NULL || svc__relay_start(svc) == RC_OK) && start_server(svc) &&
           start_admin(svc);
}

static void
stop_all(struct svc *svc)
{
    atomic_store(&svc->stopping, true);
    if (svc->server != NULL) {
        rpc_server_drain(svc->server, clk_wall_us() + svc->cfg.drain_us);
    }
    svc__admin_stop(svc);
    svc__loops_stop(svc);
    if (svc->def->stop != NULL && svc->state != NULL) {
        svc->def->stop(svc->state);
    }
    rpc_server_free(svc->server);
    svc->server = NULL;
    svc__loops_free(svc);
    for (int i = 0; i < SVC_PEER_COUNT; i++) {
        rpc_client_free(svc->clients[i]);
    }
    rpc_peers_free(svc->peers);
    db_close(svc->db);
    met_free(svc->met);
    free(svc->methods);
}

static void
block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is a full disk, not our end */
}

/* While everything still serves: what is under way ends, or is given back. */
static void
drain(struct svc *svc, const sigset_t *set)
{
    const struct svc_drain *d = &svc->def->drain;
    struct timespec look = {.tv_nsec = SVC_DRAIN_LOOK_US * 1000};
    int asked = 1;

    if (d->begin == NULL) {
        return;
    }
    atomic_store(&svc->draining, true);
    log_line(LOG_INFO_LEVEL, NULL, "draining", "ending what is under way");
    d->begin(svc->state);
    while (asked < 3 && !d->is_over(svc->state)) {
        if (sigtimedwait(set, NULL, &look) > 0 && ++asked == 2) {
            d->hurry(svc->state);
        }
    }
}

int
svc__serve(struct svc *svc)
{
    sigset_t set;
    int sig = 0;

    block_signals(&set);
    bool ok = svc__metrics_init(svc) && svc__open_db(svc) == RC_OK && start_all(svc);
    if (ok) {
        atomic_store(&svc->serving, true);
        log_line(LOG_INFO_LEVEL, NULL, "started", "serving", LOG_Z("version", SVC_VERSION),
                 LOG_I64("us", clk_mono_us() - svc->started_us),
                 LOG_Z("listen", svc->cfg.rpc_listen));
        (void)sigwait(&set, &sig);
    }
    int64_t start = clk_mono_us();
    if (ok) {
        drain(svc, &set);
    }
    stop_all(svc);
    log_line(LOG_INFO_LEVEL, NULL, "stopped", ok ? "after a signal" : "could not start",
             LOG_I64("signal", sig), LOG_I64("us", clk_mono_us() - start));
    return ok ? 0 : SVC_EXIT_PART;
}
