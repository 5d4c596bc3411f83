/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cond.h"

#include <time.h>

#include "base/macros.h"

void
cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

bool
cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us)
{
    struct timespec at = {.tv_sec = (time_t)(until_us / ASSAY_US_PER_S),
                          .tv_nsec = (long)(until_us % ASSAY_US_PER_S) * 1000};

    return pthread_cond_timedwait(cond, lock, &at) == 0;
}
