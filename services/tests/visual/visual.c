/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of the steps. */
#include "tests/visual/visual.h"

#include <string.h>

#include "tests/visual/vis_cmp.h"

/* --- options */

static bool
are_rects_sane(const struct visual_rect *rects, size_t count)
{
    if (count > VISUAL_RECTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (rects[i].w < 0 || rects[i].h < 0) {
            return false;
        }
    }
    return true;
}

static enum rc
check_options(const struct visual_options *o, struct visual_error *e)
{
    if (!(o->threshold >= 0 && o->threshold <= 100)) {
        return vis_refuse(e, -1, "BAD_OPTION", "threshold must be 0 to 100");
    }
    if (o->threads < 1 || o->threads > 2) {
        return vis_refuse(e, -1, "BAD_OPTION", "threads must be 1 or 2");
    }
    if (!are_rects_sane(o->ignore, o->ignore_count) ||
        !are_rects_sane(o->dynamic, o->dynamic_count)) {
        return vis_refuse(e, -1, "BAD_OPTION",
                          "at most %d rectangles, with width and height of 0 or more",
                          VISUAL_RECTS_MAX);
    }
    return RC_OK;
}

/* --- steps */

/* Distances looked up before hold for the threshold they were found with. */
static void
prepare_cache(struct visual *v)
{
    if (v->linear.of[255] == 0) {
        vis_linear_init(&v->linear);
    }
    if (v->threshold_cached != v->options->threshold) {
        memset(v->cache, 0, VIS_CACHE_BYTES);
        v->threshold_cached = v->options->threshold;
    }
}

static bool
prepare(struct visual *v)
{
    const struct vis_image *a = &v->image[0];
    const struct vis_image *b = &v->image[1];

    v->w = a->w > b->w ? a->w : b->w;
    v->h = a->h > b->h ? a->h : b->h;
    v->common_w = a->w < b->w ? a->w : b->w;
    v->common_h = a->h < b->h ? a->h : b->h;
    v->cell_w = (v->w + VIS_CELL - 1) / VIS_CELL;
    v->cell_h = (v->h + VIS_CELL - 1) / VIS_CELL;
    v->code_stride = ((size_t)v->w + 1) / 2;
    if (!vis_buf_need(&v->equal_buf, v->h) || !vis_buf_need(&v->touched_buf, v->h) ||
        !vis_buf_need(&v->cells_touched_buf, v->cell_h) ||
        !vis_buf_need(&v->pair_buf, (size_t)v->h * 4) ||
        !vis_buf_need(&v->repeat_buf, (size_t)v->h * 3) ||
        !vis_buf_need(&v->class_buf, (size_t)v->w + 64) ||
        !vis_buf_need(&v->ring_buf, vis_ring_bytes(v)) ||
        !vis_buf_need(&v->region_buf, VISUAL_REGIONS_MAX * sizeof(*v->regions))) {
        return false;
    }
    prepare_cache(v);
    vis_lay_ring(v, v->ring_buf.p);
    v->class = v->class_buf.p;
    v->regions = (struct visual_region *)(void *)v->region_buf.p;
    v->repeats = v->repeat_buf.p;
    v->is_above[0] = v->repeats + v->h;
    v->is_above[1] = v->is_above[0] + v->h;
    memset(v->repeats, 0, (size_t)v->h * 3);
    v->equal = v->equal_buf.p;
    v->touched = v->touched_buf.p;
    v->pair = (uint32_t *)(void *)v->pair_buf.p;
    memset(v->touched, 0, v->h);
    v->cells_touched = v->cells_touched_buf.p;
    memset(v->cells_touched, 0, v->cell_h);
    v->is_tolerant = v->options->tolerate_antialias && v->options->threshold > 0;
    v->group_count = 0;
    v->region_count = 0;
    v->rows_count = 0;
    return true;
}

static void
pair_in_place(struct visual *v)
{
    for (uint32_t y = 0; y < v->h; y++) {
        v->pair[y] = y >= v->common_h ? VIS_NO_ROW : v->equal[y] ? y | VIS_PAIR_SAME : y;
    }
}

/* What is kept of pixels and cells. Where most rows differ it will be filled. */
static bool
prepare_codes(struct visual *v)
{
    size_t code = v->code_stride * v->h;
    size_t cells = (size_t)v->cell_w * v->cell_h * sizeof(struct vis_cell);
    uint32_t same = 0;

    for (uint32_t y = 0; y < v->h; y++) {
        same += v->pair[y] != VIS_NO_ROW && (v->pair[y] & VIS_PAIR_SAME) != 0;
    }
    bool (*need)(struct vis_buf *, size_t) = same < v->h / 2 ? vis_buf_need_filled : vis_buf_need;
    if (!need(&v->code_buf, code) || !need(&v->cell_buf, cells)) {
        return false;
    }
    v->code = v->code_buf.p;
    v->cells = (struct vis_cell *)(void *)v->cell_buf.p;
    return true;
}

static void
begin_result(struct visual *v)
{
    v->result = (struct visual_result){
        .verdict = VISUAL_SAME,
        .base = {v->image[0].w, v->image[0].h},
        .current = {v->image[1].w, v->image[1].h},
        .canvas_pixels = (uint64_t)v->w * v->h,
        .ssim = 1,
        .ssim_picture = 1,
    };
}

static bool
compare_pixels(struct visual *v)
{
    if (!prepare(v)) {
        return false;
    }
    begin_result(v);
    vis_find_equal_rows(v);
    pair_in_place(v);
    if (!vis_align(v) || !prepare_codes(v)) {
        return false;
    }
    vis_classify_pairs(v);
    vis_list_rows(v);
    if (!vis_find_regions(v)) {
        return false;
    }
    if (!vis_judge_things(v)) {
        return false;
    }
    vis_judge_together(v);
    vis_ignore_dynamic(v);
    vis_find_moves(v);
    if (!vis_measure_ssim(v)) {
        return false;
    }
    vis_list_regions(v);
    vis_verdict(v);
    return v->options->output == VISUAL_OUTPUT_NONE || v->result.verdict == VISUAL_SAME ||
           vis_write_picture(v);
}

static enum rc
same_bytes(struct visual *v, struct str bytes, struct visual_error *e)
{
    struct visual_info info = {0};
    enum rc rc = visual_probe(bytes, v->options, &info, e);

    if (rc == RC_OK) {
        v->result = (struct visual_result){
            .verdict = VISUAL_SAME,
            .base = {info.width, info.height},
            .current = {info.width, info.height},
            .canvas_pixels = (uint64_t)info.width * info.height,
            .ssim = 1,
            .ssim_picture = 1,
            .identical_bytes = true,
        };
    }
    return rc;
}

/* --- two threads */

struct job {
    struct visual *v;
    int which;
    struct str bytes;
    enum rc rc;
    struct visual_error error;
};

static void
decode_one(void *arg)
{
    struct job *job = arg;

    job->rc = vis_decode(&job->v->image[job->which], job->bytes, job->v->options, job->which,
                         &job->error);
}

static enum rc
decode_both(struct job jobs[2], struct visual_error *e)
{
    struct visual *v = jobs[0].v;

    struct str files[2] = {jobs[0].bytes, jobs[1].bytes};

    if (!vis_lend_space(v, files)) {
        return vis_refuse(e, -1, "NO_MEMORY", "not enough memory");
    }
    vis_run_both(vis_is_worth_thread(v, (uint64_t)v->w * v->h), decode_one, &jobs[0], &jobs[1]);
    for (int i = 0; i < 2; i++) {
        if (jobs[i].rc != RC_OK) {
            *e = jobs[i].error;
            return jobs[i].rc;
        }
    }
    /* Files of two encoders: no row can be compared as it is stored. */
    v->all_ready = false;
    if (!vis_is_stored_alike(&v->image[0], &v->image[1])) {
        vis_ready_both(v);
    }
    return RC_OK;
}

enum rc
visual_compare(struct visual *v, struct str base, struct str current,
               const struct visual_options *options, struct visual_result *out_result,
               struct visual_error *out_error)
{
    struct job jobs[2] = {{.v = v, .which = 0, .bytes = base},
                          {.v = v, .which = 1, .bytes = current}};
    enum rc rc = check_options(options, out_error);

    if (rc != RC_OK) {
        return rc;
    }
    v->options = options;
    v->ops = vis_ops_get(options->plain);
    if (str_eq(base, current)) {
        rc = same_bytes(v, base, out_error);
    } else {
        v->is_lossy = vis_is_jpeg(base) || vis_is_jpeg(current);
        rc = decode_both(jobs, out_error);
        if (rc == RC_OK && !compare_pixels(v)) {
            rc = vis_refuse(out_error, -1, "NO_MEMORY", "not enough memory");
        }
    }
    if (rc == RC_OK) {
        *out_result = v->result;
    }
    return rc;
}

const char *
visual_verdict_name(enum visual_verdict verdict)
{
    static const char *const names[] = {"same", "antialias-only", "different", "shifted"};

    return names[verdict];
}

const char *
visual_class_name(enum visual_class kind)
{
    static const char *const names[] = {"content",  "recolour", "added", "removed",
                                        "inserted", "deleted",  "moved", "antialias"};

    return names[kind];
}

bool
visual_needs_review(enum visual_verdict verdict)
{
    return verdict == VISUAL_DIFFERENT || verdict == VISUAL_SHIFTED;
}
