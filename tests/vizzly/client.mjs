// Unmodified clients of two versions: every command a project's CI and its people use.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { freePort } from '../e2e/lib/ports.mjs';
import { form, page, png, readBuild, sdkToken } from '../e2e/lib/sdk.mjs';
import { organization, sql, unique, until, want } from '../e2e/lib/world.mjs';

const BOX = { x: 20, y: 30, w: 40, h: 12 };

// What the client's own comparison, which takes plain areas for smoothed edges, sees as well.
const noise = (width, height) => png(width, height, (x, y) => [(x * 37 + y * 91) & 255, (x * y * 13) & 255, (x ^ y) & 255]);

// What a browser does with a form.
const submit = async (where, fields) => {
  const { body, headers } = form(Object.entries(fields));
  const res = await fetch(new URL(where, process.env.ASSAY_URL), { method: 'POST', body, headers });
  assert.equal(res.status, 200);
  return res.text();
};

// The page as a browser has it after its scripts have run.
const browse = (url) => new Promise((resolve, reject) => {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'assay-vizzly-browser-'));
  execFile(process.env.CHROMIUM ?? 'chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
    '--no-first-run', '--disable-background-networking', '--virtual-time-budget=10000', `--user-data-dir=${profile}`, '--dump-dom', url],
  { timeout: 300000 }, (error, stdout) => {
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    error ? reject(error) : resolve(stdout);
  });
});

for (const version of process.env.E2E_VERSIONS.split(' ')) {
  const isNew = version !== '0.22';
  const home = path.join(process.env.VIZZLY_NODE_MODULES, `vizzly-${version}`);

  describe(`vizzly ${version}`, () => {
    let org;
    let token;
    let dir;
    before(async () => {
      org = await organization();
      token = (await sdkToken(org, 'developer', unique('web'))).token;
      dir = fs.mkdtempSync(path.join(os.tmpdir(), 'assay-vizzly-'));
      fs.mkdirSync(path.join(dir, 'shots'));
    });
    after(() => fs.rmSync(dir, { recursive: true, force: true }));

    // One command, as typed. Resolves with exit status and all it wrote.
    const vizzly = (args, more = {}) => new Promise((resolve) => {
      const env = {
        PATH: process.env.PATH, HOME: dir, NO_COLOR: '1', VIZZLY_HOME: path.join(dir, 'home'),
        VIZZLY_API_URL: process.env.ASSAY_URL, VIZZLY_TOKEN: token, VIZZLY_BRANCH: 'main', ...more,
      };
      execFile(process.execPath, [path.join(home, 'bin', 'vizzly.js'), ...args], { cwd: dir, env, timeout: 300000 },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, text: `${stdout}${stderr}`, stdout }));
    });
    const run = async (code, args, more) => {
      const done = await vizzly(args, more);
      assert.equal(done.code, code, `vizzly ${args.join(' ')}\n${done.text}`);
      return done.text;
    };
    // The command on a terminal of its own; `person` gets the address that it opens in the browser, then Enter is
    // pressed. Resolves with all it wrote.
    const login = async (person) => {
      const bin = path.join(dir, 'bin');
      const opened = path.join(dir, 'opened');
      fs.rmSync(opened, { force: true });
      fs.mkdirSync(bin, { recursive: true });
      fs.writeFileSync(path.join(bin, 'xdg-open'), `#!/bin/sh\necho "$1" >${opened}.new && mv ${opened}.new ${opened}\n`, { mode: 0o755 });
      const env = { PATH: `${bin}:${process.env.PATH}`, HOME: dir, NO_COLOR: '1', TERM: 'dumb', VIZZLY_HOME: path.join(dir, 'home'),
        VIZZLY_API_URL: process.env.ASSAY_URL };
      const child = spawn('script', ['-qec', `"${process.execPath}" "${path.join(home, 'bin', 'vizzly.js')}" login`, '/dev/null'],
        { cwd: dir, env, stdio: ['pipe', 'pipe', 'pipe'] });
      child.stdin.on('error', () => {}); // a key pressed after the end
      let text = '';
      child.stdout.on('data', (data) => { text += data; });
      const ended = new Promise((resolve) => { child.on('close', resolve); });
      await until('the login asks for Enter', () => fs.existsSync(opened) && text.includes('press Enter'), 240);
      await person(fs.readFileSync(opened, 'utf8').trim());
      // Before the terminal reads single keys, one that is pressed waits for the next Enter: press until it is over.
      let over = false;
      void ended.then(() => { over = true; });
      await until('the login ends', () => over || (child.stdin.write('\r'), false), 240);
      return text;
    };
    // A command that asks: each answer is typed when what is written since the one before matches. Resolves with all of it.
    const answer = (args, answers, more) => new Promise((resolve, reject) => {
      const env = { PATH: process.env.PATH, HOME: dir, NO_COLOR: '1', VIZZLY_HOME: path.join(dir, 'home'), VIZZLY_API_URL: process.env.ASSAY_URL, ...more };
      const child = spawn(process.execPath, [path.join(home, 'bin', 'vizzly.js'), ...args], { cwd: dir, env, stdio: ['pipe', 'pipe', 'pipe'], timeout: 300000 });
      const left = [...answers];
      let since = '';
      let text = '';
      const take = (data) => {
        text += data;
        since += data;
        if (left.length > 0 && left[0][0].test(since)) {
          child.stdin.write(`${left.shift()[1]}\n`);
          since = '';
          if (left.length === 0) {
            child.stdin.end(); // it waits for its input to end
          }
        }
      };
      child.stdin.on('error', () => {});
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.on('close', (code) => (code === 0 && left.length === 0 ? resolve(text) : reject(new Error(`vizzly ${args.join(' ')}: ${code}\n${text}`))));
    });
    const json = async (args, more) => JSON.parse((await vizzly([...args, '--json'], more)).stdout).data;
    const shots = (changed) => {
      for (let i = 0; i < 4; i += 1) {
        fs.writeFileSync(path.join(dir, 'shots', `page ${i}.png`), page(120 + i, 80, i === changed ? BOX : null));
      }
    };
    // The test suite of a project: pictures given to the client library.
    const suite = (name, changed, prefix = 'Suite', count = 3, paint = page) => {
      const library = path.join(home, 'dist', 'client', 'index.js');
      const images = Array.from({ length: count }, (_, i) => (i === changed ? paint : page)(90 + i, 60, i === changed ? BOX : null).toString('base64'));
      fs.writeFileSync(path.join(dir, name), `
        import { vizzlyFlush, vizzlyScreenshot } from ${JSON.stringify(library)};
        const images = ${JSON.stringify(images)};
        for (const [i, image] of images.entries()) {
          await vizzlyScreenshot(\`${prefix} \${i}\`, Buffer.from(image, 'base64'),
            { properties: { browser: 'firefox', viewport: { width: 1024, height: 768 } } });
        }
        await vizzlyFlush();`);
      return `${process.execPath} ${name}`;
    };
    const builds = async (query = '') => (await want(200, 'GET', `/api/sdk/builds${query}`, { token })).builds;
    const ui = () => freePort().then((port) => ['--port', String(port)]);

    test('doctor finds the server', async () => {
      assert.match(await run(0, ['doctor', '--api']), /API\s+connected/);
      await run(1, ['doctor', '--api'], { VIZZLY_TOKEN: 'vzy_wrong' });
    });

    test('upload sends pictures once, and the second time only the changed one', async () => {
      shots(-1);
      assert.match(await run(0, ['upload', 'shots', '--wait']), /Uploaded\s+4 of 4/);
      shots(2);
      const text = await run(0, ['upload', 'shots', '--wait'], { VIZZLY_BRANCH: 'feature' });
      assert.match(text, /Uploaded\s+1 of 4/);
      assert.match(text, /1 visual comparisons failed/);
      const [build] = await builds();
      const read = await readBuild(org, build);
      assert.deepEqual(read.comparisons.map((c) => [c.name, c.has_diff, c.baseline_reason]),
        [0, 1, 2, 3].map((i) => [`page ${i}`, i === 2, 'default_branch']));
      shots(2);
      assert.match(await run(0, ['upload', 'shots'], { VIZZLY_BRANCH: 'feature' }), /Uploaded\s+0 of 4/);
    });

    test('run takes the screenshots of a test suite, and --wait fails for a change', async () => {
      await run(0, ['run', suite('suite.mjs', -1), '--wait', ...await ui()]);
      const [first] = await builds();
      assert.equal(first.screenshot_count, 3);
      assert.equal((await readBuild(org, first)).screenshots[0].browser, 'firefox');
      await run(1, ['run', suite('suite.mjs', 1), '--wait', ...await ui()]);
      const changed = await readBuild(org, (await builds())[0]);
      assert.deepEqual([changed.changed_comparisons, changed.identical_comparisons], [1, 2]);
      fs.writeFileSync(path.join(dir, 'broken.mjs'), 'process.exit(3)');
      await run(3, ['run', `${process.execPath} broken.mjs`, ...await ui()]);
      assert.equal((await builds())[0].status, 'failed');
    });

    test('shards of one parallel build run side by side and are finalized', async () => {
      const id = unique('shards');
      await Promise.all([0, 1, 2].map(async (i) => run(0,
        ['run', suite(`shard${i}.mjs`, -1, `Shard ${i}`), '--parallel-id', id, ...await ui()])));
      const [build] = await builds();
      assert.deepEqual([build.status, build.screenshot_count], ['processing', 9]);
      await run(0, ['finalize', id]);
      assert.equal((await builds())[0].status, 'completed');
      await run(isNew ? 0 : 1, ['finalize', 'no-such-shards']);
    });

    test('status tells of a build', async () => {
      const [build] = await builds('?status=completed&branch=feature');
      const text = await run(0, ['status', build.id]);
      assert.match(text, /COMPLETED/i);
      assert.match(text, /4/);
      await run(1, ['status', '00000000-0000-4000-8000-000000000000']);
    });

    test('local tests compare with baselines of the server', async () => {
      shots(-1);
      await run(0, ['run', suite('base.mjs', -1, 'Local'), ...await ui()]);
      const [build] = await builds('?status=completed');
      const same = await run(0, ['tdd', 'run', suite('same.mjs', -1, 'Local'), '--no-open', '--fail-on-diff',
        '--baseline-build', build.id, ...await ui()]);
      assert.doesNotMatch(same, /skipping/);
      const files = fs.readdirSync(path.join(dir, '.vizzly', 'baselines')).filter((f) => f.endsWith('.png'));
      assert.equal(files.length, 3, files.join());
      await run(1, ['tdd', 'run', suite('grown.mjs', 2, 'Local', 3, noise), '--no-open', '--fail-on-diff',
        '--baseline-build', build.id, ...await ui()]);
    });

    test('a person logs in on a page, works without VIZZLY_TOKEN, and logs out', async () => {
      const person = { VIZZLY_TOKEN: '' };
      assert.match(await run(0, ['whoami'], person), /Not logged in/);
      const approve = async (url) => {
        const shown = await fetch(url);
        assert.equal(shown.status, 200);
        const code = /name="code"[^>]* value="([A-Z-]+)"/.exec(await shown.text())[1];
        const asks = await submit('/account/device', { code, email: org.email, password: org.password });
        assert.match(asks, /vizzly-cli/);
        const ticket = /name="ticket" value="(\w+)"/.exec(asks)[1];
        assert.match(await submit('/account/device/decision', { ticket, decision: 'approve' }), /Approved/);
      };
      // The client writes its configuration in place and may read it half written ("corrupted"): then it has to log in again.
      let who = '';
      for (let i = 0; i < 3 && who === ''; i += 1) {
        sql(`DELETE FROM auth.tokens WHERE org_id = ${org.id} AND expires_at IS NOT NULL`);
        assert.match(await login(approve), /Authenticated[\s\S]*You can now use/);
        who = await run(0, ['whoami'], person).catch((error) => {
          assert.match(error.message, /corrupted/);
          return '';
        });
      }
      assert.match(who, new RegExp(org.email));
      if (isNew) {
        assert.match(await run(0, ['projects'], person), /web/);
        assert.match(await run(0, ['orgs'], person), /admin/);
        // What is refused, as an expired token is, is renewed without a word.
        const config = path.join(dir, 'home', 'config.json');
        const kept = JSON.parse(fs.readFileSync(config, 'utf8'));
        kept.auth.accessToken = `${kept.auth.accessToken.slice(0, -1)}_`;
        fs.writeFileSync(config, JSON.stringify(kept));
        await run(1, ['whoami'], person);
        assert.match(await run(0, ['projects'], person), /web/);
        assert.match(await run(0, ['whoami'], person), new RegExp(org.email));
      }
      if (!isNew) {
        // A project is chosen for the folder, by numbers that are typed, and from then on no token has to be named.
        const text = await answer(['project:select'], [[/Organizations[\s\S]*Enter number.*: $/, '1'], [/Projects[\s\S]*2\. web[\s\S]*Enter number.*: $/, '2']], person);
        assert.match(text, /Project configured/);
        assert.match(await run(0, ['project:list'], person), /web/);
        assert.match(await run(0, ['project:token'], person), /vzy_/);
        shots(-1);
        assert.match(await run(0, ['upload', 'shots'], person), /of 4/);
        assert.match((await builds('?limit=1'))[0].user_agent, /vizzly-cli/);
        await answer(['project:remove'], [[/Remove this project configuration/, 'y']], person);
        assert.match(await run(0, ['project:list'], person), /No projects configured/);
      }
      assert.match(await run(0, ['logout'], person), /Logged out/);
      assert.equal(sql(`SELECT count(*) FROM auth.tokens WHERE org_id = ${org.id} AND expires_at IS NOT NULL`)[0][0], '0');
      assert.match(await run(0, ['whoami'], person), /Not logged in/);
      assert.match(await login(async (url) => {
        assert.match(url, /\/account\/device\?code=/);
      }), /not complete yet/);
    });

    if (isNew) {
      test('a static site is uploaded, shown by a browser in an origin of its own, and told by status', async () => {
        const [build] = await builds('?status=completed');
        fs.mkdirSync(path.join(dir, 'site', 'js'), { recursive: true });
        fs.writeFileSync(path.join(dir, 'site', 'index.html'), `<!doctype html><title>Site</title>
          <p id="out">no script</p><script type="module" src="./js/app.js"></script>`);
        fs.writeFileSync(path.join(dir, 'site', 'js', 'app.js'), `import { word } from './word.js';
          let cookie = 'none';
          try { cookie = document.cookie; } catch (error) { cookie = error.name; }
          document.getElementById('out').textContent = [word, self.origin, cookie].join(' ');`);
        fs.writeFileSync(path.join(dir, 'site', 'js', 'word.js'), "export const word = 'module';");
        fs.writeFileSync(path.join(dir, 'site', '.env'), 'SECRET=1');
        assert.match(await run(1, ['preview', 'site', '--build', build.id]), /project is private/);
        const made = await json(['preview', 'site', '--build', build.id, '--public-link']);
        assert.deepEqual([made.success, made.files, made.reusedBlobs], [true, 3, 0]);
        assert.match(await run(0, ['preview', 'site', '--build', build.id, '--public-link']), /Deduped\s+3 files/);
        const told = await json(['status', build.id]);
        assert.deepEqual([told.preview.url, told.preview.status, told.preview.fileCount], [made.previewUrl, 'ready', 3]);
        const dom = await browse(made.previewUrl);
        assert.match(dom, /module null SecurityError/);
        assert.equal((await fetch(`${made.previewUrl}.env`)).status, 404);
      });

      test('people read, decide and comment', async () => {
        const [build] = await builds('?branch=feature&limit=2');
        const text = await run(0, ['builds', '--branch', 'feature']);
        assert.match(text, /COMPLETED/);
        const listed = await json(['comparisons', '--build', build.id, '--status', 'changed']);
        const all = await json(['comparisons', '--name', 'page *']);
        assert.ok(all.pagination.total >= 4);
        const changed = listed.comparisons[0] ?? all.comparisons.find((c) => c.status === 'changed');
        assert.equal(changed.name, 'page 2');
        assert.match(await run(0, ['comparisons', '--id', changed.id, '--verbose']), /CHANGED/);
        assert.equal((await fetch(changed.urls.diff, { headers: { 'user-agent': 'node' } })).status, 200);
        await run(0, ['reject', changed.id, '--reason', 'not like this']);
        assert.equal((await json(['comparisons', '--id', changed.id])).approvalStatus, 'rejected');
        await run(0, ['approve', changed.id]);
        await run(0, ['approve', changed.id, '--comment', 'fine now']);
        assert.equal((await json(['comparisons', '--id', changed.id])).approvalStatus, 'approved');
        await run(1, ['approve', '00000000-0000-4000-8000-000000000000']);
        await run(0, ['comment', build.id, 'looks good', '--type', 'approval']);
        assert.match(await run(0, ['api', `/api/sdk/builds/${build.id}/comments`]), /looks good/);
        assert.match(await run(0, ['orgs']), new RegExp(org.name ?? 'Org'));
        assert.match(await run(0, ['projects']), /web/);
      });
    }
  });
}

test('the lines of docs/vizzly.md work as printed', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'assay-vizzly-'));
  const text = fs.readFileSync(new URL('../../docs/vizzly.md', import.meta.url), 'utf8');
  const lines = /```sh\n([\s\S]*?)```/.exec(text)[1];
  // npx as it would be: the client is installed already.
  const client = path.join(process.env.VIZZLY_NODE_MODULES, 'vizzly-0.29', 'bin', 'vizzly.js');
  fs.mkdirSync(path.join(dir, 'bin'));
  fs.writeFileSync(path.join(dir, 'bin', 'npx'), `#!/bin/sh\nshift 2\nexec "${process.execPath}" "${client}" "$@"\n`, { mode: 0o755 });
  fs.symlinkSync(process.env.ASSAY_STATE_DIR, path.join(dir, 'var'));
  fs.mkdirSync(path.join(dir, 'screenshots'));
  fs.writeFileSync(path.join(dir, 'screenshots', 'home.png'), page(50, 40));
  const env = { PATH: `${dir}/bin:${process.env.PATH}`, HOME: dir, NO_COLOR: '1' };
  const done = await new Promise((resolve) => {
    execFile('sh', ['-euc', lines], { cwd: dir, env, timeout: 300000 },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, text: `${stdout}${stderr}` }));
  });
  fs.rmSync(dir, { recursive: true, force: true });
  assert.equal(done.code, 0, done.text);
  assert.match(done.text, /Uploaded\s+1 of 1/);
});
