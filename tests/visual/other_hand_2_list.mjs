// SPDX-License-Identifier: Apache-2.0
//
// The list `other_hand_2`, of other pages than `other_hand_1` and drawn apart from it: about as many small changes that somebody
// wants to be told as pairs in which there is nothing to review.
import {at, jpeg, nudge, pair} from './pair.mjs';
import {boarding, charts, flights, forum, gallery, gantt, kanban, metro, prefs, review, signup, survey, weather} from './other_hand_2_pages.mjs';

const FLIGHTS = {width: 560, height: 204}, KANBAN = {width: 560, height: 258}, SIGNUP = {width: 400, height: 330}, METRO = {width: 470, height: 280};
const REVIEW = {width: 540, height: 250}, GANTT = {width: 600, height: 220}, GALLERY = {width: 384, height: 160}, BOARDING = {width: 480, height: 196};
const FORUM = {width: 480, height: 280}, PREFS = {width: 280, height: 130, scale: 3}, WEATHER = {width: 320, height: 184, scale: 2};
const SURVEY = {width: 400, height: 300}, CHARTS = {width: 480, height: 166};

const css = (text) => ({css: text});
const swap = (from, to, more = {}) => ({...more, swap: {[from]: to}});
const otherGrain = {photos: [{take: 5}, {take: 6}, {take: 7}]};

export const otherHand2 = [
    pair('flights-text-0.3', 'antialias-only', FLIGHTS, flights, {}, nudge('.r span', 0.3)),
    pair('flights-rows-0.5', 'antialias-only', FLIGHTS, flights, {}, nudge('.r', 0.5)),
    pair('flights-title-0.6', 'antialias-only', FLIGHTS, flights, {}, nudge('.t span', 0.6)),
    pair('flights-clock-dynamic', 'same', FLIGHTS, flights, {}, swap('07:36', '07:41'), {dynamic: [[484, 8, 64, 28]]}),
    pair('flights-zero', 'different', FLIGHTS, flights, {}, swap('TROMSO', 'TROMS0')),
    pair('flights-dots', 'different', FLIGHTS, flights, {}, swap('K\u00d6LN', 'KOLN')),
    pair('flights-lines-gone', 'different', FLIGHTS, flights, {}, css('.r{border-color:#0a0a0a}')),
    pair('flights-row-gone', 'shifted', FLIGHTS, flights, {}, css('.r1{display:none}')),
    pair('flights-gate-beside-0.3', 'different', FLIGHTS, flights, {}, swap('GATE 17', 'GATE 11', nudge('.r0 span,.r1 span,.r2 span,.r3 span', 0.3))),

    pair('kanban-cards-0.35', 'antialias-only', KANBAN, kanban, {}, nudge('.k', 0.35)),
    pair('kanban-lifted-0.4', 'antialias-only', KANBAN, kanban, {}, nudge('.k.up', 0, 0.4)),
    pair('kanban-columns-0.25', 'antialias-only', KANBAN, kanban, {}, nudge('.c', 0.25, 0.25)),
    pair('kanban-faces-0.3', 'antialias-only', KANBAN, kanban, {}, nudge('.face,.lab', -0.3)),
    pair('kanban-lift', 'different', KANBAN, kanban, {}, css('.k.up{box-shadow:0 6px 14px rgba(30,40,60,.1)}')),
    pair('kanban-round', 'different', KANBAN, kanban, {}, css('.k{border-radius:2px}')),
    pair('kanban-edges', 'different', KANBAN, kanban, {}, css('.k:not(.up){border-color:#fff}')),
    pair('kanban-card-lower', 'shifted', KANBAN, kanban, {}, css('.k21{position:relative;top:6px}')),
    pair('kanban-edge-beside-0.4', 'different', KANBAN, kanban, {}, css('.k00,.k01,.k20{transform:translate(.4px)}.k11{border-color:#c3cddb}')),

    pair('signup-fields-0.3', 'antialias-only', SIGNUP, signup, {}, nudge('.in', 0.3)),
    pair('signup-ring-0.4', 'antialias-only', SIGNUP, signup, {}, nudge('.in.on', 0.4, 0.3)),
    pair('signup-steps-0.35', 'antialias-only', SIGNUP, signup, {}, nudge('.n', 0.35)),
    pair('signup-buttons-0.45', 'antialias-only', SIGNUP, signup, {}, nudge('.bt span', -0.45)),
    pair('signup-labels-0.3', 'antialias-only', SIGNUP, signup, {}, css('label{margin-left:.3px}.err{margin-left:.4px}')),
    pair('signup-opacity', 'different', SIGNUP, signup, {}, css('.bt .off{opacity:.8}')),
    pair('signup-ring-away', 'different', SIGNUP, signup, {}, css('.in.on{outline-offset:2px}')),
    pair('signup-mark-gone', 'different', SIGNUP, signup, {}, css('.err svg{visibility:hidden}')),
    pair('signup-star-gone', 'different', SIGNUP, signup, {}, swap('Last name <b>*</b>', 'Last name')),
    pair('signup-town-lighter', 'different', SIGNUP, signup, {}, css('.ph{color:#a9b3bb}')),
    pair('signup-lower', 'shifted', SIGNUP, signup, {}, css('.err{margin-top:5px}')),
    pair('signup-stop-beside-0.3', 'different', SIGNUP, signup, {}, swap('please.', 'please', nudge('label', 0.3))),

    pair('metro-all-0.3', 'antialias-only', METRO, metro, {}, nudge('svg', 0.3)),
    pair('metro-stops-0.4', 'antialias-only', METRO, metro, {}, css('.s{translate:.4px}')),
    pair('metro-lines-0.25', 'antialias-only', METRO, metro, {}, css('path{translate:.25px .25px}')),
    pair('metro-key-0.5', 'antialias-only', METRO, metro, {}, nudge('.key', 0.5)),
    pair('metro-blue-wider', 'different', METRO, metro, {}, css('.blue{stroke-width:8px}')),
    pair('metro-green', 'different', METRO, metro, {}, css('.green{stroke:#2a8838}')),
    pair('metro-name', 'different', METRO, metro, {}, swap('>Hafen<', '>H\u00e4fen<')),
    pair('metro-stop-thinner', 'different', METRO, metro, {}, css('.s4{stroke-width:1.5px}')),
    pair('metro-key-moved', 'shifted', METRO, metro, {}, css('.key{left:18px}')),
    pair('metro-number-beside-0.3', 'different', METRO, metro, {}, swap('U2', 'U3', css('svg{transform:translate(.3px)}'))),

    pair('review-code-0.3', 'antialias-only', REVIEW, review, {}, nudge('em', 0.3)),
    pair('review-stripes', 'antialias-only', REVIEW, review, {}, {}, {lcd: true}),
    pair('review-interlaced', 'same', REVIEW, review, {}, {}, {encode: {form: 'rgba', filter: 1, interlace: true}}),
    pair('review-say-lower', 'shifted', REVIEW, review, {}, css('.say{margin-top:13px}')),
    pair('review-three-beside-0.3', 'different', REVIEW, review, {}, swap('",", 3)', '",", 8)', nudge('.l0 em,.l1 em,.l4 em,.l5 em,.say', 0.3))),

    pair('gantt-bars-0.4', 'antialias-only', GANTT, gantt, {}, nudge('.bar', 0.4)),
    pair('gantt-bars-down-0.3', 'antialias-only', GANTT, gantt, {}, nudge('.bar', 0, 0.3)),
    pair('gantt-weeks-0.35', 'antialias-only', GANTT, gantt, {}, nudge('.v', 0.35)),
    pair('gantt-mile-0.4', 'antialias-only', GANTT, gantt, {}, css('.mile{translate:.4px}')),
    pair('gantt-now-0.5', 'antialias-only', GANTT, gantt, {}, nudge('.now', 0.5)),
    pair('gantt-palette', 'same', GANTT, gantt, css('html{filter:grayscale(1)}'), css('html{filter:grayscale(1)}'), {encode: {form: 'palette', filter: 0}}),
    pair('gantt-bar-longer', 'different', GANTT, gantt, {}, swap('width:120px', 'width:121px')),
    pair('gantt-done', 'different', GANTT, gantt, {}, css('.done{background:rgba(0,0,0,.1)}')),
    pair('gantt-gradient', 'different', GANTT, gantt, {}, swap('#c7913f', '#b98331')),
    pair('gantt-mile-lower', 'shifted', GANTT, gantt, {}, swap('left:536px;top:163px', 'left:536px;top:167px')),
    pair('gantt-round-beside-0.3', 'different', GANTT, gantt, {}, css('.n,.h span,.now{transform:translate(.3px)}.bar{border-radius:7px}')),

    pair('gallery-tiles-0.4', 'antialias-only', GALLERY, gallery, {}, nudge('.t', 0.4)),
    pair('gallery-sixteen-bits', 'same', GALLERY, gallery, {}, {}, {encode: {form: 'rgb16', filter: 4}}),
    pair('gallery-hat-beside-grain', 'different', GALLERY, gallery, {}, swap('>Hut<', '>Hat<', otherGrain)),

    pair('boarding-pass-0.3', 'antialias-only', BOARDING, boarding, {}, nudge('.p', 0.3)),
    pair('boarding-fields-0.4', 'antialias-only', BOARDING, boarding, {}, nudge('.f', -0.4)),
    pair('boarding-cut-0.4', 'antialias-only', BOARDING, boarding, {}, nudge('.cut', 0.4)),
    pair('boarding-arrow-0.3', 'antialias-only', BOARDING, boarding, {}, css('.icon{translate:.3px .2px}')),
    pair('boarding-encoder', 'same', BOARDING, boarding, {}, {}, {encode: {form: 'rgb', filter: 5}}),
    pair('boarding-square', 'different', BOARDING, boarding, {}, css('rect:nth-of-type(117){display:none}')),
    pair('boarding-stroke', 'different', BOARDING, boarding, {}, swap('Bj\u00f8rnsen', 'Bjornsen')),
    pair('boarding-shadow', 'different', BOARDING, boarding, {}, css('.p{box-shadow:0 3px 10px rgba(20,40,70,.06)}')),
    pair('boarding-gate-beside-0.3', 'different', BOARDING, boarding, {}, swap('E31', 'F31', nudge('.f0,.f1,.f3', 0.3))),

    pair('forum-arabic-0.3', 'antialias-only', FORUM, forum, {}, nudge('.a2 .x', 0.3)),
    pair('forum-greek-0.35', 'antialias-only', FORUM, forum, {}, nudge('.a0 .x,.a1 .x', 0.35)),
    pair('forum-spacing-0.01', 'antialias-only', FORUM, forum, {}, css('.x{letter-spacing:.01px}')),
    pair('forum-votes-ignored', 'same', FORUM, forum, {}, {swap: {'</svg>12': '</svg>13', '</svg>8': '</svg>9'}}, {ignore: [[12, 60, 40, 164]]}),
    pair('forum-accent', 'different', FORUM, forum, {}, swap('\u03ae\u03c1\u03b8\u03b5', '\u03b7\u03c1\u03b8\u03b5')),
    pair('forum-short-i', 'different', FORUM, forum, {}, swap('\u041c\u043e\u0439', '\u041c\u043e\u0438')),
    pair('forum-arabic-dot', 'different', FORUM, forum, {}, swap('\u0628\u0639\u062f', '\u064a\u0639\u062f')),
    pair('forum-answer-gone', 'shifted', FORUM, forum, {}, css('.a1{display:none}')),
    pair('forum-votes-beside-0.3', 'different', FORUM, forum, {}, swap('</svg>8', '</svg>9', nudge('.x', 0.3))),

    pair('prefs-slider-0.15', 'antialias-only', PREFS, prefs, {}, nudge('.sl', 0.15)),
    pair('prefs-labels-0.1', 'antialias-only', PREFS, prefs, {}, nudge('.lab', 0.1)),
    pair('prefs-switch-0.15', 'antialias-only', PREFS, prefs, {}, nudge('.sw', -0.15, 0.1)),
    pair('prefs-choice', 'different', PREFS, prefs, {}, css('.seg .on{background:#6f6f74}')),
    pair('prefs-line-gone', 'different', PREFS, prefs, {}, css('.r.last{border-color:#1c1c1e}')),
    pair('prefs-choices-0.2', 'antialias-only', PREFS, prefs, {}, nudge('.seg span', 0.2)),
    pair('prefs-switch-on', 'different', PREFS, prefs, {}, css('.sw{background:#30d158}.sw i{left:18px}')),
    pair('prefs-strokes', 'different', PREFS, prefs, {}, css('.icon{stroke-width:2}')),

    pair('weather-temperature-0.3', 'antialias-only', WEATHER, weather, {}, nudge('.t', 0.3)),
    pair('weather-glass', 'different', WEATHER, weather, {}, css('.glass{background:rgba(255,255,255,.36)}')),

    pair('survey-all-0.3', 'antialias-only', SURVEY, survey, {}, nudge('.w', 0.3)),
    pair('survey-stars-0.25', 'antialias-only', SURVEY, survey, {}, nudge('.icon', 0.25)),
    pair('survey-scale-0.35', 'antialias-only', SURVEY, survey, {}, nudge('.sc', 0.35)),
    pair('survey-end-0.65', 'antialias-only', SURVEY, survey, {}, nudge('.end', 0.65)),
    pair('survey-stretched', 'antialias-only', SURVEY, survey, {}, css('.w{transform:scale(1.0006)}')),
    pair('survey-share', 'different', SURVEY, survey, {}, css('.p i{width:41%}')),
    pair('survey-comma', 'different', SURVEY, survey, {}, swap('at all, 10', 'at all. 10')),
    pair('survey-scale-lower', 'shifted', SURVEY, survey, {}, css('.sc{margin-top:10px}')),
    pair('survey-eight-beside-0.3', 'different', SURVEY, survey, {}, swap('10 very', '18 very', nudge('h3,.c span', 0.3))),

    pair('charts-ring-0.3', 'antialias-only', CHARTS, charts, {}, css('.share{translate:.3px .2px}')),
    pair('charts-columns-0.35', 'antialias-only', CHARTS, charts, {}, css('rect{translate:.35px}')),
    pair('charts-trend-0.3', 'antialias-only', CHARTS, charts, {}, css('.trend{translate:.3px .2px}')),
    pair('charts-stretched', 'antialias-only', CHARTS, charts, {}, css('.g{transform:scale(1.0008)}')),
    pair('charts-jpeg', 'antialias-only', CHARTS, charts, {}, {}, {currentAs: jpeg(96)}),
    pair('charts-column', 'different', CHARTS, charts, {}, swap('y="38" width="13" height="20" fill="#f28e2b"', 'y="37" width="13" height="21" fill="#f28e2b"')),
    pair('charts-grid-gone', 'different', CHARTS, charts, {}, css('.grid{stroke:#fff}')),
    pair('charts-semicolon', 'different', CHARTS, charts, {}, swap('thousands;', 'thousands,')),
    pair('charts-ship-beside-0.35', 'different', CHARTS, charts, {}, swap('</i>Ship', '</i>Shop', css('rect{translate:.35px}'))),
];
