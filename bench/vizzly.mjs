// Screenshots for parts/vizzly.sh.  vizzly.mjs make DIR COUNT: pages of 1280 x 800 and the same with a
// small change.  vizzly.mjs upload DIR COUNT KIND URL TOKEN: one build of them, ten files a request, one
// request after the other, as the command-line client does; prints the milliseconds from the first byte
// to the last comparison.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const WIDTH = 1280;
const HEIGHT = 800;
const [what, dir, countText, kind, url, token] = process.argv.slice(2);
const count = Number(countText);

function chunk(type, data) {
  const out = Buffer.alloc(data.length + 12);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(zlib.crc32(out.subarray(4, data.length + 8)), data.length + 8);
  return out;
}

// Lines of something like text on a page, coloured bars, a picture that does not compress well.
function page(n, changed) {
  const stride = WIDTH * 3 + 1;
  const rows = Buffer.alloc(stride * HEIGHT, 255);
  let seed = n * 7919 + 17;
  const random = () => { seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff; return seed >>> 8; };
  const dot = (x, y, r, g, b) => { const at = y * stride + 1 + x * 3; rows[at] = r; rows[at + 1] = g; rows[at + 2] = b; };
  for (let y = 0; y < HEIGHT; y += 1) {
    rows[y * stride] = 0;
  }
  for (let line = 0; line < 30; line += 1) {
    for (let x = 40; x < 800; x += 1) {
      if (random() % 7 < 3) {
        const grey = random() % 160;
        for (let y = 60 + line * 22; y < 68 + line * 22; y += 1) {
          dot(x, y, grey, grey, grey);
        }
      }
    }
  }
  for (let y = 100; y < 300; y += 1) {
    for (let x = 900; x < 1200; x += 1) {
      dot(x, y, (x * y + n) & 255, (x ^ y) & 255, (random() & 31) + 100);
    }
  }
  for (let y = 720; y < 760; y += 1) {
    for (let x = 40; x < 240; x += 1) {
      dot(x, y, changed ? 37 : 47, changed ? 99 : 111, 235 - (n % 3));
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(WIDTH, 0);
  head.writeUInt32BE(HEIGHT, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head),
    chunk('IDAT', zlib.deflateSync(rows, { level: 3 })), chunk('IEND', Buffer.alloc(0))]);
}

async function call(method, at, body) {
  const headers = { authorization: `Bearer ${token}`, 'user-agent': 'vizzly-cli/0.29.6 (upload)' };
  const isForm = body instanceof FormData;
  if (body && !isForm) {
    headers['content-type'] = 'application/json';
  }
  const res = await fetch(url + at, { method, headers, body: isForm || !body ? body : JSON.stringify(body) });
  if (!res.ok) {
    throw new Error(`${method} ${at}: ${res.status} ${await res.text()}`);
  }
  return res.json();
}

async function upload() {
  const files = Array.from({ length: count }, (_, i) => fs.readFileSync(path.join(dir, `${kind}-${i}.png`)));
  const began = performance.now();
  const { id } = await call('POST', '/api/sdk/builds', { build: { name: kind, branch: 'main', threshold: 2 } });
  for (let at = 0; at < count; at += 10) {
    const form = new FormData();
    form.append('build_id', id);
    files.slice(at, at + 10).forEach((bytes, i) => form.append('screenshots', new Blob([bytes], { type: 'image/png' }), `page ${at + i}.png`));
    await call('POST', '/api/sdk/upload', form);
  }
  const sent = performance.now();
  await call('PUT', `/api/sdk/builds/${id}/status`, { status: 'completed' });
  let build;
  do {
    ({ build } = await call('GET', `/api/sdk/builds/${id}`));
  } while (build.status === 'processing');
  console.log((performance.now() - began).toFixed(0), (sent - began).toFixed(0), build.changed_comparisons, build.status);
}

if (what === 'make') {
  for (let i = 0; i < count; i += 1) {
    fs.writeFileSync(path.join(dir, `base-${i}.png`), page(i, false));
    fs.writeFileSync(path.join(dir, `current-${i}.png`), page(i, true));
  }
} else {
  await upload();
}
