/* SPDX-License-Identifier: Apache-2.0
 *
 * What an element is called, what it holds and how it is. */
(() => {
'use strict';
const A = globalThis.__assay;
if (A.root !== A || A.lib.accessibleName) { return; }
const { R, F, MAX_FIELD, MAX_TEXT, SEEN, fold, clip, text, upTo, roleOf, SKIP, INLINE, LEAF, NAMED,
  FIELD } = A.lib;

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
const PARTS = new Set([R.BUTTON, R.LINK, R.CHECKBOX, R.RADIO, R.SWITCH, R.IMAGE]);
/* What an entry with buttons or links in it is called: its words before the first of them, or else
 * behind it. Empty where there are fields or blocks, which have captions. */
function entryWords(e, parts = ['']) {
  for (let n = e.firstChild; n; n = n.nextSibling) {
    if (n.nodeType === 3) {
      parts[parts.length - 1] += n.data;
    } else if (n.nodeType === 1 && !SKIP.has(n.localName) &&
               n.getAttribute('aria-hidden') !== 'true' && n.checkVisibility(SEEN)) {
      const role = roleOf(n, n.localName);
      if (PARTS.has(role)) {
        parts.push('');
      } else if (role !== -1 || !INLINE.has(n.localName) || !entryWords(n, parts)) {
        return null;
      }
    }
  }
  return parts;
}
function entryName(e) {
  const parts = entryWords(e);
  return parts && parts.length > 1 ? text(parts.find((p) => /\S/.test(p)) || '') : '';
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
  return now ? text(now) : role === R.COMBOBOX ? text(e.innerText, MAX_TEXT) : '';
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
/* What is said beside its name: a hint, an error. */
function descriptionOf(e) {
  let s = byRefs(e, 'aria-describedby');
  if (e.getAttribute('aria-invalid') === 'true') { s += ' ' + byRefs(e, 'aria-errormessage'); }
  if (e.willValidate && e.validationMessage && e.matches(':user-invalid')) {
    s += ' ' + e.validationMessage;
  }
  return text(s);
}

Object.assign(A.lib, { accessibleName, entryName, labelOf, headerOf, dialogLabel, valueOf, stateOf,
  descriptionOf, isDisabled });
})();
