import { euro, get, post } from '/shop.js';

const at = (id) => document.getElementById(id);
let paid = '';

window.addEventListener('message', (event) => {
  if (event.origin === location.origin) paid = String(event.data.card ?? '');
});

at('agree').addEventListener('change', () => { at('place').disabled = !at('agree').checked; });

at('gift').addEventListener('click', () => {
  const text = window.prompt('What shall we write on the card?', '');
  if (text) at('note').textContent = `Gift note: ${text}`;
});

function missing() {
  if (!at('name').value || !at('street').value || !at('city').value) return 'Enter your name and address.';
  if (!paid) return 'Save your card details first.';
  return '';
}

at('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  at('message').textContent = missing();
  if (at('message').textContent) return;
  if (!window.confirm(`Order now and pay with the card ending in ${paid}?`)) return;
  const { good } = await post('/api/cart', { order: 1 });
  if (good) location.assign('/order');
  else at('message').textContent = 'Your basket is empty.';
});

at('total').textContent = euro((await get('/api/cart')).total);
