// A stand-in for the part of GitHub's REST API that webhooks calls, with its rules: token, known
// commits, states, lengths, pages. Source: docs.github.com, "Commit statuses", "Issue comments".
import http from 'node:http';

const STATES = ['error', 'failure', 'pending', 'success'];

export async function startGithub({ port, token, repo, commits, pulls }) {
  const state = { statuses: [], comments: [], requests: [], nextId: 1000, failNext: 0 };
  const reply = (res, status, json, headers = {}) => {
    res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
    res.end(json === null ? '' : JSON.stringify(json));
  };
  const invalid = (res, message) => reply(res, 422, { message, documentation_url: 'https://docs.github.com/rest' });

  function addStatus(res, sha, body) {
    if (!commits.includes(sha)) {
      return invalid(res, `No commit found for SHA: ${sha}`);
    }
    if (!STATES.includes(body.state) || (body.description ?? '').length > 140) {
      return invalid(res, 'Validation Failed');
    }
    const made = { id: (state.nextId += 1), sha, ...body };
    state.statuses.push(made);
    return reply(res, 201, made);
  }

  function listComments(res, pull, query) {
    const per = Math.min(Number(query.get('per_page') ?? 30), 100);
    const page = Number(query.get('page') ?? 1);
    return reply(res, 200, state.comments.filter((c) => c.pull === pull).slice((page - 1) * per, page * per));
  }

  function handle(req, res, text) {
    const url = new URL(req.url, 'http://github.test');
    state.requests.push(`${req.method} ${url.pathname}`);
    if (req.headers.authorization !== `Bearer ${token}`) {
      return reply(res, 401, { message: 'Bad credentials' });
    }
    if (!req.headers['user-agent']) {
      return reply(res, 403, { message: 'Request forbidden by administrative rules.' });
    }
    if (state.failNext > 0) {
      state.failNext -= 1;
      return reply(res, 502, { message: 'Server Error' });
    }
    const base = `/repos/${repo}`;
    if (!url.pathname.startsWith(`${base}/`)) {
      return reply(res, 404, { message: 'Not Found' });
    }
    const body = text === '' ? {} : JSON.parse(text);
    const at = url.pathname.slice(base.length);
    const is = (method, pattern) => (req.method === method ? pattern.exec(at) : null);
    let m;
    if ((m = is('POST', /^\/statuses\/([0-9a-f]+)$/))) {
      return addStatus(res, m[1], body);
    }
    if ((m = is('GET', /^\/commits\/([0-9a-f]+)\/pulls$/))) {
      return reply(res, 200, pulls.filter((p) => p.sha === m[1]));
    }
    if ((m = is('GET', /^\/issues\/(\d+)\/comments$/))) {
      return listComments(res, Number(m[1]), url.searchParams);
    }
    if ((m = is('POST', /^\/issues\/(\d+)\/comments$/))) {
      const made = { id: (state.nextId += 1), pull: Number(m[1]), body: body.body, edits: 0 };
      state.comments.push(made);
      return reply(res, 201, made);
    }
    if ((m = is('PATCH', /^\/issues\/comments\/(\d+)$/))) {
      const comment = state.comments.find((c) => c.id === Number(m[1]));
      if (!comment) {
        return reply(res, 404, { message: 'Not Found' });
      }
      comment.body = body.body;
      comment.edits += 1;
      return reply(res, 200, comment);
    }
    return reply(res, 404, { message: 'Not Found' });
  }

  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => handle(req, res, Buffer.concat(parts).toString('utf8')));
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return { ...state, state, stop: () => { server.closeAllConnections(); server.close(); } };
}
