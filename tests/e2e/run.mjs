// Runs the case files against the stack of the environment (see run.sh) and prints
// `N passed, N failed`. Arguments: names of case files; none: all.
import { fileURLToPath } from 'node:url';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from 'node:test';

import { missing } from './lib/contract.mjs';

// Of one file with all its tests, for what hangs. A slow machine needs many times what ours does.
const FILE_MS = 15 * 60000;

const here = path.dirname(fileURLToPath(import.meta.url));
const dir = path.join(here, process.env.E2E_CASES ?? 'cases');
const asked = process.argv.slice(2);
const files = fs.readdirSync(dir).sort()
  .filter((name) => name.endsWith('.mjs') && (asked.length === 0 || asked.includes(name.slice(0, -4))))
  .map((name) => path.join(dir, name));

// Pairs of endpoint and status that no test can bring about from outside, each with its reason.
const UNREACHED = new Map(
  fs.readFileSync(path.join(here, 'unreached.txt'), 'utf8').split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => line.split('\t')),
);

const seenFile = path.join(os.tmpdir(), `e2e-seen-${process.pid}`);
process.env.E2E_SEEN = seenFile;
fs.writeFileSync(seenFile, '');

let passed = 0;
let failed = 0;
const failures = []; // told again at the end, where a reader of the last lines finds them

function report(data, ok) {
  if (files.some((f) => data.name === f || f.endsWith(`/${data.name}`))) {
    if (ok || data.details.error?.failureType === 'subtestsFailed') {
      return; // the file itself, whose tests are counted
    }
  }
  if (data.details?.type === 'suite' || data.skip !== undefined || data.todo !== undefined) {
    ok = ok && data.skip === undefined && data.todo === undefined;
    if (ok) {
      return;
    }
  }
  passed += ok ? 1 : 0;
  failed += ok ? 0 : 1;
  const where = path.basename(data.file ?? '', '.mjs');
  const line = `${ok ? 'ok  ' : 'FAIL'} ${where}: ${data.name} (${(data.details.duration_ms / 1000).toFixed(1)} s)`;
  console.log(line);
  if (!ok) {
    const error = data.details.error?.cause ?? data.details.error;
    const why = `     ${String(error?.stack ?? error).split('\n').slice(0, 12).join('\n     ')}`;
    console.log(why);
    failures.push(line, why);
  }
}

function coverage() {
  const seen = new Set(fs.readFileSync(seenFile, 'utf8').split('\n'));
  fs.unlinkSync(seenFile);
  const left = missing(seen);
  const holes = left.filter((pair) => !UNREACHED.has(pair));
  const stale = [...UNREACHED.keys()].filter((pair) => !left.includes(pair));
  console.log(`contract: ${seen.size - 1} pairs of endpoint and status seen, ${left.length} not`);
  for (const pair of holes) {
    console.log(`FAIL contract: ${pair} was brought about by no test`);
  }
  for (const pair of stale) {
    console.log(`FAIL contract: ${pair} is listed as unreached, yet was seen`);
  }
  failed += holes.length + stale.length;
}

// What mostly waits runs beside the rest.
const beside = files.filter((f) => path.basename(f).startsWith('bg_'));
const inTurn = files.filter((f) => !beside.includes(f));

function runAll(list) {
  if (list.length === 0) {
    return Promise.resolve();
  }
  const stream = run({ files: list, concurrency: 1, timeout: FILE_MS });
  stream.on('test:pass', (data) => report(data, true));
  stream.on('test:fail', (data) => report(data, false));
  stream.on('test:stdout', (data) => process.stdout.write(data.message));
  stream.on('test:stderr', (data) => process.stdout.write(data.message));
  stream.resume();
  return new Promise((resolve) => stream.on('end', resolve));
}

await Promise.all([runAll(inTurn), runAll(beside)]);
if (asked.length === 0 && !process.env.E2E_CASES) {
  coverage();
} else {
  fs.unlinkSync(seenFile);
}
failures.forEach((line) => console.log(line));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
