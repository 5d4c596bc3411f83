// Visual builds: what the SDK's clients send and read.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { endpoints } from '../lib/contract.mjs';
import { exchange } from '../lib/http.mjs';
import { compared, form, page, png, readBuild, sdkToken, setStatus, sha256, shoot, startBuild, upload } from '../lib/sdk.mjs';
import { call, organization, refused, sql, unique, until, want } from '../lib/world.mjs';

const SDK = '/api/sdk';
let org;
before(async () => {
  org = await organization();
});
const dev = (body, token = org.developer) => ({ token, body });
const checkShas = (build, screenshots, token = org.developer) =>
  want(200, 'POST', `${SDK}/check-shas`, dev({ buildId: build.id, screenshots }, token));

// --- builds

test('a build tells where it is and to whom it belongs', async () => {
  const made = await want(201, 'POST', `${SDK}/builds`, dev({
    build: {
      name: 'one', branch: 'topic', commit_sha: 'c0ffee', commit_message: 'm', common_ancestor_sha: 'abc',
      environment: 'staging', github_pull_request_number: 7, threshold: 2.5,
    },
  }));
  assert.equal(made.status, 'created');
  assert.ok(made.url.startsWith(`${process.env.ASSAY_URL}/`) && made.url.endsWith(made.id), made.url);
  const read = await want(200, 'GET', `${SDK}/builds/${made.id}`, { token: org.viewer });
  assert.equal(read.build.environment, 'staging');
  assert.equal(read.build.github_pull_request_number, 7);
  assert.equal(read.build.threshold, 2.5);
  assert.equal(read.build.commit_sha, 'c0ffee');
  assert.equal(read.url, made.url);
  for (const member of ['screenshots', 'comparisons', 'review_summary']) {
    assert.ok(!(member in read.build), `${member} was not asked for`);
  }
  const all = await readBuild(org, made);
  assert.deepEqual(all.screenshots, []);
  assert.deepEqual(all.comparisons, []);
  assert.deepEqual(all.review_summary.assignments, []);
  assert.equal(all.review_summary.review_status, 'pending');
  const bare = await want(201, 'POST', `${SDK}/builds`, dev({ build: {} }));
  assert.ok(bare.name.length > 0);
  assert.equal(bare.environment, 'test');
  assert.equal(bare.branch, null);
  await want(400, 'GET', `${SDK}/builds/${made.id}?include=screenshots,nonsense`, { token: org.viewer });
});

test('lists show the builds of the project, newest first, page by page', async () => {
  const token = (await sdkToken(org, 'developer', unique('paged'))).token;
  const ids = [];
  for (let i = 0; i < 5; i += 1) {
    const build = { branch: i % 2 === 0 ? 'even' : 'odd', environment: i < 2 ? 'one' : 'two' };
    ids.unshift((await startBuild(org, build, token)).id);
  }
  const list = (query) => want(200, 'GET', `${SDK}/builds${query}`, { token });
  const first = await list('?limit=2');
  assert.deepEqual(first.builds.map((b) => b.id), ids.slice(0, 2));
  assert.deepEqual(first.pagination, { total: 5, limit: 2, offset: 0, hasMore: true });
  assert.deepEqual(first.data, first.builds);
  const rest = await list('?limit=2&offset=4');
  assert.deepEqual(rest.builds.map((b) => b.id), ids.slice(4));
  assert.equal(rest.pagination.hasMore, false);
  assert.equal((await list('?limit=250')).pagination.limit, 100);
  assert.equal((await list('?branch=odd&environment=two')).builds.length, 1);
  assert.equal((await list('?status=completed')).pagination.total, 0);
  await setStatus(org, { id: ids[0] }, 'completed');
  assert.deepEqual((await list('?status=completed')).builds.map((b) => b.id), [ids[0]]);
  assert.deepEqual((await list('?status=passed&limit=1')).data.map((b) => b.id), [ids[0]]);
  const other = (await sdkToken(org, 'developer', unique('empty'))).token;
  assert.equal((await want(200, 'GET', `${SDK}/builds`, { token: other })).pagination.total, 0);
});

test('the status of a build follows its rules', async () => {
  const build = await startBuild(org);
  const put = async (status, more) => (await setStatus(org, build, status, more)).build;
  assert.equal((await put('running')).status, 'processing');
  assert.equal((await put('pending')).status, 'created');
  assert.deepEqual(await put('completed', { executionTimeMs: 1234 }), { id: build.id, status: 'completed', execution_time_ms: 1234 });
  assert.equal((await put('failed')).status, 'failed');
  await refused(400, 'status', 'PUT', `${SDK}/builds/${build.id}/status`, dev({ status: 'done' }));
});

test('shards share one build until it is finalized, and reopen it', async () => {
  const parallel = unique('shards');
  const shards = await Promise.all(Array.from({ length: 6 }, () => startBuild(org, { parallel_id: parallel, branch: 'p' })));
  assert.equal(new Set(shards.map((b) => b.id)).size, 1);
  const [build] = shards;
  await Promise.all(shards.map((_, i) => shoot(org, build, `Shard ${i}`, png(6, 6, [i, i, i]))));
  const flat = await setStatus(org, build, 'completed');
  assert.equal(flat.awaiting_finalize_all, true);
  assert.equal(flat.parallel_id, parallel);
  assert.equal(flat.build, undefined);
  assert.equal((await readBuild(org, build)).status, 'processing');
  const finalize = () => call('POST', `${SDK}/parallel/${parallel}/finalize`, { token: org.developer, headers: { 'user-agent': 'curl/8' } });
  const done = (await finalize()).json;
  assert.deepEqual([done.build.id, done.build.status, done.build.parallel_id], [build.id, 'completed', parallel]);
  assert.equal((await finalize()).status, 200);
  assert.equal((await readBuild(org, build)).screenshot_count, 6);
  await shoot(org, build, 'Late', png(6, 6, [99, 0, 0]));
  assert.equal((await readBuild(org, build)).status, 'processing');
  await finalize();
  assert.equal((await compared(org, build)).screenshot_count, 7);
  const foreign = await sdkToken(org, 'developer', unique('elsewhere'));
  await want(404, 'POST', `${SDK}/parallel/${parallel}/finalize`, { token: foreign.token });
});

// --- who calls

test('the surface wants its client named, before anything else', async () => {
  for (const agent of ['', 'curl/8.5.0', 'Mozilla/5.0']) {
    const res = await exchange('GET', `${SDK}/builds`, { headers: { 'user-agent': agent } });
    assert.equal(res.status, 400, `agent ${agent}`);
    assert.equal(res.json.error, agent === '' ? 'User-Agent header required' : 'Invalid User-Agent for SDK request');
  }
  const nobody = await want(401, 'GET', `${SDK}/builds`, { headers: { 'user-agent': 'my-VIZZLY-thing' } });
  assert.equal(nobody.error, 'Invalid or missing API token');
  for (const agent of ['vizzly-cli/0.29.6 (run)', 'Vizzly-Claude-Plugin/0.1.0']) {
    await want(200, 'GET', `${SDK}/builds`, { token: org.viewer, headers: { 'user-agent': agent } });
  }
});

test('every call of the surface wants its client named', async () => {
  for (const e of endpoints.filter((x) => x.surface === 'vizzly')) {
    const agent = e.path.endsWith('/finalize') ? '' : 'curl/8.5.0';
    const res = await want(400, e.method, e.path.replace(/{.*?}/g, 'x'), { token: org.developer, headers: { 'user-agent': agent } });
    assert.match(res.error, /User-Agent/, e.id);
  }
});

test('the context names token, organization and project of every kind of token', async () => {
  const named = unique('Project');
  const bound = await sdkToken(org, 'viewer', named);
  const context = (token) => want(200, 'GET', `${SDK}/token/context`, { token });
  const mine = await context(bound.token);
  assert.equal(mine.token.prefix, 'vzy_');
  assert.equal(mine.project.name, named);
  const kinds = new Map([[org.viewer, 'tok_'], [org.jwt, 'jwt'],
    [(await want(200, 'POST', '/api/v1/auth/tokens', { token: org.jwt })).token, 'tw_']]);
  for (const [token, prefix] of kinds) {
    const other = await context(token);
    assert.equal(other.token.prefix, prefix);
    assert.equal(other.organization.id, mine.organization.id);
    assert.notEqual(other.project.id, mine.project.id);
  }
});

// --- screenshots

test('a screenshot is kept as it came and served to whoever has its address', async () => {
  const build = await startBuild(org);
  const image = page(40, 30, { x: 5, y: 5, w: 10, h: 10 });
  const properties = { browser: 'Firefox', viewport: { width: 800, height: 600 }, url: 'http://x/', custom: [1] };
  const made = await shoot(org, build, 'Start page', image, { properties, sha256: sha256(image) });
  assert.equal(made.sha256, sha256(image));
  assert.equal(made.isDuplicate, false);
  assert.equal(made.build_screenshot_count, 1);
  const again = await shoot(org, build, 'Start page', image, { properties });
  assert.deepEqual([again.id, again.isDuplicate, again.build_screenshot_count], [made.id, true, 1]);
  const other = await shoot(org, build, 'Start page', image, { properties: { browser: 'chrome', viewport: { width: 801 } } });
  assert.notEqual(other.id, made.id);
  const [shot] = (await readBuild(org, build)).screenshots.filter((s) => s.id === made.id);
  assert.equal(shot.browser, 'Firefox');
  assert.deepEqual([shot.viewport_width, shot.viewport_height, shot.width, shot.height], [800, 600, 40, 30]);
  assert.equal(shot.url, 'http://x/');
  assert.deepEqual(shot.properties, properties);
  assert.equal(shot.file_size_bytes, image.length);
  assert.ok(shot.original_url.startsWith(`${process.env.ASSAY_URL}/`));
  const served = await exchange('GET', new URL(shot.original_url).pathname);
  assert.equal(served.status, 200);
  assert.equal(served.type, 'image/png');
  assert.ok(served.bytes.equals(image));
  await setStatus(org, build, 'completed');
  await shoot(org, build, 'Another', image);
  assert.equal((await readBuild(org, build)).status, 'processing');
  const defaults = (await readBuild(org, build)).screenshots.find((s) => s.name === 'Another');
  assert.deepEqual([defaults.browser, defaults.viewport_width], ['chrome', 1920]);
});

test('what is no picture is refused, and nothing of it stays', async () => {
  const build = await startBuild(org);
  const at = `${SDK}/builds/${build.id}/screenshots`;
  const good = page(20, 20);
  const broken = Buffer.from(good);
  broken[good.length - 20] ^= 0xff;
  const huge = Buffer.from(good);
  huge.writeUInt32BE(2_000_000_000, 16);
  const stored = () => sql(`SELECT count(*) FROM tests.viz_images`)[0][0];
  const before = stored();
  for (const bytes of [Buffer.from('hello'), Buffer.alloc(0), good.subarray(0, 40), broken, huge,
    Buffer.from('GIF89a'), Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')]) {
    await refused(400, 'image_data', 'POST', at, dev({ name: 'x', image_data: bytes.toString('base64') }));
    const res = await upload(org, [['build_id', build.id], ['screenshots', good, 'good.png'], ['screenshots', bytes, 'bad.png']]);
    assert.equal(res.status, 400);
    assert.match(res.json.error, /bad\.png/);
  }
  await refused(400, 'image_data', 'POST', at, dev({ name: 'x', image_data: '###' }));
  await refused(400, 'image_data', 'POST', at, dev({ name: 'x' }));
  await refused(400, 'image_data', 'POST', at, dev({ name: 'x', sha256: '0'.repeat(64) }));
  await refused(400, 'sha256', 'POST', at, dev({ name: 'x', image_data: good.toString('base64'), sha256: '0'.repeat(64) }));
  for (const name of ['../x', 'a/../b', 'a\\..\\b', '', 'x'.repeat(256)]) {
    await refused(400, 'name', 'POST', at, dev({ name, image_data: good.toString('base64') }));
  }
  assert.equal(stored(), before);
  assert.equal((await readBuild(org, build)).screenshot_count, 0);
});

test('a hash is known only under its signature, and brings everything along', async () => {
  const token = (await sdkToken(org, 'developer', unique('shas'))).token;
  const first = await startBuild(org, {}, token);
  const image = page(16, 16, { x: 1, y: 1, w: 3, h: 3 });
  const sha = sha256(image);
  const entry = { sha256: sha, name: 'Card', browser: 'firefox', viewport_width: 900, viewport_height: 700 };
  const none = await checkShas(first, [entry], token);
  assert.deepEqual([none.existing, none.missing], [[], [sha]]);
  assert.deepEqual(none.results, [{ sha256: sha, exists: false, reusable: false, reason: 'SHA not found' }]);
  await shoot(org, first, 'Card', image, { properties: { browser: 'firefox', viewport_width: 900, viewport_height: 700, theme: 'dark' } }, token);
  const second = await startBuild(org, {}, token);
  const other = await checkShas(second, [{ ...entry, browser: 'chrome' }], token);
  assert.deepEqual([other.existing, other.missing, other.screenshots], [[], [sha], []]);
  assert.deepEqual(other.results, [{ sha256: sha, exists: true, reusable: false,
    reason: 'Different signature (Card|900|firefox vs Card|900|chrome)' }]);
  const known = await checkShas(second, [{ ...entry, viewport_height: 1 }], token);
  assert.deepEqual([known.existing, known.missing], [[sha], []]);
  assert.deepEqual(known.summary, { total_checked: 1, existing_count: 1, missing_count: 0, screenshots_created: 1, format_used: 'signature-based' });
  assert.deepEqual([known.screenshots[0].fromExisting, known.screenshots[0].alreadyExisted], [true, false]);
  const again = await checkShas(second, [entry], token);
  assert.deepEqual([again.screenshots[0].id, again.screenshots[0].alreadyExisted], [known.screenshots[0].id, true]);
  const [shot] = (await readBuild(org, second)).screenshots;
  assert.deepEqual([shot.viewport_height, shot.properties.theme], [700, 'dark']);
  const third = await startBuild(org, {}, token);
  const legacy = await want(200, 'POST', `${SDK}/check-shas`, dev({ buildId: third.id, shas: [sha, 'f'.repeat(64)] }, token));
  assert.deepEqual([legacy.existing, legacy.missing], [[sha], ['f'.repeat(64)]]);
  assert.equal(legacy.summary.format_used, 'legacy-sha-only');
  assert.ok(!('results' in legacy));
  const bare = await want(201, 'POST', `${SDK}/builds/${second.id}/screenshots`, dev({ name: 'Card', sha256: sha, properties: { browser: 'firefox', viewport_width: 900 } }, token));
  assert.deepEqual([bare.upload_required, bare.isDuplicate], [false, true]);
  await refused(400, 'shas', 'POST', `${SDK}/check-shas`, dev({ buildId: second.id }));
  await want(400, 'POST', `${SDK}/check-shas`, dev({ buildId: second.id, shas: ['nope'] }));
  await want(404, 'POST', `${SDK}/check-shas`, dev({ buildId: '00000000-0000-4000-8000-000000000000', shas: [sha] }));
  const theirs = await organization();
  const elsewhere = await startBuild(theirs);
  assert.deepEqual((await checkShas(elsewhere, [entry], theirs.developer)).results[0].exists, false);
});

test('a batch takes names from its files, identity from what was announced, and old pictures by hash', async () => {
  const token = (await sdkToken(org, 'developer', unique('batch'))).token;
  const images = [1, 2, 3].map((n) => png(12, 12, [n, 0, 0]));
  const made = await upload(org, images.map((image, i) => ['screenshots', image, `shot ${i}.png`]), token);
  assert.equal(made.status, 201);
  assert.deepEqual(made.json.screenshots.map((s) => [s.name, s.sha256]), images.map((image, i) => [`shot ${i}`, sha256(image)]));
  assert.equal(made.json.count, 3);
  const build = await startBuild(org, {}, token);
  await checkShas(build, [{ sha256: sha256(images[0]), name: 'announced', browser: 'webkit', viewport_width: 333 }], token);
  const fresh = png(12, 12, [77, 0, 0]);
  const res = await upload(org, [['build_id', build.id], ['screenshots', images[0], 'whatever.png'], ['screenshots', fresh, 'fresh.png'],
    ['existing_shas', JSON.stringify([sha256(images[1]), 'e'.repeat(64)])], ['config', '{"a":1}']], token);
  assert.equal(res.status, 201);
  assert.deepEqual(res.json.efficiency, { total_processed: 4, files_uploaded: 2, existing_shas_requested: 2, existing_reused: 1, existing_skipped: 1 });
  assert.equal(res.json.count, 3);
  const read = await readBuild(org, build);
  assert.deepEqual(read.screenshots.map((s) => [s.name, s.browser, s.viewport_width]),
    [['announced', 'webkit', 333], ['fresh', 'chrome', 1920], ['shot 1', 'chrome', 1920]]);
  for (const fields of [[['build_id', build.id]], [['build_id', build.id], ['existing_shas', 'nope']],
    [['screenshots', fresh, 'x.png'], ['config', '[']], [['screenshots', fresh, 'x.png'], ['build_id', 'nope']]]) {
    assert.equal((await upload(org, fields, token)).status, 400, JSON.stringify(fields.map((f) => f[0])));
  }
  assert.equal((await upload(org, [['build_id', '00000000-0000-4000-8000-000000000000'], ['screenshots', fresh, 'x.png']], token)).status, 404);
});

// --- comparisons

const box = { x: 10, y: 20, w: 10, h: 5 };

test('a change is measured in per cent of the larger canvas and held against the threshold', async () => {
  const branch = unique('measure');
  const before = await startBuild(org, { branch });
  await shoot(org, before, 'A', page(100, 50));
  await shoot(org, before, 'B', page(100, 50));
  await shoot(org, before, 'C', page(100, 50));
  assert.deepEqual((await compared(org, before)).comparisons, []);
  const after = await startBuild(org, { branch, threshold: 1 });
  await shoot(org, after, 'A', page(100, 50, box));
  await shoot(org, after, 'B', page(100, 50, { ...box, w: 2 }));
  await shoot(org, after, 'C', page(100, 50));
  await shoot(org, after, 'D', page(100, 100));
  const read = await compared(org, after);
  const by = Object.fromEntries(read.comparisons.map((c) => [c.name, c]));
  assert.deepEqual(Object.keys(by), ['A', 'B', 'C']);
  assert.deepEqual([by.A.diff_percentage, by.A.has_diff, by.A.approval_status, by.A.result], [1, false, 'auto_approved', 'identical']);
  assert.deepEqual([by.B.diff_percentage, by.B.has_diff], [0.2, false]);
  assert.deepEqual([by.C.diff_percentage, by.C.has_diff, by.C.approval_status, by.C.diff_url], [0, false, 'auto_approved', null]);
  const strict = await startBuild(org, { branch: unique('measure'), common_ancestor_sha: unique('c'), threshold: 0.5 });
  assert.equal(strict.status, 'created');
  const third = await startBuild(org, { branch, threshold: 0.5 });
  await shoot(org, third, 'C', page(100, 100));
  const taller = (await compared(org, third)).comparisons[0];
  assert.deepEqual([taller.diff_percentage, taller.has_diff, taller.approval_status, taller.status], [50, true, 'pending', 'completed']);
  const diff = await exchange('GET', new URL(taller.diff_url).pathname);
  assert.deepEqual([diff.status, diff.type], [200, 'image/png']);
  assert.equal((await readBuild(org, third)).comparisonsFailed, 1);
});

test('the baseline is that of the common ancestor, else of the branch, else of main, and says so', async () => {
  const token = (await sdkToken(org, 'developer', unique('choice'))).token;
  const add = async (more, colour, status = 'completed') => {
    const build = await startBuild(org, more, token);
    await shoot(org, build, 'P', png(9, 9, colour), {}, token);
    await setStatus(org, build, status);
    return build;
  };
  const choice = async (more, colour) => {
    const build = await add(more, colour);
    const [c] = (await compared(org, build)).comparisons;
    return c ? [c.baseline_reason, c.baseline_build_id] : null;
  };
  assert.equal(await choice({ branch: 'first' }, [1, 1, 1]), null);
  const main = await add({ branch: 'main', commit_sha: 'm1' }, [2, 2, 2]);
  assert.deepEqual(await choice({ branch: 'topic' }, [3, 3, 3]), ['default_branch', main.id]);
  const topic = await add({ branch: 'topic' }, [4, 4, 4]);
  assert.deepEqual(await choice({ branch: 'topic' }, [5, 5, 5]), ['branch', topic.id]);
  assert.deepEqual(await choice({ branch: 'topic', common_ancestor_sha: 'm1' }, [6, 6, 6]), ['common_ancestor', main.id]);
  const kept = (await want(200, 'GET', `${SDK}/builds?branch=topic&limit=1`, { token })).builds[0];
  await add({ branch: 'topic' }, [7, 7, 7], 'failed');
  assert.deepEqual(await choice({ branch: 'topic', common_ancestor_sha: 'unknown' }, [8, 8, 8]), ['branch', kept.id]);
});

test('a rejected screenshot is never a baseline; an approval follows the content to every branch', async () => {
  const token = (await sdkToken(org, 'developer', unique('review'))).token;
  const add = async (branch, colour) => {
    const build = await startBuild(org, { branch }, token);
    await shoot(org, build, 'P', png(9, 9, colour), {}, token);
    return { id: build.id, comparison: (await compared(org, build)).comparisons[0] };
  };
  const first = await add('main', [1, 1, 1]);
  const second = await add('main', [2, 2, 2]);
  assert.equal(second.comparison.approval_status, 'pending');
  assert.equal((await readBuild(org, second)).approval_status, 'pending');
  const at = (c) => `${SDK}/comparisons/${c.id}`;
  const rejected = await want(200, 'POST', `${at(second.comparison)}/reject`, dev({ reason: 'wrong colour' }));
  assert.deepEqual([rejected.comparison.approval_status, rejected.comparison.approval_comment], ['rejected', 'wrong colour']);
  assert.equal((await readBuild(org, second)).approval_status, 'rejected');
  const third = await add('main', [3, 3, 3]);
  assert.equal(third.comparison.baseline_build_id, first.id);
  const waiting = await add('side', [3, 3, 3]);
  assert.equal(waiting.comparison.approval_status, 'auto_approved');
  const other = await add('other', [4, 4, 4]);
  const same = await add('other2', [4, 4, 4]);
  const approved = await want(200, 'POST', `${at(other.comparison)}/approve`, { token: org.developer });
  assert.equal(approved.comparison.approval_status, 'approved');
  assert.ok(approved.comparison.approved_at);
  const spread = (await want(200, 'GET', at(same.comparison), { token: org.viewer })).comparison;
  assert.deepEqual([spread.approval_status, spread.approved_from, spread.approved_by],
    ['approved', other.comparison.id, approved.comparison.approved_by]);
  const later = await add('other3', [4, 4, 4]);
  assert.deepEqual([later.comparison.approval_status, later.comparison.approved_from], ['approved', other.comparison.id]);
  const undone = await want(200, 'PUT', `${at(other.comparison)}/approval`, dev({ approval_status: 'pending' }));
  assert.deepEqual([undone.comparison.approved_by, undone.comparison.approved_at], [null, null]);
  assert.equal((await add('other4', [4, 4, 4])).comparison.approval_status, 'pending');
  await refused(400, 'reason', 'POST', `${at(other.comparison)}/reject`, dev({}));
  await refused(400, 'approval_status', 'PUT', `${at(other.comparison)}/approval`, dev({ approval_status: 'maybe' }));
});

test('the same two pictures are compared once, identical pixels never', async () => {
  const token = (await sdkToken(org, 'developer', unique('once'))).token;
  const pairs = () => Number(sql(`SELECT count(*) FROM tests.viz_pairs`)[0][0]);
  const add = async (branch, image) => {
    const build = await startBuild(org, { branch }, token);
    await shoot(org, build, 'P', image, {}, token);
    return (await compared(org, build)).comparisons[0];
  };
  await add('main', page(30, 30, box));
  const before = pairs();
  const one = await add('a', page(30, 30, { ...box, w: 3 }));
  assert.equal(pairs(), before + 1);
  const two = await add('b', page(30, 30, { ...box, w: 3 }));
  assert.equal(pairs(), before + 1);
  assert.deepEqual([two.diff_percentage, two.diff_url], [one.diff_percentage, one.diff_url]);
  const repacked = await add('c', page(30, 30, box, [255, 0, 0], 0));
  assert.deepEqual([repacked.diff_percentage, repacked.approval_status, repacked.diff_url], [0, 'auto_approved', null]);
  assert.equal(pairs(), before + 1);
});

test('comparisons are found by name, with wild cards, and speak the words of the command line to it', async () => {
  const token = (await sdkToken(org, 'developer', unique('search'))).token;
  const add = async (branch, colour) => {
    const build = await startBuild(org, { branch }, token);
    for (const name of ['Button - primary', 'Button - danger', 'Card 100%']) {
      await shoot(org, build, name, png(9, 9, colour), {}, token);
    }
    return compared(org, build);
  };
  await add('main', [1, 1, 1]);
  const read = await add('topic', [90, 1, 1]);
  const search = async (query, headers = {}) => (await exchange('GET', `${SDK}/comparisons/search?${query}`, { token, headers })).json;
  const found = await search('name=Button+-*&limit=1');
  assert.deepEqual(found.pagination, { total: 2, limit: 1, offset: 0, hasMore: true });
  assert.equal((await search('name=100%25')).comparisons[0].name, 'Card 100%');
  assert.equal((await search('name=primary&branch=main')).pagination.total, 0);
  assert.equal((await search('name=nothing')).pagination.total, 0);
  const cli = await search('name=*danger', { 'user-agent': 'vizzly-cli/0.29.6 (comparisons)' });
  assert.deepEqual([cli.comparisons[0].status, cli.comparisons[0].result], ['changed', 'changed']);
  assert.equal(found.comparisons[0].status, 'completed');
  const one = (await want(200, 'GET', `${SDK}/comparisons/${read.comparisons[0].id}`, { token })).comparison;
  assert.equal(one.baseline_screenshot.original_url, one.baseline_screenshot_url);
  assert.equal(one.current_viewport_width, 1920);
  assert.equal((await exchange('GET', `${SDK}/comparisons/search`, { token })).status, 400);
});

// --- people

test('comments and replies are read in the order they were written, without addresses', async () => {
  const build = await startBuild(org);
  const at = `${SDK}/builds/${build.id}/comments`;
  const add = async (body) => (await want(201, 'POST', at, dev(body))).comment;
  const one = await add({ content: 'first' });
  const two = await add({ content: 'second', type: 'approval' });
  const reply = await add({ content: 'to the first', parent_id: one.id, type: 'rejection' });
  const { comments } = await want(200, 'GET', at, { token: org.viewer });
  assert.deepEqual(comments.map((c) => [c.id, c.replies.map((r) => r.id)]), [[one.id, [reply.id]], [two.id, []]]);
  assert.equal(one.type, 'general');
  assert.ok(!JSON.stringify(comments).includes('@'));
  await want(404, 'POST', at, dev({ content: 'x', parent_id: build.id }));
  await refused(400, 'content', 'POST', at, dev({ content: '' }));
  await refused(400, 'type', 'POST', at, dev({ content: 'x', type: 'shout' }));
});

test('people who are assigned make the state of the review by what they say', async () => {
  const build = await startBuild(org);
  const at = `${SDK}/builds/${build.id}`;
  const state = async () => want(200, 'GET', `${at}/review-summary`, { token: org.viewer });
  assert.equal((await state()).review_status, 'pending');
  const bob = `${unique('bob')}@example.com`;
  await want(200, 'POST', '/api/v1/auth/users', { token: org.jwt, body: { email: bob, password: 'longenough', role: 'developer' } });
  const login = async (email, password) => (await want(200, 'POST', '/api/v1/auth/login', { body: { email, password } })).access_token;
  const people = [[org.email, org.jwt], [bob, await login(bob, 'longenough')]];
  const assign = async (email, more = {}) => (await want(201, 'POST', `${at}/assignments`, dev({ email, ...more }))).assignment;
  const mine = await assign(org.email.toUpperCase(), { due_date: '2030-01-02T03:04:05Z' });
  assert.deepEqual([mine.status, mine.due_date, mine.user_name], ['pending', '2030-01-02T03:04:05Z', org.email.split('@')[0]]);
  const again = await assign(org.email);
  assert.deepEqual([again.id, again.due_date], [mine.id, null]);
  const other = await assign(bob);
  assert.equal((await state()).review_status, 'in_progress');
  const say = (who, type) => want(201, 'POST', `${at}/comments`, { token: people[who][1], body: { content: 'x', type } });
  await say(0, 'general');
  assert.equal((await state()).review_status, 'in_progress');
  await say(1, 'approval');
  const half = await state();
  assert.equal(half.review_status, 'in_progress');
  assert.deepEqual(half.statistics, { total_assignments: 2, pending: 1, completed: 1, approved: 1, rejected: 0 });
  assert.deepEqual(half.assignments.map((a) => [a.id, a.status]), [[mine.id, 'pending'], [other.id, 'approved']]);
  assert.ok(half.assignments[1].completed_at);
  await say(0, 'approval');
  assert.equal((await state()).review_status, 'approved');
  await say(1, 'rejection');
  assert.equal((await state()).review_status, 'rejected');
  const without = await want(200, 'DELETE', `${at}/assignments/${other.id}`, dev(undefined));
  assert.deepEqual([without.review_status, without.assignments.length], ['approved', 1]);
  await want(404, 'DELETE', `${at}/assignments/${other.id}`, dev(undefined));
  await want(404, 'POST', `${at}/assignments`, dev({ email: 'nobody@example.com' }));
  await refused(400, 'email', 'POST', `${at}/assignments`, dev({}));
  await refused(400, 'due_date', 'POST', `${at}/assignments`, dev({ email: bob, due_date: 'soon' }));
});

// --- hotspots

test('rows that change in most builds are found, and names without history are left out', async () => {
  const token = (await sdkToken(org, 'developer', unique('hot'))).token;
  const one = (name, query = '') => want(200, 'GET', `${SDK}/screenshots/${encodeURIComponent(name)}/hotspots${query}`, { token });
  const nothing = (await one('Clock / top')).hotspot_analysis;
  assert.deepEqual([nothing.regions, nothing.total_builds_analyzed, nothing.confidence, nothing.confidence_score, nothing.data_source],
    [[], 0, 'insufficient_data', 0, 'none']);
  for (let i = 0; i < 6; i += 1) {
    const build = await startBuild(org, { branch: 'main' }, token);
    await shoot(org, build, 'Clock / top', page(60, 60, { x: 5, y: 8, w: 20, h: 6 }, [i * 40, 0, 0]), {}, token);
    await compared(org, build);
    if (i === 2) {
      assert.equal((await one('Clock / top')).hotspot_analysis.confidence, 'insufficient_data');
    }
  }
  const { hotspot_analysis: found } = await one('Clock / top', '?windowSize=99');
  assert.equal(found.total_builds_analyzed, 5);
  assert.deepEqual(found.regions.map((r) => [r.y1, r.y2, r.height, r.lineCount, r.frequency]), [[8, 14, 6, 6, 1]]);
  assert.notEqual(found.confidence, 'insufficient_data');
  assert.equal((await one('Clock / top', '?windowSize=4')).hotspot_analysis.total_builds_analyzed, 4);
  const many = await want(200, 'POST', `${SDK}/screenshots/hotspots`, dev({ screenshot_names: ['Clock / top', 'none'] }, token));
  assert.deepEqual([Object.keys(many.hotspots), many.summary], [['Clock / top'], { requested: 2, returned: 1 }]);
  for (const screenshot_names of [[], ['../x'], ['x'.repeat(256)], Array.from({ length: 101 }, (_, i) => `n${i}`)]) {
    await want(400, 'POST', `${SDK}/screenshots/hotspots`, dev({ screenshot_names }, token));
  }
  await want(400, 'GET', `${SDK}/screenshots/${encodeURIComponent('../x')}/hotspots`, { token });
});

// --- local tests

test('baselines carry the file names the command line computes', async () => {
  const build = await startBuild(org);
  await shoot(org, build, 'Home Page', page(30, 20), { properties: { browser: 'Firefox', viewport: { width: 640, height: 480 } } });
  await shoot(org, build, 'plain', page(31, 20));
  await compared(org, build);
  const got = (await call('GET', `${SDK}/builds/${build.id}/tdd-baselines`, { token: org.viewer })).json;
  assert.equal(got.build.status, 'completed');
  assert.deepEqual(got.signatureProperties, []);
  const file = (name, signature) => `${name}_${sha256(signature).slice(0, 12)}.png`;
  assert.deepEqual(got.screenshots.map((s) => s.filename),
    [file('Home-Page', 'Home Page|640|firefox'), file('plain', 'plain|31|')]);
  assert.equal((await call('GET', `${SDK}/builds/${build.id}/preview`, { token: org.viewer })).json, null);
});

// --- storage

test('a full storage refuses more, with figures, and frees nobody else', async () => {
  const full = await organization();
  const build = await startBuild(full);
  // Its corner makes each picture one of its own: none is a known one that needs no room.
  const noise = (seed) => png(400, 300, (x, y) => (x + y === 0 ? [seed >> 16, (seed >> 8) & 255, seed & 255]
    : [(x * 7 + y * seed) & 255, (x * y + seed) & 255, (x ^ (y * seed)) & 255]), 0);
  let seed = 0;
  let res = null;
  await until('the quota is used up', async () => {
    const image = noise(seed++);
    res = await call('POST', `${SDK}/builds/${build.id}/screenshots`,
      { token: full.developer, body: { name: unique('n'), image_data: image.toString('base64') } });
    return res.status === 413;
  });
  assert.deepEqual(Object.keys(res.json.details).sort(), ['currentUsage', 'currentUsageBytes',
    'estimatedUpload', 'estimatedUploadBytes', 'limit', 'limitBytes', 'planName']);
  assert.equal(res.json.error, 'Storage quota exceeded');
  assert.match(res.json.details.currentUsage, /^[0-9]+(\.[0-9])?[KMG]?B$/);
  assert.equal(res.json.details.limitBytes, Number(process.env.E2E_QUOTA));
  assert.ok(res.json.details.currentUsageBytes + res.json.details.estimatedUploadBytes > res.json.details.limitBytes);
  const count = (await readBuild(full, build)).screenshot_count;
  assert.equal((await upload(full, [['build_id', build.id], ['screenshots', noise(seed), 'a.png']])).status, 413);
  assert.equal((await readBuild(full, build)).screenshot_count, count);
  sql(`UPDATE tests.viz_storage SET bytes = ${process.env.E2E_QUOTA} WHERE org_id = ${full.id}`);
  await want(413, 'POST', `${SDK}/builds`, { token: full.developer, body: { build: {} } });
  await startBuild(org);
});
