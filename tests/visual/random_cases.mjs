// SPDX-License-Identifier: Apache-2.0
//
// random_cases.mjs DIR SEED COUNT: draws COUNT random pairs of small pages and writes their files and list.json to DIR,
// each with the verdict it must get: moved by a fraction of a pixel or encoded anew is none, a change made to a widget is one,
// also beside things that moved. The same seed gives the same pairs. Rates, not single cases, are what it is for:
//     NODE_PATH=build/npm/visual/node_modules node tests/visual/random_cases.mjs DIR 1 400 && node tests/visual/rates.mjs DIR/list.json
import fs from 'node:fs';
import path from 'node:path';
import {openBrowser, stripes} from './browser.mjs';

const [dir, seed, count] = process.argv.slice(2);
if (count === undefined) {
    console.error('usage: random_cases.mjs DIR SEED COUNT');
    process.exit(2);
}
fs.mkdirSync(dir, {recursive: true});

let state = Number(seed) * 2654435761 >>> 0;
const random = () => { // mulberry32
    state = state + 0x6d2b79f5 >>> 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
};
const from = (lo, hi) => lo + random() * (hi - lo);
const int = (lo, hi) => Math.floor(from(lo, hi + 1));
const pick = (list) => list[int(0, list.length - 1)];
const chance = (p) => random() < p;
const round = (x) => Math.round(x * 100) / 100;

const WORDS = ('harbour light, copper wheel, seven small parcels; the north road: open, fare 18,40 paid, quiet. Please call back, row 3. ' +
    'Silver ink, olive jar, delta 0.75 of all; minutes later, invoice lines: 12, ferry closed. Mild, windy, dry.').split(' ');
const words = (n) => Array.from({length: n}, () => pick(WORDS)).join(' ');

const hsl = (c) => `hsl(${round(c.h)} ${round(c.s)}% ${round(c.l)}%${c.a === undefined ? '' : ` / ${c.a}`})`;
const colour = (lo, hi) => ({h: from(0, 360), s: from(5, 85), l: from(lo, hi)});
const SERIFS = ['Liberation Sans', 'Liberation Serif', 'Liberation Mono', 'Liberation Sans Narrow', 'DejaVu Sans', 'DejaVu Serif', 'DejaVu Sans Mono'];

function theme() {
    const dark = chance(0.3), ground = {h: from(0, 360), s: pick([0, 10, 40]), l: dark ? from(6, 18) : pick([100, 100, from(92, 99)])};
    const surface = {h: ground.h, s: ground.s, l: dark ? ground.l + from(3, 9) : pick([100, ground.l, from(90, 100)])};
    return {dark, ground, surface, ink: {h: ground.h, s: 10, l: dark ? from(75, 95) : from(5, 40)}, pale: {h: ground.h, s: 10, l: dark ? 60 : from(45, 60)},
        edge: {h: ground.h, s: 12, l: dark ? surface.l + from(5, 14) : from(80, 93)}, accent: colour(35, 60), font: pick(SERIFS), size: pick([11, 12, 13, 14, 15, 16, 18]),
        gradient: chance(0.15)};
}

const box = (t, more = {}) => ({back: t.surface, edge: t.edge, border: pick([0, 1, 1, 2]), radius: pick([0, 3, 4, 6, 8, 10, 12, 16]),
    shadow: pick([null, null, {y: int(1, 4), blur: int(2, 14), a: round(from(0.08, 0.3))}]), w: int(110, 190), h: int(34, 70), ...more});
const KINDS = {
    text: (t) => ({ink: pick([t.ink, t.pale]), text: words(int(5, 14)), weight: pick([400, 400, 700]), size: t.size, style: pick(['normal', 'normal', 'italic']), w: int(150, 330)}),
    card: (t) => ({...box(t), ink: t.ink, text: words(int(2, 6)), size: t.size, weight: 400}),
    button: (t) => ({...box(t, {back: t.accent, border: 0, h: int(26, 40), w: int(80, 140)}), ink: {h: 0, s: 0, l: 100}, text: words(int(1, 2)), size: t.size, weight: 700}),
    pill: (t) => ({...box(t, {back: {...t.accent, l: t.dark ? 30 : 90}, border: 0, radius: 20, h: int(16, 24), w: int(50, 100), shadow: null}), ink: t.accent, text: words(1), size: 11, weight: 400}),
    meter: (t) => ({...box(t, {back: t.edge, border: 0, radius: pick([0, 4, 8]), h: int(4, 14), w: int(90, 200), shadow: null}), fill: int(20, 90), fillBack: t.accent}),
    table: (t) => ({edge: t.edge, ink: t.ink, size: t.size, weight: 400, rows: Array.from({length: int(2, 4)}, () => [words(2), `${int(0, 999)}.${int(0, 9)}`, words(1)]), text: ''}),
    icon: (t) => ({stroke: t.accent, width: pick([1, 1.5, 2, 3]), points: Array.from({length: int(3, 8)}, (_, i) => [4 + i * 12, int(4, 36)]), r: int(3, 12), fillBack: t.accent}),
    list: (t) => ({ink: t.ink, text: '', items: Array.from({length: int(2, 3)}, () => words(int(2, 5))), size: t.size, weight: 400, bullet: t.accent, dot: int(3, 7)}),
    quote: (t) => ({ink: t.pale, text: words(int(3, 8)), size: t.size, weight: 400, edge: t.accent, border: int(1, 5), w: int(140, 260)}),
    picture: () => ({photo: int(1, 1000000), quality: 0.92, w: 160, h: 60, radius: pick([0, 8])}),
};

const boxCss = (p) => `box-sizing:border-box;width:${p.w}px;height:${p.h}px;background:${hsl(p.back)};border:${p.border}px solid ${p.border ? hsl(p.edge) : 'transparent'};` +
    `border-radius:${p.radius}px;${p.rim ? `outline:1px solid ${hsl(p.rim)};outline-offset:-1px;` : ''}${p.shadow ? `box-shadow:0 ${p.shadow.y}px ${p.shadow.blur}px rgba(0,0,0,${p.shadow.a});` : ''}`;
const textCss = (p) => `color:${hsl(p.ink)};font-weight:${p.weight};font-size:${p.size}px;font-style:${p.style ?? 'normal'};${p.line ? 'text-decoration:underline;' : ''}`;
const DRAW = {
    text: (p) => `<p class="x" style="${textCss(p)}width:${p.w}px">${p.text}</p>`,
    card: (p) => `<div class="b" style="${boxCss(p)}padding:6px"><span class="x" style="${textCss(p)}">${p.text}</span></div>`,
    button: (p) => `<div class="b" style="${boxCss(p)}text-align:center;line-height:${p.h}px;overflow:hidden;white-space:nowrap"><span class="x" style="${textCss(p)}">${p.text}</span></div>`,
    pill: (p) => `<div class="b" style="${boxCss(p)}text-align:center;line-height:${p.h}px;overflow:hidden"><span class="x" style="${textCss(p)}">${p.text}</span></div>`,
    meter: (p) => `<div class="b" style="${boxCss(p)}overflow:hidden"><div style="height:100%;width:${p.fill}%;background:${hsl(p.fillBack)}"></div></div>`,
    table: (p) => `<table class="x" style="${textCss(p)}border-collapse:collapse">${p.rows.map((r) => `<tr>${r.map((c) => `<td style="padding:2px 8px;border-bottom:1px solid ${hsl(p.edge)}">${c}</td>`).join('')}</tr>`).join('')}</table>`,
    icon: (p) => `<svg class="i" width="110" height="40"><polyline fill="none" stroke="${hsl(p.stroke)}" stroke-width="${p.width}" points="${p.points.map((q) => q.join()).join(' ')}"/><circle cx="92" cy="20" r="${p.r}" fill="${hsl(p.fillBack)}"/></svg>`,
    list: (p) => p.items.map((i) => `<p class="x" style="${textCss(p)}margin:2px 0"><span style="display:inline-block;width:${p.dot}px;height:${p.dot}px;border-radius:50%;background:${hsl(p.bullet)};margin:0 6px 2px 0"></span>${i}</p>`).join(''),
    quote: (p) => `<div class="x b" style="${textCss(p)}width:${p.w}px;border-left:${p.border}px solid ${hsl(p.edge)};padding:2px 8px;box-sizing:border-box">${p.text}</div>`,
    picture: (p) => `<canvas class="p" data-seed="${p.photo}" data-q="${p.quality}" width="${p.w}" height="${p.h}" style="border-radius:${p.radius}px"></canvas>`,
};

const page = (s, css = '') => `<!doctype html><style>*{box-sizing:border-box}body{margin:0;padding:10px;width:${s.size.width}px;height:${s.size.height}px;overflow:hidden;position:relative;
font:${s.theme.size}px/1.4 "${s.theme.font}";background:${s.theme.gradient ? `linear-gradient(${hsl(s.theme.ground)},${hsl({...s.theme.ground, l: s.theme.ground.l * 0.93})})` : hsl(s.theme.ground)}}p{margin:0}
.w{position:absolute}${css}</style>${s.widgets.map((w, i) => `<div class="w w${i}" style="left:${w.x}px;top:${w.y}px">${DRAW[w.kind](w.p)}</div>`).join('')}`;

function scene() {
    const t = theme(), widgets = [];
    const size = {width: 380, height: 250, scale: pick([1, 1, 1, 1.5, 2, 3])};
    for (let y = int(8, 14); y < 180 && widgets.length < 7;) {
        const kind = pick(Object.keys(KINDS)), p = KINDS[kind](t);
        widgets.push({kind, p, x: pick([12, 20, int(8, 30)]), y});
        if (!['text', 'table', 'quote', 'list'].includes(kind) && chance(0.7)) {
            const other = pick(['card', 'button', 'pill', 'meter', 'icon']);
            widgets.push({kind: other, p: KINDS[other](t), x: 235, y});
        }
        y += (p.h ?? 0) + (p.rows ? p.rows.length * t.size * 1.7 : p.items ? p.items.length * t.size * 1.6 : p.text ? Math.ceil(p.text.length * t.size * 0.55 / (p.w ?? 300)) * t.size * 1.5 : p.points ? 40 : 0) * (p.h ? 0 : 1) + int(12, 20);
        y = Math.round(y);
    }
    return {theme: t, size, widgets};
}

// --- changes: each returns its name when the widget has what it changes

const shade = (c, d) => ({...c, l: c.l + d > 98 || c.l + d < 2 ? c.l - d : c.l + d});
const swap = (p, was, is) => {
    const at = [...p.text.matchAll(was)].map((m) => m.index);
    if (at.length === 0) {
        return false;
    }
    const i = pick(at);
    p.text = p.text.slice(0, i) + is + p.text.slice(i + 1);
    return true;
};
const TEXT = 'text card button pill quote'.split(' ');
const CHANGES = {
    token: (p) => p.back && (p.back = shade(p.back, pick([-1, 1]) * from(2.5, 8)), true),
    hue: (p) => p.back && p.back.s > 30 && p.back.l < 75 && (p.back = {...p.back, h: p.back.h + pick([-1, 1]) * from(8, 25)}, true),
    ink: (p) => p.ink && (p.ink = shade(p.ink, pick([-1, 1]) * from(8, 20)), true),
    edge: (p) => p.edge && (p.border || p.rows) && (p.edge = shade(p.edge, pick([-1, 1]) * from(4, 14)), true),
    'edge-gone': (p) => p.edge && p.border && p.back && (p.edge = p.back, true),
    rim: (p) => p.back && (p.rim = shade(p.back, pick([-1, 1]) * from(4, 20)), true),
    'shadow-gone': (p) => p.shadow && (p.shadow = null, true),
    'shadow-fainter': (p) => p.shadow && (p.shadow = {...p.shadow, a: p.shadow.a * 0.55}, true),
    'shadow-larger': (p) => p.shadow && (p.shadow = {...p.shadow, blur: p.shadow.blur + 5, y: p.shadow.y + 2}, true),
    radius: (p) => p.radius !== undefined && p.h >= 16 && (p.radius = p.radius + pick([-4, -3, -2, 2, 3, 4]), p.radius >= 0),
    wider: (p) => p.back && (p.w += pick([1, 1, 2]), true),
    taller: (p) => p.back && !p.text && (p.h += 1, true),
    comma: (p) => p.text && swap(p, /\./g, ','),
    stop: (p) => p.text && swap(p, /,/g, '.'),
    semicolon: (p) => p.text && swap(p, /;/g, ','),
    colon: (p) => p.text && swap(p, /:/g, '.'),
    letter: (p) => p.text && pick([() => swap(p, /e/g, 'c'), () => swap(p, /l/g, 'i'), () => swap(p, /n/g, 'h'), () => swap(p, /o/g, 'a'), () => swap(p, /r/g, 't')])(),
    digit: (p) => p.rows && ((r) => { const d = r[1][0]; r[1] = (d === '8' ? '3' : '8') + r[1].slice(1); return true; })(pick(p.rows = structuredClone(p.rows))),
    weight: (p) => p.weight && !p.back && (p.weight = p.weight === 400 ? 700 : 400, true),
    underline: (p) => p.text && (p.line = true),
    fill: (p) => p.fill && (p.fill += pick([-3, -2, 2, 3]), true),
    'fill-colour': (p) => p.fillBack && (p.fillBack = shade(p.fillBack, pick([-1, 1]) * from(4, 10)), true),
    stroke: (p) => p.stroke && (p.width += pick([0.5, 1]), true),
    point: (p) => p.points && ((q) => { q[1] += q[1] > 20 ? -int(2, 6) : int(2, 6); return true; })(pick(p.points = structuredClone(p.points))),
    circle: (p) => p.r && (p.r += 1, true),
    bullet: (p) => p.dot && (p.dot += 1, true),
    bar: (p) => p.border && p.text && !p.back && (p.border += 1, true),
    photo: (p) => p.photo && (p.photo += 1, true),
};
function change(s) {
    for (let tries = 0; tries < 400; tries++) {
        const next = structuredClone(s), i = int(0, s.widgets.length - 1), name = pick(Object.keys(CHANGES));
        if (CHANGES[name](next.widgets[i].p) && page(next) !== page(s)) {
            return {spec: next, what: `${name}-of-${s.widgets[i].kind}`, at: i};
        }
    }
    throw new Error('nothing to change');
}

const amount = () => pick([-1, 1]) * round(from(0.05, pick([0.3, 0.5, 0.6, 0.6, 0.95])));
function nudge(s, beside) {
    const i = beside ?? int(0, s.widgets.length - 1), way = int(0, 9);
    const [dx, dy] = way < 5 ? [amount(), 0] : way < 7 ? [0, amount()] : [amount(), amount()];
    const move = way === 9 && chance(0.3) ? `rotate(${round(from(-0.05, 0.05))}deg)` : `translate(${dx}px,${dy}px)`;
    const rule = chance(0.7) ? `transform:${move}` : `position:relative;left:${dx}px;top:${dy}px`;
    const target = pick([`.w${i}`, `.w${i}`, `.w${i} .x`, `.w${i} .b`, '.x', '.b', 'svg *', 'body']);
    return {css: `${target}{${rule.startsWith('pos') && target.startsWith('.w') && !target.includes(' ') ? `transform:${move}` : rule}}`,
        far: Math.max(Math.abs(dx), Math.abs(dy)) * s.size.scale > 0.6, name: `${target.replace(/[0-9]/g, '')} ${dx} ${dy}`};
}

// --- pictures

const PAINT = `Promise.all([...document.querySelectorAll('canvas')].map(async (c) => {
    const g = c.getContext('2d'), d = g.createImageData(c.width, c.height);
    let s = c.dataset.seed * 7919 & 0x7fffffff;
    const grain = () => ((s = (s * 1103515245 + 12345) & 0x7fffffff) >> 16) % 23 - 11;
    for (let y = 0; y < c.height; y++) for (let x = 0; x < c.width; x++) {
        const i = (y * c.width + x) * 4, w = Math.sin((x + c.dataset.seed * 90) / 37) * Math.cos(y / 29 + +c.dataset.seed) * 60, n = grain();
        d.data.set([150 + w + n - y / 4, 140 + w / 2 + n, 90 + y / 2 - w + n, 255], i);
    }
    g.putImageData(d, 0, 0);
    const image = new Image();
    image.src = c.toDataURL('image/jpeg', +c.dataset.q);
    await image.decode();
    g.drawImage(image, 0, 0);
}))`;
const browser = await openBrowser();
const lcd = await openBrowser(['--enable-lcd-text'], {FONTCONFIG_FILE: stripes()});
const shoot = (s, css, which = browser, as = undefined) => which.shoot(page(s, css), s.size, as, PAINT);

const list = [];
const keep = (n, side, bytes) => {
    const file = `${String(n).padStart(4, '0')}-${side}.${bytes[0] === 0xff ? 'jpg' : 'png'}`;
    fs.writeFileSync(path.join(dir, file), bytes);
    return file;
};
for (let n = 0; n < Number(count); n++) {
    const s = scene(), way = random();
    const base = await shoot(s);
    const c = {name: '', kind: '', expect: 'antialias-only', width: s.size.width * s.size.scale, height: s.size.height * s.size.scale, base: keep(n, 'a', base)};
    let current;
    let only;
    if (way < 0.4) {
        const m = nudge(s);
        c.kind = m.far ? 'far' : 'nudge';
        c.name = m.name;
        current = await shoot(s, m.css);
    } else if (way < 0.85) {
        const changed = change(s), m = way < 0.6 ? undefined : nudge(s, chance(0.5) ? changed.at : undefined);
        c.kind = m ? 'change-beside' : 'change';
        c.name = changed.what + (m ? ` beside ${m.name}` : '');
        c.expect = 'different';
        only = await shoot(changed.spec);
        current = m ? await shoot(changed.spec, m.css) : only;
    } else if (way < 0.96) {
        s.widgets.forEach((w) => { if (w.p.photo) w.p.quality = round(from(0.75, 0.9)); });
        const quality = int(78, 95);
        c.kind = 'encoded';
        c.name = `jpeg ${quality}`;
        current = await shoot(s, '', browser, {format: 'jpeg', quality});
    } else {
        c.kind = 'lcd';
        c.name = 'lcd';
        current = await shoot(s, '', lcd);
    }
    c.name = `${n} x${s.size.scale} ${c.name}`;
    c.current = keep(n, 'b', current);
    c.only = only && keep(n, 'c', only);
    if (!current.equals(base)) {
        list.push(c);
    }
}
fs.writeFileSync(path.join(dir, 'list.json'), `[\n${list.map((c) => JSON.stringify(c)).join(',\n')}\n]\n`);
await Promise.all([browser.close(), lcd.close()]);
