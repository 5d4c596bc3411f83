// SPDX-License-Identifier: Apache-2.0
//
// Pictures that are made of numbers: photos with shading and grain for the pages, and PNG files in the forms that other
// encoders choose. Nothing of it depends on a browser, so a photo is the same in every one.
import zlib from 'node:zlib';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
// First column, first row, distance of columns, distance of rows: the seven passes of an interlaced file.
const PASSES = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];
const CRC = Array.from({length: 256}, (_, n) => Array.from({length: 8}).reduce((c) => (c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1), n) >>> 0);

function chunk(type, data) {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(~body.reduce((c, byte) => CRC[(c ^ byte) & 255] ^ (c >>> 8), 0xffffffff) >>> 0, body.length + 4);
    return out;
}

const paeth = (a, b, c) => {
    const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
};

// One row behind its filter byte; `above` is the row before it, zeroes for the first.
function filtered(row, above, step, filter) {
    const out = Buffer.alloc(row.length + 1);
    out[0] = filter;
    for (let i = 0; i < row.length; i++) {
        const a = i < step ? 0 : row[i - step], b = above[i], c = i < step ? 0 : above[i - step];
        out[i + 1] = row[i] - [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter];
    }
    return out;
}

// The colours of a picture that has few of them, and each one's number.
function palette(data) {
    const known = new Map();
    for (let i = 0; i < data.length; i += 4) {
        const colour = data.readUInt32BE(i);
        if (!known.has(colour)) {
            known.set(colour, known.size);
        }
    }
    if (known.size > 256) {
        throw new Error(`${known.size} colours are too many for a palette`);
    }
    return known;
}

// RGBA pixels as a PNG: `form` is rgb, rgba, rgb16 or palette; `filter` 0 to 4, or 5 for every row another one.
export function encodePng({width, height, data}, {form = 'rgb', filter = 0, interlace = false, level = 9} = {}) {
    const colours = form === 'palette' ? palette(data) : undefined;
    const samples = {rgb: (i) => data.subarray(i, i + 3), rgba: (i) => data.subarray(i, i + 4),
        rgb16: (i) => [data[i], data[i], data[i + 1], data[i + 1], data[i + 2], data[i + 2]],
        palette: (i) => [colours.get(data.readUInt32BE(i))]}[form];
    const step = samples(0).length;
    const rows = [];
    for (const [x0, y0, dx, dy] of interlace ? PASSES : [[0, 0, 1, 1]]) {
        const across = Math.ceil((width - x0) / dx);
        let above = Buffer.alloc(across * step);
        for (let y = y0; y < height && across > 0; y += dy) {
            const row = Buffer.alloc(across * step);
            for (let x = 0; x < across; x++) {
                row.set(samples((y * width + x0 + x * dx) * 4), x * step);
            }
            rows.push(filtered(row, above, step, filter === 5 ? rows.length % 5 : filter));
            above = row;
        }
    }
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([form === 'rgb16' ? 16 : 8, {rgb: 2, rgba: 6, rgb16: 2, palette: 3}[form], 0, 0, interlace ? 1 : 0], 8);
    const plte = colours ? [chunk('PLTE', Buffer.from([...colours.keys()].flatMap((c) => [c >>> 24, (c >>> 16) & 255, (c >>> 8) & 255])))] : [];
    return Buffer.concat([SIGNATURE, chunk('IHDR', header), ...plte,
        chunk('IDAT', zlib.deflateSync(Buffer.concat(rows), {level})), chunk('IEND', Buffer.alloc(0))]);
}

// Numbers from 0 to 1 that follow from the seed.
function dice(seed) {
    let s = (seed * 2654435761) >>> 0 || 1;
    return () => {
        s ^= s << 13;
        s ^= s >>> 17;
        s = (s ^ (s << 5)) >>> 0;
        return s / 4294967296;
    };
}

// Soft stains of about `size` pixels, from -1 to 1.
function stains(seed, size) {
    const at = (x, y) => dice(seed * 7 + x * 131 + y * 1009 + 17)() * 2 - 1;
    const ease = (t) => t * t * (3 - 2 * t);
    return (x, y) => {
        const i = Math.floor(x / size), j = Math.floor(y / size), u = ease(x / size - i), v = ease(y / size - j);
        return (at(i, j) * (1 - u) + at(i + 1, j) * u) * (1 - v) + (at(i, j + 1) * (1 - u) + at(i + 1, j + 1) * u) * v;
    };
}

const mix = (a, b, t) => a.map((v, i) => v + (b[i] - v) * Math.min(1, Math.max(0, t)));

// What is to be seen at a place, each as a function of (x, y) from 0 to 1 that gives red, green and blue.
const views = {
    // Hills under a sky with a sun; `mark` a boat on the water in front.
    land: (o, big, small) => (x, y) => {
        const ridge = 0.45 + 0.09 * Math.sin(x * 7 + o.seed) + 0.05 * big(x * 60, 3);
        const sun = Math.hypot((x - o.sun) * 1.5, y - 0.2);
        let c = mix([120, 168, 214], [233, 214, 190], y * 1.9 + 0.05 * big(x * 40, y * 40));
        c = mix([255, 244, 214], c, (sun - 0.07) * 14);
        c = mix(c, mix([74, 98, 70], [52, 74, 44], small(x * 160, y * 90)), (y - ridge) * 40);
        c = mix(c, mix([94, 126, 140], [70, 104, 124], 0.5 + small(x * 30, y * 200) / 2), (y - 0.74) * 60);
        return o.mark && Math.abs(x - 0.62) < 0.05 && Math.abs(y - 0.82) < 0.028 ? [58, 40, 36] : c;
    },
    // A mug on a table; `mark` a chip at its rim.
    mug: (o, big, small) => (x, y) => {
        let c = y > 0.7 ? mix([186, 150, 116], [160, 122, 90], 0.5 + small(x * 200, y * 25) / 2) : mix([226, 224, 218], [196, 196, 194], x + 0.15 * big(x * 50, y * 50));
        const ring = Math.hypot((x - 0.64) * 1.4, y - 0.52);
        const body = Math.max(Math.abs(x - 0.47) - 0.17, Math.abs(y - 0.53) - 0.26);
        c = mix(c, mix(c, [90, 70, 55], 0.5), (0.86 - Math.hypot((x - 0.52) * 1.2, (y - 0.82) * 5)) * 2.4);
        c = mix(o.glaze ?? [176, 62, 52], c, (Math.abs(ring - 0.13) - 0.03) * 60);
        c = mix(mix(mix(o.glaze ?? [176, 62, 52], [255, 236, 226], (0.1 - Math.abs(x - 0.39)) * 5), [62, 20, 22], (x - 0.5) * 3), c, body * 70);
        return o.mark && Math.hypot((x - 0.55) * 1.5, y - 0.285) < 0.035 ? [236, 226, 214] : c;
    },
    // A room with a window and a plant; `mark` a lamp that hangs.
    room: (o, big, small) => (x, y) => {
        let c = mix([214, 202, 186], [176, 160, 144], y * 0.8 + 0.2 * big(x * 40, y * 40));
        const pane = Math.max(Math.abs(x - 0.28) - 0.15, Math.abs(y - 0.36) - 0.22);
        c = mix(mix([250, 250, 240], [180, 208, 232], y * 1.6), c, pane * 60);
        c = mix([120, 92, 70], c, (Math.abs(pane) - 0.012) * 90);
        const leaf = Math.hypot((x - 0.75) * 1.3, y - 0.55) - 0.17 - 0.06 * Math.sin(Math.atan2(y - 0.55, x - 0.75) * 9);
        c = mix(mix([54, 104, 58], [28, 64, 36], 0.5 + small(x * 120, y * 120)), c, leaf * 40);
        c = mix([150, 84, 58], c, Math.max(Math.abs(x - 0.75) - 0.07 + y * 0.02, Math.abs(y - 0.84) - 0.1) * 70);
        return o.mark && (Math.hypot((x - 0.55) * 1.5, y - 0.2) < 0.05 || (Math.abs(x - 0.55) < 0.006 && y < 0.2)) ? [40, 40, 44] : c;
    },
};

const made = new Map();
// A photo as a data: address. `take` is another grain of the same view, of up to `grain` levels up or down.
export function photo({w = 120, h = 80, view = 'land', seed = 1, grain = 1.5, take = 1, sun = 0.3, light = 0, mark, glaze} = {}) {
    const key = JSON.stringify([w, h, view, seed, grain, take, sun, light, mark, glaze]);
    if (!made.has(key)) {
        const see = views[view]({seed, sun, mark, glaze}, stains(seed, 9), stains(seed + 1, 5)), roll = dice(take * 97 + seed);
        const data = Buffer.alloc(w * h * 4, 255);
        for (let i = 0; i < w * h; i++) {
            const c = see((i % w) / w, Math.floor(i / w) / h);
            for (let k = 0; k < 3; k++) {
                data[i * 4 + k] = Math.min(255, Math.max(0, Math.round(c[k] + light + (roll() * 2 - 1) * grain)));
            }
        }
        made.set(key, `data:image/png;base64,${encodePng({width: w, height: h, data}, {filter: 4}).toString('base64')}`);
    }
    return made.get(key);
}
