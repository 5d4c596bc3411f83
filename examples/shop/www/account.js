import { make, me, toast } from '/shop.js';

const view = document.getElementById('view');
const addresses = ['Elm Street 4, Vienna'];
let letters = true;

function addressForm() {
  const input = make('input', { id: 'address' });
  return make('form', { onsubmit: (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    addresses.push(input.value.trim());
    toast('Address saved');
    show();
  } }, make('div', { class: 'field' }, make('label', { for: 'address' }, 'New address'), input),
  make('button', {}, 'Save address'));
}

const VIEWS = {
  overview: () => [make('h2', {}, 'Overview'), make('p', {}, `Welcome back, ${me.name}. You have no open orders.`)],
  addresses: () => [make('h2', {}, 'Addresses'),
    make('ul', { 'aria-label': 'Addresses' }, ...addresses.map((text) => make('li', {}, text))), addressForm()],
  settings: () => [make('h2', {}, 'Settings'),
    make('label', { class: 'choice' }, make('input', { type: 'checkbox', role: 'switch', checked: letters,
      onchange: (event) => { letters = event.target.checked; toast('Settings saved'); } }), ' Monthly letter')],
};

function show() {
  const name = new URLSearchParams(location.search).get('view') ?? 'overview';
  view.replaceChildren(...(VIEWS[name] ?? VIEWS.overview)());
  document.title = `${view.querySelector('h2').textContent} | Alder & Finch`;
  for (const anchor of document.querySelectorAll('nav[aria-label=Account] a')) {
    const here = anchor.href === location.href;
    if (here) anchor.setAttribute('aria-current', 'page'); else anchor.removeAttribute('aria-current');
  }
}

document.querySelector('nav[aria-label=Account]').addEventListener('click', (event) => {
  const anchor = event.target.closest('a');
  if (!anchor) return;
  event.preventDefault();
  history.pushState(null, '', anchor.href);
  show();
});
window.addEventListener('popstate', show);
document.getElementById('stranger').hidden = Boolean(me.name);
document.getElementById('area').hidden = !me.name;
if (me.name) show();
