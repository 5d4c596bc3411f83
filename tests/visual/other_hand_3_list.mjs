// SPDX-License-Identifier: Apache-2.0
//
// The list `other_hand_3`, of pages that no other list has: about as many small changes that somebody wants
// to be told as pairs in which there is nothing to review.
import {jpeg, nudge, pair} from './pair.mjs';
import {cells, changes, gazette, help, keypad, people, plans, player, poll, recipe, seats, statement, terminal, tree, trip, wizard} from './other_hand_3_pages.mjs';

const STATEMENT = {width: 556, height: 262}, GAZETTE = {width: 500, height: 250}, RECIPE = {width: 446, height: 218}, TERMINAL = {width: 480, height: 238};
const SEATS = {width: 300, height: 204, scale: 1.5}, PLAYER = {width: 280, height: 150, scale: 2}, WIZARD = {width: 480, height: 204};
const TREE = {width: 280, height: 250}, CELLS = {width: 452, height: 206}, POLL = {width: 360, height: 246}, PLANS = {width: 532, height: 254};
const TRIP = {width: 256, height: 218}, HELP = {width: 420, height: 226}, CHANGES = {width: 330, height: 172, scale: 1.5};
const PEOPLE = {width: 540, height: 226}, KEYPAD = {width: 220, height: 150, scale: 3};

const css = (text) => ({css: text});
const swap = (from, to, more = {}) => ({...more, swap: {[from]: to}});
const otherGrain = {shot: {take: 5}};

export const otherHand3 = [
    pair('statement-rows-0.3', 'antialias-only', STATEMENT, statement, {}, nudge('.r span', 0.3)),
    pair('statement-row-gone', 'shifted', STATEMENT, statement, {}, css('.r1{display:none}')),
    pair('statement-stop-beside-0.3', 'different', STATEMENT, statement, {}, swap('12,45', '12.45', nudge('.r0 span,.r2 span,.r3 span,.r4 span', 0.3))),

    pair('gazette-columns-0.35', 'antialias-only', GAZETTE, gazette, {}, nudge('.c', 0.35)),
    pair('gazette-set-wider-0.2', 'antialias-only', GAZETTE, gazette, {}, css('.c0{padding-right:6.8px}')),
    pair('gazette-lower', 'shifted', GAZETTE, gazette, {}, css('.cols{padding-top:11px}')),
    pair('gazette-crowns-beside-0.35', 'different', GAZETTE, gazette, {}, swap('41 crowns', '47 crowns', nudge('.c0,.c1', 0.35))),

    pair('recipe-photo-0.4', 'antialias-only', RECIPE, recipe, {}, nudge('.top img', 0.4)),
    pair('recipe-steps-0.3', 'antialias-only', RECIPE, recipe, {}, nudge('.st', 0.3, 0.2)),
    pair('recipe-jpeg', 'antialias-only', RECIPE, recipe, {}, {}, {currentAs: jpeg(96)}),
    pair('recipe-round', 'different', RECIPE, recipe, {}, css('.in{border-radius:11px}')),
    pair('recipe-stop-beside-0.3', 'different', RECIPE, recipe, {}, swap('lemon, its', 'lemon. its', nudge('.st', 0.3))),

    pair('terminal-lines-0.3', 'antialias-only', TERMINAL, terminal, {}, nudge('.l', 0.3)),
    pair('terminal-stripes', 'antialias-only', TERMINAL, terminal, {}, {}, {lcd: true}),
    pair('terminal-time-ignored', 'same', TERMINAL, terminal, {}, swap('[09:14:26]', '[09:15:31]'), {ignore: [[22, 168, 86, 22]]}),
    pair('terminal-comma', 'different', TERMINAL, terminal, {}, swap('ready; done', 'ready, done')),
    pair('terminal-line-gone', 'shifted', TERMINAL, terminal, {}, css('.l2{display:none}')),
    pair('terminal-size-beside-0.3', 'different', TERMINAL, terminal, {}, swap('41.7 MB', '41,7 MB', nudge('.l0,.l3,.l4,.l5,.l7', 0.3))),

    pair('seats-all-0.2', 'antialias-only', SEATS, seats, {}, nudge('.row,.key,.sum', 0.2)),
    pair('seats-places-down-0.25', 'antialias-only', SEATS, seats, {}, nudge('.x', 0, 0.25)),
    pair('seats-key-0.3', 'antialias-only', SEATS, seats, {}, nudge('.key span', -0.3)),
    pair('seats-round', 'different', SEATS, seats, {}, css('.x{border-radius:3px 3px 2px 2px}')),
    pair('seats-rows-apart', 'shifted', SEATS, seats, {}, css('.w4{margin-top:7px}')),
    pair('seats-price-beside-0.2', 'different', SEATS, seats, {}, swap('24,50', '24,60', nudge('.x', 0.2))),

    pair('player-wave-0.2', 'antialias-only', PLAYER, player, {}, css('.w{translate:.2px}')),
    pair('player-buttons-0.15', 'antialias-only', PLAYER, player, {}, nudge('.k', 0.15, 0.1)),
    pair('player-all-0.15', 'antialias-only', PLAYER, player, {}, nudge('.p', 0.15)),
    pair('player-bar', 'different', PLAYER, player, {}, css('.w:nth-child(24){y:21px;height:7px}')),
    pair('player-glow', 'different', PLAYER, player, {}, css('.p{box-shadow:none}')),
    pair('player-title-moved', 'shifted', PLAYER, player, {}, css('.ti,.ar{left:76px}')),
    pair('player-time-beside-0.2', 'different', PLAYER, player, {}, swap('4:02', '4:03', css('.w{translate:.2px}'))),

    pair('wizard-cards-0.4', 'antialias-only', WIZARD, wizard, {}, nudge('.o', 0.4)),
    pair('wizard-all-0.25', 'antialias-only', WIZARD, wizard, {}, nudge('.s,.g,.b', 0.2, 0.25)),
    pair('wizard-buttons-0.45', 'antialias-only', WIZARD, wizard, {}, nudge('.b span', -0.45)),
    pair('wizard-focus-gone', 'different', WIZARD, wizard, {}, css('.b .go{box-shadow:none}')),
    pair('wizard-chosen-thinner', 'different', WIZARD, wizard, {}, css('.o.on{border-width:1px;padding:10px 12px}')),
    pair('wizard-round', 'different', WIZARD, wizard, {}, css('.o{border-radius:5px}')),
    pair('wizard-lower', 'shifted', WIZARD, wizard, {}, css('.b{padding-top:17px}')),
    pair('wizard-choice-beside-0.4', 'different', WIZARD, wizard, {}, css('.s{transform:translate(.4px)}.o2 em{border-color:#b3c0c6}')),

    pair('tree-names-0.3', 'antialias-only', TREE, tree, {}, nudge('.nm', 0.3)),
    pair('tree-icons-0.4', 'antialias-only', TREE, tree, {}, nudge('.ic,.ch', 0.4, -0.3)),
    pair('tree-lines-0.4', 'antialias-only', TREE, tree, {}, nudge('.ind', 0.4)),
    pair('tree-all-0.2', 'antialias-only', TREE, tree, {}, nudge('.h,.r', 0.2, 0.2)),
    pair('tree-letters-0.35', 'antialias-only', TREE, tree, {}, nudge('.r b,.h span', -0.35)),
    pair('tree-palette', 'same', TREE, tree, css('html{filter:grayscale(1)}'), css('html{filter:grayscale(1)}'), {encode: {form: 'palette', filter: 0}}),
    pair('tree-interlaced', 'same', TREE, tree, {}, {}, {encode: {form: 'rgba', filter: 3, interlace: true}}),
    pair('tree-lines-gone', 'different', TREE, tree, {}, css('.r4 .ind,.r5 .ind{border-color:transparent}')),
    pair('tree-folder-open', 'different', TREE, tree, {}, css('.r1 .ch svg{transform:rotate(90deg)}')),
    pair('tree-file-gone', 'shifted', TREE, tree, {}, css('.r5{display:none}')),
    pair('tree-letter-beside-0.4', 'different', TREE, tree, {}, swap('tide.c', 'tice.c', nudge('.ic', 0.4))),

    pair('cells-figures-0.3', 'antialias-only', CELLS, cells, {}, nudge('.r1 span,.r2 span,.r3 span,.r4 span', 0.3)),
    pair('cells-chosen-0.4', 'antialias-only', CELLS, cells, {}, nudge('.sel', 0.4)),
    pair('cells-column-98.4', 'antialias-only', CELLS, cells, {}, css('.l{grid-template-columns:34px 98.4px repeat(4,80px)}')),
    pair('cells-tabs-0.4', 'antialias-only', CELLS, cells, {}, nudge('.tabs', 0.4)),
    pair('cells-padding-5.3', 'antialias-only', CELLS, cells, {}, css('.l>*{padding:0 5.3px}')),
    pair('cells-digit', 'different', CELLS, cells, {}, swap('1,047', '1,041')),
    pair('cells-handle-gone', 'different', CELLS, cells, {}, css('.sel:after{display:none}')),
    pair('cells-lines', 'different', CELLS, cells, {}, css('.l>*{border-color:#f2f2f2}')),
    pair('cells-tabs-lower', 'shifted', CELLS, cells, {}, css('.tabs{margin-top:11px}')),
    pair('cells-formula-beside-0.3', 'different', CELLS, cells, {}, swap('D2:D40', 'D2;D40', nudge('.r1 span,.r2 span,.r3 span,.r4 span', 0.3))),

    pair('poll-answers-0.35', 'antialias-only', POLL, poll, {}, nudge('.a', 0.35)),
    pair('poll-bars-0.4', 'antialias-only', POLL, poll, {}, nudge('.a i', 0.4)),
    pair('poll-card-0.3', 'antialias-only', POLL, poll, {}, nudge('.c', 0.3, 0.2)),
    pair('poll-face-0.3', 'antialias-only', POLL, poll, {}, nudge('.who i', 0.3, 0.3)),
    pair('poll-votes-dynamic', 'same', POLL, poll, {}, swap('1,284', '1,311'), {dynamic: [[26, 212, 220, 20]]}),
    pair('poll-bar', 'different', POLL, poll, {}, swap('width:45px', 'width:47px')),
    pair('poll-round', 'different', POLL, poll, {}, css('.a{border-radius:8px}')),
    pair('poll-lower', 'shifted', POLL, poll, {}, css('h3{margin-bottom:8px}')),
    pair('poll-share-beside-0.3', 'different', POLL, poll, {}, swap('15 %', '16 %', nudge('.who,h3', 0.3))),

    pair('plans-cards-0.3', 'antialias-only', PLANS, plans, {}, nudge('.p', 0.3)),
    pair('plans-stretched', 'antialias-only', PLANS, plans, {}, css('.g{transform:scale(1.001)}')),
    pair('plans-popular-0.4', 'antialias-only', PLANS, plans, {}, nudge('.hit', -0.4, 0.3)),
    pair('plans-glow', 'different', PLANS, plans, {}, css('.p.mid{box-shadow:0 0 18px rgba(91,108,255,.15)}')),
    pair('plans-fainter', 'different', PLANS, plans, {}, css('.f.no{opacity:.3}')),
    pair('plans-token', 'different', PLANS, plans, {}, css('.mid .b{background:#6a7aff}')),
    pair('plans-semicolon-beside-0.35', 'different', PLANS, plans, {}, swap('tax, billed', 'tax; billed', nudge('.f', 0.35))),

    pair('trip-grain', 'antialias-only', TRIP, trip, {}, otherGrain),
    pair('trip-card-0.4', 'antialias-only', TRIP, trip, {}, nudge('.c', 0.4)),
    pair('trip-dots-0.3', 'antialias-only', TRIP, trip, {}, nudge('.dots,.lab,.like', 0.3)),
    pair('trip-jpeg', 'antialias-only', TRIP, trip, {}, {}, {currentAs: jpeg(95)}),
    pair('trip-darker', 'different', TRIP, trip, {}, css('.c img{filter:brightness(.92)}')),
    pair('trip-strike-gone', 'different', TRIP, trip, {}, css('.pr s{text-decoration:none}')),
    pair('trip-day-beside-grain', 'different', TRIP, trip, {}, swap('4 to 9', '4 to 8', otherGrain)),

    pair('help-greek-0.3', 'antialias-only', HELP, help, {}, nudge('.q span,.ans', 0.3)),
    pair('help-field-0.4', 'antialias-only', HELP, help, {}, nudge('.s', 0.4, 0.2)),
    pair('help-plus-0.3', 'antialias-only', HELP, help, {}, nudge('.q svg', 0.3, 0.3)),
    pair('help-all-0.25', 'antialias-only', HELP, help, {}, nudge('.top,.q,.ans', 0.25)),
    pair('help-stripes', 'antialias-only', HELP, help, {}, {}, {lcd: true}),
    pair('help-accent', 'different', HELP, help, {}, swap('\u03ba\u03c9\u03b4\u03b9\u03ba\u03cc', '\u03ba\u03c9\u03b4\u03b9\u03ba\u03bf')),
    pair('help-underline-gone', 'different', HELP, help, {}, css('.ans a{text-decoration:none}')),
    pair('help-plus', 'different', HELP, help, {}, css('.q1 svg{stroke-width:3.2}')),
    pair('help-answer-longer', 'shifted', HELP, help, {}, css('.ans{margin-bottom:5px}')),
    pair('help-question-beside-0.3', 'different', HELP, help, {}, swap('\u03c3\u03c9;', '\u03c3\u03c9:', nudge('.ans,.q0 span,.q1 span', 0.3))),

    pair('changes-text-0.2', 'antialias-only', CHANGES, changes, {}, nudge('.x,.v b,.v small', 0.2)),
    pair('changes-dots-0.2', 'antialias-only', CHANGES, changes, {}, css('.v:before{translate:.2px .2px}')),
    pair('changes-tags-0.2', 'antialias-only', CHANGES, changes, {}, nudge('.tag,code', 0.2)),
    pair('changes-all-0.2', 'antialias-only', CHANGES, changes, {}, nudge('.w', 0.2, 0.2)),
    pair('changes-new', 'different', CHANGES, changes, {}, css('.tag.new{background:#cdecd8}')),
    pair('changes-lower', 'shifted', CHANGES, changes, {}, css('.v1{padding-bottom:10px}.rail{bottom:16px}')),
    pair('changes-version-beside-0.2', 'different', CHANGES, changes, {}, swap('2.7.6', '2.7.5', nudge('.x,.tag', 0.2))),

    pair('people-rows-0.3', 'antialias-only', PEOPLE, people, {}, nudge('.u,.ro,.bd', 0.3)),
    pair('people-faces-0.4', 'antialias-only', PEOPLE, people, {}, nudge('.av', 0.4, 0.2)),
    pair('people-ticks-0.3', 'antialias-only', PEOPLE, people, {}, nudge('.ck', 0.3, 0.3)),
    pair('people-left-0.3', 'antialias-only', PEOPLE, people, {}, css('.u,.ro{margin-left:.3px}')),
    pair('people-tick-gone', 'different', PEOPLE, people, {}, css('.ck.on{background:#fff;border-color:#aab3c0}')),
    pair('people-accent', 'different', PEOPLE, people, {}, swap('Mor\u00e1n', 'Moran')),
    pair('people-badge-beside-0.4', 'different', PEOPLE, people, {}, css('.av,.ck{transform:translate(.4px)}.bd.Invited{background:#fae6ba}')),
    pair('people-comma-beside-0.35', 'different', PEOPLE, people, {}, swap('Dr. Ewa', 'Dr, Ewa', nudge('.bd,.ro', -0.35))),

    pair('keypad-keys-0.1', 'antialias-only', KEYPAD, keypad, {}, nudge('.k', 0.1)),
    pair('keypad-number-0.15', 'antialias-only', KEYPAD, keypad, {}, nudge('.no', 0.15)),
    pair('keypad-stroke', 'different', KEYPAD, keypad, {}, css('.del svg{stroke-width:2}')),
    pair('keypad-round-beside-0.1', 'different', KEYPAD, keypad, {}, css('.k{transform:translate(.1px)}.k4{border-radius:20px}')),
    pair('keypad-lower', 'shifted', KEYPAD, keypad, {}, css('.no{padding-bottom:3px}')),
];
