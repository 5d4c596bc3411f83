// Who may call, what exists for them, and in which order that is decided: for every endpoint, from
// the contract itself.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { endpoints, textMember } from '../lib/contract.mjs';
import { exchange } from '../lib/http.mjs';
import { fill, pathValues, populated, unknownValues } from '../lib/objects.mjs';
import { call, organization, want } from '../lib/world.mjs';

const RANK = { none: 0, any: 1, viewer: 1, developer: 2, admin: 3 };
let mine;
let other;

before(async () => {
  mine = await populated();
  other = await organization();
});

for (const e of endpoints.filter((x) => x.auth !== 'none')) {
  test(`${e.id} asks for a token before anything else`, async () => {
    for (const values of [pathValues(e, mine), unknownValues(e)]) {
      for (const token of [undefined, 'tok_00000000000000000000000000000000', 'nonsense']) {
        await want(401, e.method, fill(e, values), { token, body: e.method === 'GET' ? undefined : '{bad' });
      }
    }
  });
}

for (const e of endpoints.filter((x) => RANK[x.auth] > 1)) {
  test(`${e.id} refuses roles below ${e.auth} before it looks at ids or bodies`, async () => {
    const below = ['viewer', 'developer'].filter((role) => RANK[role] < RANK[e.auth]);
    for (const role of below) {
      for (const values of [pathValues(e, mine), { ...unknownValues(e), org_id: mine.org.id }]) {
        await want(403, e.method, fill(e, values), { token: mine.org[role], body: e.method === 'GET' ? undefined : '{bad' });
      }
    }
  });
}

const named = endpoints.filter((x) => x.path.includes('{') && x.auth !== 'none');
const of = (e) => e.errors.some((x) => x.status === 404 && !x.when.startsWith('never'));

for (const e of named.filter(of)) {
  test(`${e.id} knows neither invented ids nor those of others, whatever the body`, async () => {
    // The last parameter is the object; what stands before it is mine.
    const bodies = e.method === 'GET' || e.method === 'DELETE' ? [undefined] : [undefined, {}, { name: 5, action: 5, steps: 5 }];
    for (const body of bodies) {
      await want(404, e.method, fill(e, unknownValues(e)), { token: mine.org.admin, body });
      if (e.path.includes('{device_id}')) {
        continue; // devices belong to the server
      }
      await want(404, e.method, fill(e, pathValues(e, mine)), { token: other.admin, body });
    }
    for (const junk of ['0', '-1', '%00', '..', '%2e%2e%2f', 'a%2Fb', "'%20or%201=1", '%C3%28', '9'.repeat(40), 'x'.repeat(2000)]) {
      const own = (e.path.match(/\{/g) ?? []).length > 1 ? mine.org.id : '{org_id}';
      const path = e.path.replace(/\{org_id\}/, own).replace(/\{[^}]*\}/g, junk);
      const res = await exchange(e.method, path, { token: mine.org.admin });
      assert.ok([400, 404, 405].includes(res.status), `${e.method} ${path}: ${res.status} ${res.bytes}`);
    }
  });
}

// What another organization tried has changed nothing.
test('objects are as they were after others named them', async () => {
  const token = mine.org.admin;
  await want(200, 'GET', `/api/v1/tests/suites/${mine.suite.public_id}`, { token });
  await want(200, 'GET', `/api/v1/tests/cases/${mine.case.public_id}`, { token });
  await want(200, 'GET', `/api/v1/apps/${mine.app.public_id}`, { token });
  await want(200, 'GET', `/api/v1/apps/${mine.app.id}`, { token });
  await want(200, 'GET', `/api/v1/integrations/webhooks/${mine.webhook.id}`, { token });
  const session = await want(200, 'GET', `/api/v1/sessions/${mine.session.session_id}`, { token });
  assert.equal(session.status, 'pending');
});

test('lists of another organization are empty', async () => {
  for (const path of ['/api/v1/apps/', '/api/v1/tests/suites', '/api/v1/tests/cases', '/api/v1/sessions/',
    '/api/v1/ci/list-suites', '/api/v1/integrations/webhooks']) {
    assert.deepEqual(await want(200, 'GET', path, { token: other.admin }), [], path);
  }
});

const VERBS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
for (const path of new Set(endpoints.map((e) => e.path))) {
  test(`${path} names the methods it has`, async () => {
    const here = endpoints.filter((e) => e.path.replace(/\{[^}]*\}/g, '{}') === path.replace(/\{[^}]*\}/g, '{}'));
    const methods = new Set(here.map((e) => e.method));
    for (const verb of VERBS.filter((v) => !methods.has(v))) {
      const target = fill(here[0], pathValues(here[0], mine));
      for (const at of [target, target.endsWith('/') ? target.slice(0, -1) : `${target}/`]) {
        const res = await exchange(verb, at, { token: mine.org.admin });
        // A parameter may also be read as a fixed segment's neighbour: then its methods count too.
        assert.equal(res.status, 405, `${verb} ${at}: ${res.status}`);
        const allow = (res.headers.allow ?? '').split(', ').filter((v) => VERBS.includes(v));
        assert.deepEqual(new Set(allow), methods, `${verb} ${at}`);
        assert.equal(typeof res.json[textMember(here[0])], 'string');
      }
    }
  });
}

test('paths that do not exist are 404 with the body of their surface', async () => {
  for (const path of ['/api/v1/nope', '/api/v1/tests', '/api/v1/tests/suites/a/b/c', '/nope', '/api/v1//apps']) {
    const res = await exchange('GET', path, { token: mine.org.admin });
    assert.equal(res.status, 404, path);
    assert.equal(typeof res.json.detail, 'string', path);
  }
  assert.equal(typeof (await exchange('GET', '/api/sdk/nope')).json.error, 'string');
  const external = (await exchange('GET', '/api/external/nope')).json;
  assert.equal(external.status, 'fail');
  assert.equal(typeof external.reason, 'string');
});

test('a final slash changes nothing and redirects nobody', async () => {
  const token = mine.org.admin;
  // What has no such object yet (a case that never ran has no baseline) is left out.
  const plain = endpoints.filter((x) => x.method === 'GET' && !/\{(path|step_index)\}/.test(x.path) && !x.upgrade);
  for (const e of plain) {
    const path = fill(e, pathValues(e, mine));
    const swapped = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
    const a = await call('GET', path, { token });
    const b = await call('GET', swapped, { token });
    assert.equal(a.status, b.status, path);
    assert.equal(a.status, 200, path);
  }
});

test('%2F belongs to the value it stands in', async () => {
  const token = mine.org.admin;
  await want(404, 'GET', `/api/v1/tests/suites/${mine.suite.public_id}%2Fcases`, { token });
  await want(404, 'GET', `/api/v1/tests%2Fsuites`, { token });
  await want(200, 'GET', `/api/v1/tests/suites/${mine.suite.public_id.replace('_', '%5F')}`, { token });
  await want(404, 'GET', `/api/v1/tests/suites/${mine.suite.public_id.replace('_', '%255F')}`, { token });
});
