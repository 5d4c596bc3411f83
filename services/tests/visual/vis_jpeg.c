/* SPDX-License-Identifier: Apache-2.0
 *
 * JPEG, by libturbojpeg, into rows that look like unfiltered PNG ones. What the library only warns
 * of (a file that ends early, say) is an error here: half a picture must not become a verdict. */
#include <string.h>
#include <turbojpeg.h>

#include "tests/visual/vis_int.h"

bool
vis_is_jpeg(struct str bytes)
{
    return bytes.n >= 3 && memcmp(bytes.p, "\xff\xd8\xff", 3) == 0;
}

static enum rc
refuse_jpeg(tjhandle tj, int which, struct visual_error *e)
{
    const char *why = tj == NULL ? "not enough memory" : tjGetErrorStr2(tj);

    if (strstr(why, "remature end") != NULL) {
        return vis_refuse(e, which, "TRUNCATED", "the JPEG file ends too early");
    }
    if (strstr(why, "nsupported") != NULL) {
        return vis_refuse(e, which, "UNSUPPORTED", "JPEG of an unsupported kind");
    }
    return vis_refuse(e, which, "CORRUPT", "the JPEG file is corrupt: %.100s", why);
}

static enum rc
read_header(tjhandle tj, struct str bytes, const struct visual_options *options, int which,
            struct visual_info *out, struct visual_error *e)
{
    int w = 0;
    int h = 0;
    int sampling = 0;
    int space = 0;

    if (tj == NULL || tjDecompressHeader3(tj, (const unsigned char *)bytes.p, bytes.n, &w, &h,
                                          &sampling, &space) != 0) {
        return refuse_jpeg(tj, which, e);
    }
    if (space == TJCS_CMYK || space == TJCS_YCCK) {
        return vis_refuse(e, which, "UNSUPPORTED", "JPEG in four printing colours");
    }
    if (w <= 0 || h <= 0) {
        return vis_refuse(e, which, "CORRUPT", "the JPEG file is corrupt: header");
    }
    *out = (struct visual_info){VISUAL_JPEG, (uint32_t)w, (uint32_t)h, 8, false, false};
    return vis_check_size((uint64_t)w, (uint64_t)h, options, which, e);
}

enum rc
vis_jpeg_probe(struct str bytes, const struct visual_options *options, int which,
               struct visual_info *out, struct visual_error *e)
{
    struct visual_info info = {0};
    tjhandle tj = tjInitDecompress();
    enum rc rc = read_header(tj, bytes, options, which, &info, e);

    if (tj != NULL) {
        (void)tjDestroy(tj);
    }
    if (rc == RC_OK) {
        *out = info;
    }
    return rc;
}

static enum rc
decode_pixels(tjhandle tj, struct vis_image *im, struct str bytes, int which,
              struct visual_error *e)
{
    if (!vis_buf_need_filled(&im->raw_buf, im->stride * im->h) ||
        !vis_buf_need(&im->ready_buf, im->h)) {
        return vis_refuse(e, which, "NO_MEMORY", "not enough memory");
    }
    im->raw = im->raw_buf.p;
    im->ready = im->ready_buf.p;
    memset(im->ready, 1, im->h);
    if (tjDecompress2(tj, (const unsigned char *)bytes.p, bytes.n, im->raw + 1, (int)im->w,
                      (int)im->stride, (int)im->h, TJPF_RGB,
                      TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0) {
        return refuse_jpeg(tj, which, e);
    }
    return RC_OK;
}

enum rc
vis_jpeg_decode(struct vis_image *im, struct str bytes, const struct visual_options *options,
                int which, struct visual_error *e)
{
    struct visual_info info = {0};
    tjhandle tj = tjInitDecompress();
    enum rc rc = read_header(tj, bytes, options, which, &info, e);

    if (rc == RC_OK) {
        im->w = info.width;
        im->h = info.height;
        im->depth = 8;
        im->colour = VIS_RGB;
        vis_layout(im);
        rc = decode_pixels(tj, im, bytes, which, e);
    }
    if (tj != NULL) {
        (void)tjDestroy(tj);
    }
    return rc;
}
