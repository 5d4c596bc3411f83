// Checks everything under deploy/: `node run.js`. One line per check, a summary, exit 1 on a failure.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import YAML from 'yaml';
import { dockerfileChecks, dockerfileFaults } from './dockerfile.js';
import { faults } from './faults.js';
import { nameOf, podOf, readAll, render } from './render.js';
import { graphComplaints, RULES } from './rules.js';
import { complaints } from './schema.js';
import { secretChecks } from './secrets.js';
import { bucketFaults, peerFaults, settingFaults, wordFaults } from './settings.js';

const DEPLOY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../deploy');
const K8S = path.join(DEPLOY, 'k8s');
let passed = 0;
let failed = 0;

function check(title, faultsFound) {
  if (faultsFound.length === 0) passed++;
  else failed++;
  if (faultsFound.length > 0) console.log(`not ok  ${title}\n${faultsFound.map((f) => `          ${f}`).join('\n')}`);
}

function attempt(title, run) {
  try {
    check(title, run());
  } catch (error) {
    check(title, [error.message]);
  }
}

function kubectl() {
  try {
    const { clientVersion } = JSON.parse(execFileSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' }));
    return Number.parseInt(clientVersion.minor, 10) >= 27; // the first with a kustomize of version 5
  } catch {
    return false;
  }
}

/** Our rendering beside kubectl's, as sets of objects. */
function differences(folder, ours) {
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const theirs = YAML.parseAllDocuments(text).map((doc) => doc.toJS());
  const found = ours.filter((o) => !theirs.some((t) => isDeepStrictEqual(t, o))).map((o) => `${nameOf(o)} differs`);
  return theirs.length === ours.length ? found : [...found, `${theirs.length} objects there, ${ours.length} here`];
}

const [graph] = readAll(path.join(K8S, 'call-graph.yaml'));
const compare = kubectl();
const services = Object.keys(graph);
const renderings = ['base', 'overlays/dev', 'overlays/prod', ...services.map((s) => `base/${s}`)];
const objects = {};

for (const name of renderings) {
  const folder = path.join(K8S, name);
  attempt(`${name} renders`, () => { objects[name] = render(folder); return []; });
  if (!objects[name]) continue;
  if (compare) attempt(`${name} is what kubectl renders`, () => differences(folder, objects[name]));
}

for (const name of ['overlays/dev', 'overlays/prod'].filter((n) => objects[n])) {
  const found = complaints(objects[name]);
  objects[name].forEach((object, i) => check(`${name} ${nameOf(object)} has the schema of its kind`, found[i]));
  for (const [title, rule] of Object.entries(RULES)) attempt(`${name}: ${title}`, () => rule(objects[name]));
  attempt(`${name}: policies and addresses equal the call graph`, () => graphComplaints(objects[name], graph));
}

attempt('production pins every image by digest', () => (objects['overlays/prod'] ?? []).filter(podOf).flatMap((o) => podOf(o).containers)
  .filter((c) => !/^[^:]+@sha256:[0-9a-f]{64}$/.test(c.image)).map((c) => c.image));
attempt('development uses no latest image', () => (objects['overlays/dev'] ?? []).filter(podOf).flatMap((o) => podOf(o).containers)
  .filter((c) => !/:(?!latest$|unset$)[\w.-]+$/.test(c.image)).map((c) => c.image));
attempt('production runs at least two of each', () => (objects['overlays/prod'] ?? [])
  .filter((o) => (o.spec?.minReplicas ?? o.spec?.minReplicaCount ?? 2) < 2).map(nameOf));
attempt('the namespace enforces the restricted profile', () => ['overlays/dev', 'overlays/prod'].filter((n) => objects[n]
  .find((o) => o.kind === 'Namespace').metadata.labels['pod-security.kubernetes.io/enforce'] !== 'restricted'));
attempt('no manifest carries a secret', () => renderings.flatMap((n) => objects[n].filter((o) => o.kind === 'Secret').map(nameOf)));

const ROOT = path.resolve(DEPLOY, '..');
for (const service of services) {
  attempt(`settings of ${service} exist`, () => settingFaults(ROOT, service, objects['overlays/prod'] ?? []));
  attempt(`${service} dials whom the call graph says`, () => peerFaults(ROOT, service, graph[service]));
}

attempt('whoever opens the bucket has its keys', () => bucketFaults(objects['overlays/prod'] ?? []));

attempt('alerts and scaling use metrics and states that exist', () => wordFaults(ROOT, objects['overlays/prod'] ?? []));

for (const [title, found] of secretChecks(path.join(K8S, 'secrets.sh'), objects['overlays/prod'])) check(title, found);

const misspelt = structuredClone(objects['overlays/prod'] ?? []);
misspelt.find((o) => o.kind === 'ConfigMap' && o.metadata.name === 'gateway').data.ASSAY_HTP_PORT = '1';
check('a planted fault is found: a misspelt setting', settingFaults(ROOT, 'gateway', misspelt).length > 0 ? [] : ['not found']);

check('a planted fault is found: a peer nobody drew', peerFaults(ROOT, 'webhooks', ['auth', 'tests']).length > 0 ? [] : ['not found']);

const strange = structuredClone(objects['overlays/prod'] ?? []);
strange.find((o) => o.kind === 'PrometheusRule').spec.groups[0].rules[0].expr = 'assay_outbox_ded > 0';
check('a planted fault is found: a metric nobody has', wordFaults(ROOT, strange).length > 0 ? [] : ['not found']);

// The checks themselves: each planted fault must be found by the check it belongs to.
for (const [title, found] of faults(objects['overlays/prod'], graph)) check(`a planted fault is found: ${title}`, found ? [] : ['not found']);

const dockerfile = fs.readFileSync(path.join(DEPLOY, 'docker/Dockerfile'), 'utf8');
const setup = fs.readFileSync(path.join(DEPLOY, '../tools/setup.sh'), 'utf8');
const packages = /^BUILD="([^"]*)"/m.exec(setup)[1].split(/\s+/);
for (const [title, found] of dockerfileChecks(dockerfile, services, packages)) check(title, found);
for (const [title, found] of dockerfileFaults(dockerfile, services, packages)) {
  check(`a planted fault is found: ${title}`, found ? [] : ['not found']);
}

console.log(`k8s: ${compare ? 'compared with' : 'without'} kubectl`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
