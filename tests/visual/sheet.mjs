// SPDX-License-Identifier: Apache-2.0
//
// The frame of a page whose variants are named by their list: `o.css` is added last, `o.swap` exchanges pieces of the page
// once each, and it is an error if a piece is not there.
export function sheet(o, css, body) {
    const html = `<!doctype html><meta charset="utf-8"><style>*{box-sizing:border-box}body{margin:0}${css}${o.css ?? ''}</style>${body}`;
    return Object.entries(o.swap ?? {}).reduce((page, [from, to]) => {
        if (!page.includes(from)) {
            throw new Error(`there is no "${from}" on the page`);
        }
        return page.replace(from, () => to);
    }, html);
}

// An icon of strokes in a box of 24 by 24.
export const strokes = (path, {size = 20, ink = 'currentColor', wide = 1.5, cls = 'icon'} = {}) =>
    `<svg class="${cls}" width="${size}" height="${size}" viewBox="0 0 24 24" fill="none" stroke="${ink}" stroke-width="${wide}" ` +
    `stroke-linecap="round" stroke-linejoin="round">${path}</svg>`;

export const shapes = {
    home: '<path d="M4 11l8-7 8 7v9h-5v-6H9v6H4z"/>', search: '<circle cx="10.5" cy="10.5" r="6"/><path d="M15 15l5.5 5.5"/>',
    lock: '<rect x="5" y="10" width="14" height="10" rx="2"/><path d="M8 10V7a4 4 0 018 0v3"/>', mail: '<rect x="3" y="5" width="18" height="14" rx="2"/><path d="M3 7l9 6 9-6"/>',
    phone: '<path d="M6 3h4l1 5-3 2a12 12 0 006 6l2-3 5 1v4a2 2 0 01-2 2A17 17 0 014 5a2 2 0 012-2z"/>', clock: '<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>',
    heart: '<path d="M12 20C4 14 3 10 3 8a4.5 4.5 0 019-1 4.5 4.5 0 019 1c0 2-1 6-9 12z"/>', cart: '<path d="M3 4h3l2 11h10l2-8H7"/><circle cx="9" cy="19" r="1.5"/><circle cx="17" cy="19" r="1.5"/>',
    star: '<path d="M12 3l2.7 5.8 6.3.8-4.6 4.4 1.2 6.3L12 17.2 6.4 20.3l1.2-6.3L3 9.6l6.3-.8z"/>', next: '<path d="M9 5l7 7-7 7"/>',
    user: '<circle cx="12" cy="8" r="4"/><path d="M4 21c0-5 4-7 8-7s8 2 8 7"/>', flag: '<path d="M6 21V4h12l-3 4 3 4H6"/>',
    rain: '<path d="M7 15a4 4 0 010-8 5.5 5.5 0 0110.5 1.5A3.5 3.5 0 0117 15zM8 18v2M12 18v3M16 18v2"/>', gearless: '<path d="M4 7h10M18 7h2M4 17h2M10 17h10"/><circle cx="16" cy="7" r="2"/><circle cx="8" cy="17" r="2"/>',
};
