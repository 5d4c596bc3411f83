import { euro, get, make, post, showPieces } from '/shop.js';

const at = (id) => document.getElementById(id);

async function set(product, quantity) {
  const { good, data } = await post('/api/cart', { product: product.id, quantity });
  show(good ? data : await get('/api/cart'));
}

function row({ product, quantity }) {
  const label = `Quantity of ${product.name}`;
  return make('tr', {},
    make('td', {}, product.name), make('td', { class: 'number hide-small' }, euro(product.price)),
    make('td', {}, make('input', { type: 'number', min: 1, max: 99, value: quantity, 'aria-label': label,
      onchange: (event) => set(product, event.target.value) })),
    make('td', { class: 'number' }, euro(product.price * quantity)),
    make('td', {}, make('button', { class: 'plain', type: 'button', onclick: () => set(product, 0) }, 'Remove')));
}

function show(cart) {
  at('empty').hidden = cart.lines.length > 0;
  at('filled').hidden = cart.lines.length === 0;
  at('rows').replaceChildren(...cart.lines.map(row));
  at('subtotal').textContent = euro(cart.subtotal);
  at('discount').hidden = at('discount-name').hidden = cart.discount === 0;
  at('discount').textContent = `-${euro(cart.discount)}`;
  at('shipping').textContent = cart.shipping === 0 ? 'free' : euro(cart.shipping);
  at('total').textContent = euro(cart.total);
  showPieces(cart.pieces);
}

at('coupon-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { good, data } = await post('/api/cart', { coupon: at('coupon').value.trim() || '-' });
  at('message').className = good ? 'good' : 'error';
  at('message').textContent = good ? 'Coupon applied: 10 % off' : 'We do not know this coupon.';
  show(good ? data : await get('/api/cart'));
});

show(await get('/api/cart'));
