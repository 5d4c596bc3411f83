// SPDX-License-Identifier: Apache-2.0
//
// rates.mjs LIST.json...: runs build/bin/assay-diff on every pair of the lists and prints, per kind of pair, how many got
// review or no review as they must; those that did not, by name.
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

// A change that hardly differs from the baseline where nothing else moved is nobody's to find.
const PIXELS_MIN = 6, DELTA_MIN = 3;
const diff = (dir, c, current, options = []) =>
    JSON.parse(spawnSync('build/bin/assay-diff', [...options, path.join(dir, c.base), path.join(dir, current), '-']).stdout);
const rects = (c) => ['ignore', 'dynamic'].flatMap((o) => (c[o] ?? []).flatMap((r) => [`--${o}`, r.join()]));

const rates = new Map();
for (const list of process.argv.slice(2)) {
    const dir = path.dirname(list);
    for (const c of JSON.parse(fs.readFileSync(list))) {
        let kind = c.kind ?? c.expect;
        if (c.only !== undefined) {
            const alone = diff(dir, c, c.only, ['--no-antialias', '--min-cluster', '1', '--no-shift']);
            kind += alone.diff_pixels < PIXELS_MIN || alone.score.delta_e_max < DELTA_MIN ? ', invisible' : '';
        }
        const {verdict} = diff(dir, c, c.current, rects(c));
        const right = (verdict === 'different' || verdict === 'shifted') === (c.expect === 'different' || c.expect === 'shifted');
        const rate = rates.get(kind) ?? rates.set(kind, {right: 0, of: 0}).get(kind);
        rate.of++;
        rate.right += right;
        if (!right) {
            console.log(`${kind}: ${c.name}: ${verdict}`);
        }
    }
}
rates.forEach(({right, of}, kind) => console.log(`${kind}: ${right} of ${of}`));
