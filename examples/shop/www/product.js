import { euro, get, make, post, showPieces, toast } from '/shop.js';

const STYLE = 'button{font:inherit;font-size:1.5rem;background:none;border:0;cursor:pointer;color:#c8622d;padding:0 .15rem}p{margin:.2rem 0 1rem}';

// Five stars in a shadow tree, as component libraries make them.
class StarRating extends HTMLElement {
  connectedCallback() {
    const root = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.said = make('p', { role: 'status' }, 'Not rated yet');
    this.stars = [1, 2, 3, 4, 5].map((n) => make('button', {
      type: 'button', 'aria-label': n === 1 ? '1 star' : `${n} stars`, 'aria-pressed': 'false', onclick: () => this.rate(n) }, '☆'));
    root.append(make('div', { role: 'group', 'aria-label': 'Rating' }, ...this.stars), this.said);
  }

  rate(value) {
    this.stars.forEach((star, i) => {
      star.textContent = i < value ? '★' : '☆';
      star.setAttribute('aria-pressed', String(i + 1 === value));
    });
    this.said.textContent = `You gave ${value} of 5 stars`;
  }
}
customElements.define('star-rating', StarRating);

const tabs = [...document.querySelectorAll('[role=tab]')];
function choose(tab) {
  for (const other of tabs) {
    const on = other === tab;
    other.setAttribute('aria-selected', String(on));
    other.tabIndex = on ? 0 : -1;
    document.getElementById(other.getAttribute('aria-controls')).hidden = !on;
  }
  tab.focus();
}
tabs.forEach((tab, i) => {
  tab.addEventListener('click', () => choose(tab));
  tab.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose(tabs[(i + step + tabs.length) % tabs.length]);
  });
});

const id = Number(new URLSearchParams(location.search).get('id'));
const product = (await get('/api/products')).find((p) => p.id === id);
const add = document.getElementById('add');
document.getElementById('name').textContent = product ? product.name : 'No such product';
if (product) {
  document.title = `${product.name} | Alder & Finch`;
  document.getElementById('price').textContent = euro(product.price);
}
add.disabled = !product || product.soldOut;
add.addEventListener('click', async () => {
  const { good, data } = await post('/api/cart', { product: id, add: 1 });
  if (good) { showPieces(data.pieces); toast(`${product.name} is in your basket`); }
});
