// The mail sink of the stack.
import fs from 'node:fs';
import path from 'node:path';

import { until } from './world.mjs';

function folder() {
  return process.env.ASSAY_EMAIL_DIR ?? path.join(process.env.ASSAY_STATE_DIR, 'mail');
}

// Mails to an address, the oldest first: {subject, text, token}.
export function mailsTo(email) {
  const files = fs.existsSync(folder()) ? fs.readdirSync(folder()).filter((f) => f.endsWith('.eml')).sort() : [];
  return files.map((f) => fs.readFileSync(path.join(folder(), f), 'utf8'))
    .filter((raw) => raw.includes(`\r\nTo: <${email}>\r\n`))
    .map((raw) => ({
      raw,
      subject: /\r\nSubject: (.*)\r\n/.exec(raw)[1],
      token: /https?:\/\/\S+\?token=([A-Za-z0-9_]+)/.exec(raw)?.[1],
      link: /https?:\/\/\S+\?token=[A-Za-z0-9_]+/.exec(raw)?.[0],
    }));
}

// The `n`-th mail to the address whose subject matches.
export function mail(email, subject, n = 1) {
  return until(`mail to ${email}: ${subject}`, () => mailsTo(email).filter((m) => subject.test(m.subject))[n - 1]);
}
