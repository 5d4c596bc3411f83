// What the command line asks for a person who has logged in: projects, tokens for them, builds and baselines.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { compared, png, sdkToken, shoot, startBuild } from '../lib/sdk.mjs';
import { call, organization, unique, want } from '../lib/world.mjs';

let org;
let slug;
let project;
const curl = { 'user-agent': 'node' };
const get = (path, token = org.jwt, headers = curl) => want(200, 'GET', path, { token, headers });

before(async () => {
  org = await organization();
  const { token } = await sdkToken(org, 'developer', 'Web Shop');
  const context = await want(200, 'GET', '/api/sdk/token/context', { token });
  slug = context.organization.slug;
  project = { token, slug: context.project.slug };
});

test('projects are listed and found by their slugs, whoever calls names a client or not', async () => {
  const headers = { ...curl, 'x-organization': slug };
  for (const path of ['/api/project', '/api/cli/projects']) {
    const { projects } = await get(path, org.jwt, headers);
    assert.deepEqual(projects.map((p) => [p.name, p.organizationSlug]), [['Default', slug], ['Web Shop', slug]], path);
  }
  assert.equal((await get('/api/project')).projects.length, 2);
  assert.equal((await get(`/api/project/${project.slug}`, org.jwt, headers)).project.name, 'Web Shop');
  assert.equal((await get('/api/project', project.token)).projects.length, 1);
  const other = await organization();
  await want(404, 'GET', `/api/project/${project.slug}`, { token: other.jwt, headers: curl });
  const foreign = await want(404, 'GET', '/api/project', { token: org.jwt, headers: { ...curl, 'x-organization': 'someone-else' } });
  assert.equal(typeof foreign.error, 'string');
  await want(401, 'GET', '/api/project', { headers: curl });
});

test('a project token is made once, bound to its project, listed and revoked', async () => {
  const at = `/api/project/${project.slug}/tokens`;
  const all = `/api/cli/organizations/${slug}/projects/${project.slug}/tokens`;
  const headers = { ...curl, 'x-organization': slug };
  const made = await want(201, 'POST', at, { token: org.jwt, headers, body: { name: 'CLI Token', description: 'x' } });
  assert.match(made.token, /^vzy_/);
  const context = await want(200, 'GET', '/api/sdk/token/context', { token: made.token });
  assert.deepEqual([context.project.slug, context.token.name], [project.slug, 'CLI Token']);
  await startBuild(org, {}, made.token);
  const { tokens } = await get(all);
  const listed = tokens.find((t) => t.id === made.id);
  assert.deepEqual([listed.name, listed.created_by], ['CLI Token', org.email]);
  assert.ok(!JSON.stringify(tokens).includes(made.token));
  assert.equal((await want(201, 'POST', all, { token: org.jwt, headers, body: {} })).name, 'vizzly');
  await want(403, 'POST', at, { token: org.viewer, headers, body: {} });
  await want(404, 'POST', '/api/project/none-1/tokens', { token: org.jwt, headers, body: {} });
  // Who holds a token that may less than its creator makes no other.
  await want(403, 'POST', at, { token: project.token, headers, body: {} });
  await want(404, 'GET', '/api/project/default-1', { token: project.token, headers });
  const mate = `${unique('mate')}@example.com`;
  await want(200, 'POST', '/api/v1/auth/users', { token: org.jwt, body: { email: mate, password: 'longenough', role: 'developer' } });
  const login = (await want(200, 'POST', '/api/v1/auth/login', { body: { email: mate, password: 'longenough' } })).access_token;
  await want(403, 'DELETE', `${all}/${made.id}`, { token: login, headers });
  await want(404, 'DELETE', `${all}/999999999`, { token: org.jwt, headers });
  assert.deepEqual(await want(200, 'DELETE', `${all}/${made.id}`, { token: org.jwt, headers }), { success: true });
  await want(401, 'GET', '/api/sdk/token/context', { token: made.token });
});

test('builds and baselines of a project come with what is known to change', async () => {
  const clock = (x, y) => x >= 10 && x < 20 && y >= 5 && y < 9;
  let build;
  for (let i = 0; i < 4; i += 1) {
    build = await startBuild(org, { branch: i === 0 ? 'other' : 'main' }, project.token);
    await shoot(org, build, 'Home', png(60, 30, (x, y) => (clock(x, y) ? [50 * i, 0, 0] : [255, 255, 255])), {}, project.token);
    await shoot(org, build, 'Still', png(60, 30, [9, 9, 9]), {}, project.token);
    await compared(org, build);
  }
  build = await startBuild(org, { branch: 'main' }, project.token);
  await shoot(org, build, 'Home', png(60, 30, (x, y) => (clock(x, y) ? [0, 0, 250] : [255, 255, 255])), {}, project.token);
  await shoot(org, build, 'Still', png(60, 30, [9, 9, 9]), {}, project.token);
  await compared(org, build);
  await want(201, 'POST', '/api/sdk/screenshots/Home/regions', { token: project.token, body: { x1: 0, y1: 0, x2: 3, y2: 3, label: 'logo' } });
  for (const path of [`/api/build/${project.slug}?limit=2&branch=main`, `/api/cli/organizations/${slug}/projects/${project.slug}/builds?limit=2&branch=main`]) {
    const { builds } = await get(path);
    assert.deepEqual([builds.length, builds[0].id], [2, build.id], path);
  }
  const at = `/api/cli/${project.slug}/builds/${build.id}/tdd-baselines`;
  const found = await get(at, org.jwt, { ...curl, 'x-organization': slug });
  assert.deepEqual(found.screenshots.map((s) => s.name), ['Home', 'Still']);
  assert.deepEqual(Object.keys(found.hotspots), ['Home', 'Still']);
  assert.deepEqual(found.hotspots.Home.regions.map((r) => [r.y1, r.y2]), [[5, 9]]);
  assert.deepEqual(Object.keys(found.regions), ['Home']);
  assert.deepEqual(found.regions.Home.confirmed.map((r) => [r.label, r.x2]), [['logo', 3]]);
  assert.deepEqual(found.regions.Home.candidates.map((r) => [r.x1, r.y1, r.x2, r.y2]), [[10, 5, 20, 9]]);
  assert.deepEqual(found.summary, { screenshots: 2, hotspots: 2, regions: 1, total_regions: 1 });
  const some = await want(200, 'POST', '/api/cli/baselines/download', { token: org.jwt, headers: curl, body: { buildId: build.id, screenshotNames: ['Still'] } });
  assert.deepEqual([some.screenshots.map((s) => s.name), some.regions], [['Still'], {}]);
  // The SDK's own answer has neither: a client would stumble over them.
  const plain = (await call('GET', `/api/sdk/builds/${build.id}/tdd-baselines`, { token: project.token })).json;
  assert.deepEqual([plain.hotspots, plain.regions], [undefined, undefined]);
  await want(404, 'GET', at.replace(project.slug, 'default-1'), { token: org.jwt, headers: curl });
  const other = await organization();
  await want(404, 'GET', at, { token: other.jwt, headers: curl });
  await want(404, 'POST', '/api/cli/baselines/download', { token: other.jwt, headers: curl, body: { buildId: build.id } });
  assert.equal((await exchange('POST', '/api/cli/baselines/download', { token: org.jwt, headers: curl, body: {} })).status, 400);
});
