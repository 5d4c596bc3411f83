/* SPDX-License-Identifier: Apache-2.0
 *
 * Wiring of the worker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "log/log.h"
#include "worker/wrk_job.h"

#define ROW(member) .offset = offsetof(struct worker_cfg, member)

const struct cfg_row WORKER_CFG_ROWS[] = {
    {.name = "ASSAY_WORKER_ID",
     .type = CFG_STR,
     .def = "",
     .text = "name of this worker, the same after a restart; empty: the host's name",
     ROW(worker_id)},
    {.name = "ASSAY_WORKER_DEVICES",
     .type = CFG_STR,
     .def = "phone,tablet,desktop,desktop",
     .text = "devices offered: phone, tablet, desktop, tv, comma separated",
     ROW(devices)},
    {.name = "ASSAY_RPC_ADVERTISE",
     .type = CFG_STR,
     .def = "",
     .text = "URL other processes call this worker by; empty: ASSAY_RPC_LISTEN",
     ROW(advertise)},
    BLOB_CFG_ROWS(struct worker_cfg, blob),
    {.name = "ASSAY_CHROMIUM",
     .type = CFG_STR,
     .def = "",
     .text = "browser to start; empty: Debian's chromium",
     ROW(chromium)},
    {.name = "ASSAY_WORKER_DRAIN",
     .type = CFG_DURATION,
     .def = "10m",
     .min = 0,
     .max = 7200 * ASSAY_US_PER_S,
     .text = "how long the cases under way may take after SIGTERM; then, or at a second SIGTERM, "
             "they begin anew on other workers",
     ROW(drain_us)},
};
const size_t WORKER_CFG_COUNT = ARRAY_LEN(WORKER_CFG_ROWS);

static struct worker_cfg cfg;

static void
make_metrics(struct worker *w)
{
    static const char *const VERDICTS[] = {"passed", "failed", "error", "skipped"};
    struct met *met = svc_met(w->svc);

    w->met.steps = met_counter(met, "assay_worker_steps_total", "Steps executed, by verdict.",
                               MET_LABEL("verdict", VERDICTS, 4), MET_NO_LABEL);
    w->met.cases = met_counter(met, "assay_worker_cases_total", "Cases executed, by verdict.",
                               MET_LABEL("verdict", VERDICTS, 4), MET_NO_LABEL);
    w->met.jobs = met_counter(met, "assay_worker_jobs_total", "Jobs run to their end.",
                              MET_NO_LABEL, MET_NO_LABEL);
}

/* What the drain has left is abandoned: leases hand it to another worker. */
static void
worker_stop(void *state)
{
    struct worker *w = state;

    if (w == NULL) {
        return;
    }
    for (size_t i = 0; i < w->device_count; i++) {
        wrk_job_stop(&w->devices[i], (struct wrk_which){.job = NULL}, WRK_ABANDON);
    }
    wrk_jobs_join(w);
    wrk_devices_free(w);
    cdp_browser_free(w->browser);
    blob_close(w->blob);
    free(w);
}

static void
name_worker(struct worker *w)
{
    char host[WRK_ID_MAX] = "worker";

    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(w->worker_id, sizeof(w->worker_id), "%s",
                   cfg.worker_id[0] != '\0' ? cfg.worker_id : host);
    id_uuid(w->incarnation);
    w->rpc_addr = cfg.advertise[0] != '\0' ? cfg.advertise : svc_listen_url(w->svc);
}

static enum rc
start_parts(struct worker *w, const char **out_why)
{
    struct cdp_options options = {.program = cfg.chromium[0] == '\0' ? NULL : cfg.chromium};

    enum rc rc = blob_open_settings(&cfg.blob, &w->blob, out_why);
    if (rc == RC_OK) {
        *out_why = "out of memory";
        w->browser = cdp_browser_new(&options);
        rc = w->browser == NULL ? RC_RESOURCE_EXHAUSTED : RC_OK;
    }
    if (rc == RC_OK) {
        *out_why = "ASSAY_WORKER_DEVICES names an unknown kind of device";
        rc = wrk_devices_make(w, cfg.devices);
    }
    if (rc == RC_OK) {
        *out_why = "no thread for the heartbeat";
        rc = svc_loop(w->svc, WRK_BEAT, WRK_BEAT_US, 10 * ASSAY_US_PER_S, wrk_beat, w);
    }
    if (rc == RC_OK) {
        *out_why = "no thread for the browser";
        rc = svc_loop(w->svc, "worker_browser", WRK_BROWSER_US, 60 * ASSAY_US_PER_S,
                      wrk_browser_keep, w);
    }
    return rc;
}

static enum rc
worker_start(struct svc *svc, void **out_state)
{
    const char *why = "out of memory";
    struct worker *w = calloc(1, sizeof(*w));
    enum rc rc = w == NULL ? RC_RESOURCE_EXHAUSTED : RC_OK;

    if (rc == RC_OK) {
        wrk_init(w);
        w->svc = svc;
        w->cfg = &cfg;
        name_worker(w);
        make_metrics(w);
        rc = start_parts(w, &why);
    }
    if (rc != RC_OK) {
        log_line(LOG_ERROR_LEVEL, NULL, "start_failed", why);
        worker_stop(w);
        return rc;
    }
    *out_state = w;
    return RC_OK;
}

int
main(int argc, char **argv)
{
    struct svc_def def = {
        .name = "worker",
        .peers = SVC_USES(SVC_SESSIONS) | SVC_USES(SVC_TESTS),
        .cfg_rows = WORKER_CFG_ROWS,
        .cfg_count = WORKER_CFG_COUNT,
        .cfg = &cfg,
        .tables = worker_tables,
        .table_lens = worker_table_lens,
        .table_count = WORKER_TABLE_COUNT,
        .start = worker_start,
        .stop = worker_stop,
        .drain = {wrk_drain_begin, wrk_drain_hurry, wrk_drain_is_over},
        .is_ready = wrk_browser_is_ready,
    };
    return svc_main(&def, argc, argv);
}
