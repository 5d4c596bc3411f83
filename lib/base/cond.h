/* SPDX-License-Identifier: Apache-2.0
 *
 * Condition variables whose waits end by the monotonic clock: nobody waits longer because somebody
 * set the time of day. */
#ifndef ASSAY_BASE_COND_H
#define ASSAY_BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Initializes; pthread_cond_destroy ends it. */
void cond_init(pthread_cond_t *cond);
/* Waits, with `lock` held, until it is signalled or clk_mono_us() reaches `until_us`. False: the
 * time has come. As with pthread_cond_wait, it may also return true for no reason. */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us);

#endif
