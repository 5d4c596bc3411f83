// What tests/contract/endpoints.json says of an answer.
import fs from 'node:fs';

import { schemaErrors } from './schema.mjs';

const here = new URL('.', import.meta.url);
const contract = JSON.parse(fs.readFileSync(new URL('../../contract/endpoints.json', here)));
const openapiPath = process.env.E2E_OPENAPI ?? new URL('../../../build/gen/openapi.json', here);
const openapi = JSON.parse(fs.readFileSync(openapiPath));
const formats = Object.fromEntries(
  Object.entries(contract.formats).map(([name, text]) => [name, new RegExp(text)]),
);

export const ERROR_TYPES = [
  'unauthorized', 'forbidden', 'not_found', 'conflict', 'validation_error', 'rate_limited',
  'too_large', 'invalid_yaml', 'invalid_schedule', 'invalid_image', 'unknown_case',
  'setup_complete', 'not_configured', 'notification_error', 'generation_error', 'no_display',
  'internal',
];

function shapeOf(id) {
  return id.replace(/\{[^}]*\}/g, '{}');
}

// Endpoints the server has, by the document it serves, with what the contract says of them.
const served = new Map();
for (const [path, verbs] of Object.entries(openapi.paths)) {
  for (const [verb, operation] of Object.entries(verbs)) {
    served.set(shapeOf(`${verb.toUpperCase()} ${path}`), { path, operation });
  }
}

export const endpoints = contract.endpoints
  .filter((e, i, all) => served.has(shapeOf(e.id)) && all.findIndex((o) => o.id === e.id) === i)
  .map((e) => ({ ...e, operation: served.get(shapeOf(e.id)).operation }));

// The documented answer of the service, extended by /health and the like.
const aliases = { '/health': '/api/v1/health', '/health/ready': '/api/v1/health/ready' };

function segments(path) {
  const parts = path.split('/').slice(1);
  return parts.length > 1 && parts.at(-1) === '' ? parts.slice(0, -1) : parts;
}

// "{run_id}" is any segment, "step_{step_index}.jpg" one of that form.
function matches(own, segment) {
  const [before, after] = own.replace(/\{[^}]*\}/, '{').split('{');
  return after === undefined ? own === segment : segment.startsWith(before) && segment.endsWith(after);
}

// The endpoint that answers this request; fixed segments win over parameters.
export function endpointFor(method, target) {
  const raw = target.split('?')[0];
  const path = segments(aliases[raw] ?? raw);
  let best = null;
  for (const e of endpoints) {
    const own = segments(e.path);
    const rest = own.at(-1) === '{path}';
    const fits =
      e.method === method &&
      (rest ? path.length >= own.length : path.length === own.length) &&
      own.every((s, i) => matches(s, path[i]));
    const fixed = own.map((s) => (s.startsWith('{') ? '1' : '0')).join('');
    if (fits && (best === null || fixed < best.fixed)) {
      best = { e, fixed };
    }
  }
  return best?.e ?? null;
}

function treeOf(fields) {
  const root = { children: new Map() };
  for (const field of fields) {
    let node = root;
    for (const name of field.path.split('/').slice(1)) {
      if (!node.children.has(name)) {
        node.children.set(name, { children: new Map() });
      }
      node = node.children.get(name);
    }
    node.spec = field;
  }
  return root;
}

function typeFits(type, value) {
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
  switch (type) {
    case 'string': return typeof value === 'string';
    case 'integer': return Number.isInteger(value);
    case 'number': return typeof value === 'number';
    case 'boolean': return typeof value === 'boolean';
    case 'null': return value === null;
    case 'object': case 'map': return isObject;
    case 'any': return true;
    default: return type.startsWith('array') ? Array.isArray(value) : false;
  }
}

function valueErrors(spec, value, at, out) {
  if (value === null) {
    if (!spec.nullable && spec.type !== 'null' && spec.type !== 'any') {
      out.push(`${at} is null`);
    }
    return;
  }
  if (!typeFits(spec.type, value)) {
    out.push(`${at} is not ${spec.type}: ${JSON.stringify(value)}`);
    return;
  }
  if (spec.enum && !spec.enum.includes(value)) {
    out.push(`${at} is not one of ${spec.enum}: ${value}`);
  }
  if (spec.const !== undefined && value !== spec.const) {
    out.push(`${at} is not ${spec.const}: ${value}`);
  }
  if (spec.pattern && !new RegExp(spec.pattern).test(value)) {
    out.push(`${at} does not match ${spec.pattern}: ${value}`);
  }
  if (spec.format && !formats[spec.format].test(value)) {
    out.push(`${at} is no ${spec.format}: ${value}`);
  }
  if ((spec.min !== undefined && value < spec.min) || (spec.max !== undefined && value > spec.max)) {
    out.push(`${at} is out of range: ${value}`);
  }
}

function nodeErrors(node, value, at, out) {
  if (value === null || typeof value !== 'object') {
    return;
  }
  for (const [name, child] of node.children) {
    if (name === '*') {
      for (const [key, item] of Object.entries(value)) {
        if (child.spec) {
          valueErrors(child.spec, item, `${at}/${key}`, out);
        }
        nodeErrors(child, item, `${at}/${key}`, out);
      }
    } else if (!Object.hasOwn(value, name)) {
      if (child.spec && !child.spec.optional) {
        out.push(`${at}/${name} is absent`);
      }
    } else {
      if (child.spec) {
        valueErrors(child.spec, value[name], `${at}/${name}`, out);
      }
      nodeErrors(child, value[name], `${at}/${name}`, out);
    }
  }
}

function successErrors(e, res) {
  const spec = e.responses[res.status];
  if (!spec) {
    return [`status ${res.status} is not documented: ${res.bytes.toString().slice(0, 300)}`];
  }
  const out = [];
  if (spec.content_type && spec.content_type !== '*/*' && res.type !== spec.content_type) {
    out.push(`content type ${res.type}, not ${spec.content_type}`);
  }
  if (!spec.root) {
    return out;
  }
  if ((spec.root === 'array') !== Array.isArray(res.json)) {
    out.push(`the answer is not one ${spec.root}`);
  }
  nodeErrors(treeOf(spec.fields), res.json, '', out);
  const schema = e.operation.responses[res.status]?.content?.['application/json']?.schema;
  return out.concat(schemaErrors(openapi, schema, res.json));
}

// The member of a failure that tells people what is wrong, and the status of a wrong shape.
export function textMember(e) {
  return e.surface === 'vizzly' ? 'error' : 'detail';
}

export function shapeStatus(e) {
  return e.surface === 'vizzly' ? 400 : 422;
}

function failureErrors(e, res) {
  const out = [];
  const allowed = [400, 404, 405, 413, 422, 503].concat(e.errors.map((x) => x.status));
  if (!allowed.includes(res.status)) {
    out.push(`status ${res.status} is not documented: ${res.bytes.toString().slice(0, 300)}`);
  }
  const member = textMember(e);
  if (typeof res.json?.[member] !== 'string' || res.json[member] === '') {
    out.push(`${member} is not a text: ${res.bytes.toString().slice(0, 200)}`);
  }
  const needsType = e.surface === 'tripwire' || (e.shared_with ?? []).includes('tripwire');
  if (needsType && !ERROR_TYPES.includes(res.json?.type)) {
    out.push(`type is not of the vocabulary: ${res.json?.type}`);
  }
  if (res.status === 429 && !/^[1-9][0-9]*$/.test(res.headers['retry-after'] ?? '')) {
    out.push('429 without Retry-After');
  }
  return out;
}

// Puts a pair into the table of coverage.
export function noteSeen(id, status) {
  if (process.env.E2E_SEEN) {
    fs.appendFileSync(process.env.E2E_SEEN, `${id}\t${status}\n`);
  }
}

// Everything the contract has against this answer.
export function answerErrors(res) {
  const e = endpointFor(res.method, res.path);
  if (!e || res.status === 304) {
    return [];
  }
  noteSeen(e.id, res.status);
  const errors = res.status < 400 ? successErrors(e, res) : failureErrors(e, res);
  return errors.map((text) => `${e.id} ${res.status}: ${text}`);
}

// Pairs of endpoint and status the contract names, with those in `seen` taken out.
export function missing(seen) {
  const out = [];
  for (const e of endpoints) {
    const statuses = Object.keys(e.responses).concat(e.errors.map((x) => String(x.status)));
    for (const status of new Set(statuses)) {
      if (!seen.has(`${e.id}\t${status}`)) {
        out.push(`${e.id} ${status}`);
      }
    }
  }
  return out;
}
