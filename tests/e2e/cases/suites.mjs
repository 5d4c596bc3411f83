import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { call, makeApp, makeCase, makeSuite, organization, refused, unique, until, want } from '../lib/world.mjs';

const SUITES = '/api/v1/tests/suites';
let org;
before(async () => {
  org = await organization();
});
const dev = (body) => ({ token: org.developer, body });

test('a suite takes the platform of its app and can be read back', async () => {
  const app = await makeApp(org);
  const suite = await makeSuite(org, { app, description: 'd', tags: ['Smoke', ' nightly '] });
  assert.equal(suite.app_id, app.id);
  assert.equal(suite.app_public_id, app.public_id);
  assert.equal(suite.platform, 'web');
  assert.equal(suite.case_count, 0);
  assert.equal(suite.last_run_status, null);
  assert.deepEqual(suite.tags, [{ name: 'smoke', display_name: 'Smoke' }, { name: 'nightly', display_name: 'nightly' }]);
  const byNumber = await want(200, 'POST', SUITES, dev({ name: 'n', app_id: app.id }));
  assert.equal(byNumber.app_public_id, app.public_id);
  const read = await want(200, 'GET', `${SUITES}/${suite.public_id}`, { token: org.viewer });
  assert.deepEqual(read, { ...suite, cases: [] });
  await want(404, 'POST', SUITES, dev({ name: 'n', app_public_id: 'app_zzzzzzzz' }));
  const other = await organization();
  const theirs = await makeApp(other);
  await want(404, 'POST', SUITES, dev({ name: 'n', app_public_id: theirs.public_id }));
  await want(404, 'POST', SUITES, dev({ name: 'n', app_id: theirs.id }));
});

test('tags keep their first spelling, collapse, and are refused outside their alphabet', async () => {
  const first = unique('Tag');
  const a = await makeSuite(org, { tags: [first, first.toLowerCase(), ` ${first} `] });
  assert.deepEqual(a.tags, [{ name: first.toLowerCase(), display_name: first }]);
  const b = await makeSuite(org, { tags: [first.toUpperCase()] });
  assert.deepEqual(b.tags, a.tags);
  for (const tag of ['', ' ', 'a b', 'é', 'x'.repeat(51), 'a,b', 'a/b']) {
    await refused(422, 'tags', 'POST', SUITES, dev({ name: 'x', tags: [tag] }));
  }
  await makeSuite(org, { tags: ['x'.repeat(50), 'a_b-c9'] });
});

test('PATCH tells absent from null from a value', async () => {
  const suite = await makeSuite(org, { description: 'd', tags: ['a'] });
  const at = `${SUITES}/${suite.public_id}`;
  const patch = (body) => want(200, 'PATCH', at, dev(body));
  let now = await patch({ context: 'c', visual_regression_warn_pct: 5, visual_regression_fail_pct: 0, variables: { A: 'b', N: { m: [1] } } });
  assert.equal(now.context, 'c');
  assert.equal(now.visual_regression_warn_pct, 5);
  assert.equal(now.visual_regression_fail_pct, 0);
  assert.deepEqual(now.variables, { A: 'b', N: { m: [1] } });
  now = await patch({});
  assert.equal(now.description, 'd');
  assert.equal(now.context, 'c');
  assert.equal(now.visual_regression_warn_pct, 5);
  assert.equal(now.tags.length, 1);
  const settings = { token: org.developer, body: { visual_regression_fail_pct: 25 } };
  now = await want(200, 'PATCH', `${at}/settings`, settings);
  assert.deepEqual([now.visual_regression_warn_pct, now.visual_regression_fail_pct, now.context], [5, 25, 'c']);
  now = await patch({ description: null, context: null, visual_regression_warn_pct: null, visual_regression_fail_pct: null });
  assert.deepEqual([now.description, now.context, now.visual_regression_warn_pct, now.visual_regression_fail_pct], [null, null, null, null]);
  now = await patch({ description: '' });
  assert.equal(now.description, '');
  now = await patch({ tags: [] });
  assert.deepEqual(now.tags, []);
  now = await patch({ tags: ['B', 'c'], name: 'renamed', reset_strategy: 'relaunch' });
  assert.deepEqual(now.tags.map((t) => t.name), ['b', 'c']);
  assert.equal(now.name, 'renamed');
  assert.equal(now.reset_strategy, 'relaunch');
  await refused(422, 'name', 'PATCH', at, dev({ name: null }));
  await refused(422, 'reset_strategy', 'PATCH', at, dev({ reset_strategy: 'never' }));
  await refused(422, 'visual_regression_warn_pct', 'PATCH', at, dev({ visual_regression_warn_pct: 101 }));
  await refused(422, 'tags', 'PATCH', at, dev({ tags: ['a b'] }));
  const read = await want(200, 'GET', at, { token: org.viewer });
  assert.deepEqual(read, { ...now, cases: [] });
});

test('lists filter by app and by any or all tags, newest first', async () => {
  const o = await organization();
  const app = await makeApp(o);
  const a = await makeSuite(o, { app, tags: ['X', 'y'] });
  const b = await makeSuite(o, { app: null, tags: ['x'] });
  const c = await makeSuite(o, { app: null });
  const list = async (query, path = SUITES) => (await want(200, 'GET', `${path}${query}`, { token: o.developer }))
    .map((s) => s.public_id ?? s.id);
  const ids = (...suites) => suites.map((s) => s.public_id);
  assert.deepEqual(await list(''), ids(c, b, a));
  assert.deepEqual(await list(`?app_id=${app.public_id}`), ids(a));
  assert.deepEqual(await list('?app_id=app_zzzzzzzz'), []);
  assert.deepEqual(await list('?tags=X,Y'), ids(b, a));
  assert.deepEqual(await list('?tags=x%2Cy&match=all'), ids(a));
  assert.deepEqual(await list('?tags=y&match=any'), ids(a));
  assert.deepEqual(await list(`?tags=x&app_id=${app.public_id}`), ids(a));
  assert.deepEqual(await list('?tags=nope'), []);
  const CI = '/api/v1/ci/list-suites';
  assert.deepEqual(await list('?tags=x,y&match=all', CI), ids(a));
  assert.deepEqual((await list('', CI)).length, 3);
});

test('cases stand in the order of creation and are counted', async () => {
  const suite = await makeSuite(org);
  const cases = [];
  for (let i = 0; i < 4; i++) {
    cases.push(await makeCase(org, suite, { name: `case ${i}` }));
  }
  const read = await want(200, 'GET', `${SUITES}/${suite.public_id}`, { token: org.viewer });
  assert.deepEqual(read.cases, cases);
  assert.equal(read.case_count, 4);
  await want(200, 'DELETE', `/api/v1/tests/cases/${cases[1].public_id}`, { token: org.developer });
  const later = await want(200, 'GET', `${SUITES}/${suite.public_id}`, { token: org.viewer });
  assert.equal(later.case_count, 3);
  assert.deepEqual(later.cases.map((c) => c.name), ['case 0', 'case 2', 'case 3']);
});

test('a deleted suite is gone with its cases, and stays gone', async () => {
  const suite = await makeSuite(org);
  const one = await makeCase(org, suite);
  const at = `${SUITES}/${suite.public_id}`;
  await want(200, 'DELETE', at, { token: org.developer });
  await want(404, 'DELETE', at, { token: org.developer });
  await want(404, 'GET', at, { token: org.viewer });
  await want(404, 'PATCH', at, dev({ name: 'x' }));
  await want(404, 'GET', `/api/v1/tests/cases/${one.public_id}`, { token: org.viewer });
  await want(404, 'POST', `${at}/cases`, dev({ name: 'x', steps: [] }));
  await want(404, 'POST', '/api/v1/ci/run-suite', dev({ suite_id: suite.public_id }));
  await want(404, 'POST', '/api/v1/ci/run-test', dev({ test_id: one.public_id }));
  const listed = await want(200, 'GET', SUITES, { token: org.viewer });
  assert.ok(!listed.some((s) => s.public_id === suite.public_id));
});

test('a deleted app leaves its suites and cases, unlinked', async () => {
  const app = await makeApp(org);
  const suite = await makeSuite(org, { app });
  await want(200, 'DELETE', `/api/v1/apps/${app.public_id}`, { token: org.developer });
  await want(404, 'GET', `/api/v1/apps/${app.public_id}`, { token: org.viewer });
  await want(404, 'DELETE', `/api/v1/apps/${app.id}`, { token: org.developer });
  const read = await until('the suite is unlinked', async () => { // told by an event
    const now = await want(200, 'GET', `${SUITES}/${suite.public_id}`, { token: org.viewer });
    return now.app_id === null ? now : null;
  });
  assert.equal(read.app_public_id, null);
});

test('apps: only web apps with an http url are made here; lists filter by platform', async () => {
  const at = '/api/v1/apps/';
  const app = await makeApp(org, 'https://example.com/a?b=c');
  assert.equal(app.package_name, null);
  assert.equal(app.url, 'https://example.com/a?b=c');
  for (const url of ['ftp://x/', 'javascript:alert(1)', 'x', '//x', 'file:///etc/passwd', '']) {
    await refused(422, 'url', 'POST', at, dev({ name: 'x', platform: 'web', url }));
  }
  await refused(422, 'platform', 'POST', at, dev({ name: 'x', platform: 'ios', url: 'http://x/' }));
  const web = await want(200, 'GET', `${at}?platform=web`, { token: org.viewer });
  assert.ok(web.some((a) => a.public_id === app.public_id));
  assert.deepEqual(await want(200, 'GET', `${at}?platform=ios`, { token: org.viewer }), []);
  const read = await want(200, 'GET', `${at}${app.id}`, { token: org.viewer });
  assert.equal(read.public_id, app.public_id);
  assert.deepEqual(read.builds, []);
});
