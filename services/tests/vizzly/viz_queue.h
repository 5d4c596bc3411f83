/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of pairs: a few are claimed for the time of a lease, compared, and their results
 * written with everything that follows from them in one transaction. Who dies loses its claim, not
 * the pair; who comes back too late changes nothing (fence). */
#ifndef ASSAY_TESTS_VIZ_QUEUE_H
#define ASSAY_TESTS_VIZ_QUEUE_H

#include "tests/vizzly/viz.h"

/* A pair that is claimed so often and never finished breaks whoever compares it: it fails. */
#define VIZ_ATTEMPTS_MAX 4

/* One round (svc_loop); `state` is struct tests. True: there may be more. */
bool viz_compare_some(void *state, struct ctx *ctx);

#endif
