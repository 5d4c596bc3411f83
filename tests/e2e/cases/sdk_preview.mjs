// Static previews: a site arrives as a ZIP archive, is shown in a sandbox to whoever has the link, and goes when
// its time is over.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { exchange } from '../lib/http.mjs';
import { form, sha256, startBuild } from '../lib/sdk.mjs';
import { call, organization, sql, until, want } from '../lib/world.mjs';
import { zip } from '../lib/zip.mjs';

const SITE = [
  { name: 'index.html', data: '<!doctype html><script type=module src="js/app.js"></script>Home' },
  { name: 'js/', mode: 0o40755, method: 0 },
  { name: 'js/app.js', data: 'export const a = 1;' },
  { name: 'docs/index.html', data: '<p>Docs' },
  { name: 'about.html', data: '<p>About' },
  { name: 'größe & mehr.svg', data: '<svg xmlns="http://www.w3.org/2000/svg"/>', flags: 0x800 },
  { name: 'copy.js', data: 'export const a = 1;' },
  { name: '.env', data: 'SECRET=1' },
  { name: '.git/config', data: 'x' },
];
const at = (build) => `/api/sdk/builds/${build.id}/preview`;
let org;
before(async () => {
  org = await organization();
});

const send = (of, build, bytes, token = of.developer) =>
  call('POST', `${at(build)}/upload-zip`, { token, ...form([['file', bytes, 'preview.zip']]) });
async function publish(of, build, entries = SITE) {
  const res = await send(of, build, zip(entries));
  assert.equal(res.status, 200, res.bytes.toString());
  return { ...res.json, root: new URL(res.json.previewUrl).pathname };
}
const get = (where, headers = {}) => exchange('GET', where, { headers });

// Contents of an organization in the store.
function stored(of, ending = 'preview') {
  const walk = (dir) => fs.readdirSync(dir, { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? walk(path.join(dir, e.name)) : [e.name]));
  return walk(path.join(process.env.ASSAY_STATE_DIR, 'blobs'))
    .filter((name) => new RegExp(`-${ending}-${of.id}(-|$)`).test(name)).map((name) => name.split('-')[0]).sort();
}
const used = (of) => Number(sql(`SELECT coalesce(sum(bytes), 0) FROM tests.viz_storage WHERE org_id = ${of.id}`)[0][0]);
const digests = (entries) => [...new Set(entries.map((e) => sha256(Buffer.from(e.data))))].sort();

test('a site is shown under an address of its own, as it was packed', async () => {
  const build = await startBuild(org);
  assert.equal((await call('GET', at(build), { token: org.viewer })).json, null);
  const made = await publish(org, build);
  assert.deepEqual([made.uploaded, made.reusedBlobs, made.basePath], [6, 1, null]);
  assert.match(made.root, /^\/previews\/[0-9a-f]{32}\/$/);
  const pages = [['', 'text/html', SITE[0]], ['index.html', 'text/html', SITE[0]], ['js/app.js', 'text/javascript', SITE[2]],
    ['docs/', 'text/html', SITE[3]], ['about', 'text/html', SITE[4]], [encodeURIComponent(SITE[5].name), 'image/svg+xml', SITE[5]]];
  for (const [name, type, entry] of pages) {
    const res = await get(made.root + name);
    assert.deepEqual([res.status, res.type, res.bytes.toString()], [200, type, entry.data], name);
    assert.match(res.headers['content-security-policy'], /^sandbox allow-scripts(?!.*allow-same-origin)/);
    assert.equal(res.headers['access-control-allow-origin'], '*');
    assert.equal(res.headers['x-content-type-options'], 'nosniff');
    assert.equal(res.headers['referrer-policy'], 'no-referrer');
    assert.equal(res.headers['set-cookie'], undefined);
    assert.equal((await get(made.root + name, { 'if-none-match': res.headers.etag })).status, 304);
  }
  for (const name of ['docs', '']) {
    const res = await get(`${made.root}${name}`.replace(/\/$/, ''));
    assert.deepEqual([res.status, res.headers.location], [308, `${made.root}${name}`.replace(/\/?$/, '/')]);
  }
  assert.equal((await get(`${made.root}js/app.js`, { range: 'bytes=0-5' })).bytes.toString(), 'export');
  for (const name of ['.env', '.git/config', 'js', 'js/', 'nothing.js', '../', '%2e%2e/x', 'js/..%2findex.html', 'docs/about']) {
    assert.equal((await get(made.root + name)).status, 404, name);
  }
  assert.equal((await get(made.root.replace(/[0-9a-f]{32}/, '0'.repeat(32)))).status, 404);
  const told = (await call('GET', at(build), { token: org.viewer })).json;
  assert.deepEqual([told.preview_url, told.status, told.file_count], [made.previewUrl, 'ready', 6]);
  assert.equal(told.expires_at, made.expiresAt);
  const status = await want(200, 'GET', `/api/sdk/builds/${build.id}/status`, { token: org.viewer });
  assert.deepEqual(status.preview, { url: made.previewUrl, status: 'ready', fileCount: 6, expiresAt: made.expiresAt });
  assert.deepEqual(stored(org, 'zip'), []);
});

test('the first page may lie in a folder', async () => {
  const made = await publish(org, await startBuild(org),
    [{ name: 'my site/index.html', data: 'in' }, { name: 'my site/deep/index.html', data: 'deeper' }, { name: 'x.txt', data: '' }]);
  assert.equal(made.basePath, '/my site');
  assert.equal((await get(made.root)).bytes.toString(), 'in');
});

test('a content is stored once, and replaced files go', async () => {
  const mine = await organization();
  const [first, second] = [await startBuild(mine), await startBuild(mine)];
  const all = [{ name: 'index.html', data: 'one' }, { name: 'a.js', data: 'shared' }];
  const a = await publish(mine, first, all);
  assert.ok(a.newBytes > 0 && a.deduplicationRatio === 0);
  const b = await publish(mine, second, all);
  assert.deepEqual([b.newBytes, b.reusedBlobs, b.deduplicationRatio], [0, 2, 1]);
  assert.deepEqual(stored(mine), digests(all));
  assert.equal(used(mine), 'oneshared'.length);
  const again = await publish(mine, first, [{ name: 'index.html', data: 'two' }, all[1]]);
  assert.equal(again.previewUrl, a.previewUrl);
  assert.deepEqual([again.uploaded, again.reusedBlobs], [2, 1]);
  assert.equal((await get(a.root)).bytes.toString(), 'two');
  assert.equal((await get(b.root)).bytes.toString(), 'one');
  const other = await publish(org, await startBuild(org), all);
  assert.equal(other.reusedBlobs, 0);
});

test('what is taken down or over is gone, its files too', async () => {
  const mine = await organization();
  const [first, second] = [await startBuild(mine), await startBuild(mine)];
  const a = await publish(mine, first, [{ name: 'index.html', data: 'only a' }, { name: 's', data: 'both' }]);
  const b = await publish(mine, second, [{ name: 'index.html', data: 'only b' }, { name: 's', data: 'both' }]);
  assert.equal((await call('DELETE', at(first), { token: mine.viewer })).status, 403);
  await want(200, 'DELETE', at(first), { token: mine.developer });
  assert.equal((await get(a.root)).status, 404);
  assert.equal((await call('GET', at(first), { token: mine.viewer })).json, null);
  assert.equal((await call('DELETE', at(first), { token: mine.developer })).status, 404);
  // An hour after an upload contents are looked at; the sweep comes by itself, sooner when it is told to.
  const sweep = (left) => until('the sweep has removed what nobody shows', () => {
    sql(`UPDATE tests.viz_preview_blobs SET loose_at = now() WHERE org_id = ${mine.id}`);
    sql("NOTIFY \"tests.viz_previews\"");
    return stored(mine).length === left && used(mine) > 0 === left > 0;
  });
  await sweep(2);
  assert.equal(used(mine), 'only bboth'.length);
  assert.equal((await get(`${b.root}s`)).bytes.toString(), 'both');
  const back = await publish(mine, first, [{ name: 'index.html', data: 'only a' }]);
  assert.notEqual(back.previewUrl, a.previewUrl);
  assert.equal((await get(back.root)).bytes.toString(), 'only a');
  sql(`UPDATE tests.viz_previews SET expires_at = now() WHERE org_id = ${mine.id}`);
  assert.equal((await get(b.root)).status, 404);
  assert.equal((await call('GET', at(second), { token: mine.viewer })).json, null);
  await sweep(0);
});

test('many uploads at the same moment leave one whole site each', async () => {
  const mine = await organization();
  const builds = [await startBuild(mine), await startBuild(mine)];
  const variant = (i) => [{ name: 'index.html', data: `page ${i}` }, { name: 'a.js', data: `code ${i}` }, { name: 'c.css', data: 'same' }];
  const made = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => publish(mine, builds[i % 2], variant(i))));
  for (const { root } of made) {
    const [page, code] = (await Promise.all(['', 'a.js'].map((n) => get(root + n)))).map((res) => res.bytes.toString());
    assert.equal(code, page.replace('page', 'code'));
  }
  assert.equal(new Set(made.map((m) => m.root)).size, 2);
});

test('what is no plain archive of files is refused, and nothing is kept of it', async () => {
  const mine = await organization();
  const build = await startBuild(mine);
  const good = { name: 'index.html', data: 'good' };
  const hostile = {
    'not a ZIP': Buffer.from('hello'),
    empty: Buffer.alloc(0),
    'no files': zip([{ name: 'a/', mode: 0o40755, method: 0 }]),
    'hidden files alone': zip([{ name: '.env', data: 'x' }]),
    encrypted: zip([good, { name: 'x', data: 'x', flags: 1 }]),
    'a link': zip([good, { name: 'x', data: '/etc/passwd', method: 0, mode: 0o120777 }]),
    'a path upwards': zip([good, { name: '../x', data: 'x' }]),
    'an absolute path': zip([good, { name: '/etc/x', data: 'x' }]),
    backslashes: zip([good, { name: 'a\\b', data: 'x' }]),
    'a name twice': zip([good, good]),
    'a size that is none': zip([good, { name: 'x', data: 'xxxxxxxx', size: 9 }]),
    'a bomb by its own word': zip([good, { name: 'x', data: 'xx', size: 30000000 }]),
    'a cut archive': zip([good]).subarray(0, -10),
  };
  for (const [what, bytes] of Object.entries(hostile)) {
    const res = await send(mine, build, bytes);
    assert.equal(res.status, 400, `${what}: ${res.bytes}`);
    assert.equal(typeof res.json.error, 'string', what);
  }
  const many = zip(Array.from({ length: 5001 }, (_, i) => ({ name: `f${i}`, method: 0 })));
  assert.equal((await send(mine, build, many)).status, 413);
  const large = zip([{ name: 'x', data: Buffer.alloc(33 * 1048576) }]);
  assert.equal((await send(mine, build, large)).status, 413);
  assert.equal((await call('GET', at(build), { token: mine.viewer })).json, null);
  assert.deepEqual([stored(mine), stored(mine, 'zip'), used(mine)], [[], [], 0]);
});

test('a preview counts for the storage quota', async () => {
  const mine = await organization();
  const build = await startBuild(mine);
  const res = await send(mine, build, zip([{ name: 'x.bin', data: randomBytes(Number(process.env.E2E_QUOTA) + 1), method: 0 }]));
  assert.equal(res.status, 413);
  assert.deepEqual([res.json.details.currentUsageBytes, res.json.details.limitBytes, res.json.details.estimatedUploadBytes],
    [0, Number(process.env.E2E_QUOTA), Number(process.env.E2E_QUOTA) + 1]);
  assert.deepEqual([stored(mine), stored(mine, 'zip'), used(mine)], [[], [], 0]);
  await publish(mine, build);
});

test('only who may change the build uploads', async () => {
  const build = await startBuild(org);
  const other = await organization();
  assert.equal((await send(org, build, zip(SITE), org.viewer)).status, 403);
  assert.equal((await send(other, build, zip(SITE))).status, 404);
  assert.equal((await call('DELETE', at(build), { token: other.developer })).status, 404);
  assert.equal((await call('GET', at(build), { token: other.developer })).status, 404);
  assert.equal((await call('POST', `${at(build)}/upload-zip`, { token: org.developer, ...form([['other', 'x']]) })).status, 400);
});
