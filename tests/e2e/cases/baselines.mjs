// What a case looks like: its first passing run makes the baselines, later ones are compared with them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { startReceiver } from '../lib/receiver.mjs';
import { startSite } from '../lib/site.mjs';
import { call, finished, makeApp, makeCase, makeSuite, organization, unique, until, want } from '../lib/world.mjs';

const JPEG = [0xff, 0xd8, 0xff];
let org;
let site;
let hooks;
let app;
before(async () => {
  org = await organization();
  site = await startSite();
  hooks = await startReceiver();
  app = await makeApp(org, site.url);
  const body = { url: hooks.url, event_types: ['visual.regression_warning', 'visual.regression_detected', 'visual.run_completed_with_regressions', 'visual.baseline_updated'] };
  await want(200, 'POST', '/api/v1/integrations/webhooks', { token: org.admin, body });
});
after(() => {
  site.stop();
  hooks.stop();
});

async function compared(tiers) {
  const suite = await makeSuite(org, { app });
  await want(200, 'PATCH', `/api/v1/tests/suites/${suite.public_id}`, { token: org.developer, body: tiers });
  return { suite, one: await makeCase(org, suite, { name: unique('look'), steps: ["Open '/count/plain'"] }) };
}

async function run(suite) {
  const body = { suite_id: suite.public_id, device_category: 'desktop' };
  const { run_id: id } = await want(200, 'POST', '/api/v1/ci/run-suite', { token: org.developer, body });
  return finished(org, id);
}

async function stepOf(suiteRun) {
  const { run_id: id } = suiteRun.case_results[0];
  return (await want(200, 'GET', `/api/v1/ci/runs/${id}`, { token: org.developer })).step_results[0];
}

async function picture(url) {
  const res = await call('GET', url, { token: org.viewer });
  assert.equal(res.status, 200, url);
  return { type: res.headers['content-type'], bytes: res.bytes };
}

// Another page stands for the case's page that looks different now.
function change(one, page) {
  return want(200, 'PATCH', `/api/v1/tests/cases/${one.public_id}`, { token: org.developer, body: { steps: [`Open '/count/${page}'`] } });
}

const told = (id) => hooks.events().filter((h) => h.json.data.run_id === id).map((h) => h.json.type).sort();

test('a first run makes the baselines, the same look is ok, another one warns until it is accepted', async () => {
  const { suite, one } = await compared({ visual_regression_warn_pct: 0, visual_regression_fail_pct: null });
  const list = `/api/v1/tests/cases/${one.public_id}/baselines`;
  assert.deepEqual(await want(200, 'GET', list, { token: org.viewer }), []);
  await want(404, 'GET', `${list}/step_0.jpg`, { token: org.viewer });

  const first = await run(suite);
  assert.equal(first.status, 'passed', JSON.stringify(first));
  assert.equal(first.visual_regression_status, null);
  const [baseline, ...others] = await want(200, 'GET', list, { token: org.viewer });
  assert.equal(others.length, 0);
  assert.equal(baseline.step_index, 0);
  assert.equal(baseline.test_case_id, one.id);
  const image = await call('GET', baseline.image_url, { token: org.viewer });
  assert.equal(image.status, 200);
  assert.deepEqual([...image.bytes.subarray(0, 3)], JPEG);

  const same = await run(suite);
  assert.deepEqual([same.status, same.visual_regression_status], ['passed', 'ok']);
  await change(one, 'quite-another-heading');
  const other = await run(suite);
  assert.deepEqual([other.status, other.visual_regression_status], ['passed', 'warn']);
  assert.equal(other.case_results[0].visual_regression_status, 'warn');
  const caseRun = other.case_results[0].run_id;
  const step = await stepOf(other);
  assert.equal(step.visual_regression_status, 'warn');
  assert.ok(step.diff_percentage > 0 && step.diff_percentage < 50, step.diff_percentage);
  await until('webhooks are told', () => told(other.run_id).length === 2, 20);
  assert.deepEqual(told(other.run_id), ['visual.regression_warning', 'visual.run_completed_with_regressions']);

  // The three pictures: what it looks like, what it should look like, what differs.
  const seen = await Promise.all([step.screenshot_url, step.baseline_url, step.diff_url].map((url) => picture(url)));
  assert.deepEqual(seen.map((p) => p.type), ['image/jpeg', 'image/jpeg', 'image/png']);
  assert.deepEqual(seen[1].bytes, image.bytes);
  assert.notDeepEqual(seen[0].bytes, image.bytes);
  await want(404, 'GET', `/api/v1/artifacts/${caseRun}/step_1.diff.png`, { token: org.viewer });

  const at = `/api/v1/tests/runs/${other.run_id}/baselines`;
  await want(403, 'POST', at, { token: org.viewer });
  await want(400, 'POST', at, { token: org.developer, body: { step_index: 0 } });
  await want(400, 'POST', `/api/v1/tests/runs/${caseRun}/baselines`, { token: org.developer, body: { step_index: 7 } });
  await want(422, 'POST', at, { token: org.developer, body: { step_index: -1 } });
  assert.deepEqual(await want(200, 'POST', at, { token: org.developer }), { accepted: 1 });
  assert.deepEqual(await want(200, 'POST', at, { token: org.developer }), { accepted: 1 });
  const resolved = await want(200, 'GET', `/api/v1/ci/runs/${other.run_id}`, { token: org.developer });
  assert.equal(resolved.visual_regression_status, 'ok');
  await until('the new baseline is told', () => told(other.run_id).includes('visual.baseline_updated'), 20);
  assert.equal((await run(suite)).visual_regression_status, 'ok');
  const [now] = await want(200, 'GET', list, { token: org.viewer });
  assert.deepEqual([now.run_id, now.step], [caseRun, "Open '/count/quite-another-heading'"]);

  // What was accepted from an older run since is told, not undone.
  await change(one, 'a-third-heading');
  const third = await run(suite);
  await change(one, 'and-yet-another');
  const fourth = await run(suite);
  await want(200, 'POST', `/api/v1/tests/runs/${fourth.run_id}/baselines`, { token: org.developer });
  const late = `/api/v1/tests/runs/${third.run_id}/baselines`;
  await want(409, 'POST', late, { token: org.developer });
  await want(200, 'POST', late, { token: org.developer, body: { replace: true } });

  await want(403, 'DELETE', list, { token: org.viewer });
  await want(404, 'DELETE', `${list}?step_index=7`, { token: org.developer });
  await want(422, 'DELETE', `${list}?step_index=x`, { token: org.developer });
  assert.deepEqual(await want(200, 'DELETE', `${list}?step_index=0`, { token: org.developer }), { deleted: 1 });
  const anew = await run(suite);
  assert.equal(anew.visual_regression_status, null);
  assert.match((await stepOf(anew)).visual_regression_note, /^new/);
});

test('a difference from the second tier on fails the run', async () => {
  const { suite, one } = await compared({ visual_regression_warn_pct: null, visual_regression_fail_pct: 0 });
  assert.equal((await run(suite)).status, 'passed');
  await change(one, 'quite-another-heading');
  const other = await run(suite);
  assert.deepEqual([other.status, other.visual_regression_status, other.failed], ['failed', 'fail', 1]);
  assert.match(other.case_results[0].error_message, /step 1 looks different/);
  await until('webhooks are told', () => told(other.run_id).length === 2, 20);
  assert.deepEqual(told(other.run_id), ['visual.regression_detected', 'visual.run_completed_with_regressions']);
});

test('without tiers nothing is compared', async () => {
  const { suite, one } = await compared({ visual_regression_warn_pct: null, visual_regression_fail_pct: null });
  assert.equal((await run(suite)).visual_regression_status, null);
  assert.deepEqual(await want(200, 'GET', `/api/v1/tests/cases/${one.public_id}/baselines`, { token: org.viewer }), []);
});

// `assay run` on a suite file, as continuous integration does.
function assayRun(file) {
  const args = ['run', file, '--app-url', site.url, '--device-category', 'desktop', '--token', org.developer];
  return new Promise((resolve) => {
    execFile(path.join(process.env.ASSAY_BIN, 'assay'), args, (error, out) => resolve({ code: error?.code ?? 0, out }));
  });
}

test('a suite file that changes keeps what its cases look like, and the command tells what does not', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'e2e-look-'));
  const file = path.join(folder, 'looks.yaml');
  const name = unique('from-file');
  const write = (cases) => fs.writeFileSync(file, JSON.stringify({ name, platform: 'web', cases }));
  const look = (page) => `Open '/count/${page}'`;
  try {
    write([{ name: 'one', steps: [look('first')] }, { name: 'two', steps: [look('second')] }]);
    assert.equal((await assayRun(file)).code, 0);
    const suite = (await want(200, 'GET', '/api/v1/tests/suites', { token: org.viewer })).find((x) => x.name === name);
    await want(200, 'PATCH', `/api/v1/tests/suites/${suite.public_id}`, { token: org.developer, body: { visual_regression_fail_pct: 0 } });
    assert.equal((await assayRun(file)).code, 0); // makes the baselines

    // Moved, one step more: what was there is the same.
    write([{ name: 'two', steps: [look('second')] }, { name: 'one', steps: [look('new'), look('first')] }]);
    const moved = await assayRun(file);
    assert.equal(moved.code, 0, moved.out);
    assert.doesNotMatch(moved.out, /looks different/);
    const [, id] = moved.out.match(/^run (sr\w+)/m);
    const run = await want(200, 'GET', `/api/v1/ci/runs/${id}`, { token: org.developer });
    assert.deepEqual(run.case_results.map((c) => [c.case_name, c.visual_regression_status]), [['two', 'ok'], ['one', 'ok']]);

    write([{ name: 'two', steps: [look('something-else')] }, { name: 'one', steps: [look('new'), look('first')] }]);
    const other = await assayRun(file);
    assert.equal(other.code, 1, other.out);
    assert.match(other.out, /looks different \(fail\): two/);
    assert.doesNotMatch(other.out, /looks different \(\w+\): one/);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
