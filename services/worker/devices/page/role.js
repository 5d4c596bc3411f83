/* SPDX-License-Identifier: Apache-2.0
 *
 * What an element is: its role. */
(() => {
'use strict';
const A = globalThis.__assay;
if (A.root !== A || A.lib.roleOf) { return; }
const { R } = A.lib;

const ARIA = { button: R.BUTTON, link: R.LINK, textbox: R.TEXTBOX, searchbox: R.TEXTBOX,
  spinbutton: R.SPINBUTTON, slider: R.SLIDER, checkbox: R.CHECKBOX, radio: R.RADIO,
  switch: R.SWITCH, combobox: R.COMBOBOX, listbox: R.LISTBOX, option: R.OPTION, tab: R.TAB,
  menu: R.MENU, menubar: R.MENU, menuitem: R.MENUITEM, menuitemcheckbox: R.MENUITEM,
  menuitemradio: R.MENUITEM, treeitem: R.OPTION, heading: R.HEADING, img: R.IMAGE, image: R.IMAGE,
  list: R.LIST, listitem: R.LISTITEM, table: R.TABLE, grid: R.TABLE, treegrid: R.TABLE,
  row: R.ROW, cell: R.CELL, gridcell: R.CELL, rowheader: R.CELL, columnheader: R.COLUMNHEADER,
  dialog: R.DIALOG, alertdialog: R.DIALOG, alert: R.ALERT, status: R.ALERT, log: R.ALERT,
  form: R.FORM, search: R.FORM, navigation: R.NAVIGATION, banner: R.BANNER,
  contentinfo: R.CONTENTINFO, region: R.REGION, main: R.REGION, article: R.REGION,
  complementary: R.REGION, group: R.REGION, radiogroup: R.REGION, tabpanel: R.REGION,
  toolbar: R.REGION, feed: R.LIST, tree: R.LISTBOX, progressbar: R.PROGRESS, meter: R.PROGRESS };

const INPUT = { button: R.BUTTON, submit: R.BUTTON, reset: R.BUTTON, image: R.BUTTON,
  color: R.TEXTBOX, checkbox: R.CHECKBOX, radio: R.RADIO, range: R.SLIDER, number: R.SPINBUTTON,
  file: R.FILE, date: R.DATE, time: R.DATE, month: R.DATE, week: R.DATE, 'datetime-local': R.DATE };

const TAG = { a: (e) => e.hasAttribute('href') ? R.LINK : -1, area: R.LINK, button: R.BUTTON,
  summary: R.BUTTON, textarea: R.TEXTBOX, h1: R.HEADING, h2: R.HEADING, h3: R.HEADING,
  h4: R.HEADING, h5: R.HEADING, h6: R.HEADING, option: R.OPTION, ul: R.LIST, ol: R.LIST, dl: R.LIST,
  menu: R.LIST, li: R.LISTITEM, table: R.TABLE, tr: R.ROW, td: R.CELL,
  th: (e) => e.scope === 'row' || (!e.closest('thead') && e.parentNode.querySelector('td'))
    ? R.CELL : R.COLUMNHEADER,
  dialog: R.DIALOG, output: R.ALERT, form: R.FORM, search: R.FORM, nav: R.NAVIGATION,
  header: (e) => sectioned(e) ? -1 : R.BANNER, footer: (e) => sectioned(e) ? -1 : R.CONTENTINFO,
  main: R.REGION, section: R.REGION, article: R.REGION, aside: R.REGION, fieldset: R.REGION,
  figure: R.REGION, details: R.REGION, progress: R.PROGRESS, meter: R.PROGRESS, iframe: R.FRAME,
  frame: R.FRAME, canvas: R.IMAGE, video: R.IMAGE,
  img: (e) => e.getAttribute('alt') === '' && !e.title ? -1 : R.IMAGE,
  svg: (e) => e.getAttribute('aria-label') || e.querySelector('title') ? R.IMAGE : -1,
  input: (e) => e.type === 'hidden' ? -2 : e.list && !INPUT[e.type] ? R.COMBOBOX
    : INPUT[e.type] ?? R.TEXTBOX,
  select: (e) => e.multiple || e.size > 1 ? R.LISTBOX : R.COMBOBOX };

const sectioned = (e) => e.closest('article,aside,main,nav,section') !== null;
const SKIP = new Set(['script', 'style', 'noscript', 'template', 'head', 'meta', 'link', 'title',
  'datalist', 'colgroup', 'col', 'param', 'source', 'track', 'object', 'embed', 'base', 'br', 'hr',
  'wbr']);
const INLINE = new Set(['a', 'abbr', 'b', 'bdi', 'bdo', 'cite', 'code', 'data', 'dfn', 'em', 'font',
  'i', 'ins', 'kbd', 'mark', 'q', 's', 'samp', 'small', 'span', 'strong', 'sub', 'sup', 'time', 'u',
  'var', 'del', 'label', 'slot', 'tt']);

/* Without text of their own, but words on both sides of them are two words. */
const BETWEEN = new Set(['input', 'select', 'textarea', 'img', 'svg', 'button', 'video', 'canvas']);

/* An entry that only separates others, or a list that is there for its looks, is neither. */
const LISTS = new Set(['li', 'ul', 'ol', 'menu']);
const NOTHING = /^\s*(none|presentation|separator)\b/;

/* A button that opens a list of options is what people call a dropdown. */
const opensList = (e) => e.getAttribute('aria-haspopup') === 'listbox';
/* -1: no role of its own, -2: not for people. */
function roleOf(e, tag) {
  const said = e.getAttribute('role');
  if (said) {
    const r = ARIA[said.trim().split(/\s+/)[0]];
    if (r === R.BUTTON && opensList(e)) { return R.COMBOBOX; }
    if (r !== undefined) { return r; }
    if (LISTS.has(tag) && NOTHING.test(said)) { return -1; }
  }
  const t = TAG[tag];
  if (tag === 'button' && opensList(e)) { return R.COMBOBOX; }
  if (t !== undefined) { return typeof t === 'function' ? t(e) : t; }
  return e.isContentEditable && !(e.parentElement && e.parentElement.isContentEditable)
    ? R.TEXTBOX : -1;
}

/* Roles named by their content; inside of the first ones plain text is not told a second time. */
const LEAF = new Set([R.BUTTON, R.OPTION, R.TAB, R.MENUITEM, R.HEADING, R.CHECKBOX, R.RADIO,
  R.SWITCH, R.LINK]);
const NAMED = new Set([...LEAF, R.CELL, R.COLUMNHEADER, R.ROW]);
const FIELD = new Set([R.TEXTBOX, R.SPINBUTTON, R.SLIDER, R.CHECKBOX, R.RADIO, R.SWITCH,
  R.COMBOBOX, R.LISTBOX, R.FILE, R.DATE]);
const PRESSED = new Set([R.BUTTON, R.LINK, R.CHECKBOX, R.RADIO, R.SWITCH, R.OPTION, R.TAB,
  R.MENUITEM, R.COMBOBOX, R.TEXTBOX, R.SPINBUTTON, R.SLIDER, R.FILE, R.DATE, R.LISTBOX]);

Object.assign(A.lib, { roleOf, SKIP, INLINE, BETWEEN, LEAF, NAMED, FIELD, PRESSED });
})();
