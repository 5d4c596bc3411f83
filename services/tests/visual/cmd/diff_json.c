/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/visual/cmd/diff_json.h"

static void
put_rect(struct buf *b, struct visual_rect r)
{
    buf_printf(b, "\"x\":%d,\"y\":%d,\"w\":%d,\"h\":%d", r.x, r.y, r.w, r.h);
}

static void
put_region(struct buf *b, const struct visual_region *r)
{
    buf_putz(b, "{");
    put_rect(b, r->box);
    buf_printf(b,
               ",\"pixels\":%llu,\"soft_pixels\":%llu,\"class\":\"%s\",\"ignored\":%s,"
               "\"delta_e\":{\"mean\":%.2f,\"max\":%.2f},\"ssim\":%.4f,\"fingerprint\":\"%016llx\"",
               (unsigned long long)r->pixels, (unsigned long long)r->soft_pixels,
               visual_class_name(r->kind), r->ignored ? "true" : "false", r->delta_mean,
               r->delta_max, r->ssim, (unsigned long long)r->fingerprint);
    if (r->kind == VISUAL_CLASS_MOVED) {
        buf_printf(b, ",\"dx\":%d,\"dy\":%d", r->dx, r->dy);
    }
    buf_putz(b, "}");
}

static void
put_rows(struct buf *b, const struct visual_result *r, bool inserted)
{
    bool first = true;

    buf_printf(b, ",\"%s\":[", inserted ? "inserted" : "deleted");
    for (size_t i = 0; i < r->rows_count; i++) {
        if (r->rows[i].inserted == inserted) {
            buf_printf(b, "%s{\"y\":%d,\"h\":%d}", first ? "" : ",", r->rows[i].y, r->rows[i].h);
            first = false;
        }
    }
    buf_putz(b, "]");
}

void
diff_put_json(struct buf *b, const struct visual_result *r)
{
    buf_printf(b,
               "{\"verdict\":\"%s\",\"diff_percentage\":%.6f,\"diff_pixels\":%llu,"
               "\"aa_pixels\":%llu,\"noise_pixels\":%llu,\"ignored_pixels\":%llu,"
               "\"canvas_pixels\":%llu,\"size\":{\"base\":[%u,%u],\"current\":[%u,%u]},"
               "\"score\":{\"ssim\":%.6f,\"ssim_picture\":%.6f,\"delta_e_max\":%.2f},"
               "\"shift\":{\"dx\":%d,\"dy\":%d}",
               visual_verdict_name(r->verdict), r->diff_percentage,
               (unsigned long long)r->diff_pixels, (unsigned long long)r->aa_pixels,
               (unsigned long long)r->noise_pixels, (unsigned long long)r->ignored_pixels,
               (unsigned long long)r->canvas_pixels, r->base.w, r->base.h, r->current.w,
               r->current.h, r->ssim, r->ssim_picture, r->delta_max, r->dx, r->dy);
    put_rows(b, r, true);
    put_rows(b, r, false);
    buf_putz(b, ",\"box\":{");
    put_rect(b, r->box);
    buf_putz(b, "},\"regions\":[");
    for (size_t i = 0; i < r->region_count; i++) {
        buf_putz(b, i == 0 ? "" : ",");
        put_region(b, &r->regions[i]);
    }
    buf_putz(b, "]}\n");
}
