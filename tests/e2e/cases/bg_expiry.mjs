// Runs beside the other files: the shortest life of a token is a minute.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sideGateway } from '../lib/side.mjs';
import { call, organization, until, want } from '../lib/world.mjs';

// Clocks of replicas may differ: half a minute after its end a token is still taken.
const LEEWAY_S = 30;

test('a JWT is taken until its end and refused from then on', async () => {
  const brief = await sideGateway({}, { ASSAY_JWT_TTL: '60s' });
  try {
    const org = await organization();
    const body = { email: org.email, password: org.password };
    const { access_token: token } = await want(200, 'POST', '/api/v1/auth/login', { url: brief.url, body });
    const { exp, iat } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    assert.equal(exp - iat, 60);
    await until('the token ends', async () => {
      const asked = Date.now() / 1000;
      const { status } = await call('GET', '/api/v1/auth/me', { url: brief.url, token });
      assert.ok(status === 200 || status === 401, `${status}`);
      assert.ok(status === 401 || asked < exp + LEEWAY_S, 'taken after its end');
      assert.ok(status === 200 || Date.now() / 1000 >= exp, 'refused before its end');
      return status === 401;
    }, 60 + LEEWAY_S + 15);
  } finally {
    brief.stop();
  }
});
