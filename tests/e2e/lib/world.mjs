// The server as tests see it: calls that are held against the contract, organizations of their own,
// polling with a deadline.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { answerErrors } from './contract.mjs';
import { exchange } from './http.mjs';

let counter = 0;

// A name nobody else has.
export function unique(prefix) {
  counter += 1;
  return `${prefix}-${process.pid}-${counter}-${Date.now().toString(36)}`;
}

// A call whose answer is held against the contract, whatever its status.
export async function call(method, path, options = {}) {
  const res = await exchange(method, path, options);
  const errors = answerErrors(res);
  assert.deepEqual(errors, [], errors.join('\n'));
  return res;
}

// A call that must end with `status`; returns the JSON.
export async function want(status, method, path, options = {}) {
  const res = await call(method, path, options);
  assert.equal(res.status, status, `${method} ${path}: ${res.status} ${res.bytes.toString().slice(0, 300)}`);
  return res.json;
}

// A failure whose text names `member`.
export async function refused(status, member, method, path, options = {}) {
  const json = await want(status, method, path, options);
  assert.match(json.detail ?? json.error, new RegExp(member), `${method} ${path} does not name ${member}`);
  return json;
}

// Asks until `fn` returns something true. Nothing that comes is given less than a minute: machines are slow.
export async function until(what, fn, atLeast = 0) {
  const seconds = Math.max(atLeast, 60);
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await fn();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${seconds} s: ${what}`);
    }
    await pause(100);
  }
}

// Only for the distance between two polls.
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// A new organization: its admin's JWT and tokens of every role.
export async function organization() {
  const email = `${unique('owner')}@example.com`;
  const password = 'correct horse battery';
  const body = { email, password, organization_name: unique('Org') };
  const made = await want(200, 'POST', '/api/v1/auth/register', { body });
  const org = { id: made.organization_id, userId: made.user_id, email, password, jwt: made.access_token };
  for (const role of ['viewer', 'developer', 'admin']) {
    org[role] = (await orgToken(org, role)).token;
  }
  return org;
}

export function orgToken(org, role, more = {}) {
  const body = { label: unique(role), role, ...more };
  return want(200, 'POST', `/api/v1/organizations/${org.id}/api-tokens`, { token: org.jwt, body });
}

export function shopUrl() {
  return process.env.E2E_SHOP_URL;
}

export function makeApp(org, url = shopUrl()) {
  const body = { name: unique('app'), platform: 'web', url };
  return want(200, 'POST', '/api/v1/apps/', { token: org.developer, body });
}

export async function makeSuite(org, more = {}) {
  const app = more.app === undefined ? await makeApp(org) : more.app;
  const body = { name: unique('suite'), ...(app ? { app_public_id: app.public_id } : {}), ...more };
  delete body.app;
  return want(200, 'POST', '/api/v1/tests/suites', { token: org.developer, body });
}

export function makeCase(org, suite, more = {}) {
  const body = { name: unique('case'), steps: ['Open the home page'], mode: 'ai', ...more };
  const path = `/api/v1/tests/suites/${suite.public_id}/cases`;
  return want(200, 'POST', path, { token: org.developer, body });
}

export function makeStandalone(org, app, more = {}) {
  const body = { name: unique('case'), app_id: app.public_id, steps: ['Open the home page'], mode: 'ai', ...more };
  return want(200, 'POST', '/api/v1/tests/cases', { token: org.developer, body });
}

export const FINAL = ['passed', 'failed', 'error', 'cancelled'];

// Polls a CI run until it ends; returns the last answer.
export function finished(org, runId, seconds = 240) {
  return until(`run ${runId} ends`, async () => {
    const run = await want(200, 'GET', `/api/v1/ci/runs/${runId}`, { token: org.developer });
    return FINAL.includes(run.status) ? run : null;
  }, seconds);
}

// Rows of a query as the superuser of the stack's database, fields by '|'.
export function sql(text) {
  const uri = process.env.E2E_PSQL;
  const out = execFileSync('psql', [uri, '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  return out.toString().trim().split('\n').filter((line) => line !== '').map((line) => line.split('|'));
}

// What an operator runs: build/bin/assay-billing ARGS.
export function billing(...args) {
  const env = { ...process.env, ASSAY_DATABASE_URL: board().psql.replace('postgres@', 'assay_billing@') };
  return execFileSync(path.join(process.env.ASSAY_BIN, 'assay-billing'), args, { env, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

// What the supervisor wrote about the stack: {psql, shop, children: {name: {pid, listen}}}.
export function board() {
  const state = { children: {} };
  for (const line of fs.readFileSync(`${process.env.ASSAY_STATE_DIR}/stack.state`, 'utf8').split('\n')) {
    const [kind, name, ...rest] = line.split(' ');
    if (kind === 'child') {
      state.children[name] = { state: rest[0], pid: Number(rest[1]), restarts: Number(rest[3]), listen: rest[5] };
    } else if (kind) {
      state[kind] = name;
    }
  }
  return state;
}

// The processes of a service, all of them running. One that is just being started again has the id 0 on the
// board, and a signal to 0 ends this program and all around it.
export function processesOf(name) {
  return until(`all processes of ${name} run`, () => {
    const all = Object.entries(board().children).filter(([n]) => n === name || n.startsWith(`${name}.`)).map(([, c]) => c);
    return all.length > 0 && all.every((c) => c.state === 'running' && c.pid > 0) ? all : null;
  }, 60);
}

// Ends a process of the stack the hard way. One that is gone already is a test gone wrong.
export function killHard(pid) {
  if (!Number.isInteger(pid) || pid < 2) {
    throw new Error(`not a process: ${pid}`);
  }
  process.kill(pid, 'SIGKILL');
}
