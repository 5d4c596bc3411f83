// SPDX-License-Identifier: Apache-2.0
//
// The pages that the cases are made of. A page is a function of its changes (options) and of the height it must fill.

const words = ('the quick comparison of every picture on this page shows what was drawn anew and what only moved ' +
    'when a line was added above or a colour of the theme became a little lighter than before').split(' ');
const text = (n, from = 0) => Array.from({length: n}, (_, i) => words[(i * 7 + from) % words.length]).join(' ');

const style = (css) => `<style>*{box-sizing:border-box}body{margin:0;font:16px/24px "Liberation Sans",sans-serif;
color:#1f2937;background:#fff}h1{font-size:28px;line-height:36px;margin:0}h2{font-size:18px;margin:0 0 8px}
p{margin:0 0 12px}${css}</style>`;

// A shop: header, cards with shadows, a button, prices.
export function shop(o = {}) {
    const card = (i) => `<div class="card" id="c${i}"><div class="pic" style="background:hsl(${i * 47 % 360} 60% 70%)"></div>
<h2>Item ${i} ${text(2, i)}</h2><p>${text(9, i * 3)}</p><b>$${(i * 7.35 + 4).toFixed(2)}</b></div>`;
    return `<!doctype html>${style(`header{background:${o.header ?? '#0f172a'};color:#fff;padding:16px 24px;display:flex;
justify-content:space-between}.bar{padding:16px 24px}.btn{background:${o.button ?? '#2563eb'};color:#fff;border:0;
border-radius:${o.radius ?? 6}px;padding:10px 22px;font:inherit;${o.buttonCss ?? ''}}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:20px;padding:0 24px}
.card{border:1px solid ${o.border ?? '#e5e7eb'};border-radius:8px;padding:14px;${o.shadow ?? 'box-shadow:0 4px 12px rgba(0,0,0,.12)'}}
.pic{height:90px;border-radius:4px;margin-bottom:10px}.move{position:relative;${o.move ?? ''}}${o.css ?? ''}`)}
<header><h1>${o.title ?? 'Corner shop'}</h1><span>${o.clock ?? '12:04:11'}</span></header>
${o.banner ? `<div style="background:#fef3c7;padding:8px 24px;height:39px">${o.banner}</div>` : ''}
<div class="bar"><p class="lead">${o.lead ?? text(24)}${o.stop ?? '.'}</p><button class="btn move">${o.label ?? 'Add to basket'}</button></div>
<div class="grid">${Array.from({length: o.cards ?? 60}, (_, i) => card(i)).join('')}</div>`;
}

// A board with a side bar, a table and a chart.
export function board(o = {}) {
    const row = (i) => `<tr><td>${1000 + i}</td><td>${text(3, i)}</td><td>${(i * 37 % 91) + 8}.${i % 10}</td>
<td><span class="tag t${i % 3}">${['open', 'done', 'late'][i % 3]}</span></td></tr>`;
    const bars = Array.from({length: 24}, (_, i) =>
        `<rect x="${i * 20 + 4}" y="${120 - (i * 53 % 97)}" width="12" height="${i * 53 % 97}" fill="${o.bar ?? '#0d9488'}"/>`);
    return `<!doctype html>${style(`body{display:flex}nav{width:${o.nav ?? 200}px;flex:none;background:#111827;color:#d1d5db;
padding:20px;min-height:100vh}nav p{margin-bottom:14px}main{flex:1;padding:20px;background:${o.ground ?? '#f9fafb'}}
table{border-collapse:collapse;width:100%;background:#fff}td{padding:6px 10px;border-bottom:1px solid ${o.line ?? '#e5e7eb'}}
.tag{padding:2px 8px;border-radius:10px;font-size:12px}.t0{background:#dbeafe}.t1{background:#dcfce7}.t2{background:${o.late ?? '#fee2e2'}}
svg{background:#fff;border:1px solid #e5e7eb}${o.css ?? ''}`)}<nav>${Array.from({length: 12}, (_, i) => `<p>${text(2, i * 5)}</p>`).join('')}</nav>
<main>${o.notice ? `<p style="background:#e0f2fe;padding:10px">${o.notice}</p>` : ''}<h1>Deliveries</h1>
<svg width="490" height="130"><polyline class="curve" fill="none" stroke="#ef4444" stroke-width="${o.stroke ?? 2}"
points="${Array.from({length: 49}, (_, i) => `${i * 10},${60 + 40 * Math.sin(i / 3)}`).join(' ')}"/>${bars.join('')}</svg>
<table>${Array.from({length: o.rows ?? 120}, (_, i) => row(i + (o.firstRow ?? 0))).join('')}</table></main>`;
}

// A long text with a picture.
export function article(o = {}) {
    return `<!doctype html>${style(`main{max-width:680px;margin:0 auto;padding:24px;font-family:"Liberation Serif",serif}
blockquote{border-left:${o.rule ?? 4}px solid #f59e0b;margin:0 0 12px;padding:4px 14px;color:#4b5563}a{color:${o.link ?? '#1d4ed8'};
${o.underline ?? 'text-decoration:underline'}}img{display:block;width:100%;height:220px;margin-bottom:12px}${o.css ?? ''}`)}<main>
<h1>${o.title ?? 'On looking twice'}</h1><p>${text(40, 1)} <a href="#">${text(3, 4)}</a> ${text(30, 2)}</p>
${o.picture ? `<img src="${o.picture}">` : ''}${o.extra ? `<p>${o.extra}</p>` : ''}
${Array.from({length: o.paragraphs ?? 40}, (_, i) => `${i % 4 === 2 ? `<blockquote>${text(18, i)}</blockquote>` : ''}<p>${text(44 + i % 9, i * 11)}</p>`).join('')}</main>`;
}

// A form, dark when asked.
export function form(o = {}) {
    const field = (name, i) => `<label>${name}</label><input value="${text(2, i)}" style="${i === 1 ? o.field ?? '' : ''}">`;
    const dark = o.dark ? 'body{background:#0b1120;color:#e5e7eb}input{background:#1e293b;color:#f1f5f9;border-color:#334155}' : '';
    return `<!doctype html>${style(`form{max-width:${o.width ?? 420}px;margin:0 auto;padding:24px}label{display:block;font-size:14px;margin-top:12px}
input{width:100%;font:inherit;padding:9px 12px;border:1px solid #cbd5e1;border-radius:6px}${dark}
.go{margin-top:20px;background:${o.go ?? '#16a34a'};color:#fff;border:0;border-radius:6px;padding:12px 26px;font:inherit;font-weight:${o.weight ?? 400}}
.box{display:inline-block;width:14px;height:14px;border:1px solid #64748b;vertical-align:middle;margin-right:8px;${o.checked ? 'background:#2563eb' : ''}}${o.css ?? ''}`)}
<form><h1>${o.title ?? 'Your account'}</h1>${['Name', 'Mail', 'Street', 'Town', 'Country'].map(field).join('')}
<p style="margin-top:16px"><span class="box"></span>${text(12, 3)}</p><p class="hint">${o.hint ?? text(20, 9)}</p>
<button class="go">${o.button ?? 'Save changes'}</button><div class="foot">${Array.from({length: o.notes ?? 24}, (_, i) => `<p>${text(16, i * 5)}</p>`).join('')}</div></form>`;
}
