// Signing in from the command line: a code, a page without script, tokens that are renewed and end.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { form } from '../lib/sdk.mjs';
import { call, organization, sql, until, want } from '../lib/world.mjs';

const CLI = '/api/auth/cli';
const ME = '/api/v1/auth/me';
const start = () => want(200, 'POST', `${CLI}/device/initiate`, { headers: { 'user-agent': 'vizzly-cli/0.29.6 (auth)' } });
const poll = (asked, status = 200) => want(status, 'POST', `${CLI}/device/poll`, { body: { device_code: asked.device_code } });
const page = async (method, path, fields) => {
  const res = await exchange(method, path, fields === undefined ? {} : form(Object.entries(fields)));
  assert.equal(res.type, 'text/html');
  assert.match(res.headers['content-security-policy'], /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/);
  assert.equal(res.headers['cache-control'], 'no-store');
  assert.equal(res.headers['set-cookie'], undefined);
  return res.bytes.toString();
};
const open = (asked, org, more = {}) => page('POST', '/account/device',
  { code: asked.user_code, email: org.email, password: org.password, ...more });
const ticketOf = (html) => /name="ticket" value="([A-Za-z0-9]+)"/.exec(html)?.[1];
const decide = (ticket, decision) => page('POST', '/account/device/decision', { ticket, decision });
async function login(org) {
  const asked = await start();
  assert.match(await decide(ticketOf(await open(asked, org)), 'approve'), /Approved/);
  return poll(asked);
}
const events = (org, type) => sql(`SELECT count(*) FROM auth.audit_events WHERE org_id = ${org.id} AND type = '${type}'`)[0][0];
const refresh = (token, status = 200) => want(status, 'POST', `${CLI}/refresh`, { body: { refreshToken: token } });

test('a command line is let in by a person who names its code, once', async () => {
  const org = await organization();
  const asked = await start();
  assert.match(asked.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  assert.equal(asked.verification_uri_complete, `${asked.verification_uri}?code=${asked.user_code}`);
  assert.ok(asked.expires_in > 0 && asked.interval > 0);
  assert.deepEqual(await poll(asked), { status: 'pending' });
  const url = new URL(asked.verification_uri_complete);
  assert.match(await page('GET', url.pathname + url.search), new RegExp(`value="${asked.user_code}"`));
  const html = await open(asked, org, { code: ` ${asked.user_code.toLowerCase().replace('-', ' ')}` });
  assert.match(html, /vizzly-cli\/0\.29\.6 \(auth\)/);
  assert.match(html, new RegExp(org.email));
  assert.deepEqual(await poll(asked), { status: 'pending' });
  assert.match(await decide(ticketOf(html), 'approve'), /Approved/);
  assert.match(await decide(ticketOf(html), 'approve'), /Too late/);
  const got = await poll(asked);
  assert.equal(got.status, 'approved');
  assert.match(got.tokens.accessToken, /^tw_/);
  assert.ok(got.tokens.expiresIn > 0);
  assert.deepEqual([got.user.email, got.organizations.length], [org.email, 1]);
  await poll(asked, 400);
  const token = got.tokens.accessToken;
  const me = await want(200, 'GET', ME, { token });
  assert.deepEqual([me.email, me.role], [org.email, 'admin']);
  const who = await want(200, 'GET', `${CLI}/whoami`, { token });
  assert.deepEqual(who, { user: got.user, organizations: got.organizations });
  assert.equal((await call('GET', `${CLI}/whoami`)).status, 401);
  const [listed] = await want(200, 'GET', '/api/v1/auth/tokens', { token: org.jwt });
  assert.equal(listed.name, 'vizzly login');
  await want(200, 'DELETE', `/api/v1/auth/tokens/${listed.id}`, { token: org.jwt });
  assert.equal((await call('GET', ME, { token })).status, 401);
  await refresh(got.tokens.refreshToken, 401);
});

test('a denied or late command line is told so and gets nothing', async () => {
  const org = await organization();
  const asked = await start();
  assert.match(await decide(ticketOf(await open(asked, org)), 'deny'), /Denied/);
  assert.deepEqual(await poll(asked), { status: 'denied' });
  const late = await start();
  const ticket = ticketOf(await open(late, org));
  sql(`UPDATE auth.device_requests SET expires_at = now() WHERE user_code = '${late.user_code.replace('-', '')}'`);
  assert.match(await decide(ticket, 'approve'), /Too late/);
  assert.deepEqual(await poll(late), { status: 'expired' });
  assert.match(await open(late, org), /no command line waits/);
  await poll({ device_code: 'dev_unknown' }, 400);
});

test('the page tells what is wrong, and lets nothing in that a client sent', async () => {
  const org = await organization();
  const asked = await start();
  assert.equal(ticketOf(await open(asked, org, { password: 'wrong' })), undefined);
  assert.match(await open(asked, org, { password: 'wrong' }), /wrong e-mail or password/);
  const html = await open(asked, org, { code: '"><script>' });
  assert.match(html, /no command line waits/);
  assert.doesNotMatch(html, /<script/);
  assert.doesNotMatch(await page('GET', '/account/device?code=%3Cscript%3E'), /<script/);
  assert.match(await page('POST', '/account/device', { code: 'x' }), /are required/);
  assert.match(await decide('', 'approve'), /Too late/);
  assert.match(await decide('not a ticket', 'approve'), /Too late/);
  const first = ticketOf(await open(asked, org));
  const second = ticketOf(await open(asked, org));
  assert.match(await decide(first, 'approve'), /Too late/);
  assert.match(await decide(second, 'deny'), /Denied/);
});

test('refreshing replaces both tokens, and a stolen one ends the sign-in', async () => {
  const org = await organization();
  const { tokens } = await login(org);
  const next = await refresh(tokens.refreshToken);
  assert.notEqual(next.accessToken, tokens.accessToken);
  assert.ok(new Date(next.expiresAt) > new Date());
  assert.equal((await call('GET', ME, { token: tokens.accessToken })).status, 401);
  await want(200, 'GET', ME, { token: next.accessToken });
  // Two commands at once: the second is refused, the sign-in stands.
  await refresh(tokens.refreshToken, 401);
  await want(200, 'GET', ME, { token: next.accessToken });
  sql(`UPDATE auth.cli_refreshes SET used_at = now() - interval '1 minute' WHERE org_id = ${org.id} AND used_at IS NOT NULL`);
  await refresh(tokens.refreshToken, 401);
  assert.equal((await call('GET', ME, { token: next.accessToken })).status, 401);
  await refresh(next.refreshToken, 401);
  await refresh('twr_unknown', 401);
});

test('logging out, a changed password and time end a sign-in', async () => {
  const org = await organization();
  const out = await login(org);
  assert.deepEqual(await want(200, 'POST', `${CLI}/logout`, { body: { refreshToken: out.tokens.refreshToken } }), { success: true });
  assert.equal((await call('GET', ME, { token: out.tokens.accessToken })).status, 401);
  await want(200, 'POST', `${CLI}/logout`, { body: { refreshToken: out.tokens.refreshToken } });
  const old = await login(org);
  sql(`UPDATE auth.tokens SET expires_at = now() WHERE org_id = ${org.id} AND expires_at IS NOT NULL`);
  assert.equal((await call('GET', ME, { token: old.tokens.accessToken })).status, 401);
  const renewed = await refresh(old.tokens.refreshToken);
  const kept = await want(200, 'POST', '/api/v1/auth/tokens', { token: org.jwt, body: { name: 'mine' } });
  await want(200, 'POST', '/api/v1/auth/change-password',
    { token: org.jwt, body: { current_password: org.password, new_password: 'another password' } });
  assert.equal((await call('GET', ME, { token: renewed.accessToken })).status, 401);
  await refresh(renewed.refreshToken, 401);
  await want(200, 'GET', ME, { token: kept.token });
});

test('approvals, tokens and their ends stand in the audit log', async () => {
  const org = await organization();
  const { tokens } = await login(org);
  const { refreshToken } = await refresh(tokens.refreshToken);
  await want(200, 'POST', `${CLI}/logout`, { body: { refreshToken } });
  for (const type of ['user.login', 'cli_login.approved', 'personal_token.created', 'personal_token.renewed', 'personal_token.deleted']) {
    await until(`${type} stands in the log`, () => events(org, type) === '1');
  }
});
