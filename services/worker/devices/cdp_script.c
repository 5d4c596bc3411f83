/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

/* The scripts as they stand in the tree; the compiler runs in its root. */
#define EMBED(symbol, path)                                                                        \
    __asm__(".pushsection .rodata\n"                                                               \
            ".hidden " #symbol "\n"                                                                \
            ".global " #symbol "\n" #symbol ":\n"                                                  \
            ".incbin \"" path "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const char symbol[]

EMBED(assay_cdp_walk_js, "services/worker/devices/walk.js");
EMBED(assay_cdp_act_js, "services/worker/devices/act.js");

const char *
cdp_script_walk(void)
{
    return assay_cdp_walk_js;
}

const char *
cdp_script_act(void)
{
    return assay_cdp_act_js;
}
