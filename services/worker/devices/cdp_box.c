/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_browser.h"

#include <stdlib.h>

#include "base/cond.h"

void
cdp_box_init(struct cdp_box *box)
{

    *box = (struct cdp_box){.slot = -1};
    box->tail = &box->head;
    pthread_mutex_init(&box->lock, NULL);
    cond_init(&box->wake);
}

static void
drop_all(struct cdp_box *box)
{
    while (box->head != NULL) {
        struct cdp_msg *m = box->head;
        box->head = m->next;
        free(m);
    }
    box->tail = &box->head;
    box->count = 0;
    box->bytes = 0;
}

void
cdp_box_clear(struct cdp_box *box)
{
    pthread_mutex_lock(&box->lock);
    drop_all(box);
    box->gone = false;
    box->context[0] = '\0';
    pthread_mutex_unlock(&box->lock);
}

void
cdp_box_fini(struct cdp_box *box)
{
    drop_all(box);
    pthread_cond_destroy(&box->wake);
    pthread_mutex_destroy(&box->lock);
}

static struct cdp_msg *
take(struct cdp_box *box)
{
    struct cdp_msg *m = box->head;

    box->head = m->next;
    if (box->head == NULL) {
        box->tail = &box->head;
    }
    box->count--;
    box->bytes -= m->n;
    return m;
}

enum cdp_pop
cdp_box_pop(struct cdp_box *box, int64_t until_us, struct cdp_msg **out)
{
    enum cdp_pop what = CDP_POP_MSG;
    bool in_time = true;

    pthread_mutex_lock(&box->lock);
    while (!box->aborted && box->head == NULL && !box->gone && in_time) {
        in_time = cond_wait_until(&box->wake, &box->lock, until_us);
    }
    if (box->aborted) {
        box->aborted = false;
        what = CDP_POP_ABORTED;
    } else if (box->head != NULL) {
        *out = take(box);
    } else {
        what = box->gone ? CDP_POP_GONE : CDP_POP_TIME;
    }
    pthread_mutex_unlock(&box->lock);
    return what;
}

void
cdp_box_abort(struct cdp_box *box)
{
    pthread_mutex_lock(&box->lock);
    box->aborted = true;
    pthread_cond_broadcast(&box->wake);
    pthread_mutex_unlock(&box->lock);
}
