// Devices and live sessions, on the worker's real browser.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { noteSeen } from '../lib/contract.mjs';
import { billing, call, organization, orgToken, refused, sql, unique, until, want } from '../lib/world.mjs';

const SESSIONS = '/api/v1/sessions/';
let org;
const open = new Set();
before(async () => {
  org = await organization();
});
after(async () => {
  for (const id of open) {
    await want(200, 'DELETE', `${SESSIONS}${id}`, { token: org.admin });
  }
});

async function create(body = { device_type: 'web', device_category: 'desktop' }, token = org.admin) {
  const made = await want(200, 'POST', SESSIONS, { token, body });
  if (token === org.admin) {
    open.add(made.session_id);
  }
  return made;
}
const get = (s) => want(200, 'GET', `${SESSIONS}${s.session_id}`, { token: org.admin });
const stop = (s) => want(200, 'DELETE', `${SESSIONS}${s.session_id}`, { token: org.admin });
const control = (status, s, body) => want(status, 'POST', `${SESSIONS}${s.session_id}/control`, { token: org.admin, body });
const active = (s) => until('the session is active', async () => (await get(s)).status === 'active', 30);

async function started(body) {
  const session = await create(body);
  await want(200, 'POST', `${SESSIONS}${session.session_id}/start`, { token: org.admin });
  await active(session);
  return session;
}

test('devices, one device and pools tell the same', async () => {
  const token = org.viewer;
  const devices = await want(200, 'GET', '/api/v1/devices/', { token });
  assert.ok(devices.length >= 1);
  for (const device of devices) {
    assert.deepEqual(await want(200, 'GET', `/api/v1/devices/${device.device_id}`, { token }), device);
  }
  const pools = await want(200, 'GET', '/api/v1/devices/pools', { token });
  assert.equal(pools.reduce((n, p) => n + p.total, 0), devices.length);
  for (const p of pools) {
    assert.equal(p.group_key, `${p.device_type}|${p.category}|${p.model}|${p.os_version}`);
    assert.ok(p.free <= p.total);
  }
  const phones = await want(200, 'GET', '/api/v1/devices/?device_type=web&category=phone', { token });
  assert.deepEqual(phones.map((d) => d.id), devices.filter((d) => d.category === 'phone').map((d) => d.id));
  assert.deepEqual(await want(200, 'GET', '/api/v1/devices/?device_type=ios', { token }), []);
});

test('a session goes from pending over starting to active, is used and stopped, twice', async () => {
  const session = await create();
  assert.equal(session.status, 'pending');
  assert.equal(session.device_id, null);
  assert.equal(session.user_email, org.email);
  await control(400, session, { action: 'screenshot' });
  const start = await want(200, 'POST', `${SESSIONS}${session.session_id}/start`, { token: org.admin });
  assert.equal(start.status, 'starting');
  assert.ok(start.device_id && start.device_name && start.os_version);
  await active(session);
  const device = await want(200, 'GET', `/api/v1/devices/${start.device_id}`, { token: org.viewer });
  assert.equal(device.status, 'busy');
  await want(400, 'POST', `${SESSIONS}${session.session_id}/start`, { token: org.admin });

  const { screenshot } = await control(200, session, { action: 'screenshot' });
  const [, bytes] = screenshot.match(/^data:image\/jpeg;base64,([A-Za-z0-9+/]+=*)$/);
  const jpeg = Buffer.from(bytes, 'base64');
  assert.equal(jpeg.subarray(0, 3).toString('hex'), 'ffd8ff');
  assert.equal(jpeg.subarray(-2).toString('hex'), 'ffd9');
  assert.ok(jpeg.length > 1000);
  assert.ok(!('screenshot' in await control(200, session, { action: 'tap', x: 5, y: 5 })));
  await control(200, session, { action: 'swipe', x: 100, y: 300, x2: 100, y2: 100, duration: 100 });
  for (const keycode of ['BACK', 'HOME', 'MENU', 'DPAD_UP', 'DPAD_CENTER']) {
    await control(200, session, { action: 'key', keycode });
  }
  for (const [member, body] of [['y', { action: 'tap', x: 5 }], ['x2', { action: 'swipe', x: 1, y: 1 }],
    ['rotation', { action: 'rotate' }], ['keycode', { action: 'key' }], ['button', { action: 'button' }],
    ['action', { action: 'explode' }], ['x', { action: 'tap', x: -1, y: 5 }], ['y', { action: 'tap', x: 1, y: 10001 }]]) {
    await refused(422, member, 'POST', `${SESSIONS}${session.session_id}/control`, { token: org.admin, body });
  }
  assert.equal((await stop(session)).status !== undefined, true);
  await stop(session);
  const done = await get(session);
  assert.equal(done.status, 'stopped');
  assert.ok(done.end_time >= done.start_time);
  assert.ok(done.duration_minutes >= 0);
  await control(400, session, { action: 'screenshot' });
  await want(400, 'POST', `${SESSIONS}${session.session_id}/start`, { token: org.admin });
  await until('the device is free again', async () =>
    (await want(200, 'GET', `/api/v1/devices/${start.device_id}`, { token: org.viewer })).status === 'available', 20);
});

test('when every device is taken a session waits in a queue, and starts by itself', async () => {
  await Promise.all([...open].map((id) => want(200, 'DELETE', `${SESSIONS}${id}`, { token: org.admin })));
  const all = (await want(200, 'GET', '/api/v1/devices/?device_type=web&category=desktop', { token: org.viewer })).length;
  const held = [];
  for (let i = 0; i < all; i++) {
    held.push(await started());
  }
  const busy = (await get(held[0])).device_id;
  await want(409, 'POST', SESSIONS, { token: org.admin, body: { device_type: 'web', specific_device_id: busy } });
  await want(404, 'POST', SESSIONS, { token: org.admin, body: { device_type: 'web', specific_device_id: 'none' } });
  const [first, second, third] = [await create(), await create(), await create()];
  const begin = (s) => want(202, 'POST', `${SESSIONS}${s.session_id}/start`, { token: org.admin });
  const entry = await begin(first);
  assert.equal(entry.status, 'queued');
  assert.equal(entry.position, 1);
  assert.equal(entry.session_id, first.session_id);
  assert.equal((await begin(second)).position, 2);
  assert.deepEqual(await begin(first), entry);
  const last = await begin(third);
  assert.equal(last.position, 3);
  assert.equal((await get(first)).status, 'queued');
  const other = await organization();
  await want(404, 'DELETE', `${SESSIONS}queue/${entry.queue_entry_id}`, { token: other.admin });
  await want(404, 'POST', `${SESSIONS}queue/${entry.queue_entry_id}/leave`, { token: other.viewer });
  await want(200, 'POST', `${SESSIONS}queue/${(await begin(second)).queue_entry_id}/leave`, { token: org.admin });
  assert.equal((await begin(third)).position, 2);
  await want(200, 'DELETE', `${SESSIONS}queue/${last.queue_entry_id}`, { token: org.admin });
  await want(404, 'DELETE', `${SESSIONS}queue/${last.queue_entry_id}`, { token: org.admin });
  await stop(held[0]);
  await active(first);
  await want(404, 'DELETE', `${SESSIONS}queue/${entry.queue_entry_id}`, { token: org.admin });
  await Promise.all([...held, first, second, third].map(stop));
});

test('stopping a queued session takes it out of the queue', async () => {
  const ios = await create({ device_type: 'ios' });
  const entry = await want(202, 'POST', `${SESSIONS}${ios.session_id}/start`, { token: org.admin });
  await stop(ios);
  await want(404, 'DELETE', `${SESSIONS}queue/${entry.queue_entry_id}`, { token: org.admin });
  assert.equal((await get(ios)).status, 'stopped');
});

test('lists page, filter and never show the sessions of others', async () => {
  const o = await organization();
  const made = [];
  for (let i = 0; i < 5; i++) {
    const body = { device_type: i % 2 ? 'ios' : 'web' };
    made.unshift(await want(200, 'POST', SESSIONS, { token: o.jwt, body }));
  }
  const ids = async (query) => (await want(200, 'GET', `${SESSIONS}?${query}`, { token: o.viewer })).map((s) => s.id);
  const all = made.map((s) => s.id);
  assert.deepEqual(await ids(''), all);
  assert.deepEqual(await ids('limit=2'), all.slice(0, 2));
  assert.deepEqual(await ids('limit=2&offset=2'), all.slice(2, 4));
  assert.deepEqual(await ids('offset=5'), []);
  assert.deepEqual(await ids('offset=99999'), []);
  assert.deepEqual(await ids('limit=100000'), all);
  assert.deepEqual(await ids('device_type=ios'), [all[1], all[3]]);
  assert.deepEqual(await ids('status=active'), []);
  assert.deepEqual(await ids('status=pending&device_type=web&limit=1'), [all[0]]);
  assert.deepEqual(await ids(`search=${made[2].session_id}`), [all[2]]);
  assert.deepEqual(await ids(`search=${encodeURIComponent(o.email.slice(0, 12).toUpperCase())}`), all);
  assert.deepEqual(await ids('search=%25'), []);
  assert.deepEqual(await ids(`user_id=${o.userId}`), all);
  assert.deepEqual(await ids('user_id=999999'), []);
  assert.deepEqual(await ids('time_range=last-hour'), all);
});

// A WebSocket without a library: the opening handshake and the frames of RFC 6455.
function socket(path, headers = {}) {
  const { hostname, port, host } = new URL(process.env.ASSAY_URL);
  const key = crypto.randomBytes(16).toString('base64');
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Upgrade: websocket', 'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13',
    ...Object.entries(headers).map(([k, v]) => `${k}: ${v}`)];
  const conn = net.connect(Number(port), hostname, () => conn.write(`${lines.join('\r\n')}\r\n\r\n`));
  const state = { status: 0, messages: [], conn, closed: false };
  let rest = Buffer.alloc(0);
  conn.on('data', (part) => {
    rest = Buffer.concat([rest, part]);
    if (state.status === 0 && rest.includes('\r\n\r\n')) {
      const head = rest.subarray(0, rest.indexOf('\r\n\r\n')).toString();
      state.status = Number(head.split(' ')[1]);
      const accept = crypto.createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      state.accepted = head.includes(accept);
      rest = rest.subarray(rest.indexOf('\r\n\r\n') + 4);
    }
    while (state.status === 101 && rest.length >= 2) {
      let n = rest[1] & 0x7f;
      let at = 2;
      if (n === 126) { n = rest.length < 4 ? Infinity : rest.readUInt16BE(2); at = 4; }
      if (n === 127) { n = rest.length < 10 ? Infinity : Number(rest.readBigUInt64BE(2)); at = 10; }
      if (rest.length < at + n) {
        break;
      }
      if ((rest[0] & 0x0f) === 1) {
        state.messages.push(JSON.parse(rest.subarray(at, at + n).toString()));
      }
      if ((rest[0] & 0x0f) === 8) { // close: answered in kind, masked as clients must
        conn.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
        state.closed = true;
      }
      rest = rest.subarray(at + n);
    }
  });
  conn.on('close', () => { state.closed = true; });
  conn.on('error', () => { state.closed = true; });
  return state;
}

test('the stream of a session sends its state and frames of the screen, to its owner only', async () => {
  const session = await started();
  const path = `${SESSIONS}${session.session_id}/ws`;
  const ws = socket(`${path}?token=${org.developer}`);
  await until('a frame', () => ws.messages.some((m) => m.type === 'frame'), 20);
  assert.ok(ws.accepted);
  noteSeen('GET /api/v1/sessions/{session_id}/ws', ws.status);
  const frame = ws.messages.find((m) => m.type === 'frame');
  assert.equal(Buffer.from(frame.image.replace(/^data:[^,]*,/, ''), 'base64').subarray(0, 2).toString('hex'), 'ffd8');
  assert.ok(ws.messages.every((m) => typeof m.type === 'string'));
  const header = socket(path, { 'X-API-Key': org.viewer });
  await until('a header is taken as well', () => header.status !== 0, 10);
  assert.equal(header.status, 101);
  header.conn.destroy();
  const lent = await orgToken(org, 'viewer');
  const cut = socket(`${path}?token=${lent.token}`);
  await until('a frame for the lent token', () => cut.messages.some((m) => m.type === 'frame'), 20);
  await want(200, 'DELETE', `/api/v1/organizations/${org.id}/api-tokens/${lent.id}`, { token: org.admin });
  await until('a revoked token ends the view', () => cut.closed, 20);
  assert.equal(cut.messages.at(-1).type, 'error');
  cut.conn.destroy();

  const { status } = await call('GET', path, { token: org.viewer });
  assert.equal(status, 426);
  const other = await organization();
  for (const [wanted, query] of [[401, ''], [401, '?token=nope'], [404, `?token=${other.admin}`]]) {
    const no = socket(`${path}${query}`);
    await until('an answer', () => no.status !== 0, 10);
    assert.equal(no.status, wanted, query);
    no.conn.destroy();
  }
  await stop(session);
  await until('the stream ends with its session', () => ws.closed, 20);
  ws.conn.destroy();
});

test('live time that runs out is told a minute before, and taken back when there is credit', async () => {
  const own = await organization();
  await want(200, 'GET', '/api/v1/credits/balance', { token: own.viewer });
  billing('plan', 'set', String(own.id), 'free');
  const left = 45; // seconds of the plan's thirty minutes
  sql(`INSERT INTO billing.stream_months (org_id, month, used_us) VALUES (${own.id}, date_trunc('month', now() AT TIME ZONE 'UTC')::date, ${(1800 - left) * 1e6})`);
  const made = await create(undefined, own.admin);
  const path = `${SESSIONS}${made.session_id}`;
  const see = () => want(200, 'GET', path, { token: own.admin });
  await want(200, 'POST', `${path}/start`, { token: own.admin });
  await until('the session is active', async () => (await see()).status === 'active', 30);
  const ws = socket(`${path}/ws?token=${own.viewer}`);
  const told = (ending) => ws.messages.some((m) => m.type === 'status' && 'ending_at' in m && (m.ending_at !== null) === ending);
  const warned = await until('the end is told', async () => { const s = await see(); return s.ending_at ? s : null; });
  assert.match(warned.ending_reason, /streaming minutes/);
  assert.equal(warned.status, 'active');
  await until('the viewer is told', () => told(true));
  billing('overage', String(own.id), 'on'); // its credit pays a quarter of an hour
  await until('it goes on', async () => !('ending_at' in await see()));
  await until('the viewer is told that, too', () => told(false));
  ws.conn.destroy();
  await want(200, 'DELETE', path, { token: own.admin });
});

test('a session ends with the account of who started it, and its device is free again', async () => {
  const own = await organization();
  const made = await create(undefined, own.admin);
  await want(200, 'POST', `${SESSIONS}${made.session_id}/start`, { token: own.admin });
  await want(200, 'DELETE', '/api/v1/auth/account', { token: own.jwt });
  const state = () => sql(`SELECT s.status, count(d.id) FROM sessions.sessions s LEFT JOIN sessions.devices d ON d.session_id = s.session_id WHERE s.session_id = '${made.session_id}' GROUP BY s.status`)[0].join();
  await until('the session is stopped', () => state() === 'stopped,0');
});

/* --- an organization's defaults ------------------------------------------------------------- */

async function member(of, role) {
  const body = { email: `${unique(role)}@example.com`, password: 'correct horse battery', role };
  await want(200, 'POST', '/api/v1/auth/users', { token: of.jwt, body });
  return (await want(200, 'POST', '/api/v1/auth/login', { body })).access_token;
}

const setDefaults = (of, body) =>
  want(200, 'PATCH', `/api/v1/organizations/${of.id}/session-defaults`, { token: of.jwt, body });

async function startedBy(token) {
  const made = await want(200, 'POST', SESSIONS, { token, body: { device_type: 'web', device_category: 'desktop' } });
  const path = `${SESSIONS}${made.session_id}`;
  await want(200, 'POST', `${path}/start`, { token });
  await until('the session is active', async () => (await want(200, 'GET', path, { token })).status === 'active', 30);
  return path;
}

test('a session ends after the idle time its organization set, and not before', async () => {
  const o = await organization();
  await setDefaults(o, { session_timeout: '10s' });
  const path = await startedBy(o.jwt);
  await want(200, 'POST', `${path}/control`, { token: o.jwt, body: { action: 'tap', x: 5, y: 5 } });
  const used = Date.now();
  await setDefaults(o, { session_timeout: '2h' }); // of those that start from now on
  await until('it is idle', async () => (await want(200, 'GET', path, { token: o.jwt })).status === 'stopped', 40);
  assert.ok(Date.now() - used >= 9000);
});

test('session permissions say what other members may do with a session', async () => {
  const o = await organization();
  const owner = await member(o, 'developer');
  const other = await member(o, 'developer');
  const tap = { action: 'tap', x: 5, y: 5 };
  for (const [session_permissions, control, stopping] of [['view', 400, 400], ['control', 200, 400], ['full', 200, 200]]) {
    await setDefaults(o, { session_permissions });
    const path = await startedBy(owner);
    await want(200, 'POST', `${path}/control`, { token: owner, body: tap });
    await want(200, 'POST', `${path}/control`, { token: o.jwt, body: tap });
    await want(200, 'POST', `${path}/control`, { token: other, body: { action: 'screenshot' } });
    await want(control, 'POST', `${path}/control`, { token: other, body: tap });
    if (stopping === 400) {
      await refused(400, 'session_permissions', 'DELETE', path, { token: other });
    } else {
      await want(200, 'DELETE', path, { token: other });
    }
    await want(200, 'DELETE', path, { token: owner });
  }
});
