import { euro, get, make, post, showPieces, toast } from '/shop.js';

const words = document.getElementById('words');
const category = document.getElementById('category');
const count = document.getElementById('count');

async function add(product) {
  const { good, data } = await post('/api/cart', { product: product.id, add: 1 });
  if (!good) return toast('This did not fit into the basket');
  showPieces(data.pieces);
  return toast(`${product.name} is in your basket`);
}

function row(product) {
  return make('tr', {},
    make('td', {}, make('a', { href: `/product?id=${product.id}` }, product.name)),
    make('td', { class: 'hide-small' }, product.category), make('td', { class: 'number' }, euro(product.price)),
    make('td', {}, make('button', { type: 'button', disabled: product.soldOut, onclick: () => add(product) },
      product.soldOut ? 'Sold out' : 'Add to basket')));
}

async function search() {
  const query = new URLSearchParams({ q: words.value.trim(), category: category.value });
  const products = await get(`/api/products?${query}`);
  document.getElementById('rows').replaceChildren(...products.map(row));
  count.textContent = products.length === 0 ? 'Nothing found' : `${products.length} products`;
}

category.value = new URLSearchParams(location.search).get('category') ?? '';
document.getElementById('search').addEventListener('submit', (event) => { event.preventDefault(); search(); });
category.addEventListener('change', search);
await search();
