// check.mjs FILE: is it a valid OpenAPI 3.1 document, and does it say of every operation what a
// client needs? One line per fault; exit 1 when there is one.
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const faults = [];
const doc = JSON.parse(readFileSync(process.argv[2], "utf8"));

async function isValid(document) {
  const result = await new Validator().validate(structuredClone(document));
  return result.valid ? null : JSON.stringify(result.errors).slice(0, 2000);
}

function checkOperation(path, verb, op, ids) {
  const name = `${verb.toUpperCase()} ${path}`;
  const need = (ok, text) => ok || faults.push(`${name}: ${text}`);
  need(!ids.has(op.operationId), `operationId ${op.operationId} stands twice`);
  ids.add(op.operationId);
  need(op.summary?.length > 0, "no summary");
  need(op.tags?.length > 0, "no tag");
  const statuses = Object.keys(op.responses ?? {});
  need(statuses.some((s) => s < "400"), "no success response");
  need(op["x-assay-role"] === "none" || statuses.includes("401"), "no 401");
  need(op["x-assay-role"] === "none" || op.security.length >= 3, "no security");
  need(op["x-assay-rate-class"] === "unlimited" || statuses.includes("429"), "no 429");
  for (const s of statuses.filter((x) => x >= "400")) {
    need(op.responses[s].content?.["application/json"]?.schema, `${s} has no error body`);
  }
  const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map((m) => m[1]).sort().join();
  const declared = op.parameters.filter((p) => p.in === "path").map((p) => p.name).sort().join();
  need(inPath === declared, `path has {${inPath}}, parameters are {${declared}}`);
  const names = op.parameters.map((p) => `${p.in} ${p.name}`);
  need(new Set(names).size === names.length, "a parameter stands twice");
}

// Every schema must compile (patterns included) and accept its own examples and default.
function checkSchemas() {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addFormat("int32", true);
  ajv.addFormat("int64", true);
  ajv.addFormat("password", true);
  ajv.addSchema(doc, "doc");
  const walk = (node, pointer) => {
    if (node === null || typeof node !== "object") {
      return;
    }
    if (pointer.endsWith("/schema") || /^\/components\/schemas\/[^/]+$/.test(pointer)) {
      checkSchema(ajv, node, pointer);
    }
    for (const [key, value] of Object.entries(node)) {
      walk(value, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    }
  };
  walk(doc, "");
}

function checkSchema(ajv, schema, pointer) {
  let validate;
  try {
    validate = ajv.compile({ $ref: `doc#${encodeURI(pointer)}` });
  } catch (e) {
    faults.push(`${pointer}: ${e.message}`);
    return;
  }
  const samples = [...(schema.examples ?? [])];
  if (schema.default !== undefined) {
    samples.push(schema.default);
  }
  for (const sample of samples.filter((s) => !validate(s))) {
    faults.push(`${pointer}: does not accept its own ${JSON.stringify(sample)}`);
  }
}

const invalid = await isValid(doc);
if (invalid) {
  faults.push(`not valid: ${invalid}`);
}
if (doc.openapi !== "3.1.0") {
  faults.push("not OpenAPI 3.1.0");
}
const ids = new Set();
for (const [path, item] of Object.entries(doc.paths)) {
  for (const [verb, op] of Object.entries(item)) {
    checkOperation(path, verb, op, ids);
  }
}
checkSchemas();

// The check itself: planted faults must be found.
const withoutResponses = structuredClone(doc);
delete Object.values(Object.values(withoutResponses.paths)[0])[0].responses["200"].description;
if ((await isValid(withoutResponses)) === null) {
  faults.push("the validator accepts a response without description");
}

for (const f of faults) {
  console.error(f);
}
console.log(`openapi: ${ids.size} operations, ${faults.length} faults`);
process.exit(faults.length > 0 || ids.size === 0 ? 1 : 0);
