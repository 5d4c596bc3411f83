/* SPDX-License-Identifier: Apache-2.0
 *
 * First of the parts that the cdp driver puts into a page; their order is cdp_script.c's. They run in
 * an isolated world of every document before the page's own scripts, so the page neither sees nor
 * changes them. Frames of the same process share one `root` (the outermost reachable one), which
 * walks, counts changes and names elements for all; the other parts run in the root alone.
 *
 * What the driver may call stands in __assay itself, what a part gives the later ones in __assay.lib.
 *
 * This part: the root, what changed, and elements by number. */
(() => {
'use strict';
const old = globalThis.__assay;
if (old && old.doc === document) { return; }

/* The numbers of enum elem_role and enum elem_flag of device.h. */
const R = { OTHER: 0, TEXT: 1, BUTTON: 2, LINK: 3, TEXTBOX: 4, SPINBUTTON: 5, SLIDER: 6, CHECKBOX: 7,
  RADIO: 8, SWITCH: 9, COMBOBOX: 10, LISTBOX: 11, OPTION: 12, TAB: 13, MENU: 14, MENUITEM: 15,
  HEADING: 16, IMAGE: 17, FILE: 18, DATE: 19, LIST: 20, LISTITEM: 21, TABLE: 22, ROW: 23, CELL: 24,
  COLUMNHEADER: 25, DIALOG: 26, ALERT: 27, FORM: 28, NAVIGATION: 29, BANNER: 30, CONTENTINFO: 31,
  REGION: 32, PROGRESS: 33, FRAME: 34 };
const F = { VISIBLE: 1, IN_VIEW: 2, ENABLED: 4, EDITABLE: 8, CHECKED: 16, SELECTED: 32, FOCUSED: 64,
  EXPANDED: 128, REQUIRED: 256, SECRET: 512, CLICKABLE: 1024, MULTIPLE: 2048, MIXED: 4096 };
const MAX_TEXT = 1024, MAX_FIELD = 512;
const MANY_NODES = 50000;
/* What checkVisibility takes for seen. */
const SEEN = { visibilityProperty: true, opacityProperty: true };

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
  A.heard = { keyup: 0, pointerup: 0, click: 0 }; /* input that came, by a person or by us */
  A.marked = A.heard;   /* how much of it had come when the driver last aimed */
  A.hears = null;       /* called when more of it comes */
  A.armed = false;      /* tell the driver about the next one */
  A.ids = new WeakMap();
  A.nodes = new Map();  /* id -> WeakRef */
  A.manyNodes = MANY_NODES; /* from here on those that are gone are looked for */
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
/* Before any of the page's own: it cannot hide input from us. */
for (const type of Object.keys(root.heard)) {
  window.addEventListener(type, (e) => {
    if (!e.isTrusted) { return; }
    root.heard[type]++;
    if (root.hears) { root.hears(); }
  }, { capture: true, passive: true });
}
window.addEventListener('load', changed, { passive: true });

/* --- small helpers --------------------------------------------------------------------------- */

/* What nobody sees: places where a word may break, marks of the writing direction. */
const UNSEEN = /[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+/g;
const ASCII = /^[\u0000-\u007f]*$/;
/* An accent typed as a mark of its own is the same letter. */
const seen = (s) => ASCII.test(s) ? s : s.normalize('NFC').replace(UNSEEN, '');
const fold = (s) => seen(s).replace(/[\s\u0000-\u001f\u007f]+/g, ' ').trim();
/* Not through the middle of a character. */
const clip = (s, n) => s.length > n ? s.slice(0, n).replace(/[\ud800-\udbff]$/, '') : s;
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
/* A page that renders anew all day must not grow by what it threw away. */
function forgetGone() {
  for (const [id, ref] of root.nodes) { if (!ref.deref()) { root.nodes.delete(id); } }
  root.manyNodes = Math.max(MANY_NODES, 2 * root.nodes.size);
}
function name(node) {
  let id = root.ids.get(node);
  if (!id) {
    id = root.nextId++;
    root.ids.set(node, id);
    root.nodes.set(id, new WeakRef(node));
    if (root.nodes.size >= root.manyNodes) { forgetGone(); }
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

A.lib = { R, F, MAX_FIELD, MAX_TEXT, SEEN, root, watch, fold, clip, text, isFrame, frameDoc, hostOf,
  contains, upTo, frameOrigin, name, byId, activeElement };
})();
