// Replicas of the tests service are killed while they compare: everything uploaded is compared, once, and
// nobody is told twice.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startReceiver } from '../../e2e/lib/receiver.mjs';
import { png, readBuild, setStatus, startBuild, upload } from '../../e2e/lib/sdk.mjs';
import { board, killHard, organization, sql, unique, until, want } from '../../e2e/lib/world.mjs';

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

async function send(build, seed, count) {
  for (let at = 0; at < count; at += 12) {
    const files = Array.from({ length: 12 }, (_, i) => ['screenshots', noise(at + i, seed), `page ${at + i}.png`]);
    await untilTaken('the batch is taken', async () => (await upload(org, [['build_id', build.id], ...files])).status === 201);
  }
}

// Uploads and completes a build against a complete one; `harm` is done once while pictures arrive and once while the
// rest is compared. Whatever it is: all of it is compared, once, and told once.
async function survives(count, harm) {
  const branch = unique('kills');
  const base = await startBuild(org, { branch });
  const seed = Number(sql('SELECT coalesce(max(id), 0) + 3 FROM tests.viz_pairs')[0][0]); // no pair is known already
  await send(base, seed, count);
  await setStatus(org, base, 'completed');
  const build = await startBuild(org, { branch });
  const sending = send(build, seed + 2, count);
  await until('comparisons are made', () => {
    try {
      return Number(sql(`SELECT count(*) FROM tests.viz_comparisons WHERE build_id = '${build.id}'`)[0][0]) > 0;
    } catch {
      return false;
    }
  }, 60);
  await harm();
  await sending;
  await untilTaken('the status is taken', async () => setStatus(org, build, 'completed'));
  await harm();
  const read = await until('all is compared', async () => {
    const now = await readBuild(org, build).catch(() => null);
    return now?.status === 'completed' ? now : null;
  }, 240);
  assert.equal(read.screenshot_count, count);
  assert.equal(read.comparisons.length, count);
  assert.ok(read.comparisons.every((c) => c.status === 'completed' && c.has_diff && c.diff_url));
  assert.deepEqual(sql(`SELECT count(*), count(DISTINCT (p.base_pixels, p.current_pixels)), count(*) FILTER (WHERE p.state <> 'done')
    FROM tests.viz_pairs p JOIN tests.viz_comparisons c ON c.pair_id = p.id
    WHERE c.build_id = '${build.id}'`)[0], [String(count), String(count), '0']);
  const events = () => [...new Map(hooks.events().map((e) => [e.json.id, e.json])).values()]
    .filter((e) => e.data.build_id === build.id);
  await until('webhooks are told of all', () => events().length >= count + 1, 120);
  const found = events().filter((e) => e.type === 'visual.regression_detected').map((e) => e.data.comparison_id);
  assert.deepEqual(found.sort(), read.comparisons.map((c) => c.id).sort());
  const [done, ...more] = events().filter((e) => e.type === 'visual.run_completed_with_regressions');
  assert.deepEqual([done.data.regressions, more.length], [count, 0]);
}

test('comparisons survive kills of the replicas that make them, and are made once', async () => {
  const killed = new Set();
  await survives(48, async () => {
    const [[, { pid }]] = await until('a replica runs that was not killed yet', () => {
      const list = Object.entries(board().children)
        .filter(([name, c]) => name.startsWith('tests') && c.pid > 0 && !killed.has(c.pid));
      return list.length > 0 ? list : null;
    }, 60);
    killed.add(pid);
    killHard(pid);
  });
  assert.equal(killed.size, 2);
});

test('comparisons survive that Postgres dies, and are made once', async () => {
  const killed = new Set();
  await survives(24, async () => {
    const pid = await until('Postgres runs again', () => {
      const now = board().children.postgres?.pid;
      return now > 0 && !killed.has(now) ? now : null;
    }, 60);
    killed.add(pid);
    killHard(pid);
  });
  assert.equal(killed.size, 2);
});
