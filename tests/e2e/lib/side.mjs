// A second gateway (and, when asked, a second auth) before the services of the stack, with settings
// of its own.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { exchange } from './http.mjs';
import { freePort } from './ports.mjs';
import { board, until } from './world.mjs';

function environment(rpcDir, more) {
  const env = { ...process.env, ...more };
  for (const name of ['auth', 'sessions', 'tests', 'billing', 'webhooks']) {
    env[`ASSAY_RPC_${name.toUpperCase()}`] ??= `ipc://${rpcDir}/${name}`;
  }
  env.ASSAY_BLOB_URL = `file:${process.env.ASSAY_STATE_DIR}/blobs`;
  env.ASSAY_SECRET_KEY_FILE = `${process.env.ASSAY_STATE_DIR}/secret.key`;
  env.ASSAY_HTTP_ADDRESS = '127.0.0.1';
  return env;
}

function start(name, env) {
  const log = fs.openSync(path.join(process.env.ASSAY_STATE_DIR, 'log', `side-${name}.log`), 'a');
  const child = spawn(path.join(process.env.ASSAY_BIN, `assay-${name}`), [], { env, stdio: ['ignore', log, log] });
  fs.closeSync(log);
  return child;
}

// settings: of the gateway. auth, billing: settings of a process of its own; absent: the stack's.
export async function sideGateway(settings, auth, billing) {
  const rpcDir = path.dirname(board().children.auth.listen.slice('ipc://'.length));
  const port = await freePort();
  const children = [];
  const more = { ASSAY_RATE_LIMITS: 'off', ...settings, ASSAY_HTTP_PORT: String(port) };
  for (const [name, own] of Object.entries({ auth, billing })) {
    if (own) {
      const uri = board().psql.replace('postgres@', `assay_${name}@`);
      children.push(start(name, environment(rpcDir, {
        ...own, ASSAY_DATABASE_URL: uri, ASSAY_RPC_LISTEN: `ipc://${rpcDir}/aside-${name}.1`,
      })));
      more[`ASSAY_RPC_${name.toUpperCase()}`] = `ipc://${rpcDir}/aside-${name}`;
    }
  }
  children.push(start('gateway', environment(rpcDir, more)));
  const url = `http://127.0.0.1:${port}`;
  await until('the second gateway is ready', async () => {
    const res = await exchange('GET', '/health/ready', { url }).catch(() => null);
    return res?.status === 200;
  }, 15);
  return {
    url,
    stop: () => children.forEach((child) => child.kill('SIGTERM')),
    kill: () => children.forEach((child) => child.kill('SIGKILL')),
  };
}
