/* SPDX-License-Identifier: Apache-2.0
 *
 * Text into fields: typed, put in at once, or set where only a script can. */
(() => {
'use strict';
const A = globalThis.__assay;
if (A.root !== A || A.ready) { return; }
const { name, byId, activeElement, isDisabled, no, answered, describe, get, aim, body, mayMove, waitStill,
  mark, came, fire } = A.lib;

const SET = new Set(['date', 'time', 'month', 'week', 'datetime-local', 'range', 'color']);
const NOT_TEXT = new Set(['checkbox', 'radio', 'file', 'submit', 'button', 'reset', 'image',
  'hidden']);
const isField = (e) => (e.localName === 'input' && !NOT_TEXT.has(e.type)) ||
  e.localName === 'textarea' || e.isContentEditable;
function fieldOf(e) {
  if (isField(e)) { return e; }
  if (e.localName === 'label' && e.control && isField(e.control)) { return e.control; }
  const inner = e.querySelector
    ? e.querySelectorAll('input:not([type=hidden]),textarea,[contenteditable]') : [];
  if (inner.length === 1 && isField(inner[0])) { return inner[0]; }
  return no('NOT_EDITABLE', describe(e) + ' takes no text');
}
const textIn = (e) => e.isContentEditable ? e.innerText.replace(/\n$/, '') : e.value;

const two = (n) => String(n).padStart(2, '0');
/* What a person would write, as the control wants it. */
function asControl(type, s) {
  const t = s.trim();
  const probe = document.createElement('input');
  probe.type = type;
  probe.value = t;
  if (probe.value && (type !== 'range' && type !== 'color' || probe.value === t.toLowerCase())) {
    return probe.value;
  }
  if (type === 'range') { return t !== '' && isFinite(t) ? t : ''; }
  const hm = /^(\d{1,2})(?::(\d{2}))?\s*(am|pm)?$/i.exec(t);
  if (type === 'time' && hm && (hm[2] || hm[3])) {
    return two(+hm[1] % (hm[3] ? 12 : 24) + (/pm/i.test(hm[3] || '') ? 12 : 0)) + ':' +
      (hm[2] || '00');
  }
  /* A date in words is plain; 03/04/2026 means two things and is refused. */
  const d = /[a-z]{3}/i.test(t) ? new Date(t) : new Date(NaN);
  if (isNaN(d)) { return ''; }
  const day = d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate());
  return type === 'date' ? day : type === 'month' ? day.slice(0, 7)
    : type === 'datetime-local' ? day + 'T' + two(d.getHours()) + ':' + two(d.getMinutes()) : '';
}
function setValue(e, s) {
  const v = s === '' ? '' : asControl(e.type, s);
  if (s !== '' && v === '') { no('NOT_EDITABLE', 'not a value this field takes'); }
  e.focus();
  if (e.value !== v) {
    e.value = v;
    if (v !== '' && e.value === '') { no('NOT_EDITABLE', 'not a value this field takes'); }
    fire(e, 'input');
    fire(e, 'change');
  }
  return 'SET';
}
function place(e, all) {
  if (e.isContentEditable) {
    const doc = e.ownerDocument, range = doc.createRange(), s = doc.defaultView.getSelection();
    range.selectNodeContents(e);
    if (!all) { range.collapse(false); }
    s.removeAllRanges();
    s.addRange(range);
    return 'TYPE';
  }
  if (all) { e.select(); return 'TYPE'; }
  try {
    e.setSelectionRange(e.value.length, e.value.length);
    return 'TYPE';
  } catch { return 'END'; /* number and email tell no caret: the End key moves it */ }
}
/* Puts text in as an input method would, with the events a person's typing has: one message less to
 * the browser. Editors of rich text and texts of several lines go the long way. */
function put(e, block) {
  return block !== '' && !e.isContentEditable && !/[\u0000-\u001f]/.test(block) &&
    e.ownerDocument.execCommand('insertText', false, block);
}
/* Makes the field ready for text: focused, with all selected or the caret at the end. Answers
 * 'TYPE' or 'END', 'PUT' when the block is in it, or 'SET' when the value is set already, then the
 * field's id and point. */
function ready(id, s, all, block) {
  const e = fieldOf(id > 0 ? get(id) : activeElement() || document.body);
  if (isDisabled(e)) { no('DISABLED', 'the field is disabled'); }
  if (e.readOnly || e.getAttribute('aria-readonly') === 'true') {
    no('NOT_EDITABLE', 'the field is read-only');
  }
  const key = name(e);
  const go = () => {
    const s2 = id > 0 ? aim(body(e), e) : { x: 0, y: 0 };
    if (SET.has(e.type) && !e.isContentEditable) {
      return (all ? setValue(e, s) : setValue(e, e.value + s)) + '\t' + key + '\t' + s2.x + '\t' +
        s2.y;
    }
    A.before = textIn(e);
    mark();
    e.focus({ preventScroll: true });
    const how = place(e, all);
    return (how === 'TYPE' && put(e, block) ? 'PUT' : how) + '\t' + key + '\t' + s2.x + '\t' + s2.y + '\t' +
      (e.getRootNode().activeElement === e || e.isContentEditable ? 1 : 0);
  };
  return id > 0 && mayMove(body(e), id) ? waitStill(body(e)).then(go) : go();
}
A.ready = answered(ready);
const loose = (s) => s.replace(/\r\n?/g, '\n').replace(/\u00a0/g, ' ').trim();
/* Did the text arrive? A field may format what is typed, but it must have taken something. Answers
 * when the page is quiet, as settling would ask next; 'LATE' when the key was not seen. */
A.arrived = answered((id, s, all, byKey) =>
  byKey ? came('keyup').then((up) => up ? arrived(id, s, all) : 'LATE') : arrived(id, s, all));
function arrived(id, s, all) {
  const e = byId(id);
  const v = e && textIn(e); /* gone with what the text caused: nothing to compare */
  const there = !e || (all ? loose(v) === loose(s) : loose(v).endsWith(loose(s)));
  if (!there && (s === '' ? v !== '' : v === A.before && v !== s)) {
    no('NOT_EDITABLE', 'the field did not take the text');
  }
  return A.quiet(2000);
}
})();
