// Processes die in the middle of a running suite. Whatever dies: the run ends, no case runs to its
// end twice, and what happened is told and counted exactly once.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, test } from 'node:test';

import { exchange } from '../../e2e/lib/http.mjs';
import { startReceiver } from '../../e2e/lib/receiver.mjs';
import { startSite } from '../../e2e/lib/site.mjs';
import { FINAL, killHard, makeApp, makeCase, makeSuite, organization, processesOf, sql, unique, until, want } from '../../e2e/lib/world.mjs';

const CASES = 4;
const LEASE_SECONDS = 6; // ASSAY_RUN_LEASE of run.sh
let org;
let site;
let hooks;
let app;
before(async () => {
  org = await organization();
  site = await startSite();
  hooks = await startReceiver();
  app = await makeApp(org, site.url);
  await want(200, 'POST', '/api/v1/integrations/webhooks', {
    token: org.admin,
    body: { url: hooks.url, event_types: ['run.started', 'run.passed', 'run.failed', 'run.cancelled'] },
  });
});
after(() => {
  site.stop();
  hooks.stop();
});

// Both ends of each case are counted by the app itself: NAMEa when it begins, NAMEz when it is over.
async function suiteOfCases() {
  const suite = await makeSuite(org, { app });
  const names = [];
  for (let i = 0; i < CASES; i++) {
    const name = unique('k').replace(/[^a-z0-9]/gi, '');
    names.push(name);
    await makeCase(org, suite, {
      name,
      steps: [`Open '/slow/${name}a'`, "Wait until 'ready' is visible", `Open '/count/${name}z'`, `Verify the heading says '${name}z'`],
    });
  }
  return { suite, names };
}

// Answers 503 and broken connections are what a client must take while things restart.
function patient(method, path, options) {
  return until(`${method} ${path}`, async () => {
    const res = await exchange(method, path, { timeout: 10000, ...options }).catch(() => null);
    return res && res.status < 500 ? res : null;
  }, 40);
}

async function pids(name) {
  if (name === 'browser') {
    const [worker] = await processesOf('worker');
    const out = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(worker.pid)]).toString();
    return out.split('\n').filter((l) => /chrom/.test(l)).map((l) => Number(l.trim().split(' ')[0]));
  }
  return (await processesOf(name)).map((c) => c.pid);
}

async function settled(runId) {
  return until(`the run ${runId} ends`, async () => {
    const { status, json } = await patient('GET', `/api/v1/ci/runs/${runId}`, { token: org.developer });
    assert.equal(status, 200);
    return FINAL.includes(json.status) ? json : null;
  }, 240);
}

async function kill(name, then) {
  const killed = await pids(name);
  assert.ok(killed.length > 0, `no process of ${name}`);
  killed.forEach(killHard);
  then();
}

// Dies, and cannot start again for longer than every lease.
async function killForLong(name, then) {
  const conf = `${process.env.ASSAY_STATE_DIR}/pg/data/postgresql.conf`;
  fs.renameSync(conf, `${conf}.away`);
  try {
    await kill(name, then);
    const back = Date.now() + 1.5 * LEASE_SECONDS * 1000;
    await until('the lease is over', () => Date.now() > back, 60);
  } finally {
    fs.renameSync(`${conf}.away`, conf);
  }
}

async function survives(name, wanted, strike = kill) {
  const { suite, names } = await suiteOfCases();
  site.hold(`${names[1]}a`); // however slow we are, the second case does not end before the strike
  const started = await patient('POST', '/api/v1/ci/run-suite', {
    token: org.developer,
    headers: { 'idempotency-key': unique('start') },
    body: { suite_id: suite.public_id, device_category: 'desktop' },
  });
  assert.equal(started.status, 200, started.bytes.toString());
  const { run_id: id } = started.json;
  await until('the second case has begun', () => site.count(`${names[1]}a`) > 0, 40);
  await strike(name, () => site.release(`${names[1]}a`));
  const first = site.count(`${names[0]}z`);

  const run = await settled(id);
  assert.ok(wanted.includes(run.status), `${run.status}: ${run.error_message} ${JSON.stringify(run.case_results)}`);
  assert.equal(run.case_results.length, CASES);
  assert.ok(run.case_results.every((c) => FINAL.includes(c.status)), JSON.stringify(run.case_results));
  for (const [i, n] of names.entries()) {
    const ends = site.count(`${n}z`);
    assert.ok(ends <= 1, `case ${i} ran to its end ${ends} times`);
    assert.ok(run.case_results[i].status !== 'passed' || ends === 1, `case ${i} passed, yet never ended`);
  }
  assert.equal(first, 1, 'the first case was over when the second began');
  const rows = sql(`SELECT count(*) FROM tests.case_runs r JOIN tests.suite_runs s ON s.id = r.suite_run_id WHERE s.public_id = '${id}'`);
  assert.equal(rows[0][0], String(CASES));

  const told = () => hooks.events().filter((h) => h.json.data.run_id === id).map((h) => h.json.type);
  await until('start and end are told', () => told().length >= 2, 60);
  await until('the outboxes are empty', () => ['auth', 'sessions', 'tests', 'billing', 'webhooks']
    .every((s) => sql(`SELECT count(*) FROM ${s}.outbox`)[0][0] === '0'), 40);
  const end = run.status === 'error' ? 'run.failed' : `run.${run.status}`;
  assert.deepEqual(told().sort(), ['run.started', end].sort());
  await until('the usage is counted', () => sql(`SELECT count(*) FROM billing.usage_events WHERE resource_id = '${id}'`)[0][0] === '1', 20);
  const audit = sql(`SELECT type, count(*) FROM auth.audit_events WHERE resource_id = '${id}' GROUP BY type`);
  assert.deepEqual(new Map(audit), new Map([['run.started', '1'], [end, '1']]));
  return run;
}

for (const name of ['gateway', 'auth', 'sessions', 'tests', 'billing', 'webhooks']) {
  test(`all processes of ${name} die in the middle of a suite: every case still passes, once`, async () => {
    await survives(name, ['passed']);
  });
}

test('Postgres dies in the middle of a suite: it ends, and nothing is lost', async () => {
  await survives('postgres', ['passed', 'error', 'failed']);
});

test('Postgres is away for longer than the lease of a run: every case still passes, once', async () => {
  await survives('postgres', ['passed'], killForLong);
});

test('the browser dies in the middle of a suite: it ends, and nothing ran twice', async () => {
  await survives('browser', ['passed', 'error', 'failed']);
});

test('the worker dies in the middle of a suite: it ends, and nothing ran twice', async () => {
  await survives('worker', ['passed', 'error', 'failed']);
});

test('after all of that a suite passes as if nothing had been', async () => {
  const { suite } = await suiteOfCases();
  const { json } = await patient('POST', '/api/v1/ci/run-suite', { token: org.developer, body: { suite_id: suite.public_id, device_category: 'desktop' } });
  const run = await settled(json.run_id);
  assert.equal(run.status, 'passed', JSON.stringify(run));
});
