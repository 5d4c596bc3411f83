/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest of pixels. In a file of its own: it alone needs lib/sec. */
#include <string.h>

#include "sec/hash.h"
#include "tests/visual/vis_cmp.h"

static struct str
row_bytes_of(const uint32_t *line, uint32_t w)
{
    return str_n((const char *)line, (size_t)w * 4);
}

static enum rc
hash_rows(struct visual *v, struct vis_image *im, unsigned char out[VISUAL_HASH_LEN],
          struct visual_error *e)
{
    struct hash_stream *h = hash_stream_new();
    uint32_t size[2] = {im->w, im->h};

    if (h == NULL || !vis_buf_need(&v->ring_buf, (size_t)im->w * 4 + 64)) {
        hash_stream_free(h);
        return vis_refuse(e, 0, "NO_MEMORY", "not enough memory");
    }
    hash_stream_add(h, str_n((const char *)size, sizeof(size)));
    for (uint32_t y = 0; y < im->h; y++) {
        uint32_t *line = (uint32_t *)(void *)v->ring_buf.p;
        vis_ready(im, v->ops, y);
        vis_expand(line, im, vis_row(im, y), v->ops);
        hash_stream_add(h, row_bytes_of(line, im->w));
    }
    hash_stream_end(h, out);
    return RC_OK;
}

enum rc
visual_pixel_hash(struct visual *v, struct str bytes, const struct visual_options *options,
                  unsigned char out_hash[VISUAL_HASH_LEN], struct visual_info *out_info,
                  struct visual_error *out_error)
{
    struct visual_info info = {0};
    enum rc rc = visual_probe(bytes, options, &info, out_error);

    v->ops = vis_ops_get(options->plain);
    rc = rc == RC_OK ? vis_decode(&v->image[0], bytes, options, 0, out_error) : rc;
    rc = rc == RC_OK ? hash_rows(v, &v->image[0], out_hash, out_error) : rc;
    if (rc == RC_OK) {
        *out_info = info;
    }
    return rc;
}
