// SPDX-License-Identifier: Apache-2.0
//
// The list `other_hand_1`: small changes that somebody wants to be told, and as much that is nothing to review.
import {at, jpeg, nudge, pair} from './pair.mjs';
import {atlas, catalog, contacts, editor, essay, ledger, login, messenger, month, ops, pipeline, receipt} from './other_hand_1_pages.mjs';

const LEDGER = {width: 610, height: 214}, OPS = {width: 612, height: 290}, LOGIN = {width: 360, height: 410}, ATLAS = {width: 480, height: 300};
const EDITOR = {width: 540, height: 234}, MONTH = {width: 560, height: 330}, CATALOG = {width: 432, height: 206}, RECEIPT = {width: 320, height: 380};
const MESSENGER = {width: 360, height: 360}, CONTACTS = {width: 280, height: 132, scale: 3}, ESSAY = {width: 440, height: 270, scale: 1.5};
const PIPELINE = {width: 1600, height: 150};

const css = (text) => ({css: text});
const swap = (from, to, more = {}) => ({...more, swap: {[from]: to}});
const plain = css('body{background:#e9edf8}');
const otherGrain = {photos: [{take: 2}, {take: 3}, {take: 4}]};

export const otherHand1 = [
    pair('ledger-head-barely', 'antialias-only', LEDGER, ledger, {}, css('th{background:#e6ebef}')),
    pair('ledger-lines', 'different', LEDGER, ledger, {}, css('td{border-color:#bcc7d0}')),
    pair('ledger-row-gone', 'shifted', LEDGER, ledger, {}, css('.r1{display:none}')),

    pair('ops-wave-0.3', 'antialias-only', OPS, ops, {}, css('.wave,.area{translate:.3px .2px}')),
    pair('ops-bars-0.4', 'antialias-only', OPS, ops, {}, css('.bar{translate:.4px}')),
    pair('ops-panels-0.35', 'antialias-only', OPS, ops, {}, nudge('.p', 0.35)),
    pair('ops-gauge-0.3', 'antialias-only', OPS, ops, {}, nudge('.c svg', 0.3)),
    pair('ops-encoder', 'same', OPS, ops, {}, {}, {encode: {form: 'rgba', filter: 2}}),
    pair('ops-bar-taller', 'different', OPS, ops, {}, swap('y="29" width="8" height="71"', 'y="28" width="8" height="72"')),
    pair('ops-arc', 'different', OPS, ops, {}, swap('"151 300"', '"147 300"')),
    pair('ops-tag', 'different', OPS, ops, {}, css('.tag:not(.bad){background:#184430}')),
    pair('ops-edges-gone', 'different', OPS, ops, {}, css('.p{border-color:#181d26}')),
    pair('ops-comma', 'different', OPS, ops, {}, swap('2,417', '2.417')),
    pair('ops-round-beside-0.35', 'different', OPS, ops, {}, css('.a,.b{transform:translate(.35px)}.d{border-radius:3px}')),

    pair('login-box-0.4', 'antialias-only', LOGIN, login, {}, nudge('.box', 0.4)),
    pair('login-hint-ignored', 'same', LOGIN, login, {}, swap('At least 12 characters', 'At least 16 letters'), {ignore: [[58, 186, 252, 40]]}),
    pair('login-shadow-fainter', 'different', LOGIN, login, plain, css('body{background:#e9edf8}.box{box-shadow:0 8px 24px rgba(38,52,92,.03)}')),
    pair('login-button-lower', 'shifted', LOGIN, login, plain, css('body{background:#e9edf8}.keep{margin-bottom:17px}')),

    pair('atlas-all-0.25', 'antialias-only', ATLAS, atlas, {}, nudge('svg', 0.25, 0.25)),
    pair('atlas-hut-beside-0.3', 'different', ATLAS, atlas, {}, css('.name,.iso{translate:.3px}.hut{fill:#ffd54a}')),

    pair('editor-code-0.3', 'antialias-only', EDITOR, editor, {}, nudge('.c', 0.3)),
    pair('editor-lower', 'shifted', EDITOR, editor, {}, css('.body{padding-top:9px}')),
    pair('editor-paren-beside-0.3', 'different', EDITOR, editor, {}, swap('limit);', 'limit];', nudge('.l3 .c,.l4 .c,.l6 .c,.l7 .c', 0.3))),

    pair('month-events-0.35', 'antialias-only', MONTH, month, {}, nudge('.ev', 0.35)),
    pair('month-grid-0.4', 'antialias-only', MONTH, month, {}, nudge('.g', 0.4)),
    pair('month-today-0.45', 'antialias-only', MONTH, month, {}, nudge('.today .num', -0.45)),
    pair('month-columns-0.03', 'antialias-only', MONTH, month, {}, css('.g{grid-template-columns:repeat(7,76.06px)}')),
    pair('month-interlaced', 'same', MONTH, month, {}, {}, {encode: {form: 'rgb', filter: 4, interlace: true}}),
    pair('month-days-0.3', 'antialias-only', MONTH, month, {}, nudge('.w span,.top b', 0.3)),
    pair('month-jpeg', 'antialias-only', MONTH, month, {}, {}, {currentAs: jpeg(92)}),
    pair('month-arrows', 'different', MONTH, month, {}, css('.icon{stroke-width:2}')),
    pair('month-event-lower', 'shifted', MONTH, month, {}, css('.d16 .ev{margin-top:4px}')),
    pair('month-letter-beside-0.3', 'different', MONTH, month, {}, swap('Choir', 'Chair', nudge('.num', 0.3))),

    pair('catalog-photos-0.4', 'antialias-only', CATALOG, catalog, {}, nudge('.ph', 0.4)),
    pair('catalog-price-beside-grain', 'different', CATALOG, catalog, {}, swap('18.00', '13.00', otherGrain)),

    pair('receipt-palette', 'same', RECEIPT, receipt, css('html{filter:grayscale(1)}'), css('html{filter:grayscale(1)}'), {encode: {form: 'palette', filter: 0}}),
    pair('receipt-paper-0.3', 'antialias-only', RECEIPT, receipt, {}, nudge('.p', 0.3)),
    pair('receipt-bars-0.3', 'antialias-only', RECEIPT, receipt, {}, css('rect{translate:.3px}')),
    pair('receipt-cut', 'different', RECEIPT, receipt, {}, css('.cut{border-top-style:dotted}')),
    pair('receipt-cuts-0.4', 'antialias-only', RECEIPT, receipt, {}, nudge('.cut', 0, 0.4)),
    pair('receipt-width-272.4', 'antialias-only', RECEIPT, receipt, {}, css('.p{width:272.4px}')),
    pair('receipt-comma', 'different', RECEIPT, receipt, {}, swap('of food.', 'of food,')),
    pair('receipt-item-gone', 'shifted', RECEIPT, receipt, {}, css('.i3{display:none}')),
    pair('receipt-bar-wider', 'different', RECEIPT, receipt, {}, swap('x="115" y="0" width="2"', 'x="115" y="0" width="3"')),
    pair('receipt-soup-beside-0.3', 'different', RECEIPT, receipt, {}, swap('Soap', 'Soup', nudge('.i0 span,.i1 span,.i2 span,.i4 span,.i5 span,.hd', 0.3))),

    pair('messenger-bubbles-0.4', 'antialias-only', MESSENGER, messenger, {}, nudge('.m', 0.4)),
    pair('messenger-face-0.3', 'antialias-only', MESSENGER, messenger, {}, nudge('.face', 0.3, 0.2)),
    pair('messenger-all-0.3', 'antialias-only', {width: 320, height: 200, scale: 1.5}, messenger, {}, nudge('.m,.new,.day', 0.3)),
    pair('messenger-online', 'different', MESSENGER, messenger, {}, css('.top small{opacity:.6}')),
    pair('messenger-read', 'different', MESSENGER, messenger, {}, css('.m4 .read{color:#8a979e}')),
    pair('messenger-round', 'different', MESSENGER, messenger, {}, css('.m{border-radius:7px}')),
    pair('messenger-shadow', 'different', MESSENGER, messenger, {}, css('.m{box-shadow:none}')),
    pair('messenger-gap', 'shifted', MESSENGER, messenger, {}, css('.m3{margin-top:12px}')),
    pair('messenger-stop-beside-0.4', 'different', MESSENGER, messenger, {}, swap('the window after.', 'the window after,', nudge('.m0,.m3', 0.4))),

    pair('contacts-rows-0.1', 'antialias-only', CONTACTS, contacts, {}, nudge('.t,.v', 0.1)),
    pair('contacts-switch-0.12', 'antialias-only', CONTACTS, contacts, {}, nudge('.sw', 0.12)),
    pair('contacts-knob', 'different', CONTACTS, contacts, {}, css('.sw:after{box-shadow:none}')),

    pair('essay-all-0.3', 'antialias-only', ESSAY, essay, {}, nudge('.w', 0.3)),
    pair('essay-accent', 'different', ESSAY, essay, {}, swap('caf\u00e9', 'cafe')),
    pair('essay-lower', 'shifted', ESSAY, essay, {}, css('.by{margin-bottom:14px}')),

    pair('pipeline-steps-0.3', 'antialias-only', PIPELINE, pipeline, {}, nudge('.k', 0.3)),
    pair('pipeline-joints-0.4', 'antialias-only', PIPELINE, pipeline, {}, nudge('.j,.pill', 0.4)),
    pair('pipeline-icons-0.3', 'antialias-only', PIPELINE, pipeline, {}, css('.k svg{translate:.3px .2px}')),
    pair('pipeline-bar-0.4', 'antialias-only', PIPELINE, pipeline, {}, nudge('.pr', 0.4)),
    pair('pipeline-stretched', 'antialias-only', PIPELINE, pipeline, {}, css('.s{transform:scale(1.0004)}')),
    pair('pipeline-number-dynamic', 'same', PIPELINE, pipeline, {}, swap('#20881', '#20882'), {dynamic: [[96, 10, 64, 26]]}),
    pair('pipeline-share', 'different', PIPELINE, pipeline, {}, css('.pr i{width:59%}')),
    pair('pipeline-joints', 'different', PIPELINE, pipeline, {}, css('.j{height:1px;margin-bottom:1px}')),
    pair('pipeline-padding', 'shifted', PIPELINE, pipeline, {}, css('.k4{padding-left:13px}')),
    pair('pipeline-word-beside-0.3', 'different', PIPELINE, pipeline, {}, swap('1 step failed', '1 stop failed', nudge('.k', 0.3))),
];
