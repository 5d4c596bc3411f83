// SPDX-License-Identifier: Apache-2.0
//
// peers.mjs DIR LIST ROUNDS: the comparers that are libraries, on the cases of DIR/LIST.json. One JSON line per case and
// peer: the least wall and CPU milliseconds of a warm call that reads two files and writes a picture (in their
// favour: no start of a process), and whether it asks for review. Needs NODE_PATH.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const modules = process.env.NODE_PATH;
const {PNG} = createRequire(import.meta.url)('pngjs');
const load = (entry) => import(pathToFileURL(path.join(modules, entry)).href);
const pixelmatch = (await load('pixelmatch/index.js')).default;
const {compare} = await load('@vizzly-testing/honeydiff/index.js');
const [dir, list, rounds] = process.argv.slice(2);
const out = path.join(os.tmpdir(), `assay-peers-${process.pid}.png`);

const peers = {
    async honeydiff(base, current) {
        const r = await compare(base, current, {threshold: 2, minClusterSize: 2, antialiasing: true, includeClusters: true,
            diffPath: out, overwrite: true});
        return r.isDifferent;
    },
    async pixelmatch(base, current) {
        const [a, b] = [base, current].map((f) => PNG.sync.read(fs.readFileSync(f)));
        const diff = new PNG({width: a.width, height: a.height});
        const n = pixelmatch(a.data, b.data, diff.data, a.width, a.height);
        fs.writeFileSync(out, PNG.sync.write(diff));
        return n > 0;
    },
};

for (const c of JSON.parse(fs.readFileSync(path.join(dir, `${list}.json`)))) {
    for (const [peer, call] of Object.entries(peers)) {
        const line = {name: c.name, peer, wall: Infinity, cpu: Infinity, review: null};
        try {
            for (let i = 0; i < Number(rounds); i++) {
                const cpu = process.cpuUsage();
                const start = process.hrtime.bigint();
                line.review = await call(path.join(dir, c.base), path.join(dir, c.current));
                line.wall = Math.min(line.wall, Number(process.hrtime.bigint() - start) / 1e6);
                const used = process.cpuUsage(cpu);
                line.cpu = Math.min(line.cpu, (used.user + used.system) / 1e3);
            }
        } catch (error) {
            line.error = String(error.message).slice(0, 80); // another size, or JPEG
        }
        console.log(JSON.stringify(line));
    }
}
fs.rmSync(out, {force: true});
