import { get } from '/shop.js';

const at = (id) => document.getElementById(id);
const POLL_MS = 100;

async function look() {
  const { order, status } = await get('/api/cart');
  at('number').textContent = order ? `AF-${order}` : 'none';
  at('status').textContent = status;
  at('confirmed').hidden = status !== 'confirmed';
  if (status === 'checking payment') setTimeout(look, POLL_MS);
}
await look();
