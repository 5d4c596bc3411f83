// Rate limits, at gateways of their own that have them on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { sideGateway } from '../lib/side.mjs';
import { endpoints } from '../lib/contract.mjs';
import { fill, pathValues, populated } from '../lib/objects.mjs';
import { call, organization, orgToken, want } from '../lib/world.mjs';

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
    assert.ok(Number(c.headers['retry-after']) > 50);
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
