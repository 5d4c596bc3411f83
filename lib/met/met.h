/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics of a process in Prometheus' text format. A metric has a sentence and declares the values
 * of its labels when it is made, so its cardinality is bounded by construction: an index outside
 * the declared values counts under "other".
 *
 *     static const char *const RESULTS[] = {"hit", "miss"};
 *     struct met_metric *cache = met_counter(met, "assay_cache_total", "Look-ups by result.",
 *                                            MET_LABEL("result", RESULTS, 2), MET_NO_LABEL);
 *     met_add(cache, 0, 0, 1);
 *
 * Threads: counting is lock-free and may happen in any thread, also while another one writes the
 * page. Making metrics is for the start. All calls take a NULL metric and then do nothing, so that
 * parts work without metrics.
 * Source: Prometheus exposition format 0.0.4 */
#ifndef ASSAY_MET_MET_H
#define ASSAY_MET_MET_H

#include "base/buf.h"

struct met;        /* all metrics of the process */
struct met_metric; /* one of them */

struct met_label {
    const char *name;          /* NULL: no label */
    const char *const *values; /* copied; count entries */
    size_t count;
};
#define MET_LABEL(n, v, c) ((struct met_label){(n), (v), (c)})
#define MET_NO_LABEL ((struct met_label){NULL, NULL, 0})

/* NULL without memory. */
NODISCARD struct met *met_new(void);
/* Frees all metrics. Takes NULL. */
void met_free(struct met *met);

/* Make one metric with up to two labels. `name` must be unique. NULL without memory; ASSERTs on a
 * malformed or repeated name, a defect. */
struct met_metric *met_counter(struct met *met, const char *name, const char *help,
                               struct met_label a, struct met_label b);
struct met_metric *met_gauge(struct met *met, const char *name, const char *help,
                             struct met_label a, struct met_label b);
/* A gauge that is asked when the page is written; fn must be quick and thread-safe. */
struct met_metric *met_gauge_fn(struct met *met, const char *name, const char *help,
                                int64_t (*fn)(void *arg), void *arg);
/* A histogram of durations, written in seconds; buckets from 500 us to 30 s. Name ends in
 * "_seconds". */
struct met_metric *met_histogram(struct met *met, const char *name, const char *help,
                                 struct met_label a, struct met_label b);

/* a and b are indexes of label values; 0 where the metric has no such label. */
void met_add(struct met_metric *m, size_t a, size_t b, int64_t n);
void met_set(struct met_metric *m, size_t a, size_t b, int64_t v);
void met_observe_us(struct met_metric *m, size_t a, size_t b, int64_t us);
/* What a series of a counter or gauge holds now; for tests and health. */
int64_t met_value(const struct met_metric *m, size_t a, size_t b);

/* Appends the page; series that never counted are left out, except those without labels. */
void met_write(const struct met *met, struct buf *out);

#endif
