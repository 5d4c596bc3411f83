// SPDX-License-Identifier: Apache-2.0
// An S3-speaking server on a free port: `node server.js DIR` prints "ready PORT". s3rver does not
// check version 4 signatures, so they are checked here, ahead of it. Ends with SIGTERM, or when its
// standard input is closed (its parent died).
'use strict';
const crypto = require('crypto');
const http = require('http');
const S3rver = require('s3rver');

const SECRET = 'S3RVER'; // s3rver's own account, the key has the same text

const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();

function signatureOf(req, credential, names) {
  const [, day, region, service, last] = credential.split('/');
  const [path, query = ''] = req.url.split('?');
  const headers = names.split(';').map((n) => `${n}:${String(req.headers[n]).trim()}\n`);
  const canonical = [
    req.method,
    path,
    query.split('&').sort().join('&'),
    headers.join(''),
    names,
    req.headers['x-amz-content-sha256'],
  ].join('\n');
  const scope = [day, region, service, last].join('/');
  const text = ['AWS4-HMAC-SHA256', req.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac('AWS4' + SECRET, day), region), service), last);
  return hmac(key, text).toString('hex');
}

function isSigned(req) {
  const pattern = /^AWS4-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/;
  const m = pattern.exec(req.headers.authorization || '');
  const signed = m ? m[2].split(';') : [];
  return (
    m !== null &&
    ['host', 'x-amz-date', 'x-amz-content-sha256'].every((n) => signed.includes(n)) &&
    signatureOf(req, m[1], m[2]) === m[3]
  );
}

const store = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory: process.argv[2],
  configureBuckets: [{ name: 'bucket' }],
});

async function main() {
  await store.configureBuckets();
  const serve = store.callback();
  const server = http.createServer((req, res) => {
    if (isSigned(req)) {
      serve(req, res);
      return;
    }
    req.resume();
    res.writeHead(403, { 'content-type': 'application/xml' });
    res.end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
  });
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`ready ${server.address().port}\n`);
  });
  process.stdin.resume().on('end', () => process.exit(0));
}

main();
