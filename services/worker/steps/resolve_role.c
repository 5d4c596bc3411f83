/* SPDX-License-Identifier: Apache-2.0
 *
 * What an element is: its kind, what can be done with it, where it stands in the tree. */
#include <string.h>

#include "worker/steps/resolve_parts.h"

/* --- roles */

struct kin {
    const char *role;
    uint64_t fits;  /* bit per enum elem_role */
    uint64_t loose; /* looks like one on many pages */
};

#define BIT(r) (UINT64_C(1) << (r))

static const struct kin KIN[] = {
    {"button", BIT(ELEM_BUTTON),
     BIT(ELEM_LINK) | BIT(ELEM_MENUITEM) | BIT(ELEM_TAB) | BIT(ELEM_SWITCH) | BIT(ELEM_OPTION) |
         BIT(ELEM_COMBOBOX)},
    {"link", BIT(ELEM_LINK), BIT(ELEM_BUTTON) | BIT(ELEM_MENUITEM) | BIT(ELEM_TAB)},
    {"textbox", BIT(ELEM_TEXTBOX) | BIT(ELEM_SPINBUTTON) | BIT(ELEM_DATE),
     BIT(ELEM_COMBOBOX) | BIT(ELEM_FILE)},
    {"spinbutton", BIT(ELEM_SPINBUTTON), BIT(ELEM_TEXTBOX)},
    {"combobox", BIT(ELEM_COMBOBOX) | BIT(ELEM_LISTBOX), BIT(ELEM_BUTTON) | BIT(ELEM_TEXTBOX)},
    {"listbox", BIT(ELEM_LISTBOX) | BIT(ELEM_COMBOBOX), 0},
    {"checkbox", BIT(ELEM_CHECKBOX) | BIT(ELEM_SWITCH), BIT(ELEM_RADIO)},
    {"switch", BIT(ELEM_SWITCH) | BIT(ELEM_CHECKBOX), BIT(ELEM_BUTTON)},
    {"radio", BIT(ELEM_RADIO), BIT(ELEM_CHECKBOX) | BIT(ELEM_BUTTON)},
    {"tab", BIT(ELEM_TAB), BIT(ELEM_LINK) | BIT(ELEM_BUTTON)},
    {"menuitem", BIT(ELEM_MENUITEM), BIT(ELEM_LINK) | BIT(ELEM_BUTTON) | BIT(ELEM_OPTION)},
    {"menu", BIT(ELEM_MENU), BIT(ELEM_NAVIGATION) | BIT(ELEM_BUTTON)},
    {"img", BIT(ELEM_IMAGE), 0},
    {"heading", BIT(ELEM_HEADING), 0},
    {"slider", BIT(ELEM_SLIDER), 0},
    {"dialog", BIT(ELEM_DIALOG), 0},
    {"row", BIT(ELEM_ROW), BIT(ELEM_LISTITEM)},
    {"table", BIT(ELEM_TABLE), 0},
    {"list", BIT(ELEM_LIST) | BIT(ELEM_LISTBOX), BIT(ELEM_TABLE)},
    {"listitem", BIT(ELEM_LISTITEM), BIT(ELEM_OPTION)},
    {"form", BIT(ELEM_FORM), BIT(ELEM_REGION)},
    {"option", BIT(ELEM_OPTION), BIT(ELEM_MENUITEM)},
};

bool
elem_role_fits(const struct elem *e, const char *role, bool *out_loose)
{
    for (size_t i = 0; i < ARRAY_LEN(KIN); i++) {
        if (strcmp(KIN[i].role, role) == 0) {
            *out_loose = (KIN[i].fits & BIT(e->role)) == 0;
            return ((KIN[i].fits | KIN[i].loose) & BIT(e->role)) != 0;
        }
    }
    *out_loose = false;
    return strcmp(elem_role_name(e->role), role) == 0;
}

static const uint64_t FIELDS =
    BIT(ELEM_TEXTBOX) | BIT(ELEM_SPINBUTTON) | BIT(ELEM_DATE) | BIT(ELEM_SLIDER);
static const uint64_t LISTS = BIT(ELEM_COMBOBOX) | BIT(ELEM_LISTBOX);
static const uint64_t BOXES = BIT(ELEM_CHECKBOX) | BIT(ELEM_RADIO) | BIT(ELEM_SWITCH);

bool
elem_takes_value(const struct elem *e)
{
    return ((FIELDS | LISTS | BOXES) & BIT(e->role)) != 0;
}

bool
elem_use_fits(const struct elem *e, enum resolve_use use)
{
    switch (use) {
    case RESOLVE_TYPE:
        return (FIELDS & BIT(e->role)) != 0 || (e->flags & ELEM_EDITABLE) != 0;
    case RESOLVE_SELECT:
        return (LISTS & BIT(e->role)) != 0;
    case RESOLVE_CHECK:
        return (BOXES & BIT(e->role)) != 0;
    case RESOLVE_FILE:
        return e->role == ELEM_FILE;
    default:
        return true;
    }
}

/* --- the tree */

bool
elem_inside(const struct snapshot *snap, const struct elem *e, const struct elem *ancestor)
{
    size_t left = snap->count;
    for (const struct elem *at = e; at != NULL && left-- > 0;
         at = at->parent >= 0 ? &snap->elems[at->parent] : NULL) {
        if (at == ancestor) {
            return true;
        }
    }
    return false;
}

const struct elem *
elem_parent(const struct snapshot *snap, const struct elem *e)
{
    return e->parent >= 0 && (size_t)e->parent < snap->count ? &snap->elems[e->parent] : NULL;
}

struct str
elem_caption(const struct elem *e)
{
    const struct str *const ALL[] = {&e->name,        &e->label, &e->text,
                                     &e->placeholder, &e->title, &e->value};
    for (size_t i = 0; i < ARRAY_LEN(ALL); i++) {
        if (ALL[i]->n > 0) {
            return *ALL[i];
        }
    }
    return STR_EMPTY;
}

bool
elem_is_visible(const struct elem *e)
{
    return (e->flags & ELEM_VISIBLE) != 0;
}

/* The button a text stands in: what a finger would hit. */
const struct elem *
elem_clickable_around(const struct snapshot *snap, const struct elem *e)
{
    int hops = 0;
    for (const struct elem *at = e; at != NULL && hops < 6; at = elem_parent(snap, at), hops++) {
        if ((at->flags & ELEM_CLICKABLE) != 0) {
            return at;
        }
    }
    return NULL;
}

/* Containers are places, not things to act on. */
bool
elem_is_container(const struct elem *e)
{
    static const uint64_t PLACES = BIT(ELEM_LIST) | BIT(ELEM_TABLE) | BIT(ELEM_FORM) |
                                   BIT(ELEM_REGION) | BIT(ELEM_NAVIGATION) | BIT(ELEM_BANNER) |
                                   BIT(ELEM_CONTENTINFO) | BIT(ELEM_DIALOG) | BIT(ELEM_MENU) |
                                   BIT(ELEM_FRAME);
    return (PLACES & BIT(e->role)) != 0;
}
