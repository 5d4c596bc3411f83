/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cdp driver does inside a page. Runs in an isolated world of every document before the
 * page's own scripts, so the page neither sees nor changes it. Frames of the same process share one
 * `root` (the outermost reachable one), which walks, counts changes and names elements for all.
 *
 * Answers are flat texts, records by '\n' and fields by '\t', because a tree of objects costs more to
 * carry than to make. Roles and flags are the numbers of enum elem_role and enum elem_flag. */
(() => {
'use strict';
const old = globalThis.__assay;
if (old && old.doc === document) { return; }

const R = { OTHER: 0, TEXT: 1, BUTTON: 2, LINK: 3, TEXTBOX: 4, SPINBUTTON: 5, SLIDER: 6, CHECKBOX: 7,
  RADIO: 8, SWITCH: 9, COMBOBOX: 10, LISTBOX: 11, OPTION: 12, TAB: 13, MENU: 14, MENUITEM: 15,
  HEADING: 16, IMAGE: 17, FILE: 18, DATE: 19, LIST: 20, LISTITEM: 21, TABLE: 22, ROW: 23, CELL: 24,
  COLUMNHEADER: 25, DIALOG: 26, ALERT: 27, FORM: 28, NAVIGATION: 29, BANNER: 30, CONTENTINFO: 31,
  REGION: 32, PROGRESS: 33, FRAME: 34 };
const F = { VISIBLE: 1, IN_VIEW: 2, ENABLED: 4, EDITABLE: 8, CHECKED: 16, SELECTED: 32, FOCUSED: 64,
  EXPANDED: 128, REQUIRED: 256, SECRET: 512, CLICKABLE: 1024, MULTIPLE: 2048, MIXED: 4096 };
const MAX_ELEMENTS = 20000, MAX_TEXT = 1024, MAX_FIELD = 512;

/* --- one root for the frames of a process ---------------------------------------------------- */

function outer() {
  try {
    const p = window.parent;
    return p !== window && p.__assay ? p.__assay.root : null;
  } catch { return null; }
}

const A = { doc: document, win: window };
A.root = outer() || A;
globalThis.__assay = A;

if (A.root === A) {
  A.n = 1;              /* grows with every change seen */
  A.ups = 0;            /* keys that went up */
  A.armed = false;      /* tell the driver about the next one */
  A.ids = new WeakMap();
  A.nodes = new Map();  /* id -> WeakRef */
  /* Not from 1: a number from the document before must not name something here. */
  A.nextId = 1 + Math.floor(Math.random() * 0x7fffff);
  A.docs = [document];
  A.boxes = new Map();  /* id -> box at the last walk, to see what moves */
  A.style = { at: -1e9, node: null };
}
const root = A.root;

function changed() {
  root.n++;
  if (root.armed) {
    root.armed = false;
    try { root.win.__assayChanged(''); } catch { /* no driver any more */ }
  }
}

const watchOptions = { subtree: true, childList: true, attributes: true, characterData: true };
const watcher = new MutationObserver((records) => {
  for (const r of records) {
    if (r.type === 'attributes' && (r.attributeName === 'style' || r.attributeName === 'class' ||
        r.attributeName === 'transform')) {
      root.style.at = performance.now();
      root.style.node = r.target;
    }
  }
  changed();
});
const watched = new WeakSet();
function watch(node) {
  if (!watched.has(node)) { watched.add(node); watcher.observe(node, watchOptions); }
}
watch(document);
for (const type of ['input', 'change', 'scroll', 'transitionend', 'animationend', 'toggle', 'load',
                    'focusin', 'focusout', 'close', 'cancel', 'fullscreenchange', 'slotchange']) {
  document.addEventListener(type, changed, { capture: true, passive: true });
}
window.addEventListener('resize', changed, { passive: true });
/* Before any of the page's own: it cannot hide a key from us. */
window.addEventListener('keyup', () => {
  root.ups++;
  if (root.heardUp) { root.heardUp(); }
}, { capture: true, passive: true });
window.addEventListener('load', changed, { passive: true });

/* --- small helpers --------------------------------------------------------------------------- */

const fold = (s) => s.replace(/[\s\u00a0\u200b\ufeff\u0000-\u001f\u007f]+/g, ' ').trim();
const clip = (s, n) => s.length > n ? s.slice(0, n) : s;
/* Hundreds of rows have short plain names: fold only what needs it. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;
const text = (s, n = MAX_FIELD) => !s ? '' : clip(PLAIN.test(s) ? s : fold(s), n);
const isFrame = (e) => e.localName === 'iframe' || e.localName === 'frame';
function frameDoc(e) {
  try { return e.contentDocument; } catch { return null; }
}
const hostOf = (n) => n.parentNode || n.host || null;
function contains(outerNode, inner) {
  for (let n = inner; n; n = hostOf(n)) { if (n === outerNode) { return true; } }
  return false;
}
function upTo(n, test) {
  for (; n; n = hostOf(n)) { if (n.nodeType === 1 && test(n)) { return n; } }
  return null;
}
/* Where the frame of `win` starts, in the root's viewport, and how it is scaled. */
function frameOrigin(win) {
  let x = 0, y = 0, s = 1;
  while (win !== root.win) {
    const f = win.frameElement;
    if (!f) { break; }
    const r = f.getBoundingClientRect();
    const c = f.ownerDocument.defaultView.getComputedStyle(f);
    const k = f.offsetWidth ? r.width / f.offsetWidth : 1;
    x = r.left + (f.clientLeft + parseFloat(c.paddingLeft)) * k + x * k;
    y = r.top + (f.clientTop + parseFloat(c.paddingTop)) * k + y * k;
    s *= k;
    win = f.ownerDocument.defaultView;
  }
  return { x, y, s };
}
function name(node) {
  let id = root.ids.get(node);
  if (!id) {
    id = root.nextId++;
    root.ids.set(node, id);
    root.nodes.set(id, new WeakRef(node));
  }
  return id;
}
function byId(id) {
  const r = root.nodes.get(id), n = r && r.deref();
  return n && n.isConnected && n.ownerDocument.defaultView ? n : null;
}
function activeElement() {
  let e = root.doc.activeElement;
  for (;;) {
    const inner = e && (e.shadowRoot ? e.shadowRoot.activeElement
      : isFrame(e) && frameDoc(e) ? frameDoc(e).activeElement : null);
    if (!inner) { return e; }
    e = inner;
  }
}

/* --- roles ----------------------------------------------------------------------------------- */

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
  color: R.BUTTON, checkbox: R.CHECKBOX, radio: R.RADIO, range: R.SLIDER, number: R.SPINBUTTON,
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

/* -1: no role of its own, -2: not for people. */
function roleOf(e, tag) {
  const said = e.getAttribute('role');
  if (said) {
    const r = ARIA[said.trim().split(/\s+/)[0]];
    if (r !== undefined) { return r; }
  }
  const t = TAG[tag];
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

/* --- names ----------------------------------------------------------------------------------- */

const inScope = (e, id) => {
  const n = e.getRootNode();
  return n.getElementById ? n.getElementById(id) : null;
};
function byRefs(e, attribute) {
  const refs = e.getAttribute(attribute);
  if (!refs) { return ''; }
  return fold(refs.trim().split(/\s+/).map((id) => {
    const n = inScope(e, id);
    return n ? n.getAttribute('aria-label') || contentName(n) : '';
  }).join(' '));
}
/* Text with the words of pictures and labels in it. */
function contentName(e) {
  let out = '';
  for (let n = (e.shadowRoot || e).firstChild; n; n = n.nextSibling) {
    if (n.nodeType === 3) {
      out += n.data;
    } else if (n.nodeType === 1 && !SKIP.has(n.localName) &&
               n.getAttribute('aria-hidden') !== 'true') {
      const said = n.getAttribute('aria-label') || n.getAttribute('alt');
      const svg = n.localName === 'svg' ? n.querySelector('title') : null;
      if (said) {
        out += ' ' + said + ' ';
      } else if (svg) {
        out += ' ' + svg.textContent + ' ';
      } else if (n.localName !== 'svg' && n.checkVisibility({ visibilityProperty: true })) {
        const inner = n.localName === 'slot' && n.assignedNodes().length
          ? n.assignedNodes().map((m) => m.nodeType === 3 ? m.data : contentName(m)).join(' ')
          : contentName(n);
        out += INLINE.has(n.localName) ? inner : ' ' + inner + ' ';
      }
    }
  }
  return out;
}
function labelOf(e) {
  const labels = e.labels;
  if (!labels || labels.length === 0) { return ''; }
  let out = '';
  for (const l of labels) { out += ' ' + labelText(l, e); }
  return text(out);
}
/* Without the field itself: a label may wrap it, with its options. */
function labelText(l, field) {
  let out = '';
  for (let n = l.firstChild; n; n = n.nextSibling) {
    if (n === field || (n.nodeType === 1 && (n.localName === 'select' ||
        n.localName === 'textarea' || SKIP.has(n.localName)))) { continue; }
    if (n.nodeType === 3) {
      out += n.data;
    } else if (n.nodeType === 1 && n.getAttribute('aria-hidden') !== 'true' &&
               n.checkVisibility()) {
      out += INLINE.has(n.localName) ? labelText(n, field) : ' ' + labelText(n, field) + ' ';
    }
  }
  return out;
}
const caption = (e, tag) => {
  for (let n = e.firstElementChild; n; n = n.nextElementSibling) {
    if (n.localName === tag) { return text(n.textContent); }
  }
  return '';
};
function accessibleName(e, tag, role, own, label) {
  if (e.hasAttribute('aria-labelledby')) {
    const s = byRefs(e, 'aria-labelledby');
    if (s) { return clip(s, MAX_FIELD); }
  }
  let s = e.getAttribute('aria-label');
  if (s && (s = fold(s))) { return clip(s, MAX_FIELD); }
  if (FIELD.has(role) && label) { return label; }
  if (tag === 'input') {
    if (role === R.BUTTON) {
      s = e.value || e.alt || (e.type === 'submit' ? 'Submit' : e.type === 'reset' ? 'Reset' : '');
      if (s) { return text(s); }
    }
    return text(e.title || e.placeholder || '');
  }
  if (tag === 'textarea' || tag === 'select') { return text(e.title || e.placeholder || ''); }
  if (role === R.IMAGE) {
    const t = tag === 'svg' ? e.querySelector('title') : null;
    return text(e.getAttribute('alt') || (t && t.textContent) || e.getAttribute('title') || '');
  }
  if (tag === 'fieldset') { s = caption(e, 'legend'); if (s) { return s; } }
  if (tag === 'table') { s = caption(e, 'caption'); if (s) { return s; } }
  if (tag === 'figure') { s = caption(e, 'figcaption'); if (s) { return s; } }
  if (tag === 'details') { s = caption(e, 'summary'); if (s) { return s; } }
  if (NAMED.has(role)) {
    if (e.firstElementChild && LEAF.has(role) &&
        e.querySelector('[alt],[aria-label],[aria-hidden],svg')) {
      own = fold(contentName(e)) || own;
    }
    if (own) { return clip(own, MAX_FIELD); }
  }
  if (role === R.TEXT) { return clip(own, MAX_FIELD); }
  return text(e.getAttribute('title') || e.getAttribute('aria-placeholder') || '');
}
/* Of a cell its row's header, of a definition its term. */
function headerOf(e, tag) {
  if (tag === 'dd') {
    let n = e.previousElementSibling;
    while (n && n.localName !== 'dt') { n = n.previousElementSibling; }
    return n ? text(n.textContent) : '';
  }
  if (tag === 'td') {
    const th = e.parentNode.firstElementChild;
    return th && th.localName === 'th' ? text(th.textContent) : '';
  }
  return '';
}
const dialogLabel = (e) => {
  const h = e.querySelector('h1,h2,h3,h4,[role=heading]');
  return h ? text(h.textContent) : '';
};

/* --- values and states ------------------------------------------------------------------------ */

function valueOf(e, tag, role) {
  if (tag === 'input') {
    if (e.type === 'password') { return '\u2022'.repeat(Math.min(e.value.length, 64)); }
    if (e.type === 'file') { return text(Array.from(e.files, (f) => f.name).join(', ')); }
    return role === R.CHECKBOX || role === R.RADIO || role === R.BUTTON ? '' : text(e.value);
  }
  if (tag === 'textarea') { return text(e.value, MAX_TEXT); }
  if (tag === 'select') {
    return text(Array.from(e.selectedOptions, (o) => o.label).join(', '));
  }
  if (tag === 'progress' || tag === 'meter') { return String(e.value); }
  if (e.isContentEditable) { return text(e.innerText, MAX_TEXT); }
  const now = e.getAttribute('aria-valuetext') || e.getAttribute('aria-valuenow');
  return now ? text(now) : '';
}
const isDisabled = (e) => e.matches(':disabled') ||
  upTo(e, (n) => n.getAttribute('aria-disabled') === 'true' || n.inert) !== null;
function takesText(e, tag, role) {
  if (tag === 'input' || tag === 'textarea') {
    return !e.readOnly && !e.disabled && (FIELD.has(role) && role !== R.CHECKBOX &&
      role !== R.RADIO && role !== R.FILE);
  }
  return e.isContentEditable;
}
function stateOf(e, tag, role, off) {
  let f = off ? 0 : F.ENABLED;
  if (!off && (role === R.TEXTBOX || FIELD.has(role)) && takesText(e, tag, role) &&
      !e.hasAttribute('aria-readonly')) { f |= F.EDITABLE; }
  const native = tag === 'input' && (e.type === 'checkbox' || e.type === 'radio');
  const checked = native ? null : e.getAttribute('aria-checked') || e.getAttribute('aria-pressed');
  if (native ? e.checked : checked === 'true') { f |= F.CHECKED; }
  if (native ? e.indeterminate : checked === 'mixed') { f |= F.MIXED; }
  if (tag === 'option' ? e.selected : e.getAttribute('aria-selected') === 'true' ||
      (e.hasAttribute('aria-current') && e.getAttribute('aria-current') !== 'false')) {
    f |= F.SELECTED;
  }
  if (tag === 'details' || tag === 'dialog' ? e.open : tag === 'summary'
    ? e.parentNode.open : e.getAttribute('aria-expanded') === 'true') { f |= F.EXPANDED; }
  if (e.required || e.getAttribute('aria-required') === 'true') { f |= F.REQUIRED; }
  if (tag === 'input' && e.type === 'password') { f |= F.SECRET; }
  if (tag === 'select' && e.multiple) { f |= F.MULTIPLE; }
  return f;
}
function describe(e) {
  let s = byRefs(e, 'aria-describedby');
  if (e.getAttribute('aria-invalid') === 'true') { s += ' ' + byRefs(e, 'aria-errormessage'); }
  if (e.willValidate && e.validationMessage && e.matches(':user-invalid')) {
    s += ' ' + e.validationMessage;
  }
  return text(s);
}

/* --- the walk --------------------------------------------------------------------------------- */

const SEEN = { visibilityProperty: true, opacityProperty: true };
let out, rects, active, ox, oy, scale, vw, vh, frameNo, frames, docs, boxes;

/* A box without height or width that cuts off what is inside: a collapsed accordion. */
function cutsOff(e) {
  const c = e.ownerDocument.defaultView.getComputedStyle(e);
  return c.overflowX !== 'visible' || c.overflowY !== 'visible' || c.clipPath !== 'none' ||
    (c.position === 'absolute' && c.clip !== 'auto');
}

function rectOf(e) {
  const r = e.getBoundingClientRect();
  return { x: ox + r.left * scale, y: oy + r.top * scale, w: r.width * scale, h: r.height * scale };
}
function emit(id, parent, role, flags, level, r, fields) {
  boxes.set(id, r);
  let line = id + '\t' + parent + '\t' + role + '\t' + flags + '\t' + level + '\t' + frameNo + '\t' +
    Math.round(r.x) + '\t' + Math.round(r.y) + '\t' + Math.round(r.w) + '\t' + Math.round(r.h);
  let last = fields.length;
  while (last > 0 && !fields[last - 1]) { last--; }
  for (let i = 0; i < last; i++) { line += '\t' + fields[i]; }
  return line;
}

/* Outside of what scrolling could ever reach: left of or above the start of its document, and not
 * because something around it is scrolled. */
function unreachable(e) {
  const r = e.getBoundingClientRect(), w = e.ownerDocument.defaultView;
  if (r.right + w.scrollX > 0 && r.bottom + w.scrollY > 0) { return false; }
  return upTo(hostOf(e), (n) => n.scrollTop !== 0 || n.scrollLeft !== 0) === null;
}

/* Walks one element; returns its rendered text. `quiet`: plain text here is told by who is named by
 * it. `lit`: the pointer shows a hand here. `off`: disabled from above. */
function walk(e, parent, quiet, lit, off) {
  const tag = e.localName;
  if (SKIP.has(tag) || e.getAttribute('aria-hidden') === 'true') { return ''; }
  const role = roleOf(e, tag);
  if (role === -2) { return ''; }
  const special = role === R.FILE || ((role === R.CHECKBOX || role === R.RADIO) && tag === 'input');
  const shown = e.checkVisibility(SEEN);
  if (!shown && !special) {
    /* Without a box of its own an element may still have children with one. */
    if (tag === 'slot') { return children(e, parent, quiet, lit, off, true); }
    const c = e.ownerDocument.defaultView.getComputedStyle(e);
    if (c.display === 'contents') { return children(e, parent, quiet, lit, off, true); }
    return e.firstElementChild && c.visibility !== 'visible' && e.checkVisibility()
      ? children(e, parent, quiet, lit, off, false) : '';
  }
  let ownText = false;
  for (let n = e.firstChild; n && !ownText; n = n.nextSibling) {
    ownText = n.nodeType === 3 && /\S/.test(n.data);
  }
  if (e.shadowRoot) { watch(e.shadowRoot); }
  if (role < 0 && !ownText && !e.shadowRoot && !e.hasAttribute('onclick') &&
      !e.hasAttribute('tabindex') && !e.hasAttribute('aria-label')) {
    if ((e.offsetWidth <= 1 || e.offsetHeight <= 1) && e.offsetWidth !== undefined && cutsOff(e)) {
      return '';
    }
    return children(e, parent, quiet, lit, off, true);
  }
  return told(e, tag, role, special, shown, ownText, parent, quiet, lit, off);
}

function children(e, parent, quiet, lit, off, rendered) {
  let s = '';
  if (e.localName === 'slot') {
    const given = e.assignedNodes();
    if (given.length) {
      for (const n of given) { s = join(s, n, parent, quiet, lit, off, rendered); }
      return s;
    }
  }
  for (let n = (e.shadowRoot || e).firstChild; n; n = n.nextSibling) {
    s = join(s, n, parent, quiet, lit, off, rendered);
  }
  return s;
}
function join(s, n, parent, quiet, lit, off, rendered) {
  if (n.nodeType === 3) {
    return rendered && s.length < MAX_TEXT ? s + n.data : s;
  }
  if (n.nodeType !== 1) { return s; }
  if (n.localName === 'br') { return s + ' '; }
  const inner = walk(n, parent, quiet, lit, off);
  if (!inner && BETWEEN.has(n.localName)) { return s + ' '; }
  if (!inner || s.length >= MAX_TEXT) { return s; }
  return INLINE.has(n.localName) ? s + inner : s + ' ' + inner + ' ';
}

/* An element that has a line of its own in the snapshot. */
function told(e, tag, role, special, shown, ownText, parent, quiet, lit, off) {
  /* A box costs more than all the rest. Words and cells of a row that is out of view take the row's:
   * exact boxes are for what is seen or can be pressed. */
  const around = parent >= 0 && (role < 0 || role === R.CELL) ? rects[parent] : null;
  const away = around !== null && (around.y >= vh || around.y + around.h <= 0) &&
    around.h > 0 && around.h < vh;
  let r = away ? around : rectOf(e);
  let seen = shown && r.w > 0 && r.h > 0;
  if (seen && !special && (r.x + r.w <= ox || r.y + r.h <= oy) && unreachable(e)) { return ''; }
  const tiny = r.w <= 1 || r.h <= 1;
  if (tiny && shown && !special && role !== R.FRAME) {
    if (cutsOff(e)) { return ''; }
  }
  if (special && (!seen || tiny)) {
    /* A styled box or a button stands for the real input. */
    seen = false;
    for (const l of e.labels || []) {
      const lr = rectOf(l);
      if (lr.w > 1 && lr.h > 1 && l.checkVisibility(SEEN)) { r = lr; seen = true; break; }
    }
    if (!seen && role !== R.FILE) { return ''; }
  }
  const disabled = off || (role >= 0 && e.matches(':disabled')) ||
    e.getAttribute('aria-disabled') === 'true' || e.inert === true;
  const hand = lit || (role !== R.CELL && !FIELD.has(role) && role !== R.BUTTON &&
    role !== R.LINK && pointer(e));
  const plain = role < 0;
  if (plain && quiet) { return children(e, parent, true, hand, disabled, true); }
  if (plain && !seen && !e.firstElementChild) { return ''; }

  const id = name(e), at = out.length;
  out.push('');
  rects.push(r);
  let own = '';
  if (tag === 'select') {
    if (role === R.LISTBOX) { children(e, at, false, false, disabled, true); }
  } else if (role === R.FRAME) {
    own = '';
  } else if (tag !== 'textarea' && tag !== 'input') {
    own = children(e, at, quiet || LEAF.has(role) || (plain && ownText && !e.firstElementChild),
      hand || (role >= 0 && PRESSED.has(role)), disabled, true);
  }
  const folded = text(own, MAX_TEXT);
  const leaf = out.length === at + 1;
  const real = plain ? (ownText && leaf ? R.TEXT : R.OTHER) : role;
  let flags = stateOf(e, tag, real, disabled);
  if (seen) { flags |= F.VISIBLE; }
  if (seen && r.x < vw && r.y < vh && r.x + r.w > 0 && r.y + r.h > 0) { flags |= F.IN_VIEW; }
  if (e === active) { flags |= F.FOCUSED; }
  if (PRESSED.has(real) || hand || e.hasAttribute('onclick')) { flags |= F.CLICKABLE; }
  const label = FIELD.has(real) ? labelOf(e) : headerOf(e, tag);
  let named = accessibleName(e, tag, real, folded, label);
  if (!named && real === R.DIALOG) { named = dialogLabel(e); }
  const level = real === R.HEADING
    ? +(e.getAttribute('aria-level') || (tag.length === 2 ? tag[1] : 2)) || 2 : 0;
  const field = FIELD.has(real);
  out[at] = emit(id, parent, real, flags, level, r, [named, folded === named ? (folded && '\b') : folded,
    label, field ? text(e.placeholder || e.getAttribute('aria-placeholder') || '') : '',
    field || real === R.PROGRESS ? valueOf(e, tag, real) : '',
    text(e.dataset && e.dataset.testid || e.id || e.getAttribute('name') || ''),
    text(e.getAttribute('title') || e.getAttribute('alt') || ''),
    real === R.LINK && e.href ? text(String(e.href.baseVal ?? e.href)) : '',
    field || real === R.BUTTON ? describe(e) : '']);
  if (real === R.FRAME) { frame(e, at); }
  return own;
}

const pointer = (e) => e.ownerDocument.defaultView.getComputedStyle(e).cursor === 'pointer';

/* The document of a frame of this process; others are walked by their own root. */
function frame(e, at) {
  const doc = frameDoc(e);
  if (!doc || !doc.documentElement) { return; }
  const keep = [ox, oy, scale, frameNo];
  const o = frameOrigin(doc.defaultView);
  ox = o.x; oy = o.y; scale = o.s;
  frameNo = ++frames;
  docs.push(doc);
  walkDocument(doc, at);
  [ox, oy, scale, frameNo] = keep;
}
function walkDocument(doc, parent) {
  const own = doc.defaultView && doc.defaultView.__assay;
  if (!own || own.root !== root) { watch(doc); }
  /* A body is null in a document that was only just made. */
  if (doc.body) { walk(doc.body, parent, false, false, false); }
}

function signature() {
  let s = 0;
  for (const doc of root.docs) {
    if (!doc.defaultView) { continue; }
    for (const e of doc.querySelectorAll('input,textarea,select')) {
      const v = e.type === 'checkbox' || e.type === 'radio' ? (e.checked ? 'y' : 'n') : e.value;
      s = (s * 31 + v.length * 7 + (v.charCodeAt(0) || 0) +
        (v.charCodeAt(v.length - 1) || 0) * 3) | 0;
    }
  }
  return s;
}

/* What was just told is told again as long as nothing happened: no event, no mutation, no value set,
 * nothing that moves by itself. A style sheet may change without any of them, hence the time. */
function stillHolds() {
  const w = A.walked;
  return w && w.n === A.n && performance.now() - w.at < 100 && signature() === A.sig &&
    A.docs.every((d) => d.getAnimations().length === 0) &&
    A.scroll === window.scrollX + ',' + window.scrollY;
}
root === A && (A.walk = (anew) => {
  if (!anew && stillHolds()) { return A.walked.all; }
  const d = document, w = window, b = d.documentElement;
  out = []; rects = []; ox = oy = 0; scale = 1; frameNo = frames = 0; docs = [d]; boxes = new Map();
  vw = w.innerWidth; vh = w.innerHeight;
  active = activeElement();
  walkDocument(d, -1);
  A.docs = docs; A.boxes = boxes; A.boxedAt = performance.now();
  A.scroll = w.scrollX + ',' + w.scrollY;
  /* Empty lines are impossible: every element reserved in `out` was written. */
  const cut = out.length > MAX_ELEMENTS;
  if (cut) { out.length = MAX_ELEMENTS; }
  A.sig = signature();
  const head = [A.n, vw, vh, Math.round(w.scrollX), Math.round(w.scrollY),
    b ? b.scrollWidth : 0, b ? b.scrollHeight : 0, cut ? 1 : 0, text(d.URL, 4096),
    text(d.title)].join('\t');
  const all = head + (out.length ? '\n' + out.join('\n') : '');
  out = rects = null;
  A.walked = { n: A.n, at: performance.now(), all };
  return all;
});

/* Asks for one call of __assayChanged at the next change; '1' when there was one since `n`. */
A.arm = (n) => {
  if (A.n !== n || signature() !== A.sig) { return '1'; }
  A.armed = true;
  return '0';
};

A.lib = { R, F, root, byId, name, hostOf, contains, upTo, frameOrigin, frameDoc, isFrame, text, fold,
  isDisabled, activeElement, roleOf, takesText, contentName, labelOf, SEEN, changed, outer };
})();
