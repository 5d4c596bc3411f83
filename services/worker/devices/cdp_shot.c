/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/hash.h"
#include "worker/devices/cdp_internal.h"

#define TRIES 20
#define SHOT_US (5 * ASSAY_US_PER_S)
#define BEHIND_DIALOG_US (700 * ASSAY_US_PER_MS)

static struct str
params(struct ctx *ctx, enum device_image format, int quality)
{
    if (format == DEVICE_PNG) {
        return STR("{\"format\":\"png\",\"optimizeForSpeed\":true}");
    }
    return arena_printf(ctx->arena,
                        "{\"format\":\"jpeg\",\"quality\":%d,\"optimizeForSpeed\":true}",
                        quality > 0 && quality <= 100 ? quality : 80);
}

/* The data of an answer, without a tree over what may be megabytes. */
static enum rc
picture(struct ctx *ctx, const struct cdp_msg *m, struct str *out)
{
    static const struct str mark = STR_INIT("\"data\":\"");
    struct str text = str_n(m->text, m->n);
    ptrdiff_t at = str_find(text, mark);

    if (at < 0) {
        return RC_ABORTED; /* "Unable to capture screenshot", or the target changed its process */
    }
    struct str data = str_sub(text, (size_t)at + mark.n, text.n);
    data = str_split(&data, '"');
    if (data.n == 0) {
        return RC_ABORTED;
    }
    if (hash_b64_decode(ctx->arena, data, out) != RC_OK) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "TOO_LARGE", "the screenshot does not fit");
    }
    return RC_OK;
}

/* One try. ABORTED: take it again. A navigation that commits under it may leave it without an
 * answer for ever, so it is a reason to ask anew. */
static enum rc
try_once(struct cdp_device *d, struct ctx *ctx, struct str how, struct str *out)
{
    struct cdp_session *tab = cdp_tab(d);
    struct cdp_wait w = {0};

    cdp_ask(d, &w, tab, "Page.captureScreenshot", how);
    enum rc rc = cdp_await(d, ctx, &w, CDP_STOP_NAVIGATED | (tab->dialog ? 0 : CDP_STOP_DIALOG),
                           tab->dialog ? BEHIND_DIALOG_US : SHOT_US);
    if (rc == RC_OK && w.end == CDP_EXPIRED) {
        rc = tab->dialog ? cdp_no_dialog(d, ctx) : RC_ABORTED;
    } else if (rc == RC_OK && w.end != CDP_ANSWERED) {
        rc = RC_ABORTED;
    } else if (rc == RC_OK) {
        rc = picture(ctx, w.answers[0], out);
    }
    cdp_wait_fini(&w);
    return rc;
}

enum rc
cdp_screenshot(struct device *base, struct ctx *ctx, enum device_image format, int quality,
               struct str *out)
{
    struct cdp_device *d = cdp_of(base);
    struct str how = params(ctx, format, quality);
    enum rc rc = RC_ABORTED;

    for (int i = 0; rc == RC_ABORTED && i < TRIES; i++) {
        rc = cdp_require(d, ctx);
        if (rc == RC_OK && i > 0 && !cdp_tab(d)->dialog) {
            rc = cdp_settle(base, ctx, SHOT_US);
            if (rc == RC_FAILED_PRECONDITION) {
                ctx_recover(ctx);
                rc = RC_OK;
            }
        }
        if (rc == RC_OK) {
            rc = try_once(d, ctx, how, out);
        }
    }
    return rc == RC_ABORTED && ctx->err.code == RC_OK ? cdp_hangs(ctx) : rc;
}

enum rc
cdp_still(struct device *base, struct ctx *ctx, bool still)
{
    struct cdp_device *d = cdp_of(base);
    struct str said = STR_EMPTY;
    enum rc rc = cdp_require(d, ctx);

    if (rc != RC_OK || cdp_tab(d)->dialog) {
        return rc; /* behind a dialog nothing moves */
    }
    rc =
        cdp_eval(d, ctx, cdp_tab(d), still ? STR("__assay.still()") : STR("__assay.goOn()"), &said);
    return rc == RC_ABORTED ? cdp_drain(d, ctx) : rc; /* a new document has nothing to stop yet */
}
