// The frame of every page: header, menu, footer, toast, and the few helpers the pages share.
export const euro = (cents) => `€${(cents / 100).toFixed(2)}`;

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export async function get(path) {
  const answer = await fetch(path);
  return answer.json();
}

export async function post(path, fields) {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  const answer = await fetch(path, { method: 'POST', body });
  return { good: answer.ok, data: await answer.json() };
}

const TOAST_MS = 1200;
let toastTimer = 0;
export function toast(text) {
  const place = document.getElementById('toast');
  place.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { place.textContent = ''; }, TOAST_MS);
}

export function showPieces(pieces) {
  document.getElementById('basket-link').textContent = `Basket (${pieces})`;
}

const PAGES = [['/catalogue', 'Catalogue'], ['/board', 'Room planner'], ['/activity', 'Activity']];
const DEPARTMENTS = ['Kitchen', 'Dining', 'Office', 'Garden', 'Living'];

const link = ([href, text]) => make('li', {},
  make('a', { href, 'aria-current': location.pathname === href ? 'page' : null }, text));

function departments() {
  const items = DEPARTMENTS.map((name) => link([`/catalogue?category=${name}`, name]));
  return make('li', { class: 'menu' },
    make('button', { class: 'plain', type: 'button', 'aria-haspopup': 'true' }, 'Departments'), make('ul', {}, ...items));
}

function signOut() {
  return make('form', { method: 'post', action: '/sign-out' },
    make('button', { class: 'plain' }, 'Sign out'));
}

function header(me) {
  const who = make('div', { class: 'who' });
  if (me.name) who.append(make('a', { href: '/account' }, `Hello, ${me.name}`), signOut());
  else who.append(make('a', { href: '/login' }, 'Sign in'), make('a', { href: '/register' }, 'Register'));
  who.append(make('a', { href: '/cart', id: 'basket-link' }, `Basket (${me.pieces})`));
  return make('header', {}, make('div', { class: 'bar' },
    make('a', { class: 'brand', href: '/' }, 'Alder & Finch'),
    make('nav', { 'aria-label': 'Main' }, make('ul', {}, departments(), ...PAGES.map(link))), who));
}

function footer() {
  return make('footer', {}, 'Alder & Finch, goods for the house. ',
    make('a', { href: '/terms', target: '_blank', rel: 'noopener' }, 'Terms of sale'));
}

export const me = await get('/api/me');
if (!document.body.hasAttribute('data-bare')) {
  document.body.prepend(header(me));
  document.body.append(footer(), make('div', { id: 'toast', role: 'status' }));
}
