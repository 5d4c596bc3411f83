// SPDX-License-Identifier: Apache-2.0
//
// Pages that no rule was made with, for judging the rules once: a timetable, a price list, a dark control room, a
// reader with notes, a map. As in pages.mjs a page is a function of its changes; `css` is added last.

const head = (css, o, ground = '#ffffff', ink = '#0b1324') => `<!doctype html><style>*{box-sizing:border-box}body{margin:0;
font:13px/19px "Liberation Sans",sans-serif;color:${ink};background:${ground}}h2{font-size:17px;line-height:24px;margin:0 0 8px}
p{margin:0 0 7px}${css}${o.css ?? ''}</style>`;

// A week of appointments: a grid of hairlines, blocks of many colours, a line for now.
export function timetable(o = {}) {
    const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'];
    const blocks = o.blocks ?? [[0, 1, 2, '#dbeafe', 'Ward round'], [1, 0, 1, '#dcfce7', 'Theatre 2'], [1, 3, 2, '#fef3c7', 'Clinic'], [2, 2, 1, '#fee2e2', 'On call'],
        [3, 1, 3, '#ede9fe', 'Teaching'], [4, 4, 1, '#cffafe', 'Handover']];
    return `${head(`.g{position:relative;width:600px;height:330px;margin:12px 16px;border:1px solid ${o.line ?? '#d4d9e1'};border-radius:4px}
.d{position:absolute;top:0;width:108px;height:328px;border-left:1px solid ${o.line ?? '#d4d9e1'};padding:3px 6px;color:#5b6472}.h{position:absolute;left:0;width:598px;border-top:1px solid ${o.hour ?? '#eceff4'}}
.b{position:absolute;width:100px;border-radius:${o.round ?? 5}px;padding:4px 8px;border-left:3px solid ${o.mark ?? '#3b82f6'}}.now{position:absolute;left:58px;width:540px;height:2px;background:${o.now ?? '#dc2626'}}
.top{padding:10px 16px 0;display:flex;gap:10px}.tab{padding:4px 12px;border-radius:4px;background:#eef1f6}.tab.on{background:${o.tab ?? '#1d4ed8'};color:#fff}`, o)}
<div class="top"><h2>${o.title ?? 'Week 34'}</h2><span class="tab on">Week</span><span class="tab">Month</span><span class="tab">${o.third ?? 'List'}</span></div><div class="g">
${days.map((d, i) => `<div class="d" style="left:${58 + i * 108}px">${d}</div>`).join('')}${[0, 1, 2, 3, 4, 5].map((i) => `<div class="h" style="top:${28 + i * 50}px">${8 + i}${o.colon ?? ':'}00</div>`).join('')}
${blocks.map(([d, h, n, c, t]) => `<div class="b" style="left:${62 + d * 108}px;top:${30 + h * 50}px;height:${n * 50 - 6}px;background:${c}">${t}</div>`).join('')}<div class="now" style="top:${o.nowAt ?? 172}px"></div></div>`;
}

// Three cards with prices, ticks, buttons, a badge that sticks out.
export function prices(o = {}) {
    const card = (name, price, list, i) => `<div class="c c${i}"><b class="n">${name}</b><div class="p">${price}</div>${list.map((t) => `<div class="l"><svg width="12" height="12"><path d="M2 6l3 3 5-6" stroke="${o.tick ?? '#059669'}" stroke-width="${o.tickWidth ?? 1.5}" fill="none"/></svg> ${t}</div>`).join('')}
<div class="go">${o.go ?? 'Choose'}</div>${i === 1 && !o.noBadge ? `<span class="badge">${o.badge ?? 'Most used'}</span>` : ''}</div>`;
    return `${head(`.r{display:flex;gap:18px;padding:24px}.c{width:180px;background:#fff;border-radius:${o.round ?? 10}px;padding:18px;position:relative;${o.shadow ?? 'box-shadow:0 2px 6px rgba(15,23,42,.12)'};${o.card ?? ''}}.n{font-size:15px}.p{font-size:26px;line-height:36px;font-weight:700}
.l{color:#475569;padding:2px 0}.go{margin-top:14px;background:${o.button ?? '#0f766e'};color:#fff;text-align:center;padding:8px;border-radius:${o.buttonRound ?? 6}px}.badge{position:absolute;right:14px;top:-9px;background:#111827;color:#fff;font-size:11px;line-height:18px;padding:0 9px;border-radius:9px}
.f{padding:0 24px;color:#64748b}.f a{color:${o.link ?? '#0e7490'}}`, o, o.ground ?? '#e9eef5')}<div class="r">${card('Starter', o.first ?? '$0', ['One project', 'Community help'], 0)}${card('Team', o.second ?? '$49', ['Ten projects', 'Mail help', 'Audit log'], 1)}${card('Works', o.last ?? '$199', ['No limits', 'Phone help', 'Own region'], 2)}</div>
<p class="f">${o.note ?? 'All prices per month, without tax. Cancel whenever you like.'} <a>${o.terms ?? 'Terms'}</a></p>`;
}

// Lamps, gauges, switches and a log on a dark ground.
export function control(o = {}) {
    const log = ['valve 3 opened', 'pressure 4.2 bar', 'pump B running', 'door closed', 'level 71 %', 'valve 3 shut', 'filter due'];
    if (o.more) log.splice(2, 0, 'operator signed in');
    return `${head(`.w{padding:14px;width:560px}.row{display:flex;gap:12px;margin-bottom:12px}.k{flex:1;background:${o.panel ?? '#16202e'};border:1px solid ${o.edge ?? '#25344a'};border-radius:6px;padding:10px}.lamp{display:inline-block;width:12px;height:12px;border-radius:6px;background:${o.lamp ?? '#22c55e'};${o.glow ?? 'box-shadow:0 0 6px #22c55e'}}
.g{height:6px;border-radius:3px;background:#2b3a50;margin:8px 0;overflow:hidden}.g i{display:block;height:6px;background:#38bdf8;width:${o.level ?? 71}%}.log{background:#0a111b;border-radius:4px;padding:8px 12px;font:12px/17px "Liberation Mono",monospace}.log div{border-bottom:1px solid ${o.rule ?? '#152131'}}
.stop{display:inline-block;background:${o.stop ?? '#b91c1c'};color:#fff;border-radius:16px;padding:6px 20px}`, o, '#0d1521', '#cbd5e1')}<div class="w"><div class="row"><div class="k"><span class="lamp"></span> ${o.pump ?? 'Pump A'}<div class="g"><i></i></div></div>
<div class="k">Inflow <b>${o.inflow ?? '12.8'}</b> m3<svg width="120" height="34"><polyline fill="none" stroke="#a78bfa" stroke-width="${o.stroke ?? 1.5}" points="0,28 15,22 30,25 45,14 60,18 75,8 90,12 105,6 120,${o.tip ?? 9}"/></svg></div><div class="k">Shift ${o.shift ?? 'C'}<br><span class="stop">${o.word ?? 'Stop all'}</span></div></div>
<div class="log">${log.map((l, i) => `<div>09:${14 + i} ${l}</div>`).join('')}</div></div>`;
}

// Text in two columns with a heading, a table of contents, notes and a mark over words.
export function reader(o = {}) {
    const text = ['The harbour was built for grain, and for a hundred years little else went through it.', 'When the silos closed, the quay stood empty; boats tied up where they liked.',
        'A ferry began in spring, at first twice a day, then every hour, and shops came back.', 'Today most of the old sheds are let, and the cranes are kept as they were left.'];
    return `${head(`body{font:15px/24px "Liberation Serif",serif}.w{display:flex;width:660px}.toc{width:150px;background:#faf7f0;height:420px;padding:18px 14px;${o.toc ?? 'border-right:1px solid #e8e0cf'};font:13px/22px "Liberation Sans"}.m{padding:20px 26px;width:500px}
mark{background:${o.mark ?? '#fef08a'}}blockquote{margin:10px 0;padding:2px 14px;border-left:${o.bar ?? 2}px solid #b08d57;color:#57534e}sup{color:${o.sup ?? '#b45309'};font-size:10px}h1{font-size:26px;line-height:34px;margin:0 0 10px}hr{border:0;border-top:1px solid ${o.rule ?? '#e7e5e4'};margin:12px 0}`, o, '#fffdf8', '#292524')}<div class="w">
<div class="toc"><b>Contents</b><br>${(o.toc2 ?? ['Grain', 'Silence', 'Ferry', 'Sheds']).map((t, i) => `<span class="${i === (o.at ?? 2) ? 'at' : ''}">${i + 1}${o.dot ?? '.'} ${t}</span>`).join('<br>')}</div><div class="m"><h1>${o.title ?? 'Down at the quay'}</h1>
<p>${text[0]}<sup>${o.note ?? '1'}</sup></p>${o.new ? '<p>It froze over twice.</p>' : ''}<p>${(o.second ?? text[1]).replace('stood empty', '<mark>stood empty</mark>')}</p><blockquote>${o.quote ?? 'We waited for rain, and it came.'}</blockquote><hr><p>${text[2]}</p><p>${text[3]}${o.tail ?? ''}</p></div></div>`;
}

// Streets, water, pins, a scale: shapes with few straight sides.
export function map(o = {}) {
    return `${head('.k{position:absolute;left:14px;top:14px;background:#fff;border-radius:6px;padding:6px 12px;box-shadow:0 1px 4px rgba(0,0,0,.25)}.z{position:absolute;right:14px;top:14px;width:30px;height:61px;background:#fff;border-radius:4px;text-align:center;line-height:30px;border:1px solid #d6d3d1}.z i{display:block;border-top:1px solid #e7e5e4}', o, '#f2efe9')}
<svg width="600" height="400" style="position:absolute;left:0;top:0"><path d="M0 300 C120 260 180 360 320 310 S520 220 600 260 V400 H0z" fill="${o.water ?? '#aad3df'}"/><rect class="park" x="380" y="60" width="130" height="86" rx="8" fill="${o.park ?? '#cdebb0'}"/>
<path d="M40 40 L560 190" stroke="${o.road ?? '#ffffff'}" stroke-width="${o.roadWidth ?? 9}"/><path d="M200 0 L140 290" stroke="#fcd6a4" stroke-width="6"/>${[[90, 120], [230, 70], [300, 180], [470, 210]].map(([x, y], i) => `<rect class="h h${i}" x="${x}" y="${y}" width="${i === 1 ? o.houseWide ?? 54 : 54}" height="40" fill="${i === 2 ? o.house ?? '#d9d0c9' : '#d9d0c9'}" stroke="${o.houseEdge ?? '#c4b9b0'}"/>`).join('')}
<path class="pin" transform="translate(${o.pinX ?? 430} ${o.pinY ?? 192})" d="M0 0 C-12 -16 -12 -30 0 -30 S12 -16 0 0z" fill="#dc2626"/>${o.pin2 ? '<circle cx="255" cy="90" r="5" fill="#1d4ed8"/>' : ''}</svg><div class="k">${o.place ?? 'North quay'}</div><div class="z">+<i></i>\u2212</div>`;
}
