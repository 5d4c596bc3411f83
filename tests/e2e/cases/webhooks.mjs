// Webhooks: catalogue, subscriptions, secrets, deliveries, what a receiver gets.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { mail, mailsTo } from '../lib/mail.mjs';
import { startReceiver } from '../lib/receiver.mjs';
import { makeApp, organization, refused, sql, until, want } from '../lib/world.mjs';

const require = createRequire(new URL('../../../build/npm/webhooks/', import.meta.url));
const { Webhook } = require('standardwebhooks');

const AT = '/api/v1/integrations/webhooks';
let org;
let hooks;
before(async () => {
  org = await organization();
  hooks = await startReceiver();
});
after(() => hooks.stop());

const admin = (body) => ({ token: org.admin, body });
const dev = () => ({ token: org.developer });
const create = (more = {}) => want(200, 'POST', AT, admin({ url: hooks.url, event_types: ['app.deleted'], ...more }));
const remove = (hook) => want(200, 'DELETE', `${AT}/${hook.id}`, admin());
const deliveries = (hook, query = '') => want(200, 'GET', `${AT}/${hook.id}/deliveries${query}`, dev());
const hitOf = (id) => hooks.hits.find((h) => h.headers['x-assay-delivery'] === String(id));

async function tried(hook) {
  const made = await want(200, 'POST', `${AT}/${hook.id}/test`, admin());
  await until('the test event arrives', () => hitOf(made.delivery_id), 10);
  return { ...made, hit: hitOf(made.delivery_id) };
}
const delivered = (hook, id) => until('the delivery is stored', async () =>
  (await deliveries(hook)).find((d) => d.id === id && d.status === 'delivered'), 10);

// What an operator runs.
const operate = (command) => execFileSync(path.join(process.env.ASSAY_BIN, 'assay'), ['webhooks', command]).toString();

function verifies(hit, secret) {
  try {
    new Webhook(secret).verify(hit.body, hit.headers);
    return true;
  } catch {
    return false;
  }
}

test('the catalogue lists every published type with its defaults', async () => {
  const types = await want(200, 'GET', '/api/v1/integrations/events/catalog', { token: org.viewer });
  const names = types.map((t) => t.type);
  for (const name of ['run.started', 'run.passed', 'run.failed', 'run.cancelled', 'case.failed', 'run.warning.flaky',
    'run.warning.slow', 'run.warning.ai_fallback_used', 'visual.regression_warning', 'visual.regression_detected',
    'visual.run_completed_with_regressions', 'visual.baseline_updated', 'app.uploaded', 'app.deleted', 'session.started',
    'session.stopped', 'member.invited', 'member.joined', 'member.removed', 'api_token.created', 'api_token.deleted',
    'billing.topup_completed', 'billing.low_balance', 'webhook.test']) {
    assert.ok(names.includes(name), name);
  }
  assert.equal(new Set(names).size, names.length);
  assert.ok(types.every((t) => t.description.length > 10));
  assert.equal(types.find((t) => t.type === 'run.failed').default_enabled, true);
  assert.equal(types.find((t) => t.type === 'run.started').default_enabled, false);
  const hook = await want(200, 'POST', AT, admin({ url: hooks.url }));
  assert.deepEqual([...hook.event_types].sort(), types.filter((t) => t.default_enabled).map((t) => t.type).sort());
  await remove(hook);
});

test('subscriptions are replaced as a whole, or not at all', async () => {
  const hook = await create();
  const at = `${AT}/${hook.id}/subscriptions`;
  assert.deepEqual(await want(200, 'GET', at, dev()), { webhook_id: hook.id, event_types: ['app.deleted'] });
  const put = await want(200, 'PUT', at, admin({ event_types: ['run.passed', 'case.failed', 'run.passed'] }));
  assert.deepEqual(put, { webhook_id: hook.id, event_types: ['run.passed', 'case.failed'] });
  for (const bad of [['run.passed', 'no.such'], ['RUN.PASSED'], [''], [null], [['run.passed']], ['run.passed ']]) {
    await refused(422, 'event_types', 'PUT', at, admin({ event_types: bad }));
  }
  await refused(422, 'event_types', 'PUT', at, admin({ event_types: Array(101).fill('run.passed') }));
  assert.deepEqual((await want(200, 'GET', at, dev())).event_types, ['run.passed', 'case.failed']);
  assert.deepEqual((await want(200, 'PUT', at, admin({ event_types: [] }))).event_types, []);
  await remove(hook);
});

test('a delivery carries both signatures; an independent library accepts it and refuses what was changed', async () => {
  const hook = await create();
  const { hit, delivery_id: id } = await tried(hook);
  assert.ok(hooks.isSigned(hit, hook.secret));
  assert.ok(verifies(hit, hook.secret));
  assert.ok(!verifies({ ...hit, body: hit.body.replace('test', 'tset') }, hook.secret));
  assert.ok(!verifies({ ...hit, headers: { ...hit.headers, 'webhook-id': 'x' } }, hook.secret));
  assert.equal(hit.headers['x-assay-event'], 'webhook.test');
  assert.equal(hit.headers['webhook-id'], hit.json.id);
  assert.deepEqual(Object.keys(hit.json), ['id', 'type', 'created_at', 'organization_id', 'data']);
  assert.equal(hit.json.organization_id, org.id);
  const stored = await delivered(hook, id);
  assert.deepEqual(stored.payload, hit.json);
  assert.equal(stored.event_id, hit.json.id);
  assert.equal(stored.attempt, 1);
  assert.equal(stored.response_status, 204);
  await remove(hook);
});

test('a rotated secret signs at once; the one before verifies beside it for a while, older ones never', async () => {
  const hook = await create();
  const second = (await want(200, 'POST', `${AT}/${hook.id}/regenerate-secret`, admin())).secret;
  const { hit } = await tried(hook);
  assert.ok(hooks.isSigned(hit, second));
  assert.ok(!hooks.isSigned(hit, hook.secret), 'X-Assay-Signature is of the new secret alone');
  assert.equal(hit.headers['webhook-signature'].split(' ').length, 2);
  assert.ok(verifies(hit, second));
  assert.ok(verifies(hit, hook.secret));
  const third = (await want(200, 'POST', `${AT}/${hook.id}/regenerate-secret`, admin())).secret;
  const after2 = (await tried(hook)).hit;
  assert.ok(verifies(after2, third) && verifies(after2, second) && !verifies(after2, hook.secret));
  sql(`UPDATE webhooks.endpoints SET old_secret_until = now() WHERE id = ${hook.id}`);
  const after3 = (await tried(hook)).hit;
  assert.ok(verifies(after3, third) && !verifies(after3, second));
  assert.ok(!JSON.stringify(await want(200, 'GET', `${AT}/${hook.id}`, dev())).includes('whsec_'));
  await remove(hook);
});

test('PATCH changes what is given, null clears the name, a bad address changes nothing', async () => {
  const hook = await create({ name: 'before' });
  const at = `${AT}/${hook.id}`;
  assert.equal((await want(200, 'PATCH', at, admin({}))).name, 'before');
  const url = `${hooks.url}/moved`;
  const moved = await want(200, 'PATCH', at, admin({ url, name: 'after' }));
  assert.equal(moved.url, url);
  assert.equal(moved.name, 'after');
  assert.deepEqual(moved.event_types, ['app.deleted']);
  assert.equal((await want(200, 'PATCH', at, admin({ name: null }))).name, null);
  for (const bad of ['http://169.254.169.254/', 'http://user:pw@127.0.0.1/', 'http://[::ffff:169.254.169.254]/', 'ftp://127.0.0.1/']) {
    await want(422, 'PATCH', at, admin({ url: bad, name: 'half', enabled: false }));
  }
  const read = await want(200, 'GET', at, dev());
  assert.equal(read.url, url);
  assert.equal(read.name, null);
  assert.equal(read.enabled, true);
  await refused(422, 'enabled', 'PATCH', at, admin({ enabled: null }));
  await remove(hook);
});

test('switched off it gets nothing but what is sent by hand', async () => {
  const hook = await create();
  const at = `${AT}/${hook.id}`;
  await want(200, 'PATCH', at, admin({ enabled: false }));
  const app = await makeApp(org);
  await want(200, 'DELETE', `/api/v1/apps/${app.public_id}`, { token: org.admin });
  const { delivery_id: id } = await tried(hook);
  await delivered(hook, id);
  await until('the outbox is empty', () => sql('SELECT count(*) FROM sessions.outbox')[0][0] === '0', 20);
  assert.equal((await deliveries(hook)).length, 1);
  await want(200, 'PATCH', at, admin({ enabled: true }));
  const other = await makeApp(org);
  await want(200, 'DELETE', `/api/v1/apps/${other.public_id}`, { token: org.admin });
  await until('the event arrives', () => hooks.hits.some((h) => h.json.type === 'app.deleted' && h.json.data.app_public_id === other.public_id), 20);
  await remove(hook);
});

test('a past event is sent again under a new number and its old id; twice at once makes two', async () => {
  const hook = await create();
  const first = await tried(hook);
  await delivered(hook, first.delivery_id);
  const path = `${AT}/${hook.id}/deliveries/${first.delivery_id}/redeliver`;
  const both = await Promise.all([want(200, 'POST', path, admin()), want(200, 'POST', path, admin())]);
  assert.equal(new Set([first.delivery_id, ...both.map((b) => b.delivery_id)]).size, 3);
  for (const { delivery_id: id } of both) {
    await until('it arrives', () => hitOf(id), 10);
    assert.equal(hitOf(id).json.id, first.hit.json.id);
    assert.equal(hitOf(id).body, first.hit.body);
    assert.ok(verifies(hitOf(id), hook.secret));
    assert.equal((await delivered(hook, id)).redelivery, true);
  }
  const list = await deliveries(hook);
  assert.deepEqual(list.map((d) => d.id), list.map((d) => d.id).sort((a, b) => b - a));
  assert.deepEqual((await deliveries(hook, `?before=${list[0].id}`)).map((d) => d.id), list.slice(1).map((d) => d.id));
  await refused(422, 'before', 'GET', `${AT}/${hook.id}/deliveries?before=x`, dev());
  const second = await create();
  await want(404, 'POST', `${AT}/${second.id}/deliveries/${first.delivery_id}/redeliver`, admin());
  await remove(second);
  await remove(hook);
  await want(404, 'POST', path, admin());
});

test('one key makes one test event', async () => {
  const hook = await create();
  const options = { ...admin(), headers: { 'idempotency-key': `k-${hook.id}` } };
  const first = await want(200, 'POST', `${AT}/${hook.id}/test`, options);
  const again = await want(200, 'POST', `${AT}/${hook.id}/test`, options);
  assert.equal(first.delivery_id, again.delivery_id);
  assert.equal(sql(`SELECT count(*) FROM webhooks.deliveries WHERE endpoint_id = ${hook.id}`)[0][0], '1');
  await remove(hook);
});

test('a failing endpoint says since when; after three days it is off, with the reason, and others are told', async () => {
  const dead = await create({ url: 'http://127.0.0.1:9/dead', name: 'Dead end' });
  const watcher = await create({ event_types: ['webhook.disabled'] });
  const at = `${AT}/${dead.id}`;
  await want(200, 'POST', `${at}/test`, admin());
  await until('it is failing', async () => (await want(200, 'GET', at, dev())).failing_since, 20);
  const waiting = (await deliveries(dead))[0];
  assert.equal(waiting.status, 'pending');
  assert.match(waiting.error, /CONNECT/);
  assert.ok(waiting.next_attempt_at);
  assert.match(operate('stuck'), new RegExp(`organization ${org.id}, webhook ${dead.id} "Dead end": failing since .*, 1 waiting, .*CONNECT`));
  sql(`UPDATE webhooks.endpoints SET failing_since = now() - interval '73 hours' WHERE id = ${dead.id}`);
  sql(`UPDATE webhooks.deliveries SET next_at = now() WHERE endpoint_id = ${dead.id}`);
  const off = await until('it is off', async () => {
    const read = await want(200, 'GET', at, dev());
    return read.enabled ? null : read;
  }, 20);
  assert.equal(off.disabled_reason, 'failing');
  await until('the other endpoint is told', () => hooks.hits.some((h) => h.json.type === 'webhook.disabled' && h.json.data.webhook_id === dead.id), 20);
  assert.equal((await deliveries(dead))[0].status, 'failed');
  await until('the audit log has it', () => sql(`SELECT count(*) FROM auth.audit_events WHERE org_id = ${org.id} AND type = 'webhook.disabled'`)[0][0] === '1', 20);
  const told = await mail(org.email, /^Webhook switched off: Dead end$/);
  assert.match(told.raw, /Content-Type: text\/plain/);
  assert.match(told.raw, /Content-Type: text\/html/);
  assert.match(told.raw.replace(/=\r\n/g, ''), /CONNECT/);
  assert.equal(mailsTo(org.email).filter((m) => m.subject === told.subject).length, 1);
  const on = await want(200, 'PATCH', at, admin({ enabled: true }));
  assert.equal(on.disabled_reason, null);
  assert.equal(on.failing_since, null);
  await remove(dead);
  await remove(watcher);
});

test('an operator seals all secrets anew, and they sign as before', async () => {
  const hook = await create();
  const second = (await want(200, 'POST', `${AT}/${hook.id}/regenerate-secret`, admin())).secret;
  const sealed = () => sql(`SELECT md5(secret), md5(old_secret) FROM webhooks.endpoints WHERE id = ${hook.id}`)[0];
  const before_ = sealed();
  assert.match(operate('reseal'), /^[1-9][0-9]* sealed with the first key\n$/);
  assert.ok(sealed().every((now, i) => now !== before_[i]));
  const { hit } = await tried(hook);
  assert.ok(verifies(hit, second) && verifies(hit, hook.secret));
  await remove(hook);
});

test('an organization has a hundred webhooks, however many are made at once', async () => {
  const own = await organization();
  sql(`INSERT INTO webhooks.endpoints (org_id, url, event_types) SELECT ${own.id}, 'https://example.com/', '{run.passed}' FROM generate_series(1, 97)`);
  const made = await Promise.all(Array.from({ length: 8 }, () =>
    fetch(`${process.env.ASSAY_URL}${AT}`, {
      method: 'POST', headers: { authorization: `Bearer ${own.admin}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: 'https://example.com/' }),
    }).then((r) => r.status)));
  assert.deepEqual(made.sort(), [200, 200, 200, 400, 400, 400, 400, 400]);
  assert.equal((await want(200, 'GET', AT, { token: own.developer })).length, 100);
});
