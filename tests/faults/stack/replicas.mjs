// Two replicas of every service: each works, and one of them may die at any time unseen.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { before, test } from 'node:test';

import { exchange } from '../../e2e/lib/http.mjs';
import { board, killHard, makeSuite, organization, processesOf, until } from '../../e2e/lib/world.mjs';

let org;
before(async () => {
  org = await organization();
  await makeSuite(org);
});

function cpuTicks(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

// Idempotent requests, `width` at a time, until `stop` says so; returns what was answered.
async function load(width, stop, onAnswer = () => {}) {
  const answers = new Map();
  const one = async () => {
    while (!stop()) {
      for (const path of ['/api/v1/tests/suites', '/api/v1/apps/', '/api/v1/sessions/', '/api/v1/integrations/webhooks', '/api/v1/auth/tokens']) {
        const token = path.endsWith('/tokens') ? org.jwt : org.developer;
        const { status } = await exchange('GET', path, { token, timeout: 20000 }).catch((error) => ({ status: String(error) }));
        answers.set(status, (answers.get(status) ?? 0) + 1);
        onAnswer();
      }
    }
  };
  await Promise.all(Array.from({ length: width }, one));
  return answers;
}

test('requests spread over the replicas', async () => {
  const names = ['sessions', 'tests', 'webhooks'];
  const pids = (await Promise.all(names.map(processesOf))).flat().map((c) => c.pid);
  assert.equal(pids.length, 2 * names.length);
  const was = pids.map(cpuTicks);
  let done = false;
  const running = load(8, () => done);
  try {
    await until('each replica has worked', () => pids.every((pid, i) => cpuTicks(pid) > was[i]), 60);
  } finally {
    done = true;
  }
  const answers = await running;
  assert.deepEqual([...answers.keys()], [200], JSON.stringify([...answers]));
});

for (const name of ['auth', 'sessions', 'tests', 'webhooks', 'billing']) {
  test(`killing one of two ${name} under load fails no idempotent request`, async () => {
    const [{ pid, restarts }] = await processesOf(name);
    let done = false;
    let answered = 0;
    const running = load(6, () => done, () => { answered += 1; });
    killHard(pid);
    try {
      await until(`${name} is back`, () => {
        const now = board().children[name];
        return now.pid !== pid && now.pid > 0 && now.state === 'running' && now.restarts > restarts;
      }, 60);
      const enough = answered + 300;
      await until('300 answers more', () => answered > enough, 60);
    } finally {
      done = true;
    }
    const answers = await running;
    assert.deepEqual([...answers.keys()], [200], JSON.stringify([...answers]));
  });
}
