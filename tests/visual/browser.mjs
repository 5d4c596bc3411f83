// SPDX-License-Identifier: Apache-2.0
//
// Screenshots from headless Chromium over its debugging pipe; nothing of it depends on the clock or the network.
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-pipe',
    '--font-render-hinting=none', '--force-color-profile=srgb',  '--no-first-run',
    '--disable-extensions', '--disable-background-networking', '--disable-dev-shm-usage'];

// Settings of fonts for a flat screen with red, green and blue stripes.
export function stripes() {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'assay-fonts-')), 'fonts.conf');
    const set = (name, value) => `<edit name="${name}" mode="assign"><${value[0]}>${value[1]}</${value[0]}></edit>`;
    fs.writeFileSync(file, `<?xml version="1.0"?><fontconfig><include>/etc/fonts/fonts.conf</include><match target="font">
${set('antialias', ['bool', 'true'])}${set('rgba', ['const', 'rgb'])}${set('lcdfilter', ['const', 'lcddefault'])}</match>
<match target="pattern">${set('rgba', ['const', 'rgb'])}</match></fontconfig>`);
    return file;
}

// Letters are smoothed in grey unless `more` says otherwise.
export async function openBrowser(more = ['--disable-lcd-text'], env = {}) {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'assay-cases-'));
    const child = spawn(process.env.CHROMIUM ?? 'chromium', [...FLAGS, ...more, `--user-data-dir=${profile}`],
        {env: {...process.env, ...env}, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']});
    const waiting = new Map();
    let next = 1;
    let tail = Buffer.alloc(0);
    let onEvent = () => {};
    child.stdio[4].on('data', (data) => {
        tail = Buffer.concat([tail, data]);
        for (let end = tail.indexOf(0); end >= 0; end = tail.indexOf(0)) {
            const message = JSON.parse(tail.subarray(0, end).toString());
            tail = tail.subarray(end + 1);
            const call = waiting.get(message.id);
            waiting.delete(message.id);
            if (call === undefined) {
                onEvent(message);
            } else if (message.error) {
                call.reject(new Error(`${call.method}: ${message.error.message}`));
            } else {
                call.resolve(message.result);
            }
        }
    });
    child.on('exit', () => waiting.forEach((call) => call.reject(new Error('the browser ended'))));
    let sessionId;
    const send = (method, params = {}) => new Promise((resolve, reject) => {
        waiting.set(next, {resolve, reject, method});
        child.stdio[3].write(JSON.stringify({id: next++, method, params, sessionId}) + '\0');
    });
    const {targetId} = await send('Target.createTarget', {url: 'about:blank'});
    sessionId = (await send('Target.attachToTarget', {targetId, flatten: true})).sessionId;
    await send('Page.enable');
    const {frameTree} = await send('Page.getFrameTree');

    // Shows the document in a window of the size, runs the expression `paint` in it and takes its picture; `image` as
    // Page.captureScreenshot has it.
    const shoot = async (html, {width, height, scale = 1}, image = {format: 'png'}, paint = '0') => {
        await send('Emulation.setDeviceMetricsOverride', {width, height, deviceScaleFactor: scale, mobile: false});
        const loaded = new Promise((resolve) => { onEvent = (e) => e.method === 'Page.loadEventFired' && resolve(); });
        await send('Page.setDocumentContent', {frameId: frameTree.frame.id, html});
        await loaded;
        await send('Runtime.evaluate', {awaitPromise: true, expression:
            `document.fonts.ready.then(() => Promise.all([...document.images].map((i) => i.decode()))).then(() => ${paint})` +
            '.then(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))))'});
        return Buffer.from((await send('Page.captureScreenshot', image)).data, 'base64');
    };
    const evaluate = async (expression) =>
        (await send('Runtime.evaluate', {expression, awaitPromise: true, returnByValue: true})).result.value;
    const close = async () => {
        const ended = new Promise((resolve) => child.on('exit', resolve));
        sessionId = undefined;
        await send('Browser.close').catch(() => {});
        await ended;
        fs.rmSync(profile, {recursive: true, force: true});
    };
    return {shoot, evaluate, close};
}
