/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device shows at one moment: the elements a person could use or read, in reading order,
 * with what they are called. A driver fills it (cdp from one walk of the page, webdriver from the
 * page source); the resolver reads it. Everything in it comes from the application under test: it
 * is data, never instructions.
 *
 * Ownership: lives in the arena it was observed into; refs die with the next navigation.
 * Units: boxes are CSS pixels of the viewport (may lie outside of it when scrolled away). */
#ifndef ASSAY_WORKER_SNAPSHOT_H
#define ASSAY_WORKER_SNAPSHOT_H

#include "base/arena.h"

enum elem_role {
    ELEM_OTHER = 0, /* generic container with text of its own */
    ELEM_TEXT,      /* a run of visible text */
    ELEM_BUTTON,
    ELEM_LINK,
    ELEM_TEXTBOX, /* also searchbox, password, email, multi-line, contenteditable */
    ELEM_SPINBUTTON,
    ELEM_SLIDER,
    ELEM_CHECKBOX,
    ELEM_RADIO,
    ELEM_SWITCH,
    ELEM_COMBOBOX, /* select, or an ARIA combobox */
    ELEM_LISTBOX,
    ELEM_OPTION,
    ELEM_TAB,
    ELEM_MENU,
    ELEM_MENUITEM,
    ELEM_HEADING,
    ELEM_IMAGE,
    ELEM_FILE, /* input type=file */
    ELEM_DATE, /* date, time, month, week inputs */
    ELEM_LIST,
    ELEM_LISTITEM,
    ELEM_TABLE,
    ELEM_ROW,
    ELEM_CELL,
    ELEM_COLUMNHEADER,
    ELEM_DIALOG,
    ELEM_ALERT, /* alert, status, log: toasts and messages */
    ELEM_FORM,
    ELEM_NAVIGATION,
    ELEM_BANNER,      /* header of the page */
    ELEM_CONTENTINFO, /* footer of the page */
    ELEM_REGION,      /* section, article, main, complementary, fieldset: named areas */
    ELEM_PROGRESS,
    ELEM_FRAME,
    ELEM_ROLE_COUNT
};

enum elem_flag {
    ELEM_VISIBLE = 1 << 0, /* rendered with a size; may still be scrolled out of view */
    ELEM_IN_VIEW = 1 << 1, /* at least partly inside the viewport */
    ELEM_ENABLED = 1 << 2,
    ELEM_EDITABLE = 1 << 3, /* takes text now: not read-only, not disabled */
    ELEM_CHECKED = 1 << 4,
    ELEM_SELECTED = 1 << 5,
    ELEM_FOCUSED = 1 << 6,
    ELEM_EXPANDED = 1 << 7,
    ELEM_REQUIRED = 1 << 8,
    ELEM_SECRET = 1 << 9,     /* a password field: its value is dots, one per character */
    ELEM_CLICKABLE = 1 << 10, /* native control, handler, cursor or ARIA role says so */
    ELEM_MULTIPLE = 1 << 11,  /* select multiple */
    ELEM_MIXED = 1 << 12      /* aria-checked=mixed */
};

struct elem_box {
    double x, y, w, h;
};

struct elem {
    int32_t ref;    /* the driver's name for it, unique in the snapshot */
    int32_t parent; /* index of the nearest enclosing element in the snapshot, -1 at the top */
    int32_t depth;
    enum elem_role role;
    uint32_t flags;   /* enum elem_flag */
    struct str name;  /* accessible name (accname 1.2), white space folded */
    struct str text;  /* rendered text of its own and below, folded, at most 1 KiB */
    struct str label; /* text of its <label> or row/definition header, when it has one */
    struct str placeholder;
    struct str value;   /* current value; of a select the chosen option's text */
    struct str test_id; /* data-testid, id or name attribute */
    struct str title;   /* title attribute, alt text */
    struct str href;
    struct str description; /* aria-describedby, validation message */
    int32_t level;          /* of a heading */
    int32_t frame;          /* 0: the page, else a child frame */
    struct elem_box box;
};

struct snapshot {
    struct elem *elems;
    size_t count;
    struct str url;
    struct str title;
    double viewport_w, viewport_h;
    double scroll_x, scroll_y, page_w, page_h;
    int64_t version;   /* grows when the document changed: two equal versions show the same */
    int tabs;          /* open pages of this device */
    struct str dialog; /* text of an open alert/confirm/prompt, p == NULL without one */
    bool unsettled;    /* the page was still at work when the time to settle was over */
    int64_t settle_us; /* how long it was waited for before it was asked */
    bool truncated;    /* more elements than the driver collects (20,000) */
};

/* "button", "textbox", …; never NULL. */
const char *elem_role_name(enum elem_role role);

#endif
