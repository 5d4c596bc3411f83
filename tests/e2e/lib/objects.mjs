// One object of every kind an endpoint's path or body can name, and a body every call takes.
import { compared, png, shoot, startBuild } from './sdk.mjs';
import { makeApp, makeCase, makeStandalone, makeSuite, organization, orgToken, unique, want } from './world.mjs';

export async function populated() {
  const org = await organization();
  const o = { org, token: org.admin };
  o.app = await makeApp(org);
  o.suite = await makeSuite(org, { app: o.app });
  o.case = await makeCase(org, o.suite);
  o.standalone = await makeStandalone(org, o.app);
  o.run = await want(200, 'POST', `/api/v1/tests/cases/${o.case.public_id}/run`, { token: org.viewer });
  o.session = await want(200, 'POST', '/api/v1/sessions/', { token: org.admin, body: { device_type: 'web' } });
  o.ios = await want(200, 'POST', '/api/v1/sessions/', { token: org.admin, body: { device_type: 'ios' } });
  o.entry = await want(202, 'POST', `/api/v1/sessions/${o.ios.session_id}/start`, { token: org.admin });
  o.webhook = await want(200, 'POST', '/api/v1/integrations/webhooks',
    { token: org.admin, body: { url: 'http://127.0.0.1:9/hook' } });
  const hook = `/api/v1/integrations/webhooks/${o.webhook.id}`;
  o.delivery = await want(200, 'POST', `${hook}/test`, { token: org.admin });
  o.personal = await want(200, 'POST', '/api/v1/auth/tokens', { token: org.jwt });
  o.apiToken = await orgToken(org, 'viewer');
  o.member = (await want(200, 'GET', `/api/v1/organizations/${org.id}/members`, { token: org.jwt }))[0];
  const empty = await makeSuite(org, { app: o.app });
  await makeCase(org, empty, { steps: ['Wait 20 ms'] });
  const started = await want(200, 'POST', '/api/v1/ci/run-suite',
    { token: org.developer, body: { suite_id: empty.public_id, device_category: 'tv' } });
  o.suiteRun = started;
  o.device = (await want(200, 'GET', '/api/v1/devices/', { token: org.viewer }))[0];
  await addBuild(o);
  return o;
}

// A visual build with a comparison, and a parallel one.
async function addBuild(o) {
  const before = await startBuild(o.org, { branch: 'main' });
  await shoot(o.org, before, 'Page', png(8, 8, [1, 2, 3]));
  await compared(o.org, before);
  o.build = await startBuild(o.org, { branch: 'main', parallel_id: unique('shards') });
  await shoot(o.org, o.build, 'Page', png(8, 8, [200, 2, 3]));
  const read = await want(200, 'GET', `/api/sdk/builds/${o.build.id}?include=comparisons`, { token: o.org.viewer });
  [o.comparison] = read.build.comparisons;
  o.assignment = (await want(201, 'POST', `/api/sdk/builds/${o.build.id}/assignments`,
    { token: o.org.developer, body: { email: o.org.email } })).assignment;
}

// Values of the path parameters of an endpoint.
export function pathValues(e, o) {
  const ids = {
    member_id: o.member.id, org_id: o.org.id, token_id: o.apiToken.id, app_id: o.app.public_id, suite_id: o.suite.public_id,
    case_id: o.case.public_id, session_id: o.session.session_id, webhook_id: o.webhook.id, delivery_id: o.delivery.delivery_id,
    queue_entry_id: o.entry.queue_entry_id, step_index: 0, device_id: o.device.device_id, id: o.personal.id,
    suite_run_id: o.suiteRun.run_id, path: `${o.run.public_id}/1.jpg`,
    run_id: e.path.startsWith('/api/v1/ci/') ? o.suiteRun.run_id : o.run.public_id,
    build_id: o.build.id, comparison_id: o.comparison.id, parallel_id: o.build.parallel_id, screenshot_name: 'Page',
    assignment_id: o.assignment.id, fingerprint_hash: '0123456789abcdef',
  };
  if (e.id.includes('/ai/suite/run/')) {
    ids.suite_run_id = 1;
  }
  return ids;
}

export function fill(e, values) {
  return e.path.replace(/\{([^}]*)\}/g, (_, name) => {
    if (values[name] === undefined) {
      throw new Error(`no value for {${name}} of ${e.id}`);
    }
    return name === 'path' ? values[name] : encodeURIComponent(values[name]);
  });
}

// An id of the right form that names nothing.
export function unknownValues(e) {
  const uuid = '00000000-0000-4000-8000-000000000000';
  return {
    member_id: 999999999, org_id: 999999999, token_id: 999999999, app_id: 'app_zzzzzzzzzz', suite_id: 'suite_zzzzzzzzzz',
    case_id: 'case_zzzzzzzzzz', session_id: uuid, webhook_id: 999999999, delivery_id: 999999999, queue_entry_id: 999999999,
    device_id: 'no-such-device', step_index: 999999, id: 999999999, path: 'trzzzzzzzzzz/1.jpg',
    suite_run_id: e.id.includes('/ai/suite/run/') ? 999999999 : 'srzzzzzzzzzz',
    run_id: 'trzzzzzzzzzz', build_id: uuid, comparison_id: uuid, parallel_id: 'no-such-shards',
    screenshot_name: 'no such page', assignment_id: uuid, fingerprint_hash: 'f'.repeat(16),
  };
}

// A body the call takes; null where it takes none.
export function goodBody(e, o) {
  const bodies = {
    'POST /api/v1/auth/register': { email: `${unique('b')}@example.com`, password: 'longenough', organization_name: 'x' },
    'POST /api/v1/auth/login': { email: o.org.email, password: o.org.password },
    'POST /api/v1/auth/change-password': { current_password: o.org.password, new_password: o.org.password },
    'POST /api/v1/auth/verify-email': { token: 'x' },
    'POST /api/v1/auth/resend-verification': { email: 'nobody@example.com' },
    'POST /api/v1/auth/forgot-password': { email: 'nobody@example.com' },
    'POST /api/v1/auth/reset-password': { token: 'x', new_password: 'longenough' },
    'POST /api/v1/auth/users': { email: `${unique('u')}@example.com`, password: 'longenough', role: 'viewer' },
    'PATCH /api/v1/organizations/{org_id}': { name: 'x' },
    'POST /api/v1/organizations/{org_id}/invites': { email: `${unique('i')}@example.com`, role: 'viewer' },
    'PATCH /api/v1/organizations/{org_id}/session-defaults': { session_timeout: '20m' },
    'POST /api/v1/auth/setup': { email: 'x@example.com', password: 'longenough' },
    'POST /api/v1/auth/tokens': { name: 'x' },
    'POST /api/v1/organizations/{org_id}/api-tokens': { label: 'x', role: 'viewer', kind: 'api', project: 'p' },
    'POST /api/v1/apps/': { name: 'x', platform: 'web', url: 'http://127.0.0.1:9/' },
    'POST /api/v1/sessions/': { device_type: 'web', device_category: 'desktop' },
    'POST /api/v1/sessions/{session_id}/start': {},
    'POST /api/v1/sessions/{session_id}/control': { action: 'screenshot' },
    'POST /api/v1/tests/suites': { name: 'x', tags: ['a'] },
    'PATCH /api/v1/tests/suites/{suite_id}': { name: 'x' },
    'PATCH /api/v1/tests/suites/{suite_id}/settings': { visual_regression_warn_pct: 3 },
    'POST /api/v1/tests/suites/{suite_id}/cases': { name: 'x', steps: ['Wait 1 s'] },
    'POST /api/v1/tests/cases': { name: 'x', app_id: o.app.public_id, steps: ['Wait 1 s'] },
    'PATCH /api/v1/tests/cases/{case_id}': { name: 'x' },
    'POST /api/v1/ai/test/run': { test_case_public_id: o.case.public_id, session_id: o.session.session_id },
    'POST /api/v1/ai/suite/run': { suite_public_id: o.suite.public_id, session_id: o.session.session_id },
    'POST /api/v1/tests/runs/{run_id}/baselines': { step_index: 0 },
    'POST /api/v1/ci/run-suite': { suite_id: o.suite.public_id },
    'POST /api/v1/ci/run-test': { test_id: o.case.public_id },
    'POST /api/sdk/builds': { build: { name: 'x', branch: 'shapes' } },
    'PUT /api/sdk/builds/{build_id}/status': { status: 'running', executionTimeMs: 5 },
    'POST /api/sdk/builds/{build_id}/screenshots': { name: 'x', image_data: png(4, 4, [9, 9, 9]).toString('base64') },
    'POST /api/sdk/check-shas': { buildId: o.build.id, shas: ['0'.repeat(64)] },
    'POST /api/sdk/builds/{build_id}/comments': { content: 'x' },
    'PUT /api/sdk/comparisons/{comparison_id}/approval': { approval_status: 'pending' },
    'POST /api/sdk/comparisons/{comparison_id}/approve': { comment: 'x' },
    'POST /api/sdk/comparisons/{comparison_id}/reject': { reason: 'x' },
    'POST /api/sdk/builds/{build_id}/assignments': { email: o.org.email },
    'POST /api/sdk/screenshots/hotspots': { screenshot_names: ['Page'] },
    'PATCH /api/v1/integrations/webhooks/{webhook_id}': { name: 'x' },
    'PUT /api/v1/integrations/webhooks/{webhook_id}/subscriptions': { event_types: ['run.failed'] },
    'PUT /api/v1/settings': { github_repo: 'acme/shop' },
    'POST /api/v1/credits/topup': { amount_usd: 10 },
    'POST /api/v1/integrations/webhooks': { url: 'http://127.0.0.1:9/', name: 'x' },
  };
  if (e.body === null || e.body === undefined || e.body.fields.length === 0) {
    return null;
  }
  if (bodies[e.id] === undefined) {
    throw new Error(`no body for ${e.id}`);
  }
  return bodies[e.id];
}
