// Renders a kustomization as `kubectl kustomize` does, for the part of kustomize that deploy/k8s uses:
// resources, components, namespace, images, JSON patches. Anything else is refused, never skipped.
// Where kubectl is installed, run.js compares every rendering with its own.
import fs from 'node:fs';
import path from 'node:path';
import YAML from 'yaml';

const KNOWN = new Set(['apiVersion', 'kind', 'resources', 'components', 'namespace', 'images', 'patches']);
const CLUSTER_KINDS = new Set(['Namespace']);

export const readAll = (file) => YAML.parseAllDocuments(fs.readFileSync(file, 'utf8')).map((doc) => {
  if (doc.errors.length > 0) throw new Error(`${file}: ${doc.errors[0].message}`);
  return doc.toJS();
});

function load(folder, entry) {
  const at = path.join(folder, entry);
  return fs.statSync(at).isDirectory() ? render(at) : readAll(at);
}

function setNamespace(objects, namespace) {
  const old = new Set(objects.filter((o) => o.kind === 'Namespace').map((o) => o.metadata.name));
  for (const object of objects) {
    if (old.has(object.metadata.name) && object.kind === 'Namespace') object.metadata.name = namespace;
    else if (!CLUSTER_KINDS.has(object.kind)) object.metadata.namespace = namespace;
  }
}

export function podOf(object) {
  if (object.kind === 'Deployment' || object.kind === 'Job') return object.spec.template.spec;
  return null;
}

function setImages(objects, images) {
  for (const pod of objects.map(podOf).filter(Boolean)) {
    for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
      const [name, tag] = container.image.split(':');
      const image = images.find((i) => i.name === name);
      if (!image) continue;
      const ending = image.digest ? `@${image.digest}` : `:${image.newTag ?? tag}`;
      container.image = `${image.newName ?? name}${ending}`;
    }
  }
}

function walk(object, pointer) {
  const parts = pointer.split('/').slice(1).map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = parts.pop();
  const parent = parts.reduce((at, part) => at?.[part], object);
  if (parent === undefined || parent === null) throw new Error(`no ${pointer} in ${object.kind} ${object.metadata.name}`);
  return [parent, last];
}

function applyOperation(object, { op, path: pointer, value }) {
  const [parent, key] = walk(object, pointer);
  if (op !== 'add' && !(key in parent)) throw new Error(`no ${pointer} in ${object.kind} ${object.metadata.name}`);
  if (op === 'remove') Array.isArray(parent) ? parent.splice(Number(key), 1) : delete parent[key];
  else if (op === 'replace') parent[key] = structuredClone(value);
  else if (op === 'add' && Array.isArray(parent)) parent.splice(key === '-' ? parent.length : Number(key), 0, value);
  else if (op === 'add') parent[key] = structuredClone(value);
  else throw new Error(`patch operation ${op} is not known here`);
}

function removeOne(objects, { kind, name }) {
  const at = objects.findIndex((o) => o.kind === kind && o.metadata.name === name);
  if (at < 0) throw new Error(`patch target ${kind} ${name} does not exist`);
  objects.splice(at, 1);
}

function applyPatch(objects, { target, patch }) {
  const operations = YAML.parse(patch);
  if (operations.$patch === 'delete') return removeOne(objects, target);
  if (!target?.kind || !Array.isArray(operations)) throw new Error('only JSON patches with a target kind are known here');
  const hit = objects.filter((o) => o.kind === target.kind && (!target.name || o.metadata.name === target.name));
  if (hit.length === 0) throw new Error(`patch target ${target.kind} ${target.name ?? ''} does not exist`);
  for (const object of hit) operations.forEach((operation) => applyOperation(object, operation));
  return undefined;
}

export function render(folder, into = []) {
  const [spec] = readAll(path.join(folder, 'kustomization.yaml'));
  const strange = Object.keys(spec).filter((key) => !KNOWN.has(key));
  if (strange.length > 0) throw new Error(`${folder}: ${strange.join(', ')} not known here`);
  const objects = [...into, ...(spec.resources ?? []).flatMap((entry) => load(folder, entry))];
  const all = (spec.components ?? []).reduce((so_far, entry) => render(path.join(folder, entry), so_far), objects);
  (spec.patches ?? []).forEach((patch) => applyPatch(all, patch));
  if (spec.namespace) setNamespace(all, spec.namespace);
  setImages(all, spec.images ?? []);
  return all;
}

export const nameOf = (object) => `${object.kind}/${object.metadata?.name ?? '?'}`;
