// An app under test on 127.0.0.1 that counts: GET /count/NAME is a page headed NAME; GET /slow/NAME
// shows 'ready' after a second, and while NAME is held not before it is released.
import http from 'node:http';

export async function startSite() {
  const counts = new Map();
  const held = new Map(); // by name, what waits for the release
  const server = http.createServer((req, res) => {
    const [, kind, name] = new URL(req.url, 'http://x').pathname.split('/');
    if (kind === 'count' || kind === 'slow') {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    if (kind === 'gate' && held.has(name)) {
      held.get(name).push(res);
      return;
    }
    const script = kind === 'slow' ? `<script>fetch('/gate/${name}').finally(() => setTimeout(() => {
      document.getElementById('s').textContent = 'ready'; }, 1000))</script>` : '';
    res.setHeader('content-type', 'text/html; charset=utf-8');
    res.setHeader('cache-control', 'no-store');
    res.statusCode = req.url === '/favicon.ico' ? 404 : 200;
    res.end(`<!doctype html><title>t</title><h1>${name ?? 'Home'}</h1><p id="s">wait</p>${script}`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    count: (name) => counts.get(name) ?? 0,
    hold: (name) => held.set(name, []),
    release: (name) => {
      const waiting = held.get(name) ?? [];
      held.delete(name);
      waiting.forEach((res) => res.end());
    },
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}
