// SPDX-License-Identifier: Apache-2.0
//
// More pages, of parts that applications are made of: settings, invoice and chat for the cases that rules are made
// with; mail, stats and studio for those that they are not. As in pages.mjs a page is a function of its changes.

const head = (css, ground = '#fff', ink = '#111827') => `<!doctype html><style>*{box-sizing:border-box}body{margin:0;
font:14px/20px "Liberation Sans",sans-serif;color:${ink};background:${ground}}h1{font-size:20px;line-height:26px;margin:0 0 10px}
h3{font-size:14px;margin:0}p{margin:0 0 8px}${css}</style>`;
const svg = (path, size = 18, ink = '#374151') => `<svg width="${size}" height="${size}" viewBox="0 0 18 18" fill="none"
stroke="${ink}" stroke-width="1.5">${path}</svg>`;
export const icons = {
    pen: '<path d="M3 15l1-4L12 3l3 3-8 8z"/>', bin: '<path d="M4 5h10M7 5V3h4v2M5 5l1 10h6l1-10"/>',
    bell: '<path d="M5 13V8a4 4 0 018 0v5l1 1H4zM8 16h2"/>', bellOff: '<path d="M5 13V8a4 4 0 018 0v5l1 1H4zM8 16h2M3 3l12 12"/>',
    gear: '<circle cx="9" cy="9" r="3"/><path d="M9 2v3M9 13v3M2 9h3M13 9h3"/>',
    sun: '<circle cx="9" cy="9" r="4"/><path d="M9 2v2M9 14v2M2 9h2M14 9h2"/>',
    play: '<path d="M5 3l10 6-10 6z" fill="#fff" stroke="none"/>', pause: '<path d="M5 3h3v12H5zM10 3h3v12h-3z" fill="#fff" stroke="none"/>',
    eye: '<path d="M1 9s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5z"/><circle cx="9" cy="9" r="2"/>',
    eyeOff: '<path d="M1 9s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5z"/><circle cx="9" cy="9" r="2"/><path d="M3 15L15 3"/>',
};

// Check boxes, switches, fields, a disabled button, a caret.
export function settings(o = {}) {
    const box = (on) => `<i class="box">${on ? '<svg width="12" height="12"><path d="M2 6l3 3 5-6" stroke="#fff" stroke-width="2" fill="none"/></svg>' : ''}</i>`;
    const line = (i, on) => `<div class="line">${box(on)}<span>Send me ${['news', 'receipts', 'reminders', 'offers'][i]} by mail</span></div>`;
    return `${head(`.wrap{padding:20px;width:420px}.line{display:flex;gap:8px;align-items:center;margin:6px 0}.box{width:14px;height:14px;
border-radius:3px;background:#2563eb;display:inline-block;line-height:0}.field{border:1px solid ${o.edge ?? '#d1d5db'};border-radius:6px;padding:7px 10px;margin:6px 0 12px;
color:${o.placeholder ?? '#9ca3af'};position:relative}.field.on{${o.focus ?? ''}}.caret{position:absolute;left:${o.caretAt ?? 116}px;top:8px;width:1px;height:18px;background:#111827}
.off{background:#2563eb;color:#fff;display:inline-block;padding:8px 18px;border-radius:6px;opacity:${o.opacity ?? 0.5}}
.switch{width:34px;height:18px;border-radius:9px;background:${o.on ? '#16a34a' : '#9ca3af'};position:relative;display:inline-block}
.switch:after{content:"";position:absolute;width:14px;height:14px;border-radius:7px;background:#fff;top:2px;left:${o.on ? 18 : 2}px}
.card{${o.card ?? 'box-shadow:0 1px 3px rgba(0,0,0,.2)'};border-radius:8px;padding:12px;margin:14px 0}${o.css ?? ''}`)}<div class="wrap"><h1>Settings</h1>
${[0, 1, 2, 3].map((i) => line(i, i === 1 ? !o.unchecked : i % 2 === 1)).join('')}<h3>Display name</h3><div class="field on">Ada Lovelace${o.caret ? '<i class="caret"></i>' : ''}</div>
<h3>Company</h3><div class="field">Optional, shown on invoices</div><div class="card"><h3>Two factors ${svg(icons[o.icon ?? 'eye'])}</h3><p>A second code is asked for when you sign in.</p>
<span class="switch"></span></div><span class="off">Save</span></div>`;
}

// A table of numbers with icons, a crossed-out price, a total.
export function invoice(o = {}) {
    const rows = [['Hosting, small', 3, '12.40'], ['Domain name', 1, '9.95'], ['Support hours', 11, '84.00'], ['Storage', 250, '0.12'],
        ['Traffic', 1800, '0.01'], ['Mail boxes', 7, '2.50'], ['Licences', 4, '31.75']];
    if (o.added) rows.splice(3, 0, ['Backup', 2, '5.00']);
    return `${head(`.wrap{padding:18px;width:620px}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:6px 8px;border-bottom:1px solid ${o.rule ?? '#e5e7eb'}}
th{font-size:12px;color:#6b7280}.old{color:#6b7280;${o.strike === false ? '' : 'text-decoration:line-through'}}.sum{${o.sum ?? ''}}tr:nth-child(even) td{background:${o.stripe ?? '#f9fafb'}}
.stamp{display:inline-block;border:2px solid #dc2626;color:#dc2626;padding:4px 12px;border-radius:4px;${o.stamp ?? ''}}.note{${o.note ?? ''}}${o.css ?? ''}`)}<div class="wrap"><h1>Invoice ${o.number ?? '2026-0417'}</h1>
<table><tr><th>Item</th><th>Number</th><th>Each</th><th>Sum</th><th></th></tr>${rows.map(([item, n, each], i) => `<tr><td>${item}</td><td>${n}</td>
<td>${i === 2 ? '<span class="old">96.00</span> ' : ''}${each}</td><td>${i === (o.digitRow ?? 4) && o.digit ? o.digit : (n * each).toFixed(2)}</td><td>${svg(icons[i === 1 ? o.icon ?? 'pen' : 'pen'])}</td></tr>`).join('')}
</table><p class="sum" style="margin-top:12px">Total <b>${o.total ?? '1,206.40'}</b></p><p class="note">Payable within ${o.days ?? 30} days ${o.sign ?? '+'} shipping.</p><span class="stamp">${o.mark ?? 'PAID'}</span></div>`;
}

// Bubbles, a header that stays on top, a bar for scrolling, a gradient.
export function chat(o = {}) {
    const says = ['Did the van come today', 'Not yet, the road was closed', 'They said before noon', 'Fine, I will wait here', 'Tell me when it is there', 'It just turned in'];
    return `${head(`.top{position:absolute;left:0;right:0;top:${o.topAt ?? 0}px;height:44px;background:linear-gradient(${o.angle ?? '90deg'},#4f46e5,#0ea5e9);color:#fff;padding:12px 16px;z-index:2}
.list{padding:56px 16px 0;width:420px;position:relative}.b{max-width:250px;padding:8px 12px;border-radius:14px;margin:0 0 10px;background:${o.theirs ?? '#f3f4f6'};position:relative}
.b.me{margin-left:120px;background:${o.mine ?? '#dbeafe'}}.dot{width:10px;height:10px;border-radius:5px;background:${o.state ?? '#22c55e'};display:inline-block}
.bar{position:absolute;right:2px;top:50px;width:6px;height:120px;border-radius:3px;background:#9ca3af;${o.bar ? '' : 'display:none'}}
.card{position:absolute;left:${o.cardX ?? 24}px;top:${o.cardY ?? 318}px;width:190px;padding:10px;border:1px solid #cbd5e1;border-radius:8px;background:#fff}${o.css ?? ''}`,
    o.dark ? '#0f172a' : '#fff', o.dark ? '#e2e8f0' : '#111827')}<div class="top"><i class="dot"></i> Delivery <span style="float:right">${o.clock ?? '11:58:02'}</span></div><div class="list">
${says.map((s, i) => `<div class="b${i % 2 ? ' me' : ''}">${s}${i === 3 ? ` ${o.face ?? '\u263a'}` : ''}</div>`).join('')}</div><div class="bar"></div>
<div class="card"><b>Parcel 88</b><p>${o.place ?? 'Gate 4, north yard'}</p></div>`;
}

// A list of messages with a side bar, badges, stars, tool tips.
export function mail(o = {}) {
    const from = ['Harbour office', 'Ines Wolff', 'Print shop', 'Tom Okafor', 'City library', 'Rail news', 'Nadia Brandt', 'The bakery'];
    return `${head(`body{display:flex}.nav{width:130px;height:400px;background:#1e1b4b;color:#c7d2fe;padding:14px;flex:none}.nav p{padding:4px 8px;border-radius:4px}.nav p:nth-child(${o.active ?? 2}){background:#4338ca;color:#fff}
.m{display:flex;gap:10px;padding:9px 14px;border-bottom:1px solid #ede9fe;width:470px;align-items:center}.m b{width:110px;font-weight:${o.read ? 400 : 700}}.badge{background:${o.badge ?? '#dc2626'};color:#fff;border-radius:9px;padding:0 6px;font-size:11px;line-height:16px;float:right}
.star{color:#f59e0b}.tip{position:absolute;left:250px;top:150px;background:#111827;color:#fff;padding:4px 8px;border-radius:4px;font-size:12px}${o.css ?? ''}`)}<div class="nav"><p>Write</p><p>Inbox <span class="badge">${o.count ?? 3}</span></p><p>Sent</p><p>Drafts</p><p>Spam</p></div><div>
${(o.extra ? ['New here', ...from] : from).map((f, i) => `<div class="m"><span class="star">${(o.stars ?? [1, 4]).includes(i) ? '\u2605' : '\u2606'}</span><b>${f}</b><span>${['About Thursday', 'Keys are at the desk', 'Your order 5512 is ready', 'Lunch?'][f.length * 5 % 4]}</span></div>`).join('')}</div>${o.tip ? `<div class="tip">${o.tip}</div>` : ''}`;
}

// Charts: bars, a ring, a line, meters.
export function stats(o = {}) {
    const line = [20, 34, 28, 46, 41, 58, 52, 66, 60, 74, 70, 82].map((y, i) => `${i * 40 + 10},${100 - (i === 7 ? y + (o.point ?? 0) : y)}`);
    const ring = (share) => `<circle cx="50" cy="50" r="36" fill="none" stroke="#e2e8f0" stroke-width="14"/><circle class="ring" cx="50" cy="50" r="36" fill="none" stroke="${o.ring ?? '#7c3aed'}" stroke-width="14" stroke-dasharray="${share * 2.262} 999" transform="rotate(-90 50 50)"/>`;
    return `${head(`body{padding:16px}.row{display:flex;gap:14px;margin-bottom:14px}.k{flex:1;border:1px solid ${o.edge ?? '#e2e8f0'};border-radius:10px;padding:12px;${o.kCss ?? ''}}.k b{font-size:22px;line-height:28px;display:block}
.meter{height:8px;background:#e2e8f0;border-radius:4px;overflow:hidden}.meter i{display:block;height:8px;background:#0d9488;width:${o.meter ?? 62}%}.up{color:${o.up ?? '#15803d'}}${o.css ?? ''}`, o.ground ?? '#f8fafc')}
<div class="row">${[['Orders', '1,482', '\u25b2 4.1%'], ['Returns', o.returns ?? '37', o.arrow ?? '\u25bc 0.8%'], ['Revenue', '$86,110', '\u25b2 2.2%']].map(([a, b, c]) => `<div class="k">${a}<b>${b}</b><span class="up">${c}</span></div>`).join('')}</div>
<div class="row"><svg width="460" height="110" style="background:#fff"><polyline class="line" fill="none" stroke="#2563eb" stroke-width="2" stroke-dasharray="${o.dash ?? 'none'}" points="${line.join(' ')}"/>${line.map((p) => `<circle cx="${p.split(',')[0]}" cy="${p.split(',')[1]}" r="3" fill="#2563eb"/>`).join('')}</svg><svg width="100" height="100">${ring(o.share ?? 70)}</svg></div>
<div class="meter"><i></i></div><p style="margin-top:10px">${o.legend ?? 'Figures of the last twelve weeks, without returns.'}</p>`;
}

// A dark player with a picture, tags, code and a drawing on canvas-like ground.
export function studio(o = {}) {
    return `${head(`.s{padding:16px;width:560px}.t{background:#1f2937;border-radius:8px;padding:10px 14px;display:flex;gap:12px;align-items:center;margin-bottom:12px}.r{flex:1;height:4px;background:#374151;border-radius:2px;position:relative}
.r:after{content:"";position:absolute;left:${o.at ?? 40}%;top:-4px;width:12px;height:12px;border-radius:6px;background:#f9fafb}pre{background:#020617;padding:12px;font:13px/18px "Liberation Mono",monospace;margin:0 0 12px;border-radius:6px;${o.pre ?? ''}}
.tag{border:1px solid #475569;border-radius:10px;padding:1px 9px;margin-right:6px;font-size:12px;${o.tag ?? ''}}.kw{color:${o.keyword ?? '#f472b6'}}img{display:block;border-radius:6px;width:520px;height:120px;${o.img ?? ''}}${o.css ?? ''}`, '#111827', '#d1d5db')}
<div class="s"><div class="t">${svg(icons[o.icon ?? 'play'], 18)}<div class="r"></div><span>1:42</span></div><pre><span class="kw">for</span> (i = ${o.from ?? '0'}; i &lt; ${o.to ?? 'n'}; i++)${o.open ?? ' {'}
    total ${o.op ?? '+='} price[i];</pre>${o.picture ? `<img src="${o.picture}">` : ''}<p style="margin-top:12px"><span class="tag">draft</span><span class="tag">audio</span><span class="tag">${o.third ?? 'public'}</span></p><p class="body">${o.body ?? 'Everything that was cut is kept for thirty days.'}</p></div>`;
}
