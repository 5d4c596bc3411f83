// Runs the sample suite in assay and prints BENCH NAME_wall and NAME_wrong:
//     node assay_run.mjs NAME URL TOKEN SHOP_URL [RESET_STRATEGY] [PARTS]
// PARTS > 1 makes that many suites of its cases and runs them at once, a device each. The verdicts go to
// standard error. Ends 1 when a run could not be started or does not end.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SUITES = path.join(path.dirname(fileURLToPath(import.meta.url)), '../examples/suites');
const POLL_MS = 25;
const LIMIT_MS = 180_000;
const [name, url, token, shop, reset = 'clear_data', parts = '1'] = process.argv.slice(2);

async function call(method, route, body) {
  const headers = { authorization: `Bearer ${token}` };
  if (body && !(body instanceof FormData)) headers['content-type'] = 'application/json';
  const answer = await fetch(url + route, { method, headers, body: body instanceof FormData || !body ? body : JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** The suite's text as `count` texts with every count-th case each. */
function split(text, count) {
  const [head, ...cases] = text.replace(/^resetStrategy: .*$/m, `resetStrategy: ${reset}`).split(/^(?= {2}- name: )/m);
  return Array.from({ length: count }, (_, i) => head + cases.filter((_, n) => n % count === i).join(''));
}

async function importSuite(text, app) {
  const form = new FormData();
  form.append('file', new Blob([text]), 'shop.yaml');
  return (await call('POST', `/api/v1/tests/suites/import-yaml?app_id=${app}`, form)).public_id;
}

async function finished(runId) {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
    const run = await call('GET', `/api/v1/ci/runs/${runId}`);
    if (!['pending', 'queued', 'running'].includes(run.status)) return run;
    await new Promise((resume) => { setTimeout(resume, POLL_MS); });
  }
  throw new Error(`run ${runId} does not end`);
}

const expected = new Map(fs.readFileSync(path.join(SUITES, 'shop.expected'), 'utf8').split('\n')
  .filter((line) => /^(passed|failed) /.test(line)).map((line) => [line.slice(8), line.slice(0, 6)]));
const app = (await call('POST', '/api/v1/apps/', { name: 'Shop', platform: 'web', url: shop })).public_id;
const suites = await Promise.all(split(fs.readFileSync(path.join(SUITES, 'shop.yaml'), 'utf8'), Number(parts))
  .map((text) => importSuite(text, app)));

const started = process.hrtime.bigint();
const runs = await Promise.all(suites.map(async (suite) => finished(
  (await call('POST', '/api/v1/ci/run-suite', { suite_id: suite, mode: 'hybrid', device_category: 'desktop' })).run_id)));
const seconds = Number(process.hrtime.bigint() - started) / 1e9;

const got = new Map(runs.flatMap((run) => run.case_results).map((c) => [c.case_name, c]));
const wrong = [...expected].filter(([title, verdict]) => got.get(title)?.status !== verdict);
for (const [title, verdict] of wrong) {
  console.error(`${title}: ${got.get(title)?.status ?? 'not run'} instead of ${verdict}: ${got.get(title)?.error_message ?? ''}`);
}
console.log(`BENCH ${name}_wall ${seconds.toFixed(2)} s\nBENCH ${name}_wrong ${wrong.length} verdicts`);
