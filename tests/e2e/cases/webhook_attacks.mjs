// Receivers that misbehave, all at once: what each delivery says of it, and that none holds up another.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';

import { startReceiver } from '../lib/receiver.mjs';
import { organization, refused, sql, until, want } from '../lib/world.mjs';

const require = createRequire(new URL('../../../build/npm/webhooks/', import.meta.url));
const { Webhook } = require('standardwebhooks');

const AT = '/api/v1/integrations/webhooks';
const LONG = 100 * 1024 * 1024;
let org;
let hooks;
const servers = [];
before(async () => {
  org = await organization();
  hooks = await startReceiver();
});
after(() => {
  hooks.stop();
  for (const { server, sockets } of servers) {
    sockets.forEach((s) => s.destroy());
    server.close();
  }
});

const admin = (body) => ({ token: org.admin, body });
const create = (url, more = {}) => want(200, 'POST', AT, admin({ url, event_types: ['app.deleted'], ...more }));
const last = async (hook) => (await want(200, 'GET', `${AT}/${hook.id}/deliveries`, { token: org.developer }))[0];

// A server that hands every connection to `fn` once it has sent something.
async function serve(fn, options) {
  const sockets = new Set();
  const onSocket = (s) => {
    sockets.add(s);
    s.on('error', () => {});
    s.on('close', () => sockets.delete(s));
    s.once('data', () => fn(s));
  };
  const server = options ? tls.createServer(options, onSocket) : net.createServer(onSocket);
  server.on('tlsClientError', () => {});
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ server, sockets });
  return server.address().port;
}

// Writes `text` byte by byte.
function drip(socket, text, ms) {
  let at = 0;
  const timer = setInterval(() => (at < text.length ? socket.write(text[at++]) : clearInterval(timer)), ms);
  socket.on('close', () => clearInterval(timer));
}

const flooded = { bytes: 0 };
function flood(socket) {
  const part = Buffer.alloc(65536, 'x');
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LONG}\r\n\r\n`);
  const more = () => {
    while (flooded.bytes < LONG && !socket.destroyed) {
      flooded.bytes += part.length;
      if (!socket.write(part)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}

function certificate() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'assay-tls-'));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=elsewhere.example', '-keyout', `${dir}/key`, '-out', `${dir}/cert`], { stdio: 'ignore' });
  const made = { key: fs.readFileSync(`${dir}/key`), cert: fs.readFileSync(`${dir}/cert`) };
  fs.rmSync(dir, { recursive: true });
  return made;
}

const OK = 'HTTP/1.1 200 OK\r\n';
// What each does, and what its first attempt is then stored with.
const RECEIVERS = {
  'closes at once': { fn: (s) => s.destroy(), status: null, error: /^LOST: / },
  'speaks no HTTP': { fn: (s) => s.end('SSH-2.0-OpenSSH_9.2\r\n'), status: null, error: /^BAD_ANSWER: / },
  'never answers': { fn: () => {}, status: null, error: /^TIMEOUT: / },
  'drips its head': { fn: (s) => drip(s, `${OK}X-Long: ${'a'.repeat(500)}`, 1000), status: null, error: /^TIMEOUT: / },
  'drips its body': { fn: (s) => { s.write(`${OK}Content-Length: 500\r\n\r\n`); drip(s, 'b'.repeat(500), 1000); }, status: 200, excerpt: /^b{3,15}$/ },
  'never ends': { fn: (s) => s.write(`${OK}\r\nhalf`), status: 200, excerpt: /^half$/ },
  'breaks off': { fn: (s) => s.end(`${OK}Content-Length: 99\r\n\r\nhalf`), status: 200, excerpt: /^half$/ },
  'sends 100 MB': { fn: flood, status: 200, excerpt: /^x{2048}$/ },
  'sends garbage': { fn: (s) => s.end(Buffer.concat([Buffer.from(`${OK}Content-Length: 6\r\n\r\n`), Buffer.from([0, 255, 65, 195, 40, 10])])), status: 200, excerpt: /^\?\?A\?\(\n$/ },
  'sends its head again and again': { fn: (s) => s.end('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(50) + `${OK}Content-Length: 0\r\n\r\n`), status: 200, excerpt: /^$/ },
  'redirects to our metadata': { fn: (s) => s.end('HTTP/1.1 307 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n'), status: 307, error: /status 307/ },
  'refuses': { fn: (s) => s.end('HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\nnope'), status: 500, error: /status 500/, excerpt: /^nope$/ },
};

test('every receiver that misbehaves gets an honest record, and the well-behaved one waits for none of them', async () => {
  const cases = [];
  for (const [name, receiver] of Object.entries(RECEIVERS)) {
    cases.push({ name, ...receiver, hook: await create(`http://127.0.0.1:${await serve(receiver.fn)}/x`, { name }) });
  }
  const port = await serve((s) => s.end(`${OK}Content-Length: 0\r\n\r\n`), certificate());
  cases.push({ name: 'has a foreign certificate', status: null, error: /^TLS: .*certificate/, hook: await create(`https://127.0.0.1:${port}/x`) });
  cases.push({ name: 'has no TLS', status: null, error: /^TLS: /, hook: await create(`https://127.0.0.1:${await serve((s) => s.end('HTTP/1.1 400 X\r\n\r\n'))}/x`) });
  const well = await create(hooks.url);
  await Promise.all([...cases, { hook: well }].map(({ hook }) => want(200, 'POST', `${AT}/${hook.id}/test`, admin())));
  const end = await until('the good one is served', async () => {
    const d = await last(well);
    return d.status === 'delivered' ? d : null;
  }, 30);
  assert.equal(end.attempt, 1);
  const hung = await last(cases.find((c) => c.name === 'never answers').hook);
  assert.ok(hung.error === null || hung.attempt === 1, 'it was served while others hung');
  for (const { name, hook, status, error, excerpt } of cases) {
    const d = await until(`${name}: its first attempt is over`, async () => {
      const now = await last(hook);
      return now.status !== 'pending' || now.error ? now : null;
    }, 60);
    assert.equal(d.response_status, status, `${name}: ${JSON.stringify(d)}`);
    assert.equal(d.status, status === 200 ? 'delivered' : 'pending', name);
    assert.match(String(d.error ?? ''), error ?? /^$/, name);
    if (excerpt) {
      assert.match(d.response_excerpt, excerpt, name);
    }
  }
  assert.ok(flooded.bytes < LONG / 2, `${flooded.bytes} bytes were taken`);
  await Promise.all([...cases, { hook: well }].map(({ hook }) => want(200, 'DELETE', `${AT}/${hook.id}`, admin())));
});

test('a secret that is rotated and an endpoint that is deleted while it is being called', async () => {
  const held = [];
  const port = await serve((s) => held.push(s));
  const kept = await create(`http://127.0.0.1:${port}/kept`);
  const gone = await create(`http://127.0.0.1:${port}/gone`);
  await want(200, 'POST', `${AT}/${kept.id}/test`, admin());
  await want(200, 'POST', `${AT}/${gone.id}/test`, admin());
  await until('both are called', () => held.length === 2, 20);
  const { secret } = await want(200, 'POST', `${AT}/${kept.id}/regenerate-secret`, admin());
  await want(200, 'DELETE', `${AT}/${gone.id}`, admin());
  held.forEach((s) => s.end(`${OK}Content-Length: 2\r\n\r\nok`));
  await until('the attempt under way counts', async () => (await last(kept)).status === 'delivered', 20);
  assert.equal(sql(`SELECT count(*) FROM webhooks.deliveries WHERE endpoint_id = ${gone.id}`)[0][0], '0');
  await want(200, 'PATCH', `${AT}/${kept.id}`, admin({ url: hooks.url }));
  const next = await want(200, 'POST', `${AT}/${kept.id}/test`, admin());
  const hit = await until('the next is signed anew', () => hooks.hits.find((h) => h.headers['x-assay-delivery'] === String(next.delivery_id)), 20);
  assert.ok(hooks.isSigned(hit, secret));
  new Webhook(secret).verify(hit.body, hit.headers);
  new Webhook(kept.secret).verify(hit.body, hit.headers);
  await want(200, 'DELETE', `${AT}/${kept.id}`, admin());
});

test('text of every alphabet arrives as it was, and its signature holds', async () => {
  const hook = await create(hooks.url, { name: 'Ünïcode \u{1F680} عربي 漢字 \u0000'.replace('\u0000', '') });
  const name = 'Über \u{1F469}‍\u{1F4BB} "q" \\ </script> \u2028 עברית';
  const app = await want(200, 'POST', '/api/v1/apps/', { token: org.developer, body: { name, platform: 'web', url: 'http://127.0.0.1:9/' } });
  await want(200, 'DELETE', `/api/v1/apps/${app.public_id}`, { token: org.admin });
  const hit = await until('the event arrives', () => hooks.hits.find((h) => h.json.type === 'app.deleted' && h.json.data.app_public_id === app.public_id), 20);
  assert.equal(hit.json.data.name, name);
  assert.ok(hooks.isSigned(hit, hook.secret));
  new Webhook(hook.secret).verify(hit.body, hit.headers);
  const d = await until('it is stored', async () => {
    const now = await last(hook);
    return now.status === 'delivered' ? now : null;
  }, 20);
  assert.deepEqual(d.payload, hit.json);
  await want(200, 'DELETE', `${AT}/${hook.id}`, admin());
});

test('the same address twice makes two webhooks with secrets of their own; one key makes one, and shows its secret once', async () => {
  const [a, b] = await Promise.all([create(hooks.url), create(hooks.url)]);
  assert.notEqual(a.id, b.id);
  assert.notEqual(a.secret, b.secret);
  const options = { ...admin({ url: hooks.url }), headers: { 'idempotency-key': `twice-${a.id}` } };
  const first = await want(200, 'POST', AT, options);
  const list = await want(200, 'GET', AT, { token: org.developer });
  const again = await fetch(`${process.env.ASSAY_URL}${AT}`, {
    method: 'POST', body: JSON.stringify(options.body),
    headers: { authorization: `Bearer ${org.admin}`, 'content-type': 'application/json', ...options.headers },
  });
  assert.ok([200, 409].includes(again.status), String(again.status));
  assert.deepEqual(await want(200, 'GET', AT, { token: org.developer }), list);
  assert.ok(!JSON.stringify(list).includes('whsec_'));
  await refused(422, 'url', 'POST', AT, admin({ url: 'http://[fe80::1%25eth0]/' }));
  for (const hook of [a, b, first]) {
    await want(200, 'DELETE', `${AT}/${hook.id}`, admin());
  }
});
