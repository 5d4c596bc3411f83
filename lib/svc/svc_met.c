/* SPDX-License-Identifier: Apache-2.0
 *
 * The metrics that every process has. */
#include <stdlib.h>

#include "svc/svc_int.h"
#include "svc_dispatch.h"
#include "svc_rpc.h"

#define CODES 17

static int
by_id(const void *a, const void *b)
{
    uint32_t x = ((const struct svc_method *)a)->id;
    uint32_t y = ((const struct svc_method *)b)->id;

    return x < y ? -1 : x > y;
}

static int64_t
uptime_s(void *arg)
{
    struct svc *svc = arg;

    return (clk_mono_us() - svc->started_us) / ASSAY_US_PER_S;
}

static int64_t
calls_in_flight(void *arg)
{
    struct svc *svc = arg;
    struct rpc_server_stats stats = {.calls = 0};

    if (atomic_load(&svc->serving) && svc->server != NULL) {
        rpc_server_stats(svc->server, &stats);
    }
    return stats.in_flight + stats.queued;
}

static int64_t
is_serving(void *arg)
{
    struct svc *svc = arg;

    return atomic_load(&svc->serving) && !svc_is_stopping(svc);
}

static void
add_methods(struct svc *svc, const struct rpc_method *const *tables, const size_t *lens,
            size_t count, const char **names)
{
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < lens[t]; i++) {
            size_t at = svc->method_count++;
            names[at] = tables[t][i].name;
            svc->methods[at] = (struct svc_method){tables[t][i].id, at};
        }
    }
}

static void
make_call_metrics(struct svc *svc, const char **names)
{
    const char *codes[CODES];

    for (int i = 0; i < CODES; i++) {
        codes[i] = rc_name((enum rc)i);
    }
    struct met_label method = MET_LABEL("method", names, svc->method_count);
    svc->metrics.calls = met_counter(svc->met, "assay_rpc_calls_total", "Calls answered.", method,
                                     MET_LABEL("code", codes, CODES));
    svc->metrics.seconds =
        met_histogram(svc->met, "assay_rpc_seconds", "Time in the handler, with its transaction.",
                      method, MET_NO_LABEL);
}

static void
make_plain_metrics(struct svc *svc)
{
    static const char *const TARGETS[] = {"none", "audit", "billing", "both", "webhooks"};
    struct svc_metrics *m = &svc->metrics;
    struct met_label none = MET_NO_LABEL;

    (void)met_gauge_fn(svc->met, "assay_uptime_seconds", "Since the start.", uptime_s, svc);
    (void)met_gauge_fn(svc->met, "assay_serving", "1 between start and SIGTERM.", is_serving, svc);
    (void)met_gauge_fn(svc->met, "assay_rpc_in_flight", "Calls running or queued.", calls_in_flight,
                       svc);
    m->replayed = met_counter(svc->met, "assay_idempotency_replayed_total",
                              "Calls answered from the stored answer of their key.", none, none);
    m->retried = met_counter(svc->met, "assay_tx_retried_total",
                             "Transactions run again after a lost race.", none, none);
    m->loop_failures = met_counter(svc->met, "assay_loop_failures_total",
                                   "Runs of loops that failed.", none, none);
    if (!svc__has_schema(svc)) {
        return;
    }
    m->outbox_rows = met_gauge(svc->met, "assay_outbox_rows", "Events on their way.", none, none);
    m->outbox_dead = met_gauge(svc->met, "assay_outbox_dead",
                               "Events their receiver refused too often.", none, none);
    m->outbox_age = met_gauge(svc->met, "assay_outbox_oldest_seconds",
                              "Age of the oldest event on its way.", none, none);
    m->outbox_told =
        met_counter(svc->met, "assay_outbox_delivered_total", "Events that their receiver has.",
                    MET_LABEL("target", TARGETS, ARRAY_LEN(TARGETS)), none);
}

bool
svc__metrics_init(struct svc *svc)
{
    const struct svc_def *def = svc->def;
    size_t count = 0;

    svc->met = met_new();
    for (size_t t = 0; t < def->table_count; t++) {
        count += def->table_lens[t];
    }
    for (size_t t = 0; t < SVC_TABLE_COUNT; t++) {
        count += svc_table_lens[t];
    }
    svc->methods = calloc(count, sizeof *svc->methods);
    const char **names = calloc(count, sizeof *names);
    if (svc->met == NULL || svc->methods == NULL || names == NULL) {
        free(names);
        return false;
    }
    add_methods(svc, def->tables, def->table_lens, def->table_count, names);
    add_methods(svc, svc_tables, svc_table_lens, SVC_TABLE_COUNT, names);
    make_call_metrics(svc, names);
    make_plain_metrics(svc);
    qsort(svc->methods, svc->method_count, sizeof *svc->methods, by_id);
    free(names);
    return true;
}

size_t
svc__method_index(const struct svc *svc, const struct rpc_method *method)
{
    struct svc_method want = {.id = method->id};
    const struct svc_method *found =
        bsearch(&want, svc->methods, svc->method_count, sizeof want, by_id);

    return found == NULL ? SIZE_MAX : found->index;
}
