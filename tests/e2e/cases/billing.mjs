// Credit, purchases, usage and limits, with a stand-in for Stripe.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, test } from 'node:test';

import { startReceiver } from '../lib/receiver.mjs';
import { sideGateway } from '../lib/side.mjs';
import { pay, sendEvent, sign, startStripe, stripeEvent } from '../lib/stripe.mjs';
import { billing, call, finished, makeCase, makeSuite, organization, refused, sql, until, want } from '../lib/world.mjs';

const TOPUP = '/api/v1/credits/topup';
const USD = 1000000;
let stripe;
before(async () => {
  stripe = await startStripe(Number(process.env.E2E_STRIPE_PORT));
});
after(() => stripe.stop());

const balance = (org) => want(200, 'GET', '/api/v1/credits/balance', { token: org.viewer });
const ledger = (org, query = '') => want(200, 'GET', `/api/v1/credits/ledger${query}`, { token: org.viewer });
const dashboard = (org) => want(200, 'GET', '/api/v1/usage/dashboard', { token: org.viewer });

async function adds_up(org) {
  const b = await balance(org);
  const { total, entries } = await ledger(org, '?limit=100');
  assert.equal(entries.length, total);
  const sum = (bucket) => entries.filter((e) => e.balance_bucket === bucket).reduce((n, e) => n + e.amount_micro, 0);
  assert.equal(sum('allowance'), b.allowance_micro);
  assert.equal(sum('prepaid'), b.prepaid_micro);
  return b;
}

test('a new organization has an allowance, and its entries add up to the balance', async () => {
  const org = await organization();
  const b = await adds_up(org);
  assert.equal(b.allowance_micro, b.plan_allowance_micro);
  assert.equal(b.plan_period_end, null);
  assert.equal(b.low_balance, false);
  assert.ok(b.bundles.length > 0);
  const { entries } = await ledger(org);
  assert.equal(entries.at(-1).entry_type, 'subscription_refill');
  await refused(422, 'limit', 'GET', '/api/v1/credits/ledger?limit=0', { token: org.viewer });
  await refused(422, 'offset', 'GET', '/api/v1/credits/ledger?offset=-1', { token: org.viewer });
  assert.equal((await ledger(org, '?offset=5')).entries.length, 0);
});

test('a purchase is a checkout, and credit arrives when it is paid, once', async () => {
  const org = await organization();
  const hooks = await startReceiver();
  try {
    await want(200, 'POST', '/api/v1/integrations/webhooks',
      { token: org.admin, body: { url: hooks.url, event_types: ['billing.topup_completed'] } });
    const before_ = await balance(org);
    const { url } = await want(200, 'POST', TOPUP, { token: org.admin, body: { amount_usd: 25 } });
    const session = stripe.sessions.at(-1);
    assert.equal(url, session.url);
    assert.equal(session.amount_total, 2500);
    assert.equal(session.client_reference_id, String(org.id));
    assert.equal(session.customer_email, org.email);
    assert.equal((await balance(org)).prepaid_micro, before_.prepaid_micro);
    const paid = await pay(session);
    await pay(session);
    const event = stripeEvent('checkout.session.async_payment_succeeded', paid);
    assert.equal((await sendEvent(event)).status, 200);
    assert.equal((await sendEvent(event)).status, 200);
    assert.equal((await adds_up(org)).prepaid_micro, 25 * USD);
    await until('the webhook tells of it', () => hooks.hits.some((h) => h.json.type === 'billing.topup_completed'));
    const refund = { id: 'ch_1', object: 'charge', amount: 2500, amount_refunded: 1000, currency: 'usd', payment_intent: paid.payment_intent, metadata: {} };
    assert.equal((await sendEvent(stripeEvent('charge.refunded', refund))).status, 200);
    assert.equal((await adds_up(org)).prepaid_micro, 15 * USD);
    await until('purchase and refund are in the audit log', () => sql(`SELECT count(*) FROM auth.audit_events WHERE org_id = ${org.id} AND type IN ('billing.topup_started', 'billing.topup_completed', 'billing.topup_refunded')`)[0][0] === '3');
  } finally {
    hooks.stop();
  }
});

test('a bundle costs what the balance says, and the same request is one purchase', async () => {
  const org = await organization();
  const [bundle] = (await balance(org)).bundles;
  const n = stripe.sessions.length;
  const options = { token: org.admin, body: { bundle_key: bundle.bundle_key }, headers: { 'Idempotency-Key': `k-${org.id}` } };
  const a = await want(200, 'POST', TOPUP, options);
  const b = await want(200, 'POST', TOPUP, options);
  assert.equal(a.url, b.url);
  assert.equal(stripe.sessions.length, n + 1);
  assert.equal(stripe.sessions.at(-1).amount_total * 10000, bundle.amount_micro);
});

test('a bad purchase is 400 before anything else, and without an answer of Stripe 503', async () => {
  const org = await organization();
  for (const body of [{}, { amount_usd: 10, bundle_key: 'bundle_10' }, { amount_usd: 10.5 }, { amount_usd: '10' }, { amount_usd: 4 },
    { amount_usd: 501 }, { amount_usd: -5 }, { amount_usd: null }, { bundle_key: 'bundle_11' }, { bundle_key: 10 }]) {
    await want(400, 'POST', TOPUP, { token: org.admin, body });
  }
  await want(403, 'POST', TOPUP, { token: org.developer, body: { amount_usd: 10 } });
  stripe.broken = true;
  await want(503, 'POST', TOPUP, { token: org.admin, body: { amount_usd: 10 } });
  stripe.broken = false;
});

test('only what Stripe signed, byte by byte and lately, is taken', async () => {
  const org = await organization();
  await want(200, 'POST', TOPUP, { token: org.admin, body: { amount_usd: 10 } });
  const event = stripeEvent('checkout.session.completed', { ...stripe.sessions.at(-1), payment_status: 'paid', payment_intent: 'pi_x' });
  const body = JSON.stringify(event);
  const now = Math.floor(Date.now() / 1000);
  for (const more of [{ headers: {} }, { headers: { 'Stripe-Signature': 'nonsense' } }, { headers: { 'Stripe-Signature': sign(body, now - 400) } },
    { headers: { 'Stripe-Signature': sign(body, now + 400) } }, { headers: { 'Stripe-Signature': sign(body, now, 'other') } },
    { headers: { 'Stripe-Signature': sign(`${body} `) } }]) {
    const res = await sendEvent(event, { body, ...more });
    assert.equal(res.status, 400, JSON.stringify(more));
    assert.equal(typeof res.json.detail, 'string');
  }
  assert.equal((await sendEvent(event, { body: '{}', headers: { 'Stripe-Signature': sign('{}') } })).status, 400);
  assert.equal((await balance(org)).prepaid_micro, 0);
  // White space and order of members are the sender's: nothing between Stripe and us may touch them.
  const spaced = `\r\n ${JSON.stringify(event, null, '\t')} \n`;
  assert.equal((await sendEvent(event, { body: spaced, headers: { 'Stripe-Signature': sign(spaced) } })).status, 200);
  assert.equal((await adds_up(org)).prepaid_micro, 10 * USD);
});

test('without Stripe purchases and its webhook are 503, and say so', async () => {
  const off = { ASSAY_STRIPE_SECRET_KEY: '', ASSAY_STRIPE_WEBHOOK_SECRET: '' };
  const side = await sideGateway({}, undefined, off);
  try {
    const org = await organization();
    const at = { url: side.url, token: org.admin };
    await want(400, 'POST', TOPUP, { ...at, body: {} });
    const { detail } = await want(503, 'POST', TOPUP, { ...at, body: { amount_usd: 10 } });
    assert.match(detail, /not available/);
    assert.equal((await sendEvent(stripeEvent('x', {}), { url: side.url })).status, 503);
    await want(200, 'GET', '/api/v1/credits/balance', at);
  } finally {
    side.stop();
  }
});

test('an operator grants credit, adds plans and moves organizations to them', async () => {
  const org = await organization();
  await balance(org);
  billing('credits', 'grant', String(org.id), '7', 'prepaid', `gift-${org.id}`);
  assert.match(billing('credits', 'grant', String(org.id), '7', 'prepaid', `gift-${org.id}`), /before/);
  assert.equal((await adds_up(org)).prepaid_micro, 7 * USD);
  billing('plan', 'put', 'team', 'Team', 'price_cents=1900', 'sessions=3', 'minutes=100', 'credit_micro=12000000', 'overage_micro=40000');
  assert.match(billing('plan', 'list'), /free[^]*professional[^]*starter|team/);
  billing('plan', 'set', String(org.id), 'team');
  const b = await adds_up(org);
  assert.equal(b.plan_allowance_micro, 12 * USD);
  assert.equal(b.allowance_micro, 12 * USD);
  assert.notEqual(b.plan_period_end, null);
  const d = await dashboard(org);
  assert.equal(d.plan_id, 'team');
  assert.equal(d.active_sessions.limit, 3);
  assert.equal(d.streaming_minutes.limit, 100);
  assert.throws(() => billing('plan', 'set', String(org.id), 'nope'));
  assert.match(billing('ledger', 'check'), /^0 faults/);
});

test('live sessions beyond the plan are refused in plain words', async () => {
  for (const [id, name, limit, text] of [['none', 'None', 'sessions=0', 'the plan None allows 0 sessions at the same time'],
    ['still', 'Still', 'minutes=0', 'the 0 streaming minutes of the plan Still are used up this month']]) {
    const org = await organization();
    billing('plan', 'put', id, name, limit);
    billing('plan', 'set', String(org.id), id);
    const made = await want(200, 'POST', '/api/v1/sessions/', { token: org.developer, body: { device_type: 'web' } });
    await refused(400, text, 'POST', `/api/v1/sessions/${made.session_id}/start`, { token: org.developer });
    assert.equal((await want(200, 'GET', `/api/v1/sessions/${made.session_id}`, { token: org.viewer })).status, 'pending');
  }
});

test('usage of a new organization is nothing, and unlimited where nobody said otherwise', async () => {
  const org = await organization();
  const d = await dashboard(org);
  assert.equal(d.plan_id, 'self_hosted');
  for (const metric of ['ai_credit_vibeview', 'ai_tokens_byok', 'streaming_minutes', 'active_sessions']) {
    assert.equal(d[metric].current, 0);
    assert.equal(d[metric].limit, null);
  }
  const usage = await want(200, 'GET', '/api/v1/ai/usage', { token: org.viewer });
  assert.deepEqual(usage.total, { input_tokens: 0, output_tokens: 0, cost_micro: 0, runs_count: 0 });
  assert.deepEqual(usage.by_model, []);
});

// An event in the outbox of tests, as lib/svc stores it (assay.Event).
function emit(type, orgId, data) {
  const varint = (n) => (n < 0x80 ? [Number(n)] : [Number(BigInt(n) & 0x7fn) | 0x80, ...varint(BigInt(n) >> 7n)]);
  const text = (field, value) => { const b = Buffer.from(value); return Buffer.from([...varint(field * 8 + 2), ...varint(b.length), ...b]); };
  const number = (field, value) => Buffer.from([...varint(field * 8), ...varint(BigInt(value))]);
  const id = crypto.randomUUID();
  const event = Buffer.concat([text(1, id), text(2, type), number(3, orgId), number(4, BigInt(Date.now()) * 1000n), text(11, JSON.stringify(data))]);
  sql(`INSERT INTO tests.outbox (event_id, target, type, event) VALUES ('${id}', 2, '${type}', '\\x${event.toString('hex')}')`);
}

test('model calls go from the outbox of tests to usage by model, and to the ledger once', async () => {
  const org = await organization();
  const usage = () => want(200, 'GET', '/api/v1/ai/usage', { token: org.viewer });
  const before_ = await balance(org);
  const made = { call_id: 'c1', model: 'large-1', input_tokens: 1200, output_tokens: 80, cost_micro: 4200, test_run_id: 17 };
  emit('model.called', org.id, made);
  emit('model.called', org.id, made); // another event tells of the same call
  emit('model.called', org.id, { ...made, call_id: 'c2', model: 'small-1', cost_micro: 100 });
  emit('model.called', org.id, { ...made, call_id: 'c3', model: 'large-1', byok: true, cost_micro: 5000 });
  const u = await until('three calls are counted', async () => { const now = await usage(); return now.total.runs_count === 3 ? now : null; });
  assert.deepEqual(u.by_model.map((m) => [m.model, m.runs, m.cost_micro]), [['large-1', 2, 9200], ['small-1', 1, 100]]);
  assert.deepEqual(u.vibeview, { input_tokens: 2400, output_tokens: 160, cost_micro: 4300, runs_count: 2 });
  assert.deepEqual(u.byok, { input_tokens: 1200, output_tokens: 80, cost_micro: 5000, runs_count: 1 });
  const b = await adds_up(org);
  assert.equal(b.allowance_micro, before_.allowance_micro - 4300);
  const { entries } = await ledger(org);
  assert.deepEqual(entries.filter((e) => e.model).map((e) => [e.model, e.amount_micro, e.test_run_id]).sort(), [['large-1', -4200, 17], ['small-1', -100, 17]]);
  const d = await dashboard(org);
  assert.equal(d.ai_tokens_byok.current, 1280);
  assert.deepEqual(d.by_model.map((m) => m.model), ['large-1', 'small-1']);
});

test('at zero credit a run that asks a model is refused in plain words, one on a key of its own is not', async () => {
  const org = await organization();
  await balance(org);
  billing('plan', 'set', String(org.id), 'free');
  const suite = await makeSuite(org);
  const one = await makeCase(org, suite);
  const run = (status, mode, more = {}) => want(status, 'POST', '/api/v1/ci/run-suite', { token: org.developer, body: { suite_id: suite.public_id, mode, ...more } });
  // What there is, and more than that: a call that has happened is taken as far as the credit goes.
  emit('model.called', org.id, { call_id: 'all', model: 'm', input_tokens: 1, output_tokens: 1, cost_micro: 50000000 });
  await until('the credit is gone', async () => { const b = await balance(org); return b.allowance_micro + b.prepaid_micro === 0; });
  const { detail } = await run(400, 'ai');
  assert.match(detail, /credit of the plan Free is used up.*buy credit/);
  await want(400, 'POST', '/api/v1/ci/run-test', { token: org.developer, body: { test_id: one.public_id, mode: 'ai' } });
  await run(404, 'ai', { suite_id: 'suite_zzzzzzzz' });
  const own = await run(200, 'ai', { model: 'claude:byok' });
  billing('credits', 'grant', String(org.id), '5');
  const bought = await until('with credit it starts', async () => {
    const res = await call('POST', '/api/v1/ci/run-suite', { token: org.developer, body: { suite_id: suite.public_id, mode: 'ai' } });
    return res.status === 200 ? res.json : null;
  });
  for (const { run_id } of [own, bought]) { // the devices are needed by others
    await finished(org, run_id);
  }
});
