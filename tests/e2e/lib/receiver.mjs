// A receiver of webhooks that checks signatures by itself, from the contract alone.
import crypto from 'node:crypto';
import http from 'node:http';

function isSigned(hit, secret) {
  const sign = (text) => crypto.createHmac('sha256', secret).update(text).digest('hex');
  const wanted = `sha256=${sign(`${hit.headers['x-assay-timestamp']}.${hit.body}`)}`;
  return hit.headers['x-assay-signature'] === wanted;
}

export async function startReceiver() {
  const hits = [];
  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8');
      hits.push({ path: req.url, headers: req.headers, body, json: JSON.parse(body), at: Date.now() });
      res.statusCode = 204;
      res.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    hits,
    // Deliveries that differ by event: a repeated delivery of the same event is one.
    events: () => [...new Map(hits.map((h) => [h.json.id, h])).values()],
    isSigned,
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}
