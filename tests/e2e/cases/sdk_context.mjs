// The answers of the SDK surface that gather what is known of a build, a change, a project.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { compared, page, sdkToken, setStatus, shoot, startBuild } from '../lib/sdk.mjs';
import { organization, unique, want } from '../lib/world.mjs';

const SDK = '/api/sdk';
let org;
let token;
let base;
let changed;
const get = (path) => want(200, 'GET', `${SDK}${path}`, { token });
const box = { x: 10, y: 20, w: 10, h: 5 };

// Three screenshots on main; then one the same, two changed in the same way, one of them in two widths, and a new one.
before(async () => {
  org = await organization();
  token = (await sdkToken(org, 'developer', unique('context'))).token;
  base = await startBuild(org, { branch: 'main' }, token);
  const add = (build, name, image, width) => shoot(org, build, name, image, { properties: { viewport_width: width } }, token);
  for (const [name, width] of [['A', 100], ['B', 100], ['B', 200], ['C', 100]]) {
    await add(base, name, page(100, 50), width);
  }
  await compared(org, base);
  changed = await startBuild(org, { branch: 'topic' }, token);
  await add(changed, 'A', page(100, 50), 100);
  await add(changed, 'B', page(100, 50, box), 100);
  await add(changed, 'B', page(100, 50, { ...box, h: 6 }), 200);
  await add(changed, 'C', page(100, 50, { ...box, x: 40 }), 100);
  await add(changed, 'D', page(100, 50), 100);
});

test('a parallel build says that it waits for nothing but its end', async () => {
  const parallel = unique('shards');
  const build = await startBuild(org, { parallel_id: parallel }, token);
  await shoot(org, build, 'Shard', page(60, 50), {}, token);
  await setStatus(org, build, 'completed');
  assert.deepEqual(await get(`/builds/${build.id}/status`).then((s) => [s.conclusion, s.waitsFor]), ['processing', 'finalize']);
  await want(200, 'POST', `${SDK}/parallel/${parallel}/finalize`, { token });
  assert.deepEqual(await get(`/builds/${build.id}/status`).then((s) => [s.conclusion, s.waitsFor]), ['passed', undefined]);
});

test('a build tells what is processed, found and decided, each for itself', async () => {
  const open = await get(`/builds/${changed.id}/status`);
  assert.deepEqual([open.conclusion, open.comparisons.new], ['processing', 1]);
  await compared(org, changed);
  const all = await get(`/builds/${changed.id}/status`);
  assert.deepEqual(all.processing, { total: 4, completed: 4, failed: 0, pending: 0, active: 0 });
  assert.deepEqual(all.comparisons, { total: 4, new: 1, changed: 3, identical: 1 });
  assert.deepEqual(all.review, { pending: 3, approved: 0, rejected: 0, auto_approved: 1 });
  assert.deepEqual([all.conclusion, all.reviewState, all.visualReview.state], ['review_required', 'pending', 'pending']);
  assert.equal(all.links.web, all.build.url);
  const context = await get('/token/context');
  assert.deepEqual(all.scope, { organization: context.organization, project: context.project });
  assert.equal((await get(`/builds/${base.id}/status`)).conclusion, 'passed');
  const failed = await startBuild(org, {}, token);
  await setStatus(org, failed, 'failed');
  assert.equal((await get(`/builds/${failed.id}/status`)).conclusion, 'failed');
});

test('the evidence of a build shows what a person must see first, page by page', async () => {
  const context = await get(`/context/builds/${changed.id}`);
  assert.deepEqual(context.baseline, {
    selected: { id: base.id, name: base.name, approval_status: 'approved' }, selection_reason: 'default_branch',
    comparison_baseline_build_ids: [base.id],
  });
  assert.deepEqual(context.status, { needs_review: true, reasons: ['comparisons_need_review'], pending_comparisons: 3, unresolved_comments: 0 });
  const say = (type) => want(201, 'POST', `${SDK}/builds/${changed.id}/comments`, { token, body: { content: 'x', type } });
  await say('rejection');
  const rejected = (await get(`/context/builds/${changed.id}`)).status;
  assert.deepEqual([rejected.unresolved_comments, rejected.reasons], [1, ['unresolved_comments', 'comparisons_need_review']]);
  await say('approval');
  assert.equal((await get(`/context/builds/${changed.id}`)).status.unresolved_comments, 0);
  assert.deepEqual(context.evidence.map((c) => [c.name, c.viewport_width]), [['B', 200], ['C', 100], ['A', 100], ['B', 100]]);
  assert.deepEqual(context.evidence_page, { limit: 10, offset: 0, total: 4, returned: 4, has_more: false });
  assert.deepEqual(context.summary.review, { pending: 3, approved: 0, rejected: 0, auto_approved: 1 });
  const second = await get(`/context/builds/${changed.id}?limit=2&offset=2`);
  assert.deepEqual(second.evidence.map((c) => c.name), ['A', 'B']);
  const first = await get(`/context/builds/${base.id}`);
  assert.deepEqual([first.baseline.selected, first.baseline.selection_reason, first.status.needs_review], [null, null, false]);
  await want(400, 'GET', `${SDK}/context/builds/${changed.id}?limit=0`, { token });
});

test('a comparison comes with what looked like it, and how its screenshot went before', async () => {
  const { evidence } = await get(`/context/builds/${changed.id}`);
  const b = evidence.find((c) => c.name === 'B' && c.viewport_width === 100);
  const c = evidence.find((x) => x.name === 'C');
  const context = await get(`/context/comparisons/${b.id}`);
  assert.equal(context.comparison.id, b.id);
  assert.deepEqual(context.history.similar_by_fingerprint.map((x) => x.id), [c.id]);
  assert.deepEqual(context.history.recent_by_name.map((x) => x.viewport_width), [200]);
  assert.equal(context.history.hotspot_analysis.total_builds_analyzed, 1);
  const similar = await get(`/context/fingerprints/${b.fingerprint_hash}/similar`);
  assert.deepEqual(new Set(similar.comparisons.map((x) => x.id)), new Set([b.id, c.id]));
  assert.deepEqual((await get(`/context/fingerprints/${'0'.repeat(16)}/similar`)).comparisons, []);
  await want(404, 'GET', `${SDK}/context/fingerprints/nope/similar`, { token });
  const screenshot = await get('/context/screenshots/B');
  assert.deepEqual(screenshot.recent.map((x) => x.name), ['B', 'B']);
  assert.deepEqual((await get('/context/screenshots/never%20seen')).recent, []);
  await want(400, 'GET', `${SDK}/context/screenshots/${encodeURIComponent('../x')}`, { token });
});

test('the review queue holds what nobody has decided, of this project alone', async () => {
  const queue = await get('/context/review-queue?limit=2');
  assert.deepEqual(queue.summary, { total: 3, changed: 3, failed: 0, new: 0 });
  assert.deepEqual([queue.comparisons.length, queue.page.has_more], [2, true]);
  await want(200, 'POST', `${SDK}/comparisons/${queue.comparisons[0].id}/approve`, { token });
  assert.equal((await get('/context/review-queue')).summary.total, 2);
  const other = (await sdkToken(org, 'viewer', unique('other'))).token;
  assert.equal((await want(200, 'GET', `${SDK}/context/review-queue`, { token: other })).summary.total, 0);
  await want(404, 'GET', `${SDK}/context/builds/${changed.id}`, { token: other });
  await want(404, 'GET', `${SDK}/builds/${changed.id}/status`, { token: other });
});
