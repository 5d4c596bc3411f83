// viewer.mjs WEB OPENAPI: serves both on a free port of 127.0.0.1 and opens /docs in Chromium under a
// policy that allows this server alone and reports what else the page asks for. It must show all
// operations and ask for nothing that is not ours.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [web, openapi] = process.argv.slice(2);
const types = { html: "text/html", js: "text/javascript", css: "text/css" };
const policy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; report-uri /report";
const missing = [];
const foreign = [];

function answer(req, res) {
  if (req.url === "/report") {
    req.on("data", (part) => foreign.push(part.toString()));
    req.on("end", () => res.writeHead(204).end());
    return;
  }
  const path = new URL(req.url, "http://x").pathname;
  const file = path === "/openapi.json" ? openapi : join(web, path === "/docs" ? "/docs/index.html" : path);
  try {
    const body = readFileSync(file);
    const type = types[file.split(".").pop()] ?? "application/json";
    res.writeHead(200, { "content-type": type, "content-security-policy": policy });
    res.end(body);
  } catch {
    missing.push(path);
    res.writeHead(404).end();
  }
}

function dumpDom(port, profile) {
  const args = [
    "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=15000",
    `--user-data-dir=${profile}`, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    // From 150 lines on the viewer draws only those that the window shows.
    "--no-first-run", "--window-size=1280,40000", "--dump-dom", `http://127.0.0.1:${port}/docs`,
  ];
  return new Promise((done) => {
    execFile("chromium", args, { timeout: 60000, maxBuffer: 64 << 20 }, (error, out) =>
      done({ error, out }));
  });
}

const server = createServer(answer).listen(0, "127.0.0.1");
await new Promise((done) => server.once("listening", done));
const profile = mkdtempSync(join(tmpdir(), "assay-viewer-"));
const { error, out } = await dumpDom(server.address().port, profile);
server.close();
rmSync(profile, { recursive: true, force: true, maxRetries: 5 });

const operations = (out.match(/class="opblock opblock-(get|post|put|patch|delete)\b/g) ?? []).length;
const wanted = Object.values(JSON.parse(readFileSync(openapi, "utf8")).paths)
  .flatMap((item) => Object.values(item))
  .reduce((n, op) => n + op.tags.length, 0); // shown under each tag
console.log(`viewer: ${operations} operations shown, document has ${wanted}`);
for (const line of [...missing, ...foreign]) {
  console.error(`the page asked for ${line}`);
}
if (error || operations !== wanted || missing.length > 0 || foreign.length > 0) {
  console.error(error?.message ?? "the page is not what it should be");
  process.exit(1);
}
