/* SPDX-License-Identifier: Apache-2.0 */
#include "cfg/cfg.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET_FILE_MAX (64 * 1024)
#define NAME_MAX_LEN 120

struct unit {
    struct str name;
    int64_t factor;
};

static const struct unit DURATIONS[] = {
    {STR_INIT("us"), 1},
    {STR_INIT("ms"), ASSAY_US_PER_MS},
    {STR_INIT("s"), ASSAY_US_PER_S},
    {STR_INIT("m"), 60 * ASSAY_US_PER_S},
    {STR_INIT("h"), 3600 * ASSAY_US_PER_S},
    {STR_INIT("d"), 86400 * ASSAY_US_PER_S},
};

static const struct unit SIZES[] = {
    {STR_INIT(""), 1},
    {STR_INIT("k"), INT64_C(1) << 10},
    {STR_INIT("m"), INT64_C(1) << 20},
    {STR_INIT("g"), INT64_C(1) << 30},
};

/* --- values -------------------------------------------------------------------------------- */

static enum rc
parse_with_unit(struct str s, const struct unit *units, size_t count, int64_t *out)
{
    size_t digits = 0;
    int64_t n;

    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9') {
        digits++;
    }
    enum rc rc = str_to_i64(str_sub(s, 0, digits), 0, INT64_MAX, &n);
    if (rc != RC_OK) {
        return rc;
    }
    struct str unit = str_sub(s, digits, s.n);
    for (size_t i = 0; i < count; i++) {
        if (str_ieq(unit, units[i].name)) {
            return __builtin_mul_overflow(n, units[i].factor, out) ? RC_OUT_OF_RANGE : RC_OK;
        }
    }
    return RC_INVALID_ARGUMENT;
}

enum rc
cfg_parse_duration(struct str s, int64_t *out_us)
{
    int64_t us;

    if (str_eq(s, STR("0"))) {
        *out_us = 0;
        return RC_OK;
    }
    enum rc rc = parse_with_unit(s, DURATIONS, ARRAY_LEN(DURATIONS), &us);
    if (rc == RC_OK) {
        *out_us = us;
    }
    return rc;
}

enum rc
cfg_parse_size(struct str s, int64_t *out_bytes)
{
    int64_t bytes;
    enum rc rc = parse_with_unit(s, SIZES, ARRAY_LEN(SIZES), &bytes);

    if (rc == RC_OK) {
        *out_bytes = bytes;
    }
    return rc;
}

enum rc
cfg_parse_bool(struct str s, bool *out)
{
    static const char *const YES[] = {"1", "true", "yes", "on"};
    static const char *const NO[] = {"0", "false", "no", "off"};

    for (size_t i = 0; i < ARRAY_LEN(YES); i++) {
        if (str_ieq(s, str_z(YES[i]))) {
            *out = true;
            return RC_OK;
        }
        if (str_ieq(s, str_z(NO[i]))) {
            *out = false;
            return RC_OK;
        }
    }
    return RC_INVALID_ARGUMENT;
}

/* --- where the text comes from --------------------------------------------------------------- */

/* Returns the content of a small file without its final newline, NULL when it cannot be read. */
static char *
read_secret_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    char *text = malloc(SECRET_FILE_MAX + 1);
    size_t n = 0;
    ssize_t got = text == NULL ? -1 : 1;
    while (got > 0 && n <= SECRET_FILE_MAX) {
        got = read(fd, text + n, SECRET_FILE_MAX + 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    if (got < 0 || n > SECRET_FILE_MAX || memchr(text, '\0', n) != NULL) {
        free(text);
        return NULL;
    }
    n -= n > 0 && text[n - 1] == '\n';
    n -= n > 0 && text[n - 1] == '\r';
    text[n] = '\0';
    return text;
}

/* Finds the row's text: environment, file, default. NULL with a fault reported, or not set. */
static const char *
find_text(const struct cfg_row *row, struct buf *faults)
{
    char file_name[NAME_MAX_LEN + sizeof "_FILE"];
    const char *value = getenv(row->name);

    ASSERT(strlen(row->name) <= NAME_MAX_LEN);
    (void)snprintf(file_name, sizeof file_name, "%s_FILE", row->name);
    const char *path = getenv(file_name);
    bool has_value = value != NULL && value[0] != '\0';
    bool has_file = path != NULL && path[0] != '\0';
    if (has_value && has_file) {
        buf_printf(faults, "%s: set together with %s\n", row->name, file_name);
        return NULL;
    }
    if (has_file) {
        const char *text = read_secret_file(path);
        if (text == NULL) {
            buf_printf(faults, "%s: cannot read %s (up to %d bytes of text)\n", file_name, path,
                       SECRET_FILE_MAX);
        }
        return text;
    }
    if (has_value) {
        char *copy = strdup(value);
        ASSERT(copy != NULL);
        return copy;
    }
    if (row->def == NULL) {
        buf_printf(faults, "%s: must be set (%s)\n", row->name, row->text);
    }
    return row->def;
}

/* --- one row ------------------------------------------------------------------------------- */

static void
fault(const struct cfg_row *row, const char *text, struct buf *faults, const char *expected)
{
    if (row->secret) {
        buf_printf(faults, "%s: malformed, expected %s\n", row->name, expected);
    } else {
        buf_printf(faults, "%s: \"%.200s\" is malformed, expected %s\n", row->name, text, expected);
    }
}

static bool
has_bounds(const struct cfg_row *row)
{
    return row->min != 0 || row->max != 0;
}

static void
put_bound(const struct cfg_row *row, int64_t v, struct buf *out)
{
    const struct unit *units = row->type == CFG_DURATION ? DURATIONS : SIZES;
    size_t i = row->type == CFG_DURATION ? ARRAY_LEN(DURATIONS) : ARRAY_LEN(SIZES);

    if (v == 0 || (row->type != CFG_DURATION && row->type != CFG_SIZE)) {
        buf_put_i64(out, v);
        return;
    }
    while (i > 1 && v % units[i - 1].factor != 0) {
        i--;
    }
    buf_put_i64(out, v / units[i - 1].factor);
    buf_put(out, units[i - 1].name);
}

static void
set_number(const struct cfg_row *row, const char *text, char *out, struct buf *faults)
{
    struct str s = str_z(text);
    int64_t v = 0;
    enum rc rc = row->type == CFG_INT        ? str_to_i64(s, INT64_MIN, INT64_MAX, &v)
                 : row->type == CFG_DURATION ? cfg_parse_duration(s, &v)
                                             : cfg_parse_size(s, &v);

    if (rc != RC_OK) {
        fault(row, text, faults,
              row->type == CFG_INT        ? "a whole number"
              : row->type == CFG_DURATION ? "a duration such as 250ms, 30s, 5m, 12h, 7d"
                                          : "a size such as 4096, 64k, 10m, 2g");
        return;
    }
    if (has_bounds(row) && (v < row->min || v > row->max)) {
        buf_printf(faults, "%s: must be between ", row->name);
        put_bound(row, row->min, faults);
        buf_putz(faults, " and ");
        put_bound(row, row->max, faults);
        buf_putc(faults, '\n');
        return;
    }
    memcpy(out, &v, sizeof v);
}

static bool
is_url(struct str s)
{
    ptrdiff_t colon = str_find_byte(s, ':');

    if (colon <= 0 || (size_t)colon + 1 >= s.n) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static void
set_text(const struct cfg_row *row, const char *text, char *out, struct buf *faults)
{
    struct str s = str_z(text);

    if (row->type == CFG_URL && s.n > 0 && !is_url(s)) {
        fault(row, text, faults, "a URL");
        return;
    }
    if (row->type == CFG_STR && s.n > 0 && has_bounds(row) &&
        (s.n < (size_t)row->min || s.n > (size_t)row->max)) {
        buf_printf(faults, "%s: must be %lld to %lld bytes long\n", row->name, (long long)row->min,
                   (long long)row->max);
        return;
    }
    memcpy(out, &text, sizeof text);
}

static void
set_choice(const struct cfg_row *row, const char *text, char *out, struct buf *faults)
{
    for (int i = 0; row->choices[i] != NULL; i++) {
        if (str_ieq(str_z(text), str_z(row->choices[i]))) {
            memcpy(out, &i, sizeof i);
            return;
        }
    }
    buf_printf(faults, "%s: must be one of", row->name);
    for (int i = 0; row->choices[i] != NULL; i++) {
        buf_printf(faults, " %s", row->choices[i]);
    }
    buf_putc(faults, '\n');
}

static void
set_bool(const struct cfg_row *row, const char *text, char *out, struct buf *faults)
{
    bool v;

    if (cfg_parse_bool(str_z(text), &v) != RC_OK) {
        fault(row, text, faults, "true or false");
        return;
    }
    memcpy(out, &v, sizeof v);
}

/* Frees what find_text copied, unless the row keeps it. */
static void
free_copy(const struct cfg_row *row, const char *text, const char *member)
{
    const char *kept = NULL;
    union {
        const char *shared;
        char *own;
    } copy = {.shared = text};

    if (row->type == CFG_STR || row->type == CFG_URL) {
        memcpy(&kept, member, sizeof kept);
    }
    if (text != row->def && text != kept) {
        free(copy.own);
    }
}

static void
load_row(const struct cfg_row *row, void *out, struct buf *faults)
{
    const char *text = find_text(row, faults);
    char *member = (char *)out + row->offset;

    if (text == NULL) {
        return;
    }
    switch (row->type) {
    case CFG_STR:
    case CFG_URL:
        set_text(row, text, member, faults);
        break;
    case CFG_INT:
    case CFG_DURATION:
    case CFG_SIZE:
        set_number(row, text, member, faults);
        break;
    case CFG_BOOL:
        set_bool(row, text, member, faults);
        break;
    case CFG_ENUM:
        set_choice(row, text, member, faults);
        break;
    }
    free_copy(row, text, member);
}

enum rc
cfg_load(const struct cfg_table *tables, size_t count, struct buf *faults)
{
    size_t before = faults->n;

    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            load_row(&tables[t].rows[i], tables[t].out, faults);
        }
    }
    return faults->n == before && !buf_failed(faults) ? RC_OK : RC_INVALID_ARGUMENT;
}

/* --- help ---------------------------------------------------------------------------------- */

static const char *
type_name(enum cfg_type type)
{
    static const char *const NAMES[] = {"text", "URL", "number", "flag", "duration", "size", ""};

    return NAMES[type];
}

/* "duration, 1s to 10m, per minute" */
static void
put_kind(const struct cfg_row *row, const char *or_sep, struct buf *out)
{
    buf_putz(out, type_name(row->type));
    for (int i = 0; row->type == CFG_ENUM && row->choices[i] != NULL; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : or_sep, row->choices[i]);
    }
    if (has_bounds(row) && row->type != CFG_ENUM && row->type != CFG_BOOL) {
        buf_putz(out, ", ");
        put_bound(row, row->min, out);
        buf_putz(out, " to ");
        put_bound(row, row->max, out);
        buf_putz(out, row->type == CFG_STR ? " bytes" : "");
    }
    if (row->unit != NULL) {
        buf_printf(out, ", %s", row->unit);
    }
}

static const char *
default_text(const struct cfg_row *row)
{
    return row->def == NULL ? "required" : row->def[0] == '\0' ? "unset" : row->def;
}

void
cfg_help(const struct cfg_table *tables, size_t count, struct buf *out)
{
    buf_putz(out, "Settings (environment; NAME_FILE reads the value from a file):\n");
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct cfg_row *row = &tables[t].rows[i];
            buf_printf(out, "  %s (", row->name);
            put_kind(row, "|", out);
            buf_printf(out, "; default: %s%s)\n      %s\n", default_text(row),
                       row->secret ? "; secret" : "", row->text);
        }
    }
}

void
cfg_help_md(const struct cfg_table *tables, size_t count, struct buf *out)
{
    buf_putz(out, "| setting | kind | default | meaning |\n|---|---|---|---|\n");
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct cfg_row *row = &tables[t].rows[i];
            buf_printf(out, "| `%s` | ", row->name);
            put_kind(row, " or ", out);
            bool shown = row->def != NULL && row->def[0] != '\0';
            buf_printf(out, "%s | %s%s%s | %s |\n", row->secret ? ", secret" : "", shown ? "`" : "",
                       default_text(row), shown ? "`" : "", row->text);
        }
    }
}
