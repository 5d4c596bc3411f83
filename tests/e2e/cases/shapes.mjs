// Bodies and queries of the wrong shape: for every endpoint that takes one, from the contract.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { endpoints, shapeStatus } from '../lib/contract.mjs';
import { exchange } from '../lib/http.mjs';
import { fill, goodBody, pathValues, populated } from '../lib/objects.mjs';
import { call, refused, want } from '../lib/world.mjs';

let mine;
before(async () => {
  mine = await populated();
});

const withBody = endpoints.filter((e) => e.body && e.body.content_type === 'application/json' && e.body.fields.length > 0);
const token = (e) => (e.auth === 'none' ? undefined : mine.org.jwt);

function wrongValues(type) {
  if (type.startsWith('array')) {
    return [5, 'x', {}, true];
  }
  return {
    string: [5, true, [], {}], integer: ['x', 1.5, true, [], {}, 1e30], number: ['x', true, [], {}],
    boolean: ['x', 5, [], {}], object: [5, 'x', [], true],
  }[type];
}

// A word outside the vocabulary is 422, but where the contract says that it is 400.
// Where the contract itself says 400 for every fault of the body.
const bodyStatus = (e) => (e.errors.some((x) => x.status === 400 && /none or both given, not a whole number/.test(x.when)) ? 400 : shapeStatus(e));
const wordStatus = (e) => (e.errors.some((x) => x.status === 400 && /role is unknown/.test(x.when)) ? 400 : shapeStatus(e));

// The body with one member set; dots in a name are nesting.
function withMember(body, name, value) {
  const [first, ...rest] = name.split('.');
  return { ...body, [first]: rest.length === 0 ? value : withMember(body[first] ?? {}, rest.join('.'), value) };
}

// Sizes of windows above the maximum are lowered to it.
const isLowered = (field) => field.name === 'windowSize';

for (const e of withBody) {
  const at = () => fill(e, pathValues(e, mine));

  test(`${e.id} refuses what is no JSON object`, async () => {
    for (const body of ['{', '{"a":1', 'nonsense', '{"a":1}}', "{'a':1}", '{"a":NaN}', '\ufeff', '{"a":"\u0001"}',
      `${'['.repeat(100000)}`, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]) {
      await want(400, e.method, at(), { token: token(e), body });
    }
    for (const body of ['5', 'null', '[]', '"x"']) {
      const res = await call(e.method, at(), { token: token(e), body });
      assert.ok([400, 422].includes(res.status), `${body}: ${res.status}`);
    }
  });

  test(`${e.id} names the member that is missing or has the wrong type`, async () => {
    const good = goodBody(e, mine);
    const status = bodyStatus(e);
    for (const field of e.body.fields.filter((f) => f.required)) {
      const body = { ...good };
      delete body[field.name];
      await refused(status, field.name, e.method, at(), { token: token(e), body });
      await refused(status, field.name, e.method, at(), { token: token(e), body: { ...body, [field.name]: null } });
    }
    for (const field of e.body.fields) {
      for (const value of wrongValues(field.type)) {
        await refused(status, field.name, e.method, at(), { token: token(e), body: withMember(good, field.name, value) });
      }
      if (field.enum) {
        const odd = typeof field.enum[0] === 'number' ? 45 : 'no-such-word';
        await refused(wordStatus(e), field.name, e.method, at(), { token: token(e), body: withMember(good, field.name, odd) });
      }
      if (/at least 1 char/.test(field.constraints ?? '')) {
        await refused(status, field.name, e.method, at(), { token: token(e), body: withMember(good, field.name, '') });
      }
      for (const [bound, step] of [[field.min, -1], [isLowered(field) ? undefined : field.max, 1]]) {
        if (bound !== undefined) {
          await refused(status, field.name, e.method, at(), { token: token(e), body: withMember(good, field.name, bound + step) });
        }
      }
      if (field.type === 'string' || field.type.startsWith('array')) {
        const long = field.type === 'string' ? `http://${'x'.repeat(70000)}@b.c` : Array(70000).fill('x');
        await refused(status, field.name, e.method, at(), { token: token(e), body: withMember(good, field.name, long) });
      }
    }
  });
}

test('text with NUL, lone surrogates or broken UTF-8 is refused, other text kept to the byte', async () => {
  const at = ['POST', '/api/v1/tests/suites'];
  const bad = ['{"name":"a\\u0000b"}', '{"name":"\\ud800"}', '{"name":"\\udc00\\ud800"}',
    Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xc0, 0x80]), Buffer.from('"}')])];
  for (const body of bad) {
    const res = await call(...at, { token: mine.org.developer, body });
    assert.ok([400, 422].includes(res.status), `${body}: ${res.status}`);
  }
  const name = 'Größe 🛒 "q" \\ / \t\n \u2028 </script> е\u0301 ' + '\u{10ffff}';
  const made = await want(200, ...at, { token: mine.org.developer, body: { name } });
  assert.equal(made.name, name);
  const read = await want(200, 'GET', `/api/v1/tests/suites/${made.public_id}`, { token: mine.org.viewer });
  assert.equal(read.name, name);
});

test('unknown members and query parameters are ignored', async () => {
  const body = { name: 'with extras', unknown: { deep: [1, null] }, tags: ['a'], NAME: 5 };
  const made = await want(200, 'POST', '/api/v1/tests/suites?nope=1&name=x', { token: mine.org.developer, body });
  assert.equal(made.name, 'with extras');
  assert.ok(!('unknown' in made));
});

test('a repeated member or depth without end does no harm', async () => {
  const deep = `{"name":"x","unknown":${'['.repeat(5000)}${']'.repeat(5000)}}`;
  assert.ok([200, 400, 422].includes((await call('POST', '/api/v1/tests/suites', { token: mine.org.developer, body: deep })).status));
  const res = await call('POST', '/api/v1/tests/suites', { token: mine.org.developer, body: '{"name":"a","name":"b"}' });
  assert.ok([200, 400, 422].includes(res.status));
});

test('queries out of their vocabulary or range are refused by name', async () => {
  for (const e of endpoints.filter((x) => x.method === 'GET' && x.query?.length > 0)) {
    for (const q of e.query) {
      const values = [];
      if (q.enum) {
        values.push('no-such-word');
      }
      if (q.type === 'integer') {
        values.push('x', '1.5', '', '99999999999999999999');
      }
      if (q.min !== undefined) {
        values.push(String(q.min - 1));
      }
      if (q.type === 'boolean') {
        values.push('maybe');
      }
      for (const value of values) {
        const path = `${fill(e, pathValues(e, mine))}?${q.name}=${encodeURIComponent(value)}`;
        await refused(shapeStatus(e), q.name, 'GET', path, { token: mine.org.admin });
      }
    }
  }
  await refused(422, 'limit', 'GET', '/api/v1/sessions/?limit=0', { token: mine.org.viewer });
});

test('a body above the limit is refused without being read', async () => {
  const res = await exchange('POST', '/api/v1/tests/suites', {
    token: mine.org.developer, body: 'x', headers: { 'content-length': String(64 * 1024 * 1024), expect: '' }, timeout: 5000,
  }).catch((error) => ({ status: 0, error }));
  assert.equal(res.status, 413, String(res.error));
});
