import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { mail, mailsTo } from '../lib/mail.mjs';
import { call, organization, refused, sql, unique, until, want } from '../lib/world.mjs';

const ME = '/api/v1/auth/me';
const PASSWORD = 'correct horse battery';

function register(body) {
  return exchange('POST', '/api/v1/auth/register', { body });
}

// A member of the organization, joined through an invite.
async function member(org, role) {
  const email = `${unique(role)}@example.com`;
  const invite = await want(200, 'POST', `/api/v1/organizations/${org.id}/invites`, { token: org.jwt, body: { email, role } });
  const made = await want(200, 'POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, invite_token: invite.token } });
  const listed = await want(200, 'GET', `/api/v1/organizations/${org.id}/members`, { token: org.jwt });
  return { email, jwt: made.access_token, userId: made.user_id, member: listed.find((m) => m.user_id === made.user_id) };
}

test('an organization is listed, shown and renamed', async () => {
  const org = await organization();
  const listed = await want(200, 'GET', '/api/v1/organizations/', { token: org.viewer });
  assert.deepEqual(listed.map((o) => o.id), [org.id]);
  const shown = await want(200, 'GET', `/api/v1/organizations/${org.id}`, { token: org.viewer });
  assert.deepEqual(shown, listed[0]);
  const at = ['PATCH', `/api/v1/organizations/${org.id}`];
  const name = `Ünïcode & <b>"Sons"</b> ${unique('')}`;
  assert.equal((await want(200, ...at, { token: org.jwt, body: { name } })).name, name);
  assert.equal((await want(200, ...at, { token: org.jwt, body: {} })).name, name);
  assert.equal((await want(200, 'GET', `/api/v1/organizations/${org.id}`, { token: org.viewer })).name, name);
  await refused(422, 'name', ...at, { token: org.jwt, body: { name: '' } });
  await refused(422, 'name', ...at, { token: org.jwt, body: { name: 'x'.repeat(256) } });
});

test('an invited person joins with the role of the invite, once', async () => {
  const org = await organization();
  const email = `${unique('Guest')}@example.com`;
  const at = ['POST', `/api/v1/organizations/${org.id}/invites`];
  const first = await want(200, ...at, { token: org.jwt, body: { email, role: 'viewer' } });
  const second = await want(200, ...at, { token: org.jwt, body: { email: email.toUpperCase(), role: 'viewer' } });
  const days = (new Date(`${second.expires_at}Z`) - Date.now()) / 86400000;
  assert.ok(days > 6.99 && days < 7.01, `${days}`);
  const got = await mail(email.toUpperCase(), /invited/);
  assert.equal(got.token, second.token);
  assert.match(got.link, /\/account\/invite\?token=/);
  assert.match(got.raw, /Content-Type: text\/html/);
  assert.match(got.raw, new RegExp(org.email));
  const join = { email, password: PASSWORD };
  assert.equal((await register({ ...join, invite_token: first.token })).status, 400, 'replaced');
  assert.equal((await register({ ...join, email: `x${email}`, invite_token: second.token })).status, 400, 'of another');
  const made = (await register({ ...join, invite_token: second.token })).json;
  assert.equal(made.organization_id, org.id);
  assert.equal(made.role, 'viewer');
  assert.equal(made.email_verified, true);
  assert.equal((await register({ ...join, email: `y${email}`, invite_token: second.token })).status, 400, 'used');
  await want(400, ...at, { token: org.jwt, body: { email } });
  await want(400, ...at, { token: org.jwt, body: { email: `z${email}`, role: 'owner' } });
  await refused(422, 'email', ...at, { token: org.jwt, body: { email: 'nobody' } });
});

test('an expired invite is refused', async () => {
  const org = await organization();
  const email = `${unique('late')}@example.com`;
  const invite = await want(200, 'POST', `/api/v1/organizations/${org.id}/invites`, { token: org.jwt, body: { email } });
  sql(`UPDATE auth.invites SET expires_at = now() - interval '1 second' WHERE org_id = ${org.id}`);
  const res = await call('POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, invite_token: invite.token } });
  assert.equal(res.status, 400);
  assert.equal(sql(`SELECT 1 FROM auth.users WHERE email = '${email}'`).length, 0);
});

test('of many who use one invite at once one joins', async () => {
  const org = await organization();
  const email = `${unique('race')}@example.com`;
  const invite = await want(200, 'POST', `/api/v1/organizations/${org.id}/invites`, { token: org.jwt, body: { email } });
  const all = await Promise.all(Array.from({ length: 6 },
    () => register({ email, password: PASSWORD, invite_token: invite.token })));
  assert.deepEqual(all.map((r) => r.status).sort(), [200, 400, 400, 400, 400, 400]);
});

test('a removed member is refused on the next request, with all tokens', async () => {
  const org = await organization();
  const guest = await member(org, 'admin');
  const personal = (await want(200, 'POST', '/api/v1/auth/tokens', { token: guest.jwt })).token;
  const shared = (await want(200, 'POST', `/api/v1/organizations/${org.id}/api-tokens`,
    { token: guest.jwt, body: { label: 'ci', role: 'admin' } })).token;
  for (const token of [guest.jwt, personal, shared]) {
    await want(200, 'GET', ME, { token });
  }
  const at = `/api/v1/organizations/${org.id}/members/${guest.member.id}`;
  await want(404, 'DELETE', `/api/v1/organizations/${org.id}/members/${guest.userId}`, { token: org.jwt });
  assert.deepEqual(await want(200, 'DELETE', at, { token: org.jwt }), { status: 'removed' });
  for (const token of [guest.jwt, personal, shared]) {
    await want(401, 'GET', ME, { token });
  }
  await want(401, 'POST', '/api/v1/auth/login', { body: { email: guest.email, password: PASSWORD } });
  await want(404, 'DELETE', at, { token: org.jwt });
  await mail(guest.email, /removed/);
});

test('the last admin can neither be removed nor leave the others behind', async () => {
  const org = await organization();
  const guest = await member(org, 'viewer');
  const own = (await want(200, 'GET', `/api/v1/organizations/${org.id}/members`, { token: org.jwt }))
    .find((m) => m.user_id === org.userId);
  await want(400, 'DELETE', `/api/v1/organizations/${org.id}/members/${own.id}`, { token: org.jwt });
  await want(409, 'DELETE', '/api/v1/auth/account', { token: org.jwt });
  await want(200, 'DELETE', '/api/v1/auth/account', { token: guest.jwt });
  await want(200, 'DELETE', '/api/v1/auth/account', { token: org.jwt });
});

test('an admin makes users, who count as verified', async () => {
  const org = await organization();
  const at = ['POST', '/api/v1/auth/users'];
  const email = `${unique('made')}@example.com`;
  const made = await want(200, ...at, { token: org.jwt, body: { email, password: PASSWORD, role: 'member' } });
  assert.equal(made.role, 'developer');
  assert.equal(made.organization_id, org.id);
  const login = await want(200, 'POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } });
  assert.equal(login.email_verified, true);
  assert.equal(login.role, 'developer');
  const listed = await want(200, 'GET', '/api/v1/auth/users', { token: org.jwt });
  assert.deepEqual(listed.map((u) => u.id), [made.id, org.userId]);
  await want(409, ...at, { token: org.jwt, body: { email: email.toUpperCase(), password: PASSWORD, role: 'viewer' } });
  await want(403, ...at, { token: login.access_token, body: { email: `a${email}`, password: PASSWORD, role: 'viewer' } });
  await refused(422, 'role', ...at, { token: org.jwt, body: { email: `b${email}`, password: PASSWORD, role: 'root' } });
  await refused(422, 'password', ...at, { token: org.jwt, body: { email: `b${email}`, password: '1234567', role: 'viewer' } });
});

test('session defaults start as documented, change in part, and refuse nonsense', async () => {
  const org = await organization();
  const at = `/api/v1/organizations/${org.id}/session-defaults`;
  const initial = { session_timeout: '30m', session_permissions: 'full', allow_streaming_overage: false };
  assert.deepEqual(await want(200, 'GET', at, { token: org.viewer }), initial);
  const one = await want(200, 'PATCH', at, { token: org.jwt, body: { session_timeout: '90s' } });
  assert.deepEqual(one, { ...initial, session_timeout: '90s' });
  const two = await want(200, 'PATCH', at, { token: org.jwt, body: { session_permissions: 'view', allow_streaming_overage: true } });
  assert.deepEqual(two, { session_timeout: '90s', session_permissions: 'view', allow_streaming_overage: true });
  assert.deepEqual(await want(200, 'GET', at, { token: org.viewer }), two);
  for (const session_timeout of ['', '30', 'm', '30 m', '-5m', '1.5h', '0s', '9s', '25h', '99999999999999999999h']) {
    await refused(422, 'session_timeout', 'PATCH', at, { token: org.jwt, body: { session_timeout } });
  }
  assert.deepEqual(await want(200, 'GET', at, { token: org.viewer }), two);
});

/* --- mailed links ---------------------------------------------------------------------------- */

test('a new address is verified by its link, once', async () => {
  const org = await organization();
  const { token, link } = await mail(org.email, /Confirm/);
  assert.match(link, /\/account\/verify\?token=/);
  await want(400, 'POST', '/api/v1/auth/reset-password', { body: { token, new_password: PASSWORD } });
  assert.deepEqual(await want(200, 'POST', '/api/v1/auth/verify-email', { body: { token } }), { status: 'verified' });
  assert.equal((await want(200, 'GET', ME, { token: org.jwt })).email_verified, true);
  await want(400, 'POST', '/api/v1/auth/verify-email', { body: { token } });
  await want(400, 'POST', '/api/v1/auth/verify-email', { body: { token: 'unknown' } });
  await want(400, 'POST', '/api/v1/auth/verify-email', { body: { token: '' } });
  await refused(422, 'token', 'POST', '/api/v1/auth/verify-email', { body: { token: 'x'.repeat(300) } });
});

test('a verification that is sent again voids the link before', async () => {
  const org = await organization();
  const old = await mail(org.email, /Confirm/);
  assert.deepEqual(await want(200, 'POST', '/api/v1/auth/resend-verification', { body: { email: org.email.toUpperCase() } }), { status: 'ok' });
  const { token } = await mail(org.email, /Confirm/, 2);
  await want(400, 'POST', '/api/v1/auth/verify-email', { body: { token: old.token } });
  await want(200, 'POST', '/api/v1/auth/verify-email', { body: { token } });
});

test('a forgotten password is set anew by its link, once, and ends every login', async () => {
  const org = await organization();
  const forgot = ['POST', '/api/v1/auth/forgot-password'];
  const reset = ['POST', '/api/v1/auth/reset-password'];
  assert.deepEqual(await want(200, ...forgot, { body: { email: org.email } }), { status: 'ok' });
  const { token } = await mail(org.email, /new password/);
  await want(400, 'POST', '/api/v1/auth/verify-email', { body: { token } });
  await refused(422, 'new_password', ...reset, { body: { token, new_password: 'short' } });
  const all = await Promise.all(Array.from({ length: 5 },
    (_, i) => call(...reset, { body: { token, new_password: `brand new password ${i}` } })));
  assert.deepEqual(all.map((r) => r.status).sort(), [200, 400, 400, 400, 400]);
  const winner = all.findIndex((r) => r.status === 200);
  await want(401, 'GET', ME, { token: org.jwt });
  await want(401, 'POST', '/api/v1/auth/login', { body: { email: org.email, password: org.password } });
  const login = await want(200, 'POST', '/api/v1/auth/login', { body: { email: org.email, password: `brand new password ${winner}` } });
  assert.equal(login.email_verified, true);
  await want(200, 'GET', ME, { token: org.admin });
  await mail(org.email, /was changed/);
});

test('a link that has expired is refused and changes nothing', async () => {
  const org = await organization();
  await want(200, 'POST', '/api/v1/auth/forgot-password', { body: { email: org.email } });
  const reset = await mail(org.email, /new password/);
  const verify = await mail(org.email, /Confirm/);
  sql(`UPDATE auth.links SET expires_at = now() - interval '1 second' WHERE user_id = ${org.userId}`);
  await want(400, 'POST', '/api/v1/auth/reset-password', { body: { token: reset.token, new_password: PASSWORD } });
  await want(400, 'POST', '/api/v1/auth/verify-email', { body: { token: verify.token } });
  await want(200, 'POST', '/api/v1/auth/login', { body: { email: org.email, password: org.password } });
});

test('asking for links says the same for every address and mails only to known ones', async () => {
  const org = await organization();
  const nobody = `${unique('nobody')}@example.com`;
  await mail(org.email, /Confirm/);
  for (const path of ['/api/v1/auth/forgot-password', '/api/v1/auth/resend-verification']) {
    const known = await exchange('POST', path, { body: { email: org.email } });
    const unknown = await exchange('POST', path, { body: { email: nobody } });
    assert.equal(known.status, 200);
    assert.equal(unknown.status, 200);
    assert.deepEqual(known.json, unknown.json);
    assert.deepEqual(Object.keys(known.headers).sort(), Object.keys(unknown.headers).sort());
    await refused(422, 'email', 'POST', path, { body: { email: 'no address' } });
    await refused(422, 'email', 'POST', path, { body: {} });
  }
  await mail(org.email, /new password/);
  await until('the queue is empty', () => sql('SELECT 1 FROM auth.mails WHERE NOT dead').length === 0);
  assert.equal(mailsTo(nobody).length, 0);
});

test('nobody\'s mailbox is filled by asking again and again', async () => {
  const org = await organization();
  for (let i = 0; i < 12; i++) {
    await want(200, 'POST', '/api/v1/auth/forgot-password', { body: { email: org.email } });
  }
  await until('the queue is empty', () => sql('SELECT 1 FROM auth.mails WHERE NOT dead').length === 0);
  assert.equal(mailsTo(org.email).filter((m) => /new password/.test(m.subject)).length, 5);
});

test('the pages of mailed links are served with their script and no third party', async () => {
  for (const page of ['verify', 'reset', 'invite', 'reset/']) {
    const res = await exchange('GET', `/account/${page}?token=secret`);
    assert.equal(res.status, 200, page);
    assert.match(res.headers['content-type'], /text\/html/);
    assert.match(res.headers['content-security-policy'], /default-src 'self'/);
    assert.equal(res.headers['referrer-policy'], 'no-referrer');
    assert.doesNotMatch(res.bytes.toString(), /https?:\/\//);
  }
  assert.equal((await exchange('GET', '/account/account.js')).status, 200);
  for (const path of ['/account', '/account/', '/account/none', '/account/../docs', '/account/%2e%2e/docs/index.html']) {
    assert.equal((await exchange('GET', path)).status, 404, path);
  }
});
