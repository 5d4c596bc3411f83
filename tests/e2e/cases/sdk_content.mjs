// The SDK surface attacked: content that is stored once, what is refused leaving nothing behind, calls that race,
// tokens of other projects.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { compared, page, png, readBuild, sdkToken, setStatus, sha256, shoot, startBuild, upload } from '../lib/sdk.mjs';
import { call, organization, sql, unique, until, want } from '../lib/world.mjs';

const SDK = '/api/sdk';
const dev = (body, token = org.developer) => ({ token, body });
let org;
before(async () => {
  org = await organization();
});

// Files of an organization in the store, by their digests.
function stored(of) {
  const walk = (dir) => fs.readdirSync(dir, { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? walk(path.join(dir, e.name)) : [e.name]));
  return walk(path.join(process.env.ASSAY_STATE_DIR, 'blobs')).filter((name) => name.endsWith(`-sdk-${of.id}`))
    .map((name) => name.split('-')[0]);
}
const bytes = (of) => Number(sql(`SELECT coalesce(sum(bytes), 0) FROM tests.viz_storage WHERE org_id = ${of.id}`)[0][0]);

test('identical pixels are stored once, whatever the encoding', async () => {
  const mine = await organization();
  const build = await startBuild(mine);
  const box = { x: 3, y: 4, w: 9, h: 5 };
  const [first, second, third] = [6, 0, 1].map((level) => page(60, 50, box, [255, 0, 0], level));
  assert.notEqual(sha256(first), sha256(second));
  await shoot(mine, build, 'A', first);
  const used = bytes(mine);
  assert.equal(used, first.length);
  const two = await shoot(mine, build, 'B', second);
  assert.equal(two.sha256, sha256(second));
  const res = await upload(mine, [['build_id', build.id], ['screenshots', third, 'C.png'], ['screenshots', second, 'D.png']]);
  assert.equal(res.status, 201);
  assert.equal(bytes(mine), used);
  assert.deepEqual(stored(mine), [sha256(first)]);
  for (const shot of (await readBuild(mine, build)).screenshots) {
    const served = await exchange('GET', new URL(shot.original_url).pathname);
    assert.ok(served.bytes.equals(first), shot.name);
  }
  const known = await want(200, 'POST', `${SDK}/check-shas`, { token: mine.developer,
    body: { buildId: build.id, screenshots: [{ sha256: sha256(second), name: 'B' }] } });
  assert.deepEqual(known.existing, [sha256(second)]);
});

test('the same pixels at the same moment are stored once', async () => {
  const mine = await organization();
  const builds = await Promise.all([0, 1, 2, 3].map(() => startBuild(mine)));
  const made = await Promise.all(builds.flatMap((build, b) => [0, 1, 6].map((level) =>
    shoot(mine, build, `P ${b}`, page(70, 40, { x: 1, y: 1, w: 5, h: 5 }, [0, 0, 9], level)))));
  assert.equal(new Set(made.map((m) => m.sha256)).size, 3);
  await until('the others are removed', () => stored(mine).length === 1);
  const [[size]] = sql(`SELECT min(size_bytes) FROM tests.viz_images WHERE org_id = ${mine.id}`);
  assert.equal(bytes(mine), Number(size));
});

test('what a full storage refuses is not kept', async () => {
  const mine = await organization();
  const build = await startBuild(mine);
  await shoot(mine, build, 'A', page(30, 30));
  sql(`UPDATE tests.viz_storage SET bytes = ${process.env.E2E_QUOTA} - 10 WHERE org_id = ${mine.id}`);
  const kept = stored(mine);
  const late = page(31, 31);
  const res = await call('POST', `${SDK}/builds/${build.id}/screenshots`, dev({ name: 'B', image_data: late.toString('base64') }, mine.developer));
  assert.equal(res.status, 413);
  assert.deepEqual([res.json.details.currentUsageBytes, res.json.details.estimatedUploadBytes], [Number(process.env.E2E_QUOTA) - 10, late.length]);
  assert.deepEqual(stored(mine), kept);
  // What is stored already needs no room.
  await shoot(mine, build, 'C', page(30, 30, null, undefined, 0));
});

test('of uploads that race for the last room, only those that fit are taken', async () => {
  const mine = await organization();
  const build = await startBuild(mine);
  const images = [0, 1, 2, 3, 4, 5].map((n) => png(40, 40, [n, 1, 1]));
  const room = Math.max(...images.map((i) => i.length)) * 2;
  await shoot(mine, build, 'A', page(5, 5));
  sql(`UPDATE tests.viz_storage SET bytes = ${process.env.E2E_QUOTA} - ${room} WHERE org_id = ${mine.id}`);
  const statuses = await Promise.all(images.map(async (image, n) => (await call('POST', `${SDK}/builds/${build.id}/screenshots`,
    dev({ name: `N ${n}`, image_data: image.toString('base64') }, mine.developer))).status));
  assert.deepEqual([...new Set(statuses)].sort(), [201, 413]);
  assert.ok(statuses.filter((s) => s === 201).length <= 3, statuses.join());
  assert.ok(bytes(mine) <= Number(process.env.E2E_QUOTA));
  assert.equal(stored(mine).length, 1 + statuses.filter((s) => s === 201).length);
});

test('the same picture from many at once is one screenshot', async () => {
  const build = await startBuild(org);
  const image = page(44, 33, { x: 2, y: 2, w: 3, h: 3 });
  const made = await Promise.all(Array.from({ length: 12 }, () => shoot(org, build, 'Same', image)));
  assert.equal(new Set(made.map((m) => m.id)).size, 1);
  assert.equal(made.filter((m) => !m.isDuplicate).length, 1);
  assert.equal((await readBuild(org, build)).screenshot_count, 1);
});

test('a token of one project neither reads nor changes the builds of another', async () => {
  const theirs = await sdkToken(org, 'developer', unique('theirs'));
  const mine = await sdkToken(org, 'developer', unique('mine'));
  const branch = 'main';
  for (const colour of [[1, 1, 1], [2, 2, 2]]) {
    const build = await startBuild(org, { branch }, theirs.token);
    await shoot(org, build, 'P', png(9, 9, colour), {}, theirs.token);
    await compared(org, build);
  }
  const [build] = (await want(200, 'GET', `${SDK}/builds`, { token: theirs.token })).builds;
  const comparison = (await readBuild(org, build)).comparisons[0];
  const at = `${SDK}/builds/${build.id}`;
  const token = mine.token;
  for (const [method, target, body] of [
    ['GET', at], ['GET', `${at}/tdd-baselines`], ['GET', `${at}/comments`], ['GET', `${at}/review-summary`],
    ['GET', `${at}/preview`], ['PUT', `${at}/status`, { status: 'failed' }], ['POST', `${at}/comments`, { content: 'x' }],
    ['POST', `${at}/screenshots`, { name: 'x', image_data: png(3, 3, [1, 2, 3]).toString('base64') }],
    ['POST', `${SDK}/check-shas`, { buildId: build.id, shas: ['0'.repeat(64)] }],
    ['GET', `${SDK}/comparisons/${comparison.id}`], ['POST', `${SDK}/comparisons/${comparison.id}/approve`, {}],
    ['POST', `${SDK}/comparisons/${comparison.id}/reject`, { reason: 'x' }],
    ['PUT', `${SDK}/comparisons/${comparison.id}/approval`, { approval_status: 'approved' }],
    ['POST', `${SDK}/comparisons/${comparison.id}/reject`, {}],
  ]) {
    await want(404, method, target, { token, body });
  }
  assert.equal((await upload(org, [['build_id', build.id], ['screenshots', png(3, 3, [9, 9, 9]), 'x.png']], token)).status, 404);
  const after = await readBuild(org, build);
  assert.deepEqual([after.status, after.screenshot_count, after.comparisons[0].approval_status], ['completed', 1, 'pending']);
});

test('an organization\'s token finds old pictures in the project of the build', async () => {
  const theirs = await sdkToken(org, 'developer', unique('elsewhere'));
  const image = png(14, 9, [3, 4, 5]);
  const first = await startBuild(org, {}, theirs.token);
  await shoot(org, first, 'Card', image, {}, theirs.token);
  const second = await startBuild(org, {}, theirs.token);
  const known = await want(200, 'POST', `${SDK}/check-shas`, dev({ buildId: second.id, screenshots: [{ sha256: sha256(image), name: 'Card' }] }));
  assert.deepEqual(known.existing, [sha256(image)]);
});

test('properties told with a hash make the signature, and stay with the screenshot', async () => {
  const token = (await sdkToken(org, 'developer', unique('properties'))).token;
  const image = png(15, 9, [3, 4, 5]);
  const other = png(15, 9, [5, 4, 3]);
  const properties = { browser: 'firefox', viewport: { width: 640, height: 480 }, url: 'https://shop.example/a', theme: 'dark' };
  const ask = async (build, file, more) => want(200, 'POST', `${SDK}/check-shas`,
    dev({ buildId: build.id, screenshots: [{ sha256: sha256(file), name: 'Card', ...more }] }, token));
  const first = await startBuild(org, {}, token);
  await shoot(org, first, 'Card', image, { properties }, token);
  await setStatus(org, first, 'completed');
  // Browser and width beside them are what the client assumes.
  const second = await startBuild(org, {}, token);
  const told = { browser: 'chrome', viewport_width: 1920, viewport_height: 1080, properties: { ...properties, theme: 'light' } };
  assert.deepEqual((await ask(second, image, told)).existing, [sha256(image)]);
  assert.deepEqual((await ask(second, image, { browser: 'chrome', viewport_width: 1920 })).missing, [sha256(image)]);
  assert.deepEqual((await ask(second, other, told)).missing, [sha256(other)]);
  assert.equal((await upload(org, [['build_id', second.id], ['screenshots', other, 'card-7.png']], token)).status, 201);
  const { screenshots } = await readBuild(org, second);
  assert.equal(screenshots.length, 2);
  for (const shot of screenshots) {
    assert.deepEqual([shot.name, shot.browser, shot.viewport_width, shot.viewport_height, shot.url],
      ['Card', 'firefox', 640, 480, properties.url]);
  }
  const kept = sql(`SELECT string_agg(properties ->> 'theme', ',') FROM tests.viz_screenshots WHERE build_id = '${second.id}'`);
  assert.deepEqual(kept, [['light,light']]);
  const large = { ...told, properties: { text: 'x'.repeat(65536) } };
  await want(400, 'POST', `${SDK}/check-shas`, dev({ buildId: second.id, screenshots: [{ sha256: sha256(image), name: 'Card', ...large }] }, token));
});

test('an approval that meets new builds of the same content reaches all of them', async () => {
  const token = (await sdkToken(org, 'developer', unique('race'))).token;
  const add = async (branch, colour) => {
    const build = await startBuild(org, { branch }, token);
    await shoot(org, build, 'P', png(9, 9, colour), {}, token);
    return build;
  };
  await compared(org, await add('main', [1, 1, 1]));
  for (let round = 0; round < 5; round += 1) {
    const colour = [10 + round, 200, 0];
    const first = await compared(org, await add(`first ${round}`, colour));
    const builds = await Promise.all([
      ...[0, 1, 2, 3].map((n) => add(`r${round} ${n}`, colour)),
      want(200, 'POST', `${SDK}/comparisons/${first.comparisons[0].id}/approve`, { token: org.developer }).then(() => null),
    ]);
    for (const build of builds.filter((b) => b !== null)) {
      const [c] = (await compared(org, build)).comparisons;
      assert.deepEqual([c.approval_status, c.approved_from], ['approved', first.comparisons[0].id], `round ${round}`);
    }
  }
});

test('an approval that is taken back is open again wherever it had reached', async () => {
  const token = (await sdkToken(org, 'developer', unique('undo'))).token;
  const add = async (branch, colour) => {
    const build = await startBuild(org, { branch }, token);
    await shoot(org, build, 'P', png(9, 9, colour), {}, token);
    return (await compared(org, build)).comparisons[0];
  };
  await add('main', [1, 1, 1]);
  const [one, two] = [await add('a', [7, 7, 7]), await add('b', [7, 7, 7])];
  const status = async (c) => (await want(200, 'GET', `${SDK}/comparisons/${c.id}`, { token })).comparison;
  await want(200, 'POST', `${SDK}/comparisons/${one.id}/approve`, { token });
  assert.equal((await status(two)).approval_status, 'approved');
  await want(200, 'POST', `${SDK}/comparisons/${one.id}/reject`, dev({ reason: 'seen too late' }, token));
  const back = await status(two);
  assert.deepEqual([back.approval_status, back.approved_from, back.approved_by, back.approved_at], ['pending', null, null, null]);
  await want(200, 'POST', `${SDK}/comparisons/${two.id}/approve`, { token });
  assert.equal((await status(one)).approval_status, 'rejected');
});

test('names and branches of every kind come back as they were sent', async () => {
  const names = ['a/b/c', 'שלום עולם', '日本語 ページ', 'emoji 🎉 👨‍👩‍👧', '\u202eRTL override', 'x'.repeat(255), '🎉'.repeat(255), "quote ' \" \\ %_*?", ' padded ', '%2e%2e', 'a.png'];
  for (const branch of ['feature/x y', 'Ünïcödé', "o'hara; DROP TABLE", '100%', 'a+b&c=d', '🎉', 'refs/heads/main']) {
    const token = (await sdkToken(org, 'developer', unique('names'))).token;
    const build = await startBuild(org, { branch }, token);
    await Promise.all(names.map((name, i) => shoot(org, build, name, png(4, 4 + i, [1, 1, 1]), {}, token)));
    const again = await startBuild(org, { branch }, token);
    await compared(org, build);
    await Promise.all(names.map((name, i) => shoot(org, again, name, png(4, 4 + i, [1, 1, 200]), {}, token)));
    const read = await compared(org, again);
    assert.deepEqual(new Set(read.screenshots.map((s) => s.name)), new Set(names));
    assert.deepEqual([read.comparisons.length, read.comparisons[0].baseline_reason], [names.length, 'branch'], branch);
    const listed = await want(200, 'GET', `${SDK}/builds?branch=${encodeURIComponent(branch)}`, { token });
    assert.equal(listed.pagination.total, 2, branch);
    const found = (await exchange('GET', `${SDK}/comparisons/search?name=${encodeURIComponent(names[7])}`, { token })).json;
    assert.ok(found.pagination.total >= 1);
    for (const name of names) {
      await want(200, 'GET', `${SDK}/screenshots/${encodeURIComponent(name)}/hotspots`, { token });
    }
  }
});

test('properties are kept whatever they hold, and refused when they are no object or too much', async () => {
  const build = await startBuild(org);
  const at = `${SDK}/builds/${build.id}/screenshots`;
  const image_data = png(3, 3, [1, 1, 1]).toString('base64');
  const deepText = (n) => `${'{"a":'.repeat(n)}1${'}'.repeat(n)}`;
  const odd = { browser: 5, viewport: 'wide', viewport_width: -1, viewport_height: 1e300, url: {}, 'ключ': [null, true], nested: JSON.parse(deepText(20)) };
  await shoot(org, build, 'odd', png(3, 3, [1, 1, 1]), { properties: odd });
  const [shot] = (await readBuild(org, build)).screenshots;
  assert.deepEqual(shot.properties, odd);
  assert.deepEqual([shot.browser, shot.viewport_width], ['chrome', 1920]);
  for (const properties of ['x', 5, [], true]) {
    await want(400, 'POST', at, dev({ name: 'x', image_data, properties }));
  }
  await want(400, 'POST', at, dev(`{"name":"deep","image_data":"${image_data}","properties":${deepText(5000)}}`));
  await want(400, 'POST', at, dev({ name: 'big', image_data, properties: { big: 'x'.repeat(1 << 17) } }));
  await want(400, 'POST', at, dev({ name: 'nul', image_data, properties: { a: 'x\u0000y' } }));
  const token = (await sdkToken(org, 'developer', unique('meta'))).token;
  await want(400, 'POST', `${SDK}/builds`, dev({ build: { metadata: { big: 'x'.repeat(1 << 17) } } }, token));
  await want(400, 'POST', `${SDK}/builds`, dev({ build: { branch: 'a\u0000b' } }, token));
});

test('a build that is finalized twice and grows again is told complete each time', async () => {
  const parallel = unique('again');
  const token = (await sdkToken(org, 'developer', unique('par'))).token;
  const build = await startBuild(org, { parallel_id: parallel }, token);
  const finalize = () => call('POST', `${SDK}/parallel/${parallel}/finalize`, { token });
  assert.deepEqual((await Promise.all([finalize(), finalize(), finalize()])).map((r) => r.status), [200, 200, 200]);
  for (let n = 0; n < 3; n += 1) {
    await shoot(org, build, `late ${n}`, png(4, 4, [n, n, n]), {}, token);
    assert.equal((await readBuild(org, build)).status, 'processing');
    const joined = await startBuild(org, { parallel_id: parallel }, token);
    assert.equal(joined.id, build.id);
    await Promise.all([finalize(), finalize()]);
    assert.equal((await readBuild(org, build)).status, 'completed');
  }
});
