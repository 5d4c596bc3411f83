/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* Beside the caller. More gained nothing on the disks that were tried. */
#define HELPERS_MAX 3
/* A thread is worth its start when it has as many to wait for. */
#define EACH_MIN 2

struct syncing {
    const struct blob_sync *items;
    size_t n;
    atomic_size_t next;
    atomic_int error;
};

static int
sync_one(const struct blob_sync *item)
{
    int fd = item->fd >= 0 ? item->fd : open(item->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd >= 0 && fsync(fd) == 0 ? 0 : errno;

    if (fd >= 0 && fd != item->fd) {
        (void)close(fd);
    }
    return error;
}

/* After a failure the rest need not be waited for. */
static void *
sync_some(void *arg)
{
    struct syncing *s = arg;
    size_t i = 0;

    while (atomic_load(&s->error) == 0 && (i = atomic_fetch_add(&s->next, 1)) < s->n) {
        int error = sync_one(&s->items[i]);
        if (error != 0) {
            atomic_store(&s->error, error);
        }
    }
    return NULL;
}

int
blob_sync_all(const struct blob_sync *items, size_t n)
{
    struct syncing s = {.items = items, .n = n};
    pthread_t helpers[HELPERS_MAX];
    size_t started = 0;

    while (started < HELPERS_MAX && (started + 2) * EACH_MIN <= n &&
           pthread_create(&helpers[started], NULL, sync_some, &s) == 0) {
        started++;
    }
    (void)sync_some(&s);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(helpers[i], NULL);
    }
    return atomic_load(&s.error);
}
