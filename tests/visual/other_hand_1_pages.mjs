// SPDX-License-Identifier: Apache-2.0
//
// Twelve pages by somebody who had not read the rules, for the list `other_hand_1`. A page is a function of its changes, see sheet.mjs.
import {photo} from './pictures.mjs';
import {shapes, sheet, strokes} from './sheet.mjs';

const times = (n, make) => Array.from({length: n}, (_, i) => make(i)).join('');

// A dense table of figures in narrow letters.
export function ledger(o = {}) {
    const names = ['Aluminium sheet', 'Brass rod 8 mm', 'Copper pipe', 'Drill set', 'Epoxy, clear', 'Flange DN 50', 'Gasket ring', 'Hinge, left', 'Inlet valve', 'Joint, ball', 'Key stock', 'Lag screw'];
    const row = (i) => `<tr class="r${i}"><td>${4170 + i * 13}</td><td>${names[i]}</td><td>${['Bay', 'Rack', 'Yard'][i % 3]} ${i * 7 % 11 + 1}</td><td class="n">${i * 83 % 71 + 3}</td>
<td class="n">${(i * 17.35 + 2.1).toFixed(2)}</td><td class="n d">${i % 4 === 1 ? '\u2212' : '+'}${(i * 0.37 + 0.15).toFixed(2)} %</td><td>${i % 5 === 2 ? '<i class="low">low</i>' : ''}</td></tr>`;
    return sheet(o, `body{font:12px/16px "Liberation Sans Narrow";color:#22303c}table{border-collapse:collapse;width:584px;margin:10px 12px}th{font-weight:700;text-align:left;background:#e7ecf0;color:#41525f}
td,th{padding:2px 7px;border:1px solid #d3dbe1}.n{text-align:right}.d{color:#1b7a43}tr:nth-child(odd) td{background:#f7f9fa}.low{font-style:normal;background:#ffe2c2;color:#8a4500;padding:0 5px;border-radius:2px}
.cap{margin:8px 12px 0;font-size:15px;line-height:20px}.foot{margin:0 12px;color:#6a7a86}`, `<div class="cap">Stock on hand, hall C</div><table><tr><th>No.</th><th>Article</th><th>Place</th><th>Count</th>
<th>Each</th><th>Change</th><th></th></tr>${times(12, row)}</table><div class="foot">Counted at 06:30, differences are booked overnight.</div>`);
}

// Panels with lines, bars and a gauge on a dark ground.
export function ops(o = {}) {
    const heights = [34, 41, 29, 52, 60, 47, 38, 66, 71, 58, 63, 49, 44, 56];
    const wave = times(40, (i) => `${i ? 'L' : 'M'}${i * 6} ${(38 - 15 * Math.sin(i / 4) - 8 * Math.cos(i / 1.7)).toFixed(2)}`);
    return sheet(o, `body{font:12px/16px "DejaVu Sans";color:#b9c4d4;background:#0f1218}.g{display:grid;grid-template-columns:258px 178px 120px;gap:12px;padding:14px}.p{background:#181d26;border:1px solid #262e3b;border-radius:8px;padding:10px 12px}
.p h4{margin:0 0 6px;font-weight:400;font-size:11px;color:#7f8ba0}.big{font-size:24px;line-height:30px;color:#eef2f8}.tag{display:inline-block;padding:0 7px;border-radius:8px;font-size:10px;background:#123524;color:#58d68d}.bad{background:#3b1519;color:#f1948a}
.row{display:flex;justify-content:space-between;padding:4px 0;border-top:1px solid #222a36}svg{display:block}.q{width:8px;height:8px;border-radius:4px;display:inline-block;background:#58d68d;margin-right:6px}`, `<div class="g">
<div class="p a"><h4>Requests per second</h4><div class="big">2,417</div><svg width="234" height="72"><path class="area" d="${wave}L234 72L0 72z" fill="#5dade2" fill-opacity=".16"/><path class="wave" d="${wave}" fill="none" stroke="#5dade2" stroke-width="1.5"/></svg></div>
<div class="p b"><h4>Latency, ms</h4><svg width="154" height="104">${heights.map((h, i) => `<rect class="bar b${i}" x="${i * 11}" y="${100 - h}" width="8" height="${h}" rx="1" fill="#af7ac5"/>`).join('')}<path d="M0 100.5H154" stroke="#3a4556"/></svg></div>
<div class="p c"><h4>Error budget</h4><svg width="96" height="96" viewBox="0 0 96 96"><circle cx="48" cy="48" r="36" fill="none" stroke="#273040" stroke-width="9"/><circle class="arc" cx="48" cy="48" r="36" fill="none" stroke="#f5b041" stroke-width="9" stroke-dasharray="151 300" transform="rotate(-90 48 48)"/><text x="48" y="53" text-anchor="middle" fill="#eef2f8" font-size="14">67 %</text></svg></div>
<div class="p d" style="grid-column:1/4">${[['eu-west-1', '99.98 %', 'up'], ['us-east-2', '99.91 %', 'up'], ['ap-south-1', '97.40 %', 'slow']].map(([n, v, s], i) => `<div class="row r${i}"><span><i class="q"></i>${n}</span><span>${v}</span><span class="tag${s === 'up' ? '' : ' bad'}">${s}</span></div>`).join('')}</div></div>`);
}

// A form for signing in, on a gradient.
export function login(o = {}) {
    return sheet(o, `body{font:14px/20px "DejaVu Sans";color:#1d2433;background:linear-gradient(#eef1fb,#d5dff5);min-height:100vh}.box{position:absolute;left:32px;top:28px;width:296px;background:#fff;border-radius:12px;padding:24px;box-shadow:0 8px 24px rgba(38,52,92,.14)}
h1{font-size:19px;line-height:26px;margin:0 0 14px}label{display:block;font-size:12px;margin:10px 0 4px;color:#4a5368}.in{height:36px;border:1px solid #c6cede;border-radius:6px;padding:7px 10px;font-size:13px}.in.now{border-color:#3f66e0;outline:2px solid #b9c8f8}
.hint{color:#98a1b3}.keep{display:flex;align-items:center;gap:8px;margin:14px 0;font-size:12px}.tick{width:15px;height:15px;border-radius:3px;background:#3f66e0;flex:none}.go{background:#3f66e0;color:#fff;text-align:center;border-radius:6px;padding:8px}
.or{display:flex;align-items:center;gap:10px;color:#98a1b3;font-size:11px;margin:14px 0 8px}.or:before,.or:after{content:"";flex:1;border-top:1px solid #e3e7ef}.alt{text-align:center;font-size:12px}.alt a{color:#3f66e0;text-decoration:underline}svg{display:block}`,
    `<div class="box"><h1>Sign in to R\u00e9sum\u00e9</h1><label>E-mail address</label><div class="in now">noor@example.org</div><label>Password</label><div class="in hint">At least 12 characters</div>
<div class="keep"><span class="tick"><svg width="15" height="15"><path d="M3.5 7.5l3 3 5-6" stroke="#fff" stroke-width="1.8" fill="none"/></svg></span><span>Keep me signed in</span></div><div class="go">Continue</div><div class="or">or</div><div class="alt">No account? <a>Register here</a></div></div>`);
}

// Height lines, a lake, paths of dots, letters along them.
export function atlas(o = {}) {
    const ring = (k) => `<path class="iso" d="M${60 + k * 14} ${150 + k * 3}C${70 + k * 12} ${60 + k * 16} ${190} ${30 + k * 18} ${250 - k * 5} ${80 + k * 9}S${300 - k * 18} ${230 - k * 12} ${190 - k * 4} ${240 - k * 14}S${52 + k * 14} ${220 - k * 10} ${60 + k * 14} ${150 + k * 3}z" fill="none" stroke="#b9905a" stroke-opacity="${k % 3 ? 0.45 : 0.9}"/>`;
    return sheet(o, `body{background:#f4f0e4;font:11px/14px "DejaVu Serif"}svg{display:block}.key{position:absolute;right:12px;bottom:12px;width:112px;background:rgba(255,255,255,.82);border:1px solid #cfc6ae;padding:6px 8px;border-radius:3px}.key i{display:inline-block;width:18px;height:0;border-top:2px dotted #a63d2f;margin-right:6px;vertical-align:middle}`,
        `<svg width="480" height="300"><path class="wood" d="M0 200Q90 170 160 230T330 260Q300 300 250 300H0z" fill="#cfdfb6"/><path class="lake" d="M330 70C370 40 440 60 446 104S400 170 362 160S300 96 330 70z" fill="#a9cfe4" stroke="#7fb0cb"/>${times(6, ring)}
<path class="trail" d="M20 270C80 240 120 250 170 210S260 150 330 190S420 230 470 200" fill="none" stroke="#a63d2f" stroke-width="2" stroke-dasharray="2 5" stroke-linecap="round"/><path class="road" d="M0 40L120 20L300 34L480 6" fill="none" stroke="#e0c074" stroke-width="5"/>
<path class="peak" d="M150 118l7 12h-14z" fill="#5b4a32"/><text class="name" x="164" y="130" font-size="12" fill="#4a3d2a">Kahler Berg 841</text><text class="name" x="352" y="116" font-size="12" font-style="italic" fill="#356b88">Obersee</text><text class="name" x="30" y="286" font-size="10" fill="#4d6638" letter-spacing="2">FORST</text>
<circle class="hut" cx="300" cy="170" r="4.5" fill="#fff" stroke="#333" stroke-width="1.5"/></svg><div class="key"><i></i>Trail 17<br>scale 1:25 000</div>`);
}

// Lines of a program with colours, a selection, a mark for an error.
export function editor(o = {}) {
    const code = ['<b>import</b> {readFile} <b>from</b> <s>\'node:fs/promises\'</s>;', '', '<em>// Counts the words of a file, longest first.</em>', '<b>export async function</b> <u>count</u>(path, limit = <q>10</q>) {',
        '  <b>const</b> text = <b>await</b> readFile(path, <s>\'utf8\'</s>);', '  <b>const</b> seen = <b>new</b> Map();', '  <b>for</b> (<b>const</b> word <b>of</b> text.split(<s>/\\W+/</s>)) {', '    seen.set(word, (seen.get(word) ?? <q>0</q>) + <q>1</q>);',
        '  }', '  <b>return</b> [...seen].sort((a, b) =&gt; b[<q>1</q>] - a[<q>1</q>]).slice(<q>0</q>, limit);', '}', '', 'count(<s>\'notes.txt\'</s>).then(console.log);'];
    return sheet(o, `body{font:13px/19px "DejaVu Sans Mono";color:#2b2b2b;background:#fdfdfd}.tabs{display:flex;background:#ececec;border-bottom:1px solid #d4d4d4;font:12px/28px "DejaVu Sans"}.tab{padding:0 14px;border-right:1px solid #d4d4d4;color:#777}.tab.on{background:#fdfdfd;color:#222;box-shadow:inset 0 2px #0a7bbb}
.l{display:flex;white-space:pre}.no{width:40px;text-align:right;padding-right:12px;color:#a5a5a5;flex:none}.l.sel{background:#dcebf8}b{font-weight:400;color:#7a2aa8}s{text-decoration:none;color:#157a3a}u{text-decoration:none;color:#0a5fa8}q{quotes:none;color:#b4460f}q:before,q:after{content:""}em{font-style:normal;color:#8a8f94}
.err{background:linear-gradient(90deg,#d33 50%,transparent 0) 0 100%/4px 2px repeat-x}.bar{background:#0a7bbb;color:#fff;font:11px/20px "DejaVu Sans";padding:0 12px;display:flex;justify-content:space-between;margin-top:6px}.body{padding-top:6px}`,
    `<div class="tabs"><div class="tab on">count.mjs</div><div class="tab">notes.txt</div></div><div class="body">${code.map((c, i) => `<div class="l l${i}${i === 5 ? ' sel' : ''}"><span class="no">${i + 1}</span><span class="c">${c}</span></div>`).join('')}</div><div class="bar"><span>main*</span><span>Ln 6, Col 22</span></div>`);
}

// A month of days with events.
export function month(o = {}) {
    const events = {3: [['#f6c9d0', 'Dentist 9:30']], 7: [['#cfe3c4', 'Rent due']], 11: [['#c8dcf2', 'Review'], ['#f3e2b8', 'Lunch, Ida']], 16: [['#ddd0ef', 'Choir']], 20: [['#c8dcf2', 'Flight LX 318']], 24: [['#f3e2b8', 'Market']]};
    const cell = (i) => `<div class="day d${i}${i === 13 ? ' today' : ''}${i < 2 || i > 31 ? ' out' : ''}"><span class="num">${(i + 28) % 30 + 1}</span>${(events[i] ?? []).map(([c, t]) => `<div class="ev" style="background:${c}">${t}</div>`).join('')}</div>`;
    return sheet(o, `body{font:11px/14px "Liberation Sans";color:#3b3a45;background:#fff}.top{display:flex;align-items:center;gap:14px;padding:10px 12px 6px}.top b{font-size:16px;line-height:22px}.g{display:grid;grid-template-columns:repeat(7,76px);margin:0 12px;border-top:1px solid #dedbe6;border-left:1px solid #dedbe6;width:533px}
.day{height:52px;border-right:1px solid #dedbe6;border-bottom:1px solid #dedbe6;padding:3px 4px}.num{display:block;width:16px;height:16px;text-align:center;line-height:16px}.out .num{color:#b6b3c1}.today .num{background:#5b4bc4;color:#fff;border-radius:8px}.ev{border-radius:3px;padding:0 4px;margin-top:2px;white-space:nowrap;overflow:hidden}
.w{display:grid;grid-template-columns:repeat(7,76px);margin:0 12px;color:#777384;font-size:10px}.w span{padding:2px 4px}.arrow{color:#5b4bc4}`, `<div class="top"><b>March</b><span class="arrow">${strokes('<path d="M15 5l-7 7 7 7"/>', {size: 14})}</span><span class="arrow">${strokes(shapes.next, {size: 14})}</span><span class="today-link">Today</span></div>
<div class="w">${['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'].map((d) => `<span>${d}</span>`).join('')}</div><div class="g">${times(35, cell)}</div>`);
}

// Things to buy with photos, prices, hearts, a filter.
export function catalog(o = {}) {
    const things = [['mug', 'Stoneware mug', '18.00', 4], ['room', 'Print, linen', '42.50', 2], ['land', 'Poster "Bay"', '29.00', 7]];
    const card = ([view, name, price, seed], i) => `<div class="card k${i}"><img class="ph" src="${photo({w: 104, h: 70, view, seed, ...(o.photos?.[i] ?? {})})}"><span class="like">${strokes(shapes.heart, {size: 16})}</span><div class="nm">${name}</div><div class="pr">\u20ac ${price}${i === 1 ? ' <s>55.00</s>' : ''}</div><div class="st">${'\u2605'.repeat(4 - i % 2)}<span class="no">${'\u2605'.repeat(1 + i % 2)}</span></div></div>`;
    return sheet(o, `body{font:13px/18px "Liberation Sans";color:#2a2522;background:#faf8f5}.bar{display:flex;gap:8px;padding:12px 16px}.chip{border:1px solid #d8d0c6;border-radius:13px;padding:3px 11px;background:#fff;font-size:12px}.chip.on{background:#2a2522;color:#fff;border-color:#2a2522}.g{display:flex;gap:16px;padding:0 16px}
.card{width:122px;background:#fff;border-radius:6px;padding:9px;position:relative;box-shadow:0 1px 4px rgba(60,40,20,.13)}.ph{display:block;width:104px;height:70px;border-radius:3px;margin-bottom:7px}.like{position:absolute;right:14px;top:14px;width:24px;height:24px;border-radius:12px;background:rgba(255,255,255,.85);padding:4px;color:#b3412f}.like svg{display:block}
.pr{font-weight:700}.pr s{font-weight:400;color:#9b918a}.st{color:#d59a1c;font-size:12px}.st .no{color:#e4ddd3}`, `<div class="bar"><span class="chip on">All</span><span class="chip">Kitchen</span><span class="chip">Walls</span><span class="chip">Under \u20ac 30</span></div><div class="g">${things.map(card).join('')}</div>`);
}

// What a till prints.
export function receipt(o = {}) {
    const lines = [['Oat milk 1l', '2.19'], ['Bread, rye', '3.40'], ['Apples 1.2kg', '2.88'], ['Soap', '1.15'], ['Coffee 500g', '7.95'], ['Pencils', '0.99']];
    const bars = Array.from({length: 46}, (_, i) => [i * 5, i * 7 % 4 + 1]);
    return sheet(o, `body{background:#d9dbd8;font:13px/18px "Liberation Mono";color:#1c1c1c}.p{position:absolute;left:24px;top:16px;width:272px;background:#fffefb;padding:16px 18px;box-shadow:0 2px 5px rgba(0,0,0,.22)}.c{text-align:center}.l{display:flex;justify-content:space-between}.cut{border-top:1px dashed #8b8b86;margin:8px 0}.sum{font-weight:700;font-size:15px}.small{font-size:10px;line-height:14px;color:#55554f}svg{display:block;margin:8px auto 0}`,
        `<div class="p"><div class="c hd">MARKT AM TOR<br>Lange Str. 8</div><div class="cut"></div>${lines.map(([n, p], i) => `<div class="l i${i}"><span>${n}</span><span>${p}</span></div>`).join('')}<div class="cut"></div><div class="l sum"><span>TOTAL</span><span>18.56</span></div><div class="l"><span>Card</span><span>**** 4471</span></div>
<div class="cut"></div><div class="c small">VAT 7 % 1.21 \u00b7 no returns of food.<br>Thank you, see you soon!</div><svg class="code" width="230" height="30">${bars.map(([x, w]) => `<rect x="${x}" y="0" width="${w}" height="30" fill="#111"/>`).join('')}</svg></div>`);
}

// A talk with bubbles, faces of letters, signs that were read.
export function messenger(o = {}) {
    const says = [[0, 'Is the small room free at four?'], [1, 'Yes. Take the key from the desk, and close the window after.'], [0, 'Will do!'], [0, 'Also: who has the projector?'], [1, 'Mats, until Friday']];
    return sheet(o, `body{background:#e6ddd4;font:14px/19px "Liberation Sans";color:#16202a}.top{background:#0b6157;color:#fff;padding:9px 14px;display:flex;gap:10px;align-items:center}.face{width:30px;height:30px;border-radius:15px;background:#f0b27a;color:#5e3410;text-align:center;line-height:30px;font-size:12px;flex:none}.top small{display:block;font-size:11px;line-height:13px;opacity:.8}
.m{max-width:240px;width:fit-content;background:#fff;border-radius:9px;padding:6px 10px 5px;margin:8px 14px 0;box-shadow:0 1px 1px rgba(0,0,0,.13)}.m:after{content:"";display:block;clear:both}.m.me{background:#d9fdd3;margin-left:auto}.m small{font-size:10px;line-height:12px;color:#667781;float:right;margin:6px 0 0 10px}.read{color:#3a9bdc}.day{width:fit-content;margin:10px auto 0;background:#f7f3ee;border-radius:6px;font-size:11px;padding:1px 9px;color:#5b6670}
.new{display:flex;gap:8px;margin:12px 14px}.type{flex:1;background:#fff;border-radius:17px;padding:7px 14px;color:#9aa3aa}.send{width:34px;height:34px;border-radius:17px;background:#0b6157}`, `<div class="top"><span class="face">MB</span><div>Mira Bloom<small>online</small></div></div><div class="day">Monday</div>${says.map(([me, t], i) => `<div class="m m${i}${me ? ' me' : ''}">${t}<small>15:0${i + 2}${me ? ' <span class="read">\u2713\u2713</span>' : ''}</small></div>`).join('')}<div class="new"><span class="type">Write a message</span><span class="send"></span></div>`);
}

// Rows of a telephone with icons, switches, arrows.
export function contacts(o = {}) {
    const rows = [['mail', 'Messages', '12', '#2f80ed'], ['phone', 'Calls', '', '#27ae60'], ['lock', 'Privacy', 'on', '#8e6bd1'], ['clock', 'Screen time', '', '#eb8d3c']];
    return sheet(o, `body{background:#f2f2f7;font:13px/18px "DejaVu Sans";color:#111}.list{margin:10px;background:#fff;border-radius:10px;width:260px;overflow:hidden}.r{display:flex;align-items:center;gap:9px;padding:7px 10px;height:38px}.r+.r{border-top:1px solid #e3e3e8}.i{width:24px;height:24px;border-radius:6px;color:#fff;padding:4px}.i svg{display:block}.t{flex:1}.v{color:#8e8e93;font-size:11px}
.sw{width:34px;height:20px;border-radius:10px;background:#34c759;position:relative}.sw:after{content:"";position:absolute;width:16px;height:16px;border-radius:8px;background:#fff;left:16px;top:2px;box-shadow:0 1px 2px rgba(0,0,0,.25)}.badge{background:#ff3b30;color:#fff;border-radius:8px;font-size:10px;line-height:16px;padding:0 5px}`,
    `<div class="list">${rows.map(([i, t, v, c], n) => `<div class="r r${n}"><span class="i" style="background:${c}">${strokes(shapes[i], {size: 16})}</span><span class="t">${t}</span>${v === 'on' ? '<span class="sw"></span>' : v ? `<span class="badge">${v}</span>` : '<span class="v">Today</span>'}<span class="v">${strokes(shapes.next, {size: 10})}</span></div>`).join('')}</div>`);
}

// Thin letters with feet, a large first one, a note.
export function essay(o = {}) {
    return sheet(o, `body{background:#fbfaf7;font:16px/25px "Liberation Serif";color:#2c2a26}.w{width:420px;padding:16px 20px}h1{font:400 27px/33px "DejaVu Serif Condensed","DejaVu Serif";font-stretch:condensed;letter-spacing:-.3px;margin:0 0 4px}.by{font:italic 14px/20px "Liberation Serif";color:#8a857a;margin-bottom:12px}p{margin:0 0 10px}.cap:first-letter{float:left;font-size:50px;line-height:44px;padding:3px 7px 0 0;color:#8c2f2b}
a{color:#8c2f2b;text-decoration:underline}.n{font-size:12px;line-height:17px;border-top:1px solid #cfc9bb;padding-top:6px;color:#6d685e}q{quotes:"\u201c" "\u201d"}`, `<div class="w"><h1>The clockmaker\u2019s caf\u00e9</h1><div class="by">by Zo\u00eb Marchand, in the spring</div><p class="cap">At noon the square is silent; only the pendulum in the window keeps <i>its own</i> promise, <q>not for the gold</q>.</p>
<p class="two">People come for coffee, stay for the noise of wheels, and leave by <a>the narrow stairs</a> behind the counter.</p><div class="n">1 The building is listed since 1931, its front since 1954.</div></div>`);
}

// Steps of a release over a very wide screen.
export function pipeline(o = {}) {
    const steps = [['Build', 'ok', '1m 04s'], ['Unit', 'ok', '3m 51s'], ['Lint', 'ok', '0m 22s'], ['Browser', 'bad', '6m 10s'], ['Package', 'wait', ''], ['Deploy', 'wait', ''], ['Verify', 'wait', '']];
    const ink = {ok: '#1a7f37', bad: '#cf222e', wait: '#818b98'};
    return sheet(o, `body{background:#fff;font:14px/20px "Liberation Sans";color:#1f2328}.h{padding:12px 24px;border-bottom:1px solid #d1d9e0;display:flex;justify-content:space-between;background:#f6f8fa}.s{display:flex;padding:18px 24px;align-items:center}.k{width:178px;border:1px solid #d1d9e0;border-radius:6px;padding:9px 12px;display:flex;gap:9px;align-items:center}.k small{margin-left:auto;color:#818b98;font-size:12px}.j{width:44px;height:2px;background:#d1d9e0}
.pill{border-radius:10px;padding:0 9px;font-size:12px;background:#ffebe9;color:#cf222e}svg{display:block}.pr{height:5px;background:#e4e8ec;margin:0 24px;border-radius:3px;overflow:hidden}.pr i{display:block;height:5px;width:58%;background:#1a7f37}`, `<div class="h"><span>release/4.12 <b>#20881</b></span><span class="pill">1 step failed</span></div><div class="s">${steps.map(([n, s, t], i) => `${i ? '<i class="j"></i>' : ''}<div class="k ${s} k${i}"><svg width="16" height="16"><circle cx="8" cy="8" r="7" fill="none" stroke="${ink[s]}" stroke-width="1.5"/>${s === 'ok' ? `<path d="M4.8 8.2l2.2 2.2 4.2-4.6" fill="none" stroke="${ink[s]}" stroke-width="1.5"/>` : s === 'bad' ? `<path d="M5.5 5.5l5 5M10.5 5.5l-5 5" stroke="${ink[s]}" stroke-width="1.5"/>` : ''}</svg>${n}<small>${t}</small></div>`).join('')}</div><div class="pr"><i></i></div>`);
}
