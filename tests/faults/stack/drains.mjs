// Workers are told to stop in the middle of a suite: the case under way ends where it is, the others go
// on elsewhere, nothing runs twice and nothing waits for a lease.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startSite } from '../../e2e/lib/site.mjs';
import { FINAL, call, makeApp, makeCase, makeSuite, organization, processesOf, sql, unique, until, want } from '../../e2e/lib/world.mjs';

const STOPS = /the device's worker is being stopped/;
let org;
let site;
let app;
before(async () => {
  org = await organization();
  site = await startSite();
  app = await makeApp(org, site.url);
});
after(() => site.stop());

// The app counts both ends of each case: NAMEa when it begins, NAMEz when it is over.
async function startSuite(cases) {
  const suite = await makeSuite(org, { app });
  const names = [];
  for (let i = 0; i < cases; i++) {
    const name = unique('d').replace(/[^a-z0-9]/gi, '');
    names.push(name);
    site.hold(`${name}a`);
    await makeCase(org, suite, {
      name,
      steps: [`Open '/slow/${name}a'`, "Wait until 'ready' is visible", `Open '/count/${name}z'`, `Verify the heading says '${name}z'`],
    });
  }
  const json = await want(200, 'POST', '/api/v1/ci/run-suite', {
    token: org.developer,
    body: { suite_id: suite.public_id, device_category: 'desktop' },
  });
  return { id: json.run_id, names };
}

async function begun(name, times = 1) {
  await until(`the case ${name} has begun ${times} times`, () => site.count(`${name}a`) >= times, 60);
}

async function ended(run) {
  const json = await until('the run ends', async () => {
    const res = await call('GET', `/api/v1/ci/runs/${run.id}`, { token: org.developer });
    return FINAL.includes(res.json.status) ? res.json : null;
  }, 240);
  const begins = run.names.map((n) => site.count(`${n}a`));
  const ends = run.names.map((n) => site.count(`${n}z`));
  return { status: json.status, message: json.error_message, begins, ends };
}

function events(run) {
  return sql(`SELECT e.type, e.message FROM tests.run_events e JOIN tests.suite_runs s ON s.id = e.suite_run_id
              WHERE s.public_id = '${run.id}' ORDER BY e.id`).filter(([type]) => type === 'requeued').map(([, message]) => message);
}

async function theWorker() {
  const [worker] = await processesOf('worker');
  return worker;
}

function tellToStop({ pid }) {
  process.kill(pid, 'SIGTERM');
}

async function isOffered() {
  const json = await want(200, 'GET', '/api/v1/devices/', { token: org.developer });
  return json.length > 0;
}

async function restarted(old) {
  await until('another worker offers devices', async () => {
    const worker = await theWorker();
    return worker && worker.pid !== old.pid && await isOffered();
  }, 60);
}

test('workers that are told to stop one after the other end their cases: each runs once', async () => {
  const run = await startSuite(3);
  for (const name of run.names.slice(0, 2)) {
    await begun(name);
    const worker = await theWorker();
    tellToStop(worker);
    await until('its devices are gone', async () => !await isOffered(), 20);
    assert.equal((await theWorker()).pid, worker.pid, 'it left its case');
    site.release(`${name}a`);
    await restarted(worker);
  }
  await begun(run.names[2]);
  site.release(`${run.names[2]}a`);
  assert.deepEqual(await ended(run), { status: 'passed', message: null, begins: [1, 1, 1], ends: [1, 1, 1] });
  const moves = events(run);
  assert.equal(moves.length, 2, moves.join('; '));
  moves.forEach((m) => assert.match(m, STOPS));
});

test('a worker that is told twice gives its case back at once, and it begins anew', async () => {
  const run = await startSuite(2);
  site.release(`${run.names[0]}a`);
  await begun(run.names[1]);
  const worker = await theWorker();
  tellToStop(worker);
  await until('its devices are gone', async () => !await isOffered(), 20);
  tellToStop(worker);
  await begun(run.names[1], 2);
  site.release(`${run.names[1]}a`);
  assert.deepEqual(await ended(run), { status: 'passed', message: null, begins: [1, 2], ends: [1, 1] });
  const moves = events(run);
  assert.equal(moves.length, 1, moves.join('; '));
  assert.match(moves[0], STOPS); // not: was lost, which a lease would have said
  const attempts = sql(`SELECT j.attempts FROM tests.jobs j JOIN tests.suite_runs s ON s.id = j.suite_run_id WHERE s.public_id = '${run.id}'`);
  assert.equal(attempts[0][0], '1', 'a worker that stops is no worker that was lost');
  await restarted(worker);
});

test('a person on a worker that is told to stop hears when and why the session ends', async () => {
  const made = await want(200, 'POST', '/api/v1/sessions/', { token: org.developer, body: { device_type: 'web', device_category: 'desktop' } });
  await want(200, 'POST', `/api/v1/sessions/${made.session_id}/start`, { token: org.developer });
  const session = async () => want(200, 'GET', `/api/v1/sessions/${made.session_id}`, { token: org.developer });
  await until('the session is open', async () => (await session()).status === 'active', 60);
  const worker = await theWorker();
  tellToStop(worker);
  const warned = await until('its end is told', async () => {
    const s = await session();
    return s.ending_at ? s : null;
  }, 30);
  assert.match(warned.ending_reason, STOPS);
  assert.equal((await theWorker()).pid, worker.pid, 'it left the session');
  tellToStop(worker);
  await until('the session has ended', async () => ['stopped', 'failed'].includes((await session()).status), 30);
  const rows = sql(`SELECT end_reason FROM sessions.sessions WHERE session_id = '${made.session_id}'`);
  assert.match(rows[0][0], STOPS);
  await restarted(worker);
});
