// What every answer has in common: request ids, validators, idempotency keys.
import assert from 'node:assert/strict';
import net from 'node:net';
import { before, test } from 'node:test';
import zlib from 'node:zlib';

import { base, exchange } from '../lib/http.mjs';
import { call, makeApp, makeSuite, organization, unique, want } from '../lib/world.mjs';

let org;
before(async () => {
  org = await organization();
});

test('health answers without a token, at both places', async () => {
  for (const path of ['/health', '/api/v1/health', '/health/ready', '/api/v1/health/ready']) {
    assert.equal(typeof (await want(200, 'GET', path)).status, 'string');
  }
});

test('the document the server serves is the one the tests use', async () => {
  const res = await exchange('GET', '/openapi.json');
  assert.equal(res.status, 200);
  const fs = await import('node:fs');
  assert.deepEqual(res.json.paths, JSON.parse(fs.readFileSync(process.env.E2E_OPENAPI)).paths);
});

test('a request id is echoed when it is one, and made when it is not', async () => {
  const echoed = await call('GET', '/api/v1/health', { headers: { 'x-request-id': 'my-id.42_X' } });
  assert.equal(echoed.headers['x-request-id'], 'my-id.42_X');
  const ids = new Set();
  for (const headers of [{}, {}, { 'x-request-id': 'a b"<c' }, { 'x-request-id': 'x'.repeat(5000) }]) {
    const id = (await call('GET', '/api/v1/health', { headers })).headers['x-request-id'];
    assert.match(id, /^[A-Za-z0-9._-]{8,128}$/);
    ids.add(id);
  }
  assert.equal(ids.size, 4);
  const failed = await call('GET', '/api/v1/apps/', { headers: { 'x-request-id': 'f-1' } });
  assert.equal(failed.headers['x-request-id'], 'f-1');
});

test('a list that has not changed is 304, one that has is sent', async () => {
  const token = org.developer;
  await makeSuite(org);
  const first = await call('GET', '/api/v1/tests/suites', { token });
  const { etag } = first.headers;
  assert.ok(etag);
  const same = await call('GET', '/api/v1/tests/suites', { token, headers: { 'if-none-match': etag } });
  assert.equal(same.status, 304);
  assert.equal(same.bytes.length, 0);
  const listed = await call('GET', '/api/v1/tests/suites', { token, headers: { 'if-none-match': `"x", W/${etag.replace(/^W\//, '')}` } });
  assert.equal(listed.status, 304);
  await makeSuite(org);
  const changed = await call('GET', '/api/v1/tests/suites', { token, headers: { 'if-none-match': etag } });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.etag, etag);
  const other = await organization();
  const foreign = await call('GET', '/api/v1/tests/suites', { token: other.developer, headers: { 'if-none-match': changed.headers.etag } });
  assert.equal(foreign.status, 200);
});

test('a client that takes gzip gets what others get', async () => {
  const token = org.developer;
  for (let i = 0; i < 10; i++) {
    await makeSuite(org, { app: null, description: 'd'.repeat(200) });
  }
  const plain = await exchange('GET', '/api/v1/tests/suites', { token });
  const packed = await exchange('GET', '/api/v1/tests/suites', { token, headers: { 'accept-encoding': 'gzip' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.match(packed.headers.vary ?? '', /accept-encoding/i);
  assert.deepEqual(zlib.gunzipSync(packed.bytes), plain.bytes);
  assert.equal(plain.headers['content-encoding'], undefined);
  const refusing = await exchange('GET', '/api/v1/tests/suites', { token, headers: { 'accept-encoding': 'gzip;q=0, identity' } });
  assert.equal(refusing.headers['content-encoding'], undefined);
});

test('HEAD answers like GET, without a body', async () => {
  const res = await exchange('HEAD', '/api/v1/tests/suites', { token: org.developer });
  assert.equal(res.status, 200);
  assert.equal(res.bytes.length, 0);
});

test('security headers and caching are set on answers with data', async () => {
  const res = await call('GET', '/api/v1/tests/suites', { token: org.developer });
  assert.equal(res.headers['x-content-type-options'], 'nosniff');
  assert.match(res.headers['cache-control'] ?? '', /no-store|no-cache|private/);
});

const POST_SUITE = ['POST', '/api/v1/tests/suites'];
const withKey = (key, body, token) => ({ token: token ?? org.developer, headers: { 'idempotency-key': key }, body });

// Sends the text as it is over a connection of its own; until the server ends it.
function raw(text) {
  const url = new URL(base());
  return new Promise((resolve, reject) => {
    let got = '';
    const socket = net.connect(url.port, url.hostname, () => socket.write(text));
    socket.setEncoding('latin1');
    socket.setTimeout(60000, () => socket.destroy(new Error('the connection stays open')));
    socket.on('data', (part) => (got += part));
    socket.on('error', (e) => (e.code === 'ECONNRESET' || e.code === 'EPIPE' ? resolve(got) : reject(e)));
    socket.on('close', () => resolve(got));
  });
}
const HEALTH = 'GET /health HTTP/1.1\r\nHost: a\r\n';
const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map((m) => m[1]);

test('what is no request ends its connection, after the answers before it', async () => {
  const next = `${HEALTH}\r\n`;
  assert.deepEqual(statuses(await raw(`${next}\x01\x02 garbage\r\n\r\n${next}`)), ['200', '400']);
  assert.deepEqual(statuses(await raw(`${next}${HEALTH}Content-Length: 1\r\nContent-Length: 2\r\n\r\n${next}`)), ['200', '400']);
  const many = Array.from({ length: 70 }, (_, i) => `X-${i}: ${i}\r\n`).join('');
  assert.deepEqual(statuses(await raw(`${HEALTH}${many}\r\n${next}`)), ['431']);
  assert.ok(statuses(await raw(`${HEALTH}X: ${'x'.repeat(20000)}\r\n\r\n${next}`)).every((status) => status === '431'));
});

test('clients that never finish a head hold nobody up', async () => {
  const url = new URL(base());
  const slow = Array.from({ length: 10 }, () => net.connect(url.port, url.hostname));
  await Promise.all(slow.map((socket) => new Promise((sent) => socket.write(HEALTH, sent))));
  const answers = await Promise.all(Array.from({ length: 10 }, () => want(200, 'GET', '/health')));
  slow.forEach((socket) => socket.destroy());
  assert.ok(answers.every((answer) => answer.status === answers[0].status));
});

test('one key and body is one suite with one answer', async () => {
  const key = unique('key');
  const body = { name: unique('idem') };
  const a = await want(200, ...POST_SUITE, withKey(key, body));
  const b = await want(200, ...POST_SUITE, withKey(key, body));
  assert.deepEqual(a, b);
  const listed = await want(200, 'GET', POST_SUITE[1], { token: org.viewer });
  assert.equal(listed.filter((s) => s.name === body.name).length, 1);
});

test('one key with another body is refused, and changes nothing', async () => {
  const key = unique('key');
  await want(200, ...POST_SUITE, withKey(key, { name: unique('idem') }));
  const name = unique('second');
  const res = await call(...POST_SUITE, withKey(key, { name }));
  assert.ok([409, 422].includes(res.status), `${res.status}`);
  const listed = await want(200, 'GET', POST_SUITE[1], { token: org.viewer });
  assert.ok(!listed.some((s) => s.name === name));
});

test('many at once with one key make one suite', async () => {
  const key = unique('key');
  const body = { name: unique('idem') };
  const all = await Promise.all(Array.from({ length: 16 }, () => exchange(...POST_SUITE, withKey(key, body))));
  const made = all.filter((r) => r.status === 200);
  assert.ok(made.length >= 1);
  assert.ok(all.every((r) => [200, 409].includes(r.status)), `${all.map((r) => r.status)}`);
  assert.equal(new Set(made.map((r) => r.json.id)).size, 1);
  const listed = await want(200, 'GET', POST_SUITE[1], { token: org.viewer });
  assert.equal(listed.filter((s) => s.name === body.name).length, 1);
});

test('a key belongs to its caller and call; a failed call does not use it up', async () => {
  const key = unique('key');
  const body = { name: unique('idem'), platform: 'web', url: 'http://127.0.0.1:9/' };
  const suite = await want(200, ...POST_SUITE, withKey(key, body));
  const other = await organization();
  const theirs = await want(200, ...POST_SUITE, withKey(key, body, other.developer));
  assert.notEqual(suite.id, theirs.id);
  const app = await want(200, 'POST', '/api/v1/apps/', withKey(key, body));
  assert.match(app.public_id, /^app_/);
  const second = unique('key');
  await want(422, ...POST_SUITE, withKey(second, { name: '' }));
  await want(200, ...POST_SUITE, withKey(second, { name: unique('now') }));
  await makeApp(org);
});

test('two starts of a run with one key are one run', async () => {
  const suite = await makeSuite(org);
  await want(200, 'POST', `/api/v1/tests/suites/${suite.public_id}/cases`, { token: org.developer, body: { name: 'c', steps: ['Wait 10 ms'], mode: 'ai' } });
  const key = unique('run');
  const body = { suite_id: suite.public_id, device_category: 'tv' };
  const [a, b] = await Promise.all([1, 2].map(() => exchange('POST', '/api/v1/ci/run-suite', withKey(key, body))));
  const c = await want(200, 'POST', '/api/v1/ci/run-suite', withKey(key, body));
  for (const res of [a, b].filter((r) => r.status === 200)) {
    assert.equal(res.json.run_id, c.run_id);
  }
  assert.ok([a, b].every((r) => [200, 409].includes(r.status)), `${a.status} ${b.status}`);
});
