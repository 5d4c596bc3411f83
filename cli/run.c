/* SPDX-License-Identifier: Apache-2.0
 *
 * `assay run`: brings a suite to the server, starts it and shows what happens as it happens. */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/run_opts.h"

#define ARENA_MAX ((size_t)64 << 20)
#define PATIENCE_US (120 * ASSAY_US_PER_S) /* a server that restarts does not end the run */
#define QUEUE_TELL_US (2 * ASSAY_US_PER_S) /* a shorter wait is not worth a line */
#define SEEN_MAX 4096

static const char USAGE[] =
    "usage: assay run SUITE [--app-url URL] [--mode replay|hybrid|ai] [--device-category C]\n"
    "                       [--url URL] [--token TOKEN] [--json]\n"
    "\n"
    "SUITE is a suite's id (suite_...) or a file as in examples/suites. A file is brought to the\n"
    "server first: the suite of the same name and app is used again, its cases replaced when they\n"
    "differ. --app-url is the address of the app under test. --url and --token say which server\n"
    "(default: ASSAY_URL and ASSAY_TOKEN, then what `make up` wrote). Ctrl-C cancels the run.\n"
    "With --json one object about the whole run goes to standard output, progress to standard "
    "error.\n"
    "Exit code: 0 passed, 1 failed or nothing was run, 2 broken or cancelled, 3 usage.\n";

static volatile int interrupted;

static void
on_interrupt(int sig)
{
    (void)sig;
    interrupted++;
}

/* --- what was shown ------------------------------------------------------------------------ */

/* Which steps of which case were shown, so that the end can fill the gaps. */
struct shown {
    char run_id[32];
    int64_t steps; /* this many from the first on */
    bool headed;
    bool gap; /* an event was missed: the rest is read at the end */
    bool ended;
};

struct follow {
    FILE *out;
    int64_t last_seq;
    struct shown cases[SEEN_MAX];
    size_t count;
    int64_t began_us;
    bool told_queue;
};

static struct shown *
shown_of(struct follow *f, struct str run_id)
{
    for (size_t i = f->count; i > 0; i--) {
        if (str_eqz(run_id, f->cases[i - 1].run_id)) {
            return &f->cases[i - 1];
        }
    }
    if (f->count == SEEN_MAX || run_id.n == 0 || run_id.n >= sizeof(f->cases[0].run_id)) {
        return NULL;
    }
    struct shown *s = &f->cases[f->count++];
    *s = (struct shown){0};
    (void)snprintf(s->run_id, sizeof(s->run_id), "%.*s", STR_ARG(run_id));
    return s;
}

static void
head(struct follow *f, struct shown *s, struct str name)
{
    if (!s->headed) {
        (void)fprintf(f->out, "\n  %.*s\n", STR_ARG(name));
        s->headed = true;
    }
}

static void
end_case(struct follow *f, struct shown *s, struct str status, struct str name, int64_t ms)
{
    if (!s->ended) {
        (void)fprintf(f->out, "%-7.*s %.*s (%.2f s)\n", STR_ARG(status), STR_ARG(name),
                      (double)ms / 1000);
        s->ended = true;
    }
    (void)fflush(f->out);
}

static void
show_event(struct follow *f, const struct json_value *e)
{
    struct str type = json_str(json_get(e, "type"));
    struct str name = json_str(json_get(e, "case_name"));
    struct str status = json_str(json_get(e, "status"));
    int64_t ms = json_i64(json_get(e, "duration_ms"), 0);
    int64_t index = json_i64(json_get(e, "index"), 0);
    struct shown *s = shown_of(f, json_str(json_get(e, "run_id")));

    if (s == NULL) {
        return;
    }
    if (str_eqz(type, "case_start")) {
        s->steps = 0; /* of a second attempt */
        head(f, s, name);
    } else if (str_eqz(type, "step") && index == s->steps) {
        head(f, s, name);
        run_print_step(f->out, status, ms, json_str(json_get(e, "message")));
        s->steps++;
    } else if (str_eqz(type, "step") && index > s->steps) {
        s->gap = true;
    }
    (void)fflush(f->out);
}

/* The steps of a case that no poll has seen, and its verdict. */
static void
show_rest(struct follow *f, struct api *api, const struct json_value *result)
{
    struct str run_id = json_str(json_get(result, "run_id"));
    struct str name = json_str(json_get(result, "case_name"));
    struct shown *s = shown_of(f, run_id);

    if (s == NULL || s->ended) {
        return;
    }
    head(f, s, name);
    const struct json_value *run = api_get(api, "/api/v1/ci/runs/%.*s", STR_ARG(run_id));
    const struct json_value *steps = json_get(run, "step_results");
    for (size_t i = (size_t)s->steps; steps != NULL && i < steps->count; i++) {
        const struct json_value *step = json_at(steps, i);
        struct str message = json_str(json_get(step, "error_message"));
        struct str text = json_str(json_get(step, "text"));
        run_print_step(f->out, json_str(json_get(step, "status")),
                       json_i64(json_get(step, "duration_ms"), 0),
                       message.n == 0 ? text
                                      : arena_printf(api->arena, "%.*s: %.*s", STR_ARG(text),
                                                     STR_ARG(message)));
    }
    struct str why = json_str(json_get(result, "error_message"));
    if (steps == NULL || steps->count == 0) {
        (void)fprintf(f->out, "    no step was run%s%.*s\n", why.n > 0 ? ": " : "", STR_ARG(why));
    }
    end_case(f, s, json_str(json_get(result, "status")), name,
             json_i64(json_get(result, "duration_ms"), 0));
}

static void
show_progress(struct follow *f, struct api *api, const struct json_value *run)
{
    const struct json_value *events = json_get(run, "events");
    const struct json_value *queue = json_get(run, "queue");

    if (queue != NULL && !f->told_queue && clk_mono_us() - f->began_us > QUEUE_TELL_US) {
        struct str reason = json_str(json_get(queue, "reason"));
        reason = reason.n == 0 ? STR("waiting for a device") : reason;
        (void)fprintf(f->out, "%.*s (place %lld)\n", STR_ARG(reason),
                      (long long)json_i64(json_get(queue, "position"), 0));
        f->told_queue = true;
    }
    for (size_t i = 0; events != NULL && i < events->count; i++) {
        const struct json_value *e = json_at(events, i);
        int64_t seq = json_i64(json_get(e, "seq"), 0);
        if (seq <= f->last_seq) {
            continue;
        }
        f->last_seq = seq;
        show_event(f, e);
        if (str_eqz(json_str(json_get(e, "type")), "case_end")) {
            struct shown *s = shown_of(f, json_str(json_get(e, "run_id")));
            if (s != NULL && s->gap) {
                show_rest(f, api, e);
            } else if (s != NULL) {
                end_case(f, s, json_str(json_get(e, "status")), json_str(json_get(e, "case_name")),
                         json_i64(json_get(e, "duration_ms"), 0));
            }
        }
    }
    const struct json_value *results = json_get(run, "case_results");
    for (size_t i = 0; results != NULL && i < results->count; i++) {
        show_rest(f, api, json_at(results, i));
    }
    (void)fflush(f->out);
}

/* --- the run ------------------------------------------------------------------------------- */

static const char *
start(struct api *api, struct arena *arena, const char *suite_id, const struct run_opts *o)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_putc(&b, '{');
    json_put_member_str(&b, "suite_id", str_z(suite_id));
    if (o->mode != NULL) {
        json_put_member_str(&b, "mode", str_z(o->mode));
    }
    if (o->category != NULL) {
        json_put_member_str(&b, "device_category", str_z(o->category));
    }
    buf_putc(&b, '}');
    const struct json_value *v = api_call(api, "POST", "/api/v1/ci/run-suite", buf_str(&b));
    buf_fini(&b);
    return v == NULL ? NULL : arena_strz(arena, json_str(json_get(v, "run_id")));
}

/* The cancel call takes the number, which the suite run's own view has. */
static void
cancel(struct api *api, const char *run_id)
{
    api->interrupt = NULL;
    api->patience_us = 5 * ASSAY_US_PER_S;
    const struct json_value *run = api_get(api, "/api/v1/tests/suite-runs/%s", run_id);
    int64_t id = json_i64(json_get(run, "id"), 0);
    char path[96];

    (void)snprintf(path, sizeof(path), "/api/v1/ai/suite/run/%lld/cancel", (long long)id);
    if (run == NULL || api_call(api, "POST", path, STR_EMPTY) == NULL) {
        (void)fprintf(stderr, "assay: the run could not be cancelled: %s\n", api->why);
    } else {
        (void)fprintf(stderr, "\nassay: run %s is cancelled\n", run_id);
    }
}

static bool
is_over(const struct json_value *run)
{
    struct str status = json_str(json_get(run, "status"));

    return !str_eqz(status, "pending") && !str_eqz(status, "running") && !str_eqz(status, "queued");
}

static void
pause_us(int64_t us)
{
    struct timespec t = {.tv_sec = us / ASSAY_US_PER_S, .tv_nsec = us % ASSAY_US_PER_S * 1000};

    (void)nanosleep(&t, NULL);
}

/* Polls to the end; NULL: the server was lost or we were interrupted. */
static const struct json_value *
poll_run(struct follow *f, struct api *api, const char *run_id)
{
    while (interrupted == 0) {
        api_begin(api);
        const struct json_value *run = api_get(api, "/api/v1/ci/runs/%s", run_id);
        if (run == NULL) {
            return NULL;
        }
        show_progress(f, api, run);
        if (is_over(run)) {
            return run;
        }
        pause_us(api->pace_us);
    }
    return NULL;
}

/* Verdicts of screenshots are no events: a run may pass with a warning. */
static void
show_looks(FILE *out, const struct json_value *results)
{
    for (size_t i = 0; results != NULL && i < results->count; i++) {
        const struct json_value *c = json_at(results, i);
        struct str looks = json_str(json_get(c, "visual_regression_status"));
        if (str_eqz(looks, "warn") || str_eqz(looks, "fail")) {
            (void)fprintf(out, "looks different (%.*s): %.*s, run %.*s\n", STR_ARG(looks),
                          STR_ARG(json_str(json_get(c, "case_name"))),
                          STR_ARG(json_str(json_get(c, "run_id"))));
        }
    }
}

static int
finish(struct follow *f, struct api *api, const struct json_value *run, const struct run_opts *o)
{
    const struct json_value *results = json_get(run, "case_results");
    size_t n = results == NULL ? 0 : results->count;
    size_t passed = 0, failed = 0;
    struct str status = json_str(json_get(run, "status"));
    struct str why = json_str(json_get(run, "error_message"));

    for (size_t i = 0; i < n; i++) {
        struct str s = json_str(json_get(json_at(results, i), "status"));
        passed += str_eqz(s, "passed");
        failed += str_eqz(s, "failed");
    }
    (void)fprintf(f->out, "\n%zu passed, %zu failed, %zu broken; %.*s in %.2f s\n%.*s\n", passed,
                  failed, n - passed - failed, STR_ARG(status),
                  (double)json_i64(json_get(run, "duration_ms"), 0) / 1000,
                  STR_ARG(json_str(json_get(run, "run_url"))));
    if (why.n > 0) {
        (void)fprintf(f->out, "%.*s\n", STR_ARG(why));
    }
    show_looks(f->out, results);
    (void)fflush(f->out);
    if (o->json && run_print_json(api, run) != CLI_OK) {
        return CLI_BROKEN;
    }
    if (n == 0 && !str_eqz(status, "cancelled")) {
        (void)fputs("assay: nothing was run\n", stderr);
        return CLI_FAILED;
    }
    return run_exit(status);
}

/* Starts the run, follows it to its end, prints; returns an enum cli_exit. Progress goes to `out`.
 */
static int
follow(struct api *api, struct arena *arena, const char *suite_id, const struct run_opts *opts,
       FILE *out)
{
    struct follow *f = ARENA_NEW(arena, struct follow);
    const char *run_id = f == NULL ? NULL : start(api, arena, suite_id, opts);

    if (run_id == NULL) {
        (void)fprintf(stderr, "assay: %s\n", api->why);
        return api->status >= 400 && api->status < 500 ? CLI_USAGE : CLI_BROKEN;
    }
    f->out = out;
    f->began_us = clk_mono_us();
    (void)fprintf(out, "run %s\n", run_id);
    const struct json_value *run = poll_run(f, api, run_id);
    if (run != NULL) {
        return finish(f, api, run, opts);
    }
    if (interrupted != 0) {
        cancel(api, run_id);
    } else {
        (void)fprintf(stderr, "assay: lost sight of run %s: %s\n", run_id, api->why);
    }
    return CLI_BROKEN;
}

int
run_print_json(struct api *api, const struct json_value *run)
{
    (void)api;
    bool ok = fwrite(run->raw.p, 1, run->raw.n, stdout) == run->raw.n &&
              fputc('\n', stdout) != EOF && fflush(stdout) == 0;
    return ok ? CLI_OK : CLI_BROKEN;
}

static int
run_with(struct arena *arena, const struct run_opts *opts)
{
    struct sigaction act = {.sa_handler = on_interrupt}; /* no SA_RESTART: waits end */
    struct api api;
    int rc = CLI_BROKEN;

    if (!api_open(&api, opts->url, opts->token)) {
        return CLI_BROKEN;
    }
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigaction(SIGTERM, &act, NULL);
    api.interrupt = &interrupted;
    api.patience_us = 10 * ASSAY_US_PER_S;
    const char *id = run_suite_id(&api, arena, opts, &rc);
    if (id != NULL) {
        api.patience_us = PATIENCE_US;
        rc = follow(&api, arena, id, opts, opts->json ? stderr : stdout);
    }
    api_close(&api);
    return rc;
}

int
cli_run(int argc, char **argv)
{
    struct run_opts opts;
    bool help = argc > 1 && cli_is_help(argv[1]);

    if (argc < 2 || help) {
        (void)fputs(USAGE, help ? stdout : stderr);
        return help ? CLI_OK : CLI_USAGE;
    }
    struct arena *arena = arena_new(ARENA_MAX);
    if (arena == NULL) {
        return CLI_BROKEN;
    }
    int rc = run_opts_read(arena, argc, argv, &opts) ? run_with(arena, &opts) : CLI_USAGE;
    arena_free(arena);
    return rc;
}
