// Rate limits, at gateways of their own that have them on.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { freePort } from '../lib/ports.mjs';
import { sideGateway } from '../lib/side.mjs';
import { endpoints } from '../lib/contract.mjs';
import { fill, pathValues, populated } from '../lib/objects.mjs';
import { call, organization, orgToken, until, want } from '../lib/world.mjs';

let side;
before(async () => {
  side = await sideGateway({ ASSAY_RATE_LIMITS: 'default=100,upload_ai=10,auth=5' });
});
after(() => side.stop());

async function burst(n, method, path, options) {
  const all = await Promise.all(Array.from({ length: n }, () => call(method, path, { url: side.url, ...options })));
  return { admitted: all.filter((r) => r.status !== 429), refused: all.filter((r) => r.status === 429) };
}

test('of many requests at once exactly 100 of a token are admitted, whatever they ask for', async () => {
  const org = await organization();
  const a = await burst(60, 'GET', '/api/v1/apps/', { token: org.viewer });
  const b = await burst(60, 'GET', '/api/v1/tests/suites', { token: org.viewer });
  assert.equal(a.admitted.length + b.admitted.length, 100);
  for (const res of b.refused) {
    const wait = Number(res.headers['retry-after']);
    assert.ok(wait >= 1 && wait <= 60, `Retry-After: ${wait}`);
    assert.ok(res.headers['ratelimit-policy']);
  }
  assert.equal((await burst(1, 'GET', '/api/v1/apps/', { token: org.developer })).admitted.length, 1);
});

test('429 comes after 401 and before 403, 404 and 422', async () => {
  const org = await organization();
  await burst(110, 'GET', '/api/v1/apps/', { token: org.viewer });
  const at = { url: side.url };
  await want(401, 'GET', '/api/v1/apps/', { ...at, token: 'tok_nope' });
  await want(429, 'POST', '/api/v1/tests/suites', { ...at, token: org.viewer, body: '{' });
  await want(429, 'GET', '/api/v1/tests/suites/suite_zzzzzzzz', { ...at, token: org.viewer });
});

test('refused requests do not count themselves: the window opens when Retry-After says', async () => {
  const quick = await sideGateway({ ASSAY_RATE_LIMITS: 'default=2' });
  try {
    const org = await organization();
    const get = () => call('GET', '/api/v1/apps/', { url: quick.url, token: org.viewer });
    const [a, b, c] = [await get(), await get(), await get()];
    assert.deepEqual([a.status, b.status, c.status], [200, 200, 429]);
    assert.ok(Number(c.headers['retry-after']) > 20); // of the 60 s since the first
    assert.ok(a.headers.ratelimit, 'limited answers carry RateLimit');
  } finally {
    quick.stop();
  }
});

test('the auth class counts five per address and endpoint, before any password is looked at', async () => {
  const org = await organization();
  const body = { email: org.email, password: org.password };
  const login = await burst(9, 'POST', '/api/v1/auth/login', { body });
  assert.equal(login.admitted.length, 5);
  const change = await burst(9, 'POST', '/api/v1/auth/change-password', { token: org.jwt, body: {} });
  assert.equal(change.admitted.length, 5);
  const register = await burst(9, 'POST', '/api/v1/auth/register', { body: {} });
  assert.equal(register.admitted.length, 5);
  const setup = await burst(9, 'POST', '/api/v1/auth/setup', { body: {} });
  assert.equal(setup.admitted.length, 5);
});

test('the upload and model class counts ten per token and endpoint', async () => {
  const org = await organization();
  const ai = await burst(15, 'POST', '/api/v1/ai/test/run', { token: org.developer, body: {} });
  assert.equal(ai.admitted.length, 10);
});

test('unlimited calls are not limited', async () => {
  const { refused } = await burst(150, 'GET', '/api/v1/health', {});
  assert.equal(refused.length, 0);
});

test('every limited endpoint answers 429 when its class is used up', async () => {
  const o = await populated();
  const one = await sideGateway({ ASSAY_RATE_LIMITS: 'default=1,upload_ai=1,auth=1' });
  try {
    for (const e of endpoints.filter((x) => x.rate_class !== 'none')) {
      const { token } = await orgToken(o.org, 'admin');
      const who = e.auth === 'none' ? undefined : token;
      const path = fill(e, pathValues(e, o)).replace('suite_', 'suite_zz').replace('case_', 'case_zz');
      let res;
      for (let i = 0; i < 2; i++) {
        const other = e.rate_class === 'default' && i === 0 && who; // the class counts all its endpoints
        res = await call(other ? 'GET' : e.method, other ? '/api/v1/auth/me' : path,
          { url: one.url, token: who, body: e.method === 'GET' ? undefined : {} });
      }
      assert.equal(res.status, 429, `${e.id}: ${res.status}`);
    }
  } finally {
    one.stop();
  }
});

// Gateways that know of each other; each with its metrics page.
async function siblings(n, limits) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ring-'));
  const all = [];
  for (let i = 1; i <= n; i++) {
    const admin = `127.0.0.1:${await freePort()}`;
    const side_ = await sideGateway({ ASSAY_RATE_LIMITS: limits, ASSAY_ADMIN_LISTEN: admin,
      ASSAY_RPC_LISTEN: `ipc://${dir}/gateway.${i}`, ASSAY_RPC_GATEWAY: `ipc://${dir}/gateway` });
    all.push({ ...side_, metrics: async () => (await exchange('GET', '/metrics', { url: `http://${admin}` })).bytes.toString() });
  }
  const sees = async (g, count) => (await g.metrics()).includes(`assay_rate_gateways ${count}\n`);
  const agree = (list) => until('they see each other', async () => (await Promise.all(list.map((g) => sees(g, list.length)))).every(Boolean), 15);
  await agree(all);
  const stop = () => {
    all.forEach((g) => g.kill());
    fs.rmSync(dir, { recursive: true, force: true });
  };
  return { all, agree, stop };
}

test('two gateways together admit exactly the limit, and one that is left goes on with one of its own', async () => {
  const { all, agree, stop } = await siblings(2, 'default=100');
  try {
    const org = await organization();
    const tokens = [];
    for (let i = 0; i < 6; i++) {
      tokens.push((await orgToken(org, 'viewer')).token);
    }
    const ask = (g, token, n) => Promise.all(Array.from({ length: n }, () => call('GET', '/api/v1/apps/', { url: g.url, token })));
    for (const token of tokens) {
      const both = (await Promise.all(all.map((g) => ask(g, token, 80)))).flat();
      assert.equal(both.filter((r) => r.status === 200).length, 100, 'over both');
      assert.equal(both.filter((r) => r.status === 429).length, 60);
    }
    const asked = (await Promise.all(all.map((g) => g.metrics()))).map((m) => Number(/assay_rate_shared_total\{outcome="asked"\} (\d+)/.exec(m)?.[1] ?? 0));
    assert.ok(asked[0] + asked[1] > 0, 'some keys belong to the other one');

    all[1].kill();
    const fresh = (await orgToken(org, 'viewer')).token;
    for (const token of [...tokens, fresh]) {
      const left = await ask(all[0], token, 150);
      const admitted = left.filter((r) => r.status === 200).length;
      assert.ok(admitted <= 100, `${admitted} admitted by the one that is left`);
      assert.ok(left.every((r) => [200, 429].includes(r.status)));
      if (token === fresh) {
        assert.equal(admitted, 100);
      }
    }
    await agree(all.slice(0, 1));
  } finally {
    stop();
  }
});
