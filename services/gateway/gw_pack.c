/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gw_pack.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#include "gateway/gw.h"

#define LEVEL 1               /* the fastest: every list is packed anew */
#define GZIP_WINDOW (15 + 16) /* the largest window, with gzip's head and tail */
#define KEPT_MAX ((size_t)1024 * 1024)

/* What one thread keeps: deflateInit allocates 256 KiB, deflateReset nothing. */
struct packer {
    z_stream stream;
    struct buf out;
};

static pthread_key_t key;

static void
packer_free(void *arg)
{
    struct packer *p = arg;

    (void)deflateEnd(&p->stream);
    buf_fini(&p->out);
    free(p);
}

static void
make_key(void)
{
    ASSERT(pthread_key_create(&key, packer_free) == 0);
}

/* NULL without memory. */
static struct packer *
packer_of_thread(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, make_key);
    struct packer *p = pthread_getspecific(key);
    if (p != NULL) {
        return p;
    }
    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    buf_init(&p->out, SIZE_MAX);
    if (deflateInit2(&p->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(p);
        return NULL;
    }
    if (pthread_setspecific(key, p) != 0) {
        packer_free(p);
        return NULL;
    }
    return p;
}

/* "gzip;q=0" refuses; any other weight accepts. */
static bool
is_refused(struct str parameters)
{
    while (parameters.p != NULL) {
        struct str value = str_trim(str_split(&parameters, ';'));
        struct str name = str_trim(str_split(&value, '='));
        value = str_trim(value);
        if (str_ieq(name, STR("q"))) {
            size_t i = 0;
            while (i < value.n && (value.p[i] == '0' || value.p[i] == '.')) {
                i++;
            }
            return i == value.n;
        }
    }
    return false;
}

bool
gw_accepts_gzip(struct str list)
{
    bool any = false;

    while (list.p != NULL) {
        struct str item = str_trim(str_split(&list, ','));
        struct str coding = str_trim(str_split(&item, ';'));
        if (str_ieq(coding, STR("gzip")) || str_ieq(coding, STR("x-gzip"))) {
            return !is_refused(item); /* named: the wildcard does not count */
        }
        any = any || (str_eqz(coding, "*") && !is_refused(item));
    }
    return any;
}

static bool
has_secret(const struct pb_table *table)
{
    for (size_t i = 0; table != NULL && i < table->count; i++) {
        if (table->fields[i].flags & PB_SECRET) {
            return true;
        }
    }
    return false;
}

bool
gw_may_pack(const struct gw_req *r)
{
    return r->route->rate != GW_RATE_AUTH && r->route->process != SVC_AUTH &&
           !has_secret(r->route->resp);
}

bool
gw_pack(struct str body, struct str *out)
{
    if (body.n <= GW_PACK_MIN || body.n > UINT_MAX / 2) {
        return false;
    }
    struct packer *p = packer_of_thread();
    if (p == NULL || deflateReset(&p->stream) != Z_OK) {
        return false;
    }
    if (p->out.cap > KEPT_MAX) {
        buf_fini(&p->out);
    }
    buf_clear(&p->out);
    char *to =
        buf_room(&p->out, body.n); /* larger than the body is no gain: then it stays as it is */
    if (to == NULL) {
        return false;
    }
    p->stream.next_in = (const Bytef *)body.p;
    p->stream.avail_in = (uInt)body.n;
    p->stream.next_out = (Bytef *)to;
    p->stream.avail_out = (uInt)body.n;
    if (deflate(&p->stream, Z_FINISH) != Z_STREAM_END) {
        return false;
    }
    buf_added(&p->out, body.n - p->stream.avail_out);
    *out = buf_str(&p->out);
    return true;
}
