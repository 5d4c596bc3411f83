/* SPDX-License-Identifier: Apache-2.0
 *
 * A metric is one flat array of atomic cells: series (a * nb + b) times the cells of a series,
 * which are the value, or a histogram's buckets followed by the sum in microseconds. Metrics form a
 * list that only grows, so readers need no lock. */
#include "met/met.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_MAX 20000

static const int64_t BOUNDS_US[] = {500,     1000,    2500,    5000,     10000,
                                    25000,   50000,   100000,  250000,   500000,
                                    1000000, 2500000, 5000000, 10000000, 30000000};
#define BUCKETS (ARRAY_LEN(BOUNDS_US) + 1)
#define HISTOGRAM_CELLS (BUCKETS + 1)

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct labels {
    char *name;
    char **values; /* count, then "other" */
    size_t count;
};

struct met_metric {
    struct met_metric *next;
    enum kind kind;
    char *name;
    char *help;
    struct labels a, b;
    size_t na, nb; /* series in each dimension, at least 1 */
    size_t cells;  /* per series */
    int64_t (*fn)(void *arg);
    void *arg;
    _Atomic int64_t *v;
};

struct met {
    _Atomic(struct met_metric *) first;
};

struct met *
met_new(void)
{
    return calloc(1, sizeof(struct met));
}

static void
labels_fini(struct labels *l)
{
    for (size_t i = 0; l->values != NULL && i <= l->count; i++) {
        free(l->values[i]);
    }
    free(l->values);
    free(l->name);
}

static void
metric_free(struct met_metric *m)
{
    if (m == NULL) {
        return;
    }
    labels_fini(&m->a);
    labels_fini(&m->b);
    free(m->name);
    free(m->help);
    free(m->v);
    free(m);
}

void
met_free(struct met *met)
{
    if (met == NULL) {
        return;
    }
    struct met_metric *m = atomic_load(&met->first);
    while (m != NULL) {
        struct met_metric *next = m->next;
        metric_free(m);
        m = next;
    }
    free(met);
}

/* --- making -------------------------------------------------------------------------------- */

static bool
is_name(const char *z)
{
    for (const char *p = z; *p != '\0'; p++) {
        bool alpha = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';
        if (!alpha && !(p > z && *p >= '0' && *p <= '9')) {
            return false;
        }
    }
    return z[0] != '\0';
}

static bool
labels_init(struct labels *l, struct met_label from)
{
    if (from.name == NULL) {
        return true;
    }
    ASSERT(is_name(from.name));
    l->name = strdup(from.name);
    l->values = calloc(from.count + 1, sizeof *l->values);
    if (l->name == NULL || l->values == NULL) {
        return false;
    }
    l->count = from.count;
    bool ok = true;
    for (size_t i = 0; i <= from.count; i++) {
        l->values[i] = strdup(i < from.count ? from.values[i] : "other");
        ok = ok && l->values[i] != NULL;
    }
    return ok;
}

static struct met_metric *
add_metric(struct met *met, enum kind kind, const char *name, const char *help, struct met_label a,
           struct met_label b)
{
    if (met == NULL) {
        return NULL;
    }
    ASSERT(is_name(name) && help[0] != '\0');
    for (struct met_metric *m = atomic_load(&met->first); m != NULL; m = m->next) {
        ASSERT(strcmp(m->name, name) != 0);
    }
    struct met_metric *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->kind = kind;
    m->na = a.name != NULL ? a.count + 1 : 1;
    m->nb = b.name != NULL ? b.count + 1 : 1;
    m->cells = kind == HISTOGRAM ? HISTOGRAM_CELLS : 1;
    ASSERT(m->na * m->nb <= SERIES_MAX);
    m->name = strdup(name);
    m->help = strdup(help);
    m->v = calloc(m->na * m->nb * m->cells, sizeof *m->v);
    if (!labels_init(&m->a, a) || !labels_init(&m->b, b) || m->name == NULL || m->help == NULL ||
        m->v == NULL) {
        metric_free(m);
        return NULL;
    }
    m->next = atomic_load(&met->first);
    while (!atomic_compare_exchange_weak(&met->first, &m->next, m)) {
    }
    return m;
}

struct met_metric *
met_counter(struct met *met, const char *name, const char *help, struct met_label a,
            struct met_label b)
{
    return add_metric(met, COUNTER, name, help, a, b);
}

struct met_metric *
met_gauge(struct met *met, const char *name, const char *help, struct met_label a,
          struct met_label b)
{
    return add_metric(met, GAUGE, name, help, a, b);
}

struct met_metric *
met_gauge_fn(struct met *met, const char *name, const char *help, int64_t (*fn)(void *arg),
             void *arg)
{
    struct met_metric *m = add_metric(met, GAUGE, name, help, MET_NO_LABEL, MET_NO_LABEL);

    if (m != NULL) {
        m->arg = arg;
        m->fn = fn;
    }
    return m;
}

struct met_metric *
met_histogram(struct met *met, const char *name, const char *help, struct met_label a,
              struct met_label b)
{
    return add_metric(met, HISTOGRAM, name, help, a, b);
}

/* --- counting ------------------------------------------------------------------------------ */

static _Atomic int64_t *
cells_of(const struct met_metric *m, size_t a, size_t b)
{
    a = a < m->na ? a : m->na - 1;
    b = b < m->nb ? b : m->nb - 1;
    return &m->v[(a * m->nb + b) * m->cells];
}

void
met_add(struct met_metric *m, size_t a, size_t b, int64_t n)
{
    if (m != NULL) {
        (void)atomic_fetch_add_explicit(cells_of(m, a, b), n, memory_order_relaxed);
    }
}

void
met_set(struct met_metric *m, size_t a, size_t b, int64_t v)
{
    if (m != NULL) {
        atomic_store_explicit(cells_of(m, a, b), v, memory_order_relaxed);
    }
}

void
met_observe_us(struct met_metric *m, size_t a, size_t b, int64_t us)
{
    size_t i = 0;

    if (m == NULL) {
        return;
    }
    ASSERT(m->kind == HISTOGRAM);
    while (i < ARRAY_LEN(BOUNDS_US) && us > BOUNDS_US[i]) {
        i++;
    }
    _Atomic int64_t *cell = cells_of(m, a, b);
    (void)atomic_fetch_add_explicit(&cell[i], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&cell[BUCKETS], us, memory_order_relaxed);
}

int64_t
met_value(const struct met_metric *m, size_t a, size_t b)
{
    return m == NULL ? 0 : atomic_load_explicit(cells_of(m, a, b), memory_order_relaxed);
}

/* --- the page ------------------------------------------------------------------------------ */

static void
put_escaped(struct buf *out, const char *z, bool quotes)
{
    for (; *z != '\0'; z++) {
        if (*z == '\\' || (*z == '"' && quotes)) {
            buf_putc(out, '\\');
            buf_putc(out, *z);
        } else if (*z == '\n') {
            buf_put(out, STR("\\n"));
        } else {
            buf_putc(out, *z);
        }
    }
}

static void
put_label(struct buf *out, const char *name, const char *value, char *sep)
{
    buf_printf(out, "%c%s=\"", *sep, name);
    put_escaped(out, value, true);
    buf_putc(out, '"');
    *sep = ',';
}

/* name[suffix]{a="x",b="y",le="0.5"} */
static void
put_series(struct buf *out, const struct met_metric *m, size_t a, size_t b, const char *suffix,
           const char *le)
{
    char sep = '{';

    buf_printf(out, "%s%s", m->name, suffix);
    if (m->a.name != NULL) {
        put_label(out, m->a.name, m->a.values[a], &sep);
    }
    if (m->b.name != NULL) {
        put_label(out, m->b.name, m->b.values[b], &sep);
    }
    if (le != NULL) {
        put_label(out, "le", le, &sep);
    }
    buf_putz(out, sep == ',' ? "} " : " ");
}

static void
put_histogram(struct buf *out, const struct met_metric *m, size_t a, size_t b)
{
    _Atomic int64_t *cell = cells_of(m, a, b);
    int64_t total = 0;
    char le[32];

    for (size_t i = 0; i < BUCKETS; i++) {
        total += atomic_load_explicit(&cell[i], memory_order_relaxed);
        if (i < ARRAY_LEN(BOUNDS_US)) {
            (void)snprintf(le, sizeof le, "%g", (double)BOUNDS_US[i] / (double)ASSAY_US_PER_S);
        }
        put_series(out, m, a, b, "_bucket", i < ARRAY_LEN(BOUNDS_US) ? le : "+Inf");
        buf_printf(out, "%lld\n", (long long)total);
    }
    int64_t sum = atomic_load_explicit(&cell[BUCKETS], memory_order_relaxed);
    put_series(out, m, a, b, "_sum", NULL);
    buf_printf(out, "%.6f\n", (double)sum / (double)ASSAY_US_PER_S);
    put_series(out, m, a, b, "_count", NULL);
    buf_printf(out, "%lld\n", (long long)total);
}

static bool
is_silent(const struct met_metric *m, size_t a, size_t b)
{
    if (m->a.name == NULL && m->b.name == NULL) {
        return false;
    }
    _Atomic int64_t *cell = cells_of(m, a, b);
    for (size_t i = 0; i < m->cells; i++) {
        if (atomic_load_explicit(&cell[i], memory_order_relaxed) != 0) {
            return false;
        }
    }
    return true;
}

static void
put_metric(struct buf *out, const struct met_metric *m)
{
    static const char *const TYPES[] = {"counter", "gauge", "histogram"};

    buf_printf(out, "# HELP %s ", m->name);
    put_escaped(out, m->help, false);
    buf_printf(out, "\n# TYPE %s %s\n", m->name, TYPES[m->kind]);
    for (size_t i = 0; i < m->na * m->nb; i++) {
        size_t a = i / m->nb;
        size_t b = i % m->nb;
        if (is_silent(m, a, b)) {
            continue;
        }
        if (m->kind == HISTOGRAM) {
            put_histogram(out, m, a, b);
            continue;
        }
        put_series(out, m, a, b, "", NULL);
        buf_put_i64(out, m->fn != NULL ? m->fn(m->arg) : met_value(m, a, b));
        buf_putc(out, '\n');
    }
}

void
met_write(const struct met *met, struct buf *out)
{
    for (struct met_metric *m = atomic_load(&met->first); m != NULL; m = m->next) {
        put_metric(out, m);
    }
}
