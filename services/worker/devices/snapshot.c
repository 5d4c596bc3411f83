/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/snapshot.h"

static const char *const names[ELEM_ROLE_COUNT] = {
    [ELEM_OTHER] = "other",       [ELEM_TEXT] = "text",
    [ELEM_BUTTON] = "button",     [ELEM_LINK] = "link",
    [ELEM_TEXTBOX] = "textbox",   [ELEM_SPINBUTTON] = "spinbutton",
    [ELEM_SLIDER] = "slider",     [ELEM_CHECKBOX] = "checkbox",
    [ELEM_RADIO] = "radio",       [ELEM_SWITCH] = "switch",
    [ELEM_COMBOBOX] = "combobox", [ELEM_LISTBOX] = "listbox",
    [ELEM_OPTION] = "option",     [ELEM_TAB] = "tab",
    [ELEM_MENU] = "menu",         [ELEM_MENUITEM] = "menuitem",
    [ELEM_HEADING] = "heading",   [ELEM_IMAGE] = "image",
    [ELEM_FILE] = "file",         [ELEM_DATE] = "date",
    [ELEM_LIST] = "list",         [ELEM_LISTITEM] = "listitem",
    [ELEM_TABLE] = "table",       [ELEM_ROW] = "row",
    [ELEM_CELL] = "cell",         [ELEM_COLUMNHEADER] = "columnheader",
    [ELEM_DIALOG] = "dialog",     [ELEM_ALERT] = "alert",
    [ELEM_FORM] = "form",         [ELEM_NAVIGATION] = "navigation",
    [ELEM_BANNER] = "banner",     [ELEM_CONTENTINFO] = "contentinfo",
    [ELEM_REGION] = "region",     [ELEM_PROGRESS] = "progress",
    [ELEM_FRAME] = "frame",
};

const char *
elem_role_name(enum elem_role role)
{
    return role >= 0 && role < ELEM_ROLE_COUNT ? names[role] : names[ELEM_OTHER];
}
