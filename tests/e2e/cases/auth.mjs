import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { call, organization, orgToken, refused, unique, want } from '../lib/world.mjs';

const ME = '/api/v1/auth/me';

test('a set-up server says so and refuses a second set-up', async () => {
  assert.deepEqual(await want(200, 'GET', '/api/v1/auth/setup'), { needs_setup: false });
  const body = { email: 'x@example.com', password: 'longenough' };
  const json = await want(409, 'POST', '/api/v1/auth/setup', { body });
  assert.equal(json.type, 'setup_complete');
  await refused(422, 'email', 'POST', '/api/v1/auth/setup', { body: { ...body, email: 'none' } });
  await refused(422, 'password', 'POST', '/api/v1/auth/setup', { body: { ...body, password: 'short' } });
});

test('registration makes an admin of a new organization', async () => {
  const email = `${unique('New')}@Example.com`;
  const body = { email, password: 'longenough', organization_name: 'A' };
  const made = await want(200, 'POST', '/api/v1/auth/register', { body });
  assert.equal(made.role, 'admin');
  assert.equal(made.email_verified, false);
  await want(409, 'POST', '/api/v1/auth/register', { body });
  await want(409, 'POST', '/api/v1/auth/register', { body: { ...body, email: email.toUpperCase() } });
  const me = await want(200, 'GET', ME, { token: made.access_token });
  assert.equal(me.id, made.user_id);
  assert.equal(me.organization_id, made.organization_id);
});

test('registration refuses what it cannot take, by name', async () => {
  const good = { email: `${unique('r')}@example.com`, password: 'longenough', organization_name: 'A' };
  const at = ['POST', '/api/v1/auth/register'];
  await refused(422, 'email', ...at, { body: { ...good, email: 'a b@c' } });
  await refused(422, 'password', ...at, { body: { ...good, password: '1234567' } });
  await refused(422, 'organization_name', ...at, { body: { email: good.email, password: good.password } });
  await want(400, ...at, { body: { email: good.email, password: good.password, invite_token: 'nope' } });
  await want(400, ...at, { body: '{"email":' });
});

test('login answers the members of both surfaces and hides which half was wrong', async () => {
  const org = await organization();
  const at = ['POST', '/api/v1/auth/login'];
  const json = await want(200, ...at, { body: { email: org.email.toUpperCase(), password: org.password } });
  assert.equal(json.token, json.access_token);
  assert.equal(json.user.id, json.user_id);
  assert.equal(json.user.organization_id, json.organization_id);
  const wrong = await want(401, ...at, { body: { email: org.email, password: 'not it at all' } });
  const nobody = await want(401, ...at, { body: { email: `${unique('no')}@example.com`, password: 'not it at all' } });
  assert.deepEqual(wrong, nobody);
  await refused(422, 'password', ...at, { body: { email: org.email } });
});

test('a changed password ends the other logins, not this one\'s right to log in', async () => {
  const org = await organization();
  const at = ['POST', '/api/v1/auth/change-password'];
  const body = { current_password: org.password, new_password: 'another password' };
  await want(400, ...at, { token: org.jwt, body: { ...body, current_password: 'wrong' } });
  await refused(422, 'new_password', ...at, { token: org.jwt, body: { ...body, new_password: 'short' } });
  await want(401, ...at, { body });
  await want(200, ...at, { token: org.jwt, body });
  await want(401, 'POST', '/api/v1/auth/login', { body: { email: org.email, password: org.password } });
  await want(200, 'POST', '/api/v1/auth/login', { body: { email: org.email, password: 'another password' } });
});

test('a deleted account is gone with all its tokens', async () => {
  const org = await organization();
  await want(401, 'DELETE', '/api/v1/auth/account');
  await want(200, 'DELETE', '/api/v1/auth/account', { token: org.jwt });
  for (const token of [org.jwt, org.admin, org.developer, org.viewer]) {
    await want(401, 'GET', ME, { token });
  }
  await want(401, 'POST', '/api/v1/auth/login', { body: { email: org.email, password: org.password } });
});

test('personal tokens are shown once, listed, used and deleted', async () => {
  const org = await organization();
  const at = '/api/v1/auth/tokens';
  const plain = await want(200, 'POST', at, { token: org.jwt });
  assert.equal(plain.name, null);
  const made = await want(200, 'POST', at, { token: org.jwt, body: { name: 'laptop' } });
  assert.match(made.token, /^tw_/);
  assert.equal((await want(200, 'GET', ME, { token: made.token })).role, 'admin');
  const listed = (await want(200, 'GET', at, { token: org.jwt })).find((t) => t.id === made.id);
  assert.equal(listed.name, 'laptop');
  assert.ok(!JSON.stringify(listed).includes(made.token));
  assert.deepEqual(await want(200, 'DELETE', `${at}/${made.id}`, { token: org.jwt }), { ok: true });
  await want(401, 'GET', ME, { token: made.token });
  await want(404, 'DELETE', `${at}/${made.id}`, { token: org.jwt });
  const other = await organization();
  await want(404, 'DELETE', `${at}/${plain.id}`, { token: other.jwt });
  await want(200, 'GET', ME, { token: plain.token });
});

test('organization tokens have their role, tell their first use, and die at once', async () => {
  const org = await organization();
  const at = `/api/v1/organizations/${org.id}/api-tokens`;
  const made = await orgToken(org, 'viewer');
  const find = async () => (await want(200, 'GET', at, { token: org.jwt })).find((t) => t.id === made.id);
  assert.equal((await find()).used, false);
  assert.equal((await find()).created_by, org.email);
  assert.equal((await want(200, 'GET', ME, { token: made.token })).role, 'viewer');
  assert.equal((await find()).used, true);
  assert.ok(made.token.startsWith((await find()).token_prefix.replace(/\*+$/, '')));
  await want(200, 'DELETE', `${at}/${made.id}`, { token: org.admin });
  await want(401, 'GET', ME, { token: made.token });
  await want(404, 'DELETE', `${at}/${made.id}`, { token: org.admin });
  assert.equal(await find(), undefined);
  assert.match((await orgToken(org, 'developer', { kind: 'sdk' })).token, /^vzy_/);
  const plain = await want(200, 'POST', at, { token: org.jwt, body: { label: 'x' } });
  assert.equal((await want(200, 'GET', ME, { token: plain.token })).role, 'developer');
});

test('a revoked token is refused on the very next request, however often it was used before', async () => {
  const org = await organization();
  for (let i = 0; i < 20; i++) {
    const made = await orgToken(org, 'developer');
    await Promise.all(Array.from({ length: 8 }, () => want(200, 'GET', '/api/v1/apps/', { token: made.token })));
    await want(200, 'DELETE', `/api/v1/organizations/${org.id}/api-tokens/${made.id}`, { token: org.jwt });
    await want(401, 'GET', '/api/v1/apps/', { token: made.token });
  }
});

test('every kind of token is taken in every carrier, schemes and names in any case', async () => {
  const org = await organization();
  const personal = (await want(200, 'POST', '/api/v1/auth/tokens', { token: org.jwt })).token;
  const sdk = (await orgToken(org, 'viewer', { kind: 'sdk' })).token;
  for (const token of [org.jwt, org.viewer, personal, sdk]) {
    for (const headers of [
      { authorization: `Bearer ${token}` }, { authorization: `bEARER ${token}` },
      { authorization: `api-key ${token}` }, { Authorization: `API-Key ${token}` },
      { 'X-API-Key': token }, { 'x-api-key': token },
    ]) {
      assert.equal((await call('GET', ME, { headers })).status, 200, JSON.stringify(headers));
    }
    await want(401, 'GET', `${ME}?token=${token}`);
    await want(401, 'GET', `${ME}?api-key=${token}`);
  }
});

test('a bad token in the winning carrier is refused although another is good', async () => {
  const org = await organization();
  await want(401, 'GET', ME, { headers: { authorization: 'Bearer tok_nope', 'x-api-key': org.viewer } });
  await want(200, 'GET', ME, { headers: { authorization: `Bearer ${org.viewer}`, 'x-api-key': 'tok_nope' } });
  const res = await call('GET', ME);
  assert.match(res.headers['www-authenticate'] ?? '', /Bearer/);
});

function part(object) {
  return Buffer.from(JSON.stringify(object)).toString('base64url');
}

test('forged and broken tokens are refused', async () => {
  const org = await organization();
  const [head, claims, signature] = org.jwt.split('.');
  const payload = JSON.parse(Buffer.from(claims, 'base64url'));
  const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
  const flipped = Buffer.from(signature, 'base64url');
  flipped[5] ^= 1;
  const own = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = `${head}.${claims}`;
  const signed = crypto.sign('sha256', Buffer.from(text), { key: own.privateKey, dsaEncoding: 'ieee-p1363' });
  const bad = [
    `${part({ alg: 'none', typ: 'JWT' })}.${claims}.`,
    `${part({ alg: 'none', typ: 'JWT', kid })}.${claims}.${signature}`,
    `${part({ alg: 'HS256', typ: 'JWT', kid })}.${claims}.${signature}`,
    `${head}.${part({ ...payload, exp: payload.exp + 100000 })}.${signature}`,
    `${head}.${claims}.${flipped.toString('base64url')}`,
    `${text}.${signed.toString('base64url')}`, text, `${org.jwt}x`, `${org.jwt}.`, 'x', 'a.b.c',
    'tok_', 'tok_00000000000000000000000000000000', `tok_${'x'.repeat(5000)}`, 'vzy_x', 'tw_x',
  ];
  for (const token of bad) {
    const res = await exchange('GET', ME, { token });
    assert.equal(res.status, 401, `${token.slice(0, 60)}: ${res.status}`);
  }
  for (const authorization of ['', 'Bearer', 'Bearer ', 'Basic eDp5', `Token ${org.viewer}`]) {
    await want(401, 'GET', ME, { headers: { authorization } });
  }
});

test('the published key verifies a login, as others would do it', async () => {
  const org = await organization();
  const { keys } = (await exchange('GET', '/.well-known/jwks.json')).json;
  const [head, claims, signature] = org.jwt.split('.');
  const { kid, alg } = JSON.parse(Buffer.from(head, 'base64url'));
  assert.equal(alg, 'ES256');
  const jwk = keys.find((k) => k.kid === kid);
  assert.ok(jwk && jwk.d === undefined);
  const key = crypto.createPublicKey({ key: jwk, format: 'jwk' });
  assert.ok(crypto.verify('sha256', Buffer.from(`${head}.${claims}`),
    { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')));
  const payload = JSON.parse(Buffer.from(claims, 'base64url'));
  assert.ok(payload.exp > Date.now() / 1000 && payload.iat <= Date.now() / 1000 + 1);
});
