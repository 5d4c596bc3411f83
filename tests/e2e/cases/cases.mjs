import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { call, makeApp, makeCase, makeStandalone, makeSuite, organization, refused, unique, want } from '../lib/world.mjs';

const CASES = '/api/v1/tests/cases';
let org;
let app;
before(async () => {
  org = await organization();
  app = await makeApp(org);
});
const dev = (body) => ({ token: org.developer, body });
const read = (c) => want(200, 'GET', `${CASES}/${c.public_id}`, { token: org.viewer });

test('a case keeps its steps, assertions and recording as they came', async () => {
  const suite = await makeSuite(org, { app });
  const body = {
    name: 'full', mode: 'recorded',
    steps: ['Click "Sign in"', { text: 'Größe', extra: [1, { a: null }], n: 1.50 }],
    assertions: ['It works', { text: 'x' }],
    source_recording: [{ type: 'navigate', url: '/a' }, { type: 'click', selector: '#b' }, { type: 'click', selector: '#c' }],
    source_device_width: 390, source_device_height: 844,
  };
  const made = await want(200, 'POST', `/api/v1/tests/suites/${suite.public_id}/cases`, dev(body));
  assert.deepEqual(made.steps, body.steps);
  assert.deepEqual(made.assertions, body.assertions);
  assert.equal(made.step_count, 2);
  assert.equal(made.has_source_recording, true);
  assert.deepEqual(made.source_recording_summary, { total_actions: 3, gesture_counts: { navigate: 1, click: 2 } });
  assert.equal(made.source_device_width, 390);
  assert.equal(made.suite_id, suite.id);
  assert.equal(made.app_public_id, app.public_id);
  assert.deepEqual(await read(made), made);
  const plain = await want(200, 'POST', `/api/v1/tests/suites/${suite.public_id}/cases`, dev({ name: 'p', steps: [] }));
  assert.equal(plain.mode, 'recorded');
  assert.equal(plain.has_source_recording, false);
  assert.equal(plain.source_recording_summary, null);
  assert.deepEqual(plain.assertions, []);
  for (const steps of [[5], [null], [['a']], [true]]) {
    await refused(422, 'steps', 'POST', `/api/v1/tests/suites/${suite.public_id}/cases`, dev({ name: 'x', steps }));
  }
});

test('a standalone case of the same name and app is updated and keeps its ids', async () => {
  const name = unique('same');
  const a = await makeStandalone(org, app, { name, steps: ['a'] });
  const b = await makeStandalone(org, app, { name, steps: ['b', 'c'], context: 'ctx', fuzzy_match: false });
  assert.equal(b.id, a.id);
  assert.equal(b.public_id, a.public_id);
  assert.equal(b.created_at, a.created_at);
  assert.deepEqual(b.steps, ['b', 'c']);
  assert.equal(b.context, 'ctx');
  assert.equal(b.fuzzy_match, false);
  assert.equal(b.suite_id, null);
  const elsewhere = await makeStandalone(org, await makeApp(org), { name });
  assert.notEqual(elsewhere.id, a.id);
  await want(404, 'POST', CASES, dev({ name, app_id: 'app_zzzzzzzz', steps: [] }));
  const theirs = await makeApp(await organization());
  await want(404, 'POST', CASES, dev({ name, app_id: theirs.public_id, steps: [] }));
});

test('many at once of the same name and app are one case', async () => {
  const name = unique('race');
  const all = await Promise.all(Array.from({ length: 12 }, (_, i) => makeStandalone(org, app, { name, steps: [`s${i}`] })));
  assert.equal(new Set(all.map((c) => c.id)).size, 1);
  const listed = await want(200, 'GET', CASES, { token: org.viewer });
  assert.equal(listed.filter((c) => c.name === name).length, 1);
});

test('PATCH changes what is there, null clears the context only', async () => {
  const made = await makeStandalone(org, app, { context: 'c' });
  const at = `${CASES}/${made.public_id}`;
  let now = await want(200, 'PATCH', at, dev({ name: unique('new'), steps: [{ text: 'x' }], assertions: ['y'], fuzzy_match: false }));
  assert.deepEqual(now.steps, [{ text: 'x' }]);
  assert.equal(now.step_count, 1);
  assert.equal(now.context, 'c');
  now = await want(200, 'PATCH', at, dev({ context: null }));
  assert.equal(now.context, null);
  now = await want(200, 'PATCH', at, dev({ source_recording: [{ type: 'wait', value: 5 }] }));
  assert.deepEqual(now.source_recording_summary.gesture_counts, { wait: 1 });
  assert.deepEqual(await read(made), now);
  const second = await makeApp(org);
  now = await want(200, 'PATCH', at, dev({ app_id: second.public_id }));
  assert.equal(now.app_public_id, second.public_id);
  await want(404, 'PATCH', at, dev({ app_id: 'app_zzzzzzzz' }));
  for (const body of [{ name: null }, { steps: null }, { steps: 'x' }, { is_reusable: 'yes' }, { name: '' }]) {
    await refused(422, Object.keys(body)[0], 'PATCH', at, dev(body));
  }
});

test('sub-flows: reusable, of this organization, without cycles, not from suites', async () => {
  const suite = await makeSuite(org, { app });
  const inSuite = await makeCase(org, suite);
  const patch = (status, c, body) => want(status, 'PATCH', `${CASES}/${c.public_id}`, dev(body));
  await patch(400, inSuite, { is_reusable: true });
  await patch(400, inSuite, { app_id: app.public_id });
  await patch(200, inSuite, { is_reusable: false });
  const [a, b, c] = [await makeStandalone(org, app), await makeStandalone(org, app), await makeStandalone(org, app)];
  await patch(400, inSuite, { sub_flow_ids: [a.public_id] });
  for (const one of [a, b, c]) {
    assert.equal((await patch(200, one, { is_reusable: true })).is_reusable, true);
  }
  assert.deepEqual((await patch(200, inSuite, { sub_flow_ids: [b.public_id, a.public_id] })).sub_flow_ids, [b.public_id, a.public_id]);
  await patch(404, inSuite, { sub_flow_ids: ['case_zzzzzzzz'] });
  const other = await organization();
  const theirs = await makeStandalone(other, await makeApp(other));
  await patch(404, inSuite, { sub_flow_ids: [theirs.public_id] });
  await patch(400, a, { sub_flow_ids: [a.public_id] });
  await patch(200, a, { sub_flow_ids: [b.public_id] });
  await patch(200, b, { sub_flow_ids: [c.public_id] });
  await patch(400, c, { sub_flow_ids: [a.public_id] });
  assert.deepEqual((await read(inSuite)).sub_flow_ids, [b.public_id, a.public_id]);
  const reusable = await want(200, 'GET', `${CASES}?reusable=true`, { token: org.viewer });
  assert.deepEqual(new Set(reusable.map((x) => x.id)), new Set([a.id, b.id, c.id]));
  const rest = await want(200, 'GET', `${CASES}?reusable=false`, { token: org.viewer });
  assert.ok(rest.every((x) => !x.is_reusable));
});

test('two patches that would close a cycle together do not both succeed', async () => {
  for (let i = 0; i < 5; i++) {
    const [a, b] = [await makeStandalone(org, app), await makeStandalone(org, app)];
    for (const one of [a, b]) {
      await want(200, 'PATCH', `${CASES}/${one.public_id}`, dev({ is_reusable: true }));
    }
    const both = await Promise.all([
      call('PATCH', `${CASES}/${a.public_id}`, dev({ sub_flow_ids: [b.public_id] })),
      call('PATCH', `${CASES}/${b.public_id}`, dev({ sub_flow_ids: [a.public_id] })),
    ]);
    const good = both.filter((r) => r.status === 200).length;
    assert.equal(good, 1, `${both.map((r) => r.status)}`);
  }
});

test('runs made by hand: pending, then what the caller says, then final', async () => {
  const one = await makeStandalone(org, app);
  const at = `${CASES}/${one.public_id}`;
  const run = await want(200, 'POST', `${at}/run`, { token: org.viewer });
  assert.equal(run.status, 'pending');
  assert.equal(run.test_case_id, one.id);
  const path = `/api/v1/tests/runs/${run.public_id}`;
  const patch = (query) => want(200, 'PATCH', `${path}?${query}`, { token: org.viewer });
  let now = await patch('status=running');
  assert.equal(now.status, 'running');
  assert.equal(now.finished_at, null);
  now = await patch(`status=failed&duration_ms=1234&error_message=a%20b&result_json=${encodeURIComponent('{"a":[1,null]}')}`);
  assert.equal(now.status, 'failed');
  assert.equal(now.duration_ms, 1234);
  assert.equal(now.error_message, 'a b');
  assert.deepEqual(now.result, { a: [1, null] });
  assert.ok(now.finished_at);
  assert.deepEqual(await want(200, 'GET', path, { token: org.viewer }), now);
  await refused(422, 'status', 'PATCH', path, { token: org.viewer });
  await refused(422, 'status', 'PATCH', `${path}?status=cancelled`, { token: org.viewer });
  await refused(422, 'result_json', 'PATCH', `${path}?status=passed&result_json=%7B`, { token: org.viewer });
  await refused(422, 'duration_ms', 'PATCH', `${path}?status=passed&duration_ms=-1`, { token: org.viewer });
  await want(400, 'POST', `${path}/cancel`, { token: org.viewer });
  const second = await want(200, 'POST', `${at}/run`, { token: org.viewer });
  const listed = await want(200, 'GET', `${at}/runs`, { token: org.viewer });
  assert.deepEqual(listed.map((r) => r.id), [second.id, run.id]);
  const inList = (await want(200, 'GET', CASES, { token: org.viewer })).find((c) => c.id === one.id);
  assert.deepEqual(inList.recent_run_statuses, ['pending', 'failed']);
  for (let i = 0; i < 11; i++) {
    await want(200, 'POST', `${at}/run`, { token: org.viewer });
  }
  const again = (await want(200, 'GET', CASES, { token: org.viewer })).find((c) => c.id === one.id);
  assert.equal(again.recent_run_statuses.length, 10);
});

test('a deleted case is gone', async () => {
  const one = await makeStandalone(org, app);
  const at = `${CASES}/${one.public_id}`;
  await want(200, 'DELETE', at, { token: org.developer });
  await want(404, 'GET', at, { token: org.viewer });
  await want(404, 'DELETE', at, { token: org.developer });
  await want(404, 'POST', `${at}/run`, { token: org.viewer });
  await want(404, 'GET', `${at}/runs`, { token: org.viewer });
});
