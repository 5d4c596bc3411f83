// Every setting a manifest gives is one its program reads: a misspelt name would be ignored in silence.
import fs from 'node:fs';
import path from 'node:path';
import { podOf } from './render.js';

const sources = (folder) => fs.readdirSync(folder, { recursive: true }).map(String)
  .filter((f) => /\.[ch]$/.test(f) && !/_test\.c$/.test(f)).map((f) => fs.readFileSync(path.join(folder, f), 'utf8')).join('\n');

/** Names of settings in C text: rows of configuration tables. */
const rowsOf = (text) => new Set([...text.matchAll(/\.name = "(ASSAY_[A-Z0-9_]+)"/g)].map((m) => m[1]));

export function settingFaults(root, service, objects) {
  const known = new Set(['lib', `services/${service}`].flatMap((f) => [...rowsOf(sources(path.join(root, f)))]));
  const given = objects.filter((o) => o.metadata.labels?.['app.kubernetes.io/name'] === service).flatMap((o) => [
    ...(o.kind === 'ConfigMap' ? Object.keys(o.data) : []),
    ...(podOf(o)?.containers.flatMap((c) => (c.env ?? []).map((e) => e.name)) ?? [])]);
  return given.filter((name) => name.startsWith('ASSAY_') && !known.has(name) && !known.has(name.replace(/_FILE$/, '')))
    .map((name) => `${name} is no setting of ${service}`);
}
