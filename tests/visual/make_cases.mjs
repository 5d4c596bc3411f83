// SPDX-License-Identifier: Apache-2.0
//
// make_cases.mjs DIR LIST...: draws the cases of the lists (tuned, held_out, other_hand_1, other_hand_2, other_hand_3, large)
// in headless Chromium and writes their files and LIST.json to DIR. Needs chromium, and pngjs for the files of another
// encoder (NODE_PATH).
// The small ones are committed under cases/: a new browser draws other pixels, and the rules are not about that.
import crypto from 'node:crypto';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {openBrowser, stripes} from './browser.mjs';
import * as lists from './case_list.mjs';
import {encodePng} from './pictures.mjs';

const {PNG} = createRequire(import.meta.url)('pngjs');
const [dir, ...names] = process.argv.slice(2);
if (dir === undefined || names.length === 0) {
    console.error('usage: make_cases.mjs DIR tuned|held_out|other_hand_1|other_hand_2|other_hand_3|large...');
    process.exit(2);
}
fs.mkdirSync(dir, {recursive: true});

const browser = await openBrowser();
// One that smooths letters in the stripes of a flat screen.
const lcd = await openBrowser(['--enable-lcd-text'], {FONTCONFIG_FILE: stripes()});

// A picture with the gradients and the grain of a photo, as JPEG of the quality.
const photo = (quality, seed = 1) => browser.evaluate(`(() => {
    const c = Object.assign(document.createElement('canvas'), {width: 640, height: 220}), g = c.getContext('2d');
    const d = g.createImageData(c.width, c.height);
    let s = ${seed} * 7919;
    const grain = () => ((s = (s * 1103515245 + 12345) & 0x7fffffff) >> 16) % 23 - 11;
    for (let y = 0; y < c.height; y++) for (let x = 0; x < c.width; x++) {
        const i = (y * c.width + x) * 4, w = Math.sin((x + ${seed} * 90) / 37) * Math.cos(y / 29 + ${seed}) * 60, n = grain();
        d.data[i] = 150 + w + n - y / 4; d.data[i + 1] = 140 + w / 2 + n; d.data[i + 2] = 90 + y / 2 - w + n; d.data[i + 3] = 255;
    }
    g.putImageData(d, 0, 0);
    return c.toDataURL('image/jpeg', ${quality});
})()`);

// The same pixels by another encoder: every row with one filter, colours with alpha unless `rgb`; or in a `form`, see
// pictures.mjs.
const encode = (bytes, {filterType, rgb, ...as}) => {
    const png = PNG.sync.read(bytes);
    if (as.form) {
        return encodePng(png, as);
    }
    return PNG.sync.write(png, {filterType, colorType: rgb ? 2 : 6, deflateLevel: 6});
};

const drawn = new Map();
async function draw(browser, item, options, size, image) {
    const key = JSON.stringify([browser === lcd, item.page.name, options, size, image]);
    if (!drawn.has(key)) {
        const filled = options.photo ? {...options, picture: await photo(options.photo, options.seed)} : options;
        drawn.set(key, await browser.shoot(item.page(filled), size, image));
    }
    return drawn.get(key);
}

function keep(item, bytes) {
    const kind = bytes[0] === 0xff ? 'jpg' : 'png';
    const size = `${item.size.width}x${item.size.height}`;
    const file = `${item.page.name}-${size}-${crypto.createHash('sha256').update(bytes).digest('hex').slice(0, 8)}.${kind}`;
    fs.writeFileSync(path.join(dir, file), bytes);
    return file;
}

for (const name of names) {
    const list = [];
    for (const item of lists[name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())]) {
        let base = await draw(browser, item, item.base, item.size, item.baseAs);
        let current = await draw(item.lcd ? lcd : browser, item, item.current, item.currentSize ?? item.size, item.currentAs);
        current = item.encode || item.encodeBoth ? encode(current, item.encode ?? item.encodeBoth) : current;
        base = item.encodeBoth ? encode(base, item.encodeBoth) : base;
        const {expect, ignore, dynamic, size} = item;
        list.push({name: item.name, expect, width: size.width * (size.scale ?? 1), height: size.height * (size.scale ?? 1),
            base: keep(item, base), current: keep(item, current), ignore, dynamic});
    }
    fs.writeFileSync(path.join(dir, `${name}.json`), `[\n${list.map((c) => '  ' + JSON.stringify(c)).join(',\n')}\n]\n`);
    console.error(`${name}: ${list.length} cases`);
}
await Promise.all([browser.close(), lcd.close()]);
