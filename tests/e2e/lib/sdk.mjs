// What a client of the SDK surface does: builds, pictures, forms.
import { createHash, randomBytes } from 'node:crypto';
import zlib from 'node:zlib';

import { call, orgToken, unique, until, want } from './world.mjs';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(zlib.crc32 ? zlib.crc32(body) : crc32(body), body.length + 4);
  return out;
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i += 1) {
      crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
    }
  }
  return ~crc >>> 0;
}

// An RGB picture. paint: a colour, or a function of x and y that gives one.
export function png(width, height, paint, level = 6) {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const colour = typeof paint === 'function' ? paint(x, y) : paint;
      rows.set(colour, y * (width * 3 + 1) + 1 + x * 3);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head),
    chunk('IDAT', zlib.deflateSync(rows, { level })), chunk('IEND', Buffer.alloc(0))]);
}

// White, with a rectangle of another colour.
export function page(width, height, box, colour = [255, 0, 0], level = 6) {
  return png(width, height, (x, y) => (box && x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h
    ? colour : [255, 255, 255]), level);
}

export function sdkToken(org, role, project) {
  return orgToken(org, role, { kind: 'sdk', project });
}

export async function startBuild(org, more = {}, token = org.developer) {
  const made = await want(201, 'POST', '/api/sdk/builds', { token, body: { build: { name: unique('build'), ...more } } });
  return { ...made, ...more };
}

export function shoot(org, build, name, image, more = {}, token = org.developer) {
  const body = { name, image_data: image.toString('base64'), ...more };
  return want(201, 'POST', `/api/sdk/builds/${build.id}/screenshots`, { token, body });
}

export function setStatus(org, build, status, more = {}) {
  return want(200, 'PUT', `/api/sdk/builds/${build.id}/status`, { token: org.developer, body: { status, ...more } });
}

export async function readBuild(org, build, include = 'screenshots,comparisons,review-summary') {
  return (await want(200, 'GET', `/api/sdk/builds/${build.id}?include=${include}`, { token: org.viewer })).build;
}

// Completes the build and waits until all of it is compared.
export async function compared(org, build) {
  if (build.parallel_id) {
    await want(200, 'POST', `/api/sdk/parallel/${build.parallel_id}/finalize`, { token: org.developer });
  } else {
    await setStatus(org, build, 'completed');
  }
  return until(`build ${build.id} is compared`, async () => {
    const read = await readBuild(org, build);
    return read.status === 'completed' ? read : null;
  });
}

// Fields: [name, value] or [name, bytes, file name].
export function form(fields) {
  const boundary = `b${randomBytes(12).toString('hex')}`;
  const parts = fields.flatMap(([name, value, fileName]) => {
    const file = fileName === undefined ? '' : `; filename="${fileName}"\r\ncontent-type: image/png`;
    return [Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n`),
      Buffer.from(value), Buffer.from('\r\n')];
  });
  return {
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}

export function upload(org, fields, token = org.developer) {
  return call('POST', '/api/sdk/upload', { token, ...form(fields) });
}
