/* SPDX-License-Identifier: Apache-2.0
 *
 * Brings a suite file to the server: the app by its address, the suite by name and app. A suite
 * whose content is the same is used as it is, so that its history stays. Cases that are replaced by
 * others of the same name hand them their baselines. */
#include "cli/run_opts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "cli/cli.h"
#include "cli/suite_yaml.h"

#define BODY_MAX ((size_t)12 << 20)

/* --- the file ------------------------------------------------------------------------------ */

static struct str
read_file(struct arena *arena, const char *path)
{
    FILE *in = fopen(path, "rb");
    char *text = in == NULL ? NULL : arena_alloc(arena, SUITE_FILE_MAX + 1);
    size_t n = text == NULL ? 0 : fread(text, 1, SUITE_FILE_MAX + 1, in);
    bool ok = text != NULL && ferror(in) == 0;

    if (!ok) {
        (void)fprintf(stderr, "assay: %s: %s\n", path, strerror(errno));
    }
    if (in != NULL) {
        (void)fclose(in);
    }
    return ok ? str_n(text, n) : STR_EMPTY;
}

static bool
load(struct arena *arena, const char *path, struct suite_file *out)
{
    struct suite_error e = {0};
    struct str text = read_file(arena, path);

    if (text.p == NULL) {
        return false;
    }
    if (suite_yaml_parse(arena, text, out, &e) != RC_OK) {
        (void)fprintf(stderr, "%s:%zu:%zu: %s\n", path, e.line, e.column, e.text);
        return false;
    }
    return true;
}

/* --- bodies -------------------------------------------------------------------------------- */

static void
put_text(struct buf *b, const char *key, struct str value)
{
    if (value.n > 0) {
        json_put_member_str(b, key, value);
    }
}

static void
put_raw(struct buf *b, const char *key, struct str json)
{
    if (json.n > 0) {
        json_put_key(b, key);
        buf_put(b, json);
    }
}

static void
put_text_or_null(struct buf *b, const char *key, struct str value)
{
    json_put_key(b, key);
    if (value.n > 0) {
        json_put_str(b, value);
    } else {
        buf_putz(b, "null");
    }
}

static const struct json_value *
send_body(struct api *api, const char *method, const char *path, struct buf *body)
{
    buf_putc(body, '}');
    const struct json_value *v =
        buf_failed(body) ? NULL : api_call(api, method, path, buf_str(body));
    if (buf_failed(body)) {
        (void)snprintf(api->why, sizeof(api->why), "the suite is too large");
    }
    buf_fini(body);
    return v;
}

static void
begin(struct buf *b)
{
    buf_init(b, BODY_MAX);
    buf_putc(b, '{');
}

/* --- the app ------------------------------------------------------------------------------- */

static const char *
find_app(struct api *api, struct arena *arena, const char *url)
{
    const struct json_value *apps = api_get(api, "/api/v1/apps/");

    for (size_t i = 0; apps != NULL && i < apps->count; i++) {
        const struct json_value *app = json_at(apps, i);
        struct str at = json_str(json_get(app, "url"));
        at.n -= str_ends(at, STR("/")) ? 1 : 0;
        if (str_eqz(at, url)) {
            return arena_strz(arena, json_str(json_get(app, "public_id")));
        }
    }
    return apps == NULL ? NULL : "";
}

static const char *
app_id(struct api *api, struct arena *arena, const char *url)
{
    const char *id = find_app(api, arena, url);
    struct buf b;

    if (id == NULL || id[0] != '\0') {
        return id;
    }
    begin(&b);
    json_put_member_str(&b, "name", str_z(url));
    json_put_member_str(&b, "platform", STR("web"));
    json_put_member_str(&b, "url", str_z(url));
    const struct json_value *v = send_body(api, "POST", "/api/v1/apps/", &b);
    return v == NULL ? NULL : arena_strz(arena, json_str(json_get(v, "public_id")));
}

/* --- the suite ----------------------------------------------------------------------------- */

/* Of its public id; "" when there is none yet, NULL on failure. */
static const char *
find_suite(struct api *api, struct arena *arena, const struct suite_file *f, const char *app)
{
    const struct json_value *suites = api_get(api, "/api/v1/tests/suites");

    for (size_t i = 0; suites != NULL && i < suites->count; i++) {
        const struct json_value *s = json_at(suites, i);
        if (str_eq(json_str(json_get(s, "name")), f->name) &&
            str_eqz(json_str(json_get(s, "app_public_id")), app)) {
            return arena_strz(arena, json_str(json_get(s, "public_id")));
        }
    }
    return suites == NULL ? NULL : "";
}

static const char *
create_suite(struct api *api, struct arena *arena, const struct suite_file *f, const char *app)
{
    struct buf b;

    begin(&b);
    json_put_member_str(&b, "name", f->name);
    put_text(&b, "description", f->description);
    put_text(&b, "app_public_id", str_z(app));
    put_text(&b, "platform", f->platform);
    put_raw(&b, "tags", f->tags);
    const struct json_value *v = send_body(api, "POST", "/api/v1/tests/suites", &b);
    return v == NULL ? NULL : arena_strz(arena, json_str(json_get(v, "public_id")));
}

static bool
update_suite(struct api *api, const struct suite_file *f, const char *id)
{
    char path[128];
    struct buf b;

    (void)snprintf(path, sizeof(path), "/api/v1/tests/suites/%s", id);
    begin(&b);
    put_text_or_null(&b, "description", f->description);
    put_text_or_null(&b, "context", f->context);
    put_text(&b, "reset_strategy", f->reset_strategy);
    put_raw(&b, "variables", f->variables);
    put_raw(&b, "tags", f->tags);
    return send_body(api, "PATCH", path, &b) != NULL;
}

/* --- cases --------------------------------------------------------------------------------- */

static struct str
mode_of(const struct suite_case *c)
{
    return c->mode.n > 0 ? c->mode : c->recording.n > 0 ? STR("recorded") : STR("ai");
}

static bool
finish_case(struct api *api, const struct suite_case *c, const char *id)
{
    char path[128];
    struct buf b;

    if (c->fuzzy_match && c->context.n == 0) {
        return true;
    }
    (void)snprintf(path, sizeof(path), "/api/v1/tests/cases/%s", id);
    begin(&b);
    json_put_member_bool(&b, "fuzzy_match", c->fuzzy_match);
    put_text_or_null(&b, "context", c->context);
    return send_body(api, "PATCH", path, &b) != NULL;
}

static bool
create_case(struct api *api, struct arena *arena, const struct suite_case *c, const char *suite)
{
    char path[128];
    struct buf b;

    (void)snprintf(path, sizeof(path), "/api/v1/tests/suites/%s/cases", suite);
    begin(&b);
    json_put_member_str(&b, "name", c->name);
    json_put_member_str(&b, "mode", mode_of(c));
    put_raw(&b, "steps", c->steps);
    put_raw(&b, "assertions", c->assertions);
    put_raw(&b, "source_recording", c->recording);
    if (c->width > 0 && c->height > 0) {
        json_put_member_i64(&b, "source_device_width", c->width);
        json_put_member_i64(&b, "source_device_height", c->height);
    }
    const struct json_value *v = send_body(api, "POST", path, &b);
    return v != NULL && finish_case(api, c, arena_strz(arena, json_str(json_get(v, "public_id"))));
}

/* Without the white space between the tokens; that within texts goes on both sides alike. */
static void
put_squeezed(struct buf *b, struct str json)
{
    for (size_t i = 0; i < json.n; i++) {
        if (!ch_is_space(json.p[i])) {
            buf_putc(b, json.p[i]);
        }
    }
}

static bool
same_json(struct str ours, const struct json_value *theirs)
{
    struct str raw = json_is(theirs, JSON_NULL) || theirs == NULL ? STR_EMPTY : theirs->raw;
    struct buf a, b;

    if (ours.n == 0 || raw.n == 0 || str_eq(ours, raw)) {
        return ours.n == raw.n;
    }
    buf_init(&a, BODY_MAX);
    buf_init(&b, BODY_MAX);
    put_squeezed(&a, ours);
    put_squeezed(&b, raw);
    bool same = str_eq(buf_str(&a), buf_str(&b));
    buf_fini(&a);
    buf_fini(&b);
    return same;
}

static bool
same_case(const struct suite_case *c, const struct json_value *v)
{
    return str_eq(c->name, json_str(json_get(v, "name"))) &&
           str_eq(mode_of(c), json_str(json_get(v, "mode"))) &&
           str_eq(c->context, json_str(json_get(v, "context"))) &&
           c->fuzzy_match == json_bool(json_get(v, "fuzzy_match"), true) &&
           same_json(c->steps, json_get(v, "steps")) &&
           same_json(c->assertions, json_get(v, "assertions")) &&
           same_json(c->recording, json_get(v, "source_gesture_list"));
}

static bool
same_cases(const struct suite_file *f, const struct json_value *cases)
{
    if (cases == NULL || cases->count != f->case_count) {
        return false;
    }
    for (size_t i = 0; i < f->case_count; i++) {
        if (!same_case(&f->cases[i], json_at(cases, i))) {
            return false;
        }
    }
    return true;
}

static bool
replace_cases(struct api *api, struct arena *arena, const struct suite_file *f, const char *id,
              const struct json_value *old)
{
    for (size_t i = 0; old != NULL && i < old->count; i++) {
        struct str case_id = json_str(json_get(json_at(old, i), "public_id"));
        const char *path = arena_printf(arena, "/api/v1/tests/cases/%.*s", STR_ARG(case_id)).p;
        if (api_call(api, "DELETE", path, STR_EMPTY) == NULL && api->status != 404) {
            return false;
        }
    }
    for (size_t i = 0; i < f->case_count; i++) {
        if (!create_case(api, arena, &f->cases[i], id)) {
            return false;
        }
    }
    return true;
}

/* --- all of it ----------------------------------------------------------------------------- */

static const char *
upload(struct api *api, struct arena *arena, const struct suite_file *f, const char *app_url)
{
    const char *app = app_url[0] == '\0' ? f->app_id.n > 0 ? arena_strz(arena, f->app_id) : ""
                                         : app_id(api, arena, app_url);
    const char *id = app == NULL ? NULL : find_suite(api, arena, f, app);

    if (id != NULL && id[0] == '\0') {
        id = create_suite(api, arena, f, app);
    }
    if (id == NULL || !update_suite(api, f, id)) {
        return NULL;
    }
    const struct json_value *suite = api_get(api, "/api/v1/tests/suites/%s", id);
    const struct json_value *cases = json_get(suite, "cases");
    if (suite == NULL || (!same_cases(f, cases) && !replace_cases(api, arena, f, id, cases))) {
        return NULL;
    }
    return id;
}

const char *
run_suite_id(struct api *api, struct arena *arena, const struct run_opts *opts, int *out_rc)
{
    struct suite_file file;

    *out_rc = CLI_USAGE;
    if (id_is_public(str_z(opts->suite), "suite_")) {
        return opts->suite;
    }
    if (!load(arena, opts->suite, &file)) {
        return NULL;
    }
    bool web = file.platform.n == 0 || str_eqz(file.platform, "web");
    if (web && opts->app_url[0] == '\0') {
        (void)fprintf(stderr, "assay: where is the app? give --app-url (or ASSAY_APP_URL)\n");
        return NULL;
    }
    struct str app_url = str_z(opts->app_url);
    app_url.n -= str_ends(app_url, STR("/")) ? 1 : 0;
    const char *id = upload(api, arena, &file, arena_strz(arena, app_url));
    if (id == NULL) {
        (void)fprintf(stderr, "assay: %s\n", api->why);
        *out_rc = api->status >= 400 && api->status < 500 ? CLI_USAGE : CLI_BROKEN;
    }
    return id;
}
