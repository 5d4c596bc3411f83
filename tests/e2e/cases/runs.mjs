// Runs from request to report on the real browser: what is told while they go, artifacts, usage,
// events, audit.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { startReceiver } from '../lib/receiver.mjs';
import { startSite } from '../lib/site.mjs';
import { board, call, finished, makeApp, makeCase, makeStandalone, makeSuite, organization, refused, sql, until, unique, want } from '../lib/world.mjs';

let org;
let site;
let app;
let hooks;
let hook;
before(async () => {
  org = await organization();
  site = await startSite();
  hooks = await startReceiver();
  app = await makeApp(org, site.url);
  hook = await want(200, 'POST', '/api/v1/integrations/webhooks', {
    token: org.admin,
    body: { url: hooks.url, name: 'all', event_types: ['run.started', 'run.passed', 'run.failed', 'run.cancelled', 'case.failed'] },
  });
});
after(() => {
  site.stop();
  hooks.stop();
});
const dev = (body) => ({ token: org.developer, body });
const start = (suite, more = {}) => want(200, 'POST', '/api/v1/ci/run-suite',
  dev({ suite_id: suite.public_id, device_category: 'desktop', ...more }));

async function counting(n, more = {}) {
  const suite = await makeSuite(org, { app });
  const names = [];
  for (let i = 0; i < n; i++) {
    const name = unique('hit').replace(/[^a-z0-9]/gi, '');
    names.push(name);
    await makeCase(org, suite, { name, steps: [`Open '/count/${name}'`, `Verify the heading says '${name}'`], ...more });
  }
  return { suite, names };
}

// Takes every desktop device; returns the paths of the sessions.
async function holdAll() {
  const devices = await want(200, 'GET', '/api/v1/devices/?category=desktop', { token: org.viewer });
  return Promise.all(devices.map(async ({ device_id: id }) => {
    const body = { device_type: 'web', specific_device_id: id };
    const path = `/api/v1/sessions/${(await want(200, 'POST', '/api/v1/sessions/', { token: org.admin, body })).session_id}`;
    await want(200, 'POST', `${path}/start`, { token: org.admin });
    await until('active', async () => (await want(200, 'GET', path, { token: org.viewer })).status === 'active', 30);
    return path;
  }));
}

function terminal(runId) {
  return hooks.events().filter((h) => h.json.data.run_id === runId && ['run.passed', 'run.failed', 'run.cancelled'].includes(h.json.type));
}

test('a suite runs every case once and tells it everywhere', async () => {
  const { suite, names } = await counting(3);
  const metadata = { build: 7, nested: { a: [1, 'ä', null] }, big: 12345678901234 };
  const { run_id: id, status } = await start(suite, { metadata, commit_sha: 'abc123' });
  assert.equal(status, 'pending');
  const seen = new Set();
  const seqs = [];
  const run = await until('the run ends', async () => {
    const r = await want(200, 'GET', `/api/v1/ci/runs/${id}`, { token: org.developer });
    seen.add(r.status);
    assert.equal('case_results' in r, ['passed', 'failed', 'error', 'cancelled'].includes(r.status));
    assert.equal('queue' in r && r.status !== 'pending', false);
    seqs.push(...(r.events ?? []).map((e) => e.seq));
    return 'case_results' in r ? r : null;
  }, 60);
  assert.equal(run.status, 'passed', JSON.stringify(run.case_results));
  assert.ok(seen.has('pending') || seen.has('running'));
  assert.equal(run.type, 'suite_run');
  assert.equal(run.suite_id, suite.public_id);
  assert.deepEqual([run.passed, run.failed], [3, 0]);
  assert.deepEqual(run.metadata, metadata);
  assert.equal(run.commit_sha, 'abc123');
  assert.ok(run.duration_ms > 0);
  assert.deepEqual(run.case_results.map((c) => c.case_name), names);
  assert.ok(run.case_results.every((c) => c.status === 'passed' && c.duration_ms >= 0));
  for (const name of names) {
    assert.equal(site.count(name), 1, name);
  }
  const same = await want(200, 'GET', `/api/v1/tests/suite-runs/${id}`, { token: org.viewer });
  assert.equal(same.status, 'passed');
  assert.equal(same.test_runs.length, 3);
  const read = await want(200, 'GET', `/api/v1/tests/suites/${suite.public_id}`, { token: org.viewer });
  assert.equal(read.last_run_status, 'passed');
  assert.ok(read.last_run_at);
  const caseRun = await want(200, 'GET', `/api/v1/tests/runs/${run.case_results[0].run_id}`, { token: org.viewer });
  assert.equal(caseRun.status, 'passed');
  const one = await want(200, 'GET', `/api/v1/ci/runs/${run.case_results[0].run_id}`, { token: org.developer });
  assert.equal(one.type, 'test_run');
  assert.ok(one.step_results.length >= 2);
  assert.ok(one.step_results.every((s) => s.status === 'passed'));

  await until('two events came', () => hooks.events().filter((h) => h.json.data.run_id === id).length >= 2, 20);
  const events = hooks.events().filter((h) => h.json.data.run_id === id);
  assert.deepEqual(events.map((h) => h.json.type).sort(), ['run.passed', 'run.started']);
  for (const hit of events) {
    assert.ok(hooks.isSigned(hit, hook.secret), 'the signature is wrong');
    assert.ok(!hooks.isSigned({ ...hit, body: `${hit.body} ` }, hook.secret));
    assert.ok(Math.abs(Number(hit.headers['x-assay-timestamp']) - Date.now() / 1000) < 60);
    assert.equal(hit.headers['x-assay-event'], hit.json.type);
    assert.ok(hit.headers['x-assay-delivery']);
    assert.equal(hit.json.organization_id, org.id);
    assert.deepEqual(hit.json.data.metadata, metadata);
    assert.equal(hit.json.data.commit_sha, 'abc123');
    assert.equal(hit.json.data.suite_id, suite.public_id);
  }
  await until('the usage is counted', () => sql(
    `SELECT count(*) FROM billing.usage_events WHERE org_id = ${org.id} AND resource_id = '${id}'`)[0][0] === '1', 10);
});

test('a case that fails is told with what was seen, and does not stop the others', async () => {
  const suite = await makeSuite(org, { app });
  await makeCase(org, suite, { name: 'bad', steps: ["Open '/count/x'", "Verify the heading says 'quite another'"] });
  await makeCase(org, suite, { name: 'good', steps: ["Open '/count/x'"] });
  const run = await finished(org, (await start(suite)).run_id);
  assert.equal(run.status, 'failed');
  assert.deepEqual([run.passed, run.failed], [1, 1]);
  assert.deepEqual(run.case_results.map((c) => c.status), ['failed', 'passed']);
  assert.ok(run.case_results[0].error_message);
  await until('one event tells the end', () => terminal(run.run_id).length === 1, 20);
  assert.equal(terminal(run.run_id)[0].json.type, 'run.failed');
});

test('one case runs by itself, in each mode that needs no model', async () => {
  const name = unique('rec').replace(/[^a-z0-9]/gi, '');
  const one = await makeStandalone(org, app, {
    name, mode: 'recorded', steps: ['Open it'], source_recording: [{ type: 'navigate', url: `/count/${name}` }],
  });
  const started = await want(200, 'POST', '/api/v1/ci/run-test', dev({ test_id: one.public_id, mode: 'replay', device_category: 'desktop' }));
  const run = await finished(org, started.run_id);
  assert.equal(run.status, 'passed', run.error_message);
  assert.equal(run.type, 'test_run');
  assert.equal(run.test_id, one.public_id);
  assert.equal(run.test_name, name);
  assert.equal(site.count(name), 1);
});

test('what a start names must exist and fit', async () => {
  const { suite } = await counting(1);
  const at = ['POST', '/api/v1/ci/run-suite'];
  await want(404, ...at, dev({ suite_id: 'suite_zzzzzzzz' }));
  await want(404, 'POST', '/api/v1/ci/run-test', dev({ test_id: 'case_zzzzzzzz' }));
  await refused(422, 'device', ...at, dev({ suite_id: suite.public_id, device_id: 'x', device_category: 'phone' }));
  await refused(422, 'metadata', ...at, dev({ suite_id: suite.public_id, metadata: [] }));
  await want(404, ...at, dev({ suite_id: suite.public_id, build_id: 99999999 }));
  const bare = await makeSuite(org, { app: null });
  await want(400, ...at, dev({ suite_id: bare.public_id, build_id: 1 }));
  const lone = await makeCase(org, bare);
  await want(400, 'POST', '/api/v1/ci/run-test', dev({ test_id: lone.public_id, build_id: 1 }));
  await want(404, 'POST', '/api/v1/ci/run-test', dev({ test_id: (await makeStandalone(org, app)).public_id, build_id: 99999999 }));
});

test('a run without a free device waits, tells its place, and can be cancelled', async () => {
  const { suite, names } = await counting(1);
  const held = await holdAll();
  const { run_id: id } = await start(suite);
  const run = await until('it is queued', async () => {
    const r = await want(200, 'GET', `/api/v1/ci/runs/${id}`, { token: org.developer });
    return r.queue ? r : null;
  }, 20);
  assert.equal(run.status, 'pending');
  assert.ok(run.queue.position >= 1);
  const { id: number } = await want(200, 'GET', `/api/v1/tests/suite-runs/${id}`, { token: org.viewer });
  await want(200, 'POST', `/api/v1/ai/suite/run/${number}/cancel`, { token: org.developer });
  const done = await finished(org, id, 20);
  assert.equal(done.status, 'cancelled');
  assert.deepEqual(done.case_results.map((c) => c.status), ['cancelled']);
  assert.equal(site.count(names[0]), 0);
  await want(400, 'POST', `/api/v1/ai/suite/run/${number}/cancel`, { token: org.developer });
  await Promise.all(held.map((path) => want(200, 'DELETE', path, { token: org.admin })));
  await until('the end is told once', () => terminal(id).length === 1, 20);
  assert.equal(terminal(id)[0].json.type, 'run.cancelled');
});

test('a run for a device that is not connected waits, says for what, and can be cancelled', async () => {
  const { suite } = await counting(1);
  const { run_id: id } = await want(200, 'POST', '/api/v1/ci/run-suite', dev({ suite_id: suite.public_id, device_id: 'nobody-has-it' }));
  const reason = 'waiting for the device nobody-has-it; it is not connected';
  const run = await until('it says for what it waits', async () => {
    const r = await want(200, 'GET', `/api/v1/ci/runs/${id}`, { token: org.developer });
    return r.queue?.reason === reason ? r : null;
  }, 20);
  assert.equal(run.status, 'pending');
  const { id: number, wait_reason: told, test_runs: [one] } = await want(200, 'GET', `/api/v1/tests/suite-runs/${id}`, { token: org.viewer });
  assert.equal(told, reason);
  assert.equal((await want(200, 'GET', `/api/v1/tests/runs/${one.public_id}`, { token: org.viewer })).wait_reason, reason);
  await want(200, 'POST', `/api/v1/ai/suite/run/${number}/cancel`, { token: org.developer });
  assert.equal((await finished(org, id, 20)).status, 'cancelled');
});

test('a running case is cancelled between two actions, and the rest of its suite goes on', async () => {
  const suite = await makeSuite(org, { app });
  const slow = await makeCase(org, suite, { name: 'slow', steps: ["Open '/count/s'", 'Wait 20 seconds', "Open '/count/never'"] });
  await makeCase(org, suite, { name: 'next', steps: ["Open '/count/s'"] });
  const { run_id: id } = await start(suite);
  await until('the case runs', async () => {
    const { test_runs: runs } = await want(200, 'GET', `/api/v1/tests/suite-runs/${id}`, { token: org.viewer });
    return runs[0].status === 'running' ? runs[0] : null;
  }, 30);
  const [{ public_id: runId }] = await want(200, 'GET', `/api/v1/tests/cases/${slow.public_id}/runs`, { token: org.viewer });
  await want(200, 'POST', `/api/v1/tests/runs/${runId}/cancel`, { token: org.developer });
  const one = await until('the case is cancelled', async () => {
    const r = await want(200, 'GET', `/api/v1/tests/runs/${runId}`, { token: org.viewer });
    return ['cancelled', 'passed', 'failed', 'error'].includes(r.status) ? r : null;
  }, 15);
  assert.equal(one.status, 'cancelled');
  const run = await finished(org, id, 40);
  assert.equal(site.count('never'), 0);
  assert.ok(['cancelled', 'failed', 'passed'].includes(run.status), run.status);
});

test('a case and a suite run on a live session and leave it active', async () => {
  const { suite, names } = await counting(2);
  const one = await makeStandalone(org, app, { steps: ["Open '/count/live'", "Verify the heading says 'live'"] });
  const session = await want(200, 'POST', '/api/v1/sessions/', { token: org.developer, body: { device_type: 'web', device_category: 'desktop' } });
  const path = `/api/v1/sessions/${session.session_id}`;
  const ai = (what, body) => ['POST', `/api/v1/ai/${what}/run`, dev({ session_id: session.session_id, ...body })];
  await want(400, ...ai('test', { test_case_public_id: one.public_id }));
  await want(400, ...ai('suite', { suite_public_id: suite.public_id }));
  await want(200, 'POST', `${path}/start`, { token: org.developer });
  await until('active', async () => (await want(200, 'GET', path, { token: org.viewer })).status === 'active', 30);
  await refused(422, 'test_case', ...ai('test', {}));
  await refused(422, 'suite', ...ai('suite', {}));
  await want(404, ...ai('test', { test_case_public_id: 'case_zzzzzzzz' }));
  await want(404, ...ai('suite', { suite_public_id: 'suite_zzzzzzzz' }));
  await want(404, ...ai('test', { test_case_public_id: one.public_id, session_id: '00000000-0000-4000-8000-000000000000' }));
  await want(404, ...ai('test', { test_case_public_id: one.public_id, build_id: 99999999 }));

  const t = await want(200, ...ai('test', { test_case_id: one.id }));
  const run = await until('the case ends', async () => {
    const r = await want(200, 'GET', `/api/v1/tests/runs/${t.run_public_id}`, { token: org.viewer });
    return r.finished_at ? r : null;
  }, 40);
  assert.equal(run.status, 'passed', run.error_message);
  const s = await want(200, ...ai('suite', { suite_public_id: suite.public_id }));
  const suiteRun = await until('the suite ends', async () => {
    const r = await want(200, 'GET', `/api/v1/tests/suite-runs/${s.suite_run_public_id}`, { token: org.viewer });
    return r.finished_at ? r : null;
  }, 60);
  assert.equal(suiteRun.status, 'passed', JSON.stringify(suiteRun));
  assert.equal(suiteRun.session_id, session.session_id);
  for (const name of names) {
    assert.equal(site.count(name), 1);
  }
  assert.equal((await want(200, 'GET', path, { token: org.viewer })).status, 'active');
  await want(200, 'DELETE', path, { token: org.developer });
});

test('the screenshots of a run are pictures for its organization alone', async () => {
  const { suite } = await counting(1);
  const run = await finished(org, (await start(suite)).run_id);
  const caseRun = run.case_results[0].run_id;
  const path = `/api/v1/artifacts/${caseRun}/step_0.jpg`;
  const shown = await call('GET', path, { token: org.viewer });
  assert.equal(shown.status, 200);
  assert.match(shown.type, /^image\/(jpeg|png|webp)$/);
  assert.ok(shown.bytes.length > 500);
  assert.equal(shown.headers['x-content-type-options'], 'nosniff');
  assert.equal((await call('GET', `${path}?token=${org.viewer}`)).status, 200);
  const known = (headers) => exchange('GET', path, { token: org.viewer, headers });
  const { etag } = (await known({})).headers;
  assert.match(etag, /^"[0-9a-f]{64}"$/);
  const kept = await known({ 'if-none-match': `"x", W/${etag}`, range: 'bytes=2-11' });
  assert.deepEqual([kept.status, kept.bytes.length, kept.headers.etag], [304, 0, etag]);
  assert.equal((await known({ 'if-range': etag, range: 'bytes=2-11' })).status, 206);
  assert.equal((await known({ 'if-range': '"another"', range: 'bytes=2-11' })).status, 200);
  const part = await exchange('GET', path, { token: org.viewer, headers: { range: 'bytes=2-11' } });
  assert.equal(part.status, 206);
  assert.deepEqual(part.bytes, shown.bytes.subarray(2, 12));
  const other = await organization();
  await want(404, 'GET', path, { token: other.admin });
  await want(401, 'GET', `${path}?token=nope`);
  await want(401, 'GET', path);
  for (const tail of ['..%2f..%2fsecret.key', '../../secret.key', '%2e%2e/%2e%2e/secret.key', '', '%00', '1', '../../../../etc/passwd']) {
    const { status, bytes } = await call('GET', `/api/v1/artifacts/${caseRun}/${tail}`, { token: org.viewer });
    assert.ok([400, 404].includes(status), `${tail}: ${status}`);
    assert.ok(!bytes.includes('root:'));
  }
});

test('webhooks: the secret is shown once, a deleted one gets nothing', async () => {
  const at = '/api/v1/integrations/webhooks';
  assert.match(hook.secret, /^whsec_/);
  const read = await want(200, 'GET', `${at}/${hook.id}`, { token: org.developer });
  assert.equal(read.secret, undefined);
  assert.equal(read.url, hooks.url);
  const defaults = await want(200, 'POST', at, { token: org.admin, body: { url: `${hooks.url}/gone` } });
  assert.ok(defaults.event_types.length > 0);
  const listed = await want(200, 'GET', at, { token: org.developer });
  assert.deepEqual(listed.map((h) => h.id).sort(), [hook.id, defaults.id].sort());
  assert.ok(!JSON.stringify(listed).includes('whsec_'));
  await refused(422, 'event_types', 'POST', at, { token: org.admin, body: { url: hooks.url, event_types: ['no.such'] } });
  for (const url of ['ftp://127.0.0.1/', 'http://', 'http://169.254.169.254/latest', 'http://[fe80::1]/', 'nope']) {
    await want(422, 'POST', at, { token: org.admin, body: { url } });
  }
  await want(200, 'DELETE', `${at}/${defaults.id}`, { token: org.admin });
  await want(404, 'GET', `${at}/${defaults.id}`, { token: org.developer });
  const { suite } = await counting(1);
  const run = await finished(org, (await start(suite)).run_id);
  await until('the other webhook is told', () => terminal(run.run_id).length === 1, 20);
  assert.ok(!hooks.hits.some((h) => h.path.endsWith('/gone')));
});

test('what was done stands in the audit log, one chain per organization', async () => {
  await until('the outboxes are empty', () => sql("SELECT (SELECT count(*) FROM tests.outbox) + (SELECT count(*) FROM sessions.outbox) + (SELECT count(*) FROM auth.outbox) + (SELECT count(*) FROM webhooks.outbox)")[0][0] === '0', 20);
  const rows = sql(`SELECT seq, type FROM auth.audit_events WHERE org_id = ${org.id} ORDER BY seq`);
  assert.deepEqual(rows.map((r) => Number(r[0])), rows.map((_, i) => i + 1));
  const types = new Set(rows.map((r) => r[1]));
  for (const type of ['api_token.created', 'webhook.created', 'app.created', 'test_suite.created', 'session.started', 'session.stopped']) {
    assert.ok(types.has(type), `${type} is not among ${[...types]}`);
  }
  assert.equal(sql(`SELECT count(*) FROM auth.audit_heads WHERE org_id = ${org.id} AND seq = ${rows.length}`)[0][0], '1');
  assert.equal(sql(`SELECT count(DISTINCT hash) FROM auth.audit_events WHERE org_id = ${org.id}`)[0][0], String(rows.length));
  assert.throws(() => sql(`UPDATE auth.audit_events SET details = 'x' WHERE org_id = ${org.id}`));
  assert.throws(() => sql(`DELETE FROM auth.audit_events WHERE org_id = ${org.id}`));
});

test('secrets reach no log', async () => {
  const fs = await import('node:fs');
  const dir = `${process.env.ASSAY_STATE_DIR}/log`;
  for (const name of fs.readdirSync(dir)) {
    const text = fs.readFileSync(`${dir}/${name}`, 'utf8');
    for (const secret of [org.password, org.jwt, org.viewer, org.admin, hook.secret, process.env.ASSAY_TOKEN]) {
      assert.ok(!text.includes(secret), `${name} holds a secret`);
    }
  }
  assert.ok(board().children.gateway);
});
