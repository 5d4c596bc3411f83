// Replicas of the tests service are killed while they compare: everything uploaded is compared, once, and
// nobody is told twice.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startReceiver } from '../../e2e/lib/receiver.mjs';
import { png, readBuild, setStatus, startBuild, upload } from '../../e2e/lib/sdk.mjs';
import { board, killHard, organization, sql, unique, until, want } from '../../e2e/lib/world.mjs';

const COUNT = 48;
let org;
let hooks;
before(async () => {
  org = await organization();
  hooks = await startReceiver();
  await want(200, 'POST', '/api/v1/integrations/webhooks', {
    token: org.admin,
    body: { url: hooks.url, event_types: ['visual.regression_detected', 'visual.run_completed_with_regressions'] },
  });
});
after(() => hooks.stop());

// A request may meet a replica that was just killed, and is answered 502 then: it is sent again, as clients do.
const untilTaken = (what, send) => until(what, async () => {
  try {
    return await send();
  } catch (error) {
    if (error.code !== 'ERR_ASSERTION') {
      throw error;
    }
    return null;
  }
}, 120);

const noise = (n, seed) => png(500, 400, (x, y) => [(x * 7 + y * seed) & 255, (x * y + n) & 255, (x ^ (y + n)) & 255], 1);

async function send(build, seed) {
  for (let at = 0; at < COUNT; at += 12) {
    const files = Array.from({ length: 12 }, (_, i) => ['screenshots', noise(at + i, seed), `page ${at + i}.png`]);
    await untilTaken('the batch is taken', async () => (await upload(org, [['build_id', build.id], ...files])).status === 201);
  }
}

test('comparisons survive kills of the replicas that make them, and are made once', async () => {
  const branch = unique('kills');
  const base = await startBuild(org, { branch });
  await send(base, 3);
  await setStatus(org, base, 'completed');
  const build = await startBuild(org, { branch });
  const ready = () => Object.entries(board().children).filter(([name, c]) => name.startsWith('tests') && c.pid > 0);
  const killed = new Set();
  const kill = async () => {
    const victims = await until('a replica runs', () => {
      const list = ready().filter(([, c]) => !killed.has(c.pid));
      return list.length > 0 ? list : null;
    }, 60);
    const [, { pid }] = victims[0];
    killed.add(pid);
    killHard(pid);
  };
  const sending = send(build, 5);
  await until('comparisons are made', () => Number(sql(`SELECT count(*) FROM tests.viz_comparisons WHERE build_id = '${build.id}'`)[0][0]) > 0, 60);
  await kill();
  await sending;
  await untilTaken('the status is taken', async () => setStatus(org, build, 'completed'));
  await kill();
  const read = await until('all is compared', async () => {
    const now = await readBuild(org, build).catch(() => null);
    return now?.status === 'completed' ? now : null;
  }, 240);
  assert.equal(read.screenshot_count, COUNT);
  assert.equal(read.comparisons.length, COUNT);
  assert.ok(read.comparisons.every((c) => c.status === 'completed' && c.has_diff && c.diff_url));
  assert.deepEqual(sql(`SELECT count(*), count(DISTINCT (base_pixels, current_pixels)), count(*) FILTER (WHERE state <> 'done')
    FROM tests.viz_pairs WHERE org_id = ${org.id}`)[0], [String(COUNT), String(COUNT), '0']);
  assert.ok(killed.size >= 2);
  const events = () => [...new Map(hooks.events().map((e) => [e.json.id, e.json])).values()];
  await until('webhooks are told of all', () => events().length >= COUNT + 1, 60);
  const found = events().filter((e) => e.type === 'visual.regression_detected').map((e) => e.data.comparison_id);
  assert.deepEqual(found.sort(), read.comparisons.map((c) => c.id).sort());
  const [done, ...more] = events().filter((e) => e.type === 'visual.run_completed_with_regressions');
  assert.deepEqual([done.data.build_id, done.data.regressions, more.length], [build.id, COUNT, 0]);
});
