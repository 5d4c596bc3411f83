// Settings with masked secrets, trackers, Slack, Teams and GitHub (stand-ins that refuse what the
// real ones refuse).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startChat } from '../lib/chat.mjs';
import { startGithub } from '../lib/github.mjs';
import { startSite } from '../lib/site.mjs';
import { finished, makeApp, makeCase, makeSuite, organization, refused, sql, until, want } from '../lib/world.mjs';

const AT = '/api/v1/settings';
const TOKEN = 'ghp_0123456789abcdefghij';
const SHA = ['1111111111111111111111111111111111111111', '2222222222222222222222222222222222222222'];
const NAMES = ['slack_webhook_url', 'teams_webhook_url', 'github_token', 'github_repo', 'gitlab_url', 'gitlab_token',
  'gitlab_project', 'jira_base', 'jira_email', 'jira_token', 'jira_project', 'file_issues'];
let org;
let chat;
let github;
let site;
before(async () => {
  org = await organization();
  chat = await startChat();
  site = await startSite();
  github = await startGithub({
    port: Number(process.env.E2E_GITHUB_PORT), token: TOKEN, repo: 'acme/shop', commits: SHA,
    pulls: [{ number: 3, state: 'closed', sha: SHA[1] }, { number: 12, state: 'open', sha: SHA[1] }],
  });
});
after(() => {
  chat.stop();
  github.stop();
  site.stop();
});

const put = (body, status = 200) => want(status, 'PUT', AT, { token: org.admin, body });
const read = (token = org.viewer) => want(200, 'GET', AT, { token });
const trackers = () => want(200, 'GET', '/api/v1/integrations/trackers', { token: org.viewer });

test('nothing is set at first, and every member is there', async () => {
  const settings = await read();
  assert.deepEqual(settings, Object.fromEntries(NAMES.map((n) => [n, null])));
  assert.deepEqual(await trackers(), { github: false, gitlab: false, jira: false });
});

test('secrets are shown masked, sealed at rest, and kept when the mask comes back', async () => {
  const set = await put({ github_token: TOKEN, github_repo: 'acme/shop', gitlab_url: 'https://gitlab.example.com', jira_token: 'abc' });
  assert.equal(set.github_token, '****ghij');
  assert.equal(set.jira_token, '****');
  assert.equal(set.github_repo, 'acme/shop');
  assert.deepEqual(await read(org.admin), set);
  assert.deepEqual(await put({ github_token: '****ghij', github_repo: null, gitlab_token: null }), set);
  assert.deepEqual(await put({}), set);
  assert.equal(sql(`SELECT count(*) FROM webhooks.settings WHERE org_id = ${org.id} AND (value LIKE '%ghp_%' OR position('ghp_' in encode(sealed, 'escape')) > 0)`)[0][0], '0');
  assert.deepEqual(await trackers(), { github: true, gitlab: false, jira: false });
  assert.equal((await put({ github_token: '' })).github_token, null);
  assert.deepEqual(await trackers(), { github: false, gitlab: false, jira: false });
  assert.equal((await put({ github_token: '****ghij' })).github_token, '****ghij', 'no mask any more: a value like others');
  await put({ github_token: '', github_repo: '', gitlab_url: '', jira_token: '' });
  const other = await organization();
  assert.deepEqual(await read(other.viewer), Object.fromEntries(NAMES.map((n) => [n, null])));
});

test('unknown members and wrong values are refused, and nothing of the request is kept', async () => {
  const was = await read();
  await refused(422, 'slack_url', 'PUT', AT, { token: org.admin, body: { gitlab_project: 'half', slack_url: 'x' } });
  await refused(422, 'slack_webhook_url', 'PUT', AT, { token: org.admin, body: { gitlab_project: 'half', slack_webhook_url: 'http://169.254.169.254/' } });
  await refused(422, 'teams_webhook_url', 'PUT', AT, { token: org.admin, body: { gitlab_project: 'half', teams_webhook_url: 'not a url' } });
  for (const repo of ['acme', 'acme/shop/x', '../x', 'acme/..', 'a b/c', '/x', 'x/', 'acme/shop?x=1']) {
    await refused(422, 'github_repo', 'PUT', AT, { token: org.admin, body: { gitlab_project: 'half', github_repo: repo } });
  }
  await refused(422, 'jira_base', 'PUT', AT, { token: org.admin, body: { gitlab_project: 'half', jira_base: 'x'.repeat(2001) } });
  assert.deepEqual(await read(), was);
});

test('trackers are there when all they need is', async () => {
  await put({ gitlab_token: 'glpat-12345678', gitlab_project: '42', jira_base: 'https://acme.example.com', jira_email: 'a@example.com', jira_token: 'jira-12345678' });
  assert.deepEqual(await trackers(), { github: false, gitlab: true, jira: false });
  await put({ jira_project: 'SHOP' });
  assert.deepEqual(await trackers(), { github: false, gitlab: true, jira: true });
});

test('the test message goes to every chat that is configured, and says which one refused it', async () => {
  const at = `${AT}/test-notification`;
  const none = await want(400, 'POST', at, { token: org.admin });
  assert.equal(none.type, 'not_configured');
  await put({ slack_webhook_url: chat.slackUrl });
  assert.deepEqual(await want(200, 'POST', at, { token: org.admin }), { ok: true, sent: ['slack'] });
  assert.match(chat.slack.at(-1).text, /Test message/);
  await put({ teams_webhook_url: chat.teamsUrl });
  assert.deepEqual((await want(200, 'POST', at, { token: org.admin })).sent, ['slack', 'teams']);
  assert.equal(chat.teams.length, 1);
  // Switched off after days of failing, a chat that takes the message is on again.
  sql(`UPDATE webhooks.endpoints SET enabled = false, disabled_reason = 'failing', failing_since = now() - interval '4 days' WHERE org_id = ${org.id} AND kind = 'slack'`);
  await want(200, 'POST', at, { token: org.admin });
  assert.equal(sql(`SELECT count(*) FROM webhooks.endpoints WHERE org_id = ${org.id} AND kind = 'slack' AND enabled AND failing_since IS NULL`)[0][0], '1');
  chat.status = 503;
  const failed = await want(502, 'POST', at, { token: org.admin });
  assert.equal(failed.type, 'notification_error');
  assert.match(failed.detail, /slack.*503.*teams.*503/);
  assert.ok(!failed.detail.includes('s3cr3tpath'));
  chat.status = 0;
});

async function runs(metadata, commit, name) {
  const app = await makeApp(org, site.url);
  const suite = await makeSuite(org, { app, name });
  await makeCase(org, suite, { steps: ["Open '/count/abc'", "Verify the heading says 'abc'"] });
  return () => want(200, 'POST', '/api/v1/ci/run-suite', {
    token: org.developer, body: { suite_id: suite.public_id, device_category: 'desktop', commit_sha: commit, metadata },
  }).then((run) => finished(org, run.run_id));
}

test('a run is told to the chats, to its commit and in one comment of its pull request', async () => {
  await put({ github_token: TOKEN, github_repo: 'acme/shop' });
  const before = [chat.slack.length, chat.teams.length];
  const name = 'Check <out> | & *bold* @team';
  const start = await runs({ pull_request: 7 }, SHA[0], name);
  const run = await start();
  const { state } = github;
  const of = (sha) => state.statuses.filter((s) => s.sha === sha).map((s) => s.state);
  await until('the commit has both statuses', () => of(SHA[0]).length === 2, 30);
  assert.equal(of(SHA[0])[0], 'pending');
  assert.equal(of(SHA[0])[1], run.status === 'passed' ? 'success' : 'failure');
  await until('the pull request has a comment', () => state.comments.length === 1, 30);
  assert.equal(state.comments[0].pull, 7);
  assert.match(state.comments[0].body, /Check &lt;out> \\\| &amp; \\\*bold\\\* @\u200bteam/);
  await until('the chats have the message', () => chat.slack.length > before[0] && chat.teams.length > before[1], 30);
  assert.match(chat.slack.at(-1).text, /Run passed: Check &lt;out&gt; \| &amp;/);

  await start();
  await until('the comment is written anew', () => state.comments[0].edits === 1, 30);
  assert.equal(state.comments.length, 1);
  assert.equal(state.comments[0].body.split('\n').filter((l) => l.includes('Check')).length, 1);

  // Our note of it is lost: it is found by its mark.
  sql(`UPDATE webhooks.github_comments SET comment_id = NULL WHERE org_id = ${org.id}`);
  await start();
  await until('the same comment is written again', () => state.comments[0].edits === 2, 30);
  assert.equal(state.comments.length, 1);

  // Somebody deleted it.
  state.comments.length = 0;
  await start();
  await until('a new one is made', () => state.comments.length === 1, 30);
});

test('a second suite stands in the same comment; without a number the open pull request is asked for', async () => {
  const { state } = github;
  state.comments.length = 0;
  const [a, b] = await Promise.all([runs({}, SHA[1], 'Alpha'), runs({}, SHA[1], 'Beta')]);
  await Promise.all([a(), b()]);
  await until('both stand in it', () => state.comments.some((c) => c.pull === 12 && /Alpha/.test(c.body) && /Beta/.test(c.body)), 40);
  assert.equal(state.comments.filter((c) => c.pull === 12).length, 1);
  assert.ok(!state.comments.some((c) => c.pull === 3));
});

test('an unknown commit is given up at once, an outage is waited out', async () => {
  const { state } = github;
  const unknown = '3333333333333333333333333333333333333333';
  await (await runs({ pull_request: 8 }, unknown, 'Gamma'))();
  const failed = () => sql(`SELECT count(*) FROM webhooks.deliveries WHERE org_id = ${org.id} AND state = 'failed' AND response_status = 422`)[0][0];
  await until('it is given up', () => Number(failed()) >= 2, 30);
  assert.equal(sql(`SELECT count(*) FROM webhooks.endpoints WHERE org_id = ${org.id} AND kind = 'github' AND failing_since IS NULL`)[0][0], '1');
  const had = state.statuses.length;
  state.failNext = 1;
  await (await runs({ pull_request: 9 }, SHA[0], 'Delta'))();
  await until('the outage was met', () => state.failNext === 0, 30);
  sql(`UPDATE webhooks.deliveries SET next_at = now() WHERE org_id = ${org.id} AND state = 'pending'`);
  await until('both statuses arrived', () => {
    sql(`UPDATE webhooks.deliveries SET next_at = least(next_at, now() + interval '1 s') WHERE org_id = ${org.id} AND state = 'pending' AND attempt < 3`);
    return state.statuses.length >= had + 2;
  }, 40);
});
