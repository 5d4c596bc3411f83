/* SPDX-License-Identifier: Apache-2.0
 *
 * The half of every action that happens inside the page: is the element there, visible, enabled,
 * still and not covered; where to press; and what only a script can choose.
 *
 * Answers: 'OK' and numbers, or the reason of device.h and a message, separated by '\t'. */
(() => {
'use strict';
const A = globalThis.__assay;
if (A.root !== A || A.point) { return; }
const { SEEN, text, isFrame, frameDoc, contains, upTo, frameOrigin, name, byId, isDisabled } = A.lib;

const no = (reason, message) => { throw { reason, message }; };
/* Runs a step; a reason thrown on the way becomes the answer. */
const told = (e) => {
  if (e && e.reason) { return e.reason + '\t' + e.message; }
  throw e;
};
const answered = (f) => (...args) => {
  A.walked = null; /* what follows may change what is shown without a trace: a hover */
  try {
    const r = f(...args);
    return r && r.then ? r.catch(told) : r;
  } catch (e) { return told(e); }
};

const nextFrame = () => new Promise((done) => {
  const late = setTimeout(done, 100);
  requestAnimationFrame(() => { clearTimeout(late); done(); });
});
const channel = new MessageChannel();
let turns = [];
channel.port1.onmessage = () => { const r = turns.shift(); if (r) { r(); } };
/* Everything that was ready to run has run. */
const turn = () => new Promise((done) => { turns.push(done); channel.port2.postMessage(0); });

/* Which input `came` waits for: all that is heard from now on. */
const mark = () => { A.marked = { ...A.heard }; };
/* True when input of this type has come since the mark, and the page has dealt with it. */
async function came(type) {
  const has = () => A.heard[type] !== A.marked[type];
  if (!has()) {
    await new Promise((done) => {
      const late = setTimeout(done, 100);
      A.hears = () => { if (has()) { clearTimeout(late); done(); } };
    });
    A.hears = null;
    await turn();
  }
  return has();
}

function describe(e) {
  const own = e.getAttribute('aria-label') || e.getAttribute('title') || e.innerText || '';
  const id = e.id ? ' id="' + e.id + '"' : '';
  const cls = !e.id && typeof e.className === 'string' && e.className
    ? ' class="' + e.className + '"' : '';
  const said = text(own, 60);
  return text('<' + e.localName + id + cls + '>', 120) + (said ? ' "' + said + '"' : '');
}
function fire(e, type) { e.dispatchEvent(new Event(type, { bubbles: true, composed: true })); }
function get(id) {
  return byId(id) || no('DETACHED', 'the element is no longer in the page');
}

/* --- where it is ------------------------------------------------------------------------------ */

const isToggle = (e) => e.localName === 'input' && (e.type === 'checkbox' || e.type === 'radio' ||
  e.type === 'file');
function biggestRect(e) {
  let best = e.getBoundingClientRect();
  const all = e.getClientRects();
  if (all.length > 1) {
    let size = -1;
    for (const r of all) {
      if (r.width * r.height > size) { size = r.width * r.height; best = r; }
    }
  }
  const o = frameOrigin(e.ownerDocument.defaultView);
  return { x: o.x + best.left * o.s, y: o.y + best.top * o.s, w: best.width * o.s,
    h: best.height * o.s };
}
const isSeen = (e) => e.checkVisibility(SEEN) && (() => {
  const r = e.getBoundingClientRect();
  return r.width > 0 && r.height > 0;
})();
/* What a person would press for it: itself, or the label in place of a hidden box. */
function body(e) {
  const r = e.getBoundingClientRect();
  if (isSeen(e) && !(isToggle(e) && (r.width <= 1 || r.height <= 1))) { return e; }
  if (isToggle(e)) {
    for (const l of e.labels || []) { if (isSeen(l)) { return l; } }
  }
  return no('NOT_VISIBLE', 'the element is not visible');
}
/* The element at a point of the root's viewport, through shadow roots and frames. */
function hitAt(x, y) {
  let doc = document, lx = x, ly = y;
  for (;;) {
    let e = doc.elementFromPoint(lx, ly);
    while (e && e.shadowRoot) {
      const inner = e.shadowRoot.elementFromPoint(lx, ly);
      if (!inner || inner === e) { break; }
      e = inner;
    }
    const inside = e && isFrame(e) ? frameDoc(e) : null;
    if (!inside) { return e; }
    const o = frameOrigin(inside.defaultView);
    lx = (x - o.x) / o.s; ly = (y - o.y) / o.s;
    doc = inside;
  }
}
function flatContains(outer, inner) {
  for (let n = inner; n; n = n.assignedSlot || n.parentNode || n.host) {
    if (n === outer) { return true; }
  }
  return contains(outer, inner);
}
function accepts(e, hit) {
  if (!hit) { return false; }
  if (flatContains(e, hit)) { return true; }
  const label = upTo(hit, (n) => n.localName === 'label');
  if (label && (label.control === e || contains(e, label))) { return true; }
  if (e.localName === 'label' && e.control === hit) { return true; }
  /* Lets the pointer through to what it stands in: an icon in a button. */
  return flatContains(hit, e) &&
    e.ownerDocument.defaultView.getComputedStyle(e).pointerEvents === 'none';
}
const SPOTS = [[.5, .5], [.25, .5], [.75, .5], [.5, .25], [.5, .75], [.1, .5], [.9, .5]];
/* A point of the element that a press would reach. */
function spot(e, target) {
  const r = biggestRect(e);
  let covering = null;
  for (const [fx, fy] of SPOTS) {
    const x = r.x + r.w * fx, y = r.y + r.h * fy;
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) { continue; }
    const hit = hitAt(x, y);
    if (accepts(e, hit) || (target !== e && accepts(target, hit))) {
      return { x, y, r, center: fx === .5 && fy === .5 };
    }
    covering = covering || hit;
  }
  return { covering };
}

/* --- is it still ------------------------------------------------------------------------------ */

const centerOf = (e) => { const r = biggestRect(e); return [r.x + r.w / 2, r.y + r.h / 2]; };
function mayMove(e, id) {
  if (performance.now() - A.style.at < 120 && A.style.node && contains(A.style.node, e)) {
    return true;
  }
  const was = A.boxes.get(id);
  if (was && A.scroll === scrollX + ',' + scrollY && body(e) === e) {
    const r = e.getBoundingClientRect(), o = frameOrigin(e.ownerDocument.defaultView);
    if (Math.abs(o.x + r.left * o.s - was.x) > 1 || Math.abs(o.y + r.top * o.s - was.y) > 1) {
      return true;
    }
  }
  for (const a of e.ownerDocument.getAnimations()) {
    if (a.playState === 'running' && a.effect && a.effect.target &&
        contains(a.effect.target, e)) { return true; }
  }
  return false;
}
async function waitStill(e) {
  const a = centerOf(e);
  await nextFrame();
  await nextFrame();
  const b = centerOf(e);
  if (Math.abs(a[0] - b[0]) > 1 || Math.abs(a[1] - b[1]) > 1) {
    no('MOVING', 'the element is moving');
  }
}

/* --- aiming ----------------------------------------------------------------------------------- */

function intoView(e) { e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' }); }
function aim(e, target) {
  let s = spot(e, target);
  if (s.x === undefined || !s.center) {
    intoView(e);
    s = spot(e, target);
  }
  if (s.x === undefined) {
    if (!s.covering) { no('NOT_VISIBLE', 'the element cannot be scrolled into view'); }
    no('COVERED', 'the element is covered by ' + describe(s.covering));
  }
  return s;
}
function aimed(id, mustBeEnabled) {
  const e = get(id);
  const b = body(e);
  if (mustBeEnabled && isDisabled(e)) { no('DISABLED', 'the element is disabled'); }
  const done = () => {
    const s = aim(b, e);
    return 'OK\t' + s.x + '\t' + s.y;
  };
  if (mayMove(b, id)) {
    aim(b, e);
    return waitStill(b).then(done);
  }
  return done();
}
A.point = answered((id, mustBeEnabled) => { mark(); return aimed(id, mustBeEnabled); });
/* Asked right behind a press: answers when it has come and the page is quiet after it, as settling
 * would ask next; 'LATE' when it was not seen here. A touch has come with the click it becomes. */
A.pressed = (type, limitMs) => came(type).then((yes) => yes ? A.quiet(limitMs) : 'LATE');
A.scrollTo = answered((id) => {
  const e = get(id), b = isSeen(e) ? e : body(e), r = biggestRect(b);
  if (r.x < 0 || r.y < 0 || r.x + r.w > innerWidth || r.y + r.h > innerHeight ||
      spot(b, e).x === undefined) {
    intoView(b);
    return nextFrame().then(() => 'OK');
  }
  return 'OK';
});
A.focus = answered((id) => { get(id).focus(); return 'OK'; });

/* --- scrolling -------------------------------------------------------------------------------- */

function scrolls(e, dx, dy) {
  if (e.nodeType !== 1) { return false; }
  const c = e.ownerDocument.defaultView.getComputedStyle(e);
  return (dy && e.scrollHeight > e.clientHeight + 1 && /auto|scroll/.test(c.overflowY)) ||
    (dx && e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(c.overflowX));
}
A.scrollBy = answered((id, dx, dy) => {
  const page = document.scrollingElement || document.documentElement;
  let at = id > 0 ? get(id) : null, doc = at ? at.ownerDocument : document;
  let box = at && upTo(at, (n) => scrolls(n, dx, dy));
  if (!at && !(dy && page.scrollHeight > innerHeight + 1) && !(dx && page.scrollWidth > innerWidth)) {
    at = hitAt(innerWidth / 2, innerHeight / 2);
    box = at && upTo(at, (n) => scrolls(n, dx, dy));
    doc = at ? at.ownerDocument : document;
  }
  (box || doc.scrollingElement || doc.documentElement).scrollBy({ left: dx, top: dy,
    behavior: 'instant' });
  return nextFrame().then(turn).then(() => 'OK');
});

/* --- choosing --------------------------------------------------------------------------------- */

function findOption(e, want) {
  const all = Array.from(e.options), w = text(want), lower = w.toLowerCase();
  return all.find((o) => text(o.label) === w) || all.find((o) => text(o.text) === w) ||
    all.find((o) => o.value === want) || all.find((o) => text(o.label).toLowerCase() === lower);
}
/* A field that brings its own suggestions. */
function suggested(e, want) {
  const o = findOption(e.list, want) || no('NO_SUCH_OPTION', 'no option "' + text(want, 80) + '"');
  if (isDisabled(e)) { no('DISABLED', 'the field is disabled'); }
  if (e.readOnly) { no('NOT_EDITABLE', 'the field is read-only'); }
  aim(body(e), e);
  e.focus();
  if (e.value !== o.value) {
    e.value = o.value;
    fire(e, 'input');
    fire(e, 'change');
  }
  return 'OK';
}
A.select = answered((id, want) => {
  let e = get(id);
  if (e.localName === 'label' && e.control) { e = e.control; }
  if (e.localName === 'input' && e.list) { return suggested(e, want); }
  if (e.localName !== 'select') {
    const inner = e.querySelectorAll ? e.querySelectorAll('select') : [];
    if (inner.length !== 1) { no('NOT_SUPPORTED', describe(e) + ' is not a select'); }
    e = inner[0];
  }
  const b = body(e);
  if (isDisabled(e)) { no('DISABLED', 'the select is disabled'); }
  aim(b, e);
  const chosen = (e.multiple ? want.split('\n') : [want]).map((w) => findOption(e, w) ||
    no('NO_SUCH_OPTION', 'no option "' + text(w, 80) + '"'));
  for (const o of chosen) {
    if (o.disabled || (o.parentNode.localName === 'optgroup' && o.parentNode.disabled)) {
      no('DISABLED', 'the option "' + text(o.label, 80) + '" is disabled');
    }
  }
  e.focus();
  const before = Array.from(e.selectedOptions);
  if (before.length !== chosen.length || chosen.some((o) => !before.includes(o))) {
    for (const o of e.options) { o.selected = chosen.includes(o); }
    fire(e, 'input');
    fire(e, 'change');
  }
  return 'OK';
});
function toggleOf(e) {
  if (e.localName === 'label' && e.control) { return e.control; }
  if (isToggle(e) || e.hasAttribute('aria-checked') || e.hasAttribute('aria-pressed') ||
      e.hasAttribute('aria-selected')) { return e; }
  const inner = e.querySelectorAll ? e.querySelectorAll('input[type=checkbox],input[type=radio],' +
    '[role=checkbox],[role=radio],[role=switch]') : [];
  return inner.length === 1 ? inner[0] : no('NOT_SUPPORTED', describe(e) + ' cannot be checked');
}
const isOn = (e) => e.localName === 'input' ? e.checked
  : (e.getAttribute('aria-checked') || e.getAttribute('aria-pressed') ||
     e.getAttribute('aria-selected')) === 'true';
/* 'SAME', or where to press to bring it to `on`. */
A.toggle = answered((id, on) => {
  const e = toggleOf(get(id));
  if (isOn(e) === on) { return 'SAME'; }
  if (!on && e.type === 'radio') { no('NOT_EDITABLE', 'a radio button cannot be switched off'); }
  mark();
  return aimed(name(e), true);
});
A.toggled = answered((id, on) => {
  const n = byId(id);
  return !n || isOn(toggleOf(n)) === on ? 'OK'
    : no('NOT_EDITABLE', 'the element did not change when it was pressed');
});
/* The input a file goes into: itself, its label's, or the only one inside. */
A.fileInput = (id) => {
  const e = byId(id);
  const isFile = (n) => n && n.localName === 'input' && n.type === 'file';
  if (!e) { return null; }
  if (isFile(e)) { return e; }
  if (isFile(e.control)) { return e.control; }
  const inner = e.querySelectorAll('input[type=file]');
  return inner.length === 1 ? inner[0] : null;
};
A.fileState = answered((id) => {
  const e = get(id), input = A.fileInput(id);
  if (!input) { return 'NONE'; }
  if (input.disabled) { no('DISABLED', describe(e) + ' is disabled'); }
  return input.multiple ? 'MANY' : 'ONE';
});

/* --- dragging --------------------------------------------------------------------------------- */

let dragged = null;
A.watchDrag = () => {
  dragged = null;
  for (const doc of A.docs) {
    doc.addEventListener('dragstart', (e) => { dragged = e; }, { capture: true, once: true });
  }
  return 'OK';
};
A.dragging = () => nextFrame().then(() => dragged && !dragged.defaultPrevented ? '1' : '0');

/* --- quiet ------------------------------------------------------------------------------------ */

/* Resolves when nothing that was ready to run changes the page any more: at once when nothing
 * does, else after a frame without change, six frames at most. */
A.quiet = async (limitMs) => {
  const end = performance.now() + limitMs;
  await turn(); /* what was ready when we came is what the action did, not a change to wait for */
  let n = A.n;
  await turn();
  await turn();
  for (let i = 0; A.n !== n && i < 6 && performance.now() < end; i++) {
    n = A.n;
    await nextFrame();
  }
  return 'OK';
};

/* For a picture: what moves by itself and comes to an end is there, and what never does stands at its
 * beginning until it may go on. */
let stopped = [];
A.still = () => {
  for (const doc of new Set([document, ...A.docs])) {
    for (const a of doc.getAnimations()) {
      if (a.playState !== 'running' || a.timeline !== doc.timeline) { continue; }
      try {
        if (a.effect.getComputedTiming().endTime !== Infinity) {
          a.finish();
        } else {
          stopped.push([a, a.currentTime]);
          a.pause();
          a.currentTime = 0;
        }
      } catch { /* one that has no end, or was taken away */ }
    }
  }
  return 'OK';
};
A.goOn = () => {
  for (const [a, at] of stopped) {
    if (a.playState === 'paused') {
      a.currentTime = at;
      a.play();
    }
  }
  stopped = [];
  return 'OK';
};

/* --- frames of other processes, recorded selectors --------------------------------------------- */

A.frameRef = (e) => name(e);
A.frameBox = answered((id) => {
  const f = get(id), r = f.getBoundingClientRect(), o = frameOrigin(f.ownerDocument.defaultView);
  const c = f.ownerDocument.defaultView.getComputedStyle(f);
  return 'OK\t' + (o.x + (r.left + f.clientLeft + parseFloat(c.paddingLeft)) * o.s) + '\t' +
    (o.y + (r.top + f.clientTop + parseFloat(c.paddingTop)) * o.s);
});
A.intoView = answered((id) => { intoView(get(id)); return 'OK'; });
A.hitsFrame = answered((id, x, y) => {
  const f = get(id), hit = hitAt(x, y);
  return hit === f ? 'OK' : no('COVERED', 'the element is covered by ' +
    (hit ? describe(hit) : 'nothing that can be pressed'));
});
function everyRoot(doc, into) {
  into.push(doc);
  const all = doc.querySelectorAll('*');
  for (const e of all) {
    if (e.shadowRoot) { everyRoot(e.shadowRoot, into); }
    const inner = isFrame(e) ? frameDoc(e) : null;
    if (inner) { everyRoot(inner, into); }
  }
  return into;
}
A.find = answered((selector) => {
  let found = [];
  try {
    for (const r of everyRoot(document, [])) { found.push(...r.querySelectorAll(selector)); }
  } catch { no('NO_SUCH_ELEMENT', 'not a selector'); }
  if (found.length > 1) {
    const seen = found.filter(isSeen);
    if (seen.length) { found = seen; }
  }
  if (found.length === 0) { no('NO_SUCH_ELEMENT', 'no element matches the selector'); }
  if (found.length > 1) { no('AMBIGUOUS', found.length + ' elements match the selector'); }
  return 'OK\t' + name(found[0]);
});

Object.assign(A.lib, { no, answered, mark, came, describe, get, fire, aim, body, mayMove, waitStill });
})();
