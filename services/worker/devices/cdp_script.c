/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

/* A part as it stands in the tree; the compiler runs in its root. */
#define PART(name) ".incbin \"services/worker/devices/page/" name "\"\n"

/* Each part uses what those before it gave. */
__asm__(".pushsection .rodata\n"
        ".hidden assay_cdp_script\n"
        ".global assay_cdp_script\n"
        "assay_cdp_script:\n"
        /* clang-format off */
        PART("page.js")
        PART("role.js")
        PART("name.js")
        PART("walk.js")
        PART("act.js")
        PART("text.js")
        /* clang-format on */
        ".byte 0\n"
        ".popsection\n");
extern const char assay_cdp_script[];

const char *
cdp_script(void)
{
    return assay_cdp_script;
}
