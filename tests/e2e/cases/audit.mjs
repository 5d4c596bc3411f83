// The audit log: every call that changes something leaves an entry that names who, what and the
// request; entries are found, paged and exported; the chains fit.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startChat } from '../lib/chat.mjs';
import { endpoints } from '../lib/contract.mjs';
import { exchange } from '../lib/http.mjs';
import { mail } from '../lib/mail.mjs';
import { fill, goodBody, pathValues, populated } from '../lib/objects.mjs';
import { form, png, sha256, shoot, startBuild } from '../lib/sdk.mjs';
import { sign, startStripe, stripeEvent } from '../lib/stripe.mjs';
import { call, finished, makeCase, makeSuite, organization, refused, sql, unique, until, want } from '../lib/world.mjs';
import { zip } from '../lib/zip.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));

// Endpoints that change something, by the effect of their rpc in proto/: those of the contract, then
// those beyond it.
function writes() {
  const found = [];
  for (const file of fs.readdirSync(path.join(root, 'proto/api'))) {
    const text = fs.readFileSync(path.join(root, 'proto/api', file), 'utf8');
    for (const [, , block] of text.matchAll(/\n {2}rpc (\w+)\([^)]*\)[^{]*\{([\s\S]*?)\n {2}\}/g)) {
      if (!/option \(effect\) = READ;/.test(block)) {
        found.push(...[...block.matchAll(/(?:route|also): "([^"]+)"/g)].map(([, route]) => route));
      }
    }
  }
  const published = endpoints.filter((e) => found.map(shape).includes(shape(e.id)));
  const beyond = found.filter((route) => !published.some((e) => shape(e.id) === shape(route)));
  return [...published, ...beyond.map((id) => ({ id, method: id.split(' ')[0], auth: 'own' }))];
}

const shape = (id) => id.replace(/\{[^}]*\}/g, '{}').replace(/\/$/, '');

// Why a call that changes something in general has nothing to tell here.
const EXEMPT = new Map([
  ['POST /api/v1/auth/setup', 'the server is set up already: see the first admin below'],
  ['POST /api/auth/cli/device/initiate', 'a question of nobody yet; who answers it is told'],
  ['POST /api/v1/sessions/{session_id}/control', 'a finger on a screen changes nothing of ours; the session itself is told'],
]);

// Calls of nobody in particular: whom they are about is the resource.
const ANONYMOUS = new Set(['POST /api/v1/auth/forgot-password', 'POST /api/v1/auth/resend-verification']);

// What the usual objects do not serve for: how to bring the call about.
const OWN = {
  'POST /api/v1/auth/verify-email': async () => {
    const org = await organization();
    return { org, body: { token: (await mail(org.email, /Confirm/)).token } };
  },
  'POST /api/v1/auth/reset-password': async () => {
    const org = await organization();
    await want(200, 'POST', '/api/v1/auth/forgot-password', { body: { email: org.email } });
    return { org, body: { token: (await mail(org.email, /new password/)).token, new_password: 'longenough' } };
  },
  'POST /api/v1/auth/forgot-password': async () => ({ body: { email: (await organization()).email } }),
  'POST /api/v1/auth/resend-verification': async () => ({ body: { email: (await organization()).email } }),
  'DELETE /api/v1/auth/account': async () => {
    const org = await organization();
    return { org, token: org.jwt };
  },
  'DELETE /api/v1/organizations/{org_id}/members/{member_id}': async () => {
    const org = await organization();
    const body = { email: `${unique('m')}@example.com`, password: 'longenough', role: 'viewer' };
    await want(200, 'POST', '/api/v1/auth/users', { token: org.jwt, body });
    const [member] = await want(200, 'GET', `/api/v1/organizations/${org.id}/members`, { token: org.jwt });
    return { org, token: org.jwt, path: `/api/v1/organizations/${org.id}/members/${member.id}` };
  },
  'POST /api/v1/settings/test-notification': async () => {
    await want(200, 'PUT', '/api/v1/settings', { token: shared.org.admin, body: { slack_webhook_url: chat.slackUrl } });
    return { org: shared.org, token: shared.org.admin };
  },
};

// A suite run that waits for a device which does not exist.
async function waiting() {
  const org = await organization();
  const suite = await makeSuite(org);
  await makeCase(org, suite, { steps: ['Wait 1 s'] });
  const { run_id: id } = await want(200, 'POST', '/api/v1/ci/run-suite',
    { token: org.jwt, body: { suite_id: suite.public_id, device_id: 'nobody-has-it' } });
  const run = await want(200, 'GET', `/api/v1/tests/suite-runs/${id}`, { token: org.jwt });
  return { org, number: run.id, one: run.test_runs[0].public_id };
}

OWN['POST /api/v1/tests/runs/{run_id}/cancel'] = async () => {
  const { org, one } = await waiting();
  return { org, token: org.jwt, path: `/api/v1/tests/runs/${one}/cancel` };
};
OWN['POST /api/v1/ai/suite/run/{suite_run_id}/cancel'] = async () => {
  const { org, number } = await waiting();
  return { org, token: org.jwt, path: `/api/v1/ai/suite/run/${number}/cancel` };
};
OWN['POST /api/sdk/check-shas'] = async () => {
  const org = await organization();
  const image = png(6, 6, [1, 2, 3]);
  await shoot(org, await startBuild(org), 'Page', image);
  const next = await startBuild(org);
  return { org, token: org.admin, body: { buildId: next.id, screenshots: [{ sha256: sha256(image), name: 'Page' }] } };
};
OWN['POST /api/sdk/upload'] = async () => {
  const org = await organization();
  const build = await startBuild(org);
  return { org, token: org.admin, ...form([['build_id', build.id], ['screenshots', png(6, 6, [4, 5, 6]), 'Page.png']]) };
};
/* --- beyond the contract --------------------------------------------------------------------- */

OWN['POST /api/v1/billing/stripe/webhook'] = async () => {
  const org = await organization();
  await want(200, 'POST', '/api/v1/credits/topup', { token: org.admin, body: { amount_usd: 10 } });
  const paid = { ...stripe.sessions.at(-1), payment_status: 'paid', payment_intent: unique('pi') };
  const body = JSON.stringify(stripeEvent('checkout.session.completed', paid));
  return { org, path: '/api/v1/billing/stripe/webhook', body, headers: { 'stripe-signature': sign(body) } };
};

async function preview() {
  const org = await organization();
  const build = await startBuild(org);
  const sent = form([['file', zip([{ name: 'index.html', data: '<p>' }]), 'preview.zip']]);
  return { org, token: org.admin, at: `/api/sdk/builds/${build.id}/preview`, sent };
}
OWN['POST /api/sdk/builds/{build_id}/preview/upload-zip'] = async () => {
  const { org, token, at, sent } = await preview();
  return { org, token, path: `${at}/upload-zip`, ...sent };
};
OWN['DELETE /api/sdk/builds/{build_id}/preview'] = async () => {
  const { org, token, at, sent } = await preview();
  await want(200, 'POST', `${at}/upload-zip`, { token, ...sent });
  return { org, token, path: at };
};

const REGIONS = '/api/sdk/screenshots/Page/regions';
const RECTANGLE = { x1: 1, y1: 1, x2: 9, y2: 9 };
OWN['POST /api/sdk/screenshots/{screenshot_name}/regions'] = async () => {
  const org = await organization();
  return { org, token: org.admin, path: REGIONS, body: RECTANGLE };
};
OWN['DELETE /api/sdk/screenshots/{screenshot_name}/regions/{region_id}'] = async () => {
  const org = await organization();
  const { regions } = await want(201, 'POST', REGIONS, { token: org.admin, body: RECTANGLE });
  return { org, token: org.admin, path: `${REGIONS}/${regions.confirmed[0].id}` };
};

const AGENT = { 'user-agent': 'node' };
async function projectTokens() {
  const org = await organization();
  const { organization: o, project } = await want(200, 'GET', '/api/sdk/token/context', { token: org.jwt });
  return { org, token: org.jwt, project: project.slug, at: `/api/cli/organizations/${o.slug}/projects/${project.slug}/tokens` };
}
OWN['POST /api/project/{project}/tokens'] = async () => {
  const { org, token, project } = await projectTokens();
  return { org, token, path: `/api/project/${project}/tokens`, body: { name: 'x' }, headers: AGENT };
};
OWN['POST /api/cli/organizations/{organization}/projects/{project}/tokens'] = async () => {
  const { org, token, at } = await projectTokens();
  return { org, token, path: at, body: {}, headers: AGENT };
};
OWN['DELETE /api/cli/organizations/{organization}/projects/{project}/tokens/{token_id}'] = async () => {
  const { org, token, at } = await projectTokens();
  const made = await want(201, 'POST', at, { token, body: {}, headers: AGENT });
  return { org, token, path: `${at}/${made.id}`, headers: AGENT };
};

// A command line that was let in up to the step that is asked for.
async function commandLine(step) {
  const org = await organization();
  const asked = await want(200, 'POST', '/api/auth/cli/device/initiate');
  const signIn = form([['code', asked.user_code], ['email', org.email], ['password', org.password]]);
  if (step === 'sign-in') {
    return { org, path: '/account/device', ...signIn };
  }
  const page = await exchange('POST', '/account/device', signIn);
  const ticket = /name="ticket" value="([A-Za-z0-9]+)"/.exec(page.bytes.toString())[1];
  const approval = form([['ticket', ticket], ['decision', 'approve']]);
  if (step === 'decision') {
    return { org, path: '/account/device/decision', ...approval };
  }
  await exchange('POST', '/account/device/decision', approval);
  const poll = { org, path: '/api/auth/cli/device/poll', body: { device_code: asked.device_code } };
  if (step === 'poll') {
    return poll;
  }
  const { tokens } = await want(200, 'POST', poll.path, { body: poll.body });
  return { org, path: `/api/auth/cli/${step}`, body: { refreshToken: tokens.refreshToken } };
}
OWN['POST /account/device'] = () => commandLine('sign-in');
OWN['POST /account/device/decision'] = () => commandLine('decision');
OWN['POST /api/auth/cli/device/poll'] = () => commandLine('poll');
OWN['POST /api/auth/cli/refresh'] = () => commandLine('refresh');
OWN['POST /api/auth/cli/logout'] = () => commandLine('logout');

OWN['PATCH /api/v1/tests/runs/{run_id}'] = async () => ({
  org: shared.org, token: shared.org.jwt, path: `/api/v1/tests/runs/${shared.run.public_id}?status=passed`,
});
// A run that has made the baselines of its case.
async function lookedAt() {
  const org = await organization();
  const suite = await makeSuite(org);
  await want(200, 'PATCH', `/api/v1/tests/suites/${suite.public_id}`, { token: org.jwt, body: { visual_regression_fail_pct: 25 } });
  const one = await makeCase(org, suite, { steps: ["Open '/'"] });
  const { run_id: id } = await want(200, 'POST', '/api/v1/ci/run-suite', { token: org.jwt, body: { suite_id: suite.public_id } });
  await finished({ developer: org.jwt }, id);
  return { org, id, baselines: `/api/v1/tests/cases/${one.public_id}/baselines` };
}
OWN['POST /api/v1/tests/runs/{run_id}/baselines'] = async () => {
  const { org, id, baselines } = await lookedAt();
  await want(200, 'DELETE', baselines, { token: org.jwt });
  return { org, token: org.jwt, path: `/api/v1/tests/runs/${id}/baselines`, body: {} };
};
OWN['DELETE /api/v1/tests/cases/{case_id}/baselines'] = async () => {
  const { org, baselines } = await lookedAt();
  return { org, token: org.jwt, path: baselines };
};

let shared;
let chat;
let stripe;
before(async () => {
  chat = await startChat();
  stripe = await startStripe(Number(process.env.E2E_STRIPE_PORT));
  shared = await populated();
});

// Devices are few: what was started on the way is ended.
after(async () => {
  chat.stop();
  stripe.stop();
  const at = '/api/v1/sessions/';
  for (const s of await want(200, 'GET', at, { token: shared.org.jwt })) {
    await want(200, 'DELETE', `${at}${s.session_id}`, { token: shared.org.jwt });
  }
});

for (const e of writes().filter((w) => !EXEMPT.has(w.id))) {
  test(`${e.id} leaves an audit entry`, async () => {
    assert.ok(e.path || OWN[e.id], 'an endpoint beyond the contract: say in OWN how to bring it about');
    const own = OWN[e.id] ? await OWN[e.id]() : null;
    const o = own || e.method !== 'DELETE' ? shared : await populated();
    const requestId = unique('audit');
    const res = await exchange(e.method, own?.path ?? fill(e, pathValues(e, o)), {
      token: own ? own.token : e.auth === 'none' ? undefined : o.org.jwt,
      headers: { 'x-request-id': requestId, ...own?.headers },
      body: own?.body ?? goodBody(e, o) ?? undefined,
    });
    assert.ok(res.status < 300, `${res.status} ${res.bytes}`);
    const rows = await until('an audit entry', () => {
      const found = sql(`SELECT type, coalesce(resource_type, ''), coalesce(resource_id, ''), coalesce(user_id, 0), coalesce(email, ''), coalesce(peer, '')
        FROM auth.audit_events WHERE request_id = '${requestId}'`);
      return found.length > 0 ? found : null;
    }, 10);
    const actor = own ? own.org : o.org;
    for (const [type, resourceType, resourceId, userId, email, peer] of rows) {
      assert.match(type, /^[a-z_]+(\.[a-z_]+)+$/);
      assert.ok(resourceType && resourceId, `${type} names no resource`);
      assert.equal(peer, '127.0.0.1', `${type} names no address`);
      if (e.id === 'POST /api/v1/auth/register') {
        assert.deepEqual([userId, email], type === 'user.registered' ? [resourceId, res.json.email] : ['0', '']);
      } else if (!ANONYMOUS.has(e.id)) {
        assert.deepEqual([userId, email], [String(actor.userId), actor.email], `the actor of ${type}`);
      }
    }
    assert.equal(new Set(rows.map(([type]) => type)).size, rows.length, `each once: ${rows}`);
  });
}

test('the first admin is in the log, too', () => {
  const found = sql(`SELECT count(*) FROM auth.audit_events WHERE type = 'user.registered' AND email = '${process.env.ASSAY_EMAIL}' AND user_id IS NOT NULL`);
  assert.equal(found[0][0], '1');
});

test('an operator who rotates the signing keys is in the log, and nobody is refused for it', async () => {
  const org = await organization();
  const assay = path.join(process.env.ASSAY_BIN, 'assay');
  const [, kid] = /published (\S+);/.exec(execFileSync(assay, ['auth', 'rotate-keys']).toString());
  await until('its entry', () => sql(`SELECT 1 FROM auth.audit_events WHERE type = 'signing_key.rotated' AND resource_id = '${kid}'`).length === 1);
  await until('the new key is published', async () => (await exchange('GET', '/.well-known/jwks.json')).json.keys.some((k) => k.kid === kid));
  await want(200, 'GET', '/api/v1/auth/me', { token: org.jwt });
  await organization();
});

/* --- reading --------------------------------------------------------------------------------- */

// An organization with a log of its own: the number of entries once they have all arrived.
async function storied() {
  const org = await organization();
  const at = `/api/v1/organizations/${org.id}/audit-events`;
  const read = (query = '', token = org.viewer) => want(200, 'GET', `${at}${query}`, { token });
  for (let i = 0; i < 4; i++) {
    await want(200, 'PATCH', `/api/v1/organizations/${org.id}`, { token: org.jwt, body: { name: `N${i}, "${i}"` } });
  }
  // Registered, its mail, three tokens, four names.
  await until('nine entries', async () => (await read()).total === 9);
  return { org, at, read };
}

test('the audit trail is filtered, counted and paged, the newest first', async () => {
  const { org, at, read } = await storied();
  const all = await read();
  assert.equal(all.total, all.events.length);
  for (const [i, e] of all.events.entries()) {
    // By when it happened, to the microsecond; entries of one second may have come in another order.
    assert.ok(i === 0 || all.events[i - 1].created_at >= e.created_at, 'order');
  }
  assert.equal(all.events[0].action, 'organization.updated');
  assert.match(all.events[0].details, /renamed from N2, "2" to N3, "3"/);
  assert.equal(all.events[0].user_email, org.email);
  assert.equal(all.events[0].resource_id, String(org.id));
  const updated = await read('?action=UPDATED&limit=3');
  assert.equal(updated.total, 4);
  assert.equal(updated.events.length, 3);
  const rest = await read('?action=updated&limit=3&offset=3');
  assert.equal(rest.total, 4);
  assert.deepEqual(rest.events.map((e) => e.id), all.events.slice(3, 4).map((e) => e.id));
  assert.deepEqual((await read('?offset=1000')).events, []);
  assert.equal((await read(`?user_email=${org.email.toUpperCase()}`)).total,
    all.events.filter((e) => e.user_email === org.email).length);
  assert.equal((await read('?user_email=nobody@example.com')).total, 0);
  assert.equal((await read('?resource_type=api_token')).total, 3);
  assert.equal((await read('?resource_type=api_token&action=updated')).total, 0);
  assert.equal((await read('?resource_type=api')).total, 0);
  for (const range of ['last-hour', 'last-day', 'last-week', 'last-month']) {
    assert.equal((await read(`?time_range=${range}`)).total, all.total);
  }
  assert.equal((await read('?limit=100000')).total, all.total);
  for (const [member, query] of [['limit', 'limit=0'], ['limit', 'limit=x'], ['offset', 'offset=-1'],
    ['time_range', 'time_range=ever'], ['user_email', 'user_email=nobody']]) {
    await refused(422, member, 'GET', `${at}?${query}`, { token: org.viewer });
  }
  const other = await organization();
  await want(404, 'GET', at, { token: other.jwt });
  await want(404, 'GET', `${at}/csv`, { token: other.jwt });
});

test('events leave the time range as they age', async () => {
  const { org, read } = await storied();
  const { total } = await read();
  // What an entry says cannot be changed, even here: one is added that is two hours old.
  const at = (Date.now() - 2 * 3600 * 1000) * 1000;
  sql(`INSERT INTO auth.audit_events (org_id, seq, event_id, type, at_us, hash) VALUES (${org.id}, 100000, gen_random_uuid(), 'a.b', ${at}, '')`);
  assert.equal((await read('?time_range=last-hour')).total, total);
  assert.equal((await read('?time_range=last-day')).total, total + 1);
  assert.equal((await read()).events.at(-1).action, 'a.b');
  sql(`SET session_replication_role = replica; DELETE FROM auth.audit_events WHERE org_id = ${org.id} AND seq = 100000`);
});

// RFC 4180, as a spreadsheet reads it.
function parseCsv(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ',') {
      rows.push([]);
    }
  }
  return rows.slice(0, -1);
}

test('the CSV has the rows of the list and is an attachment', async () => {
  const { org, at, read } = await storied();
  const res = await call('GET', `${at}/csv`, { token: org.viewer });
  assert.equal(res.status, 200);
  assert.match(res.headers['content-type'], /^text\/csv/);
  assert.match(res.headers['content-disposition'], /attachment; filename="audit-events.csv"/);
  const [head, ...rows] = parseCsv(res.bytes.toString());
  assert.deepEqual(head, ['Date', 'User', 'Action', 'Resource Type', 'Resource ID', 'Details']);
  const { events } = await read();
  assert.deepEqual(rows, events.map((e) => [e.created_at, e.user_email ?? '', e.action, e.resource_type ?? '',
    e.resource_id ?? '', e.details ?? '']));
  const some = await call('GET', `${at}/csv?action=updated`, { token: org.viewer });
  assert.equal(parseCsv(some.bytes.toString()).length, 5);
  await refused(422, 'time_range', 'GET', `${at}/csv?time_range=ever`, { token: org.viewer });
});

test('a log of ten thousand entries is exported whole', async () => {
  const { org, at } = await storied();
  sql(`INSERT INTO auth.audit_events (org_id, seq, event_id, type, at_us, email, resource_type, resource_id, details, hash)
    SELECT ${org.id}, 100000 + n, gen_random_uuid(), 'a.b', n, repeat('e', 60) || '@example.com', 'thing', n::text, repeat('d', 200), ''
    FROM generate_series(1, 10100) n`);
  const res = await call('GET', `${at}/csv`, { token: org.viewer });
  assert.equal(res.status, 200, res.bytes.toString().slice(0, 200));
  assert.equal(parseCsv(res.bytes.toString()).length, 10001);
  sql(`SET session_replication_role = replica; DELETE FROM auth.audit_events WHERE org_id = ${org.id} AND seq > 100000`);
});

test('the log cannot be changed, and a command verifies its chains', () => {
  const assay = path.join(process.env.ASSAY_BIN, 'assay');
  const verify = () => execFileSync(assay, ['auth', 'verify-audit'], { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  assert.match(verify(), /^[0-9]+ entries fit/);
  assert.throws(() => sql("UPDATE auth.audit_events SET type = 'x.y'"), /append-only/);
  assert.throws(() => sql('DELETE FROM auth.audit_events'), /append-only/);
  const [[id, type]] = sql('SELECT id, type FROM auth.audit_events ORDER BY id LIMIT 1');
  const tamper = (to) => sql(`SET session_replication_role = replica; UPDATE auth.audit_events SET type = '${to}' WHERE id = ${id}`);
  tamper('some.thing');
  assert.throws(verify, (e) => e.status === 2 && /does not fit/.test(e.stderr.toString()));
  tamper(type);
  assert.match(verify(), /entries fit/);
});

test('an operator gets a link that sets a password, without mail', async () => {
  const org = await organization();
  const assay = path.join(process.env.ASSAY_BIN, 'assay');
  const out = execFileSync(assay, ['auth', 'reset-password', org.email.toUpperCase()]).toString();
  const token = /\?token=(\w+)/.exec(out)[1];
  await until('its entry', () => sql(`SELECT 1 FROM auth.audit_events WHERE org_id = ${org.id} AND details LIKE 'by the operator%'`).length === 1);
  await want(200, 'POST', '/api/v1/auth/reset-password', { body: { token, new_password: 'by the operator' } });
  await want(400, 'POST', '/api/v1/auth/reset-password', { body: { token, new_password: 'once more' } });
  await want(200, 'POST', '/api/v1/auth/login', { body: { email: org.email, password: 'by the operator' } });
  assert.throws(() => execFileSync(assay, ['auth', 'reset-password', 'nobody@example.com'], { stdio: 'pipe' }), /nobody has this/);
});
