import { get, make } from '/shop.js';

const feed = document.getElementById('feed');
const more = document.getElementById('more');
let page = 0;
let loading = false;

const seen = new IntersectionObserver(
  (entries) => { if (entries.some((e) => e.isIntersecting)) load(); }, { rootMargin: '200px' });

async function load() {
  if (loading || page < 0) return;
  loading = true;
  const items = await get(`/api/feed?page=${page}`);
  feed.append(...items.map((item) => make('li', {}, `Entry ${item.number}: the team ${item.text}`)));
  page = items.length === 0 ? -1 : page + 1;
  if (page < 0) more.textContent = 'That is all';
  loading = false;
  /* On a tall screen the end may still be in view, which is no change to tell of: ask anew. */
  seen.unobserve(more);
  if (page >= 0) seen.observe(more);
}

seen.observe(more);
