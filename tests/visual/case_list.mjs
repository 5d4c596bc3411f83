// SPDX-License-Identifier: Apache-2.0
//
// What is compared, and what must come of it. `tuned` may be looked at while rules are changed; `heldOut` is for judging
// them, once, and rules are not fitted to it. `large` is made when the bench runs.
import {article, board, form, shop} from './pages.mjs';

const MOBILE = {width: 390, height: 600}, DESKTOP = {width: 1024, height: 640};
const PHONE = {width: 390, height: 844}, WIDE = {width: 1280, height: 800};
const PAGE = {width: 1440, height: 4000}, UHD = {width: 3840, height: 2160};
const TABLET = {width: 834, height: 800}, LAPTOP = {width: 900, height: 560}, SHARP = {width: 420, height: 300, scale: 2};
const PHOTO = {width: 700, height: 360};

const pair = (name, expect, size, page, base, current, more = {}) => ({name, expect, size, page, base, current, ...more});
const jpeg = (quality) => ({format: 'jpeg', quality});
const nudge = (selector, x, y = 0) => ({css: `${selector}{transform:translate(${x}px,${y}px)}`});
const token = {button: '#2f6bee'}, noShadow = {shadow: ''}, round = {radius: 9}, comma = {stop: ','};
const banner = {banner: 'Free delivery until Sunday for every order'};

export const tuned = [
    pair('shop-mobile-button', 'different', MOBILE, shop, {}, {button: '#dc2626'}),
    pair('shop-mobile-token', 'different', MOBILE, shop, {}, token),
    pair('shop-mobile-shadow', 'different', MOBILE, shop, {}, noShadow),
    pair('shop-mobile-banner', 'shifted', MOBILE, shop, {}, banner),
    pair('shop-mobile-text-0.3', 'antialias-only', MOBILE, shop, {}, nudge('.lead,h2,.card p', 0.3)),
    pair('shop-mobile-text-0.2-down', 'antialias-only', MOBILE, shop, {}, nudge('.lead,.card p', 0.2, 0.2)),
    pair('shop-mobile-encoder', 'same', MOBILE, shop, {}, {}, {encode: {filterType: 4}}),
    pair('shop-mobile-jpeg', 'antialias-only', MOBILE, shop, {}, {}, {currentAs: jpeg(90)}),
    pair('shop-desktop-button', 'different', DESKTOP, shop, {}, {button: '#16a34a'}),
    pair('shop-desktop-token', 'different', DESKTOP, shop, {}, token),
    pair('shop-desktop-shadow', 'different', DESKTOP, shop, {}, noShadow),
    pair('shop-desktop-faint-shadow', 'different', DESKTOP, shop, {shadow: 'box-shadow:0 1px 3px rgba(0,0,0,.08)'}, noShadow),
    pair('shop-desktop-radius', 'different', DESKTOP, shop, {}, round),
    pair('shop-desktop-comma', 'different', DESKTOP, shop, {}, comma),
    pair('shop-desktop-border-gone', 'different', DESKTOP, shop, noShadow, {...noShadow, border: 'transparent'}),
    pair('shop-desktop-banner', 'shifted', DESKTOP, shop, {}, banner),
    pair('shop-desktop-button-moved', 'shifted', DESKTOP, shop, {}, {move: 'left:60px'}),
    pair('shop-desktop-button-down', 'shifted', DESKTOP, shop, {}, {move: 'top:3px'}),
    pair('shop-desktop-clock', 'different', DESKTOP, shop, {}, {clock: '12:05:37'}),
    pair('shop-desktop-clock-dynamic', 'same', DESKTOP, shop, {}, {clock: '12:05:37'}, {dynamic: [[940, 20, 62, 18]]}),
    pair('shop-desktop-clock-ignored', 'same', DESKTOP, shop, {}, {clock: '12:05:37'}, {ignore: [[924, 0, 100, 68]]}),
    pair('shop-desktop-clock-and-title', 'different', DESKTOP, shop, {}, {clock: '12:05:37', title: 'Corner shops'}, {dynamic: [[940, 20, 62, 18]]}),
    pair('shop-desktop-text-0.3', 'antialias-only', DESKTOP, shop, {}, nudge('p,h2,b', 0.3)),
    pair('shop-desktop-label', 'different', DESKTOP, shop, {}, {label: 'Put in basket'}),
    pair('shop-desktop-taller', 'different', DESKTOP, shop, {}, {}, {currentSize: {width: 1024, height: 680}}),
    pair('shop-desktop-encoder', 'same', DESKTOP, shop, {}, {}, {encode: {filterType: 4, rgb: true}}),
    pair('shop-desktop-jpegs', 'antialias-only', DESKTOP, shop, {}, {}, {baseAs: jpeg(92), currentAs: jpeg(80)}),
    pair('board-desktop-notice', 'shifted', DESKTOP, board, {}, {notice: 'One van is late today.'}),
    pair('board-desktop-hairline', 'different', DESKTOP, board, {}, {line: '#f3f4f6'}),
    pair('board-desktop-stroke', 'different', DESKTOP, board, {}, {stroke: 3}),
    pair('board-desktop-tag', 'different', DESKTOP, board, {}, {late: '#fecaca'}),
    pair('board-desktop-row-gone', 'shifted', DESKTOP, board, {}, {firstRow: 1}),
    pair('board-desktop-chart-0.4', 'antialias-only', DESKTOP, board, {}, nudge('.curve', 0.3, 0.2)),
    pair('board-desktop-nav-wider', 'different', DESKTOP, board, {}, {nav: 208}),
    pair('photo-quality', 'antialias-only', PHOTO, article, {photo: 0.95}, {photo: 0.82}),
    pair('photo-other', 'different', PHOTO, article, {photo: 0.9, seed: 1}, {photo: 0.9, seed: 2}),
];

export const heldOut = [
    pair('form-tablet-go', 'different', TABLET, form, {}, {go: '#15803d'}),
    pair('form-tablet-token', 'different', TABLET, form, {}, {go: '#17ad50'}),
    pair('form-tablet-field-border', 'different', TABLET, form, {}, {field: 'border-color:#94a3b8'}),
    pair('form-tablet-field-border-gone', 'different', TABLET, form, {}, {field: 'border-color:#fff'}),
    pair('form-tablet-weight', 'different', TABLET, form, {}, {weight: 700}),
    pair('form-tablet-checked', 'different', TABLET, form, {}, {checked: true}),
    pair('form-tablet-dark', 'different', TABLET, form, {}, {dark: true}),
    pair('form-tablet-title', 'shifted', TABLET, form, {}, {css: 'h1{margin-bottom:17px}'}),
    pair('form-tablet-text-0.4', 'antialias-only', TABLET, form, {}, nudge('.foot p,.hint', 0.4)),
    pair('form-sharp-text-0.25', 'antialias-only', SHARP, form, {}, nudge('label,p', 0.25)),
    pair('form-sharp-dot', 'different', SHARP, form, {}, {title: 'Your account.'}),
    pair('form-sharp-button', 'shifted', SHARP, form, {}, {css: 'label:first-of-type{margin-top:21px}'}),
    pair('article-laptop-underline', 'different', LAPTOP, article, {}, {underline: 'text-decoration:none'}),
    pair('article-laptop-link', 'different', LAPTOP, article, {}, {link: '#1e40af'}),
    pair('article-laptop-rule', 'different', LAPTOP, article, {}, {rule: 3, css: 'blockquote{padding-left:15px}'}),
    pair('article-laptop-extra', 'shifted', LAPTOP, article, {}, {extra: 'A paragraph that was not there before.'}),
    pair('article-laptop-text-0.3', 'antialias-only', LAPTOP, article, {}, nudge('p', 0.3, 0.1)),
    pair('article-laptop-jpeg', 'antialias-only', LAPTOP, article, {}, {}, {currentAs: jpeg(85)}),
    pair('article-laptop-encoder', 'same', LAPTOP, article, {}, {}, {encode: {filterType: 3}}),
    pair('article-photo', 'antialias-only', PHOTO, article, {photo: 0.9, seed: 5}, {photo: 0.75, seed: 5}),
    pair('article-laptop-taller', 'different', LAPTOP, article, {}, {}, {currentSize: {width: 900, height: 604}}),
];

export const large = [
    ...[['mobile', PHONE], ['desktop', WIDE], ['page', PAGE], ['uhd', UHD]].flatMap(([name, size]) => [
        pair(`bench-${name}-unchanged`, 'same', size, shop, {}, {}),
        pair(`bench-${name}-encoder`, 'same', size, shop, {}, {}, {encode: {filterType: 4, rgb: true}}),
        pair(`bench-${name}-button`, 'different', size, shop, {}, {button: '#16a34a'}),
        pair(`bench-${name}-token`, 'different', size, shop, {}, token),
        pair(`bench-${name}-shadow`, 'different', size, shop, {}, noShadow),
        pair(`bench-${name}-text-0.3`, 'antialias-only', size, shop, {}, nudge('p,h2,b', 0.3)),
        pair(`bench-${name}-banner`, 'shifted', size, shop, {}, banner),
        pair(`bench-${name}-dark`, 'different', size, form, {notes: 200, width: 3000}, {notes: 200, width: 3000, dark: true}),
        pair(`bench-${name}-encoders`, 'different', size, shop, {}, {button: '#16a34a'}, {encodeBoth: {filterType: 4, rgb: true}}),
    ]),
];
