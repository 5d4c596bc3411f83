/* SPDX-License-Identifier: Apache-2.0
 *
 * The comparison of two screenshots: what differs, whether a person must look at it, and a picture
 * of it. Inputs are the bytes of PNG (every form) or JPEG files; they are hostile until decoded.
 *
 *     struct visual *v = visual_new();
 *     struct visual_options options = VISUAL_OPTIONS_DEFAULT;
 *     struct visual_result result;
 *     struct visual_error error;
 *     if (visual_compare(v, base, current, &options, &result, &error) != RC_OK) ... error.text ...
 *     ... result, valid until the next call with v ...
 *     visual_free(v);
 *
 * A context keeps its buffers from call to call, which saves the page faults of tens of MiB.
 *
 * Threads: one call at a time per context; any number of contexts. A call may use a second thread
 *          of its own (options.threads). Blocks: only on the processor. No state outside contexts.
 * Results: depend on the two inputs and the options alone, not on the processor.
 *
 * Source: colour difference: CIE 142-2001 (CIEDE2000), Sharma et al. 2005; similarity: Wang et al.
 * 2004 (SSIM); files: PNG third edition, RFC 1950, RFC 1951. */
#ifndef ASSAY_TESTS_VISUAL_H
#define ASSAY_TESTS_VISUAL_H

#include "base/rc.h"
#include "base/str.h"

struct visual;

/* Pixels [x, x + w) by [y, y + h). May reach over the edge of a picture. */
struct visual_rect {
    int32_t x, y, w, h;
};

/* --- what a call may be told */

enum visual_output {
    VISUAL_OUTPUT_NONE,
    /* A palette PNG of the size of the larger canvas, to be laid over the current picture:
     * transparent where nothing counts, red what differs, amber what was taken for anti-aliasing or
     * noise, grey what was ignored. */
    VISUAL_OUTPUT_MASK,
    /* The current picture, pale and without colour, under the same red, amber and grey. */
    VISUAL_OUTPUT_PICTURE
};

#define VISUAL_PIXELS_MAX (UINT64_C(64) * 1000 * 1000)
#define VISUAL_BYTES_MAX (UINT64_C(64) * 1024 * 1024)
#define VISUAL_SIDE_MAX 65535
#define VISUAL_RECTS_MAX 1024
/* More regions than this are merged into their neighbours. */
#define VISUAL_REGIONS_MAX 1024

struct visual_options {
    /* A pixel differs when its CIEDE2000 distance is above this: 1 is just noticeable, 2 the
     * default, 0 exact (no byte may differ and nothing is taken for anti-aliasing). */
    double threshold;
    /* Groups of fewer touching differing pixels are noise; 1 counts every pixel. */
    uint32_t cluster_min;
    /* False: pixels at edges that moved by a fraction of a pixel count as well. */
    bool tolerate_antialias;
    /* False: no search for inserted rows or moved blocks; pixels are compared in place. */
    bool find_shifts;
    /* False: result.ssim and the regions' stay 1. */
    bool measure_ssim;
    enum visual_output output;
    /* Threads a call may use, 1 or 2; the second one decodes. */
    uint32_t threads;
    /* A picture with more pixels, or a file with more bytes, is refused before anything is taken
     * from the system for it. */
    uint64_t pixels_max;
    uint64_t bytes_max;
    /* What differs inside is counted as ignored. At most VISUAL_RECTS_MAX of each. */
    const struct visual_rect *ignore;
    size_t ignore_count;
    /* Confirmed dynamic regions (a clock, an advert). A region of change that matches one in two
     * dimensions (visual_rect_matches) is ignored whole; another one on the same rows is not. */
    const struct visual_rect *dynamic;
    size_t dynamic_count;
    /* True: without the vector unit; gives the same result. For tests. */
    bool plain;
};

#define VISUAL_OPTIONS_DEFAULT                                                                     \
    ((struct visual_options){.threshold = 2.0,                                                     \
                             .cluster_min = 2,                                                     \
                             .tolerate_antialias = true,                                           \
                             .find_shifts = true,                                                  \
                             .measure_ssim = true,                                                 \
                             .output = VISUAL_OUTPUT_MASK,                                         \
                             .threads = 1,                                                         \
                             .pixels_max = VISUAL_PIXELS_MAX,                                      \
                             .bytes_max = VISUAL_BYTES_MAX})

/* --- what it answers */

enum visual_verdict {
    VISUAL_SAME,           /* no pixel differs, or only ignored ones */
    VISUAL_ANTIALIAS_ONLY, /* what differs is edge smoothing, noise, or too little to see */
    VISUAL_DIFFERENT,      /* a person must look */
    VISUAL_SHIFTED         /* a person must look; but all that differs is content that moved, came
                              in between or went away */
};

enum visual_class {
    VISUAL_CLASS_CONTENT,  /* drawn anew */
    VISUAL_CLASS_RECOLOUR, /* all of it lighter, darker or of another colour */
    VISUAL_CLASS_ADDED,    /* where the baseline had a plain ground */
    VISUAL_CLASS_REMOVED,  /* where the current picture has a plain ground */
    VISUAL_CLASS_INSERTED, /* rows that came in between */
    VISUAL_CLASS_DELETED,  /* rows that went away; the box is where they stood in the baseline */
    VISUAL_CLASS_MOVED,    /* the same pixels, dx and dy further */
    VISUAL_CLASS_ANTIALIAS /* tolerated; such regions are not listed */
};

struct visual_region {
    struct visual_rect box; /* in the current picture, for DELETED in the baseline */
    uint64_t pixels;        /* differing ones in it */
    uint64_t soft_pixels;   /* differing ones in it taken for edge smoothing */
    enum visual_class kind;
    int32_t dx, dy; /* MOVED: how far */
    bool ignored;   /* matched a confirmed dynamic region: not counted, not reviewed */
    double delta_mean,
        delta_max; /* CIEDE2000 over its differing pixels; 0 for rows and moved blocks */
    double ssim;   /* mean over its windows of 8 x 8 pixels, at most 1; 1 when not measured */
    /* Of what the change looks like, wherever it stands: the same change on other pages has the
     * same. */
    uint64_t fingerprint;
};

/* Rows that came in between (y in the current picture) or went away (y in the baseline). */
struct visual_rows {
    int32_t y, h;
    bool inserted;
};

struct visual_size {
    uint32_t w, h;
};

struct visual_result {
    enum visual_verdict verdict;
    /* 100 * diff_pixels / canvas_pixels. */
    double diff_percentage;
    /* Pixels of the larger canvas: larger width by larger height. Where only one picture has a
     * pixel, it differs. */
    uint64_t canvas_pixels;
    /* Every pixel whose value is not the same falls in exactly one of these. */
    uint64_t diff_pixels;    /* differ in a way that counts */
    uint64_t aa_pixels;      /* edge smoothing: differ no more than the edge beside them allows */
    uint64_t noise_pixels;   /* below the threshold, or in a group below cluster_min */
    uint64_t ignored_pixels; /* in ignore rectangles and matched dynamic regions */
    struct visual_size base, current;
    const struct visual_region *regions; /* what counts or was ignored, most pixels first */
    size_t region_count;
    const struct visual_rows *rows; /* inserted and deleted ones, top down */
    size_t rows_count;
    int32_t dx, dy;      /* SHIFTED: how far the largest block moved */
    double ssim;         /* mean over the windows of 8 x 8 pixels with one that counts; 1: none */
    double ssim_picture; /* over all windows of the canvas; rows that only one has score 0 */
    double delta_max;    /* largest CIEDE2000 distance of pixels that count */
    struct visual_rect box; /* around all regions that count; w 0 when there is none */
    struct str picture;     /* PNG, when asked for and not SAME */
    bool identical_bytes;   /* the files are the same; nothing was decoded */
};

/* Why a call refused. `reason` is stable, `text` is a sentence for the client and names no path. */
struct visual_error {
    const char
        *reason; /* NOT_AN_IMAGE TRUNCATED CORRUPT TOO_LARGE UNSUPPORTED BAD_OPTION NO_MEMORY */
    int image;   /* 0: the baseline or the only one, 1: the current one, -1: neither */
    char text[160];
};

/* --- calls */

/* Returns NULL when the system has no memory. */
NODISCARD struct visual *visual_new(void);
/* Takes NULL. */
void visual_free(struct visual *v);
/* Gives buffers above `keep_bytes` back, e.g. after a giant among many small ones. */
void visual_trim(struct visual *v, size_t keep_bytes);

/* Compares `base` with `current`.
 * Ownership: the result points into `v` and dies with the next call.
 * Errors: INVALID_ARGUMENT: not an image, truncated, corrupt, of an unsupported kind, bad option;
 *         RESOURCE_EXHAUSTED: TOO_LARGE, NO_MEMORY. *out_error is written only then. */
NODISCARD enum rc visual_compare(struct visual *v, struct str base, struct str current,
                                 const struct visual_options *options,
                                 struct visual_result *out_result, struct visual_error *out_error);

enum visual_format { VISUAL_PNG, VISUAL_JPEG };

struct visual_info {
    enum visual_format format;
    uint32_t width, height;
    uint32_t depth; /* bits per sample */
    bool alpha;
    bool interlaced;
};

/* Reads kind and size from the head of a file and holds them against the limits of `options`. Takes
 * nothing from the system. A file that passes may still be corrupt further down.
 * Errors: as visual_compare. */
NODISCARD enum rc visual_probe(struct str bytes, const struct visual_options *options,
                               struct visual_info *out_info, struct visual_error *out_error);

#define VISUAL_HASH_LEN 32

/* SHA-256 of size and pixels as they are drawn, each row as what differs from the one above: the
 * same for two files, whatever their compression, depth or chunks, when every pixel is the same.
 * Decodes the whole file, so it is the full check of an upload as well. Errors: as visual_compare.
 */
NODISCARD enum rc visual_pixel_hash(struct visual *v, struct str bytes,
                                    const struct visual_options *options,
                                    unsigned char out_hash[VISUAL_HASH_LEN],
                                    struct visual_info *out_info, struct visual_error *out_error);

/* "same", "antialias-only", "different", "shifted". */
const char *visual_verdict_name(enum visual_verdict verdict);
/* "content", "recolour", "added", "removed", "inserted", "deleted", "moved", "antialias". */
const char *visual_class_name(enum visual_class kind);
/* True when a person must look: different or shifted. */
bool visual_needs_review(enum visual_verdict verdict);

/* --- what is known to change: pure functions over results */

#define VISUAL_MATCH_PX 10

/* True when a region of change is the dynamic region: its centre is within VISUAL_MATCH_PX of the
 * other's, or it lies inside it. */
bool visual_rect_matches(struct visual_rect region, struct visual_rect dynamic);

struct visual_coverage {
    double coverage; /* 0 to 1 */
    bool passes;
};

/* How much of a result's changed pixels lies in regions that match a confirmed one. Passes from
 * 0.90 on when the similarity `ssim` is at least 0.95. */
struct visual_coverage visual_match_dynamic(const struct visual_region *regions, size_t count,
                                            const struct visual_rect *dynamic, size_t dynamic_count,
                                            double ssim);

/* Rows [y1, y2) that changed in `frequency` (0 to 1) of the analysed builds. */
struct visual_band {
    int32_t y1, y2;
    double frequency;
};

/* What one past build saw of a screenshot: the rows of its regions, in any order, overlapping or
 * not. */
struct visual_history {
    const struct visual_band *changed; /* frequency is not read */
    size_t changed_count;
    bool approved;
};

enum visual_confidence {
    VISUAL_CONFIDENCE_NONE, /* "insufficient_data" */
    VISUAL_CONFIDENCE_LOW,
    VISUAL_CONFIDENCE_MEDIUM,
    VISUAL_CONFIDENCE_HIGH
};

#define VISUAL_HOTSPOT_BUILDS_MIN 3
#define VISUAL_HOTSPOT_FREQUENCY 0.7
#define VISUAL_HOTSPOT_BANDS_MAX 256

struct visual_hotspots {
    struct visual_band bands[VISUAL_HOTSPOT_BANDS_MAX];
    size_t band_count;
    size_t builds;
    enum visual_confidence confidence;
    /* 0 to 100: 40 for the number of builds (all of it from 10 on), 40 for the consistency, 20 for
     * history that was approved (10 when only some was). From 70 on high, from 40 on medium. */
    double score;
    /* 0 to 1: mean over the rows that ever changed of |2f - 1|, 1 when each changes always. */
    double consistency;
    const char *data_source; /* "approved", "mixed", "none" */
};

const char *visual_confidence_name(enum visual_confidence confidence);

/* Finds the bands of rows that changed in at least `frequency` of the builds. A band is cut where
 * the frequency changes by touching bands being joined: its frequency is the mean over its rows.
 * With fewer than VISUAL_HOTSPOT_BUILDS_MIN builds: no bands, no confidence. Errors:
 * RESOURCE_EXHAUSTED without memory. */
NODISCARD enum rc visual_find_hotspots(const struct visual_history *builds, size_t count,
                                       double frequency, struct visual_hotspots *out);

/* How many of the distinct rows that a result's regions touch lie in hotspot bands. Passes from
 * 0.80 on when the confidence is high. */
struct visual_coverage visual_match_hotspots(const struct visual_region *regions, size_t count,
                                             const struct visual_hotspots *hotspots);

#endif
