/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot: a walk over what is shown of a document and its frames.
 *
 * Answers are flat texts, records by '\n' and fields by '\t', because a tree of objects costs more to
 * carry than to make. */
(() => {
'use strict';
const A = globalThis.__assay;
if (A.root !== A || A.walk) { return; }
const { R, F, MAX_TEXT, SEEN, root, watch, text, frameDoc, hostOf, upTo, frameOrigin, name,
  activeElement, roleOf, SKIP, INLINE, BETWEEN, LEAF, FIELD, PRESSED, accessibleName, entryName, labelOf,
  headerOf, dialogLabel, valueOf, stateOf, descriptionOf } = A.lib;

const MAX_ELEMENTS = 20000;
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
  /* A folded <details> shows its summary alone; plain text has no element that would say so. */
  const plain = rendered && (e.localName !== 'details' || e.open);
  for (let n = (e.shadowRoot || e).firstChild; n; n = n.nextSibling) {
    s = join(s, n, parent, quiet, lit, off, plain);
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
  if (ownText && !leaf && (!named || (named === folded && real === R.CELL)) &&
      (real === R.OTHER || real === R.LISTITEM || real === R.CELL)) {
    named = entryName(e) || named;
  }
  const level = real === R.HEADING
    ? +(e.getAttribute('aria-level') || (tag.length === 2 ? tag[1] : 2)) || 2 : 0;
  const field = FIELD.has(real);
  out[at] = emit(id, parent, real, flags, level, r, [named, folded === named ? (folded && '\b') : folded,
    label, field ? text(e.placeholder || e.getAttribute('aria-placeholder') || '') : '',
    field || real === R.PROGRESS ? valueOf(e, tag, real) : '',
    text(e.dataset && e.dataset.testid || e.id || e.getAttribute('name') || ''),
    text(e.getAttribute('title') || e.getAttribute('alt') || ''),
    real === R.LINK && e.href ? text(String(e.href.baseVal ?? e.href)) : '',
    field || real === R.BUTTON ? descriptionOf(e) : '']);
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
function lines(anew) {
  if (!anew && stillHolds()) { return A.walked; }
  const d = document, w = window, b = d.documentElement;
  out = []; rects = []; ox = oy = 0; scale = 1; frameNo = frames = 0; docs = [d]; boxes = new Map();
  vw = w.innerWidth; vh = w.innerHeight;
  active = activeElement();
  walkDocument(d, -1);
  A.docs = docs; A.boxes = boxes;
  A.scroll = w.scrollX + ',' + w.scrollY;
  /* Empty lines are impossible: every element reserved in `out` was written. */
  const cut = out.length > MAX_ELEMENTS;
  if (cut) { out.length = MAX_ELEMENTS; }
  A.sig = signature();
  const head = [A.n, vw, vh, Math.round(w.scrollX), Math.round(w.scrollY),
    b ? b.scrollWidth : 0, b ? b.scrollHeight : 0, cut ? 1 : 0, text(d.URL, 4096),
    text(d.title)].join('\t');
  A.walked = { n: A.n, at: performance.now(), head, all: out };
  out = rects = null;
  return A.walked;
}
/* Only what differs from walk `has`, which the driver kept: how many of its lines stay at the front
 * and at the end, and what stands between. */
function tell(walked, has, waitedMs) {
  const now = walked.all, was = has === A.told.number ? A.told.all : [];
  const most = Math.min(now.length, was.length);
  let front = now === was ? most : 0, end = 0;
  while (front < most && now[front] === was[front]) { front++; }
  while (end < most - front && now[now.length - 1 - end] === was[was.length - 1 - end]) { end++; }
  const same = front === now.length && front === was.length && has !== 0;
  A.told = { number: same ? has : A.told.number + 1, all: now };
  return [A.told.number, front, end, waitedMs, walked.head].join('\t') +
    (front + end < now.length ? '\n' + now.slice(front, now.length - end).join('\n') : '');
}
A.told = { number: 0, all: [] };
/* `has`: number of the walk the driver holds, 0 none. With a limit once the page is quiet. */
A.walk = (anew, has, limitMs) => {
  const begun = performance.now();
  return limitMs > 0
    ? A.quiet(limitMs).then(() => tell(lines(anew), has, Math.round(performance.now() - begun)))
    : tell(lines(anew), has, 0);
};

/* Asks for one call of __assayChanged at the next change; '1' when there was one since `n`. */
A.arm = (n) => {
  if (A.n !== n || signature() !== A.sig) { return '1'; }
  A.armed = true;
  return '0';
};
})();
