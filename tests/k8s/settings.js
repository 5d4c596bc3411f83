// Every setting a manifest gives is one its program reads: a misspelt name would be ignored in silence.
import fs from 'node:fs';
import path from 'node:path';
import { podOf } from './render.js';

const sources = (folder) => fs.readdirSync(folder, { recursive: true }).map(String)
  .filter((f) => /\.[ch]$/.test(f) && !/_test\.c$/.test(f)).map((f) => fs.readFileSync(path.join(folder, f), 'utf8')).join('\n');

/** Alerts speak of metrics the programs have, the queue's scaler of states the schema has. */
export function wordFaults(root, objects) {
  const text = ['lib', 'services'].map((f) => sources(path.join(root, f))).join('\n');
  const exprs = objects.filter((o) => o.kind === 'PrometheusRule').flatMap((o) => o.spec.groups).flatMap((g) => g.rules).map((r) => r.expr);
  const metrics = exprs.flatMap((e) => e.match(/\bassay_[a-z_]+/g) ?? []);
  const sql = fs.readFileSync(path.join(root, 'services/tests/sql/0001_init.sql'), 'utf8');
  const states = /CREATE TABLE jobs[^;]*CHECK \(state IN \(([^)]*)\)/.exec(sql)?.[1] ?? '';
  const asked = objects.filter((o) => o.kind === 'ScaledObject').flatMap((o) => o.spec.triggers)
    .flatMap((t) => t.metadata.query.match(/'[a-z]+'/g) ?? []);
  return [...metrics.filter((m) => !text.includes(`"${m}"`)).map((m) => `no program has ${m}`),
    ...asked.filter((s) => !states.includes(s)).map((s) => `no job is ${s}`)];
}

/** Names of settings in C text: rows of configuration tables. */
const rowsOf = (text) => new Set([...text.matchAll(/\.name = "(ASSAY_[A-Z0-9_]+)"/g)].map((m) => m[1]));

/** A bucket is no use without its keys. */
export function bucketFaults(objects) {
  return objects.filter((o) => o.kind === 'ConfigMap' && o.data.ASSAY_BLOB_URL_FILE)
    .filter((o) => !o.data.ASSAY_S3_ACCESS_KEY_FILE || !o.data.ASSAY_S3_SECRET_KEY_FILE).map((o) => `${o.metadata.name} has no keys`);
}

/** The peers a program dials by name (svc_def.peers in its main.c) are those of the call graph. */
export function peerFaults(root, service, callees) {
  const text = fs.readFileSync(path.join(root, `services/${service}/main.c`), 'utf8');
  const value = /\.peers =([^,]*),/.exec(text)?.[1] ?? '';
  const dialled = value.includes('SVC_USES_ALL') ? ['auth', 'billing', 'sessions', 'tests', 'webhooks']
    : [...value.matchAll(/SVC_USES\(SVC_([A-Z]+)\)/g)].map((m) => m[1].toLowerCase()).sort();
  // Gateways find each other by ASSAY_RPC_GATEWAY, not as a peer of all processes.
  const drawn = callees.filter((c) => c !== 'worker' && !(service === 'gateway' && c === 'gateway')).sort();
  return dialled.join() === drawn.join() ? [] : [`${service} dials ${dialled}, the graph says ${drawn}`];
}

export function settingFaults(root, service, objects) {
  const known = new Set(['lib', `services/${service}`].flatMap((f) => [...rowsOf(sources(path.join(root, f)))]));
  const given = objects.filter((o) => o.metadata.labels?.['app.kubernetes.io/name'] === service).flatMap((o) => [
    ...(o.kind === 'ConfigMap' ? Object.keys(o.data) : []),
    ...(podOf(o)?.containers.flatMap((c) => (c.env ?? []).map((e) => e.name)) ?? [])]);
  return given.filter((name) => name.startsWith('ASSAY_') && !known.has(name) && !known.has(name.replace(/_FILE$/, '')))
    .map((name) => `${name} is no setting of ${service}`);
}
