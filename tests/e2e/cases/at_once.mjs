// The same call, many times at once: one does what was asked, the others learn that it was done, and
// nothing is done twice or by half.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { mail } from '../lib/mail.mjs';
import { startStripe } from '../lib/stripe.mjs';
import { call, organization, orgToken, sql, unique, until, want } from '../lib/world.mjs';

const N = 6;
const PASSWORD = 'correct horse battery';
let stripe;
before(async () => {
  stripe = await startStripe(Number(process.env.E2E_STRIPE_PORT));
});
after(() => stripe.stop());

const count = (what) => Number(sql(`SELECT count(*) FROM ${what}`)[0][0]);

async function atOnce(method, path, options) {
  const all = await Promise.all(Array.from({ length: N }, () => call(method, path, options)));
  return all.sort((a, b) => a.status - b.status);
}

// One answer `won`, all others `lost`.
async function once(won, lost, method, path, options) {
  const all = await atOnce(method, path, options);
  assert.deepEqual(all.map((r) => r.status), [won, ...Array(N - 1).fill(lost)].sort());
  return all.find((r) => r.status === won).json;
}

const entries = (type, resource) => count(`auth.audit_events WHERE type = '${type}' AND resource_id = '${resource}'`);
const told = (type, resource) => until(`${type} is in the log`, () => entries(type, resource) > 0);

test('an address is registered once', async () => {
  const email = `${unique('same')}@example.com`;
  const made = await once(200, 409, 'POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, organization_name: 'x' } });
  assert.equal(count(`auth.users WHERE email = '${email}'`), 1);
  assert.equal(count('auth.organizations o WHERE NOT EXISTS (SELECT FROM auth.users u WHERE u.org_id = o.id)'), 0, 'no organization of nobody is left');
  await told('user.registered', made.user_id);
  assert.equal(entries('user.registered', made.user_id), 1);
  await mail(email, /Confirm/);
});

test('an admin makes a user once', async () => {
  const org = await organization();
  const email = `${unique('made')}@example.com`;
  const made = await once(200, 409, 'POST', '/api/v1/auth/users', { token: org.jwt, body: { email, password: PASSWORD, role: 'viewer' } });
  await told('member.joined', made.id);
  assert.equal(entries('member.joined', made.id), 1);
});

test('of invites for one address one is good', async () => {
  const org = await organization();
  const email = `${unique('guest')}@example.com`;
  const all = await atOnce('POST', `/api/v1/organizations/${org.id}/invites`, { token: org.jwt, body: { email } });
  assert.ok(all.every((r) => r.status === 200));
  assert.equal(count(`auth.invites WHERE org_id = ${org.id} AND replaced_at IS NULL`), 1);
  const joined = await Promise.all(all.map((r) => call('POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, invite_token: r.json.token } })));
  assert.deepEqual(joined.map((r) => r.status).sort(), [200, ...Array(N - 1).fill(400)]);
});

test('an address is verified once', async () => {
  const org = await organization();
  const { token } = await mail(org.email, /Confirm/);
  await once(200, 400, 'POST', '/api/v1/auth/verify-email', { body: { token } });
  await told('user.email_verified', org.userId);
  assert.equal(entries('user.email_verified', org.userId), 1);
});

test('what is deleted is deleted once', async () => {
  const org = await organization();
  const token = org.admin;
  const own = await want(200, 'POST', '/api/v1/auth/tokens', { token: org.jwt });
  await once(200, 404, 'DELETE', `/api/v1/auth/tokens/${own.id}`, { token: org.jwt });
  const shared = await orgToken(org, 'viewer');
  await once(200, 404, 'DELETE', `/api/v1/organizations/${org.id}/api-tokens/${shared.id}`, { token });
  const email = `${unique('gone')}@example.com`;
  await want(200, 'POST', '/api/v1/auth/users', { token, body: { email, password: PASSWORD, role: 'viewer' } });
  const member = (await want(200, 'GET', `/api/v1/organizations/${org.id}/members`, { token })).find((m) => m.email === email);
  await once(200, 404, 'DELETE', `/api/v1/organizations/${org.id}/members/${member.id}`, { token });
  const hook = await want(200, 'POST', '/api/v1/integrations/webhooks', { token, body: { url: 'http://127.0.0.1:9/' } });
  await once(200, 404, 'DELETE', `/api/v1/integrations/webhooks/${hook.id}`, { token });
  for (const [type, id] of [['personal_token.deleted', own.id], ['api_token.deleted', shared.id], ['member.removed', member.user_id], ['webhook.deleted', hook.id]]) {
    await told(type, id);
    assert.equal(entries(type, id), 1, type);
  }
});

test('an account ends once', async () => {
  const org = await organization();
  await once(200, 401, 'DELETE', '/api/v1/auth/account', { token: org.jwt });
  await told('user.deleted', org.userId);
  assert.equal(entries('user.deleted', org.userId), 1);
  assert.equal(count(`auth.organizations WHERE id = ${org.id}`), 0);
});

test('one key is one purchase', async () => {
  const org = await organization();
  const n = stripe.sessions.length;
  const options = { token: org.admin, body: { amount_usd: 10 }, headers: { 'idempotency-key': unique('buy') } };
  // Those who come while the first is under way are told so, which is ours and not the contract's.
  const all = (await Promise.all(Array.from({ length: N }, () => exchange('POST', '/api/v1/credits/topup', options))))
    .sort((a, b) => a.status - b.status);
  assert.ok(all.every((r) => [200, 409].includes(r.status)), `${all.map((r) => r.status)}`);
  assert.equal((await want(200, 'POST', '/api/v1/credits/topup', options)).url, all[0].json.url);
  assert.equal(stripe.sessions.length, n + 1);
  assert.equal(count(`billing.topups WHERE org_id = ${org.id}`), 1);
});

test('settings that are changed at once are all kept', async () => {
  const org = await organization();
  const names = ['gitlab_url', 'gitlab_project', 'jira_base', 'jira_email', 'jira_project', 'file_issues'];
  await Promise.all(names.map((name) => want(200, 'PUT', '/api/v1/settings', { token: org.admin, body: { [name]: `of ${name}` } })));
  const kept = await want(200, 'GET', '/api/v1/settings', { token: org.viewer });
  assert.deepEqual(names.map((name) => kept[name]), names.map((name) => `of ${name}`));
});
