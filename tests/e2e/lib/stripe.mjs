// A server that speaks the part of Stripe's API that purchases need, with the checks Stripe makes:
// the key, the form, its members, idempotency. Sends signed events like Stripe's webhooks.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';

import { exchange } from './http.mjs';

const HOOK = '/api/v1/billing/stripe/webhook';
const KEY = 'sk_test_e2e';
const SECRET = 'whsec_e2e';
let events = 0;

function refuse(res, status, message) {
  res.statusCode = status;
  res.end(JSON.stringify({ error: { type: 'invalid_request_error', message } }));
}

function create(state, form, res) {
  const cents = Number(form.get('line_items[0][price_data][unit_amount]'));
  for (const name of ['success_url', 'cancel_url', 'line_items[0][price_data][product_data][name]']) {
    if (!form.get(name)) {
      return refuse(res, 400, `Missing required param: ${name}.`);
    }
  }
  if (form.get('mode') !== 'payment' || form.get('line_items[0][price_data][currency]') !== 'usd'
    || !Number.isInteger(cents) || cents < 50 || form.get('line_items[0][quantity]') !== '1') {
    return refuse(res, 400, 'Invalid line items.');
  }
  const n = state.sessions.length + 1;
  const session = {
    id: `cs_test_${n}`, object: 'checkout.session', amount_total: cents, currency: 'usd', mode: 'payment',
    client_reference_id: form.get('client_reference_id'), customer_email: form.get('customer_email'),
    metadata: { topup_id: form.get('metadata[topup_id]') }, payment_intent: null, payment_status: 'unpaid',
    success_url: form.get('success_url'), status: 'open', url: `${state.url}/pay/cs_test_${n}`,
  };
  state.sessions.push(session);
  return session;
}

export async function startStripe(port) {
  const state = { sessions: [], keys: new Map(), url: `http://127.0.0.1:${port}`, broken: false };
  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => {
      res.setHeader('Content-Type', 'application/json');
      if (state.broken) {
        return refuse(res, 500, 'Something went wrong.');
      }
      if (req.headers.authorization !== `Bearer ${KEY}`) {
        return refuse(res, 401, 'Invalid API Key provided.');
      }
      if (req.method !== 'POST' || req.url !== '/v1/checkout/sessions') {
        return refuse(res, 404, 'Unrecognized request URL.');
      }
      if (req.headers['content-type'] !== 'application/x-www-form-urlencoded') {
        return refuse(res, 400, 'Invalid content type.');
      }
      const key = req.headers['idempotency-key'];
      const body = Buffer.concat(parts).toString();
      const known = state.keys.get(key);
      if (known && known.body !== body) {
        return refuse(res, 400, 'Keys for idempotent requests can only be used with the same parameters.');
      }
      const session = known?.session ?? create(state, new URLSearchParams(body), res);
      state.keys.set(key, { body, session });
      return res.writableEnded ? undefined : res.end(JSON.stringify(session));
    });
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  state.stop = () => { server.closeAllConnections(); server.close(); };
  return state;
}

export function stripeEvent(type, object) {
  events += 1;
  return { id: `evt_${process.pid}_${events}`, object: 'event', type, created: Math.floor(Date.now() / 1000), data: { object } };
}

export function sign(body, at = Math.floor(Date.now() / 1000), secret = SECRET) {
  return `t=${at},v1=${crypto.createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
}

// Sends an event; `more`: url, headers, body instead of the right ones.
export async function sendEvent(event, more = {}) {
  const body = more.body ?? JSON.stringify(event, null, 2);
  const headers = more.headers ?? { 'Stripe-Signature': sign(body) };
  return exchange('POST', HOOK, { body, headers, ...(more.url ? { url: more.url } : {}) });
}

// The buyer pays: what Stripe sends then.
export async function pay(session) {
  const paid = { ...session, payment_status: 'paid', status: 'complete', payment_intent: `pi_${session.id}` };
  const res = await sendEvent(stripeEvent('checkout.session.completed', paid));
  assert.equal(res.status, 200, res.bytes.toString());
  return paid;
}
