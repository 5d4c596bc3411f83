// deploy/k8s/secrets.sh makes exactly what the manifests mount and the settings read.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { podOf, readAll } from './render.js';
import { complaints } from './schema.js';

const openssl = (...args) => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const text = (secret, key) => Buffer.from(secret.data[key], 'base64').toString();

function filesNamed(object, objects) {
  const pod = podOf(object);
  return pod.containers.flatMap((c) => {
    const maps = (c.envFrom ?? []).flatMap((e) => Object.values(objects.find((o) => o.kind === 'ConfigMap'
      && o.metadata.name === e.configMapRef.name).data));
    const values = [...maps, ...(c.env ?? []).map((e) => e.value)].filter((v) => v?.startsWith('/run/secrets/'));
    return values.map((value) => {
      const mount = c.volumeMounts.find((m) => value.startsWith(`${m.mountPath}/`));
      const volume = pod.volumes.find((v) => v.name === mount.name);
      return [volume.secret.secretName, value.slice(mount.mountPath.length + 1)];
    });
  });
}

function certificateFault(out, secret) {
  const service = secret.metadata.name.replace('-rpc-tls', '');
  const file = path.join(out, 'one.crt');
  fs.writeFileSync(file, text(secret, 'tls.crt'));
  openssl('verify', '-CAfile', path.join(out, 'ca.crt'), '-purpose', 'sslserver', file);
  openssl('verify', '-CAfile', path.join(out, 'ca.crt'), '-purpose', 'sslclient', file);
  const names = openssl('x509', '-in', file, '-noout', '-ext', 'subjectAltName');
  const keys = [openssl('x509', '-in', file, '-noout', '-pubkey'), execFileSync('openssl', ['pkey', '-pubout'], { input: text(secret, 'tls.key'), encoding: 'utf8' })];
  return [...(names.includes(`DNS:${service},`) ? [] : [`${service}: name missing`]), ...(keys[0] === keys[1] ? [] : [`${service}: another key`])];
}

export function secretChecks(script, objects) {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'assay-secrets-'));
  try {
    execFileSync('sh', [script, out, 'assay', 'db.example.com:5432/assay', 's3://bucket/prefix'], { stdio: 'pipe', env: { ...process.env, S3_ACCESS_KEY: 'access', S3_SECRET_KEY: 'secret' } });
    const secrets = readAll(path.join(out, 'secrets.yaml'));
    const at = (name) => secrets.find((s) => s.metadata.name === name);
    const named = objects.filter(podOf).flatMap((o) => filesNamed(o, objects));
    const lent = objects.filter((o) => o.kind === 'TriggerAuthentication').flatMap((o) => o.spec.secretTargetRef.map((r) => [r.name, r.key]));
    const mounted = objects.filter(podOf).flatMap((o) => podOf(o).volumes.filter((v) => v.secret).map((v) => v.secret.secretName));
    return [
      ['the secrets have the schema of their kind', complaints(secrets).flat()],
      ['every mounted secret is made', mounted.filter((name) => !at(name))],
      ['every secret file a setting names is made', [...named, ...lent].filter(([name, key]) => at(name)?.data[key] === undefined).map(String)],
      ['no secret is made that nothing mounts', secrets.map((s) => s.metadata.name).filter((name) => !mounted.includes(name))],
      ['no secret is made that no setting names', secrets.flatMap((s) => Object.keys(s.data).map((key) => [s.metadata.name, key]))
        .filter((made) => ![...named, ...lent].some((n) => n.join() === made.join())).map(String)],
      ['certificates are signed by the CA for their service', secrets.filter((s) => s.data['tls.crt']).flatMap((s) => certificateFault(out, s))],
      ['no two services share a password or key', secrets.filter((s) => s.data['secret-key']).map((s) => s.data['secret-key'])
        .filter((key, i, all) => all.indexOf(key) !== i)],
    ];
  } finally {
    fs.rmSync(out, { recursive: true });
  }
}
