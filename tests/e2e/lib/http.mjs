// One HTTP exchange, with nothing normalized: the path goes out as given.
import http from 'node:http';

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

export function base() {
  return process.env.ASSAY_URL;
}

// options: token, headers, body (object: JSON; string or Buffer: as it is), url, carrier, timeout.
export function exchange(method, path, options = {}) {
  const url = new URL(options.url ?? base());
  const headers = { ...(options.headers ?? {}) };
  let payload = null;
  if (options.body !== undefined) {
    const isRaw = typeof options.body === 'string' || Buffer.isBuffer(options.body);
    payload = isRaw ? Buffer.from(options.body) : Buffer.from(JSON.stringify(options.body));
    headers['content-type'] ??= 'application/json';
    headers['content-length'] ??= String(payload.length);
  } else if (method !== 'GET' && method !== 'HEAD') {
    headers['content-length'] ??= '0';
  }
  if (path.startsWith('/api/sdk') || path.startsWith('/api/auth/cli')) {
    headers['user-agent'] ??= 'Vizzly-e2e/1.0';
  }
  if (options.token) {
    headers.authorization ??= `Bearer ${options.token}`;
  }
  return new Promise((resolve, reject) => {
    const req = http.request(
      { host: url.hostname, port: url.port, method, path, headers, agent: options.agent ?? agent },
      (res) => {
        const parts = [];
        res.on('data', (part) => parts.push(part));
        res.on('error', reject);
        res.on('end', () => resolve(answer(method, path, res, Buffer.concat(parts))));
      },
    );
    req.setTimeout(options.timeout ?? 60000, () => req.destroy(new Error(`${method} ${path}: no answer`)));
    req.on('upgrade', (res, socket) => {
      socket.destroy();
      resolve(answer(method, path, res, Buffer.alloc(0)));
    });
    req.on('error', reject);
    req.end(payload);
  });
}

function answer(method, path, res, bytes) {
  const type = (res.headers['content-type'] ?? '').split(';')[0].trim();
  let json;
  if (type === 'application/json' && bytes.length > 0 && !res.headers['content-encoding']) {
    json = JSON.parse(bytes.toString('utf8'));
  }
  return { method, path, status: res.statusCode, headers: res.headers, type, bytes, json };
}
