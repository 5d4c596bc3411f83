/* SPDX-License-Identifier: Apache-2.0
 *
 * `assay status RUN`: where a run stands and, while it waits, for what. */
#include <string.h>

#include "base/id.h"
#include "cli/cli.h"
#include "cli/run_opts.h"

#define ARENA_MAX ((size_t)8 << 20)

static const char USAGE[] =
    "usage: assay status RUN [--url URL] [--token TOKEN] [--json]\n"
    "\n"
    "RUN is a run's id (sr... or tr...), as `assay run` prints it.\n"
    "Exit code: 0 passed or still going, 1 failed, 2 broken or cancelled, 3 usage.\n";

static void
print_field(const struct json_value *run, const char *key, const char *label)
{
    struct str value = json_str(json_get(run, key));

    if (value.n > 0) {
        (void)printf("%-9s %.*s\n", label, STR_ARG(value));
    }
}

/* Why a run that waits has no device: none is there, or all are busy. */
static void
print_wait(struct api *api, const struct json_value *run)
{
    const struct json_value *queue = json_get(run, "queue");
    const struct json_value *devices = NULL;
    struct str reason = json_str(json_get(queue, "reason"));
    size_t busy = 0;

    if (!str_eqz(json_str(json_get(run, "status")), "pending")) {
        return;
    }
    if (queue != NULL) {
        (void)printf("%-9s %lld\n", "place", (long long)json_i64(json_get(queue, "position"), 0));
    }
    if (reason.n > 0) {
        (void)printf("%-9s %.*s\n", "waits", STR_ARG(reason));
    }
    devices = api_get(api, "/api/v1/devices/");
    for (size_t i = 0; devices != NULL && i < devices->count; i++) {
        busy += str_eqz(json_str(json_get(json_at(devices, i), "status")), "busy");
    }
    if (devices != NULL && devices->count == 0) {
        (void)printf("%-9s no device is connected: is a worker running? (assay stack status)\n",
                     "devices");
    } else if (devices != NULL) {
        (void)printf("%-9s %zu of %zu are busy\n", "devices", busy, devices->count);
    }
}

/* Of a step whose screenshot differs, or could not be compared. */
static void
print_looks(const struct json_value *step)
{
    struct str looks = json_str(json_get(step, "visual_regression_status"));
    struct str why = json_str(json_get(step, "visual_regression_note"));

    if (str_eqz(looks, "warn") || str_eqz(looks, "fail")) {
        (void)printf("            looks different (%.*s): %.2f %% %.*s%.*s\n", STR_ARG(looks),
                     json_f64(json_get(step, "diff_percentage"), 0), STR_ARG(why),
                     STR_ARG(json_str(json_get(step, "diff_url"))));
    }
}

static void
print_steps(const struct json_value *run)
{
    const struct json_value *events = json_get(run, "events");
    const struct json_value *steps = json_get(run, "step_results");
    const struct json_value *cases = json_get(run, "case_results");

    for (size_t i = 0; events != NULL && i < events->count; i++) {
        const struct json_value *e = json_at(events, i);
        struct str type = json_str(json_get(e, "type"));
        if (str_eqz(type, "case_start")) {
            (void)printf("  %.*s\n", STR_ARG(json_str(json_get(e, "case_name"))));
        } else if (str_eqz(type, "step")) {
            run_print_step(stdout, json_str(json_get(e, "status")),
                           json_i64(json_get(e, "duration_ms"), 0),
                           json_str(json_get(e, "message")));
        }
    }
    for (size_t i = 0; steps != NULL && i < steps->count; i++) {
        const struct json_value *s = json_at(steps, i);
        run_print_step(stdout, json_str(json_get(s, "status")),
                       json_i64(json_get(s, "duration_ms"), 0), json_str(json_get(s, "text")));
        print_looks(s);
    }
    for (size_t i = 0; cases != NULL && i < cases->count; i++) {
        const struct json_value *c = json_at(cases, i);
        run_print_step(stdout, json_str(json_get(c, "status")),
                       json_i64(json_get(c, "duration_ms"), 0), json_str(json_get(c, "case_name")));
    }
}

static int
show(struct api *api, const struct run_opts *o)
{
    const struct json_value *run = api_get(api, "/api/v1/ci/runs/%s", o->suite);

    if (run == NULL) {
        (void)fprintf(stderr, "assay: %s\n", api->why);
        return api->status >= 400 && api->status < 500 ? CLI_USAGE : CLI_BROKEN;
    }
    struct str status = json_str(json_get(run, "status"));
    bool going = str_eqz(status, "pending") || str_eqz(status, "running");
    if (o->json) {
        int rc = run_print_json(api, run);
        return rc != CLI_OK || going ? rc : run_exit(status);
    }
    print_field(run, "run_id", "run");
    print_field(run, "suite_name", "suite");
    print_field(run, "test_name", "case");
    print_field(run, "status", "status");
    print_field(run, "error_message", "because");
    print_field(run, "started_at", "started");
    print_field(run, "finished_at", "finished");
    print_wait(api, run);
    print_steps(run);
    return going ? CLI_OK : run_exit(status);
}

static int
status_with(struct arena *arena, int argc, char **argv)
{
    struct run_opts opts;
    struct api api;

    if (!run_opts_read(arena, argc, argv, &opts) ||
        opts.suite[strcspn(opts.suite, "/?#")] != '\0' || !api_open(&api, opts.url, opts.token)) {
        return CLI_USAGE;
    }
    api.patience_us = 2 * ASSAY_US_PER_S;
    int rc = show(&api, &opts);
    api_close(&api);
    return rc;
}

int
cli_status(int argc, char **argv)
{
    bool help = argc > 1 && cli_is_help(argv[1]);

    if (argc < 2 || help) {
        (void)fputs(USAGE, help ? stdout : stderr);
        return help ? CLI_OK : CLI_USAGE;
    }
    struct arena *arena = arena_new(ARENA_MAX);
    if (arena == NULL) {
        return CLI_BROKEN;
    }
    int rc = status_with(arena, argc, argv);
    arena_free(arena);
    return rc;
}
