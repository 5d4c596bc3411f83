// What is known to change by itself: regions that people confirmed, hotspots of approved history, and that neither
// hides a change beside it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startReceiver } from '../lib/receiver.mjs';
import { compared, png, sdkToken, shoot, startBuild } from '../lib/sdk.mjs';
import { organization, refused, sql, unique, until, want } from '../lib/world.mjs';

const SDK = '/api/sdk';
const CLOCK = { x: 10, y: 4, w: 20, h: 6 };
const BUTTON = { x: 70, y: 4, w: 12, h: 6 }; // on the rows of the clock
let org;
before(async () => {
  org = await organization();
});
const project = async () => (await sdkToken(org, 'developer', unique('dynamic'))).token;

// A large page with boxes: [box, colour].
const paint = (boxes) => png(200, 200, (x, y) => {
  const hit = boxes.find(([b]) => x >= b.x && x < b.x + b.w && y >= b.y && y < b.y + b.h);
  return hit ? hit[1] : [255, 255, 255];
});
const add = async (token, boxes, more = {}) => {
  const build = await startBuild(org, { branch: 'main', ...more }, token);
  await shoot(org, build, 'Home / top', paint(boxes), {}, token);
  const read = await compared(org, build);
  return { build, read, comparison: read.comparisons[0] };
};
const regionsAt = `${SDK}/screenshots/${encodeURIComponent('Home / top')}/regions`;
const approve = (token, c) => want(200, 'POST', `${SDK}/comparisons/${c.id}/approve`, { token });
const told = (c) => [c.approval_status, c.reason];

test('a difference in a confirmed region is approved, one beside it is not', async () => {
  const token = await project();
  await add(token, [[CLOCK, [0, 0, 0]]]);
  const first = await add(token, [[CLOCK, [200, 0, 0]]]);
  assert.deepEqual([...told(first.comparison), first.comparison.analysis_metadata], ['pending', 'pixel-diff', null]);
  const body = { x1: 8, y1: 2, x2: 32, y2: 12, label: 'clock' };
  const made = await want(201, 'POST', regionsAt, { token, body });
  assert.deepEqual([made.regions.confirmed.length, made.regions.confirmed[0].label, made.regions.candidates], [1, 'clock', []]);
  // What waited for a decision is judged again, and the same build passes.
  const again = (await want(200, 'GET', `${SDK}/comparisons/${first.comparison.id}`, { token })).comparison;
  assert.deepEqual([...told(again), again.review_state], ['auto_approved', 'region-filtered', 'auto_approved']);
  assert.deepEqual([again.has_diff, again.approved_by, again.analysis_metadata.region_coverage], [true, null, 1]);
  const { build } = await want(200, 'GET', `${SDK}/builds/${first.build.id}`, { token });
  assert.deepEqual([build.changed_comparisons, build.comparisonsPassed, build.comparisonsFailed, build.approval_status], [1, 1, 0, 'approved']);
  const context = await want(200, 'GET', `${SDK}/context/comparisons/${again.id}`, { token });
  assert.deepEqual(context.history.confirmed_regions.map((r) => r.label), ['clock']);
  assert.deepEqual(told((await add(token, [[CLOCK, [0, 0, 250]]])).comparison), ['auto_approved', 'region-filtered']);
  // The same two pictures again, whose result is known.
  await add(token, [[CLOCK, [200, 0, 0]]]);
  assert.deepEqual(told((await add(token, [[CLOCK, [0, 0, 250]]])).comparison), ['auto_approved', 'region-filtered']);
  const both = (await add(token, [[CLOCK, [9, 90, 9]], [BUTTON, [9, 9, 9]]])).comparison;
  assert.deepEqual(told(both), ['pending', 'pixel-diff']);
  assert.ok(both.analysis_metadata.region_coverage < 0.9);
  const gone = await want(200, 'DELETE', `${regionsAt}/${made.regions.confirmed[0].id}`, { token });
  assert.deepEqual(gone.regions.confirmed, []);
  assert.deepEqual(told((await add(token, [[CLOCK, [1, 90, 200]]])).comparison), ['pending', 'pixel-diff']);
});

test('a webhook is told of a regression only when somebody has to look', async () => {
  const token = await project();
  const hooks = await startReceiver();
  after(() => hooks.stop());
  const body = { url: hooks.url, event_types: ['visual.regression_detected'] };
  await want(200, 'POST', '/api/v1/integrations/webhooks', { token: org.admin, body });
  await want(201, 'POST', regionsAt, { token, body: { x1: 0, y1: 0, x2: 60, y2: 20 } });
  const topic = (boxes) => add(token, boxes, { branch: unique('topic') });
  await add(token, [[CLOCK, [0, 0, 0]]]);
  const passed = (await topic([[CLOCK, [200, 0, 0]]])).comparison;
  const boxes = [[CLOCK, [0, 0, 0]], [BUTTON, [200, 0, 0]]];
  const open = (await topic(boxes)).comparison;
  const again = (await topic(boxes)).comparison; // its result is known
  assert.deepEqual([passed, open, again].map((c) => c.reason), ['region-filtered', 'pixel-diff', 'pixel-diff']);
  const seen = () => hooks.events().map((h) => h.json.data.comparison_id);
  await until('both are told', () => seen().includes(open.id) && seen().includes(again.id));
  assert.ok(!seen().includes(passed.id));
});

test('history that people approved makes a hotspot, in rows and columns', async () => {
  const token = await project();
  const tick = (i, more = []) => [[CLOCK, [30 * i, 255 - 30 * i, 99]], ...more];
  await add(token, tick(0));
  for (let i = 1; i <= 3; i += 1) {
    const { comparison } = await add(token, tick(i));
    assert.equal(comparison.approval_status, 'pending', `after ${i - 1} approved builds`);
    await approve(token, comparison);
  }
  const fourth = (await add(token, tick(4))).comparison;
  assert.deepEqual([...told(fourth), fourth.analysis_metadata.hot_spot_coverage], ['auto_approved', 'hotspot-filtered', 1]);
  assert.deepEqual(told((await add(token, tick(5))).comparison), ['auto_approved', 'hotspot-filtered']);
  const { regions } = await want(200, 'GET', regionsAt, { token });
  assert.deepEqual(regions.candidates, [{ label: null, x1: 10, y1: 4, x2: 30, y2: 10, frequency: 1 }]);
  // A button on the rows of the clock has never changed.
  const button = (await add(token, tick(6, [[BUTTON, [0, 0, 0]]]))).comparison;
  assert.deepEqual(told(button), ['pending', 'pixel-diff']);
});

test('what a hotspot passed is no history: without the people who approved, nothing passes', async () => {
  const token = await project();
  const tick = async (i) => (await add(token, [[CLOCK, [30 * i, 255 - 30 * i, 99]]])).comparison;
  const looked = [];
  await tick(0);
  for (let i = 1; i <= 3; i += 1) {
    looked.push(await tick(i));
    await approve(token, looked.at(-1));
  }
  for (let i = 4; i <= 7; i += 1) {
    assert.deepEqual(told(await tick(i)), ['auto_approved', 'hotspot-filtered'], `tick ${i}`);
  }
  for (const c of looked) {
    await want(200, 'POST', `${SDK}/comparisons/${c.id}/reject`, { token, body: { reason: 'not a clock' } });
  }
  assert.deepEqual(told(await tick(8)), ['pending', 'pixel-diff']);
});

test('history that nobody approved, or one change that is seen again and again, passes nothing', async () => {
  const token = await project();
  await add(token, [], { commit_sha: 'root' });
  for (let i = 1; i <= 5; i += 1) {
    const { comparison } = await add(token, [[CLOCK, [40 * i, 0, 0]]]);
    assert.deepEqual(told(comparison), ['pending', 'pixel-diff'], `build ${i}`);
  }
  // A branch that is held against the same ancestor each time shows the one approved change in every build.
  const other = await project();
  await add(other, [], { commit_sha: 'root' });
  const topic = (boxes) => add(other, boxes, { branch: 'topic', common_ancestor_sha: 'root' });
  await approve(other, (await topic([[CLOCK, [0, 0, 200]]])).comparison);
  for (let i = 0; i < 5; i += 1) {
    assert.equal((await topic([[CLOCK, [0, 0, 200]]])).comparison.approval_status, 'approved');
  }
  assert.deepEqual(told((await topic([[CLOCK, [0, 200, 0]]])).comparison), ['pending', 'pixel-diff']);
});

test('regions belong to a project, want the right to change it, and are rectangles', async () => {
  const [token, other] = [await project(), await project()];
  const made = await want(201, 'POST', regionsAt, { token, body: { x1: 0, y1: 0, x2: 5, y2: 5 } });
  const [region] = made.regions.confirmed;
  const twice = await want(201, 'POST', regionsAt, { token, body: { x1: 0, y1: 0, x2: 5, y2: 5, label: 'named' } });
  assert.deepEqual(twice.regions.confirmed.map((r) => [r.id, r.label]), [[region.id, 'named']]);
  assert.deepEqual((await want(200, 'GET', regionsAt, { token: other })).regions, { confirmed: [], candidates: [] });
  await want(404, 'DELETE', `${regionsAt}/${region.id}`, { token: other });
  await want(403, 'POST', regionsAt, { token: org.viewer, body: { x1: 0, y1: 0, x2: 5, y2: 5 } });
  await want(403, 'DELETE', `${regionsAt}/${region.id}`, { token: org.viewer });
  for (const body of [{}, { x1: 0, y1: 0, x2: 0, y2: 5 }, { x1: 5, y1: 0, x2: 1, y2: 5 }, { x1: -1, y1: 0, x2: 5, y2: 5 },
    { x1: 0, y1: 0, x2: 1e9, y2: 5 }, { x1: 'a', y1: 0, x2: 5, y2: 5 }]) {
    await want(400, 'POST', regionsAt, { token, body });
  }
  await refused(400, 'screenshot_name', 'POST', `${SDK}/screenshots/${encodeURIComponent('../x')}/regions`, { token, body: { x1: 0, y1: 0, x2: 5, y2: 5 } });
});

test('what could not be compared says why, is tried again by the next build, and can be approved', async () => {
  const token = await project();
  const first = await add(token, [[CLOCK, [0, 0, 0]]]);
  const second = await add(token, [[CLOCK, [0, 50, 0]]]);
  const failed = second.comparison;
  // As if one of the files had been gone from the store.
  sql(`UPDATE tests.viz_pairs SET state = 'failed', error = 'a picture is gone from the store', diff_percentage = NULL, verdict = NULL
       WHERE id = (SELECT pair_id FROM tests.viz_comparisons WHERE id = '${failed.id}')`);
  sql(`UPDATE tests.viz_comparisons SET status = 'failed', has_diff = NULL, diff_percentage = NULL WHERE id = '${failed.id}'`);
  const status = await want(200, 'GET', `${SDK}/builds/${second.build.id}/status`, { token });
  assert.deepEqual([status.processing.failed, status.conclusion, status.review.pending], [1, 'review_required', 1]);
  const shown = (await want(200, 'GET', `${SDK}/comparisons/${failed.id}`, { token })).comparison;
  assert.deepEqual([shown.status, shown.error, shown.result], ['failed', 'a picture is gone from the store', null]);
  await approve(token, failed);
  const passed = (await want(200, 'GET', `${SDK}/builds/${second.build.id}`, { token })).build;
  assert.deepEqual([passed.comparisonsFailed, passed.failed_jobs], [0, 1]);
  const build = await startBuild(org, { branch: 'side', common_ancestor_sha: 'none' }, token);
  sql(`UPDATE tests.viz_screenshots SET rejected = true WHERE build_id = '${second.build.id}'`);
  await shoot(org, build, 'Home / top', paint([[CLOCK, [0, 50, 0]]]), {}, token);
  const read = await compared(org, build);
  assert.deepEqual([read.comparisons[0].status, read.comparisons[0].baseline_build_id, read.comparisons[0].has_diff],
    ['completed', first.build.id, true]);
  const healed = (await want(200, 'GET', `${SDK}/comparisons/${failed.id}`, { token })).comparison;
  assert.deepEqual([healed.status, healed.has_diff, healed.error], ['completed', true, null]);
});
